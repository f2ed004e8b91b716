//! The API of Grafana Tempo, as its data source for Grafana uses it: traces by id, searches, tags and their values.
//!
//! Errors are plain text, as Tempo's are. What of TraceQL there is says docs/TRACES.md.

mod search;
mod tags;

use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use taskpulse_engine::traces::messages::TraceMessage;
use taskpulse_engine::traces::traceql::Source as _;

use crate::answers::{MAX_ANSWER_BYTES, too_long};
use crate::envelope::{ApiError, PlainError};
use crate::logs::ask::State;
use crate::loki::buildinfo;
use crate::otlp::{JSON, PROTOBUF};
use crate::parameter::{self, Parameter};
use crate::params::Params;
use crate::route::{Content, Route, Shape};
use crate::trace_search::with_spans;
use crate::traces::id_of_digits;

/// Errors are plain text.
const ERRORS: &[Content] = &[("text/plain", Shape::TEXT)];
/// Media types that ask for protobuf.
const ACCEPTED: [&str; 2] = ["application/protobuf", PROTOBUF];

type Answered = Result<HttpResponse, PlainError>;
/// Parameters; an error in them is answered as the others are.
type Given = Result<Params, ApiError>;

pub(crate) fn routes() -> Vec<Route> {
    const ID: Parameter = Parameter::path("trace_id", "the trace: up to 32 hexadecimal digits", id_schema);
    const TRACE: &[Content] = &[(JSON, Shape::new(trace_schema)), ("application/protobuf", Shape::TEXT)];
    const RESPONSE: &[Content] = &[(JSON, Shape::new(response_schema)), ("application/protobuf", Shape::TEXT)];
    let mut routes = vec![
        Route::get("/api/echo", echo).about("Whether traces can be asked for").answers_with(200, "echo", ERRORS),
        Route::get("/api/status/buildinfo", buildinfo)
            .about("Version, as Tempo names it")
            .answers(Shape::new(|| json!({"type": "object", "properties": {"version": {"type": "string"}}, "required": ["version"]}))),
        Route::get("/api/traces/{trace_id}", trace)
            .about("A trace, as Tempo answers it: OpenTelemetry's messages, in JSON or protobuf by `Accept`")
            .parameters(&[ID])
            .answers_with(200, "The trace", TRACE)
            .fails_with(&[400, 404, 422], ERRORS),
        Route::get("/api/v2/traces/{trace_id}", trace_v2)
            .about("A trace within a `TraceByIDResponse` of Tempo, in JSON or protobuf by `Accept`")
            .parameters(&[ID])
            .answers_with(200, "The trace", RESPONSE)
            .fails_with(&[400, 404, 422], ERRORS),
        Route::any("/api/metrics/{rest:.*}", no_metrics),
    ];
    routes.extend(search::routes());
    routes.extend(tags::routes());
    routes
}

fn id_schema() -> Value {
    json!({"type": "string", "pattern": "^[0-9a-fA-F]{1,32}$"})
}

fn resources() -> Value {
    json!({"type": "array", "items": {"type": "object"}})
}

fn trace_schema() -> Value {
    json!({"type": "object", "properties": {"batches": resources()}, "required": ["batches"]})
}

fn response_schema() -> Value {
    let trace = json!({"type": "object", "properties": {"resourceSpans": resources()}, "required": ["resourceSpans"]});
    json!({
        "type": "object",
        "properties": {
            "trace": trace,
            "metrics": {"type": "object"},
            "status": {"const": "PARTIAL"},
            "message": parameter::text(),
        },
        "required": ["trace"],
    })
}

async fn echo() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("echo")
}

async fn no_metrics() -> PlainError {
    ApiError::bad_data("TraceQL metrics are not supported here; metrics of spans are asked for with PromQL, see docs/TRACES.md").into()
}

/// An id as Tempo's clients write it.
fn id_of(text: &str) -> Result<[u8; 16], ApiError> {
    id_of_digits(text).ok_or_else(|| ApiError::bad_data("a trace's id has up to 32 hexadecimal digits"))
}

fn wants_protobuf(req: &HttpRequest) -> bool {
    let accept = req.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    ACCEPTED.iter().any(|accepted| accept.contains(accepted))
}

async fn read(state: &State, params: &Params, id: &str) -> Result<TraceMessage, ApiError> {
    let id = id_of(id)?;
    if params.get("q").is_some() {
        return Err(ApiError::bad_data("`q` is not supported here: traces are answered whole"));
    }
    let (spans, more) = with_spans(state, params, move |spans, _| Ok(spans.trace(id)?)).await?;
    if spans.is_empty() {
        return Err(ApiError::not_found("trace not found: there is none with this id"));
    }
    let partial = more.then(|| format!("only the first {} spans are answered; the trace has more", spans.len()));
    Ok(TraceMessage::new(spans, partial))
}

fn protobuf(bytes: Vec<u8>) -> Result<HttpResponse, ApiError> {
    if bytes.len() > MAX_ANSWER_BYTES {
        return Err(too_long());
    }
    Ok(HttpResponse::Ok().content_type("application/protobuf").body(bytes))
}

async fn trace(state: State, req: HttpRequest, id: web::Path<String>, params: Given) -> Answered {
    let message = read(&state, &params?, &id).await?;
    if wants_protobuf(&req) { Ok(protobuf(message.protobuf())?) } else { Ok(state.answers.send_text(message.json())?) }
}

async fn trace_v2(state: State, req: HttpRequest, id: web::Path<String>, params: Given) -> Answered {
    let message = read(&state, &params?, &id).await?;
    if wants_protobuf(&req) { Ok(protobuf(message.response_protobuf())?) } else { Ok(state.answers.send_text(message.response_json())?) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_may_leave_zeros_out() {
        assert_eq!(id_of("1f").unwrap(), 0x1f_u128.to_be_bytes());
        assert_eq!(id_of(&"A".repeat(32)).unwrap(), [0xaa; 16]);
        for text in ["", "+1", "g", &"1".repeat(33), "0x1", "é"] {
            assert!(id_of(text).is_err(), "{text}");
        }
    }
}
