//! What answers say, what follows from it, and that neither faults nor restarts change it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::figures::{WorkflowFigures, verdict};
use super::jobs::JobFigures;
use super::parse::{self, Delivery, Page, ParseError, WorkflowRun};
use super::tracker::{ReportedBy, RunTracker};
use super::workflow::WorkflowKey;
use crate::model::TimestampMs;

const T0: TimestampMs = 1_795_478_400_000; // 2026-11-24T00:00:00Z
const KEEP: i64 = 30 * 86_400_000;

fn one(run: Value) -> Page<WorkflowRun> {
    parse::runs(json!({"total_count": 1, "workflow_runs": [run]}).to_string().as_bytes()).unwrap()
}

mod charges;
mod ends;
mod workflows;

#[test]
fn a_run_is_read_whatever_is_missing_or_odd() {
    let whole = json!({
        "id": 7, "name": "CI", "path": ".github/workflows/ci.yml", "status": "completed", "conclusion": "success", "run_attempt": 2,
        "head_branch": "main", "head_sha": "abc", "event": "push", "run_number": 12, "display_title": "Fix", "workflow_id": 5,
        "html_url": "https://github.com/o/r/actions/runs/7", "created_at": "2026-11-24T00:00:00Z", "run_started_at": "2026-11-24T00:01:00Z",
        "updated_at": "2026-11-24T00:02:30Z", "head_commit": {"timestamp": "2026-11-23T23:59:00Z"},
        "repository": {"full_name": "o/r"}, "head_repository": {"full_name": "me/r"},
    });
    let run = one(whole.clone()).items.remove(0);
    assert_eq!((run.id, run.attempt, run.name.as_deref(), run.outcome(), run.fork), (7, 2, Some("CI"), "success", true));
    assert_eq!((run.created, run.duration(), run.committed), (T0, Some(90.0), Some(T0 - 60_000)));
    let with = |key: &str, value: Value| {
        let mut run = whole.clone();
        run[key] = value;
        one(run)
    };
    let read = |key: &str, value: Value| with(key, value).items.pop();
    assert_eq!(read("head_commit", Value::Null).unwrap().committed, None);
    assert!(!read("head_repository", Value::Null).unwrap().fork, "a deleted fork is not known to be one");
    for time in ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        assert_eq!(read("updated_at", json!(time)).unwrap().updated, None, "{time} stands for no time");
    }
    assert_eq!(read("run_attempt", Value::Null).unwrap().attempt, 1);
    assert_eq!(read("run_attempt", json!(0)).unwrap().attempt, 1);
    assert_eq!(read("run_started_at", Value::Null).unwrap().duration(), Some(150.0));
    assert_eq!(read("updated_at", json!("soon")).unwrap().duration(), None);
    assert_eq!(read("updated_at", json!("2026-11-23T00:00:00Z")).unwrap().duration(), None, "no run ends before it began");
    assert_eq!(read("conclusion", json!("quantum_superposed")).unwrap().outcome(), "quantum_superposed");
    assert_eq!(read("conclusion", Value::Null).unwrap().outcome(), "none");
    assert_eq!(read("status", Value::Null).unwrap().status, "completed");
    assert_eq!(read("html_url", json!("javascript:alert(1)")).unwrap().url, "");
    assert_eq!(read("display_title", json!("x".repeat(9_999))).unwrap().title.len(), 200);
    let hovering = read("status", json!("hovering")).unwrap();
    assert_eq!((hovering.status.as_str(), hovering.ended(), hovering.conclusion), ("hovering", false, None));
    for (key, value) in [("id", Value::Null), ("id", json!(-1)), ("id", json!("x")), ("created_at", json!(5))] {
        let mut page = with(key, value.clone());
        if key == "created_at" {
            assert_eq!(page.items.remove(0).created, T0 + 60_000, "the beginning stands in");
        } else {
            assert_eq!((page.items.len(), page.skipped, page.length), (0, 1, 1), "{key} {value}");
        }
    }
    for odd in [json!(1), json!([]), json!("x"), Value::Null, json!({})] {
        assert_eq!(one(odd).skipped, 1);
    }
    assert!(matches!(parse::runs(b"<html>Unicorn!</html>"), Err(ParseError::NotJson(_))));
    assert_eq!(parse::runs(b"{\"jobs\":[]}"), Err(ParseError::Missing("workflow_runs")));
    assert_eq!(parse::runs(b"[]"), Err(ParseError::Missing("workflow_runs")));
}

#[test]
fn deliveries_are_told_apart() {
    assert_eq!(parse::delivery("ping", b"{\"zen\":\"x\"}"), Ok(Delivery::Ping));
    assert_eq!(parse::delivery("star", b"not even json"), Ok(Delivery::Other));
    let body = json!({"action": "completed", "workflow_run": {"id": 1, "name": "CI", "status": "queued", "created_at": "2026-11-24T00:00:00Z"}, "repository": {"full_name": "o/r"}});
    assert!(
        matches!(parse::delivery("workflow_run", body.to_string().as_bytes()), Ok(Delivery::Run { repo, run }) if repo == "o/r" && run.id == 1)
    );
    for (body, part) in [("{", "not JSON"), ("{}", "repository.full_name"), ("{\"repository\":{\"full_name\":\"o/r\"}}", "`workflow_run`")]
    {
        assert!(parse::delivery("workflow_run", body.as_bytes()).unwrap_err().to_string().contains(part), "{body}");
    }
}

#[test]
fn verdicts_count_only_what_says_something() {
    for (conclusion, expected) in [
        ("success", Some(true)),
        ("failure", Some(false)),
        ("timed_out", Some(false)),
        ("startup_failure", Some(false)),
        ("cancelled", None),
        ("skipped", None),
        ("neutral", None),
        ("action_required", None),
        ("stale", None),
        ("quantum_superposed", None),
    ] {
        assert_eq!(verdict(Some(conclusion)), expected, "{conclusion}");
    }
}

fn run(id: u64, attempt: u32, sha: &str, outcome: &str, created: i64, seconds: i64) -> WorkflowRun {
    WorkflowRun {
        id,
        attempt,
        workflow_id: 5,
        path: ".github/workflows/ci.yml".to_owned(),
        name: Some("CI".to_owned()),
        status: if outcome.is_empty() { "in_progress" } else { "completed" }.to_owned(),
        conclusion: (!outcome.is_empty()).then(|| outcome.to_owned()),
        branch: "main".to_owned(),
        sha: sha.to_owned(),
        event: "push".to_owned(),
        number: id,
        title: String::new(),
        url: String::new(),
        fork: false,
        created: T0 + created * 1_000,
        started: T0 + created * 1_000,
        updated: Some(T0 + (created + seconds) * 1_000),
        committed: None,
        pulls: Vec::new(),
    }
}

fn of(items: Vec<WorkflowRun>) -> Page<WorkflowRun> {
    Page { length: items.len(), skipped: 0, total: None, more: false, repo: None, items }
}

fn job_of(start: TimestampMs, seconds: f64) -> JobFigures {
    JobFigures {
        ended: true,
        whole: true,
        first_start: Some(start),
        seconds: Some(seconds),
        carried_seconds: 0.0,
        last_end: None,
        unclear: 0,
        jobs: Vec::new(),
        carried_jobs: Vec::new(),
        runners: Vec::new(),
        carried_runners: Vec::new(),
    }
}

/// The workflow of [`run`].
fn ci() -> WorkflowKey {
    WorkflowKey::new(5, "", None)
}

/// A tracker whose runs all have one job of 10 s.
fn known(runs: Vec<WorkflowRun>, now: i64) -> RunTracker {
    let mut tracker = RunTracker::restore("o/r", KEEP, &[]);
    tracker.observe_newest_page(of(runs), T0 + now * 1_000);
    while let Some((run, _)) = tracker.next_run_without_jobs(T0 + now * 1_000) {
        let figures = job_of(run.created + 3_000, 10.0);
        tracker.observe_jobs((run.id, run.attempt), Some(figures), T0 + now * 1_000);
    }
    tracker
}

fn figures(runs: Vec<WorkflowRun>) -> WorkflowFigures {
    known(runs, 100_000).figures().remove(&ci()).unwrap_or_default()
}

#[test]
fn figures_are_those_of_their_definitions() {
    let ratio = |outcomes: &[&str]| {
        figures(outcomes.iter().zip(0..).map(|(outcome, n)| run(n, 1, &n.to_string(), outcome, n as i64 * 100, 60)).collect()).success_ratio
    };
    assert_eq!(ratio(&["success", "failure", "timed_out", "startup_failure"]), Some(0.25));
    assert_eq!(ratio(&["success", "cancelled", "skipped", "neutral", "action_required", "stale", "odd"]), Some(1.0));
    assert_eq!(ratio(&["cancelled"]), None, "nothing to divide by");
    assert_eq!(ratio(&[]), None);
    let mut long = vec!["failure"; 10];
    long.extend(["success"; 15]);
    long.extend(["cancelled"; 5]);
    assert_eq!(ratio(&long), Some(1.0), "the last twenty completed ones, cancelled ones among them");

    let flaky = |runs: Vec<WorkflowRun>| {
        let f = figures(runs);
        (f.flaky_commits, f.commits)
    };
    assert_eq!(flaky(vec![run(1, 1, "a", "failure", 0, 1), run(2, 1, "a", "success", 10, 1), run(3, 1, "b", "success", 20, 1)]), (1, 2));
    assert_eq!(flaky(vec![run(1, 2, "a", "success", 0, 1), run(2, 3, "b", "failure", 10, 1), run(3, 1, "", "success", 20, 1)]), (1, 2));
    assert_eq!(flaky(vec![run(1, 1, "a", "cancelled", 0, 1)]), (0, 0));

    let wasted = |runs: Vec<WorkflowRun>| figures(runs).wasted_seconds;
    assert_eq!(wasted(vec![run(1, 1, "a", "failure", 0, 1), run(2, 1, "a", "success", 10, 1)]), 10.0, "green later");
    assert_eq!(wasted(vec![run(1, 1, "a", "success", 0, 1), run(2, 1, "a", "failure", 10, 1)]), 0.0);
    assert_eq!(wasted(vec![run(1, 1, "a", "cancelled", 0, 1), run(2, 1, "b", "success", 10, 1)]), 10.0);
    assert_eq!(wasted(vec![run(1, 1, "", "failure", 0, 1), run(2, 1, "", "success", 10, 1)]), 0.0, "commits that are not known");

    let f = figures((0..45).map(|n| run(n, 1, "a", "success", n as i64 * 100, if n < 25 { 100 } else { 135 })).collect());
    assert_eq!((f.p50_seconds, f.p50_before_seconds), (Some(135.0), Some(100.0)));
    assert!((f.p50_change_ratio.unwrap() - 0.35).abs() < 1e-9);
    let f = figures(vec![run(1, 1, "a", "", 0, 1), WorkflowRun { status: "hovering".to_owned(), ..run(2, 1, "a", "", 5, 1) }]);
    assert_eq!((f.active, f.statuses["hovering"]), (1, 1), "an unknown status counts for nothing");
}

#[test]
fn runs_that_end_in_the_same_second_have_a_sample_each() {
    let mut tracker = known((0..5).map(|n| run(n, 1, "a", "success", 100 - n as i64, n as i64)).collect(), 1_000);
    let changes = tracker.take_changes();
    let mut times: Vec<i64> = changes
        .batch
        .rows()
        .filter(|(labels, _)| labels.name() == "github_actions_run_duration_seconds")
        .map(|(_, sample)| sample.t - T0 - 100_000)
        .collect();
    times.sort_unstable();
    assert_eq!(times, [0, 1, 2, 3, 4]);
}

#[test]
fn deliveries_out_of_order_take_nothing_back() {
    let now = T0 + 1_000_000;
    let mut tracker = known(vec![run(1, 1, "a", "", 0, 1)], 10);
    let seen = |tracker: &RunTracker| tracker.records().map(|r| (r.run.attempt, r.run.status.clone())).collect::<Vec<_>>();
    tracker.observe(run(1, 1, "a", "success", 0, 60), ReportedBy::Webhook, now);
    for late in [
        run(1, 1, "a", "", 0, 70),
        run(1, 1, "a", "failure", 0, 80),
        WorkflowRun { status: "queued".to_owned(), ..run(1, 1, "a", "", 0, 0) },
    ] {
        tracker.observe(late, ReportedBy::Webhook, now);
    }
    assert_eq!(seen(&tracker), [(1, "completed".to_owned())]);
    tracker.observe(run(1, 2, "a", "", 0, 90), ReportedBy::Api, now);
    tracker.observe(run(1, 1, "a", "failure", 0, 80), ReportedBy::Webhook, now);
    tracker.observe(WorkflowRun { status: "queued".to_owned(), ..run(1, 2, "a", "", 0, 85) }, ReportedBy::Webhook, now);
    assert_eq!(seen(&tracker), [(1, "completed".to_owned()), (2, "in_progress".to_owned())]);
    assert_eq!(tracker.figures()[&ci()].runs, BTreeMap::from([("success".to_owned(), 1)]));
    tracker.remove_missing(1);
    assert_eq!(seen(&tracker), [(1, "completed".to_owned())], "what ended stays counted");
}

/// What is durable: documents, and samples by series and time.
#[derive(Default)]
struct Kept {
    documents: BTreeMap<String, Vec<u8>>,
    samples: BTreeMap<(String, TimestampMs), f64>,
    finished: usize,
}

impl Kept {
    fn restore(&self) -> RunTracker {
        RunTracker::restore("o/r", KEEP, &self.documents.clone().into_iter().collect::<Vec<_>>())
    }

    fn keep(&mut self, tracker: &mut RunTracker, documents_too: bool) {
        let changes = tracker.take_changes();
        for (labels, sample) in changes.batch.rows() {
            self.samples.insert((labels.to_string(), sample.t), sample.v);
        }
        if documents_too {
            for (key, bytes) in changes.documents {
                match bytes {
                    Some(bytes) => self.documents.insert(key, bytes),
                    None => self.documents.remove(&key),
                };
            }
            self.finished += changes.events.iter().filter(|e| e.kind == "run_finished").count();
        }
    }

    fn series(&self, part: &str) -> Vec<(&str, TimestampMs, f64)> {
        self.samples.iter().filter(|((labels, _), _)| labels.contains(part)).map(|((l, t), v)| (l.as_str(), *t, *v)).collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wait(i64),
    Poll,
    Gap,
    Jobs,
    Publish,
    /// Samples are durable and the rest is lost.
    CrashBetween,
    Crash,
    Delivery(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..400_i64).prop_map(Step::Wait),
        3 => Just(Step::Poll),
        2 => Just(Step::Gap),
        4 => Just(Step::Jobs),
        3 => Just(Step::Publish),
        1 => Just(Step::CrashBetween),
        1 => Just(Step::Crash),
        1 => (0..60_usize).prop_map(Step::Delivery),
    ];
    proptest::collection::vec(step, 0..80)
}

/// A repository whose runs come and end.
struct World(Vec<WorkflowRun>);

const PAGE: usize = 5;

impl World {
    fn at(&self, run: &WorkflowRun, now: TimestampMs) -> WorkflowRun {
        if run.updated.is_some_and(|end| end <= now) {
            return run.clone();
        }
        WorkflowRun { status: "in_progress".to_owned(), conclusion: None, updated: Some(run.started), ..run.clone() }
    }

    fn page(&self, from: TimestampMs, to: TimestampMs, now: TimestampMs) -> Page<WorkflowRun> {
        let mut runs: Vec<WorkflowRun> =
            self.0.iter().filter(|r| r.created >= from && r.created <= to.min(now)).map(|r| self.at(r, now)).collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.order()));
        let more = runs.len() > PAGE;
        runs.truncate(PAGE);
        // GitHub hides some runs from some tokens: pages may be short.
        if more && runs[0].id.is_multiple_of(3) {
            runs.pop();
        }
        Page { more, ..of(runs) }
    }
}

/// One thing that a collector does; whether it saw the newest runs.
fn take(step: &Step, world: &World, tracker: &mut RunTracker, now: TimestampMs) {
    match step {
        Step::Poll => {
            tracker.observe_newest_page(world.page(0, now, now), now);
            for id in tracker.active_runs() {
                let run = world.0.iter().find(|r| r.id == id).unwrap();
                tracker.observe(world.at(run, now), ReportedBy::Api, now);
            }
        }
        Step::Gap => {
            if let Some(gap) = tracker.next_gap() {
                tracker.observe_gap_page(world.page(gap.from, gap.to, now), now);
            }
        }
        Step::Jobs => {
            if let Some((run, _)) = tracker.next_run_without_jobs(now) {
                let figures = job_of(run.created + 2_000, run.id as f64);
                tracker.observe_jobs((run.id, run.attempt), Some(figures), now);
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn neither_faults_nor_restarts_change_what_is_told(steps in steps(), shape in proptest::collection::vec((5..90_i64, 1..300_i64, 0..4_usize), 1..60)) {
        let mut created = 0;
        let runs = shape.iter().zip(1..).map(|((apart, seconds, outcome), id)| {
            created += apart;
            let sha = (id / 3).to_string();
            run(id, 1, &sha, ["success", "failure", "cancelled", "odd"][*outcome], created, *seconds)
        });
        let world = World(runs.collect());
        let (mut kept, mut now) = (Kept::default(), T0 + 1_000_000);
        let mut tracker = kept.restore();
        // Half of the time passes before the first poll.
        now = now.min(T0 + created * 500);
        let mut polled = false;
        for step in &steps {
            match step {
                Step::Wait(seconds) => now += seconds * 1_000,
                Step::Publish => {
                    if polled {
                        tracker.push_samples(now);
                    }
                    kept.keep(&mut tracker, true);
                }
                Step::CrashBetween => {
                    kept.keep(&mut tracker, false);
                    tracker = kept.restore();
                    polled = false;
                }
                Step::Crash => {
                    tracker = kept.restore();
                    polled = false;
                }
                Step::Delivery(at) => {
                    if let Some(run) = world.0.get(*at).filter(|run| run.created <= now) {
                        tracker.observe(world.at(run, now), ReportedBy::Webhook, now);
                    }
                }
                other => {
                    polled |= matches!(other, Step::Poll);
                    take(other, &world, &mut tracker, now);
                }
            }
            now += 1_000;
        }
        now = now.max(T0 + (created + 400) * 1_000);
        take(&Step::Poll, &world, &mut tracker, now);
        while tracker.next_gap().is_some() {
            take(&Step::Gap, &world, &mut tracker, now);
        }
        while tracker.runs_without_jobs() > 0 {
            take(&Step::Jobs, &world, &mut tracker, now);
        }
        tracker.push_samples(now);
        kept.keep(&mut tracker, true);

        let durations = kept.series("github_actions_run_duration_seconds");
        prop_assert_eq!(durations.len(), world.0.len(), "one sample a run, at its end");
        prop_assert_eq!(kept.series("github_actions_run_queue_seconds").len(), world.0.len());
        let total: f64 = durations.iter().map(|(_, _, v)| v).sum();
        prop_assert_eq!(total, world.0.iter().filter_map(WorkflowRun::duration).sum::<f64>());
        let truth = known(world.0.clone(), (now - T0) / 1_000);
        let expected = &truth.figures()[&ci()];
        for (conclusion, count) in &expected.runs {
            let last = kept.series(&format!("github_actions_runs_total{{conclusion=\"{conclusion}\"")).last().map(|(_, _, v)| *v);
            prop_assert_eq!(last, Some(*count as f64));
        }
        let all: f64 = world.0.iter().map(|r| r.id as f64).sum();
        prop_assert_eq!(kept.series("github_actions_job_seconds_total").last().map(|(_, _, v)| *v), Some(all));
        prop_assert!(kept.finished <= world.0.len(), "no end is counted twice");
        for counter in ["runs_total", "job_seconds_total", "wasted_seconds_total"] {
            for pair in kept.series(counter).windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                prop_assert!(pair[0].2 <= pair[1].2, "{} fell: {pair:?}", counter);
            }
        }
    }
}
