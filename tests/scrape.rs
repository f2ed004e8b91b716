//! Scraping real programs and odd ones; programs that print metrics.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::http::{Server, respond};
use common::{Folder, Service, eventually};
use serde_json::Value;

const TEXT: &str = "Content-Type: text/plain; version=0.0.4\r\n";

fn source(service: &Service, name: &str) -> Value {
    let status = service.status();
    status["sources"].as_array().unwrap().iter().find(|s| s["source"] == name).cloned().unwrap_or(Value::Null)
}

fn reason(service: &Service, name: &str) -> String {
    source(service, name)["reason"].as_str().unwrap_or_default().to_owned()
}

fn value(service: &Service, query: &str) -> Option<f64> {
    service.query(query).first()?["value"][1].as_str()?.parse().ok()
}

#[test]
fn another_instance_is_scraped_as_prometheus_would_and_its_series_end_when_it_goes() {
    let watched = Folder::with_settings("[server]\ntoken = \"0123456789abcdef\"\n");
    let mut target = watched.start_with(&[], &[("TASKPULSE__SYSTEM__INTERVAL", "1s")]);
    let settings = |token: &str| {
        format!(
            "[system]\nenabled = false\n[scrape.targets.other]\nurl = \"http://127.0.0.1:{}/metrics\"\ninterval = \"1s\"\ntimeout = \"1s\"\nbearer_token = \"{token}\"\nlabels = {{ zone = \"eu\", actor = \"mine\" }}\n[[scrape.targets.other.relabel]]\naction = \"drop\"\nsource_labels = [\"__name__\"]\nregex = \"taskpulse_store_.*\"\n",
            target.port
        )
    };
    let folder = Folder::with_settings(&settings("wrong-wrong-wrong"));
    let service = folder.start();
    eventually("a refusal is told", || reason(&service, "scrape other").contains("status 401").then_some(()));
    eventually("it is not up", || (value(&service, "up{job=\"other\"}") == Some(0.0)).then_some(()));
    assert_eq!(service.stop(), Some(0));
    folder.settings(&settings("0123456789abcdef"));
    let service = folder.start();
    let instance = format!("127.0.0.1:{}", target.port);
    let selector = format!("{{job=\"other\",instance=\"{instance}\",zone=\"eu\"}}");
    eventually("it is up", || (value(&service, &format!("up{selector}")) == Some(1.0)).then_some(()));
    eventually("its series", || value(&service, &format!("taskpulse_build_info{selector}")));
    let actors = service.query("taskpulse_actor_up{actor=\"mine\"}");
    assert!(actors.iter().any(|row| row["metric"]["exported_actor"] == "store"), "{actors:?}");
    assert!(service.query("taskpulse_store_series{job=\"other\"}").is_empty(), "dropped by a rule");
    let scraped = value(&service, "scrape_samples_scraped{job=\"other\"}").unwrap();
    let kept = value(&service, "scrape_samples_post_metric_relabeling{job=\"other\"}").unwrap();
    assert!(scraped > kept && kept > 20.0, "{scraped} {kept}");
    let metadata = service.data("/api/v1/metadata?metric=taskpulse_actor_up");
    assert_eq!(metadata["taskpulse_actor_up"][0]["type"], "gauge", "{metadata}");
    target.signal("KILL");
    target.wait();
    eventually("it is down", || (value(&service, "up{job=\"other\"}") == Some(0.0)).then_some(()));
    eventually("its series have ended", || service.query(&format!("taskpulse_build_info{selector}")).is_empty().then_some(()));
    assert!(reason(&service, "scrape other").to_lowercase().contains("refused"), "{}", reason(&service, "scrape other"));
}

#[test]
fn the_node_exporter_of_debian_is_scraped() {
    let Ok(mut exporter) = Command::new("prometheus-node-exporter")
        .args([
            "--web.listen-address=127.0.0.1:19123",
            "--collector.disable-defaults",
            "--collector.loadavg",
            "--collector.meminfo",
            "--collector.cpu",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
    else {
        println!("skipped: prometheus-node-exporter is not installed");
        return;
    };
    let folder =
        Folder::with_settings("[scrape.targets.node]\nurl = \"http://127.0.0.1:19123/metrics\"\ninterval = \"1s\"\ntimeout = \"1s\"\n");
    let service = folder.start();
    let memory = eventually("the memory", || value(&service, "node_memory_MemTotal_bytes{job=\"node\"}"));
    assert_eq!(Some(memory), eventually("our own figure", || Some(value(&service, "system_memory_limit_bytes"))).or(Some(memory)));
    assert!(value(&service, "sum(rate(node_cpu_seconds_total[1m]))").is_some_and(|v| v >= 0.0) || value(&service, "node_load1").is_some());
    assert_eq!(service.data("/api/v1/metadata?metric=node_load1")["node_load1"][0]["help"], "1m load average.");
    exporter.kill().unwrap();
    exporter.wait().unwrap();
}

#[test]
fn openmetrics_gzip_times_and_clashing_labels_are_understood() {
    let round = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&round);
    let server = Server::start(move |asked, stream| match asked.path.as_str() {
        "/open" => {
            assert!(asked.headers["accept"].contains("application/openmetrics-text"), "{:?}", asked.headers);
            let now = common::remote::now_ms() as f64 / 1e3 - 5.0;
            let body = format!("# TYPE jobs counter\njobs_total{{job=\"own\"}} 7 {now:.3} # {{trace=\"x\"}} 1\n# EOF\n");
            let zipped = gzip(body.as_bytes());
            respond(stream, "200 OK", "Content-Type: application/openmetrics-text; version=1.0.0\r\nContent-Encoding: gzip\r\n", &zipped);
        }
        // A series that is there at every other time.
        "/sometimes" => {
            let n = counter.fetch_add(1, Ordering::Relaxed);
            let body = format!("always {n}\n{}", if n.is_multiple_of(2) { "sometimes{a=\"b\"} 1\n" } else { "" });
            respond(stream, "200 OK", TEXT, body.as_bytes());
        }
        _ => respond(stream, "404 Not Found", TEXT, b"no such page here"),
    });
    let target = |name: &str, path: &str, more: &str| {
        format!("[scrape.targets.{name}]\nurl = \"{}\"\ninterval = \"1s\"\ntimeout = \"1s\"\n{more}", server.url(path))
    };
    let folder = Folder::with_settings(&format!(
        "[system]\nenabled = false\n{}{}{}{}",
        target("open", "/open", ""),
        target("honest", "/open", "honor_labels = true\n"),
        target("sometimes", "/sometimes", ""),
        target("none", "/none", "")
    ));
    let service = folder.start();
    eventually("the other's label aside", || value(&service, "jobs_total{job=\"open\",exported_job=\"own\"}").filter(|v| *v == 7.0));
    eventually("the other's label kept", || value(&service, "jobs_total{job=\"own\",exported_job=\"\"}").filter(|v| *v == 7.0));
    let seen = service.samples("jobs_total{job=\"open\"}[1m]");
    let now = common::remote::now_ms() as f64 / 1e3;
    assert!(seen.last().is_some_and(|s| now - s.0 > 4.0), "its own time: {seen:?}");
    eventually("a 404", || reason(&service, "scrape none").contains("status 404: no such page here").then_some(()));
    // Each second scrape ends the series, the next begins it again.
    eventually("the series ends", || service.query("always and on () (count(always) unless on () sometimes)").first().map(|_| ()));
    eventually("and begins", || value(&service, "sometimes"));
    assert!(server.asked.lock().unwrap().len() > 4);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap().stdout
}

#[test]
fn odd_targets_are_bounded_told_and_hold_up_nobody() {
    let server = Server::start(|asked, stream| match asked.path.as_str() {
        "/hangs" => std::thread::sleep(Duration::from_secs(30)),
        "/endless" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
            let line = "a_metric_of_a_flood{number=\"1\"} 1\n".repeat(1_000);
            for _ in 0..6_000 {
                if stream.write_all(line.as_bytes()).is_err() {
                    return;
                }
            }
        }
        "/html" => respond(stream, "200 OK", "Content-Type: text/html\r\n", b"<!DOCTYPE html>\n<html><body>hello</body></html>"),
        "/labels" => {
            let labels: Vec<String> = (0..10_000).map(|n| format!("l{n}=\"v\"")).collect();
            respond(stream, "200 OK", TEXT, format!("many{{{}}} 1\nfine 2\n", labels.join(",")).as_bytes());
        }
        "/name" => respond(stream, "200 OK", TEXT, format!("{} 1\nfine 3\n", "n".repeat(1 << 20)).as_bytes()),
        "/lies" => respond(stream, "200 OK", "Content-Type: application/openmetrics-text\r\n", b"# TYPE x counter\nx{ 1\n"),
        "/cut" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nfine 4\n");
        }
        "/many" => respond(stream, "200 OK", TEXT, (0..200).map(|n| format!("m{{n=\"{n}\"}} 1\n")).collect::<String>().as_bytes()),
        "/good" => respond(stream, "200 OK", TEXT, b"good 1\n"),
        _ => {}
    });
    let mut settings = String::from("[system]\nenabled = false\n");
    for name in ["hangs", "endless", "html", "labels", "name", "lies", "cut", "many", "good"] {
        settings += &format!(
            "[scrape.targets.{name}]\nurl = \"{}\"\ninterval = \"1s\"\ntimeout = \"1s\"\nmax_bytes = 4194304\n",
            server.url(&format!("/{name}"))
        );
        settings += if name == "many" { "max_samples = 100\n" } else { "" };
    }
    let folder = Folder::with_settings(&settings);
    let service = folder.start();
    for (name, part) in [
        ("hangs", "no answer"),
        ("endless", "longer than 4194304 bytes"),
        ("html", "line 1"),
        ("labels", "1 series left out, the first: the series has"),
        ("name", "1 series left out"),
        ("lies", "line 2"),
        ("many", "more than 100 samples"),
    ] {
        let source = format!("scrape {name}");
        eventually(&source, || {
            let reason = reason(&service, &source).to_lowercase();
            (reason.contains(part) && reason.len() < 600 && !reason.contains('\n')).then_some(())
        });
    }
    eventually("an answer that was cut off", || (!reason(&service, "scrape cut").is_empty()).then_some(()));
    eventually("the rest of a scrape is kept", || (value(&service, "fine{job=\"labels\"}") == Some(2.0)).then_some(()));
    assert_eq!(value(&service, "fine{job=\"cut\"}"), None, "nothing of half a scrape is");
    let first = service.samples("good{job=\"good\"}[5m]").len();
    let begun = std::time::Instant::now();
    eventually("the good one goes on", || (service.samples("good{job=\"good\"}[5m]").len() >= first + 3).then_some(()));
    assert!(begun.elapsed() < Duration::from_secs(20), "nobody waits for the others");
    assert!(service.query("up == 0").len() >= 5);
    assert!(reason(&service, "scrape labels").contains("left out"), "what is left out is told for as long as it is");
}

#[test]
fn programs_are_run_and_their_output_is_kept() {
    let folder = Folder::with_settings(
        r#"
[system]
enabled = false
[commands.run.text]
command = ["printf", "queue_depth{queue=\"mail\"} 3\n# a comment\n"]
interval = "1s"
timeout = "1s"
labels = { host = "here" }
[commands.run.json]
command = "echo '{\"plain\": 1.5}'"
format = "json"
interval = "1s"
timeout = "1s"
[commands.run.list]
command = "echo '[{\"name\":\"listed\",\"labels\":{\"a\":\"b\"},\"value\":\"2\"}]'"
format = "json"
interval = "1s"
timeout = "1s"
[commands.run.fails]
command = "echo kept_not 1; echo 'no such queue' >&2; exit 3"
interval = "1s"
timeout = "1s"
[commands.run.hangs]
command = "sleep 1000 & echo $! > child; sleep 1000"
interval = "1s"
timeout = "1s"
[commands.run.floods]
command = "yes flood"
interval = "1s"
timeout = "1s"
[commands.run.garbage]
command = "echo '{'"
format = "json"
interval = "1s"
timeout = "1s"
[commands.run.missing]
command = ["no-such-program-anywhere"]
interval = "1s"
timeout = "1s"
"#,
    );
    let service = folder.start();
    eventually("text", || value(&service, "queue_depth{queue=\"mail\",host=\"here\"}").filter(|v| *v == 3.0));
    eventually("an object", || value(&service, "plain").filter(|v| *v == 1.5));
    eventually("a list", || value(&service, "listed{a=\"b\"}").filter(|v| *v == 2.0));
    for (name, part) in [
        ("fails", "it ended with code 3: no such queue"),
        ("hangs", "not done after 1 s"),
        ("floods", "more than 1048576 bytes"),
        ("garbage", "not JSON"),
        ("missing", "no-such-program-anywhere: No such file"),
    ] {
        eventually(part, || reason(&service, &format!("command {name}")).contains(part).then_some(()));
    }
    assert!(service.query("kept_not").is_empty());
    let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
    let process = std::path::PathBuf::from(format!("/proc/{}/cmdline", child.trim()));
    eventually("the children are ended too", || (!std::fs::read(&process).is_ok_and(|line| !line.is_empty())).then_some(()));
    assert_eq!(source(&service, "command text")["up"], true);
}

fn count(service: &Service, what: &str) -> usize {
    std::fs::read_dir(format!("/proc/{}/{what}", service.pid())).unwrap().count()
}

#[test]
fn what_a_program_leaves_running_takes_no_threads_and_no_descriptors() {
    let mut settings = "[system]\nenabled = false\n[github]\nenabled = false\n[containers]\nenabled = false\n".to_owned();
    for number in 0..10 {
        // A child that leaves the process group, keeps the output open and outlives its time.
        let command = format!("setsid sleep 30 & echo $! >> left; echo round {number} 1");
        settings.push_str(&format!("[commands.run.left{number}]\ncommand = \"{command}\"\ninterval = \"1s\"\ntimeout = \"200ms\"\n"));
    }
    let folder = Folder::with_settings(&settings);
    let service = folder.start();
    let left = || std::fs::read_to_string(folder.path().join("left")).unwrap_or_default();
    eventually("the first rounds", || (left().lines().count() >= 10).then_some(()));
    eventually("the reason", || reason(&service, "command left0").contains("still holds its output").then_some(()));
    let (threads, descriptors) = (count(&service, "task"), count(&service, "fd"));
    eventually("fifty rounds more", || (left().lines().count() >= 60).then_some(()));
    eventually("what a round takes is given back", || {
        (count(&service, "task") <= threads + 3 && count(&service, "fd") <= descriptors + 3).then_some(())
    });
    let zombies = || {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", service.pid())).unwrap_or_default();
        children.split_whitespace().count()
    };
    assert!(zombies() <= 10, "{} children", zombies());
    assert_eq!(service.stop(), Some(0));
    for child in left().lines() {
        let _ = Command::new("kill").arg(child).stderr(Stdio::null()).status();
    }
}

#[test]
fn programs_do_not_get_the_secrets_of_the_service_unless_they_are_listed() {
    let folder = Folder::with_settings(
        r#"
[commands.run.plain]
command = "env > plain"
interval = "1s"
timeout = "1s"
[commands.run.listed]
command = "env > listed"
interval = "1s"
timeout = "1s"
pass_environment = ["GITHUB_TOKEN"]
[probes.check.probed]
command = "env > probed"
interval = "1s"
timeout = "1s"
"#,
    );
    let env = [
        ("TASKPULSE__SERVER__TOKEN", "very-secret-token"),
        ("TASKPULSE__GITHUB__WEBHOOK_SECRET", "very-secret-webhook"),
        ("TASKPULSE__GITHUB__API_URL", "http://127.0.0.1:9/very-secret-path"),
        ("GITHUB_TOKEN", "very-secret-github"),
        ("GH_TOKEN", "very-secret-gh"),
        ("QUEUE_HOST", "here"),
    ];
    let service = folder.start_with(&[], &env);
    let read = |name: &str| {
        eventually(name, || std::fs::read_to_string(folder.path().join(name)).ok().filter(|text| text.contains("QUEUE_HOST=here")))
    };
    for name in ["plain", "probed"] {
        let text = read(name);
        assert!(!text.contains("very-secret") && !text.contains("TASKPULSE__"), "{name}: {text}");
    }
    let text = read("listed");
    assert!(text.contains("GITHUB_TOKEN=very-secret-github") && text.matches("very-secret").count() == 1, "{text}");
    drop(service);
}
