//! Advisors: each reads the kept history and says what should be done, with its evidence.
//!
//! To add one, write a file beside these (or a function in the file of its kind) and add its line to [`ADVISORS`].

mod agents;
mod alert_noise;
mod board_plan;
mod budget;
mod capacity;
mod certificate;
mod chain;
mod ci;
mod ci_broken;
mod ci_jobs;
mod ci_shifted;
mod cpu;
mod cpu_given;
mod disk;
mod disk_waits;
mod down;
mod failing_checks;
mod killed;
mod latency;
mod log_errors;
mod memory;
mod money;
mod out_of_memory;
mod over_complexity;
mod reach;
mod restarts;
mod rising_durations;
mod service;
mod silent_host;
mod stalled_board;
mod swapping;
mod tasks;
mod unblocks;

use super::counsel::Counsel;
use super::{Finding, History, Horizon};
use crate::model::Labels;
use crate::store::StoreError;

/// All advisors.
pub(super) const ADVISORS: &[Advisor] = &[
    disk::BYTES,
    disk::FILES,
    killed::ADVISOR,
    out_of_memory::ADVISOR,
    down::SOURCES,
    down::TARGETS,
    down::PROBES,
    down::HEARTBEATS,
    silent_host::ADVISOR,
    ci_broken::ADVISOR,
    ci::FAILING,
    cpu::ADVISOR,
    cpu_given::STOLEN,
    cpu_given::THROTTLED,
    memory::ADVISOR,
    swapping::ADVISOR,
    disk_waits::ADVISOR,
    restarts::ADVISOR,
    agents::WAITS,
    agents::LOOPS,
    certificate::ADVISOR,
    stalled_board::ADVISOR,
    board_plan::SLIPPING,
    board_plan::WIDE,
    chain::ADVISOR,
    unblocks::ADVISOR,
    tasks::STUCK,
    over_complexity::ADVISOR,
    tasks::BOUNCES,
    tasks::REVIEW,
    budget::ADVISOR,
    money::TASK,
    money::WEEK,
    rising_durations::ADVISOR,
    ci_shifted::ADVISOR,
    ci::SLOWER,
    ci::FLAKY,
    ci::QUEUED,
    ci::WASTED,
    ci_jobs::TIMED_OUT,
    ci_jobs::ONE_JOB,
    ci_jobs::SUPERSEDED,
    latency::ADVISOR,
    capacity::CPU,
    capacity::RUNNERS,
    failing_checks::ADVISOR,
    log_errors::ADVISOR,
    alert_noise::ADVISOR,
    service::LOST,
    service::FULL,
    service::SERIES,
    service::RESTARTS,
];

/// What gives one kind of advice.
pub(super) struct Advisor {
    /// How the ids of its findings begin.
    pub(super) name: &'static str,
    /// What it looks for, as half a sentence.
    pub(super) about: &'static str,
    /// The metrics without which it cannot say anything.
    pub(super) reads: &'static [&'static str],
    /// How far back it reads.
    pub(super) horizon: Horizon,
    /// How much history of what it reads it needs at the least before it says anything; 0 where any will do.
    pub(super) needs_ms: i64,
    /// What it finds in the history; nothing where there is too little of it.
    pub(super) assess: fn(&History<'_>) -> Result<Vec<Finding>, StoreError>,
    /// What holds for all that it finds.
    pub(super) counsel: Counsel,
}

/// The advisor whose findings have such an id.
pub(super) fn of(id: &str) -> Option<&'static Advisor> {
    ADVISORS.iter().find(|advisor| is_of(id, advisor.name))
}

/// Whether an id is of an advisor: its name, alone or before what it is about.
#[must_use]
pub fn is_of(id: &str, advisor: &str) -> bool {
    id.strip_prefix(advisor).is_some_and(|rest| !rest.starts_with(|c: char| c == '_' || c.is_alphanumeric()))
}

/// When what a finding is about will be full, as series and seconds.
pub(super) fn times_to_full(finding: &Finding) -> Vec<(Labels, f64)> {
    [disk::times_to_full(finding), out_of_memory::times_to_full(finding)].concat()
}
