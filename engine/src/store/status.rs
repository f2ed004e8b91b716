//! What the store says of itself: counts, sizes, problems, warnings.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::identity::FORMAT;
use super::journal::JournalSize;
use super::options::StoreOptions;
use super::partition::Day;
use super::series::Share;
use super::state::Store;
use super::work::Task;

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
    pub(super) fn add_time(&self, counter: &AtomicU64, since: Instant) {
        counter.fetch_add(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// The state of the store.
#[derive(Debug, Clone)]
pub struct StoreStatus {
    /// Where it is.
    pub data_dir: PathBuf,
    /// Series known.
    pub series: usize,
    /// Those of them that are dormant: without samples for hours.
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
    /// Exemplars kept.
    pub exemplars: usize,
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

impl Store {
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

    /// The state of the store.
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
            exemplars: self.exemplars.len(),
            disk_bytes: self.disk_bytes.load(Ordering::Relaxed),
            max_bytes: self.options.max_bytes,
            retention_seconds: self.options.retention_ms as f64 / 1e3,
            windows_retention_seconds: self.options.windows_retention_ms as f64 / 1e3,
            format: FORMAT,
        }
    }
}
