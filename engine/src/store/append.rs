//! Taking samples in: what is kept, what is refused and why, and when it is durable.

use std::sync::atomic::Ordering;

use parking_lot::RwLockReadGuard;
use serde::Serialize;

use super::error::StoreError;
use super::head::{NEVER, Put};
use super::journal::{Encoded, Rows};
use super::retention::horizon;
use super::series::{Found, SeriesIndex};
use super::work::Task;
use super::{Store, series_log};
use crate::model::{Batch, Labels, SeriesId, TimestampMs};
use crate::windows::Level;

/// Stands for a series that is not known yet.
const UNKNOWN: SeriesId = SeriesId(u32::MAX);

/// Why a sample was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// Too far behind the newest of its series.
    OutOfOrder,
    /// Older than the retention.
    TooOld,
    /// Further ahead of the clock than allowed.
    TooFarAhead,
    /// A new series beyond the limit.
    SeriesLimit,
}

impl Rejection {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::OutOfOrder, Self::TooOld, Self::TooFarAhead, Self::SeriesLimit];

    /// In words, with what would be right.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::OutOfOrder => "too far behind the newest sample of their series (store.out_of_order)",
            Self::TooOld => "older than what is kept of their series (store.retention, store.retentions)",
            Self::TooFarAhead => "too far ahead of this machine's clock (store.max_ahead); check the sender's clock",
            Self::SeriesLimit => "of new series, and as many as store.max_series allows are known",
        }
    }

    /// As a label value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutOfOrder => "out_of_order",
            Self::TooOld => "too_old",
            Self::TooFarAhead => "too_far_ahead",
            Self::SeriesLimit => "series_limit",
        }
    }
}

/// What an append kept: the rows that are new or changed a value.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// Rises by one with each append since the store was opened.
    pub number: u64,
    /// Series of each row.
    pub ids: Vec<SeriesId>,
    /// Time of each row.
    pub times: Vec<TimestampMs>,
    /// Value of each row.
    pub values: Vec<f64>,
    /// Series whose windows these rows closed, from where to where, on the minute.
    pub closed: Vec<Span>,
    /// How many samples were taken in, those that were there already included.
    pub accepted: usize,
    /// How many samples were refused, by [`Rejection::ALL`].
    pub rejected: [u64; 4],
}

/// A series and a span of its time, `[from, to)`.
pub type Span = (SeriesId, TimestampMs, TimestampMs);

impl Stored {
    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = (SeriesId, TimestampMs, f64)> + '_ {
        self.ids.iter().zip(self.times.iter().zip(&self.values)).map(|(&id, (&t, &v))| (id, t, v))
    }
}

/// Samples whose series are known and that may be kept, ready for [`Store::append_resolved`].
#[derive(Debug)]
pub struct Resolved {
    rows: Rows,
    encoded: Encoded,
    rejected: [u64; 4],
    refused: Vec<usize>,
    /// Of the index when the series were found.
    removals: u64,
}

impl Resolved {
    /// How many samples there are to keep.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 0
    }

    /// How many samples were refused, by [`Rejection::ALL`].
    #[must_use]
    pub fn rejected(&self) -> [u64; 4] {
        self.rejected
    }

    /// Which of the samples that [`Intake::push`] took were refused at the end, by the order in which they came.
    #[must_use]
    pub fn refused(&self) -> &[usize] {
        &self.refused
    }
}

/// Samples on their way in. Finds their series while it is filled; new series wait for [`Intake::finish`], because others
/// may look things up meanwhile.
pub struct Intake<'a> {
    store: &'a Store,
    index: RwLockReadGuard<'a, SeriesIndex>,
    /// Samples before the first are refused, whatever their series; those before the second by the retention of their series.
    horizon: TimestampMs,
    near_horizon: TimestampMs,
    /// Samples after this are refused.
    ahead: TimestampMs,
    /// The time that retention goes by.
    trusted: TimestampMs,
    rows: Rows,
    /// Labels of new series, each with the rows from where on; those are marked [`UNKNOWN`].
    new: Vec<(usize, Labels)>,
    current: SeriesId,
    before: Option<Found>,
    rejected: [u64; 4],
    any_order: bool,
}

impl Intake<'_> {
    /// History that is brought in may be as far behind the newest sample as the retention.
    pub fn accept_any_order(&mut self) {
        self.any_order = true;
    }

    /// The samples that follow are of this series, given by rising label name and without empty values; false where it does
    /// not live, then [`Intake::begin_new`] has to be told its labels.
    #[inline]
    pub fn begin(&mut self, pairs: &[(&[u8], &[u8])]) -> bool {
        match self.index.find(self.before, pairs) {
            Some(found) => {
                self.current = found.id;
                self.before = Some(found);
                true
            }
            None => false,
        }
    }

    /// The samples that follow are of a series with these labels.
    pub fn begin_new(&mut self, labels: Labels) {
        match self.index.live_id(&labels) {
            Some(id) => self.current = id,
            // New, or dormant: to wake one changes the index.
            None => {
                self.new.push((self.rows.len(), labels));
                self.current = UNKNOWN;
            }
        }
    }

    /// A sample of the series begun last; false where its time alone shuts it out.
    #[inline]
    pub fn push(&mut self, t: TimestampMs, v: f64) -> bool {
        if t < self.horizon {
            self.rejected[Rejection::TooOld as usize] += 1;
        } else if t > self.ahead {
            self.rejected[Rejection::TooFarAhead as usize] += 1;
        } else {
            self.rows.push(self.current, t, v);
            return true;
        }
        false
    }

    /// Makes the new series and sorts out what cannot be kept.
    #[must_use]
    pub fn finish(self) -> Resolved {
        let Self { store, index, near_horizon, trusted, mut rows, new, mut rejected, any_order, .. } = self;
        // Before the series are found: one that is removed afterwards is noticed when the rows are kept.
        let removals = index.removals();
        drop(index);
        if !new.is_empty() {
            store.name_new_series(&mut rows, &new);
        }
        let out_of_order_ms = store.options.out_of_order_ms;
        let mut refused = Vec::new();
        let too_old = store.past_their_retention(&rows, near_horizon, trusted);
        {
            let head = store.head.read();
            for (at, (id, t, _)) in rows.iter().enumerate() {
                // A clock that was ahead once does not shut a series out: nothing is behind what has not come yet.
                let newest = head.progress(id).map_or(NEVER, |p| p.newest).min(trusted);
                if id == UNKNOWN {
                    rejected[Rejection::SeriesLimit as usize] += 1;
                    refused.push(at);
                } else if too_old.binary_search(&at).is_ok() {
                    rejected[Rejection::TooOld as usize] += 1;
                    refused.push(at);
                } else if !any_order && newest != NEVER && t < newest.saturating_sub(out_of_order_ms) {
                    rejected[Rejection::OutOfOrder as usize] += 1;
                    refused.push(at);
                }
            }
        }
        if !refused.is_empty() {
            rows.remove(&refused);
        }
        Resolved { encoded: rows.encode(), rows, rejected, refused, removals }
    }
}

impl Store {
    /// Begins to take samples in.
    pub fn intake(&self, now: TimestampMs) -> Intake<'_> {
        let trusted = self.clock.trusted(now);
        let [near_horizon, horizon] =
            [self.options.shortest_retention_ms(), self.options.longest_retention_ms()].map(|keep| horizon(trusted, keep));
        Intake {
            store: self,
            index: self.series.read(),
            horizon,
            near_horizon,
            // A clock that went back does not shut out those that are right.
            ahead: self.clock.latest(now).saturating_add(self.options.max_ahead_ms),
            trusted,
            rows: Rows::default(),
            new: Vec::new(),
            current: UNKNOWN,
            before: None,
            rejected: [0; 4],
            any_order: false,
        }
    }

    /// Which rows are past the retention of their own series, by their place; only those before `near_horizon` can be.
    fn past_their_retention(&self, rows: &Rows, near_horizon: TimestampMs, trusted: TimestampMs) -> Vec<usize> {
        let mut kept_from: Option<(SeriesId, TimestampMs)> = None;
        let mut past = Vec::new();
        for (at, (id, t, _)) in rows.iter().enumerate().filter(|(_, (id, t, _))| *t < near_horizon && *id != UNKNOWN) {
            let from = match kept_from {
                Some((known, from)) if known == id => from,
                _ => horizon(trusted, self.options.retention_of(self, id)),
            };
            kept_from = Some((id, from));
            if t < from {
                past.push(at);
            }
        }
        past
    }

    /// Gives rows of new and of dormant series their ids; those beyond the limit stay unknown.
    fn name_new_series(&self, rows: &mut Rows, new: &[(usize, Labels)]) {
        let mut index = self.series.write();
        for (at, (from, labels)) in new.iter().enumerate() {
            let to = new.get(at + 1).map_or(rows.len(), |next| next.0);
            if rows.ids.get(*from..to).and_then(<[SeriesId]>::first) != Some(&UNKNOWN) {
                // Nothing of it is kept: a series without samples is none.
                continue;
            }
            let id = match index.wake(labels) {
                Some(id) => id,
                None if index.len() >= self.options.max_series => continue,
                None => index.add(labels.clone()),
            };
            // Up to the next series that was known, or the next that was not.
            rows.ids[*from..to].iter_mut().take_while(|row| **row == UNKNOWN).for_each(|row| *row = id);
        }
    }

    /// Takes samples into journal and head. Durable, and to be acknowledged, after the next [`Store::commit`].
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be written; nothing was kept then.
    pub fn append(&self, batch: &Batch, now: TimestampMs) -> Result<Stored, StoreError> {
        let mut intake = self.intake(now);
        let mut pairs = Vec::new();
        for (labels, sample) in batch.rows() {
            pairs.clear();
            pairs.extend(labels.pairs());
            if !intake.begin(&pairs) {
                intake.begin_new(labels.clone());
            }
            intake.push(sample.t, sample.v);
        }
        self.append_resolved(intake.finish(), now)
    }

    /// As [`Store::append`], for samples whose series were found before.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn append_resolved(&self, resolved: Resolved, now: TimestampMs) -> Result<Stored, StoreError> {
        fail::fail_point!("store::append");
        for (total, count) in self.counters.rejected.iter().zip(resolved.rejected) {
            total.fetch_add(count, Ordering::Relaxed);
        }
        if resolved.is_empty() {
            return Ok(Stored { rejected: resolved.rejected, ..Stored::default() });
        }
        let here = || self.data_dir.missing().map_or(Ok(()), |missing| Err(missing.error()));
        let stored =
            here().and_then(|()| self.disk_space.check(&self.dir)).and_then(|()| self.check_head()).and_then(|()| self.take(resolved, now));
        if let Err(error) = &stored {
            self.note_failure(error);
        }
        stored
    }

    /// Refuses samples while so many wait for a seal that memory would be next.
    fn check_head(&self) -> Result<(), StoreError> {
        let waiting = self.head_samples.load(Ordering::Relaxed);
        let most = self.options.max_waiting.max(self.series.read().live() as u64 * 96);
        if waiting > most { Err(StoreError::Backlog { waiting }) } else { Ok(()) }
    }

    fn take(&self, resolved: Resolved, now: TimestampMs) -> Result<Stored, StoreError> {
        let _turn = self.turn.lock();
        self.check_removals(&resolved)?;
        let appended = self.journal.append(&resolved.encoded, |from| {
            let index = self.series.read();
            let next = index.next_id().0.max(from);
            Ok((if next > from { series_log::encode_runs(&index.since(SeriesId(from)))? } else { Vec::new() }, next))
        });
        appended.map_err(|error| StoreError::io(&self.dir.join("journal"), error))?;
        let number = self.counters.batches.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(self.apply(resolved, number, now))
    }

    /// Writes new series to the log of series, before any chunk names them: the journal that defines them goes after a seal.
    pub(super) fn keep_new_series(&self) -> Result<(), StoreError> {
        let kept = SeriesId(self.catalog.next_series());
        let (new, next) = {
            let index = self.series.read();
            if index.next_id() <= kept {
                return Ok(());
            }
            (index.since(kept), index.next_id())
        };
        self.work.run(Task::Catalog, || self.catalog.add_series(&new, next.0))?;
        self.journal.series_kept(next.0);
        Ok(())
    }

    /// Refuses rows of series that were removed since the rows were taken in: their ids mean nothing any more.
    fn check_removals(&self, resolved: &Resolved) -> Result<(), StoreError> {
        let index = self.series.read();
        if index.removals() == resolved.removals || resolved.rows.ids.iter().all(|id| index.contains(*id)) {
            return Ok(());
        }
        Err(StoreError::Removed)
    }

    fn apply(&self, resolved: Resolved, number: u64, now: TimestampMs) -> Stored {
        let Resolved { mut rows, rejected, .. } = resolved;
        let accepted = rows.len();
        let (mut new, mut late) = (0, 0);
        let (mut closed, mut duplicates) = (Vec::new(), Vec::new());
        let lateness = self.options.allowed_lateness_ms;
        let clock_ahead = now.saturating_add(self.options.max_ahead_ms.min(60_000));
        {
            let mut head = self.head.write();
            for (at, (id, t, v)) in rows.iter().enumerate() {
                let entry = head.entry(id);
                entry.touched = now;
                if t < entry.closed_to {
                    if entry.closed_to > clock_ahead {
                        // The clock was ahead and went back: the windows of the time between are open again.
                        entry.closed_to = Level::M1.floor(t);
                    } else {
                        late += 1;
                    }
                }
                closed.extend(entry.close_behind(t, lateness).map(|(from, to)| (id, from, to)));
                match entry.put(t, v) {
                    Put::Duplicate => duplicates.push(at),
                    Put::New => new += 1,
                    Put::Replaced => {}
                }
            }
        }
        rows.remove(&duplicates);
        self.head_samples.fetch_add(new, Ordering::Relaxed);
        self.counters.appended.fetch_add(rows.len() as u64, Ordering::Relaxed);
        self.counters.duplicates.fetch_add(duplicates.len() as u64, Ordering::Relaxed);
        self.counters.late.fetch_add(late, Ordering::Relaxed);
        let Rows { ids, times, values } = rows;
        Stored { number, ids, times, values, closed, accepted, rejected }
    }

    fn note_failure(&self, error: &StoreError) {
        // That the directory is gone is known apart from this, and ends apart from this.
        if !matches!(error, StoreError::Missing { .. }) {
            *self.failing.lock() = Some(error.to_string());
        }
    }

    /// Makes everything appended before this call durable.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses; nothing may be acknowledged then.
    pub fn commit(&self) -> Result<(), StoreError> {
        let flushed = self.work.run(Task::Commit, || {
            fail::fail_point!("store::commit");
            self.journal.sync().map_err(|error| StoreError::io(&self.dir.join("journal"), error))?;
            // A file that was removed meanwhile is durable nowhere.
            self.is_in_place()
        });
        match &flushed {
            Ok(()) => *self.failing.lock() = None,
            Err(error) => self.note_failure(error),
        }
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        flushed
    }
}
