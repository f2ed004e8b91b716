//! What is kept beside samples, as advisors read it: runs of workflows, moves of tasks, and alerts that ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Evidence;
use super::history::{BoardName, History};
use crate::ci::figures::verdict;
use crate::ci::tracker::RunRecord;
use crate::event::Event;
use crate::model::TimestampMs;
use crate::money::prices::Charge;
use crate::rules::{Alert, ENDED};
use crate::store::StoreError;
use crate::words::money;

/// Moves of tasks that are read at the most, the newest first.
const MOST_MOVES: usize = 20_000;

/// A workflow, and its runs that ended.
#[derive(Debug, PartialEq)]
pub(super) struct Workflow {
    /// Repository and name, as in labels.
    pub(super) name: (String, String),
    /// The newest attempt of each run, the oldest run first.
    pub(super) runs: Vec<Arc<RunRecord>>,
    /// Commits that both failed and succeeded, or succeeded at a later attempt.
    pub(super) flaky: BTreeSet<String>,
    /// All attempts that ended.
    pub(super) attempts: Vec<Attempt>,
}

/// What an attempt of a run took.
#[derive(Debug, PartialEq)]
pub(super) struct Attempt {
    pub(super) end: TimestampMs,
    pub(super) seconds: f64,
    pub(super) charge: Option<Charge>,
}

/// What job time cost.
pub(super) struct Paid {
    amount: f64,
    seconds: f64,
    /// ISO code.
    currency: String,
}

impl Paid {
    /// What so much of that time cost on average, as a sentence that follows others, and as a figure.
    pub(super) fn part(&self, seconds: f64) -> (String, Evidence) {
        let amount = self.amount / self.seconds * seconds;
        let sentence = format!(" That time cost about {}, by the prices of the settings.", money(amount, Some(&self.currency)));
        (sentence, Evidence::counted(format!("cost of that time, {}", self.currency), amount, "count"))
    }

    /// What all of it cost, of a week.
    pub(super) fn week(&self) -> (String, Evidence) {
        let sentence =
            format!(" Its runs of the last week cost {}, by the prices of the settings.", money(self.amount, Some(&self.currency)));
        (sentence, Evidence::counted(format!("cost of its runs of the last week, {}", self.currency), self.amount, "count"))
    }
}

impl Workflow {
    /// The branch that most pushes go to.
    pub(super) fn trunk(&self) -> Option<&str> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for record in self.all().filter(|record| record.run.event != "pull_request" && !record.run.fork) {
            *counts.entry(&record.run.branch).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(branch, _)| branch)
    }

    /// How many attempts ended since a time whose jobs have no price.
    pub(super) fn unpriced_since(&self, since: TimestampMs) -> usize {
        self.attempts.iter().filter(|attempt| attempt.end > since && attempt.charge.is_none() && attempt.seconds > 0.0).count()
    }

    /// What job time cost since a time; none unless all of it has a price.
    pub(super) fn paid_since(&self, since: TimestampMs) -> Option<Paid> {
        let mut paid = Paid { amount: 0.0, seconds: 0.0, currency: String::new() };
        for attempt in self.attempts.iter().filter(|attempt| attempt.end > since && attempt.seconds > 0.0) {
            let charge = attempt.charge.as_ref()?;
            paid.amount += charge.amount;
            paid.seconds += attempt.seconds;
            paid.currency.clone_from(&charge.currency);
        }
        Some(paid).filter(|paid| paid.seconds > 0.0 && paid.amount > 0.0)
    }

    /// All of its runs, the oldest first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &RunRecord> + Clone {
        self.runs.iter().map(Arc::as_ref)
    }

    /// The runs that ended since then.
    pub(super) fn since(&self, at: TimestampMs) -> impl Iterator<Item = &RunRecord> + Clone {
        self.all().filter(move |record| record.end() > at)
    }
}

/// Whether a run failed; none where it says nothing.
pub(super) fn failed(record: &RunRecord) -> Option<bool> {
    verdict(record.run.conclusion.as_deref()).map(|good| !good)
}

/// A commit as people write it.
pub(super) fn short(sha: &str) -> &str {
    sha.get(..8).unwrap_or(sha)
}

/// A commit and what its run was called.
pub(super) fn commit(record: &RunRecord) -> String {
    match record.run.title.as_str() {
        "" => short(&record.run.sha).to_owned(),
        title => format!("{} ({})", short(&record.run.sha), title.chars().take(80).collect::<String>()),
    }
}

/// A task that changed its status.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub(super) at: TimestampMs,
    pub(super) board: BoardName,
    pub(super) task: String,
    /// The status after; none where the task was removed.
    pub(super) to: Option<String>,
    /// It left done or review for pending or in progress.
    pub(super) reopened: bool,
    /// Its complexity score, where it was analysed.
    pub(super) complexity: Option<f64>,
}

impl Move {
    fn read(event: &Event) -> Option<Self> {
        let text = |name: &str| event.data.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        Some(Self {
            at: event.at,
            board: (text("project")?, text("tag")?),
            task: event.subject.clone(),
            to: text("to"),
            reopened: event.data.get("reopened").and_then(serde_json::Value::as_bool).unwrap_or(false),
            complexity: event.data.get("complexity").and_then(serde_json::Value::as_f64),
        })
    }
}

impl History<'_> {
    /// The workflows whose runs are kept, with those that had ended by now.
    pub(super) fn workflows(&self) -> Result<&[Workflow], StoreError> {
        if let Some(known) = self.workflows.get() {
            return Ok(known);
        }
        let found = self.runs.borrow_mut().workflows(self.store, self.now)?;
        Ok(self.workflows.get_or_init(|| found))
    }

    /// What the job time of a workflow cost since a time; none unless all of it has a price, and the name is of one workflow.
    pub(super) fn paid(&self, of: &(String, String), since: TimestampMs) -> Result<Option<Paid>, StoreError> {
        let mut named = self.workflows()?.iter().filter(|workflow| workflow.name == *of);
        Ok(named.next().filter(|_| named.next().is_none()).and_then(|workflow| workflow.paid_since(since)))
    }

    /// Moves of tasks within the last `span_ms`, the oldest first.
    pub(super) fn moves(&self, span_ms: i64) -> Result<Vec<Move>, StoreError> {
        let of_task =
            |event: &Event| event.source == "taskmaster" && ["task_status", "task_added", "task_removed"].contains(&event.kind.as_str());
        let events = self.store.events(self.now - span_ms, self.now, MOST_MOVES, of_task)?;
        Ok(events.iter().rev().filter_map(|(_, event)| Move::read(event)).collect())
    }

    /// The documents of a kind.
    pub(super) fn documents(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.store.documents(kind)
    }

    /// Alerts that ended within the last `span_ms`.
    pub(super) fn alerts(&self, span_ms: i64) -> Result<Vec<Alert>, StoreError> {
        let ended = |alert: &Alert| alert.resolved_at.is_some_and(|at| at > self.now - span_ms && at <= self.now);
        let documents = self.store.documents(ENDED)?;
        Ok(documents.iter().filter_map(|(_, bytes)| serde_json::from_slice(bytes).ok()).filter(ended).collect())
    }
}
