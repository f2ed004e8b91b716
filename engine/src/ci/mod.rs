//! GitHub Actions: what its answers say, what was seen of them, and the figures that follow.
//!
//! Pure: answers, deliveries and the clock are arguments. `actors::collectors::github` asks, keeps and sends.
//!
//! * [`parse`] reads runs, jobs, workflows and webhook deliveries, and takes nothing for granted;
//! * [`paging`] says whether a list goes on;
//! * [`jobs`] works out what the jobs of a run came to;
//! * [`workflow`] says what a workflow is known by, and what it is called;
//! * [`tracker`] remembers what was seen, so that each end of a run is told once, across restarts and faults;
//! * [`figures`] works out the figures of a workflow;
//! * [`budget`] holds requests to a share of the hourly limit;
//! * [`remote`] finds the repository of a working folder.
//!
//! A workflow is known by GitHub's number of it. A run counts by each attempt that was seen to end; ratios and what is active go by its newest attempt.

pub mod budget;
pub mod figures;
pub mod jobs;
pub mod paging;
pub mod parse;
pub mod remote;
#[cfg(test)]
mod tests;
pub mod tracker;
pub mod workflow;

/// Conclusions that count as a failure. All others but `success` count for neither.
pub const FAILURES: [&str; 3] = ["failure", "timed_out", "startup_failure"];
/// The conclusion that counts as a success.
pub const SUCCESS: &str = "success";
/// The conclusion of a run that waits for somebody's approval: it goes on under the same attempt.
pub const ACTION_REQUIRED: &str = "action_required";
/// Statuses that count as active; an unknown one is kept under its own name and counts for nothing.
pub const ACTIVE: [&str; 5] = ["queued", "in_progress", "waiting", "requested", "pending"];
/// The status of a run that ended.
pub const COMPLETED: &str = "completed";
