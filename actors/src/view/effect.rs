//! What a change did to a series, as charts and people read it.

use serde::Serialize;
use taskpulse_engine::effect::{Direction, Effect, Estimate, NotMeasured};
use taskpulse_engine::model::{Labels, TimestampMs};
use taskpulse_engine::words;
use utoipa::ToSchema;

use super::seconds;

/// What the interval says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectDirection {
    /// The series is higher than before.
    Rose,
    /// It is lower.
    Fell,
    /// Nothing that chance does not explain.
    Unclear,
    /// Too little is known yet: `missing` says what.
    NotMeasured,
}

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Interval {
    /// The best guess.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl From<Estimate> for Interval {
    fn from(Estimate { value, low, high }: Estimate) -> Self {
        Self { value, low, high }
    }
}

/// One side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Side {
    /// From when.
    pub start: f64,
    /// Until when.
    pub end: f64,
    /// The mean of the hours that both sides have.
    pub mean: f64,
}

impl Side {
    pub(super) fn before(effect: &Effect) -> Self {
        Self { start: seconds(effect.before.0), end: seconds(effect.before.1), mean: effect.mean_before }
    }

    pub(super) fn after(effect: &Effect) -> Self {
        Self { start: seconds(effect.after.0), end: seconds(effect.after.1), mean: effect.mean_after }
    }
}

/// A half day after the moment, beside the same one before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct EffectPair {
    /// When the one after the moment begins.
    pub t: f64,
    /// The mean before.
    pub before: f64,
    /// The mean after.
    pub after: f64,
}

/// The half days of an effect.
pub(super) fn pairs(effect: &Effect) -> Vec<EffectPair> {
    effect.pairs.iter().map(|pair| EffectPair { t: seconds(pair.start), before: pair.before, after: pair.after }).collect()
}

/// `/api/v1/effect`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SeriesEffect {
    /// The labels of the series.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// The moment of the change.
    pub at: f64,
    /// What the interval says.
    pub direction: EffectDirection,
    /// The result as a sentence.
    #[schema(example = "Run duration fell from 10 min to 8 min, by 20 % (95 %: 14 to 26 %)")]
    pub sentence: String,
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
    /// Why nothing is measured; `null` where something is.
    #[schema(required = true, example = "it is too early: 3 of 5 days have gone by since")]
    pub missing: Option<String>,
}

impl SeriesEffect {
    /// What was found.
    #[must_use]
    pub fn new(metric: Labels, expr: &str, at: TimestampMs, found: Result<Effect, NotMeasured>) -> Self {
        let sentence = words::effect(&metric, expr, &found);
        let (found, missing) = match found {
            Ok(effect) => (Some(effect), None),
            Err(why) => (None, Some(why.to_string())),
        };
        Self {
            metric,
            at: seconds(at),
            direction: match found.as_ref().map(|effect| effect.direction) {
                Some(Direction::Rose) => EffectDirection::Rose,
                Some(Direction::Fell) => EffectDirection::Fell,
                Some(Direction::Unclear) => EffectDirection::Unclear,
                None => EffectDirection::NotMeasured,
            },
            sentence,
            before: found.as_ref().map(Side::before),
            after: found.as_ref().map(Side::after),
            ratio: found.as_ref().and_then(|effect| effect.ratio).map(Interval::from),
            difference: found.as_ref().map(|effect| effect.difference.into()),
            pairs: found.as_ref().map_or_else(Vec::new, pairs),
            missing,
        }
    }
}
