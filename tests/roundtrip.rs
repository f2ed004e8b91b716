//! History out of one instance and into another: the same, bit for bit, whatever its names, values and times.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;

use common::remote::{now_ms, series, write};
use common::{Folder, Service};
use serde_json::Value;

const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[store]\nout_of_order = \"1d\"\n";
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
const GO_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// Names of metrics that are words elsewhere, or no plain names.
const NAMES: [&str; 14] = [
    "up",
    ":rule:sum",
    "on",
    "by",
    "inf",
    "nan",
    "bool",
    "series",
    "my.metric",
    "name with space",
    "größe",
    "\u{feff}bom",
    "a\"b\\c\nd,e",
    "1st",
];
/// Values of labels that are easily got wrong.
const TEXTS: [&str; 22] = [
    "zero\u{200b}width",
    "e\u{301}",
    "nbsp\u{a0}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{1f468}\u{200d}\u{1f469}",
    "\"",
    "\\",
    "\\n",
    "\n",
    "\r",
    "\r\n",
    "a,b",
    "\u{feff}",
    "\0",
    "\t",
    "{}",
    "=\"x\"",
    " ",
    "\u{2028}",
    "\u{fffd}",
    "\u{10ffff}",
];

fn fill(service: &Service) -> usize {
    let now = now_ms();
    let values = [1.0, STALE, -0.0, f64::INFINITY, f64::NEG_INFINITY, GO_NAN, f64::NAN, -f64::NAN, 5e-324, 0.1 + 0.2, f64::MAX];
    let samples: Vec<(i64, f64)> = values.iter().enumerate().map(|(at, v)| (now - 60_000 + at as i64 * 1_001, *v)).collect();
    let gone = [(now - 60_000, 1.0), (now - 30_000, STALE)];
    let raw: Vec<u8> = NAMES
        .iter()
        .map(|name| series(&[("__name__", name), ("x", "1")], &samples))
        .chain(TEXTS.iter().map(|text| series(&[("__name__", "text"), ("x", text)], &samples)))
        .chain(TEXTS.iter().map(|text| series(&[("__name__", "label"), ("x", "1"), (text, "1")], &samples)))
        .chain([series(&[("__name__", "gone"), ("x", "1")], &gone)])
        .flatten()
        .collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap(), (204, String::new()));
    (NAMES.len() + 2 * TEXTS.len()) * values.len() + gone.len()
}

fn exported(service: &Service, format: &str) -> Vec<String> {
    let request = service.client.get(service.url("/api/v1/export")).query(&[("match[]", "{x!=\"\"}"), ("format", format)]);
    let text = request.send().unwrap().text().unwrap();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn whatever_was_written_comes_back_from_each_format_bit_for_bit() {
    let folder = Folder::with_settings(QUIET);
    let from = folder.start_with(&["--data-dir", "from"], &[]);
    let written = fill(&from);
    let original = ["jsonl", "csv"].map(|format| exported(&from, format));
    assert_eq!(original[1].len(), written + 2, "a line for each sample, the names of the columns, and the end");
    assert!(from.query("gone").is_empty(), "it has ended");
    for format in ["jsonl", "csv"] {
        let to = folder.start_with(&["--data-dir", &format!("to-{format}")], &[]);
        let file = format!("history.{format}");
        let port = from.port.to_string();
        let (code, output) = folder.run(&["--port", &port, "export", "--match", "{x!=\"\"}", "--format", format, "-o", &file], &[]);
        assert_eq!(code, Some(0), "{output}");
        let (code, output) = folder.run(&["--port", &to.port.to_string(), "import", &file], &[]);
        assert_eq!(code, Some(0), "{format}: {output}");
        assert!(output.contains(&format!("{written} samples")), "{format}: {output}");
        assert_eq!(["jsonl", "csv"].map(|format| exported(&to, format)), original, "through {format}");
        assert!(to.query("gone").is_empty(), "{format}: a series that has ended has ended there too");
        assert_eq!(to.stop(), Some(0));
    }
}

#[test]
fn what_other_tools_write_is_read() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    let now = now_ms() - 60_000;
    let seconds = now as f64 / 1e3;
    let import = |format: &str, text: String| {
        let response = service.client.post(service.url(&format!("/api/v1/import?format={format}"))).body(text).send().unwrap();
        let (status, body): (_, Value) = (response.status().as_u16(), response.json().unwrap());
        assert_eq!(status, 200, "{format}: {body}");
    };
    let victoria = format!(r#"{{"metric":{{"__name__":"vm"}},"values":[1,null],"timestamps":[{},{now}]}}"#, now - 30_000);
    import("jsonl", victoria);
    assert!(service.query("vm").is_empty() && service.query("count_over_time(vm[5m])").len() == 1, "null is a stale marker");
    import("csv", format!("\u{feff}\"series\",\"time\",\"value\"\r\n\"csv{{a=\"\"b,c\"\"}}\",\"{seconds}\",\"2\"\r\ncsv,{seconds},3\r\n"));
    assert_eq!((service.query("csv{a=\"b,c\"}").len(), service.query("csv").len()), (1, 2));
    import(
        "openmetrics",
        format!("# HELP esc l1\\nl2 \\\"q\\\"\n# TYPE esc gauge\nesc{{route=\"g\\u003c/w\",path=\"C:\\temp\\dir\"}} 1 {seconds}\n"),
    );
    let labels = service.query("esc")[0]["metric"].clone();
    assert_eq!((labels["route"].as_str(), labels["path"].as_str()), (Some("g\\u003c/w"), Some("C:\\temp\\dir")));
    assert_eq!(service.data("/api/v1/metadata?metric=esc")["esc"][0]["help"], "l1\nl2 \"q\"");
    import("prometheus", format!("# TYPE \"a b\" untyped\n{{\"a b\",x=\"1\"}} Infinity {now}\n"));
    assert_eq!(service.query("{\"a b\"}")[0]["value"][1], "+Inf");
    assert_eq!(service.data("/api/v1/metadata?metric=a%20b")["a b"][0]["type"], "unknown");
    // A field that continues in the next line, just where the command line client would begin another part.
    let mut text = format!("multi,{seconds},1\n").repeat((1 << 20) / format!("multi,{seconds},1\n").len());
    text += &format!("\"wide{{a=\"\"{}\n{}\"\"}}\",{seconds},1\n", "x".repeat(200), "y".repeat(200));
    fs::write(folder.path().join("wide.csv"), text).unwrap();
    let (code, output) = folder.run(&["--port", &service.port.to_string(), "import", "wide.csv"], &[]);
    assert_eq!(code, Some(0), "{output}");
    assert!(service.query("wide")[0]["metric"]["a"].as_str().unwrap().contains("x\ny"));
}
