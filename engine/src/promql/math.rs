//! Mathematics on the values of vectors and scalars.

use super::error::EvalError;
use super::eval::Evaluator;
use super::functions::{arg, map_at};
use super::syntax::Call;
use super::value::{ABSENT, Grid, Row, Value, is_absent, unique};
use crate::model::Labels;

pub(super) fn rad(degrees: f64) -> f64 {
    degrees * std::f64::consts::PI / 180.0
}

pub(super) fn deg(radians: f64) -> f64 {
    radians * 180.0 / std::f64::consts::PI
}

pub(super) fn sgn(v: f64) -> f64 {
    if v > 0.0 {
        1.0
    } else if v < 0.0 {
        -1.0
    } else {
        v
    }
}

/// Go's `math.Max`: NaN if either is, unless the other is the largest number.
pub(super) fn go_max(a: f64, b: f64) -> f64 {
    let largest = a == f64::INFINITY || b == f64::INFINITY;
    if (a.is_nan() || b.is_nan()) && !largest { f64::NAN } else { a.max(b) }
}

/// Go's `math.Min`: NaN if either is, unless the other is the smallest number.
pub(super) fn go_min(a: f64, b: f64) -> f64 {
    let smallest = a == f64::NEG_INFINITY || b == f64::NEG_INFINITY;
    if (a.is_nan() || b.is_nan()) && !smallest { f64::NAN } else { a.min(b) }
}

pub(super) fn pi(ev: &Evaluator<'_>, _: &Call, grid: &Grid) -> Result<Value, EvalError> {
    Ok(Value::Scalar(ev.constant(std::f64::consts::PI, grid)?))
}

pub(super) fn vector(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    Ok(Value::Vector(vec![Row::new(Labels::none(), ev.scalar(arg(call, 0)?, grid)?)]))
}

pub(super) fn scalar(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let rows = ev.rows(arg(call, 0)?, grid)?;
    let only = |at: usize| {
        let mut values = rows.iter().map(|row| row.values[at]).filter(|v| !is_absent(*v));
        match (values.next(), values.next()) {
            (Some(v), None) => v,
            _ => f64::NAN,
        }
    };
    Ok(Value::Scalar(ev.each_instant(grid, only)?))
}

pub(super) fn round(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let to = match call.args.get(1) {
        Some(to) => ev.scalar(to, grid)?,
        None => ev.constant(1.0, grid)?,
    };
    // Multiplied by the inverse, as Prometheus does: fewer surprises with 0.1.
    let round = |v: f64, at: usize| {
        let inverse = 1.0 / to[at];
        (v * inverse + 0.5).floor() / inverse
    };
    Ok(Value::Vector(unique(map_at(ev, ev.rows(arg(call, 0)?, grid)?, round))?))
}

pub(super) fn clamp(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let (low, high) = (ev.scalar(arg(call, 1)?, grid)?, ev.scalar(arg(call, 2)?, grid)?);
    let clamp = |v: f64, at: usize| if high[at] < low[at] { ABSENT } else { go_max(low[at], go_min(high[at], v)) };
    Ok(Value::Vector(unique(map_at(ev, ev.rows(arg(call, 0)?, grid)?, clamp))?))
}

pub(super) fn clamp_min(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let low = ev.scalar(arg(call, 1)?, grid)?;
    Ok(Value::Vector(unique(map_at(ev, ev.rows(arg(call, 0)?, grid)?, |v, at| go_max(low[at], v)))?))
}

pub(super) fn clamp_max(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let high = ev.scalar(arg(call, 1)?, grid)?;
    Ok(Value::Vector(unique(map_at(ev, ev.rows(arg(call, 0)?, grid)?, |v, at| go_min(high[at], v)))?))
}

pub(super) fn min_of(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    of_two(ev, call, grid, go_min)
}

pub(super) fn max_of(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    of_two(ev, call, grid, go_max)
}

fn of_two(ev: &Evaluator<'_>, call: &Call, grid: &Grid, f: fn(f64, f64) -> f64) -> Result<Value, EvalError> {
    let (a, b) = (ev.scalar(arg(call, 0)?, grid)?, ev.scalar(arg(call, 1)?, grid)?);
    Ok(Value::Scalar(a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect()))
}
