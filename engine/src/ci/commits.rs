//! What CI did for a commit: runs, their outcome, their jobs' time and money; and its pull request.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::parse::WorkflowRun;
use super::pulls::PullRequest;
use super::tracker::{RunRecord, RunTracker};
use super::{FAILURES, SUCCESS};
use crate::agent::MIN_ID;
use crate::model::TimestampMs;

/// The currency in which money of agents is.
const CURRENCY: &str = "USD";

/// The runs of a commit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommitRuns {
    /// Its id.
    pub sha: String,
    /// Runs; attempts of one are not counted apart.
    pub runs: u64,
    /// Runs whose newest attempt failed.
    pub failed: u64,
    /// Runs whose newest attempt succeeded.
    pub passed: u64,
    /// Runs that have not ended.
    pub running: u64,
    /// Whether the newest run of a workflow failed.
    pub is_failing: bool,
    /// Seconds of all jobs that are known; none where no job's are.
    pub job_seconds: Option<f64>,
    /// What they cost, in US dollars; none unless that is known of each run that had jobs.
    pub cost_usd: Option<f64>,
    /// Pull requests that GitHub named with a run, with their pages.
    pub pulls: BTreeMap<u64, String>,
}

/// What is known of the commits of one repository.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RepositoryCommits {
    /// By id.
    pub runs: Vec<CommitRuns>,
    /// Pull requests that changed last.
    pub pulls: Vec<PullRequest>,
}

/// The page of a pull request, beside that of a run.
fn page_of(run: &WorkflowRun, number: u64) -> String {
    run.url.find("/actions/runs/").map(|end| format!("{}/pull/{number}", &run.url[..end])).unwrap_or_default()
}

impl RunTracker {
    /// The runs of each commit, by id.
    #[must_use]
    pub fn runs_by_commit(&self) -> Vec<CommitRuns> {
        let mut found: BTreeMap<&str, Vec<&RunRecord>> = BTreeMap::new();
        for record in self.records().filter(|record| !record.run.sha.is_empty()) {
            found.entry(&record.run.sha).or_default().push(record);
        }
        found.into_iter().map(|(sha, records)| of_commit(sha, &records)).collect()
    }
}

/// `records` are by number and attempt.
fn of_commit(sha: &str, records: &[&RunRecord]) -> CommitRuns {
    let mut all = CommitRuns { sha: sha.to_owned(), ..CommitRuns::default() };
    let newest: BTreeMap<u64, &RunRecord> = records.iter().map(|record| (record.run.id, *record)).collect();
    let failed = |record: &RunRecord| record.run.ended() && FAILURES.contains(&record.run.outcome());
    all.runs = newest.len() as u64;
    all.failed = newest.values().filter(|record| failed(record)).count() as u64;
    all.passed = newest.values().filter(|record| record.run.ended() && record.run.outcome() == SUCCESS).count() as u64;
    all.running = newest.values().filter(|record| !record.run.ended()).count() as u64;
    let mut of_workflow: BTreeMap<_, &RunRecord> = BTreeMap::new();
    for record in newest.values() {
        let known = of_workflow.entry(record.run.key()).or_insert(record);
        if record.run.order() > known.run.order() {
            *known = record;
        }
    }
    all.is_failing = of_workflow.values().any(|record| failed(record));
    all.job_seconds = records.iter().filter_map(|record| record.job_seconds).reduce(|sum, more| sum + more);
    let charges = records.iter().filter_map(|record| record.charge.as_ref()).filter(|charge| charge.currency == CURRENCY);
    let priced = records.iter().all(|record| {
        let has_charge = record.charge.as_ref().is_some_and(|charge| charge.currency == CURRENCY);
        has_charge || !record.run.ended() || record.job_seconds == Some(0.0)
    });
    all.cost_usd = charges.map(|charge| charge.amount).reduce(|sum, more| sum + more).filter(|_| priced);
    for record in records {
        all.pulls.extend(record.run.pulls.iter().map(|number| (*number, page_of(&record.run, *number))));
    }
    all
}

/// What is known of commits, of all repositories.
#[derive(Debug, Clone, Default)]
pub struct KnownCommits(pub Vec<Arc<RepositoryCommits>>);

impl KnownCommits {
    /// The runs of a commit, of all repositories that have it.
    #[must_use]
    pub fn runs_of(&self, id: &str) -> Option<CommitRuns> {
        if id.len() < MIN_ID {
            return None;
        }
        self.0.iter().filter_map(|repository| repository.of(id).cloned()).reduce(CommitRuns::and)
    }

    /// The pull request of a commit: whose head or merge it is, or that GitHub named with a run of it.
    #[must_use]
    pub fn pull_of(&self, id: &str) -> Option<PullRequest> {
        if id.len() < MIN_ID {
            return None;
        }
        self.0.iter().find_map(|repository| repository.pull_of(id))
    }
}

impl RepositoryCommits {
    /// The id may be cut.
    fn of(&self, id: &str) -> Option<&CommitRuns> {
        let at = self.runs.partition_point(|known| known.sha.as_str() < id);
        self.runs.get(at).filter(|known| known.sha.starts_with(id))
    }

    fn pull_of(&self, id: &str) -> Option<PullRequest> {
        let is = |sha: &str| sha.starts_with(id);
        if let Some(pull) = self.pulls.iter().find(|pull| is(&pull.head) || pull.is_merged() && is(&pull.merge)) {
            return Some(pull.clone());
        }
        // The newest one that was named.
        let (number, url) = self.of(id)?.pulls.last_key_value()?;
        let known = self.pulls.iter().find(|pull| pull.number == *number).cloned();
        Some(known.unwrap_or_else(|| PullRequest { number: *number, url: url.clone(), ..PullRequest::default() }))
    }
}

impl CommitRuns {
    /// Together with those of another repository.
    fn and(mut self, other: Self) -> Self {
        let add = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(|a, b| a + b);
        // Money that is unknown of one is unknown of both, unless that one used nothing.
        let unknown = |one: &Self| one.cost_usd.is_none() && one.job_seconds.is_some_and(|seconds| seconds > 0.0);
        self.cost_usd = add(self.cost_usd, other.cost_usd).filter(|_| !unknown(&self) && !unknown(&other));
        self.job_seconds = add(self.job_seconds, other.job_seconds);
        self.runs += other.runs;
        self.failed += other.failed;
        self.passed += other.passed;
        self.running += other.running;
        self.is_failing |= other.is_failing;
        self.pulls.extend(other.pulls);
        self
    }
}

/// What became of a commit: one of `reverted`, `failing`, `merged`, `passing`, `open`; none where nothing is known.
#[must_use]
pub fn outcome(is_reverted: bool, is_merged: Option<bool>, runs: Option<&CommitRuns>, pull: Option<&PullRequest>) -> Option<&'static str> {
    let is_open = is_merged == Some(false) || pull.is_some_and(|pull| pull.state == "open") || runs.is_some_and(|runs| runs.running > 0);
    if is_reverted {
        Some("reverted")
    } else if runs.is_some_and(|runs| runs.is_failing) {
        Some("failing")
    } else if is_merged == Some(true) || pull.is_some_and(PullRequest::is_merged) {
        Some("merged")
    } else if runs.is_some_and(|runs| runs.running == 0 && runs.passed > 0) {
        Some("passing")
    } else if is_open && pull.is_none_or(|pull| pull.state != "closed") {
        Some("open")
    } else {
        None
    }
}

/// How long after its last commit a session's pull requests are followed.
pub const FOLLOWED_MS: TimestampMs = 14 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_commit_follows_from_the_log_then_from_ci_and_its_pull_request() {
        let runs = |passed, failed, running| CommitRuns {
            runs: passed + failed + running,
            passed,
            failed,
            running,
            is_failing: failed > 0,
            ..CommitRuns::default()
        };
        let pull = |state: &str| PullRequest { number: 1, state: state.to_owned(), ..PullRequest::default() };
        let (green, red, runs_now) = (runs(1, 0, 0), runs(1, 1, 0), runs(1, 0, 1));
        for (reverted, merged, runs, pull, expected) in [
            (true, Some(true), Some(&red), None, Some("reverted")),
            (false, Some(true), Some(&red), None, Some("failing")),
            (false, Some(true), Some(&green), None, Some("merged")),
            (false, Some(false), Some(&green), Some(pull("merged")), Some("merged")),
            (false, Some(false), Some(&green), Some(pull("open")), Some("passing")),
            (false, Some(false), Some(&runs_now), None, Some("open")),
            (false, None, Some(&runs_now), None, Some("open")),
            (false, Some(false), None, None, Some("open")),
            (false, Some(false), None, Some(pull("closed")), None),
            (false, None, None, Some(pull("open")), Some("open")),
            (false, None, None, Some(pull("")), None),
            (false, None, Some(&runs(0, 0, 0)), None, None),
            (false, None, None, None, None),
        ] {
            assert_eq!(outcome(reverted, merged, runs, pull.as_ref()), expected, "{reverted} {merged:?} {runs:?} {pull:?}");
        }
    }

    #[test]
    fn the_page_of_a_pull_request_is_beside_that_of_a_run() {
        let known = RepositoryCommits {
            runs: vec![CommitRuns {
                sha: "5a47fbbc61124b4c".to_owned(),
                pulls: BTreeMap::from([(7, "https://github.com/o/r/pull/7".to_owned())]),
                ..CommitRuns::default()
            }],
            pulls: Vec::new(),
        };
        let of = |known: &RepositoryCommits, id: &str| {
            KnownCommits(vec![Arc::new(known.clone())]).pull_of(id).map(|pull| (pull.number, pull.state))
        };
        assert_eq!(of(&known, "5a47fbb"), Some((7, String::new())), "its state is not known");
        assert_eq!((of(&known, "5a47"), of(&known, "5a47fbc")), (None, None));
        let pull = PullRequest { number: 7, state: "merged".to_owned(), merge: "abcdef0123".to_owned(), ..PullRequest::default() };
        let known = RepositoryCommits { pulls: vec![pull], ..known };
        assert_eq!(of(&known, "5a47fbb"), Some((7, "merged".to_owned())));
        assert_eq!(of(&known, "abcdef0"), Some((7, "merged".to_owned())), "what the merge made");
    }
}
