//! Time windows over one series: their lengths, their rows, how samples and smaller windows make them.
//!
//! Pure. When a window closes is decided by [`close_through`] from event time; the store keeps the rows; the actors
//! drive it. Late samples reopen nothing: past the allowed lateness they are counted and left to the raw history.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::codec;
use crate::model::{Columns, TimestampMs, is_stale_marker};

/// The lengths of windows, each made of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Level {
    /// One minute, made of samples.
    #[serde(rename = "1m")]
    M1,
    /// Five minutes.
    #[serde(rename = "5m")]
    M5,
    /// A quarter of an hour.
    #[serde(rename = "15m")]
    M15,
    /// An hour.
    #[serde(rename = "1h")]
    H1,
    /// Six hours.
    #[serde(rename = "6h")]
    H6,
    /// A UTC day.
    #[serde(rename = "24h")]
    H24,
}

/// How many levels there are.
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

    /// As in settings and queries: `1m`, `24h`.
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

    /// The level of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// Its place in [`Level::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The level that this one is made of; none for the first, which is made of samples.
    #[must_use]
    pub fn below(self) -> Option<Self> {
        self.index().checked_sub(1).map(|i| Self::ALL[i])
    }

    /// The next longer one.
    #[must_use]
    pub fn above(self) -> Option<Self> {
        Self::ALL.get(self.index() + 1).copied()
    }

    /// The start of the window that holds `t`.
    #[must_use]
    pub const fn floor(self, t: TimestampMs) -> TimestampMs {
        t - t.rem_euclid(self.ms())
    }
}

/// What a window says about its samples. NaN is no sample here, but counted beside; an empty window has no row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowRow {
    /// First instant of the window; it covers `[start, start + length)`.
    pub start: TimestampMs,
    /// How many samples.
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
    /// Sum of squared differences from the mean, from which the standard deviation follows.
    pub m2: f64,
    /// The samples later than the start, for those who need a window that is open on the left.
    pub inner: Inner,
}

/// The samples of a window without one that lies exactly at its start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inner {
    /// Whether a sample lies exactly at the start; it is the first one then.
    pub on_start: bool,
    /// Whether a NaN lies exactly at the start.
    pub nan_on_start: bool,
    /// How many NaN are later than the start; stale markers are none.
    pub nans: f64,
    /// Sum of the others.
    pub sum: f64,
    /// The smallest of the others; +Inf where there are none.
    pub min: f64,
    /// The largest of the others; -Inf where there are none.
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

    /// How many samples are later than the start.
    #[must_use]
    pub fn inner_count(&self) -> f64 {
        self.count - f64::from(self.inner.on_start)
    }

    /// How many samples there were, NaN included.
    #[must_use]
    pub fn count_with_nans(&self) -> f64 {
        self.count + self.inner.nans + f64::from(self.inner.nan_on_start)
    }

    /// Sum, smallest and largest of the samples later than the start as they follow from the other figures: the sum almost,
    /// the extremes unless the first sample is one.
    #[must_use]
    pub fn derived_inner(&self) -> [f64; 3] {
        if self.inner_count() <= 0.0 {
            return [Inner::NONE.sum, Inner::NONE.min, Inner::NONE.max];
        }
        let sum = if self.inner.on_start { self.sum - self.first } else { self.sum };
        [sum, self.min, self.max]
    }

    /// Rounds away what is no information but costs room where rows are kept: a sum of decimals is a decimal, its last bits
    /// are errors of addition; a standard deviation is told to seven digits.
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

    /// Mean.
    #[must_use]
    pub fn avg(&self) -> f64 {
        self.sum / self.count
    }

    /// Standard deviation of the population.
    #[must_use]
    pub fn stddev(&self) -> f64 {
        (self.m2 / self.count).max(0.0).sqrt()
    }

    /// Takes in a later row.
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

    /// Adds what does not depend on order. Chan, Golub, LeVeque (1979), "Updating formulae and a pairwise algorithm for
    /// computing sample variances", equation 2.1b.
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

    /// The row of an hour whose samples have gone, with samples of the same hour that came afterwards. A sample at the very
    /// start counts once; of the others nobody can tell whether one was there. The first and the last stay what they were, since
    /// their times are not known.
    fn with_late(mut self, mut late: Self) -> Self {
        let taken = self.inner.on_start || self.inner.nan_on_start;
        if taken && late.inner.on_start {
            // Without the one at the start: the rest is what lies inside.
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

/// What adding up is off by, relative to the largest number.
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

/// Windows of samples in rising time.
#[must_use]
pub fn from_samples(level: Level, samples: &Columns) -> Vec<WindowRow> {
    if level == Level::H1 {
        let mut hours = hours(samples);
        hours.retain(|row| row.count > 0.0);
        return hours;
    }
    gather(level, samples.iter().filter(|s| !s.v.is_nan()).map(|s| WindowRow::of(s.t, level, s.v)))
}

/// Windows of shorter windows in rising time.
#[must_use]
pub fn from_rows(level: Level, rows: &[WindowRow]) -> Vec<WindowRow> {
    gather(level, rows.iter().copied().filter(|row| row.count > 0.0))
}

/// The hours of samples in rising time as they are kept: those with NaN alone have a row too.
#[must_use]
pub fn hours(samples: &Columns) -> Vec<WindowRow> {
    let level = Level::H1;
    let rows = gather(level, samples.iter().filter(|s| !is_stale_marker(s.v)).map(|s| WindowRow::of(s.t, level, s.v)));
    rows.into_iter().map(WindowRow::settled).collect()
}

/// Kept hours together with samples that came after they were made. `there` are the samples of those hours that are still
/// kept, `late` the ones that came. An hour whose samples are all there is worked out anew; to one whose samples have
/// gone, wholly or in part, the late ones are added.
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

/// Up to where the windows of a series may be closed, given its newest sample: the last boundary that the watermark
/// (newest minus the allowed lateness) has reached.
#[must_use]
pub fn close_through(level: Level, newest: TimestampMs, allowed_lateness_ms: i64) -> TimestampMs {
    level.floor(newest.saturating_sub(allowed_lateness_ms))
}

#[cfg(test)]
mod tests;
