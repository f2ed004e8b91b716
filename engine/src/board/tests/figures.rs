//! Counts, ready tasks, chains and cycles.

use serde_json::{Value, json};

use super::{board, figures};
use crate::board::{Board, Figures};
use crate::fuzz::cpu_time;

#[test]
fn completion_leaves_out_what_was_cancelled() {
    for (statuses, ratio) in [
        (&[][..], None),
        (&["cancelled", "cancelled"], None),
        (&["pending"], Some(0.0)),
        (&["done", "cancelled"], Some(1.0)),
        (&["done", "completed", "review", "odd", "cancelled"], Some(0.5)),
    ] {
        let tasks: Value = statuses.iter().enumerate().map(|(id, status)| json!({"id": id, "status": status})).collect();
        assert_eq!(Figures::of(&board(&tasks).tags["master"]).completion_ratio, ratio, "{statuses:?}");
    }
}

#[test]
fn ready_is_pending_with_every_dependency_done() {
    for (status, dependencies, ready) in [
        ("pending", &[][..], true),
        ("pending", &["done"], true),
        ("pending", &["done", "done", "done"], true),
        ("pending", &["done", "review"], false),
        ("pending", &["cancelled"], false),
        ("pending", &["nowhere"], false),
        ("pending", &["p.1"], true),
        ("pending", &["p.2"], false),
        ("pending", &["p.9"], false),
        ("pending", &["done."], false),
        ("pending", &["x"], false),
        ("blocked", &["done"], false),
        ("in-progress", &[], false),
    ] {
        let tasks = json!([
            {"id": "done", "status": "done"}, {"id": "review", "status": "review"}, {"id": "cancelled", "status": "cancelled"},
            {"id": "p", "status": "in-progress", "subtasks": [{"id": 1, "status": "done"}, {"id": 2}]},
            {"id": "x", "status": status, "dependencies": dependencies},
        ]);
        let figures = Figures::of(&board(&tasks).tags["master"]);
        assert_eq!(figures.ready_ids, if ready { vec!["x"] } else { vec![] }, "{status} {dependencies:?}");
        assert_eq!(figures.ready_tasks, u64::from(ready));
    }
}

#[test]
fn the_critical_path_is_the_longest_chain_of_unfinished_tasks() {
    let length = |of: &[(&str, &str, &[&str])]| figures(of).critical_path_tasks;
    assert_eq!(length(&[]), Some(0));
    assert_eq!(length(&[("1", "done", &[]), ("2", "cancelled", &["1"])]), Some(0));
    assert_eq!(
        length(&[("1", "pending", &[]), ("2", "pending", &["1"]), ("3", "pending", &["2", "1", "1"]), ("4", "pending", &[])]),
        Some(3)
    );
    // What is finished ends a chain; what is blocked, deferred or unknown does not.
    assert_eq!(length(&[("1", "pending", &[]), ("2", "done", &["1"]), ("3", "pending", &["2"])]), Some(1));
    assert_eq!(length(&[("1", "blocked", &[]), ("2", "deferred", &["1"]), ("3", "odd", &["2"])]), Some(3));
    // The order of the file does not matter, nor do dependencies on nothing.
    assert_eq!(length(&[("3", "pending", &["2", "99"]), ("2", "pending", &["1", "1.5"]), ("1", "pending", &[])]), Some(3));
}

#[test]
fn a_subtask_stands_for_its_task_in_a_chain() {
    let path = |own: &[&str], status: &str| {
        let tasks = json!([{"id": 1, "dependencies": own, "subtasks": [{"id": 1, "status": status}]}, {"id": 2, "dependencies": ["1.1"]}]);
        let figures = Figures::of(&board(&tasks).tags["master"]);
        (figures.critical_path_tasks, figures.cycle)
    };
    assert_eq!(path(&[], "pending"), (Some(2), None));
    assert_eq!(path(&[], "done"), (Some(1), None));
    assert_eq!(path(&["1.1"], "pending"), (Some(2), None));
    // The subtask can be done first, then 2, then the rest of 1.
    assert_eq!(path(&["2"], "pending"), (Some(2), None));
}

#[test]
fn dependencies_on_subtasks_go_around_without_being_a_cycle() {
    let sub = |id: u32| json!({"id": id, "status": "pending"});
    let task = |id: u32, before: &[&str]| json!({"id": id, "dependencies": before, "subtasks": [sub(1), sub(2)]});
    for (tasks, path, cycle) in [
        // Each waits for a part of the other.
        (vec![task(1, &["2.1"]), task(2, &["1.1"])], Some(2), None),
        (vec![task(1, &["2.1"]), task(2, &["3.1"]), task(3, &["1.2"])], Some(2), None),
        (vec![task(1, &["2.1"]), task(2, &["1.1"]), task(3, &["1"]), task(4, &["3.1"])], Some(4), None),
        // Whole tasks that wait for each other are one, whatever their subtasks wait for.
        (vec![task(1, &["2", "2.1"]), task(2, &["1"])], None, Some(vec!["1", "2", "1"])),
        (vec![task(1, &["2.1"]), task(2, &["1.1"]), task(3, &["4"]), task(4, &["3"])], None, Some(vec!["3", "4", "3"])),
    ] {
        let figures = Figures::of(&board(&json!(tasks)).tags["master"]);
        let cycle: Option<Vec<String>> = cycle.map(|ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect());
        assert_eq!((figures.critical_path_tasks, figures.cycle), (path, cycle), "{tasks:?}");
    }
    // What subtasks wait for themselves: 1.1 for 2.1 and 2.2 for 1.2.
    let crosswise = json!([
        {"id": 1, "subtasks": [{"id": 1, "dependencies": ["2.1"]}, {"id": 2}]},
        {"id": 2, "subtasks": [{"id": 1}, {"id": 2, "dependencies": ["1.2"]}]},
    ]);
    let figures = Figures::of(&board(&crosswise).tags["master"]);
    assert_eq!((figures.critical_path_tasks, figures.cycle, figures.ready_tasks), (Some(1), None, 2));
}

#[test]
fn thousands_of_dependencies_that_go_around_through_subtasks_take_no_time() {
    let tasks: Vec<Value> = (0..5_000)
        .map(|id| json!({"id": id, "dependencies": (1..=5).map(|n| format!("{}.1", (id + n) % 5_000)).collect::<Vec<_>>(), "subtasks": [{"id": 1}]}))
        .collect();
    let board = board(&json!(tasks));
    let start = cpu_time();
    let figures = Figures::of(&board.tags["master"]);
    assert_eq!(figures.cycle, None);
    let took = cpu_time() - start;
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_cycle_is_reported_and_not_followed() {
    for (edges, cycle) in [
        (&[("1", "pending", &["1"][..])][..], &["1", "1"][..]),
        (&[("1", "pending", &["2"]), ("2", "review", &["1"])], &["1", "2", "1"]),
        // Found from what only hangs on it; told from the file's first.
        (
            &[
                ("0", "pending", &["3"]),
                ("1", "pending", &["3"]),
                ("2", "pending", &["1"]),
                ("3", "pending", &["2", "9"]),
                ("9", "pending", &[]),
            ],
            &["1", "3", "2", "1"],
        ),
    ] {
        let figures = figures(edges);
        assert_eq!(figures.cycle.as_deref().unwrap(), cycle);
        assert_eq!(figures.critical_path_tasks, None);
    }
    // Once a task of it is finished, it holds nothing up.
    let over = figures(&[("1", "done", &["2"]), ("2", "pending", &["1"])]);
    assert_eq!((over.cycle, over.critical_path_tasks, over.ready_tasks), (None, Some(1), 1));
}

#[test]
fn five_thousand_tasks_in_one_chain_or_cycle_take_no_stack() {
    for cyclic in [false, true] {
        let before = |id: usize| if id > 0 || cyclic { vec![(id + 4_999) % 5_000] } else { vec![] };
        let tasks: Value = (0..5_000).map(|id| json!({"id": id, "dependencies": before(id)})).collect();
        let figures = Figures::of(&board(&tasks).tags["master"]);
        assert_eq!(figures.critical_path_tasks, (!cyclic).then_some(5_000));
        assert_eq!(figures.cycle.map(|c| c.len()), cyclic.then_some(5_001));
    }
}

#[test]
fn five_thousand_tasks_are_read_and_counted_at_once() {
    let text = "What is to be done, and how it is known to be done. ".repeat(8);
    let subtask =
        |id: usize| json!({"id": id, "title": "A part", "status": "done", "details": text, "updatedAt": "2026-11-23T21:07:42.821Z"});
    let task = |id: usize| {
        json!({
            "id": id, "title": format!("Task {id}"), "description": text, "details": text, "testStrategy": "", "priority": "high",
            "status": if id.is_multiple_of(2) { "done" } else { "pending" }, "dependencies": (id.saturating_sub(8)..id).collect::<Vec<_>>(),
            "subtasks": [subtask(1), subtask(2)], "updatedAt": "2026-11-23T21:07:42.821Z",
        })
    };
    let file = json!({"master": {"tasks": (0..5_000).map(task).collect::<Value>()}}).to_string();
    let start = cpu_time();
    let board = Board::parse(file.as_bytes(), None).unwrap();
    let parsed = cpu_time() - start;
    let figures = Figures::of(&board.tags["master"]);
    let counted = cpu_time() - start - parsed;
    println!("{} bytes: read in {parsed:?}, counted in {counted:?}", file.len());
    assert_eq!((figures.queue_depth, figures.subtasks["done"], figures.critical_path_tasks), (2_500, 10_000, Some(2_500)));
    // Far above what a release build needs on one core, far below what anything quadratic would take here.
    assert!(parsed + counted < std::time::Duration::from_secs(2), "{parsed:?} {counted:?}");
}

#[test]
fn open_tasks_for_which_most_others_wait_are_counted_through_others() {
    let of = |tasks: &[(&str, &str, &[&str])]| -> Vec<(String, u64, u64)> {
        figures(tasks).blockers.into_iter().map(|one| (format!("{} {}", one.id, one.status), one.dependents, one.chain)).collect()
    };
    let board: [(&str, &str, &[&str]); 9] = [
        ("1", "done", &[]),
        ("2", "pending", &["1"]),
        ("3", "pending", &["2"]),
        ("4", "review", &["1"]),
        // Through two ways, and counted once.
        ("5", "pending", &["3", "4"]),
        ("6", "pending", &["5"]),
        ("7", "cancelled", &["2"]),
        ("8", "pending", &["7"]),
        ("9", "deferred", &[]),
    ];
    assert_eq!(of(&board), [("2 pending".to_owned(), 3, 4), ("4 review".to_owned(), 2, 3)]);
    assert_eq!(of(&[("1", "pending", &["2"]), ("2", "pending", &["1"]), ("3", "pending", &[]), ("4", "pending", &["3"])]), []);
    assert_eq!(of(&[("1", "done", &[]), ("2", "pending", &["1"])]), [], "nothing waits for it");
    let long: Vec<(String, Vec<String>)> =
        (1..=2_000).map(|n| (n.to_string(), if n > 1 { vec![(n - 1).to_string()] } else { Vec::new() })).collect();
    let tasks: Value = long.iter().map(|(id, before)| json!({"id": id, "status": "pending", "dependencies": before})).collect();
    let found = Figures::of(&super::board(&tasks).tags["master"]).blockers;
    assert_eq!((found[0].id.as_str(), found[0].dependents, found[0].chain), ("1", 1_999, 2_000));
}
