//! The store: every sample that was accepted, its windows, the events and the small documents, in one data directory.
//!
//! It has two faces. [`StoreReader`] is cheap to clone and reads. [`StoreWriter`] is the only way to change anything; it cannot be
//! cloned, so whoever owns it knows that nobody else writes. A [`SeriesResolver`] of the reader finds the series of samples on the
//! thread that decodes them; the writer appends what it resolved.
//!
//! ```text
//! DATA_DIR/lock                     held while a process has the directory
//! DATA_DIR/identity                 the format and the identity of the directory
//! DATA_DIR/series.log               every series with its id
//! DATA_DIR/catalog.log              every change of events and documents
//! DATA_DIR/catalog/                 sled: an index of catalog.log
//! DATA_DIR/exemplars.log            exemplars, once there was one
//! DATA_DIR/progress                 how far every series had come at the last seal
//! DATA_DIR/clock                    the time that retention goes by
//! DATA_DIR/journal/                 records of samples and of new series, in order, until they are in chunks
//! DATA_DIR/logs/                    log lines (`crate::logs::store`)
//! DATA_DIR/traces/                  spans (`crate::span_store`)
//! DATA_DIR/partitions/2026-11-23/   chunks of one UTC day: what seals appended while the day is hot, then one file
//! DATA_DIR/quarantine/              what could not be read
//! ```
//!
//! A sample goes to the journal and the head (memory). [`StoreWriter::commit`] makes the journal durable; then the sample may be
//! acknowledged. [`StoreWriter::seal`] writes the head as chunks and shortens the journal. Each partition records the last journal
//! record that it holds, in the same atomic write as the chunks, so a crash at any point loses nothing and counts nothing twice.
//! Labels of series are in three places: the journal defines new ones before the first rows that name them, a seal writes them to
//! series.log before its chunks, and each file of a day has those of its chunks. What damage takes from one place is restored from
//! the others. [`StoreWriter::compact`] makes one chunk a series of a finished day. Appends and the start of a seal exclude each
//! other; reads exclude nothing for longer than the copy of one series.
//!
//! The store has no clock for samples: their times are arguments. Its calls block: use a thread that may wait for the disk.

mod append;
mod catalog;
mod check;
mod chunk_file;
mod clock;
mod closed_windows;
mod compact;
mod data_dir;
mod day_file;
mod directory_cache;
pub(crate) mod disk_space;
mod dormancy;
mod dormant;
mod error;
mod exemplars;
pub(crate) mod files;
pub(crate) mod frame;
#[cfg(test)]
pub(crate) mod fuzz;
mod git;
mod head;
mod hours;
pub(crate) mod identity;
mod ids;
mod index;
pub(crate) mod journal;
mod lines;
mod loading;
mod log;
mod manifest;
pub(crate) mod mark;
mod options;
pub(crate) mod page;
mod pages_file;
pub(crate) mod partition;
mod partitions;
pub(crate) mod pread;
pub(crate) mod problems;
mod progress;
mod read;
pub(crate) mod read_buffer;
mod reader;
mod recover;
mod renew;
mod resolver;
mod retention;
mod seal;
mod segment;
mod series;
mod series_log;
mod snapshot;
mod state;
mod status;
mod work;
mod writer;

pub use self::append::{ClosedSpan, Rejection, Stored};
pub use self::catalog::DocumentChange;
pub use self::check::{Report as CheckReport, check};
pub use self::closed_windows::HourPart;
pub use self::compact::Compacted;
pub use self::data_dir::DirectoryLock;
pub use self::error::StoreError;
pub use self::exemplars::{ExemplarOptions, SeriesExemplars};
pub use self::git::{GITIGNORE, keep_out_of_git, write_ignore_file};
pub use self::identity::FORMAT;
pub use self::journal::JournalSize;
pub use self::lines::{LogWriter, RecordWriter, SpanWriter};
pub use self::options::StoreOptions;
pub use self::read::{Limits, SeriesColumns};
pub use self::reader::StoreReader;
pub use self::resolver::{ResolvedBatch, SeriesResolver};
pub use self::series::Share;
pub use self::snapshot::{SnapshotError, SnapshotList, copy_directory, finished_snapshots};
pub use self::status::{Counters, StoreStatus};
pub use self::writer::StoreWriter;

#[cfg(test)]
mod tests;
