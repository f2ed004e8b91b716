//! Sentences about whether a change helped.

use super::effect::effect;
use super::{figure, measured};
use crate::experiment::{Judgment, State};
use crate::model::{Labels, TimestampMs, clipped};

/// Longest name of another change, in characters.
const MOST_CHARS: usize = 60;

/// A time as people read it: `2026-11-30 08:00 UTC`.
#[must_use]
pub fn date(at: TimestampMs) -> String {
    figure("_timestamp_seconds", (at / 1_000) as f64)
}

/// `Run duration of build fell from 10 min to 8 min, by 20 % (95 %: 14 % to 26 %)`, and what that means where it is not said so. `expr` is the query that gave the
/// series.
#[must_use]
pub fn experiment(series: &Labels, expr: &str, judgment: &Judgment) -> String {
    let name = || measured(series, expr).name;
    let missing = judgment.missing.as_deref().unwrap_or("nothing is known yet");
    let Some(found) = &judgment.effect else {
        return match (judgment.state, judgment.judged_from) {
            (State::TooEarly, Some(from)) => format!("{}: it can be judged from {} on", name(), date(from)),
            _ => format!("{}: {missing}", name()),
        };
    };
    let measured = effect(series, expr, &Ok(found.clone()));
    match judgment.state {
        State::Ineffective => format!("{measured}; a change by 20 % or more is ruled out"),
        State::Inconclusive => format!("{measured}; a change by 20 % is not ruled out"),
        State::Confounded => {
            let others: Vec<String> =
                judgment.others.iter().map(|other| format!("\"{}\" of {}", clipped(&other.title, MOST_CHARS), date(other.at))).collect();
            format!("{measured}; this cannot be told apart from what else changed: {}", others.join(", "))
        }
        _ => measured,
    }
}

/// The line of the time line: `Did it help? Cache of CI: run duration fell …`.
#[must_use]
pub fn did_it_help(title: &str, judgment: &Judgment) -> String {
    if title.is_empty() { format!("Did it help? {}", judgment.sentence) } else { format!("Did it help? {title}: {}", judgment.sentence) }
}
