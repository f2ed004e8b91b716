//! Iterators over the values of one label of a segment, in order.

use std::ops::Range;

use super::{Segment, VALUES};
use crate::codec::take_varint;

/// Iterates over a range of values.
pub(in crate::store) struct ValueCursor<'a> {
    segment: &'a Segment,
    next: u32,
    end: u32,
    rest: &'a [u8],
    value: Vec<u8>,
}

impl<'a> ValueCursor<'a> {
    pub(super) fn new(segment: &'a Segment, run: Range<u32>) -> Self {
        let block = run.start as usize / VALUES;
        let rest = segment.value_blocks.get(block).and_then(|&at| segment.values.get(at as usize..)).unwrap_or_default();
        let mut cursor = Self { segment, next: (block * VALUES) as u32, end: run.end, rest, value: Vec::new() };
        cursor.decode();
        while cursor.next < run.start && cursor.next < run.end {
            cursor.advance();
        }
        cursor
    }

    fn decode(&mut self) {
        if self.next < self.end.min(self.segment.symbols()) {
            let (Ok(shared), Ok(len)) = (take_varint(&mut self.rest), take_varint(&mut self.rest)) else { return };
            let (suffix, rest) = self.rest.split_at_checked(len as usize).unwrap_or_default();
            self.rest = rest;
            self.value.truncate(shared as usize);
            self.value.extend_from_slice(suffix);
        }
    }

    pub(super) fn current(&self) -> Option<(u32, &[u8])> {
        (self.next < self.end).then_some((self.next, &self.value))
    }

    /// The current value; `None` at the end.
    pub(in crate::store) fn value(&self) -> Option<&[u8]> {
        self.current().map(|(_, value)| value)
    }

    pub(in crate::store) fn advance(&mut self) {
        self.next += 1;
        self.decode();
    }
}

/// The values of a label that any wanted series has, by rising value.
pub(in crate::store) struct UsedValues<'a> {
    cursor: ValueCursor<'a>,
    counts: &'a [u32],
}

impl<'a> UsedValues<'a> {
    pub(super) fn new(cursor: ValueCursor<'a>, counts: &'a [u32]) -> Self {
        let mut values = Self { cursor, counts };
        values.settle();
        values
    }

    fn settle(&mut self) {
        while let Some((symbol, _)) = self.cursor.current()
            && self.counts.get(symbol as usize).is_none_or(|count| *count == 0)
        {
            self.cursor.advance();
        }
    }

    pub(in crate::store) fn current(&self) -> Option<&[u8]> {
        self.cursor.value()
    }

    pub(in crate::store) fn advance(&mut self) {
        self.cursor.advance();
        self.settle();
    }
}
