//! Figures of the jobs of one attempt: how long the run waited, and for how long its jobs ran.
//!
//! A re-run of failed jobs lists the others again, with the times of the attempt in which they ran. Such a job belongs to that attempt.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::parse::{Job, WorkflowRun};
use crate::model::TimestampMs;

/// A job may begin this long before its run, because clocks differ.
const SKEW_MS: i64 = 5_000;
/// A job may end this long after its run.
const SLACK_MS: i64 = 600_000;

/// Names and outcomes of one attempt whose seconds are kept apart; a matrix may have hundreds of jobs.
const MAX_KINDS: usize = 50;
/// Kinds of runners in one attempt that are kept apart.
const MAX_RUNNERS: usize = 20;

/// The jobs of one name and outcome in one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobTime {
    /// Their name.
    pub name: String,
    /// How they ended.
    pub outcome: String,
    /// How many there are.
    pub count: u32,
    /// How long they ran.
    pub seconds: f64,
}

/// How long the jobs of one attempt ran on one kind of runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunnerTime {
    /// What the jobs asked of their runner; empty where that is not known.
    pub labels: BTreeSet<String>,
    /// How long they ran.
    pub seconds: f64,
    /// Minutes that were begun, job by job.
    pub minutes: u64,
}

/// The jobs of one run, as far as they are kept apart.
#[derive(Debug, Clone, PartialEq)]
pub struct RunJobs {
    /// When the run ended.
    pub end: TimestampMs,
    /// Seconds of all its jobs: at least those of `jobs` together.
    pub seconds: f64,
    /// The jobs by name and outcome.
    pub jobs: Arc<Vec<JobTime>>,
}

/// The jobs of the runs of one workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowJobs {
    /// Its name.
    pub workflow: String,
    /// GitHub's number of it.
    pub workflow_id: Option<u64>,
    /// Its runs.
    pub runs: Vec<RunJobs>,
}

/// Adds up jobs by name and outcome and keeps the longest.
pub(super) fn by_name(jobs: impl Iterator<Item = JobTime>) -> Vec<JobTime> {
    let mut kinds: Vec<JobTime> = Vec::new();
    for job in jobs {
        match kinds.iter_mut().find(|kind| kind.name == job.name && kind.outcome == job.outcome) {
            Some(kind) => (kind.count, kind.seconds) = (kind.count + job.count, kind.seconds + job.seconds),
            None => kinds.push(job),
        }
    }
    kinds.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    kinds.truncate(MAX_KINDS);
    kinds
}

/// Adds up times by runner. Beyond a bound it is not known which runners they were.
fn by_runner<'a>(times: impl Iterator<Item = &'a RunnerTime>) -> Vec<RunnerTime> {
    let mut runners: Vec<RunnerTime> = Vec::new();
    for time in times {
        let labels = if runners.len() < MAX_RUNNERS { time.labels.clone() } else { BTreeSet::new() };
        match runners.iter_mut().find(|known| known.labels == time.labels || known.labels == labels) {
            Some(known) => (known.seconds, known.minutes) = (known.seconds + time.seconds, known.minutes + time.minutes),
            None => runners.push(RunnerTime { labels, ..time.clone() }),
        }
    }
    runners
}

/// Figures of the jobs of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct JobFigures {
    /// All jobs have ended.
    pub ended: bool,
    /// GitHub listed all jobs.
    pub whole: bool,
    /// When the first job began; skipped jobs count only where all were skipped. None where that is unknown.
    pub first_start: Option<TimestampMs>,
    /// Seconds of the jobs that ran in this attempt; none without such jobs.
    pub seconds: Option<f64>,
    /// Seconds of the jobs that ran in earlier attempts.
    pub carried_seconds: f64,
    /// When the last job ended; none where that is unknown.
    pub last_end: Option<TimestampMs>,
    /// Jobs that ran without valid times: their seconds are unknown.
    pub unclear: u32,
    /// The jobs behind `seconds`.
    pub jobs: Vec<JobTime>,
    /// The jobs behind `carried_seconds`.
    pub carried_jobs: Vec<JobTime>,
    /// Their runners.
    pub runners: Vec<RunnerTime>,
    /// Those of `carried_jobs`.
    pub carried_runners: Vec<RunnerTime>,
}

impl JobFigures {
    /// Figures of the jobs that GitHub lists for an attempt of a run; `whole` says that the list is complete.
    #[must_use]
    pub fn new(jobs: &[Job], run: &WorkflowRun, whole: bool) -> Self {
        let last = run.updated.map_or(TimestampMs::MAX, |end| end.max(run.started).max(run.created).saturating_add(SLACK_MS));
        let can_be = |at: &TimestampMs| (run.created - SKEW_MS..=last).contains(at);
        let mut figures = Self {
            ended: true,
            whole,
            first_start: None,
            seconds: None,
            carried_seconds: 0.0,
            last_end: None,
            unclear: 0,
            jobs: Vec::new(),
            carried_jobs: Vec::new(),
            runners: Vec::new(),
            carried_runners: Vec::new(),
        };
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
                // Usually zero, so no valid times are needed.
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
                Some(seconds) if carried => {
                    figures.carried_seconds += seconds;
                    figures.carried_jobs.push(time_of(job, seconds));
                    figures.carried_runners.push(runner_of(job, seconds));
                }
                Some(seconds) => {
                    *figures.seconds.get_or_insert_default() += seconds;
                    figures.jobs.push(time_of(job, seconds));
                    figures.runners.push(runner_of(job, seconds));
                }
                None => figures.unclear += 1,
            }
        }
        // Zero seconds of jobs that never ran do not stand for the unknown seconds of jobs that did.
        figures.seconds = figures.seconds.filter(|seconds| figures.unclear == 0 || *seconds > 0.0);
        figures.first_start = if starts.is_empty() { starts_of_skipped.into_iter().min() } else { starts.into_iter().min() };
        figures.first_start = figures.first_start.filter(|_| starts_known && whole);
        let ends: Option<Vec<TimestampMs>> = ends.into_iter().collect();
        figures.last_end = ends.filter(|_| whole).and_then(|ends| ends.into_iter().max());
        figures
    }

    /// The jobs by name and outcome; those of earlier attempts too where they count here.
    #[must_use]
    pub fn times(&self, with_carried: bool) -> Vec<JobTime> {
        let carried = self.carried_jobs.iter().filter(|_| with_carried);
        by_name(self.jobs.iter().chain(carried).cloned())
    }

    /// How long they ran by runner; those of earlier attempts too where they count here.
    #[must_use]
    pub fn runner_times(&self, with_carried: bool) -> Vec<RunnerTime> {
        by_runner(self.runners.iter().chain(self.carried_runners.iter().filter(|_| with_carried)))
    }

    /// When a run ended that changed last at `updated`. GitHub moves that time for other reasons too, even weeks later: a run ends with
    /// its last job, or soon after.
    #[must_use]
    pub fn end(&self, updated: TimestampMs) -> TimestampMs {
        self.last_end.filter(|end| updated - end > SLACK_MS).unwrap_or(updated)
    }

    /// Seconds that a run waited for its first job: from its creation, or from the beginning of the attempt of a re-run.
    #[must_use]
    pub fn queue(&self, run: &WorkflowRun) -> Option<f64> {
        let requested = if run.attempt > 1 { run.started } else { run.created };
        let waited = self.first_start? - requested;
        (waited >= -SKEW_MS).then(|| waited.max(0) as f64 / 1e3)
    }
}

fn runner_of(job: &Job, seconds: f64) -> RunnerTime {
    RunnerTime { labels: job.labels.iter().cloned().collect(), seconds, minutes: (seconds / 60.0).ceil() as u64 }
}

fn time_of(job: &Job, seconds: f64) -> JobTime {
    JobTime { name: job.name.clone(), outcome: job.outcome.clone(), count: 1, seconds }
}
