//! Tasks, CI and advice.

use std::sync::Arc;

use serde_json::{Value, json};
use taskpulse_actors::optimizer::OFF;
use taskpulse_actors::view::{Board, CiRepository, CiRun, CiWorkflow, Forecast, Recommendation, Task};
use taskpulse_engine::board::{CANCELLED, DEFERRED, DONE, IN_PROGRESS, REVIEW};

use super::super::arguments::{Argument, Arguments, Kind};
use super::super::page::Answer;
use super::{State, at, missing, row};
use crate::envelope::ApiError;
use crate::recommendations::of_state;

const MAX_NAME: usize = 300;

pub(super) const TASKS: &[Argument] = &[
    Argument::new(
        "status",
        Kind::OneOf(&["open", "all", "pending", "in-progress", "review", "done", "deferred", "cancelled", "blocked"]),
        "`open` where it is left out: neither done, deferred nor cancelled",
    ),
    Argument::new("project", Kind::Text(MAX_NAME), "of this project alone"),
    Argument::new("tag", Kind::Text(MAX_NAME), "of this tag; `*` for all; the tags in use where it is left out"),
    Argument::new("id", Kind::Text(40), "this task, with all that is known of it"),
];

pub(super) const CI: &[Argument] = &[
    Argument::new("by", Kind::OneOf(&["run", "workflow"]), "what a row is of; `run` where it is left out"),
    Argument::new("sha", Kind::Text(64), "runs of this commit, by the beginning of its id"),
    Argument::new("branch", Kind::Text(MAX_NAME), "runs of this branch"),
    Argument::new("workflow", Kind::Text(MAX_NAME), "of this workflow"),
    Argument::new("repository", Kind::Text(MAX_NAME), "of this repository, `owner/name`"),
];

pub(super) const ADVICE: &[Argument] = &[
    Argument::new(
        "state",
        Kind::OneOf(&["current", "open", "accepted", "applied", "dismissed", "withdrawn", "verified", "regressed", "ineffective"]),
        "`current` where it is left out: all that is not withdrawn",
    ),
    Argument::new("id", Kind::Text(MAX_NAME), "this one, with all that is known of it"),
];

/// The tasks of the boards.
pub(super) async fn tasks(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    let mut boards = state.reporter.views.boards();
    if boards.is_empty() {
        return Ok(Answer::new().with("missing", missing(&state, "taskmaster", "there is no task board")));
    }
    let (project, tag, id) = (arguments.text("project"), arguments.text("tag"), arguments.text("id"));
    boards.retain(|board| project.is_none_or(|project| board.project == project));
    boards.retain(|board| match tag {
        None => board.current,
        Some(tag) => tag == "*" || board.tag == tag,
    });
    if boards.is_empty() {
        return Err(ApiError::not_found("there is no board of this project and tag; ask without them, or with `tag`: `*`"));
    }
    let status = arguments.text("status").unwrap_or(if id.is_some() { "all" } else { "open" });
    let mut rows: Vec<(usize, Value)> = Vec::new();
    for board in &boards {
        let wanted = board.items.iter().filter(|task| id.map_or_else(|| is_of(task, status), |id| task.id == id));
        rows.extend(wanted.map(|task| (rank(task), of_task(board, task, id.is_some()))));
    }
    rows.sort_by_key(|(rank, _)| *rank);
    let nothing = rows.is_empty().then_some("no task of the boards is so");
    let boards: Vec<Value> = boards.iter().map(of_board).collect();
    let (head, first) = if boards.len() <= 3 && id.is_none() { (boards, Vec::new()) } else { (Vec::new(), boards) };
    let first = if id.is_some() { Vec::new() } else { first };
    Ok(Answer::new()
        .with("boards", head)
        .with("tasks", rows.len())
        .with("missing", nothing)
        .rows(first)
        .rows(rows.into_iter().map(|(_, row)| row)))
}

fn is_of(task: &Task, status: &str) -> bool {
    match status {
        "all" => true,
        "open" => !matches!(task.status.as_str(), DONE | DEFERRED | CANCELLED),
        status => task.status == status,
    }
}

/// What is worked on, then what can be started.
fn rank(task: &Task) -> usize {
    match task.status.as_str() {
        IN_PROGRESS => 0,
        REVIEW => 1,
        DONE | DEFERRED | CANCELLED => 4,
        _ if task.ready => 2,
        _ => 3,
    }
}

fn name_of(board: &Board) -> String {
    format!("{} {}", board.project, board.tag)
}

fn of_board(board: &Arc<Board>) -> Value {
    let (likely, late, none) = match &board.forecast {
        Some(Forecast::Known { p50, p85, .. }) => (at(*p50), at(*p85), Value::Null),
        Some(Forecast::Missing { missing }) => (Value::Null, Value::Null, json!(missing)),
        None => (Value::Null, Value::Null, Value::Null),
    };
    row([
        ("board", json!(name_of(board))),
        ("unreadable", if board.up { Value::Null } else { json!(board.reason) }),
        ("by_status", json!(board.tasks)),
        ("done_ratio", json!(board.completion_ratio)),
        ("ready", json!(board.ready_tasks)),
        ("waiting", json!(board.blocked_tasks)),
        ("done_per_day", json!(board.throughput_per_day)),
        ("done_by_even_chance", likely),
        ("done_by_85_percent", late),
        ("no_forecast", none),
        ("cycle", json!(board.cycle)),
    ])
}

fn of_task(board: &Board, task: &Task, whole: bool) -> Value {
    let subtasks = (task.subtasks_total > 0).then(|| format!("{} of {}", task.subtasks_done, task.subtasks_total));
    let only = |value: Value| if whole { value } else { Value::Null };
    row([
        ("board", json!(name_of(board))),
        ("id", json!(task.id)),
        ("title", json!(task.title)),
        ("status", json!(task.status)),
        ("priority", json!(task.priority)),
        ("ready", if task.ready { json!(true) } else { Value::Null }),
        ("depends_on", json!(task.dependencies)),
        ("subtasks_done", json!(subtasks)),
        ("in_progress_since", at(task.in_progress_since)),
        ("complexity", only(json!(task.complexity))),
        ("updated", only(at(task.updated_at))),
        ("execution_seconds", only(json!(task.execution_seconds))),
        ("cost", only(json!(task.cost))),
    ])
}

/// Runs of CI, or the figures of workflows.
pub(super) async fn ci(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    let mut repositories = state.reporter.views.repositories();
    if repositories.is_empty() {
        return Ok(Answer::new().with("missing", missing(&state, "github", "no CI is watched")));
    }
    let (wanted, workflow) = (arguments.text("repository"), arguments.text("workflow"));
    repositories.retain(|repository| wanted.is_none_or(|name| repository.repo == name));
    if repositories.is_empty() {
        return Err(ApiError::not_found("this repository is not watched; ask without `repository` for those that are"));
    }
    let of_workflow = |name: &str| workflow.is_none_or(|wanted| wanted == name);
    let rows: Vec<Value> = if arguments.text("by") == Some("workflow") {
        let all = repositories.iter().flat_map(|repository| repository.workflows.iter().map(move |one| (repository, one)));
        all.filter(|(_, one)| of_workflow(&one.workflow)).map(|(repository, one)| workflow_row(repository, one)).collect()
    } else {
        let (sha, branch) = (arguments.text("sha").map(str::to_ascii_lowercase), arguments.text("branch"));
        let all = repositories.iter().flat_map(|repository| repository.runs.iter().map(move |run| (repository, run)));
        let mut runs: Vec<_> = all
            .filter(|(_, run)| of_workflow(&run.workflow) && branch.is_none_or(|branch| run.branch == branch))
            .filter(|(_, run)| sha.as_ref().is_none_or(|sha| run.sha.starts_with(sha.as_str())))
            .collect();
        runs.sort_by(|a, b| b.1.created.total_cmp(&a.1.created));
        runs.iter().map(|(repository, run)| run_row(repository, run)).collect()
    };
    let failing: Vec<String> = state.reporter.views.sources_of("github").into_iter().filter_map(|source| source.reason).collect();
    Ok(Answer::new()
        .with("repositories", repositories.iter().map(|repository| repository.repo.clone()).collect::<Vec<_>>())
        .with("sources_say", failing)
        .with("count", rows.len())
        .with("missing", rows.is_empty().then_some("nothing like this is among the newest 100 runs of each repository"))
        .rows(rows))
}

fn run_row(repository: &CiRepository, run: &CiRun) -> Value {
    row([
        ("repository", json!(repository.repo)),
        ("workflow", json!(run.workflow)),
        ("title", json!(run.title)),
        ("branch", json!(run.branch)),
        ("sha", json!(run.sha.chars().take(12).collect::<String>())),
        ("status", json!(run.status)),
        ("conclusion", json!(run.conclusion)),
        ("attempt", if run.attempt > 1 { json!(run.attempt) } else { Value::Null }),
        ("started", at(run.started)),
        ("duration_seconds", json!(run.duration_seconds)),
        ("queue_seconds", json!(run.queue_seconds)),
        ("url", json!(run.url)),
    ])
}

fn workflow_row(repository: &CiRepository, one: &CiWorkflow) -> Value {
    row([
        ("repository", json!(repository.repo)),
        ("workflow", json!(one.workflow)),
        ("success_ratio", json!(one.success_ratio)),
        ("judged_runs", json!(one.judged_runs)),
        ("median_seconds", json!(one.p50_seconds)),
        ("median_before_seconds", json!(one.p50_before_seconds)),
        ("flaky_ratio", json!(one.flaky_ratio)),
        ("under_way", json!(one.active)),
        ("job_seconds", json!(one.job_seconds)),
        ("wasted_seconds", json!(one.wasted_seconds)),
    ])
}

/// Recommendations.
pub(super) async fn advice(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    let (wanted, id) = (arguments.text("state").unwrap_or("current"), arguments.text("id"));
    let mut all: Vec<Recommendation> = match wanted {
        "current" if id.is_none() => state.reporter.views.recommendations().iter().cloned().collect(),
        "current" => of_state(&state, "all").await?,
        other => of_state(&state, other).await?,
    };
    all.retain(|one| id.is_none_or(|id| one.id == id));
    let nothing = match (id, state.advises) {
        (Some(_), _) => "there is no such recommendation",
        (None, false) => OFF,
        (None, true) => "there is no advice of this state",
    };
    let rows: Vec<Value> = all.iter().map(|one| if id.is_some() { json!(one) } else { of_advice(one) }).collect();
    Ok(Answer::new().with("count", rows.len()).with("missing", rows.is_empty().then_some(nothing)).rows(rows))
}

fn of_advice(one: &Recommendation) -> Value {
    let expected = one.expected.as_ref().map(|gain| json!({"less": gain.what, "low": gain.low, "high": gain.high, "unit": gain.unit}));
    row([
        ("id", json!(one.id)),
        ("title", json!(one.title)),
        ("status", json!(one.status)),
        ("why", json!(one.why)),
        ("steps", json!(one.steps)),
        ("severity", json!(one.severity)),
        ("confidence", json!(one.confidence)),
        ("effort", json!(one.effort)),
        ("expected", json!(expected)),
        ("verdict", json!(one.verdict.as_ref().map(|verdict| &verdict.sentence))),
        ("applied", at(one.applied_at)),
    ])
}
