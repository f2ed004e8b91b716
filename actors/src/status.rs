//! What the service says of itself: `/api/v1/status`, health, and the samples behind `/metrics`.
//!
//! Reads the actors' stats, the published views and the store's counters; changes nothing.

mod own_metrics;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::store::{Rejection, StoreReader};
use taskpulse_engine::windows::Level;
use taskpulse_engine::words::CHANNEL_SOURCE;

use crate::clock::now_ms;
use crate::log_templates::LogTemplates;
use crate::pipeline_stats::PipelineStats;
use crate::published::Views;
use crate::standstill;
use crate::supervisor::Registry;
use crate::traces::SharedSpanMetrics;
use crate::view::{self, FailingPart, Pipeline, ServiceState, Source, SourceState, Status, Target, WindowCounts, seconds};

/// Everything that is known of this process.
pub struct Reporter {
    /// The actors.
    pub registry: Arc<Registry>,
    /// The newest views of what they own.
    pub views: Views,
    /// What they count.
    pub stats: Arc<PipelineStats>,
    /// The store.
    pub store: StoreReader,
    /// What is counted of log lines.
    pub log_templates: LogTemplates,
    /// What is counted of spans.
    pub span_metrics: SharedSpanMetrics,
    /// When an actor counts as stuck.
    pub stuck_after: Duration,
    /// Longest time between seals.
    pub seal_interval: Duration,
    /// When the process started.
    pub started_at: TimestampMs,
    /// The product's version.
    pub version: &'static str,
    /// Whether clients must log in.
    pub login: bool,
    /// Where it listens.
    pub addresses: OnceLock<Vec<String>>,
    /// Set once everything is started.
    pub ready: AtomicBool,
    /// Set when it is on its way down.
    pub stopping: AtomicBool,
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn part(part: impl Into<String>, reason: impl Into<String>) -> FailingPart {
    FailingPart { part: part.into(), reason: reason.into() }
}

impl Reporter {
    /// Parts that do not work: actors that are down, stuck or restarting, and a store that refuses.
    pub fn failing(&self) -> Vec<FailingPart> {
        let actors = self.registry.failing(self.stuck_after).into_iter();
        let actors = actors.map(|actor| part(format!("actor {}", actor.name), actor.to_string()));
        // Work that the machine itself held up may take as long as work that begins.
        let stalled =
            if standstill::awake_for() > self.stuck_after { self.store.stalled(self.stuck_after, self.seal_interval) } else { Vec::new() };
        let store = self.store.problems().into_iter().chain(stalled);
        actors.chain(store.map(|why| part("store", why))).collect()
    }

    /// Why it is not ready to serve; empty when it is.
    pub fn not_ready(&self) -> Vec<FailingPart> {
        if self.stopping.load(Ordering::Relaxed) {
            return vec![part("service", "stopping")];
        }
        if !self.ready.load(Ordering::Relaxed) {
            return vec![part("service", "starting")];
        }
        self.failing()
    }

    fn state(&self, failing: &[FailingPart]) -> ServiceState {
        if self.stopping.load(Ordering::Relaxed) {
            ServiceState::Stopping
        } else if !self.ready.load(Ordering::Relaxed) {
            ServiceState::Starting
        } else if failing.is_empty() {
            ServiceState::Ok
        } else {
            ServiceState::Degraded
        }
    }

    /// `/api/v1/status`
    pub fn status(&self) -> Status {
        let failing = self.failing();
        let (sources, targets) = (self.views.sources(), self.views.targets());
        let (metrics, labels) = self.store.cardinality();
        Status {
            state: self.state(&failing),
            version: self.version,
            pid: std::process::id(),
            started_at: seconds(self.started_at),
            uptime_seconds: seconds(now_ms() - self.started_at),
            health: Arc::unwrap_or_clone(self.views.health()),
            actors: self.registry.status(self.stuck_after),
            problems: self.problems(&failing, &sources, &targets),
            sources,
            targets,
            needs_person: self.views.actions().runs.iter().filter(|run| run.needs_person).cloned().collect(),
            pipeline: self.pipeline(),
            store: view::Store::new(self.store.status(), metrics, labels),
            logs: view::Records::new(&self.store.logs().status(), self.store.logs().options()),
            traces: view::Records::new(&self.store.traces().status(), self.store.traces().options()),
            windows: Level::ALL.into_iter().map(|level| self.window_counts(level)).collect(),
            login: self.login,
            sessions: self.stats.sessions.load(Ordering::Relaxed),
            addresses: self.addresses.get().cloned().unwrap_or_default(),
        }
    }

    fn problems(&self, failing: &[FailingPart], sources: &[Source], targets: &[Target]) -> Vec<String> {
        let parts = failing.iter().map(|failing| format!("{}: {}", failing.part, failing.reason));
        let sources = sources.iter().filter(|source| source.state == SourceState::Failing);
        // A channel of notifications has a name that says so.
        let kind = |name: &str| if name.starts_with(CHANNEL_SOURCE) { "" } else { "source " };
        let named = |source: &Source| format!("{}{}", kind(&source.source), source.source);
        let sources = sources.map(|source| format!("{}: {}", named(source), source.reason.as_deref().unwrap_or("failing")));
        let down = targets.iter().filter(|target| target.up == Some(false));
        let down = down.map(|target| format!("{} is down: {}", target.target, target.reason.as_deref().unwrap_or("no reason known")));
        parts.chain(sources).chain(self.store.warnings()).chain(down).collect()
    }

    fn pipeline(&self) -> Pipeline {
        let counters = self.store.counters();
        let rejected = Rejection::ALL.iter().map(|reason| (reason.name().to_owned(), count(&counters.rejected[*reason as usize])));
        let dropped: BTreeMap<_, _> = self.stats.dropped.all();
        Pipeline {
            appended_samples: count(&counters.appended),
            appended_batches: count(&counters.batches),
            duplicate_samples: count(&counters.duplicates),
            late_samples: count(&counters.late),
            rejected: rejected.collect(),
            dropped: dropped.into_iter().map(|((stage, reason), n)| (format!("{stage}/{reason}"), n)).collect(),
            batcher_waiting: self.stats.batcher_waiting.load(Ordering::Relaxed),
        }
    }

    fn window_counts(&self, level: Level) -> WindowCounts {
        let late = if level == Level::M1 { count(&self.store.counters().late) } else { 0 };
        WindowCounts { window: level.name(), closed: count(&self.stats.windows_closed[level.index()]), late_samples: late }
    }
}
