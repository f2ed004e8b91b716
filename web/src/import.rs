//! History brought in: CSV and JSON lines as the export writes them, and Prometheus text or OpenMetrics with times.
//!
//! Answered when the samples are durable. Samples may be as old as the retention, in any order. A line that is wrong is
//! named by its number and left out, the others are kept.

use std::collections::hash_map::Entry;

use actix_web::{HttpRequest, HttpResponse, web};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::json;
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::messages::AppendResolved;
use taskpulse_actors::metadata::Metadata;
use taskpulse_engine::exposition::{self, Line as TextLine};
use taskpulse_engine::model::{Labels, STALE_NAN_BITS, TimestampMs};
use taskpulse_engine::store::{ResolvedBatch, SeriesResolver, StoreReader};

use crate::body::{self, BodyLimits};
use crate::csv::{self, Record};
use crate::envelope::{ApiError, success};
use crate::ingest::{Pairs, kept, refuse};
use crate::parameter::Parameter;
use crate::params::{Params, parse_time};
use crate::route::{Body, Route, Shape};
use crate::server::AppState;
use crate::shapes;

/// Lines that an answer names.
const MAX_NAMED: usize = 10;
/// Lines that may have come before those of a request.
const MAX_LINES_BEFORE: usize = 1_000_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Format {
    JsonLines,
    Csv,
    Text(exposition::Format),
}

pub(crate) fn routes() -> Vec<Route> {
    const FORMAT: Parameter =
        Parameter::query("format", "what the lines are", || json!({"enum": ["jsonl", "csv", "openmetrics", "prometheus"]})).required();
    const LINES_BEFORE: Parameter = Parameter::query(
        "lines_before",
        "added to the numbers of lines in errors",
        || json!({"type": "integer", "minimum": 0, "maximum": MAX_LINES_BEFORE}),
    );
    const LINES: Body = Body {
        content: &[("text/plain", Shape::TEXT)],
        required: false,
        about: "Lines of the format, of any `Content-Type`; `Content-Encoding` may be gzip or deflate",
        limits: BodyLimits::SETTING,
    };
    vec![
        Route::post("/api/v1/import", import)
            .about("Brings in history: samples of any age within the retention, in any order")
            .parameters(&[FORMAT, LINES_BEFORE])
            .body(LINES)
            .answers(shapes::KEPT)
            .fails(&[415, 507]),
    ]
}

async fn import(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let params = Params::of_address(&req);
    let format = match params.required("format")? {
        "jsonl" => Format::JsonLines,
        "csv" => Format::Csv,
        "openmetrics" => Format::Text(exposition::Format::OpenMetrics),
        "prometheus" => Format::Text(exposition::Format::Prometheus),
        other => {
            return Err(ApiError::bad_data(format!(
                "parameter `format`: `{other}` is not known; take jsonl, csv, openmetrics or prometheus"
            )));
        }
    };
    let before = params.get("lines_before").map_or(Some(0), |count| count.parse::<usize>().ok().filter(|count| *count <= MAX_LINES_BEFORE));
    let before = before.ok_or_else(|| ApiError::bad_data(format!("parameter `lines_before` is no count up to {MAX_LINES_BEFORE}")))?;
    let body = body::read_unpacked(&req, payload).await?;
    let text = std::str::from_utf8(&body)
        .map_err(|error| ApiError::bad_data(format!("the body is not UTF-8 after byte {}", error.valid_up_to())))?;
    let Ok(_place) = state.ingest_places.try_acquire() else {
        return Err(ApiError::busy("too many requests wait for the store"));
    };
    let mut metadata = Metadata::default();
    let (resolved, problems, lost) = resolve(&state.store, format, text, before, &mut metadata);
    drop(body);
    state.metadata.record(metadata);
    let rejected = resolved.rejected();
    let accepted = if resolved.is_empty() { 0 } else { kept(state.append_resolved.send(AppendResolved(resolved))).await?.accepted };
    Ok(success(json!({"kept": refuse(accepted, rejected, problems, lost)?})))
}

fn resolve(store: &StoreReader, format: Format, text: &str, before: usize, metadata: &mut Metadata) -> (ResolvedBatch, Vec<String>, usize) {
    let mut resolver = store.resolver(now_ms());
    resolver.accept_any_order();
    let mut names = Names::default();
    let (mut problems, mut lost) = (Vec::new(), 0);
    let mut note = |line: usize, taken: Result<(), String>| {
        if let Err(why) = taken {
            lost += 1;
            if problems.len() < MAX_NAMED {
                problems.push(format!("line {}: {why}", before + line));
            }
        }
    };
    // Some editors and spreadsheets begin a text with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Csv => csv::records(text).for_each(|(line, record)| {
            note(line, record.map_err(|error| error.to_string()).and_then(|record| csv_record(record, &mut names, &mut resolver)))
        }),
        Format::JsonLines => text.lines().enumerate().for_each(|(at, line)| note(at + 1, json_line(line, &mut resolver))),
        Format::Text(format) => {
            text.lines().enumerate().for_each(|(at, line)| note(at + 1, text_line(line, format, &mut names, &mut resolver, metadata)));
        }
    }
    (resolver.finish(), problems, lost)
}

/// A value as JSON lines have it: a number, or a text where JSON has no number for it. `null` is the stale marker, as
/// VictoriaMetrics writes it.
struct JsonValue(f64);

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = f64;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, \"NaN\", \"+Inf\", \"-Inf\" or null for a stale marker")
            }

            fn visit_f64<E>(self, v: f64) -> Result<f64, E> {
                Ok(v)
            }

            fn visit_u64<E>(self, v: u64) -> Result<f64, E> {
                Ok(v as f64)
            }

            fn visit_i64<E>(self, v: i64) -> Result<f64, E> {
                Ok(v as f64)
            }

            fn visit_unit<E>(self) -> Result<f64, E> {
                Ok(f64::from_bits(STALE_NAN_BITS))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<f64, E> {
                exposition::parse_exact(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Number).map(Self)
    }
}

#[derive(Deserialize)]
struct Line {
    metric: Pairs,
    values: Vec<JsonValue>,
    timestamps: Vec<TimestampMs>,
}

fn json_line(line: &str, resolver: &mut SeriesResolver<'_>) -> Result<(), String> {
    if line.trim().is_empty() {
        return Ok(());
    }
    let right = r#"write {"metric":{"__name__":"up"},"values":[1],"timestamps":[1764000000000]}"#;
    let line: Line = serde_json::from_str(line).map_err(|error| format!("{error}; {right}"))?;
    if line.values.len() != line.timestamps.len() {
        return Err(format!("{} values and {} timestamps; there is one for each", line.values.len(), line.timestamps.len()));
    }
    resolver.series(&line.metric.labels(None).map_err(|error| error.to_string())?);
    line.timestamps.into_iter().zip(line.values).for_each(|(t, v)| {
        resolver.push(t, v.0);
    });
    Ok(())
}

/// A series by itself, with a metric name.
fn series(text: &str) -> Result<Labels, String> {
    let labels = exposition::parse_labels(text).map_err(|error| error.to_string())?;
    Labels::new(labels.iter().map(|(n, v)| (n.as_ref(), v.as_ref()))).map_err(|error| error.to_string())
}

/// The series that were met, by their text. A text has few of them and many samples.
#[derive(Default)]
struct Names<'a> {
    known: FxHashMap<&'a str, Labels>,
    /// The text of the series that samples go to now.
    current: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// What follows is of the series that is written as `text`; `parse` reads one that was not met before.
    fn begin(
        &mut self,
        text: &'a str,
        resolver: &mut SeriesResolver<'_>,
        parse: impl FnOnce(&str) -> Result<Labels, String>,
    ) -> Result<(), String> {
        if self.current == Some(text) {
            return Ok(());
        }
        let labels = match self.known.entry(text) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(new) => new.insert(parse(text)?),
        };
        resolver.series(labels);
        self.current = Some(text);
        Ok(())
    }
}

/// `"up{job=""a""}",1764000000,1`; the first line names the columns.
fn csv_record<'a>(record: Record<'a>, names: &mut Names<'a>, resolver: &mut SeriesResolver<'_>) -> Result<(), String> {
    if record.is_header() {
        return Ok(());
    }
    let (time, value) = (record.time(), record.value());
    let time = parse_time("time", time.trim()).map_err(|error| error.to_string())?;
    let value = value.trim();
    let value = exposition::parse_exact(value).ok_or_else(|| format!("`{value}` is not a number; write 3, NaN, +Inf, -Inf or StaleNaN"))?;
    names.begin(record.raw_series(), resolver, |raw| {
        let text = csv::unquoted(raw);
        match exposition::unknown_escape(&text) {
            // Other tools mean other things by it, so it may be another series than the one that is meant.
            Some(escape) => {
                Err(format!(r"`{escape}` is no escape here; write \\ for a backslash, \n for a new line, and any other character as it is"))
            }
            None => series(&text),
        }
    })?;
    resolver.push(time, value);
    Ok(())
}

/// `up{job="a"} 1 1764000000.5 # {trace_id="…"} 1`; times are in seconds in OpenMetrics, in milliseconds in Prometheus' format.
fn text_line<'a>(
    line: &'a str,
    format: exposition::Format,
    names: &mut Names<'a>,
    resolver: &mut SeriesResolver<'_>,
    metadata: &mut Metadata,
) -> Result<(), String> {
    match exposition::parse_line(line, format).map_err(|error| error.to_string())? {
        Some(TextLine::Sample { series: name, value, time, exemplar }) => {
            let time = time.ok_or("the time is missing; only samples with a time can be brought in")?;
            names.begin(name, resolver, series)?;
            resolver.push(time, value);
            if let Some(exemplar) = exemplar {
                resolver.exemplar(exposition::parse_exemplar(exemplar, time));
            }
        }
        Some(other) => metadata.note(&other),
        None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
