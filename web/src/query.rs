//! History by query: PromQL through the Prometheus HTTP API.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::view::seconds;
use taskpulse_engine::model::{Budget, Columns, Labels, Selector, TimestampMs, push_point};
use taskpulse_engine::promql::syntax::{Grid, ValueType};
use taskpulse_engine::promql::{self, Answer, EvalError, Query, QueryError, Row};
use taskpulse_engine::store::StoreReader;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answers::{Points, Text};
use crate::envelope::{ApiError, blocking, success};
use crate::parameter::{self, END, LIMIT, LOOKBACK, Parameter, QUERY, START, STEP, TIME, TIMEOUT};
use crate::params::Params;
use crate::route::Route;
use crate::server::{AppState, QueryOptions};
use crate::shapes;

/// Step of subqueries that name none.
const DEFAULT_STEP_MS: i64 = 60_000;
/// Steps of a range query, as in Prometheus; it has one point more than steps.
const MAX_STEPS: i64 = 11_000;
/// What is said where `limit` cut an answer, in Prometheus' words.
pub(crate) const TRUNCATED: &str = "results truncated due to limit";
/// Warnings, and infos, that are listed one by one, as in Prometheus.
const MAX_NOTES: usize = 10;
/// Longest time of a query that is answered on the thread that took it, where others wait.
const AT_ONCE: Duration = Duration::from_millis(5);
/// Its instants, and the bytes of its text: they bound the work that reads nothing.
const AT_ONCE_INSTANTS: i64 = 2_000;
const AT_ONCE_BYTES: usize = 300;
/// Longest text that is parsed on the thread that took it.
const PARSED_AT_ONCE_BYTES: usize = 4_096;
/// `match[]` of one request.
const MAX_SELECTORS: usize = 1_000;
/// How notes begin that are no warnings.
const INFO: &str = "PromQL info:";

pub(crate) fn routes() -> Vec<Route> {
    const STATS: Parameter = Parameter::query("stats", "any value: what the query cost", parameter::text);
    vec![
        Route::get_or_post("/api/v1/query", query)
            .about("PromQL at an instant")
            .parameters(&[QUERY, TIME, TIMEOUT, LIMIT, LOOKBACK, STATS])
            .answers(shapes::QUERY_RESULT)
            .fails(&[422]),
        Route::get_or_post("/api/v1/query_range", query_range)
            .about("PromQL over a range")
            .parameters(&[QUERY, START.required(), END.required(), STEP, TIMEOUT, LIMIT, LOOKBACK, STATS])
            .answers(shapes::RANGE_RESULT)
            .fails(&[422]),
        Route::get_or_post("/api/v1/format_query", format_query).about("A query, laid out well").parameters(&[QUERY]).answers(shapes::TEXT),
    ]
}

/// What a query is asked with, beside its text and times.
pub(crate) struct QueryRequest {
    pub(crate) query: Query,
    options: QueryOptions,
    pub(crate) deadline: Instant,
    pub(crate) limit: usize,
    stats: bool,
    began: Instant,
    cancelled: Arc<AtomicBool>,
}

/// Refuses a query that gives no values at instants; `what` says what cannot be done with such a result.
pub(crate) fn check_instants(query: &Query, what: &str) -> Result<(), ApiError> {
    match query.expr.value_type() {
        ValueType::Scalar | ValueType::Vector => Ok(()),
        kind => Err(ApiError::bad_data(format!("a {} cannot be {what}, only an instant vector or a scalar", kind.documented()))),
    }
}

/// Says that nobody waits when the request's future is dropped: its client has gone.
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// Sets a flag when it is dropped.
    pub(crate) fn new(cancelled: Arc<AtomicBool>) -> Self {
        Self(cancelled)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl QueryRequest {
    pub(crate) async fn new(params: &Params, mut options: QueryOptions, grid: Grid) -> Result<Self, ApiError> {
        let began = Instant::now();
        let text = params.required("query")?.to_owned();
        options.timeout = timeout(params, options.timeout)?;
        if options.timeout.is_zero() {
            return Err(EvalError::Deadline.into());
        }
        // 0 is as good as none, as in Prometheus.
        if let Some(lookback) = params.duration("lookback_delta")?.filter(|ms| *ms > 0) {
            options.lookback_ms = lookback;
        }
        let limit = params.limit()?;
        let stats = params.get("stats").is_some();
        let query = if text.len() <= PARSED_AT_ONCE_BYTES {
            Query::parse(&text, grid)?
        } else {
            blocking(move || Ok(Query::parse(&text, grid)?)).await?
        };
        Ok(Self { query, options, deadline: began + options.timeout, limit, stats, began, cancelled: Arc::default() })
    }

    pub(crate) fn waiting(&self) -> Waiting {
        Waiting(Arc::clone(&self.cancelled))
    }

    /// The body of the answer, where it takes so little that handing it to another thread would take longer; else none.
    fn at_once(&self, store: &StoreReader, start: TimestampMs, end: TimestampMs, step: Option<i64>) -> Option<Result<Text, ApiError>> {
        let instants = (end - start) / step.unwrap_or(1) + 1;
        if instants > AT_ONCE_INSTANTS || self.query.text.len() > AT_ONCE_BYTES {
            return None;
        }
        let deadline = self.deadline.min(self.began + AT_ONCE);
        match self.answer(&promql::AtOnce::new(store, instants), deadline, start, end, step) {
            Err(EvalError::TooMuchAtOnce | EvalError::Deadline | EvalError::TooManySamples(_) | EvalError::TooMuchMemory(_)) => None,
            done => Some(done.map_err(ApiError::from)),
        }
    }

    /// The body of the answer.
    fn run(&self, store: &StoreReader, start: TimestampMs, end: TimestampMs, step: Option<i64>) -> Result<Text, ApiError> {
        Ok(self.answer(store, self.deadline, start, end, step)?)
    }

    /// When and how it is evaluated.
    pub(crate) fn params(&self, deadline: Instant, start: TimestampMs, end: TimestampMs, step: i64) -> promql::Params {
        promql::Params {
            start,
            end,
            step,
            lookback: self.options.lookback_ms,
            default_step: DEFAULT_STEP_MS,
            delayed_names: self.options.delayed_names,
            use_windows: true,
            max_samples: self.options.max_samples,
            max_bytes: self.options.max_bytes,
            deadline,
            cancelled: Arc::clone(&self.cancelled),
        }
    }

    fn answer(
        &self,
        source: &dyn promql::Source,
        deadline: Instant,
        start: TimestampMs,
        end: TimestampMs,
        step: Option<i64>,
    ) -> Result<Text, EvalError> {
        let params = self.params(deadline, start, end, step.unwrap_or(1));
        let queued = self.began.elapsed().as_secs_f64();
        let (answer, notes) = promql::evaluate(&self.query, &params, source)?;
        let evaluated = self.began.elapsed().as_secs_f64() - queued;
        let Parts { head, mut series, end } = parts(answer, params.start, step.is_some());
        let cut = series.len() > self.limit;
        series.truncate(self.limit);
        let mut out = String::from(end);
        if self.stats {
            // Within the braces of `data`, as in Prometheus; `windows` is ours.
            let stats = json!({
                "timings": {"evalTotalTime": evaluated, "execQueueTime": queued, "execTotalTime": self.began.elapsed().as_secs_f64()},
                "samples": {"totalQueryableSamples": notes.samples},
                "windows": {"hours": notes.hours},
            });
            let _ = write!(out, ",\"stats\":{stats}");
        }
        out.push('}');
        push_notes(&mut out, notes.notes, cut);
        out.push('}');
        let times = (0..grid_count(&params)).map(|n| params.start + n * params.step);
        Ok(Text::new(format!("{{\"status\":\"success\",\"data\":{head}"), series, times, out))
    }
}

/// Writes the notes beside `data`; `cut` says that the limit left series out.
pub(crate) fn push_notes(out: &mut String, notes: Vec<promql::Note>, cut: bool) {
    let texts = notes.into_iter().map(|note| match note.position {
        Some(position) => format!("{} ({position})", note.text),
        None => note.text,
    });
    let (mut infos, mut warnings): (Vec<String>, Vec<String>) = texts.partition(|note| note.starts_with(INFO));
    for (notes, kind) in [(&mut warnings, "warning"), (&mut infos, "info")] {
        let more = notes.len().saturating_sub(MAX_NOTES);
        notes.truncate(MAX_NOTES);
        notes.extend((more > 0).then(|| format!("{more} more {kind} annotations omitted")));
    }
    warnings.extend(cut.then(|| TRUNCATED.to_owned()));
    for (name, notes) in [("warnings", warnings), ("infos", infos)] {
        if !notes.is_empty() {
            let _ = write!(out, ",\"{name}\":{}", Value::from(notes));
        }
    }
}

fn answered(state: &AppState, text: Text) -> Result<HttpResponse, ApiError> {
    let bytes = text.bytes();
    state.answers.send(text, bytes)
}

/// An answer as `{"resultType":…,"result":…`: what comes before its series, the series, and what ends them.
struct Parts {
    head: String,
    series: Vec<(Labels, Points)>,
    end: &'static str,
}

/// An answer in Prometheus' envelope; `times` are its instants, `tail` closes the envelope.
pub(crate) fn answer_text(
    answer: Answer,
    start: TimestampMs,
    stepped: bool,
    times: impl Iterator<Item = TimestampMs>,
    tail: String,
) -> Text {
    let Parts { head, series, end } = parts(answer, start, stepped);
    Text::new(format!("{{\"status\":\"success\",\"data\":{head}"), series, times, end.to_owned() + &tail)
}

fn parts(answer: Answer, start: TimestampMs, stepped: bool) -> Parts {
    let head = |kind: &str| format!("{{\"resultType\":\"{kind}\",\"result\":");
    match answer {
        Answer::Text(text) => {
            let head = format!("{}[{},{}]", head("string"), seconds(start), Value::from(text));
            Parts { head, series: Vec::new(), end: "" }
        }
        Answer::Scalar(points) if !stepped => {
            let value = points.first().map_or(f64::NAN, |point| point.1);
            let mut head = head("scalar");
            push_point(&mut head, start, value);
            Parts { head, series: Vec::new(), end: "" }
        }
        Answer::Scalar(points) => {
            let (times, values) = points.into_iter().unzip();
            let series = vec![(Labels::none(), Points::Run(Columns { times, values }))];
            Parts { head: head("matrix") + "[", series, end: "]" }
        }
        Answer::Vector(rows) if !stepped => {
            let one = |row: Row| (row.labels, Points::One(start, row.values.first().copied().unwrap_or(f64::NAN)));
            Parts { head: head("vector") + "[", series: rows.into_iter().map(one).collect(), end: "]" }
        }
        Answer::Vector(rows) => {
            let series = rows.into_iter().map(|row| (row.labels, Points::Grid(row.values))).collect();
            Parts { head: head("matrix") + "[", series, end: "]" }
        }
        Answer::Matrix(runs) => {
            let series = runs.into_iter().map(|run| (run.labels, Points::Run(run.columns))).collect();
            Parts { head: head("matrix") + "[", series, end: "]" }
        }
    }
}

fn grid_count(params: &promql::Params) -> i64 {
    (params.end - params.start) / params.step.max(1) + 1
}

async fn query(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let ask = QueryRequest::new(&params, state.queries, Grid::default()).await?;
    let _waiting = ask.waiting();
    let time = params.time("time")?.unwrap_or_else(now_ms);
    if let Some(answer) = ask.at_once(&state.store, time, time, None) {
        return answered(&state, answer?);
    }
    let text = {
        let _place = place(&state.query_places, ask.deadline).await?;
        let store = state.store.clone();
        blocking(move || ask.run(&store, time, time, None)).await?
    };
    answered(&state, text)
}

/// A query over a range, and the range.
pub(crate) struct RangeRequest {
    pub(crate) ask: QueryRequest,
    pub(crate) start: TimestampMs,
    pub(crate) end: TimestampMs,
    pub(crate) step: i64,
}

impl RangeRequest {
    pub(crate) async fn new(params: &Params, options: QueryOptions) -> Result<Self, ApiError> {
        params.required("query")?;
        params.required("start")?;
        params.required("end")?;
        let (start, end) = params.range(0, 0)?;
        let step = params.step("step")?;
        let ask = QueryRequest::new(params, options, Grid { step, range: end - start }).await?;
        let kind = ask.query.expr.value_type();
        if !matches!(kind, ValueType::Scalar | ValueType::Vector) {
            return Err(ApiError::bad_data(format!(
                "invalid expression type \"{}\" for range query, must be Scalar or instant Vector: leave out the [5m], or use /api/v1/query",
                kind.documented()
            )));
        }
        if (end - start) / step > MAX_STEPS {
            return Err(ApiError::bad_data(format!(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX); \
                 there are {} steps, a step of {} s is long enough",
                (end - start) / step,
                ((end - start) as u64).div_ceil(MAX_STEPS as u64 * 1_000)
            )));
        }
        Ok(Self { ask, start, end, step })
    }
}

async fn query_range(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let RangeRequest { ask, start, end, step } = RangeRequest::new(&params, state.queries).await?;
    let _waiting = ask.waiting();
    if let Some(answer) = ask.at_once(&state.store, start, end, Some(step)) {
        return answered(&state, answer?);
    }
    let text = {
        let _place = place(&state.query_places, ask.deadline).await?;
        let store = state.store.clone();
        blocking(move || ask.run(&store, start, end, Some(step))).await?
    };
    answered(&state, text)
}

/// A place among the queries that are worked out, when one is free: they share the machine with what may not wait.
pub(crate) async fn place(places: &Semaphore, deadline: Instant) -> Result<SemaphorePermit<'_>, ApiError> {
    match actix_web::rt::time::timeout(deadline.saturating_duration_since(Instant::now()), places.acquire()).await {
        Ok(Ok(place)) => Ok(place),
        _ => Err(EvalError::Deadline.into()),
    }
}

/// The time limit of a request: that of the settings, or a shorter one that the client asks for.
pub(crate) fn timeout(params: &Params, most: Duration) -> Result<Duration, ApiError> {
    let wanted = params.duration("timeout")?.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
    Ok(wanted.map_or(most, |wanted| most.min(wanted)))
}

async fn format_query(params: Params) -> Result<HttpResponse, ApiError> {
    let query = params.required("query")?.to_owned();
    Ok(success(blocking(move || Ok(promql::formatted(&query)?)).await?))
}

/// Whether a request still goes on: someone waits for it, and its time is not over.
pub(crate) struct QueryGuard {
    deadline: Instant,
    cancelled: Arc<AtomicBool>,
}

impl QueryGuard {
    /// A guard for a request, and what cancels its work once the request is dropped.
    pub(crate) fn until(deadline: Instant) -> (Waiting, Self) {
        let cancelled: Arc<AtomicBool> = Arc::default();
        (Waiting(Arc::clone(&cancelled)), Self { deadline, cancelled })
    }

    pub(crate) fn check(&self) -> Result<(), EvalError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(EvalError::Cancelled);
        }
        if Instant::now() >= self.deadline { Err(EvalError::Deadline) } else { Ok(()) }
    }
}

/// Works out something of the `match[]` of a request: within the time limit of queries, on a thread that may wait, and no
/// more of them at the same time than there are places, since compiling and matching patterns is work.
pub(crate) async fn with_texts<T: Send + 'static>(
    state: &AppState,
    params: &Params,
    work: impl FnOnce(&StoreReader, &[String], &QueryGuard) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let texts: Vec<String> = params.all("match[]").into_iter().map(str::to_owned).collect();
    if texts.len() > MAX_SELECTORS {
        return Err(ApiError::bad_data(format!("there are {} `match[]`; at most {MAX_SELECTORS} are answered at once", texts.len())));
    }
    let deadline = Instant::now() + timeout(params, state.queries.timeout)?;
    let (_waiting, query_guard) = QueryGuard::until(deadline);
    let _place = place(&state.selector_places, deadline).await?;
    let store = state.store.clone();
    blocking(move || work(&store, &texts, &query_guard)).await
}

/// As [`with_texts`], with the selectors that the texts are.
pub(crate) async fn with_selectors<T: Send + 'static>(
    state: &AppState,
    params: &Params,
    work: impl FnOnce(&StoreReader, &[Selector], &QueryGuard) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    with_texts(state, params, |store, texts, query_guard| {
        let mut budget = Budget::default();
        let parse = |text: &String| {
            query_guard.check()?;
            Selector::parse_within(text, &mut budget).map_err(of_match)
        };
        work(store, &texts.iter().map(parse).collect::<Result<Vec<_>, ApiError>>()?, query_guard)
    })
    .await
}

/// An error in one of the `match[]`.
pub(crate) fn of_match(error: QueryError) -> ApiError {
    match error {
        QueryError::Pattern(error) => error.into(),
        other => ApiError::bad_data(format!("invalid parameter \"match[]\": {other}")),
    }
}

pub(crate) fn need_match(params: &Params) -> Result<(), ApiError> {
    if params.all("match[]").is_empty() {
        return Err(ApiError::bad_data("parameter `match[]` is missing; give at least one selector"));
    }
    Ok(())
}
