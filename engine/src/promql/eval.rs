//! Evaluation: an expression over a grid of instants, in columns.
//!
//! Every vector is rows of labels and one value an instant; [`ABSENT`] stands where a row has none. Selectors read one
//! series at a time and leave only the instants of the grid behind, so memory follows the answer. Semantics are those of
//! Prometheus 3 (prometheus/prometheus, promql/engine.go and functions.go): lookback and ranges are open on the left, a
//! stale marker ends a series, subqueries run on absolute multiples of their step.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use promql_parser::parser::{AtModifier, Call, Expr, Offset, SubqueryExpr, VectorSelector};
use rustc_hash::{FxHashMap, FxHashSet};

use super::selector::{Matcher, selector_matchers};
use super::{aggregate, binary, extended, functions, histogram, info, places, ranges};
use crate::model::{Columns, Labels, NAME_LABEL, STALE_NAN_BITS, TimestampMs, is_stale_marker};
use crate::store::{HourPart, StoreError};

/// Labels that name a metric; they go where what an expression gives is no longer that metric.
pub(super) const OF_THE_METRIC: [&str; 3] = [NAME_LABEL, "__type__", "__unit__"];

/// The length of the windows that the store keeps.
const HOUR_MS: i64 = 3_600_000;

/// No value at an instant. The stale marker is never a value of an answer.
pub const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

/// Whether there is no value.
#[inline]
pub(super) fn is_absent(v: f64) -> bool {
    v.to_bits() == STALE_NAN_BITS
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// Not PromQL, or not of the types that it needs.
    #[error("{0}")]
    Parse(String),
    /// It cannot be worked out for this data.
    #[error("{0}")]
    Execution(String),
    /// More samples than a query may read.
    #[error("the query reads more than {0} samples; ask for less time or fewer series")]
    TooManySamples(usize),
    /// Nobody waits for the answer.
    #[error("the query was given up: its client has gone")]
    Cancelled,
    /// It took too long.
    #[error("the query took longer than its time limit; ask for less time or fewer series")]
    Deadline,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) fn execution<T>(text: impl Into<String>) -> Result<T, EvalError> {
    Err(EvalError::Execution(text.into()))
}

/// Where samples come from.
pub trait Source {
    /// Passes on each series that one of the lists of matchers accepts, with its samples within `[start, end]`. A series
    /// comes in pieces that follow each other by rising time; `begin` is called before its first.
    ///
    /// # Errors
    /// Its own, and those of the callbacks.
    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError>;

    /// Passes on each series with what it has within `(start, end]`, both on the hour, with whole hours in the place of
    /// their samples where those are kept; and how many hours that were. False where no hours are kept at all.
    ///
    /// # Errors
    /// Its own, and those of the callback.
    fn read_hours(&self, _: &[Vec<Matcher>], _: TimestampMs, _: TimestampMs, _: HourSink<'_>) -> Result<bool, EvalError> {
        Ok(false)
    }
}

/// Takes a series with its parts and how many of them are hours.
pub type HourSink<'a> = &'a mut dyn FnMut(&Labels, &[HourPart], usize) -> Result<(), EvalError>;

/// Takes series from a [`Source`].
pub trait SeriesSink {
    /// The pieces that follow are of this series.
    ///
    /// # Errors
    /// When the query has to end.
    fn begin(&mut self, labels: &Labels) -> Result<(), EvalError>;
    /// The next samples of the series begun last.
    ///
    /// # Errors
    /// When the query has to end.
    fn piece(&mut self, columns: &Columns) -> Result<(), EvalError>;
}

/// When and how a query is worked out.
#[derive(Debug, Clone)]
pub struct Params {
    /// First instant.
    pub start: TimestampMs,
    /// Last instant; equal to `start` for an instant query.
    pub end: TimestampMs,
    /// Between instants, ms; at least 1.
    pub step: i64,
    /// How old a sample may be to count at an instant.
    pub lookback: i64,
    /// Step of subqueries that name none.
    pub default_step: i64,
    /// Whether metric names that functions take away go at the end only, so that label_replace() and `by (__name__)` still
    /// see them: Prometheus' feature `promql-delayed-name-removal`.
    pub delayed_names: bool,
    /// Whether hours that are kept may answer in the place of their samples.
    pub use_windows: bool,
    /// Samples at the most.
    pub max_samples: usize,
    /// When to stop.
    pub deadline: Instant,
    /// Set when nobody waits for the answer any more.
    pub cancelled: Arc<AtomicBool>,
}

/// Evenly spaced instants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub(super) start: TimestampMs,
    pub(super) step: i64,
    pub(super) count: usize,
}

impl Grid {
    pub(super) fn time(&self, at: usize) -> TimestampMs {
        self.start.saturating_add(self.step.saturating_mul(at as i64))
    }

    pub(super) fn times(&self) -> impl Iterator<Item = TimestampMs> + '_ {
        (0..self.count).map(|at| self.time(at))
    }
}

/// One series of a vector.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its labels.
    pub labels: Labels,
    /// One value an instant, or [`ABSENT`].
    pub values: Vec<f64>,
    /// Its metric name goes at the end of the evaluation.
    pub(super) nameless: bool,
}

impl Row {
    /// A row that keeps its labels as they are.
    pub(super) fn new(labels: Labels, values: Vec<f64>) -> Self {
        Self { labels, values, nameless: false }
    }
}

/// What an expression comes to.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Scalar(Vec<f64>),
    Text(String),
    Vector(Vec<Row>),
}

/// The samples of one series of a matrix.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its labels.
    pub labels: Labels,
    /// Its samples.
    pub columns: Columns,
}

/// The answer to a query.
#[derive(Debug, Clone)]
pub enum Answer {
    /// One value an instant.
    Scalar(Vec<(TimestampMs, f64)>),
    /// Text.
    Text(String),
    /// Series with a value an instant; in the order of the expression for an instant query.
    Vector(Vec<Row>),
    /// Samples as they are (a range selector or subquery by itself).
    Matrix(Vec<Run>),
}

/// What may make an answer other than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// `PromQL warning: …` or `PromQL info: …`.
    pub text: String,
    /// What it is about; [`super::Places`] tells where that stands.
    pub about: usize,
}

/// What an evaluation is told on the way.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// By rising text, each once.
    pub notes: Vec<Note>,
    /// Samples that were read.
    pub samples: usize,
    /// Hours that were read in the place of their samples.
    pub hours: usize,
}

/// Works an expression out.
///
/// # Errors
/// [`EvalError`]
pub fn evaluate(expr: &Expr, params: &Params, source: &dyn Source) -> Result<(Answer, Notes), EvalError> {
    let count = usize::try_from((params.end - params.start) / params.step.max(1) + 1).unwrap_or(0);
    let grid = Grid { start: params.start, step: params.step.max(1), count };
    let ev = Evaluator { source, params, notes: RefCell::default(), samples: Cell::new(0), hours: Cell::new(0) };
    let instant = params.start == params.end;
    let answer = match strip(expr) {
        inner @ Expr::Call(_) if instant && extended::inside(inner).is_some() => {
            let mut runs = match extended::inside(inner) {
                Some((edges, selector)) => extended::matrix(&ev, edges, selector, &grid)?,
                None => Vec::new(),
            };
            runs.sort_by(|a, b| a.labels.cmp_pairs(&b.labels));
            Answer::Matrix(runs)
        }
        Expr::MatrixSelector(_) | Expr::Subquery(_) if instant => {
            let mut runs = Vec::new();
            ev.matrix(expr, &grid, &mut |labels, window| {
                let (from, to) = window.within(params.start);
                let (times, values) = (window.times[from..to].to_vec(), window.values[from..to].to_vec());
                if !times.is_empty() {
                    let labels = if window.nameless { nameless(labels) } else { labels.clone() };
                    runs.push(Run { labels, columns: Columns { times, values } });
                }
                Ok(())
            })?;
            runs.sort_by(|a, b| a.labels.cmp_pairs(&b.labels));
            Answer::Matrix(merged(runs)?)
        }
        _ => match ev.eval(expr, &grid)? {
            Value::Scalar(values) => Answer::Scalar(grid.times().zip(values).collect()),
            Value::Text(text) => Answer::Text(text),
            Value::Vector(mut rows) => {
                rows.retain(|row| row.values.iter().any(|v| !is_absent(*v)));
                if rows.iter().any(|row| row.nameless) {
                    rows.iter_mut().filter(|row| row.nameless).for_each(|row| row.labels = nameless(&row.labels));
                    rows = unique(rows)?;
                }
                if !instant {
                    rows.sort_by(|a, b| a.labels.cmp_pairs(&b.labels));
                }
                Answer::Vector(rows)
            }
        },
    };
    let notes = ev.notes.into_inner().into_iter().map(|(text, about)| Note { text, about }).collect();
    Ok((answer, Notes { notes, samples: ev.samples.get(), hours: ev.hours.get() }))
}

pub(super) fn strip(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => strip(&inner.expr),
        other => other,
    }
}

/// Works expressions out over grids.
pub(super) struct Evaluator<'a> {
    source: &'a dyn Source,
    pub(super) params: &'a Params,
    notes: RefCell<BTreeMap<String, usize>>,
    samples: Cell<usize>,
    hours: Cell<usize>,
}

/// A series' samples, and how a window over them is cut at an instant of the grid.
pub(super) struct Windowed<'a> {
    pub(super) times: &'a [TimestampMs],
    pub(super) values: &'a [f64],
    pub(super) range: i64,
    /// The metric name of its labels goes at the end.
    pub(super) nameless: bool,
    shift: Shift,
}

/// From an instant of the grid to the instant that a selector means.
#[derive(Debug, Clone, Copy)]
struct Shift {
    at: Option<TimestampMs>,
    offset: i64,
}

impl Shift {
    fn apply(self, t: TimestampMs) -> TimestampMs {
        self.at.unwrap_or(t).saturating_sub(self.offset)
    }
}

impl Windowed<'_> {
    /// The end of the window at an instant of the grid.
    pub(super) fn end(&self, t: TimestampMs) -> TimestampMs {
        self.shift.apply(t)
    }

    /// The samples of the window at an instant: later than its end less the range, up to its end.
    pub(super) fn within(&self, t: TimestampMs) -> (usize, usize) {
        let end = self.end(t);
        let start = end.saturating_sub(self.range);
        (self.times.partition_point(|&time| time <= start), self.times.partition_point(|&time| time <= end))
    }
}

/// Takes a series by hours, and the windows over it: start, excluded, and end.
type EachHours<'b> = &'b mut dyn FnMut(&Labels, &[HourPart], &mut dyn Iterator<Item = (TimestampMs, TimestampMs)>) -> Result<(), EvalError>;
type EachRun<'b> = &'b mut dyn FnMut(&Labels, &Windowed<'_>) -> Result<(), EvalError>;

impl<'a> Evaluator<'a> {
    /// Notes something about an argument.
    pub(super) fn note(&self, about: &Expr, text: String) {
        self.notes.borrow_mut().insert(text, places::address(about));
    }

    /// Labels without the metric name, or with it and a mark that it goes at the end.
    pub(super) fn unnamed(&self, labels: &Labels) -> (Labels, bool) {
        if self.params.delayed_names { (labels.clone(), true) } else { (nameless(labels), false) }
    }

    /// A row whose metric name goes.
    pub(super) fn unnamed_row(&self, labels: &Labels, values: Vec<f64>) -> Row {
        let (labels, nameless) = self.unnamed(labels);
        Row { labels, values, nameless }
    }

    pub(super) fn check(&self) -> Result<(), EvalError> {
        if self.params.cancelled.load(Ordering::Relaxed) {
            return Err(EvalError::Cancelled);
        }
        if Instant::now() >= self.params.deadline { Err(EvalError::Deadline) } else { Ok(()) }
    }

    fn count(&self, samples: usize) -> Result<(), EvalError> {
        self.samples.set(self.samples.get().saturating_add(samples));
        if self.samples.get() > self.params.max_samples { Err(EvalError::TooManySamples(self.params.max_samples)) } else { self.check() }
    }

    pub(super) fn eval(&self, expr: &Expr, grid: &Grid) -> Result<Value, EvalError> {
        match expr {
            Expr::Paren(inner) => self.eval(&inner.expr, grid),
            Expr::NumberLiteral(number) => Ok(Value::Scalar(vec![number.val; grid.count])),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::VectorSelector(selector) => Ok(Value::Vector(self.vector(selector, grid, false)?)),
            Expr::Unary(unary) => Ok(match self.eval(&unary.expr, grid)? {
                Value::Scalar(values) => Value::Scalar(values.into_iter().map(|v| -v).collect()),
                Value::Vector(rows) => Value::Vector(unique(functions::map(self, rows, |v| -v))?),
                Value::Text(_) => return execution("a string has no negative"),
            }),
            Expr::Binary(expr) => binary::eval(self, expr, grid),
            Expr::Aggregate(expr) => aggregate::eval(self, expr, grid).map(Value::Vector),
            Expr::Call(call) => self.call(call, grid),
            Expr::MatrixSelector(_) | Expr::Subquery(_) => {
                execution("a range (such as [5m]) is no value at an instant; put it into a function such as rate()")
            }
            Expr::Extension(_) => execution("this expression is not known"),
        }
    }

    pub(super) fn rows(&self, expr: &Expr, grid: &Grid) -> Result<Vec<Row>, EvalError> {
        match self.eval(expr, grid)? {
            Value::Vector(rows) => Ok(rows),
            _ => execution("an instant vector is needed here"),
        }
    }

    pub(super) fn scalar(&self, expr: &Expr, grid: &Grid) -> Result<Vec<f64>, EvalError> {
        match self.eval(expr, grid)? {
            Value::Scalar(values) => Ok(values),
            _ => execution("a scalar is needed here"),
        }
    }

    pub(super) fn text(&self, expr: &Expr, grid: &Grid) -> Result<String, EvalError> {
        match self.eval(expr, grid)? {
            Value::Text(text) => Ok(text),
            _ => execution("a string is needed here"),
        }
    }

    fn shift(&self, at: Option<&AtModifier>, offset: Option<&Offset>) -> Shift {
        let millis = |d: &Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        let offset = match offset {
            None => 0,
            Some(Offset::Pos(by)) => millis(by),
            Some(Offset::Neg(by)) => -millis(by),
        };
        let at = at.map(|at| match at {
            AtModifier::Start => self.params.start,
            AtModifier::End => self.params.end,
            AtModifier::At(time) => match time.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(after) => millis(&after),
                Err(before) => -millis(&before.duration()),
            },
        });
        Shift { at, offset }
    }

    /// The newest sample within the lookback at each instant; with `stamps`, its time in seconds instead.
    pub(super) fn vector(&self, selector: &VectorSelector, grid: &Grid, stamps: bool) -> Result<Vec<Row>, EvalError> {
        let shift = self.shift(selector.at.as_ref(), selector.offset.as_ref());
        let (first, last) = (shift.apply(grid.time(0)), shift.apply(grid.time(grid.count.saturating_sub(1))));
        let read = (first.saturating_sub(self.params.lookback).saturating_add(1), last);
        self.latest(&selector_matchers(selector)?, shift, read, grid, stamps)
    }

    /// The newest of the samples within `read` at each instant.
    fn latest(
        &self,
        matchers: &[Vec<Matcher>],
        shift: Shift,
        read: (TimestampMs, TimestampMs),
        grid: &Grid,
        stamps: bool,
    ) -> Result<Vec<Row>, EvalError> {
        struct Steps<'e, 'a> {
            ev: &'e Evaluator<'a>,
            grid: Grid,
            shift: Shift,
            stamps: bool,
            rows: Vec<Row>,
            labels: Option<Labels>,
            values: Vec<f64>,
            last: Option<(TimestampMs, f64)>,
        }
        impl Steps<'_, '_> {
            fn point(&mut self) {
                let t = self.shift.apply(self.grid.time(self.values.len()));
                let fresh = self.last.filter(|(time, v)| *time > t.saturating_sub(self.ev.params.lookback) && !is_stale_marker(*v));
                self.values.push(fresh.map_or(ABSENT, |(time, v)| if self.stamps { time as f64 / 1e3 } else { v }));
            }

            fn finish(&mut self) {
                let Some(labels) = self.labels.take() else { return };
                while self.values.len() < self.grid.count {
                    self.point();
                }
                let values = std::mem::take(&mut self.values);
                self.last = None;
                if values.iter().any(|v| !is_absent(*v)) {
                    self.rows.push(Row::new(labels, values));
                }
            }
        }
        impl SeriesSink for Steps<'_, '_> {
            fn begin(&mut self, labels: &Labels) -> Result<(), EvalError> {
                self.finish();
                self.labels = Some(labels.clone());
                self.values = Vec::with_capacity(self.grid.count);
                self.ev.check()
            }

            fn piece(&mut self, columns: &Columns) -> Result<(), EvalError> {
                self.ev.count(columns.times.len())?;
                let Some(&newest) = columns.times.last() else { return Ok(()) };
                // The instants before the newest sample know which sample is theirs.
                let mut behind = 0;
                while self.values.len() < self.grid.count {
                    let t = self.shift.apply(self.grid.time(self.values.len()));
                    if t >= newest {
                        break;
                    }
                    behind += columns.times[behind..].partition_point(|&time| time <= t);
                    if let Some(at) = behind.checked_sub(1) {
                        self.last = Some((columns.times[at], columns.values[at]));
                    }
                    self.point();
                }
                self.last = columns.values.last().map(|&v| (newest, v));
                Ok(())
            }
        }
        let mut steps = Steps { ev: self, grid: *grid, shift, stamps, rows: Vec::new(), labels: None, values: Vec::new(), last: None };
        self.source.read(matchers, read.0, read.1, &mut steps)?;
        steps.finish();
        Ok(steps.rows)
    }

    /// Passes on each series of a range selector or subquery with all samples that any window of the grid may need.
    pub(super) fn matrix(&self, expr: &Expr, grid: &Grid, each: EachRun<'_>) -> Result<(), EvalError> {
        match strip(expr) {
            Expr::MatrixSelector(matrix) => {
                let range = i64::try_from(matrix.range.as_millis()).unwrap_or(i64::MAX);
                self.gather(&matrix.vs, range, 0, grid, each)
            }
            Expr::Subquery(subquery) => self.subquery(subquery, grid, each),
            _ => execution("a range vector is needed here, such as name[5m]"),
        }
    }

    /// Passes on each series of a range selector by hours, where its ranges and the grid are whole hours and hours are kept.
    /// False where they are not; nothing was passed on then.
    pub(super) fn by_hours(&self, expr: &Expr, grid: &Grid, each: EachHours<'_>) -> Result<bool, EvalError> {
        let Expr::MatrixSelector(matrix) = strip(expr) else { return Ok(false) };
        let shift = self.shift(matrix.vs.at.as_ref(), matrix.vs.offset.as_ref());
        let range = i64::try_from(matrix.range.as_millis()).unwrap_or(i64::MAX);
        let (first, last) = (shift.apply(grid.time(0)), shift.apply(grid.time(grid.count.saturating_sub(1))));
        let whole = |ms: i64| ms % HOUR_MS == 0;
        if !whole(range) || !whole(first) || !whole(last) || (grid.count > 1 && first != last && !whole(grid.step)) {
            return Ok(false);
        }
        let matchers = selector_matchers(&matrix.vs)?;
        self.source.read_hours(&matchers, first.saturating_sub(range), last, &mut |labels, parts, hours| {
            self.count(parts.len())?;
            self.hours.set(self.hours.get() + hours);
            let mut windows = grid.times().map(|t| {
                let end = shift.apply(t);
                (end.saturating_sub(range), end)
            });
            each(labels, parts, &mut windows)
        })
    }

    /// Passes on each series of a selector with its samples from `range` before the first instant to `ahead` after the last.
    pub(super) fn gather(
        &self,
        selector: &VectorSelector,
        range: i64,
        ahead: i64,
        grid: &Grid,
        each: EachRun<'_>,
    ) -> Result<(), EvalError> {
        let shift = self.shift(selector.at.as_ref(), selector.offset.as_ref());
        let (first, last) = (shift.apply(grid.time(0)), shift.apply(grid.time(grid.count.saturating_sub(1))));
        let matchers = selector_matchers(selector)?;
        let mut gather = Gather { ev: self, labels: None, columns: Columns::default(), range, shift, each };
        self.source.read(&matchers, first.saturating_sub(range).saturating_add(1), last.saturating_add(ahead), &mut gather)?;
        gather.finish()
    }

    /// The newest samples of series, as values and as times. As in Prometheus they are looked for at the instants of the
    /// grid, among the samples that are read for a selector with the same `@` and `offset`.
    pub(super) fn newest(
        &self,
        matchers: &[Vec<Matcher>],
        like: Option<&VectorSelector>,
        grid: &Grid,
    ) -> Result<Vec<(Row, Row)>, EvalError> {
        let shift = self.shift(like.and_then(|s| s.at.as_ref()), like.and_then(|s| s.offset.as_ref()));
        let (first, last) = (shift.apply(grid.time(0)), shift.apply(grid.time(grid.count.saturating_sub(1))));
        let read = (first.saturating_sub(self.params.lookback).saturating_add(1), last);
        let at_grid = Shift { at: None, offset: 0 };
        let mut stamps: FxHashMap<Labels, Row> =
            self.latest(matchers, at_grid, read, grid, true)?.into_iter().map(|row| (row.labels.clone(), row)).collect();
        let values = self.latest(matchers, at_grid, read, grid, false)?;
        Ok(values.into_iter().filter_map(|row| stamps.remove(&row.labels).map(|stamps| (row, stamps))).collect())
    }

    fn subquery(&self, subquery: &SubqueryExpr, grid: &Grid, each: EachRun<'_>) -> Result<(), EvalError> {
        let millis = |d: &Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        let shift = self.shift(subquery.at.as_ref(), subquery.offset.as_ref());
        let range = millis(&subquery.range);
        let step = subquery.step.as_ref().map_or(self.params.default_step, millis).max(1);
        let (first, last) = (shift.apply(grid.time(0)), shift.apply(grid.time(grid.count.saturating_sub(1))));
        let after = first.saturating_sub(range);
        let mut start = after - after.rem_euclid(step);
        if start <= after {
            start = start.saturating_add(step);
        }
        if start > last {
            return Ok(());
        }
        let count = usize::try_from((last - start) / step + 1).unwrap_or(usize::MAX);
        if count > self.params.max_samples {
            return Err(EvalError::TooManySamples(self.params.max_samples));
        }
        let inner = Grid { start, step, count };
        let rows = match self.eval(&subquery.expr, &inner)? {
            Value::Vector(rows) => rows,
            Value::Scalar(values) => vec![Row::new(Labels::none(), values)],
            Value::Text(_) => return execution("a string has no range"),
        };
        for row in rows {
            let there = || row.values.iter().enumerate().filter(|(_, v)| !is_absent(**v));
            let times: Vec<TimestampMs> = there().map(|(at, _)| inner.time(at)).collect();
            let values: Vec<f64> = there().map(|(_, v)| *v).collect();
            self.count(times.len())?;
            each(&row.labels, &Windowed { times: &times, values: &values, range, nameless: row.nameless, shift })?;
        }
        Ok(())
    }

    fn call(&self, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
        let name = call.func.name;
        let args = &call.args.args;
        if let Some(selector) = extended::smoothed_instant(call) {
            return extended::vector(self, selector, grid).map(Value::Vector);
        }
        if name == "info" {
            return info::call(self, args, grid).map(Value::Vector);
        }
        if let Some(value) = ranges::call(self, name, args, grid)? {
            return Ok(value);
        }
        if name.starts_with("histogram_") {
            return histogram::call(self, name, args, grid).map(Value::Vector);
        }
        functions::call(self, name, args, grid)
    }
}

/// Puts the pieces of each series together, without stale markers.
struct Gather<'e, 'a, 'f> {
    ev: &'e Evaluator<'a>,
    labels: Option<Labels>,
    columns: Columns,
    range: i64,
    shift: Shift,
    each: EachRun<'f>,
}

impl Gather<'_, '_, '_> {
    fn finish(&mut self) -> Result<(), EvalError> {
        let Some(labels) = self.labels.take() else { return Ok(()) };
        let columns = std::mem::take(&mut self.columns);
        if columns.times.is_empty() {
            return Ok(());
        }
        (self.each)(
            &labels,
            &Windowed { times: &columns.times, values: &columns.values, range: self.range, nameless: false, shift: self.shift },
        )
    }
}

impl SeriesSink for Gather<'_, '_, '_> {
    fn begin(&mut self, labels: &Labels) -> Result<(), EvalError> {
        self.finish()?;
        self.labels = Some(labels.clone());
        self.ev.check()
    }

    fn piece(&mut self, columns: &Columns) -> Result<(), EvalError> {
        self.ev.count(columns.times.len())?;
        for sample in columns.iter().filter(|s| !is_stale_marker(s.v)) {
            self.columns.times.push(sample.t);
            self.columns.values.push(sample.v);
        }
        Ok(())
    }
}

/// Refuses rows with equal labels that have values at the same instant; rows that never meet become one.
pub(super) fn unique(rows: Vec<Row>) -> Result<Vec<Row>, EvalError> {
    let mut seen: FxHashSet<Labels> = FxHashSet::default();
    if rows.iter().all(|row| seen.insert(row.labels.clone())) {
        return Ok(rows);
    }
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    for row in rows {
        match places.get(&row.labels) {
            None => {
                places.insert(row.labels.clone(), merged.len());
                merged.push(row);
            }
            Some(&place) => {
                for (there, new) in merged[place].values.iter_mut().zip(row.values) {
                    if is_absent(new) {
                        continue;
                    }
                    if !is_absent(*there) {
                        return execution("vector cannot contain metrics with the same labelset");
                    }
                    *there = new;
                }
                merged[place].nameless |= row.nameless;
            }
        }
    }
    Ok(merged)
}

/// Makes one of neighbours with equal labels; refuses those that have samples at the same time.
fn merged(runs: Vec<Run>) -> Result<Vec<Run>, EvalError> {
    let mut out: Vec<Run> = Vec::with_capacity(runs.len());
    for run in runs {
        let Some(last) = out.last_mut().filter(|last| last.labels == run.labels) else {
            out.push(run);
            continue;
        };
        let mut samples: Vec<(TimestampMs, f64)> = last.columns.iter().chain(run.columns.iter()).map(|s| (s.t, s.v)).collect();
        samples.sort_by_key(|sample| sample.0);
        if samples.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return execution("vector cannot contain metrics with the same labelset");
        }
        let (times, values) = samples.into_iter().unzip();
        last.columns = Columns { times, values };
    }
    Ok(out)
}

/// The labels without the metric name, nor the type and unit that belong to it.
pub(super) fn nameless(labels: &Labels) -> Labels {
    labels.without(&OF_THE_METRIC)
}
