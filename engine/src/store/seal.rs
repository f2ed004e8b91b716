//! Seals the head into chunks, and measures the directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::error::StoreError;
use super::head::{self, Run};
use super::page::PageBuilder;
use super::pages_file::{Named, NewPage, PAGE_BYTES, PAGE_CHUNKS};
use super::partition::Day;
use super::progress;
use super::state::Store;
use super::work::Task;
use super::writer::StoreWriter;
use crate::codec::{CodecError, Effort};
use crate::logs::store::Kind;
use crate::model::{SeriesId, TimestampMs};

/// Most rows of one chunk, so that pages stay near their size.
const CHUNK_ROWS: usize = 4_096;
/// The head shrinks its memory for a series after this time without samples.
const SHRINK_AFTER_MS: i64 = 120_000;

/// Parts of a data directory other than days.
const OTHER: [&str; 6] = ["catalog", "catalog.log", "series.log", "progress", "clock", "journal"];
/// File extension of what seals write.
const PAGES: &str = "pages";

type Frozen = (SeriesId, Arc<Run>);
type Failed = (StoreError, Vec<Day>);

impl StoreWriter {
    /// Writes the head as chunks and removes journal files that are no longer needed. Returns the number of chunks.
    ///
    /// # Errors
    /// [`StoreError`] if a partition cannot be written. Nothing is lost: the rows stay in head and journal.
    pub fn seal(&self) -> Result<usize, StoreError> {
        self.seal_now()
    }

    /// Measures the directory for `Store::status`, and frees memory of silent series.
    pub fn measure(&self, now: TimestampMs) {
        let records = [Kind::Lines, Kind::Spans].map(|kind| disk_bytes(&self.dir.join(kind.folder())));
        let bytes = self.disk_usage().total() + records.iter().sum::<u64>();
        self.disk_bytes.store(bytes, Ordering::Relaxed);
        self.head.write().iter_mut().filter(|(_, h)| now - h.touched > SHRINK_AFTER_MS).for_each(|(_, h)| h.shrink());
        self.rest_silent_series(now);
    }
}

impl Store {
    /// See [`StoreWriter::seal`].
    pub(super) fn seal_now(&self) -> Result<usize, StoreError> {
        let _one_at_a_time = self.sealing.lock();
        self.work.run(Task::Seal, || self.seal_head())
    }

    fn seal_head(&self) -> Result<usize, StoreError> {
        fail::fail_point!("store::seal");
        let begun = Instant::now();
        let (frozen, marks, through) = self.freeze();
        if frozen.is_empty() {
            return Ok(0);
        }
        // Sync before a chunk refers to the records: after a power failure their numbers must not be reused for others.
        let synced = self.journal.sync().map_err(|error| StoreError::io(&self.dir.join("journal"), error));
        self.journal.sync_mark();
        match synced
            .and_then(|()| self.keep_new_series())
            .and_then(|()| self.write_chunks(&frozen, through))
            .and_then(|done| self.days_are_in_place().map(|()| done))
        {
            Ok((_, Some((error, failed)))) => {
                drop(frozen);
                // The days that could be written are sealed; the rows of the others stay in head and journal.
                self.head.write().iter_mut().for_each(|(_, h)| h.thaw(|t| failed.contains(&Day::of(t))));
                self.count_head();
                Err(error)
            }
            Ok((count, None)) => {
                drop(frozen);
                self.head.write().iter_mut().for_each(|(_, h)| h.sealed());
                self.count_head();
                fail::fail_point!("store::seal::progress", |_| Err(StoreError::Deadline));
                progress::save(&self.dir, &marks).map_err(|error| StoreError::io(&self.dir, error))?;
                fail::fail_point!("store::trim", |_| Err(StoreError::Deadline));
                self.journal.trim(through).map_err(|error| StoreError::io(&self.dir.join("journal"), error))?;
                self.counters.seals.fetch_add(1, Ordering::Relaxed);
                self.counters.add_time(&self.counters.seal_micros, begun);
                Ok(count)
            }
            Err(error) => {
                drop(frozen);
                self.head.write().iter_mut().for_each(|(_, h)| h.thaw(|_| true));
                self.count_head();
                Err(error)
            }
        }
    }

    /// Freezes the active rows; returns them with their progress and the last journal record that holds any of them.
    fn freeze(&self) -> (Vec<Frozen>, Vec<u8>, u64) {
        let _turn = self.turn.lock();
        let mut head = self.head.write();
        // A seal that panicked has left its rows frozen.
        head.iter_mut().for_each(|(_, h)| h.thaw(|_| true));
        let mut frozen: Vec<Frozen> = head.iter_mut().filter_map(|(id, h)| h.freeze().map(|run| (id, run))).collect();
        // Chunks are written by rising series.
        frozen.sort_unstable_by_key(|(id, _)| *id);
        if frozen.is_empty() {
            return (frozen, Vec::new(), 0);
        }
        self.head_samples.store(0, Ordering::Relaxed);
        let through = self.journal.rotate();
        (frozen, progress::encode(&head, through), through)
    }

    fn count_head(&self) {
        let left: usize = self.head.read().iter().map(|(_, h): (_, &head::SeriesHead)| h.len()).sum();
        self.head_samples.store(left as u64, Ordering::Relaxed);
    }

    /// Returns the number of chunks, and the days that failed with the first error.
    fn write_chunks(&self, frozen: &[Frozen], through: u64) -> Result<(usize, Option<Failed>), StoreError> {
        let mut by_day: BTreeMap<Day, Pages> = BTreeMap::new();
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for (id, run) in frozen {
            times.clear();
            values.clear();
            times.extend(run.iter().map(|row| row.0));
            values.extend(run.iter().map(|row| row.1));
            for_each_run(&times, |day, from, to| {
                let pages = by_day.entry(day).or_default();
                let added = pages.add(*id, &times[from..to], &values[from..to]);
                added.map_err(|source| StoreError::Damaged { place: format!("sealing {}", day.name()), source })
            })?;
            self.work.progress(Task::Seal);
        }
        let mut count = 0;
        let mut failed: Option<Failed> = None;
        for (day, mut pages) in by_day {
            count += pages.count;
            self.work.progress(Task::Seal);
            let ids = std::mem::take(&mut pages.ids);
            if let Err(error) = self.seal_day(day, pages.finish(), &ids, through) {
                failed.get_or_insert_with(|| (error, Vec::new())).1.push(day);
            }
            fail::fail_point!("store::seal::between", |_| Err(StoreError::Deadline));
        }
        Ok((count, failed))
    }

    fn seal_day(&self, day: Day, pages: Vec<NewPage>, ids: &[SeriesId], through: u64) -> Result<(), StoreError> {
        let Some(partition) = self.partitions.get(day, true)? else { return Ok(()) };
        let labels = |id| self.labels(id);
        let sealed = partition.seal(pages, &Named { ids, labels: &labels }, through);
        self.checked.lock().remove(&day);
        sealed.map_err(|error| self.partitions.error(day, error))
    }

    /// Disk usage without snapshots and quarantine.
    pub(super) fn disk_usage(&self) -> DiskUsage {
        let dir = self.dir.join("partitions");
        let other = OTHER.iter().map(|part| disk_bytes(&self.dir.join(part))).sum();
        let mut usage = DiskUsage { other, ..DiskUsage::default() };
        for day in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            for entry in std::fs::read_dir(day.path()).into_iter().flatten().flatten() {
                let bytes = entry_bytes(&entry);
                usage.days += bytes;
                if entry.path().extension().is_some_and(|kind| kind == PAGES) {
                    usage.seals += bytes;
                }
            }
        }
        usage
    }

    /// Whether a seal is due: `max_samples` rows wait, or more if there are many series, so that chunks do not become too short.
    pub fn head_is_over(&self, max_samples: u64) -> bool {
        const ROWS_PER_SERIES: u64 = 24;
        let waiting = self.head_samples.load(Ordering::Relaxed);
        waiting >= max_samples && waiting >= self.series.read().live() as u64 * ROWS_PER_SERIES
    }
}

/// The pages of a day while they are built.
struct Pages {
    builder: PageBuilder,
    done: Vec<NewPage>,
    /// Series in them, rising.
    ids: Vec<SeriesId>,
    count: usize,
}

impl Default for Pages {
    fn default() -> Self {
        Self { builder: PageBuilder::new(Effort::Quick), done: Vec::new(), ids: Vec::new(), count: 0 }
    }
}

impl Pages {
    fn add(&mut self, id: SeriesId, times: &[TimestampMs], values: &[f64]) -> Result<(), CodecError> {
        self.builder.samples(id, times, values)?;
        self.count += 1;
        if self.ids.last() != Some(&id) {
            self.ids.push(id);
        }
        let (chunks, bytes) = self.builder.size();
        if chunks >= PAGE_CHUNKS || bytes >= PAGE_BYTES {
            self.turn();
        }
        Ok(())
    }

    fn turn(&mut self) {
        if let (Some([first, last]), Some(span)) = (self.builder.keys(), self.builder.span()) {
            let bytes = self.builder.finish();
            self.done.push(NewPage { ids: [first.0, last.0], span, bytes });
        }
    }

    fn finish(mut self) -> Vec<NewPage> {
        self.turn();
        self.done
    }
}

/// Calls `run` for each range of times that fits a chunk: one day, at most [`CHUNK_ROWS`].
fn for_each_run(times: &[TimestampMs], mut run: impl FnMut(Day, usize, usize) -> Result<(), StoreError>) -> Result<(), StoreError> {
    let mut from = 0;
    while from < times.len() {
        let day = Day::of(times[from]);
        let to = (from + times[from..].partition_point(|&t| t < day.end())).min(from + CHUNK_ROWS);
        run(day, from, to)?;
        from = to;
    }
    Ok(())
}

/// Disk usage in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DiskUsage {
    /// All files of days.
    pub(super) days: u64,
    /// Files of seals that are not compacted yet.
    pub(super) seals: u64,
    /// Everything else but snapshots and quarantine.
    pub(super) other: u64,
}

impl DiskUsage {
    pub(super) fn total(&self) -> u64 {
        self.days + self.other
    }

    /// Estimate of what compaction frees: most of what seals wrote.
    pub(super) fn reclaimable(&self) -> u64 {
        self.seals / 4 * 3
    }
}

fn disk_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| entry_bytes(&entry)).sum(),
        Err(_) => std::fs::metadata(path).map_or(0, |meta| meta.blocks() * 512),
    }
}

fn entry_bytes(entry: &std::fs::DirEntry) -> u64 {
    use std::os::unix::fs::MetadataExt;
    match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
        Ok(meta) => meta.blocks() * 512,
        Err(_) => 0,
    }
}
