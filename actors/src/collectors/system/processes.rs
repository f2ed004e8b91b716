//! Processes by name: CPU, memory, bytes read and written. Processes of one name are added up.
//!
//! Children that end between two readings have no figure of their own. The kernel adds their CPU time to that of the parent that waits for
//! them; what of it no reading saw is a figure of the parent's name.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::param::{clock_ticks_per_second, page_size};
use taskpulse_engine::machine::proc::{self, Process};

use super::{Crews, Part, Reading};
// The kernel's clock, whatever clock the service has: starts of processes are times of it.
use crate::clock::running_ms;

/// Most process names by CPU, by memory, and by bytes read and written each.
const TOP: usize = 10;
/// Most processes that are read.
const MOST: usize = 100_000;
/// Most ancestors of a process that are followed.
const MOST_ABOVE: usize = 64;
/// Longer than either file of a process.
const MAX_FILE: usize = 1 << 12;
/// The label of a process without a name: a label may not be empty.
const NAMELESS: &str = "(no name)";

/// A process at the last reading.
struct Before {
    started: u64,
    parent: u32,
    ticks: u64,
    child_ticks: u64,
    io: Option<(u64, u64)>,
}

/// Why processes cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", .root.display())]
struct ListError {
    root: PathBuf,
    error: std::io::Error,
}

/// See the module.
pub(super) struct Processes {
    crews: Crews,
    root: PathBuf,
    before: HashMap<PathBuf, Before>,
    /// The last reading, also by the clock of process starts.
    read_at: Option<(Instant, i64)>,
}

/// Usage of all processes of one name; time and bytes since the last reading.
#[derive(Default)]
struct Usage {
    count: f64,
    ticks: f64,
    /// Of ended children, as far as no reading saw it.
    child_ticks: f64,
    memory: f64,
    read: f64,
    written: f64,
}

/// A process, and its bytes if they may be read. None if it has ended.
type Seen = Option<(Process, Option<(u64, u64)>)>;

/// Reads a file of the kernel, which comes in one piece.
fn file(path: &Path, room: &mut [u8; MAX_FILE]) -> Option<usize> {
    File::open(path).ok()?.read(room).ok()
}

fn read(folder: &Path) -> Seen {
    let mut room = [0; MAX_FILE];
    let length = file(&folder.join("stat"), &mut room)?;
    let process = Process::parse(room.get(..length)?)?;
    let io = file(&folder.join("io"), &mut room).and_then(|length| proc::process_io(std::str::from_utf8(room.get(..length)?).ok()?));
    Some((process, io))
}

impl Processes {
    pub(super) fn new(crews: Crews, root: &Path) -> Self {
        Self { crews, root: root.to_owned(), before: HashMap::new(), read_at: None }
    }

    /// The folders of all processes.
    fn folders(&self, reading: &mut Reading) -> Vec<PathBuf> {
        let list = |root: &PathBuf| -> Result<Vec<PathBuf>, ListError> {
            let entries = fs::read_dir(root).map_err(|error| ListError { root: root.clone(), error })?;
            let is_process = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
            Ok(entries.flatten().filter(|entry| is_process(&entry.file_name())).take(MOST).map(|entry| entry.path()).collect())
        };
        let mut listed = self.crews.files.each(vec![self.root.clone()], list);
        listed.pop().and_then(|(root, listed)| reading.accept(root.display(), listed)).unwrap_or_default()
    }

    /// What was seen of processes that have ended since the last reading, by the process whose children's time it is now part of.
    fn seen_of_ended(&self, seen: &HashMap<PathBuf, Before>) -> HashMap<PathBuf, u64> {
        let folder = |pid: u32| self.root.join(pid.to_string());
        let is_there = |at: &PathBuf, started: u64| seen.get(at).is_some_and(|now| now.started == started);
        let mut out: HashMap<PathBuf, u64> = HashMap::new();
        for (at, ended) in self.before.iter().filter(|(at, before)| !is_there(at, before.started)) {
            let ticks = ended.ticks.saturating_add(ended.child_ticks);
            let (mut parent, mut went_with_parent, mut above) = (folder(ended.parent), false, 0);
            while let Some(gone) = self.before.get(&parent).filter(|before| !is_there(&parent, before.started)) {
                parent = folder(gone.parent);
                went_with_parent = true;
                above += 1;
                if above > MOST_ABOVE || parent == *at {
                    break;
                }
            }
            // One whose parent has ended too may have been taken over by the first process. Less than there was is said, never more.
            if went_with_parent {
                *out.entry(folder(1)).or_default() += ticks;
            }
            if !went_with_parent || parent != folder(1) {
                *out.entry(parent).or_default() += ticks;
            }
        }
        out
    }

    /// Time of children of a process that ended since the last reading.
    fn of_children_since(&self, folder: &Path, process: &Process, last_ticks: u64) -> u64 {
        let before = self.before.get(folder).filter(|before| before.started == process.started);
        match before {
            Some(before) => process.child_ticks.saturating_sub(before.child_ticks),
            None if process.started >= last_ticks => process.child_ticks,
            None => 0,
        }
    }

    /// The usage of a process since the last reading. Of a process that began since then, all of it.
    fn since(&self, folder: &Path, process: &Process, io: Option<(u64, u64)>, last_ticks: u64) -> (u64, u64, u64) {
        let before = self.before.get(folder).filter(|before| before.started == process.started);
        let (ticks, known_io) = match before {
            Some(before) => (Some(before.ticks), before.io),
            None if process.started >= last_ticks => (Some(0), Some((0, 0))),
            None => (None, None),
        };
        let bytes = |of: fn((u64, u64)) -> u64| known_io.zip(io).map_or(0, |(known, now)| of(now).saturating_sub(of(known)));
        (ticks.map_or(0, |before| process.ticks.saturating_sub(before)), bytes(|io| io.0), bytes(|io| io.1))
    }
}

impl Part for Processes {
    fn read(&mut self) -> Reading {
        let mut reading = Reading::default();
        let folders = self.folders(&mut reading);
        if folders.is_empty() {
            return reading;
        }
        let running = running_ms();
        let read_at = self.read_at.replace((Instant::now(), running));
        let seconds = read_at.map(|(at, _)| at.elapsed().as_secs_f64()).filter(|seconds| *seconds > 0.0);
        // One tick less, for rounding.
        let tick_ms = 1_000.0 / clock_ticks_per_second() as f64;
        let last_ticks = read_at.map_or(u64::MAX, |(_, running)| ((running as f64 / tick_ms).floor() - 1.0).max(0.0) as u64);
        let mut names: BTreeMap<String, Usage> = BTreeMap::new();
        let mut seen = HashMap::with_capacity(folders.len());
        let mut of_children: Vec<(PathBuf, String, u64)> = Vec::new();
        let mut count = 0_usize;
        for (folder, read) in self.crews.processes.each(folders, |folder| read(folder)) {
            let (process, io) = match read {
                Ok(Some(process)) => process,
                Ok(None) => continue,
                Err(missed) => {
                    count += 1;
                    reading.problems.push(format!("{} {missed}", folder.display()));
                    continue;
                }
            };
            count += 1;
            let (ticks, read, written) = self.since(&folder, &process, io, last_ticks);
            let name = if process.name.is_empty() { NAMELESS.to_owned() } else { process.name.clone() };
            let ended = self.of_children_since(&folder, &process, last_ticks);
            if ended > 0 {
                of_children.push((folder.clone(), name.clone(), ended));
            }
            let Process { started, parent, ticks: all_ticks, child_ticks, .. } = process;
            seen.insert(folder, Before { started, parent, ticks: all_ticks, child_ticks, io });
            let usage = names.entry(name).or_default();
            usage.count += 1.0;
            usage.ticks += ticks as f64;
            usage.memory += process.pages as f64 * page_size() as f64;
            usage.read += read as f64;
            usage.written += written as f64;
        }
        let known = self.seen_of_ended(&seen);
        for (folder, name, ticks) in of_children {
            let unseen = ticks.saturating_sub(known.get(&folder).copied().unwrap_or(0));
            names.entry(name).or_default().child_ticks += unseen as f64;
        }
        self.before = seen;
        reading.push("system_processes", &[], count as f64);
        push_top(&names, seconds, &mut reading);
        reading
    }
}

/// Adds the top processes by each figure; those over time only if `seconds` since the last reading are known.
fn push_top(names: &BTreeMap<String, Usage>, seconds: Option<f64>, reading: &mut Reading) {
    let top = |of: fn(&Usage) -> f64| {
        let mut top: Vec<(&String, &Usage)> = names.iter().filter(|(_, usage)| of(usage) > 0.0).collect();
        top.sort_by(|a, b| of(b.1).total_cmp(&of(a.1)));
        top.truncate(TOP);
        top
    };
    let mut named: BTreeMap<&String, f64> = BTreeMap::new();
    if let Some(seconds) = seconds {
        for (name, usage) in top(|usage| usage.ticks) {
            let cores = usage.ticks / clock_ticks_per_second() as f64 / seconds;
            reading.push("process_cpu_utilization_ratio", &[("process", name)], cores);
            named.insert(name, usage.count);
        }
        for (name, usage) in top(|usage| usage.child_ticks) {
            let cores = usage.child_ticks / clock_ticks_per_second() as f64 / seconds;
            reading.push("process_children_cpu_utilization_ratio", &[("process", name)], cores);
            named.insert(name, usage.count);
        }
        for (name, usage) in top(|usage| usage.read + usage.written) {
            for (direction, bytes) in [("read", usage.read), ("write", usage.written)] {
                reading.push("process_disk_io_bytes_per_second", &[("process", name), ("direction", direction)], bytes / seconds);
            }
            named.insert(name, usage.count);
        }
    }
    for (name, usage) in top(|usage| usage.memory) {
        reading.push("process_memory_usage_bytes", &[("process", name)], usage.memory);
        named.insert(name, usage.count);
    }
    for (name, count) in named {
        reading.push("process_count", &[("process", name)], count);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::time::Duration;

    use taskpulse_engine::model::Labels;

    use super::*;

    fn process(root: &Path, pid: u32, name: &str, ticks: u64, started: u64, pages: u64, io: Option<(u64, u64)>) {
        let folder = root.join(pid.to_string());
        fs::create_dir_all(&folder).unwrap();
        let stat = format!("{pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 {started} 9 {pages} 1 1\n");
        fs::write(folder.join("stat"), stat).unwrap();
        if let Some((read, written)) = io {
            fs::write(folder.join("io"), format!("rchar: 1\nread_bytes: {read}\nwrite_bytes: {written}\n")).unwrap();
        }
    }

    #[test]
    fn the_time_of_children_that_no_reading_saw_counts_for_their_parent() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let process = |pid: u32, name: &str, parent: u32, ticks: u64, child_ticks: u64| {
            fs::create_dir_all(root.join(pid.to_string())).unwrap();
            let stat = format!("{pid} ({name}) S {parent} 1 1 0 -1 0 0 0 0 0 {ticks} 0 {child_ticks} 0 20 0 1 0 0 9 1 1 1\n");
            fs::write(root.join(pid.to_string()).join("stat"), stat).unwrap();
        };
        let end = |pid: u32| fs::remove_dir_all(root.join(pid.to_string())).unwrap();
        process(1, "init", 0, 0, 0);
        process(10, "bash", 1, 5, 1_000);
        process(11, "make", 10, 100, 20);
        process(12, "cc", 11, 30, 0);
        process(20, "fish", 1, 0, 0);
        let mut part = Processes::new(Crews::new(Duration::from_secs(10)), root);
        let shares = |part: &mut Processes| {
            let reading = part.read();
            let mut found: Vec<(String, f64)> = reading
                .samples
                .into_iter()
                .filter(|(labels, _)| labels.name() == "process_children_cpu_utilization_ratio")
                .map(|(labels, v)| (labels.get("process").unwrap().to_owned(), v))
                .collect();
            found.sort_by(|a, b| a.0.cmp(&b.0));
            let all: f64 = found.iter().map(|(_, v)| v).sum();
            found.iter_mut().for_each(|(_, v)| *v = (*v / all * 100.0).round());
            found
        };
        assert!(shares(&mut part).is_empty());
        // `cc` ended after ten more ticks, and `make` started others that took 190; `fish` started some that took 100.
        end(12);
        process(11, "make", 10, 110, 20 + 40 + 190);
        process(20, "fish", 1, 0, 100);
        assert_eq!(shares(&mut part), [("fish".to_owned(), 33.0), ("make".to_owned(), 67.0)], "200 of `make`, not 230");
        // `make` ended with all that it had, after one more short child: of 410 ticks 360 were seen.
        end(11);
        process(10, "bash", 1, 5, 1_000 + 410);
        assert_eq!(shares(&mut part), [("bash".to_owned(), 100.0)]);
        // Nothing is counted twice.
        process(10, "bash", 1, 5, 1_410);
        assert!(shares(&mut part).is_empty());
    }

    #[test]
    fn usage_counts_from_the_last_reading_and_unreadable_usage_is_not_zero() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        process(root, 1, "old", 500, 0, 10, None);
        process(root, 2, "worker", 100, 0, 20, Some((1_000, 0)));
        process(root, 3, "", 5, 0, 30, None);
        let mut part = Processes::new(Crews::new(Duration::from_secs(10)), root);
        let value = |reading: &Reading, name: &str, labels: &[(&str, &str)]| {
            let wanted = Labels::metric(name, labels);
            reading.samples.iter().find(|(labels, _)| *labels == wanted).map(|(_, v)| *v)
        };
        let first = part.read();
        assert!(first.samples.iter().all(|(labels, _)| !labels.name().contains("cpu") && !labels.name().contains("disk")));
        assert_eq!(value(&first, "process_memory_usage_bytes", &[("process", NAMELESS)]), Some(30.0 * page_size() as f64));
        // One continues, one ends and its id is reused, an old one is seen for the first time.
        process(root, 2, "worker", 160, 0, 20, Some((5_000, 70)));
        process(root, 1, "new", 40, u64::MAX / 2, 10, None);
        process(root, 4, "hidden", 9_000, 0, 10, Some((1 << 40, 0)));
        fs::create_dir(root.join("5")).unwrap();
        let second = part.read();
        let cpu = |name: &str| value(&second, "process_cpu_utilization_ratio", &[("process", name)]);
        let (worker, new) = (cpu("worker").unwrap(), cpu("new").unwrap());
        assert!((worker / new - 1.5).abs() < 1e-9, "60 ticks and 40: {worker} {new}");
        assert_eq!((cpu("hidden"), cpu("old"), cpu(NAMELESS)), (None, None, None));
        let read = |name: &str| value(&second, "process_disk_io_bytes_per_second", &[("process", name), ("direction", "read")]);
        assert!(read("worker").unwrap() > 0.0 && read("new").is_none() && read("hidden").is_none());
        assert_eq!(value(&second, "system_processes", &[]), Some(4.0), "one that ended meanwhile does not count");
        assert!(second.problems.is_empty());
    }
}
