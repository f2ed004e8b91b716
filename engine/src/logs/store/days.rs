//! The files of the days, and how they are found when the store opens.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::file::{BlocksFile, OpenError, number_of};
use super::kind::Kind;
use super::state::DAYS;
use crate::store::StoreError;
use crate::store::files;
use crate::store::identity::Identity;
use crate::store::partition::Day;
use crate::store::problems::Problems;

/// The files of a day by their numbers.
#[derive(Default)]
pub(super) struct DayFiles {
    pub(super) files: Vec<Arc<BlocksFile>>,
    /// The number of the next file; none is used twice.
    pub(super) next: u64,
}

impl DayFiles {
    /// The last journal record whose lines of the day are in files.
    pub(super) fn through(&self) -> u64 {
        self.files.iter().map(|file| file.summary.through).max().unwrap_or(0)
    }

    /// Streams of all files, those of several counted several times.
    pub(super) fn streams(&self) -> usize {
        self.files.iter().map(|file| file.summary.streams).sum()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.len()).sum()
    }

    pub(super) fn take_number(&mut self) -> u64 {
        self.next = self.next.max(1);
        self.next += 1;
        self.next - 1
    }

    pub(super) fn add(&mut self, file: Arc<BlocksFile>) {
        self.next = self.next.max(file.number + 1);
        let at = self.files.partition_point(|there| there.number < file.number);
        self.files.insert(at, file);
    }
}

/// Opens the files of all days. What cannot be explained or read goes to quarantine and is noted.
pub(super) fn open_days(
    data_dir: &Path,
    identity: Identity,
    kind: Kind,
    problems: &Problems,
) -> Result<BTreeMap<Day, DayFiles>, StoreError> {
    let folder = data_dir.join(kind.folder()).join(DAYS);
    let fail = |error| StoreError::io(&folder, error);
    files::create_private_dir(&folder).map_err(fail)?;
    let mut days = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match Day::parse(&name) {
            Some(day) if path.is_dir() => {
                let opened = open_day(data_dir, &path, identity, day, kind, problems)?;
                if opened.files.is_empty() {
                    // Left by a crash before the first file of the day, or while the day was removed.
                    let _ = fs::remove_dir(&path);
                } else {
                    days.insert(day, opened);
                }
            }
            _ => {
                let kept = files::outcome("it was moved to", files::set_aside(data_dir, &path, &format!("{}-{name}", kind.folder())));
                problems.note(format!("{} is no day of {}; {kept}", path.display(), kind.holds()));
            }
        }
    }
    Ok(days)
}

fn open_day(data_dir: &Path, folder: &Path, identity: Identity, day: Day, kind: Kind, problems: &Problems) -> Result<DayFiles, StoreError> {
    let fail = |error| StoreError::io(folder, error);
    let mut found = DayFiles::default();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            // A write that a crash cut short: its lines are still where they came from.
            fs::remove_file(&path).map_err(fail)?;
            continue;
        }
        found.next = found.next.max(number_of(&path).map_or(0, |number| number + 1));
        match BlocksFile::open(path.clone(), identity, day, kind) {
            Ok(file) => found.add(Arc::new(file)),
            Err(OpenError::Io(error)) => return Err(StoreError::io(&path, error)),
            Err(error) => {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let kept = files::set_aside(data_dir, &path, &format!("{}-{}-{name}", kind.folder(), day.name()));
                let kept = files::outcome("it was moved to", kept);
                problems.note(format!("{} has {} that cannot be read: {error}; {kept}", path.display(), kind.holds()));
            }
        }
    }
    settle(data_dir, &mut found, kind, problems);
    Ok(found)
}

/// Removes files whose lines an intact file has: a crash came before they were removed. A merged file that is damaged goes instead.
fn settle(data_dir: &Path, found: &mut DayFiles, kind: Kind, problems: &Problems) {
    let mut at = 0;
    while let Some(file) = found.files.get(at).cloned() {
        at += 1;
        let is_source = |other: &Arc<BlocksFile>| other.number != file.number && file.summary.made_of.contains(&other.number);
        let sources: Vec<Arc<BlocksFile>> = found.files.iter().filter(|other| is_source(other)).cloned().collect();
        if sources.is_empty() {
            continue;
        }
        let whole = match file.verify(0, || true) {
            Ok((damage, _)) if damage.is_empty() => Ok(()),
            Ok((damage, _)) => Err(damage.join("; ")),
            Err(error) => Err(error.to_string()),
        };
        match whole {
            Ok(()) => {
                for source in &sources {
                    if let Err(error) = fs::remove_file(&source.path) {
                        log::warn!("{} cannot be removed: {error}", source.path.display());
                    }
                }
                found.files.retain(|other| !is_source(other));
            }
            Err(why) => {
                let name = format!("{}-merged-{}", kind.folder(), file.number);
                let kept = files::outcome("it was moved to", files::set_aside(data_dir, &file.path, &name));
                problems.note(format!("{why}; the files that it was made of are still there, {kept}"));
                found.files.retain(|other| other.number != file.number);
            }
        }
        at = 0;
    }
}
