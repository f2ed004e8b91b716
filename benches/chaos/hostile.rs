//! Clients that mean harm, one way of it at a time, beside clients that mean well: health is answered, samples are taken in,
//! memory stays bounded.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tungstenite::Message;

use crate::client::{Http, escaped};
use crate::service::Setup;
use crate::truth::{self, Samples};
use crate::{Outcome, Plan, Report};

/// Memory over that of the idle service, at the most.
const MOST_MIB: f64 = 300.0;
/// The 99th percentile of `/healthz`.
const SLOWEST_MS: f64 = 100.0;
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// Series and samples of each that answers are made of.
const SERIES: usize = 200;
const SAMPLES: i64 = 11_000;

/// A way to do harm: does it once, within about a second, and is called again until its time is over.
type Attack = fn(&mut Attacker) -> Outcome<()>;

/// What the service is set up like for an attack.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    Nothing,
    /// A token, so that there is somebody to keep out.
    Token,
    /// A bound on open files that the attack can reach.
    FewFiles,
}

const ATTACKS: [(&str, Needs, Attack); 9] = [
    ("queries whose depth a comment hides", Needs::Nothing, deep_queries),
    ("a thousand regexes in a request", Needs::Nothing, many_regexes),
    ("regexes in live subscriptions", Needs::Nothing, subscriptions),
    ("range answers that nobody reads", Needs::Nothing, unread_ranges),
    ("exports that nobody reads", Needs::Nothing, unread_exports),
    ("bodies before login that never end", Needs::Token, unfinished_bodies),
    ("bodies of samples that never end", Needs::Nothing, unfinished_writes),
    ("connections without a request", Needs::FewFiles, idle_connections),
    ("wrong tokens", Needs::Token, wrong_tokens),
];

struct Attacker {
    port: u16,
    /// When the newest of the prepared samples was, in seconds.
    newest: i64,
    held: Vec<TcpStream>,
    sockets: Vec<tungstenite::WebSocket<TcpStream>>,
    round: usize,
}

impl Attacker {
    /// A request whose answer is not of interest.
    fn ask(&self, head: &str, body: &str) {
        let Ok(mut http) = Http::connect(self.port) else { return };
        // Refused, cut off and answered are all fine.
        drop(http.send(head, body.as_bytes()));
    }

    /// Opens a connection, sends something, and holds it open without reading.
    fn hold(&mut self, text: &str, most: usize) {
        if self.held.len() >= most {
            // Those that were cut off make room.
            self.held.retain(|stream| stream.set_nonblocking(true).is_ok() && !matches!((&*stream).read(&mut [0; 1]), Ok(0)));
            std::thread::sleep(Duration::from_millis(50));
            return;
        }
        let address = (std::net::Ipv4Addr::LOCALHOST, self.port).into();
        if let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
            let _ = stream.set_write_timeout(Some(Duration::from_millis(500)));
            let _ = stream.write_all(text.as_bytes());
            self.held.push(stream);
        }
    }
}

fn deep_queries(attacker: &mut Attacker) -> Outcome<()> {
    for n in [300, 1_000, 3_000, 6_000] {
        let texts = ["1+", "-", "(", "abs(", "2^", "sum(", "a or "].map(|part| format!("#\"\n{}1", part.repeat(n)));
        for text in texts {
            let query = escaped(&text);
            for path in ["query?query", "format_query?query", "series?match[]", "export?match[]"] {
                attacker.ask(&format!("GET /api/v1/{path}={query} HTTP/1.1"), "");
            }
        }
    }
    Ok(())
}

fn many_regexes(attacker: &mut Attacker) -> Outcome<()> {
    let part = |n: usize| format!("match[]={}", escaped(&format!("{{__name__=~\"{}(\\\\pL{{1,12}})%d{n}\"}}", attacker.round)));
    let body = (0..1_000).map(part).collect::<Vec<_>>().join("&");
    std::thread::scope(|scope| {
        for path in ["series", "labels"] {
            let (attacker, body) = (&*attacker, &body);
            scope.spawn(move || {
                attacker.ask(&format!("POST /api/v1/{path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded"), body);
            });
        }
    });
    Ok(())
}

fn subscriptions(attacker: &mut Attacker) -> Outcome<()> {
    if attacker.sockets.is_empty() || attacker.round.is_multiple_of(100) {
        let address = ("127.0.0.1", attacker.port);
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{}/ws", attacker.port), TcpStream::connect(address)?)?;
        if attacker.sockets.len() >= 4 {
            attacker.sockets.remove(0);
        }
        attacker.sockets.push(socket);
    }
    let round = attacker.round;
    let patterns = |regex: bool| {
        let one =
            |n: usize| if regex { format!("{{__name__=~\"{round}(\\\\pL{{1,12}})%d{n}\"}}") } else { format!("n{round}_{n}_{:x<60}", "") };
        serde_json::json!({"op": "subscribe", "id": round, "topic": "samples", "match": (0..1_000).map(one).collect::<Vec<_>>()})
    };
    let away = serde_json::json!({"op": "unsubscribe", "id": 1_000_000_000 + round});
    let mut failed = false;
    if let Some(socket) = attacker.sockets.last_mut() {
        for frame in [patterns(true), away.clone(), patterns(false), away] {
            failed |= socket.send(Message::text(frame.to_string())).is_err();
        }
    }
    if failed {
        attacker.sockets.pop();
    }
    std::thread::sleep(Duration::from_millis(20));
    Ok(())
}

fn unread_ranges(attacker: &mut Attacker) -> Outcome<()> {
    let (from, to) = (attacker.newest - SAMPLES + 1, attacker.newest);
    let head = format!("GET /api/v1/query_range?query=held&start={from}&end={to}&step=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    attacker.hold(&head, 60);
    Ok(())
}

fn unread_exports(attacker: &mut Attacker) -> Outcome<()> {
    attacker.hold("GET /api/v1/export?match[]=held&start=0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 520);
    Ok(())
}

fn unfinished_bodies(attacker: &mut Attacker) -> Outcome<()> {
    let path = if attacker.round.is_multiple_of(2) { "/login" } else { "/hooks/github" };
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 8000000\r\n\r\n");
    attacker.hold(&format!("{head}{}", "x".repeat(7_900_000)), 60);
    Ok(())
}

fn unfinished_writes(attacker: &mut Attacker) -> Outcome<()> {
    let path = ["write", "import?format=jsonl", "ingest"][attacker.round % 3];
    let head = format!("POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000000\r\n\r\n");
    attacker.hold(&format!("{head}{}", "x".repeat(7_900_000)), 100);
    Ok(())
}

fn idle_connections(attacker: &mut Attacker) -> Outcome<()> {
    attacker.hold("", 1_500);
    Ok(())
}

fn wrong_tokens(attacker: &mut Attacker) -> Outcome<()> {
    let mut http = Http::connect(attacker.port)?;
    for n in 0..200 {
        let head = format!("GET /api/v1/query?query=1 HTTP/1.1\r\nAuthorization: Bearer {n:032}");
        if http.send(&head, &[]).is_err() {
            break;
        }
    }
    Ok(())
}

pub fn run(plan: &Plan, report: &mut Report) -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let seconds = plan.rounds(30, 3) as u64;
    let base = Setup { data: dir.path().join("data"), log: dir.path().join("log"), ..Setup::default() };
    let newest = prepare(&base)?;
    for (name, needs, attack) in ATTACKS {
        let setup = match needs {
            Needs::Nothing => base.clone(),
            Needs::Token => base.clone().with("SERVER__TOKEN", TOKEN),
            Needs::FewFiles => Setup { open_files: Some(1_024), ..base.clone() },
        };
        one(plan, name, attack, &setup, newest, Duration::from_secs(seconds), report)?;
    }
    Ok(())
}

/// Samples for large answers; gives when the newest is, in seconds.
fn prepare(setup: &Setup) -> Outcome<i64> {
    let service = setup.start()?;
    let mut http = service.http()?;
    let newest = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
    let mut truth = Samples::new();
    for from in (0..SAMPLES).step_by(500) {
        let times: Vec<i64> = (from..(from + 500).min(SAMPLES)).map(|i| (newest - SAMPLES + 1 + i) * 1_000).collect();
        for series in (0..SERIES).step_by(40) {
            truth::write(&mut http, "held", series..series + 40, &times, &mut truth)?;
        }
    }
    if service.stop(Duration::from_secs(30))?.is_none() {
        return Err("it does not stop".into());
    }
    Ok(newest)
}

fn one(plan: &Plan, name: &str, attack: Attack, setup: &Setup, newest: i64, time: Duration, report: &mut Report) -> Outcome<()> {
    let mut service = setup.start()?;
    // What comes after a start is over, and the first requests have made their room.
    std::thread::sleep(Duration::from_secs(if plan.short { 1 } else { 5 }));
    let idle = service.mib("VmRSS")?;
    let (port, log) = (service.port, setup.log.clone());
    let (stop, refused, taken) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let until = Instant::now() + time;
    let mut times = std::thread::scope(|scope| {
        let health = scope.spawn(|| health_times(port, &stop));
        scope.spawn(|| ingest(port, &stop, &taken, &refused));
        let mut attacker = Attacker { port, newest, held: Vec::new(), sockets: Vec::new(), round: 0 };
        while Instant::now() < until {
            if attack(&mut attacker).is_err() {
                // Refused: no less an attack.
                std::thread::sleep(Duration::from_millis(20));
            }
            attacker.round += 1;
        }
        stop.store(true, Ordering::Relaxed);
        health.join().unwrap_or_default()
    });
    times.sort_by(f64::total_cmp);
    let p99 = times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or(f64::INFINITY);
    if !service.lives()? {
        report.broken(format!("hostile: {name}: the process ended: {}", tail(&log)));
        return Ok(());
    }
    let over = service.mib("VmHWM")? - idle;
    let (taken, refused) = (taken.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
    report.put(&format!("{name}: peak over idle, MiB; `/healthz` p99, ms; writes taken / refused"), {
        format!("{over:.0}; {p99:.1}; {taken} / {refused}")
    });
    if over > MOST_MIB {
        report.broken(format!("hostile: {name}: {over:.0} MiB over idle"));
    }
    // How long an answer takes is a promise of the release build.
    if p99 > if plan.short { 5_000.0 } else { SLOWEST_MS } {
        report.broken(format!("hostile: {name}: p99 of /healthz is {p99:.0} ms"));
    }
    if taken == 0 || refused * 20 > taken {
        report.broken(format!("hostile: {name}: {taken} writes taken, {refused} refused"));
    }
    service.kill()
}

/// Milliseconds of each answer, on a connection that is kept.
fn health_times(port: u16, stop: &AtomicBool) -> Vec<f64> {
    let mut times = Vec::new();
    let mut http = None;
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let mut connection = match http.take() {
            Some(connection) => connection,
            None => match Http::connect(port) {
                Ok(connection) => connection,
                Err(_) => {
                    times.push(f64::INFINITY);
                    std::thread::sleep(Duration::from_millis(20));
                    continue;
                }
            },
        };
        match connection.send("GET /healthz HTTP/1.1", &[]) {
            Ok(_) => {
                times.push(begun.elapsed().as_secs_f64() * 1e3);
                http = Some(connection);
            }
            Err(_) => times.push(f64::INFINITY),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    times
}

/// A sender that means well, every 50 ms.
fn ingest(port: u16, stop: &AtomicBool, taken: &AtomicU64, refused: &AtomicU64) {
    let mut http: Option<Http> = None;
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let mut send = || -> Outcome<bool> {
            let mut connection = match http.take() {
                Some(connection) => connection,
                None => Http::connect(port)?,
            };
            let body = format!("{{\"samples\":[{{\"name\":\"well\",\"value\":{number}}}]}}");
            let head = format!("POST /api/v1/ingest HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {TOKEN}");
            let (status, _) = connection.send(&head, body.as_bytes())?;
            http = Some(connection);
            Ok((200..300).contains(&status))
        };
        let counter = if send().unwrap_or(false) { taken } else { refused };
        counter.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().rev().take(3).collect::<Vec<_>>().join(" | ")
}
