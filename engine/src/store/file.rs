//! Chunk files: the pages of a day, written once by the compactor and never changed.
//!
//! A file of frames (`frame`): header (`day_file`), pages by rising series and kind, labels, index (for each page its length
//! and what it covers; the lengths of the runs of labels), the header and the index once more, and a trailer that says where
//! the first index is. Opening reads header, trailer and index. Where one of them is damaged, the whole file is searched
//! for its copy, and where there is none, for the pages. The index is held in memory, and the directories of the pages that
//! were read last: neighbours in a page are often asked for together.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use roaring::RoaringBitmap;

use super::day_file::{self, DayFile, Expected, FileHeader, LabelRuns, OpenError, PageAt, Place, Report, readable};
use super::directories::Directories;
use super::frame;
use super::page::{ChunkKind, Directory, PageBuilder, PageError, Wanted, Within};
use super::pread::{Pread, Stretch};
use super::problems::Problems;
use crate::codec::{CodecError, Effort, push_signed, push_varint, take_signed, take_varint};
use crate::model::{Columns, Labels, SeriesId, TimestampMs};
use crate::windows::WindowRow;

/// Bytes of the trailer, which is a frame with one number.
const TRAILER: usize = frame::HEADER + 8;
/// Chunks of one page at the most: so many directory entries are read to find one.
const PAGE_CHUNKS: usize = 64;
/// Bytes after which a page ends.
const PAGE_BYTES: usize = 512 << 10;

/// Order of the chunks.
pub(super) type Key = (SeriesId, ChunkKind);

/// An open chunk file.
pub(super) struct ChunkFile {
    pub(super) base: Arc<DayFile>,
    pub(super) header: FileHeader,
    pages: Vec<PageAt>,
    /// The earliest and the latest time.
    span: Within,
    /// Something that was written is not there any more.
    pub(super) lost: bool,
    directories: Directories,
}

/// Where the pages and the labels are.
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
        Ok(Self { base: Arc::new(base), header, pages: index.pages, span, lost, directories: Directories::default() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.base.path
    }

    pub(super) fn number(&self) -> u64 {
        self.header.number
    }

    /// Bytes of the file.
    pub(super) fn len(&self) -> u64 {
        self.base.file.len()
    }

    /// Whether it may hold rows within `[start, end]`.
    pub(super) fn overlaps(&self, start: TimestampMs, end: TimestampMs) -> bool {
        self.span.0 <= end && self.span.1 >= start
    }

    /// Passes the samples of a series on, chunk by chunk, where they may be within `[start, end]` and among the wanted.
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

    /// Passes the windows of a series on.
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

    /// Bytes of its index in memory.
    pub(super) fn index_bytes(&self) -> usize {
        self.pages.len() * size_of::<PageAt>()
    }

    /// All pages, for reading all of it in order.
    pub(super) fn pages(&self) -> Vec<PageAt> {
        self.pages.clone()
    }
}

/// Header and index by way of the trailer; none where any of the three is damaged.
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

/// Looks through the whole file for what the ends do not tell. Gives whether anything is missing, too.
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
        // Behind a damaged header there may still be a page.
        match readable(Directory::read(file, place.payload().0, to))?.and_then(|directory| PageAt::of(place, &directory)) {
            Some(page) => index.pages.push(page),
            None => report.lost(&format!("bytes {from} to {to} cannot be read; what is around them is")),
        }
    }
    report.lost("its index cannot be read, nor the copy of it; the pages that are there are used");
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
    /// Where the next frame begins.
    at: u64,
    header: FileHeader,
    page: PageBuilder,
    index: Index,
    runs: LabelRuns,
    /// Series that have chunks, and no labels yet.
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
        let too_large = || std::io::Error::other("a record is too large");
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

    /// Ends the pages; labels may follow.
    pub(super) fn end_pages(&mut self) -> Result<(), PageError> {
        self.turn_page(true)
    }

    /// Adds the labels of a series, unless it has no chunks or they are there already.
    pub(super) fn labels(&mut self, id: SeriesId, labels: &Labels) -> std::io::Result<()> {
        if self.unnamed.remove(id.0)
            && let Some(run) = self.runs.add(id, labels)
        {
            let place = self.frame(day_file::LABELS, &run)?;
            self.index.labels.push(place);
        }
        Ok(())
    }

    /// Ends the file, durably.
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
mod tests {
    use super::*;
    use crate::store::day_file::FileKind;
    use crate::store::identity::Identity;
    use crate::store::partition::Day;
    use crate::windows::{self, Level};

    const EXPECTED: Expected = Expected { identity: Identity([5; 16]), day: Day(0), number: 1, kind: FileKind::Chunks };

    const FLIPS: [u8; 3] = [1, 0x10, 0xff];

    fn header() -> FileHeader {
        let Expected { identity, day, number, kind } = EXPECTED;
        FileHeader { kind, identity, day, number, sources: vec![(7, 70)], through: 9, finished: true, thinned_ms: 3 }
    }

    fn labels(id: u32) -> Labels {
        Labels::metric("load", &[("n", &id.to_string())])
    }

    fn open(path: &Path) -> Result<(ChunkFile, Arc<Problems>), OpenError> {
        let problems = Arc::new(Problems::default());
        Ok((ChunkFile::open(path, &EXPECTED, &problems)?, problems))
    }

    fn samples(file: &ChunkFile, id: u32, start: i64, end: i64) -> Columns {
        let mut out = Vec::new();
        file.samples(SeriesId(id), start, end, None, &mut out).unwrap();
        crate::store::read::merge(out)
    }

    #[test]
    fn a_file_finds_each_series_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.chunks");
        let times: Vec<i64> = (0..200).map(|i| i * 10_000).collect();
        let values = |id: u32| (0..200).map(|i| f64::from(i * id)).collect::<Vec<f64>>();
        let ids: Vec<u32> = (0..500).map(|i| i * 3).collect();
        let hours = windows::from_samples(Level::H1, &Columns { times: times.clone(), values: values(3) });
        let mut writer = FileWriter::create(&path, header()).unwrap();
        for &id in &ids {
            writer.samples(SeriesId(id), &times, &values(id)).unwrap();
            if id == 3 {
                writer.hours(SeriesId(id), &hours).unwrap();
            }
        }
        writer.end_pages().unwrap();
        (0..2_000).for_each(|id| writer.labels(SeriesId(id), &labels(id)).unwrap());
        assert!(writer.unnamed.is_empty());
        writer.finish().unwrap();
        let (file, problems) = open(&path).unwrap();
        assert_eq!((&file.header, file.lost), (&header(), false));
        let chunks = file.pages().into_iter().map(|page| file.base.directory(&page).unwrap().unwrap().chunks.len());
        assert_eq!(chunks.sum::<usize>(), 501);
        assert!(file.overlaps(0, 5) && !file.overlaps(2_000_000, 3_000_000));
        for id in [0, 3, 747, 1_497] {
            assert_eq!(samples(&file, id, 0, i64::MAX), Columns { times: times.clone(), values: values(id) });
            assert_eq!(samples(&file, id, 10_001, 30_000).times, [20_000, 30_000]);
        }
        let mut rows = Vec::new();
        file.hours(SeriesId(3), 0, 10, &mut rows).unwrap();
        assert_eq!((samples(&file, 1, 0, 10).times.len(), rows), (0, hours));
        let mut named = Vec::new();
        file.base.for_each_labels(|id, found| named.push((id.0, found == labels(id.0)))).unwrap();
        assert_eq!(named, ids.iter().map(|id| (*id, true)).collect::<Vec<_>>());
        assert!(file.base.verify(|| ()).unwrap());
        assert_eq!(problems.list(), Vec::<String>::new());
    }

    /// Two series with several runs of rows and one with its own times, in two pages.
    fn small_file(path: &Path) -> Vec<(u32, Columns)> {
        let times: Vec<i64> = (0..700).map(|i| i * 10_000 + i * i % 5).collect();
        let column = |id: u32, times: &[i64]| {
            let values = (0..times.len() as u32).map(|i| f64::from(i * 7_919 % (100 + id)) / 10.0).collect();
            (id, Columns { times: times.to_vec(), values })
        };
        let all = [column(1, &times), column(4, &times), column(9, &[5, 8])].to_vec();
        let mut writer = FileWriter::create(path, header()).unwrap();
        for (id, columns) in &all {
            writer.samples(SeriesId(*id), &columns.times, &columns.values).unwrap();
            if *id == 4 {
                writer.end_pages().unwrap();
            }
        }
        writer.end_pages().unwrap();
        all.iter().for_each(|(id, _)| writer.labels(SeriesId(*id), &labels(*id)).unwrap());
        writer.finish().unwrap();
        all
    }

    /// The bytes of a small file.
    pub(crate) fn example() -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        small_file(&dir.path().join("1.chunks"));
        std::fs::read(dir.path().join("1.chunks")).unwrap()
    }

    /// Opens a file and reads all that is in it.
    pub(crate) fn read_anything(path: &Path) {
        let Ok((file, _)) = open(path) else { return };
        for page in file.pages() {
            let Ok(Some(directory)) = file.base.directory(&page) else { continue };
            directory.chunks.iter().for_each(|chunk| _ = file.base.samples(&directory, &page, chunk, crate::store::page::ALWAYS));
        }
        let _ = (file.base.for_each_labels(|_, _| ()), file.base.verify(|| ()));
    }

    /// Reads an index.
    pub(crate) fn read_index(bytes: &[u8]) {
        drop(Index::decode(bytes));
    }

    /// Reads all that is left of the file; panics at anything that was never written. Gives how many samples are gone.
    fn lost(file: &ChunkFile, all: &[(u32, Columns)]) -> usize {
        let mut lost = 0;
        for (id, columns) in all {
            let read = samples(file, *id, i64::MIN, i64::MAX);
            let mut rows = 0..columns.times.len();
            for sample in read.iter() {
                let row = rows.find(|row| columns.times[*row] == sample.t).expect("a time that was written");
                assert_eq!(sample.v.to_bits(), columns.values[row].to_bits());
            }
            lost += columns.times.len() - read.times.len();
        }
        file.base.for_each_labels(|id, found| assert_eq!(found, labels(id.0))).unwrap();
        lost
    }

    #[test]
    fn a_damaged_byte_anywhere_costs_one_run_at_the_most_and_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.chunks");
        let all = small_file(&path);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= FLIPS[at % FLIPS.len()];
            std::fs::write(&path, &bytes).unwrap();
            let (file, problems) = open(&path).unwrap_or_else(|error| panic!("byte {at}: {error}"));
            assert_eq!(file.header, header(), "byte {at}");
            let lost = lost(&file, &all);
            assert!(lost <= crate::codec::PAGE_ROWS, "byte {at}: {lost} samples lost");
            assert!(lost == 0 || !problems.list().is_empty(), "byte {at}");
            assert!(!file.base.verify(|| ()).unwrap() && !problems.list().is_empty(), "byte {at}: not told");
        }
    }

    #[test]
    fn a_file_cut_anywhere_gives_the_pages_that_are_left_or_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.chunks");
        let all = small_file(&path);
        let whole = std::fs::read(&path).unwrap();
        let mut opened = 0;
        for len in (0..whole.len()).step_by(3) {
            std::fs::write(&path, &whole[..len]).unwrap();
            let Ok((file, problems)) = open(&path) else { continue };
            opened += 1;
            let lost = lost(&file, &all);
            assert!(!problems.list().is_empty() && (lost == 0 || file.lost), "{len} bytes");
        }
        assert!(opened > whole.len() / 3 - 60, "with its header it opens: {opened}");
    }

    #[test]
    fn a_file_of_another_directory_day_or_number_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.chunks");
        small_file(&path);
        let open = |expected: Expected| ChunkFile::open(&path, &expected, &Arc::default()).err().map(|error| error.to_string());
        assert_eq!(open(EXPECTED), None);
        assert!(open(Expected { identity: Identity([6; 16]), ..EXPECTED }).unwrap().contains("belongs to the data directory 0505"));
        assert!(open(Expected { number: 2, ..EXPECTED }).unwrap().contains("file 1 of 1970-01-01"));
        assert!(open(Expected { day: Day(1), ..EXPECTED }).is_some() && open(Expected { kind: FileKind::Pages, ..EXPECTED }).is_some());
    }
}
