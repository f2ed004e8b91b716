//! Recommendations: what there is and was, and what is decided about it.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::messages::Decide;
use taskpulse_actors::optimizer::{KIND, OFF};
use taskpulse_actors::view::{Advisor, Recommendation};
use taskpulse_engine::advice::{self, DecideError, Decision, MAX_REASON};

use crate::body::{self, BodyLimits};
use crate::envelope::{ApiError, blocking, success};
use crate::parameter::{self, Parameter};
use crate::params::{JsonTime, Params};
use crate::route::{Body, Route, Shape};
use crate::server::AppState;

/// Longest decision, in bytes.
const MAX_BODY: usize = 4 << 10;
/// Rows of the answer with `state`.
const MAX_ROWS: usize = 500;
/// What `state` may be: where they stand, or what their experiments say.
const STATES: [&str; 13] = [
    "all",
    "open",
    "accepted",
    "dismissed",
    "applied",
    "withdrawn",
    "too_early",
    "verified",
    "regressed",
    "ineffective",
    "inconclusive",
    "confounded",
    "unknown",
];

pub(crate) fn routes() -> Vec<Route> {
    const ID: Parameter = Parameter::path("id", "the recommendation", || json!({"type": "string", "minLength": 1}));
    const DECISION: Parameter =
        Parameter::path("decision", "what becomes of it", || json!({"enum": ["accept", "dismiss", "applied", "reopen", "undo"]}));
    const STATE: Parameter = Parameter::query(
        "state",
        "those that stand so, or of which the experiment says so, withdrawn ones too; the newest change first, at most 500",
        || json!({"enum": STATES}),
    );
    const SAID: Body = Body {
        content: &[("application/json", Shape::new(said_schema))],
        required: false,
        about: "`reason` with `dismiss`; `at` with `applied`, where that was not now",
        limits: BodyLimits::of(MAX_BODY),
    };
    vec![
        Route::get("/api/v1/recommendations", recommendations)
            .about("Recommendations with their evidence, by priority, without withdrawn ones; with `state` those that are kept of a state")
            .parameters(&[STATE])
            .answers(Shape::list::<Recommendation>()),
        Route::get("/api/v1/advisors", advisors)
            .about("What is looked for before advice is given, and which metrics are missing for that")
            .answers(Shape::list::<Advisor>()),
        // An id may hold a path of its own, such as a mount point.
        Route::post("/api/v1/recommendations/{id:.+}/{decision}", decide)
            .about("Decides on a recommendation. What was applied is followed by an experiment; `undo` goes back by one decision, `reopen` to the start")
            .parameters(&[ID, DECISION])
            .body(SAID)
            .answers(Shape::data::<Recommendation>())
            .fails(&[404, 507]),
    ]
}

fn said_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"reason": {"type": "string", "maxLength": MAX_REASON}, "at": parameter::time()},
        "additionalProperties": false,
    })
}

/// What is said with a decision.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    at: Option<JsonTime>,
}

async fn recommendations(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let Some(wanted) = params.get("state") else {
        return state.answers.success(&state.reporter.views.recommendations());
    };
    if !STATES.contains(&wanted) {
        return Err(ApiError::bad_data(format!("parameter `state`: `{wanted}` is none; take one of {}", STATES.join(" "))));
    }
    state.answers.success(&of_state(&state, wanted).await?)
}

/// Those that are kept of a state, the newest change first.
pub(crate) async fn of_state(state: &AppState, wanted: &str) -> Result<Vec<Recommendation>, ApiError> {
    let (store, wanted) = (state.store.clone(), wanted.to_owned());
    blocking(move || {
        let kept = store.documents(KIND)?.into_iter().filter_map(|(_, bytes)| serde_json::from_slice(&bytes).ok());
        let mut found: Vec<advice::Recommendation> = kept.filter(|one| stands(one, &wanted)).collect();
        found.sort_by(|a, b| (b.updated, &a.id).cmp(&(a.updated, &b.id)));
        Ok(found.iter().take(MAX_ROWS).map(Recommendation::from).collect())
    })
    .await
}

fn stands(one: &advice::Recommendation, wanted: &str) -> bool {
    let judged = one.life.verdict.as_ref().is_some_and(|verdict| verdict.state.name() == wanted);
    wanted == "all" || one.status.to_string() == wanted || judged
}

async fn advisors(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let (store, money, current) = (state.store.clone(), Arc::clone(&state.money), state.reporter.views.recommendations());
    let states = blocking(move || Ok(advice::advisors(&store, &money, now_ms())?)).await?;
    let off = (!state.advises).then_some(OFF);
    let all: Vec<Advisor> = states.iter().map(|one| Advisor::new(one, off, &current)).collect();
    Ok(success(all))
}

impl From<DecideError> for ApiError {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::NotFound(_) => Self::not_found(error.to_string()),
            DecideError::Invalid(_) => Self::bad_data(error.to_string()),
        }
    }
}

async fn decide(
    req: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&req, payload).await?;
    let said: Said = if body.is_empty() {
        Said::default()
    } else {
        body::object(&body).map_err(|error| ApiError::bad_data(format!("not what is said with a decision: {error}")))?
    };
    let (id, decision) = path.into_inner();
    let decision = decision_of(&decision, said).map_err(|error| {
        let known = state.reporter.views.recommendations().iter().any(|one| one.id == id);
        if known { error } else { DecideError::NotFound(id.clone()).into() }
    })?;
    let answer = state.decide.send(Decide { id, decision }).await;
    let answer = answer.map_err(|error| ApiError::unavailable(format!("the optimizer: {error}; try again")))?;
    match answer {
        Ok(decided) => Ok(success(decided?)),
        Err(error) if error.is_disk_full() => Err(ApiError::no_room(error.to_string())),
        Err(error) => Err(ApiError::unavailable(format!("not kept: {error}"))),
    }
}

fn decision_of(decision: &str, said: Said) -> Result<Decision, ApiError> {
    let at = said.at.map(|at| at.read("at")).transpose()?;
    let wrong = [("reason", said.reason.is_some(), "dismiss"), ("at", at.is_some(), "applied")]
        .into_iter()
        .find(|(_, is, of)| *is && *of != decision);
    if let Some((field, _, of)) = wrong {
        return Err(ApiError::bad_data(format!("`{field}` is said with `{of}` alone")));
    }
    Ok(match decision {
        "accept" => Decision::Accept,
        "dismiss" => Decision::Dismiss(said.reason.unwrap_or_default()),
        "applied" => Decision::Applied(at),
        "reopen" => Decision::Reopen,
        "undo" => Decision::Undo,
        other => {
            let known = "post to …/accept, …/dismiss, …/applied, …/reopen or …/undo";
            return Err(ApiError::not_found(format!("`{other}` is no decision; {known}")));
        }
    })
}
