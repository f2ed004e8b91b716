//! Questions in plain words.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use actix_web::{HttpResponse, web};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use taskpulse_actors::ask::{AskError, Asker};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::view::Answer;
use taskpulse_engine::ask::{Clock, Names, Refusal};
use taskpulse_engine::rules::EvaluationLimits;

use crate::envelope::{ApiError, blocking};
use crate::parameter::{self, Parameter};
use crate::params::Params;
use crate::query::place;
use crate::route::{Route, Shape};
use crate::server::AppState;

pub(crate) fn routes() -> Vec<Route> {
    const QUESTION: Parameter =
        Parameter::query("q", "the question, such as `slowest workflows last week`; docs/ASK.md has the grammar", question).required();
    const ZONE: Parameter = Parameter::query(
        "tz",
        "the time zone of times such as `yesterday`, by its IANA name; that of the service where it is left out",
        parameter::text,
    );
    vec![
        Route::get("/api/v1/ask", ask)
            .about("Answers a question in plain words: a sentence, rows, what a chart shows, and the query")
            .parameters(&[QUESTION, ZONE])
            .answers(Shape::data::<Answer>())
            .fails(&[422]),
    ]
}

fn question() -> Value {
    json!({"type": "string", "minLength": 1, "examples": ["how busy was the cpu yesterday evening"]})
}

/// Says that nobody waits any more when the request's future is dropped.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn ask(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let answer = answered(&state, params.required("q")?, params.get("tz")).await?;
    state.answers.success(&answer)
}

/// The answer to a question; days are those of a time zone, or of the service's own.
pub(crate) async fn answered(state: &AppState, question: &str, zone: Option<&str>) -> Result<Answer, ApiError> {
    let question = question.to_owned();
    let zone = match zone {
        None => Ok(TimeZone::system()),
        Some("UTC") => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name).map_err(|_| Refusal::of_zone(name)),
    };
    let cancelled: Arc<AtomicBool> = Arc::default();
    let _gone = Gone(Arc::clone(&cancelled));
    let asker = Arc::new(asker(state, zone.clone().unwrap_or(TimeZone::UTC), cancelled));
    let found = {
        let _place = place(&state.query_places, Instant::now() + state.queries.timeout).await?;
        let (asker, question, has_model) = (Arc::clone(&asker), question.clone(), state.translator.is_some());
        blocking(move || first(&asker, &question, zone.err(), has_model)).await?
    };
    Ok(match (found, &state.translator) {
        (First::Untranslated(untranslated), Some(translator)) => {
            // No place is held meanwhile: a model that hangs keeps no other question waiting.
            let translation = translator.translate(&untranslated.instructions, question.trim()).await;
            let _place = place(&state.query_places, Instant::now() + state.queries.timeout).await?;
            let translation = translation.map_err(|error| error.to_string());
            blocking(move || Ok(asker.translated(&question, &untranslated.refusal, &untranslated.names, translation)?)).await?
        }
        (First::Untranslated(untranslated), None) => asker.refusal(&question, &untranslated.refusal, &untranslated.names),
        (First::Answered(answer), _) => *answer,
    })
}

fn asker(state: &AppState, zone: TimeZone, cancelled: Arc<AtomicBool>) -> Asker {
    let queries = state.queries;
    let limits = EvaluationLimits {
        lookback: queries.lookback_ms,
        delayed_names: queries.delayed_names,
        max_samples: queries.max_samples,
        max_bytes: queries.max_bytes,
        timeout: queries.timeout,
        cancelled,
    };
    Asker {
        views: state.reporter.views.clone(),
        store: state.store.clone(),
        agents: state.agents.agents().clone(),
        agent_metrics: state.money.agents.clone(),
        heartbeats: Arc::clone(&state.heartbeats),
        advises: state.advises,
        limits,
        clock: Clock { now: now_ms(), zone },
    }
}

/// What the grammar makes of a question.
enum First {
    /// An answer, or a refusal.
    Answered(Box<Answer>),
    /// A refusal, and what a model needs to translate the question.
    Untranslated(Box<Untranslated>),
}

struct Untranslated {
    refusal: Refusal,
    names: Names,
    instructions: String,
}

/// The answer, or why there is none.
fn first(asker: &Asker, question: &str, wrong_zone: Option<Refusal>, has_model: bool) -> Result<First, ApiError> {
    let names = asker.names();
    let refusal = match wrong_zone.map_or_else(|| asker.understand(question, &names), Err) {
        Ok(meaning) => return Ok(First::Answered(Box::new(asker.answer(question, &meaning)?))),
        Err(refusal) => refusal,
    };
    if has_model && refusal.in_words {
        let instructions = asker.instructions(question, &names);
        return Ok(First::Untranslated(Box::new(Untranslated { refusal, names, instructions })));
    }
    Ok(First::Answered(Box::new(asker.refusal(question, &refusal, &names))))
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Eval(error) => error.into(),
            AskError::Store(error) => error.into(),
        }
    }
}
