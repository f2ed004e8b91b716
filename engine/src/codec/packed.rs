//! Columns compressed by `pco`, in pages that are decoded one by one.

use std::ops::Range;

use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, PagingSpec};

use super::{CodecError, PAGE_ROWS, TIMES_PACKED, TOO_SHORT, VALUES_DECIMAL, VALUES_FLOAT, check, push_varint, take_signed, take_varint};

/// Rows that the compressor decodes at a time; decoding of a page can stop after any of these steps.
pub(super) const STEP_ROWS: usize = 256;
pub(super) const COMPRESSION_LEVEL: usize = 6;

/// The number of rows of each page.
pub(super) fn pages(rows: usize) -> impl Iterator<Item = usize> {
    (0..rows).step_by(PAGE_ROWS).map(move |from| (rows - from).min(PAGE_ROWS))
}

pub(super) fn pack<T: pco::data_types::Number>(numbers: &[T], out: &mut Vec<u8>) -> Result<(), CodecError> {
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

/// Decodes the pages that hold any of `wanted`, the last one as far as needed. Returns the first decoded row as well.
pub(super) fn unpack<T: pco::data_types::Number>(
    mut bytes: &[u8],
    rows: usize,
    wanted: &Range<usize>,
) -> Result<(usize, Vec<T>), CodecError> {
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

/// The kind of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Times.
    Times,
    /// Values.
    Values,
}

/// Byte ranges of the pages of a packed column, of [`PAGE_ROWS`] rows each; the bytes before the first page are shared by all.
/// `None` if the column is not packed or is damaged.
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
