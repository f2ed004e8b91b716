//! Task Master boards: what the files say, the figures that follow, and what was seen to move.
//!
//! Pure: file contents and times are arguments. [`parse`] reads a board, [`figures`] counts it, [`watch`] remembers the
//! last look and tells what changed since. The files are read by the collector.

pub mod figures;
pub mod parse;
pub mod watch;

pub use self::figures::Figures;
pub use self::parse::{Board, BoardError, Tag, Task, current_tag};
pub use self::watch::{Execution, Observed, Transition, Watcher};

/// The statuses that Task Master has; anything else is kept under its own name.
pub const STATUSES: [&str; 7] = ["pending", "in-progress", "review", "done", "deferred", "cancelled", "blocked"];

/// Whether nothing is left to do.
#[must_use]
pub fn is_finished(status: &str) -> bool {
    matches!(status, "done" | "cancelled")
}

#[cfg(test)]
mod tests;
