//! Reads the processes of this machine, for the CPU time of agents.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use taskpulse_engine::agent::processes::Process;
use taskpulse_engine::machine::proc;

use crate::crew::Crew;
// The kernel's clock, whatever clock the service has: starts of processes are times of it.
use crate::clock::running_ms;

/// How long one process may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most processes that are read.
const MOST: usize = 100_000;
/// Arguments that are read, and bytes of them: an agent may be given a whole prompt.
const MAX_ARGUMENTS: usize = 40;
const MAX_BYTES: usize = 16 << 10;

/// The threads that read; clones share what hangs.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    crew: Crew<PathBuf>,
    root: PathBuf,
}

/// The name of this machine, as agents name it in their telemetry; empty where it has none.
#[must_use]
pub fn machine() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

impl Reader {
    pub(super) fn new(root: &Path) -> Self {
        Self { crew: Crew::new(PATIENCE), root: root.to_owned() }
    }

    /// All processes, and the time as their starts have it.
    pub(super) fn read(&self) -> (Vec<Process>, u64) {
        let tick_ms = 1_000.0 / clock_ticks_per_second().max(1) as f64;
        // One tick less, for rounding.
        let started = (running_ms() as f64 / tick_ms - 1.0).max(0.0) as u64;
        let is_process = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let folders: Vec<PathBuf> = entries.filter(|entry| is_process(&entry.file_name())).take(MOST).map(|entry| entry.path()).collect();
        let read = self.crew.each(folders, move |folder| read(folder, tick_ms));
        (read.into_iter().filter_map(|(_, process)| process.ok().flatten()).collect(), started)
    }
}

/// A process; none if it has ended.
fn read(folder: &Path, tick_ms: f64) -> Option<Process> {
    let stat = proc::Process::parse(&fs::read(folder.join("stat")).ok()?)?;
    let mut process = Process {
        pid: folder.file_name()?.to_str()?.parse().ok()?,
        parent: stat.parent,
        started: stat.started,
        cpu_ms: (stat.ticks.saturating_add(stat.child_ticks) as f64 * tick_ms) as u64,
        name: stat.name,
        ..Process::default()
    };
    let bytes = fs::read(folder.join("cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_BYTES)]);
    process.arguments = text.split('\0').take(MAX_ARGUMENTS).map(str::to_owned).collect();
    if process.agent().is_some() {
        process.folder = fs::read_link(folder.join("cwd")).ok().and_then(|path| path.to_str().map(str::to_owned));
    }
    Some(process)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn processes_are_read_with_their_arguments_and_the_folders_of_agents() {
        let dir = tempfile::tempdir().unwrap();
        let folder = |pid: u32, name: &str, arguments: &str| {
            let at = dir.path().join(pid.to_string());
            fs::create_dir(&at).unwrap();
            fs::write(at.join("stat"), format!("{pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 30 10 5 5 20 0 1 0 77 9 3 1 1\n")).unwrap();
            fs::write(at.join("cmdline"), arguments).unwrap();
            std::os::unix::fs::symlink("/w", at.join("cwd")).unwrap();
        };
        folder(10, "node", "node\0/usr/bin/claude\0--resume\0abc\0");
        folder(11, "vim", "vim\0x\0");
        fs::create_dir(dir.path().join("12")).unwrap();
        fs::create_dir(dir.path().join("self")).unwrap();
        let (mut all, _) = Reader::new(dir.path()).read();
        all.sort_by_key(|process| process.pid);
        let told: Vec<_> = all.iter().map(|process| (process.pid, process.started, process.agent(), process.folder.as_deref())).collect();
        assert_eq!(told, [(10, 77, Some("claude-code"), Some("/w")), (11, 77, None, None)]);
        assert_eq!(all[0].cpu_ms, 50 * 1_000 / clock_ticks_per_second());
        assert!(all[0].arguments.contains(&"abc".to_owned()));
        assert!(!machine().is_empty());
    }
}
