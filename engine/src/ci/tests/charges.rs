//! What runs cost, by the prices of the settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::ci::parse::jobs as read_jobs;
use crate::ci::tracker::Changes;
use crate::money::RUN_COST;
use crate::money::prices::{Price, Prices};

fn prices(per_minute: f64, runner: &str) -> Arc<Prices> {
    let row = Price {
        name: "a".to_owned(),
        from: T0 - 86_400_000,
        runner: runner.to_owned(),
        repository: "*".to_owned(),
        per_minute,
        whole_minutes: true,
        currency: "USD".to_owned(),
    };
    Arc::new(Prices::new(vec![row]).unwrap())
}

/// Jobs that began with the run and took so many seconds on a runner.
fn on_runners(run: &WorkflowRun, jobs: &[(&str, i64)]) -> JobFigures {
    let at = |ms: TimestampMs| jiff::Timestamp::from_millisecond(ms).unwrap().to_string();
    let job = |(label, seconds): &(&str, i64)| {
        json!({"name": "build", "status": "completed", "conclusion": "success", "labels": [label], "run_attempt": run.attempt,
               "started_at": at(run.started), "completed_at": at(run.started + seconds * 1_000)})
    };
    let answer = json!({"total_count": jobs.len(), "jobs": jobs.iter().map(job).collect::<Vec<_>>()});
    JobFigures::new(&read_jobs(answer.to_string().as_bytes()).unwrap().items, run, true)
}

fn costs(changes: &Changes) -> Vec<(String, i64, f64)> {
    let cost = |(labels, sample): (&crate::model::Labels, crate::model::Sample)| {
        (labels.name() == RUN_COST).then(|| (labels.get("currency").unwrap_or_default().to_owned(), (sample.t - T0) / 1_000, sample.v))
    };
    changes.batch.rows().filter_map(cost).collect()
}

/// A tracker that has seen a run of 200 s with two jobs, of 61 and 120 s.
fn seen(prices: Arc<Prices>) -> RunTracker {
    let mut tracker = RunTracker::restore("o/r", KEEP, &[]).with_prices(prices);
    let run = run(1, 1, "a", "success", 100, 200);
    tracker.observe_newest_page(of(vec![run.clone()]), T0 + 400_000);
    tracker.observe_jobs((1, 1), Some(on_runners(&run, &[("ubuntu-latest", 61), ("ubuntu-24.04", 120)])), T0 + 400_000);
    tracker
}

#[test]
fn a_run_costs_the_minutes_that_its_jobs_began_at_its_end() {
    let mut tracker = seen(prices(0.01, "ubuntu-*"));
    assert_eq!(costs(&tracker.take_changes()), [("USD".to_owned(), 300, 0.04)]);
    for without in [Arc::default(), prices(0.01, "macos-*")] {
        assert!(costs(&seen(without).take_changes()).is_empty(), "without a price no money is said");
    }
}

#[test]
fn prices_that_come_later_or_change_hold_for_runs_that_are_remembered_and_are_written_once() {
    let documents: Vec<(String, Vec<u8>)> = {
        let mut tracker = seen(Arc::default());
        tracker.take_changes().documents.into_iter().filter_map(|(key, bytes)| Some((key, bytes?))).collect()
    };
    let restored = |documents: &[(String, Vec<u8>)], prices: Arc<Prices>| {
        let changes = RunTracker::restore("o/r", KEEP, documents).with_prices(prices).take_changes();
        let mut all: BTreeMap<String, Vec<u8>> = documents.iter().cloned().collect();
        let written = costs(&changes);
        all.extend(changes.documents.into_iter().filter_map(|(key, bytes)| Some((key, bytes?))));
        (all.into_iter().collect::<Vec<_>>(), written)
    };
    let (documents, written) = restored(&documents, prices(0.01, "*"));
    assert_eq!(written, [("USD".to_owned(), 300, 0.04)]);
    let (documents, written) = restored(&documents, prices(0.01, "*"));
    assert!(written.is_empty(), "once");
    let (documents, written) = restored(&documents, prices(0.02, "*"));
    assert_eq!(written, [("USD".to_owned(), 300, 0.08)], "at the same time, so that it replaces the one before");
    assert!(restored(&documents, Arc::default()).1.is_empty());
}

#[test]
fn an_attempt_that_goes_on_after_an_approval_is_charged_for_what_came_then() {
    let mut tracker = RunTracker::restore("o/r", KEEP, &[]).with_prices(prices(0.01, "*"));
    let waits = run(1, 1, "a", "action_required", 100, 50);
    tracker.observe_newest_page(of(vec![waits.clone()]), T0 + 200_000);
    tracker.observe_jobs((1, 1), Some(on_runners(&waits, &[("x", 60)])), T0 + 200_000);
    let ended = run(1, 1, "a", "success", 100, 400);
    tracker.observe_newest_page(of(vec![ended.clone()]), T0 + 600_000);
    tracker.observe_jobs((1, 1), Some(on_runners(&ended, &[("x", 60), ("x", 120)])), T0 + 600_000);
    let all = costs(&tracker.take_changes());
    assert_eq!(all.iter().map(|(_, at, cost)| (*at, (cost * 100.0).round())).collect::<Vec<_>>(), [(150, 1.0), (500, 2.0)]);
}
