//! The text in which programs expose metrics: Prometheus' format 0.0.4 and OpenMetrics 1.0.
//!
//! Works line by line on borrowed text: [`lines`] tells comments from samples and leaves the labels as they stand, so that
//! who scrapes the same program again and again need not take them apart each time; [`labels`] does. Exemplars are skipped,
//! native histograms have no text. Where the formats leave room, what Prometheus reads is read, and what it refuses as no sample is
//! refused. Sources: prometheus.io, "Exposition formats"; OpenMetrics 1.0, RFC-style specification.

mod number;
mod series;

use std::borrow::Cow;

pub use self::number::{exact, number, push_exact};
pub use self::series::{Pairs, labels, push_series, unknown_escape};
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
    pub fn of_content_type(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or("").trim();
        if kind.eq_ignore_ascii_case("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }
}

/// What a metric may be. Whatever else a text calls it, and `untyped`, is `unknown`.
pub const KINDS: [&str; 8] = ["unknown", "counter", "gauge", "histogram", "summary", "info", "stateset", "gaugehistogram"];

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
    /// `# TYPE name kind`, the kind one of [`KINDS`].
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
pub fn text(bytes: Vec<u8>) -> Result<String, ExpositionError> {
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
    pub fn wrong(&self, why: String) -> ExpositionError {
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
                    return Some(Err(self.wrong(why)));
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
        number(value).ok_or_else(|| format!("`{}`: `{}` is not a number; write 1, NaN, +Inf or -Inf", short(line), short(value)))?;
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
            Line::Type(name, KINDS.into_iter().find(|known| kind.eq_ignore_ascii_case(known)).unwrap_or(KINDS[0]))
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
        Format::OpenMetrics => number(text).map(|s| (s * 1e3).round()).filter(|ms| ms.abs() <= MAX_TIME_MS).map(|ms| ms as i64),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, format: Format) -> Vec<String> {
        lines(text, format)
            .map(|line| match line {
                Ok(Line::Sample { series, value, time }) => format!("{series} = {value} @ {time:?}"),
                Ok(other) => format!("{other:?}"),
                Err(error) => error.to_string(),
            })
            .collect()
    }

    #[test]
    fn lines_are_told_apart() {
        let text = "# HELP up Whether it is up.\n# TYPE up gauge\nup 1\n\n  up{a=\"}\\\"\",b=\"c d\"}   2.5 1700000000123 \r\n# just a comment\nup {a=\"b\"} NaN\nx -Inf\na{b=\"1\"}1\n# EOF\nlast 12";
        assert_eq!(
            shown(text, Format::Prometheus),
            [
                "Help(\"up\", \"Whether it is up.\")",
                "Type(\"up\", \"gauge\")",
                "up = 1 @ None",
                "up{a=\"}\\\"\",b=\"c d\"} = 2.5 @ Some(1700000000123)",
                "up {a=\"b\"} = NaN @ None",
                "x = -inf @ None",
                "a{b=\"1\"} = 1 @ None",
                "last = 12 @ None",
            ]
        );
        let text =
            "# UNIT a_seconds seconds\na_seconds_count{q=\"0\"} 7 1700000000.5 # {trace=\"x\"} 0.5 1\na 1 # {t=\"# EOF\"} 3\n# EOF\n \n";
        assert_eq!(
            shown(text, Format::OpenMetrics),
            ["Unit(\"a_seconds\", \"seconds\")", "a_seconds_count{q=\"0\"} = 7 @ Some(1700000000500)", "a = 1 @ None"]
        );
    }

    #[test]
    fn a_byte_order_mark_begins_a_text_and_is_part_of_no_name() {
        for (format, end) in [(Format::Prometheus, ""), (Format::OpenMetrics, "# EOF\n")] {
            assert_eq!(shown(&format!("\u{feff}a 1\n{end}"), format), ["a = 1 @ None"]);
        }
        assert!(labels("\u{feff}b").is_err());
    }

    #[test]
    fn openmetrics_that_was_cut_off_is_refused_at_its_end() {
        for (text, last) in [
            ("a 1\nb 12", "line 2: the text ends with `b 12` and not with `# EOF`"),
            ("a 1\nb 12\n", "line 3: the text does not end with `# EOF`"),
            ("a 1\n# EO", "line 2: the text does not end with `# EOF`"),
            ("", "line 1: the text does not end with `# EOF`"),
            ("a 1\n# EOF\nb 1\n", "line 3: `b 1` comes after `# EOF`"),
            ("a 1\n# EOF\n# EOF\n", "line 3: `# EOF` comes after `# EOF`"),
            ("a{b=\"x\ny\"} 1\n# EOF\n", "line 1: `a{b=\"x`: the labels do not end"),
        ] {
            let got = shown(text, Format::OpenMetrics);
            assert!(got.last().is_some_and(|got| got.starts_with(last)), "{text:?}: {got:?}");
        }
        for text in ["# EOF", "# EOF\n", "a 1\n# EOF", "a 1\r\n# EOF\r\n"] {
            assert!(!shown(text, Format::OpenMetrics).iter().any(|line| line.contains("EOF")), "{text:?}");
        }
    }

    #[test]
    fn a_value_that_goes_on_in_the_next_line_is_one() {
        let text = "a{b=\"x\n# y\n\",c=\"d\"} 1\nb 2\nc x\n";
        assert_eq!(
            shown(text, Format::Prometheus),
            ["a{b=\"x\n# y\n\",c=\"d\"} = 1 @ None", "b = 2 @ None", "line 5: `c x`: `x` is not a number; write 1, NaN, +Inf or -Inf"]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, part) in [
            ("ok 1\nup", "line 2: `up` has no value"),
            ("up one", "`one` is not a number"),
            ("up 0x10", "`0x10` is not a number"),
            ("up 1_000", "`1_000` is not a number"),
            ("up 1e999", "`1e999` is not a number"),
            ("up 1#x", "`1#x` is not a number"),
            ("up{a=\"b\" 1", "the labels do not end"),
            ("up{a=\"b} 1\n", "the labels do not end"),
            ("up 1 now", "`now` is not a time"),
            ("up 1 1.5", "`1.5` is not a time"),
            ("up 1 2 3", "`3` is more than"),
            ("up 1 2 x # y", "`x` is more than"),
            ("<html>", "`<html>` has no value"),
        ] {
            let last = shown(text, Format::Prometheus).pop().unwrap();
            assert!(last.starts_with("line ") && last.contains(part), "{text}: {last}");
        }
        for time in ["NaN", "+Inf", "1e300", "1764000000000"] {
            let last = shown(&format!("up 1 {time}\n# EOF\n"), Format::OpenMetrics).pop().unwrap();
            assert!(last.contains("is not a time"), "{time}: {last}");
        }
    }

    #[test]
    fn metadata_is_read_as_it_is_meant_and_is_else_a_comment() {
        for (line, format, expected) in [
            ("# TYPE a untyped", Format::Prometheus, "Type(\"a\", \"unknown\")"),
            ("# TYPE a unknown", Format::Prometheus, "Type(\"a\", \"unknown\")"),
            ("# TYPE a Gauge ", Format::Prometheus, "Type(\"a\", \"gauge\")"),
            ("# TYPE a weird", Format::Prometheus, "Type(\"a\", \"unknown\")"),
            ("# TYPE a stateset", Format::OpenMetrics, "Type(\"a\", \"stateset\")"),
            ("#\tTYPE\ta\tgauge", Format::Prometheus, "Type(\"a\", \"gauge\")"),
            ("#  TYPE   a   gauge", Format::Prometheus, "Type(\"a\", \"gauge\")"),
            ("# TYPE \"my.metric\" gauge", Format::Prometheus, "Type(\"my.metric\", \"gauge\")"),
            ("# HELP \"sp ace\" x y", Format::Prometheus, "Help(\"sp ace\", \"x y\")"),
            ("# HELP \"a\\\"b\" x", Format::OpenMetrics, "Help(\"a\\\"b\", \"x\")"),
            (r#"# HELP a l1\nl2 b\\s q\"q \t"#, Format::Prometheus, r#"Help("a", "l1\nl2 b\\s q\\\"q \\t")"#),
            (r#"# HELP a l1\nl2 b\\s q\"q \t"#, Format::OpenMetrics, r#"Help("a", "l1\nl2 b\\s q\"q \\t")"#),
            ("# HELP a   two  spaces ", Format::Prometheus, "Help(\"a\", \"  two  spaces \")"),
            ("# HELP a", Format::Prometheus, "Help(\"a\", \"\")"),
            ("# UNIT a_s s", Format::OpenMetrics, "Unit(\"a_s\", \"s\")"),
            ("# HELP 1a x", Format::Prometheus, ""),
            ("# HELP \"a x", Format::Prometheus, ""),
            ("# TYPE", Format::Prometheus, ""),
            ("#TYPE a gauge", Format::Prometheus, ""),
            ("# type a gauge", Format::Prometheus, ""),
            ("#foo", Format::Prometheus, ""),
            ("#", Format::Prometheus, ""),
        ] {
            let read = parse_line(line, format).unwrap().map_or(String::new(), |line| format!("{line:?}"));
            assert_eq!(read, expected, "{line} {format:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_let_through_in_comments_alone() {
        for (bytes, expected) in [
            (&b"# HELP a Gr\xf6\xdfe\na 1\n"[..], Ok("# HELP a Gr\u{fffd}\u{fffd}e\na 1\n")),
            (b"a 1\n# \xff\n", Ok("a 1\n# \u{fffd}\n")),
            (b"a 1\nb{c=\"\xff\"} 1\n", Err("line 2: not UTF-8 after `b{c=\"`")),
            ("größe".as_bytes(), Ok("größe")),
        ] {
            let read = text(bytes.to_vec());
            assert_eq!(read.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn the_content_type_decides_on_the_format() {
        for (kind, format) in [
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format::OpenMetrics),
            (" Application/OpenMetrics-Text", Format::OpenMetrics),
            ("application/openmetrics-textual", Format::Prometheus),
            ("text/plain; version=0.0.4", Format::Prometheus),
            ("application/json", Format::Prometheus),
            ("", Format::Prometheus),
        ] {
            assert_eq!(Format::of_content_type(kind), format, "{kind}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-zT{}\"\\\\=,#\n\r\t 0-9.NaInfE+\u{feff}-]{0,200}") {
            for format in [Format::Prometheus, Format::OpenMetrics] {
                for line in lines(&text, format).flatten() {
                    if let Line::Sample { series, .. } = line {
                        let _ = labels(series);
                    }
                }
            }
        }

        #[test]
        fn what_is_written_is_read(value in any::<String>(), v in -1e9f64..1e9) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let text = format!("m{{a=\"{escaped}\"}} {v}\n");
            let read: Vec<_> = lines(&text, Format::Prometheus).collect();
            let [Ok(Line::Sample { series, value: read, .. })] = read.as_slice() else { panic!("{read:?}") };
            prop_assert_eq!((*read).to_bits(), v.to_bits());
            prop_assert_eq!(&labels(series).unwrap()[1].1, &value);
        }
    }
}
