//! Boards: tasks by status, one task, and how long tasks take.

use std::sync::Arc;

use taskpulse_engine::ask::{Meaning, NameKind, Range, Subject, Wanted};
use taskpulse_engine::words::{counted, lasted};

use super::draft::{Draft, count_row, listed, ms, row, text_row};
use super::{AskError, Asker};
use crate::view::{Board, Task};

const DAY: i64 = 86_400_000;
/// Rows where the question says no number.
const ROWS: usize = 20;
/// Events of the time line that are read.
const MAX_EVENTS: usize = 1_000;
const NO_BOARD: &str = "no task board is watched";

impl Asker {
    /// The boards that a question is about: those of its names, else the tags in use.
    pub(super) fn boards(&self, meaning: &Meaning) -> Vec<Arc<Board>> {
        let all = self.views.boards();
        let named = |board: &&Arc<Board>| {
            meaning.name(NameKind::Project).is_none_or(|project| project == board.project)
                && meaning.name(NameKind::Tag).is_none_or(|tag| tag == board.tag)
        };
        let tag = meaning.name(NameKind::Tag).is_some();
        let found: Vec<Arc<Board>> = all.iter().filter(named).filter(|board| tag || board.current).cloned().collect();
        if found.is_empty() { all.iter().filter(named).cloned().collect() } else { found }
    }

    /// Why no board is there.
    pub(super) fn no_board(&self) -> Draft {
        let source = self.views.sources_of("taskmaster").into_iter().find_map(|source| source.reason);
        Draft::missing(source.map_or_else(|| NO_BOARD.to_owned(), |reason| format!("{NO_BOARD} ({reason})"))).page("tasks")
    }

    pub(super) fn tasks(&self, meaning: &Meaning) -> Draft {
        let boards = self.boards(meaning);
        if boards.is_empty() {
            return self.no_board();
        }
        let subtasks = meaning.subject == Subject::Subtasks;
        let list = meaning.wanted == Wanted::List && !subtasks;
        let word = if subtasks { "subtasks" } else { "tasks" };
        let (mut parts, mut rows, mut shown) = (Vec::new(), Vec::new(), Vec::new());
        for board in &boards {
            let counts = if subtasks { &board.subtasks } else { &board.tasks };
            let all: u64 = counts.values().sum();
            let of = |status: &str| counts.get(status).copied().unwrap_or(0);
            let count = match meaning.status {
                None => all,
                Some("open") => all - of("done") - of("cancelled"),
                Some("ready") if subtasks => return Draft::missing("which subtasks are ready is not worked out; of tasks it is"),
                Some("ready") => board.ready_tasks,
                Some("blocked") if !subtasks => board.blocked_tasks,
                Some(status) => of(status),
            };
            let name = format!("{} {}", board.project, board.tag);
            parts.push(match meaning.status {
                None => {
                    let by: Vec<String> =
                        counts.iter().filter(|(_, count)| **count > 0).map(|(status, count)| format!("{count} {status}")).collect();
                    format!("{all} {word} in {name}: {}", by.join(", "))
                }
                Some(status) => format!("{count} of {all} {word} {} {status} in {name}", if count == 1 { "is" } else { "are" }),
            });
            rows.push(count_row(name, count as f64));
            if list {
                let fits = |task: &&Task| fits(task, meaning.status);
                shown.extend(board.items.iter().filter(fits).map(|task| text_row(format!("task {}", task.id), task_line(task), None)));
            }
        }
        let sentence = if list && !shown.is_empty() {
            let names: Vec<String> = shown.iter().map(|row| format!("{} {}", row.name, row.text)).collect();
            format!("{}: {}", parts.join("; "), listed(&names))
        } else {
            parts.join("; ")
        };
        shown.truncate(meaning.limit.unwrap_or(ROWS));
        let unread: Vec<String> = boards
            .iter()
            .filter(|board| !board.up)
            .map(|board| format!("The files of {} cannot be read now; this is how they were last", board.project))
            .collect();
        let query = match (meaning.status, subtasks) {
            (Some("ready"), _) => "taskmaster_ready_tasks".to_owned(),
            (Some("blocked"), false) => "taskmaster_blocked_tasks".to_owned(),
            _ => self.read_of(meaning).map(|read| read.selector).unwrap_or_default(),
        };
        let lately = Range { start: self.now() - 7 * DAY, end: self.now() };
        let draft = Draft::said(sentence).rows(if list { shown } else { rows }).page("tasks").note(unread.first().cloned());
        draft.charted(&query, &query, [lately])
    }

    /// The boards that have a task of that id, with it.
    fn with_task(&self, meaning: &Meaning) -> Vec<(Arc<Board>, Task)> {
        let id = meaning.task.as_deref().unwrap_or_default();
        let of = |board: Arc<Board>| {
            let task = board.items.iter().find(|task| task.id == id).cloned()?;
            Some((board, task))
        };
        self.boards(meaning).into_iter().filter_map(of).collect()
    }

    /// The tasks of that id, or why there is none.
    pub(super) fn task_of(&self, meaning: &Meaning) -> Result<Vec<(Arc<Board>, Task)>, Box<Draft>> {
        let found = self.with_task(meaning);
        let id = meaning.task.as_deref().unwrap_or_default();
        match (found.is_empty(), self.boards(meaning).is_empty()) {
            (true, true) => Err(Box::new(self.no_board())),
            (true, false) if id.contains('.') => {
                Err(Box::new(Draft::missing(format!("subtask {id} by itself is not kept; ask for its task")).page("tasks")))
            }
            (true, false) => Err(Box::new(Draft::missing(format!("there is no task {id} on the boards in use")).page("tasks"))),
            _ => Ok(found),
        }
    }

    pub(super) fn one_task(&self, meaning: &Meaning) -> Draft {
        let found = match self.task_of(meaning) {
            Ok(found) => found,
            Err(draft) => return *draft,
        };
        let parts: Vec<String> = found
            .iter()
            .map(|(board, task)| {
                let since = task.in_progress_since.map(|since| format!(", in progress since {}", self.at(ms(since)))).unwrap_or_default();
                let waits = if task.dependencies.is_empty() { String::new() } else { format!(", after {}", task.dependencies.join(", ")) };
                let subtasks = if task.subtasks_total > 0 {
                    format!(", {} of {} subtasks done", task.subtasks_done, task.subtasks_total)
                } else {
                    String::new()
                };
                format!("Task {} of {} {} is {}{since}{subtasks}{waits}: {}", task.id, board.project, board.tag, task.status, task.title)
            })
            .collect();
        let rows = found.iter().map(|(board, task)| text_row(format!("{} {}", board.project, board.tag), task_line(task), None)).collect();
        Draft::said(parts.join("; ")).rows(rows).page("tasks")
    }

    /// How long one task took, or which took longest.
    pub(super) fn task_times(&self, meaning: &Meaning) -> Draft {
        if meaning.subject == Subject::ReviewTime {
            return Draft::missing("how long a single task was in review is not kept; of all tasks it is").page("tasks");
        }
        if meaning.task.is_some() {
            let found = match self.task_of(meaning) {
                Ok(found) => found,
                Err(draft) => return *draft,
            };
            let said = |(board, task): &(Arc<Board>, Task)| {
                let of = format!("Task {} of {} {}", task.id, board.project, board.tag);
                match (task.execution_seconds, task.in_progress_since) {
                    (_, Some(since)) => format!("{of} is in progress since {} ({})", self.at(ms(since)), lasted(self.now() - ms(since))),
                    (Some(seconds), _) => format!("{of} took {}", lasted(ms(seconds))),
                    (None, None) => format!("{of} is {}; how long it took is not known, since its start was not seen", task.status),
                }
            };
            let missing = found.iter().all(|(_, task)| task.execution_seconds.is_none() && task.in_progress_since.is_none());
            let rows = found
                .iter()
                .filter_map(|(_, task)| Some(row(format!("task {}", task.id), "task_seconds", task.execution_seconds?)))
                .collect();
            let sentence = found.iter().map(said).collect::<Vec<_>>().join("; ");
            let mut draft = Draft::said(sentence.clone()).rows(rows).page("tasks");
            draft.missing = missing.then_some(sentence);
            return draft;
        }
        let under_way = meaning.status.is_some();
        let now = self.now() as f64 / 1e3;
        let known = |task: &Task| {
            let seconds = if under_way { now - task.in_progress_since? } else { task.execution_seconds? };
            Some((seconds, task.clone()))
        };
        let mut found: Vec<(f64, Task)> =
            self.boards(meaning).iter().flat_map(|board| board.items.iter().filter_map(known).collect::<Vec<_>>()).collect();
        if found.is_empty() && under_way {
            return Draft::missing("no task is in progress whose start was seen").page("tasks");
        }
        if found.is_empty() {
            return Draft::missing("of no task is it known how long it took: none was seen from its start to its end").page("tasks");
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        if meaning.wanted == Wanted::Least {
            found.reverse();
        }
        let count = found.len();
        found.truncate(meaning.limit.unwrap_or(10));
        let parts: Vec<String> =
            found.iter().map(|(seconds, task)| format!("task {} {} ({})", task.id, lasted(ms(*seconds)), task.title)).collect();
        let rows = found.iter().map(|(seconds, task)| row(format!("task {} {}", task.id, task.title), "task_seconds", *seconds)).collect();
        let word = if meaning.wanted == Wanted::Least { "Shortest" } else { "Longest" };
        let of = if under_way {
            format!("{} in progress", counted(count, "task", "tasks"))
        } else {
            format!("{} whose time is known", counted(count, "task", "tasks"))
        };
        Draft::said(format!("{word} of {of}: {}", listed(&parts))).rows(rows).page("tasks")
    }

    /// Which tasks became done in a time, by the time line.
    pub(super) fn completed(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let range = meaning.time.unwrap_or(Range { start: self.now() - 7 * DAY, end: self.now() });
        let done = |event: &taskpulse_engine::event::Event| event.kind == "task_status" && event.data["to"] == "done";
        let found = self.store.events(range.start, range.end - 1, MAX_EVENTS, done)?;
        if found.is_empty() && self.boards(meaning).is_empty() {
            return Ok(self.no_board());
        }
        let titles: Vec<String> = found.iter().map(|(_, event)| event.title.clone()).collect();
        let rows = found.iter().map(|(_, event)| text_row(format!("task {}", event.subject), event.title.clone(), Some(event.at)));
        let rows = rows.take(meaning.limit.unwrap_or(ROWS)).collect();
        let list = if titles.is_empty() { String::new() } else { format!(": {}", listed(&titles)) };
        let sentence = format!("{} became done {}, by the time line{list}", counted(found.len(), "task", "tasks"), self.during(range));
        Ok(Draft::said(sentence).rows(rows).page("tasks"))
    }
}

fn task_line(task: &Task) -> String {
    format!("{} ({})", task.title, task.status)
}

/// Whether a task has a status; an open one is neither done nor cancelled.
fn fits(task: &Task, status: Option<&str>) -> bool {
    match status {
        None => true,
        Some("open") => !matches!(task.status.as_str(), "done" | "cancelled"),
        Some("ready") => task.ready,
        Some("blocked") => task.status == "blocked" || (task.status == "pending" && !task.ready),
        Some(status) => task.status == status,
    }
}
