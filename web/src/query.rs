//! History by query: the part of the Prometheus HTTP API that plain selectors need.
//!
//! A sample counts at an instant when it is the newest of the 5 minutes before it (open on the left) and no stale marker.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::wire::seconds;
use taskpulse_engine::metrics::METRICS;
use taskpulse_engine::model::{Columns, SeriesId, TimestampMs, format_value, is_stale_marker};
use taskpulse_engine::promql::Selector;
use taskpulse_engine::store::{Limits, Store};

use crate::envelope::{ApiError, blocking, success, success_text};
use crate::params::Params;
use crate::server::AppState;

/// How old a sample may be to count at an instant.
const LOOKBACK_MS: i64 = 300_000;
/// Points of one series in a range query, as in Prometheus.
const MAX_POINTS: i64 = 11_000;
/// Samples that one query may read.
const MAX_SAMPLES: usize = 50_000_000;
/// Time that one query may take.
const TIMEOUT: Duration = Duration::from_secs(30);

fn limits() -> Limits {
    Limits { max_samples: MAX_SAMPLES, deadline: Instant::now() + TIMEOUT }
}

/// `GET|POST /api/v1/query`
pub(crate) async fn query(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let selector = Selector::parse(params.required("query")?)?;
    let time = params.time("time")?.unwrap_or_else(now_ms);
    let store = Arc::clone(&state.store);
    let data = blocking(move || instant(&store, &selector, time)).await?;
    Ok(success_text(&data))
}

fn instant(store: &Store, selector: &Selector, time: TimestampMs) -> Result<String, ApiError> {
    let ids = store.select(&selector.matchers);
    let mut out = String::from(if selector.range.is_some() {
        "{\"resultType\":\"matrix\",\"result\":["
    } else {
        "{\"resultType\":\"vector\",\"result\":["
    });
    let mut first = true;
    let mut open = |out: &mut String, metric: &str| {
        let _ = write!(out, "{}{{\"metric\":{metric},", if std::mem::take(&mut first) { "" } else { "," });
    };
    match selector.range {
        Some(range) => {
            let mut current: Option<SeriesId> = None;
            for piece in store.scan(&ids, time - range.ms() + 1, time, limits()) {
                let piece = piece?;
                let points: Vec<(TimestampMs, f64)> = piece.columns.iter().filter(|s| !is_stale_marker(s.v)).map(|s| (s.t, s.v)).collect();
                if points.is_empty() {
                    continue;
                }
                if current != Some(piece.id) {
                    if current.replace(piece.id).is_some() {
                        out.push_str("]}");
                    }
                    open(&mut out, &metric(store, piece.id));
                    out.push_str("\"values\":[");
                } else {
                    out.push(',');
                }
                push_values(&mut out, &points);
            }
            if current.is_some() {
                out.push_str("]}");
            }
        }
        None => {
            for id in ids {
                let newest = store.latest(id, time - LOOKBACK_MS + 1, time)?;
                if let Some(sample) = newest.filter(|s| !is_stale_marker(s.v)) {
                    open(&mut out, &metric(store, id));
                    let _ = write!(out, "\"value\":[{},\"{}\"]}}", seconds(time), format_value(sample.v));
                }
            }
        }
    }
    out.push_str("]}");
    Ok(out)
}

/// `GET|POST /api/v1/query_range`
pub(crate) async fn query_range(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let selector = Selector::parse(params.required("query")?)?;
    if selector.range.is_some() {
        return Err(ApiError::bad_data(
            "query: a range selector (name[5m]) cannot be stepped through; leave out the [5m], or use /api/v1/query",
        ));
    }
    params.required("start")?;
    params.required("end")?;
    let (start, end) = params.range(0, 0)?;
    let step = params.step("step")?;
    if (end - start) / step >= MAX_POINTS {
        return Err(ApiError::bad_data(format!(
            "{} points a series are more than {MAX_POINTS}; take a longer `step` or less time",
            (end - start) / step + 1
        )));
    }
    let store = Arc::clone(&state.store);
    let data = blocking(move || range(&store, &selector, start, end, step)).await?;
    Ok(success_text(&data))
}

fn range(store: &Store, selector: &Selector, start: TimestampMs, end: TimestampMs, step: i64) -> Result<String, ApiError> {
    let ids = store.select(&selector.matchers);
    let mut out = String::from("{\"resultType\":\"matrix\",\"result\":[");
    let mut first = true;
    let mut write = |id: SeriesId, steps: Steps| {
        let points = steps.finish();
        if !points.is_empty() {
            let _ = write!(out, "{}{{\"metric\":{},\"values\":[", if std::mem::take(&mut first) { "" } else { "," }, metric(store, id));
            push_values(&mut out, &points);
            out.push_str("]}");
        }
    };
    let mut current: Option<(SeriesId, Steps)> = None;
    for piece in store.scan(&ids, start - LOOKBACK_MS + 1, end, limits()) {
        let piece = piece?;
        let mut steps = match current.take() {
            Some((id, steps)) if id == piece.id => steps,
            before => {
                before.into_iter().for_each(|(id, steps)| write(id, steps));
                Steps::new(start, end, step)
            }
        };
        steps.take(&piece.columns);
        current = Some((piece.id, steps));
    }
    current.into_iter().for_each(|(id, steps)| write(id, steps));
    out.push_str("]}");
    Ok(out)
}

/// The newest sample at each step, where there is one; fed with pieces of a series in rising time.
struct Steps {
    next: TimestampMs,
    end: TimestampMs,
    step: i64,
    last: Option<(TimestampMs, f64)>,
    points: Vec<(TimestampMs, f64)>,
}

impl Steps {
    fn new(start: TimestampMs, end: TimestampMs, step: i64) -> Self {
        Self { next: start, end, step, last: None, points: Vec::new() }
    }

    fn take(&mut self, columns: &Columns) {
        for sample in columns.iter() {
            while self.next < sample.t && self.next <= self.end {
                self.point();
            }
            self.last = Some((sample.t, sample.v));
        }
    }

    fn point(&mut self) {
        if let Some((time, v)) = self.last
            && time > self.next - LOOKBACK_MS
            && !is_stale_marker(v)
        {
            self.points.push((self.next, v));
        }
        self.next += self.step;
    }

    fn finish(mut self) -> Vec<(TimestampMs, f64)> {
        while self.next <= self.end {
            self.point();
        }
        self.points
    }
}

fn metric(store: &Store, id: SeriesId) -> String {
    store.labels(id).and_then(|labels| serde_json::to_string(&labels).ok()).unwrap_or_else(|| "{}".to_owned())
}

fn push_values(out: &mut String, points: &[(TimestampMs, f64)]) {
    for (at, (t, v)) in points.iter().enumerate() {
        let _ = write!(out, "{}[{},\"{}\"]", if at == 0 { "" } else { "," }, seconds(*t), format_value(*v));
    }
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
pub(crate) async fn metadata(params: Params) -> HttpResponse {
    let wanted = params.get("metric").filter(|m| !m.is_empty());
    let all: Map<String, Value> = METRICS
        .iter()
        .filter(|m| wanted.is_none_or(|name| name == m.name))
        .map(|m| (m.name.to_owned(), json!([{"type": m.kind.name(), "help": m.help, "unit": m.unit}])))
        .collect();
    success(all)
}

/// `GET /api/v1/status/buildinfo`
pub(crate) async fn buildinfo(state: web::Data<AppState>) -> HttpResponse {
    success(
        json!({"version": state.reporter.version, "application": "taskpulse", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_takes_the_newest_sample_of_the_five_minutes_before_it() {
        let mut steps = Steps::new(-10_000, 420_000, 10_000);
        steps.take(&Columns { times: vec![0], values: vec![1.0] });
        let stale = f64::from_bits(taskpulse_engine::model::STALE_NAN_BITS);
        steps.take(&Columns { times: vec![10_000, 400_000], values: vec![2.0, stale] });
        let points = steps.finish();
        assert_eq!(points.first(), Some(&(0, 1.0)));
        assert_eq!(points.last(), Some(&(300_000, 2.0)));
        assert_eq!(points.len(), 31);
    }
}
