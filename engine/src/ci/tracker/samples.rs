//! What a tracker tells: the figures of now, and the history of counters once it is known.

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

/// Series of a workflow, and the name and the file in their labels.
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
    /// Adds samples that belong to the same look.
    pub fn add_samples(&mut self, batch: Batch) {
        self.pending.batch.extend(batch);
    }

    /// Adds the figures of now, and the history of counters once it is known. To be called when it is known that what is
    /// seen is what is. A counter waits while something of it is still to be read: it would fall after a crash.
    pub fn push_samples(&mut self, now: TimestampMs) {
        self.add_up_old(now);
        let runs = self.is_complete();
        let jobs = runs && self.runs_without_jobs() == 0;
        if (runs && !self.meta.told_runs) || (jobs && !self.meta.told_jobs) {
            self.tell_history(jobs && !self.meta.told_jobs, now);
            self.meta.told_runs = true;
            self.meta.told_jobs |= jobs;
            self.meta_changed = true;
        }
        self.tell_now(now, runs, jobs);
    }

    fn tell_history(&mut self, with_jobs: bool, now: TimestampMs) {
        let mut steps: Vec<Step<'_>> = Vec::new();
        let waste = Waste::new(self.records.values().filter(|r| !r.live));
        for record in self.records.values() {
            if !self.meta.told_runs {
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
        let mut totals: FxHashMap<Labels, f64> = FxHashMap::default();
        let mut batch = Batch::default();
        for Step { at, record, metric, outcome } in steps {
            let key = record.run.key();
            let (labels, more) = match metric {
                "github_actions_runs_total" => (self.labels(metric, &key, Some(("conclusion", outcome))), 1.0),
                _ => (self.labels(metric, &key, None), record.job_seconds.unwrap_or(0.0)),
            };
            let total = totals.entry(labels.clone()).or_insert_with(|| self.base_of(metric, &key, outcome));
            *total += more;
            batch.push(labels, at, *total);
        }
        self.pending.batch.extend(batch);
    }

    fn base_of(&self, metric: &str, key: &WorkflowKey, outcome: &str) -> f64 {
        let Some(base) = self.meta.bases.get(key) else { return 0.0 };
        match metric {
            "github_actions_runs_total" => base.runs.get(outcome).copied().unwrap_or(0) as f64,
            "github_actions_job_seconds_total" => base.job_seconds,
            _ => base.wasted_seconds,
        }
    }

    pub(super) fn run_labels(&self, metric: &str, run: &WorkflowRun) -> Labels {
        self.labels(metric, &run.key(), Some(("conclusion", run.outcome())))
    }

    /// The name of a workflow, its file and its number: the first is what people call it, the second tells two of one name apart for them, the
    /// third stays whatever becomes of the others. What is not known is left out.
    fn labels(&self, metric: &str, key: &WorkflowKey, more: Option<(&str, &str)>) -> Labels {
        let names = &self.meta.names;
        let known = [("workflow_path", names.path(key)), ("workflow_id", key.number())].into_iter().filter(|(_, value)| !value.is_empty());
        let labels: Vec<_> = [("repo", self.repo.as_str()), ("workflow", names.name(key))].into_iter().chain(known).chain(more).collect();
        Labels::metric(metric, &labels)
    }

    fn tell_now(&mut self, now: TimestampMs, runs: bool, jobs: bool) {
        let mut batch = Batch::default();
        for (workflow, figures) in self.figures() {
            let mut told = PublishedSeries::default();
            let mut push = |metric: &str, more: Option<(&str, &str)>, v: f64| {
                let labels = self.labels(metric, &workflow, more);
                told.series.push(labels.clone());
                batch.push(labels, now, v);
            };
            figures.success_ratio.into_iter().for_each(|v| push("github_actions_success_ratio", None, v));
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
            let names = &self.meta.names;
            told.names = (names.name(&workflow).to_owned(), names.path(&workflow).to_owned());
            // The series under a name that it had before end.
            if let Some(before) = self.told.get(&workflow).filter(|before| before.names != told.names) {
                before.series.iter().for_each(|labels| batch.push(labels.clone(), now, f64::from_bits(STALE_NAN_BITS)));
            }
            self.told.insert(workflow, told);
        }
        self.pending.batch.extend(batch);
    }

    /// Adds up the runs that are too old, or too many, to be held one by one.
    fn add_up_old(&mut self, now: TimestampMs) {
        let lost: Vec<RunKey> =
            self.records.iter().filter(|(_, r)| !r.run.ended() && r.run.created < now - MAX_ACTIVE_MS).map(|(key, _)| *key).collect();
        lost.into_iter().for_each(|key| self.forget(key));
        // What was not told yet must be, before it is only a part of a sum.
        if !self.meta.told_jobs && self.records.len() <= 2 * MAX_RECORDS {
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
            let base = self.meta.bases.entry(record.run.key()).or_default();
            for outcome in record.ends() {
                *base.runs.entry(outcome.to_owned()).or_default() += 1;
            }
            let seconds = record.job_seconds.unwrap_or(0.0);
            base.job_seconds += seconds;
            if waste.since(record).is_some() {
                base.wasted_seconds += seconds;
            }
        }
        old.into_iter().for_each(|key| self.forget(key));
        let held = self.records.values().map(|record| record.run.key()).chain(self.meta.bases.keys().cloned()).collect();
        self.meta.names.retain(&held);
        self.meta_changed = true;
    }
}
