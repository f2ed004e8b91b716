//! What the pipeline counts: losses, waiting samples, windows, sessions, frames, logins, webhooks. Hot paths write them, so they are
//! atomics; the rest is counted by label.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use taskpulse_engine::windows::{LEVELS, Level};

/// Most rules whose notifications are counted.
const MAX_RULES: usize = 1_000;

/// Counts by label values. The values are the program's own words, so there are few.
#[derive(Debug)]
pub struct Counts<K>(Mutex<BTreeMap<K, u64>>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Copy> Counts<K> {
    /// Adds to a count.
    pub fn add(&self, key: K, n: usize) {
        if n > 0 {
            *self.0.lock().entry(key).or_default() += n as u64;
        }
    }

    /// All counts.
    #[must_use]
    pub fn all(&self) -> BTreeMap<K, u64> {
        self.0.lock().clone()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct PipelineStats {
    /// Samples lost on the way, by stage and reason.
    pub dropped: Counts<(&'static str, &'static str)>,
    /// Samples that wait in the batcher.
    pub batcher_waiting: AtomicUsize,
    /// How often a series moved past the end of windows, by level.
    pub windows_closed: [AtomicU64; LEVELS],
    /// WebSocket sessions.
    pub sessions: AtomicUsize,
    /// Frames that slow clients did not get.
    pub skipped_frames: AtomicU64,
    /// Wrong tokens that were sent.
    pub auth_failures: AtomicU64,
    /// Requests to the server of MCP by tool, empty for those that call none, and outcome.
    pub mcp_requests: Counts<(&'static str, &'static str)>,
    /// Requests to GitHub by outcome.
    pub github_requests: Counts<&'static str>,
    /// Notifications that were delivered, by the rules whose alerts they named.
    rule_notifications: Mutex<BTreeMap<String, u64>>,
    /// Webhook deliveries by event and outcome.
    webhooks: Counts<(&'static str, &'static str)>,
}

impl PipelineStats {
    /// Counts a delivery. Events that are not handled count together: their names come from outside.
    pub fn count_webhook(&self, event: &str, outcome: &'static str) {
        let event = ["ping", "workflow_run", "workflow_job"].into_iter().find(|known| *known == event).unwrap_or("other");
        self.webhooks.add((event, outcome), 1);
    }

    /// Counts a notification for each of some rules. Rules beyond [`MAX_RULES`] are not counted.
    pub fn count_notification<'a>(&self, rules: impl Iterator<Item = &'a str>) {
        let mut counts = self.rule_notifications.lock();
        for rule in rules {
            if counts.len() < MAX_RULES || counts.contains_key(rule) {
                *counts.entry(rule.to_owned()).or_default() += 1;
            }
        }
    }

    /// Notifications by rule.
    #[must_use]
    pub fn rule_notifications(&self) -> BTreeMap<String, u64> {
        self.rule_notifications.lock().clone()
    }

    /// Webhook deliveries by event and outcome.
    #[must_use]
    pub fn webhooks(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.webhooks.all()
    }
}

/// Which windows somebody follows: the hub sets it, the window aggregators make rows of no others. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct FollowedWindows(Arc<AtomicU8>);

impl FollowedWindows {
    /// Sets the levels whose windows somebody follows; `None` means all of them.
    pub fn set(&self, levels: impl Iterator<Item = Option<Level>>) {
        let bits = levels.map(|level| level.map_or(u8::MAX, |level| 1 << level.index()));
        self.0.store(bits.fold(0, |all, bit| all | bit), Ordering::Relaxed);
    }

    /// Whether anybody follows the windows of a level.
    #[must_use]
    pub fn contains(&self, level: Level) -> bool {
        self.0.load(Ordering::Relaxed) & (1 << level.index()) != 0
    }
}
