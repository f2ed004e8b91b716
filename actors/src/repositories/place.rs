//! Where the repository of a folder is.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::files::{self, MAX_SHORT};

/// Parent folders that are searched.
const MAX_ABOVE: usize = 64;

/// A worktree and its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The top folder of the worktree.
    pub(crate) root: PathBuf,
    /// What belongs to this worktree: its `HEAD` and its log.
    pub(crate) own: PathBuf,
    /// What all worktrees of the repository share: branches and objects.
    pub(crate) common: PathBuf,
}

/// Whether anything changed: the times of the files that git writes with each commit, checkout, fetch and push.
pub(crate) type Times = Vec<Option<(SystemTime, u64)>>;

impl Place {
    /// The times of its files. Blocking.
    pub(crate) fn times(&self) -> Times {
        let own = ["HEAD", "logs/HEAD"].map(|name| self.own.join(name));
        let shared = ["packed-refs", "refs/heads", "refs/remotes/origin", "FETCH_HEAD"].map(|name| self.common.join(name));
        let time = |path: &PathBuf| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        };
        own.iter().chain(&shared).map(time).collect()
    }
}

/// The repository of a folder: its own or that of a folder above. Blocking.
pub(crate) fn find(folder: &Path) -> Option<Place> {
    if !folder.is_absolute() || !folder.is_dir() {
        return None;
    }
    folder.ancestors().take(MAX_ABOVE).find_map(place_in)
}

fn place_in(root: &Path) -> Option<Place> {
    let git = root.join(".git");
    let own = match std::fs::metadata(&git).ok()? {
        meta if meta.is_dir() => git,
        // A linked worktree, or a repository that is kept elsewhere.
        _ => root.join(files::read_text(&git, MAX_SHORT).ok()?.strip_prefix("gitdir:")?.trim()),
    };
    let common = match files::read_text(&own.join("commondir"), MAX_SHORT) {
        Ok(path) => own.join(path.trim()),
        Err(_) => own.clone(),
    };
    (own.join("HEAD").exists() && common.join("objects").is_dir()).then(|| Place { root: root.to_owned(), own, common })
}
