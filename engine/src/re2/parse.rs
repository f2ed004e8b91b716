//! Parses a pattern by the rules of Go's `regexp/syntax` (its flags `Perl`), and writes it in the language of the `regex` crate.
//!
//! One pass, without recursion: what nests stands on a list. Each part is written so that it means the same wherever it
//! stands: flags are worked in, classes are ranges, characters are escaped. Groups keep their numbers, their names are kept
//! beside, since the crate's rules for names are others.

use std::fmt::Write;

use super::class::{self, ANYTHING, NOTHING};

/// Groups and repetitions within each other: the pattern is compiled by going down them on the stack.
pub const MAX_NESTING: usize = 100;
/// Times that a part is repeated, all repetitions around it multiplied.
const MAX_REPEAT: i64 = 1_000;
/// Longest piece of a pattern that an error shows, in characters.
const SHOWN: usize = 200;

/// Why a text is no regular expression, as Go says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {what}: `{part}`")]
pub struct SyntaxError {
    what: &'static str,
    part: String,
}

const INVALID_RANGE: &str = "invalid character class range";
const INVALID_ESCAPE: &str = "invalid escape sequence";
const INVALID_NAME: &str = "invalid named capture";
const INVALID_PERL: &str = "invalid or unsupported Perl syntax";
const INVALID_REPEAT_OP: &str = "invalid nested repetition operator";
const INVALID_REPEAT_SIZE: &str = "invalid repeat count";
const MISSING_BRACKET: &str = "missing closing ]";
const MISSING_PAREN: &str = "missing closing )";
const MISSING_ARGUMENT: &str = "missing argument to repetition operator";
const TRAILING_BACKSLASH: &str = "trailing backslash at end of expression";
const UNEXPECTED_PAREN: &str = "unexpected )";
const TOO_DEEP: &str = "expression nests too deeply";

/// A pattern in the language of the `regex` crate.
pub(super) struct Parsed {
    pub(super) text: String,
    /// The names of the groups by number; 0 is the whole.
    pub(super) names: Vec<Option<Box<str>>>,
}

/// Parses a pattern; with `dot_all`, `.` matches line ends from the start.
pub(super) fn parse(pattern: &str, dot_all: bool) -> Result<Parsed, SyntaxError> {
    let flags = Flags { dot_all, ..Flags::default() };
    let mut parser = Parser {
        pattern,
        at: 0,
        flags,
        open: Vec::new(),
        level: Level::default(),
        last_repeat: None,
        out: String::with_capacity(pattern.len() + 32),
        names: vec![None],
    };
    parser.run()?;
    Ok(Parsed { text: parser.out, names: parser.names })
}

#[derive(Clone, Copy, Default)]
struct Flags {
    /// `i`
    fold: bool,
    /// `m`
    lines: bool,
    /// `s`
    dot_all: bool,
    /// `U`
    lazy: bool,
}

/// What a repetition may follow.
#[derive(Clone, Copy)]
struct Atom {
    /// Where it begins in what was written.
    start: usize,
    size: Size,
    repeated: bool,
}

/// How deep a part nests and how often it is repeated within itself.
#[derive(Clone, Copy)]
struct Size {
    depth: usize,
    times: i64,
}

impl Size {
    const ONE: Self = Self { depth: 0, times: 1 };

    fn with(self, other: Self) -> Self {
        Self { depth: self.depth.max(other.depth), times: self.times.max(other.times) }
    }
}

/// What has been read of the group that is open.
#[derive(Clone, Copy)]
struct Level {
    size: Size,
    last: Option<Atom>,
}

impl Default for Level {
    fn default() -> Self {
        Self { size: Size::ONE, last: None }
    }
}

/// A group around the one that is open.
struct Open {
    outer: Level,
    /// Those of the text behind the group.
    flags: Flags,
    start: usize,
}

struct Parser<'p> {
    pattern: &'p str,
    at: usize,
    flags: Flags,
    open: Vec<Open>,
    level: Level,
    /// Where the repetition began that ended just now.
    last_repeat: Option<usize>,
    out: String,
    names: Vec<Option<Box<str>>>,
}

/// Says what is wrong with a part.
fn wrong<T>(what: &'static str, part: &str) -> Result<T, SyntaxError> {
    let part = match part.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &part[..end]),
        None => part.to_owned(),
    };
    Err(SyntaxError { what, part })
}

impl<'p> Parser<'p> {
    fn rest(&self) -> &'p str {
        &self.pattern[self.at..]
    }

    fn since(&self, start: usize) -> &'p str {
        &self.pattern[start..self.at]
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn run(&mut self) -> Result<(), SyntaxError> {
        while let Some(c) = self.rest().chars().next() {
            let mut repeat = None;
            match c {
                '(' if self.rest().starts_with("(?") => self.perl_group()?,
                '(' => {
                    self.at += 1;
                    self.open_group(Some(None))?;
                }
                '|' => {
                    self.at += 1;
                    self.out.push('|');
                    self.level.last = None;
                }
                ')' => self.close_group()?,
                '^' => self.atom(1, if self.flags.lines { "(?m:^)" } else { "\\A" }),
                '$' => self.atom(1, if self.flags.lines { "(?m:$)" } else { "\\z" }),
                '.' => self.atom(1, if self.flags.dot_all { "(?s:.)" } else { "[^\\n]" }),
                '[' => self.class()?,
                '*' | '+' | '?' => {
                    repeat = Some(self.at);
                    let (min, max) = match c {
                        '*' => (0, -1),
                        '+' => (1, -1),
                        _ => (0, 1),
                    };
                    self.at += 1;
                    self.repeat(self.at - 1, Times { min, max, counted: false })?;
                }
                '{' => match self.counts() {
                    None => {
                        self.at += 1;
                        self.literal('{');
                    }
                    Some((min, max, length)) => {
                        repeat = Some(self.at);
                        self.at += length;
                        let start = self.at - length;
                        if !(0..=MAX_REPEAT).contains(&min) || max > MAX_REPEAT || (max >= 0 && min > max) {
                            return wrong(INVALID_REPEAT_SIZE, self.since(start));
                        }
                        self.repeat(start, Times { min, max, counted: true })?;
                    }
                },
                '\\' => self.backslash()?,
                other => {
                    self.at += other.len_utf8();
                    self.literal(other);
                }
            }
            self.last_repeat = repeat;
        }
        if self.open.is_empty() { Ok(()) } else { wrong(MISSING_PAREN, self.pattern) }
    }

    /// Writes a part that a repetition may follow, for so many bytes of the pattern.
    fn atom(&mut self, bytes: usize, text: &str) {
        self.at += bytes;
        self.level.last = Some(Atom { start: self.out.len(), size: Size::ONE, repeated: false });
        self.out.push_str(text);
    }

    fn literal(&mut self, c: char) {
        self.level.last = Some(Atom { start: self.out.len(), size: Size::ONE, repeated: false });
        if self.flags.fold && (c.is_ascii_alphabetic() || !c.is_ascii()) {
            self.out.push_str("(?i:");
            push_char(&mut self.out, c);
            self.out.push(')');
        } else {
            push_char(&mut self.out, c);
        }
    }

    /// A code point of an escape, which may be a surrogate: no text has one.
    fn code_point(&mut self, code: u32) {
        match char::from_u32(code) {
            Some(c) => self.literal(c),
            None => self.atom(0, NOTHING),
        }
    }

    /// Opens a group: one that catches, with or without a name, or none that does.
    fn open_group(&mut self, catches: Option<Option<Box<str>>>) -> Result<(), SyntaxError> {
        if self.open.len() >= MAX_NESTING {
            return wrong(TOO_DEEP, self.pattern);
        }
        self.open.push(Open { outer: self.level, flags: self.flags, start: self.out.len() });
        self.level = Level::default();
        self.out.push_str(if catches.is_some() { "(" } else { "(?:" });
        self.names.extend(catches);
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), SyntaxError> {
        let Some(Open { outer, flags, start }) = self.open.pop() else { return wrong(UNEXPECTED_PAREN, self.pattern) };
        self.at += 1;
        self.out.push(')');
        let size = Size { depth: self.level.size.depth + 1, ..self.level.size };
        self.level = Level { size: outer.size.with(size), last: Some(Atom { start, size, repeated: false }) };
        self.flags = flags;
        self.not_too_deep()
    }

    fn not_too_deep(&self) -> Result<(), SyntaxError> {
        if self.level.size.depth + self.open.len() > MAX_NESTING { wrong(TOO_DEEP, self.pattern) } else { Ok(()) }
    }

    /// What begins with `(?`: a group with a name, one that catches nothing, or flags.
    fn perl_group(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        let rest = self.rest();
        if let Some(named) = rest.strip_prefix("(?P<").or_else(|| rest.strip_prefix("(?<")).filter(|named| !named.is_empty()) {
            let Some((name, _)) = named.split_once('>') else { return wrong(INVALID_NAME, rest) };
            self.at += rest.len() - named.len() + name.len() + 1;
            if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                return wrong(INVALID_NAME, self.since(start));
            }
            return self.open_group(Some(Some(name.into())));
        }
        self.at += 2;
        let mut flags = self.flags;
        let (mut on, mut any) = (true, false);
        while let Some(c) = self.next() {
            let flag = match c {
                'i' => &mut flags.fold,
                'm' => &mut flags.lines,
                's' => &mut flags.dot_all,
                'U' => &mut flags.lazy,
                '-' if on => {
                    (on, any) = (false, false);
                    continue;
                }
                ':' if on || any => {
                    self.open_group(None)?;
                    self.flags = flags;
                    return Ok(());
                }
                ')' if on || any => {
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            };
            (*flag, any) = (on, true);
        }
        wrong(INVALID_PERL, self.since(start))
    }

    /// `{2}`, `{2,}` or `{2,3}` as smallest and largest number and its length; no largest is -1, a number that is too large
    /// makes the smallest -1. None where it is none of those: then `{` is a character.
    fn counts(&self) -> Option<(i64, i64, usize)> {
        let text = self.rest();
        let (mut min, rest) = number(&text[1..])?;
        let (max, rest) = match rest.strip_prefix(',') {
            None => (min, rest),
            Some(rest) if rest.starts_with('}') => (-1, rest),
            Some(rest) => {
                let (max, rest) = number(rest)?;
                if max < 0 {
                    min = -1;
                }
                (max, rest)
            }
        };
        let rest = rest.strip_prefix('}')?;
        Some((min, max, text.len() - rest.len()))
    }

    /// Repeats the part before; the repetition began at `start`.
    fn repeat(&mut self, start: usize, times: Times) -> Result<(), SyntaxError> {
        let mut lazy = self.flags.lazy;
        if self.rest().starts_with('?') {
            self.at += 1;
            lazy = !lazy;
        }
        if let Some(before) = self.last_repeat {
            return wrong(INVALID_REPEAT_OP, self.since(before));
        }
        let Some(mut atom) = self.level.last else { return wrong(MISSING_ARGUMENT, self.since(start)) };
        if atom.repeated {
            // Flags stood between: `a*(?i)*`.
            self.out.insert_str(atom.start, "(?:");
            self.out.push(')');
        }
        if times.counted {
            atom.size.times = if times.max == 0 { 1 } else { times.of(atom.size.times) };
            if (times.min >= 2 || times.max >= 2) && atom.size.times > MAX_REPEAT {
                return wrong(INVALID_REPEAT_SIZE, self.since(start));
            }
        }
        atom.size.depth += 1;
        atom.repeated = true;
        self.level = Level { size: self.level.size.with(atom.size), last: Some(atom) };
        times.write(&mut self.out);
        if lazy {
            self.out.push('?');
        }
        self.not_too_deep()
    }

    fn backslash(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        match self.rest().as_bytes().get(1) {
            Some(b'A') => self.atom(2, "\\A"),
            Some(b'z') => self.atom(2, "\\z"),
            // Between characters of ASCII, as `\w` has them.
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

    /// Writes `\d` or `\pL`, where such a class comes next.
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

    /// The code point of an escape that begins here.
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

    /// `41` or `{10ffff}` behind `\x`.
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

    fn class(&mut self) -> Result<(), SyntaxError> {
        let whole = self.rest();
        self.at += 1;
        let negated = self.rest().starts_with('^');
        self.at += usize::from(negated);
        let mut class = String::new();
        let mut first = true;
        while first || !self.rest().starts_with(']') {
            // As the first it is one of the class.
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

    /// Writes `[:alpha:]`, where such a class comes next.
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

/// How often a part comes: no largest number is -1.
#[derive(Clone, Copy)]
struct Times {
    min: i64,
    max: i64,
    counted: bool,
}

impl Times {
    /// How often what is within the part comes, which is there so often already.
    fn of(self, within: i64) -> i64 {
        within.saturating_mul(if self.max < 0 { self.min } else { self.max }.max(1))
    }

    fn write(self, out: &mut String) {
        let _ = match (self.counted, self.min, self.max) {
            (false, 0, 1) => out.write_str("?"),
            (false, 0, _) => out.write_str("*"),
            (false, ..) => out.write_str("+"),
            (true, min, -1) => write!(out, "{{{min},}}"),
            (true, min, max) => write!(out, "{{{min},{max}}}"),
        };
    }
}

/// A decimal number without leading zeros, and what follows it; -1 where it is too large.
fn number(text: &str) -> Option<(i64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((if digits.len() > 9 { -1 } else { digits.parse().ok()? }, rest))
}

/// A character that stands for itself.
fn push_char(out: &mut String, c: char) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        let _ = write!(out, "\\x{:02x}", u32::from(c));
    } else {
        out.push(c);
    }
}

/// A range of a class without the surrogates, which no text has.
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
