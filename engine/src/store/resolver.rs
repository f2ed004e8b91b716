//! Finding the series of samples before they are appended, and rejecting those that cannot be kept.
//!
//! A request does this on its own thread while it decodes: the writer then appends ids, times and values.

use parking_lot::RwLockReadGuard;

use super::append::Rejection;
use super::exemplars::Named;
use super::head::NEVER;
use super::journal::{Encoded, Rows};
use super::retention::horizon;
use super::series::{Found, SeriesIndex};
use super::state::Store;
use crate::exemplar::{Exemplar, ExemplarBatch, Fault};
use crate::model::{LabelError, Labels, SeriesId, TimestampMs};

/// The id of rows whose series is not in the index yet.
const UNKNOWN: SeriesId = SeriesId(u32::MAX);

/// Samples with their series, ready for [`super::StoreWriter::append_resolved`].
#[derive(Debug)]
pub struct ResolvedBatch {
    pub(super) rows: Rows,
    pub(super) encoded: Encoded,
    pub(super) rejected: [u64; 4],
    refused: Vec<usize>,
    /// Removals of the index when the series were found.
    pub(super) removals: u64,
    pub(super) exemplars: ExemplarBatch<Named>,
}

impl ResolvedBatch {
    /// How many samples there are to keep.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is nothing to keep or to count: neither a sample nor an exemplar.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 0 && self.exemplars.is_empty()
    }

    /// How many samples were rejected, by [`Rejection::ALL`].
    #[must_use]
    pub fn rejected(&self) -> [u64; 4] {
        self.rejected
    }

    /// The samples that [`SeriesResolver::push`] took and [`SeriesResolver::finish`] rejected, by the order in which they came.
    #[must_use]
    pub fn refused(&self) -> &[usize] {
        &self.refused
    }
}

/// The series of an exemplar: one that was found, or one to be looked for once new series are created.
enum Owner {
    Found(SeriesId),
    Wanted(Labels),
}

/// Finds the series of samples: say which series comes, then push its samples.
///
/// Holds the index for reading. New series wait for [`SeriesResolver::finish`], because others may use the index meanwhile.
pub struct SeriesResolver<'a> {
    store: &'a Store,
    index: RwLockReadGuard<'a, SeriesIndex>,
    /// Samples before the first are rejected, whatever their series; those before the second by the retention of their series.
    horizon: TimestampMs,
    near_horizon: TimestampMs,
    /// Samples after this are rejected.
    ahead: TimestampMs,
    /// The time that retention goes by.
    trusted: TimestampMs,
    rows: Rows,
    /// Labels of new series, each with its first row; these rows are marked [`UNKNOWN`].
    new: Vec<(usize, Labels)>,
    current: SeriesId,
    before: Option<Found>,
    rejected: [u64; 4],
    exemplars: ExemplarBatch<Owner>,
    any_order: bool,
}

impl<'a> SeriesResolver<'a> {
    pub(super) fn new(store: &'a Store, now: TimestampMs) -> Self {
        let trusted = store.clock.trusted(now);
        let [near_horizon, horizon] =
            [store.options.shortest_retention_ms(), store.options.longest_retention_ms()].map(|keep| horizon(trusted, keep));
        Self {
            store,
            index: store.series.read(),
            horizon,
            near_horizon,
            // A clock that went back must not reject samples with the right time.
            ahead: store.clock.latest(now).saturating_add(store.options.max_ahead_ms),
            trusted,
            rows: Rows::default(),
            new: Vec::new(),
            current: UNKNOWN,
            before: None,
            rejected: [0; 4],
            exemplars: ExemplarBatch::default(),
            any_order: false,
        }
    }

    /// Accepts history that is brought in: it may be as far behind the newest sample as the retention.
    pub fn accept_any_order(&mut self) {
        self.any_order = true;
    }

    /// The samples that follow are of this series. It is created where it is new.
    #[inline]
    pub fn series(&mut self, labels: &Labels) {
        match self.index.find(self.before, labels) {
            Some(found) => self.found(found),
            None => self.begin_new(labels.clone()),
        }
    }

    /// As [`SeriesResolver::series`], for labels as they stand in a request. They are compared where they are: only a new series, or
    /// labels in another order than by name, take memory.
    ///
    /// # Errors
    /// [`LabelError`] for labels that no series can have; samples must not follow then.
    #[inline]
    pub fn series_from_pairs(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<(), LabelError> {
        match self.index.find_pairs(self.before, pairs) {
            Some(found) => self.found(found),
            None => {
                let labels = Labels::from_pairs(pairs)?;
                match self.index.live_id(&labels) {
                    Some(id) => self.current = id,
                    None => self.begin_new(labels),
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn found(&mut self, found: Found) {
        self.current = found.id;
        self.before = Some(found);
    }

    /// For a series that is new or dormant: to wake one changes the index, which waits for [`SeriesResolver::finish`].
    fn begin_new(&mut self, labels: Labels) {
        self.new.push((self.rows.len(), labels));
        self.current = UNKNOWN;
    }

    /// Adds a sample of the current series; false where its time alone makes it rejected.
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

    /// Adds an exemplar of the current series, or counts why there is none. It has no part in whether samples are kept.
    #[cold]
    pub fn exemplar(&mut self, exemplar: Result<Exemplar, Fault>) {
        let owner = match self.new.last() {
            Some((_, labels)) if self.current == UNKNOWN => Owner::Wanted(labels.clone()),
            _ => Owner::Found(self.current),
        };
        self.exemplars.push(owner, exemplar);
    }

    /// Adds an exemplar of a series whose samples came with another request, or counts why there is none.
    #[cold]
    pub fn exemplar_of(&mut self, pairs: &[(&[u8], &[u8])], exemplar: Result<Exemplar, Fault>) {
        match self.index.find_pairs(None, pairs) {
            Some(found) => self.exemplars.push(Owner::Found(found.id), exemplar),
            None => match Labels::from_pairs(pairs) {
                Ok(labels) => self.exemplars.push(Owner::Wanted(labels), exemplar),
                Err(_) => self.exemplars.drop_one(Fault::NoSeries),
            },
        }
    }

    /// Adds exemplars with the labels of their series.
    pub fn add_exemplars(&mut self, batch: ExemplarBatch<Labels>) {
        if !batch.is_empty() {
            let ExemplarBatch { list, dropped } = batch;
            self.exemplars.dropped.iter_mut().zip(dropped).for_each(|(count, more)| *count += more);
            list.into_iter().for_each(|(labels, exemplar)| self.exemplars.push(Owner::Wanted(labels), Ok(exemplar)));
        }
    }

    /// Creates the new series and rejects what cannot be kept.
    #[must_use]
    pub fn finish(self) -> ResolvedBatch {
        let Self { store, index, near_horizon, trusted, ahead, mut rows, new, mut rejected, exemplars, any_order, .. } = self;
        // Before the series are found: one that is removed afterwards is noticed when the rows are appended.
        let removals = index.removals();
        drop(index);
        if !new.is_empty() {
            create_series(store, &mut rows, &new);
        }
        let out_of_order_ms = store.options.out_of_order_ms;
        let mut refused = Vec::new();
        let too_old = past_their_retention(store, &rows, near_horizon, trusted);
        {
            let head = store.head.read();
            for (at, (id, t, _)) in rows.iter().enumerate() {
                // A clock that was ahead once must not close a series: no sample is behind a time that is still to come.
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
        let exemplars = find_owners(store, exemplars, ahead, trusted);
        ResolvedBatch { encoded: rows.encode(), rows, rejected, refused, removals, exemplars }
    }
}

/// The rows that are past the retention of their own series, by their place; only those before `near_horizon` can be.
fn past_their_retention(store: &Store, rows: &Rows, near_horizon: TimestampMs, trusted: TimestampMs) -> Vec<usize> {
    let mut kept_from: Option<(SeriesId, TimestampMs)> = None;
    let mut past = Vec::new();
    for (at, (id, t, _)) in rows.iter().enumerate().filter(|(_, (id, t, _))| *t < near_horizon && *id != UNKNOWN) {
        let from = match kept_from {
            Some((known, from)) if known == id => from,
            _ => horizon(trusted, store.options.retention_of(store, id)),
        };
        kept_from = Some((id, from));
        if t < from {
            past.push(at);
        }
    }
    past
}

/// Finds the series of exemplars; those that cannot be kept are counted.
fn find_owners(store: &Store, batch: ExemplarBatch<Owner>, ahead: TimestampMs, trusted: TimestampMs) -> ExemplarBatch<Named> {
    let mut found = ExemplarBatch { list: Vec::with_capacity(batch.list.len()), dropped: batch.dropped };
    for (owner, exemplar) in batch.list {
        let named = {
            let index = store.series.read();
            let id = match &owner {
                Owner::Found(id) => Some(*id),
                Owner::Wanted(labels) => index.id(labels),
            };
            id.and_then(|id| Some(Named::new(id, &index.labels(id)?)))
        };
        let fitting = named.ok_or(Fault::NoSeries).and_then(|named| match exemplar.t {
            t if t > ahead => Err(Fault::TooFarAhead),
            t if t < horizon(trusted, store.options.retention_of(store, named.id)) => Err(Fault::TooOld),
            _ => Ok(named),
        });
        match fitting {
            Ok(named) => found.push(named, Ok(exemplar)),
            Err(fault) => found.drop_one(fault),
        }
    }
    found
}

/// Gives rows of new and of dormant series their ids; those beyond the limit stay unknown.
fn create_series(store: &Store, rows: &mut Rows, new: &[(usize, Labels)]) {
    let mut index = store.series.write();
    for (at, (from, labels)) in new.iter().enumerate() {
        let to = new.get(at + 1).map_or(rows.len(), |next| next.0);
        if rows.ids.get(*from..to).and_then(<[SeriesId]>::first) != Some(&UNKNOWN) {
            // None of its samples is kept: a series without samples is none.
            continue;
        }
        let id = match index.wake(labels) {
            Some(id) => id,
            None if index.len() >= store.options.max_series => continue,
            None => index.add(labels.clone()),
        };
        // Up to the next series that was known, or the next that was not.
        rows.ids[*from..to].iter_mut().take_while(|row| **row == UNKNOWN).for_each(|row| *row = id);
    }
}
