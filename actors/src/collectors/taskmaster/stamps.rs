//! Whether a project's files are unchanged.
//!
//! The time of a file is as coarse as the clock of its file system, and a rewrite in place keeps size and inode. Files that
//! changed a moment before they were read are therefore read once more at the next collection.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::files::{self, ReadError};

/// Files that changed less than this ago may change again without a new time: FAT counts in steps of two seconds.
const COARSEST_NS: i128 = 2_000_000_000;
/// Most entries of the folder of reports that are read.
const MAX_ENTRIES: usize = 2_000;

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified_ns: i128,
    changed_ns: i128,
    size: u64,
    inode: u64,
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        let ns = |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
        Self {
            modified_ns: ns(meta.mtime(), meta.mtime_nsec()),
            changed_ns: ns(meta.ctime(), meta.ctime_nsec()),
            size: meta.len(),
            inode: meta.ino(),
        }
    }
}

/// The board, the state, and the complexity reports of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamps {
    board: Stamp,
    state: Option<Stamp>,
    reports: Vec<(std::ffi::OsString, Stamp)>,
    /// Whether the last change of all files is old enough.
    pub(super) settled: bool,
}

impl Stamps {
    /// Reads the stamps of the folder `.taskmaster`. It may hang.
    pub(super) fn read(folder: &Path) -> Result<Self, ReadError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i128::try_from(since.as_nanos()).unwrap_or(i128::MAX));
        let board = Stamp::of(&files::metadata(&folder.join("tasks/tasks.json"))?);
        let state = std::fs::metadata(folder.join("state.json")).ok().map(|meta| Stamp::of(&meta));
        let entries = std::fs::read_dir(folder.join("reports")).into_iter().flatten().take(MAX_ENTRIES).filter_map(Result::ok);
        let entries = entries.filter(|entry| is_report(Path::new(&entry.file_name())));
        let mut reports: Vec<_> =
            entries.filter_map(|entry| Some((entry.file_name(), Stamp::of(&std::fs::metadata(entry.path()).ok()?)))).collect();
        reports.sort_by(|a, b| a.0.cmp(&b.0));
        let all = [Some(board), state].into_iter().flatten().chain(reports.iter().map(|(_, stamp)| *stamp));
        let settled = all.into_iter().all(|stamp| (now - stamp.modified_ns.max(stamp.changed_ns)).abs() >= COARSEST_NS);
        Ok(Self { board, state, reports, settled })
    }

    /// Whether the files are those of an earlier, settled reading.
    pub(super) fn same_as(&self, known: Option<&Self>) -> bool {
        known.is_some_and(|known| known.settled && (known.board, known.state) == (self.board, self.state) && known.reports == self.reports)
    }
}

/// Whether a file is a complexity report by its name.
pub(super) fn is_report(name: &Path) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("task-complexity-report") && name.ends_with(".json"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
mod tests {
    use std::fs::{self, File, FileTimes};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_that_is_rewritten_in_place_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("tasks")).unwrap();
        fs::create_dir_all(dir.path().join("reports")).unwrap();
        let (board, report) = (dir.path().join("tasks/tasks.json"), dir.path().join("reports/task-complexity-report_x.json"));
        let old = SystemTime::now() - Duration::from_secs(3_600);
        for path in [&board, &report] {
            fs::write(path, "{}").unwrap();
            File::options().write(true).open(path).unwrap().set_times(FileTimes::new().set_modified(old)).unwrap();
        }
        fs::write(dir.path().join("reports/notes.txt"), "").unwrap();
        let first = Stamps::read(dir.path()).unwrap();
        assert!(!first.settled, "they were changed a moment ago, whatever their time of modification says");
        assert!(!first.same_as(Some(&first)));
        let known = Stamps { settled: true, ..first.clone() };
        assert!(first.same_as(Some(&known)) && first.reports.len() == 1 && !first.same_as(None));
        // The same size, inode and time of modification.
        for path in [&board, &report] {
            fs::write(path, "[]").unwrap();
            File::options().write(true).open(path).unwrap().set_times(FileTimes::new().set_modified(old)).unwrap();
            let now = Stamps::read(dir.path()).unwrap();
            assert!(!now.same_as(Some(&known)), "{}", path.display());
        }
        fs::remove_file(&report).unwrap();
        assert!(Stamps::read(dir.path()).unwrap().reports.is_empty());
        fs::remove_file(&board).unwrap();
        assert!(Stamps::read(dir.path()).unwrap_err().is_missing());
    }
}
