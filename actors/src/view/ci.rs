//! CI: repositories, their workflows and runs.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use taskpulse_engine::ci::figures::WorkflowFigures;
use taskpulse_engine::ci::parse::Workflow;
use taskpulse_engine::ci::tracker::{RunRecord, RunTracker};
use utoipa::ToSchema;

use super::{Source, seconds};

/// Runs of a repository that are shown, the newest.
const SHOWN: usize = 100;

/// `/api/v1/ci/runs`
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Ci {
    /// The repositories that are watched.
    #[schema(value_type = Vec<CiRepository>)]
    pub repositories: Vec<Arc<CiRepository>>,
    /// Where they come from.
    pub sources: Vec<Source>,
}

/// A repository on GitHub.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CiRepository {
    /// Its name in the settings, `owner/name`.
    #[schema(example = "octo/app")]
    pub repo: String,
    /// The name that GitHub has it under, where that is another one.
    #[schema(required = true)]
    pub now_named: Option<String>,
    /// Whether the runs of the past are read.
    pub whole: bool,
    /// Runs that are remembered.
    pub runs_known: usize,
    /// Ended runs whose jobs are still to be read.
    pub jobs_wanted: usize,
    /// Jobs whose times are missing or cannot be.
    pub jobs_without_times: u64,
    /// Back to when runs are still to be read.
    #[schema(required = true)]
    pub reading_from: Option<f64>,
    /// When GitHub last said that this is how it is.
    #[schema(required = true)]
    pub confirmed_at: Option<f64>,
    /// Runs under way.
    pub active: u64,
    /// Those of them that wait for a runner.
    pub queued: u64,
    /// The budget of requests.
    pub requests: CiRequests,
    /// Webhooks.
    pub webhooks: CiWebhooks,
    /// The workflows.
    pub workflows: Vec<CiWorkflow>,
    /// The newest 100 runs.
    pub runs: Vec<CiRun>,
}

/// The budget of requests to GitHub, of all repositories together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CiRequests {
    /// GitHub's limit an hour; `null` before the first answer.
    #[schema(required = true)]
    pub limit: Option<u64>,
    /// What is left of it.
    #[schema(required = true)]
    pub remaining: Option<u64>,
    /// Requests of the last hour that counted against the limit.
    pub spent_last_hour: u64,
    /// Requests an hour that the service allows itself.
    pub allowed_an_hour: u64,
}

/// Webhooks of a repository.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct CiWebhooks {
    /// Whether deliveries are accepted.
    pub on: bool,
    /// When the last one came.
    #[schema(required = true)]
    pub last: Option<f64>,
}

/// A workflow. A figure without what it is made of is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CiWorkflow {
    /// Its name.
    #[schema(example = "CI")]
    pub workflow: String,
    /// GitHub's number of it.
    #[schema(required = true)]
    pub workflow_id: Option<u64>,
    /// Its file.
    #[schema(required = true, example = ".github/workflows/ci.yml")]
    pub workflow_path: Option<String>,
    /// `active`, `disabled_manually`, …
    #[schema(required = true)]
    pub state: Option<String>,
    /// Its page.
    #[schema(required = true)]
    pub url: Option<String>,
    /// Successes as a share of successes and failures among the last 20 completed runs.
    #[schema(required = true)]
    pub success_ratio: Option<f64>,
    /// Completed runs that `success_ratio` goes by, those that count for neither included.
    pub judged_runs: usize,
    /// Flaky commits as a share of the commits whose runs succeeded or failed.
    #[schema(required = true)]
    pub flaky_ratio: Option<f64>,
    /// Commits whose runs both failed and succeeded, or succeeded at a later attempt.
    pub flaky_commits: usize,
    /// Commits whose runs succeeded or failed.
    pub commits: usize,
    /// Median duration of the last 20 runs that succeeded or failed.
    #[schema(required = true)]
    pub p50_seconds: Option<f64>,
    /// The same of the 20 before them.
    #[schema(required = true)]
    pub p50_before_seconds: Option<f64>,
    /// By how much the median is longer than the one before; needs five runs of each.
    #[schema(required = true)]
    pub p50_change_ratio: Option<f64>,
    /// Runs under way.
    pub active: u64,
    /// Runs under way, by status.
    pub statuses: BTreeMap<String, u64>,
    /// Ended runs, by conclusion.
    pub runs: BTreeMap<String, u64>,
    /// Seconds of jobs.
    pub job_seconds: f64,
    /// Seconds of the jobs of runs that were cancelled, or whose commit later got a green run.
    pub wasted_seconds: f64,
}

/// An attempt of a run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CiRun {
    /// GitHub's number of the run.
    pub id: u64,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// Its number among the runs of its workflow.
    pub number: u64,
    /// Name of the workflow.
    pub workflow: String,
    /// GitHub's number of the workflow.
    #[schema(required = true)]
    pub workflow_id: Option<u64>,
    /// What GitHub shows as its title.
    pub title: String,
    /// What set it off.
    #[schema(example = "push")]
    pub event: String,
    /// Branch of its head.
    pub branch: String,
    /// Commit of its head; empty where it is not known.
    pub sha: String,
    /// Whether its head is in another repository.
    pub fork: bool,
    /// As GitHub names it; `completed` when it ended.
    pub status: String,
    /// How it ended.
    #[schema(required = true, example = "success")]
    pub conclusion: Option<String>,
    /// Its page.
    pub url: String,
    /// When it was created.
    pub created: f64,
    /// When this attempt began.
    pub started: f64,
    /// When it ended.
    #[schema(required = true)]
    pub ended: Option<f64>,
    /// How long it took.
    #[schema(required = true)]
    pub duration_seconds: Option<f64>,
    /// How long it waited for its first job.
    #[schema(required = true)]
    pub queue_seconds: Option<f64>,
    /// Seconds of its jobs.
    #[schema(required = true)]
    pub job_seconds: Option<f64>,
    /// Its jobs whose times are missing or cannot be.
    pub jobs_without_times: u32,
}

impl CiRepository {
    /// A repository by what was seen of it. The name at GitHub, the time of the last answer, requests and webhooks are left empty:
    /// the collector knows them.
    #[must_use]
    pub fn new(tracker: &RunTracker, workflows: &[Workflow]) -> Self {
        let figures = tracker.figures();
        let mut newest: Vec<&RunRecord> = tracker.records().collect();
        newest.sort_by_key(|record| Reverse(record.run.order()));
        newest.truncate(SHOWN);
        Self {
            repo: tracker.repo().to_owned(),
            now_named: None,
            whole: tracker.is_complete() && !tracker.has_unlisted_runs(),
            runs_known: tracker.records().count(),
            jobs_wanted: tracker.runs_without_jobs(),
            jobs_without_times: tracker.jobs_without_times(),
            reading_from: tracker.next_gap().map(|gap| seconds(gap.from)),
            confirmed_at: None,
            active: figures.values().map(|f| f.active).sum(),
            queued: figures.values().filter_map(|f| f.statuses.get("queued")).sum(),
            requests: CiRequests::default(),
            webhooks: CiWebhooks::default(),
            workflows: figures
                .into_iter()
                .map(|(key, figures)| {
                    let workflow_path = tracker.names().path(&key);
                    let known = workflows.iter().find(|workflow| workflow.key() == key);
                    CiWorkflow {
                        workflow_path: (!workflow_path.is_empty()).then(|| workflow_path.to_owned()),
                        state: known.map(|workflow| workflow.state.clone()),
                        url: known.map(|workflow| workflow.url.clone()).filter(|url| !url.is_empty()),
                        ..CiWorkflow::new(tracker.names().name(&key), key.number().parse().ok(), figures)
                    }
                })
                .collect(),
            runs: newest.into_iter().map(|record| CiRun::new(tracker, record)).collect(),
        }
    }
}

impl CiWorkflow {
    fn new(workflow: &str, workflow_id: Option<u64>, figures: WorkflowFigures) -> Self {
        Self {
            workflow: workflow.to_owned(),
            workflow_id,
            workflow_path: None,
            state: None,
            url: None,
            success_ratio: figures.success_ratio,
            judged_runs: figures.judged_runs,
            flaky_ratio: figures.flaky_ratio,
            flaky_commits: figures.flaky_commits,
            commits: figures.commits,
            p50_seconds: figures.p50_seconds,
            p50_before_seconds: figures.p50_before_seconds,
            p50_change_ratio: figures.p50_change_ratio,
            active: figures.active,
            statuses: figures.statuses,
            runs: figures.runs,
            job_seconds: figures.job_seconds,
            wasted_seconds: figures.wasted_seconds,
        }
    }
}

impl CiRun {
    fn new(tracker: &RunTracker, record: &RunRecord) -> Self {
        let run = &record.run;
        let key = run.key();
        Self {
            id: run.id,
            attempt: run.attempt,
            number: run.number,
            workflow: tracker.names().name(&key).to_owned(),
            workflow_id: key.number().parse().ok(),
            title: run.title.clone(),
            event: run.event.clone(),
            branch: run.branch.clone(),
            sha: run.sha.clone(),
            fork: run.fork,
            status: run.status.clone(),
            conclusion: run.conclusion.clone(),
            url: run.url.clone(),
            created: seconds(run.created),
            started: seconds(run.started),
            ended: run.updated.filter(|_| run.ended()).map(seconds),
            duration_seconds: run.duration(),
            queue_seconds: record.queue,
            job_seconds: record.job_seconds,
            jobs_without_times: record.unclear_jobs,
        }
    }
}
