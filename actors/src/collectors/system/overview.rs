//! The whole machine: CPU, memory, swap, load, network, and uptime.
//!
//! Memory, network and uptime come from `sysinfo`. It renumbers CPU cores and gives 0 for a load that cannot be read, so CPU
//! times and load are read here.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use sysinfo::{MemoryRefreshKind, Networks, System};
use taskpulse_engine::machine::proc::{self, CpuTimes};

use super::{Crews, Part, Reading, texts};

const FILES: [&str; 6] =
    ["/proc/stat", "/proc/loadavg", "/proc/vmstat", "/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io"];

/// See the module.
pub(super) struct Overview {
    crews: Crews,
    /// CPU times at the last reading by core; `None` is the sum of all.
    cpu: BTreeMap<Option<u32>, CpuTimes>,
    memory: System,
    networks: Networks,
}

impl Overview {
    pub(super) fn new(crews: Crews) -> Self {
        Self { crews, cpu: BTreeMap::new(), memory: System::new(), networks: Networks::new() }
    }

    fn network(&mut self, reading: &mut Reading) {
        self.networks.refresh(true);
        for (device, io) in &self.networks {
            for (direction, bytes) in [("receive", io.total_received()), ("transmit", io.total_transmitted())] {
                reading.push("system_network_io_bytes_total", &[("device", device), ("direction", direction)], bytes as f64);
            }
        }
    }

    fn memory(&mut self, reading: &mut Reading) {
        self.memory.refresh_memory_specifics(MemoryRefreshKind::everything());
        let (total, available) = (self.memory.total_memory(), self.memory.available_memory());
        // 0 means that it cannot be read.
        if total > 0 {
            let used = total.saturating_sub(available);
            for (state, bytes) in [("used", used), ("free", self.memory.free_memory()), ("available", available)] {
                reading.push("system_memory_usage_bytes", &[("state", state)], bytes as f64);
            }
            reading.push("system_memory_limit_bytes", &[], total as f64);
            reading.push("system_memory_utilization_ratio", &[], used as f64 / total as f64);
        }
        if self.memory.total_swap() > 0 {
            for (state, bytes) in [("used", self.memory.used_swap()), ("free", self.memory.free_swap())] {
                reading.push("system_paging_usage_bytes", &[("state", state)], bytes as f64);
            }
        }
    }

    fn cpu(&mut self, text: &str, reading: &mut Reading) {
        let times: BTreeMap<Option<u32>, CpuTimes> = proc::cpu_times(text).into_iter().collect();
        for (core, times) in &times {
            let Some(before) = self.cpu.get(core) else { continue };
            let Some((share, stolen)) = times.busy_share(*before).zip(times.stolen_share(*before)) else { continue };
            // Three decimals: the resolution of the kernel's ticks over five seconds.
            let [share, stolen] = [share, stolen].map(|share| (share * 1e3).round() / 1e3);
            match core {
                None => {
                    reading.push("system_cpu_utilization_ratio", &[], share);
                    reading.push("system_cpu_steal_ratio", &[], stolen);
                }
                Some(number) => reading.push("system_cpu_core_utilization_ratio", &[("cpu", &number.to_string())], share),
            }
        }
        self.cpu = times;
    }
}

/// What the kernel counts of memory: processes that it ended, and pages that went to swap and came back. One page of swap is a page of
/// memory.
fn paging(text: &str, reading: &mut Reading) {
    proc::vmstat(text, "oom_kill").into_iter().for_each(|kills| reading.push("system_oom_kills_total", &[], kills as f64));
    let page = rustix::param::page_size() as f64;
    for (direction, counter) in [("in", "pswpin"), ("out", "pswpout")] {
        if let Some(pages) = proc::vmstat(text, counter) {
            reading.push("system_paging_io_bytes_total", &[("direction", direction)], pages as f64 * page);
        }
    }
}

impl Part for Overview {
    fn read(&mut self) -> Reading {
        let mut reading = Reading::default();
        for (path, read) in texts(&self.crews.files, &FILES) {
            let Some(text) = reading.accept(path.display(), read).flatten() else {
                // The next share would cover more than the time since the last sample.
                if path.ends_with("stat") {
                    self.cpu.clear();
                }
                continue;
            };
            match path.file_name().and_then(OsStr::to_str).unwrap_or_default() {
                "stat" => self.cpu(&text, &mut reading),
                "vmstat" => paging(&text, &mut reading),
                resource @ ("cpu" | "memory" | "io") => {
                    for (kind, share) in proc::pressure(&text) {
                        reading.push("system_pressure_ratio", &[("resource", resource), ("kind", kind)], share);
                    }
                }
                _ => {
                    let names = ["system_cpu_load_average_1m", "system_cpu_load_average_5m", "system_cpu_load_average_15m"];
                    let loads = names.into_iter().zip(proc::load_average(&text).into_iter().flatten());
                    loads.for_each(|(name, load)| reading.push(name, &[], load));
                }
            }
        }
        self.memory(&mut reading);
        self.network(&mut reading);
        Some(System::uptime())
            .filter(|seconds| *seconds > 0)
            .into_iter()
            .for_each(|v| reading.push("system_uptime_seconds", &[], v as f64));
        reading
    }
}
