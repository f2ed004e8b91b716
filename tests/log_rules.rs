//! Rules over log lines on the real service: what fires, what it cites, what a restart keeps.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::{Folder, Service, eventually};
use serde_json::{Value, json};

const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[alerts]\nevaluation_interval = \"1s\"\n";

fn now_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_nanos()).unwrap()
}

/// Sends lines of now, each a nanosecond after the one before.
fn say(service: &Service, app: &str, lines: &[String]) {
    let at = now_ns();
    let values: Vec<Value> = lines.iter().enumerate().map(|(n, line)| json!([(at + n as i64).to_string(), line])).collect();
    let body = json!({"streams": [{"stream": {"app": app}, "values": values}]});
    let response = service.client.post(service.url("/loki/api/v1/push")).json(&body).send().unwrap();
    assert!(response.status().is_success(), "{} {}", response.status(), response.text().unwrap());
}

fn alerts(service: &Service, rule: &str) -> Vec<Value> {
    let all = service.data("/api/v1/alerts");
    all["alerts"].as_array().unwrap().iter().filter(|alert| alert["rule"] == rule).cloned().collect()
}

fn firing(service: &Service, rule: &str) -> Option<Value> {
    alerts(service, rule).into_iter().find(|alert| alert["state"] == "firing" && !alert["explanation"].is_null())
}

fn rule(service: &Service, name: &str) -> Value {
    let groups = service.data("/api/v1/rules");
    let rules = groups["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
    rules.into_iter().find(|rule| rule["name"] == name).unwrap()
}

const RULES: &str = r#"
[alerts.rules.errors]
logql = 'sum by (app) (count_over_time({app=~".+"} |= "error" [10m])) >= 5'
severity = "error"
annotations = { summary = "{{ $labels.app }} said {{ $value }} errors" }
[alerts.rules.brief]
logql = 'sum by (app) (count_over_time({app="web"} |= "brief" [3s])) > 0'
[alerts.rules.counted]
record = "log:lines"
logql = 'sum by (app) (count_over_time({app="web"} [10m]))'
[alerts.rules.nothing]
logql = 'sum(count_over_time({app="none"} [10m])) < 1'
[alerts.rules.held]
logql = 'sum(count_over_time({app="web"} |= "error" [10m])) > 4'
for = "10m"
"#;

#[test]
fn a_rule_over_lines_fires_cites_them_survives_a_crash_and_resolves() {
    let folder = Folder::with_settings(&format!("{QUIET}{RULES}"));
    let service = folder.start();
    eventually("the rules are evaluated without a line", || {
        let rule = rule(&service, "errors");
        (rule["health"] == "ok" && rule["over_lines"] == true && rule["lastError"].is_null() && alerts(&service, "errors").is_empty())
            .then_some(())
    });
    say(&service, "db", &["error: only one".to_owned()]);
    let lines: Vec<String> = (0..6).map(|n| format!("error \u{1b}[31m{n}\u{202e}: {}", "x".repeat(300))).collect();
    say(&service, "web", &lines);
    let fired = eventually("the alert fires", || firing(&service, "errors"));
    assert_eq!(fired["labels"], json!({"alertname": "errors", "app": "web", "severity": "error"}));
    assert_eq!(fired["annotations"]["summary"], "web said 6 errors");
    let said = fired["explanation"]["said"].as_array().unwrap();
    let texts: Vec<&str> = said.iter().map(|said| said["text"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 3, "{said:?}");
    for (text, n) in texts.iter().zip([5, 4, 3]) {
        assert!(text.starts_with(&format!("error \\u{{1b}}[31m{n}\\u{{202e}}: xxx")) && text.ends_with('…'), "{text}");
        assert!(text.chars().count() <= 201, "{text}");
    }
    assert!(fired["explanation"]["lines"][0].as_str().unwrap().starts_with("Said last: \"error \\u{1b}[31m5"), "{fired}");
    assert_eq!(alerts(&service, "errors").len(), 1, "one error of the database is not five");
    assert!(alerts(&service, "nothing").is_empty(), "where nothing was said there is no zero");
    eventually("it is a series", || {
        (service.query("ALERTS{alertname=\"errors\",app=\"web\",alertstate=\"firing\"}").len() == 1).then_some(())
    });
    eventually("lines are recorded", || (service.query("log:lines{app=\"web\"}").first()?["value"][1] == "6").then_some(()));
    let held = eventually("the other one waits", || alerts(&service, "held").pop());
    assert_eq!((&held["state"], &held["metric"]), (&json!("pending"), &json!({})));
    let since = fired["firing_since"].clone();
    service.kill();

    let service = folder.start();
    let kept = eventually("it fires on", || firing(&service, "errors"));
    assert_eq!((&kept["firing_since"], &kept["explanation"]["said"]), (&since, &fired["explanation"]["said"]));
    say(&service, "web", &["a brief thing".to_owned()]);
    eventually("what is brief fires", || firing(&service, "brief"));
    eventually("and ends by itself", || alerts(&service, "brief").is_empty().then_some(()));
    let history = service.data("/api/v1/alerts/history");
    let ended = history.as_array().unwrap().iter().find(|alert| alert["rule"] == "brief").unwrap();
    assert_eq!((&ended["state"], &ended["reason"]), (&json!("resolved"), &Value::Null));
}

#[test]
fn a_rule_over_lines_is_checked_tried_and_given_over_rest() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    say(&service, "web", &(0..9).map(|n| format!("error {n}")).collect::<Vec<_>>());
    let put = |body: &Value| service.client.put(service.url("/api/v1/rules/lines")).json(body).send().unwrap();
    for (logql, why) in [
        (r#"{app="web"}"#, "lines are no values"),
        (r#"count_over_time({app="web"} [1m]"#, "parse error"),
        (r#"rate(http_requests_total[5m])"#, "selector of streams"),
        (r#"sum(x)"#, "would be a metric of PromQL"),
    ] {
        let answer = put(&json!({"logql": logql}));
        let (status, text) = (answer.status(), answer.text().unwrap());
        assert_eq!(status, 400, "{text}");
        assert!(text.contains("logql: ") && text.contains(why), "{logql}: {text}");
    }
    let both = put(&json!({"logql": "vector(1)", "expr": "vector(1)"})).text().unwrap();
    assert!(both.contains("both `expr` and `logql`"), "{both}");
    let spec = json!({"logql": r#"sum by (app) (count_over_time({app="web"} |= "error" [1m])) > 5"#, "clear": 2.0});
    let answer = put(&spec);
    assert!(answer.status().is_success(), "{}", answer.text().unwrap());
    eventually("it fires", || firing(&service, "lines"));
    assert_eq!(service.data("/api/v1/rules/lines")["rule"], spec);
    // An evaluation that has passed since the lines came is part of the time that is tried.
    let preview = eventually("it would have fired", || {
        let answer = service.client.post(service.url("/api/v1/rules/preview?days=1")).json(&spec).send().unwrap();
        let answer: Value = answer.json().unwrap();
        (answer["data"]["fired"] == 1).then_some(answer)
    });
    assert_eq!(preview["data"]["firings"][0]["labels"], json!({"app": "web"}), "{preview}");
    let exported = service.get("/api/v1/rules/export").text().unwrap();
    assert!(
        exported.starts_with("# left out, since it is over log lines: \"lines\"\n") && !exported.contains("count_over_time"),
        "{exported}"
    );
}

#[test]
fn rule_files_may_have_rules_over_lines_and_unit_tests_refuse_them_by_name() {
    let folder = Folder::new();
    let rules = "groups:\n- name: g\n  rules:\n  - alert: Lines\n    logql: sum(count_over_time({app=\"web\"} |= \"error\" [1m])) > 5\n";
    std::fs::write(folder.path().join("good.yml"), rules).unwrap();
    let (code, text) = folder.run(&["check-rules", "good.yml"], &[]);
    assert_eq!(code, Some(0), "{text}");
    for (line, why) in [
        ("logql: '{app=\"web\"}'", "`logql`: lines are no values"),
        ("logql: sum(up) > 1", "`logql`: "),
        ("logql: vector(1)\n    expr: vector(1)", "either `expr` or `logql`"),
    ] {
        let text = format!("groups:\n- name: g\n  rules:\n  - alert: Lines\n    {line}\n");
        std::fs::write(folder.path().join("bad.yml"), text).unwrap();
        let (code, text) = folder.run(&["check-rules", "bad.yml"], &[]);
        assert!(code != Some(0) && text.contains(why), "{line}: {text}");
    }
    let test = "rule_files: [good.yml]\ntests:\n- interval: 1m\n  alert_rule_test:\n  - eval_time: 1m\n    alertname: Lines\n";
    std::fs::write(folder.path().join("test.yml"), test).unwrap();
    let (code, text) = folder.run(&["test-rules", "test.yml"], &[]);
    assert!(code != Some(0) && text.contains("alert: Lines: its `logql` reads log lines"), "{text}");
}

fn templates(service: &Service, query: &str) -> Vec<Value> {
    service.data(&format!("/api/v1/logs/templates{query}"))["templates"].as_array().unwrap().clone()
}

fn events(service: &Service, kind: &str) -> Vec<Value> {
    let events = service.data("/api/v1/events");
    events.as_array().unwrap().iter().filter(|event| event["kind"] == kind).cloned().collect()
}

/// Sends lines of a level at given seconds before now.
fn say_then(service: &Service, app: &str, lines: &[(i64, String)]) {
    let now = now_ns();
    let values: Vec<Value> =
        lines.iter().enumerate().map(|(n, (ago, line))| json!([(now - ago * 1_000_000_000 + n as i64).to_string(), line])).collect();
    let body = json!({"streams": [{"stream": {"app": app}, "values": values}]});
    let response = service.client.post(service.url("/loki/api/v1/push")).json(&body).send().unwrap();
    assert!(response.status().is_success(), "{} {}", response.status(), response.text().unwrap());
}

#[test]
fn error_lines_are_grouped_what_is_new_and_what_bursts_is_told_and_a_restart_knows_them() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    assert!(templates(&service, "").is_empty() && events(&service, "log_template_new").is_empty());
    // Two hours of the past: an error now and then.
    let past: Vec<(i64, String)> = (2..=24).rev().map(|n| (n * 300, format!("level=error msg=\"job {n} failed: timeout\""))).collect();
    say_then(&service, "web", &past);
    let old = eventually("the kind of the past is there", || templates(&service, "?start=0").pop().filter(|one| one["count"] == 23));
    assert_eq!(
        (&old["service"], &old["level"], &old["template"], &old["new"], &old["burst"]),
        (&json!("web"), &json!("error"), &json!("job <*> failed: timeout"), &json!(false), &json!(false))
    );
    assert!(old["example"]["text"].as_str().unwrap().contains("job 2 failed"), "{old}");
    // Hostile lines, and a kind that is new.
    let hostile =
        ["error: \u{1b}[31m\u{0}\u{202e}x".to_owned(), format!("error: {}", "y".repeat(256 << 10)), "error: \u{fffd}\u{fffd}".to_owned()];
    say(&service, "odd", &hostile);
    say(&service, "web", &["level=error msg=\"cannot reach db-1:5432\"".to_owned()]);
    let new = eventually("the new kind is told", || {
        events(&service, "log_template_new").into_iter().find(|event| event["data"]["service"] == "web")
    });
    assert_eq!((&new["source"], &new["title"]), (&json!("logs"), &json!("A new kind of error in web: cannot reach db-<*>")));
    let found = templates(&service, "?service=web");
    let cannot = found.iter().find(|one| one["id"] == new["subject"]).unwrap();
    assert_eq!((&cannot["count"], &cannot["new"]), (&json!(1), &json!(true)));
    let odd = eventually("hostile lines are grouped", || {
        Some(templates(&service, "?service=odd&limit=5"))
            .filter(|odd| odd.iter().map(|one| one["count"].as_u64().unwrap()).sum::<u64>() == 3)
    });
    let is_plain = |text: &Value| !text.as_str().unwrap().chars().any(|c| c.is_control() || c == '\u{202e}');
    assert!(odd.iter().all(|one| is_plain(&one["template"]) && is_plain(&one["example"]["text"])), "{odd:?}");
    assert_eq!(events(&service, "log_template_new").len(), 1, "the other service is not known yet");
    // Far more of the old kind than ever.
    say(&service, "web", &(0..200).map(|n| format!("level=error msg=\"job {n} failed: timeout\"")).collect::<Vec<_>>());
    let burst = eventually("the burst is told", || events(&service, "log_burst").pop());
    assert_eq!((&burst["subject"], &burst["data"]["lines"]), (&old["id"], &json!(200)));
    assert!(burst["title"].as_str().unwrap().ends_with("usually 1: job <*> failed: timeout"), "{burst}");
    eventually("it is marked", || templates(&service, "").into_iter().find(|one| one["id"] == old["id"] && one["burst"] == true));
    eventually("lines are counted by level", || {
        let rows = service.query("taskpulse_logs_service_lines_total{service=\"web\",level=\"error\"}");
        (rows.first()?["value"][1] == "224").then_some(())
    });
    service.metrics_are_documented();
    let before = templates(&service, "?start=0");
    service.stop();

    let service = folder.start();
    let ids = |all: &[Value]| all.iter().map(|one| (one["id"].clone(), one["count"].clone())).collect::<Vec<_>>();
    assert_eq!(
        ids(&eventually("templates are restored", || Some(templates(&service, "?start=0")).filter(|all| all.len() == before.len()))),
        ids(&before)
    );
    say(&service, "web", &["level=error msg=\"cannot reach db-2:5432\"".to_owned()]);
    eventually("it is the same kind", || {
        templates(&service, "?service=web").into_iter().find(|one| one["id"] == new["subject"] && one["count"] == 2)
    });
    assert_eq!((events(&service, "log_template_new").len(), events(&service, "log_burst").len()), (1, 1), "nothing is told twice");
    for (query, status) in [("?limit=0", 400), ("?limit=1", 200), ("?start=2&end=1", 400), ("?service=none", 200)] {
        assert_eq!(service.get(&format!("/api/v1/logs/templates{query}")).status().as_u16(), status, "{query}");
    }
    service.kill();
}
