use proptest::prelude::*;
use taskpulse_engine::model::{Columns, SeriesId};
use taskpulse_engine::store::{SeriesColumns, StoreOptions};

use super::*;
use crate::export;

const OPEN: Format = Format::Text(exposition::Format::OpenMetrics);
const PLAIN: Format = Format::Text(exposition::Format::Prometheus);

/// What was kept, and what was wrong.
fn rows(format: Format, text: &str) -> (Vec<(String, TimestampMs, u64)>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions { retention_ms: i64::MAX / 4, ..StoreOptions::default() }, now_ms()).unwrap();
    let (resolved, problems, _) = resolve(&store, format, text, 100, &mut Metadata::default());
    let stored = store.append_resolved(resolved, now_ms()).unwrap();
    let name = |id: &SeriesId| store.labels(*id).map(|labels| serde_json::to_string(&labels).unwrap()).unwrap_or_default();
    let rows = stored.ids.iter().zip(stored.times.iter().zip(&stored.values)).map(|(id, (t, v))| (name(id), *t, v.to_bits()));
    (rows.collect(), problems)
}

fn take(format: Format, text: &str) -> (usize, Vec<String>) {
    let (rows, problems) = rows(format, text);
    assert!(rows.iter().all(|row| row.1 / 1_000 == 1_764_000_000), "{rows:?}");
    (rows.len(), problems)
}

#[test]
fn lines_of_each_format_are_taken() {
    let json = r#"{"metric":{"__name__":"up","job":"a\"b"},"values":[1,"NaN"],"timestamps":[1764000000000,1764000000500]}"#;
    assert_eq!(take(Format::JsonLines, &format!("\u{feff}{json}\r\n\n")), (2, vec![]));
    let csv = "\u{feff}series,time,value\r\n\"up{job=\"\"a,b\"\"}\",1764000000,1\nup,2025-11-24T16:00:00Z,+Inf\n\"up{job=\"\"\"\"}\",\"1764000000\", 1 \n";
    assert_eq!(take(Format::Csv, csv), (3, vec![]));
    let text = "# TYPE up gauge\nup{job=\"a } b\",x=\"\\\"\"} 1 1764000000.25\nup 2 1764000000 # {trace=\"1\"} 0.5\n# EOF\n";
    assert_eq!(take(OPEN, text), (2, vec![]));
    assert_eq!(take(PLAIN, "# HELP up x\nup{job=\"a\",} 1 1764000000250\n"), (1, vec![]));
}

#[test]
fn a_wrong_line_is_named_and_the_others_are_kept() {
    let json = r#"{"metric":{"__name__":"up"},"values":[1],"timestamps":[1764000000000]}"#;
    for (format, wrong, good, part) in [
        (Format::JsonLines, "{", json, "line 101: EOF"),
        (Format::JsonLines, r#"{"metric":{"__name__":"up"},"values":[1,2],"timestamps":[1]}"#, "", "2 values and 1 timestamps"),
        (Format::JsonLines, r#"{"metric":{"job":"up"},"values":[],"timestamps":[]}"#, "", "metric name"),
        (
            Format::JsonLines,
            r#"{"metric":{"__name__":"up","a":"1","a":"2"},"values":[1],"timestamps":[1764000000000]}"#,
            json,
            "`a` is given twice",
        ),
        (Format::JsonLines, r#"{"metric":{"__name__":"\ud800"},"values":[],"timestamps":[]}"#, "", "line 101: "),
        (Format::JsonLines, r#"{"metric":{"__name__":"up"},"values":["1_0"],"timestamps":[1]}"#, "", "\"1_0\""),
        (Format::Csv, "\"up", "up,1764000000,1", "not `"),
        (Format::Csv, "up,soon,1", "up,1764000000,1", "`soon` is not a time"),
        (Format::Csv, "up,1764000000,many", "up,1764000000,1", "`many` is not a number"),
        (Format::Csv, "up,1764000000,", "up,1764000000,1", "`` is not a number"),
        (Format::Csv, "up,1764000000,1e999", "up,1764000000,1", "`1e999` is not a number"),
        (Format::Csv, "up,1764000000,1,2", "up,1764000000,1", "not `"),
        (Format::Csv, r#""up{a=""\t""}",1764000000,1"#, "up,1764000000,1", r"`\t` is no escape"),
        (Format::Csv, r#""up{a=""\u{200b}""}",1764000000,1"#, "up,1764000000,1", r"`\u` is no escape"),
        (Format::Csv, "my.metric,1764000000,1", "up,1764000000,1", "no metric name"),
        (OPEN, "up 1", "up 1 1764000000", "the time is missing"),
        (OPEN, "up{job=\"a\" 1 1", "up 1 1764000000", "the labels do not end"),
        (OPEN, "up 1 2025-11-24T16:00:00Z", "up 1 1764000000", "is not a time"),
        (PLAIN, "up 1 1764000000.5", "up 1 1764000000000", "`1764000000.5` is not a time"),
        (PLAIN, "a-b 1 1", "up 1 1764000000000", "no metric name"),
    ] {
        let (kept, problems) = take(format, &format!("{wrong}\n{good}"));
        assert_eq!((kept, problems.len()), (usize::from(!good.is_empty()), 1), "{wrong}: {problems:?}");
        assert!(problems[0].starts_with("line 101: ") && problems[0].contains(part), "{wrong}: {problems:?}");
    }
}

#[test]
fn escapes_of_the_text_formats_are_theirs_and_not_those_of_queries() {
    let text = r#"esc{route="g\u003c/w",path="C:\temp\dir",both="\\n\n\""} 1 "#;
    for (format, time) in [(OPEN, "1764000000"), (PLAIN, "1764000000000")] {
        let (rows, problems) = rows(format, &format!("{text}{time}\n"));
        assert_eq!(problems, [""; 0]);
        assert_eq!(rows[0].0, r#"{"__name__":"esc","both":"\\n\n\"","path":"C:\\temp\\dir","route":"g\\u003c/w"}"#);
    }
}

#[test]
fn values_of_victoria_metrics_are_read() {
    let line = r#"{"metric":{"__name__":"up"},"values":[1,null,"Infinity","-Infinity","NaN"],"timestamps":[1,2,3,4,5]}"#;
    let bits: Vec<u64> = rows(Format::JsonLines, line).0.iter().map(|row| row.2).collect();
    assert_eq!(
        bits,
        [1f64.to_bits(), STALE_NAN_BITS, f64::INFINITY.to_bits(), f64::NEG_INFINITY.to_bits(), f64::NAN.to_bits()],
        "null is a stale marker"
    );
}

/// Texts that are easily got wrong.
fn odd_text() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "on",
        "inf",
        "nan",
        "bool",
        "by",
        "series",
        "a",
        "1",
        " ",
        "\u{feff}",
        "\u{200b}",
        "e\u{301}",
        "\u{a0}",
        "\u{1b}[31m",
        "\u{7f}",
        "\\n",
        "\\",
        "\"",
        "\n",
        "\r",
        "\r\n",
        ",",
        "{}",
        "=",
        "\0",
        "#",
        "\u{1f468}\u{200d}\u{1f469}",
        "\u{fffd}",
        "\u{2028}",
    ];
    prop_oneof![any::<String>(), "[a-z_:]{1,4}", prop::collection::vec(prop::sample::select(ODD), 1..6).prop_map(|parts| parts.concat())]
}

fn odd_value() -> impl Strategy<Value = f64> {
    let nan = (1u64..1 << 52, any::<bool>()).prop_map(|(payload, sign)| payload | 0x7ff0_0000_0000_0000 | u64::from(sign) << 63);
    let special = [STALE_NAN_BITS, 0x7ff8_0000_0000_0001, f64::NAN.to_bits(), (-0.0f64).to_bits(), f64::INFINITY.to_bits(), 1];
    prop_oneof![any::<u64>(), nan, prop::sample::select(special.to_vec()), any::<i32>().prop_map(|i| f64::from(i).to_bits())]
        .prop_map(f64::from_bits)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn what_is_exported_and_imported_is_the_same_bit_for_bit(
        series in prop::collection::vec((odd_text(), prop::collection::btree_map(odd_text(), odd_text(), 0..4)), 1..6),
        samples in prop::collection::btree_map(0i64..1_780_000_000_000, odd_value(), 1..6),
    ) {
        let columns = Columns { times: samples.keys().copied().collect(), values: samples.values().copied().collect() };
        let mut expected = Vec::new();
        let (mut lines, mut csv) = (String::new(), "series,time,value\n".to_owned());
        for (name, others) in &series {
            let pairs = others.iter().filter(|(n, _)| *n != "__name__").map(|(n, v)| (n.as_str(), v.as_str()));
            let Ok(labels) = Labels::new(pairs.chain([("__name__", name.as_str())])) else { continue };
            let shown = serde_json::to_string(&labels).unwrap();
            expected.extend(columns.iter().map(|sample| (shown.clone(), sample.t, sample.v.to_bits())));
            let piece = SeriesColumns { id: SeriesId(0), labels, columns: columns.clone() };
            export::json_lines(&mut lines, &piece);
            export::csv_lines(&mut csv, &piece);
        }
        for (format, text) in [(Format::JsonLines, &lines), (Format::Csv, &csv)] {
            let (mut read, problems) = rows(format, text);
            prop_assert!(problems.is_empty(), "{:?} in {}", problems, text);
            let mut expected = expected.clone();
            for list in [&mut read, &mut expected] {
                list.sort();
                list.dedup();
            }
            prop_assert_eq!(read, expected);
        }
    }
}
