//! Keeps a data directory that lies inside a project out of its repository: `git add -A` must not commit the history.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The file that git reads.
pub const GITIGNORE: &str = ".gitignore";
/// Hides everything in its folder, itself too.
const ALL: &str = "# Made by taskpulse: nothing in this folder belongs into a repository.\n*\n";

/// Writes a `.gitignore` that hides all of a data directory. One that is already there stays as it is.
///
/// # Errors
/// Why it could not be written.
pub fn keep_out_of_git(dir: &Path) -> std::io::Result<()> {
    write_ignore_file(dir, ALL).map(|_| ())
}

/// Writes a `.gitignore` with this text into a folder; false where there is one already, which stays as it is.
///
/// # Errors
/// Why it could not be written.
pub fn write_ignore_file(folder: &Path, text: &str) -> std::io::Result<bool> {
    let path = folder.join(GITIGNORE);
    match File::options().write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            // Half a file would hide nothing, and would stay.
            file.write_all(text.as_bytes()).inspect_err(|_| drop(fs::remove_file(&path)))?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a folder is not there yet or empty: then all that will be in it is the store's own.
pub(super) fn is_new(dir: &Path) -> bool {
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// [`keep_out_of_git`] for a folder that the store has just made; a disk that refuses it does not stop the store.
pub(super) fn hide_new(dir: &Path) {
    if let Err(error) = keep_out_of_git(dir) {
        log::debug!("{}: {error}", dir.join(GITIGNORE).display());
    }
}
