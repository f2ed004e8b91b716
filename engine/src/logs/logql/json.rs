//! Reads JSON of log lines: flat labels of an object, or the values at paths.
//!
//! Numbers keep their digits, so the text is read here and not turned into values first. What follows the first value of a line is not
//! read, as in Loki.

use std::borrow::Cow;

use super::scan::{Parsed, Scanner};

/// How deep a document may nest.
const MAX_DEPTH: usize = 64;
/// Longest name of a flattened label, in bytes.
const MAX_NAME_BYTES: usize = 1_024;

/// A step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

type Read<T> = Result<T, String>;

/// A value of a document.
enum Value<'t> {
    Object,
    Array,
    Text(Cow<'t, str>),
    /// A number, `true` or `false`, as it is written.
    Plain(&'t str),
    Null,
}

struct Reader<'t> {
    text: &'t str,
    pos: usize,
}

/// Passes on each value of an object that is neither a list nor null, with the names on its way joined by `_`.
pub(super) fn flatten(text: &str, each: &mut dyn FnMut(&str, &str) -> Read<()>) -> Read<()> {
    let mut reader = Reader { text, pos: 0 };
    match reader.value()? {
        Value::Object => reader.flatten(&mut String::new(), 1, each),
        _ => Err("the line is no JSON object".to_owned()),
    }
}

/// Passes on each text of an object that has only texts: what `| unpack` reads.
pub(super) fn texts(text: &str, each: &mut dyn FnMut(&str, &str) -> Read<()>) -> Read<()> {
    let mut reader = Reader { text, pos: 0 };
    let Value::Object = reader.value()? else { return Err("the line is no JSON object".to_owned()) };
    reader.members(&mut |reader, key| {
        match reader.value()? {
            Value::Text(value) => each(&key, &value)?,
            Value::Object => reader.skip_members(1)?,
            Value::Array => reader.skip_items(1)?,
            Value::Plain(_) | Value::Null => {}
        }
        Ok(())
    })
}

/// The value at a path: a text as it reads, anything else as it is written. None: there is none.
pub(super) fn at<'t>(text: &'t str, path: &[Step]) -> Read<Option<Cow<'t, str>>> {
    let mut reader = Reader { text, pos: 0 };
    for step in path {
        let found = match (step, reader.value()?) {
            (Step::Key(wanted), Value::Object) => reader.go_to_key(wanted)?,
            (Step::Index(wanted), Value::Array) => reader.go_to_item(*wanted)?,
            _ => false,
        };
        if !found {
            return Ok(None);
        }
    }
    reader.blanks();
    let start = reader.pos;
    Ok(match reader.value()? {
        Value::Text(text) => Some(text),
        Value::Plain(text) => Some(Cow::Borrowed(text)),
        Value::Null => None,
        Value::Object => {
            reader.skip_members(1)?;
            Some(Cow::Borrowed(&text[start..reader.pos]))
        }
        Value::Array => {
            reader.skip_items(1)?;
            Some(Cow::Borrowed(&text[start..reader.pos]))
        }
    })
}

impl<'t> Reader<'t> {
    fn error<T>(&self, what: &str) -> Read<T> {
        Err(format!("{what} at byte {} of the line", self.pos))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
    }

    fn take(&mut self, wanted: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(wanted);
        self.pos += usize::from(found);
        found
    }

    /// Reads a value; of an object or list only what opens it.
    fn value(&mut self) -> Read<Value<'t>> {
        self.blanks();
        match self.peek() {
            Some(b'{') => {
                self.pos += 1;
                Ok(Value::Object)
            }
            Some(b'[') => {
                self.pos += 1;
                Ok(Value::Array)
            }
            Some(b'"') => Ok(Value::Text(self.string()?)),
            _ => {
                let rest = &self.text[self.pos..];
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))).unwrap_or(rest.len());
                let word = &rest[..end];
                let value = match word {
                    "null" => Value::Null,
                    "true" | "false" => Value::Plain(word),
                    _ if is_number(word) => Value::Plain(word),
                    _ => return self.error("there is no JSON value"),
                };
                self.pos += end;
                Ok(value)
            }
        }
    }

    fn string(&mut self) -> Read<Cow<'t, str>> {
        let inner = &self.text[self.pos + 1..];
        let mut escaped = false;
        let mut bytes = inner.bytes().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.pos += at + 2;
                    let text = &inner[..at];
                    if !escaped {
                        return Ok(Cow::Borrowed(text));
                    }
                    return unescaped(text).map(Cow::Owned).map_or_else(|| self.error("an escape stands for no character"), Ok);
                }
                b'\\' => {
                    escaped = true;
                    bytes.next();
                }
                _ => {}
            }
        }
        self.error("a string has no end")
    }

    /// Passes each key of an object that was opened; the callback reads its value.
    fn members(&mut self, each: &mut dyn FnMut(&mut Self, Cow<'t, str>) -> Read<()>) -> Read<()> {
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.key().and_then(|key| each(self, key))?;
            if self.take(b'}') {
                return Ok(());
            }
            self.comma()?;
        }
    }

    fn key(&mut self) -> Read<Cow<'t, str>> {
        self.blanks();
        if self.peek() != Some(b'"') {
            return self.error("there is no key");
        }
        let key = self.string()?;
        if self.take(b':') { Ok(key) } else { self.error("there is no `:`") }
    }

    fn comma(&mut self) -> Read<()> {
        if self.take(b',') { Ok(()) } else { self.error("there is no `,`") }
    }

    fn deeper(&self, depth: usize) -> Read<usize> {
        if depth >= MAX_DEPTH { self.error("the document nests too deep") } else { Ok(depth + 1) }
    }

    fn skip_members(&mut self, depth: usize) -> Read<()> {
        self.members(&mut |reader, _| reader.skip_value(depth))
    }

    fn skip_items(&mut self, depth: usize) -> Read<()> {
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.skip_value(depth)?;
            if self.take(b']') {
                return Ok(());
            }
            self.comma()?;
        }
    }

    fn skip_value(&mut self, depth: usize) -> Read<()> {
        match self.value()? {
            Value::Object => self.deeper(depth).and_then(|depth| self.skip_members(depth)),
            Value::Array => self.deeper(depth).and_then(|depth| self.skip_items(depth)),
            _ => Ok(()),
        }
    }

    fn flatten(&mut self, prefix: &mut String, depth: usize, each: &mut dyn FnMut(&str, &str) -> Read<()>) -> Read<()> {
        self.members(&mut |reader, key| {
            let before = prefix.len();
            if before + key.len() > MAX_NAME_BYTES {
                return reader.error(&format!("a name has more than {MAX_NAME_BYTES} bytes"));
            }
            if before > 0 {
                prefix.push('_');
            }
            prefix.push_str(&key);
            match reader.value()? {
                Value::Object => reader.deeper(depth).and_then(|depth| reader.flatten(prefix, depth, each))?,
                Value::Array => reader.skip_items(depth)?,
                Value::Text(text) => each(prefix, &text)?,
                Value::Plain(text) => each(prefix, text)?,
                Value::Null => {}
            }
            prefix.truncate(before);
            Ok(())
        })
    }

    /// Goes to the value of a key of an object that was opened; false where it has none.
    fn go_to_key(&mut self, wanted: &str) -> Read<bool> {
        if self.take(b'}') {
            return Ok(false);
        }
        loop {
            if self.key()? == wanted {
                return Ok(true);
            }
            self.skip_value(1)?;
            if self.take(b'}') {
                return Ok(false);
            }
            self.comma()?;
        }
    }

    /// Goes to an item of a list that was opened; false where it has fewer.
    fn go_to_item(&mut self, wanted: usize) -> Read<bool> {
        if self.take(b']') {
            return Ok(false);
        }
        for _ in 0..wanted {
            self.skip_value(1)?;
            if self.take(b']') {
                return Ok(false);
            }
            self.comma()?;
        }
        Ok(true)
    }
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    digits.starts_with(|c: char| c.is_ascii_digit()) && word.parse::<f64>().is_ok()
}

/// A text without JSON's escapes. Halves of surrogate pairs that stand alone become U+FFFD.
pub(super) fn unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let escape = after.chars().next()?;
        rest = &after[escape.len_utf8()..];
        out.push(match escape {
            '"' | '\\' | '/' | '\'' => escape,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (high, behind) = code_unit(rest)?;
                rest = behind;
                match high {
                    0xd800..0xdc00 => match rest.strip_prefix("\\u").and_then(code_unit) {
                        Some((low @ 0xdc00..0xe000, behind)) => {
                            rest = behind;
                            char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?
                        }
                        _ => char::REPLACEMENT_CHARACTER,
                    },
                    other => char::from_u32(other).unwrap_or(char::REPLACEMENT_CHARACTER),
                }
            }
            _ => return None,
        });
    }
    out.push_str(rest);
    Some(out)
}

fn code_unit(text: &str) -> Option<(u32, &str)> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some((u32::from_str_radix(digits, 16).ok()?, &text[4..]))
}

/// Parses a path such as `request.headers["User-Agent"]` or `servers[0]`; `from` is where it stands in the query.
pub(super) fn path(scanner: &Scanner<'_>, from: usize, text: &str) -> Parsed<Vec<Step>> {
    let wrong = || scanner.error(from, "a path is written like request.headers[\"User-Agent\"] or servers[0]");
    let (mut steps, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            if inner.starts_with('"') {
                let Some(end) = super::scan::string_end(inner) else { return wrong() };
                let Some(key) = unescaped(&inner[1..end - 1]) else { return wrong() };
                steps.push(Step::Key(key));
                rest = &inner[end..];
            } else {
                let end = inner.find(']').unwrap_or(inner.len());
                let Ok(index) = inner[..end].trim().parse() else { return wrong() };
                steps.push(Step::Index(index));
                rest = &inner[end..];
            }
            let Some(behind) = rest.strip_prefix(']') else { return wrong() };
            rest = behind;
            if !rest.is_empty() && !rest.starts_with(['.', '[']) {
                return wrong();
            }
        } else {
            let name = if steps.is_empty() { rest } else { rest.strip_prefix('.').unwrap_or("") };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end == 0 || name.starts_with(|c: char| c.is_ascii_digit()) {
                return wrong();
            }
            steps.push(Step::Key(name[..end].to_owned()));
            rest = &name[end..];
        }
        if steps.len() > MAX_DEPTH {
            return wrong();
        }
    }
    if steps.is_empty() { wrong() } else { Ok(steps) }
}
