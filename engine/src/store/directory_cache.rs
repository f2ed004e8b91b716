//! A process-wide cache of page directories. Neighbours in a page are often read one after the other, on many days at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::page::Directory;

/// Most memory for directories.
const BYTES: usize = 12 << 20;

/// A file and the position of a page in it.
type Key = (u64, u64);

/// Two generations: what is used moves to the young one; the old one is dropped when the young one is full.
#[derive(Default)]
struct Cache {
    young: FxHashMap<Key, Arc<Directory>>,
    young_bytes: usize,
    old: FxHashMap<Key, Arc<Directory>>,
}

impl Cache {
    fn get(&mut self, key: Key) -> Option<Arc<Directory>> {
        if let Some(known) = self.young.get(&key) {
            return Some(Arc::clone(known));
        }
        let known = self.old.remove(&key)?;
        self.insert(key, &known);
        Some(known)
    }

    fn insert(&mut self, key: Key, directory: &Arc<Directory>) {
        self.young_bytes += directory.bytes();
        self.young.insert(key, Arc::clone(directory));
        if self.young_bytes > BYTES / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The cached directories of one open file.
pub(super) struct DirectoryCache {
    /// Unique in this process.
    file: u64,
}

impl Default for DirectoryCache {
    fn default() -> Self {
        Self { file: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl DirectoryCache {
    /// The directory of the page at a position; reads it if it is not cached.
    pub(super) fn get<E>(&self, at: u64, read: impl FnOnce() -> Result<Option<Directory>, E>) -> Result<Option<Arc<Directory>>, E> {
        let key = (self.file, at);
        if let Some(known) = CACHE.lock().get(key) {
            return Ok(Some(known));
        }
        let Some(directory) = read()?.map(Arc::new) else { return Ok(None) };
        CACHE.lock().insert(key, &directory);
        Ok(Some(directory))
    }
}
