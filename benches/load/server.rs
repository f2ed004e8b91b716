//! The servers side by side: how each is started, asked, and looked at through `/proc`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::workload::{Shape, metric};
use crate::{Outcome, process};

/// A connection that is kept open.
pub struct Http {
    port: u16,
    stream: BufReader<TcpStream>,
}

impl Http {
    pub fn connect(port: u16) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { port, stream: BufReader::new(stream) })
    }

    pub fn send(&mut self, head: &str, body: &[u8]) -> Outcome<(u16, Vec<u8>)> {
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

    pub fn write(&mut self, raw: &[u8]) -> Outcome<()> {
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

    pub fn query(&mut self, query: &str, time_ms: i64) -> Outcome<serde_json::Value> {
        self.ask(&format!("query?query={}&time={}", escaped(query), time_ms as f64 / 1e3))
    }

    pub fn query_range(&mut self, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Outcome<serde_json::Value> {
        let [start, end, step] = [start_ms, end_ms, step_ms].map(|ms| ms as f64 / 1e3);
        self.ask(&format!("query_range?query={}&start={start}&end={end}&step={step}", escaped(query)))
    }

    fn ask(&mut self, path: &str) -> Outcome<serde_json::Value> {
        let (status, body) = self.send(&format!("GET /api/v1/{path} HTTP/1.1"), &[])?;
        if status == 200 { Ok(serde_json::from_slice(&body)?) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()) }
    }
}

fn escaped(query: &str) -> String {
    query.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Which server, and how it is started.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Taskpulse,
    VictoriaMetrics,
    Prometheus,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Taskpulse, Self::VictoriaMetrics, Self::Prometheus];

    pub fn name(self) -> &'static str {
        match self {
            Self::Taskpulse => "taskpulse",
            Self::VictoriaMetrics => "victoria-metrics",
            Self::Prometheus => "prometheus",
        }
    }

    pub fn is_here(self) -> bool {
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

pub struct Server {
    kind: Kind,
    dir: PathBuf,
    pub port: u16,
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
    pub fn start(kind: Kind, dir: &Path) -> Outcome<Self> {
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

    pub fn cpu_seconds(&self) -> Outcome<f64> {
        Ok(process::cpu_seconds(self.child.id())?)
    }

    pub fn mib(&self, key: &str) -> Outcome<f64> {
        Ok(process::status(self.child.id(), key)? / 1_024.0)
    }

    /// Waits until it has been quiet for a while: merges and compactions are done.
    pub fn settle(&self, at_least: Duration) -> Outcome<()> {
        let begun = Instant::now();
        loop {
            let before = self.cpu_seconds()?;
            std::thread::sleep(Duration::from_secs(5));
            if (self.cpu_seconds()? - before < 0.25 && begun.elapsed() >= at_least) || begun.elapsed() > Duration::from_secs(300) {
                return Ok(());
            }
        }
    }

    pub fn signal(&mut self, name: &str) -> Outcome<()> {
        Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again; milliseconds until a query finds the newest sample.
    pub fn again(&mut self, signal: &str, shape: &Shape) -> Outcome<f64> {
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
pub fn points(answer: &serde_json::Value) -> usize {
    let result = answer["data"]["result"].as_array();
    result.into_iter().flatten().map(|r| r["values"].as_array().map_or(1, Vec::len)).sum()
}

pub fn disk_bytes(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
