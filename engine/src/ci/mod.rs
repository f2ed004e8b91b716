//! GitHub Actions: reading its answers, tracking runs, and the figures of workflows.
//!
//! Pure: answers, deliveries and the time are arguments. `actors::collectors::github` sends requests, keeps documents and publishes.
//!
//! * [`parse`] reads runs, jobs, workflows and webhook deliveries, and tolerates missing or malformed fields;
//! * [`paging`] decides whether another page follows;
//! * [`jobs`] computes figures of the jobs of a run;
//! * [`workflow`] has the identity and the name of a workflow;
//! * [`tracker`] remembers what was seen, so that each end of a run is counted once, across restarts and faults;
//! * [`commits`] says what CI did for a commit;
//! * [`pulls`] reads pull requests;
//! * [`figures`] computes the figures of a workflow;
//! * [`budget`] limits requests to a share of the hourly limit;
//! * [`remote`] finds the repository of a working folder.
//!
//! GitHub's number of a workflow identifies it. A run counts once for each attempt that was seen to end; ratios and active runs use its newest attempt.

pub mod budget;
pub mod commits;
pub mod figures;
pub mod jobs;
pub mod paging;
pub mod parse;
pub mod pulls;
pub mod remote;
#[cfg(test)]
mod tests;
pub mod tracker;
pub mod workflow;

/// The kind of the event that says that the file of a workflow changed on the default branch.
pub const WORKFLOW_CHANGED: &str = "workflow_changed";
/// Conclusions that count as a failure. All others except `success` count as neither.
pub const FAILURES: [&str; 3] = ["failure", "timed_out", "startup_failure"];
/// The conclusion that counts as a success.
pub const SUCCESS: &str = "success";
/// The conclusion of a run that waits for an approval: it continues under the same attempt.
pub const ACTION_REQUIRED: &str = "action_required";
/// Statuses that count as active. An unknown status has a series of its own and does not count as active.
pub const ACTIVE: [&str; 5] = ["queued", "in_progress", "waiting", "requested", "pending"];
/// The status of a run that ended.
pub const COMPLETED: &str = "completed";
