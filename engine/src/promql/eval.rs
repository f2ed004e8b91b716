//! Evaluation: an expression over a grid of instants, in columns.
//!
//! Every vector is rows of labels and one value an instant; [`ABSENT`] stands where a row has none. Selectors read one
//! series at a time and leave only the instants of the grid behind, so memory follows the answer. Semantics are those of
//! Prometheus 3 (prometheus/prometheus, promql/engine.go and functions.go): lookback and ranges are open on the left, a
//! stale marker ends a series, subqueries run on absolute multiples of their step.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use promql_parser::parser::{Call, Expr, VectorSelector};
use rustc_hash::{FxHashMap, FxHashSet};

use super::memory::Memory;
use super::selector::{QueryError, selector_matchers};
use super::{aggregate, binary, extended, functions, histogram, info, places, ranges};
use crate::model::{Budget, Columns, Labels, Matcher, NAME_LABEL, STALE_NAN_BITS, TimestampMs};
use crate::re2::Regex;
use crate::store::{HourPart, StoreError};

/// Labels that name a metric; they go where what an expression gives is no longer that metric.
pub(super) const OF_THE_METRIC: [&str; 3] = [NAME_LABEL, "__type__", "__unit__"];

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
    /// More memory than a query may take.
    #[error(
        "the query needs more than {} MiB of memory, as much as `query.max_bytes` allows; ask for less time, fewer series or a longer step",
        .0 >> 20
    )]
    TooMuchMemory(usize),
    /// More work than a source that answers at once takes on.
    #[error("the query is too much to be answered at once")]
    TooMuchAtOnce,
    /// All that there is for it is in use.
    #[error("{0}")]
    Busy(String),
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

impl From<QueryError> for EvalError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Parse(text) => Self::Parse(text),
            QueryError::Unsupported(_) | QueryError::TooMuch(_) => Self::Execution(error.to_string()),
            QueryError::Busy(text) => Self::Busy(text),
        }
    }
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

    /// Puts the values that patterns accept in the place of those patterns that take time to match, where the source knows
    /// the values; `go_on` is asked now and then.
    ///
    /// # Errors
    /// Its own, and those of the callback.
    fn resolve(&self, _: &mut [Vec<Matcher>], _: &dyn Fn() -> Result<(), EvalError>) -> Result<(), EvalError> {
        Ok(())
    }

    /// Whether the thread that reads may take the time to compile patterns.
    fn may_compile(&self) -> bool {
        true
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
    /// Memory that it may take while it is worked out, in bytes.
    pub max_bytes: usize,
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

/// What a note takes beside its text.
const PER_NOTE: usize = 64;

/// Works an expression out.
///
/// # Errors
/// [`EvalError`]
pub fn evaluate(expr: &Expr, params: &Params, source: &dyn Source) -> Result<(Answer, Notes), EvalError> {
    let count = usize::try_from((params.end - params.start) / params.step.max(1) + 1).unwrap_or(0);
    let grid = Grid { start: params.start, step: params.step.max(1), count };
    let budget = RefCell::new(if source.may_compile() { Budget::default() } else { Budget::cached_only() });
    let (notes, matchers) = (RefCell::default(), RefCell::default());
    let ev = Evaluator {
        source,
        params,
        notes,
        notes_bytes: Cell::new(0),
        samples: Cell::new(0),
        hours: Cell::new(0),
        memory: Memory::new(params.max_bytes),
        budget,
        matchers,
    };
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
                if from < to {
                    // Those of the series go as soon as this is done.
                    ev.hold_values(2 * (to - from))?;
                    let (times, values) = (window.times[from..to].to_vec(), window.values[from..to].to_vec());
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
    pub(super) source: &'a dyn Source,
    pub(super) params: &'a Params,
    notes: RefCell<BTreeMap<String, usize>>,
    notes_bytes: Cell<usize>,
    samples: Cell<usize>,
    pub(super) hours: Cell<usize>,
    pub(super) memory: Memory,
    /// What patterns may still take.
    budget: RefCell<Budget>,
    /// The matchers of selectors that were met, by the address of the selector: one in a subquery is met often.
    matchers: RefCell<FxHashMap<usize, Matchers>>,
}

/// The lists of matchers of a selector, any of which must accept a series.
type Matchers = Arc<Vec<Vec<Matcher>>>;

impl<'a> Evaluator<'a> {
    /// The matchers of a selector of the query.
    pub(super) fn matchers(&self, selector: &VectorSelector) -> Result<Matchers, EvalError> {
        let address = std::ptr::from_ref(selector).addr();
        if let Some(known) = self.matchers.borrow().get(&address) {
            return Ok(Arc::clone(known));
        }
        let mut lists = selector_matchers(selector, &mut self.budget.borrow_mut()).map_err(|error| self.refused(error))?;
        self.resolve(&mut lists)?;
        let matchers = Arc::new(lists);
        self.matchers.borrow_mut().insert(address, Arc::clone(&matchers));
        Ok(matchers)
    }

    pub(super) fn resolve(&self, lists: &mut [Vec<Matcher>]) -> Result<(), EvalError> {
        self.check()?;
        self.source.resolve(lists, &|| self.check())
    }

    /// A pattern whose groups are needed.
    pub(super) fn regex(&self, text: &str) -> Result<Regex, EvalError> {
        self.budget.borrow_mut().regex(text).map_err(|error| self.refused(error.into()))
    }

    /// Where nothing may be compiled, somebody else compiles it and tells what is wrong with it.
    pub(super) fn refused(&self, error: QueryError) -> EvalError {
        if self.source.may_compile() { error.into() } else { EvalError::TooMuchAtOnce }
    }

    /// The budget of the query's patterns.
    pub(super) fn budget(&self) -> RefMut<'_, Budget> {
        self.budget.borrow_mut()
    }

    /// Notes something about an argument.
    pub(super) fn note(&self, about: &Expr, text: String) -> Result<(), EvalError> {
        let bytes = text.len() + PER_NOTE;
        if self.notes.borrow_mut().insert(text, places::address(about)).is_none() {
            self.notes_bytes.set(self.notes_bytes.get() + bytes);
            if self.notes_bytes.get() > self.params.max_bytes {
                return Err(EvalError::TooMuchMemory(self.params.max_bytes));
            }
        }
        Ok(())
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

    pub(super) fn count(&self, samples: usize) -> Result<(), EvalError> {
        self.samples.set(self.samples.get().saturating_add(samples));
        if self.samples.get() > self.params.max_samples { Err(EvalError::TooManySamples(self.params.max_samples)) } else { self.check() }
    }

    pub(super) fn eval(&self, expr: &Expr, grid: &Grid) -> Result<Value, EvalError> {
        let before = self.memory.held();
        let value = match expr {
            Expr::Paren(inner) => self.eval(&inner.expr, grid)?,
            Expr::NumberLiteral(number) => Value::Scalar(self.constant(number.val, grid)?),
            Expr::StringLiteral(text) => Value::Text(text.val.clone()),
            Expr::VectorSelector(selector) => Value::Vector(self.vector(selector, grid, false)?),
            Expr::Unary(unary) => self.negative(self.eval(&unary.expr, grid)?)?,
            Expr::Binary(expr) => binary::eval(self, expr, grid)?,
            Expr::Aggregate(expr) => Value::Vector(aggregate::eval(self, expr, grid)?),
            Expr::Call(call) => self.call(call, grid)?,
            Expr::MatrixSelector(_) | Expr::Subquery(_) => {
                return execution("a range (such as [5m]) is no value at an instant; put it into a function such as rate()");
            }
            Expr::Extension(_) => return execution("this expression is not known"),
        };
        self.memory.settle(before, &value)?;
        Ok(value)
    }

    fn negative(&self, value: Value) -> Result<Value, EvalError> {
        Ok(match value {
            Value::Scalar(values) => Value::Scalar(values.into_iter().map(|v| -v).collect()),
            Value::Vector(rows) => Value::Vector(unique(functions::map(self, rows, |v| -v))?),
            Value::Text(_) => return execution("a string has no negative"),
        })
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

/// Refuses rows with equal labels that have a value at all; where names go at the end, so does this.
pub(super) fn distinct(ev: &Evaluator<'_>, rows: Vec<Row>) -> Result<Vec<Row>, EvalError> {
    let mut seen: FxHashSet<&Labels> = FxHashSet::default();
    let valued = |row: &&Row| row.values.iter().any(|v| !is_absent(*v));
    if !ev.params.delayed_names && !rows.iter().filter(valued).all(|row| seen.insert(&row.labels)) {
        return execution("vector cannot contain metrics with the same labelset");
    }
    Ok(rows)
}

/// Refuses rows with equal labels that have values at the same instant; rows that never meet become one.
pub(super) fn unique(rows: Vec<Row>) -> Result<Vec<Row>, EvalError> {
    let mut seen: FxHashSet<Labels> = FxHashSet::default();
    if rows.iter().all(|row| seen.insert(row.labels.clone())) {
        return Ok(rows);
    }
    let first = |row: &Row| row.values.iter().position(|v| !is_absent(*v)).unwrap_or(usize::MAX);
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    for row in rows {
        match places.get(&row.labels) {
            None => {
                places.insert(row.labels.clone(), merged.len());
                merged.push(row);
            }
            Some(&place) => {
                // Whether the name goes at the end is as it is at the first instant.
                if first(&row) < first(&merged[place]) {
                    merged[place].nameless = row.nameless;
                }
                for (there, new) in merged[place].values.iter_mut().zip(row.values) {
                    if is_absent(new) {
                        continue;
                    }
                    if !is_absent(*there) {
                        return execution("vector cannot contain metrics with the same labelset");
                    }
                    *there = new;
                }
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
