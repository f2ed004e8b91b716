//! Side by side with the stores that people would pick instead: the same samples by remote write into each, one server at
//! a time on 127.0.0.1; what it costs, what lies on the disk, how soon it is there, and what SIGKILL takes.
//!
//! ```sh
//! apt-get install -y victoria-metrics prometheus      # those that are there take part
//! cargo bench --bench load                            # 100 hosts × 20 series, 10 s apart, 24 h = 17.28 M samples
//! cargo bench --bench load -- --hosts 5000 --hours 0.1667                  # 100,000 series × 60 samples
//! cargo bench --bench load -- --growth                # memory as history grows: 1 M, 10 M, 100 M samples
//! cargo bench --bench load -- --only taskpulse --crashes 20
//! ```
//!
//! The workload is deterministic: a host has eight gauges in percent with two decimals, five counters, three gauges in
//! bytes that move by pages, two constants and two latencies at full precision, under six labels; every other host's clock
//! jitters by 15 ms. Requests carry 5,000 samples, one sample a series entry, over two connections. CPU is the server's user
//! and system time from `/proc/PID/stat`; memory its `VmHWM` and `VmRSS`. Compare ratios within one run, never times across runs.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const METRICS: usize = 20;
const PER_REQUEST: usize = 5_000;
const CONNECTIONS: usize = 2;
const TICKS_PER_SECOND: f64 = 100.0;

/// splitmix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal: the sum of twelve, less six.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

struct Host {
    random: Random,
    jitters: bool,
    state: [f64; METRICS],
    labels: Vec<Vec<u8>>,
}

impl Host {
    fn new(number: usize) -> Self {
        let mut random = Random((number as u64 + 1) << 32);
        let state = std::array::from_fn(|m| match m {
            0..8 => 100.0 * random.unit(),
            8..13 => (1e6 * random.unit()).round(),
            13..16 => (random.next() % 1_000_000) as f64 * 4_096.0,
            _ => (random.next() % 64) as f64,
        });
        Self { random, jitters: number % 2 == 1, state, labels: (0..METRICS).map(|m| labels(number, m)).collect() }
    }

    fn step(&mut self, m: usize) -> f64 {
        let random = &mut self.random;
        let state = &mut self.state[m];
        match m {
            0..8 => {
                *state = (*state + 0.03 * (40.0 - *state) + random.normal()).clamp(0.0, 100.0);
                (*state * 100.0).round() / 100.0
            }
            8..13 => {
                *state += (200.0 * m as f64 * (1.0 + 0.2 * random.normal())).max(0.0).round();
                *state
            }
            13..16 => {
                if random.unit() < 0.6 {
                    *state = (*state + (random.normal() * 60.0).round() * 4_096.0).max(4_096.0);
                }
                *state
            }
            16..18 => *state,
            _ => (0.5 * random.normal() - 3.0).exp(),
        }
    }
}

fn metric(m: usize) -> String {
    match m {
        0..8 => format!("load_usage_{m}_percent"),
        8..13 => format!("load_events_{m}_total"),
        13..16 => format!("load_memory_{m}_bytes"),
        16..18 => format!("load_limit_{m}"),
        _ => format!("load_latency_{m}_seconds"),
    }
}

fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

fn field(out: &mut Vec<u8>, number: u8, content: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// The labels of a series, as they stand in a request.
fn labels(host: usize, m: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let pairs = [
        ("__name__", metric(m)),
        ("cluster", format!("cluster-{}", host % 4)),
        ("host", format!("host-{host:05}")),
        ("os", "linux".to_owned()),
        ("role", ["web", "database", "queue"][host % 3].to_owned()),
        ("version", format!("1.{}.0", host % 7)),
    ];
    for (name, value) in pairs {
        let mut label = Vec::new();
        field(&mut label, 1, name.as_bytes());
        field(&mut label, 2, value.as_bytes());
        field(&mut out, 1, &label);
    }
    out
}

fn push_series(request: &mut Vec<u8>, labels: &[u8], t: i64, v: f64) {
    let mut sample = vec![9];
    sample.extend_from_slice(&v.to_le_bytes());
    sample.push(16);
    varint(&mut sample, t as u64);
    request.push(10);
    varint(request, (labels.len() + 2 + sample.len()) as u64);
    request.extend_from_slice(labels);
    field(request, 2, &sample);
}

#[derive(Clone)]
struct Shape {
    hosts: usize,
    interval_ms: i64,
    steps: i64,
    end_ms: i64,
}

impl Shape {
    fn samples(&self) -> f64 {
        (self.hosts * METRICS) as f64 * self.steps as f64
    }

    fn time(&self, step: i64) -> i64 {
        self.end_ms - (self.steps - 1 - step) * self.interval_ms
    }
}

/// A connection that is kept open.
struct Http {
    port: u16,
    stream: BufReader<TcpStream>,
}

impl Http {
    fn connect(port: u16) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { port, stream: BufReader::new(stream) })
    }

    fn send(&mut self, head: &str, body: &[u8]) -> Outcome<(u16, Vec<u8>)> {
        let head = format!("{head}\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\n\r\n", self.port, body.len());
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.stream.get_mut().write_all(body)?;
        let (mut line, mut length, mut chunked, mut status) = (String::new(), 0, false, 0);
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err("the connection ended".into());
            }
            let text = line.trim_end();
            if status == 0 {
                status = text.split(' ').nth(1).ok_or("no status")?.parse()?;
            } else if text.is_empty() {
                break;
            } else if let Some((name, value)) = text.split_once(':') {
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse()?,
                    "transfer-encoding" => chunked = true,
                    _ => {}
                }
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        while chunked {
            line.clear();
            self.stream.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16)?;
            let from = body.len();
            body.resize(from + size + 2, 0);
            self.stream.read_exact(&mut body[from..])?;
            body.truncate(from + size);
            chunked = size > 0;
        }
        Ok((status, body))
    }

    fn write(&mut self, raw: &[u8]) -> Outcome<()> {
        const HEAD: &str = "POST /api/v1/write HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0";
        let body = snap::raw::Encoder::new().compress_vec(raw)?;
        loop {
            match self.send(HEAD, &body)? {
                (200..300, _) => return Ok(()),
                (429 | 503, _) => std::thread::sleep(Duration::from_millis(20)),
                (status, text) => return Err(format!("{status}: {}", String::from_utf8_lossy(&text)).into()),
            }
        }
    }

    fn query(&mut self, query: &str, time_ms: i64) -> Outcome<serde_json::Value> {
        let escape = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
        let query: String = query.bytes().map(escape).collect();
        let head = format!("GET /api/v1/query?query={query}&time={} HTTP/1.1", time_ms as f64 / 1e3);
        let (status, body) = self.send(&head, &[])?;
        if status == 200 { Ok(serde_json::from_slice(&body)?) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()) }
    }
}

/// Which server, and how it is started.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Taskpulse,
    VictoriaMetrics,
    Prometheus,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Taskpulse, Self::VictoriaMetrics, Self::Prometheus];

    fn name(self) -> &'static str {
        match self {
            Self::Taskpulse => "taskpulse",
            Self::VictoriaMetrics => "victoria-metrics",
            Self::Prometheus => "prometheus",
        }
    }

    fn is_here(self) -> bool {
        self == Self::Taskpulse || Command::new(self.name()).arg("--version").output().is_ok()
    }

    fn command(self, dir: &Path, port: u16) -> Outcome<Command> {
        let data = dir.join("data");
        Ok(match self {
            Self::Taskpulse => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_taskpulse"));
                command.args(["--no-browser", "--port", &port.to_string(), "--data-dir"]).arg(data);
                command
            }
            Self::VictoriaMetrics => {
                let mut command = Command::new(self.name());
                // Without the offset: by default the last 30 s are hidden from queries.
                command.arg(format!("-httpListenAddr=127.0.0.1:{port}")).arg("-search.latencyOffset=0s");
                command.arg(format!("-storageDataPath={}", data.display()));
                command
            }
            Self::Prometheus => {
                let config = dir.join("prometheus.yml");
                fs::write(&config, "global: {scrape_interval: 1h}\n")?;
                let mut command = Command::new(self.name());
                command.arg(format!("--config.file={}", config.display())).arg(format!("--storage.tsdb.path={}", data.display()));
                command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--web.enable-remote-write-receiver");
                command
            }
        })
    }

    fn ready_path(self) -> &'static str {
        match self {
            Self::Taskpulse => "/healthz",
            Self::VictoriaMetrics => "/health",
            Self::Prometheus => "/-/ready",
        }
    }
}

struct Server {
    kind: Kind,
    dir: PathBuf,
    port: u16,
    child: Child,
    since: Instant,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(kind: Kind, dir: &Path) -> Outcome<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = kind.command(dir, port)?;
        let since = Instant::now();
        let child = command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { kind, dir: dir.to_owned(), port, child, since };
        let head = format!("GET {} HTTP/1.1", kind.ready_path());
        loop {
            if Http::connect(port).and_then(|mut http| http.send(&head, &[])).is_ok_and(|(status, _)| status == 200) {
                return Ok(server);
            }
            if since.elapsed() > Duration::from_secs(60) {
                return Err(format!("{} does not get ready", kind.name()).into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn cpu_seconds(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit_once(')').ok_or("stat")?.1.split_whitespace().collect();
        Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS_PER_SECOND)
    }

    fn mib(&self, key: &str) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|l| l.starts_with(key)).ok_or("status")?;
        Ok(line.split_whitespace().nth(1).ok_or("status")?.parse::<f64>()? / 1_024.0)
    }

    /// Waits until it has been quiet for a while: merges and compactions are done.
    fn settle(&self, at_least: Duration) -> Outcome<()> {
        let begun = Instant::now();
        loop {
            let before = self.cpu_seconds()?;
            std::thread::sleep(Duration::from_secs(5));
            if (self.cpu_seconds()? - before < 0.25 && begun.elapsed() >= at_least) || begun.elapsed() > Duration::from_secs(300) {
                return Ok(());
            }
        }
    }

    fn signal(&mut self, name: &str) -> Outcome<()> {
        Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again; milliseconds until a query finds the newest sample.
    fn again(&mut self, signal: &str, shape: &Shape) -> Outcome<f64> {
        self.signal(signal)?;
        *self = Self::start(self.kind, &self.dir)?;
        let mut http = Http::connect(self.port)?;
        let query = format!("{}{{host=\"host-00000\"}}", metric(0));
        while points(&http.query(&query, shape.end_ms + 1_000)?) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(self.since.elapsed().as_secs_f64() * 1e3)
    }
}

/// Samples of an answer.
fn points(answer: &serde_json::Value) -> usize {
    let result = answer["data"]["result"].as_array();
    result.into_iter().flatten().map(|r| r["values"].as_array().map_or(1, Vec::len)).sum()
}

fn disk_bytes(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

/// Writes the workload; for each connection the last step that was acknowledged. Ends early when the server does.
fn write(port: u16, shape: &Shape, samples_per_second: Option<f64>) -> Outcome<Vec<i64>> {
    let work = |connection: usize| -> Outcome<i64> {
        let mut http = Http::connect(port)?;
        let mut hosts: Vec<Host> = (0..shape.hosts).filter(|h| h % CONNECTIONS == connection).map(Host::new).collect();
        let (mut request, mut count, mut acked) = (Vec::new(), 0, -1);
        let (begun, mut sent) = (Instant::now(), 0.0);
        for step in 0..shape.steps {
            let base = shape.time(step);
            for host in &mut hosts {
                let t = if host.jitters { base + (host.random.next() % 31) as i64 - 15 } else { base };
                for m in 0..METRICS {
                    let v = host.step(m);
                    push_series(&mut request, &host.labels[m], t, v);
                }
                count += METRICS;
                if count >= PER_REQUEST {
                    if http.write(&request).is_err() && samples_per_second.is_some() {
                        return Ok(acked);
                    }
                    sent += count as f64;
                    request.clear();
                    count = 0;
                    if let Some(rate) = samples_per_second {
                        let due = Duration::from_secs_f64(sent * CONNECTIONS as f64 / rate);
                        std::thread::sleep(due.saturating_sub(begun.elapsed()));
                    }
                }
            }
            if count == 0 {
                acked = step;
            }
        }
        if count > 0 {
            http.write(&request)?;
        }
        Ok(shape.steps - 1)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|c| scope.spawn(move || work(c))).collect();
        threads.into_iter().map(|t| t.join().map_err(|_| "a writer panicked")?).collect()
    })
}

fn percentile(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(((times.len() as f64 - 1.0) * part).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Milliseconds from the acknowledgement until a query shows the sample: median and 99th percentile of `tries`.
fn freshness(port: u16, tries: usize) -> Outcome<(f64, f64)> {
    let (mut writer, mut reader) = (Http::connect(port)?, Http::connect(port)?);
    let mut labels = Vec::new();
    let mut label = Vec::new();
    field(&mut label, 1, b"__name__");
    field(&mut label, 2, b"load_fresh");
    field(&mut labels, 1, &label);
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

fn measure(kind: Kind, shape: &Shape, table: &mut Table) -> Outcome<()> {
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
    let (p50, p99) = freshness(server.port, if kind == Kind::VictoriaMetrics { 5 } else { 200 })?;
    table.put("acknowledged → visible, p50 / p99, ms", format!("{p50:.2} / {p99:.2}"));
    table.put("ready after SIGTERM, ms", format!("{:.0}", server.again("TERM", shape)?));
    table.put("bytes on the disk per sample", format!("{:.2}", disk_bytes(&dir.path().join("data")) as f64 / shape.samples()));
    table.put("ready after SIGKILL, ms", format!("{:.0}", server.again("KILL", shape)?));
    Ok(())
}

/// Acknowledged samples that are gone after SIGKILL in mid-write, over some rounds.
fn crashes(kind: Kind, rounds: usize, table: &mut Table) -> Outcome<()> {
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
    table.put(&format!("acknowledged samples lost in {rounds} SIGKILLs"), format!("{lost} of {acknowledged} looked at"));
    Ok(())
}

/// Memory as history grows, with the same 2,000 series.
fn growth(kind: Kind, table: &mut Table) -> Outcome<()> {
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
    let wanted = |kind: &Kind| only.as_ref().is_none_or(|names| names.split(',').any(|name| name == kind.name())) && kind.is_here();
    for kind in Kind::ALL.into_iter().filter(wanted) {
        println!("== {}", kind.name());
        table.columns.push(kind.name().to_owned());
        if args.iter().any(|a| a == "--growth") {
            growth(kind, &mut table)?;
        } else if rounds > 0 {
            crashes(kind, rounds, &mut table)?;
        } else {
            measure(kind, &shape, &mut table)?;
        }
    }
    table.print();
    Ok(())
}
