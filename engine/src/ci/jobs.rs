//! What the jobs of one attempt come to: how long the run waited, and how much they worked.
//!
//! A re-run of failed jobs lists the others again, with the times of the attempt in which they ran. Such a job belongs to that attempt.

use super::parse::{Job, WorkflowRun};
use crate::model::TimestampMs;

/// A job may begin so long before its run, by clocks that differ.
const SKEW_MS: i64 = 5_000;
/// And end so long after it.
const SLACK_MS: i64 = 600_000;

/// What the jobs of one attempt came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JobFigures {
    /// All of them ended.
    pub ended: bool,
    /// All of them were listed.
    pub whole: bool,
    /// When the first of them began; skipped ones count only where all are. None where that cannot be known.
    pub first_start: Option<TimestampMs>,
    /// Seconds of those that ran in this attempt together; none where there are none.
    pub seconds: Option<f64>,
    /// Seconds of those that ran in attempts before.
    pub carried_seconds: f64,
    /// When the last of them ended; none where that cannot be known.
    pub last_end: Option<TimestampMs>,
    /// Jobs that ran and whose times are missing or cannot be: their seconds are not known.
    pub unclear: u32,
}

impl JobFigures {
    /// Of the jobs that are listed for an attempt of a run, `whole` where none is missing in the list.
    #[must_use]
    pub fn new(jobs: &[Job], run: &WorkflowRun, whole: bool) -> Self {
        let last = run.updated.map_or(TimestampMs::MAX, |end| end.max(run.started).max(run.created).saturating_add(SLACK_MS));
        let can_be = |at: &TimestampMs| (run.created - SKEW_MS..=last).contains(at);
        let mut figures = Self { ended: true, whole, first_start: None, seconds: None, carried_seconds: 0.0, last_end: None, unclear: 0 };
        let (mut starts, mut starts_of_skipped, mut starts_known, mut ends) = (Vec::new(), Vec::new(), true, Vec::new());
        for job in jobs.iter().filter(|job| job.attempt.is_none_or(|attempt| attempt <= run.attempt)) {
            let (started, completed) = (job.started.filter(can_be), job.completed.filter(can_be));
            let ms = started.zip(completed).map(|(from, to)| to - from).filter(|ms| *ms >= 0 && job.ended);
            figures.ended &= job.ended;
            let before = job.attempt.is_some_and(|attempt| attempt < run.attempt) || started.is_some_and(|at| at < run.started - SKEW_MS);
            let carried = run.attempt > 1 && before;
            if !carried {
                ends.push(completed);
            }
            if job.skipped {
                starts_of_skipped.extend(started);
                // As a rule none, and no time is needed to say so.
                *figures.seconds.get_or_insert_default() += ms.unwrap_or(0) as f64 / 1e3;
                continue;
            }
            if job.cancelled && job.started.is_none() {
                // It never ran.
                figures.seconds.get_or_insert_default();
                continue;
            }
            if !carried {
                starts_known &= started.is_some();
                starts.extend(started);
            }
            match ms.map(|ms| ms as f64 / 1e3) {
                Some(seconds) if carried => figures.carried_seconds += seconds,
                Some(seconds) => *figures.seconds.get_or_insert_default() += seconds,
                None => figures.unclear += 1,
            }
        }
        // Nothing that is known but jobs that never ran says nothing of those that did.
        figures.seconds = figures.seconds.filter(|seconds| figures.unclear == 0 || *seconds > 0.0);
        figures.first_start = if starts.is_empty() { starts_of_skipped.into_iter().min() } else { starts.into_iter().min() };
        figures.first_start = figures.first_start.filter(|_| starts_known && whole);
        let ends: Option<Vec<TimestampMs>> = ends.into_iter().collect();
        figures.last_end = ends.filter(|_| whole).and_then(|ends| ends.into_iter().max());
        figures
    }

    /// When a run ended that GitHub says changed last at `updated`. That time moves for other reasons too, weeks later: a run ends when its last
    /// job does, or soon after.
    #[must_use]
    pub fn end(&self, updated: TimestampMs) -> TimestampMs {
        self.last_end.filter(|end| updated - end > SLACK_MS).unwrap_or(updated)
    }

    /// Seconds that a run waited for its first job: from its creation, or from the beginning of the attempt of a re-run.
    #[must_use]
    pub fn queue(&self, run: &WorkflowRun) -> Option<f64> {
        let asked = if run.attempt > 1 { run.started } else { run.created };
        let waited = self.first_start? - asked;
        (waited >= -SKEW_MS).then(|| waited.max(0) as f64 / 1e3)
    }
}
