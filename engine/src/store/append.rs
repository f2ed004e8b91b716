//! Appending samples: what is kept, what is rejected and why, and when it is durable.

use std::sync::atomic::Ordering;

use super::error::StoreError;
use super::head::Put;
use super::journal::Rows;
use super::resolver::ResolvedBatch;
use super::series_log;
use super::state::Store;
use super::work::Task;
use super::writer::StoreWriter;
use crate::model::{Batch, SeriesId, TimestampMs};
use crate::windows::Level;

/// Why a sample was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub closed: Vec<ClosedSpan>,
    /// How many samples were taken in, those that were there already included.
    pub accepted: usize,
    /// How many samples were refused, by [`Rejection::ALL`].
    pub rejected: [u64; 4],
}

/// A series and a span of its time, `[from, to)`, in which all windows are closed.
pub type ClosedSpan = (SeriesId, TimestampMs, TimestampMs);

impl Stored {
    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = (SeriesId, TimestampMs, f64)> + '_ {
        self.ids.iter().zip(self.times.iter().zip(&self.values)).map(|(&id, (&t, &v))| (id, t, v))
    }
}

impl StoreWriter {
    /// Appends samples to journal and head. Durable, and to be acknowledged, after the next [`StoreWriter::commit`].
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be written; nothing was kept then.
    pub fn append(&self, batch: &Batch, now: TimestampMs) -> Result<Stored, StoreError> {
        let mut resolver = self.resolver(now);
        for (labels, sample) in batch.rows() {
            resolver.series(labels);
            resolver.push(sample.t, sample.v);
        }
        resolver.add_exemplars(batch.exemplars.clone());
        self.append_resolved(resolver.finish(), now)
    }

    /// As [`StoreWriter::append`], for samples that a [`super::SeriesResolver`] resolved.
    ///
    /// # Errors
    /// As [`StoreWriter::append`].
    pub fn append_resolved(&self, resolved: ResolvedBatch, now: TimestampMs) -> Result<Stored, StoreError> {
        fail::fail_point!("store::append");
        let rejected = resolved.rejected();
        for (total, count) in self.counters.rejected.iter().zip(rejected) {
            total.fetch_add(count, Ordering::Relaxed);
        }
        if resolved.is_empty() {
            return Ok(Stored { rejected, ..Stored::default() });
        }
        let stored = here(self)
            .and_then(|()| self.disk_space.check(&self.dir))
            .and_then(|()| self.check_head())
            .and_then(|()| self.take(resolved, now));
        if let Err(error) = &stored {
            self.note_failure(error);
        }
        stored
    }

    /// Makes everything appended before this call durable.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses; nothing may be acknowledged then.
    pub fn commit(&self) -> Result<(), StoreError> {
        let flushed = self.work.run(Task::Commit, || {
            fail::fail_point!("store::commit");
            let exemplars = self.exemplars.begin_commit();
            self.journal.sync().map_err(|error| StoreError::io(&self.dir.join("journal"), error))?;
            // A file that was removed meanwhile is durable nowhere.
            self.is_in_place()?;
            self.exemplars.write(exemplars);
            Ok(())
        });
        match &flushed {
            Ok(()) => *self.failing.lock() = None,
            Err(error) => self.note_failure(error),
        }
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        flushed
    }
}

/// Whether all that is needed to keep something is in its place.
pub(super) fn here(store: &Store) -> Result<(), StoreError> {
    store.data_dir.missing().map_or(Ok(()), |missing| Err(missing.error()))
}

impl Store {
    /// Refuses samples while so many wait for a seal that memory would be next.
    fn check_head(&self) -> Result<(), StoreError> {
        let waiting = self.head_samples.load(Ordering::Relaxed);
        let most = self.options.max_waiting.max(self.series.read().live() as u64 * 96);
        if waiting > most { Err(StoreError::Backlog { waiting, what: "samples" }) } else { Ok(()) }
    }

    fn take(&self, mut resolved: ResolvedBatch, now: TimestampMs) -> Result<Stored, StoreError> {
        let exemplars = std::mem::take(&mut resolved.exemplars);
        if resolved.rows.len() == 0 {
            self.exemplars.take(exemplars);
            return Ok(Stored { rejected: resolved.rejected, ..Stored::default() });
        }
        let _turn = self.turn.lock();
        self.check_removals(&resolved)?;
        let appended = self.journal.append(&resolved.encoded, |from| {
            let index = self.series.read();
            let next = index.next_id().0.max(from);
            Ok((if next > from { series_log::encode_runs(&index.since(SeriesId(from)))? } else { Vec::new() }, next))
        });
        appended.map_err(|error| StoreError::io(&self.dir.join("journal"), error))?;
        self.exemplars.take(exemplars);
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
    fn check_removals(&self, resolved: &ResolvedBatch) -> Result<(), StoreError> {
        let index = self.series.read();
        if index.removals() == resolved.removals || resolved.rows.ids.iter().all(|id| index.contains(*id)) {
            return Ok(());
        }
        Err(StoreError::Removed)
    }

    fn apply(&self, resolved: ResolvedBatch, number: u64, now: TimestampMs) -> Stored {
        let ResolvedBatch { mut rows, rejected, .. } = resolved;
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

    pub(super) fn note_failure(&self, error: &StoreError) {
        // That the directory is gone is known apart from this, and ends apart from this.
        if !matches!(error, StoreError::Missing { .. }) {
            *self.failing.lock() = Some(error.to_string());
        }
    }
}
