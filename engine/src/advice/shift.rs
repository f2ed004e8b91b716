//! Whether values of the last week differ from those of the three weeks before.
//!
//! Days are what is compared, not single values: what happens on one day has much in common. Days follow each other as well, so their
//! scatter is taken for more than it is by itself where they do (the first autocorrelation of what is left of them). The test is asked every
//! hour for months, so it believes only what chance brings once in two hundred tests; two that are an hour apart are nearly the same test.
//!
//! Who asks every hour for months asks at the height of each chance as well. A bad week that chance brings is over in days, a rise is not:
//! [`that_stays`] takes what held a day and two days ago too.
//!
//! The memory of four weeks cannot be measured well, so it is drawn towards what is usual and never taken for less. Where values have a
//! covariate (the complexity of a task), what it explains is taken off first: a rise is one that it does not explain.

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
/// That of days is usually no less than this, which counts as much as so many days.
const USUAL_MEMORY: f64 = 0.3;
const USUAL_DAYS: f64 = 20.0;
/// A rise whose lower bound is smaller than this is not worth advice.
const RISE: f64 = 1.1;
/// What chance brings in one of two hundred tests, on one side.
const RARE: f64 = 0.995;
const WEEK_MS: i64 = 7 * DAY_MS;
/// Days that are compared at the most.
const MOST_DAYS: usize = 60;

/// A change of level by a factor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    /// Geometric mean of the last week divided by that of the three weeks before.
    ratio: f64,
    /// Its 95 % interval.
    interval: (f64, f64),
    /// The logarithm of `ratio`, its error, and the freedom of that.
    change: f64,
    error: f64,
    freedom: f64,
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
        self.rose_beyond(RARE)
    }

    /// The same for what is rarer, or less rare: this share of tests of nothing says no.
    pub(super) fn rose_beyond(&self, share: f64) -> bool {
        let Ok(student) = StudentsT::new(0.0, 1.0, self.freedom) else { return false };
        self.change - student.inverse_cdf(share) * self.error > 0.0 && self.interval.0 > RISE
    }

    /// The ratio of both sides as a figure of this name.
    pub(super) fn ratio(&self, name: &str) -> Evidence {
        Evidence::estimated(name, self.ratio, self.interval, "ratio")
    }

    /// Both typical values: before, and lately.
    pub(super) fn typical(&self) -> (f64, f64) {
        (self.before, self.lately)
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

    /// The same where it began with something.
    pub(super) fn words_since(&self, what: &str, first: &str) -> String {
        format!(
            "A typical {what} took {} before and {} since {first}: {} as long.",
            approximate(self.before),
            approximate(self.lately),
            figure("_ratio", self.ratio)
        )
    }

    /// The figures of durations; `counted` names what has them.
    pub(super) fn evidence(&self, counted: &str) -> Vec<Evidence> {
        self.evidence_of(counted, "last 7 days", "21 days before")
    }

    /// The same for other times.
    pub(super) fn evidence_of(&self, counted: &str, lately: &str, before: &str) -> Vec<Evidence> {
        vec![
            self.ratio("duration now over duration before"),
            Evidence::counted(format!("typical duration, {lately}"), self.lately, "seconds"),
            Evidence::counted(format!("typical duration, {before}"), self.before, "seconds"),
            Evidence::counted(format!("{counted}, {lately}"), self.counts.0 as f64, "count"),
            Evidence::counted(format!("{counted}, {before}"), self.counts.1 as f64, "count"),
        ]
    }
}

/// For how long before now what stays must have been there, and at which times.
pub(super) const KEPT_ON_MS: i64 = 2 * DAY_MS;
const LOOKS: [i64; 2] = [DAY_MS, KEPT_ON_MS];

/// What is found now, where it was found at the looks before as well.
pub(super) fn that_stays(now: TimestampMs, found: impl Fn(TimestampMs) -> Option<Shift>) -> Option<Shift> {
    found(now).filter(|_| LOOKS.iter().all(|ago| found(now - ago).is_some()))
}

/// Compares values above zero with their times; none with too few days, or without any scatter.
pub(super) fn shift(values: &[(TimestampMs, f64)], now: TimestampMs) -> Option<Shift> {
    let logarithms: Vec<(TimestampMs, f64)> = values.iter().filter(|(_, v)| *v > 0.0 && v.is_finite()).map(|(t, v)| (*t, v.ln())).collect();
    split(&logarithms, now, WEEK_MS, (MIN_BEFORE, MIN_LATELY))
}

/// The same of values and what may explain them, both above zero: by so much a step, or in proportion, as fits better.
pub(super) fn shift_explained(values: &[(TimestampMs, f64, f64)], now: TimestampMs) -> Option<Shift> {
    let valid = |value: &f64| *value > 0.0 && value.is_finite();
    let shapes = [|by: f64| by, f64::ln].map(|shape| -> Vec<(TimestampMs, f64, f64)> {
        values.iter().filter(|(_, v, by)| valid(v) && valid(by)).map(|(t, v, by)| (*t, v.ln(), shape(*by))).collect()
    });
    let fits = shapes.into_iter().filter_map(|values| Some((Line::through(&values, now - WEEK_MS)?, values)));
    let (line, valid) = fits.min_by(|(a, _), (b, _)| a.left.total_cmp(&b.left))?;
    let rest: Vec<(TimestampMs, f64)> = valid.iter().map(|(t, v, by)| (*t, v - line.slope * (by - line.mean))).collect();
    let mut shift = split(&rest, now, WEEK_MS, (MIN_BEFORE, MIN_LATELY))?;
    shift.error = (shift.error.powi(2) + (line.moved * line.error).powi(2)).sqrt();
    shift.bounded()
}

/// Compares the logarithms of the last `lately_ms` with those before, by days that end at this time of the day. `least` days must have
/// values on each side, before and lately.
pub(super) fn split(values: &[(TimestampMs, f64)], now: TimestampMs, lately_ms: i64, least: (usize, usize)) -> Option<Shift> {
    let mut sides: [Vec<Vec<f64>>; 2] = [Vec::new(), Vec::new()];
    let at = now - lately_ms;
    for (t, v) in values {
        // The newest day first on each side of the border.
        let (side, end) = if *t >= at { (1, now) } else { (0, at) };
        let Some(back) = usize::try_from((end - t - 1).max(0) / DAY_MS).ok().filter(|back| *back < MOST_DAYS) else { continue };
        let days = &mut sides[side];
        if days.len() <= back {
            days.resize(back + 1, Vec::new());
        }
        days[back].push(*v);
    }
    let means = |part: &[Vec<f64>]| -> Vec<Option<f64>> {
        part.iter().map(|day| (!day.is_empty()).then(|| day.iter().sum::<f64>() / day.len() as f64)).collect()
    };
    let [before, lately] = [means(&sides[0]), means(&sides[1])];
    let [of_before, of_lately] = [0, 1].map(|side: usize| sides[side].iter().map(Vec::len).sum::<usize>());
    let (a, b) = (Side::new(&lately)?, Side::new(&before)?);
    if b.days < least.0 || a.days < least.1 || of_before.min(of_lately) < MIN_VALUES {
        return None;
    }
    let (n, m) = (a.days as f64, b.days as f64);
    // That of few days about their own mean is seen too small.
    let seen = memory(&[&lately, &before], &[a.mean, b.mean])? + 1.0 / (n + m);
    let memory = ((n + m) * seen + USUAL_DAYS * USUAL_MEMORY) / (n + m + USUAL_DAYS);
    let memory = memory.clamp(USUAL_MEMORY, MOST_MEMORY);
    let inflated = (1.0 + memory) / (1.0 - memory);
    // Logarithms scatter alike on both sides.
    let freedom = n + m - 2.0;
    let error = ((a.squares + b.squares) / freedom * (1.0 / n + 1.0 / m) * inflated).sqrt();
    let change = a.mean - b.mean;
    let shift = Shift {
        ratio: change.exp(),
        interval: (0.0, 0.0),
        change,
        error,
        freedom,
        lately: a.mean.exp(),
        before: b.mean.exp(),
        counts: (of_lately, of_before),
    };
    shift.bounded()
}

impl Shift {
    /// With the interval that its error makes; none without any scatter.
    fn bounded(mut self) -> Option<Self> {
        let student = StudentsT::new(0.0, 1.0, self.freedom).ok().filter(|_| self.error > 0.0)?;
        let margin = student.inverse_cdf(0.975) * self.error;
        self.interval = ((self.change - margin).exp(), (self.change + margin).exp());
        Some(self)
    }
}

/// How values rise with what may explain them, within each side of a moment.
struct Line {
    /// The mean of what explains.
    mean: f64,
    slope: f64,
    /// The standard error of `slope`.
    error: f64,
    /// By how much the mean of what explains differs between the sides.
    moved: f64,
    /// What it leaves, as a variance.
    left: f64,
}

impl Line {
    fn through(values: &[(TimestampMs, f64, f64)], at: TimestampMs) -> Option<Self> {
        let (mut squares, mut products, mut all, mut means) = (0.0, 0.0, 0.0, Vec::new());
        for side in [true, false] {
            let of: Vec<&(TimestampMs, f64, f64)> = values.iter().filter(|(t, ..)| (*t >= at) == side).collect();
            let count = of.len() as f64;
            let (y, x) = (of.iter().map(|v| v.1).sum::<f64>() / count, of.iter().map(|v| v.2).sum::<f64>() / count);
            squares += of.iter().map(|v| (v.2 - x).powi(2)).sum::<f64>();
            products += of.iter().map(|v| (v.2 - x) * (v.1 - y)).sum::<f64>();
            all += of.iter().map(|v| (v.1 - y).powi(2)).sum::<f64>();
            means.push(x);
        }
        let freedom = values.len() as f64 - 3.0;
        let moved = means[0] - means[1];
        // Where all are alike on each side, nothing says what a step between the sides explains.
        if squares <= 1e-9 {
            return (moved.abs() < 1e-9).then_some(Self {
                mean: means[0],
                slope: 0.0,
                error: 0.0,
                moved: 0.0,
                left: all / freedom.max(1.0),
            });
        }
        let slope = products / squares;
        let left = (all - slope * products).max(0.0) / freedom.max(1.0);
        let mean = values.iter().map(|v| v.2).sum::<f64>() / values.len() as f64;
        Some(Self { mean, slope, error: (left / squares).sqrt(), moved, left })
    }
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
