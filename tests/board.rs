//! The recorded Task Master board, replayed into a running service, gives exactly what was expected of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Folder, Service, eventually, recorded, replace, within};
use serde_json::{Value, json};

fn expected() -> BTreeMap<String, BTreeMap<String, Value>> {
    serde_json::from_slice(&fs::read(recorded("expected.json")).unwrap()).unwrap()
}

fn boards(service: &Service) -> BTreeMap<String, Value> {
    let data = service.data("/api/v1/tasks");
    data["boards"].as_array().unwrap().iter().map(|b| (b["tag"].as_str().unwrap().to_owned(), b.clone())).collect()
}

/// A board's figures in the shape of `expected.json`.
fn figures(board: &Value) -> Value {
    let ratio = board["completion_ratio"].as_f64().map(|r| (r * 1e6).round() / 1e6);
    json!({"tasks": board["tasks"], "subtasks": board["subtasks"], "completion_ratio": ratio, "queue_depth": board["queue_depth"], "ready": board["ready_tasks"]})
}

fn wait_for(service: &Service, snapshot: &str) {
    let wanted = &expected()[snapshot];
    eventually(&format!("the figures of {snapshot}"), || {
        let shown: BTreeMap<String, Value> = boards(service).iter().map(|(tag, b)| (tag.clone(), figures(b))).collect();
        (shown == *wanted).then_some(())
    });
}

#[test]
fn the_recorded_board_replayed_step_by_step_gives_the_expected_figures_durations_and_events() {
    let folder = Folder::new();
    folder.board("00");
    let mut service = folder.start();
    for snapshot in expected().keys() {
        folder.board(snapshot);
        wait_for(&service, snapshot);
        if snapshot == "11" {
            // What was seen so far survives a crash.
            service.kill();
            service = folder.start();
        }
    }
    // As samples, the figures of the last step.
    let last = &expected()["29"]["master"];
    let count = |status: &str| {
        let found = service.query(&format!("taskmaster_tasks{{tag=\"master\",status=\"{status}\"}}"));
        found.first().map(|r| r["value"][1].as_str().unwrap().parse::<f64>().unwrap())
    };
    eventually("the last step in the store", || {
        let all = ["done", "pending", "in-progress", "blocked", "deferred", "cancelled", "review"];
        all.iter().all(|status| count(status) == Some(last["tasks"][*status].as_f64().unwrap_or(0.0))).then_some(())
    });
    let events = service.data("/api/v1/events?source=taskmaster");
    let titles: Vec<&str> = events.as_array().unwrap().iter().map(|e| e["title"].as_str().unwrap()).collect();
    for wanted in [
        "task 1 in-progress → done",
        "task 7 in-progress → pending",
        "subtask 3.1 in-progress → done",
        "task 10 removed",
        "10 tasks added, tag master",
    ] {
        assert!(titles.contains(&wanted), "{wanted} is not among {titles:?}");
    }
    let done = events.as_array().unwrap().iter().find(|e| e["title"] == "task 1 in-progress → done").unwrap();
    assert_eq!(done["time"].as_f64(), Some(1_795_468_062.821), "the time that the file says");
    let items = boards(&service)["master"]["items"].as_array().unwrap().clone();
    let seconds = |id: &str| items.iter().find(|i| i["id"] == id).unwrap()["execution_seconds"].as_f64();
    // 21:07:30.903 to 21:07:42.821, by the files.
    assert!((seconds("1").unwrap() - 11.918).abs() < 0.001, "{:?}", seconds("1"));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_file_that_is_gone_or_broken_keeps_the_last_good_state_and_is_told_after_a_while() {
    let folder = Folder::new();
    folder.board("19");
    let service = folder.start();
    wait_for(&service, "19");
    let tasks = folder.path().join(".taskmaster/tasks/tasks.json");
    let half = fs::read(&tasks).unwrap();
    fs::write(&tasks, &half[..half.len() / 2]).unwrap();
    let source = || service.status()["sources"].as_array().unwrap().iter().find(|s| s["source"] == "taskmaster").unwrap().clone();
    eventually("the source fails", || (source()["up"] == false).then_some(()));
    assert!(source()["reason"].as_str().unwrap().contains("half-written"), "{}", source());
    assert_eq!(figures(&boards(&service)["master"]), expected()["19"]["master"], "the last good state");
    assert_eq!(boards(&service)["master"]["up"], false);
    replace(&tasks, br#"{"master":{"tasks":[{"id":1},{"id":1}]}}"#);
    eventually("the other reason", || source()["reason"].as_str()?.contains("is there twice").then_some(()));
    folder.board("20");
    wait_for(&service, "20");
    eventually("the source works again", || (source()["up"] == true).then_some(()));
    fs::remove_file(&tasks).unwrap();
    eventually("the source fails again", || source()["reason"].as_str()?.contains("is gone").then_some(()));
}

#[test]
fn without_a_board_there_are_no_figures_but_a_hint_and_a_new_board_is_found() {
    let folder = Folder::new();
    let service = folder.start();
    let source = || service.status()["sources"].as_array().unwrap().iter().find(|s| s["source"] == "taskmaster").cloned();
    let absent = eventually("the source is known", source);
    assert!(absent["up"].is_null() && absent["hint"].as_str().unwrap().contains("task-master init"), "{absent}");
    assert!(service.query("taskmaster_queue_depth").is_empty());
    folder.board("05");
    wait_for(&service, "05");
}

#[test]
fn a_change_is_seen_at_once() {
    let folder = Folder::with_settings("[taskmaster]\ninterval = \"1h\"\n");
    folder.pending_tasks(3);
    let service = folder.start();
    let depth = || boards(&service).get("master").and_then(|b| b["queue_depth"].as_u64());
    eventually("the board", || (depth() == Some(3)).then_some(()));
    folder.pending_tasks(5);
    within(std::time::Duration::from_secs(10), "the change, by the watch alone", || (depth() == Some(5)).then_some(()));
}
