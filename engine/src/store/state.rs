//! What readers and the writer share, and how a data directory is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;

use super::catalog::Catalog;
use super::clock::Clock;
use super::data_dir::{DataDir, DirectoryLock};
use super::disk_space::DiskSpace;
use super::error::StoreError;
use super::head::Head;
use super::identity::Identity;
use super::journal::Journal;
use super::options::StoreOptions;
use super::partition::Day;
use super::partitions::Partitions;
use super::series::{IndexLoader, SeriesIndex};
use super::status::Counters;
use super::work::Work;
use super::{files, progress, recover, retention, snapshot};
use crate::model::{SeriesId, TimestampMs};

/// Everything that the store holds; [`super::StoreReader`] and [`super::StoreWriter`] share it. Its public methods only read: what
/// changes the store is a method of [`super::StoreWriter`].
pub struct Store {
    pub(super) dir: PathBuf,
    pub(super) options: StoreOptions,
    pub(super) catalog: Catalog,
    pub(super) journal: Journal,
    pub(super) partitions: Partitions,
    pub(super) clock: Clock,
    pub(super) series: RwLock<SeriesIndex>,
    pub(super) head: RwLock<Head>,
    /// Held by whoever appends or begins a seal.
    pub(super) turn: Mutex<()>,
    pub(super) sealing: Mutex<()>,
    pub(super) compacting: Mutex<()>,
    pub(super) resting: Mutex<()>,
    /// Days with nothing for the compactor to do, and until when.
    pub(super) checked: Mutex<FxHashMap<Day, TimestampMs>>,
    pub(super) stopping: AtomicBool,
    pub(super) disk_space: DiskSpace,
    pub(super) counters: Counters,
    pub(super) head_samples: AtomicU64,
    pub(super) disk_bytes: AtomicU64,
    /// Why the last write failed, while it does.
    pub(super) failing: Mutex<Option<String>>,
    /// The directory is larger than it may be: compaction takes up what it would leave for later.
    pub(super) pressed: AtomicBool,
    /// The same in words, while nothing that may go makes it smaller.
    pub(super) full: Mutex<Option<String>>,
    pub(super) data_dir: DataDir,
    pub(super) identity: Identity,
    pub(super) work: Work,
}

impl Store {
    /// Opens a data directory, makes it where there is none, and replays its journal.
    ///
    /// # Errors
    /// [`StoreError`]: the directory cannot be written, is in use, was written by another version, or is damaged.
    pub(super) fn open(dir: &Path, options: StoreOptions, now: TimestampMs) -> Result<Self, StoreError> {
        let dir_error = |source| StoreError::DataDir { path: dir.to_owned(), source };
        files::create_private_dir(dir).map_err(dir_error)?;
        let lock = DirectoryLock::acquire(dir)?;
        if let Err(error) = snapshot::clear_leftovers(dir) {
            log::warn!("{}: {error}", dir.join(snapshot::FOLDER).display());
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
}
