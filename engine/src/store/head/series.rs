//! The rows of one series that are not in chunks yet, and its progress.

use std::sync::Arc;

use super::super::partition::Day;
use super::DORMANT_AFTER_MS;
use super::progress::{NEVER, Progress};
use crate::model::{Columns, TimestampMs};
use crate::windows::Level;

/// A series with old samples only, whose history was imported, becomes dormant this long after the last one came.
const QUIET_MS: i64 = 30_000;

/// A sample at most so many rows behind the newest is inserted in place.
const NEAR: usize = 64;

/// Rows to reserve memory for in advance.
const USUAL_ROWS: usize = 512;

/// Samples by rising time.
pub(in crate::store) type Run = Vec<(TimestampMs, f64)>;

/// One series' unsealed rows and progress.
pub(in crate::store) struct SeriesHead {
    active: Run,
    /// Samples that came far behind the newest, as they came; none of their times is in `active`. Put in order from time to
    /// time, so that history that comes backwards does not move everything for each sample.
    behind: Run,
    sealing: Option<Arc<Run>>,
    /// Time of the newest sample ever accepted.
    pub(in crate::store) newest: TimestampMs,
    /// Chunks may hold samples up to here.
    pub(in crate::store) sealed_to: TimestampMs,
    /// When the last sample was accepted.
    pub(in crate::store) touched: TimestampMs,
    /// Windows that end at or before this are closed; [`NEVER`] before the first sample.
    pub(in crate::store) closed_to: TimestampMs,
    /// The start of the first day that has samples.
    pub(in crate::store) born: TimestampMs,
}

impl Default for SeriesHead {
    fn default() -> Self {
        Self {
            active: Vec::new(),
            behind: Vec::new(),
            sealing: None,
            newest: NEVER,
            sealed_to: NEVER,
            touched: 0,
            closed_to: NEVER,
            born: TimestampMs::MAX,
        }
    }
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Put {
    /// Kept.
    New,
    /// Kept instead of an earlier value at the same time.
    Replaced,
    /// The same value at the same time was there.
    Duplicate,
}

impl SeriesHead {
    /// Keeps a sample; the last write at one time wins.
    #[inline]
    pub(in crate::store) fn put(&mut self, t: TimestampMs, v: f64) -> Put {
        self.notice(t);
        if self.active.last().is_none_or(|&(last, _)| t > last) {
            self.active.push((t, v));
            return Put::New;
        }
        match self.active.binary_search_by_key(&t, |row| row.0) {
            Ok(at) if self.active[at].1.to_bits() == v.to_bits() => Put::Duplicate,
            Ok(at) => {
                self.active[at].1 = v;
                Put::Replaced
            }
            Err(at) if self.behind.is_empty() && self.active.len() - at <= NEAR => {
                self.active.insert(at, (t, v));
                Put::New
            }
            Err(_) => {
                self.behind.push((t, v));
                if self.behind.len() > NEAR + self.active.len() / 4 {
                    self.order();
                }
                Put::New
            }
        }
    }

    /// The series has a sample at this time.
    #[inline]
    pub(in crate::store) fn notice(&mut self, t: TimestampMs) {
        self.newest = self.newest.max(t);
        if t < self.born {
            self.born = Day::of(t).start();
        }
    }

    /// Puts what came behind into its place; the last write at one time wins.
    fn order(&mut self) {
        if self.behind.is_empty() {
            return;
        }
        let behind = in_order(std::mem::take(&mut self.behind));
        let active = std::mem::take(&mut self.active);
        self.active = merged(&active, &behind);
    }

    /// Windows before a sample at `t` are closed, less the lateness; gives from where to where they were just closed.
    #[inline]
    pub(in crate::store) fn close_behind(&mut self, t: TimestampMs, lateness_ms: i64) -> Option<(TimestampMs, TimestampMs)> {
        let from = self.closed_to;
        if from == NEVER {
            self.closed_to = Level::M1.floor(t.saturating_sub(lateness_ms));
            return None;
        }
        if t.saturating_sub(lateness_ms) < from.saturating_add(Level::M1.ms()) {
            return None;
        }
        self.closed_to = Level::M1.floor(t.saturating_sub(lateness_ms));
        Some((from, self.closed_to))
    }

    /// Samples within `[start, end]`, the older of the two runs first.
    pub(in crate::store) fn samples(&self, start: TimestampMs, end: TimestampMs) -> [Option<Columns>; 2] {
        let active = if self.behind.iter().any(|row| row.0 >= start && row.0 <= end) {
            let behind = in_order(self.behind.clone());
            within(&merged(&self.active, &behind), start, end)
        } else {
            within(&self.active, start, end)
        };
        [self.sealing.as_ref().and_then(|run| within(run, start, end)), active]
    }

    /// The first and the last time of the unsealed samples within `[start, end]`.
    pub(in crate::store) fn extent(&self, start: TimestampMs, end: TimestampMs) -> Option<(TimestampMs, TimestampMs)> {
        let of = |run: &[(TimestampMs, f64)]| {
            let rows = run.get(run.partition_point(|row| row.0 < start)..run.partition_point(|row| row.0 <= end))?;
            Some((rows.first()?.0, rows.last()?.0))
        };
        let behind = self.behind.iter().map(|row| row.0).filter(|t| *t >= start && *t <= end);
        let behind =
            behind.fold(None, |so_far: Option<(TimestampMs, TimestampMs)>, t| Some(so_far.map_or((t, t), |(a, b)| (a.min(t), b.max(t)))));
        let both = |a: Option<(TimestampMs, TimestampMs)>, b: Option<(TimestampMs, TimestampMs)>| match (a, b) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        both(both(of(&self.active), behind), self.sealing.as_ref().and_then(|run| of(run)))
    }

    /// The newest sample that is not in chunks.
    pub(in crate::store) fn last(&self) -> Option<(TimestampMs, f64)> {
        let sealing = self.sealing.as_ref().and_then(|run| run.last().copied());
        match (self.active.last().copied(), sealing) {
            (Some(a), Some(s)) if s.0 > a.0 => Some(s),
            (Some(a), _) => Some(a),
            (None, s) => s,
        }
    }

    /// How many samples wait here.
    pub(in crate::store) fn len(&self) -> usize {
        self.active.len() + self.behind.len()
    }

    /// Hands the active rows to a seal; none where there are none.
    pub(in crate::store) fn freeze(&mut self) -> Option<Arc<Run>> {
        if self.active.is_empty() {
            return None;
        }
        self.order();
        // As many are likely to come until the next seal; not after an import.
        let room = Vec::with_capacity(self.active.len().min(USUAL_ROWS));
        let run = Arc::new(std::mem::replace(&mut self.active, room));
        self.sealing = Some(Arc::clone(&run));
        Some(run)
    }

    /// The frozen rows are in chunks.
    pub(in crate::store) fn sealed(&mut self) {
        if let Some(&(last, _)) = self.sealing.take().as_ref().and_then(|run| run.last()) {
            self.sealed_to = self.sealed_to.max(last);
        }
    }

    /// The seal failed, for the times that `failed` says: those frozen rows are active again, under what came since.
    pub(in crate::store) fn thaw(&mut self, failed: impl Fn(TimestampMs) -> bool) {
        let Some(frozen) = self.sealing.take() else { return };
        self.order();
        let rows: Run = frozen.iter().copied().filter(|row| failed(row.0)).collect();
        if let Some(last) = frozen.iter().map(|row| row.0).rfind(|t| !failed(*t)) {
            self.sealed_to = self.sealed_to.max(last);
        }
        let newer = std::mem::take(&mut self.active);
        self.active = merged(&rows, &newer);
    }

    /// Gives room back that is not needed.
    pub(in crate::store) fn shrink(&mut self) {
        if self.active.is_empty() {
            self.active = Vec::new();
        }
    }

    pub(super) fn with(progress: Progress, touched: TimestampMs) -> Self {
        let Progress { newest, sealed_to, closed_to, born } = progress;
        Self { newest, sealed_to, closed_to, born, touched, ..Self::default() }
    }

    /// How far it has come; none before the first sample.
    #[inline]
    pub(in crate::store) fn progress(&self) -> Option<Progress> {
        let Self { newest, sealed_to, closed_to, born, .. } = *self;
        (newest != NEVER).then_some(Progress { newest, sealed_to, closed_to, born })
    }

    pub(super) fn is_silent(&self, now: TimestampMs) -> bool {
        let ended = now.saturating_sub(DORMANT_AFTER_MS);
        let untouched = now.saturating_sub(self.touched);
        let over = untouched >= DORMANT_AFTER_MS || (self.newest < ended && untouched >= QUIET_MS);
        over && self.active.is_empty() && self.behind.is_empty() && self.sealing.is_none() && self.newest != NEVER
    }
}

/// By rising time; of equal times the last stays.
fn in_order(mut rows: Run) -> Run {
    // Stable, so that of equal times the last written stays last.
    rows.sort_by_key(|row| row.0);
    rows.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            *earlier = *later;
        }
        same
    });
    rows
}

/// Both, by rising time; where times are equal the second wins.
fn merged(first: &[(TimestampMs, f64)], second: &[(TimestampMs, f64)]) -> Run {
    let mut out = Vec::with_capacity(first.len() + second.len());
    let mut first = first.iter().copied().peekable();
    for &row in second {
        while let Some(before) = first.next_if(|f| f.0 < row.0) {
            out.push(before);
        }
        first.next_if(|f| f.0 == row.0);
        out.push(row);
    }
    out.extend(first);
    out
}

fn within(run: &[(TimestampMs, f64)], start: TimestampMs, end: TimestampMs) -> Option<Columns> {
    let from = run.partition_point(|row| row.0 < start);
    let to = run.partition_point(|row| row.0 <= end);
    let rows = run.get(from..to).filter(|rows| !rows.is_empty())?;
    Some(Columns { times: rows.iter().map(|row| row.0).collect(), values: rows.iter().map(|row| row.1).collect() })
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
        assert_eq!([(11, 19), (11, 20), (31, 99)].map(|(a, b)| head.extent(a, b)), [None, Some((20, 20)), None]);
    }

    #[test]
    fn a_failed_seal_gives_its_rows_back_under_the_newer_ones() {
        let mut head = SeriesHead::default();
        head.put(10, 1.0);
        head.put(20, 2.0);
        head.freeze().unwrap();
        head.put(20, 7.0);
        head.put(30, 3.0);
        head.thaw(|_| true);
        assert_eq!(read(&head), [(10, 1.0), (20, 7.0), (30, 3.0)]);
        head.freeze().unwrap();
        head.sealed();
        assert_eq!((read(&head).len(), head.sealed_to), (0, 30));
    }

    #[test]
    fn history_that_comes_backwards_is_in_order_and_quickly() {
        let mut head = SeriesHead::default();
        let rows = 200_000i64;
        for t in (0..rows).rev() {
            head.put(t, t as f64);
        }
        head.put(3, -1.0);
        assert_eq!(head.extent(0, 100), Some((0, 100)));
        let read = read(&head);
        assert!(read.iter().enumerate().all(|(at, row)| row.0 == at as i64), "each time once, in order");
        assert_eq!((read.len() as i64, read[3].1), (rows, -1.0));
        assert_eq!(head.freeze().unwrap().len() as i64, rows);
    }

    #[test]
    fn only_the_days_that_failed_come_back() {
        let mut head = SeriesHead::default();
        (0..10).for_each(|t| assert_eq!(head.put(t, 1.0), Put::New));
        head.freeze().unwrap();
        head.put(7, 2.0);
        head.thaw(|t| t >= 5);
        assert_eq!(read(&head).iter().map(|row| row.0).collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
        assert_eq!((read(&head)[2].1, head.sealed_to), (2.0, 4));
    }

    #[test]
    fn windows_close_behind_the_newest_sample() {
        let mut head = SeriesHead::default();
        assert_eq!(
            [60_000, 149_999, 150_000, 100_000, 400_000].map(|t| head.close_behind(t, 30_000)),
            [None, Some((0, 60_000)), Some((60_000, 120_000)), None, Some((120_000, 360_000))]
        );
    }
}
