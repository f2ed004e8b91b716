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
fn what_is_no_board_is_an_error_with_its_place_and_what_would_be_right() {
    let table = [
        ("[]", "tasks.json, top level: is an array; it must be an object of tags"),
        ("null", "top level: is null"),
        (r#"{"m":5}"#, "tag `m`: is a number and is left aside; a tag is an object {\"tasks\": […]}"),
        (r#"{"m":null}"#, "tag `m`: is null"),
        (r#"{"m":[{"id":1}]}"#, "tag `m`: is an array"),
        (r#"{"m":{"tasks":{"1":{}}}}"#, "tag `m`, field `tasks`: is an object"),
        (r#"{"m":{"tasks":[}}"#, "tasks.json is not JSON"),
        (r#"{"m":{"tasks":[{"id":1},]}}"#, "tasks.json is not JSON (trailing comma"),
        (r#"{"m":{"tasks":[{"id":NaN}]}}"#, "tasks.json is not JSON"),
        (r#"{"m":{"tasks":[]}} }"#, "tasks.json is not JSON (trailing characters at line 1"),
    ];
    for (text, part) in table {
        let error = parse(text).unwrap_err();
        assert!(!error.is_incomplete(), "{text}");
        assert!(error.to_string().contains(part), "{text}\n gave {error}\n not  {part}");
    }
    for utf16 in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}"] {
        assert!(Board::parse(utf16, None).unwrap_err().to_string().contains("UTF-16 and must be UTF-8"));
    }
    let long = parse(&json!({"ä".repeat(10_000): 1}).to_string()).unwrap_err().to_string();
    assert!(long.len() < 400, "a message quotes no more than a line: {long}");
}

#[test]
fn what_cannot_be_read_costs_its_field_or_task_and_is_named() {
    let in_task = |fields: &str| format!(r#"{{"m":{{"tasks":[{{"id":7,{fields}}},{{"id":8}}]}}}}"#);
    // The file, the statuses that are counted, the tasks that are ready, and what is said of what is wrong.
    type Row<'a> = (String, &'a str, &'a [&'a str], &'a str);
    let table: Vec<Row<'_>> = vec![
        (
            r#"{"m":{"tasks":[{"id":1},true]}}"#.into(),
            "pending 1",
            &["1"],
            "tag `m`, task `#2`: is a boolean and is left aside; it must be",
        ),
        (r#"{"m":{"tasks":["x",null,{"id":1}]}}"#.into(), "pending 1", &["1"], "task `#1`: is a text and is left aside"),
        (r#"{"m":{"tasks":[{},{"id":1}]}}"#.into(), "pending 1", &["1"], "task `#1`: has neither id nor title nor status"),
        (
            r#"{"m":{"tasks":[{"title":"x"}]}}"#.into(),
            "pending 1",
            &["#1"],
            "task `#1`, field `id`: is missing: it is counted, its changes are not followed; it must be a number or a text",
        ),
        (r#"{"m":{"tasks":[{"id":" ","status":"done"}]}}"#.into(), "done 1", &[], "task `#1`, field `id`: is empty"),
        (r#"{"m":{"tasks":[{"id":{},"status":"done"}]}}"#.into(), "done 1", &[], "task `#1`, field `id`: is an object"),
        (
            r#"{"m":{"tasks":[{"id":1},{"id":"1","status":"done"},{"id":2,"dependencies":[1]}]}}"#.into(),
            "done 1 pending 2",
            &["1", "2"],
            "tag `m`: id `1` is there twice and counts as often",
        ),
        (
            in_task(r#""status":3"#),
            "3 1 pending 1",
            &["8"],
            "tag `m`, task `7`, field `status`: is a number; it must be a text, or be left out",
        ),
        (in_task(r#""status":{}"#), "pending 1 unreadable 1", &["8"], "task `7`, field `status`: is an object and counts as `unreadable`"),
        (in_task(r#""title":["x"]"#), "pending 2", &["7", "8"], "task `7`, field `title`: is an array and counts as none"),
        (in_task(r#""title":5"#), "pending 2", &["7", "8"], "task `7`, field `title`: is a number"),
        (in_task(r#""priority":true"#), "pending 2", &["7", "8"], "task `7`, field `priority`: is a boolean"),
        (
            in_task(r#""updatedAt":"yesterday""#),
            "pending 2",
            &["7", "8"],
            "task `7`, field `updatedAt`: is `yesterday` and counts as none; it must be a time",
        ),
        (in_task(r#""updatedAt":1e300"#), "pending 2", &["7", "8"], "field `updatedAt`: is `1"),
        (
            in_task(r#""dependencies":"1,2""#),
            "pending 2",
            &["8"],
            "task `7`, field `dependencies`: is a text: the task counts as waiting; it must be an array of ids",
        ),
        (in_task(r#""dependencies":8"#), "pending 2", &["8"], "field `dependencies`: is `8` alone and counts as [\"8\"]"),
        (in_task(r#""dependencies":{"id":8}"#), "pending 2", &["8"], "field `dependencies`: is an object"),
        (
            in_task(r#""dependencies":[null]"#),
            "pending 2",
            &["8"],
            "task `7`, field `dependencies[0]`: is null: the task counts as waiting",
        ),
        (in_task(r#""dependencies":[""]"#), "pending 2", &["8"], "task `7`, field `dependencies[0]`: is empty"),
        (in_task(r#""dependencies":[[1]]"#), "pending 2", &["8"], "task `7`, field `dependencies[0]`: is an array"),
        (in_task(r#""dependencies":[{"id":8}]"#), "pending 2", &["8"], "task `7`, field `dependencies[0]`: is an object"),
        (in_task(r#""subtasks":{"1":{}}"#), "pending 2", &["7", "8"], "task `7`, field `subtasks`: is an object and is left aside"),
        (in_task(r#""subtasks":"write it""#), "pending 2", &["7", "8"], "task `7`, field `subtasks`: is a text"),
        (in_task(r#""subtasks":[1]"#), "pending 2", &["7", "8"], "task `7.#1`: is a number and is left aside"),
        (in_task(r#""subtasks":[{"id":null}]"#), "pending 2 / pending 1", &["7", "8"], "task `7.#1`, field `id`: is missing"),
        (
            in_task(r#""subtasks":["write it","test it"]"#),
            "pending 2 / pending 2",
            &["7", "8"],
            "task `7.#1`: is a text and counts as a pending subtask of that title",
        ),
        (
            in_task(r#""subtasks":[{"id":1,"status":{}}]"#),
            "pending 2 / unreadable 1",
            &["7", "8"],
            "task `7.1`, field `status`: is an object",
        ),
        (
            in_task(r#""subtasks":[{"id":1},{"id":"7.1"},{"id":1,"status":"done"}]"#),
            "pending 2 / done 1 pending 2",
            &["7", "8"],
            "tag `m`, task `7`, field `subtasks`: id `1` is there 3 times",
        ),
        // Beside tags.
        (r#"{"ok":{"tasks":[{"id":1}]},"v2":null}"#.into(), "pending 1", &["1"], "tag `v2`: is null and is left aside"),
        (r#"{"ok":{"tasks":[{"id":1}]},"v2":[1]}"#.into(), "pending 1", &["1"], "tag `v2`: is an array"),
        (r#"{"ok":{"tasks":[{"id":1}]},"v2":{"tasks":{"a":1}}}"#.into(), "pending 1", &["1"], "tag `v2`, field `tasks`: is an object"),
        (
            r#"{"m":{"tasks":[{"id":1}]},"v2":{"task":[]}}"#.into(),
            "pending 1",
            &["1"],
            "tag `v2`: has no `tasks` and counts as an empty tag",
        ),
        (
            r#"{"tasks":[{"id":1}],"master":{"tasks":[{"id":2}]}}"#.into(),
            "pending 1",
            &["2"],
            "field `tasks`: has 1 tasks of the older format, left aside",
        ),
        // What JavaScript reads.
        (
            r#"{"m":{"tasks":[{"id":1,"title":"Ship it \ud83d"}]}}"#.into(),
            "pending 1",
            &["1"],
            "task `1`, field `title`: has bytes or escapes that are no character",
        ),
    ];
    for (text, counted, ready, part) in table {
        let board = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let figures = Figures::of(board.tags.values().find(|tag| !tag.tasks.is_empty()).unwrap());
        let line =
            |counts: &std::collections::BTreeMap<String, u64>| counts.iter().map(|(s, n)| format!("{s} {n}")).collect::<Vec<_>>().join(" ");
        let shown = if figures.subtasks.is_empty() {
            line(&figures.tasks)
        } else {
            format!("{} / {}", line(&figures.tasks), line(&figures.subtasks))
        };
        assert_eq!((shown.as_str(), figures.ready_ids.iter().map(String::as_str).collect::<Vec<_>>()), (counted, ready.to_vec()), "{text}");
        let said: Vec<String> = board.findings.first.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said.contains(part)), "{text}\n gave {said:?}\n not  {part}");
        assert_eq!(board.findings.count, said.len());
    }
}

#[test]
fn what_task_master_reads_without_a_word_is_read_without_a_word() {
    let in_task = |fields: &str| format!(r#"{{"m":{{"tasks":[{{"id":7,{fields}}}]}}}}"#);
    for text in [
        in_task(r#""dependencies":null,"subtasks":null"#),
        in_task(r#""dependencies":"","subtasks":"","updatedAt":"""#),
        in_task(r#""updatedAt":1764000000000"#),
        r#"{"m":{"tasks":[{"id":7}]},"version":"1.0","$schema":"x"}"#.to_owned(),
        r#"{"m":{"tasks":[{"id":7}]},"v2":{"metadata":{"created":"x"}}}"#.to_owned(),
        r#"{"m":{"tasks":[{"id":7}]},"v2":{"tasks":null}}"#.to_owned(),
        r#"{"m":{"tasks":[{"id":6}]},"m":{"tasks":[{"id":6,"id":7}]}}"#.to_owned(),
        r#"{"m":{"tasks":[{"id":7,"status":"done","status":"pending"}]},"tasks":[]}"#.to_owned(),
    ] {
        let board = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((board.findings.count, &*board.tags["m"].tasks[0].id), (0, "7"), "{text}");
    }
    let huge = parse(r#"{"m":{"tasks":[{"id":1e999},{"id":-1e999}]}}"#).unwrap();
    assert_eq!(huge.tags["m"].tasks.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), ["Infinity", "-Infinity"]);
    let latin = Board::parse(b"{\"m\":{\"tasks\":[{\"id\":1,\"title\":\"Caf\xe9\",\"details\":\"\xe9\"}]}}", None).unwrap();
    assert_eq!((&*latin.tags["m"].tasks[0].title, latin.findings.count), ("Caf\u{fffd}", 1));
    let names = parse(r#"{"__proto__":{"tasks":[{"id":1}]},"":{"tasks":[{"id":2}]},"constructor":{"tasks":[]}}"#).unwrap();
    assert_eq!(names.tags.keys().collect::<Vec<_>>(), ["", "__proto__", "constructor"]);
}

#[test]
fn numbers_are_times_in_seconds_or_milliseconds() {
    for (value, ms) in [
        (json!(1_764_000_000), Some(1_764_000_000_000)),
        (json!(1_764_000_000.25), Some(1_764_000_000_250)),
        (json!(1_764_000_000_000i64), Some(1_764_000_000_000)),
        (json!("1764000000000"), Some(1_764_000_000_000)),
        (json!("1764000000"), Some(1_764_000_000_000)),
        (json!(1.0e17), None),
        (json!("2026-11-25"), None),
        (json!(true), None),
    ] {
        assert_eq!(board(&json!([{"id": 1, "updatedAt": value}])).tags["master"].tasks[0].updated_at_ms, ms, "{value}");
    }
}

#[test]
fn findings_are_counted_and_the_first_are_kept() {
    let tasks: Vec<serde_json::Value> = (0..5_000).map(|id| json!({"id": id, "title": 5})).collect();
    let board = board(&json!(tasks));
    assert_eq!((board.findings.count, board.findings.first.len(), board.size()), (5_000, crate::board::parse::MAX_FINDINGS, 5_000));
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
