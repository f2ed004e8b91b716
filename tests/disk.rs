//! A disk that fills up: what was kept stays and can be read, health says so, and once there is room the service recovers by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use common::peer::missing_peer;
use common::remote::{now_ms, series, write};
use common::{COUNTER, Folder, Service, eventually};
use serde_json::json;

/// A small file system of its own; gone when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// None where this user may not mount.
    fn mount(at: &'a Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(at).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            missing_peer("this user may not mount a small file system");
            return None;
        }
        Some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(self.0).status();
    }
}

impl SmallDisk<'_> {
    /// Takes all of the room that is left.
    fn fill(&self) {
        let mut filler = fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[0; 4_096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }

    fn remount(&self, how: &str) {
        assert!(Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(self.0).status().unwrap().success());
    }
}

fn send(service: &Service, n: i64) -> (u16, String) {
    let raw = series(&[("__name__", "sent"), ("n", &n.to_string())], &[(now_ms(), 1.0)]);
    write(&service.client, &service.url("/api/v1/write"), &raw).unwrap()
}

fn is_well(service: &Service) -> bool {
    service.get("/healthz").status().is_success()
}

#[test]
fn a_snapshot_on_a_full_disk_is_refused_and_leaves_nothing() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let place = folder.path().join("small");
    let Some(disk) = SmallDisk::mount(&place) else { return };
    let service = folder.start_with(&["--data-dir", "small/data"], &[]);
    assert_eq!(send(&service, 0).0, 204);
    let snapshot = || service.client.post(service.url("/api/v1/admin/snapshot")).send().unwrap();
    let there = || fs::read_dir(place.join("data/snapshots")).map_or(0, Iterator::count);
    disk.fill();
    let answer = snapshot();
    assert_eq!(answer.status(), 507);
    assert!(answer.text().unwrap().contains("no room left on the disk"));
    assert_eq!(there(), 0, "nothing is left behind");
    disk.make_room();
    eventually("with room it works", || snapshot().status().is_success().then_some(()));
    assert_eq!(there(), 1);
    assert_eq!(service.stop(), Some(0));
    drop(disk);
}

#[test]
fn a_start_on_a_disk_that_cannot_be_written_serves_reads_and_recovers_by_itself() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let place = folder.path().join("small");
    let Some(disk) = SmallDisk::mount(&place) else { return };
    let start = || folder.start_with(&["--data-dir", "small/data"], &[]);
    let service = start();
    (0..5).for_each(|n| assert_eq!(send(&service, n).0, 204));
    // Some of it in chunks, some in the journal alone.
    assert!(service.client.post(service.url("/api/v1/admin/snapshot")).send().unwrap().status().is_success());
    (5..10).for_each(|n| assert_eq!(send(&service, n).0, 204));
    service.kill();
    type Change<'a> = &'a dyn Fn();
    let cases: [(&str, Change<'_>, Change<'_>, i64); 2] =
        [("full", &|| disk.fill(), &|| disk.make_room(), 100), ("read-only", &|| disk.remount("ro"), &|| disk.remount("rw"), 200)];
    for (name, begin, end, first) in cases {
        begin();
        let service = start();
        for n in 0..10 {
            assert_eq!(service.query(&format!("sent{{n=\"{n}\"}}[30m]")).len(), 1, "{name}: {n} can be read");
        }
        let (status, text) = send(&service, 99);
        assert!(matches!(status, 503 | 507), "{name}: {status} {text}");
        assert!(text.contains(if name == "full" { "no room left" } else { "Read-only file system" }), "{name}: {text}");
        eventually("health says so", || (!is_well(&service)).then_some(()));
        end();
        let mut n = first;
        eventually("it recovers by itself", || {
            n += 1;
            (send(&service, n).0 == 204).then_some(())
        });
        eventually("health says so", || is_well(&service).then_some(()));
        service.kill();
        let service = start();
        assert_eq!(service.query(&format!("sent{{n=\"{n}\"}}[30m]")).len(), 1, "{name}: what was acknowledged is kept");
        assert_eq!(service.status()["problems"], serde_json::json!([]), "{name}");
        service.kill();
    }
    drop(disk);
}

#[test]
fn lines_and_spans_on_a_full_disk_are_refused_until_there_is_room_and_none_acknowledged_is_lost() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let place = folder.path().join("small");
    let Some(disk) = SmallDisk::mount(&place) else { return };
    let start = || folder.start_with(&["--data-dir", "small/data"], &[]);
    let mut service = start();
    let mut kept: Vec<u8> = Vec::new();
    // What each door answers: its status, whether it says when to come again, and its text.
    let send = |service: &Service, n: u8| -> Vec<(u16, bool, String)> {
        let at = (now_ms() * 1_000_000 + i64::from(n)).to_string();
        let push = json!({"streams": [{"stream": {"app": "web"}, "values": [[at, format!("pushed {n}")]]}]});
        let line = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": at, "body": {"stringValue": format!("sent {n}")}}]}]}]});
        let span = json!({"traceId": format!("{n:02x}").repeat(16), "spanId": "01".repeat(8), "name": "x", "startTimeUnixNano": at, "endTimeUnixNano": at});
        let spans = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
        let doors = [("/loki/api/v1/push", push), ("/v1/logs", line), ("/v1/traces", spans)];
        let answers = doors.map(|(door, body)| service.client.post(service.url(door)).json(&body).send().unwrap());
        let said = |answer: reqwest::blocking::Response| {
            (answer.status().as_u16(), answer.headers().contains_key("retry-after"), answer.text().unwrap())
        };
        answers.into_iter().map(said).collect()
    };
    let taken = |service: &Service, n: u8| send(service, n).iter().all(|(status, ..)| (200..300).contains(status));
    let holds = |service: &Service, kept: &[u8]| {
        let lines = service.data("/api/v1/logs?query=%7B%7D&limit=10000").to_string();
        for n in kept {
            for text in [format!("\"pushed {n}\""), format!("\"sent {n}\"")] {
                assert!(lines.contains(&text), "{text}: {lines}");
            }
            let trace = service.get(&format!("/api/v1/traces/{}", format!("{n:02x}").repeat(16)));
            assert_eq!(trace.status(), 200, "the span {n}");
        }
    };
    assert!(taken(&service, 1));
    kept.push(1);
    for round in 1..=2u8 {
        disk.fill();
        let refused =
            eventually("all are refused", || Some(send(&service, 99)).filter(|answers| answers.iter().all(|(status, ..)| *status >= 400)));
        // OpenTelemetry's clients try again after a 503 only.
        assert_eq!(refused.iter().map(|(status, again, _)| (*status, *again)).collect::<Vec<_>>(), [(507, true), (503, true), (503, true)]);
        assert!(refused.iter().all(|(.., text)| text.contains("no room left on the disk")), "{refused:?}");
        eventually("health says so", || (!is_well(&service)).then_some(()));
        holds(&service, &kept);
        if round == 2 {
            // Nor does a crash meanwhile lose anything.
            service.kill();
            service = start();
            holds(&service, &kept);
        }
        disk.make_room();
        let mut n = 10 * round;
        eventually("it goes on by itself", || {
            n += 1;
            taken(&service, n).then_some(())
        });
        kept.push(n);
        eventually("health says so", || is_well(&service).then_some(()));
        holds(&service, &kept);
    }
    service.kill();
    service = start();
    holds(&service, &kept);
    service.kill();
    drop(disk);
}

#[test]
fn a_full_disk_is_reported_loses_nothing_and_ends_by_itself() {
    let folder = Folder::with_settings(&format!("[system]\ninterval = \"1s\"\n[pipeline]\nflush_interval = \"1s\"\n{COUNTER}"));
    let place = folder.path().join("small");
    let Some(disk) = SmallDisk::mount(&place) else { return };
    let service = folder.start_with(&["--data-dir", "small/data"], &[]);
    let seen = |service: &Service| service.samples("system_uptime_seconds[10m]");
    let kept = eventually("samples", || Some(seen(&service)).filter(|s| s.len() >= 3));
    let send = |n: i64| {
        let raw = series(&[("__name__", "sent"), ("n", &n.to_string())], &[(now_ms(), 1.0)]);
        write(&service.client, &service.url("/api/v1/write"), &raw).unwrap()
    };
    assert_eq!(send(0).0, 204);
    for round in 1..=2 {
        disk.fill();
        let (status, text) = eventually("it is refused", || Some(send(round)).filter(|answer| answer.0 != 204));
        assert!(status == 507 && text.contains("no room left on the disk"), "{status} {text}");
        let otlp = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"TIME","asInt":1}]}}]}]}]}"#;
        let otlp = otlp.replace("TIME", &(now_ms() * 1_000_000).to_string());
        let answer = service.client.post(service.url("/v1/metrics")).header("content-type", "application/json").body(otlp).send().unwrap();
        assert!(answer.status() == 503 && answer.headers().contains_key("retry-after"), "{answer:?}");
        assert!(answer.text().unwrap().contains("\"message\":\"no room left on the disk"));
        eventually("health says so", || {
            let health = service.get("/healthz");
            (health.status() == 503 && health.text().unwrap().contains("no room left on the disk")).then_some(())
        });
        assert_eq!(seen(&service)[..kept.len()], kept[..], "it can still be read");
        eventually("samples wait", || (service.status()["pipeline"]["batcher_waiting"].as_u64() > Some(0)).then_some(()));
        // Events meet the full disk too.
        let before = seen(&service).len();
        for count in 1..20 {
            folder.pending_tasks(count);
            service.get("/api/v1/events");
        }
        disk.make_room();
        eventually("it recovers by itself", || (send(10 + round).0 == 204).then_some(()));
        eventually("and more comes", || (seen(&service).len() > before + 2).then_some(()));
        eventually("health says so", || service.get("/healthz").status().is_success().then_some(()));
        let events = |service: &Service| service.data("/api/v1/events?limit=1000").as_array().unwrap().len();
        let before = events(&service);
        folder.pending_tasks(1);
        folder.pending_tasks(5);
        eventually("events are kept again", || (events(&service) > before).then_some(()));
    }
    // What was measured while the disk was full waited in memory.
    service.counts_without_a_gap(3);
    service.kill();
    let service = folder.start_with(&["--data-dir", "small/data"], &[]);
    assert_eq!(seen(&service)[..kept.len()], kept[..], "what was kept is there");
    for n in [0, 11, 12] {
        assert_eq!(service.query(&format!("sent{{n=\"{n}\"}}[10m]")).len(), 1, "acknowledged: {n}");
    }
    drop(service);
    drop(disk);
}
