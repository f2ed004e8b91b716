//! Chunk files: the pages of a day, written once by the compactor and never changed.
//!
//! A file of frames (`frame`): header (`day_file`), pages by rising series and kind, labels, index (length and coverage of each
//! page, lengths of the label blocks), header and index once more, and a trailer with the position of the first index. Opening
//! reads header, trailer and index. If one of them is damaged, the whole file is searched for its copy, and without a copy for the
//! pages. The index is held in memory; the directories of the pages read last are cached.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use roaring::RoaringBitmap;

use super::day_file::{self, DayFile, Expected, FileHeader, LabelRuns, OpenError, PageAt, Place, Report, readable};
use super::directory_cache::DirectoryCache;
use super::frame;
use super::page::{ChunkKind, Directory, PageBuilder, PageError, Wanted, Within};
use super::pread::{Pread, Stretch};
use super::problems::Problems;
use crate::codec::{CodecError, Effort, push_signed, push_varint, take_signed, take_varint};
use crate::model::{Columns, Labels, SeriesId, TimestampMs};
use crate::windows::WindowRow;

/// Length of the trailer, a frame with one number.
const TRAILER: usize = frame::HEADER + 8;
/// Most chunks of one page: finding one reads as many directory entries.
const PAGE_CHUNKS: usize = 64;
/// A longer page is finished.
const PAGE_BYTES: usize = 512 << 10;

/// Sort key of chunks.
pub(super) type Key = (SeriesId, ChunkKind);

/// An open chunk file.
pub(super) struct ChunkFile {
    pub(super) base: Arc<DayFile>,
    pub(super) header: FileHeader,
    pages: Vec<PageAt>,
    /// The earliest and the latest time.
    span: Within,
    /// Something that was written is missing.
    pub(super) lost: bool,
    directories: DirectoryCache,
}

/// Positions of pages and labels.
#[derive(Debug, Default)]
struct Index {
    pages: Vec<PageAt>,
    labels: Vec<Place>,
}

impl ChunkFile {
    /// Opens a file and reads its index.
    pub(super) fn open(path: &Path, expected: &Expected, problems: &Arc<Problems>) -> Result<Self, OpenError> {
        let file = Pread::open(path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let report = Report::new(Arc::clone(problems), expected.day, &name);
        let (header, index, lost) = match read_ends(&file)? {
            Some((header, index)) => (header, index, false),
            None => search(&file, expected, &report)?,
        };
        expected.check(&header)?;
        let spans = index.pages.iter().map(|page| page.span);
        let span = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((TimestampMs::MAX, TimestampMs::MIN));
        let base = DayFile { path: path.to_owned(), number: header.number, file, report, labels: RwLock::new(index.labels) };
        Ok(Self { base: Arc::new(base), header, pages: index.pages, span, lost, directories: DirectoryCache::default() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.base.path
    }

    pub(super) fn number(&self) -> u64 {
        self.header.number
    }

    /// Length of the file.
    pub(super) fn len(&self) -> u64 {
        self.base.file.len()
    }

    /// Whether it may hold rows within `[start, end]`.
    pub(super) fn overlaps(&self, start: TimestampMs, end: TimestampMs) -> bool {
        self.span.0 <= end && self.span.1 >= start
    }

    /// Adds the samples of a series within `[start, end]` to `out`, chunk by chunk, leaving out chunks that cannot pass the filter.
    pub(super) fn samples(
        &self,
        id: SeriesId,
        start: TimestampMs,
        end: TimestampMs,
        wanted: Wanted,
        out: &mut Vec<Columns>,
    ) -> std::io::Result<()> {
        self.each((id, ChunkKind::Samples), start, end, |directory, page, chunk| {
            if chunk.may_hold(wanted) {
                out.push(self.base.samples(directory, page, chunk, (start, end))?);
            }
            Ok(())
        })
    }

    /// Adds the windows of a series to `out`.
    pub(super) fn hours(&self, id: SeriesId, start: TimestampMs, end: TimestampMs, out: &mut Vec<WindowRow>) -> std::io::Result<()> {
        self.each((id, ChunkKind::Hours), start, end, |directory, page, chunk| {
            out.extend(self.base.hours(directory, page, chunk)?);
            Ok(())
        })
    }

    fn each(
        &self,
        key: Key,
        start: TimestampMs,
        end: TimestampMs,
        mut read: impl FnMut(&Directory, &PageAt, &super::page::Chunk) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        if !self.overlaps(start, end) {
            return Ok(());
        }
        let from = self.pages.partition_point(|page| page.ids[1] < key.0);
        for page in self.pages.iter().skip(from).take_while(|page| page.ids[0] <= key.0) {
            if page.span.0 > end || page.span.1 < start {
                continue;
            }
            let Some(directory) = self.directories.get(page.place.at, || self.base.directory(page))? else { continue };
            for chunk in directory.of(key).iter().filter(|c| c.first <= end && c.last >= start) {
                read(&directory, page, chunk)?;
            }
        }
        Ok(())
    }

    /// Memory of its index in bytes.
    pub(super) fn index_bytes(&self) -> usize {
        self.pages.len() * size_of::<PageAt>()
    }

    /// All pages, for a compaction.
    pub(super) fn pages(&self) -> Vec<PageAt> {
        self.pages.clone()
    }
}

/// Reads header and index by the trailer; `None` if any of the three is damaged.
fn read_ends(file: &Pread) -> Result<Option<(FileHeader, Index)>, OpenError> {
    let payload_at = |at: u64, kind: u8| -> Result<Option<_>, OpenError> {
        let Some(header) = file.header_at(at)?.filter(|header| header.kind == kind) else { return Ok(None) };
        Ok(readable(file.payload(at, &header))?)
    };
    let header = payload_at(0, day_file::HEADER)?.and_then(|bytes| FileHeader::of_payload(&bytes).ok());
    let Some(trailer_at) = file.len().checked_sub(TRAILER as u64) else { return Ok(None) };
    let Some(trailer) = payload_at(trailer_at, day_file::TRAILER)? else { return Ok(None) };
    let Some(index_at) = trailer.first_chunk::<8>().map(|at| u64::from_le_bytes(*at)) else { return Ok(None) };
    let index = payload_at(index_at, day_file::INDEX)?.and_then(|bytes| Index::decode(&bytes).ok());
    Ok(header.zip(index))
}

/// Searches the whole file for header, index and pages. Also returns whether anything is missing.
fn search(file: &Pread, expected: &Expected, report: &Report) -> Result<(FileHeader, Index, bool), OpenError> {
    let (mut header, mut index) = (None, None);
    let mut stretches = Vec::new();
    for stretch in file.frames(0) {
        let stretch = stretch?;
        if let Stretch::Frame { at, header: found } = stretch {
            match found.kind {
                day_file::HEADER => header = header.or(readable(file.payload(at, &found))?.and_then(|b| FileHeader::of_payload(&b).ok())),
                day_file::INDEX => index = index.or(readable(file.payload(at, &found))?.and_then(|b| Index::decode(&b).ok())),
                day_file::PAGE | day_file::LABELS => stretches.push(stretch),
                _ => {}
            }
        } else {
            stretches.push(stretch);
        }
    }
    let header = header.ok_or(CodecError::Damaged("its header cannot be read, nor the copy of it"))?;
    expected.check(&header)?;
    if let Some(index) = index {
        report.mended("its header, index or trailer is damaged");
        return Ok((header, index, false));
    }
    let mut index = Index::default();
    for stretch in stretches {
        let (from, to, kind) = match stretch {
            Stretch::Frame { at, header } => (at, at + header.frame_len() as u64, Some(header.kind)),
            Stretch::Damage { from, to } => (from, to, None),
        };
        let place = Place { at: from, len: (to - from).saturating_sub(frame::HEADER as u64) };
        if kind == Some(day_file::LABELS) {
            index.labels.push(place);
            continue;
        }
        // A damaged header may be followed by an intact page.
        match readable(Directory::read(file, place.payload().0, to))?.and_then(|directory| PageAt::of(place, &directory)) {
            Some(page) => index.pages.push(page),
            None => report.lost(&format!("bytes {from} to {to} cannot be read; the bytes around them can")),
        }
    }
    report.lost("both copies of its index are damaged; the pages that were found are used");
    Ok((header, index, true))
}

impl Index {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.pages.len() * 20);
        let first = self.pages.iter().map(|page| page.place).chain(self.labels.iter().copied()).next();
        push_varint(&mut out, first.map_or(0, |place| place.at));
        push_varint(&mut out, self.pages.len() as u64);
        for page in &self.pages {
            push_varint(&mut out, page.place.len);
            page.ids.iter().for_each(|id| push_varint(&mut out, u64::from(id.0)));
            push_signed(&mut out, page.span.0);
            push_varint(&mut out, page.span.1.wrapping_sub(page.span.0) as u64);
        }
        push_varint(&mut out, self.labels.len() as u64);
        self.labels.iter().for_each(|run| push_varint(&mut out, run.len));
        out
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, CodecError> {
        let rest = &mut bytes;
        let mut next = take_varint(rest)?;
        let mut place = |len: u64| {
            let place = Place { at: next, len };
            next = place.payload().1;
            place
        };
        let id = |rest: &mut &[u8]| u32::try_from(take_varint(rest)?).map(SeriesId).map_err(|_| CodecError::Damaged("impossible series"));
        let mut index = Self::default();
        for _ in 0..take_varint(rest)? {
            let place = place(take_varint(rest)?);
            let ids = [id(rest)?, id(rest)?];
            let first = take_signed(rest)?;
            index.pages.push(PageAt { place, ids, span: (first, first.wrapping_add(take_varint(rest)? as i64)) });
        }
        for _ in 0..take_varint(rest)? {
            index.labels.push(place(take_varint(rest)?));
        }
        if rest.is_empty() { Ok(index) } else { Err(CodecError::Damaged("an index")) }
    }
}

/// Writes a chunk file: first the chunks by rising series and kind, then the labels of their series.
pub(super) struct FileWriter {
    out: BufWriter<File>,
    /// Position of the next frame.
    at: u64,
    header: FileHeader,
    page: PageBuilder,
    index: Index,
    runs: LabelRuns,
    /// Series that have chunks but no labels yet.
    pub(super) unnamed: RoaringBitmap,
}

impl FileWriter {
    pub(super) fn create(path: &Path, header: FileHeader) -> std::io::Result<Self> {
        let out = BufWriter::with_capacity(64 << 10, File::create(path)?);
        let page = PageBuilder::new(Effort::Thorough);
        let mut writer =
            Self { out, at: 0, header, page, index: Index::default(), runs: LabelRuns::default(), unnamed: RoaringBitmap::new() };
        writer.write_header()?;
        Ok(writer)
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) -> std::io::Result<Place> {
        let too_large = || std::io::Error::other("a record is longer than 4 GiB");
        let header = frame::Header::of(kind, self.header.number, payload).ok_or_else(too_large)?;
        self.out.write_all(&header.to_bytes())?;
        self.out.write_all(payload)?;
        let place = Place { at: self.at, len: payload.len() as u64 };
        self.at = place.payload().1;
        Ok(place)
    }

    fn write_header(&mut self) -> std::io::Result<()> {
        let mut payload = Vec::new();
        self.header.encode(&mut payload);
        self.frame(day_file::HEADER, &payload).map(drop)
    }

    pub(super) fn samples(&mut self, id: SeriesId, times: &[TimestampMs], values: &[f64]) -> Result<(), PageError> {
        self.page.samples(id, times, values)?;
        self.unnamed.insert(id.0);
        self.turn_page(false)
    }

    pub(super) fn hours(&mut self, id: SeriesId, rows: &[WindowRow]) -> Result<(), PageError> {
        self.page.hours(id, rows)?;
        self.unnamed.insert(id.0);
        self.turn_page(false)
    }

    fn turn_page(&mut self, last: bool) -> Result<(), PageError> {
        let (chunks, bytes) = self.page.size();
        if chunks == 0 || (!last && chunks < PAGE_CHUNKS && bytes < PAGE_BYTES) {
            return Ok(());
        }
        let (Some(keys), Some(span)) = (self.page.keys(), self.page.span()) else { return Ok(()) };
        let page = self.page.finish();
        let place = self.frame(day_file::PAGE, &page)?;
        self.index.pages.push(PageAt { place, ids: keys.map(|key| key.0), span });
        Ok(())
    }

    /// Writes the last page; labels may follow.
    pub(super) fn end_pages(&mut self) -> Result<(), PageError> {
        self.turn_page(true)
    }

    /// Adds the labels of a series, unless it has no chunks or its labels are written.
    pub(super) fn labels(&mut self, id: SeriesId, labels: &Labels) -> std::io::Result<()> {
        if self.unnamed.remove(id.0)
            && let Some(run) = self.runs.add(id, labels)
        {
            let place = self.frame(day_file::LABELS, &run)?;
            self.index.labels.push(place);
        }
        Ok(())
    }

    /// Finishes the file durably.
    pub(super) fn finish(mut self) -> std::io::Result<()> {
        if let Some(run) = self.runs.finish() {
            let place = self.frame(day_file::LABELS, &run)?;
            self.index.labels.push(place);
        }
        let index = self.index.encode();
        let place = self.frame(day_file::INDEX, &index)?;
        self.write_header()?;
        self.frame(day_file::INDEX, &index)?;
        self.frame(day_file::TRAILER, &place.at.to_le_bytes())?;
        let file = self.out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()
    }
}

#[cfg(test)]
pub(super) use self::tests::{example, read_anything, read_index};

#[cfg(test)]
mod tests;
