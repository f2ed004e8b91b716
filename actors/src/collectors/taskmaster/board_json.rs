//! A project's boards as `/api/v1/tasks` shows them.

use serde_json::{Value, json};
use taskpulse_engine::board::{Board, Figures, Tag};
use taskpulse_engine::model::TimestampMs;

use super::project::Project;
use crate::wire::seconds;

pub(super) fn board_json(project: &Project, now: TimestampMs) -> Vec<Value> {
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
                "queue_depth": figures.queue_depth, "ready_tasks": figures.ready_tasks, "blocked_tasks": figures.blocked_tasks,
                "open_tasks": figures.open_tasks, "throughput_per_day": project.with_history(name, |history| history.throughput_per_day(now)),
                "forecast": forecast(project, name),
                "failure_ratio": project.watcher.failure_ratio(name, now),
                "critical_path_tasks": figures.critical_path_tasks, "cycle": figures.cycle,
                "unknown_statuses": tag.unknown_statuses, "findings": findings(board, name), "items": items(project, name, tag, figures),
            })
        })
        .collect()
}

/// What of a tag could not be read.
fn findings(board: &Board, tag: &str) -> Vec<Value> {
    let of_tag = board.findings.first.iter().filter(|finding| finding.place.tag.as_deref() == Some(tag));
    of_tag.map(|f| json!({"task": f.place.task, "field": f.place.field, "what": f.what})).collect()
}

/// When the board will be done, or why that is not told.
fn forecast(project: &Project, tag: &str) -> Value {
    match project.forecasts.get(tag) {
        Some(Ok(f)) => json!({
            "p50": f.p50_ms.map(seconds), "p85": f.p85_ms.map(seconds), "p95": f.p95_ms.map(seconds),
            "completions": f.completions, "watched_days": f.watched_days,
        }),
        Some(Err(why)) => json!({"missing": why.to_string()}),
        None => Value::Null,
    }
}

fn items(project: &Project, name: &str, tag: &Tag, figures: &Figures) -> Vec<Value> {
    let scores = project.complexity.get(name);
    let ready: std::collections::BTreeSet<&String> = figures.ready_ids.iter().collect();
    tag.tasks
        .iter()
        .map(|task| {
            json!({
                "id": task.id, "title": task.title, "status": task.status, "priority": task.priority, "dependencies": task.dependencies,
                "ready": ready.contains(&task.id), "complexity": scores.and_then(|scores| scores.get(&task.id)),
                "subtasks_done": task.subtasks.iter().filter(|s| s.status == "done").count(), "subtasks_total": task.subtasks.len(),
                "updated_at": task.updated_at_ms.map(seconds),
                "in_progress_since": project.watcher.in_progress_since(name, &task.id).map(seconds),
                "execution_seconds": project.watcher.last_execution_seconds(name, &task.id),
            })
        })
        .collect()
}
