//! What pages files and chunk files of a day have in common: header, labels, damage reports, reading of pages.
//!
//! Both are files of frames (`frame`). Each states at its beginning, and once more further on, its data directory, its day and what
//! it was made of, so that days can be restored without manifests. Each holds the labels of its series by id, so that the catalog
//! can be restored from the days. Labels are stored in blocks of bounded size: a damaged byte costs one block.

mod header;
mod labels;
mod report;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::{Mutex, RwLock};

pub(super) use self::header::{Expected, FileHeader, FileKind, OpenError, header_of};
pub(super) use self::labels::{LabelRuns, read_labels};
pub(super) use self::report::Report;
use self::report::instant;
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
/// End record of a seal in a pages file.
pub(super) const SEAL: u8 = 4;
/// Positions of the pages in a chunk file.
pub(super) const INDEX: u8 = 5;
/// Position of the index in a chunk file.
pub(super) const TRAILER: u8 = 6;

/// Position of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Position of its header.
    pub(super) at: u64,
    /// Length of its payload.
    pub(super) len: u64,
}

impl Place {
    /// Start and end of its payload.
    pub(super) fn payload(self) -> (u64, u64) {
        let start = self.at.saturating_add(frame::HEADER as u64);
        (start, start.saturating_add(self.len))
    }
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
    /// Coverage by the directory; `None` for a page without chunks.
    pub(super) fn of(place: Place, directory: &Directory) -> Option<Self> {
        let ids = [directory.chunks.first()?.id, directory.chunks.last()?.id];
        let span = directory.chunks.iter().map(|chunk| (chunk.first, chunk.last)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        Some(Self { place, ids, span })
    }
}

/// Turns damage into `None`; other errors may be temporary and are returned.
pub(super) fn readable<T>(read: Result<T, PageError>) -> std::io::Result<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(PageError::Codec(_)) => Ok(None),
        Err(PageError::Io(error)) => Err(error),
    }
}

/// An open file of a day, of either kind. Damage is reported and left out of what is read; an error that is returned may be
/// temporary.
pub(super) struct DayFile {
    pub(super) path: PathBuf,
    pub(super) number: u64,
    pub(super) file: Pread,
    pub(super) report: Report,
    pub(super) labels: RwLock<Vec<Place>>,
}

impl DayFile {
    /// Reads the directory of a page; `None` if it is damaged.
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
                    .lost(&format!("its data of series {first} to {last} from {from} to {to} cannot be read and is left out: {error}"));
                Ok(None)
            }
            Err(PageError::Io(error)) => Err(error),
        }
    }

    /// Reads the samples of a chunk within a time range, as far as possible.
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

    /// Reads the windows of a chunk; none if they are damaged.
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

    /// Passes the labels of its series on; those in a damaged block are reported and left out.
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

    /// The labels of one series: reads blocks until it is found.
    fn labels_of(&self, id: SeriesId) -> Option<Labels> {
        let runs = self.labels.read().clone();
        let found = |run: Place| self.read_run(run).ok()?.into_iter().find(|(known, _)| *known == id);
        runs.into_iter().find_map(found).map(|(_, labels)| labels)
    }

    /// Reads the whole file and reports damage: every byte belongs to a frame with a checksum. Returns false if any is damaged.
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
                self.report.lost(&format!("bytes {from} to {to} are damaged; what can be read of them is used"));
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
