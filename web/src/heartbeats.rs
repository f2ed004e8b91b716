//! Calls of jobs that must come in: where they come, and how they are doing.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde_json::json;
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::collectors::heartbeat::call;
use taskpulse_actors::messages::Append;
use taskpulse_actors::view::Heartbeat;

use crate::envelope::{ApiError, success};
use crate::ingest::kept;
use crate::parameter::Parameter;
use crate::route::{Route, Shape};
use crate::server::AppState;

pub(crate) fn routes() -> Vec<Route> {
    const NAME: Parameter = Parameter::path("name", "the heartbeat", || json!({"type": "string", "minLength": 1}));
    vec![
        Route::get("/api/v1/heartbeats", list)
            .about("Jobs whose calls are expected, with their last calls")
            .answers(Shape::list::<Heartbeat>()),
        Route::post("/api/v1/heartbeats/{name}", take)
            .about("The call of a job: it works; answered when the call is durable")
            .parameters(&[NAME])
            .answers(Shape::data::<Heartbeat>())
            .fails(&[404, 507]),
    ]
}

async fn list(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let now = now_ms();
    let views: Result<Vec<Heartbeat>, _> = state.heartbeats.jobs().iter().map(|job| job.view(&state.store, now)).collect();
    Ok(success(views?))
}

async fn take(state: web::Data<AppState>, name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let name = name.into_inner();
    let Some(job) = state.heartbeats.job(&name) else {
        return Err(ApiError::not_found(format!(
            "no call is expected of `{name}`; name it in the settings: [heartbeats.expect.{name}], every = \"1d\""
        )));
    };
    let Ok(_place) = state.ingest_places.try_acquire() else {
        return Err(ApiError::busy("too many requests wait for the store"));
    };
    kept(state.append.send(Append(Arc::new(call(&name, now_ms()))))).await?;
    Ok(success(job.view(&state.store, now_ms())?))
}
