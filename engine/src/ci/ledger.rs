//! What was seen of a repository's runs, so that each end of a run is told once.
//!
//! Each attempt of a run is a [`Record`]. Samples of a run carry the time of its end, so telling them a second time (after
//! a crash between keeping the samples and keeping the record) changes nothing. Counters are worked out from the
//! records: they neither lose nor double a run, whatever happened to the answers in between.
//!
//! Runs that ended before the first look are *history*: their counters are told at the times of their ends once all of
//! them are known, oldest first, and those of now go on from there. What is still to be read of the past are [`Gap`]s:
//! the time before the first look, and the time during which nobody looked.

mod tell;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::figures::{self, Base, Figures};
use super::parse::{JobFigures, Page, Run};
use crate::event::Event;
use crate::model::{Batch, Labels, TimestampMs};
use crate::store::DocumentChange;

/// GitHub ends what takes longer.
const MAX_ACTIVE_MS: i64 = 35 * 86_400_000;
/// Records that are held one by one; the oldest are added up beyond.
pub const MAX_RECORDS: usize = 10_000;
/// Stretches of the past that are still to be read; more become one.
const MAX_GAPS: usize = 8;
/// How often the jobs of a run that ended are asked for while some have not.
const MAX_TRIES: u32 = 4;
/// How often they are asked for while GitHub cannot answer: for about a day.
const MAX_POSTPONED: u32 = 20;
/// Longest time between two of those.
const MAX_WAIT_MS: i64 = 7_200_000;
/// Unknown statuses that are told apart.
const MAX_STATUSES: usize = 16;
/// A run's number and attempt.
pub type Key = (u64, u32);

/// One attempt of a run, and what was told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// As it was seen last.
    #[serde(flatten)]
    pub run: Run,
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
}

impl Record {
    /// When it ended, as far as that is known.
    #[must_use]
    pub fn end(&self) -> TimestampMs {
        self.at.or(self.run.updated).unwrap_or(self.run.created)
    }
}

/// A stretch of creation times of which not all runs are known, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Its beginning.
    pub from: TimestampMs,
    /// Its end; moves towards the beginning.
    pub to: TimestampMs,
}

/// What is remembered beside the records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Meta {
    /// The first look.
    opened: Option<TimestampMs>,
    /// All runs created up to here are known, but for the gaps.
    seen_to: Option<TimestampMs>,
    gaps: Vec<Gap>,
    /// The history of the counts of runs was told.
    told_runs: bool,
    /// And that of job seconds.
    told_jobs: bool,
    bases: BTreeMap<String, Base>,
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
pub enum Witness {
    /// An answer: how it is now.
    Answer,
    /// A delivery: how it was; they come in any order.
    Delivery,
}

/// See the module.
#[derive(Debug)]
pub struct Ledger {
    repo: String,
    /// How far back runs are held.
    keep_ms: i64,
    records: BTreeMap<Key, Record>,
    meta: Meta,
    /// Workflow, conclusion and time of samples, so that no two runs share one.
    taken: BTreeSet<(String, String, TimestampMs)>,
    changed: BTreeSet<Key>,
    meta_changed: bool,
    pending: Changes,
    /// Jobs that were asked for too early: how often, and when to ask again.
    tries: BTreeMap<Key, (u32, TimestampMs)>,
    statuses: BTreeSet<String>,
}

fn document_key(repo: &str, (id, attempt): Key) -> String {
    format!("{repo}/{id:020}.{attempt}")
}

impl Ledger {
    /// The ledger of a repository by the documents that were kept, those of others among them. Runs are held for `keep_ms`.
    #[must_use]
    pub fn restore(repo: &str, keep_ms: i64, documents: &[(String, Vec<u8>)]) -> Self {
        let mut ledger = Self {
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
        };
        let prefix = format!("{repo}/");
        for (key, bytes) in documents {
            if key == repo {
                ledger.meta = serde_json::from_slice(bytes).unwrap_or_default();
            } else if key.starts_with(&prefix)
                && let Ok(record) = serde_json::from_slice::<Record>(bytes)
            {
                if let Some(at) = record.at {
                    ledger.taken.insert((record.run.workflow.clone(), record.run.outcome().to_owned(), at));
                }
                ledger.records.insert((record.run.id, record.run.attempt), record);
            }
        }
        ledger
    }

    /// `owner/name`
    #[must_use]
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// All that is known, by number and attempt.
    pub fn records(&self) -> impl Iterator<Item = &Record> + Clone {
        self.records.values()
    }

    /// Whether all runs are known that are to be: there was a look, and no gap is left.
    #[must_use]
    pub fn whole(&self) -> bool {
        self.meta.opened.is_some() && self.meta.gaps.is_empty()
    }

    /// Runs whose jobs are still to be asked for.
    #[must_use]
    pub fn jobs_wanted(&self) -> usize {
        self.records.values().filter(|r| wants_jobs(r)).count()
    }

    /// The figures of each workflow.
    #[must_use]
    pub fn figures(&self) -> BTreeMap<String, Figures> {
        let since = match (self.meta.opened, self.meta.gaps.iter().map(|gap| gap.to).max()) {
            (None, _) => Some(TimestampMs::MAX),
            (Some(_), to) => to,
        };
        figures::by_workflow(self.records.values(), &self.meta.bases, since)
    }

    fn newest(&self, id: u64) -> Option<&Record> {
        self.records.range((id, 0)..=(id, u32::MAX)).next_back().map(|(_, record)| record)
    }

    /// Takes in the newest runs, as the first page of an answer has them; `full` is the length of a page after which
    /// there is another.
    pub fn first_page(&mut self, page: Page<Run>, full: usize, now: TimestampMs) {
        let times = || page.items.iter().map(|run| run.created);
        let (oldest, newest) = (times().min(), times().max());
        let from = self.meta.seen_to.unwrap_or(TimestampMs::MIN).max(now - self.keep_ms);
        if let Some(oldest) = oldest.filter(|oldest| page.length >= full && *oldest > from) {
            self.meta.gaps.push(Gap { from, to: oldest });
            if self.meta.gaps.len() > MAX_GAPS {
                let ends =
                    |gaps: &[Gap]| (gaps.iter().map(|g| g.from).min().unwrap_or(from), gaps.iter().map(|g| g.to).max().unwrap_or(oldest));
                let (from, to) = ends(&self.meta.gaps);
                self.meta.gaps = vec![Gap { from, to }];
            }
            self.meta_changed = true;
        }
        self.take(page.items, now);
        // A clock that is ahead must not hide what comes later.
        let newest = newest.map(|newest| newest.min(now)).max(self.meta.seen_to);
        if newest != self.meta.seen_to || self.meta.opened.is_none() {
            self.meta.seen_to = newest.or(Some(now));
            self.meta.opened.get_or_insert(now);
            self.meta_changed = true;
        }
    }

    /// The stretch of the past that is to be read next, the newest first.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        self.meta.gaps.last().copied()
    }

    /// Takes in an answer for [`Ledger::gap`], the newest runs of it.
    pub fn gap_page(&mut self, page: Page<Run>, full: usize, now: TimestampMs) {
        let oldest = page.items.iter().map(|run| run.created).min();
        let more = page.length >= full;
        self.take(page.items, now);
        let Some(gap) = self.meta.gaps.last_mut() else { return };
        match oldest.filter(|_| more) {
            // A whole page within one second: on to the second before.
            Some(oldest) => gap.to = if oldest < gap.to { oldest } else { gap.to - 1_000 },
            None => gap.to = TimestampMs::MIN,
        }
        if gap.to <= gap.from.max(now - self.keep_ms) {
            self.meta.gaps.pop();
        }
        self.meta_changed = true;
    }

    /// Oldest end first, so that runs which ended in the same second get their times in the same order each time.
    fn take(&mut self, mut runs: Vec<Run>, now: TimestampMs) {
        runs.sort_by_key(|run| (run.updated, run.id));
        for run in runs {
            self.observe(run, Witness::Answer, now);
        }
    }

    /// Takes in what a run is like.
    pub fn observe(&mut self, run: Run, witness: Witness, now: TimestampMs) {
        let key = (run.id, run.attempt);
        let horizon = now - if run.ended() { self.keep_ms } else { MAX_ACTIVE_MS };
        if run.created < horizon {
            return;
        }
        let mut fresh = true;
        if let Some(known) = self.newest(run.id) {
            if known.run.attempt > run.attempt || (known.run.attempt == run.attempt && (known.run.ended() || known.run == run)) {
                return;
            }
            if known.run.attempt == run.attempt {
                let rank = |run: &Run| (run.updated, run.ended(), run.status == "in_progress");
                if witness == Witness::Delivery && rank(&run) < rank(&known.run) {
                    return;
                }
                fresh = false;
            } else if !known.run.ended() {
                // Its end was not seen, and is not known any more.
                let before = (known.run.id, known.run.attempt);
                self.forget(before);
            }
        }
        let live = self.meta.opened.is_some_and(|opened| run.updated.is_none_or(|end| end >= opened));
        if fresh && (live || !run.ended()) {
            self.pending.events.push(self.event("run_started", run.started.min(now), &run, "started".to_owned()));
        }
        if !run.ended() && self.statuses.len() < MAX_STATUSES {
            self.statuses.insert(run.status.clone());
        }
        let mut record = Record { run, at: None, live, jobs_known: false, queue: None, job_seconds: None };
        if record.run.ended() {
            self.end(&mut record, now);
        }
        self.records.insert(key, record);
        self.changed.insert(key);
    }

    fn end(&mut self, record: &mut Record, now: TimestampMs) {
        let run = &record.run;
        let ended = format!("ended: {}", run.outcome());
        if record.live {
            self.pending.events.push(self.event("run_finished", run.updated.unwrap_or(now).min(now), run, ended));
        }
        let Some(end) = run.updated else { return };
        // No run ended in the future: the clocks differ.
        let mut place = (run.workflow.clone(), run.outcome().to_owned(), end.min(now));
        while !self.taken.insert(place.clone()) {
            place.2 += 1;
        }
        record.at = Some(place.2);
        if let Some(seconds) = run.duration() {
            let labels = self.run_labels("github_actions_run_duration_seconds", run);
            self.pending.batch.push(labels, place.2, seconds);
        }
    }

    fn run_labels(&self, metric: &str, run: &Run) -> Labels {
        Labels::metric(metric, &[("repo", &self.repo), ("workflow", &run.workflow), ("conclusion", run.outcome())])
    }

    fn event(&self, kind: &str, at: TimestampMs, run: &Run, what: String) -> Event {
        let again = if run.attempt > 1 { format!(", attempt {}", run.attempt) } else { String::new() };
        let title = format!("run {} #{}{again} {what}", run.workflow, run.number);
        Event::new(at, "github", kind, run.id.to_string(), title).with_data(json!({
            "repo": self.repo, "workflow": run.workflow, "number": run.number, "attempt": run.attempt, "branch": run.branch,
            "sha": run.sha, "event": run.event, "status": run.status, "conclusion": run.conclusion, "url": run.url,
            "duration_seconds": run.duration(),
        }))
    }

    /// Runs that have not ended, by number.
    #[must_use]
    pub fn under_way(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.records.values().filter(|r| !r.run.ended()).map(|r| r.run.id).collect();
        ids.dedup();
        ids
    }

    /// GitHub does not know a run any more that was under way.
    pub fn gone(&mut self, id: u64) {
        let keys: Vec<Key> = self.records.range((id, 0)..=(id, u32::MAX)).filter(|(_, r)| !r.run.ended()).map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.forget(key));
    }

    fn forget(&mut self, key: Key) {
        self.changed.remove(&key);
        self.tries.remove(&key);
        if let Some(record) = self.records.remove(&key) {
            if let Some(at) = record.at {
                self.taken.remove(&(record.run.workflow.clone(), record.run.outcome().to_owned(), at));
            }
            self.pending.documents.push((document_key(&self.repo, key), None));
        }
    }

    /// The run whose jobs are to be asked for next, and whether it is history: the newest of those that ended after the
    /// first look, then history from its beginning.
    #[must_use]
    pub fn wanted(&self, now: TimestampMs) -> Option<(Run, bool)> {
        // A clock that went back must not hold them up.
        let ready = |key: &Key| self.tries.get(key).is_none_or(|(_, again)| *again <= now || *again > now + MAX_WAIT_MS);
        let wanted = self.records.iter().filter(|(key, record)| wants_jobs(record) && ready(key));
        let first = wanted.min_by_key(|(_, record)| if record.live { (false, -record.end()) } else { (true, record.end()) });
        first.map(|(_, record)| (record.run.clone(), !record.live))
    }

    /// Takes in the jobs of a run that ended; none where GitHub does not know them any more.
    pub fn note_jobs(&mut self, key: Key, jobs: Option<JobFigures>, now: TimestampMs) {
        let Some(record) = self.records.get_mut(&key).filter(|r| wants_jobs(r)) else { return };
        if jobs.is_some_and(|jobs| !jobs.ended) {
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
        record.job_seconds = jobs.and_then(|jobs| jobs.seconds);
        let (run, at, queue) = (record.run.clone(), record.at, record.queue);
        if let (Some(at), Some(queue)) = (at, queue) {
            let labels = self.run_labels("github_actions_run_queue_seconds", &run);
            self.pending.batch.push(labels, at, queue);
        }
        self.changed.insert(key);
    }

    /// Whether an attempt is known to have ended, or a later one is known.
    #[must_use]
    pub fn has_ended(&self, (id, attempt): Key) -> bool {
        self.newest(id).is_some_and(|known| known.run.attempt > attempt || (known.run.attempt == attempt && known.run.ended()))
    }

    /// The jobs of a run could not be had: others first, and then again. Given up in the end.
    pub fn postpone(&mut self, key: Key, now: TimestampMs) {
        let (tries, again) = self.tries.entry(key).or_default();
        *tries += 1;
        *again = now + 1_000 * 3_i64.pow((*tries).min(8));
        if *tries >= MAX_POSTPONED {
            self.note_jobs(key, None, now);
        }
    }

    /// What is to be kept since the last time.
    pub fn changes(&mut self) -> Changes {
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
    pub fn began(&self) -> Vec<(TimestampMs, Option<f64>)> {
        let mut began: Vec<_> = self.records.values().map(|r| (r.run.committed.unwrap_or(r.run.created), r.job_seconds)).collect();
        began.sort_by_key(|(at, _)| *at);
        began
    }
}

fn wants_jobs(record: &Record) -> bool {
    record.run.ended() && !record.jobs_known
}
