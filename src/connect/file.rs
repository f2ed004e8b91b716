//! Settings files of others: read whole, replaced whole, with what was there kept beside.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

/// Largest file that is read.
const MAX_BYTES: u64 = 4 << 20;
/// Name of what is kept, after the name of the file.
const BACKUP: &str = ".before-taskpulse";

/// A file as it was read.
pub struct Settings {
    /// Where its bytes lie: people link such files into a folder that they keep in a repository.
    path: PathBuf,
    /// Its text; none where there is no file.
    pub text: Option<String>,
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it is there and cannot be read as text.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                ensure!(path.symlink_metadata().is_err(), "is a link to a file that is not there; make that file, or remove the link");
                return Ok(Self { path: path.to_owned(), text: None });
            }
            Err(error) => return Err(error.into()),
        };
        let text = read(&real)?;
        Ok(Self { path: real, text: Some(text) })
    }

    /// What was there before this program changed it for the first time.
    pub fn backup(&self) -> Option<String> {
        read(&self.backup_path()).ok()
    }

    /// Where that is kept.
    pub fn backup_path(&self) -> PathBuf {
        let mut name = self.path.file_name().map_or_else(OsString::new, OsString::from);
        name.push(BACKUP);
        self.path.with_file_name(name)
    }

    /// Keeps what is there beside it.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn keep(&self) -> anyhow::Result<()> {
        let Some(text) = &self.text else { return Ok(()) };
        replace(&self.backup_path(), text, self.mode())
    }

    /// Removes what was kept.
    pub fn forget_backup(&self) {
        let _ = fs::remove_file(self.backup_path());
    }

    /// Replaces the text, or removes the file.
    ///
    /// # Errors
    /// Where somebody else changed it since it was read, or why it could not be written.
    pub fn change(&self, text: Option<&str>) -> anyhow::Result<()> {
        let now = match self.text {
            Some(_) => Some(read(&self.path)?),
            None => self.path.symlink_metadata().is_ok().then(String::new),
        };
        ensure!(now == self.text, "was changed by another program just now; run this again");
        match text {
            Some(text) => replace(&self.path, text, self.mode()),
            None => Ok(fs::remove_file(&self.path)?),
        }
    }

    /// The permissions of the file; private where it is new, since its neighbours may hold secrets.
    fn mode(&self) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(&self.path).map_or(0o600, |meta| meta.permissions().mode() & 0o777)
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 <= MAX_BYTES, "is larger than {} MiB", MAX_BYTES >> 20);
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        anyhow::anyhow!("line {}: this is no UTF-8", before.iter().filter(|byte| **byte == b'\n').count() + 1)
    })
}

/// Writes beside and renames, so that an agent never reads half of it.
fn replace(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let folder = path.parent().context("has no folder")?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let written = write(&beside, text, mode).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&beside);
        bail!("{}: {error}", path.display());
    }
    Ok(())
}

fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
