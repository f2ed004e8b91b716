//! Frames: checksummed records of append-only files (the journal, the logs of the catalog, the pages of a day).
//!
//! ```text
//! frame    magic 4 bytes · length u32 · number u64 · kind u8 and 3 zeros · crc32 of the payload u32 · crc32 of these 24 bytes u32 · payload
//! ```
//!
//! Damage is confined to its frame: [`scan`] reports its range and continues with the next whole frame. It does not decide whether
//! damage at the very end is a write that a crash cut short or a durable record that went bad: the caller knows how far the file
//! was durable. It does no I/O: bytes in, bytes out.

use crate::codec::CodecError;

/// Bytes before the payload.
pub(crate) const HEADER: usize = 28;
const MAGIC: [u8; 4] = *b"TPf1";

/// Header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// What the payload is; defined by the file.
    pub(crate) kind: u8,
    /// Rises within a file; its meaning is defined by the file.
    pub(crate) number: u64,
    /// Length of the payload in bytes.
    pub(crate) len: u32,
    /// Checksum of the payload.
    pub(crate) crc: u32,
}

impl Header {
    /// Header for a payload; `None` if the payload is too long for a frame.
    pub(crate) fn of(kind: u8, number: u64, payload: &[u8]) -> Option<Self> {
        Some(Self { kind, number, len: u32::try_from(payload.len()).ok()?, crc: crc32fast::hash(payload) })
    }

    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&self.len.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16] = self.kind;
        bytes[20..24].copy_from_slice(&self.crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..24]);
        bytes[24..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header at the beginning of `bytes`; `None` if it is damaged.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER>().filter(|header| header[..4] == MAGIC)?;
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        let number = u64::from_le_bytes(std::array::from_fn(|i| header[8 + i]));
        (crc32fast::hash(&header[..24]) == word(24)).then(|| Self { kind: header[16], number, len: word(4), crc: word(20) })
    }

    /// Length of the whole frame in bytes.
    pub(crate) fn frame_len(&self) -> usize {
        HEADER + self.len as usize
    }

    /// Checks that these bytes are the payload.
    ///
    /// # Errors
    /// [`CodecError::Checksum`] if they are not.
    pub(crate) fn check(&self, payload: &[u8]) -> Result<(), CodecError> {
        let found = crc32fast::hash(payload);
        if found == self.crc { Ok(()) } else { Err(CodecError::Checksum { found, expected: self.crc }) }
    }
}

/// Appends a frame to `out`. Returns false and appends nothing if the payload is too long.
pub(crate) fn push(out: &mut Vec<u8>, kind: u8, number: u64, payload: &[u8]) -> bool {
    let Some(header) = Header::of(kind, number, payload) else { return false };
    out.extend_from_slice(&header.to_bytes());
    out.extend_from_slice(payload);
    true
}

/// What [`scan`] found in a range of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A whole frame, which begins at `at`.
    Frame { at: usize, header: Header, payload: &'a [u8] },
    /// Bytes `[from, to)` that are not a frame.
    Damage { from: usize, to: usize, why: CodecError },
}

/// The frames of a file in order, with the damage between them.
pub(crate) fn scan(bytes: &[u8]) -> impl Iterator<Item = Found<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= bytes.len() {
            return None;
        }
        let from = at;
        match frame_at(bytes, from) {
            Ok((header, payload)) => {
                at += header.frame_len();
                Some(Found::Frame { at: from, header, payload })
            }
            Err(why) => {
                at = next_whole(bytes, from);
                Some(Found::Damage { from, to: at, why })
            }
        }
    })
}

fn frame_at(bytes: &[u8], at: usize) -> Result<(Header, &[u8]), CodecError> {
    let header = Header::read(&bytes[at..]).ok_or(CodecError::Damaged("a record's header"))?;
    let payload = bytes[at + HEADER..].get(..header.len as usize).ok_or(CodecError::Damaged("a record is cut short"))?;
    header.check(payload)?;
    Ok((header, payload))
}

/// Finds the next whole frame after `from`; the end of `bytes` if there is none.
fn next_whole(bytes: &[u8], from: usize) -> usize {
    // Search for the first byte of the magic only: a search for all four would miss a frame that begins within damage.
    let mut at = from + 1;
    while at + HEADER <= bytes.len() {
        match bytes[at..].iter().position(|byte| *byte == MAGIC[0]) {
            Some(skip) if frame_at(bytes, at + skip).is_ok() => return at + skip,
            Some(skip) => at += skip + 1,
            None => break,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        payloads.iter().zip(1..).for_each(|(payload, number)| assert!(push(&mut out, 7, number, payload)));
        out
    }

    fn numbers(bytes: &[u8]) -> (Vec<u64>, Vec<(usize, usize)>) {
        let (mut whole, mut damage) = (Vec::new(), Vec::new());
        for found in scan(bytes) {
            match found {
                Found::Frame { header, .. } => whole.push(header.number),
                Found::Damage { from, to, .. } => damage.push((from, to)),
            }
        }
        (whole, damage)
    }

    proptest! {
        #[test]
        fn frames_come_back_and_one_damaged_byte_costs_one_frame(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
            at in any::<prop::sample::Index>(),
            flip in 1u8..,
        ) {
            let bytes = file(&payloads);
            let all: Vec<u64> = (1..=payloads.len() as u64).collect();
            prop_assert_eq!(numbers(&bytes), (all.clone(), vec![]));
            let mut damaged = bytes.clone();
            let at = at.index(bytes.len());
            damaged[at] ^= flip;
            let hit = payloads.iter().scan(0, |end, payload| { *end += HEADER + payload.len(); Some(*end) }).position(|end| at < end).unwrap();
            let (whole, damage) = numbers(&damaged);
            let left: Vec<u64> = all.into_iter().filter(|n| *n != hit as u64 + 1).collect();
            prop_assert_eq!(whole, left);
            prop_assert_eq!(damage.len(), 1);
            prop_assert!(damage[0].0 <= at && at < damage[0].1);
        }

        #[test]
        fn any_bytes_are_covered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut end = 0;
            for found in scan(&bytes) {
                let (from, to) = match found {
                    Found::Frame { at, header, .. } => (at, at + header.frame_len()),
                    Found::Damage { from, to, .. } => (from, to),
                };
                prop_assert_eq!(from, end);
                end = to;
            }
            prop_assert_eq!(end, bytes.len());
        }
    }

    #[test]
    fn a_cut_end_is_one_stretch_of_damage() {
        let bytes = file(&[vec![1; 10], vec![2; 10]]);
        for cut in 1..38 {
            let (whole, damage) = numbers(&bytes[..bytes.len() - cut]);
            assert_eq!((whole, damage), (vec![1], vec![(38, bytes.len() - cut)]), "cut by {cut}");
        }
    }
}
