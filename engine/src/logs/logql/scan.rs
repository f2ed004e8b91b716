//! Reads a query's text from left to right: blanks, words, strings, symbols.

use super::{MAX_ITEMS, MAX_QUERY_BYTES};
use crate::model::{Budget, PatternError, shown};
use crate::promql::syntax::{ParseError, TextRange, unquoted};
use crate::re2::Regex;

pub(crate) type Parsed<T> = Result<T, ParseError>;

/// A place in a query.
pub(crate) struct Scanner<'q> {
    pub(crate) query: &'q str,
    pub(crate) pos: usize,
    /// What the regular expressions of the query may still take.
    pub(crate) budget: Budget,
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_word(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit()
}

impl<'q> Scanner<'q> {
    pub(crate) fn new(query: &'q str) -> Parsed<Self> {
        let scanner = Self { query, pos: 0, budget: Budget::default() };
        if query.len() > MAX_QUERY_BYTES {
            return scanner.error(0, format!("the query has {} bytes; at most {MAX_QUERY_BYTES} are read", query.len()));
        }
        Ok(scanner)
    }

    /// An error about what stands from a place to the present one.
    pub(crate) fn error<T>(&self, from: usize, message: impl Into<String>) -> Parsed<T> {
        let range = TextRange { start: from.min(self.query.len()), end: self.pos.max(from).min(self.query.len()) };
        Err(ParseError::new(self.query, range, message))
    }

    /// An error about what comes next.
    pub(crate) fn expected<T>(&self, what: &str) -> Parsed<T> {
        let found = match self.rest().chars().next() {
            None => "the query ends".to_owned(),
            Some(_) => format!("there is `{}`", shown(self.next_token())),
        };
        self.error(self.pos, format!("{what} is expected here, but {found}"))
    }

    fn next_token(&self) -> &'q str {
        let rest = self.rest();
        let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let end = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
        &rest[..end]
    }

    pub(crate) fn rest(&self) -> &'q str {
        self.query.get(self.pos..).unwrap_or("")
    }

    /// Skips blanks and comments.
    pub(crate) fn blanks(&mut self) {
        loop {
            let rest = self.rest().trim_start_matches([' ', '\t', '\n', '\r']);
            self.pos = self.query.len() - rest.len();
            if !rest.starts_with('#') {
                return;
            }
            self.pos += rest.find(['\n', '\r']).unwrap_or(rest.len());
        }
    }

    /// Takes a symbol, if it is next.
    pub(crate) fn take(&mut self, symbol: &str) -> bool {
        self.blanks();
        let found = self.rest().starts_with(symbol);
        self.pos += if found { symbol.len() } else { 0 };
        found
    }

    /// Takes a symbol that must be next.
    pub(crate) fn need(&mut self, symbol: &str) -> Parsed<()> {
        if self.take(symbol) { Ok(()) } else { self.expected(&format!("`{symbol}`")) }
    }

    /// The word that is next, without taking it; empty for none.
    pub(crate) fn peek_word(&mut self) -> &'q str {
        self.blanks();
        let rest = self.rest();
        if !rest.starts_with(is_word_start) {
            return "";
        }
        &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
    }

    /// Takes a certain word, if it is next.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek_word() == word;
        self.pos += if found { word.len() } else { 0 };
        found
    }

    /// Takes the name of a label.
    pub(crate) fn name(&mut self) -> Parsed<String> {
        let word = self.peek_word();
        if word.is_empty() {
            return self.expected("the name of a label");
        }
        self.pos += word.len();
        Ok(word.to_owned())
    }

    /// Whether a string is next.
    pub(crate) fn at_string(&mut self) -> bool {
        self.blanks();
        self.rest().starts_with(['"', '`'])
    }

    /// Takes a string: "…" with Go's escapes, or `…` without any.
    pub(crate) fn string(&mut self) -> Parsed<String> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes).map_err(|_| {
            let range = TextRange { start: self.pos, end: self.pos };
            ParseError::new(self.query, range, "the string before this place is not UTF-8")
        })
    }

    /// Takes a string, whose escapes may stand for any bytes.
    pub(crate) fn bytes(&mut self) -> Parsed<Vec<u8>> {
        self.blanks();
        let start = self.pos;
        let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '`')) else {
            return self.expected("a string in \"…\" or `…`");
        };
        let Some(end) = string_end(self.rest()) else {
            self.pos = self.query.len();
            return self.error(start, format!("the string that begins here has no closing {quote}"));
        };
        let token = &self.rest()[..end];
        self.pos += end;
        if quote == '"'
            && let Some(at) = bad_escape(token)
        {
            return self.error(start + at, "there is no such escape; double the backslash, or write the string in backticks");
        }
        unquoted(token).map_or_else(|| self.error(start, "an escape of this string stands for no character"), Ok)
    }

    /// The text of a number with its unit, such as `1.5KiB`, `-3` or `1h30m`; empty for none.
    pub(crate) fn peek_quantity(&mut self) -> &'q str {
        self.blanks();
        let rest = self.rest();
        let sign = usize::from(rest.starts_with(['-', '+']));
        if !rest[sign..].starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return "";
        }
        let mut end = sign;
        let mut before = ' ';
        for c in rest[sign..].chars() {
            let exponent = matches!(c, '-' | '+') && matches!(before, 'e' | 'E');
            if !(c.is_ascii_alphanumeric() || matches!(c, '.' | 'µ' | 'μ' | '_') || exponent) {
                break;
            }
            end += c.len_utf8();
            before = c;
        }
        &rest[..end]
    }

    /// Takes a length of time such as `5m` or `1h30m`, in milliseconds.
    pub(crate) fn duration(&mut self) -> Parsed<i64> {
        let text = self.peek_quantity();
        let Some(ms) = crate::logs::units::duration_ms(text) else {
            return self.expected("a length of time such as 30s, 5m or 1h30m");
        };
        self.pos += text.len();
        Ok(ms)
    }

    /// Takes a list of names in parentheses, which may be empty.
    pub(crate) fn names(&mut self) -> Parsed<Vec<String>> {
        self.need("(")?;
        let mut names = Vec::new();
        if self.take(")") {
            return Ok(names);
        }
        loop {
            names.push(self.name()?);
            self.at_most(names.len())?;
            if self.take(")") {
                return Ok(names);
            }
            self.need(",")?;
        }
    }

    pub(crate) fn at_most(&self, count: usize) -> Parsed<()> {
        if count > MAX_ITEMS { self.error(self.pos, format!("a list has at most {MAX_ITEMS} items")) } else { Ok(()) }
    }

    /// Compiles a regular expression that may match anywhere, where `.` matches line ends too.
    pub(crate) fn regex(&mut self, from: usize, text: &str) -> Parsed<Regex> {
        let compiled = self.budget.search(text);
        compiled.or_else(|error| self.pattern_error(from, error))
    }

    pub(crate) fn pattern_error<T>(&self, from: usize, error: PatternError) -> Parsed<T> {
        match error {
            PatternError::Invalid(_, error) => self.error(from, error.to_string()),
            other => self.error(from, other.to_string()),
        }
    }
}

/// Where the string that a text begins with ends; none where it does not.
pub(crate) fn string_end(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    let (_, quote) = chars.next()?;
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some(at + c.len_utf8()),
            '\\' if quote != '`' => {
                chars.next()?;
            }
            '\n' if quote != '`' => return None,
            _ => {}
        }
    }
    None
}

/// Where a string has an escape that Go does not know.
fn bad_escape(token: &str) -> Option<usize> {
    let mut chars = token.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            let (_, escape) = chars.next()?;
            if !matches!(escape, 'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' | '"' | 'x' | 'u' | 'U' | '0'..='7') {
                return Some(at);
            }
        }
    }
    None
}
