//! Values of OTLP as they are in a request: borrowed from it where that is possible.
//!
//! Text is bytes here. Not every client sends UTF-8, and one bad byte must not cost a request.

use std::borrow::Cow;

use crate::model::format_value;

/// A value of an attribute or a body.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Any<'a> {
    /// No value, which is not the same as an empty one.
    #[default]
    None,
    Text(Cow<'a, [u8]>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Cow<'a, [u8]>),
    List(Vec<Any<'a>>),
    Map(Vec<Attribute<'a>>),
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Attribute<'a> {
    pub(crate) key: Cow<'a, [u8]>,
    pub(crate) value: Any<'a>,
}

/// The text of bytes, with U+FFFD for what is not UTF-8.
pub(crate) fn text(bytes: Cow<'_, [u8]>) -> String {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Cow::Owned(bytes) => String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

impl<'a> Any<'a> {
    /// As bytes: text as it came, lists and maps as JSON.
    pub(crate) fn into_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::None => Cow::Borrowed(b""),
            Self::Text(bytes) | Self::Bytes(bytes) => bytes,
            Self::Bool(v) => Cow::Borrowed(if v { b"true" } else { b"false" }),
            Self::Int(v) => Cow::Owned(v.to_string().into_bytes()),
            Self::Double(v) => Cow::Owned(format_value(v).into_bytes()),
            Self::List(_) | Self::Map(_) => {
                let mut out = String::new();
                self.push_json(&mut out);
                Cow::Owned(out.into_bytes())
            }
        }
    }

    /// As text by the attribute specification: lists and maps as JSON, bytes as base64.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Bytes(bytes) => base64(&bytes),
            other => text(other.into_bytes()),
        }
    }

    /// The decoders bound the depth of nested values.
    fn push_json(&self, out: &mut String) {
        match self {
            Self::None => out.push_str("null"),
            Self::Text(bytes) => push_quoted(out, &String::from_utf8_lossy(bytes)),
            Self::Bytes(bytes) => push_quoted(out, &base64(bytes)),
            Self::Bool(v) => out.push_str(if *v { "true" } else { "false" }),
            Self::Int(v) => out.push_str(&v.to_string()),
            Self::Double(v) if v.is_finite() => out.push_str(&serde_json::json!(v).to_string()),
            Self::Double(v) => push_quoted(out, &format_value(*v)),
            Self::List(values) => {
                out.push('[');
                for (at, value) in values.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    value.push_json(out);
                }
                out.push(']');
            }
            Self::Map(pairs) => {
                out.push('{');
                for (at, Attribute { key, value }) in pairs.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    push_quoted(out, &String::from_utf8_lossy(key));
                    out.push(':');
                    value.push_json(out);
                }
                out.push('}');
            }
        }
    }
}

fn push_quoted(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { letter as char } else { '=' });
        }
    }
    out
}

/// The bytes of base64, also of its form for addresses, with or without `=`; none for anything else.
pub(crate) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    if text.len() - end > 2 || end % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(end / 4 * 3 + 2);
    let (mut word, mut bits) = (0u32, 0);
    for byte in &text[..end] {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        word = word << 6 | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
        }
    }
    Some(out)
}

/// An id as text, hex or base64; none for what is neither, and for zeros.
pub(crate) fn id_of_text<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes = if text.len() == 2 * N && text.iter().all(u8::is_ascii_hexdigit) {
        text.chunks(2).map(hex).collect::<Option<Vec<u8>>>()?
    } else {
        from_base64(text)?
    };
    id_of_bytes(&bytes)
}

/// An id; none for one of another length, and for zeros.
pub(crate) fn id_of_bytes<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    <[u8; N]>::try_from(bytes).ok().filter(|id| *id != [0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_written_and_read() {
        for (bytes, text) in [(&b""[..], ""), (b"a", "YQ=="), (b"ab", "YWI="), (b"abc\xff\xfe", "YWJj//4=")] {
            assert_eq!(base64(bytes), text);
            assert_eq!(from_base64(text.as_bytes()).as_deref(), Some(bytes));
        }
        assert_eq!(from_base64(b"YWJj__4").as_deref(), Some(&b"abc\xff\xfe"[..]));
        for wrong in ["Y", "YQ===", "Y Q=", "ä"] {
            assert_eq!(from_base64(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn ids_are_hex_or_base64_and_never_zeros() {
        let id = [0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03];
        for text in ["5b8efff798038103", "5B8EFFF798038103", "W47/95gDgQM=", "W47_95gDgQM"] {
            assert_eq!(id_of_text(text.as_bytes()), Some(id), "{text}");
        }
        for text in ["", "0000000000000000", "5b8e", "5b8efff79803810g", "AAAAAAAAAAA="] {
            assert_eq!(id_of_text::<8>(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn values_become_text_and_keep_their_bytes() {
        let text = |text: &'static str| Any::Text(Cow::Borrowed(text.as_bytes()));
        let map = Any::Map(vec![
            Attribute { key: Cow::Borrowed(b"k\xff"), value: Any::Bool(false) },
            Attribute { key: Cow::Borrowed(b"l"), value: Any::List(vec![Any::Int(-1), text("a\"b\u{1b}"), Any::None, Any::Double(0.5)]) },
            Attribute { key: Cow::Borrowed(b"n"), value: Any::Double(f64::NAN) },
            Attribute { key: Cow::Borrowed(b"b"), value: Any::Bytes(Cow::Borrowed(b"a")) },
        ]);
        for (value, expected) in [
            (Any::None, ""),
            (text("x"), "x"),
            (Any::Bool(true), "true"),
            (Any::Int(-3), "-3"),
            (Any::Double(2.0), "2"),
            (Any::Bytes(Cow::Borrowed(b"ab")), "YWI="),
            (map, "{\"k\u{fffd}\":false,\"l\":[-1,\"a\\\"b\\u001b\",null,0.5],\"n\":\"NaN\",\"b\":\"YQ==\"}"),
        ] {
            assert_eq!(value.into_text(), expected);
        }
        assert_eq!(Any::Text(Cow::Borrowed(b"a\xffb")).into_bytes().as_ref(), b"a\xffb");
        assert_eq!(Any::Text(Cow::Borrowed(b"a\xffb")).into_text(), "a\u{fffd}b");
    }
}
