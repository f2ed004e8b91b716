//! The cases of tasks against their complexity, and of the task for which most others wait.

use serde_json::json;

use super::*;
use crate::event::Event;

fn moved(minute: i64, task: &str, to: &str, complexity: Option<f64>) -> Event {
    let mut data = json!({"project": "app", "tag": "master", "title": "", "from": "pending", "to": to, "reopened": false});
    if let Some(score) = complexity {
        data["complexity"] = json!(score);
    }
    Event::new(MONDAY + minute * MINUTE, "taskmaster", "task_status", task, format!("task {task} → {to}")).with_data(data)
}

/// Four weeks of three small tasks a working day and, where wanted, a large one twice a week; something moves in each hour of the office.
fn four_weeks(known: bool, large: bool) -> Vec<Event> {
    let mut events = Vec::new();
    let mut done = |begin: i64, minutes: i64, score: f64| {
        let task = begin.to_string();
        let score = known.then_some(score);
        events.extend([moved(begin, &task, "in-progress", score), moved(begin + minutes, &task, "done", score)]);
    };
    for day in (0..28).filter(|day| day % 7 < 5) {
        let at = |hour: i64| day * DAY + hour * 60;
        for hour in [9, 11, 13] {
            done(at(hour), 30 + (20.0 * chance(at(hour))) as i64, 2.0);
        }
        if large && day % 7 < 2 {
            done(at(9) + 1, 420 + (90.0 * chance(day)) as i64, 9.0);
        }
    }
    let hours = (0..28).filter(|day| day % 7 < 5).flat_map(|day| (9..18).map(move |hour| day * DAY + hour * 60 + 1));
    events.extend(hours.map(|minute| moved(minute, "rest", "deferred", None)));
    events.sort_by_key(|event| event.at);
    events
}

/// What is found on the last Friday at 18:00, with a task in progress since so many hours of work.
fn with_open(known: bool, large: bool, hours: i64, score: Option<f64>) -> Vec<Finding> {
    let now = 25 * DAY + 18 * 60;
    let begin = if hours > 9 { 24 * DAY + (27 - hours) * 60 } else { now - hours * 60 };
    let mut events: Vec<Event> = four_weeks(known, large).into_iter().filter(|event| event.at < MONDAY + now * MINUTE).collect();
    events.push(moved(begin, "open", "in-progress", score));
    found_with(now, 60, &[], |store| drop(store.add_events(&events).unwrap()))
}

fn named(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|finding| finding.id.as_str()).collect()
}

#[test]
fn a_task_far_over_its_complexity_is_named_and_a_complex_one_is_not() {
    let found = with_open(true, true, 5, Some(2.0));
    assert_eq!(named(&found), ["task_over_complexity:app:master"]);
    assert!(found[0].why.contains("open (complexity 2) has taken 5 h, where "), "{}", found[0].why);
    let typical = found[0].evidence.iter().find(|one| one.name == "typical time for complexity 2").unwrap().value;
    assert!((1_800.0..3_000.0).contains(&typical), "{typical}");
    assert_eq!(named(&with_open(true, true, 5, Some(9.0))), [""; 0], "such tasks take a day");
    assert_eq!(named(&with_open(true, true, 1, Some(2.0))), [""; 0], "an hour");
    assert_eq!(named(&with_open(true, true, 5, None)), [""; 0], "how complex it is is not known");
    assert_eq!(named(&with_open(false, true, 5, Some(2.0))), [""; 0], "nor of those that are done");
    assert_eq!(named(&with_open(true, false, 5, Some(9.0))), [""; 0], "no task like it is done");
}

#[test]
fn a_task_that_is_as_complex_as_it_is_long_is_not_stuck() {
    // Of 60 tasks 95 % are small: more than eight hours are far longer than those took.
    assert_eq!(named(&with_open(true, false, 10, Some(2.0))), ["task_stuck:app:master"]);
    assert_eq!(named(&with_open(true, true, 10, Some(2.0))), ["task_over_complexity:app:master"], "large ones take as long");
    let few_large = |score: Option<f64>| {
        let now = 25 * DAY + 18 * 60;
        let mut events: Vec<Event> = four_weeks(true, false);
        events.extend([moved(7 * DAY + 541, "large", "in-progress", Some(9.0)), moved(7 * DAY + 541 + 500, "large", "done", Some(9.0))]);
        events
            .extend([moved(14 * DAY + 541, "second", "in-progress", Some(9.0)), moved(14 * DAY + 541 + 440, "second", "done", Some(9.0))]);
        events.push(moved(24 * DAY + 17 * 60, "open", "in-progress", score));
        events.retain(|event| event.at < MONDAY + now * MINUTE);
        events.sort_by_key(|event| event.at);
        found_with(now, 60, &[], |store| drop(store.add_events(&events).unwrap()))
    };
    assert_eq!(named(&few_large(None)), ["task_stuck:app:master"]);
    assert_eq!(named(&few_large(Some(9.0))), [""; 0], "two others of its complexity took eight hours");
}

#[test]
fn the_task_for_which_most_others_wait_is_named_while_nobody_works_on_it() {
    let minutes = 3 * DAY;
    let with = |task_status: &str, waiting: f64, since: i64, at_work: f64| {
        let of = |metric: &str, value: f64| {
            let labels = format!("{metric}{{project=\"app\",tag=\"master\",task=\"12\",status={task_status:?}}}");
            gapped(&labels, move |minute| (minute >= since).then_some(value))
        };
        let second = board("taskmaster_task_dependents", ",task=\"3\",status=\"pending\"", |_| 2.0);
        let all = [
            of("taskmaster_task_dependents", waiting),
            of("taskmaster_task_chain_tasks", 6.0),
            second,
            board("taskmaster_critical_path_tasks", "", |_| 6.0),
            status("pending", |_| 18.0),
            status("in-progress", move |_| at_work),
            status("done", |minute| (minute / 200) as f64),
        ];
        found(minutes, 10, &all)
    };
    let found = with("pending", 11.0, 0, 2.0);
    assert_eq!(named(&found), ["unblocks_most:app:master"]);
    assert_eq!(found[0].title, "11 tasks of app, master wait for task 12");
    assert!(
        found[0].why.contains("11 of 20 open tasks wait for 12")
            && found[0].why.contains("The longest chain of the board, 6 tasks, begins with it"),
        "{}",
        found[0].why
    );
    assert!(with("review", 11.0, 0, 2.0)[0].action.starts_with("Review 12 first"));
    assert_eq!(named(&with("in-progress", 11.0, 0, 2.0)), [""; 0], "somebody works on it");
    assert_eq!(named(&with("pending", 4.0, 0, 2.0)), [""; 0], "a few");
    assert_eq!(named(&with("pending", 11.0, minutes - 300, 2.0)), [""; 0], "since this morning");
    assert_eq!(named(&with("pending", 11.0, 0, 0.0)), [""; 0], "nobody works on anything");
}
