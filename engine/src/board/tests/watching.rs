//! What a watcher reports, observation by observation.

use serde_json::json;

use super::{board, life, tasks};
use crate::board::watch::{FAILURE_WINDOW_MS, MAX_GONE_TAGS, MAX_OUTCOMES};
use crate::board::{Board, Counters, Observed, Transition, Watcher};

const NOON: i64 = 43_200;

/// What it shows, a task's status by second, and the durations that follow.
type Life<'a> = (&'a str, &'a [(i64, &'a str)], &'a [f64]);

/// The changes of an observation, as `1 pending → done`.
fn changes(observed: &Observed) -> Vec<String> {
    let line = |t: &Transition| {
        let subtask = t.subtask.as_ref().map(|s| format!(".{s}")).unwrap_or_default();
        format!("{}{subtask} {} → {}", t.task_id, t.from.as_deref().unwrap_or("·"), t.to.as_deref().unwrap_or("·"))
    };
    observed.transitions.iter().map(line).collect()
}

#[test]
fn execution_time_is_time_in_progress_and_in_review() {
    let table: &[Life<'_>] = &[
        ("plain", &[(0, "pending"), (10, "in-progress"), (40, "done")], &[30.0]),
        ("review included", &[(0, "pending"), (10, "in-progress"), (20, "review"), (50, "done")], &[40.0]),
        ("back from review", &[(0, "pending"), (10, "in-progress"), (20, "review"), (30, "in-progress"), (35, "done")], &[25.0]),
        ("pending excluded", &[(0, "pending"), (10, "in-progress"), (20, "pending"), (100, "in-progress"), (103, "done")], &[13.0]),
        ("blocked excluded", &[(0, "pending"), (10, "in-progress"), (20, "blocked"), (90, "in-progress"), (95, "done")], &[15.0]),
        ("done from a status of its own", &[(0, "pending"), (10, "in-progress"), (20, "shipped"), (90, "done")], &[10.0]),
        ("a second round", &[(0, "pending"), (10, "in-progress"), (20, "done"), (30, "in-progress"), (37, "done")], &[10.0, 7.0]),
        ("after a cancelled round", &[(0, "pending"), (10, "in-progress"), (20, "cancelled"), (30, "in-progress"), (31, "done")], &[1.0]),
        (
            "done again without having been started",
            &[(0, "pending"), (10, "in-progress"), (20, "done"), (30, "review"), (40, "done")],
            &[10.0],
        ),
        ("in one observation", &[(0, "pending"), (10, "done")], &[]),
        ("start not seen", &[(0, "in-progress"), (40, "done")], &[]),
        ("start not seen, sent back", &[(0, "in-progress"), (40, "pending"), (50, "in-progress"), (60, "done")], &[]),
        ("the round after that", &[(0, "in-progress"), (40, "done"), (50, "in-progress"), (60, "done")], &[10.0]),
        ("already in review", &[(0, "review"), (40, "done")], &[]),
        ("review without progress seen", &[(0, "pending"), (10, "review"), (40, "done")], &[]),
        ("a clock set back", &[(100, "pending"), (110, "in-progress"), (50, "done")], &[]),
    ];
    for (name, observations, seconds) in table {
        let mut watcher = Watcher::default();
        let seen = life(&mut watcher, observations);
        assert_eq!(seen.iter().flat_map(|o| &o.executions).map(|e| e.seconds).collect::<Vec<_>>(), *seconds, "{name}");
        // What is shown as the last duration is that of the last completion, or nothing.
        let last = seen.iter().rev().find(|o| o.transitions.iter().any(|t| t.to.as_deref() == Some("done")));
        let last = last.and_then(|o| o.executions.first()).map(|e| e.seconds);
        assert_eq!(watcher.last_execution_seconds("master", "1"), last, "{name}");
    }
}

#[test]
fn in_progress_since_is_told_only_where_the_start_was_seen() {
    for (observations, since) in [
        (&[(0, "in-progress")][..], None),
        (&[(0, "pending"), (10, "in-progress")], Some(10_000)),
        (&[(0, "pending"), (10, "in-progress"), (20, "review")], Some(10_000)),
        (&[(0, "in-progress"), (10, "pending"), (20, "in-progress")], Some(20_000)),
        (&[(0, "pending"), (10, "review")], None),
        (&[(0, "pending"), (10, "in-progress"), (20, "done")], None),
    ] {
        let mut watcher = Watcher::default();
        life(&mut watcher, observations);
        assert_eq!(watcher.in_progress_since("master", "1"), since, "{observations:?}");
    }
    assert_eq!(Watcher::default().in_progress_since("master", "1"), None);
}

#[test]
fn reopened_is_done_or_review_left_for_pending_or_in_progress() {
    for (from, to, reopened) in [
        ("done", "pending", true),
        ("done", "in-progress", true),
        ("review", "pending", true),
        ("review", "in-progress", true),
        ("completed", "pending", true),
        ("done", "review", false),
        ("done", "cancelled", false),
        ("done", "deferred", false),
        ("review", "done", false),
        ("in-progress", "pending", false),
        ("cancelled", "pending", false),
        ("blocked", "in-progress", false),
    ] {
        let mut watcher = Watcher::default();
        let seen = life(&mut watcher, &[(0, from), (10, to)]);
        assert_eq!(seen[1].transitions[0].reopened, reopened, "{from} {to}");
        assert_eq!(watcher.counters("master").reopened, u64::from(reopened), "{from} {to}");
    }
}

#[test]
fn the_file_tells_the_time_where_it_can_be_true() {
    // First observation at second 100; then updatedAt before it, updatedAt at the second observation (200), and the time that counts.
    for (before, after, at) in [
        (None, Some(150), 150),
        (None, None, 200),
        (Some(90), Some(150), 150),
        // It did not move.
        (Some(90), Some(90), 200),
        // It comes from the future, or the one before did.
        (None, Some(201), 200),
        (Some(1_000), Some(150), 150),
        // Written before the first observation, on a board that appeared later.
        (Some(50), Some(60), 60),
    ] {
        let mut watcher = Watcher::default();
        watcher.observe(&board(&tasks(&[("1", "pending", before)])), 100_000);
        let observed = watcher.observe(&board(&tasks(&[("1", "in-progress", after)])), 200_000);
        assert_eq!(observed.transitions[0].at_ms, at * 1000, "{before:?} {after:?}");
    }
    // A time that went back, or that is gone, is that of another past.
    for (before, after) in [(Some(90), Some(80)), (Some(90), None), (Some(1_000), Some(95))] {
        let mut watcher = Watcher::default();
        watcher.observe(&board(&tasks(&[("1", "pending", before)])), 100_000);
        let observed = watcher.observe(&board(&tasks(&[("1", "in-progress", after)])), 200_000);
        assert_eq!((observed.transitions, observed.switched.len()), (vec![], 1), "{before:?} {after:?}");
    }
    // Not before what the file said before it, with or without a transition then.
    let mut watcher = Watcher::default();
    for (after, updated, status) in [(100, Some(90), "pending"), (200, Some(180), "pending"), (300, Some(95), "in-progress")] {
        let observed = watcher.observe(&board(&tasks(&[("1", status, updated)])), after * 1000);
        assert!(observed.transitions.iter().all(|t| t.at_ms == 300_000), "{observed:?}");
    }
    // Not before the transition before it.
    let mut watcher = Watcher::default();
    watcher.observe(&board(&tasks(&[("1", "pending", None)])), 100_000);
    watcher.observe(&board(&tasks(&[("1", "in-progress", None)])), 200_000);
    let observed = watcher.observe(&board(&tasks(&[("1", "done", Some(150))])), 300_000);
    assert_eq!((observed.transitions[0].at_ms, observed.executions[0].seconds), (300_000, 100.0));
}

#[test]
fn what_appears_and_goes_is_told_but_is_no_outcome() {
    let mut watcher = Watcher::default();
    watcher.observe(&board(&tasks(&[("1", "pending", None)])), 100_000);
    let came = tasks(&[("1", "pending", None), ("2", "done", Some(40)), ("3", "in-progress", Some(150)), ("4", "cancelled", None)]);
    let observed = watcher.observe(&board(&came), 200_000);
    assert_eq!(changes(&observed), ["3 · → in-progress", "2 · → done", "4 · → cancelled"]);
    // Written before the last observation, and moved here since: it appeared now.
    assert_eq!(observed.transitions.iter().map(|t| t.at_ms).collect::<Vec<_>>(), [150_000, 200_000, 200_000]);
    assert_eq!((watcher.counters("master"), watcher.failure_ratio("master", 200_000)), (Counters::default(), None));
    assert_eq!(watcher.in_progress_since("master", "3"), None);

    let observed = watcher.observe(&board(&tasks(&[("1", "in-progress", None)])), 300_000);
    assert_eq!(changes(&observed), ["1 pending → in-progress", "2 done → ·", "3 in-progress → ·", "4 cancelled → ·"]);
    watcher.observe(&board(&json!([])), 310_000);
    // A task that comes back under its id is another one.
    watcher.observe(&board(&tasks(&[("1", "in-progress", None)])), 320_000);
    let observed = watcher.observe(&board(&tasks(&[("1", "done", None)])), 330_000);
    assert_eq!((changes(&observed), observed.executions.len()), (vec!["1 in-progress → done".to_owned()], 0));
}

#[test]
fn subtasks_are_told_and_never_counted() {
    let with = |subtasks| board(&json!([{"id": 3, "priority": "high", "status": "in-progress", "subtasks": subtasks}]));
    let mut watcher = Watcher::default();
    watcher.observe(&with(json!([{"id": 1, "title": "a"}, {"id": 2, "status": "review", "title": "b"}])), 0);
    let observed =
        watcher.observe(&with(json!([{"id": 2, "status": "pending", "title": "b"}, {"id": 3, "status": "done", "title": "c"}])), 1_000);
    assert_eq!(changes(&observed), ["3.2 review → pending", "3.3 · → done", "3.1 pending → ·"]);
    let reported: Vec<_> = observed.transitions.iter().map(|t| (t.title.as_str(), t.priority.as_str(), t.reopened)).collect();
    assert_eq!(reported, [("b", "high", false), ("c", "high", false), ("a", "high", false)]);
    watcher.observe(&with(json!([{"id": 2, "status": "cancelled"}, {"id": 3, "status": "pending"}])), 2_000);
    assert_eq!((watcher.counters("master"), watcher.failure_ratio("master", 2_000)), (Counters::default(), None));
    // They come and go with their task.
    assert_eq!(changes(&watcher.observe(&board(&json!([])), 3_000)), ["3 in-progress → ·"]);
    assert_eq!(changes(&watcher.observe(&with(json!([{"id": 1}])), 4_000)), ["3 · → in-progress"]);
}

#[test]
fn the_failure_ratio_is_that_of_the_last_day() {
    let mut watcher = Watcher::default();
    life(&mut watcher, &[(0, "pending"), (10, "done"), (20, "in-progress"), (30, "done"), (NOON, "cancelled"), (NOON + 10, "pending")]);
    let ratio = |seconds: i64| watcher.failure_ratio("master", seconds * 1000);
    let day = FAILURE_WINDOW_MS / 1000;
    assert_eq!(ratio(9), None);
    assert_eq!(ratio(10), Some(0.0));
    assert_eq!(ratio(20), Some(1.0 / 2.0));
    assert_eq!(ratio(NOON), Some(2.0 / 4.0));
    assert_eq!(ratio(day + 10), Some(2.0 / 3.0));
    assert_eq!(ratio(day + NOON - 1), Some(1.0));
    assert_eq!(ratio(day + NOON), None);
    assert_eq!(watcher.failure_ratio("elsewhere", 0), None);
    assert_eq!(watcher.counters("master"), Counters { completed: 2, reopened: 1 });
}

#[test]
fn a_tag_that_goes_keeps_its_counters_and_its_failures() {
    let tags = |names: &[&str], status: &str| {
        let tags: serde_json::Map<_, _> =
            names.iter().map(|n| ((*n).to_owned(), json!({"tasks": tasks(&[("1", status, None)])}))).collect();
        Board::parse(json!(tags).to_string().as_bytes(), None).unwrap()
    };
    let mut watcher = Watcher::default();
    watcher.observe(&tags(&["a", "b"], "review"), 0);
    watcher.observe(&tags(&["a", "b"], "pending"), 1_000);
    let gone = watcher.observe(&tags(&["a"], "pending"), 2_000);
    assert_eq!(changes(&gone), ["1 pending → ·"]);
    assert_eq!((watcher.counters("b").reopened, watcher.failure_ratio("b", 2_000)), (1, Some(1.0)));
    let back = watcher.observe(&tags(&["a", "b"], "done"), 3_000);
    assert_eq!(changes(&back), ["1 pending → done", "1 · → done"]);
    assert_eq!(watcher.counters("b"), Counters { completed: 0, reopened: 1 });
    assert_eq!(watcher.counters("a"), Counters { completed: 1, reopened: 1 });
}

#[test]
fn the_memory_is_bounded() {
    let all = |status: &str, at: i64| {
        let tasks: serde_json::Value = (0..1_500).map(|id| json!({"id": id, "status": status, "updatedAt": at})).collect();
        board(&tasks)
    };
    let mut watcher = Watcher::default();
    for round in 0..20i64 {
        watcher.observe(&all(if round % 2 == 0 { "review" } else { "done" }, round * 2), round * 2_000);
        watcher.observe(&all("pending", round * 2 + 1), round * 2_000 + 1_000);
    }
    let size = |watcher: &Watcher| serde_json::to_value(watcher).unwrap()["outcomes"].as_array().unwrap().len();
    assert_eq!(size(&watcher), MAX_OUTCOMES);
    assert_eq!(watcher.counters("master").reopened, 20 * 1_500);
    watcher.observe(&all("pending", 39), 40_000 + FAILURE_WINDOW_MS);
    assert_eq!(size(&watcher), 0);

    let mut watcher = Watcher::default();
    for round in 0..MAX_GONE_TAGS as i64 + 10 {
        for status in ["pending", "done"] {
            let one = json!({format!("tag-{round}"): {"tasks": tasks(&[("1", status, None)])}});
            watcher.observe(&Board::parse(one.to_string().as_bytes(), None).unwrap(), round);
        }
    }
    assert_eq!(serde_json::to_value(&watcher).unwrap()["tags"].as_object().unwrap().len(), MAX_GONE_TAGS + 1);
    assert_eq!((watcher.counters("tag-8").completed, watcher.counters("tag-9").completed), (0, 1));
    // One that is back is gone no more.
    watcher.observe(&Board::parse(br#"{"tag-9":{"tasks":[]}}"#, None).unwrap(), 2_000);
    assert_eq!((watcher.counters("tag-9").completed, watcher.counters("tag-10").completed), (1, 1));
}

#[test]
fn an_unknown_status_is_reported_once() {
    let mut watcher = Watcher::default();
    let seen = life(&mut watcher, &[(0, "odd"), (1, "odd"), (2, "done"), (3, "odder"), (4, "odd")]);
    assert_eq!(seen.iter().map(|o| o.unknown_statuses.join(",")).collect::<Vec<_>>(), ["odd", "", "", "odder", ""]);
}

#[test]
fn a_memory_of_an_older_form_is_taken_up() {
    let watcher: Watcher = serde_json::from_str("{}").unwrap();
    assert_eq!(watcher, Watcher::default());
    assert!(serde_json::from_str::<Watcher>("{\"tags\":5}").is_err());
}

#[test]
fn a_tag_beyond_the_bound_is_left_out_and_neither_gone_nor_removed() {
    let read = |current: &str, status: &str| {
        let tag = |status: &str| json!({"tasks": [{"id": 1, "status": status}]});
        let all = json!({"a": tag("pending"), "b": tag(status), "c": tag("pending"), "empty": {"tasks": []}, "master": {"tasks": []}});
        Board::parse(all.to_string().as_bytes(), Some(current)).unwrap()
    };
    let names = |board: &Board| board.tags.keys().cloned().collect::<Vec<_>>();
    let mut watcher = Watcher::default();
    let mut first = read("b", "pending");
    first.bound_tags(5, |_| false);
    assert!(first.left_out.is_empty() && first.size() == 3);
    first.bound_tags(3, |_| false);
    assert_eq!(names(&first), ["a", "b", "master"], "the one in use, master, then those with tasks");
    watcher.observe(&first, 1_000);
    let mut second = read("c", "done");
    second.bound_tags(3, |tag| first.tags.contains_key(tag));
    assert_eq!((names(&second), second.left_out.len()), (vec!["a".to_owned(), "c".to_owned(), "master".to_owned()], 2));
    let seen = watcher.observe(&second, 2_000);
    assert_eq!(seen.transitions.iter().map(|t| (t.tag.as_str(), t.to.as_deref())).collect::<Vec<_>>(), [("c", Some("pending"))]);
    let mut third = read("b", "done");
    third.bound_tags(3, |tag| second.tags.contains_key(tag));
    let seen = watcher.observe(&third, 3_000);
    assert_eq!(seen.transitions.iter().map(|t| (t.tag.as_str(), t.from.as_deref())).collect::<Vec<_>>(), [("b", Some("pending"))]);
    assert_eq!(watcher.counters("b").completed, 1, "what was known of it was kept");
}

#[test]
fn a_new_tag_is_watched_since_it_is_there() {
    let read = |text: &str| Board::parse(text.as_bytes(), None).unwrap();
    let (task, day) = (r#"{"tasks": [{"id": 1, "status": "pending"}]}"#, 86_400_000);
    let mut watcher = Watcher::default();
    watcher.observe(&read(&format!("{{\"master\": {task}}}")), NOON);
    let both = read(&format!("{{\"master\": {task}, \"new\": {task}}}"));
    watcher.observe(&both, 5 * day);
    watcher.observe(&both, 6 * day);
    let since = |tag: &str| watcher.completions(tag).0;
    assert_eq!((since("master"), since("new")), (Some(NOON), Some(5 * day)));
    // The memory of an earlier version does not know that of its tags.
    let kept = serde_json::to_string(&watcher).unwrap().replace("first_ms", "unknown_field");
    let restored: Watcher = serde_json::from_str(&kept).unwrap();
    assert_eq!(restored.completions("new").0, Some(NOON));
}
