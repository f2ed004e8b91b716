//! The boards of a project as clients see them.

use std::collections::BTreeSet;

use taskpulse_engine::board::{DONE, Figures, Tag};

use super::project::Project;
use crate::clock::now_ms;
use crate::view::{Board, BoardFinding, Forecast, Task, seconds};

/// One board for each tag.
pub(super) fn boards(project: &Project) -> Vec<Board> {
    let Some(board) = &project.board else { return Vec::new() };
    let reason = project.failing_since.as_ref().map(|(_, why)| why.clone());
    let one = |((tag, tasks), figures): ((&String, &Tag), &Figures)| Board {
        project: project.name.clone(),
        root: project.root.clone(),
        tag: tag.clone(),
        current: board.is_current(tag),
        up: reason.is_none(),
        reason: reason.clone(),
        read_at: seconds(project.read_at),
        tasks: figures.tasks.clone(),
        subtasks: figures.subtasks.clone(),
        completion_ratio: figures.completion_ratio,
        queue_depth: figures.queue_depth,
        ready_tasks: figures.ready_tasks,
        blocked_tasks: figures.blocked_tasks,
        open_tasks: figures.open_tasks,
        throughput_per_day: project.with_flow(tag, |flow| flow.throughput_per_day(now_ms())),
        forecast: project.forecasts.get(tag).map(Forecast::from),
        failure_ratio: project.watcher.failure_ratio(tag, now_ms()),
        critical_path_tasks: figures.critical_path_tasks,
        cycle: figures.cycle.clone(),
        unknown_statuses: tasks.unknown_statuses.clone(),
        findings: board.findings.first.iter().filter(|f| f.place.tag.as_ref() == Some(tag)).map(BoardFinding::from).collect(),
        cost: None,
        cost_by_week: Default::default(),
        items: items(project, tag, tasks, figures),
    };
    board.tags.iter().zip(project.figures.values()).map(one).collect()
}

fn items(project: &Project, tag: &str, tasks: &Tag, figures: &Figures) -> Vec<Task> {
    let scores = project.complexity.get(tag);
    let ready: BTreeSet<&String> = figures.ready_ids.iter().collect();
    let item = |task: &taskpulse_engine::board::Task| Task {
        id: task.id.clone(),
        title: task.title.clone(),
        status: task.status.clone(),
        priority: task.priority.clone(),
        dependencies: task.dependencies.clone(),
        ready: ready.contains(&task.id),
        complexity: scores.and_then(|scores| scores.get(&task.id)).copied(),
        subtasks_done: task.subtasks.iter().filter(|subtask| subtask.status == DONE).count(),
        subtasks_total: task.subtasks.len(),
        updated_at: task.updated_at_ms.map(seconds),
        in_progress_since: project.watcher.in_progress_since(tag, &task.id).map(seconds),
        execution_seconds: project.watcher.last_execution_seconds(tag, &task.id),
        cost: None,
    };
    tasks.tasks.iter().map(item).collect()
}
