//! Spans out of and into a service, as OTLP JSON lines: each is an `ExportTraceServiceRequest`, as files of the OpenTelemetry Collector have
//! them.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use taskpulse_engine::otlp::Encoding;
use taskpulse_engine::promql::EvalError;
use taskpulse_engine::promql::syntax::{ParseError, TextRange};
use taskpulse_engine::span_store::TraceReader;
use taskpulse_engine::traces::export::Export;
use taskpulse_engine::traces::otlp;
use taskpulse_engine::traces::traceql::Query;

use crate::body;
use crate::envelope::ApiError;
use crate::export::{self, Pieces};
use crate::json_lines::{self, KIND};
use crate::logs::{LOG_END, times};
use crate::parameter::Parameter;
use crate::params::Params;
use crate::route::{Body, Content, Route, Shape};
use crate::server::{AppState, Resources};
use crate::shapes;
use crate::trace_ingest::keep_spans;

pub(super) fn routes() -> Vec<Route> {
    const QUERY: Parameter = Parameter::query("query", "which spans: one pair of braces of TraceQL that a span alone decides on", schema);
    const START: Parameter = Parameter::query("start", "the first start of a span; all that is kept by default", times::time);
    const SPANS: &[Content] = &[(KIND, Shape::TEXT)];
    const BODY: Body = json_lines::body(
        "Lines of any `Content-Type`, each an ExportTraceServiceRequest in JSON; `Content-Encoding` may be gzip, deflate or zstd",
    );
    vec![
        Route::get("/api/v1/traces/export", export)
            .about("Spans that a query finds, as they are kept, streamed as OTLP JSON lines")
            .parameters(&[QUERY, START, LOG_END])
            .answers_with(200, "Spans, the first start first; each line of text is an ExportTraceServiceRequest", SPANS)
            .fails(&[422]),
        Route::post("/api/v1/traces/import", import)
            .about("Brings in spans: OTLP JSON lines, of any age within the retention of traces, in any order")
            .body(BODY)
            .answers(shapes::KEPT)
            .fails(&[415, 507]),
    ]
}

fn schema() -> Value {
    json!({"type": "string", "format": "traceql-filter", "default": "{}", "examples": ["{ resource.service.name = \"web\" }"]})
}

struct Spans {
    export: Export,
    reader: TraceReader,
}

impl Pieces for Spans {
    fn next(&mut self) -> Result<Option<String>, String> {
        self.export.next(&self.reader).map_err(|error| error.to_string())
    }
}

async fn export(state: web::Data<AppState>, resources: web::Data<Resources>, params: Params) -> Result<HttpResponse, ApiError> {
    let text = params.get("query").filter(|text| !text.trim().is_empty()).unwrap_or("{}");
    let (start, end) = times::range(&params, times::now())?;
    let Some(export) = Export::new(Query::parse(text)?, start, end) else {
        let why = "only spans can be exported: write one pair of braces such as { resource.service.name = \"web\" }, with conditions that ask \
                   for no other span of the trace";
        return Err(EvalError::from(ParseError::new(text, TextRange::default(), why)).into());
    };
    let place = export::place(&resources)?;
    Ok(export::streamed(resources, place, Spans { export, reader: state.traces.reader().clone() }, KIND, "traces.jsonl"))
}

async fn import(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let body = body::read_unpacked(&req, payload).await?;
    json_lines::import(&body, "spans", async |line| keep_spans(&state, || otlp::take(Encoding::Json, line)).await).await
}
