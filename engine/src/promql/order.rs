//! Functions that sort. Only instant queries keep the order.

use std::cmp::Ordering;

use super::error::EvalError;
use super::eval::Evaluator;
use super::functions::arg;
use super::syntax::Call;
use super::value::{Grid, Row, Value};

pub(super) fn sort(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    Ok(Value::Vector(by_value(ev.rows(arg(call, 0)?, grid)?, false)))
}

pub(super) fn sort_desc(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    Ok(Value::Vector(by_value(ev.rows(arg(call, 0)?, grid)?, true)))
}

pub(super) fn sort_by_label(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    by_labels(ev, call, grid, |order| order)
}

pub(super) fn sort_by_label_desc(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    by_labels(ev, call, grid, Ordering::reverse)
}

/// By value at the first instant, NaN last.
fn by_value(mut rows: Vec<Row>, descending: bool) -> Vec<Row> {
    let key = |row: &Row| row.values.first().copied().unwrap_or(f64::NAN);
    rows.retain(Row::has_value);
    rows.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        let order = if descending { b.partial_cmp(&a) } else { a.partial_cmp(&b) };
        order.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    });
    rows
}

fn by_labels(ev: &Evaluator<'_>, call: &Call, grid: &Grid, direction: fn(Ordering) -> Ordering) -> Result<Value, EvalError> {
    let labels = call.args.iter().skip(1).map(|label| ev.text(label, grid)).collect::<Result<Vec<_>, _>>()?;
    let mut rows = ev.rows(arg(call, 0)?, grid)?;
    rows.sort_by(|a, b| {
        let by = labels.iter().map(|l| natural(a.labels.get(l).unwrap_or(""), b.labels.get(l).unwrap_or("")));
        direction(by.fold(Ordering::Equal, Ordering::then).then_with(|| a.labels.cmp_pairs(&b.labels)))
    });
    Ok(Value::Vector(rows))
}

/// The first run of digits, or of anything else, and what follows it.
fn chunk(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    text.split_at(text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len()))
}

/// Natural order of texts, chunk by chunk: digits by their number, everything else as text.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let ((x, rest_of_a), (y, rest_of_b)) = (chunk(a), chunk(b));
        let order = match (x.parse::<i64>(), y.parse::<i64>()) {
            (Ok(x), Ok(y)) => x.cmp(&y),
            _ => x.cmp(y),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_of_a, rest_of_b);
    }
    a.len().cmp(&b.len())
}
