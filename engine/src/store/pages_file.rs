//! Pages files: what seals wrote of a day, until the compactor moves it to a chunk file.
//!
//! An append-only file of frames (`frame`). It begins with its header (`day_file`); each seal appends the labels of series that are
//! new to the file, pages, and an end record. The end record lists the pages and what they cover, so that opening a file reads only
//! end records and frame headers. The number of a frame is the last journal record of its seal.
//!
//! A seal counts once its end record is written. The manifest knows how far the file was durable. Damage before that is reported,
//! and the pages of a seal with a damaged end record are found one by one; an unfinished seal after it was left by a crash and is
//! cut off.

mod opening;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::{Mutex, RwLock};
use roaring::RoaringBitmap;

use super::data_dir::is_at;
use super::day_file::{self, DayFile, Expected, FileHeader, LabelRuns, OpenError, PageAt, Place, Report, readable};
use super::directory_cache::DirectoryCache;
use super::frame::{self, Header};
use super::page::{ChunkKind, Directory, Within};
use super::pread::{Pread, Stretch};
use super::problems::Problems;
use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::model::{Columns, Labels, SeriesId, TimestampMs};

/// A longer page is finished: a damaged one costs no more.
pub(super) const PAGE_BYTES: usize = 24 << 10;
/// Most chunks of one page.
pub(super) const PAGE_CHUNKS: usize = 256;
/// Buffered bytes before a write.
const WRITE_BYTES: usize = 256 << 10;

/// A page to append.
pub(super) struct NewPage {
    pub(super) ids: [SeriesId; 2],
    pub(super) span: Within,
    pub(super) bytes: Vec<u8>,
}

/// The series of a seal, and a lookup of their labels.
pub(super) struct Named<'a> {
    pub(super) ids: &'a [SeriesId],
    pub(super) labels: &'a dyn Fn(SeriesId) -> Option<Labels>,
}

/// The pages of one seal, by rising series.
struct Seal {
    pages: Vec<PageAt>,
}

/// The end record of a seal.
#[derive(Default)]
struct SealEnd {
    /// Position of its first frame.
    start: u64,
    labels: Vec<Place>,
    pages: Vec<PageAt>,
    /// Series whose labels it wrote.
    named: Vec<u32>,
}

/// An open pages file. Seals are serialized by the caller.
pub(super) struct PagesFile {
    pub(super) base: Arc<DayFile>,
    header: FileHeader,
    seals: RwLock<Vec<Arc<Seal>>>,
    named: Mutex<RoaringBitmap>,
    through: AtomicU64,
    /// The file cannot be written, or a failed write could not be undone: nothing more is appended.
    closed: AtomicBool,
    /// Something durable is missing.
    pub(super) lost: bool,
    directories: DirectoryCache,
}

impl PagesFile {
    /// Creates a file. It is durable after the first seal.
    pub(super) fn create(path: &Path, expected: &Expected, problems: &Arc<Problems>) -> std::io::Result<Self> {
        let header = FileHeader::of_pages(expected.identity, expected.day, expected.number);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let mut payload = Vec::new();
        header.encode(&mut payload);
        let mut bytes = Vec::new();
        frame::push(&mut bytes, day_file::HEADER, expected.number, &payload);
        file.write_all_at(&bytes, 0)?;
        Ok(Self::of(path, Pread::of(file)?, header, problems))
    }

    fn of(path: &Path, file: Pread, header: FileHeader, problems: &Arc<Problems>) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let report = Report::new(Arc::clone(problems), header.day, &name);
        Self {
            base: Arc::new(DayFile { path: path.to_owned(), number: header.number, file, report, labels: RwLock::default() }),
            header,
            seals: RwLock::default(),
            named: Mutex::default(),
            through: 0.into(),
            closed: false.into(),
            lost: false,
            directories: DirectoryCache::default(),
        }
    }

    /// Opens a file whose first `durable` bytes are known to be durable; all of it if that is unknown.
    pub(super) fn open(path: &Path, expected: &Expected, durable: Option<u64>, problems: &Arc<Problems>) -> Result<Self, OpenError> {
        let (file, writable) = open_file(path)?;
        let header = FileHeader::of_pages(expected.identity, expected.day, expected.number);
        let mut pages = Self::of(path, Pread::of(file)?, header, problems);
        pages.closed = (!writable).into();
        let len = pages.base.file.len();
        let good = Opening::new(&mut pages, expected, durable.unwrap_or(len)).run()?;
        if durable.is_some_and(|durable| durable > len) {
            pages.lost = true;
            pages.base.report.lost(&format!("it has {len} of {} bytes; the end is missing", durable.unwrap_or(0)));
        }
        if good < len {
            log::info!("{}: truncating {} unfinished bytes left by a crash", path.display(), len - good);
            if let Err(error) = pages.base.file.file.set_len(good) {
                log::warn!("{}: {error}; the next seal starts another file", path.display());
                pages.closed = true.into();
            }
            pages.base.file.set_len(good);
        }
        Ok(pages)
    }

    pub(super) fn number(&self) -> u64 {
        self.header.number
    }

    /// Length that counts.
    pub(super) fn len(&self) -> u64 {
        self.base.file.len()
    }

    /// Whether it accepts another seal.
    pub(super) fn is_open(&self) -> bool {
        !self.closed.load(Relaxed)
    }

    /// The last journal record whose rows are in it.
    pub(super) fn through(&self) -> u64 {
        self.through.load(Relaxed)
    }

    /// Number of seals.
    pub(super) fn seals(&self) -> usize {
        self.seals.read().len()
    }

    /// Appends the pages of a seal durably, all or none. A failed write is undone.
    pub(super) fn seal(&self, pages: Vec<NewPage>, named: &Named<'_>, through: u64) -> std::io::Result<()> {
        let start = self.len();
        let written = self.write_seal(start, pages, named, through);
        let written = written.and_then(|written| {
            fail::fail_point!("store::seal::sync", |_| Err(std::io::Error::other("failpoint")));
            self.base.file.file.sync_data()?;
            if !is_at(&self.base.file.file, &self.base.path) {
                // Its content is read while it is open, and kept by the next compaction; a new seal would be lost.
                self.closed.store(true, Relaxed);
                log::error!("{} was removed while the service runs; the next seal starts another file", self.base.path.display());
                return Err(std::io::ErrorKind::NotFound.into());
            }
            Ok(written)
        });
        let (end, seal_end) = match written {
            Ok(written) => written,
            Err(error) => {
                // After a failed sync it is unknown what is on the disk: restore the old length and append no more.
                if let Err(error) = self.base.file.file.set_len(start).and_then(|()| self.base.file.file.sync_data()) {
                    log::warn!("{}: {error}; the next seal starts another file", self.base.path.display());
                    self.closed.store(true, Relaxed);
                }
                return Err(error);
            }
        };
        self.base.file.set_len(end);
        self.take_in(seal_end, through);
        Ok(())
    }

    /// Returns the position after the last frame, and the end record.
    fn write_seal(&self, start: u64, pages: Vec<NewPage>, named: &Named<'_>, through: u64) -> std::io::Result<(u64, SealEnd)> {
        let mut out = Appender { file: &self.base.file.file, at: start, buffer: Vec::new(), number: through };
        let mut end = SealEnd { start, ..SealEnd::default() };
        let mut runs = LabelRuns::default();
        {
            let known = self.named.lock();
            for id in named.ids.iter().filter(|id| !known.contains(id.0)) {
                let Some(labels) = (named.labels)(*id) else { continue };
                end.named.push(id.0);
                if let Some(run) = runs.add(*id, &labels) {
                    end.labels.push(out.frame(day_file::LABELS, &run)?);
                }
            }
        }
        if let Some(run) = runs.finish() {
            end.labels.push(out.frame(day_file::LABELS, &run)?);
        }
        for page in pages {
            let place = out.frame(day_file::PAGE, &page.bytes)?;
            end.pages.push(PageAt { place, ids: page.ids, span: page.span });
        }
        fail::fail_point!("store::seal::write", |_| Err(std::io::ErrorKind::StorageFull.into()));
        out.frame(day_file::SEAL, &end.encode(&self.header))?;
        out.flush()?;
        Ok((out.at, end))
    }

    fn take_in(&self, end: SealEnd, through: u64) {
        self.named.lock().extend(end.named);
        self.base.labels.write().extend(end.labels);
        self.seals.write().push(Arc::new(Seal { pages: end.pages }));
        self.through.fetch_max(through, Relaxed);
    }

    /// Adds the samples of a series within `[start, end]` to `out`, seal by seal.
    pub(super) fn samples(&self, id: SeriesId, start: TimestampMs, end: TimestampMs, out: &mut Vec<Columns>) -> std::io::Result<()> {
        let seals: Vec<Arc<Seal>> = self.seals.read().clone();
        for seal in &seals {
            let from = seal.pages.partition_point(|page| page.ids[1] < id);
            for page in seal.pages[from..].iter().take_while(|page| page.ids[0] <= id) {
                if page.span.0 > end || page.span.1 < start {
                    continue;
                }
                let Some(directory) = self.directories.get(page.place.at, || self.base.directory(page))? else { continue };
                for chunk in directory.of((id, ChunkKind::Samples)).iter().filter(|c| c.first <= end && c.last >= start) {
                    out.push(self.base.samples(&directory, page, chunk, (start, end))?);
                }
            }
        }
        Ok(())
    }

    /// Memory of its index in bytes.
    pub(super) fn index_bytes(&self) -> usize {
        self.seals.read().iter().map(|seal| seal.pages.len() * size_of::<PageAt>()).sum()
    }

    /// The pages of each seal, for a compaction.
    pub(super) fn pages_by_seal(&self) -> Vec<Vec<PageAt>> {
        self.seals.read().iter().map(|seal| seal.pages.clone()).collect()
    }
}

/// Opens for appending if permitted, else for reading.
fn open_file(path: &Path) -> std::io::Result<(File, bool)> {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) => Ok((File::open(path)?, false)),
        other => Ok((other?, true)),
    }
}

/// Appends frames.
struct Appender<'a> {
    file: &'a File,
    /// Position of the next frame.
    at: u64,
    buffer: Vec<u8>,
    number: u64,
}

impl Appender<'_> {
    fn frame(&mut self, kind: u8, payload: &[u8]) -> std::io::Result<Place> {
        if !frame::push(&mut self.buffer, kind, self.number, payload) {
            return Err(std::io::Error::other("a record is longer than 4 GiB"));
        }
        let place = Place { at: self.at, len: payload.len() as u64 };
        self.at = place.payload().1;
        if self.buffer.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(place)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let from = self.at - self.buffer.len() as u64;
        self.file.write_all_at(&self.buffer, from)?;
        self.buffer.clear();
        Ok(())
    }
}

impl SealEnd {
    fn encode(&self, header: &FileHeader) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.pages.len() * 24 + self.named.len());
        header.encode(&mut out);
        push_varint(&mut out, self.start);
        push_varint(&mut out, self.labels.len() as u64);
        self.labels.iter().for_each(|run| push_varint(&mut out, run.len));
        push_varint(&mut out, self.pages.len() as u64);
        for page in &self.pages {
            push_varint(&mut out, page.place.len);
            page.ids.iter().for_each(|id| push_varint(&mut out, u64::from(id.0)));
            push_signed(&mut out, page.span.0);
            push_signed(&mut out, page.span.1);
        }
        push_varint(&mut out, self.named.len() as u64);
        let mut before = 0i64;
        for id in &self.named {
            push_signed(&mut out, i64::from(*id) - before);
            before = i64::from(*id);
        }
        out
    }

    /// Decodes the end record at position `at`.
    fn decode(mut bytes: &[u8], at: u64, expected: &Expected) -> Result<Self, CodecError> {
        const DAMAGED: CodecError = CodecError::Damaged("the end of a seal");
        let rest = &mut bytes;
        expected.check(&FileHeader::decode(rest)?).map_err(|_| DAMAGED)?;
        let mut end = Self { start: take_varint(rest)?, ..Self::default() };
        let mut next = end.start;
        let mut place = |len: u64| {
            let place = Place { at: next, len };
            next = place.payload().1;
            place
        };
        for _ in 0..take_varint(rest)? {
            end.labels.push(place(take_varint(rest)?));
        }
        for _ in 0..take_varint(rest)? {
            let place = place(take_varint(rest)?);
            let mut id = || u32::try_from(take_varint(rest)?).map(SeriesId).map_err(|_| DAMAGED);
            let ids = [id()?, id()?];
            end.pages.push(PageAt { place, ids, span: (take_signed(rest)?, take_signed(rest)?) });
        }
        let mut before = 0i64;
        for _ in 0..take_varint(rest)? {
            before = before.wrapping_add(take_signed(rest)?);
            end.named.push(u32::try_from(before).map_err(|_| DAMAGED)?);
        }
        if next == at && rest.is_empty() { Ok(end) } else { Err(DAMAGED) }
    }
}

impl PagesFile {
    fn take_in_labels(&self, end: SealEnd) {
        self.named.lock().extend(end.named);
        self.base.labels.write().extend(end.labels);
    }
}

use self::opening::Opening;
#[cfg(test)]
pub(super) use self::tests::{example, read_anything, read_end};

#[cfg(test)]
mod tests;
