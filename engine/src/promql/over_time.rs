//! Statistics over the samples of a range: `avg_over_time` and the like.

use super::error::EvalError;
use super::eval::Evaluator;
use super::functions::arg;
use super::notes;
use super::ranges::RangeFunction;
use super::statistics::{mean, quantile, sum, variance};
use super::syntax::Call;
use super::value::ABSENT;
use crate::store::HourPart;

pub(super) const AVG: RangeFunction = RangeFunction::new(|w| mean(w.values)).with_hours(mean_of_hours);
pub(super) const SUM: RangeFunction = RangeFunction::new(|w| sum(w.values.iter().copied())).with_hours(total);
pub(super) const COUNT: RangeFunction = RangeFunction::new(|w| w.values.len() as f64).with_hours(count);
pub(super) const PRESENT: RangeFunction = RangeFunction::new(|_| 1.0);
pub(super) const LAST: RangeFunction = RangeFunction::new(|w| w.values[w.values.len() - 1]).keeping_names();
pub(super) const FIRST: RangeFunction = RangeFunction::new(|w| w.values[0]).keeping_names();
pub(super) const MIN: RangeFunction = RangeFunction::new(|w| least(w.values)).with_hours(least_of_hours);
pub(super) const MAX: RangeFunction = RangeFunction::new(|w| greatest(w.values)).with_hours(greatest_of_hours);
pub(super) const TS_OF_MIN: RangeFunction = RangeFunction::new(|w| w.times[extreme(w.values, |a, b| a <= b)] as f64 / 1e3);
pub(super) const TS_OF_MAX: RangeFunction = RangeFunction::new(|w| w.times[extreme(w.values, |a, b| a >= b)] as f64 / 1e3);
pub(super) const TS_OF_FIRST: RangeFunction = RangeFunction::new(|w| w.times[0] as f64 / 1e3);
pub(super) const TS_OF_LAST: RangeFunction = RangeFunction::new(|w| w.times[w.times.len() - 1] as f64 / 1e3);
pub(super) const STDDEV: RangeFunction = RangeFunction::new(|w| variance(w.values.iter().copied()).sqrt());
pub(super) const STDVAR: RangeFunction = RangeFunction::new(|w| variance(w.values.iter().copied()));
pub(super) const QUANTILE: RangeFunction = RangeFunction::new(|w| quantile(w.scalars[0], &mut w.values.to_vec())).checked(check_quantile);
pub(super) const MAD: RangeFunction = RangeFunction::new(|w| {
    let median = quantile(0.5, &mut w.values.to_vec());
    quantile(0.5, &mut w.values.iter().map(|v| (v - median).abs()).collect::<Vec<_>>())
});

/// The index of the largest (or smallest) value. NaN loses to any number; the last one wins if there is nothing else.
fn extreme(values: &[f64], better: fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (at, v) in values.iter().enumerate() {
        if better(*v, values[best]) || values[best].is_nan() {
            best = at;
        }
    }
    best
}

/// The smallest of at least one value.
pub(super) fn least(values: &[f64]) -> f64 {
    values[extreme(values, |a, b| a < b)]
}

/// The largest of at least one value.
pub(super) fn greatest(values: &[f64]) -> f64 {
    values[extreme(values, |a, b| a > b)]
}

fn check_quantile(ev: &Evaluator<'_>, call: &Call, scalars: &[f64; 2]) -> Result<(), EvalError> {
    notes::check_quantile(ev, arg(call, 0)?.range(), scalars[0])
}

fn total(parts: &[HourPart]) -> f64 {
    sum(parts.iter().map(|part| part.sum))
}

pub(super) fn count(parts: &[HourPart]) -> f64 {
    parts.iter().map(|part| part.count).sum()
}

pub(super) fn mean_of_hours(parts: &[HourPart]) -> f64 {
    let (total, count) = (total(parts), count(parts));
    if total.is_infinite() && parts.iter().all(|part| part.sum.is_finite()) {
        // The sum overflowed, the mean need not.
        return sum(parts.iter().map(|part| part.sum / count));
    }
    total / count
}

pub(super) fn least_of_hours(parts: &[HourPart]) -> f64 {
    best(parts.iter().map(|part| part.min), |a, b| a < b)
}

pub(super) fn greatest_of_hours(parts: &[HourPart]) -> f64 {
    best(parts.iter().map(|part| part.max), |a, b| a > b)
}

/// The best value that is not NaN.
fn best(values: impl Iterator<Item = f64>, better: fn(f64, f64) -> bool) -> f64 {
    values.reduce(|best, v| if better(v, best) || best.is_nan() { v } else { best }).unwrap_or(ABSENT)
}
