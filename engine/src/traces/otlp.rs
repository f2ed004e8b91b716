//! OpenTelemetry's spans, protobuf or JSON.
//!
//! A span without a trace or an id of its own cannot be found again and is refused. What is too much is dropped and counted, as in
//! log lines.

use super::span::{Attributes, Event, Kind, Link, Span, Spans, Status};
use crate::logs::push::PushError;
use crate::logs::record::MAX_VALUE;
use crate::logs::record::TimeNs;
use crate::otlp::json::spans as json;
use crate::otlp::messages::{self, Attributed, SpanRecord, Values};
use crate::otlp::value::{Any, Attribute, text};
use crate::otlp::{DecodeError, Encoding};
use crate::wire::{Malformed, Reader};

/// Most attributes of a span, an event or a link, and most events or links of a span: what SDKs keep by default.
pub const MAX_OF_EACH: usize = 128;
/// Longest name of a span, an event or an attribute, in bytes.
const MAX_NAME: usize = 1 << 10;
/// Most memory that the spans of a request take, in bytes.
const MAX_MEMORY: usize = 128 << 20;
/// Reasons that an answer names.
const MAX_NAMED: usize = 5;
const WHAT: &str = "ExportTraceServiceRequest";

/// What a request gave.
#[derive(Debug, Default)]
pub struct Taken {
    /// The spans, by resource and scope.
    pub spans: Vec<Spans>,
    /// How many there are.
    pub count: usize,
    /// Spans that were refused.
    pub refused: u64,
    /// Why, for the first few.
    pub reasons: Vec<String>,
}

/// Reads a request.
///
/// # Errors
/// [`PushError`] if it cannot be read.
pub fn take(encoding: Encoding, bytes: &[u8]) -> Result<Taken, PushError> {
    let mut taker = Taker::default();
    match encoding {
        Encoding::Protobuf => taker.protobuf(Reader::new(bytes))?,
        Encoding::Json => taker.json(bytes)?,
    }
    taker.taken.spans.retain(|spans| !spans.spans.is_empty());
    Ok(taker.taken)
}

fn malformed(error: Malformed) -> PushError {
    PushError::Malformed { what: WHAT, why: error.to_string() }
}

#[derive(Default)]
struct Taker {
    taken: Taken,
    memory: usize,
}

/// The message in field `number`, the last of several.
fn inner<'a>(mut message: Reader<'a>, number: u64) -> Result<Option<Reader<'a>>, Malformed> {
    let mut found = None;
    while let Some((field, value)) = message.field()? {
        if field == number {
            found = Some(messages::message(&value, &message)?);
        }
    }
    Ok(found)
}

/// Passes each message in field `number` on.
fn each<'a>(mut message: Reader<'a>, number: u64, mut take: impl FnMut(Reader<'a>) -> Result<(), PushError>) -> Result<(), PushError> {
    while let Some((field, value)) = message.field().map_err(malformed)? {
        if field == number {
            take(messages::message(&value, &message).map_err(malformed)?)?;
        }
    }
    Ok(())
}

fn attributed(message: Option<Reader<'_>>, attributes: u64) -> Result<Attributed<'_>, PushError> {
    message.map_or(Ok(Attributed::default()), |message| Values::default().attributed(message, attributes).map_err(malformed))
}

impl Taker {
    fn protobuf(&mut self, request: Reader<'_>) -> Result<(), PushError> {
        each(request, 1, |resource_spans| {
            let resource = attributed(inner(resource_spans, 1).map_err(malformed)?, 1)?;
            let of_resource = self.resource(resource);
            each(resource_spans, 2, |scope_spans| {
                let scope = attributed(inner(scope_spans, 1).map_err(malformed)?, 3)?;
                self.scope(&of_resource, scope)?;
                each(scope_spans, 2, |span| {
                    let record = SpanRecord::read(span).map_err(malformed)?;
                    self.span(record)
                })
            })
        })
    }

    fn json(&mut self, bytes: &[u8]) -> Result<(), PushError> {
        let resources = json::decode(bytes).map_err(|error| match error {
            DecodeError::Malformed(why) => PushError::Malformed { what: WHAT, why },
            DecodeError::TooManyParts => PushError::TooLarge,
        })?;
        for resource in resources {
            let of_resource = self.resource(resource.resource);
            for scope in resource.scope_spans {
                self.scope(&of_resource, scope.scope)?;
                for span in scope.spans {
                    self.span(span.into())?;
                }
            }
        }
        Ok(())
    }

    /// A resource without spans yet.
    fn resource(&mut self, resource: Attributed<'_>) -> Spans {
        let attributes = bounded(resource.attributes, &mut 0);
        let service = attributes.iter().find(|(name, value)| name == "service.name" && !value.is_empty());
        let service = service.map_or_else(|| "unknown_service".to_owned(), |(_, value)| value.clone());
        Spans { service, resource: attributes, ..Spans::default() }
    }

    /// The spans that follow are of this scope.
    fn scope(&mut self, resource: &Spans, scope: Attributed<'_>) -> Result<(), PushError> {
        let scope = (cut(text(scope.name), MAX_NAME), cut(text(scope.version), MAX_NAME));
        self.reserve(size_of::<Spans>() + bytes_of(&resource.resource) + resource.service.len() + scope.0.len() + scope.1.len())?;
        self.taken.spans.push(Spans { scope, ..resource.clone() });
        Ok(())
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), PushError> {
        self.memory += bytes;
        if self.memory > MAX_MEMORY { Err(PushError::TooLarge) } else { Ok(()) }
    }

    fn span(&mut self, record: SpanRecord<'_>) -> Result<(), PushError> {
        let span = match span_of(record) {
            Ok(span) => span,
            Err(why) => {
                self.taken.refused += 1;
                if self.taken.reasons.len() < MAX_NAMED {
                    self.taken.reasons.push(why.to_owned());
                }
                return Ok(());
            }
        };
        let events: usize = span.events.iter().map(|event| size_of::<Event>() + event.name.len() + bytes_of(&event.attributes)).sum();
        let links: usize = span.links.iter().map(|link| size_of::<Link>() + bytes_of(&link.attributes)).sum();
        self.reserve(size_of::<Span>() + span.name.len() + span.message.len() + bytes_of(&span.attributes) + events + links)?;
        if let Some(spans) = self.taken.spans.last_mut() {
            spans.spans.push(span);
            self.taken.count += 1;
        }
        Ok(())
    }
}

fn span_of(record: SpanRecord<'_>) -> Result<Span, &'static str> {
    let (Some(trace), Some(span)) = (record.trace, record.span) else {
        return Err("a span has no trace id of 16 bytes or no span id of 8");
    };
    let (Some(start), Some(end)) = (time_of(record.start), time_of(record.end)) else { return Err("a span's time is after the year 2262") };
    let mut dropped = record.dropped;
    let attributes = bounded(record.attributes, &mut dropped);
    dropped += (record.events.len().saturating_sub(MAX_OF_EACH) + record.links.len().saturating_sub(MAX_OF_EACH)) as u64;
    let events = record.events.into_iter().take(MAX_OF_EACH).map(|event| Event {
        time: time_of(event.time).unwrap_or(TimeNs::MAX),
        name: cut(text(event.name), MAX_NAME),
        attributes: bounded(event.attributes, &mut dropped),
    });
    let events = events.collect();
    let links = record.links.into_iter().take(MAX_OF_EACH).map(|link| Link {
        trace: link.trace.unwrap_or_default(),
        span: link.span.unwrap_or_default(),
        attributes: bounded(link.attributes, &mut dropped),
    });
    let links = links.collect();
    Ok(Span {
        trace,
        span,
        parent: record.parent.unwrap_or_default(),
        name: cut(text(record.name), MAX_NAME),
        kind: Kind::of(record.kind),
        start,
        end,
        status: Status::of(record.status),
        message: cut(text(record.message), MAX_VALUE),
        attributes,
        events,
        links,
        dropped,
    })
}

fn time_of(time: u64) -> Option<TimeNs> {
    time.try_into().ok()
}

fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

fn bytes_of(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, value)| size_of::<(String, String)>() + name.len() + value.len()).sum()
}

/// Attributes within the bounds, sorted; of two with one name the first counts.
fn bounded(attributes: Vec<Attribute<'_>>, dropped: &mut u64) -> Attributes {
    let mut out = Attributes::new();
    for Attribute { key, value } in attributes {
        if value == Any::None {
            continue;
        }
        if out.len() >= MAX_OF_EACH || key.is_empty() || key.len() > MAX_NAME {
            *dropped += 1;
        } else {
            out.push((text(key), cut(value.into_text(), MAX_VALUE)));
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out.dedup_by(|later, first| later.0 == first.0);
    out
}

#[cfg(test)]
pub(crate) mod tests;
