//! Spans of OTLP/JSON.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error};

use super::fields::{number, soft};
use super::logs::request;
use super::values::{attributed, id, text};
use crate::otlp::decode::DecodeError;
use crate::otlp::messages::{Attributed, EventRecord, LinkRecord, SpanRecord};
use crate::otlp::value::Attribute;

super::fields::borrowed_messages! {
    Request { "soft" resource_spans: Vec<ResourceSpans<'a>>, }
    ResourceSpans { "attributed" resource: Attributed<'a>, "soft" scope_spans: Vec<ScopeSpans<'a>>, }
    ScopeSpans { "attributed" scope: Attributed<'a>, "soft" spans: Vec<Span<'a>>, }
    Span {
        "id" trace_id: Option<[u8; 16]>, "id" span_id: Option<[u8; 8]>, "id" parent_span_id: Option<[u8; 8]>, "text" name: Cow<'a, [u8]>,
        "kind" kind: i32, "number" start_time_unix_nano: u64, "number" end_time_unix_nano: u64, "soft" attributes: Vec<Attribute<'a>>,
        "number" dropped_attributes_count: u32, "soft" events: Vec<Event<'a>>, "number" dropped_events_count: u32,
        "soft" links: Vec<Link<'a>>, "number" dropped_links_count: u32, "soft" status: Status<'a>,
    }
    Event { "number" time_unix_nano: u64, "text" name: Cow<'a, [u8]>, "soft" attributes: Vec<Attribute<'a>>, }
    Link { "id" trace_id: Option<[u8; 16]>, "id" span_id: Option<[u8; 8]>, "soft" attributes: Vec<Attribute<'a>>, }
    Status { "code" code: i32, "text" message: Cow<'a, [u8]>, }
}

/// Decodes an `ExportTraceServiceRequest`.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<ResourceSpans<'_>>, DecodeError> {
    Ok(request::<Request<'_>>(bytes, "resourceSpans")?.resource_spans)
}

/// A value by number, or by its name after `prefix`, which counts from 0.
fn named<'de, D: Deserializer<'de>>(deserializer: D, prefix: &str, names: &[&str]) -> Result<i32, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    match value.as_str().and_then(|name| name.strip_prefix(prefix)) {
        Some(name) => Ok(names.iter().position(|other| *other == name).map_or(0, |at| at as i32)),
        None => number(value).map_err(D::Error::custom),
    }
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    named(deserializer, "SPAN_KIND_", &["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"])
}

fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    named(deserializer, "STATUS_CODE_", &["UNSET", "OK", "ERROR"])
}

impl<'a> From<Span<'a>> for SpanRecord<'a> {
    fn from(from: Span<'a>) -> Self {
        let dropped = [from.dropped_attributes_count, from.dropped_events_count, from.dropped_links_count];
        let event = |event: Event<'a>| EventRecord { time: event.time_unix_nano, name: event.name, attributes: event.attributes };
        let link = |link: Link<'a>| LinkRecord { trace: link.trace_id, span: link.span_id, attributes: link.attributes };
        Self {
            trace: from.trace_id,
            span: from.span_id,
            parent: from.parent_span_id,
            name: from.name,
            kind: from.kind,
            start: from.start_time_unix_nano,
            end: from.end_time_unix_nano,
            attributes: from.attributes,
            events: from.events.into_iter().map(event).collect(),
            links: from.links.into_iter().map(link).collect(),
            status: from.status.code,
            message: from.status.message,
            dropped: dropped.into_iter().map(u64::from).sum(),
        }
    }
}
