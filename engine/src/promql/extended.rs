//! Selectors with `anchored` or `smoothed`: ranges that also see the samples next to their edges.
//!
//! Anchored: the last sample at or before the beginning of the range is its value at the beginning. Smoothed: values at both
//! edges are interpolated between their neighbours. Neither extrapolates. Neighbours are searched within the lookback
//! (prometheus/prometheus, promql/functions.go, `extendedRate`; its proposal PROM-52).

use super::error::{EvalError, execution};
use super::eval::Evaluator;
use super::functions::FUNCTIONS;
use super::notes;
use super::ranges::RangeFunction;
use super::reading::Windowed;
use super::syntax::{Extended, MatrixSelector, VectorSelector};
use super::value::{ABSENT, Grid, Row, SeriesSamples, distinct, is_absent};
use crate::model::{Columns, Labels, TimestampMs};

/// What a function is of a range with such a modifier.
#[derive(Debug, Clone, Copy)]
pub(super) enum AtEdges {
    /// A count over the samples of an anchored range.
    Count(fn(&[f64]) -> f64),
    /// The change from the beginning to the end of the range.
    Change { counter: bool, per_second: bool },
}

impl AtEdges {
    /// Whether the modifier makes sense for the function.
    pub(super) fn accepts(self, modifier: Extended) -> bool {
        matches!((self, modifier), (Self::Change { .. }, _) | (Self::Count(_), Extended::Anchored))
    }

    /// The value of a range; `range` is its length in milliseconds.
    fn value(self, p: &Points<'_>, (start, end): (TimestampMs, TimestampMs), modifier: Extended, range: i64) -> f64 {
        if p.times.last().is_none_or(|last| *last <= start) {
            return ABSENT;
        }
        match self {
            Self::Count(count) => count(&p.values[p.first(start)..]),
            Self::Change { counter, per_second } => {
                let change = change(p, start, end, modifier, counter);
                if per_second && !is_absent(change) { change / (range as f64 / 1e3) } else { change }
            }
        }
    }
}

/// Refuses a function that a modifier makes no sense for, in Prometheus' words.
pub(super) fn refuse<T>(modifier: Extended, name: &str) -> Result<T, EvalError> {
    let accepted = FUNCTIONS
        .iter()
        .filter(|function| function.of_range().and_then(|function| function.extended).is_some_and(|edges| edges.accepts(modifier)));
    let accepted: Vec<&str> = accepted.map(|function| function.signature.name).collect();
    let word = match modifier {
        Extended::Anchored => "anchored",
        Extended::Smoothed => "smoothed",
    };
    execution(format!("{word} modifier can only be used with: {} - not with {name}", accepted.join(", ")))
}

struct Points<'a> {
    times: &'a [TimestampMs],
    values: &'a [f64],
}

impl Points<'_> {
    /// The value between a sample and the next one; a counter that fell began again at zero.
    fn between(&self, before: usize, t: TimestampMs, counter: bool) -> f64 {
        let (t0, t1) = (self.times[before], self.times[before + 1]);
        let (a, b) = (self.values[before], self.values[before + 1]);
        let from = if counter && b < a { 0.0 } else { a };
        from + (b - from) * (t - t0) as f64 / (t1 - t0) as f64
    }

    /// The values at both edges of a range.
    fn edges(&self, first: usize, last: usize, start: TimestampMs, end: TimestampMs, smoothed: bool, counter: bool) -> (f64, f64) {
        let left = if smoothed && self.times[first] < start { self.between(first, start, counter) } else { self.values[first] };
        let right = if smoothed && last > 0 && self.times[last] > end { self.between(last - 1, end, counter) } else { self.values[last] };
        (left, right)
    }

    /// The last sample that a range reaches.
    fn last(&self, end: TimestampMs, smoothed: bool) -> usize {
        let last = self.times.len() - 1;
        if smoothed { self.times[..last].partition_point(|&t| t < end) } else { last }
    }

    /// The sample before the first within the range, where there is one.
    fn first(&self, start: TimestampMs) -> usize {
        let last = self.times.len() - 1;
        self.times[..last].partition_point(|&t| t <= start).saturating_sub(1)
    }
}

/// The change from the beginning to the end of a range.
fn change(p: &Points<'_>, start: TimestampMs, end: TimestampMs, modifier: Extended, counter: bool) -> f64 {
    let mut first = p.first(start);
    let smoothed = modifier == Extended::Smoothed;
    let last = p.last(end, smoothed);
    if p.times[last] <= start {
        return ABSENT;
    }
    let (left, right) = p.edges(first, last, start, end, smoothed, counter);
    let mut result = right - left;
    if counter {
        // What the edges are made of has been corrected already.
        first += usize::from(p.times[first] <= start);
        let after = if p.times[last] >= end { last } else { last + 1 };
        let mut before = left;
        for &v in p.values.get(first..after).unwrap_or(&[]).iter().chain([&right]) {
            if v < before {
                result += before;
            }
            before = v;
        }
    }
    result
}

/// The value at an instant, between the samples next to it.
fn at_instant(p: &Points<'_>, t: TimestampMs) -> f64 {
    let after = p.times.partition_point(|&time| time <= t);
    match after.checked_sub(1) {
        None => ABSENT,
        Some(before) if p.times[before] == t || after == p.times.len() => p.values[before],
        Some(before) => p.between(before, t, false),
    }
}

/// The samples within `(from, to]`.
fn within<'a>(run: &'a Windowed<'_>, from: TimestampMs, to: TimestampMs) -> Points<'a> {
    let (a, b) = (run.times.partition_point(|&t| t <= from), run.times.partition_point(|&t| t <= to));
    Points { times: &run.times[a..b], values: &run.values[a..b] }
}

/// `name smoothed`.
pub(super) fn vector(ev: &Evaluator<'_>, selector: &VectorSelector, grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let mut rows = Vec::new();
    let lookback = ev.params.lookback;
    ev.gather(selector, lookback, lookback, grid, &mut |labels, run| {
        let value = |t| {
            let at = run.end(t);
            at_instant(&within(run, at.saturating_sub(lookback), at.saturating_add(lookback)), at)
        };
        ev.hold_row(labels, grid)?;
        rows.push(Row::new(labels.clone(), grid.times().map(value).collect()));
        Ok(())
    })?;
    Ok(rows)
}

/// A function of a range with a modifier.
pub(super) fn call(
    ev: &Evaluator<'_>,
    function: &RangeFunction,
    edges: AtEdges,
    (modifier, matrix): (Extended, &MatrixSelector),
    grid: &Grid,
) -> Result<Vec<Row>, EvalError> {
    let mut rows = Vec::new();
    each(ev, modifier, matrix, grid, &mut |labels, range, windows| {
        ev.hold_row(labels, grid)?;
        let values: Vec<f64> = windows.map(|(start, end, points)| edges.value(&points, (start, end), modifier, range)).collect();
        if function.of_counters {
            notes::check_counter(ev, matrix.range, labels, &values)?;
        }
        rows.push(ev.unnamed_row(labels, values));
        Ok(())
    })?;
    distinct(rows, ev.params.delayed_names)
}

/// Takes a series, the length of the range and, at each instant, its edges and the samples within reach of them.
type EachWindow<'b> =
    &'b mut dyn FnMut(&Labels, i64, &mut dyn Iterator<Item = (TimestampMs, TimestampMs, Points<'_>)>) -> Result<(), EvalError>;

fn each(ev: &Evaluator<'_>, modifier: Extended, matrix: &MatrixSelector, grid: &Grid, f: EachWindow<'_>) -> Result<(), EvalError> {
    let lookback = ev.params.lookback;
    let range = ev.millis(&matrix.length)?;
    let ahead = if modifier == Extended::Smoothed { lookback } else { 0 };
    ev.gather(&matrix.selector, range.saturating_add(lookback), ahead, grid, &mut |labels, run| {
        let window = |t| {
            let end = run.end(t);
            let start = end.saturating_sub(range);
            (start, end, within(run, start.saturating_sub(lookback), end.saturating_add(ahead)))
        };
        f(labels, range, &mut grid.times().map(window))
    })
}

/// The selector by itself: its samples, and between values at its edges.
pub(super) fn matrix(
    ev: &Evaluator<'_>,
    modifier: Extended,
    matrix: &MatrixSelector,
    grid: &Grid,
) -> Result<Vec<SeriesSamples>, EvalError> {
    let smoothed = modifier == Extended::Smoothed;
    let mut found = Vec::new();
    each(ev, modifier, matrix, grid, &mut |labels, _, windows| {
        for (start, end, points) in windows.filter(|(start, _, points)| points.times.last().is_some_and(|last| last > start)) {
            let (first, last) = (points.first(start), points.last(end, smoothed));
            if points.times[last] <= start {
                continue;
            }
            let (left, right) = points.edges(first, last, start, end, smoothed, false);
            ev.hold_values(4 * (points.times.len() + 2))?;
            let inside = |t: &TimestampMs| *t > start && *t < end;
            let (times, values): (Vec<_>, Vec<_>) =
                points.times.iter().copied().zip(points.values.iter().copied()).filter(|(t, _)| inside(t)).unzip();
            found.push(SeriesSamples {
                labels: labels.clone(),
                columns: Columns { times: [vec![start], times, vec![end]].concat(), values: [vec![left], values, vec![right]].concat() },
            });
        }
        Ok(())
    })?;
    Ok(found)
}
