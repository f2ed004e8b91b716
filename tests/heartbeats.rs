//! Calls of jobs that must come in: taken, kept over a kill, missed, and taken again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::receiver::QUIET;
use common::{Folder, Service, eventually, within};
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

fn call(service: &Service, name: &str) -> Response {
    Client::new().post(service.url(&format!("/api/v1/heartbeats/{name}"))).send().unwrap()
}

fn heartbeat(service: &Service, name: &str) -> Value {
    let list = service.data("/api/v1/heartbeats");
    list.as_array().unwrap().iter().find(|heartbeat| heartbeat["name"] == name).unwrap().clone()
}

#[test]
fn a_call_that_is_late_is_an_alert_until_it_comes_and_calls_survive_a_kill() {
    let jobs = "[heartbeats.expect.backup]\nevery = \"10s\"\ngrace = \"0s\"\n[heartbeats.expect.weekly]\nevery = \"7d\"\n";
    let folder = Folder::with_settings(&format!("{QUIET}{jobs}"));
    let service = folder.start();
    let unknown = call(&service, "backups");
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert!(unknown.text().unwrap().contains("[heartbeats.expect.backups]"));
    assert_eq!(heartbeat(&service, "weekly")["state"], "awaited");

    let taken: Value = call(&service, "backup").json().unwrap();
    assert_eq!((&taken["data"]["state"], &taken["data"]["every"]), (&json!("coming"), &json!(10.0)));
    service.kill();

    let service = folder.start();
    let kept = heartbeat(&service, "backup");
    assert_eq!((&kept["last_call"], &kept["due"]), (&taken["data"]["last_call"], &taken["data"]["due"]));
    assert_eq!(heartbeat(&service, "weekly")["last_call"], Value::Null);
    let alert = within(Duration::from_secs(60), "the late call is an alert", || {
        service.data("/api/v1/alerts")["alerts"].as_array().unwrap().iter().find(|alert| alert["rule"] == "heartbeat_late").cloned()
    });
    assert!(alert["summary"].as_str().unwrap().starts_with("The call of backup is late"), "{alert}");
    assert_eq!(heartbeat(&service, "backup")["state"], "late");
    assert!(service.query("heartbeat_up{heartbeat=\"weekly\"}").is_empty(), "nothing is known of a job that is not due");
    service.metrics_are_documented();

    assert_eq!(call(&service, "backup").status(), StatusCode::OK);
    eventually("the alert ends with the next call", || {
        let alerts = service.data("/api/v1/alerts");
        alerts["alerts"].as_array().unwrap().iter().all(|alert| alert["rule"] != "heartbeat_late").then_some(())
    });
}
