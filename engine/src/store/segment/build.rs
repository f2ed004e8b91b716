//! Packs label sets into a segment.

use std::hash::Hasher;
use std::ops::Range;

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};

use super::{Name, ROWS, Segment, VALUES, take_text};
use crate::codec::push_varint;
use crate::model::SeriesId;

/// A builder with this many series, or bytes of labels, is full.
pub(super) const FULL_SERIES: usize = 1 << 16;
pub(super) const FULL_BYTES: usize = 32 << 20;

/// Label sets for the next segment.
#[derive(Default)]
pub(in crate::store) struct SegmentBuilder {
    ids: Vec<u32>,
    ends: Vec<usize>,
    packed: Vec<u8>,
}

impl SegmentBuilder {
    /// Whether it holds as much as one segment should.
    pub(in crate::store) fn is_full(&self) -> bool {
        self.ids.len() >= FULL_SERIES || self.packed.len() >= FULL_BYTES
    }

    /// Adds a series with its encoded labels.
    pub(in crate::store) fn add(&mut self, id: SeriesId, labels: &[u8]) {
        self.ids.push(id.0);
        self.packed.extend_from_slice(labels);
        self.ends.push(self.packed.len());
    }

    pub(in crate::store) fn build(self) -> Segment {
        let mut pairs = Pairs::default();
        let (mut symbols, ends) = pairs.collect(&self);
        let sorted = pairs.sort();
        symbols.iter_mut().for_each(|symbol| *symbol = sorted.final_symbols[*symbol as usize]);
        let of = |row: u32| {
            let from = if row == 0 { 0 } else { ends[row as usize - 1] };
            &symbols[from..ends[row as usize]]
        };
        let mut order: Vec<u32> = (0..self.ids.len() as u32).collect();
        order.sort_by(|&a, &b| of(a).cmp(of(b)));
        let (mut rows, mut row_blocks) = (Vec::new(), Vec::with_capacity(order.len() / ROWS + 1));
        for (at, &row) in order.iter().enumerate() {
            if at % ROWS == 0 {
                row_blocks.push(rows.len() as u32);
            }
            let row = of(row);
            push_varint(&mut rows, row.len() as u64);
            let mut before = 0;
            for &symbol in row {
                push_varint(&mut rows, u64::from(symbol - before));
                before = symbol;
            }
        }
        let ids: Box<[u32]> = order.iter().map(|&row| self.ids[row as usize]).collect();
        let mut by_id: Box<[u32]> = (0..ids.len() as u32).collect();
        by_id.sort_unstable_by_key(|&row| ids[row as usize]);
        Segment {
            names: sorted.names,
            values: sorted.values.into(),
            value_blocks: sorted.value_blocks.into(),
            rows: rows.into(),
            row_blocks: row_blocks.into(),
            ids,
            by_id,
        }
    }
}

/// The distinct label pairs of a builder, in the order in which they appear.
#[derive(Default)]
struct Pairs<'a> {
    names: Vec<&'a [u8]>,
    /// The position of the name in `names`, and the value.
    pairs: Vec<(u32, &'a [u8])>,
}

/// The pairs of a segment in their final order.
struct SortedPairs {
    names: Vec<Name>,
    values: Vec<u8>,
    value_blocks: Vec<u32>,
    /// The symbol of each pair, by its position in [`Pairs`].
    final_symbols: Vec<u32>,
}

impl<'a> Pairs<'a> {
    /// Collects the pairs of all rows. Returns the positions of the pairs row after row, and where each row ends.
    fn collect(&mut self, builder: &'a SegmentBuilder) -> (Vec<u32>, Vec<usize>) {
        let mut known_names: FxHashMap<&[u8], u32> = FxHashMap::default();
        let mut known: HashTable<u32> = HashTable::new();
        let (mut symbols, mut ends): (Vec<u32>, Vec<usize>) = (Vec::new(), Vec::with_capacity(builder.ids.len()));
        let mut from = 0;
        let mut before: Range<usize> = 0..0;
        for &end in &builder.ends {
            let mut rest = &builder.packed[from..end];
            from = end;
            let first = symbols.len();
            while let (Some(name), Some(value)) = (take_text(&mut rest), take_text(&mut rest)) {
                // Neighbours share most of their labels.
                let neighbour = before.start + symbols.len() - first;
                if neighbour < before.end {
                    let symbol = symbols[neighbour];
                    let (n, v) = self.pairs[symbol as usize];
                    if v == value && self.names[n as usize] == name {
                        symbols.push(symbol);
                        continue;
                    }
                }
                let name = *known_names.entry(name).or_insert_with(|| {
                    self.names.push(name);
                    self.names.len() as u32 - 1
                });
                symbols.push(self.symbol(&mut known, name, value));
            }
            before = first..symbols.len();
            ends.push(symbols.len());
        }
        (symbols, ends)
    }

    /// The position of a pair, which is added if it is new.
    fn symbol(&mut self, known: &mut HashTable<u32>, name: u32, value: &'a [u8]) -> u32 {
        let hash = |name: u32, value: &[u8]| {
            let mut hasher = FxHasher::default();
            hasher.write_u32(name);
            hasher.write(value);
            hasher.finish()
        };
        let pairs = &mut self.pairs;
        let place = known.entry(
            hash(name, value),
            |&at| pairs[at as usize] == (name, value),
            |&at| hash(pairs[at as usize].0, pairs[at as usize].1),
        );
        match place {
            hashbrown::hash_table::Entry::Occupied(there) => *there.get(),
            hashbrown::hash_table::Entry::Vacant(free) => {
                let symbol = pairs.len() as u32;
                free.insert(symbol);
                pairs.push((name, value));
                symbol
            }
        }
    }

    /// Sorts the pairs by name and value, and packs the values.
    fn sort(&self) -> SortedPairs {
        let mut order: Vec<u32> = (0..self.names.len() as u32).collect();
        order.sort_unstable_by_key(|&at| self.names[at as usize]);
        let mut rank = vec![0u32; self.names.len()];
        order.iter().enumerate().for_each(|(at, &name)| rank[name as usize] = at as u32);
        let pairs = &self.pairs;
        let mut sorted: Vec<(u32, u64, u32)> =
            pairs.iter().enumerate().map(|(at, (name, value))| (rank[*name as usize], leading(value), at as u32)).collect();
        sorted.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| pairs[a.2 as usize].1.cmp(pairs[b.2 as usize].1)));
        let mut out = SortedPairs {
            names: Vec::with_capacity(order.len()),
            values: Vec::new(),
            value_blocks: Vec::with_capacity(sorted.len() / VALUES + 1),
            final_symbols: vec![0u32; pairs.len()],
        };
        let mut last: &[u8] = &[];
        for (at, (name, _, pair)) in sorted.iter().enumerate() {
            let symbol = at as u32;
            out.final_symbols[*pair as usize] = symbol;
            let (_, value) = pairs[*pair as usize];
            if at % VALUES == 0 {
                out.value_blocks.push(out.values.len() as u32);
                last = &[];
            }
            let shared = last.iter().zip(value).take_while(|(a, b)| a == b).count();
            push_varint(&mut out.values, shared as u64);
            push_varint(&mut out.values, (value.len() - shared) as u64);
            out.values.extend_from_slice(&value[shared..]);
            last = value;
            match out.names.get_mut(*name as usize) {
                Some(run) => run.symbols.end = symbol + 1,
                None => {
                    let name = String::from_utf8_lossy(self.names[order[*name as usize] as usize]).into_owned().into_boxed_str();
                    out.names.push(Name { name, symbols: symbol..symbol + 1 });
                }
            }
        }
        out
    }
}

/// The first 8 bytes of a value as a number that sorts like the bytes.
fn leading(value: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = value.len().min(8);
    bytes[..len].copy_from_slice(&value[..len]);
    u64::from_be_bytes(bytes)
}
