//! The live series with one label value.

use roaring::RoaringBitmap;

/// Ids of live series; most values of a label with many belong to one series.
pub(super) enum Posting {
    One(u32),
    Many(Box<RoaringBitmap>),
}

impl Posting {
    pub(super) fn insert(&mut self, id: u32) {
        match self {
            Self::One(only) if *only == id => {}
            Self::One(only) => *self = Self::Many(Box::new(RoaringBitmap::from_iter([*only, id]))),
            Self::Many(ids) => _ = ids.insert(id),
        }
    }

    /// False where nothing is left.
    pub(super) fn remove(&mut self, id: u32) -> bool {
        match self {
            Self::One(only) => *only != id,
            Self::Many(ids) => {
                ids.remove(id);
                !ids.is_empty()
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Many(ids) => ids.len(),
        }
    }

    pub(super) fn meets(&self, within: &RoaringBitmap) -> bool {
        match self {
            Self::One(only) => within.contains(*only),
            Self::Many(ids) => !ids.is_disjoint(within),
        }
    }

    pub(super) fn add_to(&self, out: &mut RoaringBitmap) {
        match self {
            Self::One(only) => _ = out.insert(*only),
            Self::Many(ids) => *out |= ids.as_ref(),
        }
    }

    pub(super) fn take_from(&self, out: &mut RoaringBitmap) {
        match self {
            Self::One(only) => _ = out.remove(*only),
            Self::Many(ids) => *out -= ids.as_ref(),
        }
    }

    pub(super) fn to_bitmap(&self) -> RoaringBitmap {
        match self {
            Self::One(only) => RoaringBitmap::from_iter([*only]),
            Self::Many(ids) => ids.as_ref().clone(),
        }
    }
}
