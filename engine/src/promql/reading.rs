//! What selectors and subqueries read: the newest samples at instants, ranges of samples, whole hours.
//!
//! Series come one at a time and in pieces. Only the values at the instants of the grid are kept of each, or the samples of the
//! ranges that a function asks for.

use rustc_hash::FxHashMap;

use super::error::{EvalError, execution};
use super::eval::Evaluator;
use super::input::SeriesSink;
use super::syntax::{At, DurationExpr, Expr, Subquery, VectorSelector};
use super::value::{ABSENT, Grid, Row, Value, is_absent};
use crate::model::{Columns, Labels, Matcher, TimestampMs, is_stale_marker};
use crate::store::HourPart;

/// The length of the windows that the store keeps, ms.
pub(super) const HOUR_MS: i64 = 3_600_000;

/// The samples of a series, from which windows are cut at the instants of the grid.
pub(super) struct Windowed<'a> {
    pub(super) times: &'a [TimestampMs],
    pub(super) values: &'a [f64],
    pub(super) range: i64,
    /// Its metric name is dropped at the end of evaluation.
    pub(super) drops_name: bool,
    shift: Shift,
}

/// Moves an instant of the grid by `@` and `offset`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    at: Option<TimestampMs>,
    offset: i64,
}

impl Shift {
    const NONE: Self = Self { at: None, offset: 0 };

    pub(super) fn apply(self, t: TimestampMs) -> TimestampMs {
        self.at.unwrap_or(t).saturating_sub(self.offset)
    }
}

impl Windowed<'_> {
    /// The end of the window at an instant of the grid.
    pub(super) fn end(&self, t: TimestampMs) -> TimestampMs {
        self.shift.apply(t)
    }

    /// Some of the samples.
    pub(super) fn columns(&self, from: usize, to: usize) -> Columns {
        Columns { times: self.times[from..to].to_vec(), values: self.values[from..to].to_vec() }
    }

    /// The samples of the window at an instant: later than its end less the range, up to its end.
    pub(super) fn within(&self, t: TimestampMs) -> (usize, usize) {
        let end = self.end(t);
        let start = end.saturating_sub(self.range);
        (self.times.partition_point(|&time| time <= start), self.times.partition_point(|&time| time <= end))
    }
}

/// Takes a series by hours, and the windows over it: start (excluded) and end.
pub(super) type EachHours<'b> =
    &'b mut dyn FnMut(&Labels, &[HourPart], &mut dyn Iterator<Item = (TimestampMs, TimestampMs)>) -> Result<(), EvalError>;
pub(super) type EachSeries<'b> = &'b mut dyn FnMut(&Labels, &Windowed<'_>) -> Result<(), EvalError>;

impl Evaluator<'_> {
    fn shift(&self, at: Option<At>, offset: Option<&DurationExpr>) -> Result<Shift, EvalError> {
        let at = at.map(|at| match at {
            At::Start => self.params.start,
            At::End => self.params.end,
            At::Time(time) => time,
        });
        let offset = offset.map_or(Ok(0), |offset| offset.offset_millis(self.query.grid));
        Ok(Shift { at, offset: offset.map_err(|error| error.within(&self.query.text))? })
    }

    pub(super) fn shift_of(&self, selector: &VectorSelector) -> Result<Shift, EvalError> {
        self.shift(selector.at, selector.offset.as_ref())
    }

    /// The length of a range or step in milliseconds.
    pub(super) fn millis(&self, length: &DurationExpr) -> Result<i64, EvalError> {
        Ok(length.millis(self.query.grid).map_err(|error| error.within(&self.query.text))?)
    }

    /// The newest sample within the lookback at each instant; with `stamps`, its time in seconds instead.
    pub(super) fn vector(&self, selector: &VectorSelector, grid: &Grid, stamps: bool) -> Result<Vec<Row>, EvalError> {
        let shift = self.shift_of(selector)?;
        let (first, last) = (shift.apply(grid.time(0)), shift.apply(grid.time(grid.count.saturating_sub(1))));
        let read = (first.saturating_sub(self.params.lookback).saturating_add(1), last);
        self.latest(&self.matchers(selector)?, shift, read, grid, stamps)
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
        // The row under construction; it is counted again once it is part of the answer.
        self.hold_values(grid.count)?;
        let mut steps = Steps { ev: self, grid: *grid, shift, stamps, rows: Vec::new(), labels: None, values: Vec::new(), last: None };
        self.source.read(matchers, read.0, read.1, &mut steps)?;
        steps.finish()?;
        Ok(steps.rows)
    }

    /// Passes on each series of a range selector or subquery with all samples that any window of the grid may need.
    pub(super) fn matrix(&self, expr: &Expr, grid: &Grid, each: EachSeries<'_>) -> Result<(), EvalError> {
        match expr.without_parens() {
            Expr::Matrix(matrix) => self.gather(&matrix.selector, self.millis(&matrix.length)?, 0, grid, each),
            Expr::Subquery(subquery) => self.subquery(subquery, grid, each),
            _ => execution("a range vector is needed here, such as name[5m]"),
        }
    }

    /// Passes on each series of a range selector by hours, if its ranges and the grid are whole hours and hours are kept.
    /// Returns false, and passes on nothing, if not.
    pub(super) fn by_hours(&self, expr: &Expr, grid: &Grid, each: EachHours<'_>) -> Result<bool, EvalError> {
        let Expr::Matrix(matrix) = expr.without_parens() else { return Ok(false) };
        let (shift, range) = (self.shift_of(&matrix.selector)?, self.millis(&matrix.length)?);
        let (first, last) = (shift.apply(grid.time(0)), shift.apply(grid.time(grid.count.saturating_sub(1))));
        let whole = |ms: i64| ms % HOUR_MS == 0;
        if !whole(range) || !whole(first) || !whole(last) || (grid.count > 1 && first != last && !whole(grid.step)) {
            return Ok(false);
        }
        let matchers = self.matchers(&matrix.selector)?;
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
        each: EachSeries<'_>,
    ) -> Result<(), EvalError> {
        let shift = self.shift_of(selector)?;
        let (first, last) = (shift.apply(grid.time(0)), shift.apply(grid.time(grid.count.saturating_sub(1))));
        let matchers = self.matchers(selector)?;
        let mut gather = Gather { ev: self, labels: None, columns: Columns::default(), held: 0, range, shift, each };
        self.source.read(&matchers, first.saturating_sub(range).saturating_add(1), last.saturating_add(ahead), &mut gather)?;
        gather.finish()
    }

    /// The newest samples of series, as values and as times. As in Prometheus they are searched at the instants of the grid,
    /// among the samples that are read for a selector with the same `@` and `offset`.
    pub(super) fn newest(
        &self,
        matchers: &[Vec<Matcher>],
        like: Option<&VectorSelector>,
        grid: &Grid,
    ) -> Result<Vec<(Row, Row)>, EvalError> {
        let shift = like.map_or(Ok(Shift::NONE), |selector| self.shift_of(selector))?;
        let (first, last) = (shift.apply(grid.time(0)), shift.apply(grid.time(grid.count.saturating_sub(1))));
        let read = (first.saturating_sub(self.params.lookback).saturating_add(1), last);
        let mut stamps: FxHashMap<Labels, Row> =
            self.latest(matchers, Shift::NONE, read, grid, true)?.into_iter().map(|row| (row.labels.clone(), row)).collect();
        let values = self.latest(matchers, Shift::NONE, read, grid, false)?;
        Ok(values.into_iter().filter_map(|row| stamps.remove(&row.labels).map(|stamps| (row, stamps))).collect())
    }

    fn subquery(&self, subquery: &Subquery, grid: &Grid, each: EachSeries<'_>) -> Result<(), EvalError> {
        let shift = self.shift(subquery.at, subquery.offset.as_ref())?;
        let range = self.millis(&subquery.length)?;
        let step = subquery.step.as_ref().map_or(Ok(self.params.default_step), |step| self.millis(step))?.max(1);
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
            self.hold_values(inner.count)?;
            let there = |at: &usize| !is_absent(row.values[*at]);
            let mut times = Vec::with_capacity(inner.count);
            times.extend((0..inner.count).filter(there).map(|at| inner.time(at)));
            let mut values = row.values;
            values.retain(|v| !is_absent(*v));
            self.count(times.len())?;
            each(&row.labels, &Windowed { times: &times, values: &values, range, drops_name: row.drops_name, shift })?;
            // The times, and the row itself.
            drop(times);
            self.memory.release(2 * inner.count * size_of::<f64>());
        }
        Ok(())
    }
}

/// The newest sample at each instant of the grid, series by series.
struct Steps<'e, 'a> {
    ev: &'e Evaluator<'a>,
    grid: Grid,
    shift: Shift,
    /// Times in seconds instead of values.
    stamps: bool,
    rows: Vec<Row>,
    labels: Option<Labels>,
    values: Vec<f64>,
    last: Option<(TimestampMs, f64)>,
}

impl Steps<'_, '_> {
    /// Adds the value of the next instant.
    fn point(&mut self) {
        let t = self.shift.apply(self.grid.time(self.values.len()));
        let fresh = self.last.filter(|(time, v)| *time > t.saturating_sub(self.ev.params.lookback) && !is_stale_marker(*v));
        self.values.push(fresh.map_or(ABSENT, |(time, v)| if self.stamps { time as f64 / 1e3 } else { v }));
    }

    /// Ends the series.
    fn finish(&mut self) -> Result<(), EvalError> {
        let Some(labels) = self.labels.take() else { return Ok(()) };
        while self.values.len() < self.grid.count {
            self.point();
        }
        let values = std::mem::take(&mut self.values);
        self.last = None;
        if values.iter().any(|v| !is_absent(*v)) {
            self.ev.hold_row(&labels, &self.grid)?;
            self.rows.push(Row::new(labels, values));
        }
        Ok(())
    }
}

impl SeriesSink for Steps<'_, '_> {
    fn begin(&mut self, labels: &Labels) -> Result<(), EvalError> {
        self.finish()?;
        self.labels = Some(labels.clone());
        self.values = Vec::with_capacity(self.grid.count);
        self.ev.check()
    }

    fn piece(&mut self, columns: &Columns) -> Result<(), EvalError> {
        self.ev.count(columns.times.len())?;
        let Some(&newest) = columns.times.last() else { return Ok(()) };
        // The samples of the instants before the newest one are known.
        let mut behind = 0;
        while self.values.len() < self.grid.count {
            let t = self.shift.apply(self.grid.time(self.values.len()));
            if t >= newest {
                break;
            }
            behind = first_after(&columns.times, behind, t);
            if let Some(at) = behind.checked_sub(1) {
                self.last = Some((columns.times[at], columns.values[at]));
            }
            self.point();
        }
        self.last = columns.values.last().map(|&v| (newest, v));
        Ok(())
    }
}

/// The index of the first time after `t`, from `from` on. It is near as a rule, so the steps double until it is passed (exponential
/// search).
pub(super) fn first_after(times: &[TimestampMs], from: usize, t: TimestampMs) -> usize {
    let (mut low, mut ahead) = (from, 1);
    while times.get(low + ahead - 1).is_some_and(|&time| time <= t) {
        low += ahead;
        ahead *= 2;
    }
    let high = times.len().min(low + ahead);
    low + times[low..high].partition_point(|&time| time <= t)
}

/// Collects the pieces of each series, without stale markers.
struct Gather<'e, 'a, 'f> {
    ev: &'e Evaluator<'a>,
    labels: Option<Labels>,
    columns: Columns,
    /// Memory that the columns are counted with.
    held: usize,
    range: i64,
    shift: Shift,
    each: EachSeries<'f>,
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
            &Windowed { times: &columns.times, values: &columns.values, range: self.range, drops_name: false, shift: self.shift },
        )?;
        self.ev.memory.release(std::mem::take(&mut self.held));
        Ok(())
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
        // Columns that grow take up to twice what they have.
        let bytes = columns.times.len() * 2 * size_of::<(TimestampMs, f64)>();
        self.held += bytes;
        self.ev.memory.hold(bytes)?;
        for sample in columns.iter().filter(|s| !is_stale_marker(s.v)) {
            self.columns.times.push(sample.t);
            self.columns.values.push(sample.v);
        }
        Ok(())
    }
}
