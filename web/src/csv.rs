//! The CSV of export and import: records of a series, a time and a value (RFC 4180).
//!
//! Fields may be quoted, then they hold commas and new lines, and `""` for a quote. Lines end with LF or CRLF. A wrong record
//! costs its first line: reading continues with the next line. Fields are returned raw, so that a series that is written a
//! million times is parsed once.
//!
//! Own code instead of the `csv` crate, which reads an unclosed quote as a field up to the end of the text and takes 1.5 times as
//! long, since it copies each field.

use std::borrow::Cow;

/// The first line of an export.
pub(crate) const HEADER: [&str; 3] = ["series", "time", "value"];

/// One record with raw fields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Record<'a>([&'a str; 3]);

impl<'a> Record<'a> {
    /// The series with its quotes.
    pub(crate) fn raw_series(&self) -> &'a str {
        self.0[0]
    }

    pub(crate) fn time(&self) -> Cow<'a, str> {
        unquoted(self.0[1])
    }

    pub(crate) fn value(&self) -> Cow<'a, str> {
        unquoted(self.0[2])
    }

    /// Whether it names the columns.
    pub(crate) fn is_header(&self) -> bool {
        // The last field first: it is short, and no row of samples has this one.
        self.0.iter().zip(HEADER).rev().all(|(field, name)| unquoted(field) == name)
    }
}

/// The content of a field.
pub(crate) fn unquoted(field: &str) -> Cow<'_, str> {
    match field.strip_prefix('"').and_then(|field| field.strip_suffix('"')) {
        Some(inner) if inner.contains('"') => Cow::Owned(inner.replace("\"\"", "\"")),
        Some(inner) => Cow::Borrowed(inner),
        None => Cow::Borrowed(field),
    }
}

/// A field with this content.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The records of a text with the number of their first line, from 1. Empty lines are none.
pub(crate) fn records(text: &str) -> Records<'_> {
    Records { rest: text, line: 1 }
}

/// See [`records`].
pub(crate) struct Records<'a> {
    rest: &'a str,
    line: usize,
}

/// A line that is no record.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(r#"not `"up{{job=""a""}}",1764000000,1` (series, time, value)"#)]
pub(crate) struct NotARecord;

/// What follows a field.
enum Then<'a> {
    Field(&'a str),
    Line(&'a str),
}

/// The first field, and what follows it; none where a quote does not end, or does not end the field.
fn field(text: &str) -> Option<(&str, Then<'_>)> {
    let bytes = text.as_bytes();
    let end = if bytes.first() == Some(&b'"') {
        let mut at = 1;
        loop {
            at += bytes.get(at..)?.iter().position(|byte| *byte == b'"')? + 1;
            // Two quotes are one.
            if bytes.get(at) != Some(&b'"') {
                break at;
            }
            at += 1;
        }
    } else {
        bytes.iter().position(|byte| matches!(byte, b',' | b'\n')).unwrap_or(bytes.len())
    };
    let (field, rest) = text.split_at(end);
    if let Some(rest) = rest.strip_prefix(',') {
        return Some((field, Then::Field(rest)));
    }
    let line = rest.strip_prefix('\n').or_else(|| rest.strip_prefix("\r\n")).or_else(|| (rest.is_empty() || rest == "\r").then_some(""))?;
    Some((field.strip_suffix('\r').unwrap_or(field), Then::Line(line)))
}

/// A record, and what follows it.
fn record(text: &str) -> Option<(Record<'_>, &str)> {
    let mut fields = [""; 3];
    let mut rest = text;
    for (at, place) in fields.iter_mut().enumerate() {
        let (field, then) = field(rest)?;
        *place = field;
        match then {
            Then::Field(next) if at < 2 => rest = next,
            Then::Line(next) if at == 2 => return Some((Record(fields), next)),
            _ => return None,
        }
    }
    None
}

impl<'a> Iterator for Records<'a> {
    type Item = (usize, Result<Record<'a>, NotARecord>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let (line, text) = (self.line, self.rest);
            let (first, after) = text.split_once('\n').unwrap_or((text, ""));
            if first.trim().is_empty() {
                (self.rest, self.line) = (after, line + 1);
                continue;
            }
            let Some((record, rest)) = record(text) else {
                (self.rest, self.line) = (after, line + 1);
                return Some((line, Err(NotARecord)));
            };
            self.rest = rest;
            // Most records are one line.
            let lines = if rest.len() == after.len() { 1 } else { text[..text.len() - rest.len()].matches('\n').count() };
            self.line += lines;
            return Some((line, Ok(record)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<String> {
        records(text)
            .map(|(line, record)| match record {
                Ok(record) => format!("{line}: {} | {} | {}", unquoted(record.raw_series()), record.time(), record.value()),
                Err(_) => format!("{line}: wrong"),
            })
            .collect()
    }

    #[test]
    fn records_are_read_as_other_tools_write_them() {
        for (text, expected) in [
            ("a,1,2\n\"b\",\"3\",\"4\"\r\n", &["1: a | 1 | 2", "2: b | 3 | 4"][..]),
            ("\"a\"\"b\",1,2", &["1: a\"b | 1 | 2"]),
            ("\"a,b\nc\",1,2\nd,3,4", &["1: a,b\nc | 1 | 2", "3: d | 3 | 4"]),
            ("\r\n\na,1,2\r\n\r\n", &["3: a | 1 | 2"]),
            ("a,1,2\r", &["1: a | 1 | 2"]),
            ("\"a\",1,\"2\"\r", &["1: a | 1 | 2"]),
            (",,\n", &["1:  |  | "]),
            ("\"a\rb\",1,2", &["1: a\rb | 1 | 2"]),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
        assert!(records("\"series\",time,value\r\n").all(|(_, record)| record.unwrap().is_header()));
    }

    #[test]
    fn a_record_that_is_wrong_costs_its_line_alone() {
        for wrong in ["\"a,1,2", "a,1", "a,1,2,3", "a", "\"a\"b,1,2", "a,\"1,2"] {
            assert_eq!(shown(&format!("{wrong}\nb,1,2\n")), ["1: wrong", "2: b | 1 | 2"], "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read(texts in prop::collection::vec([any::<String>(), "[,\"\n\r]{0,4}", any::<String>()], 0..4)) {
            let text: String = texts.iter().map(|fields| format!("{}\r\n", fields.each_ref().map(|f| quoted(f)).join(","))).collect();
            let read: Vec<[String; 3]> = records(&text)
                .map(|(_, record)| record.map(|r| r.0.map(|f| unquoted(f).into_owned())))
                .collect::<Result<_, _>>()
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(read, texts);
        }

        #[test]
        fn any_text_is_read_to_its_end(text in "[a,\"\n\r]{0,60}") {
            let lines = text.split_terminator('\n').count();
            prop_assert!(records(&text).all(|(line, _)| line >= 1 && line <= lines.max(1)));
        }
    }
}
