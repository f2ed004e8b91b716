//! The product's own REST interface: status, windows, ended alerts, events, tasks, CI.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use taskpulse_actors::alert::{HISTORY, read_alerts};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::collectors::anomaly;
use taskpulse_actors::messages::{Acknowledge, Acknowledgement};
use taskpulse_actors::view::{self, Anomalies, Ci, CiJobs, Forecasts, Tasks};
use taskpulse_engine::anomaly::Anomaly;
use taskpulse_engine::board::cost::measure;
use taskpulse_engine::forecast::record;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::windows::Level;

use crate::agents::{self, BY};
use crate::answers::List;
use crate::envelope::{ApiError, blocking, success};
use crate::parameter::{self, END, MATCH, Parameter, START, TIMEOUT};
use crate::params::Params;
use crate::query::{need_match, with_selectors};
use crate::route::{Route, Shape};
use crate::server::AppState;

const DAY_MS: i64 = 86_400_000;
const MAX_EVENTS: usize = 1_000;
/// Longest range of `/api/v1/costs`.
const MAX_COSTS_MS: i64 = 31 * DAY_MS;
/// Rows of one answer of `/api/v1/windows`.
const MAX_WINDOWS: usize = 500_000;
/// Characters of the note of an acknowledgement.
const MAX_NOTE: usize = 500;

pub(crate) fn routes() -> Vec<Route> {
    const WINDOW: Parameter =
        Parameter::query("window", "length of the windows", || json!({"enum": ["1m", "5m", "15m", "1h", "6h", "24h"]})).required();
    const SOURCE: Parameter = Parameter::query("source", "events of this source", parameter::text);
    const ALERT: Parameter = Parameter::path("id", "the alert", id);
    const NOTE: Parameter = Parameter::query(
        "note",
        "why it asks for nothing now, at most 500 characters",
        || json!({"type": "string", "maxLength": MAX_NOTE}),
    );
    const FIRED: Parameter = Parameter::query("fired", "acknowledges this firing alone: its time in ms", parameter::integer);
    const UNTIL: Parameter = Parameter::query("until", "when a signed link ends, in ms", parameter::integer);
    const SIGNATURE: Parameter =
        Parameter::query("signature", "of a link that needs no token, as the buttons of notices have it", parameter::text);
    vec![
        Route::get("/api/v1/status", status).about("Actors, sources, pipeline, store, problems").answers(Shape::data::<view::Status>()),
        Route::get("/api/v1/windows", windows)
            .about("Closed windows of the series that are selected")
            .parameters(&[MATCH.required(), WINDOW, START, END, TIMEOUT])
            .answers(Shape::list::<view::Window>())
            .fails(&[422]),
        Route::get("/api/v1/alerts/history", alert_history)
            .about("Alerts that ended, newest first")
            .parameters(&[START, END])
            .answers(Shape::list::<view::Alert>()),
        Route::post("/api/v1/alerts/{id}/ack", acknowledge)
            .about("Acknowledges an alert")
            .parameters(&[ALERT, NOTE, FIRED, UNTIL, SIGNATURE])
            .answers(Shape::data::<view::Alert>())
            .fails(&[404]),
        Route::post("/api/v1/alerts/{id}/unack", take_back_acknowledgement)
            .about("Takes the acknowledgement of an alert back")
            .parameters(&[ALERT])
            .answers(Shape::data::<view::Alert>())
            .fails(&[404]),
        Route::get("/api/v1/anomalies", anomalies)
            .about("What was unusual for a series, newest first, and the series that are watched; at most the newest 2,000")
            .parameters(&[START, END])
            .answers(Shape::data::<Anomalies>()),
        Route::get("/api/v1/forecasts", forecasts)
            .about("When boards will be done and file systems full, and how such forecasts turned out before")
            .answers(Shape::data::<Forecasts>()),
        Route::get("/api/v1/capacity", capacity)
            .about("How much of CPU, memory, disks and CI runners is in use, and whether that suffices for the next week")
            .answers(Shape::list::<view::Capacity>()),
        Route::get("/api/v1/budgets", budgets)
            .about("Budgets of the settings: what was spent since their period began, and what the rest of it brings")
            .answers(Shape::list::<view::Budget>()),
        Route::get("/api/v1/events", events)
            .about("Points on the time line, newest first, at most 1,000")
            .parameters(&[START, END, SOURCE])
            .answers(Shape::list::<view::Event>()),
        Route::get("/api/v1/costs", costs)
            .about("What was used in a range of time: CPU, and tokens, money and time of coding agents; at most 31 days, by default the last one. With `by`, what coding agents cost by task, model, commit and more, by default ever; the rows add up, with one for what nobody can attribute")
            .parameters(&[BY, START, END])
            .answers(Shape::data::<view::Costs>()),
        Route::get("/api/v1/tasks", tasks).about("The task boards").answers(Shape::data::<Tasks>()),
        Route::get("/api/v1/ci/runs", ci_runs).about("CI: the figures of each workflow, and the newest runs").answers(Shape::data::<Ci>()),
        Route::get("/api/v1/ci/jobs", ci_jobs)
            .about("CI: where the time of jobs went, by workflow, job and outcome")
            .parameters(&[START, END])
            .answers(Shape::data::<CiJobs>()),
    ]
}

fn id() -> Value {
    json!({"type": "string", "minLength": 1})
}

async fn status(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.answers.success(&state.reporter.status())
}

async fn windows(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    need_match(&params)?;
    let window = params.required("window")?;
    let level = Level::from_name(window)
        .ok_or_else(|| ApiError::bad_data(format!("parameter `window`: `{window}` is not kept; take one of 1m 5m 15m 1h 6h 24h")))?;
    let now = now_ms();
    let (start, end) = params.range(now - DAY_MS, now)?;
    let text = with_selectors(&state, &params, move |store, selectors, query_guard| {
        let (mut list, mut count) = (List::new(), 0);
        for id in store.select_while(selectors, &|| query_guard.check())? {
            query_guard.check()?;
            let Some(labels) = store.labels(id) else { continue };
            for row in store.windows(id, level, start, end)? {
                count += 1;
                if count > MAX_WINDOWS {
                    return Err(ApiError::execution(format!("more than {MAX_WINDOWS} windows; ask for less time or fewer series")));
                }
                list.push(&view::Window::new(labels.clone(), level, &row))?;
            }
        }
        Ok(list.finish())
    });
    state.answers.send_text(text.await?)
}

async fn alert_history(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let (start, end) = params.range(0, TimestampMs::MAX)?;
    let store = state.store.clone();
    let ended = blocking(move || {
        let alerts = read_alerts(&store, HISTORY)?;
        let within = alerts.into_iter().rev().filter(|a| a.resolved_at.is_some_and(|at| at >= start) && a.pending_since <= end);
        Ok(within.map(|alert| view::Alert::from(&alert)).collect::<Vec<_>>())
    })
    .await?;
    state.answers.success(&ended)
}

async fn anomalies(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let (start, end) = params.range(0, TimestampMs::MAX)?;
    let store = state.store.clone();
    let found = blocking(move || {
        let kept = store.documents(anomaly::KIND)?;
        let anomalies = kept.into_iter().rev().filter_map(|(_, bytes)| serde_json::from_slice::<Anomaly>(&bytes).ok());
        Ok(anomalies.filter(|anomaly| (start..=end).contains(&anomaly.at)).map(|anomaly| view::Anomaly::from(&anomaly)).collect::<Vec<_>>())
    })
    .await?;
    let watched = state.reporter.views.watched().as_ref().clone();
    state.answers.success(&Anomalies { anomalies: found, watched })
}

async fn forecasts(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let store = state.store.clone();
    let records = blocking(move || Ok(record::records(&store, now_ms())?)).await?;
    let undated = state.reporter.views.undated().as_ref().clone();
    let series = state.reporter.views.forecasts().as_ref().clone();
    state.answers.success(&Forecasts { undated, series, ..Forecasts::from(records.as_slice()) })
}

async fn capacity(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.answers.success(&state.reporter.views.capacity())
}

async fn budgets(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.answers.success(&state.reporter.views.budgets())
}

async fn acknowledge(state: web::Data<AppState>, id: web::Path<String>, params: Params) -> Result<HttpResponse, ApiError> {
    // A link that needs no token does nothing but acknowledge.
    let note = params.get("note").filter(|_| params.get("signature").is_none());
    let note = note.map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned);
    let length = note.as_ref().map_or(0, |note| note.chars().count());
    if length > MAX_NOTE {
        return Err(ApiError::bad_data(format!("parameter `note`: {length} characters; use at most {MAX_NOTE}")));
    }
    if let Some(fired) = params.get("fired") {
        let fired: i64 = fired.parse().map_err(|_| ApiError::bad_data("parameter `fired`: must be a time in ms".to_owned()))?;
        let alerts = state.reporter.views.alerts();
        let fires = alerts.iter().any(|alert| alert.details.id == *id && alert.details.firing_since == Some(view::seconds(fired)));
        if !fires {
            return Err(ApiError::not_found("the alert that this link is for is over".to_owned()));
        }
    }
    change_alert(&state, id.into_inner(), Acknowledgement::Seen { note }).await
}

async fn take_back_acknowledgement(state: web::Data<AppState>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    change_alert(&state, id.into_inner(), Acknowledgement::TakenBack).await
}

async fn change_alert(state: &AppState, id: String, acknowledgement: Acknowledgement) -> Result<HttpResponse, ApiError> {
    let answer = state.acknowledge.send(Acknowledge { id: id.clone(), acknowledgement }).await;
    let answer = answer.map_err(|error| ApiError::unavailable(format!("the alert actor: {error}; try again")))?;
    match answer.map_err(|error| ApiError::unavailable(format!("not kept: {error}")))? {
        Some(alert) => Ok(success(alert)),
        None => Err(ApiError::not_found(format!("no active alert has the id `{id}`; /api/v1/alerts lists them"))),
    }
}

async fn events(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let (start, end) = params.range(0, TimestampMs::MAX - 1)?;
    let source = params.get("source").map(str::to_owned);
    let store = state.store.clone();
    let found = blocking(move || {
        let wanted = |e: &taskpulse_engine::event::Event| source.as_ref().is_none_or(|s| *s == e.source);
        Ok(store.events(start, end, MAX_EVENTS, wanted)?.iter().map(|(id, event)| view::Event::new(id, event)).collect::<Vec<_>>())
    })
    .await?;
    state.answers.success(&found)
}

async fn costs(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let now = now_ms();
    if let Some(by) = params.get("by") {
        let by = agents::asked(by)?;
        let end = params.time("end")?.unwrap_or(now.saturating_add(1));
        let (start, end) = params.range(0, end)?;
        let rows = agents::costs_of(&state, by, start, end).await?;
        return state.answers.success(&view::Costs::Rows(Box::new(rows)));
    }
    let end = params.time("end")?.unwrap_or(now);
    let (start, end) = params.range(end.saturating_sub(DAY_MS), end)?;
    if end.saturating_sub(start) > MAX_COSTS_MS {
        return Err(ApiError::bad_data("parameter `start`: more than 31 days before `end`; ask for less time"));
    }
    let (store, names) = (state.store.clone(), state.money.agents.clone());
    let spent =
        blocking(move || Ok(view::Spent::new(measure(&store, start, end, &names, None)?, names.currency().map(str::to_owned)))).await?;
    state.answers.success(&view::Costs::Spent(spent))
}

async fn tasks(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let views = &state.reporter.views;
    state.answers.success(&Tasks { boards: views.boards(), sources: views.sources_of("taskmaster") })
}

async fn ci_runs(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let views = &state.reporter.views;
    state.answers.success(&Ci { repositories: views.repositories(), sources: views.sources_of("github") })
}

async fn ci_jobs(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let (start, end) = params.range(0, TimestampMs::MAX)?;
    let jobs = state.reporter.views.jobs();
    let summed = blocking(move || Ok(CiJobs::new(&jobs, start, end))).await?;
    state.answers.success(&summed)
}
