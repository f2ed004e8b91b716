//! Selectors with `anchored` or `smoothed`: ranges that also see the samples next to their edges.
//!
//! Anchored: the last sample at or before the beginning of the range stands for its beginning. Smoothed: values at both
//! edges are interpolated between their neighbours. Neither extrapolates. Neighbours are looked for within the lookback
//! (prometheus/prometheus, promql/functions.go, `extendedRate`; its proposal PROM-52).

use promql_parser::parser::{Call, Expr, VectorSelector};

use super::eval::{ABSENT, EvalError, Evaluator, Grid, Row, Run, distinct, execution, is_absent, strip};
use super::notes;
use super::ranges::{changes, of_counters, resets};
use super::reading::Windowed;
use super::rewrite::{ANCHORED, SMOOTHED, SMOOTHED_INSTANT};
use crate::model::{Columns, Labels, TimestampMs};

/// How the edges of a range are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edges {
    Anchored,
    Smoothed,
}

/// The selector inside, where an expression is one with a modifier.
pub(super) fn inside(expr: &Expr) -> Option<(Edges, &Expr)> {
    let Expr::Call(call) = strip(expr) else { return None };
    let edges = match call.func.name {
        ANCHORED => Edges::Anchored,
        SMOOTHED => Edges::Smoothed,
        _ => return None,
    };
    Some((edges, call.args.args.first()?))
}

/// The selector of `name smoothed`.
pub(super) fn smoothed_instant(call: &Call) -> Option<&VectorSelector> {
    match (call.func.name == SMOOTHED_INSTANT, call.args.args.first().map(|arg| strip(arg))) {
        (true, Some(Expr::VectorSelector(selector))) => Some(selector),
        _ => None,
    }
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

fn moved(p: &Points<'_>, start: TimestampMs, end: TimestampMs, edges: Edges, counter: bool) -> f64 {
    let mut first = p.first(start);
    let smoothed = edges == Edges::Smoothed;
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
    name: &str,
    edges: Edges,
    about: &Expr,
    selector: &Expr,
    grid: &Grid,
) -> Result<Vec<Row>, EvalError> {
    let (word, known): (_, &[&str]) = match edges {
        Edges::Anchored => ("anchored", &["changes", "delta", "increase", "rate", "resets"]),
        Edges::Smoothed => ("smoothed", &["delta", "increase", "rate"]),
    };
    if !known.contains(&name) {
        return execution(format!("{word} modifier can only be used with: {} - not with {name}", known.join(", ")));
    }
    let mut rows = Vec::new();
    each(ev, edges, selector, grid, &mut |labels, range, windows| {
        let value = |(start, end, points): (TimestampMs, TimestampMs, Points<'_>)| match name {
            _ if points.times.last().is_none_or(|last| *last <= start) => ABSENT,
            "changes" => changes(&points.values[points.first(start)..]),
            "resets" => resets(&points.values[points.first(start)..]),
            _ => {
                let moved = moved(&points, start, end, edges, name != "delta");
                if name == "rate" && !is_absent(moved) { moved / (range as f64 / 1e3) } else { moved }
            }
        };
        ev.hold_row(labels, grid)?;
        let values: Vec<f64> = windows.map(value).collect();
        if of_counters(name) {
            notes::check_counter(ev, about, labels, &values)?;
        }
        rows.push(ev.unnamed_row(labels, values));
        Ok(())
    })?;
    distinct(ev, rows)
}

/// Takes a series, the length of the range and, at each instant, its edges and the samples within reach of them.
type EachWindow<'b> =
    &'b mut dyn FnMut(&Labels, i64, &mut dyn Iterator<Item = (TimestampMs, TimestampMs, Points<'_>)>) -> Result<(), EvalError>;

fn each(ev: &Evaluator<'_>, edges: Edges, selector: &Expr, grid: &Grid, f: EachWindow<'_>) -> Result<(), EvalError> {
    let Expr::MatrixSelector(matrix) = strip(selector) else {
        return Err(EvalError::Parse("`anchored` and `smoothed` belong to a range selector, such as name[5m] smoothed".to_owned()));
    };
    let lookback = ev.params.lookback;
    let range = i64::try_from(matrix.range.as_millis()).unwrap_or(i64::MAX);
    let ahead = if edges == Edges::Smoothed { lookback } else { 0 };
    ev.gather(&matrix.vs, range.saturating_add(lookback), ahead, grid, &mut |labels, run| {
        let window = |t| {
            let end = run.end(t);
            let start = end.saturating_sub(range);
            (start, end, within(run, start.saturating_sub(lookback), end.saturating_add(ahead)))
        };
        f(labels, range, &mut grid.times().map(window))
    })
}

/// The selector by itself: its samples, and between values at its edges.
pub(super) fn matrix(ev: &Evaluator<'_>, edges: Edges, selector: &Expr, grid: &Grid) -> Result<Vec<Run>, EvalError> {
    let smoothed = edges == Edges::Smoothed;
    let mut runs = Vec::new();
    each(ev, edges, selector, grid, &mut |labels, _, windows| {
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
            runs.push(Run {
                labels: labels.clone(),
                columns: Columns { times: [vec![start], times, vec![end]].concat(), values: [vec![left], values, vec![right]].concat() },
            });
        }
        Ok(())
    })?;
    Ok(runs)
}
