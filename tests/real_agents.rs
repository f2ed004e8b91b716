//! Real coding agents, connected as users connect them: Claude Code, Codex and Gemini CLI against a stand-in of their models.
//!
//! Installed from npm below the target folder; where that cannot be, the tests say so and pass, but fail in CI. Nothing leaves this machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "real_agents/apis.rs"]
mod apis;
#[path = "real_agents/claude.rs"]
mod claude;
mod common;
#[path = "real_agents/headless.rs"]
mod headless;
#[path = "real_agents/model.rs"]
mod model;
#[path = "real_agents/terminal.rs"]
mod terminal;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Folder, Service, eventually};
use model::Model;
use serde_json::Value;

const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[github]\nenabled = false\n";

/// A home directory, and the folder of a repository in which an agent works.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap() };
        let repository = home.repository("work");
        assert!(repository.is_dir());
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A repository with a commit.
    fn repository(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        let git = |args: &[&str]| {
            let done = self.agent(Path::new("git")).args(args).current_dir(&path).output().unwrap();
            assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        };
        git(&["init", "-q", "-b", "main"]);
        git(&["config", "user.name", "dev"]);
        git(&["config", "user.email", "dev@example.org"]);
        git(&["commit", "-q", "--allow-empty", "-m", "First"]);
        path
    }

    /// A program in the repository, with nothing of this machine's but the path; it reaches no other machine.
    fn agent(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.dir.path());
        for name in ["HTTPS_PROXY", "https_proxy"] {
            command.env(name, "http://127.0.0.1:1");
        }
        command.env("NO_PROXY", "127.0.0.1").env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        command.current_dir(self.path("work")).stdin(std::process::Stdio::null());
        command
    }

    /// Connects an agent as a user does.
    fn connect(&self, agent: &str, service: &Service) {
        let mut command = self.agent(Path::new(common::BINARY));
        let done = command.args(["connect", agent, "--write", "--url", &service.url("")]).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{said}");
    }
}

/// The name of this machine.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}

/// The service for agents, with samples of nothing else.
fn service() -> (Folder, Service) {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    (folder, service)
}

/// A session, once it is as wanted.
fn session(service: &Service, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut seen = Value::Null;
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually(what, || {
            seen = service.data("/api/v1/agents")["sessions"].clone();
            seen.as_array()?.iter().find(|session| wanted(session)).cloned()
        })
    }));
    found.unwrap_or_else(|_| panic!("{what}: {seen:#}"))
}

/// What a stand-in served: requests and tokens, of those sessions for which this holds.
fn served(model: &Model, of: impl Fn(&model::Served) -> bool) -> Vec<model::Served> {
    model.served().into_iter().filter(|served| of(served)).collect()
}
