//! Closing windows: how far each series is, and rows computed from what the store holds.

use std::sync::atomic::Ordering;

use super::error::StoreError;
use super::head::{NEVER, SeriesHead};
use super::{Store, journal};
use crate::model::{SeriesId, TimestampMs};
use crate::windows::{self, Level, WindowRow};

/// How far a series is, for closing its windows.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The series.
    pub id: SeriesId,
    /// Time of its newest sample.
    pub newest: TimestampMs,
    /// When a sample of it was last accepted.
    pub touched: TimestampMs,
    /// Windows ending at or before this are closed at the level asked for.
    pub closed: TimestampMs,
    /// The same at the level below; the newest sample for the first level.
    pub below: TimestampMs,
}

impl Progress {
    fn of(id: SeriesId, head: &SeriesHead, level: Level) -> Self {
        let below = level.below().map_or(head.newest, |below| head.closed[below.index()]);
        Self { id, newest: head.newest, touched: head.touched, closed: head.closed[level.index()], below }
    }
}

impl Store {
    /// How far each series is at a level; for deciding what to close.
    pub fn progress(&self, level: Level) -> Vec<Progress> {
        let head = self.head.read();
        head.iter().filter(|(_, h)| h.newest != NEVER).map(|(id, h)| Progress::of(id, h, level)).collect()
    }

    /// How far one series is at a level.
    pub fn progress_of(&self, level: Level, id: SeriesId) -> Option<Progress> {
        let head = self.head.read();
        head.get(id).filter(|h| h.newest != NEVER).map(|h| Progress::of(id, h, level))
    }

    /// Closes the windows of a level up to the given boundary of each series and keeps their rows. A row is computed
    /// from what the store holds at this moment, so that closing the same window again gives the same row.
    ///
    /// # Errors
    /// [`StoreError`] when samples cannot be read or the journal not be written; nothing was closed then.
    pub fn close_windows(&self, level: Level, due: &[(SeriesId, TimestampMs)]) -> Result<Vec<(SeriesId, WindowRow)>, StoreError> {
        let mut turn = self.turn.lock();
        let mut rows = Vec::new();
        let mut marks = Vec::with_capacity(due.len());
        for &(id, through) in due {
            let Some(closed) = self.head.read().get(id).map(|h| h.closed[level.index()]) else { continue };
            if closed == NEVER || closed >= through {
                continue;
            }
            let made = match level.below() {
                None => windows::from_samples(level, &self.samples(id, closed, through - 1)?),
                Some(below) => windows::from_rows(level, &self.windows(id, below, closed, through - 1)?),
            };
            rows.extend(made.into_iter().map(|row| (id, row)));
            marks.push((id, through));
        }
        if !rows.is_empty() {
            let record = journal::encode_windows(level, &rows);
            self.journal.insert(turn.to_be_bytes(), record).map_err(self.journal_error())?;
            *turn += 1;
            self.journal_records.fetch_add(1, Ordering::Relaxed);
        }
        let mut head = self.head.write();
        for &(id, row) in &rows {
            head.entry(id).put_window(level, row);
        }
        for (id, through) in marks {
            let closed = &mut head.entry(id).closed[level.index()];
            *closed = (*closed).max(through);
        }
        self.counters.closed[level.index()].fetch_add(rows.len() as u64, Ordering::Relaxed);
        Ok(rows)
    }
}
