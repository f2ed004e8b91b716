//! Alerts, in the service's own shape and in Prometheus'.

use std::collections::BTreeMap;

use serde::Serialize;
use taskpulse_engine::model::{Labels, format_value};
use taskpulse_engine::{rules, words};
use utoipa::ToSchema;

use super::{Explanation, rfc3339, seconds};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Of use to developers only.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth attention.
    Notice,
    /// Needs attention soon.
    Warning,
    /// Something does not work.
    Error,
    /// Act now.
    Critical,
}

impl From<rules::Severity> for Severity {
    fn from(severity: rules::Severity) -> Self {
        match severity {
            rules::Severity::Debug => Self::Debug,
            rules::Severity::Info => Self::Info,
            rules::Severity::Notice => Self::Notice,
            rules::Severity::Warning => Self::Warning,
            rules::Severity::Error => Self::Error,
            rules::Severity::Critical => Self::Critical,
        }
    }
}

impl From<Severity> for rules::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Debug => Self::Debug,
            Severity::Info => Self::Info,
            Severity::Notice => Self::Notice,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
            Severity::Critical => Self::Critical,
        }
    }
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// The condition holds, not long enough yet.
    Pending,
    /// It held long enough.
    Firing,
    /// It fired, and its source sends nothing since, so that nobody knows.
    Unknown,
    /// It is over.
    Resolved,
}

impl From<rules::AlertState> for AlertState {
    fn from(state: rules::AlertState) -> Self {
        match state {
            rules::AlertState::Pending => Self::Pending,
            rules::AlertState::Firing => Self::Firing,
            rules::AlertState::Unknown => Self::Unknown,
            rules::AlertState::Resolved => Self::Resolved,
        }
    }
}

/// What both shapes of an alert have. Times are those of samples.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AlertDetails {
    /// The same for the same rule and series.
    pub id: String,
    /// The rule's name.
    #[schema(example = "high_cpu_usage")]
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub state: AlertState,
    /// The labels of its series, `__name__` among them.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// The comparison, where the rule compares with a fixed number.
    #[schema(required = true, example = ">")]
    pub op: Option<String>,
    /// What the value is compared with.
    #[schema(required = true)]
    pub threshold: Option<f64>,
    /// How long the condition must hold before it fires.
    pub for_seconds: f64,
    /// Shortest time between two firings.
    pub cooldown_seconds: f64,
    /// Time of the sample that met the condition.
    pub pending_since: f64,
    /// Time of the sample with which it fired.
    #[schema(required = true)]
    pub firing_since: Option<f64>,
    /// Since when its source sends nothing, so that nobody knows whether it goes on.
    #[schema(required = true)]
    pub unknown_since: Option<f64>,
    /// When it ended.
    #[schema(required = true)]
    pub resolved_at: Option<f64>,
    /// Time of the newest sample judged.
    pub last_sample: f64,
    /// One line for a person.
    #[schema(example = "CPU 87 %, above 80 %")]
    pub summary: String,
    /// When someone acknowledged it.
    #[schema(required = true)]
    pub acked_at: Option<f64>,
    /// What they noted with it.
    #[schema(required = true, example = "The new build runs")]
    pub note: Option<String>,
    /// Why it was resolved, or is unknown, where it was not by its value.
    #[schema(required = true, example = "no sample for 5 m")]
    pub reason: Option<String>,
    /// Why its source is down, where the source says so; the newest reason while the condition holds.
    #[schema(required = true, example = "connection refused")]
    pub source_reason: Option<String>,
    /// Who used most of what it is about while its condition began to hold, such as `cargo (3 processes) 61 %`: the first of `explanation`.
    pub busiest: Vec<String>,
    /// What is known about why it fired.
    #[schema(required = true)]
    pub explanation: Option<Explanation>,
    /// The group of its rule.
    #[schema(example = "taskpulse")]
    pub group: String,
    /// What to do about it, step by step.
    pub remediation: Vec<String>,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Alert {
    /// The newest value judged.
    #[schema(value_type = Option<f64>, required = true, example = 0.87)]
    pub value: f64,
    /// The labels of its series without the name, those of its rule, `alertname` and `severity`.
    pub labels: BTreeMap<String, String>,
    /// Texts about it; `summary` among them.
    pub annotations: BTreeMap<String, String>,
    /// Everything else.
    #[serde(flatten)]
    pub details: AlertDetails,
}

impl From<&rules::Alert> for Alert {
    fn from(alert: &rules::Alert) -> Self {
        let (labels, annotations) = alert.shown();
        Self { value: alert.value, labels, annotations, details: AlertDetails::from(alert) }
    }
}

impl From<&rules::Alert> for AlertDetails {
    fn from(alert: &rules::Alert) -> Self {
        Self {
            id: alert.id.clone(),
            rule: alert.rule.clone(),
            severity: alert.severity.into(),
            state: alert.state.into(),
            metric: alert.metric.clone(),
            op: alert.op.clone(),
            threshold: alert.threshold,
            for_seconds: seconds(alert.hold_ms),
            cooldown_seconds: seconds(alert.cooldown_ms),
            pending_since: seconds(alert.pending_since),
            firing_since: alert.firing_since.map(seconds),
            unknown_since: alert.unknown_since.map(seconds),
            resolved_at: alert.resolved_at.map(seconds),
            last_sample: seconds(alert.last_sample),
            summary: alert.headline(),
            acked_at: alert.acked_at.map(seconds),
            note: alert.note.clone(),
            reason: alert.reason.clone(),
            source_reason: alert.source_reason.clone(),
            busiest: alert.explanation.as_deref().map(words::busiest).unwrap_or_default(),
            explanation: alert.explanation.as_deref().map(Explanation::from),
            group: alert.group.clone(),
            remediation: alert.remediation.clone(),
        }
    }
}

/// An alert as Prometheus answers it, with the fields of [`Alert`] beside.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PrometheusAlert {
    /// The labels of its series without the name, those of its rule, `alertname` and `severity`.
    pub labels: BTreeMap<String, String>,
    /// Texts about it; `summary` among them.
    pub annotations: BTreeMap<String, String>,
    /// Since when its condition holds.
    #[serde(rename = "activeAt")]
    #[schema(format = DateTime)]
    pub active_at: String,
    /// The newest value judged, as text.
    #[schema(example = "0.87")]
    pub value: String,
    /// Everything else.
    #[serde(flatten)]
    pub details: AlertDetails,
}

impl From<&Alert> for PrometheusAlert {
    fn from(alert: &Alert) -> Self {
        let details = alert.details.clone();
        Self {
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            active_at: rfc3339(details.pending_since),
            value: format_value(alert.value),
            details,
        }
    }
}

/// `/api/v1/alerts`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ActiveAlerts {
    /// Pending and firing alerts.
    pub alerts: Vec<PrometheusAlert>,
}
