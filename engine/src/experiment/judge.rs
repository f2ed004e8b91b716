//! What the interval of an effect makes of an experiment.

use super::{Better, Experiment, Judgment, OtherChange, State};
use crate::effect::{Direction, Effect, Followed, Hours, NotMeasured};
use crate::model::TimestampMs;
use crate::words;

/// A change by this share is to be ruled out before one is called ineffective.
const MATTERS: f64 = 0.2;
/// So long after the last day samples may still come.
const LATE_MS: i64 = 3_600_000;
/// So long after the last day what could not be read is tried again.
const TRY_FOR_MS: i64 = 2 * 86_400_000;

/// Judges an experiment by its hours, or by why there are none. What else changed is found by [`super::Book::conclude`].
#[must_use]
pub fn judge(experiment: &Experiment, hours: Result<(&Hours, Option<&Hours>), String>, now: TimestampMs) -> Judgment {
    let Experiment { at, days, .. } = *experiment;
    let failed = hours.is_err();
    let followed = hours.map(|(series, control)| (series, Followed::new(series, control, at, days)));
    let start = followed.as_ref().ok().and_then(|(_, followed)| followed.start().ok());
    let found = match followed {
        Ok((series, followed)) => followed.effect(now).map_err(|why| with_last_hour(&why, series)),
        Err(why) => Err((State::Unknown, why)),
    };
    let (state, effect, missing) = match found {
        Ok(effect) => (state_of(&effect, experiment.better), Some(effect), None),
        Err((state, why)) => (state, None, Some(why)),
    };
    let ends_at = at.saturating_add((days * 24 + 1) * 3_600_000);
    let wait = if failed { TRY_FOR_MS } else { LATE_MS };
    let judgment = Judgment {
        state,
        since: now,
        judged_at: now,
        judged_from: start.map(|start| start.judged_from),
        missing: missing.or_else(|| not_known(state)),
        effect,
        others: Vec::new(),
        sentence: String::new(),
        is_final: now >= ends_at.saturating_add(wait),
    };
    with_sentence(experiment, judgment)
}

fn with_sentence(experiment: &Experiment, mut judgment: Judgment) -> Judgment {
    judgment.sentence = words::experiment(&experiment.metric, &experiment.expr, &judgment);
    judgment
}

/// The judgment of an experiment once it is known what else changed. None where that is known already.
pub(super) fn beside_others(experiment: &Experiment, others: Vec<OtherChange>) -> Option<Judgment> {
    let mut judgment = experiment.judgment.clone();
    let effect = judgment.effect.as_ref()?;
    if judgment.others == others {
        return None;
    }
    let measured = state_of(effect, experiment.better);
    judgment.state = if others.is_empty() { measured } else { State::Confounded };
    judgment.missing = not_known(judgment.state);
    judgment.others = others;
    Some(with_sentence(experiment, judgment))
}

/// What is missing to a result that was measured.
fn not_known(state: State) -> Option<String> {
    let missing = match state {
        State::Inconclusive => "the interval is too wide to tell: it holds zero and a change by 20 %",
        State::Confounded => "a time without the other changes",
        _ => return None,
    };
    Some(missing.to_owned())
}

fn with_last_hour(why: &NotMeasured, series: &Hours) -> (State, String) {
    match (why, series.keys().next_back()) {
        (NotMeasured::TooEarly { .. }, _) => (State::TooEarly, why.to_string()),
        (NotMeasured::TooLittle { .. }, Some(last)) => {
            let last = words::date((last + 1) * 3_600_000);
            (State::Unknown, format!("{why}; the newest sample is from before {last}"))
        }
        _ => (State::Unknown, why.to_string()),
    }
}

fn state_of(effect: &Effect, better: Better) -> State {
    match (effect.direction, better) {
        (Direction::Fell, Better::Lower) | (Direction::Rose, Better::Higher) => State::Verified,
        (Direction::Fell, Better::Higher) | (Direction::Rose, Better::Lower) => State::Regressed,
        (Direction::Unclear, _) if rules_out(effect) => State::Ineffective,
        (Direction::Unclear, _) => State::Inconclusive,
    }
}

/// Whether a change that matters is outside the interval.
fn rules_out(effect: &Effect) -> bool {
    match effect.ratio {
        Some(ratio) => ratio.low > 1.0 - MATTERS && ratio.high < 1.0 + MATTERS,
        None => {
            let matters = MATTERS * effect.mean_before.abs();
            let (low, high) = (effect.difference.low, effect.difference.high);
            (low == 0.0 && high == 0.0) || (low > -matters && high < matters)
        }
    }
}
