//! One attempt of a run, and whether a newer report of it replaces what is known.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ci::jobs::{JobTime, RunnerTime};
use crate::ci::parse::WorkflowRun;
use crate::ci::workflow::WorkflowKey;
use crate::ci::{ACTION_REQUIRED, SUCCESS};
use crate::model::TimestampMs;
use crate::money::prices::Charge;

/// Earlier ends of one attempt that are remembered.
const MAX_EARLIER: usize = 16;

/// A run's number and attempt.
pub type RunKey = (u64, u32);

/// Workflow, conclusion and time: what identifies a sample of a run's end.
pub(super) type SampleKey = (WorkflowKey, String, TimestampMs);

/// Where a report of a run comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedBy {
    /// An answer of the API: the state of now.
    Api,
    /// A webhook delivery: an earlier state; they arrive in any order.
    Webhook,
}

/// One attempt of a run, and what was written of it. It is kept as a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its newest report.
    #[serde(flatten)]
    pub run: WorkflowRun,
    /// The time of its samples; none before its end.
    pub at: Option<TimestampMs>,
    /// It ended after the first poll.
    pub live: bool,
    /// Its jobs have been read.
    pub jobs_known: bool,
    /// Seconds that it waited for its first job.
    pub queue: Option<f64>,
    /// Seconds of its jobs.
    pub job_seconds: Option<f64>,
    /// Jobs without valid times, or that GitHub does not list: their seconds are unknown.
    #[serde(default)]
    pub unclear_jobs: u32,
    /// Its jobs by name and outcome. Records of earlier versions have none.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub jobs: Arc<Vec<JobTime>>,
    /// How long its jobs ran by runner. Records of earlier versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runners: Vec<RunnerTime>,
    /// What it cost, as far as that was said; none without a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
    /// Ends after which the attempt continued.
    #[serde(default)]
    pub earlier: Vec<RunEnd>,
}

/// An end of an attempt that continued after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// As [`WorkflowRun::outcome`].
    pub outcome: String,
    /// The time of its samples.
    pub at: Option<TimestampMs>,
    /// It came after the first poll.
    pub live: bool,
}

fn is_empty(jobs: &Arc<Vec<JobTime>>) -> bool {
    jobs.is_empty()
}

impl RunRecord {
    /// A record of which nothing but the report is known.
    pub(super) fn new(run: WorkflowRun, live: bool) -> Self {
        Self {
            run,
            at: None,
            live,
            jobs_known: false,
            queue: None,
            job_seconds: None,
            unclear_jobs: 0,
            jobs: Arc::default(),
            runners: Vec::new(),
            charge: None,
            earlier: Vec::new(),
        }
    }

    /// The outcomes of all its ends.
    pub fn ends(&self) -> impl Iterator<Item = &str> {
        let last = self.run.ended().then(|| self.run.outcome());
        self.earlier.iter().map(|end| end.outcome.as_str()).chain(last)
    }

    /// The keys of its samples, one for each end that has some.
    pub(super) fn sample_keys(&self) -> impl Iterator<Item = SampleKey> {
        let earlier = self.earlier.iter().filter_map(|end| Some((self.run.key(), end.outcome.clone(), end.at?)));
        earlier.chain(self.last_sample_key())
    }

    pub(super) fn last_sample_key(&self) -> Option<SampleKey> {
        self.at.map(|at| (self.run.key(), self.run.outcome().to_owned(), at))
    }

    /// When it ended, as far as that is known.
    #[must_use]
    pub fn end(&self) -> TimestampMs {
        self.at.or(self.run.updated).unwrap_or(self.run.created)
    }

    /// Whether its jobs ran and what they cost is not known.
    #[must_use]
    pub fn is_unpriced(&self) -> bool {
        self.charge.is_none() && self.job_seconds.is_some_and(|seconds| seconds > 0.0)
    }

    /// Whether it ended and its jobs are still to be read.
    pub(super) fn needs_jobs(&self) -> bool {
        self.run.ended() && !self.jobs_known
    }

    /// Takes over what was written of the same attempt before.
    pub(super) fn continue_from(&mut self, before: Self) {
        self.earlier = before.earlier;
        if before.run.ended() {
            let end = RunEnd { outcome: before.run.outcome().to_owned(), at: before.at, live: before.live };
            if self.earlier.len() < MAX_EARLIER {
                self.earlier.push(end);
            }
            (self.job_seconds, self.jobs, self.runners) = (before.job_seconds, before.jobs, before.runners);
            // What was said at that end stays said.
            self.charge = before.charge.map(|charge| Charge { before: charge.amount, ..charge });
        }
    }
}

/// Whether `run` is newer than what is `known` of the same run.
///
/// Answers of the API give the state of now, but may come from a replica that lags behind; deliveries arrive in any order. An attempt
/// that ended continues only after an approval, or where an answer says so with a later time. The first end that was seen stays:
/// `updated_at` also changes later for other reasons.
pub(super) fn is_newer(known: &WorkflowRun, run: &WorkflowRun, reported_by: ReportedBy) -> bool {
    if known.attempt != run.attempt {
        return run.attempt > known.attempt;
    }
    if known == run {
        return false;
    }
    if !known.ended() {
        let rank = |run: &WorkflowRun| (run.updated, run.ended(), run.status == "in_progress");
        return reported_by == ReportedBy::Api || rank(run) >= rank(known);
    }
    if (&known.status, &known.conclusion) == (&run.status, &run.conclusion) {
        return false;
    }
    let later = run.updated > known.updated;
    match known.conclusion.as_deref() {
        None | Some(ACTION_REQUIRED) => later || (reported_by == ReportedBy::Api && run.updated == known.updated),
        // Figures of other runs depend on these.
        Some(SUCCESS | "cancelled") => false,
        Some(_) => later && reported_by == ReportedBy::Api,
    }
}
