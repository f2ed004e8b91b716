//! The store actor: one door to the engine's store for everything that writes.
//!
//! 1. takes a batch into journal and head,
//! 2. makes the journal durable for all batches that came meanwhile in one flush (group commit), off its thread,
//! 3. answers them,
//! 4. tells windows, alerts and hub.
//!
//! Now and then it seals the head into chunks and applies the retention. A listener whose mailbox is full misses a
//! message, sees the gap in the batch numbers, and catches up from the store.

use std::sync::Arc;
use std::time::Duration;

use actix::ResponseFuture;
use taskpulse_engine::store::{DocumentChange, Store, StoreError, Stored};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::messages::{Append, AppendError, AppendResolved, ChangeDocuments, Finish, Publish, RecordEvents, StoredBatch};
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};
use crate::view;

/// How often size and retention are looked at.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// How often the compactor looks for work, unless days are to be compacted sooner.
const COMPACT_EVERY: Duration = Duration::from_secs(5);
/// Batches that may wait for one flush.
const MAX_WAITING: usize = 1_024;
/// How soon a seal or the retention is tried again after it failed.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// How often it is seen to that the data directory is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the same failure is logged again.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

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

/// Says what fails once, and again when the reason is another or a minute has passed.
#[derive(Default)]
struct Complaint {
    said: Option<(Instant, String)>,
}

impl Complaint {
    fn say(&mut self, what: &str, why: &dyn std::fmt::Display) {
        let why = why.to_string();
        if self.said.as_ref().is_none_or(|(at, said)| *said != why || at.elapsed() >= COMPLAIN_EVERY) {
            log::error!("store: {what}: {why}");
            self.said = Some((Instant::now(), why));
        }
    }

    fn over(&mut self, what: &str) {
        if self.said.take().is_some() {
            log::info!("store: {what} again");
        }
    }
}

/// Who hears of what was stored.
#[derive(Clone)]
pub struct Listeners {
    /// Each gets every batch.
    pub batches: Vec<Mailbox<StoredBatch>>,
    /// Gets new events.
    pub events: Mailbox<Publish>,
}

type Answer = ResponseFuture<Result<Arc<Stored>, AppendError>>;
type Reply = (Arc<Stored>, oneshot::Sender<Result<Arc<Stored>, AppendError>>);

/// See the module.
pub struct StoreActor {
    clock: Clock,
    store: Arc<Store>,
    options: StoreActorOptions,
    listeners: Arc<std::sync::OnceLock<Listeners>>,
    waiting: Vec<Reply>,
    committing: bool,
    sealing: bool,
    sealed_at: Instant,
    seal_failed_at: Option<Instant>,
    compacting: bool,
    keeping_house: bool,
    kept_house_at: Instant,
    retention_failed: bool,
    looking: bool,
    seal_complaint: Complaint,
    compaction_complaint: Complaint,
    retention_complaint: Complaint,
    batch_complaint: Complaint,
}

impl StoreActor {
    /// `listeners` may be filled in after the start; nothing is stored before.
    #[must_use]
    pub fn new(clock: Clock, store: Arc<Store>, options: StoreActorOptions, listeners: Arc<std::sync::OnceLock<Listeners>>) -> Self {
        Self {
            clock,
            store,
            options,
            listeners,
            waiting: Vec::new(),
            committing: false,
            sealing: false,
            sealed_at: Instant::now(),
            seal_failed_at: None,
            compacting: false,
            keeping_house: false,
            kept_house_at: Instant::now(),
            retention_failed: false,
            looking: false,
            seal_complaint: Complaint::default(),
            compaction_complaint: Complaint::default(),
            retention_complaint: Complaint::default(),
            batch_complaint: Complaint::default(),
        }
    }

    /// One flush for all batches that wait now; those that come while it runs get the next.
    fn commit(&mut self, ctx: &mut Ctx<Self>) {
        if self.committing || self.waiting.is_empty() {
            return;
        }
        self.committing = true;
        let batches = std::mem::take(&mut self.waiting);
        let store = Arc::clone(&self.store);
        ctx.run_blocking(
            "commit",
            move || store.commit(),
            move |this, result, ctx| {
                this.committing = false;
                let outcome = match result {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(append_error(&error)),
                    Err(error) => Err(AppendError::Failed(error.to_string())),
                };
                for (stored, reply) in batches {
                    if outcome.is_ok() && !stored.ids.is_empty() {
                        this.tell(&stored);
                    }
                    // Nobody waits any more: the batch is kept all the same.
                    let _ = reply.send(outcome.clone().map(|()| stored));
                }
                this.commit(ctx);
                if this.store.head_is_over(this.options.max_head_samples) {
                    this.seal(ctx);
                }
            },
        );
    }

    fn tell(&self, stored: &Arc<Stored>) {
        for mailbox in self.listeners.get().iter().flat_map(|l| &l.batches) {
            // A full mailbox: the listener sees the gap and catches up from the store.
            let _ = mailbox.try_send(StoredBatch(Arc::clone(stored)));
        }
    }

    fn seal(&mut self, ctx: &mut Ctx<Self>) {
        if self.sealing || self.seal_failed_at.is_some_and(|at| at.elapsed() < TRY_AGAIN) {
            return;
        }
        self.sealing = true;
        self.sealed_at = Instant::now();
        let store = Arc::clone(&self.store);
        ctx.run_background(
            "sealed",
            move || store.seal(),
            |this, result, _| {
                this.sealing = false;
                this.seal_failed_at = None;
                let error = match result {
                    Ok(Ok(chunks)) => {
                        this.seal_complaint.over("sealing works");
                        log::debug!("store: sealed {chunks} chunks");
                        return;
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => error.to_string(),
                };
                this.seal_failed_at = Some(Instant::now());
                this.seal_complaint.say("sealing failed and is tried again", &error);
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
                    Ok(Ok(None)) => this.compaction_complaint.over("compaction works"),
                    Ok(Ok(Some(done))) => {
                        let what = if done.finished { "finished" } else { "put together" };
                        log::info!("store: {} {what}: {} samples in {} bytes", done.day, done.samples, done.bytes);
                        this.compact(ctx);
                    }
                    Ok(Err(error)) => this.compaction_complaint.say("compaction failed and is tried again", &error),
                    Err(error) => this.compaction_complaint.say("compaction failed and is tried again", &error),
                }
            },
        );
    }

    /// Answers when what was just appended is durable.
    fn acknowledge(&mut self, appended: Result<Stored, StoreError>, ctx: &mut Ctx<Self>) -> Answer {
        match appended {
            Ok(_) if self.waiting.len() >= MAX_WAITING => {
                let error = AppendError::Failed("the disk does not answer; too many batches wait for it".to_owned());
                Box::pin(std::future::ready(Err(error)))
            }
            Ok(stored) => {
                self.batch_complaint.over("batches are kept");
                let (reply, answer) = oneshot::channel();
                self.waiting.push((Arc::new(stored), reply));
                self.commit(ctx);
                let lost = || Err(AppendError::Failed("the store restarted before the batch was durable".to_owned()));
                Box::pin(async move { answer.await.unwrap_or_else(|_| lost()) })
            }
            Err(error) => {
                self.batch_complaint.say("a batch was not kept", &error);
                let error = append_error(&error);
                Box::pin(std::future::ready(Err(error)))
            }
        }
    }

    fn keep_house(&mut self, ctx: &mut Ctx<Self>) {
        // While the disk hangs, threads must not pile up behind it.
        if self.keeping_house {
            return;
        }
        self.keeping_house = true;
        self.kept_house_at = Instant::now();
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
            this.keeping_house = false;
            this.retention_failed = true;
            match result {
                Ok(Ok(gone)) => {
                    this.retention_failed = false;
                    this.retention_complaint.over("retention works");
                    if !gone.is_empty() {
                        log::info!("store: retention removed {}", gone.join(", "));
                    }
                }
                Ok(Err(error)) => this.retention_complaint.say("retention failed and is tried again", &error),
                Err(error) => this.retention_complaint.say("retention failed and is tried again", &error),
            }
        });
    }

    /// Begins what is due. What failed is due again soon: the disk may have room again.
    fn begin_due(&mut self, ctx: &mut Ctx<Self>) {
        // A start may find more in the journal than may wait: nothing is taken in then that would bring a seal about.
        let over = self.store.head_is_over(self.options.max_head_samples);
        if over || self.sealed_at.elapsed() >= self.options.seal_interval || self.seal_failed_at.is_some() {
            self.seal(ctx);
        }
        if self.kept_house_at.elapsed() >= if self.retention_failed { TRY_AGAIN } else { HOUSEKEEPING } {
            self.keep_house(ctx);
        }
    }

    /// Sees to it that the data directory is still there.
    fn look(&mut self, ctx: &mut Ctx<Self>) {
        if self.looking {
            return;
        }
        self.looking = true;
        let store = Arc::clone(&self.store);
        // What is missing was logged, and stands in the store's problems.
        ctx.run_background("directory checked", move || store.check_place(), |this, _, _| this.looking = false);
    }
}

/// Has documents changed and waits until that is durable.
pub(crate) async fn change(store: &Mailbox<ChangeDocuments>, kind: &'static str, changes: Vec<DocumentChange>) -> Result<(), AppendError> {
    match store.send(ChangeDocuments { kind, changes }).await {
        Ok(outcome) => outcome,
        Err(error) => Err(AppendError::Failed(format!("the store did not answer: {error}"))),
    }
}

fn append_error(error: &StoreError) -> AppendError {
    match error {
        StoreError::DiskFull { .. } => AppendError::Full(error.to_string()),
        _ => AppendError::Failed(error.to_string()),
    }
}

impl ServiceActor for StoreActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.keep_house(ctx);
        ctx.every(LOOK_EVERY, "housekeeping", |this, ctx| {
            this.begin_due(ctx);
            this.look(ctx);
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
            append_error(&error)
        })
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
