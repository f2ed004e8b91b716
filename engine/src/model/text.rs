//! Values, times and names as text.

use std::borrow::Cow;
use std::fmt::Write;

use jiff::Timestamp;

use super::TimestampMs;

/// Longest piece of a query that a message shows, in characters.
const SHOWN: usize = 500;

/// A text as a message shows it.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

/// Whether a name may stand without quotes; in the name of a metric, colons may too.
#[must_use]
pub fn is_plain_name(name: &str, colons: bool) -> bool {
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_' || (colons && b == b':');
    name.bytes().next().is_some_and(first) && name.bytes().all(|b| first(b) || b.is_ascii_digit())
}

/// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub(crate) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // `escape_debug` uses the same classes, but also escapes a combining mark at the start of a text.
    let text: String = ['a', c].iter().collect();
    text.escape_debug().count() == 2
}

/// A character as Go's `%q` writes it within these quotes.
pub(crate) fn push_go_escaped(out: &mut String, c: char, quote: char) {
    match c {
        c if c == quote || c == '\\' => out.extend(['\\', c]),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        c if is_printable(c) => out.push(c),
        c => {
            let code = u32::from(c);
            // Writing to a string cannot fail.
            let _ = match code {
                0..=0x7f => write!(out, "\\x{code:02x}"),
                0x80..=0xffff => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// Text in double quotes as Go's `%q` writes it.
#[must_use]
pub fn go_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    text.chars().for_each(|c| push_go_escaped(&mut out, c, '"'));
    out.push('"');
    out
}

/// A float as Prometheus writes it in JSON and in its text format: shortest form, `NaN`, `+Inf`, `-Inf`.
#[must_use]
pub fn format_value(v: f64) -> String {
    let mut out = String::new();
    push_value(&mut out, v);
    out
}

/// As [`format_value`], behind what there is.
pub fn push_value(out: &mut String, v: f64) {
    let size = v.abs();
    if v.is_nan() {
        out.push_str("NaN");
    } else if v.is_infinite() {
        out.push_str(if v > 0.0 { "+Inf" } else { "-Inf" });
    } else if v == 0.0 || (1e-5..1e15).contains(&size) {
        // Here it writes no exponent.
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(v);
        out.push_str(text.strip_suffix(".0").unwrap_or(text));
    } else if (1e-6..1e21).contains(&size) {
        // Writing into a string cannot fail.
        let _ = write!(out, "{v}");
    } else {
        // As Go writes it: a sign, and two digits at the least.
        let text = format!("{v:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
        let _ = write!(out, "{digits}e{sign}{exponent:0>2}");
    }
}

/// A sample as the JSON of the Prometheus interface has it: `[1764000000.5,"0.61"]`.
pub fn push_point(out: &mut String, t: TimestampMs, v: f64) {
    out.push('[');
    push_seconds(out, t);
    out.push_str(",\"");
    push_value(out, v);
    out.push_str("\"]");
}

/// In the place of what is not shown.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// A character of a text of others as it is shown: control characters could drive a terminal, and those that change the direction or the line
/// of what follows make a text look like another one. Ends of lines and tabs stay.
fn neutral_char(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        // Embeddings, overrides and isolates; separators of lines and paragraphs; tags, which nobody sees.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e007f}' => REPLACEMENT,
        c if c.is_control() => REPLACEMENT,
        c => c,
    }
}

/// A text without characters that would change how it is shown.
#[must_use]
pub fn neutral(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| neutral_char(c) == c) { Cow::Borrowed(text) } else { text.chars().map(neutral_char).collect() }
}

/// At most so many characters, in one line; control characters and those that change the direction of a text are replaced.
#[must_use]
pub fn clipped(text: &str, most: usize) -> String {
    let mut out: String = text.chars().take(most).map(|c| if c.is_control() { REPLACEMENT } else { neutral_char(c) }).collect();
    if text.chars().nth(most).is_some() {
        out.pop();
        out.push('…');
    }
    out
}

/// A time as RFC 3339, in UTC; empty for a time beyond the calendar.
#[must_use]
pub fn rfc3339(t: TimestampMs) -> String {
    Timestamp::from_millisecond(t).map(|t| t.to_string()).unwrap_or_default()
}

/// A time in nanoseconds since 1970 as RFC 3339, with as many decimals as it needs.
#[must_use]
pub fn rfc3339_nanos(t: i64) -> String {
    Timestamp::from_nanosecond(i128::from(t)).map(|t| t.to_string()).unwrap_or_default()
}

/// FNV-1a (Fowler, Noll, Vo), 64 bits: the same in each version, for what is kept or shown.
#[must_use]
pub fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from(b"0123456789abcdef"[usize::from(four)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A time as Unix seconds with as many decimals as it needs.
pub fn push_seconds(out: &mut String, t: TimestampMs) {
    let (whole, part) = (t.unsigned_abs() / 1_000, t.unsigned_abs() % 1_000);
    let sign = if t < 0 { "-" } else { "" };
    let _ = write!(out, "{sign}{whole}");
    if part > 0 {
        let decimals = format!("{part:03}");
        let _ = write!(out, ".{}", decimals.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_is_written_in_its_shortest_form_and_read_back_bit_for_bit(bits in any::<u64>(), decimal in -1e9..1e9f64, places in 0..7i32) {
            let rounded = (decimal * 10f64.powi(places)).round() / 10f64.powi(places);
            for v in [f64::from_bits(bits), decimal, rounded] {
                let text = format_value(v);
                if v.is_nan() {
                    prop_assert_eq!(text, "NaN");
                    continue;
                }
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), v.to_bits());
                if v == 0.0 || (1e-6..1e21).contains(&v.abs()) {
                    prop_assert_eq!(text, format!("{v}"));
                }
            }
        }

        #[test]
        fn a_time_is_written_as_the_float_of_its_seconds(t in -9_000_000_000_000..9_000_000_000_000i64) {
            let mut text = String::new();
            push_seconds(&mut text, t);
            prop_assert_eq!(text, format!("{}", t as f64 / 1e3));
        }
    }

    #[test]
    fn values_are_written_as_prometheus_does() {
        for (v, text) in [
            (0.61, "0.61"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
            (3.0, "3"),
            (1e-7, "1e-07"),
            (1.5e21, "1.5e+21"),
            (1e-300, "1e-300"),
        ] {
            assert_eq!(format_value(v), text);
        }
    }
}
