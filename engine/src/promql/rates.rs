//! Change of counters and gauges over a range, regressions and smoothing.
//!
//! `rate`, `increase` and `delta` extrapolate as Prometheus 3 does (promql/functions.go, `extrapolatedRate`); the regression is
//! least squares about the first sample of the window.

use super::error::{EvalError, execution};
use super::eval::Evaluator;
use super::extended::AtEdges;
use super::notes;
use super::ranges::{RangeFunction, Window};
use super::statistics::Kahan;
use super::syntax::Call;
use super::value::ABSENT;
use crate::model::TimestampMs;

pub(super) const RATE: RangeFunction =
    RangeFunction::new(|w| extrapolated(w, true, true)).of_counters().extended(AtEdges::Change { counter: true, per_second: true });
pub(super) const INCREASE: RangeFunction =
    RangeFunction::new(|w| extrapolated(w, true, false)).of_counters().extended(AtEdges::Change { counter: true, per_second: false });
pub(super) const DELTA: RangeFunction =
    RangeFunction::new(|w| extrapolated(w, false, false)).extended(AtEdges::Change { counter: false, per_second: false });
pub(super) const IRATE: RangeFunction = RangeFunction::new(|w| instant(w, true));
pub(super) const IDELTA: RangeFunction = RangeFunction::new(|w| instant(w, false));
pub(super) const CHANGES: RangeFunction = RangeFunction::new(|w| changes(w.values)).extended(AtEdges::Count(changes));
pub(super) const RESETS: RangeFunction = RangeFunction::new(|w| resets(w.values)).extended(AtEdges::Count(resets));
pub(super) const DERIV: RangeFunction = RangeFunction::new(|w| if w.values.len() < 2 { ABSENT } else { regression(w, w.times[0]).0 });
pub(super) const PREDICT_LINEAR: RangeFunction = RangeFunction::new(predict_linear).at_the_evaluated_instant();
pub(super) const DOUBLE_EXPONENTIAL_SMOOTHING: RangeFunction = RangeFunction::new(smoothed).checked(check_factors);

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
        // A counter that fell has restarted at zero.
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

fn predict_linear(w: &Window<'_>) -> f64 {
    if w.values.len() < 2 {
        return ABSENT;
    }
    let (slope, now) = regression(w, w.evaluated);
    slope * w.scalars[0] + now
}

/// Refuses factors of smoothing that are out of range.
fn check_factors(_: &Evaluator<'_>, _: &Call, factors: &[f64; 2]) -> Result<(), EvalError> {
    for (factor, (what, short)) in factors.iter().zip([("smoothing", "sf"), ("trend", "tf")]) {
        if *factor <= 0.0 || *factor >= 1.0 {
            return execution(format!("invalid {what} factor. Expected: 0 < {short} < 1, got: {}", notes::fixed(*factor)));
        }
    }
    Ok(())
}

fn changes(values: &[f64]) -> f64 {
    values.windows(2).filter(|p| p[0] != p[1] && !(p[0].is_nan() && p[1].is_nan())).count() as f64
}

fn resets(values: &[f64]) -> f64 {
    values.windows(2).filter(|p| p[1] < p[0]).count() as f64
}
