//! Pages files: what seals wrote of a day, until the compactor puts it in a chunk file.
//!
//! A file of frames (`frame`) that only grows at its end. It begins with its header (`day_file`); then for each seal: the
//! labels of series that it did not name before, the pages, and the end of the seal. The end says where the pages are and
//! what they cover, so that opening a file reads it and the headers of the frames alone. The number of a frame is the last
//! journal record of its seal.
//!
//! A seal counts once its end is there. How far the file was durable is noted elsewhere (the manifest): what is damaged
//! before that is told, and the pages of a seal whose end is damaged are found by themselves; what is unfinished behind it
//! is what a crash left, and is cut off.

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

/// Bytes after which a page ends: a damaged one costs no more.
pub(super) const PAGE_BYTES: usize = 24 << 10;
/// Chunks of one page at the most.
pub(super) const PAGE_CHUNKS: usize = 256;
/// Bytes that are written at once.
const WRITE_BYTES: usize = 256 << 10;

/// A page that is to be kept.
pub(super) struct NewPage {
    pub(super) ids: [SeriesId; 2],
    pub(super) span: Within,
    pub(super) bytes: Vec<u8>,
}

/// The series of a seal, and how their labels are found.
pub(super) struct Named<'a> {
    pub(super) ids: &'a [SeriesId],
    pub(super) labels: &'a dyn Fn(SeriesId) -> Option<Labels>,
}

/// One seal's pages, by rising series.
struct Seal {
    pages: Vec<PageAt>,
}

/// The end of a seal.
#[derive(Default)]
struct SealEnd {
    /// Where its first frame begins.
    start: u64,
    labels: Vec<Place>,
    pages: Vec<PageAt>,
    /// Series whose labels are in it.
    named: Vec<u32>,
}

/// An open pages file. One seal at a time.
pub(super) struct PagesFile {
    pub(super) base: Arc<DayFile>,
    header: FileHeader,
    seals: RwLock<Vec<Arc<Seal>>>,
    named: Mutex<RoaringBitmap>,
    through: AtomicU64,
    /// A write failed and could not be taken back, or the file cannot be written: nothing more is appended.
    closed: AtomicBool,
    /// Something that was durable is not there any more.
    pub(super) lost: bool,
    directories: DirectoryCache,
}

impl PagesFile {
    /// Makes a new file. It is durable after the first seal.
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

    /// Opens a file of which `durable` bytes are known to be durable; all of it where that is not known.
    pub(super) fn open(path: &Path, expected: &Expected, durable: Option<u64>, problems: &Arc<Problems>) -> Result<Self, OpenError> {
        let (file, writable) = open_file(path)?;
        let header = FileHeader::of_pages(expected.identity, expected.day, expected.number);
        let mut pages = Self::of(path, Pread::of(file)?, header, problems);
        pages.closed = (!writable).into();
        let len = pages.base.file.len();
        let good = Opening::new(&mut pages, expected, durable.unwrap_or(len)).run()?;
        if durable.is_some_and(|durable| durable > len) {
            pages.lost = true;
            pages.base.report.lost(&format!("it is {len} bytes long, {} were written; the end is missing", durable.unwrap_or(0)));
        }
        if good < len {
            log::info!("{}: cutting off {} bytes that a crash left", path.display(), len - good);
            if let Err(error) = pages.base.file.file.set_len(good) {
                log::warn!("{}: {error}; the next seal begins another file", path.display());
                pages.closed = true.into();
            }
            pages.base.file.set_len(good);
        }
        Ok(pages)
    }

    pub(super) fn number(&self) -> u64 {
        self.header.number
    }

    /// Bytes that count.
    pub(super) fn len(&self) -> u64 {
        self.base.file.len()
    }

    /// Whether a seal may be appended.
    pub(super) fn is_open(&self) -> bool {
        !self.closed.load(Relaxed)
    }

    /// The last journal record whose rows are here.
    pub(super) fn through(&self) -> u64 {
        self.through.load(Relaxed)
    }

    /// How many seals there are.
    pub(super) fn seals(&self) -> usize {
        self.seals.read().len()
    }

    /// Keeps a seal's pages, all or none, durably. What fails is taken back.
    pub(super) fn seal(&self, pages: Vec<NewPage>, named: &Named<'_>, through: u64) -> std::io::Result<()> {
        let start = self.len();
        let written = self.write_seal(start, pages, named, through);
        let written = written.and_then(|written| {
            fail::fail_point!("store::seal::sync", |_| Err(std::io::Error::other("failpoint")));
            self.base.file.file.sync_data()?;
            if !is_at(&self.base.file.file, &self.base.path) {
                // What is in it is read for as long as it is open, and kept by the next compaction; a seal would be lost.
                self.closed.store(true, Relaxed);
                log::error!("{} was removed while the service runs; the next seal begins another file", self.base.path.display());
                return Err(std::io::ErrorKind::NotFound.into());
            }
            Ok(written)
        });
        let (end, seal_end) = match written {
            Ok(written) => written,
            Err(error) => {
                // After a failed sync nobody knows what the disk has: the file is left as it was before, and gets no more.
                if let Err(error) = self.base.file.file.set_len(start).and_then(|()| self.base.file.file.sync_data()) {
                    log::warn!("{}: {error}; the next seal begins another file", self.base.path.display());
                    self.closed.store(true, Relaxed);
                }
                return Err(error);
            }
        };
        self.base.file.set_len(end);
        self.take_in(seal_end, through);
        Ok(())
    }

    /// Gives the end of what was written.
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

    /// Passes the samples of a series on, seal by seal, where they may be within `[start, end]`.
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

    /// Bytes of its index in memory.
    pub(super) fn index_bytes(&self) -> usize {
        self.seals.read().iter().map(|seal| seal.pages.len() * size_of::<PageAt>()).sum()
    }

    /// The pages of each seal, for reading all of it in order.
    pub(super) fn pages_by_seal(&self) -> Vec<Vec<PageAt>> {
        self.seals.read().iter().map(|seal| seal.pages.clone()).collect()
    }
}

/// For appending where that is allowed, for reading otherwise.
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
    /// Where the next frame begins.
    at: u64,
    buffer: Vec<u8>,
    number: u64,
}

impl Appender<'_> {
    fn frame(&mut self, kind: u8, payload: &[u8]) -> std::io::Result<Place> {
        if !frame::push(&mut self.buffer, kind, self.number, payload) {
            return Err(std::io::Error::other("a record is too large"));
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

    /// Reads the end of a seal that stands at `at`.
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

/// Reads a file's seals at its opening.
struct Opening<'a> {
    pages: &'a mut PagesFile,
    expected: &'a Expected,
    /// So far the file is known to have been durable.
    durable: u64,
    /// Where what counts ends.
    good: u64,
    has_header: bool,
    /// What came since the last end of a seal.
    pending: Vec<Stretch>,
}

impl<'a> Opening<'a> {
    fn new(pages: &'a mut PagesFile, expected: &'a Expected, durable: u64) -> Self {
        Self { pages, expected, durable, good: 0, has_header: false, pending: Vec::new() }
    }

    /// Gives the end of what counts.
    fn run(mut self) -> Result<u64, OpenError> {
        let base = Arc::clone(&self.pages.base);
        for stretch in base.file.frames(0) {
            match stretch? {
                Stretch::Frame { at: 0, header } if header.kind == day_file::HEADER => {
                    if let Some(found) = readable(base.file.payload(0, &header))?.and_then(|b| FileHeader::of_payload(&b).ok()) {
                        self.expected.check(&found)?;
                        self.has_header = true;
                    }
                    self.good = header.frame_len() as u64;
                }
                Stretch::Frame { at, header } if header.kind == day_file::SEAL => {
                    if !self.end_of_seal(at, &header)? {
                        break;
                    }
                }
                other => self.pending.push(other),
            }
        }
        let len = base.file.len();
        let left = std::mem::take(&mut self.pending);
        self.without_end(&left.into_iter().filter(|stretch| place_of(stretch).0 < self.durable).collect::<Vec<_>>())?;
        if !self.has_header {
            return Err(CodecError::Damaged("its header cannot be read").into());
        }
        Ok(self.good.max(self.durable.min(len)))
    }

    /// Takes a seal in; false where it and all behind it do not count.
    fn end_of_seal(&mut self, at: u64, header: &Header) -> Result<bool, OpenError> {
        let end = at + header.frame_len() as u64;
        let base = Arc::clone(&self.pages.base);
        let payload = readable(base.file.payload(at, header))?;
        let Some(seal) = payload.and_then(|bytes| SealEnd::decode(&bytes, at, self.expected).ok()) else {
            if end <= self.durable {
                base.report.lost("the end of a seal is damaged; its pages are found without it, nothing is lost");
            }
            return Ok(end <= self.durable);
        };
        let is_orphan = |stretch: &Stretch| place_of(stretch).1 <= seal.start;
        let (orphans, own): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending).into_iter().partition(is_orphan);
        if end > self.durable && !(seal.start == self.good.max(self.durable) && self.are_whole(&own)?) {
            self.pending = orphans;
            return Ok(false);
        }
        self.without_end(&orphans)?;
        if own.iter().any(|stretch| matches!(stretch, Stretch::Damage { .. })) {
            base.report.mended("the header of a record is damaged");
        }
        if !self.has_header {
            base.report.mended("its header is damaged");
            self.has_header = true;
        }
        self.pages.take_in(seal, header.number);
        self.good = end;
        Ok(true)
    }

    /// Whether frames that nobody knows to be durable are as they were written.
    fn are_whole(&self, frames: &[Stretch]) -> Result<bool, OpenError> {
        for stretch in frames {
            let Stretch::Frame { at, header } = stretch else { return Ok(false) };
            if readable(self.pages.base.file.payload(*at, header))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Finds the pages and labels of seals whose end is damaged.
    fn without_end(&mut self, stretches: &[Stretch]) -> Result<(), OpenError> {
        let base = Arc::clone(&self.pages.base);
        let mut seal = SealEnd::default();
        let mut through = 0;
        for stretch in stretches {
            let (from, to) = place_of(stretch);
            let place = Place { at: from, len: (to - from).saturating_sub(frame::HEADER as u64) };
            // Behind a damaged header there may still be a page.
            let is_page = match stretch {
                Stretch::Frame { header, .. } => {
                    through = through.max(header.number);
                    header.kind == day_file::PAGE
                }
                Stretch::Damage { .. } => true,
            };
            let directory = if is_page { readable(Directory::read(&base.file, place.payload().0, to))? } else { None };
            match (stretch, directory.and_then(|directory| PageAt::of(place, &directory))) {
                (_, Some(page)) => seal.pages.push(page),
                (Stretch::Frame { at, header }, None) if header.kind == day_file::LABELS => {
                    if let Some(labels) = readable(base.file.payload(*at, header))?.and_then(|b| day_file::read_labels(&b).ok()) {
                        seal.named.extend(labels.iter().map(|(id, _)| id.0));
                    }
                    seal.labels.push(place);
                }
                _ => {
                    self.pages.lost = true;
                    base.report.lost(&format!("bytes {from} to {to} cannot be read; what is around them is"));
                }
            }
        }
        if !seal.pages.is_empty() || !seal.labels.is_empty() {
            // Of one seal or of several: none has a series twice in one page, and what came later stands later.
            for page in split_by_order(std::mem::take(&mut seal.pages)) {
                self.pages.take_in(SealEnd { pages: page, ..SealEnd::default() }, through);
            }
            self.pages.take_in_labels(seal);
        }
        Ok(())
    }
}

impl PagesFile {
    fn take_in_labels(&self, end: SealEnd) {
        self.named.lock().extend(end.named);
        self.base.labels.write().extend(end.labels);
    }
}

/// Pages in parts within which the series rise.
fn split_by_order(pages: Vec<PageAt>) -> Vec<Vec<PageAt>> {
    let mut parts: Vec<Vec<PageAt>> = Vec::new();
    for page in pages {
        match parts.last_mut().filter(|part| part.last().is_none_or(|last| last.ids[1] <= page.ids[0])) {
            Some(part) => part.push(page),
            None => parts.push(vec![page]),
        }
    }
    parts
}

fn place_of(stretch: &Stretch) -> (u64, u64) {
    match stretch {
        Stretch::Frame { at, header } => (*at, at + header.frame_len() as u64),
        Stretch::Damage { from, to } => (*from, *to),
    }
}

#[cfg(test)]
pub(super) use self::tests::{example, read_anything, read_end};

#[cfg(test)]
mod tests;
