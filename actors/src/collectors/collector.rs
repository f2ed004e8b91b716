//! What a new source has to bring: one file with a [`Collector`] and one section of settings. [`Poller`] does the rest.
//!
//! ```
//! use std::time::Duration;
//! use taskpulse_actors::collectors::collector::{Collection, Outcome, CollectFuture, Collector};
//! use taskpulse_engine::model::{Labels, TimestampMs};
//!
//! /// How full a queue directory is.
//! struct Spool(std::path::PathBuf);
//!
//! impl Collector for Spool {
//!     fn name(&self) -> String {
//!         format!("spool {}", self.0.display())
//!     }
//!
//!     fn every(&self) -> Duration {
//!         Duration::from_secs(30)
//!     }
//!
//!     fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
//!         Box::pin(async move {
//!             let files = match std::fs::read_dir(&self.0) {
//!                 Ok(entries) => entries.count(),
//!                 // No sample is better than a false one.
//!                 Err(error) => return Outcome::Failed(format!("{}: {error}", self.0.display()), Collection::default()),
//!             };
//!             let mut found = Collection::default();
//!             found.batch.push(Labels::metric("spool_files", &[]), now, files as f64);
//!             Outcome::Complete(found)
//!         })
//!     }
//! }
//! ```
//!
//! A collection runs on the collectors' thread: what takes longer than 5 ms of CPU, or waits for a file, goes to
//! `tokio::task::spawn_blocking`. A collection that is not done within [`Collector::timeout`] is abandoned and reported as a failure; no
//! other source waits for it.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Message, SpawnHandle};
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, Labels, STALE_NAN_BITS, TimestampMs};
use taskpulse_engine::store::DocumentChange;
use tokio::time::Instant;

use super::Outbox;
use crate::clock::Clock;
use crate::messages::{ChangeDocuments, Collected, RecordEvents};
use crate::shared::Shared;
use crate::standstill::{self, TRIES};
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};

/// Wait between the first collections of neighbouring sources, so that not all of them begin at once.
const STAGGER: Duration = Duration::from_millis(40);

/// What was collected.
#[derive(Debug, Default)]
pub struct Collection {
    /// Samples.
    pub batch: Batch,
    /// How many more the source has handed to the store itself.
    pub kept: usize,
    /// What belongs on the time line.
    pub events: Vec<Event>,
    /// What the source wants to find again after a restart, by kind.
    pub documents: Vec<(&'static str, Vec<DocumentChange>)>,
    /// When to collect next, where that is not [`Collector::every`] after the last collection began.
    pub next_in: Option<Duration>,
}

/// How a collection ended.
#[derive(Debug)]
pub enum Outcome {
    /// The source works.
    Complete(Collection),
    /// It works, but for this.
    Partial(String, Collection),
    /// It fails, for this reason; what is known all the same is kept (a probe that failed has a figure).
    Failed(String, Collection),
    /// There is nothing to collect: why, and what would change that.
    Absent(String, String),
}

impl Outcome {
    fn failed_empty(&self) -> bool {
        matches!(self, Self::Failed(_, found) if found.batch.is_empty() && found.events.is_empty() && found.documents.is_empty())
    }
}

/// A collection under way.
pub type CollectFuture<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// What knows one source and collects from it at an interval.
pub trait Collector: 'static {
    /// Its name in status and in `taskpulse_source_up{source}`; one of a kind.
    fn name(&self) -> String;
    /// Time between the beginnings of two collections.
    fn every(&self) -> Duration;
    /// Longest time of a collection.
    fn timeout(&self) -> Duration {
        Duration::from_secs(10)
    }
    /// Collects once; `now` is when it begins. A collection that fails without samples while the machine stood still is begun again.
    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_>;
}

/// Ends the series that a source no longer gives: the same marker as Prometheus'.
#[derive(Debug, Default)]
pub struct StalenessTracker {
    before: BTreeSet<Vec<u8>>,
}

impl StalenessTracker {
    /// Takes in a series of an earlier run: it ends unless the next batch has it.
    pub fn expect(&mut self, labels: &Labels) {
        self.before.insert(labels.as_bytes().to_vec());
    }

    /// Adds a stale marker at `now` for each series of the last batch that this one has not. Series of the batch with a
    /// time of their own should not be given here.
    pub fn mark(&mut self, batch: &mut Batch, now: TimestampMs) {
        let present: BTreeSet<Vec<u8>> = batch.labels.iter().map(|labels| labels.as_bytes().to_vec()).collect();
        for gone in self.before.difference(&present) {
            if let Ok(labels) = Labels::from_bytes(gone) {
                batch.push(labels, now, f64::from_bits(STALE_NAN_BITS));
            }
        }
        self.before = present;
    }
}

/// Where findings go.
#[derive(Clone)]
pub struct Outputs {
    /// Samples.
    pub batcher: Mailbox<Collected>,
    /// The time line.
    pub events: Mailbox<RecordEvents>,
    /// What sources want to find again.
    pub documents: Mailbox<ChangeDocuments>,
}

/// Something came for the sources of a poller: they collect now.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "()")]
pub struct Wake;

/// Looks at sources of one kind, each in its own time.
pub struct Poller {
    clock: Clock,
    shared: Arc<Shared>,
    outputs: Outputs,
    outbox: Outbox,
    /// A source is not here while it collects.
    sources: Vec<Option<Box<dyn Collector>>>,
    /// When each collects next.
    timers: Vec<Option<SpawnHandle>>,
    /// Woken while it collected: it collects again at once.
    again: Vec<bool>,
}

impl Poller {
    /// A poller of `sources`; `kind` names them where samples are lost.
    #[must_use]
    pub fn new(clock: Clock, shared: Arc<Shared>, kind: &'static str, outputs: Outputs, sources: Vec<Box<dyn Collector>>) -> Self {
        let outbox = Outbox::new(outputs.batcher.clone(), Arc::clone(&shared), kind);
        let (timers, again) = (vec![None; sources.len()], vec![false; sources.len()]);
        Self { clock, shared, outputs, outbox, sources: sources.into_iter().map(Some).collect(), timers, again }
    }

    fn schedule(&mut self, at: usize, wait: Duration, ctx: &mut Ctx<Self>) {
        self.timers[at] = Some(ctx.after(wait, "due", move |this, ctx| {
            this.timers[at] = None;
            this.collect(at, ctx);
        }));
    }

    fn collect(&mut self, at: usize, ctx: &mut Ctx<Self>) {
        let Some(mut source) = self.sources.get_mut(at).and_then(Option::take) else { return };
        let began = Instant::now();
        let clock = self.clock.clone();
        let collecting = async move {
            let limit = source.timeout();
            let mut tries = 0;
            loop {
                let (begun, now) = (Instant::now(), clock.now_ms());
                let outcome = match tokio::time::timeout(limit, source.collect(now)).await {
                    Ok(outcome) => outcome,
                    Err(_) => Outcome::Failed(format!("no answer within {} s", limit.as_secs_f64()), Collection::default()),
                };
                tries += 1;
                // A machine that stood still during a collection says nothing about the source.
                if !outcome.failed_empty() || tries == TRIES || !standstill::spoiled(begun.into_std()) {
                    return (source, now, outcome);
                }
            }
        };
        ctx.run("collect", collecting, move |this, (source, now, outcome), ctx| {
            let next_in = this.record(&source.name(), now, outcome);
            let next = next_in.unwrap_or_else(|| source.every().saturating_sub(began.elapsed()));
            this.sources[at] = Some(source);
            let next = if std::mem::take(&mut this.again[at]) { Duration::ZERO } else { next };
            this.schedule(at, next, ctx);
        });
    }

    fn record(&mut self, name: &str, now: TimestampMs, outcome: Outcome) -> Option<Duration> {
        let (works, why, mut found) = match outcome {
            Outcome::Complete(found) => (true, None, found),
            Outcome::Partial(why, found) => (true, Some(why), found),
            Outcome::Failed(why, found) => (false, Some(why), found),
            Outcome::Absent(why, hint) => {
                self.shared.sources.absent(name, why, hint);
                return None;
            }
        };
        let batch = std::mem::take(&mut found.batch);
        let (samples, newest) = (batch.len() + found.kept, batch.times.iter().copied().max().unwrap_or(now));
        let repeated = self.outbox.send(batch);
        let why = [why, repeated].into_iter().flatten().collect::<Vec<_>>().join("; ");
        match (works, why.is_empty()) {
            (true, true) => self.shared.sources.up(name, samples, newest),
            (true, false) => self.shared.sources.partly(name, samples, newest, why),
            (false, _) => self.shared.sources.failing(name, why),
        }
        if !found.events.is_empty() && self.outputs.events.try_send(RecordEvents(found.events)).is_err() {
            log::error!("{name}: the store is too busy for the time line");
        }
        for (kind, changes) in found.documents {
            if self.outputs.documents.try_send(ChangeDocuments { kind, changes }).is_err() {
                log::error!("{name}: the store is too busy for what was seen");
            }
        }
        found.next_in
    }
}

impl ServiceActor for Poller {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        for at in 0..self.sources.len() {
            let wait = STAGGER.saturating_mul(u32::try_from(at).unwrap_or(u32::MAX)).min(Duration::from_secs(10));
            self.schedule(at, wait, ctx);
        }
    }

    /// Samples that wait for room in the batcher are not lost with a panic.
    fn inherit(&mut self, previous: Self) {
        self.outbox = previous.outbox;
    }
}

impl Receive<Wake> for Poller {
    type Reply = ();

    fn receive(&mut self, _: Wake, ctx: &mut Ctx<Self>) {
        for at in 0..self.sources.len() {
            match self.timers[at].take() {
                Some(timer) => {
                    ctx.cancel_future(timer);
                    self.collect(at, ctx);
                }
                None => self.again[at] = true,
            }
        }
    }
}

#[cfg(test)]
mod tests;
