//! What the service costs when it has nothing to do but its default work: CPU and memory over a minute.
//!
//! `cargo bench --bench idle` starts the real binary with default settings in a folder of its own with a small board,
//! waits for the start to settle, and reads `/proc/PID` before and after. `--seconds N` changes the minute.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SETTLE: Duration = Duration::from_secs(15);
const TICKS_PER_SECOND: f64 = 100.0;

fn cpu_seconds(pid: u32) -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or("stat")?.1.split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS_PER_SECOND)
}

fn status_kib(pid: u32, key: &str) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|l| l.starts_with(key)).ok_or("status")?;
    Ok(line.split_whitespace().nth(1).ok_or("status")?.parse()?)
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
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_taskpulse"))
        .current_dir(folder.path())
        .args(["--port", "0", "--no-browser"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let pid = child.id();
    let catalog = folder.path().join(".taskmaster/taskpulse/catalog");
    while !catalog.exists() && began.elapsed() < SETTLE {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(SETTLE);
    let (start, from) = (Instant::now(), cpu_seconds(pid)?);
    std::thread::sleep(Duration::from_secs(seconds));
    let (elapsed, spent) = (start.elapsed().as_secs_f64(), cpu_seconds(pid)? - from);
    let (resident, peak) = (status_kib(pid, "VmRSS:")? / 1024.0, status_kib(pid, "VmHWM:")? / 1024.0);
    let threads = status_kib(pid, "Threads:")?;
    child.kill()?;
    child.wait()?;
    println!("| CPU, % of one core | resident, MiB | peak resident, MiB | threads |");
    println!("|---|---|---|---|");
    println!("| {:.2} | {resident:.1} | {peak:.1} | {threads:.0} |", 100.0 * spent / elapsed);
    Ok(())
}
