//! Coding agents over HTTP: recordings of the real clients against the real binary.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::otlp::JSON;
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/agents").join(folder)
}

/// The requests of a recording: where they came, and their bodies.
fn recording(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(data(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let path = |file: &Path| {
        let name = file.file_stem().unwrap().to_str().unwrap().split_once('-').unwrap().1;
        format!("/{}", name.replacen('-', "/", 1))
    };
    files.iter().map(|file| (path(file), std::fs::read(file).unwrap())).collect()
}

fn send(service: &Service, (path, body): &(String, Vec<u8>)) {
    let response = reqwest::blocking::Client::new().post(service.url(path)).header("content-type", JSON).body(body.clone()).send();
    let response = response.unwrap();
    assert_eq!(response.status(), 200, "{path}: {}", response.text().unwrap());
}

/// A hook, and what it was answered.
fn hook(service: &Service, event: &Value) -> Value {
    let client = reqwest::blocking::Client::new();
    let response = client.post(service.url("/hooks/agent")).header("content-type", JSON).body(event.to_string()).send().unwrap();
    assert_eq!(response.status(), 200);
    common::json_of(response)
}

fn sessions(service: &Service) -> Vec<Value> {
    service.data("/api/v1/agents")["sessions"].as_array().unwrap().clone()
}

fn session(service: &Service, id: &str) -> Option<Value> {
    sessions(service).into_iter().find(|session| session["id"] == id)
}

/// What the service says of a session, in the form of the expected figures.
fn figures(session: &Value) -> Value {
    let mut tools = serde_json::Map::new();
    for tool in session["tools"].as_array().unwrap() {
        for word in ["ok", "failed"] {
            if tool[word] != 0 {
                tools.insert(format!("{} {word}", tool["name"].as_str().unwrap()), tool[word].clone());
            }
        }
    }
    let commits: Vec<Value> = session["commits"].as_array().unwrap().iter().map(|commit| commit["id"].clone()).collect();
    json!({
        "task": session["tasks"][0]["id"], "api_requests": session["requests"], "api_errors": session["errors"],
        "cost_usd_micros": (session["cost_usd"].as_f64().unwrap() * 1e6).round() as u64, "tokens": session["tokens"],
        "tools": tools, "commits": commits, "prompts": session["prompts"],
    })
}

fn expected(folder: &str) -> BTreeMap<String, Value> {
    let all: Value = serde_json::from_slice(&std::fs::read(data("claude-code/expected.json")).unwrap()).unwrap();
    let mut sessions: BTreeMap<String, Value> = serde_json::from_value(all[folder].clone()).unwrap();
    for session in sessions.values_mut() {
        session.as_object_mut().unwrap().remove("decisions");
    }
    sessions
}

fn all_figures(service: &Service) -> BTreeMap<String, Value> {
    sessions(service).iter().map(|session| (session["id"].as_str().unwrap().to_owned(), figures(session))).collect()
}

#[test]
fn figures_are_the_clients_own_in_any_order_sent_again_and_over_a_kill() {
    for folder in ["headless", "interactive"] {
        let place = Folder::new();
        let service = place.start();
        let none = service.data("/api/v1/agents");
        assert!(none["missing"].as_str().unwrap().contains("taskpulse connect claude"), "{none}");
        let requests = recording(&format!("claude-code/{folder}"));
        let (first, rest) = requests.split_at(requests.len() / 2);
        rest.iter().for_each(|request| send(&service, request));
        // What was answered is durable; hooks, which nobody waits for, a second later.
        std::thread::sleep(Duration::from_millis(1_500));
        service.kill();
        let service = place.start();
        first.iter().rev().for_each(|request| send(&service, request));
        requests.iter().step_by(3).for_each(|request| send(&service, request));
        eventually("all hooks are taken in", || (all_figures(&service) == expected(folder)).then_some(()));
        let costs = service.data("/api/v1/costs?by=model,task");
        let wanted: u64 = expected(folder).values().map(|session| session["cost_usd_micros"].as_u64().unwrap()).sum();
        assert_eq!(costs["total"]["cost_usd_micros"], wanted, "{costs}");
    }
}

/// Figures of a row of costs that add up.
const FIGURES: [&str; 10] = [
    "cost_usd_micros",
    "requests",
    "active_seconds",
    "waiting_seconds",
    "wall_seconds",
    "cpu_seconds",
    "retries",
    "errors",
    "lines_added",
    "lines_removed",
];

#[test]
fn what_work_took_comes_to_the_same_total_whatever_it_is_asked_by() {
    let place = Folder::new();
    let service = place.start();
    for folder in ["claude-code/headless", "claude-code/interactive", "gemini/headless", "codex/exec"] {
        recording(folder).iter().for_each(|request| send(&service, request));
    }
    let ended = |session: &Value| session["agent"] != "claude-code" || session["state"] == "ended";
    eventually("all hooks are taken in", || sessions(&service).iter().all(ended).then_some(()));
    // A stop writes what hooks said.
    assert_eq!(service.stop(), Some(0));
    let service = place.start();
    let asked = |by: &str| service.data(&format!("/api/v1/costs?by={by}"));
    let total = asked("session")["total"].clone();
    assert!(total["wall_seconds"].as_f64() > Some(1.0) && total["active_seconds"].as_f64() > Some(3.0), "{total}");
    assert_eq!(total["cpu_seconds"], Value::Null, "no process of these sessions runs here");
    for by in ["agent", "model", "task", "tag", "week", "day", "branch", "repository", "commit", "task,model", "day,session,commit"] {
        let costs = asked(by);
        let rows = costs["rows"].as_array().unwrap();
        let is_rest = |row: &&Value| row["key"].as_object().unwrap().values().all(Value::is_null);
        assert_eq!(rows.iter().filter(is_rest).count(), 1, "what is attributed to nothing, by {by}: {costs}");
        for figure in FIGURES {
            let known: Vec<f64> = rows.iter().filter_map(|row| row[figure].as_f64()).collect();
            let sum = (!known.is_empty()).then(|| known.iter().sum::<f64>());
            assert_eq!(
                sum.map(|sum| (sum * 1e3).round()),
                total[figure].as_f64().map(|all| (all * 1e3).round()),
                "{figure} by {by}: {costs}"
            );
            assert_eq!(costs["total"][figure], total[figure], "{figure} by {by}");
        }
    }
    // And to what sessions say.
    let sessions = sessions(&service);
    let sum = |figure: &str| sessions.iter().filter_map(|session| session[figure].as_f64()).sum::<f64>();
    for figure in ["requests", "active_seconds", "waiting_seconds", "errors", "retries", "lines_added", "lines_removed"] {
        assert!((sum(figure) - total[figure].as_f64().unwrap_or(0.0)).abs() < 1e-6, "{figure}: {total}");
    }
}

#[test]
fn the_cpu_time_of_an_agents_processes_is_that_of_the_session_in_their_folder() {
    let place = Folder::new();
    let folder = place.path().canonicalize().unwrap();
    let program = folder.join("claude");
    std::fs::copy("/bin/sh", &program).unwrap();
    let mut agent = std::process::Command::new(&program).args(["-c", "while :; do :; done"]).current_dir(&folder).spawn().unwrap();
    let service = place.start();
    hook(&service, &json!({"session_id": "busy", "cwd": folder, "hook_event_name": "UserPromptSubmit", "prompt_id": "p"}));
    hook(&service, &json!({"session_id": "away", "cwd": "/elsewhere", "hook_event_name": "UserPromptSubmit", "prompt_id": "q"}));
    let seconds = common::within(Duration::from_secs(120), "CPU time", || {
        session(&service, "busy")?["cpu_seconds"].as_f64().filter(|used| *used > 0.0)
    });
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(seconds < 200.0, "{seconds}");
    assert_eq!(session(&service, "away").unwrap()["cpu_seconds"], Value::Null);
    // What hooks and processes say is written a second later.
    eventually("a row", || {
        let rows = service.data("/api/v1/costs?by=session")["rows"].as_array().unwrap().clone();
        let of_busy = rows.into_iter().find(|row| row["key"]["session"] == "claude-code/busy")?;
        of_busy["cpu_seconds"].as_f64().filter(|used| *used >= seconds)
    });
}

#[test]
fn a_hook_says_at_once_what_a_session_does_and_a_restart_knows_it() {
    let place = Folder::new();
    let service = place.start();
    let event = |name: &str, more: Value| {
        let mut event = json!({"session_id": "s1", "cwd": "/home/dev/app", "hook_event_name": name});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let state =
        |service: &Service, wanted: &str| eventually(wanted, || session(service, "s1").filter(|session| session["state"] == wanted));
    assert_eq!(hook(&service, &event("UserPromptSubmit", json!({"prompt": "a secret", "prompt_id": "p1"}))), json!({}));
    let working = state(&service, "working");
    assert_eq!((&working["folder"], &working["cost_usd"], &working["requests"]), (&json!("/home/dev/app"), &Value::Null, &Value::Null));
    hook(&service, &event("PermissionRequest", json!({"tool_name": "Bash", "tool_input": {"command": "rm -r x"}})));
    let waiting = state(&service, "waiting");
    assert_eq!((&waiting["waits_for"], &waiting["tool"]), (&json!("permission"), &json!("Bash")));
    let status = json!({"session_id": "s1", "context_window": {"used_percentage": 42}, "cost": {"total_cost_usd": 0.5}});
    let client = reqwest::blocking::Client::new();
    let taken = client.post(service.url("/hooks/agent/status")).header("content-type", JSON).body(status.to_string()).send().unwrap();
    assert_eq!(taken.status(), 200);
    let known = eventually("the status line", || session(&service, "s1").filter(|session| session["context_used_ratio"] == 0.42));
    assert_eq!(known["cost_usd"], 0.5);
    hook(&service, &event("Stop", json!({})));
    state(&service, "idle");
    let samples = eventually("samples", || Some(service.query(r#"agent_sessions{state="idle"}"#)).filter(|found| !found.is_empty()));
    assert_eq!(samples.len(), 1);
    eventually("samples of the machine", || (!service.query("system_cpu_utilization_ratio").is_empty()).then_some(()));
    service.metrics_are_documented();
    assert_eq!(service.stop(), Some(0));
    let service = place.start();
    let after = session(&service, "s1").unwrap();
    assert_eq!((&after["state"], &after["context_used_ratio"]), (&json!("idle"), &json!(0.42)));
    let details = service.data("/api/v1/agents/claude-code/s1");
    assert_eq!((details["session"]["id"].as_str(), details["turns"][0]["prompt"].as_str()), (Some("s1"), Some("p1")));
    let kept = serde_json::to_string(&details).unwrap();
    assert!(!kept.contains("secret") && !kept.contains("rm -r"), "{kept}");
}

#[test]
fn states_are_kept_and_followed() {
    let place = Folder::new();
    let service = place.start();
    let mut socket = service.socket();
    socket.send(&json!({"op": "subscribe", "id": 1, "topic": "agents"}));
    let first = socket.wait_for("a snapshot", |frame| frame["type"] == "snapshot");
    assert_eq!(first["data"], json!([]));
    let event = |name: &str| json!({"session_id": "s1", "hook_event_name": name, "tool_name": "Bash"});
    for (name, state) in [("UserPromptSubmit", "working"), ("PermissionRequest", "waiting"), ("Stop", "idle")] {
        hook(&service, &event(name));
        socket.wait_for(state, |frame| frame["type"] == "update" && frame["data"][0]["state"] == state);
        // What lasts less than a second is no state of its own.
        std::thread::sleep(Duration::from_millis(1_100));
    }
    let states = |service: &Service, path: &str| {
        let rows = service.data(path);
        let rows = rows["states"].as_array().or(rows.as_array()).unwrap().clone();
        rows.iter().map(|row| format!("{} {} {}", row["state"], row["tool"], row["to"].is_null())).collect::<Vec<_>>()
    };
    let wanted = [r#""working" null false"#, r#""waiting" "Bash" false"#, r#""idle" null true"#];
    assert_eq!(states(&service, "/api/v1/agents/states"), wanted);
    assert_eq!(states(&service, "/api/v1/agents/claude-code/s1"), wanted);
    assert_eq!(service.stop(), Some(0));
    let service = place.start();
    assert_eq!(states(&service, "/api/v1/agents/states"), wanted, "a restart knows them");
    assert_eq!(states(&service, "/api/v1/agents/states?start=1&end=2"), Vec::<String>::new());
}

#[test]
fn questions_about_agents_are_answered() {
    let place = Folder::new();
    let service = place.start();
    let ask = |question: &str| service.ask(question);
    let none = ask("which agents are waiting");
    assert!(none["missing"].as_str().unwrap().contains("taskpulse connect claude"), "{none}");
    recording("claude-code/headless").iter().for_each(|request| send(&service, request));
    let event = |name: &str| json!({"session_id": "waiting-session", "cwd": "/home/dev/app", "hook_event_name": name, "tool_name": "Bash"});
    hook(&service, &event("UserPromptSubmit"));
    hook(&service, &event("PermissionRequest"));
    eventually("it waits", || session(&service, "waiting-session").filter(|session| session["state"] == "waiting"));
    for (question, part) in [
        (
            "which agents are waiting for permission",
            "1 session of coding agents is waiting for permission: claude-code waiting-: waits for permission to use Bash for",
        ),
        ("which agents are waiting for an answer", "No session of coding agents is waiting for an answer"),
        ("why does claude wait", "claude-code waiting-: waits for permission to use Bash for"),
        ("how many agents are waiting", "1 session of coding agents is waiting"),
        ("what is claude doing", "waits for permission to use Bash"),
        ("which agent worked on task 3", "known to have worked on task 3: claude-code "),
        ("which agent worked on task 4", "No session of coding agents is known to have worked on task 4"),
        ("which agents are stuck", "No session of coding agents is in trouble"),
        ("how long did claude wait for me today", "claude-code waited "),
        ("what did codex cost today", "No money of codex can be said"),
    ] {
        let answer = ask(question);
        assert_eq!(answer["understood"], true, "{question}: {answer}");
        assert!(answer["sentence"].as_str().unwrap().contains(part), "{question}: {answer}");
    }
    // The recording has its own time: as much as the client said it cost.
    let cost = ask("which session costs most on 2026-11-25");
    assert_eq!(cost["rows"][0]["text"], "0.07 USD", "{cost}");
    let tokens = ask("which model used the most tokens on 2026-11-25");
    assert!(tokens["rows"][0]["text"].as_str().unwrap().ends_with(" tokens"), "{tokens}");
}

#[test]
fn what_is_no_hook_is_refused_in_words() {
    let place = Folder::new();
    let service = place.start();
    let client = reqwest::blocking::Client::new();
    for (path, body, why) in [
        ("/hooks/agent", "{", "not a JSON object"),
        ("/hooks/agent", r#"{"cwd":"/x"}"#, "no `session_id`"),
        ("/hooks/agent/status", "[]", "not a JSON object"),
    ] {
        let response = client.post(service.url(path)).header("content-type", JSON).body(body).send().unwrap();
        assert_eq!(response.status(), 400, "{path}");
        assert!(response.text().unwrap().contains(why), "{path}: {why}");
    }
    for (path, status) in [("/api/v1/agents/claude-code/none", 404), ("/api/v1/agents?state=asleep", 400), ("/api/v1/costs?by=colour", 400)]
    {
        assert_eq!(service.get(path).status(), status, "{path}");
    }
    assert!(sessions(&service).is_empty());
}

/// A log record of a request to a model.
fn request(session: &str, id: &str, micros: u64, at_ms: i64, more: &[Value]) -> (String, Vec<u8>) {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let mut attributes = vec![text("session.id", session), text("event.name", "api_request"), text("request_id", id), text("model", "m")];
    attributes.push(json!({"key": "cost_usd_micros", "value": {"intValue": micros}}));
    attributes.extend(more.iter().cloned());
    let record = json!({"timeUnixNano": common::otlp::nanos(at_ms), "attributes": attributes});
    let resource = json!({"attributes": [text("service.name", "claude-code")]});
    let body = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]});
    ("/v1/logs".to_owned(), body.to_string().into_bytes())
}

#[test]
fn bad_input_costs_no_session_its_state_and_no_figure() {
    let place = Folder::new();
    let service = place.start();
    let client = reqwest::blocking::Client::new();
    let post = |path: &str, body: Vec<u8>| {
        let response = client.post(service.url(path)).header("content-type", JSON).body(body).send().unwrap();
        (response.status().as_u16(), response.text().unwrap())
    };
    let now = common::remote::now_ms();
    let event = |id: &str, name: &str| json!({"session_id": id, "hook_event_name": name, "cwd": "/home/dev/app"});
    let is = |id: &str, state: &str, micros: u64| {
        eventually(&format!("{id} is {state}"), || {
            session(&service, id).filter(|session| session["state"] == state && session["cost_usd"] == micros as f64 / 1e6)
        })
    };

    // A clock that is ten minutes off, either way: what comes after is not hidden, what comes late changes figures alone.
    for (id, off) in [("ahead", 600_000), ("behind", -600_000)] {
        hook(&service, &event(id, "UserPromptSubmit"));
        send(&service, &request(id, id, 1_500, now + off, &[]));
        is(id, "working", 1_500);
        hook(&service, &event(id, "Stop"));
        let idle = is(id, "idle", 1_500);
        assert!(idle["since"].as_f64().unwrap() >= now as f64 / 1e3 && idle["since"].as_f64() <= idle["last_seen"].as_f64(), "{idle}");
    }

    // 100,000 attributes.
    let many: Vec<Value> = (0..100_000).map(|n| json!({"key": format!("k{n}"), "value": {"intValue": n}})).collect();
    hook(&service, &event("many", "UserPromptSubmit"));
    send(&service, &request("many", "many", 700, now, &many));
    is("many", "working", 700);

    // Large bodies, bytes that are no text, half of a character where an agent cut a text.
    let large = json!({"session_id": "large", "hook_event_name": "Stop", "tool_input": {"content": "x".repeat(1 << 20)}});
    assert_eq!(post("/hooks/agent", large.to_string().into_bytes()), (200, "{}".to_owned()));
    for (id, text) in [("bytes", &b"\xff\xfe"[..]), ("half", br"cut \ud83d")] {
        let body = [format!(r#"{{"session_id":"{id}","hook_event_name":"Stop","prompt":""#).into_bytes(), text.to_vec(), b"\"}".to_vec()];
        assert_eq!(post("/hooks/agent", body.concat()), (200, "{}".to_owned()), "{id}");
        let line = [
            format!(r#"{{"session_id":"{id}","context_window":{{"used_percentage":42}},"x":""#).into_bytes(),
            text.to_vec(),
            b"\"}".to_vec(),
        ];
        assert_eq!(post("/hooks/agent/status", line.concat()).0, 200, "{id}");
    }
    for id in ["large", "bytes", "half"] {
        eventually(id, || session(&service, id).filter(|session| session["state"] == "idle"));
    }
    let too_large = post("/hooks/agent", vec![b' '; 9 << 20]);
    assert_eq!(too_large.0, 413, "{too_large:?}");
    assert_eq!(post("/hooks/agent", [b"[".repeat(100_000), b"]".repeat(100_000)].concat()).0, 400);

    // Events that are not known, and none at all: they say that the session lives, and make none.
    assert_eq!(hook(&service, &event("large", "SomethingNew")), json!({}));
    assert_eq!(hook(&service, &json!({"session_id": "nobody", "hook_event_name": 7})), json!({}));
    assert_eq!(hook(&service, &json!({"session_id": "nobody"})), json!({}));
    assert_eq!(post("/hooks/agent?agent=&host=", event("last", "Stop").to_string().into_bytes()).0, 200);
    eventually("the last one", || session(&service, "last"));
    assert!(session(&service, "nobody").is_none());
    assert!(!service.log().contains("panic"), "{}", service.log());
}

#[test]
fn two_machines_may_have_sessions_of_one_id() {
    let place = Folder::new();
    let service = place.start();
    let client = reqwest::blocking::Client::new();
    let says = |host: &str, name: &str| {
        let event = json!({"session_id": "s", "hook_event_name": name, "cwd": format!("/home/{host}")});
        let sent = client.post(service.url("/hooks/agent")).query(&[("host", host)]).header("content-type", JSON).body(event.to_string());
        assert_eq!(sent.send().unwrap().status(), 200);
    };
    says("desk", "UserPromptSubmit");
    says("lap top", "UserPromptSubmit");
    says("desk", "Stop");
    let of = |host: &str| sessions(&service).into_iter().find(|session| session["host"] == host);
    eventually("each has its state", || {
        let state = |host: &str| of(host).map(|session| session["state"].clone());
        (state("desk") == Some(json!("idle")) && state("lap top") == Some(json!("working"))).then_some(())
    });
    assert_eq!(sessions(&service).len(), 2);
    for host in ["desk", "lap top"] {
        let answer: Value = service.get_with("/api/v1/agents/claude-code/s", &[("host", host)]).json().unwrap();
        assert_eq!(answer["data"]["session"]["folder"], format!("/home/{host}"), "{answer}");
    }
    assert_eq!(service.get("/api/v1/agents/claude-code/s?host=none").status(), 404);
}

#[test]
fn costs_go_to_the_task_that_was_in_progress_in_the_folder() {
    let place = Folder::new();
    std::fs::create_dir_all(place.path().join(".taskmaster/tasks")).unwrap();
    let board = json!({"master": {"tasks": [{"id": 7, "title": "Pay", "status": "in-progress"}]}});
    common::replace(&place.path().join(".taskmaster/tasks/tasks.json"), board.to_string().as_bytes());
    let service = place.start();
    eventually("the board", || service.data("/api/v1/tasks")["boards"].as_array().unwrap().first().cloned());
    let folder = place.path().to_str().unwrap().to_owned();
    let now = common::remote::now_ms() + 10;
    hook(&service, &json!({"session_id": "s2", "cwd": folder, "hook_event_name": "UserPromptSubmit", "prompt_id": "p"}));
    hook(&service, &json!({"session_id": "s3", "cwd": "/elsewhere", "hook_event_name": "UserPromptSubmit", "prompt_id": "q"}));
    std::thread::sleep(Duration::from_millis(50));
    for (id, micros) in [("s2", 1_500), ("s3", 700)] {
        let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
        let attributes = json!([
            attribute("session.id", json!({"stringValue": id})),
            attribute("event.name", json!({"stringValue": "api_request"})),
            attribute("request_id", json!({"stringValue": format!("r-{id}")})),
            attribute("model", json!({"stringValue": "m"})),
            attribute("cost_usd_micros", json!({"intValue": micros})),
        ]);
        let record = json!({"timeUnixNano": common::otlp::nanos(now), "attributes": attributes});
        let resource = json!({"attributes": [attribute("service.name", json!({"stringValue": "claude-code"}))]});
        let body = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]});
        send(&service, &("/v1/logs".to_owned(), body.to_string().into_bytes()));
    }
    let rows = service.data("/api/v1/costs?by=tag,task")["rows"].as_array().unwrap().clone();
    let by_board = rows.iter().find(|row| row["key"]["tag"] == "master").unwrap();
    assert_eq!(by_board["partial"], true, "it was in progress when the service first saw it: {by_board}");
    let seen = by_board["counted_from"].as_f64().unwrap();
    assert!((now as f64 / 1e3 - seen).abs() < 600.0, "{by_board}");
    let item = &service.data("/api/v1/tasks")["boards"][0]["items"][0]["cost"];
    assert_eq!((&item["since"], &item["start_seen"]), (&by_board["counted_from"], &json!(false)), "the board says the same: {item}");
    let told: Vec<(&Value, &Value, &Value)> = rows.iter().map(|row| (&row["key"]["tag"], &row["cost_usd_micros"], &row["how"])).collect();
    assert_eq!(
        told,
        [(&json!("master"), &json!(1_500), &json!(["by_folder_and_time"])), (&Value::Null, &json!(700), &json!([]))],
        "{rows:?}"
    );
}
