//! Workflows that broke at a commit: green until then, red in every run since, beyond what chance explains.

use std::collections::BTreeSet;

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{DAY_MS, approximate};
use super::super::records::{Workflow, commit, failed};
use super::super::{Evidence, Finding, History, Horizon};
use super::Advisor;
use super::ci::{self, finding};
use crate::ci::tracker::RunRecord;
use crate::experiment::Better;
use crate::rules::Severity;
use crate::store::StoreError;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "ci_broken",
    about: "a workflow fails in every run since a commit",
    reads: &["github_actions_success_ratio"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "Nobody can tell whether a commit works while the main branch is red, and what breaks next stays hidden.",
        then: &["See the next run of the main branch turn green."],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "A run of the last green commit fails today as well: then it is no commit, but a runner, a service or a dependency.",
        expects: Expects::Unknown("it is either green or red"),
        measure: Measures::Query(Better::Higher, success),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// Runs before the commit that say how often it fails by chance.
const MOST_BEFORE: usize = 100;
const LEAST_BEFORE: usize = 5;
/// So many failures in a row come by chance less often than this; each of the runs of a month asks anew.
const RARE: f64 = 1e-4;
/// What was not run for so long may have been left aside.
const RECENT_MS: i64 = 14 * DAY_MS;

/// A workflow that broke.
struct Broken<'a> {
    last_green: &'a RunRecord,
    /// Red runs since, the oldest first; at least two.
    red: Vec<&'a RunRecord>,
}

fn success(finding: &Finding) -> Option<String> {
    ci::of_runs(finding, "github_actions_success_ratio", None)
}

/// Names of the workflows that broke.
pub(super) fn workflows(history: &History<'_>) -> Result<BTreeSet<ci::Workflow>, StoreError> {
    let broke = |workflow: &&Workflow| broken(workflow, history.now).is_some();
    Ok(history.workflows()?.iter().filter(broke).map(|workflow| workflow.name.clone()).collect())
}

fn broken(workflow: &Workflow, now: i64) -> Option<Broken<'_>> {
    let trunk = workflow.trunk()?;
    let of_trunk = |record: &&RunRecord| record.run.branch == trunk && record.run.event != "pull_request";
    let mut judged: Vec<(&RunRecord, bool)> =
        workflow.all().filter(of_trunk).filter_map(|record| Some((record, failed(record)?))).collect();
    let first_red = judged.iter().rposition(|(_, failed)| !failed)? + 1;
    let red: Vec<&RunRecord> = judged.drain(first_red..).map(|(record, _)| record).collect();
    let flaky = red.iter().any(|record| workflow.flaky.contains(&record.run.sha));
    let commits: BTreeSet<&str> = red.iter().map(|record| record.run.sha.as_str()).collect();
    if red.len() < 2 || commits.len() < 2 || flaky || red.last()?.end() < now - RECENT_MS {
        return None;
    }
    let before = &judged[judged.len().saturating_sub(MOST_BEFORE)..];
    if before.len() < LEAST_BEFORE {
        return None;
    }
    // The rule of succession: no workflow is known to never fail.
    let fails = (before.iter().filter(|(_, failed)| *failed).count() as f64 + 1.0) / (before.len() as f64 + 2.0);
    let last_green = before.last()?.0;
    (fails.powi(i32::try_from(red.len()).unwrap_or(i32::MAX)) < RARE).then_some(Broken { last_green, red })
}

/// Jobs that failed in each of these runs.
fn failing_jobs(red: &[&RunRecord]) -> BTreeSet<String> {
    let of = |record: &&RunRecord| -> BTreeSet<String> {
        record.jobs.iter().filter(|job| job.outcome == "failure" || job.outcome == "timed_out").map(|job| job.name.clone()).collect()
    };
    red.iter().map(of).reduce(|all, more| all.intersection(&more).cloned().collect()).unwrap_or_default()
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for workflow in history.workflows()? {
        let Some(Broken { last_green, red }) = broken(workflow, history.now) else { continue };
        let Some(first) = red.first() else { continue };
        let jobs: Vec<String> = failing_jobs(&red).into_iter().take(3).collect();
        let in_jobs = if jobs.is_empty() { String::new() } else { format!(" In each of them failed: {}.", jobs.join(", ")) };
        let since = (history.now - first.end()) as f64 / 1e3;
        let (repo, name) = &workflow.name;
        found.push(Finding {
            title: format!("{name} on {repo} is broken since {}", super::super::records::short(&first.run.sha)),
            why: format!(
                "Its last green run on {} was of {}. The first red one was of {}, {} ago, and all {} runs since then failed.{in_jobs}",
                first.run.branch,
                commit(last_green),
                commit(first),
                approximate(since),
                red.len()
            ),
            action: format!(
                "Open {} and mend what it shows, or take back what came between {} and {}.",
                if first.run.url.is_empty() { "the first red run" } else { &first.run.url },
                super::super::records::short(&last_green.run.sha),
                super::super::records::short(&first.run.sha)
            ),
            severity: Severity::Error,
            evidence: vec![
                Evidence::counted("runs that failed since", red.len() as f64, "count"),
                Evidence::counted("time since the first of them", since, "seconds"),
                Evidence::moment("end of the first of them", first.end()),
            ],
            start: last_green.end().min(history.now - DAY_MS),
            lasts_ms: 0,
            ..finding(history, ADVISOR.name, &workflow.name, "github_actions_success_ratio", DAY_MS)
        });
    }
    Ok(found)
}
