//! One step of the life of an alert.

use super::super::Rule;
use super::super::alert::{Alert, AlertState};
use crate::model::TimestampMs;

/// What is known of a series at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Observation<'a> {
    pub(super) t: TimestampMs,
    /// The value; none where the result of a query has none any more.
    pub(super) value: Option<f64>,
    /// Whether the condition holds.
    pub(super) holds: bool,
    /// Whether a firing alert goes on: its condition holds, or it is not cleared yet.
    pub(super) stays: bool,
    /// Nothing is known of a time before it that is longer than a few intervals.
    pub(super) after_gap: bool,
    /// Its cooldown is over.
    pub(super) is_cool: bool,
    /// Why its source is down, where it says so.
    pub(super) said: Option<&'a str>,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing that anybody has to know.
    Same,
    /// The state changed, or the hold began anew.
    Changed,
    /// The alert fired.
    Fired,
    /// It is over.
    Ended,
}

/// Takes an alert one observation further.
pub(super) fn advance(alert: &mut Alert, rule: &Rule, seen: &Observation<'_>) -> Step {
    alert.update(rule, seen.t, seen.value.unwrap_or(alert.value), seen.holds, seen.said);
    if alert.state == AlertState::Pending { pending(alert, seen) } else { firing(alert, rule, seen) }
}

fn pending(alert: &mut Alert, seen: &Observation<'_>) -> Step {
    if !seen.holds {
        alert.resolve(seen.t, None);
        return Step::Ended;
    }
    // The hold begins anew after a gap, and where the clock went back behind its beginning.
    let anew = seen.after_gap || seen.t < alert.pending_since;
    if anew {
        alert.pending_since = seen.t;
    }
    if seen.t - alert.pending_since >= alert.hold_ms && seen.is_cool {
        alert.state = AlertState::Firing;
        alert.firing_since = Some(seen.t);
        return Step::Fired;
    }
    if anew && alert.hold_ms > 0 { Step::Changed } else { Step::Same }
}

fn firing(alert: &mut Alert, rule: &Rule, seen: &Observation<'_>) -> Step {
    let was_unknown = alert.state == AlertState::Unknown;
    if seen.holds || seen.stays {
        alert.keep_firing_since = None;
    } else {
        let since = *alert.keep_firing_since.get_or_insert(seen.t);
        if seen.t - since >= rule.spec.keep_firing_for.ms() {
            alert.resolve(seen.t, None);
            return Step::Ended;
        }
    }
    if was_unknown {
        alert.state = AlertState::Firing;
        alert.unknown_since = None;
        alert.reason = None;
        return Step::Changed;
    }
    Step::Same
}
