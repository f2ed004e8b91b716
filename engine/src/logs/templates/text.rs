//! The words that lines are grouped by: the message of a line with numbers, ids, paths and the like masked.

use std::borrow::Cow;

use crate::model::clipped;

/// The wildcard: stands for a word that varies.
pub const ANY: &str = "<*>";
/// Words of a message at the most; the rest is one more.
pub const MAX_WORDS: usize = 40;
/// The word that stands for the rest.
pub const MORE: &str = "…";
/// Longer words are masked; in bytes.
const MAX_WORD: usize = 64;
/// Keys of the message in JSON and logfmt; the first that there is counts.
const KEYS: [&str; 8] = ["msg", "message", "error", "err", "log", "event", "exception", "body"];

/// The message of a line: a field of JSON or logfmt where it is one of those, else its first line with a letter in it.
#[must_use]
pub fn message(text: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(text);
    let found = if text.trim_start().starts_with('{') { json(text.trim_start()) } else { logfmt(&text) };
    if let Some(found) = found.filter(|found| !found.trim().is_empty()) {
        return Cow::Owned(first_line(&found).to_owned());
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(first_line(text)),
        Cow::Owned(text) => Cow::Owned(first_line(&text).to_owned()),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| line.chars().any(char::is_alphabetic)).or_else(|| text.lines().next()).unwrap_or_default().trim()
}

/// The message of JSON, which may be cut off: of its strings at the top, that of the first key.
fn json(text: &str) -> Option<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut rest = text.char_indices().peekable();
    let (mut depth, mut key): (usize, Option<String>) = (0, None);
    while let Some((_, c)) = rest.next() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            ',' => key = None,
            '"' => {
                let (string, whole) = json_string(&mut rest);
                if depth != 1 {
                    continue;
                }
                match key.take() {
                    Some(key) => {
                        if let Some(at) = KEYS.iter().position(|known| key.eq_ignore_ascii_case(known)) {
                            found.push((at, string));
                        }
                    }
                    None if whole => key = Some(string),
                    None => {}
                }
            }
            _ => {}
        }
    }
    found.into_iter().min_by_key(|(at, _)| *at).map(|(_, string)| string)
}

/// The rest of a string of JSON, and whether it ended.
fn json_string(rest: &mut std::iter::Peekable<std::str::CharIndices<'_>>) -> (String, bool) {
    let mut out = String::new();
    while let Some((_, c)) = rest.next() {
        match c {
            '"' => return (out, true),
            '\\' => match rest.next().map(|(_, c)| c) {
                Some('n' | 'r') => out.push('\n'),
                Some('t') => out.push(' '),
                // The character is left out: messages rarely differ by it alone.
                Some('u') => (0..4).for_each(|_| _ = rest.next()),
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    (out, false)
}

/// The message of logfmt: the value of the first key, where the line begins with `key=`.
fn logfmt(text: &str) -> Option<String> {
    let first = text.split_whitespace().next()?;
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    first.split_once('=').filter(|(key, _)| is_key(key))?;
    KEYS.iter().find_map(|key| {
        let at = text.match_indices(key).map(|(at, _)| at).find(|at| {
            let before = text[..*at].chars().next_back();
            before.is_none_or(char::is_whitespace) && text[at + key.len()..].starts_with('=')
        })?;
        let value = &text[at + key.len() + 1..];
        let Some(quoted) = value.strip_prefix('"') else { return value.split_whitespace().next().map(str::to_owned) };
        Some(json_string(&mut quoted.char_indices().peekable()).0)
    })
}

/// The words of a message. Quoted parts, numbers, hexadecimal digits, ids, addresses, paths and URLs become [`ANY`]; so does each part of a word
/// with a digit.
#[must_use]
pub fn words(message: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in unquoted(message).split_whitespace() {
        if out.len() == MAX_WORDS {
            out.push(MORE.to_owned());
            break;
        }
        // A masked word is short; control characters are replaced.
        out.push(clipped(&masked(word), 4 * MAX_WORD));
    }
    out
}

/// The text with its quoted parts masked.
fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '`']) {
        let (before, quoted) = rest.split_at(at);
        out.push_str(before);
        // An apostrophe within a word is no quote.
        let opens = !out.chars().next_back().is_some_and(char::is_alphanumeric);
        let quote = quoted.as_bytes()[0];
        let end = quoted[1..].bytes().position(|byte| byte == quote).filter(|_| opens);
        if let Some(end) = end {
            out.push_str(ANY);
            rest = &quoted[end + 2..];
        } else {
            out.push(char::from(quote));
            rest = &quoted[1..];
        }
    }
    out.push_str(rest);
    out
}

/// A word with what varies in it masked.
fn masked(word: &str) -> String {
    let core = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/' && c != '\\' && c != '<' && c != '>' && c != '*');
    if core.is_empty() || core == ANY {
        return word.chars().take(MAX_WORD).collect();
    }
    if core.len() > MAX_WORD || is_path(core) || is_hex(core) {
        return word.replacen(core, ANY, 1);
    }
    let mut out = String::new();
    let mut piece = String::new();
    for c in word.chars() {
        // These may stand within a number: 1.5, 10:42:07, 2026-11-27, 10.0.0.7:80.
        if c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '%' | '+') {
            piece.push(c);
        } else {
            push_piece(&mut out, &piece);
            piece.clear();
            out.push(c);
        }
    }
    push_piece(&mut out, &piece);
    out
}

fn push_piece(out: &mut String, piece: &str) {
    let end = piece.trim_end_matches([':', '.', '-', '%', '+']).len();
    let (core, tail) = piece.split_at(end);
    if !core.bytes().any(|byte| byte.is_ascii_digit()) && !is_hex(core) {
        out.push_str(piece);
        return;
    }
    // A name before a number stays: `worker-3`, `id:42`.
    let name = core.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    let keeps = core[..name].rfind([':', '-', '_', '.']).filter(|_| !is_id(core));
    let kept = keeps.map_or(0, |at| at + 1);
    out.push_str(&core[..kept]);
    if !out.ends_with(ANY) {
        out.push_str(ANY);
    }
    out.push_str(tail.trim_matches(['%', '+']));
}

/// Digits and letters of a UUID or a digest.
fn is_id(text: &str) -> bool {
    text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// `0x7f…`, or at least eight hexadecimal digits with a digit among them.
fn is_hex(text: &str) -> bool {
    let text = text.strip_prefix("0x").unwrap_or(text);
    text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// `/var/log/x`, `C:\x`, `https://…`, `a/b/c`.
fn is_path(text: &str) -> bool {
    let slashes = text.bytes().filter(|byte| matches!(byte, b'/' | b'\\')).count();
    text.contains("://") || slashes >= 2 || (slashes == 1 && text.len() > 1 && text.starts_with('/')) || text.get(1..3) == Some(":\\")
}
