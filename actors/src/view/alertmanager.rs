//! Silences, alerts and groups in the shapes of Alertmanager's API, version 2, so that its clients (`amtool`, Karma, Grafana) work here.

use std::collections::BTreeMap;

use serde::Serialize;
use taskpulse_engine::model::{TimestampMs, rfc3339};
use taskpulse_engine::notices::render::generator_url;
use taskpulse_engine::notices::{MaintenanceWindow, MatcherSpec, NoticeAlert, Reasons, Silence};
use utoipa::ToSchema;

/// One condition on one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SilenceMatcher {
    /// The label's name.
    pub name: String,
    /// What its value is compared with.
    pub value: String,
    /// Whether `value` is a regular expression.
    pub is_regex: bool,
    /// `false`: the value must differ.
    pub is_equal: bool,
}

impl From<&MatcherSpec> for SilenceMatcher {
    fn from(spec: &MatcherSpec) -> Self {
        Self { name: spec.name.clone(), value: spec.value.clone(), is_regex: spec.is_regex, is_equal: spec.is_equal }
    }
}

/// Where a silence stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SilenceStatus {
    /// `pending`, `active` or `expired`.
    #[schema(pattern = "^(pending|active|expired)$")]
    pub state: &'static str,
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GettableSilence {
    /// A UUID.
    pub id: String,
    /// Where it stands.
    pub status: SilenceStatus,
    /// When it was last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// All must accept an alert.
    pub matchers: Vec<SilenceMatcher>,
    /// From when on.
    #[schema(format = DateTime)]
    pub starts_at: String,
    /// Until when.
    #[schema(format = DateTime)]
    pub ends_at: String,
    /// Who asked.
    pub created_by: String,
    /// Why.
    pub comment: String,
}

impl GettableSilence {
    /// As it stands now.
    #[must_use]
    pub fn new(silence: &Silence, now: TimestampMs) -> Self {
        Self {
            id: silence.id.clone(),
            status: SilenceStatus { state: silence.state(now).name() },
            updated_at: rfc3339(silence.updated_at),
            matchers: silence.matchers.iter().map(SilenceMatcher::from).collect(),
            starts_at: rfc3339(silence.starts_at),
            ends_at: rfc3339(silence.ends_at),
            created_by: silence.created_by.clone(),
            comment: silence.comment.clone(),
        }
    }
}

/// Whether notices of an alert are held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertStatus {
    /// `active`, or `suppressed` where something holds its notices back.
    #[schema(pattern = "^(active|suppressed)$")]
    pub state: &'static str,
    /// Ids of silences.
    pub silenced_by: Vec<String>,
    /// Fingerprints of alerts.
    pub inhibited_by: Vec<String>,
    /// Names of maintenance windows.
    pub muted_by: Vec<String>,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Receiver {
    /// Its name.
    pub name: String,
}

/// A firing alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GettableAlert {
    /// Texts about it.
    pub annotations: BTreeMap<String, String>,
    /// Until when it is known to fire, if nothing changes.
    #[schema(format = DateTime)]
    pub ends_at: String,
    /// Its id.
    pub fingerprint: String,
    /// The channels that get it.
    pub receivers: Vec<Receiver>,
    /// When it fired.
    #[schema(format = DateTime)]
    pub starts_at: String,
    /// Whether its notices are held back.
    pub status: AlertStatus,
    /// When this was worked out.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// `alertname`, `severity` and the labels of its series.
    pub labels: BTreeMap<String, String>,
    /// Where the dashboard shows it.
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
}

/// For how long an alert is said to fire if nothing changes, ms.
const KNOWN_FOR: i64 = 240_000;

impl GettableAlert {
    /// A firing alert, why its notices are held back, and who gets it.
    #[must_use]
    pub fn new(alert: &NoticeAlert, reasons: Reasons, receivers: Vec<String>, external_url: &str, now: TimestampMs) -> Self {
        let state = if reasons.is_empty() { "active" } else { "suppressed" };
        Self {
            annotations: alert.annotations.clone(),
            ends_at: rfc3339(now.saturating_add(KNOWN_FOR)),
            fingerprint: alert.id.clone(),
            receivers: receivers.into_iter().map(|name| Receiver { name }).collect(),
            starts_at: rfc3339(alert.starts_at),
            status: AlertStatus { state, silenced_by: reasons.silenced_by, inhibited_by: reasons.inhibited_by, muted_by: reasons.muted_by },
            updated_at: rfc3339(now),
            labels: alert.labels.clone(),
            generator_url: generator_url(alert, external_url),
        }
    }
}

/// The firing alerts of a channel that are announced together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlertGroup {
    /// The labels in which they agree.
    pub labels: BTreeMap<String, String>,
    /// The channel.
    pub receiver: Receiver,
    /// The alerts.
    pub alerts: Vec<GettableAlert>,
}

/// A maintenance window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Maintenance {
    /// Its name.
    #[schema(example = "backup")]
    pub name: String,
    /// When.
    #[schema(example = json!(["sun 02:00-04:00"]))]
    pub times: Vec<String>,
    /// The time zone of the times; none for that of the machine.
    #[schema(required = true, example = "Europe/Berlin")]
    pub timezone: Option<String>,
    /// Which alerts; empty for all.
    #[serde(rename = "match")]
    pub matchers: Vec<String>,
    /// Why.
    pub comment: String,
    /// Whether it is in the settings, and so cannot be changed here.
    pub of_settings: bool,
    /// Whether it holds notices back now.
    pub active: bool,
}

impl From<MaintenanceWindow> for Maintenance {
    fn from(window: MaintenanceWindow) -> Self {
        let spec = window.spec;
        Self {
            name: window.name,
            times: spec.times,
            timezone: spec.timezone,
            matchers: spec.matchers,
            comment: spec.comment,
            of_settings: window.of_settings,
            active: window.active,
        }
    }
}

/// What the notifier knows at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Notices {
    /// Firing alerts.
    pub alerts: Vec<GettableAlert>,
    /// By channel and labels.
    pub groups: Vec<AlertGroup>,
    /// All that are kept.
    pub silences: Vec<GettableSilence>,
    /// All, by name.
    pub maintenance: Vec<Maintenance>,
    /// The channels.
    pub receivers: Vec<String>,
}
