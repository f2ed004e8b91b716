//! The alert actor: evaluates the rules, keeps the alerts that follow, and publishes them.
//!
//! Rules that compare samples with a number judge every stored sample; the others are evaluated on the pool, group by group. On each
//! change of an alert the new state and the checkpoint are kept in the store, the view of active alerts is published, and the change is
//! sent to the hub; time line and notifier get one that fired once the pool has worked out what explains it, or a moment later. Restart: alerts are restored from the store and samples since
//! the checkpoint are evaluated again, so nothing is missed and nothing is notified twice.

mod change;
mod evaluation;
mod explaining;
mod publish;
mod reasons;
mod restore;
mod week;

use std::collections::{BTreeMap, VecDeque};
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::ResponseFuture;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Labels, Matcher, NAME_LABEL, SeriesId, TimestampMs};
use taskpulse_engine::rules::{Alert, AlertTracker, EvaluationLimits, Judge, Reasons, Recorded, RuleSet};
use taskpulse_engine::store::{StoreReader, Stored};
use tokio::sync::watch;
use tokio::time::Instant;

use self::evaluation::GroupRun;
pub use self::reasons::{ScrapedBy, reasons};
pub use self::restore::{read_alerts, with_given_rules};
use crate::clock::Clock;
use crate::messages::{
    Acknowledge, Acknowledgement, Append, AppendError, ChangeDocuments, Describe, Notify, Publish, RecordEvents, StoredBatch,
};
use crate::rule_states::RuleStates;
use crate::series_cache::clear_when_full;
use crate::standstill;
use crate::store::change;
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};
use crate::view::{self, seconds as unix_seconds};

/// Documents of alerts that are not resolved, and the checkpoint.
pub const ACTIVE: &str = "alerts";
/// Documents of alerts that fired and ended.
pub const HISTORY: &str = taskpulse_engine::rules::ENDED;
/// Documents of rules that were given.
pub const RULES: &str = "rules";
/// Ended alerts kept at the most.
const MAX_HISTORY: usize = 10_000;
const CHECKPOINT: &str = "checkpoint";
const TICK: Duration = Duration::from_secs(5);
const TRIM: Duration = Duration::from_secs(3_600);
/// How often it is checked whether an instant of a group has come.
const EVALUATE: Duration = Duration::from_secs(1);
/// How often rules are sought that nothing matches, and the first time after a start.
const MATCHES: Duration = Duration::from_secs(60);
const FIRST_MATCHES: Duration = Duration::from_secs(10);
/// How often the checkpoint is kept without a change of an alert.
const CHECKPOINTS: Duration = Duration::from_secs(300);
/// A sample that was measured so long ago is stored by now.
const STORED_AFTER_MS: i64 = 60_000;
/// How old a sample may be to say whether a target can be reached.
const REACHED_MS: i64 = 300_000;

/// Where the alert actor sends its results.
#[derive(Clone)]
pub struct AlertOutputs {
    /// Keeps states.
    pub documents: Mailbox<ChangeDocuments>,
    /// Keeps the time line.
    pub events: Mailbox<RecordEvents>,
    /// Keeps what rules record.
    pub append: Mailbox<Append>,
    /// Notifies people.
    pub notifier: Mailbox<Notify>,
    /// Completes what notices say.
    pub texts: Mailbox<Describe>,
    /// Publishes to screens.
    pub hub: Mailbox<Publish>,
}

/// See the module.
pub struct AlertActor {
    clock: Clock,
    store: StoreReader,
    rules: Arc<RuleSet>,
    active: watch::Sender<Arc<Vec<view::Alert>>>,
    published: watch::Sender<Arc<RuleStates>>,
    outputs: AlertOutputs,
    limits: EvaluationLimits,
    /// Shared with evaluations, which lock it for a moment at a time.
    tracker: Arc<Mutex<AlertTracker>>,
    recorded: Arc<Mutex<Recorded>>,
    /// What became of the rules, and whether that was published.
    states: RuleStates,
    states_changed: bool,
    groups: Vec<GroupRun>,
    /// Evaluations that run.
    running: usize,
    /// Rises with each change of rules.
    generation: u64,
    /// The place of a series in the tracker.
    watching: FxHashMap<SeriesId, usize>,
    /// Series that no rule applies to, by id: most of them, so this is checked first.
    unwatched: Vec<bool>,
    /// Number of the last batch that was evaluated; zero before the first.
    batch: u64,
    /// Samples up to here have been evaluated.
    checkpoint: TimestampMs,
    /// Ids of alerts that fired and are not explained, alerts that are explained again, and whether some are being explained.
    unexplained: Vec<String>,
    again: VecDeque<Alert>,
    explaining: bool,
    /// Alerts that are announced once they are explained, by id, with the latest time; and whether a timer waits for it.
    unannounced: BTreeMap<String, (Instant, Alert)>,
    is_timed: bool,
    /// Number of the newest standstill that the tracker knows.
    tracked_standstill: u64,
    /// Number of the newest standstill on the time line.
    recorded_standstill: u64,
}

/// The alerts that were active when they were kept last: what is published until the actor has started.
#[must_use]
pub fn kept_alerts(store: &StoreReader, rules: &Arc<RuleSet>, now: TimestampMs) -> Vec<view::Alert> {
    let mut tracker = AlertTracker::new(Arc::clone(rules));
    // The actor records those that have ended.
    tracker.restore(restore::kept(store, &[ACTIVE]).0, now);
    views_of(&tracker.active())
}

fn views_of(alerts: &[Alert]) -> Vec<view::Alert> {
    alerts.iter().map(view::Alert::from).collect()
}

impl AlertActor {
    /// An actor over `store` that publishes which alerts are `active`, and the state of the rules that were `published`; `reasons` say why
    /// sources are down. It restores what was kept when it starts.
    #[must_use]
    pub fn new(
        clock: Clock,
        store: StoreReader,
        active: watch::Sender<Arc<Vec<view::Alert>>>,
        published: watch::Sender<Arc<RuleStates>>,
        reasons: Reasons,
        limits: EvaluationLimits,
        outputs: AlertOutputs,
    ) -> Self {
        let before = Arc::clone(&published.borrow());
        let rules = Arc::clone(&before.set);
        let limits = EvaluationLimits { cancelled: Arc::default(), ..limits };
        Self {
            clock,
            store,
            active,
            published,
            outputs,
            limits,
            tracker: Arc::new(Mutex::new(AlertTracker::new(Arc::clone(&rules)).with_reasons(reasons))),
            recorded: Arc::default(),
            states: RuleStates::new(Arc::clone(&before.book), Arc::clone(&rules)),
            states_changed: true,
            groups: Vec::new(),
            running: 0,
            generation: 0,
            watching: FxHashMap::default(),
            unwatched: Vec::new(),
            batch: 0,
            checkpoint: 0,
            unexplained: Vec::new(),
            again: VecDeque::new(),
            explaining: false,
            unannounced: BTreeMap::new(),
            is_timed: false,
            tracked_standstill: 0,
            recorded_standstill: 0,
            rules,
        }
    }

    /// Reads the standstills of the service since the last call; to be called before samples are evaluated.
    fn note_standstills(&mut self) {
        let mut events = Vec::new();
        for still in standstill::since(self.tracked_standstill) {
            self.tracked_standstill = still.number;
            self.tracker.lock().add_standstill(still.from, still.to);
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

    /// Judges the samples of a batch.
    fn judge(&mut self, stored: &Stored, now: TimestampMs) {
        let shared = Arc::clone(&self.tracker);
        let mut tracker = shared.lock();
        if tracker.forget_series() {
            self.watching.clear();
        }
        for (id, t, v) in stored.rows() {
            if self.unwatched.get(id.index()) == Some(&true) {
                continue;
            }
            let slot = self.watching.get(&id).copied().or_else(|| self.watch(&mut tracker, id, now));
            if let Some(slot) = slot {
                self.checkpoint = self.checkpoint.max(t.min(now));
                tracker.observe(slot, t, v, Judge::Live(now));
            }
        }
        for alert in tracker.ended_series() {
            let gone = self.source_is_gone(&alert.metric, now);
            tracker.end_series(&alert.id, gone, now);
        }
        let changes = tracker.changes();
        drop(tracker);
        self.publish(changes);
    }

    /// The place of a series in the tracker; none if no rule applies to it.
    fn watch(&mut self, tracker: &mut AlertTracker, id: SeriesId, now: TimestampMs) -> Option<usize> {
        let newest = self.store.newest(id).filter(|newest| *newest <= now);
        let slot = self.store.labels(id).and_then(|labels| tracker.watch(&labels, newest));
        match slot {
            Some(slot) => {
                clear_when_full(&mut self.watching);
                self.watching.insert(id, slot);
            }
            None => {
                if self.unwatched.len() <= id.index() {
                    self.unwatched.resize(id.index() + 1, false);
                }
                self.unwatched[id.index()] = true;
            }
        }
        slot
    }

    /// Whether the target that a series was scraped from cannot be reached: `up` of the same job and instance is 0.
    fn source_is_gone(&self, series: &Labels, now: TimestampMs) -> bool {
        let matcher = |name: &str| Some(Matcher::equal(name, series.get(name)?));
        let target: Vec<Matcher> = ["job", "instance"].into_iter().filter_map(matcher).collect();
        if target.is_empty() {
            return false;
        }
        let matchers: Vec<Matcher> = target.into_iter().chain([Matcher::equal(NAME_LABEL, "up")]).collect();
        let newest = |id: SeriesId| self.store.latest(id, now - REACHED_MS, now).ok().flatten();
        self.store.select(&matchers).into_iter().filter_map(newest).any(|sample| sample.v == 0.0)
    }
}

impl ServiceActor for AlertActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.restore();
        self.keep_checkpoint();
        self.publish_active();
        self.schedule_groups();
        self.explain_next(ctx);
        ctx.every(TICK, "tick", |this, ctx| {
            this.note_standstills();
            let changed = this.tracker.lock().tick(this.clock.now_ms());
            this.publish(changed);
            this.explain_next(ctx);
        });
        ctx.every(EVALUATE, "evaluate", |this, ctx| this.evaluate_due(ctx));
        ctx.after(FIRST_MATCHES, "first matches", |this, ctx| this.note_matches(ctx));
        ctx.every(MATCHES, "matches", |this, ctx| this.note_matches(ctx));
        ctx.every(CHECKPOINTS, "checkpoint", |this, _| this.keep_checkpoint());
        ctx.every(TRIM, "trim", |this, ctx| this.tend_history(ctx));
    }

    /// A standstill is put on the time line once. The tracker is new and must be given every standstill again.
    fn inherit(&mut self, previous: Self) {
        self.recorded_standstill = previous.recorded_standstill;
        // What was to be announced still is.
        self.unannounced = previous.unannounced.clone();
        self.unexplained = self.unannounced.keys().cloned().collect();
        // Series that rules recorded are ended by those who come after.
        self.recorded = Arc::clone(&previous.recorded);
    }
}

impl Drop for AlertActor {
    /// Nobody waits for evaluations that still run.
    fn drop(&mut self) {
        self.limits.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Receive<StoredBatch> for AlertActor {
    type Reply = ();

    fn receive(&mut self, StoredBatch(stored): StoredBatch, ctx: &mut Ctx<Self>) {
        self.note_standstills();
        let now = self.clock.now_ms();
        if self.batch != 0 && stored.number > self.batch + 1 {
            self.catch_up_missed(now);
        }
        self.batch = stored.number;
        self.judge(&stored, now);
        self.explain_next(ctx);
    }
}

impl Receive<Acknowledge> for AlertActor {
    type Reply = ResponseFuture<Result<Option<view::Alert>, AppendError>>;

    fn receive(&mut self, message: Acknowledge, _: &mut Ctx<Self>) -> Self::Reply {
        let changed = {
            let mut tracker = self.tracker.lock();
            match message.acknowledgement {
                Acknowledgement::Seen { note } => tracker.acknowledge(&message.id, note, self.clock.now_ms()),
                Acknowledgement::TakenBack => tracker.take_back_acknowledgement(&message.id),
            }
        };
        let Some(alert) = changed else { return Box::pin(ready(Ok(None))) };
        let acknowledged = view::Alert::from(&alert);
        self.publish_active();
        let _ = self.outputs.hub.try_send(Publish::Alerts(vec![acknowledged.clone()]));
        // A message that can be edited shows it.
        let _ = self.outputs.texts.try_send(Describe(alert.clone()));
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
