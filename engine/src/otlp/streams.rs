//! State of delta streams: running totals, and boundaries of exponential histograms.
//!
//! A running total is the sum of all differences so far. The store has it as the newest sample of its series; this state only saves
//! reading it. It may be lost at any time, as in a restart, and the total continues from the store. A change is kept once its
//! samples are durable; a failed request leaves no trace, so that it can be sent again.

use rustc_hash::FxHashMap;

use super::exponential::Shape;
use crate::model::{Labels, TimestampMs};

/// Most running totals that are remembered; others are read from the store.
const MAX_TOTALS: usize = 100_000;
/// Most exponential histograms that are remembered, of up to about 10 KB each.
const MAX_SHAPES: usize = 4_000;
/// State without changes for this long is forgotten.
const IDLE_MS: i64 = 3_600_000;
/// Interval of the check for idle state.
const CHECK_EVERY_MS: i64 = 60_000;

/// Nanoseconds of a millisecond.
pub(super) const NANOS: u64 = 1_000_000;

/// Remembered times per series, to tell late differences from repeated ones.
const RECENT: usize = 8;

/// Which differences are in a total, as far as known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Steps {
    /// The newest time, nanoseconds.
    pub(super) newest: u64,
    /// Differences up to this time may or may not be in the total.
    floor: u64,
    /// Times of differences that are in the total; 0 for none.
    recent: [u64; RECENT],
}

/// How a difference relates to a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is not in the total yet.
    New,
    /// It is in the total: it was sent again.
    Again,
    /// It is too old to know.
    TooLate,
}

impl Steps {
    /// The state for a total that was read from the store, where times are in milliseconds.
    pub(super) fn kept(newest: TimestampMs) -> Self {
        let newest = u64::try_from(newest).unwrap_or_default().saturating_mul(NANOS);
        Self { newest, floor: newest.saturating_add(NANOS - 1), recent: [newest; RECENT] }
    }

    pub(super) fn judge(&self, at: u64) -> Step {
        if self.recent.contains(&at) || (at <= self.floor && at / NANOS == self.newest / NANOS) {
            Step::Again
        } else if at > self.floor {
            Step::New
        } else {
            Step::TooLate
        }
    }

    pub(super) fn note(&mut self, at: u64) {
        self.newest = self.newest.max(at);
        let oldest = self.recent.iter_mut().min();
        if let Some(oldest) = oldest.filter(|oldest| **oldest < at) {
            self.floor = self.floor.max(*oldest);
            *oldest = at;
        }
    }
}

/// A running total.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Total {
    pub(super) value: f64,
    pub(super) steps: Steps,
}

/// The last state of an exponential histogram that was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) shape: Shape,
    pub(super) bounds: Vec<f64>,
    pub(super) start: u64,
    /// Its time is the newest step.
    pub(super) steps: Steps,
}

/// Changes of a request, each with the row that writes it.
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
    checked_at: TimestampMs,
}

impl Streams {
    pub(super) fn total(&self, labels: &Labels) -> Option<Total> {
        self.totals.get(labels).map(|known| known.0)
    }

    pub(super) fn written(&self, labels: &Labels) -> Option<&Written> {
        self.shapes.get(labels).map(|known| &known.0)
    }

    /// Keeps changes after the samples of a request are durable, except those whose row was refused.
    pub fn commit(&mut self, changes: Changes, refused: impl Fn(usize) -> bool, now: TimestampMs) {
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
        if now.saturating_sub(self.checked_at) >= CHECK_EVERY_MS || self.totals.len() > MAX_TOTALS || self.shapes.len() > MAX_SHAPES {
            self.checked_at = now;
            forget_idle(&mut self.totals, MAX_TOTALS, now);
            forget_idle(&mut self.shapes, MAX_SHAPES, now);
        }
    }

    /// Forgets changed state if it is unknown whether the samples are durable: it is read from the store again.
    pub fn forget(&mut self, changes: &Changes) {
        self.totals.retain(|labels, _| !changes.totals.contains_key(labels));
        self.shapes.retain(|labels, _| !changes.shapes.contains_key(labels));
    }
}

/// Forgets idle state, and the older half if there is still too much.
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
        let totals = names
            .map(|n| (Labels::metric("m", &[("n", &n.to_string())]), (Total { value: n as f64, steps: Steps::default() }, row)))
            .collect();
        Changes { totals, ..Changes::default() }
    }

    #[test]
    fn a_change_counts_once_its_row_was_stored() {
        let mut streams = Streams::default();
        let known = |streams: &Streams, n: usize| streams.total(&Labels::metric("m", &[("n", &n.to_string())])).map(|t| t.value);
        streams.commit(change(1..2, 7), |row| row == 7, 0);
        assert_eq!(known(&streams, 1), None);
        streams.commit(change(1..2, 7), |_| false, 0);
        assert_eq!(known(&streams, 1), Some(1.0));
        streams.forget(&change(1..2, 7));
        assert_eq!(known(&streams, 1), None);
    }

    #[test]
    fn a_late_difference_is_distinguished_from_a_repeated_one() {
        use Step::{Again, New, TooLate};
        let mut steps = Steps::default();
        let at = |n: u64| n * NANOS;
        for n in [50, 40, 60] {
            assert_eq!(steps.judge(at(n)), New);
            steps.note(at(n));
            assert_eq!(steps.judge(at(n)), Again);
        }
        assert_eq!((steps.newest, steps.judge(at(45)), steps.judge(at(1))), (at(60), New, New));
        (61..=66).for_each(|n| steps.note(at(n)));
        assert_eq!([40, 45, 55].map(|n| steps.judge(at(n))), [TooLate, New, New], "the oldest is forgotten");
        let kept = Steps::kept(7);
        let judged = [6, 7, 8].map(|ms| kept.judge(ms * NANOS + 5));
        assert_eq!(judged, [TooLate, Again, New]);
    }

    #[test]
    fn memory_is_bounded_and_idle_state_is_forgotten() {
        let mut streams = Streams::default();
        for round in 0..5 {
            streams.commit(change(round * 50_000..(round + 1) * 50_000, 0), |_| false, round as i64);
            assert!(streams.totals.len() <= MAX_TOTALS, "{round}");
        }
        assert!(streams.totals.len() >= 50_000, "the newest are known");
        streams.commit(Changes::default(), |_| false, IDLE_MS + 10);
        assert!(streams.totals.is_empty());
    }
}
