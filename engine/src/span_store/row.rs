//! A span as a row of the store.
//!
//! ```text
//! time      when it began
//! severity  the number of its status
//! details   trace (16 bytes) · span (8 bytes)
//! shared    service · name of the scope · its version · attributes of the resource
//! body      flags · how long it took · name · [parent] · [message] · [dropped] · attributes · [events] · [links]
//! ```
//!
//! The grammar of a body is written once, in [`walk`]; what reads and writes its parts differs: a body, or columns of a block.

use std::sync::Arc;

use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::logs::record::{Severity, TimeNs};
use crate::logs::store::rows::{Row, push_bytes, take_array, take_bytes};
use crate::traces::span::{Attributes, Event, FullSpan, Kind, Link, Span, Spans, Status};

/// Bytes of the ids of a row.
pub(crate) const IDS: usize = 24;
pub(super) const KIND: u8 = 7;
pub(super) const HAS_PARENT: u8 = 8;
pub(super) const HAS_MESSAGE: u8 = 16;
pub(super) const HAS_DROPPED: u8 = 32;
pub(super) const HAS_EVENTS: u8 = 64;
pub(super) const HAS_LINKS: u8 = 128;

const DAMAGED: CodecError = CodecError::Damaged("a span");

/// What spans of a scope of a resource have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Common {
    pub(crate) service: Arc<str>,
    pub(crate) resource: Arc<Attributes>,
    pub(crate) scope: Arc<(String, String)>,
}

/// Where the parts of a body come from or go to.
pub(super) trait Parts {
    /// Flags: a part that spans of one shape have in common.
    fn flags(&mut self) -> Result<u8, CodecError>;
    /// A count: such a part.
    fn count(&mut self) -> Result<usize, CodecError>;
    /// A name: such a part.
    fn name(&mut self) -> Result<(), CodecError>;
    /// A number that differs.
    fn number(&mut self) -> Result<(), CodecError>;
    /// A text that differs.
    fn text(&mut self) -> Result<(), CodecError>;
    /// The ids of a link.
    fn link(&mut self) -> Result<(), CodecError>;
    /// The span's parent.
    fn parent(&mut self) -> Result<(), CodecError>;
}

/// Passes each part of a body, in its order.
pub(super) fn walk(parts: &mut impl Parts) -> Result<(), CodecError> {
    let flags = parts.flags()?;
    parts.number()?;
    parts.name()?;
    if flags & HAS_PARENT != 0 {
        parts.parent()?;
    }
    if flags & HAS_MESSAGE != 0 {
        parts.text()?;
    }
    if flags & HAS_DROPPED != 0 {
        parts.number()?;
    }
    walk_attributes(parts)?;
    if flags & HAS_EVENTS != 0 {
        for _ in 0..parts.count()? {
            parts.number()?;
            parts.name()?;
            walk_attributes(parts)?;
        }
    }
    if flags & HAS_LINKS != 0 {
        for _ in 0..parts.count()? {
            parts.link()?;
            walk_attributes(parts)?;
        }
    }
    Ok(())
}

fn walk_attributes(parts: &mut impl Parts) -> Result<(), CodecError> {
    for _ in 0..parts.count()? {
        parts.name()?;
        parts.text()?;
    }
    Ok(())
}

/// Appends the ids of a span.
pub(crate) fn push_ids(out: &mut Vec<u8>, span: &Span) {
    out.extend_from_slice(&span.trace);
    out.extend_from_slice(&span.span);
}

/// Appends what the spans of a scope have in common.
pub(crate) fn push_common(out: &mut Vec<u8>, spans: &Spans) {
    for text in [&spans.service, &spans.scope.0, &spans.scope.1] {
        push_bytes(out, text.as_bytes());
    }
    push_attributes(out, &spans.resource);
}

/// Appends the body of a span.
pub(crate) fn push_body(out: &mut Vec<u8>, span: &Span) {
    let flag = |there: bool, flag: u8| if there { flag } else { 0 };
    let parts = flag(span.parent != [0; 8], HAS_PARENT)
        | flag(!span.message.is_empty(), HAS_MESSAGE)
        | flag(span.dropped > 0, HAS_DROPPED)
        | flag(!span.events.is_empty(), HAS_EVENTS)
        | flag(!span.links.is_empty(), HAS_LINKS);
    out.push(span.kind.number() | parts);
    push_signed(out, span.end.wrapping_sub(span.start));
    push_bytes(out, span.name.as_bytes());
    if span.parent != [0; 8] {
        out.extend_from_slice(&span.parent);
    }
    if !span.message.is_empty() {
        push_bytes(out, span.message.as_bytes());
    }
    if span.dropped > 0 {
        push_varint(out, span.dropped);
    }
    push_attributes(out, &span.attributes);
    if !span.events.is_empty() {
        push_varint(out, span.events.len() as u64);
        for event in &span.events {
            push_signed(out, event.time.wrapping_sub(span.start));
            push_bytes(out, event.name.as_bytes());
            push_attributes(out, &event.attributes);
        }
    }
    if !span.links.is_empty() {
        push_varint(out, span.links.len() as u64);
        for link in &span.links {
            out.extend_from_slice(&link.trace);
            out.extend_from_slice(&link.span);
            push_attributes(out, &link.attributes);
        }
    }
}

fn push_attributes(out: &mut Vec<u8>, attributes: &Attributes) {
    push_varint(out, attributes.len() as u64);
    for text in attributes.iter().flat_map(|(name, value)| [name, value]) {
        push_bytes(out, text.as_bytes());
    }
}

/// The trace and the span of a row's details.
pub(crate) fn ids_of(details: &[u8]) -> Option<([u8; 16], [u8; 8])> {
    let (trace, span) = details.split_first_chunk()?;
    Some((*trace, *span.first_chunk()?))
}

/// Reads what [`push_common`] wrote.
pub(super) fn read_common(mut bytes: &[u8]) -> Result<Common, CodecError> {
    let rest = &mut bytes;
    let service = Arc::from(take_text(rest)?);
    let scope = Arc::new((take_text(rest)?.to_owned(), take_text(rest)?.to_owned()));
    let resource = Arc::new(take_attributes(rest)?);
    if rest.is_empty() { Ok(Common { service, resource, scope }) } else { Err(DAMAGED) }
}

/// Reads the span of a row.
pub(super) fn read_span(row: Row<'_>, common: &Common) -> Result<FullSpan, CodecError> {
    let (trace, id) = ids_of(row.details).ok_or(DAMAGED)?;
    let mut bytes = row.body;
    let rest = &mut bytes;
    let [flags] = take_array(rest)?;
    let has = |flag: u8| flags & flag != 0;
    let start: TimeNs = row.time;
    let mut span = Span { trace, span: id, start, kind: Kind::of(i32::from(flags & KIND)), ..Span::default() };
    span.status = Status::of(i32::from(row.severity.0));
    span.end = start.wrapping_add(take_signed(rest)?);
    span.name = take_text(rest)?.to_owned();
    if has(HAS_PARENT) {
        span.parent = take_array(rest)?;
    }
    if has(HAS_MESSAGE) {
        span.message = take_text(rest)?.to_owned();
    }
    if has(HAS_DROPPED) {
        span.dropped = take_varint(rest)?;
    }
    span.attributes = take_attributes(rest)?;
    if has(HAS_EVENTS) {
        for _ in 0..take_count(rest)? {
            let time = start.wrapping_add(take_signed(rest)?);
            span.events.push(Event { time, name: take_text(rest)?.to_owned(), attributes: take_attributes(rest)? });
        }
    }
    if has(HAS_LINKS) {
        for _ in 0..take_count(rest)? {
            span.links.push(Link { trace: take_array(rest)?, span: take_array(rest)?, attributes: take_attributes(rest)? });
        }
    }
    let Common { service, resource, scope } = common.clone();
    if rest.is_empty() { Ok(FullSpan { service, resource, scope, span }) } else { Err(DAMAGED) }
}

/// A span's status as the severity of its row.
pub(crate) fn severity_of(span: &Span) -> Severity {
    Severity(span.status.number())
}

fn take_count(rest: &mut &[u8]) -> Result<usize, CodecError> {
    let count = usize::try_from(take_varint(rest)?).unwrap_or(usize::MAX);
    if count <= rest.len() { Ok(count) } else { Err(DAMAGED) }
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, CodecError> {
    std::str::from_utf8(take_bytes(rest)?).map_err(|_| DAMAGED)
}

fn take_attributes(rest: &mut &[u8]) -> Result<Attributes, CodecError> {
    let count = take_count(rest)?;
    let mut attributes = Attributes::with_capacity(count);
    for _ in 0..count {
        let name = take_text(rest)?.to_owned();
        attributes.push((name, take_text(rest)?.to_owned()));
    }
    Ok(attributes)
}
