//! A partition: a UTC day's chunks.
//!
//! ```text
//! partitions/2026-11-23/manifest      what belongs to the day, and how long each file was (`manifest`)
//! partitions/2026-11-23/manifest.old  the one before
//! partitions/2026-11-23/1.chunks      a chunk file: what the compactor made (`file`)
//! partitions/2026-11-23/2.pages       a pages file: what seals wrote since (`hot`)
//! ```
//!
//! Chunk files hold what is older, pages files what came after, in the order of their numbers. How a day is opened, and what
//! becomes of files that damage or a crash left, is in `opening`. Which days there are, and which are open, is known to
//! `partitions`.

mod compaction;
mod day;
mod opening;
mod parts;
mod place;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

pub(super) use self::compaction::{Compaction, Outcome};
pub(crate) use self::day::{DAY_MS, Day};
pub(super) use self::parts::{KeptHours, Parts};
pub(super) use self::place::DayPlace;
use self::place::file_name;
use super::day_file::{self, FileKind, OpenError};
use super::identity::Identity;
use super::manifest::{self, Entry, Manifest};
use super::page::{PageError, Wanted};
use super::pages_file::{Named, NewPage, PagesFile};
use super::pread::Pread;
use crate::codec::CodecError;
use crate::model::{Columns, Labels, SeriesId, TimestampMs};

/// The folder of the days.
pub(super) const PARTITIONS: &str = "partitions";
/// Marks the folder of a day that is being made.
pub(super) const CREATING: &str = ".new";

/// The manifest on the disk.
struct Written {
    generation: u64,
    /// It says what is the case.
    current: bool,
    /// It is sound and may become the one before.
    keep_before: bool,
}

/// One open partition.
pub(super) struct Partition {
    place: DayPlace,
    parts: RwLock<Arc<Parts>>,
    /// Held while the manifest changes or a seal writes.
    change: Mutex<Written>,
    /// Pages files with a lower number get no more seals: a compaction may have taken them.
    frozen_below: AtomicU64,
    last_seal: Mutex<Option<Instant>>,
    /// The last journal record that any file is known to have had.
    last_record: u64,
    /// Something that was sealed is gone.
    lost: bool,
}

impl Partition {
    /// Makes a day that is not there yet: it appears with its manifest, so that a folder without one is known to be damaged.
    pub(super) fn create(place: &DayPlace) -> Result<(), PartitionError> {
        let partitions = place.dir.parent().unwrap_or(&place.dir);
        let new = partitions.join(format!("{}{CREATING}", place.day.name()));
        if new.exists() {
            fs::remove_dir_all(&new)?;
        }
        fs::create_dir(&new)?;
        let manifest =
            Manifest { identity: place.identity.to_string(), day: place.day.name(), generation: 1, next: 1, ..Manifest::default() };
        manifest::replace(&new, &manifest, false)?;
        sync_dir(&new)?;
        fs::rename(&new, &place.dir)?;
        Ok(sync_dir(partitions)?)
    }

    /// Opens a day and puts its folder in order.
    pub(super) fn open(place: &DayPlace) -> Result<Self, PartitionError> {
        let found = opening::open_files(place)?;
        let parts = Parts { files: found.chunks, hot: found.pages, next: found.next, leaving: found.replaced };
        let mut written = Written { generation: found.generation, current: !found.changed, keep_before: found.keep_before };
        if let Err(error) = write_manifest(place, &parts, found.last_record, &mut written) {
            log::warn!("partition {}: its manifest cannot be written: {error}", place.day.name());
        }
        Ok(Self {
            place: place.clone(),
            parts: RwLock::new(Arc::new(parts)),
            change: Mutex::new(written),
            frozen_below: AtomicU64::new(0),
            last_seal: Mutex::default(),
            last_record: found.last_record,
            lost: found.lost,
        })
    }

    /// What it consists of now.
    pub(super) fn parts(&self) -> Arc<Parts> {
        Arc::clone(&self.parts.read())
    }

    /// The last journal record whose rows of this day, and those of all records before, are in its files. 0 where something
    /// of them is gone, which the journal may still have: to keep a row twice does no harm.
    pub(super) fn sealed_through(&self) -> u64 {
        if self.lost { 0 } else { self.parts().through() }
    }

    /// The last journal record that is known to have been in any of its files.
    pub(super) fn last_record(&self) -> u64 {
        self.last_record.max(self.parts().through())
    }

    /// How long ago a seal wrote here, as far as this process knows.
    pub(super) fn quiet_for(&self) -> Option<Duration> {
        self.last_seal.lock().map(|at| at.elapsed())
    }

    /// Keeps a seal's pages and the journal mark, all or none, durably.
    pub(super) fn seal(&self, pages: Vec<NewPage>, named: &Named<'_>, through: u64) -> Result<(), PartitionError> {
        let mut written = self.change.lock();
        let mut parts = Parts::clone(&self.parts());
        let frozen_below = self.frozen_below.load(Relaxed);
        let open = parts.hot.last().filter(|hot| hot.is_open() && hot.number() >= frozen_below).cloned();
        fail::fail_point!("store::seal::pages", |_| Err(std::io::Error::other("failpoint").into()));
        match open {
            Some(hot) => hot.seal(pages, named, through)?,
            None => {
                // The number is used up, whatever becomes of the file.
                let number = parts.next;
                parts.next += 1;
                *self.parts.write() = Arc::new(parts.clone());
                parts.hot.push(self.begin_pages(number, pages, named, through)?);
                *self.parts.write() = Arc::new(parts);
            }
        }
        *self.last_seal.lock() = Some(Instant::now());
        // The seal counts already. The manifest only says how long the file is, against damage to its end.
        written.current = false;
        if let Err(error) = self.settle(&mut written) {
            log::warn!("partition {}: its manifest cannot be written: {error}; it is tried again", self.place.day.name());
        }
        Ok(())
    }

    /// Begins a pages file with a seal; a file that fails goes.
    fn begin_pages(&self, number: u64, pages: Vec<NewPage>, named: &Named<'_>, through: u64) -> std::io::Result<Arc<PagesFile>> {
        let path = self.place.path(FileKind::Pages, number);
        let begin = || {
            let hot = PagesFile::create(&path, &self.place.expected(FileKind::Pages, number), &self.place.problems)?;
            hot.seal(pages, named, through)?;
            sync_dir(&self.place.dir)?;
            Ok(Arc::new(hot))
        };
        begin().inspect_err(|_: &std::io::Error| {
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                log::warn!("{} cannot be removed: {error}", path.display());
            }
        })
    }

    fn settle(&self, written: &mut Written) -> std::io::Result<()> {
        write_manifest(&self.place, &self.parts(), self.last_record, written)
    }

    /// Passes the samples of a series on in runs, what is older first. Chunks without a wanted value may be skipped; what is
    /// damaged is reported and skipped.
    pub(super) fn samples(
        &self,
        id: SeriesId,
        start: TimestampMs,
        end: TimestampMs,
        wanted: Wanted,
        out: &mut Vec<Columns>,
    ) -> Result<(), PartitionError> {
        let parts = self.parts();
        // Where a later run may replace values, all chunks have to be read.
        let wanted = wanted.filter(|_| parts.is_finished());
        for file in &parts.files {
            file.samples(id, start, end, wanted, out)?;
        }
        for hot in &parts.hot {
            hot.samples(id, start, end, out)?;
        }
        Ok(())
    }

    /// What is known of the hours of a series within `[start, end]`, both on the edge of an hour; none where they are to be
    /// computed from samples. Samples that are still there are read where late ones came, here or elsewhere (`late`).
    pub(super) fn hours(
        &self,
        id: SeriesId,
        start: TimestampMs,
        end: TimestampMs,
        late: bool,
    ) -> Result<Option<KeptHours>, PartitionError> {
        let parts = self.parts();
        if !parts.has_hours() {
            return Ok(None);
        }
        let mut kept = KeptHours::default();
        for hot in &parts.hot {
            hot.samples(id, start, end, &mut kept.late)?;
        }
        for file in parts.files.iter().rev() {
            let rows = kept.rows.len();
            file.hours(id, start, end, &mut kept.rows)?;
            if kept.rows.len() == rows {
                // Made of what came after the hours.
                let newer = std::mem::take(&mut kept.late);
                file.samples(id, start, end, None, &mut kept.late)?;
                kept.late.extend(newer);
            } else if late || !kept.late.is_empty() {
                file.samples(id, start, end, None, &mut kept.there)?;
            }
        }
        kept.rows.retain(|row| row.start >= start && row.start <= end);
        Ok(Some(kept))
    }

    /// Passes the labels of all series in its files on, some more than once; what is damaged is reported and skipped.
    pub(super) fn for_each_labels(&self, each: impl FnMut(SeriesId, Labels)) -> Result<(), PartitionError> {
        Ok(self.parts().for_each_labels(each)?)
    }

    /// Reads all of its files and reports what is damaged; false where anything is. Calls back between two reads.
    pub(super) fn verify(&self, mut pause: impl FnMut()) -> Result<bool, PartitionError> {
        let mut sound = !self.lost;
        for file in self.parts().bases() {
            sound &= file.verify(&mut pause)?;
        }
        Ok(sound)
    }

    /// Makes a copy in another folder; chunk files are linked where that is possible. Seals and compactions wait.
    pub(super) fn copy_to(&self, to: &Path) -> Result<(), PartitionError> {
        let _one = self.change.lock();
        let parts = self.parts();
        fs::create_dir_all(to)?;
        for file in &parts.files {
            let copy = to.join(file_name(FileKind::Chunks, file.number()));
            if fs::hard_link(file.path(), &copy).is_err() {
                fs::copy(file.path(), &copy)?;
                File::open(&copy)?.sync_all()?;
            }
        }
        for hot in &parts.hot {
            // As far as it counts.
            let mut copy = File::create(to.join(file_name(FileKind::Pages, hot.number())))?;
            std::io::copy(&mut File::open(&hot.base.path)?.take(hot.len()), &mut copy)?;
            copy.sync_all()?;
        }
        let place = DayPlace { dir: to.to_owned(), ..self.place.clone() };
        let mut fresh = Written { generation: 0, current: false, keep_before: false };
        write_manifest(&place, &Parts { leaving: Vec::new(), ..Parts::clone(&parts) }, self.last_record, &mut fresh)?;
        Ok(sync_dir(to)?)
    }
}

/// Writes the manifest, unless the one on the disk says the same.
fn write_manifest(place: &DayPlace, parts: &Parts, last_record: u64, written: &mut Written) -> std::io::Result<()> {
    if written.current {
        return Ok(());
    }
    fail::fail_point!("store::manifest", |_| Err(std::io::Error::other("failpoint")));
    let manifest = Manifest {
        identity: place.identity.to_string(),
        day: place.day.name(),
        generation: written.generation + 1,
        chunks: parts.files.iter().map(|file| Entry { number: file.number(), bytes: file.len() }).collect(),
        pages: parts.hot.iter().map(|hot| Entry { number: hot.number(), bytes: hot.len() }).collect(),
        leaving: parts.leaving.clone(),
        next: parts.next,
        through: last_record.max(parts.through()),
    };
    manifest::replace(&place.dir, &manifest, written.keep_before)?;
    *written = Written { generation: manifest.generation, current: true, keep_before: true };
    Ok(())
}

/// The identity that most files of the days in a data directory have; none where there is none.
pub(super) fn identity_of_days(data_dir: &Path) -> Option<Identity> {
    let mut seen: BTreeMap<[u8; Identity::LEN], usize> = BTreeMap::new();
    let days = fs::read_dir(data_dir.join(PARTITIONS)).ok()?.flatten();
    let days = days.filter(|entry| Day::parse(&entry.file_name().to_string_lossy()).is_some());
    for entry in days.filter_map(|day| fs::read_dir(day.path()).ok()).flat_map(Iterator::flatten) {
        let name = entry.file_name();
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) || !place::is_day_file(&name.to_string_lossy()) {
            continue;
        }
        if let Ok(file) = Pread::open(&entry.path())
            && let Some(header) = day_file::header_of(&file)
        {
            *seen.entry(header.identity.0).or_default() += 1;
        }
    }
    seen.into_iter().max_by_key(|(_, files)| *files).map(|(identity, _)| Identity(identity))
}

/// Makes new names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Why a partition cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum PartitionError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("it belongs to the data directory {0}")]
    Foreign(Identity),
}

impl From<PageError> for PartitionError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Codec(error) => Self::Codec(error),
            PageError::Io(error) => Self::Io(error),
        }
    }
}

impl From<OpenError> for PartitionError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Foreign(identity) => Self::Foreign(identity),
            OpenError::Misplaced { .. } => Self::Codec(CodecError::Damaged("a file of another day or number")),
            OpenError::Damaged(error) => Self::Codec(error),
            OpenError::Io(error) => Self::Io(error),
        }
    }
}
