//! Spans over HTTP: OpenTelemetry's requests by hand, as coding agents sent them, and of the real Python SDK.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::otlp::{self, JSON, PROTOBUF, deflate, field, fixed64, gzip, nanos, said, zstd};
use common::remote::now_ms;
use common::{Folder, Service, eventually};
use reqwest::blocking::Response;
use serde_json::{Value, json};

const DOOR: &str = "/v1/traces";
const DAY_MS: i64 = 86_400_000;

fn post(service: &Service, kind: &str, encoding: &str, body: Vec<u8>) -> Response {
    otlp::post(service, DOOR, kind, encoding, body)
}

/// An `ExportTraceServiceRequest` of a service with one span.
fn protobuf(service: &str, trace: u8, span: u8, ms: i64) -> Vec<u8> {
    let start = u64::try_from(ms * 1_000_000).unwrap();
    let name = field(1, [field(1, "service.name"), field(2, field(1, service))].concat());
    let span = [field(1, [trace; 16]), field(2, [span; 8]), field(5, "GET /cart"), fixed64(7, start), fixed64(8, start + 1_000_000)];
    field(1, [field(1, name), field(2, field(2, span.concat()))].concat())
}

fn span(trace: u8, span: u8, ms: i64) -> Value {
    json!({
        "traceId": format!("{trace:02x}").repeat(16), "spanId": format!("{span:02x}").repeat(8), "name": "work",
        "startTimeUnixNano": nanos(ms), "endTimeUnixNano": nanos(ms + 1),
    })
}

fn request(service: &str, spans: &[Value]) -> Vec<u8> {
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": service}}]});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).to_string().into_bytes()
}

/// The trace, or the status of its answer.
fn trace(service: &Service, id: &str) -> Result<Value, u16> {
    let response = service.get(&format!("/api/v1/traces/{id}"));
    match response.status().as_u16() {
        200 => Ok(response.json::<Value>().unwrap()["data"].clone()),
        status => Err(status),
    }
}

/// How many spans of a trace are kept.
fn count(service: &Service, id: u8) -> usize {
    trace(service, &format!("{id:02x}").repeat(16)).map_or(0, |trace| trace["spans"].as_array().unwrap().len())
}

fn source(service: &Service) -> Value {
    service.source("traces").unwrap()
}

#[test]
fn requests_in_all_encodings_become_spans() {
    let folder = Folder::new();
    let service = folder.start();
    let absent = source(&service);
    assert!(absent["up"].is_null() && absent["hint"].as_str().unwrap().contains("OTEL_TRACES_EXPORTER"), "{absent}");
    assert!(!folder.path().join("taskpulse-data/traces").exists() && trace(&service, &"01".repeat(16)) == Err(404));
    let now = now_ms();
    let response = post(&service, PROTOBUF, "", protobuf("cart", 1, 1, now));
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, PROTOBUF));
    assert!(response.bytes().unwrap().is_empty(), "no partial success");
    let of = |n: u8| protobuf("cart", 1, n, now);
    for (encoding, packed) in [("gzip", gzip(&of(2))), ("deflate", deflate(&of(3))), ("zstd", zstd(&of(4))), ("identity", of(5))] {
        assert_eq!(said(post(&service, PROTOBUF, encoding, packed)).0, 200, "{encoding}");
    }
    assert_eq!(said(post(&service, "application/json; charset=utf-8", "", request("shop", &[span(1, 6, now)]))), (200, "{}".to_owned()));
    assert_eq!(said(post(&service, JSON, "zstd", zstd(&request("shop", &[span(1, 7, now)])))).0, 200);
    for _ in 0..3 {
        assert_eq!(said(post(&service, JSON, "", request("shop", &[span(1, 7, now)]))).0, 200, "sent again, it is there once");
    }
    assert_eq!(count(&service, 1), 7);
    let up = source(&service);
    assert_eq!((&up["up"], &up["reason"]), (&json!(true), &Value::Null), "{up}");
    let metrics = service.get("/metrics").text().unwrap();
    for line in ["taskpulse_traces_spans_total 10\n", "taskpulse_traces_duplicate_spans_total 3\n", "taskpulse_traces_head_spans 7\n"] {
        assert!(metrics.contains(line), "{line}");
    }
}

#[test]
fn a_trace_is_given_with_all_that_is_known_of_its_spans() {
    let folder = Folder::new();
    let service = folder.start();
    let at = now_ms() * 1_000_000 + 7;
    let text = |value: &str| json!({"stringValue": value});
    let child = json!({
        "traceId": "0000000000000000ABCDEF0123456789", "spanId": "00000000000000b2", "parentSpanId": "00000000000000a1", "name": "SELECT", "kind": 3,
        "startTimeUnixNano": (at + 1_000_000).to_string(), "endTimeUnixNano": (at + 3_500_000).to_string(),
        "status": {"code": 2, "message": "no stock"}, "droppedAttributesCount": 2,
        "attributes": [{"key": "db.system", "value": text("sqlite")}, {"key": "rows", "value": {"intValue": "3"}}],
        "events": [{"timeUnixNano": (at + 2_000_000).to_string(), "name": "exception", "attributes": [{"key": "exception.type", "value": text("E")}]}],
        "links": [{"traceId": "11".repeat(16), "spanId": "22".repeat(8), "attributes": [{"key": "why", "value": text("retry")}]}],
    });
    let root = json!({
        "traceId": "0000000000000000abcdef0123456789", "spanId": "00000000000000a1", "name": "GET /cart", "kind": 2,
        "startTimeUnixNano": at.to_string(), "endTimeUnixNano": (at + 250_000_000).to_string(), "status": {"code": 1},
    });
    let orphan = json!({
        "traceId": "0000000000000000abcdef0123456789", "spanId": "00000000000000c3", "parentSpanId": "00000000000000ff", "name": "late",
        "startTimeUnixNano": (at + 5_000_000).to_string(), "endTimeUnixNano": "0",
    });
    let of = |name: &str, spans: Value| {
        let resource = json!({"attributes": [{"key": "service.name", "value": text(name)}, {"key": "host.name", "value": text("h")}]});
        json!({"resource": resource, "scopeSpans": [{"scope": {"name": "lib", "version": "1.2"}, "spans": spans}]})
    };
    let body = json!({"resourceSpans": [of("shop", json!([child, orphan])), of("cart", json!([root]))]}).to_string();
    assert_eq!(said(post(&service, JSON, "", body.into_bytes())), (200, "{}".to_owned()));
    let found = trace(&service, "abcdef0123456789").unwrap();
    assert_eq!(found, trace(&service, "0000000000000000ABCDEF0123456789").unwrap());
    assert_eq!(found["trace_id"], "0000000000000000abcdef0123456789");
    assert_eq!((&found["services"], &found["errors"]), (&json!(["cart", "shop"]), &json!(1)));
    assert_eq!((&found["missing_parents"], &found["more"], &found["duration_seconds"]), (&json!(1), &json!(false), &json!(0.25)));
    assert_eq!(found["start"], found["spans"][0]["start"]);
    assert!(found["start"].as_str().unwrap().ends_with("000007Z"), "{}", found["start"]);
    let names: Vec<&str> = found["spans"].as_array().unwrap().iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["GET /cart", "SELECT", "late"]);
    let (root, child, late) = (&found["spans"][0], &found["spans"][1], &found["spans"][2]);
    assert_eq!(
        (&root["parent_span_id"], &root["kind"], &root["status"], &root["service"]),
        (&Value::Null, &json!("server"), &json!("ok"), &json!("cart"))
    );
    let start = child["start"].clone();
    let expected = json!({
        "span_id": "00000000000000b2", "parent_span_id": "00000000000000a1", "service": "shop", "name": "SELECT", "kind": "client", "start": start,
        "duration_seconds": 0.0025, "status": "error", "message": "no stock", "attributes": {"db.system": "sqlite", "rows": "3"},
        "resource": {"host.name": "h", "service.name": "shop"}, "scope": {"name": "lib", "version": "1.2"},
        "events": [{"time": child["events"][0]["time"], "name": "exception", "attributes": {"exception.type": "E"}}],
        "links": [{"trace_id": "11".repeat(16), "span_id": "22".repeat(8), "attributes": {"why": "retry"}}], "dropped": 2,
    });
    assert_eq!(child, &expected);
    assert_eq!((&late["duration_seconds"], &late["status"], &late["kind"]), (&json!(0.0), &json!("unset"), &json!("unspecified")));
    for id in ["abc", "0000000000000000abcdef012345678g", "0000000000000000abcdef01234567890", "é"] {
        let status = service.get(&format!("/api/v1/traces/{id}")).status().as_u16();
        assert_eq!(status, 400, "{id}");
    }
    let missing = said(service.get(&format!("/api/v1/traces/{}", "9".repeat(32))));
    assert!(missing.0 == 404 && missing.1.contains(&"9".repeat(32)), "{missing:?}");
}

#[test]
fn bad_input_is_bounded_counted_and_told() {
    let folder = Folder::new();
    let service = folder.start();
    let now = now_ms();
    let attributes: Vec<Value> = (0..100_000).map(|n| json!({"key": format!("k{n}"), "value": {"intValue": n}})).collect();
    let with = |mut span: Value, key: &str, value: Value| {
        span[key] = value;
        span
    };
    let spans = [
        span(1, 1, now),
        span(1, 2, now - 60_000),
        span(1, 3, now - 400 * DAY_MS),
        span(1, 4, now + 400 * DAY_MS),
        with(span(1, 5, now), "startTimeUnixNano", json!(u64::MAX.to_string())),
        with(span(1, 6, now), "traceId", json!("00".repeat(16))),
        with(span(1, 7, now), "spanId", json!("")),
        with(span(1, 8, now + 1), "attributes", json!(attributes)),
        with(span(1, 9, now + 2), "name", json!("x".repeat(1_000_000))),
        with(span(1, 10, now + 3), "name", json!("\u{1b}[31mred\u{1b}[0m \u{0}\u{7}<b>")),
    ];
    let (status, text) = said(post(&service, JSON, "", request("odd", &spans)));
    let partial = serde_json::from_str::<Value>(&text).unwrap()["partialSuccess"].clone();
    assert_eq!((status, &partial["rejectedSpans"]), (200, &json!("5")), "{text}");
    for part in ["2262", "older than the retention of traces", "ahead of the clock", "no trace id of 16 bytes"] {
        assert!(partial["errorMessage"].as_str().unwrap().contains(part), "{text}");
    }
    assert!(source(&service)["reason"].as_str().unwrap().contains("5 spans were not kept"), "{}", source(&service));
    let kept = trace(&service, &"01".repeat(16)).unwrap();
    let kept: Vec<&Value> = kept["spans"].as_array().unwrap().iter().collect();
    let ids: Vec<&str> = kept.iter().map(|span| &span["span_id"].as_str().unwrap()[..2]).collect();
    assert_eq!(ids, ["02", "01", "08", "09", "0a"]);
    assert_eq!((kept[2]["attributes"].as_object().unwrap().len(), &kept[2]["dropped"]), (128, &json!(99_872)));
    assert_eq!((kept[3]["name"].as_str().unwrap().len(), &kept[4]["name"]), (1_024, &json!("\u{1b}[31mred\u{1b}[0m \u{0}\u{7}<b>")));

    let bomb = vec![b' '; 64 << 20];
    for (kind, encoding, body, status, part) in [
        (JSON, "", b"{\"resourceSpans\":[{]}".to_vec(), 400, "line 1 column"),
        (PROTOBUF, "", vec![0x0a, 9, 1], 400, "ExportTraceServiceRequest"),
        (JSON, "gzip", b"{}".to_vec(), 400, "gzip"),
        (JSON, "gzip", gzip(&bomb), 413, "when inflated"),
        (PROTOBUF, "zstd", zstd(&bomb), 413, "when inflated"),
        (PROTOBUF, "br", vec![1], 415, "send gzip, zstd"),
        ("text/plain", "", vec![1], 415, "application/x-protobuf or application/json"),
    ] {
        let response = post(&service, kind, encoding, body);
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let (answered, text) = said(response);
        assert_eq!(answered, status, "{part}: {text}");
        assert!(text.contains(part) && text.len() < 2_000 && kind.starts_with("application/"), "{part}: {kind} {text}");
    }
    assert!(source(&service)["reason"].as_str().unwrap().contains("the last request was refused"), "{}", source(&service));
    assert_eq!((service.get(DOOR).status().as_u16(), count(&service, 1)), (405, 5));
}

#[test]
fn calls_and_durations_become_series_each_span_counted_once() {
    let folder = Folder::new();
    let service = folder.start();
    let now = now_ms();
    let timed = |id: u8, ms: i64, status: u8, begun: i64| {
        let mut span = span(1, id, begun);
        span["endTimeUnixNano"] = json!(nanos(begun + ms));
        span["kind"] = json!(2);
        span["status"] = json!({"code": status});
        span
    };
    let spans = [timed(1, 3, 0, now), timed(2, 3, 0, now), timed(3, 700, 2, now - 700), timed(4, 5, 0, now - 3_600_000)];
    for _ in 0..2 {
        assert_eq!(said(post(&service, JSON, "", request("cart", &spans))).0, 200);
    }
    let value = |query: &str| service.query(query).first().map(|row| row["value"][1].as_str().unwrap().parse::<f64>().unwrap());
    let calls = "traces_spanmetrics_calls_total{service=\"cart\",span_name=\"work\",span_kind=\"SPAN_KIND_SERVER\"";
    eventually("spans are counted", || value(&format!("{calls},status_code=\"STATUS_CODE_UNSET\"}}")).filter(|calls| *calls == 2.0));
    let failed = format!("{calls},status_code=\"STATUS_CODE_ERROR\"}}");
    assert_eq!(value(&failed), Some(1.0));
    assert_eq!(value(&format!("max_over_time({failed}[5m]) - min_over_time({failed}[5m])")), Some(1.0), "it begins at zero");
    let below = |le: &str| value(&format!("sum(traces_spanmetrics_latency_bucket{{service=\"cart\",le=\"{le}\"}})"));
    assert_eq!(["0.002", "0.004", "0.512", "1.024", "+Inf"].map(below), [0.0, 2.0, 2.0, 3.0, 3.0].map(Some));
    assert_eq!(value("sum(traces_spanmetrics_latency_count)"), Some(3.0));
    assert!((value("sum(traces_spanmetrics_latency_sum)").unwrap() - 0.706).abs() < 1e-9);
    assert_eq!(value("taskpulse_traces_uncounted_spans_total"), Some(1.0), "one ended an hour ago");
    let about = service.data("/api/v1/metadata?metric=traces_spanmetrics_latency");
    assert_eq!(about["traces_spanmetrics_latency"][0]["type"], "histogram");
    assert!(!service.get("/metrics").text().unwrap().contains("traces_spanmetrics"));
    service.metrics_are_documented();
}

#[test]
fn what_is_exported_is_imported_as_it_was() {
    let folder = Folder::new();
    let service = folder.start();
    let now = now_ms();
    for name in ["cart", "shop"] {
        let spans: Vec<Value> = (1..=20).map(|n| span(n, n, now - i64::from(n) * 1_000)).collect();
        assert_eq!(said(post(&service, JSON, "", request(name, &spans))).0, 200);
    }
    let sent = recorded("claude-code.json");
    assert_eq!(said(post(&service, JSON, "", sent.to_string().into_bytes())).0, 200);
    let count = |text: &str| text.matches("\"spanId\"").count();
    let export = |query: &[(&str, &str)]| said(service.get_with("/api/v1/traces/export", query));
    let (status, all) = export(&[]);
    assert_eq!((status, count(&all)), (200, 40 + all_spans(&sent).len()), "{all}");
    assert!(all.lines().all(|line| line.starts_with("{\"resourceSpans\":[")), "{all}");
    let from = nanos(now - 5_000);
    let some = export(&[("query", "{ resource.service.name = \"cart\" && duration > 0s }"), ("start", &from)]).1;
    assert_eq!((count(&some), some.lines().count()), (5, 1), "{some}");
    let (status, why) = export(&[("query", "{ name = \"work\" } | count() > 1")]);
    assert!(status == 400 && why.contains("only spans can be exported"), "{status} {why}");
    assert_eq!(export(&[("query", "{ name ")]).0, 400);

    let folder = Folder::new();
    let other = folder.start();
    let import = |text: String| said(other.client.post(other.url("/api/v1/traces/import")).body(text).send().unwrap());
    for _ in 0..2 {
        let (status, said) = import(all.clone());
        assert_eq!((status, serde_json::from_str::<Value>(&said).unwrap()["data"]["kept"].as_u64()), (200, Some(count(&all) as u64)));
    }
    let ids =
        all_spans(&sent).into_iter().map(|span| span["traceId"].as_str().unwrap().to_owned()).chain([format!("{:02x}", 7).repeat(16)]);
    for id in ids {
        assert_eq!(trace(&other, &id).unwrap(), trace(&service, &id).unwrap());
    }
    let old = request("cart", &[span(1, 99, now), span(1, 98, now - 400 * DAY_MS)]);
    let (status, why) = import(format!("\nnot json\n{}\n", String::from_utf8(old).unwrap()));
    assert!(
        status == 400 && why.contains("1 spans were kept, 2 were not: line 2: ") && why.contains("line 3: 1 spans were not kept"),
        "{why}"
    );
}

#[test]
fn spans_that_were_acknowledged_survive_sigkill() {
    let folder = Folder::new();
    let begun = now_ms() - 60_000;
    let mut expected = 0;
    for round in 0..3u8 {
        let service = folder.start();
        assert_eq!(count(&service, 1), expected, "round {round}");
        for step in 0..10u8 {
            // A client that saw no answer sends it again.
            for _ in 0..=(step % 2) {
                assert_eq!(said(post(&service, JSON, "", request("kept", &[span(1, 1 + round * 10 + step, begun)]))).0, 200);
            }
            expected += 1;
        }
        service.kill();
    }
    assert_eq!(count(&folder.start(), 1), expected);
}

/// A recorded request, with all its times moved so that the newest is now.
fn recorded(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/otlp/traces").join(name);
    let mut request: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let time = |value: &Value, key: &str| value[key].as_str().and_then(|text| text.parse::<i64>().ok());
    let newest = all_spans(&request).iter().filter_map(|span| time(span, "endTimeUnixNano")).max().unwrap();
    let later = now_ms() * 1_000_000 - newest;
    for resource in request["resourceSpans"].as_array_mut().unwrap() {
        for scope in resource["scopeSpans"].as_array_mut().unwrap() {
            for span in scope["spans"].as_array_mut().unwrap() {
                for key in ["startTimeUnixNano", "endTimeUnixNano"] {
                    span[key] = json!((time(span, key).unwrap() + later).to_string());
                }
            }
        }
    }
    request
}

fn all_spans(request: &Value) -> Vec<Value> {
    let resources = request["resourceSpans"].as_array().unwrap().iter();
    let scopes = resources.flat_map(|resource| resource["scopeSpans"].as_array().unwrap());
    scopes.flat_map(|scope| scope["spans"].as_array().unwrap().clone()).collect()
}

#[test]
fn what_coding_agents_sent_is_kept_whole_where_the_settings_say_so() {
    let folder =
        Folder::with_settings("[agents]\nkeep = [\"prompts\", \"answers\", \"tool_inputs\", \"tool_outputs\"]\nnames = \"as sent\"\n");
    let service = folder.start();
    for (file, name) in [("claude-code.json", "claude-code"), ("codex.json", "codex_exec"), ("gemini.json", "gemini-cli")] {
        let request = recorded(file);
        let mut traces: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for span in all_spans(&request) {
            traces.entry(span["traceId"].as_str().unwrap().to_ascii_lowercase()).or_default().push(span);
        }
        assert_eq!(said(post(&service, JSON, "gzip", gzip(request.to_string().as_bytes()))), (200, "{}".to_owned()), "{file}");
        for (id, sent) in &traces {
            let kept = trace(&service, id).unwrap();
            assert_eq!((kept["spans"].as_array().unwrap().len(), &kept["services"]), (sent.len(), &json!([name])), "{file}");
            for span in sent {
                let is = |other: &&Value| other["span_id"] == span["spanId"];
                let kept = kept["spans"].as_array().unwrap().iter().find(is).unwrap();
                assert_eq!(kept["name"], span["name"]);
                let keys: Vec<&str> = span["attributes"].as_array().unwrap().iter().map(|pair| pair["key"].as_str().unwrap()).collect();
                assert!(keys.iter().all(|key| kept["attributes"].get(key).is_some()), "{span} {kept}");
            }
        }
    }
}

#[test]
fn the_python_sdk_is_understood() {
    let Some(programs) = otlp::python_sdk("opentelemetry.exporter.otlp.proto.http.trace_exporter") else { return };
    let folder = Folder::new();
    let service = folder.start();
    for compression in ["none", "gzip", "deflate"] {
        let resource = format!("service.name={compression},service.instance.id=i-1");
        let env = [("OTEL_EXPORTER_OTLP_COMPRESSION", compression), ("OTEL_RESOURCE_ATTRIBUTES", &resource)];
        let output = otlp::run_python(&programs, "traces.py", &service, &env);
        let (id, before) = output.trim().split_once(' ').unwrap();
        let found = trace(&service, id).unwrap();
        let spans = found["spans"].as_array().unwrap();
        assert_eq!((spans.len(), &found["errors"], &found["services"]), (1_002, &json!(2), &json!([compression])));
        let (root, last) = (&spans[0], &spans[1_001]);
        assert_eq!((&root["name"], &root["kind"], &root["message"]), (&json!("GET /cart"), &json!("server"), &json!("half")));
        assert_eq!((&root["attributes"]["paid"], &root["attributes"]["sizes"]), (&json!("true"), &json!("[1,2]")));
        assert_eq!((&root["links"][0]["trace_id"], &root["links"][0]["attributes"]["why"]), (&json!(before), &json!("retry")));
        assert_eq!(
            (&root["scope"], &root["resource"]["service.instance.id"]),
            (&json!({"name": "shop.cart", "version": "1.2"}), &json!("i-1"))
        );
        assert_eq!((&last["name"], &last["parent_span_id"]), (&json!("pay é世\u{1b}[31m"), &root["span_id"]));
        assert_eq!(last["events"][0]["attributes"]["exception.message"], "no money");
        assert_eq!((&spans[8]["name"], &spans[8]["attributes"]["row"]), (&json!("SELECT 7"), &json!("7")));
        assert_eq!(trace(&service, before).unwrap()["spans"].as_array().unwrap().len(), 1);
    }
    assert_eq!(source(&service)["reason"], Value::Null, "{}", source(&service));
}
