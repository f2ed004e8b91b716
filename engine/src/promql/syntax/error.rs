//! Parse errors and positions in the query.

use std::fmt;

/// A range of bytes in a query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TextRange {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl TextRange {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this one to the end of the other.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }
}

/// Line and column in a query, both from 1. As in Prometheus, columns count bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Lines end with `\n`.
    pub line: usize,
    /// In bytes.
    pub column: usize,
}

impl Position {
    /// The position of a byte; none in an empty query.
    #[must_use]
    pub fn of(query: &str, byte: usize) -> Option<Self> {
        let before = query.as_bytes().get(..byte).filter(|_| !query.is_empty())?;
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
        Some(Self { line: before.iter().filter(|b| **b == b'\n').count() + 1, column: byte - line_start + 1 })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a query is invalid, in Prometheus' wording: `1:8: parse error: unexpected end of input`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: parse error: {message}", place(.position))]
pub struct ParseError {
    /// What is wrong, without the position.
    pub message: String,
    /// The part of the query it is about.
    pub range: TextRange,
    /// Where that part begins; none for an empty query.
    pub position: Option<Position>,
}

impl ParseError {
    /// An error about a part of a query.
    #[must_use]
    pub fn new(query: &str, range: TextRange, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
            message.push_str("...");
        }
        Self { message, range, position: Position::of(query, range.start) }
    }
}

/// Longest message; tokens of the query that are part of it may be long.
const MAX_MESSAGE_BYTES: usize = 900;

/// A [`ParseError`] from code that has the expression but not the query's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
    /// The part of the query it is about.
    pub range: TextRange,
}

impl Diagnostic {
    /// A problem with a part of a query.
    #[must_use]
    pub fn new(range: TextRange, message: impl Into<String>) -> Self {
        Self { message: message.into(), range }
    }

    /// Adds the position in the query.
    #[must_use]
    pub fn within(self, query: &str) -> ParseError {
        ParseError::new(query, self.range, self.message)
    }
}

fn place(position: &Option<Position>) -> String {
    position.map_or_else(|| "unknown position".to_owned(), |position| position.to_string())
}
