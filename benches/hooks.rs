//! How long an agent waits for the answer to a hook in a flood of them.
//!
//! `cargo bench --bench hooks` sends 1,000 hooks a second for 10 s over 8 connections (`--rate`, `--seconds`, `--connections`), of 50
//! sessions whose tools are given 2 KiB each. `--beside 100000` writes that many samples a second meanwhile. `--binary PATH` takes another
//! program. A hook is late from when it should have been sent: one that waits for the one before is not fast.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

mod arguments;
mod client;
mod process;

use std::error::Error;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::arguments::Arguments;
use crate::client::{Http, packed, push_series};
use crate::process::{cpu_seconds, listening_port, status};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Events of a turn with one call of a tool.
const EVENTS: [&str; 4] = ["UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop"];
const SESSIONS: u64 = 50;

fn event(n: u64) -> Vec<u8> {
    let (name, turn) = (EVENTS[(n % 4) as usize], n / 4);
    let body = serde_json::json!({
        "session_id": format!("session-{}", turn % SESSIONS), "hook_event_name": name, "cwd": "/home/dev/app", "prompt_id": format!("p{turn}"),
        "tool_name": "Bash", "tool_use_id": format!("t{turn}"), "tool_input": {"command": "x".repeat(2_048)}, "duration_ms": 5,
    });
    body.to_string().into_bytes()
}

/// Sends every so often; how long each took, in milliseconds.
fn send(port: u16, (first, step): (u64, u64), rate: f64, until: u64, begun: Instant) -> Result<Vec<f64>, String> {
    let mut took = Vec::new();
    let mut http = Http::connect(port).map_err(|error| error.to_string())?;
    for n in (first..until).step_by(step as usize) {
        let due = begun + Duration::from_secs_f64(n as f64 / rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let head = "POST /hooks/agent?host=bench HTTP/1.1\r\nContent-Type: application/json";
        let (status, _) = http.send(head, &event(n)).map_err(|error| error.to_string())?;
        if status != 200 {
            return Err(format!("a hook was answered with {status}"));
        }
        took.push(due.elapsed().as_secs_f64() * 1e3);
    }
    Ok(took)
}

/// Writes samples until it is told to stop; how many.
fn write(port: u16, rate: u64, ended: &AtomicBool) -> Result<u64, String> {
    let labels: Vec<Vec<u8>> = (0..10_000).map(|n| packed(&[("__name__", "beside"), ("n", &format!("{n:05}"))])).collect();
    let mut http = Http::connect(port).map_err(|error| error.to_string())?;
    let (begun, mut sent) = (Instant::now(), 0);
    while !ended.load(Ordering::Relaxed) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let mut request = Vec::new();
        labels.iter().for_each(|labels| push_series(&mut request, labels, now, sent as f64));
        http.write(&request).map_err(|error| error.to_string())?;
        sent += labels.len() as u64;
        thread::sleep((begun + Duration::from_secs_f64(sent as f64 / rate as f64)).saturating_duration_since(Instant::now()));
    }
    Ok(sent)
}

fn main() -> Outcome<()> {
    let args = Arguments::read();
    let [rate, seconds, connections, beside] =
        [("--rate", 1_000), ("--seconds", 10), ("--connections", 8), ("--beside", 0)].map(|(word, usual)| args.number(word, usual));
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("Settings.toml"), "[system]\nenabled = false\n[taskmaster]\nenabled = false\n")?;
    let mut command = Command::new(args.after("--binary").unwrap_or(env!("CARGO_BIN_EXE_taskpulse")));
    command.current_dir(folder.path()).args(["--port", "0", "--no-browser"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    thread::sleep(Duration::from_secs(5));
    let port = listening_port(child.id()).ok_or("the service does not listen")?;
    let ended = Arc::new(AtomicBool::new(false));
    let beside = (beside > 0).then(|| {
        let ended = Arc::clone(&ended);
        thread::spawn(move || write(port, beside, &ended))
    });
    let (begun, before) = (Instant::now(), cpu_seconds(child.id())?);
    let senders: Vec<_> =
        (0..connections).map(|first| thread::spawn(move || send(port, (first, connections), rate as f64, rate * seconds, begun))).collect();
    let mut took = Vec::new();
    for sender in senders {
        took.extend(sender.join().map_err(|_| "a sender panicked")??);
    }
    let (passed, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds(child.id())? - before);
    ended.store(true, Ordering::Relaxed);
    let written = beside.map(|writer| writer.join().map_err(|_| "the writer panicked")).transpose()?.transpose()?;
    let resident = status(child.id(), "VmRSS")? / 1_024.0;
    child.kill()?;
    child.wait()?;
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!("| hooks a second | samples a second beside | p50, ms | p99, ms | most, ms | CPU, % of one core | resident, MiB |");
    println!("|---|---|---|---|---|---|---|");
    println!(
        "| {:.0} | {:.0} | {:.2} | {:.1} | {:.0} | {:.0} | {resident:.0} |",
        took.len() as f64 / passed,
        written.unwrap_or(0) as f64 / passed,
        at(0.5),
        at(0.99),
        at(1.0),
        cpu / passed * 100.0
    );
    Ok(())
}
