//! Windows: which are closed, and their rows, computed from the samples that the store holds.
//!
//! A row is worked out when it is asked for, so that it always agrees with the samples. The compactor keeps the hours of a
//! finished day; they answer for the longer windows, faster, and for as long as windows are kept, after the samples have gone.

use super::append::ClosedSpan;
use super::error::StoreError;
use super::head::NEVER;
use super::partition::Day;
use super::read::merge;
use super::state::Store;
use super::writer::StoreWriter;
use crate::model::{SeriesId, TimestampMs, is_stale_marker};
use crate::windows::{self, Level, WindowRow};

/// Earlier than any sample, and far enough from the end of numbers to reckon with.
const EARLIEST: TimestampMs = i64::MIN / 2;

/// A sample, or the samples within an hour together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HourPart {
    /// Of an hour: just after its start. Its samples are all earlier than its end.
    pub time: TimestampMs,
    /// How many samples.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The latest.
    pub last: f64,
}

impl HourPart {
    fn sample(time: TimestampMs, v: f64) -> Self {
        Self { time, count: 1.0, sum: v, min: v, max: v, last: v }
    }

    /// The samples of an hour that are later than its start; none where there are none. NaN makes the sum NaN and is passed
    /// over by the extremes, as if the samples were asked.
    fn hour(row: &WindowRow) -> Option<Self> {
        let (time, count, inner) = (row.start + 1, row.inner_count(), &row.inner);
        let sum = if inner.nans > 0.0 { f64::NAN } else { inner.sum };
        let (min, max) = if count > 0.0 { (inner.min, inner.max) } else { (f64::NAN, f64::NAN) };
        Some(Self { time, count: count + inner.nans, sum, min, max, last: row.last }).filter(|part| part.count > 0.0)
    }
}

impl StoreWriter {
    /// Closes the windows of series that were silent for `idle_after_ms`, up to the clock but not past the day of their newest
    /// sample, so that history that is still being brought in finds later days open. Gives from where to where.
    pub fn close_silent(&self, now: TimestampMs, idle_after_ms: i64) -> Vec<ClosedSpan> {
        let mut closed = Vec::new();
        let through = Level::M1.floor(now - self.options.allowed_lateness_ms);
        let silent = self.head.write().due_to_close(now, idle_after_ms, through);
        for part in silent.chunks(1_024) {
            let mut head = self.head.write();
            closed.extend(part.iter().filter_map(|&id| head.close(id, through).map(|(from, to)| (id, from, to))));
        }
        closed
    }
}

impl Store {
    /// Up to where the windows of a series are closed, on the minute; none before its first sample.
    pub fn closed_to(&self, id: SeriesId) -> Option<TimestampMs> {
        self.head.read().progress(id).map(|p| p.closed_to).filter(|to| *to != NEVER)
    }

    /// Closed windows of one series that start within `[start, end]`.
    ///
    /// # Errors
    /// [`StoreError`] when a chunk cannot be read.
    pub fn windows(&self, id: SeriesId, level: Level, start: TimestampMs, end: TimestampMs) -> Result<Vec<WindowRow>, StoreError> {
        let Some(closed_to) = self.closed_to(id) else { return Ok(Vec::new()) };
        let first = level.floor(start.max(EARLIEST).saturating_add(level.ms() - 1));
        let end = end.min(level.floor(closed_to).saturating_sub(1));
        self.window_rows(id, level, first, end)
    }

    /// Windows that start within `[first, end]`, closed or not.
    fn window_rows(&self, id: SeriesId, level: Level, first: TimestampMs, end: TimestampMs) -> Result<Vec<WindowRow>, StoreError> {
        if first > end {
            return Ok(Vec::new());
        }
        let last = level.floor(end).saturating_add(level.ms() - 1);
        if level < Level::H1 {
            return Ok(windows::from_samples(level, &self.samples(id, first, last)?));
        }
        let mut rows = Vec::new();
        for day in self.days_of(id, first, last) {
            let (from, to) = (first.max(day.start()), last.min(day.end() - 1));
            match self.kept_hours(day, id, from, to)? {
                Some(hours) => rows.extend(hours.into_iter().filter(|row| row.count > 0.0)),
                None => rows.extend(windows::from_samples(Level::H1, &self.samples(id, from, to)?)),
            }
        }
        Ok(if level == Level::H1 { rows } else { windows::from_rows(level, &rows) })
    }

    /// What a series has within `(start, end]`, both on the hour, with the hours that the compactor kept in the place of
    /// their samples. Times rise. Gives how many of the parts are hours.
    ///
    /// # Errors
    /// [`StoreError`] when a chunk cannot be read.
    pub fn hour_parts(&self, id: SeriesId, start: TimestampMs, end: TimestampMs, out: &mut Vec<HourPart>) -> Result<usize, StoreError> {
        let (from_edge, mut kept) = (start.saturating_add(1), 0);
        for day in self.days_of(id, from_edge, end) {
            let (from, to) = (start.max(day.start()), end.min(day.end() - 1));
            // The last hour is read whole for the one sample that may lie on its start.
            match self.kept_hours(day, id, from, Level::H1.floor(to).saturating_add(Level::H1.ms() - 1))? {
                Some(hours) => {
                    for row in hours.iter().filter(|row| row.start <= to) {
                        if row.start > start && (row.inner.on_start || row.inner.nan_on_start) {
                            out.push(HourPart::sample(row.start, if row.inner.on_start { row.first } else { f64::NAN }));
                        }
                        if let Some(mut hour) = HourPart::hour(row).filter(|_| row.start < end) {
                            if row.inner.nans > 0.0 {
                                // A row knows its latest number only; the latest sample may be a NaN.
                                hour.last = self.last_of_hour(id, row.start)?.unwrap_or(hour.last);
                            }
                            out.push(hour);
                            kept += 1;
                        }
                    }
                }
                None => {
                    let samples = self.samples(id, from.max(from_edge), to)?;
                    out.extend(samples.iter().filter(|s| !is_stale_marker(s.v)).map(|s| HourPart::sample(s.t, s.v)));
                }
            }
        }
        Ok(kept)
    }

    /// The latest sample of an hour, while it is kept.
    fn last_of_hour(&self, id: SeriesId, start: TimestampMs) -> Result<Option<f64>, StoreError> {
        let samples = self.samples(id, start, start.saturating_add(Level::H1.ms() - 1))?;
        Ok(samples.values.iter().rfind(|v| !is_stale_marker(**v)).copied())
    }

    /// The hours of a series within `[start, end]`, both on the edge of an hour, as the compactor kept them and with what came
    /// late; none where the day is not finished.
    fn kept_hours(&self, day: Day, id: SeriesId, start: TimestampMs, end: TimestampMs) -> Result<Option<Vec<WindowRow>>, StoreError> {
        // The head first: a seal that ends in between is seen twice, and counts once.
        let recent = self.head.read().get(id).map(|h| h.samples(start, end)).unwrap_or_default();
        let late = recent.iter().any(Option::is_some);
        let Some(kept) = self.with_partition(day, id, |partition| partition.hours(id, start, end, late))?.flatten() else {
            return Ok(None);
        };
        if !late && kept.late.is_empty() {
            return Ok(Some(kept.rows));
        }
        let late = merge(kept.late.into_iter().chain(recent.into_iter().flatten()).collect());
        Ok(Some(windows::hours_with_late(&kept.rows, &merge(kept.there), &late)))
    }
}
