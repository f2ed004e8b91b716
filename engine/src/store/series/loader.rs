//! Filling the index at a start.

use roaring::RoaringBitmap;
use rustc_hash::FxHashSet;

use super::super::segment::SegmentBuilder;
use super::{SeriesIndex, hash};
use crate::model::{Labels, SeriesId};

/// Fills an index from the catalog; series at rest go straight to the dormant part.
#[derive(Default)]
pub(in crate::store) struct IndexLoader {
    index: SeriesIndex,
    resting: SegmentBuilder,
    ids: RoaringBitmap,
    /// Hashes of labels: only where one comes again can the labels be there.
    labels: FxHashSet<u64>,
}

impl IndexLoader {
    /// Adds a series; false where its id or its labels were there.
    pub(in crate::store) fn add(&mut self, id: SeriesId, labels: Labels, rests: bool) -> bool {
        if !self.ids.insert(id.0) {
            return false;
        }
        if !self.labels.insert(hash(labels.pairs())) {
            self.turn();
            if self.index.id(&labels).is_some() {
                return false;
            }
        }
        if !rests {
            self.index.insert(id, labels);
            return true;
        }
        self.resting.add(id, labels.as_bytes());
        self.index.reserve(SeriesId(id.0.saturating_add(1)));
        if self.resting.is_full() {
            self.turn();
        }
        true
    }

    fn turn(&mut self) {
        self.index.dormant.push(std::mem::take(&mut self.resting).build(), RoaringBitmap::new());
    }

    /// The index; new series get ids from `next` on, or later.
    pub(in crate::store) fn finish(mut self, next: SeriesId) -> SeriesIndex {
        self.turn();
        self.index.reserve(next);
        self.index
    }
}
