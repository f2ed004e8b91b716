//! File systems that may fill up, and the disks below them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use taskpulse_engine::machine::mounts::{self, FileSystem};
use taskpulse_engine::machine::proc::{self, DeviceId, DiskIo};

use super::{Crews, Part, Reading, texts};
use crate::files;

const MOUNTS: &str = "/proc/self/mountinfo";
const DISKS: &str = "/proc/diskstats";
/// Most file systems that are read.
const MOST_FILE_SYSTEMS: usize = 1_000;

/// See the module.
pub(super) struct FileSystems {
    crews: Crews,
    /// FUSE file systems that had room once.
    had_room: BTreeSet<(DeviceId, PathBuf)>,
}

/// Bytes of a file system.
struct Space {
    used: f64,
    /// Unused bytes, including those reserved for root.
    free: f64,
    /// Bytes that an ordinary user may still use, as in `df`.
    available: f64,
    /// Inodes in use, and those that an ordinary user may still use; none where the file system makes them as it needs them.
    inodes: Option<(f64, f64)>,
}

/// Why a file system cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", .path.display())]
struct StatError {
    path: PathBuf,
    error: rustix::io::Errno,
}

/// The space of a file system if it has any, and the number of its device if its source is one.
type FileSystemStat = (Option<Space>, Option<DeviceId>);

fn stat(path: &Path, source: &str) -> Result<FileSystemStat, StatError> {
    let stat = match rustix::fs::statvfs(path) {
        Ok(stat) => stat,
        // A FUSE mount of another user, or one that was just unmounted, is no problem.
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM | rustix::io::Errno::NOENT) => return Ok((None, None)),
        Err(error) => return Err(StatError { path: path.to_owned(), error }),
    };
    let unit = if stat.f_frsize > 0 { stat.f_frsize } else { stat.f_bsize };
    let bytes = |blocks: u64| blocks as f64 * unit as f64;
    let used = bytes(stat.f_blocks.saturating_sub(stat.f_bfree));
    let inodes = (stat.f_files.saturating_sub(stat.f_ffree) as f64, stat.f_favail as f64);
    let space = Space {
        used,
        free: bytes(stat.f_bfree),
        available: bytes(stat.f_bavail),
        inodes: (stat.f_files > 0 && inodes.0 + inodes.1 > 0.0).then_some(inodes),
    };
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
        // A path may hold bytes that are not UTF-8.
        let read = |path: &PathBuf| files::read(path, super::MAX_FILE);
        let mut mountinfo = self.crews.files.each(vec![PathBuf::from(MOUNTS)], read);
        let Some(mountinfo) = mountinfo.pop().and_then(|(path, read)| reading.accept(path.display(), read)) else { return };
        let mut disks = texts(&self.crews.files, &[DISKS]);
        let disks = disks.pop().and_then(|(path, read)| reading.accept(path.display(), read).flatten()).unwrap_or_default();
        let stats: BTreeMap<DeviceId, DiskIo<'_>> = proc::disks(&disks).into_iter().map(|disk| (disk.device, disk)).collect();
        let mut found = mounts::file_systems(&mountinfo);
        if found.len() > MOST_FILE_SYSTEMS {
            reading.problems.push(format!("{} file systems; {MOST_FILE_SYSTEMS} of them have samples", found.len()));
            found.truncate(MOST_FILE_SYSTEMS);
        }
        let by_path: BTreeMap<PathBuf, FileSystem> = found.into_iter().map(|fs| (fs.path.clone(), fs)).collect();
        let sources: BTreeMap<PathBuf, String> = by_path.iter().map(|(path, fs)| (path.clone(), fs.source.clone())).collect();
        let source = move |path: &PathBuf| sources.get(path).cloned().unwrap_or_default();
        let stats_of = self.crews.mounts.each(by_path.keys().cloned().collect(), move |path| stat(path, &source(path)));
        let mut measured = BTreeSet::new();
        for (path, stat) in stats_of {
            let Some(fs) = by_path.get(&path) else { continue };
            let what = format!("file system {}", path.display());
            let (space, source) = reading.accept(what, stat).unwrap_or_default();
            if let Some(space) = space
                && !fs.read_only
                && self.may_fill(fs, &space)
            {
                let path = path.to_string_lossy();
                let mut labels = vec![("mountpoint", path.as_ref())];
                // File systems that are not on a disk of this machine have the label `fstype`.
                labels.extend((!fs.local).then_some(("fstype", fs.kind.as_str())));
                for (state, bytes) in [("used", space.used), ("free", space.available)] {
                    let labels: Vec<_> = labels.iter().copied().chain([("state", state)]).collect();
                    reading.push("system_filesystem_usage_bytes", &labels, bytes);
                }
                reading.push("system_filesystem_utilization_ratio", &labels, space.used / (space.used + space.available));
                if let Some((used, free)) = space.inodes {
                    for (state, count) in [("used", used), ("free", free)] {
                        let labels: Vec<_> = labels.iter().copied().chain([("state", state)]).collect();
                        reading.push("system_filesystem_inodes", &labels, count);
                    }
                    reading.push("system_filesystem_inodes_utilization_ratio", &labels, used / (used + free));
                }
            }
            // Without a line for its device there are no samples, which differs from no bytes.
            let disk = stats.get(&fs.device).or_else(|| stats.get(&source?)).filter(|disk| measured.insert(disk.device));
            if let Some(disk) = disk {
                let device = fs.source.strip_prefix("/dev/").unwrap_or(disk.name);
                for (direction, bytes) in [("read", disk.read), ("write", disk.written)] {
                    reading.push("system_disk_io_bytes_total", &[("device", device), ("direction", direction)], bytes as f64);
                }
            }
        }
        self.had_room.retain(|(device, path)| by_path.get(path).is_some_and(|fs| fs.device == *device));
    }

    /// Whether a file system may fill up. A FUSE file system without free blocks from the start is full by nature, like an
    /// image. On a disk of the machine that is a full disk.
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
    fn a_fuse_file_system_without_room_from_the_start_is_an_image_and_a_disk_is_full() {
        let fs = |kind: &str, local| FileSystem {
            path: "/mnt".into(),
            kind: kind.to_owned(),
            source: "x".to_owned(),
            device: (0, 50),
            local,
            read_only: false,
        };
        let space = |free: f64| Space { used: 100.0, free, available: free, inodes: None };
        let mut seen = FileSystems::new(Crews::new(Duration::from_secs(1)));
        assert!(!seen.may_fill(&fs("fuse.anything", false), &space(0.0)));
        assert!(seen.may_fill(&fs("fuse.anything", false), &space(1.0)));
        assert!(seen.may_fill(&fs("fuse.anything", false), &space(0.0)), "it filled before our eyes");
        assert!(FileSystems::new(Crews::new(Duration::from_secs(1))).may_fill(&fs("nfs4", false), &space(0.0)));
        assert!(FileSystems::new(Crews::new(Duration::from_secs(1))).may_fill(&fs("ext4", true), &space(0.0)));
    }
}
