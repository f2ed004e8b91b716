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

/// Differences whose times are remembered, to tell one that is late from one that is sent again.
const RECENT: usize = 8;

/// What became of the differences of a series so far: which are in its total, and which cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Steps {
    /// The newest, nanoseconds.
    pub(super) newest: u64,
    /// Whether those up to here are in the total is not known.
    floor: u64,
    /// Times of those that are in it; 0 where there is none.
    recent: [u64; RECENT],
}

/// What a difference is to a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is not in it yet.
    New,
    /// It is in it.
    Again,
    /// It came too late to be known.
    TooLate,
}

impl Steps {
    /// Of a total that was found in the store; there only the millisecond is known.
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

/// The last of an exponential histogram that was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) shape: Shape,
    pub(super) bounds: Vec<f64>,
    pub(super) start: u64,
    /// Its time is the newest step.
    pub(super) steps: Steps,
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
        let totals = names
            .map(|n| (Labels::metric("m", &[("n", &n.to_string())]), (Total { value: n as f64, steps: Steps::default() }, row)))
            .collect();
        Changes { totals, ..Changes::default() }
    }

    #[test]
    fn a_change_counts_when_its_row_was_kept() {
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
    fn a_late_difference_is_told_from_one_that_is_sent_again() {
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
    fn memory_is_bounded_and_the_idle_are_forgotten() {
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
