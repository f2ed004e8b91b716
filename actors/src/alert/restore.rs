//! What the alert actor knows after a start: the rules that were given, the alerts that were kept, and the samples that came since.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use taskpulse_engine::model::{SeriesId, TimestampMs};
use taskpulse_engine::rules::{Alert, AlertTracker, Condition, GivenRule, Judge, RuleBook};
use taskpulse_engine::store::{Limits, StoreError, StoreReader};

use super::{ACTIVE, AlertActor, CHECKPOINT, HISTORY, RULES};

/// How far back samples are evaluated again after a restart.
const REPLAY_MS: i64 = 3_600_000;
/// How far back after batches that were missed: what is older is history.
const MISSED_MS: i64 = 300_000;
/// Most samples that are evaluated again.
const REPLAY_SAMPLES: usize = 5_000_000;

/// The book with the rules that were given.
#[must_use]
pub fn with_given_rules(mut book: RuleBook, store: &StoreReader) -> RuleBook {
    let kept = match store.documents(RULES) {
        Ok(documents) => documents,
        Err(error) => {
            log::error!("alerts: the rules that were given cannot be read: {error}");
            return book;
        }
    };
    let read = |(name, bytes): (String, Vec<u8>)| match serde_json::from_slice::<GivenRule>(&bytes) {
        Ok(rule) => Some((name, rule)),
        Err(error) => {
            log::error!("alerts: rule `{name}` cannot be read: {error}");
            None
        }
    };
    for refused in book.restore(kept.into_iter().filter_map(read)) {
        log::error!("alerts: a rule that was given is left out: {refused}");
    }
    book
}

/// The alerts that are kept of a kind, in the order of their keys: [`HISTORY`] by their ends.
///
/// # Errors
/// If the store cannot be read.
pub fn read_alerts(store: &StoreReader, kind: &str) -> Result<Vec<Alert>, StoreError> {
    let documents = store.documents(kind)?;
    Ok(documents.iter().filter(|(key, _)| key != CHECKPOINT).filter_map(|(key, bytes)| alert_of(key, bytes)).collect())
}

/// The alert in a document.
fn alert_of(key: &str, bytes: &[u8]) -> Option<Alert> {
    serde_json::from_slice(bytes).inspect_err(|error| log::error!("alerts: the kept alert `{key}` cannot be read: {error}")).ok()
}

/// Kept alerts and the checkpoint.
pub(super) fn kept(store: &StoreReader, kinds: &[&str]) -> (Vec<Alert>, TimestampMs) {
    let (mut alerts, mut checkpoint) = (Vec::new(), 0);
    for kind in kinds {
        match store.documents(kind) {
            Ok(documents) => {
                for (key, bytes) in documents {
                    if key == CHECKPOINT {
                        checkpoint = checkpoint.max(serde_json::from_slice(&bytes).unwrap_or(0));
                    } else {
                        alerts.extend(alert_of(&key, &bytes));
                    }
                }
            }
            Err(error) => log::error!("alerts: kept states cannot be read: {error}"),
        }
    }
    (alerts, checkpoint)
}

/// Notes up to when alerts were evaluated: their series of `ALERTS` goes on while they are.
fn note_evaluated(tracker: &mut AlertTracker, store: &StoreReader, now: TimestampMs) {
    for alert in tracker.active() {
        let newest = alert.series().and_then(|[series, _]| store.newest(store.series_id(&series)?));
        if let Some(newest) = newest.filter(|newest| *newest <= now) {
            tracker.note_evaluated(&alert.id, newest);
        }
    }
}

impl AlertActor {
    /// Restores alerts and checkpoint from the store, and evaluates what was stored since.
    pub(super) fn restore(&mut self) {
        self.note_standstills();
        let now = self.clock.now_ms();
        let (alerts, checkpoint) = kept(&self.store, &[ACTIVE, HISTORY]);
        self.checkpoint = self.checkpoint.max(checkpoint);
        let ended = {
            let mut tracker = self.tracker.lock();
            let ended = tracker.restore(alerts, now);
            note_evaluated(&mut tracker, &self.store, now);
            ended
        };
        self.publish(ended);
        let from = self.checkpoint.max(now - REPLAY_MS);
        self.catch_up(from, now);
    }

    /// Evaluates what was stored since the checkpoint, because batches were missed.
    pub(super) fn catch_up_missed(&mut self, now: TimestampMs) {
        let from = self.checkpoint.max(now - MISSED_MS);
        self.catch_up(from, now);
    }

    fn catch_up(&mut self, from: TimestampMs, now: TimestampMs) {
        let limits = Limits { max_samples: REPLAY_SAMPLES, deadline: Instant::now() + Duration::from_secs(20) };
        let mut ids: BTreeSet<SeriesId> = BTreeSet::new();
        for rule in self.rules.rules() {
            if let Condition::Sample(condition) = &rule.condition {
                let found = self.store.select(&condition.selector.matchers);
                ids.extend(found.into_iter().filter(|id| self.store.may_have(*id, from)));
            }
        }
        let ids: Vec<SeriesId> = ids.into_iter().collect();
        let mut tracker = self.tracker.lock();
        for series in self.store.scan(&ids, from.saturating_add(1), now, limits) {
            match series {
                Ok(series) => {
                    let Some(slot) = tracker.watch(&series.labels, None) else { continue };
                    for sample in series.columns.iter() {
                        self.checkpoint = self.checkpoint.max(sample.t);
                        tracker.observe(slot, sample.t, sample.v, Judge::CatchUp(now));
                    }
                }
                Err(error) => {
                    log::error!("alerts: could not catch up: {error}");
                    break;
                }
            }
        }
        let changes = tracker.changes();
        drop(tracker);
        self.publish(changes);
    }
}
