//! Forecasts of series, as charts draw them, and how those before held.

use serde::Serialize;
use taskpulse_engine::forecast::log::Held;
use taskpulse_engine::forecast::series::{Ahead, NotYet, Step};
use taskpulse_engine::model::Labels;
use utoipa::ToSchema;

use super::seconds;

/// How a series was forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForecastMethod {
    /// The combination of simple forecasts.
    Combination,
    /// The value one season ago: nothing was better on this series.
    SeasonalNaive,
}

/// The forecast of a series, as columns: of each step its time, the interval and the centre.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SeriesForecast {
    /// Its labels.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// How it was forecast; `null` where it was not.
    #[schema(required = true)]
    pub method: Option<ForecastMethod>,
    /// The ends of the steps.
    pub t: Vec<f64>,
    /// Lower ends of the interval.
    pub low: Vec<f64>,
    /// The centre: as likely above as below.
    pub mean: Vec<f64>,
    /// Upper ends.
    pub high: Vec<f64>,
    /// Why there is no forecast, or why it reaches less far than it should; `null` where nothing is missing.
    #[schema(required = true, example = "5 steps of 15m have samples; a forecast needs 12")]
    pub missing: Option<String>,
}

/// `/api/v1/forecast`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SeriesForecasts {
    /// The end of the past that it was made from.
    pub time: f64,
    /// From when on the past was read.
    pub start: f64,
    /// How long a step is, seconds: what is forecast are means of steps.
    pub step: f64,
    /// How far ahead it was to reach, seconds.
    pub horizon: f64,
    /// Which share of values the interval is to hold.
    pub level: f64,
    /// How many series there are; no more than 12 of them are forecast.
    pub total: usize,
    /// Those that were forecast.
    pub series: Vec<SeriesForecast>,
}

/// How the forecasts of a series turned out.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SeriesForecastRecord {
    /// The query.
    pub query: String,
    /// Which of its series.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// How far ahead, seconds.
    pub horizon: f64,
    /// Which share of means the interval is to hold.
    pub level: f64,
    /// When the newest was made.
    pub time: f64,
    /// Forecasts that are kept, one in six hours.
    pub made: usize,
    /// Those that are not over.
    pub pending: usize,
    /// Means of steps of the others, at most 12 of each forecast.
    pub judged: usize,
    /// Those that lay within the interval.
    pub held: usize,
}

impl From<&Held> for SeriesForecastRecord {
    fn from(held: &Held) -> Self {
        Self {
            query: held.asked.query.clone(),
            metric: held.asked.metric.clone(),
            horizon: seconds(held.asked.horizon),
            level: held.asked.level,
            time: seconds(held.last),
            made: held.made,
            pending: held.pending,
            judged: held.outcome.judged,
            held: held.outcome.held,
        }
    }
}

impl SeriesForecast {
    /// The forecast of a series.
    #[must_use]
    pub fn new(metric: Labels, found: &Result<Ahead, NotYet>) -> Self {
        let steps = found.as_ref().map_or(&[][..], |ahead| &ahead.steps);
        let column = |of: fn(&Step) -> f64| steps.iter().map(of).collect();
        let missing = match found {
            Err(why) => Some(why.to_string()),
            Ok(ahead) if ahead.whole => None,
            Ok(_) => Some("too little of it is kept to measure how far forecasts further ahead would have been off".to_owned()),
        };
        let method =
            found.as_ref().ok().map(|ahead| if ahead.seasonal_naive { ForecastMethod::SeasonalNaive } else { ForecastMethod::Combination });
        Self {
            metric,
            method,
            t: column(|step| seconds(step.at_ms)),
            low: column(|step| step.low),
            mean: column(|step| step.centre),
            high: column(|step| step.high),
            missing,
        }
    }
}
