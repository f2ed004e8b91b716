//! Logins, wrong tokens, proxies, and what is shown without a login.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::peer::ClosedPort;
use common::{Folder, Service, eventually};
use reqwest::header;
use serde_json::Value;

const TOKEN: &str = "a-long-enough-secret";
/// What a browser accepts that opens an address.
const PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[github]\nenabled = false\n";

fn with_token(more: &str) -> (Folder, Service) {
    let folder = Folder::with_settings(&format!("{QUIET}[server]\ntoken = \"{TOKEN}\"\n{more}"));
    let service = folder.start();
    (folder, service)
}

/// Status of an answer, and its `Retry-After`.
fn bearer(service: &Service, token: &str, forwarded_for: &str) -> (u16, Option<u64>) {
    let request = service.client.get(service.url("/api/v1/status")).bearer_auth(token).header("x-forwarded-for", forwarded_for);
    let answer = request.send().unwrap();
    let wait = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    (answer.status().as_u16(), wait)
}

fn login(service: &Service, proto: &str) -> reqwest::blocking::Response {
    service.client.post(service.url("/login")).header("x-forwarded-proto", proto).form(&[("token", TOKEN)]).send().unwrap()
}

fn status_with(service: &Service, cookie: &str) -> u16 {
    // A client of its own: none of the other's cookies.
    let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    client.get(service.url("/api/v1/status")).header(header::COOKIE, cookie).send().unwrap().status().as_u16()
}

#[test]
fn wrong_tokens_are_slowed_down_counted_and_logged_once_and_the_right_one_passes() {
    let (_folder, service) = with_token("");
    for _ in 0..10 {
        assert_eq!(bearer(&service, "a-wrong-token-altogether", ""), (401, None));
    }
    let waits: Vec<_> = (0..4).map(|_| bearer(&service, "a-wrong-token-altogether", "")).collect();
    assert_eq!(waits, [(429, Some(1)), (429, Some(2)), (429, Some(4)), (429, Some(8))]);
    assert_eq!(bearer(&service, TOKEN, "").0, 200, "the right one is taken at once");
    assert_eq!(bearer(&service, "a-wrong-token-altogether", "198.51.100.7").0, 429, "nobody is believed about other addresses");
    let wrong = service.client.post(service.url("/login")).form(&[("token", "guess")]).send().unwrap();
    assert_eq!(wrong.status(), 429);
    let page = service.client.post(service.url("/login")).header("accept", PAGE).form(&[("token", "guess")]).send().unwrap();
    assert_eq!((page.status().as_u16(), page.headers().contains_key("retry-after")), (429, true));
    let page = page.text().unwrap();
    assert!(page.contains("role=\"alert\">Too many wrong tokens; wait ") && page.contains("name=\"token\""), "{page}");
    assert_eq!(login(&service, "http").headers()["location"], "/");
    let text = service.client.get(service.url("/metrics")).bearer_auth(TOKEN).send().unwrap().text().unwrap();
    assert!(text.contains("taskpulse_auth_failures_total 17\n"), "{text}");
    let lines = service.log().lines().filter(|line| line.contains("wrong token")).count();
    assert_eq!(lines, 1, "{}", service.log());
    assert!(service.log().contains("1 wrong token was refused, from 127.0.0.1 (1)"));
    assert!(!service.log().contains("a-wrong-token-altogether"));
}

#[test]
fn a_trusted_proxy_is_believed_about_clients_and_tls() {
    let (_folder, service) = with_token("trusted_proxies = [\"127.0.0.1\"]\n");
    for _ in 0..12 {
        bearer(&service, "wrong", "198.51.100.7");
    }
    assert_eq!(bearer(&service, "wrong", "198.51.100.7").0, 429);
    assert_eq!(bearer(&service, "wrong", "198.51.100.8").0, 401, "another client of the same proxy");
    let cookie = |proto: &str| login(&service, proto).headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie("https").contains("; Secure"));
    assert!(!cookie("http").contains("Secure"));
    let (_folder, service) = with_token("");
    assert!(!login(&service, "https").headers()["set-cookie"].to_str().unwrap().contains("Secure"), "nobody is trusted");
}

#[test]
fn a_login_lasts_as_long_as_is_set_and_a_logout_ends_it_everywhere() {
    let (_folder, service) = with_token("session_lifetime = \"2h\"\n");
    let cookie = login(&service, "").headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("Max-Age=7200"), "{cookie}");
    let copy = cookie.split(';').next().unwrap().to_owned();
    let other = login(&service, "").headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(status_with(&service, &copy), 200);
    let out = service.client.post(service.url("/logout")).header(header::COOKIE, &copy).send().unwrap();
    assert_eq!((out.status().as_u16(), out.headers()["location"].to_str().unwrap()), (303, "/login"));
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!((status_with(&service, &copy), status_with(&service, &other)), (401, 200), "the copy of a cookie is worth nothing now");
    let foreign = service.client.post(service.url("/logout")).header(header::ORIGIN, "http://evil.example").send().unwrap();
    assert_eq!(foreign.status(), 403);
    let data: Value = service.client.get(service.url("/api/v1/status")).bearer_auth(TOKEN).send().unwrap().json().unwrap();
    assert_eq!(data["data"]["login"], true);
}

#[test]
fn a_form_is_believed_by_what_the_browser_vouches_for_and_leads_on_within_the_service() {
    let (_folder, service) = with_token("allowed_hosts = [\"pulse.example\"]\n");
    let post = |next: &str, token: &str, headers: &[(&str, &str)]| {
        let request = service.client.post(service.url(&format!("/login{next}"))).form(&[("token", token)]);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.send().unwrap();
        let location = answer.headers().get("location").map_or("", |at| at.to_str().unwrap()).to_owned();
        (answer.status().as_u16(), location, answer.headers().get("set-cookie").is_some(), answer.text().unwrap())
    };
    let own = service.url("");
    for (origin, site, status) in [
        ("null", "same-origin", 303),
        (own.as_str(), "same-origin", 303),
        ("https://pulse.example", "same-origin", 303),
        ("null", "cross-site", 403),
        ("null", "none", 403),
        ("http://evil.example", "same-origin", 403),
        ("http://evil.example", "cross-site", 403),
        ("https://pulse.example", "cross-site", 403),
        (own.as_str(), "same-site", 403),
    ] {
        let (came, _, cookie, text) = post("", TOKEN, &[("origin", origin), ("sec-fetch-site", site), ("accept", PAGE)]);
        assert_eq!((came, cookie), (status, status == 303), "{origin} {site}");
        assert!(status == 303 || (text.starts_with("<!doctype html>") && !text.contains("errorType")), "{text}");
    }
    for (next, location) in [
        ("", "/"),
        ("?next=/metrics", "/metrics"),
        ("?next=%2Fapi%2Fv1%2Fquery%3Fquery%3Dup%26time%3D1", "/api/v1/query?query=up&time=1"),
        ("?next=//evil.example", "/"),
        ("?next=https://evil.example", "/"),
        ("?next=/%5Cevil.example", "/"),
        ("?next=/%09/evil.example", "/"),
        ("?next=/a%0d%0aSet-Cookie:x=y", "/"),
        ("?next=/login", "/"),
        ("?next=", "/"),
    ] {
        let (came, at, ..) = post(next, TOKEN, &[("accept", PAGE)]);
        assert_eq!((came, at.as_str()), (303, location), "{next}");
    }
    let (came, _, cookie, text) = post("?next=/metrics", "wrong", &[("accept", PAGE)]);
    assert!(came == 401 && !cookie && text.contains("role=\"alert\">That token is not right.</p>"), "{text}");
    let (came, _, _, text) = post("", "wrong", &[]);
    assert!(came == 401 && text.contains("\"errorType\":\"unauthorized\""), "{text}");
    let (came, _, cookie, _) = post(&format!("?token={TOKEN}"), "", &[]);
    assert!(came == 401 && !cookie, "the token does not stand in an address");
}

#[test]
fn a_browser_is_sent_to_the_login_or_gets_a_page_and_a_program_gets_json() {
    let (_folder, service) = with_token("");
    let client = reqwest::blocking::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let get = |path: &str, accept: &str, packed: bool| {
        let request = client.get(service.url(path)).header("accept", accept);
        let request = if packed { request } else { request.header("accept-encoding", "identity") };
        let answer = request.send().unwrap();
        let location = answer.headers().get("location").map(|at| at.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location, answer.text().unwrap())
    };
    for (path, location) in [
        ("/", "/login"),
        ("/?range=6h", "/login?next=/%3Frange=6h"),
        ("/metrics", "/login?next=/metrics"),
        ("/api/v1/query?query=up%7B%7D", "/login?next=/api/v1/query%3Fquery=up%257B%257D"),
        ("/none", "/login?next=/none"),
    ] {
        assert_eq!(get(path, PAGE, true).1.as_deref(), Some(location), "{path}");
    }
    let (status, _, text) = get("/api/v1/status", "*/*", true);
    assert!(status == 401 && text.contains("\"errorType\":\"unauthorized\""), "{text}");
    assert_eq!(get("/api/v1/labels", "*/*", true).0, 401);
    let login = login(&service, "");
    let cookie = login.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let logged_in = client.get(service.url("/login?next=/metrics")).header(header::COOKIE, &cookie).send().unwrap();
    assert_eq!((logged_in.status().as_u16(), logged_in.headers()["location"].to_str().unwrap()), (303, "/metrics"));
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    let get = |path: &str, headers: &[(&str, &str)]| {
        let request = headers.iter().fold(service.client.get(service.url(path)), |request, (name, value)| request.header(*name, *value));
        let answer = request.send().unwrap();
        (answer.status().as_u16(), answer.text().unwrap())
    };
    let (status, text) = get("/none", &[("accept", PAGE)]);
    assert!(status == 404 && text.contains("<h1>There is no such page</h1>"), "{text}");
    assert!(get("/none", &[]).1.contains("\"errorType\":\"not_found\""));
    assert!(get("/api/v1/none", &[("accept", PAGE)]).1.contains("\"errorType\":\"not_found\""), "the interface answers as ever");
    let (status, text) = get("/", &[("accept", PAGE), ("host", "<b>evil.example")]);
    assert!(status == 403 && text.contains("Host `&lt;b&gt;evil.example` is not this service"), "{text}");
    assert_eq!(service.get("/").headers()["referrer-policy"], "same-origin");
}

#[test]
fn the_live_stream_ends_with_the_login_that_opened_it() {
    let (_folder, service) = with_token("");
    let cookie = login(&service, "").headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let open = |name: &str, value: &str| {
        let stream = std::net::TcpStream::connect(("127.0.0.1", service.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let request = tungstenite::http::Request::builder()
            .uri(service.url("/ws").replace("http", "ws"))
            .header("host", format!("127.0.0.1:{}", service.port))
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", tungstenite::handshake::client::generate_key())
            .header(name, value);
        tungstenite::client(request.body(()).unwrap(), stream).unwrap().0
    };
    let (mut by_login, mut by_token) = (open("cookie", &cookie), open("authorization", &format!("Bearer {TOKEN}")));
    service.client.post(service.url("/logout")).header(header::COOKIE, &cookie).send().unwrap();
    let closed = eventually("it is closed", || match by_login.read() {
        Ok(tungstenite::Message::Close(frame)) => Some(frame),
        _ => None,
    });
    assert_eq!(closed.map(|frame| u16::from(frame.code)), Some(4401));
    by_token.send(tungstenite::Message::text("{\"op\":\"ping\"}")).unwrap();
    assert!(by_token.read().unwrap().into_text().unwrap().contains("pong"), "a program keeps its connection");
}

#[test]
fn hosts_are_compared_as_names_are() {
    let folder = Folder::with_settings(&format!("{QUIET}[server]\nallowed_hosts = [\"Pulse.Example\"]\n"));
    let service = folder.start();
    for (host, status) in [
        ("LOCALHOST", 200),
        ("localhost.", 200),
        ("LocalHost:1234", 200),
        ("[::1]:80", 200),
        ("pulse.EXAMPLE.:443", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
    ] {
        let answer = service.client.get(service.url("/healthz")).header(header::HOST, host).send().unwrap();
        assert_eq!(answer.status().as_u16(), status, "{host}");
    }
}

#[test]
fn secrets_in_probed_addresses_and_commands_are_shown_nowhere() {
    let closed = ClosedPort::new();
    let probes = "[probes.check.shop]\nurl = \"http://CLOSED/health?key=hidden-in-query&x=1\"\ninterval = \"1s\"\ntimeout = \"500ms\"\n\
        [probes.check.tool]\ncommand = [\"false\", \"--password=hidden-in-argument\"]\n\
        [probes.check.line]\ncommand = \"KEY=hidden-in-line false\"\n\
        [commands.run.queue]\ncommand = [\"/nowhere/queue\", \"--token=hidden-in-command\"]\n\
        [scrape.targets.node]\nurl = \"http://user:hidden-in-user@CLOSED/metrics?key=hidden-in-scrape\"\ninterval = \"1s\"\ntimeout = \"500ms\"\n";
    let folder = Folder::with_settings(&format!("{QUIET}{}", probes.replace("CLOSED", &closed.to_string())));
    let service = folder.start();
    let down = |status: &Value| status["targets"].as_array().unwrap().iter().filter(|target| target["up"] == false).count();
    let failing = |status: &Value| status["sources"].as_array().unwrap().iter().filter(|source| source["up"] == false).count();
    let status = eventually("all fail", || Some(service.status()).filter(|status| down(status) == 3 && failing(status) >= 2));
    let addresses: Vec<&str> = status["targets"].as_array().unwrap().iter().map(|target| target["address"].as_str().unwrap()).collect();
    for address in [format!("http://{closed}/health?key=…&x=…").as_str(), "false (1 argument)", "sh -c …"] {
        assert!(addresses.contains(&address), "{addresses:?}");
    }
    let events = service.data("/api/v1/events");
    let everything = format!(
        "{status}{events}{}{}{}",
        service.log(),
        service.get("/metrics").text().unwrap(),
        service.data("/api/v1/series?match[]={__name__!=\"\"}")
    );
    assert!(!everything.contains("hidden"), "{}", everything.split("hidden").next().unwrap().chars().rev().take(200).collect::<String>());
}

#[test]
fn a_store_with_as_many_series_as_are_allowed_reports_a_problem() {
    let folder = Folder::with_settings(&format!("{QUIET}[store]\nmax_series = 300\n"));
    let service = folder.start();
    let samples: Vec<Value> = (0..300).map(|n| serde_json::json!({"name": "many", "labels": {"n": n.to_string()}, "value": n})).collect();
    let body = serde_json::json!({"samples": samples}).to_string();
    service.client.post(service.url("/api/v1/ingest")).body(body).send().unwrap();
    let health = eventually("health says so", || Some(service.get("/healthz")).filter(|answer| answer.status() == 503));
    assert!(health.text().unwrap().contains("as many as store.max_series allows"));
    assert!(service.status()["problems"].to_string().contains("as many as store.max_series allows"));
}

#[test]
fn a_body_that_is_too_long_is_answered_with_the_limit_of_its_route() {
    let folder = Folder::with_settings(&format!("{QUIET}[server]\nmax_body_bytes = 2000000\n"));
    let service = folder.start();
    for (path, kind, limit, size) in [
        ("/login", "application/x-www-form-urlencoded", "16384 bytes\"", 20_000),
        ("/api/v1/query", "application/x-www-form-urlencoded", "1048576 bytes\"", 1_100_000),
        ("/api/v1/ingest", "application/json", "2000000 bytes (server.max_body_bytes)\"", 2_100_000),
        ("/api/v1/import?format=csv", "text/csv", "2000000 bytes (server.max_body_bytes)\"", 2_100_000),
        ("/v1/metrics", "application/json", "2000000 bytes (server.max_body_bytes)\"", 2_100_000),
    ] {
        for chunked in [false, true] {
            let body = "x".repeat(size);
            let request = service.client.post(service.url(path)).header("content-type", kind);
            let request = if chunked { request.body(reqwest::blocking::Body::new(std::io::Cursor::new(body))) } else { request.body(body) };
            let answer = request.send().unwrap();
            assert_eq!(answer.status(), 413, "{path}");
            let text = answer.text().unwrap();
            assert!(text.contains(&format!("reads at most {limit}")), "{path}: {text}");
            assert!(path == "/v1/metrics" || text.contains("\"errorType\":\"too_large\""), "{path}: {text}");
        }
    }
}

#[test]
fn a_scheme_has_no_case_and_a_program_of_http_1_0_needs_no_host() {
    let folder = Folder::with_settings(&format!("[server]\ntoken = \"{TOKEN}\"\n"));
    let service = folder.start();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let request = service.client.get(service.url("/api/v1/status")).header("authorization", format!("{scheme} {TOKEN}"));
        assert_eq!(request.send().unwrap().status(), 200, "{scheme}");
    }
    for (request, status) in [
        ("GET /healthz HTTP/1.0\r\n\r\n", "HTTP/1.0 200"),
        ("GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", "HTTP/1.0 403"),
        ("GET /healthz HTTP/1.0\r\nOrigin: http://evil.example\r\n\r\n", "HTTP/1.0 403"),
    ] {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", service.port)).unwrap();
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(answer.starts_with(status), "{request}: {answer}");
    }
}
