//! Samples from others: Prometheus remote write 1.0, and plain JSON.
//!
//! Answered when the samples are durable. What is wrong with a request is said with its place; what could be kept was
//! kept, and the answer says so. Under pressure: 503 with `Retry-After`, nothing kept.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::messages::{Append, AppendError};
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL};
use taskpulse_engine::remote_write;
use taskpulse_engine::store::{Rejection, Stored};

use crate::envelope::{ApiError, success};
use crate::params::parse_time;
use crate::server::AppState;

/// Largest request after decompression, bytes.
const MAX_RAW_BYTES: usize = 64 << 20;
/// How long a request waits for the store before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Problems that an answer names.
const MAX_NAMED: usize = 10;

/// `POST /api/v1/write`
pub(crate) async fn write(req: HttpRequest, body: web::Bytes, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
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
    let length = snap::raw::decompress_len(&body).map_err(|error| ApiError::bad_data(format!("snappy: {error}")))?;
    if length > MAX_RAW_BYTES {
        return Err(ApiError::too_large(format!("the request has {length} bytes when decompressed; at most {MAX_RAW_BYTES} are read")));
    }
    let raw = snap::raw::Decoder::new().decompress_vec(&body).map_err(|error| ApiError::bad_data(format!("snappy: {error}")))?;
    let decoded = remote_write::decode(&raw).map_err(|error| ApiError::bad_data(error.to_string()))?;
    let mut problems = decoded.refused;
    if decoded.histograms > 0 {
        problems.push(format!("{} native histograms: not kept by this version; send classic ones", decoded.histograms));
    }
    let lost = decoded.refused_samples;
    let stored = keep(&state, decoded.batch).await?;
    refuse(&stored, problems, lost)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Has a batch kept; gives nothing where it was empty.
async fn keep(state: &AppState, batch: Batch) -> Result<Option<Arc<Stored>>, ApiError> {
    if batch.is_empty() {
        return Ok(None);
    }
    let Ok(_place) = state.ingest_places.try_acquire() else {
        return Err(ApiError::busy("too many requests wait for the store"));
    };
    let sent = actix_web::rt::time::timeout(PATIENCE, state.append.send(Append(Arc::new(batch)))).await;
    match sent {
        Ok(Ok(Ok(stored))) => Ok(Some(stored)),
        Ok(Ok(Err(AppendError::Full(why)))) => Err(ApiError::no_room(why)),
        Ok(Ok(Err(AppendError::Failed(why)))) => Err(ApiError::busy(why)),
        Ok(Err(error)) => Err(ApiError::busy(format!("the store did not answer: {error}"))),
        Err(_) => Err(ApiError::busy(format!("the store did not answer within {} s", PATIENCE.as_secs()))),
    }
}

/// An error that names what was not kept, where there was any.
fn refuse(stored: &Option<Arc<Stored>>, mut problems: Vec<String>, lost: usize) -> Result<usize, ApiError> {
    let rejected = stored.as_ref().map(|s| s.rejected).unwrap_or_default();
    let kept = stored.as_ref().map_or(0, |s| s.accepted);
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
pub(crate) async fn ingest(body: web::Bytes, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let right = r#"send {"samples":[{"name":"queue_depth","labels":{"queue":"mail"},"time":1764000000.5,"value":3}]}"#;
    let request: Ingest = serde_json::from_slice(&body).map_err(|error| ApiError::bad_data(format!("not understood: {error}; {right}")))?;
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
    let stored = keep(&state, batch).await?;
    let kept = refuse(&stored, problems, lost)?;
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
