//! Notifications on their way: from a real sample to real receivers, with failures and restarts in between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use common::http::{Server, respond};
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[github]\nenabled = false\n";
/// Fires while more than five tasks are pending.
const LONG_QUEUE: &str = "[alerts.rules.long_queue]\nexpr = \"taskmaster_queue_depth > 5\"\nseverity = \"error\"\n";

/// A server that keeps the bodies that it took, and refuses them while it is told to.
struct Receiver {
    server: Server,
    bodies: Arc<Mutex<Vec<Value>>>,
    works: Arc<AtomicBool>,
}

impl Receiver {
    fn new() -> Self {
        let (bodies, works) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::new(AtomicBool::new(true)));
        let (log, up) = (Arc::clone(&bodies), Arc::clone(&works));
        let server = Server::start(move |asked, stream| {
            if !up.load(Ordering::SeqCst) {
                return respond(stream, "500 Internal Server Error", "", b"not now");
            }
            let body = serde_json::from_str(&asked.body).unwrap_or_else(|_| json!(asked.body));
            log.lock().unwrap().push(json!({"path": asked.path, "headers": asked.headers, "body": body}));
            respond(stream, "200 OK", "", b"ok");
        });
        Self { server, bodies, works }
    }

    fn taken(&self) -> Vec<Value> {
        self.bodies.lock().unwrap().clone()
    }

    fn works(&self, works: bool) {
        self.works.store(works, Ordering::SeqCst);
    }
}

fn channel(service: &Service, name: &str) -> Value {
    service.data("/api/v1/channels").as_array().unwrap().iter().find(|channel| channel["name"] == name).unwrap().clone()
}

#[test]
fn a_notice_reaches_a_webhook_once_across_failures_and_a_crash() {
    let receiver = Receiver::new();
    receiver.works(false);
    let url = receiver.server.url("/hook/s3cret");
    let folder = Folder::with_settings(&format!(
        "{QUIET}{LONG_QUEUE}[notify]\ngroup_interval = \"1s\"\n[notify.channels.ops]\nkind = \"webhook\"\nurl = \"{url}\"\nheaders = {{ X-Key = \"k3y\" }}\n"
    ));
    folder.pending_tasks(8);
    let service = folder.start();
    let failing = eventually("the channel fails", || Some(channel(&service, "ops")).filter(|channel| channel["state"] == "failing"));
    assert_eq!((&failing["waiting"], &failing["last_error"]), (&json!(1), &json!("status 500: not now")));
    assert!(service.status()["sources"].to_string().contains("channel ops"), "{}", service.status()["sources"]);
    for shown in [service.log(), failing.to_string(), service.status().to_string()] {
        assert!(!shown.contains("s3cret") && !shown.contains("k3y"), "{shown}");
    }
    service.kill();

    receiver.works(true);
    let service = folder.start();
    let taken = eventually("the notice comes", || Some(receiver.taken()).filter(|taken| !taken.is_empty()));
    let body = &taken[0]["body"];
    assert_eq!((&taken[0]["path"], &taken[0]["headers"]["x-key"]), (&json!("/hook/s3cret"), &json!("k3y")));
    assert_eq!((&body["version"], &body["status"], &body["receiver"]), (&json!("4"), &json!("firing"), &json!("ops")));
    assert_eq!((&body["alerts"][0]["labels"]["alertname"], body["alerts"].as_array().unwrap().len()), (&json!("long_queue"), 1));
    assert!(body["externalURL"].as_str().unwrap().ends_with(&service.port.to_string()), "{body}");
    eventually("the queue is empty", || (channel(&service, "ops")["waiting"] == 0).then_some(()));
    assert_eq!(service.stop(), Some(0));

    let service = folder.start();
    folder.pending_tasks(2);
    let taken = eventually("its end comes", || Some(receiver.taken()).filter(|taken| taken.len() > 1));
    assert_eq!((taken.len(), &taken[1]["body"]["status"]), (2, &json!("resolved")), "{taken:?}");
    let counted = "taskpulse_notifications_total{channel=\"ops\",outcome=\"sent\"} 1";
    eventually("it is counted", || service.get("/metrics").text().unwrap().contains(counted).then_some(()));
}

#[test]
fn a_test_of_a_channel_answers_with_its_outcome() {
    let receiver = Receiver::new();
    let url = receiver.server.url("/");
    let folder = Folder::with_settings(&format!("{QUIET}[notify.channels.ops]\nkind = \"webhook\"\nurl = \"{url}\"\n"));
    let service = folder.start();
    let test = |name: &str| -> Value {
        service.client.post(service.url(&format!("/api/v1/channels/{name}/test"))).send().unwrap().json().unwrap()
    };
    assert_eq!(test("ops")["data"], json!({"delivered": true, "error": null}));
    assert_eq!(receiver.taken()[0]["body"]["commonLabels"]["alertname"], "test");
    receiver.works(false);
    assert_eq!(test("ops")["data"], json!({"delivered": false, "error": "status 500: not now"}));
    assert!(test("none")["error"].as_str().unwrap().contains("no channel `none`"));
    let names: Vec<String> =
        service.data("/api/v1/channels").as_array().unwrap().iter().map(|channel| channel["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["console", "file", "ops"]);
}
