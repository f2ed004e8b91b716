//! Alerts on real measurements: they fire, are logged, kept, acknowledged and resolved. Advice and its life.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;

use common::{Folder, Service, eventually};
use serde_json::{Value, json};

const RULES: &str = "
[system]
enabled = false
[alerts.rules.long_queue]
expr = \"taskmaster_queue_depth > 5\"
severity = \"error\"
[alerts.rules.patient]
expr = \"taskmaster_queue_depth > 5\"
for = \"1h\"
severity = \"notice\"
";

fn alert(service: &Service, rule: &str) -> Option<Value> {
    service.data("/api/v1/alerts")["alerts"].as_array().unwrap().iter().find(|a| a["rule"] == rule).cloned()
}

#[test]
fn a_real_breach_fires_is_logged_survives_a_crash_and_resolves() {
    let folder = Folder::with_settings(RULES);
    folder.pending_tasks(3);
    let service = folder.start();
    eventually("a sample", || (!service.query("taskmaster_queue_depth").is_empty()).then_some(()));
    assert!(alert(&service, "long_queue").is_none());
    let mut socket = service.socket();
    socket.send(&json!({"op": "subscribe", "id": 1, "topic": "alerts"}));
    assert_eq!(socket.wait_for("the snapshot", |v| v["type"] == "snapshot")["data"], json!([]));

    folder.pending_tasks(8);
    let update = socket
        .wait_for("the alert", |v| v["type"] == "update" && v["data"][0]["rule"] == "long_queue" && v["data"][0]["state"] == "firing");
    let (fired, sampled) = (update["time"].as_f64().unwrap(), update["data"][0]["last_sample"].as_f64().unwrap());
    // A sample that breaks a rule waits for no batch, which leaves each five seconds.
    assert!(fired - sampled < 5.0, "{} s from the sample to the alert", fired - sampled);
    let shown = alert(&service, "long_queue").unwrap();
    assert_eq!((&shown["state"], &shown["severity"], &shown["value"]), (&json!("firing"), &json!("error"), &json!("8")));
    assert_eq!(shown["labels"]["alertname"], "long_queue");
    eventually("the patient rule waits", || alert(&service, "patient").filter(|alert| alert["state"] == "pending"));
    let log = folder.path().join(".taskmaster/alerts.log");
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    // One line of JSON each.
    let lines = |state: &str| {
        let lines: Vec<Value> = logged().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        lines.iter().filter(|line| line["rule"] == "long_queue" && line["state"] == state && line["severity"] == "error").count()
    };
    eventually("the line in the file", || (lines("firing") == 1).then_some(()));
    assert!(service.log().contains("alert ") && service.log().contains("long_queue"));

    let id = shown["id"].as_str().unwrap().to_owned();
    let acked: Value = service.client.post(service.url(&format!("/api/v1/alerts/{id}/ack"))).send().unwrap().json().unwrap();
    assert!(acked["data"]["acked_at"].is_number(), "{acked}");
    let post =
        |path: &str| -> Value { service.client.post(service.url(&format!("/api/v1/alerts/{id}/{path}"))).send().unwrap().json().unwrap() };
    assert_eq!(post("unack")["data"]["acked_at"], Value::Null);
    let long = post(&format!("ack?note={}", "n".repeat(501)));
    assert!(long["error"].as_str().unwrap().contains("use at most 500"), "{long}");
    let acked = post("ack?note=on%20it");
    assert_eq!(acked["data"]["note"], "on it", "{acked}");
    service.kill();

    let service = folder.start();
    let again = alert(&service, "long_queue").unwrap();
    assert_eq!(
        (&again["state"], &again["firing_since"], &again["acked_at"]),
        (&json!("firing"), &shown["firing_since"], &acked["data"]["acked_at"])
    );
    folder.pending_tasks(2);
    eventually("it is resolved", || alert(&service, "long_queue").is_none().then_some(()));
    assert_eq!(lines("firing"), 1, "logged once: {}", logged());
    eventually("its end is logged", || (lines("resolved") == 1).then_some(()));
    let history = eventually("its history", || {
        let history = service.data("/api/v1/alerts/history");
        (!history.as_array()?.is_empty()).then_some(history)
    });
    assert_eq!((&history[0]["rule"], &history[0]["state"]), (&json!("long_queue"), &json!("resolved")));
    assert!(alert(&service, "patient").is_none(), "never fired, never logged");
    assert!(!logged().contains("patient"));
    let noise = service.data("/api/v1/alerts/noise");
    let loud = noise["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "long_queue").unwrap().clone();
    assert_eq!((&loud["fired"], &loud["acknowledged"], &loud["notifications"]), (&json!(1), &json!(1), &json!(0)), "{noise}");
    assert_eq!((&loud["halved_by_for"], &noise["profile"]), (&Value::Null, &Value::Null), "it fired too seldom");
    let events = service.data("/api/v1/events?source=alert");
    let kinds: Vec<&str> = events.as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["alert_resolved", "alert_firing"]);
}

#[test]
fn rules_are_listed_with_their_state() {
    let folder = Folder::with_settings(
        "[alerts.rules.always]\nexpr = \"system_uptime_seconds > 0\"\nseverity = \"info\"\n[alerts.rules.high_cpu_usage]\nexpr = \"system_cpu_utilization_ratio > 0.80\"\nseverity = \"warning\"\nenabled = false\n",
    );
    let service = folder.start();
    let rules = || service.data("/api/v1/rules")["groups"][0]["rules"].as_array().unwrap().clone();
    let names: Vec<String> = rules().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect();
    let given = ["always", "critical_cpu_usage", "degraded_performance", "github_failure_rate", "high_memory_usage", "task_failure_rate"];
    assert!(names.is_sorted() && given.iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
    assert!(names.iter().all(|name| name != "high_cpu_usage"), "it is switched off");
    let always = || rules().into_iter().find(|rule| rule["name"] == "always").unwrap();
    eventually("the rule that always holds fires", || (always()["state"] == "firing").then_some(()));
    let missing = service.client.post(service.url("/api/v1/alerts/none/ack")).send().unwrap();
    assert_eq!(missing.status(), 404);
    let answer = service.client.post(service.url("/api/v1/recommendations/none/accept")).send().unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(service.data("/api/v1/recommendations"), json!([]), "no advice without evidence");
}
