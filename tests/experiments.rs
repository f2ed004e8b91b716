//! `/api/v1/experiments`: a change that helped, one that did not, two at once, and what is kept of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::time::{Duration, Instant};

use common::remote::now_ms;
use common::{Folder, Service, weeks};
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

/// `build_seconds` fell by 30 % eight days ago, `page_seconds` did not change.
fn import(service: &Service, end: i64) {
    weeks::import(service, (end, end - 8 * DAY), &[("build_seconds", 0.7), ("page_seconds", 1.0)]);
}

fn post(service: &Service, body: &Value) -> (u16, Value) {
    let response = service.client.post(service.url("/api/v1/experiments")).json(body).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

fn made(service: &Service, body: &Value) -> Value {
    let (status, answer) = post(service, body);
    assert_eq!(status, 200, "{answer}");
    answer["data"].clone()
}

fn get(service: &Service, path: &str) -> Value {
    service.get(path).json::<Value>().unwrap()["data"].clone()
}

fn state_of(service: &Service, id: &Value) -> String {
    get(service, &format!("/api/v1/experiments/{}", id.as_str().unwrap()))["state"].as_str().unwrap().to_owned()
}

/// Waits until an experiment has a state: those beside one that changed are judged after it was answered.
fn becomes(service: &Service, id: &Value, state: &str) {
    let began = Instant::now();
    while state_of(service, id) != state {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", state_of(service, id));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_change_that_helped_one_that_did_not_and_two_at_once_are_told_apart_and_survive_sigkill() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service = folder.start();
    let end = now_ms() / (5 * MINUTE) * 5 * MINUTE;
    import(&service, end);
    let days_ago = |days: i64| json!((end - days * DAY) / 1_000);
    let helped = made(&service, &json!({"title": "cache of CI", "expr": "build_seconds", "at": days_ago(8), "direction": "lower"}));
    assert_eq!(helped["state"], "verified", "{helped}");
    let ratio = |end: &str| helped["ratio"][end].as_f64().unwrap();
    // Halves of days are compared, as the clock has them: how they lie in the rhythm differs from hour to hour, and so does the width.
    assert!(ratio("low") < 0.7 && 0.7 < ratio("high") && ratio("high") - ratio("low") < 0.2, "{helped}");
    let sentence = helped["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("Build fell from ") && sentence.contains(" % (95 %: "), "{sentence}");
    assert_eq!(helped["pairs"].as_array().unwrap().len(), 14, "{helped}");
    let worse = made(&service, &json!({"title": "wished", "expr": "build_seconds", "at": days_ago(8), "direction": "higher"}));
    assert_eq!(worse["state"], "confounded", "two changes of one moment: {worse}");
    service.client.delete(service.url(&format!("/api/v1/experiments/{}", worse["id"].as_str().unwrap()))).send().unwrap();
    becomes(&service, &helped["id"], "verified");

    let calm = made(&service, &json!({"expr": "page_seconds", "at": days_ago(8)}));
    assert_eq!((&calm["state"], &calm["missing"]), (&json!("ineffective"), &Value::Null), "{calm}");
    let early = made(&service, &json!({"expr": "page_seconds * 1", "at": days_ago(2), "title": "early"}));
    assert_eq!(early["state"], "too_early", "{early}");
    let from = early["judged_from"].as_f64().unwrap() as i64;
    assert!((end - 2 * DAY + 5 * DAY..end - 2 * DAY + 5 * DAY + 3_600_000).contains(&(from * 1_000)), "{early}");

    // A second change of the same series, too soon after the first for a level of its own.
    let second = made(&service, &json!({"title": "more runners", "expr": "sum(build_seconds)", "at": (end - 8 * DAY + DAY / 2) / 1_000}));
    assert_eq!(second["state"], "confounded", "{second}");
    assert_eq!(second["others"][0]["title"], "cache of CI");
    assert!(second["sentence"].as_str().unwrap().contains("cannot be told apart from what else changed: \"cache of CI\""), "{second}");
    becomes(&service, &helped["id"], "confounded");
    let events = get(&service, "/api/v1/events?source=advice");
    let said = |kind: &str| events.as_array().unwrap().iter().find(|event| event["kind"] == kind).cloned();
    let event = said("experiment_verified").unwrap_or_else(|| panic!("{events}"));
    assert!(event["title"].as_str().unwrap().starts_with("Did it help? cache of CI: Build fell from "), "{event}");
    assert!(said("experiment_confounded").is_some() && said("experiment_too_early").is_none(), "{events}");

    let before = get(&service, "/api/v1/experiments");
    assert_eq!(before.as_array().unwrap().len(), 4, "{before}");
    // The store writes one after the other: what was judged before this sample is durable when it is.
    let sample = json!({"samples": [{"name": "last_words", "value": 1}]});
    assert!(service.client.post(service.url("/api/v1/ingest")).json(&sample).send().unwrap().status().is_success());
    service.kill();
    let service = folder.start();
    assert_eq!(get(&service, "/api/v1/experiments"), before);

    // Removed, and back again.
    let path = format!("/api/v1/experiments/{}", second["id"].as_str().unwrap());
    assert_eq!(service.client.delete(service.url(&path)).send().unwrap().status(), 204);
    assert_eq!(service.get(&path).status(), 404);
    assert_eq!(service.client.delete(service.url(&path)).send().unwrap().status(), 404);
    becomes(&service, &helped["id"], "verified");
    let back = service.client.post(service.url(&format!("{path}/restore"))).send().unwrap();
    assert_eq!((back.status(), state_of(&service, &second["id"])), (reqwest::StatusCode::OK, "confounded".to_owned()));
    becomes(&service, &helped["id"], "confounded");
}

#[test]
fn what_cannot_be_followed_is_refused_in_words() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service = folder.start();
    let end = now_ms() / (5 * MINUTE) * 5 * MINUTE;
    import(&service, end);
    let at = (end - 8 * DAY) / 1_000;
    for (body, status, text) in [
        (json!({"at": at}), 400, "missing field `expr`"),
        (json!(["page_seconds", at]), 400, "expected a JSON object"),
        (json!({"expr": "page_seconds"}), 400, "missing field `at`"),
        (json!({"expr": "page_seconds", "at": at, "more": 1}), 400, "unknown field `more`"),
        (json!({"expr": "sum(", "at": at}), 400, "\"expr\": "),
        (json!({"expr": "page_seconds[5m]", "at": at}), 400, "a range vector cannot be compared"),
        (json!({"expr": "page_seconds", "control": ")", "at": at}), 400, "\"control\": "),
        (json!({"expr": "page_seconds", "at": at + 90 * 86_400}), 400, "`at` is in the future"),
        (json!({"expr": "page_seconds", "at": "tomorrow"}), 400, "\"at\""),
        (json!({"expr": "page_seconds", "at": at, "days": 40}), 400, "`days`: 40; use 5 to 28"),
        (json!({"expr": "page_seconds", "at": at, "days": 7.5}), 400, "`days` is 7.5; it must be a whole number"),
        (json!({"expr": "page_seconds", "at": at, "direction": "sideways"}), 400, "unknown variant"),
        (json!({"expr": "nothing_here", "at": at}), 422, "\"expr\": it gives no series"),
        (json!({"expr": "page_seconds", "control": "nothing_here", "at": at}), 422, "\"control\": it gives no series"),
        (json!({"expr": "{__name__=~\".+_seconds\"}", "at": at}), 422, "one is compared"),
        (json!({"expr": "page_seconds", "at": "1969-01-01T00:00:00Z"}), 422, "it gives no series"),
    ] {
        let (found, answer) = post(&service, &body);
        assert!(found == status && answer["error"].as_str().unwrap().contains(text), "{body}: {found} {answer}");
    }
    assert_eq!(get(&service, "/api/v1/experiments"), json!([]));
    // Too little of the time before it: kept, and it says what is missing.
    let short = made(&service, &json!({"expr": "page_seconds", "at": (end - 19 * DAY) / 1_000, "days": 22.0}));
    assert_eq!((&short["state"], &short["judged_from"]), (&json!("unknown"), &Value::Null), "{short}");
    assert!(short["missing"].as_str().unwrap().starts_with("the series has samples in "), "{short}");
    let response = service.client.post(service.url("/api/v1/experiments/none/restore")).send().unwrap();
    assert_eq!(response.status(), 404);
}
