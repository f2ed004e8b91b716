//! label_replace() and label_join().

use super::error::{EvalError, execution};
use super::eval::Evaluator;
use super::functions::arg;
use super::syntax::{Call, Expr};
use super::value::{Grid, Row, Value, unique};
use crate::model::{NAME_LABEL, PatternError, shown};

/// Longest label value that a query makes: a longer one would be cut.
const MAX_VALUE_BYTES: usize = 65_535;
/// What a template could make of a value at most, checked before it is expanded.
const MAX_EXPANDED_BYTES: usize = 1 << 20;

/// A label name of an aggregation or function, in the words of Prometheus if it is empty or not UTF-8.
pub(super) fn label_name(ev: &Evaluator<'_>, expr: &Expr, grid: &Grid) -> Result<String, EvalError> {
    match checked_name(ev, expr, grid)? {
        Ok(name) => Ok(name),
        Err(_) => execution(format!("invalid label name {}", expr.without_parens())),
    }
}

/// A label name, or the text that is none.
fn checked_name(ev: &Evaluator<'_>, expr: &Expr, grid: &Grid) -> Result<Result<String, String>, EvalError> {
    let name = ev.text(expr, grid)?;
    let is_text = !matches!(expr.without_parens(), Expr::Text(text) if text.invalid.is_some());
    Ok(if is_text && !name.is_empty() { Ok(name) } else { Err(name) })
}

/// `label_replace(v, target, replacement, source, pattern)`
pub(super) fn replace(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let text = |at: usize| ev.text(arg(call, at)?, grid);
    let (replacement, source, pattern) = (text(2)?, text(3)?, text(4)?);
    let regex = ev.budget().regex(&pattern);
    let regex = regex.map_err(|error| match error {
        PatternError::Invalid(..) => EvalError::Execution(format!("invalid regular expression in label_replace(): {}", shown(&pattern))),
        other => ev.pattern_error(other),
    })?;
    let target = destination(ev, call, grid)?;
    let too_long = || execution(format!("label_replace() would make values of more than {MAX_VALUE_BYTES} bytes"));
    let replaced = |row: Row| {
        let given = row.labels.get(&source).unwrap_or("");
        // Each `$1` may be the whole value: nested calls could double it each time.
        if replacement.len().saturating_mul(given.len()) > MAX_EXPANDED_BYTES {
            return too_long();
        }
        let Some([value]) = regex.expand(given, [&replacement]) else { return Ok(row) };
        if value.len() > MAX_VALUE_BYTES {
            return too_long();
        }
        with_label(ev, row, &target, &value)
    };
    let rows = ev.rows(arg(call, 0)?, grid)?.into_iter().map(replaced).collect::<Result<_, _>>()?;
    Ok(Value::Vector(unique(rows)?))
}

/// `label_join(v, target, separator, source, ...)`
pub(super) fn join(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let separator = ev.text(arg(call, 2)?, grid)?;
    let mut sources = Vec::new();
    for source in call.args.iter().skip(3) {
        match checked_name(ev, source, grid)? {
            Ok(name) => sources.push(name),
            Err(name) => return execution(format!("invalid source label name in label_join(): {name}")),
        }
    }
    let target = destination(ev, call, grid)?;
    let joined = |row: Row| {
        let parts: Vec<&str> = sources.iter().map(|s| row.labels.get(s).unwrap_or("")).collect();
        let separators = separator.len() * parts.len().saturating_sub(1);
        if parts.iter().map(|part| part.len()).sum::<usize>() + separators > MAX_VALUE_BYTES {
            return execution(format!("label_join() would make values of more than {MAX_VALUE_BYTES} bytes"));
        }
        let value = parts.join(&separator);
        with_label(ev, row, &target, &value)
    };
    let rows = ev.rows(arg(call, 0)?, grid)?.into_iter().map(joined).collect::<Result<_, _>>()?;
    Ok(Value::Vector(unique(rows)?))
}

/// The label to set.
fn destination(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<String, EvalError> {
    match checked_name(ev, arg(call, 1)?, grid)? {
        Ok(name) => Ok(name),
        Err(name) => execution(format!("invalid destination label name in {}(): {name}", call.function.name)),
    }
}

/// The row with a label set. A metric name that is set here is kept.
fn with_label(ev: &Evaluator<'_>, row: Row, name: &str, value: &str) -> Result<Row, EvalError> {
    let labels = row.labels.with(name, value);
    ev.hold_labels(&labels)?;
    Ok(Row { labels, values: row.values, drops_name: row.drops_name && name != NAME_LABEL })
}
