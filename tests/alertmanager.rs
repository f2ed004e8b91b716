//! Clients and servers of Alertmanager's: `amtool` works against the service, and a real Alertmanager takes its alerts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::process::{Command, Stdio};

use common::peer::{Running, missing_peer, port_of};
use common::receiver::{LONG_QUEUE, QUIET, Receiver, channel, fires};
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

/// Runs `amtool`; what it printed. None where it is not installed.
fn amtool(port: u16, arguments: &[&str]) -> Option<Result<String, String>> {
    let url = format!("--alertmanager.url=http://127.0.0.1:{port}");
    let output = Command::new("amtool").arg(url).args(arguments).output().ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Some(if output.status.success() { Ok(text(&output.stdout)) } else { Err(format!("{}{}", text(&output.stdout), text(&output.stderr))) })
}

#[test]
fn amtool_adds_lists_and_expires_silences_and_lists_alerts() {
    let receiver = Receiver::new();
    let url = receiver.server.url("/");
    let folder = Folder::with_settings(&format!(
        "{QUIET}{LONG_QUEUE}[notify]\ngroup_interval = \"1s\"\n[notify.channels.ops]\nkind = \"webhook\"\nurl = \"{url}\"\n"
    ));
    folder.pending_tasks(2);
    let service = folder.start();
    let run = |service: &Service, arguments: &[&str]| amtool(service.port, arguments).map(|done| done.unwrap());
    let silence = ["silence", "add", "alertname=long_queue", "--comment=moving", "--author=me", "--duration=1h"];
    let Some(id) = run(&service, &silence) else { return missing_peer("amtool is not installed (prometheus-alertmanager)") };
    assert_eq!(id.len(), 36, "{id}");
    folder.pending_tasks(8);
    fires(&service);
    let quiet = |service: &Service, arguments: &[&str]| run(service, &[arguments, &["-q"]].concat()).unwrap_or_default();
    let listed = eventually("the silenced alert", || {
        let listed = run(&service, &["-o", "json", "alert", "query", "--silenced"]).unwrap();
        serde_json::from_str::<Value>(&listed).unwrap().as_array().unwrap().first().cloned()
    });
    assert_eq!((&listed["labels"]["alertname"], &listed["status"]["silencedBy"]), (&json!("long_queue"), &json!([id])));
    assert_eq!(serde_json::from_str::<Value>(&run(&service, &["-o", "json", "alert", "query"]).unwrap()).unwrap(), json!([]));
    assert!(run(&service, &["alert", "query", "--silenced", "instance=none"]).unwrap().lines().count() <= 1);
    service.kill();

    let service = folder.start();
    assert_eq!(quiet(&service, &["silence", "query"]), id, "it survives a crash");
    assert_eq!(quiet(&service, &["silence", "query", "alertname=long_queue"]), id);
    assert_eq!(quiet(&service, &["silence", "query", "alertname=other"]), "");
    assert_eq!(fires(&service)["state"], "firing", "an alert fires whatever is silenced");
    assert!(receiver.taken().is_empty());
    run(&service, &["silence", "expire", &id]);
    assert_eq!(quiet(&service, &["silence", "query"]), "");
    assert_eq!(quiet(&service, &["silence", "query", "--expired"]), id);
    eventually("the notice comes once nothing silences it", || (receiver.taken().len() == 1).then_some(()));

    // What was announced gets its end, silenced or not.
    let id = run(&service, &silence).unwrap();
    run(&service, &["silence", "update", "--duration=2h", &id]);
    assert_eq!(quiet(&service, &["silence", "query"]), id, "changed in place");
    folder.pending_tasks(2);
    let taken = eventually("its end comes", || Some(receiver.taken()).filter(|taken| taken.len() > 1));
    assert_eq!(taken[1]["body"]["status"], "resolved");
    let error = amtool(service.port, &["silence", "expire", "00000000-0000-4000-8000-000000000000"]).unwrap().unwrap_err();
    assert!(error.contains("404") || error.to_lowercase().contains("not found"), "{error}");
    assert!(run(&service, &["cluster", "show"]).is_some_and(|text| text.contains("disabled")));
}

struct Alertmanager {
    _program: Running,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Alertmanager {
    /// One that notifies a webhook. None where it is not installed.
    fn start(webhook: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("alertmanager.yml");
        let text = format!(
            "route: {{receiver: hook, group_wait: 0s, group_interval: 1s}}\nreceivers:\n- name: hook\n  webhook_configs: [{{url: '{webhook}'}}]\n"
        );
        std::fs::write(&config, text).unwrap();
        let mut child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", dir.path().join("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let port = port_of(child.stderr.take().unwrap(), "\"Listening on\"");
        Some(Self { _program: Running(child), port, _dir: dir })
    }
}

#[test]
fn a_real_alertmanager_takes_alerts_and_their_ends() {
    let receiver = Receiver::new();
    let Some(alertmanager) = Alertmanager::start(&receiver.server.url("/hook")) else {
        return missing_peer("prometheus-alertmanager is not installed");
    };
    let folder = Folder::with_settings(&format!(
        "{QUIET}{LONG_QUEUE}[notify.channels.am]\nkind = \"alertmanager\"\nurl = \"http://127.0.0.1:{}\"\n",
        alertmanager.port
    ));
    folder.pending_tasks(8);
    let service = folder.start();
    fires(&service);
    let alerts = || -> Vec<Value> {
        let answer = service.client.get(format!("http://127.0.0.1:{}/api/v2/alerts", alertmanager.port)).send().unwrap();
        answer.json::<Value>().unwrap().as_array().unwrap().clone()
    };
    let alert = eventually("Alertmanager has the alert", || alerts().first().cloned());
    assert_eq!((&alert["labels"]["alertname"], &alert["labels"]["severity"]), (&json!("long_queue"), &json!("error")));
    let time = |name: &str| alert[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    let ahead = time("endsAt") - time("updatedAt");
    assert!((230..=250).contains(&ahead), "it ends by itself after four minutes: {ahead} s");
    let statuses = || receiver.taken().iter().map(|taken| taken["body"]["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    eventually("Alertmanager notifies", || (statuses() == ["firing"]).then_some(()));
    folder.pending_tasks(2);
    eventually("Alertmanager notifies of the end", || (statuses() == ["firing", "resolved"]).then_some(()));
    assert_eq!(channel(&service, "am")["failed"], 0);
}
