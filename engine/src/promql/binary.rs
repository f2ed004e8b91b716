//! Binary operators.

use super::error::{EvalError, execution};
use super::eval::Evaluator;
use super::syntax::{Binary, BinaryOp};
use super::value::{ABSENT, Grid, Row, Value, is_absent, unique};
use super::{matching, notes};
use crate::model::go_quoted;

fn arithmetic(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        // `</` and `>/` are defined for native histograms only.
        _ => ABSENT,
    }
}

fn compare(op: BinaryOp, a: f64, b: f64) -> Option<bool> {
    Some(match op {
        BinaryOp::Equal => a == b,
        BinaryOp::NotEqual => a != b,
        BinaryOp::Greater => a > b,
        BinaryOp::Less => a < b,
        BinaryOp::GreaterEqual => a >= b,
        BinaryOp::LessEqual => a <= b,
        _ => return None,
    })
}

/// The value of an operator for a pair; `kept` is the value of a comparison that holds.
pub(super) fn combine(op: BinaryOp, as_bool: bool, a: f64, b: f64, kept: f64) -> f64 {
    match compare(op, a, b) {
        None => arithmetic(op, a, b),
        Some(holds) if as_bool => f64::from(holds),
        Some(true) => kept,
        Some(false) => ABSENT,
    }
}

/// Evaluates a chain such as `a + b - c` from left to right, without recursion: it may be long.
pub(super) fn eval(ev: &Evaluator<'_>, expr: &Binary, grid: &Grid) -> Result<Value, EvalError> {
    let before = ev.memory.held();
    let (first, operators) = expr.chain();
    let mut value = ev.eval(first, grid)?;
    for expr in operators {
        let right = ev.eval(&expr.rhs, grid)?;
        value = apply(ev, expr, value, right, grid)?;
        ev.memory.settle(before, &value)?;
    }
    Ok(value)
}

/// Whether an operator is defined for native histograms only.
pub(super) fn is_trim(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

/// The value of an operator for its operands.
fn apply(ev: &Evaluator<'_>, expr: &Binary, left: Value, right: Value, grid: &Grid) -> Result<Value, EvalError> {
    let (op, as_bool) = (expr.op, expr.returns_bool);
    ev.check()?;
    let keeps_name = op.is_comparison() && !as_bool;
    Ok(match (left, right) {
        (Value::Scalar(_), Value::Scalar(_)) if is_trim(op) => {
            return execution(format!("operator {} not allowed for Scalar operations", go_quoted(op.symbol())));
        }
        (Value::Scalar(a), Value::Scalar(b)) => {
            Value::Scalar(a.into_iter().zip(b).map(|(a, b)| combine(op, op.is_comparison(), a, b, a)).collect())
        }
        (Value::Vector(rows), Value::Scalar(scalar)) => {
            Value::Vector(with_scalar(ev, expr, rows, &scalar, keeps_name, |v, s| combine(op, as_bool, v, s, v))?)
        }
        (Value::Scalar(scalar), Value::Vector(rows)) => {
            Value::Vector(with_scalar(ev, expr, rows, &scalar, keeps_name, |v, s| combine(op, as_bool, s, v, v))?)
        }
        (Value::Vector(left), Value::Vector(right)) => Value::Vector(matching::eval(ev, expr, left, right, grid)?),
        _ => return execution("a string is no operand"),
    })
}

fn with_scalar(
    ev: &Evaluator<'_>,
    expr: &Binary,
    rows: Vec<Row>,
    scalar: &[f64],
    keeps_name: bool,
    f: impl Fn(f64, f64) -> f64,
) -> Result<Vec<Row>, EvalError> {
    if is_trim(expr.op) && rows.iter().any(Row::has_value) {
        notes::incompatible_floats(ev, expr.range, expr.op.symbol())?;
    }
    let with = |row: Row| {
        let values = row.values.iter().zip(scalar).map(|(v, s)| if is_absent(*v) { ABSENT } else { f(*v, *s) }).collect();
        if keeps_name { Row { values, ..row } } else { ev.unnamed_row(&row.labels, values) }
    };
    unique(rows.into_iter().map(with).collect())
}
