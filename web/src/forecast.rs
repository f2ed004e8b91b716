//! Forecasts of series, for charts. Those from now on are kept, and judged once they are over.

use std::time::Instant;

use actix_web::{HttpResponse, web};
use serde_json::json;
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::messages::KeepForecasts;
use taskpulse_actors::view::{SeriesForecast, SeriesForecasts, seconds};
use taskpulse_engine::forecast::log::{self as kept, Made};
use taskpulse_engine::forecast::series::Past;
use taskpulse_engine::promql::syntax::Grid;
use taskpulse_engine::promql::{self, EvalError};
use taskpulse_engine::span::Span;
use taskpulse_engine::store::StoreReader;

use crate::envelope::{ApiError, blocking};
use crate::parameter::{self, Parameter, QUERY, TIME, TIMEOUT};
use crate::params::Params;
use crate::query::{QueryRequest, check_instants, place};
use crate::route::{Route, Shape};
use crate::server::AppState;

/// Series that are forecast at the most: each takes about 0.1 s.
const MAX_SERIES: usize = 12;
/// How far ahead a forecast reaches, where nothing else is asked for, and at the least and the most.
const HORIZON: Span = Span::secs(86_400);
const HORIZONS: (Span, Span) = (Span::secs(60), Span::secs(90 * 86_400));
/// The share that the interval is to hold, likewise.
const LEVEL: f64 = 0.8;
const LEVELS: (f64, f64) = (0.5, 0.99);

pub(crate) fn routes() -> Vec<Route> {
    const AHEAD: Parameter = Parameter::query(
        "horizon",
        "how far ahead, within 1m and 90d: less and more are taken as these; a day where it is left out",
        parameter::positive_duration,
    );
    const SHARE: Parameter = Parameter::query(
        "level",
        "the share of values that the interval is to hold",
        || json!({"type": "number", "minimum": LEVELS.0, "maximum": LEVELS.1, "default": LEVEL}),
    );
    vec![
        Route::get_or_post("/api/v1/forecast", forecast)
            .about("The next values of the series of a query, each with an interval")
            .parameters(&[QUERY, AHEAD, SHARE, TIME, TIMEOUT])
            .answers(Shape::data::<SeriesForecasts>())
            .fails(&[422]),
    ]
}

/// What is asked.
struct Asked {
    ask: QueryRequest,
    past: Past,
    horizon: i64,
    level: f64,
    /// The query, where the forecast is one from now on: what would have been said at a past moment is not kept.
    kept_as: Option<String>,
}

impl Asked {
    async fn new(state: &AppState, params: &Params) -> Result<Self, ApiError> {
        let query = params.required("query")?.to_owned();
        let horizon = params.duration("horizon")?.unwrap_or(HORIZON.ms());
        if horizon <= 0 {
            return Err(ApiError::bad_data("invalid parameter \"horizon\": it must be more than nothing"));
        }
        let horizon = horizon.clamp(HORIZONS.0.ms(), HORIZONS.1.ms());
        let level = params.get("level").map_or(Some(LEVEL), |text| text.parse().ok()).filter(|level| (LEVELS.0..=LEVELS.1).contains(level));
        let Some(level) = level else {
            return Err(ApiError::bad_data(format!("invalid parameter \"level\": it must be within {} and {}", LEVELS.0, LEVELS.1)));
        };
        let time = params.time("time")?;
        let kept_as = time.is_none().then_some(query);
        let past = Past::new(time.unwrap_or_else(now_ms), horizon);
        let ask = QueryRequest::new(params, state.queries, Grid { step: past.step, range: past.end - past.start }).await?;
        check_instants(&ask.query, "forecast")?;
        Ok(Self { ask, past, horizon, level, kept_as })
    }

    fn answer(&self, store: &StoreReader) -> Result<(SeriesForecasts, Vec<Made>), ApiError> {
        let Self { ask, past, horizon, level, kept_as } = self;
        let params = ask.params(ask.deadline, past.start, past.end, past.step);
        let found = promql::buckets(&ask.query, &params, MAX_SERIES, store)?;
        let (mut series, mut made) = (Vec::with_capacity(found.series.len()), Vec::new());
        for one in found.series {
            if params.cancelled.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(EvalError::Cancelled.into());
            }
            if Instant::now() >= ask.deadline {
                return Err(EvalError::Deadline.into());
            }
            let rows: Vec<(i64, f64)> = one.buckets.iter().map(|bucket| (bucket.end, bucket.mean)).collect();
            let ahead = past.forecast(&rows, *level);
            if let (Some(query), Ok(ahead)) = (kept_as, &ahead) {
                let asked = kept::Asked { query: query.clone(), metric: one.labels.clone(), horizon: *horizon, level: *level };
                made.extend(Made::new(asked, past, &ahead.steps));
            }
            series.push(SeriesForecast::new(one.labels, &ahead));
        }
        let forecasts = SeriesForecasts {
            time: seconds(past.end),
            start: seconds(past.start),
            step: seconds(past.step),
            horizon: seconds(*horizon),
            level: *level,
            total: found.total,
            series,
        };
        Ok((forecasts, made))
    }
}

async fn forecast(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let asked = Asked::new(&state, &params).await?;
    let _waiting = asked.ask.waiting();
    // One at a time with queries: it reads as much, and thinks for longer.
    let _place = place(&state.query_places, asked.ask.deadline).await?;
    let store = state.store.clone();
    let (found, made) = blocking(move || asked.answer(&store)).await?;
    if !made.is_empty() && state.keep_forecasts.try_send(KeepForecasts(made)).is_err() {
        log::warn!("forecasts: they are asked for faster than they can be kept; some will not be judged");
    }
    state.answers.success(&found)
}
