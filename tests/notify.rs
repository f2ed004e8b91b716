//! Notifications on their way: from a real sample to real receivers, with failures and restarts in between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::receiver::{LONG_QUEUE, QUIET, Receiver, channel, fires};
use common::{Folder, eventually};
use serde_json::{Value, json};

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

#[test]
fn each_kind_of_channel_gets_what_its_receiver_takes() {
    let receiver = Receiver::new();
    let url = |path: &str| receiver.server.url(path);
    let kinds = ["slack", "discord", "teams"]
        .map(|kind| format!("[notify.channels.{kind}]\nkind = \"{kind}\"\nurl = \"{}\"\n", url(&format!("/{kind}"))));
    let rest = format!(
        "[notify.channels.phone]\nkind = \"ntfy\"\nurl = \"{}\"\ntopic = \"mine\"\n\
         [notify.channels.own]\nkind = \"template\"\nurl = \"{}\"\ntemplate = '{{\"say\": {{{{ title | json }}}}}}'\n\
         [notify.channels.program]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", 'echo \"$NOTICE_STATUS $1 $NOTICE_TITLE\" >> notices', \"sh\", \"{{{{ rule }}}}\"]\n\
         [notify.channels.other]\nkind = \"webhook\"\nurl = \"{}\"\nmatch = ['alertname!=\"long_queue\"']\n\
         [notify.channels.worse]\nkind = \"webhook\"\nurl = \"{}\"\nseverity = \"critical\"\n\
         [notify.channels.alive]\nkind = \"heartbeat\"\nurl = \"{}\"\ninterval = \"1s\"\nseverity = \"error\"\n",
        url("/"),
        url("/own"),
        url("/other"),
        url("/worse"),
        url("/alive")
    );
    let folder = Folder::with_settings(&format!("{QUIET}{LONG_QUEUE}{}{rest}", kinds.concat()));
    folder.pending_tasks(2);
    let service = folder.start();
    eventually("the heartbeat", || (!receiver.taken_at("/alive").is_empty()).then_some(()));
    folder.pending_tasks(8);
    fires(&service);
    let body = |path: &str| eventually(path, || receiver.taken_at(path).first().map(|taken| taken["body"].clone()));
    assert_eq!(body("/slack")["attachments"][0]["title"], "error: long_queue");
    assert_eq!(body("/discord?wait=true")["embeds"][0]["title"], "error: long_queue");
    assert_eq!(body("/teams")["attachments"][0]["content"]["type"], "AdaptiveCard");
    let phone = body("/");
    assert_eq!((&phone["topic"], &phone["priority"]), (&json!("mine"), &json!(4)));
    assert!(body("/own")["say"].as_str().unwrap().starts_with("error: "));
    let ran = eventually("the program", || std::fs::read_to_string(folder.path().join("notices")).ok().filter(|text| !text.is_empty()));
    assert!(ran.starts_with("firing long_queue error: "), "{ran}");

    // The button of the phone acknowledges.
    let url = phone["actions"][1]["url"].as_str().unwrap();
    assert_eq!(service.client.post(url).send().unwrap().status(), 200);
    assert!(fires(&service)["acked_at"].is_number());

    let beats = receiver.taken_at("/alive").len();
    folder.pending_tasks(2);
    eventually("the heartbeat goes on after the alert", || (receiver.taken_at("/alive").len() > beats + 2).then_some(()));
    assert!(receiver.taken_at("/other").is_empty() && receiver.taken_at("/worse").is_empty());
    for shown in [service.data("/api/v1/channels").to_string(), service.log()] {
        assert!(!shown.contains("/slack") && !shown.contains("notices"), "{shown}");
    }
}

#[test]
fn a_maintenance_window_holds_notifications_back_and_not_alerts() {
    let receiver = Receiver::new();
    let url = receiver.server.url("/");
    let settings = format!(
        "{QUIET}{LONG_QUEUE}[notify.channels.ops]\nkind = \"webhook\"\nurl = \"{url}\"\n[notify.maintenance.always]\ntimes = [\"mon-sun\"]\nmatch = ['alertname=\"other\"']\n"
    );
    let folder = Folder::with_settings(&settings);
    let service = folder.start();
    let send = |method: Method, name: &str, body: &Value| {
        let answer = service.client.request(method, service.url(&format!("/api/v1/maintenance/{name}"))).json(body).send().unwrap();
        (answer.status().as_u16(), answer.json::<Value>().unwrap())
    };
    use reqwest::Method;
    let (status, answer) = send(Method::POST, "now", &json!({"times": ["mon-sun 00:00-24:00"], "comment": "moving"}));
    assert_eq!((status, &answer["data"]["active"]), (200, &json!(true)), "{answer}");
    let (status, answer) = send(Method::POST, "bad", &json!({"times": ["noon"]}));
    assert!(status == 400 && answer["error"].as_str().unwrap().contains("`noon` is no time"), "{answer}");
    assert_eq!(send(Method::DELETE, "always", &json!({})).0, 400, "it is in the settings");
    assert_eq!(send(Method::DELETE, "none", &json!({})).0, 404);
    service.kill();

    let service = folder.start();
    folder.pending_tasks(8);
    fires(&service);
    let shown = eventually("the alert is held back", || {
        let alerts: Value = service.get("/api/v2/alerts").json().unwrap();
        alerts.as_array().unwrap().first().cloned()
    });
    assert_eq!((&shown["status"]["state"], &shown["status"]["mutedBy"]), (&json!("suppressed"), &json!(["now"])));
    assert!(receiver.taken().is_empty());
    let answer = service.client.delete(service.url("/api/v1/maintenance/now")).send().unwrap();
    assert_eq!(answer.status(), 200);
    eventually("the notice comes", || (receiver.taken().len() == 1).then_some(()));
}

#[test]
fn settings_of_channels_that_cannot_be_used_are_refused_by_name() {
    for (settings, words) in [
        ("[notify.channels.a]\nurl = \"http://h\"", "notify.channels.a: needs kind"),
        ("[notify.channels.a]\nkind = \"slack\"", "needs url"),
        ("[notify.channels.a]\nkind = \"slack\"\nurl = \"hooks/s3cret\"", "url: must begin with http"),
        ("[notify.channels.file]\nkind = \"slack\"\nurl = \"http://h\"", "`file` is built in"),
        ("[notify.channels.a]\nkind = \"slack\"\nurl = \"http://h\"\nsources = [\"moon\"]", "there is no source `moon`"),
        ("[notify.channels.a]\nkind = \"slack\"\nurl = \"http://h\"\nmatch = [\"x\"]", "`x` is not a matcher"),
        ("[notify.channels.a]\nkind = \"slack\"\nurl = \"http://h\"\ntopic = \"x\"", "topic: have no effect"),
        ("[notify.channels.a]\nkind = \"template\"\nurl = \"http://h\"\ntemplate = \"{{ moon }}\"", "line 1, column 1: there is no `moon`"),
        (
            "[notify.channels.a]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", \"echo {{ title }}\"]",
            "a shell would run what an alert says",
        ),
        ("[notify.channels.a]\nkind = \"slack\"\nurl = \"http://h\"\ntimes = [\"noon\"]", "`noon` is no time"),
        ("[notify.inhibit.a]\nsource = [\"a=b\"]", "notify.inhibit.a: needs source and target"),
        ("[notify.maintenance.a]\nmatch = [\"a=b\"]", "notify.maintenance.a: times: needs at least one"),
        ("[probes.check.a]\ntcp = \"h:1\"\nparent = \"b\"", "probes.check.a.parent = \"b\": there is no probe"),
        ("[probes.check.a]\ntcp = \"h:1\"\nparent = \"b\"\n[probes.check.b]\ntcp = \"h:1\"\nparent = \"a\"", "depends on itself"),
        ("[notify]\nrepeat_interval = \"1s\"", "repeat_interval: must be 0 for never"),
    ] {
        let (code, said) = Folder::with_settings(settings).run(&["--port", "0", "--no-browser"], &[]);
        assert!(code != Some(0) && said.contains(words) && !said.contains("s3cret"), "{settings}\n{said}");
    }
}
