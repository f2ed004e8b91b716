//! A service that was stopped for a while (SIGSTOP) judges nobody by that time: targets, alerts, its own actors.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use common::http::{Server, respond};
use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually};
use serde_json::Value;

const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[pipeline]\nflush_interval = \"1s\"\n";

fn value(service: &Service, query: &str) -> Option<f64> {
    service.query(query).first()?["value"][1].as_str()?.parse().ok()
}

fn events(service: &Service) -> Vec<Value> {
    service.data("/api/v1/events").as_array().unwrap().clone()
}

/// Stops the process for so long, and does something before it continues; returns when that was, Unix seconds.
fn stand_still(service: &Service, time: Duration, before_it_continues: impl FnOnce()) -> f64 {
    service.signal("STOP");
    sleep(time);
    before_it_continues();
    let awake = now_ms() as f64 / 1e3;
    service.signal("CONT");
    awake
}

#[test]
fn checks_that_span_a_standstill_are_repeated_and_no_target_was_down() {
    // While `silent` is set, the server never answers a request, as on a dead connection.
    let (silent, unanswered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (state, count) = (Arc::clone(&silent), Arc::clone(&unanswered));
    let server = Server::start(move |_, stream| {
        if state.load(Ordering::SeqCst) {
            count.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_secs(100));
        }
        respond(stream, "200 OK", "Content-Type: text/plain; version=0.0.4\r\n", b"answered 1\n");
    });
    let every = "interval = \"3s\"\ntimeout = \"3s\"";
    let folder = Folder::with_settings(&format!(
        "{QUIET}[probes.check.shop]\nurl = \"{}\"\n{every}\n[scrape.targets.app]\nurl = \"{}\"\n{every}\n\
         [commands.run.slow]\ncommand = [\"sh\", \"-c\", \"sleep 1; echo slow 1\"]\n{every}\n",
        server.url("/health"),
        server.url("/metrics")
    ));
    let service = folder.start();
    eventually("all are up", || {
        let up = |query: &str| (value(&service, query) == Some(1.0)).then_some(());
        up("probe_success").and(up("up")).and(up("slow"))
    });
    silent.store(true, Ordering::SeqCst);
    eventually("both ask", || (unanswered.load(Ordering::SeqCst) >= 2).then_some(()));
    let asleep = now_ms() as f64 / 1e3;
    let awake = stand_still(&service, Duration::from_secs(6), || silent.store(false, Ordering::SeqCst));
    eventually("all are asked again", || {
        let newer = |query: &str| value(&service, &format!("timestamp({query})")).filter(|at| *at > awake);
        newer("probe_success").and(newer("up")).and(newer("slow"))
    });
    for query in ["min_over_time(probe_success[10m])", "min_over_time(up[10m])", "min_over_time(taskpulse_source_up[10m])"] {
        for row in service.query(query) {
            assert_eq!(row["value"][1], "1", "{query}: {row}");
        }
    }
    for query in ["max_over_time(probe_duration_seconds[10m])", "max_over_time(scrape_duration_seconds[10m])"] {
        assert!(value(&service, query).is_some_and(|took| took < 5.0), "{query}");
    }
    let event = eventually("the standstill is reported", || events(&service).into_iter().find(|found| found["kind"] == "standstill"));
    assert!(event["title"].as_str().unwrap().contains("stood still for "), "{event}");
    let (from, to) = (event["data"]["from"].as_f64().unwrap(), event["data"]["to"].as_f64().unwrap());
    let seen = now_ms() as f64 / 1e3;
    assert!((asleep - 2.0..awake).contains(&from) && (awake..seen).contains(&to), "{asleep} {awake} {seen} {event}");
    assert!(events(&service).iter().all(|event| !event["kind"].as_str().unwrap().starts_with("probe_")));
    eventually("its length", || value(&service, "taskpulse_standstill_seconds_total").filter(|seconds| (5.0..60.0).contains(seconds)));
    // What is down is still found, and dated after the standstill.
    silent.store(true, Ordering::SeqCst);
    let down = eventually("an outage", || events(&service).into_iter().find(|event| event["kind"] == "probe_down"));
    assert!(down["time"].as_f64().unwrap() > awake, "{down}");
}

#[test]
fn the_time_of_a_standstill_is_no_part_of_an_alerts_hold() {
    let rule = "[alerts.rules.hot]\nexpr = \"pushed > 1\"\nfor = \"4s\"\nseverity = \"warning\"\n";
    let folder = Folder::with_settings(&format!("{QUIET}{rule}"));
    let service = folder.start();
    let push = || {
        let raw = series(&[("__name__", "pushed")], &[(now_ms(), 5.0)]);
        assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
    };
    let alert = || service.data("/api/v1/alerts")["alerts"].as_array().unwrap().iter().find(|a| a["rule"] == "hot").cloned();
    push();
    eventually("it is pending", || alert().filter(|alert| alert["state"] == "pending"));
    let awake = stand_still(&service, Duration::from_secs(6), || ());
    push();
    let again = eventually("it begins anew", || alert().filter(|alert| alert["pending_since"].as_f64().unwrap() >= awake));
    assert_eq!(again["state"], "pending", "{again}");
    let fired = eventually("it fires by what was seen", || {
        push();
        alert().filter(|alert| alert["state"] == "firing")
    });
    let held = fired["firing_since"].as_f64().unwrap() - fired["pending_since"].as_f64().unwrap();
    assert!(held >= 4.0, "{fired}");
}

#[test]
fn actors_that_were_asleep_are_not_stuck_and_the_watchdog_is_fed() {
    let folder = Folder::with_settings(&format!("{QUIET}[supervision]\nstuck_after = \"1s\"\n"));
    let path = folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let service = folder.start_under_systemd(&path, 200_000, &[]);
    let drain = || {
        let mut bytes = [0; 1_024];
        while socket.recv(&mut bytes).is_ok() {}
    };
    for _ in 0..2 {
        drain();
        stand_still(&service, Duration::from_secs(4), || ());
        for _ in 0..20 {
            assert_eq!(service.get("/healthz").status(), 200);
            drain();
            sleep(Duration::from_millis(20));
        }
    }
    assert!(!service.log().contains("watchdog is not fed"), "{}", service.log());
}
