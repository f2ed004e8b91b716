//! The data directory is removed, moved or unlocked while the service runs: health reports it within seconds, nothing is
//! acknowledged that would be lost, and the service recovers by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;

use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually};

const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[taskmaster]\nenabled = false\n";

fn send(service: &Service, n: usize) -> (u16, String) {
    let raw = series(&[("__name__", "sent"), ("n", &n.to_string())], &[(now_ms(), n as f64)]);
    write(&service.client, &service.url("/api/v1/write"), &raw).unwrap()
}

fn health(service: &Service) -> (u16, String) {
    let response = service.get("/healthz");
    (response.status().as_u16(), response.text().unwrap())
}

fn there(service: &Service, n: usize) -> bool {
    service.query(&format!("sent{{n=\"{n}\"}}[30m]")).len() == 1
}

/// Sends until a sample is taken again; those that were acknowledged before and after, all of them.
fn until_taken(service: &Service, acked: &mut Vec<usize>) {
    let mut next = 1_000 + acked.len();
    eventually("samples are taken again", || {
        next += 1;
        (send(service, next).0 == 204).then(|| acked.push(next))
    });
}

#[test]
fn a_directory_that_is_removed_is_reported_at_once_and_created_again_with_what_was_not_sealed() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    let mut acked: Vec<usize> = (0..5).collect();
    acked.iter().for_each(|n| assert_eq!(send(&service, *n).0, 204));
    fs::remove_dir_all(folder.path().join("data")).unwrap();
    let (status, text) = send(&service, 99);
    assert!(status == 503 && text.contains("is gone"), "not acknowledged even at once: {status} {text}");
    eventually("health says so", || (health(&service).0 == 503).then_some(()));
    assert!(health(&service).1.contains("is gone"), "{}", health(&service).1);
    assert!(there(&service, 3), "it can still be read");
    until_taken(&service, &mut acked);
    eventually("health is well", || (health(&service).0 == 200).then_some(()));
    assert!(service.log().contains("made anew"), "{}", service.log());
    service.kill();
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    let missing: Vec<usize> = acked.into_iter().filter(|n| !there(&service, *n)).collect();
    assert_eq!(missing, Vec::<usize>::new(), "acknowledged and gone");
    assert_eq!(service.status()["problems"], serde_json::json!([]));
}

#[test]
fn a_directory_that_is_moved_back_is_used_again_as_it_is() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    let mut acked: Vec<usize> = (0..5).collect();
    acked.iter().for_each(|n| assert_eq!(send(&service, *n).0, 204));
    let (data, away) = (folder.path().join("data"), folder.path().join("away"));
    fs::rename(&data, &away).unwrap();
    assert_eq!(send(&service, 99).0, 503);
    eventually("health says so", || (health(&service).0 == 503).then_some(()));
    service.query("count_over_time(sent[30d])");
    assert!(!data.exists(), "nothing is made at its place meanwhile");
    fs::rename(&away, &data).unwrap();
    eventually("health is well", || (health(&service).0 == 200).then_some(()));
    until_taken(&service, &mut acked);
    service.kill();
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    assert!(acked.iter().all(|n| there(&service, *n)));
}

#[test]
fn a_journal_that_is_removed_is_written_again() {
    let folder = Folder::with_settings(QUIET);
    for what in ["journal", "journal/*"] {
        let service = folder.start_with(&["--data-dir", "data"], &[]);
        let mut acked: Vec<usize> = (0..5).collect();
        acked.iter().for_each(|n| assert_eq!(send(&service, *n).0, 204));
        let journal = folder.path().join("data/journal");
        if what == "journal" {
            fs::remove_dir_all(&journal).unwrap();
        } else {
            fs::read_dir(&journal).unwrap().for_each(|file| fs::remove_file(file.unwrap().path()).unwrap());
        }
        until_taken(&service, &mut acked);
        eventually("health is well", || (health(&service).0 == 200).then_some(()));
        service.kill();
        let service = folder.start_with(&["--data-dir", "data"], &[]);
        let missing: Vec<usize> = acked.into_iter().filter(|n| !there(&service, *n)).collect();
        assert_eq!(missing, Vec::<usize>::new(), "{what}: acknowledged and gone");
        assert_eq!(service.stop(), Some(0));
    }
}

#[test]
fn a_removed_lock_is_created_again_and_no_second_service_starts() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    let lock = folder.path().join("data/lock");
    fs::remove_file(&lock).unwrap();
    let (code, output) = folder.run(&["--data-dir", "data", "--port", "0", "--no-browser"], &[]);
    assert!(code == Some(2) && output.contains("in use"), "{code:?} {output}");
    eventually("it is made again", || fs::read_to_string(&lock).ok().filter(|pid| pid.trim() == service.pid().to_string()));
    assert!(service.log().contains("was removed while the service runs"), "{}", service.log());
    assert_eq!(send(&service, 1).0, 204);
    assert_eq!(service.stop(), Some(0));
}
