//! The data directory's place: who may use it, and whether it is still there.
//!
//! A directory is locked twice, by the file `lock` in it and by the folder itself: removing the file lets no second process in.
//! A folder that is removed or moved takes no notice of those who have files in it open: they write on, into nothing. So it is
//! compared again and again with what lies at its path.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use parking_lot::Mutex;

use super::error::StoreError;

const LOCK: &str = "lock";

/// A data directory that this process has to itself. The locks end with it.
#[derive(Debug)]
pub struct DirectoryLock {
    folder: File,
    file: Option<File>,
}

impl DirectoryLock {
    /// Takes a directory that exists; `lock` is made in it where it can be written.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process has it, [`StoreError::DataDir`] where it cannot be locked.
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        let dir_error = |source| StoreError::DataDir { path: dir.to_owned(), source };
        let folder = lock_folder(dir)?;
        match File::options().read(true).write(true).create(true).truncate(false).open(dir.join(LOCK)) {
            Ok(mut file) => {
                lock(&file, dir)?;
                sign(&mut file);
                Ok(Self { folder, file: Some(file) })
            }
            // A directory that cannot be written can be read all the same.
            Err(error) if is_unwritable(&error) => {
                drop(folder);
                Self::take_as_it_is(dir)
            }
            Err(error) => Err(dir_error(error)),
        }
    }

    /// As [`DirectoryLock::take`], but changes nothing in the directory.
    ///
    /// # Errors
    /// As [`DirectoryLock::take`].
    pub fn take_as_it_is(dir: &Path) -> Result<Self, StoreError> {
        let folder = lock_folder(dir)?;
        let file = match File::open(dir.join(LOCK)) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(StoreError::DataDir { path: dir.to_owned(), source }),
        };
        if let Some(file) = &file {
            lock(file, dir)?;
        }
        Ok(Self { folder, file })
    }
}

fn lock_folder(dir: &Path) -> Result<File, StoreError> {
    let folder = File::open(dir).map_err(|source| StoreError::DataDir { path: dir.to_owned(), source })?;
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => Err(locked(dir)),
        // Some network file systems lock no folders; the file in it is locked there all the same.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(folder),
    }
}

fn lock(file: &File, dir: &Path) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(locked(dir)),
        Err(TryLockError::Error(source)) => Err(StoreError::DataDir { path: dir.to_owned(), source }),
    }
}

fn locked(dir: &Path) -> StoreError {
    let mut pid = String::new();
    // It only makes the message better.
    let read = File::open(dir.join(LOCK)).and_then(|file| file.take(20).read_to_string(&mut pid));
    let pid = pid.trim();
    let pid = if read.is_err() || pid.is_empty() { "unknown".to_owned() } else { pid.to_owned() };
    StoreError::Locked { path: dir.to_owned(), pid }
}

/// Says who has the lock. It only makes a message better, so nothing depends on it.
fn sign(file: &mut File) {
    let signed = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    if let Err(error) = signed {
        log::debug!("the lock file cannot be written: {error}");
    }
}

/// Whether the disk is read-only, full, or not this user's to write.
pub(super) fn is_unwritable(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

/// Whether an open file is what lies at a path.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let key = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let (open, there) = (file.metadata().map(key), fs::metadata(path).map(key));
    open.is_ok_and(|open| there.is_ok_and(|there| open == there))
}

/// Why the store's files are not where they were.
#[derive(Debug, Clone)]
pub(super) struct Missing {
    /// What is missing.
    pub(super) path: PathBuf,
    /// Since when it is known.
    pub(super) since: Instant,
}

/// Watches the place of an open store.
#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
    lock: Mutex<DirectoryLock>,
    missing: Mutex<Option<Missing>>,
}

/// Folders of a data directory that the store does not make again by itself when it needs them.
const FOLDERS: [&str; 2] = ["journal", "partitions"];

impl Place {
    pub(super) fn new(dir: &Path, lock: DirectoryLock) -> Self {
        Self { dir: dir.to_owned(), lock: Mutex::new(lock), missing: Mutex::default() }
    }

    /// What is known to be missing.
    pub(super) fn missing(&self) -> Option<Missing> {
        self.missing.lock().clone()
    }

    /// The first part that is not where it was, by what is there now. A lock file that was removed is made again.
    pub(super) fn look(&self, lost: impl FnOnce() -> Option<PathBuf>) -> Option<PathBuf> {
        let mut lock = self.lock.lock();
        if !is_at(&lock.folder, &self.dir) {
            return Some(self.dir.clone());
        }
        if let Some(folder) = FOLDERS.iter().map(|name| self.dir.join(name)).find(|path| !path.is_dir()) {
            return Some(folder);
        }
        let lost = lost();
        let path = self.dir.join(LOCK);
        if lost.is_none() && lock.file.as_ref().is_some_and(|file| !is_at(file, &path)) {
            match lock_file_again(&self.dir) {
                Ok(file) => {
                    log::warn!("{} was removed while the service runs; it is made again", path.display());
                    lock.file = Some(file);
                }
                Err(error) => log::error!("{} was removed while the service runs and cannot be made again: {error}", path.display()),
            }
        }
        lost
    }

    /// Notes what a look found; gives since when something is missing.
    pub(super) fn note(&self, found: Option<PathBuf>) -> Option<Missing> {
        let mut missing = self.missing.lock();
        match (found, &mut *missing) {
            (None, None) => {}
            (None, Some(_)) => {
                log::warn!("data directory {} is there again; the service goes on with it", self.dir.display());
                *missing = None;
            }
            (Some(path), Some(known)) => known.path = path,
            (Some(path), None) => {
                log::error!("{} is gone; nothing new is kept until it is there again or was made anew", path.display());
                *missing = Some(Missing { path, since: Instant::now() });
            }
        }
        missing.clone()
    }
}

fn lock_file_again(dir: &Path) -> Result<File, StoreError> {
    let dir_error = |source| StoreError::DataDir { path: dir.to_owned(), source };
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(dir.join(LOCK)).map_err(dir_error)?;
    lock(&file, dir)?;
    sign(&mut file);
    Ok(file)
}
