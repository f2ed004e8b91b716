//! Who may use the service, and how it answers requests that it should not get.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{Folder, Service, eventually};
use reqwest::header;
use serde_json::{Value, json};

const TOKEN: &str = "a-long-enough-secret";

fn refused(service: &Service, path: &str) -> (u16, String) {
    let response = service.get(path);
    let status = response.status().as_u16();
    let body: Value = response.json().unwrap();
    assert_eq!(body["status"], "error", "{path}: {body}");
    (status, format!("{}: {}", body["errorType"].as_str().unwrap(), body["error"].as_str().unwrap()))
}

#[test]
fn other_hosts_and_origins_are_refused_everywhere() {
    let folder = Folder::new();
    let service = folder.start();
    for (method, path) in service.routes("") {
        let with = |name, value: &str| {
            let request = service.client.request(method.clone(), service.url(&path)).header(name, value);
            request.send().unwrap().status().as_u16()
        };
        assert_eq!(with(header::HOST, "evil.example"), 403, "{method} {path}");
        assert_eq!(with(header::ORIGIN, "http://evil.example"), 403, "{method} {path}");
        assert_eq!(with(header::ORIGIN, "null"), 403, "{method} {path}");
    }
    let own = service.client.get(service.url("/")).header(header::ORIGIN, service.url("")).send().unwrap();
    assert_eq!(own.status(), 200);
    let stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    let request = tungstenite::http::Request::builder()
        .uri(format!("ws://127.0.0.1:{}/ws", service.port))
        .header("host", format!("127.0.0.1:{}", service.port))
        .header("origin", "http://evil.example")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", tungstenite::handshake::client::generate_key())
        .body(())
        .unwrap();
    let error = tungstenite::client(request, stream).unwrap_err().to_string();
    assert!(error.contains("403"), "{error}");
}

#[test]
fn every_answer_carries_the_headers_that_keep_a_page_to_itself() {
    let folder = Folder::new();
    let service = folder.start();
    for (method, path) in service.routes("") {
        let response = service.client.request(method.clone(), service.url(&path)).send().unwrap();
        let policy = response.headers().get("content-security-policy").map_or("", |policy| policy.to_str().unwrap());
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{method} {path}: {policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{method} {path}");
    }
    let page = service.get("/").text().unwrap();
    assert!(!page.contains("<script>") && !page.contains(" style=") && !page.contains(" onclick="));
    let style = service.asset("style");
    let tag = service.get(&style).headers()["etag"].clone();
    let again = service.client.get(service.url(&style)).header(header::IF_NONE_MATCH, tag).send().unwrap();
    assert_eq!(again.status(), 304);
}

#[test]
fn with_a_token_nothing_but_health_and_login_is_open() {
    let folder = Folder::new();
    let service = folder.start_with(&[], &[("TASKPULSE__SERVER__TOKEN", TOKEN), ("TASKPULSE__SERVER__LISTEN", "0.0.0.0")]);
    let open = ["/healthz", "/readyz", "/-/healthy", "/-/ready", "/login", "/favicon.svg", "/favicon.ico"];
    // Ends a login; takes what is signed.
    let others = ["/logout", "/hooks/github"];
    for (method, path) in service.routes(TOKEN) {
        if open.contains(&path.as_str()) || path.starts_with("/assets/") || others.contains(&path.as_str()) || path == "/" {
            continue;
        }
        let status = service.client.request(method.clone(), service.url(&path)).send().unwrap().status();
        assert_eq!(status, 401, "{method} {path}");
    }
    let parts = ["style", "login", "boot"].map(|stem| service.asset(stem));
    for path in open.into_iter().chain(parts.iter().map(String::as_str)) {
        assert_eq!(service.get(path).status(), 200, "{path}");
    }
    assert_eq!(service.get("/").headers()["location"], "/login");
    let bearer = |token: &str| service.client.get(service.url("/api/v1/status")).bearer_auth(token).send().unwrap().status().as_u16();
    assert_eq!((bearer(TOKEN), bearer("a-long-enough-secreT"), bearer("")), (200, 401, 401));
    let login = |token: &str| service.client.post(service.url("/login")).form(&[("token", token)]).send().unwrap();
    assert_eq!(login("wrong").status(), 401);
    let answer = login(TOKEN);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains(TOKEN), "{cookie}");
    assert_eq!(service.get("/api/v1/status").status(), 200, "the cookie is as good");
    let shown = service.get("/api/v1/status").text().unwrap() + &service.log() + &service.get("/metrics").text().unwrap();
    assert!(!shown.contains(TOKEN), "the secret is shown nowhere");
    let port = service.port.to_string();
    assert_eq!(folder.run(&["--status", "--port", &port], &[("TASKPULSE__SERVER__TOKEN", TOKEN)]).0, Some(0));
    let (code, text) = folder.run(&["--status", "--port", &port], &[]);
    assert!(code == Some(1) && text.contains("a token is needed"), "{text}");
}

#[test]
fn malformed_requests_are_answered_with_what_would_be_right() {
    let folder = Folder::new();
    let service = folder.start();
    for (path, status, part) in [
        ("/api/v1/query", 400, "parameter `query` is missing"),
        ("/api/v1/query?query=up%7B", 400, "bad_data: invalid parameter \"query\": 1:4: parse error"),
        ("/api/v1/query?query=rate(up)", 400, "rate"),
        ("/api/v1/query?query=up&time=yesterday", 400, "`yesterday` is not a time"),
        ("/api/v1/query_range?query=up&start=0&end=10&step=0", 400, "must be more than 0"),
        ("/api/v1/query_range?query=up&start=10&end=0&step=1", 400, "before `start`"),
        ("/api/v1/query_range?query=up&start=0&end=6000000000&step=1", 400, "maximum resolution of 11,000 points"),
        ("/api/v1/query_range?query=up[5m]&start=0&end=1&step=1", 400, "range vector"),
        ("/api/v1/windows?match[]=up&window=2m", 400, "take one of 1m 5m"),
        ("/api/v1/windows?window=1m", 400, "`match[]` is missing"),
        ("/api/v1/series", 400, "`match[]` is missing"),
        ("/api/v1/none", 404, "there is no /api/v1/none"),
        ("/none.js", 404, "there is no /none.js"),
    ] {
        let (code, text) = refused(&service, path);
        assert!(code == status && text.contains(part), "{path}: {code} {text}");
    }
    let response = service.client.delete(service.url("/api/v1/query")).send().unwrap();
    assert_eq!(response.status(), 405);
    let nested = format!("/api/v1/query?query={}", "(".repeat(3_000));
    assert!(refused(&service, &nested).1.contains("parentheses nest deeper than 64"));
}

#[test]
fn a_body_over_the_limit_is_refused_and_one_below_is_not() {
    let folder = Folder::with_settings("[server]\nmax_body_bytes = 2048\n");
    let service = folder.start();
    let post = |query: &str| service.client.post(service.url("/api/v1/query")).form(&[("query", query)]).send().unwrap();
    assert_eq!(post("system_processes").status(), 200);
    assert_eq!(post(&"x".repeat(4_096)).status(), 413);
    assert_eq!(service.get("/healthz").status(), 200);
}

#[test]
fn odd_frames_are_answered_and_the_connection_stays() {
    let folder = Folder::new();
    let service = folder.start();
    let mut socket = service.socket();
    for (text, part) in [
        ("", "not understood"),
        ("[]", "not understood"),
        ("{\"op\":\"dance\"}", "dance"),
        ("{\"op\":\"subscribe\",\"id\":5,\"topic\":\"gossip\"}", "topic `gossip`"),
        ("{\"op\":\"subscribe\",\"id\":5,\"topic\":\"samples\",\"match\":[\"sum(x)\"]}", "not supported here"),
        ("{\"op\":\"subscribe\",\"id\":5,\"topic\":\"alerts\",\"match\":[\"x\"]}", "`match` goes with"),
        ("{\"op\":\"subscribe\",\"id\":5,\"topic\":\"samples\",\"mach\":[]}", "mach"),
    ] {
        socket.send_text(text);
        let answer = socket.wait_for("the complaint", |v| v["type"] == "error");
        assert!(answer["error"].as_str().unwrap().contains(part), "{text}: {answer}");
    }
    socket.0.send(tungstenite::Message::binary(vec![1, 2, 3])).unwrap();
    socket.wait_for("the complaint on binary", |v| v["error"].as_str().is_some_and(|e| e.contains("binary")));
    socket.send(&json!({"op": "subscribe", "id": 5, "topic": "status"}));
    socket.wait_for("a snapshot after all that", |v| v["id"] == 5 && v["type"] == "snapshot");
    socket.send(&json!({"op": "subscribe", "id": 5, "topic": "events"}));
    let twice = socket.wait_for("the complaint on an id in use", |v| v["type"] == "error");
    assert!(twice["error"].as_str().unwrap().contains("in use"));
    socket.send(&json!({"op": "unsubscribe", "id": 5}));
    socket.wait_for("the end of it", |v| v["type"] == "unsubscribed");
    socket.send(&json!({"op": "ping"}));
    socket.wait_for("the pong", |v| v["type"] == "pong");
    eventually("the session is counted", || (service.status()["sessions"] == 1).then_some(()));
    drop(socket);
    eventually("and no longer", || (service.status()["sessions"] == 0).then_some(()));
}

#[test]
fn a_client_that_reads_nothing_is_closed_and_others_do_not_notice() {
    let folder = Folder::with_settings(
        "[server]\nslow_client_timeout = \"1s\"\n[system]\ninterval = \"1s\"\n[pipeline]\nflush_interval = \"100ms\"\n",
    );
    let service = folder.start();
    let mut slow = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    let key = tungstenite::handshake::client::generate_key();
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    // Status pages by the thousand, asked for and never read: kernel buffers fill, then the session's mailbox.
    let mut other = service.socket();
    other.send(&json!({"op": "subscribe", "id": 1, "topic": "samples", "match": ["system_*"]}));
    let mut id = 0u32;
    slow.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    eventually("the slow client is closed", || {
        for _ in 0..30 {
            id += 1;
            let topic = if id.is_multiple_of(2) { "samples" } else { "status" };
            let wanted = if id % 60 < 58 { "subscribe" } else { "ping" };
            let frame = json!({"op": wanted, "id": id, "topic": topic}).to_string();
            let mut masked = vec![0x81, 0x80 | 126, (frame.len() >> 8) as u8, frame.len() as u8, 0, 0, 0, 0];
            masked.extend_from_slice(frame.as_bytes());
            let _ = slow.write_all(&masked);
        }
        (service.status()["sessions"] == 1).then_some(())
    });
    let seq = |v: &Value| v["seq"].as_u64();
    let first = other.wait_for("an update", |v| v["type"] == "update");
    let next = other.wait_for("the next one", |v| v["type"] == "update");
    assert_eq!(seq(&next), seq(&first).map(|s| s + 1), "no gap for a client that keeps up");
}
