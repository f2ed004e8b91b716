//! The hub: gives sessions what they subscribed to, made into JSON once however many get it.
//!
//! A subscription begins with a snapshot. Subscriptions with the same filter are one group, whose update is built once.
//! A session whose mailbox is full misses updates; the next thing it gets is a new snapshot, with a gap in `seq`.
//! Live samples come from the store's announcements alone, so a screen never shows what is not kept.
//! Restart: sessions are told to connect anew (their subscriptions are gone with the state).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Message, Recipient};
use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;
use serde_json::Value;
use taskpulse_engine::model::{Selector, SeriesId, TimestampMs, push_point};
use taskpulse_engine::promql::EvalError;
use taskpulse_engine::store::{Store, Stored};
use taskpulse_engine::windows::Level;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::messages::{Closed, Publish, StoredBatch};
use crate::shared::Shared;
use crate::standstill;
use crate::supervisor::{Ctx, Receive, Schedule, ServiceActor};
use crate::wire;

/// How often subscribers of `status` hear.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// A newest sample older than this is not in a snapshot.
const SNAPSHOT_MS: i64 = 300_000;
/// Events of a snapshot.
const SNAPSHOT_EVENTS: usize = 100;
/// Series of a snapshot at the most.
const SNAPSHOT_SERIES: usize = 10_000;

/// Filters of all subscriptions together: selectors, the bytes of their text, and different sets of them. Each new series is
/// held against each selector, here.
const MAX_SELECTORS: usize = 4_096;
const MAX_FILTER_BYTES: usize = 4 << 20;
const MAX_GROUPS: usize = 1_024;

/// A session's number.
pub type SessionId = u64;

/// What a session can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Samples as they are stored.
    Samples,
    /// Windows as they close.
    Windows(Option<Level>),
    /// Alerts as they change.
    Alerts,
    /// Recommendations as they change.
    Recommendations,
    /// Points on the time line.
    Events,
    /// The service's status.
    Status,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// All there is.
    Snapshot,
    /// What is new.
    Update,
    /// The hub started over; the session should close so that its client connects anew.
    Reset,
}

/// Hub → session: one frame's worth.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct Push {
    /// The client's number of the subscription.
    pub id: u64,
    /// What it is.
    pub kind: FrameKind,
    /// Its number in the subscription.
    pub seq: u64,
    /// When, ms UTC.
    pub time: TimestampMs,
    /// The JSON of `data`, shared by all that get it.
    pub data: Arc<str>,
}

/// Session → hub: follow.
#[derive(Message, Debug)]
#[rtype(result = "Result<(), String>")]
pub struct Subscribe {
    /// Who.
    pub session: SessionId,
    /// The client's number of the subscription.
    pub id: u64,
    /// What.
    pub topic: Topic,
    /// Which series; as written, so that equal filters are one group.
    pub patterns: Vec<String>,
    /// The same, worked out.
    pub filter: Filter,
    /// Where to.
    pub to: Recipient<Push>,
    /// What to do when the client takes nothing for too long.
    pub drop_slow: DropSlow,
}

/// Which series a subscription is about, worked out by the session on a thread that may take its time: here all sessions wait.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    selectors: Vec<Selector>,
    /// Series that were held against the selectors, and those that passed; series never change.
    known: RoaringBitmap,
    passing: RoaringBitmap,
}

impl Filter {
    /// A filter that every series passes where there is no selector, else those that any selector accepts.
    ///
    /// # Errors
    /// Those of `go_on`, and where patterns match too much.
    pub fn new(store: &Store, selectors: Vec<Selector>, go_on: &dyn Fn() -> Result<(), EvalError>) -> Result<Self, EvalError> {
        if selectors.is_empty() {
            return Ok(Self::default());
        }
        // Series that come meanwhile are not known, and held against the selectors when they are met.
        let known = store.select(&[]).into_iter().map(|id| id.0).collect::<RoaringBitmap>();
        let passing = store.select_while(&selectors, go_on)?.into_iter().map(|id| id.0).collect::<RoaringBitmap>() & &known;
        Ok(Self { selectors, known, passing })
    }

    fn passes(&mut self, id: SeriesId, store: &Store) -> bool {
        if self.selectors.is_empty() {
            return true;
        }
        if self.known.insert(id.0) && store.labels(id).is_some_and(|labels| self.selectors.iter().any(|s| s.accepts(&labels))) {
            self.passing.insert(id.0);
        }
        self.passing.contains(id.0)
    }
}

/// Ends a session from outside, whatever its client does.
#[derive(Clone)]
pub struct DropSlow(pub Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for DropSlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DropSlow")
    }
}

/// Session → hub: no more of it, or of anything.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Unsubscribe {
    /// Who.
    pub session: SessionId,
    /// The subscription; none for all.
    pub id: Option<u64>,
}

struct Subscriber {
    to: Recipient<Push>,
    drop_slow: DropSlow,
    seq: u64,
    /// Since when it has missed updates.
    behind: Option<Instant>,
}

/// Subscriptions with the same topic and filter.
struct Group {
    filter: Filter,
    subscribers: BTreeMap<(SessionId, u64), Subscriber>,
}

type GroupKey = (Topic, Vec<String>);

/// Series of which something is remembered at the most: those that ended are forgotten in time.
const MOST_REMEMBERED: usize = 1 << 17;

/// Begins anew where very much is remembered; what is needed is worked out again.
pub(crate) fn forget_when_many<T>(known: &mut FxHashMap<SeriesId, T>) {
    if known.len() >= MOST_REMEMBERED {
        *known = FxHashMap::default();
    }
}

/// See the module.
pub struct HubActor {
    clock: Clock,
    store: Arc<Store>,
    shared: Arc<Shared>,
    status: Arc<dyn Fn() -> Value + Send + Sync>,
    slow_after: Duration,
    groups: BTreeMap<GroupKey, Group>,
    metrics: FxHashMap<SeriesId, Arc<str>>,
    batch: u64,
}

impl HubActor {
    /// A hub; `status` gives what the status topic shows; a session that takes nothing for `slow_after` is ended.
    #[must_use]
    pub fn new(
        clock: Clock,
        store: Arc<Store>,
        shared: Arc<Shared>,
        status: Arc<dyn Fn() -> Value + Send + Sync>,
        slow_after: Duration,
    ) -> Self {
        Self { clock, store, shared, status, slow_after, groups: BTreeMap::new(), metrics: FxHashMap::default(), batch: 0 }
    }

    fn metric(&mut self, id: SeriesId) -> Arc<str> {
        if let Some(known) = self.metrics.get(&id) {
            return Arc::clone(known);
        }
        forget_when_many(&mut self.metrics);
        let text = self.store.labels(id).and_then(|labels| serde_json::to_string(&labels).ok()).unwrap_or_else(|| "{}".to_owned());
        let text: Arc<str> = text.into();
        self.metrics.insert(id, Arc::clone(&text));
        text
    }

    fn snapshot(&mut self, key: &GroupKey) -> String {
        let list = |items: Vec<Value>| Value::Array(items).to_string();
        match key.0 {
            Topic::Samples => self.samples_snapshot(key),
            Topic::Windows(_) => "[]".to_owned(),
            Topic::Alerts => list(self.shared.alerts.read().iter().map(wire::alert).collect()),
            Topic::Recommendations => list(self.shared.recommendations.read().iter().map(wire::recommendation).collect()),
            Topic::Events => {
                let events = self.store.events(0, TimestampMs::MAX - 1, SNAPSHOT_EVENTS, |_| true).unwrap_or_else(|error| {
                    log::error!("hub: events cannot be read: {error}");
                    Vec::new()
                });
                list(events.iter().map(|(id, e)| wire::event(id, e)).collect())
            }
            Topic::Status => list(vec![(self.status)()]),
        }
    }

    fn samples_snapshot(&mut self, key: &GroupKey) -> String {
        let Some(group) = self.groups.get_mut(key) else { return "[]".to_owned() };
        let mut ids = self.store.select(&[]);
        ids.retain(|id| group.filter.passes(*id, &self.store));
        let now = self.clock.now_ms();
        let mut rows = Vec::new();
        for id in ids {
            if let Ok(Some(sample)) = self.store.latest(id, now - SNAPSHOT_MS, TimestampMs::MAX) {
                rows.push((id, sample.t, sample.v));
                if rows.len() == SNAPSHOT_SERIES {
                    break;
                }
            }
        }
        self.samples_json(&rows)
    }

    /// `[{"metric":{…},"values":[[t,"v"],…]},…]`, rows of one series together.
    fn samples_json(&mut self, rows: &[(SeriesId, TimestampMs, f64)]) -> String {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&at| (rows[at].0, rows[at].1));
        let mut out = String::with_capacity(rows.len() * 96);
        out.push('[');
        let mut open: Option<SeriesId> = None;
        for at in order {
            let (id, t, v) = rows[at];
            if open == Some(id) {
                out.push(',');
            } else {
                if open.is_some() {
                    out.push_str("]},");
                }
                let metric = self.metric(id);
                let _ = write!(out, "{{\"metric\":{metric},\"values\":[");
                open = Some(id);
            }
            push_point(&mut out, t, v);
        }
        if open.is_some() {
            out.push_str("]}");
        }
        out.push(']');
        out
    }

    fn publish_samples(&mut self, stored: &Stored) {
        let lost = self.batch != 0 && stored.number > self.batch + 1;
        self.batch = stored.number;
        let keys: Vec<GroupKey> = self.groups.keys().filter(|(topic, _)| *topic == Topic::Samples).cloned().collect();
        for key in keys {
            if lost {
                // Announcements were missed while this was busy: what is newest is in the store.
                self.groups
                    .get_mut(&key)
                    .into_iter()
                    .flat_map(|g| g.subscribers.values_mut())
                    .for_each(|s| s.behind = Some(s.behind.unwrap_or_else(Instant::now)));
            }
            let Some(group) = self.groups.get_mut(&key) else { continue };
            let rows: Vec<_> = stored.rows().filter(|(id, ..)| group.filter.passes(*id, &self.store)).collect();
            if rows.is_empty() && !lost {
                continue;
            }
            let data: Arc<str> = self.samples_json(&rows).into();
            self.deliver(&key, &data);
        }
    }

    fn publish(&mut self, topic: Topic, data: &Arc<str>) {
        let keys: Vec<GroupKey> = self.groups.keys().filter(|(t, _)| *t == topic).cloned().collect();
        for key in keys {
            self.deliver(&key, data);
        }
    }

    /// Gives an update to each of a group; to those that are behind a snapshot instead.
    fn deliver(&mut self, key: &GroupKey, data: &Arc<str>) {
        let time = self.clock.now_ms();
        let anyone_behind = self.groups.get(key).is_some_and(|g| g.subscribers.values().any(|s| s.behind.is_some()));
        let snapshot: Option<Arc<str>> = anyone_behind.then(|| self.snapshot(key).into());
        let Some(group) = self.groups.get_mut(key) else { return };
        let (skipped, slow_after) = (&self.shared.skipped_frames, self.slow_after);
        group.subscribers.retain(|(_, id), s| {
            s.seq += 1;
            let (kind, data) = match &snapshot {
                Some(snapshot) if s.behind.is_some() => (FrameKind::Snapshot, snapshot),
                _ => (FrameKind::Update, data),
            };
            match s.to.try_send(Push { id: *id, kind, seq: s.seq, time, data: Arc::clone(data) }) {
                Ok(()) => {
                    s.behind = None;
                    true
                }
                Err(actix::dev::SendError::Full(_)) => {
                    skipped.fetch_add(1, Ordering::Relaxed);
                    let behind = s.behind.get_or_insert_with(Instant::now).elapsed();
                    // It could not read what nobody sent.
                    let slow = behind.min(standstill::awake_for()) > slow_after;
                    if slow {
                        (s.drop_slow.0)();
                    }
                    !slow
                }
                Err(actix::dev::SendError::Closed(_)) => false,
            }
        });
        if group.subscribers.is_empty() {
            self.groups.remove(key);
            self.note_followers();
        }
    }

    /// Says which windows somebody follows: others need not be worked out.
    fn note_followers(&self) {
        let bits = self.groups.keys().map(|(topic, _)| match topic {
            Topic::Windows(None) => u8::MAX,
            Topic::Windows(Some(level)) => 1 << level.index(),
            _ => 0,
        });
        self.shared.followed_windows.store(bits.fold(0, |all, bit| all | bit), Ordering::Relaxed);
    }

    /// Whether there is room for one more filter.
    fn admit(&self, patterns: &[String]) -> Result<(), String> {
        let all = || self.groups.keys().map(|(_, patterns)| patterns.as_slice()).chain([patterns]);
        let (selectors, bytes) = (all().map(<[_]>::len).sum::<usize>(), all().flatten().map(String::len).sum::<usize>());
        if self.groups.len() >= MAX_GROUPS || selectors > MAX_SELECTORS || bytes > MAX_FILTER_BYTES {
            return Err(format!(
                "all subscriptions together have at most {MAX_GROUPS} different filters of {MAX_SELECTORS} selectors and {MAX_FILTER_BYTES} bytes; \
                 unsubscribe some, take fewer and wider selectors (system_*), or try again later"
            ));
        }
        Ok(())
    }

    fn key_of(&self, session: SessionId, id: u64) -> Option<GroupKey> {
        self.groups.iter().find(|(_, g)| g.subscribers.contains_key(&(session, id))).map(|(key, _)| key.clone())
    }

    fn send_snapshot(&mut self, key: &GroupKey, session: SessionId, id: u64) {
        let data: Arc<str> = self.snapshot(key).into();
        let Some(subscriber) = self.groups.get_mut(key).and_then(|g| g.subscribers.get_mut(&(session, id))) else { return };
        let push = Push { id, kind: FrameKind::Snapshot, seq: subscriber.seq, time: self.clock.now_ms(), data };
        subscriber.behind = subscriber.to.try_send(push).is_err().then(Instant::now);
    }
}

impl ServiceActor for HubActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        ctx.every(STATUS_EVERY, "status", |this, _| {
            if this.groups.keys().any(|(topic, _)| *topic == Topic::Status) {
                let data: Arc<str> = Value::Array(vec![(this.status)()]).to_string().into();
                this.publish(Topic::Status, &data);
            }
        });
    }

    /// Subscriptions end with the state that they were part of; their sessions hear of it and connect anew.
    fn inherit(&mut self, previous: Self) {
        for ((_, id), subscriber) in previous.groups.into_values().flat_map(|g| g.subscribers) {
            let reset = Push { id, kind: FrameKind::Reset, seq: subscriber.seq, time: self.clock.now_ms(), data: "[]".into() };
            let _ = subscriber.to.try_send(reset);
        }
        self.note_followers();
    }
}

impl Receive<Subscribe> for HubActor {
    type Reply = Result<(), String>;

    fn receive(&mut self, message: Subscribe, _: &mut Ctx<Self>) -> Self::Reply {
        let Subscribe { session, id, topic, mut patterns, filter, to, drop_slow } = message;
        if self.key_of(session, id).is_some() {
            return Err(format!(
                "id {id} is in use by another subscription of this connection; unsubscribe it first or take another number"
            ));
        }
        patterns.sort_unstable();
        let key = (topic, patterns);
        if !self.groups.contains_key(&key) {
            self.admit(&key.1)?;
        }
        let group = self.groups.entry(key.clone()).or_insert_with(|| Group { filter, subscribers: BTreeMap::new() });
        group.subscribers.insert((session, id), Subscriber { to, drop_slow, seq: 0, behind: None });
        self.note_followers();
        self.send_snapshot(&key, session, id);
        Ok(())
    }
}

impl Receive<Unsubscribe> for HubActor {
    type Reply = ();

    fn receive(&mut self, message: Unsubscribe, _: &mut Ctx<Self>) {
        self.groups.retain(|_, group| {
            group.subscribers.retain(|(session, id), _| *session != message.session || message.id.is_some_and(|wanted| wanted != *id));
            !group.subscribers.is_empty()
        });
        self.note_followers();
    }
}

impl Receive<StoredBatch> for HubActor {
    type Reply = ();

    fn receive(&mut self, StoredBatch(stored): StoredBatch, _: &mut Ctx<Self>) {
        self.publish_samples(&stored);
    }
}

impl Receive<Closed> for HubActor {
    type Reply = ();

    fn receive(&mut self, closed: Closed, _: &mut Ctx<Self>) {
        let wanted = |topic: &Topic| matches!(topic, Topic::Windows(level) if level.is_none_or(|l| l == closed.level));
        let keys: Vec<GroupKey> = self.groups.keys().filter(|(topic, _)| wanted(topic)).cloned().collect();
        for key in keys {
            let Some(group) = self.groups.get_mut(&key) else { continue };
            let rows: Vec<Value> = closed
                .rows
                .iter()
                .filter(|(id, _)| group.filter.passes(*id, &self.store))
                .filter_map(|(id, row)| Some(wire::window(&self.store.labels(*id)?, closed.level, row)))
                .collect();
            if !rows.is_empty() {
                let data: Arc<str> = Value::Array(rows).to_string().into();
                self.deliver(&key, &data);
            }
        }
    }
}

impl Receive<Publish> for HubActor {
    type Reply = ();

    fn receive(&mut self, news: Publish, _: &mut Ctx<Self>) {
        let (topic, items): (Topic, Vec<Value>) = match news {
            Publish::Alerts(alerts) => (Topic::Alerts, alerts.iter().map(wire::alert).collect()),
            Publish::Recommendations(all) => (Topic::Recommendations, all.iter().map(wire::recommendation).collect()),
            Publish::Events(events) => (Topic::Events, events.iter().map(|(id, e)| wire::event(id, e)).collect()),
        };
        let data: Arc<str> = Value::Array(items).to_string().into();
        self.publish(topic, &data);
    }
}

#[cfg(test)]
mod tests;
