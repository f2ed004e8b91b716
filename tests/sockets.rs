//! Connections that ask to become WebSockets: what each costs, and what they get who ask at the wrong place.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::{Folder, Service, Socket, eventually, process};
use serde_json::json;

/// Resident memory, KiB.
fn resident(service: &Service) -> f64 {
    process::status(service.pid(), "VmRSS").unwrap()
}

fn follower(service: &Service) -> Socket {
    let mut socket = service.socket();
    socket.send(&json!({"op": "subscribe", "id": 1, "topic": "samples", "match": ["system_*"]}));
    for (id, topic) in [(2, "events"), (3, "alerts"), (4, "status")] {
        socket.send(&json!({"op": "subscribe", "id": id, "topic": topic}));
    }
    socket.wait_for("the last snapshot", |v| v["id"] == 4 && v["type"] == "snapshot");
    socket
}

#[test]
fn a_session_takes_less_than_15_kib() {
    let folder = Folder::with_settings("");
    let service = folder.start();
    eventually("samples of the machine", || (!service.query("system_cpu_utilization_ratio").is_empty()).then_some(()));
    // What the service makes once for all sessions.
    let mut open: Vec<Socket> = (0..20).map(|_| follower(&service)).collect();
    let before = resident(&service);
    open.extend((0..300).map(|_| follower(&service)));
    for socket in &mut open[20..] {
        socket.wait_for("an update", |v| v["type"] == "update");
    }
    let each = (resident(&service) - before) / 300.0;
    assert!(each < 15.0, "{each} KiB");
}

#[test]
fn a_request_that_only_looks_like_a_socket_is_answered_as_any_other() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service = folder.start();
    let ask = |line: &str, headers: &str, body: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
        write!(stream, "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{headers}\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    for (line, headers, status, part) in [
        ("GET /api/v1/query?query=1%2B1&time=7", "", "200", "[7,\"2\"]"),
        ("GET /api/v1/export?match[]=nothing", "", "200", ""),
        ("GET /api/v1/none", "", "404", "there is no /api/v1/none"),
        ("GET /ws", "", "400", ""),
        ("GET /ws", "Origin: http://elsewhere.example\r\n", "403", "\"forbidden\""),
    ] {
        let answer = ask(line, headers, "");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(part), "{line}: {answer}");
    }
    eventually("nothing is left open", || (service.status()["sessions"] == 0).then_some(()));
}

#[test]
fn frames_that_come_with_the_request_and_by_the_thousand_are_all_answered() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service = folder.start();
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    let key = tungstenite::handshake::client::generate_key();
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    // A masked ping frame with no content, 20,000 times, and a close frame.
    let frames = [[0x89, 0x80, 1, 2, 3, 4].repeat(20_000), vec![0x88, 0x80, 1, 2, 3, 4]].concat();
    let mut reader = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || stream.write_all(&[head.as_bytes(), &frames].concat()).map(|()| stream));
    let mut answer = Vec::new();
    reader.read_to_end(&mut answer).unwrap();
    writer.join().unwrap().unwrap();
    let head_end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    let pongs = answer[head_end..].chunks(2).filter(|frame| *frame == [0x8a, 0]).count();
    assert_eq!((pongs, &answer[answer.len() - 2..]), (20_000, &[0x88, 0][..]));
}
