//! vmalert beside the service: it queries, records by remote write, and restores its state after a restart.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::http::{Server, respond};
use common::peer::{Running, missing_peer};
use common::process::listening_port;
use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually};
use serde_json::Value;

const RULES: &str = r#"
groups:
- name: shop
  interval: 1s
  rules:
  - record: job:requests:sum
    expr: sum by (job) (requests_total)
    labels: {recorded: "yes"}
  - alert: TooMany
    expr: level > 5
    for: 1h
    labels: {severity: page}
  - alert: AtOnce
    expr: job:requests:sum{job="api"} > 1
    annotations: {summary: "{{ $value }} requests"}
"#;

struct Vmalert {
    _program: Running,
    url: String,
}

impl Vmalert {
    fn start(folder: &Folder, service: &Service, notifier: &Server) -> Self {
        let rules = folder.path().join("rules.yml");
        fs::write(&rules, RULES).unwrap();
        let at = service.url("");
        let log = fs::File::options().create(true).append(true).open(folder.path().join("vmalert.log")).unwrap();
        let child = Command::new("vmalert")
            .args([format!("-rule={}", rules.display()), format!("-datasource.url={at}")])
            .args([format!("-remoteWrite.url={at}"), format!("-remoteRead.url={at}"), "-remoteWrite.flushInterval=500ms".to_owned()])
            .args([format!("-notifier.url={}", notifier.url("")), "-httpListenAddr=127.0.0.1:0".to_owned()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let port = eventually("vmalert listens", || listening_port(child.id()));
        Self { _program: Running(child), url: format!("http://127.0.0.1:{port}") }
    }

    /// The alerts of a rule as vmalert knows them, once there are any.
    fn alert(&self, service: &Service, rule: &str) -> Value {
        eventually("vmalert has the alert", || {
            let answer: Value = service.client.get(format!("{}/api/v1/alerts", self.url)).send().ok()?.json().ok()?;
            answer["data"]["alerts"].as_array()?.iter().find(|alert| alert["name"] == rule).cloned()
        })
    }
}

#[test]
fn vmalert_records_alerts_and_restores_its_state() {
    if Command::new("vmalert").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        missing_peer("vmalert is not installed (Debian: victoria-metrics)");
        return;
    }
    let folder = Folder::with_settings("[system]\nenabled = false\n[containers]\nenabled = false\n");
    let service = folder.start();
    let notifier = Server::start(|_, stream| respond(stream, "200 OK", "", b""));
    let put = |level: f64| {
        let now = now_ms();
        let raw = [
            series(&[("__name__", "requests_total"), ("job", "api"), ("path", "/a")], &[(now, 2.0)]),
            series(&[("__name__", "requests_total"), ("job", "api"), ("path", "/b")], &[(now, 3.0)]),
            series(&[("__name__", "level")], &[(now, level)]),
        ];
        assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw.concat()).unwrap().0, 204);
    };
    put(10.0);
    let value = |query: &str| -> Option<String> { Some(service.query(query).first()?["value"][1].as_str()?.to_owned()) };
    let vmalert = Vmalert::start(&folder, &service, &notifier);
    eventually("the recording rule is kept", || value("job:requests:sum{recorded=\"yes\"}").filter(|sum| sum == "5"));
    eventually("the alert fires", || value("ALERTS{alertname=\"AtOnce\",alertstate=\"firing\"}"));
    eventually("it is sent", || notifier.asked.lock().unwrap().iter().any(|path| path == "/api/v2/alerts").then_some(()));
    eventually("the other one is pending", || value("ALERTS{alertname=\"TooMany\",alertstate=\"pending\",severity=\"page\"}"));
    let since = eventually("its start is kept", || value("ALERTS_FOR_STATE{alertname=\"TooMany\"}"));
    let before = vmalert.alert(&service, "TooMany")["activeAt"].clone();
    drop(vmalert);

    // It restarts in another second, and continues with the old start.
    let stopped = now_ms();
    eventually("two seconds have passed", || (now_ms() > stopped + 2_000).then_some(()));
    put(11.0);
    let vmalert = Vmalert::start(&folder, &service, &notifier);
    let seconds = |at: &Value| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    let after = eventually("the alert has its old start again", || {
        let after = vmalert.alert(&service, "TooMany");
        (seconds(&after["activeAt"]) == seconds(&before)).then_some(after)
    });
    assert_eq!(after["state"], "pending");
    let newest = eventually("a sample of after the restart", || {
        let rows = service.samples("ALERTS_FOR_STATE{alertname=\"TooMany\"}[1h]");
        rows.last().copied().filter(|(time, _)| *time * 1e3 > stopped as f64)
    });
    assert_eq!(newest.1, since.parse::<f64>().unwrap(), "the start did not move");
    let log = fs::read_to_string(folder.path().join("vmalert.log")).unwrap();
    assert!(!log.contains("\terror\t"), "{log}");
}
