//! The states that a task was observed in, and whether a new state is a change.
//!
//! A board that is tracked in git switches with its branches, and a restored copy is an older version. So a difference between two
//! observations is not always a change. [`Facts`] holds the statuses that a task was observed with and the `updatedAt` of each; a new
//! state is compared with them:
//!
//! | observation | verdict |
//! |---|---|
//! | nothing changed | [`Verdict::Same`] |
//! | status and time were observed before, or the time is older than a known one, or is gone | [`Verdict::Switched`] |
//! | the time is newer than any known one, or later than the last observation | [`Verdict::Forward`] |
//! | the status changed and the time did not, or there is none | [`Verdict::Untimed`] |
//!
//! Old versions of Task Master and editors make untimed differences. Whether one is a change only the whole tag can show; see [`super::observation`].

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// States remembered of a task; the oldest are dropped first. A state older than all of them comes from another version anyway, so no
/// more are needed.
const MAX_FACTS: usize = 8;

/// A status and the `updatedAt` that the file has beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) status: String,
    pub(super) at_ms: Option<i64>,
}

/// How an observed state of a task relates to the known ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The state of the last observation.
    Same,
    /// Changed since, by the file's own time. The status may be the same.
    Forward,
    /// Its status changed without a time.
    Untimed,
    /// From another version of the file: another branch, or an older copy.
    Switched,
}

/// The states with a time that a task was observed in, by rising time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Facts(VecDeque<(i64, String)>);

impl Facts {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a state. One without a time is not remembered, because it could not be recognised.
    pub(super) fn add(&mut self, state: &State) {
        let Some(at_ms) = state.at_ms else { return };
        if self.has(state) {
            return;
        }
        let place = self.0.partition_point(|(at, _)| *at <= at_ms);
        self.0.insert(place, (at_ms, state.status.clone()));
        if self.0.len() > MAX_FACTS {
            self.0.pop_front();
        }
    }

    /// Whether the task was observed in this state.
    pub(super) fn has(&self, state: &State) -> bool {
        self.0.iter().any(|(at, status)| Some(*at) == state.at_ms && *status == state.status)
    }

    /// The state with the newest time.
    pub(super) fn newest(&self) -> Option<State> {
        self.0.back().map(|(at, status)| State { status: status.clone(), at_ms: Some(*at) })
    }

    fn newest_ms(&self) -> Option<i64> {
        self.0.back().map(|(at, _)| *at)
    }

    /// Classifies the state `now` of a task that was in state `before` at the last observation.
    pub(super) fn classify(&self, before: &State, now: &State, last_observed_ms: Option<i64>, seen_at_ms: i64) -> Verdict {
        if before == now {
            return Verdict::Same;
        }
        if self.has(now) {
            return Verdict::Switched;
        }
        match (before.at_ms, now.at_ms) {
            (_, Some(at)) if self.newest_ms().is_none_or(|newest| at > newest) => Verdict::Forward,
            // The newest time was written by a clock that was ahead. A change since the last observation still counts.
            (_, Some(at)) if last_observed_ms.is_some_and(|last| at > last) && at <= seen_at_ms => Verdict::Forward,
            (before, at) if before == at => Verdict::Untimed,
            _ => Verdict::Switched,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: &str, at_ms: Option<i64>) -> State {
        State { status: status.to_owned(), at_ms }
    }

    #[test]
    fn a_difference_is_a_change_only_where_its_time_says_so() {
        let mut facts = Facts::default();
        for (status, at) in [("pending", 20), ("in-progress", 25), ("done", 25), ("pending", 30)] {
            facts.add(&state(status, Some(at)));
        }
        type TimedStatus = (&'static str, Option<i64>);
        let table: &[(TimedStatus, TimedStatus, Verdict)] = &[
            (("pending", Some(30)), ("pending", Some(30)), Verdict::Same),
            (("pending", None), ("pending", None), Verdict::Same),
            (("pending", Some(30)), ("done", Some(31)), Verdict::Forward),
            (("pending", Some(20)), ("in-progress", Some(31)), Verdict::Forward),
            (("pending", Some(30)), ("pending", Some(31)), Verdict::Forward),
            (("pending", Some(30)), ("done", Some(25)), Verdict::Switched),
            (("done", Some(25)), ("pending", Some(30)), Verdict::Switched),
            (("done", Some(25)), ("in-progress", Some(25)), Verdict::Switched),
            (("pending", Some(30)), ("done", Some(29)), Verdict::Switched),
            (("pending", Some(20)), ("done", Some(26)), Verdict::Switched),
            (("pending", Some(30)), ("pending", None), Verdict::Switched),
            (("pending", Some(30)), ("done", None), Verdict::Switched),
            (("pending", Some(30)), ("done", Some(30)), Verdict::Untimed),
            (("pending", None), ("done", None), Verdict::Untimed),
        ];
        for ((from, before), (to, now), verdict) in table {
            let found = facts.classify(&state(from, *before), &state(to, *now), Some(30), 40);
            assert_eq!(found, *verdict, "{from} {before:?} → {to} {now:?}");
        }
        // The newest time is in the future, and this state changed since the last observation.
        facts.add(&state("pending", Some(1_000)));
        let classify = |at| facts.classify(&state("pending", Some(1_000)), &state("done", Some(at)), Some(30), 40);
        assert_eq!([classify(35), classify(29), classify(41)], [Verdict::Forward, Verdict::Switched, Verdict::Switched]);
    }

    #[test]
    fn facts_are_bounded_and_the_newest_stay() {
        let mut facts = Facts::default();
        (0..100).rev().for_each(|at| facts.add(&state("done", Some(at))));
        facts.add(&state("done", None));
        assert_eq!((facts.0.len(), facts.newest()), (MAX_FACTS, Some(state("done", Some(99)))));
        assert_eq!(facts.0.front().map(|(at, _)| *at), Some(92));
        assert_eq!(facts.classify(&state("done", Some(99)), &state("pending", Some(1)), Some(100), 101), Verdict::Switched);
    }
}
