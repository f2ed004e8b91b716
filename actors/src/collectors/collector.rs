//! What a new collector has to bring: a file with a [`Collector`], a section of settings, and a row in the table
//! `COLLECTORS`. [`super::poller::Poller`] does the rest.
//!
//! ```
//! use std::time::Duration;
//! use taskpulse_actors::collectors::collector::{Collection, Outcome, CollectFuture, Collector};
//! use taskpulse_engine::model::{Labels, TimestampMs};
//!
//! /// How full a queue directory is.
//! struct Spool(std::path::PathBuf);
//!
//! impl Collector for Spool {
//!     fn name(&self) -> String {
//!         format!("spool {}", self.0.display())
//!     }
//!
//!     fn every(&self) -> Duration {
//!         Duration::from_secs(30)
//!     }
//!
//!     fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
//!         Box::pin(async move {
//!             let files = match std::fs::read_dir(&self.0) {
//!                 Ok(entries) => entries.count(),
//!                 // No sample is better than a false one.
//!                 Err(error) => return Outcome::Failed(format!("{}: {error}", self.0.display()), Collection::default()),
//!             };
//!             let mut found = Collection::default();
//!             found.batch.push(Labels::metric("spool_files", &[]), now, files as f64);
//!             Outcome::Complete(found)
//!         })
//!     }
//! }
//! ```
//!
//! A collection runs on the collectors' thread. What takes longer than 5 ms of CPU or waits for a file goes to the blocking
//! pool, with its state in a [`Carried`]. A collection that is not done within [`Collector::timeout`] is abandoned and
//! recorded as a failure; no other source waits for it.

use std::collections::BTreeSet;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, Labels, STALE_NAN_BITS, TimestampMs};
use taskpulse_engine::store::DocumentChange;
use tokio::task::{JoinError, spawn_blocking};

use crate::files::{self, WaitError};

/// What was collected.
#[derive(Debug, Default)]
pub struct Collection {
    /// Samples.
    pub batch: Batch,
    /// How many more samples the collector has sent to the store itself.
    pub kept: usize,
    /// Events for the time line.
    pub events: Vec<Event>,
    /// Documents that the collector reads back after a restart, by kind.
    pub documents: Vec<(&'static str, Vec<DocumentChange>)>,
    /// Wait until the next collection, from the end of this one. Unset: [`Collector::every`] after this one began.
    pub next_in: Option<Duration>,
}

impl From<Batch> for Collection {
    fn from(batch: Batch) -> Self {
        Self { batch, ..Self::default() }
    }
}

/// How a collection ended.
#[derive(Debug)]
pub enum Outcome {
    /// The source works.
    Complete(Collection),
    /// The source works, except for this.
    Partial(String, Collection),
    /// The source fails, for this reason. What was collected all the same is kept (a failed probe has samples).
    Failed(String, Collection),
    /// There is nothing to collect: why, and a hint that would change that.
    Absent(String, String),
}

impl Outcome {
    /// A failure without samples.
    pub fn failed(why: impl ToString) -> Self {
        Self::Failed(why.to_string(), Collection::default())
    }

    /// Whether a collection failed and left nothing to keep.
    pub(super) fn failed_empty(&self) -> bool {
        matches!(self, Self::Failed(_, found) if found.batch.is_empty() && found.events.is_empty() && found.documents.is_empty())
    }
}

/// A collection under way.
pub type CollectFuture<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// Knows one source and collects from it at an interval.
pub trait Collector: 'static {
    /// The source's name in status and in `taskpulse_source_up{source}`; unique.
    fn name(&self) -> String;

    /// Whether status shows a source of that name. Not where the collector reads several sources and records each itself, and
    /// not for the service's own metrics.
    fn is_source(&self) -> bool {
        true
    }

    /// Time between the beginnings of two collections.
    fn every(&self) -> Duration;

    /// Wait before the first collection.
    fn first_after(&self) -> Duration {
        Duration::ZERO
    }

    /// Longest time of a collection.
    fn timeout(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// Collects once; `now` is when it begins. If it fails without samples and the machine stood still meanwhile, it is called again.
    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_>;
}

/// Why work on the blocking pool gave no result.
#[derive(Debug, thiserror::Error)]
pub enum BlockingError {
    /// The work panicked.
    #[error("the work panicked: {0}")]
    Panicked(#[from] JoinError),
    /// The work waits for files.
    #[error(transparent)]
    Files(#[from] WaitError),
    /// An earlier call took the state and did not bring it back.
    #[error("its state was lost and is being restored")]
    Lost,
}

/// State that work on the blocking pool takes along and brings back. Work that panics or is abandoned loses it.
#[derive(Debug)]
pub struct Carried<T>(Option<T>);

impl<T> Default for Carried<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Send + 'static> Carried<T> {
    /// Puts state in, after it was lost.
    pub fn restore(&mut self, state: T) {
        self.0 = Some(state);
    }

    /// Whether there is no state: it was lost, or never put in.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.0.is_none()
    }

    /// Runs `work` with the state.
    ///
    /// # Errors
    /// [`BlockingError`]; the state is lost then.
    pub async fn run<R: Send + 'static>(&mut self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> Result<R, BlockingError> {
        let state = self.0.take().ok_or(BlockingError::Lost)?;
        self.run_or_else(move || state, work).await
    }

    /// As [`Carried::run`]; `make` makes the state where there is none, on the pool too.
    ///
    /// # Errors
    /// [`BlockingError`]; the state is lost then.
    pub async fn run_or_else<R: Send + 'static>(
        &mut self,
        make: impl FnOnce() -> T + Send + 'static,
        work: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<R, BlockingError> {
        let state = self.0.take();
        let (state, result) = spawn_blocking(move || step(state, make, work)).await?;
        self.0 = Some(state);
        Ok(result)
    }

    /// As [`Carried::run_or_else`], for work that may wait for the file system of `key`: given up after `limit`.
    ///
    /// # Errors
    /// [`BlockingError`]; the state is lost then.
    pub async fn run_within<R: Send + 'static>(
        &mut self,
        key: &Path,
        limit: Duration,
        make: impl FnOnce() -> T + Send + 'static,
        work: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<R, BlockingError> {
        let (state, key) = (self.0.take(), key.to_owned());
        let (state, result) = spawn_blocking(move || files::within(&key, limit, move || step(state, make, work))).await??;
        self.0 = Some(state);
        Ok(result)
    }
}

fn step<T, R>(state: Option<T>, make: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> (T, R) {
    let mut state = state.unwrap_or_else(make);
    let result = work(&mut state);
    (state, result)
}

/// Ends the series that a source no longer has, with the stale marker of Prometheus.
#[derive(Debug, Default)]
pub struct StalenessTracker {
    before: BTreeSet<Vec<u8>>,
}

impl StalenessTracker {
    /// Adds a series of an earlier run: it ends unless the next batch has it.
    pub fn expect(&mut self, labels: &Labels) {
        self.before.insert(labels.as_bytes().to_vec());
    }

    /// Adds a stale marker at `now` for each series of the last batch that this batch lacks. Not for batches whose samples
    /// have times of their own.
    pub fn mark(&mut self, batch: &mut Batch, now: TimestampMs) {
        let present: BTreeSet<Vec<u8>> = batch.labels.iter().map(|labels| labels.as_bytes().to_vec()).collect();
        for gone in self.before.difference(&present) {
            if let Ok(labels) = Labels::from_bytes(gone) {
                batch.push(labels, now, f64::from_bits(STALE_NAN_BITS));
            }
        }
        self.before = present;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(names: &[&str]) -> Batch {
        let mut batch = Batch::default();
        names.iter().for_each(|name| batch.push(Labels::metric(name, &[]), 1, 1.0));
        batch
    }

    #[test]
    fn a_series_that_is_gone_ends_once() {
        let mut tracker = StalenessTracker::default();
        tracker.expect(&Labels::metric("earlier", &[]));
        for (names, ended) in [(&["a", "b"][..], &["earlier"][..]), (&["a"], &["b"]), (&["a"], &[]), (&[], &["a"]), (&[], &[])] {
            let mut batch = batch(names);
            tracker.mark(&mut batch, 2);
            let markers: Vec<&str> = batch.rows().filter(|(_, s)| s.v.to_bits() == STALE_NAN_BITS).map(|(l, _)| l.name()).collect();
            assert_eq!(markers, ended, "{names:?}");
        }
    }

    #[tokio::test]
    async fn state_comes_back_from_the_pool_and_is_made_anew_after_a_panic() {
        let mut state = Carried::<u32>::default();
        assert!(matches!(state.run(|n| *n).await, Err(BlockingError::Lost)));
        for expected in [1, 2] {
            let next = |n: &mut u32| {
                *n += 1;
                *n
            };
            assert_eq!(state.run_or_else(|| 0, next).await.ok(), Some(expected));
        }
        assert!(matches!(state.run(|_| assert_eq!(1, 2)).await, Err(BlockingError::Panicked(_))));
        assert!(state.is_lost());
        assert_eq!(state.run_within(Path::new("/a"), Duration::from_secs(60), || 7, |n| *n).await.ok(), Some(7));
    }
}
