//! Columns of one series as bytes: times and values in, small bytes out, bit for bit back.
//!
//! First byte of a column of times: `0 zigzag-varint(step)` where they are regular, `1 pco(i64)`, `2 varint…` (the first
//! difference, then differences of differences). First byte of a column of values: `0 bits u64` where it is constant,
//! `1 exponent u8 pco(i64)` where every value is a decimal that scales to an integer exactly, `2 pco(f64)`, `3 exponent u8
//! varint…` (differences of the scaled integers), `4 f64…` as they are. How many rows there are and the first time stand
//! with the caller, as do checksums and where the bytes are kept.

use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};

use crate::model::TimestampMs;

/// Most rows of one column; a damaged count cannot ask for more memory than this.
pub const MAX_ROWS: usize = 1 << 20;

const COMPRESSION_LEVEL: usize = 6;
/// Columns shorter than this are smaller, and far quicker made, as varints than as what the compressor needs around them.
const SHORT: usize = 128;
const TIMES_REGULAR: u8 = 0;
const TIMES_PACKED: u8 = 1;
const TIMES_VARINT: u8 = 2;
const VALUES_CONSTANT: u8 = 0;
const VALUES_DECIMAL: u8 = 1;
const VALUES_FLOAT: u8 = 2;
const VALUES_DECIMAL_VARINT: u8 = 3;
const VALUES_RAW: u8 = 4;
/// Powers of ten tried for decimals; more digits than this compress no better than floats.
const MAX_EXPONENT: u8 = 6;
const POWERS: [f64; MAX_EXPONENT as usize + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// Integers up to here are exact as floats.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// How much work goes into making a column small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A few nanoseconds a value: for what will be written again soon.
    Quick,
    /// Some twenty nanoseconds a value: for what stays.
    Thorough,
}

/// Why bytes are not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes end early, or something in them is impossible.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// The checksum does not match.
    #[error("damaged: checksum is {found:08x}, should be {expected:08x}")]
    Checksum {
        /// As computed.
        found: u32,
        /// As written.
        expected: u32,
    },
    /// Rows that cannot be encoded.
    #[error("a column has 1 to {MAX_ROWS} rows")]
    Shape,
    /// The compressor failed.
    #[error("compression: {0}")]
    Compression(String),
}

fn config() -> ChunkConfig {
    ChunkConfig::default().with_compression_level(COMPRESSION_LEVEL)
}

/// Appends a column of times.
///
/// # Errors
/// [`CodecError::Shape`] when there are no rows or too many.
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
        out.extend_from_slice(&packed(simple_compress(times, &config()))?);
        return Ok(());
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

/// Reads a column of `rows` times that begins with `first`.
///
/// # Errors
/// [`CodecError`] for anything that [`encode_times`] does not write.
pub fn decode_times(bytes: &[u8], rows: usize, first: TimestampMs) -> Result<Vec<TimestampMs>, CodecError> {
    let (&kind, mut rest) = check(bytes, rows)?;
    match kind {
        TIMES_REGULAR => {
            let step = take_signed(&mut rest)?;
            Ok((0..rows as i64).map(|row| first.wrapping_add(row.wrapping_mul(step))).collect())
        }
        TIMES_PACKED => unpack::<i64>(rest, rows),
        TIMES_VARINT => {
            let mut times = Vec::with_capacity(rows);
            let (mut t, mut delta) = (first, 0i64);
            times.push(t);
            for _ in 1..rows {
                delta = delta.wrapping_add(take_signed(&mut rest)?);
                t = t.wrapping_add(delta);
                times.push(t);
            }
            Ok(times)
        }
        _ => Err(CodecError::Damaged("unknown encoding of times")),
    }
}

/// Appends a column of values.
///
/// # Errors
/// [`CodecError::Shape`] when there are no rows or too many.
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
            out.extend_from_slice(&packed(simple_compress(&scaled, &config()))?);
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
        out.extend_from_slice(&packed(simple_compress(values, &config()))?);
    } else {
        out.push(VALUES_RAW);
        out.reserve(values.len() * 8);
        values.iter().for_each(|v| out.extend_from_slice(&v.to_bits().to_le_bytes()));
    }
    Ok(())
}

/// Reads a column of `rows` values.
///
/// # Errors
/// [`CodecError`] for anything that [`encode_values`] does not write.
pub fn decode_values(bytes: &[u8], rows: usize) -> Result<Vec<f64>, CodecError> {
    let (&kind, mut rest) = check(bytes, rows)?;
    let exponent = |rest: &mut &[u8]| -> Result<f64, CodecError> {
        let (&exponent, tail) = rest.split_first().ok_or(TOO_SHORT)?;
        *rest = tail;
        POWERS.get(usize::from(exponent)).copied().ok_or(CodecError::Damaged("impossible exponent"))
    };
    match kind {
        VALUES_CONSTANT => {
            let bits = rest.first_chunk::<8>().ok_or(TOO_SHORT)?;
            Ok(vec![f64::from_bits(u64::from_le_bytes(*bits)); rows])
        }
        VALUES_DECIMAL => {
            let factor = exponent(&mut rest)?;
            Ok(unpack::<i64>(rest, rows)?.into_iter().map(|v| v as f64 / factor).collect())
        }
        VALUES_FLOAT => unpack::<f64>(rest, rows),
        VALUES_DECIMAL_VARINT => {
            let factor = exponent(&mut rest)?;
            let mut values = Vec::with_capacity(rows);
            let mut value = 0i64;
            for _ in 0..rows {
                value = value.wrapping_add(take_signed(&mut rest)?);
                values.push(value as f64 / factor);
            }
            Ok(values)
        }
        VALUES_RAW if rest.len() == rows * 8 => {
            Ok(rest.chunks_exact(8).map(|b| f64::from_bits(u64::from_le_bytes(std::array::from_fn(|i| b[i])))).collect())
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

fn packed(block: pco::errors::PcoResult<Vec<u8>>) -> Result<Vec<u8>, CodecError> {
    block.map_err(|error| CodecError::Compression(error.to_string()))
}

fn unpack<T: pco::data_types::Number>(block: &[u8], rows: usize) -> Result<Vec<T>, CodecError> {
    let values = simple_decompress::<T>(block).map_err(|error| CodecError::Compression(error.to_string()))?;
    if values.len() == rows { Ok(values) } else { Err(CodecError::Damaged("a column has another number of rows")) }
}

/// The smallest power of ten that makes every value an integer, and the integers; none where any bit would be lost.
fn as_decimals(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut scaled = Vec::with_capacity(values.len());
    let mut exponent = 0u8;
    'next: while let Some(&factor) = POWERS.get(usize::from(exponent)) {
        scaled.clear();
        for &value in values {
            let product = value * factor;
            // Adding half and cutting is rounding for what is tested bit for bit below, without a call.
            let integer = (product + 0.5f64.copysign(product)) as i64;
            if product.is_nan() || product.abs() >= MAX_EXACT {
                return None;
            }
            if (integer as f64 / factor).to_bits() != value.to_bits() {
                exponent += 1;
                continue 'next;
            }
            scaled.push(integer);
        }
        return Some((exponent, scaled));
    }
    None
}

/// Appends an unsigned number, seven bits a byte, the lowest first.
#[inline]
pub fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number, small magnitudes short.
#[inline]
pub fn push_signed(out: &mut Vec<u8>, value: i64) {
    push_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Takes what [`push_varint`] wrote.
///
/// # Errors
/// [`CodecError::Damaged`] when the bytes end early or the number has more than 64 bits.
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

/// Takes what [`push_signed`] wrote.
///
/// # Errors
/// As [`take_varint`].
#[inline]
pub fn take_signed(bytes: &mut &[u8]) -> Result<i64, CodecError> {
    let value = take_varint(bytes)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOTH: [Effort; 2] = [Effort::Quick, Effort::Thorough];

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|v| v.to_bits()).collect()
    }

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            (-1_000_000i64..1_000_000).prop_map(|v| v as f64 / 100.0),
            Just(-0.0),
            Just(f64::from_bits(crate::model::STALE_NAN_BITS)),
            Just(f64::MAX),
            Just(9_007_199_254_740_991.0),
        ]
    }

    fn column() -> impl Strategy<Value = Vec<f64>> {
        prop_oneof![
            prop::collection::vec(any_value(), 1..400),
            prop::collection::vec((-100_000i64..100_000).prop_map(|v| v as f64 / 1_000.0), 1..400),
            prop::collection::vec(-9_000_000_000_000_000i64..9_000_000_000_000_000, 1..400)
                .prop_map(|v| v.into_iter().map(|v| v as f64).collect()),
        ]
    }

    proptest! {
        #[test]
        fn columns_come_back_bit_for_bit(values in column(), times in prop::collection::vec(any::<i64>(), 1..400)) {
            for effort in BOTH {
                let mut bytes = Vec::new();
                encode_values(&values, effort, &mut bytes).unwrap();
                prop_assert_eq!(bits(&decode_values(&bytes, values.len()).unwrap()), bits(&values));
                bytes.clear();
                encode_times(&times, effort, &mut bytes).unwrap();
                prop_assert_eq!(&decode_times(&bytes, times.len(), times[0]).unwrap(), &times);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), rows in 0usize..2_000) {
            let _ = decode_values(&bytes, rows);
            let _ = decode_times(&bytes, rows, 0);
        }
    }

    #[test]
    fn constants_decimals_and_regular_times_are_small() {
        let size = |values: &[f64], effort| {
            let mut bytes = Vec::new();
            encode_values(values, effort, &mut bytes).unwrap();
            bytes.len()
        };
        let percent: Vec<f64> = (0..8_640).map(|i| f64::from((i * 7919) % 100) / 100.0 + 40.0).collect();
        for effort in BOTH {
            assert_eq!(size(&[42.5; 360], effort), 9);
            assert!(size(&percent, effort) <= 2 * percent.len(), "{effort:?}: {}", size(&percent, effort));
            let mut bytes = Vec::new();
            encode_times(&(0..360).map(|i| i * 10_000).collect::<Vec<_>>(), effort, &mut bytes).unwrap();
            assert!(bytes.len() <= 4);
        }
    }

    #[test]
    fn shapes_that_are_no_column_are_refused() {
        assert_eq!(encode_values(&[], Effort::Quick, &mut Vec::new()), Err(CodecError::Shape));
        assert_eq!(encode_times(&[], Effort::Thorough, &mut Vec::new()), Err(CodecError::Shape));
        assert!(decode_values(&[9, 9], 1).is_err());
        assert!(decode_values(&[0, 9], 1).is_err());
        assert!(decode_times(&[], 1, 0).is_err());
    }
}
