//! The changes of a board, from one observation to the next.
//!
//! The files hold no history: `updatedAt` is the only time in them, so the start of a task is known only to a watcher. The first
//! observation shows the current state and nothing else. From the second on, a difference is either a change of a task, or the file
//! switched to another version (a checkout, a restored copy); [`super::facts`] decides that for a task, [`super::observation`] for a file.
//!
//! * **When**: `updatedAt` where it changed and is plausible, else the time of the observation. So transitions during a long absence
//!   get the times of the file.
//! * **What counts**: only changes of tasks count as completed or reopened, have durations and enter the failure ratio. Checking out
//!   a branch, a stash or a restored copy counts nothing, however often. A change of a subtask is only a transition.
//! * **A task that appears or disappears** is a transition without an outcome: one that appears as done was not observed becoming
//!   done, and one that appears in progress has an unknown start. Subtasks that appear or disappear with their task are not
//!   reported. Counters of a tag outlive its tasks, so that they never fall; a task that returns in a state that it was observed in is
//!   the same one.
//!
//! A [`Watcher`] is the memory of one project. It can be saved and restored after any observation, and continues as if it had kept
//! running. Its size is bounded by that of the board, by [`MAX_OUTCOMES`], [`MAX_GONE_TAGS`] and [`MAX_GONE_TASKS`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::facts::{Facts, State};
use super::observation::Observation;
use super::parse::Board;
use super::stopwatch::Stopwatch;
use super::{DONE, IN_PROGRESS, is_finished};
use crate::confidence::lowest_share;

/// The time that the failure ratio covers.
pub const FAILURE_WINDOW_MS: i64 = 24 * 60 * 60 * 1000;
/// Transitions remembered for the failure ratio at the most; the oldest are dropped first.
pub const MAX_OUTCOMES: usize = 10_000;
/// Removed tags that are remembered for their counters; the first removed are dropped first.
pub const MAX_GONE_TAGS: usize = 1_000;
/// Removed tasks that are remembered, so that they are recognised when they return; the first removed are dropped first.
pub const MAX_GONE_TASKS: usize = 2_000;
/// How long completions are remembered, for throughput and forecasts.
pub const COMPLETIONS_WINDOW_MS: i64 = 90 * 24 * 60 * 60 * 1000;
/// Periods of work remembered of a task; the oldest are dropped first.
const MAX_PERIODS: usize = 64;
/// Unknown statuses remembered as reported.
const MAX_REPORTED_STATUSES: usize = 1_000;

/// A task or subtask that changed its status, appeared or was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The tag.
    pub tag: String,
    /// The task.
    pub task_id: String,
    /// The number of the subtask, where a subtask changed.
    pub subtask: Option<String>,
    /// The title of the task or subtask.
    pub title: String,
    /// The task's priority; empty where the file has none.
    pub priority: String,
    /// The status before; none when it appeared.
    pub from: Option<String>,
    /// The status after; none when it was removed.
    pub to: Option<String>,
    /// When. Never after the observation.
    pub at_ms: i64,
    /// Whether a task left done or review for pending or in progress. False for subtasks.
    pub reopened: bool,
}

/// A task that was observed from its start until it became done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// The tag.
    pub tag: String,
    /// The task.
    pub task_id: String,
    /// Its priority; empty where the file has none.
    pub priority: String,
    /// Time in progress and in review since its start.
    pub seconds: f64,
    /// The part of it in review.
    #[serde(default)]
    pub review_seconds: f64,
    /// When it became done.
    pub at_ms: i64,
}

/// A tag that switched to another version: another branch was checked out, or an older copy restored. None of its differences count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// The tag.
    pub tag: String,
    /// The tasks whose status differs.
    pub task_ids: Vec<String>,
    /// When that was observed.
    pub at_ms: i64,
}

/// The result of one observation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// Changes, by rising time.
    pub transitions: Vec<Transition>,
    /// Completed executions, by rising time.
    pub executions: Vec<Execution>,
    /// Tags that switched to another version.
    pub switched: Vec<Switched>,
    /// Statuses that Task Master does not have and that were not observed before.
    pub unknown_statuses: Vec<String>,
}

/// Counts since the watcher's first observation. They never fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Times that a task became done.
    pub completed: u64,
    /// Times that a task was reopened.
    pub reopened: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OutcomeKind {
    Done,
    Cancelled,
    Reopened,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) at_ms: i64,
    pub(super) tag: String,
    pub(super) kind: OutcomeKind,
}

/// The last observed state of a task or subtask.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    pub(super) status: String,
    pub(super) title: String,
    pub(super) updated_at_ms: Option<i64>,
    /// The next transition cannot be earlier: the time of the last one, or the last plausible `updatedAt`.
    pub(super) not_before_ms: Option<i64>,
}

impl Seen {
    pub(super) fn state(&self) -> State {
        State { status: self.status.clone(), at_ms: self.updated_at_ms }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SeenTask {
    pub(super) seen: Seen,
    pub(super) priority: String,
    pub(super) stopwatch: Stopwatch,
    /// How long the last execution took; none where its start was not observed.
    pub(super) last_execution_ms: Option<i64>,
    /// When it was in progress: start, and end where it has ended.
    pub(super) work: VecDeque<(i64, Option<i64>)>,
    /// Start of the first period of `work`, where the task was in progress already when it was first observed so.
    pub(super) work_seen_late_ms: Option<i64>,
    pub(super) subtasks: BTreeMap<String, Seen>,
    /// The states that it was observed in.
    pub(super) facts: Facts,
    /// The state that the stopwatch belongs to, while the file is switched to another version.
    pub(super) parked: Option<State>,
}

impl SeenTask {
    /// Records when the task is in progress. `start_seen` says whether `at_ms` is its real start.
    pub(super) fn record_work(&mut self, status: &str, at_ms: i64, start_seen: bool) {
        if status != IN_PROGRESS {
            if let Some((since, end @ None)) = self.work.back_mut() {
                *end = Some(at_ms.max(*since));
            }
        } else if !matches!(self.work.back(), Some((_, None))) {
            if self.work.is_empty() && !start_seen {
                self.work_seen_late_ms = Some(at_ms);
            }
            self.work.push_back((at_ms, None));
            if self.work.len() > MAX_PERIODS {
                self.work.pop_front();
            }
        }
    }

    /// The file switched to another version of the task, observed at `seen_at_ms`. When the task returns to the state that was left,
    /// the stopwatch continues as if nothing had happened.
    pub(super) fn switch_to(&mut self, now: State, seen_at_ms: i64) {
        let line = self.parked.take().unwrap_or_else(|| self.seen.state());
        self.parked = (line != now).then_some(line);
        self.facts.add(&now);
        self.record_work(&now.status, seen_at_ms, false);
        (self.seen.status, self.seen.updated_at_ms) = (now.status, now.at_ms);
    }
}

/// A task that was removed from the board.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct GoneTask {
    pub(super) gone_ms: i64,
    pub(super) task: SeenTask,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SeenTag {
    /// Its first observation; none in the memory of an earlier version of the service.
    first_ms: Option<i64>,
    pub(super) tasks: BTreeMap<String, SeenTask>,
    pub(super) completed: u64,
    pub(super) reopened: u64,
    /// When the board lost it.
    pub(super) gone_ms: Option<i64>,
    /// Its removed tasks, by key.
    pub(super) gone_tasks: BTreeMap<String, GoneTask>,
    /// Hashes of all versions of the tag, while it has tasks without a time; the last is the current one.
    #[serde(rename = "wholes")]
    pub(super) versions: VecDeque<u64>,
}

/// The memory of the changes of one project. See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Watcher {
    #[serde(rename = "last_look_ms")]
    last_observed_ms: Option<i64>,
    tags: BTreeMap<String, SeenTag>,
    /// By rising time.
    outcomes: VecDeque<Outcome>,
    /// The first observation.
    #[serde(rename = "first_look_ms")]
    first_observed_ms: Option<i64>,
    /// When tasks became done, and of which tag; by rising time.
    completions: VecDeque<(i64, String)>,
    /// When the number of open tasks changed otherwise, of which tag, and by how much; by rising time.
    scope: VecDeque<(i64, String, i64)>,
    #[serde(rename = "told_statuses")]
    reported_statuses: BTreeSet<String>,
}

impl Watcher {
    /// Applies an observation of the board. Returns what changed since the last one; the first shows no transition.
    pub fn observe(&mut self, board: &Board, seen_at_ms: i64) -> Observed {
        let mut observation = Observation::new(seen_at_ms, self.last_observed_ms, board, &mut self.tags);
        for (name, tag) in &board.tags {
            let new = || SeenTag { first_ms: Some(seen_at_ms), ..SeenTag::default() };
            observation.tag(name, tag, self.tags.entry(name.clone()).or_insert_with(new));
        }
        // A tag that was left out is not removed: its memory stays.
        let gone = |name: &String| !board.tags.contains_key(name) && !board.left_out.contains(name) && !board.unreadable.contains(name);
        for (name, seen) in self.tags.iter_mut().filter(|(name, _)| gone(name)) {
            observation.tag_gone(name, seen);
            seen.gone_ms.get_or_insert(seen_at_ms);
        }
        let (mut observed, outcomes) = observation.end();
        observed.transitions.sort_by_key(|transition| transition.at_ms);
        observed.executions.sort_by_key(|execution| execution.at_ms);
        for status in board.unknown_statuses() {
            if self.reported_statuses.len() < MAX_REPORTED_STATUSES && self.reported_statuses.insert(status.to_owned()) {
                observed.unknown_statuses.push(status.to_owned());
            }
        }
        self.completions.extend(outcomes.iter().filter(|o| o.kind == OutcomeKind::Done).map(|o| (o.at_ms, o.tag.clone())));
        self.scope.extend(observed.transitions.iter().filter_map(|t| Some((t.at_ms, t.tag.clone(), scope_change(t)?))));
        self.outcomes.extend(outcomes);
        self.first_observed_ms.get_or_insert(seen_at_ms);
        self.last_observed_ms = Some(seen_at_ms);
        self.drop_old(seen_at_ms);
        observed
    }

    /// Since when a task is worked on: in progress, and in review after it. None where it is not, or where its start was not
    /// observed.
    #[must_use]
    pub fn in_progress_since(&self, tag: &str, id: &str) -> Option<i64> {
        self.tags.get(tag)?.tasks.get(id).filter(|task| task.parked.is_none())?.stopwatch.since_ms()
    }

    /// Since when a task's time in progress is known, and whether that is its start: it may have been in progress already when it
    /// was first observed. None where it was never in progress.
    #[must_use]
    pub fn work_since(&self, tag: &str, id: &str) -> Option<(i64, bool)> {
        let task = self.tags.get(tag)?.tasks.get(id)?;
        let from = task.work.front()?.0;
        Some((from, task.work_seen_late_ms != Some(from)))
    }

    /// How long a task took the last time it became done; none where its start was not observed.
    #[must_use]
    pub fn last_execution_seconds(&self, tag: &str, id: &str) -> Option<f64> {
        self.tags.get(tag)?.tasks.get(id)?.last_execution_ms.map(seconds)
    }

    /// When each task of the board was in progress, as far as that was seen: tag, task, from and to.
    pub fn work(&self) -> impl Iterator<Item = (&str, &str, &VecDeque<(i64, Option<i64>)>)> {
        self.tags.iter().flat_map(|(tag, seen)| seen.tasks.iter().map(move |(id, task)| (tag.as_str(), id.as_str(), &task.work)))
    }

    /// When tasks of a tag became done, and since when that would have been seen.
    #[must_use]
    pub fn completions(&self, tag: &str) -> (Option<i64>, Vec<i64>) {
        let since = self.tags.get(tag).and_then(|seen| seen.first_ms).or(self.first_observed_ms);
        (since, self.completions.iter().filter(|(_, of)| of == tag).map(|(at, _)| *at).collect())
    }

    /// When the number of open tasks of a tag changed other than by a completion, and by how much.
    #[must_use]
    pub fn scope(&self, tag: &str) -> Vec<(i64, i64)> {
        self.scope.iter().filter(|(_, of, _)| of == tag).map(|(at, _, change)| (*at, *change)).collect()
    }

    /// The counts of a tag since the first observation.
    #[must_use]
    pub fn counters(&self, tag: &str) -> Counters {
        self.tags.get(tag).map_or_else(Counters::default, |seen| Counters { completed: seen.completed, reopened: seen.reopened })
    }

    /// (cancelled + reopened) / (done + cancelled + reopened) over the transitions of the 24 h up to `now_ms`; none when
    /// there were none.
    #[must_use]
    pub fn failure_ratio(&self, tag: &str, now_ms: i64) -> Option<f64> {
        let after_ms = now_ms.saturating_sub(FAILURE_WINDOW_MS);
        let (mut failed, mut all) = (0u64, 0u64);
        for outcome in self.outcomes.iter().filter(|o| o.at_ms > after_ms && o.at_ms <= now_ms && o.tag == tag) {
            all += 1;
            failed += u64::from(outcome.kind != OutcomeKind::Done);
        }
        (all > 0).then(|| failed as f64 / all as f64)
    }

    /// The lowest true failure ratio that agrees with these transitions.
    #[must_use]
    pub fn failure_low_ratio(&self, tag: &str, now_ms: i64) -> Option<f64> {
        let after_ms = now_ms.saturating_sub(FAILURE_WINDOW_MS);
        let within = |outcome: &&Outcome| outcome.at_ms > after_ms && outcome.at_ms <= now_ms && outcome.tag == tag;
        let mut outcomes: Vec<(i64, bool)> =
            self.outcomes.iter().filter(within).map(|outcome| (outcome.at_ms, outcome.kind != OutcomeKind::Done)).collect();
        outcomes.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        lowest_share(&outcomes.iter().map(|(_, failed)| *failed).collect::<Vec<bool>>())
    }

    fn drop_old(&mut self, now_ms: i64) {
        let after_ms = now_ms.saturating_sub(FAILURE_WINDOW_MS);
        self.outcomes.make_contiguous().sort_by_key(|outcome| outcome.at_ms);
        let over = self.outcomes.len().saturating_sub(MAX_OUTCOMES);
        let old = self.outcomes.partition_point(|outcome| outcome.at_ms <= after_ms);
        self.outcomes.drain(..over.max(old));
        self.completions.make_contiguous().sort_by_key(|(at, _)| *at);
        let old = self.completions.partition_point(|(at, _)| *at <= now_ms.saturating_sub(COMPLETIONS_WINDOW_MS));
        self.completions.drain(..old.max(self.completions.len().saturating_sub(MAX_OUTCOMES)));
        self.scope.make_contiguous().sort_by_key(|(at, ..)| *at);
        let old = self.scope.partition_point(|(at, ..)| *at <= now_ms.saturating_sub(COMPLETIONS_WINDOW_MS));
        self.scope.drain(..old.max(self.scope.len().saturating_sub(MAX_OUTCOMES)));
        self.drop_old_tasks();
        // A removed tag is remembered while it has counts, or tasks that may return.
        self.tags.retain(|_, seen| seen.gone_ms.is_none() || seen.completed > 0 || seen.reopened > 0 || !seen.gone_tasks.is_empty());
        let mut gone: Vec<(i64, String)> = self.tags.iter().filter_map(|(name, seen)| Some((seen.gone_ms?, name.clone()))).collect();
        gone.sort_unstable();
        let over = gone.len().saturating_sub(MAX_GONE_TAGS);
        gone.drain(..over).for_each(|(_, name)| drop(self.tags.remove(&name)));
    }

    fn drop_old_tasks(&mut self) {
        let count: usize = self.tags.values().map(|tag| tag.gone_tasks.len()).sum();
        let Some(over) = count.checked_sub(MAX_GONE_TASKS).filter(|over| *over > 0) else { return };
        let all =
            self.tags.iter().flat_map(|(tag, seen)| seen.gone_tasks.iter().map(move |(id, gone)| (gone.gone_ms, tag.clone(), id.clone())));
        let mut gone: Vec<(i64, String, String)> = all.collect();
        gone.sort_unstable();
        for (_, tag, id) in gone.drain(..over) {
            self.tags.get_mut(&tag).and_then(|tag| tag.gone_tasks.remove(&id));
        }
    }
}

/// By how much a transition changes the number of open tasks, where that is no completion.
fn scope_change(transition: &Transition) -> Option<i64> {
    let is_open = |status: &Option<String>| status.as_deref().is_some_and(|status| !is_finished(status));
    let (before, after) = (is_open(&transition.from), is_open(&transition.to));
    let completed = before && transition.to.as_deref() == Some(DONE);
    (transition.subtask.is_none() && before != after && !completed).then_some(if after { 1 } else { -1 })
}

pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}
