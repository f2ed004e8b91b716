//! The catalog: the series, events, and small documents such as alert states.
//!
//! One sled database of its own. Samples and windows are elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::error::StoreError;
use super::identity::FORMAT;
use super::series::SeriesIndex;
use crate::codec::{CodecError, push_varint, take_varint};
use crate::event::Event;
use crate::model::{Labels, SeriesId, TimestampMs};

/// Events kept at the most; the oldest go first.
const MAX_EVENTS: usize = 100_000;
/// Events added before they are counted again.
const COUNT_AFTER: usize = MAX_EVENTS / 10;
/// Bytes of a run of series before compression: larger values cost far more.
const RUN_BYTES: usize = 64 << 10;

/// The open database.
struct Trees {
    db: sled::Db,
    series: sled::Tree,
    events: sled::Tree,
}

pub(super) struct Catalog {
    trees: RwLock<Option<Arc<Trees>>>,
    /// The database met an error, which it keeps for as long as it is open.
    broken: AtomicBool,
    cache_bytes: u64,
    data_dir: PathBuf,
    event_counter: AtomicU32,
    /// Events added since they were last counted; counting reads them all.
    uncounted_events: AtomicUsize,
}

/// A change to one document: its key, and its bytes or none to remove it.
pub type DocumentChange = (String, Option<Vec<u8>>);

impl Catalog {
    pub(super) fn open(data_dir: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let catalog = Self {
            trees: RwLock::default(),
            broken: AtomicBool::new(false),
            cache_bytes,
            data_dir: data_dir.to_owned(),
            // Begins where no earlier process is likely to have been, so that equal times do not meet.
            event_counter: AtomicU32::new(std::process::id().wrapping_mul(0x9e37_79b9)),
            uncounted_events: AtomicUsize::new(COUNT_AFTER),
        };
        let trees = catalog.trees()?;
        match trees.db.get("format").map_err(catalog.fail())? {
            Some(value) => {
                let found = value.as_ref().try_into().map(u32::from_be_bytes).unwrap_or(u32::MAX);
                if found != FORMAT {
                    return Err(StoreError::Format { path: data_dir.to_owned(), found, known: FORMAT });
                }
            }
            None => {
                trees.db.insert("format", &FORMAT.to_be_bytes()).map_err(catalog.fail())?;
                trees.db.flush().map_err(catalog.fail())?;
            }
        }
        drop(trees);
        Ok(catalog)
    }

    /// The database, opened again where it met an error before.
    fn trees(&self) -> Result<Arc<Trees>, StoreError> {
        if !self.broken.load(Ordering::Acquire)
            && let Some(trees) = self.trees.read().as_ref()
        {
            return Ok(Arc::clone(trees));
        }
        let mut slot = self.trees.write();
        if self.broken.swap(false, Ordering::AcqRel) {
            *slot = None;
        }
        if let Some(trees) = slot.as_ref() {
            return Ok(Arc::clone(trees));
        }
        let db = open_db(&self.data_dir.join("catalog"), self.cache_bytes).map_err(self.fail())?;
        let tree = |name: &str| db.open_tree(name).map_err(self.fail());
        let trees = Arc::new(Trees { series: tree("series")?, events: tree("events")?, db: db.clone() });
        *slot = Some(Arc::clone(&trees));
        Ok(trees)
    }

    #[cfg(test)]
    pub(super) fn set_format(&self, format: u32) {
        let trees = self.trees().expect("opens");
        trees.db.insert("format", &format.to_be_bytes()).expect("writes");
        trees.db.flush().expect("flushes");
    }

    fn fail(&self) -> impl Fn(sled::Error) -> StoreError + '_ {
        |source| {
            self.broken.store(true, Ordering::Release);
            StoreError::database("catalog", &self.data_dir, source)
        }
    }

    /// Reads all series. Ids have no gaps, because a series is durable before a journal record names it.
    pub(super) fn load_series(&self) -> Result<SeriesIndex, StoreError> {
        let mut index = SeriesIndex::default();
        for item in self.trees()?.series.iter() {
            let (key, value) = item.map_err(self.fail())?;
            let damaged =
                |what| StoreError::Damaged { place: format!("catalog: series {}", index.len()), source: CodecError::Damaged(what) };
            if key.as_ref() != (index.len() as u32).to_be_bytes() {
                return Err(damaged("a run of series is missing"));
            }
            let run = snap::raw::Decoder::new().decompress_vec(&value).map_err(|_| damaged("a run of series"))?;
            let mut rest = run.as_slice();
            while !rest.is_empty() {
                let damaged =
                    |what| StoreError::Damaged { place: format!("catalog: series {}", index.len()), source: CodecError::Damaged(what) };
                let length = take_varint(&mut rest).map_err(|_| damaged("length"))? as usize;
                let (labels, tail) = rest.split_at_checked(length).ok_or_else(|| damaged("length"))?;
                rest = tail;
                let labels = Labels::from_bytes(labels).map_err(|_| damaged("labels"))?;
                index.add(labels);
            }
        }
        Ok(index)
    }

    /// Makes new series durable; their ids follow each other from `first`.
    pub(super) fn add_series(&self, first: SeriesId, new: &[Labels]) -> Result<(), StoreError> {
        let trees = self.trees()?;
        let (mut from, mut run) = (first.0, Vec::new());
        for (at, labels) in new.iter().enumerate() {
            let bytes = labels.as_bytes();
            if !run.is_empty() && run.len() + bytes.len() > RUN_BYTES {
                trees.series.insert(from.to_be_bytes(), compressed(&run)?).map_err(self.fail())?;
                run.clear();
                from = first.0 + at as u32;
            }
            push_varint(&mut run, bytes.len() as u64);
            run.extend_from_slice(bytes);
        }
        trees.series.insert(from.to_be_bytes(), compressed(&run)?).map_err(self.fail())?;
        trees.db.flush().map_err(self.fail())?;
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
        let trees = self.trees()?;
        trees.events.apply_batch(batch).map_err(self.fail())?;
        trees.db.flush().map_err(self.fail())?;
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
        for item in self.trees()?.events.range(event_key(start).to_vec()..event_key(end.saturating_add(1)).to_vec()).rev() {
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
        let trees = self.trees()?;
        let over = if count_now { trees.events.len().saturating_sub(MAX_EVENTS) } else { 0 };
        if count_now {
            self.uncounted_events.store(0, Ordering::Relaxed);
        }
        let horizon = event_key(horizon);
        let mut batch = sled::Batch::default();
        let mut count = 0;
        for (at, item) in trees.events.iter().keys().enumerate() {
            let key = item.map_err(self.fail())?;
            if at >= over && key.as_ref() >= &horizon[..] {
                break;
            }
            batch.remove(key);
            count += 1;
        }
        if count > 0 {
            trees.events.apply_batch(batch).map_err(self.fail())?;
        }
        Ok(())
    }

    fn documents_tree(&self, trees: &Trees, kind: &str) -> Result<sled::Tree, StoreError> {
        trees.db.open_tree(format!("documents/{kind}")).map_err(self.fail())
    }

    /// All documents of a kind.
    pub(super) fn documents(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let trees = self.trees()?;
        let tree = self.documents_tree(&trees, kind)?;
        tree.iter()
            .map(|item| item.map(|(key, value)| (String::from_utf8_lossy(&key).into_owned(), value.to_vec())).map_err(self.fail()))
            .collect()
    }

    /// Changes documents of a kind in one atomic and durable step.
    pub(super) fn change_documents(&self, kind: &str, changes: Vec<DocumentChange>) -> Result<(), StoreError> {
        let trees = self.trees()?;
        let tree = self.documents_tree(&trees, kind)?;
        let mut batch = sled::Batch::default();
        for (key, bytes) in changes {
            match bytes {
                Some(bytes) => batch.insert(key.as_bytes(), bytes),
                None => batch.remove(key.as_bytes()),
            }
        }
        tree.apply_batch(batch).map_err(self.fail())?;
        trees.db.flush().map_err(self.fail())?;
        Ok(())
    }

    /// Makes a copy in another folder, tree by tree, as it stands now.
    pub(super) fn copy_to(&self, to: &Path) -> Result<(), StoreError> {
        copy_db(&self.trees()?.db, to).map_err(self.fail())
    }
}

/// Copies a database, tree by tree.
fn copy_db(db: &sled::Db, to: &Path) -> Result<(), sled::Error> {
    let copy = open_db(to, 1 << 20)?;
    for name in db.tree_names() {
        let (from, to) = (db.open_tree(&name)?, copy.open_tree(&name)?);
        for item in from.iter() {
            let (key, value) = item?;
            to.insert(key, value)?;
        }
    }
    copy.flush()?;
    Ok(())
}

/// Opens a sled database for callers that flush themselves.
fn open_db(path: &Path, cache_bytes: u64) -> Result<sled::Db, sled::Error> {
    sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(None).open()
}

fn compressed(run: &[u8]) -> Result<Vec<u8>, StoreError> {
    let too_large = |_| StoreError::Damaged { place: "catalog: new series".to_owned(), source: CodecError::Shape };
    snap::raw::Encoder::new().compress_vec(run).map_err(too_large)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn event_key(at: TimestampMs) -> [u8; 8] {
    ((at as u64) ^ (1 << 63)).to_be_bytes()
}
