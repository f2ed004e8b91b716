//! The poller: asks sources of one kind at their intervals, records how they are and sends on what they gave.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::{AsyncContext, Message, SpawnHandle};
use taskpulse_engine::model::{Batch, TimestampMs};
use tokio::time::Instant;

use super::collector::{Collector, Outcome};
use crate::clock::Clock;
use crate::messages::{ChangeDocuments, Collected, RecordEvents};
use crate::pipeline_stats::PipelineStats;
use crate::sources::SourceRegistry;
use crate::standstill::{self, TRIES};
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};

/// Wait between the first collections of neighbouring sources, so that not all of them begin at once.
const STAGGER: Duration = Duration::from_millis(40);
/// Longest wait that comes of it.
const MAX_STAGGER: Duration = Duration::from_secs(10);
/// Collections that wait while the batcher has no room.
const BACKLOG: usize = 64;

/// Where collections go.
#[derive(Clone)]
pub struct Outputs {
    /// Samples.
    pub batcher: Mailbox<Collected>,
    /// Events.
    pub events: Mailbox<RecordEvents>,
    /// Documents.
    pub documents: Mailbox<ChangeDocuments>,
    /// The state of sources.
    pub sources: SourceRegistry,
    /// Counts of dropped samples.
    pub stats: Arc<PipelineStats>,
}

/// Anyone → poller: collect from all sources now.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "()")]
pub struct Wake;

/// Wakes a poller from any thread, once it is connected to one.
#[derive(Clone, Default)]
pub struct Waker(Arc<OnceLock<Mailbox<Wake>>>);

impl Waker {
    /// Sets the poller to wake; once.
    pub fn connect(&self, mailbox: Mailbox<Wake>) {
        let _ = self.0.set(mailbox);
    }

    /// Wakes it. Nothing happens if its mailbox is full: it collects soon anyway.
    pub fn wake(&self) {
        if let Some(mailbox) = self.0.get() {
            let _ = mailbox.try_send(Wake);
        }
    }
}

/// The way of batches to the batcher: bounded, counts what it drops.
struct Outbox {
    mailbox: Mailbox<Collected>,
    stats: Arc<PipelineStats>,
    stage: &'static str,
    waiting: VecDeque<Batch>,
}

impl Outbox {
    fn new(outputs: &Outputs, stage: &'static str) -> Self {
        Self { mailbox: outputs.batcher.clone(), stats: Arc::clone(&outputs.stats), stage, waiting: VecDeque::new() }
    }

    /// Sends what waits, then `batch`; what finds no room waits until the next call. A series has one sample per time: others
    /// are dropped and named in the answer.
    fn send(&mut self, mut batch: Batch) -> Option<String> {
        let repeated = batch.drop_repeated().map(|(count, first)| {
            self.stats.dropped.add((self.stage, "repeated"), count);
            format!("{count} samples left out, whose series had one of the same time already, the first: {first}")
        });
        if !batch.is_empty() {
            self.waiting.push_back(batch);
        }
        self.send_waiting();
        repeated
    }

    fn send_waiting(&mut self) {
        while let Some(batch) = self.waiting.pop_front() {
            if let Err(why) = self.mailbox.try_send(Collected { batch: batch.clone() }) {
                self.waiting.push_front(batch);
                if self.waiting.len() > BACKLOG
                    && let Some(oldest) = self.waiting.pop_front()
                {
                    self.stats.dropped.add((self.stage, why.name()), oldest.len());
                }
                return;
            }
        }
    }
}

/// Polls sources of one kind, each at its own interval.
pub struct Poller {
    clock: Clock,
    outputs: Outputs,
    outbox: Outbox,
    slots: Vec<Slot>,
}

/// A source and its schedule.
struct Slot {
    /// None while it collects.
    source: Option<Box<dyn Collector>>,
    /// The next collection; none while it collects.
    timer: Option<SpawnHandle>,
    /// Woken while it collected: it collects once more at once.
    again: bool,
}

impl Poller {
    /// A poller of `sources`; `kind` names them where samples are dropped.
    #[must_use]
    pub fn new(clock: Clock, kind: &'static str, outputs: Outputs, sources: Vec<Box<dyn Collector>>) -> Self {
        let outbox = Outbox::new(&outputs, kind);
        let slots = sources.into_iter().map(|source| Slot { source: Some(source), timer: None, again: false }).collect();
        Self { clock, outputs, outbox, slots }
    }

    fn schedule(&mut self, at: usize, wait: Duration, ctx: &mut Ctx<Self>) {
        self.slots[at].timer = Some(ctx.after(wait, "due", move |this, ctx| {
            this.slots[at].timer = None;
            this.collect(at, ctx);
        }));
    }

    fn collect(&mut self, at: usize, ctx: &mut Ctx<Self>) {
        let Some(source) = self.slots[at].source.take() else { return };
        let begun = Instant::now();
        ctx.run("collect", collect_once(source, self.clock.clone()), move |this, (source, now, outcome), ctx| {
            let next_in = this.record(&*source, now, outcome);
            let next = next_in.unwrap_or_else(|| source.every().saturating_sub(begun.elapsed()));
            let slot = &mut this.slots[at];
            slot.source = Some(source);
            let next = if std::mem::take(&mut slot.again) { Duration::ZERO } else { next };
            this.schedule(at, next, ctx);
        });
    }

    /// Records how the source is and sends on what it gave. When it asks to be collected next.
    fn record(&mut self, source: &dyn Collector, now: TimestampMs, outcome: Outcome) -> Option<Duration> {
        let name = source.name();
        let (works, why, mut found) = match outcome {
            Outcome::Complete(found) => (true, None, found),
            Outcome::Partial(why, found) => (true, Some(why), found),
            Outcome::Failed(why, found) => (false, Some(why), found),
            Outcome::Absent(why, hint) => {
                self.outputs.sources.absent(&name, why, hint);
                return None;
            }
        };
        let batch = std::mem::take(&mut found.batch);
        let (samples, newest) = (batch.len() + found.kept, batch.times.iter().copied().max().unwrap_or(now));
        if let Some(why) = why.as_ref().filter(|_| source.is_source() && !works) {
            // Before the samples are judged that say so: their alert has the reason.
            self.outputs.sources.failing(&name, why);
        }
        let repeated = self.outbox.send(batch);
        let why = [why, repeated].into_iter().flatten().collect::<Vec<_>>().join("; ");
        match (source.is_source(), works, why.is_empty()) {
            (false, _, true) => {}
            (false, _, false) => log::error!("{name}: {why}"),
            (true, true, true) => self.outputs.sources.up(&name, samples, newest),
            (true, true, false) => self.outputs.sources.partly(&name, samples, newest, why),
            (true, false, _) => self.outputs.sources.failing(&name, why),
        }
        if !found.events.is_empty() && self.outputs.events.try_send(RecordEvents(found.events)).is_err() {
            log::error!("{name}: the store is too busy, events are lost");
        }
        for (kind, changes) in found.documents {
            if self.outputs.documents.try_send(ChangeDocuments { kind, changes }).is_err() {
                log::error!("{name}: the store is too busy, documents are lost");
            }
        }
        found.next_in
    }
}

/// One collection within its time limit: the source, when it began, and how it ended.
async fn collect_once(mut source: Box<dyn Collector>, clock: Clock) -> (Box<dyn Collector>, TimestampMs, Outcome) {
    let limit = source.timeout();
    let mut tries = 0;
    loop {
        let (begun, now) = (Instant::now(), clock.now_ms());
        let outcome = match tokio::time::timeout(limit, source.collect(now)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::failed(format!("no answer within {} s", limit.as_secs_f64())),
        };
        tries += 1;
        // A machine that stood still during a collection says nothing about the source.
        if !outcome.failed_empty() || tries == TRIES || !standstill::spoiled(begun.into_std()) {
            return (source, now, outcome);
        }
    }
}

impl ServiceActor for Poller {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        for at in 0..self.slots.len() {
            let stagger = STAGGER.saturating_mul(u32::try_from(at).unwrap_or(u32::MAX)).min(MAX_STAGGER);
            let first_after = self.slots[at].source.as_ref().map(|source| source.first_after()).unwrap_or_default();
            self.schedule(at, first_after + stagger, ctx);
        }
    }

    /// Keeps samples that wait for room in the batcher.
    fn inherit(&mut self, previous: Self) {
        self.outbox = previous.outbox;
    }
}

impl Receive<Wake> for Poller {
    type Reply = ();

    fn receive(&mut self, _: Wake, ctx: &mut Ctx<Self>) {
        for at in 0..self.slots.len() {
            match self.slots[at].timer.take() {
                Some(timer) => {
                    ctx.cancel_future(timer);
                    self.collect(at, ctx);
                }
                None => self.slots[at].again = true,
            }
        }
    }
}

#[cfg(test)]
mod tests;
