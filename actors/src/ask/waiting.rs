//! Which tasks wait for one, and which it waits for.

use taskpulse_engine::ask::{Meaning, Subject};
use taskpulse_engine::words::counted;

use super::Asker;
use super::draft::{Draft, listed, text_row};
use crate::view::{Board, Task};

/// Rows where the question says no number.
const ROWS: usize = 20;

/// Whether a task counts as done for those that wait for it.
fn is_over(task: &Task) -> bool {
    matches!(task.status.as_str(), "done" | "cancelled")
}

fn line(task: &Task) -> String {
    format!("task {} {} ({})", task.id, task.title, task.status)
}

/// Whether a dependency is a task or one of its subtasks.
fn is_of(dependency: &str, id: &str) -> bool {
    dependency.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Asker {
    pub(super) fn waiting(&self, meaning: &Meaning) -> Draft {
        let found = match self.task_of(meaning) {
            Ok(found) => found,
            Err(draft) => return *draft,
        };
        let (mut parts, mut rows) = (Vec::new(), Vec::new());
        for (board, task) in &found {
            let (sentence, tasks) =
                if meaning.subject == Subject::Dependents { dependents(board, task) } else { dependencies(board, task) };
            parts.push(sentence);
            rows.extend(
                tasks.into_iter().map(|task| text_row(format!("task {}", task.id), format!("{} ({})", task.title, task.status), None)),
            );
        }
        rows.truncate(meaning.limit.unwrap_or(ROWS));
        Draft::said(parts.join("; ")).rows(rows).page("tasks")
    }
}

fn dependents<'a>(board: &'a Board, task: &Task) -> (String, Vec<&'a Task>) {
    let waits = |other: &&Task| other.id != task.id && other.dependencies.iter().any(|of| is_of(of, &task.id));
    let all: Vec<&Task> = board.items.iter().filter(waits).collect();
    let of = format!("task {} of {} {}", task.id, board.project, board.tag);
    if all.is_empty() {
        return (format!("No task depends on {of}"), all);
    }
    let lines: Vec<String> = all.iter().map(|task| line(task)).collect();
    let over = if is_over(task) { format!("; it is {}, so none waits for it", task.status) } else { String::new() };
    (format!("{} on {of}: {}{over}", counted(all.len(), "task depends", "tasks depend"), listed(&lines)), all)
}

fn dependencies<'a>(board: &'a Board, task: &Task) -> (String, Vec<&'a Task>) {
    let of = format!("Task {} of {} {}", task.id, board.project, board.tag);
    if task.dependencies.is_empty() {
        return (format!("{of} depends on no task; it is {}", task.status), Vec::new());
    }
    let named = |other: &&Task| task.dependencies.iter().any(|of| is_of(of, &other.id));
    let all: Vec<&Task> = board.items.iter().filter(named).collect();
    let open: Vec<&Task> = all.iter().copied().filter(|task| !is_over(task)).collect();
    let names = task.dependencies.join(", ");
    if open.is_empty() {
        return (
            format!(
                "Nothing blocks {}: of what it depends on ({names}), no task is open; it is {}",
                of.replacen("Task", "task", 1),
                task.status
            ),
            all,
        );
    }
    let lines: Vec<String> = open.iter().map(|task| line(task)).collect();
    (format!("{of} waits for {} of what it depends on ({names}): {}", counted(open.len(), "open task", "open tasks"), listed(&lines)), open)
}
