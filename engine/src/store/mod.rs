//! The store: every sample that was accepted, its windows, the events and the small documents, in one data directory.
//!
//! ```text
//! DATA_DIR/lock                     held while a process has the directory
//! DATA_DIR/identity                 the format and the identity of the directory
//! DATA_DIR/series.log               every series with its id
//! DATA_DIR/catalog.log              every change of events and documents
//! DATA_DIR/catalog/                 sled: an index of catalog.log
//! DATA_DIR/progress                 how far every series had come at the last seal
//! DATA_DIR/clock                    the time that retention goes by
//! DATA_DIR/journal/                 records of samples and of new series, in order, until they are in chunks
//! DATA_DIR/partitions/2026-11-23/   chunks of one UTC day: what seals appended while the day is hot, then one file
//! DATA_DIR/quarantine/              what could not be read
//! ```
//!
//! A sample goes to the journal and the head (memory); [`Store::commit`] makes the journal durable, after which the
//! sample may be acknowledged. [`Store::seal`] rewrites the head into chunks and shortens the journal. Each partition
//! notes the last journal record that it holds, in the same atomic write as the chunks, so that a crash at any point
//! loses nothing and counts nothing twice. Labels of series are in three places: the journal defines new ones before the
//! first rows that name them, a seal writes them to series.log before its chunks, and each file of a day has those of its
//! chunks; what damage takes from one is made again from the others. [`Store::compact`] makes one chunk a series of a finished day. Appends and the
//! start of a seal exclude each other; reads exclude nothing for longer than the copy of one series.
//!
//! Knows no clock for samples: their times are arguments. Blocking: call it from a thread that may wait for the disk.

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
mod disk_space;
mod dormancy;
mod dormant;
mod error;
mod files;
mod frame;
mod head;
mod hours;
mod identity;
mod ids;
mod index;
mod journal;
mod log;
mod manifest;
mod mark;
mod page;
mod pages_file;
mod partition;
mod partitions;
mod pread;
mod problems;
mod progress;
mod read;
mod read_buffer;
mod recover;
mod renew;
mod resolve;
mod retention;
mod seal;
mod segment;
mod series;
mod series_log;
mod snapshot;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;
use serde::Serialize;

pub use self::append::{Intake, Rejection, Resolved, Span, Stored};
use self::catalog::Catalog;
pub use self::catalog::DocumentChange;
pub use self::check::{Report as CheckReport, check};
use self::clock::Clock;
pub use self::closed_windows::HourPart;
pub use self::compact::Compacted;
use self::data_dir::DataDir;
pub use self::data_dir::DirectoryLock;
use self::disk_space::DiskSpace;
pub use self::error::StoreError;
use self::head::Head;
pub use self::identity::FORMAT;
use self::identity::Identity;
use self::journal::Journal;
pub use self::journal::JournalSize;
use self::partition::Day;
use self::partitions::Partitions;
pub use self::read::{Limits, SeriesColumns};
pub use self::series::Share;
use self::series::{IndexLoader, SeriesIndex};
pub use self::snapshot::{SnapshotError, SnapshotList, copy_directory, finished_snapshots};
use self::work::{Task, Work};
use crate::event::Event;
use crate::model::{Selector, SeriesId, TimestampMs};

/// What the store may use and keep.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Samples older than this are refused and removed.
    pub retention_ms: i64,
    /// How long the samples of some series are kept instead; the first selector that accepts a series counts.
    pub retention_overrides: Vec<(Selector, i64)>,
    /// How long windows of an hour and longer are kept.
    pub windows_retention_ms: i64,
    /// Bytes on the disk beyond which the oldest days go; 0 for no bound.
    pub max_bytes: u64,
    /// A day is compacted once no seal has written to it for so long.
    pub quiet: Duration,
    /// How far behind the newest sample of its series a sample may be.
    pub out_of_order_ms: i64,
    /// How far ahead of the clock a sample may be.
    pub max_ahead_ms: i64,
    /// Windows close this long after their end, in event time.
    pub allowed_lateness_ms: i64,
    /// Series kept at the most; new ones beyond are refused.
    pub max_series: usize,
    /// Files of days that are open at the same time.
    pub max_open_files: usize,
    /// Samples that may wait in memory for a seal before more are refused; more where there are many series.
    pub max_waiting: u64,
    /// Page cache of the catalog.
    pub cache_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            retention_ms: 30 * partition::DAY_MS,
            retention_overrides: Vec::new(),
            windows_retention_ms: 400 * partition::DAY_MS,
            max_bytes: 0,
            quiet: Duration::from_secs(20),
            out_of_order_ms: 3_600_000,
            max_ahead_ms: 3_600_000,
            allowed_lateness_ms: 30_000,
            max_series: 1_000_000,
            max_open_files: 512,
            max_waiting: 8_000_000,
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
    /// Journal flushes.
    pub commits: AtomicU64,
    /// Seals.
    pub seals: AtomicU64,
    /// Time they took, microseconds.
    pub seal_micros: AtomicU64,
    /// Compactions.
    pub compactions: AtomicU64,
    /// Time they took, pauses included, microseconds.
    pub compaction_micros: AtomicU64,
}

impl Counters {
    fn add_time(&self, counter: &AtomicU64, since: Instant) {
        counter.fetch_add(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// What the store looks like now.
#[derive(Debug, Clone, Serialize)]
pub struct StoreStatus {
    /// Where it is.
    pub data_dir: PathBuf,
    /// Series known.
    pub series: usize,
    /// Those of them that nobody has written to for hours.
    pub dormant_series: usize,
    /// Series at the most.
    pub max_series: usize,
    /// Samples not in chunks yet.
    pub head_samples: u64,
    /// The journal.
    pub journal: JournalSize,
    /// Days that have a partition.
    pub partitions: Vec<String>,
    /// How many of them are open.
    pub open_partitions: usize,
    /// How often one was open when it was wanted.
    pub partition_hits: u64,
    /// How often one had to be opened.
    pub partition_opens: u64,
    /// Bytes of the data directory on the disk, as last measured.
    pub disk_bytes: u64,
    /// Bytes beyond which the oldest days go; 0 for no bound.
    pub max_bytes: u64,
    /// How long samples are kept.
    pub retention_seconds: f64,
    /// How long windows of an hour and longer are kept.
    pub windows_retention_seconds: f64,
    /// Format of the directory.
    pub format: u32,
}

/// See the module.
pub struct Store {
    dir: PathBuf,
    options: StoreOptions,
    catalog: Catalog,
    journal: Journal,
    partitions: Partitions,
    clock: Clock,
    series: RwLock<SeriesIndex>,
    head: RwLock<Head>,
    /// Held by whoever appends or begins a seal.
    turn: Mutex<()>,
    sealing: Mutex<()>,
    compacting: Mutex<()>,
    resting: Mutex<()>,
    /// Days with nothing for the compactor to do, and until when.
    checked: Mutex<FxHashMap<Day, TimestampMs>>,
    stopping: AtomicBool,
    disk_space: DiskSpace,
    counters: Counters,
    head_samples: AtomicU64,
    disk_bytes: AtomicU64,
    /// Why the last write failed, while it does.
    failing: Mutex<Option<String>>,
    /// The directory is larger than it may be: compaction takes up what it would leave for later.
    pressed: AtomicBool,
    /// The same in words, while nothing that may go makes it smaller.
    full: Mutex<Option<String>>,
    data_dir: DataDir,
    identity: Identity,
    work: Work,
}

impl Store {
    /// Opens a data directory, makes it where there is none, and replays its journal.
    ///
    /// # Errors
    /// [`StoreError`]: the directory cannot be written, is in use, was written by another version, or is damaged.
    pub fn open(dir: &Path, options: StoreOptions, now: TimestampMs) -> Result<Self, StoreError> {
        let dir_error = |source| StoreError::DataDir { path: dir.to_owned(), source };
        files::create_private_dir(dir).map_err(dir_error)?;
        let lock = DirectoryLock::acquire(dir)?;
        if let Err(error) = snapshot::clear_leftovers(dir) {
            ::log::warn!("{}: {error}", dir.join(snapshot::FOLDER).display());
        }
        let (identity, identity_problem) = recover::identify(dir)?;
        let partitions = Partitions::open(dir, identity, options.max_open_files).map_err(dir_error)?;
        let problems = partitions.shared_problems();
        identity_problem.into_iter().for_each(|problem| problems.note(problem));
        // Before the series: it says which of them are dormant.
        let mut head = Head::default();
        let (saved, lost) = match progress::load(dir).map_err(dir_error)? {
            Some(Ok(saved)) => (Some(saved), None),
            lost => (None, lost.and_then(Result::err)),
        };
        let progress_lost = saved.is_none() && !partitions.days().is_empty();
        if let Some(saved) = &saved {
            head.load(&saved.series, now);
        }
        let mut loader = IndexLoader::default();
        let mut twice = false;
        let opened = Catalog::open(dir, identity, options.cache_bytes, Arc::clone(&problems), |id, labels| {
            twice |= !loader.add(id, labels, saved.is_some() && head.rests(id));
        })?;
        let catalog = opened.catalog;
        let (clock, problem) = Clock::open(dir).map_err(dir_error)?;
        problem.into_iter().for_each(|problem| problems.note(problem));
        let mut series = loader.finish(SeriesId(catalog.next_series()));
        let sealed_through = match saved {
            Some(saved) => saved.sealed_through,
            None if partitions.days().is_empty() => {
                if let Err(error) = progress::save(dir, &progress::encode(&head, 0)) {
                    problems.note(format!("{} cannot be written: {error}", dir.join("progress").display()));
                }
                0
            }
            None => {
                let why = lost.map_or_else(|| "missing".to_owned(), |error| error.to_string());
                problems.note(format!("{} is {why}; what the series had come to is taken from the days", dir.join("progress").display()));
                partitions.sealed_through_of_all(&mut head, series.all().iter().map(SeriesId))?
            }
        };
        head.retain(|id| !catalog.is_removed(id));
        // What is past the retention of samples still makes hours; only whole days that would go at once are left out.
        let horizon = retention::horizon(clock.trusted(now), options.longest_retention_ms().max(options.windows_retention_ms));
        let mut replay = recover::Replay::new(&partitions, &catalog, &options, &mut series, &mut head, (now, horizon));
        let journal = Journal::open(dir, identity, sealed_through, &problems, |number, record| replay.record(number, record))?;
        let replayed = replay.finish();
        // Numbers go on, so that a new record is never taken for a sealed one.
        journal.begin_after(sealed_through);
        let gone = catalog.next_series() == 0 && !partitions.days().is_empty();
        let damage = opened.series_damage.or(gone.then(|| "it is missing".to_owned()));
        let mut waiting = replayed.kept;
        if damage.is_some() || twice || replayed.needs_recovery() {
            waiting -= recover::series(dir, damage, progress_lost, &replayed, &partitions, &catalog, &journal, &mut series, &mut head);
        }
        journal.series_kept(catalog.next_series());
        Ok(Self {
            dir: dir.to_owned(),
            options,
            catalog,
            journal,
            partitions,
            clock,
            series: RwLock::new(series),
            head: RwLock::new(head),
            turn: Mutex::new(()),
            sealing: Mutex::new(()),
            compacting: Mutex::new(()),
            resting: Mutex::new(()),
            checked: Mutex::default(),
            stopping: AtomicBool::new(false),
            disk_space: DiskSpace::default(),
            counters: Counters::default(),
            head_samples: AtomicU64::new(waiting),
            disk_bytes: AtomicU64::new(0),
            failing: Mutex::default(),
            pressed: AtomicBool::new(false),
            full: Mutex::default(),
            data_dir: DataDir::new(dir, lock),
            identity,
            work: Work::default(),
        })
    }

    /// Keeps events, durably; gives each with its id.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be written.
    pub fn add_events(&self, events: &[Event]) -> Result<Vec<(String, Event)>, StoreError> {
        self.work.run(Task::Catalog, || self.catalog.add_events(events))
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
        self.work.run(Task::Catalog, || self.catalog.change_documents(kind, changes))
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
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
        problems.extend(self.data_dir.missing().map(|missing| missing.error().to_string()));
        problems.extend(self.failing.lock().clone());
        let (series, most) = (self.series_count(), self.options.max_series);
        if series >= most {
            problems.push(format!(
                "there are {series} series, as many as store.max_series allows: samples of new ones are refused; raise it, or send fewer"
            ));
        }
        problems
    }

    /// What a person should know of, and what keeps nothing from working.
    pub fn warnings(&self) -> Vec<String> {
        self.clock.problem().into_iter().chain(self.full.lock().clone()).collect()
    }

    /// Work on the disk that makes no progress for `stuck_after`, work that keeps failing, and seals that are overdue where one is
    /// to be made every `seal_interval`; in words.
    pub fn stalled(&self, stuck_after: Duration, seal_interval: Duration) -> Vec<String> {
        let mut stalled = self.work.problems(stuck_after);
        let (size, since) = (self.journal.size(), self.work.since_success(Task::Seal));
        // The clock of the interval has a step of its own, and the work takes a while.
        let overdue = seal_interval * 3 + stuck_after;
        if size.records > 0 && size.age_seconds > overdue.as_secs_f64() && since > overdue {
            let (since, every) = (since.as_secs() / 60, seal_interval.as_secs() / 60);
            stalled.push(format!(
                "the journal's {} records wait to be sealed into chunks: the last seal was {since} min ago, one is due every {every} min \
                 (store.seal_interval)",
                size.records
            ));
        }
        stalled
    }

    /// The metrics with the most series, and the labels with the most values.
    pub fn cardinality(&self) -> (Vec<Share>, Vec<Share>) {
        let index = self.series.read();
        (index.top_metrics(), index.top_labels())
    }

    /// What the store looks like now.
    pub fn status(&self) -> StoreStatus {
        let (series, dormant_series) = {
            let index = self.series.read();
            (index.len(), index.dormant())
        };
        StoreStatus {
            data_dir: self.dir.clone(),
            series,
            dormant_series,
            max_series: self.options.max_series,
            head_samples: self.head_samples.load(Ordering::Relaxed),
            journal: self.journal.size(),
            partitions: self.partitions.days().into_iter().map(Day::name).collect(),
            open_partitions: self.partitions.open_count(),
            partition_hits: self.partitions.hits.load(Ordering::Relaxed),
            partition_opens: self.partitions.misses.load(Ordering::Relaxed),
            disk_bytes: self.disk_bytes.load(Ordering::Relaxed),
            max_bytes: self.options.max_bytes,
            retention_seconds: self.options.retention_ms as f64 / 1e3,
            windows_retention_seconds: self.options.windows_retention_ms as f64 / 1e3,
            format: FORMAT,
        }
    }
}

/// What the fuzzer reaches.
#[cfg(test)]
pub(crate) mod fuzz {
    use super::journal::Rows;
    pub(crate) use super::page::{mend_directory, read_all as read_page};
    use crate::codec::{CodecError, Effort};
    use crate::model::SeriesId;

    pub(crate) fn page(effort: Effort, series: &[(SeriesId, Vec<i64>, Vec<f64>)]) -> Vec<u8> {
        let mut builder = super::page::PageBuilder::new(effort);
        series.iter().for_each(|(id, times, values)| builder.samples(*id, times, values).expect("rows"));
        builder.finish()
    }

    pub(crate) fn journal_rows(of: &[(SeriesId, i64, f64)]) -> Vec<u8> {
        let mut rows = Rows::default();
        of.iter().for_each(|&(id, t, v)| rows.push(id, t, v));
        rows.encode().into_bytes()
    }

    /// Files of a day: one of seals, one of the compactor.
    pub(crate) fn day_files() -> [Vec<u8>; 2] {
        [super::pages_file::example(), super::chunk_file::example()]
    }

    /// Opens bytes as a file of a day of either kind and reads all that is in it.
    pub(crate) fn read_day_file(folder: &std::path::Path, bytes: &[u8]) {
        std::fs::write(folder.join("1"), bytes).expect("writes");
        super::pages_file::read_anything(&folder.join("1"));
        super::chunk_file::read_anything(&folder.join("1"));
    }

    /// What stands in the records of files of a day and in a manifest, each after a byte that says which.
    pub(crate) fn day_records() -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for file in day_files() {
            for found in super::frame::scan(&file) {
                if let super::frame::Found::Frame { header, payload, .. } = found {
                    all.push([&[header.kind], payload].concat());
                }
            }
        }
        all
    }

    /// Reads bytes as the record that their first byte says.
    pub(crate) fn read_day_record(bytes: &[u8]) {
        use super::day_file;
        let Some((kind, payload)) = bytes.split_first() else { return };
        match *kind {
            day_file::HEADER => drop(day_file::FileHeader::of_payload(payload)),
            day_file::LABELS => drop(day_file::read_labels(payload)),
            day_file::PAGE => drop(read_page(payload)),
            day_file::SEAL => super::pages_file::read_end(payload),
            _ => super::chunk_file::read_index(payload),
        }
    }

    pub(crate) fn logs() -> Vec<Vec<u8>> {
        let labels = |n: u32| crate::model::Labels::metric("m", &[("n", &n.to_string())]);
        let series: Vec<_> = (0..40).map(|n| (SeriesId(n * n), labels(n))).collect();
        let change = |key: &[u8], value: Option<&[u8]>| super::index::Change { key: key.to_vec(), value: value.map(<[u8]>::to_vec) };
        let changes = [change(b"e12345678", Some(b"{}")), change(b"dalerts\0a", None), change(b"dx\0y", Some(&[7; 200]))];
        let mut all = super::series_log::encode_runs(&series).expect("encodes");
        all.push(super::catalog::encode(&changes));
        let mut frames = Vec::new();
        all.iter().zip(0..).for_each(|(payload, number)| assert!(super::frame::push(&mut frames, 1, number, payload)));
        all.push(frames);
        all.push(super::mark::slots([1, 2, 3], [4, 5, 6]));
        all.push(super::identity::text(super::FORMAT, super::identity::Identity([7; 16])).into_bytes());
        all
    }

    /// Everything that reads records of logs.
    pub(crate) fn read_logs(bytes: &[u8]) {
        let mut payloads = vec![bytes];
        let mut end = 0;
        for found in super::frame::scan(bytes) {
            match found {
                super::frame::Found::Frame { at, header, payload } => {
                    assert_eq!(at, end);
                    end += header.frame_len();
                    payloads.push(payload);
                }
                super::frame::Found::Damage { from, to, .. } => {
                    assert!(from == end && to > from);
                    end = to;
                }
            }
        }
        assert_eq!(end, bytes.len());
        for payload in payloads {
            let mut before = None;
            let read = super::series_log::decode_run(payload, |id, labels| {
                assert!(before.replace(id) < Some(id));
                assert_eq!(crate::model::Labels::from_bytes(labels.as_bytes()).as_ref(), Ok(&labels));
            });
            let _ = (read, super::mark::read_slots(payload), super::identity::read(payload));
            if let Ok(changes) = super::catalog::decode(payload) {
                assert_eq!(super::catalog::decode(&super::catalog::encode(&changes)), Ok(changes));
            }
        }
    }

    pub(crate) fn read_journal_rows(bytes: &[u8]) -> Result<usize, CodecError> {
        Rows::decode(bytes).map(|rows| rows.len())
    }
}

#[cfg(test)]
mod tests;
