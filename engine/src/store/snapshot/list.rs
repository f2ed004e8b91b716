//! The list of the files of a snapshot, and verified copies by it.

use super::*;

/// Name of the list in a snapshot.
pub(super) const LIST: &str = "snapshot.list";
/// Name of the list while it is written.
pub(super) const LIST_TEMPORARY: &str = "snapshot.list.tmp";
pub(super) const TITLE: &str = "taskpulse snapshot 1";

/// Ending of the name of an incomplete snapshot.
pub(super) const PARTIAL: &str = ".partial";

/// Why a snapshot cannot be used.
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
    /// A file does not match the list.
    #[error("{}: {what}; `taskpulse check --data-dir SNAPSHOT` says what can still be read of it", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// How it differs.
        what: String,
    },
    /// Files are intact according to the list but have damaged content.
    #[error("{} is damaged; `taskpulse check` says this of it, and a copy of the folder can still be opened with what is sound:\n- {}", path.display(), findings.join("\n- "))]
    Damaged {
        /// The snapshot.
        path: PathBuf,
        /// The findings of the check.
        findings: Vec<String>,
    },
    /// Something other than a file or folder.
    #[error("{0}: neither a file nor a folder; a snapshot has no links and no devices")]
    Foreign(PathBuf),
    /// An I/O error.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error.
        source: std::io::Error,
    },
}

impl SnapshotError {
    /// Whether this is a snapshot that was damaged or changed.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::List(..) | Self::Differs { .. } | Self::Damaged { .. })
    }
}

/// A file in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    bytes: u64,
    crc: Option<u32>,
}

/// The list of the files of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotList {
    files: BTreeMap<String, Entry>,
}

impl SnapshotList {
    /// Reads the list of a snapshot.
    ///
    /// # Errors
    /// [`SnapshotError`] if there is none, it is damaged, or another version wrote it.
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

    /// Whether a folder has a list, intact or not.
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

    /// Lists the files of a folder. Files without other hard links get a checksum and are synced, and so are folders.
    pub(super) fn of(folder: &Path, mut progress: impl FnMut()) -> std::io::Result<Self> {
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

    pub(super) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let temporary = folder.join(LIST_TEMPORARY);
        let mut file = File::create(&temporary)?;
        file.write_all(self.to_text().as_bytes())?;
        file.sync_all()?;
        fs::rename(temporary, folder.join(LIST))?;
        sync_dir(folder)
    }

    /// Copies the files of a snapshot to a new folder durably, comparing each with the list while it is read. The list itself is
    /// not copied: the copy is a data directory.
    ///
    /// # Errors
    /// [`SnapshotError`] if a file is missing, differs from the list, or is not listed, or on an I/O error.
    pub fn copy_to(&self, snapshot: &Path, to: &Path) -> Result<(), SnapshotError> {
        self.hold(snapshot, |name, path| copy_file(path, &to.join(name)))?;
        sync_folders(to).map_err(|source| SnapshotError::Io { path: to.to_owned(), source })
    }

    /// Compares the files of a snapshot with the list.
    ///
    /// # Errors
    /// Like [`SnapshotList::copy_to`].
    pub fn verify(&self, snapshot: &Path) -> Result<(), SnapshotError> {
        self.hold(snapshot, |_, path| {
            let read = File::open(path).and_then(|mut file| digest(&mut file, &mut std::io::sink()));
            read.map_err(|source| SnapshotError::Io { path: path.to_owned(), source })
        })
    }

    /// Compares files with the list; `read` returns length and checksum of a file.
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

/// Copies a data directory that nobody has open to a new folder durably, without its lock and its snapshots.
///
/// # Errors
/// [`SnapshotError`] if something is neither file nor folder, or on an I/O error.
pub fn copy_directory(from: &Path, to: &Path) -> Result<(), SnapshotError> {
    for (name, path) in walk(from)? {
        if name != "lock" && name != LIST {
            copy_file(&path, &to.join(name))?;
        }
    }
    sync_folders(to).map_err(|source| SnapshotError::Io { path: to.to_owned(), source })
}

/// Every file below a folder by its path in it, the snapshots of a data directory left out.
pub(super) fn walk(folder: &Path) -> Result<Vec<(String, PathBuf)>, SnapshotError> {
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

pub(super) fn sync_folders(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync_dir(folder)
}

pub(super) fn copy_file(from: &Path, to: &Path) -> Result<(u64, u32), SnapshotError> {
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
pub(super) fn digest(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<(u64, u32)> {
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

pub(super) fn is_partial(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(PARTIAL))
}

#[cfg(test)]
mod tests;
