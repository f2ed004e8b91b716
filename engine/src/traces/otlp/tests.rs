use serde_json::json;

use super::*;
use crate::wire::build::{bytes, fixed64, number};

const AT: u64 = 1_795_000_000_000_000_000;

fn pair(field: u64, key: &str, value: &str) -> Vec<u8> {
    bytes(field, [bytes(1, key), bytes(2, bytes(1, value))].concat())
}

/// A request of one service and scope. The resource comes last, as it may.
fn protobuf(spans: &[Vec<u8>]) -> Vec<u8> {
    let scope = [spans.iter().flat_map(|span| bytes(2, span)).collect(), bytes(1, [bytes(1, "lib"), bytes(2, "1.2")].concat())].concat();
    bytes(1, [bytes(2, scope), bytes(1, pair(1, "service.name", "cart"))].concat())
}

fn in_json(spans: &serde_json::Value) -> Vec<u8> {
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]});
    let scope = json!({"scope": {"name": "lib", "version": "1.2"}, "spans": spans});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}).to_string().into_bytes()
}

fn whole() -> (Vec<u8>, serde_json::Value) {
    let in_protobuf = [
        bytes(1, [1; 16]),
        bytes(2, [2; 8]),
        bytes(3, "a=b"),
        bytes(4, [3; 8]),
        bytes(5, "GET /cart"),
        number(6, 2),
        fixed64(7, AT),
        fixed64(8, AT + 5),
        pair(9, "http.route", "/cart"),
        pair(9, "a", "1"),
        number(10, 1),
        bytes(11, [fixed64(1, AT + 1), bytes(2, "exception"), pair(3, "exception.type", "E")].concat()),
        number(12, 2),
        bytes(13, [bytes(1, [4; 16]), bytes(2, [5; 8]), pair(4, "why", "retry")].concat()),
        bytes(15, [bytes(2, "no stock"), number(3, 2)].concat()),
    ];
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let in_text = json!({"traceId": "01".repeat(16), "spanId": "AgICAgICAgI=", "parentSpanId": "03".repeat(8), "traceState": "a=b", "name": "GET /cart",
        "kind": "SPAN_KIND_SERVER", "startTimeUnixNano": AT.to_string(), "endTimeUnixNano": AT + 5,
        "attributes": [attribute("http.route", "/cart"), attribute("a", "1")], "droppedAttributesCount": "1", "droppedEventsCount": 2,
        "events": [{"timeUnixNano": AT + 1, "name": "exception", "attributes": [attribute("exception.type", "E")]}],
        "links": [{"traceId": "04".repeat(16), "spanId": "05".repeat(8), "attributes": [attribute("why", "retry")]}],
        "status": {"code": "STATUS_CODE_ERROR", "message": "no stock"}, "flags": 257, "new": {}});
    (in_protobuf.concat(), in_text)
}

#[test]
fn a_request_is_the_same_spans_in_both_encodings() {
    let (span, in_text) = whole();
    let first = take(Encoding::Protobuf, &protobuf(&[span])).unwrap();
    let second = take(Encoding::Json, &in_json(&json!([in_text]))).unwrap();
    assert_eq!(first.spans, second.spans);
    assert_eq!((first.count, first.refused), (1, 0));
    let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = Span {
        trace: [1; 16],
        span: [2; 8],
        parent: [3; 8],
        name: "GET /cart".to_owned(),
        kind: Kind::Server,
        start: AT.cast_signed(),
        end: AT.cast_signed() + 5,
        status: Status::Error,
        message: "no stock".to_owned(),
        attributes: vec![of("a", "1"), of("http.route", "/cart")],
        events: vec![Event { time: AT.cast_signed() + 1, name: "exception".to_owned(), attributes: vec![of("exception.type", "E")] }],
        links: vec![Link { trace: [4; 16], span: [5; 8], attributes: vec![of("why", "retry")] }],
        dropped: 3,
    };
    let spans = &first.spans[0];
    assert_eq!((spans.service.as_str(), &spans.scope, &spans.resource), ("cart", &of("lib", "1.2"), &vec![of("service.name", "cart")]));
    assert_eq!(spans.spans, [expected]);
}

#[test]
fn what_cannot_be_found_again_is_refused_and_what_is_too_much_is_dropped() {
    let ids = json!({"traceId": "01".repeat(16), "spanId": "02".repeat(8)});
    let with = |more: serde_json::Value| {
        let mut span = ids.clone();
        more.as_object().unwrap().iter().for_each(|(key, value)| span[key] = value.clone());
        span
    };
    let attributes: Vec<_> = (0..1_000).map(|n| json!({"key": format!("k{n}"), "value": {"intValue": n}})).collect();
    let events: Vec<_> = (0..200).map(|n| json!({"name": format!("e{n}")})).collect();
    let spans = json!([
        with(
            json!({"parentSpanId": null, "attributes": attributes, "events": events, "status": null, "kind": 99, "name": "x".repeat(5_000)})
        ),
        with(json!({"spanId": ""})),
        with(json!({"traceId": "00".repeat(16)})),
        with(json!({"endTimeUnixNano": u64::MAX.to_string()})),
        with(json!({"attributes": [{"key": "none", "value": {}}]})),
    ]);
    let taken = take(Encoding::Json, &in_json(&spans)).unwrap();
    assert_eq!((taken.count, taken.refused, taken.reasons.len()), (2, 3, 3));
    assert!(taken.reasons[0].contains("trace id") && taken.reasons[2].contains("2262"), "{:?}", taken.reasons);
    let spans = &taken.spans[0].spans;
    assert_eq!((spans[0].attributes.len(), spans[0].events.len(), spans[0].dropped), (MAX_OF_EACH, MAX_OF_EACH, 1_000 + 200 - 2 * 128));
    assert_eq!((spans[0].kind, spans[0].status, spans[0].name.len()), (Kind::Unspecified, Status::Unset, MAX_NAME));
    assert!(spans[1].attributes.is_empty());
    let many = protobuf(&vec![[bytes(1, [1; 16]), bytes(2, [2; 8])].concat(); 800_000]);
    assert_eq!(take(Encoding::Protobuf, &many).unwrap_err(), PushError::TooLarge);
    for (encoding, request, part) in [
        (Encoding::Protobuf, &[0x0a, 5][..], "it ends early"),
        (Encoding::Protobuf, &protobuf(&[number(7, 5)]), "another wire type"),
        (Encoding::Json, b"[]", "`{\"resourceSpans\":[…]}`"),
        (Encoding::Json, br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"x"}]}]}]}"#, "whole number"),
    ] {
        let why = take(encoding, request).unwrap_err().to_string();
        assert!(why.contains("ExportTraceServiceRequest") && why.contains(part), "{why}");
    }
}

/// Valid requests, for the fuzzer.
pub(crate) fn samples_of_requests() -> Vec<Vec<u8>> {
    let (span, in_text) = whole();
    vec![protobuf(&[span.clone(), span]), in_json(&json!([in_text, {}]))]
}

/// Reads bytes as either kind of request, and checks what comes of it.
pub(crate) fn take_anything(request: &[u8]) {
    for taken in [take(Encoding::Protobuf, request), take(Encoding::Json, request)].into_iter().flatten() {
        assert_eq!(taken.spans.iter().map(|spans| spans.spans.len()).sum::<usize>(), taken.count);
        for span in taken.spans.iter().flat_map(|spans| &spans.spans) {
            assert!(span.trace != [0; 16] && span.span != [0; 8] && span.attributes.len() <= MAX_OF_EACH);
            assert!(span.attributes.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
