//! Each tool against real data.

use super::*;
use crate::common::github::Fake;
use crate::common::otlp::nanos;
use crate::common::remote::now_ms;
use crate::common::{eventually, weeks};

const DAY: i64 = 86_400_000;

fn ingest(service: &Service, name: &str, value: f64) {
    let sample = json!({"name": name, "labels": {"job": "shop"}, "value": value});
    let answer = service.client.post(service.url("/api/v1/ingest")).json(&json!({"samples": [sample]})).send().unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().unwrap());
}

fn texts<'a>(rows: &'a Value, field: &str) -> Vec<&'a str> {
    rows.as_array().map_or_else(Vec::new, |rows| rows.iter().filter_map(|row| row[field].as_str()).collect())
}

#[test]
fn status_says_what_is_wrong_and_what_would_mend_it() {
    let folder = Folder::with_settings("[system]\ninterval = \"1s\"\n[probes.check.shop]\ncommand = [\"false\"]\ninterval = \"1s\"\n");
    let service = folder.start();
    let found = eventually("the probe is down", || {
        let found = tool(&service, "status", json!({}));
        let down = texts(&found["rows"], "probe_down").contains(&"shop");
        // It says why there is no score as long as there is none.
        assert!(found["health_score"].is_number() || found["not_in_the_score"].is_array(), "{found}");
        (down && found["health_score"].as_f64().is_some_and(|score| score < 100.0)).then_some(found)
    });
    let absent = found["rows"].as_array().unwrap().iter().find(|row| row["source_absent"] == "traces").unwrap();
    assert!(absent["hint"].as_str().unwrap().contains("OTEL_TRACES_EXPORTER=otlp"), "{found}");
    let costs = tool(&service, "costs", json!({}));
    assert!(costs["total"].get("money").is_none(), "what has no source is not there: {costs}");
    assert!(costs["missing"].as_str().unwrap().contains("no task has costs yet"), "{costs}");
    let measured = eventually("CPU is measured", || {
        Some(tool(&service, "costs", json!({"start": "1h"}))).filter(|costs| costs["total"]["cpu_seconds"].is_number())
    });
    assert!(measured["total"]["start"].as_str().unwrap().ends_with('Z'), "{measured}");
    assert!(tool(&service, "costs", json!({"by": "budget"}))["missing"].as_str().unwrap().contains("[costs.budgets]"));
}

#[test]
fn queries_and_questions_are_answered_in_pages() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    let end = now_ms() / 300_000 * 300_000;
    weeks::import(&service, (end, end - 8 * DAY), &[("build_seconds", 0.7), ("page_seconds", 1.0)]);
    let at = (end / 1_000).to_string();
    let found = tool(&service, "query", json!({"query": "build_seconds", "time": at}));
    let expected = service.get_with("/api/v1/query", &[("query", "build_seconds"), ("time", &at)]).json::<Value>().unwrap();
    let value: f64 = expected["data"]["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
    assert_eq!((found["rows"][0]["value"].as_f64(), &found["rows"][0]["metric"]["__name__"]), (Some(value), &json!("build_seconds")));
    // A range: the same values as Prometheus' API has, on a grid that is said.
    let range =
        json!({"query": "{__name__=~\"build_seconds|page_seconds\"}", "start": ((end - DAY) / 1_000).to_string(), "end": at, "step": "5m"});
    let rows = all_rows(&service, "query", range.clone());
    let expected = service
        .get_with(
            "/api/v1/query_range",
            &[("query", "build_seconds"), ("start", &((end - DAY) / 1_000).to_string()), ("end", &at), ("step", "300")],
        )
        .json::<Value>()
        .unwrap();
    let expected: Vec<f64> =
        expected["data"]["result"][0]["values"].as_array().unwrap().iter().map(|pair| pair[1].as_str().unwrap().parse().unwrap()).collect();
    let ours = rows.iter().filter(|row| row["metric"]["__name__"] == "build_seconds");
    let ours: Vec<f64> = ours.flat_map(|row| row["values"].as_array().unwrap()).map(|value| value.as_f64().unwrap()).collect();
    assert_eq!((ours.len(), ours), (289, expected));
    let first = tool(&service, "query", range);
    assert_eq!((&first["step_seconds"], &first["series"]), (&json!(300.0), &json!(2)));
    assert!(first["more"].as_u64() > Some(0) && first["cursor"].is_string(), "{first}");
    // More at once for who wants it, fewer for who does not.
    let wide = json!({"query": "build_seconds", "start": ((end - DAY) / 1_000).to_string(), "end": at, "step": "5m", "max_bytes": 65_536});
    assert!(tool(&service, "query", wide).get("cursor").is_none());
    let usual = tool(&service, "query", json!({"query": "build_seconds", "start": "1d"}));
    assert_eq!(usual["rows"][0]["values"].as_array().unwrap().len(), 60);
    // All samples of three weeks are too many even for pages.
    let raw = tool(&service, "query", json!({"query": "{__name__=~\"build_seconds|page_seconds\"}[21d]", "time": at, "max_bytes": 65_536}));
    assert!(raw["rows"][0]["samples"][0][1].is_number() && raw["more"].as_u64().is_some_and(|more| more < 2_000), "{}", raw["more"]);
    for (query, missing) in [("nothing_like_it", true), ("sum(build_seconds) / 0", false)] {
        let found = tool(&service, "query", json!({"query": query, "time": at}));
        assert_eq!(found["missing"].is_string(), missing, "{found}");
        assert!(missing || found["rows"][0]["value"] == "+Inf", "{found}");
    }
    let found = tool(&service, "ask", json!({"question": "is anything wrong", "timezone": "UTC"}));
    assert!(found["answer"].as_str().is_some_and(|answer| !answer.is_empty()), "{found}");
    let found = tool(&service, "ask", json!({"question": "what about the weather"}));
    assert!(!texts(&json!([{"a": found["answer"]}]), "a").is_empty() && found["questions_near_it"].is_array(), "{found}");

    let moment = ((end - 8 * DAY) / 1_000).to_string();
    let helped = tool(&service, "did_it_help", json!({"query": "build_seconds", "at": moment}));
    assert_eq!(helped["direction"], "fell", "{helped}");
    assert!(helped["ratio"]["low"].as_f64().unwrap() < 0.7 && helped["ratio"]["high"].as_f64().unwrap() > 0.7, "{helped}");
    let early = tool(&service, "did_it_help", json!({"query": "build_seconds", "at": "1h"}));
    assert!(early["missing"].as_str().unwrap().contains("too early"), "{early}");
    assert!(tool(&service, "did_it_help", json!({}))["missing"].is_string());
    let marked = json!({"title": "cache of CI", "expr": "build_seconds", "at": (end - 8 * DAY) / 1_000, "direction": "lower"});
    let answer = service.client.post(service.url("/api/v1/experiments")).json(&marked).send().unwrap().json::<Value>().unwrap();
    let id = &answer["data"]["id"];
    eventually("the experiment is listed", || {
        let listed = tool(&service, "did_it_help", json!({}));
        (listed["rows"][0]["id"] == *id && listed["rows"][0]["state"] == "verified").then_some(())
    });
    let one = tool(&service, "did_it_help", json!({"experiment": id}));
    assert_eq!(one["experiment"]["title"], "cache of CI", "{one}");
}

#[test]
fn tasks_are_those_of_the_board_with_what_they_cost() {
    let folder = Folder::with_settings(&format!("{QUIET}[taskmaster]\ninterval = \"1s\"\n"));
    folder.board("05");
    let service = folder.start();
    let board = eventually("the board is read", || {
        service.data("/api/v1/tasks")["boards"].as_array().and_then(|boards| boards.iter().find(|board| board["current"] == true).cloned())
    });
    let items = board["items"].as_array().unwrap();
    let ids = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let mut ids: Vec<String> = items
            .iter()
            .filter(|task| wanted(task["status"].as_str().unwrap()))
            .map(|task| task["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    let shown = |arguments: Value| {
        let rows = all_rows(&service, "tasks", arguments);
        let mut ids: Vec<String> = rows.iter().filter_map(|row| Some(row["id"].as_str()?.to_owned())).collect();
        ids.sort();
        ids
    };
    assert_eq!(shown(json!({})), ids(&|status| !["done", "deferred", "cancelled"].contains(&status)));
    assert_eq!(shown(json!({"status": "all", "max_bytes": 600})), ids(&|_| true));
    assert_eq!(shown(json!({"status": "done"})), ids(&|status| status == "done"));
    let first = tool(&service, "tasks", json!({}));
    assert_eq!(first["boards"][0]["by_status"], board["tasks"], "{first}");
    let id = items[0]["id"].as_str().unwrap();
    let one = tool(&service, "tasks", json!({"id": id}));
    assert_eq!((one["rows"].as_array().unwrap().len(), &one["rows"][0]["title"]), (1, &items[0]["title"]), "{one}");
    assert!(refused(&service, "tasks", json!({"tag": "no such tag"})).contains("no board"));
    if let Some(cost) = items.iter().find_map(|task| task["cost"].as_object()) {
        let row = &tool(&service, "costs", json!({}))["rows"][0];
        assert!(cost.contains_key("wall_seconds") && row["wall_seconds"].is_number(), "{row}");
    }
}

#[test]
fn alerts_are_listed_and_explained_and_advice_says_why_there_is_none() {
    let rule = "[alerts.rules.long_queue]\nexpr = \"queue_depth > 5\"\nseverity = \"notice\"\nremediation = [\"Start another worker.\"]\n";
    let folder = Folder::with_settings(&format!("{QUIET}[optimizer]\nenabled = false\n{rule}"));
    let service = folder.start();
    assert!(tool(&service, "alerts", json!({}))["missing"].as_str().unwrap().contains("no alert is pending or firing"));
    assert!(tool(&service, "why", json!({}))["missing"].as_str().unwrap().contains("no alert is firing"));
    ingest(&service, "queue_depth", 9.0);
    let found = eventually("the alert fires", || {
        let found = tool(&service, "alerts", json!({"rule": "long_queue"}));
        (found["rows"][0]["state"] == "firing").then_some(found)
    });
    let id = found["rows"][0]["id"].clone();
    assert_eq!((&found["rows"][0]["value"], &found["rows"][0]["severity"]), (&json!(9.0), &json!("notice")), "{found}");
    assert!(texts(&tool(&service, "status", json!({}))["rows"], "alert").contains(&"long_queue"));
    for arguments in [json!({}), json!({"alert": id}), json!({"rule": "long_queue"})] {
        let why = tool(&service, "why", arguments);
        assert_eq!((&why["alert"]["id"], &why["what_to_do"]), (&id, &json!(["Start another worker."])), "{why}");
    }
    std::thread::sleep(std::time::Duration::from_millis(5));
    ingest(&service, "queue_depth", 1.0);
    let ended = eventually("the alert is over", || {
        let ended = tool(&service, "alerts", json!({"state": "ended"}));
        ended["rows"][0]["ended"].is_string().then_some(ended)
    });
    assert_eq!(ended["rows"][0]["id"], id);
    assert_eq!(tool(&service, "why", json!({"rule": "long_queue"}))["alert"]["state"], "resolved");
    let advice = tool(&service, "advice", json!({}));
    assert!(advice["missing"].as_str().unwrap().contains("switched off"), "{advice}");
    assert!(tool(&service, "advice", json!({"state": "verified"}))["missing"].is_string());
}

#[test]
fn ci_is_found_by_commit_and_branch() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    assert!(tool(&service, "ci", json!({}))["missing"].as_str().unwrap().contains("no CI is watched"));
    drop(service);
    let fake = Fake::start(&["--speed", "0", "--profile", "plain", "--token", "t0ken", "--seed", "7"]);
    folder.settings(&fake.settings(&["octo/app"], ""));
    let service = folder.start();
    let run = eventually("runs are read", || service.data("/api/v1/ci/runs")["repositories"][0]["runs"][5].as_object().cloned());
    let sha = run["sha"].as_str().unwrap();
    let found = tool(&service, "ci", json!({"sha": sha[..10].to_uppercase()}));
    let expected = fake.runs("octo/app").iter().filter(|run| run["head_sha"] == sha).count();
    assert!(expected >= 1 && found["count"].as_u64() >= Some(1), "{found}");
    assert!(texts(&found["rows"], "sha").iter().all(|shown| sha.starts_with(shown)), "{found}");
    assert!(texts(&found["rows"], "conclusion").contains(&run["conclusion"].as_str().unwrap_or("success")), "{found}");
    let branch = run["branch"].as_str().unwrap();
    let rows = all_rows(&service, "ci", json!({"branch": branch, "max_bytes": 1_000}));
    assert!(!rows.is_empty() && rows.iter().all(|row| row["branch"] == branch));
    let workflows = tool(&service, "ci", json!({"by": "workflow"}));
    assert!(workflows["rows"].as_array().unwrap().iter().all(|row| row["judged_runs"].is_number()), "{workflows}");
    assert!(tool(&service, "ci", json!({"sha": "ffffffffffff"}))["missing"].is_string());
    assert!(refused(&service, "ci", json!({"repository": "octo/other"})).contains("not watched"));
}

#[test]
fn notes_are_kept_where_settings_allow_them_and_survive_sigkill() {
    let folder = Folder::with_settings(&format!("{QUIET}[mcp]\nwrite = true\n"));
    let service = folder.start();
    let (_, listed) = modern(&service, "tools/list", json!({}));
    let note = listed["result"]["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "note").unwrap().clone();
    assert_eq!(note["annotations"]["readOnlyHint"], false);
    let kept = tool(&service, "note", json!({"text": "deployed 1.4.2", "at": "1h"}));
    assert_eq!(kept["noted"], "deployed 1.4.2");
    for (arguments, part) in [
        (json!({"text": "two\nlines"}), "one line"),
        (json!({"text": "x".repeat(501)}), "use at most 500"),
        (json!({"text": "tomorrow", "at": ((now_ms() + DAY) / 1_000).to_string()}), "ahead of now"),
        (json!({"text": " "}), "must not be empty"),
    ] {
        let why = refused(&service, "note", arguments);
        assert!(why.contains(part), "{why}");
    }
    service.kill();
    let service = folder.start();
    let events = service.data("/api/v1/events?source=note");
    assert_eq!(
        (events.as_array().unwrap().len(), &events[0]["title"], &events[0]["data"]["by"]),
        (1, &json!("deployed 1.4.2"), &json!("a test"))
    );
    let age = now_ms() as f64 / 1e3 - events[0]["time"].as_f64().unwrap();
    assert!((3_600.0..3_900.0).contains(&age), "{age}");
    // A model in a loop fills no disk.
    let taken = (0..25).filter(|n| !called(&service, "note", json!({"text": format!("note {n}")})).1).count();
    assert_eq!(taken, 20);
    assert!(refused(&service, "note", json!({"text": "one more"})).contains("20 notes came within a minute"));
}

#[test]
fn a_long_history_is_answered_in_pages_of_4_kib() {
    let folder = Folder::with_settings(QUIET);
    folder.pending_tasks(300);
    let service = folder.start();
    let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
    let record = |n: usize| {
        let attributes = json!([
            attribute("session.id", json!({"stringValue": format!("{n:03}-{}", "s".repeat(500))})),
            attribute("event.name", json!({"stringValue": "api_request"})),
            attribute("request_id", json!({"stringValue": format!("r-{n}")})),
            attribute("model", json!({"stringValue": format!("model-{n}")})),
            attribute("cost_usd_micros", json!({"intValue": n})),
        ]);
        json!({"timeUnixNano": nanos(now_ms()), "attributes": attributes})
    };
    let records: Vec<Value> = (1..=150).map(record).collect();
    let resource = json!({"attributes": [attribute("service.name", json!({"stringValue": "claude-code"}))]});
    let body = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]});
    let sent = service.client.post(service.url("/v1/logs")).json(&body).send().unwrap();
    assert!(sent.status().is_success(), "{}", sent.text().unwrap());
    for by in ["session", "model"] {
        // `tool` holds each answer to its bound.
        let rows = all_rows(&service, "costs", json!({"by": by, "start": "1h"}));
        // What nobody can attribute is a row of its own, always.
        let attributed = rows.iter().filter(|row| row["of"] != "not attributed").count();
        assert_eq!((attributed, rows.len()), (150, 151), "{by}: {rows:?}");
    }
    eventually("the board is read", || {
        let rows = all_rows(&service, "tasks", json!({"status": "all"}));
        (rows.iter().filter(|row| row["title"].as_str().is_some_and(|title| title.starts_with("task "))).count() == 300).then_some(())
    });
    for name in ["status", "alerts", "advice", "ci", "why", "did_it_help"] {
        tool(&service, name, json!({}));
    }
}
