//! Rules: judged on samples and by queries, recorded, given over REST, tried on the past; and the same rules in Prometheus.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::peer::{Prometheus, missing_peer};
use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n";

fn folder(rules: &str) -> Folder {
    Folder::with_settings(&format!("{QUIET}[alerts]\nevaluation_interval = \"1s\"\n{rules}"))
}

/// Writes one sample of now.
fn put(service: &Service, labels: &[(&str, &str)], v: f64) {
    put_at(service, labels, &[(now_ms(), v)]);
}

fn put_at(service: &Service, labels: &[(&str, &str)], samples: &[(i64, f64)]) {
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &series(labels, samples)).unwrap().0, 204);
}

fn alerts(service: &Service) -> Vec<Value> {
    service.data("/api/v1/alerts")["alerts"].as_array().unwrap().clone()
}

fn rule(service: &Service, name: &str) -> Option<Value> {
    let groups = service.data("/api/v1/rules");
    groups["groups"].as_array()?.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).find(|rule| rule["name"] == name)
}

#[test]
fn rules_by_queries_record_alert_and_survive_a_crash() {
    let folder = folder(
        "[alerts.rules.a_sum]\nrecord = \"shop:sum\"\nexpr = \"sum by (job) (requests)\"\nlabels = { by = \"rule\" }\n\
         [alerts.rules.busy]\nexpr = \"shop:sum > 4\"\nseverity = \"error\"\nlabels = { team = \"shop\" }\nremediation = [\"add a server\"]\n\
         [alerts.rules.all]\nexpr = \"sum(requests) > 4\"\nseverity = \"error\"\n\
         [alerts.rules.nothing]\nexpr = \"sum(no_such_metric) > 1\"\n\
         [alerts.rules.wrong]\nexpr = \"requests * on () requests > 1\"\n",
    );
    let service = folder.start();
    for path in ["/a", "/b"] {
        put(&service, &[("__name__", "requests"), ("job", "api"), ("path", path)], 3.0);
    }
    eventually("the sum is recorded", || {
        let rows = service.query("shop:sum{by=\"rule\"}");
        (rows.first()?["value"][1] == "6").then_some(())
    });
    let fired =
        eventually("the alert fires", || alerts(&service).into_iter().find(|alert| alert["state"] == "firing" && alert["rule"] == "busy"));
    assert_eq!(fired["labels"], json!({"alertname": "busy", "by": "rule", "job": "api", "severity": "error", "team": "shop"}));
    assert_eq!((&fired["remediation"], &fired["group"]), (&json!(["add a server"]), &json!("taskpulse")));
    let shown = "ALERTS{alertname=\"busy\",alertstate=\"firing\",job=\"api\",severity=\"error\",team=\"shop\"}";
    eventually("it is a series", || (!service.query(shown).is_empty()).then_some(()));
    let since = service.query("ALERTS_FOR_STATE{alertname=\"busy\"}")[0]["value"][1].as_str().unwrap().parse::<f64>().unwrap();
    assert!((since - fired["pending_since"].as_f64().unwrap()).abs() < 1.0, "{since} {fired}");
    // What became of the rules.
    let wrong = eventually("the error is shown", || rule(&service, "wrong").filter(|rule| rule["health"] == "err"));
    assert!(
        wrong["lastError"].as_str().unwrap().contains("many-to-many") || wrong["lastError"].as_str().unwrap().contains("duplicate"),
        "{wrong}"
    );
    let note = eventually("the rule without series says so", || rule(&service, "nothing").filter(|rule| rule["notes"] != json!([])));
    assert_eq!((&note["health"], &note["notes"]), (&json!("ok"), &json!(["no series matches"])));
    let recording = service.data("/api/v1/rules?type=record");
    assert_eq!(recording["groups"][0]["rules"].as_array().unwrap().len(), 1);
    assert_eq!(recording["groups"][0]["rules"][0]["type"], "recording");
    // A result without a name is an alert as any other.
    let all = eventually("the alert of the sum fires", || {
        alerts(&service).into_iter().find(|alert| alert["rule"] == "all" && alert["state"] == "firing")
    });
    assert!(all["summary"].as_str().unwrap().starts_with("All: 6") && all["summary"].as_str().unwrap().ends_with(", above 4"), "{all}");
    service.kill();

    let service = folder.start();
    let still = alerts(&service).into_iter().find(|alert| alert["rule"] == "all").unwrap();
    assert_eq!((&still["state"], &still["firing_since"]), (&json!("firing"), &all["firing_since"]));
    let again = alerts(&service).into_iter().find(|alert| alert["rule"] == "busy").unwrap();
    assert_eq!((&again["state"], &again["firing_since"]), (&json!("firing"), &fired["firing_since"]));
    for path in ["/a", "/b"] {
        put(&service, &[("__name__", "requests"), ("job", "api"), ("path", path)], 1.0);
    }
    eventually("it is resolved", || alerts(&service).iter().all(|alert| alert["rule"] != "busy" && alert["rule"] != "all").then_some(()));
    eventually("its series ends", || service.query(shown).is_empty().then_some(()));
    let log = fs::read_to_string(folder.path().join("taskpulse-data/alerts.log")).unwrap();
    assert_eq!(log.lines().count(), 4, "each fired once and ended once: {log}");
    assert_eq!(service.data("/api/v1/alerts/history").as_array().unwrap().len(), 2);
}

#[test]
fn history_that_is_imported_is_never_an_alert() {
    let folder = folder(
        "[store]\nout_of_order = \"7d\"\n[alerts.rules.hot]\nexpr = \"level > 5\"\nseverity = \"error\"\n\
         [alerts.rules.hot_query]\nexpr = \"sum by (host) (level) > 5\"\nseverity = \"error\"\n",
    );
    let service = folder.start();
    let now = now_ms();
    let past: Vec<(i64, f64)> = (0..5_000).map(|n| (now - 6 * 86_400_000 + n * 100_000, 9.0)).filter(|(t, _)| *t < now - 600_000).collect();
    put_at(&service, &[("__name__", "level"), ("host", "a")], &past);
    eventually("the import is counted", || {
        let rule = rule(&service, "hot")?;
        rule["notes"].as_array()?.iter().any(|note| note.as_str().unwrap().contains("history")).then_some(())
    });
    assert_eq!(alerts(&service), [] as [Value; 0]);
    service.kill();
    let service = folder.start();
    // The newest sample is of now: news.
    put(&service, &[("__name__", "level"), ("host", "a")], 9.0);
    eventually("both rules fire", || (alerts(&service).iter().filter(|alert| alert["state"] == "firing").count() == 2).then_some(()));
    let began = now as f64 / 1e3;
    assert!(alerts(&service).iter().all(|alert| alert["firing_since"].as_f64().unwrap() >= began), "{:?}", alerts(&service));
    assert_eq!(service.data("/api/v1/alerts/history"), json!([]));
}

#[test]
fn a_rule_is_given_tried_changed_and_taken_back_while_the_service_runs() {
    let folder = folder("[notify]\ngroup_interval = \"1h\"\n");
    let service = folder.start();
    let url = |path: &str| service.url(&format!("/api/v1/rules/{path}"));
    let send = |request: reqwest::blocking::RequestBuilder| -> (u16, Value) {
        let answer = request.send().unwrap();
        (answer.status().as_u16(), answer.json().unwrap_or(Value::Null))
    };
    let now = now_ms();
    let hour: Vec<(i64, f64)> = (0..720).map(|n| (now - 3_600_000 + n * 5_000, if n % 120 < 24 { 9.0 } else { 1.0 })).collect();
    put_at(&service, &[("__name__", "level"), ("host", "a")], &hour);
    let spec = json!({"expr": "level > 5", "for": "30s", "severity": "notice"});
    let (status, preview) = send(service.client.post(url("preview?days=1")).json(&spec));
    assert_eq!((status, &preview["data"]["fired"], &preview["data"]["judged"]), (200, &json!(6), &json!(720)), "{preview}");
    assert_eq!(preview["data"]["firings"].as_array().unwrap().len(), 6);
    assert_eq!(preview["data"]["notices"], 2, "all that follows the first within an hour goes together");
    let (status, query) = send(service.client.post(url("preview?days=1")).json(&json!({"expr": "sum(level) > 5", "for": "30s"})));
    assert_eq!((status, &query["data"]["fired"]), (200, &json!(6)), "{query}");

    let (status, given) = send(service.client.put(url("hot?version=0")).json(&spec));
    assert_eq!((status, &given["data"]["version"], &given["data"]["rule"]["expr"]), (200, &json!(1), &json!("level > 5")), "{given}");
    assert_eq!(send(service.client.put(url("hot?version=0")).json(&spec)).0, 409);
    let (status, error) = send(service.client.put(url("bad")).json(&json!({"expr": "level >"})));
    assert_eq!((status, &error["errorType"]), (400, &json!("bad_data")));
    assert!(error["error"].as_str().unwrap().contains("rule `bad`: expr: 1:8: parse error"), "{error}");
    let (status, error) = send(service.client.put(url("bad")).json(&json!({"exp": "level > 1"})));
    assert!(status == 400 && error["error"].as_str().unwrap().contains("unknown field `exp`"), "{error}");
    assert_eq!(send(service.client.delete(url("high_cpu_usage"))).0, 409);
    assert_eq!(send(service.client.delete(url("none"))).0, 404);
    let at_once = json!({"expr": "level > 5", "severity": "notice"});
    assert_eq!(send(service.client.put(url("hot?version=1")).json(&at_once)).1["data"]["version"], 2);
    service.kill();

    let service = folder.start();
    let url = |path: &str| service.url(&format!("/api/v1/rules/{path}"));
    let kept = service.data("/api/v1/rules/hot");
    assert_eq!((&kept["version"], &kept["file"], &kept["rule"]), (&json!(2), &json!("rest"), &at_once));
    put(&service, &[("__name__", "level"), ("host", "a")], 9.0);
    eventually("it fires", || alerts(&service).iter().any(|alert| alert["rule"] == "hot" && alert["state"] == "firing").then_some(()));
    assert_eq!(service.client.delete(url("hot")).send().unwrap().status(), 204);
    eventually("its alert ends with it", || alerts(&service).is_empty().then_some(()));
    assert_eq!(service.get("/api/v1/rules/hot").status(), 404);
    let groups = service.data("/api/v1/rules?group_limit=1");
    assert_eq!((groups["groups"].as_array().unwrap().len(), &groups["groupNextToken"]), (1, &Value::Null));
}

const SAME: [(&str, &str, &str); 4] = [
    ("AtOnce", "level{zone=\"x\"} > 5", "0s"),
    ("Summed", "sum by (job) (level) > 10", "0s"),
    ("Patient", "level > 5", "1h"),
    ("Never", "level > 100", "0s"),
];

/// The series of alerts of the rules that both have, as an instant query gives them.
fn alert_series(client: &reqwest::blocking::Client, at: &str) -> Option<BTreeSet<String>> {
    let answer: Value =
        client.get(format!("{at}/api/v1/query")).query(&[("query", "ALERTS{severity=\"page\"}")]).send().ok()?.json().ok()?;
    Some(answer["data"]["result"].as_array()?.iter().map(|row| row["metric"].to_string()).collect())
}

#[test]
fn the_same_rules_on_the_same_samples_give_the_same_alerts_in_prometheus() {
    let theirs: String = SAME
        .iter()
        .map(|(name, expr, hold)| format!("  - alert: {name}\n    expr: '{expr}'\n    for: {hold}\n    labels: {{severity: page}}\n"))
        .collect();
    let ours: String = SAME
        .iter()
        .map(|(name, expr, hold)| format!("[alerts.rules.{name}]\nexpr = '{expr}'\nfor = \"{hold}\"\nlabels = {{ severity = \"page\" }}\n"))
        .collect();
    let folder = folder(&ours);
    let service = folder.start();
    let ours = service.url("");
    let settings = "global: {scrape_interval: 1h, evaluation_interval: 1s}\nrule_files: [rules.yml]\n";
    let Some(peer) = Prometheus::start(&service.client, settings, &format!("groups:\n- name: same\n  rules:\n{theirs}")) else {
        missing_peer("prometheus is not installed");
        return;
    };
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    // Values of two series, and how many series of alerts there are then.
    for (x, y, count) in [(1.0, 1.0, 0), (9.0, 1.0, 2), (9.0, 9.0, 4), (4.0, 9.0, 2), (9.0, 9.0, 4), (stale, 9.0, 1), (stale, stale, 0)] {
        let now = now_ms();
        let both = [
            series(&[("__name__", "level"), ("job", "a"), ("zone", "x")], &[(now, x)]),
            series(&[("__name__", "level"), ("job", "a"), ("zone", "y")], &[(now, y)]),
        ];
        for at in [&ours, &peer.url] {
            let status = write(&service.client, &format!("{at}/api/v1/write"), &both.concat()).unwrap().0;
            assert_eq!(status, 204, "{at}");
        }
        let same = eventually("both have the same alerts", || {
            let (here, there) = (alert_series(&service.client, &ours)?, alert_series(&service.client, &peer.url)?);
            (here == there && here.len() == count).then_some(here)
        });
        assert!(same.iter().all(|labels| labels.contains("\"severity\":\"page\"")), "{same:?}");
    }
}
