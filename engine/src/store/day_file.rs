//! What every file of a day says about itself, and the labels of the series in it. Shared by `hot` and `file`.
//!
//! Both are files of frames (`frame`). Each says at its beginning, and once more further on, to which data directory and day
//! it belongs and what it is made of, so that the days can be put together again without their manifests. Each holds the
//! labels of its series by id, so that the catalog can be made again from the days. Labels lie in runs of bounded size: a
//! damaged byte costs one run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::{Mutex, RwLock};

use super::frame;
use super::identity::Identity;
use super::page::{Chunk, Damage, Directory, PageError, Within};
use super::partition::Day;
use super::pread::{Pread, Stretch};
use super::problems::Problems;
use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::model::{Columns, Labels, SeriesId};
use crate::windows::WindowRow;

/// Kinds of frames.
pub(super) const HEADER: u8 = 1;
pub(super) const LABELS: u8 = 2;
pub(super) const PAGE: u8 = 3;
/// The end of a seal, in a pages file.
pub(super) const SEAL: u8 = 4;
/// Where the pages are, in a chunk file.
pub(super) const INDEX: u8 = 5;
/// Where the index is, in a chunk file.
pub(super) const TRAILER: u8 = 6;

/// Bytes of labels in one run before it is compressed.
const RUN_BYTES: usize = 32 << 10;
/// A run that says it is larger is none.
const MAX_RUN_BYTES: usize = 4 << 20;

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileKind {
    /// Written once by the compactor.
    Chunks = 0,
    /// Appended to by seals.
    Pages = 1,
}

/// What a file is and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) kind: FileKind,
    pub(super) identity: Identity,
    pub(super) day: Day,
    pub(super) number: u64,
    /// The files that it was made of, each with its length then.
    pub(super) sources: Vec<(u64, u64)>,
    /// The last journal record that is in it, as of its making.
    pub(super) through: u64,
    /// The whole day is in it, windows of an hour too.
    pub(super) finished: bool,
    /// Series whose retention is at most this, in ms, are gone from it.
    pub(super) thinned_ms: i64,
}

impl FileHeader {
    /// The header of a pages file.
    pub(super) fn of_pages(identity: Identity, day: Day, number: u64) -> Self {
        Self { kind: FileKind::Pages, identity, day, number, sources: Vec::new(), through: 0, finished: false, thinned_ms: 0 }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.identity.0);
        push_varint(out, self.kind as u64);
        push_signed(out, self.day.0);
        push_varint(out, self.number);
        push_varint(out, self.through);
        push_varint(out, u64::from(self.finished));
        push_signed(out, self.thinned_ms);
        push_varint(out, self.sources.len() as u64);
        for (number, len) in &self.sources {
            push_varint(out, *number);
            push_varint(out, *len);
        }
    }

    /// Reads what [`FileHeader::encode`] wrote from the beginning of some bytes.
    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        let (identity, rest) = bytes.split_first_chunk::<{ Identity::LEN }>().ok_or(CodecError::Damaged("too short"))?;
        *bytes = rest;
        let kind = match take_varint(bytes)? {
            0 => FileKind::Chunks,
            1 => FileKind::Pages,
            _ => return Err(CodecError::Damaged("unknown kind of file")),
        };
        let (day, number, through) = (Day(take_signed(bytes)?), take_varint(bytes)?, take_varint(bytes)?);
        let (finished, thinned_ms) = (take_varint(bytes)? == 1, take_signed(bytes)?);
        let sources = (0..take_varint(bytes)?).map(|_| Ok((take_varint(bytes)?, take_varint(bytes)?)));
        let sources = sources.collect::<Result<_, CodecError>>()?;
        Ok(Self { kind, identity: Identity(*identity), day, number, sources, through, finished, thinned_ms })
    }

    /// What [`FileHeader::decode`] reads, from a whole payload.
    pub(super) fn of_payload(mut bytes: &[u8]) -> Result<Self, CodecError> {
        let header = Self::decode(&mut bytes)?;
        if bytes.is_empty() { Ok(header) } else { Err(CodecError::Damaged("a file's header")) }
    }
}

/// The header of a file, or the first sound copy of it.
pub(super) fn header_of(file: &Pread) -> Option<FileHeader> {
    for stretch in file.frames(0) {
        if let Stretch::Frame { at, header } = stretch.ok()?
            && matches!(header.kind, HEADER | SEAL)
            && let Ok(payload) = file.payload(at, &header)
            && let Ok(header) = FileHeader::decode(&mut &*payload)
        {
            return Some(header);
        }
    }
    None
}

/// The file that is expected under a name.
#[derive(Clone)]
pub(super) struct Expected {
    pub(super) identity: Identity,
    pub(super) day: Day,
    pub(super) number: u64,
    pub(super) kind: FileKind,
}

impl Expected {
    /// Whether a header is that of the file.
    pub(super) fn check(&self, header: &FileHeader) -> Result<(), OpenError> {
        if header.identity != self.identity {
            return Err(OpenError::Foreign(header.identity));
        }
        if (header.day, header.number, header.kind) != (self.day, self.number, self.kind) {
            return Err(OpenError::Misplaced { day: header.day, number: header.number });
        }
        Ok(())
    }
}

/// Why a file of a day cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("it belongs to the data directory {0}")]
    Foreign(Identity),
    #[error("it says that it is file {number} of {}", .day.name())]
    Misplaced { day: Day, number: u64 },
    #[error(transparent)]
    Damaged(#[from] CodecError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<PageError> for OpenError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Codec(error) => Self::Damaged(error),
            PageError::Io(error) => Self::Io(error),
        }
    }
}

/// The place of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Where its header begins.
    pub(super) at: u64,
    /// Bytes of its payload.
    pub(super) len: u64,
}

impl Place {
    /// Where its payload is.
    pub(super) fn payload(self) -> (u64, u64) {
        let start = self.at.saturating_add(frame::HEADER as u64);
        (start, start.saturating_add(self.len))
    }
}

/// Collects labels in runs.
#[derive(Default)]
pub(super) struct LabelRuns {
    run: Vec<u8>,
}

impl LabelRuns {
    /// Adds a series; gives the payload of a frame when a run is full.
    pub(super) fn add(&mut self, id: SeriesId, labels: &Labels) -> Option<Vec<u8>> {
        let bytes = labels.as_bytes();
        push_varint(&mut self.run, u64::from(id.0));
        push_varint(&mut self.run, bytes.len() as u64);
        self.run.extend_from_slice(bytes);
        if self.run.len() < RUN_BYTES { None } else { self.finish() }
    }

    /// The payload of the last frame; none where there is nothing.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        let run = std::mem::take(&mut self.run);
        if run.is_empty() {
            return None;
        }
        // The compressor refuses only what is larger than a run ever is.
        snap::raw::Encoder::new().compress_vec(&run).inspect_err(|error| log::error!("labels cannot be compressed: {error}")).ok()
    }
}

/// The labels in the payload of a frame.
pub(super) fn read_labels(payload: &[u8]) -> Result<Vec<(SeriesId, Labels)>, CodecError> {
    const DAMAGED: CodecError = CodecError::Damaged("a run of labels");
    if snap::raw::decompress_len(payload).map_err(|_| DAMAGED)? > MAX_RUN_BYTES {
        return Err(DAMAGED);
    }
    let run = snap::raw::Decoder::new().decompress_vec(payload).map_err(|_| DAMAGED)?;
    let mut rest = run.as_slice();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let id = u32::try_from(take_varint(&mut rest)?).map_err(|_| DAMAGED)?;
        let len = take_varint(&mut rest)? as usize;
        let (labels, tail) = rest.split_at_checked(len).ok_or(DAMAGED)?;
        rest = tail;
        found.push((SeriesId(id), Labels::from_bytes(labels).map_err(|_| DAMAGED)?));
    }
    Ok(found)
}

/// Tells what is wrong with a file, each thing once.
pub(super) struct Report {
    problems: Arc<Problems>,
    /// Day and name of the file.
    name: String,
    known: Mutex<BTreeSet<(u32, i64)>>,
    /// Something in it cannot be read.
    damaged: AtomicBool,
}

/// Chunks whose damage is remembered; of more each read tells again, which the list of problems bounds.
const MAX_KNOWN: usize = 4_096;

impl Report {
    pub(super) fn new(problems: Arc<Problems>, day: Day, name: &str) -> Self {
        let name = format!("partition {}: {name}", day.name());
        Self { problems, name, known: Default::default(), damaged: false.into() }
    }

    /// Whether anything in the file was found damaged so far.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Relaxed)
    }

    /// Something cannot be read.
    pub(super) fn lost(&self, what: &str) {
        self.damaged.store(true, Relaxed);
        self.problems.note(format!("{}: {what}", self.name));
    }

    /// Something is damaged that is there twice.
    pub(super) fn mended(&self, what: &str) {
        self.damaged.store(true, Relaxed);
        self.problems.note(format!("{}: {what}; its second copy is used, nothing is lost", self.name));
    }

    /// Rows of a series cannot be read. The labels are looked up the first time alone.
    pub(super) fn lost_rows(&self, id: SeriesId, what: &str, span: Within, why: &str, labels: impl FnOnce() -> Option<Labels>) {
        self.damaged.store(true, Relaxed);
        {
            let mut known = self.known.lock();
            if !known.insert((id.0, span.0)) {
                return;
            }
            if known.len() > MAX_KNOWN {
                known.clear();
            }
        }
        let series = labels().map_or_else(|| format!("series {}", id.0), |labels| labels.to_string());
        let (from, to) = (instant(span.0), instant(span.1));
        self.problems.note(format!("{}: {what} of {series} from {from} to {to} cannot be read and are left out{why}", self.name));
    }
}

fn instant(t: i64) -> String {
    jiff::Timestamp::from_millisecond(t).map_or_else(|_| format!("{t} ms"), |t| t.to_string())
}

/// A page and what it covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageAt {
    pub(super) place: Place,
    /// The first and the last series.
    pub(super) ids: [SeriesId; 2],
    /// The earliest and the latest time.
    pub(super) span: Within,
}

impl PageAt {
    /// As a directory tells; none for a page without chunks.
    pub(super) fn of(place: Place, directory: &Directory) -> Option<Self> {
        let ids = [directory.chunks.first()?.id, directory.chunks.last()?.id];
        let span = directory.chunks.iter().map(|chunk| (chunk.first, chunk.last)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        Some(Self { place, ids, span })
    }
}

/// None for damage; an error is the moment's trouble.
pub(super) fn readable<T>(read: Result<T, PageError>) -> std::io::Result<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(PageError::Codec(_)) => Ok(None),
        Err(PageError::Io(error)) => Err(error),
    }
}

/// An open file of a day: what reading has in common for both kinds. Damage is told here and left out of what is read;
/// an error is the moment's trouble.
pub(super) struct DayFile {
    pub(super) path: PathBuf,
    pub(super) number: u64,
    pub(super) file: Pread,
    pub(super) report: Report,
    pub(super) labels: RwLock<Vec<Place>>,
}

impl DayFile {
    /// The directory of a page; none where it cannot be read.
    pub(super) fn directory(&self, page: &PageAt) -> std::io::Result<Option<Directory>> {
        let (start, end) = page.place.payload();
        match Directory::read(&self.file, start, end) {
            Ok(directory) => {
                if directory.damaged {
                    self.report.mended("the directory of a page is damaged");
                }
                Ok(Some(directory))
            }
            Err(PageError::Codec(error)) => {
                let [first, last] = page.ids.map(|id| id.0);
                let (from, to) = (instant(page.span.0), instant(page.span.1));
                self.report
                    .lost(&format!("what it has of series {first} to {last} from {from} to {to} cannot be read and is left out: {error}"));
                Ok(None)
            }
            Err(PageError::Io(error)) => Err(error),
        }
    }

    /// The samples of a chunk that are within a span, as far as they can be read.
    pub(super) fn samples(&self, directory: &Directory, page: &PageAt, chunk: &Chunk, within: Within) -> std::io::Result<Columns> {
        let mut damage = Damage::default();
        let read = directory.samples(&self.file, page.place.payload().0, chunk, within, &mut damage);
        for span in &damage.lost {
            self.report.lost_rows(chunk.id, "samples", *span, "", || self.labels_of(chunk.id));
        }
        if damage.spare_used && damage.lost.is_empty() {
            self.report.mended("a column is damaged");
        }
        match read {
            Err(PageError::Codec(error)) => {
                let why = format!(": {error}");
                self.report.lost_rows(chunk.id, "samples", (chunk.first, chunk.last), &why, || self.labels_of(chunk.id));
                Ok(Columns::default())
            }
            Err(PageError::Io(error)) => Err(error),
            Ok(columns) => Ok(columns),
        }
    }

    /// The windows of a chunk; none where they cannot be read.
    pub(super) fn hours(&self, directory: &Directory, page: &PageAt, chunk: &Chunk) -> std::io::Result<Vec<WindowRow>> {
        match directory.hours(&self.file, page.place.payload().0, chunk) {
            Ok(rows) => Ok(rows),
            Err(PageError::Codec(error)) => {
                let why = format!(": {error}");
                self.report.lost_rows(chunk.id, "windows", (chunk.first, chunk.last), &why, || self.labels_of(chunk.id));
                Ok(Vec::new())
            }
            Err(PageError::Io(error)) => Err(error),
        }
    }

    /// Passes the labels of its series on; those in a damaged run are told and left out.
    pub(super) fn for_each_labels(&self, mut each: impl FnMut(SeriesId, Labels)) -> std::io::Result<()> {
        let runs = self.labels.read().clone();
        for run in runs {
            match self.read_run(run) {
                Ok(labels) => labels.into_iter().for_each(|(id, labels)| each(id, labels)),
                Err(PageError::Codec(error)) => self.report.lost(&format!("the labels of some series cannot be read: {error}")),
                Err(PageError::Io(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_run(&self, run: Place) -> Result<Vec<(SeriesId, Labels)>, PageError> {
        let header = self.file.header_at(run.at)?.filter(|header| header.kind == LABELS && u64::from(header.len) == run.len);
        let payload = self.file.payload(run.at, &header.ok_or(CodecError::Damaged("a record's header"))?)?;
        Ok(read_labels(&payload)?)
    }

    /// The labels of a series: reads the runs until it is found.
    fn labels_of(&self, id: SeriesId) -> Option<Labels> {
        let runs = self.labels.read().clone();
        let found = |run: Place| self.read_run(run).ok()?.into_iter().find(|(known, _)| *known == id);
        runs.into_iter().find_map(found).map(|(_, labels)| labels)
    }

    /// Reads all of it and tells what is damaged: every byte belongs to a frame with a checksum. False where anything is.
    pub(super) fn verify(&self, mut pause: impl FnMut()) -> std::io::Result<bool> {
        let mut sound = true;
        for stretch in self.file.frames(0) {
            pause();
            let damaged = match stretch.map_err(io_of)? {
                Stretch::Frame { at, header } => {
                    readable(self.file.payload(at, &header).map(drop))?.is_none().then(|| (at, at + header.frame_len() as u64))
                }
                Stretch::Damage { from, to } => Some((from, to)),
            };
            if let Some((from, to)) = damaged {
                sound = false;
                self.report.lost(&format!("bytes {from} to {to} are damaged; what can be read of them is"));
            }
        }
        Ok(sound)
    }
}

fn io_of(error: PageError) -> std::io::Error {
    match error {
        PageError::Io(error) => error,
        PageError::Codec(error) => std::io::Error::new(std::io::ErrorKind::InvalidData, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_and_labels_come_back() {
        let header = FileHeader {
            kind: FileKind::Chunks,
            identity: Identity([7; 16]),
            day: Day(20_000),
            number: 12,
            sources: vec![(3, 1_000_000), (11, 5)],
            through: 99,
            finished: true,
            thinned_ms: 5,
        };
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        assert_eq!(FileHeader::of_payload(&bytes), Ok(header));
        (0..bytes.len()).for_each(|len| assert!(FileHeader::of_payload(&bytes[..len]).is_err()));
        let (mut runs, mut payloads) = (LabelRuns::default(), Vec::new());
        let labels = |id: u32| Labels::metric("load", &[("n", &id.to_string())]);
        (0..5_000).for_each(|id| payloads.extend(runs.add(SeriesId(id), &labels(id))));
        payloads.extend(runs.finish());
        assert!(payloads.len() > 2);
        let read: Vec<_> = payloads.iter().flat_map(|payload| read_labels(payload).unwrap()).collect();
        assert!(read.iter().zip(0..).all(|((id, found), n)| *id == SeriesId(n) && *found == labels(n)));
        assert_eq!(read.len(), 5_000);
    }
}
