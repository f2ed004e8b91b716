//! An alert as notices see it. It is kept as a document, so fields are only ever added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics;
use crate::model::{NAME_LABEL, TimestampMs};
use crate::rules::{Alert, AlertState, EXPLANATION, Severity};

/// Most lines of an explanation in a notice.
const EXPLANATION_LINES: usize = 3;

/// An alert that fired, and perhaps ended. Times are ms UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoticeAlert {
    /// The same for the same rule and series.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// `alertname`, `severity` and the labels of its series.
    pub labels: BTreeMap<String, String>,
    /// Texts about it: its `summary`, and what the rule adds.
    pub annotations: BTreeMap<String, String>,
    /// The name of its metric; empty where it has none.
    pub metric: String,
    /// The newest value; none where it is not a number.
    pub value: Option<f64>,
    /// When it fired.
    pub starts_at: TimestampMs,
    /// When it ended.
    pub ends_at: Option<TimestampMs>,
    /// Why it ended, where it was not by its value.
    pub reason: Option<String>,
    /// It fired so often that its next changes are held back.
    #[serde(default)]
    pub flapping: bool,
    /// When somebody acknowledged it.
    #[serde(default)]
    pub acked_at: Option<TimestampMs>,
    /// Since when its source sends nothing, so that nobody knows whether it goes on.
    #[serde(default)]
    pub unknown_since: Option<TimestampMs>,
}

impl NoticeAlert {
    /// None for an alert that never fired.
    #[must_use]
    pub fn of(alert: &Alert) -> Option<Self> {
        let starts_at = alert.firing_since?;
        let ends_at = match alert.state {
            AlertState::Pending => return None,
            // Nobody knows whether it goes on: it has not ended.
            AlertState::Firing | AlertState::Unknown => None,
            AlertState::Resolved => Some(alert.resolved_at.unwrap_or(alert.last_sample)),
        };
        let (labels, annotations) = alert.shown();
        Some(Self {
            id: alert.id.clone(),
            rule: alert.rule.clone(),
            severity: alert.severity,
            labels,
            annotations,
            metric: alert.metric.name().to_owned(),
            value: Some(alert.value).filter(|v| v.is_finite()),
            starts_at,
            ends_at,
            reason: alert.reason.clone(),
            flapping: false,
            acked_at: alert.acked_at,
            unknown_since: alert.unknown_since.filter(|_| alert.state == AlertState::Unknown),
        })
    }

    /// One line for a person.
    #[must_use]
    pub fn summary(&self) -> &str {
        self.annotations.get("summary").map_or(self.rule.as_str(), String::as_str)
    }

    /// The lines about why it fired, while it fires; none where nobody asked why, or nothing is known.
    pub fn explanation(&self) -> impl Iterator<Item = &str> {
        let lines = self.annotations.get(EXPLANATION).filter(|_| !self.is_over()).map(String::as_str).unwrap_or_default();
        lines.lines().take(EXPLANATION_LINES)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ends_at.is_some()
    }

    /// Whether nobody knows if it goes on: its source sends nothing.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        !self.is_over() && self.unknown_since.is_some()
    }

    /// `firing`, `unknown` or `resolved`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match () {
            () if self.is_over() => "resolved",
            () if self.is_unknown() => "unknown",
            () => "firing",
        }
    }

    /// Where its samples come from: `system`, `taskmaster`, `github`, `probes`, `scrape`, `containers`, `heartbeats`, `commands`,
    /// `taskpulse`, or `other`.
    #[must_use]
    pub fn source(&self) -> &'static str {
        metrics::source(&self.metric).unwrap_or("other")
    }

    /// A label as matchers see it: `__name__` is its metric and `source` where it comes from, where no label of its own has that name.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        match (self.labels.get(name), name) {
            (Some(value), _) => value,
            (None, NAME_LABEL) => &self.metric,
            (None, "source") => self.source(),
            (None, _) => "",
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A firing alert of a rule for an instance.
    pub(in super::super) fn firing(rule: &str, instance: &str, starts_at: TimestampMs) -> NoticeAlert {
        NoticeAlert {
            id: format!("{rule}-{instance}"),
            rule: rule.to_owned(),
            severity: Severity::Warning,
            labels: [("alertname", rule), ("instance", instance), ("severity", "warning")]
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            annotations: BTreeMap::from([("summary".to_owned(), format!("{rule} on {instance}"))]),
            metric: "system_cpu_utilization_ratio".to_owned(),
            value: Some(0.9),
            starts_at,
            ends_at: None,
            reason: None,
            flapping: false,
            acked_at: None,
            unknown_since: None,
        }
    }

    /// Its end.
    pub(in super::super) fn ended(alert: &NoticeAlert, ends_at: TimestampMs) -> NoticeAlert {
        NoticeAlert { ends_at: Some(ends_at), ..alert.clone() }
    }

    #[test]
    fn a_source_is_known_by_the_metric() {
        for (metric, source) in [
            ("system_cpu_utilization_ratio", "system"),
            ("up", "scrape"),
            ("upload_bytes", "other"),
            ("probe_success", "probes"),
            ("", "other"),
        ] {
            let alert = NoticeAlert { metric: metric.to_owned(), ..firing("a", "x", 0) };
            assert_eq!((alert.source(), alert.label("source"), alert.label("__name__")), (source, source, metric));
        }
    }
}
