//! Tracks the runs of a repository, so that each end of a run is counted once.
//!
//! Each attempt of a run is a [`RunRecord`]. Samples of a run carry the time of its end, so writing them again (after a crash between
//! keeping the samples and keeping the record) changes nothing. Counters are computed from the records: whatever happened to the
//! answers in between, no run is lost or counted twice.
//!
//! GitHub ends an attempt that waits for an approval (`action_required`) and continues it under the same number: that end stays
//! counted, and the end after it is one more.
//!
//! Runs that ended before the first poll are *history*: after the backfill, counters are written at each run's end time, oldest first;
//! live runs continue from the last value. What is still to be read of the past are [`Gap`]s: the time before the first poll, and
//! times during which nobody polled.

mod charges;
mod files;
mod gaps;
mod jobs;
mod record;
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::gaps::Gap;
pub use self::record::{ReportedBy, RunEnd, RunKey, RunRecord};
use self::record::{SampleKey, is_newer};
use super::figures::{self, Totals, WorkflowFigures};
use super::parse::{Workflow, WorkflowRun};
use super::workflow::{WorkflowKey, WorkflowNames};
use crate::event::Event;
use crate::model::{Batch, TimestampMs};
use crate::money::prices::Prices;
use crate::store::DocumentChange;

/// GitHub ends what takes longer.
const MAX_ACTIVE_MS: i64 = 35 * 86_400_000;
/// The kind of documents that keep runs: of a run under `OWNER/NAME/NUMBER.ATTEMPT`, and what else is kept of a repository under its name.
pub const DOCUMENTS: &str = "github";
/// Records that are kept one by one; beyond that, the oldest are only added to totals.
pub const MAX_RECORDS: usize = 10_000;
/// Statuses beyond GitHub's documented ones that get series of their own.
const MAX_STATUSES: usize = 16;
/// The format of the documents. Those of another format are dropped, and the runs are read again from GitHub.
const FORMAT: u32 = 2;

/// What is kept beside the records, as a document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct TrackerState {
    format: u32,
    /// The first poll.
    #[serde(rename = "opened")]
    first_poll: Option<TimestampMs>,
    /// All runs created up to here are known, except those in gaps.
    #[serde(rename = "seen_to")]
    known_to: Option<TimestampMs>,
    gaps: Vec<Gap>,
    /// The history of the counts of runs is written.
    #[serde(rename = "told_runs")]
    runs_backfilled: bool,
    /// The history of job seconds is written.
    #[serde(rename = "told_jobs")]
    jobs_backfilled: bool,
    /// The totals of runs that are no longer kept one by one.
    #[serde(rename = "bases")]
    totals: BTreeMap<WorkflowKey, Totals>,
    names: WorkflowNames,
    /// GitHub did not list all runs of some time.
    #[serde(rename = "missed")]
    has_unlisted_runs: bool,
    /// The fingerprints of the files of workflows on the default branch; none before they were first read.
    files: Option<BTreeMap<String, String>>,
}

/// What is to be written: samples first, then documents, then events.
#[derive(Debug, Default)]
pub struct Changes {
    /// Samples, of any age.
    pub batch: Batch,
    /// Documents.
    pub documents: Vec<DocumentChange>,
    /// Points on the time line.
    pub events: Vec<Event>,
}

impl Changes {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.documents.is_empty() && self.events.is_empty()
    }
}

/// The runs of one repository.
#[derive(Debug)]
pub struct RunTracker {
    repo: String,
    /// How far back runs are kept.
    keep_ms: i64,
    records: BTreeMap<RunKey, RunRecord>,
    state: TrackerState,
    /// No two ends share a sample.
    sample_keys: BTreeSet<SampleKey>,
    changed: BTreeSet<RunKey>,
    state_changed: bool,
    /// A commit had its first run since that was last asked.
    has_new_commit: bool,
    pending: Changes,
    /// Runs whose jobs could not be read: how often, and when to try again.
    job_retries: BTreeMap<RunKey, (u32, TimestampMs)>,
    statuses: BTreeSet<String>,
    /// The newest series of each workflow.
    published: BTreeMap<WorkflowKey, samples::PublishedSeries>,
    /// What minutes of runners cost.
    prices: Arc<Prices>,
}

fn document_key(repo: &str, (id, attempt): RunKey) -> String {
    format!("{repo}/{id:020}.{attempt}")
}

/// The run whose document has such a key.
#[must_use]
pub fn run_of(key: &str) -> Option<RunKey> {
    let (id, attempt) = key.rsplit('/').next()?.split_once('.')?;
    Some((id.parse().ok()?, attempt.parse().ok()?))
}

/// The names of workflows by the document that has the name of its repository; none of another format.
#[must_use]
pub fn names_of(document: &[u8]) -> Option<WorkflowNames> {
    state_of(document).map(|state| state.names)
}

fn state_of(document: &[u8]) -> Option<TrackerState> {
    serde_json::from_slice::<TrackerState>(document).ok().filter(|state| state.format == FORMAT)
}

impl RunTracker {
    /// Restores the tracker of a repository from `documents`, which may be of other repositories too. Runs are kept for `keep_ms`.
    #[must_use]
    pub fn restore(repo: &str, keep_ms: i64, documents: &[(String, Vec<u8>)]) -> Self {
        let mut tracker = Self {
            repo: repo.to_owned(),
            keep_ms,
            records: BTreeMap::new(),
            state: TrackerState::default(),
            sample_keys: BTreeSet::new(),
            changed: BTreeSet::new(),
            state_changed: false,
            has_new_commit: false,
            pending: Changes::default(),
            job_retries: BTreeMap::new(),
            statuses: BTreeSet::new(),
            published: BTreeMap::new(),
            prices: Arc::default(),
        };
        let prefix = format!("{repo}/");
        let ours = || documents.iter().filter(|(key, _)| key == repo || key.starts_with(&prefix));
        let state = ours().find(|(key, _)| key == repo).and_then(|(_, bytes)| state_of(bytes));
        let Some(state) = state else {
            // Without the state, a record does not say which other runs are known.
            tracker.pending.documents.extend(ours().map(|(key, _)| (key.clone(), None)));
            (tracker.state.format, tracker.state_changed) = (FORMAT, true);
            return tracker;
        };
        tracker.state = state;
        for (_, bytes) in ours().filter(|(key, _)| key != repo) {
            let Ok(record) = serde_json::from_slice::<RunRecord>(bytes) else { continue };
            tracker.sample_keys.extend(record.sample_keys());
            tracker.records.insert((record.run.id, record.run.attempt), record);
        }
        tracker
    }

    /// `owner/name`
    #[must_use]
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// All records, by number and attempt.
    pub fn records(&self) -> impl Iterator<Item = &RunRecord> + Clone {
        self.records.values()
    }

    /// Whether all runs within the kept time are known: it has polled, and no gap is left.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state.first_poll.is_some() && self.state.gaps.is_empty()
    }

    /// Whether GitHub did not list all runs of some time, so that some are missing although no gap is left.
    #[must_use]
    pub fn has_unlisted_runs(&self) -> bool {
        self.state.has_unlisted_runs
    }

    /// The names of the workflows.
    #[must_use]
    pub fn names(&self) -> &WorkflowNames {
        &self.state.names
    }

    /// Applies the list of workflows.
    pub fn observe_workflows(&mut self, workflows: &[Workflow]) {
        self.state_changed |= self.state.names.observe_list(workflows);
    }

    /// The figures of each workflow.
    #[must_use]
    pub fn figures(&self) -> BTreeMap<WorkflowKey, WorkflowFigures> {
        let since = match (self.state.first_poll, self.state.gaps.iter().map(|gap| gap.to).max()) {
            (None, _) => Some(TimestampMs::MAX),
            (Some(_), to) => to,
        };
        figures::by_workflow(self.records.values(), &self.state.totals, since)
    }

    fn newest(&self, id: u64) -> Option<&RunRecord> {
        self.records.range((id, 0)..=(id, u32::MAX)).next_back().map(|(_, record)| record)
    }

    /// Oldest end first, so that runs which ended in the same second get their times in the same order each time.
    fn observe_all(&mut self, mut runs: Vec<WorkflowRun>, now: TimestampMs) {
        runs.sort_by_key(|run| (run.updated, run.id));
        for run in &runs {
            self.state_changed |= self.state.names.observe_run(run);
        }
        for run in runs {
            self.observe(run, ReportedBy::Api, now);
        }
    }

    /// Applies a report of a run.
    pub fn observe(&mut self, run: WorkflowRun, reported_by: ReportedBy, now: TimestampMs) {
        let key = (run.id, run.attempt);
        let horizon = now - if run.ended() { self.keep_ms } else { MAX_ACTIVE_MS };
        if run.created < horizon {
            return;
        }
        let known = self.newest(run.id);
        if known.is_some_and(|known| !is_newer(&known.run, &run, reported_by)) {
            return;
        }
        let before = known.filter(|known| known.run.attempt == run.attempt).cloned();
        let replaced = known.filter(|known| known.run.attempt < run.attempt && !known.run.ended()).map(|known| known.run.attempt);
        // A newer attempt began before the end of this one was seen.
        replaced.into_iter().for_each(|attempt| self.remove((run.id, attempt)));
        self.state_changed |= self.state.names.observe_run(&run);
        let live = self.state.first_poll.is_some_and(|opened| run.updated.is_none_or(|end| end >= opened));
        if before.is_none() && (live || !run.ended()) {
            self.pending.events.push(self.event("run_started", run.started.min(now), &run, "started".to_owned()));
        }
        if !run.ended() && self.statuses.len() < MAX_STATUSES {
            self.statuses.insert(run.status.clone());
        }
        self.has_new_commit |= before.is_none() && live && !self.records.values().any(|known| known.run.sha == run.sha);
        let mut record = RunRecord::new(run, live);
        if let Some(before) = before {
            if before.run.ended() && !record.run.ended() {
                let continues = format!("goes on after {}", before.run.outcome());
                self.pending.events.push(self.event("run_started", record.run.updated.unwrap_or(now).min(now), &record.run, continues));
            }
            record.continue_from(before);
        }
        if record.run.ended() {
            self.end(&mut record, now);
        }
        self.records.insert(key, record);
        self.changed.insert(key);
    }

    fn end(&mut self, record: &mut RunRecord, now: TimestampMs) {
        let run = &record.run;
        let ended = format!("ended: {}", run.outcome());
        if record.live {
            self.pending.events.push(self.event("run_finished", run.updated.unwrap_or(now).min(now), run, ended));
        }
        // An end in the future means that the clocks differ.
        if let Some(end) = run.updated {
            record.at = Some(self.reserve_time(run, end.min(now)));
        }
        // The end of a run of the history is known only with its jobs.
        if record.live {
            self.push_duration(record);
        }
    }

    /// A time for the samples of an end that no other end of the workflow and outcome has.
    fn reserve_time(&mut self, run: &WorkflowRun, end: TimestampMs) -> TimestampMs {
        let mut key = (run.key(), run.outcome().to_owned(), end);
        while !self.sample_keys.insert(key.clone()) {
            key.2 += 1;
        }
        key.2
    }

    fn push_duration(&mut self, record: &RunRecord) {
        if let (Some(at), Some(seconds)) = (record.at, record.run.duration()) {
            let labels = self.run_labels("github_actions_run_duration_seconds", &record.run);
            self.pending.batch.push(labels, at, seconds);
        }
    }

    fn event(&self, kind: &str, at: TimestampMs, run: &WorkflowRun, what: String) -> Event {
        let again = if run.attempt > 1 { format!(", attempt {}", run.attempt) } else { String::new() };
        let key = run.key();
        let workflow = self.state.names.name(&key);
        let title = format!("run {workflow} #{}{again} {what}", run.number);
        Event::new(at, "github", kind, run.id.to_string(), title).with_data(json!({
            "repo": self.repo, "workflow": workflow, "workflow_path": self.state.names.path(&key), "number": run.number,
            "attempt": run.attempt, "branch": run.branch, "sha": run.sha, "event": run.event, "status": run.status,
            "conclusion": run.conclusion, "url": run.url, "duration_seconds": run.duration(), "title": run.title,
        }))
    }

    /// Runs that have not ended, by number.
    #[must_use]
    pub fn active_runs(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.records.values().filter(|r| !r.run.ended()).map(|r| r.run.id).collect();
        ids.dedup();
        ids
    }

    /// Removes a run that has not ended and that GitHub no longer has.
    pub fn remove_missing(&mut self, id: u64) {
        let keys: Vec<RunKey> = self.records.range((id, 0)..=(id, u32::MAX)).filter(|(_, r)| !r.run.ended()).map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.remove(key));
    }

    fn remove(&mut self, key: RunKey) {
        self.changed.remove(&key);
        self.job_retries.remove(&key);
        if let Some(record) = self.records.remove(&key) {
            for key in record.sample_keys() {
                self.sample_keys.remove(&key);
            }
            self.pending.documents.push((document_key(&self.repo, key), None));
        }
    }

    /// Whether a delivery says nothing new of a run.
    #[must_use]
    pub fn is_known(&self, run: &WorkflowRun) -> bool {
        self.newest(run.id).is_some_and(|known| !is_newer(&known.run, run, ReportedBy::Webhook))
    }

    /// Drains what is to be written since the last call.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = std::mem::take(&mut self.pending);
        for key in std::mem::take(&mut self.changed) {
            if let Some(record) = self.records.get(&key) {
                changes.documents.push((document_key(&self.repo, key), serde_json::to_vec(record).ok()));
            }
        }
        if std::mem::take(&mut self.state_changed) {
            changes.documents.push((self.repo.clone(), serde_json::to_vec(&self.state).ok()));
        }
        changes
    }

    /// When each run started, by rising time, and the seconds of its jobs. A run counts from the commit of its head, or from its
    /// creation where that is unknown, because tasks are charged for the runs that they caused.
    #[must_use]
    pub fn started_runs(&self) -> Vec<(TimestampMs, Option<f64>)> {
        let mut started: Vec<_> = self.records.values().map(|r| (r.run.committed.unwrap_or(r.run.created), r.job_seconds)).collect();
        started.sort_by_key(|(at, _)| *at);
        started
    }
}
