//! Workflows of GitHub Actions: that fail, are flaky, wait, take longer, or run for nothing.

use std::collections::BTreeMap;

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, hourly_mean, hourly_rise, named};
use super::super::history::{DAY_MS, HOUR_MS, approximate};
use super::super::records::Paid;
use super::super::shift::{KEPT_ON_MS, Shift, shift, that_stays};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::{Advisor, ci_broken, ci_shifted};
use crate::experiment::Better;
use crate::model::{Labels, TimestampMs};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::figure;

pub(super) const FAILING: Advisor = Advisor {
    name: "ci_failing",
    about: "runs of a workflow fail more often than chance explains",
    reads: &["github_actions_success_high_ratio"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess: failing,
    counsel: Counsel {
        matters: "While a workflow fails, its failures say nothing of new commits, and broken ones get in.",
        then: &["See that the next runs are green, and that nobody merges around it."],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "The failed runs are of branches that are meant to fail.",
        expects: Expects::Unknown("how many runs succeed afterwards depends on the cause"),
        measure: Measures::Query(Better::Higher, |finding| of_runs(finding, "github_actions_success_ratio", None)),
        sibling: None,
        worse: Worse::Less(0),
    },
};

pub(super) const FLAKY: Advisor = Advisor {
    name: "ci_flaky",
    about: "commits both fail and succeed",
    reads: &["github_actions_flaky_ratio"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: flaky,
    counsel: Counsel {
        matters: "A failure that goes away when it is run again teaches everyone to ignore failures, and each second run costs time.",
        then: &["Watch the list of flaky runs for two weeks: most attempts to mend a flaky test do not help."],
        effort: Effort::Days,
        confidence: Confidence::Medium,
        refuted_by: "The commits that both failed and succeeded failed for a reason outside of the tests, such as a runner.",
        expects: Expects::Unknown("how many of the commits one test makes flaky is not known"),
        measure: Measures::Nothing("the share covers all runs that are held, so that weeks of it cannot be compared"),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const QUEUED: Advisor = Advisor {
    name: "ci_queued",
    about: "runs wait long for a runner",
    reads: &["github_actions_run_queue_seconds"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: queued,
    counsel: Counsel {
        matters: "Everyone who waits for the result waits for the runner first.",
        then: &["Look at the same hours of the next week: waiting comes in rushes."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "Runs wait as long when no other run is active.",
        expects: Expects::UpTo(0, "wait of a typical run", "all of its typical wait: it cannot start before it is queued"),
        measure: Measures::Query(Better::Lower, |finding| of_runs(finding, "github_actions_run_queue_seconds", None)),
        sibling: Some("workflow"),
        worse: Worse::More(0),
    },
};

pub(super) const SLOWER: Advisor = Advisor {
    name: "ci_slower",
    about: "runs take longer than in the weeks before",
    reads: &["github_actions_run_duration_seconds"],
    horizon: Horizon::Month,
    needs_ms: 13 * DAY_MS,
    assess: slower,
    counsel: Counsel {
        matters: "Each run of each commit takes that much longer, and so does everyone who waits for it.",
        then: &["Mend that job or take the commit back, and mark this as applied."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "Runs of the commit before the rise take as long when they are run today: then it is the runners.",
        expects: Expects::GoesBack("duration of a green run"),
        measure: Measures::Query(Better::Lower, |finding| of_runs(finding, "github_actions_run_duration_seconds", Some("success"))),
        sibling: Some("workflow"),
        worse: Worse::More(0),
    },
};

pub(super) const WASTED: Advisor = Advisor {
    name: "ci_wasted",
    about: "job time goes to runs that come to nothing",
    reads: &["github_actions_wasted_seconds_total"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: wasted,
    counsel: Counsel {
        matters: "Runners are paid for and waited for while they work on what nobody needs.",
        then: &["Leave out the branches whose runs must not be cut short, such as releases."],
        effort: Effort::Minutes,
        confidence: Confidence::Medium,
        refuted_by: "Most of that time is of runs that somebody cancelled by hand.",
        expects: Expects::UpTo(0, "job time for nothing, a week", "all of what came to nothing in the last week"),
        measure: Measures::Query(Better::Lower, wasted_seconds),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// The true share of successes is below this beyond chance.
const GREEN: f64 = 0.9;
/// Share of flaky commits that is worth advice, and runs of the last month that it takes.
const FLAKES: f64 = 0.1;
const MIN_RUNS: usize = 20;
/// A typical wait that is worth advice: in seconds, and as a share of a typical duration.
const WAIT_SECONDS: f64 = 60.0;
const WAIT_SHARE: f64 = 0.3;
/// Runs of the last week that it takes.
const MIN_WAITS: usize = 10;
/// Share of the job time of a week that is worth advice, and how much it must be in seconds.
const WASTE: f64 = 0.2;
const WASTE_SECONDS: f64 = 3_600.0;
const WEEK_MS: i64 = 7 * DAY_MS;
/// What is compared, together with what it is compared with.
const SPAN_MS: i64 = 28 * DAY_MS;

/// Repository and workflow.
pub(super) type Workflow = (String, String);

pub(super) fn workflow(labels: &Labels) -> Workflow {
    let part = |name| labels.get(name).unwrap_or("").to_owned();
    (part("repo"), part("workflow"))
}

/// The mean of each hour of a metric of the workflow of a finding.
pub(super) fn of_runs(finding: &Finding, metric: &str, conclusion: Option<&str>) -> Option<String> {
    let (repo, workflow) = (named(&finding.query, "repo")?, named(&finding.query, "workflow")?);
    let conclusion = conclusion.map(|conclusion| ("conclusion", conclusion));
    let labels: Vec<(&str, &str)> = [("repo", repo.as_str()), ("workflow", &workflow)].into_iter().chain(conclusion).collect();
    Some(hourly_mean(metric, &labels))
}

fn wasted_seconds(finding: &Finding) -> Option<String> {
    let (repo, workflow) = (named(&finding.query, "repo")?, named(&finding.query, "workflow")?);
    Some(hourly_rise("github_actions_wasted_seconds_total", &[("repo", &repo), ("workflow", &workflow)]))
}

/// What all findings of a workflow have.
pub(super) fn finding(history: &History<'_>, kind: &str, (repo, workflow): &Workflow, metric: &str, span_ms: i64) -> Finding {
    Finding {
        id: format!("{kind}:{repo}:{workflow}"),
        topic: Topic::Ci,
        title: String::new(),
        why: String::new(),
        action: String::new(),
        severity: Severity::Notice,
        evidence: Vec::new(),
        query: format!("{metric}{{repo={repo:?},workflow={workflow:?}}}"),
        start: history.now - span_ms,
        end: history.now,
        lasts_ms: DAY_MS,
    }
}

/// A finding with what is said of the money that job time cost in the last week, where it all has a price.
pub(super) fn with_cost(
    history: &History<'_>,
    of: &Workflow,
    finding: Finding,
    said: impl Fn(&Paid) -> (String, Evidence),
) -> Result<Finding, StoreError> {
    let Some((sentence, figure)) = history.paid(of, history.now - WEEK_MS)?.as_ref().map(said) else { return Ok(finding) };
    let (why, mut evidence) = (finding.why + &sentence, finding.evidence);
    evidence.push(figure);
    Ok(Finding { why, evidence, ..finding })
}

fn failing(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let metric = "github_actions_success_high_ratio";
    let broken = ci_broken::workflows(history)?;
    let mut found = Vec::new();
    for (id, labels, high) in history.newest(metric, HOUR_MS)? {
        let of = workflow(&labels);
        // What broke at a commit is said with that commit.
        if high >= GREEN || broken.contains(&of) {
            continue;
        }
        let rows = history.windows(id, Level::H1, WEEK_MS)?;
        let since = rows.iter().rev().take_while(|row| row.last < GREEN).last().map_or(history.now, |row| row.start);
        let share = history.latest(&labels.with(crate::model::NAME_LABEL, "github_actions_success_ratio"), HOUR_MS)?;
        let seconds = (history.now - since) as f64 / 1e3;
        let succeed = share.map_or_else(String::new, |share| format!("{} of its newest runs succeed. ", figure("_ratio", share)));
        let mut evidence = vec![
            Evidence::counted("highest share of successes that agrees with the runs", high, "ratio"),
            Evidence::counted("time since then", seconds, "seconds"),
        ];
        evidence.extend(share.map(|share| Evidence::counted("share of the newest runs that succeed", share, "ratio")));
        found.push(Finding {
            title: format!("{} on {} fails", of.1, of.0),
            why: format!("{succeed}For {} that has been too few for chance, if nine in ten are usual.", approximate(seconds)),
            action: "Open the first failed run, and mend or take back the commit that it ran on; where commits both fail and succeed, see to the flaky test first.".to_owned(),
            severity: Severity::Error,
            evidence,
            lasts_ms: 0,
            ..finding(history, FAILING.name, &of, metric, WEEK_MS)
        });
    }
    Ok(found)
}

fn flaky(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let metric = "github_actions_flaky_ratio";
    let runs = by_workflow(history, "github_actions_run_duration_seconds", 30 * DAY_MS, |_| true)?;
    let mut found = Vec::new();
    for (_, labels, ratio) in history.newest(metric, DAY_MS)? {
        let of = workflow(&labels);
        let count = runs.get(&of).map_or(0, Vec::len);
        if ratio < FLAKES || count < MIN_RUNS {
            continue;
        }
        found.push(Finding {
            title: format!("{} on {} is flaky", of.1, of.0),
            why: format!("{} of its commits of the last month both failed and succeeded, so a failure says little.", figure("_ratio", ratio)),
            action: "Find the tests that fail by chance (the list of flaky runs is on the page CI), mend them or take them out until they are mended.".to_owned(),
            evidence: vec![
                Evidence::counted("flaky commits, as a share of those that ended", ratio, "ratio"),
                Evidence::counted("runs of the last month", count as f64, "count"),
            ],
            ..finding(history, FLAKY.name, &of, metric, 30 * DAY_MS)
        });
    }
    Ok(found)
}

fn queued(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let metric = "github_actions_run_queue_seconds";
    let durations = by_workflow(history, "github_actions_run_duration_seconds", WEEK_MS, |_| true)?;
    let mut found = Vec::new();
    for (of, waits) in by_workflow(history, metric, WEEK_MS, |_| true)? {
        let (Some(wait), Some(duration)) = (median(&waits), durations.get(&of).and_then(|list| median(list))) else { continue };
        if waits.len() < MIN_WAITS || wait < WAIT_SECONDS || wait < WAIT_SHARE * duration {
            continue;
        }
        found.push(Finding {
            title: format!("{} on {} waits long for a runner", of.1, of.0),
            why: format!(
                "Half of its runs of the last week waited {} or more, and took {} once they ran.",
                approximate(wait),
                approximate(duration)
            ),
            action: "Add a runner, run fewer jobs for each push (paths:, concurrency: with cancel-in-progress), or spread scheduled runs."
                .to_owned(),
            evidence: vec![
                Evidence::counted("typical wait", wait, "seconds"),
                Evidence::counted("typical duration", duration, "seconds"),
                Evidence::counted("runs of the last week", waits.len() as f64, "count"),
            ],
            ..finding(history, QUEUED.name, &of, metric, WEEK_MS)
        });
    }
    Ok(found)
}

fn slower(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let metric = "github_actions_run_duration_seconds";
    // A rise with a known beginning is said with the commit of that.
    let shifted = ci_shifted::workflows(history)?;
    let mut found = Vec::new();
    for (of, durations) in by_workflow(history, metric, SPAN_MS + KEPT_ON_MS, |labels| labels.get("conclusion") == Some("success"))? {
        let known = |at: TimestampMs| -> Vec<(TimestampMs, f64)> {
            durations.iter().copied().filter(|(t, _)| (at - SPAN_MS..=at).contains(t)).collect()
        };
        let stays = that_stays(history.now, |at| shift(&known(at), at).filter(Shift::rose));
        let Some(shift) = stays.filter(|_| !shifted.contains(&of)) else { continue };
        let slower = Finding {
            title: format!("{} on {} takes longer than it did", of.1, of.0),
            why: shift.words("green run"),
            action: "See which commit the rise began with (the page CI), and which of its jobs became slower.".to_owned(),
            evidence: shift.evidence("green runs"),
            lasts_ms: 3 * DAY_MS,
            ..finding(history, SLOWER.name, &of, metric, 28 * DAY_MS)
        };
        found.push(with_cost(history, &of, slower, Paid::week)?);
    }
    Ok(found)
}

fn wasted(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let metric = "github_actions_wasted_seconds_total";
    let rises = |metric: &str| -> Result<BTreeMap<Workflow, f64>, StoreError> {
        let mut sums = BTreeMap::new();
        for (id, labels) in history.series(metric) {
            *sums.entry(workflow(&labels)).or_insert(0.0) += history.rise(id, WEEK_MS)?;
        }
        Ok(sums)
    };
    let all = rises("github_actions_job_seconds_total")?;
    let mut found = Vec::new();
    for (of, seconds) in rises(metric)? {
        let Some(share) = all.get(&of).map(|all| seconds / all).filter(|share| *share >= WASTE && seconds >= WASTE_SECONDS) else {
            continue;
        };
        let wasted = Finding {
            title: format!("Runs of {} on {} come to nothing", of.1, of.0),
            why: format!(
                "{} of job time in the last week, {} of all, went to runs that were cancelled or that a green run of the same commit followed.",
                approximate(seconds),
                figure("_ratio", share)
            ),
            action:
                "Let a new push end the run of the one before at once (concurrency: with cancel-in-progress: true), and see to flaky tests."
                    .to_owned(),
            evidence: vec![
                Evidence::counted("job time for nothing, last week", seconds, "seconds"),
                Evidence::counted("share of all job time", share, "ratio"),
            ],
            ..finding(history, WASTED.name, &of, metric, WEEK_MS)
        };
        found.push(with_cost(history, &of, wasted, |paid| paid.part(seconds))?);
    }
    Ok(found)
}

/// The samples of a metric by workflow, of the series that are wanted.
fn by_workflow(
    history: &History<'_>,
    metric: &str,
    span_ms: i64,
    wanted: impl Fn(&Labels) -> bool,
) -> Result<BTreeMap<Workflow, Vec<(TimestampMs, f64)>>, StoreError> {
    let mut found: BTreeMap<Workflow, Vec<(TimestampMs, f64)>> = BTreeMap::new();
    for (id, labels) in history.series(metric).into_iter().filter(|(_, labels)| wanted(labels)) {
        found.entry(workflow(&labels)).or_default().extend(history.values(id, span_ms)?);
    }
    Ok(found)
}

fn median(samples: &[(TimestampMs, f64)]) -> Option<f64> {
    let mut values: Vec<f64> = samples.iter().map(|(_, v)| *v).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
