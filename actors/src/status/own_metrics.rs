//! The service's own metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use taskpulse_engine::exemplar::{Dropped, Fault};
use taskpulse_engine::logs::store::{LogCounters, LogStatus};
use taskpulse_engine::model::Labels;
use taskpulse_engine::store::Rejection;
use taskpulse_engine::windows::Level;

use super::Reporter;
use crate::notify::source_of;
use crate::standstill;
use crate::view::{ActorState, AlertState, SourceState, seconds};

/// Series and values.
#[derive(Default)]
struct OwnMetrics(Vec<(Labels, f64)>);

impl OwnMetrics {
    fn push(&mut self, name: &str, labels: &[(&str, &str)], v: f64) {
        self.0.push((Labels::metric(name, labels), v));
    }
}

fn count(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

/// Figures of a store of records: the part of their names, what they count, and what their streams are.
fn store_of_records(out: &mut OwnMetrics, (part, records, streams): (&str, &str, &str), counters: &LogCounters, status: &LogStatus) {
    if *status == LogStatus::default() && count(&counters.refused[0]) + count(&counters.refused[1]) == 0.0 {
        return;
    }
    let mut push = |name: &str, v: f64| out.push(&format!("taskpulse_{part}_{name}"), &[], v);
    push(&format!("{records}_total"), count(&counters.accepted));
    push("bytes_total", count(&counters.bytes));
    push(&format!("duplicate_{records}_total"), count(&counters.duplicates));
    if part == "logs" {
        push("cut_lines_total", count(&counters.cut));
    }
    push(&format!("overflowed_{records}_total"), count(&counters.overflowed));
    push("commits_total", count(&counters.commits));
    push("seals_total", count(&counters.seals));
    push("compactions_total", count(&counters.compactions));
    push(&format!("head_{records}"), status.head_lines as f64);
    push("head_bytes", status.head_bytes as f64);
    push("journal_bytes", status.journal.bytes as f64);
    push("disk_bytes", status.disk_bytes as f64);
    push(&format!("kept_{records}"), status.lines as f64);
    push("blocks", status.blocks as f64);
    push(streams, status.streams as f64);
    for (reason, counter) in ["too_old", "too_far_ahead"].into_iter().zip(&counters.refused) {
        out.push(&format!("taskpulse_{part}_rejected_{records}_total"), &[("reason", reason)], count(counter));
    }
}

impl Reporter {
    /// The service's own metrics as they are now: series and value.
    pub fn metrics(&self) -> Vec<(Labels, f64)> {
        let mut out = OwnMetrics::default();
        out.push("taskpulse_build_info", &[("version", self.version)], 1.0);
        self.pipeline_metrics(&mut out);
        self.store_metrics(&mut out);
        self.record_metrics(&mut out);
        self.exemplar_metrics(&mut out);
        self.actor_metrics(&mut out);
        self.view_metrics(&mut out);
        self.client_metrics(&mut out);
        out.push("taskpulse_standstill_seconds_total", &[], standstill::total().as_secs_f64());
        out.push("taskpulse_process_start_time_seconds", &[], seconds(self.started_at));
        if let Some((cpu_seconds, resident)) = own_process() {
            out.push("taskpulse_process_cpu_seconds_total", &[], cpu_seconds);
            out.push("taskpulse_process_resident_memory_bytes", &[], resident);
        }
        out.0
    }

    fn pipeline_metrics(&self, out: &mut OwnMetrics) {
        let counters = self.store.counters();
        out.push("taskpulse_appended_samples_total", &[], count(&counters.appended));
        out.push("taskpulse_duplicate_samples_total", &[], count(&counters.duplicates));
        out.push("taskpulse_late_samples_total", &[], count(&counters.late));
        for reason in Rejection::ALL {
            out.push("taskpulse_rejected_samples_total", &[("reason", reason.name())], count(&counters.rejected[reason as usize]));
        }
        for ((stage, reason), n) in self.stats.dropped.all() {
            out.push("taskpulse_dropped_samples_total", &[("stage", stage), ("reason", reason)], n as f64);
        }
        for level in Level::ALL {
            out.push("taskpulse_windows_closed_total", &[("window", level.name())], count(&self.stats.windows_closed[level.index()]));
        }
    }

    fn store_metrics(&self, out: &mut OwnMetrics) {
        let counters = self.store.counters();
        out.push("taskpulse_store_commits_total", &[], count(&counters.commits));
        out.push("taskpulse_store_seals_total", &[], count(&counters.seals));
        out.push("taskpulse_store_seal_seconds_total", &[], count(&counters.seal_micros) / 1e6);
        out.push("taskpulse_store_compactions_total", &[], count(&counters.compactions));
        out.push("taskpulse_store_compaction_seconds_total", &[], count(&counters.compaction_micros) / 1e6);
        let store = self.store.status();
        out.push("taskpulse_store_series", &[], store.series as f64);
        out.push("taskpulse_store_head_samples", &[], store.head_samples as f64);
        out.push("taskpulse_store_journal_records", &[], store.journal.records as f64);
        out.push("taskpulse_store_journal_bytes", &[], store.journal.bytes as f64);
        out.push("taskpulse_store_journal_age_seconds", &[], store.journal.age_seconds);
        out.push("taskpulse_store_open_partitions", &[], store.open_partitions as f64);
        out.push("taskpulse_store_partition_hits_total", &[], store.partition_hits as f64);
        out.push("taskpulse_store_partition_opens_total", &[], store.partition_opens as f64);
        out.push("taskpulse_store_disk_bytes", &[], store.disk_bytes as f64);
    }

    /// Figures of exemplars, once there is one.
    fn exemplar_metrics(&self, out: &mut OwnMetrics) {
        let (kept, dropped) = (self.store.exemplar_count(), self.store.dropped_exemplars());
        if kept == 0 && dropped == Dropped::default() {
            return;
        }
        out.push("taskpulse_exemplars", &[], kept as f64);
        for fault in Fault::ALL {
            out.push("taskpulse_dropped_exemplars_total", &[("reason", fault.name())], dropped[fault as usize] as f64);
        }
    }

    /// Figures of log lines and of spans, once there is one: a service that gets none has no series of them.
    fn record_metrics(&self, out: &mut OwnMetrics) {
        let (logs, traces) = (self.store.logs(), self.store.traces());
        store_of_records(out, ("logs", "lines", "streams"), logs.counters(), &logs.status());
        store_of_records(out, ("traces", "spans", "services"), traces.counters(), &traces.status());
        if traces.status() != LogStatus::default() {
            out.push("taskpulse_traces_uncounted_spans_total", &[], self.span_metrics.ignored() as f64);
        }
        self.template_metrics(out);
    }

    /// Lines by service and level, and their templates, once there is a line.
    fn template_metrics(&self, out: &mut OwnMetrics) {
        let counted = self.log_templates.counted();
        let (templates, evicted, unsaid) = self.log_templates.read(|miner| (miner.len(), miner.evicted, miner.unsaid));
        if counted.is_empty() && templates == 0 {
            return;
        }
        let levels = counted.iter().flat_map(|(service, levels)| levels.iter().map(move |(level, lines)| (service, level, lines)));
        for (service, level, lines) in levels {
            out.push("taskpulse_logs_service_lines_total", &[("service", service), ("level", level)], *lines as f64);
        }
        out.push("taskpulse_logs_templates", &[], templates as f64);
        out.push("taskpulse_logs_templates_evicted_total", &[], evicted as f64);
        out.push("taskpulse_logs_templates_unsaid_total", &[], unsaid as f64);
        out.push("taskpulse_logs_templates_dropped_lines_total", &[], self.log_templates.dropped() as f64);
    }

    fn actor_metrics(&self, out: &mut OwnMetrics) {
        for actor in self.registry.status(self.stuck_after) {
            let labels = [("actor", actor.name.as_str())];
            out.push("taskpulse_actor_up", &labels, if actor.state == ActorState::Running { 1.0 } else { 0.0 });
            out.push("taskpulse_actor_restarts_total", &labels, actor.restarts as f64);
            out.push("taskpulse_actor_mailbox_messages", &labels, actor.mailbox as f64);
            out.push("taskpulse_actor_handled_messages_total", &labels, actor.handled as f64);
            out.push("taskpulse_actor_held_seconds_total", &labels, actor.held_seconds);
            out.push("taskpulse_actor_longest_hold_seconds", &labels, actor.longest_hold_seconds);
        }
    }

    fn view_metrics(&self, out: &mut OwnMetrics) {
        let sources = self.views.sources();
        for source in &sources {
            let labels = [("source", source.source.as_str())];
            match source.state {
                SourceState::Up => out.push("taskpulse_source_up", &labels, 1.0),
                SourceState::Failing => out.push("taskpulse_source_up", &labels, 0.0),
                SourceState::Absent => {}
            }
        }
        let health = self.views.health();
        health.score.into_iter().for_each(|score| out.push("taskpulse_health_score", &[], score));
        health.parts.iter().for_each(|p| out.push("taskpulse_health_part_score", &[("part", p.part)], p.score));
        let alerts = self.views.alerts();
        for (state, name) in [(AlertState::Pending, "pending"), (AlertState::Firing, "firing")] {
            let alerts = alerts.iter().filter(|alert| alert.details.state == state).count();
            out.push("taskpulse_alerts", &[("state", name)], alerts as f64);
        }
        for channel in self.views.channels().iter() {
            // One that fails is among the sources. Of one that works again it must be said, or nobody would know.
            let source = source_of(&channel.name);
            if sources.iter().all(|known| known.source != source) {
                out.push("taskpulse_source_up", &[("source", source.as_str())], 1.0);
            }
            let name = ("channel", channel.name.as_str());
            for (outcome, count) in [("sent", channel.sent), ("failed", channel.failed), ("expired", channel.expired)] {
                out.push("taskpulse_notifications_total", &[name, ("outcome", outcome)], count as f64);
            }
            out.push("taskpulse_notifications_waiting", &[name], channel.waiting as f64);
        }
    }

    fn client_metrics(&self, out: &mut OwnMetrics) {
        for ((event, outcome), n) in self.stats.webhooks() {
            out.push("taskpulse_webhooks_total", &[("event", event), ("outcome", outcome)], n as f64);
        }
        for (rule, n) in self.stats.rule_notifications() {
            out.push("taskpulse_rule_notifications_total", &[("rule", &rule)], n as f64);
        }
        for (outcome, n) in self.stats.github_requests.all() {
            out.push("taskpulse_github_requests_total", &[("outcome", outcome)], n as f64);
        }
        for ((tool, outcome), n) in self.stats.mcp_requests.all() {
            out.push("taskpulse_mcp_requests_total", &[("tool", tool), ("outcome", outcome)], n as f64);
        }
        out.push("taskpulse_auth_failures_total", &[], count(&self.stats.auth_failures));
        out.push("taskpulse_sessions", &[], self.stats.sessions.load(Ordering::Relaxed) as f64);
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
