//! Experiments: changes that somebody marked, and whether they helped.

use serde::{Deserialize, Serialize};
use taskpulse_engine::effect::Effect;
use taskpulse_engine::experiment;
use taskpulse_engine::model::Labels;
use taskpulse_engine::words;
use utoipa::ToSchema;

use super::effect::pairs;
use super::{EffectPair, Interval, Side, seconds};

/// What would be an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less of it, as of durations and errors.
    Lower,
    /// More of it, as of throughput.
    Higher,
}

impl From<experiment::Better> for Better {
    fn from(better: experiment::Better) -> Self {
        match better {
            experiment::Better::Lower => Self::Lower,
            experiment::Better::Higher => Self::Higher,
        }
    }
}

impl From<Better> for experiment::Better {
    fn from(better: Better) -> Self {
        match better {
            Better::Lower => Self::Lower,
            Better::Higher => Self::Higher,
        }
    }
}

/// Whether a change helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExperimentState {
    /// There are not enough days yet: `judged_from` says when.
    TooEarly,
    /// The series went where it was to go: the interval leaves out no change.
    Verified,
    /// It went the other way.
    Regressed,
    /// The interval holds no change, and rules out one by 20 %.
    Ineffective,
    /// The interval holds no change, and one by 20 % as well.
    Inconclusive,
    /// Something else changed as well: `others` says what.
    Confounded,
    /// It cannot be compared: `missing` says why.
    Unknown,
}

impl From<experiment::State> for ExperimentState {
    fn from(state: experiment::State) -> Self {
        match state {
            experiment::State::TooEarly => Self::TooEarly,
            experiment::State::Verified => Self::Verified,
            experiment::State::Regressed => Self::Regressed,
            experiment::State::Ineffective => Self::Ineffective,
            experiment::State::Inconclusive => Self::Inconclusive,
            experiment::State::Confounded => Self::Confounded,
            experiment::State::Unknown => Self::Unknown,
        }
    }
}

/// Another change within the time that is compared.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OtherChange {
    /// `experiment` or `recommendation`.
    #[schema(example = "experiment")]
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// When it was.
    pub at: f64,
}

/// A change that somebody marked, and whether it helped.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Experiment {
    /// The same for the same title, query, control and moment.
    #[schema(example = "9f86d081884c7d65")]
    pub id: String,
    /// What was changed; may be empty.
    #[schema(example = "cache of CI")]
    pub title: String,
    /// What is compared.
    pub expr: String,
    /// PromQL of a series that the change did not touch; `null` where none was named.
    #[schema(required = true)]
    pub control: Option<String>,
    /// What would be an improvement.
    pub direction: Better,
    /// When the change was made.
    pub at: f64,
    /// The days after it that are compared at the most.
    pub days: i64,
    /// When somebody asked.
    pub created_at: f64,
    /// The id of the recommendation whose effect it follows; `null` for a change that somebody marked.
    #[schema(required = true)]
    pub recommendation: Option<String>,
    /// The labels of the series; none before its first judgment.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// The metric whose unit the figures have, where the query keeps one; else empty.
    #[schema(example = "github_actions_run_duration_seconds")]
    pub unit_of: String,
    /// Whether it helped.
    pub state: ExperimentState,
    /// Since when that is so.
    pub since: f64,
    /// When this was found; later looks found the same.
    pub judged_at: f64,
    /// When it can be judged first; `null` where it never can, or was not judged yet.
    #[schema(required = true)]
    pub judged_from: Option<f64>,
    /// Whether it stays like this: all days are over.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// The result as a sentence.
    #[schema(example = "Run duration fell from 10 min to 8 min, by 20 % (95 %: 12 to 28 %)")]
    pub sentence: String,
    /// What is missing to a result; `null` where nothing is.
    #[schema(required = true)]
    pub missing: Option<String>,
    /// What else changed within the time that is compared.
    pub others: Vec<OtherChange>,
    /// Before the moment; `null` where nothing is measured, as are the next ones.
    #[schema(required = true)]
    pub before: Option<Side>,
    /// After it.
    #[schema(required = true)]
    pub after: Option<Side>,
    /// After divided by before; `null` also for a series that is not above zero throughout.
    #[schema(required = true)]
    pub ratio: Option<Interval>,
    /// After less before.
    #[schema(required = true)]
    pub difference: Option<Interval>,
    /// The half days that were compared.
    pub pairs: Vec<EffectPair>,
}

impl From<&experiment::Experiment> for Experiment {
    fn from(kept: &experiment::Experiment) -> Self {
        let judgment = &kept.judgment;
        let effect = judgment.effect.as_ref();
        let other = |other: &experiment::OtherChange| OtherChange {
            kind: other.kind.clone(),
            id: other.id.clone(),
            title: other.title.clone(),
            at: seconds(other.at),
        };
        Self {
            id: kept.id.clone(),
            title: kept.title.clone(),
            expr: kept.expr.clone(),
            control: kept.control.clone(),
            direction: kept.better.into(),
            at: seconds(kept.at),
            days: kept.days,
            created_at: seconds(kept.created_at),
            recommendation: kept.recommendation.clone(),
            metric: kept.metric.clone(),
            unit_of: words::measured(&kept.metric, &kept.expr).unit_of,
            state: judgment.state.into(),
            since: seconds(judgment.since),
            judged_at: seconds(judgment.judged_at),
            judged_from: judgment.judged_from.map(seconds),
            is_final: judgment.is_final,
            sentence: judgment.sentence.clone(),
            missing: judgment.missing.clone(),
            others: judgment.others.iter().map(other).collect(),
            before: effect.map(Side::before),
            after: effect.map(Side::after),
            ratio: effect.and_then(|effect: &Effect| effect.ratio).map(Interval::from),
            difference: effect.map(|effect| effect.difference.into()),
            pairs: effect.map_or_else(Vec::new, pairs),
        }
    }
}
