//! The recorded board, step by step.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::board::{Board, Counters, Execution, Figures, Observed, Transition, Watcher, parse_state};

fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/taskmaster")).join(name)).unwrap()
}

fn snapshot(name: &str) -> Board {
    let current = parse_state(&recorded(&format!("{name}/state.json")));
    Board::parse(&recorded(&format!("{name}/tasks/tasks.json")), current.as_deref()).unwrap()
}

fn ms(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap().as_millisecond()
}

/// Milliseconds of a time of that evening, as `21:07:30.903`.
fn at(time: &str) -> i64 {
    ms(&format!("2026-11-23T{time}Z"))
}

fn timeline() -> Vec<(String, i64)> {
    let steps: Vec<Value> = serde_json::from_slice(&recorded("timeline.json")).unwrap();
    steps.iter().map(|s| (s["snapshot"].as_str().unwrap().to_owned(), ms(s["at"].as_str().unwrap()))).collect()
}

/// What each observation shows; `restart` says before which of them the memory is written and read back, and `skip` which are missed.
fn replay(restart: impl Fn(&str) -> bool, skip: impl Fn(&str) -> bool) -> (Watcher, BTreeMap<String, Observed>) {
    let mut watcher = Watcher::default();
    let mut all = BTreeMap::new();
    for (name, seen_at) in timeline() {
        if skip(&name) {
            continue;
        }
        if restart(&name) {
            watcher = serde_json::from_slice(&serde_json::to_vec(&watcher).unwrap()).unwrap();
        }
        let observed = watcher.observe(&snapshot(&name), seen_at);
        all.insert(name, observed);
    }
    (watcher, all)
}

fn line(t: &Transition) -> String {
    let subtask = t.subtask.as_ref().map(|s| format!(".{s}")).unwrap_or_default();
    let (from, to) = (t.from.as_deref().unwrap_or("·"), t.to.as_deref().unwrap_or("·"));
    let time = Timestamp::from_millisecond(t.at_ms).unwrap().strftime("%H:%M:%S.%3f").to_string();
    format!("{} {}{subtask} {from} → {to} {time}{}", t.tag, t.task_id, if t.reopened { " reopened" } else { "" })
}

#[test]
fn every_recorded_board_gives_exactly_the_expected_figures() {
    let expected: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_slice(&recorded("expected.json")).unwrap();
    assert_eq!(expected.len(), 30);
    for (name, tags) in expected {
        let board = snapshot(&name);
        assert_eq!(board.tags.keys().collect::<Vec<_>>(), tags.keys().collect::<Vec<_>>(), "{name}");
        assert!(board.unknown_statuses().is_empty());
        for (tag, expected) in tags {
            let ours = Figures::of(&board.tags[&tag]);
            let ours = json!({
                "tasks": ours.tasks, "subtasks": ours.subtasks, "queue_depth": ours.queue_depth, "ready": ours.ready_tasks,
                "completion_ratio": ours.completion_ratio.map(|ratio| (ratio * 1e6).round() / 1e6),
            });
            assert_eq!(ours, expected, "{name} {tag}");
        }
    }
}

#[test]
fn the_state_names_the_current_tag_of_each_step() {
    for (name, _) in timeline() {
        let experimenting = ("18"..="20").contains(&name.as_str());
        let board = snapshot(&name);
        assert_eq!(board.is_current("experiment"), experimenting, "{name}");
        assert_eq!(board.is_current("master"), !experimenting, "{name}");
    }
}

#[test]
fn the_critical_path_of_the_recording_shrinks_as_it_is_worked_off() {
    let path = |name: &str| Figures::of(&snapshot(name).tags["master"]).critical_path_tasks;
    // 9 waits for 7, that for 3, that for 2.
    for (name, length) in [("00", 0), ("01", 1), ("02", 4), ("08", 3), ("15", 2), ("29", 2)] {
        assert_eq!(path(name), Some(length), "{name}");
    }
}

#[test]
fn the_timeline_is_told_with_the_times_of_the_files() {
    let (_, all) = replay(|_| false, |_| false);
    let reported: Vec<String> =
        all.iter().filter(|(name, _)| *name > &"03".to_owned()).flat_map(|(_, o)| o.transitions.iter().map(line)).collect();
    let expected = "\
        master 1 pending → in-progress 21:07:30.903
        master 1 in-progress → done 21:07:42.821
        master 2 pending → in-progress 21:07:47.548
        master 10 pending → in-progress 21:07:51.382
        master 2 in-progress → review 21:08:00.394
        master 2 review → done 21:08:03.301
        master 10 in-progress → cancelled 21:08:06.177
        master 3 pending → in-progress 21:08:09.102
        master 3.1 pending → in-progress 21:08:09.102
        master 3.1 in-progress → done 21:08:11.918
        master 3.2 pending → in-progress 21:08:14.844
        master 6 pending → blocked 21:08:21.011
        master 8 pending → deferred 21:08:24.230
        master 3.2 in-progress → done 21:08:28.304
        master 3 in-progress → done 21:08:32.446
        master 3.3 pending → done 21:08:32.446
        master 4 pending → in-progress 21:08:41.413
        experiment 1 · → pending 21:08:55.377
        experiment 2 · → pending 21:08:55.377
        experiment 1 pending → in-progress 21:08:58.204
        master 4 in-progress → done 21:09:04.490
        master 5 pending → in-progress 21:09:07.379
        master 7 pending → in-progress 21:09:10.224
        master 6 blocked → pending 21:09:13.024
        master 10 cancelled → · 21:09:16.015
        master 7 in-progress → pending 21:09:18.842
        master 7 pending → in-progress 21:09:21.856
        master 7 in-progress → done 21:09:24.916
        master 5 in-progress → done 21:09:27.906";
    assert_eq!(reported, expected.lines().map(str::trim).collect::<Vec<_>>());
    assert!(all["00"].transitions.is_empty());
    assert_eq!(all["01"].transitions.len(), 10);
    assert_eq!(all["03"].transitions.iter().map(line).collect::<Vec<_>>()[0], "master 3.1 · → pending 21:07:27.498");
    let removed = &all["25"].transitions[0];
    assert!(!removed.title.is_empty());
    assert_eq!((removed.to.as_deref(), removed.priority.as_str()), (None, "low"));
}

#[test]
fn durations_follow_from_the_times_of_the_files() {
    let (watcher, all) = replay(|_| false, |_| false);
    let executions: Vec<&Execution> = all.values().flat_map(|o| &o.executions).collect();
    let reported: Vec<(&str, &str, i64)> =
        executions.iter().map(|e| (e.task_id.as_str(), e.priority.as_str(), (e.seconds * 1e3).round() as i64)).collect();
    let expected = [
        ("1", "high", at("21:07:42.821") - at("21:07:30.903")),
        // In review from 21:08:00.394.
        ("2", "high", at("21:08:03.301") - at("21:07:47.548")),
        ("3", "high", at("21:08:32.446") - at("21:08:09.102")),
        ("4", "medium", at("21:09:04.490") - at("21:08:41.413")),
        // Sent back to pending in between.
        ("7", "low", at("21:09:18.842") - at("21:09:10.224") + at("21:09:24.916") - at("21:09:21.856")),
        ("5", "medium", at("21:09:27.906") - at("21:09:07.379")),
    ];
    assert_eq!(reported, expected);
    assert_eq!(executions[0].at_ms, at("21:07:42.821"));
    assert_eq!(watcher.last_execution_seconds("master", "1"), Some(11.918));
    assert_eq!(watcher.last_execution_seconds("master", "6"), None);
    assert_eq!(watcher.in_progress_since("experiment", "1"), Some(at("21:08:58.204")));
    assert_eq!(watcher.in_progress_since("master", "7"), None);
}

#[test]
fn counters_and_the_failure_ratio_follow_from_the_tasks_alone() {
    let (watcher, _) = replay(|_| false, |_| false);
    // 7 was sent back from in-progress, which is no reopening: it had left neither done nor review.
    assert_eq!(watcher.counters("master"), Counters { completed: 6, reopened: 0 });
    assert_eq!(watcher.counters("experiment"), Counters::default());
    let end = at("21:10:00.000");
    // 10 was cancelled, and still counts when it is removed.
    assert_eq!(watcher.failure_ratio("master", end), Some(1.0 / 7.0));
    assert_eq!(watcher.failure_ratio("experiment", end), None);
    assert_eq!(watcher.failure_ratio("master", end + 86_400_000), None);
    // A day after 10 was cancelled, what became done later is still within the window.
    assert_eq!(watcher.failure_ratio("master", at("21:08:06.177") + 86_400_000), Some(0.0));
}

#[test]
fn a_restart_at_any_step_changes_nothing() {
    let through = replay(|_| false, |_| false);
    assert_eq!(replay(|_| true, |_| false), through);
    for (step, _) in timeline() {
        assert_eq!(replay(|name| name == step, |_| false), through, "restarted before {step}");
    }
}

#[test]
fn what_moved_while_nobody_looked_has_the_times_of_the_files() {
    // Away from 04, when 1 was in progress, to 29.
    let (watcher, all) = replay(|name| name == "29", |name| ("05"..="28").contains(&name));
    let moved: Vec<String> = all["29"].transitions.iter().map(line).collect();
    assert_eq!(moved[0], "master 1 in-progress → done 21:07:42.821");
    assert!(moved.contains(&"master 5 pending → done 21:09:27.906".to_owned()));
    assert!(moved.contains(&"experiment 1 · → in-progress 21:08:58.204".to_owned()));
    // Of the rest no start was seen.
    assert_eq!(all["29"].executions.iter().map(|e| (e.task_id.as_str(), e.seconds)).collect::<Vec<_>>(), [("1", 11.918)]);
    assert_eq!(watcher.in_progress_since("experiment", "1"), None);
    assert_eq!(watcher.counters("master"), Counters { completed: 6, reopened: 0 });
}
