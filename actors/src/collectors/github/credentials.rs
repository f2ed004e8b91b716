//! The token, from the settings, the environment or `gh`; the repository of the working folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use taskpulse_engine::ci::remote;

use crate::collectors::program;
use crate::files::{self, ReadError};

/// Longest time that `gh auth token` may take.
const GH_TIMEOUT: Duration = Duration::from_secs(5);
/// Environment variables with a token for `gh`.
const GH_VARIABLES: [&str; 3] = ["GH_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];
/// Largest `.git/config` that is read, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

/// Where a token is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Setting,
    Environment,
    Gh,
    None,
}

impl Origin {
    fn name(self) -> &'static str {
        match self {
            Self::Setting => "github.token",
            Self::Environment => "GITHUB_TOKEN",
            Self::Gh => "gh auth token",
            Self::None => "none",
        }
    }
}

/// A token and its origin.
#[derive(Clone)]
struct Found {
    token: Option<String>,
    origin: Origin,
}

/// See the module. The token is looked up at the first use.
pub(super) struct Credentials {
    setting: Option<String>,
    /// The host whose token `gh` gives.
    host: Option<String>,
    found: Mutex<Option<Found>>,
}

impl Credentials {
    pub(super) fn new(setting: Option<String>, api_url: &str) -> Self {
        Self { setting, host: remote::host_of_api(api_url), found: Mutex::default() }
    }

    /// Whether there is a token.
    pub(super) fn known(&self) -> bool {
        self.found.lock().as_ref().is_some_and(|found| found.token.is_some())
    }

    /// Origin of the token.
    pub(super) fn origin(&self) -> &'static str {
        self.found.lock().as_ref().map_or(Origin::None, |found| found.origin).name()
    }

    /// Looks a token of `gh` up again the next time: someone may have logged in.
    pub(super) fn forget(&self) {
        let mut found = self.found.lock();
        if found.as_ref().is_some_and(|found| found.origin == Origin::Gh) {
            *found = None;
        }
    }

    pub(super) async fn token(&self) -> Option<String> {
        if let Some(found) = self.found.lock().clone() {
            return found.token;
        }
        let found = self.find().await;
        *self.found.lock() = Some(found.clone());
        found.token
    }

    async fn find(&self) -> Found {
        let usable = |token: &str| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        if self.setting.is_some() {
            return Found { token: self.setting.clone(), origin: Origin::Setting };
        }
        if let Some(token) = std::env::var("GITHUB_TOKEN").ok().map(|t| t.trim().to_owned()).filter(|t| usable(t)) {
            return Found { token: Some(token), origin: Origin::Environment };
        }
        let mut line = ["gh", "auth", "token"].map(str::to_owned).to_vec();
        line.extend(self.host.iter().flat_map(|host| ["--hostname".to_owned(), host.clone()]));
        let passed = GH_VARIABLES.map(str::to_owned);
        let token = match program::run(&line, &passed, GH_TIMEOUT, 4_096).await {
            Ok(run) if run.end.is_success() => String::from_utf8(run.stdout).ok().map(|t| t.trim().to_owned()).filter(|t| usable(t)),
            // Not installed, not logged in, or too slow: public repositories are read without a token.
            _ => None,
        };
        Found { origin: if token.is_some() { Origin::Gh } else { Origin::None }, token }
    }
}

/// Why the working folder has no repository on GitHub.
#[derive(Debug, thiserror::Error)]
pub(super) enum RepositoryError {
    /// The folder is in no git repository.
    #[error("there is no git repository here")]
    NoGit,
    /// Its configuration cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No remote is on GitHub.
    #[error("{0}")]
    Remote(String),
}

/// The repository of the working folder, by its git remote.
///
/// # Errors
/// [`RepositoryError`]
pub(super) fn repository(folder: &Path, api_url: &str) -> Result<String, RepositoryError> {
    let mut hosts = vec!["github.com".to_owned()];
    hosts.extend(remote::host_of_api(api_url).filter(|host| host != "github.com"));
    let config = git_config(folder).ok_or(RepositoryError::NoGit)?;
    let text = files::read(&config, MAX_CONFIG)?;
    remote::repository(&String::from_utf8_lossy(&text), &hosts).map_err(|error| RepositoryError::Remote(error.to_string()))
}

/// The `config` of the git repository that contains a folder.
fn git_config(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let git = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    if git.is_dir() {
        return Some(git.join("config"));
    }
    // A worktree or a submodule: the file names the repository.
    let text = files::read_text(&git, files::MAX_SHORT).ok()?;
    let named = text.strip_prefix("gitdir:")?.trim();
    let dir = git.parent()?.join(named);
    match files::read_text(&dir.join("commondir"), files::MAX_SHORT) {
        Ok(common) => Some(dir.join(common.trim()).join("config")),
        Err(_) => Some(dir.join("config")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_repository_is_found_from_folders_within_and_from_worktrees() {
        let dir = tempfile::tempdir().unwrap();
        let api = "https://api.github.com";
        assert!(repository(dir.path(), api).is_err());
        let inner = dir.path().join("clone/src/deep");
        fs::create_dir_all(&inner).unwrap();
        fs::create_dir_all(dir.path().join("clone/.git/worktrees/side")).unwrap();
        fs::write(dir.path().join("clone/.git/config"), "[remote \"origin\"]\n\turl = git@github.com:octo/app.git\n").unwrap();
        assert_eq!(repository(&inner, api).as_deref().ok(), Some("octo/app"));
        let side = dir.path().join("side");
        fs::create_dir_all(&side).unwrap();
        fs::write(side.join(".git"), format!("gitdir: {}\n", dir.path().join("clone/.git/worktrees/side").display())).unwrap();
        fs::write(dir.path().join("clone/.git/worktrees/side/commondir"), "../..\n").unwrap();
        assert_eq!(repository(&side, api).as_deref().ok(), Some("octo/app"));
        fs::write(dir.path().join("clone/.git/config"), "[remote \"origin\"]\n\turl = https://gitlab.com/octo/app\n").unwrap();
        assert!(repository(&inner, api).unwrap_err().to_string().contains("gitlab.com"));
    }
}
