//! The watch on the folders of boards: a change is collected at once, besides the regular collections.
//!
//! Folders are added by the threads that read files: a file system that hangs would hang this too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::Mutex;

use super::stamps::is_report;

/// How long a project waits for the watch while another project uses it.
const TURN: Duration = Duration::from_secs(1);

/// The file watch and its folders. Without a watch, files are read at the poll interval only.
pub(super) struct Watch(Mutex<Option<(RecommendedWatcher, BTreeSet<PathBuf>)>>);

impl Watch {
    /// A watch that reports changes of boards.
    pub(super) fn new(changed: impl Fn() + Send + 'static) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let ours = |path: &PathBuf| {
                path.file_name().is_some_and(|name| name == "tasks.json" || name == "state.json" || is_report(Path::new(name)))
            };
            if event.is_ok_and(|e| !e.kind.is_access() && (e.paths.iter().any(ours) || e.need_rescan())) {
                changed();
            }
        });
        let watcher =
            watcher.inspect_err(|error| log::warn!("taskmaster: files cannot be watched, they are read at the interval only: {error}"));
        Self(Mutex::new(watcher.ok().map(|watcher| (watcher, BTreeSet::new()))))
    }

    /// Watches a folder that exists, and stops watching one that is gone.
    pub(super) fn follow(&self, folder: &Path) {
        let there = folder.is_dir();
        // Not for ever: another project's file system may hang while it holds the lock.
        let Some(mut watch) = self.0.try_lock_for(TURN) else { return };
        let Some((watcher, watched)) = watch.as_mut() else { return };
        if there && !watched.contains(folder) && watcher.watch(folder, RecursiveMode::NonRecursive).is_ok() {
            watched.insert(folder.to_owned());
        } else if !there && watched.remove(folder) {
            let _ = watcher.unwatch(folder);
        }
    }
}
