//! Exemplars through every door: taken in, kept over restarts and SIGKILL, answered as Prometheus does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::http::{Server, respond};
use common::otlp;
use common::peer::{Prometheus, missing_peer};
use common::remote::{exemplars, now_ms, series, write};
use common::{Folder, Service, eventually};
use reqwest::blocking::Client;
use serde_json::{Value, json};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn asked(client: &Client, url: &str, query: &str, more: &[(&str, &str)]) -> (u16, Value) {
    let answer = client.get(format!("{url}/api/v1/query_exemplars")).query(&[("query", query)]).query(more).send().unwrap();
    (answer.status().as_u16(), answer.json().unwrap())
}

fn found(service: &Service, query: &str) -> Value {
    let (status, mut body) = asked(&service.client, &service.url(""), query, &[]);
    assert_eq!(status, 200, "{body}");
    body["data"].take()
}

/// How many were dropped, by reason.
fn dropped(service: &Service, reason: &str) -> f64 {
    let text = service.get("/metrics").text().unwrap();
    let start = format!("taskpulse_dropped_exemplars_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).unwrap_or(0.0)
}

fn send(service: &Service, raw: &[u8]) {
    let (status, text) = write(&service.client, &service.url("/api/v1/write"), raw).unwrap();
    assert_eq!(status, 204, "{text}");
}

#[test]
fn acknowledged_exemplars_survive_sigkill_and_are_answered_in_prometheus_form() {
    let folder = Folder::with_settings("[system]\nenabled = false\n[containers]\nenabled = false\n");
    let service = folder.start();
    let at = now_ms() / 1_000 * 1_000 - 60_000;
    let bucket = |le| [("__name__", "answer_bucket"), ("le", le)];
    assert_eq!(found(&service, "answer_bucket"), json!([]));
    assert_eq!(service.status()["store"]["exemplars"], 0);
    assert!(!folder.path().join("taskpulse-data/exemplars.log").exists());
    send(&service, &[series(&bucket("1"), &[(at, 1.0)]), series(&bucket("+Inf"), &[(at, 2.0)])].concat());
    let labels = [("trace_id", TRACE), ("user", "ann")];
    let long = "x".repeat(130);
    // As Prometheus sends them: apart from the samples.
    let good = exemplars(&bucket("1"), &[(&labels, at - 7, 0.5), (&[("trace_id", "b")], at + 1_000, 0.25)]);
    let bad = exemplars(
        &bucket("+Inf"),
        &[(&[("trace_id", &long)], at, 1.0), (&labels, at, f64::NAN), (&labels, at + 90_000_000_000, 1.0), (&[], at + 5, f64::INFINITY)],
    );
    let unknown = exemplars(&[("__name__", "nobody")], &[(&labels, at, 1.0)]);
    for _ in 0..2 {
        send(&service, &[good.clone(), bad.clone(), unknown.clone()].concat());
    }
    let seconds = |ms: i64| ms as f64 / 1e3;
    let infinite = json!({
        "seriesLabels": {"__name__": "answer_bucket", "le": "+Inf"},
        "exemplars": [{"labels": {}, "value": "+Inf", "timestamp": seconds(at + 5)}],
    });
    let one = json!({
        "seriesLabels": {"__name__": "answer_bucket", "le": "1"},
        "exemplars": [
            {"labels": {"trace_id": TRACE, "user": "ann"}, "value": "0.5", "timestamp": seconds(at - 7)},
            {"labels": {"trace_id": "b"}, "value": "0.25", "timestamp": seconds(at + 1_000)},
        ],
    });
    let counts = ["too_long", "not_a_number", "too_far_ahead", "no_series"].map(|reason| dropped(&service, reason));
    assert_eq!(counts, [2.0; 4]);
    let everything = "histogram_quantile(0.9, sum by (le) (rate(answer_bucket[5m]))) / scalar(sum(other) or vector(1))";
    assert_eq!(found(&service, everything), json!([infinite, one]));
    service.kill();
    let service = folder.start();
    assert_eq!(found(&service, everything), json!([infinite, one]));
    assert_eq!(found(&service, "answer_bucket{le=\"1\"} offset 1w"), json!([one]));
    assert_eq!(service.status()["store"]["exemplars"], 3);
    for (more, expected) in [
        (vec![("start", seconds(at).to_string())], vec![seconds(at + 1_000)]),
        (vec![("end", seconds(at).to_string())], vec![seconds(at - 7)]),
        (vec![("start", seconds(at).to_string()), ("end", seconds(at).to_string())], vec![]),
        (vec![("limit", "1".to_owned())], vec![seconds(at - 7)]),
    ] {
        let more: Vec<(&str, &str)> = more.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let (_, body) = asked(&service.client, &service.url(""), "answer_bucket{le=\"1\"}", &more);
        let times = body["data"].as_array().unwrap().iter().flat_map(|of| of["exemplars"].as_array().unwrap());
        assert_eq!(times.map(|e| e["timestamp"].as_f64().unwrap()).collect::<Vec<_>>(), expected, "{more:?}: {body}");
        assert_eq!(body["warnings"].is_array(), more[0].0 == "limit");
    }
    let post = service.client.post(service.url("/api/v1/query_exemplars")).form(&[("query", "answer_bucket{le=\"1\"}")]).send().unwrap();
    assert_eq!(post.json::<Value>().unwrap()["data"], json!([one]));
    assert_eq!(found(&service, "1 + 1"), json!([]));
    assert_eq!(asked(&service.client, &service.url(""), "answer{", &[]).0, 400);
    assert_eq!(service.stop(), Some(0));
    let (code, said) = folder.run(&["check"], &[]);
    assert_eq!(code, Some(0), "{said}");
}

fn openmetrics(now: f64) -> String {
    format!(
        "# TYPE answer_seconds histogram\n\
         answer_seconds_bucket{{le=\"0.1\"}} 1 # {{trace_id=\"{TRACE}\"}} 0.05 {now:.3}\n\
         answer_seconds_bucket{{le=\"+Inf\"}} 2 # {{trace_id=\"b\",span_id=\"c\"}} 7\n\
         answer_seconds_sum 7.05\nanswer_seconds_count 2\n\
         # TYPE asked counter\nasked_total 2 # {{}} 1 {now:.3}\n\
         # TYPE bad counter\nbad_total 1 # {{a=\"1\",a=\"2\"}} 1\n# EOF\n"
    )
}

#[test]
fn a_scraped_page_gives_the_exemplars_that_prometheus_sends_of_it() {
    let at = now_ms() as f64 / 1e3 - 5.0;
    let page = Server::start(move |_, stream| {
        // Prometheus refuses a page with a label twice.
        let text = openmetrics(at).replace("a=\"1\",a=\"2\"", "a=\"1\"");
        respond(stream, "200 OK", "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n", text.as_bytes());
    });
    let folder = Folder::with_settings(&format!(
        "[system]\nenabled = false\n[scrape.targets.own]\nurl = \"{}\"\ninterval = \"1s\"\ntimeout = \"1s\"\n",
        page.url("/metrics")
    ));
    let service = folder.start();
    let target = format!("127.0.0.1:{}", page.port);
    let settings = format!(
        "global: {{scrape_interval: 1s}}\nremote_write: [{{url: '{}', send_exemplars: true, queue_config: {{batch_send_deadline: 100ms}}}}]\n\
         scrape_configs: [{{job_name: theirs, static_configs: [{{targets: ['{target}']}}]}}]\n",
        service.url("/api/v1/write")
    );
    let Some(prometheus) = Prometheus::start(&service.client, &settings, "") else {
        missing_peer("prometheus is not installed");
        return;
    };
    let of = |job: &str| format!("{{__name__=~\"(answer|asked|bad).*\",job=\"{job}\"}}");
    // Those without a time have that of a scrape, of which there are several.
    let first = |list: &Value| -> Value {
        let rows = list.as_array().unwrap().iter().map(|of| {
            let mut labels = of["seriesLabels"].clone();
            labels.as_object_mut().unwrap().retain(|name, _| name != "job" && name != "instance");
            let e = &of["exemplars"][0];
            let own_time =
                if e["labels"]["span_id"].is_null() && labels["__name__"] != "bad_total" { e["timestamp"].clone() } else { Value::Null };
            json!([labels, e["labels"], e["value"], own_time])
        });
        rows.collect()
    };
    let theirs = eventually("prometheus has the exemplars", || {
        let (_, body) = asked(&service.client, &prometheus.url, &of("theirs"), &[]);
        Some(first(&body["data"])).filter(|rows| rows.as_array().unwrap().len() == 4)
    });
    for job in ["theirs", "own"] {
        let ours = eventually("the service has them", || {
            Some(first(&found(&service, &of(job)))).filter(|rows| rows.as_array().unwrap().len() == 4)
        });
        assert_eq!(ours, theirs, "{job}");
    }
    // However often it was scraped.
    let total =
        |job: &str| found(&service, &of(job)).as_array().unwrap().iter().map(|of| of["exemplars"].as_array().unwrap().len()).sum::<usize>();
    assert_eq!((total("theirs"), total("own")), (4, 4));
}

#[test]
fn a_bad_exemplar_of_a_page_or_an_import_costs_itself_alone() {
    let page = Server::start(move |_, stream| {
        let text = openmetrics(now_ms() as f64 / 1e3);
        respond(stream, "200 OK", "Content-Type: application/openmetrics-text; version=1.0.0\r\n", text.as_bytes());
    });
    let folder = Folder::with_settings(&format!(
        "[system]\nenabled = false\n[scrape.targets.own]\nurl = \"{}\"\ninterval = \"1s\"\ntimeout = \"1s\"\n",
        page.url("/metrics")
    ));
    let service = folder.start();
    eventually("the sample", || service.query("bad_total").first().cloned());
    eventually("its exemplar is counted", || (dropped(&service, "malformed") > 0.0).then_some(()));
    assert_eq!(found(&service, "bad_total"), json!([]));
    let at = now_ms() / 1_000;
    let text = format!("old_total 1 {at} # {{trace_id=\"{TRACE}\"}} 1\nold_total 2 {} # {{trace_id=\"b\" 1\n# EOF\n", at + 1);
    let answer = service.client.post(service.url("/api/v1/import?format=openmetrics")).body(text).send().unwrap();
    assert_eq!(answer.json::<Value>().unwrap()["data"]["kept"], 2);
    let old = found(&service, "old_total");
    assert_eq!(old[0]["exemplars"], json!([{"labels": {"trace_id": TRACE}, "value": "1", "timestamp": at as f64}]));
}

#[test]
fn the_python_sdk_sends_exemplars_of_the_spans_that_it_measured_in() {
    let Some(programs) = otlp::python_sdk("opentelemetry.exporter.otlp.proto.http.metric_exporter") else { return };
    let folder = Folder::new();
    let service = folder.start();
    let env = [("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop,service.instance.id=i-1")];
    let said = otlp::run_python(&programs, "exemplars.py", &service, &env);
    let lines: Vec<Vec<&str>> = said.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(lines.len(), 3);
    for (le, line) in ["0.1", "1", "+Inf"].into_iter().zip(&lines) {
        let of = found(&service, &format!("answer_duration_seconds_bucket{{le=\"{le}\"}}"));
        let exemplar = &of[0]["exemplars"][0];
        assert_eq!(exemplar["labels"], json!({"trace_id": line[1], "span_id": line[2]}), "{le}: {of}");
        assert_eq!(exemplar["value"], line[0]);
    }
    assert!(found(&service, "asked_total")[0]["exemplars"][0]["labels"]["trace_id"].is_string());
}
