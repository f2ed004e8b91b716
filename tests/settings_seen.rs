//! Settings that changed between two starts: named by their keys, never with a value, and offered where advice was about them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::{Folder, Service, eventually};
use serde_json::{Value, json};
use taskpulse_engine::rules::ENDED;
use taskpulse_engine::store::{StoreOptions, StoreWriter};

const NOISE: &str = "alert_noise:loud";
const RULE: &str =
    "[system]\nenabled = false\n[github]\nenabled = false\n[alerts.rules.loud]\nexpr = \"level > 5\"\nseverity = \"warning\"\n";

/// A rule that fired each hour of a day for some seconds.
fn keep_noise(folder: &Folder) {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let store = StoreWriter::open(&folder.path().join("taskpulse-data"), StoreOptions::default(), now).unwrap();
    let alert = |hours: i64| {
        let from = now - hours * 3_600_000;
        let alert = json!({
            "id": "1", "rule": "loud", "severity": "warning", "state": "resolved", "metric": {"__name__": "level"}, "value": 9.0, "op": ">", "threshold": 5.0,
            "hold_ms": 0, "cooldown_ms": 0, "pending_since": from, "firing_since": from, "resolved_at": from + 10_000, "last_sample": from + 10_000,
            "summary": "", "acked_at": null, "reason": null,
        });
        (format!("{from:020} 1"), Some(serde_json::to_vec(&alert).unwrap()))
    };
    store.change_documents(ENDED, (1..=24).map(alert).collect()).unwrap();
    store.commit().unwrap();
}

fn advice(service: &Service) -> Option<Value> {
    service.data("/api/v1/recommendations").as_array().unwrap().iter().find(|r| r["id"] == NOISE).cloned()
}

fn changes(service: &Service) -> Vec<Value> {
    let events = service.data("/api/v1/events?source=service");
    events.as_array().unwrap().iter().filter(|event| event["kind"] == "settings_changed").cloned().collect()
}

#[test]
fn settings_that_changed_are_named_and_offered_where_advice_was_about_them() {
    let folder = Folder::with_settings(RULE);
    keep_noise(&folder);
    let service = folder.start();
    let found = eventually("the advice", || advice(&service));
    assert_eq!((&found["status"], &found["seems_applied"]), (&json!("open"), &Value::Null));
    service.kill();

    // Another setting is no answer to it, and a secret is named without its value.
    folder.settings(&format!(
        "[github]\ntoken = \"hunter2hunter2hunter2\"\n[store]\nretention = \"60d\"\n{}",
        RULE.replace("[github]\nenabled = false\n", "")
    ));
    let service = folder.start();
    let event = eventually("the change", || changes(&service).pop());
    assert_eq!(event["data"]["keys"], json!(["github.enabled", "github.token", "store.retention"]));
    assert!(!event.to_string().contains("hunter2") && !event.to_string().contains("60d"), "{event}");
    service.kill();

    folder.settings(&format!("{RULE}for = \"10m\"\n"));
    let service = folder.start();
    let seen = eventually("what was seen", || advice(&service).filter(|r| !r["seems_applied"].is_null()));
    assert_eq!((&seen["status"], &seen["seems_applied"]["what"]), (&json!("open"), &json!("settings changed: alerts.rules.loud.for")));
    let events = changes(&service);
    assert_eq!((events.len(), &events[0]["time"]), (2, &seen["seems_applied"]["at"]));
    service.kill();

    // Nothing changed: nothing is said.
    let service = folder.start();
    eventually("it runs", || advice(&service));
    assert_eq!(changes(&service).len(), 2);
}
