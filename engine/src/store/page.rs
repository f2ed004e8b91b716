//! Pages: the chunks of several series together, with the columns of times that they share.
//!
//! Layout: pieces (each a column or the columns of windows, then its crc32), the directory (its crc32 last) twice, the length
//! of the directory as u32 twice. The directory lists the distinct columns of times (place, rows, first, last) and, by rising
//! series and kind, the chunks (place, which times, and the smallest and largest value where there are many rows). All numbers
//! are varints. A piece is read without its neighbours. Where pages are kept is the business of the files of a day.
//!
//! What many chunks need is there twice, so that one bad byte costs one chunk at the most: the directory, and columns of times
//! that several chunks share. Behind a column of several runs of rows stands a spare: what its runs share once more, and a
//! checksum of each run; with it one bad byte costs one run. Spares and second copies are read after damage alone.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::chunk_file::Key;
use super::hours;
use super::read_buffer::Bytes;
use crate::codec::{self, CodecError, Column, Effort, PAGE_ROWS, push_signed, push_varint, take_signed, take_varint};
use crate::model::{Columns, Comparison, SeriesId, TimestampMs};
use crate::windows::WindowRow;

/// The first and the last time that are wanted.
pub(super) type Within = (TimestampMs, TimestampMs);

/// All times.
pub(super) const ALWAYS: Within = (TimestampMs::MIN, TimestampMs::MAX);

/// The values that are wanted of a scan; all without.
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

/// Chunks with fewer rows do without the smallest and largest value: reading them costs less.
const BOUNDS_ROWS: usize = 128;
/// Columns of times that a later chunk is compared with.
const REMEMBERED: usize = 4;
/// Bytes of a piece's or directory's checksum.
const CRC: usize = 4;
/// Bytes at a page's end that say how long its directory is, twice.
const TAIL: usize = 8;
/// Bytes at a page's end that are read first.
const NEAR: u64 = 4 << 10;
/// Flags of a chunk in the directory: its values have a spare, its bounds are kept.
const HAS_SPARE: u64 = 1 << 6;
const HAS_BOUNDS: u64 = 1 << 7;

/// A distinct column of times.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Times {
    offset: u64,
    len: u64,
    /// Bytes of the spare behind it; 0 where there is none.
    spare: u64,
    /// Where its second copy is; 0 where there is none.
    copy: u64,
    rows: u64,
    first: TimestampMs,
    last: TimestampMs,
}

/// A chunk, as the directory tells of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chunk {
    pub(super) kind: ChunkKind,
    pub(super) id: SeriesId,
    offset: u64,
    len: u64,
    /// Bytes of the spare behind its values; 0 where there is none.
    spare: u64,
    times: usize,
    pub(super) rows: usize,
    pub(super) first: TimestampMs,
    pub(super) last: TimestampMs,
    /// The smallest and largest value, NaN passed over; none where that was not worth keeping.
    pub(super) bounds: Option<(f64, f64)>,
}

impl Chunk {
    /// Whether any value can be what is wanted; false only when surely none is.
    pub(super) fn may_hold(&self, wanted: Wanted) -> bool {
        let (Some((op, threshold)), Some((min, max))) = (wanted, self.bounds) else { return true };
        match op {
            Comparison::Greater | Comparison::GreaterEqual => op.holds(max, threshold),
            Comparison::Less | Comparison::LessEqual => op.holds(min, threshold),
            Comparison::Equal => min <= threshold && threshold <= max,
            // NaN is unequal to everything, and the bounds do not tell of it.
            Comparison::NotEqual => true,
        }
    }

    pub(super) fn key(&self) -> Key {
        (self.id, self.kind)
    }
}

/// Collects chunks by rising series and kind.
pub(super) struct PageBuilder {
    effort: Effort,
    payload: Vec<u8>,
    times: Vec<Times>,
    recent: Vec<(usize, Vec<TimestampMs>)>,
    chunks: Vec<Chunk>,
}

impl PageBuilder {
    pub(super) fn new(effort: Effort) -> Self {
        Self { effort, payload: Vec::new(), times: Vec::new(), recent: Vec::new(), chunks: Vec::new() }
    }

    /// Chunks so far, and bytes without the directory.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.chunks.len(), self.payload.len())
    }

    /// Series and kind of the first and of the last chunk.
    pub(super) fn keys(&self) -> Option<[Key; 2]> {
        Some([self.chunks.first()?, self.chunks.last()?].map(Chunk::key))
    }

    /// The earliest and the latest time.
    pub(super) fn span(&self) -> Option<(TimestampMs, TimestampMs)> {
        Some((self.times.iter().map(|t| t.first).min()?, self.times.iter().map(|t| t.last).max()?))
    }

    /// Adds samples of a series; times rise.
    pub(super) fn samples(&mut self, id: SeriesId, times: &[TimestampMs], values: &[f64]) -> Result<(), CodecError> {
        if times.len() != values.len() {
            return Err(CodecError::Shape);
        }
        let column = self.times(times)?;
        let offset = self.payload.len();
        codec::encode_values(values, self.effort, &mut self.payload)?;
        let bounds = (values.len() >= BOUNDS_ROWS).then(|| bounds(values)).flatten();
        let (len, spare) = self.end_piece(offset, Some((values.len(), Column::Values)));
        self.chunk(ChunkKind::Samples, id, (offset, len, spare), column, bounds);
        Ok(())
    }

    /// Adds windows of a series; starts rise.
    pub(super) fn hours(&mut self, id: SeriesId, rows: &[WindowRow]) -> Result<(), CodecError> {
        let starts: Vec<TimestampMs> = rows.iter().map(|row| row.start).collect();
        let column = self.times(&starts)?;
        let offset = self.payload.len();
        hours::encode(rows, &mut self.payload);
        let (len, spare) = self.end_piece(offset, None);
        self.chunk(ChunkKind::Hours, id, (offset, len, spare), column, None);
        Ok(())
    }

    fn times(&mut self, times: &[TimestampMs]) -> Result<usize, CodecError> {
        if let Some((known, _)) = self.recent.iter().find(|(_, recent)| recent == times) {
            return Ok(*known);
        }
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return Err(CodecError::Shape) };
        let offset = self.payload.len();
        codec::encode_times(times, self.effort, &mut self.payload)?;
        let (len, spare) = self.end_piece(offset, Some((times.len(), Column::Times)));
        let at = self.times.len();
        self.times.push(Times { offset: offset as u64, len, spare, copy: 0, rows: times.len() as u64, first, last });
        if self.recent.len() >= REMEMBERED {
            self.recent.rotate_left(1);
            self.recent.pop();
        }
        self.recent.push((at, times.to_vec()));
        Ok(at)
    }

    fn checksum(&mut self, from: usize) {
        let crc = crc32fast::hash(&self.payload[from..]);
        self.payload.extend_from_slice(&crc.to_le_bytes());
    }

    /// Ends the piece that begins at `offset`, with the spare of a column of so many rows if it has several runs; gives the
    /// lengths of both.
    fn end_piece(&mut self, offset: usize, column: Option<(usize, Column)>) -> (u64, u64) {
        let len = self.payload.len() - offset;
        self.checksum(offset);
        let runs = column.and_then(|(rows, column)| codec::runs(&self.payload[offset..offset + len], rows, column));
        let Some((runs, head)) = runs.filter(|runs| runs.len() > 1).map(|runs| (runs.clone(), runs[0].start)) else {
            return (len as u64, 0);
        };
        let at = self.payload.len();
        push_varint(&mut self.payload, head as u64);
        self.payload.extend_from_within(offset..offset + head);
        for run in runs {
            let crc = crc32fast::hash(&self.payload[offset + run.start..offset + run.end]);
            self.payload.extend_from_slice(&crc.to_le_bytes());
        }
        let spare = self.payload.len() - at;
        self.checksum(at);
        (len as u64, spare as u64)
    }

    fn chunk(&mut self, kind: ChunkKind, id: SeriesId, (offset, len, spare): (usize, u64, u64), times: usize, bounds: Option<(f64, f64)>) {
        let Times { rows, first, last, .. } = self.times[times];
        self.chunks.push(Chunk { kind, id, offset: offset as u64, len, spare, times, rows: rows as usize, first, last, bounds });
    }

    /// Writes the columns of times that several chunks share once more.
    fn copy_shared_times(&mut self) {
        let mut users = vec![0u32; self.times.len()];
        self.chunks.iter().for_each(|chunk| users[chunk.times] += 1);
        for (times, _) in self.times.iter_mut().zip(users).filter(|(_, users)| *users > 1) {
            times.copy = self.payload.len() as u64;
            let from = times.offset as usize;
            self.payload.extend_from_within(from..from + times.len as usize + CRC);
        }
    }

    /// The page's bytes; the builder is empty again.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.copy_shared_times();
        let mut page = std::mem::take(&mut self.payload);
        let start = page.len();
        push_varint(&mut page, self.times.len() as u64);
        for times in &self.times {
            push_varint(&mut page, times.offset);
            push_varint(&mut page, times.len);
            push_varint(&mut page, times.spare);
            push_varint(&mut page, times.copy);
            push_varint(&mut page, times.rows);
            push_signed(&mut page, times.first);
            push_varint(&mut page, times.last.wrapping_sub(times.first) as u64);
        }
        push_varint(&mut page, self.chunks.len() as u64);
        let mut before = 0u32;
        for chunk in &self.chunks {
            let flag = |flag: u64, set: bool| if set { flag } else { 0 };
            push_varint(&mut page, chunk.kind as u64 | flag(HAS_SPARE, chunk.spare > 0) | flag(HAS_BOUNDS, chunk.bounds.is_some()));
            push_signed(&mut page, i64::from(chunk.id.0) - i64::from(before));
            before = chunk.id.0;
            push_varint(&mut page, chunk.times as u64);
            push_varint(&mut page, chunk.offset);
            push_varint(&mut page, chunk.len);
            if chunk.spare > 0 {
                push_varint(&mut page, chunk.spare);
            }
            if let Some((min, max)) = chunk.bounds {
                page.extend_from_slice(&min.to_le_bytes());
                page.extend_from_slice(&max.to_le_bytes());
            }
        }
        let crc = crc32fast::hash(&page[start..]);
        page.extend_from_slice(&crc.to_le_bytes());
        let end = page.len();
        page.extend_from_within(start..end);
        for _ in 0..2 {
            page.extend_from_slice(&((end - start) as u32).to_le_bytes());
        }
        self.times.clear();
        self.recent.clear();
        self.chunks.clear();
        page
    }
}

fn bounds(values: &[f64]) -> Option<(f64, f64)> {
    let seen = |(min, max): (f64, f64), v: &f64| (min.min(*v), max.max(*v));
    let (min, max) = values.iter().filter(|v| !v.is_nan()).fold((f64::INFINITY, f64::NEG_INFINITY), seen);
    (min <= max).then_some((min, max))
}

/// Bytes that can be read in pieces.
pub(super) trait ByteSource {
    /// The bytes at a place, or why not.
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

/// Times of a column that lie within a range, and the row of the first.
struct Rows {
    first: usize,
    times: Vec<TimestampMs>,
}

/// Rows that a thread remembers at the most: a day of them a second apart.
const REMEMBERED_ROWS: usize = 86_400;

/// A directory, a column of its times, a range.
type TimesKey = (u64, usize, Within);

thread_local! {
    /// What was decoded last: neighbours share their times and are asked for one after the other.
    static LAST: RefCell<Option<(TimesKey, Rc<Rows>)>> = const { RefCell::new(None) };
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// What a read met.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// The first and last time of rows that cannot be read.
    pub(super) lost: Vec<Within>,
    /// A second copy or a spare was needed.
    pub(super) spare_used: bool,
}

/// A page's directory.
#[derive(Debug)]
pub(super) struct Directory {
    /// One of a kind in this process.
    number: u64,
    times: Vec<Times>,
    pub(super) chunks: Vec<Chunk>,
    /// One of its copies cannot be read.
    pub(super) damaged: bool,
}

impl Directory {
    /// Reads the directory of the page that lies in `source` at `[start, end)`.
    pub(super) fn read<S: ByteSource + ?Sized>(source: &S, start: u64, end: u64) -> Result<Self, PageError> {
        const SHORT: CodecError = CodecError::Damaged("a page is too short");
        let tail_at = end.checked_sub(TAIL as u64).filter(|at| *at >= start).ok_or(SHORT)?;
        // Most directories are shorter than this: one read gives all of it.
        let near_at = end.saturating_sub(NEAR).max(start);
        let near = source.read(near_at, (end - near_at) as usize)?;
        let tail = near.last_chunk::<TAIL>().ok_or(SHORT)?;
        let length = |at: usize| u64::from(u32::from_le_bytes(std::array::from_fn(|i| tail[at + i])));
        let parse = |at: u64, len: u64| -> Result<Self, PageError> {
            match at.checked_sub(near_at).and_then(|from| near.get(from as usize..(from + len) as usize)) {
                Some(bytes) => Ok(Self::parse(checked(bytes)?)?),
                None => Ok(Self::parse(checked(&source.read(at, len as usize)?)?)?),
            }
        };
        let mut why = None;
        // The second copy lies next to the tail; a damaged length leads nowhere that checks.
        for (attempt, len, copies) in [(0, length(0), 1), (1, length(0), 2), (2, length(4), 1)] {
            let place = len.checked_mul(copies).and_then(|back| tail_at.checked_sub(back)).filter(|at| *at >= start);
            match place.ok_or(PageError::Codec(SHORT)).and_then(|at| parse(at, len)) {
                Ok(directory) => return Ok(Self { damaged: attempt > 0 || length(0) != length(4), ..directory }),
                Err(PageError::Codec(error)) => why = why.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(why.unwrap_or(SHORT).into())
    }

    fn parse(mut bytes: &[u8]) -> Result<Self, CodecError> {
        let rest = &mut bytes;
        let count = take_varint(rest)?;
        let mut times = Vec::new();
        for _ in 0..count {
            let (offset, len, spare) = (take_varint(rest)?, take_varint(rest)?, take_varint(rest)?);
            let (copy, rows) = (take_varint(rest)?, take_varint(rest)?);
            let first = take_signed(rest)?;
            let last = first.wrapping_add(take_varint(rest)? as i64);
            times.push(Times { offset, len, spare, copy, rows, first, last });
        }
        let count = take_varint(rest)?;
        let mut chunks = Vec::new();
        let mut before = 0i64;
        for _ in 0..count {
            let flags = take_varint(rest)?;
            before = before.wrapping_add(take_signed(rest)?);
            let id = SeriesId(u32::try_from(before).map_err(|_| CodecError::Damaged("impossible series"))?);
            let at = take_varint(rest)? as usize;
            let column = times.get(at).ok_or(CodecError::Damaged("unknown column of times"))?;
            let (offset, len) = (take_varint(rest)?, take_varint(rest)?);
            let spare = if flags & HAS_SPARE == 0 { 0 } else { take_varint(rest)? };
            let mut float = || -> Result<f64, CodecError> {
                let (bytes, tail) = rest.split_first_chunk::<8>().ok_or(CodecError::Damaged("too short"))?;
                *rest = tail;
                Ok(f64::from_le_bytes(*bytes))
            };
            let bounds = if flags & HAS_BOUNDS == 0 { None } else { Some((float()?, float()?)) };
            let (rows, first, last) = (column.rows as usize, column.first, column.last);
            let kind = ChunkKind::of(flags & !(HAS_SPARE | HAS_BOUNDS))?;
            chunks.push(Chunk { kind, id, offset, len, spare, times: at, rows, first, last, bounds });
        }
        Ok(Self { number: NEXT.fetch_add(1, Ordering::Relaxed), times, chunks, damaged: false })
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.times.len() * size_of::<Times>() + self.chunks.len() * size_of::<Chunk>()
    }

    /// The chunks with a key.
    pub(super) fn of(&self, key: Key) -> &[Chunk] {
        let from = self.chunks.partition_point(|c| c.key() < key);
        let to = self.chunks.partition_point(|c| c.key() <= key);
        self.chunks.get(from..to).unwrap_or_default()
    }

    /// Reads the samples of one of the page's chunks that are within a span; the page begins at `start`. What cannot be read
    /// of them is put into `damage`.
    ///
    /// # Errors
    /// [`PageError`] where nothing of it can be read.
    pub(super) fn samples<S: ByteSource + ?Sized>(
        &self,
        source: &S,
        start: u64,
        chunk: &Chunk,
        within: Within,
        damage: &mut Damage,
    ) -> Result<Columns, PageError> {
        match self.sound_samples(source, start, chunk, within) {
            Err(PageError::Codec(error)) => self.salvage(source, start, chunk, within, damage).map_err(|salvage| match salvage {
                PageError::Codec(_) => PageError::Codec(error),
                PageError::Io(error) => PageError::Io(error),
            }),
            other => other,
        }
    }

    fn sound_samples<S: ByteSource + ?Sized>(&self, source: &S, start: u64, chunk: &Chunk, within: Within) -> Result<Columns, PageError> {
        let rows = self.times_within(source, start, chunk, within)?;
        if rows.times.is_empty() {
            return Ok(Columns::default());
        }
        let wanted = rows.first..rows.first + rows.times.len();
        let bytes = piece(source, start, chunk.offset, chunk.len)?;
        let (first, mut values) = codec::decode_values_within(checked(&bytes)?, chunk.rows, &wanted)?;
        values.truncate(wanted.end.saturating_sub(first));
        values.drain(..wanted.start.saturating_sub(first).min(values.len()));
        if values.len() != rows.times.len() {
            return Err(CodecError::Damaged("a column has another number of rows").into());
        }
        Ok(Columns { times: rows.times.clone(), values })
    }

    /// Reads what can be read of a damaged chunk, run by run.
    fn salvage<S: ByteSource + ?Sized>(
        &self,
        source: &S,
        start: u64,
        chunk: &Chunk,
        within: Within,
        damage: &mut Damage,
    ) -> Result<Columns, PageError> {
        let column = self.times.get(chunk.times).ok_or(CodecError::Damaged("unknown column of times"))?;
        let times = match self
            .times_of(source, start, column)
            .and_then(|bytes| Ok(codec::decode_times(checked(&bytes)?, chunk.rows, column.first)?))
        {
            Ok(times) => times.chunks(PAGE_ROWS).map(|run| Some(run.to_vec())).collect(),
            Err(PageError::Io(error)) => return Err(error.into()),
            Err(PageError::Codec(_)) => {
                let place = (column.offset, column.len, column.spare);
                salvage_column(source, start, place, chunk.rows, Column::Times, codec::decode_times_run)?
            }
        };
        let sound = piece(source, start, chunk.offset, chunk.len).and_then(|bytes| Ok(codec::decode_values(checked(&bytes)?, chunk.rows)?));
        let values = match sound {
            Ok(values) => values.chunks(PAGE_ROWS).map(|run| Some(run.to_vec())).collect(),
            Err(PageError::Io(error)) => return Err(error.into()),
            Err(PageError::Codec(_)) => {
                let place = (chunk.offset, chunk.len, chunk.spare);
                let decode = |bytes: &[u8], rows, run: &Range<usize>| codec::decode_values_within(bytes, rows, run).map(|found| found.1);
                salvage_column(source, start, place, chunk.rows, Column::Values, decode)?
            }
        };
        damage.spare_used = true;
        let mut out = Columns::default();
        // Of a run without times all that is known is what is around it.
        let (mut after, mut open) = (chunk.first, None);
        for (times, values) in times.into_iter().zip(values) {
            let known = times.as_ref().and_then(|times| Some((*times.first()?, *times.last()?)));
            if let (Some(from), Some((first, _))) = (open, known) {
                damage.lost.push((from, first - 1));
                open = None;
            }
            match (times, values) {
                (Some(times), Some(values)) if times.len() == values.len() => {
                    let rows = times.into_iter().zip(values).filter(|row| row.0 >= within.0 && row.0 <= within.1);
                    rows.for_each(|(t, v)| {
                        out.times.push(t);
                        out.values.push(v);
                    });
                }
                (Some(_), _) => damage.lost.extend(known),
                (None, _) => open = open.or(Some(after)),
            }
            after = known.map_or(after, |(_, last)| last.saturating_add(1));
        }
        damage.lost.extend(open.map(|from| (from, chunk.last)));
        Ok(out)
    }

    /// The bytes of a column of times with their checksum; of its second copy where those of the first are damaged.
    fn times_of<'a, S: ByteSource + ?Sized>(&self, source: &'a S, start: u64, column: &Times) -> Result<Bytes<'a>, PageError> {
        let first = piece(source, start, column.offset, column.len);
        if column.copy == 0 || first.as_ref().is_ok_and(|bytes| checked(bytes).is_ok()) {
            return first;
        }
        piece(source, start, column.copy, column.len)
    }

    fn times_within<S: ByteSource + ?Sized>(&self, source: &S, start: u64, chunk: &Chunk, within: Within) -> Result<Rc<Rows>, PageError> {
        let span = (self.number, chunk.times, within);
        let known = LAST.with_borrow(|last| last.as_ref().filter(|(known, _)| *known == span).map(|(_, rows)| Rc::clone(rows)));
        if let Some(rows) = known {
            return Ok(rows);
        }
        let column = self.times.get(chunk.times).ok_or(CodecError::Damaged("unknown column of times"))?;
        let bytes = piece(source, start, column.offset, column.len)?;
        // A damaged one goes the slow way, by its second copy.
        let (first, mut times) = codec::decode_times_within(checked(&bytes)?, chunk.rows, column.first, within.0, within.1)?;
        let from = times.partition_point(|&t| t < within.0);
        times.truncate(times.partition_point(|&t| t <= within.1));
        times.drain(..from.min(times.len()));
        let rows = Rc::new(Rows { first: first + from, times });
        if rows.times.len() <= REMEMBERED_ROWS {
            LAST.set(Some((span, Rc::clone(&rows))));
        }
        Ok(rows)
    }

    /// Reads the windows of one of the page's chunks.
    pub(super) fn hours<S: ByteSource + ?Sized>(&self, source: &S, start: u64, chunk: &Chunk) -> Result<Vec<WindowRow>, PageError> {
        let times = self.decode_times(source, start, chunk)?;
        let bytes = piece(source, start, chunk.offset, chunk.len)?;
        Ok(hours::decode(checked(&bytes)?, &times)?)
    }

    fn decode_times<S: ByteSource + ?Sized>(&self, source: &S, start: u64, chunk: &Chunk) -> Result<Vec<TimestampMs>, PageError> {
        let column = self.times.get(chunk.times).ok_or(CodecError::Damaged("unknown column of times"))?;
        let bytes = self.times_of(source, start, column)?;
        Ok(codec::decode_times(checked(&bytes)?, chunk.rows, column.first)?)
    }
}

/// A piece with its checksum.
fn piece<S: ByteSource + ?Sized>(source: &S, start: u64, offset: u64, len: u64) -> Result<Bytes<'_>, PageError> {
    let len = usize::try_from(len).ok().and_then(|len| len.checked_add(CRC)).ok_or(CodecError::Damaged("impossible length"))?;
    source.read(start.saturating_add(offset), len)
}

/// The bytes before their checksum, if it is right.
fn checked(bytes: &[u8]) -> Result<&[u8], CodecError> {
    let (body, crc) = bytes.split_last_chunk::<CRC>().ok_or(CodecError::Damaged("too short"))?;
    let (found, expected) = (crc32fast::hash(body), u32::from_le_bytes(*crc));
    if found == expected { Ok(body) } else { Err(CodecError::Checksum { found, expected }) }
}

/// Place, length, and length of the spare of a column.
type Place = (u64, u64, u64);

/// The runs of a damaged column that can be read.
fn salvage_column<S: ByteSource + ?Sized, T>(
    source: &S,
    start: u64,
    (offset, len, spare): Place,
    rows: usize,
    column: Column,
    decode: impl Fn(&[u8], usize, &Range<usize>) -> Result<Vec<T>, CodecError>,
) -> Result<Vec<Option<Vec<T>>>, PageError> {
    const NO_SPARE: CodecError = CodecError::Damaged("no spare");
    if spare == 0 {
        return Err(NO_SPARE.into());
    }
    let bytes = piece(source, start, offset.saturating_add(len).saturating_add(CRC as u64), spare)?;
    let mut rest = checked(&bytes)?;
    let head = take_varint(&mut rest)? as usize;
    let (head, sums) = rest.split_at_checked(head).ok_or(NO_SPARE)?;
    let len = usize::try_from(len).map_err(|_| CodecError::Damaged("impossible length"))?;
    let mut whole = head.to_vec();
    whole.resize(len.max(head.len()), 0);
    let runs = codec::runs(&whole, rows, column).ok_or(NO_SPARE)?;
    let mut found = Vec::with_capacity(runs.len());
    for (at, (run, sum)) in runs.into_iter().zip(sums.chunks_exact(CRC)).enumerate() {
        let read = source.read(start.saturating_add(offset + run.start as u64), run.len());
        let sound = read.ok().filter(|bytes| crc32fast::hash(bytes).to_le_bytes() == *sum);
        let place = at * PAGE_ROWS..((at + 1) * PAGE_ROWS).min(rows);
        found.push(sound.and_then(|bytes| {
            whole[run].copy_from_slice(&bytes);
            decode(&whole, rows, &place).ok()
        }));
    }
    Ok(found)
}

/// Reads every chunk of the page that some bytes are, if they are one.
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

/// Makes the checksum of a page's directory right, where there is room for one.
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
