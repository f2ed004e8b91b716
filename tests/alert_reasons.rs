//! The sentence of an alert has the reason that its source gives: on REST, in notices, in the log and on the time line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::http::{Server, respond};
use common::peer::ClosedPort;
use common::receiver::{LONG_QUEUE, QUIET, Receiver};
use common::{Folder, Service, eventually};
use serde_json::Value;

/// The alert of a rule, once it is in a state.
fn alert(service: &Service, rule: &str, state: &str) -> Value {
    eventually(&format!("{rule} is {state}"), || {
        let alerts = service.data("/api/v1/alerts");
        alerts["alerts"].as_array().unwrap().iter().find(|alert| alert["rule"] == rule && alert["state"] == state).cloned()
    })
}

#[test]
fn a_metric_of_others_is_named_by_its_help_text_and_says_that_its_target_is_gone() {
    let gone = Arc::new(AtomicBool::new(false));
    let is_gone = Arc::clone(&gone);
    let server = Server::start(move |_, stream| {
        if !is_gone.load(Ordering::SeqCst) {
            let text = b"# HELP jobs_waiting Jobs that wait for a worker. Those that run do not count.\njobs_waiting{queue=\"mail\"} 12\n";
            respond(stream, "200 OK", "Content-Type: text/plain; version=0.0.4\r\n", text);
        }
    });
    let url = server.url("/metrics");
    let folder = Folder::with_settings(&format!(
        "{QUIET}[taskmaster]\nenabled = false\n[scrape.targets.shop]\nurl = \"{url}\"\ninterval = \"1s\"\ntimeout = \"1s\"\n\
         [alerts.rules.jobs]\nexpr = \"jobs_waiting > 10\"\nseverity = \"error\"\n\
         [alerts.rules.jobs.annotations]\nnote = \"{{{{ query `none` | first | value }}}}\"\n"
    ));
    let service = folder.start();
    let instance = url.trim_start_matches("http://").trim_end_matches("/metrics").to_owned();
    let said = alert(&service, "jobs", "firing")["summary"].as_str().unwrap().to_owned();
    assert!(said.starts_with(&format!("Jobs that wait for a worker · {instance} · shop · mail: 12")), "{said}");
    assert!(said.ends_with(", above 10") && !said.contains("jobs_waiting"), "{said}");
    eventually("the template that failed is noted at its rule", || {
        let groups = service.data("/api/v1/rules?rule_name[]=jobs");
        let note = groups["groups"][0]["rules"][0]["notes"][0].as_str()?.to_owned();
        note.starts_with("annotations \"note\": its template cannot be expanded: ").then_some(())
    });
    gone.store(true, Ordering::SeqCst);
    let lost = alert(&service, "jobs", "unknown")["summary"].as_str().unwrap().to_owned();
    let who = format!(
        "Jobs that wait for a worker · {instance} · shop · mail is not known any more: the target {instance} gives no samples since "
    );
    assert!(lost.starts_with(&who) && lost.contains(" UTC. Before: Jobs that wait "), "{lost}");
    let titled = || service.data("/api/v1/events?source=alert").as_array().unwrap().iter().any(|event| event["title"] == lost.as_str());
    eventually("the time line", || titled().then_some(()));
}

#[test]
fn a_channel_that_fails_cannot_deliver_until_it_works_again() {
    let receiver = Receiver::new();
    receiver.works(false);
    let folder = Folder::with_settings(&format!(
        "{QUIET}{LONG_QUEUE}[alerts.rules.source_failing]\nexpr = \"taskpulse_source_up == 0\"\nseverity = \"warning\"\n\
         [notify.channels.ops]\nkind = \"webhook\"\nurl = \"{}\"\n",
        receiver.server.url("/")
    ));
    folder.pending_tasks(8);
    let service = folder.start();
    let said = alert(&service, "source_failing", "firing")["summary"].as_str().unwrap().to_owned();
    assert!(said.starts_with("Channel ops cannot deliver") && said.ends_with(": status 500: not now"), "{said}");
    let problems = service.status()["problems"].to_string();
    assert!(problems.contains("\"channel ops: status 500: not now\""), "{problems}");
    receiver.works(true);
    let ended = eventually("its alert ends", || {
        let ended = service.data("/api/v1/alerts/history");
        ended.as_array().unwrap().iter().find(|alert| alert["rule"] == "source_failing").cloned()
    });
    assert!(ended["summary"].as_str().unwrap().starts_with("Channel ops could not deliver"), "{ended}");
}

#[test]
fn what_is_down_says_why() {
    let (receiver, closed) = (Receiver::new(), ClosedPort::new());
    let settings = format!(
        "{QUIET}[taskmaster]\nenabled = false\n\
         [probes.check.database]\ninterval = \"1s\"\ntimeout = \"1s\"\ntcp = \"{closed}\"\n\
         [scrape.targets.node]\nurl = \"http://{closed}/metrics\"\ninterval = \"1s\"\ntimeout = \"1s\"\n\
         [alerts.rules.probe_down]\nexpr = \"probe_success == 0\"\nseverity = \"error\"\n\
         [alerts.rules.scrape_target_down]\nexpr = \"up == 0\"\nseverity = \"warning\"\n\
         [notify.channels.ops]\nkind = \"webhook\"\nurl = \"{}\"\n",
        receiver.server.url("/")
    );
    let folder = Folder::with_settings(&settings);
    let service = folder.start();
    let alert = |rule: &str| alert(&service, rule, "firing");
    let sentence = |alert: &Value| alert["summary"].as_str().unwrap().to_owned();
    let probe = alert("probe_down");
    assert_eq!(probe["source_reason"], "connection refused", "{probe}");
    let (said, of_target) = (sentence(&probe), sentence(&alert("scrape_target_down")));
    assert!(said.starts_with("database is down") && said.ends_with(": connection refused"), "{said}");
    assert!(of_target.contains("is down") && of_target.to_lowercase().contains("connection refused"), "{of_target}");

    let noticed = |rule: &str| {
        eventually(rule, || {
            let bodies: Vec<Value> = receiver.taken().into_iter().map(|taken| taken["body"].clone()).collect();
            let alerts = bodies.iter().flat_map(|body| body["alerts"].as_array().unwrap());
            alerts.filter(|alert| alert["labels"]["alertname"] == rule).map(|alert| alert["annotations"]["summary"].clone()).next()
        })
    };
    assert_eq!(noticed("probe_down"), "database is down: connection refused");
    let of_target = noticed("scrape_target_down");
    assert!(of_target.as_str().unwrap().to_lowercase().contains("connection refused"), "{of_target}");
    eventually("the log", || service.log().contains("probe_down: database is down: connection refused").then_some(()));
    let events = service.data("/api/v1/events?source=alert");
    assert!(events.as_array().unwrap().iter().any(|event| event["title"] == "database is down: connection refused"), "{events}");
    let headline = service.status()["problems"].to_string().to_lowercase();
    assert!(headline.contains("connection refused"), "{headline}");
}
