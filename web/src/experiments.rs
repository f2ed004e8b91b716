//! Experiments: changes that somebody marks, and whether they helped.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::messages::ChangeExperiment;
use taskpulse_actors::view::{Better, Experiment};
use taskpulse_engine::effect::{MAX_DAYS, MIN_DAYS, hours_around};
use taskpulse_engine::experiment::{Draft, ExperimentError, MAX_TITLE};
use taskpulse_engine::promql::Query;
use taskpulse_engine::promql::syntax::Grid;

use crate::body::{self, BodyLimits};
use crate::effect::one_series;
use crate::envelope::{ApiError, blocking, success};
use crate::parameter::{self, Parameter};
use crate::params::JsonTime;
use crate::query::{check_instants, place};
use crate::route::{Body, Route, Shape};
use crate::server::AppState;

/// Longest experiment, in bytes.
const MAX_BODY: usize = 64 << 10;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

pub(crate) fn routes() -> Vec<Route> {
    const ID: Parameter = Parameter::path("id", "the experiment", || json!({"type": "string", "minLength": 1}));
    const EXPERIMENT: Body = Body {
        content: &[("application/json", Shape::new(experiment_schema))],
        required: true,
        about: "What was changed when, and the series that it was to change",
        limits: BodyLimits::of(MAX_BODY),
    };
    vec![
        Route::get("/api/v1/experiments", list)
            .about("Changes that were marked, the newest first, and whether they helped")
            .answers(Shape::list::<Experiment>()),
        Route::post("/api/v1/experiments", make)
            .about("Marks a change of a series: it is followed until it is known whether it helped")
            .body(EXPERIMENT)
            .answers(Shape::data::<Experiment>())
            .fails(&[422, 507]),
        Route::get("/api/v1/experiments/{id}", get)
            .about("An experiment")
            .parameters(&[ID])
            .answers(Shape::data::<Experiment>())
            .fails(&[404]),
        Route::delete("/api/v1/experiments/{id}", remove)
            .about("Removes an experiment; it can be restored for a week")
            .parameters(&[ID])
            .answers_with(204, "It is no more", &[])
            .fails(&[404, 507]),
        Route::post("/api/v1/experiments/{id}/restore", restore)
            .about("Restores an experiment that was removed")
            .parameters(&[ID])
            .answers(Shape::data::<Experiment>())
            .fails(&[404, 507]),
    ]
}

fn experiment_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "expr": parameter::promql(), "at": parameter::time(), "title": {"type": "string", "maxLength": MAX_TITLE},
            "direction": {"enum": ["lower", "higher"], "default": "lower"},
            "days": {"type": "integer", "minimum": MIN_DAYS, "maximum": MAX_DAYS, "default": MAX_DAYS},
            "control": {"anyOf": [parameter::promql(), {"type": "null"}]},
        },
        "required": ["expr", "at"],
        "additionalProperties": false,
    })
}

/// An experiment as it is posted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    expr: String,
    at: JsonTime,
    #[serde(default)]
    title: String,
    #[serde(default)]
    direction: Option<Better>,
    /// A whole number, which JSON may write as `22.0`.
    #[serde(default)]
    days: Option<f64>,
    #[serde(default)]
    control: Option<String>,
}

impl From<ExperimentError> for ApiError {
    fn from(error: ExperimentError) -> Self {
        let text = error.to_string();
        match error {
            ExperimentError::NotFound(_) => Self::not_found(text),
            ExperimentError::TooMany | ExperimentError::Invalid(_) => Self::bad_data(text),
        }
    }
}

fn parsed(text: &str, parameter: &str) -> Result<Query, ApiError> {
    let grid = Grid { step: HOUR_MS, range: 2 * (MAX_DAYS + 1) * DAY_MS };
    let query = Query::parse(text, grid).map_err(|error| ApiError::bad_data(format!("invalid parameter \"{parameter}\": {error}")))?;
    check_instants(&query, "compared")?;
    Ok(query)
}

async fn make(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let body = body::read(&req, payload).await?;
    let posted: Posted = body::object(&body).map_err(|error| ApiError::bad_data(format!("not an experiment: {error}")))?;
    let at = posted.at.read("at")?;
    let days = posted.days.unwrap_or(MAX_DAYS as f64);
    if days.fract() != 0.0 {
        return Err(ApiError::bad_data(format!("not an experiment: `days` is {days}; it must be a whole number")));
    }
    let draft = Draft {
        title: posted.title.trim().to_owned(),
        expr: posted.expr,
        control: posted.control,
        better: posted.direction.map(Into::into).unwrap_or_default(),
        at,
        days: days as i64,
        advised: None,
    };
    draft.check(now_ms())?;
    check_series(&state, draft.clone()).await?;
    answered(&state, ChangeExperiment::Make(draft)).await.map(success)
}

/// Refuses what gives no series, or several.
async fn check_series(state: &AppState, draft: Draft) -> Result<(), ApiError> {
    let end = now_ms().min(draft.at.saturating_add((MAX_DAYS + 1) * DAY_MS));
    let params = state.rule_limits.params(draft.at, end, HOUR_MS);
    let _place = place(&state.query_places, params.deadline).await?;
    let store = state.store.clone();
    blocking(move || {
        let texts = [(Some(&draft.expr), "expr"), (draft.control.as_ref(), "control")];
        for (text, parameter) in texts.into_iter().filter_map(|(text, parameter)| Some((text?, parameter))) {
            let query = parsed(text, parameter)?;
            if one_series(hours_around(&query, (draft.at, end), &params, &store)?, parameter)?.is_none() {
                let missing = "it gives no series that has samples in the four weeks before `at` or since";
                return Err(ApiError::execution(format!("invalid parameter \"{parameter}\": {missing}")));
            }
        }
        Ok(())
    })
    .await
}

async fn list(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.answers.success(&state.reporter.views.experiments())
}

async fn get(state: web::Data<AppState>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let experiments = state.reporter.views.experiments();
    match experiments.iter().find(|experiment| experiment.id == *id) {
        Some(experiment) => Ok(success(experiment)),
        None => Err(ExperimentError::NotFound(id.into_inner()).into()),
    }
}

async fn remove(state: web::Data<AppState>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    answered(&state, ChangeExperiment::Remove(id.into_inner())).await.map(|_| HttpResponse::NoContent().finish())
}

async fn restore(state: web::Data<AppState>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    answered(&state, ChangeExperiment::Restore(id.into_inner())).await.map(success)
}

async fn answered(state: &AppState, message: ChangeExperiment) -> Result<Experiment, ApiError> {
    let answer = state.change_experiment.send(message).await;
    let answer = answer.map_err(|error| ApiError::unavailable(format!("the experiments actor: {error}; try again")))?;
    match answer {
        Ok(changed) => Ok(changed?),
        Err(error) if error.is_disk_full() => Err(ApiError::no_room(error.to_string())),
        Err(error) => Err(ApiError::unavailable(format!("not kept: {error}"))),
    }
}
