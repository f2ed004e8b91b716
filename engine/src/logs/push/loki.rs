//! Loki's push requests to lines: `logproto.PushRequest` in protobuf (after snappy), or JSON.
//!
//! What is wrong with one stream or line costs only that one. Severity is that of the label or attribute `level` (and names like it),
//! else the one that the text of the line says. `trace_id` and `span_id` in hex are the trace and the span of a line.

use std::borrow::Cow;

use super::collect::{Bounded, Collector, Taken, short};
use super::labels::{StreamError, labels_of, parse_labels};
use super::{PushError, level};
use crate::logs::record::{Record, Severity, TimeNs};
use crate::model::Labels;
use crate::otlp::json::loki as json;
use crate::otlp::messages::{bytes, message};
use crate::otlp::value::{id_of_text, text};
use crate::wire::{Malformed, Reader, Value, WRONG_TYPE};

fn malformed(error: Malformed) -> PushError {
    PushError::Malformed { what: "PushRequest", why: error.to_string() }
}

/// Reads a request in protobuf, without its compression.
///
/// # Errors
/// [`PushError`] if it cannot be read.
pub fn take_protobuf(request: &[u8]) -> Result<Taken, PushError> {
    let mut collector = Collector::default();
    let mut request = Reader::new(request);
    while let Some((field, value)) = request.field().map_err(malformed)? {
        if field == 1 {
            read_stream(message(&value, &request).map_err(malformed)?, &mut collector)?;
        }
    }
    Ok(collector.finish())
}

/// Reads a request in JSON.
///
/// # Errors
/// [`PushError`] if it cannot be read.
pub fn take_json(request: &[u8]) -> Result<Taken, PushError> {
    let mut collector = Collector::default();
    for json::Stream { stream, values } in json::decode(request)? {
        let pairs: Vec<(String, String)> = stream.0.into_iter().map(|(name, value)| (text(name), text(value))).collect();
        let labels = labels_of(pairs.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(value.as_str()))).collect());
        let shown =
            || pairs.iter().take(6).map(|(name, value)| format!("{}={:?}", short(name), short(value))).collect::<Vec<_>>().join(", ");
        let Some(stream) = Stream::begin(labels, values.len() as u64, shown, &mut collector)? else { continue };
        for json::Entry { time, line, metadata } in values {
            stream.line(time, line, metadata, &mut collector)?;
        }
    }
    Ok(collector.finish())
}

fn read_stream(whole: Reader<'_>, collector: &mut Collector) -> Result<(), PushError> {
    // Labels come first as a rule, but need not.
    let (mut labels, mut entries, mut fields) = (Cow::default(), 0, whole);
    while let Some((field, value)) = fields.field().map_err(malformed)? {
        match field {
            1 => labels = bytes(&value, &fields).map_err(malformed)?,
            2 => entries += 1,
            _ => {}
        }
    }
    let labels = text(labels);
    let Some(stream) = Stream::begin(parse_labels(&labels), entries, || short(&labels), collector)? else { return Ok(()) };
    let mut fields = whole;
    while let Some((field, value)) = fields.field().map_err(malformed)? {
        if field == 2 {
            let entry = message(&value, &fields).and_then(read_entry).map_err(malformed)?;
            match entry.time {
                Some(time) => stream.line(time, Cow::Borrowed(entry.line), entry.metadata, collector)?,
                None => collector.refuse(1, || "the time of a line is beyond 64 bits of nanoseconds".to_owned()),
            }
        }
    }
    Ok(())
}

/// Names and values of what is known of a line.
type Metadata<'a> = Vec<(Cow<'a, [u8]>, Cow<'a, [u8]>)>;

/// A line in protobuf.
struct Entry<'a> {
    time: Option<TimeNs>,
    line: &'a [u8],
    metadata: Metadata<'a>,
}

fn read_entry(mut entry: Reader<'_>) -> Result<Entry<'_>, Malformed> {
    let mut out = Entry { time: Some(0), line: b"", metadata: Vec::new() };
    while let Some((field, value)) = entry.field()? {
        match (field, value) {
            (1, Value::Bytes(time)) => out.time = read_time(time)?,
            (2, Value::Bytes(line)) => out.line = line.bytes,
            (3, Value::Bytes(mut pair)) => {
                let (mut name, mut content) = (Cow::default(), Cow::default());
                while let Some((field, value)) = pair.field()? {
                    match field {
                        1 => name = bytes(&value, &pair)?,
                        2 => content = bytes(&value, &pair)?,
                        _ => {}
                    }
                }
                out.metadata.push((name, content));
            }
            (1..=3, _) => return entry.fail(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(out)
}

/// `google.protobuf.Timestamp`; none where 64 bits of nanoseconds do not hold it.
fn read_time(mut time: Reader<'_>) -> Result<Option<TimeNs>, Malformed> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    while let Some((field, value)) = time.field()? {
        match (field, value) {
            (1, Value::Varint(v)) => seconds = v as i64,
            (2, Value::Varint(v)) => nanos = i64::from(v as i32),
            (1 | 2, _) => return time.fail(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(seconds.checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(nanos)))
}

/// A stream whose lines are read.
struct Stream {
    place: usize,
    /// What its labels say.
    severity: Severity,
}

impl Stream {
    /// Begins a stream, or refuses its lines.
    fn begin(
        labels: Result<Labels, StreamError>,
        lines: u64,
        shown: impl Fn() -> String,
        collector: &mut Collector,
    ) -> Result<Option<Self>, PushError> {
        match labels {
            Ok(labels) => {
                let level = labels.iter().find(|(name, _)| level::is_level_name(name));
                let severity = level.map_or(Severity::default(), |(_, value)| Severity::from_word(value));
                Ok(Some(Self { place: collector.stream(labels)?, severity }))
            }
            Err(why) => {
                collector.refuse(lines, || format!("{lines} lines of stream `{}`: {why}", shown()));
                Ok(None)
            }
        }
    }

    fn line<'a>(&self, time: TimeNs, body: Cow<'a, [u8]>, metadata: Metadata<'a>, collector: &mut Collector) -> Result<(), PushError> {
        let mut line = Record { time, ..Record::default() };
        let mut said = Severity::default();
        for (name, value) in metadata {
            match name.as_ref() {
                b"trace_id" if value.len() == 32 && id_of_text::<16>(&value).is_some() => {
                    line.trace = id_of_text(&value).unwrap_or_default();
                }
                b"span_id" if value.len() == 16 && id_of_text::<8>(&value).is_some() => line.span = id_of_text(&value).unwrap_or_default(),
                _ => {
                    let (name, value) = (text(name), text(value));
                    if said == Severity::default() && level::is_level_name(&name) {
                        said = Severity::from_word(&value);
                    }
                    line.attributes.push((name, value));
                }
            }
        }
        let known = [said, self.severity].into_iter().find(|severity| *severity != Severity::default());
        line.severity = known.unwrap_or_else(|| level::detect(&body));
        collector.line(self.place, line, body, &Bounded::default(), 0)
    }
}

#[cfg(test)]
mod tests;
