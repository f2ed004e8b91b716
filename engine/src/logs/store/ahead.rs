//! Decoding ahead: blocks are loaded in order on threads of their own, a few before they are wanted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashMap;

use crate::logs::record::SourceError;

/// Reads of less text need no thread.
const WORTH_THREADS: usize = 8 << 20;
const THREADS: usize = 2;
/// Blocks that are decoded before they are wanted.
const AHEAD: usize = 4;
const LOOK_EVERY: Duration = Duration::from_millis(200);

type Load<'a, T> = &'a (dyn Fn(usize) -> Result<Option<T>, SourceError> + Sync);

/// Gives what is loaded in the order of its number.
pub(super) struct Ahead<'a, T> {
    load: Load<'a, T>,
    count: usize,
    at: usize,
    deadline: Option<Instant>,
    shared: Option<&'a Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    stopped: AtomicBool,
}

struct State<T> {
    /// The next number that a thread takes.
    next: usize,
    /// The number that is wanted.
    wanted: usize,
    ready: FxHashMap<usize, Result<Option<T>, SourceError>>,
    threads: usize,
}

impl<T: Send> Ahead<'_, T> {
    /// Runs `read` over what `load` gives for the numbers below `count`; empty ones are left out.
    pub(super) fn run<R>(
        count: usize,
        weight: usize,
        deadline: Option<Instant>,
        load: Load<'_, T>,
        read: impl FnOnce(&mut Ahead<'_, T>) -> Result<R, SourceError>,
    ) -> Result<R, SourceError> {
        if weight < WORTH_THREADS || count < 2 {
            return read(&mut Ahead { load, count, at: 0, deadline, shared: None });
        }
        let state = State { next: 0, wanted: 0, ready: FxHashMap::default(), threads: THREADS };
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new(), stopped: AtomicBool::new(false) };
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                let spawned = std::thread::Builder::new().name("logs".to_owned()).spawn_scoped(scope, || shared.work(count, load));
                if spawned.is_err() {
                    shared.state.lock().threads -= 1;
                }
            }
            // Also where `read` panics: the scope waits for the threads.
            let _stop = Stop(&shared);
            read(&mut Ahead { load, count, at: 0, deadline, shared: Some(&shared) })
        })
    }

    /// The number that comes next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The next one that is not empty, with its number.
    pub(super) fn next(&mut self) -> Result<Option<(usize, T)>, SourceError> {
        while self.at < self.count {
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(too_late());
            }
            let at = self.at;
            let loaded = match self.shared {
                Some(shared) => shared.wait_for(at, self.deadline).unwrap_or_else(|| (self.load)(at)),
                None => (self.load)(at),
            };
            self.at += 1;
            if let Some(loaded) = loaded? {
                return Ok(Some((at, loaded)));
            }
        }
        Ok(None)
    }
}

pub(super) fn too_late() -> SourceError {
    SourceError::Bound("the query took longer than its time limit; ask for less time or fewer streams".to_owned())
}

struct Stop<'a, T>(&'a Shared<T>);

impl<T> Drop for Stop<'_, T> {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
    }
}

/// Counts a thread out, also after a panic.
struct Leave<'a, T>(&'a Shared<T>);

impl<T> Drop for Leave<'_, T> {
    fn drop(&mut self) {
        self.0.state.lock().threads -= 1;
        self.0.changed.notify_all();
    }
}

impl<T> Shared<T> {
    fn work(&self, count: usize, load: Load<'_, T>) {
        let _leave = Leave(self);
        loop {
            let mine = {
                let mut state = self.state.lock();
                while state.next < count && state.next >= state.wanted + AHEAD && !self.stopped.load(Ordering::Relaxed) {
                    self.changed.wait_for(&mut state, LOOK_EVERY);
                }
                if state.next >= count || self.stopped.load(Ordering::Relaxed) {
                    return;
                }
                state.next += 1;
                state.next - 1
            };
            let loaded = load(mine);
            self.state.lock().ready.insert(mine, loaded);
            self.changed.notify_all();
        }
    }

    /// Waits for a number; `None` where no thread will load it.
    fn wait_for(&self, at: usize, deadline: Option<Instant>) -> Option<Result<Option<T>, SourceError>> {
        let mut state = self.state.lock();
        state.wanted = at + 1;
        self.changed.notify_all();
        loop {
            if let Some(ready) = state.ready.remove(&at) {
                return Some(ready);
            }
            if state.threads == 0 {
                return None;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Some(Err(too_late()));
            }
            self.changed.wait_for(&mut state, LOOK_EVERY);
        }
    }
}
