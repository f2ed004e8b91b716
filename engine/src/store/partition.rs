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
//! becomes of files that damage or a crash left, is in `resolve`. Which days there are, and which are open, is known to
//! `partitions`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::{Span as CivilSpan, ToSpan};
use parking_lot::{Mutex, RwLock};

use super::chunk_file::ChunkFile;
use super::day_file::{self, DayFile, FileHeader, FileKind, OpenError};
use super::identity::Identity;
use super::manifest::{self, Entry, Manifest};
use super::page::{PageError, Wanted};
use super::pages_file::{Named, NewPage, PagesFile};
use super::pread::Pread;
use super::resolve::{self, DayPlace, TEMPORARY, file_name};
use crate::codec::CodecError;
use crate::model::{Columns, Labels, SeriesId, TimestampMs};
use crate::windows::WindowRow;

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;
/// The folder of the days.
pub(super) const PARTITIONS: &str = "partitions";
/// Marks the folder of a day that is being made.
pub(super) const CREATING: &str = ".new";

/// A UTC day, counted from the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Day(pub(super) i64);

impl Day {
    pub(super) fn of(t: TimestampMs) -> Self {
        Self(t.div_euclid(DAY_MS))
    }

    pub(super) fn start(self) -> TimestampMs {
        self.0.saturating_mul(DAY_MS)
    }

    pub(super) fn end(self) -> TimestampMs {
        (self.0 + 1).saturating_mul(DAY_MS)
    }

    pub(super) fn name(self) -> String {
        let span: CivilSpan = self.0.clamp(-1_000_000, 1_000_000).days();
        EPOCH.saturating_add(span).to_string()
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let date: Date = name.parse().ok()?;
        let day = Self(i64::from(EPOCH.until(date).ok()?.get_days()));
        (day.name() == name).then_some(day)
    }
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// What an open partition consists of at a moment.
#[derive(Clone, Default)]
pub(super) struct Parts {
    /// Chunk files, what is older first.
    pub(super) files: Vec<Arc<ChunkFile>>,
    /// Pages files, what is older first; all of them are newer than the chunk files.
    pub(super) hot: Vec<Arc<PagesFile>>,
    next: u64,
    /// Numbers of files that others have replaced and that may still be there.
    leaving: Vec<u64>,
}

impl Parts {
    /// Whether the one file holds all samples of the day and its windows of an hour.
    pub(super) fn is_finished(&self) -> bool {
        self.has_hours() && self.hot.is_empty() && self.files.len() == 1
    }

    /// Whether the first file was made when the day was over, and has the hours of all that was there then.
    pub(super) fn has_hours(&self) -> bool {
        self.files.first().is_some_and(|file| file.header.finished)
    }

    /// Whether anything in its files is known to be damaged.
    pub(super) fn is_damaged(&self) -> bool {
        self.bases().any(|file| file.report.is_damaged())
    }

    /// Series with a retention of at most this are gone.
    pub(super) fn thinned_ms(&self) -> i64 {
        self.files.last().map_or(0, |file| file.header.thinned_ms)
    }

    pub(super) fn hot_seals(&self) -> usize {
        self.hot.iter().map(|hot| hot.seals()).sum()
    }

    pub(super) fn hot_bytes(&self) -> u64 {
        self.hot.iter().map(|hot| hot.len()).sum()
    }

    /// How many files are open, and the bytes of their indexes in memory.
    pub(super) fn weight(&self) -> (usize, usize) {
        let bytes = self.files.iter().map(|file| file.index_bytes()).chain(self.hot.iter().map(|hot| hot.index_bytes())).sum();
        (self.files.len() + self.hot.len(), bytes)
    }

    fn through(&self) -> u64 {
        let files = self.files.iter().map(|file| file.header.through);
        files.chain(self.hot.iter().map(|hot| hot.through())).max().unwrap_or(0)
    }

    /// Passes the labels of all series in its files on, some more than once; what is damaged is told and left out.
    pub(super) fn for_each_labels(&self, mut each: impl FnMut(SeriesId, Labels)) -> std::io::Result<()> {
        self.bases().try_for_each(|file| file.for_each_labels(&mut each))
    }

    fn bases(&self) -> impl Iterator<Item = &Arc<DayFile>> {
        self.files.iter().map(|file| &file.base).chain(self.hot.iter().map(|hot| &hot.base))
    }
}

/// The hours of a series as they are kept, and what came since.
#[derive(Default)]
pub(super) struct KeptHours {
    pub(super) rows: Vec<WindowRow>,
    /// Samples of those hours that are still kept, in runs, what is older first.
    pub(super) there: Vec<Columns>,
    /// Samples that came after the hours were made, in runs, what is older first.
    pub(super) late: Vec<Columns>,
}

/// How a compaction leaves a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    /// The chunk files are taken too, not the pages files alone.
    pub(super) whole: bool,
    pub(super) finished: bool,
    pub(super) thinned_ms: i64,
}

/// A compaction that is under way.
pub(super) struct Compaction {
    /// What it takes.
    pub(super) parts: Parts,
    /// What the new file says about itself.
    pub(super) header: FileHeader,
    /// Where it is written.
    pub(super) temporary: PathBuf,
}

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
        let resolved = resolve::resolve(place)?;
        let parts = Parts { files: resolved.files, hot: resolved.hot, next: resolved.next, leaving: resolved.replaced };
        let mut written = Written { generation: resolved.generation, current: !resolved.changed, keep_before: resolved.keep_before };
        if let Err(error) = write_manifest(place, &parts, resolved.last_record, &mut written) {
            log::warn!("partition {}: its manifest cannot be written: {error}", place.day.name());
        }
        Ok(Self {
            place: place.clone(),
            parts: RwLock::new(Arc::new(parts)),
            change: Mutex::new(written),
            frozen_below: AtomicU64::new(0),
            last_seal: Mutex::default(),
            last_record: resolved.last_record,
            lost: resolved.lost,
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

    /// Passes the samples of a series on in runs, what is older first. Chunks without a wanted value may be left out; what is
    /// damaged is told and left out.
    pub(super) fn samples(
        &self,
        id: SeriesId,
        start: TimestampMs,
        end: TimestampMs,
        wanted: Wanted,
        out: &mut Vec<Columns>,
    ) -> Result<(), PartitionError> {
        let parts = self.parts();
        // Where a later run may replace values, all have to be looked at.
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
    /// worked out from samples. Samples that are still there are read where late ones came, here or elsewhere (`late`).
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

    /// Passes the labels of all series in its files on, some more than once; what is damaged is told and left out.
    pub(super) fn for_each_labels(&self, each: impl FnMut(SeriesId, Labels)) -> Result<(), PartitionError> {
        Ok(self.parts().for_each_labels(each)?)
    }

    /// Reads all of its files and tells what is damaged; false where anything is. Calls back between two reads.
    pub(super) fn verify(&self, mut pause: impl FnMut()) -> Result<bool, PartitionError> {
        let mut sound = !self.lost;
        for file in self.parts().bases() {
            sound &= file.verify(&mut pause)?;
        }
        Ok(sound)
    }

    /// Begins a compaction: from now on seals write to other files than those it takes.
    pub(super) fn begin_compaction(&self, outcome: Outcome) -> Compaction {
        let _one = self.change.lock();
        let parts = self.parts();
        let number = parts.next;
        let mut after = Parts::clone(&parts);
        after.next += 1;
        // In memory only: a number that was given out and not used does no harm.
        *self.parts.write() = Arc::new(after);
        self.frozen_below.store(number, Relaxed);
        let mut taken = Parts::clone(&parts);
        if !outcome.whole {
            taken.files.clear();
        }
        let header = FileHeader {
            kind: FileKind::Chunks,
            identity: self.place.identity,
            day: self.place.day,
            number,
            sources: taken.bases().map(|file| (file.number, file.file.len())).collect(),
            through: taken.through(),
            finished: outcome.finished,
            thinned_ms: outcome.thinned_ms,
        };
        let name = format!("{}{TEMPORARY}", file_name(FileKind::Chunks, number));
        Compaction { parts: taken, header, temporary: self.place.dir.join(name) }
    }

    /// Puts the file that was written in the place of those it was made of. One of those that is damaged goes into quarantine.
    pub(super) fn end_compaction(&self, compaction: &Compaction) -> Result<(), PartitionError> {
        let mut written = self.change.lock();
        let number = compaction.header.number;
        let path = self.place.path(FileKind::Chunks, number);
        fail::fail_point!("store::compact::rename", |_| Err(std::io::Error::other("failpoint").into()));
        fs::rename(&compaction.temporary, &path)?;
        sync_dir(&self.place.dir)?;
        let file = ChunkFile::open(&path, &self.place.expected(FileKind::Chunks, number), &self.place.problems)?;
        fail::fail_point!("store::compact::manifest", |_| Err(std::io::Error::other("failpoint").into()));
        let mut parts = Parts::clone(&self.parts());
        let is_taken = |number: u64| compaction.header.sources.iter().any(|source| source.0 == number);
        parts.files.retain(|file| !is_taken(file.number()));
        parts.hot.retain(|hot| !is_taken(hot.number()));
        parts.files.push(Arc::new(file));
        parts.leaving.extend(compaction.header.sources.iter().map(|source| source.0));
        *self.parts.write() = Arc::new(parts);
        // The file says itself what it replaces, and is durable under its name: it counts from here on, and what it replaces
        // may go although a full disk has no room for the manifest.
        written.current = false;
        if let Err(error) = self.settle(&mut written).and_then(|()| sync_dir(&self.place.dir)) {
            log::warn!("partition {}: its manifest cannot be written: {error}; it is tried again", self.place.day.name());
        }
        fail::fail_point!("store::compact::cleanup", |_| Err(std::io::Error::other("failpoint").into()));
        let mut gone = Vec::new();
        for file in compaction.parts.bases() {
            // Readers may still be at it: they have it open.
            if file.report.is_damaged() {
                self.place.set_aside(&file.path, "it was written anew without what is damaged in it");
            } else {
                fs::remove_file(&file.path)?;
            }
            gone.push(file.number);
        }
        let mut parts = Parts::clone(&self.parts());
        parts.leaving.retain(|number| !gone.contains(number));
        *self.parts.write() = Arc::new(parts);
        Ok(())
    }

    /// A compaction failed or was stopped: what it wrote goes, unless it counts already.
    pub(super) fn abandon_compaction(&self, compaction: &Compaction) {
        let _one = self.change.lock();
        let number = compaction.header.number;
        let mut parts = Parts::clone(&self.parts());
        let renamed = Some(self.place.path(FileKind::Chunks, number)).filter(|_| parts.files.iter().all(|file| file.number() != number));
        for path in [&compaction.temporary].into_iter().chain(&renamed) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    log::warn!("{} cannot be removed: {error}", path.display());
                    parts.leaving.push(number);
                }
                _ => {}
            }
        }
        *self.parts.write() = Arc::new(parts);
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
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) || !resolve::is_day_file(&name.to_string_lossy()) {
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
pub(super) fn sync_dir(dir: &Path) -> std::io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_the_names_of_their_dates() {
        for (t, name) in [(0, "1970-01-01"), (-1, "1969-12-31"), (1_795_500_000_000, "2026-11-24")] {
            assert_eq!(Day::of(t).name(), name);
            assert_eq!(Day::parse(name), Some(Day::of(t)));
        }
        assert_eq!(Day::parse("2026-13-01"), None);
    }
}
