//! What happens to the files of boards: branches that are switched, tags and projects that go, rewrites in place, and
//! files of which a part cannot be read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use common::remote::now_ms;
use common::{Folder, Service, eventually, replace};
use serde_json::{Value, json};

const ALONE: &str =
    "[system]\nenabled = false\n[containers]\nenabled = false\n[github]\nenabled = false\n[taskmaster]\ninterval = \"1s\"\n";

fn write(root: &Path, board: &Value) {
    fs::create_dir_all(root.join(".taskmaster/tasks")).unwrap();
    replace(&root.join(".taskmaster/tasks/tasks.json"), board.to_string().as_bytes());
}

fn boards(service: &Service) -> Vec<Value> {
    service.data("/api/v1/tasks")["boards"].as_array().unwrap().clone()
}

fn board(service: &Service, tag: &str) -> Option<Value> {
    boards(service).into_iter().find(|board| board["tag"] == tag)
}

fn source(service: &Service, name: &str) -> Value {
    let status = service.status();
    status["sources"].as_array().unwrap().iter().find(|s| s["source"] == name).cloned().unwrap_or_default()
}

fn value(service: &Service, query: &str) -> Option<String> {
    Some(service.query(query).first()?["value"][1].as_str()?.to_owned())
}

fn git(folder: &Path, args: &[&str]) -> bool {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"]);
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn a_board_in_git_counts_what_was_done_whatever_is_checked_out() {
    for timed in [true, false] {
        let folder = Folder::with_settings(ALONE);
        if !git(folder.path(), &["init", "-q", "-b", "main", "."]) {
            common::peer::missing_peer("git is not installed");
            return;
        }
        let tasks = |status: &str| {
            let at = if status == "pending" { "2026-11-20T10:00:00.000Z" } else { "2026-11-25T20:00:00.000Z" };
            let one = |id: u32| {
                let mut task = json!({"id": id, "title": format!("T{id}"), "status": if id < 6 { status } else { "pending" }});
                if timed {
                    task["updatedAt"] = json!(at);
                }
                task
            };
            write(folder.path(), &json!({"master": {"tasks": (1..7).map(one).collect::<Vec<_>>(), "metadata": {}}}));
        };
        let mut service = None;
        let shows = |service: &Service, status: &str| {
            let shown = || board(service, "master").filter(|board| board["tasks"][status].as_u64() >= Some(5));
            eventually(&format!("five tasks {status}"), shown)
        };
        tasks("pending");
        assert!(git(folder.path(), &["add", ".taskmaster/tasks"]) && git(folder.path(), &["commit", "-qm", "a"]));
        assert!(git(folder.path(), &["checkout", "-qb", "feature"]));
        let running = service.insert(folder.start());
        shows(running, "pending");
        tasks("in-progress");
        shows(running, "in-progress");
        tasks("done");
        shows(running, "done");
        assert!(git(folder.path(), &["add", ".taskmaster/tasks"]) && git(folder.path(), &["commit", "-qm", "b"]));
        for round in 0..3 {
            assert!(git(folder.path(), &["checkout", "-q", "main"]));
            shows(service.as_ref().unwrap(), "pending");
            if round == 1 {
                // What was seen survives a crash, in either branch, once it is kept: before the samples of the next look are.
                let seen = now_ms() as f64 / 1e3;
                let newest = || value(service.as_ref().unwrap(), "max(timestamp(taskmaster_tasks))")?.parse::<f64>().ok();
                eventually("the next look", || (newest()? > seen).then_some(()));
                service.take().unwrap().kill();
                service = Some(folder.start());
            }
            assert!(git(folder.path(), &["checkout", "-q", "feature"]));
            shows(service.as_ref().unwrap(), "done");
        }
        let service = service.unwrap();
        let shown = shows(&service, "done");
        assert_eq!(shown["failure_ratio"], 0.0, "timed: {timed}");
        eventually("five completed", || (value(&service, "taskmaster_tasks_completed_total")? == "5").then_some(()));
        assert_eq!(value(&service, "taskmaster_tasks_reopened_total").unwrap(), "0", "timed: {timed}");
        let events = service.data("/api/v1/events?source=taskmaster");
        let of = |kind: &str| events.as_array().unwrap().iter().filter(|e| e["kind"] == kind).count();
        assert_eq!((of("task_status"), of("tasks_switched")), (10, 6), "timed: {timed}, {events}");
    }
}

#[test]
fn what_is_gone_ends_at_the_same_poll_and_after_a_restart() {
    let two = format!("{ALONE}projects = [\"one\", \"two\"]\n");
    let folder = Folder::with_settings(&two);
    let now = now_ms();
    let task = |status: &str, ago: i64| json!({"id": 1, "title": "t", "status": status, "updatedAt": now - ago});
    let one = folder.path().join("one");
    write(&one, &json!({"old": {"tasks": [task("pending", 9_000)]}, "master": {"tasks": []}}));
    write(&folder.path().join("two"), &json!({"master": {"tasks": [task("pending", 9_000)]}}));
    let service = folder.start();
    let count = |service: &Service, query: &str| service.query(query).len();
    eventually("both", || (count(&service, "taskmaster_queue_depth") == 3).then_some(()));
    write(&one, &json!({"old": {"tasks": [task("in-progress", 4_000)]}, "master": {"tasks": []}}));
    eventually("its start", || (board(&service, "old")?["tasks"]["in-progress"] == 1).then_some(()));
    write(&one, &json!({"old": {"tasks": [task("done", 2_000)]}, "master": {"tasks": []}}));
    eventually("how long it took", || (count(&service, "taskmaster_task_execution_seconds{tag=\"old\"}") == 1).then_some(()));
    // Renamed: its successor is there, and it is not.
    write(&one, &json!({"new": {"tasks": [task("done", 2_000)]}, "master": {"tasks": []}}));
    eventually("the new tag", || (count(&service, "taskmaster_tasks{tag=\"new\"}") > 0).then_some(()));
    let left = service.query("{__name__=~\"taskmaster_.+\",tag=\"old\"}");
    assert!(left.is_empty(), "{left:?}");
    // A board that is deleted ends once that is not just a rewrite.
    fs::remove_file(folder.path().join("two/.taskmaster/tasks/tasks.json")).unwrap();
    eventually("the end of two", || (count(&service, "{__name__=~\"taskmaster_.+\",project=\"two\"}") == 0).then_some(()));
    let problems = service.status()["problems"].to_string();
    assert!(problems.contains("source taskmaster two") && problems.contains("is gone"), "{problems}");
    // What goes while the service is down ends at its first poll.
    write(&folder.path().join("two"), &json!({"master": {"tasks": [task("pending", 9_000)]}}));
    eventually("two again", || (count(&service, "taskmaster_queue_depth{project=\"two\"}") == 1).then_some(()));
    assert_eq!(service.stop(), Some(0));
    write(&one, &json!({"newest": {"tasks": []}}));
    folder.settings(&format!("{ALONE}projects = [\"one\"]\n"));
    let service = folder.start();
    eventually("the newest tag", || (count(&service, "taskmaster_queue_depth{tag=\"newest\"}") == 1).then_some(()));
    let left = service.query("{__name__=~\"taskmaster_.+\",tag!=\"newest\"}");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_report_and_a_board_that_are_rewritten_in_place_are_read_again() {
    let folder = Folder::with_settings(ALONE);
    write(folder.path(), &json!({"master": {"tasks": [{"id": 1, "status": "pending"}]}}));
    let report = folder.path().join(".taskmaster/reports/task-complexity-report.json");
    fs::create_dir_all(report.parent().unwrap()).unwrap();
    let service = folder.start();
    eventually("the board", || board(&service, "master"));
    for score in [3.0, 7.0, 5.0, 8.0] {
        // The same size, and the folder stays as it is.
        fs::write(&report, json!({"meta": {}, "complexityAnalysis": [{"taskId": 1, "complexityScore": score}]}).to_string()).unwrap();
        eventually("the score", || (board(&service, "master")?["items"][0]["complexity"] == score).then_some(()));
    }
    eventually("as a sample", || (value(&service, "taskmaster_open_complexity")? == "8").then_some(()));
    let tasks = folder.path().join(".taskmaster/tasks/tasks.json");
    for status in ["blocked", "pending", "blocked"] {
        fs::write(&tasks, json!({"master": {"tasks": [{"id": 1, "status": status}]}}).to_string()).unwrap();
        eventually(status, || (board(&service, "master")?["items"][0]["status"] == status).then_some(()));
    }
    fs::remove_file(&report).unwrap();
    eventually("no score", || board(&service, "master")?["items"][0]["complexity"].is_null().then_some(()));
    eventually("no sample", || service.query("taskmaster_open_complexity").is_empty().then_some(()));
}

#[test]
fn what_can_be_read_is_counted_and_what_cannot_is_named() {
    let folder = Folder::with_settings(ALONE);
    let path = folder.path().join(".taskmaster/tasks/tasks.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let odd = br#"{"version":"1.0","master":{"tasks":[
        {"id":1,"title":"Ship it \ud83d","status":"done","updatedAt":1764000000000},
        {"id":42,"status":"in-progress","subtasks":[{"id":42},{"id":42,"status":"done"},"write it",null]},
        {"id":3,"status":"pending","dependencies":[{"id":1}]},{"id":4,"status":"pending","dependencies":[1]}, 7]},
        "other":{"tasks":null},"v2":null}"#;
    replace(&path, odd);
    let service = folder.start();
    let shown = eventually("the board", || board(&service, "master"));
    assert_eq!(
        (&shown["tasks"], &shown["subtasks"], &shown["ready_tasks"], &shown["up"]),
        (&json!({"done": 1, "in-progress": 1, "pending": 2}), &json!({"done": 1, "pending": 2}), &json!(1), &json!(true))
    );
    let findings: Vec<String> =
        shown["findings"].as_array().unwrap().iter().map(|f| format!("{} {}", f["task"], f["field"]).replace('"', "")).collect();
    assert_eq!(findings, ["1 title", "42.#3 null", "42.#4 null", "42 subtasks", "3 dependencies[0]", "#5 null"]);
    assert_eq!(board(&service, "other").unwrap()["tasks"], json!({}));
    let found = source(&service, "taskmaster");
    let reason = found["reason"].as_str().unwrap();
    assert!(
        found["up"] == true && reason.contains("tasks.json has 7 values that cannot be read as they are: tag `master`, task `1`"),
        "{found}"
    );
    assert!(reason.contains("task `42`, field `subtasks`: id `42` is there twice") && reason.contains("; and 2 more"), "{reason}");
    // One that cannot be read at all fails, and is named in health and problems.
    replace(&path, br#"{"master":{"tasks":[}}"#);
    eventually("the problem", || service.status()["problems"].to_string().contains("source taskmaster: ").then_some(()));
    eventually("the part of the score", || {
        let health = service.status()["health"].clone();
        let sources = health["parts"].as_array()?.iter().find(|part| part["part"] == "sources")?.clone();
        sources["why"].as_str()?.contains("failing: taskmaster").then_some(())
    });
}

#[test]
fn a_task_that_was_in_progress_before_it_was_first_seen_costs_from_then_on_and_says_so() {
    let folder = Folder::with_settings(ALONE);
    let task = |status: &str, at: i64| json!({"master": {"tasks": [{"id": 1, "status": status, "updatedAt": at}]}});
    let begun = now_ms();
    write(folder.path(), &task("in-progress", begun - 3_600_000));
    let service = folder.start();
    let item = || Some(board(&service, "master")?["items"][0].clone());
    let first = eventually("since when", || item().filter(|item| item["cost"]["since"].is_number()));
    assert!(first["in_progress_since"].is_null() && first["cost"]["start_seen"] == false, "{first}");
    assert!(first["cost"]["since"].as_f64().unwrap() >= begun as f64 / 1e3, "{first}");
    let money = json!({"samples": [{"name": "claude_code_cost_usage_USD_total", "value": 1.5, "time": now_ms() as f64 / 1e3}]});
    assert!(service.client.post(service.url("/api/v1/ingest")).json(&money).send().unwrap().status().is_success());
    eventually("the sample", || value(&service, "claude_code_cost_usage_USD_total"));
    write(folder.path(), &task("done", now_ms()));
    let done = eventually("the cost", || item().filter(|item| item["cost"]["money"].is_number()));
    assert_eq!(
        (&done["cost"]["money"], &done["cost"]["since"], &done["execution_seconds"]),
        (&json!(1.5), &first["cost"]["since"], &Value::Null)
    );
}
