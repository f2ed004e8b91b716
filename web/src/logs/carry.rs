//! Log lines out of and into a service, as OTLP JSON lines: each is an `ExportLogsServiceRequest`, as files of the OpenTelemetry Collector
//! have them.

use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use serde_json::json;
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::logs::logql::{Export, Query};
use taskpulse_engine::logs::push;
use taskpulse_engine::logs::store::LogReader;
use taskpulse_engine::otlp::Encoding;
use taskpulse_engine::promql::EvalError;
use taskpulse_engine::promql::syntax::{Grid, ParseError, TextRange};

use super::{LOG_END, LOGQL, times};
use crate::body::{self, BodyLimits};
use crate::envelope::{ApiError, success};
use crate::export::{self, Pieces};
use crate::log_ingest::keep;
use crate::parameter::Parameter;
use crate::params::Params;
use crate::route::{Body, Content, Route, Shape};
use crate::server::{AppState, Resources};
use crate::shapes;

const KIND: &str = "application/x-ndjson";
/// Lines of a request that an answer names.
const MAX_NAMED: usize = 10;

pub(super) fn routes() -> Vec<Route> {
    const START: Parameter = Parameter::query("start", "the first time; all that is kept by default", times::time);
    const LINES: &[Content] = &[(KIND, Shape::TEXT)];
    const BODY: Body = Body {
        content: &[("text/plain", Shape::TEXT)],
        required: false,
        about: "Lines of any `Content-Type`, each an ExportLogsServiceRequest in JSON; `Content-Encoding` may be gzip, deflate or zstd",
        limits: BodyLimits::SETTING,
    };
    vec![
        Route::get("/api/v1/logs/export", export)
            .about("Log lines that a query finds, as they are kept, streamed as OTLP JSON lines")
            .parameters(&[LOGQL, START, LOG_END])
            .answers_with(200, "Lines, the oldest first; each line of text is an ExportLogsServiceRequest", LINES)
            .fails(&[422]),
        Route::post("/api/v1/logs/import", import)
            .about("Brings in log lines: OTLP JSON lines, of any age within the retention of logs, in any order")
            .body(BODY)
            .answers(shapes::KEPT)
            .fails(&[415, 507]),
    ]
}

struct Lines {
    export: Export,
    reader: LogReader,
}

impl Pieces for Lines {
    fn next(&mut self) -> Result<Option<String>, String> {
        self.export.next(&self.reader).map_err(|error| error.to_string())
    }
}

async fn export(state: web::Data<AppState>, resources: web::Data<Resources>, params: Params) -> Result<HttpResponse, ApiError> {
    let text = params.required("query")?;
    let Query::Lines(query) = Query::parse(text, Grid::default())? else {
        let why = "only lines can be exported: write a selector such as {app=\"web\"}, and filters";
        return Err(EvalError::from(ParseError::new(text, TextRange::default(), why)).into());
    };
    let (start, end) = times::range(&params, times::now())?;
    let place = export::place(&resources)?;
    let lines = Lines { export: Export::new(query, start, end, now_ms()), reader: state.logs.reader().clone() };
    Ok(export::streamed(resources, place, lines, KIND, "logs.jsonl"))
}

async fn import(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let body = body::read_unpacked(&req, payload).await?;
    let arrived = now_ms().saturating_mul(1_000_000);
    let (mut kept, mut problems, mut gone) = (0u64, Vec::new(), 0u64);
    for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let taken = keep(&state, || push::otlp::take(Encoding::Json, line, &state.otlp.options.stream_labels, arrived)).await;
        let why = match taken {
            Ok(outcome) => {
                kept += outcome.accepted;
                gone += outcome.rejected;
                outcome.message()
            }
            Err(error) if error.status_code().is_client_error() => {
                gone += 1;
                error.to_string()
            }
            // What was kept before is kept: to send it again does no harm.
            Err(error) => return Err(error),
        };
        if !why.is_empty() && problems.len() < MAX_NAMED {
            problems.push(format!("line {number}: {why}"));
        }
    }
    if gone > 0 {
        return Err(ApiError::bad_data(format!("{kept} log lines were kept, {gone} were not: {}", problems.join("; "))));
    }
    Ok(success(json!({"kept": kept})))
}
