//! The life of alerts: for each rule and series pending → firing → resolved, by the times of the samples.
//!
//! ```text
//! condition true ──► pending ──(held for `for`, `cooldown` over)──► firing ──(condition false, or no sample for 5 m)──► resolved
//!                       └──(condition false)──► resolved, never notified
//! ```

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::alert::{alert_id, summary};
use super::{Alert, AlertState, Condition, RuleSet};
use crate::model::{Labels, TimestampMs};
use crate::span::Span;

/// An alert whose series has no sample for this long is resolved, because its state is unknown.
const NO_SAMPLE_MS: i64 = 300_000;

/// So many standstills are remembered.
const MAX_STANDSTILLS: usize = 16;

/// Whether a condition holds for a series at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evaluation {
    /// When, ms UTC.
    pub t: TimestampMs,
    /// The value that alerts show.
    pub value: f64,
    /// Whether the condition holds.
    pub holds: bool,
}

/// The alerts of all rules and series.
pub struct AlertTracker {
    rules: Arc<RuleSet>,
    active: BTreeMap<String, Alert>,
    /// When an alert last fired and its cooldown, until that is over.
    cooldowns: BTreeMap<String, (TimestampMs, i64)>,
    /// The newest times during which the service stood still, from and to.
    standstills: Vec<(TimestampMs, TimestampMs)>,
}

impl AlertTracker {
    /// A tracker without alerts.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>) -> Self {
        Self { rules, active: BTreeMap::new(), cooldowns: BTreeMap::new(), standstills: Vec::new() }
    }

    /// Restores kept alerts, active and ended ones. Returns those that it resolved because their rule was removed or changed.
    pub fn restore(&mut self, kept: Vec<Alert>, now: TimestampMs) -> Vec<Alert> {
        let rules = Arc::clone(&self.rules);
        let mut ended = Vec::new();
        for mut alert in kept {
            if let Some(fired) = alert.firing_since {
                let last = self.cooldowns.entry(alert.id.clone()).or_insert((fired, alert.cooldown_ms));
                last.0 = last.0.max(fired);
            }
            if alert.state == AlertState::Resolved {
                continue;
            }
            match rules.rules().iter().find(|rule| rule.key == alert.rule).filter(|rule| alert.is_of(rule)) {
                Some(rule) => {
                    alert.hold_ms = rule.spec.hold.ms();
                    alert.cooldown_ms = rule.spec.cooldown.ms();
                    alert.severity = rule.severity;
                    self.active.insert(alert.id.clone(), alert);
                }
                None => {
                    alert.resolve(now, Some("its rule was changed or removed".to_owned()));
                    ended.push(alert);
                }
            }
        }
        ended
    }

    /// The service stood still between these times. A condition that held before and holds after may not have held in between, so
    /// a pending alert begins anew, and a series without samples in that time is not silent.
    pub fn add_standstill(&mut self, from: TimestampMs, to: TimestampMs) {
        self.standstills.insert(0, (from, to));
        self.standstills.truncate(MAX_STANDSTILLS);
    }

    /// Whether most of a standstill lies between two neighbouring samples. A series that others send may have samples of
    /// that time; then it was watched.
    fn spans_standstill(&self, before: TimestampMs, after: TimestampMs) -> bool {
        self.standstills.iter().any(|&(from, to)| 2 * (after.min(to) - before.max(from)) > to - from)
    }

    /// Evaluates a sample by one rule ([`RuleSet::watching`] names those of a series). Returns the alert if its state changed.
    /// A sample older than the last evaluated one is ignored.
    pub fn observe(&mut self, rule_at: usize, series: &Labels, t: TimestampMs, v: f64) -> Option<Alert> {
        let Condition::Sample(condition) = &self.rules.rules().get(rule_at)?.condition else { return None };
        let holds = condition.limit.op.holds(v, condition.limit.threshold);
        if v.is_nan() { None } else { self.apply(rule_at, series, &Evaluation { t, value: v, holds }) }
    }

    fn apply(&mut self, rule_at: usize, series: &Labels, evaluation: &Evaluation) -> Option<Alert> {
        let rule = self.rules.rules().get(rule_at)?;
        let id = alert_id(&rule.key, series);
        let t = evaluation.t;
        let spans_standstill = self.active.get(&id).is_some_and(|alert| self.spans_standstill(alert.last_sample, t));
        let mut entry = match self.active.entry(id) {
            Entry::Vacant(_) if !evaluation.holds => return None,
            Entry::Vacant(entry) => {
                let alert = Alert::new(rule, series, evaluation, summary(rule, series, evaluation, t));
                let alert = entry.insert(alert);
                fire_if_due(alert, &mut self.cooldowns, t);
                return Some(alert.clone());
            }
            Entry::Occupied(entry) if t < entry.get().last_sample => return None,
            Entry::Occupied(entry) => entry,
        };
        let alert = entry.get_mut();
        alert.update(evaluation, summary(rule, series, evaluation, alert.pending_since));
        if !evaluation.holds {
            let mut alert = entry.remove();
            alert.resolve(t, None);
            return Some(alert);
        }
        let begins_anew = alert.state == AlertState::Pending && spans_standstill;
        if begins_anew {
            alert.pending_since = t;
        }
        let changed = fire_if_due(alert, &mut self.cooldowns, t) || begins_anew && alert.hold_ms > 0;
        changed.then(|| alert.clone())
    }

    /// Resolves alerts whose series is silent, and drops cooldowns that are over. Returns the
    /// alerts that changed.
    pub fn tick(&mut self, now: TimestampMs) -> Vec<Alert> {
        let mut changed = Vec::new();
        self.cooldowns.retain(|id, (fired, cooldown)| now < fired.saturating_add(*cooldown) || self.active.contains_key(id));
        let awake = self.standstills.first().map_or(TimestampMs::MIN, |(_, to)| *to);
        let silent = self.active.extract_if(.., |_, alert| now.saturating_sub(alert.last_sample.max(awake)) > NO_SAMPLE_MS);
        changed.extend(silent.map(|(_, mut alert)| {
            alert.resolve(now, Some(format!("no sample for {}", Span::millis(NO_SAMPLE_MS))));
            alert
        }));
        changed
    }

    /// Adds to a firing alert which processes were busiest when it fired. Returns the alert if that was not known.
    pub fn set_busiest(&mut self, id: &str, busiest: Vec<String>) -> Option<Alert> {
        let alert = self.active.get_mut(id).filter(|alert| alert.state == AlertState::Firing && alert.busiest.is_empty())?;
        alert.set_busiest(busiest);
        Some(alert.clone())
    }

    /// Marks an alert as seen by someone. A note takes the place of an earlier one.
    pub fn acknowledge(&mut self, id: &str, note: Option<String>, now: TimestampMs) -> Option<Alert> {
        let alert = self.active.get_mut(id)?;
        alert.acked_at.get_or_insert(now);
        alert.note = note.or_else(|| alert.note.take());
        Some(alert.clone())
    }

    /// Takes the mark back, and its note with it.
    pub fn take_back_acknowledgement(&mut self, id: &str) -> Option<Alert> {
        let alert = self.active.get_mut(id)?;
        alert.acked_at = None;
        alert.note = None;
        Some(alert.clone())
    }

    /// Pending and firing alerts, the worst first.
    #[must_use]
    pub fn active(&self) -> Vec<Alert> {
        let mut alerts: Vec<Alert> = self.active.values().cloned().collect();
        alerts.sort_by(|a, b| {
            let rank = |x: &Alert| (x.state != AlertState::Firing, std::cmp::Reverse(x.severity), x.pending_since);
            rank(a).cmp(&rank(b))
        });
        alerts
    }
}

/// Fires a pending alert whose condition has held for its time and whose cooldown is over. Returns whether it did.
fn fire_if_due(alert: &mut Alert, cooldowns: &mut BTreeMap<String, (TimestampMs, i64)>, t: TimestampMs) -> bool {
    let cooled = cooldowns.get(&alert.id).is_none_or(|(fired, cooldown)| t >= fired.saturating_add(*cooldown));
    let due = alert.state == AlertState::Pending && t - alert.pending_since >= alert.hold_ms && cooled;
    if due {
        alert.state = AlertState::Firing;
        alert.firing_since = Some(t);
        cooldowns.insert(alert.id.clone(), (t, alert.cooldown_ms));
    }
    due
}

#[cfg(test)]
mod tests;
