//! The batcher: makes few large batches of many small ones.
//!
//! Samples wait for `batch_size` of them or for `flush_interval`, whichever is first; a sample that meets the condition
//! of an alert rule waits for nothing. One batch is with the store at a time; what comes meanwhile waits here, up to
//! `backlog` samples, beyond which the oldest are dropped and counted. A batch that the store could not take is tried
//! again. After a panic nothing that waits is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::ResponseFuture;
use taskpulse_engine::model::Batch;

use crate::messages::{Append, AppendError, Collected, Flush};
use crate::pipeline_stats::PipelineStats;
use crate::published::Views;
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};

/// How often a batch is given to a store that fails before it is dropped. A full disk does not count.
const MAX_TRIES: u32 = 3;
/// Wait before a batch is given to the store again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The first batch goes out no later than this.
const FIRST_FLUSH: Duration = Duration::from_millis(1_500);

/// How batches are made.
#[derive(Debug, Clone)]
pub struct BatcherOptions {
    /// Samples of a batch.
    pub batch_size: usize,
    /// Longest wait.
    pub flush_interval: Duration,
    /// Samples that may wait.
    pub backlog: usize,
}

/// See the module.
pub struct BatcherActor {
    options: BatcherOptions,
    store: Mailbox<Append>,
    views: Views,
    stats: Arc<PipelineStats>,
    waiting: Batch,
    on_its_way: Option<(Arc<Batch>, u32)>,
}

impl BatcherActor {
    /// A batcher that hands to `store`.
    #[must_use]
    pub fn new(options: BatcherOptions, store: Mailbox<Append>, views: Views, stats: Arc<PipelineStats>) -> Self {
        Self { options, store, views, stats, waiting: Batch::default(), on_its_way: None }
    }

    fn take_in(&mut self, batch: Batch) {
        self.waiting.extend(batch);
        let over = self.waiting.len().saturating_sub(self.options.backlog);
        if over > 0 {
            self.waiting.labels.drain(..over);
            self.waiting.times.drain(..over);
            self.waiting.values.drain(..over);
            self.stats.dropped.add(("batcher", "backlog_full"), over);
        }
        self.stats.batcher_waiting.store(self.waiting.len(), Ordering::Relaxed);
    }

    fn hand_over(&mut self, ctx: &mut Ctx<Self>) {
        if self.on_its_way.is_some() || self.waiting.is_empty() {
            return;
        }
        let batch = Arc::new(std::mem::take(&mut self.waiting));
        self.stats.batcher_waiting.store(0, Ordering::Relaxed);
        self.on_its_way = Some((batch, 0));
        self.deliver(ctx);
    }

    fn deliver(&mut self, ctx: &mut Ctx<Self>) {
        let Some((batch, _)) = &self.on_its_way else { return };
        let store = self.store.clone();
        let (batch, message) = (Arc::clone(batch), Append(Arc::clone(batch)));
        ctx.wait_for("delivered", async move { store.send(message).await }, move |this, answer, ctx| this.delivered(&batch, answer, ctx));
    }

    fn delivered(
        &mut self,
        delivered: &Arc<Batch>,
        answer: Result<Result<Arc<taskpulse_engine::store::Stored>, AppendError>, actix::MailboxError>,
        ctx: &mut Ctx<Self>,
    ) {
        // A flush may have taken the batch over; the answer says nothing of the next one.
        let Some((batch, tries)) = self.on_its_way.as_mut().filter(|(batch, _)| Arc::ptr_eq(batch, delivered)) else { return };
        let why = match answer {
            Ok(Ok(_)) => {
                self.on_its_way = None;
                if self.waiting.len() >= self.options.batch_size {
                    self.hand_over(ctx);
                }
                return;
            }
            Ok(Err(error)) => error,
            Err(error) => error.into(),
        };
        // A full disk may have room again at any time: the batch waits for that.
        *tries += u32::from(!why.is_disk_full());
        if *tries >= MAX_TRIES {
            log::error!("batcher: {} samples dropped after {MAX_TRIES} tries: {why}", batch.len());
            self.stats.dropped.add(("batcher", "store_failed"), batch.len());
            self.on_its_way = None;
            return;
        }
        log::warn!("batcher: batch not kept yet, trying again: {why}");
        ctx.after(RETRY_AFTER, "retry", |this, ctx| this.deliver(ctx));
    }
}

impl ServiceActor for BatcherActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        ctx.every(self.options.flush_interval, "flush timer", |this, ctx| this.hand_over(ctx));
        // The first figures of a fresh start do not wait: someone may be looking at an empty screen.
        ctx.after(FIRST_FLUSH, "first flush", |this, ctx| this.hand_over(ctx));
        self.deliver(ctx);
    }

    /// Samples that wait are not lost with a panic. The batch that was on its way is sent again: the store knows duplicates.
    fn inherit(&mut self, previous: Self) {
        self.waiting = previous.waiting;
        self.on_its_way = previous.on_its_way;
    }
}

impl Receive<Collected> for BatcherActor {
    type Reply = ();

    fn receive(&mut self, message: Collected, ctx: &mut Ctx<Self>) {
        let rules = self.views.rules();
        let urgent = message.batch.rows().any(|(labels, sample)| rules.set.is_urgent(labels, sample.v));
        self.take_in(message.batch);
        if urgent || self.waiting.len() >= self.options.batch_size {
            self.hand_over(ctx);
        }
    }
}

/// For the way down: hands over everything and answers when it is durable.
impl Receive<Flush> for BatcherActor {
    type Reply = ResponseFuture<()>;

    fn receive(&mut self, _: Flush, _: &mut Ctx<Self>) -> Self::Reply {
        let mut batches: Vec<Arc<Batch>> = self.on_its_way.take().map(|(batch, _)| batch).into_iter().collect();
        batches.push(Arc::new(std::mem::take(&mut self.waiting)));
        self.stats.batcher_waiting.store(0, Ordering::Relaxed);
        let store = self.store.clone();
        Box::pin(async move {
            for batch in batches.into_iter().filter(|b| !b.is_empty()) {
                match store.send(Append(batch)).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => log::error!("batcher: last batch not kept: {error}"),
                    Err(error) => log::error!("batcher: last batch not kept: {error}"),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
