//! Bit streams with exponential Golomb codes.

use super::TOO_SHORT;
use crate::codec::CodecError;

/// Width that marks a column of zeros.
pub(super) const ZEROS: u64 = 63;

/// Number of significant bits; 0 for 0.
pub(super) fn length(v: u128) -> u32 {
    u128::BITS - v.leading_zeros()
}

/// Length of a code in bits: one zero fewer than the digits of the number without its low bits, then the number, then its low bits.
pub(super) fn golomb_bits(v: u64, width: u64) -> u64 {
    u64::from(2 * length((u128::from(v) >> width) + 1) - 1) + width
}

/// The best width for a column, and the bits that its codes take.
pub(super) fn width_for(column: &[u64]) -> (u64, u64) {
    let lengths: u64 = column.iter().map(|v| u64::from(length(u128::from(*v)))).sum();
    if lengths == 0 {
        return (ZEROS, 0);
    }
    let about = lengths / column.len() as u64;
    let widths = about.saturating_sub(3)..=(about + 1).min(ZEROS - 1);
    let cost = |width: u64| (width, column.iter().map(|v| golomb_bits(*v, width)).sum::<u64>());
    widths.map(cost).min_by_key(|(_, cost)| *cost).unwrap_or((0, u64::MAX))
}

#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that do not fill a byte yet, and their number.
    open: u128,
    count: u32,
}

impl BitWriter {
    /// Appends the low bits of a number, at most 64.
    pub(super) fn push(&mut self, v: u64, bits: u32) {
        let mask = (1u128 << bits) - 1;
        self.open = self.open << bits | (u128::from(v) & mask);
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.open >> self.count) as u8);
        }
        self.open &= (1u128 << self.count) - 1;
    }

    /// Appends a number with its length in front.
    pub(super) fn push_sized(&mut self, v: u64) {
        let bits = length(u128::from(v));
        self.push(u64::from(bits), 7);
        self.push(v, bits);
    }

    pub(super) fn push_golomb(&mut self, v: u64, width: u64) {
        if width == ZEROS {
            return;
        }
        let high = (u128::from(v) >> width) + 1;
        let digits = length(high);
        self.push(0, digits - 1);
        // The leading digit of a number of 65 digits is always 1.
        self.push(1, 1);
        self.push(high as u64, digits - 1);
        self.push(v, width as u32);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.push(0, 8 - self.count);
        }
        self.bytes
    }
}

pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Position of the next bit.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn take(&mut self, bits: u32) -> Result<u64, CodecError> {
        let mut v = 0u64;
        let mut left = bits as usize;
        while left > 0 {
            let byte = *self.bytes.get(self.at / 8).ok_or(TOO_SHORT)?;
            let here = (8 - self.at % 8).min(left);
            let shifted = u64::from(byte) >> (8 - self.at % 8 - here);
            v = v << here | (shifted & ((1 << here) - 1));
            self.at += here;
            left -= here;
        }
        Ok(v)
    }

    pub(super) fn take_sized(&mut self) -> Result<u64, CodecError> {
        let bits = self.take(7)?;
        if bits > 64 {
            return Err(CodecError::Damaged("a number has more than 64 bits"));
        }
        self.take(bits as u32)
    }

    pub(super) fn take_golomb(&mut self, width: u64) -> Result<u64, CodecError> {
        if width == ZEROS {
            return Ok(0);
        }
        let mut digits = 0;
        while self.take(1)? == 0 {
            digits += 1;
            if digits > 64 {
                return Err(CodecError::Damaged("a number has more than 64 bits"));
            }
        }
        let high = (1u128 << digits | u128::from(self.take(digits)?)) - 1;
        Ok((high << width) as u64 | self.take(width as u32)?)
    }
}
