//! Single rules: reading, giving, taking back, and trying one on the past.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::messages::{ChangeRule, ChangeRuleError};
use taskpulse_actors::view::{NamedRule, RulePreview};
use taskpulse_engine::rules::{ChangeError, GIVEN_FILE, KnownRule, PreviewError, RuleOptions, RuleSpec, preview};

use crate::body::{self, BodyLimits};
use crate::envelope::{ApiError, blocking, success};
use crate::parameter::Parameter;
use crate::params::Params;
use crate::route::{Body, Route, Shape};
use crate::server::AppState;

/// Longest rule, in bytes.
const MAX_RULE_BYTES: usize = 256 << 10;
/// Most days that a preview reads, and how many where none are named.
const MAX_DAYS: i64 = 90;
const DAYS: i64 = 7;
const DAY_MS: i64 = 86_400_000;

pub(crate) fn routes() -> Vec<Route> {
    const NAME: Parameter =
        Parameter::path("name", "the rule", || json!({"type": "string", "pattern": "^[^/\\u0000-\\u001f\\u007f-\\u009f]{1,200}$"}));
    const VERSION: Parameter = Parameter::query(
        "version",
        "the version that is changed, 0 for a rule that was not given yet; 409 where it has another one",
        || json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX}),
    );
    const PREVIEW_DAYS: Parameter =
        Parameter::query("days", "how far back", || json!({"type": "integer", "minimum": 1, "maximum": MAX_DAYS, "default": DAYS}));
    const RULE: Body = Body {
        content: &[("application/json", Shape::new(rule))],
        required: true,
        about: "The keys of a rule, as in the settings",
        limits: BodyLimits::of(MAX_RULE_BYTES),
    };
    vec![
        Route::post("/api/v1/rules/preview", preview_rule)
            .about("When a rule would have fired")
            .parameters(&[PREVIEW_DAYS])
            .body(RULE)
            .answers(Shape::data::<RulePreview>())
            .fails(&[422]),
        Route::get("/api/v1/rules/{name}", get_rule).about("A rule").parameters(&[NAME]).answers(Shape::data::<NamedRule>()).fails(&[404]),
        Route::put("/api/v1/rules/{name}", put_rule)
            .about("Gives a rule, or replaces one")
            .parameters(&[NAME, VERSION])
            .body(RULE)
            .answers(Shape::data::<NamedRule>())
            .fails(&[409]),
        Route::delete("/api/v1/rules/{name}", delete_rule)
            .about("Takes a rule back that was given")
            .parameters(&[NAME, VERSION])
            .answers_with(204, "It is no more", &[])
            .fails(&[404, 409]),
    ]
}

/// The keys of a rule.
fn rule() -> Value {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "object", "additionalProperties": {"type": "string"}});
    json!({
        "type": "object",
        "properties": {
            "expr": text(), "absent": text(), "unless": text(), "record": text(), "for": text(), "keep_firing_for": text(), "cooldown": text(),
            "clear": {"type": ["number", "string"]}, "count": text(),
            "severity": {"enum": ["debug", "info", "notice", "warning", "error", "critical"]},
            "labels": texts(), "annotations": texts(), "remediation": {"type": "array", "items": text()}, "enabled": {"type": "boolean"},
        },
        "additionalProperties": false,
    })
}

/// The body of a request as JSON.
async fn read_json<T: DeserializeOwned>(req: &HttpRequest, payload: web::Payload) -> Result<T, ApiError> {
    let bytes = body::read_unpacked(req, payload).await?;
    body::object(&bytes).map_err(|error| ApiError::bad_data(format!("the body is no rule: {error}")))
}

async fn get_rule(state: web::Data<AppState>, name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let name = name.into_inner();
    match state.reporter.views.rules().book.get(&name) {
        Some(known) => Ok(success(NamedRule::new(name, known))),
        None => Err(ApiError::not_found(ChangeError::Unknown(name).to_string())),
    }
}

/// The version that is changed, where the request says one.
fn version(params: &Params) -> Result<Option<u64>, ApiError> {
    let wrong = |given| ApiError::bad_data(format!("parameter `version`: {given} is no version; they begin at 0"));
    params.whole_number("version")?.map(|given| u64::try_from(given).map_err(|_| wrong(given))).transpose()
}

async fn put_rule(
    state: web::Data<AppState>,
    req: HttpRequest,
    name: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let version = version(&Params::of_address(&req))?;
    let (name, spec) = (name.into_inner(), read_json::<RuleSpec>(&req, payload).await?);
    let answer = state.change_rule.send(ChangeRule { name: name.clone(), spec: Some(spec), version }).await;
    match answer.map_err(|error| ApiError::unavailable(format!("the alert actor: {error}; try again")))? {
        Ok(Some(rule)) => {
            let known = KnownRule { spec: rule.spec, file: GIVEN_FILE.to_owned(), given: Some((rule.version, rule.updated_at)) };
            Ok(success(NamedRule::new(name, known)))
        }
        Ok(None) => Err(ApiError::internal("the rule was taken back meanwhile")),
        Err(error) => Err(refused(&error)),
    }
}

async fn delete_rule(state: web::Data<AppState>, req: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let version = version(&Params::of_address(&req))?;
    let answer = state.change_rule.send(ChangeRule { name: name.into_inner(), spec: None, version }).await;
    match answer.map_err(|error| ApiError::unavailable(format!("the alert actor: {error}; try again")))? {
        Ok(_) => Ok(HttpResponse::NoContent().finish()),
        Err(error) => Err(refused(&error)),
    }
}

fn refused(error: &ChangeRuleError) -> ApiError {
    match error {
        ChangeRuleError::Append(error) if error.is_disk_full() => ApiError::no_room(error.to_string()),
        ChangeRuleError::Append(error) => ApiError::busy(error.to_string()),
        ChangeRuleError::Change(error) => match error {
            ChangeError::Unknown(_) => ApiError::not_found(error.to_string()),
            ChangeError::Conflict { .. } | ChangeError::OfFile { .. } => ApiError::conflict(error.to_string()),
            ChangeError::Rule(_) | ChangeError::BadName | ChangeError::TooMany => ApiError::bad_data(error.to_string()),
        },
    }
}

async fn preview_rule(state: web::Data<AppState>, req: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ApiError> {
    let days = Params::of_address(&req).whole_number("days")?.unwrap_or(DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(ApiError::bad_data(format!("invalid parameter \"days\": it must be within 1 and {MAX_DAYS}")));
    }
    let spec: RuleSpec = read_json(&req, payload).await?;
    let _place = state.query_places.acquire().await.map_err(|error| ApiError::unavailable(error.to_string()))?;
    let (store, limits, options) = (state.store.clone(), state.rule_limits.clone(), state.reporter.views.rules().book.options());
    let end = now_ms();
    let start = end - days * DAY_MS;
    let found = blocking(move || previewed(&spec, options, (start, end), &store, &limits)).await?;
    Ok(success(RulePreview::new(found, (start, end), state.notice_interval)))
}

fn previewed(
    spec: &RuleSpec,
    options: RuleOptions,
    range: (i64, i64),
    store: &taskpulse_engine::store::StoreReader,
    limits: &taskpulse_engine::rules::EvaluationLimits,
) -> Result<taskpulse_engine::rules::Preview, ApiError> {
    preview("preview", spec, options, range, store, limits).map_err(|error| match error {
        PreviewError::Query(error) => error.into(),
        PreviewError::Lines(error) => error.into(),
        other => ApiError::bad_data(other.to_string()),
    })
}
