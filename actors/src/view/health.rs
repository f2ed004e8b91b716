//! The health score, and what does not work.

use serde::Serialize;
use taskpulse_engine::health;
use utoipa::ToSchema;

/// The health score and what it is made of.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Health {
    /// 0 to 100; `null` while no resource is measured.
    #[schema(required = true, example = 92.0)]
    pub score: Option<f64>,
    /// Its parts.
    pub parts: Vec<HealthPart>,
    /// What is not in it.
    pub missing: Vec<UnmeasuredPart>,
}

/// One part of the score.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HealthPart {
    /// `cpu`, `memory`, `disk`, `alerts`, `sources` or `probes`.
    pub part: &'static str,
    /// 0 to 100.
    #[schema(value_type = Option<f64>, required = true)]
    pub score: f64,
    /// How much of what it lacks is taken from 100: 1 for the worst part, 0.1 for each of the others.
    #[schema(value_type = Option<f64>, required = true)]
    pub weight: f64,
    /// The figure behind it.
    #[schema(example = "61 % busy over the last ten minutes")]
    pub why: String,
}

/// A part that could not be measured.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct UnmeasuredPart {
    /// Which; `all` before the first measurement.
    pub part: &'static str,
    /// Why.
    pub why: String,
}

impl Default for Health {
    fn default() -> Self {
        Self { score: None, parts: Vec::new(), missing: vec![UnmeasuredPart { part: "all", why: "not measured yet".to_owned() }] }
    }
}

impl From<health::Health> for Health {
    fn from(health: health::Health) -> Self {
        let part = |p: health::Part| HealthPart { part: p.part, score: p.score, weight: p.weight, why: p.why };
        let missing = |m: health::Missing| UnmeasuredPart { part: m.part, why: m.why };
        Self {
            score: health.score,
            parts: health.parts.into_iter().map(part).collect(),
            missing: health.missing.into_iter().map(missing).collect(),
        }
    }
}

/// Whether all works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthVerdict {
    /// It does.
    Ok,
    /// Some part does not.
    Failing,
}

/// A part of the service that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FailingPart {
    /// Which.
    #[schema(example = "actor store")]
    pub part: String,
    /// Why.
    pub reason: String,
}

/// `/healthz` and `/readyz`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthCheck {
    /// The verdict.
    pub status: HealthVerdict,
    /// The parts that do not work.
    pub failing: Vec<FailingPart>,
}

impl From<Vec<FailingPart>> for HealthCheck {
    fn from(failing: Vec<FailingPart>) -> Self {
        Self { status: if failing.is_empty() { HealthVerdict::Ok } else { HealthVerdict::Failing }, failing }
    }
}
