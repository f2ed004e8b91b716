//! OpenTelemetry metrics over HTTP: requests made by hand, and the real Python SDK.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::io::Write;
use std::path::Path;
use std::process::Command;

use common::otlp::{self, JSON, PROTOBUF, gzip};
use common::remote::now_ms;
use common::{Folder, Service, eventually, replace};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use reqwest::blocking::Response;
use serde_json::{Value, json};

fn post(service: &Service, kind: &str, encoding: Option<&str>, body: Vec<u8>) -> Response {
    otlp::post(service, "/v1/metrics", kind, encoding.unwrap_or(""), body)
}

/// What a JSON request is answered with.
fn post_json(service: &Service, body: &Value) -> (u16, Value) {
    let response = post(service, "application/json; charset=utf-8", None, body.to_string().into_bytes());
    assert_eq!(response.headers()["content-type"], JSON);
    (response.status().as_u16(), response.json().unwrap())
}

fn nanos(ms: i64) -> u64 {
    u64::try_from(ms).unwrap() * 1_000_000
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// A sum of the service `shop`: attribute `n` and value of each point.
fn sum(name: &str, temporality: i32, start: i64, at: i64, points: &[(&str, f64)]) -> ExportMetricsServiceRequest {
    let data_points = points.iter().map(|(n, v)| NumberDataPoint {
        attributes: vec![attribute("n", n)],
        start_time_unix_nano: nanos(start),
        time_unix_nano: nanos(at),
        value: Some(Number::AsDouble(*v)),
        ..NumberDataPoint::default()
    });
    let data = Data::Sum(Sum { data_points: data_points.collect(), aggregation_temporality: temporality, is_monotonic: true });
    let metric = Metric { name: name.to_owned(), data: Some(data), ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    let resource =
        Some(Resource { attributes: vec![attribute("service.name", "shop"), attribute("host.name", "h")], ..Resource::default() });
    ExportMetricsServiceRequest { resource_metrics: vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }] }
}

fn json_gauge(points: &[Value]) -> Value {
    json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "depth", "unit": "{item}", "description": "How deep", "gauge": {"dataPoints": points}}]}]}]})
}

fn value(service: &Service, query: &str) -> Option<f64> {
    service.query(query).first()?["value"][1].as_str()?.parse().ok()
}

fn source(service: &Service) -> Value {
    service.source("otlp").unwrap()
}

#[test]
fn requests_in_both_encodings_plain_and_compressed_become_samples() {
    let folder = Folder::new();
    let service = folder.start();
    let absent = source(&service);
    assert!(absent["up"].is_null(), "{absent}");
    assert!(
        absent["hint"].as_str().unwrap().contains(&format!("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{}", service.port)),
        "{absent}"
    );
    let now = now_ms();
    let request = sum("orders", 2, now - 60_000, now, &[("a", 5.0), ("b", 2.0)]).encode_to_vec();
    let response = post(&service, PROTOBUF, None, request.clone());
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, PROTOBUF));
    assert_eq!(ExportMetricsServiceResponse::decode(response.bytes().unwrap()).unwrap().partial_success, None);
    assert_eq!(post(&service, PROTOBUF, Some("gzip"), gzip(&request)).status(), 200);
    assert_eq!(value(&service, r#"orders_total{job="shop",n="a"}"#), Some(5.0));
    assert_eq!(value(&service, "sum(increase(orders_total[5m]))").map(f64::round), Some(7.0), "from its beginning on");
    assert_eq!(value(&service, r#"target_info{job="shop",host_name="h"}"#), Some(1.0));
    let gauge = json_gauge(&[json!({"timeUnixNano": nanos(now).to_string(), "asInt": "3"})]);
    assert_eq!(post_json(&service, &gauge), (200, json!({})));
    assert_eq!(post(&service, JSON, Some("gzip"), gzip(gauge.to_string().as_bytes())).status(), 200);
    assert_eq!(value(&service, "depth"), Some(3.0));
    let metadata = service.data("/api/v1/metadata");
    assert_eq!(metadata["depth"], json!([{"type": "gauge", "help": "How deep", "unit": ""}]));
    assert_eq!(metadata["orders_total"][0]["type"], "counter");
    let up = source(&service);
    assert_eq!((&up["up"], &up["reason"], &up["last_sample"]), (&json!(true), &Value::Null, &json!(now as f64 / 1e3)), "{up}");
    assert!(up["samples"].as_u64().unwrap() >= 6, "{up}");
    assert_eq!(post(&service, PROTOBUF, None, Vec::new()).status(), 200, "nothing is well too");
}

#[test]
fn what_cannot_be_kept_is_a_partial_success_and_what_cannot_be_read_an_error_in_the_same_encoding() {
    let folder = Folder::with_settings("[store]\nmax_series = 400\n");
    let service = folder.start();
    let now = now_ms();
    let point = |ms: i64, more: Value| {
        let mut point = json!({"timeUnixNano": nanos(ms).to_string(), "asDouble": 1});
        more.as_object().unwrap().iter().for_each(|(k, v)| point[k] = v.clone());
        point
    };
    let attributes = |n: usize| (0..n).map(|n| json!({"key": format!("k{n}"), "value": {"boolValue": true}})).collect::<Vec<_>>();
    let (status, answer) = post_json(
        &service,
        &json_gauge(&[
            point(now, json!({})),
            point(now, json!({"attributes": attributes(10_000)})),
            point(now - 40 * 86_400_000, json!({})),
            point(now + 86_400_000, json!({})),
            point(now - 4_000_000, json!({"attributes": attributes(1)})),
        ]),
    );
    let partial = &answer["partialSuccess"];
    assert_eq!((status, &partial["rejectedDataPoints"]), (200, &json!("3")), "{answer}");
    for part in ["metric `depth`, data point 1", "10001 labels", "store.retention", "store.max_ahead"] {
        assert!(partial["errorMessage"].as_str().unwrap().contains(part), "{answer}");
    }
    assert_eq!(value(&service, "depth"), Some(1.0));
    let (_, answer) = post_json(&service, &json_gauge(&[point(now - 4_000_000, json!({}))]));
    assert!(answer["partialSuccess"]["errorMessage"].as_str().unwrap().contains("store.out_of_order"), "{answer}");
    let up = source(&service);
    assert!(up["up"] == true && up["reason"].as_str().unwrap().contains("1 data points were not kept"), "{up}");
    // More series than there may be, in protobuf.
    let names: Vec<String> = (0..600).map(|n| n.to_string()).collect();
    let points: Vec<(&str, f64)> = names.iter().map(|n| (n.as_str(), 1.0)).collect();
    let response = post(&service, PROTOBUF, None, sum("many", 1, now - 1_000, now, &points).encode_to_vec());
    let partial = ExportMetricsServiceResponse::decode(response.bytes().unwrap()).unwrap().partial_success.unwrap();
    assert!(partial.rejected_data_points > 200 && partial.error_message.contains("store.max_series"), "{partial:?}");
    let kept = value(&service, "count(many_total)").unwrap();
    assert_eq!(partial.rejected_data_points, 600 - kept as i64);

    for (kind, encoding, body, status, part) in [
        (JSON, None, b"{\"resourceMetrics\":[{]}".to_vec(), 400, "line 1 column"),
        (PROTOBUF, None, vec![0x0a, 9, 1], 400, "not an ExportMetricsServiceRequest"),
        (JSON, Some("gzip"), b"{}".to_vec(), 400, "gzip"),
        (PROTOBUF, Some("gzip"), gzip(&vec![0; 40 << 20]), 413, "when inflated"),
        (PROTOBUF, None, [0x0a, 0].repeat(500_000), 413, "parts"),
        (PROTOBUF, Some("zstd"), vec![1], 400, "zstd"),
        (PROTOBUF, Some("br"), vec![1], 415, "send gzip, zstd"),
        ("text/plain", None, vec![1], 415, "application/x-protobuf or application/json"),
    ] {
        let response = post(&service, kind, encoding, body);
        assert_eq!(response.status().as_u16(), status, "{part}");
        assert_eq!(response.headers()["content-type"], if kind == PROTOBUF { PROTOBUF } else { JSON });
        let body = response.bytes().unwrap();
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(text.contains(part), "{text}");
        if kind != PROTOBUF {
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert!(body["code"].is_number() && body["message"].is_string(), "{body}");
        }
    }
    // 200 MB are refused by what their head says; what was sent of them is not read.
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    write!(stream, "POST /v1/metrics HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\nContent-Length: 209715200\r\n\r\n{{").unwrap();
    let mut answer = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert_eq!(service.get("/v1/metrics").status(), 405);
    let foreign = service.client.post(service.url("/v1/metrics")).header("origin", "http://evil.example").body("{}").send().unwrap();
    assert_eq!(foreign.status(), 403);
    assert!(source(&service)["reason"].as_str().unwrap().contains("the last request was refused"), "{}", source(&service));
}

#[test]
fn differences_that_were_acknowledged_survive_sigkill_and_none_counts_twice() {
    let folder = Folder::new();
    let begun = now_ms() - 600_000;
    let mut sent = 0.0;
    let mut at = begun;
    for round in 0..3 {
        let service = folder.start();
        for step in 0..10 {
            let next = at + 10_000;
            let request = sum("d", 1, at, next, &[("a", f64::from(step)), ("b", 1.0)]).encode_to_vec();
            // A client that saw no answer sends it again.
            for _ in 0..=(step % 2) {
                assert_eq!(post(&service, PROTOBUF, None, request.clone()).status(), 200);
            }
            sent += f64::from(step);
            at = next;
        }
        let last = sum("d", 1, at - 10_000, at, &[("a", 9.0), ("b", 1.0)]).encode_to_vec();
        service.kill();
        let service = folder.start();
        assert_eq!(post(&service, PROTOBUF, None, last).status(), 200);
        let total = || value(&service, &format!(r#"d_total{{n="a"}} @ {}"#, at as f64 / 1e3));
        assert_eq!(total(), Some(sent), "round {round}: the last difference, sent again after a restart");
        let rise = |n: &str| value(&service, &format!(r#"increase(d_total{{n="{n}"}}[20m] anchored)"#));
        assert_eq!((rise("a"), rise("b")), (Some(sent), Some(f64::from((round + 1) * 10))));
        let rows = service.samples(r#"d_total{n="a"}[20m]"#);
        assert!(rows.windows(2).all(|pair| pair[0].1 <= pair[1].1), "nothing fell: {rows:?}");
        service.kill();
    }
}

#[test]
fn a_difference_whose_answer_was_lost_counts_once_when_it_is_sent_again() {
    let folder = Folder::new();
    // One flush takes longer than a client is made to wait.
    let service =
        folder.start_with(&[], &[("TASKPULSE__SYSTEM__ENABLED", "false"), ("FAILPOINTS", "store::commit=2*off->1*sleep(12000)->off")]);
    let begun = now_ms() - 200_000;
    let (mut at, mut refused) = (begun, 0);
    for _ in 0..12 {
        let request = sum("d", 1, at, at + 10_000, &[("a", 7.0)]).encode_to_vec();
        eventually("it is taken", || {
            let response = post(&service, PROTOBUF, None, request.clone());
            if response.status() == 503 {
                refused += 1;
                assert_eq!(response.headers()["retry-after"], "1");
                assert!(String::from_utf8_lossy(&response.bytes().unwrap()).contains("send it again"));
                return None;
            }
            assert_eq!(response.status(), 200);
            Some(())
        });
        at += 10_000;
    }
    assert!(refused > 0, "an answer was late");
    assert_eq!(value(&service, "increase(d_total[10m] anchored)"), Some(84.0));
    service.kill();
    assert_eq!(value(&folder.start(), "increase(d_total[10m] anchored)"), Some(84.0));
}

#[test]
fn with_a_token_it_has_to_be_shown() {
    let folder = Folder::new();
    let service =
        folder.start_with(&[], &[("TASKPULSE__SERVER__TOKEN", "correct-horse-battery"), ("TASKPULSE__OTLP__SCOPE_LABELS", "true")]);
    let request = || service.client.post(service.url("/v1/metrics")).header("content-type", JSON).body("{}");
    assert_eq!(request().send().unwrap().status(), 401);
    assert_eq!(request().bearer_auth("correct-horse-battery").send().unwrap().status(), 200);
}

#[test]
fn many_senders_at_once_lose_nothing() {
    let folder = Folder::new();
    let service = folder.start();
    let begun = now_ms() - 400_000;
    std::thread::scope(|scope| {
        for sender in 0..8 {
            let service = &service;
            scope.spawn(move || {
                let name = format!("s{sender}");
                for step in 0..25 {
                    let from = begun + step * 10_000;
                    let request = sum("d", 1, from, from + 10_000, &[(&name, 3.0)]).encode_to_vec();
                    assert_eq!(post(service, PROTOBUF, None, request).status(), 200);
                }
            });
        }
    });
    assert_eq!(value(&service, "sum(increase(d_total[20m] anchored))"), Some(600.0));
    // Processes without an instance of their own are one series, and overtake each other.
    for step in 0..10 {
        std::thread::scope(|scope| {
            for sender in 0..6 {
                let service = &service;
                let from = begun + step * 10_000 + sender;
                let request = sum("shared", 1, from, from + 10_000, &[("a", 2.0)]).encode_to_vec();
                scope.spawn(move || assert_eq!(post(service, PROTOBUF, None, request).bytes().unwrap(), Vec::<u8>::new()));
            }
        });
    }
    assert_eq!(value(&service, "increase(shared_total[20m] anchored)"), Some(120.0));
}

#[test]
fn telemetry_of_a_coding_agent_shows_what_a_task_cost() {
    let folder = Folder::new();
    let now = now_ms();
    let start = now - 300_000;
    let board = |status: &str, at: i64| {
        let at = jiff::Timestamp::from_millisecond(at).unwrap().to_string();
        let board = json!({"master": {"tasks": [{"id": 1, "title": "t", "status": status, "updatedAt": at, "dependencies": []}]}});
        std::fs::create_dir_all(folder.path().join(".taskmaster/tasks")).unwrap();
        replace(&folder.path().join(".taskmaster/tasks/tasks.json"), board.to_string().as_bytes());
    };
    board("pending", now - 600_000);
    let service = folder.start();
    let item = || {
        let data = service.data("/api/v1/tasks");
        data["boards"].as_array()?.first()?["items"].as_array()?.first().cloned()
    };
    eventually("the board", item);
    board("in-progress", start);
    eventually("the start", || item()?["in_progress_since"].as_f64());
    // As Claude Code exports by default: differences, every minute, a session's attributes on each point.
    let export = |from: i64, to: i64, tokens: [i64; 2], dollars: f64, seconds: f64| {
        let point = |more: &[(&str, &str)], v: Value| {
            let attributes: Vec<Value> = [("session.id", "s-1"), ("model", "opus")]
                .iter()
                .chain(more)
                .map(|(k, v)| json!({"key": k, "value": {"stringValue": v}}))
                .collect();
            let mut point =
                json!({"attributes": attributes, "startTimeUnixNano": nanos(from).to_string(), "timeUnixNano": nanos(to).to_string()});
            let field = if v.is_i64() { "asInt" } else { "asDouble" };
            point[field] = v;
            point
        };
        let sum = |name: &str, unit: &str, points: Vec<Value>| json!({"name": name, "unit": unit, "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": points}});
        let request = json!({"resourceMetrics": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "claude-code"}}, {"key": "service.version", "value": {"stringValue": "2.0"}}]},
            "scopeMetrics": [{"scope": {"name": "com.anthropic.claude_code"}, "metrics": [
                sum("claude_code.token.usage", "tokens", vec![point(&[("type", "input")], json!(tokens[0])), point(&[("type", "output")], json!(tokens[1]))]),
                sum("claude_code.cost.usage", "USD", vec![point(&[], json!(dollars))]),
                sum("claude_code.active_time.total", "s", vec![point(&[("type", "cli")], json!(seconds))])]}]}]});
        assert_eq!(post_json(&service, &request), (200, json!({})));
    };
    export(start - 60_000, start - 10_000, [9_000, 900], 9.0, 90.0);
    export(start - 10_000, start + 50_000, [100, 10], 0.25, 12.5);
    export(start + 50_000, start + 110_000, [200, 20], 0.5, 30.0);
    export(start + 110_000, start + 240_000, [7_000, 700], 7.0, 70.0);
    board("done", start + 200_000);
    let cost = eventually("the cost", || Some(item()?["cost"].clone()).filter(|c| c["wall_seconds"] == 200.0 && c["tokens"].is_object()));
    assert_eq!(cost["tokens"], json!({"input": 300.0, "output": 30.0}), "{cost}");
    assert_eq!((&cost["money"], &cost["active_seconds"]), (&json!(0.75), &json!(42.5)), "{cost}");
    assert_eq!(value(&service, r#"claude_code_token_usage_tokens_total{type="input",session_id="s-1",job="claude-code"}"#), Some(16_300.0));
}

#[test]
fn the_python_sdk_is_understood_in_both_temporalities() {
    let Some(programs) = otlp::python_sdk("opentelemetry.exporter.otlp.proto.http.metric_exporter") else { return };
    let folder = Folder::new();
    let service = folder.start();
    for temporality in ["cumulative", "delta"] {
        let done = Command::new(programs.join("python"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/otlp/sdk.py"))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", service.url(""))
            .env("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)
            .env("OTEL_EXPORTER_OTLP_COMPRESSION", if temporality == "delta" { "gzip" } else { "none" })
            .env("OTEL_RESOURCE_ATTRIBUTES", format!("service.name={temporality},service.instance.id=i-1,team=blue"))
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success() && !said.contains("ERROR") && !said.contains("rror"), "{said}");
        let job = format!("job=\"{temporality}\"");
        for (query, expected) in [
            ("work_done_total{JOB,kind=\"a\"}", 6.0),
            ("work_done_total{JOB,kind=\"b\"}", 1.5),
            ("work_open{JOB}", 3.0),
            ("room_temperature_celsius{JOB}", 21.5),
            ("looked_total{JOB}", 30.0),
            ("looked_up_and_down_bytes{JOB}", -7.0),
            ("looked_gauge_ratio{JOB}", 0.25),
            ("request_duration_seconds_count{JOB}", 4.0),
            ("request_duration_seconds_sum{JOB}", 0.3125),
            ("request_duration_seconds_bucket{JOB,le=\"0.05\"}", 2.0),
            ("request_duration_seconds_bucket{JOB,le=\"0.25\"}", 4.0),
            ("request_duration_seconds_bucket{JOB,le=\"+Inf\"}", 4.0),
            ("fine_duration_milliseconds_count{JOB}", 5.0),
            ("fine_duration_milliseconds_bucket{JOB,le=\"0\"}", 1.0),
            ("fine_duration_milliseconds_bucket{JOB,le=\"2\"}", 2.0),
            ("fine_duration_milliseconds_bucket{JOB,le=\"3.0844216508158815\"}", 3.0),
            ("fine_duration_milliseconds_bucket{JOB,le=\"1024\"}", 5.0),
            ("fine_duration_milliseconds_bucket{JOB,le=\"+Inf\"}", 5.0),
            ("target_info{JOB,team=\"blue\",telemetry_sdk_language=\"python\",instance=\"i-1\"}", 1.0),
            ("sum(increase(work_done_total{JOB}[10m] anchored))", 7.5),
        ] {
            let query = query.replace("JOB", &job);
            assert_eq!(value(&service, &query), Some(expected), "{query}: {:?}", service.query(&format!("{{{job}}}")));
        }
        // 0, 2, 3, 1,000 and 1,001: the third is in (2.83, 3.08].
        let median = value(&service, &format!("histogram_quantile(0.5, fine_duration_milliseconds_bucket{{{job}}})")).unwrap();
        assert!((2.8..=3.1).contains(&median), "{median}");
    }
    assert_eq!(source(&service)["reason"], Value::Null, "{}", source(&service));
}
