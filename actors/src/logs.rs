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
use taskpulse_engine::store::LogWriter;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::log_followers::Followers;
use crate::messages::{AppendError, AppendLines, Finish};
use crate::store::ErrorLog;
use crate::store::upkeep::{Flush, Sealing};
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};

/// How often it looks for work.
const LOOK_EVERY: Duration = Duration::from_secs(1);
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
    /// From a reader, the mailbox of the actor, and those who follow lines.
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

/// See the module.
pub struct LogStoreActor {
    clock: Clock,
    writer: Arc<LogWriter>,
    followers: Followers,
    /// What was done, and the lines where somebody follows.
    flush: Flush<(Appended, Option<Lines>), Appended>,
    sealing: Sealing,
    compacting: bool,
    compacted_at: Instant,
    append_errors: ErrorLog,
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
            flush: Flush::new(),
            sealing: Sealing::new("sealing log lines"),
            compacting: false,
            compacted_at: Instant::now(),
            append_errors: ErrorLog::default(),
            compaction_errors: ErrorLog::default(),
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
                for ((appended, lines), reply) in requests {
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
        if !self.sealing.begin() {
            return;
        }
        let writer = Arc::clone(&self.writer);
        ctx.run_background(
            "sealed",
            move || writer.seal(),
            |this, result, _| {
                if let Some(lines) = this.sealing.ended(result) {
                    log::debug!("logs: sealed {lines} lines");
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
        if self.sealing.is_due(over, self.writer.seal_interval()) {
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
            Ok(_) if self.flush.is_full() => Box::pin(std::future::ready(Err(AppendError::DiskHangs))),
            Ok(appended) => {
                self.append_errors.resolved("log lines are kept");
                let answer = self.flush.wait((appended, followed));
                self.commit(ctx);
                answer
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
