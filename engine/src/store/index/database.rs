//! Entries that a database (sled) keeps, on a thread of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::super::identity::Identity;
use super::{Change, Entry, Limit, Position, Range, Tally};

/// How long the database may take for one request, or to open, before it counts as hung.
const LIMIT: Duration = Duration::from_secs(10);
/// A database that was just closed holds its lock until its last thread is gone.
const LOCK_WAIT: Duration = Duration::from_secs(1);
/// The key under which the database keeps how far it has come. No entry begins with this byte.
const TALLY: &[u8] = b"m";

/// Why the database is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum IndexError {
    #[error("{0}")]
    Database(#[from] sled::Error),
    #[error("it did not answer within {} s", LIMIT.as_secs())]
    Hung,
    #[error("it panicked")]
    Panicked,
    #[error("entries are missing or wrong")]
    Wrong,
    #[error("it was made of another log")]
    Stale,
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl IndexError {
    /// Whether the disk was full, which says nothing against the database's files.
    pub(in crate::store) fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            Self::Database(sled::Error::Io(error)) | Self::Io(error) => matches!(error.kind(), StorageFull | QuotaExceeded),
            _ => false,
        }
    }
}

type Job = Box<dyn FnOnce(&mut Disk) + Send>;

/// The database, on its thread.
pub(super) struct Disk {
    pub(super) db: sled::Db,
    identity: Identity,
    tally: Tally,
    /// Its entries do not add up to its tally.
    wrong: bool,
}

/// An index that a database keeps.
pub(in crate::store) struct DiskIndex {
    folder: PathBuf,
    jobs: Option<mpsc::Sender<Job>>,
    ended: mpsc::Receiver<()>,
    tally: Tally,
    abandoned: bool,
}

impl DiskIndex {
    /// Opens the database in a folder, made where there is none. Where it states no position it is empty and at (0, 0).
    pub(in crate::store) fn open(folder: &Path, cache_bytes: u64, identity: Identity) -> Result<Self, IndexError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (ends, ended) = mpsc::channel();
        let (opens, opened) = mpsc::channel();
        let path = folder.to_owned();
        let run = move || {
            let mut disk = match Disk::open(&path, cache_bytes, identity) {
                Ok(disk) => disk,
                Err(error) => return drop(opens.send(Err(error))),
            };
            let _ = opens.send(Ok(disk.tally));
            for job in queue {
                job(&mut disk);
            }
            // Its own files are complete before the lock on them goes.
            drop(disk);
            let _ = ends.send(());
        };
        std::thread::Builder::new().name("index".to_owned()).spawn(run)?;
        let tally = answer(&opened)??;
        Ok(Self { folder: folder.to_owned(), jobs: Some(jobs), ended, tally, abandoned: false })
    }

    pub(in crate::store) fn tally(&self) -> Tally {
        self.tally
    }

    /// The folder of the database.
    pub(in crate::store) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Disk) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let (replies, reply) = mpsc::channel();
        let job = Box::new(move |disk: &mut Disk| {
            let done = if disk.wrong { Err(IndexError::Wrong) } else { job(disk) };
            // Whoever asked may have given up.
            let _ = replies.send(done);
        });
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or(IndexError::Panicked)?;
        answer(&reply)?
    }

    /// Begins to compare all entries with the tally; what is asked afterwards fails where they differ.
    pub(in crate::store) fn begin_check(&self) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(Box::new(|disk| disk.wrong = !disk.is_right().unwrap_or(false)));
        }
    }

    /// Compares all entries with the tally.
    pub(in crate::store) fn check(&self) -> Result<(), IndexError> {
        self.ask(|disk| if disk.is_right()? { Ok(()) } else { Err(IndexError::Wrong) })
    }

    pub(in crate::store) fn apply(&mut self, changes: Vec<Change>, position: Position) -> Result<(), IndexError> {
        self.tally = self.ask(move |disk| disk.apply(changes, position))?;
        Ok(())
    }

    pub(in crate::store) fn page(&self, range: Range, limit: Limit) -> Result<Vec<Entry>, IndexError> {
        self.ask(move |disk| {
            let mut entries = Vec::new();
            let mut found = disk.db.range::<Vec<u8>, Range>(range);
            let mut bytes = 0;
            while entries.len() < limit.entries && bytes < limit.bytes {
                let Some(item) = (if limit.last_first { found.next_back() } else { found.next() }) else { break };
                let (key, value) = item?;
                bytes += key.len() + value.len();
                entries.push((key.to_vec(), value.to_vec()));
            }
            Ok(entries)
        })
    }

    /// Makes it durable, so that less of the log has to be applied at the next start.
    pub(in crate::store) fn flush(&self) -> Result<(), IndexError> {
        self.ask(|disk| Ok(disk.db.flush().map(drop)?))
    }

    /// As [`DiskIndex::flush`], without waiting for it.
    pub(in crate::store) fn begin_flush(&self) {
        if let Some(jobs) = &self.jobs {
            let flush = |disk: &mut Disk| {
                if let Err(error) = disk.db.flush() {
                    log::warn!("the index of the catalog cannot be flushed: {error}");
                }
            };
            let _ = jobs.send(Box::new(flush));
        }
    }
}

impl DiskIndex {
    /// Lets go of a database that hangs, without waiting for its thread.
    pub(in crate::store) fn abandon(mut self) {
        self.abandoned = true;
    }
}

impl Drop for DiskIndex {
    fn drop(&mut self) {
        self.jobs = None;
        if !self.abandoned && matches!(self.ended.recv_timeout(LIMIT), Err(RecvTimeoutError::Timeout)) {
            log::warn!("the database in {} does not close; its thread is left behind", self.folder.display());
        }
    }
}

fn answer<T>(reply: &mpsc::Receiver<T>) -> Result<T, IndexError> {
    reply.recv_timeout(LIMIT).map_err(|error| match error {
        RecvTimeoutError::Timeout => IndexError::Hung,
        RecvTimeoutError::Disconnected => IndexError::Panicked,
    })
}

impl Disk {
    fn open(path: &Path, cache_bytes: u64, identity: Identity) -> Result<Self, IndexError> {
        remove_unfinished_snapshots(path);
        let begun = Instant::now();
        let db = loop {
            // Callers flush themselves.
            match sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(None).open() {
                Err(sled::Error::Io(error)) if is_locked(&error) && begun.elapsed() < LOCK_WAIT => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                other => break other?,
            }
        };
        fail::fail_point!("store::index::open", |_| Err(IndexError::Wrong));
        let tally = match db.get(TALLY)? {
            Some(bytes) => Tally::read(&bytes, identity).ok_or(IndexError::Wrong)?,
            None if db.is_empty() => Tally::default(),
            None => return Err(IndexError::Wrong),
        };
        Ok(Self { db, identity, tally, wrong: false })
    }

    fn is_right(&self) -> Result<bool, IndexError> {
        let mut tally = Tally { position: self.tally.position, ..Tally::default() };
        for item in self.db.iter() {
            let (key, value) = item?;
            if key != TALLY {
                tally.add(&key, &value);
            }
        }
        Ok(tally == self.tally)
    }

    fn apply(&mut self, changes: Vec<Change>, position: Position) -> Result<Tally, IndexError> {
        fail::fail_point!("store::index::apply", |_| Err(IndexError::Wrong));
        let mut batch = sled::Batch::default();
        let mut tally = Tally { position, ..self.tally };
        // A key may change more than once.
        let last: BTreeMap<Vec<u8>, Option<Vec<u8>>> = changes.into_iter().map(|change| (change.key, change.value)).collect();
        for (key, value) in last {
            if let Some(before) = self.db.get(&key)? {
                tally.take(&key, &before);
            }
            match value {
                Some(value) => {
                    tally.add(&key, &value);
                    batch.insert(key, value);
                }
                None => batch.remove(key),
            }
        }
        batch.insert(TALLY, tally.to_bytes(self.identity));
        self.db.apply_batch(batch)?;
        self.tally = tally;
        Ok(tally)
    }
}

/// Whether sled could not lock its files. It reports that as an error of its own, without the code that the system gave.
fn is_locked(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.raw_os_error().is_none()
}

/// sled takes an unfinished or empty snapshot for its newest and the database for damaged; without any it reads its log.
fn remove_unfinished_snapshots(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let empty = || entry.metadata().is_ok_and(|meta| meta.len() == 0);
        if name.starts_with("snap.")
            && (name.ends_with(".generating") || empty())
            && let Err(error) = fs::remove_file(entry.path())
        {
            log::warn!("{} cannot be removed: {error}", entry.path().display());
        }
    }
}
