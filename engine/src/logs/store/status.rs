//! What the store of lines says of itself.

use std::sync::atomic::{AtomicU64, Ordering};

use super::accept::Appended;
use super::days::DayFiles;
use super::state::LogStore;
use crate::store::JournalSize;
use crate::store::partition::Day;

/// Counts since the store was opened.
#[derive(Debug, Default)]
pub struct LogCounters {
    /// Lines taken in.
    pub accepted: AtomicU64,
    /// Bytes of their bodies and attributes.
    pub bytes: AtomicU64,
    /// Lines that were there already.
    pub duplicates: AtomicU64,
    /// Lines of which something was cut.
    pub cut: AtomicU64,
    /// Lines of streams beyond the most of a day.
    pub overflowed: AtomicU64,
    /// Lines refused: too old, too far ahead.
    pub refused: [AtomicU64; 2],
    /// Journal flushes.
    pub commits: AtomicU64,
    /// Seals.
    pub seals: AtomicU64,
    /// Merges of files.
    pub compactions: AtomicU64,
    /// Blocks that were decoded to be read.
    pub read_blocks: AtomicU64,
}

impl LogCounters {
    pub(super) fn add(&self, done: &Appended) {
        let counters = [&self.accepted, &self.bytes, &self.duplicates, &self.cut, &self.overflowed, &self.refused[0], &self.refused[1]];
        let counts = [done.accepted, done.bytes, done.duplicates, done.cut, done.overflowed, done.too_old, done.too_far_ahead];
        for (counter, count) in counters.into_iter().zip(counts) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// The state of the store of lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogStatus {
    /// Lines in memory that are in no file yet.
    pub head_lines: u64,
    /// Memory that they take.
    pub head_bytes: u64,
    /// The journal.
    pub journal: JournalSize,
    /// Days with files.
    pub days: Vec<String>,
    /// Files.
    pub files: usize,
    /// Blocks in them.
    pub blocks: u64,
    /// Lines in them.
    pub lines: u64,
    /// Bytes of bodies and attributes in them, before compression.
    pub text_bytes: u64,
    /// Bytes on the disk, the journal included.
    pub disk_bytes: u64,
    /// Streams of the newest day.
    pub streams: usize,
}

impl LogStore {
    /// The state of the store.
    pub(crate) fn status(&self) -> LogStatus {
        let journal = self.kept().map(|kept| kept.journal.size()).unwrap_or_default();
        let places = self.places.read();
        let frozen = || places.frozen.days.values();
        let files = || places.days.values().flat_map(|day| &day.files);
        let newest = places.days.keys().chain(places.head.days.keys()).chain(places.frozen.days.keys()).max();
        let streams = newest.map_or(0, |day| {
            let head = places.head.days.get(day).map_or(0, |head| head.streams.len());
            let frozen = places.frozen.days.get(day).map_or(0, |head| head.streams.len());
            let most_of_a_file = places.days.get(day).and_then(|day| day.files.iter().map(|file| file.summary.streams).max());
            head.max(frozen).max(most_of_a_file.unwrap_or(0))
        });
        LogStatus {
            head_lines: places.head.rows() + frozen().map(|day| day.rows).sum::<u64>(),
            head_bytes: (places.head.memory() + frozen().map(|day| day.memory()).sum::<usize>()) as u64,
            journal,
            days: places.days.keys().map(|day: &Day| day.name()).collect(),
            files: files().count(),
            blocks: files().map(|file| file.summary.blocks as u64).sum(),
            lines: files().map(|file| file.summary.rows).sum(),
            text_bytes: files().map(|file| file.summary.text).sum(),
            disk_bytes: places.days.values().map(DayFiles::bytes).sum::<u64>() + journal.bytes,
            streams,
        }
    }
}
