//! Putting one file in the place of those it was made of.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::super::chunk_file::ChunkFile;
use super::super::day_file::{FileHeader, FileKind};
use super::place::{TEMPORARY, file_name};
use super::{Partition, PartitionError, Parts, sync_dir};

/// How a compaction leaves a partition.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Outcome {
    /// The chunk files are taken too, not the pages files alone.
    pub(in crate::store) whole: bool,
    pub(in crate::store) finished: bool,
    pub(in crate::store) thinned_ms: i64,
}

/// A compaction that is under way.
pub(in crate::store) struct Compaction {
    /// What it takes.
    pub(in crate::store) parts: Parts,
    /// What the new file says about itself.
    pub(in crate::store) header: FileHeader,
    /// Where it is written.
    pub(in crate::store) temporary: PathBuf,
}

impl Partition {
    /// Begins a compaction: from now on seals write to other files than those it takes.
    pub(in crate::store) fn begin_compaction(&self, outcome: Outcome) -> Compaction {
        let _one = self.change.lock();
        let parts = self.parts();
        let number = parts.next;
        let mut after = Parts::clone(&parts);
        after.next += 1;
        // In memory only: a number that was given out and not used does no harm.
        *self.parts.write() = Arc::new(after);
        self.frozen_below.store(number, Relaxed);
        let mut taken = Parts::clone(&parts);
        if !outcome.whole {
            taken.files.clear();
        }
        let header = FileHeader {
            kind: FileKind::Chunks,
            identity: self.place.identity,
            day: self.place.day,
            number,
            sources: taken.bases().map(|file| (file.number, file.file.len())).collect(),
            through: taken.through(),
            finished: outcome.finished,
            thinned_ms: outcome.thinned_ms,
        };
        let name = format!("{}{TEMPORARY}", file_name(FileKind::Chunks, number));
        Compaction { parts: taken, header, temporary: self.place.dir.join(name) }
    }

    /// Puts the file that was written in the place of those it was made of. One of those that is damaged goes into quarantine.
    pub(in crate::store) fn end_compaction(&self, compaction: &Compaction) -> Result<(), PartitionError> {
        let mut written = self.change.lock();
        let number = compaction.header.number;
        let path = self.place.path(FileKind::Chunks, number);
        fail::fail_point!("store::compact::rename", |_| Err(std::io::Error::other("failpoint").into()));
        fs::rename(&compaction.temporary, &path)?;
        sync_dir(&self.place.dir)?;
        let file = ChunkFile::open(&path, &self.place.expected(FileKind::Chunks, number), &self.place.problems)?;
        fail::fail_point!("store::compact::manifest", |_| Err(std::io::Error::other("failpoint").into()));
        let mut parts = Parts::clone(&self.parts());
        let is_taken = |number: u64| compaction.header.sources.iter().any(|source| source.0 == number);
        parts.files.retain(|file| !is_taken(file.number()));
        parts.hot.retain(|hot| !is_taken(hot.number()));
        parts.files.push(Arc::new(file));
        parts.leaving.extend(compaction.header.sources.iter().map(|source| source.0));
        *self.parts.write() = Arc::new(parts);
        // The file says itself what it replaces, and is durable under its name: it counts from here on, and what it replaces
        // may go although a full disk has no room for the manifest.
        written.current = false;
        if let Err(error) = self.settle(&mut written).and_then(|()| sync_dir(&self.place.dir)) {
            log::warn!("partition {}: its manifest cannot be written: {error}; it is tried again", self.place.day.name());
        }
        fail::fail_point!("store::compact::cleanup", |_| Err(std::io::Error::other("failpoint").into()));
        let mut gone = Vec::new();
        for file in compaction.parts.bases() {
            // Readers may still be at it: they have it open.
            if file.report.is_damaged() {
                self.place.set_aside(&file.path, "it was written anew without what is damaged in it");
            } else {
                fs::remove_file(&file.path)?;
            }
            gone.push(file.number);
        }
        let mut parts = Parts::clone(&self.parts());
        parts.leaving.retain(|number| !gone.contains(number));
        *self.parts.write() = Arc::new(parts);
        Ok(())
    }

    /// A compaction failed or was stopped: what it wrote goes, unless it counts already.
    pub(in crate::store) fn abandon_compaction(&self, compaction: &Compaction) {
        let _one = self.change.lock();
        let number = compaction.header.number;
        let mut parts = Parts::clone(&self.parts());
        let renamed = Some(self.place.path(FileKind::Chunks, number)).filter(|_| parts.files.iter().all(|file| file.number() != number));
        for path in [&compaction.temporary].into_iter().chain(&renamed) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    log::warn!("{} cannot be removed: {error}", path.display());
                    parts.leaving.push(number);
                }
                _ => {}
            }
        }
        *self.parts.write() = Arc::new(parts);
    }
}
