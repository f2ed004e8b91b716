//! The servers side by side: how each is started, queried and measured through `/proc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::Http;
use crate::workload::{Shape, metric};
use crate::{Outcome, process};

/// Which server, and how it is started.
#[derive(Clone, Copy, PartialEq)]
pub enum ServerKind {
    Taskpulse,
    VictoriaMetrics,
    Prometheus,
}

impl ServerKind {
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

    fn command(self, dir: &Path) -> Outcome<Command> {
        let data = dir.join("data");
        Ok(match self {
            Self::Taskpulse => {
                let binary = std::env::var("TASKPULSE_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_taskpulse").to_owned());
                let mut command = Command::new(binary);
                command.args(["--no-browser", "--port", "0", "--data-dir"]).arg(data);
                command
            }
            Self::VictoriaMetrics => {
                let mut command = Command::new(self.name());
                // Without the offset: by default the last 30 s are hidden from queries.
                command.arg("-httpListenAddr=127.0.0.1:0").arg("-search.latencyOffset=0s");
                command.arg(format!("-storageDataPath={}", data.display()));
                command
            }
            Self::Prometheus => {
                let config = dir.join("prometheus.yml");
                fs::write(&config, "global: {scrape_interval: 1h}\n")?;
                let mut command = Command::new(self.name());
                command.arg(format!("--config.file={}", config.display())).arg(format!("--storage.tsdb.path={}", data.display()));
                command.arg("--web.listen-address=127.0.0.1:0").arg("--web.enable-remote-write-receiver");
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
    kind: ServerKind,
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
    pub fn start(kind: ServerKind, dir: &Path) -> Outcome<Self> {
        let mut command = kind.command(dir)?;
        let since = Instant::now();
        let child = command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut server = Self { kind, dir: dir.to_owned(), port: 0, child, since };
        let head = format!("GET {} HTTP/1.1", kind.ready_path());
        loop {
            if let Some(port) = process::listening_port(server.child.id()) {
                server.port = port;
                if Http::connect(port).and_then(|mut http| http.send(&head, &[])).is_ok_and(|(status, _)| status == 200) {
                    return Ok(server);
                }
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
