//! Functions of range vectors: over_time, rates, regressions.
//!
//! `rate` and its kin extrapolate as Prometheus 3 does (promql/functions.go, `extrapolatedRate`); sums are compensated
//! (Kahan 1965 with Neumaier's 1974 change); quantiles interpolate linearly; the regression is least squares about the
//! first instant of the window.

use promql_parser::parser::Expr;

use super::eval::{ABSENT, EvalError, Evaluator, Grid, Row, Value, distinct, execution};
use super::functions::{absent_labels, arg};
use super::{extended, notes};
use crate::model::TimestampMs;
use crate::store::HourPart;

/// A window as a function sees it: at least one sample.
struct Window<'a> {
    times: &'a [TimestampMs],
    values: &'a [f64],
    /// It covers `(end - range, end]`.
    end: TimestampMs,
    range: i64,
    /// The instant that asks.
    asked: TimestampMs,
    /// The scalar arguments at that instant.
    scalars: [f64; 2],
}

type Reduce = fn(&Window<'_>) -> f64;

/// Sum with compensation.
#[derive(Clone, Copy, Default)]
pub(super) struct Kahan {
    sum: f64,
    lost: f64,
}

impl Kahan {
    #[inline]
    pub(super) fn add(&mut self, v: f64) {
        let t = self.sum + v;
        if t.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= v.abs() {
            self.lost += (self.sum - t) + v;
        } else {
            self.lost += (v - t) + self.sum;
        }
        self.sum = t;
    }

    fn by(self, factor: f64) -> Self {
        Self { sum: self.sum * factor, lost: self.lost * factor }
    }

    pub(super) fn total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

pub(super) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut sum = Kahan::default();
    values.for_each(|v| sum.add(v));
    sum.total()
}

/// The mean: of the sum as long as that is a number, from there on sample by sample.
pub(super) fn mean(values: &[f64]) -> f64 {
    let mut sum = Kahan::default();
    let mut mean: Option<Kahan> = None;
    for (before, &v) in values.iter().enumerate() {
        let (before, count) = (before as f64, (before + 1) as f64);
        let so_far = match mean {
            Some(mean) => mean,
            None => {
                let mut next = sum;
                next.add(v);
                if before == 0.0 || !next.sum.is_infinite() {
                    sum = next;
                    continue;
                }
                Kahan { sum: sum.sum / before, lost: sum.lost / before }
            }
        };
        let mut next = so_far.by(before / count);
        next.add(v / count);
        mean = Some(next);
    }
    let n = values.len() as f64;
    mean.map_or_else(|| sum.sum / n + sum.lost / n, |mean| mean.sum + mean.lost)
}

/// Variance of the population: Welford (1962).
pub(super) fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut mean, mut m2) = (0.0, Kahan::default(), Kahan::default());
    for v in values {
        count += 1.0;
        let delta = v - mean.total();
        mean.add(delta / count);
        m2.add(delta * (v - mean.total()));
    }
    m2.total() / count
}

/// The quantile of values that are then sorted; NaN for none.
pub(super) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    // NaN first, as the smallest.
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())));
    let n = values.len() as f64;
    let rank = q * (n - 1.0);
    let low = rank.floor().max(0.0);
    let high = (low + 1.0).min(n - 1.0);
    let weight = rank - rank.floor();
    values[low as usize] * (1.0 - weight) + values[high as usize] * weight
}

fn extrapolated(w: &Window<'_>, counter: bool, per_second: bool) -> f64 {
    let n = w.values.len();
    let (Some(&first), Some(&last)) = (w.values.first(), w.values.last()) else { return ABSENT };
    if n < 2 {
        return ABSENT;
    }
    let mut result = last - first;
    if counter {
        result += w.values.windows(2).filter(|p| p[1] < p[0]).map(|p| p[0]).sum::<f64>();
    }
    let (first_t, last_t) = (w.times[0], w.times[n - 1]);
    let mut to_start = (first_t - (w.end - w.range)) as f64 / 1e3;
    let mut to_end = (w.end - last_t) as f64 / 1e3;
    let sampled = (last_t - first_t) as f64 / 1e3;
    let between = sampled / (n - 1) as f64;
    let threshold = between * 1.1;
    if to_start >= threshold {
        to_start = between / 2.0;
    }
    if counter {
        let mut to_zero = to_start;
        if result > 0.0 && first >= 0.0 {
            to_zero = sampled * (first / result);
        }
        to_start = to_start.min(to_zero);
    }
    if to_end >= threshold {
        to_end = between / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if per_second {
        factor /= w.range as f64 / 1e3;
    }
    result * factor
}

fn instant(w: &Window<'_>, rate: bool) -> f64 {
    let [.., before, last] = w.values else { return ABSENT };
    let [.., t0, t1] = w.times else { return ABSENT };
    let between = t1 - t0;
    if between == 0 {
        return ABSENT;
    }
    if rate {
        // A counter that fell began again at zero.
        let moved = if last < before { *last } else { last - before };
        moved / (between as f64 / 1e3)
    } else {
        last - before
    }
}

/// Slope and value at `at`, by least squares.
fn regression(w: &Window<'_>, at: TimestampMs) -> (f64, f64) {
    let first = w.values[0];
    if w.values.iter().all(|v| *v == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let n = w.values.len() as f64;
    let (mut x, mut y, mut xy, mut xx) = (Kahan::default(), Kahan::default(), Kahan::default(), Kahan::default());
    for (t, v) in w.times.iter().zip(w.values) {
        let s = (t - at) as f64 / 1e3;
        x.add(s);
        y.add(*v);
        xy.add(s * v);
        xx.add(s * s);
    }
    let (x, y, xy, xx) = (x.total(), y.total(), xy.total(), xx.total());
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}

/// Double exponential smoothing: Holt's trend with fixed factors, as in Prometheus.
fn smoothed(w: &Window<'_>) -> f64 {
    let [smoothing, trend] = w.scalars;
    if w.values.len() < 2 {
        return ABSENT;
    }
    let (mut before, mut level, mut slope) = (0.0, w.values[0], w.values[1] - w.values[0]);
    for (at, v) in w.values.iter().enumerate().skip(1) {
        if at > 1 {
            slope = trend * (level - before) + (1.0 - trend) * slope;
        }
        (before, level) = (level, smoothing * v + (1.0 - smoothing) * (level + slope));
    }
    level
}

/// The place of the largest (or smallest) value; NaN only where there is nothing else, the last of them then.
fn extreme(w: &Window<'_>, better: fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (at, v) in w.values.iter().enumerate() {
        if better(*v, w.values[best]) || w.values[best].is_nan() {
            best = at;
        }
    }
    best
}

pub(super) fn changes(values: &[f64]) -> f64 {
    values.windows(2).filter(|p| p[0] != p[1] && !(p[0].is_nan() && p[1].is_nan())).count() as f64
}

pub(super) fn resets(values: &[f64]) -> f64 {
    values.windows(2).filter(|p| p[1] < p[0]).count() as f64
}

fn reduce(name: &str) -> Option<Reduce> {
    Some(match name {
        "rate" => |w| extrapolated(w, true, true),
        "increase" => |w| extrapolated(w, true, false),
        "delta" => |w| extrapolated(w, false, false),
        "irate" => |w| instant(w, true),
        "idelta" => |w| instant(w, false),
        "deriv" => |w| if w.values.len() < 2 { ABSENT } else { regression(w, w.times[0]).0 },
        "predict_linear" => |w| {
            if w.values.len() < 2 {
                return ABSENT;
            }
            let (slope, now) = regression(w, w.asked);
            slope * w.scalars[0] + now
        },
        "double_exponential_smoothing" | "holt_winters" => smoothed,
        "avg_over_time" => |w| mean(w.values),
        "sum_over_time" => |w| sum(w.values.iter().copied()),
        "count_over_time" => |w| w.values.len() as f64,
        "present_over_time" => |_| 1.0,
        "last_over_time" => |w| w.values[w.values.len() - 1],
        "first_over_time" => |w| w.values[0],
        "min_over_time" => |w| w.values[extreme(w, |a, b| a < b)],
        "max_over_time" => |w| w.values[extreme(w, |a, b| a > b)],
        "ts_of_min_over_time" => |w| w.times[extreme(w, |a, b| a <= b)] as f64 / 1e3,
        "ts_of_max_over_time" => |w| w.times[extreme(w, |a, b| a >= b)] as f64 / 1e3,
        "ts_of_first_over_time" => |w| w.times[0] as f64 / 1e3,
        "ts_of_last_over_time" => |w| w.times[w.times.len() - 1] as f64 / 1e3,
        "stddev_over_time" => |w| variance(w.values.iter().copied()).sqrt(),
        "stdvar_over_time" => |w| variance(w.values.iter().copied()),
        "quantile_over_time" => |w| quantile(w.scalars[0], &mut w.values.to_vec()),
        "mad_over_time" => |w| {
            let median = quantile(0.5, &mut w.values.to_vec());
            quantile(0.5, &mut w.values.iter().map(|v| (v - median).abs()).collect::<Vec<_>>())
        },
        "changes" => |w| changes(w.values),
        "resets" => |w| resets(w.values),
        _ => return None,
    })
}

/// Functions that whole hours answer as well as their samples do: the sums to within the rounding of their last bits.
fn combine(name: &str) -> Option<fn(&[HourPart]) -> f64> {
    fn total(parts: &[HourPart]) -> f64 {
        sum(parts.iter().map(|part| part.sum))
    }
    fn count(parts: &[HourPart]) -> f64 {
        parts.iter().map(|part| part.count).sum()
    }
    /// The best that is no NaN.
    fn best(values: impl Iterator<Item = f64>, better: fn(f64, f64) -> bool) -> f64 {
        values.reduce(|best, v| if better(v, best) || best.is_nan() { v } else { best }).unwrap_or(ABSENT)
    }
    Some(match name {
        "sum_over_time" => total,
        "count_over_time" => count,
        "avg_over_time" => |parts| {
            let (total, count) = (total(parts), count(parts));
            if total.is_infinite() && parts.iter().all(|part| part.sum.is_finite()) {
                // The sum left the numbers, the mean need not.
                return sum(parts.iter().map(|part| part.sum / count));
            }
            total / count
        },
        "min_over_time" => |parts| best(parts.iter().map(|part| part.min), |a, b| a < b),
        "max_over_time" => |parts| best(parts.iter().map(|part| part.max), |a, b| a > b),
        _ => return None,
    })
}

/// Samples that are gone through between two looks at the clock.
const BETWEEN_CHECKS: usize = 1 << 18;

/// Functions that are of counters alone.
pub(super) fn of_counters(name: &str) -> bool {
    matches!(name, "rate" | "increase")
}

/// Refuses factors of smoothing that are none.
fn check_factors(factors: &[Vec<f64>], at: usize) -> Result<(), EvalError> {
    for (factor, (what, short)) in factors.iter().map(|factor| factor[at]).zip([("smoothing", "sf"), ("trend", "tf")]) {
        if factor <= 0.0 || factor >= 1.0 {
            return execution(format!("invalid {what} factor. Expected: 0 < {short} < 1, got: {}", notes::fixed(factor)));
        }
    }
    Ok(())
}

/// Functions that leave the metric name.
fn keeps_name(name: &str) -> bool {
    matches!(name, "last_over_time" | "first_over_time")
}

/// A function of a range vector; none where it is not one.
pub(super) fn call(ev: &Evaluator<'_>, name: &str, args: &[Box<Expr>], grid: &Grid) -> Result<Option<Value>, EvalError> {
    if name == "absent_over_time" {
        let expr = arg(args, 0)?;
        if let Some((edges, selector)) = extended::inside(expr) {
            return extended::call(ev, name, edges, expr, selector, grid).map(|rows| Some(Value::Vector(rows)));
        }
        ev.hold_values(2 * grid.count)?;
        let mut there = vec![false; grid.count];
        ev.matrix(expr, grid, &mut |_, run| {
            for (at, t) in grid.times().enumerate() {
                let (from, to) = run.within(t);
                there[at] |= from < to;
            }
            Ok(())
        })?;
        let values = there.into_iter().map(|there| if there { ABSENT } else { 1.0 }).collect();
        return Ok(Some(Value::Vector(vec![Row::new(absent_labels(expr)?, values)])));
    }
    let Some(reduce) = reduce(name) else { return Ok(None) };
    let range_at = usize::from(name == "quantile_over_time");
    let range = arg(args, range_at)?;
    if let Some((edges, selector)) = extended::inside(range) {
        return extended::call(ev, name, edges, range, selector, grid).map(|rows| Some(Value::Vector(rows)));
    }
    let others = (0..args.len()).filter(|at| *at != range_at).map(|at| ev.scalar(&args[at], grid)).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::new();
    if let (Some(combine), true) = (combine(name), ev.params.use_windows) {
        let mut rows = Vec::new();
        let served = ev.by_hours(arg(args, range_at)?, grid, &mut |labels, parts, windows| {
            let (mut from, mut to) = (0, 0);
            ev.hold_row(labels, grid)?;
            let mut values = Vec::with_capacity(grid.count);
            for (start, end) in windows {
                // Where `@` holds the window still these do not move.
                from += parts[from..].partition_point(|part| part.time <= start);
                to += parts[to.min(parts.len())..].partition_point(|part| part.time <= end);
                values.push(if from < to { combine(&parts[from..to]) } else { ABSENT });
                if values.len() % 1_024 == 0 {
                    ev.check()?;
                }
            }
            rows.push(ev.unnamed_row(labels, values));
            Ok(())
        })?;
        if served {
            return Ok(Some(Value::Vector(distinct(ev, rows)?)));
        }
    }
    ev.matrix(arg(args, range_at)?, grid, &mut |labels, run| {
        ev.hold_row(labels, grid)?;
        let mut values = Vec::with_capacity(grid.count);
        let (mut from, mut to) = (0, 0);
        let mut known: Option<(TimestampMs, f64)> = None;
        let mut work = 0;
        for (at, t) in grid.times().enumerate() {
            let end = run.end(t);
            // Where `@` holds the window still, so does the answer.
            if let Some((_, v)) = known.filter(|(known, _)| *known == end && others.is_empty() && name != "predict_linear") {
                values.push(v);
                continue;
            }
            let start = end.saturating_sub(run.range);
            while from < run.times.len() && run.times[from] <= start {
                from += 1;
            }
            while to < run.times.len() && run.times[to] <= end {
                to += 1;
            }
            work += to - from;
            if work > BETWEEN_CHECKS {
                work = 0;
                ev.check()?;
            }
            let v = if from < to {
                match name {
                    "quantile_over_time" => notes::check_quantile(ev, &args[0], others[0][at])?,
                    "double_exponential_smoothing" | "holt_winters" => check_factors(&others, at)?,
                    _ => {}
                }
                let scalars = std::array::from_fn(|n| others.get(n).map_or(f64::NAN, |s| s[at]));
                reduce(&Window { times: &run.times[from..to], values: &run.values[from..to], end, range: run.range, asked: t, scalars })
            } else {
                ABSENT
            };
            known = Some((end, v));
            values.push(v);
        }
        if of_counters(name) {
            notes::check_counter(ev, range, labels, &values)?;
        }
        let (labels, nameless) = if keeps_name(name) { (labels.clone(), run.nameless) } else { ev.unnamed(labels) };
        rows.push(Row { labels, values, nameless });
        Ok(())
    })?;
    Ok(Some(Value::Vector(distinct(ev, rows)?)))
}
