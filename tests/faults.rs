//! The service survives a panic in any actor and reports it.

#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::{COUNTER, Folder, Service, eventually};
use serde_json::{Value, json};

fn actor(service: &Service, name: &str) -> Value {
    service.status()["actors"].as_array().unwrap().iter().find(|a| a["name"] == name).unwrap().clone()
}

/// Starts with the second piece of work of an actor failing, and waits until it is back.
fn survives(name: &str, provoke: impl Fn(&Folder, &Service)) {
    let folder = Folder::with_settings(
        "[optimizer]\ninterval = \"10s\"\n[alerts.rules.long_queue]\nexpr = \"taskmaster_queue_depth > 5\"\nseverity = \"info\"\n",
    );
    folder.pending_tasks(3);
    let service = folder.start_with(&[], &[("FAILPOINTS", &format!("actor::{name}=1*off->1*panic(a planned fault)->off"))]);
    provoke(&folder, &service);
    let back = eventually(&format!("{name} is back"), || {
        provoke(&folder, &service);
        Some(actor(&service, name)).filter(|a| a["restarts"] == 1 && a["state"] == "running")
    });
    assert!(back["last_panic"]["message"].as_str().unwrap().contains("planned fault"), "{back}");
    eventually("the panic in the log", || service.log().contains(&format!("actor {name} panicked")).then_some(()));
    let newest = || service.samples("system_uptime_seconds[10m]").last().copied();
    let before = eventually("samples", newest);
    eventually("newer samples", || newest().filter(|s| s.0 > before.0));
    eventually("all is well again", || (service.status()["state"] == "ok").then_some(()));
    eventually("health says so", || service.get("/healthz").status().is_success().then_some(()));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_panic_in_the_store_is_survived() {
    survives("store", |_, _| ());
}

#[test]
fn a_panic_of_the_store_while_it_takes_a_batch_in_loses_nothing() {
    let folder = Folder::with_settings(&format!("[system]\nenabled = false\n{COUNTER}"));
    let service = folder.start_with(&[], &[("FAILPOINTS", "store::append=1*off->1*panic(a planned fault)->off")]);
    eventually("the store is back", || (actor(&service, "store")["restarts"] == 1).then_some(()));
    service.counts_without_a_gap(10);
}

#[test]
fn a_panic_in_the_batcher_is_survived() {
    survives("batcher", |_, _| ());
}

#[test]
fn a_panic_in_the_alert_actor_is_survived() {
    survives("alerts", |_, _| ());
}

#[test]
fn a_panic_in_the_hub_is_survived() {
    survives("hub", |_, _| ());
}

#[test]
fn a_panic_in_the_first_windows_is_survived() {
    survives("windows 1m", |_, _| ());
}

#[test]
fn a_panic_in_the_longest_windows_is_survived() {
    survives("windows 24h", |_, _| ());
}

#[test]
fn panics_in_all_the_windows_between_are_survived() {
    let levels = ["5m", "15m", "1h", "6h"];
    let faults: Vec<String> = levels.iter().map(|level| format!("actor::windows {level}=1*off->1*panic->off")).collect();
    let folder = Folder::new();
    let service = folder.start_with(&[], &[("FAILPOINTS", &faults.join(";"))]);
    for level in levels {
        let back = |a: &Value| a["restarts"] == 1 && a["state"] == "running";
        eventually(&format!("windows {level} are back"), || Some(actor(&service, &format!("windows {level}"))).filter(back));
    }
    eventually("all is well again", || (service.status()["state"] == "ok").then_some(()));
}

#[test]
fn a_panic_in_the_system_collector_is_survived() {
    survives("system", |_, _| ());
}

#[test]
fn a_panic_in_the_task_collector_is_survived() {
    survives("taskmaster", |_, _| ());
}

#[test]
fn a_panic_in_the_own_collector_is_survived() {
    survives("own", |_, _| ());
}

#[test]
fn a_panic_in_the_optimizer_is_survived() {
    survives("optimizer", |_, _| ());
}

#[test]
fn a_panic_in_the_notifier_is_survived() {
    // It works only when an alert comes or goes: let one do so until it has failed once.
    let turn = std::cell::Cell::new(0usize);
    survives("notifier", |folder, _| {
        turn.set(turn.get() + 1);
        if turn.get() % 20 == 1 {
            folder.pending_tasks(if (turn.get() / 20).is_multiple_of(2) { 9 } else { 1 });
        }
    });
}

#[test]
fn sessions_of_a_hub_that_failed_are_asked_to_reconnect() {
    let folder = Folder::new();
    let service = folder.start_with(&[], &[("FAILPOINTS", "actor::hub=6*off->1*panic->off")]);
    let mut socket = service.socket();
    socket.send(&json!({"op": "subscribe", "id": 1, "topic": "samples"}));
    let close = eventually("the close frame", || match socket.next()? {
        tungstenite::Message::Close(frame) => frame,
        _ => None,
    });
    assert_eq!(u16::from(close.code), 1012);
    let mut socket = service.socket();
    socket.send(&json!({"op": "subscribe", "id": 1, "topic": "samples"}));
    socket.wait_for("live again", |v| v["type"] == "update");
}

#[test]
fn a_store_that_keeps_failing_ends_the_process_with_70() {
    let folder = Folder::with_settings("[supervision]\nmax_restarts = 2\n");
    let mut service = folder.start_with(&[], &[("FAILPOINTS", "actor::store=panic")]);
    assert_eq!(service.wait().code(), Some(70));
}

#[test]
fn another_actor_that_keeps_failing_degrades_the_service_and_the_rest_keeps_running() {
    let folder = Folder::with_settings("[supervision]\nmax_restarts = 2\n");
    let service = folder.start_with(&[], &[("FAILPOINTS", "actor::own=panic")]);
    eventually("down", || (actor(&service, "own")["state"] == "down").then_some(()));
    assert_eq!(service.status()["state"], "degraded");
    let health = service.get("/healthz");
    assert_eq!(health.status(), 503);
    let body: Value = health.json().unwrap();
    assert_eq!(body["failing"][0]["part"], "actor own");
    let port = service.port.to_string();
    let (code, text) = folder.run(&["--health-check", "--port", &port], &[]);
    assert!(code == Some(1) && text.contains("actor own: down"), "{text}");
    let before = eventually("samples", || service.samples("system_uptime_seconds[10m]").last().copied());
    eventually("newer samples", || service.samples("system_uptime_seconds[10m]").last().copied().filter(|s| s.0 > before.0));
}

#[test]
fn health_reports_a_stuck_actor_and_the_watchdog_is_not_fed() {
    let folder = Folder::with_settings("[supervision]\nstuck_after = \"1s\"\n");
    let path = folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let service = folder.start_under_systemd(&path, 200_000, &[("FAILPOINTS", "actor::optimizer=sleep(600000)")]);
    let mut bytes = [0; 256];
    eventually("stuck", || {
        while socket.recv(&mut bytes).is_ok() {}
        (actor(&service, "optimizer")["state"] == "stuck").then_some(())
    });
    assert_eq!(service.get("/healthz").status(), 503);
    eventually("the watchdog is not fed", || {
        while socket.recv(&mut bytes).is_ok() {}
        service.log().contains("the watchdog is not fed").then_some(())
    });
    while socket.recv(&mut bytes).is_ok() {}
    let fed = (0..40).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        socket.recv(&mut bytes).is_ok()
    });
    assert!(!fed, "{}", String::from_utf8_lossy(&bytes));
}
