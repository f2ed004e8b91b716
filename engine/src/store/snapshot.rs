//! Snapshots: clean copies of everything, each with a list of what belongs to it.
//!
//! ```text
//! snapshots/NAME.partial/         while it is written
//! snapshots/NAME/                 when it is whole: every file durable, and snapshot.list
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
//! Files that are linked have no checksum in the list, so that a snapshot does not read the whole history; every piece in them has
//! one of its own. A snapshot that was opened as a data directory is no longer what its list says; the store removes the list then.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::partition::sync_dir;
use super::work::Task;
use super::{FORMAT, Store};

/// Name of the list in a snapshot.
const LIST: &str = "snapshot.list";
/// Name of the list while it is written.
const LIST_TEMPORARY: &str = "snapshot.list.tmp";
const TITLE: &str = "taskpulse snapshot 1";
/// Where snapshots are kept in a data directory.
pub(super) const FOLDER: &str = "snapshots";
/// Marks one that is not whole.
const PARTIAL: &str = ".partial";

/// Why a folder is not a snapshot that can be relied on.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is no list.
    #[error(
        "{0}: not a finished snapshot: it was interrupted, or is something else ({LIST} is missing or its name ends with {PARTIAL}); use another"
    )]
    NoList(PathBuf),
    /// The list itself is damaged or of another version.
    #[error("{0}: {1}; use another snapshot")]
    List(PathBuf, &'static str),
    /// What is there is not what the list says.
    #[error("{}: {what}; `taskpulse check --data-dir SNAPSHOT` says what can still be read of it", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// How it differs.
        what: String,
    },
    /// What is in the files is damaged.
    #[error("{} is damaged; `taskpulse check` says this of it, and a copy of the folder can still be opened with what is sound:\n- {}", path.display(), findings.join("\n- "))]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        findings: Vec<String>,
    },
    /// Something other than a file or folder.
    #[error("{0}: neither a file nor a folder; a snapshot has no links and no devices")]
    Foreign(PathBuf),
    /// It cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// What.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl SnapshotError {
    /// Whether it is a snapshot that something happened to.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::List(..) | Self::Differs { .. } | Self::Damaged { .. })
    }
}

/// A file of a snapshot, as the list has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    bytes: u64,
    crc: Option<u32>,
}

/// What belongs to a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotList {
    files: BTreeMap<String, Entry>,
}

impl SnapshotList {
    /// Reads the list of a snapshot.
    ///
    /// # Errors
    /// [`SnapshotError`]: there is none, it is damaged, or it was written by another version.
    pub fn read(snapshot: &Path) -> Result<Self, SnapshotError> {
        let path = snapshot.join(LIST);
        if is_partial(snapshot) {
            return Err(SnapshotError::NoList(snapshot.to_owned()));
        }
        let text = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(SnapshotError::NoList(snapshot.to_owned())),
            Err(source) => return Err(SnapshotError::Io { path, source }),
        };
        let text = String::from_utf8(text).map_err(|_| SnapshotError::List(path.clone(), "the list is damaged"))?;
        Self::parse(&text).map_err(|why| SnapshotError::List(path, why))
    }

    /// Whether a folder has a list, sound or not.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(LIST).symlink_metadata().is_ok()
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let damaged = "the list is damaged";
        let (body, end) = text.trim_end_matches('\n').rsplit_once('\n').ok_or(damaged)?;
        let crc = end.strip_prefix("end ").and_then(|hex| u32::from_str_radix(hex, 16).ok()).ok_or(damaged)?;
        if crc32fast::hash(body.as_bytes()) != crc {
            return Err(damaged);
        }
        let mut lines = body.lines();
        if lines.next() != Some(TITLE) {
            return Err("the list is of another version of taskpulse");
        }
        let format = lines.next().and_then(|line| line.strip_prefix("format ")).and_then(|format| format.parse::<u32>().ok());
        if format != Some(FORMAT) {
            return Err("the snapshot has another format; use the version that made it");
        }
        let mut files = BTreeMap::new();
        for line in lines {
            let mut words = line.strip_prefix("file ").ok_or(damaged)?.splitn(3, ' ');
            let bytes = words.next().and_then(|word| word.parse().ok()).ok_or(damaged)?;
            let crc = match words.next().ok_or(damaged)? {
                "-" => None,
                hex => Some(u32::from_str_radix(hex, 16).map_err(|_| damaged)?),
            };
            files.insert(words.next().ok_or(damaged)?.to_owned(), Entry { bytes, crc });
        }
        Ok(Self { files })
    }

    fn to_text(&self) -> String {
        let mut text = format!("{TITLE}\nformat {FORMAT}");
        for (name, entry) in &self.files {
            let crc = entry.crc.map_or_else(|| "-".to_owned(), |crc| format!("{crc:08x}"));
            let _ = write!(text, "\nfile {} {crc} {name}", entry.bytes);
        }
        let crc = crc32fast::hash(text.as_bytes());
        let _ = write!(text, "\nend {crc:08x}\n");
        text
    }

    /// Lists what is in a folder. Files that are not linked from elsewhere get a checksum and are made durable, and so are folders.
    fn of(folder: &Path, mut progress: impl FnMut()) -> std::io::Result<Self> {
        let mut files = BTreeMap::new();
        for (name, path) in walk(folder).map_err(std::io::Error::other)? {
            let meta = fs::metadata(&path)?;
            let crc = if meta.nlink() == 1 {
                let mut file = File::open(&path)?;
                let (_, crc) = digest(&mut file, &mut std::io::sink())?;
                file.sync_all()?;
                Some(crc)
            } else {
                None
            };
            files.insert(name, Entry { bytes: meta.len(), crc });
            progress();
        }
        sync_folders(folder)?;
        Ok(Self { files })
    }

    fn write(&self, folder: &Path) -> std::io::Result<()> {
        let temporary = folder.join(LIST_TEMPORARY);
        let mut file = File::create(&temporary)?;
        file.write_all(self.to_text().as_bytes())?;
        file.sync_all()?;
        fs::rename(temporary, folder.join(LIST))?;
        sync_dir(folder)
    }

    /// Copies the files of a snapshot to a new folder, durably, and holds each to the list while it is read. The list itself stays
    /// behind: what is copied is a data directory.
    ///
    /// # Errors
    /// [`SnapshotError`]: a file is missing, is not what the list says, or is not on the list; or something cannot be read or written.
    pub fn copy_to(&self, snapshot: &Path, to: &Path) -> Result<(), SnapshotError> {
        self.hold(snapshot, |name, path| copy_file(path, &to.join(name)))?;
        sync_folders(to).map_err(|source| SnapshotError::Io { path: to.to_owned(), source })
    }

    /// Holds the files of a snapshot to the list.
    ///
    /// # Errors
    /// As [`SnapshotList::copy_to`].
    pub fn verify(&self, snapshot: &Path) -> Result<(), SnapshotError> {
        self.hold(snapshot, |_, path| {
            let read = File::open(path).and_then(|mut file| digest(&mut file, &mut std::io::sink()));
            read.map_err(|source| SnapshotError::Io { path: path.to_owned(), source })
        })
    }

    /// `read` gives the length and the checksum of a file.
    fn hold(&self, snapshot: &Path, mut read: impl FnMut(&str, &Path) -> Result<(u64, u32), SnapshotError>) -> Result<(), SnapshotError> {
        let found: BTreeMap<String, PathBuf> = walk(snapshot)?.into_iter().filter(|(name, _)| name != LIST).collect();
        if let Some(name) = self.files.keys().find(|name| !found.contains_key(*name)) {
            return Err(SnapshotError::Differs { path: snapshot.join(name), what: "is missing, the list names it".to_owned() });
        }
        for (name, path) in &found {
            let differs = |what: String| SnapshotError::Differs { path: path.clone(), what };
            let entry = self.files.get(name).ok_or_else(|| differs("is not on the list".to_owned()))?;
            let (bytes, crc) = read(name, path)?;
            if bytes != entry.bytes {
                return Err(differs(format!("has {bytes} bytes, the list says {}", entry.bytes)));
            }
            if entry.crc.is_some_and(|known| known != crc) {
                return Err(differs("is damaged, its checksum is not the one on the list".to_owned()));
            }
        }
        Ok(())
    }
}

/// Copies a data directory that nobody has open to a new folder, durably, without its lock and its snapshots.
///
/// # Errors
/// [`SnapshotError`]: something is neither file nor folder, or cannot be read or written.
pub fn copy_directory(from: &Path, to: &Path) -> Result<(), SnapshotError> {
    for (name, path) in walk(from)? {
        if name != "lock" && name != LIST {
            copy_file(&path, &to.join(name))?;
        }
    }
    sync_folders(to).map_err(|source| SnapshotError::Io { path: to.to_owned(), source })
}

/// Every file below a folder by its path in it, the snapshots of a data directory left out.
fn walk(folder: &Path) -> Result<Vec<(String, PathBuf)>, SnapshotError> {
    let mut files = Vec::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        let fail = |source| SnapshotError::Io { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(fail)?);
            let Ok(name) = entry.file_name().into_string() else { return Err(SnapshotError::Foreign(path)) };
            let name = format!("{prefix}{name}");
            if kind.is_dir() {
                if name != FOLDER {
                    folders.push((format!("{name}/"), path));
                }
            } else if kind.is_file() && !name.contains('\n') {
                files.push((name, path));
            } else {
                return Err(SnapshotError::Foreign(path));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn sync_folders(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync_dir(folder)
}

fn copy_file(from: &Path, to: &Path) -> Result<(u64, u32), SnapshotError> {
    let write_error = |source| SnapshotError::Io { path: to.to_owned(), source };
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(write_error)?;
    }
    let mut source = File::open(from).map_err(|source| SnapshotError::Io { path: from.to_owned(), source })?;
    let mut target = File::create_new(to).map_err(write_error)?;
    let copied = digest(&mut source, &mut target).map_err(|source| SnapshotError::Io { path: from.to_owned(), source })?;
    target.sync_all().map_err(write_error)?;
    Ok(copied)
}

/// Copies bytes; gives how many, and their checksum.
fn digest(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<(u64, u32)> {
    let (mut buffer, mut hasher, mut bytes) = (vec![0; 1 << 17], crc32fast::Hasher::new(), 0);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((bytes, hasher.finalize())),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                to.write_all(&buffer[..n])?;
                bytes += n as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The finished snapshots of a data directory.
#[must_use]
pub fn finished_snapshots(data_dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data_dir.join(FOLDER)).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir() && !is_partial(path)).collect()
}

fn is_partial(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(PARTIAL))
}

/// Removes what interrupted snapshots left in a data directory, and the list that the directory itself has where it was a snapshot:
/// from now on it changes.
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
            log::warn!("{}: removing what an interrupted snapshot left", path.display());
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

impl Store {
    /// Makes a copy of everything that was accepted before this call in a new folder, while the service goes on. Chunk files
    /// are linked where the file system allows, the rest is copied. [`Store::open`] opens the copy as it is. Until it is whole its
    /// name ends with `.partial`.
    ///
    /// # Errors
    /// [`StoreError`] when the folder exists or cannot be written; what was written of it is removed.
    pub fn snapshot(&self, to: &Path) -> Result<(), StoreError> {
        // Compactions and seals wait; appends go on and are in the journal that is copied last.
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
                    Err(error) => log::warn!("{} cannot be removed: {error}", partial.display()),
                }
            }
            made
        })
    }

    /// What is copied must leave the reserve of the disk as it is.
    fn check_space_for_snapshot(&self) -> Result<(), StoreError> {
        fn copied(path: &Path) -> u64 {
            match fs::metadata(path) {
                Ok(meta) if meta.is_dir() => fs::read_dir(path).into_iter().flatten().flatten().map(|entry| copied(&entry.path())).sum(),
                Ok(meta) if path.extension().is_none_or(|extension| extension != "chunks") => meta.len(),
                _ => 0,
            }
        }
        let bytes =
            ["series.log", "catalog.log", "progress", "journal", "partitions"].iter().map(|part| copied(&self.dir.join(part))).sum();
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
        self.seal()?;
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
        fs::copy(self.dir.join("identity"), to.join("identity")).map_err(fail)?;
        fs::copy(self.dir.join("progress"), to.join("progress")).map_err(fail)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
