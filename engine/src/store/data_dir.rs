//! The data directory: which process may use it, and whether it is still in place.
//!
//! A directory is locked twice, by the file `lock` in it and on the folder itself, so that removing the file does not let a second
//! process in. Processes with open files do not notice when a folder is removed or moved: they keep writing to files that nobody
//! will find. So the open directory is regularly compared with what exists at its path.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use parking_lot::Mutex;

use super::error::StoreError;

const LOCK: &str = "lock";

/// Exclusive use of a data directory. The locks end with the value.
#[derive(Debug)]
pub struct DirectoryLock {
    folder: File,
    file: Option<File>,
}

impl DirectoryLock {
    /// Locks an existing directory; creates the file `lock` in it if it is writable.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process uses it, [`StoreError::DataDir`] if it cannot be locked.
    pub fn acquire(dir: &Path) -> Result<Self, StoreError> {
        let dir_error = |source| StoreError::DataDir { path: dir.to_owned(), source };
        let folder = lock_folder(dir)?;
        match File::options().read(true).write(true).create(true).truncate(false).open(dir.join(LOCK)) {
            Ok(mut file) => {
                lock(&file, dir)?;
                sign(&mut file);
                Ok(Self { folder, file: Some(file) })
            }
            // A read-only directory can still be read.
            Err(error) if is_unwritable(&error) => {
                drop(folder);
                Self::acquire_read_only(dir)
            }
            Err(error) => Err(dir_error(error)),
        }
    }

    /// Like [`DirectoryLock::acquire`], but changes nothing in the directory.
    ///
    /// # Errors
    /// Like [`DirectoryLock::acquire`].
    pub fn acquire_read_only(dir: &Path) -> Result<Self, StoreError> {
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
        // Some network file systems cannot lock folders; the lock on the file works there.
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
    // The process id only improves the message.
    let read = File::open(dir.join(LOCK)).and_then(|file| file.take(20).read_to_string(&mut pid));
    let pid = pid.trim();
    let pid = if read.is_err() || pid.is_empty() { "unknown".to_owned() } else { pid.to_owned() };
    StoreError::Locked { path: dir.to_owned(), pid }
}

/// Writes the process id into the lock file, for error messages only.
fn sign(file: &mut File) {
    let signed = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    if let Err(error) = signed {
        log::debug!("cannot write the lock file: {error}");
    }
}

/// Whether writing failed because the disk is read-only or full, or permission is missing.
pub(super) fn is_unwritable(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

/// Whether an open file is the one at a path.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let key = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let (open, there) = (file.metadata().map(key), fs::metadata(path).map(key));
    open.is_ok_and(|open| there.is_ok_and(|there| open == there))
}

/// A missing part of the data directory.
#[derive(Debug, Clone)]
pub(super) struct MissingPart {
    /// What is missing.
    pub(super) path: PathBuf,
    /// How it is missing.
    pub(super) what: &'static str,
    /// Since when this is known.
    pub(super) since: Instant,
}

const GONE: &str = "is gone while the service runs";
const OTHER: &str = "is not the directory that the service opened; restart it to use this one, or put the other back";

impl MissingPart {
    /// The error for refused writes.
    pub(super) fn error(self) -> StoreError {
        StoreError::Missing { path: self.path, what: self.what }
    }
}

/// What exists at the path of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtPath {
    /// The directory that was opened.
    Same,
    /// Nothing, or an empty folder on the same file system: the directory can be recreated.
    Nothing,
    /// Something else, or the file system is not mounted.
    Other,
}

/// Watches the directory of an open store.
#[derive(Debug)]
pub(super) struct DataDir {
    dir: PathBuf,
    /// The file system it is on.
    device: Option<u64>,
    lock: Mutex<DirectoryLock>,
    missing: Mutex<Option<MissingPart>>,
}

/// Folders that are created at the start only.
const FOLDERS: [&str; 2] = ["journal", "partitions"];

impl DataDir {
    pub(super) fn new(dir: &Path, lock: DirectoryLock) -> Self {
        let device = lock.folder.metadata().ok().map(|meta| meta.dev());
        Self { dir: dir.to_owned(), device, lock: Mutex::new(lock), missing: Mutex::default() }
    }

    /// What is known to be missing.
    pub(super) fn missing(&self) -> Option<MissingPart> {
        self.missing.lock().clone()
    }

    /// Compares the path with the open directory.
    pub(super) fn at_path(&self) -> AtPath {
        if is_at(&self.lock.lock().folder, &self.dir) {
            return AtPath::Same;
        }
        let on_device = |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.is_dir() && Some(meta.dev()) == self.device);
        let parent = self.dir.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
        match fs::read_dir(&self.dir).map(Iterator::count) {
            Ok(0) if on_device(&self.dir) => AtPath::Nothing,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && parent.is_some_and(on_device) => AtPath::Nothing,
            _ => AtPath::Other,
        }
    }

    /// Locks the directory that is now at the path, after the locked one was removed.
    pub(super) fn relock(&self) -> Result<(), StoreError> {
        let taken = DirectoryLock::acquire(&self.dir)?;
        *self.lock.lock() = taken;
        Ok(())
    }

    /// Checks whether anything is missing and remembers it; `part` checks the parts of the directory while it exists.
    pub(super) fn check(&self, part: impl FnOnce() -> Option<PathBuf>) -> Option<MissingPart> {
        let found = match self.at_path() {
            AtPath::Same => {
                let folder = FOLDERS.iter().map(|name| self.dir.join(name)).find(|path| !path.is_dir());
                folder.or_else(part).map(|path| (path, GONE))
            }
            AtPath::Nothing => Some((self.dir.clone(), GONE)),
            AtPath::Other if self.dir.exists() => Some((self.dir.clone(), OTHER)),
            AtPath::Other => Some((self.dir.clone(), GONE)),
        };
        let mut missing = self.missing.lock();
        match (found, &mut *missing) {
            (None, None) => {}
            (None, Some(_)) => {
                log::warn!("data directory {} is complete again; the service continues with it", self.dir.display());
                *missing = None;
            }
            (Some((path, what)), Some(known)) => (known.path, known.what) = (path, what),
            (Some((path, what)), None) => {
                log::error!("{} {what}; new samples are refused meanwhile", path.display());
                *missing = Some(MissingPart { path, what, since: Instant::now() });
            }
        }
        missing.clone()
    }

    /// Recreates the lock file if it was removed.
    pub(super) fn restore_lock_file(&self) {
        let mut lock = self.lock.lock();
        let path = self.dir.join(LOCK);
        if lock.file.as_ref().is_none_or(|file| is_at(file, &path)) {
            return;
        }
        match lock_file_again(&self.dir) {
            Ok(file) => {
                log::warn!("{} was removed while the service runs; it was created again", path.display());
                lock.file = Some(file);
            }
            Err(error) => log::error!("{} was removed while the service runs and cannot be created again: {error}", path.display()),
        }
    }
}

fn lock_file_again(dir: &Path) -> Result<File, StoreError> {
    let dir_error = |source| StoreError::DataDir { path: dir.to_owned(), source };
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(dir.join(LOCK)).map_err(dir_error)?;
    lock(&file, dir)?;
    sign(&mut file);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(dir: &Path) -> DataDir {
        fs::create_dir_all(dir.join("journal")).unwrap();
        fs::create_dir_all(dir.join("partitions")).unwrap();
        DataDir::new(dir, DirectoryLock::acquire(dir).unwrap())
    }

    #[test]
    fn a_directory_is_locked_even_where_the_lock_file_was_removed() {
        let dir = tempfile::tempdir().unwrap();
        let held = DirectoryLock::acquire(dir.path()).unwrap();
        let text = DirectoryLock::acquire(dir.path()).unwrap_err().to_string();
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        fs::remove_file(dir.path().join(LOCK)).unwrap();
        assert!(matches!(DirectoryLock::acquire(dir.path()), Err(StoreError::Locked { .. })));
        assert!(matches!(DirectoryLock::acquire_read_only(dir.path()), Err(StoreError::Locked { .. })));
        drop(held);
        drop(DirectoryLock::acquire_read_only(dir.path()).unwrap());
        assert!(!dir.path().join(LOCK).exists(), "nothing is made");
        drop(DirectoryLock::acquire(dir.path()).unwrap());
    }

    #[test]
    fn the_check_distinguishes_a_missing_and_a_foreign_directory() {
        let root = tempfile::tempdir().unwrap();
        let (dir, away) = (root.path().join("data"), root.path().join("away"));
        let data_dir = opened(&dir);
        assert!(data_dir.check(|| None).is_none() && data_dir.at_path() == AtPath::Same);
        fs::rename(&dir, &away).unwrap();
        assert_eq!((data_dir.check(|| None).unwrap().what, data_dir.at_path()), (GONE, AtPath::Nothing));
        fs::create_dir(&dir).unwrap();
        assert_eq!(data_dir.at_path(), AtPath::Nothing, "an empty folder is as good as none");
        fs::write(dir.join("something"), "").unwrap();
        assert_eq!((data_dir.check(|| None).unwrap().what, data_dir.at_path()), (OTHER, AtPath::Other));
        assert!(data_dir.missing().is_some());
        fs::remove_dir_all(&dir).unwrap();
        fs::rename(&away, &dir).unwrap();
        assert!(data_dir.check(|| None).is_none() && data_dir.missing().is_none());
        fs::remove_dir(dir.join("journal")).unwrap();
        assert_eq!(data_dir.check(|| None).unwrap().path, dir.join("journal"));
        fs::remove_dir_all(root.path().join("data")).unwrap();
        drop(root);
        assert_eq!(data_dir.at_path(), AtPath::Other, "without the folder above nothing is made anew");
    }

    #[test]
    fn a_removed_lock_file_is_created_again() {
        let root = tempfile::tempdir().unwrap();
        let data_dir = opened(root.path());
        let path = root.path().join(LOCK);
        fs::remove_file(&path).unwrap();
        data_dir.restore_lock_file();
        assert_eq!(fs::read_to_string(&path).unwrap().trim(), std::process::id().to_string());
        fs::write(root.path().join("new"), "").unwrap();
        fs::rename(root.path().join("new"), &path).unwrap();
        data_dir.restore_lock_file();
        assert_eq!(fs::read_to_string(&path).unwrap().trim(), std::process::id().to_string());
    }
}
