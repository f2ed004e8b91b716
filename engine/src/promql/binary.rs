//! Binary operators, with vector matching.

use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB, TokenId,
};
use promql_parser::parser::{BinModifier, BinaryExpr, Expr, LabelModifier, VectorMatchCardinality};
use rustc_hash::FxHashMap;

use super::eval::{ABSENT, EvalError, Evaluator, Grid, OF_THE_METRIC, Row, Value, execution, is_absent, nameless, unique};
use crate::model::Labels;

fn arithmetic(op: TokenId, a: f64, b: f64) -> f64 {
    match op {
        T_ADD => a + b,
        T_SUB => a - b,
        T_MUL => a * b,
        T_DIV => a / b,
        T_MOD => a % b,
        T_POW => a.powf(b),
        T_ATAN2 => a.atan2(b),
        _ => f64::NAN,
    }
}

fn compare(op: TokenId, a: f64, b: f64) -> Option<bool> {
    Some(match op {
        T_EQLC => a == b,
        T_NEQ => a != b,
        T_GTR => a > b,
        T_LSS => a < b,
        T_GTE => a >= b,
        T_LTE => a <= b,
        _ => return None,
    })
}

/// What an operator gives for a pair; `kept` is what a comparison that holds leaves.
fn combine(op: TokenId, as_bool: bool, a: f64, b: f64, kept: f64) -> f64 {
    match compare(op, a, b) {
        None => arithmetic(op, a, b),
        Some(holds) if as_bool => f64::from(holds),
        Some(true) => kept,
        Some(false) => ABSENT,
    }
}

/// Works out a chain such as `a + b - c` from its left end on: it may be long, and each operator within the next would take
/// its part of the stack.
pub(super) fn eval(ev: &Evaluator<'_>, expr: &BinaryExpr, grid: &Grid) -> Result<Value, EvalError> {
    let before = ev.memory.held();
    let (mut chain, mut first) = (vec![expr], &*expr.lhs);
    while let Expr::Binary(inner) = first {
        chain.push(inner);
        first = &inner.lhs;
    }
    let mut value = ev.eval(first, grid)?;
    for expr in chain.into_iter().rev() {
        check_fills(expr)?;
        let right = ev.eval(&expr.rhs, grid)?;
        value = apply(ev, expr, value, right, grid)?;
        ev.memory.settle(before, &value)?;
    }
    Ok(value)
}

fn check_fills(expr: &BinaryExpr) -> Result<(), EvalError> {
    let fills = expr.modifier.as_ref().is_some_and(|m| m.fill_values.lhs.is_some() || m.fill_values.rhs.is_some());
    if fills && matches!(expr.op.id(), T_LAND | T_LOR | T_LUNLESS) {
        return Err(EvalError::Parse("filling in missing series not allowed for set operators".to_owned()));
    }
    Ok(())
}

/// What an operator makes of its sides.
fn apply(ev: &Evaluator<'_>, expr: &BinaryExpr, left: Value, right: Value, grid: &Grid) -> Result<Value, EvalError> {
    let op = expr.op.id();
    ev.check()?;
    let as_bool = expr.modifier.as_ref().is_some_and(|m| m.return_bool);
    let is_comparison = compare(op, 0.0, 0.0).is_some();
    Ok(match (left, right) {
        (Value::Scalar(a), Value::Scalar(b)) => Value::Scalar(
            a.into_iter().zip(b).map(|(a, b)| if is_comparison { combine(op, true, a, b, a) } else { arithmetic(op, a, b) }).collect(),
        ),
        (Value::Vector(rows), Value::Scalar(scalar)) => {
            Value::Vector(with_scalar(ev, rows, &scalar, is_comparison && !as_bool, |v, s| combine(op, as_bool, v, s, v))?)
        }
        (Value::Scalar(scalar), Value::Vector(rows)) => {
            Value::Vector(with_scalar(ev, rows, &scalar, is_comparison && !as_bool, |v, s| combine(op, as_bool, s, v, v))?)
        }
        (Value::Vector(left), Value::Vector(right)) => {
            let modifier = expr.modifier.as_ref();
            let key = |labels: &Labels| key_of(labels, modifier.and_then(|m| m.matching.as_ref()));
            Value::Vector(match op {
                T_LAND => and(ev, left, &right, grid, key, true)?,
                T_LUNLESS => and(ev, left, &right, grid, key, false)?,
                T_LOR => or(ev, left, right, grid, key)?,
                _ => matched(ev, op, left, right, modifier, grid, key)?,
            })
        }
        _ => return execution("a string is no operand"),
    })
}

fn with_scalar(
    ev: &Evaluator<'_>,
    rows: Vec<Row>,
    scalar: &[f64],
    keeps_name: bool,
    f: impl Fn(f64, f64) -> f64,
) -> Result<Vec<Row>, EvalError> {
    let of = |row: Row| {
        let values = row.values.iter().zip(scalar).map(|(v, s)| if is_absent(*v) { ABSENT } else { f(*v, *s) }).collect();
        if keeps_name { Row { values, ..row } } else { ev.unnamed_row(&row.labels, values) }
    };
    unique(rows.into_iter().map(of).collect())
}

/// The labels by which rows are matched.
fn key_of(labels: &Labels, matching: Option<&LabelModifier>) -> Labels {
    match matching {
        Some(LabelModifier::Include(on)) => labels.only(&on.labels.iter().map(String::as_str).collect::<Vec<_>>()),
        Some(LabelModifier::Exclude(ignoring)) => {
            let names: Vec<&str> = ignoring.labels.iter().map(String::as_str).chain(OF_THE_METRIC).collect();
            labels.without(&names)
        }
        None => nameless(labels),
    }
}

/// Rows of the left where the right has (or has not) a value under the same key.
fn and(
    ev: &Evaluator<'_>,
    left: Vec<Row>,
    right: &[Row],
    grid: &Grid,
    key: impl Fn(&Labels) -> Labels,
    wanted: bool,
) -> Result<Vec<Row>, EvalError> {
    let there = presence(ev, right, grid, &key)?;
    let none = vec![false; grid.count];
    let of = |row: Row| {
        let other = there.get(&key(&row.labels)).unwrap_or(&none);
        let values = row.values.iter().zip(other).map(|(v, there)| if *there == wanted { *v } else { ABSENT }).collect();
        Row { values, ..row }
    };
    Ok(left.into_iter().map(of).collect())
}

/// The instants at which there is a value, by key.
fn presence(
    ev: &Evaluator<'_>,
    rows: &[Row],
    grid: &Grid,
    key: &impl Fn(&Labels) -> Labels,
) -> Result<FxHashMap<Labels, Vec<bool>>, EvalError> {
    let mut there: FxHashMap<Labels, Vec<bool>> = FxHashMap::default();
    for row in rows {
        let key = key(&row.labels);
        if !there.contains_key(&key) {
            ev.hold_labels(&key)?;
            ev.memory.hold(grid.count)?;
        }
        let at = there.entry(key).or_insert_with(|| vec![false; grid.count]);
        at.iter_mut().zip(&row.values).for_each(|(there, v)| *there |= !is_absent(*v));
    }
    Ok(there)
}

fn or(ev: &Evaluator<'_>, left: Vec<Row>, right: Vec<Row>, grid: &Grid, key: impl Fn(&Labels) -> Labels) -> Result<Vec<Row>, EvalError> {
    let there = presence(ev, &left, grid, &key)?;
    let none = vec![false; grid.count];
    let mut rows = left;
    for row in right {
        let other = there.get(&key(&row.labels)).unwrap_or(&none);
        let values = row.values.iter().zip(other).map(|(v, there)| if *there { ABSENT } else { *v }).collect();
        rows.push(Row { values, ..row });
    }
    unique(rows)
}

/// One to one, many to one, one to many.
fn matched(
    ev: &Evaluator<'_>,
    op: TokenId,
    left: Vec<Row>,
    right: Vec<Row>,
    modifier: Option<&BinModifier>,
    grid: &Grid,
    key: impl Fn(&Labels) -> Labels,
) -> Result<Vec<Row>, EvalError> {
    let card = modifier.map_or(&VectorMatchCardinality::OneToOne, |m| &m.card);
    let as_bool = modifier.is_some_and(|m| m.return_bool);
    let swapped = matches!(card, VectorMatchCardinality::OneToMany(_));
    let one_to_one = matches!(card, VectorMatchCardinality::OneToOne);
    let (mut many, mut one) = if swapped { (right, left) } else { (left, right) };
    if let Some(fill) = modifier.map(|m| &m.fill_values) {
        // As in Prometheus they go by side, not by operand: `fill_left` is for the side of many, also where that is on the right.
        let more_many = fill.lhs.map(|v| filled(ev, &one, &many, v, grid, &key)).transpose()?.unwrap_or_default();
        let more_one = fill.rhs.map(|v| filled(ev, &many, &one, v, grid, &key)).transpose()?.unwrap_or_default();
        many.extend(more_many);
        one.extend(more_one);
    }
    // At each instant a key may have one row on the side of one.
    let mut ones: FxHashMap<Labels, Vec<usize>> = FxHashMap::default();
    for (at, row) in one.iter().enumerate() {
        let key = key(&row.labels);
        ev.hold_labels(&key)?;
        ones.entry(key).or_default().push(at);
    }
    let side = if swapped { "left" } else { "right" };
    // Where one side is empty nothing is matched, and nothing can be wrong.
    let fills = modifier.is_some_and(|m| m.fill_values.lhs.is_some() || m.fill_values.rhs.is_some());
    let many_there: Vec<bool> = (0..grid.count).map(|at| fills || many.iter().any(|row| !is_absent(row.values[at]))).collect();
    for (key, members) in ones.iter().filter(|(_, members)| members.len() > 1) {
        for at in (0..grid.count).filter(|at| many_there[*at]) {
            let mut there = members.iter().filter(|&&m| !is_absent(one[m].values[at]));
            if let (Some(&a), Some(&b)) = (there.next(), there.next()) {
                return execution(format!(
                    "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                    key.in_braces(),
                    one[b].labels.in_braces(),
                    one[a].labels.in_braces()
                ));
            }
        }
    }
    let mut keys: Vec<Labels> = Vec::with_capacity(many.len());
    for row in &many {
        let key = key(&row.labels);
        ev.hold_labels(&key)?;
        keys.push(key);
    }
    let mut sizes: FxHashMap<&Labels, usize> = FxHashMap::default();
    keys.iter().for_each(|key| *sizes.entry(key).or_default() += 1);
    let keeps_name = compare(op, 0.0, 0.0).is_some() && !as_bool;
    // The instants at which a key, with the labels of the result where several rows may meet one, has been matched.
    let mut matched: FxHashMap<(&Labels, Option<Labels>), Vec<bool>> = FxHashMap::default();
    let mut out: Vec<Row> = Vec::new();
    for (row, key) in many.iter().zip(&keys) {
        let Some(members) = ones.get(key) else { continue };
        for &m in members {
            let partner = &one[m];
            let later = as_bool && ev.params.delayed_names;
            let labels = result_labels(row, partner, modifier, keeps_name || later);
            // Also a comparison that then drops both has matched them.
            if sizes.get(key).is_some_and(|size| *size > 1) {
                let of_result = (!one_to_one).then(|| labels.clone());
                if !matched.contains_key(&(key, of_result.clone())) {
                    ev.hold_labels(&labels)?;
                    ev.memory.hold(grid.count)?;
                }
                let before = matched.entry((key, of_result)).or_insert_with(|| vec![false; grid.count]);
                for (before, (a, b)) in before.iter_mut().zip(row.values.iter().zip(&partner.values)) {
                    let both = !is_absent(*a) && !is_absent(*b);
                    if both && *before {
                        return execution(if one_to_one {
                            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                        } else {
                            "multiple matches for labels: grouping labels must ensure unique matches"
                        });
                    }
                    *before |= both;
                }
            }
            let of = |(a, b): (&f64, &f64)| match (is_absent(*a) || is_absent(*b), swapped) {
                (true, _) => ABSENT,
                (false, true) => combine(op, as_bool, *b, *a, *b),
                (false, false) => combine(op, as_bool, *a, *b, *a),
            };
            ev.hold_row(&labels, grid)?;
            let values = row.values.iter().zip(&partner.values).map(of).collect();
            out.push(Row { labels, values, nameless: later });
        }
    }
    ev.check()?;
    unique(out)
}

/// For each key of `there`, a row with the value where `there` has one and `missing` has none.
fn filled(
    ev: &Evaluator<'_>,
    there: &[Row],
    missing: &[Row],
    value: f64,
    grid: &Grid,
    key: &impl Fn(&Labels) -> Labels,
) -> Result<Vec<Row>, EvalError> {
    let (there, missing) = (presence(ev, there, grid, key)?, presence(ev, missing, grid, key)?);
    let none = vec![false; grid.count];
    let of = |(labels, there): (Labels, Vec<bool>)| {
        let other = missing.get(&labels).unwrap_or(&none);
        ev.hold_row(&labels, grid)?;
        let values = there.iter().zip(other).map(|(there, other)| if *there && !*other { value } else { ABSENT }).collect();
        Ok(Row::new(labels, values))
    };
    there.into_iter().map(of).collect()
}

fn result_labels(many: &Row, one: &Row, modifier: Option<&BinModifier>, keeps_name: bool) -> Labels {
    let labels = if keeps_name { many.labels.clone() } else { nameless(&many.labels) };
    match modifier.map(|m| (&m.card, m.matching.as_ref())) {
        Some((VectorMatchCardinality::ManyToOne(include) | VectorMatchCardinality::OneToMany(include), _)) => {
            include.labels.iter().fold(labels, |labels, name| labels.with(name, one.labels.get(name).unwrap_or("")))
        }
        Some((_, Some(LabelModifier::Include(on)))) => labels.only(&on.labels.iter().map(String::as_str).collect::<Vec<_>>()),
        Some((_, Some(LabelModifier::Exclude(ignoring)))) => {
            labels.without(&ignoring.labels.iter().map(String::as_str).collect::<Vec<_>>())
        }
        _ => labels,
    }
}
