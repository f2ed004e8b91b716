//! The figures of a workflow, computed from the runs that are known.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::tracker::RunRecord;
use super::workflow::WorkflowKey;
use super::{ACTIVE, FAILURES, SUCCESS};
use crate::confidence::highest_share;
use crate::model::TimestampMs;

/// Completed runs that the success ratio is computed from.
pub const LAST: usize = 20;
/// Durations that two medians need to be compared.
const MIN_COMPARED: usize = 5;

/// Totals of the runs that are no longer kept one by one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Runs by conclusion.
    pub runs: BTreeMap<String, u64>,
    /// Seconds of their jobs.
    pub job_seconds: f64,
    /// Seconds of the jobs of wasted runs.
    pub wasted_seconds: f64,
}

/// The figures of one workflow. A figure is none where the runs that it needs are not known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkflowFigures {
    /// Successes as a share of successes and failures among the last [`LAST`] completed runs.
    pub success_ratio: Option<f64>,
    /// The highest true share that agrees with them.
    pub success_high_ratio: Option<f64>,
    /// Completed runs that it is computed from, those that count as neither included.
    pub judged_runs: usize,
    /// Flaky commits as a share of the commits whose runs succeeded or failed.
    pub flaky_ratio: Option<f64>,
    /// Commits whose runs both failed and succeeded, or succeeded at a later attempt.
    pub flaky_commits: usize,
    /// Commits whose runs succeeded or failed.
    pub commits: usize,
    /// Median duration of the last [`LAST`] runs that succeeded or failed.
    pub p50_seconds: Option<f64>,
    /// The same of as many runs before those.
    pub p50_before_seconds: Option<f64>,
    /// How much longer the median is, as a share of the one before.
    pub p50_change_ratio: Option<f64>,
    /// Active runs.
    pub active: u64,
    /// Runs that have not ended, by status.
    pub statuses: BTreeMap<String, u64>,
    /// Ends of runs, by conclusion.
    pub runs: BTreeMap<String, u64>,
    /// Seconds of jobs.
    pub job_seconds: f64,
    /// Seconds of the jobs of runs that were cancelled, or whose commit later got a green run.
    pub wasted_seconds: f64,
}

/// Whether a conclusion counts: a success, a failure, or neither.
#[must_use]
pub fn verdict(conclusion: Option<&str>) -> Option<bool> {
    match conclusion? {
        SUCCESS => Some(true),
        other if FAILURES.contains(&other) => Some(false),
        _ => None,
    }
}

/// The figures of each workflow. Runs created before `whole_since` are not all known yet: ratios and medians that
/// need them are left out.
#[must_use]
pub fn by_workflow<'a>(
    records: impl Iterator<Item = &'a RunRecord> + Clone,
    totals: &BTreeMap<WorkflowKey, Totals>,
    whole_since: Option<TimestampMs>,
) -> BTreeMap<WorkflowKey, WorkflowFigures> {
    let mut newest: BTreeMap<u64, &RunRecord> = BTreeMap::new();
    let mut workflows: BTreeMap<WorkflowKey, Vec<&RunRecord>> = BTreeMap::new();
    for record in records.clone() {
        let held = newest.entry(record.run.id).or_insert(record);
        if held.run.attempt < record.run.attempt {
            *held = record;
        }
        workflows.entry(record.run.key()).or_default().push(record);
    }
    let waste = Waste::new(records);
    let mut out: BTreeMap<WorkflowKey, WorkflowFigures> = BTreeMap::new();
    for (key, mut records) in workflows {
        records.sort_by_key(|r| std::cmp::Reverse(r.run.order()));
        let last: Vec<&RunRecord> =
            records.iter().copied().filter(|r| newest.get(&r.run.id).is_some_and(|n| n.run.attempt == r.run.attempt)).collect();
        out.insert(key, of_workflow(&records, &last, &waste, whole_since));
    }
    for (key, total) in totals {
        let figures = out.entry(key.clone()).or_default();
        total.runs.iter().for_each(|(conclusion, n)| *figures.runs.entry(conclusion.clone()).or_default() += n);
        figures.job_seconds += total.job_seconds;
        figures.wasted_seconds += total.wasted_seconds;
    }
    out
}

/// `records` are all attempts, `last` the newest attempt of each run; the newest runs first.
fn of_workflow(records: &[&RunRecord], last: &[&RunRecord], waste: &Waste<'_>, whole_since: Option<TimestampMs>) -> WorkflowFigures {
    let mut figures = WorkflowFigures::default();
    for record in last.iter().filter(|r| !r.run.ended()) {
        *figures.statuses.entry(record.run.status.clone()).or_default() += 1;
    }
    figures.active = ACTIVE.iter().filter_map(|status| figures.statuses.get(*status)).sum();

    let completed: Vec<&RunRecord> = last.iter().copied().filter(|r| r.run.ended()).collect();
    let judged = &completed[..completed.len().min(LAST)];
    let whole = |runs: &[&RunRecord], wanted: usize| match whole_since {
        None => true,
        Some(since) => runs.len() >= wanted && runs.iter().all(|r| r.run.created >= since),
    };
    if whole(judged, LAST) {
        let verdicts: Vec<bool> = judged.iter().filter_map(|r| verdict(r.run.conclusion.as_deref())).collect();
        figures.judged_runs = judged.len();
        figures.success_high_ratio = highest_share(&verdicts);
        figures.success_ratio = share(verdicts.iter().filter(|good| **good).count(), verdicts.len());
    }
    if whole_since.is_none() {
        let mut commits: BTreeMap<&str, [bool; 3]> = BTreeMap::new();
        for record in records.iter().filter(|r| r.run.ended() && !r.run.sha.is_empty()) {
            let Some(good) = verdict(record.run.conclusion.as_deref()) else { continue };
            let seen = commits.entry(&record.run.sha).or_default();
            seen[usize::from(good)] = true;
            seen[2] |= good && record.run.attempt > 1;
        }
        figures.commits = commits.len();
        figures.flaky_commits = commits.values().filter(|[failed, succeeded, again]| (*failed && *succeeded) || *again).count();
        figures.flaky_ratio = share(figures.flaky_commits, figures.commits);
    }
    let timed: Vec<&RunRecord> =
        completed.iter().copied().filter(|r| verdict(r.run.conclusion.as_deref()).is_some() && r.run.duration().is_some()).collect();
    let (recent, before) = timed.split_at(timed.len().min(LAST));
    let before = &before[..before.len().min(LAST)];
    if whole(recent, LAST) {
        figures.p50_seconds = median(recent);
    }
    if whole(before, LAST) {
        figures.p50_before_seconds = median(before);
    }
    if recent.len() >= MIN_COMPARED && before.len() >= MIN_COMPARED {
        let change = |(now, then): (f64, f64)| (then > 0.0).then(|| now / then - 1.0);
        figures.p50_change_ratio = figures.p50_seconds.zip(figures.p50_before_seconds).and_then(change);
    }

    for record in records {
        for outcome in record.ends() {
            *figures.runs.entry(outcome.to_owned()).or_default() += 1;
        }
        let seconds = record.job_seconds.unwrap_or(0.0);
        figures.job_seconds += seconds;
        if waste.since(record).is_some() {
            figures.wasted_seconds += seconds;
        }
    }
    figures
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn median(records: &[&RunRecord]) -> Option<f64> {
    let mut seconds: Vec<f64> = records.iter().filter_map(|r| r.run.duration()).collect();
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    match seconds.len() {
        0 => None,
        n if n % 2 == 1 => Some(seconds[middle]),
        _ => Some((seconds[middle - 1] + seconds[middle]) / 2.0),
    }
}

/// Workflow and commit.
type Commit<'a> = (WorkflowKey, &'a str);
/// [`super::parse::WorkflowRun::order`]
type Order = (TimestampMs, u64, u32);

/// Which runs were wasted, and since when that is known.
pub struct Waste<'a> {
    /// Green runs by workflow and commit: order and end, by rising order.
    greens: BTreeMap<Commit<'a>, BTreeSet<(Order, TimestampMs)>>,
}

impl<'a> Waste<'a> {
    /// Knows the green runs among the records.
    #[must_use]
    pub fn new(records: impl Iterator<Item = &'a RunRecord>) -> Self {
        let mut greens: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for record in records.filter(|r| r.run.ended() && r.run.outcome() == SUCCESS && !r.run.sha.is_empty()) {
            let commit = (record.run.key(), record.run.sha.as_str());
            greens.entry(commit).or_default().insert((record.run.order(), record.end()));
        }
        Self { greens }
    }

    /// When a run was known to be wasted: at its end where it was cancelled, else at the end of the first later green run of its
    /// workflow and commit.
    #[must_use]
    pub fn since(&self, record: &RunRecord) -> Option<TimestampMs> {
        if record.run.outcome() == "cancelled" {
            return Some(record.end());
        }
        let greens = self.greens.get(&(record.run.key(), record.run.sha.as_str()))?;
        let later = greens.range((record.run.order(), TimestampMs::MAX)..);
        later.map(|(_, end)| (*end).max(record.end())).min()
    }
}
