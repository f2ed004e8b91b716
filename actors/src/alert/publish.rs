//! What follows from a change of an alert: it is kept, shown, put on the time line, and people are notified.

use std::sync::Arc;

use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Labels, TimestampMs};
use taskpulse_engine::promql::syntax::Grid;
use taskpulse_engine::promql::{AtOnce, Query};
use taskpulse_engine::rules::{Alert, AlertState, annotations, result_at};
use taskpulse_engine::store::DocumentChange;
use taskpulse_engine::template::TemplateSample;
use taskpulse_engine::words;

use super::{ACTIVE, AlertActor, CHECKPOINT, HISTORY, STORED_AFTER_MS, views_of};
use crate::messages::{ChangeDocuments, Notify, Publish, RecordEvents};

impl AlertActor {
    pub(super) fn publish(&mut self, mut changes: Vec<Alert>) {
        if changes.is_empty() {
            return;
        }
        self.expand_annotations(&mut changes);
        let mut active: Vec<DocumentChange> = vec![self.checkpoint_document()];
        let mut history: Vec<DocumentChange> = Vec::new();
        for alert in &changes {
            let bytes = serde_json::to_vec(alert).ok();
            if alert.state == AlertState::Resolved {
                active.push((alert.id.clone(), None));
                if let (Some(_), Some(ended)) = (alert.firing_since, alert.resolved_at) {
                    history.push((history_key(ended, &alert.id), bytes));
                }
            } else {
                active.push((alert.id.clone(), bytes));
            }
        }
        self.publish_active();
        let _ = self.outputs.hub.try_send(Publish::Alerts(views_of(&changes)));
        self.keep(ACTIVE, active);
        if !history.is_empty() {
            self.keep(HISTORY, history);
        }
        let mut announced = Vec::new();
        for alert in changes.into_iter().filter(|alert| alert.firing_since.is_some()) {
            // That it fired comes before what became of it.
            self.announce_what_waits(&alert.id);
            if !self.waits_for_its_explanation(&alert) {
                announced.push(alert);
            }
        }
        self.announce(announced);
    }

    /// Puts alerts on the time line, and notifies people.
    pub(super) fn announce(&mut self, alerts: Vec<Alert>) {
        let events: Vec<Event> = alerts.iter().map(event_of).collect();
        let count = alerts.len();
        if count == 0 {
            return;
        }
        // The notifier asks for what it missed.
        if let Err(why) = self.outputs.notifier.try_send(Notify(alerts)) {
            log::error!("alerts: {count} changes reach the notifier later: {why}");
        }
        if self.outputs.events.try_send(RecordEvents(events)).is_err() {
            log::error!("alerts: the store is too busy for the time line");
        }
    }

    /// Expands the annotations of alerts that begin or go on. A query of a template that takes more than a moment has an error in the
    /// place of its text: nobody may wait for an alert because of its description.
    fn expand_annotations(&mut self, changes: &mut [Alert]) {
        let rules = Arc::clone(&self.rules);
        for alert in changes.iter_mut().filter(|alert| alert.state != AlertState::Resolved) {
            let Some(at) = rules.place_of(alert.rule_key()) else { continue };
            let rule = &rules.rules()[at];
            if !rule.spec.annotations.is_empty() {
                let t = alert.last_sample;
                let mut queries = |text: &str| self.answer(text, t);
                let texts = annotations(rule, alert, t, &mut queries);
                self.tracker.lock().set_annotations(&alert.id, &texts);
                alert.annotations = texts;
            }
            self.note_template_fault(at, alert);
        }
    }

    /// Notes at its rule that a text of an alert could not be expanded.
    fn note_template_fault(&mut self, rule: usize, alert: &Alert) {
        let Some(state) = self.states.rules.get_mut(rule) else { return };
        let fault = alert.template_fault();
        if state.template_fault != fault {
            if let Some(fault) = &fault {
                log::warn!("alerts: rule {}: {fault}", alert.rule_key());
            }
            state.template_fault = fault;
            self.states_changed = true;
        }
    }

    /// The answer to a query of a template.
    fn answer(&self, text: &str, t: TimestampMs) -> Result<Vec<TemplateSample>, String> {
        let query = Query::parse(text, Grid::default()).map_err(|error| error.to_string())?;
        let result = result_at(&query, t, &AtOnce::new(&self.store, 1), &self.limits).map_err(|error| error.to_string())?;
        let sample = |(labels, value): (Labels, f64)| TemplateSample {
            labels: Arc::new(labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
            value,
        };
        Ok(result.into_iter().map(sample).collect())
    }

    pub(super) fn publish_active(&self) {
        self.active.send_replace(Arc::new(views_of(&self.tracker.lock().active())));
    }

    pub(super) fn keep(&self, kind: &'static str, changes: Vec<DocumentChange>) {
        if let Err(why) = self.outputs.documents.try_send(ChangeDocuments { kind, changes }) {
            log::error!("alerts: states not kept: the store: {why}");
        }
    }

    /// Keeps up to when samples have been evaluated. What is measured before and stored later is history after a restart too.
    pub(super) fn keep_checkpoint(&mut self) {
        self.checkpoint = self.checkpoint.max(self.clock.now_ms() - STORED_AFTER_MS);
        self.keep(ACTIVE, vec![self.checkpoint_document()]);
    }

    /// Up to when samples have been evaluated.
    pub(super) fn checkpoint_document(&self) -> DocumentChange {
        (CHECKPOINT.to_owned(), serde_json::to_vec(&self.checkpoint).ok())
    }
}

/// Sorts by time.
pub(super) fn history_key(ended: TimestampMs, id: &str) -> String {
    format!("{ended:020}-{id}")
}

fn event_of(alert: &Alert) -> Event {
    let (kind, at) = match alert.state {
        AlertState::Resolved => ("alert_resolved", alert.resolved_at),
        AlertState::Unknown => ("alert_unknown", alert.unknown_since),
        AlertState::Pending | AlertState::Firing => ("alert_firing", alert.firing_since),
    };
    let mut event = Event::new(at.unwrap_or(alert.last_sample), "alert", kind, alert.id.clone(), alert.summary.clone());
    event.severity = alert.severity.to_string();
    let busiest = alert.explanation.as_deref().map(words::busiest).unwrap_or_default();
    event.with_data(serde_json::json!({"rule": alert.rule, "metric": alert.metric, "busiest": busiest, "reason": alert.reason}))
}
