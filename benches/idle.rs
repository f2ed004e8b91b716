//! What the service costs when it has nothing to do but its default work: CPU and memory over a minute, and how long each
//! actor held its thread.
//!
//! `cargo bench --bench idle` starts the real binary with default settings in a folder of its own with a small board and a
//! hundred control groups, waits for the start to settle, and reads `/proc/PID` before and after. `--seconds N` changes the
//! minute.

mod process;

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{cpu_seconds, status};

const SETTLE: Duration = Duration::from_secs(15);
/// As many units as a small server runs.
const GROUPS: usize = 100;

/// A machine's root with control groups of the kernel's files in it.
fn groups(root: &Path) -> std::io::Result<()> {
    let top = root.join("sys/fs/cgroup");
    for number in 0..GROUPS {
        let group = top.join(format!("system.slice/unit-{number}.service"));
        fs::create_dir_all(&group)?;
        fs::write(group.join("cpu.stat"), format!("usage_usec {number}000\nuser_usec 1\nsystem_usec 2\n"))?;
        fs::write(group.join("memory.current"), format!("{number}000\n"))?;
        fs::write(group.join("memory.max"), "max\n")?;
        fs::write(group.join("memory.events"), "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n")?;
        fs::write(group.join("io.stat"), "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n")?;
        fs::write(group.join("pids.current"), "7\n")?;
    }
    fs::write(top.join("cgroup.controllers"), "cpuset cpu io memory pids\n")
}

/// Where the service says that it listens. The rest of what it says is read and left.
fn address(stderr: ChildStderr) -> Result<String, Box<dyn Error>> {
    let mut lines = BufReader::new(stderr).lines();
    let found = lines.find_map(|line| {
        let line = line.ok()?;
        let (_, rest) = line.split_once(" on http://")?;
        Some(format!("http://{}", rest.split([' ', ',']).next()?))
    });
    std::thread::spawn(move || lines.for_each(drop));
    found.ok_or_else(|| "the service did not say where it listens".into())
}

/// How long each actor held its thread.
fn holds(address: &str) -> Result<(), Box<dyn Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let status: Value = reqwest::blocking::get(format!("{address}/api/v1/status"))?.json()?;
    let uptime = status["data"]["uptime_seconds"].as_f64().unwrap_or(f64::NAN);
    println!("{} series\n", status["data"]["store"]["series"]);
    println!("| actor | its thread, % | longest at a stretch, ms |");
    println!("|---|---|---|");
    for actor in status["data"]["actors"].as_array().into_iter().flatten() {
        let figure = |key: &str| actor[key].as_f64().unwrap_or(f64::NAN);
        let (share, longest) = (100.0 * figure("held_seconds") / uptime, 1e3 * figure("longest_hold_seconds"));
        println!("| {} | {share:.3} | {longest:.2} |", actor["name"].as_str().unwrap_or("?"));
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let seconds = args.iter().position(|a| a == "--seconds").and_then(|at| args.get(at + 1)?.parse().ok()).unwrap_or(60);
    let folder = tempfile::tempdir()?;
    let board = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/taskmaster/19");
    fs::create_dir_all(folder.path().join(".taskmaster/tasks"))?;
    for file in ["state.json", "tasks/tasks.json"] {
        fs::copy(board.join(file), folder.path().join(".taskmaster").join(file))?;
    }
    groups(&folder.path().join("host"))?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_taskpulse"))
        .current_dir(folder.path())
        .args(["--port", "0", "--no-browser"])
        .env("TASKPULSE__CONTAINERS__ROOT", "host")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let pid = child.id();
    let address = address(child.stderr.take().ok_or("stderr")?)?;
    std::thread::sleep(SETTLE);
    let (start, from) = (Instant::now(), cpu_seconds(pid)?);
    std::thread::sleep(Duration::from_secs(seconds));
    let (elapsed, spent) = (start.elapsed().as_secs_f64(), cpu_seconds(pid)? - from);
    let (resident, peak) = (status(pid, "VmRSS")? / 1024.0, status(pid, "VmHWM")? / 1024.0);
    let threads = status(pid, "Threads")?;
    let held = holds(&address);
    child.kill()?;
    child.wait()?;
    held?;
    println!();
    println!("| CPU, % of one core | resident, MiB | peak resident, MiB | threads |");
    println!("|---|---|---|---|");
    println!("| {:.2} | {resident:.1} | {peak:.1} | {threads:.0} |", 100.0 * spent / elapsed);
    Ok(())
}
