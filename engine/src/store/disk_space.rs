//! Room on the disk: samples are refused while there is still enough left to keep what was accepted.

use std::path::Path;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::error::StoreError;

/// Room that is left for chunks and catalog, unless the disk is small.
const RESERVE: u64 = 64 << 20;
/// The reserve is no larger than this part of the disk.
const RESERVE_PART: u64 = 20;
/// How long an answer holds.
const HOLDS: Duration = Duration::from_secs(1);

struct Looked {
    at: Instant,
    full: bool,
}

/// Remembers whether there is room.
#[derive(Default)]
pub(super) struct DiskSpace {
    looked: Mutex<Option<Looked>>,
}

impl DiskSpace {
    /// Whether samples may be taken in.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] when less than the reserve is free.
    pub(super) fn check(&self, data_dir: &Path) -> Result<(), StoreError> {
        let mut looked = self.looked.lock();
        let before = looked.as_ref();
        let full = match before.filter(|l| l.at.elapsed() < HOLDS) {
            Some(known) => known.full,
            None => {
                let full = is_full(data_dir, before.is_some_and(|l| l.full));
                *looked = Some(Looked { at: Instant::now(), full });
                full
            }
        };
        if full { Err(StoreError::DiskFull { path: data_dir.to_owned() }) } else { Ok(()) }
    }

    /// Whether so many bytes can be written and the reserve is still free.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] when they cannot.
    pub(super) fn check_for(&self, data_dir: &Path, bytes: u64) -> Result<(), StoreError> {
        match space(data_dir) {
            Some((free, reserve)) if free < reserve.saturating_add(bytes) => Err(StoreError::DiskFull { path: data_dir.to_owned() }),
            _ => Ok(()),
        }
    }
}

/// A disk that was full has to have half as much again as the reserve: no flutter at the edge.
fn is_full(data_dir: &Path, was: bool) -> bool {
    // Where the system does not tell, the write itself will.
    let Some((free, reserve)) = space(data_dir) else { return false };
    free < if was { reserve + reserve / 2 } else { reserve }
}

/// Bytes that are free, and the reserve of this disk.
fn space(data_dir: &Path) -> Option<(u64, u64)> {
    let stat = rustix::fs::statvfs(data_dir).ok()?;
    let reserve = RESERVE.min(stat.f_blocks.saturating_mul(stat.f_frsize) / RESERVE_PART);
    Some((stat.f_bavail.saturating_mul(stat.f_frsize), reserve))
}
