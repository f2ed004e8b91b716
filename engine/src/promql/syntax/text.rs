//! Quoting in Go's form, and unquoting of a query's strings.

pub(super) use crate::model::go_quoted as quoted;
use crate::model::{is_printable, push_go_escaped};

/// Quotes bytes as Go's `%q` does; invalid UTF-8 becomes `\xff`.
pub(super) fn quoted_bytes(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push_go_escaped(&mut out, c, '"'));
        out.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    out.push('"');
    out
}

/// Quotes a character as Go's `%q` does; the end of the text is printed as U+FFFD.
pub(super) fn quoted_char(c: Option<char>) -> String {
    let mut out = String::from("'");
    push_go_escaped(&mut out, c.unwrap_or(char::REPLACEMENT_CHARACTER), '\'');
    out.push('\'');
    out
}

/// A character as Go's `%#U` prints it.
pub(super) fn code_point(c: char) -> String {
    let code = u32::from(c);
    if is_printable(c) { format!("U+{code:04X} '{c}'") } else { format!("U+{code:04X}") }
}

/// The bytes of a string token, whose escapes the lexer has checked.
pub(crate) fn unquoted(token: &str) -> Option<Vec<u8>> {
    let quote = token.chars().next()?;
    let inner = token.get(1..token.len().checked_sub(1)?)?;
    if quote == '`' || !inner.contains('\\') {
        return Some(inner.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = rest.next()?;
        match escape {
            'a' => out.push(0x07),
            'b' => out.push(0x08),
            'f' => out.push(0x0c),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(0x0b),
            'x' => out.push(u8::try_from(code(&mut rest, 0, 2, 16)?).ok()?),
            'u' => out.extend_from_slice(char::from_u32(code(&mut rest, 0, 4, 16)?)?.encode_utf8(&mut [0; 4]).as_bytes()),
            'U' => out.extend_from_slice(char::from_u32(code(&mut rest, 0, 8, 16)?)?.encode_utf8(&mut [0; 4]).as_bytes()),
            '0'..='7' => out.push(u8::try_from(code(&mut rest, escape.to_digit(8)?, 2, 8)?).ok()?),
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Some(out)
}

fn code(rest: &mut std::str::Chars<'_>, first: u32, digits: usize, base: u32) -> Option<u32> {
    (0..digits).try_fold(first, |code, _| code.checked_mul(base)?.checked_add(rest.next()?.to_digit(base)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, wanted) in [
            ("a\"b\\", r#""a\"b\\""#),
            ("\n\t\r\x07\x08\x0b\x0c", r#""\n\t\r\a\b\v\f""#),
            ("\0\x7f", r#""\x00\x7f""#),
            ("é語", r#""é語""#),
            ("\u{a0}\u{200b}\u{feff}\u{ad}", r#""\u00a0\u200b\ufeff\u00ad""#),
            ("a\u{301}\u{301}", "\"a\u{301}\u{301}\""),
            ("\u{e0001}\u{1f600}", "\"\\U000e0001\u{1f600}\""),
        ] {
            assert_eq!(quoted(text), wanted);
        }
        assert_eq!((quoted_char(Some('\'')), quoted_char(None)), ("'\\''".to_owned(), "'\u{fffd}'".to_owned()));
        assert_eq!((code_point('.'), code_point('\n')), ("U+002E '.'".to_owned(), "U+000A".to_owned()));
    }

    #[test]
    fn strings_have_the_escapes_of_go() {
        for (token, wanted) in [
            (r#""a\n\"\\""#, Some("a\n\"\\")),
            (r"'a\'b'", Some("a'b")),
            (r"`a\n`", Some(r"a\n")),
            (r#""\xc3\xa9\303\251\u00e9\U0001F600""#, Some("ééé\u{1f600}")),
            ("\"\"", Some("")),
        ] {
            assert_eq!(unquoted(token).as_deref(), wanted.map(str::as_bytes), "{token}");
        }
        assert_eq!(unquoted(r#""\xffé\377""#).unwrap(), [0xff, 0xc3, 0xa9, 0xff]);
        assert_eq!(quoted_bytes(&[0xff, 0xc3, 0xa9, 0xc3]), r#""\xffé\xc3""#);
    }
}
