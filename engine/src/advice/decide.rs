//! What people decide about recommendations.

use super::tracker::figure;
use super::{Dismissal, Life, Recommendation, RecommendationTracker, Status};
use crate::effect::MAX_DAYS;
use crate::experiment::State;
use crate::model::TimestampMs;

/// Longest reason, in characters.
pub const MAX_REASON: usize = 500;
/// What was applied longer ago is not followed any more.
const MAX_AGO_MS: i64 = MAX_DAYS * 86_400_000;

/// What somebody decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is to be done.
    Accept,
    /// It is not wanted, and why.
    Dismiss(String),
    /// It was done, and when where that was not now.
    Applied(Option<TimestampMs>),
    /// Nobody has decided after all.
    Reopen,
    /// Back to where it stood before the last decision.
    Undo,
}

/// Why a decision is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// There is none of that id.
    #[error("no recommendation has the id `{0}`; /api/v1/recommendations lists them")]
    NotFound(String),
    /// It cannot be.
    #[error("{0}")]
    Invalid(String),
}

impl Decision {
    fn check(&self, now: TimestampMs) -> Result<(), DecideError> {
        let wrong = match self {
            Self::Dismiss(reason) if reason.chars().count() > MAX_REASON => {
                format!("`reason`: {} characters; use at most {MAX_REASON}", reason.chars().count())
            }
            Self::Applied(Some(at)) if *at > now => "`at` is in the future; say that it was applied once it is".to_owned(),
            Self::Applied(Some(at)) if *at < now - MAX_AGO_MS => {
                format!("`at` is more than {MAX_DAYS} days ago: what it did then is no longer followed")
            }
            _ => return Ok(()),
        };
        Err(DecideError::Invalid(wrong))
    }
}

impl RecommendationTracker {
    /// Takes a decision.
    ///
    /// # Errors
    /// [`DecideError`]
    pub fn decide(&mut self, id: &str, decision: &Decision, now: TimestampMs) -> Result<Recommendation, DecideError> {
        let unknown = || DecideError::NotFound(id.to_owned());
        let one = self.all.get_mut(id).ok_or_else(unknown)?;
        if one.status == Status::Withdrawn {
            // What is not wanted comes no more; that can be undone.
            if one.life.dismissed.is_none() || !matches!(decision, Decision::Undo | Decision::Reopen) {
                return Err(unknown());
            }
            (one.life.dismissed, one.updated) = (None, now);
            return Ok(one.clone());
        }
        decision.check(now)?;
        match decision {
            Decision::Accept => accept(one, now),
            Decision::Dismiss(reason) => {
                end_trial(one);
                let figure = figure(&one.id, &one.evidence);
                one.life.dismissed = Some(Dismissal { at: now, reason: reason.trim().to_owned(), figure });
                one.stands(Status::Dismissed, now);
            }
            Decision::Applied(at) => apply(one, *at, now),
            Decision::Reopen => reopen(one, now),
            Decision::Undo if one.status == Status::Open => {
                return Err(DecideError::Invalid("nobody has decided on it: there is nothing to undo".to_owned()));
            }
            Decision::Undo if one.status != Status::Accepted && one.life.accepted_at.is_some() => accept(one, now),
            Decision::Undo => reopen(one, now),
        }
        Ok(one.clone())
    }
}

fn accept(one: &mut Recommendation, now: TimestampMs) {
    if one.status == Status::Accepted {
        return;
    }
    end_trial(one);
    one.life.dismissed = None;
    one.life.accepted_at.get_or_insert(now);
    one.stands(Status::Accepted, now);
}

fn reopen(one: &mut Recommendation, now: TimestampMs) {
    if one.status == Status::Open {
        return;
    }
    end_trial(one);
    let Life { ended, attempts, seems_applied, gone_at, .. } = std::mem::take(&mut one.life);
    one.life = Life { ended, attempts, seems_applied, gone_at, ..Life::default() };
    one.stands(Status::Open, now);
}

/// Applied once more after it was judged is another attempt; before that only another moment makes a difference.
fn apply(one: &mut Recommendation, at: Option<TimestampMs>, now: TimestampMs) {
    if one.status == Status::Applied {
        let judged = |verdict: &super::Verdict| !matches!(verdict.state, State::TooEarly | State::Unknown);
        if one.life.verdict.as_ref().is_some_and(judged) {
            one.conclude("It was applied once more", now);
            (one.life.baseline, one.life.experiment, one.life.verdict) = (None, None, None);
        } else if at.is_none_or(|at| one.life.applied_at == Some(at)) {
            return;
        }
    }
    end_trial(one);
    one.life.dismissed = None;
    one.life.applied_at = Some(at.unwrap_or(now));
    one.stands(Status::Applied, now);
}

/// What follows the effect ends.
fn end_trial(one: &mut Recommendation) {
    let life = &mut one.life;
    life.ended.extend(life.experiment.take());
    (life.applied_at, life.verdict, life.not_followed) = (None, None, None);
    // What was frozen when it was accepted stays.
    if life.accepted_at.is_none() {
        life.baseline = None;
    }
}
