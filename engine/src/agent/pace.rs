//! How fast limits of a plan are used up. A limit is one of an account: all sessions that report the same one are taken together.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::session::Limit;
use crate::model::TimestampMs;

/// Limits that are watched at the most.
const MAX_WINDOWS: usize = 64;
/// Marks of a limit that are kept.
const MAX_MARKS: usize = 240;
/// Marks that are nearer than this are one, unless the part changed.
const APART_MS: i64 = 60_000;
/// Clients round the time at which a limit begins anew.
const ROUNDED_MS: i64 = 300_000;
/// A pace is that of so long at least, and of a tenth of the time that is left.
const LEAST_MS: i64 = 1_200_000;
/// It is that of so long at the most.
const MOST_MS: i64 = 86_400_000;
/// The newest mark is no older.
const FRESH_MS: i64 = 900_000;
/// Parts are whole percents: a rise of less says nothing, and each has an error of half of one at both ends.
const LEAST_RISE: f64 = 0.03;
const ROUNDED: f64 = 0.01;
/// Before, there is time enough.
const FROM: f64 = 0.5;

/// A limit until it begins anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Window {
    agent: String,
    name: String,
    resets_at: TimestampMs,
    marks: VecDeque<(TimestampMs, f64)>,
}

/// All limits that are not over.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Paces(Vec<Window>);

/// When a limit will be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reached {
    /// The part that is used.
    pub(super) used: f64,
    /// In how long at the earliest and at the latest.
    pub(super) within: (i64, i64),
    /// The time that the pace was measured over.
    pub(super) over: i64,
}

impl Window {
    fn is(&self, agent: &str, limit: &Limit) -> bool {
        self.agent == agent
            && self.name == limit.name
            && limit.resets_at.is_some_and(|resets| (resets - self.resets_at).abs() <= ROUNDED_MS)
    }
}

impl Paces {
    /// Notes what an agent says of its limits. Whether anything is new.
    pub(super) fn note(&mut self, agent: &str, at: TimestampMs, limits: &[Limit], now: TimestampMs) -> bool {
        self.0.retain(|window| window.resets_at > now);
        let mut is_new = false;
        for limit in limits {
            let Some(resets_at) = limit.resets_at.filter(|resets| *resets > now) else { continue };
            let place = self.0.iter().position(|window| window.is(agent, limit)).unwrap_or_else(|| {
                if self.0.len() == MAX_WINDOWS {
                    self.0.remove(0);
                }
                let (agent, name) = (agent.to_owned(), limit.name.clone());
                self.0.push(Window { agent, name, resets_at, marks: VecDeque::new() });
                self.0.len() - 1
            });
            let marks = &mut self.0[place].marks;
            let newest = marks.back().copied().unwrap_or((TimestampMs::MIN / 2, -1.0));
            // A session that was not used for a while may report an older part: parts only rise.
            if at >= newest.0 && limit.used_ratio >= newest.1 && (limit.used_ratio > newest.1 || at - newest.0 >= APART_MS) {
                marks.push_back((at, limit.used_ratio));
                is_new = true;
                if marks.len() > MAX_MARKS {
                    marks.pop_front();
                }
            }
        }
        is_new
    }

    /// When a limit is reached at the pace of the last time, if that is before it begins anew, at the slowest pace that fits.
    pub(super) fn reached(&self, agent: &str, limit: &Limit, now: TimestampMs) -> Option<Reached> {
        let window = self.0.iter().find(|window| window.is(agent, limit))?;
        let left = window.resets_at - now;
        let (newest, used) = *window.marks.back()?;
        let least = LEAST_MS.max(left / 10);
        let back = (left / 2).clamp(2 * LEAST_MS, MOST_MS).max(least);
        let (first, from) = *window.marks.iter().find(|(at, _)| *at >= newest - back)?;
        let (over, rise) = (newest - first, used - from);
        if left <= 0 || now - newest > FRESH_MS || over < least || rise < LEAST_RISE || !(FROM..1.0).contains(&used) {
            return None;
        }
        let within = |rise: f64| ((1.0 - used) / rise * over as f64) as i64 - (now - newest);
        let (soonest, latest) = (within(rise + ROUNDED).max(0), within(rise - ROUNDED));
        (latest < left).then_some(Reached { used, within: (soonest, latest.max(0)), over })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const HOUR: i64 = 3_600_000;
    const MINUTE: i64 = 60_000;

    fn limit(used: f64, resets: i64) -> Limit {
        Limit { name: "five_hour".to_owned(), used_ratio: used, resets_at: Some(resets) }
    }

    /// Parts every ten minutes; whether the limit is found to be reached before it resets.
    fn found(parts: &[f64], resets: i64, later: i64) -> Option<Reached> {
        let mut paces = Paces::default();
        for (n, part) in parts.iter().enumerate() {
            let at = n as i64 * 10 * MINUTE;
            paces.note("claude-code", at, &[limit(*part, resets)], at);
        }
        let now = (parts.len() as i64 - 1) * 10 * MINUTE + later;
        paces.reached("claude-code", &limit(*parts.last().unwrap(), resets), now)
    }

    #[test]
    fn a_limit_is_reached_at_a_pace_that_is_known() {
        // Ten percent in ten minutes from 60 % on: the rest lasts 30 to 50 minutes; two hours are left.
        let fast = [0.3, 0.4, 0.5, 0.6, 0.7];
        let reached = found(&fast, 160 * MINUTE, 0).unwrap();
        assert_eq!(reached.over, 40 * MINUTE);
        assert!(reached.within.0 > 28 * MINUTE && reached.within.1 < 32 * MINUTE, "{reached:?}");
        for (parts, resets, later, why) in [
            (&fast[..], 65 * MINUTE, 0, "it resets before"),
            (&fast[..2], 160 * MINUTE, 0, "10 minutes are no pace"),
            (&[0.1, 0.15, 0.2, 0.25][..], 300 * MINUTE, 0, "there is time enough"),
            (&[0.7, 0.7, 0.71, 0.71, 0.71][..], 160 * MINUTE, 0, "a rise of a percent is rounding"),
            (&fast[..], 160 * MINUTE, 20 * MINUTE, "nothing was said for 20 minutes"),
            (&fast[..], 7 * 24 * HOUR, 0, "40 minutes say nothing about a week"),
        ] {
            assert_eq!(found(parts, resets, later), None, "{why}");
        }
    }

    #[test]
    fn an_older_part_of_another_session_takes_nothing_back() {
        let mut paces = Paces::default();
        assert!(paces.note("claude-code", 0, &[limit(0.5, 5 * HOUR)], 0));
        assert!(!paces.note("claude-code", MINUTE, &[limit(0.4, 5 * HOUR + 30_000)], MINUTE));
        assert!(!paces.note("claude-code", 10_000, &[limit(0.5, 5 * HOUR)], MINUTE));
        assert_eq!(paces.0.len(), 1);
        assert!(paces.note("codex", 0, &[limit(0.5, 5 * HOUR)], 0));
        paces.note("codex", 6 * HOUR, &[], 6 * HOUR);
        assert!(paces.0.is_empty(), "they are over");
    }
}
