//! What is remembered of those who send differences (delta temporality), and of the boundaries of exponential histograms.
//!
//! A running total is the sum of all differences so far. The store has it as the newest sample of its series, so what is kept
//! here only saves looking there: it may be forgotten at any time, after a restart too, and the total goes on from where it was. A
//! change counts once its samples are durable; a request that failed leaves no trace, so that it can be sent again.

use rustc_hash::FxHashMap;

use super::exponential::Shape;
use crate::model::{Labels, TimestampMs};

/// Running totals that are remembered; the store knows the others.
const MAX_TOTALS: usize = 100_000;
/// Exponential histograms that are remembered, each with up to some 10 KB.
const MAX_SHAPES: usize = 4_000;
/// What had no news for so long is forgotten.
const IDLE_MS: i64 = 3_600_000;
/// How often that is looked for.
const LOOK_EVERY_MS: i64 = 60_000;

/// Nanoseconds of a millisecond.
pub(super) const NANOS: u64 = 1_000_000;

/// A running total, up to a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Total {
    pub(super) value: f64,
    /// Nanoseconds; those within the last millisecond are not known where the total comes from the store.
    pub(super) at: u64,
}

/// The last of an exponential histogram that was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) shape: Shape,
    pub(super) bounds: Vec<f64>,
    pub(super) start: u64,
    pub(super) at: u64,
}

/// Changes of a request, each with the row by which it is written.
#[derive(Debug, Default)]
pub struct Changes {
    pub(super) totals: FxHashMap<Labels, (Total, usize)>,
    pub(super) shapes: FxHashMap<Labels, (Option<Written>, usize)>,
}

impl Changes {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty() && self.shapes.is_empty()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Streams {
    totals: FxHashMap<Labels, (Total, TimestampMs)>,
    shapes: FxHashMap<Labels, (Written, TimestampMs)>,
    looked: TimestampMs,
}

impl Streams {
    pub(super) fn total(&self, labels: &Labels) -> Option<Total> {
        self.totals.get(labels).map(|known| known.0)
    }

    pub(super) fn written(&self, labels: &Labels) -> Option<&Written> {
        self.shapes.get(labels).map(|known| &known.0)
    }

    /// The samples of a request are durable, but for the rows that were refused.
    pub fn keep(&mut self, changes: Changes, refused: impl Fn(usize) -> bool, now: TimestampMs) {
        for (labels, (total, row)) in changes.totals {
            if !refused(row) {
                self.totals.insert(labels, (total, now));
            }
        }
        for (labels, (written, row)) in changes.shapes {
            match written.filter(|_| !refused(row)) {
                Some(written) => self.shapes.insert(labels, (written, now)),
                None => self.shapes.remove(&labels),
            };
        }
        if now.saturating_sub(self.looked) >= LOOK_EVERY_MS || self.totals.len() > MAX_TOTALS || self.shapes.len() > MAX_SHAPES {
            self.looked = now;
            forget_idle(&mut self.totals, MAX_TOTALS, now);
            forget_idle(&mut self.shapes, MAX_SHAPES, now);
        }
    }

    /// Whether the samples of a request are durable is not known: the store will be asked.
    pub fn forget(&mut self, changes: &Changes) {
        self.totals.retain(|labels, _| !changes.totals.contains_key(labels));
        self.shapes.retain(|labels, _| !changes.shapes.contains_key(labels));
    }
}

/// Forgets what is idle, and where that is not enough, the half with the oldest news.
fn forget_idle<T>(known: &mut FxHashMap<Labels, (T, TimestampMs)>, most: usize, now: TimestampMs) {
    known.retain(|_, (_, touched)| now.saturating_sub(*touched) < IDLE_MS);
    if known.len() > most {
        let mut times: Vec<TimestampMs> = known.values().map(|(_, touched)| *touched).collect();
        let middle = times.len() - most / 2;
        let (_, edge, _) = times.select_nth_unstable(middle);
        let edge = *edge;
        known.retain(|_, (_, touched)| *touched > edge);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(names: std::ops::Range<usize>, row: usize) -> Changes {
        let totals = names.map(|n| (Labels::metric("m", &[("n", &n.to_string())]), (Total { value: n as f64, at: 1 }, row))).collect();
        Changes { totals, ..Changes::default() }
    }

    #[test]
    fn a_change_counts_when_its_row_was_kept() {
        let mut streams = Streams::default();
        let known = |streams: &Streams, n: usize| streams.total(&Labels::metric("m", &[("n", &n.to_string())])).map(|t| t.value);
        streams.keep(change(1..2, 7), |row| row == 7, 0);
        assert_eq!(known(&streams, 1), None);
        streams.keep(change(1..2, 7), |_| false, 0);
        assert_eq!(known(&streams, 1), Some(1.0));
        streams.forget(&change(1..2, 7));
        assert_eq!(known(&streams, 1), None);
    }

    #[test]
    fn memory_is_bounded_and_the_idle_are_forgotten() {
        let mut streams = Streams::default();
        for round in 0..5 {
            streams.keep(change(round * 50_000..(round + 1) * 50_000, 0), |_| false, round as i64);
            assert!(streams.totals.len() <= MAX_TOTALS, "{round}");
        }
        assert!(streams.totals.len() >= 50_000, "the newest are known");
        streams.keep(Changes::default(), |_| false, IDLE_MS + 10);
        assert!(streams.totals.is_empty());
    }
}
