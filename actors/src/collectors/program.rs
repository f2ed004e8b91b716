//! Running programs: without a shell unless the command is one, in a process group that is killed when the time limit is over.
//!
//! Output is bounded, and the service's secrets are kept out of the environment. What a program leaves running outside its
//! process group holds nothing up: its output is no longer read.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

use crate::standstill::Deadline;

/// Most bytes of the standard error that are kept, for the reason.
const MAX_STDERR: usize = 4_096;
/// Longest reason from the standard error, in characters.
const MAX_REASON: usize = 200;
/// Bytes that are read at once.
const CHUNK: usize = 8_192;
/// Wait for the rest of the standard error after the end of a program.
const REST: Duration = Duration::from_millis(100);
/// Wait for the end of a program that was killed.
const REAP: Duration = Duration::from_secs(1);
/// So often processes that a killed service left running are looked for.
const MAX_SWEEPS: usize = 100;
/// The time between two of them.
const SWEEP_PAUSE: Duration = Duration::from_millis(10);
/// With so many killed programs that do not end, no more programs are run.
const MAX_KILLED: usize = 32;

/// Variables of the service's environment that programs do not get: secrets, and what is from its init system. `*` stands for
/// any ending.
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

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, with this code.
    Code(i32),
    /// By a signal.
    Signal,
}

impl End {
    /// Whether the code is 0.
    pub(crate) fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> Self {
        status.code().map_or(Self::Signal, Self::Code)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "code {code}"),
            Self::Signal => f.write_str("a signal"),
        }
    }
}

/// Output and end of a program.
pub(crate) struct CommandOutput {
    pub(crate) stdout: Vec<u8>,
    /// The first line that is not empty.
    pub(crate) stderr: String,
    pub(crate) end: End,
}

/// Why a program did not end by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The command is empty.
    #[error("no program is named")]
    NoProgram,
    /// [`MAX_KILLED`] is reached.
    #[error("{0}: not started, {MAX_KILLED} programs that were ended do not end")]
    TooManyKilled(String),
    /// It cannot be started.
    #[error("{program}: {error}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// Its end cannot be waited for.
    #[error("its end cannot be waited for: {0}")]
    Wait(io::Error),
    /// It printed more than is read.
    #[error("it printed more than {0} bytes")]
    TooMuchOutput(usize),
    /// Its time is over.
    #[error("it was not done after {} s and was ended", .0.as_secs_f64())]
    TimedOut(Duration),
    /// It ended, but its standard output is still open when its time is over.
    #[error("it ended, but after {} s something that it started still holds its output; let that write elsewhere", .0.as_secs_f64())]
    OutputHeld(Duration),
    /// Starting it panicked.
    #[error("starting it panicked: {0}")]
    Panicked(#[from] JoinError),
}

/// Removes the service's own variables from the environment of a program, except those in `passed`.
fn clean_environment(command: &mut std::process::Command, passed: &[String]) {
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

/// Programs that are being started: each holds a thread of the pool, for long if the disk of its file does not answer.
static STARTS: Semaphore = Semaphore::const_new(2);

/// Programs that were killed and have not ended: they wait in the kernel for a disk that does not answer.
static KILLED: AtomicUsize = AtomicUsize::new(0);

/// A process group. It is killed when this is dropped, also when a run is abandoned.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs a program to its end, for at most `limit`, and kills its process group then; `passed` are variables of the service
/// that it gets all the same.
///
/// # Errors
/// [`RunError`] if it did not end by itself.
pub(crate) async fn run(command: &[String], passed: &[String], limit: Duration, max_bytes: usize) -> Result<CommandOutput, RunError> {
    run_with(command, Input { passed, environment: &[] }, limit, max_bytes).await
}

/// What a program gets beside its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    /// Variables of the service that it gets although they are its own.
    pub(crate) passed: &'a [String],
    /// Further variables.
    pub(crate) environment: &'a [(String, String)],
}

/// As [`run`], with more to go by.
///
/// # Errors
/// [`RunError`] if it did not end by itself.
pub(crate) async fn run_with(command: &[String], input: Input<'_>, limit: Duration, max_bytes: usize) -> Result<CommandOutput, RunError> {
    let mut output = Output { stdout: Capture::new(Keep::First(max_bytes + 1)), stderr: Capture::new(Keep::First(MAX_STDERR)) };
    let end = run_to_end(command, input, limit, &mut output, max_bytes).await?;
    let text = String::from_utf8_lossy(&output.stderr.bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    Ok(CommandOutput { stdout: output.stdout.bytes, stderr: line.chars().take(MAX_REASON).collect(), end })
}

/// What became of a program, and the last of what it printed: its standard output, then its standard error.
pub(crate) struct Ended {
    pub(crate) end: Result<End, RunError>,
    pub(crate) tail: String,
}

/// As [`run_with`], for a program that may print as much as it likes: the last `most` bytes of each output are kept, also of one that
/// was ended.
pub(crate) async fn run_for_tail(command: &[String], input: Input<'_>, limit: Duration, most: usize) -> Ended {
    let mut output = Output { stdout: Capture::new(Keep::Last(most)), stderr: Capture::new(Keep::Last(most)) };
    let end = run_to_end(command, input, limit, &mut output, usize::MAX).await;
    let (stdout, stderr) = (output.stdout.last(), output.stderr.last());
    let between = if stdout.is_empty() || stderr.is_empty() || stdout.ends_with('\n') { "" } else { "\n" };
    Ended { end, tail: format!("{stdout}{between}{stderr}") }
}

/// Starts a program, follows it to its end, and kills what is left of its process group.
async fn run_to_end(command: &[String], input: Input<'_>, limit: Duration, output: &mut Output, max_bytes: usize) -> Result<End, RunError> {
    let mut child = start(command, input).await?;
    output.stdout.pipe = child.stdout.take();
    output.stderr.pipe = child.stderr.take();
    let group = ProcessGroup::of(&child);
    let end = follow(&mut child, limit, output, max_bytes).await;
    drop(group);
    reap(child).await;
    end
}

/// Starts a program in a process group of its own.
async fn start(command: &[String], input: Input<'_>) -> Result<Child, RunError> {
    let [program, arguments @ ..] = command else { return Err(RunError::NoProgram) };
    if KILLED.load(Ordering::Relaxed) >= MAX_KILLED {
        return Err(RunError::TooManyKilled(program.clone()));
    }
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    clean_environment(command.as_std_mut(), input.passed);
    command.envs(input.environment.iter().map(|(name, value)| (name, value)));
    // On the pool: the start reads the program's file, whose disk may be slow.
    let place = STARTS.acquire().await;
    let start = move || {
        let _place = place;
        command.spawn()
    };
    let started = spawn_blocking(start).await?;
    started.map_err(|error| RunError::Start { program: program.clone(), error })
}

/// Kills all processes in whose environment a variable has this value: what a killed service left running. How many there were.
pub(crate) fn kill_marked(name: &str, value: &str) -> usize {
    let mark = format!("{name}={value}");
    let marked = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    let mut killed = BTreeSet::new();
    // Again while there are some: one may have started another meanwhile, and one that was killed takes a moment to end.
    for _ in 0..MAX_SWEEPS {
        let names = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
        let pids = names.filter_map(|name| name.to_str()?.parse::<i32>().ok());
        let found: Vec<i32> = pids.filter(marked).collect();
        if found.is_empty() {
            break;
        }
        for pid in found {
            if Pid::from_raw(pid).is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok()) {
                killed.insert(pid);
            }
        }
        std::thread::sleep(SWEEP_PAUSE);
    }
    killed.len()
}

/// Waits for the end of a program that was killed; after a while in a task of its own.
async fn reap(mut child: Child) {
    if timeout(REAP, child.wait()).await.is_err() {
        KILLED.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let _ = child.wait().await;
            KILLED.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// What is kept of an output; the rest is read and dropped.
#[derive(Clone, Copy)]
enum Keep {
    /// The first bytes.
    First(usize),
    /// The last bytes.
    Last(usize),
}

/// The outputs of a program.
struct Output {
    stdout: Capture<ChildStdout>,
    stderr: Capture<ChildStderr>,
}

/// An output of a program.
struct Capture<P> {
    /// None before it is opened and once it is closed.
    pipe: Option<P>,
    bytes: Vec<u8>,
    keep: Keep,
    /// What the next read fills. On the heap: within the future it would make every caller's future large.
    chunk: Box<[u8]>,
}

impl<P: AsyncRead + Unpin> Capture<P> {
    fn new(keep: Keep) -> Self {
        Self { pipe: None, bytes: Vec::new(), keep, chunk: vec![0; CHUNK].into_boxed_slice() }
    }

    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reads what comes next. Nothing is lost if this is dropped before its end.
    async fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.read(&mut self.chunk).await {
            Ok(count) if count > 0 => match self.keep {
                Keep::First(most) => self.bytes.extend_from_slice(&self.chunk[..count.min(most.saturating_sub(self.bytes.len()))]),
                Keep::Last(most) => {
                    self.bytes.extend_from_slice(&self.chunk[..count]);
                    self.bytes.drain(..self.bytes.len().saturating_sub(most));
                }
            },
            // The end, or an error, which is as good.
            _ => self.pipe = None,
        }
    }

    async fn read_to_end(&mut self) {
        while self.is_open() {
            self.read().await;
        }
    }

    /// What is kept of it as text, without a first line of which a part is missing.
    fn last(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        match (self.keep, text.split_once('\n')) {
            (Keep::Last(most), Some((_, rest))) if self.bytes.len() >= most => rest.to_owned(),
            _ => text.into_owned(),
        }
    }
}

/// Reads the outputs until the program has ended and its standard output is closed.
async fn follow(child: &mut Child, limit: Duration, output: &mut Output, max_bytes: usize) -> Result<End, RunError> {
    let Output { stdout, stderr } = output;
    let mut deadline = Deadline::after(limit);
    let mut end: Option<End> = None;
    let end = loop {
        if let (Some(end), false) = (end, stdout.is_open()) {
            break end;
        }
        if deadline.is_over() {
            return Err(if end.is_some() { RunError::OutputHeld(limit) } else { RunError::TimedOut(limit) });
        }
        tokio::select! {
            status = child.wait(), if end.is_none() => end = Some(status.map_err(RunError::Wait)?.into()),
            () = stdout.read(), if stdout.is_open() => {}
            () = stderr.read(), if stderr.is_open() => {}
            () = tokio::time::sleep(deadline.remaining()) => {}
        }
        if stdout.bytes.len() > max_bytes {
            return Err(RunError::TooMuchOutput(max_bytes));
        }
    };
    // What it printed before its end may still be on its way.
    let _ = timeout(REST, stderr.read_to_end()).await;
    Ok(end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    async fn shell(script: &str, limit: Duration) -> Result<CommandOutput, RunError> {
        run(&["sh", "-c", script].map(str::to_owned), &[], limit, 100).await
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn output_and_end_of_a_program_are_what_it_printed_and_how_it_ended() {
        for (script, stdout, stderr, end) in [
            ("echo a; echo; echo b", "a\n\nb\n", "", End::Code(0)),
            ("echo; echo ' why ' >&2; echo more >&2; exit 3", "\n", "why", End::Code(3)),
            ("kill -9 $$", "", "", End::Signal),
            ("exec >&-; exec 2>&-; exit 4", "", "", End::Code(4)),
            // What it leaves running holds nothing up if that does not hold the output.
            ("setsid sleep 100 >/dev/null & echo a", "a\n", "", End::Code(0)),
        ] {
            let run = shell(script, LONG).await.unwrap();
            assert_eq!((String::from_utf8(run.stdout).unwrap().as_str(), run.stderr.as_str(), run.end), (stdout, stderr, end), "{script}");
        }
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_or_prints_too_much_is_killed_with_its_group() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
        assert!(matches!(shell(&script, SHORT).await, Err(RunError::TimedOut(_))));
        let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        let ended = || std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
        let deadline = std::time::Instant::now() + LONG;
        while !ended() {
            assert!(std::time::Instant::now() < deadline, "its child still runs");
            tokio::task::yield_now().await;
        }
        assert!(matches!(shell("yes", LONG).await, Err(RunError::TooMuchOutput(100))));
        assert!(matches!(shell("yes >&2", SHORT).await, Err(RunError::TimedOut(_))), "the standard error is read and dropped");
        assert!(matches!(shell("sleep 1000 & exit 0", SHORT).await, Err(RunError::OutputHeld(_))));
        assert!(matches!(run(&["/no/such".to_owned()], &[], LONG, 1).await, Err(RunError::Start { .. })));
        assert!(matches!(run(&[], &[], LONG, 1).await, Err(RunError::NoProgram)));
    }

    #[tokio::test]
    async fn of_a_program_for_people_the_last_lines_are_kept_however_it_ends() {
        let environment = [("MARK".to_owned(), "a".to_owned())];
        let input = Input { passed: &[], environment: &environment };
        let tail = async |script: &str, limit| run_for_tail(&["sh", "-c", script].map(str::to_owned), input, limit, 40).await;
        let ended = tail("seq 1 100000; echo $MARK >&2; exit 3", LONG).await;
        assert!(matches!(ended.end, Ok(End::Code(3))));
        assert!(ended.tail.starts_with("9999") && ended.tail.ends_with("100000\na\n"), "{:?}", ended.tail);
        for script in ["echo begun; sleep 1000", "echo begun; sleep 1000 & exit 0"] {
            let ended = tail(script, SHORT).await;
            assert!(ended.end.is_err(), "{script}");
            assert_eq!(ended.tail, "begun\n", "{script}");
        }
    }

    #[test]
    fn what_a_killed_service_left_running_is_found_by_its_environment() {
        let mark = format!("{:?}", std::time::Instant::now());
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "sleep 1000 & setsid sleep 1000 & echo; wait"]).env("TASKPULSE_TEST_MARK", &mark).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        // The shell and both that it started, of which one has a process group of its own.
        assert_eq!(kill_marked("TASKPULSE_TEST_MARK", &mark), 3);
        child.wait().unwrap();
        assert_eq!(kill_marked("TASKPULSE_TEST_MARK", &mark), 0);
    }
}
