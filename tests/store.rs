//! The store through the real binary: nothing acknowledged is lost, whatever is interrupted; copies open as they are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually};

const WRITERS: usize = 2;
const SERIES: usize = 10;
const STEP_MS: i64 = 20_000;
const HOUR_MS: i64 = 3_600_000;
/// Samples of a series in one request.
const PER_REQUEST: usize = 5;
const ROUNDS: usize = 20;

/// What a series holds, at its n-th step: decimals, steps, and full doubles.
fn value(series: usize, n: usize) -> f64 {
    match series % 3 {
        0 => (n * 37 % 1_000) as f64 / 10.0,
        1 => (n / 9) as f64,
        _ => (n as f64 * 0.37).sin(),
    }
}

fn request(writer: usize, start: i64, from: usize) -> Vec<u8> {
    let of = |n: usize| {
        let samples: Vec<(i64, f64)> =
            (from..from + PER_REQUEST).map(|at| (start + i64::try_from(at).unwrap() * STEP_MS, value(n, at))).collect();
        series(&[("__name__", "written"), ("n", &n.to_string()), ("writer", &writer.to_string())], &samples)
    };
    (0..SERIES).flat_map(of).collect()
}

/// The next number of a small generator: the moments of the kills are the same in each run, the machine is not.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Holds each step of seal, compaction and retention open for a while, so that the kills meet them.
const SLOW_STEPS: &str = "store::seal::pages=sleep(20);store::seal::between=sleep(40);store::seal::progress=sleep(30);store::trim=sleep(30);\
store::compact::written=sleep(80);store::compact::rename=sleep(60);store::compact::manifest=sleep(60);store::compact::cleanup=sleep(60);\
store::retention=sleep(200)";

fn verify(service: &Service, round: usize, start: i64, since: i64, acked: &[AtomicUsize]) {
    for (writer, acked) in acked.iter().enumerate() {
        let acked = acked.load(Ordering::Relaxed);
        for n in 0..SERIES {
            let kept = service.samples(&format!("written{{writer=\"{writer}\",n=\"{n}\"}}[60h]"));
            let at = |t: f64| usize::try_from(((t * 1e3) as i64 - start) / STEP_MS).unwrap();
            assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0), "round {round}: no time twice");
            for &(t, v) in &kept {
                assert_eq!(v.to_bits(), value(n, at(t)).to_bits(), "round {round}, series {n} at {t}");
            }
            let first = usize::try_from(((since - start) / STEP_MS).max(0)).unwrap();
            let there: Vec<usize> = kept.iter().map(|row| at(row.0)).filter(|at| *at >= first && *at < acked).collect();
            let expected: Vec<usize> = (first..acked).collect();
            assert_eq!(there, expected, "round {round}, writer {writer}, series {n}: acknowledged and gone");
            assert!(kept.last().is_none_or(|row| at(row.0) < acked + PER_REQUEST), "only the request that was not answered besides");
        }
    }
}

#[test]
fn twenty_kills_in_write_seal_compaction_and_retention_lose_nothing_acknowledged() {
    let folder = Folder::with_settings("[store]\nmax_head_samples = 10000\ncompact_after = \"1s\"\nwindows_retention = \"1d\"\n");
    let (started, hours) = (now_ms(), 50);
    let start = started - hours * HOUR_MS;
    let total = usize::try_from(hours * HOUR_MS / STEP_MS).unwrap() / PER_REQUEST * PER_REQUEST;
    let acked: Vec<AtomicUsize> = (0..WRITERS).map(|_| AtomicUsize::new(0)).collect();
    let mut state = 0x2545_f491_4f6c_dd1d;
    // Counted while the days are kept: which of them are over at the end depends on the time of the day.
    let mut compacted = 0;
    for round in 0..ROUNDS {
        // Towards the end the first days go.
        let short = round >= ROUNDS * 3 / 4;
        let retention = if short { "1d" } else { "5d" };
        let service = folder.start_with(&[], &[("FAILPOINTS", SLOW_STEPS), ("TASKPULSE__STORE__RETENTION", retention)]);
        let goal = total * (round + 1) / ROUNDS;
        let (url, stop) = (service.url("/api/v1/write"), AtomicBool::new(false));
        let lifetime = Duration::from_millis(50 + random(&mut state) % 2_200);
        std::thread::scope(|scope| {
            for (writer, acked) in acked.iter().enumerate() {
                let (client, url, stop) = (service.client.clone(), &url, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let next = acked.load(Ordering::Relaxed);
                        if next >= goal {
                            return;
                        }
                        match write(&client, url, &request(writer, start, next)) {
                            Ok((204, _)) => acked.store(next + PER_REQUEST, Ordering::Relaxed),
                            Ok(other) => panic!("{other:?}"),
                            Err(_) => return,
                        }
                    }
                });
            }
            let begun = Instant::now();
            while begun.elapsed() < lifetime {
                std::thread::sleep(Duration::from_millis(1));
            }
            service.kill();
            stop.store(true, Ordering::Relaxed);
        });
        let service = folder.start_with(&[], &[("TASKPULSE__STORE__RETENTION", retention)]);
        // Whole days go at once; what is younger than the retention is there.
        let since = if short { started - 23 * HOUR_MS } else { start };
        verify(&service, round, start, since, &acked);
        let problems = service.status()["problems"].clone();
        assert_eq!(problems, serde_json::json!([]), "round {round}");
        compacted = compacted.max(chunk_files(&folder.path().join("taskpulse-data")));
        service.kill();
    }
    assert!(compacted > 0, "there was something to compact");
    assert!(acked.iter().all(|acked| acked.load(Ordering::Relaxed) > total / 2), "the kills left time to write");
}

/// Writes samples of one series, two days ago.
fn write_a_past_day(service: &Service, from: usize, to: usize) {
    let start = (now_ms() / 86_400_000 - 2) * 86_400_000;
    let samples: Vec<(i64, f64)> = (from..to).map(|n| (start + i64::try_from(n).unwrap() * STEP_MS, value(0, n))).collect();
    let raw = series(&[("__name__", "past")], &samples);
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
}

fn chunk_files(data: &Path) -> usize {
    let days = std::fs::read_dir(data.join("partitions")).unwrap().map(|e| e.unwrap().path());
    let files = days.flat_map(|day| std::fs::read_dir(day).unwrap().map(|e| e.unwrap().path()));
    files.filter(|file| file.extension().is_some_and(|e| e == "chunks")).count()
}

#[test]
fn a_day_that_is_over_becomes_one_file_and_a_snapshot_of_it_can_be_restored() {
    let folder = Folder::with_settings("[store]\nmax_head_samples = 10000\ncompact_after = \"1s\"\n[system]\nenabled = false\n");
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    let data = folder.path().join("data");
    write_a_past_day(&service, 0, 2_100);
    write_a_past_day(&service, 2_000, 4_000);
    // The head is sealed when it is full.
    let start = now_ms() - HOUR_MS;
    let filler: Vec<u8> = (0..30)
        .flat_map(|n| {
            series(&[("__name__", "filler"), ("n", &n.to_string())], &(0..500).map(|i| (start + i * 1_000, 1.0)).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &filler).unwrap().0, 204);
    eventually("the day is one file", || (chunk_files(&data) == 1).then_some(()));
    let past = service.samples("past[80h]");
    assert_eq!(past.len(), 4_000);
    let store = service.status()["store"].clone();
    assert_eq!(store["top_metrics"][0], serde_json::json!({"name": "filler", "series": 30}));
    assert!(store["top_labels"].as_array().unwrap().iter().any(|l| l["name"] == "n" && l["values"] == 30), "{store}");

    let response = service.client.post(service.url("/api/v1/admin/snapshot")).send().unwrap();
    assert!(response.status().is_success());
    let answer: serde_json::Value = response.json().unwrap();
    let snapshot = folder.path().join(answer["data"]["path"].as_str().unwrap());
    let text = snapshot.display().to_string();
    let (code, output) = folder.run(&["restore", &text, "--data-dir", "data"], &[]);
    assert_ne!(code, Some(0));
    assert!(output.contains("not empty") && output.contains("--replace"), "{output}");
    let (code, output) = folder.run(&["restore", &text, "--replace", "--data-dir", "data"], &[]);
    assert_ne!(code, Some(0));
    assert!(output.contains("in use"), "{output}");
    let (code, output) = folder.run(&["restore", &text, "--data-dir", "elsewhere"], &[]);
    assert_eq!(code, Some(0), "{output}");
    let filler = service.query("filler[2h]").len();
    assert_eq!(service.stop(), Some(0));
    let service = folder.start_with(&["--data-dir", "elsewhere"], &[]);
    assert_eq!(service.samples("past[80h]"), past);
    assert_eq!(service.query("filler[2h]").len(), filler);
    assert_eq!(service.stop(), Some(0));
    let (code, output) = folder.run(&["restore", &text, "--replace", "--data-dir", "data"], &[]);
    assert_eq!(code, Some(0), "{output}");
    let before =
        std::fs::read_dir(folder.path()).unwrap().filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("data.before-"));
    assert_eq!(before.count(), 1, "what was there is kept");
    let (code, output) = folder.run(&["restore", "data", "--data-dir", "third"], &[]);
    assert_eq!(code, Some(0), "a directory nobody has open is as good: {output}");
    let (code, output) = folder.run(&["restore", "nowhere", "--data-dir", "third2"], &[]);
    assert!(code == Some(2) && output.contains("name a snapshot"), "{output}");
}

#[test]
fn a_start_with_more_than_may_wait_seals_by_itself_and_takes_samples_again() {
    let folder = Folder::with_settings("[store]\nmax_head_samples = 10000\n[system]\nenabled = false\n");
    let start = now_ms() - HOUR_MS;
    let send = |service: &Service, n: i64| {
        let times: Vec<(i64, f64)> = (0..100).map(|i| (start + n * 100_000 + i * 1_000, 1.0)).collect();
        let raw: Vec<u8> = (0..100).flat_map(|s| series(&[("__name__", "waits"), ("s", &s.to_string())], &times)).collect();
        write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0
    };
    let service = folder.start_with(&[], &[("FAILPOINTS", "store::seal::pages=return")]);
    let refused = (0..36).find(|n| send(&service, *n) != 204).unwrap_or_else(|| panic!("so much may not wait"));
    service.kill();
    let service = folder.start();
    eventually("it takes samples again", || (send(&service, refused) == 204).then_some(()));
    let kept = service.query("sum(count_over_time(waits[2h]))");
    assert_eq!(kept[0]["value"][1], ((refused + 1) * 10_000).to_string());
}
