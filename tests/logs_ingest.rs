//! Log lines over HTTP: OpenTelemetry's requests by hand, as coding agents sent them, and of the real Python SDK; Loki's push.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::path::Path;

use common::otlp::{self, JSON, PROTOBUF, deflate, field, fixed64, gzip, nanos, post, said, zstd};
use common::remote::now_ms;
use common::{Folder, Service};
use serde_json::{Value, json};

const OTLP: &str = "/v1/logs";
const PUSH: &str = "/loki/api/v1/push";

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

fn varint(number: u8, value: u64) -> Vec<u8> {
    let mut out = vec![number << 3];
    prost::encoding::encode_varint(value, &mut out);
    out
}

/// An `ExportLogsServiceRequest` of a service.
fn export(service: &str, records: &[Vec<u8>]) -> Vec<u8> {
    let name = field(1, [field(1, "service.name"), field(2, field(1, service))].concat());
    let records: Vec<u8> = records.iter().flat_map(|record| field(2, record)).collect();
    field(1, [field(1, name), field(2, records)].concat())
}

fn record(ms: i64, body: &[u8]) -> Vec<u8> {
    [fixed64(1, u64::try_from(ms * 1_000_000).unwrap()), field(5, field(1, body))].concat()
}

fn otlp_json(records: &[Value]) -> Vec<u8> {
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "json"}}]});
    json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}).to_string().into_bytes()
}

/// A `PushRequest` of one stream.
fn push(labels: &str, lines: &[(i64, &[u8])]) -> Vec<u8> {
    let entry = |(ms, line): &(i64, &[u8])| {
        let time = [varint(1, (ms / 1_000).cast_unsigned()), varint(2, (ms % 1_000 * 1_000_000).cast_unsigned())].concat();
        field(2, [field(1, time), field(2, line)].concat())
    };
    field(1, [field(1, labels), lines.iter().flat_map(entry).collect()].concat())
}

/// A line that was kept.
#[derive(Debug, Clone)]
struct Line {
    labels: Value,
    text: String,
}

impl Line {
    fn label(&self, name: &str) -> &str {
        self.labels[name].as_str().unwrap_or("")
    }
}

/// The lines of a query of the last two days, oldest first.
fn lines(service: &Service, query: &str) -> Vec<Line> {
    let (start, end) = (nanos(now_ms() - 2 * 86_400_000), nanos(now_ms() + 3_600_000));
    let query = [("query", query), ("limit", "5000"), ("direction", "forward"), ("start", &start), ("end", &end)];
    let response = service.client.get(service.url("/loki/api/v1/query_range")).query(&query).send().unwrap();
    let (status, text) = said(response);
    assert_eq!(status, 200, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let mut found = Vec::new();
    for stream in answer["data"]["result"].as_array().unwrap() {
        for value in stream["values"].as_array().unwrap() {
            let time: i64 = value[0].as_str().unwrap().parse().unwrap();
            found.push((time, Line { labels: stream["stream"].clone(), text: value[1].as_str().unwrap().to_owned() }));
        }
    }
    found.sort_by_key(|(time, _)| *time);
    found.into_iter().map(|(_, line)| line).collect()
}

fn texts(service: &Service, query: &str) -> Vec<String> {
    lines(service, query).into_iter().map(|line| line.text).collect()
}

fn source(service: &Service) -> Value {
    service.source("logs").unwrap()
}

#[test]
fn requests_in_all_encodings_become_lines() {
    let folder = Folder::new();
    let service = folder.start();
    let absent = source(&service);
    assert!(absent["up"].is_null() && absent["hint"].as_str().unwrap().contains("/loki/api/v1/push"), "{absent}");
    let now = now_ms();
    let request = |n: i64| export("cart", &[record(now + n, format!("otlp {n}").as_bytes())]);
    let response = post(&service, OTLP, PROTOBUF, "", request(0));
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, PROTOBUF));
    assert!(response.bytes().unwrap().is_empty(), "no partial success");
    for (encoding, packed) in
        [("gzip", gzip(&request(1))), ("deflate", deflate(&request(2))), ("zstd", zstd(&request(3))), ("identity", request(4))]
    {
        assert_eq!(said(post(&service, OTLP, PROTOBUF, encoding, packed)).0, 200, "{encoding}");
    }
    let records =
        |n: i64| otlp_json(&[json!({"timeUnixNano": nanos(now + n), "severityNumber": 17, "body": {"stringValue": format!("json {n}")}})]);
    assert_eq!(said(post(&service, OTLP, "application/json; charset=utf-8", "", records(0))), (200, "{}".to_owned()));
    assert_eq!(said(post(&service, OTLP, JSON, "zstd", zstd(&records(1)))).0, 200);
    let labels = r#"{app="web", env="t\u00e9st"}"#;
    for (n, kind, encoding) in [(0, PROTOBUF, "snappy"), (1, PROTOBUF, "")] {
        let response = post(&service, PUSH, kind, encoding, snappy(&push(labels, &[(now + n, format!("push {n}").as_bytes())])));
        assert_eq!(said(response), (204, String::new()));
    }
    let text = json!({"streams": [{"stream": {"app": "web", "env": "tést"}, "values": [[nanos(now + 2), "push 2"], [nanos(now + 3), "push 3", {"user": "7"}]]}]});
    for (encoding, body) in [("", text.to_string().into_bytes()), ("gzip", gzip(text.to_string().as_bytes()))] {
        assert_eq!(said(post(&service, PUSH, JSON, encoding, body)), (204, String::new()), "sent again, it is there once");
    }
    assert_eq!(texts(&service, r#"{service_name="cart"}"#), (0..5).map(|n| format!("otlp {n}")).collect::<Vec<_>>());
    assert_eq!(texts(&service, r#"{service_name="json"} | detected_level="error""#), ["json 0", "json 1"]);
    assert_eq!(texts(&service, r#"{env="tést"}"#), (0..4).map(|n| format!("push {n}")).collect::<Vec<_>>());
    assert_eq!(texts(&service, r#"{app="web"} | user="7""#), ["push 3"]);
    let up = source(&service);
    assert_eq!((&up["up"], &up["reason"]), (&json!(true), &Value::Null), "{up}");
    assert!(up["samples"].as_u64() >= Some(11), "{up}");
}

#[test]
fn bad_input_is_bounded_counted_and_told() {
    let folder = Folder::new();
    let service = folder.start();
    let now = now_ms();
    let attributes: Vec<Value> = (0..100_000).map(|n| json!({"key": format!("k{n}"), "value": {"intValue": n}})).collect();
    let records = [
        json!({"timeUnixNano": nanos(now), "body": {"stringValue": "newest"}}),
        json!({"timeUnixNano": nanos(now - 60_000), "body": {"stringValue": "out of order"}}),
        json!({"timeUnixNano": nanos(now - 400 * 86_400_000), "body": {"stringValue": "old"}}),
        json!({"timeUnixNano": nanos(now + 400 * 86_400_000), "body": {"stringValue": "future"}}),
        json!({"timeUnixNano": u64::MAX.to_string(), "body": {"stringValue": "never"}}),
        json!({"timeUnixNano": nanos(now + 1), "body": {"stringValue": "many"}, "attributes": attributes}),
        json!({"timeUnixNano": nanos(now + 2), "body": {"stringValue": format!("long {}", "x".repeat(1_000_000))}}),
        json!({"timeUnixNano": nanos(now + 3), "body": {"stringValue": "\u{1b}[31mred\u{1b}[0m \u{0}\u{7}<b>"}}),
        json!({"body": {"stringValue": "no time"}}),
    ];
    let (status, text) = said(post(&service, OTLP, JSON, "", otlp_json(&records)));
    let partial = serde_json::from_str::<Value>(&text).unwrap()["partialSuccess"].clone();
    assert_eq!((status, &partial["rejectedLogRecords"]), (200, &json!("3")), "{text}");
    for part in ["2262", "older than the retention", "ahead of the clock", "attributes were dropped", "a line was cut to"] {
        assert!(partial["errorMessage"].as_str().unwrap().contains(part), "{text}");
    }
    assert!(source(&service)["reason"].as_str().unwrap().contains("3 lines were not kept"), "{}", source(&service));
    let kept = lines(&service, r#"{service_name="json"}"#);
    let shown: Vec<String> = kept.iter().map(|line| line.text.chars().take(40).collect()).collect();
    assert_eq!(shown[..3], ["out of order", "newest", "many"]);
    assert_eq!(shown.len(), 6);
    let many = &kept[2];
    assert!(many.label("dropped_attributes_count").parse::<usize>().unwrap() > 99_800, "{:.200}", many.labels.to_string());
    let long = &kept[3];
    assert_eq!(long.text.len() + long.label("dropped_body_bytes").parse::<usize>().unwrap(), 1_000_005);
    assert!(kept.iter().any(|line| line.text == "\u{1b}[31mred\u{1b}[0m \u{0}\u{7}<b>"), "control bytes are kept");
    assert!(shown.contains(&"no time".to_owned()), "it has the time of its arrival");
    // Bytes that are no UTF-8 cost nothing but themselves.
    assert_eq!(said(post(&service, OTLP, PROTOBUF, "", export("bytes", &[record(now, b"caf\xe9"), record(now + 1, b"next")]))).0, 200);
    let bytes = texts(&service, r#"{service_name="bytes"}"#);
    assert!(bytes.len() == 2 && bytes[0].starts_with("caf") && bytes[1] == "next", "{bytes:?}");

    let bomb = vec![b' '; 64 << 20];
    let endless = push(&format!("{{a=\"{}", "x".repeat(100_000)), &[(now, b"lost")]);
    let good_and_bad = [push("{a=\"b\"}", &[(now, b"kept")]), endless.clone()].concat();
    for (path, kind, encoding, body, status, part) in [
        (OTLP, JSON, "", b"{\"resourceLogs\":[{]}".to_vec(), 400, "line 1 column"),
        (OTLP, PROTOBUF, "", vec![0x0a, 9, 1], 400, "ExportLogsServiceRequest"),
        (OTLP, JSON, "gzip", b"{}".to_vec(), 400, "gzip"),
        (OTLP, JSON, "zstd", b"{}".to_vec(), 400, "zstd"),
        (OTLP, JSON, "gzip", gzip(&bomb), 413, "when inflated"),
        (OTLP, PROTOBUF, "zstd", zstd(&bomb), 413, "when inflated"),
        (OTLP, PROTOBUF, "", export("small", &vec![Vec::new(); 2_000_000]), 413, "smaller batches"),
        (OTLP, PROTOBUF, "br", vec![1], 415, "send gzip, zstd"),
        (OTLP, "text/plain", "", vec![1], 415, "application/x-protobuf or application/json"),
        (PUSH, JSON, "", b"{\"streams\":[".to_vec(), 400, "line 1 column"),
        (PUSH, PROTOBUF, "", b"not snappy".to_vec(), 400, "snappy"),
        (PUSH, PROTOBUF, "", snappy(&bomb), 413, "when decompressed"),
        (PUSH, JSON, "zstd", zstd(&bomb), 413, "when inflated"),
        (PUSH, PROTOBUF, "gzip", vec![1], 415, "send snappy"),
        (PUSH, "text/plain", "", vec![1], 415, "application/x-protobuf or application/json"),
        (PUSH, PROTOBUF, "", snappy(&endless), 400, "0 lines were kept, 1 lines were not kept: 1 lines of stream `{a="),
        (PUSH, PROTOBUF, "", snappy(&good_and_bad), 400, "1 lines were kept, 1 lines were not kept"),
        (PUSH, PROTOBUF, "", snappy(&push("{}", &[(now, b"lost")])), 400, "at least one label"),
    ] {
        let response = post(&service, path, kind, encoding, body);
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let (answered, text) = said(response);
        assert_eq!(answered, status, "{part}: {text}");
        assert!(text.contains(part) && text.len() < 2_000, "{part}: {text}");
        assert!(if path == PUSH { kind.starts_with("text/plain") } else { kind.starts_with("application/") }, "{kind}");
    }
    assert_eq!(texts(&service, r#"{a="b"}"#), ["kept"]);
    assert!(source(&service)["reason"].as_str().unwrap().contains("the last request was refused"), "{}", source(&service));
    assert_eq!(service.get(OTLP).status(), 405);
}

#[test]
fn lines_that_were_acknowledged_survive_sigkill() {
    let folder = Folder::new();
    let mut expected = Vec::new();
    let begun = now_ms() - 60_000;
    for round in 0..3i64 {
        let service = folder.start();
        assert_eq!(texts(&service, r#"{service_name="kept"}"#), expected, "round {round}");
        for step in 0..10 {
            let at = begun + round * 1_000 + step;
            let text = format!("round {round} step {step}");
            let body = export("kept", &[record(at, text.as_bytes())]);
            // A client that saw no answer sends it again.
            for _ in 0..=(step % 2) {
                assert_eq!(said(post(&service, OTLP, PROTOBUF, "", body.clone())).0, 200);
            }
            expected.push(text);
        }
        service.kill();
    }
    assert_eq!(texts(&folder.start(), r#"{service_name="kept"}"#), expected);
}

#[test]
fn its_own_log_is_not_made_longer_by_what_it_takes() {
    let folder = Folder::new();
    let service = folder.start();
    let now = now_ms();
    assert_eq!(said(post(&service, PUSH, PROTOBUF, "", snappy(&push("{job=\"own\"}", &[(now, b"first")])))).0, 204);
    // The lines of the start, and other sources, come whenever they can.
    let own = |log: &str| log.lines().filter(|line| ["logs", "loki", " WARN", " ERROR"].iter().any(|word| line.contains(word))).count();
    let before = own(&service.log());
    for n in 0..20 {
        // As a shipper does that follows its log: one request for each new text, some of them refused.
        let log = service.log();
        assert_eq!(said(post(&service, PUSH, PROTOBUF, "", snappy(&push("{job=\"own\"}", &[(now + n, log.as_bytes())])))).0, 204);
        assert_eq!(said(post(&service, PUSH, JSON, "", b"no".to_vec())).0, 400);
    }
    assert_eq!(own(&service.log()), before, "{}", service.log());
}

/// A recorded request, with all its times moved so that the newest is now.
fn recorded(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/otlp/logs").join(name);
    let mut request: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut records: Vec<&mut Value> = Vec::new();
    for resource in request["resourceLogs"].as_array_mut().unwrap() {
        for scope in resource["scopeLogs"].as_array_mut().unwrap() {
            records.extend(scope["logRecords"].as_array_mut().unwrap());
        }
    }
    let time = |record: &Value, key: &str| record[key].as_str().and_then(|text| text.parse::<i64>().ok()).filter(|ns| *ns > 0);
    let newest = records.iter().filter_map(|r| time(r, "timeUnixNano").or(time(r, "observedTimeUnixNano"))).max().unwrap();
    let later = now_ms() * 1_000_000 - newest;
    for record in records {
        for key in ["timeUnixNano", "observedTimeUnixNano"] {
            if let Some(ns) = time(record, key) {
                record[key] = json!((ns + later).to_string());
            }
        }
    }
    request
}

#[test]
fn what_coding_agents_sent_is_kept_whole() {
    let folder = Folder::new();
    let service = folder.start();
    for (file, name, count, query, found) in [
        ("claude-code.json", "claude-code", 40, r#"{service_name="claude-code"} | event_name="tool_result""#, 3),
        ("codex.json", "codex_exec", 29, r#"{service_name="codex_exec", host_name="devbox"} | event_name="codex.sse_event""#, 16),
        ("gemini.json", "gemini-cli", 5, r#"{service_name="gemini-cli"} |= "API request""#, 1),
    ] {
        let body = recorded(file).to_string().into_bytes();
        assert_eq!(said(post(&service, OTLP, JSON, "gzip", gzip(&body))), (200, "{}".to_owned()), "{file}");
        let kept = lines(&service, &format!("{{service_name=\"{name}\"}}"));
        assert_eq!(kept.len(), count, "{file}");
        assert_eq!(lines(&service, query).len(), found, "{query}");
        for line in &kept {
            // What differs from line to line is no label of a stream.
            assert!(line.label("session_id").len() + line.label("conversation_id").len() > 0 || name == "codex_exec", "{line:?}");
        }
    }
    let streams = service.get("/loki/api/v1/series?match[]={service_name=~\".%2B\"}").json::<Value>().unwrap();
    let mut labels: Vec<&str> =
        streams["data"].as_array().unwrap().iter().flat_map(|s| s.as_object().unwrap().keys().map(String::as_str)).collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels, ["host_name", "service_name"], "{streams}");
}

#[test]
fn the_python_sdk_is_understood() {
    let Some(programs) = otlp::python_sdk("opentelemetry.exporter.otlp.proto.http._log_exporter") else { return };
    let folder = Folder::with_settings("[otlp]\nstream_labels = [\"team\"]\n");
    let service = folder.start();
    for compression in ["none", "gzip", "deflate"] {
        let resource = format!("service.name={compression},service.instance.id=i-1,team=blue");
        let env = [("OTEL_EXPORTER_OTLP_COMPRESSION", compression), ("OTEL_RESOURCE_ATTRIBUTES", &resource)];
        let output = otlp::run_python(&programs, "logs.py", &service, &env);
        let trace = output.lines().next().unwrap();
        let of = |more: &str| lines(&service, &format!("{{service_name=\"{compression}\", team=\"blue\"}} {more}"));
        assert_eq!(of("").len(), 2_004);
        let failed = of("| detected_level=\"error\"");
        assert_eq!(failed.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["no stock é世\u{1b}[31m", "it failed"]);
        assert_eq!((failed[0].label("trace_id"), failed[0].label("scope_name")), (trace, "shop.cart"));
        assert_eq!((failed[1].label("exception_type"), failed[1].label("service_instance_id")), ("ValueError", "i-1"));
        let sold = of("| order_id=\"7\"");
        assert_eq!((sold.len(), sold[0].label("paid"), sold[0].label("severity_text")), (1, "true", "INFO"));
        assert_eq!(of("| detected_level=\"warn\"").len(), 2_000);
    }
    assert_eq!(source(&service)["reason"], Value::Null, "{}", source(&service));
}
