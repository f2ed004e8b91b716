//! The catalog: the series, how far each has come, events, and small documents such as alert states.
//!
//! One sled database of its own. Samples and windows are elsewhere.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::error::StoreError;
use super::head::{Head, NEVER};
use super::partition::open_db;
use super::series::SeriesIndex;
use crate::event::Event;
use crate::model::{Labels, SeriesId, TimestampMs};
use crate::windows::LEVELS;

/// What this version writes; a directory with a higher number is refused.
pub const FORMAT: u32 = 1;

/// Events kept at the most; the oldest go first.
const MAX_EVENTS: usize = 100_000;
/// Events added before they are counted again.
const COUNT_AFTER: usize = MAX_EVENTS / 10;
/// Series of one progress page.
const PAGE: usize = 512;
const PROGRESS_BYTES: usize = 8 + LEVELS * 8;

pub(super) struct Catalog {
    db: sled::Db,
    series: sled::Tree,
    progress: sled::Tree,
    events: sled::Tree,
    data_dir: PathBuf,
    event_counter: AtomicU32,
    /// Events added since they were last counted; counting reads them all.
    uncounted_events: AtomicUsize,
}

/// Number of a progress page and its bytes.
pub(super) type ProgressPage = (u32, Vec<u8>);

/// A change to one document: its key, and its bytes or none to remove it.
pub type DocumentChange = (String, Option<Vec<u8>>);

impl Catalog {
    pub(super) fn open(data_dir: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let fail = |source| StoreError::database("catalog", data_dir, source);
        let db = open_db(&data_dir.join("catalog"), cache_bytes).map_err(fail)?;
        match db.get("format").map_err(fail)? {
            Some(value) => {
                let found = value.as_ref().try_into().map(u32::from_be_bytes).unwrap_or(u32::MAX);
                if found > FORMAT {
                    return Err(StoreError::Format { path: data_dir.to_owned(), found, known: FORMAT });
                }
            }
            None => {
                db.insert("format", &FORMAT.to_be_bytes()).map_err(fail)?;
                db.flush().map_err(fail)?;
            }
        }
        Ok(Self {
            series: db.open_tree("series").map_err(fail)?,
            progress: db.open_tree("progress").map_err(fail)?,
            events: db.open_tree("events").map_err(fail)?,
            db,
            data_dir: data_dir.to_owned(),
            // Begins where no earlier process is likely to have been, so that equal times do not meet.
            event_counter: AtomicU32::new(std::process::id().wrapping_mul(0x9e37_79b9)),
            uncounted_events: AtomicUsize::new(COUNT_AFTER),
        })
    }

    #[cfg(test)]
    pub(super) fn set_format(&self, format: u32) {
        self.db.insert("format", &format.to_be_bytes()).expect("writes");
        self.db.flush().expect("flushes");
    }

    fn fail(&self) -> impl Fn(sled::Error) -> StoreError + '_ {
        |source| StoreError::database("catalog", &self.data_dir, source)
    }

    /// Reads all series. Ids have no gaps, because a series is durable before a journal record names it.
    pub(super) fn load_series(&self) -> Result<SeriesIndex, StoreError> {
        let mut index = SeriesIndex::default();
        for item in self.series.iter() {
            let (key, value) = item.map_err(self.fail())?;
            let labels = Labels::from_bytes(&value);
            match (labels, key.as_ref() == (index.len() as u32).to_be_bytes()) {
                (Ok(labels), true) => {
                    index.add(labels);
                }
                _ => {
                    let place = format!("catalog: series {}", index.len());
                    return Err(StoreError::Damaged { place, source: crate::codec::CodecError::Damaged("labels") });
                }
            }
        }
        Ok(index)
    }

    /// Makes new series durable.
    pub(super) fn add_series(&self, new: &[(SeriesId, Labels)]) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (id, labels) in new {
            batch.insert(&id.0.to_be_bytes()[..], labels.as_bytes());
        }
        self.series.apply_batch(batch).map_err(self.fail())?;
        self.db.flush().map_err(self.fail())?;
        Ok(())
    }

    /// Writes how far every series has come, durably.
    pub(super) fn save_progress(&self, pages: Vec<ProgressPage>) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (page, bytes) in pages {
            batch.insert(&page.to_be_bytes()[..], bytes);
        }
        self.progress.apply_batch(batch).map_err(self.fail())?;
        self.db.flush().map_err(self.fail())?;
        Ok(())
    }

    /// The pages of [`Catalog::save_progress`] for a head.
    pub(super) fn progress_pages(head: &Head) -> Vec<ProgressPage> {
        let mut pages: Vec<ProgressPage> = Vec::new();
        for (id, series) in head.iter() {
            let page = (id.index() / PAGE) as u32;
            if pages.last().is_none_or(|(last, _)| *last != page) {
                pages.push((page, Vec::with_capacity(PAGE * PROGRESS_BYTES)));
            }
            if let Some((_, bytes)) = pages.last_mut() {
                bytes.extend_from_slice(&series.newest.to_le_bytes());
                series.closed.iter().for_each(|mark| bytes.extend_from_slice(&mark.to_le_bytes()));
            }
        }
        pages
    }

    /// Puts the saved progress into a head.
    pub(super) fn load_progress(&self, head: &mut Head, series: usize) -> Result<(), StoreError> {
        for item in self.progress.iter() {
            let (key, value) = item.map_err(self.fail())?;
            let page = key.as_ref().try_into().map(u32::from_be_bytes).unwrap_or(u32::MAX) as usize;
            for (at, row) in value.chunks_exact(PROGRESS_BYTES).enumerate() {
                let id = page.saturating_mul(PAGE) + at;
                if id >= series {
                    break;
                }
                let word = |i: usize| i64::from_le_bytes(std::array::from_fn(|b| row[i * 8 + b]));
                let entry = head.entry(SeriesId(id as u32));
                entry.newest = word(0);
                // Everything that was known at the seal is in chunks.
                entry.sealed_to = word(0);
                entry.closed = std::array::from_fn(|level| word(1 + level));
                debug_assert!(entry.newest != NEVER || entry.closed[0] == NEVER);
            }
        }
        Ok(())
    }

    /// Keeps events, durably; gives each with its id.
    pub(super) fn add_events(&self, events: &[Event]) -> Result<Vec<(String, Event)>, StoreError> {
        let mut batch = sled::Batch::default();
        let mut kept = Vec::with_capacity(events.len());
        self.uncounted_events.fetch_add(events.len(), Ordering::Relaxed);
        for event in events {
            let count = self.event_counter.fetch_add(1, Ordering::Relaxed);
            let mut key = event_key(event.at).to_vec();
            key.extend_from_slice(&count.to_be_bytes());
            match serde_json::to_vec(event) {
                Ok(bytes) => {
                    kept.push((hex(&key), event.clone()));
                    batch.insert(key, bytes);
                }
                Err(error) => log::error!("event {} cannot be written: {error}", event.kind),
            }
        }
        self.events.apply_batch(batch).map_err(self.fail())?;
        self.db.flush().map_err(self.fail())?;
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
        for item in self.events.range(event_key(start).to_vec()..event_key(end.saturating_add(1)).to_vec()).rev() {
            let (key, value) = item.map_err(self.fail())?;
            if let Ok(event) = serde_json::from_slice::<Event>(&value)
                && wanted(&event)
            {
                found.push((hex(&key), event));
                if found.len() == limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Forgets events before `horizon` and those over the bound.
    pub(super) fn trim_events(&self, horizon: TimestampMs) -> Result<(), StoreError> {
        let count_now = self.uncounted_events.load(Ordering::Relaxed) >= COUNT_AFTER;
        let over = if count_now { self.events.len().saturating_sub(MAX_EVENTS) } else { 0 };
        if count_now {
            self.uncounted_events.store(0, Ordering::Relaxed);
        }
        let horizon = event_key(horizon);
        let mut batch = sled::Batch::default();
        let mut count = 0;
        for (at, item) in self.events.iter().keys().enumerate() {
            let key = item.map_err(self.fail())?;
            if at >= over && key.as_ref() >= &horizon[..] {
                break;
            }
            batch.remove(key);
            count += 1;
        }
        if count > 0 {
            self.events.apply_batch(batch).map_err(self.fail())?;
        }
        Ok(())
    }

    fn documents_tree(&self, kind: &str) -> Result<sled::Tree, StoreError> {
        self.db.open_tree(format!("documents/{kind}")).map_err(self.fail())
    }

    /// All documents of a kind.
    pub(super) fn documents(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let tree = self.documents_tree(kind)?;
        tree.iter()
            .map(|item| item.map(|(key, value)| (String::from_utf8_lossy(&key).into_owned(), value.to_vec())).map_err(self.fail()))
            .collect()
    }

    /// Changes documents of a kind in one atomic and durable step.
    pub(super) fn change_documents(&self, kind: &str, changes: Vec<DocumentChange>) -> Result<(), StoreError> {
        let tree = self.documents_tree(kind)?;
        let mut batch = sled::Batch::default();
        for (key, bytes) in changes {
            match bytes {
                Some(bytes) => batch.insert(key.as_bytes(), bytes),
                None => batch.remove(key.as_bytes()),
            }
        }
        tree.apply_batch(batch).map_err(self.fail())?;
        self.db.flush().map_err(self.fail())?;
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn event_key(at: TimestampMs) -> [u8; 8] {
    ((at as u64) ^ (1 << 63)).to_be_bytes()
}
