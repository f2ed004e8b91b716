//! The recorded Task Master board, replayed into a running service, gives exactly what was expected of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::remote::now_ms;
use common::{Folder, Service, eventually, process, recorded, replace};
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
fn a_file_that_is_gone_or_broken_keeps_the_last_good_state_and_is_reported_after_a_while() {
    let folder = Folder::new();
    folder.board("19");
    let service = folder.start();
    wait_for(&service, "19");
    let tasks = folder.path().join(".taskmaster/tasks/tasks.json");
    let half = fs::read(&tasks).unwrap();
    fs::write(&tasks, &half[..half.len() / 2]).unwrap();
    let source = || service.source("taskmaster").unwrap();
    eventually("the source fails", || (source()["up"] == false).then_some(()));
    assert!(source()["reason"].as_str().unwrap().contains("half-written"), "{}", source());
    assert_eq!(figures(&boards(&service)["master"]), expected()["19"]["master"], "the last good state");
    assert_eq!(boards(&service)["master"]["up"], false);
    replace(&tasks, br#"{"master":{"tasks":[{"id":1},{"id":1}]}}"#);
    eventually("what can be read is taken, and the rest named", || {
        (source()["up"] == true && source()["reason"].as_str()?.contains("is there twice")).then_some(())
    });
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
    let source = || service.source("taskmaster");
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
    eventually("the change, by the watch alone: the next poll is an hour away", || (depth() == Some(5)).then_some(()));
}

/// Writes a board of tag `master`: id, status and the time of its last change, ms.
fn write_board(folder: &Folder, tasks: &[(&str, &str, i64)]) {
    let tasks: Vec<Value> = tasks
        .iter()
        .map(|(id, status, at)| {
            let at = jiff::Timestamp::from_millisecond(*at).unwrap().to_string();
            json!({"id": id, "title": format!("task {id}"), "status": status, "updatedAt": at, "dependencies": []})
        })
        .collect();
    fs::create_dir_all(folder.path().join(".taskmaster/tasks")).unwrap();
    let board = json!({"master": {"tasks": tasks}}).to_string();
    replace(&folder.path().join(".taskmaster/tasks/tasks.json"), board.as_bytes());
}

fn item(service: &Service, id: &str) -> Value {
    let board = eventually("the board", || boards(service).remove("master"));
    board["items"].as_array().unwrap().iter().find(|i| i["id"] == id).cloned().unwrap()
}

#[test]
fn a_task_shows_what_went_on_while_it_was_in_progress() {
    let folder = Folder::new();
    let now = now_ms();
    write_board(&folder, &[("1", "pending", now - 600_000), ("2", "pending", now - 600_000)]);
    fs::create_dir_all(folder.path().join(".taskmaster/reports")).unwrap();
    let report = json!({"meta": {}, "complexityAnalysis": [{"taskId": 1, "complexityScore": 4}]});
    fs::write(folder.path().join(".taskmaster/reports/task-complexity-report.json"), report.to_string()).unwrap();
    let service = folder.start();
    eventually("the board", || boards(&service).contains_key("master").then_some(()));
    // 1 alone for 100 s, both for 100 s, 2 alone for 50 s; times from the file.
    let start = now - 500_000;
    write_board(&folder, &[("1", "in-progress", start), ("2", "pending", now - 600_000)]);
    eventually("1 in progress", || item(&service, "1")["in_progress_since"].as_f64());
    write_board(&folder, &[("1", "in-progress", start), ("2", "in-progress", start + 100_000)]);
    eventually("2 in progress", || item(&service, "2")["in_progress_since"].as_f64());
    let samples: Vec<Value> = [(0, 1_000.0), (50, 1_100.0), (150, 1_300.0), (225, 1_340.0), (400, 9_999.0)]
        .iter()
        .flat_map(|(second, tokens)| {
            let time = (start + second * 1_000) as f64 / 1e3;
            [
                json!({"name": "claude_code_token_usage_tokens_total", "labels": {"type": "output", "session_id": "s"}, "value": tokens, "time": time}),
                json!({"name": "claude_code_cost_usage_USD_total", "labels": {"session_id": "s"}, "value": tokens / 1_000.0, "time": time}),
            ]
        })
        .collect();
    assert!(service.client.post(service.url("/api/v1/ingest")).json(&json!({"samples": samples})).send().unwrap().status().is_success());
    write_board(&folder, &[("1", "review", start + 200_000), ("2", "in-progress", start + 100_000)]);
    eventually("1 in review", || (item(&service, "1")["status"] == "review").then_some(()));
    write_board(&folder, &[("1", "done", start + 260_000), ("2", "done", start + 250_000)]);
    let one = eventually("the cost", || Some(item(&service, "1")).filter(|i| i["status"] == "done" && i["cost"]["wall_seconds"] == 200.0));
    assert_eq!((&one["cost"]["shared_seconds"], &one["cost"]["tokens"]["output"]), (&json!(100.0), &json!(200.0)), "{one}");
    assert_eq!(one["execution_seconds"], 260.0, "with the time in review");
    assert!(one["cost"]["active_seconds"].is_null() && one["cost"]["ci_runs"].is_null(), "absent without a source: {one}");
    let two = item(&service, "2");
    assert_eq!((&two["cost"]["wall_seconds"], &two["cost"]["tokens"]["output"]), (&json!(150.0), &json!(140.0)), "{two}");
    assert!((two["cost"]["money"].as_f64().unwrap() - 0.14).abs() < 1e-9);
    let board = boards(&service).remove("master").unwrap();
    assert_eq!((&board["cost"]["tokens"]["output"], &board["cost"]["wall_seconds"]), (&json!(340.0), &json!(250.0)), "{}", board["cost"]);
    let weeks = board["cost_by_week"].as_object().unwrap();
    let by_week: f64 = weeks.values().map(|cost| cost["tokens"]["output"].as_f64().unwrap_or(0.0)).sum();
    assert!(weeks.keys().all(|week| week.contains("-W")) && (by_week - 340.0).abs() < 1e-9, "{weeks:?}");
    let reviewed = eventually("the time in review", || service.samples("taskmaster_task_review_seconds[10m]").first().copied());
    assert_eq!(reviewed.1, 0.0, "2 was never in review");
    assert_eq!(service.samples("taskmaster_task_review_seconds[10m]").len(), 2);
    // Beside its duration stands how complex a task was, where that is known.
    let scored = service.samples("taskmaster_task_complexity[10m]");
    let took = service.samples("taskmaster_task_execution_seconds[10m]");
    assert_eq!(scored.iter().map(|sample| sample.1).collect::<Vec<_>>(), [4.0]);
    assert!(took.iter().any(|sample| sample.0 == scored[0].0 && sample.1 == 260.0), "{took:?}");
    // What was seen is known after a crash, and computed again.
    service.kill();
    let service = folder.start();
    eventually("the cost again", || (item(&service, "1")["cost"]["tokens"]["output"] == 200.0).then_some(()));
}

#[test]
fn a_board_is_forecast_from_five_completions_on_and_says_so_before() {
    let folder = Folder::new();
    let ids: Vec<String> = (1..=9).map(|n| n.to_string()).collect();
    let now = now_ms();
    let board = |done: usize| {
        let at = now_ms();
        let status = |n: usize| if n < done { ("done", at) } else { ("pending", now - 60_000) };
        let tasks: Vec<(&str, &str, i64)> = ids.iter().enumerate().map(|(n, id)| (id.as_str(), status(n).0, status(n).1)).collect();
        write_board(&folder, &tasks);
    };
    board(0);
    fs::create_dir_all(folder.path().join(".taskmaster/reports")).unwrap();
    let report = json!({"meta": {}, "complexityAnalysis": [{"taskId": 9, "complexityScore": 7}, {"taskId": "1", "complexityScore": 3}]});
    fs::write(folder.path().join(".taskmaster/reports/task-complexity-report.json"), report.to_string()).unwrap();
    let service = folder.start();
    let shown = || boards(&service).remove("master");
    eventually("the board", || Some(shown()?["queue_depth"] == 9).filter(|there| *there));
    board(4);
    let four = eventually("four done", || shown().filter(|b| b["tasks"]["done"] == 4));
    assert_eq!(four["forecast"]["missing"], "4 completions were seen; a forecast needs 5", "{four}");
    assert!(four["throughput_per_day"].is_null(), "not a day was watched");
    for done in 5..=8 {
        board(done);
        eventually("one more done", || shown().filter(|b| b["tasks"]["done"] == done));
    }
    // Seconds of history may or may not be enough for the one task that is left: then the board says so.
    let refused = |b: &Value| b["forecast"]["missing"].as_str().is_some_and(|why| why.starts_with("too much is open"));
    let last = eventually("a forecast, or why there is none", || shown().filter(|b| b["forecast"]["p50"].is_number() || refused(b)));
    assert_eq!((&last["open_tasks"], &last["blocked_tasks"]), (&json!(1), &json!(0)));
    if !refused(&last) {
        let at = |quantile: &str| last["forecast"][quantile].as_f64().unwrap();
        assert!(at("p50") > now as f64 / 1e3 - 1.0 && at("p50") <= at("p85") && at("p85") <= at("p95"), "{last}");
        assert_eq!(last["forecast"]["completions"], 8);
    }
    assert_eq!(item(&service, "9")["complexity"], 7.0);
    assert!(item(&service, "8")["complexity"].is_null());
    eventually("open complexity", || (service.query("taskmaster_open_complexity").first()?["value"][1] == "7").then_some(()));
}

#[test]
fn several_projects_and_a_board_of_five_thousand_tasks_are_watched() {
    let folder = Folder::with_settings("[taskmaster]\nprojects = [\"one\", \"two\"]\n");
    for (project, count) in [("one", 5_000), ("two", 3)] {
        let tasks: Vec<Value> = (1..=count)
            .map(|id| {
                let details = "x".repeat(900);
                json!({"id": id, "title": format!("task {id}"), "status": "pending", "details": details, "dependencies": if id > 1 { vec![id - 1] } else { vec![] }})
            })
            .collect();
        fs::create_dir_all(folder.path().join(project).join(".taskmaster/tasks")).unwrap();
        replace(
            &folder.path().join(project).join(".taskmaster/tasks/tasks.json"),
            json!({"master": {"tasks": tasks}}).to_string().as_bytes(),
        );
    }
    let service = folder.start();
    let figures = eventually("both boards", || {
        let data = service.data("/api/v1/tasks");
        let boards = data["boards"].as_array()?.clone();
        (boards.len() == 2).then(|| {
            boards.iter().map(|b| (b["project"].clone(), b["critical_path_tasks"].clone(), b["blocked_tasks"].clone())).collect::<Vec<_>>()
        })
    });
    assert_eq!(figures, [(json!("one"), json!(5_000), json!(4_999)), (json!("two"), json!(3), json!(2))]);
    eventually("samples of both", || (service.query("taskmaster_blocked_tasks").len() == 2).then_some(()));
}

/// The status of a project's source, where several are watched.
fn project(service: &Service, name: &str) -> Value {
    let status = service.status();
    let found = status["sources"].as_array().unwrap().iter().find(|s| s["source"] == format!("taskmaster {name}").as_str()).cloned();
    found.unwrap_or_default()
}

fn threads(service: &Service) -> usize {
    fs::read_dir(format!("/proc/{}/task", service.pid())).unwrap().count()
}

#[test]
fn a_board_that_is_no_regular_file_is_refused_by_name_and_delays_no_other() {
    let names = ["good", "zero", "fifo", "folder", "state", "long", "hangs"];
    let listed: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let folder = Folder::with_settings(&format!(
        "[system]\nenabled = false\n[containers]\nenabled = false\n[github]\nenabled = false\n[taskmaster]\ninterval = \"1s\"\nprojects = [{}]\n",
        listed.join(", ")
    ));
    let board = |name: &str| folder.path().join(name).join(".taskmaster/tasks/tasks.json");
    let one = |status: &str| json!({"master": {"tasks": [{"id": 1, "title": "one", "status": status}]}}).to_string();
    for name in names {
        fs::create_dir_all(board(name).parent().unwrap()).unwrap();
        fs::write(board(name), one("pending")).unwrap();
    }
    for name in ["zero", "fifo", "folder"] {
        fs::remove_file(board(name)).unwrap();
    }
    std::os::unix::fs::symlink("/dev/zero", board("zero")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(board("fifo")).status().unwrap().success());
    fs::create_dir(board("folder")).unwrap();
    let state = folder.path().join("state/.taskmaster/state.json");
    std::os::unix::fs::symlink("/dev/zero", state).unwrap();
    fs::File::create(board("long")).unwrap().set_len(33 << 20).unwrap();
    let service = folder.start_with(&[], &[("FAILPOINTS", "taskmaster::read=pause")]);
    for (name, part) in [
        ("zero", "is a character device"),
        ("fifo", "is a FIFO"),
        ("folder", "is a folder"),
        ("long", "is longer than 33554432 bytes"),
        ("hangs", "a read has not come back"),
    ] {
        let source = eventually(part, || Some(project(&service, name)).filter(|s| s["reason"].as_str().is_some_and(|r| r.contains(part))));
        assert_eq!(source["up"], false, "{source}");
    }
    let state = eventually("the state", || Some(project(&service, "state")).filter(|s| s["up"] == true && s["reason"].is_string()));
    assert!(state["reason"].as_str().unwrap().contains("state.json is a character device"), "{state}");
    // The others are polled as usual, and nothing piles up behind the one that hangs.
    let before = threads(&service);
    for status in ["in-progress", "review", "done"] {
        replace(&board("good"), one(status).as_bytes());
        eventually(status, || {
            let shown = service.query(&format!("taskmaster_tasks{{project=\"good\",status=\"{status}\"}}"));
            (shown.first()?["value"][1] == "1").then_some(())
        });
    }
    let samples = || project(&service, "good")["samples"].as_u64().unwrap();
    let first = samples();
    eventually("some more polls", || (samples() >= first + 60).then_some(()));
    let peak = process::status(service.pid(), "VmHWM").unwrap();
    assert!(peak < 300_000.0, "{peak} KiB at the most");
    assert!(threads(&service) <= before + 4, "{} threads, {before} before", threads(&service));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn tags_and_statuses_beyond_the_bounds_are_left_out_and_named() {
    let folder = Folder::with_settings("[taskmaster]\nmax_tags = 5\nmax_tasks = 100\n");
    let path = folder.path().join(".taskmaster/tasks/tasks.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let tag = |count: usize| {
        let tasks: Vec<Value> = (0..count).map(|id| json!({"id": id, "title": "t", "status": format!("odd{id:02}")})).collect();
        json!({"tasks": tasks})
    };
    let mut board: serde_json::Map<String, Value> = (0..2_000).map(|n| (format!("tag{n:04}"), tag(0))).collect();
    board.insert("zulu".to_owned(), tag(30));
    board.insert("master".to_owned(), tag(1));
    fs::write(folder.path().join(".taskmaster/state.json"), r#"{"currentTag": "tag1999"}"#).unwrap();
    replace(&path, Value::from(board.clone()).to_string().as_bytes());
    let service = folder.start();
    let source = || service.source("taskmaster");
    let reason = eventually("the reason", || source()?["reason"].as_str().map(str::to_owned));
    assert!(
        reason.contains("1997 tags beyond 5 are left out (taskmaster.max_tags): tag0002, ") && reason.contains("and 1992 more"),
        "{reason}"
    );
    assert!(reason.contains("10 statuses and priorities beyond the bounds") && reason.contains("odd20"), "{reason}");
    let shown = boards(&service);
    assert_eq!(
        shown.keys().collect::<Vec<_>>(),
        ["master", "tag0000", "tag0001", "tag1999", "zulu"],
        "the one in use, and those with tasks"
    );
    let count = eventually("samples", || Some(service.query("count(taskmaster_tasks)")).filter(|r| !r.is_empty()));
    assert_eq!(count[0]["value"][1], (4 * 7 + 1 + 7 + 20).to_string());
    // One that was left out is not removed, and does not come in while there is no room.
    board.insert("tag1000".to_owned(), tag(3));
    replace(&path, Value::from(board.clone()).to_string().as_bytes());
    let read_at = shown["master"]["read_at"].as_f64();
    eventually("the next poll", || (boards(&service)["master"]["read_at"].as_f64() > read_at).then_some(()));
    assert_eq!(boards(&service).keys().collect::<Vec<_>>(), shown.keys().collect::<Vec<_>>());
    let events = service.data("/api/v1/events?source=taskmaster");
    assert_eq!(events, json!([]), "nothing moved that is watched");
    board.insert("master".to_owned(), tag(101));
    replace(&path, Value::from(board).to_string().as_bytes());
    eventually("too many tasks", || source()?["reason"].as_str()?.contains("at most 100 are watched (taskmaster.max_tasks)").then_some(()));
}
