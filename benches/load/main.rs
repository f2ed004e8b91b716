//! Side by side with the stores that people would pick instead: the same samples by remote write into each, one server at
//! a time on 127.0.0.1; what it costs, what lies on the disk, how soon it is there, how fast questions are answered, and
//! what SIGKILL takes.
//!
//! ```sh
//! apt-get install -y victoria-metrics prometheus      # those that are there take part
//! cargo bench --bench load                            # 100 hosts × 20 series, 10 s apart, 24 h = 17.28 M samples
//! cargo bench --bench load -- --hosts 5000 --hours 0.1667                  # 100,000 series × 60 samples
//! cargo bench --bench load -- --growth                # memory as history grows: 1 M, 10 M, 100 M samples
//! cargo bench --bench load -- --only taskpulse --crashes 20
//! cargo bench --bench load -- --only taskpulse --beside   # how long a sample takes beside heavy queries
//! cargo bench --bench load -- --only taskpulse --dead 3000   # reads without and with 3,000 dead series a day over 29 days
//! cargo bench --bench load -- --only taskpulse --notices --hosts 5000 --hours 0.0417 --interval 0.1   # from a sample to its notice, beside 1 M samples a second
//! TASKPULSE_BIN=/path/to/another cargo bench --bench load -- --only taskpulse   # the same for another build, such as the one before a change
//! ```
//!
//! The workload is deterministic: a host has eight gauges in percent with two decimals, five counters, three gauges in
//! bytes that move by pages, two constants and two latencies at full precision, under six labels; every other host's clock
//! jitters by 15 ms. Requests carry 5,000 samples, one sample a series entry, over two connections. CPU is the server's user
//! and system time from `/proc/PID/stat`; memory its `VmHWM` and `VmRSS`. Compare ratios within one run, never times across runs.

#[path = "../client/mod.rs"]
mod client;
mod notices;
#[path = "../process/mod.rs"]
mod process;
mod reads;
mod server;
mod workload;

use std::error::Error;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::client::{Http, Random, packed, push_series};
use crate::server::{Server, ServerKind, disk_bytes, points};
use crate::workload::{CONNECTIONS, Shape, metric, write};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn percentile(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(((times.len() as f64 - 1.0) * part).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Milliseconds from the acknowledgement until a query shows the sample: median and 99th percentile of `tries`.
fn freshness(port: u16, tries: usize) -> Outcome<(f64, f64)> {
    let (mut writer, mut reader) = (Http::connect(port)?, Http::connect(port)?);
    let labels = packed(&[("__name__", "load_fresh")]);
    let mut times = Vec::new();
    for number in 1..=tries {
        let now = now_ms();
        let mut request = Vec::new();
        push_series(&mut request, &labels, now, number as f64);
        writer.write(&request)?;
        let acked = Instant::now();
        let wanted = number.to_string();
        while reader.query("load_fresh", now + 1)?["data"]["result"][0]["value"][1] != wanted.as_str() {
            if acked.elapsed() > Duration::from_secs(60) {
                return Ok((f64::NAN, f64::NAN));
            }
        }
        times.push(acked.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(2 + number as u64 * 7 % 40));
    }
    Ok((percentile(&mut times, 0.5), percentile(&mut times, 0.99)))
}

/// One row a figure, one column a server.
#[derive(Default)]
struct Table {
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    fn put(&mut self, name: &str, value: String) {
        println!("  {name}: {value}");
        match self.rows.iter_mut().find(|row| row.0 == name) {
            Some(row) => row.1.push(value),
            None => self.rows.push((name.to_owned(), vec![value])),
        }
    }

    fn print(&self) {
        println!("\n| | {} |\n|---|{}", self.columns.join(" | "), "---|".repeat(self.columns.len()));
        for (name, values) in &self.rows {
            println!("| {name} | {} |", values.join(" | "));
        }
    }
}

/// Questions of each kind.
const READS: usize = 60;

fn measure(kind: ServerKind, shape: &Shape, table: &mut Table) -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let mut server = Server::start(kind, dir.path())?;
    let (before, begun) = (server.cpu_seconds()?, Instant::now());
    write(server.port, shape, None)?;
    let (cpu, wall) = (server.cpu_seconds()? - before, begun.elapsed().as_secs_f64());
    table.put("samples per server CPU second", format!("{:.0}", shape.samples() / cpu));
    table.put("samples per second", format!("{:.0}", shape.samples() / wall));
    table.put("peak resident during the write, MiB", format!("{:.0}", server.mib("VmHWM")?));
    server.settle(Duration::from_secs(45))?;
    table.put("CPU seconds until all is quiet", format!("{:.1}", server.cpu_seconds()? - before));
    table.put("resident then, MiB", format!("{:.0}", server.mib("VmRSS")?));
    reads::measure(&server, shape, READS, "", table)?;
    let (p50, p99) = freshness(server.port, if kind == ServerKind::VictoriaMetrics { 5 } else { 200 })?;
    table.put("acknowledged → visible, p50 / p99, ms", format!("{p50:.2} / {p99:.2}"));
    table.put("ready after SIGTERM, ms", format!("{:.0}", server.again("TERM", shape)?));
    reads::measure(&server, shape, 1, ", first after a restart", table)?;
    table.put("bytes on the disk per sample", format!("{:.2}", disk_bytes(&dir.path().join("data")) as f64 / shape.samples()));
    table.put("ready after SIGKILL, ms", format!("{:.0}", server.again("KILL", shape)?));
    Ok(())
}

/// What dead series cost: reads of the workload without them and with so many a day, one server each.
fn dead(kind: ServerKind, shape: &Shape, per_day: usize, table: &mut Table) -> Outcome<()> {
    for per_day in [0, per_day] {
        let dir = tempfile::tempdir()?;
        let mut server = Server::start(kind, dir.path())?;
        if per_day > 0 {
            workload::write_dead(server.port, shape, per_day)?;
        }
        write(server.port, shape, None)?;
        server.settle(Duration::from_secs(45))?;
        let label = format!(", {per_day} dead series a day");
        reads::measure(&server, shape, READS, &label, table)?;
        table.put(&format!("resident{label}, MiB"), format!("{:.0}", server.mib("VmRSS")?));
        table.put(&format!("ready after SIGTERM{label}, ms"), format!("{:.0}", server.again("TERM", shape)?));
        reads::measure(&server, shape, READS, &format!("{label}, after a restart"), table)?;
        table.put(&format!("resident{label}, after a restart, MiB"), format!("{:.0}", server.mib("VmRSS")?));
    }
    Ok(())
}

/// Acknowledged samples that are gone after SIGKILL in mid-write, over some rounds.
fn crashes(kind: ServerKind, rounds: usize, table: &mut Table) -> Outcome<()> {
    let mut random = Random(7);
    let (mut lost, mut acknowledged) = (0, 0);
    for _ in 0..rounds {
        let dir = tempfile::tempdir()?;
        let mut server = Server::start(kind, dir.path())?;
        let shape = Shape { hosts: 500, interval_ms: 10_000, steps: 360, end_ms: now_ms() };
        let (port, after) = (server.port, Duration::from_millis(1_500 + random.next() % 3_000));
        let writing = {
            let shape = shape.clone();
            std::thread::spawn(move || write(port, &shape, Some(400_000.0)))
        };
        std::thread::sleep(after);
        server.signal("KILL")?;
        let acked = writing.join().map_err(|_| "a writer panicked")??;
        let server = Server::start(kind, dir.path())?;
        let mut http = Http::connect(server.port)?;
        for host in 0..shape.hosts {
            // A connection's last step is whole, with every host of its own.
            let expected = usize::try_from(acked[host % CONNECTIONS] + 1)?;
            for m in [0, 8, 13, 16, 18] {
                let query = format!("{}{{host=\"host-{host:05}\"}}[2h]", metric(m));
                lost += expected.saturating_sub(points(&http.query(&query, shape.end_ms + 1_000)?));
                acknowledged += expected;
            }
        }
    }
    table.put(&format!("acknowledged samples lost in {rounds} SIGKILLs"), format!("{lost} of {acknowledged} read back"));
    Ok(())
}

/// Memory as history grows, with the same 2,000 series.
fn growth(kind: ServerKind, table: &mut Table) -> Outcome<()> {
    for millions in [1, 10, 100] {
        let dir = tempfile::tempdir()?;
        let shape = Shape { hosts: 100, interval_ms: 10_000, steps: millions * 500, end_ms: now_ms() };
        let server = Server::start(kind, dir.path())?;
        write(server.port, &shape, None)?;
        server.settle(Duration::from_secs(30))?;
        let figures = format!("{:.0} / {:.0}", server.mib("VmHWM")?, server.mib("VmRSS")?);
        table.put(&format!("{millions} M samples: peak / settled resident, MiB"), figures);
        table.put(&format!("{millions} M samples: bytes on the disk per sample"), {
            format!("{:.2}", disk_bytes(&dir.path().join("data")) as f64 / shape.samples())
        });
    }
    Ok(())
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let text = |key: &str| args.iter().position(|a| a == key).and_then(|at| args.get(at + 1)).cloned();
    let number = |key: &str, usual: f64| text(key).and_then(|t| t.parse::<f64>().ok()).unwrap_or(usual);
    let interval_ms = (number("--interval", 10.0) * 1e3) as i64;
    let steps = ((number("--hours", 24.0) * 3_600_000.0).round() as i64 / interval_ms).max(1);
    let end_ms = now_ms() - (number("--days-ago", 0.0) * 86_400_000.0) as i64;
    let shape = Shape { hosts: number("--hosts", 100.0) as usize, interval_ms, steps, end_ms };
    let rounds = number("--crashes", 0.0) as usize;
    let only = text("--only");
    let mut table = Table::default();
    let wanted = |kind: &ServerKind| only.as_ref().is_none_or(|names| names.split(',').any(|name| name == kind.name())) && kind.is_here();
    for kind in ServerKind::ALL.into_iter().filter(wanted) {
        println!("== {}", kind.name());
        table.columns.push(kind.name().to_owned());
        if args.iter().any(|a| a == "--notices") {
            if kind == ServerKind::Taskpulse {
                notices::measure(&shape, &mut table)?;
            }
        } else if args.iter().any(|a| a == "--beside") {
            let dir = tempfile::tempdir()?;
            let server = Server::start(kind, dir.path())?;
            write(server.port, &shape, None)?;
            server.settle(Duration::from_secs(45))?;
            reads::disturbed(&server, &shape, &mut table)?;
        } else if args.iter().any(|a| a == "--growth") {
            growth(kind, &mut table)?;
        } else if number("--dead", 0.0) > 0.0 {
            dead(kind, &shape, number("--dead", 0.0) as usize, &mut table)?;
        } else if rounds > 0 {
            crashes(kind, rounds, &mut table)?;
        } else {
            measure(kind, &shape, &mut table)?;
        }
    }
    table.print();
    Ok(())
}
