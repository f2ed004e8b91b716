//! Alerts, and why they fired.

use std::sync::Arc;

use serde_json::{Value, json};
use taskpulse_actors::alert::{HISTORY, read_alerts};
use taskpulse_actors::view::{Alert, AlertState, Explanation, seconds};

use super::super::arguments::{Argument, Arguments, Kind};
use super::super::page::Answer;
use super::{State, at, number, row};
use crate::envelope::{ApiError, blocking};

const DAY_MS: i64 = 86_400_000;
const MAX_NAME: usize = 300;

pub(super) const ALERTS: &[Argument] = &[
    Argument::new("state", Kind::OneOf(&["active", "ended"]), "`active` where it is left out"),
    Argument::new("rule", Kind::Text(MAX_NAME), "of this rule alone"),
    Argument::new("start", Kind::Time, "of ended ones: from when; a day ago where it is left out"),
    Argument::new("end", Kind::Time, "of ended ones: until when"),
];

pub(super) const WHY: &[Argument] = &[
    Argument::new("alert", Kind::Text(MAX_NAME), "its id; without `alert` and `rule` the newest that fires"),
    Argument::new("rule", Kind::Text(MAX_NAME), "the newest alert of this rule"),
];

/// Alerts that are active, or that ended within a time.
pub(super) async fn alerts(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    let active = state.reporter.views.alerts();
    let ended = arguments.text("state") == Some("ended");
    let all = if ended {
        let end = arguments.time("end").unwrap_or(arguments.now);
        let start = arguments.time("start").unwrap_or(end - DAY_MS);
        let kept = history(&state).await?;
        let within =
            |alert: &Alert| alert.details.resolved_at.is_some_and(|at| at >= seconds(start)) && alert.details.pending_since <= seconds(end);
        kept.into_iter().filter(within).collect()
    } else {
        newest_first(&active)
    };
    let rule = arguments.text("rule");
    let rows: Vec<Value> = all.iter().filter(|alert| rule.is_none_or(|rule| alert.details.rule == rule)).map(shown).collect();
    let nothing = if ended { "no alert ended within this time" } else { "no alert is pending or firing" };
    Ok(Answer::new().with("count", rows.len()).with("missing", rows.is_empty().then_some(nothing)).rows(rows))
}

/// What is known about why an alert fired.
pub(super) async fn why(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    let (id, rule) = (arguments.text("alert"), arguments.text("rule"));
    let asked = |alert: &Alert| {
        let details = &alert.details;
        let fired = details.firing_since.is_some() || id.is_some() || rule.is_some();
        fired && id.is_none_or(|id| details.id == id) && rule.is_none_or(|rule| details.rule == rule)
    };
    let active = newest_first(&state.reporter.views.alerts());
    let found = match active.into_iter().find(asked) {
        Some(alert) => Some(alert),
        // Without a name, what is over is not what somebody means.
        None if id.is_none() && rule.is_none() => None,
        None => history(&state).await?.into_iter().find(asked),
    };
    let Some(alert) = found else {
        return match id.or(rule) {
            Some(_) => Err(ApiError::not_found("there is no such alert, active or ended; `alerts` lists them with their ids and rules")),
            None => Ok(Answer::new().with("missing", "no alert is firing; `alerts` with `state`: `ended` lists those that were")),
        };
    };
    let details = &alert.details;
    let answer = Answer::new()
        .with("alert", shown(&alert))
        .with("lines", details.explanation.as_ref().map_or_else(Vec::new, |why| why.lines.clone()))
        .with("what_to_do", details.remediation.clone());
    Ok(match &details.explanation {
        None => answer.with("missing", "nothing is known yet about why it fired"),
        Some(why) => answer.rows(known(why)),
    })
}

/// What is known, one thing a row.
fn known(why: &Explanation) -> Vec<Value> {
    let mut rows: Vec<Value> = why.used.iter().map(|used| row([("used", json!(used.text))])).collect();
    rows.extend(why.containers.iter().map(|used| row([("used_by_container", json!(used.text))])));
    rows.extend(why.said.iter().map(|said| row([("said", json!(said.text)), ("at", at(said.at))])));
    rows.extend(why.moved.iter().map(|moved| row([("moved", json!(moved.text)), ("together", json!(moved.together))])));
    rows.extend(
        why.in_progress
            .iter()
            .map(|work| row([("in_progress", json!(work.what)), ("title", json!(work.title)), ("since", at(work.since))])),
    );
    rows.extend(
        why.before.iter().map(|event| row([("before", json!(event.title)), ("source", json!(event.source)), ("at", at(event.at))])),
    );
    rows.extend(why.last.as_ref().map(|last| {
        let ended: Vec<&str> = last.before_its_end.iter().map(|event| event.title.as_str()).collect();
        row([
            ("last_time_fired", at(last.fired_at)),
            ("ended", at(last.ended_at)),
            ("before_its_end", json!(ended)),
            ("times", json!(last.count)),
        ])
    }));
    rows
}

fn shown(alert: &Alert) -> Value {
    let details = &alert.details;
    row([
        ("id", json!(details.id)),
        ("rule", json!(details.rule)),
        ("state", json!(details.state)),
        ("severity", json!(details.severity)),
        ("summary", json!(details.summary)),
        ("value", number(alert.value)),
        ("fired", at(details.firing_since)),
        ("pending_since", if details.firing_since.is_none() { at(details.pending_since) } else { Value::Null }),
        ("ended", at(details.resolved_at)),
        ("acknowledged", at(details.acked_at)),
        ("note", json!(details.note)),
        ("reason", json!(details.reason)),
        ("source_reason", json!(details.source_reason)),
        ("busiest", json!(details.busiest)),
    ])
}

/// Those that fire before those that are pending, the newest first.
fn newest_first(alerts: &Arc<Vec<Alert>>) -> Vec<Alert> {
    let mut all: Vec<Alert> = alerts.iter().cloned().collect();
    all.sort_by(|a, b| {
        let key =
            |alert: &Alert| (alert.details.state != AlertState::Pending, alert.details.firing_since.unwrap_or(alert.details.pending_since));
        key(b).partial_cmp(&key(a)).unwrap_or(std::cmp::Ordering::Equal)
    });
    all
}

/// Alerts that ended, the newest first.
async fn history(state: &State) -> Result<Vec<Alert>, ApiError> {
    let store = state.store.clone();
    blocking(move || Ok(read_alerts(&store, HISTORY)?.iter().rev().map(Alert::from).collect())).await
}
