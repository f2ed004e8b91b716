//! One window aggregator for each level: publishes the windows that were just closed to those who follow them, and notifies the next
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
use taskpulse_engine::store::{ClosedSpan, StoreReader};
use taskpulse_engine::windows::Level;

use crate::messages::{Advanced, CloseSilent, Closed, StoredBatch};
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
    /// The store, which closes the windows of silent series; only the shortest level asks it to.
    pub store: Option<Mailbox<CloseSilent>>,
}

/// See the module.
pub struct WindowAggregatorActor {
    level: Level,
    store: StoreReader,
    stats: Arc<PipelineStats>,
    followed: FollowedWindows,
    idle_after_ms: i64,
    outputs: WindowOutputs,
    /// Up to where the windows of a series were published.
    published: FxHashMap<SeriesId, TimestampMs>,
    /// Whether the store works on the last sweep.
    closing: bool,
}

impl WindowAggregatorActor {
    /// The aggregator of one level.
    #[must_use]
    pub fn new(
        level: Level,
        store: StoreReader,
        stats: Arc<PipelineStats>,
        followed: FollowedWindows,
        idle_after: Duration,
        outputs: WindowOutputs,
    ) -> Self {
        let idle_after_ms = i64::try_from(idle_after.as_millis()).unwrap_or(i64::MAX);
        Self { level, store, stats, followed, idle_after_ms, outputs, published: FxHashMap::default(), closing: false }
    }

    fn advance(&mut self, spans: &[ClosedSpan]) {
        let floor = |t| self.level.floor(t);
        let own: Vec<ClosedSpan> =
            spans.iter().map(|&(id, from, to)| (id, floor(from), floor(to))).filter(|(_, from, to)| to > from).collect();
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

    /// Has the store close the windows of silent series, and publishes what was missed.
    fn sweep(&mut self, ctx: &mut Ctx<Self>) {
        if let Some(store) = self.outputs.store.clone().filter(|_| !self.closing) {
            self.closing = true;
            let message = CloseSilent { idle_after_ms: self.idle_after_ms };
            ctx.wait_for("silent series closed", async move { store.send(message).await }, |this, answer, _| {
                this.closing = false;
                match answer {
                    Ok(closed) => this.advance(&closed),
                    Err(error) => log::warn!("windows {}: the store did not close silent series: {error}", this.level.name()),
                }
            });
        }
        let missed = |(&id, &published): (&SeriesId, &TimestampMs)| {
            let to = self.level.floor(self.store.closed_to(id)?);
            (to > published).then_some((id, published, to))
        };
        let missed: Vec<ClosedSpan> = self.published.iter().filter_map(missed).collect();
        self.publish(&missed);
    }

    fn publish(&mut self, spans: &[ClosedSpan]) {
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
        ctx.every(SWEEP, "sweep", |this, ctx| this.sweep(ctx));
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
