//! The index of the catalog: entries by key, as they stand after all changes of its log. Built again from the log at any time.
//!
//! Kept by an embedded database (sled), which meets its own troubles: it keeps its first write error while it is open, it may
//! panic over damage, and a full disk can make it hang. So it lives on a thread of its own and every request has a time limit.
//! A database that fails in any way is given up and the entries are kept in memory until a new one can be made.

mod database;
mod memory;
mod tally;

use std::ops::Bound;

pub(super) use self::database::{DiskIndex, IndexError};
pub(super) use self::memory::MemoryIndex;
pub(super) use self::tally::{EVENT, Position, Tally};

/// What is done to one key: its new value, or none to remove it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

/// A key and its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

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

/// Entries by key.
pub(super) enum Index {
    Disk(DiskIndex),
    Memory(MemoryIndex),
}

impl Index {
    pub(super) fn tally(&self) -> Tally {
        match self {
            Self::Disk(disk) => disk.tally(),
            Self::Memory(memory) => memory.tally(),
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
mod tests;
