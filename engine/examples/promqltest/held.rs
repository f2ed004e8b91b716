//! A query held at an instant with `@`: its value must not depend on when it is evaluated.

use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::promql::syntax::{At, Expr};

/// Functions whose value depends on the evaluated instant.
const OF_THE_INSTANT: [&str; 14] = [
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

/// Holds every selector that is not held yet, except within subqueries, which are held themselves; false if a function
/// depends on the evaluated instant.
pub fn hold(expr: &mut Expr, time: TimestampMs) -> bool {
    match expr {
        Expr::Number(_) | Expr::Text(_) => true,
        Expr::Vector(selector) => {
            selector.at.get_or_insert(At::Time(time));
            true
        }
        Expr::Matrix(matrix) => {
            matrix.selector.at.get_or_insert(At::Time(time));
            true
        }
        Expr::Subquery(subquery) => {
            // The expression within has instants of its own.
            subquery.at.get_or_insert(At::Time(time));
            true
        }
        Expr::Call(call) => {
            let args = call.args.iter_mut().fold(true, |all, arg| all & hold(arg, time));
            args && !OF_THE_INSTANT.contains(&call.function.name)
        }
        Expr::Aggregate(aggregate) => {
            let param = aggregate.param.as_mut().is_none_or(|param| hold(param, time));
            hold(&mut aggregate.expr, time) && param
        }
        Expr::Binary(binary) => hold(&mut binary.lhs, time) & hold(&mut binary.rhs, time),
        Expr::Unary(unary) => hold(&mut unary.expr, time),
        Expr::Paren(paren) => hold(&mut paren.expr, time),
    }
}
