//! How long a task was worked on.
//!
//! Execution time runs from in progress to done. Time in review is part of it; time in any other status (sent back to
//! pending, blocked, deferred, a status of the project's own) is not. A round ends when the task is done or cancelled;
//! one that is reopened begins a new round.
//!
//! A round that was not observed from its start has no time: neither for a task that was already in progress or review when it was
//! first observed, nor for one that came to review without being observed in progress.

use serde::{Deserialize, Serialize};

use super::{CANCELLED, DONE, IN_PROGRESS, REVIEW, is_work};

/// The time of one task's current round. A task that is seen for the first time has the default, whatever its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Stopwatch {
    /// Start of the current period of work; none without one, or where its start was not observed.
    since_ms: Option<i64>,
    /// Ended periods of this round.
    worked_ms: i64,
    /// A start was observed in this round.
    started: bool,
    /// The start of some work of this round was not observed.
    unknown: bool,
    /// Since when it is in review; none where it is not, or where that was not observed.
    review_since_ms: Option<i64>,
    /// Ended reviews of this round.
    reviewed_ms: i64,
}

/// The times of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Round {
    /// Time in progress and in review.
    pub(super) worked_ms: i64,
    /// The part of it in review.
    pub(super) reviewed_ms: i64,
}

impl Stopwatch {
    /// Start of the current period, where it was observed.
    pub(super) fn since_ms(&self) -> Option<i64> {
        self.since_ms
    }

    /// Applies a change of status. Returns the round where this ends it as done and all of it was observed.
    pub(super) fn change(&mut self, from: &str, to: &str, at_ms: i64) -> Option<Round> {
        if from == REVIEW
            && let Some(since) = self.review_since_ms.take()
        {
            self.reviewed_ms = self.reviewed_ms.saturating_add(at_ms.saturating_sub(since).max(0));
        }
        if to == REVIEW {
            self.review_since_ms = Some(at_ms);
        }
        match (is_work(from), is_work(to)) {
            (false, true) if to == IN_PROGRESS => {
                self.since_ms = Some(at_ms);
                self.started = true;
            }
            (true, false) => match self.since_ms.take() {
                // Not seen to start; or a clock was set back since, so the length is not known.
                Some(since) if since <= at_ms => self.worked_ms = self.worked_ms.saturating_add(at_ms.saturating_sub(since)),
                _ => self.unknown = true,
            },
            _ => {}
        }
        let round = Round { worked_ms: self.worked_ms, reviewed_ms: self.reviewed_ms };
        let worked = (to == DONE && self.started && !self.unknown).then_some(round);
        if matches!(to, DONE | CANCELLED) {
            *self = Self::default();
        }
        worked
    }
}
