//! Repositories that coding agents work in: which commits were made in a folder, and what became of them.
//!
//! 1. [`place`] finds the repository of a folder, and says whether anything changed since it was last read.
//! 2. [`reflog`] says what was done in this folder: each worktree has a log of its own, so commits of another one are not taken for its own.
//! 3. [`history`] reads commits and walks what is reachable.
//!
//! Only files are read, each regular and bounded; git is not run and no setting of a repository is read, so that a hostile one can do no more
//! than be wrong. Objects are read by `gix-odb`, with a bound of what an object may take. Of authors nothing is kept.

mod history;
mod place;
mod reflog;
#[cfg(test)]
mod tests;

use taskpulse_engine::agent::CommitLog;
use taskpulse_engine::model::TimestampMs;

use self::history::{History, Tips};
pub(crate) use self::place::{Place, Times, find};
use self::reflog::Step;
use crate::files::ReadError;

/// Most commits of a folder that are read one by one.
const MAX_MADE: usize = 500;
/// Clocks differ, and a commit may be older than its parent.
const SLACK_MS: i64 = 86_400_000;

/// Why the log of a repository was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// A file that is needed.
    #[error(transparent)]
    File(#[from] ReadError),
    /// The objects.
    #[error("{0}: its objects cannot be read: {1}")]
    Objects(String, std::io::Error),
}

/// Commits that were made in a worktree since a time, and what became of those that are asked for by their ids. Blocking.
///
/// # Errors
/// [`LogError`] where nothing can be said. What is damaged within a repository is left out.
pub(crate) fn read(place: &Place, since: TimestampMs, asked: &[String]) -> Result<CommitLog, LogError> {
    let tips = Tips::read(place)?;
    let steps = reflog::read(place, tips.branch.as_deref())?;
    let mut history = History::open(place)?;
    let is_new = |step: &&Step| step.makes_a_commit() && step.at >= since - SLACK_MS;
    let mut made: Vec<Step> = steps.iter().flatten().rev().filter(is_new).take(MAX_MADE).cloned().collect();
    made.reverse();
    history.walk(&tips, since - SLACK_MS);
    let mut log = CommitLog::default();
    if steps.is_some() {
        history.sort_out(&tips, &made, &mut log);
    } else {
        // Without a log of the worktree, its history says what was made.
        log.made = history.of_head(since).into_iter().map(|id| history.seen(&id, tips.branch.clone(), None)).collect();
    }
    log.made.retain(|commit| commit.authored >= since - SLACK_MS);
    log.asked = asked.iter().filter_map(|id| history.named(id)).map(|id| history.seen(&id, None, None)).collect();
    Ok(log)
}
