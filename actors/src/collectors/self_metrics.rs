//! The service as a source of its own: health score, source states, own metrics, kept like any other.

use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::health::{self, Inputs};
use taskpulse_engine::model::{Batch, Selector, TimestampMs};
use tokio::time::Instant;

use super::Outbox;
use crate::clock::Clock;
use crate::messages::Collected;
use crate::standstill;
use crate::status::Reporter;
use crate::supervisor::{Ctx, Mailbox, Schedule, ServiceActor};
use crate::view::{AlertState, Health, SourceState};

/// A resource must have been measured within this time to count.
const FRESH_MS: i64 = 60_000;
/// After a standstill the other sources get so long to look again.
const AWAKE: Duration = Duration::from_secs(5);
/// Clocks that part by more than this within one interval have jumped.
const JUMP_MS: i64 = 2_000;

/// The first collection of a fresh start.
const FIRST_LOOK: Duration = Duration::from_secs(3);

/// See the module.
pub struct SelfCollector {
    clock: Clock,
    reporter: Arc<Reporter>,
    every: Duration,
    outbox: Outbox,
    /// Wall and monotonic time of the last look, to see the clock jump.
    last: Option<(TimestampMs, Instant)>,
}

impl SelfCollector {
    /// A collector that looks `every` so often.
    #[must_use]
    pub fn new(clock: Clock, reporter: Arc<Reporter>, every: Duration, batcher: Mailbox<Collected>) -> Self {
        let outbox = Outbox::new(batcher, Arc::clone(&reporter.shared), "own");
        Self { clock, reporter, every, outbox, last: None }
    }

    fn collect(&mut self) {
        // Just awake: the samples that the score is made from are as old as the standstill.
        if standstill::awake_for() < self.every.min(AWAKE) {
            return;
        }
        let now = self.clock.now_ms();
        self.watch_clock(now);
        let inputs = self.inputs(now);
        let health = health::assess(&inputs);
        self.reporter.shared.health.send_replace(Arc::new(Health::from(health)));
        let mut batch = Batch::default();
        for (labels, v) in self.reporter.metrics() {
            batch.push(labels, now, v);
        }
        if let Some(repeated) = self.outbox.send(batch) {
            log::error!("the service's own figures: {repeated}");
        }
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
                // Disks of this machine; others are marked with what they are.
                let labels = store.labels(id).filter(|labels| labels.get("fstype").is_none());
                let mount = labels.and_then(|l| l.get("mountpoint").map(str::to_owned));
                // One that was taken away has ended with a marker.
                if let (Some(sample), Some(mount)) = (newest.filter(|sample| sample.v.is_finite()), mount)
                    && disk.as_ref().is_none_or(|(_, fullest)| sample.v > *fullest)
                {
                    disk = Some((mount, sample.v));
                }
            }
        }
        let alerts = views.alerts();
        // The score's own alert does not lower the score: it would hold itself up.
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

impl ServiceActor for SelfCollector {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        ctx.after(FIRST_LOOK, "collect", |this, _| this.collect());
        ctx.every(self.every, "collect", |this, _| this.collect());
    }

    /// Samples that wait for room in the batcher are not lost with a panic.
    fn inherit(&mut self, previous: Self) {
        self.outbox = previous.outbox;
    }
}
