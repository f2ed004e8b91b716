use serde_json::{Value, json};

use super::collect::MAX_ATTRIBUTES;
use super::*;
use crate::logs::record::{MAX_BODY, MAX_VALUE, Record, StreamLines};
use crate::otlp::Encoding;
use crate::wire::build::{bytes, fixed32, fixed64, number};

const ARRIVED: i64 = 1_795_000_000_000_000_000;
const NOW: u64 = 1_795_000_000_123_456_789;

fn any(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => bytes(1, text),
        Value::Bool(v) => number(2, u64::from(*v)),
        Value::Number(v) if v.is_i64() => number(3, v.as_i64().unwrap().cast_unsigned()),
        Value::Number(v) => fixed64(4, v.as_f64().unwrap().to_bits()),
        Value::Array(list) => bytes(5, list.iter().flat_map(|v| bytes(1, any(v))).collect::<Vec<_>>()),
        Value::Object(map) => bytes(6, map.iter().flat_map(|(k, v)| pair(1, k, v)).collect::<Vec<_>>()),
        Value::Null => Vec::new(),
    }
}

fn pair(field: u64, key: &str, value: &Value) -> Vec<u8> {
    bytes(field, [bytes(1, key), bytes(2, any(value))].concat())
}

fn pairs(field: u64, attributes: &Value) -> Vec<u8> {
    attributes.as_object().unwrap().iter().flat_map(|(key, value)| pair(field, key, value)).collect()
}

/// A request with one resource, one scope and records that are written already. The resource comes last, as it may.
fn protobuf(resource: &Value, scope: &Value, records: &[Vec<u8>]) -> Vec<u8> {
    let records = records.iter().flat_map(|record| bytes(2, record));
    let scope = [records.collect(), bytes(1, [bytes(1, "lib"), bytes(2, "1.2"), pairs(3, scope)].concat())].concat();
    bytes(1, [bytes(2, scope), bytes(1, pairs(1, resource))].concat())
}

fn json_any(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(v) => json!({"boolValue": v}),
        Value::Number(v) if v.is_i64() => json!({"intValue": v.to_string()}),
        Value::Number(v) => json!({"doubleValue": v}),
        Value::Array(list) => json!({"arrayValue": {"values": list.iter().map(json_any).collect::<Vec<_>>()}}),
        Value::Object(_) => json!({"kvlistValue": {"values": json_pairs(value)}}),
        Value::Null => json!({}),
    }
}

fn json_pairs(attributes: &Value) -> Vec<Value> {
    attributes.as_object().unwrap().iter().map(|(key, value)| json!({"key": key, "value": json_any(value)})).collect()
}

fn in_json(resource: &Value, scope: &Value, records: &[Value]) -> Vec<u8> {
    let scope = json!({"scope": {"name": "lib", "version": "1.2", "attributes": json_pairs(scope)}, "logRecords": records});
    json!({"resourceLogs": [{"resource": {"attributes": json_pairs(resource)}, "scopeLogs": [scope]}]}).to_string().into_bytes()
}

fn take(encoding: Encoding, request: &[u8]) -> Taken {
    otlp::take(encoding, request, &["team".to_owned()], ARRIVED).unwrap()
}

/// Lines as text: stream, time after [`ARRIVED`], level, body, attributes.
fn shown(lines: &[StreamLines]) -> Vec<String> {
    let attributes = |record: &Record| record.attributes.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ");
    let line = |record: &Record| {
        let body = record.body.escape_ascii();
        format!("{} {} `{body}` {}", record.time - ARRIVED, record.severity.word(), attributes(record))
    };
    lines.iter().flat_map(|stream| stream.records.iter().map(|record| format!("{} {}", stream.labels.in_braces(), line(record)))).collect()
}

#[test]
fn a_request_is_the_same_lines_in_both_encodings() {
    let resource =
        json!({"service.name": "cart", "host.name": "h", "service.instance.id": "i-1", "team": "blue", "a.b": "resource", "model": "x"});
    let scope = json!({"a.b": "scope", "c": true});
    let record = [
        fixed64(1, NOW),
        number(2, 17),
        bytes(3, "ERR"),
        bytes(5, any(&json!("it failed"))),
        pairs(6, &json!({"a.b": "own", "n": -3, "f": 0.5, "list": [1, "x"], "map": {"k": null}, "none": null, "empty": ""})),
        number(7, 2),
        fixed32(8, 1),
        bytes(9, [1; 16]),
        bytes(10, [2; 8]),
        fixed64(11, NOW + 1),
        bytes(12, "checkout"),
    ];
    let in_text = json!({"timeUnixNano": NOW.to_string(), "severityNumber": "SEVERITY_NUMBER_ERROR", "severityText": "ERR",
        "body": {"stringValue": "it failed"},
        "attributes": json_pairs(&json!({"a.b": "own", "n": -3, "f": 0.5, "list": [1, "x"], "map": {"k": null}, "none": null, "empty": ""})),
        "droppedAttributesCount": "2", "flags": 1, "traceId": "01010101010101010101010101010101", "spanId": "AgICAgICAgI=",
        "observedTimeUnixNano": NOW + 1, "eventName": "checkout", "unknown": [{}]});
    let first = take(Encoding::Protobuf, &protobuf(&resource, &scope, &[record.concat()]));
    let second = take(Encoding::Json, &in_json(&resource, &scope, &[in_text]));
    assert_eq!(first.lines, second.lines);
    assert_eq!(
        shown(&first.lines),
        [format!(
            "{{host_name=\"h\", service_name=\"cart\", team=\"blue\"}} 123456789 error `it failed` a_b=own c=true dropped_attributes_count=2 empty= \
             event_name=checkout f=0.5 flags=1 list=[1,\"x\"] map={{\"k\":null}} model=x n=-3 observed_timestamp={} scope_name=lib \
             scope_version=1.2 service_instance_id=i-1 severity_text=ERR",
            NOW + 1
        )
        .replace("\\\"", "\"")]
    );
    let record = &first.lines[0].records[0];
    assert_eq!((record.trace, record.span), ([1; 16], [2; 8]));
    assert_eq!((first.count, first.refused, first.newest), (1, 0, NOW.cast_signed()));
    assert!(first.warnings.is_empty(), "{:?}", first.warnings);
}

#[test]
fn what_clients_leave_out_or_write_otherwise_is_understood() {
    let nothing = json!({});
    for (record, expected) in [
        // As Codex sends it.
        (
            json!({"timeUnixNano": "0", "observedTimeUnixNano": (ARRIVED + 5).to_string(), "severityNumber": 9, "body": null, "traceId": "",
                "attributes": json_pairs(&json!({"event.name": "codex.x"})), "eventName": "event otel/src/a.rs:703"}),
            "5 info `` event_name=codex.x scope_name=lib scope_version=1.2",
        ),
        (json!({}), "0 unknown `` scope_name=lib scope_version=1.2"),
        (
            json!({"attributes": null, "body": {"stringValue": null}, "severityText": "Warning"}),
            "0 warn `` scope_name=lib scope_version=1.2 severity_text=Warning",
        ),
        (
            json!({"body": {"kvlistValue": {"values": json_pairs(&json!({"a": 1, "b": "x"}))}}}),
            r#"0 unknown `{\"a\":1,\"b\":\"x\"}` scope_name=lib scope_version=1.2"#,
        ),
        (json!({"body": {"intValue": 7}, "severityNumber": 99}), "0 unknown `7` scope_name=lib scope_version=1.2 severity_number=99"),
        (json!({"body": {"stringValue": "level=debug x"}}), "0 debug `level=debug x` scope_name=lib scope_version=1.2"),
        (json!({"body": {"stringValue": "\u{1b}[31mERROR\u{0} x"}}), r"0 unknown `\x1b[31mERROR\x00 x` scope_name=lib scope_version=1.2"),
        (json!({"body": {"bytesValue": "YWL/"}}), r"0 unknown `ab\xff` scope_name=lib scope_version=1.2"),
    ] {
        let taken = take(Encoding::Json, &in_json(&nothing, &nothing, std::slice::from_ref(&record)));
        assert_eq!(shown(&taken.lines), [format!("{{service_name=\"unknown_service\"}} {expected}")], "{record}");
    }
    let half = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"cut \ud83d"},"severityText":"caf"#;
    let half = [&half[..], b"\xe9\"}]}]}]}"].concat();
    let taken = take(Encoding::Json, &half);
    assert_eq!(taken.count, 1);
    let text = b"caf\xe9 \xff\xfe".to_vec();
    let record = [bytes(5, bytes(1, &text)), bytes(6, [bytes(1, b"k\xff"), bytes(2, bytes(1, &text))].concat())].concat();
    let taken = take(Encoding::Protobuf, &protobuf(&nothing, &nothing, &[record]));
    assert_eq!(taken.lines[0].records[0].body, text, "bytes that are no UTF-8 stay");
    assert_eq!(taken.lines[0].records[0].attributes[0], ("k_".to_owned(), "caf\u{fffd} \u{fffd}\u{fffd}".to_owned()));
    for empty in [&b""[..], &bytes(1, []), &bytes(1, bytes(2, []))] {
        assert_eq!(take(Encoding::Protobuf, empty).count, 0);
    }
    assert_eq!(take(Encoding::Json, b"{}").count + take(Encoding::Json, br#"{"resourceLogs":null}"#).count, 0);
}

#[test]
fn what_is_too_much_is_cut_or_dropped_and_told() {
    let nothing = json!({});
    let many: Vec<Value> = (0..100_000).map(|n| json!({"key": format!("k{n}"), "value": {"intValue": n}})).collect();
    let resource: serde_json::Map<String, Value> = (0..1_000).map(|n| (format!("r{n}"), json!("v"))).collect();
    let taken = take(Encoding::Json, &in_json(&Value::Object(resource), &nothing, &[json!({"attributes": many}), json!({})]));
    let lines = &taken.lines[0].records;
    assert_eq!(lines[0].attributes.len(), MAX_ATTRIBUTES + 1);
    let dropped =
        |record: &Record| record.attributes.iter().find(|(n, _)| n == "dropped_attributes_count").map(|(_, v)| v.parse::<usize>().unwrap());
    // Those of the resource have no room; two are of the scope.
    assert!(
        dropped(&lines[0]) > Some(100_000) && dropped(&lines[1]) == Some(1_002 - MAX_ATTRIBUTES),
        "{:?}",
        lines.iter().map(dropped).collect::<Vec<_>>()
    );
    assert!(taken.warnings.iter().any(|w| w.contains("attributes were dropped")), "{:?}", taken.warnings);

    let long = "é".repeat(MAX_BODY);
    let taken = take(
        Encoding::Json,
        &in_json(
            &nothing,
            &nothing,
            &[json!({"body": {"stringValue": long}, "attributes": json_pairs(&json!({"v": "é".repeat(MAX_VALUE)}))})],
        ),
    );
    let record = &taken.lines[0].records[0];
    assert_eq!((record.body.len(), record.attributes[0].0.as_str()), (MAX_BODY, "dropped_body_bytes"));
    assert_eq!(record.attributes[0].1, MAX_BODY.to_string());
    assert!(std::str::from_utf8(&record.body).is_ok());
    assert_eq!(record.attributes.iter().find(|(n, _)| n == "v").map(|(_, v)| v.len()), Some(MAX_VALUE));
    assert!(
        taken.warnings.iter().any(|w| w.contains("attribute `v` was cut")) && taken.warnings.iter().any(|w| w.contains("a line was cut"))
    );

    // Left out anyway, and agents show their users what is said of it.
    let instructions = json_pairs(&json!({"gen_ai.system_instructions": "x".repeat(2 * MAX_VALUE)}));
    let taken = take(Encoding::Json, &in_json(&nothing, &nothing, &[json!({"attributes": instructions})]));
    assert!(taken.warnings.is_empty(), "{:?}", taken.warnings);

    let late = take(Encoding::Json, &in_json(&nothing, &nothing, &[json!({"timeUnixNano": u64::MAX.to_string()}), json!({})]));
    assert_eq!((late.count, late.refused), (1, 1));
    assert!(late.reasons[0].contains("2262"), "{:?}", late.reasons);

    // A few bytes a line are many lines, and many copies of what they share.
    let small = protobuf(&nothing, &nothing, &vec![Vec::new(); 1_000_000]);
    assert_eq!(otlp::take(Encoding::Protobuf, &small, &[], ARRIVED).unwrap_err(), PushError::TooLarge);
    let shared = json!({"a": "x".repeat(60_000)});
    let copies = protobuf(&shared, &nothing, &vec![Vec::new(); 10_000]);
    assert_eq!(otlp::take(Encoding::Protobuf, &copies, &[], ARRIVED).unwrap_err(), PushError::TooLarge);
    let parts = format!(r#"{{"resourceLogs":[{}]}}"#, vec!["{}"; crate::otlp::MAX_PARTS].join(","));
    assert_eq!(otlp::take(Encoding::Json, parts.as_bytes(), &[], ARRIVED).unwrap_err(), PushError::TooLarge);
}

#[test]
fn requests_that_cannot_be_read_are_refused_with_the_place() {
    let deep = (0..200).fold(bytes(1, "x"), |inner, _| bytes(5, bytes(1, inner)));
    let deep = protobuf(&json!({}), &json!({}), &[bytes(5, deep)]);
    for (encoding, request, part) in [
        (Encoding::Protobuf, &[0x0a, 5][..], "it ends early at byte 2"),
        (Encoding::Protobuf, b"{}", "wire type"),
        (Encoding::Protobuf, &bytes(1, bytes(2, bytes(2, number(1, 5)))), "another wire type"),
        (Encoding::Protobuf, &deep, "nested too deeply"),
        (Encoding::Json, b"", "an object"),
        (Encoding::Json, b"[]", "an object"),
        (Encoding::Json, br#"{"resourceLogs":{}}"#, "line 1 column"),
        (Encoding::Json, br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[[]]}]}]}"#, "sequence"),
        (Encoding::Json, br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":"x"}]}]}]}"#, "stringValue"),
        (Encoding::Json, br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":-1}]}]}]}"#, "not below 0"),
        (Encoding::Json, br#"{"resourceLogs":[]"#, "EOF"),
    ] {
        let why = otlp::take(encoding, request, &[], ARRIVED).unwrap_err().to_string();
        assert!(why.contains("not a ExportLogsServiceRequest") && why.contains(part), "{why}");
    }
}

/// Valid requests of all kinds, for the fuzzer.
pub(crate) fn samples_of_requests() -> Vec<Vec<u8>> {
    let resource = json!({"service.name": "s", "a": [1, {"b": 0.5}]});
    let record =
        [fixed64(1, NOW), number(2, 9), bytes(5, any(&json!("level=info x"))), pairs(6, &resource), bytes(9, [1; 16]), fixed64(11, NOW)];
    let in_text = json!({"timeUnixNano": NOW.to_string(), "severityNumber": 9, "body": json_any(&resource), "attributes": json_pairs(&resource),
        "traceId": "01010101010101010101010101010101", "spanId": "AgICAgICAgI=", "eventName": "e"});
    let entry = [
        bytes(1, [number(1, 1_795_000_000), number(2, 5)].concat()),
        bytes(2, "{\"level\":\"warn\"}"),
        bytes(3, [bytes(1, "k"), bytes(2, "v")].concat()),
    ];
    vec![
        protobuf(&resource, &resource, &[record.concat(), Vec::new()]),
        in_json(&resource, &resource, &[in_text, json!({})]),
        bytes(1, [bytes(1, "{job=\"x\", b=\"\\u00e9\"}"), bytes(2, entry.concat())].concat()),
        br#"{"streams":[{"stream":{"job":"x","level":"error"},"values":[["1795000000000000000","a line",{"k":"v"}],[5,"npm ERR! b"]]}]}"#
            .to_vec(),
    ]
}

/// Reads bytes as each kind of request, and checks what comes of it.
pub(crate) fn take_anything(request: &[u8]) {
    let more = ["team".to_owned()];
    let taken = [
        otlp::take(Encoding::Protobuf, request, &more, ARRIVED),
        otlp::take(Encoding::Json, request, &more, ARRIVED),
        loki::take_protobuf(request),
        loki::take_json(request),
    ];
    for taken in taken.into_iter().flatten() {
        assert_eq!(taken.lines.iter().map(|stream| stream.records.len()).sum::<usize>(), taken.count);
        for stream in &taken.lines {
            assert!(!stream.records.is_empty() && stream.labels.iter().count() > 0 && stream.labels.name().is_empty());
            assert_eq!(crate::model::Labels::from_bytes(stream.labels.as_bytes()).as_ref(), Ok(&stream.labels));
            for record in &stream.records {
                assert!(record.attributes.windows(2).all(|pair| pair[0].0 < pair[1].0), "{record:?}");
                assert!(
                    record.attributes.iter().all(|(name, _)| !name.is_empty()) && record.severity.0 <= 24 && record.body.len() <= MAX_BODY
                );
            }
        }
    }
}

#[test]
fn requests_of_the_corpus_give_lines() {
    for request in samples_of_requests() {
        take_anything(&request);
    }
    let samples = samples_of_requests();
    assert_eq!(take(Encoding::Protobuf, &samples[0]).count + take(Encoding::Json, &samples[1]).count, 4);
    assert_eq!(loki::take_protobuf(&samples[2]).unwrap().count + loki::take_json(&samples[3]).unwrap().count, 3);
}
