//! The hub: publishes to WebSocket sessions what they subscribed to. What several sessions get is written as JSON once.
//!
//! A subscription begins with a snapshot. Subscriptions with the same filter are one group, whose update is built once.
//! A session whose mailbox is full misses updates; the next frame that it gets is a new snapshot, after a gap in `seq`.
//! Live samples come from the store's announcements alone, so a screen never shows what is not kept.
//! Restart: sessions are asked to connect again (their subscriptions are gone with the state).

mod agents;
mod filter;
mod messages;
mod samples;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::Recipient;
use actix::dev::SendError;
use serde::Serialize;
use taskpulse_engine::model::{SeriesId, TimestampMs};
use taskpulse_engine::store::{StoreReader, Stored};
use tokio::time::Instant;

use self::agents::FollowedAgents;
pub use self::filter::Filter;
pub use self::messages::{DropSlow, FrameKind, Push, SessionId, Subscribe, SubscribeError, Topic, Unsubscribe};
use self::samples::SamplesWriter;
use crate::agents::Agents;
use crate::clock::Clock;
use crate::messages::{Closed, Publish, StoredBatch};
use crate::pipeline_stats::{FollowedWindows, PipelineStats};
use crate::published::Views;
use crate::standstill;
use crate::supervisor::{Ctx, Receive, Schedule, ServiceActor};
use crate::view::{Event, Status, Window};

/// How often subscribers of `status` get it.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// How often subscribers of `agents` get what changed.
const AGENTS_EVERY: Duration = Duration::from_secs(1);
/// A newest sample older than this is not in a snapshot.
const SNAPSHOT_MS: i64 = 300_000;
/// Events of a snapshot.
const SNAPSHOT_EVENTS: usize = 100;
/// Series of a snapshot at the most.
const SNAPSHOT_SERIES: usize = 10_000;

/// Filters of all subscriptions together: selectors, the bytes of their text, and different sets of them. The hub applies each
/// selector to each new series.
const MAX_SELECTORS: usize = 4_096;
const MAX_FILTER_BYTES: usize = 4 << 20;
const MAX_GROUPS: usize = 1_024;

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

/// What gives the status of the service.
pub type StatusSource = Arc<dyn Fn() -> Status + Send + Sync>;

/// See the module.
pub struct HubActor {
    clock: Clock,
    store: StoreReader,
    views: Views,
    status: StatusSource,
    stats: Arc<PipelineStats>,
    followed: FollowedWindows,
    slow_after: Duration,
    groups: BTreeMap<GroupKey, Group>,
    samples: SamplesWriter,
    agents: FollowedAgents,
    /// Number of the last batch that was announced; zero before the first.
    batch: u64,
}

/// Views as the JSON of a frame's `data`.
fn json(views: &impl Serialize) -> Arc<str> {
    serde_json::to_string(views)
        .unwrap_or_else(|error| {
            log::error!("hub: a view cannot be written: {error}");
            "[]".to_owned()
        })
        .into()
}

impl HubActor {
    /// A hub. Snapshots are made of `views` and `status`; a session that takes nothing for `slow_after` is ended.
    #[must_use]
    pub fn new(
        clock: Clock,
        store: StoreReader,
        views: Views,
        status: StatusSource,
        stats: Arc<PipelineStats>,
        followed: FollowedWindows,
        slow_after: Duration,
    ) -> Self {
        Self {
            clock,
            store,
            views,
            status,
            stats,
            followed,
            slow_after,
            groups: BTreeMap::new(),
            samples: SamplesWriter::default(),
            agents: FollowedAgents::default(),
            batch: 0,
        }
    }

    /// With the sessions of coding agents.
    #[must_use]
    pub fn with_agents(mut self, agents: Agents) -> Self {
        self.agents = FollowedAgents::new(agents);
        self
    }

    fn snapshot(&mut self, key: &GroupKey) -> Arc<str> {
        match key.0 {
            Topic::Samples => self.samples_snapshot(key).into(),
            Topic::Windows(_) => "[]".into(),
            Topic::Alerts => json(&self.views.alerts()),
            Topic::Recommendations => json(&self.views.recommendations()),
            Topic::Events => {
                let events = self.store.events(0, TimestampMs::MAX - 1, SNAPSHOT_EVENTS, |_| true).unwrap_or_else(|error| {
                    log::error!("hub: events cannot be read: {error}");
                    Vec::new()
                });
                json(&events.iter().map(|(id, event)| Event::new(id, event)).collect::<Vec<_>>())
            }
            Topic::Status => json(&[(self.status)()]),
            Topic::Agents => self.agents.snapshot(&self.views.work(), &self.views.commits(), self.clock.now_ms()),
        }
    }

    /// What changed of coding agents, where somebody follows them.
    fn publish_agents(&mut self) {
        if !self.groups.keys().any(|(topic, _)| *topic == Topic::Agents) {
            self.agents.forget();
        } else if let Some(data) = self.agents.changed(&self.views.work(), &self.views.commits(), self.clock.now_ms()) {
            self.publish(Topic::Agents, &data);
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
        self.samples.write(&rows, &self.store)
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
            let rows: Vec<(SeriesId, TimestampMs, f64)> = stored.rows().filter(|(id, ..)| group.filter.passes(*id, &self.store)).collect();
            if rows.is_empty() && !lost {
                continue;
            }
            let data: Arc<str> = self.samples.write(&rows, &self.store).into();
            self.deliver(&key, &data);
        }
    }

    fn publish(&mut self, topic: Topic, data: &Arc<str>) {
        let keys: Vec<GroupKey> = self.groups.keys().filter(|(t, _)| *t == topic).cloned().collect();
        for key in keys {
            self.deliver(&key, data);
        }
    }

    /// Sends an update to each subscriber of a group; to those that are behind a snapshot instead.
    fn deliver(&mut self, key: &GroupKey, data: &Arc<str>) {
        let time = self.clock.now_ms();
        let anyone_behind = self.groups.get(key).is_some_and(|g| g.subscribers.values().any(|s| s.behind.is_some()));
        let snapshot = anyone_behind.then(|| self.snapshot(key));
        let Some(group) = self.groups.get_mut(key) else { return };
        let (skipped, slow_after) = (&self.stats.skipped_frames, self.slow_after);
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
                Err(SendError::Full(_)) => {
                    skipped.fetch_add(1, Ordering::Relaxed);
                    let behind = s.behind.get_or_insert_with(Instant::now).elapsed();
                    // It could not read what nobody sent.
                    let slow = behind.min(standstill::awake_for()) > slow_after;
                    if slow {
                        (s.drop_slow.0)();
                    }
                    !slow
                }
                Err(SendError::Closed(_)) => false,
            }
        });
        if group.subscribers.is_empty() {
            self.groups.remove(key);
            self.note_followers();
        }
    }

    /// Records which windows somebody follows: rows of others are not made.
    fn note_followers(&self) {
        self.followed.set(self.groups.keys().filter_map(|(topic, _)| match topic {
            Topic::Windows(level) => Some(*level),
            _ => None,
        }));
    }

    /// Whether there is room for one more filter.
    fn admit(&self, patterns: &[String]) -> Result<(), SubscribeError> {
        let all = || self.groups.keys().map(|(_, patterns)| patterns.as_slice()).chain([patterns]);
        let (selectors, bytes) = (all().map(<[_]>::len).sum::<usize>(), all().flatten().map(String::len).sum::<usize>());
        if self.groups.len() >= MAX_GROUPS || selectors > MAX_SELECTORS || bytes > MAX_FILTER_BYTES {
            return Err(SubscribeError::TooManyFilters);
        }
        Ok(())
    }

    fn key_of(&self, session: SessionId, id: u64) -> Option<GroupKey> {
        self.groups.iter().find(|(_, g)| g.subscribers.contains_key(&(session, id))).map(|(key, _)| key.clone())
    }

    fn send_snapshot(&mut self, key: &GroupKey, session: SessionId, id: u64) {
        let data = self.snapshot(key);
        let Some(subscriber) = self.groups.get_mut(key).and_then(|g| g.subscribers.get_mut(&(session, id))) else { return };
        let push = Push { id, kind: FrameKind::Snapshot, seq: subscriber.seq, time: self.clock.now_ms(), data };
        subscriber.behind = subscriber.to.try_send(push).is_err().then(Instant::now);
    }
}

impl ServiceActor for HubActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        ctx.every(STATUS_EVERY, "status", |this, _| {
            if this.groups.keys().any(|(topic, _)| *topic == Topic::Status) {
                let data = json(&[(this.status)()]);
                this.publish(Topic::Status, &data);
            }
        });
        ctx.every(AGENTS_EVERY, "agents", |this, _| this.publish_agents());
    }

    /// Subscriptions end with the state that they were part of; their sessions are asked to connect again.
    fn inherit(&mut self, previous: Self) {
        for ((_, id), subscriber) in previous.groups.into_values().flat_map(|g| g.subscribers) {
            let reset = Push { id, kind: FrameKind::Reset, seq: subscriber.seq, time: self.clock.now_ms(), data: "[]".into() };
            let _ = subscriber.to.try_send(reset);
        }
        self.note_followers();
    }
}

impl Receive<Subscribe> for HubActor {
    type Reply = Result<(), SubscribeError>;

    fn receive(&mut self, message: Subscribe, _: &mut Ctx<Self>) -> Self::Reply {
        let Subscribe { session, id, topic, mut patterns, filter, to, drop_slow } = message;
        if self.key_of(session, id).is_some() {
            return Err(SubscribeError::IdInUse(id));
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
            let rows: Vec<Window> = closed
                .rows
                .iter()
                .filter(|(id, _)| group.filter.passes(*id, &self.store))
                .filter_map(|(id, row)| Some(Window::new(self.store.labels(*id)?, closed.level, row)))
                .collect();
            if !rows.is_empty() {
                let data = json(&rows);
                self.deliver(&key, &data);
            }
        }
    }
}

impl Receive<Publish> for HubActor {
    type Reply = ();

    fn receive(&mut self, news: Publish, _: &mut Ctx<Self>) {
        let (topic, data) = match news {
            Publish::Alerts(alerts) => (Topic::Alerts, json(&alerts)),
            Publish::Recommendations(recommendations) => (Topic::Recommendations, json(&recommendations)),
            Publish::Events(events) => (Topic::Events, json(&events)),
        };
        self.publish(topic, &data);
    }
}

#[cfg(test)]
mod tests;
