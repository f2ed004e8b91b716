//! Silences, alerts and groups as Alertmanager's API, version 2, has them, so that `amtool` and other clients of it work here; and
//! maintenance windows.

use std::fmt;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use serde::Deserialize;
use serde_json::{Value, json};
use taskpulse_actors::messages::{ChangeMaintenance, ChangeSilence, ReadNotices};
use taskpulse_actors::view::{AlertGroup, GettableAlert, GettableSilence, Maintenance, Notices, Receiver};
use taskpulse_engine::model::{Budget, Matcher, Pattern, TimestampMs, rfc3339};
use taskpulse_engine::notices::{MaintenanceError, MaintenanceSpec, MatcherSpec, SilenceDraft, SilenceError};

use crate::body::{self, BodyLimits};
use crate::envelope::{ApiError, blocking, success};
use crate::parameter::{self, Parameter};
use crate::params::Params;
use crate::route::{Body, Content, Route, Shape};
use crate::server::AppState;

/// Longest silence or maintenance window, in bytes.
const MAX_BODY: usize = 64 << 10;
/// Alertmanager's errors are texts. What is wrong with the request itself is answered as everywhere.
const ERROR_TEXT: &[Content] =
    &[("application/json", Shape::new(|| json!({"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/ErrorResponse"}]})))];

pub(crate) fn routes() -> Vec<Route> {
    const FILTER: Parameter =
        Parameter::query("filter", "a matcher that must accept, such as `alertname=\"cpu\"`; may be repeated", parameter::texts);
    const ID: Parameter = Parameter::path("id", "the silence", || json!({"type": "string", "minLength": 1}));
    const NAME: Parameter = Parameter::path("name", "the maintenance window", || json!({"type": "string", "minLength": 1}));
    const SILENCE: Body = Body {
        content: &[("application/json", Shape::new(silence_schema))],
        required: true,
        about: "A silence; with an `id` it changes that one",
        limits: BodyLimits::of(MAX_BODY),
    };
    const WINDOW: Body = Body {
        content: &[("application/json", Shape::new(window_schema))],
        required: true,
        about: "The window",
        limits: BodyLimits::of(MAX_BODY),
    };
    let mut routes = vec![
        Route::get("/api/v2/silences", silences)
            .about("Silences, as Alertmanager answers them")
            .parameters(&[FILTER])
            .answers(Shape::bare_list::<GettableSilence>())
            .fails_with(&[400, 503], ERROR_TEXT),
        Route::post("/api/v2/silences", set_silence)
            .about("Makes or changes a silence, as Alertmanager does")
            .body(SILENCE)
            .answers(Shape::new(|| json!({"type": "object", "properties": {"silenceID": {"type": "string"}}, "required": ["silenceID"]})))
            .fails_with(&[400, 404, 503], ERROR_TEXT),
        Route::get("/api/v2/silence/{id}", silence)
            .about("One silence, as Alertmanager answers it")
            .parameters(&[ID])
            .answers(Shape::of::<GettableSilence>())
            .fails_with(&[404, 503], ERROR_TEXT),
        Route::delete("/api/v2/silence/{id}", expire_silence)
            .about("Ends a silence, as Alertmanager does")
            .parameters(&[ID])
            .answers_with(200, "It is over", &[])
            .fails_with(&[404, 503], ERROR_TEXT),
        Route::get("/api/v1/maintenance", maintenance)
            .about("Maintenance windows: times that come again, during which notifications are held back")
            .answers(Shape::list::<Maintenance>()),
        Route::post("/api/v1/maintenance/{name}", set_maintenance)
            .about("Makes or replaces a maintenance window")
            .parameters(&[NAME])
            .body(WINDOW)
            .answers(Shape::data::<Maintenance>()),
        Route::delete("/api/v1/maintenance/{name}", remove_maintenance)
            .about("Removes a maintenance window")
            .parameters(&[NAME])
            .answers(Shape::list::<Maintenance>())
            .fails(&[404]),
    ];
    routes.extend(alert_routes(FILTER));
    routes
}

fn alert_routes(filter: Parameter) -> Vec<Route> {
    const RECEIVER: Parameter =
        Parameter::query("receiver", "a regular expression of the channels whose alerts are wanted", parameter::text);
    const fn flag(name: &'static str, about: &'static str) -> Parameter {
        Parameter::query(name, about, || json!({"type": "boolean"}))
    }
    const ACTIVE: Parameter = flag("active", "`false` leaves out alerts that nothing holds back");
    const SILENCED: Parameter = flag("silenced", "`false` leaves out alerts that are silenced");
    const INHIBITED: Parameter = flag("inhibited", "`false` leaves out alerts that are inhibited");
    const MUTED: Parameter = flag("muted", "`false` leaves out alerts in a maintenance window");
    let asked = [filter, RECEIVER, ACTIVE, SILENCED, INHIBITED, MUTED];
    vec![
        Route::get("/api/v2/alerts", alerts)
            .about("Firing alerts and what holds their notifications back, as Alertmanager answers them")
            .parameters(&asked)
            .answers(Shape::bare_list::<GettableAlert>())
            .fails_with(&[400, 503], ERROR_TEXT),
        Route::get("/api/v2/alerts/groups", groups)
            .about("Firing alerts by channel and group, as Alertmanager answers them")
            .parameters(&asked)
            .answers(Shape::bare_list::<AlertGroup>())
            .fails_with(&[400, 503], ERROR_TEXT),
        Route::get("/api/v2/receivers", receivers)
            .about("The channels, as Alertmanager answers them")
            .answers(Shape::bare_list::<Receiver>())
            .fails_with(&[503], ERROR_TEXT),
        Route::get("/api/v2/status", status)
            .about("The service, as Alertmanager answers it")
            .answers(Shape::new(|| json!({"type": "object", "required": ["cluster", "config", "uptime", "versionInfo"]}))),
    ]
}

fn silence_schema() -> Value {
    let text = || json!({"type": "string"});
    let time = || json!({"type": "string", "format": "date-time"});
    let matcher = json!({
        "type": "object",
        "properties": {"name": {"type": "string", "minLength": 1}, "value": text(), "isRegex": {"type": "boolean"}, "isEqual": {"type": "boolean"}},
        "required": ["name", "value", "isRegex"],
    });
    json!({
        "type": "object",
        "properties": {
            "id": {"type": ["string", "null"]}, "matchers": {"type": "array", "items": matcher, "minItems": 1, "maxItems": 32},
            "startsAt": time(), "endsAt": time(), "createdBy": text(), "comment": text(),
        },
        "required": ["matchers", "startsAt", "endsAt", "createdBy", "comment"],
    })
}

fn window_schema() -> Value {
    let texts = || json!({"type": "array", "items": {"type": "string"}, "maxItems": 32});
    json!({
        "type": "object",
        "properties": {"times": texts(), "timezone": {"type": ["string", "null"]}, "match": texts(), "comment": {"type": "string"}},
        "required": ["times"],
        "additionalProperties": false,
    })
}

/// An error as Alertmanager writes it: a text.
#[derive(Debug)]
struct TextError(ApiError);

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for TextError {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        self.0.response().json(self.0.to_string())
    }
}

impl From<ApiError> for TextError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<SilenceError> for TextError {
    fn from(error: SilenceError) -> Self {
        let text = error.to_string();
        Self(match error {
            SilenceError::NotFound(_) | SilenceError::Expired(_) => ApiError::not_found(text),
            SilenceError::Invalid(_) | SilenceError::TooMany => ApiError::bad_data(text),
        })
    }
}

async fn read(state: &AppState) -> Result<Notices, ApiError> {
    let known = state.read_notices.send(ReadNotices).await;
    let known = known.map_err(|error| ApiError::unavailable(format!("the notifier: {error}; try again")))?;
    blocking(move || Ok(known.shown())).await
}

/// The matchers of the parameters `filter`.
fn filters(params: &Params) -> Result<Vec<Matcher>, ApiError> {
    let mut budget = Budget::default();
    let compiled = |text: &str| MatcherSpec::parse(text)?.compile(&mut budget);
    params.all("filter").into_iter().map(compiled).collect::<Result<_, _>>().map_err(|error| ApiError::bad_data(error.to_string()))
}

async fn silences(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, TextError> {
    let filters = filters(&params)?;
    let mut silences = read(&state).await?.silences;
    // As Alertmanager does: a filter compares with what the silence's own matchers say.
    silences.retain(|silence| {
        let value = |name: &str| silence.matchers.iter().find(|matcher| matcher.name == name).map_or("", |matcher| matcher.value.as_str());
        filters.iter().all(|filter| filter.accepts(value(&filter.name)))
    });
    // Active ones first, those that end soonest before the others.
    let rank = |silence: &GettableSilence| ["active", "pending", "expired"].iter().position(|state| *state == silence.status.state);
    silences.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.ends_at.cmp(&b.ends_at)));
    Ok(state.answers.send_text(text_of(&silences)?)?)
}

fn text_of(value: &impl serde::Serialize) -> Result<String, ApiError> {
    serde_json::to_string(value).map_err(|error| ApiError::internal(error.to_string()))
}

async fn silence(state: web::Data<AppState>, id: web::Path<String>) -> Result<HttpResponse, TextError> {
    let found = read(&state).await?.silences.into_iter().find(|silence| silence.id == *id);
    found.map(|silence| HttpResponse::Ok().json(silence)).ok_or_else(|| SilenceError::NotFound(id.into_inner()).into())
}

/// A silence as it is posted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostableSilence {
    #[serde(default)]
    id: Option<String>,
    #[serde(deserialize_with = "body::objects")]
    matchers: Vec<MatcherSpec>,
    starts_at: String,
    ends_at: String,
    created_by: String,
    comment: String,
}

fn time(name: &str, text: &str) -> Result<TimestampMs, ApiError> {
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(jiff::Timestamp::as_millisecond)
        .map_err(|error| ApiError::bad_data(format!("{name}: {text:?} is no time of RFC 3339: {error}")))
}

async fn set_silence(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, TextError> {
    let body = body::read(&req, payload).await?;
    let posted: PostableSilence = body::object(&body).map_err(|error| ApiError::bad_data(format!("not a silence: {error}")))?;
    let draft = SilenceDraft {
        id: posted.id.filter(|id| !id.is_empty()),
        matchers: posted.matchers,
        starts_at: time("startsAt", &posted.starts_at)?,
        ends_at: time("endsAt", &posted.ends_at)?,
        created_by: posted.created_by,
        comment: posted.comment,
    };
    let id = change_silence(&state, ChangeSilence::Set(draft)).await?;
    Ok(HttpResponse::Ok().json(json!({"silenceID": id})))
}

async fn expire_silence(state: web::Data<AppState>, id: web::Path<String>) -> Result<HttpResponse, TextError> {
    change_silence(&state, ChangeSilence::Expire(id.into_inner())).await?;
    Ok(HttpResponse::Ok().finish())
}

async fn change_silence(state: &AppState, message: ChangeSilence) -> Result<String, TextError> {
    let answer = state.change_silence.send(message).await;
    let answer = answer.map_err(|error| ApiError::unavailable(format!("the notifier: {error}; try again")))?;
    Ok(answer.map_err(|error| ApiError::unavailable(format!("not kept: {error}")))??)
}

/// Which alerts are asked for.
struct Asked {
    filters: Vec<Matcher>,
    receiver: Option<Arc<Pattern>>,
    active: bool,
    silenced: bool,
    inhibited: bool,
    muted: bool,
}

impl Asked {
    fn of(params: &Params) -> Result<Self, ApiError> {
        let flag = |name: &str| match params.get(name) {
            None | Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => Err(ApiError::bad_data(format!("parameter `{name}`: {other:?} is neither true nor false"))),
        };
        let mut budget = Budget::default();
        let compiled = |text: &str| budget.pattern(text).map_err(|error| ApiError::bad_data(format!("parameter `receiver`: {error}")));
        Ok(Self {
            filters: filters(params)?,
            receiver: params.get("receiver").map(compiled).transpose()?,
            active: flag("active")?,
            silenced: flag("silenced")?,
            inhibited: flag("inhibited")?,
            muted: flag("muted")?,
        })
    }

    fn wants_receiver(&self, name: &str) -> bool {
        self.receiver.as_ref().is_none_or(|receiver| receiver.is_match(name))
    }

    fn wants(&self, alert: &GettableAlert) -> bool {
        let status = &alert.status;
        (self.active || status.state != "active")
            && (self.silenced || status.silenced_by.is_empty())
            && (self.inhibited || status.inhibited_by.is_empty())
            && (self.muted || status.muted_by.is_empty())
            && self.filters.iter().all(|filter| filter.accepts(alert.labels.get(&filter.name).map_or("", String::as_str)))
    }
}

async fn alerts(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, TextError> {
    let asked = Asked::of(&params)?;
    let mut alerts = read(&state).await?.alerts;
    alerts.retain(|alert| {
        asked.wants(alert) && (asked.receiver.is_none() || alert.receivers.iter().any(|receiver| asked.wants_receiver(&receiver.name)))
    });
    Ok(state.answers.send_text(text_of(&alerts)?)?)
}

async fn groups(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, TextError> {
    let asked = Asked::of(&params)?;
    let mut groups = read(&state).await?.groups;
    groups.retain_mut(|group| {
        group.alerts.retain(|alert| asked.wants(alert));
        !group.alerts.is_empty() && asked.wants_receiver(&group.receiver.name)
    });
    Ok(state.answers.send_text(text_of(&groups)?)?)
}

async fn receivers(state: web::Data<AppState>) -> Result<HttpResponse, TextError> {
    let names = read(&state).await?.receivers;
    Ok(HttpResponse::Ok().json(names.into_iter().map(|name| Receiver { name }).collect::<Vec<_>>()))
}

async fn status(state: web::Data<AppState>) -> HttpResponse {
    let started = rfc3339(state.reporter.started_at);
    let version = state.reporter.version;
    HttpResponse::Ok().json(json!({
        "cluster": {"status": "disabled", "peers": []},
        "config": {"original": ""},
        "uptime": started,
        "versionInfo": {"version": version, "revision": "", "branch": "taskpulse", "buildUser": "", "buildDate": "", "goVersion": ""},
    }))
}

impl From<MaintenanceError> for ApiError {
    fn from(error: MaintenanceError) -> Self {
        let text = error.to_string();
        match error {
            MaintenanceError::NotFound(_) => Self::not_found(text),
            _ => Self::bad_data(text),
        }
    }
}

async fn maintenance(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.answers.success(&read(&state).await?.maintenance)
}

async fn set_maintenance(
    req: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&req, payload).await?;
    let spec: MaintenanceSpec = body::object(&body).map_err(|error| ApiError::bad_data(format!("not a maintenance window: {error}")))?;
    let name = name.into_inner();
    change_maintenance(&state, ChangeMaintenance { name: name.clone(), spec: Some(spec) }).await?;
    let windows = read(&state).await?.maintenance;
    windows.into_iter().find(|window| window.name == name).map(success).ok_or_else(|| MaintenanceError::NotFound(name).into())
}

async fn remove_maintenance(state: web::Data<AppState>, name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    change_maintenance(&state, ChangeMaintenance { name: name.into_inner(), spec: None }).await?;
    state.answers.success(&read(&state).await?.maintenance)
}

async fn change_maintenance(state: &AppState, message: ChangeMaintenance) -> Result<(), ApiError> {
    let answer = state.change_maintenance.send(message).await;
    let answer = answer.map_err(|error| ApiError::unavailable(format!("the notifier: {error}; try again")))?;
    Ok(answer.map_err(|error| ApiError::unavailable(format!("not kept: {error}")))??)
}
