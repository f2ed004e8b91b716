//! One notice: the alerts of a group that changed, for one channel.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::NoticeAlert;

use crate::model::{TimestampMs, neutral};
use crate::rules::Severity;

/// Alerts of one notice at the most; the others are counted.
pub const MAX_ALERTS: usize = 256;

/// What is sent over a channel at once. It is kept as a document until it is delivered, so fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The channel.
    pub channel: String,
    /// The group's key.
    pub group: String,
    /// The labels that its alerts share by definition.
    pub labels: BTreeMap<String, String>,
    /// When it was decided.
    pub at: TimestampMs,
    /// Firing ones first, the worst first.
    pub alerts: Vec<NoticeAlert>,
    /// Further alerts that are not listed.
    #[serde(default)]
    pub more: usize,
    /// Alerts that are listed at the most.
    #[serde(default = "usual")]
    pub most: usize,
    /// Nothing changed; the alerts still fire.
    #[serde(default)]
    pub repeated: bool,
    /// It only brings a message up to date that was sent before; where there is none, it is not sent.
    #[serde(default)]
    pub only_edits: bool,
}

const fn usual() -> usize {
    MAX_ALERTS
}

impl Notice {
    /// A notice with its alerts in order and within bounds.
    #[must_use]
    pub fn new(channel: &str, group: &str, labels: BTreeMap<String, String>, at: TimestampMs, alerts: Vec<NoticeAlert>) -> Self {
        Self::of_at_most(MAX_ALERTS, channel, group, labels, at, alerts)
    }

    /// The same with another bound.
    pub(super) fn of_at_most(
        most: usize,
        channel: &str,
        group: &str,
        labels: BTreeMap<String, String>,
        at: TimestampMs,
        mut alerts: Vec<NoticeAlert>,
    ) -> Self {
        sort(&mut alerts);
        let more = alerts.len().saturating_sub(most);
        alerts.truncate(most);
        Self { channel: channel.to_owned(), group: group.to_owned(), labels, at, alerts, more, most, repeated: false, only_edits: false }
    }

    /// A notice that says that it is a test.
    #[must_use]
    pub fn test(channel: &str, now: TimestampMs) -> Self {
        let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let alert = NoticeAlert {
            id: "test".to_owned(),
            rule: "test".to_owned(),
            severity: Severity::Info,
            labels: text(&[("alertname", "test"), ("severity", "info")]),
            annotations: text(&[("summary", "This is a test of the channel; nothing is wrong")]),
            metric: String::new(),
            value: None,
            starts_at: now,
            ends_at: None,
            reason: None,
            flapping: false,
            acked_at: None,
            unknown_since: None,
        };
        Self::new(channel, &format!("{channel}/test"), text(&[("alertname", "test")]), now, vec![alert])
    }

    /// As it goes to a channel: no text of others changes how what is around it is shown.
    #[must_use]
    pub fn neutral(&self) -> Self {
        let text = |text: &str| neutral(text).into_owned();
        let texts = |texts: &BTreeMap<String, String>| texts.iter().map(|(name, value)| (text(name), text(value))).collect();
        let alert = |alert: &NoticeAlert| NoticeAlert {
            rule: text(&alert.rule),
            labels: texts(&alert.labels),
            annotations: texts(&alert.annotations),
            reason: alert.reason.as_deref().map(text),
            ..alert.clone()
        };
        Self { labels: texts(&self.labels), alerts: self.alerts.iter().map(alert).collect(), ..self.clone() }
    }

    /// Whether any of its alerts fires.
    #[must_use]
    pub fn is_firing(&self) -> bool {
        self.alerts.iter().any(|alert| !alert.is_over())
    }

    /// Whether each alert that fires was acknowledged.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.is_firing() && self.alerts.iter().all(|alert| alert.is_over() || alert.acked_at.is_some())
    }

    /// `firing` or `resolved`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        if self.is_firing() { "firing" } else { "resolved" }
    }

    /// The worst of its firing alerts, or of all where none fires.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let worst = |firing: bool| self.alerts.iter().filter(|alert| alert.is_over() != firing).map(|alert| alert.severity).max();
        worst(true).or_else(|| worst(false)).unwrap_or(Severity::Info)
    }

    /// How many alerts fire and how many ended, without those that are not listed.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let firing = self.alerts.iter().filter(|alert| !alert.is_over()).count();
        (firing, self.alerts.len() - firing)
    }

    /// Takes over what an older, undelivered notice of the group says and this one does not.
    pub fn absorb(&mut self, older: Self) {
        let own: FxHashSet<&str> = self.alerts.iter().map(|alert| alert.id.as_str()).collect();
        let missing: Vec<NoticeAlert> = older.alerts.into_iter().filter(|alert| !own.contains(alert.id.as_str())).collect();
        self.repeated &= older.repeated;
        self.only_edits &= older.only_edits;
        self.alerts.extend(missing);
        sort(&mut self.alerts);
        self.more += older.more + self.alerts.len().saturating_sub(self.most);
        self.alerts.truncate(self.most);
    }

    /// What a message shows after it was edited: what it showed `before`, with the changes of this notice.
    #[must_use]
    pub fn edited(&self, before: &Self) -> Self {
        let own: FxHashSet<&str> = self.alerts.iter().map(|alert| alert.id.as_str()).collect();
        let others = before.alerts.iter().filter(|alert| !own.contains(alert.id.as_str()));
        let alerts = self.alerts.iter().chain(others).cloned().collect();
        let notice = Self::of_at_most(self.most, &self.channel, &self.group, self.labels.clone(), self.at, alerts);
        Self { more: notice.more + self.more, repeated: self.repeated, only_edits: self.only_edits, ..notice }
    }

    /// The labels, or annotations, that all its alerts share.
    #[must_use]
    pub fn common<'a>(&'a self, of: impl Fn(&'a NoticeAlert) -> &'a BTreeMap<String, String>) -> BTreeMap<&'a str, &'a str> {
        let Some((first, others)) = self.alerts.split_first() else { return BTreeMap::new() };
        let shared = |name: &str, value: &str| others.iter().all(|alert| of(alert).get(name).is_some_and(|other| other == value));
        of(first).iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, value)| shared(name, value)).collect()
    }
}

fn sort(alerts: &mut [NoticeAlert]) {
    alerts.sort_by(|a, b| {
        let rank = |alert: &NoticeAlert| (alert.is_over(), std::cmp::Reverse(alert.severity), alert.starts_at);
        rank(a).cmp(&rank(b)).then_with(|| a.id.cmp(&b.id))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::alert::tests::{ended, firing};

    #[test]
    fn a_newer_notice_takes_over_what_an_older_one_says_alone() {
        let (a, b) = (firing("cpu", "a", 1), firing("cpu", "b", 2));
        let older = Notice::new("ops", "ops/1", BTreeMap::new(), 5, vec![a.clone(), b.clone()]);
        let mut newer = Notice::new("ops", "ops/1", BTreeMap::new(), 9, vec![ended(&a, 8)]);
        assert_eq!((newer.status(), newer.counts()), ("resolved", (0, 1)));
        newer.absorb(older);
        assert_eq!((newer.status(), newer.counts(), newer.at), ("firing", (1, 1), 9));
        assert_eq!(newer.alerts, [b, ended(&a, 8)]);
    }

    #[test]
    fn no_text_of_others_changes_how_a_channel_shows_it() {
        let mut alert = firing("cpu", "gpj\u{202e}exe", 1);
        alert.annotations.insert("summary".to_owned(), "a\u{2067}b\u{1b}[31m\nשלום".to_owned());
        alert.reason = Some("\u{2028}".to_owned());
        let notice = Notice::new("ops", "ops/1", alert.labels.clone(), 5, vec![alert.clone()]);
        let sent = notice.neutral();
        let of = &sent.alerts[0];
        assert_eq!((of.summary(), of.reason.as_deref()), ("a\u{fffd}b\u{fffd}[31m\nשלום", Some("\u{fffd}")));
        assert_eq!((of.label("instance"), sent.labels["instance"].as_str()), ("gpj\u{fffd}exe", "gpj\u{fffd}exe"));
        assert_eq!((&sent.group, &of.id, of.starts_at), (&notice.group, &alert.id, 1), "what it is known by stays");
    }

    #[test]
    fn a_notice_is_bounded_and_counts_the_rest() {
        let alerts: Vec<NoticeAlert> = (0..300).map(|n| firing("cpu", &n.to_string(), n)).collect();
        let mut notice = Notice::new("ops", "g", BTreeMap::new(), 0, alerts);
        assert_eq!((notice.alerts.len(), notice.more), (MAX_ALERTS, 44));
        let others = (300..400).map(|n| firing("cpu", &n.to_string(), n)).collect();
        notice.absorb(Notice::new("ops", "g", BTreeMap::new(), 0, others));
        assert_eq!((notice.alerts.len(), notice.more), (MAX_ALERTS, 144));
        assert_eq!(notice.common(|alert| &alert.labels), BTreeMap::from([("alertname", "cpu"), ("severity", "warning")]));
    }
}
