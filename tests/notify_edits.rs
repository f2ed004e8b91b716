//! Messages that are edited instead of repeated: a stand-in for Discord's webhooks and one for ntfy answer as the real ones do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use common::http::{Asked, Server, respond};
use common::receiver::{LONG_QUEUE, QUIET, fires};
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

const WORSE: &str = "[alerts.rules.longer_queue]\nexpr = \"taskmaster_queue_depth > 10\"\nseverity = \"critical\"\n\
    [notify]\ngroup_by = []\ngroup_interval = \"0s\"\n";

/// The messages of a chat: what was sent in which order, and what each shows now.
#[derive(Default)]
struct Chat {
    log: Vec<String>,
    shown: BTreeMap<String, Value>,
}

impl Chat {
    fn title(&self, id: &str) -> String {
        let message = &self.shown[id];
        message.get("content").or_else(|| message.get("title")).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

type Shared = Arc<Mutex<Chat>>;

/// A webhook of Discord: it answers with the message if asked to wait, edits by id, and knows no message that was deleted.
fn discord(chat: &Shared) -> Server {
    let chat = Arc::clone(chat);
    Server::start(move |Asked { method, path, body, .. }, stream| {
        let (mut chat, body): (_, Value) = (chat.lock().unwrap(), serde_json::from_str(body).unwrap());
        let id = match (method.as_str(), path.as_str()) {
            ("POST", "/api/webhooks/1/s3cret?wait=true") => format!("{}", 900 + chat.log.len()),
            ("POST", "/api/webhooks/1/s3cret") => return respond(stream, "204 No Content", "", b""),
            ("PATCH", path) => path.strip_prefix("/api/webhooks/1/s3cret/messages/").unwrap_or_default().to_owned(),
            _ => return respond(stream, "405 Method Not Allowed", "", b""),
        };
        chat.log.push(format!("{method} {id}"));
        if method == "PATCH" && !chat.shown.contains_key(&id) {
            return respond(stream, "404 Not Found", "", br#"{"message": "Unknown Message", "code": 10008}"#);
        }
        let mut message = body.clone();
        message["id"] = json!(id);
        chat.shown.insert(id, body);
        respond(stream, "200 OK", "Content-Type: application/json\r\n", message.to_string().as_bytes())
    })
}

/// ntfy since 2.16: a message with the `sequence_id` of an earlier one takes its place.
fn ntfy(chat: &Shared) -> Server {
    let chat = Arc::clone(chat);
    Server::start(move |Asked { body, .. }, stream| {
        let (mut chat, body): (_, Value) = (chat.lock().unwrap(), serde_json::from_str(body).unwrap());
        let id = format!("id{}", chat.log.len());
        let place = body["sequence_id"].as_str().unwrap_or(&id).to_owned();
        chat.log.push(format!("{} {place} {}", body["topic"].as_str().unwrap(), body["priority"]));
        let mut answer = json!({"id": id, "event": "message", "topic": body["topic"]});
        if place != id {
            answer["sequence_id"] = json!(place);
        }
        chat.shown.insert(place, body);
        respond(stream, "200 OK", "Content-Type: application/json\r\n", answer.to_string().as_bytes())
    })
}

fn wait_for(what: &str, chat: &Shared, log: &[&str]) {
    let mut seen = Vec::new();
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually(what, || {
            seen.clone_from(&chat.lock().unwrap().log);
            (seen == log).then_some(())
        });
    }));
    assert!(found.is_ok(), "{what}: expected {log:?}, have {seen:?}");
}

/// Waits until it is kept that each of these channels has delivered one message. A kill before that has it delivered again.
fn wait_until_kept(service: &Service, channels: &[&str]) {
    for channel in channels {
        let counted = format!("taskpulse_notifications_total{{channel=\"{channel}\",outcome=\"sent\"}} 1");
        eventually("it is delivered", || service.get("/metrics").text().unwrap().contains(&counted).then_some(()));
    }
    // The store writes one after the other: what came before this sample is durable when it is.
    let sample = json!({"samples": [{"name": "last_words", "value": 1}]});
    assert!(service.client.post(service.url("/api/v1/ingest")).json(&sample).send().unwrap().status().is_success());
}

#[test]
fn a_message_of_discord_is_edited_for_changes_across_a_crash_and_sent_anew_for_news() {
    let chat = Shared::default();
    let server = discord(&chat);
    let url = server.url("/api/webhooks/1/s3cret");
    let settings = format!("{QUIET}{LONG_QUEUE}{WORSE}[notify.channels.chat]\nkind = \"discord\"\nurl = \"{url}\"\n");
    let folder = Folder::with_settings(&settings);
    folder.pending_tasks(8);
    let service = folder.start();
    wait_for("the first message", &chat, &["POST 900"]);
    assert!(chat.lock().unwrap().title("900").starts_with("error: "), "{}", chat.lock().unwrap().title("900"));
    wait_until_kept(&service, &["chat"]);
    service.kill();

    let service = folder.start();
    let id = fires(&service)["id"].as_str().unwrap().to_owned();
    let post = |path: &str| service.client.post(service.url(&format!("/api/v1/alerts/{id}/{path}"))).send().unwrap();
    assert_eq!(post("ack").status(), 200);
    wait_for("the acknowledgement", &chat, &["POST 900", "PATCH 900"]);
    assert!(chat.lock().unwrap().title("900").starts_with("error, acknowledged: "));

    folder.pending_tasks(12);
    wait_for("news", &chat, &["POST 900", "PATCH 900", "POST 902"]);
    assert!(chat.lock().unwrap().title("902").starts_with("critical: "));
    // Somebody deletes the message: the end is sent as a new one.
    chat.lock().unwrap().shown.remove("902");
    folder.pending_tasks(2);
    wait_for("the end", &chat, &["POST 900", "PATCH 900", "POST 902", "PATCH 902", "POST 904"]);
    assert!(chat.lock().unwrap().title("904").starts_with("ended: "));
    assert!(!service.log().contains("s3cret"));
}

#[test]
fn a_message_of_ntfy_takes_the_place_of_the_one_before_without_a_sound() {
    let (chat, plain) = (Shared::default(), Shared::default());
    let (server, other) = (ntfy(&chat), ntfy(&plain));
    let channel = |name: &str, server: &Server, more: &str| {
        format!("[notify.channels.{name}]\nkind = \"ntfy\"\ntopic = \"mine\"\nurl = \"{}\"\n{more}", server.url("/"))
    };
    let settings = format!("{QUIET}{LONG_QUEUE}{WORSE}{}{}", channel("phone", &server, ""), channel("plain", &other, "edit = false\n"));
    let folder = Folder::with_settings(&settings);
    folder.pending_tasks(8);
    let service = folder.start();
    wait_until_kept(&service, &["phone", "plain"]);
    wait_for("the first message", &chat, &["mine id0 4"]);
    service.kill();
    let service = folder.start();
    fires(&service);
    folder.pending_tasks(2);
    wait_for("the end", &chat, &["mine id0 4", "mine id0 2"]);
    assert!(chat.lock().unwrap().title("id0").starts_with("ended: "));
    // Where it is switched off, each is a message of its own.
    wait_for("the end on the other", &plain, &["mine id0 4", "mine id1 3"]);
}
