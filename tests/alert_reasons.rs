//! The sentence of an alert has the reason that its source gives: on REST, in notices, in the log and on the time line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::peer::ClosedPort;
use common::receiver::{QUIET, Receiver};
use common::{Folder, eventually};
use serde_json::Value;

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
    let alert = |rule: &str| {
        eventually(rule, || {
            let alerts = service.data("/api/v1/alerts");
            alerts["alerts"].as_array().unwrap().iter().find(|alert| alert["rule"] == rule && alert["state"] == "firing").cloned()
        })
    };
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
