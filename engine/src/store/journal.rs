//! The journal (write-ahead log): accepted samples, in order, until they are in chunks, and the definitions of new series. Its
//! files are append-only.
//!
//! ```text
//! DATA_DIR/journal/00000000000000000042.log     records from number 42 on, each a frame
//! DATA_DIR/journal/synced                       the mark: newest file, its durable length, its last durable record
//! header   identity of the data directory
//! series   a block of definitions, before the first rows that use them
//! rows     count · runs of series differences · runs of time differences · values f64…
//! ```
//!
//! A record is durable after [`Journal::sync`]. A failed write is undone, so a full disk is only a pause. An unfinished write after
//! the mark, left by a crash, is cut off. Any other bad record is damage, and so are records that are missing according to the mark
//! or the record numbers: damage is reported, the bytes are quarantined, and replay continues with the next whole record. A seal
//! starts a new file; once it is done, the files before that are removed.

mod replay;
mod rows;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use self::replay::Replay;
pub(super) use self::rows::{Encoded, Rows};
use super::data_dir::is_at;
use super::error::StoreError;
use super::files;
use super::frame::{self, Header};
use super::identity::Identity;
use super::mark::{Mark, Numbers};
use super::problems::Problems;

/// Kinds of frames.
const HEADER: u8 = 0;
const ROWS: u8 = 1;
const SERIES: u8 = 2;
const LINES: u8 = 3;
/// File name of the mark.
const SYNCED: &str = "synced";
/// A longer file is closed and the next record starts a new one.
const MAX_FILE_BYTES: u64 = 32 << 20;

struct Open {
    file: Arc<File>,
    path: PathBuf,
    first: u64,
    records: u64,
    bytes: u64,
    since: Instant,
}

/// A file that gets no more records.
struct Closed {
    path: PathBuf,
    /// Number of its last record.
    last: u64,
    records: u64,
    bytes: u64,
    since: Instant,
}

struct State {
    open: Option<Open>,
    closed: Vec<Closed>,
    /// Files with records that are not durable yet, without the open one.
    unsynced: Vec<Arc<File>>,
    next: u64,
    /// Numbers for the mark once all that was written is durable.
    written: Numbers,
    /// Series with lower ids are in the series log.
    kept: u32,
    /// Series with lower ids are in the series log, or defined by records whose sync has not failed.
    defined: u32,
}

/// Which journal of a data directory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its folder in the directory.
    pub(crate) folder: &'static str,
    /// What it holds, in words.
    pub(crate) holds: &'static str,
}

/// The journal of samples.
pub(super) const SAMPLES: Place = Place { folder: "journal", holds: "samples" };

impl Place {
    fn dir(self, data_dir: &Path) -> PathBuf {
        data_dir.join(self.folder)
    }

    /// What begins the names of what is kept aside of it.
    fn prefix(self) -> String {
        self.folder.replace('/', "-")
    }

    fn missing(self, data_dir: &Path, from: u64, to: u64) -> String {
        let dir = self.dir(data_dir);
        format!("{}: records {from} to {to} are missing and the accepted {} in them are lost", dir.display(), self.holds)
    }
}

/// See the module. Appends are serialized; a sync may run at the same time.
pub(crate) struct Journal {
    place: Place,
    dir: PathBuf,
    identity: Identity,
    mark: Mark,
    state: Mutex<State>,
    syncing: Mutex<()>,
}

/// Content of a record.
pub(crate) enum Record<'a> {
    Rows(Rows),
    /// A block of series definitions.
    Series(&'a [u8]),
    /// Lines of logs.
    Lines(&'a [u8]),
}

/// Size of the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct JournalSize {
    /// Records that are not in chunks yet.
    pub records: u64,
    /// Length of these records in bytes.
    pub bytes: u64,
    /// Seconds since the oldest of them was written by this process.
    pub age_seconds: f64,
}

impl Journal {
    /// Opens the journal of a data directory and passes its records to `record`, in order. Records up to `sealed_through` are in
    /// chunks and may be missing. Damage is reported to `problems`.
    pub(crate) fn open(
        place: Place,
        data_dir: &Path,
        identity: Identity,
        sealed_through: u64,
        problems: &Problems,
        record: impl FnMut(u64, Record<'_>) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let dir = place.dir(data_dir);
        let fail = |source| StoreError::DataDir { path: dir.clone(), source };
        files::create_private_dir(&dir).map_err(fail)?;
        let names = list(&dir).map_err(fail)?;
        let (mark, marked) = Mark::open(&dir.join(SYNCED));
        let mut replay = Replay {
            place,
            data_dir,
            identity,
            problems,
            marked: marked.numbers(),
            next: 1,
            sealed_through,
            explained: false,
            closed: Vec::new(),
            record,
        };
        let newest = names.len().saturating_sub(1);
        for (at, (first, path)) in names.into_iter().enumerate() {
            let bytes = fs::read(&path).map_err(|error| StoreError::io(&path, error))?;
            replay.file(first, path, &bytes, at == newest)?;
        }
        let Replay { mut next, closed, explained, .. } = replay;
        if let Some([.., last]) = marked.numbers() {
            let from = next.max(sealed_through + 1);
            if from <= last && !explained {
                problems.note(place.missing(data_dir, from, last));
            }
            // Record numbers are never reused.
            next = next.max(last + 1);
        }
        if marked.damaged || (marked.numbers().is_none() && !closed.is_empty()) {
            problems.note(format!("{} is damaged or missing; no {} are lost", dir.join(SYNCED).display(), place.holds));
        }
        let written = marked.numbers().unwrap_or([0, 0, next - 1]);
        if marked.numbers().is_none() {
            // From now on a missing mark is damage.
            mark.set(written);
            mark.sync();
        }
        let state = State { open: None, closed, unsynced: Vec::new(), next, written, kept: 0, defined: 0 };
        Ok(Self { place, dir, identity, mark, state: Mutex::new(state), syncing: Mutex::new(()) })
    }

    /// Ensures that the number of the next record is higher than `number`.
    pub(crate) fn begin_after(&self, number: u64) {
        let mut state = self.state.lock();
        state.next = state.next.max(number + 1);
    }

    /// Series below `next` are durable in the series log: the journal need not define them.
    pub(super) fn series_kept(&self, next: u32) {
        let mut state = self.state.lock();
        state.kept = state.kept.max(next);
        state.defined = state.defined.max(next);
    }

    /// Starts a new file after existing ones were removed from outside. Returns the number of the last record and the remaining
    /// files, which the caller removes once everything that counts is written again. The series they define must be in the series
    /// log.
    pub(crate) fn restart_after_loss(&self) -> std::io::Result<(u64, Vec<PathBuf>)> {
        let _no_sync = self.syncing.lock();
        let mut state = self.state.lock();
        files::create_private_dir(&self.dir)?;
        let left = list(&self.dir)?.into_iter().map(|(_, path)| path).collect();
        state.open = None;
        state.closed.clear();
        state.unsynced.clear();
        let last = state.next - 1;
        state.written = [0, 0, last];
        self.mark.reopen();
        self.mark.set(state.written);
        Ok((last, left))
    }

    /// Appends a record of rows, and before it definitions of series that are not defined yet: `definitions` gets the first missing
    /// id and returns blocks of definitions and the next id. Returns the number of the record. After a failed write the journal is
    /// unchanged.
    pub(super) fn append(
        &self,
        rows: &Encoded,
        definitions: impl FnOnce(u32) -> std::io::Result<(Vec<Vec<u8>>, u32)>,
    ) -> std::io::Result<u64> {
        let mut state = self.state.lock();
        let (runs, defined) = definitions(state.defined)?;
        let number = self.write(&mut state, &runs, (ROWS, rows.crc), &rows.bytes)?;
        state.defined = defined;
        Ok(number)
    }

    /// Appends a record of lines. Returns its number. After a failed write the journal is unchanged.
    pub(crate) fn append_lines(&self, lines: &[u8]) -> std::io::Result<u64> {
        self.write(&mut self.state.lock(), &[], (LINES, crc32fast::hash(lines)), lines)
    }

    /// Writes a record with those that must come before it.
    fn write(&self, state: &mut State, before: &[Vec<u8>], (kind, crc): (u8, u32), payload: &[u8]) -> std::io::Result<u64> {
        if state.open.as_ref().is_some_and(|open| open.bytes >= MAX_FILE_BYTES) {
            close(state);
        }
        let mut number = state.next;
        let mut ahead = Vec::new();
        if state.open.is_none() {
            let path = self.dir.join(format!("{number:020}.log"));
            // A file of this name can only be an empty one that could not be removed: the number was never written.
            let folder = File::open(&self.dir)?;
            let file = Arc::new(OpenOptions::new().append(true).create(true).open(&path)?);
            file.set_len(0)?;
            folder.sync_all()?;
            frame::push(&mut ahead, HEADER, number, &self.identity.0);
            state.open = Some(Open { file, path, first: number, records: 0, bytes: 0, since: Instant::now() });
        }
        let Some(open) = &mut state.open else { return Err(std::io::ErrorKind::NotFound.into()) };
        if open.records == 0 && ahead.is_empty() {
            frame::push(&mut ahead, HEADER, number, &self.identity.0);
        }
        for run in before {
            frame::push(&mut ahead, SERIES, number, run);
            number += 1;
        }
        let len = u32::try_from(payload.len()).map_err(|_| std::io::ErrorKind::InvalidInput)?;
        ahead.extend_from_slice(&Header { kind, number, len, crc }.to_bytes());
        let written = open.file.as_ref().write_all(&ahead).and_then(|()| {
            fail::fail_point!("store::journal::write", |_| Err(std::io::ErrorKind::StorageFull.into()));
            open.file.as_ref().write_all(payload)
        });
        if let Err(error) = written {
            if open.file.set_len(open.bytes).is_err() {
                // It cannot be truncated: further records go to another file, and replay skips the torn one.
                close(state);
            }
            return Err(error);
        }
        open.bytes += (ahead.len() + payload.len()) as u64;
        open.records += 1 + before.len() as u64;
        let written = [open.first, open.bytes, number];
        (state.written, state.next) = (written, number + 1);
        Ok(number)
    }

    /// Makes every record written before this call durable.
    pub(crate) fn sync(&self) -> std::io::Result<()> {
        let _one_at_a_time = self.syncing.lock();
        let (unsynced, open, written) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.unsynced), state.open.as_ref().map(|open| Arc::clone(&open.file)), state.written)
        };
        let sync = |file: &Arc<File>| {
            fail::fail_point!("store::journal::sync", |_| Err(std::io::Error::other("failpoint")));
            file.sync_data()
        };
        match unsynced.iter().chain(&open).try_for_each(sync) {
            Ok(()) => {
                if !unsynced.is_empty() || open.is_some() {
                    self.mark.set(written);
                }
                Ok(())
            }
            Err(error) => {
                // The kernel may have dropped what it could not write, and a later sync of the same file would not report it. New
                // rows must not rely on a definition in it.
                let mut state = self.state.lock();
                close(&mut state);
                state.unsynced.extend(unsynced);
                state.defined = state.kept;
                Err(error)
            }
        }
    }

    /// Syncs the mark as well.
    pub(crate) fn sync_mark(&self) {
        self.mark.sync();
    }

    /// Starts a new file and returns the number of the last record.
    pub(crate) fn rotate(&self) -> u64 {
        let mut state = self.state.lock();
        close(&mut state);
        state.next - 1
    }

    /// Removes files whose records are all at or below `through`.
    pub(crate) fn trim(&self, through: u64) -> std::io::Result<()> {
        let mut state = self.state.lock();
        let mut failed = Ok(());
        state.closed.retain(|closed| {
            let keep = closed.last > through;
            match if keep { Ok(()) } else { fs::remove_file(&closed.path) } {
                Ok(()) => keep,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
                Err(error) => {
                    failed = Err(error);
                    true
                }
            }
        });
        failed
    }

    pub(crate) fn size(&self) -> JournalSize {
        let state = self.state.lock();
        let mut size = JournalSize::default();
        let closed = state.closed.iter().map(|c| (c.records, c.bytes, c.since));
        for (records, bytes, since) in closed.chain(state.open.as_ref().map(|o| (o.records, o.bytes, o.since))) {
            size.records += records;
            size.bytes += bytes;
            size.age_seconds = size.age_seconds.max(since.elapsed().as_secs_f64());
        }
        size
    }

    /// A file with records that was moved or removed.
    pub(crate) fn missing_file(&self) -> Option<PathBuf> {
        let state = self.state.lock();
        let open = state.open.as_ref().filter(|open| !is_at(&open.file, &open.path)).map(|open| open.path.clone());
        let open = open.or_else(|| self.mark.is_gone().then(|| self.dir.join(SYNCED)));
        open.or_else(|| state.closed.iter().map(|closed| &closed.path).find(|path| !path.exists()).cloned())
    }

    /// All files, the newest last.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let state = self.state.lock();
        state.closed.iter().map(|c| c.path.clone()).chain(state.open.as_ref().map(|o| o.path.clone())).collect()
    }

    /// Copies what was synced into another data directory.
    pub(crate) fn copy_to(&self, data_dir: &Path) -> std::io::Result<()> {
        self.sync()?;
        let written = self.state.lock().written;
        let dir = self.place.dir(data_dir);
        files::create_private_dir(&dir)?;
        for file in self.files() {
            let to = dir.join(file.file_name().unwrap_or_default());
            fs::copy(&file, &to)?;
            File::open(&to)?.sync_all()?;
        }
        let mark = Mark::open(&dir.join(SYNCED)).0;
        mark.set(written);
        mark.sync();
        super::partition::sync_dir(&dir)
    }
}

fn close(state: &mut State) {
    if let Some(open) = state.open.take() {
        if open.records > 0 {
            let last = state.next - 1;
            state.closed.push(Closed { path: open.path, last, records: open.records, bytes: open.bytes, since: open.since });
            state.unsynced.push(open.file);
        } else if let Err(error) = fs::remove_file(&open.path) {
            log::warn!("journal: cannot remove {}: {error}", open.path.display());
        }
    }
}

/// The files of a journal with the number in their name, oldest first.
fn list(dir: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let mut names: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let first = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".log")).and_then(|n| n.parse().ok());
        names.extend(first.map(|first| (first, path)));
    }
    names.sort();
    Ok(names)
}

/// Reads the identity from the files of a journal, for a directory whose `identity` file is lost.
pub(super) fn identity_of(data_dir: &Path) -> Option<Identity> {
    let names = list(&data_dir.join("journal")).ok()?;
    names.iter().find_map(|(_, path)| {
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(256).read_to_end(&mut bytes).ok()?;
        let header = Header::read(&bytes)?;
        let payload = bytes.get(frame::HEADER..header.frame_len())?;
        let sound = header.kind == HEADER && header.check(payload).is_ok();
        payload.first_chunk().filter(|_| sound).map(|bytes| Identity(*bytes))
    })
}

#[cfg(test)]
mod tests;
