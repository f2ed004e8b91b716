//! The catalog: series, events, and small documents such as alert states.
//!
//! ```text
//! DATA_DIR/series.log           the series and their ids: the source of truth, loaded at the start
//! DATA_DIR/catalog.log          every change of events and documents: the source of truth
//! DATA_DIR/catalog/index-N/     an index of events and documents (sled); rebuilt from the log if it fails
//! ```
//!
//! A change is durable in its log before it is applied to the index. An index that fails, panics or hangs is abandoned: its content
//! is served from memory, and a new one is built when possible. The catalog does not hold samples or windows.

mod entries;
mod recent;
mod records;

use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use self::entries::{Entries, PAGE};
use self::recent::Recent;
pub(super) use self::records::{decode, encode};
use self::records::{document_key, event_key};
use super::error::StoreError;
use super::files;
use super::identity::Identity;
use super::index::{Change, DiskIndex, EVENT, Entry, Index, IndexError, Limit, MemoryIndex, Range, Tally};
use super::log::{Log, Rewrite};
use super::problems::Problems;
use super::series_log::SeriesLog;
use crate::codec::{CodecError, push_varint, take_varint};
use crate::event::Event;
use crate::model::{Labels, SeriesId, TimestampMs, hex};

/// Most events kept; the oldest are removed first.
const MAX_EVENTS: u64 = 100_000;
/// First byte of the key of a document.
const DOCUMENT: u8 = b'd';

/// A change to one document: its key, and its bytes, or `None` to remove it.
pub type DocumentChange = (String, Option<Vec<u8>>);

/// See the module.
pub(super) struct Catalog {
    data_dir: PathBuf,
    problems: Arc<Problems>,
    series: Mutex<SeriesLog>,
    entries: Mutex<Entries>,
    recent: Mutex<Recent>,
    event_counter: AtomicU32,
}

/// Result of [`Catalog::open`].
pub(super) struct Opened {
    pub(super) catalog: Catalog,
    /// Describes damage of the series log; the labels may be known from elsewhere.
    pub(super) series_damage: Option<String>,
}

impl Catalog {
    /// Opens the catalog and passes the series to `series`.
    ///
    /// # Errors
    /// [`StoreError`] if a log cannot be read.
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
            recent: Mutex::default(),
            // Starts at a random number, so that events of the same time from different processes differ.
            event_counter: AtomicU32::new(Identity::random().map_or_else(|_| std::process::id(), |random| random.first_word())),
        };
        Ok(Opened { catalog, series_damage: loaded.damage })
    }

    /// The first id that is not in the series log yet.
    pub(super) fn next_series(&self) -> u32 {
        self.series.lock().next()
    }

    pub(super) fn is_removed(&self, id: SeriesId) -> bool {
        self.series.lock().is_removed(id)
    }

    /// Adds new series durably, by rising id; `next` is the id after the last one.
    ///
    /// # Errors
    /// [`StoreError`] if the log cannot be written.
    pub(super) fn add_series(&self, new: &[(SeriesId, Labels)], next: u32) -> Result<(), StoreError> {
        let mut log = self.series.lock();
        let added = log.add(new, next);
        added.map_err(|error| StoreError::io(log.path(), error))
    }

    /// Removes series permanently and durably. Their ids are never reused.
    ///
    /// # Errors
    /// [`StoreError`] if the log cannot be written; nothing was removed then.
    pub(super) fn remove_series(&self, ids: &[SeriesId]) -> Result<(), StoreError> {
        let mut log = self.series.lock();
        let removed = log.remove(ids);
        removed.map_err(|error| StoreError::io(log.path(), error))
    }

    /// Rewrites the series log with the given series, by rising id.
    ///
    /// # Errors
    /// [`StoreError`] if the new log cannot be written; the old one is kept then.
    pub(super) fn rewrite_series(&self, next: u32, series: impl Iterator<Item = (SeriesId, Labels)>) -> Result<(), StoreError> {
        let mut log = self.series.lock();
        let written = log.rewrite(next, series);
        written.map_err(|error| StoreError::io(log.path(), error))
    }

    /// Copies the damaged series log into quarantine and describes the result.
    pub(super) fn keep_damaged_series(&self) -> String {
        let log = self.series.lock();
        keep_damaged(&self.data_dir, log.path(), "series.log")
    }

    /// Stores events durably; returns each with its id.
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
                Err(error) => log::error!("cannot encode event {}: {error}", event.kind),
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

    /// Removes events before `horizon` and those over the limit.
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
        let mut after = document_key(kind, "");
        // The byte after the kind is 0, so this key follows all keys of the kind.
        if let Some(last) = after.last_mut() {
            *last = 1;
        }
        self.documents_of(kind, document_key(kind, ""), &after)
    }

    /// The documents of a kind whose keys are in `[from, to)`.
    pub(super) fn documents_between(&self, kind: &str, from: &str, to: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.documents_of(kind, document_key(kind, from), &document_key(kind, to))
    }

    fn documents_of(&self, kind: &str, from: Vec<u8>, after: &[u8]) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let prefix = document_key(kind, "");
        let mut from = Bound::Included(from);
        let mut found = Vec::new();
        loop {
            let entries = self.page((from, Bound::Excluded(after.to_vec())), PAGE)?;
            let Some((last, _)) = entries.last() else { return Ok(found) };
            from = Bound::Excluded(last.clone());
            found.extend(entries.into_iter().map(|(key, value)| (String::from_utf8_lossy(&key[prefix.len()..]).into_owned(), value)));
        }
    }

    /// Changes documents of a kind atomically and durably.
    pub(super) fn change_documents(&self, kind: &str, changes: Vec<DocumentChange>) -> Result<(), StoreError> {
        let keys: Vec<String> = changes.iter().map(|(key, _)| key.clone()).collect();
        self.change(changes.into_iter().map(|(key, value)| Change { key: document_key(kind, &key), value }).collect())?;
        // After the change: who asks in between reads it, and is given it once more.
        self.recent.lock().add(kind, keys);
        Ok(())
    }

    /// The version of the documents of a kind, and those that changed since a version; none where they are not known any more.
    pub(super) fn documents_since(&self, kind: &str, known: Option<u64>) -> Result<(u64, Option<Vec<DocumentChange>>), StoreError> {
        let (version, keys) = self.recent.lock().since(kind, known);
        let Some(keys) = keys else { return Ok((version, None)) };
        let read = |key: String| -> Result<DocumentChange, StoreError> {
            let at = document_key(kind, &key);
            let found = self.page((Bound::Included(at.clone()), Bound::Included(at)), PAGE)?.pop();
            Ok((key, found.map(|(_, value)| value)))
        };
        Ok((version, Some(keys.into_iter().map(read).collect::<Result<_, _>>()?)))
    }

    /// Copies the logs into another data directory, which builds its own index.
    pub(super) fn copy_to(&self, to: &Path) -> Result<(), StoreError> {
        let copied = self.series.lock().copy_to(to).and_then(|()| self.entries.lock().log.copy_to(to));
        copied.map_err(|error| StoreError::io(to, error))
    }

    /// A file that was removed while the catalog is open.
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

    /// Writes events and documents to a directory that lost them, as far as they can still be read.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be written.
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

fn keep_damaged(data_dir: &Path, path: &Path, name: &str) -> String {
    match files::copy_aside(data_dir, path, name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "there was no file to quarantine".to_owned(),
        kept => files::outcome("it was copied to", kept),
    }
}

#[cfg(test)]
mod tests;
