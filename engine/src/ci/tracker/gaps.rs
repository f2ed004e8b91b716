//! Lists of runs, page by page: the newest of them, and what is still to be read of the past.

use serde::{Deserialize, Serialize};

use super::RunTracker;
use crate::ci::parse::{Page, WorkflowRun};
use crate::model::TimestampMs;

/// Stretches of the past that are still to be read; more become one.
const MAX_GAPS: usize = 8;
/// Pages that GitHub gives of a list with a filter: it stops at 1,000 items.
const MAX_PAGES: u32 = 10;

/// A stretch of creation times of which not all runs are known, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Its beginning.
    pub from: TimestampMs,
    /// Its end; moves towards the beginning.
    pub to: TimestampMs,
    /// The page that comes next, from 1: more than the first is read only where a page does not get any further back.
    #[serde(default = "first")]
    pub page: u32,
    /// Runs on the pages before it.
    #[serde(default)]
    pub seen: u64,
}

fn first() -> u32 {
    1
}

impl RunTracker {
    /// Takes in the newest runs, as the first page of an answer has them.
    pub fn observe_newest_page(&mut self, page: Page<WorkflowRun>, now: TimestampMs) {
        let newest = page.items.iter().map(|run| run.created).max();
        // A page of which nothing could be read says nothing of how far back it goes.
        let reached = page.items.last().map_or(now, |run| run.created);
        let from = self.meta.seen_to.unwrap_or(TimestampMs::MIN).max(now - self.keep_ms);
        if page.more && reached > from {
            self.meta.gaps.push(Gap { from, to: reached, page: 1, seen: 0 });
            if self.meta.gaps.len() > MAX_GAPS {
                let ends =
                    |gaps: &[Gap]| (gaps.iter().map(|g| g.from).min().unwrap_or(from), gaps.iter().map(|g| g.to).max().unwrap_or(reached));
                let (from, to) = ends(&self.meta.gaps);
                self.meta.gaps = vec![Gap { from, to, page: 1, seen: 0 }];
            }
            self.meta_changed = true;
        }
        self.take(page.items, now);
        // A clock that is ahead must not hide what comes later.
        let newest = newest.map(|newest| newest.min(now)).max(self.meta.seen_to);
        if newest != self.meta.seen_to || self.meta.opened.is_none() {
            self.meta.seen_to = newest.or(Some(now));
            self.meta.opened.get_or_insert(now);
            self.meta_changed = true;
        }
    }

    /// The stretch of the past that is to be read next, the newest first.
    #[must_use]
    pub fn next_gap(&self) -> Option<Gap> {
        self.meta.gaps.last().copied()
    }

    /// Takes in an answer for [`RunTracker::next_gap`]: a page of its runs, the newest first.
    ///
    /// The next request asks for what was created up to the last run of this page. So no page shifts while runs come or are deleted, and
    /// GitHub's bound of 1,000 runs for a filter is not met. Where that gets no further (a page within one second, or one of which
    /// nothing is shown), the page after it is asked for.
    pub fn observe_gap_page(&mut self, page: Page<WorkflowRun>, now: TimestampMs) {
        let (reached, more, total, length) = (page.items.last().map(|run| run.created), page.more, page.total, page.length as u64);
        self.take(page.items, now);
        let Some(gap) = self.meta.gaps.last_mut() else { return };
        // The last page that GitHub gives of a long list is not its end.
        let last = gap.page >= MAX_PAGES;
        match reached.filter(|reached| *reached < gap.to) {
            Some(reached) if more || last => *gap = Gap { to: reached, page: 1, seen: 0, ..*gap },
            None if more && !last => (gap.page, gap.seen) = (gap.page + 1, gap.seen + length),
            None if more || (last && total.is_some_and(|total| total > gap.seen + length)) => {
                *gap = Gap { to: gap.to - 1_000, page: 1, seen: 0, ..*gap };
                self.meta.missed = true;
            }
            _ => gap.to = TimestampMs::MIN,
        }
        if gap.to <= gap.from.max(now - self.keep_ms) {
            self.meta.gaps.pop();
        }
        self.meta_changed = true;
    }
}
