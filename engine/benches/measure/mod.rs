//! What benches of the engine measure of themselves: times of questions, bytes on the disk, CPU time and memory.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

pub type Outcome<T> = Result<T, Box<dyn Error>>;

pub const MIB: f64 = 1_048_576.0;

/// Asks a question so many times, and writes the median.
pub fn ask(what: &str, times_asked: usize, mut question: impl FnMut() -> Outcome<String>) -> Outcome<()> {
    let mut times = Vec::new();
    let mut answer = String::new();
    for _ in 0..times_asked {
        let begun = Instant::now();
        answer = question()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("{what}: {:.1} ms ({:.1} to {:.1}), {answer}", times[times_asked / 2], times[0], times[times_asked - 1]);
    Ok(())
}

pub fn disk_bytes(path: &Path) -> u64 {
    let Ok(meta) = path.metadata() else { return 0 };
    if meta.is_dir() {
        return std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| disk_bytes(&entry.path())).sum();
    }
    meta.len()
}

pub fn thread_cpu() -> Outcome<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(text.split(' ').next().ok_or("no CPU time")?.parse()?))
}

/// CPU time of all threads, those that have ended included.
pub fn process_cpu() -> Outcome<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = text.rsplit(") ").next().ok_or("no fields")?.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    // Linux gives hundredths of a second here, whatever its own tick is.
    Ok(Duration::from_millis(ticks * 10))
}

/// A figure of this process, MiB.
pub fn status(key: &str) -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find(|line| line.starts_with(key)).ok_or("no such figure")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<f64>()? / 1_024.0)
}
