//! Small endpoints that clients of Prometheus use: build and runtime information, store statistics, and an empty answer.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::view::MetricMetadata;
use taskpulse_engine::model::{Labels, Selector, rfc3339};
use taskpulse_engine::span::Span;
use utoipa::ToSchema;

use crate::discovery::METRIC;
use crate::envelope::{ApiError, success};
use crate::parameter::{self, Parameter};
use crate::params::Params;
use crate::query::TRUNCATED;
use crate::route::{Route, Shape};
use crate::server::AppState;

/// Rows of each list of `/api/v1/status/tsdb`, as in Prometheus.
const ROWS: i64 = 10;
const MAX_ROWS: i64 = 10_000;

pub(crate) fn routes() -> Vec<Route> {
    const ROWS_LIMIT: Parameter =
        Parameter::query("limit", "rows of each list", || json!({"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": ROWS}));
    const TARGET: Parameter = Parameter::query("match_target", "targets by their labels", parameter::selector);
    const METRICS: Parameter =
        Parameter::query("limit", "metrics at the most; none where it is 0, all where it is negative", parameter::integer);
    vec![
        Route::get("/api/v1/status/buildinfo", buildinfo).about("Version").answers(Shape::data::<BuildInfo>()),
        Route::get("/api/v1/status/runtimeinfo", runtimeinfo)
            .about("Since when it runs, and for how long it keeps samples")
            .answers(Shape::data::<RuntimeInfo>()),
        Route::get("/api/v1/status/tsdb", tsdb)
            .about("The metrics with the most series, and the labels with the most values")
            .parameters(&[ROWS_LIMIT])
            .answers(Shape::data::<TsdbStatus>()),
        Route::get("/api/v1/alertmanagers", alertmanagers)
            .about("Alertmanagers: alerts are sent to none")
            .answers(Shape::data::<Alertmanagers>()),
        Route::get("/api/v1/targets/metadata", target_metadata)
            .about("What scraped programs say of their metrics")
            .parameters(&[TARGET, METRIC, METRICS])
            .answers(Shape::list::<TargetMetadata>())
            .fails(&[422]),
    ]
}

/// What the service was built from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    application: &'static str,
    revision: &'static str,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

/// What runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RuntimeInfo {
    #[schema(format = "date-time")]
    start_time: String,
    #[schema(format = "date-time")]
    server_time: String,
    reload_config_success: bool,
    #[schema(format = "date-time")]
    last_config_time: String,
    /// A duration: `30d`.
    storage_retention: String,
}

/// What the store holds. What it does not count is `null`, or an empty list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TsdbStatus {
    head_stats: HeadStats,
    series_count_by_metric_name: Vec<Count>,
    label_value_count_by_label_name: Vec<Count>,
    memory_in_bytes_by_label_name: Vec<Count>,
    series_count_by_label_value_pair: Vec<Count>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HeadStats {
    num_series: usize,
    num_label_pairs: Option<u64>,
    chunk_count: Option<u64>,
    min_time: Option<i64>,
    max_time: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Count {
    name: String,
    value: u64,
}

/// Where alerts are sent as Prometheus sends them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: Vec<Alertmanager>,
    dropped_alertmanagers: Vec<Alertmanager>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Alertmanager {
    url: String,
}

/// What a scraped program says of a metric. Which program is not kept.
#[derive(Debug, Serialize, ToSchema)]
struct TargetMetadata {
    /// Empty.
    #[schema(value_type = BTreeMap<String, String>)]
    target: BTreeMap<&'static str, &'static str>,
    metric: String,
    #[serde(flatten)]
    metadata: MetricMetadata,
}

async fn buildinfo(state: web::Data<AppState>) -> HttpResponse {
    success(BuildInfo {
        version: state.reporter.version,
        application: "taskpulse",
        revision: "",
        branch: "",
        build_user: "",
        build_date: "",
        go_version: "",
    })
}

async fn runtimeinfo(state: web::Data<AppState>) -> HttpResponse {
    let started = rfc3339(state.reporter.started_at);
    let retention = Span::millis((state.store.status().retention_seconds * 1e3) as i64).to_string();
    success(RuntimeInfo {
        start_time: started.clone(),
        server_time: rfc3339(now_ms()),
        reload_config_success: true,
        last_config_time: started,
        storage_retention: retention,
    })
}

async fn tsdb(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let limit = params.whole_number("limit")?.unwrap_or(ROWS);
    if !(1..=MAX_ROWS).contains(&limit) {
        return Err(ApiError::bad_data(format!("invalid parameter \"limit\": it must be within 1 and {MAX_ROWS}")));
    }
    let (metrics, labels) = state.store.cardinality();
    let rows = |counts: &mut dyn Iterator<Item = (String, u64)>| -> Vec<Count> {
        counts.take(limit as usize).map(|(name, value)| Count { name, value }).collect()
    };
    Ok(success(TsdbStatus {
        head_stats: HeadStats {
            num_series: state.store.series_count(),
            num_label_pairs: None,
            chunk_count: None,
            min_time: None,
            max_time: None,
        },
        series_count_by_metric_name: rows(&mut metrics.into_iter().map(|share| (share.name, share.series))),
        label_value_count_by_label_name: rows(&mut labels.into_iter().map(|share| (share.name, share.values.unwrap_or(0) as u64))),
        memory_in_bytes_by_label_name: Vec::new(),
        series_count_by_label_value_pair: Vec::new(),
    }))
}

async fn alertmanagers() -> HttpResponse {
    success(Alertmanagers { active_alertmanagers: Vec::new(), dropped_alertmanagers: Vec::new() })
}

async fn target_metadata(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let limit = params.whole_number("limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let wanted = params.get("metric");
    let selector = params.get("match_target").map(Selector::parse).transpose()?;
    let any = selector.is_none_or(|selector| selector.accepts(&Labels::none()));
    let all = state.reporter.views.metadata();
    let mut found: Vec<TargetMetadata> = all
        .into_iter()
        .filter(|(name, _)| any && wanted.is_none_or(|wanted| wanted == *name))
        .map(|(metric, metadata)| TargetMetadata { target: BTreeMap::new(), metric, metadata })
        .collect();
    let cut = found.len() > limit;
    found.truncate(limit);
    let mut answer = json!({"status": "success", "data": found});
    if cut {
        answer["warnings"] = json!([TRUNCATED]);
    }
    state.answers.send_text(answer.to_string())
}
