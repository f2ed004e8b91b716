//! A trace as OpenTelemetry's messages: protobuf, and JSON as Tempo writes it (ids in base64, kinds by name).
//!
//! Values of attributes are texts, as they are kept.

use std::fmt::Write as _;
use std::sync::Arc;

use prost::Message;
use serde_json::{Map, Value, json};

use super::span::{Attributes, Event, FullSpan, Kind, Link, Span, Status};
use crate::otlp::value::base64;

/// Spans of one resource and one scope.
struct Group {
    resource: Arc<Attributes>,
    scope: Arc<(String, String)>,
    spans: Vec<Span>,
}

/// A trace to be sent.
pub struct TraceMessage {
    groups: Vec<Group>,
    /// Why it is not whole.
    partial: Option<String>,
}

impl TraceMessage {
    /// Of the spans of a trace; `partial` says what of it is left out.
    #[must_use]
    pub fn new(spans: Vec<FullSpan>, partial: Option<String>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for full in spans {
            let same = |group: &Group| {
                (Arc::ptr_eq(&group.resource, &full.resource) || group.resource == full.resource) && group.scope == full.scope
            };
            // Traces have few resources; the last one comes again most often.
            match groups.iter().rposition(same) {
                Some(at) => groups[at].spans.push(full.span),
                None => groups.push(Group { resource: full.resource, scope: full.scope, spans: vec![full.span] }),
            }
        }
        Self { groups, partial }
    }

    /// As `TracesData` in protobuf.
    #[must_use]
    pub fn protobuf(self) -> Vec<u8> {
        self.data().encode_to_vec()
    }

    /// As Tempo's `TraceByIDResponse` in protobuf.
    #[must_use]
    pub fn response_protobuf(mut self) -> Vec<u8> {
        let message = self.partial.take();
        ResponseProto { trace: Some(self.data()), status: i32::from(message.is_some()), message: message.unwrap_or_default() }
            .encode_to_vec()
    }

    /// As JSON: `{"batches":[…]}`.
    #[must_use]
    pub fn json(&self) -> String {
        format!("{{\"batches\":{}}}", self.resources())
    }

    /// As Tempo's `TraceByIDResponse` in JSON.
    #[must_use]
    pub fn response_json(&self) -> String {
        let partial = self.partial.as_ref().map_or_else(String::new, |why| format!(",\"status\":\"PARTIAL\",\"message\":{}", json!(why)));
        format!("{{\"trace\":{{\"resourceSpans\":{}}},\"metrics\":{{}}{partial}}}", self.resources())
    }

    /// The groups, in text: of large traces no tree is made.
    fn resources(&self) -> String {
        let mut out = String::from("[");
        for (at, group) in self.groups.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let resource = json!({"attributes": attributes_json(&group.resource)});
            let scope = json!({"name": group.scope.0, "version": group.scope.1});
            let _ = write!(out, "{comma}{{\"resource\":{resource},\"scopeSpans\":[{{\"scope\":{scope},\"spans\":[");
            for (at, span) in group.spans.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let _ = write!(out, "{comma}{}", span_json(span));
            }
            out.push_str("]}]}");
        }
        out.push(']');
        out
    }

    fn data(self) -> DataProto {
        let resource_spans = self.groups.into_iter().map(|group| ResourceSpansProto {
            resource: Some(ResourceProto { attributes: attributes_proto(group.resource.iter()) }),
            scope_spans: vec![ScopeSpansProto {
                scope: Some(ScopeProto { name: group.scope.0.clone(), version: group.scope.1.clone() }),
                spans: group.spans.into_iter().map(SpanProto::from).collect(),
            }],
        });
        DataProto { resource_spans: resource_spans.collect() }
    }
}

fn attributes_json(attributes: &Attributes) -> Vec<Value> {
    attributes.iter().map(|(name, value)| json!({"key": name, "value": {"stringValue": value}})).collect()
}

fn kind_name(kind: Kind) -> String {
    format!("SPAN_KIND_{}", kind.word().to_ascii_uppercase())
}

fn span_json(span: &Span) -> Value {
    let mut out = Map::new();
    out.insert("traceId".to_owned(), json!(base64(&span.trace)));
    out.insert("spanId".to_owned(), json!(base64(&span.span)));
    if !span.is_root() {
        out.insert("parentSpanId".to_owned(), json!(base64(&span.parent)));
    }
    out.insert("name".to_owned(), json!(span.name));
    out.insert("kind".to_owned(), json!(kind_name(span.kind)));
    out.insert("startTimeUnixNano".to_owned(), json!(span.start.to_string()));
    out.insert("endTimeUnixNano".to_owned(), json!(span.end.to_string()));
    out.insert("attributes".to_owned(), attributes_json(&span.attributes).into());
    if span.dropped > 0 {
        out.insert("droppedAttributesCount".to_owned(), json!(dropped(span)));
    }
    if !span.events.is_empty() {
        let event = |event: &Event| json!({"timeUnixNano": event.time.to_string(), "name": event.name, "attributes": attributes_json(&event.attributes)});
        out.insert("events".to_owned(), span.events.iter().map(event).collect());
    }
    if !span.links.is_empty() {
        let link = |link: &Link| json!({"traceId": base64(&link.trace), "spanId": base64(&link.span), "attributes": attributes_json(&link.attributes)});
        out.insert("links".to_owned(), span.links.iter().map(link).collect());
    }
    let mut status = Map::new();
    if span.status != Status::Unset {
        status.insert("code".to_owned(), json!(if span.status == Status::Error { "STATUS_CODE_ERROR" } else { "STATUS_CODE_OK" }));
    }
    if !span.message.is_empty() {
        status.insert("message".to_owned(), json!(span.message));
    }
    out.insert("status".to_owned(), status.into());
    Value::Object(out)
}

fn dropped(span: &Span) -> u32 {
    span.dropped.try_into().unwrap_or(u32::MAX)
}

fn attributes_proto<'a>(attributes: impl Iterator<Item = &'a (String, String)>) -> Vec<KeyValueProto> {
    attributes.map(|(key, value)| KeyValueProto { key: key.clone(), value: Some(AnyProto { text: Some(value.clone()) }) }).collect()
}

impl From<Span> for SpanProto {
    fn from(span: Span) -> Self {
        Self {
            trace: span.trace.to_vec(),
            span: span.span.to_vec(),
            parent: if span.is_root() { Vec::new() } else { span.parent.to_vec() },
            kind: span.kind.number().into(),
            start: span.start.cast_unsigned(),
            end: span.end.cast_unsigned(),
            attributes: attributes_proto(span.attributes.iter()),
            dropped: dropped(&span),
            events: span
                .events
                .into_iter()
                .map(|event| EventProto {
                    time: event.time.cast_unsigned(),
                    attributes: attributes_proto(event.attributes.iter()),
                    name: event.name,
                })
                .collect(),
            links: span
                .links
                .into_iter()
                .map(|link| LinkProto {
                    trace: link.trace.to_vec(),
                    span: link.span.to_vec(),
                    attributes: attributes_proto(link.attributes.iter()),
                })
                .collect(),
            status: Some(StatusProto { message: span.message, code: span.status.number().into() }),
            name: span.name,
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct ResponseProto {
    #[prost(message, optional, tag = "1")]
    trace: Option<DataProto>,
    #[prost(int32, tag = "3")]
    status: i32,
    #[prost(string, tag = "4")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct DataProto {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpansProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpansProto {
    #[prost(message, optional, tag = "1")]
    resource: Option<ResourceProto>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpansProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceProto {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValueProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpansProto {
    #[prost(message, optional, tag = "1")]
    scope: Option<ScopeProto>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<SpanProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValueProto {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyProto>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyProto {
    /// One of several; written also where it is empty.
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct SpanProto {
    #[prost(bytes = "vec", tag = "1")]
    trace: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start: u64,
    #[prost(fixed64, tag = "8")]
    end: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValueProto>,
    #[prost(uint32, tag = "10")]
    dropped: u32,
    #[prost(message, repeated, tag = "11")]
    events: Vec<EventProto>,
    #[prost(message, repeated, tag = "13")]
    links: Vec<LinkProto>,
    #[prost(message, optional, tag = "15")]
    status: Option<StatusProto>,
}

#[derive(Clone, PartialEq, Message)]
struct EventProto {
    #[prost(fixed64, tag = "1")]
    time: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    attributes: Vec<KeyValueProto>,
}

#[derive(Clone, PartialEq, Message)]
struct LinkProto {
    #[prost(bytes = "vec", tag = "1")]
    trace: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    attributes: Vec<KeyValueProto>,
}

#[derive(Clone, PartialEq, Message)]
struct StatusProto {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::Encoding;
    use crate::traces::otlp;

    fn trace() -> Vec<FullSpan> {
        let mut spans = crate::traces::traceql::tests::traces().0;
        spans.retain(|span| span.span.trace[0] < 3);
        spans
    }

    #[test]
    fn what_is_sent_is_what_was_kept() {
        let spans = trace();
        let sorted = |spans: Vec<FullSpan>| {
            let mut spans = spans;
            spans.sort_by_key(|span| (span.span.trace, span.span.span));
            spans
        };
        let wanted = sorted(spans.clone());
        let taken = otlp::take(Encoding::Protobuf, &TraceMessage::new(spans.clone(), None).protobuf()).unwrap();
        assert_eq!(sorted(taken.spans.into_iter().flat_map(crate::traces::Spans::full).collect()), wanted);
        let json = TraceMessage::new(spans.clone(), None).json().replacen("batches", "resourceSpans", 1);
        let read = otlp::take(Encoding::Json, json.as_bytes()).unwrap();
        assert_eq!(sorted(read.spans.into_iter().flat_map(crate::traces::Spans::full).collect()), wanted, "{json}");
        // The response has the same trace within, and says what it leaves out.
        let bytes = TraceMessage::new(spans.clone(), Some("the first".to_owned())).response_protobuf();
        let response = ResponseProto::decode(bytes.as_slice()).unwrap();
        assert_eq!((response.status, response.message.as_str()), (1, "the first"));
        assert_eq!(response.trace.unwrap().encode_to_vec(), TraceMessage::new(spans.clone(), None).protobuf());
        let text = TraceMessage::new(spans, Some("the first".to_owned())).response_json();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["status"], value["trace"]["resourceSpans"].as_array().map(Vec::len)), (&json!("PARTIAL"), Some(2)));
    }
}
