//! The button of a phone's notice acknowledges where the service asks for a token: by a link that can do nothing else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::receiver::{LONG_QUEUE, QUIET, Receiver, fires};
use common::{Folder, Service, eventually};
use reqwest::blocking::Client;

const TOKEN: &str = "a-long-enough-secret";

/// The status of a post to an address, by somebody who has neither token nor login.
fn post(address: &str) -> u16 {
    let client = Client::builder().no_proxy().build().unwrap();
    client.post(address).send().unwrap().status().as_u16()
}

fn logged_in(folder: &Folder) -> Service {
    let service = folder.start();
    let login = service.client.post(service.url("/login")).form(&[("token", TOKEN)]).send().unwrap();
    assert_eq!(login.status(), 303);
    service
}

#[test]
fn a_link_acknowledges_its_alert_without_the_token_and_does_nothing_else() {
    let receiver = Receiver::new();
    let settings = format!(
        "{QUIET}{LONG_QUEUE}[server]\ntoken = \"{TOKEN}\"\n[notify.channels.phone]\nkind = \"ntfy\"\ntopic = \"mine\"\nurl = \"{}\"\n",
        receiver.server.url("/")
    );
    let folder = Folder::with_settings(&settings);
    folder.pending_tasks(8);
    let service = logged_in(&folder);
    let notice = eventually("the notice", || receiver.taken().first().map(|taken| taken["body"].clone()));
    assert!(!notice.to_string().contains(TOKEN), "{notice}");
    let link = notice["actions"][1]["url"].as_str().unwrap().to_owned();
    let id = fires(&service)["id"].as_str().unwrap().to_owned();

    // The same signature for anything else is as good as none.
    let query = link.split_once('?').unwrap().1;
    let (all_but_one, last) = link.split_at(link.len() - 1);
    let other_signature = format!("{all_but_one}{}", if last == "0" { "1" } else { "0" });
    for (what, address) in [
        ("no signature", service.url(&format!("/api/v1/alerts/{id}/ack"))),
        ("taking it back", link.replace("/ack?", "/unack?")),
        ("another alert", link.replace(&id, "00000000000000aa")),
        ("another firing", link.replacen("fired=1", "fired=2", 1)),
        ("for longer", link.replacen("until=1", "until=2", 1)),
        ("with a note", format!("{link}&note=hello")),
        ("another signature", other_signature),
        ("another door", service.url(&format!("/api/v1/channels/phone/test?{query}"))),
    ] {
        assert_eq!(post(&address), 401, "{what}: {address}");
    }
    let client = Client::builder().no_proxy().build().unwrap();
    assert_eq!(client.get(service.url(&format!("/api/v1/status?{query}"))).send().unwrap().status(), 401);
    assert!(fires(&service)["acked_at"].is_null());

    assert_eq!(post(&link), 200);
    assert!(fires(&service)["acked_at"].is_number());
    assert!(!service.log().contains(query), "links stay out of the log");

    // The key is kept: the link holds after a restart, for the firing that it was sent for.
    let taken_back = service.client.post(service.url(&format!("/api/v1/alerts/{id}/unack"))).send().unwrap();
    assert_eq!(taken_back.status(), 200);
    service.kill();
    let service = logged_in(&folder);
    let link = link.replacen(&link[..link.find("/api").unwrap()], &service.url(""), 1);
    assert_eq!(post(&link), 200);
    folder.pending_tasks(2);
    eventually("the alert ends", || service.data("/api/v1/alerts")["alerts"].as_array().unwrap().is_empty().then_some(()));
    assert_eq!(post(&link), 404);
}
