//! The service's status.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{ActionRun, Actor, Health, Records, Source, Store, Target};

/// How the service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceState {
    /// It is not ready yet.
    Starting,
    /// All of it works.
    Ok,
    /// Some of it does not.
    Degraded,
    /// It is on its way down.
    Stopping,
}

/// The service: its actors, sources, pipeline, store and problems.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Status {
    /// How it is doing.
    pub state: ServiceState,
    /// Its version.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub started_at: f64,
    /// How long it has been running.
    pub uptime_seconds: f64,
    /// The health score.
    pub health: Health,
    /// The actors.
    pub actors: Vec<Actor>,
    /// The sources.
    pub sources: Vec<Source>,
    /// The targets of probes.
    pub targets: Vec<Target>,
    /// Samples on their way.
    pub pipeline: Pipeline,
    /// The store.
    pub store: Store,
    /// The store of log lines; null before the first line.
    pub logs: Option<Records>,
    /// The store of spans; null before the first span.
    pub traces: Option<Records>,
    /// Windows, by length.
    pub windows: Vec<WindowCounts>,
    /// Whether clients must log in.
    pub login: bool,
    /// WebSocket sessions.
    pub sessions: usize,
    /// Where it listens.
    #[schema(example = json!(["http://127.0.0.1:8090"]))]
    pub addresses: Vec<String>,
    /// What is wrong, one line each.
    pub problems: Vec<String>,
    /// Runs of actions that a person should look at, the newest first.
    pub needs_person: Vec<ActionRun>,
}

/// Samples on their way, counted since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Pipeline {
    /// Samples kept.
    pub appended_samples: u64,
    /// Batches kept.
    pub appended_batches: u64,
    /// Samples that were there already.
    pub duplicate_samples: u64,
    /// Samples that came after their one-minute window had closed.
    pub late_samples: u64,
    /// Samples refused, by reason.
    #[schema(example = json!({"out_of_order": 0}))]
    pub rejected: BTreeMap<String, u64>,
    /// Samples lost, by stage and reason.
    #[schema(example = json!({"batcher/full": 0}))]
    pub dropped: BTreeMap<String, u64>,
    /// Samples that wait in the batcher.
    pub batcher_waiting: usize,
}

/// Windows of one length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WindowCounts {
    /// Their length: `1m`, `5m`, `15m`, `1h`, `6h` or `24h`.
    #[schema(example = "1m")]
    pub window: &'static str,
    /// Windows closed since the start.
    pub closed: u64,
    /// Samples that came after their window had closed.
    pub late_samples: u64,
}
