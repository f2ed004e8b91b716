//! A disk that fills up: what was kept stays, reading goes on, health says so, and a restart with room goes on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use common::{Folder, eventually};

/// A small file system of its own; gone when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// None where this user may not mount.
    fn mount(at: &'a Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_loses_nothing_kept_and_does_not_stop_reading() {
    let folder = Folder::with_settings("[system]\ninterval = \"1s\"\n[pipeline]\nflush_interval = \"1s\"\n");
    let place = folder.path().join("small");
    let Some(disk) = SmallDisk::mount(&place) else {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    let service = folder.start_with(&["--data-dir", "small/data"], &[]);
    let seen = |service: &common::Service| service.samples("system_uptime_seconds[10m]");
    let kept = eventually("samples", || Some(seen(&service)).filter(|s| s.len() >= 3));
    let mut filler = fs::File::create(place.join("filler")).unwrap();
    while filler.write_all(&[0; 4_096]).is_ok() {}
    eventually("health says so", || {
        let health = service.get("/healthz");
        (health.status() == 503 && health.text().unwrap().contains("no room left on the disk")).then_some(())
    });
    assert_eq!(seen(&service)[..kept.len()], kept[..], "reading goes on");
    eventually("samples wait", || (service.status()["pipeline"]["batcher_waiting"].as_u64() > Some(0)).then_some(()));
    service.kill();
    drop(filler);
    fs::remove_file(place.join("filler")).unwrap();
    let service = folder.start_with(&["--data-dir", "small/data"], &[]);
    assert_eq!(seen(&service)[..kept.len()], kept[..], "what was kept is there");
    eventually("and more comes", || (seen(&service).len() > kept.len() + 1).then_some(()));
    assert!(service.get("/healthz").status().is_success());
    drop(service);
    drop(disk);
}
