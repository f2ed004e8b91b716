//! What the kernel says of the whole machine: CPU, memory, swap, load, network, and how long it has run.

use std::collections::BTreeMap;

use taskpulse_engine::machine::proc::{self, CpuTimes, Memory};

use super::{Crews, Part, Reading, texts};

const FILES: [&str; 5] = ["/proc/stat", "/proc/meminfo", "/proc/loadavg", "/proc/uptime", "/proc/self/net/dev"];

/// See the module.
pub(super) struct Overview {
    crews: Crews,
    /// At the last look, by core; all of them together under `None`.
    cpu: BTreeMap<Option<u32>, CpuTimes>,
}

impl Overview {
    pub(super) fn new(crews: Crews) -> Self {
        Self { crews, cpu: BTreeMap::new() }
    }

    fn cpu(&mut self, text: &str, reading: &mut Reading) {
        let times: BTreeMap<Option<u32>, CpuTimes> = proc::cpu_times(text).into_iter().collect();
        for (core, times) in &times {
            let Some(share) = self.cpu.get(core).and_then(|before| times.busy_share(*before)) else { continue };
            // Three decimals: what the kernel's ticks can tell over five seconds, and no more.
            let share = (share * 1e3).round() / 1e3;
            match core {
                None => reading.push("system_cpu_utilization_ratio", &[], share),
                Some(number) => reading.push("system_cpu_core_utilization_ratio", &[("cpu", &number.to_string())], share),
            }
        }
        self.cpu = times;
    }
}

fn memory(text: &str, reading: &mut Reading) {
    let memory = Memory::parse(text);
    let used = memory.total.zip(memory.available).map(|(total, available)| total.saturating_sub(available));
    for (state, bytes) in [("used", used), ("free", memory.free), ("available", memory.available)] {
        bytes.into_iter().for_each(|bytes| reading.push("system_memory_usage_bytes", &[("state", state)], bytes as f64));
    }
    if let Some(total) = memory.total.filter(|total| *total > 0) {
        reading.push("system_memory_limit_bytes", &[], total as f64);
        used.into_iter().for_each(|used| reading.push("system_memory_utilization_ratio", &[], used as f64 / total as f64));
    }
    if let (Some(total), Some(free)) = (memory.swap_total.filter(|total| *total > 0), memory.swap_free) {
        reading.push("system_paging_usage_bytes", &[("state", "used")], total.saturating_sub(free) as f64);
        reading.push("system_paging_usage_bytes", &[("state", "free")], free as f64);
    }
}

impl Part for Overview {
    fn read(&mut self) -> Reading {
        let mut reading = Reading::default();
        for (path, read) in texts(&self.crews.files, &FILES) {
            let Some(text) = reading.take(path.display(), read).flatten() else {
                // What was read after a pause would not be the share since the sample before.
                if path.ends_with("stat") {
                    self.cpu.clear();
                }
                continue;
            };
            match path.to_str() {
                Some("/proc/stat") => self.cpu(&text, &mut reading),
                Some("/proc/meminfo") => memory(&text, &mut reading),
                Some("/proc/loadavg") => {
                    let names = ["system_cpu_load_average_1m", "system_cpu_load_average_5m", "system_cpu_load_average_15m"];
                    let loads = names.into_iter().zip(proc::load_average(&text).into_iter().flatten());
                    loads.for_each(|(name, load)| reading.push(name, &[], load));
                }
                Some("/proc/uptime") => {
                    proc::uptime_seconds(&text).into_iter().for_each(|v| reading.push("system_uptime_seconds", &[], v));
                }
                _ => {
                    for (device, received, sent) in proc::interfaces(&text) {
                        for (direction, bytes) in [("receive", received), ("transmit", sent)] {
                            let labels = [("device", device), ("direction", direction)];
                            reading.push("system_network_io_bytes_total", &labels, bytes as f64);
                        }
                    }
                }
            }
        }
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_without_the_kernels_estimate_has_no_used_share() {
        let mut reading = Reading::default();
        memory("MemTotal: 100 kB\nMemFree: 40 kB\nSwapTotal: 10 kB\n", &mut reading);
        let told: Vec<String> = reading.samples.iter().map(|(labels, v)| format!("{labels} {v}")).collect();
        assert_eq!(told, ["system_memory_usage_bytes{state=\"free\"} 40960", "system_memory_limit_bytes 102400"]);
    }
}
