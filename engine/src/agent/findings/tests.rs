#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
//! For each kind of finding sessions that must have it, and sessions that must not.

use serde_json::{Value, json};

use crate::agent::costs::Work;
use crate::agent::{Book, Fact, Item, Kind, PageStore, SessionKey, Signal, TaskRef, Tokens, Way, hook, status_line};
use crate::board::Usual;

const NOW: i64 = 1_795_640_000_000;
const MINUTE: i64 = 60_000;

/// Why nothing is found, and what makes it so.
type Change = (&'static str, fn(&mut Case));

struct Nothing;

impl PageStore for Nothing {
    fn page(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

/// A session whose signs a test gives; minutes after [`NOW`].
struct Case {
    book: Book,
    work: Vec<Work>,
    count: u64,
}

impl Case {
    fn new() -> Self {
        let mut case = Self { book: Book::default(), work: Vec::new(), count: 0 };
        case.hook(0, "UserPromptSubmit", json!({"prompt_id": "p"}));
        case
    }

    fn hook(&mut self, minute: i64, event: &str, more: Value) {
        let mut body = json!({"session_id": "s", "cwd": "/w/app", "hook_event_name": event});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let at = NOW + minute * MINUTE;
        self.book.apply(hook("", body.to_string().as_bytes(), at).unwrap().signals, &Nothing, at);
    }

    fn tool(&mut self, minute: i64, tool: &str, input: Value) {
        self.count += 1;
        let id = format!("t{}", self.count);
        self.hook(minute, "PostToolUse", json!({"tool_name": tool, "tool_input": input, "tool_use_id": id}));
    }

    /// A request: read from the cache, written to it, answered.
    fn request(&mut self, minute: i64, (read, written, output): (u64, u64, u64), micros: Option<u64>) {
        self.count += 1;
        let at = NOW + minute * MINUTE;
        let tokens =
            Tokens { input: Some(10), output: Some(output), cache_read: Some(read), cache_creation: Some(written), reasoning: None };
        let item = Item { kind: Kind::Request, at, model: Some("m".to_owned()), micros, tokens, ..Item::default() };
        let session = SessionKey { agent: "claude-code".to_owned(), id: "s".to_owned(), host: String::new() };
        for fact in [Fact::Counted(self.count, Box::new(item)), Fact::Works] {
            let signal = Signal { session: session.clone(), at, way: Way::Line, about: crate::agent::About::default(), fact };
            self.book.apply(vec![signal], &Nothing, at);
        }
    }

    fn limit(&mut self, minute: i64, percent: u32, resets: i64) {
        let at = NOW + minute * MINUTE;
        let resets = (NOW + resets * MINUTE) / 1_000;
        let body = json!({"session_id": "s", "rate_limits": {"five_hour": {"used_percentage": percent, "resets_at": resets}}});
        self.book.apply(status_line(body.to_string().as_bytes(), at).unwrap(), &Nothing, at);
    }

    /// A task in progress from a minute on, of which such tasks usually take so many.
    fn task(&mut self, id: &str, from: i64, to: Option<i64>, usual: Option<i64>) {
        self.work.push(Work {
            folder: "/w/app".to_owned(),
            task: TaskRef { project: "app".to_owned(), tag: "master".to_owned(), id: id.to_owned() },
            from: NOW + from * MINUTE,
            to: to.map_or(i64::MAX, |to| NOW + to * MINUTE),
            usual: usual.map(|minutes| Usual { ms: minutes * MINUTE, tasks: 5, by_complexity: false }),
            start_seen: true,
        });
    }

    /// Kinds and titles at a minute.
    fn found(&self, minute: i64) -> Vec<(&'static str, String)> {
        let session = self.book.sessions().next().unwrap();
        let found = self.book.findings(session, &self.work, NOW + minute * MINUTE);
        found.into_iter().map(|finding| (finding.kind, finding.title)).collect()
    }

    fn has(&self, kind: &str, minute: i64) -> bool {
        self.found(minute).iter().any(|(found, _)| *found == kind)
    }
}

fn read(case: &mut Case, minute: i64) {
    case.tool(minute, "Read", json!({"file_path": "/w/app/a.rs"}));
}

fn write(case: &mut Case, minute: i64, file: &str, content: &str) {
    case.tool(minute, "Write", json!({"file_path": file, "content": content}));
}

#[test]
fn a_task_is_stuck_where_it_takes_long_and_nothing_changes() {
    let mut stuck = Case::new();
    stuck.task("4", 0, None, Some(40));
    write(&mut stuck, 130, "/w/app/a.rs", "x");
    for minute in (140..=180).step_by(10) {
        read(&mut stuck, minute);
    }
    let titles = stuck.found(180);
    assert_eq!(titles, [("stuck", "Task 4 in progress 3 h, usually 40 min; no file changed for 50 min".to_owned())]);
    assert!(!stuck.has("stuck", 155), "25 minutes without a change are not long");
    let cases: [Change; 6] = [
        ("a file changed", |case| write(case, 170, "/w/app/b.rs", "y")),
        ("a command may have changed one", |case| case.tool(170, "Bash", json!({"command": "make"}))),
        ("another task was done", |case| case.task("3", 20, Some(170), Some(40))),
        ("two tasks are in progress", |case| case.task("5", 10, None, Some(40))),
        ("it waits for a person", |case| case.hook(180, "PermissionRequest", json!({"tool_name": "Bash"}))),
        ("nobody knows what is usual", |case| case.work[0].usual = None),
    ];
    for (why, change) in cases {
        let mut case = Case::new();
        case.task("4", 0, None, Some(40));
        write(&mut case, 130, "/w/app/a.rs", "x");
        for minute in (140..=180).step_by(10) {
            read(&mut case, minute);
        }
        change(&mut case);
        assert!(!case.has("stuck", 180), "{why}: {:?}", case.found(180));
    }
    let mut usual = Case::new();
    usual.task("4", 0, None, Some(90));
    (0..=180).step_by(10).for_each(|minute| read(&mut usual, minute));
    assert!(!usual.has("stuck", 180), "twice the usual time is not long");
}

/// An hour of requests.
fn busy(case: &mut Case, output: u64) {
    for minute in 0..60 {
        case.request(minute, (1_000, 10, output), None);
    }
}

#[test]
fn tokens_without_a_change_are_no_progress() {
    let mut busy_case = Case::new();
    busy(&mut busy_case, 1_000);
    let titles = busy_case.found(59);
    assert!(titles[0].0 == "no_progress" && titles[0].1.contains("in 59 min, and no file, commit or task changed"), "{titles:?}");
    let mut few = Case::new();
    busy(&mut few, 100);
    assert!(!few.has("no_progress", 59), "6,000 tokens are few");
    let mut changed = Case::new();
    busy(&mut changed, 1_000);
    write(&mut changed, 40, "/w/app/a.rs", "x");
    changed.request(60, (1_000, 10, 1_000), None);
    assert!(!changed.has("no_progress", 60), "a file changed");
    let mut moved = Case::new();
    busy(&mut moved, 1_000);
    moved.task("1", 0, Some(50), None);
    assert!(!moved.has("no_progress", 59), "a task was done");
    let mut over = Case::new();
    busy(&mut over, 1_000);
    over.hook(60, "Stop", json!({}));
    assert!(!over.has("no_progress", 61), "its turn is over");
}

#[test]
fn a_file_that_goes_back_and_forth_is_rewritten() {
    let mut back = Case::new();
    for (minute, content) in ["a", "b", "a", "b", "a"].into_iter().enumerate() {
        write(&mut back, minute as i64, "/w/app/a.rs", content);
    }
    assert_eq!(back.found(5), [("rewrites", "The same file got back what was there before 3 times within 4 min".to_owned())]);
    assert!(!back.has("rewrites", 30), "it went on with something else");
    let mut edits = Case::new();
    for minute in 0..5 {
        let (old, new) = if minute % 2 == 0 { ("x", "y") } else { ("y", "x") };
        edits.tool(minute, "Edit", json!({"file_path": "/w/app/a.rs", "old_string": old, "new_string": new}));
    }
    assert!(edits.has("rewrites", 5), "{:?}", edits.found(5));
    let mut whole = Case::new();
    (0..6).for_each(|minute| write(&mut whole, minute, "/w/app/a.rs", &minute.to_string()));
    assert_eq!(whole.found(6)[0].1, "The same file was written anew 6 times within 5 min");
    let mut apart = Case::new();
    (0..12).for_each(|minute| write(&mut apart, minute, &format!("/w/app/{minute}.rs"), "same"));
    assert!(!apart.has("rewrites", 12), "each file once");
    let mut many = Case::new();
    for minute in 0..20 {
        let (old, new) = (format!("line {minute}"), format!("better {minute}"));
        many.tool(minute, "Edit", json!({"file_path": "/w/app/a.rs", "old_string": old, "new_string": new}));
    }
    assert!(!many.has("rewrites", 20), "many changes of one file are work");
}

#[test]
fn misses_of_the_cache_are_found_with_what_the_client_says_they_cost() {
    let mut missed = Case::new();
    missed.request(0, (0, 120_000, 100), Some(800_000));
    missed.request(1, (120_000, 2_000, 100), Some(80_000));
    missed.request(12, (0, 123_000, 100), Some(790_000));
    assert_eq!(
        missed.found(13),
        [(
            "cache",
            "A request within an hour found nothing in the cache, after a pause of up to 11 min: 122,000 tokens were written to it again; \
             it cost 0.79 USD, the one before it 0.08 USD"
                .to_owned()
        )]
    );
    let mut unpriced = Case::new();
    unpriced.request(1, (120_000, 2_000, 100), None);
    unpriced.request(12, (0, 123_000, 100), Some(790_000));
    assert!(unpriced.found(13)[0].1.ends_with("were written to it again"), "{:?}", unpriced.found(13));
    let cases: [(&str, &[(u64, u64)]); 4] = [
        ("the first request", &[(0, 150_000)]),
        ("a conversation that was made shorter", &[(150_000, 1_000), (15_000, 20_000)]),
        ("a small one", &[(30_000, 1_000), (0, 31_000)]),
        ("hits", &[(0, 120_000), (120_000, 5_000), (125_000, 3_000)]),
    ];
    for (why, requests) in cases {
        let mut case = Case::new();
        for (minute, (read, written)) in requests.iter().enumerate() {
            case.request(minute as i64, (*read, *written, 10), None);
        }
        assert!(!case.has("cache", 5), "{why}: {:?}", case.found(5));
    }
}

#[test]
fn a_limit_is_found_when_it_is_reached_before_it_resets() {
    let mut fast = Case::new();
    for (step, percent) in [50, 58, 66, 74].into_iter().enumerate() {
        fast.limit(step as i64 * 10, percent, 180);
    }
    let titles = fast.found(30);
    assert!(
        titles[0].0 == "limit" && titles[0].1.starts_with("74 % of the limit five hour is used; at the pace of the last 30 min"),
        "{titles:?}"
    );
    let mut slow = Case::new();
    for (step, percent) in [50, 51, 52, 53].into_iter().enumerate() {
        slow.limit(step as i64 * 10, percent, 180);
    }
    assert!(!slow.has("limit", 30), "it resets before");
    let mut once = Case::new();
    once.limit(30, 74, 180);
    assert!(!once.has("limit", 30), "one figure is no pace");
    once.limit(31, 92, 180);
    assert!(once.has("limit", 31), "nearly reached");
}

#[test]
fn requests_that_are_tried_again_make_a_storm() {
    let mut retried = Case::new();
    (0..5).for_each(|_| retried.hook(1, "Notification", json!({"notification_type": "retry"})));
    assert!(retried.has("errors", 2), "{:?}", retried.found(2));
    assert!(!retried.has("errors", 20), "that is over");
}
