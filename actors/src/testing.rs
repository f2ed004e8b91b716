//! What the tests of actors share: a runtime whose time only the test moves, and neighbours that keep what they get.
//!
//! ```text
//! on_stage(async |stage| {
//!     let store = stage.inbox(|_: &Append| Ok(Arc::default()));
//!     let batcher = stage.start("batcher", …);      // the actor under test, supervised as in the service
//!     batcher.mailbox().try_send(…);
//!     stage.pass(Duration::from_secs(5)).await;     // timers run in their order, nobody waits for real
//!     assert_eq!(store.taken().len(), 1);
//! });
//! ```
//!
//! Time moves when the test waits for it, or when all that is left to do is to wait. Work on the blocking pool stops it, so
//! figures do not depend on how fast the machine is.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Message, Recipient, ResponseFuture, fut};
use actix_rt::System;
use parking_lot::Mutex;
use taskpulse_engine::model::{Batch, Labels, TimestampMs};
use taskpulse_engine::rules::EvaluationLimits;
use taskpulse_engine::store::{StoreOptions, StoreReader, StoreWriter, Stored};
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, advance, sleep, timeout};

use crate::clock::Clock;
use crate::pipeline_stats::{FollowedWindows, PipelineStats};
use crate::published::{Publishers, Views};
use crate::status::Reporter;
use crate::supervisor::{ActorHandle, Ctx, Mailbox, Policy, Receive, Registry, Schedule, ServiceActor, start};
use crate::view::Actor;

/// When each test begins: noon, so that windows of all lengths up to twelve hours begin there too.
pub(crate) const NOON: TimestampMs = 1_749_988_800_000;
/// An actor that makes no progress for so long is stuck.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(60);
/// Room in the mailbox of an actor that a test starts.
const MAILBOX: usize = 64;
/// Nothing that a test waits for takes longer, by the clock of the test.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// What a query of a test may cost: more than any needs.
pub fn evaluation_limits() -> EvaluationLimits {
    EvaluationLimits {
        lookback: 300_000,
        delayed_names: false,
        max_samples: 10_000_000,
        max_bytes: 256 << 20,
        timeout: Duration::from_secs(3_600),
        cancelled: Arc::default(),
    }
}

/// Makes the names of actors differ between tests that run at the same time.
static STAGES: AtomicUsize = AtomicUsize::new(0);

/// Runs a test on a runtime of its own, with its time stopped and a single thread for blocking work.
pub(crate) fn on_stage(test: impl AsyncFnOnce(Stage)) {
    on_stage_with(StoreOptions::default(), test);
}

/// As [`on_stage`], with options for the store.
pub(crate) fn on_stage_with(options: StoreOptions, test: impl AsyncFnOnce(Stage)) {
    let runtime = || Builder::new_current_thread().enable_all().start_paused(true).max_blocking_threads(1).build().unwrap();
    System::with_tokio_rt(runtime).block_on(async move { test(Stage::new(options)).await });
}

/// What a test works with.
pub(crate) struct Stage {
    pub(crate) clock: Clock,
    pub(crate) store: StoreReader,
    writer: Arc<StoreWriter>,
    pub(crate) publishers: Publishers,
    pub(crate) views: Views,
    pub(crate) stats: Arc<PipelineStats>,
    pub(crate) followed: FollowedWindows,
    registry: Arc<Registry>,
    began: Instant,
    number: usize,
    dir: TempDir,
}

impl Stage {
    fn new(options: StoreOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let writer = Arc::new(StoreWriter::open(dir.path(), options, NOON).unwrap());
        let (publishers, views) = Publishers::new();
        Self {
            clock: Clock::starting_at(NOON),
            store: writer.reader(),
            writer,
            publishers,
            views,
            stats: Arc::default(),
            followed: FollowedWindows::default(),
            registry: Arc::default(),
            began: Instant::now(),
            number: STAGES.fetch_add(1, Ordering::Relaxed),
            dir,
        }
    }

    /// The writer, for tests without a store actor.
    pub(crate) fn writer(&self) -> Arc<StoreWriter> {
        Arc::clone(&self.writer)
    }

    /// What the service would say of itself.
    pub(crate) fn reporter(&self) -> Reporter {
        Reporter {
            registry: Arc::clone(&self.registry),
            views: self.views.clone(),
            stats: Arc::clone(&self.stats),
            store: self.store.clone(),
            log_templates: crate::log_templates::LogTemplates::default(),
            span_metrics: crate::traces::SharedSpanMetrics::default(),
            stuck_after: STUCK_AFTER,
            seal_interval: Duration::from_secs(600),
            started_at: NOON,
            version: "test",
            login: false,
            addresses: OnceLock::new(),
            ready: AtomicBool::new(true),
            stopping: AtomicBool::new(false),
        }
    }

    /// Where the store keeps its files.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Starts an actor as the service does.
    pub(crate) fn start<A: ServiceActor>(&self, name: &str, make: impl Fn() -> A + Send + 'static) -> ActorHandle<A> {
        self.start_with_room(MAILBOX, name, make)
    }

    /// As [`Stage::start`], with room for so many messages.
    pub(crate) fn start_with_room<A: ServiceActor>(
        &self,
        room: usize,
        name: &str,
        make: impl Fn() -> A + Send + 'static,
    ) -> ActorHandle<A> {
        let policy = Policy { max_restarts: 10, window: Duration::from_secs(60), stuck_after: STUCK_AFTER, on_give_up: None };
        start(System::current().arbiter(), &self.registry, &self.full_name(name), &policy, room, make)
    }

    fn full_name(&self, name: &str) -> String {
        format!("{name} {}", self.number)
    }

    /// What status shows of an actor.
    pub(crate) fn status(&self, name: &str) -> Actor {
        let name = self.full_name(name);
        self.registry.status(STUCK_AFTER).into_iter().find(|status| status.name == name).unwrap()
    }

    /// Makes an actor panic at the next message or timer; the supervisor starts it anew a moment later.
    #[cfg(feature = "failpoints")]
    pub(crate) fn break_next(&self, name: &str) {
        fail::cfg(format!("actor::{}", self.full_name(name)), "1*panic(broken by the test)").unwrap();
    }

    /// As [`Stage::break_next`], at the one after the next.
    #[cfg(feature = "failpoints")]
    pub(crate) fn break_second(&self, name: &str) {
        fail::cfg(format!("actor::{}", self.full_name(name)), "1*off->1*panic(broken by the test)").unwrap();
    }

    /// A neighbour that takes `M` and answers so.
    pub(crate) fn inbox<M>(&self, answer: impl FnMut(&M) -> M::Result + Send + 'static) -> Inbox<M>
    where
        M: Message + Send + Unpin + 'static,
        M::Result: Send + 'static,
    {
        self.inbox_with_room(MAILBOX, answer)
    }

    /// As [`Stage::inbox`], with room for so many messages. (actix lets each sender leave one more.)
    pub(crate) fn inbox_with_room<M>(&self, room: usize, answer: impl FnMut(&M) -> M::Result + Send + 'static) -> Inbox<M>
    where
        M: Message + Send + Unpin + 'static,
        M::Result: Send + 'static,
    {
        let kept = Arc::new(Kept {
            messages: Mutex::default(),
            arrived: Notify::new(),
            taking: watch::channel(true).0,
            answering: watch::channel(true).0,
            answer: Mutex::new(Box::new(answer)),
        });
        let own = Arc::clone(&kept);
        let handle = self.start_with_room(room, "inbox", move || Keeper(Arc::clone(&own)));
        Inbox { mailbox: handle.mailbox(), kept }
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        sleep(time).await;
    }

    /// Lets everybody do what there is to do now.
    pub(crate) async fn settle(&self) {
        sleep(Duration::from_millis(1)).await;
    }

    /// Moves time while the blocking pool is held, which [`Stage::pass`] would wait for.
    pub(crate) async fn jump(&self, time: Duration) {
        advance(time).await;
        for _ in 0..100 {
            yield_now().await;
        }
    }

    /// Seconds since the test began, to a tenth: a timer may be late by a millisecond.
    pub(crate) fn seconds(&self) -> f64 {
        (self.began.elapsed().as_secs_f64() * 10.0).round() / 10.0
    }

    /// Holds the thread for blocking work, as a disk does that does not answer, until the result is dropped.
    pub(crate) async fn hold_pool(&self) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel();
        let (begin, begun) = oneshot::channel();
        spawn_blocking(move || {
            let _ = begin.send(());
            let _ = released.recv();
        });
        begun.await.unwrap();
        release
    }

    /// Appends one sample to the store, durably, as if it was measured now.
    pub(crate) fn append(&self, labels: &Labels, v: f64) -> Arc<Stored> {
        self.append_at(labels, self.clock.now_ms(), v)
    }

    /// As [`Stage::append`], measured at another time.
    pub(crate) fn append_at(&self, labels: &Labels, t: TimestampMs, v: f64) -> Arc<Stored> {
        let mut batch = Batch::default();
        batch.push(labels.clone(), t, v);
        let stored = self.writer.append(&batch, self.clock.now_ms()).unwrap();
        self.writer.commit().unwrap();
        Arc::new(stored)
    }
}

type Answer<M> = Box<dyn FnMut(&M) -> <M as Message>::Result + Send>;

struct Kept<M: Message> {
    messages: Mutex<VecDeque<M>>,
    arrived: Notify,
    taking: watch::Sender<bool>,
    answering: watch::Sender<bool>,
    answer: Mutex<Answer<M>>,
}

/// An actor that keeps what it gets and answers as the test says.
pub(crate) struct Inbox<M: Message + Send>
where
    M::Result: Send,
{
    mailbox: Mailbox<M>,
    kept: Arc<Kept<M>>,
}

impl<M: Message + Send + 'static> Inbox<M>
where
    M::Result: Send,
{
    pub(crate) fn mailbox(&self) -> Mailbox<M> {
        self.mailbox.clone()
    }

    pub(crate) fn recipient(&self) -> Recipient<M> {
        self.mailbox.recipient()
    }

    /// The oldest message that was not taken yet; time passes until it is there.
    pub(crate) async fn next(&self) -> M {
        let next = async {
            loop {
                let arrived = self.kept.arrived.notified();
                if let Some(message) = self.kept.messages.lock().pop_front() {
                    return message;
                }
                arrived.await;
            }
        };
        timeout(PATIENCE, next).await.unwrap_or_else(|_| panic!("no {} came", std::any::type_name::<M>()))
    }

    /// All messages that are there and were not taken yet.
    pub(crate) fn taken(&self) -> Vec<M> {
        self.kept.messages.lock().drain(..).collect()
    }

    /// From here on messages stay in the mailbox.
    pub(crate) async fn stop_taking(&self) {
        self.kept.taking.send_replace(false);
        sleep(Duration::from_millis(1)).await;
    }

    /// Takes what waits in the mailbox.
    pub(crate) async fn take_again(&self) {
        self.kept.taking.send_replace(true);
        sleep(Duration::from_millis(1)).await;
    }

    /// From here on messages are taken, but answers wait for [`Inbox::answer_again`].
    pub(crate) fn stop_answering(&self) {
        self.kept.answering.send_replace(false);
    }

    /// Gives the answers that wait.
    pub(crate) fn answer_again(&self) {
        self.kept.answering.send_replace(true);
    }

    /// Answers what comes from here on otherwise.
    pub(crate) fn answer_with(&self, answer: impl FnMut(&M) -> M::Result + Send + 'static) {
        *self.kept.answer.lock() = Box::new(answer);
    }
}

struct Keeper<M: Message>(Arc<Kept<M>>);

/// Stops the actor whenever it is not to take messages.
fn follow<M>(taking: watch::Receiver<bool>, ctx: &mut Ctx<Keeper<M>>)
where
    M: Message + Send + Unpin + 'static,
    M::Result: Send + 'static,
{
    let (mut stopped, mut again) = (taking.clone(), taking);
    ctx.wait_for("stop", async move { stopped.wait_for(|taking| !taking).await.is_ok() }, |_, goes_on, ctx| {
        if goes_on {
            let taking = again.clone();
            let wait = async move { again.wait_for(|taking| *taking).await.is_ok() };
            ctx.wait(fut::wrap_future(wait).map(|_, _, ctx: &mut Ctx<Keeper<M>>| follow(taking, ctx)));
        }
    });
}

impl<M> ServiceActor for Keeper<M>
where
    M: Message + Send + Unpin + 'static,
    M::Result: Send + 'static,
{
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        follow(self.0.taking.subscribe(), ctx);
    }
}

impl<M> Receive<M> for Keeper<M>
where
    M: Message + Send + Unpin + 'static,
    M::Result: Send + 'static,
{
    type Reply = ResponseFuture<M::Result>;

    fn receive(&mut self, message: M, _: &mut Ctx<Self>) -> Self::Reply {
        let answer = (self.0.answer.lock())(&message);
        self.0.messages.lock().push_back(message);
        self.0.arrived.notify_one();
        let mut answering = self.0.answering.subscribe();
        Box::pin(async move {
            let _ = answering.wait_for(|answering| *answering).await;
            answer
        })
    }
}
