//! How severe a line is, where only its text says so.
//!
//! Only what is plainly a level counts: the field of a line of JSON or logfmt, or a word where programs write it (`[error]`, `WARN`,
//! `error: …`). A line that merely speaks of errors is of unknown severity. The first bytes decide, so that a long line costs no more.

use crate::logs::Severity;

/// Bytes of a line that are searched for its level.
const HEAD: usize = 256;
/// Words that are searched: a time, a host, a thread, a logger and the level.
const WORDS: usize = 8;

/// Names of the field, in any case.
const FIELDS: [&[u8]; 9] =
    [b"level", b"severity", b"lvl", b"log.level", b"loglevel", b"levelname", b"severity_text", b"severitytext", b"@l"];

fn is_field(name: &[u8]) -> bool {
    FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field))
}

/// Whether an attribute or label of this name holds the severity.
pub(super) fn is_level_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("detected_level") || name.eq_ignore_ascii_case("log_level") || is_field(name.as_bytes())
}

fn word(bytes: &[u8]) -> Severity {
    std::str::from_utf8(bytes).map_or(Severity::default(), Severity::from_word)
}

/// The severity of a line by its text.
pub(super) fn detect(body: &[u8]) -> Severity {
    let head = body[..body.len().min(HEAD)].trim_ascii_start();
    match head {
        [b'{', ..] => in_json(head),
        [letter @ (b'I' | b'W' | b'E' | b'F'), rest @ ..] if is_klog(rest) => match letter {
            b'I' => Severity(9),
            b'W' => Severity(13),
            b'E' => Severity(17),
            _ => Severity(21),
        },
        _ => match in_logfmt(head) {
            Severity(0) => in_words(head),
            found => found,
        },
    }
}

/// `0102 15:04:05` after the letter, as in the lines of Kubernetes.
fn is_klog(rest: &[u8]) -> bool {
    rest.len() > 7
        && rest[..4].iter().all(u8::is_ascii_digit)
        && rest[4] == b' '
        && rest[5].is_ascii_digit()
        && rest[6].is_ascii_digit()
        && rest[7] == b':'
}

/// The text of JSON at the beginning, without its quotes, and the rest; escapes stay as they are.
fn json_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = bytes.strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = inner.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// The field of the outer object.
fn in_json(head: &[u8]) -> Severity {
    let (mut rest, mut depth) = (head, 0usize);
    while let Some(byte) = rest.first() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let Some((text, after)) = json_text(rest) else { break };
                rest = after;
                if depth == 1
                    && is_field(text)
                    && let Some(value) = after.trim_ascii_start().strip_prefix(b":")
                {
                    return json_value(value.trim_ascii_start());
                }
                continue;
            }
            _ => {}
        }
        rest = &rest[1..];
    }
    Severity::default()
}

/// A word, or a number as pino and bunyan write it: 10, 20 … 60.
fn json_value(value: &[u8]) -> Severity {
    if let Some((text, _)) = json_text(value) {
        return word(text);
    }
    match value {
        [digit @ b'1'..=b'6', b'0', after, ..] if !after.is_ascii_alphanumeric() && *after != b'.' => Severity((digit - b'1') * 4 + 1),
        _ => Severity::default(),
    }
}

/// `level=warn`, `lvl="error"`.
fn in_logfmt(head: &[u8]) -> Severity {
    let mut from = 0;
    while let Some(found) = head[from..].iter().position(|byte| *byte == b'=') {
        let at = from + found;
        let begin = head[from..at].iter().rposition(|byte| matches!(byte, b' ' | b'\t' | b',')).map_or(from, |space| from + space + 1);
        from = at + 1;
        if is_field(&head[begin..at]) {
            let value = head[from..].strip_prefix(b"\"").unwrap_or(&head[from..]);
            let end = value.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(value.len());
            return word(&value[..end]);
        }
    }
    Severity::default()
}

/// A word where programs write the level: all of it in capitals, or in brackets, or first of the line before a colon.
fn in_words(head: &[u8]) -> Severity {
    let (mut at, mut words, mut before) = (0, 0, b' ');
    while at < head.len() && words < WORDS {
        let byte = head[at];
        if byte == 0x1b {
            // A colour: up to its letter.
            at += head[at..].iter().position(u8::is_ascii_alphabetic).map_or(head.len(), |end| end + 1);
            continue;
        }
        if !byte.is_ascii_alphabetic() {
            words += usize::from(byte == b' ' && before != b' ');
            before = byte;
            at += 1;
            continue;
        }
        let end = at + head[at..].iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').unwrap_or(head.len() - at);
        let found = &head[at..end];
        let after = head.get(end).copied().unwrap_or(b' ');
        if is_level(found, before, after, at == 0) {
            let severity = word(found);
            if severity != Severity::default() {
                return severity;
            }
        }
        (at, before) = (end, b'a');
    }
    Severity::default()
}

fn is_level(found: &[u8], before: u8, after: u8, first: bool) -> bool {
    if !(3..=13).contains(&found.len()) {
        return false;
    }
    let bracketed = matches!((before, after), (b'[', b']') | (b'<', b'>') | (b'(', b')') | (b'|', b'|'));
    let capitals = found.iter().all(u8::is_ascii_uppercase)
        && matches!(before, b' ' | b'\t' | b'[' | b'(' | b'<' | b'|' | b':' | b'"')
        && matches!(after, b' ' | b'\t' | b']' | b')' | b'>' | b'|' | b':' | b'!' | b',' | b';' | b'"' | 0x1b);
    bracketed || capitals || first && matches!(after, b':' | b'[')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_a_line_is_where_programs_write_it() {
        for (line, expected) in [
            (r#"{"time":"2026","level":"error","msg":"x"}"#, "error"),
            (r#"{"msg":"say \"level\": \"error\"","LEVEL" : "Warn"}"#, "warn"),
            (r#"{"a":{"level":"error"},"severity":"INFO"}"#, "info"),
            (r#"{"level":30,"msg":"pino"}"#, "info"),
            (r#"{"level":50}"#, "error"),
            (r#"{"level":5}"#, "unknown"),
            (r#"{"level":"#, "unknown"),
            (r#"{"message":"an ERROR"}"#, "unknown"),
            ("time=2026 level=warn msg=\"level=error\"", "warn"),
            ("ts=1 lvl=\"crit\" x", "fatal"),
            ("mylevel=error x", "unknown"),
            ("2026-11-27 07:31:55,123 [main] com.shop.Cart ERROR - no stock", "error"),
            ("[2026-11-27T07:31:55Z INFO  taskpulse] ready", "info"),
            ("\u{1b}[2m2026-11-27T07:31:55Z\u{1b}[0m \u{1b}[32mDEBUG\u{1b}[0m x", "debug"),
            ("2024/01/01 12:00:00 [error] 123#0: *1 open() failed", "error"),
            ("WARNING:root:disk", "warn"),
            ("error: could not compile", "error"),
            ("error[E0308]: mismatched types", "error"),
            ("npm ERR! code ENOENT", "error"),
            ("E0102 15:04:05.000000 1 x.go:1] y", "error"),
            ("W01 x", "unknown"),
            ("no error was found", "unknown"),
            ("the class META-INF/x", "unknown"),
            ("one two three four five six seven eight nine ERROR", "unknown"),
            ("GET /error 200", "unknown"),
            ("", "unknown"),
            ("\u{1b}[", "unknown"),
            ("   WARN x", "warn"),
        ] {
            assert_eq!(detect(line.as_bytes()).word(), expected, "{line}");
        }
        assert_eq!(detect(&[b"a".repeat(HEAD), b" level=error".to_vec()].concat()), Severity::default(), "beyond the first bytes");
    }
}
