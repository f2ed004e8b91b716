//! The hot part of a day: what seals wrote, as pages in an embedded database, until the compactor puts it in a file.
//!
//! Key of a page: `seal u64 · number u32`, so that keys only rise. A seal counts once its entry in the tree `seals` is
//! durable: the last journal record in it, then for each page its first and last series and times. Pages without an entry
//! are what a crash or a full disk left; nobody reads them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use super::page::{Directory, Kind, PageError};
use crate::codec::CodecError;
use crate::model::{Columns, SeriesId, TimestampMs};

/// Bytes after which a page ends: larger values go to files of their own in the database, which costs far more.
pub(super) const PAGE_BYTES: usize = 24 << 10;
/// Chunks of one page at the most.
pub(super) const PAGE_CHUNKS: usize = 512;

const ENTRY: usize = 4 + 4 + 8 + 8;

/// A page that is to be kept.
pub(super) struct NewPage {
    pub(super) ids: [SeriesId; 2],
    pub(super) span: (TimestampMs, TimestampMs),
    pub(super) bytes: Vec<u8>,
}

/// Where a page is and what it covers.
#[derive(Debug, Clone, Copy)]
struct PageAt {
    key: [u8; 12],
    ids: [SeriesId; 2],
    span: (TimestampMs, TimestampMs),
}

/// One seal's pages, by rising series.
struct Seal {
    pages: Vec<PageAt>,
}

/// An open hot database.
pub(super) struct Hot {
    pub(super) number: u64,
    db: sled::Db,
    seals_tree: sled::Tree,
    seals: RwLock<Vec<Arc<Seal>>>,
    next: std::sync::atomic::AtomicU64,
    through: std::sync::atomic::AtomicU64,
    bytes: std::sync::atomic::AtomicU64,
    /// Last, so that the database is closed before its folder goes.
    folder: Folder,
}

/// The folder of a hot database; goes with the last who uses it once it is no longer needed.
struct Folder {
    path: PathBuf,
    leaving: std::sync::atomic::AtomicBool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.leaving.load(Relaxed)
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            // The next opening of the day removes what its manifest does not name.
            log::warn!("{} cannot be removed yet: {error}", self.path.display());
        }
    }
}

use std::sync::atomic::Ordering::Relaxed;

impl Hot {
    pub(super) fn open(path: &Path, number: u64, cache_bytes: u64) -> Result<Self, sled::Error> {
        let db = open_db(path, cache_bytes)?;
        let seals_tree = db.open_tree("seals")?;
        let (mut seals, mut through, mut next) = (Vec::new(), 0, 0);
        if let Some((key, _)) = db.last()? {
            next = number_of(&key) + 1;
        }
        for item in seals_tree.iter() {
            let (key, value) = item?;
            next = next.max(number_of(&key) + 1);
            through = through.max(number_of(&value));
            let pages = value.get(8..).unwrap_or_default().chunks_exact(ENTRY).enumerate();
            seals.push(Arc::new(Seal { pages: pages.map(|(at, entry)| page_at(&key, at, entry)).collect() }));
        }
        let bytes = db.size_on_disk()?;
        Ok(Self {
            number,
            db,
            seals_tree,
            seals: RwLock::new(seals),
            next: next.into(),
            through: through.into(),
            bytes: bytes.into(),
            folder: Folder { path: path.to_owned(), leaving: false.into() },
        })
    }

    /// What it holds is in a file: its folder goes when the last reader is done.
    pub(super) fn leave(&self) {
        self.folder.leaving.store(true, Relaxed);
    }

    /// The last journal record whose rows are here.
    pub(super) fn through(&self) -> u64 {
        self.through.load(Relaxed)
    }

    /// How many seals there are.
    pub(super) fn seals(&self) -> usize {
        self.seals.read().len()
    }

    /// About how many bytes it has on the disk.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Keeps a seal's pages, all or none, durably. One call at a time.
    pub(super) fn seal(&self, pages: Vec<NewPage>, through: u64) -> Result<(), sled::Error> {
        let seal = self.next.fetch_add(1, Relaxed);
        let mut entry = Vec::with_capacity(8 + pages.len() * ENTRY);
        entry.extend_from_slice(&through.to_be_bytes());
        let mut kept = Vec::with_capacity(pages.len());
        let mut bytes = 0;
        for (at, page) in pages.into_iter().enumerate() {
            let from = entry.len();
            page.ids.iter().for_each(|id| entry.extend_from_slice(&id.0.to_be_bytes()));
            entry.extend_from_slice(&page.span.0.to_be_bytes());
            entry.extend_from_slice(&page.span.1.to_be_bytes());
            let page_at = page_at(&seal.to_be_bytes(), at, &entry[from..]);
            bytes += page.bytes.len() as u64;
            self.db.insert(page_at.key, page.bytes)?;
            kept.push(page_at);
        }
        self.seals_tree.insert(seal.to_be_bytes(), entry)?;
        self.db.flush()?;
        self.seals.write().push(Arc::new(Seal { pages: kept }));
        self.through.fetch_max(through, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        Ok(())
    }

    /// Passes the samples of a series on, seal by seal, where they may be within `[start, end]`.
    pub(super) fn samples(&self, id: SeriesId, start: TimestampMs, end: TimestampMs, out: &mut Vec<Columns>) -> Result<(), HotError> {
        let seals: Vec<Arc<Seal>> = self.seals.read().clone();
        for seal in seals {
            let from = seal.pages.partition_point(|page| page.ids[1] < id);
            for page in seal.pages[from..].iter().take_while(|page| page.ids[0] <= id) {
                if page.span.0 > end || page.span.1 < start {
                    continue;
                }
                let bytes = self.page(page)?;
                let directory = Directory::read(bytes.as_ref(), 0, bytes.len() as u64)?;
                for chunk in directory.of((id, Kind::Samples)).iter().filter(|c| c.first <= end && c.last >= start) {
                    out.push(directory.samples(bytes.as_ref(), 0, chunk, (start, end))?);
                }
            }
        }
        Ok(())
    }

    fn page(&self, at: &PageAt) -> Result<sled::IVec, HotError> {
        self.db.get(at.key)?.ok_or(HotError::Page(PageError::Codec(CodecError::Damaged("a page is missing"))))
    }

    /// Makes a copy in another folder.
    pub(super) fn copy_to(&self, to: &Path) -> Result<(), sled::Error> {
        copy_db(&self.db, to)
    }

    /// A cursor for each seal, for reading all of it in order.
    pub(super) fn cursors(self: &Arc<Self>) -> Vec<HotPages> {
        self.seals.read().iter().map(|seal| HotPages { hot: Arc::clone(self), seal: Arc::clone(seal), next: 0 }).collect()
    }
}

/// Why the hot part cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HotError {
    #[error(transparent)]
    Database(#[from] sled::Error),
    #[error(transparent)]
    Page(#[from] PageError),
}

/// The pages of one seal, in order.
pub(super) struct HotPages {
    hot: Arc<Hot>,
    seal: Arc<Seal>,
    next: usize,
}

impl HotPages {
    pub(super) fn next_page(&mut self) -> Result<Option<sled::IVec>, HotError> {
        let Some(page) = self.seal.pages.get(self.next) else { return Ok(None) };
        self.next += 1;
        self.hot.page(page).map(Some)
    }
}

fn number_of(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |b| u64::from_be_bytes(*b))
}

fn page_at(seal: &[u8], number: usize, entry: &[u8]) -> PageAt {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&number_of(seal).to_be_bytes());
    key[8..].copy_from_slice(&(number as u32).to_be_bytes());
    let id = |at: usize| SeriesId(u32::from_be_bytes(std::array::from_fn(|i| entry[at + i])));
    let time = |at: usize| i64::from_be_bytes(std::array::from_fn(|i| entry[at + i]));
    PageAt { key, ids: [id(0), id(4)], span: (time(8), time(16)) }
}

/// Copies a database, tree by tree.
pub(super) fn copy_db(db: &sled::Db, to: &Path) -> Result<(), sled::Error> {
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
pub(super) fn open_db(path: &Path, cache_bytes: u64) -> Result<sled::Db, sled::Error> {
    sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(None).open()
}
