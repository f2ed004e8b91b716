//! Merging files: many small seals of a day become one file.
//!
//! Small segments are read, put together as a head would, and written as one; large ones are copied as they lie. So a busy day, whose
//! seals are full segments, costs a copy of its bytes, and an idle one no more than it has. The new file says what it was made of; once
//! it is durable it takes the place of its sources, and a start after a crash removes what is left of them (`days`).
//!
//! A block that cannot be read is noted and left out; the file that has it goes to quarantine.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::block::{Entry, Wanted};
use super::directory::Directory;
use super::file::BlocksFile;
use super::head::DayHead;
use super::rows::Rows;
use super::seal::write_head;
use super::state::{DAYS, LogStore};
use super::write::Writer;
use crate::model::TimestampMs;
use crate::store::StoreError;
use crate::store::files;
use crate::store::page::PageError;
use crate::store::partition::Day;

/// Longer files are not merged any more.
const SMALL_FILE: u64 = 32 << 20;
/// Small files of a day that is not over before they are merged.
const MANY: usize = 8;
/// How long after its end a day is over.
const OVER_AFTER_MS: i64 = 3_600_000;
/// Segments with more text are copied as they lie.
const LARGE_SEGMENT: usize = 16 << 20;

/// A merge that is under way.
struct Merge<'a> {
    store: &'a LogStore,
    writer: Writer,
    /// Lines of small segments that are not written yet.
    waiting: DayHead,
    /// Files with blocks that cannot be read.
    damaged: Vec<u64>,
}

impl LogStore {
    /// Merges small files of one day; gives the day, or `None` where there is nothing to do.
    pub(crate) fn compact(&self, now: TimestampMs, mut progress: impl FnMut()) -> Result<Option<String>, StoreError> {
        let _one_at_a_time = self.compacting.lock();
        let Some((day, sources)) = self.small_files(now) else { return Ok(None) };
        let folder = self.folder().join(DAYS).join(day.name());
        let number = self.places.write().days.entry(day).or_default().take_number();
        let merged = self.merge(&folder, day, number, &sources, &mut progress);
        let (file, damaged) = merged.map_err(|error| match error {
            PageError::Io(error) => StoreError::io(&folder, error),
            PageError::Codec(source) => StoreError::Damaged { place: folder.display().to_string(), source },
        })?;
        {
            let mut places = self.places.write();
            let files = places.days.entry(day).or_default();
            files.files.retain(|file| sources.iter().all(|source| source.number != file.number));
            files.add(Arc::new(file));
        }
        self.directories.forget(&sources);
        fail::fail_point!("logs::compact::remove", |_| Err(StoreError::Deadline));
        for source in &sources {
            let gone = if damaged.contains(&source.number) {
                files::set_aside(&self.data_dir, &source.path, &format!("{}-{}-{}", self.kind.folder(), day.name(), source.number))
                    .map(drop)
            } else {
                fs::remove_file(&source.path)
            };
            if let Err(error) = gone {
                log::warn!("{} cannot be removed: {error}", source.path.display());
            }
        }
        self.counters.compactions.fetch_add(1, Ordering::Relaxed);
        Ok(Some(day.name()))
    }

    fn small_files(&self, now: TimestampMs) -> Option<(Day, Vec<Arc<BlocksFile>>)> {
        let places = self.places.read();
        places.days.iter().find_map(|(day, files)| {
            let small: Vec<Arc<BlocksFile>> = files.files.iter().filter(|file| file.len() < SMALL_FILE).cloned().collect();
            let over = day.end().saturating_add(OVER_AFTER_MS) <= now;
            (small.len() >= if over { 2 } else { MANY }).then_some((*day, small))
        })
    }

    fn merge(
        &self,
        folder: &std::path::Path,
        day: Day,
        number: u64,
        sources: &[Arc<BlocksFile>],
        progress: &mut dyn FnMut(),
    ) -> Result<(BlocksFile, Vec<u64>), PageError> {
        let writer = Writer::create(folder, self.identity, day, number, self.kind)?;
        let mut merge = Merge { store: self, writer, waiting: DayHead::default(), damaged: Vec::new() };
        for source in sources {
            let directory = source.directory()?;
            for segment in directory.segments() {
                merge.segment(source, &directory, segment)?;
                progress();
            }
        }
        merge.flush()?;
        let through = sources.iter().map(|source| source.summary.through).max().unwrap_or(0);
        let of = sources.iter().flat_map(|source| source.summary.made_of.iter().copied().chain([source.number]));
        let mut made_of: Vec<u64> = of.collect();
        made_of.sort_unstable();
        Ok((merge.writer.finish(through, made_of)?, merge.damaged))
    }
}

impl Merge<'_> {
    fn segment(&mut self, file: &BlocksFile, directory: &Directory, blocks: &[Entry]) -> Result<(), PageError> {
        let text: usize = blocks.iter().map(|block| block.weight as usize).sum();
        if text >= LARGE_SEGMENT {
            self.flush()?;
            for block in blocks {
                let copied = self.writer.copy_block(file, directory, block);
                self.note(file, block, copied)?;
            }
            return self.writer.end_segment();
        }
        for block in blocks {
            match file.block(block, Wanted::ALL) {
                Ok(rows) => self.take(directory, block, &rows),
                Err(error) => self.note(file, block, Err(error))?,
            }
        }
        if self.waiting.memory() >= self.store.options.max_head_bytes { self.flush() } else { Ok(()) }
    }

    fn take(&mut self, directory: &Directory, block: &Entry, rows: &Rows) {
        let mut from = 0;
        for run in &block.runs {
            let mut part = Rows::default();
            (from..from + run.rows as usize).for_each(|row| part.push(rows.row(row)));
            self.waiting.add(self.store.kind, &directory.streams[run.stream as usize], &part, |_| ());
            from += run.rows as usize;
        }
    }

    fn note(&mut self, file: &BlocksFile, block: &Entry, result: Result<(), PageError>) -> Result<(), PageError> {
        let Err(PageError::Codec(why)) = result else { return result };
        let (place, rows, what) = (file.path.display(), block.rows(), self.store.kind.holds());
        self.store.problems.note(format!("{place}: {rows} {what} cannot be read: {why}; they are left out, the file is in quarantine"));
        self.damaged.push(file.number);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), PageError> {
        write_head(&mut self.writer, &std::mem::take(&mut self.waiting))
    }
}
