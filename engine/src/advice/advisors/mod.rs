//! Advisors: each reads the kept history and says what should be done, with its evidence.
//!
//! To add one, write a file beside these and add its line to [`ADVISORS`].

mod cpu;
mod disk;
mod memory;
mod out_of_memory;
mod rising_durations;
mod stalled_board;

use super::{Finding, History, Horizon};
use crate::model::Labels;
use crate::store::StoreError;

#[cfg(test)]
pub(super) use self::rising_durations::ratio_of_means;

/// All advisors.
pub(super) const ADVISORS: &[Advisor] =
    &[cpu::ADVISOR, memory::ADVISOR, out_of_memory::ADVISOR, disk::ADVISOR, stalled_board::ADVISOR, rising_durations::ADVISOR];

/// What gives one kind of advice.
pub(super) struct Advisor {
    /// How far back it reads.
    pub(super) horizon: Horizon,
    /// What it finds in the history; nothing where there is too little of it.
    pub(super) assess: fn(&History<'_>) -> Result<Vec<Finding>, StoreError>,
}

/// When what a finding is about will be full, as series and seconds.
pub(super) fn times_to_full(finding: &Finding) -> Vec<(Labels, f64)> {
    [disk::times_to_full(finding), out_of_memory::times_to_full(finding)].concat()
}
