//! The actor of a store of records: of log lines, or of spans. It owns the writer, so all that is kept goes through its mailbox.
//!
//! 1. Appends the records of a request to journal and head.
//! 2. Makes the journal durable for all requests that came meanwhile in one flush (group commit), off its thread.
//! 3. Answers them, and passes what is new on to those who follow ([`Records::pass_on`]).
//!
//! It seals the head and merges small files at intervals. It shares the thread of the store; where nothing was ever sent, it does
//! nothing, and no timer runs.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use actix::ResponseFuture;
use taskpulse_engine::logs::store::Appended;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::store::{RecordWriter, StoreError};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::messages::{AppendError, Finish};
use crate::store::ErrorLog;
use crate::store::upkeep::{Flush, Sealing};
use crate::supervisor::{Ctx, Receive, Schedule, ServiceActor};

/// How often it looks for work.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often files are looked through for some to merge.
const COMPACT_EVERY: Duration = Duration::from_secs(60);

/// What differs between log lines and spans.
pub trait Records: Clone + Unpin + Send + 'static {
    /// Writes them.
    type Writer: Deref<Target = RecordWriter> + Send + Sync + 'static;
    /// Those of a request.
    type Batch;
    /// What is passed on once it is durable.
    type Followed: Unpin + 'static;
    /// What they are, in words.
    const HOLDS: &'static str;

    /// Appends those of a request; gives what is to be passed on, where somebody follows.
    ///
    /// # Errors
    /// [`StoreError`] if nothing was kept.
    fn append(&self, writer: &Self::Writer, batch: Self::Batch, now: TimestampMs)
    -> Result<(Appended, Option<Self::Followed>), StoreError>;

    /// Passes on what is durable.
    fn pass_on(&self, followed: Self::Followed);
}

pub(crate) type Answer = ResponseFuture<Result<Appended, AppendError>>;

/// See the module.
pub struct RecordStoreActor<R: Records> {
    clock: Clock,
    writer: Arc<R::Writer>,
    records: R,
    /// What was done, and what is passed on where somebody follows.
    flush: Flush<(Appended, Option<R::Followed>), Appended>,
    sealing: Sealing,
    /// The timer of seals and merges runs.
    timed: bool,
    compacting: bool,
    compacted_at: Instant,
    append_errors: ErrorLog,
    compaction_errors: ErrorLog,
}

impl<R: Records> RecordStoreActor<R> {
    /// What builds the actor, at the start and after each panic.
    pub fn factory(clock: Clock, writer: R::Writer, records: R) -> impl Fn() -> Self + Send + 'static {
        let writer = Arc::new(writer);
        move || Self::new(clock.clone(), Arc::clone(&writer), records.clone())
    }

    fn new(clock: Clock, writer: Arc<R::Writer>, records: R) -> Self {
        Self {
            clock,
            writer,
            records,
            flush: Flush::new(),
            sealing: Sealing::new(format!("sealing {}", R::HOLDS)),
            timed: false,
            compacting: false,
            compacted_at: Instant::now(),
            append_errors: ErrorLog::default(),
            compaction_errors: ErrorLog::default(),
        }
    }

    /// Keeps the records of a request; answered when they are durable.
    pub(crate) fn keep(&mut self, batch: R::Batch, ctx: &mut Ctx<Self>) -> Answer {
        match self.records.append(&self.writer, batch, self.clock.now_ms()) {
            Ok(_) if self.flush.is_full() => Box::pin(std::future::ready(Err(AppendError::DiskHangs))),
            Ok(appended) => {
                self.append_errors.resolved(&format!("{} are kept", R::HOLDS));
                self.start_timer(ctx);
                let answer = self.flush.wait(appended);
                self.commit(ctx);
                answer
            }
            Err(error) => {
                self.append_errors.log(&format!("{} were not kept", R::HOLDS), &error);
                Box::pin(std::future::ready(Err(error.into())))
            }
        }
    }

    /// One flush for all requests that wait now; those that come while it runs get the next.
    fn commit(&mut self, ctx: &mut Ctx<Self>) {
        let Some(requests) = self.flush.begin() else { return };
        let writer = Arc::clone(&self.writer);
        ctx.run_blocking(
            "commit",
            move || writer.commit(),
            move |this, result, ctx| {
                let outcome = this.flush.ended(result);
                for ((appended, followed), reply) in requests {
                    if let Some(followed) = followed.filter(|_| outcome.is_ok()) {
                        this.records.pass_on(followed);
                    }
                    // The sender may no longer wait: all is kept all the same.
                    let _ = reply.send(outcome.clone().map(|()| appended));
                }
                this.commit(ctx);
                if this.writer.head_is_over() {
                    this.seal(ctx);
                }
            },
        );
    }

    fn seal(&mut self, ctx: &mut Ctx<Self>) {
        if !self.sealing.begin() {
            return;
        }
        let writer = Arc::clone(&self.writer);
        ctx.run_background(
            "sealed",
            move || writer.seal(),
            |this, result, _| {
                if let Some(count) = this.sealing.ended(result) {
                    log::debug!("store: sealed {count} {}", R::HOLDS);
                }
            },
        );
    }

    fn compact(&mut self, ctx: &mut Ctx<Self>) {
        if self.compacting {
            return;
        }
        self.compacting = true;
        self.compacted_at = Instant::now();
        let (writer, now) = (Arc::clone(&self.writer), self.clock.now_ms());
        ctx.run_background(
            "compacted",
            move || writer.compact(now),
            |this, result, ctx| {
                this.compacting = false;
                let failed = format!("merging files of {} failed and is tried again", R::HOLDS);
                match result {
                    Ok(Ok(None)) => this.compaction_errors.resolved(&format!("merging files of {} works", R::HOLDS)),
                    Ok(Ok(Some(day))) => {
                        log::debug!("store: files of {} of {day} merged", R::HOLDS);
                        this.compact(ctx);
                    }
                    Ok(Err(error)) => this.compaction_errors.log(&failed, &error),
                    Err(error) => this.compaction_errors.log(&failed, &error),
                }
            },
        );
    }

    fn start_timer(&mut self, ctx: &mut Ctx<Self>) {
        if !self.timed {
            self.timed = true;
            ctx.every(LOOK_EVERY, "housekeeping", Self::begin_due);
        }
    }

    fn begin_due(&mut self, ctx: &mut Ctx<Self>) {
        // A start may find more in the journal than may wait: then no append happens that would start a seal.
        let over = self.writer.head_is_over();
        if self.sealing.is_due(over, self.writer.seal_interval()) {
            self.seal(ctx);
        }
        if self.compacted_at.elapsed() >= COMPACT_EVERY {
            self.compact(ctx);
        }
    }
}

impl<R: Records> ServiceActor for RecordStoreActor<R> {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        if !self.writer.is_unused() {
            self.start_timer(ctx);
        }
    }
}

impl<R: Records> Receive<Finish> for RecordStoreActor<R> {
    type Reply = ();

    fn receive(&mut self, _: Finish, _: &mut Ctx<Self>) {
        if let Err(error) = self.writer.commit() {
            log::error!("store: last flush of {}: {error}", R::HOLDS);
        }
    }
}
