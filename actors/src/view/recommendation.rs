//! Recommendations.

use serde::Serialize;
use taskpulse_engine::advice;
use taskpulse_engine::experiment::State;
use utoipa::ToSchema;

use super::{Better, ExperimentState, Interval, Severity, seconds};

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

impl RecommendationStatus {
    /// Whether it waits for somebody to carry it out.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Accepted)
    }
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
    /// `ratio`, `bytes`, `seconds`, `count`, `bytes_per_second` or `per_day`; `time` of a moment at which something changed, in seconds since 1970.
    #[schema(example = "ratio")]
    pub unit: String,
}

/// How much work it usually is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// A setting, a command.
    Minutes,
    /// A search for the cause.
    Hours,
    /// Work to be planned.
    Days,
}

/// How sure advice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// What was seen has other usual causes, or goes away by itself.
    Low,
    /// A forecast, or a difference beyond chance.
    Medium,
    /// It was counted: it is so.
    High,
}

/// The effect to expect, as a range.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Expected {
    /// What becomes less.
    #[schema(example = "duration of a green run")]
    pub what: String,
    /// By how much at the least.
    pub low: f64,
    /// By how much at the most.
    pub high: f64,
    /// As that of evidence; `ratio` is a share of what it is now.
    #[schema(example = "ratio")]
    pub unit: String,
    /// What the range is taken from.
    pub basis: String,
}

/// What is compared before and after the advice is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Measure {
    /// PromQL that gives one series.
    pub query: String,
    /// What would be an improvement.
    pub direction: Better,
    /// PromQL of series like it that the change does not touch; `null` where there are none.
    #[schema(required = true)]
    pub control: Option<String>,
}

/// The time before that the effect is compared with: it stays as it was known then.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Baseline {
    /// When it was frozen: when the advice was accepted, or applied without that.
    pub at: f64,
    /// How many hours before have values.
    pub hours: usize,
    /// From when; `null` where no hour has a value.
    #[schema(required = true)]
    pub start: Option<f64>,
    /// The mean of these hours.
    #[schema(required = true)]
    pub mean: Option<f64>,
}

/// What the experiment says of advice that was applied.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Verdict {
    /// Whether it helped.
    pub state: ExperimentState,
    /// Since when that is so.
    pub since: f64,
    /// The result as a sentence.
    pub sentence: String,
    /// Whether it stays like this.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// When it can be judged first; `null` where it never can.
    #[schema(required = true)]
    pub judged_from: Option<f64>,
    /// What is missing to a result; `null` where nothing is.
    #[schema(required = true)]
    pub missing: Option<String>,
    /// The mean before; `null` where nothing is measured, as are the next ones.
    #[schema(required = true)]
    pub before: Option<f64>,
    /// The mean after.
    #[schema(required = true)]
    pub after: Option<f64>,
    /// After divided by before; `null` also for a series that is not above zero throughout.
    #[schema(required = true)]
    pub ratio: Option<Interval>,
    /// After less before.
    #[schema(required = true)]
    pub difference: Option<Interval>,
}

/// Something on the time line that looks as if the advice was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SeemsApplied {
    /// When that was: post it as `at` to `…/applied` where it is true.
    pub at: f64,
    /// What it was.
    pub what: String,
}

/// What became of advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AttemptOutcome)]
pub enum Outcome {
    /// Someone did not want it.
    Dismissed,
    /// It was applied, and its effect could not be measured.
    Unmeasured,
    /// It helped.
    Verified,
    /// It made things worse.
    Regressed,
    /// It changed nothing that matters.
    Ineffective,
    /// Nobody can tell: the interval is too wide.
    Inconclusive,
    /// Nobody can tell: something else changed as well.
    Confounded,
    /// It was given up before it could be judged.
    TooEarly,
    /// It could not be compared.
    Unknown,
}

/// An earlier time that the same advice was decided on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Attempt {
    /// When it was applied or dismissed.
    pub at: f64,
    /// Until when that held.
    pub until: f64,
    /// What became of it.
    pub outcome: Outcome,
    /// The same for people: the sentence of the experiment, or the reason.
    pub sentence: String,
    /// The id of the experiment, which may be kept no more; `null` where there was none.
    #[schema(required = true)]
    pub experiment: Option<String>,
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
    /// Why it matters: what happens while nobody acts.
    pub matters: String,
    /// What to do first.
    pub action: String,
    /// What to do, step by step: `action`, and what comes after it.
    pub steps: Vec<String>,
    /// How much it matters.
    pub severity: Severity,
    /// How much it matters times how sure it is, 1 to 9: the order of the list, and nothing else. 0 for advice that is no longer given.
    pub priority: u8,
    /// How sure it is; `null` for advice that is no longer given, as is `effort`.
    #[schema(required = true)]
    pub confidence: Option<Confidence>,
    /// How much work it usually is.
    #[schema(required = true)]
    pub effort: Option<Effort>,
    /// The effect to expect; `null` where the evidence does not say.
    #[schema(required = true)]
    pub expected: Option<Expected>,
    /// Why no effect can be expected in figures; `null` where `expected` is there.
    #[schema(required = true)]
    pub expected_missing: Option<String>,
    /// What would show that the advice is wrong.
    pub refuted_by: String,
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
    /// How its effect is measured; `null` where it cannot be. What is frozen in `baseline` stays.
    #[schema(required = true)]
    pub measure: Option<Measure>,
    /// Why its effect cannot be measured; `null` where `measure` is there.
    #[schema(required = true)]
    pub measure_missing: Option<String>,
    /// When someone meant to do it; `null` where nobody did.
    #[schema(required = true)]
    pub accepted_at: Option<f64>,
    /// When it was done; `null` where it was not.
    #[schema(required = true)]
    pub applied_at: Option<f64>,
    /// Since when its evidence is gone, where its verdict is still waited for.
    #[schema(required = true)]
    pub gone_at: Option<f64>,
    /// Why it is not wanted; `null` where nobody said.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// What the effect is compared with; `null` before it is accepted or applied.
    #[schema(required = true)]
    pub baseline: Option<Baseline>,
    /// The id of the experiment that follows its effect.
    #[schema(required = true)]
    pub experiment: Option<String>,
    /// Whether it helped; `null` before it was applied, and where that is not followed.
    #[schema(required = true)]
    pub verdict: Option<Verdict>,
    /// Why there is no verdict, of advice that was applied; `null` where there is one.
    #[schema(required = true)]
    pub verdict_missing: Option<String>,
    /// What happened that looks as if it was done; `null` where nothing did.
    #[schema(required = true)]
    pub seems_applied: Option<SeemsApplied>,
    /// What became of the same advice before, the oldest first.
    pub attempts: Vec<Attempt>,
}

impl From<&advice::Recommendation> for Recommendation {
    fn from(r: &advice::Recommendation) -> Self {
        let evidence =
            |e: &advice::Evidence| Evidence { name: e.name.clone(), value: e.value, low: e.low, high: e.high, unit: e.unit.clone() };
        let (counsel, life) = (r.counsel(), &r.life);
        let then = counsel.map_or(&[] as &[&str], |counsel| counsel.then).iter().map(|&step| step.to_owned());
        let not_given = "this advice is no longer given";
        let missing = |is: bool, why: fn(&advice::Counsel) -> &'static str| (!is).then(|| counsel.map_or(not_given, why).to_owned());
        Self {
            id: r.id.clone(),
            kind: r.kind.clone(),
            title: r.title.clone(),
            why: r.why.clone(),
            matters: counsel.map_or_else(String::new, |counsel| counsel.matters.to_owned()),
            action: r.action.clone(),
            steps: Some(r.action.clone()).filter(|action| !action.is_empty()).into_iter().chain(then).collect(),
            severity: r.severity.into(),
            priority: r.priority(),
            confidence: counsel.map(|counsel| counsel.confidence.into()),
            effort: counsel.map(|counsel| counsel.effort.into()),
            expected: r.expected.as_ref().map(Expected::from),
            expected_missing: missing(r.expected.is_some(), advice::Counsel::nothing_expected),
            refuted_by: counsel.map_or_else(String::new, |counsel| counsel.refuted_by.to_owned()),
            status: r.status.into(),
            created: seconds(r.created),
            updated: seconds(r.updated),
            evidence: r.evidence.iter().map(evidence).collect(),
            query: r.query.clone(),
            start: seconds(r.start),
            end: seconds(r.end),
            measure: r.measure.as_ref().map(Measure::from),
            measure_missing: missing(r.measure.is_some(), advice::Counsel::not_measured),
            accepted_at: life.accepted_at.map(seconds),
            applied_at: life.applied_at.map(seconds),
            gone_at: life.gone_at.map(seconds),
            reason: life.dismissed.as_ref().map(|dismissed| dismissed.reason.clone()).filter(|reason| !reason.is_empty()),
            baseline: life.baseline.as_ref().map(Baseline::from),
            experiment: life.experiment.clone(),
            verdict: life.verdict.as_ref().map(Verdict::from),
            verdict_missing: r.no_verdict().map(str::to_owned),
            seems_applied: life.seems_applied.as_ref().map(|seen| SeemsApplied { at: seconds(seen.at), what: seen.what.clone() }),
            attempts: life.attempts.iter().map(Attempt::from).collect(),
        }
    }
}

impl From<advice::Effort> for Effort {
    fn from(effort: advice::Effort) -> Self {
        match effort {
            advice::Effort::Minutes => Self::Minutes,
            advice::Effort::Hours => Self::Hours,
            advice::Effort::Days => Self::Days,
        }
    }
}

impl From<advice::Confidence> for Confidence {
    fn from(confidence: advice::Confidence) -> Self {
        match confidence {
            advice::Confidence::Low => Self::Low,
            advice::Confidence::Medium => Self::Medium,
            advice::Confidence::High => Self::High,
        }
    }
}

impl From<&advice::Expected> for Expected {
    fn from(e: &advice::Expected) -> Self {
        Self { what: e.what.clone(), low: e.low, high: e.high, unit: e.unit.clone(), basis: e.basis.clone() }
    }
}

impl From<&advice::Measure> for Measure {
    fn from(measure: &advice::Measure) -> Self {
        Self { query: measure.query.clone(), direction: measure.better.into(), control: measure.control.clone() }
    }
}

impl From<&advice::Baseline> for Baseline {
    fn from(baseline: &advice::Baseline) -> Self {
        let hours = baseline.before.len();
        let mean = (hours > 0).then(|| baseline.before.values().sum::<f64>() / hours as f64);
        let start = baseline.before.keys().next().map(|hour| *hour as f64 * 3_600.0);
        Self { at: seconds(baseline.at), hours, start, mean }
    }
}

impl From<&advice::Verdict> for Verdict {
    fn from(verdict: &advice::Verdict) -> Self {
        Self {
            state: verdict.state.into(),
            since: seconds(verdict.since),
            sentence: verdict.sentence.clone(),
            is_final: verdict.is_final,
            judged_from: verdict.judged_from.map(seconds),
            missing: verdict.missing.clone(),
            before: verdict.means.map(|(before, _)| before),
            after: verdict.means.map(|(_, after)| after),
            ratio: verdict.ratio.map(Interval::from),
            difference: verdict.difference.map(Interval::from),
        }
    }
}

impl From<advice::Outcome> for Outcome {
    fn from(outcome: advice::Outcome) -> Self {
        match outcome {
            advice::Outcome::Dismissed => Self::Dismissed,
            advice::Outcome::Unmeasured => Self::Unmeasured,
            advice::Outcome::Judged(state) => match state {
                State::Verified => Self::Verified,
                State::Regressed => Self::Regressed,
                State::Ineffective => Self::Ineffective,
                State::Inconclusive => Self::Inconclusive,
                State::Confounded => Self::Confounded,
                State::TooEarly => Self::TooEarly,
                State::Unknown => Self::Unknown,
            },
        }
    }
}

impl From<&advice::Attempt> for Attempt {
    fn from(attempt: &advice::Attempt) -> Self {
        Self {
            at: seconds(attempt.at),
            until: seconds(attempt.until),
            outcome: attempt.outcome.into(),
            sentence: attempt.sentence.clone(),
            experiment: attempt.experiment.clone(),
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
    /// Why it can say nothing now, in words; `null` where it can.
    #[schema(required = true, example = "too little history: it needs 3 h, and there are 15 min")]
    pub unsaid: Option<String>,
    /// How many of its recommendations there are.
    pub recommendations: usize,
}

impl Advisor {
    /// An advisor beside the recommendations that there are; `off` says why nothing is looked for.
    #[must_use]
    pub fn new(state: &advice::AdvisorState, off: Option<&str>, current: &[Recommendation]) -> Self {
        let own = |r: &&Recommendation| advice::is_of(&r.id, state.name);
        Self {
            name: state.name.to_owned(),
            about: state.about.to_owned(),
            missing: state.missing.clone(),
            unsaid: off.map(str::to_owned).or_else(|| state.unsaid()),
            recommendations: current.iter().filter(own).count(),
        }
    }
}
