//! Commits of coding agents, and what became of them.

use std::collections::BTreeMap;

use serde::Serialize;
use taskpulse_engine::agent::{Commit, Session};
use taskpulse_engine::ci::commits::{CommitRuns, KnownCommits, outcome};
use taskpulse_engine::ci::pulls::PullRequest;
use utoipa::ToSchema;

use super::seconds;

/// A commit of a session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentCommit {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub at: f64,
    /// The branch.
    #[schema(required = true)]
    pub branch: Option<String>,
    /// `exact`: the agent named it. `by_folder_and_time`: by the log of the repository, it was written in the folder of the session while that
    /// lived. `shared`: several sessions were there then.
    #[schema(pattern = "^(exact|by_folder_and_time|shared)$", example = "exact")]
    pub how: &'static str,
    /// What became of it: `reverted` by a later commit; `failing`: the newest run of a workflow on it failed; `merged` into the default branch;
    /// `passing`: all of its runs ended and none failed; `open`: not merged yet, or CI is under way. `null` where nothing is known.
    #[schema(required = true, example = "merged")]
    pub outcome: Option<&'static str>,
    /// Its pull request; `null` where none is known.
    #[schema(required = true)]
    pub pull_request: Option<AgentPullRequest>,
    /// What CI did for it; `null` where no run is known.
    #[schema(required = true)]
    pub ci: Option<AgentCommitCi>,
}

/// The pull request of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgentPullRequest {
    /// Its number.
    pub number: u64,
    /// Its page.
    #[schema(required = true)]
    pub url: Option<String>,
    /// `open`, `closed` or `merged`; `null` where it is not known.
    #[schema(required = true, example = "open")]
    pub state: Option<String>,
}

/// What CI did for a commit.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentCommitCi {
    /// Runs of workflows; attempts of one are not counted apart.
    pub runs: u64,
    /// Runs whose newest attempt failed.
    pub failed: u64,
    /// Runs that have not ended.
    pub running: u64,
    /// Seconds of their jobs, as far as they are known.
    #[schema(required = true)]
    pub job_seconds: Option<f64>,
    /// What they cost by `[costs.prices]`, in US dollars; `null` unless all of them have a price.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
}

impl From<CommitRuns> for AgentCommitCi {
    fn from(runs: CommitRuns) -> Self {
        Self { runs: runs.runs, failed: runs.failed, running: runs.running, job_seconds: runs.job_seconds, cost_usd: runs.cost_usd }
    }
}

impl From<PullRequest> for AgentPullRequest {
    fn from(pull: PullRequest) -> Self {
        let known = |text: String| Some(text).filter(|text| !text.is_empty());
        Self { number: pull.number, url: known(pull.url), state: known(pull.state) }
    }
}

/// The commits of a session.
pub(super) fn commits(session: &Session, known: &KnownCommits) -> Vec<AgentCommit> {
    let mut pulls = pulls_of(session, known);
    let view = |commit: &Commit| {
        let (runs, pull) = (known.runs_of(&commit.id), pulls.remove(commit.id.as_str()));
        AgentCommit {
            id: commit.id.clone(),
            at: seconds(commit.at),
            branch: commit.branch.clone(),
            how: commit.how.name(),
            outcome: outcome(commit.reverted, commit.merged, runs.as_ref(), pull.as_ref()),
            pull_request: pull.map(AgentPullRequest::from),
            ci: runs.map(AgentCommitCi::from),
        }
    };
    session.commits.iter().map(view).collect()
}

/// The pull requests of commits. A commit that came before another one on the branch of a pull request is part of it too: GitHub names the newest
/// one only.
fn pulls_of<'a>(session: &'a Session, known: &KnownCommits) -> BTreeMap<&'a str, PullRequest> {
    let mut pulls: BTreeMap<&str, PullRequest> = BTreeMap::new();
    for commit in session.commits.iter().rev() {
        let Some(pull) = known.pull_of(&commit.id).or_else(|| pulls.get(commit.id.as_str()).cloned()) else { continue };
        let is_on_it = |parent: &&Commit| parent.branch == commit.branch && parent.branch.as_deref() == Some(&pull.branch);
        let parents = session.commits.iter().filter(|other| commit.parents.contains(&other.id)).filter(is_on_it);
        for parent in parents {
            pulls.entry(&parent.id).or_insert_with(|| pull.clone());
        }
        pulls.insert(&commit.id, pull);
    }
    pulls
}
