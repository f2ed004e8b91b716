//! `taskpulse restore`: a data directory from a snapshot. The new directory is complete and checked, or not there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail, ensure};
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::store::{DirectoryLock, SnapshotError, SnapshotList, StoreStatus, StoreWriter, copy_directory, keep_out_of_git};

use crate::console;
use crate::options;
use crate::settings::Settings;

/// Copies a snapshot, or the data directory of a stopped service, to the data directory of the settings. Returns false where the
/// source is damaged, which is printed.
pub fn restore(snapshot: &Path, settings: &Settings, replace: bool) -> anyhow::Result<bool> {
    match restore_sound(snapshot, settings, replace) {
        Err(error) if error.downcast_ref::<SnapshotError>().is_some_and(SnapshotError::is_damage) => {
            console::print_error(&format!("taskpulse: {error:#}\nnothing was restored and nothing was changed\n"));
            Ok(false)
        }
        outcome => outcome.map(|()| true),
    }
}

fn restore_sound(snapshot: &Path, settings: &Settings, replace: bool) -> anyhow::Result<()> {
    let source = SnapshotSource::open(snapshot)?;
    let target = Target::of(&options::data_dir(settings))?;
    source.is_apart_from(&target)?;
    ensure!(
        !target.taken || replace,
        "{} is not empty; give another folder with --data-dir, or --replace to move it out of the way",
        target.path.display()
    );
    // Held until the end, so that no service begins to use what is about to move.
    let _target_lock = target.path.is_dir().then(|| DirectoryLock::acquire_read_only(&target.path)).transpose()?;
    let (temporary, before) = (target.beside(RESTORING), target.beside(&format!("before-{}", now_ms())));
    remove(&temporary)?;
    let copied = copy(&source, &temporary);
    if copied.is_err() {
        remove(&temporary)?;
    }
    copied?;
    let examined = examine(&source, &temporary, settings);
    if examined.is_err() {
        remove(&temporary)?;
    }
    let status = examined?;
    target.put_in_place(&temporary, &before).with_context(|| target.path.display().to_string())?;
    if target.taken {
        console::print(&format!("what was there is in {}\n", before.display()))?;
    }
    let (series, days) = (status.series, status.partitions.len());
    console::print(&format!("restored {series} series over {days} days into {}\n", target.path.display()))?;
    Ok(())
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if folder.symlink_metadata().is_ok() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

fn copy(source: &SnapshotSource, temporary: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(temporary).with_context(|| temporary.display().to_string())?;
    match &source.list {
        Some(list) => list.copy_to(&source.path, temporary)?,
        None => copy_directory(&source.path, temporary)?,
    }
    keep_out_of_git(temporary).with_context(|| temporary.display().to_string())
}

/// Opens the copy and reads all of it.
fn examine(source: &SnapshotSource, temporary: &Path, settings: &Settings) -> anyhow::Result<StoreStatus> {
    let store = StoreWriter::open(temporary, options::store_options(settings), now_ms())
        .with_context(|| format!("the copy of {} cannot be opened; nothing was changed", source.path.display()))?;
    store.read_all_days()?;
    let (copy, original) = (temporary.display().to_string(), source.path.display().to_string());
    let findings: Vec<String> = store.problems().into_iter().map(|finding| finding.replace(&copy, &original)).collect();
    if findings.is_empty() {
        return Ok(store.status());
    }
    Err(SnapshotError::Damaged { path: source.path.clone(), findings }.into())
}

/// The source of a restore.
struct SnapshotSource {
    path: PathBuf,
    /// None for the data directory of a stopped service.
    list: Option<SnapshotList>,
    /// Held while it is read.
    _lock: DirectoryLock,
}

impl SnapshotSource {
    fn open(given: &Path) -> anyhow::Result<Self> {
        let path = fs::canonicalize(given).with_context(|| format!("{}: name a snapshot's folder", given.display()))?;
        ensure!(path.is_dir(), "{}: not a folder; name the folder of a snapshot", given.display());
        let lock = DirectoryLock::acquire_read_only(&path)
            .context("only what nobody writes to can be restored; take a snapshot of a running service (POST /api/v1/admin/snapshot)")?;
        let list = if SnapshotList::is_in(&path) {
            Some(SnapshotList::read(&path)?)
        } else if !path.join("lock").exists() {
            // A directory that was in use has its lock file; what is left is a snapshot that was interrupted, or something else.
            return Err(SnapshotError::NoList(path).into());
        } else {
            ensure!(
                path.join("partitions").is_dir(),
                "{}: not a data directory, it has no partitions; name the folder of a snapshot",
                path.display()
            );
            None
        };
        Ok(Self { path, list, _lock: lock })
    }

    /// A copy into itself would not end.
    fn is_apart_from(&self, target: &Target) -> anyhow::Result<()> {
        let (from, to) = (&self.path, &target.path);
        ensure!(from != to, "{} cannot be restored onto itself; give another folder with --data-dir", from.display());
        ensure!(!to.starts_with(from), "{} is inside of {}; give a folder outside of it with --data-dir", to.display(), from.display());
        let own_snapshot = from.parent() == Some(&to.join("snapshots"));
        ensure!(
            own_snapshot || !from.starts_with(to),
            "{} is inside of {}, which would be moved; copy it elsewhere first, or give another folder with --data-dir",
            from.display(),
            to.display()
        );
        Ok(())
    }
}

/// Where the new directory goes: absolute, without `.` and without links.
struct Target {
    path: PathBuf,
    /// Something is there.
    taken: bool,
    /// A file system of its own begins here, such as a container's volume: the folder itself cannot be moved.
    mounted: bool,
}

/// The copy, while it is made.
const RESTORING: &str = "restoring";
/// What a file system has at its top by itself.
const LOST_AND_FOUND: &str = "lost+found";

impl Target {
    fn of(given: &Path) -> anyhow::Result<Self> {
        let fail = || format!("data directory {}", given.display());
        // Without a trailing slash, and without a `.` at the end.
        let given_path: PathBuf = std::path::absolute(given).with_context(fail)?.components().collect();
        match fs::canonicalize(&given_path) {
            Ok(path) => {
                ensure!(path.is_dir(), "{} is not a folder; give another with --data-dir", path.display());
                let Some(parent) = path.parent() else {
                    bail!("{} cannot be a data directory; give another with --data-dir", path.display());
                };
                let device = |path: &Path| fs::metadata(path).map(|meta| meta.dev());
                let mounted = device(parent).with_context(fail)? != device(&path).with_context(fail)?;
                let target = Self { path, taken: false, mounted };
                Ok(Self { taken: !target.entries().with_context(fail)?.is_empty(), ..target })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && given_path.symlink_metadata().is_err() => {
                Ok(Self { path: new_folder(&given_path)?, taken: false, mounted: false })
            }
            Err(error) => Err(error).with_context(fail),
        }
    }
}

impl Target {
    /// The content, without what belongs to a restore or to the file system.
    fn entries(&self) -> std::io::Result<Vec<PathBuf>> {
        let all: Vec<PathBuf> = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        let own = |path: &PathBuf| self.mounted && [RESTORING, LOST_AND_FOUND].iter().any(|name| path.ends_with(name));
        Ok(all.into_iter().filter(|path| !own(path)).collect())
    }

    /// A path on the same file system for what is not in its place yet.
    fn beside(&self, what: &str) -> PathBuf {
        if self.mounted {
            return self.path.join(what);
        }
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{what}"));
        PathBuf::from(name)
    }

    /// Moves what is there out of the way, and the copy to its place.
    fn put_in_place(&self, temporary: &Path, before: &Path) -> std::io::Result<()> {
        let sync = |folder: &Path| fs::File::open(folder)?.sync_all();
        if self.mounted {
            let move_all = |from: Vec<PathBuf>, to: &Path| {
                from.iter().try_for_each(|path| fs::rename(path, to.join(path.file_name().unwrap_or_default())))
            };
            if self.taken {
                let there = self.entries()?;
                fs::create_dir(before)?;
                move_all(there, before)?;
            }
            let copied = fs::read_dir(temporary)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
            move_all(copied, &self.path)?;
            fs::remove_dir(temporary)?;
            return sync(&self.path);
        }
        if self.taken {
            fs::rename(&self.path, before)?;
        }
        // Takes the place of a folder that is empty.
        fs::rename(temporary, &self.path)?;
        self.path.parent().map_or(Ok(()), sync)
    }
}

/// The path of a folder that does not exist, by the nearest one above it that does.
fn new_folder(given: &Path) -> anyhow::Result<PathBuf> {
    let existing = given.ancestors().skip(1).find(|path| path.exists()).unwrap_or_else(|| Path::new("/"));
    let rest = given.strip_prefix(existing)?;
    ensure!(
        rest.components().all(|component| matches!(component, Component::Normal(_))),
        "{}: a folder in this path does not exist; give it without `..`",
        given.display()
    );
    Ok(fs::canonicalize(existing).with_context(|| existing.display().to_string())?.join(rest))
}
