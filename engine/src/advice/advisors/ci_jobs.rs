//! What the jobs of runs show: a time limit that ends them, one job that everything waits for, runs that a newer push made useless.

use std::collections::BTreeMap;

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, hourly_rise, named};
use super::super::history::{DAY_MS, approximate};
use super::super::records::{Paid, Workflow, failed};
use super::super::{Evidence, Finding, History, Horizon};
use super::Advisor;
use super::ci::{finding, of_runs, with_cost};
use crate::ci::SUCCESS;
use crate::ci::tracker::RunRecord;
use crate::experiment::Better;
use crate::store::StoreError;
use crate::words::figure;

pub(super) const TIMED_OUT: Advisor = Advisor {
    name: "ci_timed_out",
    about: "a time limit ends runs of a workflow",
    reads: &["github_actions_run_duration_seconds"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: timed_out,
    counsel: Counsel {
        matters: "A run that hangs holds a runner until its limit and says nothing about the commit.",
        then: &[],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "The runs were of one commit that hangs and was taken back.",
        expects: Expects::Unknown("how many runs would end by themselves is not known"),
        measure: Measures::Nothing("such runs are too rare for weeks to be compared; the advice goes once a week is without them"),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const ONE_JOB: Advisor = Advisor {
    name: "ci_one_job",
    about: "one job decides how long a workflow takes",
    reads: &["github_actions_job_seconds_total"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: one_job,
    counsel: Counsel {
        matters: "However fast the others are, nobody has an answer before that job ends.",
        then: &["Compare the duration of green runs a week later."],
        effort: Effort::Days,
        confidence: Confidence::Medium,
        refuted_by: "The run takes as long without that job: then it is the wait for a runner.",
        expects: Expects::UpTo(
            3,
            "duration of a green run",
            "what is left when the job is split in two halves, or the next job is the longest",
        ),
        measure: Measures::Query(Better::Lower, green),
        sibling: Some("workflow"),
        worse: Worse::More(0),
    },
};

pub(super) const SUPERSEDED: Advisor = Advisor {
    name: "ci_superseded",
    about: "runs go on although their branch was pushed again",
    reads: &["github_actions_job_seconds_total"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: superseded,
    counsel: Counsel {
        matters: "Runners work for commits that nobody wants to know about, while others wait for them.",
        then: &["See on the page CI that runs of replaced commits are cancelled."],
        effort: Effort::Minutes,
        confidence: Confidence::High,
        refuted_by: "The result of each commit is wanted, such as where each is deployed.",
        expects: Expects::UpTo(1, "job time of a week", "all of it: what runs after a newer push is not looked at"),
        measure: Measures::Query(Better::Lower, job_seconds),
        sibling: Some("workflow"),
        worse: Worse::More(1),
    },
};

const WEEK_MS: i64 = 7 * DAY_MS;
/// Runs of a week that a time limit ended, and the share of those judged.
const TIMEOUTS: usize = 3;
const TIMEOUT_SHARE: f64 = 0.05;
/// Green runs of a week that it takes to say which job is the longest.
const LEAST_GREEN: usize = 10;
/// The longest job takes at least this share of the run, and the next one at most this share of the longest.
const LONGEST: f64 = 0.7;
const NEXT: f64 = 0.5;
/// In this share of the runs.
const MOSTLY: f64 = 0.8;
/// A shorter run is no wait.
const LONG_RUN: f64 = 300.0;
/// Superseded runs of a week, the share of all job time, and how much it must be in seconds.
const PUSHED_AGAIN: usize = 5;
const SUPERSEDED_SHARE: f64 = 0.15;
const SUPERSEDED_SECONDS: f64 = 3_600.0;

fn green(finding: &Finding) -> Option<String> {
    of_runs(finding, "github_actions_run_duration_seconds", Some("success"))
}

/// Job seconds of each hour.
fn job_seconds(finding: &Finding) -> Option<String> {
    let (repo, workflow) = (named(&finding.query, "repo")?, named(&finding.query, "workflow")?);
    Some(hourly_rise("github_actions_job_seconds_total", &[("repo", &repo), ("workflow", &workflow)]))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn timed_out(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for workflow in history.workflows()? {
        let week = || workflow.since(history.now - WEEK_MS);
        let ended: Vec<&RunRecord> = week().filter(|record| record.run.outcome() == "timed_out" || has_timed_out(record)).collect();
        let judged = week().filter(|record| failed(record).is_some()).count();
        if ended.len() < TIMEOUTS || (ended.len() as f64) < TIMEOUT_SHARE * judged as f64 {
            continue;
        }
        let Some(lasted) = median(ended.iter().filter_map(|record| record.run.duration()).collect()) else { continue };
        let green = median(workflow.all().filter(|r| r.run.outcome() == SUCCESS).filter_map(|r| r.run.duration()).collect());
        // Far from the limit when green: something hangs. Near to it: the limit is too short.
        let hangs = green.is_some_and(|green| green < lasted / 2.0);
        let typical = green.map_or_else(String::new, |green| format!(" A green run typically takes {}.", approximate(green)));
        let mut evidence = vec![
            Evidence::counted("runs that a time limit ended, last week", ended.len() as f64, "count"),
            Evidence::counted("typical time of these", lasted, "seconds"),
        ];
        evidence.extend(green.map(|green| Evidence::counted("typical time of green runs", green, "seconds")));
        let (repo, name) = &workflow.name;
        found.push(Finding {
            title: format!("A time limit ends runs of {name} on {repo}"),
            why: format!(
                "{} of its {judged} runs of the last week ended by their time limit, after {}.{typical}",
                ended.len(),
                approximate(lasted)
            ),
            action: if hangs {
                "Find what hangs (the last line of the log of such a run), and set timeout-minutes near the usual time, so that it ends sooner.".to_owned()
            } else {
                "Raise timeout-minutes, or split the job that comes near to it.".to_owned()
            },
            evidence,
            ..finding(history, TIMED_OUT.name, &workflow.name, "github_actions_run_duration_seconds", WEEK_MS)
        });
    }
    Ok(found)
}

fn has_timed_out(record: &RunRecord) -> bool {
    record.jobs.iter().any(|job| job.outcome == "timed_out")
}

fn one_job(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for workflow in history.workflows()? {
        let green: Vec<&RunRecord> = workflow.since(history.now - WEEK_MS).filter(|r| r.run.outcome() == SUCCESS).collect();
        let Some(whole) = median(green.iter().filter_map(|r| r.run.duration()).collect()).filter(|whole| *whole >= LONG_RUN) else {
            continue;
        };
        let mut by_name: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        for (name, longest, next) in green.iter().filter_map(|record| longest(record)) {
            by_name.entry(name).or_default().push((longest, next));
        }
        let Some((job, times)) = by_name.into_iter().max_by_key(|(_, times)| times.len()) else { continue };
        if times.len() < LEAST_GREEN || (times.len() as f64) < MOSTLY * green.len() as f64 {
            continue;
        }
        let of = |which: fn(&(f64, f64)) -> f64| median(times.iter().map(which).collect());
        let (Some(longest), Some(next)) = (of(|times| times.0), of(|times| times.1)) else { continue };
        let saved = longest - next.max(longest / 2.0);
        let (repo, name) = &workflow.name;
        let one_job = Finding {
            title: format!("{job} decides how long {name} on {repo} takes"),
            why: format!(
                "In {} of {} green runs of the last week it was by far the longest job: {} of a run of {}; the next one took {}.",
                times.len(),
                green.len(),
                approximate(longest),
                approximate(whole),
                approximate(next)
            ),
            action: format!(
                "Split {job} in two that run at the same time, or give it a cache or a faster runner: nothing else makes the run shorter."
            ),
            evidence: vec![
                Evidence::counted(format!("typical time of {job}"), longest, "seconds"),
                Evidence::counted("typical time of the next job", next, "seconds"),
                Evidence::counted("typical time of the run", whole, "seconds"),
                Evidence::counted("shorter if it were split in two", saved, "seconds"),
            ],
            ..finding(history, ONE_JOB.name, &workflow.name, "github_actions_run_duration_seconds", WEEK_MS)
        };
        found.push(with_cost(history, &workflow.name, one_job, Paid::week)?);
    }
    Ok(found)
}

/// The longest job of a run and the next one, where it is by far the longest. Jobs of one name are known as a sum only.
fn longest(record: &RunRecord) -> Option<(&str, f64, f64)> {
    let whole = record.run.duration()?;
    let mut jobs: Vec<_> = record.jobs.iter().collect();
    jobs.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let [first, next, ..] = jobs.as_slice() else { return None };
    let by_far = first.count == 1 && first.seconds >= LONGEST * whole && next.seconds <= NEXT * first.seconds;
    by_far.then_some((first.name.as_str(), first.seconds, next.seconds))
}

fn superseded(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for workflow in history.workflows()? {
        let since = history.now - WEEK_MS;
        let all: f64 = workflow.since(since).filter_map(|record| record.job_seconds).sum();
        let useless = seconds_after_next(workflow, since);
        let seconds: f64 = useless.iter().sum();
        if useless.len() < PUSHED_AGAIN || seconds < SUPERSEDED_SECONDS || seconds < SUPERSEDED_SHARE * all {
            continue;
        }
        let (repo, name) = &workflow.name;
        let superseded = Finding {
            title: format!("{name} on {repo} runs on for commits that were replaced"),
            why: format!(
                "{} of its runs of the last week went on after their branch had been pushed again: {} of job time, {} of all.",
                useless.len(),
                approximate(seconds),
                figure("_ratio", seconds / all)
            ),
            action: "Let a new push end the run of the one before: concurrency: with a group of the branch and cancel-in-progress: true."
                .to_owned(),
            evidence: vec![
                Evidence::counted("runs that went on, last week", useless.len() as f64, "count"),
                Evidence::counted("job time after the newer push", seconds, "seconds"),
                Evidence::counted("share of all job time", seconds / all, "ratio"),
            ],
            ..finding(history, SUPERSEDED.name, &workflow.name, "github_actions_job_seconds_total", WEEK_MS)
        };
        found.push(with_cost(history, &workflow.name, superseded, |paid| paid.part(seconds))?);
    }
    Ok(found)
}

/// Job seconds of each run after the next one of its branch was created. Each commit of the main branch is wanted for itself.
fn seconds_after_next(workflow: &Workflow, since: i64) -> Vec<f64> {
    let trunk = workflow.trunk().unwrap_or_default();
    let mut next: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut useless = Vec::new();
    for record in workflow.all().rev() {
        let run = &record.run;
        if run.branch.is_empty() || run.branch == trunk || !["push", "pull_request"].contains(&run.event.as_str()) {
            continue;
        }
        let newer = next.insert((&run.branch, &run.event), run.created);
        let after = newer.zip(record.run.duration()).filter(|_| record.end() > since && run.outcome() != "cancelled");
        if let Some((newer, duration)) = after.filter(|(newer, _)| record.end() > *newer) {
            let part = ((record.end() - newer) as f64 / 1e3 / duration.max(1.0)).min(1.0);
            useless.extend(record.job_seconds.map(|seconds| seconds * part));
        }
    }
    useless
}
