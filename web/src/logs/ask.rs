//! Works a query over lines out: on a thread that may wait, within the limits of queries, until its client is gone.

use std::time::Instant;

use actix_web::web;
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::logs::logql::{self, Bounds, LineRequest, LinesAnswer, LogqlError, MetricRequest, Query, Read};
use taskpulse_engine::logs::record::TimeNs;
use taskpulse_engine::logs::{Direction, Source, SourceError};
use taskpulse_engine::promql::Answer;
use taskpulse_engine::promql::syntax::Grid;

use super::times;
use crate::bounds::with_bounds;
use crate::envelope::ApiError;
use crate::params::Params;
use crate::server::AppState;

/// Lines of an answer at the most, and where a request says nothing.
pub(crate) const MAX_LINES: usize = 10_000;
pub(crate) const DEFAULT_LINES: usize = 100;
const MS: i64 = 1_000_000;

impl From<LogqlError> for ApiError {
    fn from(error: LogqlError) -> Self {
        let text = error.to_string();
        match error {
            LogqlError::Eval(error) => error.into(),
            LogqlError::Source(SourceError::Read(_)) => Self::internal(text),
            LogqlError::Source(SourceError::Bound(_)) | LogqlError::TooManySeries(_) => Self::execution(text),
            LogqlError::Pipeline { .. } => Self::bad_data(text),
        }
    }
}

/// What a query came to.
pub(crate) enum Found {
    Lines(LinesAnswer),
    Metric { answer: Answer, read: Read },
}

/// A query, its times and how it is answered.
pub(crate) struct Ask {
    pub(crate) text: String,
    pub(crate) start: TimeNs,
    pub(crate) end: TimeNs,
    /// None for an instant.
    pub(crate) step_ms: Option<i64>,
    pub(crate) limit: usize,
    pub(crate) direction: Direction,
    pub(crate) interval: TimeNs,
}

/// What a query cost.
pub(crate) struct Cost {
    pub(crate) read: Read,
    pub(crate) seconds: f64,
    pub(crate) queued: f64,
}

impl Cost {
    /// The `stats` of an answer, as far as they are known here.
    pub(crate) fn stats(&self, lines: usize) -> Value {
        let per_second = |count: u64| if self.seconds > 0.0 { (count as f64 / self.seconds) as u64 } else { 0 };
        json!({"summary": {
            "bytesProcessedPerSecond": per_second(self.read.bytes),
            "linesProcessedPerSecond": per_second(self.read.lines),
            "totalBytesProcessed": self.read.bytes,
            "totalLinesProcessed": self.read.lines,
            "totalEntriesReturned": lines,
            "execTime": self.seconds,
            "queueTime": self.queued,
        }})
    }
}

/// `direction`; the newest first by default.
pub(crate) fn direction(params: &Params) -> Result<Direction, ApiError> {
    match params.get("direction").map(str::to_ascii_lowercase).as_deref() {
        None | Some("backward") => Ok(Direction::Backward),
        Some("forward") => Ok(Direction::Forward),
        Some(other) => Err(ApiError::bad_data(format!("invalid parameter \"direction\": `{other}` is neither `forward` nor `backward`"))),
    }
}

/// `limit` of lines.
pub(crate) fn limit(params: &Params) -> Result<usize, ApiError> {
    Ok(params.number_within("limit", DEFAULT_LINES as i64, 1..=MAX_LINES as i64)? as usize)
}

/// The schema of `limit`.
pub(crate) fn limit_schema() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": MAX_LINES, "default": DEFAULT_LINES})
}

/// The schema of `query`.
pub(crate) fn logql_schema() -> Value {
    json!({"type": "string", "minLength": 1, "format": "logql", "examples": ["{app=\"web\"} |= \"error\""]})
}

impl Ask {
    /// A query over a range.
    pub(crate) fn range(params: &Params) -> Result<Self, ApiError> {
        let (start, end) = times::range_of_query(params)?;
        Ok(Self {
            text: params.required("query")?.to_owned(),
            start,
            end,
            step_ms: Some(times::step_ms(params, start, end)?),
            limit: limit(params)?,
            direction: direction(params)?,
            interval: times::length(params, "interval")?.unwrap_or(0),
        })
    }

    /// A query at an instant; lines are those of the hour before it.
    pub(crate) fn instant(params: &Params) -> Result<Self, ApiError> {
        let time = times::instant(params)?;
        Ok(Self {
            text: params.required("query")?.to_owned(),
            start: time.saturating_sub(3_600 * times::SECOND),
            end: time.saturating_add(1),
            step_ms: None,
            limit: limit(params)?,
            direction: direction(params)?,
            interval: 0,
        })
    }

    /// The instants of a metric query.
    pub(crate) fn instants(&self) -> MetricRequest {
        match self.step_ms {
            Some(step_ms) => MetricRequest { start: self.start, end: self.end, step_ms, now: now_ms() },
            None => MetricRequest { start: self.end - 1, end: self.end - 1, step_ms: 1, now: now_ms() },
        }
    }

    fn run(&self, bounds: &Bounds, source: &dyn Source) -> Result<Found, ApiError> {
        let instants = self.instants();
        let grid = Grid { step: self.step_ms.unwrap_or(0), range: (instants.end - instants.start) / MS };
        match Query::parse(&self.text, grid)? {
            Query::Lines(query) => {
                let Self { start, end, limit, direction, interval, .. } = *self;
                let request = LineRequest { start, end, limit, direction, interval, now: now_ms() };
                Ok(Found::Lines(logql::lines(&query, &request, bounds, source)?))
            }
            Query::Metric(query) => {
                let (answer, _, read) = logql::metric(&query, &instants, bounds, source)?;
                Ok(Found::Metric { answer, read })
            }
        }
    }

    /// What it comes to, and what that took.
    pub(crate) async fn answer(self, state: &AppState, params: &Params) -> Result<(Self, Found, Cost), ApiError> {
        let began = Instant::now();
        let (done, queued) = with_source(state, params, move |source, bounds| {
            let found = self.run(bounds, source)?;
            Ok((self, found))
        })
        .await
        .map(|(done, started)| (done, started.saturating_duration_since(began).as_secs_f64()))?;
        let read = match &done.1 {
            Found::Lines(answer) => answer.read,
            Found::Metric { read, .. } => *read,
        };
        let seconds = began.elapsed().as_secs_f64() - queued;
        Ok((done.0, done.1, Cost { read, seconds, queued }))
    }
}

/// Works something out of the lines, on a thread that may wait; also when that began.
pub(crate) async fn with_source<T: Send + 'static>(
    state: &AppState,
    params: &Params,
    work: impl FnOnce(&dyn Source, &Bounds) -> Result<T, ApiError> + Send + 'static,
) -> Result<(T, Instant), ApiError> {
    let reader = state.logs.reader().clone();
    with_bounds(state, params, move |bounds| work(&reader.until(bounds.deadline), bounds)).await
}

/// The state of the application, as handlers have it.
pub(crate) type State = web::Data<AppState>;
