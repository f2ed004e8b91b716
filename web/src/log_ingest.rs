//! Log lines from others: `POST /v1/logs` (OpenTelemetry) and `POST /loki/api/v1/push` (Promtail, Alloy, Vector, Fluent Bit).
//!
//! Answered when the lines are durable, each in the form of its protocol. What was refused or cut is counted and named in the answer,
//! as far as the protocol has a place for it, and in status.
//!
//! The service writes no line of its own log for a request that it takes or refuses, only for the first change of a state. So a
//! shipper that sends this service its own log does not make it write more: nothing is fed back.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::agent;
use taskpulse_engine::logs::push::{self, PushError, Taken};
use taskpulse_engine::otlp::{Encoding, Signal};
use taskpulse_engine::privacy::filter_lines;

use crate::body::{self, BodyLimits, MAX_RAW_BYTES};
use crate::envelope::ApiError;
use crate::otlp::{self, JSON, PROTOBUF, STATUS};
use crate::record_ingest::{Door, Given, Outcome};
use crate::route::{Body, Content, Route, Shape};
use crate::server::AppState;

/// The source's name in status.
pub const SOURCE: &str = "logs";

pub(crate) fn routes() -> Vec<Route> {
    const LIMITS: BodyLimits = BodyLimits { unpacked: Some(MAX_RAW_BYTES), ..BodyLimits::SETTING };
    const RECORDS: Body = Body {
        content: &[(JSON, Shape::new(export_request)), (PROTOBUF, Shape::TEXT)],
        required: true,
        about: "An ExportLogsServiceRequest; `Content-Encoding` may be gzip, deflate or zstd",
        limits: LIMITS,
    };
    const RESPONSE: &[Content] = &[(JSON, Shape::new(export_response)), (PROTOBUF, Shape::TEXT)];
    const STREAMS: Body = Body {
        content: &[(JSON, Shape::new(push_request)), (PROTOBUF, Shape::TEXT)],
        required: true,
        about: "A `logproto.PushRequest` in snappy (the block format), or JSON, which may be gzip, deflate or zstd",
        limits: LIMITS,
    };
    const TEXT: &[Content] = &[("text/plain", Shape::TEXT)];
    vec![
        Route::post("/v1/logs", records)
            .about("OpenTelemetry logs (OTLP/HTTP), protobuf or JSON")
            .body(RECORDS)
            .answers_with(200, "An ExportLogsServiceResponse: the lines are durable, but for those that it counts", RESPONSE)
            .fails_with(&[415], STATUS),
        Route::post("/loki/api/v1/push", push)
            .about("Log lines as Loki's clients send them")
            .body(STREAMS)
            .answers_with(204, "All lines are durable", &[])
            .fails_with(&[415, 507], TEXT),
    ]
}

fn export_request() -> Value {
    json!({"type": "object", "properties": {"resourceLogs": {"type": ["array", "null"], "items": {"type": "object"}}}})
}

fn export_response() -> Value {
    let rejected = json!({"type": "string", "pattern": "^[0-9]+$"});
    let partial = json!({"type": "object", "properties": {"rejectedLogRecords": rejected, "errorMessage": {"type": "string"}}});
    json!({"type": "object", "properties": {"partialSuccess": partial}})
}

fn push_request() -> Value {
    let texts = json!({"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}});
    let time = json!({"type": ["string", "integer"], "description": "nanoseconds since 1970"});
    let line = json!({"type": "array", "prefixItems": [time, {"type": "string"}, texts], "minItems": 2});
    let stream = json!({"type": "object", "properties": {"stream": texts, "values": {"type": ["array", "null"], "items": line}}});
    json!({"type": "object", "properties": {"streams": {"type": ["array", "null"], "items": stream}}})
}

/// The hint for status on how to send log lines.
#[must_use]
pub fn hint(address: &str) -> String {
    format!(
        "set OTEL_EXPORTER_OTLP_ENDPOINT={address}, OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf and OTEL_LOGS_EXPORTER=otlp for a program with an \
         OpenTelemetry SDK or for Claude Code; send files and journals with Alloy, Promtail, Vector or Fluent Bit to {address}/loki/api/v1/push"
    )
}

const DOOR: Door = Door { source: SOURCE, signal: Signal::Logs, records: "lines", seen: |otlp| &otlp.logs_seen, hint };

async fn records(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> HttpResponse {
    let (encoding, known) = otlp::encodings(&req);
    let outcome = match known {
        Ok(encoding) => take_records(&req, payload, encoding, &state).await,
        Err(error) => Err(error),
    };
    DOOR.answer(encoding, outcome, &state)
}

async fn take_records(req: &HttpRequest, payload: web::Payload, encoding: Encoding, state: &AppState) -> Result<Outcome, ApiError> {
    let body = body::read_unpacked(req, payload).await?;
    let arrived = now_ms().saturating_mul(1_000_000);
    keep(state, || push::otlp::take(encoding, &body, &state.otlp.options.stream_labels, arrived)).await
}

async fn push(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> HttpResponse {
    let outcome = take_streams(&req, payload, &state).await.and_then(|outcome| match outcome.rejected {
        0 => Ok(()),
        _ => Err(ApiError::bad_data(format!("{} lines were kept, {}", outcome.accepted, outcome.message()))),
    });
    let Err(error) = outcome else { return HttpResponse::NoContent().finish() };
    DOOR.note_refusal(&error, &state);
    error.response().content_type("text/plain; charset=utf-8").body(format!("{error}\n"))
}

async fn take_streams(req: &HttpRequest, payload: web::Payload, state: &AppState) -> Result<Outcome, ApiError> {
    let kind = otlp::content_type(req);
    if kind == JSON {
        let body = body::read_unpacked(req, payload).await?;
        return keep(state, || push::loki::take_json(&body)).await;
    }
    if !matches!(kind.as_str(), "" | PROTOBUF | "application/protobuf") {
        return Err(otlp::unknown_type(&kind));
    }
    let encoding = req.headers().get(header::CONTENT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("").trim();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("snappy") {
        return Err(ApiError::unsupported(format!("Content-Encoding `{encoding}` is not understood for protobuf; send snappy")));
    }
    let packed = body::read(req, payload).await?;
    let snappy = |error: snap::Error| ApiError::bad_data(format!("snappy: {error}"));
    let length = snap::raw::decompress_len(&packed).map_err(snappy)?;
    if length > MAX_RAW_BYTES {
        return Err(ApiError::too_large(format!("the request has {length} bytes when decompressed; at most {MAX_RAW_BYTES} are read")));
    }
    let body = snap::raw::Decoder::new().decompress_vec(&packed).map_err(snappy)?;
    drop(packed);
    keep(state, || push::loki::take_protobuf(&body)).await
}

/// Has the lines of a request kept, and reports that to status.
pub(crate) async fn keep(state: &AppState, take: impl FnOnce() -> Result<Taken, PushError>) -> Result<Outcome, ApiError> {
    let take = || {
        let Taken { lines, newest, refused, reasons, warnings, .. } = take()?;
        Ok(((!lines.is_empty()).then_some(lines), Given { newest, refused, reasons, warnings }))
    };
    let append = |mut lines| async move {
        // Before the lines: a client that sends them again is counted once, but its lines are kept twice.
        state.agents.keep(agent::lines(&lines)).await?;
        filter_lines(&mut lines, &state.kept);
        state.logs.append(lines).await
    };
    DOOR.keep(state, take, append).await
}
