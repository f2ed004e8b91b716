//! Lists of runs, page by page: the newest runs, and the gaps of the past that are still to be read.

use serde::{Deserialize, Serialize};

use super::RunTracker;
use crate::ci::parse::{Page, WorkflowRun};
use crate::model::TimestampMs;

/// Gaps at the most; more are merged into one.
const MAX_GAPS: usize = 8;
/// Pages of a filtered list that GitHub returns: it stops at 1,000 items.
const MAX_PAGES: u32 = 10;

/// A range of creation times, both ends included, of which not all runs are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Its beginning.
    pub from: TimestampMs,
    /// Its end; moves towards the beginning.
    pub to: TimestampMs,
    /// The next page, from 1. Later pages are read only where a page reaches no further back.
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
    /// Applies the first page of the list of runs, which has the newest.
    pub fn observe_newest_page(&mut self, page: Page<WorkflowRun>, now: TimestampMs) {
        let newest = page.items.iter().map(|run| run.created).max();
        // A page without a readable run does not say how far back it reaches.
        let reached = page.items.last().map_or(now, |run| run.created);
        let from = self.state.known_to.unwrap_or(TimestampMs::MIN).max(now - self.keep_ms);
        if page.more && reached > from {
            self.state.gaps.push(Gap { from, to: reached, page: 1, seen: 0 });
            if self.state.gaps.len() > MAX_GAPS {
                let ends =
                    |gaps: &[Gap]| (gaps.iter().map(|g| g.from).min().unwrap_or(from), gaps.iter().map(|g| g.to).max().unwrap_or(reached));
                let (from, to) = ends(&self.state.gaps);
                self.state.gaps = vec![Gap { from, to, page: 1, seen: 0 }];
            }
            self.state_changed = true;
        }
        self.observe_all(page.items, now);
        // A clock that is ahead must not hide later runs.
        let newest = newest.map(|newest| newest.min(now)).max(self.state.known_to);
        if newest != self.state.known_to || self.state.first_poll.is_none() {
            self.state.known_to = newest.or(Some(now));
            self.state.first_poll.get_or_insert(now);
            self.state_changed = true;
        }
    }

    /// The gap to read next: the newest.
    #[must_use]
    pub fn next_gap(&self) -> Option<Gap> {
        self.state.gaps.last().copied()
    }

    /// Applies an answer for [`RunTracker::next_gap`]: a page of its runs, the newest first.
    ///
    /// The next request asks for runs created up to the last run of this page. So pages do not shift while runs are added or deleted,
    /// and GitHub's bound of 1,000 runs for a filter is not reached. Where that reaches no further back (a page within one second, or one
    /// without a visible run), the following page is read.
    pub fn observe_gap_page(&mut self, page: Page<WorkflowRun>, now: TimestampMs) {
        let (reached, more, total, length) = (page.items.last().map(|run| run.created), page.more, page.total, page.length as u64);
        self.observe_all(page.items, now);
        let Some(gap) = self.state.gaps.last_mut() else { return };
        // The last page that GitHub returns of a long list is not its end.
        let last = gap.page >= MAX_PAGES;
        match reached.filter(|reached| *reached < gap.to) {
            Some(reached) if more || last => *gap = Gap { to: reached, page: 1, seen: 0, ..*gap },
            None if more && !last => (gap.page, gap.seen) = (gap.page + 1, gap.seen + length),
            None if more || (last && total.is_some_and(|total| total > gap.seen + length)) => {
                *gap = Gap { to: gap.to - 1_000, page: 1, seen: 0, ..*gap };
                self.state.has_unlisted_runs = true;
            }
            _ => gap.to = TimestampMs::MIN,
        }
        if gap.to <= gap.from.max(now - self.keep_ms) {
            self.state.gaps.pop();
        }
        self.state_changed = true;
    }
}
