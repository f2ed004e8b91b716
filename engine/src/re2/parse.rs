//! Parses a pattern by the rules of Go's `regexp/syntax` (its flags `Perl`), and writes it in the language of the `regex` crate.
//!
//! One pass with an explicit stack. Each part is written so that its meaning does not depend on its place: flags are
//! resolved, classes are ranges, characters are escaped. Groups keep their numbers; their names are kept apart, because the
//! crate has other rules for names.

use std::fmt::Write;

use super::class::NOTHING;

/// How deep groups and repetitions may nest: compiling a pattern recurses along them.
pub const MAX_NESTING: usize = 100;
/// How often a part may be repeated, multiplied by all repetitions around it.
const MAX_REPEAT: i64 = 1_000;
/// Longest piece of a pattern that an error shows, in characters.
const SHOWN: usize = 200;

/// Why a text is no regular expression, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {what}: `{part}`")]
pub struct SyntaxError {
    what: &'static str,
    part: String,
}

pub(super) const INVALID_RANGE: &str = "invalid character class range";
pub(super) const INVALID_ESCAPE: &str = "invalid escape sequence";
const INVALID_NAME: &str = "invalid named capture";
const INVALID_PERL: &str = "invalid or unsupported Perl syntax";
const INVALID_REPEAT_OP: &str = "invalid nested repetition operator";
const INVALID_REPEAT_SIZE: &str = "invalid repeat count";
pub(super) const MISSING_BRACKET: &str = "missing closing ]";
const MISSING_PAREN: &str = "missing closing )";
const MISSING_ARGUMENT: &str = "missing argument to repetition operator";
pub(super) const TRAILING_BACKSLASH: &str = "trailing backslash at end of expression";
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
pub(super) struct Flags {
    /// `i`
    pub(super) fold: bool,
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

/// The part of the open group that has been read.
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

pub(super) struct Parser<'p> {
    pattern: &'p str,
    pub(super) at: usize,
    pub(super) flags: Flags,
    open: Vec<Open>,
    level: Level,
    /// Where the repetition began that ended just before.
    last_repeat: Option<usize>,
    out: String,
    names: Vec<Option<Box<str>>>,
}

/// An error about a part of the pattern.
pub(super) fn wrong<T>(what: &'static str, part: &str) -> Result<T, SyntaxError> {
    let part = match part.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &part[..end]),
        None => part.to_owned(),
    };
    Err(SyntaxError { what, part })
}

impl<'p> Parser<'p> {
    pub(super) fn rest(&self) -> &'p str {
        &self.pattern[self.at..]
    }

    pub(super) fn since(&self, start: usize) -> &'p str {
        &self.pattern[start..self.at]
    }

    pub(super) fn next(&mut self) -> Option<char> {
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
    pub(super) fn atom(&mut self, bytes: usize, text: &str) {
        self.at += bytes;
        self.level.last = Some(Atom { start: self.out.len(), size: Size::ONE, repeated: false });
        self.out.push_str(text);
    }

    pub(super) fn literal(&mut self, c: char) {
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
    pub(super) fn code_point(&mut self, code: u32) {
        match char::from_u32(code) {
            Some(c) => self.literal(c),
            None => self.atom(0, NOTHING),
        }
    }

    /// Opens a group: a capturing one with or without a name, or (`None`) one that does not capture.
    fn open_group(&mut self, captures: Option<Option<Box<str>>>) -> Result<(), SyntaxError> {
        if self.open.len() >= MAX_NESTING {
            return wrong(TOO_DEEP, self.pattern);
        }
        self.open.push(Open { outer: self.level, flags: self.flags, start: self.out.len() });
        self.level = Level::default();
        self.out.push_str(if captures.is_some() { "(" } else { "(?:" });
        self.names.extend(captures);
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

    /// Reads what begins with `(?`: a named group, a group that does not capture, or flags.
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

    /// Reads `{2}`, `{2,}` or `{2,3}`: minimum, maximum and length. A missing maximum is -1; a number that is too large makes
    /// the minimum -1. None if it is none of those: then `{` is a literal.
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

    /// Repeats the part before; the repetition begins at `start`.
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
            atom.size.times = if times.max == 0 { 1 } else { times.multiplied(atom.size.times) };
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
}

/// How often a part is repeated; a missing maximum is -1.
#[derive(Clone, Copy)]
struct Times {
    min: i64,
    max: i64,
    counted: bool,
}

impl Times {
    /// How often a part within the repeated one occurs, if it occurs `within` times there.
    fn multiplied(self, within: i64) -> i64 {
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

/// A literal character.
fn push_char(out: &mut String, c: char) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        let _ = write!(out, "\\x{:02x}", u32::from(c));
    } else {
        out.push(c);
    }
}
