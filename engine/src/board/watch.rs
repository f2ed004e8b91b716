//! What was seen to move on a board, from look to look.
//!
//! The files hold no history: `updatedAt` is the only time in them, so when a task started is known only to who watched
//! it. The first look tells nothing but where things are. From the second on, each difference is a transition.
//!
//! * **When**: `updatedAt` where it moved and can be true, else the time of the look. A look after a long absence thus
//!   gives its transitions the times that the files tell.
//! * **What counts**: only tasks count as completed or reopened, have durations and take part in the failure ratio. A
//!   subtask's change is a transition and nothing more.
//! * **What appears or goes** is a transition, but no outcome: a task that appears as done was not seen to become done,
//!   and one that appears in progress has an unknown start. Subtasks that come or go with their task are not told apart
//!   from it. Counters of a tag outlive its tasks, so that they never fall.
//!
//! A [`Watcher`] is one project's memory. It can be written and read back at any look, and goes on as if it had stayed.
//! Its size is bounded by the board's, by [`MAX_OUTCOMES`] and by [`MAX_GONE_TAGS`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::parse::{Board, Subtask, Tag, Task};
use super::stopwatch::Stopwatch;
use super::{CANCELLED, DONE, IN_PROGRESS, is_reopening};

/// How far back the failure ratio looks.
pub const FAILURE_WINDOW_MS: i64 = 24 * 60 * 60 * 1000;
/// Transitions remembered for the failure ratio at the most; the oldest go first.
pub const MAX_OUTCOMES: usize = 10_000;
/// Tags remembered for their counters when the board has them no more; the first to go are forgotten first.
pub const MAX_GONE_TAGS: usize = 1_000;
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

/// What one look showed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// What moved, in the order of time.
    pub transitions: Vec<Transition>,
    /// What was finished, in the order of time.
    pub executions: Vec<Execution>,
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
enum Kind {
    Done,
    Cancelled,
    Reopened,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Outcome {
    at_ms: i64,
    tag: String,
    kind: Kind,
}

/// What both tasks and subtasks are remembered by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Seen {
    status: String,
    title: String,
    updated_at_ms: Option<i64>,
    /// No transition can have happened before: the last one's time, or the last `updatedAt` that could be true.
    not_before_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct SeenTask {
    seen: Seen,
    priority: String,
    stopwatch: Stopwatch,
    /// What the last completion took; none where it was not seen from its start.
    last_execution_ms: Option<i64>,
    /// When it was in progress: from, and to where that is over. Only what was seen to begin.
    work: VecDeque<(i64, Option<i64>)>,
    subtasks: BTreeMap<String, Seen>,
}

impl SeenTask {
    /// Notes when the task comes to be in progress, and when that ends.
    fn at_work(&mut self, from: &str, to: &str, at_ms: i64) {
        if from == IN_PROGRESS
            && let Some((since, end @ None)) = self.work.back_mut()
        {
            *end = Some(at_ms.max(*since));
        }
        if to == IN_PROGRESS {
            self.work.push_back((at_ms, None));
            if self.work.len() > MAX_STRETCHES {
                self.work.pop_front();
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct SeenTag {
    tasks: BTreeMap<String, SeenTask>,
    completed: u64,
    reopened: u64,
    /// Since when the board does not have it.
    gone_ms: Option<i64>,
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
        let mut look = Look { seen_at_ms, last_look_ms: self.last_look_ms, observed: Observed::default(), outcomes: Vec::new() };
        for (name, tag) in &board.tags {
            look.tag(name, tag, self.tags.entry(name.clone()).or_default());
        }
        // A tag that was left out is not gone: what is known of it stays as it is.
        let gone = |name: &String| !board.tags.contains_key(name) && !board.left_out.contains(name);
        for (name, seen) in self.tags.iter_mut().filter(|(name, _)| gone(name)) {
            look.removed(name, std::mem::take(&mut seen.tasks));
            seen.gone_ms.get_or_insert(seen_at_ms);
        }
        let Look { mut observed, outcomes, .. } = look;
        observed.transitions.sort_by_key(|transition| transition.at_ms);
        observed.executions.sort_by_key(|execution| execution.at_ms);
        for status in board.unknown_statuses() {
            if self.told_statuses.len() < MAX_TOLD_STATUSES && self.told_statuses.insert(status.to_owned()) {
                observed.unknown_statuses.push(status.to_owned());
            }
        }
        self.completions.extend(outcomes.iter().filter(|o| o.kind == Kind::Done).map(|o| (o.at_ms, o.tag.clone())));
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
        self.tags.get(tag)?.tasks.get(id)?.stopwatch.since_ms()
    }

    /// How long a task took the last time it became done; none where that was not seen from its start.
    #[must_use]
    pub fn last_execution_seconds(&self, tag: &str, id: &str) -> Option<f64> {
        self.tags.get(tag)?.tasks.get(id)?.last_execution_ms.map(seconds)
    }

    /// When each task of the board was in progress, as far as that was seen to begin: tag, task, from and to.
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
            failed += u64::from(outcome.kind != Kind::Done);
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
        // Without a count, a tag that is gone has nothing to be remembered by.
        self.tags.retain(|_, seen| seen.gone_ms.is_none() || seen.completed > 0 || seen.reopened > 0);
        let mut gone: Vec<(i64, String)> = self.tags.iter().filter_map(|(name, seen)| Some((seen.gone_ms?, name.clone()))).collect();
        gone.sort_unstable();
        let over = gone.len().saturating_sub(MAX_GONE_TAGS);
        gone.drain(..over).for_each(|(_, name)| drop(self.tags.remove(&name)));
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}

/// One look in the making.
struct Look {
    seen_at_ms: i64,
    last_look_ms: Option<i64>,
    observed: Observed,
    outcomes: Vec<Outcome>,
}

/// What moved: its tag, task, subtask and priority.
#[derive(Clone, Copy)]
struct Subject<'a> {
    tag: &'a str,
    task: &'a str,
    subtask: Option<&'a str>,
    priority: &'a str,
}

impl Look {
    fn tag(&mut self, name: &str, tag: &Tag, memory: &mut SeenTag) {
        memory.gone_ms = None;
        let mut before = std::mem::take(&mut memory.tasks);
        for task in &tag.tasks {
            let of = Subject { tag: name, task: &task.id, subtask: None, priority: &task.priority };
            let seen = match before.remove(&task.id) {
                Some(seen) => self.followed(of, task, seen, memory),
                None => self.appeared(of, task),
            };
            memory.tasks.insert(task.id.clone(), seen);
        }
        self.removed(name, before);
    }

    fn appeared(&mut self, of: Subject<'_>, task: &Task) -> SeenTask {
        let subtasks = task.subtasks.iter().map(|s| (s.id.clone(), self.first_seen(&s.status, &s.title, s.updated_at_ms))).collect();
        let seen = self.first_seen(&task.status, &task.title, task.updated_at_ms);
        self.appeared_as(of, &seen);
        SeenTask {
            stopwatch: Stopwatch::default(),
            seen,
            priority: task.priority.clone(),
            last_execution_ms: None,
            work: VecDeque::new(),
            subtasks,
        }
    }

    fn followed(&mut self, of: Subject<'_>, task: &Task, mut seen: SeenTask, counts: &mut SeenTag) -> SeenTask {
        if let Some((from, at_ms)) = self.step(&mut seen.seen, &task.status, &task.title, task.updated_at_ms) {
            let to = task.status.as_str();
            let reopened = is_reopening(&from, to);
            let round = seen.stopwatch.change(&from, to, at_ms);
            seen.at_work(&from, to, at_ms);
            if reopened {
                counts.reopened += 1;
                self.outcome(of, Kind::Reopened, at_ms);
            }
            if to == DONE {
                counts.completed += 1;
                self.outcome(of, Kind::Done, at_ms);
                seen.last_execution_ms = round.map(|round| round.worked_ms);
                self.observed.executions.extend(round.map(|round| Execution {
                    tag: of.tag.to_owned(),
                    task_id: of.task.to_owned(),
                    priority: of.priority.to_owned(),
                    seconds: seconds(round.worked_ms),
                    review_seconds: seconds(round.reviewed_ms),
                    at_ms,
                }));
            } else if to == CANCELLED {
                self.outcome(of, Kind::Cancelled, at_ms);
            }
            self.transition(of, &task.title, (Some(from), Some(to.to_owned())), at_ms, reopened);
        }
        seen.priority.clone_from(&task.priority);
        seen.subtasks = self.subtasks(of, &task.subtasks, seen.subtasks);
        seen
    }

    fn subtasks(&mut self, of: Subject<'_>, now: &[Subtask], mut before: BTreeMap<String, Seen>) -> BTreeMap<String, Seen> {
        let mut after = BTreeMap::new();
        for subtask in now {
            let of = Subject { subtask: Some(&subtask.id), ..of };
            let seen = match before.remove(&subtask.id) {
                Some(mut seen) => {
                    if let Some((from, at_ms)) = self.step(&mut seen, &subtask.status, &subtask.title, subtask.updated_at_ms) {
                        self.transition(of, &subtask.title, (Some(from), Some(subtask.status.clone())), at_ms, false);
                    }
                    seen
                }
                None => {
                    let seen = self.first_seen(&subtask.status, &subtask.title, subtask.updated_at_ms);
                    self.appeared_as(of, &seen);
                    seen
                }
            };
            after.insert(subtask.id.clone(), seen);
        }
        for (id, gone) in before {
            self.transition(Subject { subtask: Some(&id), ..of }, &gone.title, (Some(gone.status), None), self.seen_at_ms, false);
        }
        after
    }

    fn removed(&mut self, tag: &str, gone: BTreeMap<String, SeenTask>) {
        for (id, SeenTask { seen, priority, .. }) in gone {
            let of = Subject { tag, task: &id, subtask: None, priority: &priority };
            self.transition(of, &seen.title, (Some(seen.status), None), self.seen_at_ms, false);
        }
    }

    fn first_seen(&self, status: &str, title: &str, updated_at_ms: Option<i64>) -> Seen {
        let not_before_ms = updated_at_ms.filter(|at| *at <= self.seen_at_ms);
        Seen { status: status.to_owned(), title: title.to_owned(), updated_at_ms, not_before_ms }
    }

    fn appeared_as(&mut self, of: Subject<'_>, seen: &Seen) {
        let Some(last_look_ms) = self.last_look_ms else { return };
        // What came from another tag or file brings an `updatedAt` from long before it appeared here.
        let told = seen.updated_at_ms.filter(|at| *at > last_look_ms && *at <= self.seen_at_ms);
        self.transition(of, &seen.title, (None, Some(seen.status.clone())), told.unwrap_or(self.seen_at_ms), false);
    }

    /// Brings the memory of a task or subtask up to date; its status before and the time, where its status changed.
    fn step(&self, seen: &mut Seen, status: &str, title: &str, updated_at_ms: Option<i64>) -> Option<(String, i64)> {
        if seen.title != title {
            title.clone_into(&mut seen.title);
        }
        let moved = updated_at_ms.filter(|_| seen.updated_at_ms != updated_at_ms);
        seen.updated_at_ms = updated_at_ms;
        let told = moved.filter(|at| *at <= self.seen_at_ms && seen.not_before_ms.is_none_or(|before| *at >= before));
        if seen.status == status {
            seen.not_before_ms = seen.not_before_ms.max(told);
            return None;
        }
        let at_ms = told.unwrap_or(self.seen_at_ms);
        seen.not_before_ms = Some(at_ms);
        Some((std::mem::replace(&mut seen.status, status.to_owned()), at_ms))
    }

    fn outcome(&mut self, of: Subject<'_>, kind: Kind, at_ms: i64) {
        self.outcomes.push(Outcome { at_ms, tag: of.tag.to_owned(), kind });
    }

    fn transition(&mut self, of: Subject<'_>, title: &str, change: (Option<String>, Option<String>), at_ms: i64, reopened: bool) {
        self.observed.transitions.push(Transition {
            tag: of.tag.to_owned(),
            task_id: of.task.to_owned(),
            subtask: of.subtask.map(str::to_owned),
            title: title.to_owned(),
            priority: of.priority.to_owned(),
            from: change.0,
            to: change.1,
            at_ms,
            reopened,
        });
    }
}
