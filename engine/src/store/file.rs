//! Chunk files: the pages of a day, written once and never changed.
//!
//! Layout: magic, pages by rising series and kind, index (for each page its first and last key and its end; the earliest
//! and latest time), crc32 and length of the index, magic. The index is held in memory, and the directories of the pages
//! that were read last: neighbours in a page are often asked for together.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::bytes::{Bytes, Room};
use super::page::{Directory, Kind, PageBuilder, PageError, Source, Wanted};
use crate::codec::{CodecError, Effort, push_signed, push_varint, take_signed, take_varint};
use crate::model::{Columns, SeriesId, TimestampMs};
use crate::windows::WindowRow;

const MAGIC: &[u8; 8] = b"TPCHNK01";
/// Length and checksum of the index, and the magic.
const TAIL: u64 = 4 + 4 + 8;
/// Chunks of one page at the most: so many directory entries are read to find one.
const PAGE_CHUNKS: usize = 64;
/// Bytes after which a page ends.
const PAGE_BYTES: usize = 512 << 10;
/// Directories in memory, about 6 KB each.
const DIRECTORIES: usize = 64;

/// Order of the chunks.
pub(super) type Key = (SeriesId, Kind);

struct PageAt {
    first: Key,
    last: Key,
    start: u64,
    end: u64,
}

/// A directory and the number of its page.
type Known = (usize, Arc<Directory>);

/// An open chunk file.
pub(super) struct ChunkFile {
    path: PathBuf,
    file: File,
    pages: Vec<PageAt>,
    first: TimestampMs,
    last: TimestampMs,
    bytes: u64,
    /// Those read last, each in the place of its page's number modulo their count.
    directories: Mutex<Vec<Option<Known>>>,
}

impl Source for ChunkFile {
    fn read(&self, offset: u64, len: usize) -> Result<Bytes<'_>, PageError> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.bytes) {
            return Err(CodecError::Damaged("a place is past the end").into());
        }
        Ok(Bytes::Read(Room::filled(len, |room| self.file.read_exact_at(room, offset))?))
    }
}

fn read_at(file: &File, offset: u64, len: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

impl ChunkFile {
    /// Opens a file and reads its index.
    pub(super) fn open(path: &Path) -> Result<Self, PageError> {
        const NOT_ONE: CodecError = CodecError::Damaged("not a chunk file, or cut short");
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let tail_at = bytes.checked_sub(TAIL).filter(|at| *at >= MAGIC.len() as u64).ok_or(NOT_ONE)?;
        let tail = read_at(&file, tail_at, TAIL as usize)?;
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| tail[at + i]));
        let (expected, len) = (word(0), word(4));
        if &tail[8..] != MAGIC {
            return Err(NOT_ONE.into());
        }
        let index_at = tail_at.checked_sub(u64::from(len)).ok_or(NOT_ONE)?;
        let index = read_at(&file, index_at, len as usize)?;
        let found = crc32fast::hash(&index);
        if found != expected {
            return Err(CodecError::Checksum { found, expected }.into());
        }
        let (pages, first, last) = parse_index(&index)?;
        Ok(Self { path: path.to_owned(), file, pages, first, last, bytes, directories: Mutex::default() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it may hold rows within `[start, end]`.
    pub(super) fn overlaps(&self, start: TimestampMs, end: TimestampMs) -> bool {
        self.first <= end && self.last >= start
    }

    /// Passes the samples of a series on, chunk by chunk, where they may be within `[start, end]` and among the wanted.
    pub(super) fn samples(
        &self,
        id: SeriesId,
        start: TimestampMs,
        end: TimestampMs,
        wanted: Wanted,
        out: &mut Vec<Columns>,
    ) -> Result<(), PageError> {
        self.each((id, Kind::Samples), start, end, |directory, at, chunk| {
            if chunk.may_hold(wanted) {
                out.push(directory.samples(self, at, chunk, (start, end))?);
            }
            Ok(())
        })
    }

    /// Passes the windows of a series on.
    pub(super) fn hours(&self, id: SeriesId, start: TimestampMs, end: TimestampMs, out: &mut Vec<WindowRow>) -> Result<(), PageError> {
        self.each((id, Kind::Hours), start, end, |directory, at, chunk| {
            out.extend(directory.hours(self, at, chunk)?);
            Ok(())
        })
    }

    fn each(
        &self,
        key: Key,
        start: TimestampMs,
        end: TimestampMs,
        mut read: impl FnMut(&Directory, u64, &super::page::Chunk) -> Result<(), PageError>,
    ) -> Result<(), PageError> {
        if !self.overlaps(start, end) {
            return Ok(());
        }
        let from = self.pages.partition_point(|page| page.last < key);
        for (at, page) in self.pages.iter().enumerate().skip(from).take_while(|(_, page)| page.first <= key) {
            let directory = self.directory(at, page)?;
            for chunk in directory.of(key).iter().filter(|c| c.first <= end && c.last >= start) {
                read(&directory, page.start, chunk)?;
            }
        }
        Ok(())
    }

    fn directory(&self, at: usize, page: &PageAt) -> Result<Arc<Directory>, PageError> {
        let slot = at % DIRECTORIES;
        if let Some((_, known)) = self.directories.lock().get(slot).and_then(Option::as_ref).filter(|(page, _)| *page == at) {
            return Ok(Arc::clone(known));
        }
        let directory = Arc::new(Directory::read(self, page.start, page.end)?);
        let mut known = self.directories.lock();
        if known.len() <= slot {
            known.resize(slot + 1, None);
        }
        known[slot] = Some((at, Arc::clone(&directory)));
        Ok(directory)
    }

    /// The directory of a page and where the page begins, for reading all of it in order.
    pub(super) fn page(&self, at: usize) -> Result<Option<(Directory, u64)>, PageError> {
        self.pages.get(at).map(|page| Ok((Directory::read(self, page.start, page.end)?, page.start))).transpose()
    }
}

type Index = (Vec<PageAt>, TimestampMs, TimestampMs);

fn parse_index(mut bytes: &[u8]) -> Result<Index, CodecError> {
    let rest = &mut bytes;
    let key = |rest: &mut &[u8]| -> Result<Key, CodecError> {
        let id = u32::try_from(take_varint(rest)?).map_err(|_| CodecError::Damaged("impossible series"))?;
        Ok((SeriesId(id), if take_varint(rest)? == 0 { Kind::Samples } else { Kind::Hours }))
    };
    let (first, last) = (take_signed(rest)?, take_signed(rest)?);
    let mut pages = Vec::new();
    let mut start = MAGIC.len() as u64;
    while !rest.is_empty() {
        let (first, last) = (key(rest)?, key(rest)?);
        let end = start.checked_add(take_varint(rest)?).ok_or(CodecError::Damaged("impossible length"))?;
        pages.push(PageAt { first, last, start, end });
        start = end;
    }
    Ok((pages, first, last))
}

/// Writes a chunk file; chunks come by rising series and kind.
pub(super) struct FileWriter {
    out: BufWriter<File>,
    page: PageBuilder,
    index: Vec<u8>,
    span: Option<(TimestampMs, TimestampMs)>,
}

impl FileWriter {
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        let mut out = BufWriter::with_capacity(64 << 10, File::create(path)?);
        out.write_all(MAGIC)?;
        Ok(Self { out, page: PageBuilder::new(Effort::Thorough), index: Vec::new(), span: None })
    }

    pub(super) fn samples(&mut self, id: SeriesId, times: &[TimestampMs], values: &[f64]) -> Result<(), PageError> {
        self.page.samples(id, times, values)?;
        self.turn_page(false)
    }

    pub(super) fn hours(&mut self, id: SeriesId, rows: &[WindowRow]) -> Result<(), PageError> {
        self.page.hours(id, rows)?;
        self.turn_page(false)
    }

    fn turn_page(&mut self, last: bool) -> Result<(), PageError> {
        let (chunks, bytes) = self.page.size();
        if chunks == 0 || (!last && chunks < PAGE_CHUNKS && bytes < PAGE_BYTES) {
            return Ok(());
        }
        if let (Some(keys), Some((first, last))) = (self.page.keys(), self.page.span()) {
            for (id, kind) in keys {
                push_varint(&mut self.index, u64::from(id.0));
                push_varint(&mut self.index, kind as u64);
            }
            self.span = Some(self.span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
        }
        let page = self.page.finish();
        push_varint(&mut self.index, page.len() as u64);
        self.out.write_all(&page)?;
        Ok(())
    }

    /// Ends the file, durably; false where there was nothing to write.
    pub(super) fn finish(mut self) -> Result<bool, PageError> {
        self.turn_page(true)?;
        let Some((first, last)) = self.span else { return Ok(false) };
        let mut index = Vec::with_capacity(self.index.len() + 32);
        push_signed(&mut index, first);
        push_signed(&mut index, last);
        index.extend_from_slice(&self.index);
        self.out.write_all(&index)?;
        self.out.write_all(&crc32fast::hash(&index).to_le_bytes())?;
        self.out.write_all(&(index.len() as u32).to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        let file = self.out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::{self, Level};

    #[test]
    fn a_file_finds_each_series_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.chunks");
        let times: Vec<i64> = (0..200).map(|i| i * 10_000).collect();
        let values = |id: u32| (0..200).map(|i| f64::from(i * id)).collect::<Vec<f64>>();
        let ids: Vec<u32> = (0..500).map(|i| i * 3).collect();
        let hours = windows::from_samples(Level::H1, &Columns { times: times.clone(), values: values(3) });
        let mut writer = FileWriter::create(&path).unwrap();
        for &id in &ids {
            writer.samples(SeriesId(id), &times, &values(id)).unwrap();
            if id == 3 {
                writer.hours(SeriesId(id), &hours).unwrap();
            }
        }
        assert!(writer.finish().unwrap());
        let file = ChunkFile::open(&path).unwrap();
        let chunks = (0..).map_while(|at| file.page(at).unwrap()).map(|(directory, _)| directory.chunks.len());
        assert_eq!(chunks.sum::<usize>(), 501);
        assert!(file.overlaps(0, 5) && !file.overlaps(2_000_000, 3_000_000));
        for id in [0, 3, 747, 1_497] {
            let mut out = Vec::new();
            file.samples(SeriesId(id), 0, i64::MAX, None, &mut out).unwrap();
            assert_eq!(out, [Columns { times: times.clone(), values: values(id) }]);
            file.samples(SeriesId(id), 10_001, 30_000, None, &mut out).unwrap();
            assert_eq!(out[1].times, [20_000, 30_000]);
        }
        let (mut none, mut rows) = (Vec::new(), Vec::new());
        file.samples(SeriesId(1), 0, 10, None, &mut none).unwrap();
        file.hours(SeriesId(3), 0, 10, &mut rows).unwrap();
        assert_eq!((none.len(), rows), (0, hours));
    }

    #[test]
    fn a_file_cut_short_or_empty_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.chunks");
        assert!(!FileWriter::create(&path).unwrap().finish().unwrap());
        let mut writer = FileWriter::create(&path).unwrap();
        writer.samples(SeriesId(1), &[1], &[1.0]).unwrap();
        writer.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for len in 0..bytes.len() {
            std::fs::write(&path, &bytes[..len]).unwrap();
            assert!(ChunkFile::open(&path).is_err(), "cut at {len}");
        }
    }
}
