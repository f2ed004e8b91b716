//! An alert: one rule for one series. It is kept as a document, so fields are only ever added.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Condition, Rule, Severity, shipped, texts};
use crate::explain::Explanation;
use crate::model::{Labels, NAME_LABEL, TimestampMs, clipped, fnv1a, go_quoted};
use crate::template::failure;
use crate::words;

/// The kind of documents that keep alerts that fired and ended.
pub const ENDED: &str = "alert_history";
/// The series of alerts that are pending or firing, as Prometheus writes it.
pub const ALERTS: &str = "ALERTS";
/// The series of the times since when alerts are pending or firing, as Prometheus writes it.
pub const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";

/// The annotation with the lines of the explanation.
pub const EXPLANATION: &str = "explanation";

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// The condition holds, not long enough yet.
    Pending,
    /// It held long enough.
    Firing,
    /// It fired, and nothing says whether it goes on: its source sends no samples.
    Unknown,
    /// It is over.
    Resolved,
}

/// The state of one rule for one series. Times are ms UTC, of the samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The same for the same rule and series.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// What names the rule among all; empty where its name does.
    #[serde(default)]
    pub key: String,
    /// The group of the rule.
    #[serde(default)]
    pub group: String,
    /// How bad.
    pub severity: Severity,
    /// Where it stands.
    pub state: AlertState,
    /// The series, or the labels of the result.
    pub metric: Labels,
    /// The newest value evaluated.
    #[serde(with = "kept_value")]
    pub value: f64,
    /// How values are compared, where the rule compares them with a fixed number.
    pub op: Option<String>,
    /// With what.
    pub threshold: Option<f64>,
    /// The condition of the rule; empty in what older versions kept.
    #[serde(default)]
    pub expr: String,
    /// Whether the condition is over log lines.
    #[serde(default)]
    pub over_lines: bool,
    /// The labels that its rule adds.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Texts about it.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// What to do about it.
    #[serde(default)]
    pub remediation: Vec<String>,
    /// How long the condition must hold, ms.
    pub hold_ms: i64,
    /// Shortest time between two firings, ms.
    pub cooldown_ms: i64,
    /// Since when the condition holds.
    pub pending_since: TimestampMs,
    /// When it fired.
    pub firing_since: Option<TimestampMs>,
    /// Since when its condition holds no longer, while it goes on firing.
    #[serde(default)]
    pub keep_firing_since: Option<TimestampMs>,
    /// Since when its source sends nothing.
    #[serde(default)]
    pub unknown_since: Option<TimestampMs>,
    /// When it ended.
    pub resolved_at: Option<TimestampMs>,
    /// Time of the newest sample evaluated.
    pub last_sample: TimestampMs,
    /// Which of the last samples met the condition, the newest in the lowest bit.
    #[serde(default)]
    pub recent: u64,
    /// One line for a person.
    pub summary: String,
    /// When someone acknowledged it.
    pub acked_at: Option<TimestampMs>,
    /// What they noted with it.
    #[serde(default)]
    pub note: Option<String>,
    /// Why it ended or is unknown, where it was not by its value.
    pub reason: Option<String>,
    /// Why its source is down, where it says so: `connection refused`. The newest reason while the condition holds.
    #[serde(default)]
    pub source_reason: Option<String>,
    /// What is known about why it fired.
    #[serde(default)]
    pub explanation: Option<Arc<Explanation>>,
}

/// Longest fault of a template in a note, in characters.
const MOST_OF_FAULT: usize = 300;
/// The annotation that is the headline.
const SUMMARY: &str = "summary";

impl Alert {
    /// A pending alert of a condition that begins to hold.
    pub(super) fn new(rule: &Rule, group: &str, id: AlertId, series: &Labels, t: TimestampMs, value: f64) -> Self {
        let limit = rule.condition.limit();
        Self {
            id: id.to_string(),
            rule: rule.name.clone(),
            key: rule.key.clone(),
            group: group.to_owned(),
            severity: rule.severity,
            op: limit.map(|limit| limit.op.to_string()),
            threshold: limit.map(|limit| limit.threshold),
            expr: rule.condition.text(&rule.spec),
            over_lines: matches!(rule.condition, Condition::Lines(_)),
            labels: texts::labels(rule, series, value),
            // Their queries need a store: see [`super::annotations`].
            remediation: rule.spec.remediation.clone(),
            hold_ms: rule.spec.hold.ms(),
            cooldown_ms: rule.spec.cooldown.ms(),
            ..Self::of_series(series, t, value)
        }
    }

    /// A pending alert of no rule, for what a series is asked about.
    #[must_use]
    pub fn of_series(series: &Labels, t: TimestampMs, value: f64) -> Self {
        Self {
            id: String::new(),
            rule: String::new(),
            key: String::new(),
            group: String::new(),
            severity: Severity::Info,
            state: AlertState::Pending,
            metric: series.clone(),
            value,
            op: None,
            threshold: None,
            expr: String::new(),
            over_lines: false,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            remediation: Vec::new(),
            hold_ms: 0,
            cooldown_ms: 0,
            pending_since: t,
            firing_since: None,
            keep_firing_since: None,
            unknown_since: None,
            resolved_at: None,
            last_sample: t,
            recent: 0,
            summary: String::new(),
            acked_at: None,
            note: None,
            reason: None,
            source_reason: None,
            explanation: None,
        }
    }

    /// Takes over a newer value, what its source says about it, and what follows from both.
    pub(super) fn update(&mut self, rule: &Rule, t: TimestampMs, value: f64, holds: bool, said: Option<&str>) {
        self.last_sample = t;
        self.value = value;
        if let Some(said) = said.filter(|said| self.source_reason.as_deref() != Some(*said)) {
            self.source_reason = Some(said.to_owned());
        }
        self.summary = summary(rule, &self.metric, value, holds, t - self.pending_since, self.source_reason.as_deref());
    }

    pub(super) fn resolve(&mut self, t: TimestampMs, reason: Option<String>) {
        self.state = AlertState::Resolved;
        self.resolved_at = Some(t);
        self.reason = reason;
    }

    /// Its source sends nothing any more.
    pub(super) fn lose(&mut self, t: TimestampMs, reason: String) {
        let queried = self.op.is_none().then_some(self.rule.as_str());
        self.summary = words::lost(&words::Lost { queried, series: &self.metric, since: self.last_sample, before: &self.summary });
        self.state = AlertState::Unknown;
        self.unknown_since = Some(t);
        self.reason = Some(reason);
    }

    /// Whether a rule still says what it said when the alert began.
    pub(super) fn is_of(&self, rule: &Rule) -> bool {
        let limit = rule.condition.limit();
        limit.map(|limit| limit.threshold) == self.threshold
            && limit.map(|limit| limit.op.to_string()) == self.op
            && match &rule.condition {
                Condition::Sample(condition) => condition.selector.accepts(&self.metric),
                Condition::Query(_) | Condition::Lines(_) => rule.condition.text(&rule.spec) == self.expr && !rule.is_recording(),
            }
    }

    /// What names its rule among all.
    #[must_use]
    pub fn rule_key(&self) -> &str {
        if self.key.is_empty() { &self.rule } else { &self.key }
    }

    /// The labels that identify it to others: those of its series without the name, those of its rule, and the rule's name.
    #[must_use]
    pub fn identity(&self) -> BTreeMap<String, String> {
        let of_series = self.metric.iter().filter(|(name, _)| *name != NAME_LABEL);
        let mut labels: BTreeMap<String, String> = of_series.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        labels.extend(self.labels.clone());
        labels.insert("alertname".to_owned(), self.rule.clone());
        labels.retain(|_, value| !value.is_empty());
        labels
    }

    /// One line for a person: the rule's own where its template gives a text, else the sentence that is made of the figures.
    #[must_use]
    pub fn headline(&self) -> String {
        // Nobody knows whether what a template says still holds.
        let own = self.annotations.get(SUMMARY).filter(|_| self.state != AlertState::Unknown);
        let own = own.filter(|text| !text.trim().is_empty() && failure(text).is_none());
        own.unwrap_or(&self.summary).clone()
    }

    /// Which of its texts could not be expanded, and why.
    #[must_use]
    pub fn template_fault(&self) -> Option<String> {
        let fault = |key: &str, texts: &BTreeMap<String, String>| {
            let (name, why) = texts.iter().find_map(|(name, text)| Some((name, failure(text)?)))?;
            Some(format!("{key} {}: its template cannot be expanded: {}", go_quoted(name), clipped(why, MOST_OF_FAULT)))
        };
        fault("annotations", &self.annotations).or_else(|| fault("labels", &self.labels))
    }

    /// What people and other programs see of it: its labels with `severity`, and its annotations with `summary` and `explanation`.
    #[must_use]
    pub fn shown(&self) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
        let (mut labels, mut annotations) = (self.identity(), self.annotations.clone());
        labels.entry("severity".to_owned()).or_insert_with(|| self.severity.to_string());
        annotations.insert(SUMMARY.to_owned(), self.headline());
        if let Some(explanation) = self.explanation.as_ref().filter(|explanation| !explanation.lines.is_empty()) {
            annotations.entry(EXPLANATION.to_owned()).or_insert_with(|| explanation.lines.join("\n"));
        }
        (labels, annotations)
    }

    /// Its series of [`ALERTS`] and [`ALERTS_FOR_STATE`], while it is pending or firing.
    #[must_use]
    pub fn series(&self) -> Option<[Labels; 2]> {
        let state = match self.state {
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
            AlertState::Unknown | AlertState::Resolved => return None,
        };
        let identity = self.identity();
        let named = |name: &str| {
            let labels = Labels::of(identity.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect());
            labels.with(NAME_LABEL, name)
        };
        Some([named(ALERTS).with("alertstate", state), named(ALERTS_FOR_STATE)])
    }
}

/// A value in a document: JSON has no number for infinities and for what is no number, so they are texts.
mod kept_value {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(v: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if v.is_finite() { serializer.serialize_f64(*v) } else { serializer.serialize_str(&v.to_string()) }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Kept {
            Number(f64),
            Text(String),
            /// Older versions kept no other values than numbers.
            Lost(()),
        }
        match Kept::deserialize(deserializer)? {
            Kept::Number(v) => Ok(v),
            Kept::Text(text) => text.parse().map_err(serde::de::Error::custom),
            Kept::Lost(()) => Ok(f64::NAN),
        }
    }
}

/// Identifies an alert: the hash of its rule and its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AlertId(u64);

impl AlertId {
    /// The first one.
    pub(super) const MIN: Self = Self(0);

    /// FNV-1a, 64 bits.
    pub(super) fn new(rule: &str, labels: &Labels) -> Self {
        let bytes = rule.bytes().chain([0]).chain(labels.as_bytes().iter().copied());
        Self(fnv1a(bytes))
    }

    /// As alerts are named outside.
    pub(super) fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16).map(Self)
    }
}

impl std::fmt::Display for AlertId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One sentence about a value of a condition that has held for `lasted_ms`.
fn summary(rule: &Rule, series: &Labels, value: f64, holds: bool, lasted_ms: i64, reason: Option<&str>) -> String {
    if let Some((firing, over, metric)) = shipped::sentence(&rule.name, rule.spec.expr.as_deref()) {
        return words::told(if holds { firing } else { over }, series, metric, value, lasted_ms);
    }
    let Some(limit) = rule.condition.limit() else {
        let compares = rule.condition.compares().map(|limit| (limit.op, limit.threshold));
        let absent = rule.spec.absent.is_some();
        return words::result(&words::QueryResult { rule: &rule.name, series, value, compares, absent, lasted_ms, over: !holds });
    };
    words::breach(&words::Breach { series, value: Some(value), op: limit.op, limit: limit.threshold, lasted_ms, over: !holds, reason })
}
