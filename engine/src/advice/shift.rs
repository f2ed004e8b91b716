//! Whether values of the last week differ from those of the three weeks before.
//!
//! Days are what is compared, not single values: what happens on one day has much in common. Days follow each other as well, so their
//! scatter is taken for more than it is by itself where they do (the first autocorrelation of what is left of them). The test is asked every
//! hour for months, so it believes only what chance brings once in two hundred tests; two that are an hour apart are nearly the same test.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::history::DAY_MS;
use crate::model::TimestampMs;

/// Days of the last week, and of the three weeks before, that must have values.
const MIN_LATELY: usize = 4;
const MIN_BEFORE: usize = 7;
/// Values needed on both sides.
pub(super) const MIN_VALUES: usize = 5;
/// The first autocorrelation counts up to this.
const MOST_MEMORY: f64 = 0.8;
/// What chance brings in one of two hundred tests, on one side.
const RARE: f64 = 0.995;

/// A change of level by a factor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    /// Geometric mean of the last week divided by that of the three weeks before.
    pub(super) ratio: f64,
    /// Its 95 % interval.
    pub(super) interval: (f64, f64),
    /// The lowest ratio that is not ruled out by a test that is asked often.
    pub(super) least: f64,
    /// Geometric means of the days of both.
    pub(super) lately: f64,
    /// See `lately`.
    pub(super) before: f64,
    /// How many values each has.
    pub(super) counts: (usize, usize),
}

/// Compares values above zero with their times; none with too few days, or without any scatter.
pub(super) fn shift(values: &[(TimestampMs, f64)], now: TimestampMs) -> Option<Shift> {
    let mut days: Vec<Vec<f64>> = vec![Vec::new(); 28];
    for (t, v) in values.iter().filter(|(_, v)| *v > 0.0 && v.is_finite()) {
        let back = usize::try_from((now - t - 1).max(0) / DAY_MS).unwrap_or(usize::MAX);
        if let Some(day) = days.get_mut(back) {
            day.push(v.ln());
        }
    }
    // The oldest first.
    days.reverse();
    let means = |part: &[Vec<f64>]| -> Vec<Option<f64>> {
        part.iter().map(|day| (!day.is_empty()).then(|| day.iter().sum::<f64>() / day.len() as f64)).collect()
    };
    let (before, lately) = (means(&days[..21]), means(&days[21..]));
    let counts = [&days[21..], &days[..21]].map(|part| part.iter().map(Vec::len).sum::<usize>());
    let (a, b) = (Side::new(&lately)?, Side::new(&before)?);
    if a.days < MIN_LATELY || b.days < MIN_BEFORE || counts.iter().any(|count| *count < MIN_VALUES) {
        return None;
    }
    let memory = (memory(&[&lately, &before], &[a.mean, b.mean])? + 1.0 / (a.days + b.days) as f64).clamp(0.0, MOST_MEMORY);
    let inflated = (1.0 + memory) / (1.0 - memory);
    // Logarithms scatter alike on both sides.
    let (n, m) = (a.days as f64, b.days as f64);
    let variance = (a.squares + b.squares) / (n + m - 2.0);
    let error = variance * (1.0 / n + 1.0 / m) * inflated;
    if error <= 0.0 {
        return None;
    }
    let freedom = (n + m - 2.0) / inflated;
    let student = StudentsT::new(0.0, 1.0, freedom.max(1.0)).ok()?;
    let (change, margin) = (a.mean - b.mean, |share: f64| student.inverse_cdf(share) * error.sqrt());
    Some(Shift {
        ratio: change.exp(),
        interval: ((change - margin(0.975)).exp(), (change + margin(0.975)).exp()),
        least: (change - margin(RARE)).exp(),
        lately: a.mean.exp(),
        before: b.mean.exp(),
        counts: (counts[0], counts[1]),
    })
}

/// The days of one side.
struct Side {
    days: usize,
    mean: f64,
    /// Sum of the squares about the mean.
    squares: f64,
}

impl Side {
    fn new(days: &[Option<f64>]) -> Option<Self> {
        let known: Vec<f64> = days.iter().flatten().copied().collect();
        if known.len() < 2 {
            return None;
        }
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let squares = known.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        Some(Self { days: known.len(), mean, squares })
    }
}

/// The first autocorrelation of days about the mean of their side; 0 where no two days follow each other.
fn memory(sides: &[&[Option<f64>]], means: &[f64]) -> Option<f64> {
    let (mut products, mut pairs, mut squares, mut count) = (0.0, 0.0, 0.0, 0.0);
    for (days, mean) in sides.iter().zip(means) {
        for pair in days.windows(2) {
            if let [Some(a), Some(b)] = pair {
                products += (a - mean) * (b - mean);
                pairs += 1.0;
            }
        }
        for value in days.iter().flatten() {
            squares += (value - mean).powi(2);
            count += 1.0;
        }
    }
    if squares <= 0.0 {
        return None;
    }
    Some(if pairs > 0.0 { (products / pairs) / (squares / count) } else { 0.0 })
}
