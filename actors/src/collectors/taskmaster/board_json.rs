//! A project's boards as `/api/v1/tasks` shows them.

use serde_json::{Value, json};
use taskpulse_engine::board::{Figures, Tag};

use super::Project;
use crate::clock::now_ms;
use crate::wire::seconds;

pub(super) fn board_json(project: &Project) -> Vec<Value> {
    let Some(board) = &project.board else { return Vec::new() };
    let (up, reason) = match &project.failing_since {
        Some((_, why)) => (false, Some(why)),
        None => (true, None),
    };
    board
        .tags
        .iter()
        .zip(project.figures.values())
        .map(|((name, tag), figures)| {
            json!({
                "project": project.name, "root": project.root, "tag": name,
                "current": board.is_current(name),
                "up": up, "reason": reason, "read_at": seconds(project.read_at),
                "tasks": figures.tasks, "subtasks": figures.subtasks, "completion_ratio": figures.completion_ratio,
                "queue_depth": figures.queue_depth, "ready_tasks": figures.ready_tasks,
                "failure_ratio": project.watcher.failure_ratio(name, now_ms()),
                "critical_path_tasks": figures.critical_path_tasks, "cycle": figures.cycle,
                "unknown_statuses": tag.unknown_statuses, "items": items(project, name, tag, figures),
            })
        })
        .collect()
}

fn items(project: &Project, name: &str, tag: &Tag, figures: &Figures) -> Vec<Value> {
    let ready: std::collections::BTreeSet<&String> = figures.ready_ids.iter().collect();
    tag.tasks
        .iter()
        .map(|task| {
            json!({
                "id": task.id, "title": task.title, "status": task.status, "priority": task.priority, "dependencies": task.dependencies,
                "ready": ready.contains(&task.id),
                "subtasks_done": task.subtasks.iter().filter(|s| s.status == "done").count(), "subtasks_total": task.subtasks.len(),
                "updated_at": task.updated_at_ms.map(seconds),
                "in_progress_since": project.watcher.in_progress_since(name, &task.id).map(seconds),
                "execution_seconds": project.watcher.last_execution_seconds(name, &task.id),
            })
        })
        .collect()
}
