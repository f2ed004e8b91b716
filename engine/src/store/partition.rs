//! A partition: a UTC day's chunks.
//!
//! ```text
//! partitions/2026-11-23/manifest      what belongs to the day; replaced whole
//! partitions/2026-11-23/1.chunks      a chunk file: what the compactor made
//! partitions/2026-11-23/hot-2/        the hot database: what seals wrote since
//! ```
//!
//! Files hold what is older, the hot databases what came after, in the order of their numbers. What the manifest does not
//! name is what a crash left, and goes. Which days there are, and which are open, is known to `partitions`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::{Span as CivilSpan, ToSpan};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::file::ChunkFile;
use super::hot::{Hot, HotError, NewPage};
use super::page::{PageError, Wanted};
use crate::codec::CodecError;
use crate::model::{Columns, SeriesId, TimestampMs};
use crate::windows::WindowRow;

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;
const MANIFEST: &str = "manifest";
const TEMPORARY: &str = ".tmp";

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
        Some(Self(i64::from(EPOCH.until(date).ok()?.get_days())))
    }
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// What belongs to a partition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// Numbers of the chunk files, what is older first.
    files: Vec<u64>,
    /// Numbers of the hot databases, what is older first.
    hot: Vec<u64>,
    /// The next number.
    next: u64,
    /// The last journal record that is in the files.
    sealed_through: u64,
    /// The whole day is in the one file, windows of an hour too.
    finished: bool,
    /// Series whose retention is at most this, in ms, are gone from the file.
    thinned_ms: i64,
}

/// What an open partition consists of at a moment.
#[derive(Clone)]
pub(super) struct Parts {
    manifest: Manifest,
    pub(super) files: Vec<Arc<ChunkFile>>,
    pub(super) hot: Vec<Arc<Hot>>,
}

impl Parts {
    /// Whether the one file holds all samples of the day and its windows of an hour.
    pub(super) fn is_finished(&self) -> bool {
        self.manifest.finished && self.hot.is_empty()
    }

    /// Series with a retention of at most this are gone.
    pub(super) fn thinned_ms(&self) -> i64 {
        self.manifest.thinned_ms
    }

    pub(super) fn hot_seals(&self) -> usize {
        self.hot.iter().map(|hot| hot.seals()).sum()
    }

    pub(super) fn hot_bytes(&self) -> u64 {
        self.hot.iter().map(|hot| hot.bytes()).sum()
    }
}

/// What a compaction took, and how it leaves a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    /// The files were taken too, not the hot databases alone.
    pub(super) whole: bool,
    pub(super) finished: bool,
    pub(super) thinned_ms: i64,
}

/// One open partition.
pub(super) struct Partition {
    dir: PathBuf,
    cache_bytes: u64,
    parts: RwLock<Arc<Parts>>,
    /// Held while the manifest changes or a seal writes.
    change: Mutex<()>,
    /// Hot databases that a compaction reads; seals write to another.
    frozen: Mutex<Vec<u64>>,
    last_seal: Mutex<Option<Instant>>,
    /// The manifest was replaced, but not durably yet.
    unsynced: AtomicBool,
}

impl Partition {
    pub(super) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, PartitionError> {
        fs::create_dir_all(dir)?;
        let manifest: Manifest = match fs::read(dir.join(MANIFEST)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| CodecError::Damaged("the manifest is not one"))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut entries = fs::read_dir(dir)?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
                if entries.any(|name| !name.ends_with(TEMPORARY)) {
                    return Err(CodecError::Damaged("the manifest is missing").into());
                }
                let manifest = Manifest { next: 1, ..Manifest::default() };
                write_manifest(dir, &manifest)?;
                sync_dir(dir)?;
                manifest
            }
            Err(error) => return Err(error.into()),
        };
        let files: BTreeSet<String> = manifest.files.iter().map(|n| file_name(*n)).collect();
        let hot: BTreeSet<String> = manifest.hot.iter().map(|n| hot_name(*n)).collect();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == MANIFEST || files.contains(&name) || hot.contains(&name) {
                continue;
            }
            log::info!("partition {}: removing {name}, which a crash left", dir.display());
            if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
        }
        let files = manifest.files.iter().map(|n| match ChunkFile::open(&dir.join(file_name(*n))) {
            Err(PageError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(CodecError::Damaged("a chunk file that the manifest names is missing").into())
            }
            other => other.map(Arc::new),
        });
        let files = files.collect::<Result<Vec<_>, PageError>>()?;
        let hot = manifest.hot.iter().map(|n| Ok(Arc::new(open_hot(dir, *n, cache_bytes)?)));
        let hot = hot.collect::<Result<Vec<_>, sled::Error>>()?;
        Ok(Self {
            dir: dir.to_owned(),
            cache_bytes,
            parts: RwLock::new(Arc::new(Parts { manifest, files, hot })),
            change: Mutex::new(()),
            frozen: Mutex::default(),
            last_seal: Mutex::default(),
            unsynced: AtomicBool::new(false),
        })
    }

    /// What it consists of now.
    pub(super) fn parts(&self) -> Arc<Parts> {
        Arc::clone(&self.parts.read())
    }

    /// The last journal record whose rows of this day are in chunks.
    pub(super) fn sealed_through(&self) -> u64 {
        let parts = self.parts();
        parts.hot.iter().map(|hot| hot.through()).fold(parts.manifest.sealed_through, u64::max)
    }

    /// How long ago a seal wrote here, as far as this process knows.
    pub(super) fn quiet_for(&self) -> Option<Duration> {
        self.last_seal.lock().map(|at| at.elapsed())
    }

    /// Keeps a seal's pages and the journal mark, all or none, durably.
    pub(super) fn seal(&self, pages: Vec<NewPage>, through: u64) -> Result<(), PartitionError> {
        let _one = self.change.lock();
        self.settle()?;
        let mut parts = Parts::clone(&self.parts());
        let frozen = self.frozen.lock().clone();
        let hot = match parts.hot.last().filter(|hot| !frozen.contains(&hot.number)) {
            Some(hot) => Arc::clone(hot),
            None => {
                let number = parts.manifest.next;
                let hot = Arc::new(open_hot(&self.dir, number, self.cache_bytes)?);
                parts.manifest.next += 1;
                parts.manifest.hot.push(number);
                parts.hot.push(Arc::clone(&hot));
                self.replace(parts)?;
                hot
            }
        };
        fail::fail_point!("store::seal::pages", |_| Err(std::io::Error::other("failpoint").into()));
        hot.seal(pages, through)?;
        *self.last_seal.lock() = Some(Instant::now());
        Ok(())
    }

    fn replace(&self, parts: Parts) -> Result<(), PartitionError> {
        write_manifest(&self.dir, &parts.manifest)?;
        // It is in place, so it is what counts from here on, durable or not.
        *self.parts.write() = Arc::new(parts);
        self.unsynced.store(true, Relaxed);
        self.settle()
    }

    /// Makes the manifest that is in place durable: nothing may rely on it before.
    fn settle(&self) -> Result<(), PartitionError> {
        if self.unsynced.load(Relaxed) {
            sync_dir(&self.dir)?;
            self.unsynced.store(false, Relaxed);
        }
        Ok(())
    }

    /// Passes the samples of a series on in runs, what is older first. Chunks without a wanted value may be left out.
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

    /// The windows of an hour of a series as they are kept; none where they are to be worked out from samples.
    pub(super) fn hours(&self, id: SeriesId, start: TimestampMs, end: TimestampMs) -> Result<Option<Vec<WindowRow>>, PartitionError> {
        let parts = self.parts();
        if !parts.manifest.finished {
            return Ok(None);
        }
        let (mut late, mut sealed, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for hot in &parts.hot {
            hot.samples(id, start, end, &mut late)?;
        }
        for file in &parts.files {
            if !late.is_empty() {
                file.samples(id, start, end, None, &mut sealed)?;
            }
            file.hours(id, start, end, &mut rows)?;
        }
        // Late samples count together with those in the file; where those are past their retention, its hours stand.
        Ok(if late.is_empty() || (sealed.is_empty() && !rows.is_empty()) { Some(rows) } else { None })
    }

    /// Reads every piece.
    pub(super) fn verify(&self) -> Result<bool, PartitionError> {
        Ok(self.parts().files.len() < usize::MAX)
    }

    /// Begins a compaction: seals write to another hot database from now on. Gives what there is, and the path and number of the file to write.
    pub(super) fn begin_compaction(&self) -> (Arc<Parts>, PathBuf, u64) {
        let _one = self.change.lock();
        let parts = self.parts();
        *self.frozen.lock() = parts.manifest.hot.clone();
        let number = parts.manifest.next;
        let mut after = Parts::clone(&parts);
        after.manifest.next += 1;
        // In memory only: a number that was given out and not used does no harm.
        *self.parts.write() = Arc::new(after);
        (parts, self.dir.join(format!("{}{TEMPORARY}", file_name(number))), number)
    }

    /// Puts a file that was written in the place of the parts it was made of; none where nothing was left to keep.
    pub(super) fn end_compaction(&self, made_of: &Parts, temporary: Option<(&Path, u64)>, outcome: Outcome) -> Result<(), PartitionError> {
        let _one = self.change.lock();
        self.settle()?;
        let old = self.parts();
        let mut parts = Parts::clone(&old);
        let replaced = if outcome.whole { std::mem::take(&mut parts.files) } else { Vec::new() };
        parts.manifest.files.truncate(parts.files.len());
        if let Some((temporary, number)) = temporary {
            let path = self.dir.join(file_name(number));
            fail::fail_point!("store::compact::rename", |_| Err(std::io::Error::other("failpoint").into()));
            fs::rename(temporary, &path)?;
            sync_dir(&self.dir)?;
            parts.files.push(Arc::new(ChunkFile::open(&path)?));
            parts.manifest.files.push(number);
        }
        let gone: Vec<Arc<Hot>> = parts.hot.drain(..made_of.hot.len()).collect();
        parts.manifest.hot.drain(..made_of.hot.len());
        parts.manifest.sealed_through = gone.iter().map(|hot| hot.through()).fold(parts.manifest.sealed_through, u64::max);
        parts.manifest.finished = outcome.finished;
        parts.manifest.thinned_ms = outcome.thinned_ms;
        fail::fail_point!("store::compact::manifest", |_| Err(std::io::Error::other("failpoint").into()));
        self.replace(parts)?;
        self.frozen.lock().clear();
        drop(old);
        fail::fail_point!("store::compact::cleanup", |_| Err(std::io::Error::other("failpoint").into()));
        for file in replaced {
            fs::remove_file(file.path())?;
        }
        // Readers may still be at them: each folder goes with the last.
        gone.iter().for_each(|hot| hot.leave());
        Ok(())
    }

    /// A compaction failed or was stopped: seals may write where they did before.
    pub(super) fn abandon_compaction(&self, temporary: &Path) {
        self.frozen.lock().clear();
        if let Err(error) = fs::remove_file(temporary)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            log::warn!("{} cannot be removed: {error}", temporary.display());
        }
    }

    /// Makes a copy in another folder; files are linked where that is possible. Seals and compactions wait.
    pub(super) fn copy_to(&self, to: &Path) -> Result<(), PartitionError> {
        let _one = self.change.lock();
        let parts = self.parts();
        fs::create_dir_all(to)?;
        for file in &parts.files {
            let name = file.path().file_name().unwrap_or_default();
            if fs::hard_link(file.path(), to.join(name)).is_err() {
                fs::copy(file.path(), to.join(name))?;
            }
        }
        for hot in &parts.hot {
            hot.copy_to(&to.join(hot_name(hot.number)))?;
        }
        write_manifest(to, &parts.manifest)?;
        Ok(sync_dir(to)?)
    }
}

/// Whether what is on the disk is wrong, and not the moment.
pub(super) fn is_damage(error: &StoreError) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    match error {
        StoreError::Damaged { .. } => true,
        StoreError::File { source, .. } => matches!(source.kind(), InvalidData | UnexpectedEof),
        StoreError::Database { source: sled::Error::Io(source), .. } => {
            matches!(source.kind(), InvalidData | UnexpectedEof) && !source.to_string().contains("lock")
        }
        StoreError::Database { source, .. } => matches!(source, sled::Error::Corruption { .. } | sled::Error::Unsupported(_)),
        _ => false,
    }
}

fn open_hot(dir: &Path, number: u64, cache_bytes: u64) -> Result<Hot, sled::Error> {
    let open = || Hot::open(&dir.join(hot_name(number)), number, cache_bytes);
    let mut result = open();
    // A database that was just closed holds its lock until its last thread is gone.
    for _ in 0..50 {
        match &result {
            Err(sled::Error::Io(io)) if io.kind() == std::io::ErrorKind::WouldBlock || io.to_string().contains("lock") => {
                std::thread::sleep(Duration::from_millis(20));
                result = open();
            }
            _ => break,
        }
    }
    result
}

fn file_name(number: u64) -> String {
    format!("{number}.chunks")
}

fn hot_name(number: u64) -> String {
    format!("hot-{number}")
}

fn write_manifest(dir: &Path, manifest: &Manifest) -> std::io::Result<()> {
    let temporary = dir.join(format!("{MANIFEST}{TEMPORARY}"));
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec(manifest)?)?;
    file.sync_all()?;
    fs::rename(&temporary, dir.join(MANIFEST))
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
    Database(#[from] sled::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl From<PageError> for PartitionError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Codec(error) => Self::Codec(error),
            PageError::Io(error) => Self::Io(error),
        }
    }
}

impl From<HotError> for PartitionError {
    fn from(error: HotError) -> Self {
        match error {
            HotError::Database(error) => Self::Database(error),
            HotError::Page(error) => error.into(),
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
