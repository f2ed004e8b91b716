//! Which blocks of a file have spans of a trace: a sorted table, read by a page or two.
//!
//! ```text
//! page    up to 510 entries · crc of number and entries
//! entry   hash of a trace u32 · number of a block u32
//! ```
//!
//! Entries are sorted by hash and block, each pair once. Hashes are spread evenly, so the place of one is guessed well: a lookup reads the
//! page where it must be, or one beside it. Two traces with one hash cost a block that is read in vain, once in thousands of lookups.

use crate::codec::CodecError;
use crate::store::page::{ByteSource, PageError};

const ENTRY: usize = 8;
/// Entries of a page.
const ENTRIES: usize = 510;
const CRC: usize = 4;
const STRIDE: u64 = (ENTRIES * ENTRY + CRC) as u64;
/// Guesses by value before the rest is halved.
const GUESSES: usize = 4;

/// An entry: hash and block.
pub(crate) type Pair = (u32, u32);

/// Where the table of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) at: u64,
    pub(crate) entries: u64,
}

/// The hash of a trace. Written to disk: never to be changed.
pub(crate) fn hash_of(trace: &[u8; 16]) -> u32 {
    let (high, low) = trace.split_at(8);
    let number = |bytes: &[u8]| u64::from_le_bytes(std::array::from_fn(|at| bytes[at]));
    // The halves of an id may be a time, zeros, or random.
    let mixed = (number(high) ^ number(low).rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 32) as u32
}

/// Sorts pairs, and writes them as the pages of a table.
pub(crate) fn encode(pairs: &mut Vec<Pair>) -> Vec<u8> {
    pairs.sort_unstable();
    pairs.dedup();
    let mut out = Vec::with_capacity(pairs.len() * ENTRY + pairs.len() / ENTRIES * CRC + CRC);
    for (page, number) in pairs.chunks(ENTRIES).zip(0u64..) {
        let from = out.len();
        for (hash, block) in page {
            out.extend_from_slice(&hash.to_le_bytes());
            out.extend_from_slice(&block.to_le_bytes());
        }
        let crc = crc_of(number, &out[from..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }
    out
}

fn crc_of(number: u64, entries: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&number.to_le_bytes());
    crc.update(entries);
    crc.finalize()
}

/// Reads a table.
pub(crate) struct Table<'a, S> {
    pub(crate) source: &'a S,
    pub(crate) place: Place,
}

impl<S: ByteSource> Table<'_, S> {
    fn pages(&self) -> u64 {
        self.place.entries.div_ceil(ENTRIES as u64)
    }

    /// The entries of a page.
    fn page(&self, number: u64) -> Result<Vec<Pair>, PageError> {
        let entries = (self.place.entries - number * ENTRIES as u64).min(ENTRIES as u64) as usize;
        let at = number.checked_mul(STRIDE).and_then(|from| from.checked_add(self.place.at));
        let bytes = self.source.read(at.ok_or(CodecError::Damaged("the table of traces"))?, entries * ENTRY + CRC)?;
        let (entries, crc) = bytes.split_at(entries * ENTRY);
        let expected = u32::from_le_bytes(std::array::from_fn(|at| crc[at]));
        let found = crc_of(number, entries);
        if found != expected {
            return Err(CodecError::Checksum { found, expected }.into());
        }
        let number = |entry: &[u8; ENTRY], from: usize| u32::from_le_bytes(std::array::from_fn(|at| entry[from + at]));
        Ok(entries.as_chunks::<ENTRY>().0.iter().map(|entry| (number(entry, 0), number(entry, 4))).collect())
    }

    /// The blocks with spans of traces of a hash.
    pub(crate) fn blocks(&self, hash: u32) -> Result<Vec<u32>, PageError> {
        // The first page that ends at or after the hash is in `low..high`.
        let (mut low, mut high, mut guesses) = (0, self.pages(), 0);
        let mut found: Option<(u64, Vec<Pair>)> = None;
        while low < high {
            let guess = if guesses < GUESSES && found.is_none() {
                ((u64::from(hash) * self.pages()) >> 32).clamp(low, high - 1)
            } else if guesses < GUESSES {
                high - 1
            } else {
                low.midpoint(high)
            };
            guesses += 1;
            let page = self.page(guess)?;
            if page.last().is_none_or(|(last, _)| *last < hash) {
                low = guess + 1;
            } else {
                let begins_before = page.first().is_some_and(|(first, _)| *first < hash);
                high = guess;
                if begins_before {
                    low = guess;
                }
                found = Some((guess, page));
            }
        }
        let mut blocks = Vec::new();
        let Some((mut number, mut page)) = found else { return Ok(blocks) };
        loop {
            let from = page.partition_point(|(there, _)| *there < hash);
            blocks.extend(page[from..].iter().take_while(|(there, _)| *there == hash).map(|(_, block)| *block));
            number += 1;
            if number >= self.pages() || page.last().is_none_or(|(last, _)| *last > hash) {
                return Ok(blocks);
            }
            page = self.page(number)?;
        }
    }

    /// Reads every page; gives how many entries there are.
    pub(crate) fn verify(&self) -> Result<u64, PageError> {
        let (mut count, mut last) = (0, None);
        for number in 0..self.pages() {
            for pair in self.page(number)? {
                if last.is_some_and(|last| last >= pair) {
                    return Err(CodecError::Damaged("a table that is not sorted").into());
                }
                (count, last) = (count + 1, Some(pair));
            }
        }
        Ok(count)
    }
}
