//! The head: what is not in chunks yet, per series, in memory; and how far each series has come.
//!
//! Rows move from `active` to `sealing` while a seal writes them and leave when they are in chunks; a reader that looks
//! here first and at the chunks afterwards misses nothing. Rebuilt from the journal at a start. Of a series that nobody has
//! written to for hours only a mark of 16 bytes is left.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::ids::{IdTable, SparseTable};
use super::partition::Day;
use crate::model::{Columns, SeriesId, TimestampMs};
use crate::windows::Level;

/// A time that no sample has.
pub(super) const NEVER: TimestampMs = TimestampMs::MIN;

/// A series whose newest sample is so much older than the newest of all is not expected to go on.
const DORMANT_AFTER_MS: i64 = 6 * 3_600_000;
/// Nor is one without a sample for so long whose newest is old: its history is brought in.
const QUIET_MS: i64 = 30_000;

/// So far behind the newest a sample is put straight into its place.
const NEAR: usize = 64;

/// Rows for which room is made in advance.
const USUAL_ROWS: usize = 512;

/// Samples by rising time.
pub(super) type Run = Vec<(TimestampMs, f64)>;

/// One series' unsealed rows and progress.
pub(super) struct SeriesHead {
    active: Run,
    /// Samples that came far behind the newest, as they came; none of their times is in `active`. Put in order from time to
    /// time, so that history that comes backwards does not move everything for each sample.
    behind: Run,
    sealing: Option<Arc<Run>>,
    /// Time of the newest sample ever accepted.
    pub(super) newest: TimestampMs,
    /// Chunks may hold samples up to here.
    pub(super) sealed_to: TimestampMs,
    /// When the last sample was accepted.
    pub(super) touched: TimestampMs,
    /// Windows that end at or before this are closed; [`NEVER`] before the first sample.
    pub(super) closed_to: TimestampMs,
    /// The start of the first day that has samples.
    pub(super) born: TimestampMs,
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
    #[inline]
    pub(super) fn put(&mut self, t: TimestampMs, v: f64) -> Put {
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
    pub(super) fn notice(&mut self, t: TimestampMs) {
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
    pub(super) fn close_behind(&mut self, t: TimestampMs, lateness_ms: i64) -> Option<(TimestampMs, TimestampMs)> {
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
    pub(super) fn samples(&self, start: TimestampMs, end: TimestampMs) -> [Option<Columns>; 2] {
        let active = if self.behind.iter().any(|row| row.0 >= start && row.0 <= end) {
            let behind = in_order(self.behind.clone());
            within(&merged(&self.active, &behind), start, end)
        } else {
            within(&self.active, start, end)
        };
        [self.sealing.as_ref().and_then(|run| within(run, start, end)), active]
    }

    /// The first and the last time of the unsealed samples within `[start, end]`.
    pub(super) fn extent(&self, start: TimestampMs, end: TimestampMs) -> Option<(TimestampMs, TimestampMs)> {
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
    pub(super) fn last(&self) -> Option<(TimestampMs, f64)> {
        let sealing = self.sealing.as_ref().and_then(|run| run.last().copied());
        match (self.active.last().copied(), sealing) {
            (Some(a), Some(s)) if s.0 > a.0 => Some(s),
            (Some(a), _) => Some(a),
            (None, s) => s,
        }
    }

    /// How many samples wait here.
    pub(super) fn len(&self) -> usize {
        self.active.len() + self.behind.len()
    }

    /// Hands the active rows to a seal; none where there are none.
    pub(super) fn freeze(&mut self) -> Option<Arc<Run>> {
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
    pub(super) fn sealed(&mut self) {
        if let Some(&(last, _)) = self.sealing.take().as_ref().and_then(|run| run.last()) {
            self.sealed_to = self.sealed_to.max(last);
        }
    }

    /// The seal failed, for the times that `failed` says: those frozen rows are active again, under what came since.
    pub(super) fn thaw(&mut self, failed: impl Fn(TimestampMs) -> bool) {
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
    pub(super) fn shrink(&mut self) {
        if self.active.is_empty() {
            self.active = Vec::new();
        }
    }

    fn with(progress: Progress, touched: TimestampMs) -> Self {
        let Progress { newest, sealed_to, closed_to, born } = progress;
        Self { newest, sealed_to, closed_to, born, touched, ..Self::default() }
    }

    /// How far it has come; none before the first sample.
    #[inline]
    pub(super) fn progress(&self) -> Option<Progress> {
        let Self { newest, sealed_to, closed_to, born, .. } = *self;
        (newest != NEVER).then_some(Progress { newest, sealed_to, closed_to, born })
    }

    fn is_silent(&self, now: TimestampMs) -> bool {
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

/// How far a series has come, and where its samples may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Time of the newest sample ever accepted.
    pub(super) newest: TimestampMs,
    /// Chunks may hold samples up to here.
    pub(super) sealed_to: TimestampMs,
    /// Windows that end at or before this are closed.
    pub(super) closed_to: TimestampMs,
    /// No sample is earlier.
    pub(super) born: TimestampMs,
}

/// The progress of a dormant series, whose samples are all in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    newest: TimestampMs,
    /// Minutes since the epoch, plus one.
    closed_to: NonZeroU32,
    /// Days since the epoch; 0 where it is not known.
    born: u16,
}

impl Mark {
    /// None where the times do not fit; such a series stays live.
    fn of(progress: Progress) -> Option<Self> {
        let Progress { newest, closed_to, born, .. } = progress;
        let minutes = u32::try_from(closed_to.div_euclid(Level::M1.ms())).ok()?.checked_add(1)?;
        let whole = closed_to % Level::M1.ms() == 0 && newest != NEVER;
        let mark = Self { newest, closed_to: NonZeroU32::new(minutes)?, born: u16::try_from(Day::of(born).0.max(0)).ok()? };
        whole.then_some(mark)
    }

    fn progress(self) -> Progress {
        Progress {
            newest: self.newest,
            sealed_to: self.newest,
            closed_to: i64::from(self.closed_to.get() - 1) * Level::M1.ms(),
            born: if self.born == 0 { TimestampMs::MIN } else { Day(i64::from(self.born)).start() },
        }
    }
}

/// All series: the rows and progress of the live ones, the progress of the dormant ones.
#[derive(Default)]
pub(super) struct Head {
    live: IdTable<SeriesHead>,
    dormant: SparseTable<Mark, 32>,
    /// When the progress was loaded: who was silent while nobody listened is not silent yet.
    loaded: TimestampMs,
    /// Series that became dormant lately, and when; their windows stay open for a while.
    lately: VecDeque<(TimestampMs, RoaringBitmap)>,
}

impl Head {
    /// The head of a series, if it lives.
    #[inline]
    pub(super) fn get(&self, id: SeriesId) -> Option<&SeriesHead> {
        self.live.get(id)
    }

    /// How far a series has come; none before its first sample.
    #[inline]
    pub(super) fn progress(&self, id: SeriesId) -> Option<Progress> {
        match self.live.get(id) {
            Some(head) => head.progress(),
            None => self.dormant.get(id).map(Mark::progress),
        }
    }

    /// The head of a series, made where needed; a dormant one lives by this.
    #[inline]
    pub(super) fn entry(&mut self, id: SeriesId) -> &mut SeriesHead {
        let (dormant, loaded) = (&mut self.dormant, self.loaded);
        self.live.entry(id, || dormant.remove(id).map_or_else(SeriesHead::default, |mark| SeriesHead::with(mark.progress(), loaded)))
    }

    /// All live heads with their ids, in no order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SeriesId, &mut SeriesHead)> {
        self.live.iter_mut()
    }

    /// All live heads with their ids, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SeriesId, &SeriesHead)> {
        self.live.iter()
    }

    /// The progress of all series that have a sample, by rising id.
    pub(super) fn all_progress(&self) -> impl Iterator<Item = (SeriesId, Progress)> + '_ {
        let mut live = self.live.ids().filter_map(|id| Some((id, self.live.get(id)?.progress()?))).peekable();
        let mut dormant = self.dormant.iter().map(|(id, mark)| (id, mark.progress())).peekable();
        std::iter::from_fn(move || match (live.peek(), dormant.peek()) {
            (Some(l), Some(d)) if d.0 < l.0 => dormant.next(),
            (None, _) => dormant.next(),
            _ => live.next(),
        })
    }

    /// Takes the progress that was saved; series that ended long before the newest sample of all are dormant at once.
    pub(super) fn load(&mut self, progress: &[(SeriesId, Progress)], now: TimestampMs) {
        self.loaded = now;
        let newest = progress.iter().map(|(_, p)| p.newest).max().unwrap_or(now).min(now);
        for &(id, progress) in progress {
            match Mark::of(progress).filter(|mark| mark.newest < newest.saturating_sub(DORMANT_AFTER_MS)) {
                Some(mark) => {
                    self.dormant.insert(id, mark);
                }
                None => *self.entry(id) = SeriesHead::with(progress, now),
            }
        }
    }

    /// An id that is higher than that of any series with progress.
    pub(super) fn next_id(&self) -> SeriesId {
        let last = self.all_progress().last().map_or(0, |(id, _)| id.0.saturating_add(1));
        SeriesId(last)
    }

    /// Whether a series has no head: it is dormant, or never had a sample.
    pub(super) fn rests(&self, id: SeriesId) -> bool {
        self.live.get(id).is_none()
    }

    /// Live series without rows that are not expected to go on.
    pub(super) fn silent(&self, now: TimestampMs) -> Vec<SeriesId> {
        let mut silent: Vec<SeriesId> = self.live.iter().filter(|(_, h)| h.is_silent(now)).map(|(id, _)| id).collect();
        silent.sort_unstable();
        silent
    }

    /// Those of the series that are still silent become dormant.
    pub(super) fn rest(&mut self, ids: &[SeriesId], now: TimestampMs) {
        let mut resting = RoaringBitmap::new();
        for &id in ids {
            let mark = self.live.get(id).filter(|h| h.is_silent(now)).and_then(SeriesHead::progress).and_then(Mark::of);
            if let Some(mark) = mark {
                self.live.remove(id);
                self.dormant.insert(id, mark);
                resting.insert(id.0);
            }
        }
        if !resting.is_empty() {
            self.lately.push_back((now, resting));
        }
        self.live.shrink();
    }

    /// Dormant series without a sample since `start`.
    pub(super) fn ended_before(&self, start: TimestampMs) -> Vec<SeriesId> {
        self.dormant.iter().filter(|(_, mark)| mark.newest < start).map(|(id, _)| id).collect()
    }

    /// Forgets dormant series.
    pub(super) fn remove(&mut self, ids: &[SeriesId]) {
        for id in ids {
            self.dormant.remove(*id);
        }
    }

    /// Forgets all series but those that are known.
    pub(super) fn retain(&mut self, known: impl Fn(SeriesId) -> bool) {
        let unknown: Vec<SeriesId> = self.live.iter().map(|(id, _)| id).chain(self.dormant.iter().map(|(id, _)| id)).collect();
        for id in unknown.into_iter().filter(|id| !known(*id)) {
            self.live.remove(id);
            self.dormant.remove(id);
        }
    }

    /// Series whose windows are open although they were silent for `idle_after_ms`: before `through`, and before the end of
    /// the day of their newest sample.
    pub(super) fn due_to_close(&mut self, now: TimestampMs, idle_after_ms: i64, through: TimestampMs) -> Vec<SeriesId> {
        let silent = |since: TimestampMs| now - since >= idle_after_ms;
        let open = |p: &Progress| p.closed_to < through.min(Day::of(p.newest).end());
        let live = self.live.iter().filter(|(_, h)| silent(h.touched) && h.progress().is_some_and(|p| open(&p)));
        let mut ids: Vec<SeriesId> = live.map(|(id, _)| id).collect();
        while self.lately.front().is_some_and(|(since, _)| silent(*since)) {
            self.lately.pop_front();
        }
        if silent(self.loaded) {
            let early = |id: SeriesId| self.lately.iter().any(|(_, resting)| resting.contains(id.0));
            ids.extend(self.dormant.iter().filter(|(id, mark)| open(&mark.progress()) && !early(*id)).map(|(id, _)| id));
        }
        ids
    }

    /// Closes the windows of a series; gives from where to where.
    pub(super) fn close(&mut self, id: SeriesId, through: TimestampMs) -> Option<(TimestampMs, TimestampMs)> {
        let progress = self.progress(id)?;
        let to = through.min(Day::of(progress.newest).end());
        if to <= progress.closed_to {
            return None;
        }
        match self.live.get_mut(id) {
            Some(head) => head.closed_to = to,
            None => *self.dormant.get_mut(id)? = Mark::of(Progress { closed_to: to, ..progress })?,
        }
        Some((progress.closed_to, to))
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
