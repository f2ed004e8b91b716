//! Segments: packed, immutable label sets of dormant series.
//!
//! A segment has a dictionary of label pairs, sorted by name and value. The position of a pair is its symbol, so the values of one
//! name are a range of symbols, and symbols sort like labels. A series is a row of symbols. Values and rows are stored in blocks
//! that are decoded from their start; each value is stored without the prefix that it shares with the one before. A series costs
//! about 10 bytes more than what is unique in its labels.

mod build;
mod cursor;

use std::ops::Range;

pub(super) use self::build::SegmentBuilder;
pub(super) use self::cursor::{UsedValues, ValueCursor};
use crate::codec::take_varint;
use crate::model::{Labels, MatchOp, Matcher, SeriesId};

/// Values of one block: at most so many are decoded to find one.
const VALUES: usize = 32;
/// Rows of one block.
const ROWS: usize = 16;

/// Patterns of at most so many words are resolved by lookup instead of comparing all values.
const FEW_WORDS: usize = 64;

/// The value of a label that a series does not have.
const ABSENT: &str = "";

struct Name {
    name: Box<str>,
    symbols: Range<u32>,
}

/// See the module.
pub(super) struct Segment {
    /// By rising name; their ranges of symbols follow each other.
    names: Vec<Name>,
    values: Box<[u8]>,
    /// Positions of the blocks of values.
    value_blocks: Box<[u32]>,
    rows: Box<[u8]>,
    /// Positions of the blocks of rows.
    row_blocks: Box<[u32]>,
    /// The series of each row; rows are sorted by their symbols.
    ids: Box<[u32]>,
    /// Row numbers sorted by series id.
    by_id: Box<[u32]>,
}

/// Takes a text with a length prefix, as in [`Labels::as_bytes`].
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

/// The symbols of a range that a matcher accepts.
enum Accepted {
    One(u32),
    /// By position in the range.
    Some(Vec<bool>),
}

/// A matcher resolved to symbols.
struct Test {
    symbols: Range<u32>,
    accepted: Accepted,
    /// Whether series without the label are accepted.
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

    /// Memory in bytes.
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

    /// Calls `each` for each symbol of a range with its value, until it returns false.
    fn for_values(&self, run: Range<u32>, mut each: impl FnMut(u32, &[u8]) -> bool) {
        let mut cursor = ValueCursor::new(self, run);
        while let Some((symbol, value)) = cursor.current() {
            if !each(symbol, value) {
                return;
            }
            cursor.advance();
        }
    }

    /// The first value of a block, which is stored without prefix compression.
    fn block_value(&self, block: usize) -> &[u8] {
        let mut rest = self.value_blocks.get(block).and_then(|&at| self.values.get(at as usize..)).unwrap_or_default();
        let (Ok(_), Ok(len)) = (take_varint(&mut rest), take_varint(&mut rest)) else { return &[] };
        rest.get(..len as usize).unwrap_or_default()
    }

    /// The part of a range that contains a value, if it exists; all values before that part are smaller.
    fn block_of(&self, run: &Range<u32>, value: &[u8]) -> Range<u32> {
        if run.is_empty() {
            return run.clone();
        }
        // Search blocks whose first value is in the range and at most `value`.
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

    /// The values of a label after `after`, in order.
    pub(super) fn values_after(&self, name: &str, after: Option<&str>) -> ValueCursor<'_> {
        let run = self.run(name);
        let Some(after) = after else { return ValueCursor::new(self, run) };
        let mut cursor = ValueCursor::new(self, self.block_of(&run, after.as_bytes()).start..run.end);
        while cursor.value().is_some_and(|value| value <= after.as_bytes()) {
            cursor.advance();
        }
        cursor
    }

    /// Calls `each` for the rows of a range with their symbols, until it returns false.
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

    /// The first row for which `before` is false, if rows are partitioned by it.
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

    /// Copies all series to a builder, except those to leave out.
    pub(super) fn copy_to(&self, builder: &mut SegmentBuilder, leave_out: impl Fn(SeriesId) -> bool) {
        let mut packed = Vec::new();
        // In row order, so that neighbours share labels.
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

    /// Narrows the rows by equality matchers; `None` if they match nothing, else a range of rows and the remaining tests.
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

    /// Whether each row starts with a label of this name: then rows are sorted by its values.
    fn leads(&self, symbols: &Range<u32>) -> bool {
        let begins = |at: usize| self.row(at).first().is_some_and(|symbol| symbols.contains(symbol));
        self.len() > 0 && begins(0) && begins(self.len() - 1)
    }

    /// Number of rows that a selection reads.
    pub(super) fn work(&self, matchers: &[Matcher]) -> usize {
        self.narrow(matchers).map_or(0, |(range, _, _)| range.len())
    }

    /// Appends the series that all matchers accept, in no order.
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

    /// Which values of a range a matcher accepts.
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

    /// For each symbol, the number of wanted series that have it.
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

    /// The values of a label with a count above 0, by rising value.
    pub(super) fn used_values<'a>(&'a self, name: &str, counts: &'a [u32]) -> UsedValues<'a> {
        UsedValues::new(ValueCursor::new(self, self.run(name)), counts)
    }
}
