//! History as it is kept, streamed: CSV and JSON lines of any length in constant memory.
//!
//! Text is made piece by piece as the client takes it, a day of a series at the most; between two pieces only a cursor is kept, and
//! no thread. An error on the way cuts the connection, so that half an answer is not taken for a whole one.

use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use rustc_hash::FxHashSet;
use serde_json::json;
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::exposition;
use taskpulse_engine::model::{Budget, Comparison, Matcher, Selector, SeriesId, TimestampMs, is_stale_marker, push_seconds};
use taskpulse_engine::promql::{Condition, QueryError, Source};
use taskpulse_engine::store::{Limits, SeriesColumns, StoreError, StoreReader};
use tokio::sync::OwnedSemaphorePermit;

use crate::answers::PIECE_BYTES;
use crate::csv;
use crate::envelope::ApiError;
use crate::parameter::{END, MATCH, Parameter, START, TIMEOUT};
use crate::params::Params;
use crate::query::{QueryGuard, of_match, with_texts};
use crate::route::{Content, Route, Shape};
use crate::server::{AppState, Resources};

/// Exports at the same time.
pub(crate) const MAX_EXPORTS: usize = 16;
/// How many of them may read at the same time; the others wait for their turn.
pub(crate) const EXPORT_TURNS: usize = 2;
/// A turn ends after so long, even where nothing was found.
const PIECE_TIME: Duration = Duration::from_millis(50);
/// Longest time to read one series.
const SERIES_TIME: Duration = Duration::from_secs(600);

pub(crate) fn routes() -> Vec<Route> {
    const FORMAT: Parameter =
        Parameter::query("format", "how samples are written", || json!({"enum": ["jsonl", "csv"], "default": "jsonl"}));
    const SAMPLES: &[Content] = &[("application/x-ndjson", Shape::TEXT), ("text/csv", Shape::TEXT)];
    vec![
        Route::get("/api/v1/export", export)
            .about("History as it is kept, streamed; a selector may have a comparison: `up == 0`")
            .parameters(&[MATCH.required(), START, END, FORMAT, TIMEOUT])
            .answers_with(200, "Samples, oldest first, series by series", SAMPLES)
            .fails(&[422]),
    ]
}

#[derive(Clone, Copy)]
enum Format {
    Csv,
    JsonLines,
}

/// What is exported: the matchers of a selector, and which values.
type Selection = (Vec<Matcher>, Option<(Comparison, f64)>);

fn selection(text: &str, budget: &mut Budget) -> Result<Selection, ApiError> {
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

/// The selections of a request, their patterns replaced by what they match, so that nothing is left to do but to read.
fn selections(store: &StoreReader, texts: &[String], query_guard: &QueryGuard) -> Result<Vec<Selection>, ApiError> {
    let mut budget = Budget::default();
    let parse = |text: &String| {
        query_guard.check()?;
        selection(text, &mut budget)
    };
    let (mut lists, wanted): (Vec<_>, Vec<_>) = texts.iter().map(parse).collect::<Result<Vec<_>, ApiError>>()?.into_iter().unzip();
    store.resolve(&mut lists, &|| query_guard.check())?;
    Ok(lists.into_iter().zip(wanted).collect())
}

async fn export(state: web::Data<AppState>, resources: web::Data<Resources>, params: Params) -> Result<HttpResponse, ApiError> {
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
    let selections = with_texts(&state, &params, selections).await?;
    let place = place(&resources)?;
    let cursor = Cursor::new(&state.store, selections, start, end, format);
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "taskpulse.csv"),
        Format::JsonLines => ("application/x-ndjson", "taskpulse.jsonl"),
    };
    Ok(streamed(resources, place, cursor, kind, name))
}

/// A place among the exports that may run.
pub(crate) fn place(resources: &Resources) -> Result<OwnedSemaphorePermit, ApiError> {
    let place = Arc::clone(&resources.exports).try_acquire_owned();
    place.map_err(|_| ApiError::busy(format!("{MAX_EXPORTS} exports run already, as many as may")))
}

/// What is exported, piece by piece.
pub(crate) trait Pieces: Send + 'static {
    /// The next piece of text, which may be empty; none once all is out.
    fn next(&mut self) -> Result<Option<String>, String>;
}

/// An answer that is made while the client takes it, as a file of this name.
pub(crate) fn streamed(
    resources: web::Data<Resources>,
    place: OwnedSemaphorePermit,
    pieces: impl Pieces,
    kind: &str,
    name: &str,
) -> HttpResponse {
    let parts = futures_util::stream::try_unfold((pieces, Bytes::new(), place), move |(mut pieces, mut rest, place)| {
        let resources = resources.clone();
        async move {
            while rest.is_empty() {
                let turn = resources.export_turns.acquire().await.map_err(io::Error::other)?;
                let (back, piece) = web::block(move || {
                    let piece = pieces.next();
                    (pieces, piece)
                })
                .await
                .map_err(io::Error::other)?;
                drop(turn);
                pieces = back;
                // An error on the way: the client sees a connection that was cut.
                let piece = piece.map_err(|error| {
                    log::warn!("export: {error}");
                    io::Error::other(error)
                })?;
                let Some(piece) = piece else { return Ok(None) };
                rest = Bytes::from(piece);
            }
            let part = rest.split_to(rest.len().min(PIECE_BYTES));
            Ok::<_, io::Error>(Some((part, (pieces, rest, place))))
        }
    });
    let disposition = format!("attachment; filename=\"{name}\"");
    HttpResponse::Ok().content_type(kind).insert_header(("content-disposition", disposition)).streaming(parts)
}

impl Pieces for Cursor {
    fn next(&mut self) -> Result<Option<String>, String> {
        if self.done {
            return Ok(None);
        }
        self.advance().map(Some).map_err(|error| error.to_string())
    }
}

/// Samples of a line of JSON: two megabytes at the most, which every import takes.
const LINE_SAMPLES: usize = 50_000;

/// How far an export has come.
struct Cursor {
    store: StoreReader,
    selections: std::vec::IntoIter<Selection>,
    wanted: Option<(Comparison, f64)>,
    /// The series of the current selector that are left, the next one last.
    ids: Vec<SeriesId>,
    /// Series that an earlier selector gave whole: each goes out once.
    whole: FxHashSet<SeriesId>,
    /// From when on the next series is read.
    from: TimestampMs,
    start: TimestampMs,
    end: TimestampMs,
    format: Format,
    /// Text that comes before all others.
    head: String,
    done: bool,
}

impl Cursor {
    fn new(store: &StoreReader, selections: Vec<Selection>, start: TimestampMs, end: TimestampMs, format: Format) -> Self {
        let head = if matches!(format, Format::Csv) { "series,time,value\n".to_owned() } else { String::new() };
        // Those without a condition first: what they give needs no other.
        let mut selections = selections;
        selections.sort_by_key(|(_, condition)| condition.is_some());
        let (store, selections) = (store.clone(), selections.into_iter());
        Self {
            store,
            selections,
            wanted: None,
            ids: Vec::new(),
            whole: FxHashSet::default(),
            from: start,
            start,
            end,
            format,
            head,
            done: false,
        }
    }

    /// The next piece of text, empty where nothing was found within the time for one.
    fn advance(&mut self) -> Result<String, StoreError> {
        let mut out = std::mem::take(&mut self.head);
        let began = Instant::now();
        let limits = Limits { max_samples: usize::MAX, deadline: began + SERIES_TIME };
        while out.len() < PIECE_BYTES && began.elapsed() < PIECE_TIME {
            let Some(id) = self.ids.last().copied() else {
                let Some((matchers, wanted)) = self.selections.next() else {
                    self.done = true;
                    break;
                };
                self.wanted = wanted;
                self.ids = self.store.select(&matchers);
                self.ids.retain(|id| !self.whole.contains(id));
                if wanted.is_none() {
                    self.whole.extend(&self.ids);
                }
                self.ids.reverse();
                self.from = self.start;
                continue;
            };
            let series = [id];
            let mut days = self.store.scan_where(&series, self.from, self.end, self.wanted, limits);
            let day = days.next().transpose()?;
            drop(days);
            match day.as_ref().and_then(|day| Some((day, *day.columns.times.last()?))) {
                Some((day, last)) if last < self.end => {
                    self.write(day, &mut out);
                    self.from = last + 1;
                }
                rest => {
                    if let Some((day, _)) = rest {
                        self.write(day, &mut out);
                    }
                    self.ids.pop();
                    self.from = self.start;
                }
            }
        }
        Ok(out)
    }

    fn write(&self, day: &SeriesColumns, out: &mut String) {
        match self.format {
            Format::Csv => csv_lines(out, day),
            Format::JsonLines => json_lines(out, day),
        }
    }
}

pub(crate) fn csv_lines(out: &mut String, piece: &SeriesColumns) {
    let mut series = String::new();
    exposition::push_series(&mut series, &piece.labels);
    let series = csv::quoted(&series);
    for sample in piece.columns.iter() {
        let _ = write!(out, "{series},");
        push_seconds(out, sample.t);
        out.push(',');
        exposition::push_exact(out, sample.v);
        out.push('\n');
    }
}

/// `{"metric":{…},"values":[1,"NaN",null],"timestamps":[ms,ms,ms]}`; a stale marker is `null`, as in VictoriaMetrics.
pub(crate) fn json_lines(out: &mut String, piece: &SeriesColumns) {
    let metric = serde_json::to_string(&piece.labels).unwrap_or_else(|_| "{}".to_owned());
    let (times, values) = (piece.columns.times.chunks(LINE_SAMPLES), piece.columns.values.chunks(LINE_SAMPLES));
    times.zip(values).for_each(|(times, values)| json_line(out, &metric, times, values));
}

fn json_line(out: &mut String, metric: &str, times: &[TimestampMs], values: &[f64]) {
    let _ = write!(out, "{{\"metric\":{metric},\"values\":[");
    for (at, v) in values.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        out.push_str(comma);
        match serde_json::Number::from_f64(*v) {
            Some(number) => {
                let _ = write!(out, "{number}");
            }
            None if is_stale_marker(*v) => out.push_str("null"),
            None => {
                out.push('"');
                exposition::push_exact(out, *v);
                out.push('"');
            }
        }
    }
    out.push_str("],\"timestamps\":[");
    for (at, t) in times.iter().enumerate() {
        let _ = write!(out, "{}{t}", if at == 0 { "" } else { "," });
    }
    out.push_str("]}\n");
}
