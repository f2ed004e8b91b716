//! A filter of a block: which texts may be in its bodies, answered without reading them.
//!
//! A search is for any run of bytes, not for whole words, so the filter holds pieces whose choice depends on the text alone: of each
//! window of [`WINDOW`] neighbouring runs of [`GRAM`] bytes, the one with the lowest hash (minimizers; Schleimer, Wilkerson and Aiken,
//! 2003). A needle of [`SHORTEST`] bytes holds a whole window, so wherever it occurs, the run of that window is in the filter. Shorter
//! needles prune nothing.
//!
//! The filter is one bit a piece in a table that is half full: with `n` pieces in a needle one block of 2ⁿ is read in vain. Two bits a
//! piece would need twice the room to be better only for needles of one piece. Runs of four bytes would be smaller, but every run of four
//! hexadecimal digits is in a megabyte of lines with ids; runs of five are not.
//!
//! The traces of lines are in the table too, each with [`TRACE_BITS`] bits: one block in sixteen is read in vain.

use crate::codec::CodecError;
use crate::model::fnv1a;

const GRAM: usize = 5;
const WINDOW: usize = 6;
/// Needles of so many bytes and more prune.
#[cfg(test)]
const SHORTEST: usize = GRAM + WINDOW - 1;
const GRAM_MASK: u64 = (1 << (8 * GRAM)) - 1;
/// Bits of the largest table: 128 KiB, for a block of a megabyte.
const MOST_BITS: u32 = 20;
const LEAST_BITS: u32 = 6;
/// Bits of a trace.
const TRACE_BITS: usize = 4;
/// Set in the byte before a table with the traces of lines; tables that were written earlier are without them.
const HAS_TRACES: u8 = 0x80;

/// A table while a block is built, or as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    bits: u32,
    words: Vec<u64>,
    traces: bool,
}

/// The pieces of a needle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pieces(Vec<u32>);

impl Default for Filter {
    fn default() -> Self {
        Self { bits: MOST_BITS, words: vec![0; 1 << (MOST_BITS - 6)], traces: true }
    }
}

impl Filter {
    /// Adds the pieces of a body.
    pub(super) fn add(&mut self, body: &[u8]) {
        let words = &mut self.words;
        pieces(body, |piece| words[(piece >> 6) as usize] |= 1 << (piece & 63));
    }

    /// Adds the id of a trace, as the label `trace_id` has it.
    pub(super) fn add_trace(&mut self, id: &[u8]) {
        for place in TracePlaces::of(id).0 {
            self.words[(place >> 6) as usize] |= 1 << (place & 63);
        }
    }

    /// The table, as small as it can be without being more than half full.
    pub(super) fn encode(mut self) -> Vec<u8> {
        while self.bits > LEAST_BITS {
            let folded: Vec<u64> = self.words.chunks(2).map(|pair| even_bits(pair[0]) | even_bits(pair[1]) << 32).collect();
            let set: u64 = folded.iter().map(|word| u64::from(word.count_ones())).sum();
            if set > 1 << (self.bits - 2) {
                break;
            }
            (self.words, self.bits) = (folded, self.bits - 1);
        }
        let mut out = vec![self.bits as u8 | if self.traces { HAS_TRACES } else { 0 }];
        self.words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        out
    }

    /// Reads what [`Filter::encode`] gave.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let (&bits, rest) = bytes.split_first().ok_or(CodecError::Damaged("an empty filter"))?;
        let (bits, traces) = (u32::from(bits & !HAS_TRACES), bits & HAS_TRACES != 0);
        if !(LEAST_BITS..=MOST_BITS).contains(&bits) || rest.len() != 1 << (bits - 3) {
            return Err(CodecError::Damaged("a filter of another size"));
        }
        let words = rest.chunks_exact(8).map(|word| u64::from_le_bytes(std::array::from_fn(|i| word[i])));
        Ok(Self { bits, words: words.collect(), traces })
    }

    /// Whether a body with these pieces may have been added.
    pub(super) fn may_hold(&self, needle: &Pieces) -> bool {
        self.has_all(&needle.0)
    }

    /// Whether a line of a trace may have been added.
    pub(super) fn may_hold_trace(&self, trace: &TracePlaces) -> bool {
        !self.traces || self.has_all(&trace.0)
    }

    fn has_all(&self, places: &[u32]) -> bool {
        places.iter().all(|place| {
            let at = place >> (MOST_BITS - self.bits);
            self.words[(at >> 6) as usize] >> (at & 63) & 1 == 1
        })
    }
}

/// The bits of a trace in a table of [`MOST_BITS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TracePlaces([u32; TRACE_BITS]);

impl TracePlaces {
    /// Written to disk: never to be changed.
    pub(super) fn of(id: &[u8]) -> Self {
        let mut state = fnv1a(id.iter().copied());
        Self(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            ((mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> (64 - MOST_BITS)) as u32
        }))
    }
}

impl Pieces {
    pub(super) fn of(needle: &[u8]) -> Self {
        let mut all = Vec::new();
        pieces(needle, |piece| all.push(piece));
        Self(all)
    }

    /// Whether a filter could say no.
    pub(super) fn prune(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Each pair of neighbouring bits as one, in the lower half.
fn even_bits(word: u64) -> u64 {
    let mut x = (word | word >> 1) & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff_u64),
    ] {
        x = (x | x >> shift) & mask;
    }
    x
}

/// Passes the places in a table of [`MOST_BITS`] of the pieces of a text.
fn pieces(text: &[u8], mut each: impl FnMut(u32)) {
    let mut recent = [u64::MAX; WINDOW.next_power_of_two()];
    let slot = |gram: usize| gram % WINDOW.next_power_of_two();
    let (mut value, mut least, mut least_at, mut passed) = (0u64, u64::MAX, 0, usize::MAX);
    for (at, byte) in text.iter().enumerate() {
        value = (value << 8 | u64::from(*byte)) & GRAM_MASK;
        let Some(gram) = (at + 1).checked_sub(GRAM) else { continue };
        let hash = value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        recent[slot(gram)] = hash;
        if hash <= least {
            (least, least_at) = (hash, gram);
        } else if gram >= least_at + WINDOW {
            least = u64::MAX;
            for candidate in gram + 1 - WINDOW..=gram {
                // The last one of equals, as above.
                if recent[slot(candidate)] <= least {
                    (least, least_at) = (recent[slot(candidate)], candidate);
                }
            }
        }
        if gram + 1 >= WINDOW && passed != least_at {
            passed = least_at;
            // The hashes that are least are small numbers: mixed again, they spread over the table.
            each(((least ^ least >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> (64 - MOST_BITS)) as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_in_a_body_is_never_denied(
            bodies in prop::collection::vec(prop::collection::vec(prop::sample::select(b"abcdef0123 \n".to_vec()), 0..200), 1..20),
            pick in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(), length in 0usize..40,
        ) {
            let mut filter = Filter::default();
            bodies.iter().for_each(|body| filter.add(body));
            let filter = Filter::decode(&filter.encode()).unwrap();
            let body = &bodies[pick.index(bodies.len())];
            let from = from.index(body.len() + 1);
            let needle = &body[from..(from + length).min(body.len())];
            let pieces = Pieces::of(needle);
            prop_assert_eq!(pieces.prune(), needle.len() >= SHORTEST);
            prop_assert!(filter.may_hold(&pieces));
        }
    }

    #[test]
    fn a_trace_that_was_added_is_never_denied_and_most_others_are() {
        let mut filter = Filter::default();
        let id = |n: u64| format!("{:032x}", u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        (0..2_000).for_each(|n| filter.add_trace(id(n).as_bytes()));
        let mut bytes = filter.encode();
        let filter = Filter::decode(&bytes).unwrap();
        let may_hold = |filter: &Filter, n: u64| filter.may_hold_trace(&TracePlaces::of(id(n).as_bytes()));
        assert!((0..2_000).all(|n| may_hold(&filter, n)));
        let wrong = (2_000..12_000).filter(|n| may_hold(&filter, *n)).count();
        assert!(wrong < 1_000, "{wrong} of 10,000");
        // A table without them denies none.
        bytes[0] &= !HAS_TRACES;
        let filter = Filter::decode(&bytes).unwrap();
        assert!((2_000..3_000).all(|n| may_hold(&filter, n)));
    }

    #[test]
    fn a_table_is_at_most_half_full_and_denies_most_of_what_is_not_there() {
        let mut filter = Filter::default();
        (0..2_000u64).for_each(|n| filter.add(format!("request {:016x} took {n} ms", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).as_bytes()));
        let bytes = filter.encode();
        let filter = Filter::decode(&bytes).unwrap();
        let set: u32 = filter.words.iter().map(|word| word.count_ones()).sum();
        assert!(set <= 1 << (filter.bits - 1) && bytes.len() < 8 << 10, "{set} of {} bits, {} bytes", 1 << filter.bits, bytes.len());
        let wrong =
            (0..1_000u64).filter(|n| filter.may_hold(&Pieces::of(format!("{:016x}", n.wrapping_mul(0xd134_2543_de82_ef95)).as_bytes())));
        assert!(wrong.count() < 200);
    }
}
