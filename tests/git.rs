//! What the service keeps inside a project never gets into the project's repository, asked with git itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::process::Command;

use common::{Folder, eventually};

/// Runs git in the folder, untouched by the settings of whoever runs the test.
fn git(folder: &Folder, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(["-c", "user.name=dev", "-c", "user.email=dev@example.org"])
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A repository with a board in it that was committed.
fn project(settings: &str) -> Folder {
    let folder = Folder::with_settings(settings);
    folder.pending_tasks(2);
    git(&folder, &["init", "-q"]);
    git(&folder, &["add", "-A"]);
    git(&folder, &["commit", "-q", "-m", "first"]);
    folder
}

/// What `git add -A` stages.
fn staged(folder: &Folder) -> String {
    git(folder, &["add", "-A"]);
    git(folder, &["diff", "--cached", "--name-only"])
}

const ALWAYS_FIRES: &str = "[alerts.rules.always]\nexpr = \"taskmaster_tasks > 0\"\nseverity = \"error\"\n";

#[test]
fn adding_everything_stages_neither_the_history_nor_the_log_of_alerts() {
    let folder = project(ALWAYS_FIRES);
    let service = folder.start();
    let log = folder.path().join(".taskmaster/alerts.log");
    eventually("an alert is in the log", || log.is_file().then_some(()));
    fs::write(folder.path().join(".taskmaster/alerts.log.1"), "an older one").unwrap();
    fs::write(folder.path().join("work.txt"), "what the agent did").unwrap();
    assert_eq!(staged(&folder), "work.txt\n");
    drop(service);
    // A directory of an earlier version has no list yet; a start brings it.
    fs::remove_file(folder.path().join(".taskmaster/taskpulse/.gitignore")).unwrap();
    fs::remove_file(folder.path().join(".taskmaster/.gitignore")).unwrap();
    let _service = folder.start();
    assert_eq!(staged(&folder), "work.txt\n");
}

#[test]
fn a_list_that_is_there_stays_as_it_is_and_the_log_says_what_it_lacks() {
    let folder = project("");
    for list in [".taskmaster/.gitignore", ".taskmaster/taskpulse/.gitignore"] {
        fs::create_dir_all(folder.path().join(list).parent().unwrap()).unwrap();
        fs::write(folder.path().join(list), "reports\n").unwrap();
    }
    let service = folder.start();
    for list in [".taskmaster/.gitignore", ".taskmaster/taskpulse/.gitignore"] {
        assert_eq!(fs::read_to_string(folder.path().join(list)).unwrap(), "reports\n");
    }
    assert!(service.log().contains("add the line /alerts.log*"), "{}", service.log());
}

#[test]
fn a_named_directory_is_hidden_where_the_service_made_it_and_never_one_with_other_files() {
    let folder = project("");
    let service = folder.start_with(&["--data-dir", "history"], &[]);
    assert!(folder.path().join("history/identity").is_file());
    assert_eq!(staged(&folder), "");
    drop(service);
    fs::create_dir(folder.path().join("mixed")).unwrap();
    fs::write(folder.path().join("mixed/main.rs"), "fn main() {}").unwrap();
    let _service = folder.start_with(&["--data-dir", "mixed"], &[]);
    assert!(!folder.path().join("mixed/.gitignore").exists());
    assert!(staged(&folder).contains("mixed/main.rs\n"));
}
