//! Actions: what the settings bind to advice, begun, undone and resolved by people.

use actix_web::{HttpResponse, web};
use serde_json::json;
use taskpulse_actors::messages::ChangeAction;
use taskpulse_actors::view::{ActionRun, Actions};
use taskpulse_engine::action::ActionError;

use crate::envelope::{ApiError, success};
use crate::parameter::Parameter;
use crate::route::{Route, Shape};
use crate::server::AppState;

pub(crate) fn routes() -> Vec<Route> {
    const RECOMMENDATION: Parameter = Parameter::path("id", "the recommendation", || json!({"type": "string", "minLength": 1}));
    const RUN: Parameter = Parameter::path("id", "the run", || json!({"type": "string", "minLength": 1}));
    let change = |route: Route, about, parameter: Parameter| {
        route.about(about).parameters(&[parameter]).answers(Shape::data::<ActionRun>()).fails(&[404, 409, 507])
    };
    vec![
        Route::get("/api/v1/actions", list)
            .about("What the settings bind to advice, and what became of it")
            .answers(Shape::data::<Actions>()),
        change(Route::post("/api/v1/actions/{id}/undo", undo), "Undoes a run that is watched, was kept, or whose undo failed", RUN),
        change(
            Route::post("/api/v1/actions/{id}/resolve", resolve),
            "Says that a person has seen to a run that is neither kept nor undone, or has seen that it was undone",
            RUN,
        ),
        // An id may hold a path of its own, such as a mount point.
        change(Route::post("/api/v1/recommendations/{id:.+}/run", run), "Runs what the settings bind to a recommendation", RECOMMENDATION),
    ]
}

impl From<ActionError> for ApiError {
    fn from(error: ActionError) -> Self {
        let text = error.to_string();
        match error {
            ActionError::NoRecommendation(_) | ActionError::NoRun(_) => Self::not_found(text),
            _ => Self::conflict(text),
        }
    }
}

async fn list(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.answers.success(&state.reporter.views.actions())
}

async fn run(state: web::Data<AppState>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    changed(&state, ChangeAction::Run(id.into_inner())).await
}

async fn undo(state: web::Data<AppState>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    changed(&state, ChangeAction::Undo(id.into_inner())).await
}

async fn resolve(state: web::Data<AppState>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    changed(&state, ChangeAction::Resolve(id.into_inner())).await
}

async fn changed(state: &AppState, message: ChangeAction) -> Result<HttpResponse, ApiError> {
    let answer = state.change_action.send(message).await;
    let answer = answer.map_err(|error| ApiError::unavailable(format!("the actions actor: {error}; try again")))?;
    match answer {
        Ok(run) => Ok(success(run?)),
        Err(error) if error.is_disk_full() => Err(ApiError::no_room(error.to_string())),
        Err(error) => Err(ApiError::unavailable(format!("not kept: {error}"))),
    }
}
