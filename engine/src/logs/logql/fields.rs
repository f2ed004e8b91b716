//! The labels of a line while it goes through a pipeline: those of its stream, what came with it, and what stages found in it.

use std::borrow::Cow;

use super::stages::Failure;
use crate::logs::Entry;
use crate::logs::record::TRACE_LABEL;
use crate::model::{Labels, hex};

/// The level of a line as a label: [`crate::logs::Severity::word`].
pub(super) const LEVEL: &str = "detected_level";
/// Its trace and span as labels.
pub(super) const TRACE: &str = TRACE_LABEL;
pub(super) const SPAN: &str = "span_id";
/// What went wrong with a line, and details of it.
pub(super) const ERROR: &str = "__error__";
pub(super) const DETAILS: &str = "__error_details__";
/// Labels that parsers may make of one line.
pub(super) const MAX_EXTRACTED: usize = 1_024;
/// What a label is called that a parser found, where the stream has one of its name.
const EXTRACTED: &str = "_extracted";

/// Where a label is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The stream.
    Stream,
    /// The line's attributes and level.
    Attribute,
    /// Its trace and span, which are hardly ever the same for two lines: no labels of metrics, unless they are named.
    Id,
    /// A stage of the query.
    Parsed,
}

/// A label.
#[derive(Debug, Clone)]
pub(super) struct Field<'e> {
    pub(super) name: Cow<'e, str>,
    pub(super) value: Cow<'e, str>,
    pub(super) kind: Kind,
}

/// A line on its way.
#[derive(Debug)]
pub(super) struct LineState<'e> {
    pub(super) time: i64,
    pub(super) body: Cow<'e, [u8]>,
    pub(super) fields: Vec<Field<'e>>,
    pub(super) failure: Option<Failure>,
    extracted: usize,
}

impl<'e> LineState<'e> {
    pub(super) fn new(entry: &Entry<'e>) -> Self {
        let mut fields = Vec::with_capacity(entry.attributes.len() + 12);
        let stream = entry.labels.iter().map(|(name, value)| Field { name: name.into(), value: value.into(), kind: Kind::Stream });
        fields.extend(stream);
        let mut line = Self { time: entry.time, body: Cow::Borrowed(entry.body), fields, failure: None, extracted: 0 };
        for (name, value) in entry.attributes {
            let name = line.free_name(sanitized(name));
            line.put(name, Cow::Borrowed(*value), Kind::Attribute);
        }
        line.put_new(LEVEL, Cow::Borrowed(entry.severity.word()), Kind::Attribute);
        if entry.trace != [0; 16] {
            line.put_new(TRACE, Cow::Owned(hex(&entry.trace)), Kind::Id);
        }
        if entry.span != [0; 8] {
            line.put_new(SPAN, Cow::Owned(hex(&entry.span)), Kind::Id);
        }
        line
    }

    fn put_new(&mut self, name: &'static str, value: Cow<'e, str>, kind: Kind) {
        if self.find(name).is_none() {
            self.fields.push(Field { name: Cow::Borrowed(name), value, kind });
        }
    }

    /// The name, or another one where the stream has a label of that name.
    fn free_name(&self, name: Cow<'e, str>) -> Cow<'e, str> {
        let taken = self.fields.iter().any(|field| field.kind == Kind::Stream && field.name == name);
        if taken { Cow::Owned(format!("{name}{EXTRACTED}")) } else { name }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The value of a label; empty for none.
    pub(super) fn get(&self, name: &str) -> &str {
        match name {
            ERROR => self.failure.as_ref().map_or("", |failure| failure.kind),
            DETAILS => self.failure.as_ref().map_or("", |failure| &failure.details),
            _ => self.find(name).map_or("", |at| &self.fields[at].value),
        }
    }

    fn put(&mut self, name: Cow<'e, str>, value: Cow<'e, str>, kind: Kind) {
        match self.find(&name) {
            Some(at) => self.fields[at] = Field { name, value, kind },
            None => self.fields.push(Field { name, value, kind }),
        }
    }

    /// Sets a label, whatever it was.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.put(Cow::Owned(name.to_owned()), Cow::Owned(value), Kind::Parsed);
    }

    /// Removes a label.
    pub(super) fn remove(&mut self, name: &str) -> Option<Field<'e>> {
        self.find(name).map(|at| self.fields.swap_remove(at))
    }

    /// Adds what a parser found. Of the same name the first counts.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn extract(&mut self, name: &str, value: &str) -> Result<(), String> {
        let name = self.free_name(Cow::Owned(sanitized(name).into_owned()));
        if name.is_empty() || self.find(&name).is_some_and(|at| self.fields[at].kind == Kind::Parsed) {
            return Ok(());
        }
        self.extracted += 1;
        if self.extracted > MAX_EXTRACTED {
            return Err(format!("the line has more than {MAX_EXTRACTED} labels"));
        }
        self.put(name, Cow::Owned(value.to_owned()), Kind::Parsed);
        Ok(())
    }

    /// Says what went wrong. The first failure counts.
    pub(super) fn fail(&mut self, kind: &'static str, details: impl Into<String>) {
        self.failure.get_or_insert_with(|| Failure { kind, details: details.into() });
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The labels of some kinds, those of a failure among them.
    pub(super) fn labels(&self, wanted: impl Fn(Kind) -> bool) -> Labels {
        let mut pairs: Vec<(&str, &str)> =
            self.fields.iter().filter(|field| wanted(field.kind)).map(|field| (&*field.name, &*field.value)).collect();
        if let Some(failure) = self.failure.as_ref().filter(|_| wanted(Kind::Parsed)) {
            pairs.push((ERROR, failure.kind));
            pairs.push((DETAILS, &failure.details));
        }
        Labels::of(pairs)
    }
}

/// A name as queries can write it: letters, digits and `_`, not beginning with a digit.
pub(super) fn sanitized(name: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins_badly = name.starts_with(|c: char| c.is_ascii_digit());
    if !begins_badly && name.chars().all(plain) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 1);
    out.push_str(if begins_badly { "_" } else { "" });
    out.extend(name.trim().chars().map(|c| if plain(c) { c } else { '_' }));
    Cow::Owned(out)
}
