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

mod catalog;
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

use self::catalog::Catalog;
pub use self::catalog::{DocumentChange, FORMAT};
pub use self::error::StoreError;
use self::head::{Head, NEVER, Put, SeriesHead};
use self::journal::Record;
use self::partition::{Day, Partitions, open_db};
pub use self::read::{Limits, SeriesColumns};
use self::series::SeriesIndex;
use crate::event::Event;
use crate::model::{Batch, Labels, SeriesId, TimestampMs};
use crate::windows::{self, LEVELS, Level, WindowRow};

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

/// Why a sample was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// Too far behind the newest of its series.
    OutOfOrder,
    /// Older than the retention.
    TooOld,
    /// Further ahead of the clock than allowed.
    TooFarAhead,
    /// A new series beyond the limit.
    SeriesLimit,
}

impl Rejection {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::OutOfOrder, Self::TooOld, Self::TooFarAhead, Self::SeriesLimit];

    /// As a label value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutOfOrder => "out_of_order",
            Self::TooOld => "too_old",
            Self::TooFarAhead => "too_far_ahead",
            Self::SeriesLimit => "series_limit",
        }
    }
}

/// What an append kept: the rows that are new or changed a value.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// Rises by one with each append since the store was opened.
    pub number: u64,
    /// Series of each row.
    pub ids: Vec<SeriesId>,
    /// Time of each row.
    pub times: Vec<TimestampMs>,
    /// Value of each row.
    pub values: Vec<f64>,
    /// How many samples were refused, by [`Rejection::ALL`].
    pub rejected: [u64; 4],
}

impl Stored {
    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = (SeriesId, TimestampMs, f64)> + '_ {
        self.ids.iter().zip(self.times.iter().zip(&self.values)).map(|(&id, (&t, &v))| (id, t, v))
    }
}

/// How far a series is, for closing its windows.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The series.
    pub id: SeriesId,
    /// Time of its newest sample.
    pub newest: TimestampMs,
    /// When a sample of it was last accepted.
    pub touched: TimestampMs,
    /// Windows ending at or before this are closed at the level asked for.
    pub closed: TimestampMs,
    /// The same at the level below; the newest sample for the first level.
    pub below: TimestampMs,
}

impl Progress {
    fn of(id: SeriesId, head: &SeriesHead, level: Level) -> Self {
        let below = level.below().map_or(head.newest, |below| head.closed[below.index()]);
        Self { id, newest: head.newest, touched: head.touched, closed: head.closed[level.index()], below }
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

    /// Where windows of a series begin: with its first sample, less the lateness that others may have.
    fn first_marks(&self, closed: &mut [TimestampMs; LEVELS], first: TimestampMs) {
        if closed[0] == NEVER {
            *closed = Level::ALL.map(|level| windows::close_through(level, first, self.options.allowed_lateness_ms));
        }
    }

    /// Takes samples into journal and head. Durable, and to be acknowledged, after the next [`Store::commit`].
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be written; nothing was kept then.
    pub fn append(&self, batch: &Batch, now: TimestampMs) -> Result<Stored, StoreError> {
        fail::fail_point!("store::append");
        let stored = self.take(batch, now);
        if let Err(error) = &stored {
            *self.failing.lock() = Some(error.to_string());
        }
        stored
    }

    fn take(&self, batch: &Batch, now: TimestampMs) -> Result<Stored, StoreError> {
        let mut turn = self.turn.lock();
        let mut stored = Stored::default();
        let mut rows = Vec::with_capacity(batch.len());
        self.resolve(batch, now, &mut rows, &mut stored.rejected)?;
        if !rows.is_empty() {
            let number = *turn;
            let record = journal::encode_samples(&rows);
            self.journal.insert(number.to_be_bytes(), record).map_err(self.journal_error())?;
            *turn += 1;
            self.journal_records.fetch_add(1, Ordering::Relaxed);
            stored.number = self.counters.batches.fetch_add(1, Ordering::Relaxed) + 1;
            self.apply(&rows, now, &mut stored);
        }
        for (total, count) in self.counters.rejected.iter().zip(stored.rejected) {
            total.fetch_add(count, Ordering::Relaxed);
        }
        Ok(stored)
    }

    /// Finds or makes the series of each row and sorts out what cannot be kept.
    fn resolve(
        &self,
        batch: &Batch,
        now: TimestampMs,
        rows: &mut Vec<(SeriesId, TimestampMs, f64)>,
        rejected: &mut [u64; 4],
    ) -> Result<(), StoreError> {
        let mut reject = |why: Rejection| rejected[why as usize] += 1;
        let mut new: Vec<(SeriesId, Labels)> = Vec::new();
        let mut index = self.series.upgradable_read();
        let head = self.head.read();
        for (labels, sample) in batch.rows() {
            if sample.t < now - self.options.retention_ms {
                reject(Rejection::TooOld);
                continue;
            }
            if sample.t > now.saturating_add(self.options.max_ahead_ms) {
                reject(Rejection::TooFarAhead);
                continue;
            }
            let id = match index.id(labels) {
                Some(id) => {
                    // A clock that was ahead once does not shut a series out: nothing is behind what has not come yet.
                    let newest = head.get(id).map_or(NEVER, |h| h.newest).min(now);
                    if newest != NEVER && sample.t < newest - self.options.out_of_order_ms {
                        reject(Rejection::OutOfOrder);
                        continue;
                    }
                    id
                }
                None if index.len() >= self.options.max_series => {
                    reject(Rejection::SeriesLimit);
                    continue;
                }
                None => {
                    let id = index.with_upgraded(|index| index.add(labels.clone()));
                    new.push((id, labels.clone()));
                    id
                }
            };
            rows.push((id, sample.t, sample.v));
        }
        drop(head);
        drop(index);
        if new.is_empty() {
            return Ok(());
        }
        // Durable before any journal record names them, so that an id never comes to mean another series.
        self.catalog.add_series(&new)
    }

    fn apply(&self, rows: &[(SeriesId, TimestampMs, f64)], now: TimestampMs, stored: &mut Stored) {
        let (mut new, mut duplicates, mut late) = (0, 0, 0);
        let mut head = self.head.write();
        for &(id, t, v) in rows {
            let entry = head.entry(id);
            entry.touched = now;
            self.first_marks(&mut entry.closed, t);
            if entry.closed[0] > now.saturating_add(self.options.max_ahead_ms.min(60_000)) && t < entry.closed[0] {
                // The clock was ahead and went back: the windows of the time between are open again.
                entry.closed = Level::ALL.map(|level| level.floor(t).min(entry.closed[level.index()]));
            }
            match entry.put(t, v) {
                Put::Duplicate => {
                    duplicates += 1;
                    continue;
                }
                Put::New => new += 1,
                Put::Replaced => {}
            }
            if t < entry.closed[0] {
                late += 1;
            }
            stored.ids.push(id);
            stored.times.push(t);
            stored.values.push(v);
        }
        drop(head);
        self.head_samples.fetch_add(new, Ordering::Relaxed);
        self.counters.appended.fetch_add(stored.ids.len() as u64, Ordering::Relaxed);
        self.counters.duplicates.fetch_add(duplicates, Ordering::Relaxed);
        self.counters.late.fetch_add(late, Ordering::Relaxed);
    }

    /// Makes everything appended before this call durable.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses; nothing may be acknowledged then.
    pub fn commit(&self) -> Result<(), StoreError> {
        fail::fail_point!("store::commit");
        let flushed = self.journal.flush().map(|_| ()).map_err(self.journal_error());
        *self.failing.lock() = flushed.as_ref().err().map(ToString::to_string);
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        flushed
    }

    /// How far each series is at a level; for deciding what to close.
    pub fn progress(&self, level: Level) -> Vec<Progress> {
        let head = self.head.read();
        head.iter().filter(|(_, h)| h.newest != NEVER).map(|(id, h)| Progress::of(id, h, level)).collect()
    }

    /// How far one series is at a level.
    pub fn progress_of(&self, level: Level, id: SeriesId) -> Option<Progress> {
        let head = self.head.read();
        head.get(id).filter(|h| h.newest != NEVER).map(|h| Progress::of(id, h, level))
    }

    /// Closes the windows of a level up to the given boundary of each series and keeps their rows. A row is computed
    /// from what the store holds at this moment, so that closing the same window again gives the same row.
    ///
    /// # Errors
    /// [`StoreError`] when samples cannot be read or the journal not be written; nothing was closed then.
    pub fn close_windows(&self, level: Level, due: &[(SeriesId, TimestampMs)]) -> Result<Vec<(SeriesId, WindowRow)>, StoreError> {
        let mut turn = self.turn.lock();
        let mut rows = Vec::new();
        let mut marks = Vec::with_capacity(due.len());
        for &(id, through) in due {
            let Some(closed) = self.head.read().get(id).map(|h| h.closed[level.index()]) else { continue };
            if closed == NEVER || closed >= through {
                continue;
            }
            let made = match level.below() {
                None => windows::from_samples(level, &self.samples(id, closed, through - 1)?),
                Some(below) => windows::from_rows(level, &self.windows(id, below, closed, through - 1)?),
            };
            rows.extend(made.into_iter().map(|row| (id, row)));
            marks.push((id, through));
        }
        if !rows.is_empty() {
            let record = journal::encode_windows(level, &rows);
            self.journal.insert(turn.to_be_bytes(), record).map_err(self.journal_error())?;
            *turn += 1;
            self.journal_records.fetch_add(1, Ordering::Relaxed);
        }
        let mut head = self.head.write();
        for &(id, row) in &rows {
            head.entry(id).put_window(level, row);
        }
        for (id, through) in marks {
            let closed = &mut head.entry(id).closed[level.index()];
            *closed = (*closed).max(through);
        }
        self.counters.closed[level.index()].fetch_add(rows.len() as u64, Ordering::Relaxed);
        Ok(rows)
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
