//! Facts that come several ways: of one call, and of one session.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_call_has_one_name_and_one_outcome_whichever_way_says_it_first() {
    let log = |client: &str, attributes: Value| {
        let all: Vec<Value> = attributes.as_object().unwrap().iter().map(|(k, v)| json!({"key": k, "value": {"stringValue": v}})).collect();
        let resource = json!({"attributes": [
            {"key": "service.name", "value": {"stringValue": client}}, {"key": "service.version", "value": {"stringValue": "v20"}},
        ]});
        let record = json!({"timeUnixNano": (NOW * 1_000_000).to_string(), "attributes": all});
        let body = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]});
        signals(&("logs".to_owned(), body.to_string().into_bytes()), NOW)
    };
    let codex = log(
        "codex_exec",
        json!({"event.name": "codex.tool_result", "conversation.id": "s", "call_id": "c1", "tool_name": "exec_command", "success": "true"}),
    );
    let called = br#"{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Bash","tool_use_id":"c1","tool_input":{}}"#;
    let codex_hook = hook("codex", called, NOW).unwrap().signals;
    let gemini = log(
        "gemini-cli",
        json!({"event.name": "gemini_cli.tool_call", "session.id": "s", "function_name": "run_shell_command", "success": "true"}),
    );
    let gemini_hook = |said: &str, time: &str| {
        let event = json!({
            "session_id": "s", "hook_event_name": "AfterTool", "tool_name": "run_shell_command", "timestamp": time,
            "tool_input": {"command": "x"}, "tool_response": {"llmContent": said},
        });
        hook("gemini-cli", event.to_string().as_bytes(), NOW).unwrap().signals
    };
    let failed = gemini_hook("<context>\nOutput: no\nExit Code: 1\nProcess Group PGID: 7\n</context>", "t1");
    let printed = gemini_hook("<context>\nOutput: Exit Code: 1\nend\nProcess Group PGID: 7\n</context>", "t1");
    let tools = |order: &[&Vec<Signal>]| {
        let (mut book, kept) = (Book::default(), Kept::default());
        order.iter().for_each(|signals| book.apply(signals.to_vec(), &kept, NOW));
        let session = book.sessions().next().unwrap();
        let tools = session.tools().map(|(name, counts)| (name.to_owned(), (counts.ok, counts.failed))).collect::<Vec<_>>();
        (tools, session.version().map(str::to_owned))
    };
    let bash = |ok: u64, failed: u64| vec![("run_shell_command".to_owned(), (ok, failed))];
    for order in [[&codex, &codex_hook], [&codex_hook, &codex]] {
        assert_eq!(tools(&order), (vec![("exec_command".to_owned(), (1, 0))], Some("v20".to_owned())));
    }
    for order in [vec![&gemini, &failed], vec![&failed, &gemini, &failed], vec![&failed]] {
        assert_eq!(tools(&order), (bash(0, 1), None), "the version is that of Node");
    }
    assert_eq!((tools(&[&printed, &gemini]).0, tools(&[&gemini]).0), (bash(1, 0), bash(1, 0)));
}

#[test]
fn two_machines_may_have_sessions_of_one_id() {
    let (mut book, kept) = (Book::default(), Kept::default());
    let says = |host: &str, event: &str, prompt: &str| {
        let event = json!({"session_id": "s", "hook_event_name": event, "prompt_id": prompt});
        hook("", event.to_string().as_bytes(), NOW).unwrap().on_machine(host).signals
    };
    let counted = |book: &Book| book.sessions().map(|session| (session.host().to_owned(), session.prompts)).collect::<Vec<_>>();
    let of = |host: &str, prompts: u64| (host.to_owned(), prompts);
    // Telemetry that names no machine came first: it is of the first that is named.
    book.apply(says("", "UserPromptSubmit", "p1"), &kept, NOW);
    book.apply(says("a", "UserPromptSubmit", "p2"), &kept, NOW + 1);
    assert_eq!(counted(&book), [of("a", 2)]);
    book.apply(says("b", "UserPromptSubmit", "p2"), &kept, NOW + 2);
    assert_eq!(counted(&book), [of("a", 2), of("b", 1)]);
    kept.keep(&mut book);
    let mut book = Book::restored(&kept.all());
    for _ in 0..2 {
        // Without a machine: of the one that was heard of last, and where it is when it comes again.
        book.apply(says("", "UserPromptSubmit", "p3"), &kept, NOW + 3);
        book.apply(says("a", "Stop", ""), &kept, NOW + 4);
    }
    assert_eq!(counted(&book), [of("a", 2), of("b", 2)]);
    let key = |host: &str| SessionKey { agent: "claude-code".to_owned(), id: "s".to_owned(), host: host.to_owned() };
    assert_eq!(book.known(&key("a")).map(|session| session.state(NOW + 4).0), Some(State::Idle));
    assert_eq!(book.known(&key("b")).map(|session| session.state(NOW + 4).0), Some(State::Working));
    assert!(book.known(&key("c")).is_none());
}

#[test]
fn a_session_that_never_ends_is_lost_after_a_while_and_found_again() {
    const MINUTE: i64 = 60_000;
    let (mut book, kept) = (Book::default(), Kept::default());
    let says = |book: &mut Book, event: &str, at: i64| {
        let event = json!({"session_id": "s", "hook_event_name": event, "tool_name": "Bash"});
        book.apply(hook("", event.to_string().as_bytes(), at).unwrap().signals, &kept, at);
    };
    let state = |book: &Book, at: i64| book.sessions().next().unwrap().state(at);
    says(&mut book, "UserPromptSubmit", NOW);
    assert_eq!(state(&book, NOW + 29 * MINUTE), (State::Working, NOW));
    assert_eq!(state(&book, NOW + 31 * MINUTE), (State::Lost, NOW), "since its last sign");
    says(&mut book, "PermissionRequest", NOW + 60 * MINUTE);
    assert_eq!(state(&book, NOW + 600 * MINUTE).0.word(), "waiting", "whoever waits for a person may do so all night");
    assert_eq!(state(&book, NOW + 800 * MINUTE).0, State::Lost);
    says(&mut book, "PreToolUse", NOW + 900 * MINUTE);
    assert_eq!(state(&book, NOW + 900 * MINUTE), (State::Working, NOW + 900 * MINUTE));
}
