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
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::messages::{Append, AppendError, AppendResolved};
use taskpulse_actors::metadata::Metadata;
use taskpulse_engine::exposition::{self, Line};
use taskpulse_engine::model::{Batch, LabelError, Labels, NAME_LABEL};
use taskpulse_engine::remote_write::{self, MetricMetadata, Report};
use taskpulse_engine::store::{Rejection, ResolvedBatch, StoreReader};

use crate::body::{self, BodyLimits, MAX_RAW_BYTES};
use crate::envelope::{ApiError, success};
use crate::parameter;
use crate::params::parse_time;
use crate::route::{Body, Route, Shape};
use crate::server::AppState;
use crate::shapes;

/// Room for a decompressed request that is kept for the next one.
const KEPT_BYTES: usize = 4 << 20;
/// How long a request waits for the store before it is refused with `Retry-After`.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Problems that an answer names.
const MAX_NAMED: usize = 10;

pub(crate) fn routes() -> Vec<Route> {
    const WRITE_REQUEST: Body = Body {
        content: &[("application/x-protobuf", Shape::TEXT)],
        required: true,
        about: "A `prometheus.WriteRequest`, `Content-Encoding: snappy` (the block format)",
        limits: BodyLimits { unpacked: Some(MAX_RAW_BYTES), ..BodyLimits::SETTING },
    };
    const SAMPLES: Body = Body {
        content: &[("application/json", Shape::new(samples))],
        required: true,
        about: "Samples; `Content-Encoding` may be gzip or deflate",
        limits: BodyLimits::SETTING,
    };
    vec![
        Route::post("/api/v1/write", write)
            .about("Prometheus remote write 1.0")
            .body(WRITE_REQUEST)
            .answers_with(204, "All samples are durable", &[])
            .fails(&[415, 507]),
        Route::post("/api/v1/ingest", ingest).about("Samples as JSON").body(SAMPLES).answers(shapes::KEPT).fails(&[415, 507]),
    ]
}

/// The body of `/api/v1/ingest`.
fn samples() -> Value {
    let labels = json!({"type": "object", "propertyNames": {"minLength": 1}, "additionalProperties": {"type": "string"}});
    let value = json!({"anyOf": [{"type": "number"}, {"enum": ["NaN", "+Inf", "-Inf"]}]});
    let time = json!({"anyOf": [parameter::time(), {"type": "null"}]});
    let sample = json!({
        "type": "object",
        "properties": {"name": {"type": "string", "minLength": 1}, "labels": labels, "time": time, "value": value},
        "required": ["name", "value"],
        "additionalProperties": false,
    });
    let samples = json!({"type": "array", "items": sample});
    json!({"type": "object", "properties": {"samples": samples}, "required": ["samples"], "additionalProperties": false})
}

async fn write(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let text = |name| req.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("").trim();
    let (encoding, kind) = (text(header::CONTENT_ENCODING), text(header::CONTENT_TYPE));
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("snappy") {
        return Err(ApiError::unsupported(format!("Content-Encoding `{encoding}` is not understood; send snappy")));
    }
    if !is_remote_write(kind) {
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
    let mut metadata = Metadata::default();
    for MetricMetadata { name, kind, help, unit } in &report.metadata {
        metadata.note(&Line::Type(name.as_str().into(), kind));
        metadata.note(&Line::Help(name.as_str().into(), help.as_str().into()));
        metadata.note(&Line::Unit(name.as_str().into(), unit));
    }
    state.metadata.record(metadata);
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

/// Whether a body of this type may be a `WriteRequest` of version 1.0. No type is one too, as for Prometheus, and so are those that
/// HTTP clients set by themselves.
fn is_remote_write(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or("").to_ascii_lowercase();
    let known = matches!(
        kind.as_str(),
        "" | "application/x-protobuf" | "application/protobuf" | "application/octet-stream" | "application/x-www-form-urlencoded"
    );
    let message = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("proto").then(|| value.trim().trim_matches('"'))
    });
    known && message.is_none_or(|message| message == "prometheus.WriteRequest")
}

thread_local! {
    /// The last request's room: it is as good for the next.
    static RAW: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn resolve(body: &[u8], length: usize, store: &StoreReader) -> Result<(ResolvedBatch, Report), ApiError> {
    RAW.with_borrow_mut(|raw| {
        if raw.len() < length {
            raw.resize(length, 0);
        }
        let done = snap::raw::Decoder::new().decompress(body, raw).map_err(|error| ApiError::bad_data(format!("snappy: {error}")))?;
        let mut resolver = store.resolver(now_ms());
        let report = remote_write::decode(&raw[..done], &mut resolver).map_err(|error| ApiError::bad_data(error.to_string()));
        let resolved = report.map(|report| (resolver.finish(), report));
        if raw.len() > KEPT_BYTES {
            *raw = Vec::new();
        }
        resolved
    })
}

/// Waits until a batch is durable.
pub(crate) async fn kept<T>(sending: impl Future<Output = Result<Result<T, AppendError>, actix::MailboxError>>) -> Result<T, ApiError> {
    match actix_web::rt::time::timeout(PATIENCE, sending).await {
        Ok(Ok(Ok(stored))) => Ok(stored),
        Ok(Ok(Err(error))) if error.is_disk_full() => Err(ApiError::no_room(error.to_string())),
        Ok(Ok(Err(error))) => Err(ApiError::busy(error.to_string())),
        Ok(Err(error)) => Err(ApiError::busy(AppendError::from(error).to_string())),
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
struct Ingest<'a> {
    /// Read one by one: one that is wrong is named, the others are kept.
    #[serde(borrow)]
    samples: Vec<&'a RawValue>,
}

/// The labels of a JSON object, all of them: of two with one name, none takes the place of the other.
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// The same as labels, with a metric name where it is not among them.
    ///
    /// # Errors
    /// Which of them cannot be kept.
    pub(crate) fn labels(&self, name: Option<&str>) -> Result<Labels, LabelError> {
        Labels::new(self.0.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(name.map(|name| (NAME_LABEL, name))))
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IngestSample {
    name: String,
    #[serde(default = "no_labels")]
    labels: Pairs,
    #[serde(default)]
    time: Option<Value>,
    value: Value,
}

fn no_labels() -> Pairs {
    Pairs(Vec::new())
}

async fn ingest(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let right = r#"send {"samples":[{"name":"queue_depth","labels":{"queue":"mail"},"time":1764000000.5,"value":3}]}"#;
    let body = body::read_unpacked(&req, payload).await?;
    let request: Ingest<'_> = body::object(&body).map_err(|error| ApiError::bad_data(format!("not understood: {error}; {right}")))?;
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
    drop(body);
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

fn take(sample: &RawValue, now: i64, batch: &mut Batch) -> Result<(), String> {
    let sample: IngestSample = body::object(sample.get().as_bytes()).map_err(|error| error.to_string())?;
    let time = match sample.time {
        None | Some(Value::Null) => now,
        Some(Value::String(text)) => parse_time("time", &text).map_err(|error| error.to_string())?,
        Some(other) => parse_time("time", &other.to_string()).map_err(|error| error.to_string())?,
    };
    let value = match &sample.value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => exposition::parse_exact(text),
        _ => None,
    };
    let value = value.ok_or_else(|| format!("`value`: {} is not a number; write 3, \"NaN\", \"+Inf\" or \"-Inf\"", sample.value))?;
    let labels = sample.labels.labels(Some(&sample.name)).map_err(|error| error.to_string())?;
    batch.push(labels, time, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_remote_write_is_read_as_prometheus_does() {
        for (kind, right) in [
            ("application/x-protobuf", true),
            ("Application/X-Protobuf ; charset=utf-8", true),
            ("application/x-protobuf;proto=prometheus.WriteRequest", true),
            ("application/x-protobuf; proto=\"prometheus.WriteRequest\"", true),
            ("", true),
            ("application/octet-stream", true),
            ("application/x-www-form-urlencoded", true),
            ("application/x-protobuf;proto=io.prometheus.write.v2.Request", false),
            ("application/x-protobuf;proto=something", false),
            ("application/x-protobufs", false),
            ("application/json", false),
            ("text/plain", false),
        ] {
            assert_eq!(is_remote_write(kind), right, "{kind}");
        }
    }

    #[test]
    fn labels_of_a_json_sample_take_the_place_of_no_other() {
        let mut batch = Batch::default();
        let mut take = |text: &str| {
            let raw = RawValue::from_string(text.to_owned()).unwrap();
            take(&raw, 7, &mut batch)
        };
        for (text, part) in [
            (r#"{"name":"a","labels":{"x":"1","x":"2"},"value":1}"#, "`x` is given twice"),
            (r#"{"name":"a","labels":{"__name__":"b"},"value":1}"#, "`__name__` is given twice"),
            (r#"{"name":"a","name":"b","value":1}"#, "duplicate field"),
            (r#"{"name":"a","labels":{"x":1},"value":1}"#, "expected a string"),
            (r#"{"name":"a","value":"1e999"}"#, "is not a number"),
            (r#"{"name":"a","value":"-nan"}"#, "is not a number"),
            (r#"{"name":"a","value":"0x10"}"#, "is not a number"),
        ] {
            let why = take(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
        for value in ["1", "\"Infinity\"", "\"-inf\"", "\"NaN\"", "\"1e5\""] {
            take(&format!(r#"{{"name":"a","labels":{{"x":"","x":"2"}},"value":{value}}}"#)).unwrap();
        }
        assert!(batch.labels.iter().all(|labels| labels.to_string() == r#"a{x="2"}"#), "{:?}", batch.labels);
    }
}
