//! The series whose samples are judged: their newest sample, the time between samples, and the rules that judge them.

use rustc_hash::FxHashMap;

use super::super::RuleSet;
use super::super::alert::AlertId;
use super::{SILENT_MS, TOLERATED};
use crate::model::{Labels, TimestampMs};

/// Series that are remembered at the most. All are forgotten then; alerts stay, and what else is needed is learned again.
pub(super) const MAX_WATCHED: usize = 300_000;
/// Gaps up to this break no hold, however short the interval is.
const SHORT_GAP_MS: i64 = 10_000;
/// So many longer gaps in a row are the interval from then on.
const LONGER: u8 = 3;

/// See the module.
#[derive(Default)]
pub(super) struct WatchedSeries {
    slots: FxHashMap<Labels, usize>,
    series: Vec<Watched>,
}

/// A series.
pub(super) struct Watched {
    pub(super) labels: Labels,
    pub(super) rules: Box<[Watch]>,
    /// Time of the newest sample.
    pub(super) last: Option<TimestampMs>,
    /// Time between samples; 0 while unknown.
    interval: i64,
    /// Gaps in a row that were longer.
    longer: u8,
}

/// A rule that judges it.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    pub(super) rule: usize,
    pub(super) id: AlertId,
    /// Whether there is an alert, or something to remember.
    pub(super) active: bool,
}

impl WatchedSeries {
    pub(super) fn slot(&self, labels: &Labels) -> Option<usize> {
        self.slots.get(labels).copied()
    }

    /// Whether nothing more can be remembered.
    pub(super) fn is_full(&self) -> bool {
        self.series.len() >= MAX_WATCHED
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn add(&mut self, labels: &Labels, rules: Vec<Watch>, last: Option<TimestampMs>) -> usize {
        let slot = self.series.len();
        self.series.push(Watched { labels: labels.clone(), rules: rules.into(), last, interval: 0, longer: 0 });
        self.slots.insert(labels.clone(), slot);
        slot
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut Watched> {
        self.series.get_mut(slot)
    }

    /// Time between samples of a series; 0 if unknown.
    pub(super) fn interval(&self, labels: &Labels) -> i64 {
        self.slot(labels).map_or(0, |slot| self.series[slot].interval)
    }

    /// An alert has ended.
    pub(super) fn deactivate(&mut self, labels: &Labels, id: AlertId) {
        let Some(slot) = self.slot(labels) else { return };
        for watch in self.series[slot].rules.iter_mut().filter(|watch| watch.id == id) {
            watch.active = false;
        }
    }
}

/// The rules that judge a series.
pub(super) fn watches(rules: &RuleSet, labels: &Labels) -> Vec<Watch> {
    let watch = |rule: usize| Watch { rule, id: AlertId::new(&rules.rules()[rule].key, labels), active: false };
    rules.watching(labels).into_iter().map(watch).collect()
}

impl Watched {
    /// Samples older than this, as seen from now, are history.
    pub(super) fn history(&self) -> i64 {
        SILENT_MS.max(TOLERATED * self.interval)
    }

    /// Goes on to a newer sample. Returns whether the time since the last one is a gap.
    pub(super) fn advance(&mut self, t: TimestampMs) -> bool {
        let Some(last) = self.last.replace(t) else { return false };
        let gap = t - last;
        let tolerated = if self.interval == 0 { SILENT_MS } else { SHORT_GAP_MS.max(TOLERATED * self.interval) };
        self.learn(gap);
        gap > tolerated
    }

    fn learn(&mut self, gap: i64) {
        if gap <= 0 {
            return;
        }
        if self.interval == 0 {
            self.interval = gap;
        } else if gap <= TOLERATED * self.interval {
            self.interval = (self.interval + (gap - self.interval) / 8).max(1);
            self.longer = 0;
        } else {
            self.longer += 1;
            if self.longer >= LONGER {
                (self.interval, self.longer) = (gap, 0);
            }
        }
    }
}
