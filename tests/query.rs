//! The Prometheus HTTP API as its clients use it, and the export.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::io::{Read, Write};
use std::process::Command;
use std::time::Instant;

use common::peer::ClosedPort;
use common::remote::{now_ms, series, write};
use common::{Folder, Service};
use serde_json::{Value, json};

fn service() -> (Folder, Service, i64) {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service = folder.start();
    let start = now_ms() / 60_000 * 60_000 - 3_600_000;
    let rows = |step: f64| (0..120).map(|n| (start + n * 15_000, n as f64 * step)).collect::<Vec<_>>();
    let raw = [
        series(&[("__name__", "requests_total"), ("job", "api"), ("path", "/a\"b")], &rows(30.0)),
        series(&[("__name__", "requests_total"), ("job", "web")], &rows(15.0)),
        series(&[("__name__", "level"), ("job", "api")], &[(start, 1.5), (start + 15_000, f64::NAN), (start + 30_000, f64::NEG_INFINITY)]),
    ];
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw.concat()).unwrap().0, 204);
    (folder, service, start)
}

fn get(service: &Service, path: &str, params: &[(&str, &str)]) -> (u16, Value) {
    let response = service.client.get(service.url(path)).query(params).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

#[test]
fn promql_is_answered_in_the_shapes_of_prometheus() {
    let (_folder, service, start) = service();
    let at = format!("{}", (start + 1_200_000) / 1_000);
    let ask = |query: &str| get(&service, "/api/v1/query", &[("query", query), ("time", &at)]).1["data"].clone();
    let time = (start + 1_200_000) / 1_000;
    assert_eq!(
        ask("sum by (job) (requests_total)"),
        json!({"resultType": "vector", "result": [{"metric": {"job": "api"}, "value": [time, "2400"]}, {"metric": {"job": "web"}, "value": [time, "1200"]}]})
    );
    assert_eq!(ask("1 + 1"), json!({"resultType": "scalar", "result": [time, "2"]}));
    assert_eq!(ask("\"text\""), json!({"resultType": "string", "result": [time, "text"]}));
    let matrix = ask("requests_total{job=\"web\"}[31s]");
    assert_eq!(matrix["resultType"], "matrix");
    assert_eq!(matrix["result"][0]["values"], json!([[time - 30, "1170"], [time - 15, "1185"], [time, "1200"]]));
    let form = [("query", "max(requests_total)"), ("start", at.as_str()), ("end", &format!("{}", time + 60)), ("step", "30s")];
    let response = service.client.post(service.url("/api/v1/query_range")).form(&form).send().unwrap();
    let body: Value = response.json().unwrap();
    assert_eq!(
        body["data"],
        json!({"resultType": "matrix", "result": [{"metric": {}, "values": [[time, "2400"], [time + 30, "2460"], [time + 60, "2520"]]}]})
    );
    let (_, body) = get(&service, "/api/v1/query", &[("query", "quantile(2, requests_total)"), ("time", &at)]);
    assert_eq!((&body["data"]["result"][0]["value"][1], body["warnings"].as_array().map(Vec::len)), (&json!("+Inf"), Some(1)), "{body}");
    let (_, body) = get(&service, "/api/v1/query", &[("query", "requests_total"), ("time", &at), ("limit", "1")]);
    assert_eq!((body["data"]["result"].as_array().unwrap().len(), body["warnings"].as_array().unwrap().len()), (1, 1));
    let (_, body) = get(&service, "/api/v1/format_query", &[("query", "sum  by(job)(rate(requests_total[5m]))")]);
    assert_eq!(body["data"], "sum by (job) (rate(requests_total[5m]))");
}

#[test]
fn a_query_tells_its_cost_and_what_may_be_wrong_with_it() {
    let (_folder, service, start) = service();
    let at = format!("{}", (start + 1_200_000) / 1_000);
    let ask = |query: &str, stats: &str| get(&service, "/api/v1/query", &[("query", query), ("time", &at), ("stats", stats)]).1;
    let body = ask("rate(level[1h])", "all");
    assert_eq!(body["data"]["stats"]["samples"]["totalQueryableSamples"], 3, "{body}");
    assert!(body["data"]["stats"]["timings"]["evalTotalTime"].as_f64().unwrap() >= 0.0, "{body}");
    assert_eq!(body["data"]["stats"]["windows"]["hours"], 0);
    assert!(
        body["infos"][0].as_str().unwrap().ends_with("_total/_sum/_count/_bucket: \"level\" (1:6)") && body["warnings"].is_null(),
        "{body}"
    );
    let body = ask("rate(requests_total[5m])", "");
    assert!(body["data"]["stats"].is_null() && body["infos"].is_null(), "{body}");
    let range = [("query", "requests_total[step() * 2]"), ("start", &at), ("end", &at), ("step", "1m")];
    let (status, body) = get(&service, "/api/v1/query_range", &range);
    assert_eq!(status, 400, "{body}");
    let range = [("query", "count_over_time(requests_total{job=\"web\"}[step() * 2])"), ("start", &at), ("end", &at), ("step", "1m")];
    assert_eq!(get(&service, "/api/v1/query_range", &range).1["data"]["result"][0]["values"][0][1], "8");
}

#[test]
fn settings_say_how_far_a_query_looks_back_and_what_it_may_read() {
    let folder =
        Folder::with_settings("[system]\nenabled = false\n[query]\nlookback = \"10m\"\nmax_samples = 1000\ndelayed_name_removal = true\n");
    let service = folder.start();
    let start = now_ms() - 3_600_000;
    let rows: Vec<_> = (0..2_000).map(|n| (start + n * 1_000, n as f64)).collect();
    let raw = series(&[("__name__", "ticks_total")], &rows);
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
    let at = |ms: i64| format!("{}", (start + ms) as f64 / 1e3);
    let (_, body) = get(&service, "/api/v1/query", &[("query", "ticks_total"), ("time", &at(2_300_000))]);
    assert_eq!(body["data"]["result"][0]["value"][1], "1999", "{body}");
    let (_, body) = get(&service, "/api/v1/query", &[("query", "ticks_total"), ("time", &at(2_300_000)), ("lookback_delta", "5m")]);
    assert_eq!(body["data"]["result"], json!([]));
    let (status, body) = get(&service, "/api/v1/query", &[("query", "sum_over_time(ticks_total[1h])"), ("time", &at(2_300_000))]);
    assert!(status == 422 && body["error"].as_str().unwrap().contains("more than 1000 samples"), "{body}");
    let named = "label_replace(rate(ticks_total[5s]), \"was\", \"$1\", \"__name__\", \"(.*)\")";
    let (_, body) = get(&service, "/api/v1/query", &[("query", named), ("time", &at(10_000))]);
    assert_eq!(body["data"]["result"][0]["metric"], json!({"was": "ticks_total"}), "{body}");
}

#[test]
fn a_query_whose_client_has_gone_is_given_up() {
    let folder =
        Folder::with_settings("[system]\nenabled = false\n[pipeline]\nworkers = 1\n[query]\ntimeout = \"10m\"\nmax_samples = 4000000000\n");
    let service = folder.start();
    // Many minutes of work, which nobody may wait for: the one place for queries is free again soon.
    let query = "sum_over_time(vector(1)[200000s:1s])";
    let path = format!("/api/v1/query_range?query={query}&start=1700000000&end=1700010000&step=1");
    for _ in 0..3 {
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", service.port)).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
        assert!(socket.read(&mut [0; 16]).is_err(), "it takes long");
    }
    let begun = Instant::now();
    assert_eq!(get(&service, "/api/v1/query", &[("query", "1 + 1")]).0, 200);
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_bad_query_is_answered_with_what_is_wrong() {
    let (_folder, service, start) = service();
    let now = (start / 1_000).to_string();
    let explode = format!("level{{job=~\"{}\"}}", "(\\\\pL{1,200}){1,5}".repeat(3));
    let nested = format!("{}1{}", "(".repeat(8_000), ")".repeat(8_000));
    for (query, status, kind, part) in [
        ("sum(", 400, "bad_data", "invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"),
        ("nothing_like_it(up)", 400, "bad_data", "1:1: parse error: unknown function with name \"nothing_like_it\""),
        ("rate(level)", 400, "bad_data", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
        ("level{job=~\"(\"}", 400, "bad_data", "1:7: parse error: error parsing regexp: missing closing ): `(`"),
        (explode.as_str(), 422, "execution", "larger than 16384 KiB"),
        (nested.as_str(), 400, "bad_data", "1:66: parse error: parentheses nest deeper than 64"),
        ("{job=~\".*\"}", 400, "bad_data", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("requests_total * on () requests_total", 422, "execution", "many-to-many matching not allowed"),
        ("label_replace(level, \"x\", \"y\", \"job\", \"(\")", 422, "execution", "regular expression"),
        ("sum_over_time(vector(1)[200y:1ms])", 422, "execution", "samples"),
    ] {
        let (came, body) = get(&service, "/api/v1/query", &[("query", query), ("time", &now)]);
        let error = body["error"].as_str().unwrap_or("");
        assert!(came == status && body["errorType"] == kind && error.contains(part), "{}: {came} {body}", &query[..query.len().min(60)]);
    }
    let range = |start: &str, end: &str, step: &str| {
        get(&service, "/api/v1/query_range", &[("query", "level"), ("start", start), ("end", end), ("step", step)])
    };
    for ((status, body), part) in [
        (range(&now, &now, "0"), "must be more than 0"),
        (range("100", "50", "1"), "`end` is before `start`"),
        (range("0", "6400000000", "1"), "maximum resolution of 11,000 points"),
    ] {
        assert!(status == 400 && body["error"].as_str().unwrap().contains(part), "{body}");
    }
    let (status, body) = get(&service, "/api/v1/query_range", &[("query", "level[5m]"), ("start", "0"), ("end", "1"), ("step", "1")]);
    assert!(status == 400 && body["error"].as_str().unwrap().contains("range vector"), "{body}");
    // Deep without parentheses.
    for (term, most) in [("1+", 2_048), ("vector(1) or ", 2_048), ("-", 256), ("1 ^ ", 256)] {
        for (count, status) in [(most, 200), (most + 1, 400), (8_000, 400)] {
            let query = format!("{}1", term.repeat(count));
            let query = if term.ends_with("or ") { format!("{}vector(1)", &query[..query.len() - 1]) } else { query };
            let form = [("query", query.as_str()), ("time", &now)];
            let response = service.client.post(service.url("/api/v1/query")).form(&form).send();
            let came = response.map(|r| r.status().as_u16()).unwrap_or(0);
            assert_eq!(came, status, "{term} {count} times");
        }
    }
    assert!(service.get("/healthz").status().is_success());
}

#[test]
fn history_is_exported_as_json_lines_and_csv_whole_or_by_value() {
    let (_folder, service, start) = service();
    let export = |params: &[(&str, &str)]| service.client.get(service.url("/api/v1/export")).query(params).send().unwrap().text().unwrap();
    let lines = export(&[("match[]", "requests_total{job=\"web\"}"), ("match[]", "level")]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let web: Vec<&Value> = lines.iter().filter(|l| l["metric"]["__name__"] == "requests_total").collect();
    assert_eq!(web.iter().map(|l| l["values"].as_array().unwrap().len()).sum::<usize>(), 120);
    assert_eq!(web[0]["timestamps"][1], start + 15_000);
    let level: Vec<Value> =
        lines.iter().filter(|l| l["metric"]["__name__"] == "level").flat_map(|l| l["values"].as_array().unwrap().clone()).collect();
    assert_eq!(level, [json!(1.5), json!("NaN"), json!("-Inf")]);
    let csv = export(&[("match[]", "requests_total > 1750"), ("format", "csv")]);
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows[0], "series,time,value");
    assert_eq!(rows.len() - 1, 61 + 3, "{csv}");
    assert!(rows[1].starts_with("\"requests_total{job=\"\"api\"\",path=\"\"/a\\\"\"b\"\"}\","), "{}", rows[1]);
    for (params, part) in [
        (vec![], "`match[]` is missing"),
        (vec![("match[]", "up[5m]")], "leave out the range"),
        (vec![("match[]", "up"), ("format", "xml")], "csv or jsonl"),
        (vec![("match[]", "up +")], "invalid parameter \"match[]\": 1:5: parse error: unexpected end of input"),
    ] {
        let (status, body) = get(&service, "/api/v1/export", &params);
        assert!(status == 400 && body["error"].as_str().unwrap().contains(part), "{body}");
    }
    let mut zipped = Vec::new();
    let plain = reqwest::blocking::Client::builder().no_gzip().build().unwrap();
    let request = plain.get(service.url("/api/v1/export")).query(&[("match[]", "requests_total")]).header("accept-encoding", "gzip");
    let mut response = request.send().unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    response.read_to_end(&mut zipped).unwrap();
    assert_eq!(zipped[..2], [0x1f, 0x8b]);
}

#[test]
fn what_was_exported_can_be_brought_into_another_service() {
    let (folder, service, start) = service();
    let port = service.port.to_string();
    let all = |service: &Service, query: &str| service.samples(query);
    let expected = all(&service, "requests_total{job=\"api\"}[2h]");
    for (file, format) in [("out.jsonl", "jsonl"), ("out.csv", "csv")] {
        let args = ["export", "--match", "requests_*", "--match", "level", "--format", format, "-o", file, "--port", &port];
        let (code, output) = folder.run(&args, &[]);
        assert_eq!(code, Some(0), "{output}");
        let other = Folder::with_settings("[system]\nenabled = false\n");
        let second = other.start();
        let later = series(&[("__name__", "requests_total"), ("job", "api"), ("path", "/a\"b")], &[(now_ms(), 7.0)]);
        assert_eq!(write(&second.client, &second.url("/api/v1/write"), &later).unwrap().0, 204);
        let path = folder.path().join(file).display().to_string();
        let (code, output) = folder.run(&["import", &path, "--port", &second.port.to_string()], &[]);
        assert!(code == Some(0) && output.contains("243 samples"), "{output}");
        let came = all(&second, "requests_total{job=\"api\"}[2h]");
        assert_eq!(came[..came.len() - 1], expected[..], "{format}: older than what was there");
        let level = second.query("level[2h]")[0]["values"].as_array().unwrap().iter().map(|v| v[1].clone()).collect::<Vec<_>>();
        assert_eq!(level, [json!("1.5"), json!("NaN"), json!("-Inf")]);
    }
    let text = format!("# TYPE old gauge\nold{{a=\"b\"}} 4 {}\nold 5\n# EOF\n", start / 1_000 - 86_400);
    std::fs::write(folder.path().join("old.openmetrics"), text).unwrap();
    let (code, output) = folder.run(&["import", "old.openmetrics", "--port", &port], &[]);
    assert!(code != Some(0) && output.contains("line 3: the time is missing") && output.contains("1 samples were kept"), "{output}");
    assert_eq!(all(&service, "old[2d]").len(), 1);
    let (code, output) = folder.run(&["import", "old.openmetrics", "--port", &ClosedPort::new().port().to_string()], &[]);
    assert!(code != Some(0) && output.contains("is taskpulse running there?"), "{output}");
    let (code, output) = folder.run(&["export", "--match", "up{", "--port", &port], &[]);
    assert!(code != Some(0) && output.contains("match[]"), "{output}");
}

/// What Grafana's Prometheus data source sends: saving and testing it, building a query, drawing a panel, its variables.
#[test]
fn grafana_gets_what_it_asks_for() {
    let (_folder, service, start) = service();
    let (from, to) = (((start + 600_000) / 1_000).to_string(), ((start + 1_200_000) / 1_000).to_string());
    let post = |path: &str, form: &[(&str, &str)]| -> Value {
        let response = service.client.post(service.url(path)).form(form).send().unwrap();
        assert!(response.status().is_success(), "{path}");
        response.json().unwrap()
    };
    assert_eq!(post("/api/v1/query", &[("query", "1+1"), ("time", &from)])["data"]["result"][1], "2");
    let (status, body) = get(&service, "/api/v1/status/buildinfo", &[]);
    assert!(status == 200 && body["data"]["version"].is_string());
    let span = [("start", from.as_str()), ("end", to.as_str())];
    let names = get(&service, "/api/v1/label/__name__/values", &span).1["data"].clone();
    assert!(names.as_array().unwrap().contains(&json!("requests_total")), "{names}");
    let labels = post("/api/v1/labels", &[span[0], span[1], ("match[]", "requests_total")])["data"].clone();
    assert_eq!(labels, json!(["__name__", "job", "path"]));
    let values =
        get(&service, "/api/v1/label/job/values", &[span[0], span[1], ("match[]", "{__name__=\"requests_total\"}")]).1["data"].clone();
    assert_eq!(values, json!(["api", "web"]));
    let found = post("/api/v1/series", &[span[0], span[1], ("match[]", "requests_total{job=\"web\"}")])["data"].clone();
    assert_eq!(found, json!([{"__name__": "requests_total", "job": "web"}]));
    assert!(get(&service, "/api/v1/metadata", &[("limit", "10")]).1["data"].is_object());
    assert!(get(&service, "/api/v1/rules", &[]).1["data"]["groups"].is_array());
    let panel = post(
        "/api/v1/query_range",
        &[span[0], span[1], ("query", "sum by (job) (rate(requests_total{job=~\"api|web\"}[1m15s]))"), ("step", "15")],
    );
    assert_eq!(panel["data"]["result"].as_array().map(Vec::len), Some(2), "{panel}");
    let instant = post("/api/v1/query", &[("query", "topk(1, requests_total)"), ("time", &to)]);
    assert_eq!(instant["data"]["result"][0]["metric"]["job"], "api");
}

#[test]
fn promtool_understands_the_answers() {
    let (_folder, service, start) = service();
    let url = service.url("");
    let at = ((start + 600_000) / 1_000).to_string();
    let end = ((start + 900_000) / 1_000).to_string();
    let run = |args: &[&str]| Command::new("promtool").arg("query").args(args).output();
    let instant = run(&["instant", "--time", &at, &url, "sum(requests_total)"]);
    let Ok(instant) = instant else {
        common::peer::missing_peer("promtool is not installed");
        return;
    };
    let text =
        |output: &std::process::Output| format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(instant.status.success() && text(&instant).contains("=> 1800 @"), "{}", text(&instant));
    for args in [
        vec!["range", "--start", &at, "--end", &end, "--step", "1m", &url, "requests_total"],
        vec!["series", "--match", "requests_total", "--start", &at, "--end", &end, &url],
        vec!["labels", "--start", &at, "--end", &end, &url, "job"],
    ] {
        let output = run(&args).unwrap();
        assert!(output.status.success() && text(&output).contains("web"), "{args:?}: {}", text(&output));
    }
}
