//! Ends of runs and what their jobs come to: approvals, re-runs, times that cannot be, lists that go on.

use std::collections::BTreeMap;

use super::*;

/// A job by the seconds after [`T0`] at which it began and ended; none is the year 1, as GitHub writes what it does not know.
fn job(attempt: u32, conclusion: &str, started: Option<i64>, completed: Option<i64>) -> Value {
    let at = |seconds: Option<i64>| {
        let at = seconds.map(|seconds| jiff::Timestamp::from_millisecond(T0 + seconds * 1_000).unwrap().to_string());
        at.unwrap_or_else(|| "0001-01-01T00:00:00Z".to_owned())
    };
    json!({"run_attempt": attempt, "status": "completed", "conclusion": conclusion, "started_at": at(started), "completed_at": at(completed)})
}

fn jobs(run: &WorkflowRun, jobs: &[Value]) -> JobFigures {
    let page = parse::jobs(json!({"total_count": jobs.len(), "jobs": jobs}).to_string().as_bytes()).unwrap();
    JobFigures::new(&page.items, run, true)
}

#[test]
fn jobs_give_the_wait_and_their_seconds() {
    let done = |from, to| job(1, "success", Some(from), Some(to));
    let skipped = |from, to| job(1, "skipped", Some(from), Some(to));
    for (what, listed, seconds, queue, unclear) in [
        ("two", vec![done(40, 50), done(30, 50)], Some(30.0), Some(20.0), 0),
        ("a skipped one", vec![done(40, 50), done(30, 50), skipped(11, 11)], Some(30.0), Some(20.0), 0),
        ("skipped ones only", vec![skipped(12, 12), skipped(13, 10)], Some(0.0), Some(2.0), 0),
        ("none", vec![], None, None, 0),
        ("clocks that differ by a little", vec![done(6, 16)], Some(10.0), Some(0.0), 0),
        ("a beginning before the run", vec![done(-100, 20)], None, None, 1),
        ("a beginning in the year 1", vec![job(1, "success", None, Some(50)), done(30, 50)], Some(20.0), None, 1),
        ("an end in the year 1", vec![job(1, "cancelled", Some(30), None), done(35, 50)], Some(15.0), Some(20.0), 1),
        ("an end before the beginning", vec![done(50, 30), done(60, 70)], Some(10.0), Some(40.0), 1),
        ("an end long after the run", vec![done(30, 9_000), done(35, 50)], Some(15.0), Some(20.0), 1),
        ("nothing but the year 1", vec![job(1, "success", None, None), skipped(12, 12)], None, None, 1),
        ("cancelled before it began", vec![job(1, "cancelled", None, Some(50)), done(30, 50)], Some(20.0), Some(20.0), 0),
        ("a job of a later attempt", vec![done(30, 50), job(2, "success", Some(60), Some(70))], Some(20.0), Some(20.0), 0),
    ] {
        let run = run(1, 1, "a", "success", 10, 90);
        let figures = jobs(&run, &listed);
        assert_eq!((figures.seconds, figures.queue(&run), figures.unclear), (seconds, queue, unclear), "{what}");
    }
    let mut running = job(1, "", Some(30), None);
    running["status"] = json!("in_progress");
    let figures = jobs(&run(1, 1, "a", "success", 10, 90), &[running, done(30, 50)]);
    assert_eq!((figures.ended, figures.seconds, figures.unclear), (false, Some(20.0), 1));
}

/// A re-run of failed jobs: attempt 1 from 10 to 610 s, attempt 2 from 3,600 s on.
fn rerun(by_number: bool) -> ([WorkflowRun; 2], [JobFigures; 2]) {
    let first = WorkflowRun { updated: Some(T0 + 620_000), ..run(1, 1, "a", "failure", 0, 620) };
    let second = WorkflowRun {
        started: T0 + 3_600_000,
        updated: Some(T0 + 3_730_000),
        attempt: 2,
        conclusion: Some("success".to_owned()),
        ..first.clone()
    };
    let old = |attempt| job(attempt, "success", Some(10), Some(610));
    let carried = if by_number { 1 } else { 2 };
    let again = job(2, "success", Some(3_620), Some(3_720));
    let figures = [jobs(&first, &[old(1), old(1), old(1)]), jobs(&second, &[old(carried), old(carried), again])];
    ([first, second], figures)
}

#[test]
fn a_job_that_a_re_run_takes_over_is_counted_once() {
    for by_number in [true, false] {
        let ([first, second], [of_first, of_second]) = rerun(by_number);
        assert_eq!((of_second.seconds, of_second.carried_seconds, of_second.queue(&second)), (Some(100.0), 1_200.0, Some(20.0)));
        let end = T0 + 4_000_000;
        let mut tracker = RunTracker::restore("o/r", KEEP, &[]);
        tracker.observe_newest_page(of(vec![first.clone()]), T0 + 700_000);
        tracker.observe_jobs((1, 1), Some(of_first), T0 + 700_000);
        tracker.observe_newest_page(of(vec![second.clone()]), end);
        tracker.observe_jobs((1, 2), Some(of_second.clone()), end);
        let figures = &tracker.figures()[&ci()];
        assert_eq!((figures.job_seconds, figures.wasted_seconds), (1_900.0, 1_800.0), "the failed attempt was in vain");
        // The first attempt was never seen: what it left is known from the second alone.
        let mut tracker = RunTracker::restore("o/r", KEEP, &[]);
        tracker.observe_newest_page(of(vec![second]), end);
        tracker.observe_jobs((1, 2), Some(of_second), end);
        assert_eq!(tracker.figures()[&ci()].job_seconds, 1_300.0);
    }
}

#[test]
fn jobs_are_kept_by_name_and_outcome_and_come_to_the_seconds_of_their_run() {
    let named = |name: &str, attempt, outcome, from, to| {
        let mut job = job(attempt, outcome, Some(from), Some(to));
        job["name"] = json!(name);
        job
    };
    let first = WorkflowRun { updated: Some(T0 + 620_000), ..run(1, 1, "a", "failure", 0, 620) };
    let listed = [named("test", 1, "success", 10, 40), named("test", 1, "success", 10, 30), named("build", 1, "failure", 10, 100)];
    let mut tracker = RunTracker::restore("o/r", KEEP, &[]);
    tracker.observe_newest_page(of(vec![first.clone()]), T0 + 700_000);
    tracker.observe_jobs((1, 1), Some(jobs(&first, &listed)), T0 + 700_000);
    // Attempt 2 repeats one job and takes over the others, which were counted with attempt 1.
    let second = WorkflowRun { attempt: 2, started: T0 + 3_600_000, updated: Some(T0 + 3_730_000), ..run(1, 2, "a", "success", 0, 0) };
    let again = [named("test", 1, "success", 10, 40), named("build", 2, "success", 3_620, 3_700)];
    tracker.observe_newest_page(of(vec![second.clone()]), T0 + 4_000_000);
    tracker.observe_jobs((1, 2), Some(jobs(&second, &again)), T0 + 4_000_000);
    let documents: Vec<_> = tracker.take_changes().documents.into_iter().map(|(key, bytes)| (key, bytes.unwrap())).collect();
    for tracker in [tracker, RunTracker::restore("o/r", KEEP, &documents)] {
        let workflows = tracker.jobs_by_workflow();
        assert_eq!((workflows.len(), workflows[0].workflow.as_str(), workflows[0].workflow_id), (1, "CI", Some(5)));
        let kept = workflows[0].runs.iter().map(|run| {
            let jobs = run.jobs.iter().map(|job| (job.name.as_str(), job.outcome.as_str(), job.count, job.seconds)).collect::<Vec<_>>();
            assert_eq!(run.seconds, jobs.iter().map(|(.., seconds)| seconds).sum::<f64>());
            (run.end, jobs)
        });
        assert_eq!(
            kept.collect::<Vec<_>>(),
            [
                (T0 + 620_000, vec![("build", "failure", 1, 90.0), ("test", "success", 2, 50.0)]),
                (T0 + 3_730_000, vec![("build", "success", 1, 80.0)]),
            ]
        );
    }
}

#[test]
fn jobs_that_are_not_all_listed_are_asked_for_again_and_named_in_the_end() {
    let figures = JobFigures { whole: false, first_start: None, ..job_of(T0, 10.0) };
    let mut tracker = RunTracker::restore("o/r", KEEP, &[]);
    let mut now = T0 + 1_000_000;
    tracker.observe_newest_page(of(vec![run(1, 1, "a", "success", 0, 60)]), now);
    let mut asked = 0;
    while tracker.runs_without_jobs() > 0 {
        now += 3_600_000;
        tracker.observe_jobs((1, 1), Some(figures.clone()), now);
        asked += 1;
    }
    assert_eq!((asked, tracker.jobs_without_times()), (4, 1));
    tracker.observe_jobs((1, 1), Some(job_of(T0, 99.0)), now);
    assert_eq!(tracker.figures()[&ci()].job_seconds, 10.0, "once");
}

fn outcomes(tracker: &RunTracker) -> BTreeMap<String, u64> {
    tracker.figures()[&ci()].runs.clone()
}

fn counts<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.map(|(outcome, n)| (outcome.to_owned(), n)).into()
}

#[test]
fn a_run_goes_on_after_an_approval_under_the_same_attempt() {
    for (approved_at, reported_by) in [(600, ReportedBy::Api), (600, ReportedBy::Webhook), (1, ReportedBy::Api)] {
        let mut kept = Kept::default();
        let mut tracker = kept.restore();
        tracker.observe_newest_page(of(vec![run(1, 1, "a", "action_required", 0, 1)]), T0 + 60_000);
        tracker.observe_jobs((1, 1), Some(JobFigures { first_start: None, seconds: None, ..job_of(T0, 0.0) }), T0 + 60_000);
        tracker.push_samples(T0 + 60_000);
        let queued = WorkflowRun { status: "queued".to_owned(), ..run(1, 1, "a", "", 0, approved_at) };
        tracker.observe(queued.clone(), reported_by, T0 + 601_000);
        tracker.push_samples(T0 + 601_000);
        assert_eq!(tracker.active_runs(), [1]);
        let events = tracker.take_changes().events;
        assert!(events.iter().any(|e| e.title == "run CI #1 goes on after action_required"), "{events:?}");
        let failed = run(1, 1, "a", "failure", 0, 900);
        assert!(!tracker.is_known(&failed));
        tracker.observe(failed.clone(), reported_by, T0 + 901_000);
        tracker.observe_jobs((1, 1), Some(job_of(T0 + 610_000, 280.0)), T0 + 901_000);
        kept.keep(&mut tracker, true);
        assert_eq!(outcomes(&tracker), counts([("action_required", 1), ("failure", 1)]), "each end that was seen");
        let figures = &tracker.figures()[&ci()];
        assert_eq!((figures.success_ratio, figures.job_seconds), (Some(0.0), 280.0));
        assert!(
            kept.samples.keys().any(|(labels, t)| {
                labels.starts_with("github_actions_run_duration_seconds{conclusion=\"failure\"") && *t == T0 + 900_000
            })
        );
        // The approval's deliveries come late, and again.
        tracker.observe(queued, ReportedBy::Webhook, T0 + 902_000);
        tracker.observe(run(1, 1, "a", "action_required", 0, 1), ReportedBy::Webhook, T0 + 902_000);
        assert!(tracker.active_runs().is_empty() && tracker.is_known(&failed));
        kept.documents.insert("o/r/00000000000000000001.1".to_owned(), serde_json::to_vec(tracker.records().next().unwrap()).unwrap());
        kept.documents.insert("o/r".to_owned(), br#"{"format":2}"#.to_vec());
        assert_eq!(outcomes(&kept.restore()), outcomes(&tracker), "after a restart too");
    }
}

#[test]
fn an_end_stays_as_it_was_seen_first() {
    let now = T0 + 40_000_000;
    for (was, outcome, seconds, is_new) in [
        ("success", "success", 9_000, false),
        ("success", "failure", 9_000, false),
        ("success", "", 9_000, false),
        ("cancelled", "", 9_000, false),
        ("failure", "failure", 9_000, false),
        ("failure", "", 9_000, true),
        ("failure", "", 60, false),
        ("failure", "", 10, false),
        ("action_required", "", 60, true),
        ("action_required", "", 10, false),
        ("action_required", "success", 9_000, true),
    ] {
        let mut tracker = known(vec![run(1, 1, "a", was, 0, 60)], 100);
        tracker.observe(run(1, 1, "a", outcome, 0, seconds), ReportedBy::Api, now);
        let record = tracker.records().next().unwrap();
        assert_eq!(
            record.run.conclusion.as_deref().unwrap_or("") == outcome && record.run.updated != Some(T0 + 60_000),
            is_new && seconds != 60,
            "{was} {outcome} {seconds}"
        );
        assert_eq!(record.earlier.len(), usize::from(is_new), "{was} {outcome} {seconds}");
    }
}

#[test]
fn a_run_that_changed_long_after_its_end_ended_with_its_last_job() {
    let day = 86_400;
    let done = || job(1, "success", Some(10), Some(290));
    for (updated, listed, expected) in [
        (20 * day, vec![done()], 290),
        (600, vec![done()], 600),
        // It waited for a job that was cancelled in the end.
        (20 * day, vec![done(), job(1, "cancelled", None, Some(20 * day - 9))], 20 * day),
        (20 * day, vec![done(), job(1, "cancelled", None, None)], 20 * day),
    ] {
        let run = run(1, 1, "a", "success", 0, updated);
        let figures = jobs(&run, &listed);
        let mut tracker = RunTracker::restore("o/r", KEEP, &[]);
        let now = T0 + 21 * day * 1_000;
        tracker.observe_newest_page(of(vec![run.clone()]), now);
        tracker.observe_jobs((1, 1), Some(figures), now);
        // It is listed again as before.
        tracker.observe_newest_page(of(vec![run]), now + 60_000);
        let published: Vec<_> =
            tracker.take_changes().batch.rows().map(|(labels, sample)| (labels.name().to_owned(), sample.t - T0, sample.v)).collect();
        let (duration, queue) = ("github_actions_run_duration_seconds".to_owned(), "github_actions_run_queue_seconds".to_owned());
        assert_eq!(published, [(duration, expected * 1_000, expected as f64), (queue, expected * 1_000, 10.0)]);
        assert_eq!(tracker.figures()[&ci()].p50_seconds, Some(expected as f64));
    }
}

/// A list of runs as GitHub pages it: `hidden` of each full page are left out, `within` of them are in one second.
fn read_all(count: usize, within: i64, hidden: usize, cap: usize) -> (RunTracker, usize) {
    let now = T0 + 10_000_000;
    let runs: Vec<WorkflowRun> = (0..count as u64).map(|n| run(n + 1, 1, "a", "success", n as i64 / within, 1)).collect();
    let page = |from: TimestampMs, to: TimestampMs, number: u32| {
        let mut fitting: Vec<WorkflowRun> = runs.iter().filter(|r| (from..=to).contains(&r.created)).cloned().collect();
        fitting.sort_by_key(|run| std::cmp::Reverse(run.order()));
        let total = Some(fitting.len() as u64);
        fitting.truncate(cap);
        let from = PAGE * (number as usize - 1);
        let end = (from + PAGE).min(fitting.len());
        let more = end < fitting.len();
        let mut items = fitting.get(from..end).unwrap_or_default().to_vec();
        if more {
            items.truncate(items.len() - hidden.min(items.len()));
        }
        Page { more, total, ..of(items) }
    };
    let mut tracker = RunTracker::restore("o/r", KEEP, &[]);
    tracker.observe_newest_page(page(0, now, 1), now);
    let mut requests = 1;
    while let Some(gap) = tracker.next_gap() {
        tracker.observe_gap_page(page(gap.from, gap.to, gap.page), now);
        requests += 1;
        assert!(requests < 10_000);
    }
    (tracker, requests)
}

#[test]
fn the_history_is_whole_when_all_of_it_was_read() {
    for (count, within, hidden, cap) in
        [(23, 1, 0, 50), (5, 1, 0, 50), (200, 1, 0, 50), (23, 1, 1, 50), (200, 1, 2, 50), (40, 17, 0, 50), (200, 48, 0, 50)]
    {
        let (tracker, requests) = read_all(count, within, hidden, cap);
        assert!(tracker.is_complete() && !tracker.has_unlisted_runs(), "{count} {within} {hidden}");
        assert_eq!(tracker.records().count(), count, "{count} {within} {hidden}: {requests} requests");
    }
    // More within a second than GitHub gives of any list.
    let (tracker, _) = read_all(80, 70, 0, 50);
    assert!(tracker.has_unlisted_runs() && tracker.records().count() < 80, "{} runs", tracker.records().count());
}

#[test]
fn history_never_ends_after_now() {
    let failed = run(1, 1, "a", "failure", 0, 20);
    let green = WorkflowRun { updated: None, ..run(2, 1, "a", "success", 60, 0) };
    let figures = [&failed, &green].map(|run| jobs(run, &[job(1, "success", Some(5), Some(15))]));
    let now = T0 + 30_000;
    let mut tracker = RunTracker::restore("o/r", KEEP, &[]);
    tracker.observe_newest_page(of(vec![green, failed]), now);
    tracker.observe_jobs((1, 1), Some(figures[0].clone()), now);
    tracker.observe_jobs((2, 1), Some(figures[1].clone()), now);
    tracker.push_samples(now);
    let times = tracker.take_changes().batch.times;
    assert!(!times.is_empty() && times.iter().all(|at| *at <= now), "{times:?}");
}
