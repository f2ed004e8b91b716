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
    decide_with(service, id, decision, &Value::Null).1
}

fn decide_with(service: &Service, id: &str, decision: &str, said: &Value) -> (u16, Value) {
    let mut url = reqwest::Url::parse(&service.url("/api/v1/recommendations/")).unwrap();
    url.path_segments_mut().unwrap().pop_if_empty().push(id).push(decision);
    let request = service.client.post(url);
    let response = if said.is_null() { request } else { request.json(said) }.send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
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
    assert_eq!(
        found["query"], "system_filesystem_utilization_ratio{mountpoint=\"/srv/data\",instance=\"\",host=\"\",host_name=\"\"}",
        "that of this machine alone"
    );
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
    let baseline = eventually("the baseline", || advice(&service).filter(|r| !r["baseline"].is_null()))["baseline"].clone();
    assert!(baseline["hours"].as_u64().unwrap() >= 23 && (0.7..0.8).contains(&baseline["mean"].as_f64().unwrap()), "{baseline}");
    assert_eq!(decide(&service, "disk_filling:/srv/data", "applied")["data"]["status"], "applied");
    let verdict = eventually("the verdict", || advice(&service).filter(|r| !r["verdict"].is_null()))["verdict"].clone();
    assert_eq!((&verdict["state"], &verdict["before"]), (&json!("unknown"), &Value::Null), "a day before is too little: {verdict}");
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

const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A number below one that looks like chance.
fn chance(n: i64) -> f64 {
    let z = (n as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A run each half hour of two workflows, within a range of time before `end`: how long each waited, and took then.
fn runs(end: i64, (from, to): (i64, i64), waits: [(&str, f64); 2]) -> Vec<(Labels, i64, f64)> {
    let mut all = Vec::new();
    for (number, (workflow, wait)) in waits.into_iter().enumerate() {
        let labels = |metric: &str| Labels::metric(metric, &[("repo", "octo/site"), ("workflow", workflow), ("conclusion", "success")]);
        for half_hour in from / (30 * MINUTE)..to / (30 * MINUTE) {
            let noise = 0.9 + 0.2 * chance(half_hour + number as i64 * 1_000_003);
            let at = end + half_hour * 30 * MINUTE + 60_000;
            all.push((labels("github_actions_run_queue_seconds"), at, wait * noise));
            all.push((labels("github_actions_run_duration_seconds"), at, 300.0));
        }
    }
    all
}

fn of(service: &Service, id: &str) -> Option<Value> {
    service.data("/api/v1/recommendations").as_array().unwrap().iter().find(|r| r["id"] == id).cloned()
}

fn event_kinds(service: &Service) -> Vec<String> {
    let events = service.data("/api/v1/events?source=advice");
    events.as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

/// Runs wait long. The history ends more than five days ago, so that what comes after can be replayed up to now.
fn keep_slow_runs(folder: &Folder) -> (i64, i64) {
    let end = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap() / HOUR * HOUR;
    let fix = end - 5 * DAY - 2 * HOUR;
    let options = StoreOptions { out_of_order_ms: 40 * DAY, ..StoreOptions::default() };
    let store = StoreWriter::open(&folder.path().join("taskpulse-data"), options, end).unwrap();
    let mut batch = Batch::default();
    for (labels, at, value) in runs(end, (-27 * DAY, fix - end), [("CI", 200.0), ("Docs", 200.0)]) {
        batch.push(labels, at, value);
    }
    store.append(&batch, end).unwrap();
    store.commit().unwrap();
    (end, fix)
}

/// The replay goes on: CI waits 0.4 times as long from the fix on, Docs as long as before.
fn replay_the_rest(service: &Service, end: i64, fix: i64) {
    let mut lines = String::new();
    for (labels, at, value) in runs(end, (fix - end, 0), [("CI", 80.0), ("Docs", 200.0)]) {
        let labels: std::collections::BTreeMap<&str, &str> = labels.iter().collect();
        lines.push_str(&format!("{}\n", json!({"metric": labels, "values": [value], "timestamps": [at]})));
    }
    assert_eq!(service.client.post(service.url("/api/v1/import?format=jsonl")).body(lines).send().unwrap().status(), 200);
}

#[test]
fn a_slow_ci_is_found_and_its_fix_verified_and_a_change_without_effect_is_called_so_across_sigkill() {
    let (ci, docs) = ("ci_queued:octo/site:CI", "ci_queued:octo/site:Docs");
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let (end, fix) = keep_slow_runs(&folder);
    let service = folder.start();
    let found = eventually("the advice", || of(&service, ci).filter(|_| of(&service, docs).is_some()));
    assert_eq!((&found["status"], &found["priority"], &found["confidence"]), (&json!("open"), &json!(2), &json!("medium")), "{found}");
    let wait = found["evidence"][0]["value"].as_f64().unwrap();
    assert_eq!((found["expected"]["low"].as_f64(), found["expected"]["high"].as_f64()), (Some(0.0), Some(wait)), "{found}");
    assert_eq!(found["measure"]["direction"], "lower");
    assert!(found["steps"].as_array().unwrap().len() > 1 && found["refuted_by"].as_str().unwrap().len() > 20, "{found}");
    assert_eq!(decide(&service, ci, "accept")["data"]["status"], "accepted");
    service.kill();

    let service = folder.start();
    let accepted = eventually("the baseline", || of(&service, ci).filter(|r| !r["baseline"].is_null()));
    assert_eq!(accepted["status"], "accepted");
    // The other workflow has a noise of its own: it is no control.
    let baseline = &accepted["baseline"];
    assert!(baseline["hours"].as_u64().unwrap() > 400 && (195.0..205.0).contains(&baseline["mean"].as_f64().unwrap()), "{baseline}");
    replay_the_rest(&service, end, fix);
    let mut socket = service.socket();
    socket.send(&json!({"op": "subscribe", "id": 1, "topic": "recommendations"}));
    let at = json!({"at": fix / 1_000});
    let applied = decide_with(&service, ci, "applied", &at).1["data"].clone();
    assert_eq!((&applied["status"], &applied["applied_at"]), (&json!("applied"), &json!(fix as f64 / 1_000.0)), "{applied}");
    socket.wait_for("its verdict live", |v| {
        v["data"].as_array().is_some_and(|all| all.iter().any(|r| r["id"] == ci && r["verdict"]["state"] == "verified"))
    });
    let verified = of(&service, ci).unwrap();
    let verdict = &verified["verdict"];
    let ratio = |end: &str| verdict["ratio"][end].as_f64().unwrap();
    assert!(ratio("low") < 0.4 && 0.4 < ratio("high") && ratio("high") - ratio("low") < 0.1, "{verdict}");
    assert!((190.0..210.0).contains(&verdict["before"].as_f64().unwrap()), "{verdict}");
    assert!((75.0..85.0).contains(&verdict["after"].as_f64().unwrap()), "{verdict}");
    let experiment = service.data(&format!("/api/v1/experiments/{}", verified["experiment"].as_str().unwrap()));
    assert_eq!((&experiment["recommendation"], &experiment["sentence"]), (&json!(ci), &verdict["sentence"]));

    decide_with(&service, docs, "applied", &at);
    let flat = eventually("the verdict of what changed nothing", || of(&service, docs).filter(|r| r["verdict"]["state"] == "ineffective"));
    assert_eq!(flat["verdict"]["missing"], Value::Null, "{flat}");
    eventually("it is kept", || {
        let kept = service.data("/api/v1/recommendations?state=ineffective");
        (kept.as_array().unwrap().len() == 1).then_some(())
    });
    // The store writes one after the other: what was judged before this sample is durable when it is.
    let sample = json!({"samples": [{"name": "last_words", "value": 1}]});
    assert!(service.client.post(service.url("/api/v1/ingest")).json(&sample).send().unwrap().status().is_success());
    let (verified, flat) = (of(&service, ci), of(&service, docs));
    service.kill();
    let service = folder.start();
    assert_eq!(
        (of(&service, ci).map(|r| r["verdict"].clone()), of(&service, docs).map(|r| r["verdict"].clone())),
        (verified.map(|r| r["verdict"].clone()), flat.map(|r| r["verdict"].clone()))
    );

    // Undone: its experiment ends, and the advice stands where it stood before.
    let id = experiment["id"].as_str().unwrap();
    assert_eq!(decide(&service, ci, "undo")["data"]["status"], "accepted");
    eventually("the end of the experiment", || (service.get(&format!("/api/v1/experiments/{id}")).status() == 404).then_some(()));
    assert_eq!(decide(&service, ci, "undo")["data"]["status"], "open");
    assert_eq!(of(&service, ci).unwrap()["verdict"], Value::Null);
    // Tried once more: what was found before is said with it.
    let again = decide_with(&service, docs, "applied", &json!({"at": (fix + HOUR) / 1_000})).1["data"].clone();
    assert_eq!(again["attempts"][0]["outcome"], "ineffective", "{again}");
    assert_eq!(again["attempts"][0]["sentence"], flat_sentence(&again));
    let kinds =
        eventually("the time line", || Some(event_kinds(&service)).filter(|kinds| kinds.iter().any(|kind| kind == "experiment_verified")));
    assert!(kinds.iter().any(|kind| kind == "recommendation_applied"), "{kinds:?}");
}

/// The sentence of the only attempt, which must say both figures.
fn flat_sentence(recommendation: &Value) -> Value {
    let sentence = recommendation["attempts"][0]["sentence"].clone();
    assert!(sentence.as_str().unwrap().contains('%'), "{sentence}");
    sentence
}

#[test]
fn what_is_dismissed_has_a_reason_and_stays_in_history_and_nonsense_is_refused() {
    let id = "disk_filling:/srv/data";
    let folder = Folder::new();
    keep_a_filling_disk(&folder);
    let service = folder.start();
    eventually("the recommendation", || advice(&service));
    for (decision, said, status, text) in [
        ("dismiss", json!({"reason": "x".repeat(501)}), 400, "`reason`: 501 characters; use at most 500"),
        ("dismiss", json!({"at": 5}), 400, "`at` is said with `applied` alone"),
        ("accept", json!({"reason": "x"}), 400, "`reason` is said with `dismiss` alone"),
        ("dismiss", json!({"why": "x"}), 400, "unknown field `why`"),
        ("dismiss", json!(["x"]), 400, "not what is said with a decision"),
        ("applied", json!({"at": 9_999_999_999_u64}), 400, "`at` is in the future"),
        ("applied", json!({"at": 1_000}), 400, "`at` is more than 28 days ago"),
        ("undo", Value::Null, 400, "there is nothing to undo"),
    ] {
        let (code, answer) = decide_with(&service, id, decision, &said);
        assert_eq!(code, status, "{decision} {said}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(text), "{answer}");
    }
    let (_, dismissed) = decide_with(&service, id, "dismiss", &json!({"reason": " it is a cache "}));
    assert_eq!((&dismissed["data"]["status"], &dismissed["data"]["reason"]), (&json!("dismissed"), &json!("it is a cache")));
    service.kill();
    let service = folder.start();
    assert_eq!(advice(&service).unwrap()["reason"], "it is a cache");
    let state = |wanted: &str| service.data(&format!("/api/v1/recommendations?state={wanted}")).as_array().unwrap().len();
    assert_eq!((state("dismissed"), state("open"), state("withdrawn")), (1, 0, 0));
    assert_eq!(service.get("/api/v1/recommendations?state=gone").status(), 400);
    assert_eq!(decide(&service, id, "undo")["data"]["status"], "open");
    assert_eq!(advice(&service).unwrap()["reason"], Value::Null);
}
