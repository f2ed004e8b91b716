//! absent() and absent_over_time().

use super::error::EvalError;
use super::eval::Evaluator;
use super::extended;
use super::functions::arg;
use super::syntax::{Call, Expr, LabelOp};
use super::value::{ABSENT, Grid, Row, Value, is_absent};
use crate::model::{Labels, NAME_LABEL};

/// 1 where no row has a value.
pub(super) fn absent(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let expr = arg(call, 0)?;
    let rows = ev.rows(expr, grid)?;
    let present = |at: usize| rows.iter().any(|row| !is_absent(row.values[at]));
    let values = ev.each_instant(grid, |at| if present(at) { ABSENT } else { 1.0 })?;
    Ok(Value::Vector(vec![Row::new(asked_labels(expr), values)]))
}

/// 1 where no series has a sample in the range.
pub(super) fn absent_over_time(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let expr = arg(call, 0)?;
    if let Expr::Matrix(matrix) = expr
        && let Some(modifier) = matrix.selector.extended
    {
        return extended::refuse(modifier, call.function.name);
    }
    ev.hold_values(2 * grid.count)?;
    let mut present = vec![false; grid.count];
    ev.matrix(expr, grid, &mut |_, series| {
        for (at, t) in grid.times().enumerate() {
            let (from, to) = series.within(t);
            present[at] |= from < to;
        }
        Ok(())
    })?;
    let values = present.into_iter().map(|present| if present { ABSENT } else { 1.0 }).collect();
    Ok(Value::Vector(vec![Row::new(asked_labels(expr), values)]))
}

/// The labels that a selector asks for by equality.
fn asked_labels(expr: &Expr) -> Labels {
    let selector = match expr {
        Expr::Vector(selector) => selector,
        Expr::Matrix(matrix) => &matrix.selector,
        _ => return Labels::none(),
    };
    // The first equality counts, unless the label has another matcher after it.
    let (mut pairs, mut seen): (Vec<(&str, &str)>, Vec<&str>) = (Vec::new(), Vec::new());
    for matcher in selector.matchers.iter().filter(|m| m.name != NAME_LABEL) {
        if matcher.op == LabelOp::Equal && !seen.contains(&matcher.name.as_str()) {
            seen.push(&matcher.name);
            pairs.push((&matcher.name, &matcher.value));
        } else {
            pairs.retain(|(name, _)| *name != matcher.name);
        }
    }
    Labels::of(pairs)
}
