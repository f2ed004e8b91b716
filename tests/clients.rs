//! Clients that send slowly, read nothing, or come in great numbers: each costs little, is cut off in time, and others do not notice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::peer::ClosedPort;
use common::remote::{now_ms, series, write};
use common::{BINARY, Folder, Service, eventually, process, within};
use serde_json::{Value, json};

const TOKEN: &str = "a-long-enough-secret";
const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[github]\nenabled = false\n";

fn connect(service: &Service) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn send(service: &Service, head: &str) -> TcpStream {
    let mut stream = connect(service);
    stream.write_all(format!("{head}\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    stream
}

/// All that comes until the connection ends.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection does not end: {error} after {}", String::from_utf8_lossy(&bytes)),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The head of an answer, and what came with it.
fn head(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 1_024];
    let count = stream.read(&mut bytes).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

/// Whether the connection has ended, with no more than what is in its buffers.
fn ended(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut bytes = [0; 65_536];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

fn resident_mib(service: &Service) -> f64 {
    process::status(service.pid(), "VmRSS").unwrap() / 1_024.0
}

fn cpu_seconds(service: &Service) -> f64 {
    process::cpu_seconds(service.pid()).unwrap()
}

fn descriptors(service: &Service) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", service.pid())).unwrap().count()
}

/// A history that is larger than all buffers between two programs.
fn import(service: &Service, samples: i64) {
    let first = now_ms() - samples * 1_000;
    for part in 0..samples / 50_000 {
        let mut values = String::new();
        let mut times = String::new();
        for at in part * 50_000..(part + 1) * 50_000 {
            let comma = if values.is_empty() { "" } else { "," };
            write!(values, "{comma}{at}.5").unwrap();
            write!(times, "{comma}{}", first + at * 1_000).unwrap();
        }
        let line = format!("{{\"metric\":{{\"__name__\":\"long\"}},\"values\":[{values}],\"timestamps\":[{times}]}}\n");
        let answer = service.client.post(service.url("/api/v1/import?format=jsonl")).body(line).send().unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().unwrap());
    }
}

/// `slow_client_timeout` while others are served.
const CUT_OFF_AFTER: Duration = Duration::from_secs(10);

/// Requests of every kind that must be answered whatever others do.
fn answers_all(service: &Service) {
    for path in
        ["/healthz", "/api/v1/query?query=count(long)", "/api/v1/labels", "/api/v1/events", "/api/v1/tasks", "/api/v1/status", "/metrics"]
    {
        let began = Instant::now();
        assert_eq!(service.get(path).status(), 200, "{path}");
        // Who waited for those that take nothing would wait until they are cut off.
        assert!(began.elapsed() < CUT_OFF_AFTER, "{path} took {:?}", began.elapsed());
    }
    let raw = series(&[("__name__", "sent")], &[(now_ms(), 1.0)]);
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
}

#[test]
fn answers_that_no_client_reads_delay_no_others_and_are_cut_off() {
    let folder = Folder::with_settings(&format!("{QUIET}[server]\nslow_client_timeout = \"10s\"\nmax_body_bytes = 16777216\n"));
    let service = folder.start();
    import(&service, 300_000);
    let mut exports: Vec<TcpStream> = (0..80).map(|_| send(&service, "GET /api/v1/export?match[]=long HTTP/1.1")).collect();
    let heads: Vec<String> = exports.iter_mut().map(head).collect();
    let taken = heads.iter().filter(|head| head.starts_with("HTTP/1.1 200")).count();
    let refused = heads.iter().filter(|head| head.starts_with("HTTP/1.1 503") && head.contains("retry-after: 1")).count();
    assert_eq!((taken, refused), (16, 64), "{heads:?}");
    answers_all(&service);
    assert_eq!(service.client.post(service.url("/api/v1/admin/snapshot")).send().unwrap().status(), 200);
    let again = eventually("those that took nothing have made room", || {
        let answer = service.get("/api/v1/export?match[]=long&format=csv");
        (answer.status() == 200).then(|| answer.text().unwrap())
    });
    assert_eq!(again.lines().count(), 300_001);
    for export in &mut exports {
        eventually("the connection is cut", || ended(export).then_some(()));
    }
}

#[test]
fn requests_that_are_sent_ahead_wait_and_cost_nothing_while_answers_are_not_read() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    let script = service.asset("login");
    let ahead = format!("GET {script} HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(400_000);
    let mut stream = connect(&service);
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    assert!(stream.write_all(ahead.as_bytes()).is_err(), "all of it was read");
    let (mut spent, mut at) = (cpu_seconds(&service), Instant::now());
    within(Duration::from_secs(20), "the service comes to rest before the client is cut off", || {
        assert_eq!(service.get("/healthz").status(), 200);
        if at.elapsed() < Duration::from_secs(2) {
            return None;
        }
        let before = std::mem::replace(&mut spent, cpu_seconds(&service));
        at = Instant::now();
        (spent - before < 0.6).then_some(())
    });
    drop(stream);
    // The same, taken: every request is answered.
    let mut stream = connect(&service);
    let mut writing = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let last = format!("GET {script} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        writing.write_all(format!("GET {script} HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(999).as_bytes()).unwrap();
        writing.write_all(last.as_bytes()).unwrap();
    });
    assert_eq!(rest(&mut stream).matches("HTTP/1.1 200 OK").count(), 1_000);
    sender.join().unwrap();
}

#[test]
fn a_body_must_come_in_time() {
    let folder = Folder::with_settings(&format!("{QUIET}[server]\nslow_client_timeout = \"1s\"\n"));
    let service = folder.start();
    for (path, kind) in [
        ("/login", "application/x-www-form-urlencoded"),
        ("/api/v1/query", "application/x-www-form-urlencoded"),
        ("/api/v1/ingest", "application/json"),
        ("/api/v1/import?format=csv", "text/csv"),
        ("/v1/metrics", "application/json"),
        ("/api/v1/write", "application/x-protobuf\r\nContent-Encoding: snappy"),
    ] {
        let mut stream = connect(&service);
        stream
            .write_all(
                format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\nx").as_bytes(),
            )
            .unwrap();
        let answer = rest(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("1 bytes of the body came"), "{path}: {answer}");
    }
}

#[test]
fn a_request_must_come_in_time_on_a_kept_connection_too() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    let mut stream = connect(&service);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 200"));
    // A head that never ends, a byte now and then.
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ").unwrap();
    eventually("it is cut", || (stream.write_all(b"a").is_err() || ended(&mut stream)).then_some(()));
}

#[test]
fn bodies_without_a_login_are_small_or_few() {
    let closed = ClosedPort::new();
    let github = format!("[github]\nwebhook_secret = \"another-long-secret\"\nrepositories = [\"a/b\"]\napi_url = \"http://{closed}\"\n");
    let quiet = QUIET.replace("[github]\nenabled = false\n", &github);
    let folder = Folder::with_settings(&format!("{quiet}[server]\ntoken = \"{TOKEN}\"\n"));
    let service = folder.start();
    let open = |path: &str, headers: &str| {
        let mut stream = connect(&service);
        stream
            .write_all(format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: 8388600\r\n\r\n").as_bytes())
            .unwrap();
        // Cut off on the way, some of them.
        let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
        let _ = stream.write_all(&vec![b'a'; 8_000_000]);
        stream
    };
    let before = resident_mib(&service);
    let mut login = open("/login", "Content-Type: application/x-www-form-urlencoded\r\n");
    let answer = head(&mut login);
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("\"errorType\":\"too_large\"") && answer.contains("at most 16384"),
        "{answer}"
    );
    let mut unsigned = open(GITHUB, "X-GitHub-Event: ping\r\n");
    assert!(head(&mut unsigned).starts_with("HTTP/1.1 401"));
    let signed = format!("X-GitHub-Event: ping\r\nX-Hub-Signature-256: sha256={}\r\n", "0".repeat(64));
    let streams: Vec<TcpStream> = (0..40).map(|_| open(GITHUB, &signed)).collect();
    let grown = resident_mib(&service) - before;
    assert!(grown < 80.0, "{grown} MiB more");
    assert_eq!(service.get("/healthz").status(), 200);
    drop(streams);
}

const GITHUB: &str = "/hooks/github";

#[test]
fn slow_bodies_give_way_to_quick_ones() {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(&service);
        stream.write_all(b"POST /api/v1/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8388600\r\n\r\n").unwrap();
        let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
        let _ = stream.write_all(&vec![b' '; 8_000_000]);
        slow.push(stream);
    }
    let samples: Vec<Value> = (0..20_000).map(|n| json!({"name": "quick", "labels": {"n": n.to_string()}, "value": n})).collect();
    let body = json!({"samples": samples}).to_string();
    eventually("a quick one is taken", || {
        let answer = service.client.post(service.url("/api/v1/ingest")).body(body.clone()).send().unwrap();
        assert!(answer.status() == 200 || answer.status() == 503, "{}", answer.status());
        (answer.status() == 200).then_some(())
    });
}

#[test]
fn a_flood_of_connections_leaves_the_store_its_files_and_kept_connections_their_place() {
    let folder = Folder::with_settings("[system]\ninterval = \"1s\"\n[store]\nseal_interval = \"1m\"\nmax_head_samples = 10000\n");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n 128; exec {BINARY} --port 0 --no-browser")]).current_dir(folder.path()).stdin(Stdio::null());
    let service = Service::spawn(command);
    // A file that is only read now and then may be open at one look.
    let looks = (0..40).map(|_| {
        std::thread::sleep(Duration::from_millis(25));
        descriptors(&service)
    });
    let first = looks.min().unwrap();
    let one = send(&service, "GET /healthz HTTP/1.1");
    eventually("a connection costs one descriptor", || (descriptors(&service) == first + 1).then_some(()));
    drop(one);
    let flood: Vec<TcpStream> = (0..300)
        .filter_map(|n| {
            let mut stream = TcpStream::connect(("127.0.0.1", service.port)).ok()?;
            let text: &[u8] = if n % 2 == 0 {
                b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntoken="
            } else {
                b"GET / HT"
            };
            let _ = stream.write_all(text);
            // Samples go in, and seals take place, all the time.
            let samples: Vec<(i64, f64)> = (0..50).map(|at| (now_ms() - at * 10, 1.0)).collect();
            let raw: Vec<u8> = (0..20).flat_map(|s| series(&[("__name__", "fed"), ("s", &s.to_string())], &samples)).collect();
            let written = eventually("samples are taken", || write(&service.client, &service.url("/api/v1/write"), &raw).ok());
            assert_eq!(written.0, 204, "{written:?}");
            Some(stream)
        })
        .collect();
    assert!(flood.len() > 250, "{} connections", flood.len());
    assert!(descriptors(&service) < 120, "{} descriptors", descriptors(&service));
    assert_eq!(service.get("/healthz").status(), 200);
    let seals = service.get("/metrics").text().unwrap();
    let seals = seals.lines().find_map(|line| line.strip_prefix("taskpulse_store_seals_total ")).unwrap().parse::<f64>().unwrap();
    assert!(seals >= 10.0, "{seals} seals");
    assert!(!service.log().contains("Too many open files"), "{}", service.log());
    assert!(service.log().contains("at most 128 files may be open"));
}
