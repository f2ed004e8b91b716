//! The real `task-master` command line moves a board that the service watches.
//!
//! Installed from npm into the target folder where npm can; where it cannot, the test says so and passes, but fails in CI.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Folder, Service, eventually};
use serde_json::Value;

const VERSION: &str = "0.43.1";

/// The command line; none where npm cannot install it.
fn task_master() -> Option<PathBuf> {
    common::peer::npm_program(&format!("task-master-ai@{VERSION}"), "task-master", &["--ignore-scripts"])
}

fn run(binary: &Path, folder: &Folder, args: &[&str]) {
    let output = Command::new(binary).args(args).current_dir(folder.path()).env("CI", "true").stdin(Stdio::null()).output().unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "task-master {args:?}: {printed}");
}

fn board(service: &Service, tag: &str) -> Option<Value> {
    service.data("/api/v1/tasks")["boards"].as_array()?.iter().find(|board| board["tag"] == tag).cloned()
}

fn status_of(service: &Service, tag: &str, id: &str) -> Option<String> {
    let board = board(service, tag)?;
    let item = board["items"].as_array()?.iter().find(|item| item["id"] == id)?.clone();
    item["status"].as_str().map(str::to_owned)
}

#[test]
fn a_board_that_the_command_line_moves_is_seen_as_it_moves() {
    let Some(binary) = task_master() else { return };
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    run(&binary, &folder, &["init", "-y", "--name", "demo", "--no-git", "--no-aliases", "--rules", "claude"]);
    // The first tasks come from a model; an empty board takes those that are written by hand.
    std::fs::write(folder.path().join(".taskmaster/tasks/tasks.json"), r#"{"master":{"tasks":[],"metadata":{}}}"#).unwrap();
    let service = folder.start();
    run(&binary, &folder, &["add-task", "--title", "First", "--description", "one", "--priority", "high"]);
    run(&binary, &folder, &["add-task", "--title", "Second", "--description", "two", "--dependencies", "1"]);
    eventually("both tasks, one of them ready", || {
        board(&service, "master").filter(|board| board["queue_depth"] == 2 && board["ready_tasks"] == 1)
    });
    for status in ["in-progress", "review", "done"] {
        run(&binary, &folder, &["set-status", "--id", "1", "--status", status]);
        eventually(status, || status_of(&service, "master", "1").filter(|found| found == status));
    }
    let board = eventually("the second is ready", || board(&service, "master").filter(|board| board["ready_tasks"] == 1));
    assert_eq!((&board["tasks"]["done"], &board["completion_ratio"]), (&Value::from(1), &Value::from(0.5)));
    let item = board["items"].as_array().unwrap().iter().find(|item| item["id"] == "1").cloned().unwrap();
    assert!(item["execution_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "its start was seen: {item}");
    run(&binary, &folder, &["add-tag", "later"]);
    eventually("the new tag", || self::board(&service, "later"));
    let events = service.data("/api/v1/events?source=taskmaster").to_string();
    for moved in ["pending → in-progress", "in-progress → review", "review → done"] {
        assert!(events.contains(moved), "{moved}: {events}");
    }
}

/// Files that `task-master list` reads, and that are odd.
const ODD: [&str; 10] = [
    r#"[{T,"id":1},{T,"id":1}]"#,
    r#"[{T,"id":1,"subtasks":[{"id":1},{"id":1}]}]"#,
    r#"[{T,"id":1,"subtasks":["text",null,{"id":null}]}]"#,
    r#"[{T,"id":1,"dependencies":[null,"",{"id":1},["2"]]},{T,"id":2,"dependencies":""}]"#,
    r#"[{T,"id":1,"updatedAt":1764000000000},{T,"id":2,"updatedAt":"yesterday"}]"#,
    r#"[{T,"id":1e999},{T,"id":-1.5},{T,"id":""}]"#,
    r#"[{"title":"\ud83d","description":"d","status":"pending","priority":"low","id":1}]"#,
    "[{T,\"id\":1,\"details\":\"Caf\u{e9}\"}]",
    "null",
    r#"[{T,"id":1,"dependencies":["2.1"],"subtasks":[{"id":1}]},{T,"id":2,"dependencies":["1.1"],"subtasks":[{"id":1}]}]"#,
];

#[test]
fn what_the_command_line_lists_is_counted() {
    let Some(binary) = task_master() else { return };
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path().join(".taskmaster/tasks")).unwrap();
    std::fs::write(folder.path().join(".taskmaster/config.json"), r#"{"models":{},"global":{}}"#).unwrap();
    for tasks in ODD {
        let tasks = tasks.replace('T', r#""title":"t","description":"d","status":"pending","priority":"low""#);
        let text = format!(r#"{{"version":"1.0","master":{{"tasks":{tasks}}},"v2":null,"v3":{{"metadata":{{}}}}}}"#);
        // As a file that was saved as Latin-1.
        let file: Vec<u8> = if text.contains('\u{e9}') { text.chars().map(|c| c as u8).collect() } else { text.into_bytes() };
        std::fs::write(folder.path().join(".taskmaster/tasks/tasks.json"), &file).unwrap();
        let output = Command::new(&binary)
            .args(["list", "--json"])
            .current_dir(folder.path())
            .env("CI", "true")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        // It writes the half of a pair as it read it, which no other reader takes.
        let printed = String::from_utf8_lossy(&output.stdout).replace("\\ud83d", "?");
        assert!(output.status.success(), "{tasks}: {printed}");
        // Warnings may stand before the answer, and other words behind it.
        let answers = printed.find("{\n").map(|at| serde_json::Deserializer::from_str(&printed[at..]).into_iter::<Value>());
        let answer = answers.and_then(|mut answers| answers.next()?.ok()).unwrap_or_default();
        let listed = answer["tasks"].as_array().map_or(0, Vec::len);
        let board = taskpulse_engine::board::Board::parse(&file, None).unwrap();
        assert_eq!(board.tags["master"].tasks.len(), listed, "{tasks}");
    }
}
