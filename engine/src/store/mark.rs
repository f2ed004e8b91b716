//! A durability mark: how far an append-only file is known to be on the disk.
//!
//! A bad record at the end of such a file is either a write that a crash cut short, which was never acknowledged, or an
//! acknowledged record that went bad. The mark distinguishes them: it is written after each successful sync. The mark itself is not
//! synced, because it only has to survive the end of the process and damage to the other file; after a power failure it may be
//! older and claim less.
//!
//! ```text
//! file     slot 0 · slot 1, written alternately, so that a torn write leaves one intact
//! slot     magic 8 bytes · count u64 · three numbers u64 · zeros · crc32 of the rest u32: 64 bytes
//! ```

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

const MAGIC: &[u8; 8] = b"TPmark1\n";
const SLOT: usize = 64;

/// The numbers of a mark; their meaning is defined by the marked file.
pub(crate) type Numbers = [u64; 3];

/// The slots that were found in a mark file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// Count and numbers of the newest intact slot.
    newest: Option<(u64, Numbers)>,
    /// A slot was written but its checksum is wrong.
    pub(crate) damaged: bool,
}

impl Found {
    /// The numbers of the newest intact slot.
    pub(crate) fn numbers(&self) -> Option<Numbers> {
        self.newest.map(|newest| newest.1)
    }
}

/// A mark file that is open for writing.
#[derive(Debug)]
pub(crate) struct Mark {
    path: PathBuf,
    /// The file, and how often the mark was written.
    state: Mutex<(Option<File>, u64)>,
}

impl Mark {
    /// Opens a mark file and creates it if it is missing. The mark is needed only after damage, so the store runs without one that
    /// cannot be opened or written.
    pub(crate) fn open(path: &Path) -> (Self, Found) {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(4 * SLOT as u64).read_to_end(&mut bytes));
        let mut found = read_slots(&bytes);
        found.damaged |= read.is_err_and(|error| error.kind() != ErrorKind::NotFound);
        let count = found.newest.map_or(0, |newest| newest.0);
        (Self { path: path.to_owned(), state: Mutex::new((open_to_write(path), count)) }, found)
    }

    /// Whether the file was removed while it was open.
    pub(crate) fn is_gone(&self) -> bool {
        self.state.lock().0.is_some() && !self.path.exists()
    }

    /// Opens the file again by its name after the open one was removed.
    pub(crate) fn reopen(&self) {
        let mut state = self.state.lock();
        let file = open_to_write(&self.path);
        // The first write to a new file goes to the second slot.
        if file.as_ref().and_then(|file| file.metadata().ok()).is_some_and(|meta| meta.len() == 0) {
            state.1 = 0;
        }
        state.0 = file;
    }

    pub(crate) fn set(&self, numbers: Numbers) {
        let mut state = self.state.lock();
        let (file, count) = &mut *state;
        let Some(open) = file else { return };
        *count += 1;
        let at = (*count % 2) * SLOT as u64;
        if let Err(error) = open.write_all_at(&slot(*count, numbers), at) {
            log::debug!("cannot write a durability mark: {error}");
        }
    }

    /// Makes the mark durable.
    pub(crate) fn sync(&self) {
        if let Some(file) = &self.state.lock().0
            && let Err(error) = file.sync_data()
        {
            log::debug!("cannot sync a durability mark: {error}");
        }
    }
}

fn open_to_write(path: &Path) -> Option<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    file.inspect_err(|error| log::warn!("{}: {error}", path.display())).ok()
}

fn slot(count: u64, numbers: Numbers) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    bytes[..8].copy_from_slice(MAGIC);
    for (at, number) in std::iter::once(count).chain(numbers).enumerate() {
        bytes[8 + at * 8..16 + at * 8].copy_from_slice(&number.to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes[..SLOT - 4]);
    bytes[SLOT - 4..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[cfg(test)]
pub(crate) fn slots(first: Numbers, second: Numbers) -> Vec<u8> {
    [slot(1, first), slot(2, second)].concat()
}

pub(crate) fn read_slots(bytes: &[u8]) -> Found {
    let mut found = Found { newest: None, damaged: !bytes.is_empty() && bytes.len() != 2 * SLOT };
    for slot in bytes.chunks(SLOT).take(2) {
        if slot.iter().all(|byte| *byte == 0) {
            continue;
        }
        match read_slot(slot) {
            Some(slot) if found.newest.is_none_or(|newest| slot.0 > newest.0) => found.newest = Some(slot),
            Some(_) => {}
            None => found.damaged = true,
        }
    }
    found
}

fn read_slot(bytes: &[u8]) -> Option<(u64, Numbers)> {
    let bytes = bytes.first_chunk::<SLOT>().filter(|bytes| bytes.starts_with(MAGIC))?;
    let crc = u32::from_le_bytes(std::array::from_fn(|i| bytes[SLOT - 4 + i]));
    if crc32fast::hash(&bytes[..SLOT - 4]) != crc {
        return None;
    }
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[8 + at * 8 + i]));
    Some((number(0), [number(1), number(2), number(3)]))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_mark_whose_file_was_removed_is_written_to_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mark");
        let (mark, _) = Mark::open(&path);
        for n in 1..=4 {
            mark.set([n, 0, 0]);
            fs::remove_file(&path).unwrap();
            assert!(mark.is_gone());
            mark.reopen();
            mark.set([n, 7, 7]);
            let found = Mark::open(&path).1;
            assert_eq!((found.numbers(), found.damaged, mark.is_gone()), (Some([n, 7, 7]), false, false));
        }
    }

    #[test]
    fn the_newest_mark_is_found_and_a_damaged_slot_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mark");
        let (mark, found) = Mark::open(&path);
        assert_eq!((found.numbers(), found.damaged), (None, false));
        for n in 1..=4 {
            mark.set([n, n * 10, n * 100]);
            let found = Mark::open(&path).1;
            assert_eq!((found.numbers(), found.damaged), (Some([n, n * 10, n * 100]), false));
        }
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            fs::write(&path, &bytes).unwrap();
            let found = Mark::open(&path).1;
            let left = if at < SLOT { [3, 30, 300] } else { [4, 40, 400] };
            assert_eq!((found.numbers(), found.damaged), (Some(left), true), "byte {at}");
        }
        for len in 0..whole.len() {
            fs::write(&path, &whole[..len]).unwrap();
            let found = Mark::open(&path).1;
            assert!(found.numbers().is_none_or(|n| n == [4, 40, 400] || n == [3, 30, 300]), "length {len}: {found:?}");
        }
        fs::write(&path, &whole).unwrap();
        let (mark, _) = Mark::open(&path);
        mark.set([5, 50, 500]);
        assert_eq!(Mark::open(&path).1.numbers(), Some([5, 50, 500]), "counting goes on");
    }
}
