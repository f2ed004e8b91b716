//! The samples of a repository: the current figures, and the history of counters once it is known.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::{MAX_ACTIVE_MS, MAX_RECORDS, RunKey, RunRecord, RunTracker};
use crate::ci::figures::Waste;
use crate::ci::parse::WorkflowRun;
use crate::ci::workflow::WorkflowKey;
use crate::ci::{ACTIVE, SUCCESS};
use crate::model::{Batch, Labels, STALE_NAN_BITS, TimestampMs};

/// Conclusions that have a count of 0 before their first run, so that a rate sees that one too.
const COUNTED: [&str; 3] = [SUCCESS, "failure", "cancelled"];

/// The series of a workflow, and the name and file in their labels.
#[derive(Debug, Default)]
pub(super) struct PublishedSeries {
    names: (String, String),
    series: Vec<Labels>,
}

/// One step of a counter's history.
struct Step<'a> {
    at: TimestampMs,
    record: &'a RunRecord,
    metric: &'static str,
    outcome: &'a str,
}

impl RunTracker {
    /// Adds samples of the same poll.
    pub fn add_samples(&mut self, batch: Batch) {
        self.pending.batch.extend(batch);
    }

    /// Adds the current figures, and the history of counters once it is known. To be called after a poll confirmed the state. A counter
    /// waits until its history is read completely; otherwise it could fall after a crash.
    pub fn push_samples(&mut self, now: TimestampMs) {
        self.total_old_runs(now);
        let runs = self.is_complete();
        let jobs = runs && self.runs_without_jobs() == 0;
        if (runs && !self.state.runs_backfilled) || (jobs && !self.state.jobs_backfilled) {
            self.push_history(jobs && !self.state.jobs_backfilled, now);
            self.state.runs_backfilled = true;
            self.state.jobs_backfilled |= jobs;
            self.state_changed = true;
        }
        self.push_current(now, runs, jobs);
    }

    fn push_history(&mut self, with_jobs: bool, now: TimestampMs) {
        let mut steps: Vec<Step<'_>> = Vec::new();
        let waste = Waste::new(self.records.values().filter(|r| !r.live));
        for record in self.records.values() {
            if !self.state.runs_backfilled {
                let earlier = record.earlier.iter().filter(|end| !end.live).filter_map(|end| Some((end.at?, end.outcome.as_str())));
                let last = record.at.filter(|_| !record.live).map(|at| (at, record.run.outcome()));
                let ends = earlier.chain(last);
                steps.extend(ends.map(|(at, outcome)| Step { at, record, metric: "github_actions_runs_total", outcome }));
            }
            if with_jobs && !record.live && record.at.is_some() {
                // Where the clocks differ, a run may seem to be created after now.
                let step = |at: TimestampMs, metric| Step { at: at.min(now), record, metric, outcome: "" };
                steps.push(step(record.end(), "github_actions_job_seconds_total"));
                steps.extend(waste.since(record).map(|at| step(at, "github_actions_wasted_seconds_total")));
            }
        }
        steps.sort_by_key(|step| (step.at, step.record.run.id, step.record.run.attempt));
        let mut running: FxHashMap<Labels, f64> = FxHashMap::default();
        let mut batch = Batch::default();
        for Step { at, record, metric, outcome } in steps {
            let key = record.run.key();
            let (labels, more) = match metric {
                "github_actions_runs_total" => (self.labels(metric, &key, Some(("conclusion", outcome))), 1.0),
                _ => (self.labels(metric, &key, None), record.job_seconds.unwrap_or(0.0)),
            };
            let total = running.entry(labels.clone()).or_insert_with(|| self.total_of(metric, &key, outcome));
            *total += more;
            batch.push(labels, at, *total);
        }
        self.pending.batch.extend(batch);
    }

    fn total_of(&self, metric: &str, key: &WorkflowKey, outcome: &str) -> f64 {
        let Some(totals) = self.state.totals.get(key) else { return 0.0 };
        match metric {
            "github_actions_runs_total" => totals.runs.get(outcome).copied().unwrap_or(0) as f64,
            "github_actions_job_seconds_total" => totals.job_seconds,
            _ => totals.wasted_seconds,
        }
    }

    pub(super) fn run_labels(&self, metric: &str, run: &WorkflowRun) -> Labels {
        self.labels(metric, &run.key(), Some(("conclusion", run.outcome())))
    }

    /// The labels of a workflow: people know it by its name, tell two of one name apart by the file, and the number never changes.
    /// Labels that are unknown are left out.
    fn labels(&self, metric: &str, key: &WorkflowKey, more: Option<(&str, &str)>) -> Labels {
        let names = &self.state.names;
        let known = [("workflow_path", names.path(key)), ("workflow_id", key.number())].into_iter().filter(|(_, value)| !value.is_empty());
        let labels: Vec<_> = [("repo", self.repo.as_str()), ("workflow", names.name(key))].into_iter().chain(known).chain(more).collect();
        Labels::metric(metric, &labels)
    }

    fn push_current(&mut self, now: TimestampMs, runs: bool, jobs: bool) {
        let mut batch = Batch::default();
        for (workflow, figures) in self.figures() {
            let mut published = PublishedSeries::default();
            let mut push = |metric: &str, more: Option<(&str, &str)>, v: f64| {
                let labels = self.labels(metric, &workflow, more);
                published.series.push(labels.clone());
                batch.push(labels, now, v);
            };
            figures.success_ratio.into_iter().for_each(|v| push("github_actions_success_ratio", None, v));
            figures.success_high_ratio.into_iter().for_each(|v| push("github_actions_success_high_ratio", None, v));
            figures.flaky_ratio.into_iter().for_each(|v| push("github_actions_flaky_ratio", None, v));
            let statuses: BTreeSet<&str> = ACTIVE.into_iter().chain(self.statuses.iter().map(String::as_str)).collect();
            for status in statuses {
                let count = figures.statuses.get(status).copied().unwrap_or(0);
                push("github_actions_active_runs", Some(("status", status)), count as f64);
            }
            if runs {
                let conclusions: BTreeSet<&str> = COUNTED.into_iter().chain(figures.runs.keys().map(String::as_str)).collect();
                for conclusion in conclusions {
                    let count = figures.runs.get(conclusion).copied().unwrap_or(0);
                    push("github_actions_runs_total", Some(("conclusion", conclusion)), count as f64);
                }
            }
            if jobs {
                push("github_actions_job_seconds_total", None, figures.job_seconds);
                push("github_actions_wasted_seconds_total", None, figures.wasted_seconds);
            }
            let names = &self.state.names;
            published.names = (names.name(&workflow).to_owned(), names.path(&workflow).to_owned());
            // The series under an earlier name end.
            if let Some(before) = self.published.get(&workflow).filter(|before| before.names != published.names) {
                before.series.iter().for_each(|labels| batch.push(labels.clone(), now, f64::from_bits(STALE_NAN_BITS)));
            }
            self.published.insert(workflow, published);
        }
        self.pending.batch.extend(batch);
    }

    /// Adds runs that are too old, or too many, to the totals, and removes their records.
    fn total_old_runs(&mut self, now: TimestampMs) {
        let lost: Vec<RunKey> =
            self.records.iter().filter(|(_, r)| !r.run.ended() && r.run.created < now - MAX_ACTIVE_MS).map(|(key, _)| *key).collect();
        lost.into_iter().for_each(|key| self.remove(key));
        // A run must be in the written history before only the totals have it.
        if !self.state.jobs_backfilled && self.records.len() <= 2 * MAX_RECORDS {
            return;
        }
        let over = self.records.len().saturating_sub(MAX_RECORDS);
        let horizon = now - self.keep_ms;
        let mut old: Vec<(TimestampMs, RunKey)> =
            self.records.iter().filter(|(_, r)| r.run.ended()).map(|(key, r)| (r.run.created, *key)).collect();
        old.sort_unstable();
        let old: Vec<RunKey> =
            old.into_iter().enumerate().filter(|(at, (created, _))| *at < over || *created < horizon).map(|(_, (_, key))| key).collect();
        if old.is_empty() {
            return;
        }
        let waste = Waste::new(self.records.values());
        for key in &old {
            let Some(record) = self.records.get(key) else { continue };
            let totals = self.state.totals.entry(record.run.key()).or_default();
            for outcome in record.ends() {
                *totals.runs.entry(outcome.to_owned()).or_default() += 1;
            }
            let seconds = record.job_seconds.unwrap_or(0.0);
            totals.job_seconds += seconds;
            if waste.since(record).is_some() {
                totals.wasted_seconds += seconds;
            }
        }
        old.into_iter().for_each(|key| self.remove(key));
        let held = self.records.values().map(|record| record.run.key()).chain(self.state.totals.keys().cloned()).collect();
        self.state.names.retain(&held);
        self.state_changed = true;
    }
}
