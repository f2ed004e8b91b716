//! A repository's CI as `/api/v1/ci/runs` shows it.

use serde_json::{Value, json};
use taskpulse_engine::ci::ledger::{Ledger, Record};
use taskpulse_engine::ci::parse::Workflow;

use crate::wire::seconds;

/// Runs that are shown, the newest.
const SHOWN: usize = 100;

pub(super) fn repository(ledger: &Ledger, workflows: &[Workflow]) -> Value {
    let figures = ledger.figures();
    let active: u64 = figures.values().map(|f| f.active).sum();
    let queued: u64 = figures.values().filter_map(|f| f.statuses.get("queued")).sum();
    let shown: Vec<Value> = figures
        .iter()
        .map(|(key, f)| {
            let known = workflows.iter().find(|w| w.key() == *key);
            let mut shown = json!(f);
            shown["workflow"] = json!(ledger.names().name(key));
            shown["workflow_id"] = json!(key.number().parse::<u64>().ok());
            shown["workflow_path"] = json!(Some(ledger.names().path(key)).filter(|path| !path.is_empty()));
            shown["state"] = json!(known.map(|w| w.state.as_str()));
            shown["url"] = json!(known.map(|w| w.url.as_str()).filter(|url| !url.is_empty()));
            shown
        })
        .collect();
    let mut newest: Vec<&Record> = ledger.records().collect();
    newest.sort_by_key(|r| std::cmp::Reverse(r.run.order()));
    newest.truncate(SHOWN);
    let wanted = ledger.jobs_wanted();
    json!({
        "repo": ledger.repo(),
        "whole": ledger.whole() && !ledger.missed(),
        "runs_known": ledger.records().count(),
        "jobs_wanted": wanted,
        "jobs_without_times": ledger.unclear_jobs(),
        "reading_from": ledger.gap().map(|gap| seconds(gap.from)),
        "active": active,
        "queued": queued,
        "workflows": shown,
        "runs": newest.into_iter().map(|record| run(ledger, record)).collect::<Vec<_>>(),
    })
}

fn run(ledger: &Ledger, record: &Record) -> Value {
    let run = &record.run;
    let key = run.key();
    json!({
        "id": run.id, "attempt": run.attempt, "number": run.number, "workflow": ledger.names().name(&key),
        "workflow_id": key.number().parse::<u64>().ok(), "title": run.title, "event": run.event,
        "branch": run.branch, "sha": run.sha, "fork": run.fork, "status": run.status, "conclusion": run.conclusion, "url": run.url,
        "created": seconds(run.created), "started": seconds(run.started),
        "ended": run.updated.filter(|_| run.ended()).map(seconds),
        "duration_seconds": run.duration(), "queue_seconds": record.queue, "job_seconds": record.job_seconds,
        "jobs_without_times": record.unclear_jobs,
    })
}
