//! Task Master boards: reading their files, computing their figures, and watching tasks change.
//!
//! Pure: the content of the files and every time (milliseconds, UTC) are arguments. The collector finds the files, reads them
//! again, and decides when a source is failing.
//!
//! ```text
//! tasks.json ─► Board::parse ─► Board ─┬► Figures::of(tag)      counts, ratios, critical path
//! state.json ─► parse_state ──┘        └► Watcher::observe      transitions, durations, counters, failure ratio
//! ```
//!
//! * [`parse`] accepts every format that Task Master has written, and reports the place of what it cannot read.
//! * [`forecast`] computes throughput and when the board will be done; [`cost`] measures what was used while tasks were worked on.
//! * [`complexity`] reads the scores of `task-master analyze-complexity`.
//! * [`figures`] counts one tag. Subtasks are counted separately from tasks.
//! * [`watch`] remembers what was observed; [`observation`] distinguishes a change of a task from a checkout of another branch (`facts`). The
//!   files hold no history, so a start that was not observed has no time and no duration.

mod blockers;
pub mod complexity;
pub mod cost;
mod facts;
pub mod figures;
pub mod forecast;
mod lenient;
mod loose;
mod observation;
pub mod parse;
mod stopwatch;
mod tasks;
mod usual;
pub mod watch;

pub use self::blockers::Blocker;
pub use self::complexity::{ComplexityError, parse_complexity};
pub use self::figures::Figures;
pub use self::forecast::{CompletionHistory, Forecast, Missing};
pub use self::lenient::mend as mend_json;
pub use self::parse::{Board, BoardError, Finding, Findings, Place, Subtask, Tag, Task, parse_state};
pub use self::usual::{Usual, Usuals};
pub use self::watch::{Counters, Execution, Observed, Switched, Transition, Watcher};

/// The tag of the older format, and the current one where nothing names another.
pub const MASTER: &str = "master";

/// Not started. Also the status of a task without one.
pub const PENDING: &str = "pending";
/// Being worked on.
pub const IN_PROGRESS: &str = "in-progress";
/// Worked on, and in review.
pub const REVIEW: &str = "review";
/// Finished with success. Older files say `completed`.
pub const DONE: &str = "done";
/// Postponed.
pub const DEFERRED: &str = "deferred";
/// Will not be done.
pub const CANCELLED: &str = "cancelled";
/// Waiting for something outside.
pub const BLOCKED: &str = "blocked";

/// The statuses of Task Master. Any other is kept under its own name and listed as unknown.
pub const STATUSES: [&str; 7] = [PENDING, IN_PROGRESS, REVIEW, DONE, DEFERRED, CANCELLED, BLOCKED];

/// Whether nothing is left to do: done or cancelled.
#[must_use]
pub fn is_finished(status: &str) -> bool {
    matches!(status, DONE | CANCELLED)
}

/// Whether time in this status counts as execution time.
#[must_use]
pub fn is_work(status: &str) -> bool {
    matches!(status, IN_PROGRESS | REVIEW)
}

/// Whether a change of status reopens a task: from done or review to pending or in progress.
#[must_use]
pub fn is_reopening(from: &str, to: &str) -> bool {
    matches!(from, DONE | REVIEW) && matches!(to, PENDING | IN_PROGRESS)
}

#[cfg(test)]
mod tests;
