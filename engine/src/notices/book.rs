//! Which alerts go together in a notice, and when it is due.
//!
//! A group is a channel and the labels of `group_by`. Its first notice waits for `wait_ms`, the next ones for `interval_ms` after the
//! last; while its alerts fire it is repeated after `repeat_ms`. What was announced gets its end, also while it is held back
//! (silenced, inhibited, acknowledged); what was not announced gets none. Of an announced alert it is said once that it flaps, and once that
//! nothing is known of it any more (see [`silent`]).

mod group;
mod silent;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::group::{Group, Held};
use self::silent::{SilentSources, UNKNOWN_WAIT_MS};
use super::{ChannelPlan, FlapLimits, Notice, NoticeAlert};
use crate::model::TimestampMs;
use crate::store::DocumentChange;

/// How long an alert that ended is remembered: what it inhibited is held back a while longer.
const REMEMBER_MS: i64 = 600_000;
/// Alerts that are remembered after their end.
const MAX_ENDED: usize = 20_000;
const ALERT: &str = "alert/";
const GROUP: &str = "group/";

/// An alert, and what is remembered of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tracked {
    alert: NoticeAlert,
    /// When it fired lately, oldest first.
    firings: Vec<TimestampMs>,
    flapping: bool,
    /// The groups that it is in.
    #[serde(skip)]
    groups: BTreeSet<String>,
}

/// See the module.
pub struct NoticeBook {
    channels: Vec<ChannelPlan>,
    flaps: FlapLimits,
    alerts: BTreeMap<String, Tracked>,
    groups: BTreeMap<String, Group>,
    /// Keys of documents that are to be written.
    changed: BTreeSet<String>,
}

impl NoticeBook {
    /// An empty book for these channels.
    #[must_use]
    pub fn new(channels: Vec<ChannelPlan>, flaps: FlapLimits) -> Self {
        Self { channels, flaps, alerts: BTreeMap::new(), groups: BTreeMap::new(), changed: BTreeSet::new() }
    }

    /// Takes over kept documents. Groups of channels that are gone are dropped; alerts whose grouping changed move to their new group
    /// with what was announced of them.
    pub fn restore(&mut self, documents: &[(String, Vec<u8>)], now: TimestampMs) {
        for (key, bytes) in documents {
            if let Some(id) = key.strip_prefix(ALERT)
                && let Ok(tracked) = serde_json::from_slice::<Tracked>(bytes)
            {
                self.alerts.insert(id.to_owned(), tracked);
            }
        }
        for (key, bytes) in documents {
            if let Some(key) = key.strip_prefix(GROUP) {
                match serde_json::from_slice::<Group>(bytes) {
                    Ok(group) => self.restore_group(key, group, now),
                    Err(_) => self.touch(GROUP, key),
                }
            }
        }
        // A channel may be new.
        let firing: Vec<String> = self.alerts().filter(|alert| !alert.is_over()).map(|alert| alert.id.clone()).collect();
        for id in firing {
            self.join(&id);
            self.schedule(&id, now);
        }
    }

    fn restore_group(&mut self, key: &str, group: Group, now: TimestampMs) {
        let Some(plan) = self.channels.iter().find(|plan| plan.name == group.channel).cloned() else {
            return self.touch(GROUP, key);
        };
        // Kept also without alerts: it remembers when the last notice was.
        let own = Group { members: BTreeMap::new(), said: BTreeMap::new(), due: Some(now), ..group.clone() };
        self.groups.entry(key.to_owned()).or_insert(own);
        for (id, announced) in group.members {
            let Some(tracked) = self.alerts.get_mut(&id).filter(|tracked| plan.filter.accepts(&tracked.alert) || announced.is_some())
            else {
                self.touch(GROUP, key);
                continue;
            };
            let labels = plan.grouping.labels(&tracked.alert);
            let place = plan.group_key(&labels);
            tracked.groups.insert(place.clone());
            let moved = place != key;
            let home = self.groups.entry(place.clone()).or_insert_with(|| Group::new(&plan, labels));
            if let Some(said) = group.said.get(&id) {
                home.said.insert(id.clone(), said.clone());
            }
            home.members.insert(id, announced);
            home.due = Some(now);
            if moved {
                self.touch(GROUP, key);
                self.touch(GROUP, &place);
            }
        }
    }

    fn touch(&mut self, kind: &str, key: &str) {
        self.changed.insert(format!("{kind}{key}"));
    }

    /// Takes the newest state of an alert. The same state again changes nothing.
    pub fn observe(&mut self, alert: NoticeAlert, now: TimestampMs) {
        let id = alert.id.clone();
        let known = self.alerts.get(&id);
        match known {
            None if alert.is_over() => return,
            // An older state that comes late. One that began in the future did so by a clock that was set back since.
            Some(known) if alert.starts_at < known.alert.starts_at && known.alert.starts_at <= now => return,
            Some(known) if alert.starts_at == known.alert.starts_at && known.alert.is_over() => return,
            _ => {}
        }
        let fires = !alert.is_over() && known.is_none_or(|known| known.alert.starts_at != alert.starts_at);
        let ends = alert.is_over();
        let lost = alert.unknown_since.is_some() && known.is_none_or(|known| known.alert.unknown_since.is_none());
        let tracked = self.alerts.entry(id.clone()).or_insert_with(|| Tracked {
            alert: alert.clone(),
            firings: Vec::new(),
            flapping: false,
            groups: BTreeSet::new(),
        });
        let same = tracked.alert == alert && !fires;
        tracked.alert = alert;
        if fires {
            self.flaps.add(&mut tracked.firings, now);
            tracked.flapping = self.flaps.is_flapping(tracked.flapping, &mut tracked.firings, now);
        }
        if same {
            return;
        }
        self.touch(ALERT, &id);
        if fires {
            self.join(&id);
        }
        if fires || ends {
            self.schedule(&id, now);
        } else if lost {
            self.schedule(&id, now.saturating_add(UNKNOWN_WAIT_MS));
        }
    }

    /// Takes newer texts of an alert that fires. They are no news: a notice that is due has them, and none is due for them.
    pub fn describe(&mut self, alert: NoticeAlert) {
        let id = alert.id.clone();
        if self.knows_firing(&id, alert.starts_at)
            && let Some(tracked) = self.alerts.get_mut(&id)
        {
            tracked.alert = alert;
            self.touch(ALERT, &id);
        }
    }

    /// Puts an alert into the groups of the channels that get it.
    fn join(&mut self, id: &str) {
        let Some(tracked) = self.alerts.get_mut(id) else { return };
        let mut joined = Vec::new();
        for plan in self.channels.iter().filter(|plan| plan.filter.accepts(&tracked.alert)) {
            let labels = plan.grouping.labels(&tracked.alert);
            let key = plan.group_key(&labels);
            self.groups.entry(key.clone()).or_insert_with(|| Group::new(plan, labels)).members.entry(id.to_owned()).or_insert(None);
            joined.push(key);
        }
        tracked.groups.extend(joined.iter().cloned());
        joined.iter().for_each(|key| self.touch(GROUP, key));
    }

    /// Has the groups of an alert decided soon after `now`.
    fn schedule(&mut self, id: &str, now: TimestampMs) {
        for key in self.alerts.get(id).map(|tracked| tracked.groups.clone()).unwrap_or_default() {
            let Some(group) = self.groups.get_mut(&key) else { continue };
            let Some(plan) = self.channels.iter().find(|plan| plan.name == group.channel) else { continue };
            // A last notice in the future: the clock was set back.
            group.last = group.last.map(|last| last.min(now));
            let earliest = now.saturating_add(plan.grouping.wait_ms).max(group.free_at(&plan.grouping));
            group.due = Some(group.due.map_or(earliest, |due| due.min(earliest)));
        }
    }

    /// When [`NoticeBook::flush`] is to be called next.
    #[must_use]
    pub fn next_due(&self) -> Option<TimestampMs> {
        self.groups.values().filter_map(|group| group.due).min()
    }

    /// The alerts that it knows: firing ones, and those that ended lately.
    pub fn alerts(&self) -> impl Iterator<Item = &NoticeAlert> + Clone {
        self.alerts.values().map(|tracked| &tracked.alert)
    }

    /// The groups with firing alerts: channel, labels, ids.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, String>, impl Iterator<Item = &str>)> {
        let fires = |id: &&String| self.alerts.get(*id).is_some_and(|tracked| !tracked.alert.is_over());
        self.groups
            .values()
            .map(move |group| (group.channel.as_str(), &group.labels, group.members.keys().filter(fires).map(String::as_str)))
    }

    /// Looks soon at what is held back: something that held it back may be gone.
    pub fn look_again(&mut self, now: TimestampMs) {
        for group in self.groups.values_mut().filter(|group| !group.members.is_empty()) {
            group.due = Some(group.due.map_or(now, |due| due.min(now)));
        }
    }

    /// Whether it knows an alert as firing since then.
    fn knows_firing(&self, id: &str, starts_at: TimestampMs) -> bool {
        self.alerts.get(id).is_some_and(|tracked| tracked.alert.starts_at == starts_at && !tracked.alert.is_over())
    }

    /// Whether it knows an alert that is not over as it stands.
    #[must_use]
    pub fn knows(&self, alert: &NoticeAlert) -> bool {
        let same = |known: &NoticeAlert| known.unknown_since == alert.unknown_since;
        self.knows_firing(&alert.id, alert.starts_at) && self.alerts.get(&alert.id).is_some_and(|tracked| same(&tracked.alert))
    }

    /// The notices that are due. `held` says whether an alert is held back on a channel: silenced, inhibited, acknowledged.
    pub fn flush(&mut self, now: TimestampMs, held: &dyn Fn(&ChannelPlan, &NoticeAlert) -> bool) -> Vec<Notice> {
        self.settle(now);
        let mut notices = Vec::new();
        let silent = SilentSources::among(self.alerts(), now);
        let held = Held { by_people: held, silent: &silent };
        let due: Vec<String> = self.groups.iter().filter(|(_, group)| group.is_due(now)).map(|(key, _)| key.clone()).collect();
        for key in due {
            let Some(plan) = self.groups.get(&key).and_then(|group| self.channels.iter().find(|plan| plan.name == group.channel)) else {
                continue;
            };
            let Some(group) = self.groups.get_mut(&key) else { continue };
            let before = (group.members.clone(), group.last, group.said.clone());
            notices.extend(group.decide(&key, plan, &self.alerts, now, &held));
            for id in before.0.keys().filter(|id| !group.members.contains_key(*id)) {
                if let Some(tracked) = self.alerts.get_mut(id) {
                    tracked.groups.remove(&key);
                }
            }
            let over = group.members.is_empty() && group.free_at(&plan.grouping) <= now;
            if over || before != (group.members.clone(), group.last, group.said.clone()) {
                self.changed.insert(format!("{GROUP}{key}"));
            }
            if over {
                self.groups.remove(&key);
            }
        }
        self.forget(now);
        notices
    }

    /// Looks whether alerts that flap have settled.
    fn settle(&mut self, now: TimestampMs) {
        for (id, tracked) in self.alerts.iter_mut().filter(|(_, tracked)| tracked.flapping) {
            tracked.flapping = self.flaps.is_flapping(true, &mut tracked.firings, now);
            if !tracked.flapping {
                self.changed.insert(format!("{ALERT}{id}"));
            }
        }
    }

    /// Drops alerts that ended, whose end was announced, and that nothing needs any more.
    fn forget(&mut self, now: TimestampMs) {
        let (flaps, mut ended) = (self.flaps, 0);
        let gone = self.alerts.extract_if(.., |_, tracked| {
            let Some(end) = tracked.alert.ends_at.filter(|_| tracked.groups.is_empty()) else { return false };
            let counts = tracked.firings.last().is_some_and(|at| flaps.firings > 0 && now.saturating_sub(*at) < flaps.window_ms);
            let old = now.saturating_sub(end) >= REMEMBER_MS && !counts;
            ended += usize::from(!old);
            old || ended > MAX_ENDED
        });
        self.changed.extend(gone.map(|(id, _)| format!("{ALERT}{id}")));
    }

    /// The documents that changed since the last call.
    pub fn take_changes(&mut self) -> Vec<DocumentChange> {
        let changed = std::mem::take(&mut self.changed);
        let bytes = |key: &str| match (key.strip_prefix(ALERT), key.strip_prefix(GROUP)) {
            (Some(id), _) => serde_json::to_vec(self.alerts.get(id)?).ok(),
            (_, Some(group)) => serde_json::to_vec(self.groups.get(group)?).ok(),
            _ => None,
        };
        changed.into_iter().map(|key| (key.clone(), bytes(&key))).collect()
    }

    /// Puts back keys whose documents could not be written.
    pub fn put_back(&mut self, keys: impl IntoIterator<Item = String>) {
        self.changed.extend(keys.into_iter().filter(|key| key.starts_with(ALERT) || key.starts_with(GROUP)));
    }
}

#[cfg(test)]
mod tests;
