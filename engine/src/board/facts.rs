//! What a task was seen as, and whether a new sight of it is a move.
//!
//! A board that is tracked in git goes back and forth with its branches, and a restored copy is an older past. So a move is
//! not a difference between two looks. A [`Facts`] holds the statuses that a task was seen with and the `updatedAt` of
//! each; a sight is judged against it:
//!
//! | sight | verdict |
//! |---|---|
//! | nothing changed | [`Verdict::Same`] |
//! | status and time were seen before, or the time is older than one that was seen, or is gone | [`Verdict::Elsewhere`] |
//! | the time is newer than any that was seen, or later than the last look | [`Verdict::Forward`] |
//! | the status changed and the time did not, or there is none | [`Verdict::Untimed`] |
//!
//! Untimed changes are what old versions of Task Master and editors make. Whether such a change is a move only the whole
//! tag can say; see [`super::look`].

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Statuses remembered of a task; those with the oldest times go first. What is older than all of them is another past
/// anyway, so no more are needed to know it.
const MAX_FACTS: usize = 8;

/// A status and the `updatedAt` that the file has beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) status: String,
    pub(super) at_ms: Option<i64>,
}

/// What a sight of a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What it was at the last look.
    Same,
    /// Changed since, by the file's own time. The status may be the same.
    Forward,
    /// Its status changed without a time.
    Untimed,
    /// Another past: another branch, or an older copy.
    Elsewhere,
}

/// The states with a time that a task was seen in, by rising time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Facts(VecDeque<(i64, String)>);

impl Facts {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in a state; one without a time cannot be known again.
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

    /// Whether the task was seen so.
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

    /// What it means that a task is seen as `now`, which was seen as `before` at the last look.
    pub(super) fn judge(&self, before: &State, now: &State, last_look_ms: Option<i64>, seen_at_ms: i64) -> Verdict {
        if before == now {
            return Verdict::Same;
        }
        if self.has(now) {
            return Verdict::Elsewhere;
        }
        match (before.at_ms, now.at_ms) {
            (_, Some(at)) if self.newest_ms().is_none_or(|newest| at > newest) => Verdict::Forward,
            // A clock that was ahead wrote the newest one; what was changed since the last look is a change all the same.
            (_, Some(at)) if last_look_ms.is_some_and(|last| at > last) && at <= seen_at_ms => Verdict::Forward,
            (before, at) if before == at => Verdict::Untimed,
            _ => Verdict::Elsewhere,
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
    fn a_sight_is_a_move_only_where_its_time_says_so() {
        let mut facts = Facts::default();
        for (status, at) in [("pending", 20), ("in-progress", 25), ("done", 25), ("pending", 30)] {
            facts.add(&state(status, Some(at)));
        }
        type Sight = (&'static str, Option<i64>);
        let table: &[(Sight, Sight, Verdict)] = &[
            (("pending", Some(30)), ("pending", Some(30)), Verdict::Same),
            (("pending", None), ("pending", None), Verdict::Same),
            (("pending", Some(30)), ("done", Some(31)), Verdict::Forward),
            (("pending", Some(20)), ("in-progress", Some(31)), Verdict::Forward),
            (("pending", Some(30)), ("pending", Some(31)), Verdict::Forward),
            (("pending", Some(30)), ("done", Some(25)), Verdict::Elsewhere),
            (("done", Some(25)), ("pending", Some(30)), Verdict::Elsewhere),
            (("done", Some(25)), ("in-progress", Some(25)), Verdict::Elsewhere),
            (("pending", Some(30)), ("done", Some(29)), Verdict::Elsewhere),
            (("pending", Some(20)), ("done", Some(26)), Verdict::Elsewhere),
            (("pending", Some(30)), ("pending", None), Verdict::Elsewhere),
            (("pending", Some(30)), ("done", None), Verdict::Elsewhere),
            (("pending", Some(30)), ("done", Some(30)), Verdict::Untimed),
            (("pending", None), ("done", None), Verdict::Untimed),
        ];
        for ((from, before), (to, now), verdict) in table {
            let judged = facts.judge(&state(from, *before), &state(to, *now), Some(30), 40);
            assert_eq!(judged, *verdict, "{from} {before:?} → {to} {now:?}");
        }
        // The newest is of the future, and this was changed since the last look.
        facts.add(&state("pending", Some(1_000)));
        let judge = |at| facts.judge(&state("pending", Some(1_000)), &state("done", Some(at)), Some(30), 40);
        assert_eq!([judge(35), judge(29), judge(41)], [Verdict::Forward, Verdict::Elsewhere, Verdict::Elsewhere]);
    }

    #[test]
    fn facts_are_bounded_and_the_newest_stay() {
        let mut facts = Facts::default();
        (0..100).rev().for_each(|at| facts.add(&state("done", Some(at))));
        facts.add(&state("done", None));
        assert_eq!((facts.0.len(), facts.newest()), (MAX_FACTS, Some(state("done", Some(99)))));
        assert_eq!(facts.0.front().map(|(at, _)| *at), Some(92));
        assert_eq!(facts.judge(&state("done", Some(99)), &state("pending", Some(1)), Some(100), 101), Verdict::Elsewhere);
    }
}
