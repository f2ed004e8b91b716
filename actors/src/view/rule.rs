//! Rules, as Prometheus answers them, with the service's own fields beside.

use std::collections::BTreeMap;
use taskpulse_engine::model::rfc3339;

use serde::Serialize;
use taskpulse_engine::rules;
use utoipa::ToSchema;

use super::{Alert, AlertState, PrometheusAlert, Severity, seconds};
use crate::rule_states::{GroupState, RuleState as Evaluated};

/// `/api/v1/rules`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Rules {
    /// The groups that have rules that were asked for.
    pub groups: Vec<RuleGroup>,
    /// Where the next answer goes on, if `group_limit` left groups out.
    #[serde(rename = "groupNextToken", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Rules that are evaluated together.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RuleGroup {
    /// Its name.
    #[schema(example = "taskpulse")]
    pub name: String,
    /// Its file; `Settings.toml`, or `rest` for rules that were given over REST.
    #[schema(example = "Settings.toml")]
    pub file: String,
    /// Time between evaluations, seconds. Rules that compare samples with a number judge each sample besides.
    pub interval: f64,
    /// How far in the past it is evaluated, seconds.
    #[serde(rename = "queryOffset")]
    pub query_offset: f64,
    /// Most results of a rule; 0 for no limit.
    pub limit: usize,
    /// How long the last evaluation took, seconds.
    #[serde(rename = "evaluationTime")]
    pub evaluation_time: f64,
    /// When it was evaluated last; year 1 if it was not yet.
    #[serde(rename = "lastEvaluation")]
    #[schema(format = DateTime)]
    pub last_evaluation: String,
    /// Evaluations that were left out, because the one before was not done.
    pub missed: u64,
    /// The rules.
    pub rules: Vec<Rule>,
}

impl RuleGroup {
    /// A group with some of its rules.
    #[must_use]
    pub fn new(group: &rules::RuleGroup, state: &GroupState, rules: Vec<Rule>) -> Self {
        Self {
            name: group.name.clone(),
            file: group.file.clone(),
            interval: group.interval.as_secs_f64(),
            query_offset: group.query_offset.as_secs_f64(),
            limit: group.limit,
            evaluation_time: state.seconds,
            last_evaluation: time_of(state.evaluated_at),
            missed: state.missed,
            rules,
        }
    }
}

/// As Prometheus writes a time that there is not.
fn time_of(ms: Option<i64>) -> String {
    ms.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339)
}

/// The worst state of a rule's alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleState {
    /// It has no alert.
    Inactive,
    /// Some are pending.
    Pending,
    /// Some are firing, or fired and are unknown since.
    Firing,
}

/// A rule. Recording rules have no alerts.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Rule {
    /// `alerting` or `recording`.
    #[serde(rename = "type")]
    #[schema(example = "alerting")]
    pub kind: &'static str,
    /// Its name; of a recording rule, that of the metric.
    #[schema(example = "high_cpu_usage")]
    pub name: String,
    /// Its condition, as written.
    #[schema(example = "system_cpu_utilization_ratio > 0.8")]
    pub query: String,
    /// Whether the condition is LogQL, over log lines.
    pub over_lines: bool,
    /// Series for which this has a result are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    /// The worst state of its alerts.
    pub state: RuleState,
    /// `ok`, `err`, or `unknown` before it was evaluated.
    #[schema(example = "ok")]
    pub health: &'static str,
    /// Why it could not be evaluated.
    #[serde(rename = "lastError", skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// How long the last evaluation took, seconds.
    #[serde(rename = "evaluationTime")]
    pub evaluation_time: f64,
    /// When it was evaluated last, or judged a sample; year 1 if it was not yet.
    #[serde(rename = "lastEvaluation")]
    #[schema(format = DateTime)]
    pub last_evaluation: String,
    /// What is worth knowing: one of its templates cannot be expanded, nothing matches it, or samples were not judged.
    pub notes: Vec<String>,
    /// How long the condition must hold, seconds.
    pub duration: f64,
    /// How long an alert goes on after its condition has ended, seconds.
    #[serde(rename = "keepFiringFor")]
    pub keep_firing_for: f64,
    /// Shortest time between two firings, seconds.
    pub cooldown: f64,
    /// How bad its alerts are.
    pub severity: Severity,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations: templates.
    pub annotations: BTreeMap<String, String>,
    /// What to do about its alerts.
    pub remediation: Vec<String>,
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
    /// A rule, what became of it, and its alerts; they are left out unless `with_alerts`.
    #[must_use]
    pub fn new(rule: &rules::Rule, evaluated: &Evaluated, alerts: &[&Alert], with_alerts: bool) -> Self {
        let is = |state| alerts.iter().any(|alert| alert.details.state == state);
        let state = if is(AlertState::Firing) || is(AlertState::Unknown) {
            RuleState::Firing
        } else if alerts.is_empty() {
            RuleState::Inactive
        } else {
            RuleState::Pending
        };
        let limit = rule.condition.limit();
        let health = match (&evaluated.error, &rule.condition) {
            (Some(_), _) => "err",
            // There is nothing to evaluate until a sample comes.
            (None, rules::Condition::Sample(_)) => "ok",
            (None, _) if evaluated.evaluated_at.is_none() => "unknown",
            (None, _) => "ok",
        };
        Self {
            kind: if rule.is_recording() { "recording" } else { "alerting" },
            name: rule.name.clone(),
            query: rule.condition.text(&rule.spec),
            over_lines: matches!(rule.condition, rules::Condition::Lines(_)),
            unless: rule.spec.unless.clone(),
            state,
            health,
            last_error: evaluated.error.clone(),
            evaluation_time: evaluated.seconds,
            last_evaluation: time_of(evaluated.evaluated_at),
            notes: evaluated.template_fault.iter().chain(&evaluated.notes).cloned().collect(),
            duration: rule.spec.hold.as_secs_f64(),
            keep_firing_for: rule.spec.keep_firing_for.as_secs_f64(),
            cooldown: rule.spec.cooldown.as_secs_f64(),
            severity: rule.severity.into(),
            labels: rule.labels.clone(),
            annotations: rule.spec.annotations.clone(),
            remediation: rule.spec.remediation.clone(),
            metric: rule.condition.metric().map(str::to_owned),
            op: limit.map(|limit| limit.op.to_string()),
            threshold: limit.map(|limit| limit.threshold),
            alerts: alerts.iter().filter(|_| with_alerts).map(|alert| PrometheusAlert::from(*alert)).collect(),
        }
    }
}

/// `/api/v1/rules/{name}`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct NamedRule {
    /// Its name.
    #[schema(example = "high_cpu_usage")]
    pub name: String,
    /// Where it comes from: `Settings.toml`, a rule file, or `rest`.
    #[schema(example = "rest")]
    pub file: String,
    /// How often it was given over REST; 0 for a rule of a file.
    pub version: u64,
    /// When it was given last.
    #[schema(required = true)]
    pub updated_at: Option<f64>,
    /// What it says, with the keys of *Alert rules*.
    #[schema(value_type = Object)]
    pub rule: rules::RuleSpec,
}

impl NamedRule {
    /// A rule by its name.
    #[must_use]
    pub fn new(name: String, known: rules::KnownRule) -> Self {
        let (version, updated_at) = known.given.map_or((0, None), |(version, at)| (version, Some(seconds(at))));
        Self { name, file: known.file, version, updated_at, rule: known.spec }
    }
}

/// `/api/v1/rules/preview`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RulePreview {
    /// How often it would have fired.
    pub fired: usize,
    /// How often its condition would have held for too short a time.
    pub too_short: usize,
    /// How long its alerts would have fired, seconds.
    pub firing_seconds: f64,
    /// Series that it would have judged.
    pub series: usize,
    /// Samples, or instants, at which it would have been judged.
    pub judged: usize,
    /// Time between evaluations, seconds; `null` where each sample is judged.
    #[schema(required = true)]
    pub step_seconds: Option<f64>,
    /// From when on.
    pub start: f64,
    /// Until when.
    pub end: f64,
    /// The newest firings, the newest first; at most 1000.
    pub firings: Vec<RuleFiring>,
    /// About how many notices a channel would have got of these firings, by `notify.group_interval`.
    pub notices: usize,
}

/// A firing that would have been.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RuleFiring {
    /// The labels of its series.
    pub labels: BTreeMap<String, String>,
    /// Since when its condition held.
    pub pending_since: f64,
    /// When it would have fired.
    pub fired_at: f64,
    /// When it would have ended; `null` if it still fires at the end.
    #[schema(required = true)]
    pub resolved_at: Option<f64>,
    /// The value at which it would have fired.
    #[schema(value_type = Option<f64>, required = true)]
    pub value: f64,
}

impl RulePreview {
    /// What a rule would have done between two times, ms; `interval` lies between two notices of it at least.
    #[must_use]
    pub fn new(preview: rules::Preview, (start, end): (i64, i64), interval: i64) -> Self {
        let firing = |firing: rules::Firing| RuleFiring {
            labels: firing.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            pending_since: seconds(firing.pending_since),
            fired_at: seconds(firing.fired_at),
            resolved_at: firing.resolved_at.map(seconds),
            value: firing.value,
        };
        Self {
            notices: rules::notices_of(preview.firings.iter().map(|firing| (firing.fired_at, firing.resolved_at)), interval),
            fired: preview.fired,
            too_short: preview.too_short,
            firing_seconds: seconds(preview.firing_ms),
            series: preview.series,
            judged: preview.judged,
            step_seconds: preview.step_ms.map(seconds),
            start: seconds(start),
            end: seconds(end),
            firings: preview.firings.into_iter().map(firing).collect(),
        }
    }
}
