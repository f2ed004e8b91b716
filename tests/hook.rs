//! `taskpulse hook` and `taskpulse statusline`, as coding agents run them: they never fail, and never keep an agent waiting.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::http::{Server, respond};
use common::receiver::Receiver;
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

/// Runs a command with something on standard input.
fn run_with(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that is over does not read all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn run(folder: &Folder, args: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut command = folder.command();
    command.args(args);
    let output = run_with(command, input);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const SILENT: (Option<i32>, String, String) = (Some(0), String::new(), String::new());
const EVENT: &[u8] = br#"{"session_id":"s1","hook_event_name":"Stop","cwd":"/home/dev/app"}"#;

/// The name of this machine.
fn host() -> String {
    String::from_utf8(Command::new("uname").arg("-n").output().unwrap().stdout).unwrap().trim().to_owned()
}

/// The sessions that a service with a token knows.
fn sessions(service: &Service) -> Vec<Value> {
    let answer = service.client.get(service.url("/api/v1/agents")).bearer_auth(TOKEN).send().unwrap();
    common::json_of(answer)["data"]["sessions"].as_array().unwrap().clone()
}

const TOKEN: &str = "a-token-of-sixteen";

#[test]
fn an_event_reaches_the_service_with_its_agent_its_machine_and_its_token() {
    let place = Folder::with_settings(&format!("[server]\ntoken = \"{TOKEN}\"\n[system]\nenabled = false\n"));
    let (service, folder) = (place.start(), Folder::new());
    let hook = |args: &[&str], env: &[(&str, &str)], event: &[u8]| {
        let mut command = folder.command();
        command.arg("hook").args(args).envs(env.iter().copied());
        let done = run_with(command, event);
        assert!(done.status.success());
        String::from_utf8(done.stderr).unwrap()
    };
    let url = service.url("/");
    let reason = hook(&["--url", &url, "-v"], &[("TASKPULSE__SERVER__TOKEN", "another-token-altogether")], EVENT);
    assert!(reason.contains("401"), "{reason}");
    hook(&["--agent", "gemini-cli", "--url", &url], &[("TASKPULSE__SERVER__TOKEN", TOKEN)], EVENT);
    // Without an address, by the settings.
    let port = service.port.to_string();
    let other = String::from_utf8_lossy(EVENT).replace("s1", "s2");
    hook(&[], &[("TASKPULSE__SERVER__TOKEN", TOKEN), ("TASKPULSE__SERVER__PORT", &port)], other.as_bytes());
    let known = eventually("both are known", || Some(sessions(&service)).filter(|known| known.len() == 2));
    let of = |id: &str| known.iter().find(|session| session["id"] == id).unwrap();
    assert_eq!((&of("s1")["agent"], &of("s2")["agent"]), (&json!("gemini-cli"), &json!("claude-code")));
    for session in &known {
        assert_eq!((&session["state"], &session["folder"]), (&json!("idle"), &json!("/home/dev/app")), "{session}");
        assert_eq!(session["host"], host().as_str(), "{session}");
    }
}

#[test]
fn an_answer_is_printed_if_it_says_anything() {
    let folder = Folder::new();
    let said = json!({"hookSpecificOutput": {"hookEventName": "Stop", "additionalContext": "CI failed on abc1234"}});
    for (status, body, printed) in [
        ("200 OK", said.to_string(), format!("{said}\n")),
        ("200 OK", "{}".to_owned(), String::new()),
        ("200 OK", " { }\n".to_owned(), String::new()),
        ("200 OK", "ok".to_owned(), String::new()),
        ("500 Internal Server Error", said.to_string(), String::new()),
        ("401 Unauthorized", "{\"error\":\"a token is needed\"}".to_owned(), String::new()),
        ("200 OK", format!("{{\"x\":\"{}\"}}", "y".repeat(100_000)), String::new()),
    ] {
        let server = Server::start(move |_, stream| respond(stream, status, "", body.as_bytes()));
        assert_eq!(run(&folder, &["hook", "--url", &server.url("")], EVENT), (Some(0), printed, String::new()), "{status}");
    }
}

#[test]
fn whatever_goes_wrong_a_hook_is_silent_and_a_success() {
    let folder = Folder::new();
    let receiver = Receiver::new();
    let url = receiver.server.url("");
    for input in [&b""[..], b"no JSON", b"[1]", b"\xff\xfe"] {
        assert_eq!(run(&folder, &["hook", "--url", &url], input), SILENT, "{input:?}");
    }
    assert_eq!(receiver.taken(), Vec::<Value>::new());
    for url in ["http://127.0.0.1:1", "no address", "ftp://there"] {
        assert_eq!(run(&folder, &["hook", "--url", url], EVENT), SILENT, "{url}");
        let (code, printed, reason) = run(&folder, &["hook", "-v", "--url", url], EVENT);
        assert!(code == Some(0) && printed.is_empty() && reason.starts_with("taskpulse hook: "), "{url}: {reason}");
    }
    let (code, printed, _) = run(&folder, &["hook", "--no-such-flag"], EVENT);
    assert_eq!((code, printed.as_str()), (Some(0), ""), "exit code 2 would be a veto");
    folder.settings("this is no setting of taskpulse");
    run(&folder, &["hook", "--url", &url], EVENT);
    assert_eq!(receiver.taken().len(), 1, "settings that cannot be read stop nothing");
}

#[test]
fn a_service_that_hangs_keeps_nobody_waiting() {
    let folder = Folder::new();
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    // Far below the time after which a connection would give up by itself.
    let patience = Duration::from_secs(20);
    let began = Instant::now();
    assert_eq!(run(&folder, &["hook", "--url", &url], EVENT), SILENT);
    let (code, printed, _) = run(&folder, &["statusline", "--url", &url], br#"{"model":{"display_name":"Opus 5.5"}}"#);
    assert_eq!((code, printed.as_str()), (Some(0), "Opus 5.5\n"));
    assert!(began.elapsed() < patience);
    // An agent that does not close the input.
    let mut child = folder.command().args(["hook", "--url", &url]).stdin(Stdio::piped()).spawn().unwrap();
    let open = child.stdin.take();
    assert!(child.wait().unwrap().success());
    assert!(began.elapsed() < patience);
    drop(open);
}

#[test]
fn a_large_event_arrives_without_its_long_texts() {
    let (folder, receiver) = (Folder::new(), Receiver::new());
    let event = json!({"session_id": "s1", "tool_input": {"content": "x".repeat(3 << 20)}}).to_string();
    assert_eq!(run(&folder, &["hook", "--url", &receiver.server.url("")], event.as_bytes()), SILENT);
    let taken = receiver.taken();
    assert_eq!(taken[0]["body"]["session_id"], "s1");
    assert!(taken[0]["body"]["tool_input"]["content"].as_str().unwrap().len() < 10_000);
}

/// What Claude Code 2.1.328 gave its status line, with limits as a subscription has them.
const STATUS: &str = r#"{"session_id":"65bcf3fc","cwd":"/home/dev/app","model":{"id":"claude-opus-5-5","display_name":"Opus 5.5"},
    "cost":{"total_cost_usd":0.02718},"context_window":{"context_window_size":1000000,"used_percentage":1},
    "rate_limits":{"five_hour":{"used_percentage":42,"resets_at":1795636552}}}"#;

#[test]
fn a_status_line_is_kept_and_printed() {
    let place = Folder::with_settings(&format!("[server]\ntoken = \"{TOKEN}\"\n[system]\nenabled = false\n"));
    let (service, folder) = (place.start(), Folder::with_settings(&format!("[server]\ntoken = \"{TOKEN}\"\n")));
    run(&folder, &["hook", "--url", &service.url("")], String::from_utf8_lossy(EVENT).replace("s1", "65bcf3fc").as_bytes());
    let (code, line, errors) = run(&folder, &["statusline", "--url", &service.url("")], STATUS.as_bytes());
    assert_eq!((code, line.as_str(), errors.as_str()), (Some(0), "Opus 5.5 · 1 % of 1M context · $0.03 · 5h limit 42 %\n", ""));
    let known = eventually("it is kept", || sessions(&service).into_iter().find(|session| session["context_used_ratio"] == 0.01));
    assert_eq!((&known["cost_usd"], &known["limits"][0]["used_ratio"], &known["host"]), (&json!(0.02718), &json!(0.42), &json!(host())));
    for input in ["", "odd", "[]", "{\"model\":7}"] {
        let (code, line, errors) = run(&folder, &["statusline", "--url", "http://127.0.0.1:1"], input.as_bytes());
        assert_eq!((code, line.as_str(), errors.as_str()), (Some(0), "taskpulse\n", ""), "{input}");
    }
}
