//! The service as a whole, and marks on its time line.

use serde_json::{Value, json};
use taskpulse_actors::view::{Alert, AlertState, ServiceState, SourceState, Status, seconds};
use taskpulse_engine::event::Event;

use super::super::arguments::{Argument, Arguments, Kind};
use super::super::page::Answer;
use super::{State, at, row};
use crate::envelope::ApiError;

/// Characters of a note.
const MAX_NOTE: usize = 500;
/// How far ahead of now a note may be: clocks differ.
const AHEAD_MS: i64 = 60_000;

pub(super) const NOTE: &[Argument] = &[
    Argument::new("text", Kind::Text(MAX_NOTE), "one line for people").required(),
    Argument::new("at", Kind::Time, "when it was; now where it is left out"),
];

/// The health score, and what is wrong or missing.
pub(super) async fn status(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    let status = state.reporter.status();
    let alerts = state.reporter.views.alerts();
    let service = match status.state {
        ServiceState::Starting => "starting",
        ServiceState::Ok => "ok",
        ServiceState::Degraded => "degraded",
        ServiceState::Stopping => "stopping",
    };
    let firing = alerts.iter().filter(|alert| alert.details.state != AlertState::Pending);
    let mut rows: Vec<Value> = status.problems.iter().map(|problem| row([("problem", json!(problem))])).collect();
    rows.extend(firing.clone().map(firing_row));
    rows.extend(not_well(&status));
    Ok(Answer::new()
        .with("now", at(seconds(arguments.now)))
        .with("taskpulse", service)
        .with("version", status.version)
        .with("started", at(status.started_at))
        .with("health_score", json!(status.health.score))
        .with("not_in_the_score", status.health.missing.iter().map(|part| format!("{}: {}", part.part, part.why)).collect::<Vec<_>>())
        .with("firing_alerts", firing.count())
        .rows(rows))
}

fn firing_row(alert: &Alert) -> Value {
    let details = &alert.details;
    row([
        ("alert", json!(details.rule)),
        ("id", json!(details.id)),
        ("severity", json!(details.severity)),
        ("summary", json!(details.summary)),
    ])
}

/// Targets that are down, sources that fail, what lowers the score, and last what is not set up.
fn not_well(status: &Status) -> Vec<Value> {
    let sources = |state: SourceState, word: &'static str| {
        let of_state = status.sources.iter().filter(move |source| source.state == state);
        of_state.map(move |source| row([(word, json!(source.source)), ("why", json!(source.reason)), ("hint", json!(source.hint))]))
    };
    let down = status.targets.iter().filter(|target| target.up == Some(false));
    let down = down.map(|target| row([("probe_down", json!(target.target)), ("why", json!(target.reason)), ("since", at(target.since))]));
    let mut parts: Vec<_> = status.health.parts.iter().filter(|part| part.score < 100.0).collect();
    parts.sort_by(|a, b| a.score.total_cmp(&b.score));
    let parts = parts.into_iter();
    let parts = parts.map(|part| row([("health_part", json!(part.part)), ("score", json!(part.score)), ("why", json!(part.why))]));
    let failing = sources(SourceState::Failing, "source_failing");
    down.chain(failing).chain(parts).chain(sources(SourceState::Absent, "source_absent")).collect()
}

/// Writes a mark.
pub(super) async fn note(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    let text = arguments.text("text").unwrap_or_default();
    if text.chars().any(char::is_control) {
        return Err(ApiError::bad_data("`text` must be one line, without control characters"));
    }
    let time = arguments.time("at").unwrap_or(arguments.now);
    if time > arguments.now + AHEAD_MS {
        return Err(ApiError::bad_data("`at` is ahead of now: a note says what has happened"));
    }
    let by: Option<String> = arguments.client.as_ref().map(|name| name.chars().filter(|c| !c.is_control()).take(80).collect());
    let event = Event::new(time, "note", "note", "", text).with_data(by.map_or(Value::Null, |by| json!({"by": by})));
    super::super::keep(&state, event).await?;
    Ok(Answer::new().with("noted", text).with("at", at(seconds(time))))
}
