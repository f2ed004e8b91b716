//! What goes when: days past every retention, and the oldest days when the directory is too large.

use std::path::Path;

use super::Store;
use super::error::StoreError;
use super::partition::Day;
use crate::model::TimestampMs;

impl Store {
    /// Removes partitions and events past their retention, and the oldest days while the directory is larger than it may
    /// be, and series of which nothing is left; gives the names of the days that went. What is past the retention of its samples alone is the compactor's.
    ///
    /// # Errors
    /// [`StoreError`] when a folder cannot be removed.
    pub fn apply_retention(&self, now: TimestampMs) -> Result<Vec<String>, StoreError> {
        self.catalog.trim_events(now - self.options.retention_ms)?;
        // Not while a day is written anew or copied: the next look comes soon enough.
        let Some(_one_at_a_time) = self.compacting.try_lock() else { return Ok(Vec::new()) };
        let keep = self.options.longest_retention_ms().max(self.options.windows_retention_ms);
        let partitions = self.dir.join("partitions");
        let mut gone = Vec::new();
        let drop_oldest =
            |wanted: &dyn Fn(Day) -> bool| self.partitions.drop_oldest(wanted).map_err(|error| StoreError::io(&partitions, error));
        while let Some(day) = drop_oldest(&|day| day.end().saturating_add(keep) <= now)? {
            gone.push(day);
        }
        if self.options.max_bytes > 0 {
            // The newest day stays: without it there would be nothing to look at.
            while self.bytes_on_disk() > self.options.max_bytes && self.partitions.days().len() > 1 {
                gone.extend(drop_oldest(&|_| true)?);
            }
        }
        self.remove_ended_series()?;
        Ok(gone)
    }

    /// Makes a copy of everything that was accepted before this call in a new folder, while the service goes on. Chunk files
    /// are linked where the file system allows, the rest is copied. [`Store::open`] opens the copy as it is.
    ///
    /// # Errors
    /// [`StoreError`] when the folder exists or cannot be written; what was written of it is removed.
    pub fn snapshot(&self, to: &Path) -> Result<(), StoreError> {
        let fail = |error| StoreError::io(to, error);
        if to.exists() {
            return Err(fail(std::io::Error::new(std::io::ErrorKind::AlreadyExists, "exists already; name a new folder")));
        }
        std::fs::create_dir_all(to).map_err(fail)?;
        let made = self.copy_everything(to);
        if made.is_err()
            && let Err(error) = std::fs::remove_dir_all(to)
        {
            log::warn!("{} cannot be removed: {error}", to.display());
        }
        made
    }

    fn copy_everything(&self, to: &Path) -> Result<(), StoreError> {
        let fail = |error| StoreError::io(to, error);
        // Compactions and seals wait; appends go on and are in the journal that is copied last.
        let _no_compaction = self.compacting.lock();
        self.seal()?;
        let _no_seal = self.sealing.lock();
        for day in self.partitions.days() {
            if let Some(partition) = self.partitions.get(day, false)? {
                let copied = partition.copy_to(&to.join("partitions").join(day.name()));
                copied.map_err(|error| self.partitions.error(day, error))?;
            }
        }
        self.journal.copy_to(to).map_err(fail)?;
        self.catalog.copy_to(to)?;
        std::fs::copy(self.dir.join("identity"), to.join("identity")).map_err(fail)?;
        std::fs::copy(self.dir.join("progress"), to.join("progress")).map_err(fail)?;
        super::partition::sync_dir(to).map_err(fail)
    }
}
