//! How far a series has come: whole for a live one, in 16 bytes for a dormant one.

use std::num::NonZeroU32;

use super::super::partition::Day;
use crate::model::TimestampMs;
use crate::windows::Level;

/// A time that no sample has.
pub(in crate::store) const NEVER: TimestampMs = TimestampMs::MIN;

/// How far a series has come, and where its samples may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Progress {
    /// Time of the newest sample ever accepted.
    pub(in crate::store) newest: TimestampMs,
    /// Chunks may hold samples up to here.
    pub(in crate::store) sealed_to: TimestampMs,
    /// Windows that end at or before this are closed.
    pub(in crate::store) closed_to: TimestampMs,
    /// No sample is earlier.
    pub(in crate::store) born: TimestampMs,
}

/// The progress of a dormant series, whose samples are all in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DormantProgress {
    pub(super) newest: TimestampMs,
    /// Minutes since the epoch, plus one.
    closed_to: NonZeroU32,
    /// Days since the epoch; 0 where it is not known.
    born: u16,
}

impl DormantProgress {
    /// None where the times do not fit; such a series stays live.
    pub(super) fn of(progress: Progress) -> Option<Self> {
        let Progress { newest, closed_to, born, .. } = progress;
        let minutes = u32::try_from(closed_to.div_euclid(Level::M1.ms())).ok()?.checked_add(1)?;
        let whole = closed_to % Level::M1.ms() == 0 && newest != NEVER;
        let progress = Self { newest, closed_to: NonZeroU32::new(minutes)?, born: u16::try_from(Day::of(born).0.max(0)).ok()? };
        whole.then_some(progress)
    }

    pub(super) fn progress(self) -> Progress {
        Progress {
            newest: self.newest,
            sealed_to: self.newest,
            closed_to: i64::from(self.closed_to.get() - 1) * Level::M1.ms(),
            born: if self.born == 0 { TimestampMs::MIN } else { Day(i64::from(self.born)).start() },
        }
    }
}
