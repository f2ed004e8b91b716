//! Taking samples in: what is kept, what is refused and why, and when it is durable.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::error::StoreError;
use super::head::{NEVER, Put};
use super::{Store, journal};
use crate::model::{Batch, Labels, SeriesId, TimestampMs};
use crate::windows::{self, LEVELS, Level};

/// Rows of one journal record: larger values go to files of their own in the database, which costs far more.
const RECORD_ROWS: usize = 1_500;

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
            Self::TooOld => "older than what is kept (store.retention)",
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
    /// How many samples were taken in, those that were there already included.
    pub accepted: usize,
    /// How many samples were refused, by [`Rejection::ALL`].
    pub rejected: [u64; 4],
}

impl Stored {
    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = (SeriesId, TimestampMs, f64)> + '_ {
        self.ids.iter().zip(self.times.iter().zip(&self.values)).map(|(&id, (&t, &v))| (id, t, v))
    }
}

impl Store {
    /// Where windows of a series begin: with its first sample, less the lateness that others may have.
    pub(super) fn first_marks(&self, closed: &mut [TimestampMs; LEVELS], first: TimestampMs) {
        if closed[0] == NEVER {
            *closed = Level::ALL.map(|level| windows::close_through(level, first, self.options.allowed_lateness_ms));
        }
    }

    /// Takes samples into journal and head. Durable, and to be acknowledged, after the next [`Store::commit`].
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be written; nothing was kept then.
    pub fn append(&self, batch: &Batch, now: TimestampMs) -> Result<Stored, StoreError> {
        fail::fail_point!("store::append");
        let stored = self.take(batch, now);
        if let Err(error) = &stored {
            *self.failing.lock() = Some(error.to_string());
        }
        stored
    }

    fn take(&self, batch: &Batch, now: TimestampMs) -> Result<Stored, StoreError> {
        let mut turn = self.turn.lock();
        let mut stored = Stored::default();
        let mut rows = Vec::with_capacity(batch.len());
        self.resolve(batch, now, &mut rows, &mut stored.rejected)?;
        stored.accepted = rows.len();
        if !rows.is_empty() {
            let mut records = sled::Batch::default();
            let mut count = 0;
            for part in rows.chunks(RECORD_ROWS) {
                records.insert(&(*turn + count).to_be_bytes()[..], journal::encode_samples(part));
                count += 1;
            }
            self.journal.apply_batch(records).map_err(self.journal_error())?;
            *turn += count;
            self.journal_records.fetch_add(count, Ordering::Relaxed);
            stored.number = self.counters.batches.fetch_add(1, Ordering::Relaxed) + 1;
            self.apply(&rows, now, &mut stored);
        }
        for (total, count) in self.counters.rejected.iter().zip(stored.rejected) {
            total.fetch_add(count, Ordering::Relaxed);
        }
        Ok(stored)
    }

    /// Finds or makes the series of each row and sorts out what cannot be kept.
    fn resolve(
        &self,
        batch: &Batch,
        now: TimestampMs,
        rows: &mut Vec<(SeriesId, TimestampMs, f64)>,
        rejected: &mut [u64; 4],
    ) -> Result<(), StoreError> {
        let mut reject = |why: Rejection| rejected[why as usize] += 1;
        let mut new: Vec<(SeriesId, Labels)> = Vec::new();
        let mut index = self.series.upgradable_read();
        let head = self.head.read();
        for (labels, sample) in batch.rows() {
            if sample.t < now - self.options.retention_ms {
                reject(Rejection::TooOld);
                continue;
            }
            if sample.t > now.saturating_add(self.options.max_ahead_ms) {
                reject(Rejection::TooFarAhead);
                continue;
            }
            let id = match index.id(labels) {
                Some(id) => {
                    // A clock that was ahead once does not shut a series out: nothing is behind what has not come yet.
                    let newest = head.get(id).map_or(NEVER, |h| h.newest).min(now);
                    if newest != NEVER && sample.t < newest - self.options.out_of_order_ms {
                        reject(Rejection::OutOfOrder);
                        continue;
                    }
                    id
                }
                None if index.len() >= self.options.max_series => {
                    reject(Rejection::SeriesLimit);
                    continue;
                }
                None => {
                    let id = index.with_upgraded(|index| index.add(labels.clone()));
                    new.push((id, labels.clone()));
                    id
                }
            };
            rows.push((id, sample.t, sample.v));
        }
        drop(head);
        drop(index);
        if new.is_empty() {
            return Ok(());
        }
        // Durable before any journal record names them, so that an id never comes to mean another series.
        self.catalog.add_series(&new)
    }

    fn apply(&self, rows: &[(SeriesId, TimestampMs, f64)], now: TimestampMs, stored: &mut Stored) {
        let (mut new, mut duplicates, mut late) = (0, 0, 0);
        let mut head = self.head.write();
        for &(id, t, v) in rows {
            let entry = head.entry(id);
            entry.touched = now;
            self.first_marks(&mut entry.closed, t);
            if entry.closed[0] > now.saturating_add(self.options.max_ahead_ms.min(60_000)) && t < entry.closed[0] {
                // The clock was ahead and went back: the windows of the time between are open again.
                entry.closed = Level::ALL.map(|level| level.floor(t).min(entry.closed[level.index()]));
            }
            match entry.put(t, v) {
                Put::Duplicate => {
                    duplicates += 1;
                    continue;
                }
                Put::New => new += 1,
                Put::Replaced => {}
            }
            if t < entry.closed[0] {
                late += 1;
            }
            stored.ids.push(id);
            stored.times.push(t);
            stored.values.push(v);
        }
        drop(head);
        self.head_samples.fetch_add(new, Ordering::Relaxed);
        self.counters.appended.fetch_add(stored.ids.len() as u64, Ordering::Relaxed);
        self.counters.duplicates.fetch_add(duplicates, Ordering::Relaxed);
        self.counters.late.fetch_add(late, Ordering::Relaxed);
    }

    /// Makes everything appended before this call durable.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses; nothing may be acknowledged then.
    pub fn commit(&self) -> Result<(), StoreError> {
        fail::fail_point!("store::commit");
        let flushed = self.journal.flush().map(|_| ()).map_err(self.journal_error());
        *self.failing.lock() = flushed.as_ref().err().map(ToString::to_string);
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        flushed
    }
}
