//! Targets of probes.

use serde::Serialize;
use utoipa::ToSchema;

/// How a target is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// By a request over HTTP or HTTPS.
    Http,
    /// By a TCP connection.
    Tcp,
    /// By a program.
    Command,
}

/// A target of a probe.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Target {
    /// Its name.
    #[schema(example = "shop")]
    pub target: String,
    /// How it is checked.
    pub kind: TargetKind,
    /// What is asked, without user, values of its query and arguments: they may be secrets.
    #[schema(example = "https://shop.example/health")]
    pub address: String,
    /// Whether it is up; `null` before the first check, and where it cannot be checked.
    #[schema(required = true)]
    pub up: Option<bool>,
    /// Why it is not.
    #[schema(required = true, example = "status 503; expected 200 to 299")]
    pub reason: Option<String>,
    /// Since when it is as it is.
    #[schema(required = true)]
    pub since: Option<f64>,
    /// When it was last checked.
    #[schema(required = true)]
    pub checked_at: Option<f64>,
    /// Time between checks.
    pub interval_seconds: f64,
    /// How long the last check took.
    #[schema(required = true)]
    pub duration_seconds: Option<f64>,
    /// The status of its last answer.
    #[schema(required = true)]
    pub http_status: Option<u16>,
    /// When the first certificate of its chain ends.
    #[schema(required = true)]
    pub certificate_expires: Option<i64>,
}
