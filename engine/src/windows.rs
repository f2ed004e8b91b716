//! Time windows of one series: their lengths, their rows, and how rows are computed from samples or shorter windows.
//!
//! Pure: [`close_through`] decides from event time when windows close; the store keeps rows and the actors call it. Late samples do
//! not reopen windows: after the allowed lateness they are only counted and remain in the raw history.

use std::collections::BTreeMap;

use crate::codec;
use crate::model::{Columns, TimestampMs, is_stale_marker};

/// The lengths of windows; each is made of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// One minute, made of samples.
    M1,
    /// Five minutes.
    M5,
    /// Fifteen minutes.
    M15,
    /// An hour.
    H1,
    /// Six hours.
    H6,
    /// A UTC day.
    H24,
}

/// Number of levels.
pub const LEVELS: usize = 6;

impl Level {
    /// All of them, shortest first.
    pub const ALL: [Self; LEVELS] = [Self::M1, Self::M5, Self::M15, Self::H1, Self::H6, Self::H24];

    /// The length in milliseconds.
    #[must_use]
    pub const fn ms(self) -> i64 {
        60_000
            * match self {
                Self::M1 => 1,
                Self::M5 => 5,
                Self::M15 => 15,
                Self::H1 => 60,
                Self::H6 => 360,
                Self::H24 => 1_440,
            }
    }

    /// The name in settings and queries: `1m`, `24h`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::H1 => "1h",
            Self::H6 => "6h",
            Self::H24 => "24h",
        }
    }

    /// The level with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// Position in [`Level::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The next shorter level; `None` for the first, which is made of samples.
    #[must_use]
    pub fn below(self) -> Option<Self> {
        self.index().checked_sub(1).map(|i| Self::ALL[i])
    }

    /// The next longer level.
    #[must_use]
    pub fn above(self) -> Option<Self> {
        Self::ALL.get(self.index() + 1).copied()
    }

    /// The start of the window that contains `t`.
    #[must_use]
    pub const fn floor(self, t: TimestampMs) -> TimestampMs {
        t - t.rem_euclid(self.ms())
    }
}

/// Statistics of the samples of a window. NaN values are counted separately. A window without samples has no row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowRow {
    /// Start of the window, which covers `[start, start + length)`.
    pub start: TimestampMs,
    /// Number of samples.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The earliest.
    pub first: f64,
    /// The latest.
    pub last: f64,
    /// Sum of squared differences from the mean, for the standard deviation.
    pub m2: f64,
    /// The samples later than the start, for windows that are open on the left.
    pub inner: Inner,
}

/// Statistics of the samples of a window except one exactly at its start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inner {
    /// Whether a sample lies exactly at the start; it is then the first one.
    pub on_start: bool,
    /// Whether a NaN lies exactly at the start.
    pub nan_on_start: bool,
    /// Number of NaN values later than the start, without stale markers.
    pub nans: f64,
    /// Sum of the samples later than the start.
    pub sum: f64,
    /// The smallest of them; +Inf if there are none.
    pub min: f64,
    /// The largest of them; -Inf if there are none.
    pub max: f64,
}

impl Inner {
    const NONE: Self = Self { on_start: false, nan_on_start: false, nans: 0.0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };
}

impl WindowRow {
    /// A row without samples.
    #[must_use]
    pub fn empty(start: TimestampMs) -> Self {
        Self {
            start,
            count: 0.0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            first: f64::NAN,
            last: f64::NAN,
            m2: 0.0,
            inner: Inner::NONE,
        }
    }

    /// Number of samples later than the start.
    #[must_use]
    pub fn inner_count(&self) -> f64 {
        self.count - f64::from(self.inner.on_start)
    }

    /// Number of samples with NaN values.
    #[must_use]
    pub fn count_with_nans(&self) -> f64 {
        self.count + self.inner.nans + f64::from(self.inner.nan_on_start)
    }

    /// Sum, smallest and largest of the samples later than the start, derived from the other figures: the sum up to rounding, the
    /// extremes exactly unless the first sample is one.
    #[must_use]
    pub fn derived_inner(&self) -> [f64; 3] {
        if self.inner_count() <= 0.0 {
            return [Inner::NONE.sum, Inner::NONE.min, Inner::NONE.max];
        }
        let sum = if self.inner.on_start { self.sum - self.first } else { self.sum };
        [sum, self.min, self.max]
    }

    /// Rounds away digits that carry no information but need space: the last bits of a sum of decimals are rounding errors, and
    /// seven digits of a standard deviation are enough.
    fn settled(mut self) -> Self {
        if self.min == self.max && self.min.is_finite() {
            (self.sum, self.m2) = (self.count * self.min, 0.0);
        } else if let Some(exponent) = codec::decimal_exponent(&[self.min, self.max, self.first, self.last]) {
            let scale = self.sum.abs().max(self.min.abs()).max(self.max.abs());
            if let Some(decimal) = codec::nearest_decimal(self.sum, exponent)
                && (decimal - self.sum).abs() <= ROUNDING * scale
            {
                self.sum = decimal;
            }
        }
        let rounded = self.m2 as f32;
        if rounded.is_normal() {
            self.m2 = f64::from(rounded);
        }
        let follows = self.derived_inner()[0];
        if (follows - self.inner.sum).abs() <= ROUNDING * self.inner.sum.abs() {
            self.inner.sum = follows;
        }
        self
    }

    fn of(start: TimestampMs, level: Level, v: f64) -> Self {
        let on_start = level.floor(start) == start;
        if v.is_nan() {
            let inner = Inner { nan_on_start: on_start, nans: f64::from(!on_start), ..Inner::NONE };
            return Self { inner, ..Self::empty(start) };
        }
        let inner = if on_start { Inner { on_start, ..Inner::NONE } } else { Inner { sum: v, min: v, max: v, ..Inner::NONE } };
        Self { start, count: 1.0, sum: v, min: v, max: v, first: v, last: v, m2: 0.0, inner }
    }

    /// The mean.
    #[must_use]
    pub fn avg(&self) -> f64 {
        self.sum / self.count
    }

    /// The standard deviation of the population.
    #[must_use]
    pub fn stddev(&self) -> f64 {
        (self.m2 / self.count).max(0.0).sqrt()
    }

    /// Adds a later row.
    fn absorb(&mut self, later: &Self) {
        self.inner.nans += later.inner.nans + f64::from(later.inner.nan_on_start);
        if later.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            self.first = later.first;
        }
        self.last = later.last;
        self.add(later);
        self.inner.sum += later.sum;
        self.inner.min = self.inner.min.min(later.min);
        self.inner.max = self.inner.max.max(later.max);
    }

    /// Adds what does not depend on order. Chan, Golub, LeVeque (1979), "Updating formulae and a pairwise algorithm for computing
    /// sample variances", equation 2.1b.
    fn add(&mut self, other: &Self) {
        if self.count == 0.0 {
            self.m2 = other.m2;
        } else {
            let delta = other.avg() - self.avg();
            self.m2 += other.m2 + delta * delta * self.count * other.count / (self.count + other.count);
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Adds samples that arrived after the samples of this hour were removed. A sample exactly at the start counts once; duplicates
    /// of other samples cannot be detected. The first and the last stay as they are, since their times are not known.
    fn with_late(mut self, mut late: Self) -> Self {
        let taken = self.inner.on_start || self.inner.nan_on_start;
        if taken && late.inner.on_start {
            // Remove the sample at the start: only the others are new.
            let rest = late.inner_count();
            let around = late.avg() - late.first;
            late.m2 = if rest > 0.0 { (late.m2 - around * around * late.count / rest).max(0.0) } else { 0.0 };
            (late.count, late.sum, late.min, late.max) = (rest, late.inner.sum, late.inner.min, late.inner.max);
            late.inner.on_start = false;
        }
        self.inner.nans += late.inner.nans;
        self.inner.nan_on_start |= late.inner.nan_on_start && !taken;
        if late.count == 0.0 {
            return self;
        }
        if self.count == 0.0 {
            (self.first, self.last) = (late.first, late.last);
        } else if late.inner.on_start {
            self.first = late.first;
        }
        self.inner.on_start |= late.inner.on_start;
        self.add(&late);
        self.inner.sum += late.inner.sum;
        self.inner.min = self.inner.min.min(late.inner.min);
        self.inner.max = self.inner.max.max(late.inner.max);
        self.settled()
    }
}

/// Relative rounding error that a sum may have.
const ROUNDING: f64 = 1e-12;

fn gather(level: Level, rows: impl Iterator<Item = WindowRow>) -> Vec<WindowRow> {
    let mut out: Vec<WindowRow> = Vec::new();
    for row in rows {
        let start = level.floor(row.start);
        match out.last_mut() {
            Some(open) if open.start == start => open.absorb(&row),
            _ => out.push(WindowRow { start, ..row }),
        }
    }
    out
}

/// The windows of samples in rising time.
#[must_use]
pub fn from_samples(level: Level, samples: &Columns) -> Vec<WindowRow> {
    if level == Level::H1 {
        let mut hours = hours(samples);
        hours.retain(|row| row.count > 0.0);
        return hours;
    }
    gather(level, samples.iter().filter(|s| !s.v.is_nan()).map(|s| WindowRow::of(s.t, level, s.v)))
}

/// The windows of shorter windows in rising time.
#[must_use]
pub fn from_rows(level: Level, rows: &[WindowRow]) -> Vec<WindowRow> {
    gather(level, rows.iter().copied().filter(|row| row.count > 0.0))
}

/// The stored hours of samples in rising time; an hour with only NaN values has a row too.
#[must_use]
pub fn hours(samples: &Columns) -> Vec<WindowRow> {
    let level = Level::H1;
    let rows = gather(level, samples.iter().filter(|s| !is_stale_marker(s.v)).map(|s| WindowRow::of(s.t, level, s.v)));
    rows.into_iter().map(WindowRow::settled).collect()
}

/// Merges stored hours with samples that arrived later. `there` are the samples of those hours that still exist, `late` the new
/// ones. An hour whose samples all exist is recomputed; late samples are added to an hour whose samples were removed, partly or
/// completely.
#[must_use]
pub fn hours_with_late(kept: &[WindowRow], there: &Columns, late: &Columns) -> Vec<WindowRow> {
    let is_new = |t: &TimestampMs| there.times.binary_search(t).is_err();
    let new: Vec<_> = late.iter().filter(|s| is_new(&s.t)).collect();
    let mut all: BTreeMap<TimestampMs, f64> = there.iter().map(|s| (s.t, s.v)).collect();
    all.extend(late.iter().map(|s| (s.t, s.v)));
    let by_start = |rows: Vec<WindowRow>| rows.into_iter().map(|row| (row.start, row)).collect::<BTreeMap<_, _>>();
    let there = by_start(hours(there));
    let new = by_start(hours(&Columns { times: new.iter().map(|s| s.t).collect(), values: new.iter().map(|s| s.v).collect() }));
    let mut out = by_start(hours(&Columns { times: all.keys().copied().collect(), values: all.values().copied().collect() }));
    for row in kept {
        if there.get(&row.start).is_some_and(|t| t.count_with_nans() == row.count_with_nans()) {
            continue;
        }
        out.insert(row.start, new.get(&row.start).map_or(*row, |late| row.with_late(*late)));
    }
    out.into_values().collect()
}

/// The end of the windows that can be closed, given the newest sample of a series: the last boundary at or before the watermark
/// (newest minus allowed lateness).
#[must_use]
pub fn close_through(level: Level, newest: TimestampMs, allowed_lateness_ms: i64) -> TimestampMs {
    level.floor(newest.saturating_sub(allowed_lateness_ms))
}

#[cfg(test)]
mod tests;
