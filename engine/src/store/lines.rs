//! Log lines and spans: the way of their writers and their readers to their stores, which are parts of the data directory.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::append::here;
use super::error::StoreError;
use super::reader::StoreReader;
use super::state::Store;
use super::work::Task;
use super::writer::StoreWriter;
use crate::logs::Lines;
use crate::logs::store::{Appended, LogReader, LogStore};
use crate::model::TimestampMs;
use crate::span_store::TraceReader;
use crate::traces::Spans;

/// How long files are read to find damage after each look for files to merge: a stop waits no longer.
const VERIFY_TIME: Duration = Duration::from_secs(1);

/// Changes the store of lines or that of spans. Whoever owns it is the only one who does; what removes whole days is done by the
/// [`StoreWriter`].
pub struct RecordWriter {
    store: StoreReader,
    part: fn(&Store) -> &Arc<LogStore>,
    commit: Task,
    seal: Task,
    compact: Task,
}

/// Changes the store of lines.
pub struct LogWriter(RecordWriter);

/// Changes the store of spans.
pub struct SpanWriter(RecordWriter);

impl Deref for LogWriter {
    type Target = RecordWriter;

    fn deref(&self) -> &RecordWriter {
        &self.0
    }
}

impl Deref for SpanWriter {
    type Target = RecordWriter;

    fn deref(&self) -> &RecordWriter {
        &self.0
    }
}

impl StoreWriter {
    /// A writer of log lines.
    #[must_use]
    pub fn log_writer(&self) -> LogWriter {
        let (store, commit, seal, compact) = (self.reader(), Task::CommitLines, Task::SealLines, Task::CompactLines);
        LogWriter(RecordWriter { store, part: |store| &store.logs, commit, seal, compact })
    }

    /// A writer of spans.
    #[must_use]
    pub fn span_writer(&self) -> SpanWriter {
        let (store, commit, seal, compact) = (self.reader(), Task::CommitSpans, Task::SealSpans, Task::CompactSpans);
        SpanWriter(RecordWriter { store, part: |store| &store.traces, commit, seal, compact })
    }
}

impl Store {
    /// A reader of log lines.
    #[must_use]
    pub fn logs(&self) -> LogReader {
        LogReader::new(Arc::clone(&self.logs))
    }

    /// A reader of spans.
    #[must_use]
    pub fn traces(&self) -> TraceReader {
        TraceReader::new(Arc::clone(&self.traces))
    }
}

impl LogWriter {
    /// A reader of what it writes.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        self.store.logs()
    }

    /// Appends lines to journal and head. Durable, and to be acknowledged, after the next [`RecordWriter::commit`].
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be written; nothing was kept then.
    pub fn append(&self, lines: Lines, now: TimestampMs) -> Result<Appended, StoreError> {
        self.append_new(lines, now).map(|(done, _)| done)
    }

    /// As [`LogWriter::append`]; gives as well which lines are new, in their order: the others were refused, or were there already.
    ///
    /// # Errors
    /// As [`LogWriter::append`].
    pub fn append_new(&self, lines: Lines, now: TimestampMs) -> Result<(Appended, Vec<bool>), StoreError> {
        self.append_with(|records| records.append(lines, now))
    }
}

impl SpanWriter {
    /// A reader of what it writes.
    #[must_use]
    pub fn reader(&self) -> TraceReader {
        self.store.traces()
    }

    /// Appends spans to journal and head. Durable, and to be acknowledged, after the next [`RecordWriter::commit`]. Gives as well which
    /// of them are new, in their order: the others were refused, or were there already.
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be written; nothing was kept then.
    pub fn append(&self, spans: &[Spans], now: TimestampMs) -> Result<(Appended, Vec<bool>), StoreError> {
        self.append_with(|records| records.append_spans(spans, now))
    }
}

impl RecordWriter {
    fn records(&self) -> &LogStore {
        (self.part)(&self.store)
    }

    fn append_with<T>(&self, append: impl FnOnce(&LogStore) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let store = &self.store;
        let appended = here(store).and_then(|()| store.disk_space.check(&store.dir)).and_then(|()| append(self.records()));
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
        let store = &self.store;
        let flushed = store.work.run(self.commit, || {
            self.records().commit()?;
            // A file that was removed meanwhile is durable nowhere.
            store.is_in_place()
        });
        match &flushed {
            Ok(()) => *store.failing.lock() = None,
            Err(error) => store.note_failure(error),
        }
        flushed
    }

    /// Writes all records of the head as files of blocks, and shortens the journal; gives how many.
    ///
    /// # Errors
    /// [`StoreError`] when a file cannot be written; they are still in the journal and can be read.
    pub fn seal(&self) -> Result<u64, StoreError> {
        let store = &self.store;
        store.work.run(self.seal, || {
            here(store)?;
            self.records().seal()
        })
    }

    /// Merges some files of a day that are small, or all of a day that is over; gives the day, or `None` where there is nothing to do. Then
    /// files that were there at the start are read for a second, so that damage is found early.
    ///
    /// # Errors
    /// [`StoreError`] when files cannot be read or written; all is as it was then.
    pub fn compact(&self, now: TimestampMs) -> Result<Option<String>, StoreError> {
        let store = &self.store;
        store.work.run(self.compact, || {
            here(store)?;
            let merged = self.records().compact(now, || store.work.progress(self.compact))?;
            let since = Instant::now();
            while merged.is_none() && since.elapsed() < VERIFY_TIME {
                let goes_on = || {
                    store.work.progress(self.compact);
                    since.elapsed() < VERIFY_TIME
                };
                if !self.records().verify_next(goes_on)? {
                    break;
                }
            }
            Ok(merged)
        })
    }

    /// Whether nothing was ever kept.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.records().is_unused()
    }

    /// Longest time between seals.
    #[must_use]
    pub fn seal_interval(&self) -> Duration {
        self.records().seal_interval()
    }

    /// Whether a seal is due for the memory that the head takes.
    #[must_use]
    pub fn head_is_over(&self) -> bool {
        self.records().head_is_over()
    }
}
