//! Task Master boards: what the files say, what follows from it, and what was seen to move.
//!
//! Pure: the content of the files and every time (milliseconds, UTC) are arguments. Finding the files, reading them
//! again and deciding when a source counts as failing are left to the collector.
//!
//! ```text
//! tasks.json ─► Board::parse ─► Board ─┬► Figures::of(tag)      counts, ratios, critical path
//! state.json ─► parse_state ──┘        └► Watcher::observe      transitions, durations, counters, failure ratio
//! ```
//!
//! * [`parse`] is tolerant of every form that Task Master has written, and names the place of what it cannot read.
//! * [`forecast`] says how fast tasks become done, and when the board will be; [`cost`] what went on while they were worked on.
//! * [`complexity`] reads the scores of `task-master analyze-complexity`.
//! * [`figures`] counts one tag. Subtasks are counted apart, never mixed into tasks.
//! * [`watch`] remembers what was seen, [`look`] tells moves from a file that went to another past (`facts`). The files hold
//!   no history, so a start that nobody saw has no time, and no duration.

pub mod complexity;
pub mod cost;
mod facts;
pub mod figures;
pub mod forecast;
mod lenient;
mod look;
mod loose;
pub mod parse;
mod stopwatch;
mod tasks;
pub mod watch;

pub use self::complexity::{ComplexityError, parse_complexity};
pub use self::figures::Figures;
pub use self::forecast::{CompletionHistory, Forecast, Missing};
pub use self::parse::{Board, BoardError, Finding, Findings, Place, Subtask, Tag, Task, parse_state};
pub use self::watch::{Counters, Execution, Observed, Switched, Transition, Watcher};

/// The tag of the older format, and the current one where nothing names another.
pub const MASTER: &str = "master";

/// Waiting to be taken up. Also what a task without a status is.
pub const PENDING: &str = "pending";
/// Being worked on.
pub const IN_PROGRESS: &str = "in-progress";
/// Worked on, and being looked at.
pub const REVIEW: &str = "review";
/// Finished with success. Older files say `completed`.
pub const DONE: &str = "done";
/// Put off.
pub const DEFERRED: &str = "deferred";
/// Given up.
pub const CANCELLED: &str = "cancelled";
/// Held up by something.
pub const BLOCKED: &str = "blocked";

/// The statuses that Task Master has; any other is kept under its own name and listed as unknown.
pub const STATUSES: [&str; 7] = [PENDING, IN_PROGRESS, REVIEW, DONE, DEFERRED, CANCELLED, BLOCKED];

/// Whether nothing is left to do: done or cancelled.
#[must_use]
pub fn is_finished(status: &str) -> bool {
    matches!(status, DONE | CANCELLED)
}

/// Whether time in this status is execution time: in progress, or in review.
#[must_use]
pub fn is_work(status: &str) -> bool {
    matches!(status, IN_PROGRESS | REVIEW)
}

/// Whether a change of status takes work up again that counted as over: done or review left for pending or in progress.
#[must_use]
pub fn is_reopening(from: &str, to: &str) -> bool {
    matches!(from, DONE | REVIEW) && matches!(to, PENDING | IN_PROGRESS)
}

#[cfg(test)]
mod tests;
