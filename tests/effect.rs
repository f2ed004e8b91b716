//! `/api/v1/effect`: a change whose size is known is found with its figures, and what cannot be known is refused in words.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::remote::now_ms;
use common::{Folder, Service, weeks};
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

/// The newest midnight of a Thursday: with times that lie the same way to it, each run has the same samples, and so the same figures.
fn last_week() -> i64 {
    now_ms() / (7 * DAY) * 7 * DAY
}

/// Two series; after `at` the first one is multiplied by 0.8, both by `both`.
fn import(service: &Service, (end, at): (i64, i64), both: f64) {
    weeks::import(service, (end, at), &[("page_seconds", 0.8 * both), ("other_seconds", both)]);
}

fn ask(service: &Service, params: &[(&str, &str)]) -> (u16, Value) {
    let response = service.client.get(service.url("/api/v1/effect")).query(params).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

#[test]
fn a_known_change_is_found_with_both_figures_and_an_interval() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service = folder.start();
    let end = last_week();
    let moment = end - 8 * DAY + 5 * MINUTE;
    import(&service, (end, moment), 1.1);
    let (at, until) = ((moment / 1_000).to_string(), (end / 1_000).to_string());
    let (status, answer) = ask(&service, &[("query", "page_seconds"), ("at", &at), ("end", &until)]);
    assert_eq!(status, 200, "{answer}");
    let found = &answer["data"];
    let ratio = |end: &str| found["ratio"][end].as_f64().unwrap();
    assert_eq!(found["direction"], "fell");
    assert!(ratio("low") < 0.88 && 0.88 < ratio("high") && ratio("high") - ratio("low") < 0.05, "{found}");
    let sides = found["before"]["mean"].as_f64().unwrap() / found["after"]["mean"].as_f64().unwrap();
    assert!((sides * ratio("value") - 1.0).abs() < 1e-9, "{found}");
    // Seven whole days: the hour of the change is left out.
    assert_eq!(found["pairs"].as_array().unwrap().len(), 14);
    let sentence = found["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("Page fell from ") && sentence.contains(", by 1") && sentence.contains(" % (95 %: "), "{sentence}");
    // What happened to another series as well is left out.
    let (_, answer) = ask(&service, &[("query", "page_seconds"), ("at", &at), ("end", &until), ("control", "other_seconds")]);
    let ratio = answer["data"]["ratio"]["value"].as_f64().unwrap();
    assert!((ratio - 0.8).abs() < 0.01, "{answer}");
    // A moment at which nothing happened.
    let (_, answer) =
        ask(&service, &[("query", "other_seconds / page_seconds"), ("at", &(moment / 1_000 - 7 * 86_400).to_string()), ("end", &at)]);
    assert_eq!(answer["data"]["direction"], "unclear", "{answer}");
}

#[test]
fn what_cannot_be_compared_is_refused_in_words() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service = folder.start();
    let end = now_ms() / (5 * MINUTE) * 5 * MINUTE;
    import(&service, (end, end - 8 * DAY), 1.0);
    let eight = ((end - 8 * DAY) / 1_000).to_string();
    let days_ago = |days: i64| ((end - days * DAY) / 1_000).to_string();
    let (status, early) = ask(&service, &[("query", "page_seconds"), ("at", &days_ago(3))]);
    assert_eq!((status, &early["data"]["direction"]), (200, &json!("not_measured")), "{early}");
    assert!(early["data"]["missing"].as_str().unwrap().starts_with("it is too early: "), "{early}");
    let (_, first) = ask(&service, &[("query", "page_seconds"), ("at", &days_ago(20))]);
    assert!(first["data"]["missing"].as_str().unwrap().contains("half days"), "{first}");
    for (params, missing) in [
        (vec![("query", "page_seconds"), ("at", "4000000000")], "it is too early: 0 of 5 days have gone by since"),
        (vec![("query", "nothing_here"), ("at", eight.as_str())], "no series of the query has samples around that time"),
        (
            vec![("query", "page_seconds"), ("control", "nothing_here"), ("at", eight.as_str())],
            "no series of the control has samples around that time",
        ),
    ] {
        let (status, answer) = ask(&service, &params);
        assert_eq!((status, &answer["data"]["missing"], &answer["data"]["ratio"]), (200, &json!(missing), &Value::Null), "{answer}");
    }
    let refused = [
        (vec![("query", "page_seconds")], "parameter `at` is missing"),
        (vec![("query", "{__name__=~\".+_seconds\"}"), ("at", eight.as_str())], "\"query\": it gives"),
        (vec![("query", "page_seconds[5m]"), ("at", eight.as_str())], "a range vector cannot be compared"),
        (vec![("query", "page_seconds"), ("control", "sum("), ("at", eight.as_str())], "parse error"),
    ];
    for (params, text) in refused {
        let (status, answer) = ask(&service, &params);
        let error = answer["error"].as_str().unwrap_or_default();
        assert!((status == 400 || status == 422) && error.contains(text), "{params:?}: {status} {answer}");
    }
}
