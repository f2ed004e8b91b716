//! Files of every form, and wrong ones.

use std::fmt::Write as _;

use serde_json::json;

use super::board;
use crate::board::{Board, BoardError, Figures, parse_state};

fn parse(text: &str) -> Result<Board, BoardError> {
    Board::parse(text.as_bytes(), None)
}

#[test]
fn every_form_that_real_files_have_is_read() {
    let one = "[{\"id\":1}]";
    for (text, tags) in [
        ("{}", vec![]),
        ("\u{feff}{\"master\":{\"tasks\":[]}}", vec![("master", 0)]),
        (&*format!("{{\"tasks\":{one}}}"), vec![("master", 1)]),
        (&*format!("{{\"tasks\":{one},\"metadata\":{{\"version\":\"1\"}}}}"), vec![("master", 1)]),
        (&*format!("{{\"meta\":{{\"projectName\":\"x\"}},\"tasks\":{one},\"version\":3}}"), vec![("master", 1)]),
        (&*format!("{{\"a\":{{\"tasks\":{one}}},\"b\":{{\"metadata\":{{\"taskCount\":99}},\"tasks\":[]}}}}"), vec![("a", 1), ("b", 0)]),
        // Keys that Task Master leaks beside the tags, and a tag that has such a name.
        (
            &*format!("{{\"a\":{{\"tasks\":{one}}},\"tag\":\"a\",\"metadata\":{{}},\"_rawTaggedData\":{{\"a\":{{\"tasks\":[]}}}}}}"),
            vec![("a", 1)],
        ),
        (&*format!("{{\"a\":{{\"tasks\":{one}}},\"_rawTaggedData\":{{\"tasks\":{one}}}}}"), vec![("a", 1)]),
        (&*format!("{{\"metadata\":{{\"tasks\":{one}}}}}"), vec![("metadata", 1)]),
        (&*format!("{{\"tasks\":{{\"tasks\":{one}}}}}"), vec![("tasks", 1)]),
        // A leftover of the older format beside tags.
        (&*format!("{{\"tasks\":[],\"master\":{{\"tasks\":{one}}}}}"), vec![("master", 1)]),
        (&*format!("{{\"tasks\":{one},\"a\":{{\"tasks\":{one}}}}}"), vec![("a", 1), ("master", 1)]),
    ] {
        let board = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(board.tags.iter().map(|(name, tag)| (name.as_str(), tag.tasks.len())).collect::<Vec<_>>(), tags, "{text}");
    }
}

#[test]
fn what_is_absent_or_null_has_a_default() {
    let nulls =
        json!([{"id": 1, "title": null, "status": null, "priority": null, "dependencies": null, "subtasks": null, "updatedAt": null}]);
    assert_eq!(board(&nulls), board(&json!([{"id": "1"}])));
    let task = &board(&nulls).tags["master"].tasks[0];
    assert_eq!((task.id.as_str(), task.title.as_str(), task.status.as_str(), task.priority.as_str()), ("1", "", "pending", ""));
    assert!(task.dependencies.is_empty() && task.subtasks.is_empty() && task.updated_at_ms.is_none());
    let time = |at: &str| board(&json!([{"id": 1, "updatedAt": at}])).tags["master"].tasks[0].updated_at_ms;
    assert_eq!(time("1970-01-01T00:00:01.5Z"), Some(1500));
    assert_eq!((time("yesterday"), time("")), (None, None));
}

#[test]
fn numbers_and_texts_are_the_same_id() {
    let mixed = json!([{"id": 1}, {"id": " 2 ", "dependencies": [1, "1", "3.1", 3.1]}, {"id": 3.0, "subtasks": [{"id": 1, "parentId": "undefined"}]}]);
    let tag = &board(&mixed).tags["master"];
    assert_eq!(tag.tasks.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!(tag.tasks[1].dependencies, ["1", "1", "3.1", "3.1"]);
    // A subtask may be named in full.
    for id in [json!(1), json!("1"), json!("3.1"), json!(3.1)] {
        assert_eq!(board(&json!([{"id": "3", "subtasks": [{"id": id}]}])).tags["master"].tasks[0].subtasks[0].id, "1");
    }
}

#[test]
fn an_unknown_status_keeps_its_name_and_is_listed() {
    let odd = json!([{"id": 1, "status": "paused"}, {"id": 2, "status": "completed", "subtasks": [{"id": 1, "status": "Done"}]}, {"id": 3, "status": "paused"}]);
    let board = board(&odd);
    assert_eq!(board.unknown_statuses().into_iter().collect::<Vec<_>>(), ["Done", "paused"]);
    let figures = Figures::of(&board.tags["master"]);
    assert_eq!(json!(figures.tasks), json!({"paused": 2, "done": 1}));
    assert_eq!(json!(figures.subtasks), json!({"Done": 1}));
    assert_eq!(figures.completion_ratio, Some(1.0 / 3.0));
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_would_be_right() {
    let in_task = |fields: &str| format!(r#"{{"m":{{"tasks":[{{"id":7,{fields}}}]}}}}"#);
    let table: Vec<(String, &str)> = vec![
        ("[]".into(), "tasks.json, top level: is an array; it must be an object of tags"),
        ("null".into(), "top level: is null"),
        (r#"{"m":5}"#.into(), "tag `m`: is a number; a tag must be an object {\"tasks\": […]}"),
        (r#"{"m":null}"#.into(), "tag `m`: is null"),
        (r#"{"m":[{"id":1}]}"#.into(), "tag `m`: is an array"),
        (r#"{"m":{"task":[]}}"#.into(), "tag `m`: has no `tasks`"),
        (r#"{"m":{"tasks":{}}}"#.into(), "tag `m`, field `tasks`: is an object"),
        (r#"{"m":{"tasks":null}}"#.into(), "tag `m`, field `tasks`: is null"),
        (r#"{"ok":{"tasks":[]},"version":"1"}"#.into(), "tag `version`: is a text"),
        (
            r#"{"tasks":[{"id":1}],"master":{"tasks":[{"id":1}]}}"#.into(),
            "field `tasks`: has tasks of the older format beside a tag `master`",
        ),
        (r#"{"m":{"tasks":[{"id":1},true]}}"#.into(), "tag `m`, task `#2`: is a boolean; it must be an object"),
        (r#"{"m":{"tasks":[{"title":"x"}]}}"#.into(), "tag `m`, task `#1`, field `id`: is missing; it must be a number or a text"),
        (r#"{"m":{"tasks":[{"id":" "}]}}"#.into(), "task `#1`, field `id`: is empty"),
        (r#"{"m":{"tasks":[{"id":{}}]}}"#.into(), "task `#1`, field `id`: is an object"),
        (r#"{"m":{"tasks":[{"id":1},{"id":"1"}]}}"#.into(), "tag `m`: id `1` is there twice; give one of the two another id"),
        (in_task(r#""status":3"#), "tag `m`, task `7`, field `status`: is a number; it must be a text, or be left out"),
        (in_task(r#""title":["x"]"#), "task `7`, field `title`: is an array"),
        (in_task(r#""priority":true"#), "task `7`, field `priority`: is a boolean"),
        (in_task(r#""updatedAt":1764000000"#), "task `7`, field `updatedAt`: is a number"),
        (in_task(r#""dependencies":"1,2""#), "task `7`, field `dependencies`: is a text; it must be an array of ids"),
        (in_task(r#""dependencies":[1,null]"#), "task `7`, field `dependencies[1]`: is missing"),
        (in_task(r#""dependencies":[[1]]"#), "task `7`, field `dependencies[0]`: is an array"),
        (in_task(r#""dependencies":[""]"#), "task `7`, field `dependencies[0]`: is empty"),
        (in_task(r#""subtasks":{}"#), "task `7`, field `subtasks`: is an object"),
        (in_task(r#""subtasks":[1]"#), "task `7.#1`: is a number"),
        (in_task(r#""subtasks":[{"id":1},{}]"#), "task `7.#2`, field `id`: is missing"),
        (in_task(r#""subtasks":[{"id":1,"status":{}}]"#), "task `7.1`, field `status`: is an object"),
        (in_task(r#""subtasks":[{"id":1},{"id":"7.1"}]"#), "tag `m`, task `7`, field `subtasks`: id `1` is there twice"),
        (r#"{"m":{"tasks":[}}"#.into(), "tasks.json is not JSON"),
        (r#"{"m":{"tasks":[]}} }"#.into(), "tasks.json is not JSON (trailing characters at line 1"),
    ];
    for (text, part) in table {
        let error = parse(&text).unwrap_err();
        assert!(!error.is_incomplete(), "{text}");
        assert!(error.to_string().contains(part), "{text}\n gave {error}\n not  {part}");
    }
    let long = parse(&json!({"ä".repeat(10_000): 1}).to_string()).unwrap_err().to_string();
    assert!(long.len() < 300, "a message quotes no more than a line: {long}");
}

#[test]
fn every_beginning_of_a_file_is_incomplete_and_nothing_else() {
    let whole = json!({"master": {"tasks": [{"id": 1, "title": "ä \"x\" \u{1f600}", "status": "done", "dependencies": [2, -3.5e1], "details": {"a": [true, null]}}]}});
    let whole = whole.to_string().into_bytes();
    assert!(Board::parse(&whole, None).is_ok());
    for end in 0..whole.len() {
        assert!(Board::parse(&whole[..end], None).unwrap_err().is_incomplete(), "{}", String::from_utf8_lossy(&whole[..end]));
    }
    for empty in [&b" \n\t"[..], b"\xEF\xBB\xBF", b"\0\0\0\0"] {
        assert!(Board::parse(empty, None).unwrap_err().is_incomplete());
    }
}

#[test]
fn depth_ends_in_an_error_or_is_skipped_but_never_in_a_panic() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for depth in [100, 100_000] {
        let mut text = String::from(r#"{"m":{"tasks":[{"id":1,"details":"#);
        write!(text, "{}}}]}}}}", deep(depth)).unwrap();
        let _ = parse(&text);
        let _ = parse(&deep(depth));
        let _ = parse(&"{\"a\":".repeat(depth));
        let _ = parse_state(deep(depth).as_bytes());
    }
}

#[test]
fn the_state_names_a_tag_or_none() {
    for (text, tag) in [
        (r#"{"currentTag":"experiment","lastSwitched":"x"}"#, Some("experiment")),
        ("\u{feff}{\"currentTag\":\"a\"}", Some("a")),
        (r#"{"currentTag":""}"#, None),
        (r#"{"currentTag":5}"#, None),
        ("[]", None),
        ("{\"currentTag\":\"a", None),
        ("", None),
    ] {
        assert_eq!(parse_state(text.as_bytes()).as_deref(), tag, "{text}");
    }
    assert!(Board::parse(b"{}", None).unwrap().is_current("master"));
    assert!(Board::parse(b"{}", Some("experiment")).unwrap().is_current("experiment"));
}
