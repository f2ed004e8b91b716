//! Messages of logs and traces as they are in a request, and reading their common parts from protobuf.
//!
//! [`super::json`] reads the same messages from JSON.

use std::borrow::Cow;

use super::value::{Any, Attribute, id_of_bytes};
use crate::wire::{Malformed, Reader, Value, WRONG_TYPE};

/// Deepest values in values.
const MAX_DEPTH: usize = 32;
/// Most values in the values of one message: each takes many times its bytes.
const MAX_NESTED: usize = 400_000;

/// Attributes with what else is said of a resource or a scope.
#[derive(Debug, Default)]
pub(crate) struct Attributed<'a> {
    /// Of a scope.
    pub(crate) name: Cow<'a, [u8]>,
    /// Of a scope.
    pub(crate) version: Cow<'a, [u8]>,
    pub(crate) attributes: Vec<Attribute<'a>>,
}

/// A log record.
#[derive(Debug, Default)]
pub(crate) struct LogRecord<'a> {
    pub(crate) time: u64,
    pub(crate) observed: u64,
    pub(crate) severity: i32,
    pub(crate) severity_text: Cow<'a, [u8]>,
    pub(crate) body: Any<'a>,
    pub(crate) attributes: Vec<Attribute<'a>>,
    pub(crate) dropped: u32,
    pub(crate) flags: u32,
    pub(crate) trace: Option<[u8; 16]>,
    pub(crate) span: Option<[u8; 8]>,
    pub(crate) event_name: Cow<'a, [u8]>,
}

/// Text or bytes of a field.
pub(crate) fn bytes<'a>(value: &Value<'a>, at: &Reader<'_>) -> Result<Cow<'a, [u8]>, Malformed> {
    match value {
        Value::Bytes(content) => Ok(Cow::Borrowed(content.bytes)),
        _ => at.fail(WRONG_TYPE),
    }
}

/// The message of a field.
pub(crate) fn message<'a>(value: &Value<'a>, at: &Reader<'_>) -> Result<Reader<'a>, Malformed> {
    match value {
        Value::Bytes(content) => Ok(*content),
        _ => at.fail(WRONG_TYPE),
    }
}

/// Reads values and attributes, and bounds how many there are in others.
#[derive(Default)]
pub(crate) struct Values {
    nested: usize,
}

impl Values {
    /// A value.
    pub(crate) fn any<'a>(&mut self, message: Reader<'a>) -> Result<Any<'a>, Malformed> {
        self.any_at(message, 0)
    }

    /// An attribute.
    pub(crate) fn attribute<'a>(&mut self, message: Reader<'a>) -> Result<Attribute<'a>, Malformed> {
        self.attribute_at(message, 0)
    }

    /// Resource or scope, whose attributes are in field `attributes`.
    pub(crate) fn attributed<'a>(&mut self, mut message: Reader<'a>, attributes: u64) -> Result<Attributed<'a>, Malformed> {
        let mut out = Attributed::default();
        while let Some((field, value)) = message.field()? {
            match field {
                _ if field == attributes => out.attributes.push(self.attribute(self::message(&value, &message)?)?),
                1 => out.name = bytes(&value, &message)?,
                2 if attributes == 3 => out.version = bytes(&value, &message)?,
                _ => {}
            }
        }
        Ok(out)
    }

    fn attribute_at<'a>(&mut self, mut message: Reader<'a>, depth: usize) -> Result<Attribute<'a>, Malformed> {
        let mut out = Attribute::default();
        while let Some((field, value)) = message.field()? {
            match field {
                1 => out.key = bytes(&value, &message)?,
                2 => out.value = self.any_at(self::message(&value, &message)?, depth)?,
                _ => {}
            }
        }
        Ok(out)
    }

    fn any_at<'a>(&mut self, mut message: Reader<'a>, depth: usize) -> Result<Any<'a>, Malformed> {
        let mut out = Any::None;
        while let Some((field, value)) = message.field()? {
            out = match (field, value) {
                (1, Value::Bytes(text)) => Any::Text(Cow::Borrowed(text.bytes)),
                (2, Value::Varint(v)) => Any::Bool(v != 0),
                (3, Value::Varint(v)) => Any::Int(v as i64),
                (4, Value::Fixed64(bits)) => Any::Double(f64::from_bits(bits)),
                (5, Value::Bytes(list)) => self.list(list, depth + 1)?,
                (6, Value::Bytes(map)) => self.map(map, depth + 1)?,
                (7, Value::Bytes(content)) => Any::Bytes(Cow::Borrowed(content.bytes)),
                (1..=7, _) => return message.fail(WRONG_TYPE),
                _ => continue,
            };
        }
        Ok(out)
    }

    fn count(&mut self, depth: usize, at: &Reader<'_>) -> Result<(), Malformed> {
        self.nested += 1;
        if depth > MAX_DEPTH {
            return at.fail("values in values are nested too deeply");
        }
        if self.nested > MAX_NESTED { at.fail("there are too many values in values") } else { Ok(()) }
    }

    fn list<'a>(&mut self, mut message: Reader<'a>, depth: usize) -> Result<Any<'a>, Malformed> {
        let mut out = Vec::new();
        while let Some((field, value)) = message.field()? {
            if field == 1 {
                self.count(depth, &message)?;
                out.push(self.any_at(self::message(&value, &message)?, depth)?);
            }
        }
        Ok(Any::List(out))
    }

    fn map<'a>(&mut self, mut message: Reader<'a>, depth: usize) -> Result<Any<'a>, Malformed> {
        let mut out = Vec::new();
        while let Some((field, value)) = message.field()? {
            if field == 1 {
                self.count(depth, &message)?;
                out.push(self.attribute_at(self::message(&value, &message)?, depth)?);
            }
        }
        Ok(Any::Map(out))
    }
}

impl<'a> LogRecord<'a> {
    /// Reads one from protobuf.
    pub(crate) fn read(mut message: Reader<'a>) -> Result<Self, Malformed> {
        let mut out = Self::default();
        let mut values = Values::default();
        while let Some((field, value)) = message.field()? {
            match (field, &value) {
                (1, Value::Fixed64(v)) => out.time = *v,
                (11, Value::Fixed64(v)) => out.observed = *v,
                (2, Value::Varint(v)) => out.severity = *v as i32,
                (3, _) => out.severity_text = bytes(&value, &message)?,
                (5, _) => out.body = values.any(self::message(&value, &message)?)?,
                (6, _) => out.attributes.push(values.attribute(self::message(&value, &message)?)?),
                (7, Value::Varint(v)) => out.dropped = *v as u32,
                (8, Value::Fixed32(v)) => out.flags = *v,
                (9, _) => out.trace = id_of_bytes(&bytes(&value, &message)?),
                (10, _) => out.span = id_of_bytes(&bytes(&value, &message)?),
                (12, _) => out.event_name = bytes(&value, &message)?,
                (1 | 2 | 7 | 8 | 11, _) => return message.fail(WRONG_TYPE),
                _ => {}
            }
        }
        Ok(out)
    }
}

/// Something that happened within a span.
#[derive(Debug, Default)]
pub(crate) struct EventRecord<'a> {
    pub(crate) time: u64,
    pub(crate) name: Cow<'a, [u8]>,
    pub(crate) attributes: Vec<Attribute<'a>>,
}

/// Another span.
#[derive(Debug, Default)]
pub(crate) struct LinkRecord<'a> {
    pub(crate) trace: Option<[u8; 16]>,
    pub(crate) span: Option<[u8; 8]>,
    pub(crate) attributes: Vec<Attribute<'a>>,
}

/// A span.
#[derive(Debug, Default)]
pub(crate) struct SpanRecord<'a> {
    pub(crate) trace: Option<[u8; 16]>,
    pub(crate) span: Option<[u8; 8]>,
    pub(crate) parent: Option<[u8; 8]>,
    pub(crate) name: Cow<'a, [u8]>,
    pub(crate) kind: i32,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) attributes: Vec<Attribute<'a>>,
    pub(crate) events: Vec<EventRecord<'a>>,
    pub(crate) links: Vec<LinkRecord<'a>>,
    pub(crate) status: i32,
    pub(crate) message: Cow<'a, [u8]>,
    /// Attributes, events and links that the sender dropped.
    pub(crate) dropped: u64,
}

impl<'a> SpanRecord<'a> {
    /// Reads one from protobuf.
    pub(crate) fn read(mut message: Reader<'a>) -> Result<Self, Malformed> {
        let mut out = Self::default();
        let mut values = Values::default();
        while let Some((field, value)) = message.field()? {
            match (field, &value) {
                (1, _) => out.trace = id_of_bytes(&bytes(&value, &message)?),
                (2, _) => out.span = id_of_bytes(&bytes(&value, &message)?),
                (4, _) => out.parent = id_of_bytes(&bytes(&value, &message)?),
                (5, _) => out.name = bytes(&value, &message)?,
                (6, Value::Varint(v)) => out.kind = *v as i32,
                (7, Value::Fixed64(v)) => out.start = *v,
                (8, Value::Fixed64(v)) => out.end = *v,
                (9, _) => out.attributes.push(values.attribute(self::message(&value, &message)?)?),
                (10 | 12 | 14, Value::Varint(v)) => out.dropped = out.dropped.saturating_add(u64::from(*v as u32)),
                (11, _) => out.events.push(values.event(self::message(&value, &message)?)?),
                (13, _) => out.links.push(values.link(self::message(&value, &message)?)?),
                (15, _) => {
                    let mut status = self::message(&value, &message)?;
                    while let Some((field, value)) = status.field()? {
                        match (field, &value) {
                            (2, _) => out.message = bytes(&value, &status)?,
                            (3, Value::Varint(v)) => out.status = *v as i32,
                            _ => {}
                        }
                    }
                }
                (6..=8, _) => return message.fail(WRONG_TYPE),
                _ => {}
            }
        }
        Ok(out)
    }
}

impl Values {
    fn event<'a>(&mut self, mut message: Reader<'a>) -> Result<EventRecord<'a>, Malformed> {
        self.count(0, &message)?;
        let mut out = EventRecord::default();
        while let Some((field, value)) = message.field()? {
            match (field, &value) {
                (1, Value::Fixed64(v)) => out.time = *v,
                (2, _) => out.name = bytes(&value, &message)?,
                (3, _) => out.attributes.push(self.attribute(self::message(&value, &message)?)?),
                (1, _) => return message.fail(WRONG_TYPE),
                _ => {}
            }
        }
        Ok(out)
    }

    fn link<'a>(&mut self, mut message: Reader<'a>) -> Result<LinkRecord<'a>, Malformed> {
        self.count(0, &message)?;
        let mut out = LinkRecord::default();
        while let Some((field, value)) = message.field()? {
            match field {
                1 => out.trace = id_of_bytes(&bytes(&value, &message)?),
                2 => out.span = id_of_bytes(&bytes(&value, &message)?),
                4 => out.attributes.push(self.attribute(self::message(&value, &message)?)?),
                _ => {}
            }
        }
        Ok(out)
    }
}
