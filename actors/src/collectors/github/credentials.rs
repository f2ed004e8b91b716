//! Which repository is watched, and with which token: from the settings, the environment, `gh`, or the working folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use taskpulse_engine::ci::remote;
use tokio::task::spawn_blocking;

use crate::collectors::command;
use crate::files;

/// Longest time that `gh auth token` may take.
const GH_TIMEOUT: Duration = Duration::from_secs(5);
/// Environment variables from which `gh` takes a token.
const GH_VARIABLES: [&str; 3] = ["GH_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];
/// Longest `.git/config` that is read.
const MAX_CONFIG: u64 = 1 << 20;

/// The token, and where it comes from.
#[derive(Clone, Default)]
struct Found {
    token: Option<String>,
    origin: &'static str,
}

/// See the module. Found when it is first asked for.
pub(super) struct Credentials {
    setting: Option<String>,
    /// The host that `gh` is asked for.
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

    /// Where it comes from.
    pub(super) fn origin(&self) -> &'static str {
        self.found.lock().as_ref().map_or("none", |found| found.origin)
    }

    /// Looks for it anew the next time: someone may have logged in.
    pub(super) fn forget(&self) {
        let mut found = self.found.lock();
        if found.as_ref().is_some_and(|found| found.token.is_some() && found.origin == "gh auth token") {
            *found = None;
        }
    }

    pub(super) async fn token(&self) -> Option<String> {
        if let Some(found) = self.found.lock().clone() {
            return found.token;
        }
        let (setting, host) = (self.setting.clone(), self.host.clone());
        let found = spawn_blocking(move || find(setting, host.as_deref())).await.unwrap_or_default();
        *self.found.lock() = Some(found.clone());
        found.token
    }
}

fn find(setting: Option<String>, host: Option<&str>) -> Found {
    let usable = |token: &str| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    if setting.is_some() {
        return Found { token: setting, origin: "github.token" };
    }
    if let Some(token) = std::env::var("GITHUB_TOKEN").ok().map(|t| t.trim().to_owned()).filter(|t| usable(t)) {
        return Found { token: Some(token), origin: "GITHUB_TOKEN" };
    }
    let mut line = ["gh", "auth", "token"].map(str::to_owned).to_vec();
    line.extend(host.into_iter().flat_map(|host| ["--hostname".to_owned(), host.to_owned()]));
    let passed = GH_VARIABLES.map(str::to_owned);
    let token = match command::run(&line, &passed, GH_TIMEOUT, 4_096) {
        Ok(run) if run.code == Some(0) => String::from_utf8(run.stdout).ok().map(|t| t.trim().to_owned()).filter(|t| usable(t)),
        // Not installed, not logged in, or too slow: public repositories are read without a token.
        _ => None,
    };
    Found { origin: if token.is_some() { "gh auth token" } else { "none" }, token }
}

/// The repository of the working folder, by its git remote.
///
/// # Errors
/// Why there is none.
pub(super) fn repository(folder: &Path, api_url: &str) -> Result<String, String> {
    let mut hosts = vec!["github.com".to_owned()];
    hosts.extend(remote::host_of_api(api_url).filter(|host| host != "github.com"));
    let config = config_of(folder).ok_or_else(|| "there is no git repository here".to_owned())?;
    let text = files::read(&config, MAX_CONFIG).map_err(|error| error.to_string())?;
    remote::repository(&String::from_utf8_lossy(&text), &hosts).map_err(|error| error.to_string())
}

/// The `config` of the git repository that a folder is in.
fn config_of(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let git = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    if git.is_dir() {
        return Some(git.join("config"));
    }
    // A worktree or a submodule: a file says where the repository is.
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
        assert_eq!(repository(&inner, api).as_deref(), Ok("octo/app"));
        let side = dir.path().join("side");
        fs::create_dir_all(&side).unwrap();
        fs::write(side.join(".git"), format!("gitdir: {}\n", dir.path().join("clone/.git/worktrees/side").display())).unwrap();
        fs::write(dir.path().join("clone/.git/worktrees/side/commondir"), "../..\n").unwrap();
        assert_eq!(repository(&side, api).as_deref(), Ok("octo/app"));
        fs::write(dir.path().join("clone/.git/config"), "[remote \"origin\"]\n\turl = https://gitlab.com/octo/app\n").unwrap();
        assert!(repository(&inner, api).unwrap_err().contains("gitlab.com"));
    }
}
