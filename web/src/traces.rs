//! A trace with its spans; figures of services from spans.

mod carry;
mod services;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use taskpulse_engine::model::{hex, rfc3339_nanos};
use taskpulse_engine::traces::traceql::Source as _;
use taskpulse_engine::traces::{Event, FullSpan, Link, Status};
use utoipa::ToSchema;

use crate::envelope::ApiError;
use crate::parameter::{Parameter, TIMEOUT};
use crate::params::Params;
use crate::route::{Route, Shape};
use crate::server::AppState;
use crate::trace_search::with_spans;

pub(crate) fn routes() -> Vec<Route> {
    const ID: Parameter = Parameter::path(
        "trace_id",
        "the trace: 32 hexadecimal digits, or the last 16 where the first are zeros",
        || json!({"type": "string", "pattern": "^([0-9a-fA-F]{16}|[0-9a-fA-F]{32})$"}),
    );
    // Their paths are ones that the id of a trace takes.
    let mut routes = carry::routes();
    routes.extend([
        services::route(),
        Route::get("/api/v1/traces/{trace_id}", trace)
            .about("A trace with its spans")
            .parameters(&[ID, TIMEOUT])
            .answers(Shape::data::<Trace>())
            .fails(&[404, 422]),
    ]);
    routes
}

/// A trace.
#[derive(Debug, Serialize, ToSchema)]
struct Trace {
    /// 32 hexadecimal digits.
    trace_id: String,
    /// When the first span began.
    #[schema(format = "date-time")]
    start: String,
    /// From then to the last end, seconds.
    duration_seconds: f64,
    /// The services that have spans in it.
    services: Vec<String>,
    /// Spans that ended with an error.
    errors: usize,
    /// By their start.
    spans: Vec<Span>,
    /// Spans whose parent is not among the spans.
    missing_parents: usize,
    /// Whether the trace has more spans: these are the first 10,000, or fewer large ones.
    more: bool,
}

/// A span.
#[derive(Debug, Serialize, ToSchema)]
struct Span {
    /// 16 hexadecimal digits.
    span_id: String,
    /// The span that it is part of; null for none.
    parent_span_id: Option<String>,
    /// `service.name`, or `unknown_service`.
    service: String,
    /// What is done.
    name: String,
    /// `unspecified`, `internal`, `server`, `client`, `producer` or `consumer`.
    kind: &'static str,
    /// When it began.
    #[schema(format = "date-time")]
    start: String,
    /// How long it took, seconds; 0 where its end is not after its start.
    duration_seconds: f64,
    /// `unset`, `ok` or `error`.
    status: &'static str,
    /// What is said of that.
    message: String,
    /// What else is known of it.
    attributes: BTreeMap<String, String>,
    /// What is known of the resource.
    resource: BTreeMap<String, String>,
    /// The library that made it.
    scope: SpanScope,
    /// What happened within it.
    events: Vec<SpanEvent>,
    /// Other spans that it has to do with.
    links: Vec<SpanLink>,
    /// Attributes, events and links that its sender or the bounds dropped.
    dropped: u64,
}

/// The library that made a span.
#[derive(Debug, Serialize, ToSchema)]
struct SpanScope {
    name: String,
    version: String,
}

/// Something that happened within a span.
#[derive(Debug, Serialize, ToSchema)]
struct SpanEvent {
    /// When.
    #[schema(format = "date-time")]
    time: String,
    /// What.
    name: String,
    /// What else is known of it.
    attributes: BTreeMap<String, String>,
}

/// Another span that a span has to do with.
#[derive(Debug, Serialize, ToSchema)]
struct SpanLink {
    /// 32 hexadecimal digits.
    trace_id: String,
    /// 16 hexadecimal digits.
    span_id: String,
    /// What is known of it.
    attributes: BTreeMap<String, String>,
}

/// The id of a trace from up to 32 hexadecimal digits; zeros at the front may be left out.
pub(crate) fn id_of_digits(text: &str) -> Option<[u8; 16]> {
    let digits = (1..=32).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(u128::to_be_bytes)
}

fn map(attributes: &[(String, String)]) -> BTreeMap<String, String> {
    attributes.iter().cloned().collect()
}

fn seconds(from: i64, to: i64) -> f64 {
    to.saturating_sub(from).max(0) as f64 / 1e9
}

impl Span {
    fn of(full: &FullSpan) -> Self {
        let span = &full.span;
        Self {
            span_id: hex(&span.span),
            parent_span_id: (span.parent != [0; 8]).then(|| hex(&span.parent)),
            service: full.service.to_string(),
            name: span.name.clone(),
            kind: span.kind.word(),
            start: rfc3339_nanos(span.start),
            duration_seconds: seconds(span.start, span.end),
            status: span.status.word(),
            message: span.message.clone(),
            attributes: map(&span.attributes),
            resource: map(&full.resource),
            scope: SpanScope { name: full.scope.0.clone(), version: full.scope.1.clone() },
            events: span.events.iter().map(SpanEvent::of).collect(),
            links: span.links.iter().map(SpanLink::of).collect(),
            dropped: span.dropped,
        }
    }
}

impl SpanEvent {
    fn of(event: &Event) -> Self {
        Self { time: rfc3339_nanos(event.time), name: event.name.clone(), attributes: map(&event.attributes) }
    }
}

impl SpanLink {
    fn of(link: &Link) -> Self {
        Self { trace_id: hex(&link.trace), span_id: hex(&link.span), attributes: map(&link.attributes) }
    }
}

impl Trace {
    fn of(id: [u8; 16], all: &[FullSpan], more: bool) -> Self {
        let spans = || all.iter().map(|full| &full.span);
        let start = spans().map(|span| span.start).min().unwrap_or(0);
        let end = spans().map(|span| span.end).max().unwrap_or(start);
        let services: BTreeSet<&str> = all.iter().map(|full| &*full.service).collect();
        let known: HashSet<[u8; 8]> = spans().map(|span| span.span).collect();
        Self {
            trace_id: hex(&id),
            start: rfc3339_nanos(start),
            duration_seconds: seconds(start, end),
            services: services.into_iter().map(str::to_owned).collect(),
            errors: spans().filter(|span| span.status == Status::Error).count(),
            spans: all.iter().map(Span::of).collect(),
            missing_parents: spans().filter(|span| span.parent != [0; 8] && !known.contains(&span.parent)).count(),
            more,
        }
    }
}

async fn trace(state: web::Data<AppState>, id: web::Path<String>, params: Params) -> Result<HttpResponse, ApiError> {
    let shown: String = id.chars().take(100).collect();
    let Some(id) = id_of_digits(&id).filter(|_| [16, 32].contains(&id.len())) else {
        return Err(ApiError::bad_data(format!("`{shown}` is no trace: its id has 32 hexadecimal digits, or 16")));
    };
    let found = with_spans(&state, &params, move |spans, _| {
        let (spans, more) = spans.trace(id)?;
        Ok((!spans.is_empty()).then(|| Trace::of(id, &spans, more)))
    });
    match found.await? {
        Some(trace) => state.answers.success(&trace),
        None => Err(ApiError::not_found(format!("no span of trace {} is kept", hex(&id)))),
    }
}
