//! Helpers for files of a data directory: atomic replacement and quarantine.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::partition::sync_dir;

/// Where files go that cannot be read or explained. The service never deletes from it.
const QUARANTINE: &str = "quarantine";

/// Creates a folder and its parents; new ones are private to the user.
pub(crate) fn create_private_dir(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces a file durably and atomically.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = temporary_of(path);
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    put_in_place(&temporary, path)
}

/// Path of the next version of a file while it is written.
pub(crate) fn temporary_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

/// Renames a file that was written and synced, durably.
pub(crate) fn put_in_place(temporary: &Path, path: &Path) -> std::io::Result<()> {
    fs::rename(temporary, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Moves a file or folder into quarantine and returns its new path.
pub(crate) fn set_aside(data_dir: &Path, path: &Path, name: &str) -> std::io::Result<PathBuf> {
    let to = free_name(data_dir, name)?;
    fs::rename(path, &to)?;
    Ok(to)
}

/// Copies a file into quarantine and returns the path of the copy.
pub(crate) fn copy_aside(data_dir: &Path, path: &Path, name: &str) -> std::io::Result<PathBuf> {
    let to = free_name(data_dir, name)?;
    fs::copy(path, &to)?;
    Ok(to)
}

/// Writes damaged bytes into quarantine; the same bytes under the same name are written only once.
pub(crate) fn keep_aside(data_dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let same = data_dir.join(QUARANTINE).join(name);
    if fs::read(&same).is_ok_and(|there| there == bytes) {
        return Ok(same);
    }
    let to = free_name(data_dir, name)?;
    fs::write(&to, bytes)?;
    Ok(to)
}

/// Describes the result of a move or copy into quarantine, for a message.
pub(crate) fn outcome(done: &str, result: std::io::Result<PathBuf>) -> String {
    match result {
        Ok(to) => format!("{done} {}", to.display()),
        Err(error) => format!("moving it to quarantine failed: {error}"),
    }
}

fn free_name(data_dir: &Path, name: &str) -> std::io::Result<PathBuf> {
    let quarantine = data_dir.join(QUARANTINE);
    create_private_dir(&quarantine)?;
    let mut names = std::iter::once(quarantine.join(name)).chain((1..u32::MAX).map(|n| quarantine.join(format!("{name}-{n}"))));
    names.find(|path| !path.exists()).ok_or_else(|| std::io::ErrorKind::AlreadyExists.into())
}
