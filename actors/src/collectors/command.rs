//! Programs as sources: whatever prints Prometheus text or JSON can send to us.
//!
//! Each is run now and then, without a shell unless it asks for one, in a process group that is killed whole when its time
//! is over. A program that ends with another code than 0 has failed: nothing of what it printed is kept.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use taskpulse_engine::exposition::{self, Format, Line};
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, TimestampMs};
use tokio::task::spawn_blocking;

use super::source::{Findings, Look, Looking, Source, Vanished};

/// Of the standard error, for the reason.
const MAX_STDERR: usize = 4_096;
/// How often a running program is looked at.
const STEP: Duration = Duration::from_millis(10);

/// How the output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Prometheus text or OpenMetrics.
    Prometheus,
    /// `{"name": 1}`, or a list of `{"name", "labels", "value", "time"}`.
    Json,
}

/// A program to run.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name in status.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Time between runs.
    pub interval: Duration,
    /// Longest time of one.
    pub timeout: Duration,
    /// How its output is read.
    pub output: Output,
    /// Labels that every series gets.
    pub labels: BTreeMap<String, String>,
    /// Bytes of output.
    pub max_bytes: usize,
}

/// What a program printed and how it ended.
pub(crate) struct Run {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

/// Runs a program to its end. Blocking.
///
/// # Errors
/// One line that says why it did not come to an end by itself.
pub(crate) fn run(command: &[String], timeout: Duration, max_bytes: usize) -> Result<Run, String> {
    let [program, arguments @ ..] = command else { return Err("no program is named".to_owned()) };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let deadline = Instant::now() + timeout;
    let stdout = reading(child.stdout.take(), max_bytes + 1);
    let stderr = reading(child.stderr.take(), MAX_STDERR);
    let outcome = wait(&mut child, deadline, &stdout, max_bytes, timeout);
    // Its children too: what it started must not outlive it.
    if let Ok(pid) = i32::try_from(child.id())
        && let Some(pid) = rustix::process::Pid::from_raw(pid)
    {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
    let (code, out) = outcome?;
    let err = stderr.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    let line = String::from_utf8_lossy(&err).lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("").chars().take(200).collect();
    Ok(Run { stdout: out, stderr: line, code })
}

type Bytes = mpsc::Receiver<Vec<u8>>;

fn wait(
    child: &mut Child,
    deadline: Instant,
    stdout: &Bytes,
    max_bytes: usize,
    timeout: Duration,
) -> Result<(Option<i32>, Vec<u8>), String> {
    let mut out: Option<Vec<u8>> = None;
    loop {
        if out.is_none() {
            out = stdout.try_recv().ok();
        }
        if out.as_ref().is_some_and(|out| out.len() > max_bytes) {
            return Err(format!("it printed more than {max_bytes} bytes"));
        }
        match (child.try_wait(), &mut out) {
            (Ok(Some(status)), Some(out)) => return Ok((status.code(), std::mem::take(out))),
            (Err(error), _) => return Err(error.to_string()),
            _ => {}
        }
        if Instant::now() >= deadline {
            return Err(format!("it was not done after {} s and was ended", timeout.as_secs_f64()));
        }
        thread::sleep(STEP);
    }
}

/// Reads a pipe on a thread of its own, so that a full one holds nobody up.
fn reading(pipe: Option<impl Read + Send + 'static>, max_bytes: usize) -> Bytes {
    let (send, receive) = mpsc::channel();
    if let Some(pipe) = pipe {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.take(max_bytes as u64).read_to_end(&mut bytes);
            let _ = send.send(bytes);
        });
    }
    receive
}

/// Samples of a program's output.
///
/// # Errors
/// What is wrong with it, and where.
fn parse(program: &Program, text: &str, now: TimestampMs) -> Result<Batch, String> {
    let mut batch = Batch::default();
    let mut push = |own: Vec<(String, String)>, time: Option<TimestampMs>, value: f64| -> Result<(), String> {
        let others = program.labels.iter().filter(|(name, _)| !own.iter().any(|(n, _)| n == *name));
        let pairs = own.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(others.map(|(n, v)| (n.as_str(), v.as_str())));
        batch.push(Labels::new(pairs).map_err(|error| error.to_string())?, time.unwrap_or(now), value);
        Ok(())
    };
    match program.output {
        Output::Prometheus => {
            let format = if text.trim_end().ends_with("# EOF") { Format::OpenMetrics } else { Format::Prometheus };
            for line in exposition::lines(text, format) {
                if let Line::Sample { series, value, time } = line.map_err(|error| error.to_string())? {
                    let labels = exposition::labels(series)?;
                    push(labels.into_iter().map(|(n, v)| (n.into_owned(), v.into_owned())).collect(), time, value)?;
                }
            }
        }
        Output::Json => {
            let right = "print {\"name\": 1} or [{\"name\": \"x\", \"labels\": {\"a\": \"b\"}, \"value\": 1, \"time\": 1764000000}]";
            let number = |value: &Value, of: &str| match value {
                Value::Number(n) => n.as_f64().ok_or_else(|| format!("{of}: {n} is too large")),
                Value::String(text) => text.parse().map_err(|_| format!("{of}: `{text}` is not a number")),
                Value::Bool(there) => Ok(f64::from(*there)),
                other => Err(format!("{of}: {other} is not a number; {right}")),
            };
            let name = |name: &str| (NAME_LABEL.to_owned(), name.to_owned());
            match serde_json::from_str::<Value>(text).map_err(|error| format!("not JSON: {error}; {right}"))? {
                Value::Object(figures) => {
                    for (metric, value) in &figures {
                        push(vec![name(metric)], None, number(value, metric)?)?;
                    }
                }
                Value::Array(items) => {
                    for (at, item) in items.iter().enumerate() {
                        let metric = item["name"].as_str().ok_or_else(|| format!("[{at}] has no name; {right}"))?;
                        let labels = item["labels"].as_object().into_iter().flatten();
                        let labels = labels.map(|(n, v)| (n.clone(), v.as_str().map_or_else(|| v.to_string(), str::to_owned)));
                        let time = item.get("time").filter(|t| !t.is_null()).map(|t| number(t, "time")).transpose()?;
                        push(
                            [name(metric)].into_iter().chain(labels).collect(),
                            time.map(|s| (s * 1e3) as i64),
                            number(&item["value"], metric)?,
                        )?;
                    }
                }
                other => return Err(format!("{other} is no list of figures; {right}")),
            }
        }
    }
    Ok(batch)
}

/// Runs one program.
pub struct CommandSource {
    program: Program,
    vanished: Vanished,
}

impl CommandSource {
    /// A source that runs a program.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Self { program, vanished: Vanished::default() }
    }
}

impl Source for CommandSource {
    fn name(&self) -> String {
        format!("command {}", self.program.name)
    }

    fn every(&self) -> Duration {
        self.program.interval
    }

    fn timeout(&self) -> Duration {
        self.program.timeout + Duration::from_secs(5)
    }

    fn look(&mut self, now: TimestampMs) -> Looking<'_> {
        Box::pin(async move {
            let program = self.program.clone();
            let work = spawn_blocking(move || {
                let run = run(&program.command, program.timeout, program.max_bytes)?;
                if run.code != Some(0) {
                    let code = run.code.map_or("a signal".to_owned(), |code| format!("code {code}"));
                    return Err(format!("it ended with {code}: {}", run.stderr));
                }
                let text = String::from_utf8(run.stdout).map_err(|_| "its output is not UTF-8".to_owned())?;
                parse(&program, &text, now)
            });
            let outcome = work.await.unwrap_or_else(|error| Err(error.to_string()));
            let (mut batch, failed) = match outcome {
                Ok(batch) => (batch, None),
                Err(why) => (Batch::default(), Some(why)),
            };
            self.vanished.mark(&mut batch, now);
            let found = Findings { batch, ..Findings::default() };
            match failed {
                None => Look::Found(found),
                Some(why) => Look::Failed(why, found),
            }
        })
    }
}
