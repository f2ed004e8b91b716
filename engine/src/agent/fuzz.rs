//! What mutation fuzzing reads: hooks, status lines, and what clients sent as log records, data points and spans, one of each kind.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::tests::{Kept, NOW, recording};
use super::*;
use crate::logs::push;
use crate::otlp::Encoding;
use crate::traces;

/// Paths to the lists in which a request has its records, and what tells records of one kind from others.
const LISTS: [([&str; 3], &[&str]); 3] = [
    (["resourceLogs", "scopeLogs", "logRecords"], &["/body/stringValue"]),
    (["resourceMetrics", "scopeMetrics", "metrics"], &["/name"]),
    (["resourceSpans", "scopeSpans", "spans"], &["/name"]),
];

/// Real inputs: each hook, and a request with one record for each kind of them.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let folders = ["claude-code/headless", "claude-code/interactive", "codex/exec", "gemini/headless", "gemini/prompts"];
    let mut samples: Vec<Vec<u8>> = Vec::new();
    let mut small: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, body) in folders.into_iter().flat_map(recording) {
        let request: Value = serde_json::from_slice(&body).unwrap();
        if name.contains("hooks") {
            samples.push(body);
            continue;
        }
        LISTS.iter().for_each(|(path, kinds)| single_records(&request, *path, kinds, &mut small));
    }
    samples.extend(small.into_values());
    samples.push(
        json!({
            "session_id": "s", "cwd": "/w", "version": "2", "model": {"id": "m"}, "cost": {"total_cost_usd": 0.027_18},
            "context_window": {"used_percentage": 42}, "rate_limits": {"five_hour": {"used_percentage": 42.5, "resets_at": 1_795_636_552}},
        })
        .to_string()
        .into_bytes(),
    );
    for event in ["AfterTool", "AssistantMessage", "PreToolUse", "Notification"] {
        let event = json!({
            "session_id": "s", "hook_event_name": event, "tool_name": "x", "timestamp": "t", "tool_input": {"a": 1}, "message_id": "m",
            "tool_response": {"llmContent": "Output: x\nExit Code: 1\n</x>"}, "cost_usd": 0.5, "tokens": {"input": 1}, "message": "permission",
        });
        samples.push(event.to_string().into_bytes());
    }
    samples
}

/// Requests with one record each, for each kind that is not known yet.
fn single_records(request: &Value, [resources, scopes, records]: [&str; 3], kinds: &[&str], known: &mut BTreeMap<String, Vec<u8>>) {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    for resource in list(request, resources) {
        for scope in list(&resource, scopes) {
            for record in list(&scope, records) {
                let event =
                    list(&record, "attributes").iter().find(|pair| pair["key"] == "event.name").map(|pair| pair["value"].to_string());
                let kind = event.or_else(|| kinds.iter().find_map(|path| record.pointer(path)).map(Value::to_string)).unwrap_or_default();
                let (mut scope, mut resource) = (scope.clone(), resource.clone());
                scope[records] = json!([record]);
                resource[scopes] = json!([scope]);
                known.entry(format!("{records} {kind}")).or_insert_with(|| json!({resources: [resource]}).to_string().into_bytes());
            }
        }
    }
}

/// Reads bytes as each kind of input. Whatever they say is counted once, has names within their bounds, and is the same after a restart.
pub(crate) fn take_anything(bytes: &[u8]) {
    let arrived = NOW * 1_000_000;
    let mut all = vec![
        hook("", bytes, NOW).map(|hook| hook.signals).unwrap_or_default(),
        hook("gemini-cli", bytes, NOW).map(|hook| hook.signals).unwrap_or_default(),
        status_line(bytes, NOW).unwrap_or_default(),
    ];
    for encoding in [Encoding::Json, Encoding::Protobuf] {
        all.extend(push::otlp::take(encoding, bytes, &[], arrived).map(|taken| lines(&taken.lines)));
        all.extend(encoding.decode(bytes).map(|request| points(&request)));
        all.extend(traces::otlp::take(encoding, bytes).map(|taken| spans(&taken.spans)));
    }
    for signals in all.into_iter().filter(|signals| !signals.is_empty()) {
        let (mut book, kept) = (Book::default(), Kept::default());
        book.apply(signals.clone(), &kept, NOW);
        let once: Vec<Value> = book.sessions().map(counted).collect();
        kept.keep(&mut book);
        let mut restored = Book::restored(&kept.all());
        let whole = |book: &Book| book.sessions().map(|session| serde_json::to_string(session).unwrap()).collect::<Vec<String>>();
        assert_eq!(whole(&restored), whole(&book), "{signals:?}");
        restored.apply(signals.clone(), &kept, NOW);
        let twice: Vec<Value> = restored.sessions().map(counted).collect();
        assert_eq!(once, twice, "{signals:?}");
        for session in book.sessions() {
            let names = [Some(session.key.id.as_str()), session.folder(), session.model(), session.branch(), session.version()];
            assert!(names.into_iter().flatten().all(|name| name.len() <= 512 && !name.contains(char::is_control)), "{session:?}");
            assert!(session.state(NOW).1 <= NOW && session.context().is_none_or(|used| (0.0..=1.0).contains(&used)), "{session:?}");
        }
    }
}

/// The figures that count once.
fn counted(session: &Session) -> Value {
    json!({
        "accounts": session.accounts, "prompts": session.prompts, "errors": session.errors, "active": session.active_ms,
        "lines": [session.lines_added, session.lines_removed], "decisions": session.decisions, "commits": session.commits,
        "tools": session.tools().map(|(name, counts)| json!([name, counts])).collect::<Vec<_>>(), "micros": session.micros(),
    })
}
