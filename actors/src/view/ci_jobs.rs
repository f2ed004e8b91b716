//! CI: where the time of jobs went.

use std::collections::BTreeMap;

use serde::Serialize;
use taskpulse_engine::ci::jobs::WorkflowJobs;
use taskpulse_engine::model::TimestampMs;
use utoipa::ToSchema;

use crate::published::JobsByRepository;

/// Rows of a repository; jobs beyond these are added up by workflow.
const MAX_ROWS: usize = 500;
/// Seconds that are left over below this come from adding up floating-point numbers.
const ROUNDING: f64 = 1e-3;

/// `/api/v1/ci/jobs`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CiJobs {
    /// The repositories that are watched.
    pub repositories: Vec<CiRepositoryJobs>,
}

/// The jobs of the runs of a repository that ended within a time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CiRepositoryJobs {
    /// Its name in the settings, `owner/name`.
    #[schema(example = "octo/app")]
    pub repo: String,
    /// Runs whose jobs are counted.
    pub runs: usize,
    /// Seconds of their jobs.
    pub seconds: f64,
    /// The jobs, the longest together first.
    pub jobs: Vec<CiJob>,
}

/// The jobs of one name and outcome in the runs of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CiJob {
    /// Name of the workflow.
    pub workflow: String,
    /// GitHub's number of the workflow.
    #[schema(required = true)]
    pub workflow_id: Option<u64>,
    /// Name of the job; `null` for those that are not told apart.
    #[schema(required = true, example = "test")]
    pub job: Option<String>,
    /// How the jobs ended; `null` where that is not known.
    #[schema(required = true, example = "success")]
    pub conclusion: Option<String>,
    /// How many jobs; `null` where that is not known.
    #[schema(required = true)]
    pub jobs: Option<u64>,
    /// How long they ran together.
    pub seconds: f64,
}

impl CiJobs {
    /// Jobs of the runs that ended from `start` to `end`.
    #[must_use]
    pub fn new(by_repository: &JobsByRepository, start: TimestampMs, end: TimestampMs) -> Self {
        let repositories = by_repository.iter().map(|(repo, workflows)| CiRepositoryJobs::new(repo, workflows, start, end));
        Self { repositories: repositories.collect() }
    }
}

impl CiRepositoryJobs {
    fn new(repo: &str, workflows: &[WorkflowJobs], start: TimestampMs, end: TimestampMs) -> Self {
        let mut all = Self { repo: repo.to_owned(), runs: 0, seconds: 0.0, jobs: Vec::new() };
        for workflow in workflows {
            // By job and outcome: how many, and their seconds.
            let mut kinds: BTreeMap<(&str, &str), (u64, f64)> = BTreeMap::new();
            let mut rest = 0.0;
            for run in workflow.runs.iter().filter(|run| (start..=end).contains(&run.end)) {
                all.runs += 1;
                all.seconds += run.seconds;
                rest += run.seconds;
                for job in run.jobs.iter() {
                    let kind = kinds.entry((&job.name, &job.outcome)).or_default();
                    *kind = (kind.0 + u64::from(job.count), kind.1 + job.seconds);
                    rest -= job.seconds;
                }
            }
            let row = |job: Option<&str>, conclusion: Option<&str>, jobs: Option<u64>, seconds: f64| CiJob {
                workflow: workflow.workflow.clone(),
                workflow_id: workflow.workflow_id,
                job: job.filter(|name| !name.is_empty()).map(str::to_owned),
                conclusion: conclusion.filter(|outcome| !outcome.is_empty()).map(str::to_owned),
                jobs,
                seconds,
            };
            all.jobs.extend(kinds.into_iter().map(|((job, outcome), (n, seconds))| row(Some(job), Some(outcome), Some(n), seconds)));
            if rest > ROUNDING {
                all.jobs.push(row(None, None, None, rest));
            }
        }
        all.jobs.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        all.fold_beyond(MAX_ROWS);
        all
    }

    /// Adds up what is beyond so many rows, by workflow.
    fn fold_beyond(&mut self, most: usize) {
        if self.jobs.len() <= most {
            return;
        }
        let mut rests: BTreeMap<(String, Option<u64>), f64> = BTreeMap::new();
        for job in self.jobs.drain(most..) {
            *rests.entry((job.workflow, job.workflow_id)).or_default() += job.seconds;
        }
        for ((workflow, workflow_id), seconds) in rests {
            let held = self
                .jobs
                .iter_mut()
                .find(|job| job.job.is_none() && job.conclusion.is_none() && job.workflow_id == workflow_id && job.workflow == workflow);
            match held {
                Some(held) => held.seconds += seconds,
                None => self.jobs.push(CiJob { workflow, workflow_id, job: None, conclusion: None, jobs: None, seconds }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use taskpulse_engine::ci::jobs::{JobTime, RunJobs};

    use super::*;

    fn job(name: &str, outcome: &str, seconds: f64) -> JobTime {
        JobTime { name: name.to_owned(), outcome: outcome.to_owned(), count: 1, seconds }
    }

    fn repository(runs: Vec<RunJobs>) -> JobsByRepository {
        let workflow = WorkflowJobs { workflow: "CI".to_owned(), workflow_id: Some(5), runs };
        BTreeMap::from([("o/r".to_owned(), Arc::new(vec![workflow]))])
    }

    fn run(end: TimestampMs, seconds: f64, jobs: Vec<JobTime>) -> RunJobs {
        RunJobs { end, seconds, jobs: Arc::new(jobs) }
    }

    #[test]
    fn jobs_are_added_up_within_the_time_and_what_is_not_told_apart_is_a_row_of_its_own() {
        let jobs = repository(vec![
            run(10, 100.0, vec![job("build", "success", 60.0), job("test", "failure", 40.0)]),
            run(20, 50.0, vec![job("build", "success", 30.0)]),
            run(30, 7.0, vec![job("build", "success", 7.0)]),
        ]);
        let found = CiJobs::new(&jobs, 10, 20).repositories.remove(0);
        assert_eq!((found.runs, found.seconds), (2, 150.0));
        let rows: Vec<_> = found.jobs.iter().map(|j| (j.job.as_deref(), j.conclusion.as_deref(), j.jobs, j.seconds)).collect();
        assert_eq!(
            rows,
            [(Some("build"), Some("success"), Some(2), 90.0), (Some("test"), Some("failure"), Some(1), 40.0), (None, None, None, 20.0)]
        );
        assert_eq!(CiJobs::new(&jobs, 31, 40).repositories[0].jobs, []);
    }

    #[test]
    fn rows_beyond_the_bound_are_added_up_so_that_no_second_is_lost() {
        let jobs = (0..2_000).map(|n| job(&format!("test ({n})"), "success", f64::from(n))).collect::<Vec<_>>();
        let seconds = jobs.iter().map(|job| job.seconds).sum();
        let found = CiJobs::new(&repository(vec![run(1, seconds, jobs)]), 0, 9).repositories.remove(0);
        assert_eq!(found.jobs.len(), MAX_ROWS + 1);
        assert_eq!(found.jobs.iter().map(|job| job.seconds).sum::<f64>(), seconds);
    }
}
