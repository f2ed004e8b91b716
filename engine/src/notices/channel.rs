//! Which alerts a channel gets, and how they are grouped.

use std::collections::BTreeMap;

use super::matcher::all_accept;
use super::{MAX_ALERTS, NoticeAlert, Schedule};
use crate::model::{Matcher, fnv1a};
use crate::rules::Severity;

/// Which alerts a channel gets.
#[derive(Debug, Clone)]
pub struct Filter {
    /// The least severity.
    pub severity: Severity,
    /// Where they come from ([`NoticeAlert::source`]); empty for anywhere.
    pub sources: Vec<String>,
    /// All must accept.
    pub matchers: Vec<Matcher>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { severity: Severity::Debug, sources: Vec::new(), matchers: Vec::new() }
    }
}

impl Filter {
    /// Whether an alert goes to the channel.
    #[must_use]
    pub fn accepts(&self, alert: &NoticeAlert) -> bool {
        alert.severity >= self.severity
            && (self.sources.is_empty() || self.sources.iter().any(|source| source == alert.source()))
            && all_accept(&self.matchers, alert)
    }
}

/// How the alerts of a channel are grouped, and how often a group is notified of.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// Alerts that agree in these labels are one group; `...` stands for all labels.
    pub by: Vec<String>,
    /// How long the first notice of a group waits for more alerts.
    pub wait_ms: i64,
    /// Shortest time between two notices of a group.
    pub interval_ms: i64,
    /// After how long a notice is repeated while its alerts fire; 0 for never.
    pub repeat_ms: i64,
    /// Whether ends are sent.
    pub send_resolved: bool,
    /// A repetition lists all that was announced, also what is held back or flaps: for receivers that take silence for an end.
    pub resends: bool,
    /// Alerts of one notice at the most.
    pub most: usize,
}

impl Grouping {
    /// Every change at once: for logs.
    #[must_use]
    pub fn of_log() -> Self {
        Self { by: vec!["...".to_owned()], wait_ms: 0, interval_ms: 0, repeat_ms: 0, send_resolved: true, resends: false, most: MAX_ALERTS }
    }

    /// The labels that name the group of an alert.
    #[must_use]
    pub fn labels(&self, alert: &NoticeAlert) -> BTreeMap<String, String> {
        if self.by.iter().any(|name| name == "...") {
            return alert.labels.clone();
        }
        self.by.iter().map(|name| (name.clone(), alert.label(name).to_owned())).collect()
    }
}

/// A channel as far as notices are decided.
#[derive(Debug, Clone)]
pub struct ChannelPlan {
    /// Its name.
    pub name: String,
    /// Which alerts it gets.
    pub filter: Filter,
    /// How they are grouped.
    pub grouping: Grouping,
    /// When it is used; none for always. What fires at other times is announced when its time comes, if it still fires.
    pub times: Option<Schedule>,
}

impl ChannelPlan {
    /// The key of the group of an alert: the channel's name and a hash of the group's labels (FNV-1a, 64 bits).
    #[must_use]
    pub fn group_key(&self, labels: &BTreeMap<String, String>) -> String {
        let bytes = labels.iter().flat_map(|(name, value)| name.bytes().chain([0]).chain(value.bytes()).chain([1]));
        let hash = fnv1a(bytes);
        format!("{}/{hash:016x}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::MatcherSpec;
    use crate::notices::alert::tests::firing;

    #[test]
    fn a_channel_gets_alerts_by_severity_source_and_labels() {
        let filter = |severity, sources: &[&str], matchers: &[&str]| Filter {
            severity,
            sources: sources.iter().map(ToString::to_string).collect(),
            matchers: MatcherSpec::compile_all(&matchers.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap(),
        };
        for (filter, accepted) in [
            (Filter::default(), true),
            (filter(Severity::Warning, &[], &[]), true),
            (filter(Severity::Error, &[], &[]), false),
            (filter(Severity::Debug, &["github"], &[]), false),
            (filter(Severity::Debug, &["github", "system"], &[]), true),
            (filter(Severity::Debug, &[], &["instance=a", "alertname!=cpu"]), false),
            (filter(Severity::Debug, &[], &["instance=a", "alertname=cpu"]), true),
        ] {
            assert_eq!(filter.accepts(&firing("cpu", "a", 0)), accepted, "{filter:?}");
        }
    }
}
