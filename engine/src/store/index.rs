//! The index of the catalog: entries by key, as they stand after all changes of its log. Built again from the log at any time.
//!
//! Kept by an embedded database (sled), which meets its own troubles: it keeps its first write error while it is open, it may
//! panic over damage, and a full disk can make it hang. So it lives on a thread of its own and every request has a time limit.
//! A database that fails in any way is given up and the entries are kept in memory until a new one can be made.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::identity::Identity;

/// How long the database may take for one request, or to open, before it counts as hung.
const LIMIT: Duration = Duration::from_secs(10);
/// A database that was just closed holds its lock until its last thread is gone.
const LOCK_WAIT: Duration = Duration::from_secs(1);
/// The key under which the database keeps how far it has come. No entry begins with this byte.
const TALLY: &[u8] = b"m";

/// What is done to one key: its new value, or none to remove it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

/// A key and its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// Where in the log an index is: generation and bytes.
pub(super) type Position = (u64, u64);

/// What an index holds in all, and up to where in the log. Enough to notice that entries are missing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) position: Position,
    /// Entries.
    pub(super) count: u64,
    /// Entries whose key begins as an event's.
    pub(super) events: u64,
    /// Their keys and values.
    pub(super) bytes: u64,
    /// The sum of the entries' hashes.
    hash: u64,
}

impl Tally {
    const LEN: usize = Identity::LEN + 48;

    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.wrapping_add(1);
        self.events = self.events.wrapping_add(u64::from(key.first() == Some(&EVENT)));
        self.bytes = self.bytes.wrapping_add((key.len() + value.len()) as u64);
        self.hash = self.hash.wrapping_add(hash(key, value));
    }

    fn take(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.wrapping_sub(1);
        self.events = self.events.wrapping_sub(u64::from(key.first() == Some(&EVENT)));
        self.bytes = self.bytes.wrapping_sub((key.len() + value.len()) as u64);
        self.hash = self.hash.wrapping_sub(hash(key, value));
    }

    fn to_bytes(self, identity: Identity) -> Vec<u8> {
        let mut bytes = identity.0.to_vec();
        for number in [self.position.0, self.position.1, self.count, self.events, self.bytes, self.hash] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// None where the bytes are no tally, or that of another data directory.
    fn read(bytes: &[u8], identity: Identity) -> Option<Self> {
        let bytes = bytes.first_chunk::<{ Self::LEN }>().filter(|bytes| bytes.starts_with(&identity.0))?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[Identity::LEN + at * 8 + i]));
        Some(Self { position: (number(0), number(1)), count: number(2), events: number(3), bytes: number(4), hash: number(5) })
    }
}

/// The first byte of an event's key.
pub(super) const EVENT: u8 = b'e';

fn hash(key: &[u8], value: &[u8]) -> u64 {
    let of = |seed: u32| {
        let mut hasher = crc32fast::Hasher::new_with_initial(seed);
        hasher.update(&(key.len() as u64).to_le_bytes());
        hasher.update(key);
        hasher.update(value);
        hasher.finalize()
    };
    // splitmix64's last step: sums of plain checksums would cancel out too easily.
    let mut z = u64::from(of(0)) << 32 | u64::from(of(0x9e37_79b9).rotate_left(7));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Why the database is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum IndexError {
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
    pub(super) fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            Self::Database(sled::Error::Io(error)) | Self::Io(error) => matches!(error.kind(), StorageFull | QuotaExceeded),
            _ => false,
        }
    }
}

type Job = Box<dyn FnOnce(&mut Disk) + Send>;

/// The database, on its thread.
struct Disk {
    db: sled::Db,
    identity: Identity,
    tally: Tally,
    /// Its entries do not add up to its tally.
    wrong: bool,
}

/// An index that a database keeps.
pub(super) struct DiskIndex {
    folder: PathBuf,
    jobs: Option<mpsc::Sender<Job>>,
    ended: mpsc::Receiver<()>,
    tally: Tally,
    abandoned: bool,
}

impl DiskIndex {
    /// Opens the database in a folder, made where there is none. Where it states no position it is empty and at (0, 0).
    pub(super) fn open(folder: &Path, cache_bytes: u64, identity: Identity) -> Result<Self, IndexError> {
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

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// The folder of the database.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn ask<T: Send + 'static>(&self, job: impl FnOnce(&mut Disk) -> Result<T, IndexError> + Send + 'static) -> Result<T, IndexError> {
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
    pub(super) fn begin_check(&self) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(Box::new(|disk| disk.wrong = !disk.is_right().unwrap_or(false)));
        }
    }

    /// Compares all entries with the tally.
    pub(super) fn check(&self) -> Result<(), IndexError> {
        self.ask(|disk| if disk.is_right()? { Ok(()) } else { Err(IndexError::Wrong) })
    }

    pub(super) fn apply(&mut self, changes: Vec<Change>, position: Position) -> Result<(), IndexError> {
        self.tally = self.ask(move |disk| disk.apply(changes, position))?;
        Ok(())
    }

    pub(super) fn page(&self, range: Range, limit: Limit) -> Result<Vec<Entry>, IndexError> {
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
    pub(super) fn flush(&self) -> Result<(), IndexError> {
        self.ask(|disk| Ok(disk.db.flush().map(drop)?))
    }

    /// As [`DiskIndex::flush`], without waiting for it.
    pub(super) fn begin_flush(&self) {
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
    pub(super) fn abandon(mut self) {
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

fn is_locked(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("lock")
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

/// Keys from and to.
pub(super) type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// How much of a range is read at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) entries: usize,
    pub(super) bytes: usize,
    /// From the end of the range on.
    pub(super) last_first: bool,
}

/// An index in memory, for as long as there is no database.
#[derive(Default)]
pub(super) struct MemoryIndex {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    tally: Tally,
}

impl MemoryIndex {
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    pub(super) fn apply(&mut self, changes: Vec<Change>, position: Position) {
        self.tally.position = position;
        for Change { key, value } in changes {
            if let Some(value) = &value {
                self.tally.add(&key, value);
            }
            let before = match value {
                Some(value) => self.entries.insert(key.clone(), value),
                None => self.entries.remove(&key),
            };
            if let Some(before) = before {
                self.tally.take(&key, &before);
            }
        }
    }

    pub(super) fn page(&self, range: Range, limit: Limit) -> Vec<Entry> {
        let found = self.entries.range::<Vec<u8>, Range>(range).map(|(key, value)| (key.clone(), value.clone()));
        let mut bytes = 0;
        let fits = |entry: &Entry| {
            let fits = bytes < limit.bytes;
            bytes += entry.0.len() + entry.1.len();
            fits
        };
        if limit.last_first {
            found.rev().take(limit.entries).take_while(fits).collect()
        } else {
            found.take(limit.entries).take_while(fits).collect()
        }
    }
}

/// Entries by key.
pub(super) enum Index {
    Disk(DiskIndex),
    Memory(MemoryIndex),
}

impl Index {
    pub(super) fn tally(&self) -> Tally {
        match self {
            Self::Disk(disk) => disk.tally,
            Self::Memory(memory) => memory.tally,
        }
    }

    pub(super) fn apply(&mut self, changes: Vec<Change>, position: Position) -> Result<(), IndexError> {
        match self {
            Self::Disk(disk) => disk.apply(changes, position),
            Self::Memory(memory) => {
                memory.apply(changes, position);
                Ok(())
            }
        }
    }

    pub(super) fn page(&self, range: Range, limit: Limit) -> Result<Vec<Entry>, IndexError> {
        match self {
            Self::Disk(disk) => disk.page(range, limit),
            Self::Memory(memory) => Ok(memory.page(range, limit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Identity = Identity([7; Identity::LEN]);
    const ALL: Limit = Limit { entries: 100, bytes: 1 << 20, last_first: false };

    fn change(key: &str, value: Option<&str>) -> Change {
        Change { key: key.into(), value: value.map(Into::into) }
    }

    fn everything() -> Range {
        (Bound::Included(b"d".to_vec()), Bound::Excluded(b"f".to_vec()))
    }

    #[test]
    fn a_database_and_memory_hold_the_same_and_add_up_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (mut disk, mut memory) =
            (Index::Disk(DiskIndex::open(dir.path(), 1 << 20, ME).unwrap()), Index::Memory(MemoryIndex::default()));
        let steps = [
            vec![change("e1", Some("a")), change("e2", Some("b")), change("dx", Some("c"))],
            vec![change("e1", Some("z")), change("e1", Some("y")), change("e3", None)],
            vec![change("e2", None), change("e4", Some("q")), change("e4", None)],
        ];
        for (at, changes) in steps.into_iter().enumerate() {
            for index in [&mut disk, &mut memory] {
                index.apply(changes.clone(), (1, at as u64)).unwrap();
            }
            assert_eq!(disk.tally(), memory.tally());
            assert_eq!(disk.page(everything(), ALL).unwrap(), memory.page(everything(), ALL).unwrap());
        }
        assert_eq!((disk.tally().count, disk.tally().events, disk.tally().bytes), (2, 1, 6));
        let one = Limit { entries: 1, last_first: true, ..ALL };
        assert_eq!(disk.page(everything(), one).unwrap(), [(b"e1".to_vec(), b"y".to_vec())]);
        assert_eq!(memory.page(everything(), one).unwrap(), [(b"e1".to_vec(), b"y".to_vec())]);
        let tally = disk.tally();
        drop(disk);
        let disk = DiskIndex::open(dir.path(), 1 << 20, ME).unwrap();
        assert_eq!(disk.tally, tally);
        disk.check().unwrap();
        drop(disk);
        assert!(matches!(DiskIndex::open(dir.path(), 1 << 20, Identity([8; 16])), Err(IndexError::Wrong)), "another directory's");
    }

    #[test]
    fn entries_that_are_missing_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = DiskIndex::open(dir.path(), 1 << 20, ME).unwrap();
        disk.apply(vec![change("e1", Some("a")), change("e2", Some("b"))], (1, 1)).unwrap();
        disk.ask(|disk| Ok(disk.db.remove("e1").map(drop)?)).unwrap();
        disk.begin_check();
        assert!(matches!(disk.page(everything(), ALL), Err(IndexError::Wrong)));
    }

    #[test]
    fn a_panic_of_the_database_and_an_unfinished_snapshot_end_nothing() {
        let dir = tempfile::tempdir().unwrap();
        {
            let mut disk = DiskIndex::open(dir.path(), 1 << 20, ME).unwrap();
            disk.apply(vec![change("e1", Some("a"))], (1, 1)).unwrap();
            disk.flush().unwrap();
            #[allow(clippy::panic, reason = "the case that is tested")]
            let panicked: Result<(), _> = disk.ask(|_| panic!("as sled does over damage"));
            assert!(matches!(panicked, Err(IndexError::Panicked)));
            assert!(matches!(disk.flush(), Err(IndexError::Panicked)));
        }
        for name in ["snap.0000000000000001.generating", "snap.000000000000FFFF", "snap.000000000000FFFF.generating"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(DiskIndex::open(dir.path(), 1 << 20, ME).unwrap().page(everything(), ALL).unwrap().len(), 1);
    }
}
