//! The stages of a pipeline, and what each does with a line.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fields::{DETAILS, ERROR, Kind, LineState};
use super::json::{self, Step};
use super::label_filter::LabelFilter;
use super::line_filter::LineFilter;
use super::logfmt;
use super::pattern::Pattern;
use crate::model::{MatchOp, Matcher};
use crate::re2::Regex;
use crate::template::LineTemplate;

/// The label whose text `| unpack` makes the line.
const ENTRY: &str = "_entry";

/// What went wrong with a line: the values of `__error__` and `__error_details__`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: &'static str,
    pub(super) details: String,
}

/// A stage.
#[derive(Debug)]
pub(super) enum Stage {
    Line(LineFilter),
    /// The labels to make and where they are; empty for all.
    Json(Vec<(String, Vec<Step>)>),
    Logfmt {
        strict: bool,
        keep_empty: bool,
        /// The labels to make and their keys; empty for all.
        wanted: Vec<(String, String)>,
    },
    Pattern(Pattern),
    Regexp(Regex),
    Unpack,
    Labels(LabelFilter),
    LineFormat(LineTemplate),
    LabelFormat(Vec<(String, Format)>),
    Drop(Vec<Chosen>),
    Keep(Vec<Chosen>),
    Decolorize,
}

/// What a label is set to.
#[derive(Debug)]
pub(super) enum Format {
    /// Another label, which is no more then.
    Rename(String),
    Template(LineTemplate),
}

/// A label by its name, or by its value too.
#[derive(Debug)]
pub(super) struct Chosen(pub(super) Matcher);

impl Chosen {
    /// A label of this name, whatever its value.
    pub(super) fn any(name: String) -> Self {
        Self(Matcher { name, op: MatchOp::NotEqual(String::new()) })
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.0.name == name && self.0.accepts(value)
    }
}

impl Stage {
    /// Whether lines leave it with another text.
    pub(super) fn changes_line(&self) -> bool {
        matches!(self, Self::LineFormat(_) | Self::Unpack | Self::Decolorize)
    }

    /// Whether it reads the text of lines.
    pub(super) fn reads_line(&self) -> bool {
        match self {
            Self::Line(filter) => !filter.accepts_all(),
            // Templates may write the line.
            Self::Json(_)
            | Self::Logfmt { .. }
            | Self::Pattern(_)
            | Self::Regexp(_)
            | Self::Unpack
            | Self::LineFormat(_)
            | Self::LabelFormat(_)
            | Self::Decolorize => true,
            Self::Labels(_) | Self::Drop(_) | Self::Keep(_) => false,
        }
    }

    /// Passes a line through; false where it is filtered out. `now` is the present time, ms.
    pub(super) fn run(&self, line: &mut LineState<'_>, now: i64) -> bool {
        match self {
            Self::Line(filter) => return filter.accepts(&line.body),
            Self::Labels(filter) => return filter.accepts(line),
            Self::Json(wanted) => json(line, wanted),
            Self::Logfmt { strict, keep_empty, wanted } => logfmt(line, *strict, *keep_empty, wanted),
            Self::Pattern(pattern) => {
                let text = line.text().into_owned();
                let done = pattern.catch(&text, &mut |name, value| line.extract(name, value));
                or_fail(line, "PatternParserErr", done);
            }
            Self::Regexp(regex) => {
                let text = line.text().into_owned();
                for (name, value) in regex.named(&text).unwrap_or_default() {
                    let done = line.extract(name, value);
                    or_fail(line, "RegexpParserErr", done);
                }
            }
            Self::Unpack => unpack(line),
            Self::LineFormat(template) => {
                if let Some(text) = expanded(line, template, now) {
                    line.body = Cow::Owned(text.into_bytes());
                }
            }
            Self::LabelFormat(formats) => formats.iter().for_each(|(name, format)| label_format(line, name, format, now)),
            Self::Drop(chosen) => {
                line.fields.retain(|field| !chosen.iter().any(|chosen| chosen.is(&field.name, &field.value)));
                if chosen.iter().any(|chosen| chosen.is(ERROR, line.get(ERROR)) || chosen.0.name == DETAILS) {
                    line.failure = None;
                }
            }
            Self::Keep(chosen) => line.fields.retain(|field| chosen.iter().any(|chosen| chosen.is(&field.name, &field.value))),
            Self::Decolorize => {
                if line.body.contains(&0x1b) {
                    line.body = Cow::Owned(without_colors(&line.body));
                }
            }
        }
        true
    }
}

fn or_fail(line: &mut LineState<'_>, kind: &'static str, done: Result<(), String>) {
    if let Err(details) = done {
        line.fail(kind, details);
    }
}

fn json(line: &mut LineState<'_>, wanted: &[(String, Vec<Step>)]) {
    let text = line.text().into_owned();
    let done = if wanted.is_empty() {
        json::flatten(&text, &mut |name, value| line.extract(name, value))
    } else {
        wanted.iter().try_for_each(|(name, path)| match json::at(&text, path)? {
            Some(value) => line.extract(name, &value),
            None => Ok(()),
        })
    };
    or_fail(line, "JSONParserErr", done);
}

fn logfmt(line: &mut LineState<'_>, strict: bool, keep_empty: bool, wanted: &[(String, String)]) {
    let text = line.text().into_owned();
    let done = logfmt::pairs(&text, strict, &mut |key, value| {
        if wanted.is_empty() {
            return if value.is_empty() && !keep_empty { Ok(()) } else { line.extract(key, value) };
        }
        wanted.iter().filter(|(_, named)| named == key).try_for_each(|(name, _)| line.extract(name, value))
    });
    or_fail(line, "LogfmtParserErr", done);
}

fn unpack(line: &mut LineState<'_>) {
    let text = line.text().into_owned();
    let mut entry = None;
    let done = json::texts(&text, &mut |name, value| {
        if name == ENTRY {
            entry = Some(value.to_owned());
            return Ok(());
        }
        line.extract(name, value)
    });
    match (done, entry) {
        (Ok(()), Some(entry)) => line.body = Cow::Owned(entry.into_bytes()),
        (done, _) => or_fail(line, "JSONParserErr", done),
    }
}

/// The text of a template for a line; none where it fails.
fn expanded(line: &mut LineState<'_>, template: &LineTemplate, now: i64) -> Option<String> {
    let mut labels: BTreeMap<String, String> = line.fields.iter().map(|field| (field.name.to_string(), field.value.to_string())).collect();
    if let Some(failure) = &line.failure {
        labels.insert(ERROR.to_owned(), failure.kind.to_owned());
        labels.insert(DETAILS.to_owned(), failure.details.clone());
    }
    match template.expand(labels, &line.text(), line.time, now) {
        Ok(text) => Some(text),
        Err(error) => {
            line.fail("TemplateFormatErr", error.message);
            None
        }
    }
}

fn label_format(line: &mut LineState<'_>, name: &str, format: &Format, now: i64) {
    match format {
        Format::Rename(from) => {
            if let Some(field) = line.remove(from) {
                line.set(name, field.value.into_owned());
            }
        }
        Format::Template(template) => {
            if let Some(text) = expanded(line, template, now) {
                line.set(name, text);
            }
        }
    }
}

/// Without the codes that terminals read: `ESC [ … letter`.
fn without_colors(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match rest.strip_prefix(b"[") {
            Some(code) if *byte == 0x1b => {
                let end = code.iter().position(|byte| (0x40..=0x7e).contains(byte));
                rest = end.map_or(&[], |end| &code[end + 1..]);
            }
            _ => out.push(*byte),
        }
    }
    out
}

/// Whether a kind of label is one of the series of metrics.
pub(super) fn is_of_series(kind: Kind) -> bool {
    kind != Kind::Id
}
