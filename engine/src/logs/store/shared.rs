//! What rows have in common, kept once: the resource and the scope of spans.

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHasher};

/// A list of parts, and which one each row has. Takes no memory where no row has any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shared {
    /// The part of each row + 1; 0 and rows past the end have none.
    of_rows: Vec<u32>,
    ends: Vec<u32>,
    bytes: Vec<u8>,
    /// Parts by their hash.
    known: FxHashMap<u64, u32>,
}

impl Shared {
    /// Bytes of memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + 4 * self.of_rows.len()
    }

    pub(super) fn shrink(&mut self) {
        self.of_rows.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.bytes.shrink_to_fit();
        self.known.shrink_to_fit();
    }

    /// Notes the part of a row; rows come in their order.
    pub(super) fn push(&mut self, row: usize, part: &[u8]) {
        if part.is_empty() {
            return;
        }
        let last = self.of_rows.last().copied().unwrap_or(0);
        let found = if last > 0 && self.part(last as usize - 1) == part { last } else { self.find_or_add(part) };
        self.of_rows.resize(row, 0);
        self.of_rows.push(found);
    }

    fn find_or_add(&mut self, part: &[u8]) -> u32 {
        let mut hasher = FxHasher::default();
        hasher.write(part);
        let hash = hasher.finish();
        if let Some(found) = self.known.get(&hash).filter(|found| self.part(**found as usize) == part) {
            return found + 1;
        }
        let number = self.add(part);
        self.known.insert(hash, number);
        number + 1
    }

    fn add(&mut self, part: &[u8]) -> u32 {
        self.bytes.extend_from_slice(part);
        self.ends.push(self.bytes.len() as u32);
        self.ends.len() as u32 - 1
    }

    /// A part by its number.
    pub(crate) fn part(&self, number: usize) -> &[u8] {
        let end = self.ends.get(number).map_or(0, |end| *end as usize);
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |start| *start as usize);
        self.bytes.get(start..end).unwrap_or(&[])
    }

    /// How many parts there are.
    pub(crate) fn parts(&self) -> usize {
        self.ends.len()
    }

    /// The number of the part that a row has.
    pub(crate) fn number(&self, row: usize) -> Option<usize> {
        self.of_rows.get(row).and_then(|number| number.checked_sub(1)).map(|number| number as usize)
    }

    /// The part of a row; empty where it has none.
    pub(super) fn of(&self, row: usize) -> &[u8] {
        self.number(row).map_or(&[], |number| self.part(number))
    }

    /// From parts and the numbers of rows, as they were written.
    pub(crate) fn from_parts<'a>(parts: impl Iterator<Item = &'a [u8]>, of_rows: Vec<u32>) -> Self {
        let mut shared = Self { of_rows, ..Self::default() };
        parts.for_each(|part| _ = shared.add(part));
        shared
    }
}
