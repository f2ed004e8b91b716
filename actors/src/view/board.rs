//! Task boards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use taskpulse_engine::board;
use taskpulse_engine::board::cost;
use utoipa::ToSchema;

use super::{AgentCosts, Source, seconds};

/// `/api/v1/tasks`
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Tasks {
    /// One board for each tag of each project.
    #[schema(value_type = Vec<Board>)]
    pub boards: Vec<Arc<Board>>,
    /// Where they come from.
    pub sources: Vec<Source>,
}

/// The tasks of one Task Master tag.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Board {
    /// The project's name: that of its folder.
    #[schema(example = "app")]
    pub project: String,
    /// The project's folder.
    #[schema(value_type = String, example = "/home/me/app")]
    pub root: PathBuf,
    /// The tag.
    #[schema(example = "master")]
    pub tag: String,
    /// Whether it is the tag in use.
    pub current: bool,
    /// Whether the files can be read.
    pub up: bool,
    /// Why not.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// When the board was read last.
    pub read_at: f64,
    /// Tasks by status.
    pub tasks: BTreeMap<String, u64>,
    /// Subtasks by status, apart from the tasks.
    pub subtasks: BTreeMap<String, u64>,
    /// Done as a share of all that is not cancelled, 0 to 1; `null` when there is nothing to divide by.
    #[schema(required = true)]
    pub completion_ratio: Option<f64>,
    /// Pending tasks.
    pub queue_depth: u64,
    /// Pending tasks that could be started now.
    pub ready_tasks: u64,
    /// Pending tasks that wait for a dependency, and tasks whose status is blocked.
    pub blocked_tasks: u64,
    /// Tasks neither done nor cancelled.
    pub open_tasks: u64,
    /// Tasks done a day over the last seven days, or as many of them as were watched.
    #[schema(required = true)]
    pub throughput_per_day: Option<f64>,
    /// When the open tasks will be done.
    #[schema(required = true)]
    pub forecast: Option<Forecast>,
    /// Failures as a share of the tasks that ended lately, 0 to 1.
    #[schema(required = true)]
    pub failure_ratio: Option<f64>,
    /// Tasks on the longest chain of open tasks; `null` while there is a cycle.
    #[schema(required = true)]
    pub critical_path_tasks: Option<u64>,
    /// A cycle among unfinished tasks: each depends on the one after it, and the first stands again at the end.
    #[schema(required = true)]
    pub cycle: Option<Vec<String>>,
    /// Statuses that Task Master does not have.
    pub unknown_statuses: BTreeSet<String>,
    /// What could not be read as it is; the first hundred of a file.
    pub findings: Vec<BoardFinding>,
    /// What went on while tasks of the tag were in progress.
    #[schema(required = true)]
    pub cost: Option<Cost>,
    /// The same by ISO week, such as `2026-W48`.
    pub cost_by_week: BTreeMap<String, Cost>,
    /// The tasks, in the order of the file.
    pub items: Vec<Task>,
}

/// Something of a board that could not be read as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BoardFinding {
    /// The task (`3`) or subtask (`3.1`).
    #[schema(required = true)]
    pub task: Option<String>,
    /// The field.
    #[schema(required = true, example = "subtasks")]
    pub field: Option<String>,
    /// What is there, what became of it, and what would be right.
    pub what: String,
}

impl From<&board::Finding> for BoardFinding {
    fn from(finding: &board::Finding) -> Self {
        Self { task: finding.place.task.clone(), field: finding.place.field.clone(), what: finding.what.clone() }
    }
}

/// When the open tasks will be done, or why that is not known.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Forecast {
    /// Times by which so many of 100 trials of a simulation were through; `null` if that is too far away.
    Known {
        /// 5 of them.
        #[schema(required = true)]
        p5: Option<f64>,
        /// Half of them.
        #[schema(required = true)]
        p50: Option<f64>,
        /// 85 of them.
        #[schema(required = true)]
        p85: Option<f64>,
        /// 95 of them.
        #[schema(required = true)]
        p95: Option<f64>,
        /// Completions that the simulation draws from.
        completions: usize,
        /// Days that they were watched.
        watched_days: f64,
    },
    /// There is none.
    Missing {
        /// Why.
        #[schema(example = "3 completions were seen; a forecast needs 5")]
        missing: String,
    },
}

/// What was used in a range of time, whoever used it. A figure without a source is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Spent {
    /// CPU time of the whole machine.
    #[schema(required = true)]
    pub cpu_seconds: Option<f64>,
    /// The part of the time that the CPU samples cover.
    #[schema(required = true)]
    pub cpu_covered_seconds: Option<f64>,
    /// Tokens of coding agents, by type.
    pub tokens: BTreeMap<String, f64>,
    /// Money of coding agents.
    #[schema(required = true, example = 4.1)]
    pub money: Option<f64>,
    /// Its currency, as the names of the metrics say it; `null` where they name none, or several.
    #[schema(required = true, example = "USD")]
    pub currency: Option<String>,
    /// Seconds that coding agents were active.
    #[schema(required = true)]
    pub active_seconds: Option<f64>,
}

/// `/api/v1/costs`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Costs {
    /// What was used.
    Spent(Spent),
    /// What coding agents cost, where the request says by what.
    Rows(Box<AgentCosts>),
}

impl Spent {
    /// The view of what was measured.
    #[must_use]
    pub fn new(spent: cost::Spent, currency: Option<String>) -> Self {
        Self {
            cpu_seconds: spent.cpu_seconds,
            cpu_covered_seconds: spent.cpu_covered_seconds,
            tokens: spent.tokens,
            money: spent.money,
            currency,
            active_seconds: spent.active_seconds,
        }
    }
}

impl From<&Result<board::Forecast, board::Missing>> for Forecast {
    fn from(forecast: &Result<board::Forecast, board::Missing>) -> Self {
        match forecast {
            Ok(f) => Self::Known {
                p5: f.p5_ms.map(seconds),
                p50: f.p50_ms.map(seconds),
                p85: f.p85_ms.map(seconds),
                p95: f.p95_ms.map(seconds),
                completions: f.completions,
                watched_days: f.watched_days,
            },
            Err(why) => Self::Missing { missing: why.to_string() },
        }
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Task {
    /// Its id within the tag; without a readable one its place in the list, `#4`.
    #[schema(example = "7")]
    pub id: String,
    /// Its title; empty where the file has none.
    pub title: String,
    /// Its status.
    #[schema(example = "in-progress")]
    pub status: String,
    /// Its priority; empty where the file has none.
    #[schema(example = "low")]
    pub priority: String,
    /// Ids of the tasks (`3`) and subtasks (`3.1`) to be done before.
    pub dependencies: Vec<String>,
    /// Whether it could be started now.
    pub ready: bool,
    /// Its score in Task Master's complexity report, where there is one.
    #[schema(required = true)]
    pub complexity: Option<f64>,
    /// Subtasks that are done.
    pub subtasks_done: usize,
    /// All its subtasks.
    pub subtasks_total: usize,
    /// When it or one of its subtasks last changed.
    #[schema(required = true)]
    pub updated_at: Option<f64>,
    /// Since when it is in progress; `null` when the start was not seen.
    #[schema(required = true)]
    pub in_progress_since: Option<f64>,
    /// How long it took the last time it became done, as far as that was seen from its start.
    #[schema(required = true)]
    pub execution_seconds: Option<f64>,
    /// What went on while it was in progress.
    #[schema(required = true)]
    pub cost: Option<Cost>,
}

/// What went on while tasks were in progress. What has no source is left out. Where several tasks were in progress, each has an
/// even share of everything but `wall_seconds`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Cost {
    /// Time in progress.
    pub wall_seconds: f64,
    /// The part of it during which other tasks were in progress too.
    pub shared_seconds: f64,
    /// The part of it during which the service was not running: what agents pushed then is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unwatched_seconds: Option<f64>,
    /// CPU time of the whole machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cpu_seconds: Option<f64>,
    /// The part of the time that the CPU samples cover.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cpu_covered_seconds: Option<f64>,
    /// CI runs of commits made meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ci_runs: Option<f64>,
    /// Seconds of their jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ci_job_seconds: Option<f64>,
    /// Tokens of coding agents, by type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tokens: BTreeMap<String, f64>,
    /// Money of coding agents, in the unit of its metric (US dollars of Claude Code).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub money: Option<f64>,
    /// Seconds that coding agents were active.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub active_seconds: Option<f64>,
    /// Of a task: from when on it is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub since: Option<f64>,
    /// Of a task: whether `since` is when it started. It may have been in progress when the service first saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_seen: Option<bool>,
}

impl From<&cost::Cost> for Cost {
    fn from(cost: &cost::Cost) -> Self {
        let spent = &cost.spent;
        Self {
            wall_seconds: spent.wall_seconds,
            shared_seconds: cost.shared_seconds,
            unwatched_seconds: spent.unwatched_seconds,
            cpu_seconds: spent.cpu_seconds,
            cpu_covered_seconds: spent.cpu_covered_seconds,
            ci_runs: spent.ci_runs,
            ci_job_seconds: spent.ci_job_seconds,
            tokens: spent.tokens.clone(),
            money: spent.money,
            active_seconds: spent.active_seconds,
            since: cost.since,
            start_seen: cost.start_seen,
        }
    }
}
