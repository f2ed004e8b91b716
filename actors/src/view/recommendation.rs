//! Recommendations.

use serde::Serialize;
use taskpulse_engine::advice;
use utoipa::ToSchema;

use super::{Severity, seconds};

/// Where a recommendation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecommendationStatus {
    /// Nobody has decided.
    Open,
    /// Someone means to do it.
    Accepted,
    /// Someone does not want it.
    Dismissed,
    /// Someone did it.
    Applied,
    /// Its evidence is gone.
    Withdrawn,
}

impl From<advice::Status> for RecommendationStatus {
    fn from(status: advice::Status) -> Self {
        match status {
            advice::Status::Open => Self::Open,
            advice::Status::Accepted => Self::Accepted,
            advice::Status::Dismissed => Self::Dismissed,
            advice::Status::Applied => Self::Applied,
            advice::Status::Withdrawn => Self::Withdrawn,
        }
    }
}

/// One figure behind a recommendation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Evidence {
    /// What it is.
    #[schema(example = "time above 80 % in the last hour")]
    pub name: String,
    /// The figure.
    #[schema(value_type = Option<f64>, required = true)]
    pub value: f64,
    /// Lower bound (95 %) of an estimate; `null` for a figure that was counted.
    #[schema(required = true)]
    pub low: Option<f64>,
    /// Upper bound (95 %) of an estimate; `null` for a figure that was counted.
    #[schema(required = true)]
    pub high: Option<f64>,
    /// `ratio`, `bytes`, `seconds`, `count`, `bytes_per_second` or `per_day`.
    #[schema(example = "ratio")]
    pub unit: String,
}

/// Advice with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Recommendation {
    /// The same for the same advice about the same thing.
    #[schema(example = "cpu_saturated")]
    pub id: String,
    /// What it is about: `cpu`, `memory`, `disk`, `board`, `duration`, `ci`, `probe`, `source`, `unit`, `service`.
    pub kind: String,
    /// One line.
    #[schema(example = "The CPU is the bottleneck")]
    pub title: String,
    /// What was seen.
    pub why: String,
    /// What to do.
    pub action: String,
    /// How much it matters.
    pub severity: Severity,
    /// Where it stands.
    pub status: RecommendationStatus,
    /// When it was first given.
    pub created: f64,
    /// When it last changed.
    pub updated: f64,
    /// The figures.
    pub evidence: Vec<Evidence>,
    /// The series to look at.
    #[schema(example = "system_cpu_utilization_ratio")]
    pub query: String,
    /// From when.
    pub start: f64,
    /// Until when.
    pub end: f64,
}

impl From<&advice::Recommendation> for Recommendation {
    fn from(r: &advice::Recommendation) -> Self {
        let evidence =
            |e: &advice::Evidence| Evidence { name: e.name.clone(), value: e.value, low: e.low, high: e.high, unit: e.unit.clone() };
        Self {
            id: r.id.clone(),
            kind: r.kind.clone(),
            title: r.title.clone(),
            why: r.why.clone(),
            action: r.action.clone(),
            severity: r.severity.into(),
            status: r.status.into(),
            created: seconds(r.created),
            updated: seconds(r.updated),
            evidence: r.evidence.iter().map(evidence).collect(),
            query: r.query.clone(),
            start: seconds(r.start),
            end: seconds(r.end),
        }
    }
}

/// What gives one kind of advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Advisor {
    /// How the ids of its recommendations begin.
    #[schema(example = "disk_filling")]
    pub name: String,
    /// When it gives advice.
    #[schema(example = "a file system is full or soon will be")]
    pub about: String,
    /// Which of the metrics that it reads have no series: it can say nothing while there is one.
    pub missing: Vec<String>,
    /// How many of its recommendations there are.
    pub recommendations: usize,
}

impl Advisor {
    /// An advisor beside the recommendations that there are.
    #[must_use]
    pub fn new(state: &advice::AdvisorState, current: &[Recommendation]) -> Self {
        let own = |r: &&Recommendation| {
            r.id.strip_prefix(state.name).is_some_and(|rest| !rest.starts_with(|c: char| c == '_' || c.is_alphanumeric()))
        };
        Self {
            name: state.name.to_owned(),
            about: state.about.to_owned(),
            missing: state.missing.iter().map(|&metric| metric.to_owned()).collect(),
            recommendations: current.iter().filter(own).count(),
        }
    }
}
