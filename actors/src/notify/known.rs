//! What the notifier knows at an instant, as a copy: what is shown of it is worked out by who asks, not on the notifier's thread.

use std::collections::BTreeMap;

use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::notices::{ChannelPlan, NoticeAlert, NoticeBook, Suppressors};

use crate::view::{AlertGroup, GettableAlert, GettableSilence, Maintenance, Notices, Receiver};

/// See the module.
#[derive(Debug)]
pub struct KnownNotices {
    /// Firing alerts, and those that ended lately: what follows from them is held back for a while.
    alerts: Vec<NoticeAlert>,
    groups: Vec<Group>,
    suppressors: Suppressors,
    channels: Vec<ChannelPlan>,
    external_url: String,
    now: TimestampMs,
}

/// A group with the ids of its firing alerts.
#[derive(Debug)]
struct Group {
    channel: String,
    labels: BTreeMap<String, String>,
    ids: Vec<String>,
}

impl KnownNotices {
    /// Copies it.
    pub(super) fn new(
        book: &NoticeBook,
        suppressors: &Suppressors,
        channels: Vec<ChannelPlan>,
        external_url: String,
        now: TimestampMs,
    ) -> Self {
        let groups = book.groups().map(|(channel, labels, ids)| Group {
            channel: channel.to_owned(),
            labels: labels.clone(),
            ids: ids.map(str::to_owned).collect(),
        });
        Self {
            alerts: book.alerts().cloned().collect(),
            groups: groups.collect(),
            suppressors: suppressors.clone(),
            channels,
            external_url,
            now,
        }
    }

    /// What is shown of it.
    #[must_use]
    pub fn shown(&self) -> Notices {
        let suppressing = self.suppressors.at(self.alerts.iter(), self.now);
        let shown = |alert: &NoticeAlert| {
            let receivers = self.channels.iter().filter(|plan| plan.filter.accepts(alert)).map(|plan| plan.name.clone()).collect();
            GettableAlert::new(alert, suppressing.reasons(alert), receivers, &self.external_url, self.now)
        };
        let firing = self.alerts.iter().filter(|alert| !alert.is_over());
        let alerts: BTreeMap<&str, GettableAlert> = firing.map(|alert| (alert.id.as_str(), shown(alert))).collect();
        let groups = self.groups.iter().map(|group| AlertGroup {
            labels: group.labels.clone(),
            receiver: Receiver { name: group.channel.clone() },
            alerts: group.ids.iter().filter_map(|id| alerts.get(id.as_str()).cloned()).collect(),
        });
        Notices {
            groups: groups.filter(|group| !group.alerts.is_empty()).collect(),
            silences: self.suppressors.silences.all().map(|silence| GettableSilence::new(silence, self.now)).collect(),
            maintenance: self.suppressors.maintenance.all(self.now).into_iter().map(Maintenance::from).collect(),
            receivers: self.channels.iter().map(|plan| plan.name.clone()).collect(),
            alerts: alerts.into_values().collect(),
        }
    }
}
