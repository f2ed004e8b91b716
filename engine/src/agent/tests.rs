#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
//! The recordings of real clients, in their order, in any order, twice, and over restarts.

mod commits;
mod ways;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::costs::{By, Rows, Sources, Work, costs, spending};
use super::page::Page;
use super::*;
use crate::logs::push;
use crate::otlp::Encoding;
use crate::traces;

mod sums;

pub(super) const NOW: i64 = 1_795_640_000_000;

/// Keeps documents as the store does.
#[derive(Default)]
pub(super) struct Kept(RefCell<BTreeMap<String, Vec<u8>>>);

impl PageStore for Kept {
    fn page(&self, key: &str) -> Option<Vec<u8>> {
        self.0.borrow().get(key).cloned()
    }
}

impl Kept {
    pub(super) fn keep(&self, book: &mut Book) {
        for (key, bytes) in book.changes() {
            match bytes {
                Some(bytes) => self.0.borrow_mut().insert(key, bytes),
                None => self.0.borrow_mut().remove(&key),
            };
        }
    }

    pub(super) fn all(&self) -> Vec<(String, Vec<u8>)> {
        self.0.borrow().clone().into_iter().collect()
    }

    fn pages(&self) -> Vec<Page> {
        let pages = self.0.borrow();
        pages.iter().filter(|(key, _)| key.starts_with("hour/")).map(|(_, bytes)| Page::unpacked(bytes).unwrap()).collect()
    }
}

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/agents").join(folder)
}

/// The requests of a recording in their order: the path that they came to, and their bodies.
pub(super) fn recording(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(data(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let named = files.into_iter().map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()));
    named.collect()
}

fn signals((name, body): &(String, Vec<u8>), now: i64) -> Vec<Signal> {
    if name.ends_with("logs") {
        lines(&push::otlp::take(Encoding::Json, body, &[], now * 1_000_000).unwrap().lines)
    } else if name.ends_with("metrics") {
        points(&Encoding::Json.decode(body).unwrap())
    } else if name.ends_with("traces") {
        spans(&traces::otlp::take(Encoding::Json, body).unwrap().spans)
    } else {
        hook("", body, now).unwrap().signals
    }
}

fn applied(requests: &[(String, Vec<u8>)]) -> (Book, Kept) {
    let (mut book, kept) = (Book::default(), Kept::default());
    for request in requests {
        book.apply(signals(request, NOW), &kept, NOW);
        kept.keep(&mut book);
    }
    (book, kept)
}

fn rows_of(by: &[By], kept: &Kept, book: &Book, work: &[Work]) -> Rows {
    costs(by, (0, i64::MAX), Sources { pages: &kept.pages(), book, work, now: NOW })
}

/// What a session is in the form of the expected figures.
fn figures(session: &Session) -> Value {
    let mut all = Figures::default();
    session.figures().for_each(|(_, figures)| all.add_all(&figures));
    let mut tools = serde_json::Map::new();
    for (name, counts) in session.tools() {
        for (word, count) in [("ok", counts.ok), ("failed", counts.failed)] {
            if count > 0 {
                tools.insert(format!("{name} {word}"), json!(count));
            }
        }
    }
    let mut decisions = serde_json::Map::new();
    for (word, count) in [("accept", session.decisions.0), ("reject", session.decisions.1)] {
        if count > 0 {
            decisions.insert(word.to_owned(), json!(count));
        }
    }
    json!({
        "task": session.task().map(|task| task.id.clone()),
        "api_requests": session.requests(),
        "api_errors": session.errors,
        "cost_usd_micros": session.micros(),
        "tokens": {
            "input": all.input.known(), "output": all.output.known(), "cache_read": all.cache_read.known(),
            "cache_creation": all.cache_creation.known(),
        },
        "tools": tools,
        "commits": session.commits.iter().map(|commit| commit.id.clone()).collect::<Vec<_>>(),
        "prompts": session.prompts,
        "decisions": decisions,
    })
}

fn of_all(book: &Book) -> Value {
    book.sessions().map(|session| (session.key.id.clone(), figures(session))).collect::<serde_json::Map<_, _>>().into()
}

fn expected(folder: &str) -> Value {
    let all: Value = serde_json::from_slice(&std::fs::read(data("claude-code/expected.json")).unwrap()).unwrap();
    all[folder].clone()
}

/// The same requests in another order: a walk with a step that has no common factor with their count.
fn shuffled(requests: &[(String, Vec<u8>)], step: usize) -> Vec<(String, Vec<u8>)> {
    let count = requests.len();
    let step = (step..).find(|step| (2..count).all(|n| !count.is_multiple_of(n) || !step.is_multiple_of(n))).unwrap();
    (0..count).map(|at| requests[at * step % count].clone()).collect()
}

#[test]
fn figures_are_those_that_the_client_said_in_any_order_and_however_often() {
    for folder in ["headless", "interactive"] {
        let requests = recording(&format!("claude-code/{folder}"));
        assert_eq!(of_all(&applied(&requests).0), expected(folder), "{folder}");
        for step in [3, 7, 11, 17] {
            let mut other = shuffled(&requests, step);
            assert_eq!(of_all(&applied(&other).0), expected(folder), "{folder} by {step}");
            other.extend(requests.iter().step_by(3).cloned());
            assert_eq!(of_all(&applied(&other).0), expected(folder), "{folder} by {step}, a third again");
        }
    }
}

#[test]
fn what_is_sent_days_later_counts_once_with_what_hooks_said_at_once() {
    for late in [600_000, 2 * 86_400_000] {
        let requests = recording("claude-code/headless");
        let (mut book, kept) = (Book::default(), Kept::default());
        for request in &requests {
            book.apply(signals(request, NOW + late), &kept, NOW + late);
        }
        assert_eq!(of_all(&book), expected("headless"), "{late} ms late");
    }
}

#[test]
fn a_restart_counts_nothing_twice_and_loses_nothing() {
    let requests = recording("claude-code/headless");
    for cut in [1, 7, 12, 22] {
        let (_, kept) = applied(&requests[..cut]);
        let mut book = Book::restored(&kept.all());
        // What was not acknowledged is sent again.
        for request in &requests[cut.saturating_sub(5)..] {
            book.apply(signals(request, NOW), &kept, NOW);
            kept.keep(&mut book);
        }
        assert_eq!(of_all(&book), expected("headless"), "cut at {cut}");
    }
}

#[test]
fn money_is_known_from_records_or_points_alone_and_counts_once_with_both() {
    let requests = recording("claude-code/headless");
    for without in ["logs", "metrics", "traces", "hooks-agent"] {
        let rest: Vec<_> = requests.iter().filter(|(name, _)| !name.ends_with(without)).cloned().collect();
        let (book, kept) = applied(&rest);
        let session = book.sessions().next().unwrap();
        assert_eq!(session.micros(), Some(73_200), "without {without}");
        for by in [&[By::Task][..], &[By::Model, By::Session], &[By::Commit], &[By::Agent, By::Week]] {
            let rows = rows_of(by, &kept, &book, &[]);
            let sum: u64 = rows.values().filter_map(|row| row.figures.micros.known()).sum();
            assert_eq!(sum, 73_200, "without {without}, by {by:?}: {rows:?}");
        }
    }
}

#[test]
fn costs_go_to_tasks_and_commits_and_the_rest_is_a_row_of_its_own() {
    let (book, kept) = applied(&recording("claude-code/headless"));
    let rows = rows_of(&[By::Task], &kept, &book, &[]);
    let keys: Vec<_> = rows.keys().cloned().collect();
    assert_eq!(keys, [vec![None], vec![Some("master/3".to_owned())]]);
    assert_eq!(rows[&vec![None]].figures.micros.known(), Some(0), "nothing is attributed to no task");
    let rows = rows_of(&[By::Commit], &kept, &book, &[]);
    let told: Vec<(Option<&str>, Option<u64>)> = rows.iter().map(|(key, row)| (key[0].as_deref(), row.figures.micros.known())).collect();
    assert_eq!(told, [(None, Some(9_420)), (Some("5a47fbbc61124b4c048ea4941a49343a9c184e25"), Some(63_780))]);
}

#[test]
fn a_session_says_what_it_does_and_whom_it_waits_for() {
    let requests = recording("claude-code/interactive");
    let (mut book, kept) = (Book::default(), Kept::default());
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (at, request) in requests.iter().enumerate() {
        let now = NOW + at as i64 * 1_000;
        book.apply(signals(request, now), &kept, now);
        kept.keep(&mut book);
        for session in book.sessions() {
            let state = match session.state(now).0 {
                State::Waiting(Wait::Permission { tool }) => format!("waiting for {}", tool.unwrap_or_default()),
                state => state.word().to_owned(),
            };
            let states = seen.entry(session.key.id.clone()).or_default();
            if states.last() != Some(&state) {
                states.push(state);
            }
        }
    }
    let second = &seen["65bcf3fc-dcb9-47a3-9b9b-48b4520e9501"];
    assert!(second.contains(&"waiting for Bash".to_owned()), "{seen:?}");
    for states in seen.values() {
        assert_eq!(states.last().map(String::as_str), Some("ended"), "{seen:?}");
    }
    assert!(book.sessions().all(|session| session.folder() == Some("/home/dev/app")));
}

#[test]
fn codex_and_gemini_are_understood() {
    let cases = [
        ("codex/exec", Some(3), json!([3180, 2700, 240, 60]), json!({"exec_command": [1, 1, 0]})),
        ("codex/codemode", Some(3), json!([3270, 2700, 240, 60]), json!({"exec_command": [1, 1, 0]})),
        ("gemini/headless", Some(5), json!([5180, 4500, 400, 100]), json!({"run_shell_command": [2, 0, 0], "write_file": [1, 0, 0]})),
        ("gemini/prompts", Some(5), json!([5180, 4500, 400, 100]), json!({"run_shell_command": [1, 1, 0], "write_file": [1, 0, 0]})),
        ("gemini/tui", Some(2), json!([2040, 1800, 160, 40]), json!({"run_shell_command": [1, 0, 1]})),
    ];
    for (folder, requests, tokens, tools) in cases {
        let mut sent = recording(folder);
        sent.extend(recording(folder));
        let (book, _) = applied(&sent);
        let sessions: Vec<&Session> = book.sessions().collect();
        assert_eq!(sessions.len(), 1, "{folder}: {sessions:?}");
        let mut all = Figures::default();
        sessions[0].figures().for_each(|(_, figures)| all.add_all(&figures));
        assert_eq!(Some(sessions[0].requests()), requests, "{folder}");
        assert_eq!(json!([all.input.known(), all.cache_read.known(), all.output.known(), all.reasoning.known()]), tokens, "{folder}");
        assert_eq!(sessions[0].micros(), None, "{folder} says no cost");
        let counted: serde_json::Map<String, Value> =
            sessions[0].tools().map(|(name, counts)| (name.to_owned(), json!([counts.ok, counts.failed, counts.refused]))).collect();
        assert_eq!(Value::from(counted), tools, "{folder}");
    }
}

#[test]
fn a_loop_a_wait_and_a_full_context_are_found() {
    let (mut book, kept) = (Book::default(), Kept::default());
    let mut send = |event: Value, at: i64| book.apply(hook("", event.to_string().as_bytes(), at).unwrap().signals, &kept, at);
    for n in 0..5 {
        let call = json!({
            "session_id": "s", "cwd": "/w", "hook_event_name": "PostToolUseFailure", "tool_name": "Bash",
            "tool_input": {"command": "make"}, "tool_use_id": format!("t{n}"),
        });
        send(call, NOW + n * 1_000);
    }
    send(json!({"session_id": "s", "hook_event_name": "PermissionRequest", "tool_name": "Write"}), NOW + 10_000);
    send(json!({"session_id": "s", "hook_event_name": "Notification", "notification_type": "permission_prompt"}), NOW + 16_000);
    let session = book.sessions().next().unwrap();
    let titles = |now: i64| book.findings(session, &[], now).into_iter().map(|finding| finding.title).collect::<Vec<_>>();
    assert_eq!(titles(NOW + 60_000), ["The same call of Bash failed 5 times in a row"]);
    let later = titles(NOW + 10_000 + 180_000);
    assert_eq!(later[0], "Waits for permission to use Write for 3 min", "{later:?}");
    assert_eq!(session.waited_ms(NOW + 70_000), Some(60_000));
    let status = json!({"session_id": "s", "context_window": {"used_percentage": 93}, "cost": {"total_cost_usd": 0.02718}});
    book.apply(status_line(status.to_string().as_bytes(), NOW).unwrap(), &kept, NOW);
    let session = book.sessions().next().unwrap();
    assert_eq!((session.context(), session.micros()), (Some(0.93), Some(27_180)));
    assert!(book.findings(session, &[], NOW + 60_000).iter().any(|finding| finding.kind == "context"));
}

#[test]
fn answers_that_a_plug_in_reports_cost_what_it_says_once() {
    let (mut book, kept) = (Book::default(), Kept::default());
    let answer = json!({
        "session_id": "o", "hook_event_name": "AssistantMessage", "message_id": "m1", "model": "big-pickle", "cost_usd": 0.012_345,
        "tokens": {"input": 100, "output": 20, "cache_read": 7, "reasoning": null},
    });
    for _ in 0..2 {
        book.apply(hook("opencode", answer.to_string().as_bytes(), NOW).unwrap().signals, &kept, NOW);
    }
    let session = book.sessions().next().unwrap();
    assert_eq!((session.micros(), session.requests(), session.model()), (Some(12_345), 1, Some("big-pickle")));
    let (_, figures) = session.figures().next().unwrap();
    assert_eq!((figures.input.known(), figures.cache_read.known(), figures.reasoning.known()), (Some(100), Some(7), None));
    book.apply(hook("codex", br#"{"session_id":"c","hook_event_name":"UserPromptSubmit"}"#, NOW).unwrap().signals, &kept, NOW);
    book.apply(hook("codex", br#"{"session_id":"c","hook_event_name":"Interrupt"}"#, NOW + 1).unwrap().signals, &kept, NOW + 1);
    assert_eq!(book.named("codex", "c").next().unwrap().state(NOW + 1).0, State::Idle);
    let key = book.named("codex", "c").next().unwrap().key.clone();
    assert!(book.tell(&key, 7) && !book.tell(&key, 7));
    kept.keep(&mut book);
    assert!(!Book::restored(&kept.all()).tell(&key, 7), "a restart knows what was told");
}

#[test]
fn sessions_beyond_the_bound_give_way_with_their_pages_and_stay_counted() {
    let (mut book, kept) = (Book::default(), Kept::default());
    let count = MAX_SESSIONS + 3;
    for n in 0..count {
        let event = json!({"session_id": format!("s{n}"), "hook_event_name": "UserPromptSubmit", "prompt_id": format!("p{n}")});
        let now = NOW + n as i64;
        book.apply(hook("", event.to_string().as_bytes(), now).unwrap().signals, &kept, now);
        kept.keep(&mut book);
    }
    assert_eq!(book.sessions().count(), MAX_SESSIONS);
    assert!(book.named("claude-code", "s0").next().is_none() && book.named("claude-code", "s3").next().is_some());
    assert_eq!(kept.pages().len(), MAX_SESSIONS, "their pages are gone too");
    for book in [&book, &Book::restored(&kept.all())] {
        let mut batch = crate::model::Batch::default();
        book.totals(NOW).push(&mut batch, NOW);
        let prompts = batch.rows().find(|(labels, _)| labels.name() == "agent_prompts_total").map(|(_, sample)| sample.v);
        assert_eq!(prompts, Some(count as f64));
    }
}

#[test]
fn a_service_is_an_agent_by_its_whole_name() {
    for (name, is) in
        [("claude-code", true), ("codex_exec", true), ("Codex-app-server", true), ("codexes", false), ("gemini-cli", true), ("shop", false)]
    {
        assert_eq!(is_agent(name), is, "{name}");
    }
}

#[test]
fn bodies_that_say_no_session_are_refused_in_words() {
    for (body, why) in
        [("", "not a JSON object"), ("[]", "not a JSON object"), ("{}", "no `session_id`"), (r#"{"session_id":5}"#, "no `session_id`")]
    {
        let error = hook("", body.as_bytes(), NOW).unwrap_err().to_string();
        assert!(error.contains(why), "{body}: {error}");
        assert!(status_line(body.as_bytes(), NOW).is_err(), "{body}");
    }
}
