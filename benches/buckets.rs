//! What a chart of many series costs: the answer of `/api/v1/buckets` to 40 series of 5 s data, over a day and over 30 days.
//!
//! `cargo bench --bench buckets` writes the series by remote write (a gauge in percent, a counter, bytes, a latency at full
//! precision), waits until finished days are merged, and asks each question twenty times over one connection that is kept open.
//! `--days 2` writes less of the past; TASKPULSE_BIN measures another build.

mod client;
mod process;

use std::error::Error;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::client::{Http, Random, escaped, packed, push_series};
use crate::process::{cpu_seconds, listening_port, status};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const SERIES: usize = 40;
const EVERY_MS: i64 = 5_000;
const DAY_MS: i64 = 86_400_000;
const TRIES: usize = 20;

/// A service that ends with the program.
struct Service {
    child: Child,
    port: u16,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(folder: &std::path::Path) -> Outcome<Self> {
        fs::write(
            folder.join("Settings.toml"),
            "[system]\nenabled = false\n[taskmaster]\nenabled = false\n[store]\nretention = \"60d\"\n",
        )?;
        let binary = std::env::var("TASKPULSE_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_taskpulse").to_owned());
        let mut command = Command::new(binary);
        command.current_dir(folder).args(["--port", "0", "--no-browser"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut service = Self { child: command.spawn()?, port: 0 };
        let begun = Instant::now();
        while service.port == 0 {
            service.port = listening_port(service.child.id()).unwrap_or(0);
            if begun.elapsed() > Duration::from_secs(60) {
                return Err("the service does not listen".into());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(service)
    }

    /// Waits until merges are done.
    fn settle(&self) -> Outcome<()> {
        let begun = Instant::now();
        loop {
            let before = cpu_seconds(self.child.id())?;
            sleep(Duration::from_secs(5));
            if (cpu_seconds(self.child.id())? - before < 0.1 && begun.elapsed() > Duration::from_secs(90))
                || begun.elapsed().as_secs() > 600
            {
                return Ok(());
            }
        }
    }
}

fn labels(n: usize) -> Vec<u8> {
    packed(&[("__name__", "chart"), ("host", &format!("host-{:02}", n / 4)), ("kind", &(n % 4).to_string())])
}

/// The value of a series at a step.
fn value(n: usize, at: i64, random: &mut Random) -> f64 {
    match n % 4 {
        0 => (5_000.0 + 3_000.0 * (at as f64 * 0.001).sin() + 300.0 * random.normal()).round() / 100.0,
        1 => at as f64 * 17.0 + (random.next() % 9) as f64,
        2 => ((1 << 30) + (random.next() % 4_096) as i64 * 4_096) as f64,
        _ => 0.05 * (0.5 * random.normal()).exp(),
    }
}

/// Writes so many days before `end`, an hour of all series a request.
fn fill(port: u16, days: i64, end: i64) -> Outcome<()> {
    let (mut http, mut random) = (Http::connect(port)?, Random(7));
    let all: Vec<Vec<u8>> = (0..SERIES).map(labels).collect();
    let steps = days * DAY_MS / EVERY_MS;
    let mut at = 0;
    while at < steps {
        let mut request = Vec::new();
        for step in at..(at + 720).min(steps) {
            for (n, labels) in all.iter().enumerate() {
                push_series(&mut request, labels, end - (steps - step) * EVERY_MS, value(n, step, &mut random));
            }
        }
        http.write(&request)?;
        at += 720;
    }
    Ok(())
}

/// Asks for a range that ends at `end` in steps; a line of the table.
fn ask(service: &Service, name: &str, end: i64, days: i64, step_s: i64, query: &str) -> Outcome<()> {
    let mut http = Http::connect(service.port)?;
    let (start, query) = ((end - days * DAY_MS) / 1_000, escaped(query));
    let head = format!("GET /api/v1/buckets?query={query}&start={start}&end={}&step={step_s} HTTP/1.1", end / 1_000);
    let (_, first) = http.send(&head, &[])?;
    let answer: serde_json::Value = serde_json::from_slice(&first)?;
    let series = answer["data"]["result"].as_array().ok_or_else(|| format!("{answer}"))?;
    let buckets = series.first().and_then(|series| series["t"].as_array()).map_or(0, Vec::len);
    let cpu = cpu_seconds(service.child.id())?;
    let mut taken = Vec::new();
    for _ in 0..TRIES {
        let begun = Instant::now();
        let (status, _) = http.send(&head, &[])?;
        taken.push(begun.elapsed().as_secs_f64() * 1e3);
        if status != 200 {
            return Err(format!("{name}: {status}").into());
        }
    }
    let cpu = (cpu_seconds(service.child.id())? - cpu) * 1e3 / TRIES as f64;
    taken.sort_by(f64::total_cmp);
    let (_, packed) = http.send(&format!("{head}\r\nAccept-Encoding: gzip"), &[])?;
    let kib = |bytes: &[u8]| bytes.len() as f64 / 1_024.0;
    println!(
        "| {name} | {} × {buckets} | {} | {:.1} / {:.1} | {cpu:.1} | {:.0} | {:.0} |",
        series.len(),
        answer["data"]["source"].as_str().unwrap_or("?"),
        taken[TRIES / 2],
        taken[TRIES * 19 / 20],
        kib(&first),
        kib(&packed)
    );
    Ok(())
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let days = args.iter().position(|a| a == "--days").and_then(|at| args.get(at + 1)?.parse().ok()).unwrap_or(30);
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path())?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())? / 1_000 * 1_000;
    let begun = Instant::now();
    fill(service.port, days, now)?;
    eprintln!("{} samples written in {:.0} s", days * DAY_MS / EVERY_MS * SERIES as i64, begun.elapsed().as_secs_f64());
    service.settle()?;
    println!("| question | series × buckets | made of | p50 / p95, ms | CPU, ms | KiB | gzip, KiB |");
    println!("|---|---|---|---|---|---|---|");
    ask(&service, "24 h, 72 s", now, 1, 72, "chart")?;
    ask(&service, "24 h, 72 s, rates", now, 1, 72, "rate(chart[1m])")?;
    ask(&service, &format!("{days} d, 1 h"), now, days, 3_600, "chart")?;
    ask(&service, &format!("{days} d, 36 min"), now, days, 2_160, "chart")?;
    println!("\npeak resident: {:.0} MiB", status(service.child.id(), "VmHWM")? / 1_024.0);
    Ok(())
}
