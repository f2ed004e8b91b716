//! The journal: accepted samples, in order, until they are in chunks, and the definitions of new series. Files that only
//! ever grow at their end.
//!
//! ```text
//! DATA_DIR/journal/00000000000000000042.log     records from number 42 on, each a frame
//! DATA_DIR/journal/synced                       the mark: newest file, its durable length, its last durable record
//! header   identity of the directory
//! series   a run of definitions, before the first rows that name them
//! rows     count · runs of series differences · runs of time differences · values f64…
//! ```
//!
//! A record is durable after [`Journal::sync`]. A write that fails is taken back, so that a full disk is only a pause. What
//! a crash left unfinished behind the mark is cut off. Anything else that does not check, and records that the mark or their
//! numbers prove to be missing, is damage: it is told, the bytes are set aside, and reading goes on with the next whole
//! record. When a seal begins, the next file begins, and when it has ended, the files before go.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde::Serialize;

use super::data_dir::is_at;
use super::error::StoreError;
use super::files;
use super::frame::{self, Found, Header};
use super::identity::Identity;
use super::mark::{Mark, Numbers};
use super::problems::Problems;
use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::model::{SeriesId, TimestampMs};

/// Kinds of frames.
const HEADER: u8 = 0;
const ROWS: u8 = 1;
const SERIES: u8 = 2;
/// The name of the mark.
const SYNCED: &str = "synced";
/// A file ends when it is longer.
const MAX_FILE_BYTES: u64 = 32 << 20;
/// Rows of one record at the most; a damaged count cannot ask for more memory.
const MAX_RECORD_ROWS: u64 = 1 << 24;

/// Rows of samples in columns of equal length.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) ids: Vec<SeriesId>,
    pub(super) times: Vec<TimestampMs>,
    pub(super) values: Vec<f64>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn push(&mut self, id: SeriesId, t: TimestampMs, v: f64) {
        self.ids.push(id);
        self.times.push(t);
        self.values.push(v);
    }

    /// Takes rows out; the places rise.
    pub(super) fn remove(&mut self, places: &[usize]) {
        if places.is_empty() {
            return;
        }
        let mut gone = places.iter().peekable();
        let mut to = 0;
        for from in 0..self.len() {
            if gone.next_if_eq(&&from).is_some() {
                continue;
            }
            self.ids[to] = self.ids[from];
            self.times[to] = self.times[from];
            self.values[to] = self.values[from];
            to += 1;
        }
        self.ids.truncate(to);
        self.times.truncate(to);
        self.values.truncate(to);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SeriesId, TimestampMs, f64)> + '_ {
        self.ids.iter().zip(self.times.iter().zip(&self.values)).map(|(&id, (&t, &v))| (id, t, v))
    }

    /// The rows of a record; made before the turn is taken, so that appends do not wait for it.
    pub(super) fn encode(&self) -> Encoded {
        let mut bytes = Vec::with_capacity(64 + self.len() * 9);
        push_varint(&mut bytes, self.len() as u64);
        push_runs(&mut bytes, self.ids.iter().map(|id| i64::from(id.0)));
        push_runs(&mut bytes, self.times.iter().copied());
        for value in &self.values {
            bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        Encoded { crc: crc32fast::hash(&bytes), bytes }
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self, CodecError> {
        let count = take_varint(&mut bytes)?;
        if count > MAX_RECORD_ROWS {
            return Err(CodecError::Damaged("impossible count"));
        }
        let count = count as usize;
        let series = |id: i64| u32::try_from(id).map(SeriesId).map_err(|_| CodecError::Damaged("impossible series"));
        let ids = take_runs(&mut bytes, count)?.into_iter().map(series).collect::<Result<_, _>>()?;
        let times = take_runs(&mut bytes, count)?;
        if bytes.len() != count * 8 {
            return Err(CodecError::Damaged("values are missing"));
        }
        let values = bytes.chunks_exact(8).map(|b| f64::from_bits(u64::from_le_bytes(std::array::from_fn(|i| b[i])))).collect();
        Ok(Self { ids, times, values })
    }
}

/// Differences, each with how often it comes in a row.
fn push_runs(out: &mut Vec<u8>, numbers: impl Iterator<Item = i64>) {
    let (mut before, mut difference, mut run) = (0i64, 0i64, 0u64);
    for number in numbers {
        let next = number.wrapping_sub(before);
        before = number;
        if run > 0 && next == difference {
            run += 1;
            continue;
        }
        if run > 0 {
            push_signed(out, difference);
            push_varint(out, run);
        }
        (difference, run) = (next, 1);
    }
    if run > 0 {
        push_signed(out, difference);
        push_varint(out, run);
    }
}

fn take_runs(bytes: &mut &[u8], count: usize) -> Result<Vec<i64>, CodecError> {
    let mut numbers = Vec::with_capacity(count.min(bytes.len().saturating_mul(64)));
    let mut before = 0i64;
    while numbers.len() < count {
        let (difference, run) = (take_signed(bytes)?, take_varint(bytes)?);
        if run == 0 || run > (count - numbers.len()) as u64 {
            return Err(CodecError::Damaged("impossible run"));
        }
        for _ in 0..run {
            before = before.wrapping_add(difference);
            numbers.push(before);
        }
    }
    Ok(numbers)
}

/// Rows as they stand in a record.
#[derive(Debug)]
pub(super) struct Encoded {
    bytes: Vec<u8>,
    crc: u32,
}

#[cfg(test)]
impl Encoded {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

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
    /// Files with records that are not durable yet, the open one aside.
    unsynced: Vec<Arc<File>>,
    next: u64,
    /// What the mark says once all that was written is durable.
    written: Numbers,
    /// Series below are defined in the log of series.
    kept: u32,
    /// Series below are defined there or in records whose sync has not failed.
    defined: u32,
}

/// See the module. Appends come one at a time; a sync may run beside them.
pub(super) struct Journal {
    dir: PathBuf,
    identity: Identity,
    mark: Mark,
    state: Mutex<State>,
    syncing: Mutex<()>,
}

/// What a record holds.
pub(super) enum Record<'a> {
    Rows(Rows),
    /// A run of definitions of series.
    Series(&'a [u8]),
}

/// What the journal holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct JournalSize {
    /// Records that are not in chunks yet.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long the oldest of them waits, in this process, seconds.
    pub age_seconds: f64,
}

impl Journal {
    /// Opens the journal of a data directory and passes its records on, in order. The records up to `sealed_through` are
    /// in chunks and may be gone. Notes what is damaged or missing.
    pub(super) fn open(
        data_dir: &Path,
        identity: Identity,
        sealed_through: u64,
        problems: &Problems,
        record: impl FnMut(u64, Record<'_>) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let dir = data_dir.join("journal");
        let fail = |source| StoreError::DataDir { path: dir.clone(), source };
        files::create_private_dir(&dir).map_err(fail)?;
        let names = list(&dir).map_err(fail)?;
        let (mark, marked) = Mark::open(&dir.join(SYNCED));
        let mut replay = Replay {
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
                problems.note(missing(&dir, from, last));
            }
            // Numbers are not given twice.
            next = next.max(last + 1);
        }
        if marked.damaged || (marked.numbers().is_none() && !closed.is_empty()) {
            problems.note(format!("{} is damaged or missing; nothing is lost by that", dir.join(SYNCED).display()));
        }
        let written = marked.numbers().unwrap_or([0, 0, next - 1]);
        if marked.numbers().is_none() {
            // From now on a missing mark is damage.
            mark.set(written);
            mark.sync();
        }
        let state = State { open: None, closed, unsynced: Vec::new(), next, written, kept: 0, defined: 0 };
        Ok(Self { dir, identity, mark, state: Mutex::new(state), syncing: Mutex::new(()) })
    }

    /// The next record has at least this number.
    pub(super) fn begin_after(&self, number: u64) {
        let mut state = self.state.lock();
        state.next = state.next.max(number + 1);
    }

    /// Series below `next` are in the log of series, durably: the journal need not define them.
    pub(super) fn series_kept(&self, next: u32) {
        let mut state = self.state.lock();
        state.kept = state.kept.max(next);
        state.defined = state.defined.max(next);
    }

    /// Goes on in a new file, after some of those that there were have gone. Gives the number of the last record so far and the
    /// files that are left, for the caller to remove once all that counts is written again. The series that they define must be
    /// in the log of series.
    pub(super) fn begin_anew(&self) -> std::io::Result<(u64, Vec<PathBuf>)> {
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

    /// Writes a record of rows, and before it the definitions of series that were not defined yet: `definitions` is given
    /// the first id and gives runs of them and the next id. Gives the record's number. A write that fails leaves the journal
    /// as it was.
    pub(super) fn append(
        &self,
        rows: &Encoded,
        definitions: impl FnOnce(u32) -> std::io::Result<(Vec<Vec<u8>>, u32)>,
    ) -> std::io::Result<u64> {
        let mut state = self.state.lock();
        if state.open.as_ref().is_some_and(|open| open.bytes >= MAX_FILE_BYTES) {
            close(&mut state);
        }
        let (runs, defined) = definitions(state.defined)?;
        let mut number = state.next;
        let mut ahead = Vec::new();
        if state.open.is_none() {
            let path = self.dir.join(format!("{number:020}.log"));
            // One of this name can only be an empty one that could not be removed: the number was never written.
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
        for run in &runs {
            frame::push(&mut ahead, SERIES, number, run);
            number += 1;
        }
        let len = u32::try_from(rows.bytes.len()).map_err(|_| std::io::ErrorKind::InvalidInput)?;
        ahead.extend_from_slice(&Header { kind: ROWS, number, len, crc: rows.crc }.to_bytes());
        let written = open.file.as_ref().write_all(&ahead).and_then(|()| open.file.as_ref().write_all(&rows.bytes));
        if let Err(error) = written {
            if open.file.set_len(open.bytes).is_err() {
                // It cannot be cut either: what follows goes to another file, and replay stops at the torn record.
                close(&mut state);
            }
            return Err(error);
        }
        open.bytes += (ahead.len() + rows.bytes.len()) as u64;
        open.records += 1 + runs.len() as u64;
        let written = [open.first, open.bytes, number];
        (state.written, state.next, state.defined) = (written, number + 1, defined);
        Ok(number)
    }

    /// Makes every record written before this call durable.
    pub(super) fn sync(&self) -> std::io::Result<()> {
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
                // The system may have dropped what it could not write; a later sync of the same file would not tell. Rows
                // that come now must not rely on a definition in it.
                let mut state = self.state.lock();
                close(&mut state);
                state.unsynced.extend(unsynced);
                state.defined = state.kept;
                Err(error)
            }
        }
    }

    /// Makes the mark durable too.
    pub(super) fn sync_mark(&self) {
        self.mark.sync();
    }

    /// Begins a new file; gives the number of the last record so far.
    pub(super) fn rotate(&self) -> u64 {
        let mut state = self.state.lock();
        close(&mut state);
        state.next - 1
    }

    /// Removes the files whose records are all at or before `through`.
    pub(super) fn trim(&self, through: u64) -> std::io::Result<()> {
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

    pub(super) fn size(&self) -> JournalSize {
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

    /// A file with records that is no longer where it was.
    pub(super) fn missing_file(&self) -> Option<PathBuf> {
        let state = self.state.lock();
        let open = state.open.as_ref().filter(|open| !is_at(&open.file, &open.path)).map(|open| open.path.clone());
        let open = open.or_else(|| self.mark.is_gone().then(|| self.dir.join(SYNCED)));
        open.or_else(|| state.closed.iter().map(|closed| &closed.path).find(|path| !path.exists()).cloned())
    }

    /// The files, the newest last; for a copy.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let state = self.state.lock();
        state.closed.iter().map(|c| c.path.clone()).chain(state.open.as_ref().map(|o| o.path.clone())).collect()
    }

    /// Copies what was synced into another data directory.
    pub(super) fn copy_to(&self, data_dir: &Path) -> std::io::Result<()> {
        self.sync()?;
        let written = self.state.lock().written;
        let dir = data_dir.join("journal");
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
            log::warn!("journal: {} cannot be removed: {error}", open.path.display());
        }
    }
}

/// The files of a journal with the numbers in their names, the oldest first.
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

/// The identity that a journal's files state, for a directory whose own file of it is gone.
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

fn missing(dir: &Path, from: u64, to: u64) -> String {
    format!("{}: records {from} to {to} are missing, samples that were accepted are lost with them", dir.display())
}

/// Reads the files of a journal.
struct Replay<'a, F> {
    data_dir: &'a Path,
    identity: Identity,
    problems: &'a Problems,
    marked: Option<Numbers>,
    /// The lowest number that the next record may have.
    next: u64,
    sealed_through: u64,
    /// Damage since the last sound record was told; missing numbers are no news then.
    explained: bool,
    closed: Vec<Closed>,
    record: F,
}

impl<F: FnMut(u64, Record<'_>) -> Result<(), StoreError>> Replay<'_, F> {
    fn file(&mut self, first: u64, path: PathBuf, bytes: &[u8], newest: bool) -> Result<(), StoreError> {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let durable = self.marked.map(|[file, len, _]| match file.cmp(&first) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => len,
            std::cmp::Ordering::Greater => u64::MAX,
        });
        let (mut good, mut records, mut torn) = (0, 0, false);
        for found in frame::scan(bytes) {
            match found {
                Found::Frame { header, payload, .. } if header.kind == HEADER => {
                    if payload != self.identity.0 {
                        let kept = files::set_aside(self.data_dir, &path, &format!("journal-{name}"));
                        let kept = files::outcome("it was moved to", kept);
                        self.problems.note(format!("{} belongs to another data directory; {kept}", path.display()));
                        return Ok(());
                    }
                    good = good.max(header.frame_len());
                }
                Found::Frame { at, header, payload } => match self.record(header, payload)? {
                    Ok(()) => {
                        records += 1;
                        good = at + header.frame_len();
                    }
                    Err(why) => self.damage(&name, at, &bytes[at..at + header.frame_len()], &why),
                },
                Found::Damage { from, to, .. } if newest && to == bytes.len() && durable.is_none_or(|durable| from as u64 >= durable) => {
                    torn = true;
                }
                Found::Damage { from, to, why } => self.damage(&name, from, &bytes[from..to], &why),
            }
        }
        if records == 0 && !self.explained {
            if let Err(error) = fs::remove_file(&path) {
                log::warn!("{} cannot be removed: {error}", path.display());
            }
            return Ok(());
        }
        if torn && let Err(error) = OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(good as u64)) {
            log::warn!("{} cannot be cut to {good} bytes: {error}", path.display());
        }
        self.closed.push(Closed { path, last: self.next.max(first) - 1, records, bytes: good as u64, since: Instant::now() });
        Ok(())
    }

    /// Passes a record on; what is wrong with it, if anything.
    fn record(&mut self, header: Header, payload: &[u8]) -> Result<Result<(), CodecError>, StoreError> {
        if header.number < self.next {
            return Ok(Err(CodecError::Damaged("a record's number is out of order")));
        }
        let record = match header.kind {
            ROWS => match Rows::decode(payload) {
                Ok(rows) => Record::Rows(rows),
                Err(error) => return Ok(Err(error)),
            },
            SERIES => Record::Series(payload),
            _ => return Ok(Err(CodecError::Damaged("an unknown kind of record"))),
        };
        let expected = self.next.max(self.sealed_through + 1);
        if header.number > expected && !self.explained {
            self.problems.note(missing(&self.data_dir.join("journal"), expected, header.number - 1));
        }
        (self.next, self.explained) = (header.number + 1, false);
        (self.record)(header.number, record).map(Ok)
    }

    fn damage(&mut self, name: &str, from: usize, bytes: &[u8], why: &CodecError) {
        self.explained = true;
        let kept = files::keep_aside(self.data_dir, &format!("journal-{name}-{from}"), bytes);
        let kept = files::outcome("they were copied to", kept);
        self.problems.note(format!("the journal is damaged ({name}, {} bytes from byte {from} on: {why}); {kept}", bytes.len()));
    }
}

#[cfg(test)]
mod tests;
