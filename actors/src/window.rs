//! One window aggregator for each level: publishes the windows that were just closed to those who follow them, and tells the next
//! level how far they are closed.
//!
//! The store knows up to where each series is closed, and rows are computed from its samples. So a restart loses nothing and counts
//! nothing twice; what was missed while the mailbox was full, a follower gets with the next sweep.
//! While nobody follows a level, no row of it is computed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustc_hash::FxHashMap;
use taskpulse_engine::model::{SeriesId, TimestampMs};
use taskpulse_engine::store::{Span, Store};
use taskpulse_engine::windows::Level;

use crate::clock::Clock;
use crate::messages::{Advanced, Closed, StoredBatch};
use crate::pipeline_stats::{FollowedWindows, PipelineStats};
use crate::series_cache::clear_when_full;
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};

/// How often silent series, and what followers missed, are looked for.
const SWEEP: Duration = Duration::from_secs(15);

/// Where a level reports to.
#[derive(Clone)]
pub struct WindowOutputs {
    /// Gets the rows.
    pub hub: Mailbox<Closed>,
    /// The next longer level.
    pub above: Option<Mailbox<Advanced>>,
}

/// See the module.
pub struct WindowAggregatorActor {
    clock: Clock,
    level: Level,
    store: Arc<Store>,
    stats: Arc<PipelineStats>,
    followed: FollowedWindows,
    idle_after_ms: i64,
    outputs: WindowOutputs,
    /// Up to where the windows of a series were published.
    published: FxHashMap<SeriesId, TimestampMs>,
}

impl WindowAggregatorActor {
    /// The aggregator of one level.
    #[must_use]
    pub fn new(
        clock: Clock,
        level: Level,
        store: Arc<Store>,
        stats: Arc<PipelineStats>,
        followed: FollowedWindows,
        idle_after: Duration,
        outputs: WindowOutputs,
    ) -> Self {
        let idle_after_ms = i64::try_from(idle_after.as_millis()).unwrap_or(i64::MAX);
        Self { clock, level, store, stats, followed, idle_after_ms, outputs, published: FxHashMap::default() }
    }

    fn advance(&mut self, spans: &[Span]) {
        let floor = |t| self.level.floor(t);
        let own: Vec<Span> = spans.iter().map(|&(id, from, to)| (id, floor(from), floor(to))).filter(|(_, from, to)| to > from).collect();
        if own.is_empty() {
            return;
        }
        self.stats.windows_closed[self.level.index()].fetch_add(own.len() as u64, Ordering::Relaxed);
        if self.followed.contains(self.level) {
            self.publish(&own);
        } else {
            self.published.clear();
        }
        if let Some(above) = &self.outputs.above {
            // A full mailbox: followers there get it with their next sweep.
            let _ = above.try_send(Advanced(Arc::new(own)));
        }
    }

    /// Closes the windows of silent series, and publishes what was missed.
    fn sweep(&mut self) {
        if self.level == Level::M1 {
            let closed = self.store.close_silent(self.clock.now_ms(), self.idle_after_ms);
            self.advance(&closed);
        }
        let missed = |(&id, &published): (&SeriesId, &TimestampMs)| {
            let to = self.level.floor(self.store.closed_to(id)?);
            (to > published).then_some((id, published, to))
        };
        let missed: Vec<Span> = self.published.iter().filter_map(missed).collect();
        self.publish(&missed);
    }

    fn publish(&mut self, spans: &[Span]) {
        let mut rows = Vec::new();
        for &(id, from, to) in spans {
            clear_when_full(&mut self.published);
            let from = *self.published.entry(id).or_insert(from);
            match self.store.windows(id, self.level, from, to - 1) {
                Ok(closed) => {
                    rows.extend(closed.into_iter().map(|row| (id, row)));
                    self.published.insert(id, to);
                }
                Err(error) => log::error!("windows {}: {error}", self.level.name()),
            }
        }
        if !rows.is_empty() {
            // A full mailbox: the hub shows what comes next.
            let _ = self.outputs.hub.try_send(Closed { level: self.level, rows: Arc::new(rows) });
        }
    }
}

impl ServiceActor for WindowAggregatorActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        ctx.every(SWEEP, "sweep", |this, _| this.sweep());
    }
}

impl Receive<StoredBatch> for WindowAggregatorActor {
    type Reply = ();

    fn receive(&mut self, StoredBatch(stored): StoredBatch, _: &mut Ctx<Self>) {
        self.advance(&stored.closed);
    }
}

impl Receive<Advanced> for WindowAggregatorActor {
    type Reply = ();

    fn receive(&mut self, Advanced(spans): Advanced, _: &mut Ctx<Self>) {
        self.advance(&spans);
    }
}

#[cfg(test)]
mod tests;
