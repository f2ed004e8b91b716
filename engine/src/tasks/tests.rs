//! Boards against the recorded one, and against everything a file can be.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn recorded(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/taskmaster")).join(name)
}

fn board(snapshot: &str) -> Board {
    Board::parse(&std::fs::read(recorded(snapshot).join("tasks/tasks.json")).unwrap()).unwrap()
}

fn timeline() -> Vec<(String, i64)> {
    let steps: Vec<Value> = serde_json::from_slice(&std::fs::read(recorded("timeline.json")).unwrap()).unwrap();
    let time = |v: &Value| v.as_str().unwrap().parse::<Timestamp>().unwrap().as_millisecond();
    steps.iter().map(|s| (s["snapshot"].as_str().unwrap().to_owned(), time(&s["at"]))).collect()
}

fn replay(restart_at: Option<&str>) -> (Watcher, Vec<Transition>, Vec<Execution>) {
    let mut watcher = Watcher::default();
    let (mut transitions, mut executions) = (Vec::new(), Vec::new());
    for (snapshot, at) in timeline() {
        if restart_at == Some(&snapshot) {
            watcher = serde_json::from_str(&serde_json::to_string(&watcher).unwrap()).unwrap();
        }
        let observed = watcher.observe(&board(&snapshot), at);
        transitions.extend(observed.transitions);
        executions.extend(observed.executions);
    }
    (watcher, transitions, executions)
}

#[test]
fn the_recorded_board_gives_exactly_the_expected_figures() {
    let expected: BTreeMap<String, BTreeMap<String, Value>> =
        serde_json::from_slice(&std::fs::read(recorded("expected.json")).unwrap()).unwrap();
    assert_eq!(expected.len(), 30);
    for (snapshot, tags) in expected {
        let board = board(&snapshot);
        assert_eq!(board.tags.keys().collect::<Vec<_>>(), tags.keys().collect::<Vec<_>>(), "{snapshot}");
        for (tag, figures) in tags {
            let ours = Figures::of(&board.tags[&tag]);
            let rounded = ours.completion_ratio.map(|r| (r * 1e6).round() / 1e6);
            let shown = json!({"tasks": ours.tasks, "subtasks": ours.subtasks, "completion_ratio": rounded, "queue_depth": ours.queue_depth, "ready": ours.ready.len()});
            assert_eq!(shown, figures, "{snapshot} {tag}");
        }
    }
}

#[test]
fn the_recorded_board_gives_the_durations_that_its_times_tell() {
    let (watcher, transitions, executions) = replay(None);
    let tasks: Vec<&str> = executions.iter().filter(|e| e.tag == "master").map(|e| e.task_id.as_str()).collect();
    assert_eq!(tasks, ["1", "2", "3", "4", "7", "5"]);
    // Task 1: in progress at 21:07:30.903, done at 21:07:42.821 by the files.
    let first = &executions[0];
    let started = transitions.iter().find(|t| t.task_id == "1" && t.to.as_deref() == Some("in-progress")).unwrap().at;
    assert_eq!(first.at, "2026-11-23T21:07:42.821Z".parse::<Timestamp>().unwrap().as_millisecond());
    assert_eq!((first.seconds, (first.at - started) as f64 / 1e3), (11.918, 11.918));
    // Task 7 was sent back to pending and taken up again: that time does not count.
    let moves: Vec<i64> = transitions.iter().filter(|t| t.task_id == "7" && t.tag == "master" && t.from.is_some()).map(|t| t.at).collect();
    assert_eq!(moves.len(), 4);
    let seventh = executions.iter().find(|e| e.task_id == "7").unwrap();
    assert_eq!(seventh.seconds, ((moves[1] - moves[0]) + (moves[3] - moves[2])) as f64 / 1e3);
    assert_eq!(watcher.counters("master").0, 6);
    assert!(transitions.iter().any(|t| t.subtask.as_deref() == Some("1") && t.to.as_deref() == Some("done")));
    assert!(transitions.iter().any(|t| t.task_id == "10" && t.to.is_none()));
    let end = timeline().last().unwrap().1;
    // Six done and one cancelled.
    assert_eq!(watcher.failure_ratio("master", end), Some(1.0 / 7.0));
    assert_eq!(watcher.failure_ratio("master", end + 86_400_000), None);
}

#[test]
fn a_restart_at_any_step_changes_nothing() {
    let whole = replay(None);
    for (snapshot, _) in timeline() {
        let restarted = replay(Some(&snapshot));
        assert_eq!((&restarted.1, &restarted.2), (&whole.1, &whole.2), "{snapshot}");
    }
}

#[test]
fn a_task_already_in_progress_at_the_first_look_has_no_duration() {
    let mut watcher = Watcher::default();
    let at = timeline();
    for step in [4, 5] {
        assert!(watcher.observe(&board(&at[step].0), at[step].1).executions.is_empty());
    }
    assert_eq!(watcher.counters("master").0, 1);
}

#[test]
fn every_form_of_the_file_is_read() {
    for (text, tasks) in [
        (r#"{"tasks":[{"id":1},{"id":"2","status":"completed"}]}"#, 2),
        (r#"{"master":{"tasks":[{"id":1,"status":"Done ","dependencies":null,"subtasks":null}],"metadata":{"taskCount":99}}}"#, 1),
        (r#"{"master":{"tasks":[]}}"#, 0),
        (r#"{"tasks":{"tasks":[{"id":1}]}}"#, 1),
    ] {
        let board = Board::parse(text.as_bytes()).unwrap();
        assert_eq!(board.tags.values().map(|t| t.tasks.len()).sum::<usize>(), tasks, "{text}");
    }
    let board = Board::parse(br#"{"master":{"tasks":[{"id":1,"status":"paused","dependencies":[2,"3.1"],"title":"x"}]}}"#).unwrap();
    let tag = &board.tags["master"];
    assert_eq!(tag.unknown_statuses.iter().collect::<Vec<_>>(), ["paused"]);
    assert_eq!(tag.tasks[0].dependencies, ["2", "3.1"]);
    assert_eq!(current_tag(br#"{"currentTag":"experiment"}"#).as_deref(), Some("experiment"));
    assert_eq!(current_tag(b"{"), None);
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_half_a_file_is_told_apart() {
    for (text, incomplete, part) in [
        ("", true, "empty"),
        ("{\"master\":{\"tasks\":[{\"id\"", true, "half-written"),
        ("[]", false, "tasks.json"),
        (r#"{"master":5}"#, false, "tag `master`"),
        (r#"{"master":{"task":[]}}"#, false, "missing field `tasks`"),
        (r#"{"master":{"tasks":[{"title":"x"}]}}"#, false, "missing field `id`"),
        (r#"{"master":{"tasks":[{"id":1},{"id":"1"}]}}"#, false, "entry 2 of `tasks`: task `1` is there twice"),
        (
            r#"{"master":{"tasks":[{"id":1},{"id":2,"dependencies":[true]}]}}"#,
            false,
            "entry 2 of `tasks`: invalid type: boolean `true`, expected an id",
        ),
        (r#"{"tasks":[{"id":1,"status":5}]}"#, false, "entry 1 of `tasks`: invalid type: integer `5`, expected a string"),
    ] {
        let error = Board::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.is_incomplete(), incomplete, "{text}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn chains_are_measured_and_cycles_reported() {
    let tasks = |edges: &[(u32, &[u32])]| {
        let tasks: Vec<Value> = edges.iter().map(|(id, deps)| json!({"id": id, "dependencies": deps})).collect();
        Figures::of(&Board::parse(json!({"tasks": tasks}).to_string().as_bytes()).unwrap().tags["master"])
    };
    assert_eq!(tasks(&[(1, &[]), (2, &[1]), (3, &[2, 1]), (4, &[])]).critical_path_tasks, Some(3));
    let cyclic = tasks(&[(1, &[3]), (2, &[1]), (3, &[2]), (4, &[1])]);
    assert_eq!((cyclic.critical_path_tasks, cyclic.cycle.as_ref().map(Vec::len)), (None, Some(4)));
    assert_eq!(tasks(&[(1, &[1])]).cycle, Some(vec!["1".to_owned(), "1".to_owned()]));
    let chain: Vec<Value> = (0..5_000).map(|id| json!({"id": id, "dependencies": if id > 0 { vec![id - 1] } else { vec![] }})).collect();
    let board = Board::parse(json!({"tasks": chain}).to_string().as_bytes()).unwrap();
    assert_eq!(Figures::of(&board.tags["master"]).critical_path_tasks, Some(5_000));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Board::parse(&bytes);
        let _ = current_tag(&bytes);
    }

    #[test]
    fn counts_add_up_whatever_moves(boards in prop::collection::vec(prop::collection::vec((0u8..6, 0usize..8, prop::collection::vec(0u8..6, 0..3)), 0..6), 1..8)) {
        let mut watcher = Watcher::default();
        for (look, tasks) in boards.into_iter().enumerate() {
            let statuses = ["pending", "in-progress", "review", "done", "deferred", "cancelled", "blocked", "odd"];
            let mut ids = std::collections::BTreeSet::new();
            let tasks: Vec<Value> = tasks
                .into_iter()
                .filter(|(id, ..)| ids.insert(*id))
                .map(|(id, status, deps)| json!({"id": id, "status": statuses[status], "dependencies": deps}))
                .collect();
            let board = Board::parse(json!({"tasks": tasks}).to_string().as_bytes()).unwrap();
            let figures = Figures::of(&board.tags["master"]);
            prop_assert_eq!(figures.tasks.values().sum::<u64>(), tasks.len() as u64);
            prop_assert!(figures.completion_ratio.is_none_or(|r| (0.0..=1.0).contains(&r)));
            prop_assert!(figures.cycle.is_some() != figures.critical_path_tasks.is_some());
            let observed = watcher.observe(&board, look as i64 * 60_000);
            prop_assert!(observed.executions.iter().all(|e| e.seconds > 0.0));
            prop_assert!(look > 0 || observed.transitions.is_empty());
        }
    }
}
