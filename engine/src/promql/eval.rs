//! Evaluation: an expression over a grid of instants, in columns.
//!
//! Every vector is rows of labels and one value per instant; [`super::ABSENT`] means that a row has none. Selectors read one
//! series at a time and keep only the values at the instants of the grid, so memory follows the answer. Semantics are those of
//! Prometheus 3 (prometheus/prometheus, promql/engine.go and functions.go): lookback and ranges are open on the left, a
//! stale marker ends a series, subqueries run on absolute multiples of their step.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::error::{EvalError, execution};
use super::functions::{self, Function};
use super::input::{Params, Source};
use super::memory::Memory;
use super::query::Query;
use super::selector::selector_matchers;
use super::syntax::{Expr, Extended, Position, SelectorId, TextRange, Unary, VectorSelector};
use super::value::{Answer, Grid, Note, Notes, Row, SeriesSamples, Value, merged, unique, without_name};
use super::{aggregate, binary, extended};
use crate::model::{Budget, Labels, Matcher, PatternError};

/// Memory of a note beside its text.
const PER_NOTE: usize = 64;

/// Evaluates a query.
///
/// # Errors
/// [`EvalError`]
pub fn evaluate(query: &Query, params: &Params, source: &dyn Source) -> Result<(Answer, Notes), EvalError> {
    let count = usize::try_from((params.end - params.start) / params.step.max(1) + 1).unwrap_or(0);
    let grid = Grid { start: params.start, step: params.step.max(1), count };
    let ev = Evaluator::new(query, params, source);
    let expr = query.expr.without_parens();
    let answer = if params.start == params.end && matches!(expr, Expr::Matrix(_) | Expr::Subquery(_)) {
        Answer::Matrix(ev.samples(expr, &grid)?)
    } else {
        match ev.eval(expr, &grid)? {
            Value::Scalar(values) => Answer::Scalar(grid.times().zip(values).collect()),
            Value::Text(text) => Answer::Text(text),
            Value::Vector(rows) => Answer::Vector(final_rows(rows, params)?),
        }
    };
    Ok((answer, ev.into_notes()))
}

/// Drops rows without values, and the names that were to be dropped at the end. Rows of a range query are sorted.
pub(super) fn final_rows(mut rows: Vec<Row>, params: &Params) -> Result<Vec<Row>, EvalError> {
    rows.retain(Row::has_value);
    if rows.iter().any(|row| row.drops_name) {
        rows.iter_mut().filter(|row| row.drops_name).for_each(|row| row.labels = without_name(&row.labels));
        rows = unique(rows)?;
    }
    if params.start != params.end {
        rows.sort_by(|a, b| a.labels.cmp_pairs(&b.labels));
    }
    Ok(rows)
}

/// The lists of matchers of a selector, any of which must accept a series.
type Matchers = Arc<Vec<Vec<Matcher>>>;

/// Evaluates expressions over grids.
pub(super) struct Evaluator<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) params: &'a Params,
    pub(super) query: &'a Query,
    pub(super) memory: Memory,
    /// Hours that were read instead of their samples.
    pub(super) hours: Cell<usize>,
    notes: RefCell<BTreeMap<String, TextRange>>,
    notes_bytes: Cell<usize>,
    samples: Cell<usize>,
    /// What patterns may still cost.
    budget: RefCell<Budget>,
    /// Matchers of the selectors so far: one in a subquery is evaluated often.
    matchers: RefCell<FxHashMap<SelectorId, Matchers>>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(query: &'a Query, params: &'a Params, source: &'a dyn Source) -> Self {
        let budget = if source.may_compile() { Budget::default() } else { Budget::cached_only() };
        Self {
            source,
            params,
            query,
            memory: Memory::new(params.max_bytes),
            hours: Cell::new(0),
            notes: RefCell::default(),
            notes_bytes: Cell::new(0),
            samples: Cell::new(0),
            budget: RefCell::new(budget),
            matchers: RefCell::default(),
        }
    }

    pub(super) fn into_notes(self) -> Notes {
        let text = &self.query.text;
        let note = |(note, about): (String, TextRange)| Note { text: note, position: Position::of(text, about.start) };
        Notes { notes: self.notes.into_inner().into_iter().map(note).collect(), samples: self.samples.get(), hours: self.hours.get() }
    }

    /// The matchers of a selector of the query.
    pub(super) fn matchers(&self, selector: &VectorSelector) -> Result<Matchers, EvalError> {
        if let Some(known) = self.matchers.borrow().get(&selector.id) {
            return Ok(Arc::clone(known));
        }
        let mut lists = vec![self.compile(selector)?];
        self.resolve(&mut lists)?;
        let matchers = Arc::new(lists);
        self.matchers.borrow_mut().insert(selector.id, Arc::clone(&matchers));
        Ok(matchers)
    }

    /// Compiles the matchers of a selector.
    pub(super) fn compile(&self, selector: &VectorSelector) -> Result<Vec<Matcher>, EvalError> {
        let matchers = selector_matchers(&self.query.text, selector, &mut self.budget.borrow_mut());
        matchers.map_err(|error| self.refusal(error.into()))
    }

    pub(super) fn resolve(&self, lists: &mut [Vec<Matcher>]) -> Result<(), EvalError> {
        self.check()?;
        self.source.resolve(lists, &|| self.check())
    }

    /// The budget of the query's patterns.
    pub(super) fn budget(&self) -> RefMut<'_, Budget> {
        self.budget.borrow_mut()
    }

    /// The error of a pattern.
    pub(super) fn pattern_error(&self, error: PatternError) -> EvalError {
        self.refusal(EvalError::Pattern(error))
    }

    /// An error of a pattern. A source that must not compile reports none: another one does, and then knows what is wrong.
    fn refusal(&self, error: EvalError) -> EvalError {
        if self.source.may_compile() { error } else { EvalError::TooMuchAtOnce }
    }

    /// Adds a note about a part of the query.
    pub(super) fn note(&self, about: TextRange, text: String) -> Result<(), EvalError> {
        let bytes = text.len() + PER_NOTE;
        if self.notes.borrow_mut().insert(text, about).is_none() {
            self.notes_bytes.set(self.notes_bytes.get() + bytes);
            if self.notes_bytes.get() > self.params.max_bytes {
                return Err(EvalError::TooMuchMemory(self.params.max_bytes));
            }
        }
        Ok(())
    }

    /// Labels without the metric name; with delayed name removal the same labels, and whether the name is dropped at the end.
    pub(super) fn unnamed(&self, labels: &Labels) -> (Labels, bool) {
        if self.params.delayed_names { (labels.clone(), true) } else { (without_name(labels), false) }
    }

    /// A row without its metric name.
    pub(super) fn unnamed_row(&self, labels: &Labels, values: Vec<f64>) -> Row {
        let (labels, drops_name) = self.unnamed(labels);
        Row { labels, values, drops_name }
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
            Expr::Number(number) => Value::Scalar(self.constant(number.value, grid)?),
            Expr::Text(text) => Value::Text(text.value.clone()),
            Expr::Vector(selector) if selector.extended == Some(Extended::Smoothed) => {
                Value::Vector(extended::vector(self, selector, grid)?)
            }
            Expr::Vector(selector) => Value::Vector(self.vector(selector, grid, false)?),
            Expr::Unary(unary) => self.signed(unary, grid)?,
            Expr::Binary(expr) => binary::eval(self, expr, grid)?,
            Expr::Aggregate(expr) => Value::Vector(aggregate::eval(self, expr, grid)?),
            Expr::Call(call) => match Function::named(call.function.name) {
                Some(function) => function.call(self, call, grid)?,
                None => return execution("the function is not known"),
            },
            Expr::Matrix(_) | Expr::Subquery(_) => {
                return execution("a range (such as [5m]) is no value at an instant; put it into a function such as rate()");
            }
        };
        self.memory.settle(before, &value)?;
        Ok(value)
    }

    fn signed(&self, unary: &Unary, grid: &Grid) -> Result<Value, EvalError> {
        let value = self.eval(&unary.expr, grid)?;
        Ok(match value {
            value if !unary.negative => value,
            Value::Scalar(values) => Value::Scalar(values.into_iter().map(|v| -v).collect()),
            Value::Vector(rows) => Value::Vector(unique(functions::map(self, rows, |v| -v))?),
            Value::Text(_) => return execution("a string has no negative"),
        })
    }

    /// The samples of a range selector or subquery at the only instant of the grid.
    fn samples(&self, expr: &Expr, grid: &Grid) -> Result<Vec<SeriesSamples>, EvalError> {
        if let Expr::Matrix(matrix) = expr
            && let Some(modifier) = matrix.selector.extended
        {
            let mut found = extended::matrix(self, modifier, matrix, grid)?;
            found.sort_by(|a, b| a.labels.cmp_pairs(&b.labels));
            return Ok(found);
        }
        let mut found = Vec::new();
        self.matrix(expr, grid, &mut |labels, window| {
            let (from, to) = window.within(self.params.start);
            if from < to {
                // Those of the series are dropped as soon as this is done.
                self.hold_values(2 * (to - from))?;
                let labels = if window.drops_name { without_name(labels) } else { labels.clone() };
                found.push(SeriesSamples { labels, columns: window.columns(from, to) });
            }
            Ok(())
        })?;
        found.sort_by(|a, b| a.labels.cmp_pairs(&b.labels));
        merged(found)
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
}
