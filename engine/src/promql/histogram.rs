//! Functions of classic histograms: counts by upper bound in the label `le`.
//!
//! Native histograms are not kept by the store, so functions that need them answer nothing.

use promql_parser::parser::Expr;
use rustc_hash::FxHashMap;

use super::eval::{ABSENT, EvalError, Evaluator, Grid, Row, execution, is_absent, unique};
use super::functions::arg;
use crate::model::Labels;

const LE: &str = "le";
/// Counts that differ by less than this part are the same: rates of buckets are not taken at the same moment.
const TOLERANCE: f64 = 1e-12;

struct Histogram {
    labels: Labels,
    nameless: bool,
    /// Upper bounds and where their rows are.
    buckets: Vec<(f64, usize)>,
}

/// Rows that are buckets, by their other labels.
fn histograms(ev: &Evaluator<'_>, rows: &[Row]) -> Vec<Histogram> {
    let mut found: Vec<Histogram> = Vec::new();
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    for (at, row) in rows.iter().enumerate() {
        let Some(bound) = row.labels.get(LE).and_then(|text| text.parse::<f64>().ok()) else { continue };
        let (labels, nameless) = ev.unnamed(&row.labels.without(&[LE]));
        let place = *places.entry(labels.clone()).or_insert_with(|| {
            found.push(Histogram { labels, nameless, buckets: Vec::new() });
            found.len() - 1
        });
        found[place].buckets.push((bound, at));
    }
    found.iter_mut().for_each(|h| h.buckets.sort_by(|a, b| a.0.total_cmp(&b.0)));
    found
}

/// The buckets at an instant: those of equal bounds together, counts that never fall; true where one had to be lifted.
fn at_instant(histogram: &Histogram, rows: &[Row], at: usize) -> (Vec<(f64, f64)>, bool) {
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
    let mut forced = false;
    let mut highest = f64::NEG_INFINITY;
    for bucket in &mut buckets {
        if bucket.1 > highest {
            highest = bucket.1;
        } else if bucket.1 < highest {
            forced |= !nearly(bucket.1, highest);
            bucket.1 = highest;
        }
    }
    (buckets, forced)
}

fn nearly(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= TOLERANCE * (a.abs() + b.abs()).min(f64::MAX)
}

/// The quantile of a cumulative distribution, linear within a bucket (promql/quantile.go, `BucketQuantile`).
fn bucket_quantile(q: f64, buckets: &[(f64, f64)]) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let Some(&(top, total)) = buckets.last() else { return f64::NAN };
    if buckets.len() < 2 || top != f64::INFINITY || total == 0.0 || total.is_nan() {
        return f64::NAN;
    }
    let mut rank = q * total;
    let place = buckets[..buckets.len() - 1].iter().position(|(_, count)| *count >= rank).unwrap_or(buckets.len() - 1);
    if place == buckets.len() - 1 {
        return buckets[buckets.len() - 2].0;
    }
    if place == 0 && buckets[0].0 <= 0.0 {
        return buckets[0].0;
    }
    let (mut low, high) = (0.0, buckets[place].0);
    let mut count = buckets[place].1;
    if place > 0 {
        low = buckets[place - 1].0;
        count -= buckets[place - 1].1;
        rank -= buckets[place - 1].1;
    }
    low + (high - low) * (rank / count)
}

/// The part of the observations within `(low, high]`.
fn bucket_fraction(low: f64, high: f64, buckets: &[(f64, f64)]) -> f64 {
    let Some(&(top, total)) = buckets.last() else { return f64::NAN };
    if top != f64::INFINITY || total == 0.0 || low.is_nan() || high.is_nan() {
        return f64::NAN;
    }
    if low >= high {
        return 0.0;
    }
    let below = |bound: f64| -> f64 {
        let mut before = (f64::NEG_INFINITY, 0.0);
        for (at, &(upper, count)) in buckets.iter().enumerate() {
            if bound >= upper {
                before = (upper, count);
                continue;
            }
            let from = if at == 0 && upper > 0.0 { 0.0 } else { before.0 };
            if bound <= from || from == f64::NEG_INFINITY {
                return before.1;
            }
            if upper == f64::INFINITY {
                return before.1;
            }
            return before.1 + (count - before.1) * ((bound - from) / (upper - from));
        }
        before.1
    };
    (below(high) - below(low)) / total
}

pub(super) fn call(ev: &Evaluator<'_>, name: &str, args: &[Box<Expr>], grid: &Grid) -> Result<Vec<Row>, EvalError> {
    match name {
        "histogram_quantile" => {
            let q = ev.scalar(arg(args, 0)?, grid)?;
            if let Some(wrong) = q.iter().find(|q| !(0.0..=1.0).contains(*q)) {
                ev.warn(format!("PromQL warning: quantile value should be between 0 and 1, got {wrong}"));
            }
            let rows = ev.rows(arg(args, 1)?, grid)?;
            each(ev, &rows, grid, |at, buckets| bucket_quantile(q[at], buckets))
        }
        "histogram_fraction" => {
            let (low, high) = (ev.scalar(arg(args, 0)?, grid)?, ev.scalar(arg(args, 1)?, grid)?);
            let rows = ev.rows(arg(args, 2)?, grid)?;
            each(ev, &rows, grid, |at, buckets| bucket_fraction(low[at], high[at], buckets))
        }
        // These are of native histograms alone; float samples are passed over, as in Prometheus.
        "histogram_avg" | "histogram_count" | "histogram_sum" | "histogram_stddev" | "histogram_stdvar" => {
            ev.rows(arg(args, 0)?, grid)?;
            Ok(Vec::new())
        }
        _ => execution(format!("the function {name}() is not supported")),
    }
}

fn each(ev: &Evaluator<'_>, rows: &[Row], grid: &Grid, f: impl Fn(usize, &[(f64, f64)]) -> f64) -> Result<Vec<Row>, EvalError> {
    let mut out = Vec::new();
    for histogram in histograms(ev, rows) {
        let mut values = Vec::with_capacity(grid.count);
        for at in 0..grid.count {
            let (buckets, forced) = at_instant(&histogram, rows, at);
            if forced {
                ev.warn("PromQL info: input to histogram_quantile needed to be fixed for monotonicity");
            }
            values.push(if buckets.is_empty() { ABSENT } else { f(at, &buckets) });
        }
        out.push(Row { labels: histogram.labels, values, nameless: histogram.nameless });
    }
    unique(out)
}
