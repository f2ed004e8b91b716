//! The alerts that are not resolved, by id and by rule, with the cooldowns of those that were, and the series that show them.

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::alert::{Alert, AlertId, AlertState};
use super::{MAX_ALERTS, MAX_OF_RULE};
use crate::model::{Labels, STALE_NAN_BITS, TimestampMs};

/// See the module.
#[derive(Default)]
pub(super) struct Active {
    alerts: BTreeMap<AlertId, (usize, Alert)>,
    by_rule: Vec<FxHashSet<AlertId>>,
    /// When an alert last fired and its cooldown, until that is over.
    cooldowns: Cooldowns,
    /// Which of the last samples met the condition, of series that have no alert yet; with their rule.
    recent: FxHashMap<AlertId, (usize, u64)>,
    /// The series that were written of each alert, by rule.
    written: BTreeMap<(usize, AlertId), [Labels; 2]>,
}

/// By alert: when it fired, and its cooldown.
pub(super) type Cooldowns = FxHashMap<AlertId, (TimestampMs, i64)>;

impl Active {
    pub(super) fn new(rules: usize) -> Self {
        Self { by_rule: vec![FxHashSet::default(); rules], ..Self::default() }
    }

    /// Empties it.
    pub(super) fn take(&mut self) -> (Vec<Alert>, Cooldowns) {
        let alerts = std::mem::take(&mut self.alerts).into_values().map(|(_, alert)| alert).collect();
        (alerts, std::mem::take(&mut self.cooldowns))
    }

    pub(super) fn get(&self, id: AlertId) -> Option<&Alert> {
        self.alerts.get(&id).map(|(_, alert)| alert)
    }

    pub(super) fn get_mut(&mut self, id: AlertId) -> Option<&mut Alert> {
        self.alerts.get_mut(&id).map(|(_, alert)| alert)
    }

    /// Rule, id and alert.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, AlertId, &Alert)> {
        self.alerts.iter().map(|(id, (rule, alert))| (*rule, *id, alert))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, AlertId, &mut Alert)> {
        self.alerts.iter_mut().map(|(id, (rule, alert))| (*rule, *id, alert))
    }

    pub(super) fn of_rule(&self, rule: usize) -> &FxHashSet<AlertId> {
        &self.by_rule[rule]
    }

    /// Whether a rule may have one more alert.
    pub(super) fn has_room(&self, rule: usize) -> bool {
        self.by_rule[rule].len() < MAX_OF_RULE && self.alerts.len() < MAX_ALERTS
    }

    /// An alert that is restored: the series that were written of it are known again.
    pub(super) fn insert(&mut self, rule: usize, id: AlertId, alert: Alert) {
        if let Some(series) = alert.series() {
            self.written.insert((rule, id), series);
        }
        self.begin(rule, id, alert);
    }

    /// An alert that begins.
    pub(super) fn begin(&mut self, rule: usize, id: AlertId, alert: Alert) {
        self.recent.remove(&id);
        self.by_rule[rule].insert(id);
        self.alerts.insert(id, (rule, alert));
    }

    pub(super) fn remove(&mut self, id: AlertId) -> Option<Alert> {
        let (rule, alert) = self.alerts.remove(&id)?;
        self.by_rule[rule].remove(&id);
        self.recent.remove(&id);
        Some(alert)
    }

    pub(super) fn cool(&mut self, id: AlertId, fired: TimestampMs, cooldown: i64) {
        let last = self.cooldowns.entry(id).or_insert((fired, cooldown));
        if fired >= last.0 {
            *last = (fired, cooldown);
        }
    }

    pub(super) fn add_cooldowns(&mut self, cooldowns: Cooldowns) {
        for (id, (fired, cooldown)) in cooldowns {
            self.cool(id, fired, cooldown);
        }
    }

    /// Whether an alert may fire again.
    pub(super) fn is_cool(&self, id: AlertId, t: TimestampMs) -> bool {
        self.cooldowns.get(&id).is_none_or(|(fired, cooldown)| t >= fired.saturating_add(*cooldown))
    }

    /// Drops cooldowns that are over. After a jump back of the clock, one begins now at the latest.
    pub(super) fn drop_cooldowns(&mut self, now: TimestampMs) {
        let alerts = &self.alerts;
        self.cooldowns.retain(|id, (fired, cooldown)| {
            *fired = (*fired).min(now);
            now < fired.saturating_add(*cooldown) || alerts.contains_key(id)
        });
    }

    /// Notes whether a condition was met, and gives the last 64 answers, the newest in the lowest bit.
    pub(super) fn note(&mut self, rule: usize, id: AlertId, met: bool) -> u64 {
        let kept = self.get(id).map(|alert| alert.recent).or_else(|| self.recent.get(&id).map(|(_, recent)| *recent));
        let recent = kept.unwrap_or(0) << 1 | u64::from(met);
        let has_room = self.recent.len() < MAX_ALERTS || self.recent.contains_key(&id);
        match self.get_mut(id) {
            Some(alert) => alert.recent = recent,
            None if recent == 0 => _ = self.recent.remove(&id),
            None if has_room => _ = self.recent.insert(id, (rule, recent)),
            None => {}
        }
        recent
    }

    /// The series of a rule of which something is remembered, and that have no alert.
    pub(super) fn remembered(&self, rule: usize) -> Vec<AlertId> {
        self.recent.iter().filter(|(_, (of, _))| *of == rule).map(|(id, _)| *id).collect()
    }

    /// Whether the last answers are remembered of a series that has no alert.
    pub(super) fn remembers(&self, id: AlertId) -> bool {
        self.recent.contains_key(&id)
    }

    /// See [`super::AlertTracker::alert_series`].
    pub(super) fn series(&mut self, rules: Range<usize>, t: TimestampMs) -> Vec<(Labels, TimestampMs, f64)> {
        let mut rows = Vec::new();
        let stale = f64::from_bits(STALE_NAN_BITS);
        for rule in rules.clone() {
            for id in &self.by_rule[rule] {
                let Some((_, alert)) = self.alerts.get(id) else { continue };
                let Some(series) = alert.series() else { continue };
                rows.push((series[0].clone(), t, 1.0));
                rows.push((series[1].clone(), t, (alert.pending_since as f64 / 1e3).floor()));
                if let Some(before) = self.written.insert((rule, *id), series.clone()).filter(|before| before[0] != series[0]) {
                    rows.push((before[0].clone(), t, stale));
                }
            }
        }
        let range = (rules.start, AlertId::MIN)..(rules.end, AlertId::MIN);
        let gone: Vec<(usize, AlertId)> =
            self.written.range(range).map(|(key, _)| *key).filter(|(_, id)| !self.has_series_of(*id)).collect();
        for key in gone {
            let series = self.written.remove(&key);
            rows.extend(series.into_iter().flatten().map(|labels| (labels, t, stale)));
        }
        rows
    }

    pub(super) fn has_series(&self, rules: Range<usize>) -> bool {
        let range = (rules.start, AlertId::MIN)..(rules.end, AlertId::MIN);
        self.written.range(range).next().is_some() || rules.into_iter().any(|rule| !self.by_rule[rule].is_empty())
    }

    /// Whether an alert has series now.
    fn has_series_of(&self, id: AlertId) -> bool {
        self.get(id).is_some_and(|alert| matches!(alert.state, AlertState::Pending | AlertState::Firing))
    }
}
