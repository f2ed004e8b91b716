//! History by query: PromQL through the Prometheus HTTP API.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::wire::seconds;
use taskpulse_engine::metrics::METRICS;
use taskpulse_engine::model::{Labels, SeriesId, TimestampMs, push_point, push_seconds, push_value};
use taskpulse_engine::promql::{self, ABSENT, Answer, EvalError, Expr, Places, QueryGrid, Selector};
use taskpulse_engine::store::Store;
use tokio::sync::SemaphorePermit;

use crate::envelope::{ApiError, blocking, success};
use crate::params::Params;
use crate::server::{AppState, QueryOptions};

/// Step of subqueries that name none.
const DEFAULT_STEP_MS: i64 = 60_000;
/// Points of one series in a range query, as in Prometheus.
const MAX_POINTS: i64 = 11_000;
/// Warnings, and infos, that are told one by one, as in Prometheus.
const MAX_NOTES: usize = 10;
/// Longest time of a query that is answered on the thread that took it, where others wait.
const AT_ONCE: Duration = Duration::from_millis(5);
/// Its instants, and the bytes of its text: they bound the work that reads nothing.
const AT_ONCE_INSTANTS: i64 = 2_000;
const AT_ONCE_BYTES: usize = 300;
/// How notes begin that are no warnings.
const INFO: &str = "PromQL info:";

/// What a query is asked with, beside its text and times.
struct Ask {
    query: String,
    expr: Expr,
    options: QueryOptions,
    deadline: Instant,
    limit: usize,
    stats: bool,
    began: Instant,
    cancelled: Arc<AtomicBool>,
}

/// Says that nobody waits when the request's future is dropped: its client has gone.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Ask {
    fn new(params: &Params, mut options: QueryOptions, grid: QueryGrid) -> Result<Self, ApiError> {
        let began = Instant::now();
        let query = params.required("query")?.to_owned();
        let expr = promql::parse_expr_for(&query, grid)?;
        if params.get("timeout").is_some() {
            options.timeout = options.timeout.min(Duration::from_millis(params.step("timeout")?.unsigned_abs()));
        }
        if params.get("lookback_delta").is_some() {
            options.lookback_ms = params.step("lookback_delta")?;
        }
        let limit = params
            .get("limit")
            .map(|text| text.parse::<usize>().map_err(|_| ApiError::bad_data(format!("parameter `limit`: `{text}` is not a count"))));
        let limit = limit.transpose()?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        let stats = params.get("stats").is_some_and(|stats| !stats.is_empty());
        Ok(Self { query, expr, options, deadline: began + options.timeout, limit, stats, began, cancelled: Arc::default() })
    }

    fn waiting(&self) -> Waiting {
        Waiting(Arc::clone(&self.cancelled))
    }

    /// The body of the answer, where it takes so little that handing it to another thread would take longer; else none.
    fn at_once(&self, store: &Store, start: TimestampMs, end: TimestampMs, step: Option<i64>) -> Option<Result<String, ApiError>> {
        let instants = (end - start) / step.unwrap_or(1) + 1;
        if instants > AT_ONCE_INSTANTS || self.query.len() > AT_ONCE_BYTES {
            return None;
        }
        let deadline = self.deadline.min(self.began + AT_ONCE);
        match self.answer(&promql::AtOnce::new(store, instants), deadline, start, end, step) {
            Err(EvalError::TooMuchAtOnce | EvalError::Deadline | EvalError::TooManySamples(_)) => None,
            done => Some(done.map_err(ApiError::from)),
        }
    }

    /// The body of the answer.
    fn run(&self, store: &Store, start: TimestampMs, end: TimestampMs, step: Option<i64>) -> Result<String, ApiError> {
        Ok(self.answer(store, self.deadline, start, end, step)?)
    }

    fn answer(
        &self,
        source: &dyn promql::Source,
        deadline: Instant,
        start: TimestampMs,
        end: TimestampMs,
        step: Option<i64>,
    ) -> Result<String, EvalError> {
        let params = promql::Params {
            start,
            end,
            step: step.unwrap_or(1),
            lookback: self.options.lookback_ms,
            default_step: DEFAULT_STEP_MS,
            delayed_names: self.options.delayed_names,
            use_windows: true,
            max_samples: self.options.max_samples,
            deadline,
            cancelled: Arc::clone(&self.cancelled),
        };
        let queued = self.began.elapsed().as_secs_f64();
        let (answer, notes) = promql::evaluate(&self.expr, &params, source)?;
        let evaluated = self.began.elapsed().as_secs_f64() - queued;
        let mut out = String::from("{\"status\":\"success\",\"data\":");
        let cut = write_answer(&mut out, answer, &params, step.is_some(), self.limit);
        if self.stats {
            // Within the braces of `data`, as in Prometheus; `windows` is ours.
            out.pop();
            let stats = json!({
                "timings": {"evalTotalTime": evaluated, "execQueueTime": queued, "execTotalTime": self.began.elapsed().as_secs_f64()},
                "samples": {"totalQueryableSamples": notes.samples},
                "windows": {"hours": notes.hours},
            });
            let _ = write!(out, ",\"stats\":{stats}}}");
        }
        let places = Places::of(&self.query, &self.expr);
        let told = notes.notes.into_iter().map(|note| format!("{}{}", note.text, places.told(note.about)));
        let (mut infos, mut warnings): (Vec<String>, Vec<String>) = told.partition(|note| note.starts_with(INFO));
        for (notes, kind) in [(&mut warnings, "warning"), (&mut infos, "info")] {
            let more = notes.len().saturating_sub(MAX_NOTES);
            notes.truncate(MAX_NOTES);
            notes.extend((more > 0).then(|| format!("{more} more {kind} annotations omitted")));
        }
        warnings.extend(cut.then(|| format!("results truncated to {} series by `limit`", self.limit)));
        for (name, notes) in [("warnings", warnings), ("infos", infos)] {
            if !notes.is_empty() {
                let _ = write!(out, ",\"{name}\":{}", Value::from(notes));
            }
        }
        out.push('}');
        Ok(out)
    }
}

fn answered(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body)
}

/// Writes `{"resultType":…,"result":…}`; true where series were left out for the limit.
fn write_answer(out: &mut String, answer: Answer, params: &promql::Params, stepped: bool, limit: usize) -> bool {
    let open = |out: &mut String, at: usize, labels: &Labels| {
        let metric = serde_json::to_string(labels).unwrap_or_else(|_| "{}".to_owned());
        let _ = write!(out, "{}{{\"metric\":{metric},", if at == 0 { "" } else { "," });
    };
    let mut count = 0;
    match answer {
        Answer::Text(text) => {
            let _ = write!(out, "{{\"resultType\":\"string\",\"result\":[{},{}]}}", seconds(params.start), Value::from(text));
        }
        Answer::Scalar(points) if !stepped => {
            let value = points.first().map_or(f64::NAN, |point| point.1);
            out.push_str("{\"resultType\":\"scalar\",\"result\":");
            push_point(out, params.start, value);
            out.push('}');
        }
        Answer::Scalar(points) => {
            out.push_str("{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":[");
            push_values(out, points.into_iter());
            out.push_str("]}]}");
        }
        Answer::Vector(rows) => {
            out.push_str(if stepped { "{\"resultType\":\"matrix\",\"result\":[" } else { "{\"resultType\":\"vector\",\"result\":[" });
            count = rows.len();
            // The instants are the same for every series: they are put into words once.
            let instants: Vec<String> =
                if stepped { (0..grid_count(params)).map(|n| instant(params.start + n * params.step)).collect() } else { Vec::new() };
            for (at, row) in rows.into_iter().take(limit).enumerate() {
                open(out, at, &row.labels);
                if stepped {
                    out.push_str("\"values\":[");
                    let there = instants.iter().zip(row.values).filter(|(_, v)| v.to_bits() != ABSENT.to_bits());
                    for (at, (instant, v)) in there.enumerate() {
                        out.push_str(if at == 0 { "[" } else { ",[" });
                        out.push_str(instant);
                        push_value(out, v);
                        out.push_str("\"]");
                    }
                    out.push_str("]}");
                } else {
                    let value = row.values.first().copied().unwrap_or(f64::NAN);
                    out.push_str("\"value\":");
                    push_point(out, params.start, value);
                    out.push('}');
                }
            }
            out.push_str("]}");
        }
        Answer::Matrix(runs) => {
            out.push_str("{\"resultType\":\"matrix\",\"result\":[");
            count = runs.len();
            for (at, run) in runs.into_iter().take(limit).enumerate() {
                open(out, at, &run.labels);
                out.push_str("\"values\":[");
                push_values(out, run.columns.iter().map(|s| (s.t, s.v)));
                out.push_str("]}");
            }
            out.push_str("]}");
        }
    }
    count > limit
}

fn grid_count(params: &promql::Params) -> i64 {
    (params.end - params.start) / params.step.max(1) + 1
}

/// `1764000000,"`
fn instant(t: TimestampMs) -> String {
    let mut out = String::new();
    push_seconds(&mut out, t);
    out.push_str(",\"");
    out
}

fn push_values(out: &mut String, points: impl Iterator<Item = (TimestampMs, f64)>) {
    for (at, (t, v)) in points.enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        push_point(out, t, v);
    }
}

/// `GET|POST /api/v1/query`
pub(crate) async fn query(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let ask = Ask::new(&params, state.queries, QueryGrid::default())?;
    let _waiting = ask.waiting();
    let time = params.time("time")?.unwrap_or_else(now_ms);
    if let Some(answer) = ask.at_once(&state.store, time, time, None) {
        return answer.map(answered);
    }
    let _place = place(&state, ask.deadline).await?;
    let store = Arc::clone(&state.store);
    blocking(move || ask.run(&store, time, time, None)).await.map(answered)
}

/// `GET|POST /api/v1/query_range`
pub(crate) async fn query_range(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    params.required("query")?;
    params.required("start")?;
    params.required("end")?;
    let (start, end) = params.range(0, 0)?;
    let step = params.step("step")?;
    let ask = Ask::new(&params, state.queries, QueryGrid { step, range: end - start })?;
    let _waiting = ask.waiting();
    let kind = promql::kind_of(&ask.expr);
    if !matches!(kind, "scalar" | "instant vector") {
        return Err(ApiError::bad_data(format!(
            "invalid expression type \"{kind}\" for range query, must be Scalar or instant Vector: leave out the [5m], or use /api/v1/query"
        )));
    }
    if (end - start) / step >= MAX_POINTS {
        return Err(ApiError::bad_data(format!(
            "exceeded maximum resolution of {MAX_POINTS} points per timeseries ({} points); take a longer `step` or less time",
            (end - start) / step + 1
        )));
    }
    if let Some(answer) = ask.at_once(&state.store, start, end, Some(step)) {
        return answer.map(answered);
    }
    let _place = place(&state, ask.deadline).await?;
    let store = Arc::clone(&state.store);
    blocking(move || ask.run(&store, start, end, Some(step))).await.map(answered)
}

/// A place among the queries that are worked out, when one is free: they share the machine with what may not wait.
async fn place(state: &AppState, deadline: Instant) -> Result<SemaphorePermit<'_>, ApiError> {
    match actix_web::rt::time::timeout(deadline.saturating_duration_since(Instant::now()), state.query_places.acquire()).await {
        Ok(Ok(place)) => Ok(place),
        _ => Err(EvalError::Deadline.into()),
    }
}

/// `GET|POST /api/v1/format_query`
pub(crate) async fn format_query(params: Params) -> Result<HttpResponse, ApiError> {
    Ok(success(promql::parse_expr(params.required("query")?)?.prettify()))
}

/// The series that any of the `match[]` selectors accept and that may have samples since `start`.
fn matched(store: &Store, selectors: &[Selector], start: TimestampMs) -> Vec<SeriesId> {
    let mut ids = store.select_any(selectors);
    ids.retain(|id| store.may_have(*id, start));
    ids
}

pub(crate) fn selectors(params: &Params) -> Result<Vec<Selector>, ApiError> {
    params
        .all("match[]")
        .into_iter()
        .map(|text| Selector::parse(text).map_err(|error| ApiError::bad_data(format!("match[]: {error}"))))
        .collect()
}

/// `GET|POST /api/v1/series`
pub(crate) async fn series(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let selectors = selectors(&params)?;
    if selectors.is_empty() {
        return Err(ApiError::bad_data("parameter `match[]` is missing; give at least one selector"));
    }
    let (start, _) = params.range(0, TimestampMs::MAX)?;
    let store = Arc::clone(&state.store);
    let found =
        blocking(move || Ok(matched(&store, &selectors, start).into_iter().filter_map(|id| store.labels(id)).collect::<Vec<_>>())).await?;
    Ok(success(found))
}

/// `GET|POST /api/v1/labels`
pub(crate) async fn labels(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let selectors = selectors(&params)?;
    let (start, _) = params.range(0, TimestampMs::MAX)?;
    let store = Arc::clone(&state.store);
    Ok(success(blocking(move || Ok(store.label_names(&matched(&store, &selectors, start)))).await?))
}

/// `GET /api/v1/label/{name}/values`
pub(crate) async fn label_values(state: web::Data<AppState>, name: web::Path<String>, params: Params) -> Result<HttpResponse, ApiError> {
    let selectors = selectors(&params)?;
    let (start, _) = params.range(0, TimestampMs::MAX)?;
    let store = Arc::clone(&state.store);
    Ok(success(blocking(move || Ok(store.label_values(&name, &matched(&store, &selectors, start)))).await?))
}

/// `GET /api/v1/metadata`
pub(crate) async fn metadata(state: web::Data<AppState>, params: Params) -> HttpResponse {
    let wanted = params.get("metric").filter(|m| !m.is_empty());
    let all: Map<String, Value> = METRICS
        .iter()
        .filter(|m| wanted.is_none_or(|name| name == m.name))
        .map(|m| (m.name.to_owned(), json!([{"type": m.kind.name(), "help": m.help, "unit": m.unit}])))
        .collect();
    let mut all = all;
    for (name, meta) in state.reporter.shared.metadata.all() {
        if wanted.is_none_or(|wanted| wanted == name) && !all.contains_key(&name) {
            all.insert(name, json!([meta]));
        }
    }
    if let Some(limit) = params.get("limit").and_then(|limit| limit.parse::<usize>().ok()) {
        all = all.into_iter().take(limit).collect();
    }
    success(all)
}

/// `GET /api/v1/status/buildinfo`
pub(crate) async fn buildinfo(state: web::Data<AppState>) -> HttpResponse {
    success(
        json!({"version": state.reporter.version, "application": "taskpulse", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}),
    )
}
