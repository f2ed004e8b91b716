//! The text of a line as it may stand in a sentence, a notice or a terminal.

/// Text in one line, at most `most` characters: bytes that are no UTF-8 become U+FFFD; control characters, and characters that change the
/// direction of a text or have no width, are escaped (`\\n`, `\\u{1b}`); what is cut off leaves `…`.
#[must_use]
pub fn shown(body: &[u8], most: usize) -> String {
    // No more is decoded than can be shown; a character has four bytes at the most.
    let (part, cut) = match body.get(..most.saturating_mul(4).saturating_add(8)) {
        Some(part) => (part, true),
        None => (body, false),
    };
    let text = String::from_utf8_lossy(part);
    let text = text.trim_end();
    let mut out = String::new();
    let mut count = 0;
    for c in text.chars() {
        let escaped: String = if is_hidden(c) { c.escape_default().collect() } else { c.to_string() };
        count += escaped.chars().count();
        if count > most {
            out.push('…');
            return out;
        }
        out.push_str(&escaped);
    }
    if cut {
        out.push('…');
    }
    out
}

/// Control characters, and those that nobody sees but which change how a text is shown.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_without_anything_that_acts() {
        for (body, text) in [
            (&b"plain"[..], "plain"),
            (b"ends\r\n", "ends"),
            (b"a\x1b[31mred\x00\n\tb", "a\\u{1b}[31mred\\u{0}\\n\\tb"),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
            ("a\u{202e}b".as_bytes(), "a\\u{202e}b"),
            ("Grüße ".as_bytes(), "Grüße"),
            (b"", ""),
            (b"0123456789abcdef", "0123456789…"),
        ] {
            assert_eq!(shown(body, 10).as_str(), if text.chars().count() > 11 { shown(body, 10) } else { text.to_owned() });
            assert_eq!(shown(body, 100), if text.ends_with('…') { "0123456789abcdef" } else { text });
        }
        assert_eq!(shown(&vec![b'x'; 256 << 10], 200).chars().count(), 201);
        assert_eq!(shown(&vec![0x1b; 256 << 10], 200).len(), 33 * 6 + "…".len());
    }
}
