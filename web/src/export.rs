//! History as it is kept, streamed: CSV and JSON lines of any length in constant memory.
//!
//! A thread that may wait reads a day of a series at a time and waits for the client; when the client goes, it ends. An error on
//! the way cuts the connection, so that half an answer is not taken for a whole one.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde_json::Value;
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::model::{Labels, TimestampMs, format_value, push_seconds, push_value};
use taskpulse_engine::promql::{Budget, Comparison, Condition, Matcher, QueryError, Selector, Source};
use taskpulse_engine::store::{Limits, SeriesColumns, Store};
use tokio::sync::mpsc::{Sender, channel};

use crate::envelope::ApiError;
use crate::params::Params;
use crate::query::{GoesOn, of_match, with_texts};
use crate::server::AppState;

/// Text that is sent at once.
const PART_BYTES: usize = 64 << 10;
/// Parts that may wait for the client.
const PARTS: usize = 4;
/// An export is no query: it may take as long as its client does.
const PATIENCE: Duration = Duration::from_secs(7 * 86_400);

#[derive(Clone, Copy)]
enum Format {
    Csv,
    JsonLines,
}

/// What is exported: the matchers of a selector, and which values.
type Wish = (Vec<Matcher>, Option<(Comparison, f64)>);

fn wish(text: &str, budget: &mut Budget) -> Result<Wish, ApiError> {
    let (selector, wanted) = match Selector::parse_pattern_within(text, budget) {
        Err(QueryError::Unsupported(_)) => {
            let condition = Condition::parse_within(text, budget).map_err(of_match)?;
            (condition.selector, Some((condition.op, condition.threshold)))
        }
        other => (other.map_err(of_match)?, None),
    };
    if selector.range.is_some() {
        return Err(ApiError::bad_data("match[]: leave out the range; `start` and `end` say from when to when"));
    }
    Ok((selector.matchers, wanted))
}

/// The wishes of a request, their patterns replaced by what they match, so that nothing is left to do but to read.
fn wishes(store: &Store, texts: &[String], goes_on: &GoesOn) -> Result<Vec<Wish>, ApiError> {
    let mut budget = Budget::default();
    let parse = |text: &String| {
        goes_on.check()?;
        wish(text, &mut budget)
    };
    let (mut lists, wanted): (Vec<_>, Vec<_>) = texts.iter().map(parse).collect::<Result<Vec<_>, ApiError>>()?.into_iter().unzip();
    store.resolve(&mut lists, &|| goes_on.check())?;
    Ok(lists.into_iter().zip(wanted).collect())
}

/// `GET /api/v1/export`
pub(crate) async fn export(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    if params.all("match[]").is_empty() {
        return Err(ApiError::bad_data(
            "parameter `match[]` is missing; give at least one selector, such as system_cpu_utilization_ratio > 0.9",
        ));
    }
    let format = match params.get("format").unwrap_or("jsonl") {
        "csv" => Format::Csv,
        "jsonl" => Format::JsonLines,
        other => return Err(ApiError::bad_data(format!("parameter `format`: `{other}` is not known; take csv or jsonl"))),
    };
    let (start, end) = params.range(0, now_ms())?;
    let wishes = with_texts(&state, &params, wishes).await?;
    let store = Arc::clone(&state.store);
    let (sender, receiver) = channel(PARTS);
    actix_web::rt::task::spawn_blocking(move || {
        if let Err(error) = write(&store, &wishes, start, end, format, &sender) {
            log::warn!("export: {error}");
            // The client sees a connection that was cut.
            let _ = sender.blocking_send(Err(std::io::Error::other(error)));
        }
    });
    let parts = futures_util::stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|part| (part, receiver)) });
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "taskpulse.csv"),
        Format::JsonLines => ("application/x-ndjson", "taskpulse.jsonl"),
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(HttpResponse::Ok().content_type(kind).insert_header(("content-disposition", disposition)).streaming(parts))
}

type Part = Result<Bytes, std::io::Error>;

fn write(store: &Store, wishes: &[Wish], start: TimestampMs, end: TimestampMs, format: Format, to: &Sender<Part>) -> Result<(), String> {
    let mut out = String::with_capacity(PART_BYTES * 2);
    if matches!(format, Format::Csv) {
        out.push_str("series,time,value\n");
    }
    let limits = Limits { max_samples: usize::MAX, deadline: Instant::now() + PATIENCE };
    for (matchers, wanted) in wishes {
        let ids = store.select(matchers);
        for piece in store.scan_where(&ids, start, end, *wanted, limits) {
            let piece = piece.map_err(|error| error.to_string())?;
            match format {
                Format::Csv => csv(&mut out, &piece),
                Format::JsonLines => json_line(&mut out, &piece),
            }
            if out.len() >= PART_BYTES && to.blocking_send(Ok(Bytes::from(std::mem::take(&mut out)))).is_err() {
                return Ok(());
            }
        }
    }
    // Nobody there any more: nothing to tell.
    let _ = to.blocking_send(Ok(Bytes::from(out)));
    Ok(())
}

fn quoted(labels: &Labels) -> String {
    format!("\"{}\"", labels.to_string().replace('"', "\"\""))
}

fn csv(out: &mut String, piece: &SeriesColumns) {
    let series = quoted(&piece.labels);
    for sample in piece.columns.iter() {
        let _ = write!(out, "{series},");
        push_seconds(out, sample.t);
        out.push(',');
        push_value(out, sample.v);
        out.push('\n');
    }
}

/// `{"metric":{…},"values":[1,"NaN"],"timestamps":[ms,ms]}`
fn json_line(out: &mut String, piece: &SeriesColumns) {
    let metric = serde_json::to_string(&piece.labels).unwrap_or_else(|_| "{}".to_owned());
    let _ = write!(out, "{{\"metric\":{metric},\"values\":[");
    for (at, v) in piece.columns.values.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = match serde_json::Number::from_f64(*v) {
            Some(number) => write!(out, "{comma}{number}"),
            None => write!(out, "{comma}{}", Value::from(format_value(*v))),
        };
    }
    out.push_str("],\"timestamps\":[");
    for (at, t) in piece.columns.times.iter().enumerate() {
        let _ = write!(out, "{}{t}", if at == 0 { "" } else { "," });
    }
    out.push_str("]}\n");
}
