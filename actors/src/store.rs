//! The store actor: owns the [`StoreWriter`], so all changes of the store go through its mailbox.
//!
//! 1. Appends a batch to journal and head.
//! 2. Makes the journal durable for all batches that came meanwhile in one flush (group commit), off its thread.
//! 3. Answers them.
//! 4. Publishes the batch to windows, alerts and hub.
//!
//! It seals the head into chunks, compacts, and applies the retention at intervals. A listener whose mailbox is full misses a
//! message, sees the gap in the batch numbers, and catches up from the store.

pub(crate) mod upkeep;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::ResponseFuture;
use taskpulse_engine::store::{ClosedSpan, DocumentChange, StoreError, StoreWriter, Stored};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use self::upkeep::{Flush, Sealing, TRY_AGAIN};
use crate::clock::Clock;
use crate::messages::{
    Append, AppendError, AppendResolved, ChangeDocuments, CloseSilent, Finish, Publish, RecordEvents, StoredBatch, TakeSnapshot,
};
use crate::supervisor::{Ctx, InBackground, Mailbox, Receive, Schedule, ServiceActor};
use crate::view;

/// How often size and retention are checked.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// How often the compactor looks for work, unless days are to be compacted sooner.
const COMPACT_EVERY: Duration = Duration::from_secs(5);
/// How often the data directory is checked to be in its place.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// How often the same failure is logged again.
const LOG_AGAIN_EVERY: Duration = Duration::from_secs(60);

/// When the head is sealed, and what the compactor may take.
#[derive(Debug, Clone)]
pub struct StoreActorOptions {
    /// Part of one core that the compactor may take.
    pub compaction_share: f64,
    /// Longest time between seals.
    pub seal_interval: Duration,
    /// Samples in the head that bring the next seal forward.
    pub max_head_samples: u64,
}

/// Logs an error once, and again when the reason changes or a minute has passed.
#[derive(Default)]
pub(crate) struct ErrorLog {
    logged: Option<(Instant, String)>,
}

impl ErrorLog {
    pub(crate) fn log(&mut self, what: &str, why: &dyn std::fmt::Display) {
        let why = why.to_string();
        if self.logged.as_ref().is_none_or(|(at, logged)| *logged != why || at.elapsed() >= LOG_AGAIN_EVERY) {
            log::error!("store: {what}: {why}");
            self.logged = Some((Instant::now(), why));
        }
    }

    pub(crate) fn resolved(&mut self, what: &str) {
        if self.logged.take().is_some() {
            log::info!("store: {what} again");
        }
    }
}

/// Who gets what was stored.
#[derive(Clone)]
pub struct Listeners {
    /// Each gets every batch.
    pub batches: Vec<Mailbox<StoredBatch>>,
    /// Gets new events.
    pub events: Mailbox<Publish>,
}

type Answer = ResponseFuture<Result<Arc<Stored>, AppendError>>;

/// See the module.
pub struct StoreActor {
    clock: Clock,
    store: Arc<StoreWriter>,
    options: StoreActorOptions,
    listeners: Arc<OnceLock<Listeners>>,
    flush: Flush<Arc<Stored>, Arc<Stored>>,
    sealing: Sealing,
    compacting: bool,
    housekeeping: bool,
    housekeeping_began: Instant,
    retention_failed: bool,
    checking: bool,
    compaction_errors: ErrorLog,
    retention_errors: ErrorLog,
    batch_errors: ErrorLog,
}

impl StoreActor {
    /// What builds the actor, at the start and after each panic. It takes the only writer, so nobody else can change the store.
    /// `listeners` may be filled in after the start; nothing is stored before.
    pub fn factory(
        clock: Clock,
        writer: StoreWriter,
        options: StoreActorOptions,
        listeners: Arc<OnceLock<Listeners>>,
    ) -> impl Fn() -> Self + Send + 'static {
        let store = Arc::new(writer);
        move || Self::new(clock.clone(), Arc::clone(&store), options.clone(), Arc::clone(&listeners))
    }

    fn new(clock: Clock, store: Arc<StoreWriter>, options: StoreActorOptions, listeners: Arc<OnceLock<Listeners>>) -> Self {
        Self {
            clock,
            store,
            options,
            listeners,
            flush: Flush::new(),
            sealing: Sealing::new("sealing"),
            compacting: false,
            housekeeping: false,
            housekeeping_began: Instant::now(),
            retention_failed: false,
            checking: false,
            compaction_errors: ErrorLog::default(),
            retention_errors: ErrorLog::default(),
            batch_errors: ErrorLog::default(),
        }
    }

    /// One flush for all batches that wait now; those that come while it runs get the next.
    fn commit(&mut self, ctx: &mut Ctx<Self>) {
        let Some(batches) = self.flush.begin() else { return };
        let store = Arc::clone(&self.store);
        ctx.run_blocking(
            "commit",
            move || store.commit(),
            move |this, result, ctx| {
                let outcome = this.flush.ended(result);
                for (stored, reply) in batches {
                    if outcome.is_ok() && !stored.ids.is_empty() {
                        this.publish(&stored);
                    }
                    // The sender may no longer wait: the batch is kept all the same.
                    let _ = reply.send(outcome.clone().map(|()| stored));
                }
                this.commit(ctx);
                if this.store.head_is_over(this.options.max_head_samples) {
                    this.seal(ctx);
                }
            },
        );
    }

    fn publish(&self, stored: &Arc<Stored>) {
        for mailbox in self.listeners.get().iter().flat_map(|l| &l.batches) {
            // A full mailbox: the listener sees the gap and catches up from the store.
            let _ = mailbox.try_send(StoredBatch(Arc::clone(stored)));
        }
    }

    fn seal(&mut self, ctx: &mut Ctx<Self>) {
        if !self.sealing.begin() {
            return;
        }
        let store = Arc::clone(&self.store);
        ctx.run_background(
            "sealed",
            move || store.seal(),
            |this, result, _| {
                if let Some(chunks) = this.sealing.ended(result) {
                    log::debug!("store: sealed {chunks} chunks");
                }
            },
        );
    }

    fn compact(&mut self, ctx: &mut Ctx<Self>) {
        if self.compacting {
            return;
        }
        self.compacting = true;
        let (store, clock, share) = (Arc::clone(&self.store), self.clock.clone(), self.options.compaction_share);
        ctx.run_background(
            "compacted",
            move || store.compact(clock.now_ms(), share),
            |this, result, ctx| {
                this.compacting = false;
                match result {
                    Ok(Ok(None)) => this.compaction_errors.resolved("compaction works"),
                    Ok(Ok(Some(done))) => {
                        let what = if done.finished { "finished" } else { "put together" };
                        log::info!("store: {} {what}: {} samples in {} bytes", done.day, done.samples, done.bytes);
                        this.compact(ctx);
                    }
                    Ok(Err(error)) => this.compaction_errors.log("compaction failed and is tried again", &error),
                    Err(error) => this.compaction_errors.log("compaction failed and is tried again", &error),
                }
            },
        );
    }

    /// Answers when what was just appended is durable.
    fn acknowledge(&mut self, appended: Result<Stored, StoreError>, ctx: &mut Ctx<Self>) -> Answer {
        match appended {
            Ok(_) if self.flush.is_full() => Box::pin(std::future::ready(Err(AppendError::DiskHangs))),
            Ok(stored) => {
                self.batch_errors.resolved("batches are kept");
                let answer = self.flush.wait(Arc::new(stored));
                self.commit(ctx);
                answer
            }
            Err(error) => {
                self.batch_errors.log("a batch was not kept", &error);
                Box::pin(std::future::ready(Err(error.into())))
            }
        }
    }

    fn start_housekeeping(&mut self, ctx: &mut Ctx<Self>) {
        // While the disk hangs, threads must not pile up behind it.
        if self.housekeeping {
            return;
        }
        self.housekeeping = true;
        self.housekeeping_began = Instant::now();
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        let work = move || {
            if let Err(error) = store.observe_clock(clock.now_ms(), clock.running_ms()) {
                log::error!("store: what is known of the clock cannot be kept: {error}");
            }
            let applied = store.apply_retention(clock.now_ms());
            store.measure(clock.now_ms());
            applied
        };
        ctx.run_background("housekeeping done", work, |this, result, _| {
            this.housekeeping = false;
            this.retention_failed = true;
            match result {
                Ok(Ok(gone)) => {
                    this.retention_failed = false;
                    this.retention_errors.resolved("retention works");
                    if !gone.is_empty() {
                        log::info!("store: retention removed {}", gone.join(", "));
                    }
                }
                Ok(Err(error)) => this.retention_errors.log("retention failed and is tried again", &error),
                Err(error) => this.retention_errors.log("retention failed and is tried again", &error),
            }
        });
    }

    /// Starts what is due. Work that failed is due again soon: the disk may have room again.
    fn begin_due(&mut self, ctx: &mut Ctx<Self>) {
        // A start may find more in the journal than may wait: then no append happens that would start a seal.
        let over = self.store.head_is_over(self.options.max_head_samples);
        if self.sealing.is_due(over, self.options.seal_interval) {
            self.seal(ctx);
        }
        if self.housekeeping_began.elapsed() >= if self.retention_failed { TRY_AGAIN } else { HOUSEKEEPING } {
            self.start_housekeeping(ctx);
        }
    }

    /// Checks that the data directory is in its place, and recreates what is missing.
    fn check_data_dir(&mut self, ctx: &mut Ctx<Self>) {
        if self.checking {
            return;
        }
        self.checking = true;
        let store = Arc::clone(&self.store);
        // What is missing is logged, and among the store's problems.
        ctx.run_background("directory checked", move || store.check_place(), |this, _, _| this.checking = false);
    }
}

/// Has documents changed and waits until that is durable.
pub(crate) async fn change(store: &Mailbox<ChangeDocuments>, kind: &'static str, changes: Vec<DocumentChange>) -> Result<(), AppendError> {
    match store.send(ChangeDocuments { kind, changes }).await {
        Ok(outcome) => outcome,
        Err(error) => Err(error.into()),
    }
}

impl ServiceActor for StoreActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.start_housekeeping(ctx);
        ctx.every(CHECK_EVERY, "housekeeping", |this, ctx| {
            this.begin_due(ctx);
            this.check_data_dir(ctx);
        });
        let every = COMPACT_EVERY.min(self.store.options().quiet).max(COMPACT_EVERY / 10);
        ctx.every(every, "compaction", |this, ctx| this.compact(ctx));
    }
}

impl Receive<Append> for StoreActor {
    type Reply = Answer;

    fn receive(&mut self, Append(batch): Append, ctx: &mut Ctx<Self>) -> Self::Reply {
        let appended = self.store.append(&batch, self.clock.now_ms());
        self.acknowledge(appended, ctx)
    }
}

impl Receive<AppendResolved> for StoreActor {
    type Reply = Answer;

    fn receive(&mut self, AppendResolved(resolved): AppendResolved, ctx: &mut Ctx<Self>) -> Self::Reply {
        let appended = self.store.append_resolved(resolved, self.clock.now_ms());
        self.acknowledge(appended, ctx)
    }
}

impl Receive<RecordEvents> for StoreActor {
    type Reply = ();

    fn receive(&mut self, RecordEvents(events): RecordEvents, _: &mut Ctx<Self>) {
        match self.store.add_events(&events) {
            Ok(kept) => {
                if let Some(listeners) = self.listeners.get() {
                    let views = kept.iter().map(|(id, event)| view::Event::new(id, event)).collect();
                    let _ = listeners.events.try_send(Publish::Events(views));
                }
            }
            Err(error) => log::error!("store: {} events not kept: {error}", events.len()),
        }
    }
}

impl Receive<ChangeDocuments> for StoreActor {
    type Reply = Result<(), AppendError>;

    fn receive(&mut self, message: ChangeDocuments, _: &mut Ctx<Self>) -> Self::Reply {
        self.store.change_documents(message.kind, message.changes).map_err(|error| {
            log::error!("store: {} not kept: {error}", message.kind);
            error.into()
        })
    }
}

impl Receive<CloseSilent> for StoreActor {
    type Reply = ResponseFuture<Vec<ClosedSpan>>;

    fn receive(&mut self, CloseSilent { idle_after_ms }: CloseSilent, _: &mut Ctx<Self>) -> Self::Reply {
        let (store, now) = (Arc::clone(&self.store), self.clock.now_ms());
        let closing = spawn_blocking(move || store.close_silent(now, idle_after_ms));
        Box::pin(async move {
            closing.await.unwrap_or_else(|error| {
                log::error!("store: windows of silent series are not closed: {error}");
                Vec::new()
            })
        })
    }
}

impl Receive<TakeSnapshot> for StoreActor {
    type Reply = InBackground<Result<(), StoreError>>;

    fn receive(&mut self, TakeSnapshot { to }: TakeSnapshot, _: &mut Ctx<Self>) -> Self::Reply {
        let store = Arc::clone(&self.store);
        let copying = spawn_blocking(move || store.snapshot(&to));
        InBackground(Box::pin(async move { copying.await.unwrap_or(Err(StoreError::Interrupted("the snapshot"))) }))
    }
}

impl Receive<Finish> for StoreActor {
    type Reply = ();

    fn receive(&mut self, _: Finish, _: &mut Ctx<Self>) {
        self.store.stop_compacting();
        if let Err(error) = self.store.commit() {
            log::error!("store: last flush: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
