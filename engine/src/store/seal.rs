//! Sealing the head into chunks, retention, and measuring the directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::catalog::{Catalog, ProgressPage};
use super::error::StoreError;
use super::head::WindowRows;
use super::journal::figures;
use super::partition::{Day, Kind};
use super::{Store, head};
use crate::codec;
use crate::model::{Columns, SeriesId, TimestampMs};
use crate::windows::Level;

/// Rows of one chunk at the most.
const CHUNK_ROWS: usize = 16_384;
/// Journal records removed in one step.
const TRIM_STEP: usize = 1_024;
/// The journal's last trimmed record; kept so that numbers never start over.
const MARK: &[u8] = b"trimmed-through";

type Frozen = (SeriesId, Arc<Columns>, Arc<WindowRows>);
type Chunk = (SeriesId, Kind, TimestampMs, Vec<u8>);

impl Store {
    /// Rewrites the head into chunks and removes what the journal no longer needs; gives the number of chunks.
    ///
    /// # Errors
    /// [`StoreError`] when a partition cannot be written. Nothing is lost then: the rows stay in head and journal.
    pub fn seal(&self) -> Result<usize, StoreError> {
        let _one_at_a_time = self.sealing.lock();
        fail::fail_point!("store::seal");
        let (frozen, pages, through) = self.freeze();
        if frozen.is_empty() {
            return Ok(0);
        }
        match self.write_chunks(&frozen, through) {
            Ok(count) => {
                self.head.write().iter_mut().for_each(|(_, h)| h.sealed());
                self.count_head();
                self.catalog.save_progress(pages)?;
                self.trim_journal(through)?;
                self.counters.seals.fetch_add(1, Ordering::Relaxed);
                Ok(count)
            }
            Err(error) => {
                self.head.write().iter_mut().for_each(|(_, h)| h.thaw());
                self.count_head();
                Err(error)
            }
        }
    }

    /// Takes the active rows, the progress that belongs to them, and the last journal record that holds any of them.
    fn freeze(&self) -> (Vec<Frozen>, Vec<ProgressPage>, u64) {
        let turn = self.turn.lock();
        let mut head = self.head.write();
        let frozen = head.iter_mut().filter_map(|(id, h)| h.freeze().map(|(columns, rows)| (id, columns, rows))).collect();
        // Now and not later: a mark saved for a window whose row is not durable yet would lose the row in a crash.
        (frozen, Catalog::progress_pages(&head), *turn - 1)
    }

    fn count_head(&self) {
        let left: usize = self.head.read().iter().map(|(_, h): (_, &head::SeriesHead)| h.len()).sum();
        self.head_samples.store(left as u64, Ordering::Relaxed);
    }

    fn write_chunks(&self, frozen: &[Frozen], through: u64) -> Result<usize, StoreError> {
        let mut by_day: BTreeMap<Day, Vec<Chunk>> = BTreeMap::new();
        for (id, columns, _) in frozen {
            for_each_run(&columns.times, |day, from, to| {
                let bytes = codec::encode(&columns.times[from..to], &[&columns.values[from..to]])?;
                by_day.entry(day).or_default().push((*id, 0, columns.times[from], bytes));
                Ok(())
            })?;
        }
        for level in Level::ALL {
            for (id, _, rows) in frozen {
                let rows = &rows[level.index()];
                let starts: Vec<TimestampMs> = rows.iter().map(|r| r.start).collect();
                let all: Vec<[f64; 7]> = rows.iter().map(figures).collect();
                for_each_run(&starts, |day, from, to| {
                    let columns: [Vec<f64>; 7] = std::array::from_fn(|c| all[from..to].iter().map(|row| row[c]).collect());
                    let bytes = codec::encode(&starts[from..to], &columns.each_ref().map(Vec::as_slice))?;
                    by_day.entry(day).or_default().push((*id, level.index() as Kind + 1, starts[from], bytes));
                    Ok(())
                })?;
            }
        }
        let mut count = 0;
        for (day, chunks) in by_day {
            count += chunks.len();
            let fail = |source| StoreError::database(format!("partition {}", day.name()), &self.dir, source);
            if let Some(partition) = self.partitions.get(day, true)? {
                partition.seal(chunks, through).map_err(fail)?;
            }
            fail::fail_point!("store::seal::between");
        }
        Ok(count)
    }

    /// Removes journal records up to and with `through`. Their rows are in chunks.
    fn trim_journal(&self, through: u64) -> Result<(), StoreError> {
        fail::fail_point!("store::trim");
        self.note_trimmed(through)?;
        loop {
            let mut batch = sled::Batch::default();
            let mut count = 0;
            for key in self.journal.range(..=through.to_be_bytes()).keys().take(TRIM_STEP) {
                batch.remove(key.map_err(self.journal_error())?);
                count += 1;
            }
            if count == 0 {
                return Ok(());
            }
            self.journal.apply_batch(batch).map_err(self.journal_error())?;
            self.journal.flush().map_err(self.journal_error())?;
            self.journal_records.fetch_sub(count.min(self.journal_records.load(Ordering::Relaxed)), Ordering::Relaxed);
        }
    }

    fn note_trimmed(&self, through: u64) -> Result<(), StoreError> {
        let tree = self.journal.open_tree("marks").map_err(self.journal_error())?;
        tree.insert(MARK, &through.to_be_bytes()).map_err(self.journal_error())?;
        self.journal.flush().map_err(self.journal_error())?;
        Ok(())
    }

    /// The last journal record that was ever trimmed.
    pub(super) fn journal_mark(&self) -> Result<Option<u64>, StoreError> {
        let tree = self.journal.open_tree("marks").map_err(self.journal_error())?;
        let value = tree.get(MARK).map_err(self.journal_error())?;
        Ok(value.and_then(|v| v.as_ref().try_into().ok().map(u64::from_be_bytes)))
    }

    /// Removes partitions and events older than the retention; gives the names of the days that went.
    ///
    /// # Errors
    /// [`StoreError`] when a folder cannot be removed.
    pub fn apply_retention(&self, now: TimestampMs) -> Result<Vec<String>, StoreError> {
        let horizon = now - self.options.retention_ms;
        self.catalog.trim_events(horizon)?;
        self.partitions.drop_before(horizon).map_err(|source| StoreError::DataDir { path: self.dir.join("partitions"), source })
    }

    /// Measures the directory on the disk, for [`Store::status`].
    pub fn measure(&self) {
        self.disk_bytes.store(disk_bytes(&self.dir), Ordering::Relaxed);
    }

    /// Whether rows wait long or many enough for a seal: the head holds `max_samples`.
    pub fn head_is_over(&self, max_samples: u64) -> bool {
        self.head_samples.load(Ordering::Relaxed) >= max_samples
    }
}

/// Calls back for each run of times that fits a chunk: one day, at most [`CHUNK_ROWS`].
fn for_each_run(times: &[TimestampMs], mut run: impl FnMut(Day, usize, usize) -> Result<(), codec::CodecError>) -> Result<(), StoreError> {
    let mut from = 0;
    while from < times.len() {
        let day = Day::of(times[from]);
        let to = (from + times[from..].partition_point(|&t| t < day.end())).min(from + CHUNK_ROWS);
        run(day, from, to).map_err(|source| StoreError::Damaged { place: format!("sealing {}", day.name()), source })?;
        from = to;
    }
    Ok(())
}

fn disk_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
            Ok(meta) => meta.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}
