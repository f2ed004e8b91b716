//! Log lines: the way of their writer and their readers to the store of lines, which is a part of the data directory.

use super::append::here;
use super::error::StoreError;
use super::reader::StoreReader;
use super::state::Store;
use super::work::Task;
use super::writer::StoreWriter;
use crate::logs::Lines;
use crate::logs::store::{Appended, LogReader};
use crate::model::TimestampMs;

/// Changes the store of lines. Whoever owns it is the only one who does; what removes whole days is done by the [`StoreWriter`].
pub struct LogWriter(StoreReader);

impl StoreWriter {
    /// A writer of log lines.
    #[must_use]
    pub fn log_writer(&self) -> LogWriter {
        LogWriter(self.reader())
    }
}

impl Store {
    /// A reader of log lines.
    #[must_use]
    pub fn logs(&self) -> LogReader {
        LogReader::new(std::sync::Arc::clone(&self.logs))
    }
}

impl LogWriter {
    /// A reader of what it writes.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        self.0.logs()
    }

    /// Appends lines to journal and head. Durable, and to be acknowledged, after the next [`LogWriter::commit`].
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be written; nothing was kept then.
    pub fn append(&self, lines: Lines, now: TimestampMs) -> Result<Appended, StoreError> {
        let store = &self.0;
        let appended = here(store).and_then(|()| store.disk_space.check(&store.dir)).and_then(|()| store.logs.append(lines, now));
        if let Err(error) = &appended {
            store.note_failure(error);
        }
        appended
    }

    /// Makes everything appended before this call durable.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses; nothing may be acknowledged then.
    pub fn commit(&self) -> Result<(), StoreError> {
        let store = &self.0;
        let flushed = store.work.run(Task::CommitLines, || {
            store.logs.commit()?;
            // A file that was removed meanwhile is durable nowhere.
            store.is_in_place()
        });
        match &flushed {
            Ok(()) => *store.failing.lock() = None,
            Err(error) => store.note_failure(error),
        }
        flushed
    }

    /// Writes all lines of the head as files of blocks, and shortens the journal; gives how many lines.
    ///
    /// # Errors
    /// [`StoreError`] when a file cannot be written; the lines are still in the journal and can be read.
    pub fn seal(&self) -> Result<u64, StoreError> {
        let store = &self.0;
        store.work.run(Task::SealLines, || {
            here(store)?;
            store.logs.seal()
        })
    }

    /// Merges some files of a day that are small, or all of a day that is over; gives the day, or `None` where there is nothing to do.
    ///
    /// # Errors
    /// [`StoreError`] when files cannot be read or written; all is as it was then.
    pub fn compact(&self, now: TimestampMs) -> Result<Option<String>, StoreError> {
        let store = &self.0;
        store.work.run(Task::CompactLines, || {
            here(store)?;
            store.logs.compact(now, || store.work.progress(Task::CompactLines))
        })
    }

    /// Whether no line was ever kept.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.0.logs.is_unused()
    }

    /// Longest time between seals.
    #[must_use]
    pub fn seal_interval(&self) -> std::time::Duration {
        self.0.options.logs.seal_interval
    }

    /// Whether a seal is due for the memory that lines take.
    #[must_use]
    pub fn head_is_over(&self) -> bool {
        self.0.logs.head_is_over()
    }
}
