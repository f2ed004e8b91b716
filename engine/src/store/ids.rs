//! Tables by series id.
//!
//! Ids only rise and are never reused, so after months most of them belong to removed series. The memory of these tables follows
//! the entries that exist, not the highest id: a page of ids without an entry costs one pointer.

use std::num::NonZeroU32;

use crate::model::SeriesId;

struct Page<T, const N: usize> {
    used: usize,
    entries: [Option<T>; N],
}

/// Small values by id, in pages of `N`.
pub(super) struct SparseTable<T, const N: usize> {
    pages: Vec<Option<Box<Page<T, N>>>>,
}

impl<T, const N: usize> Default for SparseTable<T, N> {
    fn default() -> Self {
        Self { pages: Vec::new() }
    }
}

impl<T: Copy, const N: usize> SparseTable<T, N> {
    #[inline]
    pub(super) fn get(&self, id: SeriesId) -> Option<T> {
        self.pages.get(id.index() / N)?.as_ref()?.entries[id.index() % N]
    }

    pub(super) fn get_mut(&mut self, id: SeriesId) -> Option<&mut T> {
        self.pages.get_mut(id.index() / N)?.as_mut()?.entries[id.index() % N].as_mut()
    }

    pub(super) fn insert(&mut self, id: SeriesId, value: T) -> Option<T> {
        let at = id.index() / N;
        if self.pages.len() <= at {
            self.pages.resize_with(at + 1, || None);
        }
        let page = self.pages[at].get_or_insert_with(|| Box::new(Page { used: 0, entries: [None; N] }));
        let before = page.entries[id.index() % N].replace(value);
        page.used += usize::from(before.is_none());
        before
    }

    pub(super) fn remove(&mut self, id: SeriesId) -> Option<T> {
        let slot = self.pages.get_mut(id.index() / N)?;
        let page = slot.as_mut()?;
        let before = page.entries[id.index() % N].take()?;
        page.used -= 1;
        if page.used == 0 {
            *slot = None;
        }
        Some(before)
    }

    /// All entries by rising id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SeriesId, T)> + '_ {
        self.pages.iter().enumerate().filter_map(|(at, page)| Some((at, page.as_ref()?))).flat_map(|(at, page)| {
            page.entries.iter().enumerate().filter_map(move |(i, entry)| Some((SeriesId((at * N + i) as u32), (*entry)?)))
        })
    }
}

/// Larger values by id, stored densely in no order; a sparse table has their positions.
pub(super) struct IdTable<T> {
    /// Position in `rows`, plus one.
    places: SparseTable<NonZeroU32, 256>,
    rows: Vec<(SeriesId, T)>,
}

impl<T> Default for IdTable<T> {
    fn default() -> Self {
        Self { places: SparseTable::default(), rows: Vec::new() }
    }
}

fn place(of: usize) -> Option<NonZeroU32> {
    NonZeroU32::new(of as u32 + 1)
}

impl<T> IdTable<T> {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Position of the value of an id, valid until the next removal.
    #[inline]
    pub(super) fn place(&self, id: SeriesId) -> Option<usize> {
        self.places.get(id).map(|place| place.get() as usize - 1)
    }

    /// The entry at a position.
    #[inline]
    pub(super) fn at(&self, place: usize) -> Option<&(SeriesId, T)> {
        self.rows.get(place)
    }

    #[inline]
    pub(super) fn get(&self, id: SeriesId) -> Option<&T> {
        self.rows.get(self.place(id)?).map(|row| &row.1)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: SeriesId) -> Option<&mut T> {
        let place = self.place(id)?;
        self.rows.get_mut(place).map(|row| &mut row.1)
    }

    /// The value of an id; created if missing.
    #[inline]
    pub(super) fn entry(&mut self, id: SeriesId, make: impl FnOnce() -> T) -> &mut T {
        let at = match self.place(id) {
            Some(at) => at,
            None => {
                let at = self.rows.len();
                if let Some(place) = place(at) {
                    self.places.insert(id, place);
                }
                self.rows.push((id, make()));
                at
            }
        };
        &mut self.rows[at].1
    }

    /// Removes a value; the last one moves to its position.
    pub(super) fn remove(&mut self, id: SeriesId) -> Option<T> {
        let at = self.places.remove(id)?.get() as usize - 1;
        let (_, value) = self.rows.swap_remove(at);
        if let (Some((moved, _)), Some(place)) = (self.rows.get(at), place(at)) {
            self.places.insert(*moved, place);
        }
        Some(value)
    }

    /// All values, in no order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SeriesId, &mut T)> {
        self.rows.iter_mut().map(|(id, value)| (*id, value))
    }

    /// All values, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SeriesId, &T)> {
        self.rows.iter().map(|(id, value)| (*id, value))
    }

    /// All ids, rising.
    pub(super) fn ids(&self) -> impl Iterator<Item = SeriesId> + '_ {
        self.places.iter().map(|(id, _)| id)
    }

    /// Releases memory after many removals.
    pub(super) fn shrink(&mut self) {
        if self.rows.capacity() > 1_024 && self.rows.capacity() / 2 > self.rows.len() {
            self.rows.shrink_to(self.rows.len() + self.rows.len() / 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_tables_hold_what_a_map_would(steps in prop::collection::vec((0u32..2_000, any::<bool>(), any::<u32>()), 0..400)) {
            let (mut sparse, mut table, mut map) = (SparseTable::<u32, 32>::default(), IdTable::default(), BTreeMap::new());
            for (id, keep, value) in steps {
                let key = SeriesId(id);
                if keep {
                    prop_assert_eq!(sparse.insert(key, value), map.insert(id, value));
                    *table.entry(key, || 0) = value;
                } else {
                    let before = map.remove(&id);
                    prop_assert_eq!(sparse.remove(key), before);
                    prop_assert_eq!(table.remove(key), before);
                }
                prop_assert_eq!((sparse.get(key), table.get(key).copied()), (map.get(&id).copied(), map.get(&id).copied()));
                prop_assert_eq!(table.len(), map.len());
            }
            let expected: Vec<(SeriesId, u32)> = map.into_iter().map(|(id, value)| (SeriesId(id), value)).collect();
            prop_assert_eq!(&sparse.iter().collect::<Vec<_>>(), &expected);
            prop_assert_eq!(table.ids().filter_map(|id| Some((id, *table.get(id)?))).collect::<Vec<_>>(), expected);
        }
    }
}
