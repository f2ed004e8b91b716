//! Whether what is said of a run is newer than what is known of it.

use super::{MAX_EARLIER, ReportedBy, RunEnd, RunRecord};
use crate::ci::parse::WorkflowRun;
use crate::ci::{ACTION_REQUIRED, SUCCESS};

/// Whether `run` is newer than what is `known` of the same run.
///
/// Answers say how it is now, but may come from a copy at GitHub that lags behind; deliveries come in any order. An attempt that ended goes
/// on only after an approval, or where an answer says so with a later time. An end stays as it was seen first: `updated_at` moves later
/// for reasons of other kinds.
pub(super) fn is_newer(known: &WorkflowRun, run: &WorkflowRun, reported_by: ReportedBy) -> bool {
    if known.attempt != run.attempt {
        return run.attempt > known.attempt;
    }
    if known == run {
        return false;
    }
    if !known.ended() {
        let rank = |run: &WorkflowRun| (run.updated, run.ended(), run.status == "in_progress");
        return reported_by == ReportedBy::Api || rank(run) >= rank(known);
    }
    if (&known.status, &known.conclusion) == (&run.status, &run.conclusion) {
        return false;
    }
    let later = run.updated > known.updated;
    match known.conclusion.as_deref() {
        None | Some(ACTION_REQUIRED) => later || (reported_by == ReportedBy::Api && run.updated == known.updated),
        // Figures of other runs build on these.
        Some(SUCCESS | "cancelled") => false,
        Some(_) => later && reported_by == ReportedBy::Api,
    }
}

impl RunRecord {
    /// Takes over what was told of the same attempt before.
    pub(super) fn follow(&mut self, before: RunRecord) {
        self.earlier = before.earlier;
        if before.run.ended() {
            let end = RunEnd { outcome: before.run.outcome().to_owned(), at: before.at, live: before.live };
            if self.earlier.len() < MAX_EARLIER {
                self.earlier.push(end);
            }
            self.job_seconds = before.job_seconds;
        }
    }
}
