//! Advice from a kept history: a disk that fills is seen, explained, decided on, and the decision is kept.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::disk::keep_a_filling_disk;
use common::{Folder, Service, eventually};
use serde_json::{Value, json};
use taskpulse_engine::forecast::fill::{self, Answer, Hour, Past};
use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::store::{StoreOptions, StoreWriter};

const MINUTE: i64 = 60_000;

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
    let advisors = service.data("/api/v1/advisors");
    let of = |name: &str| advisors.as_array().unwrap().iter().find(|advisor| advisor["name"] == name).unwrap().clone();
    assert_eq!((of("disk_filling")["recommendations"].clone(), of("disk_filling")["missing"].clone()), (json!(1), json!([])));
    assert_eq!((of("probe_down")["recommendations"].clone(), of("probe_down")["missing"].clone()), (json!(0), json!(["probe_success"])));
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

/// Two months in which a file system fills twice, and the forecasts that were made meanwhile: one an hour, of the hours before it.
fn keep_forecasts_of_a_disk(folder: &Folder) {
    const HOUR: i64 = 60 * MINUTE;
    const HOURS: usize = 60 * 24;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let begin = (now.div_euclid(HOUR) - HOURS as i64) * HOUR;
    let options = StoreOptions { out_of_order_ms: 100 * 86_400_000, ..StoreOptions::default() };
    let store = StoreWriter::open(&folder.path().join("taskpulse-data"), options, now).unwrap();
    // A fortieth of a day's growth each hour, more at some hours; full after about 24 days, cleared after 30.
    let level = |hour: usize| (0.3 + 0.03 / 24.0 * (hour % 720) as f64 + 0.002 * f64::from(u8::from(hour % 24 < 8))).min(1.0);
    let hours: Vec<Option<Hour>> = (0..HOURS).map(|hour| Some(Hour { max: level(hour), last: level(hour) })).collect();
    let mount = ("mountpoint", "/srv/data");
    let mut batch = Batch::default();
    for hour in 0..HOURS {
        let at = begin + hour as i64 * HOUR + HOUR / 2;
        batch.push(Labels::metric("system_filesystem_utilization_ratio", &[mount]), at, level(hour));
        let past = &hours[hour.saturating_sub(28 * 24)..=hour];
        let hour_of_week = usize::try_from((at.div_euclid(HOUR) + 72).rem_euclid(168)).unwrap();
        let answer = if hour % 6 == 5 {
            fill::forecast(&Past { hours: past, recent: &[level(hour)], hour_of_week, dated: false })
        } else {
            Answer::Full
        };
        if let Answer::Date(date) = answer {
            for (share, after) in [("0.025", Some(date.earliest)), ("0.5", Some(date.after)), ("0.975", date.latest)] {
                let labels = Labels::metric("system_filesystem_time_to_full_bound_seconds", &[mount, ("quantile", share)]);
                after.into_iter().for_each(|hours| batch.push(labels.clone(), at, hours * 3_600.0));
            }
        }
    }
    store.append(&batch, now).unwrap();
    store.commit().unwrap();
}

#[test]
fn forecasts_of_months_are_judged_by_what_became_of_the_disk() {
    let folder = Folder::new();
    keep_forecasts_of_a_disk(&folder);
    let service = folder.start();
    let found = service.data("/api/v1/forecasts");
    let disk = found["forecasts"].as_array().unwrap().iter().find(|f| f["metric"]["mountpoint"] == "/srv/data").unwrap().clone();
    assert_eq!((&disk["subject"], &disk["cut_short"]), (&json!("disk_full"), &json!(0)), "{disk}");
    let held = |share: f64| {
        let score = disk["calibration"]
            .as_array()
            .unwrap()
            .iter()
            .find(|score| score["share"] == share)
            .unwrap_or_else(|| panic!("{share}: {disk}"));
        (score["judged"].as_u64().unwrap(), score["held"].as_u64().unwrap())
    };
    let ((early, before), (late, in_time)) = (held(0.025), held(0.975));
    // The latest times of most lie ahead still.
    assert!(early >= 10 && late >= 3, "forecasts of a week before it was full: {disk}");
    // Nothing came before its earliest time, and nearly all before its latest.
    assert!(before * 10 <= early && in_time * 10 >= late * 9, "{disk}");
    assert_eq!(found["disks"], disk["calibration"], "the only disk");
}
