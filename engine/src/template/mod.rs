//! Templates of labels and annotations: Go's `text/template` with the functions of Prometheus. Templates of log lines have the functions
//! of Loki instead.
//!
//! ```text
//! text ─ lex → tokens ─ parse → tree (all faults of the text) ─ exec, with labels, value and queries → text
//! ```
//!
//! Semantics, wording of errors and formats of numbers are those of Prometheus 3 (template/template.go) and of Go (text/template,
//! fmt, strconv, time). A template that fails when it is expanded gives an error; Prometheus writes it in the place of the text,
//! see [`ExpandError`]. Everything is bounded: nesting, steps, queries, the length of every text.
//!
//! Not known here: `call`, complex numbers, hexadecimal floats.

mod ast;
mod builtins;
mod compare;
mod exec;
mod fields;
mod functions;
mod humanize;
mod lex;
mod lines;
mod links;
mod number;
mod parse;
mod print;
mod prometheus;
mod quote;
#[cfg(test)]
pub(crate) mod tests;
mod time;
mod title;
mod value;

use std::collections::BTreeMap;
use std::fmt;

pub use exec::ExpandError;
pub use functions::Queries;
use functions::Words;
use parse::Trees;
pub use value::{Data, TemplateSample};

use crate::model::TimestampMs;

/// What begins the text of a template that could not be expanded, in Prometheus' words.
pub const EXPANSION_FAILED: &str = "<error expanding template: ";

/// That text.
pub fn failed(error: impl fmt::Display) -> String {
    format!("{EXPANSION_FAILED}{error}>")
}

/// Why a text could not be expanded, where it stands in its place.
#[must_use]
pub fn failure(text: &str) -> Option<&str> {
    text.strip_prefix(EXPANSION_FAILED).map(|why| why.strip_suffix('>').unwrap_or(why))
}

/// Longest template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 64 << 10;
/// Longest text that a template, or any function in it, makes.
pub const MAX_TEXT_BYTES: usize = 256 << 10;
/// Most nodes, operands and calls that are evaluated.
pub const MAX_STEPS: usize = 200_000;
/// Most queries of one template.
pub const MAX_QUERIES: usize = 64;

/// What Prometheus puts before each template.
const PREFIX: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// The byte of the text that it is about.
    pub at: usize,
}

impl TemplateError {
    /// About a place of the text with its prefix.
    fn new(text: &str, at: usize, message: impl Into<String>) -> Self {
        let prefix = if text.starts_with(PREFIX) { PREFIX.len() } else { 0 };
        Self { message: message.into(), at: at.min(text.len()).saturating_sub(prefix) }
    }
}

/// A template, parsed.
pub struct Template {
    text: String,
    trees: Trees,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.source())
    }
}

/// What an expansion is given.
pub struct Expansion<'e> {
    /// The name in messages: `__alert_HighLoad`.
    pub name: &'e str,
    /// Labels and value.
    pub data: Data,
    /// When, ms UTC: `now`.
    pub now: TimestampMs,
    /// Answers `query`.
    pub queries: Queries<'e>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// [`TemplateError`] says where.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        check_length(text)?;
        let text = format!("{PREFIX}{text}");
        let trees = parse::parse(&text, Words::Alerts)?;
        Ok(Self { text, trees })
    }

    /// The text that was parsed.
    #[must_use]
    pub fn source(&self) -> &str {
        self.text.get(PREFIX.len()..).unwrap_or_default()
    }

    /// The text that it comes to.
    ///
    /// # Errors
    /// [`ExpandError`], whose text is that of Prometheus.
    pub fn expand(&self, expansion: Expansion<'_>) -> Result<String, ExpandError> {
        if !self.source().contains("{{") {
            return Ok(self.source().to_owned());
        }
        exec::expand(&self.text, &self.trees, expansion)
    }

    /// As [`Template::expand`]; an error takes the place of the text, as in Prometheus, so that an alert is never lost.
    #[must_use]
    pub fn expand_or_error(&self, expansion: Expansion<'_>) -> String {
        self.expand(expansion).unwrap_or_else(failed)
    }
}

fn check_length(text: &str) -> Result<(), TemplateError> {
    if text.len() <= MAX_TEMPLATE_BYTES {
        return Ok(());
    }
    let message = format!("the template has {} bytes; at most {MAX_TEMPLATE_BYTES} are read", text.len());
    Err(TemplateError { message, at: 0 })
}

/// A template of a log line, parsed: the dot is the labels of the line.
pub struct LineTemplate {
    text: String,
    trees: Trees,
}

impl fmt::Debug for LineTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineTemplate({:?})", self.text)
    }
}

impl LineTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// [`TemplateError`] says where.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        check_length(text)?;
        Ok(Self { text: text.to_owned(), trees: parse::parse(text, Words::Lines)? })
    }

    /// The text that it comes to for a line with its labels and its time (ns); `now` is the present time (ms).
    ///
    /// # Errors
    /// [`ExpandError`]
    pub fn expand(&self, labels: BTreeMap<String, String>, line: &str, time: i64, now: TimestampMs) -> Result<String, ExpandError> {
        exec::expand_line(&self.text, &self.trees, labels, (line, time, now))
    }
}
