//! Log lines as OTLP JSON lines: each line of text is an `ExportLogsServiceRequest`, as the file exporter of the OpenTelemetry Collector
//! writes them and its file receiver reads them.
//!
//! What is written comes back as it was ([`super::push::otlp`]): labels of streams that no resource has by itself are named in the
//! attribute [`STREAM_HINT`], a text that is no UTF-8 goes as bytes, everything else that is known of a line is an attribute of it.

use serde::Serialize;

use super::push::otlp::{STREAM_HINT, attribute_of};
use super::record::Record;
use crate::model::{Labels, hex};
use crate::otlp::value::base64;

/// A value of an attribute, or a body.
#[derive(Serialize)]
enum Value<'a> {
    #[serde(rename = "stringValue")]
    Text(&'a str),
    #[serde(rename = "bytesValue")]
    Bytes(String),
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: Value<'a>,
}

#[derive(Serialize)]
struct Attributed<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord<'a> {
    time_unix_nano: String,
    #[serde(skip_serializing_if = "is_unknown")]
    severity_number: u8,
    body: Value<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    trace_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    span_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'a> {
    log_records: Vec<LogRecord<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'a> {
    resource: Attributed<'a>,
    scope_logs: [ScopeLogs<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_logs: [ResourceLogs<'a>; 1],
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_unknown(severity: &u8) -> bool {
    *severity == 0
}

fn attribute<'a>(key: &'a str, value: &'a str) -> Attribute<'a> {
    Attribute { key, value: Value::Text(value) }
}

/// Hexadecimal; empty for zeros, which are no id.
fn id(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| *byte == 0) {
        return String::new();
    }
    hex(bytes)
}

fn written(record: &Record) -> LogRecord<'_> {
    LogRecord {
        time_unix_nano: record.time.to_string(),
        severity_number: record.severity.0,
        body: std::str::from_utf8(&record.body).map_or_else(|_| Value::Bytes(base64(&record.body)), Value::Text),
        attributes: record.attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        trace_id: id(&record.trace),
        span_id: id(&record.span),
    }
}

/// Appends lines of a stream to a text, as one line of it.
pub fn push_line(out: &mut String, labels: &Labels, records: &[Record]) {
    let hinted: Vec<&str> = labels.iter().map(|(name, _)| name).filter(|name| attribute_of(name) == *name).collect();
    let hint = hinted.join(",");
    let mut attributes: Vec<Attribute<'_>> = labels.iter().map(|(name, value)| attribute(attribute_of(name), value)).collect();
    if !hint.is_empty() {
        attributes.push(attribute(STREAM_HINT, &hint));
    }
    let scope_logs = [ScopeLogs { log_records: records.iter().map(written).collect() }];
    let request = Request { resource_logs: [ResourceLogs { resource: Attributed { attributes }, scope_logs }] };
    // Text and numbers alone cannot fail to be written.
    out.push_str(&serde_json::to_string(&request).unwrap_or_default());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::push::otlp::take;
    use super::super::record::Severity;
    use super::*;
    use crate::otlp::Encoding;

    #[test]
    fn lines_come_back_as_they_were() {
        let record = |body: &[u8]| Record { time: 1_764_000_000_123_456_789, body: body.to_vec(), ..Record::default() };
        let attributes = vec![("code".to_owned(), "500".to_owned()), ("severity_text".to_owned(), "Notice".to_owned())];
        let records = vec![
            Record { severity: Severity(10), attributes, trace: [7; 16], span: [9; 8], ..record(b"a \"quoted\" line\n\x1b[31m") },
            record(b"no \xff UTF-8"),
            record(b""),
            Record { severity: Severity(17), ..record("gr\u{fc}n".as_bytes()) },
        ];
        for labels in [
            vec![("service_name", "web"), ("host_name", "a")],
            vec![("app", "web"), ("filename", "/var/log/a, b.log"), ("service_name", "x")],
            vec![("job", "varlogs")],
            vec![("service_name", "unknown_service")],
        ] {
            let labels = Labels::of(labels);
            let mut text = String::new();
            push_line(&mut text, &labels, &records);
            let taken = take(Encoding::Json, text.trim_end().as_bytes(), &[], 1).unwrap();
            assert_eq!((taken.refused, taken.warnings), (0, Vec::new()), "{text}");
            let [stream] = taken.lines.as_slice() else { panic!("{text}") };
            assert_eq!((&stream.labels, &stream.records), (&labels, &records), "{text}");
        }
    }
}
