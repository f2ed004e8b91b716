//! The head: what is not in chunks yet, per series, in memory; and how far each series has come.
//!
//! Rows move from `active` to `sealing` while a seal writes them and leave when they are in chunks; a reader that looks
//! here first and at the chunks afterwards misses nothing. Rebuilt from the journal at a start.

use std::sync::Arc;

use crate::model::{Columns, SeriesId, TimestampMs};
use crate::windows::{LEVELS, Level, WindowRow};

/// A time that no sample has.
pub(super) const NEVER: TimestampMs = TimestampMs::MIN;

/// Window rows of one series, by level.
pub(super) type WindowRows = [Vec<WindowRow>; LEVELS];

/// One series' unsealed rows and progress.
pub(super) struct SeriesHead {
    times: Vec<TimestampMs>,
    values: Vec<f64>,
    sealing: Option<Arc<Columns>>,
    windows: Option<Box<WindowRows>>,
    windows_sealing: Option<Arc<WindowRows>>,
    /// Time of the newest sample ever accepted.
    pub(super) newest: TimestampMs,
    /// Chunks may hold samples up to here.
    pub(super) sealed_to: TimestampMs,
    /// When the last sample was accepted.
    pub(super) touched: TimestampMs,
    /// Windows that end at or before this are closed, by level; [`NEVER`] before the first sample.
    pub(super) closed: [TimestampMs; LEVELS],
}

impl Default for SeriesHead {
    fn default() -> Self {
        Self {
            times: Vec::new(),
            values: Vec::new(),
            sealing: None,
            windows: None,
            windows_sealing: None,
            newest: NEVER,
            sealed_to: NEVER,
            touched: 0,
            closed: [NEVER; LEVELS],
        }
    }
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// Kept.
    New,
    /// Kept instead of an earlier value at the same time.
    Replaced,
    /// The same value at the same time was there.
    Duplicate,
}

impl SeriesHead {
    /// Keeps a sample; the last write at one time wins.
    pub(super) fn put(&mut self, t: TimestampMs, v: f64) -> Put {
        self.newest = self.newest.max(t);
        if self.times.last().is_none_or(|&last| t > last) {
            self.times.push(t);
            self.values.push(v);
            return Put::New;
        }
        match self.times.binary_search(&t) {
            Ok(at) if self.values[at].to_bits() == v.to_bits() => Put::Duplicate,
            Ok(at) => {
                self.values[at] = v;
                Put::Replaced
            }
            Err(at) => {
                self.times.insert(at, t);
                self.values.insert(at, v);
                Put::New
            }
        }
    }

    /// Keeps a closed window and moves the mark of its level.
    pub(super) fn put_window(&mut self, level: Level, row: WindowRow) {
        let rows = &mut self.windows.get_or_insert_default()[level.index()];
        match rows.binary_search_by_key(&row.start, |r| r.start) {
            Ok(at) => rows[at] = row,
            Err(at) => rows.insert(at, row),
        }
        let closed = &mut self.closed[level.index()];
        *closed = (*closed).max(row.start + level.ms());
    }

    /// Samples within `[start, end]`, the older of the two runs first.
    pub(super) fn samples(&self, start: TimestampMs, end: TimestampMs) -> [Option<Columns>; 2] {
        let sealing = self.sealing.as_ref().and_then(|s| within(&s.times, &s.values, start, end));
        [sealing, within(&self.times, &self.values, start, end)]
    }

    /// Windows of a level that start within `[start, end]`, the older of the two runs first.
    pub(super) fn window_rows(&self, level: Level, start: TimestampMs, end: TimestampMs) -> [Vec<WindowRow>; 2] {
        let pick = |rows: &WindowRows| rows[level.index()].iter().filter(|r| r.start >= start && r.start <= end).copied().collect();
        [self.windows_sealing.as_deref().map(pick).unwrap_or_default(), self.windows.as_deref().map(pick).unwrap_or_default()]
    }

    /// The newest sample that is not in chunks.
    pub(super) fn last(&self) -> Option<(TimestampMs, f64)> {
        let active = self.times.last().copied().zip(self.values.last().copied());
        let sealing = self.sealing.as_ref().and_then(|s| s.times.last().copied().zip(s.values.last().copied()));
        match (active, sealing) {
            (Some(a), Some(s)) if s.0 > a.0 => Some(s),
            (Some(a), _) => Some(a),
            (None, s) => s,
        }
    }

    /// How many samples wait here.
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Hands the active rows to a seal; none where there are none.
    pub(super) fn freeze(&mut self) -> Option<(Arc<Columns>, Arc<WindowRows>)> {
        if self.times.is_empty() && self.windows.is_none() {
            return None;
        }
        let columns = Arc::new(Columns { times: std::mem::take(&mut self.times), values: std::mem::take(&mut self.values) });
        let windows: Arc<WindowRows> = Arc::new(self.windows.take().map(|w| *w).unwrap_or_default());
        self.sealing = Some(Arc::clone(&columns));
        self.windows_sealing = Some(Arc::clone(&windows));
        Some((columns, windows))
    }

    /// The frozen rows are in chunks.
    pub(super) fn sealed(&mut self) {
        if let Some(last) = self.sealing.take().and_then(|s| s.times.last().copied()) {
            self.sealed_to = self.sealed_to.max(last);
        }
        self.windows_sealing = None;
    }

    /// The seal failed: the frozen rows are active again, under what came since.
    pub(super) fn thaw(&mut self) {
        if let Some(frozen) = self.sealing.take() {
            let newer = Columns { times: std::mem::take(&mut self.times), values: std::mem::take(&mut self.values) };
            self.times.clone_from(&frozen.times);
            self.values.clone_from(&frozen.values);
            for sample in newer.iter() {
                self.put(sample.t, sample.v);
            }
        }
        if let Some(frozen) = self.windows_sealing.take() {
            let newer = self.windows.take();
            for rows in [Some(frozen.as_ref()), newer.as_deref()].into_iter().flatten() {
                for level in Level::ALL {
                    rows[level.index()].iter().for_each(|row| self.put_window(level, *row));
                }
            }
        }
    }
}

fn within(times: &[TimestampMs], values: &[f64], start: TimestampMs, end: TimestampMs) -> Option<Columns> {
    let from = times.partition_point(|&t| t < start);
    let to = times.partition_point(|&t| t <= end);
    (from < to).then(|| Columns { times: times[from..to].to_vec(), values: values[from..to].to_vec() })
}

/// All heads, by series.
#[derive(Default)]
pub(super) struct Head {
    series: Vec<SeriesHead>,
}

impl Head {
    /// The head of a series, if it ever had one.
    pub(super) fn get(&self, id: SeriesId) -> Option<&SeriesHead> {
        self.series.get(id.index())
    }

    /// The head of a series, made where needed.
    pub(super) fn entry(&mut self, id: SeriesId) -> &mut SeriesHead {
        if self.series.len() <= id.index() {
            self.series.resize_with(id.index() + 1, SeriesHead::default);
        }
        &mut self.series[id.index()]
    }

    /// All heads with their ids.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SeriesId, &mut SeriesHead)> {
        self.series.iter_mut().enumerate().map(|(i, head)| (SeriesId(i as u32), head))
    }

    /// All heads with their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SeriesId, &SeriesHead)> {
        self.series.iter().enumerate().map(|(i, head)| (SeriesId(i as u32), head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &SeriesHead) -> Vec<(i64, f64)> {
        head.samples(i64::MIN, i64::MAX).into_iter().flatten().flat_map(|c| c.iter().map(|s| (s.t, s.v)).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn samples_are_kept_in_order_and_the_last_write_wins() {
        let mut head = SeriesHead::default();
        let puts: Vec<Put> = [(10, 1.0), (30, 3.0), (20, 2.0), (20, 2.0), (30, 9.0)].map(|(t, v)| head.put(t, v)).to_vec();
        assert_eq!(puts, [Put::New, Put::New, Put::New, Put::Duplicate, Put::Replaced]);
        assert_eq!(read(&head), [(10, 1.0), (20, 2.0), (30, 9.0)]);
        assert_eq!((head.newest, head.last()), (30, Some((30, 9.0))));
    }

    #[test]
    fn a_failed_seal_gives_its_rows_back_under_the_newer_ones() {
        let mut head = SeriesHead::default();
        head.put(10, 1.0);
        head.put(20, 2.0);
        head.freeze().unwrap();
        head.put(20, 7.0);
        head.put(30, 3.0);
        head.thaw();
        assert_eq!(read(&head), [(10, 1.0), (20, 7.0), (30, 3.0)]);
        head.freeze().unwrap();
        head.sealed();
        assert_eq!((read(&head).len(), head.sealed_to), (0, 30));
    }
}
