//! Reading a project's files. Everything here may hang.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use taskpulse_engine::board::{BoardError, MASTER, parse_complexity};

use super::MAX_BYTES;
use super::stamps::Stamps;
use super::watch::Watch;
use crate::files::{self, ReadError, WaitError};

/// Most bytes of all complexity reports of a project.
const MAX_REPORTS: u64 = 16 << 20;

/// Why a project has no board that can be read.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum ProjectError {
    /// A file cannot be read.
    #[error("{0}")]
    Read(String),
    /// The file system does not answer.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// There was a board and the file is gone.
    #[error("{} is gone", .0.display())]
    Gone(PathBuf),
    /// The file is no board.
    #[error("{}: {error}", .path.display())]
    NoBoard {
        /// The file.
        path: PathBuf,
        /// Why.
        error: BoardError,
    },
    /// The board is larger than the setting allows.
    #[error("the board has {size} tasks and subtasks; at most {most} are watched (taskmaster.max_tasks)")]
    TooLarge {
        /// Tasks and subtasks.
        size: usize,
        /// The bound.
        most: usize,
    },
}

impl From<ReadError> for ProjectError {
    fn from(error: ReadError) -> Self {
        Self::Read(error.to_string())
    }
}

/// What a read of a project's files gave.
pub(super) enum Fetched {
    Unchanged,
    /// The same files as those that were refused a short time ago.
    Refused,
    Absent(&'static str),
    Read {
        board: Vec<u8>,
        state: Result<Vec<u8>, ReadError>,
        stamps: Stamps,
    },
    Failed(ProjectError),
}

/// Reads a project's files and adds them to the watch.
pub(super) fn fetch(root: &Path, had_board: bool, known: Option<&Stamps>, refused: Option<&Stamps>, watch: &Watch) -> Fetched {
    fail::fail_point!("taskmaster::read", root.ends_with("hangs"), |_| Fetched::Failed(ProjectError::Gone(root.to_owned())));
    let folder = root.join(".taskmaster");
    watch.follow(&folder);
    watch.follow(&folder.join("tasks"));
    watch.follow(&folder.join("reports"));
    if !folder.is_dir() {
        return Fetched::Absent("run `task-master init` in the project, or name its folder in taskmaster.projects");
    }
    let tasks = folder.join("tasks/tasks.json");
    let stamps = match Stamps::read(&folder) {
        Ok(stamps) => stamps,
        Err(error) if error.is_missing() && !had_board => return Fetched::Absent(NO_TASKS),
        Err(error) if error.is_missing() => return Fetched::Failed(ProjectError::Gone(tasks)),
        Err(error) => return Fetched::Failed(error.into()),
    };
    if stamps.same_as(known) {
        return Fetched::Unchanged;
    }
    if stamps.same_as(refused) {
        return Fetched::Refused;
    }
    match files::read(&tasks, MAX_BYTES) {
        Ok(board) => Fetched::Read { board, state: files::read(&folder.join("state.json"), files::MAX_SHORT), stamps },
        Err(error) => Fetched::Failed(error.into()),
    }
}

/// `task-master add-task` refuses to make the first file; with an empty one it works.
const NO_TASKS: &str = "the board has no tasks yet: run `task-master parse-prd FILE`, or write {\"master\":{\"tasks\":[]}} to \
    .taskmaster/tasks/tasks.json and then run `task-master add-task --title TITLE --description TEXT`";

/// Scores by tag and task.
pub(super) type Scores = BTreeMap<String, BTreeMap<String, f64>>;

/// The scores of each tag that has a report, and what is wrong with the other reports.
pub(super) fn complexity(folder: &Path, tags: Vec<String>) -> (Scores, Vec<String>) {
    let (mut scores, mut notes, mut left) = (BTreeMap::new(), Vec::new(), MAX_REPORTS);
    for tag in tags {
        let suffix = if tag == MASTER { String::new() } else { format!("_{tag}") };
        let path = folder.join(format!("task-complexity-report{suffix}.json"));
        let bytes = match files::read(&path, left) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => continue,
            Err(error) => {
                notes.push(error.to_string());
                continue;
            }
        };
        left -= bytes.len() as u64;
        match parse_complexity(&bytes) {
            Ok(found) => {
                scores.insert(tag, found);
            }
            Err(error) => notes.push(format!("{}: {error}", path.display())),
        }
    }
    (scores, notes)
}
