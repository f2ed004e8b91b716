//! Workflows whose green runs take longer from a commit on: a step, and where it is.
//!
//! Every run may be the first one of the step; the one that splits the durations best is tested by days, as strictly as a best of many
//! has to be. What rises slowly has no such run, and is for `ci_slower`.

use std::collections::BTreeSet;

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::DAY_MS;
use super::super::records::{Paid, Workflow, commit, short};
use super::super::shift::{Shift, split};
use super::super::{Evidence, Finding, History, Horizon};
use super::Advisor;
use super::ci::{self, finding, with_cost};
use crate::ci::SUCCESS;
use crate::ci::tracker::RunRecord;
use crate::effect::change_point::change_point;
use crate::experiment::Better;
use crate::model::TimestampMs;
use crate::store::StoreError;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "ci_shifted",
    about: "green runs of a workflow take longer from a commit on",
    reads: &["github_actions_run_duration_seconds"],
    horizon: Horizon::Month,
    needs_ms: 8 * DAY_MS,
    assess,
    counsel: Counsel {
        matters: "Each run of each commit takes that much longer, and so does whoever waits for it.",
        then: &["Mend that job, or take the change back, and see the next runs."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "Runs of the commit before take as long when they are run today: then it is the runners.",
        expects: Expects::GoesBack("duration of a green run"),
        measure: Measures::Query(Better::Lower, green),
        sibling: Some("workflow"),
        worse: Worse::More(0),
    },
};

const SPAN_MS: i64 = 28 * DAY_MS;
/// Runs on each side of the step.
const LEAST_RUNS: usize = 10;
/// Days on each side of it.
const LEAST_DAYS: (usize, usize) = (5, 3);
/// What one of many tries may not bring more often.
const RARE: f64 = 0.9995;
/// A step explains at least this share of how the runs differ.
const EXPLAINED: f64 = 0.4;

/// A step up: what it is, and the first run after it.
struct Step<'a> {
    shift: Shift,
    first: &'a RunRecord,
    before: &'a RunRecord,
    /// The ends of the first and the last run that may be that first one, of 95 %.
    bounds: (TimestampMs, TimestampMs),
}

fn green(finding: &Finding) -> Option<String> {
    ci::of_runs(finding, "github_actions_run_duration_seconds", Some("success"))
}

/// Names of the workflows with such a step.
pub(super) fn workflows(history: &History<'_>) -> Result<BTreeSet<ci::Workflow>, StoreError> {
    let has = |workflow: &&Workflow| step(workflow, history.now).is_some();
    Ok(history.workflows()?.iter().filter(has).map(|workflow| workflow.name.clone()).collect())
}

fn step(workflow: &Workflow, now: TimestampMs) -> Option<Step<'_>> {
    let green = |record: &&RunRecord| record.run.outcome() == SUCCESS;
    let mut runs: Vec<(&RunRecord, f64)> = workflow
        .since(now - SPAN_MS)
        .filter(green)
        .filter_map(|record| Some((record, record.run.duration().filter(|seconds| *seconds > 0.0)?.ln())))
        .collect();
    runs.sort_by_key(|(record, _)| record.end());
    let logarithms: Vec<f64> = runs.iter().map(|(_, v)| *v).collect();
    let found = change_point(&logarithms, &vec![0; runs.len()], LEAST_RUNS).filter(|found| found.explained >= EXPLAINED)?;
    let (before, first) = (runs[found.first - 1].0, runs[found.first].0);
    let bounds = (runs[found.bounds.0].0.end(), runs[found.bounds.1].0.end());
    let values: Vec<(TimestampMs, f64)> = runs.iter().map(|(record, v)| (record.end(), *v)).collect();
    let shift = split(&values, now, now - before.end() - 1, LEAST_DAYS).filter(|shift| shift.rose_beyond(RARE))?;
    Some(Step { shift, first, before, bounds })
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for workflow in history.workflows()? {
        let Some(Step { shift, first, before, bounds }) = step(workflow, history.now) else { continue };
        let (repo, name) = &workflow.name;
        let mut evidence = shift.evidence_of("green runs", "since then", "before");
        evidence.push(Evidence::moment_between("end of the first slower run", first.end(), bounds));
        let shifted = Finding {
            title: format!("{name} on {repo} takes longer since {}", short(&first.run.sha)),
            why: shift.words_since("green run", &commit(first)),
            action: format!(
                "See what changed between {} and {}, and which job became slower (the page CI).",
                short(&before.run.sha),
                short(&first.run.sha)
            ),
            evidence,
            lasts_ms: 3 * DAY_MS,
            ..finding(history, ADVISOR.name, &workflow.name, "github_actions_run_duration_seconds", SPAN_MS)
        };
        found.push(with_cost(history, &workflow.name, shifted, Paid::week)?);
    }
    Ok(found)
}
