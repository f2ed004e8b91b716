//! Whether values of the last week differ from those of the three weeks before.
//!
//! Days are what is compared, not single values: what happens on one day has much in common. Days follow each other as well, so their
//! scatter is taken for more than it is by itself where they do (the first autocorrelation of what is left of them). The test is asked every
//! hour for months, so it believes only what chance brings once in two hundred tests; two that are an hour apart are nearly the same test.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Evidence;
use super::history::{DAY_MS, approximate};
use crate::model::TimestampMs;
use crate::words::figure;

/// Days of the last week, and of the three weeks before, that must have values.
const MIN_LATELY: usize = 4;
const MIN_BEFORE: usize = 7;
/// Values needed on both sides.
const MIN_VALUES: usize = 5;
/// The first autocorrelation counts up to this.
const MOST_MEMORY: f64 = 0.8;
/// A rise whose lower bound is smaller than this is not worth advice.
const RISE: f64 = 1.1;
/// What chance brings in one of two hundred tests, on one side.
const RARE: f64 = 0.995;

/// A change of level by a factor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    /// Geometric mean of the last week divided by that of the three weeks before.
    ratio: f64,
    /// Its 95 % interval.
    interval: (f64, f64),
    /// The lowest ratio that is not ruled out by a test that is asked often.
    least: f64,
    /// Geometric means of the days of both.
    lately: f64,
    /// See `lately`.
    before: f64,
    /// How many values each has.
    counts: (usize, usize),
}

impl Shift {
    /// Whether it is a rise that is worth advice: beyond chance, and no smaller than a tenth.
    pub(super) fn rose(&self) -> bool {
        self.least > 1.0 && self.interval.0 > RISE
    }

    /// Both sides of durations in words; `what` takes that long.
    pub(super) fn words(&self, what: &str) -> String {
        format!(
            "A typical {what} took {} in the last 7 days and {} in the 21 days before: {} as long.",
            approximate(self.lately),
            approximate(self.before),
            figure("_ratio", self.ratio)
        )
    }

    /// The figures of durations; `counted` names what has them.
    pub(super) fn evidence(&self, counted: &str) -> Vec<Evidence> {
        vec![
            Evidence::estimated("duration now over duration before", self.ratio, self.interval, "ratio"),
            Evidence::counted("typical duration, last 7 days", self.lately, "seconds"),
            Evidence::counted("typical duration, 21 days before", self.before, "seconds"),
            Evidence::counted(format!("{counted}, last 7 days"), self.counts.0 as f64, "count"),
            Evidence::counted(format!("{counted}, 21 days before"), self.counts.1 as f64, "count"),
        ]
    }
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
