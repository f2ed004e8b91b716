//! What was seen of a repository's runs, so that each end of a run is told once.
//!
//! Each attempt of a run is a [`RunRecord`]. Samples of a run carry the time of its end, so telling them a second time (after
//! a crash between keeping the samples and keeping the record) changes nothing. Counters are worked out from the
//! records: they neither lose nor double a run, whatever happened to the answers in between.
//!
//! An attempt that waits for an approval has ended by GitHub's word (`action_required`) and goes on under the same number: that end stays
//! counted, and the end after it is one more.
//!
//! Runs that ended before the first look are *history*: their counters are told at the times of their ends once all of
//! them are known, oldest first, and those of now go on from there. What is still to be read of the past are [`Gap`]s:
//! the time before the first look, and the time during which nobody looked.

mod gaps;
mod newer;
mod samples;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::gaps::Gap;
use super::figures::{self, Totals, WorkflowFigures};
use super::jobs::JobFigures;
use super::parse::{Workflow, WorkflowRun};
use super::workflow::{WorkflowKey, WorkflowNames};
use crate::event::Event;
use crate::model::{Batch, TimestampMs};
use crate::store::DocumentChange;

/// GitHub ends what takes longer.
const MAX_ACTIVE_MS: i64 = 35 * 86_400_000;
/// Records that are held one by one; the oldest are added up beyond.
pub const MAX_RECORDS: usize = 10_000;
/// How often the jobs of a run that ended are asked for while some have not.
const MAX_TRIES: u32 = 4;
/// How often they are asked for while GitHub cannot answer: for about a day.
const MAX_POSTPONED: u32 = 20;
/// Longest time between two of those.
const MAX_WAIT_MS: i64 = 7_200_000;
/// Unknown statuses that are told apart.
const MAX_STATUSES: usize = 16;
/// Earlier ends of one attempt that are remembered.
const MAX_EARLIER: usize = 16;
/// The form of what is kept. What has another form is read anew from GitHub.
const FORMAT: u32 = 2;

/// A run's number and attempt.
pub type RunKey = (u64, u32);

/// One attempt of a run, and what was told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// As it was seen last.
    #[serde(flatten)]
    pub run: WorkflowRun,
    /// The time of its samples; none before its end.
    pub at: Option<TimestampMs>,
    /// It ended after the first look.
    pub live: bool,
    /// Its jobs were asked for.
    pub jobs_known: bool,
    /// Seconds that it waited for its first job.
    pub queue: Option<f64>,
    /// Seconds of its jobs.
    pub job_seconds: Option<f64>,
    /// Jobs of it whose times cannot be, or that GitHub does not list: their seconds are not known.
    #[serde(default)]
    pub unclear_jobs: u32,
    /// Ends after which it went on.
    #[serde(default)]
    pub earlier: Vec<RunEnd>,
}

/// An end of an attempt after which it went on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// As [`WorkflowRun::outcome`].
    pub outcome: String,
    /// The time of its samples.
    pub at: Option<TimestampMs>,
    /// It came after the first look.
    pub live: bool,
}

impl RunRecord {
    /// How it ended, each time.
    pub fn ends(&self) -> impl Iterator<Item = &str> {
        let last = self.run.ended().then(|| self.run.outcome());
        self.earlier.iter().map(|end| end.outcome.as_str()).chain(last)
    }

    /// The outcome and the time of its samples, for each end that has some.
    fn places(&self) -> impl Iterator<Item = Place> {
        let earlier = self.earlier.iter().filter_map(|end| Some((self.run.key(), end.outcome.clone(), end.at?)));
        earlier.chain(self.last_place())
    }

    fn last_place(&self) -> Option<Place> {
        self.at.map(|at| (self.run.key(), self.run.outcome().to_owned(), at))
    }

    /// When it ended, as far as that is known.
    #[must_use]
    pub fn end(&self) -> TimestampMs {
        self.at.or(self.run.updated).unwrap_or(self.run.created)
    }
}

/// Workflow, conclusion and time of samples.
type Place = (WorkflowKey, String, TimestampMs);

/// What is remembered beside the records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Meta {
    format: u32,
    /// The first look.
    opened: Option<TimestampMs>,
    /// All runs created up to here are known, but for the gaps.
    seen_to: Option<TimestampMs>,
    gaps: Vec<Gap>,
    /// The history of the counts of runs was told.
    told_runs: bool,
    /// And that of job seconds.
    told_jobs: bool,
    bases: BTreeMap<WorkflowKey, Totals>,
    names: WorkflowNames,
    /// GitHub would not give all runs of some time.
    missed: bool,
}

/// What is to be kept: samples first, then documents, then events.
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
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.documents.is_empty() && self.events.is_empty()
    }
}

/// Who says what a run is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedBy {
    /// An answer: how it is now.
    Api,
    /// A delivery: how it was; they come in any order.
    Webhook,
}

/// See the module.
#[derive(Debug)]
pub struct RunTracker {
    repo: String,
    /// How far back runs are held.
    keep_ms: i64,
    records: BTreeMap<RunKey, RunRecord>,
    meta: Meta,
    /// No two runs share one.
    taken: BTreeSet<Place>,
    changed: BTreeSet<RunKey>,
    meta_changed: bool,
    pending: Changes,
    /// Jobs that were asked for too early: how often, and when to ask again.
    tries: BTreeMap<RunKey, (u32, TimestampMs)>,
    statuses: BTreeSet<String>,
    /// What was told of each workflow the last time.
    told: BTreeMap<WorkflowKey, samples::PublishedSeries>,
}

fn document_key(repo: &str, (id, attempt): RunKey) -> String {
    format!("{repo}/{id:020}.{attempt}")
}

impl RunTracker {
    /// The tracker of a repository by the documents that were kept, those of others among them. Runs are held for `keep_ms`.
    #[must_use]
    pub fn restore(repo: &str, keep_ms: i64, documents: &[(String, Vec<u8>)]) -> Self {
        let mut tracker = Self {
            repo: repo.to_owned(),
            keep_ms,
            records: BTreeMap::new(),
            meta: Meta::default(),
            taken: BTreeSet::new(),
            changed: BTreeSet::new(),
            meta_changed: false,
            pending: Changes::default(),
            tries: BTreeMap::new(),
            statuses: BTreeSet::new(),
            told: BTreeMap::new(),
        };
        let prefix = format!("{repo}/");
        let ours = || documents.iter().filter(|(key, _)| key == repo || key.starts_with(&prefix));
        let meta = ours().find(|(key, _)| key == repo).and_then(|(_, bytes)| serde_json::from_slice::<Meta>(bytes).ok());
        let Some(meta) = meta.filter(|meta| meta.format == FORMAT) else {
            // Without its meta document, a run says nothing of which others are known.
            tracker.pending.documents.extend(ours().map(|(key, _)| (key.clone(), None)));
            (tracker.meta.format, tracker.meta_changed) = (FORMAT, true);
            return tracker;
        };
        tracker.meta = meta;
        for (_, bytes) in ours().filter(|(key, _)| key != repo) {
            let Ok(record) = serde_json::from_slice::<RunRecord>(bytes) else { continue };
            tracker.taken.extend(record.places());
            tracker.records.insert((record.run.id, record.run.attempt), record);
        }
        tracker
    }

    /// `owner/name`
    #[must_use]
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// All that is known, by number and attempt.
    pub fn records(&self) -> impl Iterator<Item = &RunRecord> + Clone {
        self.records.values()
    }

    /// Whether all runs are known that are to be: there was a look, and no gap is left.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.meta.opened.is_some() && self.meta.gaps.is_empty()
    }

    /// Whether GitHub would not give all runs of some time, so that what is known is not whole although all was asked for.
    #[must_use]
    pub fn has_unlisted_runs(&self) -> bool {
        self.meta.missed
    }

    /// Jobs whose seconds are not known although their runs have ended.
    #[must_use]
    pub fn jobs_without_times(&self) -> u64 {
        self.records.values().map(|record| u64::from(record.unclear_jobs)).sum()
    }

    /// What workflows are called.
    #[must_use]
    pub fn names(&self) -> &WorkflowNames {
        &self.meta.names
    }

    /// Takes in the list of workflows.
    pub fn observe_workflows(&mut self, workflows: &[Workflow]) {
        self.meta_changed |= self.meta.names.list(workflows);
    }

    /// Runs whose jobs are still to be asked for.
    #[must_use]
    pub fn runs_without_jobs(&self) -> usize {
        self.records.values().filter(|r| wants_jobs(r)).count()
    }

    /// The figures of each workflow.
    #[must_use]
    pub fn figures(&self) -> BTreeMap<WorkflowKey, WorkflowFigures> {
        let since = match (self.meta.opened, self.meta.gaps.iter().map(|gap| gap.to).max()) {
            (None, _) => Some(TimestampMs::MAX),
            (Some(_), to) => to,
        };
        figures::by_workflow(self.records.values(), &self.meta.bases, since)
    }

    fn newest(&self, id: u64) -> Option<&RunRecord> {
        self.records.range((id, 0)..=(id, u32::MAX)).next_back().map(|(_, record)| record)
    }

    /// Oldest end first, so that runs which ended in the same second get their times in the same order each time.
    fn take(&mut self, mut runs: Vec<WorkflowRun>, now: TimestampMs) {
        runs.sort_by_key(|run| (run.updated, run.id));
        for run in &runs {
            self.meta_changed |= self.meta.names.learn(run);
        }
        for run in runs {
            self.observe(run, ReportedBy::Api, now);
        }
    }

    /// Takes in what a run is like.
    pub fn observe(&mut self, run: WorkflowRun, reported_by: ReportedBy, now: TimestampMs) {
        let key = (run.id, run.attempt);
        let horizon = now - if run.ended() { self.keep_ms } else { MAX_ACTIVE_MS };
        if run.created < horizon {
            return;
        }
        let known = self.newest(run.id);
        if known.is_some_and(|known| !newer::is_newer(&known.run, &run, reported_by)) {
            return;
        }
        let before = known.filter(|known| known.run.attempt == run.attempt).cloned();
        let replaced = known.filter(|known| known.run.attempt < run.attempt && !known.run.ended()).map(|known| known.run.attempt);
        // Its end was not seen, and is not known any more.
        replaced.into_iter().for_each(|attempt| self.forget((run.id, attempt)));
        self.meta_changed |= self.meta.names.learn(&run);
        let live = self.meta.opened.is_some_and(|opened| run.updated.is_none_or(|end| end >= opened));
        if before.is_none() && (live || !run.ended()) {
            self.pending.events.push(self.event("run_started", run.started.min(now), &run, "started".to_owned()));
        }
        if !run.ended() && self.statuses.len() < MAX_STATUSES {
            self.statuses.insert(run.status.clone());
        }
        let mut record =
            RunRecord { run, at: None, live, jobs_known: false, queue: None, job_seconds: None, unclear_jobs: 0, earlier: Vec::new() };
        if let Some(before) = before {
            if before.run.ended() && !record.run.ended() {
                let goes_on = format!("goes on after {}", before.run.outcome());
                self.pending.events.push(self.event("run_started", record.run.updated.unwrap_or(now).min(now), &record.run, goes_on));
            }
            record.follow(before);
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
        // No run ended in the future: the clocks differ.
        if let Some(end) = run.updated {
            record.at = Some(self.place(run, end.min(now)));
        }
        // Of one that ended long ago, the end is known only when its jobs are.
        if record.live {
            self.tell_duration(record);
        }
    }

    /// A time of its own for samples of a run that ended.
    fn place(&mut self, run: &WorkflowRun, end: TimestampMs) -> TimestampMs {
        let mut place = (run.key(), run.outcome().to_owned(), end);
        while !self.taken.insert(place.clone()) {
            place.2 += 1;
        }
        place.2
    }

    fn tell_duration(&mut self, record: &RunRecord) {
        if let (Some(at), Some(seconds)) = (record.at, record.run.duration()) {
            let labels = self.run_labels("github_actions_run_duration_seconds", &record.run);
            self.pending.batch.push(labels, at, seconds);
        }
    }

    fn event(&self, kind: &str, at: TimestampMs, run: &WorkflowRun, what: String) -> Event {
        let again = if run.attempt > 1 { format!(", attempt {}", run.attempt) } else { String::new() };
        let key = run.key();
        let workflow = self.meta.names.name(&key);
        let title = format!("run {workflow} #{}{again} {what}", run.number);
        Event::new(at, "github", kind, run.id.to_string(), title).with_data(json!({
            "repo": self.repo, "workflow": workflow, "workflow_path": self.meta.names.path(&key), "number": run.number,
            "attempt": run.attempt, "branch": run.branch, "sha": run.sha, "event": run.event, "status": run.status,
            "conclusion": run.conclusion, "url": run.url, "duration_seconds": run.duration(),
        }))
    }

    /// Runs that have not ended, by number.
    #[must_use]
    pub fn active_runs(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.records.values().filter(|r| !r.run.ended()).map(|r| r.run.id).collect();
        ids.dedup();
        ids
    }

    /// GitHub does not know a run any more that was under way.
    pub fn remove_missing(&mut self, id: u64) {
        let keys: Vec<RunKey> = self.records.range((id, 0)..=(id, u32::MAX)).filter(|(_, r)| !r.run.ended()).map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.forget(key));
    }

    fn forget(&mut self, key: RunKey) {
        self.changed.remove(&key);
        self.tries.remove(&key);
        if let Some(record) = self.records.remove(&key) {
            for place in record.places() {
                self.taken.remove(&place);
            }
            self.pending.documents.push((document_key(&self.repo, key), None));
        }
    }

    /// The run whose jobs are to be asked for next, and whether it is history: the newest of those that ended after the
    /// first look, then history from its beginning.
    #[must_use]
    pub fn next_run_without_jobs(&self, now: TimestampMs) -> Option<(WorkflowRun, bool)> {
        // A clock that went back must not hold them up.
        let ready = |key: &RunKey| self.tries.get(key).is_none_or(|(_, again)| *again <= now || *again > now + MAX_WAIT_MS);
        let wanted = self.records.iter().filter(|(key, record)| wants_jobs(record) && ready(key));
        let first = wanted.min_by_key(|(_, record)| if record.live { (false, -record.end()) } else { (true, record.end()) });
        first.map(|(_, record)| (record.run.clone(), !record.live))
    }

    /// Takes in the jobs of a run that ended; none where GitHub does not know them any more.
    pub fn observe_jobs(&mut self, key: RunKey, jobs: Option<JobFigures>, now: TimestampMs) {
        let (id, attempt) = key;
        let counted = self.records.range((id, 0)..(id, attempt)).next().is_some();
        let Some(mut record) = self.records.get(&key).filter(|r| wants_jobs(r)).cloned() else { return };
        if jobs.is_some_and(|jobs| !jobs.ended || !jobs.whole) {
            let (tries, again) = self.tries.entry(key).or_default();
            *tries += 1;
            *again = now + 2_000 * 3_i64.pow((*tries).min(6));
            if *tries < MAX_TRIES {
                return;
            }
        }
        self.tries.remove(&key);
        record.jobs_known = true;
        record.queue = jobs.and_then(|jobs| jobs.queue(&record.run));
        record.unclear_jobs = jobs.map_or(0, |jobs| jobs.unclear.max(u32::from(!jobs.whole)));
        // A job that an attempt took over is counted with the attempt in which it ran, or here where that was not seen.
        let carried = |jobs: JobFigures| if counted { 0.0 } else { jobs.carried_seconds };
        let seconds = jobs.and_then(|jobs| Some(jobs.seconds? + carried(jobs)));
        // What was counted of it before it went on stays counted.
        record.job_seconds = [seconds, record.job_seconds].into_iter().flatten().reduce(f64::max);
        if !record.live {
            if let (Some(updated), Some(jobs)) = (record.run.updated, jobs)
                && jobs.end(updated) < updated
            {
                let end = jobs.end(updated);
                record.run.updated = Some(end);
                if let Some(place) = record.last_place() {
                    self.taken.remove(&place);
                }
                record.at = Some(self.place(&record.run, end.min(now)));
            }
            self.tell_duration(&record);
        }
        if let (Some(at), Some(queue)) = (record.at, record.queue) {
            let labels = self.run_labels("github_actions_run_queue_seconds", &record.run);
            self.pending.batch.push(labels, at, queue);
        }
        self.records.insert(key, record);
        self.changed.insert(key);
    }

    /// Whether what a delivery says of a run is no news.
    #[must_use]
    pub fn is_known(&self, run: &WorkflowRun) -> bool {
        self.newest(run.id).is_some_and(|known| !newer::is_newer(&known.run, run, ReportedBy::Webhook))
    }

    /// The jobs of a run could not be had: others first, and then again. Given up in the end.
    pub fn retry_jobs_later(&mut self, key: RunKey, now: TimestampMs) {
        let (tries, again) = self.tries.entry(key).or_default();
        *tries += 1;
        *again = now + 1_000 * 3_i64.pow((*tries).min(8));
        if *tries >= MAX_POSTPONED {
            self.observe_jobs(key, None, now);
        }
    }

    /// What is to be kept since the last time.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = std::mem::take(&mut self.pending);
        for key in std::mem::take(&mut self.changed) {
            if let Some(record) = self.records.get(&key) {
                changes.documents.push((document_key(&self.repo, key), serde_json::to_vec(record).ok()));
            }
        }
        if std::mem::take(&mut self.meta_changed) {
            changes.documents.push((self.repo.clone(), serde_json::to_vec(&self.meta).ok()));
        }
        changes
    }

    /// Runs that began, for what went on meanwhile: when the head was committed, where that is known, else when the run
    /// was created; and the seconds of its jobs. By rising time.
    #[must_use]
    pub fn started_runs(&self) -> Vec<(TimestampMs, Option<f64>)> {
        let mut began: Vec<_> = self.records.values().map(|r| (r.run.committed.unwrap_or(r.run.created), r.job_seconds)).collect();
        began.sort_by_key(|(at, _)| *at);
        began
    }
}

fn wants_jobs(record: &RunRecord) -> bool {
    record.run.ended() && !record.jobs_known
}
