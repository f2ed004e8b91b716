//! What the service says of itself: `/api/v1/status`, health, and the samples behind `/metrics`.
//!
//! Reads vital signs, shared state and the store's counters; changes nothing.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use taskpulse_engine::model::{Labels, TimestampMs};
use taskpulse_engine::rules::AlertState;
use taskpulse_engine::store::{Rejection, StoreReader};
use taskpulse_engine::windows::Level;

use crate::clock::now_ms;
use crate::shared::Shared;
use crate::standstill;
use crate::supervisor::{ActorState, Registry};
use crate::wire::{number, seconds};

/// What is known of this process; everything that [`Reporter`] reads.
pub struct Reporter {
    /// The actors.
    pub registry: Arc<Registry>,
    /// The shared state.
    pub shared: Arc<Shared>,
    /// The store.
    pub store: StoreReader,
    /// When an actor counts as stuck.
    pub stuck_after: Duration,
    /// Longest time between seals.
    pub seal_interval: Duration,
    /// When the process started.
    pub started_at: TimestampMs,
    /// The product's version.
    pub version: &'static str,
    /// Where it listens.
    pub addresses: OnceLock<Vec<String>>,
    /// Set once everything is started.
    pub ready: AtomicBool,
    /// Set when it is on its way down.
    pub stopping: AtomicBool,
}

impl Reporter {
    /// Parts that do not work, with the reason: actors that are down, stuck or restarting, and a store that refuses.
    pub fn failing(&self) -> Vec<(String, String)> {
        let mut failing: Vec<(String, String)> =
            self.registry.failing(self.stuck_after).into_iter().map(|(name, why)| (format!("actor {name}"), why)).collect();
        // Work that the machine itself held up has as long to go on as work that begins.
        let stalled =
            if standstill::awake_for() > self.stuck_after { self.store.stalled(self.stuck_after, self.seal_interval) } else { Vec::new() };
        let store = self.store.problems().into_iter().chain(stalled);
        failing.extend(store.map(|why| ("store".to_owned(), why)));
        failing
    }

    /// Why it is not ready to serve; empty when it is.
    pub fn not_ready(&self) -> Vec<(String, String)> {
        if self.stopping.load(Ordering::Relaxed) {
            return vec![("service".to_owned(), "stopping".to_owned())];
        }
        if !self.ready.load(Ordering::Relaxed) {
            return vec![("service".to_owned(), "starting".to_owned())];
        }
        self.failing()
    }

    fn state(&self, failing: &[(String, String)]) -> &'static str {
        if self.stopping.load(Ordering::Relaxed) {
            "stopping"
        } else if !self.ready.load(Ordering::Relaxed) {
            "starting"
        } else if failing.is_empty() {
            "ok"
        } else {
            "degraded"
        }
    }

    /// The `data` of `/api/v1/status`.
    pub fn status(&self) -> Value {
        let failing = self.failing();
        let shared = &self.shared;
        let counters = self.store.counters();
        let count = |c: &std::sync::atomic::AtomicU64| c.load(Ordering::Relaxed);
        let by = |pairs: Vec<(String, u64)>| -> Map<String, Value> { pairs.into_iter().map(|(k, v)| (k, json!(v))).collect() };
        let rejected = by(Rejection::ALL.iter().map(|r| (r.name().to_owned(), count(&counters.rejected[*r as usize]))).collect());
        let dropped = by(shared.dropped.all().into_iter().map(|((stage, reason), n)| (format!("{stage}/{reason}"), n)).collect());
        let windows: Vec<Value> = Level::ALL
            .iter()
            .map(|level| {
                let late = if *level == Level::M1 { count(&counters.late) } else { 0 };
                json!({"window": level.name(), "closed": count(&shared.windows_closed[level.index()]), "late_samples": late})
            })
            .collect();
        let sources = shared.sources.status();
        let mut problems: Vec<String> = failing.iter().map(|(part, why)| format!("{part}: {why}")).collect();
        problems.extend(
            sources
                .iter()
                .filter(|s| s.up == Some(false))
                .map(|s| format!("source {}: {}", s.source, s.reason.as_deref().unwrap_or("failing"))),
        );
        problems.extend(self.store.warnings());
        let targets = shared.targets.status();
        let down = targets.iter().filter(|t| t.up == Some(false));
        problems.extend(down.map(|t| format!("{} is down: {}", t.target, t.reason.as_deref().unwrap_or("no reason known"))));
        let health = shared.health.read().as_ref().map(|h| {
            let parts: Vec<Value> = h
                .parts
                .iter()
                .map(|p| json!({"part": p.part, "score": number(p.score), "weight": number(p.weight), "why": p.why}))
                .collect();
            json!({"score": h.score, "parts": parts, "missing": h.missing})
        });
        let now = now_ms();
        let mut store = json!(self.store.status());
        let (metrics, labels) = self.store.cardinality();
        (store["top_metrics"], store["top_labels"]) = (json!(metrics), json!(labels));
        json!({
            "state": self.state(&failing), "version": self.version, "pid": std::process::id(),
            "started_at": seconds(self.started_at), "uptime_seconds": seconds(now - self.started_at),
            "health": health.unwrap_or_else(|| json!({"score": null, "parts": [], "missing": [{"part": "all", "why": "not measured yet"}]})),
            "actors": self.registry.status(self.stuck_after),
            "sources": sources,
            "targets": targets,
            "pipeline": {
                "appended_samples": count(&counters.appended), "appended_batches": count(&counters.batches),
                "duplicate_samples": count(&counters.duplicates), "late_samples": count(&counters.late),
                "rejected": rejected, "dropped": dropped, "batcher_waiting": shared.batcher_waiting.load(Ordering::Relaxed),
            },
            "store": store,
            "windows": windows,
            "login": shared.login.load(Ordering::Relaxed),
            "sessions": shared.sessions.load(Ordering::Relaxed),
            "addresses": self.addresses.get().cloned().unwrap_or_default(),
            "problems": problems,
        })
    }

    /// The service's own metrics as they are now: series and value.
    pub fn metrics(&self) -> Vec<(Labels, f64)> {
        let mut out: Vec<(Labels, f64)> = Vec::new();
        let mut push = |name: &str, labels: &[(&str, &str)], v: f64| out.push((Labels::metric(name, labels), v));
        let counters = self.store.counters();
        let count = |c: &std::sync::atomic::AtomicU64| c.load(Ordering::Relaxed) as f64;
        push("taskpulse_build_info", &[("version", self.version)], 1.0);
        push("taskpulse_appended_samples_total", &[], count(&counters.appended));
        push("taskpulse_duplicate_samples_total", &[], count(&counters.duplicates));
        push("taskpulse_late_samples_total", &[], count(&counters.late));
        for reason in Rejection::ALL {
            push("taskpulse_rejected_samples_total", &[("reason", reason.name())], count(&counters.rejected[reason as usize]));
        }
        for ((stage, reason), n) in self.shared.dropped.all() {
            push("taskpulse_dropped_samples_total", &[("stage", stage), ("reason", reason)], n as f64);
        }
        for level in Level::ALL {
            push("taskpulse_windows_closed_total", &[("window", level.name())], count(&self.shared.windows_closed[level.index()]));
        }
        push("taskpulse_store_commits_total", &[], count(&counters.commits));
        push("taskpulse_store_seals_total", &[], count(&counters.seals));
        push("taskpulse_store_seal_seconds_total", &[], count(&counters.seal_micros) / 1e6);
        push("taskpulse_store_compactions_total", &[], count(&counters.compactions));
        push("taskpulse_store_compaction_seconds_total", &[], count(&counters.compaction_micros) / 1e6);
        let store = self.store.status();
        push("taskpulse_store_series", &[], store.series as f64);
        push("taskpulse_store_head_samples", &[], store.head_samples as f64);
        push("taskpulse_store_journal_records", &[], store.journal.records as f64);
        push("taskpulse_store_journal_bytes", &[], store.journal.bytes as f64);
        push("taskpulse_store_journal_age_seconds", &[], store.journal.age_seconds);
        push("taskpulse_store_open_partitions", &[], store.open_partitions as f64);
        push("taskpulse_store_partition_hits_total", &[], store.partition_hits as f64);
        push("taskpulse_store_partition_opens_total", &[], store.partition_opens as f64);
        push("taskpulse_store_disk_bytes", &[], store.disk_bytes as f64);
        for actor in self.registry.status(self.stuck_after) {
            let labels = [("actor", actor.name.as_str())];
            push("taskpulse_actor_up", &labels, if actor.state == ActorState::Running { 1.0 } else { 0.0 });
            push("taskpulse_actor_restarts_total", &labels, actor.restarts as f64);
            push("taskpulse_actor_mailbox_messages", &labels, actor.mailbox as f64);
            push("taskpulse_actor_handled_messages_total", &labels, actor.handled as f64);
            push("taskpulse_actor_held_seconds_total", &labels, actor.held_seconds);
            push("taskpulse_actor_longest_hold_seconds", &labels, actor.longest_hold_seconds);
        }
        for source in self.shared.sources.status() {
            if let Some(up) = source.up {
                push("taskpulse_source_up", &[("source", &source.source)], if up { 1.0 } else { 0.0 });
            }
        }
        if let Some(health) = self.shared.health.read().as_ref() {
            health.score.into_iter().for_each(|score| push("taskpulse_health_score", &[], score));
            health.parts.iter().for_each(|p| push("taskpulse_health_part_score", &[("part", p.part)], p.score));
        }
        self.shared.ci.metrics(&mut push);
        push("taskpulse_auth_failures_total", &[], count(&self.shared.auth_failures));
        push("taskpulse_sessions", &[], self.shared.sessions.load(Ordering::Relaxed) as f64);
        let alerts = Arc::clone(&self.shared.alerts.read());
        for (state, name) in [(AlertState::Pending, "pending"), (AlertState::Firing, "firing")] {
            push("taskpulse_alerts", &[("state", name)], alerts.iter().filter(|a| a.state == state).count() as f64);
        }
        push("taskpulse_standstill_seconds_total", &[], standstill::total().as_secs_f64());
        push("taskpulse_process_start_time_seconds", &[], seconds(self.started_at));
        if let Some((cpu_seconds, resident)) = own_process() {
            push("taskpulse_process_cpu_seconds_total", &[], cpu_seconds);
            push("taskpulse_process_resident_memory_bytes", &[], resident);
        }
        out
    }
}

/// CPU seconds and resident bytes of this process, by `/proc/self/stat` (fields 14, 15 and 24 of proc(5), in clock
/// ticks and pages of this machine); none where there is no such file.
fn own_process() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let (tick, page) = (rustix::param::clock_ticks_per_second() as f64, rustix::param::page_size() as f64);
    Some(((field(14)? + field(15)?) / tick, field(24)? * page))
}
