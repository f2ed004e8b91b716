//! Segments: the labels of many series that nobody writes to, packed and never changed.
//!
//! A segment has a dictionary of its label pairs, sorted by name and value, so that a pair is a number (a symbol), the values
//! of one name are a run of symbols, and the order of symbols is the order of labels. A series is a row of symbols. Values
//! and rows lie in blocks that are decoded from their beginning; each value is stored without the prefix that it shares with
//! the one before. Such a series costs about 10 bytes more than what is unique in its labels.

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::Hasher;
use std::ops::Range;

use crate::codec::{push_varint, take_varint};
use crate::model::{Labels, MatchOp, Matcher, SeriesId};

/// Values of one block: so many are decoded at the most to find one.
const VALUES: usize = 32;
/// Rows of one block.
const ROWS: usize = 16;

/// A builder with so many series, or so many bytes of labels, is full.
const FULL_SERIES: usize = 1 << 16;
const FULL_BYTES: usize = 32 << 20;

/// So many words of a pattern are looked up rather than all values compared with them.
const FEW_WORDS: usize = 64;

/// Stands for a label that a series does not have.
const ABSENT: &str = "";

struct Name {
    name: Box<str>,
    symbols: Range<u32>,
}

/// See the module.
pub(super) struct Segment {
    /// By rising name; their runs of symbols follow each other.
    names: Vec<Name>,
    values: Box<[u8]>,
    /// Where each block of values begins.
    value_blocks: Box<[u32]>,
    rows: Box<[u8]>,
    /// Where each block of rows begins.
    row_blocks: Box<[u32]>,
    /// The series of each row; rows rise by their symbols.
    ids: Box<[u32]>,
    /// The rows by rising series.
    by_id: Box<[u32]>,
}

/// Label sets that are to become a segment.
#[derive(Default)]
pub(super) struct SegmentBuilder {
    ids: Vec<u32>,
    ends: Vec<usize>,
    packed: Vec<u8>,
}

/// Takes one text with its length in front, as [`Labels::as_bytes`] has it.
fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *bytes = rest;
    Some(text)
}

fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text);
}

impl SegmentBuilder {
    /// Whether it holds as much as one segment should get at once.
    pub(super) fn is_full(&self) -> bool {
        self.ids.len() >= FULL_SERIES || self.packed.len() >= FULL_BYTES
    }

    /// Adds a series by its labels in packed form.
    pub(super) fn add(&mut self, id: SeriesId, labels: &[u8]) {
        self.ids.push(id.0);
        self.packed.extend_from_slice(labels);
        self.ends.push(self.packed.len());
    }

    pub(super) fn build(self) -> Segment {
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
fn leading(value: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = value.len().min(8);
    bytes[..len].copy_from_slice(&value[..len]);
    u64::from_be_bytes(bytes)
}

/// Which symbols of a run a matcher accepts.
enum Accepted {
    One(u32),
    /// By the place in the run.
    Some(Vec<bool>),
}

/// A matcher, as a segment knows it.
struct Test {
    symbols: Range<u32>,
    accepted: Accepted,
    /// Series without the label are accepted.
    absent: bool,
}

impl Test {
    fn accepts(&self, row: &[u32]) -> bool {
        match row.iter().find(|symbol| self.symbols.contains(symbol)) {
            None => self.absent,
            Some(symbol) => match &self.accepted {
                Accepted::One(wanted) => symbol == wanted,
                Accepted::Some(accepted) => accepted[(symbol - self.symbols.start) as usize],
            },
        }
    }
}

impl Segment {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.values.len() + self.rows.len() + 4 * (self.value_blocks.len() + self.row_blocks.len() + self.ids.len() * 2)
    }

    pub(super) fn contains(&self, id: SeriesId) -> bool {
        self.row_of(id).is_some()
    }

    /// All series, in no order.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }

    fn row_of(&self, id: SeriesId) -> Option<usize> {
        let at = self.by_id.binary_search_by_key(&id.0, |&row| self.ids[row as usize]).ok()?;
        self.by_id.get(at).map(|&row| row as usize)
    }

    fn run(&self, name: &str) -> Range<u32> {
        match self.names.binary_search_by(|known| known.name.as_ref().cmp(name)) {
            Ok(at) => self.names[at].symbols.clone(),
            Err(_) => 0..0,
        }
    }

    fn symbols(&self) -> u32 {
        self.names.last().map_or(0, |name| name.symbols.end)
    }

    /// Calls back for each symbol of a run with its value, until false.
    fn for_values(&self, run: Range<u32>, mut each: impl FnMut(u32, &[u8]) -> bool) {
        let mut cursor = ValueCursor::new(self, run);
        while let Some((symbol, value)) = cursor.current() {
            if !each(symbol, value) {
                return;
            }
            cursor.advance();
        }
    }

    /// The first value of a block, which is stored whole.
    fn block_value(&self, block: usize) -> &[u8] {
        let mut rest = self.value_blocks.get(block).and_then(|&at| self.values.get(at as usize..)).unwrap_or_default();
        let (Ok(_), Ok(len)) = (take_varint(&mut rest), take_varint(&mut rest)) else { return &[] };
        rest.get(..len as usize).unwrap_or_default()
    }

    /// The part of a run where a value is, if it is there; what comes before that part is smaller.
    fn block_of(&self, run: &Range<u32>, value: &[u8]) -> Range<u32> {
        if run.is_empty() {
            return run.clone();
        }
        // Blocks whose first value belongs to the run and is not beyond the one that is looked for.
        let (mut low, mut high) = (run.start as usize / VALUES + 1, (run.end as usize - 1) / VALUES + 1);
        while low < high {
            let middle = low.midpoint(high);
            if self.block_value(middle) <= value {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        run.start.max(((low - 1) * VALUES) as u32)..run.end.min((low * VALUES) as u32)
    }

    fn find_value(&self, run: &Range<u32>, value: &[u8]) -> Option<u32> {
        let mut found = None;
        self.for_values(self.block_of(run, value), |symbol, there| {
            found = (there == value).then_some(symbol);
            there < value
        });
        found
    }

    /// The values of a label behind `after`, in order.
    pub(super) fn values_after(&self, name: &str, after: Option<&str>) -> ValueCursor<'_> {
        let run = self.run(name);
        let Some(after) = after else { return ValueCursor::new(self, run) };
        let mut cursor = ValueCursor::new(self, self.block_of(&run, after.as_bytes()).start..run.end);
        while cursor.value().is_some_and(|value| value <= after.as_bytes()) {
            cursor.advance();
        }
        cursor
    }

    /// Calls back for the rows within a range with their symbols, until false.
    fn for_rows(&self, range: Range<usize>, mut each: impl FnMut(usize, &[u32]) -> bool) {
        if range.is_empty() {
            return;
        }
        let mut at = range.start / ROWS * ROWS;
        let mut rest = self.row_blocks.get(range.start / ROWS).and_then(|&at| self.rows.get(at as usize..)).unwrap_or_default();
        let mut row = Vec::new();
        while at < range.end {
            row.clear();
            let Ok(count) = take_varint(&mut rest) else { return };
            let mut before = 0;
            for _ in 0..count {
                let Ok(step) = take_varint(&mut rest) else { return };
                before += step as u32;
                row.push(before);
            }
            if at >= range.start && !each(at, &row) {
                return;
            }
            at += 1;
        }
    }

    fn row(&self, at: usize) -> Vec<u32> {
        let mut row = Vec::new();
        self.for_rows(at..at + 1, |_, symbols| {
            row.extend_from_slice(symbols);
            true
        });
        row
    }

    /// The first row for which `before` does not hold, among rows for which it holds at the beginning and not at the end.
    fn partition_point(&self, before: impl Fn(&[u32]) -> bool) -> usize {
        let (mut low, mut high) = (0, self.row_blocks.len());
        while low < high {
            let middle = low.midpoint(high);
            if before(&self.row(middle * ROWS)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut found = (low * ROWS).min(self.len());
        self.for_rows(low.saturating_sub(1) * ROWS..found, |at, row| {
            let holds = before(row);
            if !holds {
                found = at;
            }
            holds
        });
        found
    }

    /// The series with these labels.
    pub(super) fn find(&self, labels: &Labels) -> Option<SeriesId> {
        let mut wanted = Vec::new();
        for (name, value) in labels.iter() {
            wanted.push(self.find_value(&self.run(name), value.as_bytes())?);
        }
        let at = self.partition_point(|row| row < wanted.as_slice());
        (at < self.len() && self.row(at) == wanted).then(|| SeriesId(self.ids[at]))
    }

    /// The labels of a series.
    pub(super) fn labels(&self, id: SeriesId) -> Option<Labels> {
        let mut packed = Vec::new();
        self.packed(&self.row(self.row_of(id)?), &mut packed);
        Labels::from_bytes(&packed).ok()
    }

    fn packed(&self, row: &[u32], out: &mut Vec<u8>) {
        for &symbol in row {
            let name = self.names.partition_point(|name| name.symbols.end <= symbol);
            if let Some(name) = self.names.get(name) {
                push_text(out, name.name.as_bytes());
                self.for_values(symbol..symbol + 1, |_, value| {
                    push_text(out, value);
                    false
                });
            }
        }
    }

    /// Gives all series to a builder, but those that are left out.
    pub(super) fn copy_to(&self, builder: &mut SegmentBuilder, leave_out: impl Fn(SeriesId) -> bool) {
        let mut packed = Vec::new();
        // In the order of the rows, so that neighbours share their labels.
        self.for_rows(0..self.len(), |at, row| {
            let id = SeriesId(self.ids[at]);
            if !leave_out(id) {
                packed.clear();
                self.packed(row, &mut packed);
                builder.add(id, &packed);
            }
            true
        });
    }

    /// The rows that equality matchers leave: none where they surely accept nothing, else a range and what is to be tested.
    fn narrow<'m>(&self, matchers: &'m [Matcher]) -> Option<(Range<usize>, Vec<Test>, Vec<&'m Matcher>)> {
        let (mut range, mut tests, mut other) = (0..self.len(), Vec::new(), Vec::new());
        for matcher in matchers {
            let symbols = self.run(&matcher.name);
            match &matcher.op {
                MatchOp::Equal(value) if !value.is_empty() => {
                    let symbol = self.find_value(&symbols, value.as_bytes())?;
                    if self.leads(&symbols) {
                        range = self.partition_point(|row| row.first() < Some(&symbol))
                            ..self.partition_point(|row| row.first() <= Some(&symbol));
                    } else {
                        tests.push(Test { symbols, accepted: Accepted::One(symbol), absent: false });
                    }
                }
                _ => other.push(matcher),
            }
        }
        Some((range, tests, other))
    }

    /// Whether each row begins with a label of this name: then its values are in the order of the rows.
    fn leads(&self, symbols: &Range<u32>) -> bool {
        let begins = |at: usize| self.row(at).first().is_some_and(|symbol| symbols.contains(symbol));
        self.len() > 0 && begins(0) && begins(self.len() - 1)
    }

    /// How many rows have to be looked at for a selection.
    pub(super) fn work(&self, matchers: &[Matcher]) -> usize {
        self.narrow(matchers).map_or(0, |(range, _, _)| range.len())
    }

    /// The series that all matchers accept, in no order.
    pub(super) fn select(&self, matchers: &[Matcher], out: &mut Vec<u32>) {
        let Some((range, mut tests, other)) = self.narrow(matchers) else { return };
        let mut few = Vec::new();
        for matcher in other {
            let symbols = self.run(&matcher.name);
            let absent = matcher.accepts(ABSENT);
            if symbols.is_empty() {
                if !absent {
                    return;
                }
            } else if range.len() < symbols.len() {
                few.push((matcher, symbols, absent));
            } else {
                let accepted = self.accepted(matcher, &symbols);
                tests.push(Test { symbols, accepted: Accepted::Some(accepted), absent });
            }
        }
        self.for_rows(range, |at, row| {
            let by_value = |(matcher, symbols, absent): &(&Matcher, Range<u32>, bool)| match row.iter().find(|s| symbols.contains(s)) {
                None => *absent,
                Some(&symbol) => {
                    let mut accepted = false;
                    self.for_values(symbol..symbol + 1, |_, value| {
                        accepted = matcher.accepts(std::str::from_utf8(value).unwrap_or_default());
                        false
                    });
                    accepted
                }
            };
            if tests.iter().all(|test| test.accepts(row)) && few.iter().all(by_value) {
                out.push(self.ids[at]);
            }
            true
        });
    }

    /// Which values of a run a matcher accepts.
    fn accepted(&self, matcher: &Matcher, symbols: &Range<u32>) -> Vec<bool> {
        let (pattern, wanted) = match &matcher.op {
            MatchOp::Matches(pattern) => (Some(pattern), true),
            MatchOp::NotMatches(pattern) => (Some(pattern), false),
            _ => (None, true),
        };
        let mut accepted = vec![!wanted; symbols.len()];
        if let Some(words) = pattern.and_then(|pattern| pattern.as_words())
            && words.take(FEW_WORDS + 1).count() <= FEW_WORDS
        {
            for word in pattern.and_then(|pattern| pattern.as_words()).into_iter().flatten() {
                if let Some(symbol) = self.find_value(symbols, word.as_bytes()) {
                    accepted[(symbol - symbols.start) as usize] = wanted;
                }
            }
            return accepted;
        }
        self.for_values(symbols.clone(), |symbol, value| {
            accepted[(symbol - symbols.start) as usize] = matcher.accepts(std::str::from_utf8(value).unwrap_or_default());
            true
        });
        accepted
    }

    /// How many of the wanted series have each symbol.
    pub(super) fn counts(&self, wanted: impl Fn(SeriesId) -> bool) -> Vec<u32> {
        let mut counts = vec![0u32; self.symbols() as usize];
        self.for_rows(0..self.len(), |at, row| {
            if wanted(SeriesId(self.ids[at])) {
                row.iter().for_each(|&symbol| counts[symbol as usize] += 1);
            }
            true
        });
        counts
    }

    /// The label names, each with the counts of its values.
    pub(super) fn names<'a>(&'a self, counts: &'a [u32]) -> impl Iterator<Item = (&'a str, &'a [u32])> {
        self.names.iter().map(|name| (name.name.as_ref(), &counts[name.symbols.start as usize..name.symbols.end as usize]))
    }

    /// The values of a label that have a count, by rising value.
    pub(super) fn used_values<'a>(&'a self, name: &str, counts: &'a [u32]) -> UsedValues<'a> {
        let mut values = UsedValues { cursor: ValueCursor::new(self, self.run(name)), counts };
        values.settle();
        values
    }
}

/// Walks through values in order.
pub(super) struct ValueCursor<'a> {
    segment: &'a Segment,
    next: u32,
    end: u32,
    rest: &'a [u8],
    value: Vec<u8>,
}

impl<'a> ValueCursor<'a> {
    fn new(segment: &'a Segment, run: Range<u32>) -> Self {
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

    fn current(&self) -> Option<(u32, &[u8])> {
        (self.next < self.end).then_some((self.next, &self.value))
    }

    /// The value that it is at; none at the end.
    pub(super) fn value(&self) -> Option<&[u8]> {
        self.current().map(|(_, value)| value)
    }

    pub(super) fn advance(&mut self) {
        self.next += 1;
        self.decode();
    }
}

/// The values of a label that any wanted series has, by rising value.
pub(super) struct UsedValues<'a> {
    cursor: ValueCursor<'a>,
    counts: &'a [u32],
}

impl UsedValues<'_> {
    fn settle(&mut self) {
        while let Some((symbol, _)) = self.cursor.current()
            && self.counts.get(symbol as usize).is_none_or(|count| *count == 0)
        {
            self.cursor.advance();
        }
    }

    pub(super) fn current(&self) -> Option<&[u8]> {
        self.cursor.value()
    }

    pub(super) fn advance(&mut self) {
        self.cursor.advance();
        self.settle();
    }
}
