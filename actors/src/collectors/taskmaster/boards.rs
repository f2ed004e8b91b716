//! The boards of a project as clients see them.

use std::collections::{BTreeMap, BTreeSet};

use taskpulse_engine::board::cost::Costs;
use taskpulse_engine::board::{self, DONE, Figures, Tag};
use taskpulse_engine::model::TimestampMs;

use super::project::Project;
use crate::view::{Board, BoardFinding, Cost, Forecast, Task, seconds};

/// One board for each tag.
pub(super) fn boards(project: &Project, costs: &Costs, now: TimestampMs) -> Vec<Board> {
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
        throughput_per_day: project.with_history(tag, |history| history.throughput_per_day(now)),
        forecast: project.forecasts.get(tag).map(Forecast::from),
        failure_ratio: project.watcher.failure_ratio(tag, now),
        critical_path_tasks: figures.critical_path_tasks,
        cycle: figures.cycle.clone(),
        unknown_statuses: tasks.unknown_statuses.clone(),
        findings: board.findings.first.iter().filter(|f| f.place.tag.as_ref() == Some(tag)).map(BoardFinding::from).collect(),
        cost: costs.tags.get(&(project.name.clone(), tag.clone())).map(Cost::from),
        cost_by_week: cost_by_week(&project.name, tag, costs),
        items: items(project, tag, tasks, figures, costs),
    };
    board.tags.iter().zip(project.figures.values()).map(one).collect()
}

/// The costs of a tag by ISO week.
fn cost_by_week(project: &str, tag: &str, costs: &Costs) -> BTreeMap<String, Cost> {
    let first = (project.to_owned(), tag.to_owned(), String::new());
    let weeks = costs.weeks.range(first..).take_while(|((of_project, of_tag, _), _)| of_project == project && of_tag == tag);
    weeks.map(|((_, _, week), cost)| (week.clone(), Cost::from(cost))).collect()
}

fn items(project: &Project, tag: &str, tasks: &Tag, figures: &Figures, costs: &Costs) -> Vec<Task> {
    let scores = project.complexity.get(tag);
    let ready: BTreeSet<&String> = figures.ready_ids.iter().collect();
    let item = |task: &board::Task| Task {
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
        cost: costs.tasks.get(&(project.name.clone(), tag.to_owned(), task.id.clone())).map(Cost::from),
    };
    tasks.tasks.iter().map(item).collect()
}
