//! What happened shortly before an alert, what was in progress, and the last alert like it.

use taskpulse_engine::event::Event;
use taskpulse_engine::explain::{Earlier, Explanation, LOOK_BACK_MS, happened, in_progress};
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::rules::Alert;
use taskpulse_engine::store::StoreReader;
use taskpulse_engine::words;

use crate::alert::HISTORY;

/// Most events that are read.
const MOST: usize = 2_000;
/// What is still in progress began within this time.
const DAY_MS: i64 = 86_400_000;
/// What happened so long before the end of an alert may have to do with it.
const END_MS: i64 = 120_000;

/// Adds them.
pub(super) fn look_up(store: &StoreReader, alert: &Alert, explanation: &mut Explanation) {
    let (from, to) = (explanation.from, explanation.to);
    let recent = events(store, from - LOOK_BACK_MS, to, |_| true);
    explanation.before = happened(&recent, &alert.id, from, to);
    let kinds = ["task_status", "task_removed", "run_started", "run_finished"];
    let of_work = events(store, to - DAY_MS, to, |event| kinds.contains(&event.kind.as_str()));
    explanation.in_progress = in_progress(&of_work, to);
    explanation.last = last(store, alert);
}

fn events(store: &StoreReader, start: TimestampMs, end: TimestampMs, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    match store.events(start, end, MOST, wanted) {
        Ok(events) => events.into_iter().map(|(_, event)| event).collect(),
        Err(error) => {
            log::warn!("alerts: events cannot be read for an explanation: {error}");
            Vec::new()
        }
    }
}

/// The last alert of the same rule and series that ended.
fn last(store: &StoreReader, alert: &Alert) -> Option<Earlier> {
    let kept = store.documents(HISTORY).unwrap_or_default();
    let own = format!("-{}", alert.id);
    let mut alike = kept.iter().filter(|(key, _)| key.ends_with(&own));
    // Keys rise with time.
    let count = alike.clone().count();
    let last: Alert = serde_json::from_slice(&alike.next_back()?.1).ok()?;
    let (fired_at, ended_at) = (last.firing_since?, last.resolved_at?);
    let at_its_end = events(store, ended_at - END_MS, ended_at, |_| true);
    Some(Earlier {
        fired_at,
        ended_at,
        reason: last.reason.clone(),
        busiest: last.explanation.as_deref().map(words::busiest).unwrap_or_default(),
        before_its_end: happened(&at_its_end, &alert.id, ended_at, ended_at),
        count,
    })
}
