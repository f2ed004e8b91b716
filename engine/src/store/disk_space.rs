//! Free disk space. Samples are refused while there is still enough left to seal what was accepted.

use std::path::Path;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::error::StoreError;

/// Space kept free for chunks and the catalog, unless the disk is small.
const RESERVE: u64 = 64 << 20;
/// The reserve is at most this fraction of the disk.
const RESERVE_PART: u64 = 20;
/// How long a check is valid.
const HOLDS: Duration = Duration::from_secs(1);

struct Measured {
    at: Instant,
    full: bool,
}

/// Caches whether there is enough space.
#[derive(Default)]
pub(crate) struct DiskSpace {
    measured: Mutex<Option<Measured>>,
}

impl DiskSpace {
    /// Checks that samples may be accepted.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] if less than the reserve is free.
    pub(crate) fn check(&self, data_dir: &Path) -> Result<(), StoreError> {
        let mut measured = self.measured.lock();
        let before = measured.as_ref();
        let full = match before.filter(|l| l.at.elapsed() < HOLDS) {
            Some(known) => known.full,
            None => {
                let full = is_full(data_dir, before.is_some_and(|l| l.full));
                *measured = Some(Measured { at: Instant::now(), full });
                full
            }
        };
        if full { Err(StoreError::DiskFull { path: data_dir.to_owned() }) } else { Ok(()) }
    }

    /// Checks that so many bytes can be written with the reserve still free.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] if they cannot.
    pub(crate) fn check_for(&self, data_dir: &Path, bytes: u64) -> Result<(), StoreError> {
        match space(data_dir) {
            Some((free, reserve)) if free < reserve.saturating_add(bytes) => Err(StoreError::DiskFull { path: data_dir.to_owned() }),
            _ => Ok(()),
        }
    }
}

/// After a full disk, half as much again as the reserve has to be free, so that the state does not flap.
fn is_full(data_dir: &Path, was: bool) -> bool {
    // If the system gives no figures, the write itself will fail.
    let Some((free, reserve)) = space(data_dir) else { return false };
    free < if was { reserve + reserve / 2 } else { reserve }
}

/// Free bytes, and the reserve of this disk.
fn space(data_dir: &Path) -> Option<(u64, u64)> {
    let stat = rustix::fs::statvfs(data_dir).ok()?;
    let reserve = RESERVE.min(stat.f_blocks.saturating_mul(stat.f_frsize) / RESERVE_PART);
    Some((stat.f_bavail.saturating_mul(stat.f_frsize), reserve))
}
