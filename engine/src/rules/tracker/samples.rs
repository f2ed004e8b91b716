//! Judging samples as they are stored.

use std::sync::Arc;

use super::super::alert::{Alert, AlertId, AlertState};
use super::super::{Condition, Rule};
use super::AlertTracker;
use super::life::{Observation, Step, advance};
use super::series::{Watch, watches};
use crate::model::{Labels, TimestampMs, is_stale_marker};
use crate::words;

/// When a sample is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// As it comes: what is older than a few intervals of its series is history.
    Live(TimestampMs),
    /// While catching up with what was stored while nobody judged: every sample up to now counts.
    CatchUp(TimestampMs),
}

impl Judge {
    fn now(self) -> TimestampMs {
        match self {
            Self::Live(now) | Self::CatchUp(now) => now,
        }
    }
}

impl AlertTracker {
    /// The place of a series among those that are judged; none if no rule does. `newest` is the time of its newest
    /// stored sample, where older ones are not to be judged.
    pub fn watch(&mut self, labels: &Labels, newest: Option<TimestampMs>) -> Option<usize> {
        if let Some(slot) = self.series.slot(labels) {
            return Some(slot);
        }
        let mut rules = watches(&self.rules, labels);
        if rules.is_empty() {
            return None;
        }
        let mut last = newest;
        for watch in &mut rules {
            if let Some(alert) = self.active.get(watch.id) {
                watch.active = true;
                last = last.max(Some(alert.last_sample));
            }
            watch.active |= self.active.remembers(watch.id);
        }
        Some(self.series.add(labels, rules, last))
    }

    /// Forgets all series where too many are remembered. True: the caller asks for the place of each series anew.
    pub fn forget_series(&mut self) -> bool {
        let full = self.series.is_full();
        if full {
            self.series.clear();
        }
        full
    }

    /// Judges a sample of the series at a place that [`AlertTracker::watch`] gave.
    pub fn observe(&mut self, slot: usize, t: TimestampMs, v: f64, judge: Judge) {
        let now = judge.now();
        let Some(series) = self.series.get_mut(slot) else { return };
        // Ahead of the clock: known now, whatever time it bears.
        let at = t.min(now);
        // The clock went back: what lies ahead of it is as old as now.
        let went_back = series.last.is_some_and(|last| last > now);
        let late = !went_back && series.last.is_some_and(|last| at < last);
        let history = matches!(judge, Judge::Live(_)) && now - at > series.history();
        let nan = v.is_nan() && !is_stale_marker(v);
        for watch in &*series.rules {
            let counts = &mut self.counts[watch.rule];
            counts.ahead += u64::from(t > now);
            counts.late += u64::from(late);
            counts.history += u64::from(history && !late);
            counts.nan += u64::from(nan && !late && !history);
        }
        if late || history {
            return;
        }
        let before = series.last.unwrap_or(at);
        let gap = if went_back {
            series.last = Some(at);
            true
        } else {
            series.advance(at)
        };
        if nan {
            return;
        }
        for place in 0..series.rules.len() {
            self.judge(slot, place, before, at, v, gap);
        }
    }

    /// Judges a sample by one of the rules of its series.
    fn judge(&mut self, slot: usize, place: usize, before: TimestampMs, t: TimestampMs, v: f64, gap: bool) {
        let Some(series) = self.series.get_mut(slot) else { return };
        let Watch { rule: at, id, active } = series.rules[place];
        self.judged[at] = self.judged[at].max(Some(t));
        let Condition::Sample(condition) = &self.rules.rules()[at].condition else { return };
        if is_stale_marker(v) {
            self.ended.extend(active.then_some(id));
            return;
        }
        let holds = condition.limit.op.holds(v, condition.limit.threshold);
        if !holds && !active {
            return;
        }
        let stays = condition.limit.op.holds(v, condition.clear);
        let labels = series.labels.clone();
        let after_gap = gap || self.spans_standstill(before, t);
        let still = self.step(at, id, &labels, Observation { t, value: Some(v), holds, stays, after_gap, is_cool: true, said: None });
        if let Some(series) = self.series.get_mut(slot) {
            series.rules[place].active = still;
        }
    }

    /// Takes the alert of a series one step further. Returns whether there is something to remember of it.
    pub(super) fn step(&mut self, at: usize, id: AlertId, labels: &Labels, seen: Observation<'_>) -> bool {
        let rules = Arc::clone(&self.rules);
        let rule: &Rule = &rules.rules()[at];
        let said = self.said(rule, labels, seen.holds);
        let mut seen = Observation { said: said.as_deref(), ..seen };
        let mut recent = 0;
        if let Some(count) = rule.spec.count {
            recent = self.active.note(at, id, seen.holds);
            seen.holds = (recent & (u64::MAX >> (64 - count.of))).count_ones() >= count.met;
        }
        seen.is_cool = self.active.is_cool(id, seen.t);
        let Some(alert) = self.active.get_mut(id) else {
            return if seen.holds { self.begin(at, rule, id, labels, &seen, recent) } else { self.active.remembers(id) };
        };
        let step = advance(alert, rule, &seen);
        match step {
            Step::Same => {}
            Step::Changed | Step::Fired => self.changes.push(alert.clone()),
            Step::Ended => {
                self.changes.push(alert.clone());
                self.active.remove(id);
            }
        }
        if step == Step::Fired {
            self.active.cool(id, seen.t, rule.spec.cooldown.ms());
        }
        step != Step::Ended
    }

    /// Why the source of a series is down, where its condition means that it is, and the source says why.
    fn said(&self, rule: &Rule, series: &Labels, holds: bool) -> Option<String> {
        let (reasons, limit) = (self.reasons.as_ref()?, rule.condition.limit()?);
        if holds && words::says_down(series.name(), limit.op, limit.threshold) { reasons(series) } else { None }
    }

    /// A condition begins to hold.
    fn begin(&mut self, at: usize, rule: &Rule, id: AlertId, labels: &Labels, seen: &Observation<'_>, recent: u64) -> bool {
        if !self.active.has_room(at) {
            self.counts[at].over_limit += 1;
            return self.active.remembers(id);
        }
        let group = self.rules.group_of(rule).map_or("", |group| group.name.as_str());
        let mut alert = Alert::new(rule, group, id, labels, seen.t, seen.value.unwrap_or(f64::NAN));
        alert.recent = recent;
        let fired = advance(&mut alert, rule, &Observation { after_gap: false, ..*seen }) == Step::Fired;
        if fired {
            self.active.cool(id, seen.t, rule.spec.cooldown.ms());
        }
        self.changes.push(alert.clone());
        self.active.begin(at, id, alert);
        true
    }

    /// The alerts that changed since this was asked last.
    pub fn changes(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.changes)
    }

    /// Alerts whose series ended with a stale marker: [`AlertTracker::end_series`] says what that means.
    pub fn ended_series(&mut self) -> Vec<Alert> {
        let ended = std::mem::take(&mut self.ended);
        ended.into_iter().filter_map(|id| self.active.get(id).cloned()).collect()
    }

    /// The series of an alert has ended: because its source is gone, so that nothing is known any more, or because the source says so.
    pub fn end_series(&mut self, id: &str, source_gone: bool, t: TimestampMs) {
        let Some(id) = AlertId::parse(id) else { return };
        match self.active.get_mut(id) {
            Some(alert) if source_gone && alert.state == AlertState::Firing => {
                alert.lose(t, "its series ended with its source, which cannot be reached".to_owned());
                self.changes.push(alert.clone());
            }
            Some(alert) if alert.state != AlertState::Unknown => {
                self.resolve(id, t, Some("its series has ended".to_owned()));
            }
            _ => {}
        }
    }
}
