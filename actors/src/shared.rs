//! What many read and one writes: the newest state of alerts, advice, boards, sources, and counts of what was lost.
//!
//! Nothing here is a truth of its own: the store has the history, the actors the decisions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use taskpulse_engine::advice::Recommendation;
use taskpulse_engine::board::cost::{CiRun, Costs};
use taskpulse_engine::exposition::{Line, METRIC_TYPES};
use taskpulse_engine::health::Health;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::rules::Alert;
use taskpulse_engine::windows::{LEVELS, Level};

use crate::clock::now_ms;
use crate::collectors::github::state::CiState;
use crate::collectors::probe::Targets;
use crate::wire::seconds;

/// How a source is doing.
#[derive(Debug, Clone, Default)]
struct SourceState {
    up: Option<bool>,
    reason: Option<String>,
    hint: Option<String>,
    since: TimestampMs,
    last_sample: Option<TimestampMs>,
    samples: u64,
}

/// What status shows of a source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceStatus {
    /// Its name.
    pub source: String,
    /// Whether it works; none where there is nothing to watch.
    pub up: Option<bool>,
    /// Why it does not.
    pub reason: Option<String>,
    /// What would make it work.
    pub hint: Option<String>,
    /// Since when, Unix seconds.
    pub since: f64,
    /// Its newest sample, Unix seconds.
    pub last_sample: Option<f64>,
    /// Samples so far.
    pub samples: u64,
}

/// All sources.
#[derive(Debug, Default)]
pub struct Sources {
    states: Mutex<BTreeMap<String, SourceState>>,
}

impl Sources {
    fn change(&self, source: &str, up: Option<bool>, reason: Option<String>, hint: Option<String>) {
        let mut states = self.states.lock();
        let state = states.entry(source.to_owned()).or_default();
        if state.up != up || state.since == 0 {
            state.since = now_ms();
            match (up, &reason) {
                (Some(true), _) => log::info!("source {source}: up"),
                (Some(false), why) => log::warn!("source {source}: failing: {}", why.as_deref().unwrap_or("no reason known")),
                (None, why) => log::info!("source {source}: absent: {}", why.as_deref().unwrap_or("nothing to watch")),
            }
        }
        (state.up, state.reason, state.hint) = (up, reason, hint);
    }

    /// It gave so many samples, the newest at `newest`.
    pub fn up(&self, source: &str, samples: usize, newest: TimestampMs) {
        self.works(source, samples, newest, None);
    }

    /// As [`Sources::up`], but something of it is wrong.
    pub fn partly(&self, source: &str, samples: usize, newest: TimestampMs, reason: impl Into<String>) {
        self.works(source, samples, newest, Some(reason.into()));
    }

    fn works(&self, source: &str, samples: usize, newest: TimestampMs, reason: Option<String>) {
        self.change(source, Some(true), reason, None);
        if let Some(state) = self.states.lock().get_mut(source) {
            state.samples += samples as u64;
            if samples > 0 {
                state.last_sample = Some(newest);
            }
        }
    }

    /// It fails.
    pub fn failing(&self, source: &str, reason: impl Into<String>) {
        self.change(source, Some(false), Some(reason.into()), None);
    }

    /// There is nothing to watch; `hint` says what would change that.
    pub fn absent(&self, source: &str, reason: impl Into<String>, hint: impl Into<String>) {
        self.change(source, None, Some(reason.into()), Some(hint.into()));
    }

    /// It is no longer watched.
    pub fn remove(&self, source: &str) {
        self.states.lock().remove(source);
    }

    /// What status shows.
    #[must_use]
    pub fn status(&self) -> Vec<SourceStatus> {
        let states = self.states.lock();
        states
            .iter()
            .map(|(name, s)| SourceStatus {
                source: name.clone(),
                up: s.up,
                reason: s.reason.clone(),
                hint: s.hint.clone(),
                since: seconds(s.since),
                last_sample: s.last_sample.map(seconds),
                samples: s.samples,
            })
            .collect()
    }
}

/// What programs say of their metrics: type, help and unit by name.
#[derive(Debug, Default, Clone)]
pub struct Metadata(BTreeMap<String, MetricMeta>);

/// What is known of a metric.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct MetricMeta {
    /// `counter`, `gauge`, `histogram`, `summary`, … or `unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One line.
    pub help: String,
    /// Its unit; empty where none is told.
    pub unit: String,
}

/// Metrics of which something is remembered.
const MAX_METADATA: usize = 20_000;
/// Bytes of a name of which something is remembered.
const MAX_METADATA_NAME: usize = 1_024;
/// Of a help text.
const MAX_HELP: usize = 500;

impl Metadata {
    /// Takes in a line that is about a metric.
    pub fn note(&mut self, line: &Line<'_>) {
        let mut set = |name: &str, f: &dyn Fn(&mut MetricMeta)| {
            // A shorter name would be another metric's.
            if name.len() <= MAX_METADATA_NAME {
                let unknown = || MetricMeta { kind: METRIC_TYPES[0].to_owned(), ..MetricMeta::default() };
                f(self.0.entry(name.to_owned()).or_insert_with(unknown));
            }
        };
        let cut = |text: &str| text.chars().take(MAX_HELP).collect::<String>();
        match line {
            Line::Type(name, kind) => set(name, &|meta| meta.kind = (*kind).to_owned()),
            Line::Help(name, help) => set(name, &|meta| meta.help = cut(help)),
            Line::Unit(name, unit) => set(name, &|meta| meta.unit = cut(unit)),
            Line::Sample { .. } => {}
        }
    }
}

/// What was learnt of the metrics of others.
#[derive(Debug, Default)]
pub struct MetadataRegistry(RwLock<BTreeMap<String, MetricMeta>>);

impl MetadataRegistry {
    /// Takes in what a program says; names beyond the bound are left out.
    pub fn learn(&self, new: Metadata) {
        if new.0.is_empty() {
            return;
        }
        let mut known = self.0.write();
        for (name, meta) in new.0 {
            if known.len() < MAX_METADATA || known.contains_key(&name) {
                known.insert(name, meta);
            }
        }
    }

    /// All of it.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, MetricMeta> {
        self.0.read().clone()
    }
}

/// Samples lost on the way, by stage and reason.
#[derive(Debug, Default)]
pub struct Dropped {
    counts: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

impl Dropped {
    /// Counts a loss.
    pub fn add(&self, stage: &'static str, reason: &'static str, samples: usize) {
        if samples > 0 {
            *self.counts.lock().entry((stage, reason)).or_default() += samples as u64;
        }
    }

    /// All counts.
    #[must_use]
    pub fn all(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.counts.lock().clone()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Shared {
    /// Pending and firing alerts.
    pub alerts: RwLock<Arc<Vec<Alert>>>,
    /// Recommendations that are not withdrawn.
    pub recommendations: RwLock<Arc<Vec<Recommendation>>>,
    /// Task boards as `/api/v1/tasks` shows them, by project.
    pub boards: RwLock<BTreeMap<String, Vec<serde_json::Value>>>,
    /// What went on while tasks were in progress.
    pub costs: RwLock<Arc<Costs>>,
    /// CI runs that began in the last weeks, by rising time; none where CI is not watched.
    pub ci_runs: RwLock<Option<Arc<Vec<CiRun>>>>,
    /// CI as `/api/v1/ci/runs` shows it, and counts of what was asked and delivered.
    pub ci: CiState,
    /// The health score.
    pub health: RwLock<Option<Health>>,
    /// The sources.
    pub sources: Sources,
    /// What the probes found, by target.
    pub targets: Targets,
    /// What is known of the metrics of others.
    pub metadata: MetadataRegistry,
    /// What was lost.
    pub dropped: Dropped,
    /// Samples that wait in the batcher.
    pub batcher_waiting: AtomicUsize,
    /// WebSocket sessions.
    pub sessions: AtomicUsize,
    /// Frames that slow clients did not get.
    pub skipped_frames: AtomicU64,
    /// Wrong tokens that were sent.
    pub auth_failures: AtomicU64,
    /// Whether clients must log in.
    pub login: AtomicBool,
    /// How often a series moved past the end of windows, by level.
    pub windows_closed: [AtomicU64; LEVELS],
    /// The levels whose windows somebody follows, a bit each.
    pub followed_windows: AtomicU8,
}

impl Shared {
    /// Whether anybody follows the windows of a level.
    #[must_use]
    pub fn follows(&self, level: Level) -> bool {
        self.followed_windows.load(Ordering::Relaxed) & (1 << level.index()) != 0
    }
}
