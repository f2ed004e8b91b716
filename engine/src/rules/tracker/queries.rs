//! Judging the results of queries.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::alert::{AlertId, AlertState};
use super::super::{Alert, RuleSet};
use super::life::Observation;
use super::{AlertTracker, TOLERATED};
use crate::model::{Labels, TimestampMs};
use crate::span::Span;

/// Why the result of a rule has no value for an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// Its condition does not hold.
    NotMet,
    /// Its condition does not hold, and it is not cleared yet.
    NotCleared,
    /// What it is worked out from has no samples.
    NoSamples,
}

/// The alerts that a result leaves out, and why.
pub type Missing = FxHashMap<Labels, Absence>;

impl AlertTracker {
    /// The labels of the alerts of a rule, and whether they fired.
    #[must_use]
    pub fn labels_of(&self, rule: usize) -> Vec<(Labels, bool)> {
        let alerts = self.of_rule(rule).into_iter().filter_map(|id| self.active.get(id));
        alerts.map(|alert| (alert.metric.clone(), alert.state != AlertState::Pending)).collect()
    }

    /// Takes over the result of a rule at an instant.
    pub fn apply(&mut self, rule: usize, t: TimestampMs, result: &[(Labels, f64)], missing: &Missing) {
        let rules: std::sync::Arc<RuleSet> = std::sync::Arc::clone(self.rules());
        let Some(of) = rules.rules().get(rule) else { return };
        let interval = rules.group_of(of).map_or(0, |group| group.interval.ms());
        let mut left = self.of_rule(rule);
        self.judged[rule] = self.judged[rule].max(Some(t));
        for (labels, value) in result {
            let id = AlertId::new(&of.key, labels);
            left.remove(&id);
            let after_gap = self.gap(id, t, interval);
            self.step(
                rule,
                id,
                labels,
                Observation { t, value: Some(*value), holds: true, stays: true, after_gap, is_cool: true, said: None },
            );
        }
        let remembered = if of.spec.count.is_some() { self.active.remembered(rule) } else { Vec::new() };
        let given: FxHashSet<AlertId> = result.iter().map(|(labels, _)| AlertId::new(&of.key, labels)).collect();
        for id in left.into_iter().chain(remembered.into_iter().filter(|id| !given.contains(id))) {
            self.leave_out(rule, id, t, interval, missing);
        }
    }

    /// An alert that the result has no value for.
    fn leave_out(&mut self, rule: usize, id: AlertId, t: TimestampMs, interval: i64, missing: &Missing) {
        let Some(alert) = self.active.get(id) else {
            self.step(
                rule,
                id,
                &Labels::none(),
                Observation { t, value: None, holds: false, stays: false, after_gap: false, is_cool: true, said: None },
            );
            return;
        };
        let labels = alert.metric.clone();
        let absence = missing.get(&labels).copied().unwrap_or(Absence::NotMet);
        if absence == Absence::NoSamples && alert.state != AlertState::Pending {
            self.lose(id, t);
            return;
        }
        let after_gap = self.gap(id, t, interval);
        let stays = absence == Absence::NotCleared;
        self.step(rule, id, &labels, Observation { t, value: None, holds: false, stays, after_gap, is_cool: true, said: None });
    }

    fn lose(&mut self, id: AlertId, t: TimestampMs) {
        let Some(alert) = self.active.get_mut(id).filter(|alert| alert.state == AlertState::Firing) else { return };
        alert.lose(t, "what it is worked out from has no samples: its source is gone, or sends nothing".to_owned());
        let changed: Alert = alert.clone();
        self.changes.push(changed);
    }

    /// Whether evaluations are missing between the last one of an alert and `t`.
    fn gap(&self, id: AlertId, t: TimestampMs, interval: i64) -> bool {
        let Some(alert) = self.active.get(id) else { return false };
        let tolerated = (TOLERATED * interval).max(Span::secs(10).ms());
        alert.last_sample > t || t - alert.last_sample > tolerated || self.spans_standstill(alert.last_sample, t)
    }
}
