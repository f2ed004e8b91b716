//! Spans from others: `POST /v1/traces` (OpenTelemetry). Answered when they are durable.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use taskpulse_engine::agent;
use taskpulse_engine::logs::push::PushError;
use taskpulse_engine::otlp::{Encoding, Signal};
use taskpulse_engine::privacy::filter_spans;
use taskpulse_engine::traces::Spans;
use taskpulse_engine::traces::otlp::{Taken, take};

use crate::body::{self, BodyLimits, MAX_RAW_BYTES};
use crate::envelope::ApiError;
use crate::otlp::{self, JSON, PROTOBUF, STATUS};
use crate::record_ingest::{Door, Given, Outcome};
use crate::route::{Body, Content, Route, Shape};
use crate::server::AppState;

/// The source's name in status.
pub const SOURCE: &str = "traces";

const DOOR: Door = Door { source: SOURCE, signal: Signal::Traces, records: "spans", seen: |otlp| &otlp.traces_seen, hint };

pub(crate) fn routes() -> Vec<Route> {
    const REQUEST: Body = Body {
        content: &[(JSON, Shape::new(export_request)), (PROTOBUF, Shape::TEXT)],
        required: true,
        about: "An ExportTraceServiceRequest; `Content-Encoding` may be gzip, deflate or zstd",
        limits: BodyLimits { unpacked: Some(MAX_RAW_BYTES), ..BodyLimits::SETTING },
    };
    const RESPONSE: &[Content] = &[(JSON, Shape::new(export_response)), (PROTOBUF, Shape::TEXT)];
    vec![
        Route::post("/v1/traces", spans)
            .about("OpenTelemetry traces (OTLP/HTTP), protobuf or JSON")
            .body(REQUEST)
            .answers_with(200, "An ExportTraceServiceResponse: the spans are durable, but for those that it counts", RESPONSE)
            .fails_with(&[415], STATUS),
    ]
}

fn export_request() -> Value {
    json!({"type": "object", "properties": {"resourceSpans": {"type": ["array", "null"], "items": {"type": "object"}}}})
}

fn export_response() -> Value {
    let rejected = json!({"type": "string", "pattern": "^[0-9]+$"});
    let partial = json!({"type": "object", "properties": {"rejectedSpans": rejected, "errorMessage": {"type": "string"}}});
    json!({"type": "object", "properties": {"partialSuccess": partial}})
}

/// The hint for status on how to send spans.
#[must_use]
pub fn hint(address: &str) -> String {
    format!(
        "set OTEL_EXPORTER_OTLP_ENDPOINT={address}, OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf and OTEL_TRACES_EXPORTER=otlp for a program \
         with an OpenTelemetry SDK; for Claude Code also CLAUDE_CODE_ENABLE_TELEMETRY=1 and CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1"
    )
}

async fn spans(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> HttpResponse {
    let (encoding, known) = otlp::encodings(&req);
    let outcome = match known {
        Ok(encoding) => keep(&req, payload, encoding, &state).await,
        Err(error) => Err(error),
    };
    DOOR.answer(encoding, outcome, &state)
}

async fn keep(req: &HttpRequest, payload: web::Payload, encoding: Encoding, state: &AppState) -> Result<Outcome, ApiError> {
    let body = body::read_unpacked(req, payload).await?;
    keep_spans(state, || take(encoding, &body)).await
}

/// Has the spans of a request kept, and reports that to status.
pub(crate) async fn keep_spans(state: &AppState, take: impl FnOnce() -> Result<Taken, PushError>) -> Result<Outcome, ApiError> {
    let take = || {
        let Taken { spans, refused, reasons, .. } = take()?;
        let newest = spans.iter().flat_map(|spans| &spans.spans).map(|span| span.start).max().unwrap_or(0);
        Ok(((!spans.is_empty()).then_some(spans), Given { newest, refused, reasons, ..Given::default() }))
    };
    let append = |mut spans: Vec<Spans>| async move {
        state.agents.keep(agent::spans(&spans)).await?;
        filter_spans(&mut spans, &state.kept);
        state.traces.append(spans).await
    };
    DOOR.keep(state, take, append).await
}
