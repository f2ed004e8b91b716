//! What was seen to move on a board, from look to look.
//!
//! The files hold no history: `updatedAt` is the only time in them, so when a task started is known only to who watched
//! it. The first look shows nothing but where things are. From the second on, what changed is a move, or a file that went
//! to another past; [`super::facts`] says which for a task, [`super::look`] for a look.
//!
//! * **When**: `updatedAt` where it moved and can be true, else the time of the look. A look after a long absence thus
//!   gives its transitions the times that the files have.
//! * **What counts**: only tasks count as completed or reopened, have durations and take part in the failure ratio, and
//!   only by moves: a branch that is checked out, a stash, a restored copy count nothing, however often. A subtask's change
//!   is a transition and nothing more.
//! * **What appears or goes** is a transition, but no outcome: a task that appears as done was not seen to become done,
//!   and one that appears in progress has an unknown start. Subtasks that come or go with their task are not told apart
//!   from it. Counters of a tag outlive its tasks, so that they never fall; a task that comes back as it was seen before
//!   is the same one.
//!
//! A [`Watcher`] is one project's memory. It can be written and read back at any look, and goes on as if it had stayed.
//! Its size is bounded by the board's, by [`MAX_OUTCOMES`], [`MAX_GONE_TAGS`] and [`MAX_GONE_TASKS`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::IN_PROGRESS;
use super::facts::{Facts, State};
use super::look::Look;
use super::parse::Board;
use super::stopwatch::Stopwatch;

/// How far back the failure ratio looks.
pub const FAILURE_WINDOW_MS: i64 = 24 * 60 * 60 * 1000;
/// Transitions remembered for the failure ratio at the most; the oldest go first.
pub const MAX_OUTCOMES: usize = 10_000;
/// Tags remembered for their counters when the board has them no more; the first to go are forgotten first.
pub const MAX_GONE_TAGS: usize = 1_000;
/// Tasks remembered that the board has no more, so that they are known when they come back; the first to go are forgotten
/// first.
pub const MAX_GONE_TASKS: usize = 2_000;
/// How long completions are remembered, for throughput and forecasts.
pub const COMPLETIONS_WINDOW_MS: i64 = 90 * 24 * 60 * 60 * 1000;
/// Stretches of work remembered of a task; the oldest go first.
const MAX_STRETCHES: usize = 64;
/// Unknown statuses remembered as told.
const MAX_TOLD_STATUSES: usize = 1_000;

/// A task or subtask that changed its status, appeared or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The tag.
    pub tag: String,
    /// The task.
    pub task_id: String,
    /// The number of the subtask, where one moved.
    pub subtask: Option<String>,
    /// The title of what moved.
    pub title: String,
    /// The task's priority; empty where the file has none.
    pub priority: String,
    /// The status before; none when it appeared.
    pub from: Option<String>,
    /// The status after; none when it was removed.
    pub to: Option<String>,
    /// When. Never after the look.
    pub at_ms: i64,
    /// Whether a task left done or review for pending or in progress. False for subtasks.
    pub reopened: bool,
}

/// A task that was seen to start and to become done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// The tag.
    pub tag: String,
    /// The task.
    pub task_id: String,
    /// Its priority; empty where the file has none.
    pub priority: String,
    /// Time in progress and in review since it was taken up.
    pub seconds: f64,
    /// The part of it in review.
    #[serde(default)]
    pub review_seconds: f64,
    /// When it became done.
    pub at_ms: i64,
}

/// A tag that went to another past: another branch was checked out, or an older copy restored. None of it is a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// The tag.
    pub tag: String,
    /// The tasks whose status is another one now.
    pub task_ids: Vec<String>,
    /// When that was seen.
    pub at_ms: i64,
}

/// What one look showed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// What moved, in the order of time.
    pub transitions: Vec<Transition>,
    /// What was finished, in the order of time.
    pub executions: Vec<Execution>,
    /// Tags that went to another past.
    pub switched: Vec<Switched>,
    /// Statuses that Task Master does not have and that were not met before, to be reported once.
    pub unknown_statuses: Vec<String>,
}

/// What was counted since the memory began. Neither ever falls.
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

/// What both tasks and subtasks are remembered by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    pub(super) status: String,
    pub(super) title: String,
    pub(super) updated_at_ms: Option<i64>,
    /// No transition can have happened before: the last one's time, or the last `updatedAt` that could be true.
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
    /// What the last completion took; none where it was not seen from its start.
    pub(super) last_execution_ms: Option<i64>,
    /// When it was in progress: from, and to where that is over.
    pub(super) work: VecDeque<(i64, Option<i64>)>,
    /// Beginning of the first stretch of `work`, where the task was in progress already when it was first seen so.
    pub(super) work_seen_late_ms: Option<i64>,
    pub(super) subtasks: BTreeMap<String, Seen>,
    /// What it was seen as.
    pub(super) facts: Facts,
    /// The state that the stopwatch belongs to, while the file shows another past.
    pub(super) parked: Option<State>,
}

impl SeenTask {
    /// Notes from when the task is in progress, and when that ends. `start_seen` says whether `at_ms` is its real start.
    pub(super) fn at_work(&mut self, status: &str, at_ms: i64, start_seen: bool) {
        if status != IN_PROGRESS {
            if let Some((since, end @ None)) = self.work.back_mut() {
                *end = Some(at_ms.max(*since));
            }
        } else if !matches!(self.work.back(), Some((_, None))) {
            if self.work.is_empty() && !start_seen {
                self.work_seen_late_ms = Some(at_ms);
            }
            self.work.push_back((at_ms, None));
            if self.work.len() > MAX_STRETCHES {
                self.work.pop_front();
            }
        }
    }

    /// The file shows another past of the task, seen at `seen_at_ms`. When it comes back to the state that was left, the
    /// stopwatch goes on as if nothing had been.
    pub(super) fn switch_to(&mut self, now: State, seen_at_ms: i64) {
        let line = self.parked.take().unwrap_or_else(|| self.seen.state());
        self.parked = (line != now).then_some(line);
        self.facts.add(&now);
        self.at_work(&now.status, seen_at_ms, false);
        (self.seen.status, self.seen.updated_at_ms) = (now.status, now.at_ms);
    }
}

/// A task that the board has no more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct GoneTask {
    pub(super) gone_ms: i64,
    pub(super) task: SeenTask,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SeenTag {
    pub(super) tasks: BTreeMap<String, SeenTask>,
    pub(super) completed: u64,
    pub(super) reopened: u64,
    /// Since when the board does not have it.
    pub(super) gone_ms: Option<i64>,
    /// Tasks that it had, by key.
    pub(super) gone_tasks: BTreeMap<String, GoneTask>,
    /// Hashes of all that the tag was seen as, while it has tasks without a time; the last is what it is.
    pub(super) wholes: VecDeque<u64>,
}

/// The memory of what was seen to move in one project. See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Watcher {
    last_look_ms: Option<i64>,
    tags: BTreeMap<String, SeenTag>,
    /// In the order of time.
    outcomes: VecDeque<Outcome>,
    /// When the memory began.
    first_look_ms: Option<i64>,
    /// When tasks became done, and of which tag; in the order of time.
    completions: VecDeque<(i64, String)>,
    told_statuses: BTreeSet<String>,
}

impl Watcher {
    /// Takes in a look at the board; tells what moved since the last one. The first look shows no transition.
    pub fn observe(&mut self, board: &Board, seen_at_ms: i64) -> Observed {
        let mut look = Look::new(seen_at_ms, self.last_look_ms, board, &mut self.tags);
        for (name, tag) in &board.tags {
            look.tag(name, tag, self.tags.entry(name.clone()).or_default());
        }
        // A tag that was left out is not gone: what is known of it stays as it is.
        let gone = |name: &String| !board.tags.contains_key(name) && !board.left_out.contains(name) && !board.unreadable.contains(name);
        for (name, seen) in self.tags.iter_mut().filter(|(name, _)| gone(name)) {
            look.tag_gone(name, seen);
            seen.gone_ms.get_or_insert(seen_at_ms);
        }
        let (mut observed, outcomes) = look.end();
        observed.transitions.sort_by_key(|transition| transition.at_ms);
        observed.executions.sort_by_key(|execution| execution.at_ms);
        for status in board.unknown_statuses() {
            if self.told_statuses.len() < MAX_TOLD_STATUSES && self.told_statuses.insert(status.to_owned()) {
                observed.unknown_statuses.push(status.to_owned());
            }
        }
        self.completions.extend(outcomes.iter().filter(|o| o.kind == OutcomeKind::Done).map(|o| (o.at_ms, o.tag.clone())));
        self.outcomes.extend(outcomes);
        self.first_look_ms.get_or_insert(seen_at_ms);
        self.last_look_ms = Some(seen_at_ms);
        self.forget(seen_at_ms);
        observed
    }

    /// Since when a task is worked on: in progress, and in review after it. None where it is not, or where nobody saw it
    /// start.
    #[must_use]
    pub fn in_progress_since(&self, tag: &str, id: &str) -> Option<i64> {
        self.tags.get(tag)?.tasks.get(id).filter(|task| task.parked.is_none())?.stopwatch.since_ms()
    }

    /// From when on a task's time in progress is known, and whether that is when it started: it may have been in progress
    /// when it was first seen. None where it was never seen in progress.
    #[must_use]
    pub fn work_since(&self, tag: &str, id: &str) -> Option<(i64, bool)> {
        let task = self.tags.get(tag)?.tasks.get(id)?;
        let from = task.work.front()?.0;
        Some((from, task.work_seen_late_ms != Some(from)))
    }

    /// How long a task took the last time it became done; none where that was not seen from its start.
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
        (self.first_look_ms, self.completions.iter().filter(|(_, of)| of == tag).map(|(at, _)| *at).collect())
    }

    /// What was counted of a tag since the memory began.
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

    fn forget(&mut self, now_ms: i64) {
        let after_ms = now_ms.saturating_sub(FAILURE_WINDOW_MS);
        self.outcomes.make_contiguous().sort_by_key(|outcome| outcome.at_ms);
        let over = self.outcomes.len().saturating_sub(MAX_OUTCOMES);
        let old = self.outcomes.partition_point(|outcome| outcome.at_ms <= after_ms);
        self.outcomes.drain(..over.max(old));
        self.completions.make_contiguous().sort_by_key(|(at, _)| *at);
        let old = self.completions.partition_point(|(at, _)| *at <= now_ms.saturating_sub(COMPLETIONS_WINDOW_MS));
        self.completions.drain(..old.max(self.completions.len().saturating_sub(MAX_OUTCOMES)));
        self.forget_tasks();
        // A tag that is gone is remembered by its counts, and by tasks that may come back.
        self.tags.retain(|_, seen| seen.gone_ms.is_none() || seen.completed > 0 || seen.reopened > 0 || !seen.gone_tasks.is_empty());
        let mut gone: Vec<(i64, String)> = self.tags.iter().filter_map(|(name, seen)| Some((seen.gone_ms?, name.clone()))).collect();
        gone.sort_unstable();
        let over = gone.len().saturating_sub(MAX_GONE_TAGS);
        gone.drain(..over).for_each(|(_, name)| drop(self.tags.remove(&name)));
    }

    fn forget_tasks(&mut self) {
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

pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}
