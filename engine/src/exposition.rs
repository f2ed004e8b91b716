//! The text in which programs expose metrics: Prometheus' format 0.0.4 and OpenMetrics 1.0.
//!
//! Works line by line on borrowed text: [`lines`] tells comments from samples and leaves the labels as they stand, so that
//! who scrapes the same program again and again need not take them apart each time; [`labels`] does. Exemplars are skipped,
//! native histograms have no text. Sources: prometheus.io, "Exposition formats"; OpenMetrics 1.0, RFC-style specification.

use std::borrow::Cow;

use crate::model::{NAME_LABEL, TimestampMs};

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
        if content_type.trim_start().starts_with("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }
}

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
    /// `# TYPE name kind`
    Type(&'a str, &'a str),
    /// `# HELP name text`
    Help(&'a str, &'a str),
    /// `# UNIT name unit`
    Unit(&'a str, &'a str),
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

/// The lines of a text that say something. Ends after `# EOF`, and after a line that is wrong.
pub fn lines(text: &str, format: Format) -> impl Iterator<Item = Result<Line<'_>, ExpositionError>> {
    let mut over = false;
    text.split('\n')
        .enumerate()
        .map_while(move |(at, line)| {
            if over {
                return None;
            }
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line == "# EOF" {
                over = true;
                return Some(None);
            }
            let parsed = parse_line(line, format).map_err(|why| ExpositionError { line: at + 1, why }).transpose();
            over = matches!(parsed, Some(Err(_)));
            Some(parsed)
        })
        .flatten()
}

fn parse_line(line: &str, format: Format) -> Result<Option<Line<'_>>, String> {
    let line = line.trim_start_matches([' ', '\t']);
    if line.is_empty() {
        return Ok(None);
    }
    if let Some(comment) = line.strip_prefix('#') {
        let mut words = comment.trim_start().splitn(3, [' ', '\t']);
        let (what, name, rest) = (words.next().unwrap_or(""), words.next(), words.next().unwrap_or(""));
        return Ok(match (what, name) {
            ("TYPE", Some(name)) => Some(Line::Type(name, rest.trim())),
            ("HELP", Some(name)) => Some(Line::Help(name, rest)),
            ("UNIT", Some(name)) => Some(Line::Unit(name, rest.trim())),
            _ => None,
        });
    }
    let end = series_end(line).ok_or_else(|| format!("`{}`: the labels do not end; write name{{label=\"value\"}} 1", short(line)))?;
    let (series, rest) = line.split_at(end);
    let mut words = rest.split_ascii_whitespace();
    let value = words.next().ok_or_else(|| format!("`{}` has no value; write name 1", short(line)))?;
    let value = number(value).ok_or_else(|| format!("`{}` is not a number; write 1, NaN, +Inf or -Inf", short(value)))?;
    let time = match words.next() {
        None | Some("#") => None,
        Some(text) => Some(time(text, format).ok_or_else(|| format!("`{}` is not a time", short(text)))?),
    };
    match words.next() {
        // An exemplar, or the rest of one.
        Some(word) if !word.starts_with('#') && rest.contains('#') => {}
        Some(word) if !word.starts_with('#') => return Err(format!("`{}` is more than a value and a time", short(word))),
        _ => {}
    }
    Ok(Some(Line::Sample { series: series.trim_end(), value, time }))
}

/// Where the name and labels end.
fn series_end(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let first = bytes.iter().position(|b| matches!(b, b'{' | b' ' | b'\t')).unwrap_or(bytes.len());
    let open = match bytes[first..].iter().position(|b| !matches!(b, b' ' | b'\t')) {
        Some(skip) if bytes[first + skip] == b'{' => first + skip,
        _ => return Some(first),
    };
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in bytes.iter().enumerate().skip(open + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    // Rust reads more words than the formats have.
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain || ["nan", "+inf", "-inf", "inf"].iter().any(|word| text.eq_ignore_ascii_case(word)) { text.parse().ok() } else { None }
}

fn time(text: &str, format: Format) -> Option<TimestampMs> {
    match format {
        Format::Prometheus => text.parse().ok(),
        Format::OpenMetrics => number(text).map(|s| (s * 1e3).round()).filter(|ms| ms.abs() < 9.0e15).map(|ms| ms as i64),
    }
}

/// Names and values of labels.
pub type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Takes `name{a="b"}` or `{"name","a b"="c"}` apart, the name as the label `__name__`.
///
/// # Errors
/// What is wrong with it.
pub fn labels(series: &str) -> Result<Pairs<'_>, String> {
    let wrong = |what: &str| format!("`{}`: {what}; write name{{label=\"value\"}}", short(series));
    let (name, inner) = match series.find('{') {
        None => (series.trim(), ""),
        Some(open) => (series[..open].trim(), series[open + 1..].strip_suffix('}').ok_or_else(|| wrong("the labels do not end"))?),
    };
    let mut out: Pairs<'_> = Vec::new();
    if !name.is_empty() {
        out.push((Cow::Borrowed(NAME_LABEL), Cow::Borrowed(name)));
    }
    let mut rest = inner.trim();
    while !rest.is_empty() {
        let (key, after) = if rest.starts_with('"') {
            quoted(rest).ok_or_else(|| wrong("a quoted name does not end"))?
        } else {
            let end = rest.find(['=', ',', ' ', '\t']).unwrap_or(rest.len());
            (Cow::Borrowed(&rest[..end]), &rest[end..])
        };
        let after = after.trim_start();
        rest = match after.strip_prefix('=') {
            None if rest.starts_with('"') && name.is_empty() && !out.iter().any(|(n, _)| n == NAME_LABEL) => {
                out.push((Cow::Borrowed(NAME_LABEL), key));
                after
            }
            None => return Err(wrong("a label has no value")),
            Some(value) => {
                let (value, after) = quoted(value.trim_start()).ok_or_else(|| wrong("the value of a label is not quoted"))?;
                out.push((key, value));
                after
            }
        };
        rest = rest.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err(wrong("a comma is missing between labels")),
        };
    }
    Ok(out)
}

/// A quoted text, without its quotes and escapes, and what follows.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escapes = false;
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => (escaped, escapes) = (true, true),
            b'"' => {
                let raw = &inner[..at];
                return Some((if escapes { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }, &inner[at + 1..]));
            }
            _ => {}
        }
    }
    None
}

/// `\\`, `\"` and `\n`; any other escape stays as it is.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some(c @ ('\\' | '"'))) => out.push(c),
            ('\\', Some(c)) => out.extend(['\\', c]),
            (c, _) => out.push(c),
        }
    }
    out
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
        let text = "# HELP up Whether it is up.\n# TYPE up gauge\nup 1\n\n  up{a=\"}\\\"\",b=\"c d\"}   2.5 1700000000123 \r\n# just a comment\nup {a=\"b\"} NaN\nx -Inf\n";
        assert_eq!(
            shown(text, Format::Prometheus),
            [
                "Help(\"up\", \"Whether it is up.\")",
                "Type(\"up\", \"gauge\")",
                "up = 1 @ None",
                "up{a=\"}\\\"\",b=\"c d\"} = 2.5 @ Some(1700000000123)",
                "up {a=\"b\"} = NaN @ None",
                "x = -inf @ None",
            ]
        );
        let text =
            "# UNIT a_seconds seconds\na_seconds_count{q=\"0\"} 7 1700000000.5 # {trace=\"x\"} 0.5 1\na 1 # {t=\"y\"} 3\n# EOF\nnot read";
        assert_eq!(
            shown(text, Format::OpenMetrics),
            ["Unit(\"a_seconds\", \"seconds\")", "a_seconds_count{q=\"0\"} = 7 @ Some(1700000000500)", "a = 1 @ None"]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, part) in [
            ("ok 1\nup", "line 2: `up` has no value"),
            ("up one", "`one` is not a number"),
            ("up 0x10", "`0x10` is not a number"),
            ("up infinity", "`infinity` is not a number"),
            ("up{a=\"b\" 1", "the labels do not end"),
            ("up 1 now", "`now` is not a time"),
            ("up 1 2 3", "`3` is more than"),
            ("<html>", "`<html>` has no value"),
        ] {
            let last = shown(text, Format::Prometheus).pop().unwrap();
            assert!(last.contains(part), "{text}: {last}");
        }
    }

    #[test]
    fn labels_are_taken_apart() {
        let of = |series: &str| labels(series).map(|l| l.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "));
        for (series, expected) in [
            ("up", "__name__=up"),
            ("up{}", "__name__=up"),
            (r#"up{a="b", c="d",}"#, "__name__=up a=b c=d"),
            (r#"up {a="x\\y\"z\n\q"}"#, "__name__=up a=x\\y\"z\n\\q"),
            (r#"{"my.metric", "a b"="c"}"#, "__name__=my.metric a b=c"),
            (r#"{__name__="x",a=""}"#, "__name__=x a="),
        ] {
            assert_eq!(of(series).unwrap(), expected, "{series}");
        }
        for series in ["up{a}", "up{a=b}", "up{a=\"b\"c=\"d\"}", "up{\"a\"}", "up{a=\"b", "{\"a\" \"b\"}"] {
            assert!(of(series).is_err(), "{series}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z{}\"\\\\=,#\n 0-9.NaInfE+-]{0,200}") {
            for format in [Format::Prometheus, Format::OpenMetrics] {
                for line in lines(&text, format).flatten() {
                    if let Line::Sample { series, .. } = line {
                        let _ = labels(series);
                    }
                }
            }
        }

        #[test]
        fn what_is_written_is_read(value in "[ -~\n]{0,30}", v in -1e9f64..1e9) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let text = format!("m{{a=\"{escaped}\"}} {v}\n");
            let read: Vec<_> = lines(&text, Format::Prometheus).collect();
            let [Ok(Line::Sample { series, value: read, .. })] = read.as_slice() else { panic!("{read:?}") };
            prop_assert_eq!((*read).to_bits(), v.to_bits());
            prop_assert_eq!(&labels(series).unwrap()[1].1, &value);
        }
    }
}
