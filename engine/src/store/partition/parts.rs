//! What an open partition consists of at a moment.

use std::sync::Arc;

use super::super::chunk_file::ChunkFile;
use super::super::day_file::DayFile;
use super::super::pages_file::PagesFile;
use crate::model::{Columns, Labels, SeriesId};
use crate::windows::WindowRow;

/// What an open partition consists of at a moment.
#[derive(Clone, Default)]
pub(in crate::store) struct Parts {
    /// Chunk files, what is older first.
    pub(in crate::store) files: Vec<Arc<ChunkFile>>,
    /// Pages files, what is older first; all of them are newer than the chunk files.
    pub(in crate::store) hot: Vec<Arc<PagesFile>>,
    pub(super) next: u64,
    /// Numbers of files that others have replaced and that may still be there.
    pub(super) leaving: Vec<u64>,
}

impl Parts {
    /// Whether the one file holds all samples of the day and its windows of an hour.
    pub(in crate::store) fn is_finished(&self) -> bool {
        self.has_hours() && self.hot.is_empty() && self.files.len() == 1
    }

    /// Whether the first file was made when the day was over, and has the hours of all that was there then.
    pub(in crate::store) fn has_hours(&self) -> bool {
        self.files.first().is_some_and(|file| file.header.finished)
    }

    /// Whether anything in its files is known to be damaged.
    pub(in crate::store) fn is_damaged(&self) -> bool {
        self.bases().any(|file| file.report.is_damaged())
    }

    /// Series with a retention of at most this are gone.
    pub(in crate::store) fn thinned_ms(&self) -> i64 {
        self.files.last().map_or(0, |file| file.header.thinned_ms)
    }

    pub(in crate::store) fn hot_seals(&self) -> usize {
        self.hot.iter().map(|hot| hot.seals()).sum()
    }

    pub(in crate::store) fn hot_bytes(&self) -> u64 {
        self.hot.iter().map(|hot| hot.len()).sum()
    }

    /// How many files are open, and the bytes of their indexes in memory.
    pub(in crate::store) fn weight(&self) -> (usize, usize) {
        let bytes = self.files.iter().map(|file| file.index_bytes()).chain(self.hot.iter().map(|hot| hot.index_bytes())).sum();
        (self.files.len() + self.hot.len(), bytes)
    }

    pub(super) fn through(&self) -> u64 {
        let files = self.files.iter().map(|file| file.header.through);
        files.chain(self.hot.iter().map(|hot| hot.through())).max().unwrap_or(0)
    }

    /// Passes the labels of all series in its files on, some more than once; what is damaged is reported and skipped.
    pub(in crate::store) fn for_each_labels(&self, mut each: impl FnMut(SeriesId, Labels)) -> std::io::Result<()> {
        self.bases().try_for_each(|file| file.for_each_labels(&mut each))
    }

    pub(super) fn bases(&self) -> impl Iterator<Item = &Arc<DayFile>> {
        self.files.iter().map(|file| &file.base).chain(self.hot.iter().map(|hot| &hot.base))
    }
}

/// The hours of a series as they are kept, and what came since.
#[derive(Default)]
pub(in crate::store) struct KeptHours {
    pub(in crate::store) rows: Vec<WindowRow>,
    /// Samples of those hours that are still kept, in runs, what is older first.
    pub(in crate::store) there: Vec<Columns>,
    /// Samples that came after the hours were made, in runs, what is older first.
    pub(in crate::store) late: Vec<Columns>,
}
