//! Functions of range vectors: how they are described, and their evaluation window by window.

use super::error::EvalError;
use super::eval::Evaluator;
use super::extended::{self, AtEdges};
use super::functions::arg;
use super::notes;
use super::reading::Windowed;
use super::syntax::{Call, Expr, ValueType};
use super::value::{ABSENT, Grid, Row, Value, distinct};
use crate::model::{Labels, TimestampMs};
use crate::store::HourPart;

/// A window as a function sees it: at least one sample.
pub(super) struct Window<'a> {
    pub(super) times: &'a [TimestampMs],
    pub(super) values: &'a [f64],
    /// It covers `(end - range, end]`.
    pub(super) end: TimestampMs,
    pub(super) range: i64,
    /// The instant that is evaluated; `@` and `offset` move the window away from it.
    pub(super) evaluated: TimestampMs,
    /// The scalar arguments at that instant.
    pub(super) scalars: [f64; 2],
}

/// Checks the scalar arguments at an instant.
type Check = fn(&Evaluator<'_>, &Call, &[f64; 2]) -> Result<(), EvalError>;

/// A function that reduces the samples of a range to a value.
#[derive(Debug)]
pub(super) struct RangeFunction {
    reduce: fn(&Window<'_>) -> f64,
    /// The same from whole hours: sums to within the rounding of their last bits.
    from_hours: Option<fn(&[HourPart]) -> f64>,
    /// What it is of a range with `anchored` or `smoothed`.
    pub(super) extended: Option<AtEdges>,
    check: Option<Check>,
    /// It keeps the metric name.
    keeps_name: bool,
    /// It is meant for counters only.
    pub(super) of_counters: bool,
    /// The value depends on the evaluated instant, not just on the window.
    moves: bool,
}

impl RangeFunction {
    pub(super) const fn new(reduce: fn(&Window<'_>) -> f64) -> Self {
        Self { reduce, from_hours: None, extended: None, check: None, keeps_name: false, of_counters: false, moves: false }
    }

    pub(super) const fn with_hours(self, from_hours: fn(&[HourPart]) -> f64) -> Self {
        Self { from_hours: Some(from_hours), ..self }
    }

    pub(super) const fn extended(self, extended: AtEdges) -> Self {
        Self { extended: Some(extended), ..self }
    }

    pub(super) const fn checked(self, check: Check) -> Self {
        Self { check: Some(check), ..self }
    }

    pub(super) const fn keeping_names(self) -> Self {
        Self { keeps_name: true, ..self }
    }

    pub(super) const fn of_counters(self) -> Self {
        Self { of_counters: true, ..self }
    }

    pub(super) const fn at_the_evaluated_instant(self) -> Self {
        Self { moves: true, ..self }
    }
}

/// Samples that are read between two checks of the deadline.
const BETWEEN_CHECKS: usize = 1 << 18;

/// Evaluates a function of a range vector.
pub(super) fn call(ev: &Evaluator<'_>, function: &RangeFunction, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let range_at = call.function.args.iter().position(|arg| *arg == ValueType::Matrix).unwrap_or(0);
    let range = arg(call, range_at)?;
    if let Expr::Matrix(matrix) = range
        && let Some(modifier) = matrix.selector.extended
    {
        let Some(edges) = function.extended.filter(|edges| edges.accepts(modifier)) else {
            return extended::refuse(modifier, call.function.name);
        };
        return Ok(Value::Vector(extended::call(ev, function, edges, (modifier, matrix), grid)?));
    }
    let scalars = (0..call.args.len()).filter(|at| *at != range_at).map(|at| ev.scalar(&call.args[at], grid));
    let reduction = Reduction { ev, function, call, range, grid, scalars: scalars.collect::<Result<_, _>>()? };
    let rows = match function.from_hours.filter(|_| ev.params.use_windows) {
        Some(from_hours) => reduction.by_hours(from_hours)?,
        None => None,
    };
    let rows = rows.map_or_else(|| reduction.by_samples(), Ok)?;
    Ok(Value::Vector(distinct(rows, ev.params.delayed_names)?))
}

/// A call that is evaluated.
struct Reduction<'c, 'a> {
    ev: &'c Evaluator<'a>,
    function: &'c RangeFunction,
    call: &'c Call,
    range: &'c Expr,
    grid: &'c Grid,
    /// The scalar arguments at each instant.
    scalars: Vec<Vec<f64>>,
}

impl Reduction<'_, '_> {
    /// From whole hours; none if the range is not one of whole hours, or none are kept.
    fn by_hours(&self, from_hours: fn(&[HourPart]) -> f64) -> Result<Option<Vec<Row>>, EvalError> {
        let ev = self.ev;
        let mut rows = Vec::new();
        let served = ev.by_hours(self.range, self.grid, &mut |labels, parts, windows| {
            let (mut from, mut to) = (0, 0);
            ev.hold_row(labels, self.grid)?;
            let mut values = Vec::with_capacity(self.grid.count);
            for (start, end) in windows {
                // With `@` all windows are the same, and these do not move.
                from += parts[from..].partition_point(|part| part.time <= start);
                to += parts[to.min(parts.len())..].partition_point(|part| part.time <= end);
                values.push(if from < to { from_hours(&parts[from..to]) } else { ABSENT });
                if values.len() % 1_024 == 0 {
                    ev.check()?;
                }
            }
            rows.push(ev.unnamed_row(labels, values));
            Ok(())
        })?;
        Ok(served.then_some(rows))
    }

    fn by_samples(&self) -> Result<Vec<Row>, EvalError> {
        let ev = self.ev;
        let mut rows = Vec::new();
        ev.matrix(self.range, self.grid, &mut |labels, series| {
            ev.hold_row(labels, self.grid)?;
            let values = self.values(series)?;
            if self.function.of_counters {
                notes::check_counter(ev, self.range.range(), labels, &values)?;
            }
            rows.push(self.row(labels, series, values));
            Ok(())
        })?;
        Ok(rows)
    }

    fn row(&self, labels: &Labels, series: &Windowed<'_>, values: Vec<f64>) -> Row {
        if self.function.keeps_name {
            return Row { labels: labels.clone(), values, drops_name: series.drops_name };
        }
        self.ev.unnamed_row(labels, values)
    }

    /// The value of each window of a series.
    fn values(&self, series: &Windowed<'_>) -> Result<Vec<f64>, EvalError> {
        let mut values = Vec::with_capacity(self.grid.count);
        let (mut from, mut to, mut work) = (0, 0, 0);
        let mut last: Option<(TimestampMs, f64)> = None;
        let depends_on_window_only = self.scalars.is_empty() && !self.function.moves;
        for (at, t) in self.grid.times().enumerate() {
            let end = series.end(t);
            // With `@` all windows are the same.
            if let Some((_, v)) = last.filter(|(last, _)| *last == end && depends_on_window_only) {
                values.push(v);
                continue;
            }
            let start = end.saturating_sub(series.range);
            while from < series.times.len() && series.times[from] <= start {
                from += 1;
            }
            while to < series.times.len() && series.times[to] <= end {
                to += 1;
            }
            work += to - from;
            if work > BETWEEN_CHECKS {
                work = 0;
                self.ev.check()?;
            }
            let v = if from < to { self.value(series, (from, to), at, t)? } else { ABSENT };
            last = Some((end, v));
            values.push(v);
        }
        Ok(values)
    }

    /// The value of one window.
    fn value(&self, series: &Windowed<'_>, (from, to): (usize, usize), at: usize, evaluated: TimestampMs) -> Result<f64, EvalError> {
        let scalars = std::array::from_fn(|n| self.scalars.get(n).map_or(f64::NAN, |values| values[at]));
        self.function.check.map_or(Ok(()), |check| check(self.ev, self.call, &scalars))?;
        Ok((self.function.reduce)(&Window {
            times: &series.times[from..to],
            values: &series.values[from..to],
            end: series.end(evaluated),
            range: series.range,
            evaluated,
            scalars,
        }))
    }
}
