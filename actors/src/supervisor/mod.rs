//! Supervision: an actor that panics restarts alone, its mailbox and addresses intact.
//!
//! The stock actix supervisor does not survive a panic. [`start`] spawns a future over actix' own `ContextFut` that
//! polls inside `catch_unwind` and calls `ContextFut::restart`: the message that panicked is dropped (its sender gets
//! an error), those behind it are handled after a back-off of 100 ms to 30 s. An actor that panics more often than the
//! [`Policy`] allows stays down and says so; for one that the service cannot do without, [`Policy::on_give_up`] ends
//! the process. A restart builds the actor anew by its factory; what must survive it takes over in [`ServiceActor::inherit`].

mod actor;
mod mailbox;
mod stats;

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use actix::dev::{ContextFut, channel};
use actix::{Addr, Context};
use actix_rt::ArbiterHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval, sleep};

use crate::standstill;
use crate::view::ActorState;

pub use self::actor::{Busy, Ctx, Instrumented, Receive, Schedule, ServiceActor};
pub use self::mailbox::{ActorHandle, Mailbox, SendError};
pub use self::stats::{ActorStats, BusyGuard, FailingActor, Registry};

/// First wait before a restart.
pub const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Longest wait before a restart.
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// After so long without a panic the back-off starts over.
pub const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// How often at the least an idle actor shows that its thread runs.
const SLOWEST_HEARTBEAT: Duration = Duration::from_secs(5);
/// A longer stretch on its thread may be one in which the machine stood still.
const LONG_HOLD: Duration = Duration::from_millis(500);

/// How restarts are bounded.
#[derive(Clone)]
pub struct Policy {
    /// Panics within [`Policy::window`] that are still answered with a restart.
    pub max_restarts: usize,
    /// See [`Policy::max_restarts`].
    pub window: Duration,
    /// An actor without progress for so long is stuck; it shows signs of life three times as often.
    pub stuck_after: Duration,
    /// What to do when the actor stays down.
    pub on_give_up: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// Starts a supervised actor on an arbiter. `make` builds it, at the start and after each panic.
pub fn start<A, F>(arbiter: &ArbiterHandle, registry: &Registry, name: &str, policy: &Policy, mailbox: usize, make: F) -> ActorHandle<A>
where
    A: ServiceActor,
    F: Fn() -> A + Send + 'static,
{
    let stats = ActorStats::new(name);
    registry.add(Arc::clone(&stats));
    let (sender, receiver) = channel::channel(mailbox);
    let policy = policy.clone();
    let own = Arc::clone(&stats);
    let spawned = arbiter.spawn_fn(move || {
        let ctx = Context::with_receiver(receiver);
        let actor = Instrumented::new(Arc::clone(&own), make);
        actix_rt::spawn(Supervisor::new(ctx.into_future(actor), own, policy));
    });
    if !spawned {
        stats.set_state(ActorState::Down);
        log::error!("actor {name} cannot start: its thread is gone");
    }
    ActorHandle::new(Addr::new(sender), stats)
}

/// The future that runs an actor and restarts it.
struct Supervisor<A: ServiceActor> {
    /// Taken away for good when the actor stays down.
    running: Option<ContextFut<Instrumented<A>, Ctx<A>>>,
    /// Holds the mailbox open: an actor to whom nobody writes, such as a collector, is restarted like any other.
    _address: Addr<Instrumented<A>>,
    stats: Arc<ActorStats>,
    policy: Policy,
    heartbeat: Interval,
    panics: VecDeque<Instant>,
    backoff: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<A: ServiceActor> Supervisor<A> {
    fn new(running: ContextFut<Instrumented<A>, Ctx<A>>, stats: Arc<ActorStats>, policy: Policy) -> Self {
        let mut heartbeat = interval((policy.stuck_after / 3).min(SLOWEST_HEARTBEAT));
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let address = running.address();
        Self {
            running: Some(running),
            _address: address,
            stats,
            policy,
            heartbeat,
            panics: VecDeque::new(),
            backoff: FIRST_BACKOFF,
            waiting: None,
        }
    }

    fn panicked(&mut self, payload: &(dyn Any + Send)) {
        let now = Instant::now();
        let during = self.stats.interrupted();
        let (message, backtrace) = describe_panic(payload);
        log::error!("actor {} panicked in {during}: {message}\n{backtrace}", self.stats.name());
        self.stats.note_panic(during, &message);
        if self.panics.back().is_none_or(|last| now - *last >= HEALTHY_AFTER) {
            self.backoff = FIRST_BACKOFF;
        }
        self.panics.push_back(now);
        while self.panics.front().is_some_and(|first| now - *first > self.policy.window) {
            self.panics.pop_front();
        }
        if self.panics.len() > self.policy.max_restarts {
            self.give_up();
            return;
        }
        self.stats.set_state(ActorState::Restarting);
        self.waiting = Some(Box::pin(sleep(with_jitter(self.backoff))));
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
    }

    fn give_up(&mut self) {
        let (count, window) = (self.panics.len(), self.policy.window.as_secs());
        log::error!("actor {} stays down: {count} panics within {window} s", self.stats.name());
        self.stats.set_state(ActorState::Down);
        if let Some(act) = &self.policy.on_give_up {
            act();
        }
        let running = self.running.take();
        // Dropping it runs the actor's `stopping`, which may panic like anything else of it.
        let _ = guarded(|| drop(running));
    }
}

impl<A: ServiceActor> Future for Supervisor<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            while this.heartbeat.poll_tick(cx).is_ready() {
                this.stats.beat();
            }
            let Some(running) = &mut this.running else { return Poll::Ready(()) };
            let goes_on = if let Some(waiting) = &mut this.waiting {
                std::task::ready!(waiting.as_mut().poll(cx));
                this.waiting = None;
                let restarted = guarded(|| running.restart());
                if matches!(restarted, Ok(true)) {
                    this.stats.restarted();
                    log::info!("actor {} restarted", this.stats.name());
                }
                restarted
            } else {
                // The real time: what others on this thread wait, whatever a test does to the clock.
                let begun = std::time::Instant::now();
                let polled = guarded(|| Pin::new(running).poll(cx));
                let held = begun.elapsed();
                // A machine that stood still held it, and not the actor.
                if held < LONG_HOLD || !standstill::spoiled(begun) {
                    this.stats.held(held);
                }
                match polled {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(())) => Ok(false),
                    Err(payload) => Err(payload),
                }
            };
            match goes_on {
                Ok(true) => {}
                Ok(false) => {
                    this.stats.set_state(ActorState::Stopped);
                    return Poll::Ready(());
                }
                Err(payload) => this.panicked(payload.as_ref()),
            }
        }
    }
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static CAUGHT: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// Runs what may panic; the hook keeps place and backtrace for [`describe_panic`] instead of printing them.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    let before = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    GUARDED.set(before);
    result
}

/// Makes panics of supervised actors go to the log with actor and message. Call once, first thing.
pub fn install_panic_hook() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if GUARDED.get() {
            let text = info.payload_as_str().unwrap_or("a panic without words");
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            CAUGHT.set(Some((format!("{text} ({place})"), Backtrace::force_capture().to_string())));
        } else {
            usual(info);
        }
    }));
}

fn describe_panic(payload: &(dyn Any + Send)) -> (String, String) {
    CAUGHT.take().unwrap_or_else(|| {
        let text = payload.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        (text.unwrap_or_else(|| "a panic without words".to_owned()), String::new())
    })
}

/// Between half and all of a wait, so that actors that failed together do not come back together.
fn with_jitter(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + 0.5 * fastrand::f64()).max(FIRST_BACKOFF)
}

#[cfg(test)]
mod tests;
