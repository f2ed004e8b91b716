//! Advisors: each reads the kept history and says what should be done, with its evidence.
//!
//! To add one, write a file beside these and add its line to [`ADVISORS`].

mod cpu;
mod disk;
mod memory;
mod rising_durations;
mod stalled_board;

use super::{Finding, History, Horizon};
use crate::store::StoreError;

pub(super) use self::disk::times_to_full;
#[cfg(test)]
pub(super) use self::rising_durations::ratio_of_means;

/// All advisors.
pub(super) const ADVISORS: &[Advisor] = &[cpu::ADVISOR, memory::ADVISOR, disk::ADVISOR, stalled_board::ADVISOR, rising_durations::ADVISOR];

/// What gives one kind of advice.
pub(super) struct Advisor {
    /// How far back it reads.
    pub(super) horizon: Horizon,
    /// What it finds in the history; nothing where there is too little of it.
    pub(super) assess: fn(&History<'_>) -> Result<Vec<Finding>, StoreError>,
}
