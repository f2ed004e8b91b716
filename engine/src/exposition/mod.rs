//! The text in which programs expose metrics: Prometheus' format 0.0.4 and OpenMetrics 1.0.
//!
//! Works line by line on borrowed text: [`lines`] tells comments from samples and leaves the labels as they stand, so that
//! who scrapes the same program again and again need not take them apart each time; [`parse_labels`] does. Exemplars are skipped,
//! native histograms have no text. Where the formats leave room, what Prometheus reads is read, and what it refuses as no sample is
//! refused. Sources: prometheus.io, "Exposition formats"; OpenMetrics 1.0, RFC-style specification.

mod number;
mod series;

use std::borrow::Cow;

pub use self::number::{parse_exact, parse_number, push_exact};
pub use self::series::{LabelPairs, parse_labels, push_series, unknown_escape};
use self::series::{quoted, series_end, unescape};
use crate::model::{TimestampMs, is_plain_name};

/// Which of the two it is; they differ in their times and in their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Times are milliseconds.
    Prometheus,
    /// Times are seconds; `# EOF` ends it.
    OpenMetrics,
}

impl Format {
    /// By the type that an answer says it is of.
    #[must_use]
    pub fn from_content_type(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or("").trim();
        if kind.eq_ignore_ascii_case("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }
}

/// What a metric may be. Whatever else a text calls it, and `untyped`, is `unknown`.
pub const METRIC_TYPES: [&str; 8] = ["unknown", "counter", "gauge", "histogram", "summary", "info", "stateset", "gaugehistogram"];

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Line<'a> {
    /// A value of a series.
    Sample {
        /// The name and labels as they stand.
        series: &'a str,
        /// The value.
        value: f64,
        /// Its time, where it says one.
        time: Option<TimestampMs>,
    },
    /// `# TYPE name kind`, the kind one of [`METRIC_TYPES`].
    Type(Cow<'a, str>, &'a str),
    /// `# HELP name text`, without its escapes.
    Help(Cow<'a, str>, Cow<'a, str>),
    /// `# UNIT name unit`
    Unit(Cow<'a, str>, &'a str),
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ExpositionError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub why: String,
}

/// Longest piece of a line in a message.
const MAX_QUOTE: usize = 80;

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The text of an answer. Bytes that are not UTF-8 are replaced in comments, as nothing that is kept depends on them.
///
/// # Errors
/// The line of a sample that has such bytes.
pub fn decode_text(bytes: Vec<u8>) -> Result<String, ExpositionError> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error.into_bytes(),
    };
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if !line.trim_ascii_start().starts_with(b"#")
            && let Err(error) = std::str::from_utf8(line)
        {
            let before = String::from_utf8_lossy(&line[..error.valid_up_to()]);
            return Err(ExpositionError { line: at + 1, why: format!("not UTF-8 after `{}`", short(&before)) });
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines of a text that say something. A byte order mark at its start is passed over. Ends after a line that is wrong; a text in
/// OpenMetrics that does not end with `# EOF` was cut off, and its end is such a line.
#[must_use]
pub fn lines(text: &str, format: Format) -> Lines<'_> {
    Lines { rest: Some(text.strip_prefix('\u{feff}').unwrap_or(text)), format, number: 0, before: 0, ended: false }
}

/// See [`lines`].
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    /// What was not read yet; none after the last line, and after one that is wrong.
    rest: Option<&'a str>,
    format: Format,
    /// The number of the line that was read last.
    number: usize,
    /// The number of the one before the next, which differs where one took several.
    before: usize,
    /// `# EOF` was read.
    ended: bool,
}

impl<'a> Lines<'a> {
    /// What is wrong with the line that was read last, with its number.
    #[must_use]
    pub fn error(&self, why: String) -> ExpositionError {
        ExpositionError { line: self.number, why }
    }

    /// The next line, whatever it says, from what was not read yet.
    fn line(&mut self, rest: &'a str) -> &'a str {
        self.before += 1;
        self.number = self.before;
        let (line, rest) = match rest.find('\n') {
            Some(end) => (&rest[..end], Some(&rest[end + 1..])),
            None => (rest, None),
        };
        self.rest = rest;
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// A line with those after it, where the value of a label goes on in them: Prometheus reads such text. OpenMetrics forbids it.
    fn longer(&mut self, from: &'a str, line: &str) -> Option<&'a str> {
        if self.format == Format::OpenMetrics || is_comment(line) || series_end(line) != Err(true) {
            return None;
        }
        let labels = series_end(from).ok()?;
        let end = from[labels..].find('\n').map(|more| labels + more);
        let line = &from[..end.unwrap_or(from.len())];
        self.rest = end.map(|end| &from[end + 1..]);
        self.before += line.bytes().filter(|b| *b == b'\n').count();
        Some(line.strip_suffix('\r').unwrap_or(line))
    }

    /// What a line says that cannot be read by itself.
    #[cold]
    fn parse_longer(&mut self, from: &'a str, line: &str, why: String) -> Result<Option<Line<'a>>, String> {
        match self.longer(from, line) {
            Some(longer) => self.parse(longer),
            None => Err(why),
        }
    }

    #[inline]
    fn parse(&mut self, line: &'a str) -> Result<Option<Line<'a>>, String> {
        if self.format == Format::Prometheus {
            return parse_line(line, self.format);
        }
        if self.ended {
            return if line.trim().is_empty() { Ok(None) } else { Err(format!("`{}` comes after `# EOF`", short(line))) };
        }
        if line.trim_end() == "# EOF" {
            self.ended = true;
            return Ok(None);
        }
        let parsed = parse_line(line, self.format)?;
        if self.rest.is_none() {
            return Err(match parsed {
                Some(_) => format!("the text ends with `{}` and not with `# EOF`: it was cut off, or it is not OpenMetrics", short(line)),
                None => "the text does not end with `# EOF`: it was cut off, or it is not OpenMetrics".to_owned(),
            });
        }
        Ok(parsed)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, ExpositionError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let from = self.rest?;
            let line = self.line(from);
            match self.parse(line).or_else(|why| self.parse_longer(from, line, why)) {
                Ok(None) => {}
                Ok(Some(line)) => return Some(Ok(line)),
                Err(why) => {
                    self.rest = None;
                    return Some(Err(self.error(why)));
                }
            }
        }
    }
}

fn is_comment(line: &str) -> bool {
    skip_blanks(line).starts_with('#')
}

/// What one line says; none where it says nothing. `# EOF` is a comment here.
///
/// # Errors
/// What is wrong with it.
pub fn parse_line(line: &str, format: Format) -> Result<Option<Line<'_>>, String> {
    let line = skip_blanks(line);
    if line.is_empty() {
        return Ok(None);
    }
    if let Some(comment) = line.strip_prefix('#') {
        return Ok(metadata(comment, format));
    }
    let end = series_end(line).map_err(|_| format!("`{}`: the labels do not end; write name{{label=\"value\"}} 1", short(line)))?;
    let (series, rest) = line.split_at(end);
    let (value, rest) = word(rest);
    if value.is_empty() {
        return Err(format!("`{}` has no value; write name 1", short(line)));
    }
    let value =
        parse_number(value).ok_or_else(|| format!("`{}`: `{}` is not a number; write 1, NaN, +Inf or -Inf", short(line), short(value)))?;
    let time = if rest.is_empty() { None } else { time_after(line, rest, format)? };
    let series = if series.ends_with([' ', '\t']) { series.trim_end_matches([' ', '\t']) } else { series };
    Ok(Some(Line::Sample { series, value, time }))
}

/// The time that follows the value of a line, if there is one. An exemplar may come after it.
fn time_after(line: &str, rest: &str, format: Format) -> Result<Option<TimestampMs>, String> {
    let (at, rest) = word(rest);
    if at.is_empty() || at.starts_with('#') {
        return Ok(None);
    }
    let time = time(at, format).ok_or_else(|| format!("`{}`: `{}` is not a time", short(line), short(at)))?;
    let (more, _) = word(rest);
    if !more.is_empty() && !more.starts_with('#') {
        return Err(format!("`{}`: `{}` is more than a value and a time", short(line), short(more)));
    }
    Ok(Some(time))
}

/// The text from its first byte on that is no blank.
#[inline]
fn skip_blanks(text: &str) -> &str {
    let blanks = text.bytes().position(|b| !is_blank(b)).unwrap_or(text.len());
    &text[blanks..]
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The first word, and what follows.
#[inline]
fn word(text: &str) -> (&str, &str) {
    let text = skip_blanks(text);
    text.split_at(text.bytes().position(is_blank).unwrap_or(text.len()))
}

/// What a comment says of a metric. A comment that says it in another way is only a comment.
fn metadata(comment: &str, format: Format) -> Option<Line<'_>> {
    if !comment.starts_with([' ', '\t']) {
        return None;
    }
    let (what, rest) = word(comment);
    if !matches!(what, "TYPE" | "HELP" | "UNIT") {
        return None;
    }
    let rest = skip_blanks(rest);
    let (name, rest) = if rest.starts_with('"') {
        quoted(rest)?
    } else {
        let (name, rest) = word(rest);
        if !is_plain_name(name, true) {
            return None;
        }
        (Cow::Borrowed(name), rest)
    };
    Some(match what {
        "TYPE" => {
            let kind = rest.trim();
            Line::Type(name, METRIC_TYPES.into_iter().find(|known| kind.eq_ignore_ascii_case(known)).unwrap_or(METRIC_TYPES[0]))
        }
        "UNIT" => Line::Unit(name, rest.trim()),
        // OpenMetrics escapes quotes in a help text, the other format does not.
        _ => Line::Help(name, unescape(rest.get(1..).unwrap_or(""), if format == Format::OpenMetrics { &['"'] } else { &[] })),
    })
}

/// The end of the year 9999: beyond it, a time was written in another unit.
const MAX_TIME_MS: f64 = 253_402_300_799_999.0;

fn time(text: &str, format: Format) -> Option<TimestampMs> {
    match format {
        Format::Prometheus => text.parse().ok(),
        Format::OpenMetrics => parse_number(text).map(|s| (s * 1e3).round()).filter(|ms| ms.abs() <= MAX_TIME_MS).map(|ms| ms as i64),
    }
}

#[cfg(test)]
mod tests;
