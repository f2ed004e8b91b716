//! Functions of the instants of a query and of the times of samples.

use super::error::{EvalError, execution};
use super::eval::Evaluator;
use super::functions::{arg, map, map_at};
use super::syntax::{Call, Expr};
use super::value::{Grid, Value, unique};
use crate::model::TimestampMs;

fn seconds(t: TimestampMs) -> f64 {
    t as f64 / 1e3
}

pub(super) fn start(ev: &Evaluator<'_>, _: &Call, grid: &Grid) -> Result<Value, EvalError> {
    Ok(Value::Scalar(ev.constant(seconds(ev.params.start), grid)?))
}

pub(super) fn end(ev: &Evaluator<'_>, _: &Call, grid: &Grid) -> Result<Value, EvalError> {
    Ok(Value::Scalar(ev.constant(seconds(ev.params.end), grid)?))
}

pub(super) fn range(ev: &Evaluator<'_>, _: &Call, grid: &Grid) -> Result<Value, EvalError> {
    Ok(Value::Scalar(ev.constant(seconds(ev.params.end - ev.params.start), grid)?))
}

pub(super) fn step(ev: &Evaluator<'_>, _: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let step = if ev.params.end > ev.params.start { seconds(ev.params.step) } else { 0.0 };
    Ok(Value::Scalar(ev.constant(step, grid)?))
}

pub(super) fn time(ev: &Evaluator<'_>, _: &Call, grid: &Grid) -> Result<Value, EvalError> {
    Ok(Value::Scalar(ev.each_instant(grid, |at| seconds(grid.time(at)))?))
}

/// The times of the samples of a selector; of any other expression the instants.
pub(super) fn timestamp(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    Ok(Value::Vector(unique(match arg(call, 0)? {
        Expr::Vector(selector) => map(ev, ev.vector(selector, grid, true)?, |v| v),
        other => map_at(ev, ev.rows(other, grid)?, |_, at| seconds(grid.time(at))),
    })?))
}

/// Start timestamps are not kept.
pub(super) fn start_timestamp(_: &Evaluator<'_>, _: &Call, _: &Grid) -> Result<Value, EvalError> {
    execution("start timestamps are not kept, so start_timestamp() cannot be evaluated")
}
