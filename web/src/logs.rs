//! Log lines: searched with LogQL, counted by level, and metrics over them.
//!
//! What is asked and how it is worked out is in [`ask`], times are in [`times`]; `loki.rs` answers the same to clients of Loki.

pub(crate) mod ask;
mod carry;
pub(crate) mod times;

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::json;
use taskpulse_engine::logs::logql::{self, Bounds, Line, LineRequest, MetricRequest, Query};
use taskpulse_engine::logs::record::TimeNs;
use taskpulse_engine::logs::{Direction, Source};
use taskpulse_engine::model::{Labels, hex, rfc3339_nanos};
use taskpulse_engine::promql::syntax::Grid;
use taskpulse_engine::promql::{ABSENT, Answer};
use utoipa::ToSchema;

use self::ask::{Ask, DEFAULT_LINES, Found, State, direction, limit, limit_schema, logql_schema, with_source};
use crate::answers::Text;
use crate::envelope::ApiError;
use crate::parameter::{self, Parameter, TIMEOUT};
use crate::params::Params;
use crate::query::answer_text;
use crate::route::{Route, Shape};
use crate::shapes;

/// Lines around each line at the most.
const MAX_CONTEXT: i64 = 50;
/// Lines at the most where each comes with others around it.
const MAX_WITH_CONTEXT: usize = 100;
/// How far away lines around another one are.
const CONTEXT_WITHIN: TimeNs = 86_400 * times::SECOND;
/// Buckets of a histogram.
const BUCKETS: i64 = 60;
const MAX_BUCKETS: i64 = 1_000;
const MS: i64 = 1_000_000;

pub(crate) const LOGQL: Parameter = Parameter::query("query", "LogQL: docs/LOGS.md", logql_schema).required();
pub(crate) const LOG_START: Parameter = Parameter::query("start", "the first time; an hour before `end` by default", times::time);
pub(crate) const SEARCH_START: Parameter = Parameter::query("start", "the first time; six hours before `end` by default", times::time);
pub(crate) const LOG_END: Parameter = Parameter::query("end", "the time after the last one; now by default", times::time);
pub(crate) const LINES: Parameter = Parameter::query("limit", "lines at the most", limit_schema);
pub(crate) const DIRECTION: Parameter = Parameter::query(
    "direction",
    "which lines come first",
    // Loki's clients leave it empty for the default.
    || json!({"type": "string", "enum": ["backward", "forward", ""], "default": "backward"}),
);
pub(crate) const LOG_STEP: Parameter =
    Parameter::query("step", "from one instant to the next; by default there are 250 of them", parameter::positive_duration);

pub(crate) fn routes() -> Vec<Route> {
    const CONTEXT: Parameter = Parameter::query(
        "context",
        "lines of its stream before and after each line; with it, `limit` is 100 at the most",
        || json!({"type": "integer", "minimum": 0, "maximum": MAX_CONTEXT, "default": 0}),
    );
    const COUNT: Parameter =
        Parameter::query("buckets", "how many", || json!({"type": "integer", "minimum": 1, "maximum": MAX_BUCKETS, "default": BUCKETS}));
    const TIME: Parameter = Parameter::query("time", "an only instant, in place of a range", times::time);
    let mut routes = carry::routes();
    routes.extend([
        Route::get("/api/v1/logs", search)
            .about("Log lines that a query finds")
            .parameters(&[LOGQL, LOG_START, LOG_END, LINES, DIRECTION, CONTEXT, TIMEOUT])
            .answers(Shape::data::<LogLines>())
            .fails(&[422]),
        Route::get("/api/v1/logs/volume", volume)
            .about("How many lines a query finds, by time and level")
            .parameters(&[LOGQL, LOG_START, LOG_END, COUNT, TIMEOUT])
            .answers(Shape::data::<LogVolume>())
            .fails(&[422]),
        Route::get("/api/v1/logs/query", metric)
            .about("Metrics over log lines, over a range or at an instant")
            .parameters(&[LOGQL, LOG_START, LOG_END, LOG_STEP, TIME, TIMEOUT])
            .answers(shapes::QUERY_RESULT)
            .fails(&[422]),
    ]);
    routes
}

/// Lines that a query found.
#[derive(Debug, Serialize, ToSchema)]
struct LogLines {
    /// In the order that was asked for.
    lines: Vec<LogLine>,
    /// Whether there may be more than `limit`.
    more: bool,
    /// Lines that were read for it.
    lines_read: u64,
    /// Bytes of text that were read for it.
    bytes_read: u64,
}

/// A log line.
#[derive(Debug, Serialize, ToSchema)]
struct LogLine {
    /// Its time.
    #[schema(format = "date-time")]
    time: String,
    /// The same in nanoseconds since 1970, as text: a number of JSON has not all its digits.
    ns: String,
    /// The labels of its stream.
    #[schema(value_type = BTreeMap<String, String>)]
    labels: Labels,
    /// `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `unknown`.
    severity: &'static str,
    /// The text; what is not UTF-8 is replaced by U+FFFD.
    body: String,
    /// Whether something of the text was replaced.
    replaced: bool,
    /// What else is known of it, its level, trace and span among it.
    attributes: BTreeMap<String, String>,
    /// What the stages of the query found in it.
    parsed: BTreeMap<String, String>,
    /// The trace that it belongs to, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    /// The span that it belongs to, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
    /// The lines of its stream before it, the oldest first; only with `context`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    before: Option<Vec<LogLine>>,
    /// The lines of its stream after it, the oldest first; only with `context`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    after: Option<Vec<LogLine>>,
}

impl LogLine {
    fn of(line: Line) -> Self {
        let id = |bytes: &[u8]| bytes.iter().any(|byte| *byte != 0).then(|| hex(bytes));
        let (body, replaced) = match String::from_utf8(line.body) {
            Ok(body) => (body, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        Self {
            time: rfc3339_nanos(line.time),
            ns: line.time.to_string(),
            labels: line.stream,
            severity: line.severity.word(),
            body,
            replaced,
            attributes: line.attributes.into_iter().collect(),
            parsed: line.parsed.into_iter().collect(),
            trace_id: id(&line.trace),
            span_id: id(&line.span),
            before: None,
            after: None,
        }
    }
}

/// A line with those around it.
fn with_context(line: Line, context: usize, bounds: &Bounds, source: &dyn Source) -> Result<LogLine, ApiError> {
    if context == 0 {
        return Ok(LogLine::of(line));
    }
    let near = logql::around(&line, context, CONTEXT_WITHIN, bounds, source)?;
    let all = |lines: Vec<Line>| Some(lines.into_iter().map(LogLine::of).collect());
    Ok(LogLine { before: all(near.before), after: all(near.after), ..LogLine::of(line) })
}

/// `context`, and the `limit` that goes with it.
fn context_and_limit(params: &Params) -> Result<(usize, usize), ApiError> {
    let context = params.number_within("context", 0, 0..=MAX_CONTEXT)?;
    let limit = limit(params)?;
    if context > 0 && limit > MAX_WITH_CONTEXT {
        return Err(ApiError::bad_data(format!(
            "invalid parameter \"limit\": lines come with others around them, of which at most {MAX_WITH_CONTEXT} are answered (default {DEFAULT_LINES})"
        )));
    }
    Ok((context as usize, limit))
}

async fn search(state: State, params: Params) -> Result<HttpResponse, ApiError> {
    let text = params.required("query")?.to_owned();
    let (start, end) = times::range_of_query(&params)?;
    let ((context, limit), direction): (_, Direction) = (context_and_limit(&params)?, direction(&params)?);
    let (answer, _) = with_source(&state, &params, move |source, bounds| {
        let Query::Lines(query) = Query::parse(&text, Grid::default())? else {
            return Err(ApiError::bad_data("a metric query has values and no lines; ask /api/v1/logs/query"));
        };
        let request = LineRequest { start, end, limit, direction, interval: 0, now: times::now() / MS };
        let found = logql::lines(&query, &request, bounds, source)?;
        let lines = found.lines.into_iter().map(|line| with_context(line, context, bounds, source)).collect::<Result<_, _>>()?;
        Ok(LogLines { lines, more: found.more, lines_read: found.read.lines, bytes_read: found.read.bytes })
    })
    .await?;
    state.answers.success(&answer)
}

/// How many lines there are in each part of a time.
#[derive(Debug, Serialize, ToSchema)]
struct LogVolume {
    /// When the first bucket begins, Unix seconds.
    start: f64,
    /// The length of a bucket, seconds.
    step: f64,
    /// How many buckets there are. The last one may end after `end`.
    buckets: usize,
    /// The levels that there are lines of.
    levels: Vec<LevelVolume>,
}

/// How many lines of a level there are.
#[derive(Debug, Serialize, ToSchema)]
struct LevelVolume {
    /// `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `unknown`.
    level: String,
    /// Lines in each bucket.
    counts: Vec<u64>,
    /// Lines in all of them.
    total: u64,
}

async fn volume(state: State, params: Params) -> Result<HttpResponse, ApiError> {
    let text = params.required("query")?.to_owned();
    let (start, end) = times::range_of_query(&params)?;
    let count = params.number_within("buckets", BUCKETS, 1..=MAX_BUCKETS)?;
    let step_ms = (((end - start) as u64).div_ceil(count as u64 * MS as u64) as i64).max(1);
    let step = step_ms * MS;
    let buckets = ((end - start) as u64).div_ceil(step as u64).max(1) as usize;
    let (levels, _) = with_source(&state, &params, move |source, bounds| {
        let Query::Lines(lines) = Query::parse(&text, Grid::default())? else {
            return Err(ApiError::bad_data("only lines are counted by level; a metric query has values, see /api/v1/logs/query"));
        };
        // A line that a stage could not read is found all the same, so it counts.
        let all = if lines.may_fail() && text.trim_start().starts_with('{') { "| drop __error__, __error_details__ " } else { "" };
        // A comment at the end of the query would take what follows along.
        let counted = format!("sum by (detected_level) (count_over_time({text}\n{all}[{step_ms}ms]))");
        let grid = Grid { step: step_ms, range: step_ms * (buckets as i64 - 1) };
        let Query::Metric(query) = Query::parse(&counted, grid)? else {
            return Err(ApiError::internal("the query cannot be counted"));
        };
        // Ranges have their ends and not their starts, buckets the other way round.
        let first = start.saturating_add(step).saturating_sub(1);
        let request =
            MetricRequest { start: first, end: first.saturating_add(step * (buckets as i64 - 1)), step_ms, now: times::now() / MS };
        match logql::metric(&query, &request, bounds, source)?.0 {
            Answer::Vector(rows) => Ok(rows.into_iter().map(level).collect::<Vec<_>>()),
            _ => Err(ApiError::internal("lines were not counted by level")),
        }
    })
    .await?;
    state.answers.success(&LogVolume { start: start as f64 / 1e9, step: step as f64 / 1e9, buckets, levels })
}

fn level(row: taskpulse_engine::promql::Row) -> LevelVolume {
    let count = |v: &f64| if v.to_bits() == ABSENT.to_bits() { 0 } else { *v as u64 };
    let counts: Vec<u64> = row.values.iter().map(count).collect();
    let total = counts.iter().sum();
    LevelVolume { level: row.labels.get("detected_level").unwrap_or("unknown").to_owned(), counts, total }
}

async fn metric(state: State, params: Params) -> Result<HttpResponse, ApiError> {
    let ask = if params.get("time").is_some() { Ask::instant(&params)? } else { Ask::range(&params)? };
    let (ask, found, _) = ask.answer(&state, &params).await?;
    match found {
        Found::Metric { answer, .. } => send_metric(&state, &ask, answer, "}}".to_owned()),
        Found::Lines(_) => {
            Err(ApiError::bad_data("a query for lines has no values; put a function such as count_over_time(…[5m]) around it"))
        }
    }
}

/// Sends values; `end` closes the answer.
pub(crate) fn send_metric(state: &State, ask: &Ask, answer: Answer, end: String) -> Result<HttpResponse, ApiError> {
    let instants = ask.instants();
    let text: Text = answer_text(answer, instants.start.div_euclid(MS), ask.step_ms.is_some(), instants.times(), end);
    let bytes = text.bytes();
    state.answers.send(text, bytes)
}
