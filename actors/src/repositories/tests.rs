//! Logs of real repositories, made by git.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// The first second of tests.
const START: i64 = 1_790_000_000;

/// A folder in which git is run. Each call comes a minute after the one before.
struct Git {
    dir: TempDir,
    minute: Cell<i64>,
}

impl Git {
    fn new() -> Self {
        let git = Self { dir: tempfile::tempdir().unwrap(), minute: Cell::new(0) };
        git.run("app", "init -q -b main");
        git
    }

    fn path(&self, folder: &str) -> PathBuf {
        self.dir.path().join(folder)
    }

    fn run(&self, folder: &str, args: &str) -> String {
        self.minute.set(self.minute.get() + 1);
        let date = format!("{} +0000", START + 60 * self.minute.get());
        fs::create_dir_all(self.path(folder)).unwrap();
        let mut git = Command::new("git");
        git.current_dir(self.path(folder)).args(args.split(' ')).env_clear().env("PATH", std::env::var("PATH").unwrap());
        git.env("HOME", self.dir.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_EDITOR", "true");
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_DATE"), &date).env(format!("GIT_{who}_NAME"), "A Person");
            git.env(format!("GIT_{who}_EMAIL"), "person@example.org");
        }
        let done = git.output().unwrap();
        assert!(done.status.success(), "git {args}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Writes a file and commits it; the id.
    fn commit(&self, folder: &str, file: &str) -> String {
        fs::write(self.path(folder).join(file), file).unwrap();
        self.run(folder, &format!("add {file}"));
        self.run(folder, &format!("commit -q -m {file}"));
        self.head(folder)
    }

    fn head(&self, folder: &str) -> String {
        self.run(folder, "rev-parse HEAD")
    }

    fn made(&self, folder: &str) -> Vec<String> {
        log_of(&self.path(folder), START * 1_000).unwrap().into_iter().map(|commit| commit.id).collect()
    }

    fn read(&self, folder: &str, asked: &[String]) -> CommitLog {
        read(&find(&self.path(folder)).unwrap(), START * 1_000, asked).unwrap()
    }
}

/// The log of the repository of a folder.
fn log_of(folder: &Path, since: TimestampMs) -> Result<Vec<taskpulse_engine::agent::SeenCommit>, LogError> {
    let Some(place) = find(folder) else { return Ok(Vec::new()) };
    Ok(read(&place, since, &[])?.made)
}

#[test]
fn commits_of_a_worktree_are_those_that_were_made_in_it() {
    let git = Git::new();
    let first = git.commit("app", "a");
    git.run("app", "worktree add -q ../side -b side");
    let (here, there) = (git.commit("app", "b"), git.commit("side", "c"));
    assert_eq!(git.made("app"), [first.clone(), here.clone()]);
    assert_eq!(git.made("side"), std::slice::from_ref(&there), "the one that it began with was made elsewhere");
    git.run("app", "merge -q --no-edit side");
    let merge = git.head("app");
    git.run("side", "merge -q --ff-only main");
    assert_eq!(git.made("app"), [first, here, merge]);
    assert_eq!(git.made("side"), [there], "a fast-forward makes none");
    fs::create_dir(git.path("app/deep")).unwrap();
    assert_eq!(git.made("app/deep").len(), 3, "folders within a worktree are of it");
    assert!(find(git.dir.path()).is_none() && find(Path::new("app")).is_none() && find(&git.path("gone")).is_none());
}

#[test]
fn a_commit_that_was_amended_or_moved_is_replaced() {
    let git = Git::new();
    let first = git.commit("app", "a");
    git.run("app", "checkout -q -b work");
    let before = git.commit("app", "b");
    fs::write(git.path("app/b"), "more").unwrap();
    git.run("app", "commit -q -a --amend --no-edit");
    let amended = git.head("app");
    let log = git.read("app", &[]);
    assert_eq!(log.made.iter().map(|commit| &commit.id).collect::<Vec<_>>(), [&first, &amended]);
    assert_eq!(log.replaced, [before]);
    let (a, b) = (&log.made[0], &log.made[1]);
    assert_eq!((a.branch.as_deref(), b.branch.as_deref(), &b.parents), (Some("main"), Some("work"), &vec![first.clone()]));
    assert!(b.at > b.authored, "it is as new as the amend");
    assert_eq!((a.merged, b.merged), (Some(true), Some(false)));
    git.run("app", "checkout -q main");
    let other = git.commit("app", "c");
    git.run("app", "rebase -q main work");
    let moved = git.head("app");
    let log = git.read("app", &[]);
    assert_eq!(log.made.iter().map(|commit| commit.id.clone()).collect::<Vec<_>>(), [first, other, moved.clone()]);
    assert!(log.replaced.contains(&amended));
    assert_eq!(log.made[2].authored, b.authored, "it was written then");
    git.run("app", "checkout -q main");
    git.run("app", "cherry-pick --allow-empty work");
    assert_eq!(git.made("app").len(), 4, "a copy beside the one that is still there");
    git.run("app", "reset -q --hard HEAD~1");
    assert_eq!(git.made("app").len(), 3, "what was taken back is gone");
    git.run("app", "branch -q -D work");
    assert!(git.made("app").contains(&moved), "a branch that was deleted may have been merged elsewhere");
}

#[test]
fn what_became_of_a_commit_is_said_of_those_that_are_asked_for_too() {
    let git = Git::new();
    let first = git.commit("app", "a");
    let second = git.commit("app", "b");
    let reverted = |id: &String| git.read("app", std::slice::from_ref(id)).asked[0].reverted;
    assert!(!reverted(&second));
    git.run("app", "revert --no-edit HEAD");
    assert!(reverted(&second) && !reverted(&first));
    assert!(reverted(&second[..8].to_owned()), "an id may be cut");
    git.run("app", "revert --no-edit HEAD");
    assert!(!reverted(&second), "the revert was reverted");
    assert!(git.read("app", &["0000000".to_owned(), "ab".to_owned()]).asked.is_empty());
}

#[test]
fn clones_that_are_shallow_detached_packed_or_without_a_log_are_read() {
    let git = Git::new();
    for file in ["a", "b", "c"] {
        git.commit("app", file);
    }
    git.run("app", "gc -q");
    assert_eq!(git.made("app").len(), 3, "packed");
    git.run("", &format!("clone -q --depth 1 file://{} shallow", git.path("app").display()));
    assert!(git.made("shallow").is_empty(), "a clone makes none");
    let own = git.commit("shallow", "d");
    let log = git.read("shallow", &[]);
    assert_eq!((log.made.len(), &log.made[0].id, log.made[0].merged), (1, &own, Some(false)), "not at origin yet");
    git.run("shallow", "checkout -q --detach");
    let detached = git.commit("shallow", "e");
    let log = git.read("shallow", &[]);
    assert_eq!((&log.made[1].id, &log.made[1].branch), (&detached, &None));
    fs::remove_file(git.path("app/.git/logs/HEAD")).unwrap();
    assert_eq!(git.made("app").len(), 3, "the history of HEAD says it then");
    fs::rename(git.path("app/.git"), git.path("store")).unwrap();
    fs::write(git.path("app/.git"), "gitdir: ../store\n").unwrap();
    assert_eq!(git.made("app").len(), 3, "kept elsewhere");
}

#[test]
fn the_times_of_files_say_whether_anything_changed() {
    let git = Git::new();
    git.commit("app", "a");
    let place = find(&git.path("app")).unwrap();
    let before = place.times();
    fs::write(git.path("app/b"), "b").unwrap();
    assert_eq!(place.times(), before);
    git.commit("app", "b");
    assert_ne!(place.times(), before);
}

#[test]
fn a_damaged_or_hostile_repository_is_no_harm() {
    let git = Git::new();
    let ids: Vec<String> = ["a", "b", "c"].map(|file| git.commit("app", file)).to_vec();
    let inside = |file: &str| git.path("app/.git").join(file);
    let object = inside(&format!("objects/{}/{}", &ids[1][..2], &ids[1][2..]));
    let whole = fs::read(&object).unwrap();
    fs::remove_file(&object).unwrap();
    fs::write(&object, &whole[..whole.len() / 2]).unwrap();
    assert!(git.made("app").contains(&ids[2]), "the others are read");
    for damage in [b"".as_slice(), b"garbage", &[0; 64], b"x\x9c\x03\x00\x00\x00\x00\x01"] {
        fs::write(&object, damage).unwrap();
        let _ = git.made("app");
    }
    fs::remove_file(inside("logs/HEAD")).unwrap();
    for text in ["", "nonsense\n", "ref: refs/heads/../../../../etc/passwd", "ref: refs/heads/main\0", &"f".repeat(40)] {
        fs::write(inside("HEAD"), text).unwrap();
        assert!(git.made("app").len() <= 3, "{text}");
    }
    fs::write(inside("HEAD"), "ref: refs/heads/main\n").unwrap();
    let mut log = format!("{0} {0} A <a> 99999999999999999999 +0000\tcommit: x\nno line\n", ids[0]).into_bytes();
    log.extend([0xff; 100]);
    log.extend(b"\n".repeat(2 << 20));
    fs::write(inside("logs/HEAD"), log).unwrap();
    assert!(git.made("app").is_empty());
    for name in ["packed-refs", "refs/heads/pipe"] {
        let _ = fs::remove_file(inside(name));
        rustix::fs::mknodat(rustix::fs::CWD, inside(name), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    }
    assert!(log_of(&git.path("app"), 0).unwrap_err().to_string().contains("FIFO"));
    fs::remove_file(inside("packed-refs")).unwrap();
    fs::create_dir_all(inside("objects/pack")).unwrap();
    fs::write(inside("objects/pack/pack-0000000000000000000000000000000000000000.idx"), vec![0xff; 4_096]).unwrap();
    fs::write(inside("objects/pack/pack-0000000000000000000000000000000000000000.pack"), vec![0xff; 4_096]).unwrap();
    fs::write(inside("objects/info/alternates"), "../../../../../dev\n/proc/self\n").unwrap();
    let _ = log_of(&git.path("app"), 0);
}

#[test]
fn steps_are_told_apart_by_what_git_says_of_them() {
    let (a, b) = ("a".repeat(40), "b".repeat(40));
    for (action, makes) in [
        ("commit: x", true),
        ("commit (initial): x", true),
        ("commit (amend): x", true),
        ("commit (merge): x", true),
        ("cherry-pick: x", true),
        ("revert: Revert \"x\"", true),
        ("am: x", true),
        ("rebase (pick): x", true),
        ("rebase -i (squash): x", true),
        ("rebase (continue): x", true),
        ("rebase (start): checkout main", false),
        ("rebase -i (finish): returning to refs/heads/x", false),
        ("rebase finished: returning to refs/heads/x", false),
        ("rebase (abort): returning to refs/heads/x", false),
        ("pull: Fast-forward", false),
        ("pull --rebase (pick): x", true),
        ("pull --rebase (start): checkout abc", false),
        ("pull: Merge made by the 'ort' strategy.", true),
        ("merge x: Fast-forward", false),
        ("merge x: Merge made by the 'ort' strategy.", true),
        ("checkout: moving from a to b", false),
        ("reset: moving to HEAD~1", false),
        ("clone: from /x", false),
        ("", true),
    ] {
        let line = format!("{a} {b} A Person <p@example.org> 1790000000 +0200\t{action}\n");
        let steps = reflog::parse(line.as_bytes(), Some("main"));
        assert_eq!(steps.len(), 1, "{action}");
        assert_eq!(steps[0].makes_a_commit(), makes, "{action}");
        assert_eq!((steps[0].at, steps[0].branch.as_deref()), (1_790_000_000_000, Some("main")));
    }
    let begin = |action: &str| {
        let line = format!("{} {b} A <a> 1790000000 +0000\t{action}", "0".repeat(40));
        reflog::parse(line.as_bytes(), None)[0].makes_a_commit()
    };
    assert!(begin("commit (initial): x") && !begin("") && !begin("worktree add"));
    assert!(reflog::parse(format!("{a} {b}\n").as_bytes(), None).is_empty());
}
