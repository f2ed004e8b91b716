//! Aggregations over the rows of a vector, instant by instant.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::error::{EvalError, execution};
use super::eval::Evaluator;
use super::labels::label_name;
use super::math::{go_max, go_min};
use super::statistics::{Kahan, mean, quantile};
use super::syntax::{Aggregate, AggregateOp, Expr, Grouping, TextRange};
use super::value::{ABSENT, Grid, METRIC_LABELS, Row, is_absent};
use super::{hash, notes};
use crate::model::{Labels, format_value};

/// Floats from which on, and down to which, there are no whole numbers of 64 bits.
const BEYOND_WHOLE: (f64, f64) = (-9_223_372_036_854_775_808.0, 9_223_372_036_854_774_784.0);

/// The labels by which a row is grouped.
fn group_of(labels: &Labels, grouping: &Grouping) -> Labels {
    match grouping {
        Grouping::By(by) => labels.only(&by.iter().map(String::as_str).collect::<Vec<_>>()),
        Grouping::Without(without) => labels.without(&without.iter().map(String::as_str).chain(METRIC_LABELS).collect::<Vec<_>>()),
    }
}

/// Labels of each group and the indexes of its rows.
type Groups = Vec<(Labels, Vec<usize>)>;

fn grouped(ev: &Evaluator<'_>, rows: &[Row], grouping: &Grouping) -> Result<Groups, EvalError> {
    let mut groups: Groups = Vec::new();
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    for (at, row) in rows.iter().enumerate() {
        let key = group_of(&row.labels, grouping);
        let place = match places.get(&key) {
            Some(&place) => place,
            None => {
                ev.hold_labels(&key)?;
                places.insert(key.clone(), groups.len());
                groups.push((key, Vec::new()));
                groups.len() - 1
            }
        };
        groups[place].1.push(at);
    }
    Ok(groups)
}

/// The parameter without parentheses around it. The parser has checked that there is one.
fn param(expr: &Aggregate) -> Result<&Expr, EvalError> {
    expr.param.as_ref().map(Expr::without_parens).ok_or_else(|| EvalError::Execution(format!("{}() needs a parameter", expr.op.symbol())))
}

/// Evaluates an aggregation.
pub(super) fn eval(ev: &Evaluator<'_>, expr: &Aggregate, grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let rows = ev.rows(&expr.expr, grid)?;
    ev.check()?;
    let groups = grouped(ev, &rows, &expr.grouping)?;
    match expr.op {
        AggregateOp::CountValues => {
            let label = label_name(ev, param(expr)?, grid)?;
            count_values(ev, &label, &rows, &expr.grouping, grid)
        }
        AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
            let k = ev.scalar(param(expr)?, grid)?;
            select(ev, expr.op, &k, rows, &groups, grid)
        }
        AggregateOp::LimitRatio => {
            let ratio = ev.scalar(param(expr)?, grid)?;
            limit_ratio(ev, param(expr)?.range(), &ratio, rows)
        }
        AggregateOp::Quantile => {
            let q = ev.scalar(param(expr)?, grid)?;
            let (lowest, highest) = extremes(&q);
            notes::check_quantile(ev, param(expr)?.range(), highest)?;
            if lowest < 0.0 {
                notes::check_quantile(ev, param(expr)?.range(), lowest)?;
            }
            reduce(ev, &rows, &groups, grid, |at, values| quantile(q[at], values))
        }
        AggregateOp::Sum => sums(ev, &rows, groups, grid),
        AggregateOp::Avg => reduce(ev, &rows, &groups, grid, |_, values| mean(values)),
        AggregateOp::Count => reduce(ev, &rows, &groups, grid, |_, values| values.len() as f64),
        AggregateOp::Group => reduce(ev, &rows, &groups, grid, |_, _| 1.0),
        AggregateOp::Min => reduce(ev, &rows, &groups, grid, |_, values| fold(values, |a, b| b < a)),
        AggregateOp::Max => reduce(ev, &rows, &groups, grid, |_, values| fold(values, |a, b| b > a)),
        AggregateOp::Stddev => reduce(ev, &rows, &groups, grid, |_, values| variance(values).sqrt()),
        AggregateOp::Stdvar => reduce(ev, &rows, &groups, grid, |_, values| variance(values)),
    }
}

/// Whether a group that has a metric name drops it at the end: if any of its members does.
fn drops_name(rows: &[Row], labels: &Labels, members: &[usize]) -> bool {
    METRIC_LABELS.iter().any(|name| labels.get(name).is_some()) && members.iter().any(|&m| rows[m].drops_name)
}

/// The best value; NaN only where there is nothing else.
fn fold(values: &[f64], better: impl Fn(f64, f64) -> bool) -> f64 {
    values.iter().copied().reduce(|best, v| if better(best, v) || best.is_nan() { v } else { best }).unwrap_or(ABSENT)
}

fn reduce(
    ev: &Evaluator<'_>,
    rows: &[Row],
    groups: &Groups,
    grid: &Grid,
    f: impl Fn(usize, &mut [f64]) -> f64,
) -> Result<Vec<Row>, EvalError> {
    let mut there = Vec::new();
    let of = |(labels, members): &(Labels, Vec<usize>)| {
        let mut value = |at: usize| {
            there.clear();
            there.extend(members.iter().map(|&m| rows[m].values[at]).filter(|v| !is_absent(*v)));
            if there.is_empty() { ABSENT } else { f(at, &mut there) }
        };
        ev.hold_row(labels, grid)?;
        let values = (0..grid.count).map(&mut value).collect();
        ev.check()?;
        Ok(Row { labels: labels.clone(), values, drops_name: drops_name(rows, labels, members) })
    };
    groups.iter().map(of).collect()
}

/// Row by row instead of instant by instant: memory is read in order.
fn sums(ev: &Evaluator<'_>, rows: &[Row], groups: Groups, grid: &Grid) -> Result<Vec<Row>, EvalError> {
    // The totals of one group, which go before those of the next come.
    ev.memory.hold(grid.count * size_of::<Option<Kahan>>())?;
    let of = |(labels, members): (Labels, Vec<usize>)| {
        ev.hold_row(&labels, grid)?;
        let mut totals: Vec<Option<Kahan>> = vec![None; grid.count];
        for &m in &members {
            for (total, &v) in totals.iter_mut().zip(&rows[m].values).filter(|(_, v)| !is_absent(**v)) {
                total.get_or_insert_default().add(v);
            }
        }
        let drops_name = drops_name(rows, &labels, &members);
        let values = totals.iter().map(|total| total.map_or(ABSENT, Kahan::total)).collect();
        Ok(Row { labels, values, drops_name })
    };
    groups.into_iter().map(of).collect()
}

/// A number without an exponent, as the label of count_values has it.
fn plain(v: f64) -> String {
    if v.is_finite() { format!("{v}") } else { format_value(v) }
}

/// The smallest and largest of some numbers; NaN where one is.
fn extremes(values: &[f64]) -> (f64, f64) {
    let all = |f: fn(f64, f64) -> f64| values.iter().copied().reduce(f).unwrap_or(0.0);
    (all(go_min), all(go_max))
}

/// Variance of the population: Welford (1962).
fn variance(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut m2) = (0.0, 0.0, 0.0);
    for v in values {
        count += 1.0;
        let delta = v - mean;
        mean += delta / count;
        m2 += delta * (v - mean);
    }
    m2 / count
}

/// How many rows have each value, which becomes a label and is grouped by.
fn count_values(ev: &Evaluator<'_>, label: &str, rows: &[Row], grouping: &Grouping, grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let mut grouping = grouping.clone();
    if let Grouping::By(by) = &mut grouping {
        by.push(label.to_owned());
    }
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut out: Vec<Row> = Vec::new();
    for row in rows {
        // A row has few values: each is grouped once.
        let mut by_value: BTreeMap<u64, usize> = BTreeMap::new();
        for (at, v) in row.values.iter().enumerate().filter(|(_, v)| !is_absent(**v)) {
            let place = match by_value.get(&v.to_bits()) {
                Some(&place) => place,
                None => {
                    let labels = group_of(&row.labels.with(label, &plain(*v)), &grouping);
                    let place = match places.get(&labels) {
                        Some(&place) => place,
                        None => {
                            out.push(Row::new(labels.clone(), ev.empty_row(&labels, grid)?));
                            places.insert(labels, out.len() - 1);
                            ev.check()?;
                            out.len() - 1
                        }
                    };
                    by_value.insert(v.to_bits(), place);
                    place
                }
            };
            let count = &mut out[place].values[at];
            *count = if is_absent(*count) { 1.0 } else { *count + 1.0 };
        }
    }
    Ok(out)
}

/// topk, bottomk, limitk: rows of each group as they are, at the instants where they are chosen.
fn select(ev: &Evaluator<'_>, op: AggregateOp, k: &[f64], rows: Vec<Row>, groups: &Groups, grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let (lowest, highest) = extremes(k);
    if highest < 1.0 {
        return Ok(Vec::new());
    }
    if highest.is_nan() || lowest.is_nan() {
        return execution("Parameter value is NaN");
    }
    if lowest <= BEYOND_WHOLE.0 {
        return execution(format!("Scalar value {} underflows int64", notes::number(lowest)));
    }
    if highest >= BEYOND_WHOLE.1 {
        return execution(format!("Scalar value {} overflows int64", notes::number(highest)));
    }
    ev.hold_values(rows.len().saturating_mul(grid.count))?;
    let mut chosen: Vec<Vec<f64>> = rows.iter().map(|row| vec![ABSENT; row.values.len()]).collect();
    let mut order: Vec<usize> = Vec::new();
    for (_, members) in groups {
        for at in 0..grid.count {
            let wanted = if k[at] < 1.0 { 0 } else { k[at] as usize };
            let mut there: Vec<usize> = members.iter().copied().filter(|&m| !is_absent(rows[m].values[at])).collect();
            if op != AggregateOp::Limitk {
                // NaN is the worst of all.
                there.sort_by(|&a, &b| {
                    let (a, b) = (rows[a].values[at], rows[b].values[at]);
                    let by_value = if op == AggregateOp::Topk { b.partial_cmp(&a) } else { a.partial_cmp(&b) };
                    by_value.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
                });
            }
            there.truncate(wanted);
            for m in there {
                chosen[m][at] = rows[m].values[at];
                if grid.count == 1 {
                    order.push(m);
                }
            }
        }
    }
    let mut rows: Vec<Option<Row>> = rows.into_iter().zip(chosen).map(|(row, values)| Some(Row { values, ..row })).collect();
    if grid.count == 1 {
        return Ok(order.into_iter().filter_map(|m| rows[m].take()).collect());
    }
    Ok(rows.into_iter().flatten().filter(|row| row.values.iter().any(|v| !is_absent(*v))).collect())
}

/// A part of the series, the same at each instant: by a hash of their labels.
fn limit_ratio(ev: &Evaluator<'_>, about: TextRange, ratio: &[f64], rows: Vec<Row>) -> Result<Vec<Row>, EvalError> {
    let (lowest, highest) = extremes(ratio);
    if lowest == 0.0 && highest == 0.0 {
        return Ok(Vec::new());
    }
    if lowest.is_nan() || highest.is_nan() {
        return execution("Ratio value is NaN");
    }
    if highest > 1.0 {
        notes::capped_ratio(ev, about, highest, 1.0)?;
    }
    if lowest < -1.0 {
        notes::capped_ratio(ev, about, lowest, -1.0)?;
    }
    let keep = |row: Row| {
        let at = hash::of(&row.labels) as f64 / u64::MAX as f64;
        let chosen = |(n, v): (usize, f64)| {
            let r = ratio[n].clamp(-1.0, 1.0);
            if (r >= 0.0 && at < r) || (r < 0.0 && at >= 1.0 + r) { v } else { ABSENT }
        };
        Row { values: row.values.into_iter().enumerate().map(chosen).collect(), ..row }
    };
    Ok(rows.into_iter().map(keep).collect())
}
