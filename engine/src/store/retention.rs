//! What goes when: days past every retention, and the oldest days when the directory is too large.

use super::Store;
use super::error::StoreError;
use super::partition::Day;
use super::work::Task;
use crate::model::TimestampMs;

impl Store {
    /// Removes partitions and events past their retention, and the oldest days while the directory is larger than it may
    /// be; gives the names of the days that went. What is past the retention of its samples alone is the compactor's.
    ///
    /// # Errors
    /// [`StoreError`] when a folder cannot be removed.
    pub fn apply_retention(&self, now: TimestampMs) -> Result<Vec<String>, StoreError> {
        self.work.run(Task::Retention, || self.remove_what_is_past(now))
    }

    fn remove_what_is_past(&self, now: TimestampMs) -> Result<Vec<String>, StoreError> {
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
            self.work.progress(Task::Retention);
        }
        if self.options.max_bytes > 0 {
            // The newest day stays: without it there would be nothing to look at.
            while self.bytes_on_disk() > self.options.max_bytes && self.partitions.days().len() > 1 {
                gone.extend(drop_oldest(&|_| true)?);
            }
        }
        Ok(gone)
    }
}
