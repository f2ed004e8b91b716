//! Temperature sensors of the kernel's hwmon, and how often heat slowed cores down.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use taskpulse_engine::machine::sensors;

use super::{Crews, Part, Reading};
use crate::files;

/// Folders of sensors. The second is used only if the first has none (as on a Raspberry Pi).
const HWMON: &str = "/sys/class/hwmon";
const THERMAL: &str = "/sys/class/thermal";
/// Folders of cores, and the file in each that counts how often heat slowed it down. Not all processors have one.
const CORES: &str = "/sys/devices/system/cpu";
const THROTTLES: &str = "thermal_throttle/core_throttle_count";
/// Most chips, and most sensors of a chip.
const MOST_CHIPS: usize = 256;
/// Most entries of the folder of cores.
const MOST_CORES: usize = 4_096;
/// Largest file of a sensor, in bytes.
const MAX_SHORT: u64 = 1 << 12;

/// See the module.
pub(super) struct Temperatures {
    crews: Crews,
}

impl Temperatures {
    pub(super) fn new(crews: Crews) -> Self {
        Self { crews }
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

    fn throttles(&self, reading: &mut Reading) {
        let mut read = self.crews.files.each(vec![PathBuf::from(CORES)], |folder| Ok::<_, Infallible>(throttles(folder)));
        let count = read.pop().and_then(|(path, count)| reading.accept(path.display(), count)).flatten();
        count.into_iter().for_each(|count| reading.push("system_cpu_throttles_total", &[], count));
    }

    /// The chips below a folder, by name.
    fn chips(&self, folder: &str, prefix: &'static str, reading: &mut Reading) -> Vec<(PathBuf, Chip)> {
        let list = move |folder: &PathBuf| -> Result<Vec<PathBuf>, Infallible> {
            // A machine without the folder has no sensors.
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
            Ok(named.take(MOST_CHIPS).map(|entry| entry.path()).collect())
        };
        let mut listed = self.crews.files.each(vec![PathBuf::from(folder)], list);
        let mut folders = listed.pop().and_then(|(path, listed)| reading.accept(path.display(), listed)).unwrap_or_default();
        folders.sort();
        let mut chips: Vec<(PathBuf, Chip)> = Vec::new();
        for (path, read) in self.crews.chips.each(folders, |folder| Ok::<_, Infallible>(read_chip(folder))) {
            let what = format!("sensors of {}", path.display());
            chips.extend(reading.accept(what, read).map(|chip| (path, chip)));
        }
        chips
    }
}

/// How often heat slowed the cores below a folder down, all together; none where none of them counts that.
fn throttles(folder: &Path) -> Option<f64> {
    let cores = fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_CORES);
    let counts = cores.filter_map(|core| line(&core.path().join(THROTTLES))?.parse::<u64>().ok());
    counts.map(|count| count as f64).reduce(|a, b| a + b)
}

/// A chip: its device, and its sensors as input, label and value.
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
        // A thermal zone is a chip with one sensor.
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
        // A sensor that reports a fault has no sample.
        let broken = line(&folder.join(format!("{input}_fault"))).is_some_and(|fault| fault != "0");
        let celsius = celsius(&folder.join(format!("{input}_input"))).filter(|_| !broken)?;
        let label = sensors::label(&name, line(&folder.join(format!("{input}_label"))).as_deref(), model.as_deref(), &input);
        Some((input, label, celsius))
    };
    Chip { device, sensors: inputs.into_iter().filter_map(sensor).collect() }
}

impl Part for Temperatures {
    fn read(&mut self) -> Reading {
        let mut reading = Reading::default();
        self.temperatures(&mut reading);
        self.throttles(&mut reading);
        reading
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn sensors_of_a_chip_have_different_labels_and_a_broken_one_has_no_sample() {
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
    fn throttles_of_cores_are_added_up_and_a_machine_without_them_has_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(throttles(dir.path()), None);
        fs::create_dir(dir.path().join("cpufreq")).unwrap();
        assert_eq!(throttles(dir.path()), None);
        for (core, count) in [("cpu0", "7\n"), ("cpu1", "5\n"), ("cpu2", "?\n")] {
            fs::create_dir_all(dir.path().join(core).join("thermal_throttle")).unwrap();
            fs::write(dir.path().join(core).join(THROTTLES), count).unwrap();
        }
        assert_eq!(throttles(dir.path()), Some(12.0));
    }
}
