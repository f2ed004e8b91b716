//! Name and labels of a sample as text: `name{a="b"}`, or `{"a name","a label"="b"}` with quoted names.
//!
//! Both formats have the escapes `\\`, `\"` and `\n`; any other backslash is literal. [`parse_labels`] reads what [`push_series`]
//! writes, for any names and values.

use std::borrow::Cow;

use super::error::{LineError, SeriesError};
use super::{short, skip_blanks};
use crate::model::{Labels, NAME_LABEL, is_plain_name};

/// Names and values of labels.
pub type LabelPairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// What does not end in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// A quoted text.
    Quotes,
    /// The labels.
    Labels,
}

/// Length of the name and labels at the start of a line.
///
/// # Errors
/// [`Unfinished`] if they do not end.
pub(super) fn series_end(line: &str) -> Result<usize, Unfinished> {
    let bytes = line.as_bytes();
    let first = bytes.iter().position(|b| matches!(b, b'{' | b' ' | b'\t')).unwrap_or(bytes.len());
    let open = match bytes[first..].iter().position(|b| !matches!(b, b' ' | b'\t')) {
        Some(skip) if bytes[first + skip] == b'{' => first + skip,
        _ => return Ok(first),
    };
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in bytes.iter().enumerate().skip(open + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Ok(at + 1),
            _ => {}
        }
    }
    Err(if quoted { Unfinished::Quotes } else { Unfinished::Labels })
}

/// Parses `name{a="b"}` or `{"name","a b"="c"}`; the name becomes the label `__name__`. Values may be empty; names of labels with
/// values are unique.
///
/// # Errors
/// [`LineError`] if it is invalid.
pub fn parse_labels(series: &str) -> Result<LabelPairs<'_>, LineError> {
    let wrong = |why: SeriesError| LineError::Series { series: short(series), why };
    let (name, inner) = match series.find('{') {
        None => (series.trim_matches(BLANKS), ""),
        Some(open) => {
            let inner =
                series[open + 1..].trim_end_matches(BLANKS).strip_suffix('}').ok_or_else(|| wrong(SeriesError::UnfinishedLabels))?;
            (series[..open].trim_matches(BLANKS), inner)
        }
    };
    let mut out: LabelPairs<'_> = Vec::new();
    if !name.is_empty() {
        if !is_plain_name(name, true) {
            return Err(wrong(SeriesError::MetricName(short(name))));
        }
        out.push((Cow::Borrowed(NAME_LABEL), Cow::Borrowed(name)));
    }
    let mut rest = skip_blanks(inner);
    while !rest.is_empty() {
        let (key, after) = if rest.starts_with('"') {
            quoted(rest).ok_or_else(|| wrong(SeriesError::UnfinishedName))?
        } else {
            let end = rest.find(['=', ',', ' ', '\t', '"']).unwrap_or(rest.len());
            let key = &rest[..end];
            if !is_plain_name(key, false) {
                return Err(wrong(SeriesError::LabelName(short(key))));
            }
            (Cow::Borrowed(key), &rest[end..])
        };
        let after = skip_blanks(after);
        rest = match after.strip_prefix('=') {
            None if rest.starts_with('"') && name.is_empty() && !out.iter().any(|(n, _)| n == NAME_LABEL) => {
                out.push((Cow::Borrowed(NAME_LABEL), key));
                after
            }
            None => return Err(wrong(SeriesError::NoValue)),
            Some(value) => {
                let (value, after) = quoted(skip_blanks(value)).ok_or_else(|| wrong(SeriesError::NotQuoted))?;
                out.push((key, value));
                after
            }
        };
        // Like Prometheus, do not require a comma.
        rest = skip_blanks(rest);
        rest = rest.strip_prefix(',').map_or(rest, skip_blanks);
    }
    if !out.iter().any(|(name, value)| name == NAME_LABEL && !value.is_empty()) {
        return Err(wrong(SeriesError::NoMetricName));
    }
    match twice(&out) {
        Some(name) => Err(wrong(SeriesError::Twice(short(name)))),
        None => Ok(out),
    }
}

/// Blanks between the parts of a line.
const BLANKS: [char; 2] = [' ', '\t'];

/// The name of a label that is given twice, ignoring empty values.
fn twice<'a>(pairs: &'a LabelPairs<'_>) -> Option<&'a str> {
    if pairs.len() <= FEW {
        let again = |at: usize| pairs[..at].iter().any(|(name, value)| !value.is_empty() && *name == pairs[at].0);
        let at = (1..pairs.len()).find(|at| !pairs[*at].1.is_empty() && again(*at))?;
        return Some(&pairs[at].0);
    }
    let mut names: Vec<&str> = pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// Up to this many labels, comparing all pairs is faster than sorting.
const FEW: usize = 12;

/// A quoted text without quotes and escapes, and the rest.
pub(super) fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escapes = false;
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => (escaped, escapes) = (true, true),
            b'"' => {
                let raw = &inner[..at];
                return Some((if escapes { unescape(raw, &['"']) } else { Cow::Borrowed(raw) }, &inner[at + 1..]));
            }
            _ => {}
        }
    }
    None
}

/// Replaces `\\`, `\n` and escaped `others`; any other backslash is literal.
pub(super) fn unescape<'a>(raw: &'a str, others: &[char]) -> Cow<'a, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some(c)) if c == '\\' || others.contains(&c) => out.push(c),
            ('\\', Some(c)) => out.extend(['\\', c]),
            (c, _) => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The first escape that the formats do not define.
#[must_use]
pub fn unknown_escape(series: &str) -> Option<&str> {
    let bytes = series.as_bytes();
    let mut at = 0;
    while let Some(skip) = bytes.get(at..)?.iter().position(|b| *b == b'\\') {
        let from = at + skip;
        if !matches!(bytes.get(from + 1), Some(b'\\' | b'"' | b'n')) {
            let length = series[from + 1..].chars().next().map_or(0, char::len_utf8);
            return Some(&series[from..from + 1 + length]);
        }
        at = from + 2;
    }
    None
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Writes a series; names that are not plain are quoted.
pub fn push_series(out: &mut String, labels: &Labels) {
    let name = labels.name();
    let plain = is_plain_name(name, true);
    if plain {
        out.push_str(name);
    }
    let mut open = false;
    let mut begin = |out: &mut String| out.push(if std::mem::replace(&mut open, true) { ',' } else { '{' });
    if !plain && !name.is_empty() {
        begin(out);
        push_quoted(out, name);
    }
    for (label, value) in labels.iter().filter(|(label, _)| *label != NAME_LABEL) {
        begin(out);
        if is_plain_name(label, false) {
            out.push_str(label);
        } else {
            push_quoted(out, label);
        }
        out.push('=');
        push_quoted(out, value);
    }
    if open {
        out.push('}');
    }
}

#[cfg(test)]
mod tests;
