//! `taskpulse check` reports what is wrong with a data directory, where, and what it costs; it changes nothing without `--repair`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::otlp::{JSON, nanos, post, said};
use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually};
use serde_json::json;

const SETTINGS: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[store]\ncompact_after = \"1s\"\n";
const DAY_MS: i64 = 86_400_000;

fn send(service: &Service, name: &str, start: i64) {
    let raw: Vec<u8> = (0..20)
        .flat_map(|n| {
            let samples: Vec<(i64, f64)> = (0..200).map(|i| (start + i * 1_000, (n * 7 + i) as f64)).collect();
            series(&[("__name__", name), ("n", &n.to_string())], &samples)
        })
        .collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
}

/// A line and a span, of some days.
fn send_records(service: &Service, n: u8) {
    let of = |text: String| json!({"stringValue": text});
    let resource = json!({"attributes": [{"key": "service.name", "value": of("web".to_owned())}]});
    for day in 0..3 {
        let at = now_ms() - day * DAY_MS;
        let record = json!({"timeUnixNano": nanos(at + i64::from(n)), "body": of(format!("line {n}"))});
        let lines = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]});
        let span = json!({"traceId": format!("{n:02x}").repeat(16), "spanId": format!("{day:02x}").repeat(7) + "01", "name": "work",
            "startTimeUnixNano": nanos(at), "endTimeUnixNano": nanos(at + 1)});
        let spans = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]});
        for (door, request) in [("/v1/logs", lines), ("/v1/traces", spans)] {
            assert_eq!(said(post(service, door, JSON, "", request.to_string().into_bytes())), (200, "{}".to_owned()), "{door}");
        }
    }
}

/// A directory with a finished day, a hot day and a journal, of samples, lines and spans, of a service that was killed.
fn with_history() -> Folder {
    let folder = Folder::with_settings(SETTINGS);
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    send(&service, "past", (now_ms() / DAY_MS - 2) * DAY_MS + 1_000);
    send(&service, "hot", now_ms() - 300_000);
    send_records(&service, 1);
    assert!(service.client.post(service.url("/api/v1/admin/snapshot")).send().unwrap().status().is_success());
    eventually("the day is one file", || {
        let has_chunks = |day: PathBuf| files(&day).keys().any(|path| path.extension().is_some_and(|e| e == "chunks"));
        fs::read_dir(folder.path().join("data/partitions")).unwrap().any(|day| has_chunks(day.unwrap().path())).then_some(())
    });
    send(&service, "fresh", now_ms() - 250_000);
    send_records(&service, 2);
    service.kill();
    fs::remove_dir_all(folder.path().join("data/snapshots")).unwrap();
    folder
}

/// Every file below a folder and its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            all.insert(path, bytes);
        }
    }
    all
}

fn check(folder: &Folder, args: &[&str]) -> (Option<i32>, String) {
    folder.run(&[&["check", "--data-dir", "data"], args].concat(), &[])
}

#[test]
fn a_sound_directory_is_sound_and_stays_as_it_is() {
    let folder = with_history();
    let before = files(&folder.path().join("data"));
    let (code, output) = check(&folder, &[]);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("days: 2") && output.contains("sound"), "{output}");
    assert!(files(&folder.path().join("data")) == before && !folder.path().join("data/snapshots").exists(), "nothing changes");
    let output = folder.command().args(["check", "--data-dir", "data", "--json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["findings"], &report["repaired"], &report["days"]), (&serde_json::json!([]), &false.into(), &2.into()), "{report}");
}

#[test]
fn damage_to_any_file_is_found_and_nothing_changes_before_it_is_to_be_repaired() {
    let folder = with_history();
    let data = folder.path().join("data");
    let sound = files(&data);
    // A key is as good as another; what it had signed ends with it. Nothing reads what Git leaves out.
    let other = |path: &Path| ["lock", "acknowledge.key", ".gitignore"].iter().any(|name| path.ends_with(name));
    let examined = |path: &Path, bytes: &[u8]| bytes.len() > 8 && !path.starts_with(data.join("catalog")) && !other(path);
    let damageable: Vec<_> = sound.iter().filter(|(path, bytes)| examined(path, bytes)).collect();
    assert!(damageable.len() > 5, "{damageable:?}");
    for part in ["logs", "traces"] {
        let of =
            damageable.iter().filter(|(path, _)| path.starts_with(data.join(part))).map(|(path, _)| path.display()).collect::<Vec<_>>();
        assert!(of.len() >= 4, "blocks of three days and a journal: {of:?}");
    }
    for (path, bytes) in damageable {
        let name = path.strip_prefix(&data).unwrap().display().to_string();
        let mut damaged = bytes.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x40;
        fs::write(path, &damaged).unwrap();
        let before = files(&data);
        let (code, output) = check(&folder, &[]);
        assert_eq!(code, Some(1), "{name}: {output}");
        assert!(output.contains("nothing was changed") && output.contains("\n- "), "{name}: {output}");
        assert!(!output.contains("check-"), "{name}: the scratch folder is not named: {output}");
        assert!(files(&data) == before, "{name}: nothing changes");
        let (code, output) = check(&folder, &["--repair"]);
        assert!(code == Some(1) && output.contains("this was done"), "{name}: {code:?} {output}");
        fs::remove_dir_all(&data).unwrap();
        for (path, bytes) in &sound {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

#[test]
fn what_cannot_be_examined_is_refused_by_name() {
    let folder = with_history();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (dir, expected) in [("empty", "not a data directory"), ("nowhere", "nowhere")] {
        let (code, output) = folder.run(&["check", "--data-dir", dir], &[]);
        assert!(code == Some(2) && output.contains(expected), "{code:?} {output}");
    }
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    for args in [&[][..], &["--repair"]] {
        let (code, output) = check(&folder, args);
        assert!(code == Some(2) && output.contains("in use"), "{code:?} {output}");
    }
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_snapshot_can_be_examined_and_is_restorable_afterwards() {
    let folder = with_history();
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    let answer: serde_json::Value = service.client.post(service.url("/api/v1/admin/snapshot")).send().unwrap().json().unwrap();
    assert_eq!(service.stop(), Some(0));
    let path = answer["data"]["path"].as_str().unwrap();
    let (code, output) = folder.run(&["check", "--data-dir", path], &[]);
    assert_eq!(code, Some(0), "{output}");
    let (code, output) = folder.run(&["restore", path, "--data-dir", "new"], &[]);
    assert_eq!(code, Some(0), "{output}");
}
