//! YAML files that others wrote: a tree whose nodes know their places, and the reading of it into types.
//!
//! `saphyr-parser` gives events; what they are made into is bounded here: bytes, depth, and nodes with those that aliases repeat.
//! A file that is wrong is reported with all its faults, each with line and column, see [`Faults`].

mod read;
mod write;

use std::fmt;
use std::str::CharIndices;

use rustc_hash::FxHashMap;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

pub use read::{Fields, nearest};
pub use write::quoted;

/// Longest file, in bytes.
pub const MAX_BYTES: usize = 16 << 20;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 32;
/// Most nodes, those that aliases repeat included.
pub const MAX_NODES: usize = 1_000_000;
/// Most faults of a file that are reported.
pub const MAX_FAULTS: usize = 200;

/// A place in a file: line and column, both from 1, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// The beginning of a file.
    pub const START: Self = Self { line: 1, column: 1 };

    fn of(span: &Span) -> Self {
        Self { line: span.start.line(), column: span.start.col() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What, and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// All faults of a file, at most [`MAX_FAULTS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one.
    pub fn add(&mut self, place: Place, message: impl Into<String>) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Fault { place, message: message.into() });
        }
    }

    /// None of them, or all by their places.
    ///
    /// # Errors
    /// The faults.
    pub fn none_or<T>(mut self, value: T) -> Result<T, Self> {
        self.0.sort_by_key(|fault| fault.place);
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// By their places.
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.0
    }
}

/// A node of a file.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// A text, number or truth value: its text.
    Scalar(Scalar),
    /// `- a`
    List(Vec<Node>),
    /// `a: b`, in order.
    Map(Vec<(Node, Node)>),
}

/// A text and how its characters lie in the file.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The text.
    pub text: String,
    /// Where its first character lies, if all others follow it there line by line.
    first: Option<Place>,
    /// The column at which further lines of it begin.
    indent: usize,
}

impl Node {
    /// Its text; empty where it is nothing. None: it is a list or a mapping.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Null => Some(""),
            Kind::Scalar(scalar) => Some(&scalar.text),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// The place in the file of a byte of its text; where it begins if that is not known, as in a folded text.
    #[must_use]
    pub fn place_of(&self, byte: usize) -> Place {
        let Kind::Scalar(Scalar { text, first: Some(first), indent }) = &self.kind else { return self.place };
        let before = text.get(..byte).unwrap_or(text);
        let (lines, last) = (before.matches('\n').count(), before.rsplit('\n').next().unwrap_or(""));
        let column = if lines == 0 { first.column } else { *indent };
        Place { line: first.line + lines, column: column + last.chars().count() }
    }

    /// Whether [`Node::place_of`] knows more than where the node begins.
    #[must_use]
    pub fn knows_places(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.first.is_some())
    }
}

/// Reads the first document of a file. Returns it, none where the file is empty, and where a second one begins.
///
/// # Errors
/// [`Fault`]
pub fn parse(text: &str) -> Result<(Option<Node>, Option<Place>), Fault> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", text.len());
        return Err(Fault { place: Place::START, message });
    }
    let mut reader = Reader { parser: Parser::new_from_str(text), lines: Lines::new(text), anchors: FxHashMap::default(), nodes: 0 };
    let mut root = None;
    loop {
        match reader.next()? {
            (Event::DocumentStart(_), span) if root.is_some() => return Ok((root, Some(Place::of(&span)))),
            (Event::StreamEnd, _) => return Ok((root, None)),
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (event, span) => root = Some(reader.node(event, &span, 0)?),
        }
    }
}

/// The lines of a file, for going through it once.
struct Lines<'t> {
    text: &'t str,
    chars: CharIndices<'t>,
    line: usize,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, chars: text.char_indices(), line: 1 }
    }

    /// What follows the beginning of a line that is not before the one asked for last.
    fn from(&mut self, line: usize) -> &'t str {
        while self.line < line {
            match self.chars.next() {
                Some((_, '\n')) => self.line += 1,
                Some(_) => {}
                None => break,
            }
        }
        &self.text[self.chars.offset()..]
    }
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    lines: Lines<'t>,
    /// Nodes with a name, and how many they are with what is in them.
    anchors: FxHashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Fault> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
                Err(Fault { place, message: format!("not YAML: {}", error.info()) })
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        Err(Fault { place, message: format!("the file has more than {MAX_NODES} values, those that aliases repeat included") })
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Node, Fault> {
        let place = Place::of(span);
        if depth > MAX_DEPTH {
            return Err(Fault { place, message: format!("values nest deeper than {MAX_DEPTH}") });
        }
        let before = self.nodes;
        self.count(1, place)?;
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (self.scalar(&text, style, span), anchor),
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor) else {
                    return Err(Fault { place, message: "this alias has no anchor before it".to_owned() });
                };
                let (kind, size) = (node.kind.clone(), *size);
                self.count(size, place)?;
                return Ok(Node { place, kind });
            }
            _ => return Err(Fault { place, message: "not YAML: a value is missing".to_owned() }),
        };
        let node = Node { place, kind };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Kind, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Kind::List(items)),
                (event, span) => items.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Kind, Fault> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut merged: Vec<(Node, Node)> = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, _) => break,
                (event, span) => self.node(event, &span, depth + 1)?,
            };
            let (event, span) = self.next()?;
            let value = self.node(event, &span, depth + 1)?;
            match (key.text(), value.kind) {
                (Some("<<"), Kind::Map(more)) => merged.extend(more),
                (Some("<<"), Kind::List(lists)) => merged.extend(lists.into_iter().flat_map(|node| match node.kind {
                    Kind::Map(more) => more,
                    _ => Vec::new(),
                })),
                (_, kind) => entries.push((key, Node { place: value.place, kind })),
            }
        }
        // What a mapping says itself wins over what it takes from others, and the first of those over later ones.
        for (key, value) in merged {
            if !entries.iter().any(|(known, _)| known.text() == key.text()) {
                entries.push((key, value));
            }
        }
        Ok(Kind::Map(entries))
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: &Span) -> Kind {
        if style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Kind::Null;
        }
        let place = Place::of(span);
        let one_line = span.start.line() == span.end.line();
        let length = span.end.index().saturating_sub(span.start.index());
        let (first, indent) = match style {
            ScalarStyle::Plain if one_line => (Some(place), 0),
            // Without escapes the text is as long as what is between the quotes.
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if one_line && text.chars().count() + 2 == length => {
                (Some(Place { column: place.column + 1, ..place }), 0)
            }
            ScalarStyle::Literal => self.literal(text, place),
            _ => (None, 0),
        };
        Kind::Scalar(Scalar { text: text.to_owned(), first, indent })
    }

    /// Where the lines of a text behind `|` begin.
    fn literal(&mut self, text: &str, place: Place) -> (Option<Place>, usize) {
        let Some(first) = text.lines().next().filter(|first| !first.is_empty()) else { return (None, 0) };
        // The parser gives the place of the indicator or that of the text, by version.
        for line in [place.line, place.line + 1] {
            let written = self.lines.from(line).lines().next().unwrap_or("");
            let indent = written.len() - written.trim_start_matches(' ').len();
            let given = first.len() - first.trim_start_matches(' ').len();
            if written.trim_end_matches('\r').ends_with(first) && written.len() >= first.len() {
                let column = indent.saturating_sub(given) + 1;
                return (Some(Place { line, column }), column);
            }
        }
        (None, 0)
    }
}

#[cfg(test)]
mod tests;
