//! Work on the disk that hangs or fails: health names it, and it is repeated without a restart.

#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually};

const SETTINGS: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[supervision]\nstuck_after = \"1s\"\n\
[store]\nmax_head_samples = 10000\ncompact_after = \"1s\"\n";

/// More samples than the head may hold, so that a seal is due.
fn fill(service: &Service) {
    let start = now_ms() - 600_000;
    let raw: Vec<u8> = (0..30)
        .flat_map(|n| {
            series(&[("__name__", "full"), ("n", &n.to_string())], &(0..500).map(|i| (start + i * 1_000, 1.0)).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
}

fn health(service: &Service) -> (u16, String) {
    let response = service.get("/healthz");
    (response.status().as_u16(), response.text().unwrap())
}

fn named(service: &Service, what: &str) {
    eventually(what, || Some(health(service)).filter(|(status, text)| *status == 503 && text.contains(what)));
    let problems = service.status()["problems"].to_string();
    assert!(problems.contains(what), "{problems}");
}

#[test]
fn a_seal_that_hangs_is_named_while_it_does() {
    let folder = Folder::with_settings(SETTINGS);
    let service = folder.start_with(&[], &[("FAILPOINTS", "store::seal::pages=1*sleep(5000)->off")]);
    fill(&service);
    named(&service, "sealing has made no progress");
    eventually("all is well again", || (health(&service).0 == 200).then_some(()));
    eventually("it was sealed", || (service.status()["store"]["head_samples"].as_u64() < Some(10_000)).then_some(()));
}

#[test]
fn a_seal_that_fails_is_named_and_tried_again_soon() {
    let folder = Folder::with_settings(SETTINGS);
    let service = folder.start_with(&[], &[("FAILPOINTS", "store::seal::pages=1*return->off")]);
    fill(&service);
    named(&service, "sealing has failed");
    eventually("all is well again", || (health(&service).0 == 200).then_some(()));
    assert!(service.status()["store"]["head_samples"].as_u64() < Some(10_000));
    assert!(service.log().contains("sealing works again"));
}

#[test]
fn a_seal_that_panics_loses_nothing() {
    let folder = Folder::with_settings(SETTINGS);
    let service = folder.start_with(&[], &[("FAILPOINTS", "store::seal::pages=1*panic(a planned fault)->off")]);
    fill(&service);
    eventually("it is sealed in the end", || {
        (service.status()["store"]["head_samples"].as_u64() < Some(10_000) && health(&service).0 == 200).then_some(())
    });
    assert_eq!(service.samples("full{n=\"7\"}[1h]").len(), 500);
    service.kill();
    let service = folder.start();
    assert_eq!(service.samples("full{n=\"7\"}[1h]").len(), 500);
}

#[test]
fn a_service_whose_disk_hangs_ends_within_its_bound() {
    let folder = Folder::with_settings(SETTINGS);
    let service = folder.start_with(&[], &[("FAILPOINTS", "store::commit=sleep(120000)")]);
    let (url, client) = (service.url("/api/v1/write"), service.client.clone());
    let waiting = std::thread::spawn(move || {
        let raw = series(&[("__name__", "waits")], &[(now_ms(), 1.0)]);
        write(&client, &url, &raw).is_ok_and(|answer| answer.0 == 204)
    });
    named(&service, "writing the journal has made no progress");
    // Waits for half a minute at the most; the disk hangs for two.
    assert!(service.stop().is_some());
    assert!(!waiting.join().unwrap(), "what was not durable was not acknowledged");
}
