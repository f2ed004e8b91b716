//! Columns of one series as bytes: times and values in, small bytes out, bit for bit back.
//!
//! First byte of a column of times: `0 zigzag-varint(step)` where they are regular, `1 packed(i64)` after the differences between
//! the first times of its pages, `2 varint…` (the first difference, then differences of differences). First byte of a column of
//! values: `0 bits u64` where it is constant, `1 exponent u8 packed(i64)` where every value is a decimal that scales to an
//! integer exactly, `2 packed(f64)`, `3 exponent u8 varint…` (differences of the scaled integers), `4 f64…` as they are. Packed
//! is `pco` in pages of [`PAGE_ROWS`] that are read by themselves: length and bytes of what they share, their lengths, their
//! bytes. How many rows there are and the first time stand with the caller, as do checksums and where the bytes are kept.

use std::ops::Range;

use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, PagingSpec};

use crate::model::TimestampMs;

/// Most rows of one column; a damaged count cannot ask for more memory than this.
pub const MAX_ROWS: usize = 1 << 20;

/// Rows of a page: so many are decoded to read a few. With 2,048 a day of host metrics takes 0.03 bytes a sample less.
pub const PAGE_ROWS: usize = 512;
/// Rows that the compressor decodes at a time: a page may be left after any of them.
const STEP_ROWS: usize = 256;
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

/// How many rows the pages of so many have.
fn pages(rows: usize) -> impl Iterator<Item = usize> {
    (0..rows).step_by(PAGE_ROWS).map(move |from| (rows - from).min(PAGE_ROWS))
}

fn pack<T: pco::data_types::Number>(numbers: &[T], out: &mut Vec<u8>) -> Result<(), CodecError> {
    let config = ChunkConfig::default()
        .with_compression_level(COMPRESSION_LEVEL)
        .with_paging_spec(PagingSpec::Exact(pages(numbers.len()).collect()));
    let mut write = || -> pco::errors::PcoResult<()> {
        let file = FileCompressor::default();
        let mut chunk = file.chunk_compressor(numbers, &config)?;
        let shared = chunk.write_meta(file.write_header(Vec::new())?)?;
        let mut lengths = Vec::new();
        let mut bytes = Vec::with_capacity(numbers.len() * 2);
        for page in 0..chunk.n_per_page().len() {
            let from = bytes.len();
            bytes = chunk.write_page(page, bytes)?;
            lengths.push(bytes.len() - from);
        }
        push_varint(out, shared.len() as u64);
        out.extend_from_slice(&shared);
        lengths.into_iter().for_each(|length| push_varint(out, length as u64));
        out.extend_from_slice(&bytes);
        Ok(())
    };
    write().map_err(|error| CodecError::Compression(error.to_string()))
}

/// The rows of the pages that hold any of `wanted`, the last as far as it is needed; and the first of them.
fn unpack<T: pco::data_types::Number>(mut bytes: &[u8], rows: usize, wanted: &Range<usize>) -> Result<(usize, Vec<T>), CodecError> {
    let failed = |error: pco::errors::PcoError| CodecError::Compression(error.to_string());
    let length = take_varint(&mut bytes)? as usize;
    let (shared, mut bytes) = bytes.split_at_checked(length).ok_or(TOO_SHORT)?;
    let mut lengths = Vec::with_capacity(rows.div_ceil(PAGE_ROWS));
    for _ in pages(rows) {
        lengths.push(take_varint(&mut bytes)? as usize);
    }
    let (file, rest) = FileDecompressor::new(shared).map_err(failed)?;
    let (mut chunk, _) = file.chunk_decompressor::<T, _>(rest).map_err(failed)?;
    let (mut out, mut first) = (Vec::new(), None);
    for ((at, count), length) in (0..).zip(pages(rows)).zip(lengths) {
        let (page, rest) = bytes.split_at_checked(length).ok_or(TOO_SHORT)?;
        bytes = rest;
        let from: usize = at * PAGE_ROWS;
        if from >= wanted.end || from + count <= wanted.start {
            continue;
        }
        first.get_or_insert(from);
        let place = out.len();
        let needed = (wanted.end - from).next_multiple_of(STEP_ROWS).min(count);
        out.resize(place + needed, T::default());
        let progress = chunk.page_decompressor(page, count).and_then(|mut page| page.read(&mut out[place..])).map_err(failed)?;
        if progress.n_processed != needed {
            return Err(CodecError::Damaged("a page has another number of rows"));
        }
    }
    Ok((first.unwrap_or(0), out))
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Times.
    Times,
    /// Values.
    Values,
}

/// Where the runs of a packed column lie within its bytes, [`PAGE_ROWS`] rows each; what is before the first belongs to all
/// of them. None where the column is not packed or not sound.
#[must_use]
pub fn runs(bytes: &[u8], rows: usize, column: Column) -> Option<Vec<Range<usize>>> {
    let mut rest = bytes;
    let kind = check(rest, rows).map(|(kind, tail)| (*kind, tail)).ok()?;
    rest = kind.1;
    match (column, kind.0) {
        (Column::Times, TIMES_PACKED) => pages(rows).skip(1).try_for_each(|_| take_signed(&mut rest).map(drop)).ok()?,
        (Column::Values, VALUES_DECIMAL) => rest = rest.get(1..)?,
        (Column::Values, VALUES_FLOAT) => {}
        _ => return None,
    }
    let shared = take_varint(&mut rest).ok()? as usize;
    rest = rest.get(shared..)?;
    let lengths = pages(rows).map(|_| take_varint(&mut rest).map(|length| length as usize)).collect::<Result<Vec<_>, _>>().ok()?;
    let mut at = bytes.len() - rest.len();
    let mut runs = Vec::with_capacity(lengths.len());
    for length in lengths {
        let to = at.checked_add(length).filter(|to| *to <= bytes.len())?;
        runs.push(at..to);
        at = to;
    }
    Some(runs)
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

/// Reads a column of `rows` times that begins with `first`.
///
/// # Errors
/// [`CodecError`] for anything that [`encode_times`] does not write.
pub fn decode_times(bytes: &[u8], rows: usize, first: TimestampMs) -> Result<Vec<TimestampMs>, CodecError> {
    Ok(decode_times_within(bytes, rows, first, TimestampMs::MIN, TimestampMs::MAX)?.1)
}

/// As [`decode_times`], but at the least the times within `[start, end]`, of a column that rises; and the row of the first.
///
/// # Errors
/// As [`decode_times`].
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
            // The page before the first that begins after the start; up to the last that does not begin after the end.
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

/// Reads one run of a packed column of times: `rows` of its `of` rows, those of the other runs need not be sound.
///
/// # Errors
/// As [`decode_times`].
pub fn decode_times_run(bytes: &[u8], of: usize, rows: &Range<usize>) -> Result<Vec<TimestampMs>, CodecError> {
    let (&kind, mut rest) = check(bytes, of)?;
    if kind != TIMES_PACKED {
        return Err(CodecError::Damaged("a column without runs"));
    }
    pages(of).skip(1).try_for_each(|_| take_signed(&mut rest).map(drop))?;
    Ok(unpack::<i64>(rest, of, rows)?.1)
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

/// Reads a column of `rows` values.
///
/// # Errors
/// [`CodecError`] for anything that [`encode_values`] does not write.
pub fn decode_values(bytes: &[u8], rows: usize) -> Result<Vec<f64>, CodecError> {
    Ok(decode_values_within(bytes, rows, &(0..rows))?.1)
}

/// As [`decode_values`], but at the least the rows that are wanted; and the first of them.
///
/// # Errors
/// As [`decode_values`].
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

/// The smallest exponent with which every value is a decimal of few digits, exactly; none where there is none.
pub(crate) fn decimal_exponent(values: &[f64]) -> Option<u8> {
    (0..=MAX_EXPONENT).find(|&exponent| values.iter().all(|v| to_decimal(*v, exponent).is_some()))
}

/// The integer that a value is when scaled by a power of ten; none where any bit would be lost.
pub(crate) fn to_decimal(value: f64, exponent: u8) -> Option<i64> {
    let factor = POWERS.get(usize::from(exponent))?;
    let product = (value * factor).round();
    let integer = product as i64;
    // Through the integer, which knows no -0.
    (product.abs() < MAX_EXACT && from_decimal(integer, exponent).to_bits() == value.to_bits()).then_some(integer)
}

/// What [`to_decimal`] was given.
pub(crate) fn from_decimal(integer: i64, exponent: u8) -> f64 {
    integer as f64 / POWERS[usize::from(exponent.min(MAX_EXPONENT))]
}

/// The decimal next to a value; none where it has too many digits.
pub(crate) fn nearest_decimal(value: f64, exponent: u8) -> Option<f64> {
    let factor = POWERS.get(usize::from(exponent))?;
    let product = (value * factor).round();
    (product.abs() < MAX_EXACT).then(|| from_decimal(product as i64, exponent))
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
mod tests;
