//! What an index holds in all: enough to notice that entries are missing or wrong.

use super::super::identity::Identity;

/// Where in the log an index is: generation and bytes.
pub(in crate::store) type Position = (u64, u64);

/// What an index holds in all, and up to where in the log. Enough to notice that entries are missing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::store) struct Tally {
    pub(in crate::store) position: Position,
    /// Entries.
    pub(in crate::store) count: u64,
    /// Entries whose key begins as an event's.
    pub(in crate::store) events: u64,
    /// Their keys and values.
    pub(in crate::store) bytes: u64,
    /// The sum of the entries' hashes.
    pub(super) hash: u64,
}

impl Tally {
    const LEN: usize = Identity::LEN + 48;

    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.wrapping_add(1);
        self.events = self.events.wrapping_add(u64::from(key.first() == Some(&EVENT)));
        self.bytes = self.bytes.wrapping_add((key.len() + value.len()) as u64);
        self.hash = self.hash.wrapping_add(hash(key, value));
    }

    pub(super) fn take(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.wrapping_sub(1);
        self.events = self.events.wrapping_sub(u64::from(key.first() == Some(&EVENT)));
        self.bytes = self.bytes.wrapping_sub((key.len() + value.len()) as u64);
        self.hash = self.hash.wrapping_sub(hash(key, value));
    }

    pub(super) fn to_bytes(self, identity: Identity) -> Vec<u8> {
        let mut bytes = identity.0.to_vec();
        for number in [self.position.0, self.position.1, self.count, self.events, self.bytes, self.hash] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// None where the bytes are no tally, or that of another data directory.
    pub(super) fn read(bytes: &[u8], identity: Identity) -> Option<Self> {
        let bytes = bytes.first_chunk::<{ Self::LEN }>().filter(|bytes| bytes.starts_with(&identity.0))?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[Identity::LEN + at * 8 + i]));
        Some(Self { position: (number(0), number(1)), count: number(2), events: number(3), bytes: number(4), hash: number(5) })
    }
}

/// The first byte of an event's key.
pub(in crate::store) const EVENT: u8 = b'e';

fn hash(key: &[u8], value: &[u8]) -> u64 {
    let of = |seed: u32| {
        let mut hasher = crc32fast::Hasher::new_with_initial(seed);
        hasher.update(&(key.len() as u64).to_le_bytes());
        hasher.update(key);
        hasher.update(value);
        hasher.finalize()
    };
    // splitmix64's last step: sums of plain checksums would cancel out too easily.
    let mut z = u64::from(of(0)) << 32 | u64::from(of(0x9e37_79b9).rotate_left(7));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
