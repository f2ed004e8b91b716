//! The service as a source: health score, states of sources and own metrics, kept like those of any other source.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::health::{self, Disk, Inputs};
use taskpulse_engine::machine::is_own;
use taskpulse_engine::model::{Batch, Labels, Selector, TimestampMs};
use taskpulse_engine::store::StoreReader;
use tokio::sync::watch;
use tokio::time::Instant;

use super::collector::{CollectFuture, Collection, Collector, Outcome};
use super::system;
use crate::standstill;
use crate::status::Reporter;
use crate::view::{AlertState, Health, SourceState};

/// Name of the collector and of its actor.
pub const NAME: &str = "own";
/// Time between collections.
const EVERY: Duration = Duration::from_secs(10);
/// Wait before the first collection, until the other sources have been collected.
const FIRST_AFTER: Duration = Duration::from_secs(3);
/// A resource must have been measured within this time to count, or within three intervals of its collector.
const FRESH_MS: i64 = 60_000;
/// How long the CPU must have been busy to count, and for how long a process that was ended for want of memory does.
const BUSY_MS: i64 = 600_000;
/// How old a forecast may be.
const FORECAST_MS: i64 = 300_000;
const CPU: &str = "system_cpu_utilization_ratio";
const MEMORY: &str = "system_memory_utilization_ratio";
const PRESSURE: &str = "system_pressure_ratio{resource=\"memory\",kind=\"some\"}";
/// After a standstill, the time that the other sources get to be collected again.
const AWAKE: Duration = Duration::from_secs(5);
/// Clocks that differ by more than this within one interval have jumped.
const JUMP_MS: i64 = 2_000;

/// See the module.
pub struct SelfCollector {
    reporter: Arc<Reporter>,
    health: watch::Sender<Arc<Health>>,
    /// A resource must have been measured within this time to count.
    fresh_ms: i64,
    /// Wall and monotonic time of the last collection, to notice jumps of the clock.
    last: Option<(TimestampMs, Instant)>,
}

impl SelfCollector {
    /// A collector of what `reporter` knows, which publishes the health score. The machine is measured `every` so often.
    #[must_use]
    pub fn new(reporter: Arc<Reporter>, health: watch::Sender<Arc<Health>>, every: Duration) -> Self {
        let fresh_ms = FRESH_MS.max(3 * i64::try_from(every.as_millis()).unwrap_or(FRESH_MS));
        Self { reporter, health, fresh_ms, last: None }
    }

    fn measure(&mut self, now: TimestampMs) -> Batch {
        let mut batch = Batch::default();
        // Just awake: the samples that the score is computed from are as old as the standstill.
        if standstill::awake_for() < EVERY.min(AWAKE) {
            return batch;
        }
        let before = self.last.map_or(self.reporter.started_at, |(wall, _)| wall);
        self.watch_clock(now);
        let health = health::assess(&self.inputs(now));
        self.health.send_replace(Arc::new(Health::from(health)));
        for (labels, v) in self.reporter.metrics() {
            batch.push(labels, now, v);
        }
        self.count_spans(&mut batch, before.min(now - 1), now);
        batch
    }

    /// Series counted from spans. They are kept and not in `/metrics`: there may be thousands of them. Those that begin were at zero the
    /// last time.
    fn count_spans(&self, batch: &mut Batch, before: TimestampMs, now: TimestampMs) {
        let (all, begun) = self.reporter.span_metrics.collect();
        begun.into_iter().for_each(|labels| batch.push(labels, before, 0.0));
        all.into_iter().for_each(|(labels, v)| batch.push(labels, now, v));
    }

    fn watch_clock(&mut self, now: TimestampMs) {
        if let Some((wall, since)) = self.last.replace((now, Instant::now())) {
            let jump = (now - wall) - i64::try_from(since.elapsed().as_millis()).unwrap_or(0);
            if jump.abs() > JUMP_MS {
                let way = if jump > 0 { "forward" } else { "back" };
                log::warn!("the system clock jumped {way} by {} s; samples carry the new time", jump.abs() / 1_000);
            }
        }
    }

    fn inputs(&self, now: TimestampMs) -> Inputs {
        let views = &self.reporter.views;
        let store = &self.reporter.store;
        let own =
            |selector: &str| newest(store, selector, self.fresh_ms, now).into_iter().find(|(labels, _)| is_own(labels)).map(|(_, v)| v);
        let memory = own(MEMORY);
        let disks = disks(store, self.fresh_ms, now);
        let cpu = mean(store, CPU, now - BUSY_MS, now);
        let alerts = views.alerts();
        // One whose source is silent still counts.
        let details = alerts.iter().map(|alert| &alert.details);
        let firing = details.filter(|a| matches!(a.state, AlertState::Firing | AlertState::Unknown));
        let firing = firing.filter(|a| health::counts(&a.rule, a.metric.name()));
        let sources = views.sources();
        let mut failing: Vec<String> = sources.iter().filter(|s| s.state == SourceState::Failing).map(|s| s.source.clone()).collect();
        let mut working = sources.iter().filter(|s| s.state == SourceState::Up).count();
        // A collector that hangs keeps its last state and gives nothing.
        let silent =
            sources.iter().any(|s| s.source == system::SOURCE && s.state == SourceState::Up) && memory.is_none() && disks.is_empty();
        if silent {
            working -= 1;
            failing.push(format!("{} (it sends nothing)", system::SOURCE));
        }
        let targets = views.targets();
        let down = targets.iter().filter(|t| t.up == Some(false)).map(|t| t.target.clone()).collect();
        Inputs {
            cpu: cpu.filter(|_| own(CPU).is_some()),
            memory,
            memory_pressure: own(PRESSURE),
            oom_kills: killed(store, now),
            disks,
            firing: firing.map(|a| a.severity.into()).collect(),
            targets: (targets.iter().filter(|t| t.up == Some(true)).count(), down),
            sources: (working, failing),
        }
    }
}

/// The newest value of each series of a selector that has one that is not too old. A series that has ended has none.
fn newest(store: &StoreReader, selector: &str, oldest_ms: i64, now: TimestampMs) -> Vec<(Labels, f64)> {
    let Ok(selector) = Selector::parse(selector) else { return Vec::new() };
    let value = |id| {
        let sample = store.latest(id, now - oldest_ms, now).ok().flatten().filter(|sample| sample.v.is_finite())?;
        Some((store.labels(id)?, sample.v))
    };
    store.select(&selector.matchers).into_iter().filter_map(value).collect()
}

fn mean(store: &StoreReader, metric: &str, start: TimestampMs, end: TimestampMs) -> Option<f64> {
    let selector = Selector::parse(metric).ok()?;
    let ids = store.select(&selector.matchers);
    let own = ids.into_iter().find(|id| store.labels(*id).is_some_and(|labels| is_own(&labels)))?;
    let samples = store.samples(own, start, end).ok()?;
    let values: Vec<f64> = samples.values.into_iter().filter(|v| v.is_finite()).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Processes that were ended for want of memory lately.
fn killed(store: &StoreReader, now: TimestampMs) -> f64 {
    let Ok(selector) = Selector::parse("system_oom_kills_total") else { return 0.0 };
    let ids = store.select(&selector.matchers);
    let Some(own) = ids.into_iter().find(|id| store.labels(*id).is_some_and(|labels| is_own(&labels))) else { return 0.0 };
    let Ok(samples) = store.samples(own, now - BUSY_MS, now) else { return 0.0 };
    let steps = samples.values.windows(2).map(|pair| pair[1] - pair[0]);
    steps.filter(|step| *step > 0.0).sum()
}

/// The file systems of this machine: others have the label `fstype`.
fn disks(store: &StoreReader, fresh_ms: i64, now: TimestampMs) -> Vec<Disk> {
    let by_mount = |selector: &str, oldest_ms: i64| -> BTreeMap<String, f64> {
        let own =
            newest(store, selector, oldest_ms, now).into_iter().filter(|(labels, _)| is_own(labels) && labels.get("fstype").is_none());
        own.filter_map(|(labels, v)| Some((labels.get("mountpoint")?.to_owned(), v))).collect()
    };
    let used = by_mount("system_filesystem_utilization_ratio", fresh_ms);
    let free = by_mount("system_filesystem_usage_bytes{state=\"free\"}", fresh_ms);
    let full_in = by_mount("system_filesystem_time_to_full_seconds", FORECAST_MS);
    let disk = |(mount, used): (String, f64)| {
        let (free_bytes, full_in) = (free.get(&mount).copied(), full_in.get(&mount).copied());
        Disk { mount, used, free_bytes, full_in }
    };
    used.into_iter().map(disk).collect()
}

impl Collector for SelfCollector {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn is_source(&self) -> bool {
        false
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn first_after(&self) -> Duration {
        FIRST_AFTER
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move { Outcome::Complete(Collection::from(self.measure(now))) })
    }
}
