//! Functions of instant vectors and scalars: mathematics, time, labels, sorting.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use promql_parser::label::MatchOp;
use promql_parser::parser::Expr;

use super::eval::{ABSENT, EvalError, Evaluator, Grid, Row, Value, execution, is_absent, strip, unique};
use super::selector::shown;
use crate::model::{Labels, NAME_LABEL, TimestampMs};

/// Applies a function to every value; the metric name goes.
pub(super) fn map(ev: &Evaluator<'_>, rows: Vec<Row>, f: impl Fn(f64) -> f64) -> Vec<Row> {
    let each = |values: Vec<f64>| values.into_iter().map(|v| if is_absent(v) { v } else { f(v) }).collect();
    rows.into_iter().map(|row| ev.unnamed_row(&row.labels, each(row.values))).collect()
}

/// As [`map`], with the place of the instant.
fn map_at(ev: &Evaluator<'_>, rows: Vec<Row>, f: impl Fn(f64, usize) -> f64) -> Vec<Row> {
    let each = |values: Vec<f64>| values.into_iter().enumerate().map(|(at, v)| if is_absent(v) { v } else { f(v, at) }).collect();
    rows.into_iter().map(|row| ev.unnamed_row(&row.labels, each(row.values))).collect()
}

fn simple(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "rad" => |v| v * std::f64::consts::PI / 180.0,
        "deg" => |v| v * 180.0 / std::f64::consts::PI,
        "sgn" => |v| {
            if v > 0.0 {
                1.0
            } else if v < 0.0 {
                -1.0
            } else {
                v
            }
        },
        _ => return None,
    })
}

/// Parts of the date at a time in seconds.
fn calendar(name: &str) -> Option<fn(f64) -> f64> {
    fn date(seconds: f64) -> Option<jiff::Zoned> {
        // Cut towards zero, as a conversion to whole seconds does.
        Some(Timestamp::from_second(seconds as i64).ok()?.to_zoned(TimeZone::UTC))
    }
    fn part(seconds: f64, of: impl Fn(&jiff::Zoned) -> i64) -> f64 {
        if seconds.is_finite() { date(seconds).map_or(f64::NAN, |d| of(&d) as f64) } else { f64::NAN }
    }
    Some(match name {
        "minute" => |v| part(v, |d| d.minute().into()),
        "hour" => |v| part(v, |d| d.hour().into()),
        "day_of_month" => |v| part(v, |d| d.day().into()),
        "day_of_week" => |v| part(v, |d| d.weekday().to_sunday_zero_offset().into()),
        "day_of_year" => |v| part(v, |d| d.day_of_year().into()),
        "days_in_month" => |v| part(v, |d| d.days_in_month().into()),
        "month" => |v| part(v, |d| d.month().into()),
        "year" => |v| part(v, |d| d.year().into()),
        _ => return None,
    })
}

fn seconds(t: TimestampMs) -> f64 {
    t as f64 / 1e3
}

pub(super) fn call(ev: &Evaluator<'_>, name: &str, args: &[Box<Expr>], grid: &Grid) -> Result<Value, EvalError> {
    if let Some(f) = simple(name) {
        return Ok(Value::Vector(unique(map(ev, ev.rows(arg(args, 0)?, grid)?, f))?));
    }
    if let Some(f) = calendar(name) {
        return Ok(Value::Vector(match args.first() {
            Some(expr) => unique(map(ev, ev.rows(expr, grid)?, f))?,
            None => vec![Row::new(Labels::none(), ev.each_instant(grid, |at| f(seconds(grid.time(at))))?)],
        }));
    }
    let rows = |at: usize| ev.rows(arg(args, at)?, grid);
    let scalar = |at: usize| ev.scalar(arg(args, at)?, grid);
    Ok(match name {
        "start" => Value::Scalar(ev.constant(seconds(ev.params.start), grid)?),
        "end" => Value::Scalar(ev.constant(seconds(ev.params.end), grid)?),
        "range" => Value::Scalar(ev.constant(seconds(ev.params.end - ev.params.start), grid)?),
        "step" => Value::Scalar(ev.constant(if ev.params.end > ev.params.start { seconds(ev.params.step) } else { 0.0 }, grid)?),
        "time" => Value::Scalar(ev.each_instant(grid, |at| seconds(grid.time(at)))?),
        "pi" => Value::Scalar(ev.constant(std::f64::consts::PI, grid)?),
        "vector" => Value::Vector(vec![Row::new(Labels::none(), scalar(0)?)]),
        "scalar" => {
            let rows = rows(0)?;
            let one = |at: usize| {
                let mut there = rows.iter().map(|row| row.values[at]).filter(|v| !is_absent(*v));
                match (there.next(), there.next()) {
                    (Some(v), None) => v,
                    _ => f64::NAN,
                }
            };
            Value::Scalar(ev.each_instant(grid, one)?)
        }
        "timestamp" => Value::Vector(unique(match strip(arg(args, 0)?) {
            Expr::VectorSelector(selector) => map(ev, ev.vector(selector, grid, true)?, |v| v),
            other => map_at(ev, ev.rows(other, grid)?, |_, at| seconds(grid.time(at))),
        })?),
        "absent" => Value::Vector(absent(ev, arg(args, 0)?, &rows(0)?, grid)?),
        "round" => {
            let to = if args.len() > 1 { scalar(1)? } else { ev.constant(1.0, grid)? };
            // By the inverse, as Prometheus does: fewer surprises with 0.1.
            let round = |v: f64, at: usize| {
                let inverse = 1.0 / to[at];
                (v * inverse + 0.5).floor() / inverse
            };
            Value::Vector(unique(map_at(ev, rows(0)?, round))?)
        }
        "clamp" => {
            let (low, high) = (scalar(1)?, scalar(2)?);
            let clamped = map_at(ev, rows(0)?, |v, at| if high[at] < low[at] { ABSENT } else { go_max(low[at], go_min(high[at], v)) });
            Value::Vector(unique(clamped)?)
        }
        "clamp_min" => {
            let low = scalar(1)?;
            Value::Vector(unique(map_at(ev, rows(0)?, |v, at| go_max(low[at], v)))?)
        }
        "min_of" | "max_of" => {
            let f = if name == "min_of" { go_min } else { go_max };
            Value::Scalar(scalar(0)?.into_iter().zip(scalar(1)?).map(|(a, b)| f(a, b)).collect())
        }
        "clamp_max" => {
            let high = scalar(1)?;
            Value::Vector(unique(map_at(ev, rows(0)?, |v, at| go_min(high[at], v)))?)
        }
        "sort" | "sort_desc" => Value::Vector(sorted(rows(0)?, name == "sort_desc")),
        "sort_by_label" | "sort_by_label_desc" => {
            let labels = (1..args.len()).map(|at| ev.text(&args[at], grid)).collect::<Result<Vec<_>, _>>()?;
            let mut rows = rows(0)?;
            rows.sort_by(|a, b| {
                let by = labels.iter().map(|l| natural(a.labels.get(l).unwrap_or(""), b.labels.get(l).unwrap_or("")));
                let order = by.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then_with(|| a.labels.cmp_pairs(&b.labels));
                if name.ends_with("_desc") { order.reverse() } else { order }
            });
            Value::Vector(rows)
        }
        "label_replace" => Value::Vector(label_replace(ev, args, grid)?),
        "label_join" => Value::Vector(label_join(ev, args, grid)?),
        _ => return execution(format!("the function {name}() is not supported")),
    })
}

/// Go's `math.Max`: NaN if either is, except beside the largest of all.
pub(super) fn go_max(a: f64, b: f64) -> f64 {
    let largest = a == f64::INFINITY || b == f64::INFINITY;
    if (a.is_nan() || b.is_nan()) && !largest { f64::NAN } else { a.max(b) }
}

/// Go's `math.Min`: NaN if either is, except beside the smallest of all.
pub(super) fn go_min(a: f64, b: f64) -> f64 {
    let smallest = a == f64::NEG_INFINITY || b == f64::NEG_INFINITY;
    if (a.is_nan() || b.is_nan()) && !smallest { f64::NAN } else { a.min(b) }
}

pub(super) fn arg(args: &[Box<Expr>], at: usize) -> Result<&Expr, EvalError> {
    args.get(at).map(AsRef::as_ref).ok_or_else(|| EvalError::Parse(format!("argument {} is missing", at + 1)))
}

/// By value at the first instant, NaN last; only instant queries show an order.
fn sorted(mut rows: Vec<Row>, descending: bool) -> Vec<Row> {
    let key = |row: &Row| row.values.first().copied().unwrap_or(f64::NAN);
    rows.retain(|row| row.values.iter().any(|v| !is_absent(*v)));
    rows.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        let order = if descending { b.partial_cmp(&a) } else { a.partial_cmp(&b) };
        order.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    });
    rows
}

/// The first run of digits, or of anything else, and what follows it.
fn chunk(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    text.split_at(text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len()))
}

/// Natural order of texts, run by run: digits by their number, everything else as text.
fn natural(a: &str, b: &str) -> std::cmp::Ordering {
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

/// 1 where no row has a value, under the labels that the selector asks for by equality.
fn absent(ev: &Evaluator<'_>, expr: &Expr, rows: &[Row], grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let there = |at: usize| rows.iter().any(|row| !is_absent(row.values[at]));
    let values = ev.each_instant(grid, |at| if there(at) { ABSENT } else { 1.0 })?;
    Ok(vec![Row::new(absent_labels(expr)?, values)])
}

pub(super) fn absent_labels(expr: &Expr) -> Result<Labels, EvalError> {
    let selector = match strip(expr) {
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(matrix) => &matrix.vs,
        _ => return Ok(Labels::none()),
    };
    if !selector.matchers.or_matchers.is_empty() {
        return Ok(Labels::none());
    }
    // The first equality counts, unless the label is asked for once more behind it.
    let (mut pairs, mut seen): (Vec<(&str, &str)>, Vec<&str>) = (Vec::new(), Vec::new());
    for matcher in selector.matchers.matchers.iter().filter(|m| m.name != NAME_LABEL) {
        match &matcher.op {
            MatchOp::Equal if !seen.contains(&matcher.name.as_str()) => {
                seen.push(&matcher.name);
                pairs.push((&matcher.name, &matcher.value));
            }
            _ => pairs.retain(|(name, _)| *name != matcher.name),
        }
    }
    Ok(Labels::of(pairs))
}

/// Longest label value that a query makes: a longer one would be cut.
const MAX_VALUE_BYTES: usize = 65_535;
/// What a template could make of a value, at the most, where it is tried.
const MAX_EXPANDED_BYTES: usize = 1 << 20;

fn is_label_name(name: &str) -> bool {
    !name.is_empty()
}

fn label_replace(ev: &Evaluator<'_>, args: &[Box<Expr>], grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let text = |at: usize| ev.text(arg(args, at)?, grid);
    let (target, replacement, source, pattern) = (text(1)?, text(2)?, text(3)?, text(4)?);
    let regex = ev.regex(&pattern).map_err(|error| match error {
        EvalError::Parse(_) => EvalError::Execution(format!("invalid regular expression in label_replace(): {}", shown(&pattern))),
        other => other,
    })?;
    if !is_label_name(&target) {
        return execution(format!("invalid destination label name in label_replace(): {target}"));
    }
    let replaced = |row: Row| {
        let given = row.labels.get(&source).unwrap_or("");
        // Each `$1` may stand for all of it: one call within another could double a value each time.
        if replacement.len().saturating_mul(given.len()) > MAX_EXPANDED_BYTES {
            return execution(format!("label_replace() would make values of more than {MAX_VALUE_BYTES} bytes"));
        }
        let Some([value]) = regex.expand(given, [&replacement]) else { return Ok(row) };
        if value.len() > MAX_VALUE_BYTES {
            return execution(format!("label_replace() would make values of more than {MAX_VALUE_BYTES} bytes"));
        }
        let labels = row.labels.with(&target, &value);
        ev.hold_labels(&labels)?;
        Ok(Row { labels, values: row.values, nameless: row.nameless && target != NAME_LABEL })
    };
    unique(ev.rows(arg(args, 0)?, grid)?.into_iter().map(replaced).collect::<Result<_, _>>()?)
}

fn label_join(ev: &Evaluator<'_>, args: &[Box<Expr>], grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let texts = (1..args.len()).map(|at| ev.text(&args[at], grid)).collect::<Result<Vec<_>, _>>()?;
    let [target, separator, sources @ ..] = texts.as_slice() else { return execution("label_join() needs a target label and a separator") };
    if let Some(source) = sources.iter().find(|source| !is_label_name(source)) {
        return execution(format!("invalid source label name in label_join(): {source}"));
    }
    if !is_label_name(target) {
        return execution(format!("invalid destination label name in label_join(): {target}"));
    }
    let joined = |row: Row| {
        let parts: Vec<&str> = sources.iter().map(|s| row.labels.get(s).unwrap_or("")).collect();
        if parts.iter().map(|part| part.len()).sum::<usize>() + separator.len() * parts.len().saturating_sub(1) > MAX_VALUE_BYTES {
            return execution(format!("label_join() would make values of more than {MAX_VALUE_BYTES} bytes"));
        }
        let nameless = row.nameless && target != NAME_LABEL;
        let labels = row.labels.with(target, &parts.join(separator));
        ev.hold_labels(&labels)?;
        Ok(Row { labels, values: row.values, nameless })
    };
    unique(ev.rows(arg(args, 0)?, grid)?.into_iter().map(joined).collect::<Result<_, _>>()?)
}
