//! Names of temperature sensors below `/sys/class/hwmon`.
//!
//! A machine has several chips of one name (two drives of one model), and a chip may have several sensors of one label. What
//! tells sensors apart is the chip's device and the number of its input, as node_exporter and lm-sensors have it.

use std::collections::BTreeMap;
use std::path::Path;

/// One sensor's words for people.
#[must_use]
pub fn label(chip: &str, label: Option<&str>, model: Option<&str>, input: &str) -> String {
    match (label.filter(|label| !label.is_empty()), model.filter(|model| !model.is_empty())) {
        (Some(label), Some(model)) => format!("{chip} {label} {model}"),
        (Some(label), None) => format!("{chip} {label}"),
        (None, Some(model)) => format!("{chip} {model}"),
        (None, None) => format!("{chip} {input}"),
    }
}

/// The name of a chip by the path of its device, the same after each start of the machine: `nvme_nvme0`,
/// `platform_coretemp_0`. `hwmon2`, its folder's name, is not, and only taken where there is no device.
#[must_use]
pub fn chip(folder: &str, device: Option<&Path>) -> String {
    let clean = |name: &std::ffi::OsStr| {
        let words: Vec<String> = name
            .to_string_lossy()
            .split(|c: char| !c.is_ascii_alphanumeric() && c != ':')
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.join("_")
    };
    let of_device = device.and_then(|device| {
        let (kind, name) = (clean(device.parent()?.file_name()?), clean(device.file_name()?));
        (!kind.is_empty() && !name.is_empty()).then(|| format!("{kind}_{name}"))
    });
    of_device.unwrap_or_else(|| folder.to_owned())
}

/// Chips with names that nobody else has: where several folders say the same, each name gets its folder's too.
#[must_use]
pub fn distinct(chips: &[(&str, String)]) -> Vec<String> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    chips.iter().for_each(|(_, chip)| *count.entry(chip).or_default() += 1);
    let name = |(folder, chip): &(&str, String)| if count[chip.as_str()] > 1 { format!("{chip}_{folder}") } else { chip.clone() };
    chips.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_are_named_by_their_device_and_never_alike() {
        for (folder, device, expected) in [
            ("hwmon0", Some("/sys/devices/pci0000:00/0000:00:1d.0/nvme/nvme0"), "nvme_nvme0"),
            ("hwmon1", Some("/sys/devices/platform/coretemp.0"), "platform_coretemp_0"),
            ("hwmon2", Some("/sys/devices/pci0000:00/0000:00:18.3"), "pci0000:00_0000:00:18_3"),
            ("hwmon3", Some("/"), "hwmon3"),
            ("hwmon4", None, "hwmon4"),
        ] {
            assert_eq!(chip(folder, device.map(Path::new)), expected);
        }
        let chips = [("hwmon0", "a_b".to_owned()), ("hwmon1", "a_c".to_owned()), ("hwmon2", "a_b".to_owned())];
        assert_eq!(distinct(&chips), ["a_b_hwmon0", "a_c", "a_b_hwmon2"]);
        assert_eq!(label("nvme", Some("Composite"), Some("ACME SSD 1TB"), "temp1"), "nvme Composite ACME SSD 1TB");
        assert_eq!(label("acpitz", Some(""), None, "temp1"), "acpitz temp1");
    }
}
