//! The face of the store for everybody who reads.

use std::ops::Deref;
use std::sync::Arc;

use super::resolver::SeriesResolver;
use super::state::Store;
use super::{DocumentChange, StoreError, StoreOptions};
use crate::event::Event;
use crate::model::TimestampMs;

/// Reads the store; cheap to clone. It changes nothing that is stored.
///
/// The one thing that it adds to is the index of series in memory: a [`SeriesResolver`] gives new series their ids, on the thread
/// that decodes a request. Such a series is stored with the first samples of it that the writer appends.
#[derive(Clone)]
pub struct StoreReader(Arc<Store>);

impl StoreReader {
    pub(super) fn new(store: Store) -> Self {
        Self(Arc::new(store))
    }

    /// A resolver for samples that come at `now`.
    #[must_use]
    pub fn resolver(&self, now: TimestampMs) -> SeriesResolver<'_> {
        SeriesResolver::new(self, now)
    }

    /// Events within `[start, end]` that `wanted` accepts, newest first, at most `limit`, each with its id.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be read.
    pub fn events(
        &self,
        start: TimestampMs,
        end: TimestampMs,
        limit: usize,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Vec<(String, Event)>, StoreError> {
        self.catalog.events(start, end, limit, wanted)
    }

    /// All documents of a kind, by key.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be read.
    pub fn documents(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.catalog.documents(kind)
    }

    /// The documents of a kind whose keys are in `[from, to)`, by key.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be read.
    pub fn documents_between(&self, kind: &str, from: &str, to: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.catalog.documents_between(kind, from, to)
    }

    /// The version of the documents of a kind, and those that changed since a version that an earlier answer of this process gave. None where
    /// too many changed: then all are to be read, after this.
    ///
    /// # Errors
    /// [`StoreError`] when the catalog cannot be read.
    pub fn documents_since(&self, kind: &str, version: Option<u64>) -> Result<(u64, Option<Vec<DocumentChange>>), StoreError> {
        self.catalog.documents_since(kind, version)
    }

    /// What the store may use and keep.
    #[must_use]
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }
}

impl Deref for StoreReader {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.0
    }
}
