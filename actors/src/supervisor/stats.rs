//! Vital signs of an actor: what it does, how long it has been at it, what waits for it, how it last failed.
//!
//! Written by the actor and its supervisor, read by health, status and `/metrics` from other threads.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::clock::now_ms;
use crate::standstill;
use crate::view::{Actor, ActorState, LastPanic, seconds};

/// An actor that does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingActor {
    /// Its name.
    pub name: String,
    /// Restarting, stuck or down.
    pub state: ActorState,
    /// Why.
    pub reason: String,
}

impl fmt::Display for FailingActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.state, self.reason)
    }
}

/// See the module.
#[derive(Debug)]
pub struct ActorStats {
    name: String,
    state: AtomicU8,
    restarts: AtomicU64,
    queued: AtomicI64,
    handled: AtomicU64,
    heartbeat: Mutex<Instant>,
    working: Mutex<VecDeque<(u64, &'static str, Instant)>>,
    next_work: AtomicU64,
    held_us: AtomicU64,
    longest_hold_us: AtomicU64,
    last_panic: Mutex<Option<LastPanic>>,
    /// Whether it has ever finished its start.
    began: AtomicBool,
}

impl ActorStats {
    pub(super) fn new(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            state: AtomicU8::new(ActorState::Running as u8),
            restarts: AtomicU64::new(0),
            queued: AtomicI64::new(0),
            handled: AtomicU64::new(0),
            heartbeat: Mutex::new(Instant::now()),
            working: Mutex::default(),
            next_work: AtomicU64::new(0),
            held_us: AtomicU64::new(0),
            longest_hold_us: AtomicU64::new(0),
            last_panic: Mutex::default(),
            began: AtomicBool::new(false),
        })
    }

    /// It has read what was kept of it.
    pub(super) fn has_begun(&self) {
        self.began.store(true, Ordering::Release);
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Begins the handling of a message that came through a mailbox; it ends when the guard is dropped.
    #[must_use]
    pub(super) fn handling(self: &Arc<Self>, message: &'static str) -> BusyGuard {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.busy(message)
    }

    /// Begins work of the actor's own, such as a timer's.
    #[must_use]
    pub(super) fn busy(self: &Arc<Self>, what: &'static str) -> BusyGuard {
        self.handled.fetch_add(1, Ordering::Relaxed);
        let id = self.next_work.fetch_add(1, Ordering::Relaxed);
        self.working.lock().push_back((id, what, Instant::now()));
        let guard = BusyGuard { stats: Arc::clone(self), id };
        #[cfg(feature = "failpoints")]
        fail::eval(&format!("actor::{}", self.name), |_| ());
        guard
    }

    pub(super) fn sent(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn not_sent(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn beat(&self) {
        *self.heartbeat.lock() = Instant::now();
    }

    /// Notes a stretch during which it held its thread.
    pub(super) fn held(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.held_us.fetch_add(us, Ordering::Relaxed);
        self.longest_hold_us.fetch_max(us, Ordering::Relaxed);
    }

    pub(super) fn set_state(&self, state: ActorState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    pub(super) fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        self.beat();
        self.set_state(ActorState::Running);
    }

    /// What was being done when it panicked; forgets all work under way.
    pub(super) fn interrupted(&self) -> &'static str {
        self.working.lock().drain(..).next_back().map_or("starting", |(_, what, _)| what)
    }

    pub(super) fn note_panic(&self, during: &str, message: &str) {
        *self.last_panic.lock() = Some(LastPanic { time: seconds(now_ms()), during: during.to_owned(), message: message.to_owned() });
    }

    /// Where it stands, and why where it does not run. An actor is stuck when its oldest work or its last heartbeat is
    /// older than `stuck_after`. While the machine stood still nobody could work: that time is no reproach.
    #[must_use]
    pub fn judge(&self, stuck_after: Duration) -> (ActorState, Option<String>) {
        let state = self.state.load(Ordering::Relaxed);
        let panicked = || self.last_panic.lock().as_ref().map(|p| format!("panicked in {}: {}", p.during, p.message));
        match state {
            s if s == ActorState::Restarting as u8 => (ActorState::Restarting, panicked()),
            s if s == ActorState::Down as u8 => (ActorState::Down, panicked()),
            s if s == ActorState::Stopped as u8 => (ActorState::Stopped, None),
            _ => {
                let awake = standstill::awake_for();
                let oldest = self.working.lock().front().map(|(_, what, since)| (*what, since.elapsed().min(awake)));
                if let Some((what, for_)) = oldest.filter(|(_, for_)| *for_ > stuck_after) {
                    return (ActorState::Stuck, Some(format!("busy with {what} for {} s", for_.as_secs())));
                }
                let silent = self.heartbeat.lock().elapsed();
                if silent.min(awake) > stuck_after {
                    return (ActorState::Stuck, Some(format!("no heartbeat for {} s: its thread is busy", silent.as_secs())));
                }
                (ActorState::Running, None)
            }
        }
    }

    /// What status shows.
    #[must_use]
    pub fn status(&self, stuck_after: Duration) -> Actor {
        let (state, reason) = self.judge(stuck_after);
        Actor {
            name: self.name.clone(),
            state,
            restarts: self.restarts.load(Ordering::Relaxed),
            mailbox: u64::try_from(self.queued.load(Ordering::Relaxed)).unwrap_or(0),
            handled: self.handled.load(Ordering::Relaxed),
            busy_seconds: self.working.lock().front().map(|(.., since)| since.elapsed().as_secs_f64()),
            held_seconds: self.held_us.load(Ordering::Relaxed) as f64 / 1e6,
            longest_hold_seconds: self.longest_hold_us.load(Ordering::Relaxed) as f64 / 1e6,
            last_panic: self.last_panic.lock().clone(),
            reason,
        }
    }
}

/// Work under way; ends when dropped.
#[derive(Debug)]
pub struct BusyGuard {
    stats: Arc<ActorStats>,
    id: u64,
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        // Work that a panic interrupts stays on the list, so that the supervisor can say what it was.
        if !std::thread::panicking() {
            self.stats.working.lock().retain(|(id, ..)| *id != self.id);
        }
    }
}

/// All actors of the service.
#[derive(Debug, Default)]
pub struct Registry {
    actors: Mutex<Vec<Arc<ActorStats>>>,
}

impl Registry {
    pub(super) fn add(&self, stats: Arc<ActorStats>) {
        self.actors.lock().push(stats);
    }

    /// Whether all have finished their start: before that, what they have kept is not there yet.
    #[must_use]
    pub fn have_begun(&self) -> bool {
        self.actors.lock().iter().all(|actor| actor.began.load(Ordering::Acquire))
    }

    /// What status shows of each.
    #[must_use]
    pub fn status(&self, stuck_after: Duration) -> Vec<Actor> {
        self.actors.lock().iter().map(|v| v.status(stuck_after)).collect()
    }

    /// Those that do not work. One that restarts counts only while its wait lasts.
    #[must_use]
    pub fn failing(&self, stuck_after: Duration) -> Vec<FailingActor> {
        let actors = self.actors.lock();
        let failing = actors.iter().filter_map(|actor| match actor.judge(stuck_after) {
            (ActorState::Running | ActorState::Stopped, _) => None,
            (state, reason) => Some(FailingActor { name: actor.name.clone(), state, reason: reason.unwrap_or_default() }),
        });
        failing.collect()
    }
}
