//! The face of the store for the one who writes.

use std::ops::Deref;
use std::path::Path;

use super::StoreOptions;
use super::catalog::DocumentChange;
use super::error::StoreError;
use super::reader::StoreReader;
use super::state::Store;
use super::work::Task;
use crate::event::Event;
use crate::model::TimestampMs;

/// Changes the store, and reads it as [`StoreReader`] does. There is one for each open data directory.
///
/// It has no `Clone`: who owns it knows that nobody else writes. The methods that write stand with what they do, in `append`,
/// `seal`, `compact`, `retention`, `closed_windows`, `renew`, `snapshot`, and here.
pub struct StoreWriter(StoreReader);

impl StoreWriter {
    /// Opens a data directory, creates it where there is none, and replays its journal.
    ///
    /// # Errors
    /// [`StoreError`]: the directory cannot be written, is in use, was written by another version, or is damaged.
    pub fn open(dir: &Path, options: StoreOptions, now: TimestampMs) -> Result<Self, StoreError> {
        Store::open(dir, options, now).map(|store| Self(StoreReader::new(store)))
    }

    /// A reader of this store.
    #[must_use]
    pub fn reader(&self) -> StoreReader {
        self.0.clone()
    }

    /// Records events, durably; gives each with its id.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be written.
    pub fn add_events(&self, events: &[Event]) -> Result<Vec<(String, Event)>, StoreError> {
        self.work.run(Task::Catalog, || self.catalog.add_events(events))
    }

    /// Changes documents of a kind in one atomic and durable step.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be written; nothing was changed then.
    pub fn change_documents(&self, kind: &str, changes: Vec<DocumentChange>) -> Result<(), StoreError> {
        self.work.run(Task::Catalog, || self.catalog.change_documents(kind, changes))
    }
}

impl Deref for StoreWriter {
    type Target = StoreReader;

    fn deref(&self) -> &StoreReader {
        &self.0
    }
}
