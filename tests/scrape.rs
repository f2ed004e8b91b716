//! Scraping real programs and odd ones; programs that print metrics.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::http::{Server, respond};
use common::peer::{ClosedPort, missing_peer, port_of};
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
    eventually("a refusal is reported", || reason(&service, "scrape other").contains("status 401").then_some(()));
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
            "--web.listen-address=127.0.0.1:0",
            "--collector.disable-defaults",
            "--collector.loadavg",
            "--collector.meminfo",
            "--collector.cpu",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
    else {
        missing_peer("prometheus-node-exporter is not installed");
        return;
    };
    let port = port_of(exporter.stderr.take().unwrap(), "\"Listening on\"");
    let folder = Folder::with_settings(&format!(
        "[scrape.targets.node]\nurl = \"http://127.0.0.1:{port}/metrics\"\ninterval = \"1s\"\ntimeout = \"1s\"\n"
    ));
    let service = folder.start();
    let memory = eventually("the memory", || value(&service, "node_memory_MemTotal_bytes{job=\"node\"}"));
    assert_eq!(memory, eventually("our own figure", || value(&service, "system_memory_limit_bytes")));
    assert!(eventually("a rate", || value(&service, "sum(rate(node_cpu_seconds_total[1m]))")) >= 0.0);
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

/// A target's name, the headers and the text of its answer; what is kept of it, or the reason of the failure.
type Case = (&'static str, &'static str, &'static [u8], Result<&'static [(&'static str, &'static str)], &'static str>);

#[test]
fn texts_are_read_as_prometheus_reads_them_or_fail_with_their_line() {
    const OPEN: &str = "Content-Type: application/openmetrics-text; version=1.0.0\r\n";
    let cases: [Case; 22] = [
        ("infinity", TEXT, b"a -Infinity\nb{c=\"1\"} +infinity\n", Ok(&[("a", "-Inf"), ("b{c=\"1\"}", "+Inf")])),
        ("bom", TEXT, b"\xef\xbb\xbfa 1\n", Ok(&[("a", "1")])),
        ("bommid", TEXT, b"a 1\n\xef\xbb\xbfb 1\n", Err("line 2: ")),
        ("underscore", TEXT, b"a 1\nb 1_000\n", Err("line 2: `b 1_000`: `1_000` is not a number")),
        ("toolarge", TEXT, b"a 1e999\n", Err("line 1: `a 1e999`")),
        ("twice", TEXT, b"a{b=\"1\",b=\"2\"} 1\n", Err("line 1: `a{b=\"1\",b=\"2\"}`: label `b` is given twice")),
        ("name", TEXT, "größe 1\n".as_bytes(), Err("is no metric name")),
        ("latin", TEXT, b"# HELP a Gr\xf6\xdfe\na 1\n", Ok(&[("a", "1")])),
        ("nottext", TEXT, b"a 1\nb{c=\"\xff\"} 1\n", Err("line 2: not UTF-8")),
        ("unended", TEXT, b"a 1\nb 12", Ok(&[("a", "1"), ("b", "12")])),
        ("nextline", TEXT, b"a{b=\"x\ny\"} 1\n", Ok(&[("a{b=\"x\\ny\"}", "1")])),
        ("escape", TEXT, b"a{b=\"\\t\\\\n\"} 1\n", Ok(&[("a{b=`\\t\\n`}", "1")])),
        ("utf8", TEXT, b"# TYPE \"my.metric\" untyped\n{\"my.metric\",\"a.b\"=\"1\"} 5\n", Ok(&[("{\"my.metric\",\"a.b\"=\"1\"}", "5")])),
        ("eof", TEXT, b"a 1\n# EOF\nb 1\n", Ok(&[("b", "1")])),
        ("noeof", OPEN, b"# TYPE a gauge\na 1\nb 12", Err("line 3: the text ends with `b 12` and not with `# EOF`")),
        ("noeofline", OPEN, b"a 1\nb 12\n", Err("does not end with `# EOF`")),
        ("none", OPEN, b"", Err("does not end with `# EOF`")),
        ("after", OPEN, b"a 1\n# EOF\nb 1\n", Err("line 3: `b 1` comes after `# EOF`")),
        ("ended", OPEN, b"a 1\n# EOF", Ok(&[("a", "1")])),
        ("upper", "Content-Type: Application/OpenMetrics-Text\r\n", b"a 1\n", Err("does not end with `# EOF`")),
        ("nokind", "", b"a 1\n", Ok(&[("a", "1")])),
        ("open", OPEN, b"a NaN\na_created 5 # {t=\"# EOF\"} 1\n# EOF\n", Ok(&[("a", "NaN"), ("a_created", "5")])),
    ];
    let server = Server::start(move |asked, stream| match asked.path.as_str() {
        "/cut" => {
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\na 1\nb 12");
        }
        path => {
            let Some((_, kind, body, _)) = cases.iter().find(|case| case.0 == &path[1..]) else { return };
            respond(stream, "200 OK", kind, body);
        }
    });
    let names = cases.iter().map(|case| case.0).chain(["cut"]);
    let targets = names.map(|name| {
        format!("[scrape.targets.{name}]\nurl = \"{}\"\ninterval = \"1s\"\ntimeout = \"1s\"\n", server.url(&format!("/{name}")))
    });
    let folder = Folder::with_settings(&format!(
        "[system]\nenabled = false\n[alerts.rules.scrape_target_down]\nenabled = false\n{}",
        targets.collect::<String>()
    ));
    let service = folder.start();
    let of_job = |query: &str, name: &str| format!("({query}) and on (job) up{{job=\"{name}\"}}");
    for (name, _, _, expected) in cases.iter().chain([&("cut", "", &b""[..], Err("may be cut off"))]) {
        match expected {
            Ok(rows) => {
                eventually(name, || (value(&service, &format!("up{{job=\"{name}\"}}")) == Some(1.0)).then_some(()));
                for (query, expected) in *rows {
                    let found = eventually(query, || service.query(&of_job(query, name)).first().cloned());
                    assert_eq!(found["value"][1], *expected, "{name}: {query}");
                }
            }
            Err(part) => {
                eventually(name, || reason(&service, &format!("scrape {name}")).contains(part).then_some(()));
                eventually(name, || (value(&service, &format!("up{{job=\"{name}\"}}")) == Some(0.0)).then_some(()));
                let kept = service.query(&format!("{{job=\"{name}\",__name__!~\"up|scrape_.*\"}}"));
                assert!(kept.is_empty(), "{name}: {kept:?}");
            }
        }
    }
    assert_eq!(service.data("/api/v1/metadata?metric=my.metric")["my.metric"][0]["type"], "unknown");
}

#[test]
fn no_series_of_a_target_becomes_another_by_its_labels() {
    let server = Server::start(|asked, stream| {
        let body = match asked.path.as_str() {
            "/job" => "e{job=\"x\",exported_job=\"1\"} 1\ne{job=\"x\",exported_job=\"2\"} 2\n",
            "/foo" => "e{foo=\"c\"} 3\n",
            // As the Pushgateway says that a series belongs to no instance.
            "/honest" => "e{instance=\"\",job=\"pushed\"} 4\n",
            _ => "same{x=\"1\",y=\"2\"} 1\nsame{y=\"2\",x=\"1\"} 2\nup 5\n",
        };
        respond(stream, "200 OK", TEXT, body.as_bytes());
    });
    let target = |name: &str, more: &str| {
        format!("[scrape.targets.{name}]\nurl = \"{}\"\ninterval = \"1s\"\ntimeout = \"1s\"\n{more}", server.url(&format!("/{name}")))
    };
    let folder = Folder::with_settings(&format!(
        "[system]\nenabled = false\n{}{}{}{}{}",
        target("job", ""),
        target("foo", "labels = { foo = \"a\", exported_foo = \"b\" }\n"),
        target("honest", "honor_labels = true\n"),
        target("same", "labels = { instance = \"mine\" }\n"),
        "[commands.run.printed]\ncommand = \"echo 'e{foo=\\\"c\\\",exported_foo=\\\"d\\\"} 6'\"\ninterval = \"1s\"\ntimeout = \"1s\"\nlabels = { foo = \"a\" }\n"
    ));
    let service = folder.start();
    for (query, expected) in [
        ("e{job=\"job\",exported_exported_job=\"x\",exported_job=\"1\"}", 1.0),
        ("e{job=\"job\",exported_exported_job=\"x\",exported_job=\"2\"}", 2.0),
        ("e{foo=\"a\",exported_foo=\"b\",exported_exported_foo=\"c\"}", 3.0),
        ("e{job=\"pushed\",instance=\"\"}", 4.0),
        ("same{x=\"1\",y=\"2\",instance=\"mine\"}", 1.0),
        ("up{job=\"same\",instance=\"mine\"}", 1.0),
        ("e{foo=\"c\",exported_foo=\"d\"}", 6.0),
    ] {
        let found = eventually(query, || value(&service, query));
        assert_eq!((found, service.query(query).len()), (expected, 1), "{query}");
    }
    let reported = eventually("what was left out", || Some(reason(&service, "scrape same")).filter(|reason| !reason.is_empty()));
    assert!(reported.starts_with("2 samples left out") && reported.contains("same{"), "{reported}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap().stdout
}

#[test]
fn odd_targets_are_bounded_reported_and_delay_no_other() {
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
    eventually("the good one continues", || (service.samples("good{job=\"good\"}[5m]").len() >= first + 3).then_some(()));
    assert!(service.query("up == 0").len() >= 5);
    assert!(reason(&service, "scrape labels").contains("left out"), "it is reported for as long as something is left out");
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
    // Each thread has children of its own.
    let threads = std::fs::read_dir(format!("/proc/{}/task", service.pid())).unwrap().map(|thread| thread.unwrap().path());
    let children: usize = threads
        .filter_map(|thread| std::fs::read_to_string(thread.join("children")).ok())
        .map(|children| children.split_whitespace().count())
        .sum();
    assert!(children <= 10, "{children} children of the sixty programs that were run");
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
    let closed = ClosedPort::new();
    let env = [
        ("TASKPULSE__SERVER__TOKEN", "very-secret-token"),
        ("TASKPULSE__GITHUB__WEBHOOK_SECRET", "very-secret-webhook"),
        ("TASKPULSE__GITHUB__API_URL", &format!("http://{closed}/very-secret-path")),
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

#[test]
fn an_answer_of_several_gzip_streams_and_with_odd_lines_in_its_head_is_read_whole() {
    let packed = |text: &str| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    let body = [packed("first 1\n"), packed("second 2\n")].concat();
    let server = Server::start(move |_, stream| {
        let odd = "X-Device : cam1\r\nX-Policy: default-src;\r\n  script-src\r\nX-Control: a\x01b\r\n";
        respond(stream, "200 OK", &format!("{TEXT}Content-Encoding: gzip\r\n{odd}"), &body);
    });
    let folder = Folder::with_settings(&format!(
        "[system]\nenabled = false\n[scrape.targets.packed]\nurl = \"{}\"\ninterval = \"1s\"\n",
        server.url("/metrics")
    ));
    let service = folder.start();
    eventually("both streams", || {
        value(&service, "second").or_else(|| (!reason(&service, "scrape packed").is_empty()).then_some(f64::NAN))
    });
    assert_eq!((value(&service, "first"), value(&service, "up")), (Some(1.0), Some(1.0)), "{}", reason(&service, "scrape packed"));
}
