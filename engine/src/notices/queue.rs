//! The queue of notices that wait for their channels: retries with back-off, a rate limit, bounds.
//!
//! A notice stays until it is delivered, or until it is older than `keep_ms`. While it waits, a newer one of its group takes its
//! place and takes over its alerts, so a channel that is gone for long costs one notice a group. Beyond [`MAX_WAITING`] notices the
//! two oldest become one. Deliveries of a channel go one after the other; a channel never waits for another.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Notice;
use crate::model::TimestampMs;
use crate::store::DocumentChange;

/// Notices that wait for one channel.
const MAX_WAITING: usize = 1_000;
const QUEUE: &str = "queue/";
/// The first wait after a failure, and the longest.
const FIRST_BACKOFF_MS: i64 = 1_000;
const LONGEST_BACKOFF_MS: i64 = 300_000;

/// The limits of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Notices a minute at the most; 0 for no limit.
    pub per_minute: u32,
    /// How long a notice that cannot be delivered is kept.
    pub keep_ms: i64,
}

/// Why a delivery failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The channel does not work: nothing is sent for a while, at least for so long.
    Channel {
        /// What the receiver asks for, ms.
        retry_after_ms: Option<i64>,
    },
    /// The receiver refuses this notice: others may pass.
    Notice,
}

/// A notice that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// What is to be sent.
    pub notice: Notice,
    /// Since when it waits.
    pub since: TimestampMs,
    #[serde(skip)]
    attempts: u32,
    #[serde(skip)]
    not_before: TimestampMs,
    #[serde(skip)]
    in_flight: bool,
    /// It survives a restart, or cannot be kept.
    #[serde(skip)]
    durable: bool,
}

/// What is known of a channel's deliveries since the start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChannelState {
    /// Notices that were delivered.
    pub sent: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Notices that were given up after `keep_ms`.
    pub expired: u64,
    /// Notices that wait.
    pub waiting: usize,
    /// Since when the oldest of them waits.
    pub oldest: Option<TimestampMs>,
    /// When the last one was delivered.
    pub last_sent: Option<TimestampMs>,
    /// The last failure and its time; none once a later delivery worked.
    pub last_error: Option<(TimestampMs, String)>,
    /// When the channel is tried again.
    pub next_try: Option<TimestampMs>,
}

#[derive(Debug)]
struct Lane {
    limits: QueueLimits,
    waiting: BTreeMap<u64, Waiting>,
    failures: u32,
    not_before: TimestampMs,
    /// When the last notices were sent, for the rate.
    sent_at: Vec<TimestampMs>,
    state: ChannelState,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Queue {
    lanes: BTreeMap<String, Lane>,
    next: u64,
    changed: BTreeSet<String>,
}

fn document(channel: &str, number: u64) -> String {
    format!("{QUEUE}{channel}/{number:020}")
}

impl Queue {
    /// An empty queue for these channels.
    #[must_use]
    pub fn new(channels: impl IntoIterator<Item = (String, QueueLimits)>) -> Self {
        let lane = |limits| Lane {
            limits,
            waiting: BTreeMap::new(),
            failures: 0,
            not_before: TimestampMs::MIN,
            sent_at: Vec::new(),
            state: ChannelState::default(),
        };
        Self { lanes: channels.into_iter().map(|(name, limits)| (name, lane(limits))).collect(), next: 1, changed: BTreeSet::new() }
    }

    /// Takes over kept documents. Those of channels that are gone are dropped.
    pub fn restore(&mut self, documents: &[(String, Vec<u8>)]) {
        for (key, bytes) in documents {
            let Some((channel, number)) = key.strip_prefix(QUEUE).and_then(|rest| rest.rsplit_once('/')) else { continue };
            let kept = serde_json::from_slice::<Waiting>(bytes).ok().zip(number.parse::<u64>().ok());
            match (self.lanes.get_mut(channel), kept) {
                (Some(lane), Some((waiting, number))) => {
                    self.next = self.next.max(number + 1);
                    lane.waiting.insert(number, Waiting { durable: true, ..waiting });
                }
                _ => {
                    self.changed.insert(key.clone());
                }
            }
        }
    }

    /// Adds a notice, to be sent at `not_before` at the earliest.
    pub fn push(&mut self, notice: Notice, now: TimestampMs, not_before: TimestampMs) {
        let channel = notice.channel.clone();
        let Some(lane) = self.lanes.get_mut(&channel) else { return };
        let number = self.next;
        self.next += 1;
        let mut new = Waiting { notice, since: now, attempts: 0, not_before, in_flight: false, durable: false };
        let older = lane.waiting.iter().find(|(_, other)| !other.in_flight && other.notice.group == new.notice.group).map(|(n, _)| *n);
        if let Some(older) = older
            && let Some(older_one) = lane.waiting.remove(&older)
        {
            new.absorb(older_one);
            self.changed.insert(document(&channel, older));
        }
        lane.waiting.insert(number, new);
        self.changed.insert(document(&channel, number));
        if lane.waiting.len() > MAX_WAITING {
            let mut oldest = lane.waiting.iter().filter(|(_, waiting)| !waiting.in_flight).map(|(number, _)| *number);
            if let (Some(first), Some(second)) = (oldest.next(), oldest.next())
                && let Some(first_one) = lane.waiting.remove(&first)
                && let Some(second_one) = lane.waiting.get_mut(&second)
            {
                second_one.absorb(first_one);
                second_one.notice.labels.clear();
                self.changed.extend([document(&channel, first), document(&channel, second)]);
            }
        }
    }

    /// What is to be delivered now, one notice a channel at the most. Notices whose time is over are dropped.
    pub fn take_due(&mut self, now: TimestampMs) -> Vec<(u64, Notice)> {
        let mut due = Vec::new();
        for (channel, lane) in &mut self.lanes {
            let keep_ms = lane.limits.keep_ms;
            let expired = lane
                .waiting
                .extract_if(.., |_, waiting| !waiting.in_flight && waiting.attempts > 0 && now.saturating_sub(waiting.since) > keep_ms);
            for (number, waiting) in expired {
                lane.state.expired += 1;
                let count = waiting.notice.alerts.len() + waiting.notice.more;
                log::error!("channel {channel}: a notice of {count} alerts is given up: it could not be delivered since {}", waiting.since);
                self.changed.insert(document(channel, number));
            }
            if lane.is_busy() || lane.free_at(now) > now {
                continue;
            }
            let next = lane.waiting.iter_mut().find(|(_, waiting)| waiting.durable && waiting.not_before <= now);
            if let Some((number, waiting)) = next {
                waiting.in_flight = true;
                due.push((*number, waiting.notice.clone()));
            }
        }
        due
    }

    /// A delivery worked.
    pub fn delivered(&mut self, channel: &str, number: u64, now: TimestampMs) {
        let Some(lane) = self.lanes.get_mut(channel) else { return };
        lane.waiting.remove(&number);
        lane.failures = 0;
        lane.not_before = TimestampMs::MIN;
        lane.sent_at.retain(|at| (0..60_000).contains(&now.saturating_sub(*at)));
        lane.sent_at.push(now);
        lane.state.sent += 1;
        lane.state.last_sent = Some(now);
        lane.state.last_error = None;
        self.changed.insert(document(channel, number));
    }

    /// A notice needs no delivery.
    pub fn discard(&mut self, channel: &str, number: u64) {
        if let Some(lane) = self.lanes.get_mut(channel) {
            lane.waiting.remove(&number);
            self.changed.insert(document(channel, number));
        }
    }

    /// A delivery failed; it is tried again. `jitter` is 0 to 1.
    pub fn failed(&mut self, channel: &str, number: u64, failure: &Failure, reason: String, now: TimestampMs, jitter: f64) {
        let Some(lane) = self.lanes.get_mut(channel) else { return };
        lane.state.failed += 1;
        lane.state.last_error = Some((now, reason));
        let Some(waiting) = lane.waiting.get_mut(&number) else { return };
        waiting.in_flight = false;
        waiting.attempts = waiting.attempts.saturating_add(1);
        match failure {
            Failure::Channel { retry_after_ms } => {
                lane.failures = lane.failures.saturating_add(1);
                let wait = backoff(lane.failures, jitter).max(retry_after_ms.unwrap_or(0).min(24 * LONGEST_BACKOFF_MS));
                lane.not_before = now.saturating_add(wait);
            }
            Failure::Notice => {
                lane.failures = 0;
                waiting.not_before = now.saturating_add(backoff(waiting.attempts, jitter));
            }
        }
    }

    /// When [`Queue::take_due`] is to be called next.
    #[must_use]
    pub fn next_due(&self, now: TimestampMs) -> Option<TimestampMs> {
        let of_lane = |lane: &Lane| {
            let next = lane.waiting.values().filter(|waiting| waiting.durable).map(|waiting| waiting.not_before).min()?;
            (!lane.is_busy()).then(|| next.max(lane.free_at(now)))
        };
        self.lanes.values().filter_map(of_lane).min()
    }

    /// What is known of each channel.
    #[must_use]
    pub fn states(&self, now: TimestampMs) -> BTreeMap<&str, ChannelState> {
        let state = |lane: &Lane| {
            let next = lane.waiting.values().map(|waiting| waiting.not_before).min().map(|at| at.max(lane.free_at(now)));
            ChannelState {
                waiting: lane.waiting.len(),
                oldest: lane.waiting.values().map(|waiting| waiting.since).min(),
                next_try: next.filter(|at| *at > now),
                ..lane.state.clone()
            }
        };
        self.lanes.iter().map(|(name, lane)| (name.as_str(), state(lane))).collect()
    }

    /// The documents that changed since the last call. Until [`Queue::kept`] names them, new notices are not delivered.
    pub fn take_changes(&mut self) -> Vec<DocumentChange> {
        let changed = std::mem::take(&mut self.changed);
        let bytes = |key: &str| {
            let (channel, number) = key.strip_prefix(QUEUE)?.rsplit_once('/')?;
            serde_json::to_vec(self.lanes.get(channel)?.waiting.get(&number.parse().ok()?)?).ok()
        };
        changed.into_iter().map(|key| (key.clone(), bytes(&key))).collect()
    }

    /// Documents were written: their notices may be delivered.
    pub fn kept(&mut self, keys: &[String]) {
        for key in keys {
            let Some((channel, number)) = key.strip_prefix(QUEUE).and_then(|rest| rest.rsplit_once('/')) else { continue };
            let waiting = self.lanes.get_mut(channel).zip(number.parse().ok()).and_then(|(lane, number)| lane.waiting.get_mut(&number));
            if let Some(waiting) = waiting {
                waiting.durable = true;
            }
        }
    }

    /// Nothing can be kept now: all that waits may be delivered.
    pub fn release(&mut self) {
        self.lanes.values_mut().flat_map(|lane| lane.waiting.values_mut()).for_each(|waiting| waiting.durable = true);
    }

    /// Puts back keys whose documents could not be written.
    pub fn put_back(&mut self, keys: impl IntoIterator<Item = String>) {
        self.changed.extend(keys.into_iter().filter(|key| key.starts_with(QUEUE)));
    }
}

impl Waiting {
    fn absorb(&mut self, older: Self) {
        self.notice.absorb(older.notice);
        self.since = self.since.min(older.since);
        self.attempts = older.attempts;
        // What was refused waits no longer than its back-off: the next digest may be a week away.
        self.not_before = if older.attempts > 0 { older.not_before } else { self.not_before.max(older.not_before) };
        self.durable &= older.durable;
    }
}

impl Lane {
    fn is_busy(&self) -> bool {
        self.waiting.values().any(|waiting| waiting.in_flight)
    }

    /// From when on the back-off and the rate allow a delivery.
    fn free_at(&self, now: TimestampMs) -> TimestampMs {
        const MINUTE: i64 = 60_000;
        let limit = self.limits.per_minute as usize;
        // A time in the future: the clock was set back.
        let recent: Vec<TimestampMs> = self.sent_at.iter().copied().filter(|at| *at <= now && now - at < MINUTE).collect();
        let by_rate = if limit > 0 && recent.len() >= limit { recent[recent.len() - limit] + MINUTE } else { TimestampMs::MIN };
        self.not_before.min(now.saturating_add(24 * LONGEST_BACKOFF_MS)).max(by_rate)
    }
}

/// Half to all of a wait that doubles with each failure.
fn backoff(failures: u32, jitter: f64) -> i64 {
    let wait = FIRST_BACKOFF_MS.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_BACKOFF_MS);
    (wait as f64 * (0.5 + 0.5 * jitter.clamp(0.0, 1.0))) as i64
}

#[cfg(test)]
mod tests;
