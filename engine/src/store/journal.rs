//! The journal: accepted samples, in order, until they are in chunks. Files that only ever grow at their end.
//!
//! ```text
//! DATA_DIR/journal/00000000000000000042.log     records from number 42 on
//! record   length u32 · crc32 of the rows u32 · number u64 · crc32 of these 16 bytes u32 · rows
//! rows     count · runs of series differences · runs of time differences · values f64…
//! ```
//!
//! A record is durable after [`Journal::sync`]. A write that fails is taken back, so that a full disk is only a pause. What
//! a crash left unfinished at the end is cut off; damage before the end is set aside for a
//! person to look at, and reading goes on with the next whole record. When a
//! seal begins, the next file begins, and when it has ended, the files before go.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde::Serialize;

use super::error::StoreError;
use super::place::is_at;
use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::model::{SeriesId, TimestampMs};

const HEADER: usize = 20;
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
}

/// See the module. Appends come one at a time; a sync may run beside them.
pub(super) struct Journal {
    dir: PathBuf,
    state: Mutex<State>,
    syncing: Mutex<()>,
}

/// What the journal holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct JournalExtent {
    /// Records that are not in chunks yet.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long the oldest of them waits, in this process, seconds.
    pub age_seconds: f64,
}

impl Journal {
    /// Opens the journal of a data directory and passes its records on, in order. Gives what was found damaged, in words.
    pub(super) fn open(
        data_dir: &Path,
        mut record: impl FnMut(u64, Rows) -> Result<(), StoreError>,
    ) -> Result<(Self, Vec<String>), StoreError> {
        let dir = data_dir.join("journal");
        let fail = |source| StoreError::DataDir { path: dir.clone(), source };
        fs::create_dir_all(&dir).map_err(fail)?;
        let mut names: Vec<(u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&dir).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let first = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".log")).and_then(|n| n.parse().ok());
            names.extend(first.map(|first| (first, path)));
        }
        names.sort();
        let mut problems = Vec::new();
        let mut state = State { open: None, closed: Vec::new(), unsynced: Vec::new(), next: 1 };
        let newest = names.len().saturating_sub(1);
        for (at, (first, path)) in names.into_iter().enumerate() {
            let mut bytes = Vec::new();
            File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(fail)?;
            state.next = state.next.max(first);
            let mut rest = bytes.as_slice();
            let (mut good, mut records) = (0, 0);
            loop {
                match next_record(&mut rest, state.next) {
                    Ok(Some((number, rows))) => {
                        record(number, rows)?;
                        state.next = number + 1;
                        records += 1;
                        good = bytes.len() - rest.len();
                    }
                    Ok(None) => break,
                    Err(error) => {
                        let from = bytes.len() - rest.len();
                        let whole = next_whole(rest);
                        let damaged = &rest[..whole.unwrap_or(rest.len())];
                        // What a crash cut off at the very end was never acknowledged; anything else is worth a look.
                        if at < newest || whole.is_some() {
                            problems.push(set_aside(data_dir, &path, from, damaged, &error).map_err(fail)?);
                        }
                        rest = &rest[damaged.len()..];
                    }
                }
            }
            if records == 0 {
                fs::remove_file(&path).map_err(fail)?;
                continue;
            }
            if good < bytes.len() {
                OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(good as u64)).map_err(fail)?;
            }
            state.closed.push(Closed { path, last: state.next - 1, records, bytes: good as u64, since: Instant::now() });
        }
        Ok((Self { dir, state: Mutex::new(state), syncing: Mutex::new(()) }, problems))
    }

    /// The next record has at least this number.
    pub(super) fn begin_after(&self, number: u64) {
        let mut state = self.state.lock();
        state.next = state.next.max(number + 1);
    }

    /// Writes a record; gives its number. A write that fails leaves the journal as it was.
    pub(super) fn append(&self, rows: &Encoded) -> std::io::Result<u64> {
        let mut state = self.state.lock();
        if state.open.as_ref().is_some_and(|open| open.bytes >= MAX_FILE_BYTES) {
            close(&mut state);
        }
        let number = state.next;
        if state.open.is_none() {
            let path = self.dir.join(format!("{number:020}.log"));
            // One of this name can only be an empty one that could not be removed: the number was never written.
            let folder = File::open(&self.dir)?;
            let file = Arc::new(OpenOptions::new().append(true).create(true).open(&path)?);
            file.set_len(0)?;
            folder.sync_all()?;
            state.open = Some(Open { file, path, records: 0, bytes: 0, since: Instant::now() });
        }
        let Some(open) = &mut state.open else { return Err(std::io::ErrorKind::NotFound.into()) };
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(&(rows.bytes.len() as u32).to_le_bytes());
        header.extend_from_slice(&rows.crc.to_le_bytes());
        header.extend_from_slice(&number.to_le_bytes());
        header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
        let written = open.file.as_ref().write_all(&header).and_then(|()| open.file.as_ref().write_all(&rows.bytes));
        if let Err(error) = written {
            if open.file.set_len(open.bytes).is_err() {
                // It cannot be cut either: what follows goes to another file, and replay stops at the torn record.
                close(&mut state);
            }
            return Err(error);
        }
        open.bytes += (HEADER + rows.bytes.len()) as u64;
        open.records += 1;
        state.next += 1;
        Ok(number)
    }

    /// Makes every record written before this call durable.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        let _one_at_a_time = self.syncing.lock();
        let (unsynced, open) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.unsynced), state.open.as_ref().map(|open| Arc::clone(&open.file)))
        };
        let result = unsynced.iter().chain(&open).try_for_each(|file| file.sync_data());
        if result.is_err() {
            // The system may have dropped what it could not write; a later sync of the same file would not tell.
            let mut state = self.state.lock();
            close(&mut state);
            state.unsynced.extend(unsynced);
        }
        result
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

    pub(super) fn extent(&self) -> JournalExtent {
        let state = self.state.lock();
        let mut extent = JournalExtent::default();
        let closed = state.closed.iter().map(|c| (c.records, c.bytes, c.since));
        for (records, bytes, since) in closed.chain(state.open.as_ref().map(|o| (o.records, o.bytes, o.since))) {
            extent.records += records;
            extent.bytes += bytes;
            extent.age_seconds = extent.age_seconds.max(since.elapsed().as_secs_f64());
        }
        extent
    }

    /// A file with records that is no longer where it was.
    pub(super) fn missing_file(&self) -> Option<PathBuf> {
        let state = self.state.lock();
        let open = state.open.as_ref().filter(|open| !is_at(&open.file, &open.path)).map(|open| open.path.clone());
        open.or_else(|| state.closed.iter().map(|closed| &closed.path).find(|path| !path.exists()).cloned())
    }

    /// The files, the newest last; for a copy.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let state = self.state.lock();
        state.closed.iter().map(|c| c.path.clone()).chain(state.open.as_ref().map(|o| o.path.clone())).collect()
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

/// The record at the beginning of `rest`, which then begins after it; none at the end.
fn next_record(rest: &mut &[u8], at_least: u64) -> Result<Option<(u64, Rows)>, CodecError> {
    if rest.is_empty() {
        return Ok(None);
    }
    let (length, crc, number) = header(rest).ok_or(CodecError::Damaged("a record's header"))?;
    let rows = rest[HEADER..].get(..length).ok_or(CodecError::Damaged("a record is cut short"))?;
    let found = crc32fast::hash(rows);
    if found != crc {
        return Err(CodecError::Checksum { found, expected: crc });
    }
    if number < at_least {
        return Err(CodecError::Damaged("a record's number is out of order"));
    }
    let decoded = Rows::decode(rows)?;
    *rest = &rest[HEADER + length..];
    Ok(Some((number, decoded)))
}

fn header(bytes: &[u8]) -> Option<(usize, u32, u64)> {
    let header = bytes.first_chunk::<HEADER>()?;
    let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
    let number = u64::from_le_bytes(std::array::from_fn(|i| header[8 + i]));
    (crc32fast::hash(&header[..16]) == word(16)).then(|| (word(0) as usize, word(4), number))
}

/// Where the next whole record begins after damage.
fn next_whole(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len()).find(|&at| {
        header(&bytes[at..])
            .is_some_and(|(length, crc, _)| bytes[at + HEADER..].get(..length).is_some_and(|rows| crc32fast::hash(rows) == crc))
    })
}

fn set_aside(data_dir: &Path, path: &Path, from: usize, rest: &[u8], error: &CodecError) -> std::io::Result<String> {
    let quarantine = data_dir.join("quarantine");
    fs::create_dir_all(&quarantine)?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let to = quarantine.join(format!("journal-{name}-{from}"));
    fs::write(&to, rest)?;
    Ok(format!("the journal is damaged ({name} at byte {from}: {error}); {} bytes were set aside in {}", rest.len(), to.display()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(of: &[(u32, i64, u64)]) -> Rows {
        let mut rows = Rows::default();
        of.iter().for_each(|&(id, t, bits)| rows.push(SeriesId(id), t, f64::from_bits(bits)));
        rows
    }

    fn replay(dir: &Path) -> (Journal, Vec<(u64, usize)>, Vec<String>) {
        let mut seen = Vec::new();
        let (journal, problems) = Journal::open(dir, |number, rows| {
            seen.push((number, rows.len()));
            Ok(())
        })
        .unwrap();
        (journal, seen, problems)
    }

    proptest! {
        #[test]
        fn rows_come_back_as_written(of in prop::collection::vec((0u32..50, -100i64..100, any::<u64>()), 0..200)) {
            let written = rows(&of);
            let back = Rows::decode(&written.encode().bytes).unwrap();
            prop_assert_eq!((&back.ids, &back.times), (&written.ids, &written.times));
            prop_assert_eq!(back.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), of.iter().map(|r| r.2).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Rows::decode(&bytes);
        }
    }

    #[test]
    fn a_scrape_of_neighbours_costs_little_more_than_its_values() {
        let of: Vec<_> = (0..5_000).map(|i| (i, 1_795_000_000_000 + i64::from(i / 20) % 2, 7)).collect();
        assert!(rows(&of).encode().bytes.len() < 5_000 * 8 + 2_000);
    }

    #[test]
    fn records_survive_rotation_and_what_a_crash_cut_off_is_dropped_in_silence() {
        let dir = tempfile::tempdir().unwrap();
        {
            let (journal, ..) = replay(dir.path());
            for n in 1..=3 {
                assert_eq!(journal.append(&rows(&[(n, 1, 1)]).encode()).unwrap(), u64::from(n));
                if n == 1 {
                    assert_eq!(journal.rotate(), 1);
                }
            }
            journal.sync().unwrap();
            assert_eq!(journal.extent().records, 3);
        }
        let newest = fs::read_dir(dir.path().join("journal")).unwrap().map(|e| e.unwrap().path()).max().unwrap();
        let whole = fs::read(&newest).unwrap();
        for cut in 1..whole.len() / 2 {
            fs::write(&newest, &whole[..whole.len() - cut]).unwrap();
            let (_, seen, problems) = replay(dir.path());
            assert_eq!((seen, problems.len()), (vec![(1, 1), (2, 1)], 0), "cut by {cut}");
        }
        fs::write(&newest, &whole).unwrap();
        let (journal, seen, _) = replay(dir.path());
        assert_eq!(seen.len(), 3);
        journal.trim(1).unwrap();
        assert_eq!(journal.append(&rows(&[(9, 1, 1)]).encode()).unwrap(), 4);
        drop(journal);
        assert_eq!(replay(dir.path()).1, [(2, 1), (3, 1), (4, 1)]);
    }

    #[test]
    fn a_damaged_record_is_set_aside_and_told_and_the_others_are_read() {
        let dir = tempfile::tempdir().unwrap();
        {
            let (journal, ..) = replay(dir.path());
            (1..=3).for_each(|n| assert_eq!(journal.append(&rows(&[(n, 1, 1)]).encode()).unwrap(), u64::from(n)));
            journal.sync().unwrap();
        }
        let file = fs::read_dir(dir.path().join("journal")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&file).unwrap();
        let second = bytes.len() / 3;
        bytes[second + HEADER + 3] ^= 1;
        fs::write(&file, bytes).unwrap();
        let (_, seen, problems) = replay(dir.path());
        assert_eq!(seen, [(1, 1), (3, 1)]);
        assert!(problems[0].contains("checksum") && problems[0].contains("quarantine"), "{problems:?}");
    }
}
