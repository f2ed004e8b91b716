//! Advice from a kept history: a disk that fills is seen, explained, decided on, and the decision is kept.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::{Folder, Service, eventually};
use serde_json::{Value, json};
use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::store::{StoreOptions, StoreWriter};

const MINUTE: i64 = 60_000;

/// A day of a file system that grows by a tenth of its size, kept as the service keeps it.
fn keep_a_filling_disk(folder: &Folder) {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let options = StoreOptions { out_of_order_ms: 2 * 86_400_000, ..StoreOptions::default() };
    let store = StoreWriter::open(&folder.path().join("taskpulse-data"), options, now).unwrap();
    let labels = Labels::metric("system_filesystem_utilization_ratio", &[("mountpoint", "/srv/data")]);
    let mut batch = Batch::default();
    for minute in 0..1_430 {
        let jitter = f64::from(minute % 7) * 1e-4;
        batch.push(labels.clone(), now - 1_440 * MINUTE + i64::from(minute) * MINUTE, 0.7 + f64::from(minute) / 14_400.0 + jitter);
    }
    store.append(&batch, now).unwrap();
    store.commit().unwrap();
}

fn advice(service: &Service) -> Option<Value> {
    service.data("/api/v1/recommendations").as_array().unwrap().iter().find(|r| r["kind"] == "disk").cloned()
}

fn decide(service: &Service, id: &str, decision: &str) -> Value {
    let url = reqwest::Url::parse(&service.url("/api/v1/recommendations/")).unwrap();
    let mut url = url;
    url.path_segments_mut().unwrap().pop_if_empty().push(id).push(decision);
    service.client.post(url).send().unwrap().json().unwrap()
}

#[test]
fn a_filling_disk_is_forecast_with_its_evidence_and_a_decision_is_kept() {
    let folder = Folder::new();
    keep_a_filling_disk(&folder);
    let service = folder.start();
    let mut socket = service.socket();
    socket.send(&json!({"op": "subscribe", "id": 1, "topic": "recommendations"}));
    let found = eventually("the recommendation", || advice(&service));
    assert_eq!(found["id"], "disk_filling:/srv/data");
    assert_eq!(found["status"], "open");
    let until = &found["evidence"][0];
    let days = |v: &Value| v.as_f64().unwrap() / 86_400.0;
    // 0.8 full, a tenth a day: two days.
    // One day does not show what a weekend changes, nor that the growth goes on.
    assert!((0.7..5.5).contains(&days(&until["value"])), "{until}");
    assert!(days(&until["low"]) <= 2.0 && until["high"].as_f64().is_none_or(|high| high >= 2.0 * 86_400.0), "{until}");
    assert_eq!(found["query"], "system_filesystem_utilization_ratio{mountpoint=\"/srv/data\"}");
    socket.wait_for("it is published live", |v| v["data"].as_array().is_some_and(|all| all.iter().any(|r| r["kind"] == "disk")));
    let windows = service.data("/api/v1/windows?window=6h&match[]=system_filesystem_utilization_ratio{mountpoint=\"/srv/data\"}");
    assert!(windows.as_array().unwrap().iter().any(|w| w["count"].as_f64() == Some(360.0)), "{windows}");

    let accepted = decide(&service, "disk_filling:/srv/data", "accept");
    assert_eq!(accepted["data"]["status"], "accepted", "{accepted}");
    assert_eq!(decide(&service, "disk_filling:/srv/data", "reopen")["data"]["status"], "open");
    assert_eq!(decide(&service, "disk_filling:/srv/data", "accept")["data"]["status"], "accepted");
    let unknown = decide(&service, "disk_filling:/srv/data", "postpone");
    assert!(unknown["error"].as_str().unwrap().contains("`postpone` is no decision"), "{unknown}");
    service.kill();
    let service = folder.start();
    assert_eq!(advice(&service).unwrap()["status"], "accepted");
    assert_eq!(decide(&service, "disk_filling:/srv/data", "applied")["data"]["status"], "applied");
    let kinds: Vec<Value> =
        eventually("the time line", || Some(service.data("/api/v1/events?source=advice")).filter(|e| e.as_array().unwrap().len() >= 5))
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["kind"].clone())
            .collect();
    assert_eq!(
        kinds,
        ["recommendation_applied", "recommendation_accepted", "recommendation_open", "recommendation_accepted", "recommendation_open"]
    );
}
