//! Encodes columns of times and values of one series, bit for bit.
//!
//! First byte of a column of times: `0 zigzag-varint(step)` if they are regular, `1 packed(i64)` after the differences between the
//! first times of its pages, `2 varint…` (the first difference, then differences of differences). First byte of a column of values:
//! `0 bits u64` if constant, `1 exponent u8 packed(i64)` if every value is a decimal that scales to an integer exactly, `2
//! packed(f64)`, `3 exponent u8 varint…` (differences of the scaled integers), `4 f64…` plain. Packed data is `pco` in pages of
//! [`PAGE_ROWS`] that can be decoded independently: length and bytes of what they share, their lengths, their bytes. The caller
//! stores the number of rows, the first time and checksums.

mod decimal;
mod packed;
mod varint;

use std::ops::Range;

use self::decimal::{POWERS, as_decimals};
pub(crate) use self::decimal::{decimal_exponent, from_decimal, nearest_decimal, to_decimal};
pub use self::packed::{Column, runs};
use self::packed::{pack, pages, unpack};
pub use self::varint::{push_signed, push_varint, take_signed, take_varint};
pub(crate) use self::varint::{unzigzag, zigzag};
use crate::model::TimestampMs;

/// Most rows of one column, so that a damaged count cannot ask for more memory.
pub const MAX_ROWS: usize = 1 << 20;

/// Rows of a page, the unit of decoding. With 2,048 a day of host metrics takes 0.03 bytes a sample less.
pub const PAGE_ROWS: usize = 512;
/// Shorter columns are smaller as varints, and encoded much faster, than with the overhead of the compressor.
const SHORT: usize = 128;
const TIMES_REGULAR: u8 = 0;
const TIMES_PACKED: u8 = 1;
const TIMES_VARINT: u8 = 2;
const VALUES_CONSTANT: u8 = 0;
const VALUES_DECIMAL: u8 = 1;
const VALUES_FLOAT: u8 = 2;
const VALUES_DECIMAL_VARINT: u8 = 3;
const VALUES_RAW: u8 = 4;
/// How much time is spent on making a column small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A few nanoseconds a value: for data that will soon be rewritten.
    Quick,
    /// About twenty nanoseconds a value: for data that stays.
    Thorough,
}

/// Why bytes cannot be decoded or rows cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes end early or contain something impossible.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// The checksum does not match.
    #[error("damaged: checksum is {found:08x}, should be {expected:08x}")]
    Checksum {
        /// As computed.
        found: u32,
        /// As stored.
        expected: u32,
    },
    /// The rows cannot be encoded.
    #[error("a column has 1 to {MAX_ROWS} rows")]
    Shape,
    /// The compressor failed.
    #[error("compression: {0}")]
    Compression(String),
}

/// Appends an encoded column of times.
///
/// # Errors
/// [`CodecError::Shape`] if there are no rows or too many.
pub fn encode_times(times: &[TimestampMs], effort: Effort, out: &mut Vec<u8>) -> Result<(), CodecError> {
    if times.is_empty() || times.len() > MAX_ROWS {
        return Err(CodecError::Shape);
    }
    let step = times.get(1).map_or(0, |second| second.wrapping_sub(times[0]));
    if times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step) {
        out.push(TIMES_REGULAR);
        push_signed(out, step);
        return Ok(());
    }
    if effort == Effort::Thorough && times.len() >= SHORT {
        out.push(TIMES_PACKED);
        for pair in times.iter().step_by(PAGE_ROWS).collect::<Vec<_>>().windows(2) {
            push_signed(out, pair[1].wrapping_sub(*pair[0]));
        }
        return pack(times, out);
    }
    out.push(TIMES_VARINT);
    let mut before = 0;
    for pair in times.windows(2) {
        let delta = pair[1].wrapping_sub(pair[0]);
        push_signed(out, delta.wrapping_sub(before));
        before = delta;
    }
    Ok(())
}

/// Decodes a column of `rows` times that begins with `first`.
///
/// # Errors
/// [`CodecError`] for anything that [`encode_times`] does not write.
pub fn decode_times(bytes: &[u8], rows: usize, first: TimestampMs) -> Result<Vec<TimestampMs>, CodecError> {
    Ok(decode_times_within(bytes, rows, first, TimestampMs::MIN, TimestampMs::MAX)?.1)
}

/// Like [`decode_times`], but decodes only what is needed for the times within `[start, end]` of a rising column. Returns the row
/// of the first decoded time as well.
///
/// # Errors
/// As for [`decode_times`].
pub fn decode_times_within(
    bytes: &[u8],
    rows: usize,
    first: TimestampMs,
    start: TimestampMs,
    end: TimestampMs,
) -> Result<(usize, Vec<TimestampMs>), CodecError> {
    let (&kind, mut rest) = check(bytes, rows)?;
    let times = match kind {
        TIMES_REGULAR => {
            let step = take_signed(&mut rest)?;
            let time = |row: usize| first.wrapping_add((row as i64).wrapping_mul(step));
            let (from, to) = match first.checked_add((rows as i64).saturating_mul(step)) {
                Some(_) if step > 0 => {
                    let row_at = |t: TimestampMs| usize::try_from(t.saturating_sub(first) / step).unwrap_or(0).min(rows);
                    (row_at(start), row_at(end).saturating_add(1).min(rows))
                }
                _ => (0, rows),
            };
            return Ok((from, (from..to).map(time).collect()));
        }
        TIMES_PACKED => {
            let mut firsts = vec![first];
            for _ in pages(rows).skip(1) {
                let before = firsts.last().copied().unwrap_or(first);
                firsts.push(before.wrapping_add(take_signed(&mut rest)?));
            }
            // From the page before the first one that begins after the start, to the last one that does not begin after the end.
            let from = firsts.partition_point(|t| *t <= start).saturating_sub(1) * PAGE_ROWS;
            let to = firsts.partition_point(|t| *t <= end).saturating_mul(PAGE_ROWS).min(rows);
            return unpack::<i64>(rest, rows, &(from..to.max(from + 1)));
        }
        TIMES_VARINT => {
            let mut times = Vec::with_capacity(rows);
            let (mut t, mut delta) = (first, 0i64);
            times.push(t);
            for _ in 1..rows {
                delta = delta.wrapping_add(take_signed(&mut rest)?);
                t = t.wrapping_add(delta);
                times.push(t);
            }
            times
        }
        _ => return Err(CodecError::Damaged("unknown encoding of times")),
    };
    Ok((0, times))
}

/// Decodes one page of a packed column of times: the rows `rows` of `of`. Other pages may be damaged.
///
/// # Errors
/// As for [`decode_times`].
pub fn decode_times_run(bytes: &[u8], of: usize, rows: &Range<usize>) -> Result<Vec<TimestampMs>, CodecError> {
    let (&kind, mut rest) = check(bytes, of)?;
    if kind != TIMES_PACKED {
        return Err(CodecError::Damaged("a column without pages"));
    }
    pages(of).skip(1).try_for_each(|_| take_signed(&mut rest).map(drop))?;
    Ok(unpack::<i64>(rest, of, rows)?.1)
}

/// Appends an encoded column of values.
///
/// # Errors
/// [`CodecError::Shape`] if there are no rows or too many.
pub fn encode_values(values: &[f64], effort: Effort, out: &mut Vec<u8>) -> Result<(), CodecError> {
    if values.is_empty() || values.len() > MAX_ROWS {
        return Err(CodecError::Shape);
    }
    let bits = values[0].to_bits();
    if values.iter().all(|v| v.to_bits() == bits) {
        out.push(VALUES_CONSTANT);
        out.extend_from_slice(&bits.to_le_bytes());
        return Ok(());
    }
    let long = effort == Effort::Thorough && values.len() >= SHORT;
    if let Some((exponent, scaled)) = as_decimals(values) {
        out.push(if long { VALUES_DECIMAL } else { VALUES_DECIMAL_VARINT });
        out.push(exponent);
        if long {
            pack(&scaled, out)?;
        } else {
            out.reserve(scaled.len() * 2);
            let mut before = 0i64;
            for value in scaled {
                push_signed(out, value.wrapping_sub(before));
                before = value;
            }
        }
        return Ok(());
    }
    if long {
        out.push(VALUES_FLOAT);
        pack(values, out)?;
    } else {
        out.push(VALUES_RAW);
        out.reserve(values.len() * 8);
        values.iter().for_each(|v| out.extend_from_slice(&v.to_bits().to_le_bytes()));
    }
    Ok(())
}

/// Decodes a column of `rows` values.
///
/// # Errors
/// [`CodecError`] for anything that [`encode_values`] does not write.
pub fn decode_values(bytes: &[u8], rows: usize) -> Result<Vec<f64>, CodecError> {
    Ok(decode_values_within(bytes, rows, &(0..rows))?.1)
}

/// Like [`decode_values`], but decodes only what is needed for the wanted rows. Returns the first decoded row as well.
///
/// # Errors
/// As for [`decode_values`].
pub fn decode_values_within(bytes: &[u8], rows: usize, wanted: &Range<usize>) -> Result<(usize, Vec<f64>), CodecError> {
    let (&kind, mut rest) = check(bytes, rows)?;
    let exponent = |rest: &mut &[u8]| -> Result<f64, CodecError> {
        let (&exponent, tail) = rest.split_first().ok_or(TOO_SHORT)?;
        *rest = tail;
        POWERS.get(usize::from(exponent)).copied().ok_or(CodecError::Damaged("impossible exponent"))
    };
    match kind {
        VALUES_CONSTANT => {
            let bits = rest.first_chunk::<8>().ok_or(TOO_SHORT)?;
            let from = wanted.start.min(rows);
            Ok((from, vec![f64::from_bits(u64::from_le_bytes(*bits)); wanted.end.min(rows).saturating_sub(from)]))
        }
        VALUES_DECIMAL => {
            let factor = exponent(&mut rest)?;
            let (from, scaled) = unpack::<i64>(rest, rows, wanted)?;
            Ok((from, scaled.into_iter().map(|v| v as f64 / factor).collect()))
        }
        VALUES_FLOAT => unpack::<f64>(rest, rows, wanted),
        VALUES_DECIMAL_VARINT => {
            let factor = exponent(&mut rest)?;
            let mut values = Vec::with_capacity(rows);
            let mut value = 0i64;
            for _ in 0..rows {
                value = value.wrapping_add(take_signed(&mut rest)?);
                values.push(value as f64 / factor);
            }
            Ok((0, values))
        }
        VALUES_RAW if rest.len() == rows * 8 => {
            let float = |b: &[u8]| f64::from_bits(u64::from_le_bytes(std::array::from_fn(|i| b[i])));
            Ok((0, rest.chunks_exact(8).map(float).collect()))
        }
        _ => Err(CodecError::Damaged("unknown encoding of values")),
    }
}

const TOO_SHORT: CodecError = CodecError::Damaged("too short");

fn check(bytes: &[u8], rows: usize) -> Result<(&u8, &[u8]), CodecError> {
    if rows == 0 || rows > MAX_ROWS {
        return Err(CodecError::Damaged("the number of rows is impossible"));
    }
    bytes.split_first().ok_or(TOO_SHORT)
}

#[cfg(test)]
mod tests;
