//! The notifier: notifies people of alerts, over the channels of the settings.
//!
//! The engine decides what is sent when ([`NoticeBook`]) and keeps what waits ([`Queue`]); this actor feeds both, keeps their documents,
//! runs deliveries beside everything else, and publishes the state of the channels. A notice is delivered once its document is
//! durable, so a restart neither repeats nor loses it; a crash between a delivery and the removal of its document repeats it.
//! What a full mailbox or a crash lost is found by comparing with the kept alerts, at the start and every minute.

mod ack_link;
mod alertmanager;
mod answers;
mod channel;
mod command;
mod delivering;
mod email;
mod heartbeat;
mod http;
mod known;
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, SpawnHandle};
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::notices::{
    ChannelPlan, ChannelState, FlapLimits, InhibitRule, MaintenanceSpec, MaintenanceWindows, Messages, Notice, NoticeAlert, NoticeBook,
    Queue, Silences, Suppressors,
};
use taskpulse_engine::rules::AlertState;
use taskpulse_engine::store::{DocumentChange, StoreReader};
use tokio::sync::watch;

pub use self::ack_link::{AckKey, AckLink};
pub use self::alertmanager::{AlertmanagerChannel, RESEND_MS};
pub use self::channel::{Channel, Delivery, DeliveryError, ExternalUrl, Transport};
pub use self::command::CommandChannel;
pub use self::delivering::source_of;
pub use self::email::{Email, EmailOptions, Encryption};
pub use self::heartbeat::Heartbeat;
pub use self::http::{Format, HttpChannel, place};
pub use self::known::KnownNotices;
pub use self::log::{Console, JsonLines};
use crate::alert::{ACTIVE, HISTORY, read_alerts};
use crate::clock::Clock;
use crate::messages::{ChangeDocuments, Notify};
use crate::pipeline_stats::PipelineStats;
use crate::sources::SourceRegistry;
use crate::store::change;
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};
use crate::view;

/// Documents of groups and of what waits.
pub const KIND: &str = "notices";
/// How the group of the notices ends that a channel gathers.
const DIGEST: &str = "/digest";
/// How often the kept alerts are compared with what is known.
const RECONCILE: Duration = Duration::from_secs(60);
/// Deliveries are tried so often until the service listens.
const UNTIL_LISTENING_MS: i64 = 100;
/// The first comparison after that of the start.
const RECONCILE_SOON: Duration = Duration::from_secs(10);
/// The longest sleep: the machine's clock may be set.
const LONGEST_SLEEP_MS: i64 = 30_000;
/// After how long documents that could not be written are written again.
const RETRY_KEEPING: Duration = Duration::from_secs(5);

/// What the notifier works with.
#[derive(Clone)]
pub struct NotifierOptions {
    /// The channels.
    pub channels: Vec<Channel>,
    /// When an alert flaps.
    pub flaps: FlapLimits,
    /// Which alerts hold others back.
    pub inhibit: Vec<InhibitRule>,
    /// Maintenance windows of the settings.
    pub maintenance: BTreeMap<String, MaintenanceSpec>,
    /// Addresses that are called while all is well.
    pub heartbeats: Vec<Heartbeat>,
    /// Where the service is reached.
    pub external_url: ExternalUrl,
}

/// Where the notifier reads and writes.
#[derive(Clone)]
pub struct NotifierOutputs {
    /// Kept documents.
    pub store: StoreReader,
    /// Keeps documents.
    pub documents: Mailbox<ChangeDocuments>,
    /// Where failing channels are reported.
    pub sources: SourceRegistry,
    /// The alerts that are active.
    pub alerts: watch::Receiver<Arc<Vec<view::Alert>>>,
    /// The state of the channels.
    pub channels: watch::Sender<Arc<Vec<view::Channel>>>,
    /// Where deliveries are counted.
    pub stats: Arc<PipelineStats>,
    /// Whether the service itself works.
    pub works: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// See the module.
pub struct NotifierActor {
    clock: Clock,
    options: NotifierOptions,
    outputs: NotifierOutputs,
    book: NoticeBook,
    queue: Queue,
    messages: Messages,
    suppressors: Suppressors,
    /// What became of the calls of each heartbeat.
    beats: Vec<ChannelState>,
    /// A write of documents is on its way, or failed just now.
    keeping: bool,
    /// The last write failed.
    unkept: bool,
    /// Firing alerts that the kept alerts did not have at the last comparison.
    missing: BTreeSet<String>,
    /// When notices were last decided.
    flushed_at: TimestampMs,
    /// When the next step is due, and its timer.
    wake: Option<(TimestampMs, SpawnHandle)>,
}

impl NotifierActor {
    /// A notifier that takes over what was kept when it starts.
    #[must_use]
    pub fn new(clock: Clock, options: NotifierOptions, outputs: NotifierOutputs) -> Self {
        let plans = options.channels.iter().map(|channel| channel.plan.clone()).collect();
        let limits = options.channels.iter().map(|channel| (channel.plan.name.clone(), channel.limits));
        let (book, queue) = (NoticeBook::new(plans, options.flaps), Queue::new(limits));
        // The settings were checked when they were read.
        let maintenance = MaintenanceWindows::new(&options.maintenance).unwrap_or_default();
        let suppressors = Suppressors { silences: Silences::default(), maintenance, inhibit: options.inhibit.clone() };
        let beats = vec![ChannelState::default(); options.heartbeats.len()];
        Self {
            clock,
            options,
            outputs,
            book,
            queue,
            messages: Messages::default(),
            suppressors,
            beats,
            keeping: false,
            unkept: false,
            missing: BTreeSet::new(),
            flushed_at: 0,
            wake: None,
        }
    }

    /// Decides what is due, keeps it, delivers what is kept, and sleeps until something is due again.
    fn step(&mut self, ctx: &mut Ctx<Self>) {
        let now = self.clock.now_ms();
        // Also now and then, to forget what is over. A last time in the future: the clock was set back.
        let idle = !(0..LONGEST_SLEEP_MS).contains(&now.saturating_sub(self.flushed_at));
        if idle || self.book.next_due().is_some_and(|due| due <= now) {
            self.flush(now);
        }
        self.keep(ctx);
        self.deliver(ctx);
        self.publish(now);
        self.sleep(ctx);
    }

    fn flush(&mut self, now: TimestampMs) {
        self.flushed_at = now;
        let acknowledged: BTreeSet<String> = {
            let alerts = self.outputs.alerts.borrow();
            alerts.iter().filter(|alert| alert.details.acked_at.is_some()).map(|alert| alert.details.id.clone()).collect()
        };
        let suppressing = self.suppressors.at(self.book.alerts(), now);
        let held = |plan: &ChannelPlan, alert: &NoticeAlert| {
            acknowledged.contains(&alert.id)
                || plan.times.as_ref().is_some_and(|times| !times.contains(now))
                || !suppressing.reasons(alert).is_empty()
        };
        for notice in self.book.flush(now, &held) {
            self.enqueue(notice, now);
        }
        self.suppressors.silences.forget(now);
        self.messages.forget(now);
    }

    /// A notice of a channel with a digest waits for it, with all others.
    fn enqueue(&mut self, mut notice: Notice, now: TimestampMs) {
        let digest = self.channel(&notice.channel).and_then(|channel| channel.digest.as_ref()).map(|digest| digest.next_after(now));
        if digest.is_some() {
            notice.group = format!("{}{DIGEST}", notice.channel);
            notice.labels.clear();
        }
        self.queue.push(notice, now, digest.unwrap_or(now));
    }

    fn sleep(&mut self, ctx: &mut Ctx<Self>) {
        let now = self.clock.now_ms();
        let delivery = self.queue.next_due(now).map(|due| if self.is_listening() { due } else { now + UNTIL_LISTENING_MS });
        let due = [self.book.next_due(), delivery].into_iter().flatten().min().unwrap_or(TimestampMs::MAX);
        let due = due.clamp(now, now.saturating_add(LONGEST_SLEEP_MS));
        if let Some((at, timer)) = self.wake.take() {
            if (now..=due).contains(&at) {
                self.wake = Some((at, timer));
                return;
            }
            ctx.cancel_future(timer);
        }
        let wait = Duration::from_millis(u64::try_from(due - now).unwrap_or(0));
        let timer = ctx.after(wait, "due", |this, ctx| {
            this.wake = None;
            this.step(ctx);
        });
        self.wake = Some((due, timer));
    }

    /// Keeps the documents that changed, in one step.
    fn keep(&mut self, ctx: &mut Ctx<Self>) {
        if self.unkept {
            // What cannot be kept now is delivered all the same.
            self.queue.release();
        }
        if self.keeping {
            return;
        }
        let mut changes: Vec<DocumentChange> = self.book.take_changes();
        changes.extend(self.queue.take_changes());
        changes.extend(self.messages.take_changes());
        changes.extend(self.suppressors.silences.take_changes());
        if changes.is_empty() {
            return;
        }
        self.keeping = true;
        let keys: Vec<String> = changes.iter().map(|(key, _)| key.clone()).collect();
        let documents = self.outputs.documents.clone();
        let write = async move { change(&documents, KIND, changes).await };
        ctx.wait_for("keep", write, move |this, written, ctx| {
            this.unkept = written.is_err();
            match written {
                Ok(()) => {
                    this.queue.kept(&keys);
                    this.keeping = false;
                    this.step(ctx);
                }
                Err(error) => {
                    ::log::error!("notifier: notices are not kept: {error}; they are sent all the same");
                    this.book.put_back(keys.clone());
                    this.messages.put_back(keys.clone());
                    this.suppressors.silences.put_back(keys.clone());
                    this.queue.put_back(keys);
                    this.step(ctx);
                    ctx.after(RETRY_KEEPING, "keep again", |this, ctx| {
                        this.keeping = false;
                        this.step(ctx);
                    });
                }
            }
        });
    }

    fn channel(&self, name: &str) -> Option<&Channel> {
        self.options.channels.iter().find(|channel| channel.plan.name == name)
    }

    fn publish(&self, now: TimestampMs) {
        let mut states = self.queue.states(now);
        let channels = self.options.channels.iter();
        let views: Vec<view::Channel> = channels
            .map(|channel| {
                let name = channel.plan.name.as_str();
                view::Channel::new(name, channel.transport.kind(), channel.transport.target(), states.remove(name).unwrap_or_default())
            })
            .chain(self.options.heartbeats.iter().zip(&self.beats).map(|(beat, state)| beat.view(state)))
            .collect();
        self.outputs.channels.send_if_modified(|shown| {
            let changed = **shown != views;
            if changed {
                *shown = Arc::new(views);
            }
            changed
        });
    }

    /// Compares the kept alerts with what is known, and takes over what is missing. An alert is over when two comparisons do not
    /// find it: the document of one that just fired may not be written yet.
    fn reconcile(&mut self) {
        let now = self.clock.now_ms();
        let kept = match read_alerts(&self.outputs.store, ACTIVE) {
            Ok(kept) => kept,
            Err(error) => return ::log::error!("notifier: kept alerts cannot be read: {error}"),
        };
        let firing: BTreeMap<String, NoticeAlert> = kept
            .into_iter()
            // One of unknown state is not over.
            .filter(|alert| matches!(alert.state, AlertState::Firing | AlertState::Unknown))
            .filter_map(|alert| NoticeAlert::of(&alert))
            .map(|alert| (alert.id.clone(), alert))
            .collect();
        let gone = self.book.alerts().filter(|alert| !alert.is_over() && !firing.contains_key(&alert.id));
        let gone: BTreeSet<String> = gone.map(|alert| alert.id.clone()).collect();
        let over: Vec<&String> = gone.intersection(&self.missing).collect();
        for alert in self.ends_of(&over, now) {
            self.book.observe(alert, now);
        }
        self.missing = gone;
        for alert in firing.into_values().filter(|alert| !self.book.knows(alert)).collect::<Vec<_>>() {
            self.book.observe(alert, now);
        }
    }

    /// How alerts ended that are not active any more.
    fn ends_of(&self, ids: &[&String], now: TimestampMs) -> Vec<NoticeAlert> {
        if ids.is_empty() {
            return Vec::new();
        }
        let kept = read_alerts(&self.outputs.store, HISTORY).unwrap_or_default();
        let ended: Vec<NoticeAlert> = kept.iter().filter_map(NoticeAlert::of).collect();
        let known = self.book.alerts().filter(|alert| ids.contains(&&alert.id));
        let end_of = |alert: &NoticeAlert| {
            let end = ended.iter().rev().find(|end| end.id == alert.id && end.starts_at >= alert.starts_at && end.is_over()).cloned();
            end.unwrap_or_else(|| NoticeAlert {
                ends_at: Some(now),
                reason: Some("it is no longer active; how it ended is not known".to_owned()),
                ..alert.clone()
            })
        };
        known.map(end_of).collect()
    }
}

impl ServiceActor for NotifierActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        match self.outputs.store.documents(KIND) {
            Ok(kept) => {
                self.suppressors.silences.restore(&kept);
                self.suppressors.maintenance.restore(&kept);
                self.queue.restore(&kept);
                let edits: BTreeSet<&str> =
                    self.options.channels.iter().filter(|channel| channel.edits).map(|channel| channel.plan.name.as_str()).collect();
                self.messages.restore(&kept, |channel| edits.contains(channel));
                self.book.restore(&kept, self.clock.now_ms());
            }
            Err(error) => ::log::error!("notifier: kept notices cannot be read: {error}"),
        }
        self.reconcile();
        self.step(ctx);
        self.start_heartbeats(ctx);
        ctx.after(RECONCILE_SOON, "reconcile", |this, ctx| {
            this.reconcile();
            this.step(ctx);
        });
        ctx.every(RECONCILE, "reconcile", |this, ctx| {
            this.reconcile();
            this.step(ctx);
        });
    }
}

impl Receive<Notify> for NotifierActor {
    type Reply = ();

    fn receive(&mut self, Notify(alerts): Notify, ctx: &mut Ctx<Self>) {
        let now = self.clock.now_ms();
        // Not sent at once: more may come together.
        alerts.iter().filter_map(NoticeAlert::of).for_each(|alert| self.book.observe(alert, now));
        self.sleep(ctx);
    }
}

#[cfg(test)]
mod tests;
