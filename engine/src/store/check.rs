//! Checking a data directory that is not open: everything is read, nothing is changed.
//!
//! The code that opens a directory knows best what is wrong with it and what to do. So the check opens the directory as a start of
//! the service does, in a scratch folder that has the directory's files: the chunk files linked, since they are
//! written once and never changed, the rest copied. A repair opens the directory itself.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::data_dir::DirectoryLock;
use super::error::StoreError;
use super::snapshot::{self, SnapshotList};
use super::state::Store;
use super::{FORMAT, StoreOptions};
use crate::logs::store::BLOCKS;
use crate::model::TimestampMs;

/// What an examination found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Where it is.
    pub data_dir: PathBuf,
    /// Its format.
    pub format: u32,
    /// What is damaged, missing or cannot be explained, what that costs, and what is done about it. Empty where all is sound.
    pub findings: Vec<String>,
    /// Whether that was done. Without, the next start of the service, or a repair, does it.
    pub repaired: bool,
    /// Days with samples.
    pub days: usize,
    /// Series that are known.
    pub series: usize,
    /// Samples in the journal that no chunk has.
    pub unsealed_samples: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

/// Files of a data directory that are not part of its history.
const NOT_EXAMINED: [&str; 3] = ["lock", snapshot::FOLDER, "quarantine"];
/// By one of these a folder is known to be a data directory.
const PARTS: [&str; 5] = ["identity", "series.log", "catalog.log", "journal", "partitions"];

/// Reads all of a data directory, or of a snapshot. With `repair`, what a start of the service does about damage is done.
///
/// # Errors
/// [`StoreError`] when it cannot be examined: it is no data directory, in use, of another format, or there is no room for the
/// scratch folder.
pub fn check(dir: &Path, options: &StoreOptions, now: TimestampMs, repair: bool) -> Result<Report, StoreError> {
    let dir = fs::canonicalize(dir).map_err(|error| StoreError::io(dir, error))?;
    if !PARTS.iter().any(|part| dir.join(part).exists()) {
        let error = std::io::Error::new(std::io::ErrorKind::NotFound, "not a data directory, nothing of one is in it");
        return Err(StoreError::File { path: dir, source: error });
    }
    let mut findings = Vec::new();
    if SnapshotList::is_in(&dir) {
        let held = SnapshotList::read(&dir).and_then(|list| list.verify(&dir));
        findings.extend(held.err().map(|error| error.to_string()));
    }
    let mut report = if repair {
        examine(&dir, &dir, options, now)?
    } else {
        let _lock = DirectoryLock::acquire_read_only(&dir)?;
        let scratch = Scratch::of(&dir)?;
        examine(&scratch.path, &dir, options, now)?
    };
    report.repaired = repair;
    findings.append(&mut report.findings);
    report.findings = findings;
    Ok(report)
}

/// Opens a directory and reads all of it; the report calls it `shown`.
fn examine(dir: &Path, shown: &Path, options: &StoreOptions, now: TimestampMs) -> Result<Report, StoreError> {
    let store = Store::open(dir, options.clone(), now)?;
    store.read_all_days()?;
    let status = store.status();
    let rename = |text: String| text.replace(&dir.display().to_string(), &shown.display().to_string());
    Ok(Report {
        data_dir: shown.to_owned(),
        format: FORMAT,
        findings: store.problems().into_iter().map(rename).collect(),
        repaired: false,
        days: status.partitions.len(),
        series: status.series,
        unsealed_samples: status.head_samples,
        bytes: bytes_below(dir),
    })
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.filter(|entry| !NOT_EXAMINED.iter().any(|name| entry.file_name() == *name)).map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

impl Store {
    /// Reads every piece of every day, of samples, log lines and spans, so that all that is damaged is among the problems.
    ///
    /// # Errors
    /// [`StoreError`] when a day cannot be read for the moment.
    pub fn read_all_days(&self) -> Result<(), StoreError> {
        for day in self.partitions.days() {
            if let Some(partition) = self.partitions.get(day, false)? {
                partition.verify(|| ()).map_err(|error| self.partitions.error(day, error))?;
            }
        }
        self.logs.verify()?;
        self.traces.verify()
    }
}

/// A folder with the files of a data directory; gone when dropped.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// In the directory itself, where chunk files can be linked; where that cannot be written, among the system's temporary files.
    fn of(dir: &Path) -> Result<Self, StoreError> {
        let name = format!("check-{}.partial", std::process::id());
        let inside = Self { path: dir.join(snapshot::FOLDER).join(&name) };
        match inside.fill(dir) {
            Ok(()) => return Ok(inside),
            Err(error) => log::debug!("{}: {error}", inside.path.display()),
        }
        drop(inside);
        let elsewhere = Self { path: std::env::temp_dir().join(format!("taskpulse-{name}")) };
        elsewhere.fill(dir).map_err(|error| StoreError::io(&elsewhere.path, error))?;
        Ok(elsewhere)
    }

    fn fill(&self, dir: &Path) -> std::io::Result<()> {
        fs::create_dir_all(&self.path)?;
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if !NOT_EXAMINED.iter().any(|name| entry.file_name() == *name) {
                copy(&entry.path(), &self.path.join(entry.file_name()))?;
            }
        }
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let kind = from.symlink_metadata()?.file_type();
    if kind.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
    } else if kind.is_file() {
        let written_once = from.extension().is_some_and(|extension| extension == "chunks" || extension == BLOCKS);
        if !(written_once && fs::hard_link(from, to).is_ok()) {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            log::warn!("{} cannot be removed: {error}", self.path.display());
        }
        // Made for this; not there if it holds snapshots.
        if let Some(parent) = self.path.parent().filter(|parent| parent.ends_with(snapshot::FOLDER)) {
            let _ = fs::remove_dir(parent);
        }
    }
}
