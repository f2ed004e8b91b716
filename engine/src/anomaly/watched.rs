//! One series under watch: its windows go in, anomalies come out.
//!
//! Windows of five minutes are what the detector is measured with, and an hour of a series is then twelve values whatever its step. A
//! counter counts by its rate. The caller hands in windows in the order of time and says what is done with the rest.

use serde::{Deserialize, Serialize};

use super::{Band, Ensemble, Tuning};
use crate::metrics::is_counter;
use crate::model::{Labels, TimestampMs};
use crate::windows::{Level, WindowRow};
use crate::words::{self, Expectation};

/// The windows that are judged.
pub const LEVEL: Level = Level::M5;

/// An unusual window of a series. It is kept as a document, so fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// The end of the window, ms UTC.
    pub at: TimestampMs,
    /// The series.
    pub metric: Labels,
    /// Mean of the window; of a counter, its rate per second.
    pub value: f64,
    /// Lowest and highest expected value; none where the series was too short for an expectation.
    pub expected: Option<(f64, f64)>,
    /// How far the value lies outside what was expected, signed; 0 where its course is unusual, not its size.
    pub excess: f64,
    /// 0.5 to 1.
    pub score: f64,
    /// In how many of the stretches before it the series was as unusual…
    pub reached_by: u32,
    /// …of how many.
    pub stretches: u32,
    /// Length of a stretch, ms.
    pub stretch_ms: i64,
    /// What is unusual: `value beside the last ones`.
    pub unusual: String,
    /// One sentence.
    pub summary: String,
}

/// What a window led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The end of the window, ms UTC.
    pub at: TimestampMs,
    /// 0 to 1; 0.5 and more is an anomaly.
    pub score: f64,
    /// Set for an anomaly.
    pub anomaly: Option<Anomaly>,
}

/// See the module.
#[derive(Debug)]
pub struct WatchedSeries {
    labels: Labels,
    ensemble: Ensemble,
    /// A counter: end of the last window and its last value.
    counter: Option<Option<(TimestampMs, f64)>>,
    judged: u64,
    /// The end of the newest window that was judged.
    newest: TimestampMs,
}

impl WatchedSeries {
    /// A series of which nothing is known yet.
    #[must_use]
    pub fn new(labels: Labels, tuning: Tuning) -> Self {
        let name = labels.name();
        let counts = is_counter(name);
        Self { labels, ensemble: Ensemble::new(tuning), counter: counts.then_some(None), judged: 0, newest: TimestampMs::MIN }
    }

    /// Which series it is.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Where a value at `at` is expected; of a counter, a rate per second.
    #[must_use]
    pub fn expected(&self, at: TimestampMs) -> Option<Band> {
        self.ensemble.expected(at / 1_000)
    }

    /// Whether it has seen too little to report anything.
    #[must_use]
    pub fn is_learning(&self) -> bool {
        self.judged < self.ensemble.learning()
    }

    /// Windows that were judged.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.judged
    }

    /// The end of the newest window that was judged.
    #[must_use]
    pub fn newest(&self) -> TimestampMs {
        self.newest
    }

    /// Judges a window. None where it is older than one before, or has no figure: of a counter the first one, and one with a restart.
    pub fn observe(&mut self, row: &WindowRow) -> Option<Judged> {
        let at = row.start + LEVEL.ms();
        if at <= self.newest {
            return None;
        }
        self.newest = at;
        let value = self.value(row, at)?;
        let verdict = self.ensemble.observe(at / 1_000, value)?;
        self.judged += 1;
        let anomaly = verdict.is_anomaly().then(|| {
            let (rank, band) = (verdict.rank, verdict.expected);
            let stretch_ms = i64::from(Tuning::default().ranking.block) * LEVEL.ms();
            let expectation = band.map(|band| Expectation {
                low: band.low,
                high: band.high,
                reached_by: rank.reached_by.into(),
                compared_ms: i64::from(rank.blocks) * stretch_ms,
            });
            Anomaly {
                at,
                metric: self.labels.clone(),
                value,
                expected: band.map(|band| (band.low, band.high)),
                excess: band.map_or(0.0, |band| band.excess(value)),
                score: verdict.score,
                reached_by: rank.reached_by.into(),
                stretches: rank.blocks.into(),
                stretch_ms,
                unusual: verdict.most_unusual.to_owned(),
                summary: words::unusual(&self.labels, value, expectation.as_ref()),
            }
        });
        Some(Judged { at, score: verdict.score, anomaly })
    }

    fn value(&mut self, row: &WindowRow, at: TimestampMs) -> Option<f64> {
        if row.count <= 0.0 {
            return None;
        }
        let Some(before) = &mut self.counter else { return Some(row.avg()) };
        let (before_at, last) = before.replace((at, row.last))?;
        let seconds = (at - before_at) as f64 / 1e3;
        (row.last >= last).then(|| (row.last - last) / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: i64, v: f64) -> WindowRow {
        WindowRow { count: 5.0, sum: 5.0 * v, min: v, max: v, first: v, last: v, ..WindowRow::empty(n * LEVEL.ms()) }
    }

    #[test]
    fn an_anomaly_says_what_was_expected_in_one_sentence() {
        let mut cpu = WatchedSeries::new(Labels::metric("system_cpu_utilization_ratio", &[]), Tuning::default());
        let value = |n: i64| if n == 1_500 { 0.97 } else { 0.2 + 0.01 * (n % 7) as f64 };
        let found: Vec<Anomaly> = (0..2_000).filter_map(|n| cpu.observe(&row(n, value(n)))?.anomaly).collect();
        let anomaly = found.iter().find(|anomaly| anomaly.at == 1_501 * LEVEL.ms()).expect("the spike");
        assert_eq!((anomaly.value, anomaly.reached_by), (0.97, 0));
        assert!(found.iter().all(|other| other.score <= anomaly.score), "{found:?}");
        assert!(anomaly.excess > 0.6 && anomaly.excess < 0.8, "{anomaly:?}");
        assert!(
            anomaly.summary.starts_with("CPU 97 % is unusual: ") && anomaly.summary.contains(" was expected; never so unusual in 5 d"),
            "{anomaly:?}"
        );
        assert_eq!(cpu.observe(&row(1_999, 0.2)), None, "a window counts once");
    }

    #[test]
    fn a_counter_counts_by_its_rate_and_a_restart_says_nothing() {
        let mut net = WatchedSeries::new(Labels::metric("a_bytes_total", &[]), Tuning::default());
        assert_eq!(net.observe(&row(0, 100.0)), None, "one window has no rate");
        assert!(net.observe(&row(1, 400.0)).is_some());
        assert_eq!((net.observe(&row(2, 10.0)), net.judged()), (None, 1));
        assert!(net.observe(&row(3, 20.0)).is_some());
    }
}
