//! The cases of advisors that read what is kept beside samples: runs, moves of tasks, alerts that ended.

use serde_json::json;

use super::cases::{DAY, MINUTE, MONDAY, Series, chance, found_with, gapped, series};
use super::*;
use crate::ci::tracker::{DOCUMENTS as RUNS, RunRecord};
use crate::event::Event;
use crate::store::{DocumentChange, StoreWriter};

const REPO: &str = "octo/site";

/// A run on a branch that began at a minute.
#[derive(Clone, Copy)]
struct Run {
    minute: i64,
    branch: &'static str,
    commit: i64,
    conclusion: &'static str,
    seconds: f64,
    /// Name and seconds of its jobs.
    jobs: &'static [(&'static str, f64)],
}

const GREEN: Run = Run { minute: 0, branch: "main", commit: 0, conclusion: "success", seconds: 600.0, jobs: &[] };

fn document(number: usize, run: Run, charge: Option<f64>) -> DocumentChange {
    let begin = MONDAY + run.minute * MINUTE;
    let end = begin + (run.seconds * 1e3) as i64;
    let job_seconds = if run.jobs.is_empty() { run.seconds } else { run.jobs.iter().map(|job| job.1).sum() };
    let outcome = if run.conclusion == "cancelled" { "cancelled" } else { run.conclusion };
    let jobs: Vec<_> =
        run.jobs.iter().map(|(name, seconds)| json!({"name": name, "outcome": outcome, "count": 1, "seconds": seconds})).collect();
    let event = if run.branch == "main" { "push" } else { "pull_request" };
    let record: RunRecord = serde_json::from_value(json!({
        "id": number + 1, "attempt": 1, "workflow_id": 1, "path": ".github/workflows/test.yml", "name": "test", "status": "completed",
        "conclusion": run.conclusion, "branch": run.branch, "sha": format!("{:08x}c0ffee", run.commit), "event": event, "number": number,
        "title": format!("Change {}", run.commit), "url": "", "fork": false, "created": begin, "started": begin, "updated": end,
        "committed": null, "at": end, "live": true, "jobs_known": true, "queue": null, "job_seconds": job_seconds, "jobs": jobs,
        "charge": charge.map(|amount| json!({"amount": amount, "currency": "USD"}))
    }))
    .unwrap();
    (format!("{REPO}/{:020}.1", number + 1), Some(serde_json::to_vec(&record).unwrap()))
}

/// What is found in a history of these days with these runs.
fn of_runs(days: i64, runs: &[Run]) -> Vec<Finding> {
    of_priced_runs(days, runs, |_| None)
}

/// The same where runs cost something.
fn of_priced_runs(days: i64, runs: &[Run], charge: impl Fn(usize) -> Option<f64>) -> Vec<Finding> {
    let mut documents: Vec<DocumentChange> = runs.iter().enumerate().map(|(number, run)| document(number, *run, charge(number))).collect();
    documents.push((
        REPO.to_owned(),
        Some(br##"{"format": 2, "names": {"#1": {"listed": "test", "path": ".github/workflows/test.yml"}}}"##.to_vec()),
    ));
    found_with(days * DAY, DAY, &[], |store| store.change_documents(RUNS, documents).unwrap())
}

fn names(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|finding| finding.id.as_str()).collect()
}

/// A green run each four hours, each of a commit of its own, as changed.
fn each_four_hours(days: i64, changed: impl Fn(i64, &mut Run)) -> Vec<Run> {
    let run = |number: i64| {
        let mut run = Run { minute: number * 240, commit: number, seconds: 600.0 * (0.9 + 0.2 * chance(number)), ..GREEN };
        changed(number, &mut run);
        run
    };
    (0..days * 6 - 1).map(run).collect()
}

#[test]
fn a_workflow_that_broke_is_named_with_the_last_green_and_the_first_red_commit() {
    let red_since = |first: i64| {
        move |number: i64, run: &mut Run| {
            if number >= first {
                run.conclusion = "failure";
                run.jobs = if number % 2 == 0 { &[("lint", 60.0), ("unit", 90.0)][..] } else { &[("unit", 80.0)] };
            }
        }
    };
    let found = of_runs(7, &each_four_hours(7, red_since(38)));
    assert_eq!(names(&found), ["ci_broken:octo/site:test"]);
    let why = &found[0].why;
    for part in [
        "last green run on main was of 00000025 (Change 37)",
        "first red one was of 00000026 (Change 38)",
        "all 3 runs since",
        "failed: unit.",
    ] {
        assert!(why.contains(part), "{why}");
    }
    assert_eq!(names(&of_runs(7, &each_four_hours(7, red_since(40)))), [""; 0], "one red run");
    let often_red = |number: i64, run: &mut Run| run.conclusion = if number % 3 == 0 || number >= 38 { "failure" } else { "success" };
    assert_eq!(names(&of_runs(7, &each_four_hours(7, often_red))), [""; 0], "three in a row are usual for it");
    let twice = |number: i64, run: &mut Run| run.conclusion = if number % 20 == 5 || number >= 39 { "failure" } else { "success" };
    assert_eq!(names(&of_runs(7, &each_four_hours(7, twice))), [""; 0], "one in twenty fails, and now two did");
    let flaky = |number: i64, run: &mut Run| {
        if number >= 38 {
            (run.commit, run.conclusion) = (37 + (number - 38) / 3, "failure");
        }
    };
    assert_eq!(names(&of_runs(7, &each_four_hours(7, flaky))), [""; 0], "a commit that was green as well is flaky");
    let on_a_branch = |number: i64, run: &mut Run| {
        if number >= 38 {
            (run.branch, run.conclusion) = ("idea", "failure");
        }
    };
    assert_eq!(names(&of_runs(7, &each_four_hours(7, on_a_branch))), [""; 0], "what fails on a branch of its own is no news");
}

#[test]
fn of_the_runs_only_what_changed_is_read_again_and_all_is_found_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let now = MONDAY + 8 * DAY * MINUTE;
    let store = StoreWriter::open(dir.path(), crate::store::StoreOptions::default(), now).unwrap();
    let names = |repo: &str| (repo.to_owned(), Some(br##"{"format": 2, "names": {"#1": {"listed": "test", "path": "x"}}}"##.to_vec()));
    let runs = each_four_hours(7, |_, _| {});
    let mut documents: Vec<DocumentChange> = runs.iter().enumerate().map(|(number, run)| document(number, *run, None)).collect();
    documents.push(names(REPO));
    let count = documents.len() as u64;
    store.change_documents(RUNS, documents).unwrap();
    let mut known = Runs::default();
    let mut look = |now: TimestampMs| {
        let before = known.documents_read();
        let found = assess_again(&store, &Money::default(), &mut known, &BTreeSet::new(), Horizon::Day, now).unwrap();
        assert_eq!(found, assess(&store, &Money::default(), Horizon::Day, now).unwrap(), "the same as of who knows nothing");
        (found.findings.len(), known.documents_read() - before)
    };
    assert_eq!(look(now), (0, count));
    assert_eq!(look(now + 60_000), (0, 0), "nothing changed");
    // Three red runs, and one that ends later than now.
    let red = |number: i64| {
        document(100 + number as usize, Run { minute: 7 * DAY + number * 500, commit: 100 + number, conclusion: "failure", ..GREEN }, None)
    };
    store.change_documents(RUNS, (0..4).map(red).collect()).unwrap();
    assert_eq!(look(now), (1, 4));
    assert_eq!(look(now), (1, 0));
    // A green one takes its place, and is gone again.
    let green = document(103, Run { minute: 7 * DAY + 1_300, commit: 103, ..GREEN }, None);
    store.change_documents(RUNS, vec![green.clone()]).unwrap();
    assert_eq!(look(now), (0, 1));
    store.change_documents(RUNS, vec![(green.0, None)]).unwrap();
    assert_eq!(look(now), (1, 1));
    // Of a repository that was not known all is read.
    store.change_documents(RUNS, vec![names("octo/other")]).unwrap();
    assert_eq!(look(now), (1, count + 4));
    store.change_documents(RUNS, vec![("octo/other".to_owned(), None)]).unwrap();
    assert_eq!(look(now), (1, 1));
}

#[test]
fn a_step_in_the_time_of_runs_is_named_with_its_commit_and_a_slow_rise_is_not() {
    let step = |factor: f64| {
        move |number: i64, run: &mut Run| {
            if number >= 100 {
                run.seconds *= factor
            }
        }
    };
    let found = of_runs(24, &each_four_hours(24, step(1.6)));
    assert_eq!(names(&found), ["ci_shifted:octo/site:test"]);
    assert!(found[0].title.ends_with("takes longer since 00000064"), "{}", found[0].title);
    assert!(found[0].why.contains("since 00000064 (Change 100)"), "{}", found[0].why);
    let moment = found[0].evidence.iter().find(|e| e.unit == "time").unwrap();
    let ago = found[0].end as f64 / 3.6e6 - moment.value / 3_600.0;
    assert!((ago - 44.0 * 4.0).abs() < 12.0, "charts mark where the step is: {ago} h ago");
    let ratio = &found[0].evidence[0];
    assert!(ratio.low.unwrap() < 1.6 && ratio.high.unwrap() > 1.6 && (ratio.value - 1.6).abs() < 0.1, "{ratio:?}");
    assert_eq!(names(&of_runs(24, &each_four_hours(24, step(1.0)))), [""; 0]);
    assert_eq!(names(&of_runs(24, &each_four_hours(24, step(0.6)))), [""; 0], "faster");
    let wanders = |number: i64, run: &mut Run| run.seconds *= 1.0 + 0.3 * (number as f64 / 25.0).sin();
    assert_eq!(names(&of_runs(24, &each_four_hours(24, wanders))), [""; 0]);
    let back = |number: i64, run: &mut Run| {
        if (60..100).contains(&number) {
            run.seconds *= 2.0
        }
    };
    assert_eq!(names(&of_runs(24, &each_four_hours(24, back))), [""; 0], "it is over");
}

#[test]
fn runs_that_a_time_limit_ends_are_named() {
    let timed_out = |every: i64| {
        move |number: i64, run: &mut Run| {
            if number % every == 0 {
                (run.conclusion, run.seconds) = ("timed_out", 3_600.0);
            }
        }
    };
    let found = of_runs(7, &each_four_hours(7, timed_out(10)));
    assert_eq!(names(&found), ["ci_timed_out:octo/site:test"]);
    assert!(found[0].action.starts_with("Find what hangs"), "{}", found[0].action);
    assert_eq!(names(&of_runs(7, &each_four_hours(7, timed_out(30)))), [""; 0], "twice in a week");
}

#[test]
fn a_job_that_decides_how_long_runs_take_is_named() {
    let with = |jobs: &'static [(&'static str, f64)]| move |_: i64, run: &mut Run| (run.jobs, run.seconds) = (jobs, 1_000.0);
    let found = of_runs(7, &each_four_hours(7, with(&[("e2e", 900.0), ("unit", 200.0), ("lint", 50.0)])));
    assert_eq!(names(&found), ["ci_one_job:octo/site:test"]);
    assert!(
        found[0].evidence.iter().any(|e| e.name.starts_with("shorter if") && (e.value - 450.0).abs() < 1e-9),
        "{:?}",
        found[0].evidence
    );
    assert_eq!(names(&of_runs(7, &each_four_hours(7, with(&[("e2e", 900.0), ("unit", 800.0)])))), [""; 0], "another is nearly as long");
    assert_eq!(
        names(&of_runs(7, &each_four_hours(7, with(&[("build", 500.0), ("unit", 100.0)])))),
        [""; 0],
        "they run one after the other"
    );
}

#[test]
fn runs_for_commits_that_were_replaced_are_named() {
    // Two pushes to a branch within three minutes, each day three times.
    let pushed_again = |conclusion: &'static str, branch: &'static str| {
        let mut runs = each_four_hours(7, |_, _| {});
        for number in 0..21 {
            let first = Run { minute: number * 480 + 10, branch, commit: 1_000 + number, conclusion, seconds: 1_800.0, jobs: &[] };
            runs.extend([first, Run { minute: first.minute + 3, commit: 2_000 + number, conclusion: "success", ..first }]);
        }
        runs
    };
    assert_eq!(names(&of_runs(7, &pushed_again("success", "idea"))), ["ci_superseded:octo/site:test"]);
    assert_eq!(names(&of_runs(7, &pushed_again("cancelled", "idea"))), [""; 0], "they were ended");
    // The time after the newer push costs its share of what all runs cost.
    let paid = of_priced_runs(7, &pushed_again("success", "idea"), |_| Some(1.0));
    let figure = |name: &str| paid[0].evidence.iter().find(|e| e.name == name).map(|e| e.value).unwrap();
    let all = figure("job time after the newer push") / figure("share of all job time");
    let runs = f64::from(7 * 6 - 1 + 2 * 21);
    let expected = runs / all * figure("job time after the newer push");
    assert!((figure("cost of that time, USD") - expected).abs() < 0.05 * expected, "{:?}", paid[0].evidence);
    assert!(paid[0].why.contains("That time cost about"), "{}", paid[0].why);
    assert_eq!(names(&of_runs(7, &pushed_again("success", "main"))), [""; 0], "each commit of the main branch is wanted");
}

#[test]
fn what_runs_cost_is_said_where_all_of_a_week_have_a_price() {
    let with = |jobs: &'static [(&'static str, f64)]| move |_: i64, run: &mut Run| (run.jobs, run.seconds) = (jobs, 1_000.0);
    let runs = each_four_hours(9, with(&[("e2e", 900.0), ("unit", 200.0), ("lint", 50.0)]));
    let said = |charge: &dyn Fn(usize) -> Option<f64>| {
        let found = of_priced_runs(9, &runs, charge);
        assert_eq!(names(&found), ["ci_one_job:octo/site:test"]);
        let figure = found[0].evidence.iter().find(|e| e.name == "cost of its runs of the last week, USD").map(|e| e.value);
        (figure, found[0].why.contains("by the prices of the settings"))
    };
    // A run each four hours of seven days; the one at the begin of the week has just left it, the newest one has not ended.
    let (cost, is_said) = said(&|_| Some(0.5));
    assert!(is_said && cost.is_some_and(|cost| (20.0..=21.5).contains(&cost)), "{cost:?}");
    assert_eq!(said(&|_| None), (None, false), "no price is set");
    assert_eq!(said(&|number| (number != 50).then_some(0.5)), (None, false), "one run has a runner without a price");
    assert!(said(&|number| (number > 11).then_some(0.5)).1, "those before have none, and do not matter");
}

/// A move of a task on a board.
fn moved(minute: i64, task: &str, from: &str, to: &str, reopened: bool) -> Event {
    let data = json!({"project": "app", "tag": "master", "title": "", "from": from, "to": to, "reopened": reopened});
    Event::new(MONDAY + minute * MINUTE, "taskmaster", "task_status", task, format!("task {task} {from} → {to}")).with_data(data)
}

/// A task for each working day, begun at ten and done so many minutes later.
fn working_days(days: i64, minutes: impl Fn(i64) -> i64) -> Vec<Event> {
    let of = |day: i64| {
        let (begin, task) = (day * DAY + 600, day.to_string());
        [moved(begin, &task, "pending", "in-progress", false), moved(begin + minutes(day), &task, "in-progress", "done", false)]
    };
    (0..days).filter(|day| day % 7 < 5).flat_map(of).collect()
}

fn of_moves(minutes: i64, events: &[Event], all: &[Series]) -> Vec<Finding> {
    found_with(minutes, 60, all, |store: &StoreWriter| drop(store.add_events(events).unwrap()))
}

#[test]
fn a_task_that_takes_far_longer_than_others_is_stuck_and_a_weekend_is_no_delay() {
    let with_one_since = |day: i64| {
        let mut events = working_days(26, |day| 120 + 10 * (day % 7));
        events.push(moved(day * DAY + 660, "stuck", "pending", "in-progress", false));
        events
    };
    let found = of_moves(25 * DAY + 1_000, &with_one_since(15), &[]);
    assert_eq!(names(&found), ["task_stuck:app:master"]);
    assert!(found[0].why.contains("stuck ("), "{}", found[0].why);
    // Since Friday at eleven; it is Monday, eleven o'clock.
    assert_eq!(names(&of_moves(21 * DAY + 660, &with_one_since(18), &[])), [""; 0]);
    assert_eq!(names(&of_moves(25 * DAY + 1_000, &working_days(26, |_| 120), &[])), [""; 0], "nothing is left open");
}

#[test]
fn a_task_that_keeps_coming_back_is_named() {
    let back = |times: i64| {
        (0..times)
            .flat_map(|n| {
                [moved(n * 600 + 60, "7", "in-progress", "review", false), moved(n * 600 + 120, "7", "review", "in-progress", true)]
            })
            .collect::<Vec<Event>>()
    };
    assert_eq!(names(&of_moves(5 * DAY, &back(4), &[])), ["task_bounces:app:master"]);
    assert_eq!(names(&of_moves(5 * DAY, &back(2), &[])), [""; 0]);
}

#[test]
fn a_task_that_costs_far_more_than_others_is_named() {
    // A dollar an hour while somebody works, and much more while task 22 is in progress.
    let money = |much: f64| -> Vec<Series> {
        let at_work = |m: i64| (m / DAY % 7 < 5 && (600..720).contains(&(m % DAY))).then_some(m / DAY);
        let spent = move |m: i64| {
            (0..=m / 60).filter_map(|hour| at_work(hour * 60)).map(|day| if day == 22 { much } else { 0.7 + 0.6 * chance(day) }).sum()
        };
        vec![series("claude_code_cost_usage_USD_total", spent)]
    };
    let found = of_moves(24 * DAY, &working_days(24, |_| 125), &money(30.0));
    assert_eq!(names(&found), ["task_cost:app:master:22"]);
    assert_eq!(names(&of_moves(24 * DAY, &working_days(24, |_| 125), &money(1.0))), [""; 0]);
    // One that was left in progress has a share of all that others cost, and is stuck, not dear.
    let mut events = working_days(26, |_| 125);
    events.push(moved(3 * DAY + 590, "left", "pending", "in-progress", false));
    assert_eq!(names(&of_moves(25 * DAY + 1_000, &events, &money(1.0))), ["task_stuck:app:master"]);
}

#[test]
fn a_new_kind_of_error_that_goes_on_is_named() {
    let now = MONDAY + DAY * MINUTE;
    let kept = |level: &str, lines: u64, is_news: bool, since: i64, until: i64| {
        let template = json!({
            "id": "00000000000000aa", "service": "web", "level": level, "words": ["disk", "<*>", "full"], "lines": lines,
            "first_seen": now - since * MINUTE, "last_seen": now - until * MINUTE, "example": {"at": now, "text": "disk 1 full"},
            "minutes": [], "is_news": is_news
        });
        let changes = vec![("00000000000000aa".to_owned(), Some(template.to_string().into_bytes()))];
        let count = series("taskpulse_logs_templates", |_| 1.0);
        found_with(DAY, 60, &[count], |store| store.change_documents(crate::logs::templates::DOCUMENTS, changes).unwrap())
    };
    let found = kept("error", 312, true, 300, 5);
    assert_eq!(names(&found), ["log_errors:00000000000000aa"]);
    assert!(found[0].why.contains("web said it 312 times, and never before: disk <*> full"), "{}", found[0].why);
    assert_eq!(names(&kept("error", 19, true, 300, 5)), [""; 0], "a few");
    assert_eq!(names(&kept("warn", 312, true, 300, 5)), [""; 0], "a warning");
    assert_eq!(names(&kept("error", 312, false, 300, 5)), [""; 0], "it was there before its service was known");
    assert_eq!(names(&kept("error", 312, true, 1_500, 5)), [""; 0], "it is no longer new");
    assert_eq!(names(&kept("error", 312, true, 300, 90)), [""; 0], "it is over");
}

#[test]
fn rules_that_fire_often_for_nothing_are_named() {
    let ended = |count: i64, lasted: i64, acknowledged: bool| {
        let alert = |n: i64| {
            let from = MONDAY + n * 200 * MINUTE;
            let alert = json!({
                "id": format!("{n}"), "rule": "hot_disk", "severity": "warning", "state": "resolved", "metric": {"__name__": "heat"}, "value": 1.0,
                "op": ">", "threshold": 0.0, "hold_ms": 0, "cooldown_ms": 0, "pending_since": from, "firing_since": from,
                "resolved_at": from + lasted, "last_sample": from + lasted, "summary": "",
                "acked_at": (acknowledged && n == 3).then_some(from), "reason": null
            });
            (format!("{n:020}"), Some(alert.to_string().into_bytes()))
        };
        let changes: Vec<DocumentChange> = (0..count).map(alert).collect();
        let quiet = gapped("taskpulse_alerts{state=\"firing\"}", |_| Some(0.0));
        found_with(7 * DAY, DAY, &[quiet], |store| store.change_documents(crate::rules::ENDED, changes).unwrap())
    };
    assert_eq!(names(&ended(40, 30_000, false)), ["alert_noise:hot_disk"]);
    assert_eq!(names(&ended(40, 30_000, true)), [""; 0], "somebody acknowledged one");
    assert_eq!(names(&ended(40, 600_000, false)), [""; 0], "they lasted");
    assert_eq!(names(&ended(5, 30_000, false)), [""; 0], "a few");
}
