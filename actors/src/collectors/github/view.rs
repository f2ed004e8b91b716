//! A repository's CI as `/api/v1/ci/runs` shows it.

use serde_json::{Value, json};
use taskpulse_engine::ci::parse::Workflow;
use taskpulse_engine::ci::tracker::{RunRecord, RunTracker};

use crate::wire::seconds;

/// Runs that are shown, the newest.
const SHOWN: usize = 100;

pub(super) fn repository(tracker: &RunTracker, workflows: &[Workflow]) -> Value {
    let figures = tracker.figures();
    let active: u64 = figures.values().map(|f| f.active).sum();
    let queued: u64 = figures.values().filter_map(|f| f.statuses.get("queued")).sum();
    let shown: Vec<Value> = figures
        .iter()
        .map(|(key, f)| {
            let known = workflows.iter().find(|w| w.key() == *key);
            let mut shown = json!(f);
            shown["workflow"] = json!(tracker.names().name(key));
            shown["workflow_id"] = json!(key.number().parse::<u64>().ok());
            shown["workflow_path"] = json!(Some(tracker.names().path(key)).filter(|path| !path.is_empty()));
            shown["state"] = json!(known.map(|w| w.state.as_str()));
            shown["url"] = json!(known.map(|w| w.url.as_str()).filter(|url| !url.is_empty()));
            shown
        })
        .collect();
    let mut newest: Vec<&RunRecord> = tracker.records().collect();
    newest.sort_by_key(|r| std::cmp::Reverse(r.run.order()));
    newest.truncate(SHOWN);
    let wanted = tracker.runs_without_jobs();
    json!({
        "repo": tracker.repo(),
        "whole": tracker.is_complete() && !tracker.has_unlisted_runs(),
        "runs_known": tracker.records().count(),
        "jobs_wanted": wanted,
        "jobs_without_times": tracker.jobs_without_times(),
        "reading_from": tracker.next_gap().map(|gap| seconds(gap.from)),
        "active": active,
        "queued": queued,
        "workflows": shown,
        "runs": newest.into_iter().map(|record| run(tracker, record)).collect::<Vec<_>>(),
    })
}

fn run(tracker: &RunTracker, record: &RunRecord) -> Value {
    let run = &record.run;
    let key = run.key();
    json!({
        "id": run.id, "attempt": run.attempt, "number": run.number, "workflow": tracker.names().name(&key),
        "workflow_id": key.number().parse::<u64>().ok(), "title": run.title, "event": run.event,
        "branch": run.branch, "sha": run.sha, "fork": run.fork, "status": run.status, "conclusion": run.conclusion, "url": run.url,
        "created": seconds(run.created), "started": seconds(run.started),
        "ended": run.updated.filter(|_| run.ended()).map(seconds),
        "duration_seconds": run.duration(), "queue_seconds": record.queue, "job_seconds": record.job_seconds,
        "jobs_without_times": record.unclear_jobs,
    })
}
