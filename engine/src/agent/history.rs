//! What a session did when: its states, one after the other.
//!
//! A sign of a state has a time and may come late. It is put where it belongs, so what comes after it stays as it is. Signs of the same
//! state that follow each other are one run, of which the first and the last are known: this is exact as long as the signs of one way
//! (hooks, records) come in their order among themselves.

use serde::{Deserialize, Serialize};

use super::state::State;
use crate::model::TimestampMs;

/// Runs of a session that are kept, the newest ones.
pub const MAX_STATES: usize = 500;
/// A state that lasted less is not shown, unless it is the newest: its time is that of the one before.
const SHORT_MS: i64 = 1_000;
/// Without a hook nobody says when a turn ends: after so long without a sign it has.
const QUIET_MS: i64 = 5 * 60_000;
/// A session that works gives a sign at least so often.
const LOST_MS: i64 = 30 * 60_000;
/// One that rests or waits may be left alone for so long.
const LEFT_MS: i64 = 12 * 3_600_000;

/// A state that was not left in between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    #[serde(rename = "s")]
    state: State,
    #[serde(rename = "f")]
    from: TimestampMs,
    /// How long after it the last sign of this state was.
    #[serde(rename = "l", default, skip_serializing_if = "is_zero")]
    last: i64,
    /// How long after it the last sign of any kind was.
    #[serde(rename = "a", default, skip_serializing_if = "is_zero")]
    alive: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(ms: &i64) -> bool {
    *ms == 0
}

impl Run {
    const fn new(state: State, at: TimestampMs) -> Self {
        Self { state, from: at, last: 0, alive: 0 }
    }

    fn sign(&mut self, at: TimestampMs) {
        self.last = self.last.max(at - self.from);
        self.seen(at);
    }

    fn seen(&mut self, at: TimestampMs) {
        self.alive = self.alive.max(at - self.from);
    }

    /// Whether no sign came for so long before a time that it may have been in another state meanwhile.
    fn is_silent_until(&self, at: TimestampMs) -> bool {
        let quiet = at - (self.from + self.alive);
        [true, false].into_iter().any(|hooked| after_silence(&self.state, quiet, hooked).is_some())
    }
}

/// A state and the time in which it lasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// The state.
    pub state: State,
    /// From.
    pub from: TimestampMs,
    /// To; none while it lasts.
    pub to: Option<TimestampMs>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct History(Vec<Run>);

/// What a state has become after a time without any sign.
pub(super) fn after_silence(state: &State, quiet: i64, hooked: bool) -> Option<State> {
    match state {
        State::Working if !hooked && (QUIET_MS..LEFT_MS).contains(&quiet) => Some(State::Idle),
        State::Working if hooked && quiet > LOST_MS => Some(State::Lost),
        State::Working | State::Idle | State::Waiting(_) if quiet > LEFT_MS => Some(State::Lost),
        _ => None,
    }
}

impl History {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many runs began until a time.
    fn until(&self, at: TimestampMs) -> usize {
        self.0.partition_point(|run| run.from <= at)
    }

    /// A sign of any kind: the session lives. After a long silence its state begins anew, so that the silence can be seen.
    pub(super) fn seen(&mut self, at: TimestampMs) {
        let place = self.until(at);
        let Some(run) = place.checked_sub(1).and_then(|before| self.0.get_mut(before)) else { return };
        if run.is_silent_until(at) {
            let again = Run::new(run.state.clone(), at);
            self.0.insert(place, again);
            self.tidy();
        } else {
            run.seen(at);
        }
    }

    /// A sign of a state.
    pub(super) fn sign(&mut self, at: TimestampMs, state: &State) {
        let place = self.until(at);
        let mut new = Run::new(state.clone(), at);
        let mut rest = None;
        if let Some(run) = place.checked_sub(1).and_then(|before| self.0.get_mut(before)) {
            if run.state == *state && !run.is_silent_until(at) {
                run.sign(at);
                return;
            }
            let (last, alive) = (run.from + run.last, run.from + run.alive);
            if run.state != *state && last > at {
                // In the middle of a run: what is left of it goes on afterwards.
                rest = Some(Run { from: last, last: 0, alive: alive - last, state: run.state.clone() });
            } else {
                new.seen(alive);
            }
            (run.last, run.alive) = (run.last.min(at - run.from), run.alive.min(at - run.from));
        }
        self.0.splice(place..place, std::iter::once(new).chain(rest));
        self.tidy();
    }

    /// Joins runs of one state that follow each other without a silence, takes out those without any time, and keeps the bound.
    fn tidy(&mut self) {
        let mut out: Vec<Run> = Vec::with_capacity(self.0.len());
        for mut run in std::mem::take(&mut self.0) {
            if let Some(before) = out.pop_if(|before| before.from == run.from) {
                run.alive = run.alive.max(before.alive);
            }
            match out.last_mut() {
                Some(before) if before.state == run.state && !before.is_silent_until(run.from) => {
                    before.sign(run.from + run.last);
                    before.seen(run.from + run.alive);
                }
                _ => out.push(run),
            }
        }
        if out.len() > MAX_STATES {
            let short = out.windows(2).position(|two| two[1].from - two[0].from < SHORT_MS);
            out.remove(short.unwrap_or(0));
        }
        self.0 = out;
    }

    /// All states at a time, the oldest first. The newest one is `(state, since)`, as the session itself has it.
    pub(super) fn stays(&self, hooked: bool, (state, since): (State, TimestampMs)) -> Vec<Stay> {
        let mut out: Vec<Stay> = Vec::new();
        let mut push = |state: State, from: TimestampMs, to: TimestampMs| {
            if let Some(before) = out.last_mut()
                && (before.state == state || to - from < SHORT_MS)
            {
                before.to = Some(to);
            } else if to - from >= SHORT_MS {
                out.push(Stay { state, from, to: Some(to) });
            }
        };
        // The newest state begins when the session says.
        let before = self.0.partition_point(|run| run.from < since);
        for (at, run) in self.0[..before].iter().enumerate() {
            let end = self.0.get(at + 1).map_or(since, |next| next.from.min(since));
            let alive = (run.from + run.alive).min(end);
            match after_silence(&run.state, end - alive, hooked) {
                Some(quiet) => {
                    push(run.state.clone(), run.from, alive);
                    push(quiet, alive, end);
                }
                None => push(run.state.clone(), run.from, end),
            }
        }
        match out.last_mut() {
            Some(before) if before.state == state => before.to = None,
            _ => out.push(Stay { state, from: since, to: None }),
        }
        out
    }
}

/// What is kept of sessions from before states were kept.
impl From<(State, TimestampMs, TimestampMs)> for History {
    fn from((state, since, seen): (State, TimestampMs, TimestampMs)) -> Self {
        Self(vec![Run { state, from: since, last: 0, alive: (seen - since).max(0) }])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;
    use crate::agent::Wait;

    /// Signs as `w10`: a letter of the state and seconds; `.` is a sign of none.
    fn history(signs: &[&str]) -> History {
        let mut history = History::default();
        for sign in signs {
            let at = sign[1..].parse::<i64>().unwrap() * 1_000;
            history.seen(at);
            match &sign[..1] {
                "." => {}
                letter => history.sign(at, &named(letter)),
            }
        }
        history
    }

    fn named(letter: &str) -> State {
        match letter {
            "w" => State::Working,
            "p" => State::Waiting(Wait::Permission { tool: Some("Bash".to_owned()) }),
            "m" => State::Waiting(Wait::Model),
            "i" => State::Idle,
            "e" => State::Ended,
            other => panic!("{other}"),
        }
    }

    /// States as `w10`; the newest one is that of the newest run.
    fn shown(history: &History, hooked: bool) -> Vec<String> {
        let newest = history.0.last().unwrap();
        let stays = history.stays(hooked, (newest.state.clone(), newest.from));
        for two in stays.windows(2) {
            assert_eq!(two[0].to, Some(two[1].from), "{stays:?}");
        }
        let word = |stay: &Stay| match (&stay.state, stay.state.waits_for()) {
            (State::Lost, _) => "l",
            (_, Some("permission")) => "p",
            (_, Some(_)) => "m",
            (state, None) => &state.word()[..1],
        };
        stays.iter().map(|stay| format!("{}{}", word(stay), stay.from / 1_000)).collect()
    }

    #[test]
    fn a_sign_that_comes_late_is_put_where_it_belongs() {
        for (signs, states) in [
            (&["w0", "p10", "w20", "i30", "e40"][..], "w0 p10 w20 i30 e40"),
            (&["w0", "p10", "w20", "i30", "w5", "w9", "w15"], "w0 p10 w15 i30"),
            (&["w0", "i30", "p10", "w20"], "w0 p10 w20 i30"),
            (&["i30", "w20", "p10", "w0"], "w0 p10 w20 i30"),
            // A request that failed within a time of work, and what followed it.
            (&["w0", "w60", "m12", "w14"], "w0 m12 w14"),
            (&["w0", "w60", "m12"], "w0 m12 w60"),
            (&["w0", "p10", ".50", "w12", "i60"], "w0 p10 w12 i60"),
            (&["w0", "w0", "i0"], "i0"),
        ] {
            let wanted: Vec<&str> = states.split(' ').collect();
            assert_eq!(shown(&history(signs), true), wanted, "{signs:?}");
        }
    }

    #[test]
    fn a_silence_is_a_state_of_its_own_and_a_short_one_is_none() {
        let signs = ["w0", ".200", ".400", "w3000", "i3100", "i60000"];
        assert_eq!(shown(&history(&signs), true), ["w0", "l400", "w3000", "l3100", "i60000"]);
        assert_eq!(shown(&history(&signs), false), ["w0", "i400", "w3000", "l3100", "i60000"]);
        let mut short = history(&["w0", "w10"]);
        short.sign(10_300, &State::Idle);
        short.sign(10_700, &State::Working);
        short.sign(20_000, &State::Idle);
        assert_eq!(shown(&short, true), ["w0", "i20"]);
    }

    #[test]
    fn the_newest_states_are_kept() {
        let mut history = History::default();
        for n in 0..2_000 {
            history.sign(n * 2_000, if n % 2 == 0 { &State::Working } else { &State::Idle });
        }
        let stays = history.stays(true, (State::Idle, 1_999 * 2_000));
        assert_eq!((stays.len(), stays[0].from), (MAX_STATES, 1_500 * 2_000));
        let kept: History = serde_json::from_str(&serde_json::to_string(&history).unwrap()).unwrap();
        assert_eq!(kept, history);
    }
}
