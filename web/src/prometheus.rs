//! Small endpoints that clients of Prometheus use: build and runtime information, store statistics, and empty answers.

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::model::{Labels, Selector, TimestampMs};
use taskpulse_engine::promql;
use taskpulse_engine::span::Span;

use crate::envelope::{ApiError, blocking, success};
use crate::params::Params;
use crate::query::TRUNCATED;
use crate::server::AppState;

/// Rows of each list of `/api/v1/status/tsdb`, as in Prometheus.
const ROWS: i64 = 10;
const MAX_ROWS: i64 = 10_000;

fn rfc3339(ms: TimestampMs) -> String {
    Timestamp::from_millisecond(ms).map(|t| t.to_string()).unwrap_or_default()
}

/// `GET /api/v1/status/buildinfo`
pub(crate) async fn buildinfo(state: web::Data<AppState>) -> HttpResponse {
    success(
        json!({"version": state.reporter.version, "application": "taskpulse", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}),
    )
}

/// `GET /api/v1/status/runtimeinfo`
pub(crate) async fn runtimeinfo(state: web::Data<AppState>) -> HttpResponse {
    let started = rfc3339(state.reporter.started_at);
    let retention = Span::millis((state.store.status().retention_seconds * 1e3) as i64).to_string();
    success(json!({
        "startTime": started, "serverTime": rfc3339(now_ms()), "reloadConfigSuccess": true, "lastConfigTime": started,
        "storageRetention": retention,
    }))
}

/// `GET /api/v1/status/tsdb`. What the store does not count is `null`.
pub(crate) async fn tsdb(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let limit = params.whole_number("limit")?.unwrap_or(ROWS);
    if !(1..=MAX_ROWS).contains(&limit) {
        return Err(ApiError::bad_data(format!("invalid parameter \"limit\": it must be within 1 and {MAX_ROWS}")));
    }
    let (metrics, labels) = state.store.cardinality();
    let rows = |shares: &mut dyn Iterator<Item = (String, u64)>| -> Vec<Value> {
        shares.take(limit as usize).map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    Ok(success(json!({
        "headStats": {
            "numSeries": state.store.series_count(), "numLabelPairs": null, "chunkCount": null, "minTime": null, "maxTime": null,
        },
        "seriesCountByMetricName": rows(&mut metrics.into_iter().map(|share| (share.name, share.series))),
        "labelValueCountByLabelName": rows(&mut labels.into_iter().map(|share| (share.name, share.values.unwrap_or(0) as u64))),
        "memoryInBytesByLabelName": [],
        "seriesCountByLabelValuePair": [],
    })))
}

/// `GET|POST /api/v1/query_exemplars`: exemplars are not kept.
pub(crate) async fn exemplars(params: Params) -> Result<HttpResponse, ApiError> {
    let (start, end) = params.search_range()?;
    if end < start {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let query = params.required("query")?.to_owned();
    blocking(move || Ok(promql::parse_expr(&query).map(|_| ())?)).await?;
    Ok(success(json!([])))
}

/// `GET /api/v1/alertmanagers`: there are none.
pub(crate) async fn alertmanagers() -> HttpResponse {
    success(json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}))
}

/// `GET /api/v1/targets/metadata`: metadata of scraped metrics. Their target is not kept, so `target` is empty.
pub(crate) async fn target_metadata(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let limit = params.whole_number("limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let wanted = params.get("metric");
    let selector = params.get("match_target").map(Selector::parse).transpose()?;
    let any = selector.is_none_or(|selector| selector.accepts(&Labels::none()));
    let all = state.reporter.views.metadata();
    let mut found: Vec<Value> = all
        .iter()
        .filter(|(name, _)| any && wanted.is_none_or(|wanted| wanted == *name))
        .map(|(name, meta)| {
            let mut row = json!(meta);
            (row["target"], row["metric"]) = (json!({}), json!(name));
            row
        })
        .collect();
    let cut = found.len() > limit;
    found.truncate(limit);
    let mut answer = json!({"status": "success", "data": found});
    if cut {
        answer["warnings"] = json!([TRUNCATED]);
    }
    state.answers.send_text(answer.to_string())
}
