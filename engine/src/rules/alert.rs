//! An alert: one rule for one series. It is kept as a document, so fields are only ever added.

use serde::{Deserialize, Serialize};

use super::tracker::Evaluation;
use super::{Condition, Rule, Severity};
use crate::model::{Labels, TimestampMs};
use crate::words;

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// The condition holds, not long enough yet.
    Pending,
    /// It held long enough.
    Firing,
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
    /// How bad.
    pub severity: Severity,
    /// Where it stands.
    pub state: AlertState,
    /// The series.
    pub metric: Labels,
    /// The newest value evaluated.
    pub value: f64,
    /// How values are compared, where the rule compares them with a fixed number.
    pub op: Option<String>,
    /// With what.
    pub threshold: Option<f64>,
    /// How long the condition must hold, ms.
    pub hold_ms: i64,
    /// Shortest time between two firings, ms.
    pub cooldown_ms: i64,
    /// Since when the condition holds.
    pub pending_since: TimestampMs,
    /// When it fired.
    pub firing_since: Option<TimestampMs>,
    /// When it ended.
    pub resolved_at: Option<TimestampMs>,
    /// Time of the newest sample evaluated.
    pub last_sample: TimestampMs,
    /// One line for a person.
    pub summary: String,
    /// When someone acknowledged it.
    pub acked_at: Option<TimestampMs>,
    /// What they noted with it.
    #[serde(default)]
    pub note: Option<String>,
    /// Why it ended, where it was not by its value.
    pub reason: Option<String>,
    /// The processes that used most of the resource when it fired: `cargo (3 processes) 61 %`.
    #[serde(default)]
    pub busiest: Vec<String>,
}

impl Alert {
    /// A pending alert of a condition that begins to hold.
    pub(super) fn new(rule: &Rule, series: &Labels, evaluation: &Evaluation, summary: String) -> Self {
        let limit = rule.condition.limit();
        Self {
            id: alert_id(&rule.key, series),
            rule: rule.name.clone(),
            severity: rule.severity,
            state: AlertState::Pending,
            metric: series.clone(),
            value: evaluation.value,
            op: limit.map(|limit| limit.op.to_string()),
            threshold: limit.map(|limit| limit.threshold),
            hold_ms: rule.spec.hold.ms(),
            cooldown_ms: rule.spec.cooldown.ms(),
            pending_since: evaluation.t,
            firing_since: None,
            resolved_at: None,
            last_sample: evaluation.t,
            summary,
            acked_at: None,
            note: None,
            reason: None,
            busiest: Vec::new(),
        }
    }

    /// Takes over a newer evaluation.
    pub(super) fn update(&mut self, evaluation: &Evaluation, summary: String) {
        self.last_sample = evaluation.t;
        self.value = evaluation.value;
        self.summary = summary;
        if evaluation.holds {
            self.append_busiest();
        }
    }

    /// Names the processes that used most when it fired.
    pub(super) fn set_busiest(&mut self, busiest: Vec<String>) {
        self.busiest = busiest;
        self.append_busiest();
    }

    /// They stay in the summary while the condition holds.
    fn append_busiest(&mut self) {
        if !self.busiest.is_empty() {
            self.summary = format!("{} — at the firing: {}", self.summary, self.busiest.join(", "));
        }
    }

    pub(super) fn resolve(&mut self, t: TimestampMs, reason: Option<String>) {
        self.state = AlertState::Resolved;
        self.resolved_at = Some(t);
        self.reason = reason;
    }

    /// Whether a rule still says what it said when the alert began.
    pub(super) fn is_of(&self, rule: &Rule) -> bool {
        let limit = rule.condition.limit();
        limit.map(|limit| limit.threshold) == self.threshold
            && limit.map(|limit| limit.op.to_string()) == self.op
            && matches!(&rule.condition, Condition::Sample(condition) if condition.selector.accepts(&self.metric))
    }
}

/// The id of the alert of a rule and a series: FNV-1a, 64 bits.
pub(super) fn alert_id(rule: &str, labels: &Labels) -> String {
    let bytes = rule.bytes().chain([0]).chain(labels.as_bytes().iter().copied());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// One sentence about an evaluation of a condition that has held since `since`.
pub(super) fn summary(rule: &Rule, series: &Labels, evaluation: &Evaluation, since: TimestampMs) -> String {
    let Some(limit) = rule.condition.limit() else {
        return format!("{}: {}", words::rule_name(&rule.name), words::figure(series.name(), evaluation.value));
    };
    words::breach(&words::Breach {
        series,
        value: Some(evaluation.value),
        op: limit.op,
        limit: limit.threshold,
        lasted_ms: evaluation.t - since,
        over: !evaluation.holds,
        reason: None,
    })
}
