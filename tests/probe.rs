//! Probes against small servers of every kind, real TLS, and programs; their effect on the health score and the time line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::http::{Server, respond};
use common::peer::{Running, port_of};
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

const TEXT: &str = "Content-Type: text/plain\r\n";

fn target(service: &Service, name: &str) -> Value {
    let status = service.status();
    status["targets"].as_array().unwrap().iter().find(|t| t["target"] == name).cloned().unwrap_or(Value::Null)
}

fn reason(service: &Service, name: &str) -> String {
    target(service, name)["reason"].as_str().unwrap_or_default().to_owned()
}

fn value(service: &Service, query: &str) -> Option<f64> {
    service.query(query).first()?["value"][1].as_str()?.parse().ok()
}

fn of(metric: &str, target: &str) -> String {
    format!("{metric}{{target=\"{target}\"}}")
}

/// A check of each second.
fn check(name: &str, keys: &str) -> String {
    format!("[probes.check.{name}]\ninterval = \"1s\"\ntimeout = \"1s\"\n{keys}\n")
}

fn part(service: &Service, name: &str) -> Option<Value> {
    service.status()["health"]["parts"].as_array()?.iter().find(|p| p["part"] == name).cloned()
}

#[test]
fn a_target_that_goes_down_lowers_the_score_is_reported_with_its_reason_and_comes_back() {
    let well = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&well);
    let server = Server::start(move |asked, stream| {
        assert_eq!((asked.headers["x-key"].as_str(), asked.headers["user-agent"].starts_with("taskpulse/")), ("k", true));
        let status = if state.load(Ordering::Relaxed) { "200 OK" } else { "503 Service Unavailable" };
        respond(stream, status, TEXT, b"hello");
    });
    let keys = format!("url = \"{}\"\nheaders = {{ X-Key = \"k\" }}\nlabels = {{ zone = \"eu\" }}", server.url("/health?deep=1"));
    let folder = Folder::with_settings(&[check("shop", &keys), check("other", "command = \"true\"")].concat());
    let service = folder.start();
    eventually("it is up", || (target(&service, "shop")["up"] == true).then_some(()));
    eventually("its figure", || value(&service, "probe_success{target=\"shop\",zone=\"eu\"}").filter(|v| *v == 1.0));
    assert_eq!(value(&service, &of("probe_http_status_code", "shop")), Some(200.0));
    assert_eq!(value(&service, &of("probe_http_content_length", "shop")), Some(5.0));
    assert_eq!(value(&service, &of("probe_http_ssl", "shop")), Some(0.0));
    let seconds = value(&service, &of("probe_duration_seconds", "shop")).unwrap();
    let phases = value(&service, &format!("sum({})", of("probe_http_duration_seconds", "shop"))).unwrap();
    assert!(seconds > 0.0 && seconds < 1.0 && phases > 0.0, "{seconds} {phases}");
    assert_eq!(service.query(&of("probe_http_duration_seconds", "shop")).len(), 3, "an address needs no look-up, plain text no TLS");
    assert!(server.asked.lock().unwrap().iter().all(|path| path == "/health?deep=1"));
    let fine = eventually("the part of the score", || part(&service, "probes").filter(|p| p["score"] == 100.0));
    assert_eq!(fine["why"], "all up");

    well.store(false, Ordering::Relaxed);
    eventually("it is down", || (value(&service, &of("probe_success", "shop")) == Some(0.0)).then_some(()));
    assert_eq!(value(&service, &of("probe_http_status_code", "shop")), Some(503.0));
    assert_eq!(reason(&service, "shop"), "status 503; expected 200 to 299");
    let down = eventually("the score falls", || part(&service, "probes").filter(|p| p["score"] == 40.0));
    assert_eq!(down["why"], "down: shop");
    // What the worst part lacks, and a tenth of what the others lack, as anyone can check.
    let health = service.status()["health"].take();
    let lost = |p: &Value| p["weight"].as_f64().unwrap() * (100.0 - p["score"].as_f64().unwrap());
    let expected = (100.0 - health["parts"].as_array().unwrap().iter().map(lost).sum::<f64>()).max(0.0);
    assert!((health["score"].as_f64().unwrap() - expected).abs() < 0.2 && expected <= 40.0, "{health}");
    eventually("and is kept", || value(&service, "taskpulse_health_part_score{part=\"probes\"}").filter(|v| *v == 40.0));
    let problem = "shop is down: status 503; expected 200 to 299";
    assert!(service.status()["problems"].as_array().unwrap().contains(&json!(problem)));
    let source = |service: &Service| service.source("probe shop");
    assert_eq!(source(&service).unwrap()["up"], true, "a finding is no failure of the source");
    let since = target(&service, "shop")["since"].as_f64().unwrap();
    service.kill();

    let service = folder.start();
    eventually("it is still down", || (target(&service, "shop")["up"] == false).then_some(()));
    assert_eq!(target(&service, "shop")["since"].as_f64(), Some(since), "since before the restart");
    well.store(true, Ordering::Relaxed);
    eventually("it is up again", || (target(&service, "shop")["up"] == true).then_some(()));
    let events = eventually("the events", || {
        let events = service.data("/api/v1/events?source=probe");
        (events.as_array()?.len() >= 2).then_some(events)
    });
    let kinds: Vec<&str> = events.as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["probe_up", "probe_down"], "each is an event once: {events}");
    assert_eq!((&events[1]["severity"], &events[1]["title"]), (&json!("error"), &json!(problem)));
    assert!(events[0]["title"].as_str().unwrap().starts_with("shop is up again after "), "{events}");
}

#[test]
fn odd_answers_are_judged_bounded_and_delay_no_other_probe() {
    let server = Server::start(|asked, stream| match asked.path.as_str() {
        "/hangs" => std::thread::sleep(Duration::from_secs(30)),
        "/slow" => {
            std::thread::sleep(Duration::from_millis(300));
            respond(stream, "200 OK", TEXT, b"late");
        }
        "/stalls" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf");
            std::thread::sleep(Duration::from_secs(30));
        }
        "/cut" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf");
        }
        "/endless" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nbeginning ");
            let piece = vec![b'x'; 1 << 20];
            for _ in 0..200 {
                if stream.write_all(&piece).is_err() {
                    return;
                }
            }
        }
        "/garbage" => {
            let _ = stream.write_all(b"\x00\x01\x02 this is no HTTP\r\n\r\n");
        }
        "/loop" => respond(stream, "302 Found", "Location: /loop\r\n", b""),
        "/moved" => respond(stream, "301 Moved Permanently", "Location: /good\r\n", b""),
        "/elsewhere" => respond(stream, "302 Found", "Location: ftp://x/\r\n", b""),
        "/missing" => respond(stream, "404 Not Found", TEXT, b"none"),
        "/good" => respond(stream, "200 OK", TEXT, b"all systems ready"),
        _ => {}
    });
    let url = |path: &str| format!("url = \"{}\"", server.url(path));
    let closed = common::peer::ClosedPort::new();
    let settings = [
        "[system]\nenabled = false\n".to_owned(),
        check("good", &format!("{}\nbody_matches = \"systems? ready\"\nbody_not_matches = [\"error\", \"panic\"]", url("/good"))),
        check("hangs", &url("/hangs")),
        check("slow", &format!("{}\nmax_latency = \"100ms\"", url("/slow"))),
        check("stalls", &url("/stalls")),
        check("cut", &url("/cut")),
        check("endless", &format!("{}\nmax_bytes = 65536\nbody_matches = \"^beginning\"", url("/endless"))),
        check("garbage", &url("/garbage")),
        check("loop", &url("/loop")),
        check("moved", &url("/moved")),
        check("unmoved", &format!("{}\nfollow_redirects = false\nstatus = [301, \"302-308\"]", url("/moved"))),
        check("elsewhere", &url("/elsewhere")),
        check("missing", &format!("{}\nstatus = 200", url("/missing"))),
        check("wrong", &format!("{}\nbody_matches = \"^broken$\"", url("/good"))),
        check("unwanted", &format!("{}\nbody_not_matches = \"systems\"", url("/good"))),
        check("refused", &format!("url = \"http://{closed}/\"")),
        check("nowhere", "url = \"http://no-such-host.invalid/\""),
        check("loopback", &format!("url = \"http://localhost:{}/good\"", server.port)),
    ];
    let folder = Folder::with_settings(&settings.concat());
    let service = folder.start();
    for (name, part) in [
        ("hangs", "no answer within 1 s, while waiting for the answer"),
        ("slow", "max_latency is 100ms"),
        ("stalls", "no answer within 1 s, while reading the answer"),
        ("cut", "status 200, but its body is not whole"),
        ("garbage", "HTTP"),
        ("loop", "it redirects more than 50 times"),
        ("elsewhere", "it redirects to \"ftp://x/\""),
        ("missing", "status 404; expected 200"),
        ("wrong", "the body does not match `^broken$`"),
        ("unwanted", "the body matches `systems`"),
        ("refused", "refused"),
        ("nowhere", "no-such-host.invalid: "),
    ] {
        eventually(name, || reason(&service, name).contains(part).then_some(()));
        assert!(reason(&service, name).len() < 400 && !reason(&service, name).contains('\n'));
        eventually("0", || value(&service, &of("probe_success", name)).filter(|v| *v == 0.0));
    }
    for name in ["good", "endless", "moved", "unmoved", "loopback"] {
        eventually(name, || value(&service, &of("probe_success", name)).filter(|v| *v == 1.0));
    }
    for name in ["hangs", "garbage", "refused", "nowhere"] {
        assert!(service.query(&of("probe_http_status_code", name)).is_empty(), "{name}: no answer has no status");
    }
    assert_eq!(value(&service, &of("probe_http_status_code", "cut")), Some(200.0));
    assert_eq!(value(&service, &of("probe_http_redirects", "moved")), Some(1.0));
    assert_eq!(value(&service, &of("probe_http_status_code", "unmoved")), Some(301.0));
    for (name, failed) in [("wrong", Some(1.0)), ("good", Some(0.0)), ("missing", None)] {
        assert_eq!(value(&service, &of("probe_failed_due_to_regex", name)), failed, "{name}");
    }
    assert!(value(&service, "probe_http_duration_seconds{target=\"loopback\",phase=\"resolve\"}").is_some());
    let first = service.samples(&format!("{}[5m]", of("probe_success", "good"))).len();
    eventually("the good one continues", || {
        (service.samples(&format!("{}[5m]", of("probe_success", "good"))).len() >= first + 3).then_some(())
    });
    service.metrics_are_documented();
}

/// An answer as a head and a body, with the length of the body.
fn raw(head: &[u8], body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n", head, format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// What a server says that people use all the same, by path.
fn odd_but_well(path: &str, cookie: bool) -> Vec<u8> {
    let ready = b"ready".as_slice();
    let moved = |location: &[u8]| [b"HTTP/1.1 302 Found\r\nLocation: ", location, b"\r\nContent-Length: 0\r\n\r\n"].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(b"the service is ready").unwrap();
    let gzip = gzip.finish().unwrap();
    match path {
        "/cookie" if cookie => raw(b"", ready),
        "/cookie" => [b"HTTP/1.1 302 Found\r\nSet-Cookie: seen=1; path=/; HttpOnly\r\n".as_slice(), &moved(b"/cookie")[20..]].concat(),
        "/utf8" => moved("/stra\u{df}e/ok".as_bytes()),
        "/latin1" => moved(b"/stra\xdfe/ok"),
        "/absolute" => moved(b"?/a b/../ok"),
        path if path.contains("%C3%9F") || path.contains("%DF") || path.starts_with("/absolute?") => raw(b"", ready),
        "/control" => raw(b"Set-Cookie: a=b\x01c; path=/\r\n", ready),
        "/folded" => raw(b"X-Policy: default-src 'self';\r\n   script-src 'self'\r\n\t'unsafe-inline'\r\n", ready),
        "/spaced" => raw(b"X-Device : camera\r\n", ready),
        "/headless" => raw(b"this line is no header\r\n", ready),
        "/latin" => raw(b"X-City: M\xfcnchen\r\n", ready),
        "/many" => raw((0..1_500).map(|n| format!("X-H{n}: v\r\n")).collect::<String>().as_bytes(), ready),
        "/large" => raw(format!("X-Large: {}\r\n", "y".repeat(90_000)).as_bytes(), ready),
        "/twice" => raw(b"Content-Length: 5\r\n", ready),
        "/newlines" => b"HTTP/1.1 200 OK\nContent-Length: 5\n\nready".to_vec(),
        "/reason" => b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nready".to_vec(),
        "/foreign" => b"HTTP/1.1 200 \xd0\x9e\xd0\x9a\r\nContent-Length: 5\r\n\r\nready".to_vec(),
        "/old" => b"HTTP/1.0 200 OK\r\n\r\nready".to_vec(),
        "/early" => [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n".as_slice(), &raw(b"", ready)].concat(),
        "/chunked" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nre\r\n3\r\nady\r\n0\r\nTrailer: x\r\n\r\n".to_vec(),
        "/both" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nready\r\n0\r\n\r\n".to_vec(),
        "/gzip" => raw(b"Content-Encoding: gzip\r\n", &gzip),
        "/brotli" => raw(b"Content-Encoding: br\r\n", b"\x0b\x02\x80ready\x03"),
        _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
    }
}

#[test]
fn what_curl_takes_is_an_answer() {
    let server = Server::start(|asked, stream| {
        let cookie = asked.headers.get("cookie").is_some_and(|cookie| cookie.contains("seen=1"));
        let _ = stream.write_all(&odd_but_well(&asked.path, cookie));
    });
    let well = [
        "cookie", "utf8", "latin1", "absolute", "control", "folded", "spaced", "headless", "latin", "many", "large", "twice", "newlines",
        "reason", "foreign", "old", "early", "chunked", "both", "gzip",
    ];
    let probe = |name: &&str| check(name, &format!("url = \"{}\"\nbody_matches = \"ready$\"", server.url(&format!("/{name}"))));
    let brotli = server.url("/brotli");
    let settings = [
        "[system]\nenabled = false\n".to_owned(),
        well.iter().map(probe).collect(),
        check("brotli", &format!("url = \"{brotli}\"\nbody_matches = \"ready\"")),
        check("unread", &format!("url = \"{brotli}\"")),
    ];
    let folder = Folder::with_settings(&settings.concat());
    let service = folder.start();
    for name in well.into_iter().chain(["unread"]) {
        let up = || target(&service, name)["up"].as_bool();
        let outcome = eventually(name, up);
        assert!(outcome, "{name}: {}", reason(&service, name));
    }
    eventually("the cookie's redirect", || value(&service, &of("probe_http_redirects", "cookie")).filter(|v| *v == 1.0));
    eventually("what cannot be read is named", || {
        let expected = "status 200, but its body has the content coding `br`; gzip and deflate can be read";
        (reason(&service, "brotli") == expected).then_some(())
    });
    assert_eq!(value(&service, &of("probe_failed_due_to_regex", "gzip")), Some(0.0));
}

/// Takes whole requests and answers each the same; gives its port and what it was asked.
fn recorder(answer: String) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = Vec::new();
            let mut piece = [0; 1_024];
            while !String::from_utf8_lossy(&bytes).ends_with("the body") {
                match stream.read(&mut piece) {
                    Ok(count) if count > 0 => bytes.extend_from_slice(&piece[..count]),
                    _ => break,
                }
            }
            log.lock().unwrap().push(String::from_utf8_lossy(&bytes).to_lowercase());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, asked)
}

#[test]
fn a_request_is_sent_as_it_is_asked_for_and_secrets_go_to_the_first_host_only() {
    let (second, asked_second) = recorder("HTTP/1.0 202 Accepted\r\n\r\n".to_owned());
    let (first, asked_first) =
        recorder(format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{second}/there?x=1\r\nContent-Length: 0\r\n\r\n"));
    let keys = format!(
        "url = \"http://127.0.0.1:{first}/here\"\nmethod = \"PUT\"\nbody = \"the body\"\nheaders = {{ Authorization = \"Bearer secret\", X-Trace = \"1\" }}\nstatus = 202"
    );
    let folder = Folder::with_settings(&check("put", &keys));
    let service = folder.start();
    eventually("it is up", || value(&service, &of("probe_success", "put")).filter(|v| *v == 1.0));
    assert_eq!(value(&service, &of("probe_http_status_code", "put")), Some(202.0));
    assert_eq!(value(&service, &of("probe_http_version", "put")), Some(1.0));
    assert!(service.query(&of("probe_http_content_length", "put")).is_empty(), "the server gave no length");
    let first_request = asked_first.lock().unwrap()[0].clone();
    for part in
        ["put /here http/1.1", &format!("host: 127.0.0.1:{first}"), "authorization: bearer secret", "x-trace: 1", "content-length: 8"]
    {
        assert!(first_request.contains(part), "{part}: {first_request}");
    }
    let second_request = asked_second.lock().unwrap()[0].clone();
    for part in ["put /there?x=1 http/1.1", &format!("host: 127.0.0.1:{second}"), "x-trace: 1", "the body"] {
        assert!(second_request.contains(part), "{part}: {second_request}");
    }
    assert!(!second_request.contains("secret"), "{second_request}");
}

/// Says a line, then answers lines until the other side has gone.
fn greeter() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || greet(stream));
        }
    });
    port
}

fn greet(mut stream: TcpStream) {
    let _ = stream.write_all(b"220 mail.example ready\r\n");
    let mut bytes = [0; 64];
    while let Ok(count) = stream.read(&mut bytes) {
        let answer: &[u8] = if bytes[..count].starts_with(b"PING") { b"+PONG\r\n" } else { b"-ERR\r\n" };
        if count == 0 || stream.write_all(answer).is_err() {
            return;
        }
    }
}

#[test]
fn tcp_servers_and_programs_are_checked() {
    let port = greeter();
    let tcp = format!("tcp = \"127.0.0.1:{port}\"");
    let closed = common::peer::ClosedPort::new();
    let settings = [
        "[system]\nenabled = false\n".to_owned(),
        check("open", &tcp),
        check("greets", &format!("{tcp}\nexpect = \"^220 .* ready\"")),
        check("pongs", &format!("{tcp}\nsend = \"PING\\r\\n\"\nexpect = \"\\\\+PONG\"")),
        check("silent", &format!("{tcp}\nexpect = \"^NEVER\"")),
        check("closed", &format!("tcp = \"{closed}\"")),
        check("plain", &format!("{tcp}\ntls = true")),
        check("fine", "command = [\"sh\", \"-c\", \"exit 0\"]"),
        check("fails", "command = \"echo 'queue is full' >&2; exit 3\""),
        check("lasts", "command = [\"sleep\", \"60\"]"),
        check("unknown", "command = [\"no-such-program-anywhere\"]"),
    ];
    let folder = Folder::with_settings(&settings.concat());
    let service = folder.start();
    for name in ["open", "greets", "pongs", "fine"] {
        eventually(name, || value(&service, &of("probe_success", name)).filter(|v| *v == 1.0));
    }
    for (name, part) in [
        ("silent", "no answer within 1 s, while reading the answer"),
        ("closed", "refused"),
        ("plain", "TLS: "),
        ("fails", "it ended with code 3: queue is full"),
        ("lasts", "1 s"),
        ("unknown", "it cannot be checked: no-such-program-anywhere: there is no such program"),
    ] {
        eventually(name, || reason(&service, name).contains(part).then_some(()));
    }
    eventually("0", || value(&service, &of("probe_success", "silent")).filter(|v| *v == 0.0));
    assert_eq!(value(&service, &of("probe_failed_due_to_regex", "silent")), Some(1.0));
    assert!(service.query(&of("probe_success", "unknown")).is_empty(), "nothing is known of what cannot be checked");
    let source = service.source("probe unknown");
    assert_eq!(source.unwrap()["up"], false, "that is a failure of the source");
    assert_eq!(target(&service, "unknown")["up"], Value::Null);
}

fn openssl(dir: &Path, args: &str) -> bool {
    let mut command = Command::new("openssl");
    command.current_dir(dir).args(args.split(' ')).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// An authority, and a server's certificates of it: one for twenty days, one that ended yesterday.
fn certificates(dir: &Path) -> bool {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    std::fs::write(dir.join("ext"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    let sign = "x509 -req -in s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext";
    openssl(dir, &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 30 -subj /CN=test-authority"))
        && openssl(dir, &format!("req {key} -keyout s.key -out s.csr -subj /CN=localhost"))
        && openssl(dir, &format!("{sign} -days 20 -out good.pem"))
        && openssl(dir, &format!("{sign} -days -1 -out old.pem"))
}

fn tls_server(dir: &Path, certificate: &str) -> (Running, u16) {
    tls_server_with(dir, certificate, "s.key", &[])
}

fn tls_server_with(dir: &Path, certificate: &str, key: &str, more: &[&str]) -> (Running, u16) {
    let mut command = Command::new("openssl");
    command.current_dir(dir).args(["s_server", "-www", "-cert", certificate, "-key", key, "-accept", "0"]).args(more);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let port = port_of(child.stdout.take().unwrap(), "ACCEPT");
    (Running(child), port)
}

#[test]
fn certificates_are_verified_and_their_end_is_known_even_when_they_are_refused() {
    let folder = Folder::new();
    let dir = folder.path();
    if !certificates(dir) {
        common::peer::missing_peer("openssl cannot make certificates here");
        return;
    }
    let ((_good, good), (_old, old)) = (tls_server(dir, "good.pem"), tls_server(dir, "old.pem"));
    let url = |port: u16| format!("url = \"https://localhost:{port}/\"");
    let settings = [
        "[system]\nenabled = false\n".to_owned(),
        check("trusted", &format!("{}\nca_file = \"ca.pem\"", url(good))),
        check("stranger", &url(good)),
        check("unverified", &format!("{}\ntls_verify = false", url(old))),
        check("expired", &format!("{}\nca_file = \"ca.pem\"", url(old))),
        check("soon", &format!("{}\nca_file = \"ca.pem\"\nmin_cert_lifetime = \"25d\"", url(good))),
        check("wrongname", &format!("url = \"https://127.0.0.1:{good}/\"\nca_file = \"ca.pem\"")),
        check("nofile", &format!("{}\nca_file = \"none.pem\"", url(good))),
        check("bare", &format!("tcp = \"localhost:{good}\"\ntls = true\nca_file = \"ca.pem\"")),
    ];
    folder.settings(&settings.concat());
    let service = folder.start();
    for name in ["trusted", "unverified", "bare"] {
        eventually(name, || value(&service, &of("probe_success", name)).filter(|v| *v == 1.0));
    }
    for (name, part) in [
        ("stranger", "UnknownIssuer"),
        ("expired", "it ended 24h"),
        ("soon", "its certificate ends in 19d; min_cert_lifetime is 25d"),
        ("wrongname", "127.0.0.1"),
        ("nofile", "it cannot be checked: ca_file none.pem: "),
    ] {
        eventually(name, || {
            let said = reason(&service, name);
            let fits = said.contains(part) || (name == "expired" && said.contains("it ended 1d"));
            fits.then_some(())
        });
    }
    assert_eq!(value(&service, &of("probe_http_ssl", "trusted")), Some(1.0));
    assert!(value(&service, "probe_http_duration_seconds{target=\"trusted\",phase=\"tls\"}").is_some_and(|v| v > 0.0));
    let day = 86_400.0;
    let now = common::remote::now_ms() as f64 / 1e3;
    for (name, days) in [("trusted", 20.0), ("stranger", 20.0), ("soon", 20.0), ("bare", 20.0), ("expired", -1.0), ("unverified", -1.0)] {
        let end = value(&service, &of("probe_ssl_earliest_cert_expiry", name)).unwrap();
        assert!((end - now - days * day).abs() < 0.1 * day, "{name}: {end}");
    }
    assert!(service.query(&of("probe_http_status_code", "expired")).is_empty());
    assert!(service.query(&of("probe_success", "nofile")).is_empty());
    assert_eq!(
        target(&service, "trusted")["certificate_expires"].as_f64(),
        value(&service, &of("probe_ssl_earliest_cert_expiry", "trusted"))
    );
}

/// Certificates that only those who know their server would take.
fn odd_certificates(dir: &Path) -> bool {
    let new = "req -x509 -newkey rsa:2048 -nodes -days 20 -subj /CN=localhost";
    let v1 = "x509 -req -in v1.csr -signkey v1.key -days 20 -out v1.pem";
    openssl(dir, &format!("{new} -keyout own.key -out own.pem -addext subjectAltName=DNS:localhost"))
        && openssl(dir, &format!("{new} -keyout cn.key -out cn.pem"))
        && openssl(dir, &format!("{new} -keyout other.key -out other.pem -addext subjectAltName=DNS:other.example"))
        && openssl(dir, &format!("{} -keyout short.key -out short.pem", new.replace("2048", "1024")))
        && openssl(dir, "genrsa -out v1.key 2048")
        && openssl(dir, "req -new -key v1.key -subj /CN=localhost -out v1.csr")
        && openssl(dir, v1)
        && openssl(dir, &v1.replace("20 -out v1", "-1 -out oldv1"))
        && openssl(dir, "req -new -key own.key -subj /CN=localhost -out own.csr")
        && openssl(dir, "x509 -req -in own.csr -signkey own.key -days -1 -out oldown.pem")
}

#[test]
fn a_certificate_that_is_given_or_not_verified_may_be_of_any_kind() {
    let folder = Folder::new();
    let dir = folder.path();
    if !odd_certificates(dir) {
        common::peer::missing_peer("openssl cannot make certificates here");
        return;
    }
    let weak = ["-cipher", "DEFAULT@SECLEVEL=0"];
    let servers: Vec<(&str, (Running, u16))> = [
        ("own", "own.key", [].as_slice()),
        ("cn", "cn.key", &[]),
        ("other", "other.key", &[]),
        ("short", "short.key", &weak),
        ("v1", "v1.key", &[]),
        ("oldv1", "v1.key", &["-tls1_2"]),
        ("oldown", "own.key", &[]),
    ]
    .into_iter()
    .map(|(name, key, more)| (name, tls_server_with(dir, &format!("{name}.pem"), key, more)))
    .collect();
    let port = |name: &str| servers.iter().find(|(n, _)| *n == name).unwrap().1.1;
    let probe = |name: &str, server: &str, keys: &str| check(name, &format!("url = \"https://localhost:{}/\"\n{keys}", port(server)));
    let (unverified, of_file) = ("tls_verify = false", |file: &str| format!("ca_file = \"{file}.pem\""));
    let well = [
        ("own-ca", "own"),
        ("cn-ca", "cn"),
        ("v1", "v1"),
        ("oldv1", "oldv1"),
        ("short", "short"),
        ("other", "other"),
        ("oldown", "oldown"),
    ];
    let settings = [
        "[system]\nenabled = false\n".to_owned(),
        probe("own-ca", "own", &of_file("own")),
        probe("cn-ca", "cn", &of_file("cn")),
        probe("v1", "v1", unverified),
        probe("oldv1", "oldv1", unverified),
        probe("short", "short", unverified),
        probe("other", "other", unverified),
        probe("oldown", "oldown", unverified),
        probe("other-ca", "other", &of_file("other")),
        probe("oldown-ca", "oldown", &of_file("oldown")),
        probe("stranger", "own", &of_file("cn")),
        probe("dot", "own", &of_file("own")).replace("localhost:", "localhost.:"),
    ];
    folder.settings(&settings.concat());
    let service = folder.start();
    for (name, _) in well.into_iter().chain([("dot", "own")]) {
        let outcome = eventually(name, || target(&service, name)["up"].as_bool());
        assert!(outcome, "{name}: {}", reason(&service, name));
    }
    for (name, part) in [("other-ca", "localhost"), ("oldown-ca", "it ended "), ("stranger", "ca_file with that certificate trusts it")] {
        eventually(name, || reason(&service, name).contains(part).then_some(()));
        assert_eq!(target(&service, name)["up"], false, "{name}");
    }
    let now = common::remote::now_ms() as f64 / 1e3;
    for (name, server) in well {
        let end = eventually("the end", || value(&service, &of("probe_ssl_earliest_cert_expiry", name)));
        let days = if server.starts_with("old") { -1.0 } else { 20.0 };
        assert!((end - now - days * 86_400.0).abs() < 8_640.0, "{name}: {end}");
    }
}
