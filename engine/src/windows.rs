//! Time windows over one series: their lengths, their rows, how samples and smaller windows make them.
//!
//! Pure. When a window closes is decided by [`close_through`] from event time; the store keeps the rows; the actors
//! drive it. Late samples reopen nothing: past the allowed lateness they are counted and left to the raw history.

use serde::Serialize;

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

/// What a window says about its samples. NaN is no sample here; an empty window has no row.
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
    /// Whether the row tells of all samples: it does not where one of the series' day was NaN.
    pub whole: bool,
    /// Sum of the others.
    pub sum: f64,
    /// The smallest of the others; +Inf where there are none.
    pub min: f64,
    /// The largest of the others; -Inf where there are none.
    pub max: f64,
}

impl Inner {
    const NONE: Self = Self { on_start: false, whole: true, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };
}

impl WindowRow {
    /// How many figures a row has beside its start.
    pub const FIGURES: usize = 7;
    /// How many figures are kept of [`WindowRow::inner`].
    pub const INNER_FIGURES: usize = 5;

    /// The figures in the order in which they are kept.
    #[must_use]
    pub fn figures(&self) -> [f64; Self::FIGURES] {
        [self.count, self.sum, self.min, self.max, self.first, self.last, self.m2]
    }

    /// The row with these figures.
    #[must_use]
    pub fn of_figures(start: TimestampMs, [count, sum, min, max, first, last, m2]: [f64; Self::FIGURES]) -> Self {
        Self { start, count, sum, min, max, first, last, m2, inner: Inner { whole: false, ..Inner::NONE } }
    }

    /// What is kept of [`WindowRow::inner`]: NaN stands for what follows from the other figures.
    #[must_use]
    pub fn inner_figures(&self) -> [f64; Self::INNER_FIGURES] {
        let unless = |v: f64, follows: f64| if v == follows { f64::NAN } else { v };
        let (i, derived) = (self.inner, self.derived_inner());
        [f64::from(i.on_start), f64::from(i.whole), unless(i.sum, derived.sum), unless(i.min, derived.min), unless(i.max, derived.max)]
    }

    /// The row with these figures of [`WindowRow::inner`].
    #[must_use]
    pub fn with_inner_figures(mut self, [on_start, whole, sum, min, max]: [f64; Self::INNER_FIGURES]) -> Self {
        let or = |v: f64, follows: f64| if v.is_nan() { follows } else { v };
        (self.inner.on_start, self.inner.whole) = (on_start == 1.0, whole == 1.0);
        let derived = self.derived_inner();
        (self.inner.sum, self.inner.min, self.inner.max) = (or(sum, derived.sum), or(min, derived.min), or(max, derived.max));
        self
    }

    /// How many samples are later than the start.
    #[must_use]
    pub fn inner_count(&self) -> f64 {
        self.count - f64::from(self.inner.on_start)
    }

    /// What the others come to by subtraction: the sum almost, the extremes unless the first sample is one.
    fn derived_inner(&self) -> Inner {
        if self.inner_count() <= 0.0 {
            return Inner { on_start: self.inner.on_start, whole: self.inner.whole, ..Inner::NONE };
        }
        let sum = if self.inner.on_start { self.sum - self.first } else { self.sum };
        Inner { sum, min: self.min, max: self.max, ..self.inner }
    }

    /// Takes the sum that follows by subtraction where it differs in nothing but the last bits: it needs no room.
    fn settled(mut self) -> Self {
        let follows = self.derived_inner().sum;
        if (follows - self.inner.sum).abs() <= 1e-13 * self.inner.sum.abs() {
            self.inner.sum = follows;
        }
        self
    }

    fn of(start: TimestampMs, level: Level, v: f64) -> Self {
        let on_start = level.floor(start) == start;
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

    /// Takes in a later row: Chan, Golub, LeVeque (1979), "Updating formulae and a pairwise algorithm for computing
    /// sample variances", equation 2.1b.
    fn absorb(&mut self, later: &Self) {
        let delta = later.avg() - self.avg();
        let count = self.count + later.count;
        self.m2 += later.m2 + delta * delta * self.count * later.count / count;
        self.count = count;
        self.sum += later.sum;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.last = later.last;
        self.inner.whole &= later.inner.whole;
        self.inner.sum += later.sum;
        self.inner.min = self.inner.min.min(later.min);
        self.inner.max = self.inner.max.max(later.max);
    }
}

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
    let mut rows = gather(level, samples.iter().filter(|s| !s.v.is_nan()).map(|s| WindowRow::of(s.t, level, s.v)));
    let whole = !samples.values.iter().any(|v| v.is_nan() && !is_stale_marker(*v));
    for row in &mut rows {
        *row = row.settled();
        row.inner.whole = whole;
    }
    rows
}

/// Windows of shorter windows in rising time.
#[must_use]
pub fn from_rows(level: Level, rows: &[WindowRow]) -> Vec<WindowRow> {
    gather(level, rows.iter().copied())
}

/// Up to where the windows of a series may be closed, given its newest sample: the last boundary that the watermark
/// (newest minus the allowed lateness) has reached.
#[must_use]
pub fn close_through(level: Level, newest: TimestampMs, allowed_lateness_ms: i64) -> TimestampMs {
    level.floor(newest.saturating_sub(allowed_lateness_ms))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn columns(values: &[(i64, f64)]) -> Columns {
        Columns { times: values.iter().map(|v| v.0).collect(), values: values.iter().map(|v| v.1).collect() }
    }

    #[test]
    fn a_window_is_closed_on_the_left_and_open_on_the_right() {
        let rows = from_samples(Level::M1, &columns(&[(0, 1.0), (59_999, 3.0), (60_000, 7.0), (61_000, f64::NAN)]));
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].start, rows[0].count, rows[0].sum, rows[0].first, rows[0].last), (0, 2.0, 4.0, 1.0, 3.0));
        assert_eq!((rows[1].start, rows[1].count, rows[1].stddev()), (60_000, 1.0, 0.0));
        assert_eq!(rows[0].stddev(), 1.0);
        assert_eq!(from_samples(Level::M1, &columns(&[(-1, 1.0)]))[0].start, -60_000);
    }

    #[test]
    fn a_window_closes_when_the_watermark_passes_its_end_plus_the_lateness() {
        assert_eq!(close_through(Level::M1, 89_999, 30_000), 0);
        assert_eq!(close_through(Level::M1, 90_000, 30_000), 60_000);
    }

    #[test]
    fn a_row_knows_its_samples_without_the_one_at_its_start() {
        let day = columns(&[(0, 9.0), (10, 2.0), (20, 4.0), (3_600_001, 5.0), (7_200_000, 7.0)]);
        let rows = from_samples(Level::H1, &day);
        let told: Vec<_> = rows.iter().map(|r| (r.inner.on_start, r.inner_count(), r.inner.sum, r.inner.min, r.inner.max)).collect();
        assert_eq!(told, [(true, 2.0, 6.0, 2.0, 4.0), (false, 1.0, 5.0, 5.0, 5.0), (true, 0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY)]);
        assert!(rows.iter().all(|r| r.inner.whole));
        for row in rows {
            assert_eq!(WindowRow::of_figures(row.start, row.figures()).with_inner_figures(row.inner_figures()), row);
        }
        assert!(!from_samples(Level::H1, &columns(&[(1, 1.0), (2, f64::NAN)]))[0].inner.whole);
        let cancelled = from_samples(Level::H1, &columns(&[(0, 1e300), (1, 1.0)]))[0];
        assert_eq!((cancelled.sum, cancelled.inner.sum), (1e300, 1.0), "no subtraction where it would lose the rest");
    }

    #[test]
    fn levels_nest() {
        for level in Level::ALL {
            assert_eq!(Level::from_name(level.name()), Some(level));
            if let Some(below) = level.below() {
                assert_eq!(level.ms() % below.ms(), 0);
                assert_eq!(below.above(), Some(level));
            }
        }
    }

    proptest! {
        #[test]
        fn windows_of_windows_are_windows_of_samples(rows in prop::collection::btree_map(0i64..7_200_000, -1e6f64..1e6, 1..500)) {
            let samples = columns(&rows.into_iter().collect::<Vec<_>>());
            let minutes = from_samples(Level::M1, &samples);
            for level in &Level::ALL[1..] {
                let cascade = from_rows(*level, &minutes);
                let direct = from_samples(*level, &samples);
                prop_assert_eq!(cascade.len(), direct.len());
                for (a, b) in cascade.iter().zip(&direct) {
                    prop_assert_eq!((a.start, a.count, a.min, a.max, a.first, a.last), (b.start, b.count, b.min, b.max, b.first, b.last));
                    prop_assert!((a.sum - b.sum).abs() <= 1e-6 * (1.0 + b.sum.abs()));
                    prop_assert!((a.stddev() - b.stddev()).abs() <= 1e-6 * (1.0 + b.stddev()));
                }
            }
        }
    }
}
