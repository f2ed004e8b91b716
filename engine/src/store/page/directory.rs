//! Reads the directory of a page, and by it the chunks of the page.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Times of a column within a range, and the row of the first one.
pub(super) struct Rows {
    first: usize,
    times: Vec<TimestampMs>,
}

/// Most rows cached per thread: a day of samples a second apart.
pub(super) const REMEMBERED_ROWS: usize = 86_400;

/// Directory, time column and range of cached times.
pub(super) type TimesKey = (u64, usize, Within);

thread_local! {
    /// The times decoded last: neighbours share them and are read one after the other.
    static LAST: RefCell<Option<(TimesKey, Rc<Rows>)>> = const { RefCell::new(None) };
}

pub(super) static NEXT: AtomicU64 = AtomicU64::new(0);

/// Damage that a read found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::store) struct Damage {
    /// First and last time of rows that cannot be read.
    pub(in crate::store) lost: Vec<Within>,
    /// A second copy or a spare was needed.
    pub(in crate::store) spare_used: bool,
}

/// A page's directory.
#[derive(Debug)]
pub(in crate::store) struct Directory {
    /// Unique in this process.
    number: u64,
    pub(super) times: Vec<Times>,
    pub(in crate::store) chunks: Vec<Chunk>,
    /// One of its copies is damaged.
    pub(in crate::store) damaged: bool,
}

impl Directory {
    /// Reads the directory of the page at `[start, end)` of `source`.
    pub(in crate::store) fn read<S: ByteSource + ?Sized>(source: &S, start: u64, end: u64) -> Result<Self, PageError> {
        const SHORT: CodecError = CodecError::Damaged("a page is too short");
        let tail_at = end.checked_sub(TAIL as u64).filter(|at| *at >= start).ok_or(SHORT)?;
        // Most directories are shorter than this, so one read is enough.
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
        // The second copy ends at the tail. A damaged length leads to bytes whose checksum is wrong.
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

    /// Memory in bytes.
    pub(in crate::store) fn bytes(&self) -> usize {
        size_of::<Self>() + self.times.len() * size_of::<Times>() + self.chunks.len() * size_of::<Chunk>()
    }

    /// The chunks of one series and kind.
    pub(in crate::store) fn of(&self, key: Key) -> &[Chunk] {
        let from = self.chunks.partition_point(|c| c.key() < key);
        let to = self.chunks.partition_point(|c| c.key() <= key);
        self.chunks.get(from..to).unwrap_or_default()
    }

    /// Reads the samples of a chunk within a time range; the page begins at `start`. What cannot be read is added to `damage`.
    ///
    /// # Errors
    /// [`PageError`] if no rows can be read.
    pub(in crate::store) fn samples<S: ByteSource + ?Sized>(
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

    /// Reads a damaged chunk block by block, as far as possible.
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
        // If the times of a block are lost, its range is known only from its neighbours.
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

    /// The bytes of a time column with their checksum; from its second copy if the first is damaged.
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
        // A damaged column is salvaged by the caller, from its second copy.
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

    /// Reads the windows of a chunk.
    pub(in crate::store) fn hours<S: ByteSource + ?Sized>(
        &self,
        source: &S,
        start: u64,
        chunk: &Chunk,
    ) -> Result<Vec<WindowRow>, PageError> {
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

/// Position, length, and length of the spare of a column.
pub(super) type Place = (u64, u64, u64);

/// Decodes the intact blocks of a damaged column.
pub(super) fn salvage_column<S: ByteSource + ?Sized, T>(
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
