//! Functions of classic histograms: counts by upper bound in the label `le`.
//!
//! Native histograms are not kept by the store, so functions that need them answer nothing.

use rustc_hash::FxHashMap;

use super::error::EvalError;
use super::eval::Evaluator;
use super::functions::arg;
use super::labels::label_name;
use super::notes;
use super::syntax::{Call, Expr, TextRange};
use super::value::{ABSENT, Grid, Row, Value, is_absent, unique};
use crate::model::Labels;

const LE: &str = "le";
/// Counts that differ by less than this part are the same: rates of buckets are not taken at the same moment.
const TOLERANCE: f64 = 1e-12;

struct Histogram {
    /// All but the bound.
    labels: Labels,
    /// Upper bounds and where their rows are.
    buckets: Vec<(f64, usize)>,
}

/// Rows that are buckets, by their other labels.
fn histograms(ev: &Evaluator<'_>, about: TextRange, rows: &[Row]) -> Result<Vec<Histogram>, EvalError> {
    let mut found: Vec<Histogram> = Vec::new();
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    for (at, row) in rows.iter().enumerate() {
        let text = row.labels.get(LE).unwrap_or("");
        let Ok(bound) = text.parse::<f64>() else {
            if row.values.iter().any(|v| !is_absent(*v)) {
                notes::bad_bucket(ev, about, if ev.params.delayed_names { row.labels.name() } else { "" }, text)?;
            }
            continue;
        };
        let labels = row.labels.without(&[LE]);
        ev.hold_labels(&labels)?;
        let place = *places.entry(labels.clone()).or_insert_with(|| {
            found.push(Histogram { labels, buckets: Vec::new() });
            found.len() - 1
        });
        found[place].buckets.push((bound, at));
    }
    found.iter_mut().for_each(|h| h.buckets.sort_by(|a, b| a.0.total_cmp(&b.0)));
    Ok(found)
}

/// The buckets at an instant, those of equal bounds together.
fn at_instant(histogram: &Histogram, rows: &[Row], at: usize) -> Vec<(f64, f64)> {
    let mut buckets: Vec<(f64, f64)> = Vec::with_capacity(histogram.buckets.len());
    for &(bound, row) in &histogram.buckets {
        let count = rows[row].values[at];
        if is_absent(count) {
            continue;
        }
        match buckets.last_mut() {
            Some(last) if last.0 == bound => last.1 += count,
            _ => buckets.push((bound, count)),
        }
    }
    buckets
}

/// Counts that never fall: what differs by rounding alone is made equal, what falls is lifted; true where that was needed.
fn lift(buckets: &mut [(f64, f64)]) -> bool {
    let mut lifted = false;
    let Some(mut before) = buckets.first().map(|b| b.1) else { return false };
    for (_, count) in &mut buckets[1..] {
        if *count == before {
            continue;
        }
        let near = nearly(before, *count);
        if near || *count < before {
            *count = before;
            lifted |= !near;
        } else {
            before = *count;
        }
    }
    lifted
}

fn nearly(a: f64, b: f64) -> bool {
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

/// The quantile of a cumulative distribution, linear within a bucket (promql/quantile.go, `BucketQuantile`), and whether
/// counts had to be lifted for it.
fn bucket_quantile(q: f64, mut buckets: Vec<(f64, f64)>) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    if buckets.last().is_none_or(|top| top.0 != f64::INFINITY) {
        return (f64::NAN, false);
    }
    let lifted = lift(&mut buckets);
    let last = buckets.len() - 1;
    let total = buckets[last].1;
    if last == 0 || total == 0.0 {
        return (f64::NAN, false);
    }
    let mut rank = q * total;
    let place = buckets[..last].partition_point(|(_, count)| *count < rank || rank.is_nan());
    if place == last {
        return (buckets[last - 1].0, lifted);
    }
    if place == 0 && buckets[0].0 <= 0.0 {
        return (buckets[0].0, lifted);
    }
    let (mut low, high) = (0.0, buckets[place].0);
    let mut count = buckets[place].1;
    if place > 0 {
        low = buckets[place - 1].0;
        count -= buckets[place - 1].1;
        rank -= buckets[place - 1].1;
    }
    (low + (high - low) * (rank / count), lifted)
}

/// The part of the observations within `(low, high]` (promql/quantile.go, `BucketFraction`).
fn bucket_fraction(low: f64, high: f64, buckets: &[(f64, f64)]) -> f64 {
    let Some(&(top, total)) = buckets.last() else { return f64::NAN };
    if top != f64::INFINITY || total == 0.0 || low.is_nan() || high.is_nan() {
        return f64::NAN;
    }
    if low >= high {
        return 0.0;
    }
    // Observations are taken to be positive where the lowest bound is.
    let lowest = if buckets[0].0 <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let below = |bound: f64| -> f64 {
        let (mut lower, mut rank) = (lowest, 0.0);
        for &(upper, count) in buckets {
            if lower >= bound {
                return rank;
            }
            if upper > bound {
                // Within a bucket without a lower end nothing is known: all of it counts.
                return if lower == f64::NEG_INFINITY { count } else { rank + (count - rank) * (bound - lower) / (upper - lower) };
            }
            (lower, rank) = (upper, count);
        }
        total
    };
    let within = |rank: f64| if rank > total { total } else { rank };
    (within(below(high)) - within(below(low))) / total
}

/// A quantile per instant of the histograms in `rows`; `label` is set to the quantile.
fn quantiles(
    ev: &Evaluator<'_>,
    (of_q, q): (TextRange, &[f64]),
    label: Option<&str>,
    (of_rows, rows): (TextRange, &[Row]),
    grid: &Grid,
) -> Result<Vec<Row>, EvalError> {
    q.iter().try_for_each(|q| notes::check_quantile(ev, of_q, *q))?;
    let mut out = Vec::new();
    for histogram in histograms(ev, of_rows, rows)? {
        let mut any_lifted = false;
        let quantile = |at: usize| {
            let buckets = at_instant(&histogram, rows, at);
            if buckets.is_empty() {
                return ABSENT;
            }
            let (value, lifted) = bucket_quantile(q[at], buckets);
            any_lifted |= lifted;
            value
        };
        ev.hold_row(&histogram.labels, grid)?;
        let values: Vec<f64> = (0..grid.count).map(quantile).collect();
        if any_lifted {
            notes::lifted_buckets(ev, of_rows, if ev.params.delayed_names { histogram.labels.name() } else { "" })?;
        }
        ev.check()?;
        match label {
            None => out.push(ev.unnamed_row(&histogram.labels, values)),
            Some(label) => labelled(ev, &histogram.labels, label, (q, values), grid, &mut out)?,
        }
    }
    Ok(out)
}

/// Splits values by their quantile, which becomes a label.
fn labelled(
    ev: &Evaluator<'_>,
    labels: &Labels,
    label: &str,
    (q, values): (&[f64], Vec<f64>),
    grid: &Grid,
    out: &mut Vec<Row>,
) -> Result<(), EvalError> {
    let mut by_quantile: Vec<(u64, Vec<f64>)> = Vec::new();
    for (at, v) in values.into_iter().enumerate().filter(|(_, v)| !is_absent(*v)) {
        let place = match by_quantile.iter().position(|(bits, _)| *bits == q[at].to_bits()) {
            Some(place) => place,
            None => {
                by_quantile.push((q[at].to_bits(), ev.empty_row(labels, grid)?));
                by_quantile.len() - 1
            }
        };
        by_quantile[place].1[at] = v;
    }
    for (bits, values) in by_quantile {
        let labels = labels.with(label, &notes::label_number(f64::from_bits(bits)));
        out.push(ev.unnamed_row(&labels, values));
    }
    Ok(())
}

/// `histogram_quantile(q, buckets)`
pub(super) fn quantile(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let (of_q, of_rows) = (arg(call, 0)?, arg(call, 1)?);
    let q = ev.scalar(of_q, grid)?;
    let rows = ev.rows(of_rows, grid)?;
    Ok(Value::Vector(unique(quantiles(ev, (of_q.range(), &q), None, (of_rows.range(), &rows), grid)?)?))
}

/// `histogram_quantiles(buckets, label, q, ...)`
pub(super) fn several_quantiles(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let label = label_name(ev, arg(call, 1)?, grid)?;
    let of_rows = arg(call, 0)?;
    let rows = ev.rows(of_rows, grid)?;
    let mut out = Vec::new();
    for of_q in call.args.iter().skip(2).map(Expr::without_parens) {
        let q = ev.scalar(of_q, grid)?;
        out.extend(quantiles(ev, (of_q.range(), &q), Some(&label), (of_rows.range(), &rows), grid)?);
    }
    Ok(Value::Vector(unique(out)?))
}

/// `histogram_fraction(low, high, buckets)`
pub(super) fn fraction(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let (low, high) = (ev.scalar(arg(call, 0)?, grid)?, ev.scalar(arg(call, 1)?, grid)?);
    let of_rows = arg(call, 2)?;
    let rows = ev.rows(of_rows, grid)?;
    let of = |histogram: Histogram| {
        let fraction = |at: usize| {
            let buckets = at_instant(&histogram, &rows, at);
            if buckets.is_empty() { ABSENT } else { bucket_fraction(low[at], high[at], &buckets) }
        };
        ev.hold_row(&histogram.labels, grid)?;
        Ok(ev.unnamed_row(&histogram.labels, (0..grid.count).map(fraction).collect()))
    };
    let rows = histograms(ev, of_rows.range(), &rows)?.into_iter().map(of).collect::<Result<_, EvalError>>()?;
    Ok(Value::Vector(unique(rows)?))
}

/// Functions of native histograms skip float samples, as in Prometheus.
pub(super) fn native(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    ev.rows(arg(call, 0)?, grid)?;
    Ok(Value::Vector(Vec::new()))
}
