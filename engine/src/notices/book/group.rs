//! The alerts of one group, and what its next notice says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Tracked;
use super::silent::{SilentSources, UNKNOWN_WAIT_MS};
use crate::model::TimestampMs;
use crate::notices::{ChannelPlan, Grouping, Notice, NoticeAlert};

/// After how long a group with alerts that are held back is looked at again.
const RECHECK_MS: i64 = 5_000;

/// The alerts of a channel that agree in the labels of `group_by`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) channel: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Its alerts by id; with the start that was announced.
    pub(super) members: BTreeMap<String, Option<TimestampMs>>,
    /// When it is to be looked at.
    pub(super) due: Option<TimestampMs>,
    /// When a notice was last decided.
    pub(super) last: Option<TimestampMs>,
    /// What was announced of its alerts beside that they fire.
    #[serde(default)]
    pub(super) said: BTreeMap<String, Said>,
}

/// What was announced of an alert beside that it fires.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Said {
    /// That it flaps.
    #[serde(default)]
    flaps: bool,
    /// That nothing is known of it any more: the start of that firing. It is said once a firing, however often its source comes back.
    #[serde(default)]
    unknown: Option<TimestampMs>,
}

/// What holds alerts back.
pub(super) struct Held<'a> {
    /// Silences, acknowledgements, inhibition.
    pub(super) by_people: &'a dyn Fn(&ChannelPlan, &NoticeAlert) -> bool,
    /// Alerts that cover what is not known because of them.
    pub(super) silent: &'a SilentSources,
}

/// What a group makes of one of its alerts.
struct Verdict {
    /// It is a reason for a notice.
    news: bool,
    /// It stands in a notice.
    listed: bool,
    /// When the group is to be looked at again because of it.
    again: Option<TimestampMs>,
    /// It stays in the group.
    stays: bool,
}

impl Group {
    pub(super) fn new(plan: &ChannelPlan, labels: BTreeMap<String, String>) -> Self {
        Self { channel: plan.name.clone(), labels, members: BTreeMap::new(), due: None, last: None, said: BTreeMap::new() }
    }

    /// From when on a notice may be sent.
    pub(super) fn free_at(&self, grouping: &Grouping) -> TimestampMs {
        self.last.map_or(TimestampMs::MIN, |last| last.saturating_add(grouping.interval_ms))
    }

    pub(super) fn is_due(&self, now: TimestampMs) -> bool {
        // A last notice in the future: the clock was set back.
        self.due.is_some_and(|due| due <= now) || self.last.is_some_and(|last| last > now)
    }

    /// The notice of the group, if there is something to say.
    pub(super) fn decide(
        &mut self,
        key: &str,
        plan: &ChannelPlan,
        alerts: &BTreeMap<String, Tracked>,
        now: TimestampMs,
        held: &Held<'_>,
    ) -> Option<Notice> {
        let grouping = &plan.grouping;
        self.last = self.last.map(|last| last.min(now));
        if self.free_at(grouping) > now {
            self.due = Some(self.free_at(grouping));
            return None;
        }
        let (mut news, mut again, mut listed) = (false, None::<TimestampMs>, Vec::new());
        let said = &self.said;
        self.members.retain(|id, announced| {
            let Some(tracked) = alerts.get(id) else { return false };
            let verdict = verdict(plan, tracked, *announced, said.get(id), now, held);
            news |= verdict.news;
            again = again.into_iter().chain(verdict.again).min();
            if verdict.listed {
                listed.push(NoticeAlert { flapping: tracked.flapping && !tracked.alert.is_over(), ..tracked.alert.clone() });
            }
            verdict.stays
        });
        let fires = listed.iter().any(|alert| !alert.is_over());
        let repeat_at = self.last.map(|last| last.saturating_add(grouping.repeat_ms)).filter(|_| grouping.repeat_ms > 0);
        let repeats = !news && fires && repeat_at.is_some_and(|at| at <= now);
        if news || repeats {
            self.note(&listed);
            self.last = Some(now);
        }
        let flaps = |id: &String| alerts.get(id).is_some_and(|tracked| tracked.flapping);
        self.said.retain(|id, said| {
            said.flaps &= flaps(id);
            self.members.contains_key(id) && *said != Said::default()
        });
        self.plan_next(grouping, now, again, fires);
        (news || repeats).then(|| {
            let mut notice = Notice::of_at_most(grouping.most, &self.channel, key, self.labels.clone(), now, listed);
            notice.repeated = repeats;
            notice
        })
    }

    /// Notes what a notice says of its alerts.
    fn note(&mut self, listed: &[NoticeAlert]) {
        for alert in listed {
            if alert.is_over() {
                self.members.remove(&alert.id);
            } else if let Some(announced) = self.members.get_mut(&alert.id) {
                *announced = Some(alert.starts_at);
                let said = self.said.entry(alert.id.clone()).or_default();
                said.flaps |= alert.flapping;
                said.unknown = alert.unknown_since.map(|_| alert.starts_at).or(said.unknown);
            }
        }
    }

    fn plan_next(&mut self, grouping: &Grouping, now: TimestampMs, again: Option<TimestampMs>, fires: bool) {
        let again = [
            again,
            self.last.filter(|_| fires && grouping.repeat_ms > 0).map(|last| last.saturating_add(grouping.repeat_ms)),
            self.members.is_empty().then_some(now),
            // An acknowledgement may be taken back, a silence end: what is announced and held back may have to be repeated.
            (!self.members.is_empty() && !fires).then(|| now.saturating_add(grouping.interval_ms.max(RECHECK_MS))),
        ];
        self.due = again.into_iter().flatten().min().map(|at| at.max(self.free_at(grouping)));
    }
}

fn verdict(
    plan: &ChannelPlan,
    tracked: &Tracked,
    announced: Option<TimestampMs>,
    said: Option<&Said>,
    now: TimestampMs,
    held: &Held<'_>,
) -> Verdict {
    let Tracked { alert, flapping, .. } = tracked;
    let known = announced == Some(alert.starts_at);
    let resent = known && plan.grouping.resends;
    let recheck = Some(now.saturating_add(RECHECK_MS));
    let waits = Verdict { news: false, listed: false, again: recheck, stays: true };
    // Of one that was announced before, one notice says that it flaps; then there is none until it has settled.
    let flaps = *flapping && announced.is_some() && !plan.grouping.resends;
    let flaps_unsaid = flaps && said.is_none_or(|said| !said.flaps);
    if flaps && (!flaps_unsaid || alert.is_over()) {
        return waits;
    }
    if alert.is_over() {
        // Without an announcement there is no end to announce.
        let told = announced.is_some() && plan.grouping.send_resolved;
        return Verdict { news: told, listed: told, again: None, stays: told };
    }
    let unknown_unsaid = alert.unknown_since.filter(|_| said.is_none_or(|said| said.unknown != Some(alert.starts_at)));
    if (held.by_people)(plan, alert) && !resent {
        return Verdict { again: recheck.filter(|_| !known || flaps_unsaid || unknown_unsaid.is_some()), ..waits };
    }
    if alert.unknown_since.is_some() && !resent && held.silent.covers(plan, alert) {
        return waits;
    }
    // What is lost for a moment is no news. A loss in the future: the clock was set back.
    let lost_just_now = unknown_unsaid.filter(|since| (0..UNKNOWN_WAIT_MS).contains(&now.saturating_sub(*since)));
    let news = !known || flaps_unsaid || unknown_unsaid.is_some() && lost_just_now.is_none();
    Verdict { news, listed: true, again: lost_just_now.map(|since| since.saturating_add(UNKNOWN_WAIT_MS)), stays: true }
}
