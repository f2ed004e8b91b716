//! The store: every sample that was accepted, its windows, the events and the small documents, in one data directory.
//!
//! ```text
//! DATA_DIR/lock                     held while a process has the directory
//! DATA_DIR/catalog/                 series, progress, events, documents
//! DATA_DIR/journal/                 batches, in order, until their rows are in chunks
//! DATA_DIR/partitions/2026-11-23/   chunks of one UTC day
//! ```
//!
//! A sample goes to the journal and the head (memory); [`Store::commit`] makes the journal durable, after which the
//! sample may be acknowledged. [`Store::seal`] rewrites the head into chunks and shortens the journal. Each partition
//! notes the last journal record that it holds, in the same atomic write as the chunks, so that a crash at any point
//! loses nothing and counts nothing twice. Appends, closings of windows and the start of a seal exclude each other;
//! reads exclude nothing for longer than the copy of one series.
//!
//! Knows no clock: times are arguments. Blocking: call it from a thread that may wait for the disk.

mod append;
mod catalog;
mod close;
mod error;
mod head;
mod journal;
mod partition;
mod read;
mod seal;
mod series;

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use serde::Serialize;

pub use self::append::{Rejection, Stored};
use self::catalog::Catalog;
pub use self::catalog::{DocumentChange, FORMAT};
pub use self::close::Progress;
pub use self::error::StoreError;
use self::head::{Head, Put};
use self::journal::Record;
use self::partition::{Day, Partitions, open_db};
pub use self::read::{Limits, SeriesColumns};
use self::series::SeriesIndex;
use crate::event::Event;
use crate::model::TimestampMs;
use crate::windows::LEVELS;

/// What the store may use and keep.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Samples older than this are refused and removed.
    pub retention_ms: i64,
    /// How far behind the newest sample of its series a sample may be.
    pub out_of_order_ms: i64,
    /// How far ahead of the clock a sample may be.
    pub max_ahead_ms: i64,
    /// Windows close this long after their end, in event time.
    pub allowed_lateness_ms: i64,
    /// Series kept at the most; new ones beyond are refused.
    pub max_series: usize,
    /// Partitions open at the same time.
    pub max_open_partitions: usize,
    /// Page cache of each open database.
    pub cache_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            retention_ms: 30 * partition::DAY_MS,
            out_of_order_ms: 3_600_000,
            max_ahead_ms: 3_600_000,
            allowed_lateness_ms: 30_000,
            max_series: 1_000_000,
            max_open_partitions: 4,
            cache_bytes: 4 << 20,
        }
    }
}

/// Counts since the store was opened.
#[derive(Debug, Default)]
pub struct Counters {
    /// Samples kept.
    pub appended: AtomicU64,
    /// Appends.
    pub batches: AtomicU64,
    /// Samples that were there already.
    pub duplicates: AtomicU64,
    /// Samples refused, by [`Rejection::ALL`].
    pub rejected: [AtomicU64; 4],
    /// Samples that came after their one-minute window had closed.
    pub late: AtomicU64,
    /// Windows closed, by level.
    pub closed: [AtomicU64; LEVELS],
    /// Journal flushes.
    pub commits: AtomicU64,
    /// Seals.
    pub seals: AtomicU64,
}

/// What the store looks like now.
#[derive(Debug, Clone, Serialize)]
pub struct StoreStatus {
    /// Where it is.
    pub data_dir: PathBuf,
    /// Series known.
    pub series: usize,
    /// Series at the most.
    pub max_series: usize,
    /// Samples not in chunks yet.
    pub head_samples: u64,
    /// Journal records.
    pub journal_records: u64,
    /// Days that have a partition.
    pub partitions: Vec<String>,
    /// Bytes of the data directory on the disk, as last measured.
    pub disk_bytes: u64,
    /// How long samples are kept.
    pub retention_seconds: f64,
    /// Format of the directory.
    pub format: u32,
}

/// See the module.
pub struct Store {
    dir: PathBuf,
    options: StoreOptions,
    catalog: Catalog,
    journal: sled::Db,
    partitions: Partitions,
    series: RwLock<SeriesIndex>,
    head: RwLock<Head>,
    /// Held by whoever appends, closes windows or begins a seal; holds the number of the next journal record.
    turn: Mutex<u64>,
    sealing: Mutex<()>,
    counters: Counters,
    head_samples: AtomicU64,
    journal_records: AtomicU64,
    disk_bytes: AtomicU64,
    /// Why the last write failed, while it does.
    failing: Mutex<Option<String>>,
    _lock: File,
}

impl Store {
    /// Opens a data directory, makes it where there is none, and replays its journal.
    ///
    /// # Errors
    /// [`StoreError`]: the directory cannot be written, is in use, was written by a later version, or is damaged.
    pub fn open(dir: &Path, options: StoreOptions, now: TimestampMs) -> Result<Self, StoreError> {
        let dir_error = |source| StoreError::DataDir { path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(dir_error)?;
        let lock = take_lock(dir)?;
        let catalog = Catalog::open(dir, options.cache_bytes)?;
        let journal = open_db(&dir.join("journal"), options.cache_bytes).map_err(|e| StoreError::database("journal", dir, e))?;
        let partitions = Partitions::open(dir, options.max_open_partitions, options.cache_bytes).map_err(dir_error)?;
        partitions.drop_before(now - options.retention_ms).map_err(dir_error)?;
        let series = catalog.load_series()?;
        let mut head = Head::default();
        catalog.load_progress(&mut head, series.len())?;
        let store = Self {
            dir: dir.to_owned(),
            options,
            catalog,
            journal,
            partitions,
            series: RwLock::new(series),
            head: RwLock::new(head),
            turn: Mutex::new(1),
            sealing: Mutex::new(()),
            counters: Counters::default(),
            head_samples: AtomicU64::new(0),
            journal_records: AtomicU64::new(0),
            disk_bytes: AtomicU64::new(0),
            failing: Mutex::default(),
            _lock: lock,
        };
        store.replay(now)?;
        Ok(store)
    }

    fn journal_error(&self) -> impl Fn(sled::Error) -> StoreError + '_ {
        |source| StoreError::database("journal", &self.dir, source)
    }

    /// Puts the journal's rows that are in no chunk yet into the head.
    fn replay(&self, now: TimestampMs) -> Result<(), StoreError> {
        let series = self.series.read().len();
        let mut head = self.head.write();
        let mut sealed: rustc_hash::FxHashMap<Day, u64> = rustc_hash::FxHashMap::default();
        let mut next = 1;
        for item in self.journal.iter() {
            let (key, value) = item.map_err(self.journal_error())?;
            let Ok(number) = key.as_ref().try_into().map(u64::from_be_bytes) else { continue };
            next = next.max(number + 1);
            self.journal_records.fetch_add(1, Ordering::Relaxed);
            let mut unsealed = |t: TimestampMs| -> Result<bool, StoreError> {
                let day = Day::of(t);
                if let Some(&through) = sealed.get(&day) {
                    return Ok(number > through);
                }
                let through = match self.partitions.get(day, false)? {
                    Some(p) => p.sealed_through().map_err(|e| StoreError::database(day.name(), &self.dir, e))?,
                    None => 0,
                };
                sealed.insert(day, through);
                Ok(number > through)
            };
            let horizon = now - self.options.retention_ms;
            let record =
                journal::decode(&value).map_err(|source| StoreError::Damaged { place: format!("journal record {number}"), source })?;
            match record {
                Record::Samples(rows) => {
                    for (id, t, v) in rows.into_iter().filter(|(id, ..)| id.index() < series) {
                        if t < horizon {
                            continue;
                        }
                        let entry = head.entry(id);
                        entry.newest = entry.newest.max(t);
                        entry.touched = now;
                        self.first_marks(&mut entry.closed, t);
                        if unsealed(t)? && entry.put(t, v) == Put::New {
                            self.head_samples.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                Record::Windows(level, rows) => {
                    for (id, row) in rows.into_iter().filter(|(id, _)| id.index() < series) {
                        if unsealed(row.start)? {
                            head.entry(id).put_window(level, row);
                        } else {
                            let closed = &mut head.entry(id).closed[level.index()];
                            *closed = (*closed).max(row.start + level.ms());
                        }
                    }
                }
            }
        }
        // Numbers go on where any partition stopped, so that a new record is never taken for a sealed one.
        let today = Day::of(now);
        for day in self.partitions.days_within((today.0 - 2) * partition::DAY_MS, today.end() + self.options.max_ahead_ms) {
            if let Some(partition) = self.partitions.get(day, false)? {
                next = next.max(partition.sealed_through().map_err(|e| StoreError::database(day.name(), &self.dir, e))? + 1);
            }
        }
        if let Some(value) = self.journal_mark()? {
            next = next.max(value + 1);
        }
        *self.turn.lock() = next;
        Ok(())
    }

    /// Keeps events, durably; gives each with its id.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be written.
    pub fn add_events(&self, events: &[Event]) -> Result<Vec<(String, Event)>, StoreError> {
        self.catalog.add_events(events)
    }

    /// Events within `[start, end]` that are wanted, newest first, at most `limit`, each with its id.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be read.
    pub fn events(
        &self,
        start: TimestampMs,
        end: TimestampMs,
        limit: usize,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Vec<(String, Event)>, StoreError> {
        self.catalog.events(start, end, limit, wanted)
    }

    /// All documents of a kind, by key.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be read.
    pub fn documents(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.catalog.documents(kind)
    }

    /// Changes documents of a kind in one atomic and durable step.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be written; nothing was changed then.
    pub fn change_documents(&self, kind: &str, changes: Vec<DocumentChange>) -> Result<(), StoreError> {
        self.catalog.change_documents(kind, changes)
    }

    /// What the store may use and keep.
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// Counts since the store was opened.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is wrong right now, in words.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.partitions.problems();
        problems.extend(self.failing.lock().clone());
        problems
    }

    /// What the store looks like now.
    pub fn status(&self) -> StoreStatus {
        StoreStatus {
            data_dir: self.dir.clone(),
            series: self.series.read().len(),
            max_series: self.options.max_series,
            head_samples: self.head_samples.load(Ordering::Relaxed),
            journal_records: self.journal_records.load(Ordering::Relaxed),
            partitions: self.partitions.names(),
            disk_bytes: self.disk_bytes.load(Ordering::Relaxed),
            retention_seconds: self.options.retention_ms as f64 / 1e3,
            format: FORMAT,
        }
    }
}

fn take_lock(dir: &Path) -> Result<File, StoreError> {
    let dir_error = |source| StoreError::DataDir { path: dir.to_owned(), source };
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(dir.join("lock")).map_err(dir_error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid).map_err(dir_error)?;
            return Err(StoreError::Locked { path: dir.to_owned(), pid: pid.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(dir_error(source)),
    }
    file.set_len(0).map_err(dir_error)?;
    file.rewind().map_err(dir_error)?;
    writeln!(file, "{}", std::process::id()).map_err(dir_error)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
