//! What the actors of both stores, that of samples and that of log lines, keep track of: who waits for a flush, and when to seal.
//!
//! State alone: the actors do the work and say how it ended.

use std::time::Duration;

use actix::ResponseFuture;
use taskpulse_engine::store::StoreError;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio::time::Instant;

use super::ErrorLog;
use crate::messages::AppendError;

/// Requests that may wait for one flush.
pub(super) const MAX_WAITING: usize = 1_024;
/// How soon a seal or the retention is tried again after it failed.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Where the answer to a request goes.
pub(crate) type Reply<A> = oneshot::Sender<Result<A, AppendError>>;

/// Requests that wait for the next flush (group commit): what was appended, and where its answer goes.
pub(crate) struct Flush<T, A> {
    waiting: Vec<(T, Reply<A>)>,
    running: bool,
}

impl<T, A: 'static> Flush<T, A> {
    pub(crate) const fn new() -> Self {
        Self { waiting: Vec::new(), running: false }
    }

    /// Whether as many wait as may.
    pub(crate) const fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    /// Answered when what was appended is durable.
    pub(crate) fn wait(&mut self, appended: T) -> ResponseFuture<Result<A, AppendError>> {
        let (reply, answer) = oneshot::channel();
        self.waiting.push((appended, reply));
        Box::pin(async move { answer.await.unwrap_or(Err(AppendError::Restarted)) })
    }

    /// All that wait, for a flush that begins now; none while one runs or nobody waits.
    pub(crate) fn begin(&mut self) -> Option<Vec<(T, Reply<A>)>> {
        if self.running || self.waiting.is_empty() {
            return None;
        }
        self.running = true;
        Some(std::mem::take(&mut self.waiting))
    }

    /// The flush has ended: what those who waited for it are answered.
    pub(crate) fn ended(&mut self, result: Result<Result<(), StoreError>, JoinError>) -> Result<(), AppendError> {
        self.running = false;
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(StoreError::Interrupted("the flush").into()),
        }
    }
}

/// When the head is sealed.
pub(crate) struct Sealing {
    /// What is sealed, in the log.
    what: String,
    running: bool,
    began: Instant,
    failed_at: Option<Instant>,
    errors: ErrorLog,
}

impl Sealing {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), running: false, began: Instant::now(), failed_at: None, errors: ErrorLog::default() }
    }

    /// Whether one is due: the head is `over` its bound, `interval` has passed, or the last one failed.
    pub(crate) fn is_due(&self, over: bool, interval: Duration) -> bool {
        over || self.began.elapsed() >= interval || self.failed_at.is_some()
    }

    /// Whether one begins now: not while one runs, nor soon after one failed.
    pub(crate) fn begin(&mut self) -> bool {
        if self.running || self.failed_at.is_some_and(|at| at.elapsed() < TRY_AGAIN) {
            return false;
        }
        (self.running, self.began) = (true, Instant::now());
        true
    }

    /// One has ended; what it gave where it went well.
    pub(crate) fn ended<T>(&mut self, result: Result<Result<T, StoreError>, JoinError>) -> Option<T> {
        self.running = false;
        self.failed_at = None;
        let error = match result {
            Ok(Ok(done)) => {
                self.errors.resolved(&format!("{} works", self.what));
                return Some(done);
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.failed_at = Some(Instant::now());
        self.errors.log(&format!("{} failed and is tried again", self.what), &error);
        None
    }
}
