//! A CI that became slower at a commit, replayed: the commit is found, what was done about it is measured against the known truth, and a change
//! without effect is called so.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Folder, Service, eventually};
use serde_json::{Value, json};
use taskpulse_engine::ci::tracker::DOCUMENTS;
use taskpulse_engine::model::Batch;
use taskpulse_engine::model::Labels;
use taskpulse_engine::store::{DocumentChange, StoreOptions, StoreWriter};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const REPO: &str = "octo/site";
/// Between two runs of a workflow.
const EVERY: i64 = 2 * HOUR;
/// A green run before the step, and since then.
const FAST: f64 = 300.0;
const SLOW: f64 = 450.0;

/// A workflow: its number and name, and before which time its runs became slower, ms before the end of the history.
const CI: (u64, &str, i64) = (1, "CI", 15 * DAY);
const DOCS: (u64, &str, i64) = (2, "Docs", 19 * DAY);

/// When CI was mended, ms before the end of the history.
const FIXED: i64 = 7 * DAY + 2 * HOUR;

/// A number below one that looks like chance.
fn chance(n: i64) -> f64 {
    let z = (n as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Ends of the runs of a workflow within a range of time, ms before the end of the history, and how long each took where `typical` is usual.
/// Their noise goes by that time, so that each run of the test has the same.
fn runs((number, _, _): (u64, &str, i64), (from, to): (i64, i64), typical: impl Fn(i64) -> f64) -> Vec<(i64, f64)> {
    let one = |n: i64| {
        let ago = n * EVERY - 600_000;
        (ago, typical(ago) * (0.9 + 0.2 * chance(n + number as i64 * 1_000_003)))
    };
    (to / EVERY + 1..=from / EVERY).rev().map(one).collect()
}

fn labels(workflow: &str) -> Labels {
    let labels = [("repo", REPO), ("workflow", workflow), ("conclusion", "success")];
    Labels::metric("github_actions_run_duration_seconds", &labels)
}

fn document(id: u64, (number, workflow, _): (u64, &str, i64), end: i64, seconds: f64) -> DocumentChange {
    let begin = end - (seconds * 1e3) as i64;
    let path = format!(".github/workflows/{}.yml", workflow.to_lowercase());
    let record = json!({
        "id": id, "attempt": 1, "workflow_id": number, "path": path, "name": workflow, "status": "completed", "conclusion": "success",
        "branch": "main", "sha": format!("{id:08x}c0ffee"), "event": "push", "number": id, "title": format!("Change {id}"), "url": "", "fork": false,
        "created": begin, "started": begin, "updated": end, "committed": null, "at": end, "live": true, "jobs_known": true, "queue": null,
        "job_seconds": seconds, "jobs": [],
    });
    (format!("{REPO}/{id:020}.1"), Some(serde_json::to_vec(&record).unwrap()))
}

/// Four weeks of runs of both workflows, until the fix. It was a week ago, so that what came after can be replayed up to now.
fn keep_until_the_fix(folder: &Folder) -> (i64, i64) {
    let end = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap() / HOUR * HOUR;
    let fix = end - FIXED;
    let options = StoreOptions { out_of_order_ms: 40 * DAY, ..StoreOptions::default() };
    let store = StoreWriter::open(&folder.path().join("taskpulse-data"), options, end).unwrap();
    let names = json!({"format": 2, "names": {"#1": {"listed": "CI", "path": ".github/workflows/ci.yml"}, "#2": {"listed": "Docs", "path": ".github/workflows/docs.yml"}}});
    let mut documents = vec![(REPO.to_owned(), Some(serde_json::to_vec(&names).unwrap()))];
    let mut batch = Batch::default();
    for workflow in [CI, DOCS] {
        for (ago, seconds) in runs(workflow, (28 * DAY, FIXED), |ago| if ago > workflow.2 { FAST } else { SLOW }) {
            let at = end - ago;
            batch.push(labels(workflow.1), at, seconds);
            documents.push(document(documents.len() as u64, workflow, at, seconds));
        }
    }
    store.append(&batch, end).unwrap();
    store.change_documents(DOCUMENTS, documents).unwrap();
    store.commit().unwrap();
    (end, fix)
}

/// The replay goes on: CI is as fast as it was, Docs stays slow.
fn replay_the_rest(service: &Service, end: i64) {
    let mut lines = String::new();
    for (workflow, typical) in [(CI, FAST), (DOCS, SLOW)] {
        let series = labels(workflow.1);
        let labels: BTreeMap<&str, &str> = series.iter().collect();
        let (times, values): (Vec<i64>, Vec<f64>) =
            runs(workflow, (FIXED, 0), |_| typical).into_iter().map(|(ago, seconds)| (end - ago, seconds)).unzip();
        lines.push_str(&format!("{}\n", json!({"metric": labels, "values": values, "timestamps": times})));
    }
    assert_eq!(service.client.post(service.url("/api/v1/import?format=jsonl")).body(lines).send().unwrap().status(), 200);
}

fn of(service: &Service, id: &str) -> Option<Value> {
    service.data("/api/v1/recommendations").as_array().unwrap().iter().find(|r| r["id"] == id).cloned()
}

fn decide(service: &Service, id: &str, decision: &str, said: &Value) {
    let mut url = reqwest::Url::parse(&service.url("/api/v1/recommendations/")).unwrap();
    url.path_segments_mut().unwrap().pop_if_empty().push(id).push(decision);
    let request = service.client.post(url);
    let response = if said.is_null() { request } else { request.json(said) }.send().unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().unwrap());
}

/// A figure of the evidence and its interval.
fn interval(of: &Value) -> (f64, f64, f64) {
    let number = |name: &str| of[name].as_f64().unwrap_or_else(|| panic!("{of}"));
    (number("low"), number("value"), number("high"))
}

#[test]
fn a_slowdown_is_found_at_its_commit_its_fix_measured_and_a_change_without_effect_called_so() {
    let (ci, docs) = ("ci_shifted:octo/site:CI", "ci_shifted:octo/site:Docs");
    let folder = Folder::with_settings("[system]\nenabled = false\n[github]\nenabled = false\n");
    let (end, fix) = keep_until_the_fix(&folder);
    let service = folder.start();
    for (id, (_, _, ago)) in [(ci, CI), (docs, DOCS)] {
        let found = eventually("the advice", || of(&service, id));
        let evidence = found["evidence"].as_array().unwrap();
        let (low, _, high) = interval(&evidence[0]);
        assert!(low < SLOW / FAST && SLOW / FAST < high && high - low < 0.3, "{found}");
        // The first slower run ended within two hours of the step.
        let (low, at, high) = interval(evidence.iter().find(|e| e["unit"] == "time").unwrap());
        let step = (end - ago) as f64 / 1e3;
        assert!(
            (at - step).abs() <= 2.5 * 3_600.0 && low <= at && at <= high && high - low < 86_400.0,
            "{} h off: {found}",
            (at - step) / 3_600.0
        );
        decide(&service, id, "accept", &Value::Null);
        eventually("the baseline", || of(&service, id).filter(|r| !r["baseline"].is_null()));
    }
    replay_the_rest(&service, end);
    let at = json!({"at": fix / 1_000});
    decide(&service, ci, "applied", &at);
    decide(&service, docs, "applied", &at);

    let verified = eventually("the verdict", || of(&service, ci).filter(|r| r["verdict"]["state"] == "verified"));
    let (low, _, high) = interval(&verified["verdict"]["ratio"]);
    assert!(low < FAST / SLOW && FAST / SLOW < high && high - low < 0.1, "{}", verified["verdict"]);
    let (low, _, high) = interval(&verified["verdict"]["difference"]);
    assert!(low < FAST - SLOW && FAST - SLOW < high && high - low < 45.0, "{}", verified["verdict"]);
    let flat = eventually("the verdict of what changed nothing", || of(&service, docs).filter(|r| r["verdict"]["state"] == "ineffective"));
    let (low, _, high) = interval(&flat["verdict"]["ratio"]);
    assert!(low < 1.0 && 1.0 < high && high - low < 0.2, "{}", flat["verdict"]);
    // A whole week is compared with the week before it.
    let experiment = service.data(&format!("/api/v1/experiments/{}", verified["experiment"].as_str().unwrap()));
    let days = |span: &Value| (span["end"].as_f64().unwrap() - span["start"].as_f64().unwrap()) / 86_400.0;
    assert_eq!((days(&experiment["before"]), days(&experiment["after"]), experiment["pairs"].as_array().unwrap().len()), (7.0, 7.0, 14));
}
