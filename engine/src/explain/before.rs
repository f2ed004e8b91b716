//! What happened shortly before an alert, what was in progress then, and the last alert like it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::model::{TimestampMs, clipped};

/// How long before the window events are shown.
pub const LOOK_BACK_MS: i64 = 15 * 60_000;
/// Most events, and most things in progress.
const MOST: usize = 8;
/// Longest title, in characters.
const MAX_TITLE: usize = 120;
/// Sources whose events say what was found, not what happened.
const FINDINGS: [&str; 2] = ["anomaly", "advice"];

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Happened {
    /// When, ms UTC.
    pub at: TimestampMs,
    /// Who says so: `taskmaster`, `github`, `alert`, `probe`, `service`.
    pub source: String,
    /// What kind of thing it was, such as `task_status`.
    pub kind: String,
    /// One line.
    pub title: String,
}

/// A task or a CI run in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InProgress {
    /// `task 7 of app master`.
    pub what: String,
    /// Its title, where it has one.
    pub title: Option<String>,
    /// Since when, ms UTC.
    pub since: TimestampMs,
}

/// The last alert of the same rule and series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    /// When it fired, ms UTC.
    pub fired_at: TimestampMs,
    /// When it ended.
    pub ended_at: TimestampMs,
    /// Why it ended; none where its value went back.
    pub reason: Option<String>,
    /// Who used most then.
    pub busiest: Vec<String>,
    /// What happened within the two minutes before its end, the newest first.
    pub before_its_end: Vec<Happened>,
    /// How many there are in the history, this one among them.
    pub count: usize,
}

/// What happened from shortly before `from` to `to`, the newest first. Events of the alert `own` are not among them.
#[must_use]
pub fn happened<'a>(events: impl IntoIterator<Item = &'a Event>, own: &str, from: TimestampMs, to: TimestampMs) -> Vec<Happened> {
    let counts = |event: &&Event| {
        let within = event.at >= from.saturating_sub(LOOK_BACK_MS) && event.at <= to;
        within && !FINDINGS.contains(&event.source.as_str()) && !(event.source == "alert" && event.subject == own)
    };
    let mut found: Vec<Happened> = events
        .into_iter()
        .filter(counts)
        .map(|event| Happened {
            at: event.at,
            source: event.source.clone(),
            kind: event.kind.clone(),
            title: clipped(&event.title, MAX_TITLE),
        })
        .collect();
    // What came before it began says more than what came while it held.
    found.sort_by_key(|happened| (happened.at > from, std::cmp::Reverse(happened.at)));
    found.truncate(MOST);
    found.sort_by_key(|happened| std::cmp::Reverse(happened.at));
    found
}

/// Tasks and CI runs that had begun and not ended at `at`, by events of the time before; the newest first.
#[must_use]
pub fn in_progress<'a>(events: impl IntoIterator<Item = &'a Event>, at: TimestampMs) -> Vec<InProgress> {
    let mut events: Vec<&Event> = events.into_iter().filter(|event| event.at <= at).collect();
    events.sort_by_key(|event| event.at);
    let mut open: BTreeMap<String, InProgress> = BTreeMap::new();
    for event in events {
        let text = |name: &str| event.data.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        let begins = match event.kind.as_str() {
            "task_status" => text("to") == "in-progress",
            "task_removed" | "run_finished" => false,
            "run_started" => true,
            _ => continue,
        };
        let (key, what, title) = if event.source == "github" {
            let number = event.data.get("number").map(ToString::to_string).unwrap_or_default();
            (format!("run {}", event.subject), format!("run {} #{number} on {}", text("workflow"), text("repo")), "")
        } else {
            let (project, tag) = (text("project"), text("tag"));
            (format!("task {project}/{tag}/{}", event.subject), format!("task {} of {project} {tag}", event.subject), text("title"))
        };
        if begins {
            let title = Some(clipped(title, MAX_TITLE)).filter(|title| !title.is_empty());
            open.insert(key, InProgress { what: clipped(&what, MAX_TITLE), title, since: event.at });
        } else {
            open.remove(&key);
        }
    }
    let mut open: Vec<InProgress> = open.into_values().collect();
    open.sort_by_key(|progress| std::cmp::Reverse(progress.since));
    open.truncate(MOST);
    open
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn task(at: i64, id: &str, to: &str) -> Event {
        let data = json!({"project": "app", "tag": "master", "title": "Build it", "from": "pending", "to": to});
        Event::new(at, "taskmaster", "task_status", id, format!("task {id} pending → {to}")).with_data(data)
    }

    fn run(at: i64, kind: &str) -> Event {
        Event::new(at, "github", kind, "77", "run ci.yml #12").with_data(json!({"repo": "octo/site", "workflow": "ci.yml", "number": 12}))
    }

    #[test]
    fn what_happened_shortly_before_is_listed_and_findings_and_the_alert_itself_are_not() {
        let from = 100 * MINUTE;
        let event = |at: i64, source: &str, subject: &str| Event::new(at, source, "x", subject, format!("{source} {subject}"));
        let events = [
            event(84 * MINUTE, "taskmaster", "too old"),
            event(95 * MINUTE, "anomaly", "finding"),
            event(96 * MINUTE, "alert", "own"),
            event(97 * MINUTE, "alert", "other"),
            event(99 * MINUTE, "service", "start"),
            event(101 * MINUTE, "github", "while it held"),
            event(103 * MINUTE, "github", "after it"),
        ];
        let titles = |found: Vec<Happened>| found.into_iter().map(|happened| happened.title).collect::<Vec<_>>();
        assert_eq!(titles(happened(&events, "own", from, from + 2 * MINUTE)), ["github while it held", "service start", "alert other"]);
        let many: Vec<Event> = (0..50).map(|n| event(99 * MINUTE + n * 2_000, "github", &n.to_string())).collect();
        let found = titles(happened(&many, "own", from, from + 2 * MINUTE));
        assert_eq!((found.len(), found[0].as_str()), (MOST, "github 30"), "those before it began");
    }

    #[test]
    fn tasks_and_runs_are_in_progress_until_they_end() {
        let events = [
            run(5, "run_started"),
            task(1, "1", "in-progress"),
            task(2, "2", "in-progress"),
            task(3, "1", "done"),
            task(9, "3", "in-progress"),
        ];
        let whats = |at: i64| in_progress(&events, at).into_iter().map(|progress| progress.what).collect::<Vec<_>>();
        assert_eq!(whats(8), ["run ci.yml #12 on octo/site", "task 2 of app master"]);
        let ended = [run(5, "run_started"), run(7, "run_finished")];
        assert!(in_progress(&ended, 8).is_empty());
        assert_eq!(
            in_progress(&events, 2)[0],
            InProgress { what: "task 2 of app master".to_owned(), title: Some("Build it".to_owned()), since: 2 }
        );
    }
}
