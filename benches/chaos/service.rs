//! The service under trouble: started on a data directory of its own, watched, stopped in any way.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::Http;
use crate::{Outcome, process};

const BINARY: &str = env!("CARGO_BIN_EXE_taskpulse");

/// How a service is started.
#[derive(Clone, Default)]
pub struct Setup {
    pub data: PathBuf,
    /// Where its log goes.
    pub log: PathBuf,
    pub env: Vec<(String, String)>,
    /// Most open files, where that is to be few.
    pub open_files: Option<u32>,
}

impl Setup {
    /// Without collectors, so that every sample is known, and with seals and compactions all the time.
    pub fn busy(dir: &Path) -> Self {
        let setup = Self { data: dir.join("data"), log: dir.join("log"), ..Self::default() };
        setup
            .with("STORE__MAX_HEAD_SAMPLES", "10000")
            .with("STORE__SEAL_INTERVAL", "1m")
            .with("STORE__COMPACT_AFTER", "1s")
            .with("STORE__COMPACTION_SHARE", "1")
    }

    /// With a setting by the name of its variable.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.env.push((format!("TASKPULSE__{key}"), value.to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Outcome<Command> {
        let mut command = match self.open_files {
            None => Command::new(BINARY),
            Some(most) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\""), BINARY]);
                shell
            }
        };
        for part in ["SYSTEM", "TASKMASTER", "GITHUB", "CONTAINERS"] {
            command.env(format!("TASKPULSE__{part}__ENABLED"), "false");
        }
        let log = File::options().create(true).append(true).open(&self.log)?;
        let here = self.log.parent().ok_or("the log has no folder")?;
        command.current_dir(here).args(arguments).envs(self.env.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    /// Runs it to the end, for a subcommand; its exit code.
    pub fn run(&self, arguments: &[&str]) -> Outcome<Option<i32>> {
        Ok(self.command(arguments)?.status()?.code())
    }

    /// Begins a subcommand.
    pub fn begin(&self, arguments: &[&str]) -> Outcome<Child> {
        Ok(self.command(arguments)?.spawn()?)
    }

    /// Starts the service and does not wait for it. Its port is known once it serves.
    pub fn spawn(&self) -> Outcome<Service> {
        let log_from = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        let data = self.data.to_str().ok_or("a path is not text")?;
        let since = Instant::now();
        let child = self.command(&["--no-browser", "--port", "0", "--data-dir", data])?.spawn()?;
        Ok(Service { child, port: 0, since, log: self.log.clone(), log_from })
    }

    /// Starts the service and waits until it serves, in whatever health.
    pub fn start(&self) -> Outcome<Service> {
        let mut service = self.spawn()?;
        service.until_served(Duration::from_secs(30))?;
        Ok(service)
    }
}

pub struct Service {
    child: Child,
    pub port: u16,
    pub since: Instant,
    log: PathBuf,
    /// Where its part of the log begins.
    log_from: u64,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn http(&self) -> Outcome<Http> {
        Http::connect(self.port)
    }

    /// Waits until it answers, in whatever health; how long it took since its start.
    pub fn until_served(&mut self, limit: Duration) -> Outcome<Duration> {
        loop {
            if let Some(port) = self.announced_port() {
                self.port = port;
                if self.health().is_ok() {
                    return Ok(self.since.elapsed());
                }
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended at its start ({status}): {}", self.last_words()).into());
            }
            if self.since.elapsed() > limit {
                return Err(format!("it does not serve after {limit:?}: {}", self.last_words()).into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Status and text of `/healthz`.
    pub fn health(&self) -> Outcome<(u16, String)> {
        let (status, body) = self.http()?.send("GET /healthz HTTP/1.1", &[])?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    pub fn post(&self, path: &str) -> Outcome<(u16, Value)> {
        let (status, body) = self.http()?.send(&format!("POST {path} HTTP/1.1"), &[])?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// What it says is wrong.
    pub fn problems(&self) -> Outcome<Vec<String>> {
        let answer = self.http()?.ask("status")?;
        let texts = answer["data"]["problems"].as_array().map(|list| list.iter().map(Value::to_string).collect());
        Ok(texts.unwrap_or_default())
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> Outcome<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// SIGKILL.
    pub fn kill(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Stops it in order; none where it did not end in time, and had to be killed.
    pub fn stop(mut self, limit: Duration) -> Outcome<Option<i32>> {
        Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        let asked = Instant::now();
        while asked.elapsed() < limit {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(None)
    }

    pub fn mib(&self, key: &str) -> Outcome<f64> {
        Ok(process::status(self.pid(), key)? / 1_024.0)
    }

    /// The port that the system gave it, from its log.
    fn announced_port(&self) -> Option<u16> {
        let log = std::fs::read(&self.log).ok()?;
        let text = String::from_utf8_lossy(log.get(usize::try_from(self.log_from).ok()?..)?);
        let (_, address) = text.split_once(" on http://")?;
        address.split([' ', ',']).next()?.rsplit(':').next()?.parse().ok()
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().rev().take(2).collect::<Vec<_>>().join(" | ")
    }
}

/// Lines of a log, from a place on, that warn or worse.
pub fn warnings(log: &Path, from: u64) -> Outcome<Vec<String>> {
    let text = std::fs::read(log)?;
    let text = String::from_utf8_lossy(text.get(from as usize..).unwrap_or_default()).into_owned();
    Ok(text
        .lines()
        .filter(|line| line.contains("WARN") || line.contains("ERROR") || line.contains("panicked"))
        .map(str::to_owned)
        .collect())
}
