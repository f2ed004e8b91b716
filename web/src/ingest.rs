//! Samples from others: Prometheus remote write 1.0, and plain JSON.
//!
//! Answered when the samples are durable. What is wrong with a request is said with its place; what could be kept was
//! kept, and the answer says so. Under pressure: 503 with `Retry-After`, nothing kept.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::messages::{Append, AppendError, AppendResolved};
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL};
use taskpulse_engine::remote_write::{self, Report};
use taskpulse_engine::store::{Rejection, Resolved, Store, Stored};

use crate::body::{self, MAX_RAW_BYTES};
use crate::envelope::{ApiError, success};
use crate::params::parse_time;
use crate::server::AppState;

/// Room for a decompressed request that is kept for the next one.
const KEPT_BYTES: usize = 4 << 20;
/// How long a request waits for the store before it is told to come again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Problems that an answer names.
const MAX_NAMED: usize = 10;

/// `POST /api/v1/write`
pub(crate) async fn write(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let text = |name| req.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
    let (encoding, kind) = (text(header::CONTENT_ENCODING), text(header::CONTENT_TYPE));
    if !encoding.eq_ignore_ascii_case("snappy") {
        return Err(ApiError::unsupported(format!("Content-Encoding `{encoding}` is not understood; send snappy")));
    }
    if !kind.starts_with("application/x-protobuf") || kind.contains("write.v2") {
        return Err(ApiError::unsupported(format!(
            "Content-Type `{kind}` is not understood; send application/x-protobuf (remote write 1.0)"
        )));
    }
    let body = body::read(&req, payload).await?;
    let length = snap::raw::decompress_len(&body).map_err(|error| ApiError::bad_data(format!("snappy: {error}")))?;
    if length > MAX_RAW_BYTES {
        return Err(ApiError::too_large(format!("the request has {length} bytes when decompressed; at most {MAX_RAW_BYTES} are read")));
    }
    let Ok(_place) = state.ingest_places.try_acquire() else {
        return Err(ApiError::busy("too many requests wait for the store"));
    };
    let (resolved, report) = resolve(&body, length, &state.store)?;
    drop(body);
    let mut problems = report.refused;
    if report.histograms > 0 {
        problems.push(format!("{} native histograms: not kept by this version; send classic ones", report.histograms));
    }
    let lost = report.refused_samples;
    let rejected = resolved.rejected();
    if resolved.is_empty() {
        refuse(0, rejected, problems, lost)?;
        return Ok(HttpResponse::NoContent().finish());
    }
    let stored = kept(state.append_resolved.send(AppendResolved(resolved))).await?;
    refuse(stored.accepted, rejected, problems, lost)?;
    Ok(HttpResponse::NoContent().finish())
}

thread_local! {
    /// The last request's room: it is as good for the next.
    static RAW: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn resolve(body: &[u8], length: usize, store: &Store) -> Result<(Resolved, Report), ApiError> {
    RAW.with_borrow_mut(|raw| {
        if raw.len() < length {
            raw.resize(length, 0);
        }
        let done = snap::raw::Decoder::new().decompress(body, raw).map_err(|error| ApiError::bad_data(format!("snappy: {error}")))?;
        let mut intake = store.intake(now_ms());
        let report = remote_write::decode(&raw[..done], &mut intake).map_err(|error| ApiError::bad_data(error.to_string()));
        let resolved = report.map(|report| (intake.finish(), report));
        if raw.len() > KEPT_BYTES {
            *raw = Vec::new();
        }
        resolved
    })
}

/// Waits until a batch is durable.
pub(crate) async fn kept(
    sending: impl Future<Output = Result<Result<Arc<Stored>, AppendError>, actix::MailboxError>>,
) -> Result<Arc<Stored>, ApiError> {
    match actix_web::rt::time::timeout(PATIENCE, sending).await {
        Ok(Ok(Ok(stored))) => Ok(stored),
        Ok(Ok(Err(AppendError::Full(why)))) => Err(ApiError::no_room(why)),
        Ok(Ok(Err(AppendError::Failed(why)))) => Err(ApiError::busy(why)),
        Ok(Err(error)) => Err(ApiError::busy(format!("the store did not answer: {error}"))),
        Err(_) => Err(ApiError::busy(format!("the store did not answer within {} s", PATIENCE.as_secs()))),
    }
}

/// An error that names what was not kept, where there was any.
pub(crate) fn refuse(kept: usize, rejected: [u64; 4], mut problems: Vec<String>, lost: usize) -> Result<usize, ApiError> {
    for reason in Rejection::ALL {
        let count = rejected[reason as usize];
        if count > 0 {
            problems.push(format!("{count} samples: {}", reason.explain()));
        }
    }
    if problems.is_empty() {
        return Ok(kept);
    }
    let gone = lost as u64 + rejected.iter().sum::<u64>();
    Err(ApiError::bad_data(format!("{kept} samples were kept, {gone} were not: {}", problems.join("; "))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ingest {
    samples: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IngestSample {
    name: String,
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    time: Option<Value>,
    value: Value,
}

/// `POST /api/v1/ingest`
pub(crate) async fn ingest(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let right = r#"send {"samples":[{"name":"queue_depth","labels":{"queue":"mail"},"time":1764000000.5,"value":3}]}"#;
    let body = body::read_unpacked(&req, payload).await?;
    let request: Ingest = serde_json::from_slice(&body).map_err(|error| ApiError::bad_data(format!("not understood: {error}; {right}")))?;
    drop(body);
    let now = now_ms();
    let mut batch = Batch::default();
    let mut problems = Vec::new();
    let mut lost = 0;
    for (at, sample) in request.samples.into_iter().enumerate() {
        if let Err(why) = take(sample, now, &mut batch) {
            lost += 1;
            if problems.len() < MAX_NAMED {
                problems.push(format!("samples[{at}]: {why}"));
            }
        }
    }
    let (accepted, rejected) = if batch.is_empty() {
        (0, [0; 4])
    } else {
        let Ok(_place) = state.ingest_places.try_acquire() else {
            return Err(ApiError::busy("too many requests wait for the store"));
        };
        let stored = kept(state.append.send(Append(Arc::new(batch)))).await?;
        (stored.accepted, stored.rejected)
    };
    let kept = refuse(accepted, rejected, problems, lost)?;
    Ok(success(json!({"kept": kept})))
}

fn take(sample: Value, now: i64, batch: &mut Batch) -> Result<(), String> {
    let sample: IngestSample = serde_json::from_value(sample).map_err(|error| error.to_string())?;
    let time = match sample.time {
        None | Some(Value::Null) => now,
        Some(Value::String(text)) => parse_time("time", &text).map_err(|error| error.to_string())?,
        Some(other) => parse_time("time", &other.to_string()).map_err(|error| error.to_string())?,
    };
    let value = match &sample.value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse::<f64>().ok(),
        _ => None,
    };
    let value = value.ok_or_else(|| format!("`value`: {} is not a number; write 3, \"NaN\", \"+Inf\" or \"-Inf\"", sample.value))?;
    let others = sample.labels.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let labels = Labels::new(others.chain([(NAME_LABEL, sample.name.as_str())])).map_err(|error| error.to_string())?;
    batch.push(labels, time, value);
    Ok(())
}
