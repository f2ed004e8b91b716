//! Queries for lines: the newest or oldest of a time, and those around one.

use std::ops::ControlFlow;

use super::error::LogqlError;
use super::parse::LineQuery;
use super::{Bounds, Read};
use crate::logs::record::TimeNs;
use crate::logs::{Direction, Entry, Filter, Order, Severity, Source};
use crate::model::{Labels, Matcher};
use crate::promql::EvalError;

/// Memory of a line beside its texts.
const PER_LINE: usize = 256;
/// Lines, and bytes, after which it is asked whether the query may go on.
const CHECK_LINES: u64 = 1_024;
const CHECK_BYTES: u64 = 1 << 20;

/// Which lines are wanted.
#[derive(Debug, Clone)]
pub struct LineRequest {
    /// First time.
    pub start: TimeNs,
    /// The time after the last one.
    pub end: TimeNs,
    /// How many at the most.
    pub limit: usize,
    /// Which come first.
    pub direction: Direction,
    /// The least time between lines; 0 for all.
    pub interval: TimeNs,
    /// The present time, ms.
    pub now: i64,
}

/// A line as the query leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its time.
    pub time: TimeNs,
    /// The labels of its stream, as they are kept.
    pub source: Labels,
    /// The labels of its stream, as the query leaves them.
    pub stream: Labels,
    /// Its attributes, level, trace and span as labels, sorted by name.
    pub attributes: Vec<(String, String)>,
    /// What stages found in it, sorted by name.
    pub parsed: Vec<(String, String)>,
    /// How severe it is.
    pub severity: Severity,
    /// The trace that it belongs to; all zeros for none.
    pub trace: [u8; 16],
    /// The span that it belongs to; all zeros for none.
    pub span: [u8; 8],
    /// The text.
    pub body: Vec<u8>,
}

impl Line {
    fn bytes(&self) -> usize {
        let texts = |pairs: &[(String, String)]| pairs.iter().map(|(name, value)| name.len() + value.len() + 48).sum::<usize>();
        self.body.len() + self.stream.as_bytes().len() + texts(&self.attributes) + texts(&self.parsed) + PER_LINE
    }

    /// All labels, those of the line and of stages among those of the stream.
    #[must_use]
    pub fn labels(&self) -> Labels {
        let others = self.attributes.iter().chain(&self.parsed).map(|(name, value)| (name.as_str(), value.as_str()));
        Labels::of(self.stream.iter().chain(others).collect())
    }
}

/// The lines of an answer, in the order that was asked for.
#[derive(Debug, Default)]
pub struct LinesAnswer {
    /// The lines.
    pub lines: Vec<Line>,
    /// Whether there may be more than were asked for.
    pub more: bool,
    /// What was read.
    pub read: Read,
}

/// Counts what is read, and asks now and then whether to go on.
pub(super) struct Meter<'b> {
    pub(super) bounds: &'b Bounds,
    pub(super) read: Read,
    checked: Read,
    held: usize,
    /// Why reading ended early.
    pub(super) stopped: Option<LogqlError>,
}

impl<'b> Meter<'b> {
    pub(super) fn new(bounds: &'b Bounds) -> Self {
        Self { bounds, read: Read::default(), checked: Read::default(), held: 0, stopped: None }
    }

    pub(super) fn stop(&mut self, error: impl Into<LogqlError>) -> ControlFlow<()> {
        self.stopped.get_or_insert(error.into());
        ControlFlow::Break(())
    }

    /// Counts a line that was read.
    pub(super) fn count(&mut self, entry: &Entry<'_>) -> ControlFlow<()> {
        self.read.bytes += entry.body.len() as u64;
        self.count_lines(1)
    }

    /// Counts lines that were read without their text.
    pub(super) fn count_lines(&mut self, lines: u64) -> ControlFlow<()> {
        self.read.lines += lines;
        if self.read.lines - self.checked.lines >= CHECK_LINES || self.read.bytes - self.checked.bytes >= CHECK_BYTES {
            self.checked = self.read;
            if let Err(error) = self.bounds.check() {
                return self.stop(error);
            }
        }
        ControlFlow::Continue(())
    }

    /// Counts memory that is held until the end.
    pub(super) fn hold(&mut self, bytes: usize) -> ControlFlow<()> {
        self.held = self.held.saturating_add(bytes);
        if self.held > self.bounds.max_bytes {
            return self.stop(EvalError::TooMuchMemory(self.bounds.max_bytes));
        }
        ControlFlow::Continue(())
    }

    /// The error that ended it, if one did.
    pub(super) fn finish(&mut self) -> Result<(), LogqlError> {
        self.stopped.take().map_or(Ok(()), Err)
    }
}

/// The lines that a query finds.
///
/// # Errors
/// [`LogqlError`]
pub fn lines(query: &LineQuery, request: &LineRequest, bounds: &Bounds, source: &dyn Source) -> Result<LinesAnswer, LogqlError> {
    bounds.check()?;
    let mut answer = LinesAnswer::default();
    if request.limit == 0 || request.start >= request.end {
        return Ok(answer);
    }
    let filter = Filter { bodies: true, attributes: true, ..query.filter(request.start, request.end, Order::ByTime(request.direction)) };
    let mut meter = Meter::new(bounds);
    source.read(&filter, &mut |entry| {
        meter.count(entry)?;
        if answer.lines.last().is_some_and(|last| request.interval > 0 && entry.time.abs_diff(last.time) < request.interval.unsigned_abs())
        {
            return ControlFlow::Continue(());
        }
        let Some(line) = query.line(entry, request.now) else { return ControlFlow::Continue(()) };
        if answer.lines.len() == request.limit {
            answer.more = true;
            return ControlFlow::Break(());
        }
        meter.hold(line.bytes())?;
        answer.lines.push(line);
        ControlFlow::Continue(())
    })?;
    meter.finish()?;
    answer.read = meter.read;
    Ok(answer)
}

/// The lines of a stream around one of them.
#[derive(Debug, Default)]
pub struct Around {
    /// Those before it, the oldest first.
    pub before: Vec<Line>,
    /// Those after it, the oldest first.
    pub after: Vec<Line>,
}

/// At most so many lines before and after a line of its stream, no more than a length of time (ns) away. Lines of the same time follow it.
///
/// # Errors
/// [`LogqlError`]
pub fn around(line: &Line, count: usize, within: TimeNs, bounds: &Bounds, source: &dyn Source) -> Result<Around, LogqlError> {
    let query = LineQuery { matchers: line.source.iter().map(|(name, value)| Matcher::equal(name, value)).collect(), stages: Vec::new() };
    let read = |start: TimeNs, end: TimeNs, direction: Direction| {
        let mut found: Vec<Line> = Vec::new();
        let mut itself = false;
        let filter = Filter { bodies: true, attributes: true, ..query.filter(start, end, Order::ByTime(direction)) };
        let mut meter = Meter::new(bounds);
        source.read(&filter, &mut |entry| {
            meter.count(entry)?;
            // The stream may have labels beside those that another one has too.
            if *entry.labels != line.source {
                return ControlFlow::Continue(());
            }
            if !itself && entry.time == line.time && entry.body == line.body {
                itself = true;
                return ControlFlow::Continue(());
            }
            if let Some(line) = query.line(entry, 0) {
                meter.hold(line.bytes())?;
                found.push(line);
            }
            if found.len() == count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        meter.finish()?;
        Ok::<_, LogqlError>(found)
    };
    if count == 0 {
        return Ok(Around::default());
    }
    let mut before = read(line.time.saturating_sub(within), line.time, Direction::Backward)?;
    before.reverse();
    let after = read(line.time, line.time.saturating_add(within), Direction::Forward)?;
    Ok(Around { before, after })
}
