//! Pages: the chunks of several series together, with the time columns that they share.
//!
//! Layout: pieces (a column or the columns of windows, then its crc32), the directory (its crc32 last) twice, the length of the
//! directory as u32 twice. The directory lists the distinct time columns (position, rows, first, last) and, by rising series and
//! kind, the chunks (position, time column, and the smallest and largest value of long ones). All numbers are varints. A piece can
//! be read without its neighbours. A page does not know in which file it is.
//!
//! What many chunks need is stored twice, so that one bad byte costs at most one chunk: the directory, and time columns shared by
//! several chunks. A column of several blocks of rows is followed by a spare: a second copy of what its blocks share, and a
//! checksum of each block; with it one bad byte costs one block. Spares and second copies are read only after damage.

mod builder;
mod directory;

pub(super) use self::builder::PageBuilder;
pub(super) use self::directory::{Damage, Directory};
use super::chunk_file::Key;
use super::hours;
use super::read_buffer::Bytes;
use crate::codec::{self, CodecError, Column, Effort, PAGE_ROWS, push_signed, push_varint, take_signed, take_varint};
use crate::model::{Columns, Comparison, SeriesId, TimestampMs};
use crate::windows::WindowRow;

/// First and last time of a read, inclusive.
pub(super) type Within = (TimestampMs, TimestampMs);

/// All times.
pub(super) const ALWAYS: Within = (TimestampMs::MIN, TimestampMs::MAX);

/// A filter on the values of a scan; `None` for all values.
pub(super) type Wanted = Option<(Comparison, f64)>;

/// What a chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ChunkKind {
    /// Samples.
    Samples = 0,
    /// Windows of an hour.
    Hours = 1,
}

impl ChunkKind {
    fn of(byte: u64) -> Result<Self, CodecError> {
        match byte {
            0 => Ok(Self::Samples),
            1 => Ok(Self::Hours),
            _ => Err(CodecError::Damaged("unknown kind of chunk")),
        }
    }
}

/// Length of the checksum of a piece or directory.
const CRC: usize = 4;
/// Bytes at the end of a page with the length of its directory, twice.
const TAIL: usize = 8;
/// Bytes at the end of a page that are read first.
const NEAR: u64 = 4 << 10;
/// Flags of a chunk in the directory: its values have a spare; its bounds are stored.
const HAS_SPARE: u64 = 1 << 6;
const HAS_BOUNDS: u64 = 1 << 7;

/// A distinct time column.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Times {
    offset: u64,
    len: u64,
    /// Length of the spare that follows it; 0 if there is none.
    spare: u64,
    /// Position of its second copy; 0 if there is none.
    copy: u64,
    rows: u64,
    first: TimestampMs,
    last: TimestampMs,
}

/// A chunk, as listed in the directory.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chunk {
    pub(super) kind: ChunkKind,
    pub(super) id: SeriesId,
    offset: u64,
    len: u64,
    /// Length of the spare after its values; 0 if there is none.
    spare: u64,
    times: usize,
    pub(super) rows: usize,
    pub(super) first: TimestampMs,
    pub(super) last: TimestampMs,
    /// Smallest and largest value, ignoring NaN; `None` for short chunks.
    pub(super) bounds: Option<(f64, f64)>,
}

impl Chunk {
    /// Whether any value can pass the filter; false only if certainly none does.
    pub(super) fn may_hold(&self, wanted: Wanted) -> bool {
        let (Some((op, threshold)), Some((min, max))) = (wanted, self.bounds) else { return true };
        match op {
            Comparison::Greater | Comparison::GreaterEqual => op.holds(max, threshold),
            Comparison::Less | Comparison::LessEqual => op.holds(min, threshold),
            Comparison::Equal => min <= threshold && threshold <= max,
            // NaN is unequal to everything, and the bounds do not cover it.
            Comparison::NotEqual => true,
        }
    }

    pub(super) fn key(&self) -> Key {
        (self.id, self.kind)
    }
}

/// Bytes that can be read in parts.
pub(crate) trait ByteSource {
    /// Reads bytes at a position.
    fn read(&self, offset: u64, len: usize) -> Result<Bytes<'_>, PageError>;
}

/// Why a page cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ByteSource for [u8] {
    fn read(&self, offset: u64, len: usize) -> Result<Bytes<'_>, PageError> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = from.checked_add(len).and_then(|to| self.get(from..to));
        bytes.map(Bytes::There).ok_or(PageError::Codec(CodecError::Damaged("a place is past the end")))
    }
}

/// Reads a piece with its checksum.
fn piece<S: ByteSource + ?Sized>(source: &S, start: u64, offset: u64, len: u64) -> Result<Bytes<'_>, PageError> {
    let len = usize::try_from(len).ok().and_then(|len| len.checked_add(CRC)).ok_or(CodecError::Damaged("impossible length"))?;
    source.read(start.saturating_add(offset), len)
}

/// Verifies the checksum and returns the bytes before it.
fn checked(bytes: &[u8]) -> Result<&[u8], CodecError> {
    let (body, crc) = bytes.split_last_chunk::<CRC>().ok_or(CodecError::Damaged("too short"))?;
    let (found, expected) = (crc32fast::hash(body), u32::from_le_bytes(*crc));
    if found == expected { Ok(body) } else { Err(CodecError::Checksum { found, expected }) }
}

/// Reads every chunk of a page, for tests and fuzzing.
#[cfg(test)]
pub(crate) fn read_all(bytes: &[u8]) -> Result<Vec<(SeriesId, Columns)>, PageError> {
    let directory = Directory::read(bytes, 0, bytes.len() as u64)?;
    let mut out = Vec::new();
    for chunk in &directory.chunks {
        match chunk.kind {
            ChunkKind::Samples => out.push((chunk.id, directory.samples(bytes, 0, chunk, ALWAYS, &mut Damage::default())?)),
            ChunkKind::Hours => {
                directory.hours(bytes, 0, chunk)?;
            }
        }
    }
    Ok(out)
}

/// Corrects the checksum of a page's directory, so that fuzzing gets past it.
#[cfg(test)]
pub(crate) fn mend_directory(page: &mut [u8]) {
    let Some((body, tail)) = page.split_last_chunk_mut::<TAIL>() else { return };
    let len = u32::from_le_bytes(std::array::from_fn(|i| tail[i])) as usize;
    let Some(start) = body.len().checked_sub(len) else { return };
    if let Some((directory, crc)) = body[start..].split_last_chunk_mut::<CRC>() {
        *crc = crc32fast::hash(directory).to_le_bytes();
    }
}

#[cfg(test)]
mod tests;
