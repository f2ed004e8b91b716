//! Varints: seven bits a byte, the lowest first; signed numbers in zigzag encoding.

use super::{CodecError, TOO_SHORT};

/// Appends an unsigned number.
#[inline]
pub fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A signed number as an unsigned one: small magnitudes stay small.
#[inline]
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The number that [`zigzag`] was given.
#[inline]
pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Appends a signed number; small magnitudes are short.
#[inline]
pub fn push_signed(out: &mut Vec<u8>, value: i64) {
    push_varint(out, zigzag(value));
}

/// Takes a number that [`push_varint`] wrote.
///
/// # Errors
/// [`CodecError::Damaged`] if the bytes end early or the number has more than 64 bits.
#[inline]
pub fn take_varint(bytes: &mut &[u8]) -> Result<u64, CodecError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = bytes.split_first().ok_or(TOO_SHORT)?;
        *bytes = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(CodecError::Damaged("a number has more than 64 bits"))
}

/// Takes a number that [`push_signed`] wrote.
///
/// # Errors
/// As for [`take_varint`].
#[inline]
pub fn take_signed(bytes: &mut &[u8]) -> Result<i64, CodecError> {
    take_varint(bytes).map(unzigzag)
}
