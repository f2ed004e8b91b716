//! The agents actor: what coding agents send becomes sessions.
//!
//! 1. Requests bring signals ([`TakeSignals`]). They are applied to the book at once; what changed is kept as documents, one write after the
//!    other, each with all that came meanwhile. Whoever asks for it is answered when its signals are durable.
//! 2. While a session lives, samples of totals and states are written, what is wrong with one is put on the time line, the CPU time of
//!    its processes is read, and the repositories in which sessions work are searched for commits ([`commits`]).
//!
//! Restart: the book is read from the store. A write that failed is tried again with the next one. Where no agent ever sent anything, it does
//! nothing.

mod commits;
mod cpu;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix::{Message, ResponseFuture};
use parking_lot::Mutex;
use taskpulse_engine::agent::findings::Finding;
use taskpulse_engine::agent::processes::{Watch, candidates};
use taskpulse_engine::agent::{Book, DOCUMENTS, Session, SessionKey, Signal, State, push_findings, push_states};
use taskpulse_engine::ci::commits::FOLLOWED_MS;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, TimestampMs};
use taskpulse_engine::store::StoreReader;
use tokio::sync::oneshot;

use self::commits::Looking;
use self::cpu::Reader;
pub use self::cpu::machine;
use crate::clock::Clock;
use crate::messages::{Append, AppendError, ChangeDocuments, Finish, RecordEvents};
use crate::published::Views;
use crate::store::change;
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};

/// How often samples are written while a session lives.
const EVERY: Duration = Duration::from_secs(15);
/// How long signals are gathered before they are kept, where nobody waits for it.
const GATHER: Duration = Duration::from_secs(1);
/// A finding that was gone for less is the same one: it is on the time line already.
const SAME_MS: i64 = 3_600_000;
/// Each wait is one of its own.
const SAME_WAIT_MS: i64 = 45_000;
/// Entries of the time line that are looked through at a start.
const MAX_EVENTS: usize = 1_000;

/// HTTP → agents: what an agent said. Answered when it is durable.
#[derive(Message, Debug)]
#[rtype(result = "Result<(), AppendError>")]
pub struct TakeSignals {
    /// The signals of one request.
    pub signals: Vec<Signal>,
    /// Whether somebody waits until they are durable.
    pub waits: bool,
}

/// The sessions. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Agents(Arc<Mutex<Book>>);

impl Agents {
    /// Changes the sessions of a test.
    #[cfg(test)]
    pub(crate) fn change(&self, change: impl FnOnce(&mut Book)) {
        change(&mut self.0.lock());
    }

    /// Reads the sessions.
    pub fn read<T>(&self, read: impl FnOnce(&Book) -> T) -> T {
        read(&self.0.lock())
    }

    /// Whether sessions made commits lately, whose outcome is of interest.
    #[must_use]
    pub fn have_commits(&self, now: TimestampMs) -> bool {
        self.read(|book| book.sessions().any(|session| session.commits.last().is_some_and(|commit| now - commit.at < FOLLOWED_MS)))
    }
}

/// How requests reach the sessions.
#[derive(Clone)]
pub struct AgentDoor {
    agents: Agents,
    take: Mailbox<TakeSignals>,
}

impl AgentDoor {
    /// From the sessions and the mailbox of the actor.
    #[must_use]
    pub fn new(agents: Agents, take: Mailbox<TakeSignals>) -> Self {
        Self { agents, take }
    }

    /// Reads the sessions.
    pub fn read<T>(&self, read: impl FnOnce(&Book) -> T) -> T {
        self.agents.read(read)
    }

    /// The sessions.
    #[must_use]
    pub fn agents(&self) -> &Agents {
        &self.agents
    }

    /// Whether a cause is new to a session; it is remembered then, and kept with the next signals.
    #[must_use]
    pub fn tell(&self, session: &SessionKey, cause: u64) -> bool {
        self.agents.0.lock().tell(session, cause)
    }

    /// Has signals kept; answered when they are durable.
    ///
    /// # Errors
    /// [`AppendError`] if they were not kept. They may be sent again: what was counted counts once.
    pub async fn keep(&self, signals: Vec<Signal>) -> Result<(), AppendError> {
        if signals.is_empty() {
            return Ok(());
        }
        self.take.send(TakeSignals { signals, waits: true }).await?
    }

    /// Passes signals on without waiting. Whether there was room for them.
    #[must_use]
    pub fn pass_on(&self, signals: Vec<Signal>) -> bool {
        signals.is_empty() || self.take.try_send(TakeSignals { signals, waits: false }).is_ok()
    }
}

/// Where the actor sends its results.
#[derive(Clone)]
pub struct AgentOutputs {
    /// Keeps sessions.
    pub documents: Mailbox<ChangeDocuments>,
    /// Keeps the time line.
    pub events: Mailbox<RecordEvents>,
    /// Keeps samples.
    pub append: Mailbox<Append>,
}

type KnownFindings = BTreeMap<(SessionKey, String), TimestampMs>;

/// See the module.
pub struct AgentsActor {
    clock: Clock,
    store: StoreReader,
    agents: Agents,
    views: Views,
    outputs: AgentOutputs,
    /// A write is under way.
    writing: bool,
    /// A write is to begin soon.
    gathering: bool,
    /// Those who wait for the next write.
    waiting: Vec<oneshot::Sender<Result<(), AppendError>>>,
    /// What a write that failed should have kept.
    unsaved: BTreeMap<String, Option<Vec<u8>>>,
    /// Samples are written.
    watching: bool,
    /// What was put on the time line, and when it last was so.
    known: KnownFindings,
    /// CPU time of the processes of agents.
    processes: Reader,
    cpu: Watch,
    /// The name of this machine.
    machine: String,
    /// Processes are being read.
    reading: bool,
    /// What was read of repositories; none while they are read, or if they are not to be.
    looking: Option<Looking>,
}

impl AgentsActor {
    /// An actor that keeps the book of `agents`; boards are those of `views`.
    #[must_use]
    pub fn new(clock: Clock, store: StoreReader, agents: Agents, views: Views, outputs: AgentOutputs) -> Self {
        Self {
            clock,
            store,
            agents,
            views,
            outputs,
            writing: false,
            gathering: false,
            waiting: Vec::new(),
            unsaved: BTreeMap::new(),
            watching: false,
            known: KnownFindings::new(),
            processes: Reader::new(Path::new("/proc")),
            cpu: Watch::default(),
            machine: machine(),
            reading: false,
            looking: None,
        }
    }

    /// The same, which reads the repositories of sessions or does not.
    #[must_use]
    pub fn reading_repositories(mut self, reads: bool) -> Self {
        self.looking = reads.then(Looking::default);
        self
    }

    /// Keeps what changed, with all those who wait for it; then what came meanwhile.
    fn write(&mut self, ctx: &mut Ctx<Self>) {
        if self.writing {
            return;
        }
        self.unsaved.extend(self.agents.0.lock().changes());
        let waiting = std::mem::take(&mut self.waiting);
        if self.unsaved.is_empty() {
            waiting.into_iter().for_each(|one| drop(one.send(Ok(()))));
            return;
        }
        self.writing = true;
        let changes = std::mem::take(&mut self.unsaved);
        let (documents, batch) = (self.outputs.documents.clone(), changes.clone().into_iter().collect());
        ctx.run("keep", async move { change(&documents, DOCUMENTS, batch).await }, move |this, outcome, ctx| {
            this.writing = false;
            if outcome.is_err() {
                let newer = std::mem::replace(&mut this.unsaved, changes);
                this.unsaved.extend(newer);
            }
            for one in waiting {
                // An error says that the client hung up.
                let _ = one.send(outcome.clone());
            }
            if !this.waiting.is_empty() {
                this.write(ctx);
            }
        });
    }

    /// Writes soon what nobody waits for.
    fn gather(&mut self, ctx: &mut Ctx<Self>) {
        if !std::mem::replace(&mut self.gathering, true) {
            ctx.after(GATHER, "gather", |this, ctx| {
                this.gathering = false;
                this.write(ctx);
            });
        }
    }

    /// Writes samples as long as a session lives.
    fn watch(&mut self, ctx: &mut Ctx<Self>) {
        if !std::mem::replace(&mut self.watching, true) {
            ctx.after(Duration::ZERO, "samples", Self::sample);
        }
    }

    fn sample(&mut self, ctx: &mut Ctx<Self>) {
        let (now, work) = (self.clock.now_ms(), self.views.work());
        let mut batch = Batch::default();
        let (lives, events) = self.agents.read(|book| {
            book.totals(now).push(&mut batch, now);
            push_states(book.sessions(), &mut batch, now);
            let found = book.all_findings(&work, now);
            push_findings(book.sessions(), &found, &mut batch, now);
            let lives = book.sessions().any(|session| !session.state(now).0.is_over());
            (lives, news(&mut self.known, &found, now))
        });
        if !batch.is_empty() && self.outputs.append.try_send(Append(Arc::new(batch))).is_err() {
            log::warn!("agents: the store is too busy for samples of agents");
        }
        if !events.is_empty() && self.outputs.events.try_send(RecordEvents(events)).is_err() {
            log::error!("agents: the store is too busy for the time line");
        }
        self.look_for_commits(ctx);
        self.watching = lives;
        if lives {
            self.read_cpu(ctx);
            ctx.after(EVERY, "samples", Self::sample);
        }
    }
}

impl AgentsActor {
    /// Reads the processes, off this thread.
    fn read_cpu(&mut self, ctx: &mut Ctx<Self>) {
        if std::mem::replace(&mut self.reading, true) {
            return;
        }
        let reader = self.processes.clone();
        ctx.run_background(
            "processes",
            move || reader.read(),
            |this, read, ctx| {
                this.reading = false;
                let Ok((all, started)) = read else { return };
                let now = this.clock.now_ms();
                let mut book = this.agents.0.lock();
                let used = this.cpu.observe(&all, &candidates(&book, &this.machine, now), now, started);
                let has_news = !used.is_empty();
                book.take_cpu(used, &this.store);
                drop(book);
                if has_news {
                    this.gather(ctx);
                }
            },
        );
    }
}

/// What is wrong with sessions and was not so before.
fn news(known: &mut KnownFindings, found: &[(&Session, Finding)], now: TimestampMs) -> Vec<Event> {
    let mut events = Vec::new();
    for (session, finding) in found {
        let same = if finding.kind == "waits" { SAME_WAIT_MS } else { SAME_MS };
        let before = known.insert((session.key.clone(), finding.kind.to_owned()), now);
        if before.is_none_or(|at| now - at > same) {
            let kind = format!("agent_{}", finding.kind);
            let title = format!("{}: {}", session.key.agent, finding.title);
            let data = serde_json::json!({
                "agent": session.key.agent, "session": session.key.id, "folder": session.folder(), "advice": finding.advice,
            });
            events.push(Event::new(now, "agents", &kind, session.key.id.as_str(), title).with_data(data));
        }
    }
    known.retain(|_, at| now - *at <= SAME_MS);
    events
}

/// What was put on the time line before a restart.
fn announced(store: &StoreReader, book: &Book, now: TimestampMs) -> KnownFindings {
    let newest = store.events(now - SAME_MS, now, MAX_EVENTS, |event| event.source == "agents").unwrap_or_else(|error| {
        log::error!("agents: the time line cannot be read: {error}");
        Vec::new()
    });
    let mut known = KnownFindings::new();
    for (_, event) in newest.iter().rev() {
        let Some(kind) = event.kind.strip_prefix("agent_") else { continue };
        let agent = event.data["agent"].as_str().unwrap_or("");
        let Some(session) = book.newest(agent, &event.subject) else { continue };
        // A wait that goes on since before its entry is the one that was announced.
        let (state, since) = session.state(now);
        let goes_on = matches!(state, State::Waiting(_)) && since <= event.at;
        let at = if kind == "waits" && goes_on { now } else { event.at };
        known.insert((session.key.clone(), kind.to_owned()), at);
    }
    known
}

impl ServiceActor for AgentsActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        match Book::open(&self.store) {
            Ok(book) => {
                let is_empty = book.is_empty();
                self.known = announced(&self.store, &book, self.clock.now_ms());
                *self.agents.0.lock() = book;
                if !is_empty {
                    self.watch(ctx);
                }
            }
            Err(error) => log::error!("agents: kept sessions cannot be read: {error}"),
        }
    }
}

impl Receive<TakeSignals> for AgentsActor {
    type Reply = ResponseFuture<Result<(), AppendError>>;

    fn receive(&mut self, TakeSignals { signals, waits }: TakeSignals, ctx: &mut Ctx<Self>) -> Self::Reply {
        let now = self.clock.now_ms();
        let is_empty = {
            let mut book = self.agents.0.lock();
            book.apply(signals, &self.store, now);
            book.is_empty()
        };
        if !is_empty {
            self.watch(ctx);
        }
        if !waits {
            self.gather(ctx);
            return Box::pin(async { Ok(()) });
        }
        let (kept, is_kept) = oneshot::channel();
        self.waiting.push(kept);
        self.write(ctx);
        Box::pin(async move { is_kept.await.unwrap_or(Err(AppendError::Restarted)) })
    }
}

impl Receive<Finish> for AgentsActor {
    type Reply = ResponseFuture<()>;

    fn receive(&mut self, _: Finish, ctx: &mut Ctx<Self>) -> Self::Reply {
        let (kept, is_kept) = oneshot::channel();
        self.waiting.push(kept);
        self.write(ctx);
        Box::pin(async move {
            if let Ok(Err(error)) = is_kept.await {
                log::error!("agents: the newest signs of sessions are lost: {error}");
            }
        })
    }
}
