//! The log store actor: owns the [`LogWriter`], so all log lines go through its mailbox.
//!
//! 1. Appends the lines of a request to journal and head.
//! 2. Makes the journal durable for all requests that came meanwhile in one flush (group commit), off its thread.
//! 3. Answers them, and passes their lines on to those who follow ([`crate::log_followers`]).
//!
//! It seals the head and merges small files at intervals. It shares the thread of the store; where no line was ever sent, it does
//! nothing.

use std::sync::Arc;
use std::time::Duration;

use actix::ResponseFuture;
use taskpulse_engine::logs::Lines;
use taskpulse_engine::logs::store::{Appended, LogReader};
use taskpulse_engine::store::{LogWriter, StoreError};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::log_followers::Followers;
use crate::messages::{AppendError, AppendLines, Finish};
use crate::store::ErrorLog;
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};

/// Requests that may wait for one flush.
const MAX_WAITING: usize = 1_024;
/// How often it looks for work.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon a seal or a merge is tried again after it failed.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// How often files are looked through for some to merge.
const COMPACT_EVERY: Duration = Duration::from_secs(60);

/// How clients reach the store of lines.
#[derive(Clone)]
pub struct LogDoor {
    reader: LogReader,
    append: Mailbox<AppendLines>,
    followers: Followers,
}

impl LogDoor {
    /// From a reader, the mailbox of the actor, and those whom it tells of lines.
    #[must_use]
    pub fn new(reader: LogReader, append: Mailbox<AppendLines>, followers: Followers) -> Self {
        Self { reader, append, followers }
    }

    /// Those who follow lines as they come in.
    #[must_use]
    pub fn followers(&self) -> &Followers {
        &self.followers
    }

    /// Reads lines.
    #[must_use]
    pub fn reader(&self) -> &LogReader {
        &self.reader
    }

    /// Has lines kept; answered when they are durable.
    ///
    /// # Errors
    /// [`AppendError`] if they were not kept.
    pub async fn append(&self, lines: Lines) -> Result<Appended, AppendError> {
        match self.append.send(AppendLines { lines }).await {
            Ok(outcome) => outcome,
            Err(error) => Err(error.into()),
        }
    }
}

type Answer = ResponseFuture<Result<Appended, AppendError>>;
/// A request that waits: what was done, its lines where somebody follows, and who asked.
type Reply = (Appended, Option<Lines>, oneshot::Sender<Result<Appended, AppendError>>);

/// See the module.
pub struct LogStoreActor {
    clock: Clock,
    writer: Arc<LogWriter>,
    followers: Followers,
    waiting: Vec<Reply>,
    committing: bool,
    sealing: bool,
    sealed_at: Instant,
    seal_failed_at: Option<Instant>,
    compacting: bool,
    compacted_at: Instant,
    append_errors: ErrorLog,
    seal_errors: ErrorLog,
    compaction_errors: ErrorLog,
}

impl LogStoreActor {
    /// What builds the actor, at the start and after each panic.
    pub fn factory(clock: Clock, writer: LogWriter, followers: Followers) -> impl Fn() -> Self + Send + 'static {
        let writer = Arc::new(writer);
        move || Self::new(clock.clone(), Arc::clone(&writer), followers.clone())
    }

    fn new(clock: Clock, writer: Arc<LogWriter>, followers: Followers) -> Self {
        Self {
            clock,
            writer,
            followers,
            waiting: Vec::new(),
            committing: false,
            sealing: false,
            sealed_at: Instant::now(),
            seal_failed_at: None,
            compacting: false,
            compacted_at: Instant::now(),
            append_errors: ErrorLog::default(),
            seal_errors: ErrorLog::default(),
            compaction_errors: ErrorLog::default(),
        }
    }

    /// One flush for all requests that wait now; those that come while it runs get the next.
    fn commit(&mut self, ctx: &mut Ctx<Self>) {
        if self.committing || self.waiting.is_empty() {
            return;
        }
        self.committing = true;
        let requests = std::mem::take(&mut self.waiting);
        let writer = Arc::clone(&self.writer);
        ctx.run_blocking(
            "commit",
            move || writer.commit(),
            move |this, result, ctx| {
                this.committing = false;
                let outcome: Result<(), AppendError> = match result {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(error.into()),
                    Err(_) => Err(StoreError::Interrupted("the flush").into()),
                };
                for (appended, lines, reply) in requests {
                    if let Some(lines) = lines.filter(|_| outcome.is_ok()) {
                        this.followers.publish(lines);
                    }
                    // The sender may no longer wait: the lines are kept all the same.
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
        if self.sealing || self.seal_failed_at.is_some_and(|at| at.elapsed() < TRY_AGAIN) {
            return;
        }
        self.sealing = true;
        self.sealed_at = Instant::now();
        let writer = Arc::clone(&self.writer);
        ctx.run_background(
            "sealed",
            move || writer.seal(),
            |this, result, _| {
                this.sealing = false;
                this.seal_failed_at = None;
                let error = match result {
                    Ok(Ok(lines)) => {
                        this.seal_errors.resolved("sealing log lines works");
                        log::debug!("logs: sealed {lines} lines");
                        return;
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => error.to_string(),
                };
                this.seal_failed_at = Some(Instant::now());
                this.seal_errors.log("sealing log lines failed and is tried again", &error);
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
                match result {
                    Ok(Ok(None)) => this.compaction_errors.resolved("merging files of log lines works"),
                    Ok(Ok(Some(day))) => {
                        log::debug!("logs: files of {day} merged");
                        this.compact(ctx);
                    }
                    Ok(Err(error)) => this.compaction_errors.log("merging files of log lines failed and is tried again", &error),
                    Err(error) => this.compaction_errors.log("merging files of log lines failed and is tried again", &error),
                }
            },
        );
    }

    fn begin_due(&mut self, ctx: &mut Ctx<Self>) {
        if self.writer.is_unused() {
            return;
        }
        // A start may find more in the journal than may wait: then no append happens that would start a seal.
        let over = self.writer.head_is_over();
        if over || self.sealed_at.elapsed() >= self.writer.seal_interval() || self.seal_failed_at.is_some() {
            self.seal(ctx);
        }
        if self.compacted_at.elapsed() >= COMPACT_EVERY {
            self.compact(ctx);
        }
    }
}

impl ServiceActor for LogStoreActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        ctx.every(LOOK_EVERY, "housekeeping", Self::begin_due);
    }
}

impl Receive<AppendLines> for LogStoreActor {
    type Reply = Answer;

    fn receive(&mut self, AppendLines { lines }: AppendLines, ctx: &mut Ctx<Self>) -> Self::Reply {
        let followed = self.followers.copy(&lines);
        match self.writer.append(lines, self.clock.now_ms()) {
            Ok(_) if self.waiting.len() >= MAX_WAITING => Box::pin(std::future::ready(Err(AppendError::DiskHangs))),
            Ok(appended) => {
                self.append_errors.resolved("log lines are kept");
                let (reply, answer) = oneshot::channel();
                self.waiting.push((appended, followed, reply));
                self.commit(ctx);
                Box::pin(async move { answer.await.unwrap_or(Err(AppendError::Restarted)) })
            }
            Err(error) => {
                self.append_errors.log("log lines were not kept", &error);
                Box::pin(std::future::ready(Err(error.into())))
            }
        }
    }
}

impl Receive<Finish> for LogStoreActor {
    type Reply = ();

    fn receive(&mut self, _: Finish, _: &mut Ctx<Self>) {
        if let Err(error) = self.writer.commit() {
            log::error!("logs: last flush: {error}");
        }
    }
}
