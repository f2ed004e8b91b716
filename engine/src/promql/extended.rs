//! Selectors with `anchored` or `smoothed`: ranges that also see the samples next to their edges.
//!
//! Anchored: the last sample at or before the beginning of the range stands for its beginning. Smoothed: values at both
//! edges are interpolated between their neighbours. Neither extrapolates. Neighbours are looked for within the lookback
//! (prometheus/prometheus, promql/functions.go, `extendedRate`; its proposal PROM-52).

use promql_parser::parser::{Call, Expr, VectorSelector};

use super::eval::{ABSENT, EvalError, Evaluator, Grid, Row, Windowed, strip, unique};
use super::ranges::{changes, resets};
use super::rewrite::{ANCHORED, SMOOTHED, SMOOTHED_INSTANT};
use crate::model::TimestampMs;

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
    fn between(&self, before: usize, t: TimestampMs, raised: (f64, f64)) -> f64 {
        let (t0, t1) = (self.times[before], self.times[before + 1]);
        raised.0 + (raised.1 - raised.0) * (t - t0) as f64 / (t1 - t0) as f64
    }

    /// The sample before the first within the range, where there is one.
    fn first(&self, start: TimestampMs) -> usize {
        let last = self.times.len() - 1;
        self.times[..last].partition_point(|&t| t <= start).saturating_sub(1)
    }
}

fn moved(p: &Points<'_>, start: TimestampMs, end: TimestampMs, edges: Edges, counter: bool) -> f64 {
    let mut first = p.first(start);
    let mut last = p.times.len() - 1;
    let smoothed = edges == Edges::Smoothed;
    if smoothed {
        last = p.times[..last].partition_point(|&t| t < end);
    }
    if p.times[last] <= start {
        return ABSENT;
    }
    let left = if smoothed && p.times[first] < start {
        let (a, b) = (p.values[first], p.values[first + 1]);
        // A counter that fell began again at zero.
        p.between(first, start, if counter && b < a { (0.0, b) } else { (a, b) })
    } else {
        p.values[first]
    };
    let right = if smoothed && last > 0 && p.times[last] > end {
        let (a, b) = (p.values[last - 1], p.values[last]);
        p.between(last - 1, end, if counter && b < a { (a, a + b) } else { (a, b) })
    } else {
        p.values[last]
    };
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
        Some(before) => p.between(before, t, (p.values[before], p.values[after])),
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
        rows.push(Row::new(labels.clone(), grid.times().map(value).collect()));
        Ok(())
    })?;
    Ok(rows)
}

/// A function of a range with a modifier.
pub(super) fn call(ev: &Evaluator<'_>, name: &str, edges: Edges, selector: &Expr, grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let (word, known): (_, &[&str]) = match edges {
        Edges::Anchored => ("anchored", &["changes", "delta", "increase", "rate", "resets"]),
        Edges::Smoothed => ("smoothed", &["delta", "increase", "rate"]),
    };
    if !known.contains(&name) {
        return Err(EvalError::Parse(format!("{word} modifier can only be used with: {} - not with {name}", known.join(", "))));
    }
    let Expr::MatrixSelector(matrix) = strip(selector) else {
        return Err(EvalError::Parse(format!("{word} modifier belongs to a range selector, such as name[5m] {word}")));
    };
    let lookback = ev.params.lookback;
    let range = i64::try_from(matrix.range.as_millis()).unwrap_or(i64::MAX);
    let ahead = if edges == Edges::Smoothed { lookback } else { 0 };
    let mut rows = Vec::new();
    ev.gather(&matrix.vs, range.saturating_add(lookback), ahead, grid, &mut |labels, run| {
        let value = |t| {
            let end = run.end(t);
            let start = end.saturating_sub(range);
            let points = within(run, start.saturating_sub(lookback), end.saturating_add(ahead));
            if points.times.is_empty() {
                return ABSENT;
            }
            match name {
                "changes" => changes(&points.values[points.first(start)..]),
                "resets" => resets(&points.values[points.first(start)..]),
                _ => {
                    let moved = moved(&points, start, end, edges, name != "delta");
                    if name == "rate" && moved.to_bits() != ABSENT.to_bits() { moved / (range as f64 / 1e3) } else { moved }
                }
            }
        };
        rows.push(ev.unnamed_row(labels, grid.times().map(value).collect()));
        Ok(())
    })?;
    unique(rows)
}
