//! Where a day lies, who it belongs to, and how its files are called.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::day_file::{Expected, FileKind};
use super::super::files;
use super::super::identity::Identity;
use super::super::problems::Problems;
use super::Day;

/// A file that is not whole yet.
pub(in crate::store) const TEMPORARY: &str = ".tmp";

/// Where a day lies and who it belongs to.
#[derive(Clone)]
pub(in crate::store) struct DayPlace {
    pub(in crate::store) data_dir: PathBuf,
    pub(in crate::store) dir: PathBuf,
    pub(in crate::store) identity: Identity,
    pub(in crate::store) day: Day,
    pub(in crate::store) problems: Arc<Problems>,
}

impl DayPlace {
    pub(in crate::store) fn note(&self, what: &str) {
        self.problems.note(format!("partition {}: {what}", self.day.name()));
    }

    pub(in crate::store) fn path(&self, kind: FileKind, number: u64) -> PathBuf {
        self.dir.join(file_name(kind, number))
    }

    pub(in crate::store) fn expected(&self, kind: FileKind, number: u64) -> Expected {
        Expected { identity: self.identity, day: self.day, number, kind }
    }

    /// Moves a file of the day into quarantine and reports why; false where it has to stay.
    pub(in crate::store) fn set_aside(&self, path: &Path, why: &str) -> bool {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match files::set_aside(&self.data_dir, path, &format!("{}-{name}", self.day.name())) {
            Ok(to) => {
                self.note(&format!("{name}: {why}; it was set aside as {}", to.display()));
                true
            }
            Err(error) => {
                self.note(&format!("{name}: {why}; it is not used and cannot be set aside: {error}"));
                false
            }
        }
    }
}

pub(in crate::store) fn file_name(kind: FileKind, number: u64) -> String {
    match kind {
        FileKind::Chunks => format!("{number}.chunks"),
        FileKind::Pages => format!("{number}.pages"),
    }
}

/// Whether a file of this name can be one of a day's files.
pub(in crate::store) fn is_day_file(name: &str) -> bool {
    parse_name(name).is_some()
}

pub(super) fn parse_name(name: &str) -> Option<(FileKind, u64)> {
    let (number, kind) = name.split_once('.')?;
    let kind = match kind {
        "chunks" => FileKind::Chunks,
        "pages" => FileKind::Pages,
        _ => return None,
    };
    let number = number.parse().ok()?;
    (file_name(kind, number) == name).then_some((kind, number))
}
