//! Values of expressions: rows of labels with one value per instant, and the answer that they become.

use rustc_hash::{FxHashMap, FxHashSet};

use super::error::{EvalError, execution};
use super::syntax::Position;
use crate::model::{Columns, Labels, NAME_LABEL, STALE_NAN_BITS, TimestampMs};

/// Labels that identify a metric. They are dropped where an expression's value is no longer that metric.
pub(super) const METRIC_LABELS: [&str; 3] = [NAME_LABEL, "__type__", "__unit__"];

/// No value at an instant. The stale marker is never a value of an answer.
pub const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

/// Whether there is no value.
#[inline]
pub(super) fn is_absent(v: f64) -> bool {
    v.to_bits() == STALE_NAN_BITS
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
    /// One value per instant, or [`ABSENT`].
    pub values: Vec<f64>,
    /// Its metric name is dropped at the end of evaluation.
    pub(super) drops_name: bool,
}

impl Row {
    /// A row that keeps its labels as they are.
    #[must_use]
    pub fn new(labels: Labels, values: Vec<f64>) -> Self {
        Self { labels, values, drops_name: false }
    }

    pub(super) fn has_value(&self) -> bool {
        self.values.iter().any(|v| !is_absent(*v))
    }
}

/// The value of an expression.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Scalar(Vec<f64>),
    Text(String),
    Vector(Vec<Row>),
}

/// The samples of one series of a matrix.
#[derive(Debug, Clone)]
pub struct SeriesSamples {
    /// Its labels.
    pub labels: Labels,
    /// Its samples.
    pub columns: Columns,
}

/// The answer to a query.
#[derive(Debug, Clone)]
pub enum Answer {
    /// One value per instant.
    Scalar(Vec<(TimestampMs, f64)>),
    /// Text.
    Text(String),
    /// Series with one value per instant; in the order of the expression for an instant query.
    Vector(Vec<Row>),
    /// Samples as they are: the value of a range selector or subquery.
    Matrix(Vec<SeriesSamples>),
}

/// Something that may make an answer other than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// `PromQL warning: …` or `PromQL info: …`.
    pub text: String,
    /// Where the part of the query that it is about begins.
    pub position: Option<Position>,
}

/// What is known of an evaluation beside its answer.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// By rising text, each once.
    pub notes: Vec<Note>,
    /// Samples that were read.
    pub samples: usize,
    /// Hours that were read instead of their samples.
    pub hours: usize,
}

const DUPLICATE: &str = "vector cannot contain metrics with the same labelset";

/// Refuses rows with equal labels if they have any value. With delayed name removal this is checked at the end of evaluation.
pub(super) fn distinct(rows: Vec<Row>, delayed_names: bool) -> Result<Vec<Row>, EvalError> {
    let mut seen: FxHashSet<&Labels> = FxHashSet::default();
    if !delayed_names && !rows.iter().filter(|row| row.has_value()).all(|row| seen.insert(&row.labels)) {
        return execution(DUPLICATE);
    }
    Ok(rows)
}

/// Merges rows with equal labels; refuses those that have values at the same instant.
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
            Some(&place) => merge(&mut merged[place], row)?,
        }
    }
    Ok(merged)
}

fn merge(into: &mut Row, row: Row) -> Result<(), EvalError> {
    let first = |row: &Row| row.values.iter().position(|v| !is_absent(*v)).unwrap_or(usize::MAX);
    // The row with the first value decides whether the name is dropped.
    if first(&row) < first(into) {
        into.drops_name = row.drops_name;
    }
    for (value, new) in into.values.iter_mut().zip(row.values).filter(|(_, new)| !is_absent(*new)) {
        if !is_absent(*value) {
            return execution(DUPLICATE);
        }
        *value = new;
    }
    Ok(())
}

/// Merges neighbours with equal labels; refuses those that have samples at the same time.
pub(super) fn merged(series: Vec<SeriesSamples>) -> Result<Vec<SeriesSamples>, EvalError> {
    let mut out: Vec<SeriesSamples> = Vec::with_capacity(series.len());
    for series in series {
        let Some(last) = out.last_mut().filter(|last| last.labels == series.labels) else {
            out.push(series);
            continue;
        };
        let mut samples: Vec<(TimestampMs, f64)> = last.columns.iter().chain(series.columns.iter()).map(|s| (s.t, s.v)).collect();
        samples.sort_by_key(|sample| sample.0);
        if samples.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return execution(DUPLICATE);
        }
        let (times, values) = samples.into_iter().unzip();
        last.columns = Columns { times, values };
    }
    Ok(out)
}

/// The labels without the metric name, and without the type and unit that belong to it.
pub(super) fn without_name(labels: &Labels) -> Labels {
    labels.without(&METRIC_LABELS)
}
