//! What was decided about a recommendation, and what became of it.

use serde::{Deserialize, Serialize};

use super::{Measure, Recommendation, Status};
use crate::effect::{Estimate, Hours};
use crate::experiment::State;
use crate::model::TimestampMs;

/// The life of a recommendation since it was opened. It is kept in documents, so fields are only ever added. Times are ms UTC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Life {
    /// Since when it stands where it does, as the time line has it.
    pub since: TimestampMs,
    /// When someone meant to do it.
    pub accepted_at: Option<TimestampMs>,
    /// When it was done.
    pub applied_at: Option<TimestampMs>,
    /// Since when its evidence is gone, where it is kept all the same.
    pub gone_at: Option<TimestampMs>,
    /// Why it is not wanted.
    pub dismissed: Option<Dismissal>,
    /// What its effect is compared with.
    pub baseline: Option<Baseline>,
    /// The experiment that follows its effect.
    pub experiment: Option<String>,
    /// Why there is none.
    pub not_followed: Option<String>,
    /// Experiments that are to be removed, as what they follow was undone.
    pub ended: Vec<String>,
    /// What the experiment says.
    pub verdict: Option<Verdict>,
    /// What happened that looks as if it was done.
    pub seems_applied: Option<SeemsApplied>,
    /// What became of it before, the oldest first.
    pub attempts: Vec<Attempt>,
}

/// That someone does not want it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dismissal {
    /// When.
    pub at: TimestampMs,
    /// Why; empty where nobody said.
    pub reason: String,
    /// The figure then that says how bad it is.
    pub figure: Option<f64>,
}

/// What is compared, and the time before: frozen when the advice is accepted, or applied without that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// When it was frozen.
    pub at: TimestampMs,
    /// What is compared.
    pub measure: Measure,
    /// The hours before.
    pub before: Hours,
    /// The hours of the control before.
    pub control_before: Hours,
}

/// What an experiment says of the advice that was applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether it helped.
    pub state: State,
    /// Since when that is so.
    pub since: TimestampMs,
    /// The result for people.
    pub sentence: String,
    /// When it can be judged first.
    pub judged_from: Option<TimestampMs>,
    /// What is missing to a result.
    pub missing: Option<String>,
    /// Whether it stays like this.
    pub is_final: bool,
    /// The means before and after.
    pub means: Option<(f64, f64)>,
    /// After divided by before.
    pub ratio: Option<Estimate>,
    /// After less before.
    pub difference: Option<Estimate>,
}

/// Something on the time line that looks as if the advice was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeemsApplied {
    /// When that was.
    pub at: TimestampMs,
    /// What it was.
    pub what: String,
}

/// What became of advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Someone did not want it.
    Dismissed,
    /// It was applied, and its effect could not be measured.
    Unmeasured,
    /// It was applied, and the experiment said so.
    Judged(State),
}

/// An earlier time that the same advice was decided on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was applied or dismissed.
    pub at: TimestampMs,
    /// Until when that held.
    pub until: TimestampMs,
    /// What became of it.
    pub outcome: Outcome,
    /// The same for people: the sentence of the experiment, or the reason.
    pub sentence: String,
    /// The experiment.
    pub experiment: Option<String>,
}

impl Recommendation {
    /// Each time that it was applied and that was not undone.
    #[must_use]
    pub fn applications(&self) -> Vec<TimestampMs> {
        let before = self.life.attempts.iter().filter(|attempt| attempt.outcome != Outcome::Dismissed).map(|attempt| attempt.at);
        // What an earlier version kept has no other time.
        let lately = self.life.applied_at.or_else(|| (self.status == Status::Applied).then_some(self.updated));
        let mut times: Vec<TimestampMs> = before.chain(lately).collect();
        times.dedup();
        times
    }

    /// Why there is no verdict on advice that was applied.
    #[must_use]
    pub fn no_verdict(&self) -> Option<&str> {
        if self.status != Status::Applied || self.life.verdict.is_some() {
            return None;
        }
        if let Some(why) = &self.life.not_followed {
            return Some(why);
        }
        match (&self.measure, self.counsel()) {
            (None, Some(counsel)) => Some(counsel.not_measured()),
            (None, None) => Some("this advice is no longer given"),
            (Some(_), _) => Some("the comparison begins"),
        }
    }
}
