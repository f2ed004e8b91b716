//! Exemplars: all of them in memory, bounded, and in a log from which a start reads them.
//!
//! ```text
//! DATA_DIR/exemplars.log       records of exemplars, made with the first one; rewritten when half of it is gone
//! DATA_DIR/exemplars.synced    its mark
//! ```
//!
//! Exemplars wait until the journal is durable up to the samples that they came with, so that their series are known after a crash. Then they
//! are written before anybody is answered. What the disk does not take is dropped and counted: samples never wait for an exemplar.

mod kept;
mod record;
mod thin;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock, RwLockWriteGuard};

use self::kept::Kept;
#[cfg(test)]
pub(super) use self::record::decode as decode_record;
use super::error::StoreError;
use super::files;
use super::identity::Identity;
use super::log::{Log, Rewrite};
use super::problems::Problems;
use super::state::Store;
use crate::codec::CodecError;
use crate::exemplar::{Dropped, Exemplar, ExemplarBatch, Fault};
use crate::model::{Labels, SeriesId, TimestampMs};

/// Name of the log.
const NAME: &str = "exemplars";
/// Kind of a record.
const EXEMPLARS: u8 = 1;
/// The log is rewritten when it is longer than this and more than twice the size of its content.
const REWRITE_BYTES: u64 = 1 << 20;
/// Exemplars of one record of a rewritten log.
const OF_RECORD: usize = 1_000;

/// How many exemplars are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExemplarOptions {
    /// In all; 0 keeps none.
    pub most: usize,
    /// Of one series within an hour; at least 2.
    pub per_hour: usize,
}

impl Default for ExemplarOptions {
    fn default() -> Self {
        Self { most: 100_000, per_hour: 60 }
    }
}

/// A series by its id, and a checksum of its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) id: SeriesId,
    pub(super) check: u32,
}

impl Named {
    pub(super) fn new(id: SeriesId, labels: &Labels) -> Self {
        Self { id, check: crc32fast::hash(labels.as_bytes()) }
    }
}

/// Exemplars of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplars {
    /// Its labels.
    pub labels: Labels,
    /// Its exemplars, by rising time.
    pub exemplars: Vec<Exemplar>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Exemplars {
    dir: PathBuf,
    identity: Identity,
    options: ExemplarOptions,
    problems: Arc<Problems>,
    waiting: Mutex<Vec<(Named, Exemplar)>>,
    /// None before the first exemplar. Held by whoever writes.
    log: Mutex<Option<Log>>,
    kept: RwLock<Kept>,
    count: AtomicUsize,
    dropped: [AtomicU64; Fault::ALL.len()],
}

impl Exemplars {
    /// Reads the log, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub(super) fn open(dir: &Path, identity: Identity, options: ExemplarOptions, problems: Arc<Problems>) -> Result<Self, StoreError> {
        let mut exemplars = Self {
            dir: dir.to_owned(),
            identity,
            options,
            problems,
            waiting: Mutex::default(),
            log: Mutex::default(),
            kept: RwLock::default(),
            count: AtomicUsize::new(0),
            dropped: Default::default(),
        };
        if ["log", "synced"].iter().any(|ending| dir.join(format!("{NAME}.{ending}")).exists()) {
            let log = exemplars.read_log().map_err(|error| StoreError::io(&dir.join(format!("{NAME}.log")), error))?;
            *exemplars.log.get_mut() = Some(log);
        }
        Ok(exemplars)
    }

    /// Opens the log and reads what is in it. A damaged one is rewritten.
    fn read_log(&self) -> std::io::Result<Log> {
        let mut kept = self.kept.write();
        let opened = Log::open(&self.dir, NAME, self.identity, |_, kind, payload| match kind {
            EXEMPLARS => record::decode(payload, |of, exemplar| kept.insert(of, exemplar, &self.options)),
            _ => Err(CodecError::Damaged("an unknown kind of record")),
        })?;
        self.count.store(kept.len(), Ordering::Relaxed);
        let mut log = opened.log;
        if let Some(what) = opened.damage {
            let path = log.path().to_owned();
            let aside = files::copy_aside(&self.dir, &path, &format!("{NAME}.log"));
            let aside = match aside {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => "there was no file to quarantine".to_owned(),
                aside => files::outcome("it was copied to", aside),
            };
            let end = match rewrite(&mut log, &kept) {
                Ok(()) => "it was rewritten; exemplars in the damaged part are lost".to_owned(),
                Err(error) => format!("it cannot be rewritten: {error}"),
            };
            self.problems.note(format!("{} was damaged ({what}); {aside}; {end}", path.display()));
        }
        Ok(log)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// How many were dropped since the start, by [`Fault::ALL`].
    pub(super) fn dropped(&self) -> Dropped {
        std::array::from_fn(|at| self.dropped[at].load(Ordering::Relaxed))
    }

    /// Takes exemplars whose samples were appended; they are written with the next commit.
    pub(super) fn take(&self, batch: ExemplarBatch<Named>) {
        if batch.is_empty() {
            return;
        }
        self.count_dropped(&batch.dropped);
        if self.options.most == 0 {
            self.drop_all(Fault::TooMany, batch.list.len());
        } else {
            self.waiting.lock().extend(batch.list);
        }
    }

    pub(super) fn count_dropped(&self, dropped: &Dropped) {
        self.dropped.iter().zip(dropped).filter(|(_, more)| **more > 0).for_each(|(count, more)| {
            count.fetch_add(*more, Ordering::Relaxed);
        });
    }

    fn drop_all(&self, fault: Fault, count: usize) {
        self.dropped[fault as usize].fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Takes those that wait, for a commit that begins now.
    pub(super) fn begin_commit(&self) -> Vec<(Named, Exemplar)> {
        std::mem::take(&mut *self.waiting.lock())
    }

    /// Makes exemplars durable, once their series are.
    pub(super) fn write(&self, list: Vec<(Named, Exemplar)>) {
        if list.is_empty() {
            return;
        }
        let mut log = self.log.lock();
        let new: Vec<(Named, Exemplar)> = {
            let kept = self.kept.read();
            list.into_iter().filter(|(of, exemplar)| kept.is_new(of.id, exemplar)).collect()
        };
        if new.is_empty() {
            return;
        }
        if let Err(error) = self.append(&mut log, &new) {
            log::warn!("{} exemplars are dropped, since they cannot be written: {error}", new.len());
            self.drop_all(Fault::NotWritten, new.len());
            return;
        }
        let mut kept = self.kept.write();
        new.into_iter().for_each(|(of, exemplar)| kept.insert(of, exemplar, &self.options));
        self.count.store(kept.len(), Ordering::Relaxed);
        // Who reads them need not wait for the disk.
        shorten(&mut log, &RwLockWriteGuard::downgrade(kept));
    }

    fn append(&self, log: &mut Option<Log>, new: &[(Named, Exemplar)]) -> std::io::Result<()> {
        let log = match log {
            Some(log) => log,
            None => log.insert(self.read_log()?),
        };
        log.append(&[(EXEMPLARS, record::encode(new.iter().map(|(of, exemplar)| (*of, exemplar))))], 0)
    }

    /// Keeps those for which `stays` holds; the log is rewritten once more than half of it is gone.
    pub(super) fn retain(&self, stays: impl FnMut(SeriesId, TimestampMs) -> bool) {
        if self.len() == 0 {
            return;
        }
        let mut log = self.log.lock();
        let mut kept = self.kept.write();
        kept.retain(stays);
        self.count.store(kept.len(), Ordering::Relaxed);
        // Who reads them need not wait for the disk.
        shorten(&mut log, &RwLockWriteGuard::downgrade(kept));
    }

    /// The log, if it was removed while it is in use.
    pub(super) fn missing(&self) -> Option<PathBuf> {
        self.log.lock().as_ref().filter(|log| log.is_gone()).map(|log| log.path().to_owned())
    }

    /// Writes the log anew from memory; gives how many exemplars it has.
    ///
    /// # Errors
    /// [`StoreError`] if that fails.
    pub(super) fn renew(&self) -> Result<usize, StoreError> {
        let mut log = self.log.lock();
        let Some(log) = log.as_mut() else { return Ok(0) };
        let kept = self.kept.read();
        let path = log.path().to_owned();
        rewrite(log, &kept).map_err(|error| StoreError::io(&path, error))?;
        Ok(kept.len())
    }

    /// Copies the log into another data directory.
    ///
    /// # Errors
    /// [`StoreError`] if that fails.
    pub(super) fn copy_to(&self, to: &Path) -> Result<(), StoreError> {
        let log = self.log.lock();
        log.as_ref().map_or(Ok(()), |log| log.copy_to(to)).map_err(|error| StoreError::io(to, error))
    }
}

/// Rewrites a log of which more than half is gone.
fn shorten(log: &mut Option<Log>, kept: &Kept) {
    let Some(log) = log.as_mut().filter(|log| log.len() > REWRITE_BYTES && log.len() > 2 * kept.bytes()) else { return };
    if let Err(error) = rewrite(log, kept) {
        // Not fatal: the log is only longer than it needs to be.
        log::warn!("cannot rewrite {}: {error}", log.path().display());
    }
}

fn rewrite(log: &mut Log, kept: &Kept) -> std::io::Result<()> {
    log.rewrite(0, |out: &mut Rewrite| -> std::io::Result<()> {
        let mut all = kept.iter().peekable();
        while all.peek().is_some() {
            out.push(EXEMPLARS, &record::encode(all.by_ref().take(OF_RECORD)))?;
        }
        Ok(())
    })
}

impl Store {
    /// How many exemplars are kept.
    pub fn exemplar_count(&self) -> usize {
        self.exemplars.len()
    }

    /// How many exemplars were dropped since the start, by [`Fault::ALL`].
    pub fn dropped_exemplars(&self) -> Dropped {
        self.exemplars.dropped()
    }

    /// As [`Store::exemplars`], at most `limit` of them, and whether that left any out.
    pub fn exemplars_within(&self, ids: &[SeriesId], start: TimestampMs, end: TimestampMs, limit: usize) -> (Vec<SeriesExemplars>, bool) {
        let mut found = self.exemplars(ids, start, end);
        let cut = thin::thin(&mut found, limit);
        (found, cut)
    }

    /// The exemplars of series within `[start, end]`, for ids that rise; series without any are left out.
    pub fn exemplars(&self, ids: &[SeriesId], start: TimestampMs, end: TimestampMs) -> Vec<SeriesExemplars> {
        if start > end {
            return Vec::new();
        }
        let kept = self.exemplars.kept.read();
        let of = |id: SeriesId| -> Option<SeriesExemplars> {
            let labels = self.labels(id)?;
            let named = Named::new(id, &labels);
            let exemplars: Vec<Exemplar> = kept.of(named, start..=end).cloned().collect();
            (!exemplars.is_empty()).then_some(SeriesExemplars { labels, exemplars })
        };
        kept.series().filter(|id| ids.binary_search(id).is_ok()).filter_map(of).collect()
    }
}

#[cfg(test)]
pub(super) fn encode_record(list: &[(SeriesId, Exemplar)]) -> Vec<u8> {
    record::encode(list.iter().map(|(id, exemplar)| (Named { id: *id, check: 5 }, exemplar)))
}

#[cfg(test)]
mod tests;
