//! What may hang: file systems, the disks that they lie on, and temperature sensors.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use taskpulse_engine::machine::mounts::{self, FileSystem};
use taskpulse_engine::machine::proc::{self, DeviceId, DiskIo};
use taskpulse_engine::machine::sensors;

use super::{Part, Reading, texts};
use crate::crew::Crew;
use crate::files;

const MOUNTS: &str = "/proc/self/mountinfo";
const DISKS: &str = "/proc/diskstats";
/// Folders of sensors, the second only where the first has none (as on a Raspberry Pi).
const HWMON: &str = "/sys/class/hwmon";
const THERMAL: &str = "/sys/class/thermal";
/// File systems that are asked.
const MOST_FILE_SYSTEMS: usize = 1_000;
/// Chips that are read, and sensors of one.
const MOST_CHIPS: usize = 256;
/// Of a file of a sensor.
const MAX_SHORT: u64 = 1 << 12;

/// See the module.
pub(super) struct Devices {
    crew: Crew<PathBuf>,
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

impl Devices {
    pub(super) fn new(crew: Crew<PathBuf>) -> Self {
        Self { crew, had_room: BTreeSet::new() }
    }

    fn file_systems(&mut self, reading: &mut Reading) {
        // A path may hold bytes that are no text.
        let read = |path: &PathBuf| files::read(path, super::MAX_FILE).map_err(|error| error.to_string());
        let mut mountinfo = self.crew.each(vec![PathBuf::from(MOUNTS)], read);
        let Some(mountinfo) = mountinfo.pop().and_then(|(path, read)| reading.take(path.display(), read)) else { return };
        let mut disks = texts(&self.crew, &[DISKS]);
        let disks = disks.pop().and_then(|(path, read)| reading.take(path.display(), read).flatten()).unwrap_or_default();
        let stats: BTreeMap<DeviceId, DiskIo<'_>> = proc::disks(&disks).into_iter().map(|disk| (disk.device, disk)).collect();
        let mut found = mounts::file_systems(&mountinfo);
        if found.len() > MOST_FILE_SYSTEMS {
            reading.problems.push(format!("{} file systems; {MOST_FILE_SYSTEMS} of them have figures", found.len()));
            found.truncate(MOST_FILE_SYSTEMS);
        }
        let by_path: BTreeMap<PathBuf, FileSystem> = found.into_iter().map(|fs| (fs.path.clone(), fs)).collect();
        let sources: BTreeMap<PathBuf, String> = by_path.iter().map(|(path, fs)| (path.clone(), fs.source.clone())).collect();
        let asked = self.crew.each(by_path.keys().cloned().collect(), move |path| ask(path, sources.get(path).map_or("", String::as_str)));
        let mut told = BTreeSet::new();
        for (path, asked) in asked {
            let Some(fs) = by_path.get(&path) else { continue };
            let what = format!("file system {}", path.display());
            let (space, source) = reading.take(what, asked).unwrap_or_default();
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

    fn temperatures(&self, reading: &mut Reading) {
        let mut chips = self.chips(HWMON, "hwmon", reading);
        if chips.iter().all(|(_, chip)| chip.sensors.is_empty()) {
            chips = self.chips(THERMAL, "thermal_zone", reading);
        }
        let folder = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folders: Vec<String> = chips.iter().map(|(path, _)| folder(path)).collect();
        let names: Vec<(&str, String)> = folders
            .iter()
            .zip(&chips)
            .map(|(folder, (_, chip))| (folder.as_str(), sensors::chip(folder, chip.device.as_deref())))
            .collect();
        for (name, (_, chip)) in sensors::distinct(&names).iter().zip(&chips) {
            for (input, label, celsius) in &chip.sensors {
                let labels = [("chip", name.as_str()), ("input", input.as_str()), ("sensor", label.as_str())];
                reading.push("system_temperature_celsius", &labels, *celsius);
            }
        }
    }

    /// The chips below a folder, in the order of their names.
    fn chips(&self, folder: &str, prefix: &'static str, reading: &mut Reading) -> Vec<(PathBuf, Chip)> {
        let list = move |folder: &PathBuf| -> Result<Vec<PathBuf>, String> {
            // Without such a folder the machine has no sensors.
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
            Ok(named.take(MOST_CHIPS).map(|entry| entry.path()).collect())
        };
        let mut listed = self.crew.each(vec![PathBuf::from(folder)], list);
        let mut folders = listed.pop().and_then(|(path, listed)| reading.take(path.display(), listed)).unwrap_or_default();
        folders.sort();
        let mut chips: Vec<(PathBuf, Chip)> = Vec::new();
        for (path, read) in self.crew.each(folders, |folder| Ok(read_chip(folder))) {
            let what = format!("sensors of {}", path.display());
            chips.extend(reading.take(what, read).map(|chip| (path, chip)));
        }
        chips
    }
}

/// A chip: its device, and its sensors by input with their words and figures.
#[derive(Debug, Default)]
struct Chip {
    device: Option<PathBuf>,
    sensors: Vec<(String, String, f64)>,
}

fn line(path: &Path) -> Option<String> {
    let text = files::read(path, MAX_SHORT).ok()?;
    Some(String::from_utf8_lossy(&text).trim().to_owned())
}

/// Thousandths of a degree.
fn celsius(path: &Path) -> Option<f64> {
    line(path)?.parse::<i64>().ok().map(|milli| milli as f64 / 1e3)
}

fn read_chip(folder: &Path) -> Chip {
    let device = fs::canonicalize(folder.join("device")).ok();
    if let Some(celsius) = celsius(&folder.join("temp")) {
        // A thermal zone: it is a chip of one sensor.
        let kind = line(&folder.join("type")).unwrap_or_default();
        return Chip { device: None, sensors: vec![("temp".to_owned(), kind, celsius)] };
    }
    let (name, model) = (line(&folder.join("name")).unwrap_or_default(), line(&folder.join("device/model")));
    let mut inputs: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix("_input")?.to_owned()))
        .filter(|input| input.strip_prefix("temp").is_some_and(|number| number.parse::<u32>().is_ok()))
        .take(MOST_CHIPS)
        .collect();
    inputs.sort();
    let sensor = |input: String| {
        // A sensor that says itself that it is broken has no figure.
        let broken = line(&folder.join(format!("{input}_fault"))).is_some_and(|fault| fault != "0");
        let celsius = celsius(&folder.join(format!("{input}_input"))).filter(|_| !broken)?;
        let label = sensors::label(&name, line(&folder.join(format!("{input}_label"))).as_deref(), model.as_deref(), &input);
        Some((input, label, celsius))
    };
    Chip { device, sensors: inputs.into_iter().filter_map(sensor).collect() }
}

impl Part for Devices {
    fn read(&mut self) -> Reading {
        let mut reading = Reading::default();
        self.file_systems(&mut reading);
        self.temperatures(&mut reading);
        reading
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn a_chips_sensors_are_told_apart_and_a_broken_one_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(dir.path().join(file), text).unwrap();
        fs::create_dir(dir.path().join("device")).unwrap();
        for (file, text) in [
            ("name", "nvme\n"),
            ("device/model", "ACME SSD 1TB\n"),
            ("temp1_input", "41850\n"),
            ("temp1_label", "Composite\n"),
            ("temp2_input", "63850\n"),
            ("temp2_label", "Composite\n"),
            ("temp2_fault", "0\n"),
            ("temp3_input", "-62000\n"),
            ("temp4_input", "127000\n"),
            ("temp4_fault", "1\n"),
            ("temp5_input", "\n"),
            ("tempx_input", "1\n"),
            ("fan1_input", "900\n"),
        ] {
            write(file, text);
        }
        let chip = read_chip(dir.path());
        let of = |input: &str, label: &str, v| (input.to_owned(), label.to_owned(), v);
        let composite = "nvme Composite ACME SSD 1TB";
        assert_eq!(chip.sensors, [of("temp1", composite, 41.85), of("temp2", composite, 63.85), of("temp3", "nvme ACME SSD 1TB", -62.0)]);
        assert!(chip.device.is_some_and(|device| device.ends_with("device")));
    }

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
        let mut devices = Devices::new(Crew::new(super::super::PATIENCE));
        assert!(!devices.may_fill(&fs("fuse.anything", false), &space(0.0)));
        assert!(devices.may_fill(&fs("fuse.anything", false), &space(1.0)));
        assert!(devices.may_fill(&fs("fuse.anything", false), &space(0.0)), "it filled before our eyes");
        assert!(Devices::new(Crew::new(super::super::PATIENCE)).may_fill(&fs("nfs4", false), &space(0.0)));
        assert!(Devices::new(Crew::new(super::super::PATIENCE)).may_fill(&fs("ext4", true), &space(0.0)));
    }
}
