//! The catalog: the series, events, and small documents such as alert states.
//!
//! ```text
//! DATA_DIR/series.log           the series and their ids: the truth, loaded at the start
//! DATA_DIR/catalog.log          every change of events and documents: the truth
//! DATA_DIR/catalog/index-N/     an index of events and documents (sled); built again from the log where it fails
//! ```
//!
//! A change is durable in its log before it is applied to the index. An index that fails, panics or hangs is given up:
//! what it held is served from memory, and a new one is made when that is possible. Samples and windows are elsewhere.

use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::error::StoreError;
use super::files;
use super::identity::Identity;
use super::index::{Change, DiskIndex, EVENT, Entry, Index, IndexError, Limit, MemoryIndex, Range, Tally};
use super::log::{Log, Rewrite};
use super::problems::Problems;
use super::series_log::SeriesLog;
use crate::codec::{CodecError, push_varint, take_varint};
use crate::event::Event;
use crate::model::{Labels, SeriesId, TimestampMs};

/// Events kept at the most; the oldest go first.
const MAX_EVENTS: u64 = 100_000;
/// The kind of a record of the log: changes that are made together.
const CHANGES: u8 = 1;
/// The first byte of a document's key.
const DOCUMENT: u8 = b'd';
/// What is read from the index, or written to a new one, at once.
const PAGE: Limit = Limit { entries: 1_000, bytes: 1 << 20, last_first: false };
/// The log is written anew when it is longer and more than twice as long as what it holds.
const REWRITE_BYTES: u64 = 1 << 20;
/// About what an entry costs in the log besides its key and value.
const ENTRY_COST: u64 = 40;
/// How long after a failure a new index is tried.
const RETRY: Duration = Duration::from_secs(60);
/// Databases that may hang before no further one is tried: each leaves a thread behind.
const MAX_HUNG: u32 = 3;
/// Room on the disk without which no database is opened or flushed: sled can damage or hang itself on a full disk.
const ROOM: u64 = 16 << 20;
/// A longer log is not applied to a new index while the service starts.
const QUICK_BYTES: u64 = 4 << 20;

/// A change to one document: its key, and its bytes or none to remove it.
pub type DocumentChange = (String, Option<Vec<u8>>);

/// See the module.
pub(super) struct Catalog {
    data_dir: PathBuf,
    problems: Arc<Problems>,
    series: Mutex<SeriesLog>,
    entries: Mutex<Entries>,
    event_counter: AtomicU32,
}

/// What [`Catalog::open`] found of the series.
pub(super) struct Opened {
    pub(super) catalog: Catalog,
    /// What is damaged or missing of the log of series; the labels may be known elsewhere.
    pub(super) series_damage: Option<String>,
}

impl Catalog {
    /// Opens the catalog and passes the series on.
    ///
    /// # Errors
    /// [`StoreError`] where a log cannot be read.
    pub(super) fn open(
        data_dir: &Path,
        identity: Identity,
        cache_bytes: u64,
        problems: Arc<Problems>,
        series: impl FnMut(SeriesId, Labels),
    ) -> Result<Opened, StoreError> {
        let fail = |source| StoreError::DataDir { path: data_dir.to_owned(), source };
        let loaded = SeriesLog::open(data_dir, identity, series).map_err(fail)?;
        let entries = Entries::open(data_dir, identity, cache_bytes, &problems).map_err(fail)?;
        let catalog = Self {
            data_dir: data_dir.to_owned(),
            problems,
            series: Mutex::new(loaded.log),
            entries: Mutex::new(entries),
            // Begins where no earlier process is likely to have been, so that events of equal times do not meet.
            event_counter: AtomicU32::new(Identity::random().map_or_else(|_| std::process::id(), |random| random.first_word())),
        };
        Ok(Opened { catalog, series_damage: loaded.damage })
    }

    /// The first id that is not in the log of series yet.
    pub(super) fn next_series(&self) -> u32 {
        self.series.lock().next()
    }

    /// Whether a series was removed.
    pub(super) fn is_removed(&self, id: SeriesId) -> bool {
        self.series.lock().is_removed(id)
    }

    /// Makes new series durable, by rising id; `next` is the first id that is not among them.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be written.
    pub(super) fn add_series(&self, new: &[(SeriesId, Labels)], next: u32) -> Result<(), StoreError> {
        let mut log = self.series.lock();
        let added = log.add(new, next);
        added.map_err(|error| StoreError::io(log.path(), error))
    }

    /// Removes series for good, durably. Their ids are never given again.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be written; nothing was removed then.
    pub(super) fn remove_series(&self, ids: &[SeriesId]) -> Result<(), StoreError> {
        let mut log = self.series.lock();
        let removed = log.remove(ids);
        removed.map_err(|error| StoreError::io(log.path(), error))
    }

    /// Writes the log of series anew, with those that there are, by rising id.
    ///
    /// # Errors
    /// [`StoreError`] when the new log cannot be written; the old one stays then.
    pub(super) fn rewrite_series(&self, next: u32, series: impl Iterator<Item = (SeriesId, Labels)>) -> Result<(), StoreError> {
        let mut log = self.series.lock();
        let written = log.rewrite(next, series);
        written.map_err(|error| StoreError::io(log.path(), error))
    }

    /// Copies the damaged log of series into quarantine; says what became of that.
    pub(super) fn keep_damaged_series(&self) -> String {
        let log = self.series.lock();
        keep_damaged(&self.data_dir, log.path(), "series.log")
    }

    /// Keeps events, durably; gives each with its id.
    pub(super) fn add_events(&self, events: &[Event]) -> Result<Vec<(String, Event)>, StoreError> {
        let mut changes = Vec::with_capacity(events.len());
        let mut kept = Vec::with_capacity(events.len());
        for event in events {
            let count = self.event_counter.fetch_add(1, Ordering::Relaxed);
            let mut key = event_key(event.at);
            key.extend_from_slice(&count.to_be_bytes());
            match serde_json::to_vec(event) {
                Ok(bytes) => {
                    kept.push((hex(&key[1..]), event.clone()));
                    changes.push(Change { key, value: Some(bytes) });
                }
                Err(error) => log::error!("event {} cannot be written: {error}", event.kind),
            }
        }
        self.change(changes)?;
        Ok(kept)
    }

    /// Events within `[start, end]`, newest first, at most `limit`, each with its id.
    pub(super) fn events(
        &self,
        start: TimestampMs,
        end: TimestampMs,
        limit: usize,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Vec<(String, Event)>, StoreError> {
        let mut found = Vec::new();
        let from = Bound::Included(event_key(start));
        let mut to = Bound::Excluded(event_key(end.saturating_add(1)));
        let page = Limit { entries: limit.clamp(64, PAGE.entries), last_first: true, ..PAGE };
        if limit == 0 || start > end {
            return Ok(found);
        }
        loop {
            let entries = self.page((from.clone(), to), page)?;
            let Some((last, _)) = entries.last() else { return Ok(found) };
            to = Bound::Excluded(last.clone());
            for (key, value) in entries {
                if let Ok(event) = serde_json::from_slice::<Event>(&value)
                    && wanted(&event)
                {
                    found.push((hex(&key[1..]), event));
                    if found.len() == limit {
                        return Ok(found);
                    }
                }
            }
        }
    }

    /// Forgets events before `horizon` and those over the bound.
    pub(super) fn trim_events(&self, horizon: TimestampMs) -> Result<(), StoreError> {
        let horizon = event_key(horizon);
        let all = || (Bound::Included(vec![EVENT]), Bound::Excluded(vec![EVENT + 1]));
        loop {
            let over = self.entries.lock().tally().events.saturating_sub(MAX_EVENTS) as usize;
            let oldest = self.page(all(), PAGE)?;
            let goes = |(at, (key, _)): &(usize, Entry)| *at < over || *key < horizon;
            let gone: Vec<Change> =
                oldest.into_iter().enumerate().take_while(goes).map(|(_, (key, _))| Change { key, value: None }).collect();
            if gone.is_empty() {
                break;
            }
            self.change(gone)?;
        }
        self.entries.lock().begin_flush();
        Ok(())
    }

    /// All documents of a kind.
    pub(super) fn documents(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let prefix = document_key(kind, "");
        let mut after = prefix.clone();
        // The byte behind the kind is 0, so that this is behind all of its keys.
        if let Some(last) = after.last_mut() {
            *last = 1;
        }
        let mut from = Bound::Included(prefix.clone());
        let mut found = Vec::new();
        loop {
            let entries = self.page((from, Bound::Excluded(after.clone())), PAGE)?;
            let Some((last, _)) = entries.last() else { return Ok(found) };
            from = Bound::Excluded(last.clone());
            found.extend(entries.into_iter().map(|(key, value)| (String::from_utf8_lossy(&key[prefix.len()..]).into_owned(), value)));
        }
    }

    /// Changes documents of a kind in one atomic and durable step.
    pub(super) fn change_documents(&self, kind: &str, changes: Vec<DocumentChange>) -> Result<(), StoreError> {
        self.change(changes.into_iter().map(|(key, value)| Change { key: document_key(kind, &key), value }).collect())
    }

    /// Copies the logs into the folder of another data directory, which makes its own index of them.
    pub(super) fn copy_to(&self, to: &Path) -> Result<(), StoreError> {
        let copied = self.series.lock().copy_to(to).and_then(|()| self.entries.lock().log.copy_to(to));
        copied.map_err(|error| StoreError::io(to, error))
    }

    /// A part that was removed behind the back of the catalog.
    pub(super) fn missing_part(&self) -> Option<PathBuf> {
        let series = self.series.lock();
        if series.is_gone() {
            return Some(series.path().to_owned());
        }
        drop(series);
        let entries = self.entries.lock();
        match &entries.index {
            _ if entries.log.is_gone() => Some(entries.log.path().to_owned()),
            Some(Index::Disk(disk)) if !disk.folder().exists() => Some(disk.folder().to_owned()),
            _ => None,
        }
    }

    /// Writes events and documents anew into a directory that lost them, as far as they can still be read.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be written.
    pub(super) fn renew_entries(&self) -> Result<(), StoreError> {
        let mut entries = self.entries.lock();
        entries.renew().map_err(|error| StoreError::io(entries.log.path(), std::io::Error::other(error)))
    }

    fn change(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut entries = self.entries.lock();
        let changed = entries.change(changes, &self.problems);
        changed.map_err(|error| StoreError::io(entries.log.path(), error))
    }

    fn page(&self, range: Range, limit: Limit) -> Result<Vec<Entry>, StoreError> {
        let mut entries = self.entries.lock();
        let page = entries.page(range, limit, &self.problems);
        page.map_err(|error| StoreError::io(entries.log.path(), error))
    }
}

/// Events and documents: their log and their index.
struct Entries {
    data_dir: PathBuf,
    identity: Identity,
    cache_bytes: u64,
    log: Log,
    /// None where the last one failed and the log could not be read either.
    index: Option<Index>,
    /// When a new database is tried, while there is none.
    retry: Instant,
    /// Databases that hung.
    hung: u32,
}

impl Entries {
    fn open(data_dir: &Path, identity: Identity, cache_bytes: u64, problems: &Problems) -> std::io::Result<Self> {
        let opened = Log::open(data_dir, "catalog", identity, |_, kind, _| match kind {
            CHANGES => Ok(()),
            _ => Err(CodecError::Damaged("an unknown kind of record")),
        })?;
        let mut entries =
            Self { data_dir: data_dir.to_owned(), identity, cache_bytes, log: opened.log, index: None, retry: Instant::now(), hung: 0 };
        let folders = entries.folders();
        let newest = folders.last();
        // An index is made of a log that holds something.
        let gone = (entries.log.len() == 0 && newest.is_some()).then(|| "it is missing".to_owned());
        let damage = opened.damage.or(gone).map(|damage| (damage, opened.damaged_to));
        for stale in &folders[..folders.len().saturating_sub(1)] {
            remove_folder(stale);
        }
        if let Some(folder) = newest.filter(|_| entries.has_room() || damage.is_some()) {
            match entries.adopt(folder, damage.as_ref().map(|damage| damage.1)) {
                Ok(disk) => entries.index = Some(Index::Disk(disk)),
                Err(IndexError::Stale) => log::info!("{} is not of this log and is made anew", folder.display()),
                Err(error) if error.is_full() => log::warn!("{}: {error}", folder.display()),
                Err(IndexError::Hung) => {
                    entries.hung += 1;
                    entries.tell(folder, &IndexError::Hung, problems);
                }
                Err(error) => entries.tell(folder, &error, problems),
            }
        }
        if let Some((what, damaged_to)) = damage {
            entries.repair(&what, damaged_to, problems);
        }
        if entries.index.is_none() {
            entries.index = Some(Index::Memory(entries.in_memory()?));
            if entries.log.len() < QUICK_BYTES {
                entries.try_new_database();
            }
        }
        Ok(entries)
    }

    /// Opens a database that an earlier process left and brings it up to the end of the log.
    fn adopt(&self, folder: &Path, damaged_to: Option<u64>) -> Result<DiskIndex, IndexError> {
        let mut disk = DiskIndex::open(folder, self.cache_bytes, self.identity)?;
        let (generation, len) = self.log.position();
        let position = disk.tally().position;
        // Without a log the database is all there is.
        let alone = damaged_to.is_some() && len == 0;
        let fresh = disk.tally() == Tally::default();
        if !fresh && (position.0 != generation && !alone || position.1 > len && damaged_to.is_none()) {
            return Err(IndexError::Stale);
        }
        if damaged_to.is_some() {
            disk.check()?;
        } else {
            disk.begin_check();
        }
        let mut result = Ok(());
        self.log.read_from(position.1, |end, kind, payload| {
            if result.is_ok() && kind == CHANGES {
                result = decode(payload).map_err(|_| IndexError::Wrong).and_then(|changes| disk.apply(changes, (generation, end)));
            }
        })?;
        result.map(|()| disk)
    }

    /// Writes a damaged log anew from what is known, and says what that was.
    fn repair(&mut self, what: &str, damaged_to: u64, problems: &Problems) {
        let path = self.log.path().to_owned();
        let kept = keep_damaged(&self.data_dir, &path, "catalog.log");
        let from = match &self.index {
            Some(index) if index.tally().position.1 >= damaged_to => "it was written anew from its index and nothing is lost",
            Some(_) => "it was written anew; events and documents in the damaged part are lost unless the index had them",
            None => "it was written anew; events and documents in the damaged part are lost",
        };
        if self.index.is_none() {
            self.index = self.in_memory().map(Index::Memory).ok();
        }
        let problem = match self.rewrite() {
            Ok(()) => format!("{} was damaged ({what}); {kept}; {from}", path.display()),
            Err(error) => format!("{} is damaged ({what}) and cannot be written anew: {error}", path.display()),
        };
        problems.note(problem);
    }

    /// All entries, from the log.
    fn in_memory(&self) -> std::io::Result<MemoryIndex> {
        let mut memory = MemoryIndex::default();
        let generation = self.log.position().0;
        self.log.read_from(0, |end, kind, payload| {
            if kind == CHANGES
                && let Ok(changes) = decode(payload)
            {
                memory.apply(changes, (generation, end));
            }
        })?;
        Ok(memory)
    }

    fn tally(&self) -> Tally {
        self.index.as_ref().map(Index::tally).unwrap_or_default()
    }

    fn change(&mut self, changes: Vec<Change>, problems: &Problems) -> std::io::Result<()> {
        self.log.append(&[(CHANGES, encode(&changes))], 0)?;
        let position = self.log.position();
        self.with_index(problems, |index| index.apply(changes.clone(), position), |index| index.tally().position >= position, ())?;
        if self.log.len() > REWRITE_BYTES {
            let tally = self.tally();
            if self.log.len() > 2 * (tally.bytes + tally.count * ENTRY_COST)
                && let Err(error) = self.rewrite()
            {
                // The log is larger than it needs to be, no more.
                log::warn!("{} cannot be written anew: {error}", self.log.path().display());
            }
        }
        // Nobody waits for it: the log is durable. An index that is nearly as far stands in for a log that is damaged.
        self.begin_flush();
        Ok(())
    }

    fn page(&mut self, range: Range, limit: Limit, problems: &Problems) -> std::io::Result<Vec<Entry>> {
        self.with_index(problems, |index| index.page(range.clone(), limit), |_| false, Vec::new())
    }

    /// Does something with the index; with one in memory where the database fails. `is_done` says whether an index that was
    /// just made of the log needs nothing more, then `done` is the answer.
    fn with_index<T>(
        &mut self,
        problems: &Problems,
        mut work: impl FnMut(&mut Index) -> Result<T, IndexError>,
        is_done: impl Fn(&Index) -> bool,
        done: T,
    ) -> std::io::Result<T> {
        if matches!(self.index, Some(Index::Memory(_))) && Instant::now() >= self.retry {
            self.try_new_database();
        }
        if let Some(index) = &mut self.index {
            if is_done(index) {
                return Ok(done);
            }
            match work(index) {
                Ok(result) => return Ok(result),
                Err(error) => self.give_up(&error, problems),
            }
        }
        let mut index = Index::Memory(self.in_memory()?);
        let result = if is_done(&index) { Ok(done) } else { work(&mut index).map_err(std::io::Error::other) };
        self.index = Some(index);
        result
    }

    /// Closes a database that failed.
    fn give_up(&mut self, error: &IndexError, problems: &Problems) {
        self.retry = Instant::now() + RETRY;
        let Some(Index::Disk(disk)) = self.index.take() else { return };
        let folder = disk.folder().to_owned();
        if matches!(error, IndexError::Hung) {
            disk.abandon()
        } else {
            drop(disk)
        }
        if error.is_full() {
            log::warn!("{}: {error}; events and documents are served from memory", folder.display());
        } else {
            self.tell(&folder, error, problems);
        }
    }

    /// Sets a database aside that failed, unless a thread still hangs in it, and tells why.
    fn tell(&self, folder: &Path, error: &IndexError, problems: &Problems) {
        let kept = match error {
            IndexError::Hung => "it is left where it is".to_owned(),
            _ => {
                let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                files::outcome("it was moved to", files::set_aside(&self.data_dir, folder, &format!("catalog-{name}")))
            }
        };
        problems
            .note(format!("the index of the catalog in {} failed: {error}; {kept} and is made anew from catalog.log", folder.display()));
    }

    /// Makes a database of what is in memory, in the next folder.
    fn try_new_database(&mut self) {
        let Some(Index::Memory(memory)) = &self.index else { return };
        if self.log.len() == 0 {
            return;
        }
        if self.hung >= MAX_HUNG || !self.has_room() {
            self.retry = Instant::now() + RETRY;
            return;
        }
        let older = self.folders();
        let folder = self.folder_after(older.last());
        match self.database_of(memory, &folder) {
            Ok(disk) => {
                self.index = Some(Index::Disk(disk));
                older.iter().for_each(|folder| remove_folder(folder));
            }
            Err(error) => {
                self.retry = Instant::now() + RETRY;
                log::warn!("{}: {error}; events and documents are served from memory", folder.display());
                if matches!(error, IndexError::Hung) { self.hung += 1 } else { remove_folder(&folder) }
            }
        }
    }

    fn database_of(&self, memory: &MemoryIndex, folder: &Path) -> Result<DiskIndex, IndexError> {
        files::create_private_dir(folder)?;
        let mut disk = DiskIndex::open(folder, self.cache_bytes, self.identity)?;
        let mut from = Bound::Unbounded;
        loop {
            let entries = memory.page((from, Bound::Unbounded), PAGE);
            let Some((last, _)) = entries.last() else { break };
            from = Bound::Excluded(last.clone());
            // A position is stated with the last part only: before, the database is no good.
            disk.apply(entries.into_iter().map(|(key, value)| Change { key, value: Some(value) }).collect(), (0, 0))?;
        }
        disk.apply(Vec::new(), memory.tally().position)?;
        disk.flush()?;
        Ok(disk)
    }

    /// Writes the log anew with the entries that there are.
    fn rewrite(&mut self) -> Result<(), IndexError> {
        let Some(index) = &mut self.index else { return Ok(()) };
        self.log.rewrite(0, |out: &mut Rewrite| -> Result<(), IndexError> {
            let mut from = Bound::Included(vec![DOCUMENT]);
            loop {
                let entries = index.page((from, Bound::Excluded(vec![EVENT + 1])), PAGE)?;
                let Some((last, _)) = entries.last() else { return Ok(()) };
                from = Bound::Excluded(last.clone());
                for (key, value) in entries {
                    out.push(CHANGES, &encode(&[Change { key, value: Some(value) }]))?;
                }
            }
        })?;
        index.apply(Vec::new(), self.log.position())?;
        self.begin_flush();
        Ok(())
    }

    /// Makes log and database again. A database whose files were removed reads them for as long as it has them open.
    fn renew(&mut self) -> Result<(), IndexError> {
        let memory = match self.index.take() {
            Some(Index::Memory(memory)) => memory,
            Some(Index::Disk(disk)) => {
                let memory = entries_of(&disk);
                disk.abandon();
                memory
            }
            None => MemoryIndex::default(),
        };
        self.index = Some(Index::Memory(memory));
        if self.log.len() > 0 {
            self.rewrite()?;
        }
        self.try_new_database();
        Ok(())
    }

    fn begin_flush(&self) {
        if let Some(Index::Disk(disk)) = &self.index
            && self.has_room()
        {
            disk.begin_flush();
        }
    }

    fn has_room(&self) -> bool {
        // Where the system does not tell, the writes will.
        rustix::fs::statvfs(&self.data_dir).map_or(true, |stat| stat.f_bavail.saturating_mul(stat.f_frsize) >= ROOM)
    }

    /// The folders of databases, by rising number.
    fn folders(&self) -> Vec<PathBuf> {
        let catalog = self.data_dir.join("catalog");
        let mut numbers: Vec<u64> = fs::read_dir(&catalog)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("index-")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|number| catalog.join(format!("index-{number}"))).collect()
    }

    fn folder_after(&self, last: Option<&PathBuf>) -> PathBuf {
        let number = last.and_then(|path| path.file_name()?.to_str()?.strip_prefix("index-")?.parse::<u64>().ok());
        self.data_dir.join("catalog").join(format!("index-{}", number.map_or(1, |number| number.saturating_add(1))))
    }
}

/// All that can be read of a database.
fn entries_of(disk: &DiskIndex) -> MemoryIndex {
    let mut memory = MemoryIndex::default();
    let mut from = Bound::Unbounded;
    loop {
        let entries = match disk.page((from, Bound::Unbounded), PAGE) {
            Ok(entries) => entries,
            Err(error) => {
                log::error!("{}: not all events and documents can be read: {error}", disk.folder().display());
                return memory;
            }
        };
        let Some((last, _)) = entries.last() else { return memory };
        from = Bound::Excluded(last.clone());
        let changes = entries.into_iter().filter(|(key, _)| matches!(key.first(), Some(&EVENT | &DOCUMENT)));
        memory.apply(changes.map(|(key, value)| Change { key, value: Some(value) }).collect(), (0, 0));
    }
}

fn keep_damaged(data_dir: &Path, path: &Path, name: &str) -> String {
    match files::copy_aside(data_dir, path, name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "there was nothing to set aside".to_owned(),
        kept => files::outcome("it was copied to", kept),
    }
}

/// Removes a folder that holds nothing which is not elsewhere.
fn remove_folder(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        log::warn!("{} cannot be removed: {error}", folder.display());
    }
}

/// Changes as a record has them.
pub(super) fn encode(changes: &[Change]) -> Vec<u8> {
    let mut out = Vec::new();
    for Change { key, value } in changes {
        push_varint(&mut out, key.len() as u64);
        out.extend_from_slice(key);
        push_varint(&mut out, value.as_ref().map_or(0, |value| value.len() as u64 + 1));
        out.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    out
}

/// Reads the changes of a record.
///
/// # Errors
/// [`CodecError`] where it is none.
pub(super) fn decode(mut payload: &[u8]) -> Result<Vec<Change>, CodecError> {
    let mut changes = Vec::new();
    let take = |rest: &mut &[u8], len: u64| -> Result<Vec<u8>, CodecError> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let (bytes, tail) = rest.split_at_checked(len).ok_or(CodecError::Damaged("a change is cut short"))?;
        *rest = tail;
        Ok(bytes.to_vec())
    };
    while !payload.is_empty() {
        let len = take_varint(&mut payload)?;
        let key = take(&mut payload, len)?;
        if !matches!(key.first(), Some(&EVENT | &DOCUMENT)) {
            return Err(CodecError::Damaged("a change of neither an event nor a document"));
        }
        let len = take_varint(&mut payload)?;
        let value = if len == 0 { None } else { Some(take(&mut payload, len - 1)?) };
        changes.push(Change { key, value });
    }
    Ok(changes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the events of a time begin.
fn event_key(at: TimestampMs) -> Vec<u8> {
    let mut key = vec![EVENT];
    key.extend_from_slice(&((at as u64) ^ (1 << 63)).to_be_bytes());
    key
}

fn document_key(kind: &str, key: &str) -> Vec<u8> {
    let mut bytes = vec![DOCUMENT];
    bytes.extend_from_slice(kind.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

#[cfg(test)]
mod tests;
