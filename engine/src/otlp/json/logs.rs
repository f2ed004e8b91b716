//! Log records of OTLP/JSON.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error};

use super::fields::{number, parts, soft};
use super::values::{attributed, id, text};
use crate::otlp::MAX_PARTS;
use crate::otlp::decode::{DecodeError, shortened};
use crate::otlp::messages::{Attributed, LogRecord};
use crate::otlp::value::{Any, Attribute};

super::fields::borrowed_messages! {
    Request { "soft" resource_logs: Vec<ResourceLogs<'a>>, }
    ResourceLogs { "attributed" resource: Attributed<'a>, "soft" scope_logs: Vec<ScopeLogs<'a>>, }
    ScopeLogs { "attributed" scope: Attributed<'a>, "soft" log_records: Vec<Record<'a>>, }
    Record {
        "number" time_unix_nano: u64, "number" observed_time_unix_nano: u64, "severity" severity_number: i32,
        "text" severity_text: Cow<'a, [u8]>, "soft" body: Any<'a>, "soft" attributes: Vec<Attribute<'a>>,
        "number" dropped_attributes_count: u32, "number" flags: u32, "id" trace_id: Option<[u8; 16]>, "id" span_id: Option<[u8; 8]>,
        "text" event_name: Cow<'a, [u8]>,
    }
}

/// Decodes an `ExportLogsServiceRequest`.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<ResourceLogs<'_>>, DecodeError> {
    Ok(request::<Request<'_>>(bytes, "resourceLogs")?.resource_logs)
}

/// Decodes a request, which is an object with the list `field`.
pub(super) fn request<'a, T: Deserialize<'a>>(bytes: &'a [u8], field: &str) -> Result<T, DecodeError> {
    if parts(bytes) > MAX_PARTS {
        return Err(DecodeError::TooManyParts);
    }
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(DecodeError::Malformed(format!("an object is expected, `{{\"{field}\":[…]}}`")));
    }
    serde_json::from_slice(bytes).map_err(|error| DecodeError::Malformed(shortened(&error)))
}

/// A severity by number, or by name as in protobuf's mapping.
fn severity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let named = value.as_str().and_then(|name| name.strip_prefix("SEVERITY_NUMBER_"));
    let Some(name) = named else { return number(value).map_err(D::Error::custom) };
    let (word, step) = match name.as_bytes().last() {
        Some(digit @ b'2'..=b'4') => (&name[..name.len() - 1], digit - b'1'),
        _ => (name, 0),
    };
    let words = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    Ok(words.iter().position(|other| *other == word).map_or(0, |at| at as i32 * 4 + 1 + i32::from(step)))
}

impl<'a> From<Record<'a>> for LogRecord<'a> {
    fn from(from: Record<'a>) -> Self {
        Self {
            time: from.time_unix_nano,
            observed: from.observed_time_unix_nano,
            severity: from.severity_number,
            severity_text: from.severity_text,
            body: from.body,
            attributes: from.attributes,
            dropped: from.dropped_attributes_count,
            flags: from.flags,
            trace: from.trace_id,
            span: from.span_id,
            event_name: from.event_name,
        }
    }
}
