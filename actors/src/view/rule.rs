//! Alert rules, as Prometheus answers them, with the service's own fields beside.

use std::collections::BTreeMap;

use serde::Serialize;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::rules;
use utoipa::ToSchema;

use super::{Alert, AlertState, PrometheusAlert, Severity, rfc3339, seconds};

/// All rules are in one group of one file.
pub const GROUP: &str = "taskpulse";
/// See [`GROUP`].
pub const FILE: &str = "Settings.toml";

/// `/api/v1/rules`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Rules {
    /// One group, or none where no rule was found.
    pub groups: Vec<RuleGroup>,
}

/// The rules of the settings.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RuleGroup {
    /// Its name.
    #[schema(example = "taskpulse")]
    pub name: &'static str,
    /// Its file.
    #[schema(example = "Settings.toml")]
    pub file: &'static str,
    /// 0: rules are evaluated with each sample.
    pub interval: u32,
    /// 0: none.
    pub limit: u32,
    /// 0: not measured.
    #[serde(rename = "evaluationTime")]
    pub evaluation_time: u32,
    /// When the service started.
    #[serde(rename = "lastEvaluation")]
    #[schema(format = DateTime)]
    pub last_evaluation: String,
    /// The rules.
    pub rules: Vec<Rule>,
}

impl RuleGroup {
    /// The group of these rules, evaluated since `started_at`.
    #[must_use]
    pub fn new(started_at: TimestampMs, rules: Vec<Rule>) -> Self {
        let last_evaluation = rfc3339(seconds(started_at));
        Self { name: GROUP, file: FILE, interval: 0, limit: 0, evaluation_time: 0, last_evaluation, rules }
    }
}

/// The worst state of a rule's alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleState {
    /// It has no alert.
    Inactive,
    /// Some are pending.
    Pending,
    /// Some are firing.
    Firing,
}

/// The labels of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleLabels {
    /// How bad it is.
    pub severity: Severity,
}

/// An alert rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Rule {
    /// `alerting`.
    #[serde(rename = "type")]
    #[schema(example = "alerting")]
    pub kind: &'static str,
    /// Its name.
    #[schema(example = "high_cpu_usage")]
    pub name: String,
    /// Its condition, as written.
    #[schema(example = "system_cpu_utilization_ratio > 0.8")]
    pub query: String,
    /// The worst state of its alerts.
    pub state: RuleState,
    /// `ok`.
    #[schema(example = "ok")]
    pub health: &'static str,
    /// How long the condition must hold, seconds.
    pub duration: f64,
    /// 0: an alert ends with its condition.
    #[serde(rename = "keepFiringFor")]
    pub keep_firing_for: u32,
    /// Shortest time between two firings, seconds.
    pub cooldown: f64,
    /// Its labels.
    pub labels: RuleLabels,
    /// None.
    pub annotations: BTreeMap<String, String>,
    /// The metric that its condition is about.
    #[schema(required = true, example = "system_cpu_utilization_ratio")]
    pub metric: Option<String>,
    /// The comparison of its condition, where that is with a fixed number.
    #[schema(required = true, example = ">")]
    pub op: Option<String>,
    /// What the value is compared with.
    #[schema(required = true)]
    pub threshold: Option<f64>,
    /// Its alerts, unless they were not wanted.
    pub alerts: Vec<PrometheusAlert>,
}

impl Rule {
    /// A rule and its alerts among those that are active; they are left out unless `with_alerts`.
    #[must_use]
    pub fn new(rule: &rules::Rule, active: &[Alert], with_alerts: bool) -> Self {
        let alerts: Vec<&Alert> = active.iter().filter(|alert| alert.details.rule == rule.name).collect();
        let state = if alerts.iter().any(|alert| alert.details.state == AlertState::Firing) {
            RuleState::Firing
        } else if alerts.is_empty() {
            RuleState::Inactive
        } else {
            RuleState::Pending
        };
        let limit = rule.condition.limit();
        Self {
            kind: "alerting",
            name: rule.name.clone(),
            query: rule.condition.text(&rule.spec),
            state,
            health: "ok",
            duration: rule.spec.hold.as_secs_f64(),
            keep_firing_for: 0,
            cooldown: rule.spec.cooldown.as_secs_f64(),
            labels: RuleLabels { severity: rule.severity.into() },
            annotations: BTreeMap::new(),
            metric: rule.condition.metric().map(str::to_owned),
            op: limit.map(|limit| limit.op.to_string()),
            threshold: limit.map(|limit| limit.threshold),
            alerts: alerts.into_iter().filter(|_| with_alerts).map(PrometheusAlert::from).collect(),
        }
    }
}
