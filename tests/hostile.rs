//! Clients with hostile requests: they are refused or bounded, and other clients do not notice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually, process};
use serde_json::{Value, json};

/// What one hostile client may take beside the idle service.
const MAX_PEAK_KB: u64 = 300 << 10;

fn peak_kb(service: &Service) -> u64 {
    process::status(service.pid(), "VmHWM").unwrap() as u64
}

/// How long answers about health took at the most: of the service, and of another one that nobody else asks.
struct Longest {
    here: Duration,
    elsewhere: Duration,
}

impl Longest {
    /// A service that holds nobody up answers within this time, or, where the machine itself is that slow, about as soon as
    /// the one that has nothing to do.
    fn assert_within(&self, limit: Duration) {
        let Self { here, elsewhere } = self;
        assert!(*here < limit.max(*elsewhere * 5), "health took {here:?}, that of an idle service {elsewhere:?}");
    }
}

/// Does something while both services are asked for their health all the time.
fn while_health_is_asked<T>(service: &Service, work: impl FnOnce() -> T) -> (T, Longest) {
    let (_folder, idle) = quiet();
    let done = AtomicBool::new(false);
    let ask = |service: &Service| {
        let client = reqwest::blocking::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        let mut longest = Duration::ZERO;
        while !done.load(Ordering::Relaxed) {
            let begun = Instant::now();
            assert!(client.get(service.url("/healthz")).send().unwrap().status().is_success());
            longest = longest.max(begun.elapsed());
            thread::sleep(Duration::from_millis(20));
        }
        longest
    };
    thread::scope(|scope| {
        let (here, elsewhere) = (scope.spawn(|| ask(service)), scope.spawn(|| ask(&idle)));
        // Ends the asking also where the work fails.
        let end = Ends(&done);
        let result = work();
        drop(end);
        (result, Longest { here: here.join().unwrap(), elsewhere: elsewhere.join().unwrap() })
    })
}

struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What is blocked in a debug build is blocked for longer.
const SOON: Duration = Duration::from_secs(3);

fn quiet() -> (Folder, Service) {
    // No client is cut off for being slow: on a busy machine every one is.
    let folder = Folder::with_settings("[system]\nenabled = false\n[query]\ntimeout = \"30s\"\n[server]\nslow_client_timeout = \"10m\"\n");
    let service = folder.start();
    (folder, service)
}

fn answer(response: reqwest::blocking::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().unwrap())
}

#[test]
fn no_text_hides_how_deep_a_query_is() {
    let (_folder, service) = quiet();
    let deep = |open: &str, close: &str| [open.repeat(3_000), "m".to_owned(), close.repeat(3_000)].concat();
    for query in [
        format!("#\"\n{}", deep("(", ")")),
        format!("# '\r{}", deep("(", ")")),
        format!("#`\n{}", deep("-", "")),
        format!("'\\'' + {}", deep("(", ")")),
        format!("`\\` + {} + `", deep("(", ")")),
        format!("m{{a=\"#\"}} + {}", deep("(", ")")),
        deep("- # (\n", ""),
        deep("m ^ ", ""),
        deep("sum(", ")"),
        format!("m[{}]", "-".repeat(9_000)),
        format!("m[1{}]", "^1".repeat(9_000)),
        format!("m offset ({}1m", "-(".repeat(3_000)),
        "[".repeat(9_000),
        "info(".repeat(3_000),
    ] {
        for path in ["/api/v1/query", "/api/v1/format_query", "/api/v1/series"] {
            let form = [("query", query.as_str()), ("match[]", query.as_str())];
            let (status, body) = answer(service.client.post(service.url(path)).form(&form).send().unwrap());
            assert_eq!((status, &body["errorType"]), (400, &json!("bad_data")), "{path} {}: {body}", &query[..20]);
        }
    }
    // By GET, as a page's image would.
    let query = format!("#\"\n{}", [("(").repeat(1_500), "1".to_owned(), ")".repeat(1_500)].concat());
    let response = service.client.get(service.url("/api/v1/query")).query(&[("query", &query)]).send().unwrap();
    assert_eq!(response.status(), 400);
    assert!(service.get("/healthz").status().is_success());
}

#[test]
fn what_the_page_of_another_site_asks_for_is_refused() {
    let (_folder, service) = quiet();
    let with = |path: &str, headers: &[(&str, &str)]| {
        let request = headers.iter().fold(service.client.get(service.url(path)), |request, (name, value)| request.header(*name, *value));
        let response = request.send().unwrap();
        (response.status().as_u16(), response.text().unwrap())
    };
    // <img src="http://localhost:8090/api/v1/query?query=…">
    let image = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
    for path in ["/api/v1/query?query=1", "/api/v1/export?match[]=up", "/api/v1/labels", "/api/v1/windows", "/metrics", "/ws"] {
        let (status, body) = with(path, &image);
        assert!(status == 403 && body.contains("Sec-Fetch-Site"), "{path}: {status} {body}");
        assert_eq!(with(path, &[("sec-fetch-site", "same-site")]).0, 403, "{path}: another program of this machine");
    }
    let write = service.client.post(service.url("/api/v1/write")).header("sec-fetch-site", "cross-site").send().unwrap();
    assert_eq!(write.status(), 403);
    // A link to the dashboard, and what the dashboard itself and programs ask for.
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    assert_eq!(with("/", &link).0, 200);
    for headers in [&[][..], &[("sec-fetch-site", "same-origin")], &[("sec-fetch-site", "none")]] {
        assert_eq!(with("/api/v1/query?query=1", headers).0, 200, "{headers:?}");
    }
}

#[test]
fn expensive_patterns_are_refused_and_delay_no_other_client() {
    let (_folder, service) = quiet();
    let rows: Vec<u8> = (0..2_000).flat_map(|n| series(&[("__name__", "m"), ("a", &format!("host-{n}"))], &[(now_ms(), 1.0)])).collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &rows).unwrap().0, 204);
    let costly =
        |count: usize| -> Vec<(&str, String)> { (0..count).map(|n| ("match[]", format!(r#"{{a=~"(\\pL{{1,12}}){n}"}}"#))).collect() };
    let ((), longest) = while_health_is_asked(&service, || {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let (status, body) = answer(service.client.get(service.url("/api/v1/labels")).query(&costly(100)).send().unwrap());
                    assert!(status == 422 && body["error"].as_str().unwrap().contains("40 MiB compiled"), "{status} {body}");
                });
            }
        });
        for (path, count, part) in [
            ("/api/v1/series", 1_000, "40 MiB compiled"),
            ("/api/v1/series", 4_000, "at most 1000"),
            ("/api/v1/labels", 200, "40 MiB compiled"),
        ] {
            let (status, body) = answer(service.client.post(service.url(path)).form(&costly(count)).send().unwrap());
            assert!(status >= 400 && body["error"].as_str().unwrap().contains(part), "{path}: {status} {body}");
        }
        for path in ["/api/v1/windows?window=1m", "/api/v1/label/a/values?", "/api/v1/export?"] {
            let (status, body) = answer(service.client.get(service.url(path)).query(&costly(50)).send().unwrap());
            assert!(status == 422 && body["error"].as_str().unwrap().contains("40 MiB compiled"), "{path}: {status} {body}");
        }
        let matchers: Vec<String> = (0..600).map(|n| format!(r#"a{n}=~"(\\pL{{1,12}})x{n}""#)).collect();
        let form = [("query", format!("count({{{}}})", matchers.join(",")))];
        let (status, body) = answer(service.client.post(service.url("/api/v1/query")).form(&form).send().unwrap());
        assert!(status == 422 && body["error"].as_str().unwrap().contains("40 MiB compiled"), "{status} {body}");
    });
    longest.assert_within(SOON);
    assert!(peak_kb(&service) < MAX_PEAK_KB, "{} KiB", peak_kb(&service));
    // The time limit is that of all who ask by selectors.
    for path in ["/api/v1/series?", "/api/v1/labels?", "/api/v1/label/a/values?", "/api/v1/windows?window=1m&", "/api/v1/export?"] {
        let selector = r#"{a=~".*[0-9]{3,7}.*[x]?"}"#;
        let request = service.client.get(service.url(path)).query(&[("match[]", selector), ("timeout", "0.000001")]);
        let (status, body) = answer(request.send().unwrap());
        assert!(status == 503 && body["errorType"] == "timeout", "{path}: {status} {body}");
    }
    // What Grafana makes of a variable with all hosts needs no pattern at all.
    let hosts: Vec<String> = (0..1_500).map(|n| format!("host-{n}")).collect();
    let form = [("query", format!(r#"count(m{{a=~"({})"}})"#, hosts.join("|")))];
    let (status, body) = answer(service.client.post(service.url("/api/v1/query")).form(&form).send().unwrap());
    assert_eq!((status, &body["data"]["result"][0]["value"][1]), (200, &json!("1500")), "{body}");
}

#[test]
fn filters_of_the_live_stream_are_counted_and_delay_no_other_client() {
    let folder = Folder::with_settings("[system]\ninterval = \"1s\"\n[pipeline]\nflush_interval = \"100ms\"\n");
    let service = folder.start();
    let mut viewer = service.socket();
    viewer.send(&json!({"op": "subscribe", "id": 5, "topic": "samples", "match": ["system_*"]}));
    viewer.wait_for("a snapshot", |v| v["type"] == "snapshot");
    let mut hostile = service.socket();
    let refused = |hostile: &mut common::Socket, id: u64, patterns: Vec<String>, part: &str| {
        hostile.send(&json!({"op": "subscribe", "id": id, "topic": "samples", "match": patterns}));
        let refusal = hostile.wait_for("a refusal", |v| v["type"] == "error" && v["id"] == id);
        assert!(refusal["error"].as_str().unwrap().contains(part), "{refusal}");
    };
    let (longest_gap, longest) = while_health_is_asked(&service, || {
        let costly = |count: usize| (0..count).map(|n| format!(r#"{{__name__=~"(\\pL{{1,12}}){n}"}}"#)).collect::<Vec<_>>();
        for id in 0..4 {
            refused(&mut hostile, id, costly(100), "40 MiB compiled");
        }
        refused(&mut hostile, 4, costly(257), "at most 256 selectors");
        let mut gap = Duration::ZERO;
        for _ in 0..3 {
            let begun = Instant::now();
            viewer.wait_for("an update", |v| v["type"] == "update");
            gap = gap.max(begun.elapsed());
        }
        gap
    });
    longest.assert_within(SOON);
    Longest { here: longest_gap, elsewhere: longest.elsewhere }.assert_within(Duration::from_secs(10));
    // What was refused takes no place, and what is not there gives none.
    for id in 100..164u64 {
        hostile.send(&json!({"op": "unsubscribe", "id": 9_999}));
        hostile.wait_for("the end of nothing", |v| v["type"] == "unsubscribed" && v["id"] == 9_999);
        hostile.send(&json!({"op": "subscribe", "id": id, "topic": "samples", "match": [format!("n{id}*")]}));
        hostile.wait_for("a snapshot", |v| v["type"] == "snapshot" && v["id"] == id);
    }
    refused(&mut hostile, 1_000, vec!["up".to_owned()], "at most 64 subscriptions");
    hostile.send(&json!({"op": "unsubscribe", "id": 163}));
    hostile
        .send(&json!({"op": "subscribe", "id": 1_000, "topic": "samples", "match": (0..193).map(|n| format!("a{n}")).collect::<Vec<_>>()}));
    hostile.wait_for("a snapshot", |v| v["type"] == "snapshot" && v["id"] == 1_000);
    hostile.send(&json!({"op": "unsubscribe", "id": 1_000}));
    hostile.wait_for("the end of it", |v| v["type"] == "unsubscribed" && v["id"] == 1_000);
    refused(&mut hostile, 1_001, (0..194).map(|n| format!("a{n}")).collect(), "at most 256 selectors");
    // A pattern is compiled once and held against series that come later.
    hostile.send(&json!({"op": "subscribe", "id": 2_000, "topic": "samples", "match": [r#"{__name__=~"late_[ab]"}"#, "later*"]}));
    hostile.wait_for("an empty snapshot", |v| v["type"] == "snapshot" && v["id"] == 2_000 && v["data"] == json!([]));
    let rows: Vec<u8> = ["late_a", "late_c", "later_b"].iter().flat_map(|name| series(&[("__name__", name)], &[(now_ms(), 1.0)])).collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &rows).unwrap().0, 204);
    let update = hostile.wait_for("the late ones", |v| v["type"] == "update" && v["id"] == 2_000);
    let mut names: Vec<&str> = update["data"].as_array().unwrap().iter().map(|row| row["metric"]["__name__"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["late_a", "later_b"]);
    // All sessions together.
    let mut others: Vec<common::Socket> = (0..20).map(|_| service.socket()).collect();
    let refusal = others.iter_mut().enumerate().find_map(|(n, socket)| {
        socket.send(
            &json!({"op": "subscribe", "id": 1, "topic": "samples", "match": (0..256).map(|p| format!("s{n}_{p}")).collect::<Vec<_>>()}),
        );
        let refusal = socket.wait_for("an answer", |v| v["id"] == 1);
        (refusal["type"] == "error").then_some(refusal)
    });
    assert!(refusal.unwrap()["error"].as_str().unwrap().contains("4096 selectors"));
    assert!(peak_kb(&service) < MAX_PEAK_KB, "{} KiB", peak_kb(&service));
}

#[test]
fn answers_that_no_client_reads_are_bounded_in_memory() {
    let (_folder, service) = quiet();
    // 11,000 instants of 300 series: 26 MB in memory, 90 MB in words.
    let now = now_ms();
    let rows: Vec<u8> = (0..300).flat_map(|n| series(&[("__name__", "m"), ("n", &n.to_string())], &[(now, 1.0 / 3.0)])).collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &rows).unwrap().0, 204);
    let path = |points: i64| {
        format!("/api/v1/query_range?query=last_over_time(m[12h])&start={}&end={}&step=1", now / 1_000 + 1, now / 1_000 + points)
    };
    let ask = || {
        let mut socket = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
        write!(socket, "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path(11_000)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = [0; 12];
        socket.read_exact(&mut head).unwrap();
        (socket, head)
    };
    let ((), longest) = while_health_is_asked(&service, || {
        let held: Vec<_> = (0..8).map(|_| ask()).collect();
        let whole = held.iter().filter(|(_, head)| head.ends_with(b"200")).count();
        let refused = held.iter().filter(|(_, head)| head.ends_with(b"503")).count();
        assert!(whole >= 2 && refused >= 2 && whole + refused == 8, "{whole} and {refused}");
        assert!(peak_kb(&service) < MAX_PEAK_KB, "{} KiB", peak_kb(&service));
        // Small ones go on meanwhile.
        assert_eq!(service.query("sum(m)").len(), 1);
    });
    longest.assert_within(SOON);
    let whole = eventually("what was held is given back", || {
        let response = service.client.get(service.url(&path(1_000))).send().unwrap();
        response.status().is_success().then(|| response.text().unwrap())
    });
    let body: Value = serde_json::from_str(&whole).unwrap();
    let points: usize = body["data"]["result"].as_array().unwrap().iter().map(|row| row["values"].as_array().unwrap().len()).sum();
    assert_eq!(points, 300 * 1_000);
}
