//! What a change did to a series.

use actix_web::{HttpResponse, web};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::view::SeriesEffect;
use taskpulse_engine::effect::{self, HourSeries, Hours, MAX_DAYS, NotMeasured};
use taskpulse_engine::model::{Labels, TimestampMs};
use taskpulse_engine::promql::Query;
use taskpulse_engine::promql::syntax::Grid;
use taskpulse_engine::store::StoreReader;

use crate::envelope::{ApiError, blocking};
use crate::parameter::{self, Parameter, QUERY, TIMEOUT};
use crate::params::Params;
use crate::query::{QueryRequest, check_instants, place};
use crate::route::{Route, Shape};
use crate::server::AppState;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
const CONTROL: &str = "control";

pub(crate) fn routes() -> Vec<Route> {
    const AT: Parameter = Parameter::query("at", "the moment of the change", parameter::time).required();
    const END: Parameter = Parameter::query("end", "what comes later does not count; now where it is left out", parameter::time);
    const BESIDE: Parameter = Parameter::query(
        CONTROL,
        "PromQL of a series that the change did not touch: what happened to it as well is left out",
        parameter::promql,
    );
    vec![
        Route::get_or_post("/api/v1/effect", measured)
            .about("What a change did to a series: its mean after a moment and in the same hours of the weeks before, with an interval")
            .parameters(&[QUERY, AT, END, BESIDE, TIMEOUT])
            .answers(Shape::data::<SeriesEffect>())
            .fails(&[422]),
    ]
}

/// What is asked.
struct Asked {
    ask: QueryRequest,
    control: Option<Query>,
    at: TimestampMs,
    end: TimestampMs,
}

impl Asked {
    async fn new(state: &AppState, params: &Params) -> Result<Self, ApiError> {
        params.required("query")?;
        params.required("at")?;
        let now = now_ms();
        let at = params.time("at")?.unwrap_or(now);
        let end = params.time("end")?.unwrap_or(now).min(now).min(at.saturating_add((MAX_DAYS + 1) * DAY_MS));
        let grid = Grid { step: HOUR_MS, range: 2 * (MAX_DAYS + 1) * DAY_MS };
        let ask = QueryRequest::new(params, state.queries, grid).await?;
        let control = params.get(CONTROL).filter(|text| !text.is_empty()).map(|text| Query::parse(text, grid)).transpose();
        let control = control.map_err(|error| ApiError::bad_data(format!("invalid parameter \"{CONTROL}\": {error}")))?;
        for query in [Some(&ask.query), control.as_ref()].into_iter().flatten() {
            check_instants(query, "compared")?;
        }
        Ok(Self { ask, control, at, end })
    }

    fn answer(&self, store: &StoreReader) -> Result<SeriesEffect, ApiError> {
        if self.end <= self.at {
            return Ok(SeriesEffect::new(Labels::none(), &self.ask.query.text, self.at, Err(NotMeasured::TooEarly { passed: 0 })));
        }
        let Some((metric, series)) = self.hours(&self.ask.query, "query", store)? else {
            return Ok(SeriesEffect::new(Labels::none(), &self.ask.query.text, self.at, Err(NotMeasured::NoSeries("the query"))));
        };
        let control = match &self.control {
            None => None,
            Some(query) => match self.hours(query, CONTROL, store)? {
                Some((_, hours)) => Some(hours),
                None => return Ok(SeriesEffect::new(metric, &self.ask.query.text, self.at, Err(NotMeasured::NoSeries("the control")))),
            },
        };
        Ok(SeriesEffect::new(metric, &self.ask.query.text, self.at, effect::measure(&series, control.as_ref(), self.at, self.end)))
    }

    /// The hours of the one series that a query gives; none where it gives no series.
    fn hours(&self, query: &Query, parameter: &str, store: &StoreReader) -> Result<Option<(Labels, Hours)>, ApiError> {
        let params = self.ask.params(self.ask.deadline, self.at, self.end, HOUR_MS);
        one_series(effect::hours_around(query, (self.at, self.end), &params, store)?, parameter)
    }
}

/// The one series of a parameter; none where it gives no series.
pub(crate) fn one_series(found: HourSeries, parameter: &str) -> Result<Option<(Labels, Hours)>, ApiError> {
    match found {
        HourSeries::None => Ok(None),
        HourSeries::One(labels, hours) => Ok(Some((labels, hours))),
        HourSeries::Several(count) => Err(ApiError::execution(format!(
            "invalid parameter \"{parameter}\": it gives {count} series, and one is compared; `sum(…)` or `avg(…)` makes one of them"
        ))),
    }
}

async fn measured(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let found = measure(&state, &params).await?;
    state.answers.success(&found)
}

/// What a change did to a series, by the parameters of the route.
pub(crate) async fn measure(state: &AppState, params: &Params) -> Result<SeriesEffect, ApiError> {
    let asked = Asked::new(state, params).await?;
    let _waiting = asked.ask.waiting();
    let _place = place(&state.query_places, asked.ask.deadline).await?;
    let store = state.store.clone();
    blocking(move || asked.answer(&store)).await
}
