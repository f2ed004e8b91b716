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
use super::exemplars::Exemplars;
use super::head::Head;
use super::identity::Identity;
use super::journal::Journal;
use super::loading::Loading;
use super::options::StoreOptions;
use super::partition::Day;
use super::partitions::Partitions;
use super::series::SeriesIndex;
use super::status::Counters;
use super::work::Work;
use super::{files, git, recover, snapshot};
use crate::logs::store::{Kind, LogStore};
use crate::model::TimestampMs;

/// Everything that the store holds; [`super::StoreReader`] and [`super::StoreWriter`] share it. Its public methods only read: what
/// changes the store is a method of [`super::StoreWriter`].
pub struct Store {
    pub(super) dir: PathBuf,
    pub(super) options: StoreOptions,
    pub(super) catalog: Catalog,
    pub(super) journal: Journal,
    pub(super) partitions: Partitions,
    pub(super) clock: Clock,
    pub(super) logs: Arc<LogStore>,
    pub(super) traces: Arc<LogStore>,
    pub(super) exemplars: Exemplars,
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
    /// The directory is larger than it may be: compaction does now what it would leave for later.
    pub(super) pressed: AtomicBool,
    /// The same in words, while nothing that may go makes it smaller.
    pub(super) full: Mutex<Option<String>>,
    pub(super) data_dir: DataDir,
    pub(super) identity: Identity,
    pub(super) work: Work,
}

impl Store {
    /// See [`super::StoreWriter::open`].
    pub(super) fn open(dir: &Path, options: StoreOptions, now: TimestampMs) -> Result<Self, StoreError> {
        let dir_error = |source| StoreError::DataDir { path: dir.to_owned(), source };
        let new = git::is_new(dir);
        files::create_private_dir(dir).map_err(dir_error)?;
        let lock = DirectoryLock::acquire(dir)?;
        if new {
            git::hide_new(dir);
        }
        if let Err(error) = snapshot::clear_leftovers(dir) {
            log::warn!("{}: {error}", dir.join(snapshot::FOLDER).display());
        }
        let (identity, identity_problem) = recover::identify(dir)?;
        let partitions = Partitions::open(dir, identity, options.max_open_files).map_err(dir_error)?;
        let problems = partitions.shared_problems();
        let (clock, clock_problem) = Clock::open(dir).map_err(dir_error)?;
        identity_problem.into_iter().chain(clock_problem).for_each(|problem| problems.note(problem));
        let open = |kind, options| LogStore::open(kind, dir, identity, options, Arc::clone(&problems), clock.trusted(now)).map(Arc::new);
        let logs = open(Kind::Lines, options.logs.clone())?;
        let traces = open(Kind::Spans, options.traces.clone())?;
        let exemplars = Exemplars::open(dir, identity, options.exemplars, Arc::clone(&problems))?;
        let mut loading = Loading::new(dir, identity, &options, &partitions, now)?;
        let (journal, waiting) = loading.replay(identity, &options, &clock, now)?;
        let (catalog, series, head) = loading.finish();
        Ok(Self {
            dir: dir.to_owned(),
            options,
            catalog,
            journal,
            partitions,
            clock,
            logs,
            traces,
            exemplars,
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
