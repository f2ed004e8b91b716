//! The service as a source: health score, states of sources and own metrics, kept like those of any other source.

use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::health::{self, Inputs};
use taskpulse_engine::model::{Batch, Selector, TimestampMs};
use tokio::sync::watch;
use tokio::time::Instant;

use super::collector::{CollectFuture, Collection, Collector, Outcome};
use crate::standstill;
use crate::status::Reporter;
use crate::view::{AlertState, Health, SourceState};

/// Name of the collector and of its actor.
pub const NAME: &str = "own";
/// Time between collections.
const EVERY: Duration = Duration::from_secs(10);
/// Wait before the first collection, until the other sources have been collected.
const FIRST_AFTER: Duration = Duration::from_secs(3);
/// A resource must have been measured within this time to count.
const FRESH_MS: i64 = 60_000;
/// After a standstill, the time that the other sources get to be collected again.
const AWAKE: Duration = Duration::from_secs(5);
/// Clocks that differ by more than this within one interval have jumped.
const JUMP_MS: i64 = 2_000;

/// See the module.
pub struct SelfCollector {
    reporter: Arc<Reporter>,
    health: watch::Sender<Arc<Health>>,
    /// Wall and monotonic time of the last collection, to notice jumps of the clock.
    last: Option<(TimestampMs, Instant)>,
}

impl SelfCollector {
    /// A collector of what `reporter` knows, which publishes the health score.
    #[must_use]
    pub fn new(reporter: Arc<Reporter>, health: watch::Sender<Arc<Health>>) -> Self {
        Self { reporter, health, last: None }
    }

    fn measure(&mut self, now: TimestampMs) -> Batch {
        let mut batch = Batch::default();
        // Just awake: the samples that the score is computed from are as old as the standstill.
        if standstill::awake_for() < EVERY.min(AWAKE) {
            return batch;
        }
        self.watch_clock(now);
        let health = health::assess(&self.inputs(now));
        self.health.send_replace(Arc::new(Health::from(health)));
        for (labels, v) in self.reporter.metrics() {
            batch.push(labels, now, v);
        }
        batch
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
        let mean = |metric: &str| {
            let selector = Selector::parse(metric).ok()?;
            let ids = store.select(&selector.matchers);
            let samples = store.samples(*ids.first()?, now - FRESH_MS, now).ok()?;
            let values: Vec<f64> = samples.values.into_iter().filter(|v| v.is_finite()).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let mut disk: Option<(String, f64)> = None;
        if let Ok(selector) = Selector::parse("system_filesystem_utilization_ratio") {
            for id in store.select(&selector.matchers) {
                let newest = store.latest(id, now - FRESH_MS, now).ok().flatten();
                // Disks of this machine only; others have the label `fstype`.
                let labels = store.labels(id).filter(|labels| labels.get("fstype").is_none());
                let mount = labels.and_then(|l| l.get("mountpoint").map(str::to_owned));
                // An unmounted one has ended with a stale marker.
                if let (Some(sample), Some(mount)) = (newest.filter(|sample| sample.v.is_finite()), mount)
                    && disk.as_ref().is_none_or(|(_, fullest)| sample.v > *fullest)
                {
                    disk = Some((mount, sample.v));
                }
            }
        }
        let alerts = views.alerts();
        // The alert on the score does not lower the score: it would never resolve.
        let details = alerts.iter().map(|alert| &alert.details);
        let firing = details.filter(|a| a.state == AlertState::Firing && a.metric.name() != "taskpulse_health_score");
        let sources = views.sources();
        let failing = sources.iter().filter(|s| s.state == SourceState::Failing).map(|s| s.source.clone()).collect();
        let targets = views.targets();
        let down = targets.iter().filter(|t| t.up == Some(false)).map(|t| t.target.clone()).collect();
        Inputs {
            cpu: mean("system_cpu_utilization_ratio"),
            memory: mean("system_memory_utilization_ratio"),
            disk,
            firing: firing.map(|a| a.severity.into()).collect(),
            targets: (targets.iter().filter(|t| t.up == Some(true)).count(), down),
            sources: (sources.iter().filter(|s| s.state == SourceState::Up).count(), failing),
        }
    }
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
