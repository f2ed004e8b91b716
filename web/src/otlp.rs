//! `POST /v1/metrics`: OpenTelemetry metrics over HTTP, protobuf or JSON, plain or compressed.
//!
//! Answers follow OTLP, in the encoding of the request: 200 once the samples are durable, with a partial success that counts and
//! names the data points that were not kept; a google.rpc.Status otherwise. An overloaded service answers 503 with `Retry-After` and keeps nothing.
//! Requests whose points depend on earlier ones of their sender (differences, exponential histograms) take turns: a running total
//! advances only after the previous increment is durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::{StatusCode, header};
use actix_web::rt::time::timeout;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::messages::AppendResolved;
use taskpulse_actors::metadata::Metadata;
use taskpulse_engine::agent;
use taskpulse_engine::exemplar::ExemplarBatch;
use taskpulse_engine::exposition::Line;
use taskpulse_engine::model::{Labels, Sample, TimestampMs, is_stale_marker};
use taskpulse_engine::otlp::{DecodeError, Encoding, Options, Row, SeriesHistory, Signal, Streams, Translation, translate};
use taskpulse_engine::privacy::filter_metrics;
use taskpulse_engine::store::{Rejection, ResolvedBatch, StoreReader};
use tokio::sync::Mutex;

use crate::body::{self, BodyLimits, MAX_RAW_BYTES};
use crate::envelope::ApiError;
use crate::ingest::{PATIENCE, kept};
use crate::route::{Body, Content, Route, Shape};
use crate::server::AppState;

/// The source's name in status.
pub const SOURCE: &str = "otlp";
/// How far before a stale marker the last value is searched.
const BEHIND_MS: i64 = 86_400_000;

pub(crate) const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const JSON: &str = "application/json";
/// What errors are.
pub(crate) const STATUS: &[Content] = &[(JSON, Shape::new(rpc_status)), (PROTOBUF, Shape::TEXT)];

pub(crate) fn routes() -> Vec<Route> {
    const REQUEST: Body = Body {
        content: &[(JSON, Shape::new(export_request)), (PROTOBUF, Shape::TEXT)],
        required: true,
        about: "An ExportMetricsServiceRequest; `Content-Encoding` may be gzip, deflate or zstd",
        limits: BodyLimits { unpacked: Some(MAX_RAW_BYTES), ..BodyLimits::SETTING },
    };
    const RESPONSE: &[Content] = &[(JSON, Shape::new(export_response)), (PROTOBUF, Shape::TEXT)];
    vec![
        Route::post("/v1/metrics", metrics)
            .about("OpenTelemetry metrics (OTLP/HTTP), protobuf or JSON")
            .body(REQUEST)
            .answers_with(200, "An ExportMetricsServiceResponse: the samples are durable, but for those that it counts", RESPONSE)
            .fails_with(&[415], STATUS),
    ]
}

fn export_request() -> Value {
    json!({"type": "object", "properties": {"resourceMetrics": {"type": ["array", "null"], "items": {"type": "object"}}}})
}

fn export_response() -> Value {
    let rejected = json!({"type": "string", "pattern": "^[0-9]+$"});
    let partial = json!({"type": "object", "properties": {"rejectedDataPoints": rejected, "errorMessage": {"type": "string"}}});
    json!({"type": "object", "properties": {"partialSuccess": partial}})
}

fn rpc_status() -> Value {
    json!({
        "type": "object",
        "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
        "required": ["code", "message"],
        "additionalProperties": false,
    })
}

/// State between requests.
pub struct Otlp {
    pub(crate) options: Options,
    streams: Arc<Mutex<Streams>>,
    /// Whether any sample was kept yet.
    seen: AtomicBool,
    /// Whether any log line was kept yet.
    pub(crate) logs_seen: AtomicBool,
    /// Whether any span was kept yet.
    pub(crate) traces_seen: AtomicBool,
}

impl Otlp {
    /// Without state.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            streams: Arc::default(),
            seen: AtomicBool::new(false),
            logs_seen: AtomicBool::new(false),
            traces_seen: AtomicBool::new(false),
        }
    }
}

/// The hint for status on how to send metrics.
#[must_use]
pub fn hint(address: &str) -> String {
    format!(
        "set OTEL_EXPORTER_OTLP_ENDPOINT={address} and OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf for a program with an OpenTelemetry SDK; \
         for Claude Code also CLAUDE_CODE_ENABLE_TELEMETRY=1 and OTEL_METRICS_EXPORTER=otlp"
    )
}

/// The store, for the conversion of data points.
struct Known<'a>(&'a StoreReader);

impl SeriesHistory for Known<'_> {
    fn newest(&self, labels: &Labels) -> Option<TimestampMs> {
        self.0.newest(self.0.series_id(labels)?)
    }

    fn latest(&self, labels: &Labels) -> Option<Sample> {
        let id = self.0.series_id(labels)?;
        let newest = self.0.newest(id)?;
        let read = || {
            let last = self.0.latest(id, newest, newest)?;
            match last.filter(|sample| !is_stale_marker(sample.v)) {
                Some(sample) => Ok(Some(sample)),
                None => Ok(self.0.samples(id, newest.saturating_sub(BEHIND_MS), newest)?.iter().rfind(|s| !is_stale_marker(s.v))),
            }
        };
        read().unwrap_or_else(|error: taskpulse_engine::store::StoreError| {
            log::warn!("otlp: the last value of {labels} cannot be read, its total begins again: {error}");
            None
        })
    }
}

/// The type of a body without its parameters.
pub(crate) fn content_type(req: &HttpRequest) -> String {
    let text = req.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    text.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// An error that names a type which is not read.
pub(crate) fn unknown_type(kind: &str) -> ApiError {
    let shown: String = kind.chars().take(100).collect();
    ApiError::unsupported(format!("Content-Type `{shown}` is not understood; send application/x-protobuf or application/json"))
}

/// The encoding of the answer, and that of the request.
pub(crate) fn encodings(req: &HttpRequest) -> (Encoding, Result<Encoding, ApiError>) {
    let kind = content_type(req);
    let known = match kind.as_str() {
        PROTOBUF | "application/protobuf" => Ok(Encoding::Protobuf),
        JSON => Ok(Encoding::Json),
        other => Err(unknown_type(other)),
    };
    (*known.as_ref().unwrap_or(&Encoding::Json), known)
}

async fn metrics(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> HttpResponse {
    let (encoding, known) = encodings(&req);
    let outcome = match known {
        Ok(encoding) => take(&req, payload, encoding, &state).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(partial) => answer(encoding, Signal::Metrics, partial.rejected, &partial.message()),
        Err(error) => {
            note_refusal(&error, &state, SOURCE, &state.otlp.seen, hint);
            error_answer(encoding, error)
        }
    }
}

/// An answer to a request of which something was kept, or nothing had to be.
pub(crate) fn answer(encoding: Encoding, signal: Signal, rejected: u64, message: &str) -> HttpResponse {
    HttpResponse::Ok().content_type(encoding.content_type()).body(encoding.answer(signal, rejected, message))
}

/// Status shows an error that is the sender's fault, and how to send where nothing was kept yet.
pub(crate) fn note_refusal(error: &ApiError, state: &AppState, source: &str, seen: &AtomicBool, hint: fn(&str) -> String) {
    if !error.status_code().is_client_error() {
        return;
    }
    let why = format!("the last request was refused: {error}");
    if seen.load(Ordering::Relaxed) {
        state.sources.partly(source, 0, 0, why);
    } else {
        let address = state.reporter.addresses.get().and_then(|all| all.first()).map_or("", String::as_str);
        state.sources.absent(source, why, hint(address));
    }
}

/// An error in the form of OTLP. Its clients drop what was answered with 507, and send again after a 503.
pub(crate) fn error_answer(encoding: Encoding, error: ApiError) -> HttpResponse {
    let error = error.or_unavailable();
    let status = error.status_code();
    // google.rpc.Code
    let code = match status {
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => 3,
        StatusCode::PAYLOAD_TOO_LARGE => 8,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        _ => 13,
    };
    error.response().content_type(encoding.content_type()).body(encoding.error(code, &error.to_string()))
}

/// The data points of a request that were not kept.
struct Partial {
    rejected: u64,
    reasons: Vec<String>,
}

impl Partial {
    fn message(&self) -> String {
        let reasons = self.reasons.join("; ");
        if self.rejected == 0 { reasons } else { format!("{} data points were not kept: {reasons}", self.rejected) }
    }
}

async fn take(req: &HttpRequest, payload: web::Payload, encoding: Encoding, state: &AppState) -> Result<Partial, ApiError> {
    let body = body::read_unpacked(req, payload).await?;
    let Ok(_place) = state.ingest_places.try_acquire() else {
        return Err(ApiError::busy("too many requests wait for the store"));
    };
    let mut request = encoding.decode(&body).map_err(|error| match error {
        DecodeError::Malformed(_) => ApiError::bad_data(error.to_string()),
        DecodeError::TooManyParts => ApiError::too_large(error.to_string()),
    })?;
    drop(body);
    // What is refused below may be sent again: sessions count it once.
    kept(async { Ok(state.agents.keep(agent::points(&request)).await) }).await?;
    filter_metrics(&mut request, &state.kept);
    let mut turn = timeout(PATIENCE, Arc::clone(&state.otlp.streams).lock_owned())
        .await
        .map_err(|_| ApiError::busy(format!("the store did not answer others within {} s", PATIENCE.as_secs())))?;
    let mut translated = translate(&request, &state.otlp.options, &turn, &Known(&state.store));
    drop(request);
    let changes = std::mem::take(&mut translated.changes);
    let exemplars = std::mem::take(&mut translated.exemplars);
    let (resolved, not_in) = resolve(&translated.rows, exemplars, &state.store);
    let (samples, rejected) = (resolved.len(), resolved.rejected());
    if !resolved.is_empty() && changes.is_empty() {
        // Nothing depends on it: other requests need not wait for its flush.
        drop(turn);
        kept(state.append_resolved.send(AppendResolved(resolved))).await?;
    } else if !resolved.is_empty() {
        // A task of its own: even if the client hangs up or gets a 503, the turn ends only with the store's answer.
        let (mailbox, refused) = (state.append_resolved.clone(), not_in.clone());
        let append = actix_web::rt::spawn(async move {
            let outcome = mailbox.send(AppendResolved(resolved)).await;
            match &outcome {
                Ok(Ok(_)) => turn.commit(changes, |row| refused.binary_search(&row).is_ok(), now_ms()),
                _ => turn.forget(&changes),
            }
            outcome
        });
        kept(async { append.await.unwrap_or(Err(actix::MailboxError::Closed)) }).await?;
    }
    Ok(report(translated, samples, rejected, &not_in, state))
}

/// Resolves the series of the rows. Returns the rows that may not be kept, in order.
fn resolve(rows: &[Row], exemplars: ExemplarBatch<Labels>, store: &StoreReader) -> (ResolvedBatch, Vec<usize>) {
    let mut resolver = store.resolver(now_ms());
    let (mut taken, mut not_in) = (Vec::with_capacity(rows.len()), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        resolver.series(&row.labels);
        if resolver.push(row.t, row.v) { taken.push(at) } else { not_in.push(at) }
    }
    resolver.add_exemplars(exemplars);
    let resolved = resolver.finish();
    not_in.extend(resolved.refused().iter().filter_map(|at| taken.get(*at)));
    not_in.sort_unstable();
    (resolved, not_in)
}

/// Updates status and metadata. Returns the partial success of the answer.
fn report(translated: Translation, samples: usize, rejected: [u64; 4], not_in: &[usize], state: &AppState) -> Partial {
    let mut points: Vec<usize> = not_in.iter().filter_map(|at| translated.rows[*at].point).collect();
    points.sort_unstable();
    points.dedup();
    let mut reasons = translated.reasons;
    let more = translated.refused.saturating_sub(reasons.len() as u64);
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    if !points.is_empty() {
        let why = Rejection::ALL.iter().filter(|r| rejected[**r as usize] > 0).map(|r| r.explain());
        reasons.push(format!("{} data points with samples {}", points.len(), why.collect::<Vec<_>>().join(", or ")));
    }
    reasons.extend(translated.warnings.into_iter().take(5));
    let partial = Partial { rejected: translated.refused + points.len() as u64, reasons };
    let newest = translated.rows.iter().filter(|row| row.point.is_some()).map(|row| row.t).max().unwrap_or_default();
    if samples > 0 {
        state.otlp.seen.store(true, Ordering::Relaxed);
    }
    if partial.rejected > 0 {
        state.sources.partly(SOURCE, samples, newest, format!("of the last request, {}", partial.message()));
    } else if samples > 0 {
        state.sources.up(SOURCE, samples, newest);
    }
    let mut metadata = Metadata::default();
    for metric in &translated.metrics {
        metadata.note(&Line::Type(metric.name.as_str().into(), metric.kind));
        metadata.note(&Line::Help(metric.name.as_str().into(), metric.help.as_str().into()));
        metadata.note(&Line::Unit(metric.name.as_str().into(), &metric.unit));
    }
    state.metadata.record(metadata);
    partial
}
