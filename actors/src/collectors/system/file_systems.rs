//! File systems that may fill, and the disks that they lie on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use taskpulse_engine::machine::mounts::{self, FileSystem};
use taskpulse_engine::machine::proc::{self, DeviceId, DiskIo};

use super::{Crews, Part, Reading, texts};
use crate::files;

const MOUNTS: &str = "/proc/self/mountinfo";
const DISKS: &str = "/proc/diskstats";
/// File systems that are asked.
const MOST_FILE_SYSTEMS: usize = 1_000;

/// See the module.
pub(super) struct FileSystems {
    crews: Crews,
    /// File systems of FUSE that once had room.
    had_room: BTreeSet<(DeviceId, PathBuf)>,
}

/// Bytes of a file system.
struct Space {
    used: f64,
    /// What nobody uses, what is kept for root included.
    free: f64,
    /// What an ordinary user may still use, as for `df`.
    available: f64,
}

/// What a file system answers: its room where it has any, and the number of its device where its source is one.
type Asked = Result<(Option<Space>, Option<DeviceId>), String>;

fn ask(path: &Path, source: &str) -> Asked {
    let stat = match rustix::fs::statvfs(path) {
        Ok(stat) => stat,
        // A FUSE mount of another user, or one that was taken away just now, is nothing that is wrong.
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM | rustix::io::Errno::NOENT) => return Ok((None, None)),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let unit = if stat.f_frsize > 0 { stat.f_frsize } else { stat.f_bsize };
    let bytes = |blocks: u64| blocks as f64 * unit as f64;
    let used = bytes(stat.f_blocks.saturating_sub(stat.f_bfree));
    let space = Space { used, free: bytes(stat.f_bfree), available: bytes(stat.f_bavail) };
    let device = source.starts_with("/dev/").then(|| rustix::fs::stat(source).ok()).flatten();
    let device = device.filter(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::BlockDevice);
    let device = device.map(|stat| (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)));
    Ok(((space.used + space.available > 0.0).then_some(space), device))
}

impl FileSystems {
    pub(super) fn new(crews: Crews) -> Self {
        Self { crews, had_room: BTreeSet::new() }
    }

    fn file_systems(&mut self, reading: &mut Reading) {
        // A path may hold bytes that are no text.
        let read = |path: &PathBuf| files::read(path, super::MAX_FILE).map_err(|error| error.to_string());
        let mut mountinfo = self.crews.files.each(vec![PathBuf::from(MOUNTS)], read);
        let Some(mountinfo) = mountinfo.pop().and_then(|(path, read)| reading.accept(path.display(), read)) else { return };
        let mut disks = texts(&self.crews.files, &[DISKS]);
        let disks = disks.pop().and_then(|(path, read)| reading.accept(path.display(), read).flatten()).unwrap_or_default();
        let stats: BTreeMap<DeviceId, DiskIo<'_>> = proc::disks(&disks).into_iter().map(|disk| (disk.device, disk)).collect();
        let mut found = mounts::file_systems(&mountinfo);
        if found.len() > MOST_FILE_SYSTEMS {
            reading.problems.push(format!("{} file systems; {MOST_FILE_SYSTEMS} of them have figures", found.len()));
            found.truncate(MOST_FILE_SYSTEMS);
        }
        let by_path: BTreeMap<PathBuf, FileSystem> = found.into_iter().map(|fs| (fs.path.clone(), fs)).collect();
        let sources: BTreeMap<PathBuf, String> = by_path.iter().map(|(path, fs)| (path.clone(), fs.source.clone())).collect();
        let asked =
            self.crews.mounts.each(by_path.keys().cloned().collect(), move |path| ask(path, sources.get(path).map_or("", String::as_str)));
        let mut told = BTreeSet::new();
        for (path, asked) in asked {
            let Some(fs) = by_path.get(&path) else { continue };
            let what = format!("file system {}", path.display());
            let (space, source) = reading.accept(what, asked).unwrap_or_default();
            if let Some(space) = space
                && !fs.read_only
                && self.may_fill(fs, &space)
            {
                let path = path.to_string_lossy();
                let mut labels = vec![("mountpoint", path.as_ref())];
                // What is no disk of this machine is marked with what it is.
                labels.extend((!fs.local).then_some(("fstype", fs.kind.as_str())));
                for (state, bytes) in [("used", space.used), ("free", space.available)] {
                    let labels: Vec<_> = labels.iter().copied().chain([("state", state)]).collect();
                    reading.push("system_filesystem_usage_bytes", &labels, bytes);
                }
                reading.push("system_filesystem_utilization_ratio", &labels, space.used / (space.used + space.available));
            }
            // Without a line for its device there are no figures of it, which is not the same as none read or written.
            let disk = stats.get(&fs.device).or_else(|| stats.get(&source?)).filter(|disk| told.insert(disk.device));
            if let Some(disk) = disk {
                let device = fs.source.strip_prefix("/dev/").unwrap_or(disk.name);
                for (direction, bytes) in [("read", disk.read), ("write", disk.written)] {
                    reading.push("system_disk_io_bytes_total", &[("device", device), ("direction", direction)], bytes as f64);
                }
            }
        }
        self.had_room.retain(|(device, path)| by_path.get(path).is_some_and(|fs| fs.device == *device));
    }

    /// Whether a file system is one that fills. A program may show as a file system what it likes: one that had no free block
    /// from the first is full by nature, as an image is. On a disk of the machine that would be a full disk.
    fn may_fill(&mut self, fs: &FileSystem, space: &Space) -> bool {
        if fs.local || !fs.is_fuse() {
            return true;
        }
        let key = (fs.device, fs.path.clone());
        if space.free > 0.0 || space.available > 0.0 {
            self.had_room.insert(key);
            return true;
        }
        self.had_room.contains(&key)
    }
}

impl Part for FileSystems {
    fn read(&mut self) -> Reading {
        let mut reading = Reading::default();
        self.file_systems(&mut reading);
        reading
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_fuse_file_system_without_room_from_the_first_is_an_image_and_a_disk_is_full() {
        let fs = |kind: &str, local| FileSystem {
            path: "/mnt".into(),
            kind: kind.to_owned(),
            source: "x".to_owned(),
            device: (0, 50),
            local,
            read_only: false,
        };
        let space = |free: f64| Space { used: 100.0, free, available: free };
        let mut seen = FileSystems::new(Crews::new(Duration::from_secs(1)));
        assert!(!seen.may_fill(&fs("fuse.anything", false), &space(0.0)));
        assert!(seen.may_fill(&fs("fuse.anything", false), &space(1.0)));
        assert!(seen.may_fill(&fs("fuse.anything", false), &space(0.0)), "it filled before our eyes");
        assert!(FileSystems::new(Crews::new(Duration::from_secs(1))).may_fill(&fs("nfs4", false), &space(0.0)));
        assert!(FileSystems::new(Crews::new(Duration::from_secs(1))).may_fill(&fs("ext4", true), &space(0.0)));
    }
}
