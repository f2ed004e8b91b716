//! Chunks: compressed runs of one series. Times and one or more float columns in, bytes out, bit for bit back.
//!
//! Layout, little-endian: `version u8 · rows u32 · first i64 · last i64 · times · columns u8 · column… · crc32 u32`.
//! Times are `0 step i64` where they are regular, else `1 length u32 pco(i64)`. A column is `0 bits u64` where it is
//! constant, `1 exponent u8 length u32 pco(i64)` where every value is a decimal that scales to an integer exactly,
//! else `2 length u32 pco(f64)`. Where the bytes are kept is the store's business.

use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};

use crate::model::TimestampMs;

/// Most rows of one chunk; a damaged header cannot ask for more memory than this.
pub const MAX_ROWS: usize = 1 << 20;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + 4 + 8 + 8;
const COMPRESSION_LEVEL: usize = 6;
const TIMES_REGULAR: u8 = 0;
const TIMES_PACKED: u8 = 1;
const COLUMN_CONSTANT: u8 = 0;
const COLUMN_DECIMAL: u8 = 1;
const COLUMN_FLOAT: u8 = 2;
/// Powers of ten tried for decimals; more digits than this compress no better than floats.
const MAX_EXPONENT: u8 = 6;
/// Integers up to here are exact as floats.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Why bytes are not a chunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes end early, or a length in them is impossible.
    #[error("chunk damaged: {0}")]
    Damaged(&'static str),
    /// Written by a later version.
    #[error("chunk version {0} is not known here (known: {VERSION}); open it with the version that wrote it")]
    Version(u8),
    /// The checksum does not match.
    #[error("chunk damaged: checksum is {found:08x}, should be {expected:08x}")]
    Checksum {
        /// As computed.
        found: u32,
        /// As written.
        expected: u32,
    },
    /// Rows that cannot be encoded.
    #[error("a chunk holds 1 to {MAX_ROWS} rows in columns of equal length")]
    Shape,
    /// The compressor failed.
    #[error("compression: {0}")]
    Compression(String),
}

/// Times and columns of a chunk.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decoded {
    /// One time a row.
    pub times: Vec<TimestampMs>,
    /// Columns, each with one value a row.
    pub columns: Vec<Vec<f64>>,
}

/// What the header tells without decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How many rows.
    pub rows: usize,
    /// Time of the first row.
    pub first: TimestampMs,
    /// Time of the last row.
    pub last: TimestampMs,
}

/// Encodes rows whose times rise.
///
/// # Errors
/// [`CodecError::Shape`] when there are no rows, too many, or columns of unequal length.
pub fn encode(times: &[TimestampMs], columns: &[&[f64]]) -> Result<Vec<u8>, CodecError> {
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return Err(CodecError::Shape) };
    if times.len() > MAX_ROWS || columns.iter().any(|c| c.len() != times.len()) {
        return Err(CodecError::Shape);
    }
    let column_count = u8::try_from(columns.len()).map_err(|_| CodecError::Shape)?;
    let mut out = Vec::with_capacity(HEADER_BYTES + 64 + times.len() * columns.len() * 2);
    out.push(VERSION);
    out.extend_from_slice(&(times.len() as u32).to_le_bytes());
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&last.to_le_bytes());
    encode_times(times, &mut out)?;
    out.push(column_count);
    for column in columns {
        encode_column(column, &mut out)?;
    }
    let checksum = crc32fast::hash(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    Ok(out)
}

fn config() -> ChunkConfig {
    ChunkConfig::default().with_compression_level(COMPRESSION_LEVEL)
}

fn encode_times(times: &[TimestampMs], out: &mut Vec<u8>) -> Result<(), CodecError> {
    let step = times.get(1).map_or(0, |second| second.wrapping_sub(times[0]));
    if times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step) {
        out.push(TIMES_REGULAR);
        out.extend_from_slice(&step.to_le_bytes());
        return Ok(());
    }
    out.push(TIMES_PACKED);
    push_block(out, simple_compress(times, &config()))
}

fn encode_column(values: &[f64], out: &mut Vec<u8>) -> Result<(), CodecError> {
    let bits = values[0].to_bits();
    if values.iter().all(|v| v.to_bits() == bits) {
        out.push(COLUMN_CONSTANT);
        out.extend_from_slice(&bits.to_le_bytes());
        return Ok(());
    }
    if let Some((exponent, scaled)) = as_decimals(values) {
        out.push(COLUMN_DECIMAL);
        out.push(exponent);
        return push_block(out, simple_compress(&scaled, &config()));
    }
    out.push(COLUMN_FLOAT);
    push_block(out, simple_compress(values, &config()))
}

fn push_block(out: &mut Vec<u8>, block: pco::errors::PcoResult<Vec<u8>>) -> Result<(), CodecError> {
    let block = block.map_err(|error| CodecError::Compression(error.to_string()))?;
    out.extend_from_slice(&(block.len() as u32).to_le_bytes());
    out.extend_from_slice(&block);
    Ok(())
}

/// The smallest power of ten that makes every value an integer, and the integers; none where any bit would be lost.
fn as_decimals(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut exponent = 0;
    'next: while exponent <= MAX_EXPONENT {
        let factor = 10f64.powi(i32::from(exponent));
        let mut scaled = Vec::with_capacity(values.len());
        for &value in values {
            let integer = (value * factor).round();
            if !integer.is_finite() || integer.abs() >= MAX_EXACT {
                return None;
            }
            if (integer as i64 as f64 / factor).to_bits() != value.to_bits() {
                exponent += 1;
                continue 'next;
            }
            scaled.push(integer as i64);
        }
        return Some((exponent, scaled));
    }
    None
}

/// Reads the header alone.
///
/// # Errors
/// [`CodecError`] when the bytes cannot be a chunk of this version.
pub fn header(bytes: &[u8]) -> Result<Header, CodecError> {
    let mut reader = Reader { bytes };
    let version = reader.u8()?;
    if version != VERSION {
        return Err(CodecError::Version(version));
    }
    let rows = reader.u32()? as usize;
    if rows == 0 || rows > MAX_ROWS {
        return Err(CodecError::Damaged("the number of rows is impossible"));
    }
    Ok(Header { rows, first: reader.i64()?, last: reader.i64()? })
}

/// Decodes a chunk.
///
/// # Errors
/// [`CodecError`] for anything that [`encode`] does not write.
pub fn decode(bytes: &[u8]) -> Result<Decoded, CodecError> {
    let Header { rows, first, .. } = header(bytes)?;
    let (body, checksum) = bytes.split_last_chunk::<4>().ok_or(CodecError::Damaged("too short"))?;
    let (found, expected) = (crc32fast::hash(body), u32::from_le_bytes(*checksum));
    if found != expected {
        return Err(CodecError::Checksum { found, expected });
    }
    let mut reader = Reader { bytes: body.get(HEADER_BYTES..).ok_or(CodecError::Damaged("too short"))? };
    let times = match reader.u8()? {
        TIMES_REGULAR => {
            let step = reader.i64()?;
            (0..rows as i64).map(|row| first.wrapping_add(row.wrapping_mul(step))).collect()
        }
        TIMES_PACKED => unpack::<i64>(reader.block()?, rows)?,
        _ => return Err(CodecError::Damaged("unknown encoding of times")),
    };
    let column_count = reader.u8()?;
    let mut columns = Vec::with_capacity(usize::from(column_count));
    for _ in 0..column_count {
        columns.push(match reader.u8()? {
            COLUMN_CONSTANT => vec![f64::from_bits(reader.i64()? as u64); rows],
            COLUMN_DECIMAL => {
                let exponent = reader.u8()?;
                if exponent > MAX_EXPONENT {
                    return Err(CodecError::Damaged("impossible exponent"));
                }
                let factor = 10f64.powi(i32::from(exponent));
                unpack::<i64>(reader.block()?, rows)?.into_iter().map(|v| v as f64 / factor).collect()
            }
            COLUMN_FLOAT => unpack::<f64>(reader.block()?, rows)?,
            _ => return Err(CodecError::Damaged("unknown encoding of a column")),
        });
    }
    Ok(Decoded { times, columns })
}

fn unpack<T: pco::data_types::Number>(block: &[u8], rows: usize) -> Result<Vec<T>, CodecError> {
    let values = simple_decompress::<T>(block).map_err(|error| CodecError::Compression(error.to_string()))?;
    if values.len() == rows { Ok(values) } else { Err(CodecError::Damaged("a column has another number of rows")) }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (head, tail) = self.bytes.split_first_chunk::<N>().ok_or(CodecError::Damaged("too short"))?;
        self.bytes = tail;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, CodecError> {
        self.take::<1>().map(|b| b[0])
    }

    fn u32(&mut self) -> Result<u32, CodecError> {
        self.take().map(u32::from_le_bytes)
    }

    fn i64(&mut self) -> Result<i64, CodecError> {
        self.take().map(i64::from_le_bytes)
    }

    fn block(&mut self) -> Result<&'a [u8], CodecError> {
        let length = self.u32()? as usize;
        let (block, tail) = self.bytes.split_at_checked(length).ok_or(CodecError::Damaged("a length points past the end"))?;
        self.bytes = tail;
        Ok(block)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        ]
    }

    proptest! {
        #[test]
        fn a_chunk_gives_back_every_bit(rows in prop::collection::btree_map(any::<i64>(), (any_value(), any_value()), 1..400)) {
            let times: Vec<i64> = rows.keys().copied().collect();
            let a: Vec<f64> = rows.values().map(|v| v.0).collect();
            let b: Vec<f64> = rows.values().map(|v| v.1).collect();
            let decoded = decode(&encode(&times, &[&a, &b]).unwrap()).unwrap();
            prop_assert_eq!(&decoded.times, &times);
            prop_assert_eq!(bits(&decoded.columns[0]), bits(&a));
            prop_assert_eq!(bits(&decoded.columns[1]), bits(&b));
        }

        #[test]
        fn damaged_bytes_are_refused_and_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..200, flip in 1u8..) {
            let _ = decode(&bytes);
            let good = encode(&[1, 2, 4], &[&[0.5, 0.25, 9.0]]).unwrap();
            bytes.clone_from(&good);
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert!(decode(&bytes).is_err());
            prop_assert!(decode(&good[..at]).is_err());
        }
    }

    #[test]
    fn constants_and_decimals_are_small() {
        let times: Vec<i64> = (0..360).map(|i| i * 10_000).collect();
        let constant = encode(&times, &[&[42.5; 360]]).unwrap();
        assert!(constant.len() < 64, "{}", constant.len());
        let percent: Vec<f64> = (0..360).map(|i| f64::from((i * 7919) % 10_000) / 100.0).collect();
        assert!(encode(&times, &[&percent]).unwrap().len() < 360 * 2 + 64);
    }

    #[test]
    fn shapes_that_are_no_chunk_are_refused() {
        assert_eq!(encode(&[], &[]), Err(CodecError::Shape));
        assert_eq!(encode(&[1, 2], &[&[1.0]]), Err(CodecError::Shape));
        assert!(matches!(header(&[9; 30]), Err(CodecError::Version(9))));
    }
}
