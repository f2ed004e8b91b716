//! Snapshots: consistent copies of the data directory, each with a list of its files.
//!
//! ```text
//! snapshots/NAME.partial/         while it is written
//! snapshots/NAME/                 when it is complete: every file durable, and snapshot.list
//! snapshots/NAME/snapshot.list    format, identity, every file with its bytes and checksum, and a checksum of the list
//! ```
//!
//! The list is text:
//!
//! ```text
//! taskpulse snapshot 1
//! format 4
//! file 8192 5d41402a journal/00000000000000000042.log
//! file 913442 - partitions/2026-11-23/3.chunks
//! end 0badcafe
//! ```
//!
//! Linked files have no checksum in the list, so that a snapshot does not read the whole history; every piece in them has its own
//! checksum. A snapshot that was opened as a data directory no longer matches its list, so the store removes the list then.

mod list;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use self::list::{LIST, PARTIAL, is_partial};
pub use self::list::{SnapshotError, SnapshotList, copy_directory, finished_snapshots};
use super::FORMAT;
use super::error::StoreError;
use super::partition::sync_dir;
use super::state::Store;
use super::work::Task;
use super::writer::StoreWriter;
use crate::logs::store::{BLOCKS, Kind};

/// Folder of the snapshots in a data directory.
pub(super) const FOLDER: &str = "snapshots";

/// Removes the remains of interrupted snapshots from a data directory, and its list if it was itself a snapshot: from now on its
/// content changes.
pub(super) fn clear_leftovers(data_dir: &Path) -> std::io::Result<()> {
    match fs::remove_file(data_dir.join(LIST)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let entries = match fs::read_dir(data_dir.join(FOLDER)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if is_partial(&path) {
            log::warn!("{}: removing the remains of an interrupted snapshot", path.display());
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

impl StoreWriter {
    /// Copies everything accepted before this call to a new folder, while the service runs. Chunk files are hard-linked if the file
    /// system allows it, the rest is copied. [`StoreWriter::open`] opens the copy like any data directory. Until the snapshot is complete
    /// its name ends with `.partial`.
    ///
    /// # Errors
    /// [`StoreError`] if the folder exists or cannot be written; an incomplete copy is removed.
    pub fn snapshot(&self, to: &Path) -> Result<(), StoreError> {
        // Compactions and seals wait. Appends continue; they are in the journal, which is copied last.
        let _no_compaction = self.compacting.lock();
        let fail = |error| StoreError::io(to, error);
        if to.exists() {
            return Err(fail(std::io::Error::new(std::io::ErrorKind::AlreadyExists, "exists already; name a new folder")));
        }
        self.work.run(Task::Snapshot, || {
            clear_leftovers(&self.dir).map_err(|error| StoreError::io(&self.dir.join(FOLDER), error))?;
            self.check_space_for_snapshot()?;
            let mut partial = to.as_os_str().to_owned();
            partial.push(PARTIAL);
            let partial = PathBuf::from(partial);
            let made = self.write_snapshot(&partial).and_then(|()| {
                fail::fail_point!("store::snapshot::rename", |_| Err(StoreError::Deadline));
                fs::rename(&partial, to).map_err(fail)?;
                to.parent().map_or(Ok(()), sync_dir).map_err(fail)
            });
            if made.is_err() && partial.exists() {
                match fs::remove_dir_all(&partial) {
                    Ok(()) => {}
                    Err(error) => log::warn!("cannot remove {}: {error}", partial.display()),
                }
            }
            made
        })
    }
}

impl Store {
    /// Checks that the reserve of the disk stays free after the copy.
    fn check_space_for_snapshot(&self) -> Result<(), StoreError> {
        fn copied(path: &Path) -> u64 {
            match fs::metadata(path) {
                Ok(meta) if meta.is_dir() => fs::read_dir(path).into_iter().flatten().flatten().map(|entry| copied(&entry.path())).sum(),
                Ok(meta) if path.extension().is_none_or(|extension| extension != "chunks" && extension != BLOCKS) => meta.len(),
                _ => 0,
            }
        }
        let own = ["series.log", "catalog.log", "exemplars.log", "progress", "journal", "partitions"];
        let parts = own.into_iter().chain([Kind::Lines.folder(), Kind::Spans.folder()]);
        let bytes = parts.map(|part| copied(&self.dir.join(part))).sum();
        self.disk_space.check_for(&self.dir, bytes)
    }

    fn write_snapshot(&self, to: &Path) -> Result<(), StoreError> {
        let fail = |error| StoreError::io(to, error);
        fs::create_dir_all(to).map_err(fail)?;
        self.copy_everything(to)?;
        fail::fail_point!("store::snapshot::list", |_| Err(StoreError::Deadline));
        let list = SnapshotList::of(to, || self.work.progress(Task::Snapshot)).map_err(fail)?;
        list.write(to).map_err(fail)
    }

    fn copy_everything(&self, to: &Path) -> Result<(), StoreError> {
        let fail = |error| StoreError::io(to, error);
        let progress = || self.work.progress(Task::Snapshot);
        self.seal_now()?;
        let _no_seal = self.sealing.lock();
        progress();
        for day in self.partitions.days() {
            if let Some(partition) = self.partitions.get(day, false)? {
                let copied = partition.copy_to(&to.join("partitions").join(day.name()));
                copied.map_err(|error| self.partitions.error(day, error))?;
                progress();
            }
        }
        self.journal.copy_to(to).map_err(fail)?;
        progress();
        self.catalog.copy_to(to)?;
        progress();
        self.exemplars.copy_to(to)?;
        progress();
        self.logs.copy_to(to, progress)?;
        self.traces.copy_to(to, progress)?;
        fs::copy(self.dir.join("identity"), to.join("identity")).map_err(fail)?;
        fs::copy(self.dir.join("progress"), to.join("progress")).map_err(fail)?;
        Ok(())
    }
}
