//! Escapes and character classes of a pattern: `\d`, `\x41`, `\pL`, `[a-z[:digit:]]`.

use std::fmt::Write;

use super::class::{self, ANYTHING, NOTHING};
use super::parse::{INVALID_ESCAPE, INVALID_RANGE, MISSING_BRACKET, Parser, SyntaxError, TRAILING_BACKSLASH, wrong};

impl Parser<'_> {
    pub(super) fn backslash(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        match self.rest().as_bytes().get(1) {
            Some(b'A') => self.atom(2, "\\A"),
            Some(b'z') => self.atom(2, "\\z"),
            // Of ASCII characters, like `\w`.
            Some(b'b') => self.atom(2, "(?-u:\\b)"),
            Some(b'B') => self.atom(2, "(?-u:\\B)"),
            Some(b'C') => return wrong(INVALID_ESCAPE, "\\C"),
            Some(b'Q') => {
                let quoted = &self.rest()[2..];
                let text = quoted.split_once("\\E").map_or(quoted, |(text, _)| text);
                text.chars().for_each(|c| self.literal(c));
                self.at += 2 + text.len() + if text.len() < quoted.len() { 2 } else { 0 };
            }
            _ => {
                let mut class = String::new();
                if self.named_class(&mut class)? {
                    let text = if self.flags.fold { format!("(?i:[{class}])") } else { format!("[{class}]") };
                    self.atom(0, &text);
                } else {
                    let code = self.escape(start)?;
                    self.code_point(code);
                }
            }
        }
        Ok(())
    }

    /// Writes a class such as `\d` or `\pL`, if one is next.
    fn named_class(&mut self, class: &mut String) -> Result<bool, SyntaxError> {
        let rest = self.rest();
        let [b'\\', letter, ..] = rest.as_bytes() else { return Ok(false) };
        if let Some(ranges) = class::perl(letter.to_ascii_lowercase()) {
            self.at += 2;
            push_ranges(class, ranges, letter.is_ascii_uppercase());
            return Ok(true);
        }
        if !matches!(letter, b'p' | b'P') {
            return Ok(false);
        }
        let (whole, name) = match rest[2..].chars().next() {
            Some('{') => match rest.find('}') {
                Some(end) => (&rest[..=end], &rest[3..end]),
                None => return wrong(INVALID_RANGE, rest),
            },
            Some(c) => (&rest[..2 + c.len_utf8()], &rest[2..2 + c.len_utf8()]),
            None => (rest, ""),
        };
        let (name, not) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let Some(text) = class::unicode(name, (*letter == b'P') != not) else { return wrong(INVALID_RANGE, whole) };
        class.push_str(&text);
        self.at += whole.len();
        Ok(true)
    }

    /// Reads an escape; returns its code point.
    fn escape(&mut self, start: usize) -> Result<u32, SyntaxError> {
        self.at += 1;
        let Some(c) = self.next() else { return wrong(TRAILING_BACKSLASH, "") };
        let octal = |c: &char| matches!(c, '0'..='7');
        let code = match c {
            // One digit alone would be a reference to a group.
            '1'..='7' if !self.rest().starts_with(|c| octal(&c)) => None,
            '0'..='7' => {
                let digits: String = std::iter::once(c).chain(self.rest().chars().take(2).take_while(octal)).collect();
                self.at += digits.len() - 1;
                u32::from_str_radix(&digits, 8).ok()
            }
            'x' => self.hex(),
            'a' => Some(0x07),
            'f' => Some(0x0c),
            'n' => Some(0x0a),
            'r' => Some(0x0d),
            't' => Some(0x09),
            'v' => Some(0x0b),
            c => (c.is_ascii() && !c.is_ascii_alphanumeric()).then_some(u32::from(c)),
        };
        code.map_or_else(|| wrong(INVALID_ESCAPE, self.since(start)), Ok)
    }

    /// Reads `41` or `{10ffff}` after `\x`.
    fn hex(&mut self) -> Option<u32> {
        let first = self.next()?;
        if first != '{' {
            let (high, low) = (first.to_digit(16), self.next()?.to_digit(16));
            return Some(high? * 16 + low?);
        }
        let (mut code, mut digits) = (0u32, 0);
        loop {
            match self.next()? {
                '}' => return (digits > 0).then_some(code),
                c => code = code * 16 + c.to_digit(16)?,
            }
            if code > u32::from(char::MAX) {
                return None;
            }
            digits += 1;
        }
    }

    pub(super) fn class(&mut self) -> Result<(), SyntaxError> {
        let whole = self.rest();
        self.at += 1;
        let negated = self.rest().starts_with('^');
        self.at += usize::from(negated);
        let mut class = String::new();
        let mut first = true;
        while first || !self.rest().starts_with(']') {
            // A `]` that comes first is a member.
            first = false;
            if self.posix(&mut class)? || self.named_class(&mut class)? {
                continue;
            }
            let start = self.at;
            let low = self.class_char(whole)?;
            let mut high = low;
            let rest = self.rest().as_bytes();
            if rest.len() >= 2 && rest[0] == b'-' && rest[1] != b']' {
                self.at += 1;
                high = self.class_char(whole)?;
                if high < low {
                    return wrong(INVALID_RANGE, self.since(start));
                }
            }
            push_range(&mut class, low, high);
        }
        let text = match (class.is_empty(), negated) {
            (true, false) => NOTHING.to_owned(),
            (true, true) => format!("[{ANYTHING}]"),
            (false, _) => {
                let (before, after) = if self.flags.fold { ("(?i:", ")") } else { ("", "") };
                let not = if negated { "^" } else { "" };
                format!("{before}[{not}{class}]{after}")
            }
        };
        self.atom(1, &text);
        Ok(())
    }

    /// Writes a class such as `[:alpha:]`, if one is next.
    fn posix(&mut self, class: &mut String) -> Result<bool, SyntaxError> {
        let rest = self.rest();
        let Some((name, _)) = rest.strip_prefix("[:").and_then(|inner| inner.split_once(":]")) else { return Ok(false) };
        let whole = &rest[..name.len() + 4];
        let (name, not) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let Some(ranges) = class::posix(name) else { return wrong(INVALID_RANGE, whole) };
        push_ranges(class, ranges, not);
        self.at += whole.len();
        Ok(true)
    }

    fn class_char(&mut self, whole: &str) -> Result<u32, SyntaxError> {
        if self.rest().starts_with('\\') {
            return self.escape(self.at);
        }
        self.next().map_or_else(|| wrong(MISSING_BRACKET, whole), |c| Ok(u32::from(c)))
    }
}

/// A range of a class, without surrogates.
fn push_range(class: &mut String, low: u32, high: u32) {
    let low = if (0xd800..=0xdfff).contains(&low) { 0xe000 } else { low };
    let high = if (0xd800..=0xdfff).contains(&high) { 0xd7ff } else { high };
    let _ = match low.cmp(&high) {
        std::cmp::Ordering::Less => write!(class, "\\x{{{low:x}}}-\\x{{{high:x}}}"),
        std::cmp::Ordering::Equal => write!(class, "\\x{{{low:x}}}"),
        std::cmp::Ordering::Greater => Ok(()),
    };
}

fn push_ranges(class: &mut String, ranges: class::Ranges, negated: bool) {
    class.push_str(if negated { "[^" } else { "" });
    ranges.iter().for_each(|(low, high)| push_range(class, u32::from(*low), u32::from(*high)));
    class.push_str(if negated { "]" } else { "" });
}
