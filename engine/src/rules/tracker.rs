//! The life of alerts: for each rule and series pending → firing → resolved, by the times of the samples.
//!
//! ```text
//! condition holds ──► pending ──(held for `for` without a gap, `cooldown` over)──► firing ──(cleared, `keep_firing_for` over)──► resolved
//!                        └──(does not hold)──► resolved, never notified             │ ▲
//!                                                                 (its source sends nothing) unknown
//! ```
//!
//! Samples come by [`AlertTracker::observe`], results of queries by [`AlertTracker::apply`]; both lead to [`life::advance`].
//!
//! What a sample says depends on when it comes. One that is older than the newest of its series, or as old as history, is not judged;
//! one that is ahead of the clock is judged as of now. A hold is broken by a gap of more than a few of the intervals at which
//! the series has samples.

mod active;
mod life;
mod queries;
mod samples;
mod series;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use self::active::Active;
pub use self::queries::{Absence, Missing};
pub use self::samples::Judge;
use self::series::WatchedSeries;
use super::alert::AlertId;
use super::{Alert, AlertState, Condition, Rule, RuleSet, texts};
use crate::explain::Explanation;
use crate::model::{Labels, TimestampMs};
use crate::span::Span;

/// A series without samples for this long is silent; one whose interval is longer, after a few of its intervals.
pub(super) const SILENT_MS: i64 = 300_000;
/// Gaps of so many intervals are tolerated.
pub(super) const TOLERATED: i64 = 4;
/// How long an alert of unknown state is kept.
const KEPT_UNKNOWN_MS: i64 = 7 * 86_400_000;
/// So many standstills are remembered.
const MAX_STANDSTILLS: usize = 16;
/// Most alerts of one rule, and of all.
pub(super) const MAX_OF_RULE: usize = 10_000;
const MAX_ALERTS: usize = 50_000;

/// What was not judged of the samples of a rule, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Older than the newest sample of their series.
    pub late: u64,
    /// So old that they are history.
    pub history: u64,
    /// Ahead of the clock: judged as of the time at which they came.
    pub ahead: u64,
    /// Not a number.
    pub nan: u64,
    /// Alerts beyond the limit of a rule.
    pub over_limit: u64,
}

/// Why the source of a series is down, as far as it says so: `connection refused`.
pub type Reasons = Arc<dyn Fn(&Labels) -> Option<String> + Send + Sync>;

/// The alerts of all rules and series.
pub struct AlertTracker {
    rules: Arc<RuleSet>,
    reasons: Option<Reasons>,
    series: WatchedSeries,
    active: Active,
    /// What was counted for each rule.
    counts: Vec<Counts>,
    /// Time of the newest sample judged by each rule.
    judged: Vec<Option<TimestampMs>>,
    /// The newest times during which the service stood still, from and to.
    standstills: Vec<(TimestampMs, TimestampMs)>,
    /// Silence counts from here on: the service was not there before.
    awake_since: TimestampMs,
    /// Series of alerts that ended with a stale marker, to be explained by [`AlertTracker::end_series`].
    ended: Vec<AlertId>,
    changes: Vec<Alert>,
}

impl AlertTracker {
    /// A tracker without alerts.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>) -> Self {
        let count = rules.rules().len();
        Self {
            series: WatchedSeries::default(),
            active: Active::new(count),
            counts: vec![Counts::default(); count],
            judged: vec![None; count],
            standstills: Vec::new(),
            awake_since: TimestampMs::MIN,
            ended: Vec::new(),
            changes: Vec::new(),
            reasons: None,
            rules,
        }
    }

    /// The same, with what sources say about why they are down.
    #[must_use]
    pub fn with_reasons(mut self, reasons: Reasons) -> Self {
        self.reasons = Some(reasons);
        self
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// Puts other rules in force. Alerts of rules that stay as they were go on; the others are resolved.
    pub fn replace_rules(&mut self, rules: Arc<RuleSet>, now: TimestampMs) -> Vec<Alert> {
        let mut next = Self::new(rules);
        next.reasons = self.reasons.take();
        next.standstills = std::mem::take(&mut self.standstills);
        let (alerts, cooldowns) = self.active.take();
        let ended = next.restore(alerts, now);
        next.awake_since = self.awake_since;
        next.active.add_cooldowns(cooldowns);
        *self = next;
        ended
    }

    /// Restores kept alerts, active and ended ones. Returns those that it resolved because their rule was removed or changed.
    pub fn restore(&mut self, kept: Vec<Alert>, now: TimestampMs) -> Vec<Alert> {
        self.awake_since = now;
        let rules = Arc::clone(&self.rules);
        let mut ended = Vec::new();
        for mut alert in kept {
            let Some(id) = AlertId::parse(&alert.id) else { continue };
            if let Some(fired) = alert.firing_since {
                self.active.cool(id, fired, alert.cooldown_ms);
            }
            if alert.state == AlertState::Resolved {
                continue;
            }
            let rule = rules.place_of(alert.rule_key()).map(|at| (at, &rules.rules()[at]));
            match rule.filter(|(_, rule)| alert.is_of(rule)) {
                Some((at, rule)) => {
                    take_over(&mut alert, rule);
                    alert.group = rules.group_of(rule).map(|group| group.name.clone()).unwrap_or_default();
                    self.active.insert(at, id, alert);
                }
                None => {
                    alert.resolve(now, Some("its rule was changed or removed".to_owned()));
                    ended.push(alert);
                }
            }
        }
        ended
    }

    /// Notes up to when an alert was evaluated, where that is newer than what was kept of it: its series of `ALERTS` says so.
    pub fn note_evaluated(&mut self, id: &str, t: TimestampMs) {
        if let Some(alert) = AlertId::parse(id).and_then(|id| self.active.get_mut(id)) {
            alert.last_sample = alert.last_sample.max(t);
        }
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

    /// Marks alerts whose series is silent as unknown, ends those that have been so for long, and drops cooldowns that are over.
    /// Returns the alerts that changed.
    pub fn tick(&mut self, now: TimestampMs) -> Vec<Alert> {
        let awake = self.standstills.first().map_or(TimestampMs::MIN, |(_, to)| *to).max(self.awake_since);
        let rules = Arc::clone(&self.rules);
        let mut over: Vec<(AlertId, String)> = Vec::new();
        for (at, id, alert) in self.active.iter_mut() {
            // After a jump back of the clock: nothing may lie in the future for long.
            alert.last_sample = alert.last_sample.min(now);
            if let Some(since) = alert.unknown_since {
                if now.saturating_sub(since) > KEPT_UNKNOWN_MS {
                    over.push((id, format!("no sample for {}", Span::millis(KEPT_UNKNOWN_MS))));
                }
                continue;
            }
            if !matches!(rules.rules()[at].condition, Condition::Sample(_)) {
                continue;
            }
            let silent = SILENT_MS.max(TOLERATED * self.series.interval(&alert.metric));
            if now.saturating_sub(alert.last_sample.max(awake)) > silent {
                let reason = format!("no sample for {}", Span::millis(silent));
                if alert.state == AlertState::Firing {
                    alert.lose(now, format!("{reason}: its source is gone, or sends nothing"));
                    self.changes.push(alert.clone());
                } else {
                    over.push((id, reason));
                }
            }
        }
        for (id, reason) in over {
            self.resolve(id, now, Some(reason));
        }
        self.active.drop_cooldowns(now);
        std::mem::take(&mut self.changes)
    }

    fn resolve(&mut self, id: AlertId, now: TimestampMs, reason: Option<String>) {
        if let Some(mut alert) = self.active.remove(id) {
            self.series.deactivate(&alert.metric, id);
            alert.resolve(now, reason);
            self.changes.push(alert);
        }
    }

    /// An alert that is not resolved.
    #[must_use]
    pub fn alert(&self, id: &str) -> Option<&Alert> {
        self.active.get(AlertId::parse(id)?)
    }

    /// Gives an alert that fired its explanation, or a more complete one. None if it is over, or has fired anew since.
    pub fn explain(&mut self, id: &str, fired: TimestampMs, explanation: Arc<Explanation>) -> Option<Alert> {
        let alert = self.active.get_mut(AlertId::parse(id)?)?;
        if alert.firing_since != Some(fired) {
            return None;
        }
        alert.explanation = Some(explanation);
        Some(alert.clone())
    }

    /// Gives an alert its annotations, expanded.
    pub fn set_annotations(&mut self, id: &str, annotations: &BTreeMap<String, String>) {
        if let Some(alert) = AlertId::parse(id).and_then(|id| self.active.get_mut(id)) {
            alert.annotations.clone_from(annotations);
        }
    }

    /// Marks an alert as seen by someone. A note takes the place of an earlier one.
    pub fn acknowledge(&mut self, id: &str, note: Option<String>, now: TimestampMs) -> Option<Alert> {
        let alert = self.active.get_mut(AlertId::parse(id)?)?;
        alert.acked_at.get_or_insert(now);
        alert.note = note.or_else(|| alert.note.take());
        Some(alert.clone())
    }

    /// Takes the mark back, and its note with it.
    pub fn take_back_acknowledgement(&mut self, id: &str) -> Option<Alert> {
        let alert = self.active.get_mut(AlertId::parse(id)?)?;
        alert.acked_at = None;
        alert.note = None;
        Some(alert.clone())
    }

    /// Alerts that are not resolved, the worst first.
    #[must_use]
    pub fn active(&self) -> Vec<Alert> {
        let mut alerts: Vec<Alert> = self.active.iter().map(|(_, _, alert)| alert.clone()).collect();
        alerts.sort_by(|a, b| {
            let order = |state| match state {
                AlertState::Firing => 0,
                AlertState::Unknown => 1,
                AlertState::Pending | AlertState::Resolved => 2,
            };
            let rank = |x: &Alert| (order(x.state), std::cmp::Reverse(x.severity), x.pending_since);
            rank(a).cmp(&rank(b)).then_with(|| a.id.cmp(&b.id))
        });
        alerts
    }

    /// What was counted of the samples of a rule.
    #[must_use]
    pub fn counts(&self, rule: usize) -> Counts {
        self.counts.get(rule).copied().unwrap_or_default()
    }

    /// Time of the newest sample that a rule judged.
    #[must_use]
    pub fn judged(&self, rule: usize) -> Option<TimestampMs> {
        self.judged.get(rule).copied().flatten()
    }

    /// The series of [`super::ALERTS`] and [`super::ALERTS_FOR_STATE`] of some rules as they stand at `t`: a value for each alert, and
    /// stale markers for those that have ended or changed their state.
    pub fn alert_series(&mut self, rules: std::ops::Range<usize>, t: TimestampMs) -> Vec<(Labels, TimestampMs, f64)> {
        self.active.series(rules, t)
    }

    /// Whether some rules have alerts, or series of alerts that have to be ended.
    #[must_use]
    pub fn has_alert_series(&self, rules: std::ops::Range<usize>) -> bool {
        self.active.has_series(rules)
    }

    /// How many alerts a rule has.
    pub(super) fn count_of(&self, rule: usize) -> usize {
        self.active.of_rule(rule).len()
    }

    /// The alerts of a rule.
    fn of_rule(&self, rule: usize) -> FxHashSet<AlertId> {
        self.active.of_rule(rule).clone()
    }
}

/// Takes over what a rule may say otherwise without ending its alerts.
fn take_over(alert: &mut Alert, rule: &Rule) {
    alert.key.clone_from(&rule.key);
    alert.expr = rule.condition.text(&rule.spec);
    alert.over_lines = matches!(rule.condition, Condition::Lines(_));
    alert.hold_ms = rule.spec.hold.ms();
    alert.cooldown_ms = rule.spec.cooldown.ms();
    alert.severity = rule.severity;
    alert.labels = texts::labels(rule, &alert.metric, alert.value);
    alert.remediation.clone_from(&rule.spec.remediation);
}

#[cfg(test)]
mod tests;
