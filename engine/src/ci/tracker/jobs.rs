//! The jobs of runs that ended: which to read next, what they add to a record, and when to try again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{RunKey, RunRecord, RunTracker};
use crate::ci::jobs::{JobFigures, RunJobs, WorkflowJobs};
use crate::ci::parse::WorkflowRun;
use crate::ci::workflow::WorkflowKey;
use crate::model::TimestampMs;

/// How often the jobs of a run that ended are read while some of them have not ended.
const MAX_TRIES: u32 = 4;
/// How often they are read while GitHub cannot answer: for about a day.
const MAX_RETRIES: u32 = 20;
/// Longest wait between two of those.
const MAX_WAIT_MS: i64 = 7_200_000;

impl RunTracker {
    /// How many ended runs have jobs that are still to be read.
    #[must_use]
    pub fn runs_without_jobs(&self) -> usize {
        self.records.values().filter(|record| record.needs_jobs()).count()
    }

    /// Jobs of ended runs whose seconds are unknown.
    #[must_use]
    pub fn jobs_without_times(&self) -> u64 {
        self.records.values().map(|record| u64::from(record.unclear_jobs)).sum()
    }

    /// The jobs of the runs that are remembered, by workflow. Runs without job seconds are left out.
    #[must_use]
    pub fn jobs_by_workflow(&self) -> Vec<WorkflowJobs> {
        let mut found: BTreeMap<WorkflowKey, Vec<RunJobs>> = BTreeMap::new();
        for record in self.records.values() {
            if let Some(seconds) = record.job_seconds {
                let jobs = Arc::clone(&record.jobs);
                found.entry(record.run.key()).or_default().push(RunJobs { end: record.end(), seconds, jobs });
            }
        }
        let named = |(key, runs): (WorkflowKey, Vec<RunJobs>)| WorkflowJobs {
            workflow: self.names().name(&key).to_owned(),
            workflow_id: key.number().parse().ok(),
            runs,
        };
        found.into_iter().map(named).collect()
    }

    /// The run whose jobs are to be read next, and whether it belongs to the history: the newest of those that ended after
    /// the first poll, then the history from its beginning.
    #[must_use]
    pub fn next_run_without_jobs(&self, now: TimestampMs) -> Option<(WorkflowRun, bool)> {
        // A clock that was set back must not delay them.
        let ready = |key: &RunKey| self.job_retries.get(key).is_none_or(|(_, again)| *again <= now || *again > now + MAX_WAIT_MS);
        let waiting = self.records.iter().filter(|(key, record)| record.needs_jobs() && ready(key));
        let first = waiting.min_by_key(|(_, record)| if record.live { (false, -record.end()) } else { (true, record.end()) });
        first.map(|(_, record)| (record.run.clone(), !record.live))
    }

    /// Applies the jobs of a run that ended; none where GitHub no longer has them.
    pub fn observe_jobs(&mut self, key: RunKey, jobs: Option<JobFigures>, now: TimestampMs) {
        let Some(mut record) = self.records.get(&key).filter(|record| record.needs_jobs()).cloned() else { return };
        if jobs.as_ref().is_some_and(|jobs| !jobs.ended || !jobs.whole) {
            let (tries, again) = self.job_retries.entry(key).or_default();
            *tries += 1;
            *again = now + 2_000 * 3_i64.pow((*tries).min(6));
            if *tries < MAX_TRIES {
                return;
            }
        }
        self.job_retries.remove(&key);
        self.apply_jobs(key, &mut record, jobs.as_ref());
        if !record.live {
            self.correct_end(&mut record, jobs.as_ref(), now);
            self.push_duration(&record);
        }
        if let (Some(at), Some(queue)) = (record.at, record.queue) {
            let labels = self.run_labels("github_actions_run_queue_seconds", &record.run);
            self.pending.batch.push(labels, at, queue);
        }
        self.charge(&mut record);
        self.records.insert(key, record);
        self.changed.insert(key);
    }

    fn apply_jobs(&self, (id, attempt): RunKey, record: &mut RunRecord, jobs: Option<&JobFigures>) {
        record.jobs_known = true;
        record.queue = jobs.and_then(|jobs| jobs.queue(&record.run));
        record.unclear_jobs = jobs.map_or(0, |jobs| jobs.unclear.max(u32::from(!jobs.whole)));
        // A job that an attempt took over is counted with the attempt in which it ran, or here where that attempt is unknown.
        let knows_earlier_attempt = self.records.range((id, 0)..(id, attempt)).next().is_some();
        let carried = |jobs: &JobFigures| if knows_earlier_attempt { 0.0 } else { jobs.carried_seconds };
        let Some((jobs, seconds)) = jobs.and_then(|jobs| Some((jobs, jobs.seconds? + carried(jobs)))) else { return };
        // Seconds that were counted before the attempt continued stay counted.
        if record.job_seconds.is_none_or(|before| before <= seconds) {
            record.job_seconds = Some(seconds);
            record.jobs = Arc::new(jobs.times(!knows_earlier_attempt));
            record.runners = jobs.runner_times(!knows_earlier_attempt);
        }
    }

    /// Moves the end of a run of the history to the end of its last job, where `updated_at` changed long after that.
    fn correct_end(&mut self, record: &mut RunRecord, jobs: Option<&JobFigures>, now: TimestampMs) {
        let Some((updated, jobs)) = record.run.updated.zip(jobs) else { return };
        let end = jobs.end(updated);
        if end >= updated {
            return;
        }
        record.run.updated = Some(end);
        if let Some(key) = record.last_sample_key() {
            self.sample_keys.remove(&key);
        }
        record.at = Some(self.reserve_time(&record.run, end.min(now)));
    }

    /// The jobs of a run could not be read: others come first, then it is tried again, up to a bound.
    pub fn retry_jobs_later(&mut self, key: RunKey, now: TimestampMs) {
        let (tries, again) = self.job_retries.entry(key).or_default();
        *tries += 1;
        *again = now + 1_000 * 3_i64.pow((*tries).min(8));
        if *tries >= MAX_RETRIES {
            self.observe_jobs(key, None, now);
        }
    }
}
