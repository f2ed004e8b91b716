//! The noise report: which rules fired how often, and what would have halved it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde_json::json;
use taskpulse_actors::alert::{ACTIVE, HISTORY, read_alerts};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::view::AlertNoise;
use taskpulse_engine::model::{Selector, TimestampMs, rise};
use taskpulse_engine::rules::{Alert, EvaluationLimits, Kept, RuleBook};
use taskpulse_engine::store::StoreReader;
use tokio::sync::Mutex;

use crate::envelope::{ApiError, blocking};
use crate::parameter::Parameter;
use crate::params::Params;
use crate::route::{Route, Shape};
use crate::server::AppState;

/// Most days of a report, and how many where none are named.
const MAX_DAYS: i64 = 30;
const DAYS: i64 = 7;
const DAY_MS: i64 = 86_400_000;
/// How long changes of rules are tried on the kept samples.
const TRIES: Duration = Duration::from_secs(10);
/// How long a report is given again while neither alerts nor rules change: samples go on, but a week of them changes slowly.
const FRESH: Duration = Duration::from_secs(300);
const NOTIFICATIONS: &str = "taskpulse_rule_notifications_total";

pub(crate) fn routes() -> Vec<Route> {
    const BACK: Parameter =
        Parameter::query("days", "how far back", || json!({"type": "integer", "minimum": 1, "maximum": MAX_DAYS, "default": DAYS}));
    vec![
        Route::get("/api/v1/alerts/noise", noise)
            .about("Which rules fired how often, what people acknowledged, and what would have halved it")
            .parameters(&[BACK])
            .answers(Shape::data::<AlertNoise>())
            .fails(&[422]),
    ]
}

/// The report that was made last, so that pages that ask often cost little. One at a time makes a new one.
#[derive(Default)]
pub struct LastReport(Mutex<Option<Made>>);

struct Made {
    /// What it was made of.
    of: u64,
    rules: Arc<RuleBook>,
    at: Instant,
    report: Arc<AlertNoise>,
}

async fn noise(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let days = params.whole_number("days")?.unwrap_or(DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(ApiError::bad_data(format!("invalid parameter \"days\": it must be within 1 and {MAX_DAYS}")));
    }
    let mut last = state.noise.0.lock().await;
    let (store, rules) = (state.store.clone(), Arc::clone(&state.reporter.views.rules().book));
    let alerts = blocking(move || alerts(&store)).await?;
    let of = fingerprint(days, &alerts);
    let fresh = |made: &&Made| made.of == of && Arc::ptr_eq(&made.rules, &rules) && made.at.elapsed() < FRESH;
    if let Some(made) = last.as_ref().filter(fresh) {
        return state.answers.success(&*made.report);
    }
    // One at a time with queries: it reads as much.
    let _place = state.query_places.acquire().await.map_err(|error| ApiError::unavailable(error.to_string()))?;
    let (store, limits, book, interval) = (state.store.clone(), state.rule_limits.clone(), Arc::clone(&rules), state.notice_interval);
    let end = now_ms();
    let report = Arc::new(blocking(move || report(&store, &book, &limits, &alerts, (end - days * DAY_MS, end), interval)).await?);
    *last = Some(Made { of, rules, at: Instant::now(), report: Arc::clone(&report) });
    state.answers.success(&*report)
}

/// All alerts that are kept, ended or not.
fn alerts(store: &StoreReader) -> Result<Vec<Alert>, ApiError> {
    let mut alerts = read_alerts(store, HISTORY)?;
    alerts.append(&mut read_alerts(store, ACTIVE)?);
    Ok(alerts)
}

/// What a report says of alerts changes with this.
fn fingerprint(days: i64, alerts: &[Alert]) -> u64 {
    let mut hasher = DefaultHasher::new();
    days.hash(&mut hasher);
    for alert in alerts {
        (&alert.id, alert.firing_since, alert.resolved_at, alert.acked_at.is_some()).hash(&mut hasher);
    }
    hasher.finish()
}

fn report(
    store: &StoreReader,
    book: &RuleBook,
    limits: &EvaluationLimits,
    alerts: &[Alert],
    range: (TimestampMs, TimestampMs),
    notice_interval: i64,
) -> Result<AlertNoise, ApiError> {
    let kept = Kept { book, alerts, source: store, limits, notice_interval, range, deadline: Instant::now() + TRIES };
    let notifications = notifications(store, range)?;
    Ok(AlertNoise::new(range, kept.by_rule(), kept.offer(), |rule| notifications.get(rule).copied().unwrap_or(0)))
}

/// How often notifications of each rule were delivered: a counter that begins anew with the service.
fn notifications(store: &StoreReader, (start, end): (TimestampMs, TimestampMs)) -> Result<BTreeMap<String, u64>, ApiError> {
    let selector = Selector::parse(NOTIFICATIONS).map_err(|error| ApiError::internal(error.to_string()))?;
    let mut found = BTreeMap::new();
    for id in store.select(&selector.matchers) {
        let Some(rule) = store.labels(id).and_then(|labels| labels.get("rule").map(str::to_owned)) else { continue };
        let samples = store.samples(id, start, end)?;
        let (mut sum, mut before) = (0.0, None::<f64>);
        for v in samples.values.into_iter().filter(|v| v.is_finite()) {
            sum += match before {
                Some(before) => rise(before, v),
                // What it had before the time is not of the time.
                None if store.latest(id, 0, start - 1)?.is_some() => 0.0,
                None => v,
            };
            before = Some(v);
        }
        *found.entry(rule).or_insert(0) += sum as u64;
    }
    Ok(found)
}
