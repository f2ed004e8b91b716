//! The alert actor: evaluates the rules for every stored sample, keeps the alerts that follow, and publishes them.
//!
//! On each change of an alert the new state and the checkpoint are kept in the store, the view of active alerts is published, and the
//! change is sent to the time line, the hub and the notifier. Restart: alerts are restored from the store and samples since
//! the checkpoint are evaluated again, so nothing is missed and nothing is notified twice.

use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::ResponseFuture;
use rustc_hash::FxHashMap;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{SeriesId, TimestampMs};
use taskpulse_engine::rules::{Alert, AlertState, AlertTracker, Condition, RuleSet};
use taskpulse_engine::store::{DocumentChange, Limits, StoreReader};
use tokio::sync::watch;

use crate::busiest::busiest;
use crate::clock::Clock;
use crate::messages::{Acknowledge, Acknowledgement, AppendError, ChangeDocuments, Notify, Publish, RecordEvents, StoredBatch};
use crate::series_cache::clear_when_full;
use crate::standstill;
use crate::store::change;
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};
use crate::view::{self, seconds as unix_seconds};

/// Documents of pending and firing alerts, and the checkpoint.
pub const ACTIVE: &str = "alerts";
/// Documents of alerts that fired and ended.
pub const HISTORY: &str = "alert_history";
/// Ended alerts kept at the most.
const MAX_HISTORY: usize = 10_000;
const CHECKPOINT: &str = "checkpoint";
const TICK: Duration = Duration::from_secs(5);
const TRIM: Duration = Duration::from_secs(3_600);
/// How far back samples are evaluated again after a restart.
const REPLAY_MS: i64 = 3_600_000;
/// Most samples that are evaluated again.
const REPLAY_SAMPLES: usize = 5_000_000;

/// Where the alert actor sends its results.
#[derive(Clone)]
pub struct AlertOutputs {
    /// Keeps states.
    pub documents: Mailbox<ChangeDocuments>,
    /// Keeps the time line.
    pub events: Mailbox<RecordEvents>,
    /// Notifies people.
    pub notifier: Mailbox<Notify>,
    /// Publishes to screens.
    pub hub: Mailbox<Publish>,
}

/// See the module.
pub struct AlertActor {
    clock: Clock,
    store: StoreReader,
    rules: Arc<RuleSet>,
    active: watch::Sender<Arc<Vec<view::Alert>>>,
    outputs: AlertOutputs,
    tracker: AlertTracker,
    /// Which rules apply to a series.
    watching: FxHashMap<SeriesId, Box<[usize]>>,
    /// Series that no rule applies to, by id: most of them, so this is checked first.
    unwatched: Vec<bool>,
    /// Number of the last batch that was evaluated; zero before the first.
    batch: u64,
    /// Samples up to here have been evaluated.
    checkpoint: TimestampMs,
    /// Number of the newest standstill that the tracker knows.
    tracked_standstill: u64,
    /// Number of the newest standstill on the time line.
    recorded_standstill: u64,
}

/// The alerts that were active when they were kept last: what is published until the actor has started.
#[must_use]
pub fn kept_alerts(store: &StoreReader, rules: &Arc<RuleSet>, now: TimestampMs) -> Vec<view::Alert> {
    let mut tracker = AlertTracker::new(Arc::clone(rules));
    let kept = store.documents(ACTIVE).unwrap_or_default();
    // The actor logs what cannot be read, and records those that have ended.
    tracker.restore(kept.iter().filter_map(|(_, bytes)| serde_json::from_slice(bytes).ok()).collect(), now);
    views_of(&tracker.active())
}

fn views_of(alerts: &[Alert]) -> Vec<view::Alert> {
    alerts.iter().map(view::Alert::from).collect()
}

impl AlertActor {
    /// An actor over `store` that publishes what is `active`; it restores what was kept when it starts.
    #[must_use]
    pub fn new(
        clock: Clock,
        store: StoreReader,
        rules: Arc<RuleSet>,
        active: watch::Sender<Arc<Vec<view::Alert>>>,
        outputs: AlertOutputs,
    ) -> Self {
        let tracker = AlertTracker::new(Arc::clone(&rules));
        Self {
            clock,
            store,
            rules,
            active,
            outputs,
            tracker,
            watching: FxHashMap::default(),
            unwatched: Vec::new(),
            batch: 0,
            checkpoint: 0,
            tracked_standstill: 0,
            recorded_standstill: 0,
        }
    }

    /// Restores alerts and checkpoint from the store, and evaluates what was stored since.
    fn restore(&mut self) {
        self.note_standstills();
        let now = self.clock.now_ms();
        let mut kept = Vec::new();
        for kind in [ACTIVE, HISTORY] {
            match self.store.documents(kind) {
                Ok(documents) => {
                    for (key, bytes) in documents {
                        if key == CHECKPOINT {
                            let at = serde_json::from_slice(&bytes).unwrap_or(0);
                            self.checkpoint = self.checkpoint.max(at);
                        } else if let Ok(alert) = serde_json::from_slice::<Alert>(&bytes) {
                            kept.push(alert);
                        }
                    }
                }
                Err(error) => log::error!("alerts: kept states cannot be read: {error}"),
            }
        }
        let ended = self.tracker.restore(kept, now);
        self.publish(ended);
        self.catch_up(now);
    }

    /// Reads the standstills of the service since the last call; to be called before samples are evaluated.
    fn note_standstills(&mut self) {
        let mut events = Vec::new();
        for still in standstill::since(self.tracked_standstill) {
            self.tracked_standstill = still.number;
            self.tracker.add_standstill(still.from, still.to);
            if still.is_long() && still.number > self.recorded_standstill {
                self.recorded_standstill = still.number;
                let seconds = still.length.as_secs();
                let title =
                    format!("The service stood still for {seconds} s (asleep, stopped, or without CPU); nothing was judged meanwhile");
                log::warn!("{title}");
                let event = Event::new(still.to, "service", "standstill", "taskpulse", title);
                events.push(event.with_data(serde_json::json!({"from": unix_seconds(still.from), "to": unix_seconds(still.to)})));
            }
        }
        if !events.is_empty() && self.outputs.events.try_send(RecordEvents(events)).is_err() {
            log::error!("alerts: the store is too busy for the time line");
        }
    }

    /// Evaluates what was stored since the checkpoint.
    fn catch_up(&mut self, now: TimestampMs) {
        let from = self.checkpoint.max(now - REPLAY_MS);
        let limits = Limits { max_samples: REPLAY_SAMPLES, deadline: Instant::now() + Duration::from_secs(20) };
        let mut changes = Vec::new();
        for (at, rule) in self.rules.rules().iter().enumerate() {
            let Condition::Sample(condition) = &rule.condition else { continue };
            let ids = self.store.select(&condition.selector.matchers);
            for series in self.store.scan(&ids, from.saturating_add(1), TimestampMs::MAX, limits) {
                match series {
                    Ok(series) => {
                        for sample in series.columns.iter() {
                            self.checkpoint = self.checkpoint.max(sample.t.min(now));
                            changes.extend(self.tracker.observe(at, &series.labels, sample.t, sample.v));
                        }
                    }
                    Err(error) => {
                        log::error!("alerts: rule {} could not catch up: {error}", rule.name);
                        break;
                    }
                }
            }
        }
        self.publish(changes);
    }

    fn publish(&mut self, mut changes: Vec<Alert>) {
        if changes.is_empty() {
            return;
        }
        for alert in changes.iter_mut().filter(|alert| alert.state == AlertState::Firing) {
            if let Some(named) = self.tracker.set_busiest(&alert.id, busiest(&self.store, alert)) {
                *alert = named;
            }
        }
        let mut active: Vec<DocumentChange> = vec![(CHECKPOINT.to_owned(), serde_json::to_vec(&self.checkpoint).ok())];
        let mut history: Vec<DocumentChange> = Vec::new();
        let mut events = Vec::new();
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
            if alert.firing_since.is_some() {
                events.push(event_of(alert));
                if let Err(why) = self.outputs.notifier.try_send(Notify(alert.clone())) {
                    log::error!("alerts: {} {:?} cannot be sent: {why}: {}", alert.rule, alert.state, alert.summary);
                }
            }
        }
        self.publish_active();
        let _ = self.outputs.hub.try_send(Publish::Alerts(views_of(&changes)));
        self.keep(ACTIVE, active);
        if !history.is_empty() {
            self.keep(HISTORY, history);
        }
        if !events.is_empty() && self.outputs.events.try_send(RecordEvents(events)).is_err() {
            log::error!("alerts: the store is too busy for the time line");
        }
    }

    fn publish_active(&self) {
        self.active.send_replace(Arc::new(views_of(&self.tracker.active())));
    }

    fn keep(&self, kind: &'static str, changes: Vec<DocumentChange>) {
        if let Err(why) = self.outputs.documents.try_send(ChangeDocuments { kind, changes }) {
            log::error!("alerts: states not kept: the store: {why}");
        }
    }

    fn trim_history(&self) {
        let Ok(documents) = self.store.documents(HISTORY) else { return };
        let over = documents.len().saturating_sub(MAX_HISTORY);
        if over > 0 {
            self.keep(HISTORY, documents.into_iter().take(over).map(|(key, _)| (key, None)).collect());
        }
    }
}

/// Sorts by time.
fn history_key(ended: TimestampMs, id: &str) -> String {
    format!("{ended:020}-{id}")
}

fn event_of(alert: &Alert) -> Event {
    let (kind, at) = match alert.state {
        AlertState::Resolved => ("alert_resolved", alert.resolved_at),
        AlertState::Pending | AlertState::Firing => ("alert_firing", alert.firing_since),
    };
    let mut event = Event::new(at.unwrap_or(alert.last_sample), "alert", kind, alert.id.clone(), alert.summary.clone());
    event.severity = alert.severity.to_string();
    event.with_data(serde_json::json!({"rule": alert.rule, "metric": alert.metric, "busiest": alert.busiest}))
}

impl ServiceActor for AlertActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.restore();
        self.publish_active();
        ctx.every(TICK, "tick", |this, _| {
            this.note_standstills();
            let ended = this.tracker.tick(this.clock.now_ms());
            this.publish(ended);
        });
        ctx.every(TRIM, "trim", |this, _| this.trim_history());
    }

    /// A standstill is put on the time line once. The tracker is new and must be given every standstill again.
    fn inherit(&mut self, previous: Self) {
        self.recorded_standstill = previous.recorded_standstill;
    }
}

impl Receive<StoredBatch> for AlertActor {
    type Reply = ();

    fn receive(&mut self, StoredBatch(stored): StoredBatch, _: &mut Ctx<Self>) {
        self.note_standstills();
        let now = self.clock.now_ms();
        if self.batch != 0 && stored.number > self.batch + 1 {
            self.catch_up(now);
        }
        self.batch = stored.number;
        let mut changes = Vec::new();
        for (id, t, v) in stored.rows() {
            if self.unwatched.get(id.index()) == Some(&true) {
                continue;
            }
            clear_when_full(&mut self.watching);
            let (store, rules) = (&self.store, &self.rules);
            let watching = self
                .watching
                .entry(id)
                .or_insert_with(|| store.labels(id).map(|labels| rules.watching(&labels).into()).unwrap_or_default());
            if watching.is_empty() {
                self.watching.remove(&id);
                if self.unwatched.len() <= id.index() {
                    self.unwatched.resize(id.index() + 1, false);
                }
                self.unwatched[id.index()] = true;
                continue;
            }
            self.checkpoint = self.checkpoint.max(t.min(now));
            if let Some(labels) = self.store.labels(id) {
                for &rule in watching.iter() {
                    changes.extend(self.tracker.observe(rule, &labels, t, v));
                }
            }
        }
        self.publish(changes);
    }
}

impl Receive<Acknowledge> for AlertActor {
    type Reply = ResponseFuture<Result<Option<view::Alert>, AppendError>>;

    fn receive(&mut self, message: Acknowledge, _: &mut Ctx<Self>) -> Self::Reply {
        let changed = match message.acknowledgement {
            Acknowledgement::Seen { note } => self.tracker.acknowledge(&message.id, note, self.clock.now_ms()),
            Acknowledgement::TakenBack => self.tracker.take_back_acknowledgement(&message.id),
        };
        let Some(alert) = changed else { return Box::pin(ready(Ok(None))) };
        let acknowledged = view::Alert::from(&alert);
        self.publish_active();
        let _ = self.outputs.hub.try_send(Publish::Alerts(vec![acknowledged.clone()]));
        let changes = vec![(alert.id.clone(), serde_json::to_vec(&alert).ok())];
        let documents = self.outputs.documents.clone();
        Box::pin(async move {
            change(&documents, ACTIVE, changes).await?;
            Ok(Some(acknowledged))
        })
    }
}

#[cfg(test)]
mod tests;
