//! What clients of the live stream cost: so many WebSockets that follow what the dashboard follows, the memory of each, and how
//! long a sample takes from its write until every one of them has it.
//!
//! `cargo bench --bench sessions` has 1,000 clients and 50 samples (`--clients`, `--samples`). The clients are read one after the
//! other, so the times of the last ones include the reading of all others: they are upper bounds. TASKPULSE_BIN measures another
//! build.

mod client;
mod process;

use std::error::Error;
use std::fs;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tungstenite::{Message, WebSocket};

use crate::client::{Http, packed, push_series};
use crate::process::{listening_port, status};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const SETTLE: Duration = Duration::from_secs(20);
/// What the first page of the dashboard follows.
const SUBSCRIPTIONS: [&str; 4] = [
    r#"{"op":"subscribe","id":1,"topic":"samples","match":["system_*","live_sample"]}"#,
    r#"{"op":"subscribe","id":2,"topic":"events"}"#,
    r#"{"op":"subscribe","id":3,"topic":"alerts"}"#,
    r#"{"op":"subscribe","id":4,"topic":"status"}"#,
];

fn connect(port: u16) -> Outcome<WebSocket<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let (mut socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}/ws"), stream)?;
    for text in SUBSCRIPTIONS {
        socket.send(Message::text(text))?;
    }
    // The first frames are there when the last subscription has its snapshot.
    while !matches!(socket.read()?, Message::Text(text) if text.contains("\"id\":4")) {}
    Ok(socket)
}

/// Writes a sample; milliseconds until each client has it.
fn deliver(port: u16, clients: &mut [WebSocket<TcpStream>], number: usize) -> Outcome<Vec<f64>> {
    let (labels, mut request) = (packed(&[("__name__", "live_sample")]), Vec::new());
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    push_series(&mut request, &labels, now, number as f64);
    // A new connection: an idle one is closed after a few seconds.
    let mut writer = Http::connect(port)?;
    let (begun, wanted) = (Instant::now(), format!(",\"{number}\"]"));
    writer.write(&request)?;
    let mut times = Vec::with_capacity(clients.len());
    for client in clients {
        while !matches!(client.read()?, Message::Text(text) if text.contains("live_sample") && text.contains(&wanted)) {}
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

fn measure(pid: u32, clients: usize, samples: usize) -> Outcome<()> {
    sleep(SETTLE);
    let port = listening_port(pid).ok_or("the service does not listen")?;
    // What the service makes once, for the first client of all.
    let mut first = vec![connect(port)?];
    deliver(port, &mut first, samples + 1)?;
    let before = status(pid, "VmRSS")?;
    let mut open = (0..clients).map(|_| connect(port)).collect::<Outcome<Vec<_>>>()?;
    let mut times = Vec::new();
    for number in 1..=samples {
        times.extend(deliver(port, &mut open, number)?);
        sleep(Duration::from_millis(50));
    }
    let each = (status(pid, "VmRSS")? - before) / clients as f64;
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times.get(((times.len() - 1) as f64 * part) as usize).copied().unwrap_or(f64::NAN);
    println!("| clients | delivered to all, p50 / p99 / longest, ms | resident each, KiB |");
    println!("|---|---|---|");
    println!("| {clients} | {:.1} / {:.1} / {:.1} | {each:.1} |", at(0.5), at(0.99), at(1.0));
    Ok(())
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let number =
        |key: &str, usual: usize| args.iter().position(|a| a == key).and_then(|at| args.get(at + 1)?.parse().ok()).unwrap_or(usual);
    let (clients, samples) = (number("--clients", 1_000), number("--samples", 50));
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("Settings.toml"), "[server]\nmax_sessions = 2000\n")?;
    let binary = std::env::var("TASKPULSE_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_taskpulse").to_owned());
    let mut command = Command::new(binary);
    command.current_dir(folder.path()).args(["--port", "0", "--no-browser"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let measured = measure(child.id(), clients, samples);
    child.kill()?;
    child.wait()?;
    measured
}
