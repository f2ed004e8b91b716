//! Entries in memory, for as long as there is no database.

use std::collections::BTreeMap;

use super::{Change, Entry, Limit, Position, Range, Tally};

/// An index in memory, for as long as there is no database.
#[derive(Default)]
pub(in crate::store) struct MemoryIndex {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    tally: Tally,
}

impl MemoryIndex {
    pub(in crate::store) fn tally(&self) -> Tally {
        self.tally
    }

    pub(in crate::store) fn apply(&mut self, changes: Vec<Change>, position: Position) {
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

    pub(in crate::store) fn page(&self, range: Range, limit: Limit) -> Vec<Entry> {
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
