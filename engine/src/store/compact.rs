//! The compactor: merges the seals of a day into one file with one chunk a series.
//!
//! While a day is hot, its seals are merged from time to time so that reads stay fast. After its end, the whole day goes into one
//! file, with hours. When samples pass their retention, the file is rewritten without them. A crash at any point leaves the old
//! files or the new one. The work takes a bounded share of one core. Damage is reported and left out; damaged files go into
//! quarantine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::chunk_file::FileWriter;
use super::day_file::{DayFile, PageAt};
use super::error::StoreError;
use super::page::{ALWAYS, Chunk, ChunkKind, Directory};
use super::partition::{Compaction, Day, Outcome, Partition, PartitionError};
use super::read::merge;
use super::work::Task;
use super::{Store, StoreOptions};
use crate::model::{Columns, SeriesId, TimestampMs};
use crate::windows::{self, WindowRow};

/// Seals of a hot day that are merged even while more arrive.
const MANY_SEALS: usize = 96;
/// The same limit in bytes.
const MANY_BYTES: u64 = 192 << 20;
/// Seals and bytes that are merged once the day is quiet.
const SOME_SEALS: usize = 12;
const SOME_BYTES: u64 = 4 << 20;
/// Time spent on verifying days in one call; the next call continues.
const VERIFY_TIME: Duration = Duration::from_secs(2);
/// Bytes of seals that are merged while the directory exceeds its limit.
const PRESSED_BYTES: u64 = 256 << 10;
/// Work between two checks of the time.
const SLICE: Duration = Duration::from_millis(5);
/// Most samples of one chunk.
const CHUNK_ROWS: usize = 1 << 18;

/// Result of a compaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    /// The day, as `2026-11-24`.
    pub day: String,
    /// Samples written.
    pub samples: u64,
    /// Length of the new file in bytes.
    pub bytes: u64,
    /// Whether it holds the whole day.
    pub finished: bool,
}

/// The two clocks.
#[derive(Debug, Clone, Copy)]
struct Now {
    /// The clock of the machine decides when a day is over: an error there loses nothing.
    clock: TimestampMs,
    /// The trusted clock decides what is removed.
    trusted: TimestampMs,
}

/// What to do with a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    /// Rewrite chunk files too, not only pages files.
    whole: bool,
    /// The day is over.
    finish: bool,
    /// Remove samples of series with a retention of at most this.
    thin_ms: i64,
}

impl Store {
    /// Compacts the next day that is due, if any. Takes at most `share` of one core.
    ///
    /// # Errors
    /// [`StoreError`] if a day cannot be read or written and no other day was due; its files are unchanged.
    pub fn compact(&self, now: TimestampMs, share: f64) -> Result<Option<Compacted>, StoreError> {
        let _one_at_a_time = self.compacting.lock();
        self.work.run(Task::Compaction, || self.compact_next(now, share))
    }

    fn compact_next(&self, now: TimestampMs, share: f64) -> Result<Option<Compacted>, StoreError> {
        let now = self.now(now);
        self.checked.lock().retain(|day, _| self.partitions.has(*day));
        let mut failed = None;
        let verifying = Instant::now();
        for day in self.partitions.days() {
            if !self.is_due(day, now) {
                continue;
            }
            let partition = match self.partitions.get(day, false) {
                Ok(Some(partition)) => partition,
                Ok(None) => continue,
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            let Some(plan) = self.plan(day, &partition, now) else {
                match self.verify(day, &partition, verifying, share) {
                    // The next call repairs what was found.
                    Ok(()) if partition.parts().is_damaged() && self.partitions.may_heal(day) => continue,
                    Ok(()) => {}
                    Err(error) => {
                        failed.get_or_insert(error);
                    }
                }
                if verifying.elapsed() < VERIFY_TIME && partition.parts().is_finished() {
                    // A finished day stays closed until a retention ends.
                    self.checked.lock().insert(day, self.options.next_thinning(day, now.trusted));
                }
                continue;
            };
            let begun = Instant::now();
            let outcome = self.rewrite(&partition, day, plan, share);
            self.counters.add_time(&self.counters.compaction_micros, begun);
            match outcome {
                Ok(done) => {
                    self.counters.compactions.fetch_add(u64::from(done.is_some()), Ordering::Relaxed);
                    return Ok(done);
                }
                Err(error) => {
                    failed.get_or_insert(self.partitions.error(day, error));
                }
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// Reads a day completely once, so that damage is found even if nobody reads it.
    fn verify(&self, day: Day, partition: &Partition, since: Instant, share: f64) -> Result<(), StoreError> {
        if since.elapsed() >= VERIFY_TIME {
            return Ok(());
        }
        let mut pace = Pace::new(share);
        self.partitions.verify_once(day, partition, || {
            pace.step();
            self.work.progress(Task::Compaction);
        })
    }

    fn now(&self, clock: TimestampMs) -> Now {
        Now { clock, trusted: self.clock.trusted(clock) }
    }

    /// Rewrites a day with its hours only; false if it is damaged.
    ///
    /// # Errors
    /// [`StoreError`] if the day cannot be read or written; its files are unchanged.
    pub(super) fn drop_samples(&self, day: Day) -> Result<bool, StoreError> {
        let Some(partition) = self.partitions.get(day, false)? else { return Ok(false) };
        let plan = Plan { whole: true, finish: true, thin_ms: i64::MAX };
        match self.rewrite(&partition, day, plan, 1.0) {
            Ok(done) => Ok(done.is_some()),
            Err(PartitionError::Codec(_)) => Ok(false),
            Err(error) => Err(self.partitions.error(day, error)),
        }
    }

    /// A day with nothing to do is skipped until something can have changed, so that its partition stays closed.
    fn is_due(&self, day: Day, now: Now) -> bool {
        self.checked.lock().get(&day).is_none_or(|until| now.trusted >= *until)
    }

    fn plan(&self, day: Day, partition: &Partition, now: Now) -> Option<Plan> {
        let parts = partition.parts();
        let thin_ms = self.options.thin_ms(day, now.trusted).max(parts.thinned_ms());
        // While the directory exceeds its limit, everything that shrinks it is done at once.
        let pressed = self.pressed.load(Ordering::Relaxed);
        let quiet = pressed || partition.quiet_for().is_none_or(|quiet| quiet >= self.options.quiet);
        let over = now.clock >= day.end() + self.options.out_of_order_ms;
        let damaged = parts.is_damaged() && self.partitions.may_heal(day);
        if over && quiet && (!parts.is_finished() || thin_ms > parts.thinned_ms() || damaged) {
            return Some(Plan { whole: true, finish: true, thin_ms });
        }
        let (seals, bytes) = (parts.hot_seals(), parts.hot_bytes());
        let some = seals >= SOME_SEALS || (seals > 1 && bytes >= SOME_BYTES) || (pressed && seals > 0 && bytes >= PRESSED_BYTES);
        let due = if quiet { some } else { seals >= MANY_SEALS || bytes >= MANY_BYTES };
        due.then_some(Plan { whole: false, finish: false, thin_ms: parts.thinned_ms() })
    }

    fn rewrite(&self, partition: &Partition, day: Day, plan: Plan, share: f64) -> Result<Option<Compacted>, PartitionError> {
        let outcome = Outcome { whole: plan.whole, finished: plan.finish, thinned_ms: plan.thin_ms };
        let compaction = partition.begin_compaction(outcome);
        if compaction.parts.is_damaged() {
            self.partitions.note_healing(day);
        }
        let mut pace = Pace::new(share);
        let outcome = self.write_file(&compaction, plan, &mut pace).and_then(|written| {
            fail::fail_point!("store::compact::written", |_| Err(std::io::Error::other("failpoint").into()));
            let Some(samples) = written else { return Ok(None) };
            let bytes = std::fs::metadata(&compaction.temporary)?.len();
            partition.end_compaction(&compaction)?;
            Ok(Some(Compacted { day: day.name(), samples, bytes, finished: plan.finish }))
        });
        if !matches!(outcome, Ok(Some(_))) {
            partition.abandon_compaction(&compaction);
        }
        outcome
    }

    /// Returns the number of samples; `None` if it was stopped.
    fn write_file(&self, compaction: &Compaction, plan: Plan, pace: &mut Pace) -> Result<Option<u64>, PartitionError> {
        fail::fail_point!("store::compact::write", |_| Err(std::io::Error::other("failpoint").into()));
        let parts = &compaction.parts;
        let files = parts.files.iter().map(|file| Cursor::new(Arc::clone(&file.base), file.pages()));
        let seals = parts.hot.iter().flat_map(|hot| hot.pages_by_seal().into_iter().map(|pages| Cursor::new(Arc::clone(&hot.base), pages)));
        let mut cursors: Vec<Cursor> = files.chain(seals).collect();
        for cursor in &mut cursors {
            cursor.advance()?;
        }
        let mut writer = FileWriter::create(&compaction.temporary, compaction.header.clone())?;
        let mut samples = 0u64;
        while let Some(id) = cursors.iter().filter_map(Cursor::id).min() {
            if self.stopping.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let keep_samples = plan.thin_ms == 0 || self.options.retention_of(self, id) > plan.thin_ms;
            let (mut there, mut late, mut hours) = (Vec::new(), Vec::new(), Vec::new());
            for cursor in &mut cursors {
                let (mut runs, before) = (Vec::new(), hours.len());
                cursor.take(id, &mut runs, &mut hours)?;
                // Samples from a file with hours are included in them; the others arrived later.
                if hours.len() > before { &mut there } else { &mut late }.extend(runs);
            }
            let columns = if hours.is_empty() {
                let columns = merge(late);
                if plan.finish {
                    hours = windows::hours(&columns);
                }
                columns
            } else {
                if !late.is_empty() {
                    hours = windows::hours_with_late(&hours, &merge(there.clone()), &merge(late.clone()));
                }
                there.extend(late);
                merge(there)
            };
            if keep_samples {
                for from in (0..columns.times.len()).step_by(CHUNK_ROWS) {
                    let to = (from + CHUNK_ROWS).min(columns.times.len());
                    writer.samples(id, &columns.times[from..to], &columns.values[from..to])?;
                }
                samples += columns.times.len() as u64;
            }
            if plan.finish && !hours.is_empty() {
                writer.hours(id, &hours)?;
            }
            pace.step();
            self.work.progress(Task::Compaction);
        }
        writer.end_pages()?;
        self.write_labels(compaction, &mut writer)?;
        writer.finish()?;
        Ok(Some(samples))
    }

    /// Copies the labels of the series that have chunks; damaged labels are replaced by those in memory.
    fn write_labels(&self, compaction: &Compaction, writer: &mut FileWriter) -> Result<(), PartitionError> {
        let mut failed = Ok(());
        compaction.parts.for_each_labels(|id, labels| {
            if failed.is_ok() {
                failed = writer.labels(id, &labels);
            }
        })?;
        failed?;
        for id in writer.unnamed.clone() {
            if let Some(labels) = self.labels(SeriesId(id)) {
                writer.labels(SeriesId(id), &labels)?;
            }
        }
        Ok(())
    }

    /// Stops a running compaction; the next process starts it again.
    pub fn stop_compacting(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

impl StoreOptions {
    /// How long the samples of a series are kept.
    pub(super) fn retention_of(&self, store: &Store, id: SeriesId) -> i64 {
        let labels = if self.retention_overrides.is_empty() { None } else { store.labels(id) };
        let matching = labels.and_then(|labels| self.retention_overrides.iter().find(|(selector, _)| selector.accepts(&labels)));
        matching.map_or(self.retention_ms, |(_, ms)| *ms)
    }

    /// The longest retention of samples.
    pub(super) fn longest_retention_ms(&self) -> i64 {
        self.retentions().last().copied().unwrap_or(self.retention_ms)
    }

    /// The shortest retention of samples.
    pub(super) fn shortest_retention_ms(&self) -> i64 {
        self.retentions().first().copied().unwrap_or(self.retention_ms)
    }

    /// All retentions of samples, shortest first.
    fn retentions(&self) -> Vec<i64> {
        let mut all: Vec<i64> = self.retention_overrides.iter().map(|(_, ms)| *ms).chain([self.retention_ms]).collect();
        all.sort_unstable();
        all
    }

    /// The longest retention that a day has passed; 0 if none.
    fn thin_ms(&self, day: Day, now: TimestampMs) -> i64 {
        self.retentions().into_iter().rev().find(|ms| now >= day.end().saturating_add(*ms)).unwrap_or(0)
    }

    /// When the next retention of a day ends.
    fn next_thinning(&self, day: Day, now: TimestampMs) -> TimestampMs {
        self.retentions().into_iter().map(|ms| day.end().saturating_add(ms)).find(|at| *at > now).unwrap_or(TimestampMs::MAX)
    }
}

/// Limits work to a share of one core.
struct Pace {
    share: f64,
    since: Instant,
}

impl Pace {
    fn new(share: f64) -> Self {
        Self { share: share.clamp(0.01, 1.0), since: Instant::now() }
    }

    fn step(&mut self) {
        let worked = self.since.elapsed();
        if worked >= SLICE {
            std::thread::sleep(worked.mul_f64((1.0 - self.share) / self.share));
            self.since = Instant::now();
        }
    }
}

/// Reads the chunks of a file or seal in order; damage is reported and skipped.
struct Cursor {
    file: Arc<DayFile>,
    pages: std::vec::IntoIter<PageAt>,
    page: Option<(PageAt, Directory)>,
    at: usize,
}

impl Cursor {
    fn new(file: Arc<DayFile>, pages: Vec<PageAt>) -> Self {
        Self { file, pages: pages.into_iter(), page: None, at: 0 }
    }

    fn chunk(&self) -> Option<&Chunk> {
        self.page.as_ref()?.1.chunks.get(self.at)
    }

    fn id(&self) -> Option<SeriesId> {
        self.chunk().map(|chunk| chunk.id)
    }

    /// Moves to the next page if this one is done.
    fn advance(&mut self) -> Result<(), PartitionError> {
        while self.chunk().is_none() {
            self.at = 0;
            self.page = None;
            let Some(page) = self.pages.next() else { return Ok(()) };
            self.page = self.file.directory(&page)?.map(|directory| (page, directory));
        }
        Ok(())
    }

    /// Reads all chunks of a series.
    fn take(&mut self, id: SeriesId, runs: &mut Vec<Columns>, hours: &mut Vec<WindowRow>) -> Result<(), PartitionError> {
        while let Some((page, directory)) = &self.page
            && let Some(chunk) = directory.chunks.get(self.at).filter(|chunk| chunk.id == id)
        {
            match chunk.kind {
                ChunkKind::Samples => runs.push(self.file.samples(directory, page, chunk, ALWAYS)?),
                ChunkKind::Hours => hours.extend(self.file.hours(directory, page, chunk)?),
            }
            self.at += 1;
            self.advance()?;
        }
        Ok(())
    }
}
