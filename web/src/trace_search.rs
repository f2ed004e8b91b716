//! Traces searched with TraceQL, and what the form of a search offers. `tempo.rs` answers the same to clients of Tempo.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::{Value, json};
use taskpulse_engine::logs::logql::Bounds;
use taskpulse_engine::model::{hex, rfc3339_nanos};
use taskpulse_engine::traces::traceql::{self, Found, Matched, NamesRequest, Query, SearchAnswer, SearchRequest, StoreSpans, TraceqlError};
use utoipa::ToSchema;

use crate::bounds::with_bounds;
use crate::envelope::ApiError;
use crate::logs::ask::State;
use crate::logs::{LOG_END, LOG_START, times};
use crate::parameter::{Parameter, TIMEOUT};
use crate::params::Params;
use crate::route::{Route, Shape};
use crate::server::AppState;

/// Traces of an answer at the most, and where a request says nothing.
pub(crate) const MAX_TRACES: i64 = 1_000;
pub(crate) const DEFAULT_TRACES: i64 = 20;
/// Matched spans that each trace comes with.
const MATCHED: usize = 3;
/// Names of spans of each service.
const MAX_NAMES: usize = 200;
/// Services of an answer.
const MAX_SERVICES: usize = 1_000;

impl From<TraceqlError> for ApiError {
    fn from(error: TraceqlError) -> Self {
        match error {
            TraceqlError::Eval(error) => error.into(),
            TraceqlError::Read(_) => Self::internal(error.to_string()),
        }
    }
}

/// The schema of a query.
pub(crate) fn traceql_schema() -> Value {
    json!({"type": "string", "format": "traceql", "default": "{}", "examples": ["{ resource.service.name = \"web\" && status = error }"]})
}

pub(crate) fn limit_schema() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": MAX_TRACES, "default": DEFAULT_TRACES})
}

pub(crate) fn routes() -> Vec<Route> {
    const TRACEQL: Parameter = Parameter::query("query", "TraceQL: docs/TRACES.md", traceql_schema);
    const TRACES: Parameter = Parameter::query("limit", "traces at the most", limit_schema);
    vec![
        Route::get("/api/v1/traces", search)
            .about("Traces that a query finds, the newest first")
            .parameters(&[TRACEQL, LOG_START, LOG_END, TRACES, TIMEOUT])
            .answers(Shape::data::<TraceList>())
            .fails(&[422]),
        Route::get("/api/v1/traces/names", names)
            .about("Services, and names of their spans")
            .parameters(&[LOG_START, LOG_END, TIMEOUT])
            .answers(Shape::data::<TraceNames>())
            .fails(&[422]),
    ]
}

/// Traces that a query found.
#[derive(Debug, Serialize, ToSchema)]
struct TraceList {
    /// By their newest span that matched, the newest first.
    traces: Vec<TraceRow>,
    /// Whether there are more than `limit`.
    more: bool,
    /// Spans that were read for it.
    spans_read: u64,
}

/// A trace.
#[derive(Debug, Serialize, ToSchema)]
struct TraceRow {
    /// Its id, 32 hexadecimal digits.
    trace_id: String,
    /// The service of the root span; of the first span, where `root` is false.
    service: String,
    /// The name of that span.
    name: String,
    /// When the first span began.
    #[schema(format = "date-time")]
    start: String,
    /// From then to the last end, seconds.
    duration_seconds: f64,
    /// How many spans it has.
    spans: usize,
    /// Whether it has more spans than are read of a trace: all counts are of those.
    more_spans: bool,
    /// How many of them ended with an error.
    errors: usize,
    /// Its services, that with most spans first.
    services: Vec<TraceService>,
    /// The first spans that the query left, three at the most.
    matched: Vec<TraceSpan>,
    /// Whether the root span is there.
    root: bool,
}

/// What a service has of a trace.
#[derive(Debug, Serialize, ToSchema)]
struct TraceService {
    /// The service.
    service: String,
    /// Its spans.
    spans: usize,
    /// Those that ended with an error.
    errors: usize,
}

/// A span that a query left.
#[derive(Debug, Serialize, ToSchema)]
struct TraceSpan {
    /// Its id, 16 hexadecimal digits.
    span_id: String,
    /// The service.
    service: String,
    /// What is done.
    name: String,
    /// When it began.
    #[schema(format = "date-time")]
    start: String,
    /// How long it took, seconds.
    duration_seconds: f64,
    /// `unset`, `ok` or `error`.
    status: &'static str,
    /// What the query names of it.
    attributes: BTreeMap<String, String>,
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

impl From<Found> for TraceRow {
    fn from(found: Found) -> Self {
        let service =
            |count: traceql::ServiceCount| TraceService { service: count.service.to_string(), spans: count.spans, errors: count.errors };
        Self {
            trace_id: hex(&found.trace),
            service: found.service.to_string(),
            name: found.name,
            start: rfc3339_nanos(found.start),
            duration_seconds: seconds(found.nanos),
            spans: found.spans,
            more_spans: found.more_spans,
            errors: found.errors,
            services: found.services.into_iter().map(service).collect(),
            matched: found.first.into_iter().map(TraceSpan::from).collect(),
            root: found.root,
        }
    }
}

impl From<Matched> for TraceSpan {
    fn from(span: Matched) -> Self {
        Self {
            span_id: hex(&span.span),
            service: span.service.to_string(),
            name: span.name,
            start: rfc3339_nanos(span.start),
            duration_seconds: seconds(span.nanos),
            status: span.status.word(),
            attributes: span.attributes.into_iter().collect(),
        }
    }
}

/// `limit` of traces.
pub(crate) fn limit(params: &Params) -> Result<usize, ApiError> {
    let given = params.whole_number("limit")?.unwrap_or(DEFAULT_TRACES);
    if !(1..=MAX_TRACES).contains(&given) {
        return Err(ApiError::bad_data(format!("invalid parameter \"limit\": {given} is not within 1 and {MAX_TRACES}")));
    }
    Ok(given as usize)
}

/// Searches, on a thread that may wait.
pub(crate) async fn found(state: &AppState, params: &Params, text: String, request: SearchRequest) -> Result<SearchAnswer, ApiError> {
    let text = if text.trim().is_empty() { "{}".to_owned() } else { text };
    with_spans(state, params, move |spans, bounds| {
        let query = Query::parse(&text)?;
        Ok(traceql::search(&query, &request, bounds, spans)?)
    })
    .await
}

async fn search(state: State, params: Params) -> Result<HttpResponse, ApiError> {
    let text = params.get("query").unwrap_or("{}").to_owned();
    let (start, end) = times::range_of_query(&params)?;
    let request = SearchRequest { start, end, limit: limit(&params)?, spans: MATCHED };
    let answer = found(&state, &params, text, request).await?;
    let traces = answer.traces.into_iter().map(TraceRow::from).collect();
    state.answers.success(&TraceList { traces, more: answer.more, spans_read: answer.spans_read })
}

/// What the form of a search offers.
#[derive(Debug, Serialize, ToSchema)]
struct TraceNames {
    /// The services with spans in the range, by name.
    services: Vec<ServiceNames>,
    /// Whether there are more services or names than are given.
    more: bool,
    /// Spans that were read for the names: the newest ones.
    spans_read: u64,
}

/// A service and what its spans are called.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceNames {
    /// The service.
    service: String,
    /// Names of its spans, as far as the newest spans have them.
    names: Vec<String>,
}

async fn names(state: State, params: Params) -> Result<HttpResponse, ApiError> {
    let (start, end) = times::range_of_query(&params)?;
    let names = with_spans(&state, &params, move |spans, bounds| {
        let request = NamesRequest { start, end, filter: None, limit: MAX_NAMES };
        let (mut named, spans_read) = traceql::span_names(&request, bounds, spans)?;
        let mut more = spans_read >= traceql::NAMES_READ || named.values().any(|names| names.len() >= MAX_NAMES);
        for service in spans.services(start, end)? {
            named.entry(Arc::from(service)).or_default();
        }
        more |= named.len() > MAX_SERVICES;
        let of = |(service, names): (Arc<str>, std::collections::BTreeSet<String>)| ServiceNames {
            service: service.to_string(),
            names: names.into_iter().collect(),
        };
        Ok(TraceNames { services: named.into_iter().take(MAX_SERVICES).map(of).collect(), more, spans_read })
    })
    .await?;
    state.answers.success(&names)
}

/// Works something out of the spans, on a thread that may wait, within the limits of queries.
pub(crate) async fn with_spans<T: Send + 'static>(
    state: &AppState,
    params: &Params,
    work: impl FnOnce(&StoreSpans, &Bounds) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let reader = state.traces.reader().clone();
    let (done, _) = with_bounds(state, params, move |bounds| work(&StoreSpans::new(&reader, bounds.deadline), bounds)).await?;
    Ok(done)
}
