//! Text formats for metrics: Prometheus' format 0.0.4 and OpenMetrics 1.0.
//!
//! Works line by line on borrowed text: [`lines`] separates comments from samples and returns the labels as text, so that repeated
//! scrapes of the same program need not parse them each time; [`parse_labels`] does. The exemplar of a line of OpenMetrics is text too,
//! which [`parse_exemplar`] reads. Native histograms have no text form. Where the formats leave a choice, it accepts and rejects the same
//! text as Prometheus. Sources: prometheus.io, "Exposition formats"; OpenMetrics 1.0 specification.

mod error;
mod exemplar;
mod number;
mod series;

use std::borrow::Cow;

pub use self::error::{ExpositionError, LineError, SeriesError};
pub use self::exemplar::parse_exemplar;
pub use self::number::{parse_exact, parse_number, push_exact};
pub use self::series::{LabelPairs, parse_labels, push_series, unknown_escape};
use self::series::{Unfinished, quoted, series_end, unescape};
use crate::model::{TimestampMs, is_plain_name};

/// The two formats; they differ in timestamps and in how a text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Times are milliseconds.
    Prometheus,
    /// Times are seconds; `# EOF` ends it.
    OpenMetrics,
}

impl Format {
    /// The format for a `Content-Type`.
    #[must_use]
    pub fn from_content_type(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or("").trim();
        if kind.eq_ignore_ascii_case("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }
}

/// The types of metrics. Any other name, and `untyped`, is `unknown`.
pub const METRIC_TYPES: [&str; 8] = ["unknown", "counter", "gauge", "histogram", "summary", "info", "stateset", "gaugehistogram"];

/// Content of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Line<'a> {
    /// A value of a series.
    Sample {
        /// Name and labels as written.
        series: &'a str,
        /// The value.
        value: f64,
        /// Its time, if the line has one.
        time: Option<TimestampMs>,
        /// What follows the `#` behind them; OpenMetrics only.
        exemplar: Option<&'a str>,
    },
    /// `# TYPE name type`, the type one of [`METRIC_TYPES`].
    Type(Cow<'a, str>, &'a str),
    /// `# HELP name text`, unescaped.
    Help(Cow<'a, str>, Cow<'a, str>),
    /// `# UNIT name unit`
    Unit(Cow<'a, str>, &'a str),
}

/// Longest quote of a line in a message.
const MAX_QUOTE: usize = 80;

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The text of a response. Bytes that are not UTF-8 are replaced in comments, since nothing that is stored depends on them.
///
/// # Errors
/// The first line of a sample with such bytes.
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
            return Err(ExpositionError { line: at + 1, why: LineError::NotUtf8(short(&before)) });
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines with content. A leading byte order mark is skipped. Iteration ends after an invalid line. An OpenMetrics text without
/// `# EOF` was cut off, which makes its last line invalid.
#[must_use]
pub fn lines(text: &str, format: Format) -> Lines<'_> {
    Lines { rest: Some(text.strip_prefix('\u{feff}').unwrap_or(text)), format, number: 0, before: 0, ended: false }
}

/// See [`lines`].
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    /// Text that is not read yet; `None` after the last line and after an invalid one.
    rest: Option<&'a str>,
    format: Format,
    /// Number of the line read last.
    number: usize,
    /// Number of the line before the next, which differs if one took several.
    before: usize,
    /// `# EOF` was read.
    ended: bool,
}

impl<'a> Lines<'a> {
    /// The number of the line read last.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Takes the next line from the remaining text.
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

    /// A line extended by the next ones if a label value continues there: Prometheus accepts this, OpenMetrics forbids it.
    fn longer(&mut self, from: &'a str, line: &str) -> Option<&'a str> {
        if self.format == Format::OpenMetrics || is_comment(line) || series_end(line) != Err(Unfinished::Quotes) {
            return None;
        }
        let labels = series_end(from).ok()?;
        let end = from[labels..].find('\n').map(|more| labels + more);
        let line = &from[..end.unwrap_or(from.len())];
        self.rest = end.map(|end| &from[end + 1..]);
        self.before += line.bytes().filter(|b| *b == b'\n').count();
        Some(line.strip_suffix('\r').unwrap_or(line))
    }

    /// Parses a line together with the next ones after it failed alone.
    #[cold]
    fn parse_longer(&mut self, from: &'a str, line: &str, why: LineError) -> Result<Option<Line<'a>>, LineError> {
        match self.longer(from, line) {
            Some(longer) => self.parse(longer),
            None => Err(why),
        }
    }

    #[inline]
    fn parse(&mut self, line: &'a str) -> Result<Option<Line<'a>>, LineError> {
        if self.format == Format::Prometheus {
            return parse_line(line, self.format);
        }
        if self.ended {
            return if line.trim().is_empty() { Ok(None) } else { Err(LineError::AfterEof(short(line))) };
        }
        if line.trim_end() == "# EOF" {
            self.ended = true;
            return Ok(None);
        }
        let parsed = parse_line(line, self.format)?;
        if self.rest.is_none() {
            return Err(match parsed {
                Some(_) => LineError::EndsWith(short(line)),
                None => LineError::NoEof,
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
                    return Some(Err(ExpositionError { line: self.number, why }));
                }
            }
        }
    }
}

fn is_comment(line: &str) -> bool {
    skip_blanks(line).starts_with('#')
}

/// Parses one line; `None` if it has no content. `# EOF` counts as a comment.
///
/// # Errors
/// [`LineError`] if it is invalid.
pub fn parse_line(line: &str, format: Format) -> Result<Option<Line<'_>>, LineError> {
    let line = skip_blanks(line);
    if line.is_empty() {
        return Ok(None);
    }
    if let Some(comment) = line.strip_prefix('#') {
        return Ok(metadata(comment, format));
    }
    let end = series_end(line).map_err(|_| LineError::UnfinishedLabels(short(line)))?;
    let (series, rest) = line.split_at(end);
    let (value, rest) = word(rest);
    if value.is_empty() {
        return Err(LineError::NoValue(short(line)));
    }
    let value = parse_number(value).ok_or_else(|| LineError::NotANumber { line: short(line), value: short(value) })?;
    let (time, exemplar) = if rest.is_empty() { (None, None) } else { time_after(line, rest, format)? };
    let series = if series.ends_with([' ', '\t']) { series.trim_end_matches([' ', '\t']) } else { series };
    Ok(Some(Line::Sample { series, value, time, exemplar }))
}

/// The timestamp after the value, and the text of an exemplar, where they are.
fn time_after<'a>(line: &str, rest: &'a str, format: Format) -> Result<(Option<TimestampMs>, Option<&'a str>), LineError> {
    let exemplar = |rest: &'a str| skip_blanks(rest).strip_prefix('#').filter(|_| format == Format::OpenMetrics);
    let (at, after) = word(rest);
    if at.is_empty() || at.starts_with('#') {
        return Ok((None, exemplar(rest)));
    }
    let rest = after;
    let time = time(at, format).ok_or_else(|| LineError::NotATime { line: short(line), time: short(at) })?;
    let (more, _) = word(rest);
    if !more.is_empty() && !more.starts_with('#') {
        return Err(LineError::TrailingText { line: short(line), more: short(more) });
    }
    Ok((Some(time), exemplar(rest)))
}

/// The text from its first byte that is not a blank.
#[inline]
fn skip_blanks(text: &str) -> &str {
    let blanks = text.bytes().position(|b| !is_blank(b)).unwrap_or(text.len());
    &text[blanks..]
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The first word, and the rest.
#[inline]
fn word(text: &str) -> (&str, &str) {
    let text = skip_blanks(text);
    text.split_at(text.bytes().position(is_blank).unwrap_or(text.len()))
}

/// The metadata in a comment; `None` for any other comment.
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
        // OpenMetrics escapes quotes in a help text, Prometheus' format does not.
        _ => Line::Help(name, unescape(rest.get(1..).unwrap_or(""), if format == Format::OpenMetrics { &['"'] } else { &[] })),
    })
}

/// The end of the year 9999: later times were written in another unit.
const MAX_TIME_MS: f64 = 253_402_300_799_999.0;

fn time(text: &str, format: Format) -> Option<TimestampMs> {
    match format {
        Format::Prometheus => text.parse().ok(),
        Format::OpenMetrics => parse_number(text).map(|s| (s * 1e3).round()).filter(|ms| ms.abs() <= MAX_TIME_MS).map(|ms| ms as i64),
    }
}

#[cfg(test)]
mod tests;
