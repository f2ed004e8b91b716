//! What a ledger tells: the figures of now, and the history of counters once it is known.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::{Key, Ledger, MAX_ACTIVE_MS, MAX_RECORDS, Record};
use crate::ci::figures::Waste;
use crate::ci::parse::Run;
use crate::ci::{ACTIVE, SUCCESS};
use crate::model::{Batch, Labels, TimestampMs};

/// Conclusions that have a count of 0 before their first run, so that a rate sees that one too.
const COUNTED: [&str; 3] = [SUCCESS, "failure", "cancelled"];

impl Ledger {
    /// Adds samples that belong to the same look.
    pub fn tell_also(&mut self, batch: Batch) {
        self.pending.batch.extend(batch);
    }

    /// Adds the figures of now, and the history of counters once it is known. To be called when it is known that what is
    /// seen is what is. A counter waits while something of it is still to be read: it would fall after a crash.
    pub fn tell(&mut self, now: TimestampMs) {
        self.add_up_old(now);
        let runs = self.whole();
        let jobs = runs && self.jobs_wanted() == 0;
        if (runs && !self.meta.told_runs) || (jobs && !self.meta.told_jobs) {
            self.tell_history(jobs && !self.meta.told_jobs);
            self.meta.told_runs = true;
            self.meta.told_jobs |= jobs;
            self.meta_changed = true;
        }
        self.tell_now(now, runs, jobs);
    }

    fn tell_history(&mut self, with_jobs: bool) {
        let mut steps: Vec<(TimestampMs, &Record, &str)> = Vec::new();
        let waste = Waste::of(self.records.values().filter(|r| !r.live));
        for record in self.records.values().filter(|r| !r.live && r.at.is_some()) {
            if !self.meta.told_runs {
                steps.push((record.end(), record, "github_actions_runs_total"));
            }
            if with_jobs {
                steps.push((record.end(), record, "github_actions_job_seconds_total"));
                steps.extend(waste.since(record).map(|at| (at, record, "github_actions_wasted_seconds_total")));
            }
        }
        steps.sort_by_key(|(at, record, _)| (*at, record.run.id, record.run.attempt));
        let mut totals: FxHashMap<Labels, f64> = FxHashMap::default();
        let mut batch = Batch::default();
        for (at, record, metric) in steps {
            let run = &record.run;
            let (labels, more) = match metric {
                "github_actions_runs_total" => (self.run_labels(metric, run), 1.0),
                _ => (self.workflow_labels(metric, &run.workflow), record.job_seconds.unwrap_or(0.0)),
            };
            let total = totals.entry(labels.clone()).or_insert_with(|| self.base_of(metric, run));
            *total += more;
            batch.push(labels, at, *total);
        }
        self.pending.batch.extend(batch);
    }

    fn base_of(&self, metric: &str, run: &Run) -> f64 {
        let Some(base) = self.meta.bases.get(&run.workflow) else { return 0.0 };
        match metric {
            "github_actions_runs_total" => base.runs.get(run.outcome()).copied().unwrap_or(0) as f64,
            "github_actions_job_seconds_total" => base.job_seconds,
            _ => base.wasted_seconds,
        }
    }

    fn workflow_labels(&self, metric: &str, workflow: &str) -> Labels {
        Labels::metric(metric, &[("repo", &self.repo), ("workflow", workflow)])
    }

    fn tell_now(&mut self, now: TimestampMs, runs: bool, jobs: bool) {
        let mut batch = Batch::default();
        for (workflow, figures) in self.figures() {
            let of = |metric: &str| self.workflow_labels(metric, &workflow);
            figures.success_ratio.into_iter().for_each(|v| batch.push(of("github_actions_success_ratio"), now, v));
            figures.flaky_ratio.into_iter().for_each(|v| batch.push(of("github_actions_flaky_ratio"), now, v));
            let statuses: BTreeSet<&str> = ACTIVE.into_iter().chain(self.statuses.iter().map(String::as_str)).collect();
            for status in statuses {
                let labels = [("repo", self.repo.as_str()), ("workflow", &workflow), ("status", status)];
                let count = figures.statuses.get(status).copied().unwrap_or(0);
                batch.push(Labels::metric("github_actions_active_runs", &labels), now, count as f64);
            }
            if runs {
                let conclusions: BTreeSet<&str> = COUNTED.into_iter().chain(figures.runs.keys().map(String::as_str)).collect();
                for conclusion in conclusions {
                    let labels = [("repo", self.repo.as_str()), ("workflow", &workflow), ("conclusion", conclusion)];
                    let count = figures.runs.get(conclusion).copied().unwrap_or(0);
                    batch.push(Labels::metric("github_actions_runs_total", &labels), now, count as f64);
                }
            }
            if jobs {
                batch.push(of("github_actions_job_seconds_total"), now, figures.job_seconds);
                batch.push(of("github_actions_wasted_seconds_total"), now, figures.wasted_seconds);
            }
        }
        self.pending.batch.extend(batch);
    }

    /// Adds up the runs that are too old, or too many, to be held one by one.
    fn add_up_old(&mut self, now: TimestampMs) {
        let lost: Vec<Key> =
            self.records.iter().filter(|(_, r)| !r.run.ended() && r.run.created < now - MAX_ACTIVE_MS).map(|(key, _)| *key).collect();
        lost.into_iter().for_each(|key| self.forget(key));
        // What was not told yet must be, before it is only a part of a sum.
        if !self.meta.told_jobs && self.records.len() <= 2 * MAX_RECORDS {
            return;
        }
        let over = self.records.len().saturating_sub(MAX_RECORDS);
        let horizon = now - self.keep_ms;
        let mut old: Vec<(TimestampMs, Key)> =
            self.records.iter().filter(|(_, r)| r.run.ended()).map(|(key, r)| (r.run.created, *key)).collect();
        old.sort_unstable();
        let old: Vec<Key> =
            old.into_iter().enumerate().filter(|(at, (created, _))| *at < over || *created < horizon).map(|(_, (_, key))| key).collect();
        if old.is_empty() {
            return;
        }
        let waste = Waste::of(self.records.values());
        for key in &old {
            let Some(record) = self.records.get(key) else { continue };
            let base = self.meta.bases.entry(record.run.workflow.clone()).or_default();
            *base.runs.entry(record.run.outcome().to_owned()).or_default() += 1;
            let seconds = record.job_seconds.unwrap_or(0.0);
            base.job_seconds += seconds;
            if waste.since(record).is_some() {
                base.wasted_seconds += seconds;
            }
        }
        old.into_iter().for_each(|key| self.forget(key));
        self.meta_changed = true;
    }
}
