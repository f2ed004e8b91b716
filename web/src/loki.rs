//! The API of Grafana Loki, as its data source for Grafana and `logcli` use it: queries, labels, series, sizes, the live tail.
//!
//! Errors are plain text, as Loki's are. What of LogQL there is says docs/LOGS.md.

mod find;
mod streams;
mod tail;

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::envelope::{ApiError, PlainError};
use crate::logs::ask::{Ask, Found, State};
use crate::logs::{DIRECTION, LINES, LOG_END, LOG_START, LOG_STEP, LOGQL, send_metric, times};
use crate::parameter::{self, Parameter, TIMEOUT};
use crate::params::Params;
use crate::route::{Content, Route, Shape};

/// Errors are plain text.
const ERRORS: &[Content] = &[("text/plain", Shape::TEXT)];
const SINCE: Parameter = Parameter::query("since", "how long before `end` it begins, where `start` is left out", times::span);

pub(crate) type Answered = Result<HttpResponse, PlainError>;
/// Parameters; an error in them is answered as the others are.
pub(crate) type Given = Result<Params, ApiError>;

pub(crate) fn routes() -> Vec<Route> {
    const INSTANT: Parameter = Parameter::query("time", "the instant; now by default", times::time);
    const INTERVAL: Parameter = Parameter::query("interval", "the least time between lines", times::span);
    let mut routes = vec![
        Route::get("/ready", ready).about("Whether lines can be asked for").answers_with(200, "Ready", &[("text/plain", Shape::TEXT)]),
        Route::get("/loki/api/v1/status/buildinfo", buildinfo)
            .about("Version, as Loki names it")
            .answers(Shape::new(|| json!({"type": "object", "properties": {"version": {"type": "string"}}, "required": ["version"]}))),
        Route::get_or_post("/loki/api/v1/query", query)
            .about("LogQL at an instant; lines are those of the hour before it")
            .parameters(&[LOGQL, INSTANT, LINES, DIRECTION, TIMEOUT])
            .answers(RESULT)
            .fails_with(&[422], ERRORS),
        Route::get_or_post("/loki/api/v1/query_range", query_range)
            .about("LogQL over a range")
            .parameters(&[LOGQL, LOG_START, LOG_END, SINCE, LOG_STEP, INTERVAL, LINES, DIRECTION, TIMEOUT])
            .answers(RESULT)
            .fails_with(&[422], ERRORS),
    ];
    routes.push(Route::socket("/loki/api/v1/tail", tail::open));
    routes.extend(find::routes());
    routes
}

/// What a query comes to: lines by stream, or values.
const RESULT: Shape = Shape::new(|| {
    let data = json!({
        "type": "object",
        "properties": {
            "resultType": {"enum": ["streams", "matrix", "vector", "scalar"]},
            "result": {"type": "array"},
            "stats": {"type": "object"},
            "encodingFlags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["resultType", "result"],
    });
    success(data)
});

/// The schema of a successful answer.
fn success(data: Value) -> Value {
    json!({"type": "object", "properties": {"status": {"const": "success"}, "data": data}, "required": ["status"]})
}

async fn ready() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n")
}

/// Version, as Loki and Tempo say it.
pub(crate) async fn buildinfo(state: State) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "version": state.reporter.version, "application": "taskpulse", "revision": "", "branch": "", "buildUser": "", "buildDate": "",
        "goVersion": "",
    }))
}

async fn query(state: State, req: HttpRequest, params: Given) -> Answered {
    let params = params?;
    let ask = Ask::instant(&params)?;
    answer(state, &req, &params, ask).await
}

async fn query_range(state: State, req: HttpRequest, params: Given) -> Answered {
    let params = params?;
    let ask = Ask::range(&params)?;
    answer(state, &req, &params, ask).await
}

async fn answer(state: State, req: &HttpRequest, params: &Params, ask: Ask) -> Answered {
    let (ask, found, cost) = ask.answer(&state, params).await?;
    Ok(match found {
        Found::Lines(answer) => {
            let stats = cost.stats(answer.lines.len());
            state.answers.send_text(streams::answer(answer.lines, streams::categorized(req), &stats)?)?
        }
        Found::Metric { answer, .. } => send_metric(&state, &ask, answer, format!(",\"stats\":{}}}}}", cost.stats(0)))?,
    })
}

/// The schema of a list of texts.
fn texts() -> Value {
    success(json!({"type": "array", "items": parameter::text()}))
}
