//! Log lines out of and into a service, as OTLP JSON lines: each is an `ExportLogsServiceRequest`, as files of the OpenTelemetry Collector
//! have them.

use actix_web::{HttpRequest, HttpResponse, web};
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::logs::logql::{Export, Query};
use taskpulse_engine::logs::push;
use taskpulse_engine::logs::store::LogReader;
use taskpulse_engine::otlp::Encoding;
use taskpulse_engine::promql::EvalError;
use taskpulse_engine::promql::syntax::{Grid, ParseError, TextRange};

use super::{LOG_END, LOGQL, times};
use crate::body;
use crate::envelope::ApiError;
use crate::export::{self, Pieces};
use crate::json_lines::{self, KIND};
use crate::log_ingest::keep;
use crate::parameter::Parameter;
use crate::params::Params;
use crate::route::{Body, Content, Route, Shape};
use crate::server::{AppState, Resources};
use crate::shapes;

pub(super) fn routes() -> Vec<Route> {
    const START: Parameter = Parameter::query("start", "the first time; all that is kept by default", times::time);
    const LINES: &[Content] = &[(KIND, Shape::TEXT)];
    const BODY: Body = json_lines::body(
        "Lines of any `Content-Type`, each an ExportLogsServiceRequest in JSON; `Content-Encoding` may be gzip, deflate or zstd",
    );
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
    let labels = &state.otlp.options.stream_labels;
    json_lines::import(&body, "log lines", async |line| keep(&state, || push::otlp::take(Encoding::Json, line, labels, arrived)).await)
        .await
}
