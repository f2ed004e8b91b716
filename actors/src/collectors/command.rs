//! Programs as sources: whatever prints Prometheus text or JSON can send to us.
//!
//! Each is run now and then, without a shell unless it asks for one, in a process group that is killed whole when its time
//! is over. A program that ends with another code than 0 has failed: nothing of what it printed is kept.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde_json::Value;
use taskpulse_engine::exposition::{self, Format, Line};
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, TimestampMs};
use taskpulse_engine::relabel;
use tokio::task::spawn_blocking;

use super::collector::{CollectFuture, Collection, Collector, Outcome, StalenessTracker};
use crate::standstill::Deadline;

/// Of the standard error, for the reason.
const MAX_STDERR: usize = 4_096;
/// How often a running program is looked at.
const STEP: Duration = Duration::from_millis(10);
/// Pieces of an output that are read between two checks of the time limit.
const DRAINS: usize = 16;
/// The same as [`STEP`], for the kernel.
const POLL: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

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
    /// Variables that it gets although they are the service's own.
    pub pass_environment: Vec<String>,
}

/// What a program printed and how it ended.
pub(crate) struct CommandOutput {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

/// Variables of the environment that are the service's own business: secrets, and what its init system told it. With `*`,
/// all that begin so.
const OWN_VARIABLES: [&str; 11] = [
    "TASKPULSE__*",
    "GITHUB_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "GH_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
    "LISTEN_PID",
    "CREDENTIALS_DIRECTORY",
];

/// Keeps from a program what is the service's own business. `passed` are names that it gets all the same.
pub fn clean_environment(command: &mut Command, passed: &[String]) {
    let own = |name: &str| {
        OWN_VARIABLES.iter().any(|own| match own.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == *own,
        })
    };
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if own(&text) && !passed.iter().any(|passed| *passed == text) {
            command.env_remove(&name);
        }
    }
}

/// Programs that were killed and have not ended: they wait in the kernel for a disk that does not answer.
static KILLED: Mutex<Vec<Child>> = Mutex::new(Vec::new());
/// With so many of them no more programs are run.
const MAX_KILLED: usize = 32;
/// How long the end of a program that was killed is waited for.
const REAP: Duration = Duration::from_secs(1);

/// Runs a program to its end; `passed` are variables that it gets although they are the service's own. Blocking, for at
/// most `timeout` and [`REAP`]. What the program leaves running outside its process group holds up nobody: its output is
/// no longer read.
///
/// # Errors
/// One line that says why it did not come to an end by itself.
pub(crate) fn run(command: &[String], passed: &[String], timeout: Duration, max_bytes: usize) -> Result<CommandOutput, String> {
    let [program, arguments @ ..] = command else { return Err("no program is named".to_owned()) };
    {
        let mut killed = KILLED.lock();
        killed.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if killed.len() >= MAX_KILLED {
            return Err(format!("{program}: not started, {MAX_KILLED} programs that were ended do not end"));
        }
    }
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    clean_environment(&mut command, passed);
    let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let outcome = follow(&mut child, timeout, max_bytes);
    // Its children too: what it started must not outlive it.
    if let Ok(pid) = i32::try_from(child.id())
        && let Some(pid) = rustix::process::Pid::from_raw(pid)
    {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    reap(child);
    let (code, out, err) = outcome?;
    let line = String::from_utf8_lossy(&err).lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("").chars().take(200).collect();
    Ok(CommandOutput { stdout: out, stderr: line, code })
}

/// Waits for the end of a program that was killed, but not for ever.
fn reap(mut child: Child) {
    let deadline = Instant::now() + REAP;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= deadline {
            KILLED.lock().push(child);
            return;
        }
        thread::sleep(STEP);
    }
}

/// One of the outputs of a program: what came of it, up to a bound; the rest is read and forgotten.
struct Pipe<P> {
    /// None once it is closed.
    pipe: Option<P>,
    bytes: Vec<u8>,
    most: usize,
}

impl<P: Read + AsFd> Pipe<P> {
    fn new(pipe: Option<P>, most: usize) -> Result<Self, String> {
        if let Some(pipe) = &pipe {
            let flags = fcntl_getfl(pipe).and_then(|flags| fcntl_setfl(pipe, flags | OFlags::NONBLOCK));
            flags.map_err(|error| format!("its output cannot be read: {error}"))?;
        }
        Ok(Self { pipe, bytes: Vec::new(), most })
    }

    /// Takes what is there.
    fn drain(&mut self) {
        let mut room = [0; 8_192];
        // One that prints without end must not keep us from looking at the clock.
        for _ in 0..DRAINS {
            let Some(pipe) = &mut self.pipe else { return };
            match pipe.read(&mut room) {
                Ok(count) if count > 0 => self.bytes.extend_from_slice(&room[..count.min(self.most - self.bytes.len())]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The end, or as good as one.
                _ => self.pipe = None,
            }
        }
    }
}

type Ended = (Option<i32>, Vec<u8>, Vec<u8>);

/// Reads what a program prints until it has ended and its output is closed.
fn follow(child: &mut Child, timeout: Duration, max_bytes: usize) -> Result<Ended, String> {
    let mut deadline = Deadline::after(timeout);
    let mut stdout = Pipe::new(child.stdout.take(), max_bytes + 1)?;
    let mut stderr = Pipe::new(child.stderr.take(), MAX_STDERR)?;
    loop {
        // Asked before the pipes are read: what it printed before its end is there then.
        let ended = child.try_wait().map_err(|error| error.to_string())?;
        stdout.drain();
        stderr.drain();
        if stdout.bytes.len() > max_bytes {
            return Err(format!("it printed more than {max_bytes} bytes"));
        }
        if let (Some(status), None) = (ended, &stdout.pipe) {
            return Ok((status.code(), stdout.bytes, stderr.bytes));
        }
        if deadline.is_over() {
            let seconds = timeout.as_secs_f64();
            return Err(match ended {
                Some(_) => {
                    format!("it ended, but after {seconds} s something that it started still holds its output; let that write elsewhere")
                }
                None => format!("it was not done after {seconds} s and was ended"),
            });
        }
        let fds = [stdout.pipe.as_ref().map(AsFd::as_fd), stderr.pipe.as_ref().map(AsFd::as_fd)];
        let mut fds: Vec<PollFd<'_>> = fds.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        let _ = poll(&mut fds, Some(&POLL));
    }
}

/// Samples of a program's output.
///
/// # Errors
/// What is wrong with it, and where.
fn parse(program: &Program, text: &str, now: TimestampMs) -> Result<Batch, String> {
    let mut batch = Batch::default();
    let given: Vec<(&str, &str)> = program.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut known = FxHashSet::default();
    let mut push = |mut labels: Vec<(String, String)>, time: Option<TimestampMs>, value: f64| -> Result<(), String> {
        relabel::attach(&mut labels, &given, true);
        let labels = Labels::new(labels.iter().map(|(n, v)| (n.as_str(), v.as_str()))).map_err(|error| error.to_string())?;
        let time = time.unwrap_or(now);
        if !known.insert((labels.clone(), time)) {
            return Err(format!("{labels} is printed twice for one time; print it once"));
        }
        batch.push(labels, time, value);
        Ok(())
    };
    match program.output {
        Output::Prometheus => {
            let format = if text.trim_end().ends_with("# EOF") { Format::OpenMetrics } else { Format::Prometheus };
            let mut lines = exposition::lines(text, format);
            while let Some(line) = lines.next() {
                if let Line::Sample { series, value, time } = line.map_err(|error| error.to_string())? {
                    let labels = exposition::parse_labels(series)
                        .map_err(|why| why.to_string())
                        .map(|labels| labels.into_iter().map(|(n, v)| (n.into_owned(), v.into_owned())).collect())
                        .and_then(|labels| push(labels, time, value));
                    labels.map_err(|why| format!("line {}: {why}", lines.number()))?;
                }
            }
        }
        Output::Json => {
            let right = "print {\"name\": 1} or [{\"name\": \"x\", \"labels\": {\"a\": \"b\"}, \"value\": 1, \"time\": 1764000000}]";
            let number = |value: &Value, of: &str| match value {
                Value::Number(n) => n.as_f64().ok_or_else(|| format!("{of}: {n} is too large")),
                Value::String(text) => exposition::parse_number(text).ok_or_else(|| format!("{of}: `{text}` is not a number")),
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
pub struct CommandCollector {
    program: Program,
    staleness: StalenessTracker,
}

impl CommandCollector {
    /// A source that runs a program.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Self { program, staleness: StalenessTracker::default() }
    }
}

impl Collector for CommandCollector {
    fn name(&self) -> String {
        format!("command {}", self.program.name)
    }

    fn every(&self) -> Duration {
        self.program.interval
    }

    fn timeout(&self) -> Duration {
        self.program.timeout + Duration::from_secs(5)
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            let program = self.program.clone();
            let work = spawn_blocking(move || {
                let run = run(&program.command, &program.pass_environment, program.timeout, program.max_bytes)?;
                if run.code != Some(0) {
                    let code = run.code.map_or("a signal".to_owned(), |code| format!("code {code}"));
                    return Err(format!("it ended with {code}: {}", run.stderr));
                }
                let text = match program.output {
                    Output::Prometheus => exposition::decode_text(run.stdout).map_err(|error| error.to_string())?,
                    Output::Json => String::from_utf8(run.stdout).map_err(|_| "its output is not UTF-8".to_owned())?,
                };
                parse(&program, &text, now)
            });
            let outcome = work.await.unwrap_or_else(|error| Err(error.to_string()));
            let (mut batch, failed) = match outcome {
                Ok(batch) => (batch, None),
                Err(why) => (Batch::default(), Some(why)),
            };
            self.staleness.mark(&mut batch, now);
            let found = Collection { batch, ..Collection::default() };
            match failed {
                None => Outcome::Complete(found),
                Some(why) => Outcome::Failed(why, found),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(output: Output, text: &str) -> Result<Vec<String>, String> {
        let program = Program {
            name: "p".to_owned(),
            command: Vec::new(),
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            output,
            labels: BTreeMap::from([("foo".to_owned(), "a".to_owned())]),
            max_bytes: 1 << 20,
            pass_environment: Vec::new(),
        };
        Ok(parse(&program, text, 7)?.rows().map(|(labels, sample)| format!("{labels} {} {}", sample.v, sample.t)).collect())
    }

    #[test]
    fn no_label_and_no_sample_of_a_program_takes_the_place_of_another() {
        for (output, text, expected) in [
            (Output::Prometheus, "e{foo=\"c\",exported_foo=\"d\"} 6", Ok(r#"e{exported_foo="d",foo="c"} 6 7"#)),
            (Output::Json, r#"[{"name":"e","labels":{"foo":"c"},"value":"Infinity"}]"#, Ok(r#"e{foo="c"} inf 7"#)),
            (Output::Prometheus, "e 1\ne 2\n", Err("line 2: e{foo=\"a\"} is printed twice")),
            (
                Output::Prometheus,
                "e{x=\"1\",y=\"2\"} 1\ne{y=\"2\",x=\"1\"} 1\n",
                Err("line 2: e{foo=\"a\",x=\"1\",y=\"2\"} is printed twice"),
            ),
            (Output::Json, r#"[{"name":"e","value":1},{"name":"e","value":2}]"#, Err("e{foo=\"a\"} is printed twice")),
            (Output::Json, r#"{"e":"1e999"}"#, Err("`1e999` is not a number")),
            (Output::Prometheus, "e 1\na-b 1\n", Err("line 2: `a-b`")),
            (Output::Prometheus, "# HELP e \u{feff}\n\u{feff}e 1\n", Err("line 2: ")),
        ] {
            match (printed(output, text), expected) {
                (Ok(rows), Ok(expected)) => assert_eq!(rows, [expected], "{text}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{text}: {why}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
        assert_eq!(printed(Output::Prometheus, "e 1 1000\ne 2 2000\n").map(|rows| rows.len()), Ok(2), "two times are two samples");
    }
}
