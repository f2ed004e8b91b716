//! What was seen to move on a board, from look to look.
//!
//! Only `updatedAt` is a time in the files, so when a task started is known only to who watched it: the first look gives
//! no transition, and a task that was in progress then has an unknown start, not a made-up one. The memory can be
//! written and read back, so that a restart goes on where it was.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::parse::{Board, Task};
use crate::model::TimestampMs;

const DAY_MS: i64 = 86_400_000;
/// Outcomes remembered for the failure ratio at the most, per tag.
const MAX_OUTCOMES: usize = 10_000;

/// A task or subtask that changed its status, appeared or went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Transition {
    /// The tag.
    pub tag: String,
    /// The task.
    pub task_id: String,
    /// The subtask, where it was one.
    pub subtask: Option<String>,
    /// Its title.
    pub title: String,
    /// The status before; none when it appeared.
    pub from: Option<String>,
    /// The status after; none when it went.
    pub to: Option<String>,
    /// When: `updatedAt` where that moved, else when it was seen.
    pub at: TimestampMs,
    /// Whether it left done or review for pending or in-progress.
    pub reopened: bool,
}

/// A task that became done and whose start was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// The tag.
    pub tag: String,
    /// The task.
    pub task_id: String,
    /// Its priority.
    pub priority: String,
    /// Time in progress and in review.
    pub seconds: f64,
    /// When it became done.
    pub at: TimestampMs,
}

/// What a look showed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// What moved, in time.
    pub transitions: Vec<Transition>,
    /// What was finished.
    pub executions: Vec<Execution>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Done,
    Cancelled,
    Reopened,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Seen {
    status: String,
    updated_at: Option<TimestampMs>,
    /// Time of the last transition.
    moved_at: TimestampMs,
    /// Since when it is in progress or review; none where it is not, or where that was not seen.
    working_since: Option<TimestampMs>,
    /// Time worked in earlier stretches since it was last done.
    worked_ms: i64,
    /// Whether all stretches since it was last done were seen to begin.
    start_known: bool,
    last_execution_seconds: Option<f64>,
    subtasks: BTreeMap<String, (String, Option<TimestampMs>)>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct TagMemory {
    tasks: BTreeMap<String, Seen>,
    outcomes: VecDeque<(TimestampMs, Outcome)>,
    completed: u64,
    reopened: u64,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Watcher {
    looked: bool,
    tags: BTreeMap<String, TagMemory>,
}

fn is_work(status: &str) -> bool {
    matches!(status, "in-progress" | "review")
}

fn is_reopened(from: &str, to: &str) -> bool {
    match from {
        "done" => matches!(to, "pending" | "in-progress"),
        // From review, going on in progress is being sent back too.
        "review" => matches!(to, "pending" | "in-progress"),
        _ => false,
    }
}

/// When a change happened: the file's word where it is new and possible, else when it was seen.
fn moment(before: Option<TimestampMs>, now_says: Option<TimestampMs>, not_before: TimestampMs, seen_at: TimestampMs) -> TimestampMs {
    now_says.filter(|at| Some(*at) != before && *at >= not_before && *at <= seen_at).unwrap_or(seen_at)
}

impl Watcher {
    /// Takes in a look at the board; tells what moved since the last one.
    pub fn observe(&mut self, board: &Board, seen_at: TimestampMs) -> Observed {
        let mut observed = Observed::default();
        let first = !self.looked;
        self.looked = true;
        for (name, tag) in &board.tags {
            let memory = self.tags.entry(name.clone()).or_default();
            let gone: Vec<String> = memory.tasks.keys().filter(|id| !tag.tasks.iter().any(|t| t.id == **id)).cloned().collect();
            for id in gone {
                if let Some(seen) = memory.tasks.remove(&id) {
                    observed.transitions.push(transition(name, &id, None, "", (Some(seen.status), None), seen_at));
                }
            }
            for task in &tag.tasks {
                match memory.tasks.get_mut(&task.id) {
                    None => {
                        memory.tasks.insert(task.id.clone(), first_look(task, seen_at));
                        if !first {
                            let at = moment(None, task.updated_at, TimestampMs::MIN, seen_at);
                            observed.transitions.push(transition(name, &task.id, None, &task.title, (None, Some(task.status.clone())), at));
                        }
                    }
                    Some(_) => memory.follow(name, task, seen_at, &mut observed),
                }
            }
            memory.forget(seen_at);
        }
        self.tags.retain(|name, _| board.tags.contains_key(name));
        observed.transitions.sort_by_key(|t| t.at);
        observed
    }

    /// Since when a task is in progress or review, where its start was seen.
    #[must_use]
    pub fn in_progress_since(&self, tag: &str, id: &str) -> Option<TimestampMs> {
        self.tags.get(tag)?.tasks.get(id)?.working_since
    }

    /// How long a task took the last time it became done.
    #[must_use]
    pub fn last_execution_seconds(&self, tag: &str, id: &str) -> Option<f64> {
        self.tags.get(tag)?.tasks.get(id)?.last_execution_seconds
    }

    /// Tasks seen to become done, and tasks seen to be reopened.
    #[must_use]
    pub fn counters(&self, tag: &str) -> (u64, u64) {
        self.tags.get(tag).map_or((0, 0), |memory| (memory.completed, memory.reopened))
    }

    /// (cancelled + reopened) / (done + cancelled + reopened) of the last 24 h; none when nothing of that happened.
    #[must_use]
    pub fn failure_ratio(&self, tag: &str, now: TimestampMs) -> Option<f64> {
        let lately: Vec<Outcome> = self.tags.get(tag)?.outcomes.iter().filter(|(at, _)| now - at < DAY_MS).map(|(_, o)| *o).collect();
        let failed = lately.iter().filter(|o| **o != Outcome::Done).count();
        (!lately.is_empty()).then(|| failed as f64 / lately.len() as f64)
    }
}

impl TagMemory {
    fn follow(&mut self, tag: &str, task: &Task, seen_at: TimestampMs, observed: &mut Observed) {
        let Some(seen) = self.tasks.get_mut(&task.id) else { return };
        for subtask in &task.subtasks {
            let now = (subtask.status.clone(), subtask.updated_at);
            let before = seen.subtasks.insert(subtask.id.clone(), now);
            if let Some((status, updated_at)) = before.filter(|(status, _)| *status != subtask.status) {
                let at = moment(updated_at, subtask.updated_at, TimestampMs::MIN, seen_at);
                let change = (Some(status), Some(subtask.status.clone()));
                observed.transitions.push(transition(tag, &task.id, Some(subtask.id.clone()), &subtask.title, change, at));
            }
        }
        seen.subtasks.retain(|id, _| task.subtasks.iter().any(|s| s.id == *id));
        let before = std::mem::replace(&mut seen.updated_at, task.updated_at);
        if seen.status == task.status {
            return;
        }
        let at = moment(before, task.updated_at, seen.moved_at, seen_at);
        let from = std::mem::replace(&mut seen.status, task.status.clone());
        seen.moved_at = at;
        if is_work(&from) && !is_work(&task.status) {
            seen.worked_ms += seen.working_since.take().map_or(0, |since| at - since);
        } else if is_work(&task.status) && !is_work(&from) {
            seen.working_since = Some(at);
        }
        let reopened = is_reopened(&from, &task.status);
        if reopened {
            self.reopened += 1;
            self.outcomes.push_back((at, Outcome::Reopened));
        }
        match task.status.as_str() {
            "done" => {
                self.completed += 1;
                self.outcomes.push_back((at, Outcome::Done));
                let seconds = seen.worked_ms as f64 / 1e3;
                seen.last_execution_seconds = (seen.start_known && seen.worked_ms > 0).then_some(seconds);
                if let Some(seconds) = seen.last_execution_seconds {
                    let (task_id, priority) = (task.id.clone(), task.priority.clone());
                    observed.executions.push(Execution { tag: tag.to_owned(), task_id, priority, seconds, at });
                }
                (seen.worked_ms, seen.start_known) = (0, true);
            }
            "cancelled" => {
                self.outcomes.push_back((at, Outcome::Cancelled));
                (seen.worked_ms, seen.start_known) = (0, true);
            }
            _ => {}
        }
        let mut moved = transition(tag, &task.id, None, &task.title, (Some(from), Some(task.status.clone())), at);
        moved.reopened = reopened;
        observed.transitions.push(moved);
    }

    fn forget(&mut self, now: TimestampMs) {
        let over = self.outcomes.len().saturating_sub(MAX_OUTCOMES);
        self.outcomes.drain(..over);
        self.outcomes.retain(|(at, _)| now - at < DAY_MS);
    }
}

fn first_look(task: &Task, seen_at: TimestampMs) -> Seen {
    Seen {
        status: task.status.clone(),
        updated_at: task.updated_at,
        moved_at: task.updated_at.unwrap_or(TimestampMs::MIN).min(seen_at),
        // What is already under way began at a time that nobody saw.
        start_known: !is_work(&task.status),
        subtasks: task.subtasks.iter().map(|s| (s.id.clone(), (s.status.clone(), s.updated_at))).collect(),
        ..Seen::default()
    }
}

fn transition(
    tag: &str,
    task: &str,
    subtask: Option<String>,
    title: &str,
    (from, to): (Option<String>, Option<String>),
    at: TimestampMs,
) -> Transition {
    Transition { tag: tag.to_owned(), task_id: task.to_owned(), subtask, title: title.to_owned(), from, to, at, reopened: false }
}
