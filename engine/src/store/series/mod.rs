//! Which series there are: labels to id, id to labels, and postings (label value to ids) for matchers.
//!
//! In memory; the catalog has what is needed to rebuild it. Live series have postings; series without samples for hours are in the
//! dormant index, which is many times smaller and a little slower. Every query covers both. Series that come in the same order as
//! the last time, as those of a scrape do, are found by one comparison, without a hash.

mod cardinality;
mod loader;
mod posting;
mod select;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashTable;
use roaring::RoaringBitmap;
use rustc_hash::FxHasher;

pub use self::cardinality::Share;
pub(super) use self::loader::IndexLoader;
use self::posting::Posting;
use super::dormant::{DormantIndex, Merge};
use super::ids::IdTable;
use super::segment::{Segment, SegmentBuilder};
use crate::model::{Labels, SeriesId};

struct Live {
    labels: Labels,
    /// The place of the series that came after this one when it was last looked up.
    after: AtomicU32,
}

/// The index of all series.
#[derive(Default)]
pub(super) struct SeriesIndex {
    /// The id that the next new series gets.
    next: u32,
    live: IdTable<Live>,
    /// The live series by the hash of their labels.
    ids: HashTable<u32>,
    /// Label, value, and where in `lists` the live series are that have it.
    postings: BTreeMap<Box<str>, BTreeMap<Box<str>, u32>>,
    lists: Vec<Posting>,
    /// Places in `lists` that are free.
    free: Vec<u32>,
    /// The series added last and where its lists are: its neighbour shares most of them.
    recent: Option<(Labels, Vec<u32>)>,
    /// All live series.
    all: RoaringBitmap,
    dormant: DormantIndex,
    /// Rises when series are removed.
    removals: u64,
}

/// Label names and values as bytes, sorted by name, none empty.
pub(super) type Pairs<'a> = [(&'a [u8], &'a [u8])];

fn hash<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> u64 {
    let mut hasher = FxHasher::default();
    for (name, value) in pairs {
        hasher.write(name);
        hasher.write(value);
    }
    hasher.finish()
}

fn hash_of(live: &IdTable<Live>, id: u32) -> u64 {
    live.get(SeriesId(id)).map_or(0, |series| hash(series.labels.pairs()))
}

/// A live series and its place, a hint for the next look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) id: SeriesId,
    place: usize,
}

impl SeriesIndex {
    pub(super) fn len(&self) -> usize {
        self.live.len() + self.dormant.len()
    }

    /// How many of them live.
    pub(super) fn live(&self) -> usize {
        self.live.len()
    }

    /// The ids of those that live, rising.
    pub(super) fn live_ids(&self) -> impl Iterator<Item = SeriesId> + '_ {
        self.live.ids()
    }

    /// How many of them are dormant.
    pub(super) fn dormant(&self) -> usize {
        self.dormant.len()
    }

    /// The id that the next new series gets.
    pub(super) fn next_id(&self) -> SeriesId {
        SeriesId(self.next)
    }

    /// The ids below are not given to new series.
    pub(super) fn reserve(&mut self, next: SeriesId) {
        self.next = self.next.max(next.0);
    }

    /// Rises when series are removed.
    pub(super) fn removals(&self) -> u64 {
        self.removals
    }

    /// The series with these labels.
    pub(super) fn id(&self, labels: &Labels) -> Option<SeriesId> {
        self.live_id(labels).or_else(|| self.dormant.find(labels))
    }

    /// The series with these labels, if it lives.
    pub(super) fn live_id(&self, labels: &Labels) -> Option<SeriesId> {
        let same = |&id: &u32| self.live.get(SeriesId(id)).is_some_and(|series| series.labels == *labels);
        self.ids.find(hash(labels.pairs()), same).map(|id| SeriesId(*id))
    }

    /// The live series with these labels. Tries the series that followed `before` the last time first.
    #[inline]
    pub(super) fn find(&self, before: Option<Found>, labels: &Labels) -> Option<Found> {
        self.find_where(before, || hash(labels.pairs()), |there| there == labels)
    }

    /// As [`SeriesIndex::find`], for labels that are not packed.
    #[inline]
    pub(super) fn find_pairs(&self, before: Option<Found>, pairs: &Pairs<'_>) -> Option<Found> {
        self.find_where(before, || hash(pairs.iter().copied()), |there| there.are(pairs))
    }

    #[inline]
    fn find_where(&self, before: Option<Found>, hash: impl FnOnce() -> u64, same: impl Fn(&Labels) -> bool) -> Option<Found> {
        let hint = before.and_then(|before| self.live.at(before.place)).map(|(_, series)| &series.after);
        if let Some(place) = hint.map(|hint| hint.load(Ordering::Relaxed) as usize)
            && let Some((id, series)) = self.live.at(place)
            && same(&series.labels)
        {
            return Some(Found { id: *id, place });
        }
        let is_it = |&id: &u32| self.live.get(SeriesId(id)).is_some_and(|series| same(&series.labels));
        let id = SeriesId(*self.ids.find(hash(), is_it)?);
        let place = self.live.place(id)?;
        if let Some(hint) = hint {
            hint.store(place as u32, Ordering::Relaxed);
        }
        Some(Found { id, place })
    }

    pub(super) fn contains(&self, id: SeriesId) -> bool {
        self.live.get(id).is_some() || self.dormant.contains(id)
    }

    pub(super) fn labels(&self, id: SeriesId) -> Option<Labels> {
        match self.live.get(id) {
            Some(series) => Some(series.labels.clone()),
            None => self.dormant.labels(id),
        }
    }

    /// The labels of the series whose ids were given from `first` on.
    pub(super) fn since(&self, first: SeriesId) -> Vec<(SeriesId, Labels)> {
        (first.0..self.next).map(SeriesId).filter_map(|id| Some((id, self.labels(id)?))).collect()
    }

    /// Adds a series that is not there yet; ids are given in order.
    pub(super) fn add(&mut self, labels: Labels) -> SeriesId {
        let id = SeriesId(self.next);
        self.insert(id, labels);
        id
    }

    /// Adds a series that is not there yet under the id that it has.
    pub(super) fn insert(&mut self, id: SeriesId, labels: Labels) {
        self.next = self.next.max(id.0.saturating_add(1));
        let (before, known) = self.recent.take().unzip();
        let mut neighbour = before.iter().flat_map(Labels::iter).zip(known.into_iter().flatten());
        let mut places = Vec::new();
        for (name, value) in labels.iter() {
            let place = match neighbour.next() {
                Some((pair, place)) if pair == (name, value) => {
                    self.lists[place as usize].insert(id.0);
                    place
                }
                _ => self.insert_value(name, value, id.0),
            };
            places.push(place);
        }
        self.all.insert(id.0);
        let place = self.live.len() as u32;
        self.recent = Some((labels.clone(), places));
        // Most likely the next new one comes next.
        self.live.entry(id, || Live { labels: labels.clone(), after: AtomicU32::new(place.wrapping_add(1)) });
        let live = &self.live;
        self.ids.insert_unique(hash(labels.pairs()), id.0, |&id| hash_of(live, id));
    }

    /// Adds a series to the list of a label's value, made where needed; gives its place.
    fn insert_value(&mut self, name: &str, value: &str, id: u32) -> u32 {
        if !self.postings.contains_key(name) {
            self.postings.insert(name.into(), BTreeMap::new());
        }
        let next = self.free.last().copied().unwrap_or(self.lists.len() as u32);
        let Some(values) = self.postings.get_mut(name) else { return next };
        if let Some(&place) = values.get(value) {
            self.lists[place as usize].insert(id);
            return place;
        }
        values.insert(value.into(), next);
        match self.free.pop() {
            Some(free) => self.lists[free as usize] = Posting::One(id),
            None => self.lists.push(Posting::One(id)),
        }
        next
    }

    /// Takes a live series out; gives its labels.
    fn take_out(&mut self, id: SeriesId) -> Option<Labels> {
        let labels = self.live.get(id)?.labels.clone();
        let live = &self.live;
        if let Ok(entry) = self.ids.find_entry(hash_of(live, id.0), |&there| there == id.0) {
            entry.remove();
        }
        self.live.remove(id);
        self.all.remove(id.0);
        self.recent = None;
        for (name, value) in labels.iter() {
            let Some(values) = self.postings.get_mut(name) else { continue };
            let Some(&place) = values.get(value) else { continue };
            let list = &mut self.lists[place as usize];
            if !list.remove(id.0) {
                // Small until it is used again.
                *list = Posting::One(id.0);
                self.free.push(place);
                values.remove(value);
                if values.is_empty() {
                    self.postings.remove(name);
                }
            }
        }
        Some(labels)
    }

    /// The labels of live series, packed for [`SeriesIndex::rest`].
    pub(super) fn pack(&self, ids: &[SeriesId]) -> SegmentBuilder {
        let mut builder = SegmentBuilder::default();
        for id in ids {
            if builder.is_full() {
                break;
            }
            if let Some(series) = self.live.get(*id) {
                builder.add(*id, series.labels.as_bytes());
            }
        }
        builder
    }

    /// The live series of a segment become dormant.
    pub(super) fn rest(&mut self, segment: Segment) {
        let mut gone = RoaringBitmap::new();
        for &id in segment.ids() {
            if self.take_out(SeriesId(id)).is_none() {
                gone.insert(id);
            }
        }
        self.dormant.push(segment, gone);
        self.live.shrink();
        let live = &self.live;
        if self.ids.capacity() > 4_096 && self.ids.capacity() / 4 > self.ids.len() {
            self.ids.shrink_to(self.ids.len() * 2, |&id| hash_of(live, id));
        }
        if self.free.len() > 1_024 && self.free.len() > self.lists.len() / 2 {
            self.close_gaps();
        }
    }

    /// Moves the lists together, so that none is free.
    fn close_gaps(&mut self) {
        let mut lists = Vec::with_capacity(self.lists.len() - self.free.len());
        for place in self.postings.values_mut().flat_map(BTreeMap::values_mut) {
            let list = std::mem::replace(&mut self.lists[*place as usize], Posting::One(0));
            *place = lists.len() as u32;
            lists.push(list);
        }
        self.lists = lists;
        self.free = Vec::new();
        self.recent = None;
    }

    /// The id of a series that is live or that lives again by this.
    pub(super) fn wake(&mut self, labels: &Labels) -> Option<SeriesId> {
        if let Some(id) = self.live_id(labels) {
            return Some(id);
        }
        let id = self.dormant.find(labels)?;
        self.dormant.take_out(id);
        self.insert(id, labels.clone());
        Some(id)
    }

    #[cfg(test)]
    pub(super) fn is_dormant(&self, id: SeriesId) -> bool {
        self.dormant.contains(id)
    }

    /// Forgets series for good.
    pub(super) fn remove(&mut self, ids: &[SeriesId]) {
        ids.iter().for_each(|id| _ = self.dormant.take_out(*id) || self.take_out(*id).is_some());
        self.removals += u64::from(!ids.is_empty());
    }

    /// The dormant segments that are worth merging, if there are any.
    pub(super) fn plan_merge(&self) -> Option<Merge> {
        self.dormant.plan_merge()
    }

    pub(super) fn finish_merge(&mut self, merge: &Merge, merged: Segment) {
        self.dormant.finish_merge(merge, merged);
    }

    fn list(&self, place: u32) -> &Posting {
        &self.lists[place as usize]
    }
}
