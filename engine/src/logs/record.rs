//! A log line, the lines of a request, and how lines are read.
//!
//! No bytes of files and no text of queries here: this is what the parsers of requests, the store and the query language share.

use std::ops::ControlFlow;

use crate::model::{Labels, Matcher};

/// Longest body of a line that is kept, in bytes.
pub const MAX_BODY: usize = 256 << 10;
/// Most attributes of a line that are kept.
pub const MAX_ATTRIBUTES: usize = 128;
/// Longest name of an attribute that is kept, in bytes.
pub const MAX_NAME: usize = 1 << 10;
/// Longest value of an attribute that is kept, in bytes.
pub const MAX_VALUE: usize = 16 << 10;

/// The trace of a line as a label.
pub const TRACE_LABEL: &str = "trace_id";

/// Nanoseconds since 1970, UTC.
pub type TimeNs = i64;

/// How severe a line is: OpenTelemetry's numbers 1 to 24, 0 where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Severity(pub u8);

impl Severity {
    /// The word that Loki and Grafana use: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `unknown`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self.0 {
            1..=4 => "trace",
            5..=8 => "debug",
            9..=12 => "info",
            13..=16 => "warn",
            17..=20 => "error",
            21..=24 => "fatal",
            _ => "unknown",
        }
    }

    /// From a level as programs write it (`WARN`, `warning`, `err`, `notice` …), in any case; unknown words are unknown.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        let is = |words: &[&str]| words.iter().any(|w| word.eq_ignore_ascii_case(w));
        Self(if is(&["trace", "trc"]) {
            1
        } else if is(&["debug", "dbg"]) {
            5
        } else if is(&["info", "inf", "information", "informational"]) {
            9
        } else if is(&["notice"]) {
            10
        } else if is(&["warn", "wrn", "warning"]) {
            13
        } else if is(&["error", "err", "eror"]) {
            17
        } else if is(&["critical", "crit", "fatal", "ftl", "alert", "emerg", "emergency", "panic"]) {
            21
        } else {
            0
        })
    }
}

/// One line as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Its time.
    pub time: TimeNs,
    /// How severe it is.
    pub severity: Severity,
    /// The text; bytes, since not every program writes UTF-8. Kept as it came, and never interpreted.
    pub body: Vec<u8>,
    /// What else is known of it, sorted by name, each name once (Loki: structured metadata).
    pub attributes: Vec<(String, String)>,
    /// The trace that it belongs to; all zeros for none.
    pub trace: [u8; 16],
    /// The span that it belongs to; all zeros for none.
    pub span: [u8; 8],
}

/// Lines of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamLines {
    /// The labels of the stream: made by [`Labels::of`], without a metric name, never empty.
    pub labels: Labels,
    /// In the order of the request.
    pub records: Vec<Record>,
}

/// The lines of a request.
pub type Lines = Vec<StreamLines>;

/// Which lines come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The newest.
    #[default]
    Backward,
    /// The oldest.
    Forward,
}

/// Whether the order of lines of different streams matters to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Over all streams by time: for lines that are shown.
    ByTime(Direction),
    /// Any: for what is counted. Blocks are passed as they lie.
    Any,
}

/// What is read.
#[derive(Debug, Clone)]
pub struct Filter {
    /// All must accept the labels of the stream.
    pub matchers: Vec<Matcher>,
    /// First time.
    pub start: TimeNs,
    /// The time after the last one.
    pub end: TimeNs,
    /// Which lines come first.
    pub order: Order,
    /// Bytes that the body of each wanted line contains, all of them, each exactly as written. A hint: the store may skip lines without
    /// them, and may pass such lines too.
    pub needles: Vec<Vec<u8>>,
    /// What the label [`TRACE_LABEL`] of each wanted line is. A hint, as needles are.
    pub trace: Option<String>,
    /// Whether bodies are read; without them, `Entry::body` is empty. Counting a stream's lines needs none.
    pub bodies: bool,
    /// Whether attributes, trace and span are read.
    pub attributes: bool,
}

/// A line as it is read.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The labels of its stream.
    pub labels: &'a Labels,
    /// Its time.
    pub time: TimeNs,
    /// How severe it is.
    pub severity: Severity,
    /// The text.
    pub body: &'a [u8],
    /// What else is known of it, sorted by name.
    pub attributes: &'a [(&'a str, &'a str)],
    /// The trace that it belongs to; all zeros for none.
    pub trace: [u8; 16],
    /// The span that it belongs to; all zeros for none.
    pub span: [u8; 8],
}

/// How many lines of a stream and a part of time were counted.
#[derive(Debug)]
pub struct Tally<'a> {
    /// The labels of the stream.
    pub labels: &'a Labels,
    /// How severe they are; unknown where levels are not asked for.
    pub severity: Severity,
    /// The part of time.
    pub part: u64,
    /// How many.
    pub lines: u64,
}

/// Which lines are counted together.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The part that a time is in, which does not fall as time goes on; none for times that do not count.
    pub of: &'a (dyn Fn(TimeNs) -> Option<u64> + Sync),
    /// Whether lines of each severity are counted apart.
    pub levels: bool,
}

/// Lines could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// The disk or the bytes on it.
    #[error("log lines cannot be read: {0}")]
    Read(String),
    /// The time or memory that a query may take is used up.
    #[error("{0}")]
    Bound(String),
}

/// Where lines are read from: the store, or memory in tests.
pub trait Source {
    /// Passes each line that the filter asks for, until `each` breaks.
    ///
    /// # Errors
    /// [`SourceError`] if lines that may be wanted could not be read.
    fn read(&self, filter: &Filter, each: &mut dyn FnMut(&Entry<'_>) -> ControlFlow<()>) -> Result<(), SourceError>;

    /// Counts the lines that the filter asks for; it has no needles, and reads neither bodies nor attributes. What is of one stream, part and
    /// severity may come in several tallies.
    ///
    /// # Errors
    /// [`SourceError`] as for lines.
    fn tally(&self, filter: &Filter, parts: Parts<'_>, each: &mut dyn FnMut(&Tally<'_>) -> ControlFlow<()>) -> Result<(), SourceError> {
        self.read(filter, &mut |entry| {
            let Some(part) = (parts.of)(entry.time) else { return ControlFlow::Continue(()) };
            let severity = if parts.levels { entry.severity } else { Severity::default() };
            each(&Tally { labels: entry.labels, severity, part, lines: 1 })
        })
    }

    /// The labels of all streams that have lines in a range and that all matchers accept.
    ///
    /// # Errors
    /// [`SourceError`] as for lines.
    fn streams(&self, matchers: &[Matcher], start: TimeNs, end: TimeNs) -> Result<Vec<Labels>, SourceError>;
}
