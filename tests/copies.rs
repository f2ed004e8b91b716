//! Snapshots and restores: whole or not there at all, and what is wrong is refused by name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::peer::missing_peer;
use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually};

const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n";

fn write_some(service: &Service, name: &str) {
    let now = now_ms();
    let raw: Vec<u8> = (0..20)
        .flat_map(|n| {
            let samples: Vec<(i64, f64)> = (0..50).map(|i| (now - 50_000 + i * 1_000, i as f64)).collect();
            series(&[("__name__", name), ("n", &n.to_string())], &samples)
        })
        .collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
}

fn snapshot(service: &Service) -> (u16, serde_json::Value) {
    let response = service.client.post(service.url("/api/v1/admin/snapshot")).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

fn path_of(folder: &Folder, answer: &serde_json::Value) -> PathBuf {
    folder.path().join(answer["data"]["path"].as_str().unwrap_or_else(|| panic!("{answer}")))
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(|_| ()).unwrap()
        }
    }
}

/// A folder with a finished snapshot in `snap` and a stopped service's directory in `data`.
fn with_snapshot() -> Folder {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    write_some(&service, "kept");
    let (status, answer) = snapshot(&service);
    assert_eq!(status, 200, "{answer}");
    fs::rename(path_of(&folder, &answer), folder.path().join("snap")).unwrap();
    write_some(&service, "later");
    assert_eq!(service.stop(), Some(0));
    folder
}

fn restore(folder: &Folder, args: &[&str]) -> (Option<i32>, String) {
    folder.run(&[&["restore"], args].concat(), &[])
}

#[test]
fn a_snapshot_has_a_list_and_restores_what_was_accepted_before_it() {
    let folder = with_snapshot();
    let list = fs::read_to_string(folder.path().join("snap/snapshot.list")).unwrap();
    assert!(list.starts_with("taskpulse snapshot 1\n") && list.contains("/manifest\n") && list.contains("\nend "), "{list}");
    for (target, at) in [("one/two/new", "one/two/new"), ("slash/", "slash"), ("./dotted/.", "dotted")] {
        let (code, output) = restore(&folder, &["snap", "--data-dir", target]);
        assert_eq!(code, Some(0), "{target}: {output}");
        assert!(folder.path().join(at).join("partitions").is_dir() && !folder.path().join(at).join("snapshot.list").exists(), "{target}");
    }
    let service = folder.start_with(&["--data-dir", "slash"], &[]);
    assert_eq!((service.query("kept[1h]").len(), service.query("later[1h]").len()), (20, 0));
    assert_eq!(service.stop(), Some(0));
    let (code, output) = restore(&folder, &["data", "--data-dir", "of-data"]);
    assert_eq!(code, Some(0), "a stopped service's directory is as good: {output}");
    let service = folder.start_with(&["--data-dir", "of-data"], &[]);
    assert_eq!((service.query("kept[1h]").len(), service.query("later[1h]").len()), (20, 20));
}

#[test]
fn restoring_into_the_folder_that_one_stands_in_works() {
    let folder = with_snapshot();
    let here = folder.path().join("here");
    fs::create_dir(&here).unwrap();
    let output = folder.command().current_dir(&here).args(["restore", "../snap", "--data-dir", "."]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(here.join("partitions").is_dir());
}

#[test]
fn restoring_onto_a_mounted_file_system_moves_what_is_in_it() {
    let folder = with_snapshot();
    let volume = folder.path().join("volume");
    fs::create_dir(&volume).unwrap();
    if !Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&volume).status().is_ok_and(|status| status.success()) {
        missing_peer("this user may not mount a file system");
        return;
    }
    let (code, output) = restore(&folder, &["snap", "--data-dir", "volume"]);
    let again = restore(&folder, &["snap", "--data-dir", "volume/", "--replace"]);
    let there = names(&volume);
    let unmounted = Command::new("umount").args(["-l"]).arg(&volume).status().unwrap();
    assert!(unmounted.success() && code == Some(0), "{output}");
    assert_eq!(again.0, Some(0), "{}", again.1);
    assert!(there.contains(&"partitions".to_owned()) && there.iter().any(|name| name.starts_with("before-")), "{there:?}");
}

#[test]
fn what_cannot_be_restored_is_refused_by_name_and_leaves_nothing() {
    let folder = with_snapshot();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "text").unwrap();
    fs::create_dir(at("empty")).unwrap();
    copy_all(&at("snap"), &at("interrupted"));
    fs::remove_file(at("interrupted/snapshot.list")).unwrap();
    copy_all(&at("data"), &at("no-days"));
    fs::remove_dir_all(at("no-days/partitions")).unwrap();
    copy_all(&at("snap"), &at("linked"));
    std::os::unix::fs::symlink("/etc/passwd", at("linked/partitions/evil")).unwrap();
    copy_all(&at("data"), &at("linked-data"));
    std::os::unix::fs::symlink("/etc", at("linked-data/etc")).unwrap();
    for (name, args, expected) in [
        ("nothing there", &["nowhere", "--data-dir", "new"][..], "nowhere"),
        ("a file", &["file", "--data-dir", "new"], "not a folder"),
        ("an empty folder", &["empty", "--data-dir", "new"], "not a finished snapshot"),
        ("an interrupted snapshot", &["interrupted", "--data-dir", "new"], "not a finished snapshot"),
        ("a directory without days", &["no-days", "--data-dir", "new"], "no partitions"),
        ("a link in a snapshot", &["linked", "--data-dir", "new"], "evil: neither a file nor a folder"),
        ("a link in a directory", &["linked-data", "--data-dir", "new"], "etc: neither a file nor a folder"),
        ("the same directory", &["data", "--data-dir", "data", "--replace"], "onto itself"),
        ("below the snapshot", &["snap", "--data-dir", "snap/deep/new"], "inside of"),
        ("above the snapshot", &["snap", "--data-dir", ".", "--replace"], "inside of"),
        ("onto a file", &["snap", "--data-dir", "file"], "not a folder"),
        ("onto what is there", &["snap", "--data-dir", "data"], "--replace"),
    ] {
        let before: Vec<_> = names(folder.path());
        let (code, output) = restore(&folder, args);
        assert_eq!(code, Some(2), "{name}: {output}");
        assert!(output.contains(expected), "{name}: {output}");
        assert_eq!(names(folder.path()), before, "{name}");
    }
    assert!(!at("snap/deep").exists());
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_snapshot_with_damage_is_refused_with_what_is_damaged() {
    let folder = with_snapshot();
    let journal = fs::read_dir(folder.path().join("snap")).unwrap();
    assert!(journal.count() > 0);
    let list = fs::read_to_string(folder.path().join("snap/snapshot.list")).unwrap();
    let files: Vec<&str> = list.lines().filter_map(|line| line.strip_prefix("file ")?.splitn(3, ' ').nth(2)).collect();
    assert!(files.len() > 5, "{list}");
    for name in files.iter().chain(&["snapshot.list"]) {
        let path = folder.path().join("snap").join(name);
        let sound = fs::read(&path).unwrap();
        if sound.is_empty() {
            continue;
        }
        let mut damaged = sound.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(&path, damaged).unwrap();
        let (code, output) = restore(&folder, &["snap", "--data-dir", "new"]);
        assert_eq!(code, Some(1), "{name}: {output}");
        assert!(output.contains(name) && output.contains("nothing was restored"), "{name}: {output}");
        assert!(!folder.path().join("new").exists() && !folder.path().join("new.restoring").exists());
        fs::write(&path, sound).unwrap();
    }
    assert_eq!(restore(&folder, &["snap", "--data-dir", "new"]).0, Some(0), "and without the damage it is restored");
}

#[test]
fn a_running_directory_is_neither_a_source_nor_a_target() {
    let folder = with_snapshot();
    let service = folder.start_with(&["--data-dir", "data"], &[]);
    for args in [&["data", "--data-dir", "new"][..], &["snap", "--data-dir", "data", "--replace"]] {
        let (code, output) = restore(&folder, args);
        assert!(code == Some(2) && output.contains("in use") && output.contains(&service.pid().to_string()), "{code:?} {output}");
    }
    fs::remove_file(folder.path().join("data/lock")).unwrap();
    let (code, output) = restore(&folder, &["data", "--data-dir", "new"]);
    assert!(code == Some(2) && output.contains("in use"), "{code:?} {output}");
}

#[test]
fn a_snapshot_may_be_put_in_the_place_of_the_directory_that_it_lies_in() {
    let folder = with_snapshot();
    fs::create_dir_all(folder.path().join("data/snapshots")).unwrap();
    fs::rename(folder.path().join("snap"), folder.path().join("data/snapshots/one")).unwrap();
    // What is there need not be sound.
    fs::write(folder.path().join("data/progress"), "x").unwrap();
    let (code, output) = restore(&folder, &["data/snapshots/one", "--data-dir", "data/", "--replace"]);
    assert_eq!(code, Some(0), "{output}");
    let before = names(folder.path()).into_iter().find(|name| name.starts_with("data.before-")).unwrap();
    assert!(folder.path().join(before).join("snapshots/one/snapshot.list").exists());
}

#[cfg(feature = "failpoints")]
#[test]
fn an_interrupted_snapshot_never_has_its_final_name_and_the_next_start_removes_it() {
    let folder = Folder::with_settings(QUIET);
    for point in ["store::snapshot::list", "store::snapshot::rename"] {
        let service = folder.start_with(&["--data-dir", "data"], &[("FAILPOINTS", &format!("{point}=sleep(60000)"))]);
        write_some(&service, "kept");
        let (url, client) = (service.url("/api/v1/admin/snapshot"), service.client.clone());
        let asked = std::thread::spawn(move || client.post(url).send().is_ok());
        let partial = eventually("it is written", || {
            let there: Vec<PathBuf> = fs::read_dir(folder.path().join("data/snapshots")).ok()?.map(|e| e.unwrap().path()).collect();
            there.into_iter().find(|path| path.to_string_lossy().ends_with(".partial") && path.join("progress").exists())
        });
        service.kill();
        assert!(!asked.join().unwrap());
        let (code, output) = restore(&folder, &[&partial.display().to_string(), "--data-dir", "new"]);
        assert!(code == Some(2) && output.contains("not a finished snapshot"), "{code:?} {output}");
        let service = folder.start_with(&["--data-dir", "data"], &[]);
        assert!(!partial.exists(), "{}", partial.display());
        let (status, answer) = snapshot(&service);
        assert_eq!(status, 200, "{answer}");
        assert_eq!(restore(&folder, &[&path_of(&folder, &answer).display().to_string(), "--data-dir", point]).0, Some(0));
        assert_eq!(service.stop(), Some(0));
    }
}
