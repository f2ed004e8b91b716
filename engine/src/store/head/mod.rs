//! The head: what is not in chunks yet, per series, in memory; and how far each series has come.
//!
//! Rows move from `active` to `sealing` while a seal writes them and leave when they are in chunks; a reader that
//! reads the head first and the chunks afterwards misses nothing. A start rebuilds the head from the journal. A dormant series
//! keeps 16 bytes of progress.

mod progress;
mod series;

use std::collections::VecDeque;

use roaring::RoaringBitmap;

use self::progress::DormantProgress;
pub(super) use self::progress::{NEVER, Progress};
pub(super) use self::series::{Put, Run, SeriesHead};
use super::ids::{IdTable, SparseTable};
use super::partition::Day;
use crate::model::{SeriesId, TimestampMs};

/// A series becomes dormant when its newest sample is so much older than the newest of all.
const DORMANT_AFTER_MS: i64 = 6 * 3_600_000;

/// All series: the rows and progress of the live ones, the progress of the dormant ones.
#[derive(Default)]
pub(super) struct Head {
    live: IdTable<SeriesHead>,
    dormant: SparseTable<DormantProgress, 32>,
    /// When the progress was loaded: silence counts from there on, because nothing was received before.
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
            None => self.dormant.get(id).map(DormantProgress::progress),
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
            match DormantProgress::of(progress).filter(|mark| mark.newest < newest.saturating_sub(DORMANT_AFTER_MS)) {
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

    /// Live series without rows that are to become dormant.
    pub(super) fn silent(&self, now: TimestampMs) -> Vec<SeriesId> {
        let mut silent: Vec<SeriesId> = self.live.iter().filter(|(_, h)| h.is_silent(now)).map(|(id, _)| id).collect();
        silent.sort_unstable();
        silent
    }

    /// Those of the series that are still silent become dormant.
    pub(super) fn rest(&mut self, ids: &[SeriesId], now: TimestampMs) {
        let mut resting = RoaringBitmap::new();
        for &id in ids {
            let mark = self.live.get(id).filter(|h| h.is_silent(now)).and_then(SeriesHead::progress).and_then(DormantProgress::of);
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
            None => *self.dormant.get_mut(id)? = DormantProgress::of(Progress { closed_to: to, ..progress })?,
        }
        Some((progress.closed_to, to))
    }
}
