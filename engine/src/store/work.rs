//! Work on the disk, under watch: what is being done, whether it makes progress, and how it last ended.
//!
//! A disk that hangs gives no error: a call into it simply does not come back. Whoever does lengthy work on the disk therefore
//! registers it here and marks its progress; health names work that makes none, and work that was due and keeps failing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::error::StoreError;

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Making the journal durable.
    Commit,
    /// Writing series, events and documents.
    Catalog,
    /// Rewriting the head into chunks.
    Seal,
    /// Rewriting a day into one file.
    Compaction,
    /// Removing what is too old.
    Retention,
    /// Copying everything.
    Snapshot,
    /// Making the journal of log lines durable.
    CommitLines,
    /// Rewriting log lines into blocks.
    SealLines,
    /// Merging files of log lines.
    CompactLines,
    /// The same of spans.
    CommitSpans,
    SealSpans,
    CompactSpans,
}

impl Task {
    const ALL: [Self; 12] = [
        Self::Commit,
        Self::Catalog,
        Self::Seal,
        Self::Compaction,
        Self::Retention,
        Self::Snapshot,
        Self::CommitLines,
        Self::SealLines,
        Self::CompactLines,
        Self::CommitSpans,
        Self::SealSpans,
        Self::CompactSpans,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Commit => "writing the journal",
            Self::Catalog => "writing the catalog",
            Self::Seal => "sealing",
            Self::Compaction => "compaction",
            Self::Retention => "retention",
            Self::Snapshot => "a snapshot",
            Self::CommitLines => "writing the journal of log lines",
            Self::SealLines => "sealing log lines",
            Self::CompactLines => "merging files of log lines",
            Self::CommitSpans => "writing the journal of spans",
            Self::SealSpans => "sealing spans",
            Self::CompactSpans => "merging files of spans",
        }
    }

    /// Whether it is done again and again by itself, so that a failure lasts until an attempt succeeds. Others answer to
    /// whoever asked for them.
    const fn recurs(self) -> bool {
        matches!(
            self,
            Self::Seal | Self::Compaction | Self::Retention | Self::SealLines | Self::CompactLines | Self::SealSpans | Self::CompactSpans
        )
    }
}

/// How attempts at a task ended.
#[derive(Debug, Default)]
struct Outcome {
    succeeded: Option<Instant>,
    /// Since when attempts fail, and the newest reason.
    failing: Option<(Instant, String)>,
}

/// Attempts at one task that are under way.
#[derive(Debug, Default)]
struct Running {
    count: usize,
    begun: Option<Instant>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Work {
    opened: Instant,
    running: [Mutex<Running>; Task::ALL.len()],
    /// When each task made progress last, ms after `opened`.
    progress_ms: [AtomicU64; Task::ALL.len()],
    outcomes: [Mutex<Outcome>; Task::ALL.len()],
}

impl Default for Work {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            running: std::array::from_fn(|_| Mutex::default()),
            progress_ms: std::array::from_fn(|_| AtomicU64::new(0)),
            outcomes: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

/// An attempt that is under way; it counts as failed where it is dropped before its outcome was noted.
struct Attempt<'a> {
    work: &'a Work,
    task: Task,
    noted: bool,
}

impl Attempt<'_> {
    fn note(&mut self, failure: Option<String>) {
        self.noted = true;
        let mut outcome = self.work.outcomes[self.task as usize].lock();
        match failure {
            None => *outcome = Outcome { succeeded: Some(Instant::now()), failing: None },
            Some(why) => {
                let since = outcome.failing.take().map_or_else(Instant::now, |(since, _)| since);
                outcome.failing = Some((since, why));
            }
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.noted {
            self.note(Some("it was cut short by a fault of the program; the log has more".to_owned()));
        }
        let mut running = self.work.running[self.task as usize].lock();
        running.count -= 1;
        if running.count == 0 {
            running.begun = None;
        }
    }
}

impl Work {
    /// Does work of a kind, watched. Call it with the locks already taken: waiting for another's work is not a hang.
    pub(super) fn run<T>(&self, task: Task, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        {
            let mut running = self.running[task as usize].lock();
            running.count += 1;
            running.begun.get_or_insert_with(Instant::now);
        }
        self.progress(task);
        let mut attempt = Attempt { work: self, task, noted: false };
        let result = work();
        attempt.note(result.as_ref().err().map(ToString::to_string));
        result
    }

    /// Work of a kind got further.
    pub(super) fn progress(&self, task: Task) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.progress_ms[task as usize].fetch_max(now, Ordering::Relaxed);
    }

    /// How long ago an attempt at a task succeeded; since the store was opened where none has.
    pub(super) fn since_success(&self, task: Task) -> Duration {
        self.outcomes[task as usize].lock().succeeded.unwrap_or(self.opened).elapsed()
    }

    /// What makes no progress for `stuck_after`, and what fails, in words.
    pub(super) fn problems(&self, stuck_after: Duration) -> Vec<String> {
        let mut problems = Vec::new();
        for task in Task::ALL {
            let begun = self.running[task as usize].lock().begun;
            let marked = Duration::from_millis(self.progress_ms[task as usize].load(Ordering::Relaxed));
            if let Some(begun) = begun {
                let idle = self.opened.elapsed().saturating_sub(marked).min(begun.elapsed());
                if idle >= stuck_after {
                    let (name, idle) = (task.name(), idle.as_secs());
                    problems.push(format!("{name} has made no progress for {idle} s; the disk may hang (see the system's log)"));
                }
            }
            if task.recurs()
                && let Some((since, why)) = &self.outcomes[task as usize].lock().failing
            {
                problems.push(format!("{} has failed for {} s and is tried again: {why}", task.name(), since.elapsed().as_secs()));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(40);

    #[test]
    fn work_without_progress_is_named_and_work_with_progress_is_not() {
        let work = Work::default();
        work.run(Task::Compaction, || {
            let begun = Instant::now();
            while begun.elapsed() < 2 * SOON {
                let before = Instant::now();
                work.progress(Task::Compaction);
                let problems = work.problems(SOON);
                // A machine that held this thread up for longer has shown nothing.
                assert!(problems.is_empty() || before.elapsed() >= SOON, "{problems:?}");
                std::thread::yield_now();
            }
            while work.problems(SOON).is_empty() {
                assert!(begun.elapsed() < Duration::from_secs(20), "it is named");
                std::thread::yield_now();
            }
            assert!(work.problems(SOON)[0].starts_with("compaction has made no progress"), "{:?}", work.problems(SOON));
            Ok(())
        })
        .unwrap();
        assert_eq!(work.problems(Duration::ZERO), Vec::<String>::new());
    }

    #[test]
    fn a_failure_is_told_until_an_attempt_succeeds() {
        let work = Work::default();
        for _ in 0..2 {
            assert!(work.run::<()>(Task::Seal, || Err(StoreError::Deadline)).is_err());
        }
        assert!(work.problems(SOON)[0].starts_with("sealing has failed for 0 s"), "{:?}", work.problems(SOON));
        work.run(Task::Seal, || Ok(())).unwrap();
        assert!(work.problems(SOON).is_empty() && work.since_success(Task::Seal) < SOON);
        assert!(work.run::<()>(Task::Snapshot, || Err(StoreError::Deadline)).is_err());
        assert_eq!(work.problems(SOON), Vec::<String>::new(), "who asked for a snapshot was told");
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work.run::<()>(Task::Seal, || panic!("a planned fault"))));
        assert!(caught.is_err() && work.problems(SOON)[0].contains("cut short"), "{:?}", work.problems(SOON));
    }
}
