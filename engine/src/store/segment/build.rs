//! Packs label sets into a segment.

use std::hash::Hasher;
use std::ops::Range;

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};

use super::{Name, ROWS, Segment, VALUES, take_text};
use crate::codec::push_varint;
use crate::model::SeriesId;

/// A builder with so many series, or so many bytes of labels, is full.
pub(super) const FULL_SERIES: usize = 1 << 16;
pub(super) const FULL_BYTES: usize = 32 << 20;

/// Label sets that are to become a segment.
#[derive(Default)]
pub(in crate::store) struct SegmentBuilder {
    ids: Vec<u32>,
    ends: Vec<usize>,
    packed: Vec<u8>,
}

impl SegmentBuilder {
    /// Whether it holds as much as one segment should get at once.
    pub(in crate::store) fn is_full(&self) -> bool {
        self.ids.len() >= FULL_SERIES || self.packed.len() >= FULL_BYTES
    }

    /// Adds a series by its labels in packed form.
    pub(in crate::store) fn add(&mut self, id: SeriesId, labels: &[u8]) {
        self.ids.push(id.0);
        self.packed.extend_from_slice(labels);
        self.ends.push(self.packed.len());
    }

    pub(in crate::store) fn build(self) -> Segment {
        // Distinct pairs in the order in which they come; `symbols` names them by that order, row after row.
        let mut names: FxHashMap<&[u8], u32> = FxHashMap::default();
        let mut by_name: Vec<&[u8]> = Vec::new();
        let mut pairs: Vec<(u32, &[u8])> = Vec::new();
        let mut known: HashTable<u32> = HashTable::new();
        let (mut symbols, mut ends): (Vec<u32>, Vec<usize>) = (Vec::new(), Vec::with_capacity(self.ids.len()));
        let mut from = 0;
        let mut before: Range<usize> = 0..0;
        for &end in &self.ends {
            let mut rest = &self.packed[from..end];
            from = end;
            let first = symbols.len();
            while let (Some(name), Some(value)) = (take_text(&mut rest), take_text(&mut rest)) {
                // Neighbours share most of their labels.
                let neighbour = before.start + symbols.len() - first;
                if neighbour < before.end {
                    let symbol = symbols[neighbour];
                    let (n, v) = pairs[symbol as usize];
                    if v == value && by_name[n as usize] == name {
                        symbols.push(symbol);
                        continue;
                    }
                }
                let name = *names.entry(name).or_insert_with(|| {
                    by_name.push(name);
                    by_name.len() as u32 - 1
                });
                let hash = |name: u32, value: &[u8]| {
                    let mut hasher = FxHasher::default();
                    hasher.write_u32(name);
                    hasher.write(value);
                    hasher.finish()
                };
                let place = known.entry(
                    hash(name, value),
                    |&at| pairs[at as usize] == (name, value),
                    |&at| hash(pairs[at as usize].0, pairs[at as usize].1),
                );
                let symbol = match place {
                    hashbrown::hash_table::Entry::Occupied(there) => *there.get(),
                    hashbrown::hash_table::Entry::Vacant(free) => {
                        let symbol = pairs.len() as u32;
                        free.insert(symbol);
                        pairs.push((name, value));
                        symbol
                    }
                };
                symbols.push(symbol);
            }
            before = first..symbols.len();
            ends.push(symbols.len());
        }
        drop(known);
        // Symbols by rising name and value.
        let mut order: Vec<u32> = (0..by_name.len() as u32).collect();
        order.sort_unstable_by_key(|&at| by_name[at as usize]);
        let mut rank = vec![0u32; by_name.len()];
        order.iter().enumerate().for_each(|(at, &name)| rank[name as usize] = at as u32);
        let mut sorted: Vec<(u32, u64, u32)> =
            pairs.iter().enumerate().map(|(at, (name, value))| (rank[*name as usize], leading(value), at as u32)).collect();
        sorted.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| pairs[a.2 as usize].1.cmp(pairs[b.2 as usize].1)));
        let mut final_symbol = vec![0u32; pairs.len()];
        let (mut values, mut value_blocks) = (Vec::new(), Vec::with_capacity(sorted.len() / VALUES + 1));
        let mut runs: Vec<Name> = Vec::with_capacity(order.len());
        let mut last: &[u8] = &[];
        for (at, (name, _, pair)) in sorted.iter().enumerate() {
            let symbol = at as u32;
            final_symbol[*pair as usize] = symbol;
            let (_, value) = pairs[*pair as usize];
            if at % VALUES == 0 {
                value_blocks.push(values.len() as u32);
                last = &[];
            }
            let shared = last.iter().zip(value).take_while(|(a, b)| a == b).count();
            push_varint(&mut values, shared as u64);
            push_varint(&mut values, (value.len() - shared) as u64);
            values.extend_from_slice(&value[shared..]);
            last = value;
            match runs.get_mut(*name as usize) {
                Some(run) => run.symbols.end = symbol + 1,
                None => {
                    let name = String::from_utf8_lossy(by_name[order[*name as usize] as usize]).into_owned().into_boxed_str();
                    runs.push(Name { name, symbols: symbol..symbol + 1 });
                }
            }
        }
        // Rows by rising symbols.
        symbols.iter_mut().for_each(|symbol| *symbol = final_symbol[*symbol as usize]);
        let of = |row: u32| {
            let from = if row == 0 { 0 } else { ends[row as usize - 1] };
            &symbols[from..ends[row as usize]]
        };
        let mut rows: Vec<u32> = (0..self.ids.len() as u32).collect();
        rows.sort_by(|&a, &b| of(a).cmp(of(b)));
        let (mut packed, mut row_blocks) = (Vec::new(), Vec::with_capacity(rows.len() / ROWS + 1));
        for (at, &row) in rows.iter().enumerate() {
            if at % ROWS == 0 {
                row_blocks.push(packed.len() as u32);
            }
            let row = of(row);
            push_varint(&mut packed, row.len() as u64);
            let mut before = 0;
            for &symbol in row {
                push_varint(&mut packed, u64::from(symbol - before));
                before = symbol;
            }
        }
        let ids: Box<[u32]> = rows.iter().map(|&row| self.ids[row as usize]).collect();
        let mut by_id: Box<[u32]> = (0..ids.len() as u32).collect();
        by_id.sort_unstable_by_key(|&row| ids[row as usize]);
        Segment {
            names: runs,
            values: values.into(),
            value_blocks: value_blocks.into(),
            rows: packed.into(),
            row_blocks: row_blocks.into(),
            ids,
            by_id,
        }
    }
}

/// The first bytes of a value as a number, in the order of the bytes.
pub(super) fn leading(value: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = value.len().min(8);
    bytes[..len].copy_from_slice(&value[..len]);
    u64::from_be_bytes(bytes)
}
