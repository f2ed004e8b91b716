//! A block: about a megabyte of lines in columns, compressed, each column with its own checksum in the directory of its file.
//!
//! ```text
//! rows        of one stream, or runs of several small streams; the lines of a run by time
//! times       first time signed, then `codec::encode_times`
//! severities  pairs of a count and a severity
//! lengths     empty where bodies end with a line feed; else zstd of varints
//! bodies      zstd of all bodies, each with a line feed behind it where `lengths` is empty
//! details     empty where no line has any; else zstd of attributes by their keys, then traces and spans
//! filter      see `filter`
//! ```
//!
//! Bodies and details of spans have columns of their own (`crate::span_store::columns`), and neither lengths nor a filter.
//!
//! A line feed between bodies costs almost nothing in compressed text, where lengths of their own are several percent.

use std::collections::HashMap;

use super::filter::Filter;
use super::kind::Kind;
use super::rows::{HAS_SPAN, HAS_TRACE, Row, Rows, each_trace, push_bytes, take_array, take_bytes};
use crate::codec::{CodecError, Effort, decode_times, encode_times, push_signed, push_varint, take_signed, take_varint};
use crate::logs::record::TimeNs;
use crate::span_store::columns;

/// Rows at which a block is cut.
const BLOCK_ROWS: usize = 1 << 18;
/// Most bytes of a column once it is decompressed: damage cannot ask for more memory. A block has less, even with one line of the most
/// attributes.
const MOST_BYTES: usize = 32 << 20;
/// The level of zstd: higher ones take several times as long for a few percent.
const LEVEL: i32 = 3;
const FEED: u8 = b'\n';

/// The columns, by their place in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Times,
    Severities,
    Lengths,
    Bodies,
    Details,
    Filter,
}

impl Column {
    pub(super) const ALL: [Self; 6] = [Self::Times, Self::Severities, Self::Lengths, Self::Bodies, Self::Details, Self::Filter];
}

/// Lines of one stream that lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Its place among the streams of the file.
    pub(super) stream: u32,
    pub(super) rows: u32,
    pub(super) first: TimeNs,
    pub(super) last: TimeNs,
}

/// What the directory says of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) bytes: u32,
    pub(super) crc: u32,
}

/// What the directory says of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where its first column begins in the file.
    pub(super) at: u64,
    /// Length of its bodies before compression, line feeds included.
    pub(super) text: u32,
    /// Bytes of bodies and details of its lines.
    pub(super) weight: u32,
    pub(super) runs: Vec<Run>,
    pub(super) columns: [Place; Column::ALL.len()],
}

impl Entry {
    pub(super) fn rows(&self) -> usize {
        self.runs.iter().map(|run| run.rows as usize).sum()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.columns.iter().map(|column| u64::from(column.bytes)).sum()
    }

    /// Where a column lies in the file.
    pub(super) fn place(&self, column: Column) -> (u64, Place) {
        let before: u64 = self.columns[..column as usize].iter().map(|place| u64::from(place.bytes)).sum();
        (self.at + before, self.columns[column as usize])
    }
}

/// Which columns are decoded beside times and severities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) bodies: bool,
    pub(super) details: bool,
}

impl Wanted {
    pub(super) const ALL: Self = Self { bodies: true, details: true };
    pub(super) const TIMES: Self = Self { bodies: false, details: false };
}

/// Collects lines until they are a block.
pub(super) struct Builder {
    kind: Kind,
    rows: Rows,
    runs: Vec<Run>,
    compressor: zstd::bulk::Compressor<'static>,
}

impl Builder {
    pub(super) fn new(kind: Kind) -> std::io::Result<Self> {
        Ok(Self { kind, rows: Rows::default(), runs: Vec::new(), compressor: zstd::bulk::Compressor::new(LEVEL)? })
    }

    /// Adds a line; those of a stream come together and by time.
    pub(super) fn push(&mut self, stream: u32, row: Row<'_>) {
        match self.runs.last_mut().filter(|run| run.stream == stream) {
            Some(run) => (run.rows, run.last) = (run.rows + 1, row.time),
            None => self.runs.push(Run { stream, rows: 1, first: row.time, last: row.time }),
        }
        self.rows.push(row);
    }

    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.text() >= self.kind.block_text() || self.rows.len() >= BLOCK_ROWS
    }

    pub(super) fn text(&self) -> usize {
        self.rows.text()
    }

    /// Appends the columns of the block to `out` and gives its entry, which begins at `at`. The builder is empty then.
    pub(super) fn finish(&mut self, at: u64, out: &mut Vec<u8>) -> Result<Entry, CodecError> {
        let (rows, runs) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.runs));
        let mut columns = [Place::default(); Column::ALL.len()];
        let mut text = 0;
        for column in Column::ALL {
            let from = out.len();
            match column {
                Column::Times => {
                    push_signed(out, rows.times.first().copied().unwrap_or(0));
                    encode_times(&rows.times, Effort::Thorough, out)?;
                }
                Column::Severities => encode_severities(&rows.severities, out),
                Column::Bodies if self.kind == Kind::Spans => columns::encode_bodies(&rows, out)?,
                Column::Details if self.kind == Kind::Spans => columns::encode_ids(&rows, out)?,
                Column::Lengths | Column::Filter if self.kind == Kind::Spans => {}
                Column::Lengths if self.has_feeds(&rows) => {
                    let mut lengths = Vec::with_capacity(2 * rows.len());
                    (0..rows.len()).for_each(|row| push_varint(&mut lengths, rows.body(row).len() as u64));
                    push_varint(out, lengths.len() as u64);
                    self.compress(&lengths, out)?;
                }
                Column::Lengths => {}
                Column::Bodies if columns[Column::Lengths as usize].bytes > 0 => {
                    text = rows.bodies.len();
                    self.compress(&rows.bodies, out)?;
                }
                Column::Bodies => {
                    let mut bodies = Vec::with_capacity(rows.bodies.len() + rows.len());
                    for row in 0..rows.len() {
                        bodies.extend_from_slice(rows.body(row));
                        bodies.push(FEED);
                    }
                    text = bodies.len();
                    self.compress(&bodies, out)?;
                }
                Column::Details => {
                    if let Some(details) = encode_details(&rows)? {
                        push_varint(out, details.len() as u64);
                        self.compress(&details, out)?;
                    }
                }
                Column::Filter => {
                    let mut filter = Filter::default();
                    for row in 0..rows.len() {
                        filter.add(rows.body(row));
                        each_trace(rows.details(row), |id| filter.add_trace(id))?;
                    }
                    out.extend_from_slice(&filter.encode());
                }
            }
            let bytes = out.get(from..).unwrap_or_default();
            columns[column as usize] = Place { bytes: bytes.len() as u32, crc: crc32fast::hash(bytes) };
        }
        Ok(Entry { at, text: text as u32, weight: rows.text() as u32, runs, columns })
    }

    fn has_feeds(&self, rows: &Rows) -> bool {
        memchr::memchr(FEED, &rows.bodies).is_some()
    }

    fn compress(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let compressed = self.compressor.compress(bytes).map_err(|error| CodecError::Compression(error.to_string()))?;
        out.extend_from_slice(&compressed);
        Ok(())
    }
}

/// Decodes the wanted columns of a block. `read` gives the bytes of a column, with their checksum already held against the directory.
///
/// # Errors
/// What `read` gives, and [`CodecError`] for anything that [`Builder::finish`] does not write.
pub(super) fn decode<E: From<CodecError>, B: std::ops::Deref<Target = [u8]>>(
    kind: Kind,
    entry: &Entry,
    wanted: Wanted,
    mut read: impl FnMut(Column) -> Result<B, E>,
) -> Result<Rows, E> {
    let count = entry.rows();
    let times = read(Column::Times)?;
    let mut rest = &*times;
    let first = take_signed(&mut rest)?;
    let mut rows = Rows { times: decode_times(rest, count, first)?, ..Rows::default() };
    if rows.times.len() != count {
        return Err(CodecError::Damaged("another number of times").into());
    }
    rows.severities = decode_severities(&read(Column::Severities)?, count)?;
    if kind == Kind::Spans {
        if wanted.bodies || wanted.details {
            columns::decode_ids(&read(Column::Details)?, count, &mut rows)?;
        }
        if wanted.bodies {
            columns::decode_bodies(&read(Column::Bodies)?, &mut rows, |_| true)?;
        }
        return Ok(rows);
    }
    if wanted.bodies {
        rows.bodies = decompress(&read(Column::Bodies)?, entry.text as usize)?;
        let lengths = read(Column::Lengths)?;
        if lengths.is_empty() {
            rows.gap = 1;
            rows.body_ends.reserve(count);
            rows.body_ends.extend(memchr::memchr_iter(FEED, &rows.bodies).map(|at| at as u32));
        } else {
            rows.body_ends = decode_lengths(&lengths, count)?;
        }
        let end = rows.body_ends.last().map_or(0, |end| *end as usize + rows.gap as usize);
        if rows.body_ends.len() != count || end != rows.bodies.len() {
            return Err(CodecError::Damaged("another number of bodies").into());
        }
    }
    if wanted.details {
        let details = read(Column::Details)?;
        if !details.is_empty() {
            let mut rest = &*details;
            let length = take_varint(&mut rest)? as usize;
            decode_details(&decompress(rest, length)?, count, &mut rows)?;
        }
    }
    Ok(rows)
}

fn decompress(bytes: &[u8], length: usize) -> Result<Vec<u8>, CodecError> {
    if length > MOST_BYTES {
        return Err(CodecError::Damaged("a column is longer than one may be"));
    }
    let text = zstd::bulk::decompress(bytes, length).map_err(|error| CodecError::Compression(error.to_string()))?;
    if text.len() == length { Ok(text) } else { Err(CodecError::Damaged("a column has another length")) }
}

fn encode_severities(severities: &[u8], out: &mut Vec<u8>) {
    for run in severities.chunk_by(|a, b| a == b) {
        push_varint(out, run.len() as u64);
        out.push(run[0]);
    }
}

fn decode_severities(mut bytes: &[u8], rows: usize) -> Result<Vec<u8>, CodecError> {
    let mut severities = Vec::with_capacity(rows);
    while !bytes.is_empty() {
        let count = usize::try_from(take_varint(&mut bytes)?).unwrap_or(usize::MAX);
        let [severity] = take_array(&mut bytes)?;
        if count > rows - severities.len() {
            return Err(CodecError::Damaged("more severities than lines"));
        }
        severities.resize(severities.len() + count, severity);
    }
    if severities.len() == rows { Ok(severities) } else { Err(CodecError::Damaged("fewer severities than lines")) }
}

fn decode_lengths(mut bytes: &[u8], rows: usize) -> Result<Vec<u32>, CodecError> {
    let length = take_varint(&mut bytes)? as usize;
    let lengths = decompress(bytes, length)?;
    let (mut rest, mut end) = (lengths.as_slice(), 0u64);
    let mut ends = Vec::with_capacity(rows);
    while !rest.is_empty() && ends.len() < rows {
        end = end.saturating_add(take_varint(&mut rest)?);
        ends.push(u32::try_from(end).map_err(|_| CodecError::Damaged("a body is longer than one may be"))?);
    }
    Ok(ends)
}

/// Details by shape: which of trace and span a line has, and which attributes. Values of one key lie together.
///
/// ```text
/// count · shapes: flags, count, names · shape of each line + 1, 0 for none · for each shape and name: length and bytes of each value
/// · traces · spans
/// ```
fn encode_details(rows: &Rows) -> Result<Option<Vec<u8>>, CodecError> {
    if rows.details.is_empty() {
        return Ok(None);
    }
    let mut known: HashMap<(u8, Vec<&[u8]>), usize> = HashMap::new();
    let mut shapes: Vec<(Vec<u8>, Vec<Vec<u8>>)> = Vec::new();
    let (mut of_rows, mut traces, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..rows.len() {
        let Some((flags, mut rest)) = rows.details(row).split_first() else {
            push_varint(&mut of_rows, 0);
            continue;
        };
        if flags & HAS_TRACE != 0 {
            traces.extend_from_slice(&take_array::<16>(&mut rest)?);
        }
        if flags & HAS_SPAN != 0 {
            spans.extend_from_slice(&take_array::<8>(&mut rest)?);
        }
        let count = take_varint(&mut rest)?;
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for _ in 0..count {
            names.push(take_bytes(&mut rest)?);
            values.push(take_bytes(&mut rest)?);
        }
        let shape = *known.entry((*flags, names)).or_insert_with_key(|(flags, names)| {
            let mut head = vec![*flags];
            push_varint(&mut head, names.len() as u64);
            names.iter().for_each(|name| push_bytes(&mut head, name));
            shapes.push((head, vec![Vec::new(); names.len()]));
            shapes.len() - 1
        });
        push_varint(&mut of_rows, shape as u64 + 1);
        for (column, value) in shapes[shape].1.iter_mut().zip(values) {
            push_bytes(column, value);
        }
    }
    let mut out = Vec::with_capacity(rows.details.len());
    push_varint(&mut out, shapes.len() as u64);
    shapes.iter().for_each(|(head, _)| out.extend_from_slice(head));
    out.extend_from_slice(&of_rows);
    shapes.iter().flat_map(|(_, columns)| columns).for_each(|column| out.extend_from_slice(column));
    out.extend_from_slice(&traces);
    out.extend_from_slice(&spans);
    Ok(Some(out))
}

fn decode_details(bytes: &[u8], count: usize, rows: &mut Rows) -> Result<(), CodecError> {
    let mut rest = bytes;
    let shapes = take_shapes(&mut rest)?;
    let (mut of_rows, mut uses) = (Vec::with_capacity(count), vec![0usize; shapes.len()]);
    for _ in 0..count {
        let shape = usize::try_from(take_varint(&mut rest)?).unwrap_or(usize::MAX).checked_sub(1);
        if let Some(shape) = shape {
            *uses.get_mut(shape).ok_or(CodecError::Damaged("an unknown shape"))? += 1;
        }
        of_rows.push(shape);
    }
    // Where the values of each name of each shape begin.
    let mut columns: Vec<Vec<&[u8]>> = Vec::with_capacity(shapes.len());
    for ((_, names), uses) in shapes.iter().zip(uses) {
        let mut of_shape = Vec::with_capacity(names.len());
        for _ in names {
            of_shape.push(rest);
            for _ in 0..uses {
                take_bytes(&mut rest)?;
            }
        }
        columns.push(of_shape);
    }
    let with = |flag: u8| of_rows.iter().flatten().filter(|shape| shapes[**shape].0 & flag != 0).count();
    let (traces, spans) = (with(HAS_TRACE) * 16, with(HAS_SPAN) * 8);
    if rest.len() != traces + spans {
        return Err(CodecError::Damaged("another number of traces and spans"));
    }
    let (mut traces, mut spans) = rest.split_at(traces);
    for shape in of_rows {
        if let Some(shape) = shape {
            let (flags, names) = &shapes[shape];
            rows.details.push(*flags);
            if flags & HAS_TRACE != 0 {
                rows.details.extend_from_slice(&take_array::<16>(&mut traces)?);
            }
            if flags & HAS_SPAN != 0 {
                rows.details.extend_from_slice(&take_array::<8>(&mut spans)?);
            }
            push_varint(&mut rows.details, names.len() as u64);
            for (name, column) in names.iter().zip(&mut columns[shape]) {
                push_bytes(&mut rows.details, name);
                push_bytes(&mut rows.details, take_bytes(column)?);
            }
            if rows.details.len() > MOST_BYTES {
                return Err(CodecError::Damaged("more details than a block may have"));
            }
        }
        rows.detail_ends.push(rows.details.len() as u32);
    }
    Ok(())
}

type Shapes<'a> = Vec<(u8, Vec<&'a [u8]>)>;

fn take_shapes<'a>(rest: &mut &'a [u8]) -> Result<Shapes<'a>, CodecError> {
    let mut shapes = Vec::new();
    for _ in 0..take_varint(rest)? {
        let [flags] = take_array(rest)?;
        let mut names = Vec::new();
        for _ in 0..take_varint(rest)? {
            names.push(take_bytes(rest)?);
        }
        shapes.push((flags, names));
    }
    Ok(shapes)
}
