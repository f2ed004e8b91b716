//! Buckets: what a chart draws of the time that one of its pixels covers.
//!
//! A bucket is named by its end `t`, a whole multiple of the step, and covers `(t - step, t]`. Its figures are those of
//! `min_over_time`, `avg_over_time`, `max_over_time`, `last_over_time` and `count_over_time` of `[step]` at `t`, bit for bit, so a
//! picture never contradicts a query. The value of a selector is read sample by sample, or by the hours that are kept of finished days
//! where all buckets are whole hours; any other expression is worked out at instants within each bucket, as a subquery is.

mod fold;
#[cfg(test)]
mod tests;

use super::error::EvalError;
use super::eval::{Evaluator, final_rows};
use super::input::Params;
use super::over_time::{count, greatest, greatest_of_hours, least, least_of_hours, mean_of_hours};
use super::query::Query;
use super::reading::HOUR_MS;
use super::source::{Span, hours_of, ids, read_spans};
use super::statistics::mean;
use super::syntax::{Expr, VectorSelector};
use super::value::{Grid, Notes, Row, Value, is_absent};
use crate::model::{Labels, SeriesId, TimestampMs};
use crate::store::{HourPart, StoreReader};
use fold::Fold;

/// Instants at which an expression is worked out, as many as a range query may have.
const MAX_INSTANTS: i64 = 11_000;
/// The shortest time between them.
const SHORTEST_INNER_MS: i64 = 1_000;

/// What a series has within the time of one pixel: at least one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// It covers the step up to here, this instant included.
    pub end: TimestampMs,
    /// The smallest value; NaN only where there is nothing else.
    pub min: f64,
    /// The mean; NaN where one of the values is.
    pub mean: f64,
    /// The largest value; NaN only where there is nothing else.
    pub max: f64,
    /// The latest value.
    pub last: f64,
    /// How many samples, or instants of an expression that have a value.
    pub count: f64,
}

impl Bucket {
    /// The bucket of at least one value.
    fn of(end: TimestampMs, values: &[f64]) -> Self {
        let count = values.len() as f64;
        Self { end, min: least(values), mean: mean(values), max: greatest(values), last: values[values.len() - 1], count }
    }

    /// The bucket of at least one part.
    fn of_hours(end: TimestampMs, parts: &[HourPart]) -> Self {
        let (min, max) = (least_of_hours(parts), greatest_of_hours(parts));
        Self { end, min, mean: mean_of_hours(parts), max, last: parts[parts.len() - 1].last, count: count(parts) }
    }
}

/// A series in buckets.
#[derive(Debug, Clone)]
pub struct BucketSeries {
    /// Its labels.
    pub labels: Labels,
    /// By rising end; a bucket without samples is left out.
    pub buckets: Vec<Bucket>,
}

/// What buckets were made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketSource {
    /// Every sample.
    Samples,
    /// Kept hours of finished days, and the samples of the others.
    Hours,
    /// The values of an expression at instants this far apart, ms.
    Expression(i64),
}

/// The answer in buckets.
#[derive(Debug)]
pub struct BucketAnswer {
    /// What they were made of.
    pub source: BucketSource,
    /// How many series there are: those of a selector that may have samples then, or those of an expression.
    pub total: usize,
    /// As many of them as were asked for, sorted by their labels.
    pub series: Vec<BucketSeries>,
    /// What is known beside the answer.
    pub notes: Notes,
}

/// Works out the buckets that cover everything from `params.start` to `params.end`, of at most `limit` series. They begin and end
/// at whole multiples of the step, so the first may begin earlier and the last may end later.
///
/// # Errors
/// As [`super::evaluate`] has them.
pub fn buckets(query: &Query, params: &Params, limit: usize, store: &StoreReader) -> Result<BucketAnswer, EvalError> {
    let step = params.step.max(1);
    let (start, end) = (round_up(params.start, step), round_up(params.end, step));
    let grid = Grid { start, step, count: usize::try_from((end - start) / step + 1).unwrap_or(0) };
    let params = Params { start, end, step, ..params.clone() };
    let ev = Evaluator::new(query, &params, store);
    let charted = Charted { ev: &ev, store, grid, limit };
    let (source, total, mut series) = match query.expr.without_parens() {
        Expr::Vector(selector) if selector.extended.is_none() => charted.selector(selector)?,
        expr => charted.expression(expr)?,
    };
    series.retain(|series| !series.buckets.is_empty());
    series.sort_by(|a, b| a.labels.cmp_pairs(&b.labels));
    Ok(BucketAnswer { source, total, series, notes: ev.into_notes() })
}

/// The first multiple of the step that is not before `t`.
fn round_up(t: TimestampMs, step: i64) -> TimestampMs {
    t.saturating_add((-t).rem_euclid(step))
}

/// How far apart the instants of an expression are: whole seconds, and no more of them than a range query may have.
fn inner_step(grid: &Grid) -> i64 {
    let span = grid.step.saturating_mul(grid.count as i64);
    let seconds = span.div_euclid(MAX_INSTANTS * 1_000).saturating_add(1);
    seconds.saturating_mul(1_000).max(SHORTEST_INNER_MS).min(grid.step)
}

type Found = (BucketSource, usize, Vec<BucketSeries>);

/// What is worked out.
struct Charted<'e, 'a> {
    ev: &'e Evaluator<'a>,
    store: &'a StoreReader,
    grid: Grid,
    limit: usize,
}

impl Charted<'_, '_> {
    fn selector(&self, selector: &VectorSelector) -> Result<Found, EvalError> {
        let (ev, shift, step) = (self.ev, self.ev.shift_of(selector)?, self.grid.step);
        // With `@` all buckets are the same.
        let count = if selector.at.is_some() { 1 } else { self.grid.count };
        let read = Grid { start: shift.apply(self.grid.start), step, count };
        let (after, last) = (read.start.saturating_sub(step), read.time(count.saturating_sub(1)));
        let mut spans = self.store.spans(&ids(self.store, &ev.matchers(selector)?), after.saturating_add(1), last);
        let total = spans.len();
        self.keep_first(&mut spans);
        let (source, mut series) = if ev.params.use_windows && step % HOUR_MS == 0 && read.start % HOUR_MS == 0 {
            let ids: Vec<SeriesId> = spans.iter().map(|span| span.0).collect();
            let series = self.by_hours(&ids, &read)?;
            (if ev.hours.get() > 0 { BucketSource::Hours } else { BucketSource::Samples }, series)
        } else {
            let mut fold = Fold::new(ev, read);
            read_spans(self.store, &spans, after.saturating_add(1), last, &mut fold)?;
            (BucketSource::Samples, fold.finish()?)
        };
        for series in &mut series {
            self.place(&mut series.buckets, &read, selector.at.is_some())?;
        }
        Ok((source, total, series))
    }

    /// Keeps the first series by their labels, as many as are asked for.
    fn keep_first(&self, spans: &mut Vec<Span>) {
        if spans.len() > self.limit {
            let mut named: Vec<(Labels, Span)> = spans.iter().filter_map(|span| Some((self.store.labels(span.0)?, *span))).collect();
            named.sort_by(|a, b| a.0.cmp_pairs(&b.0));
            *spans = named.into_iter().take(self.limit).map(|(_, span)| span).collect();
            spans.sort_unstable();
        }
    }

    fn by_hours(&self, ids: &[SeriesId], read: &Grid) -> Result<Vec<BucketSeries>, EvalError> {
        let (ev, after) = (self.ev, read.start.saturating_sub(read.step));
        let mut found = Vec::new();
        hours_of(self.store, ids, after, read.time(read.count.saturating_sub(1)), &mut |labels, parts, hours| {
            ev.count(parts.len())?;
            ev.hours.set(ev.hours.get() + hours);
            let (mut buckets, mut rest) = (Vec::new(), parts);
            while let Some(part) = rest.first() {
                let end = round_up(part.time - read.start, read.step) + read.start;
                let (now, later) = rest.split_at(rest.partition_point(|part| part.time <= end));
                buckets.push(Bucket::of_hours(end, now));
                rest = later;
            }
            hold(ev, labels, &mut buckets)?;
            found.push(BucketSeries { labels: labels.clone(), buckets });
            Ok(())
        })?;
        Ok(found)
    }

    /// Names buckets that were read elsewhere, because of `offset` or `@`, by the instants that they are for.
    fn place(&self, buckets: &mut Vec<Bucket>, read: &Grid, same_everywhere: bool) -> Result<(), EvalError> {
        if same_everywhere {
            let Some(&bucket) = buckets.first() else { return Ok(()) };
            self.ev.memory.hold(self.grid.count.saturating_mul(size_of::<Bucket>()))?;
            *buckets = self.grid.times().map(|end| Bucket { end, ..bucket }).collect();
            return Ok(());
        }
        let moved = self.grid.start.saturating_sub(read.start);
        buckets.iter_mut().for_each(|bucket| bucket.end = bucket.end.saturating_add(moved));
        Ok(())
    }

    fn expression(&self, expr: &Expr) -> Result<Found, EvalError> {
        let (ev, step) = (self.ev, inner_step(&self.grid));
        let after = self.grid.start.saturating_sub(self.grid.step);
        let start = after.saturating_sub(after.rem_euclid(step)).saturating_add(step);
        let last = self.grid.time(self.grid.count.saturating_sub(1));
        let inner = Grid { start, step, count: usize::try_from((last - start) / step + 1).unwrap_or(0) };
        let rows = match ev.eval(expr, &inner)? {
            Value::Scalar(values) => vec![Row::new(Labels::none(), values)],
            Value::Vector(rows) => final_rows(rows, ev.params)?,
            Value::Text(_) => return super::error::execution("a string cannot be drawn"),
        };
        let mut series = Vec::new();
        let total = rows.len();
        let mut rows = rows;
        rows.sort_by(|a, b| a.labels.cmp_pairs(&b.labels));
        for row in rows.into_iter().take(self.limit) {
            ev.count(row.values.len())?;
            let mut buckets = self.of_row(&row, &inner);
            hold(ev, &row.labels, &mut buckets)?;
            series.push(BucketSeries { labels: row.labels, buckets });
        }
        Ok((BucketSource::Expression(step), total, series))
    }

    /// The buckets of the values at the instants of a grid.
    fn of_row(&self, row: &Row, inner: &Grid) -> Vec<Bucket> {
        let (mut buckets, mut from, mut there) = (Vec::new(), 0, Vec::new());
        for end in self.grid.times() {
            let to = usize::try_from((end - inner.start).div_euclid(inner.step) + 1).unwrap_or(0).min(row.values.len());
            there.clear();
            there.extend(row.values[from..to].iter().copied().filter(|v| !is_absent(*v)));
            if !there.is_empty() {
                buckets.push(Bucket::of(end, &there));
            }
            from = to;
        }
        buckets
    }
}

/// Counts a series that is part of the answer.
fn hold(ev: &Evaluator<'_>, labels: &Labels, buckets: &mut Vec<Bucket>) -> Result<(), EvalError> {
    buckets.shrink_to_fit();
    ev.hold_labels(labels)?;
    ev.memory.hold(buckets.len() * size_of::<Bucket>())
}
