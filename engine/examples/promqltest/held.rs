//! A query held at an instant with `@`: what it gives must not depend on when it is asked.

use promql_parser::parser::{AtModifier, Expr};
use taskpulse_engine::model::TimestampMs;

/// Functions whose answer follows the instant that asks.
const OF_THE_ASKING: [&str; 14] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "time",
    "timestamp",
    "start",
    "end",
    "info",
];

/// Holds every selector that is not held yet, except within subqueries, which are held themselves; false where a function
/// follows the instant that asks.
pub fn hold(expr: &mut Expr, at: TimestampMs) -> bool {
    let modifier = || AtModifier::try_from(at as f64 / 1e3).ok();
    match expr {
        Expr::VectorSelector(selector) => {
            selector.at = selector.at.take().or_else(modifier);
            true
        }
        Expr::MatrixSelector(matrix) => {
            matrix.vs.at = matrix.vs.at.take().or_else(modifier);
            true
        }
        Expr::Subquery(subquery) => {
            // What is within has instants of its own.
            subquery.at = subquery.at.take().or_else(modifier);
            true
        }
        Expr::Call(call) => {
            let args = call.args.args.iter_mut().fold(true, |all, arg| all & hold(arg, at));
            args && !OF_THE_ASKING.contains(&call.func.name)
        }
        Expr::Aggregate(aggregate) => {
            let param = aggregate.param.as_mut().is_none_or(|param| hold(param, at));
            hold(&mut aggregate.expr, at) && param
        }
        Expr::Binary(binary) => hold(&mut binary.lhs, at) & hold(&mut binary.rhs, at),
        Expr::Unary(unary) => hold(&mut unary.expr, at),
        Expr::Paren(paren) => hold(&mut paren.expr, at),
        _ => true,
    }
}
