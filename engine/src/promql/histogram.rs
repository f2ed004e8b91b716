//! Functions of classic histograms: counts by upper bound in the label `le`.
//!
//! Native histograms are not kept by the store, so functions that need them answer nothing.

use promql_parser::parser::Expr;
use rustc_hash::FxHashMap;

use super::eval::{ABSENT, EvalError, Evaluator, Grid, Row, execution, is_absent, unique};
use super::functions::arg;
use super::notes;
use crate::model::{Labels, go_quoted};

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
fn histograms(ev: &Evaluator<'_>, about: &Expr, rows: &[Row]) -> Result<Vec<Histogram>, EvalError> {
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

/// `histogram_quantile` at one quantile an instant; with a label, that has the quantile.
fn quantiles(
    ev: &Evaluator<'_>,
    (of_q, q): (&Expr, &[f64]),
    label: Option<&str>,
    (of_rows, rows): (&Expr, &[Row]),
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
        let Some(label) = label else {
            out.push(ev.unnamed_row(&histogram.labels, values));
            continue;
        };
        // The label follows the quantile from instant to instant.
        let mut by_quantile: Vec<(u64, Vec<f64>)> = Vec::new();
        for (at, v) in values.into_iter().enumerate().filter(|(_, v)| !is_absent(*v)) {
            let place = match by_quantile.iter().position(|(bits, _)| *bits == q[at].to_bits()) {
                Some(place) => place,
                None => {
                    by_quantile.push((q[at].to_bits(), ev.empty_row(&histogram.labels, grid)?));
                    by_quantile.len() - 1
                }
            };
            by_quantile[place].1[at] = v;
        }
        for (bits, values) in by_quantile {
            let labels = histogram.labels.with(label, &notes::label_number(f64::from_bits(bits)));
            out.push(ev.unnamed_row(&labels, values));
        }
    }
    Ok(out)
}

pub(super) fn call(ev: &Evaluator<'_>, name: &str, args: &[Box<Expr>], grid: &Grid) -> Result<Vec<Row>, EvalError> {
    match name {
        "histogram_quantile" => {
            let q = ev.scalar(arg(args, 0)?, grid)?;
            let rows = ev.rows(arg(args, 1)?, grid)?;
            unique(quantiles(ev, (arg(args, 0)?, &q), None, (arg(args, 1)?, &rows), grid)?)
        }
        "histogram_quantiles" => {
            let label = ev.text(arg(args, 1)?, grid)?;
            if label.is_empty() {
                return execution(format!("invalid label name {}", go_quoted(&label)));
            }
            let rows = ev.rows(arg(args, 0)?, grid)?;
            let mut out = Vec::new();
            for q in args.get(2..).unwrap_or(&[]) {
                out.extend(quantiles(ev, (q, &ev.scalar(q, grid)?), Some(&label), (arg(args, 0)?, &rows), grid)?);
            }
            unique(out)
        }
        "histogram_fraction" => {
            let (low, high) = (ev.scalar(arg(args, 0)?, grid)?, ev.scalar(arg(args, 1)?, grid)?);
            let rows = ev.rows(arg(args, 2)?, grid)?;
            let of = |histogram: Histogram| {
                let fraction = |at: usize| {
                    let buckets = at_instant(&histogram, &rows, at);
                    if buckets.is_empty() { ABSENT } else { bucket_fraction(low[at], high[at], &buckets) }
                };
                ev.hold_row(&histogram.labels, grid)?;
                Ok(ev.unnamed_row(&histogram.labels, (0..grid.count).map(fraction).collect()))
            };
            unique(histograms(ev, arg(args, 2)?, &rows)?.into_iter().map(of).collect::<Result<_, EvalError>>()?)
        }
        // These are of native histograms alone; float samples are passed over, as in Prometheus.
        "histogram_avg" | "histogram_count" | "histogram_sum" | "histogram_stddev" | "histogram_stdvar" => {
            ev.rows(arg(args, 0)?, grid)?;
            Ok(Vec::new())
        }
        _ => execution(format!("the function {name}() is not supported")),
    }
}
