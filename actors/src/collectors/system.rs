//! The machine: CPU, memory, swap, file systems, disks, network, load, temperatures, and the busiest processes.
//!
//! Reads through `sysinfo` on a thread for blocking work, never on the arbiter. CPU shares need two looks: the first
//! sample of them comes a second after the start. Figures that the machine does not give are left out. File systems are
//! asked with a time limit: one that does not answer takes its own figures away, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Supervised, WrapFuture};
use sysinfo::{Components, CpuRefreshKind, Disks, MemoryRefreshKind, Networks, ProcessRefreshKind, ProcessesToUpdate, System};
use taskpulse_engine::model::{Batch, Labels, TimestampMs};
use tokio::task::spawn_blocking;

use super::Outbox;
use super::source::Vanished;
use crate::clock::now_ms;
use crate::files;
use crate::messages::Collected;
use crate::shared::Shared;
use crate::supervisor::{Door, Vitals};

/// The name of this source.
pub const SOURCE: &str = "system";
/// Process names kept, by CPU, by memory and by bytes read and written each.
const TOP: usize = 10;
/// What work with file systems goes by, so that one at a time hangs at the most.
const MOUNTS: &str = "/proc/mounts";
/// The wait between the two looks that the first CPU figures need.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// File systems that hold no one's data.
const PSEUDO: [&str; 6] = ["tmpfs", "devtmpfs", "squashfs", "overlay", "ramfs", "efivarfs"];

/// What `sysinfo` remembers between looks.
struct Probe {
    system: System,
    /// None while reading them hangs.
    disks: Option<Disks>,
    networks: Networks,
    components: Components,
    looks: u64,
    looked_at: Instant,
    /// Names leave the top ten, devices are taken away: their series end then.
    vanished: Vanished,
}

impl Probe {
    fn new() -> Self {
        // Else it keeps a file of each process open, up to half of all that the service may have.
        sysinfo::set_open_files_limit(0);
        let mut system = System::new();
        system.refresh_cpu_list(CpuRefreshKind::nothing());
        Self {
            system,
            // Filled by the first look: some mount may hang.
            disks: None,
            networks: Networks::new(),
            components: Components::new(),
            looks: 0,
            looked_at: Instant::now(),
            vanished: Vanished::default(),
        }
    }

    /// One look, and what is wrong with it. The first gives no figure that is a change over time.
    fn look(&mut self, now: TimestampMs) -> (Batch, Option<String>) {
        let mut batch = Batch::default();
        let mut push = |name: &str, labels: &[(&str, &str)], v: f64| batch.push(Labels::metric(name, labels), now, v);
        let first = self.looks == 0;
        self.looks += 1;
        self.system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_cpu_usage());
        self.system.refresh_memory_specifics(MemoryRefreshKind::everything());
        let processes = ProcessRefreshKind::nothing().with_cpu().with_memory().with_disk_usage().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, processes);
        let since_last = self.looked_at.elapsed();
        self.looked_at += since_last;
        if !first {
            push("system_cpu_utilization_ratio", &[], ratio(self.system.global_cpu_usage()));
            for (number, cpu) in self.system.cpus().iter().enumerate() {
                push("system_cpu_core_utilization_ratio", &[("cpu", &number.to_string())], ratio(cpu.cpu_usage()));
            }
        }
        let load = System::load_average();
        push("system_cpu_load_average_1m", &[], load.one);
        push("system_cpu_load_average_5m", &[], load.five);
        push("system_cpu_load_average_15m", &[], load.fifteen);
        self.memory(&mut push);
        let problem = self.file_systems(&mut push).err();
        self.networks.refresh(true);
        for (device, data) in self.networks.iter() {
            for (direction, bytes) in [("receive", data.total_received()), ("transmit", data.total_transmitted())] {
                push("system_network_io_bytes_total", &[("device", device), ("direction", direction)], bytes as f64);
            }
        }
        self.components.refresh(true);
        for component in &self.components {
            if let Some(celsius) = component.temperature().filter(|t| t.is_finite()) {
                push("system_temperature_celsius", &[("sensor", component.label())], f64::from(celsius));
            }
        }
        push("system_uptime_seconds", &[], System::uptime() as f64);
        self.processes((!first).then_some(since_last), &mut push);
        self.vanished.mark(&mut batch, now);
        (batch, problem)
    }

    fn memory(&self, push: &mut impl FnMut(&str, &[(&str, &str)], f64)) {
        let (total, available) = (self.system.total_memory(), self.system.available_memory());
        if total > 0 {
            for (state, bytes) in [("used", self.system.used_memory()), ("free", self.system.free_memory()), ("available", available)] {
                push("system_memory_usage_bytes", &[("state", state)], bytes as f64);
            }
            push("system_memory_limit_bytes", &[], total as f64);
            push("system_memory_utilization_ratio", &[], total.saturating_sub(available) as f64 / total as f64);
        }
        if self.system.total_swap() > 0 {
            push("system_paging_usage_bytes", &[("state", "used")], self.system.used_swap() as f64);
            push("system_paging_usage_bytes", &[("state", "free")], self.system.free_swap() as f64);
        }
    }

    fn file_systems(&mut self, push: &mut impl FnMut(&str, &[(&str, &str)], f64)) -> Result<(), String> {
        let disks = self.disks.take();
        let (disks, mounts) = files::within(Path::new(MOUNTS), files::PATIENCE, move || mounts(disks.unwrap_or_default()))
            .map_err(|why| format!("file systems have no figures: {why}"))?;
        self.disks = Some(disks);
        for Mount { path, device, space, read, written } in mounts {
            if let Some((used, available)) = space {
                for (state, bytes) in [("used", used), ("free", available)] {
                    push("system_filesystem_usage_bytes", &[("mountpoint", &path), ("state", state)], bytes);
                }
                push("system_filesystem_utilization_ratio", &[("mountpoint", &path)], used / (used + available));
            }
            for (direction, bytes) in [("read", read), ("write", written)] {
                push("system_disk_io_bytes_total", &[("device", &device), ("direction", direction)], bytes as f64);
            }
        }
        Ok(())
    }

    /// Processes by name; without the time since the last look there is no figure that is a change over time.
    fn processes(&self, since_last: Option<Duration>, push: &mut impl FnMut(&str, &[(&str, &str)], f64)) {
        push("system_processes", &[], self.system.processes().len() as f64);
        let mut names: BTreeMap<String, Usage> = BTreeMap::new();
        for process in self.system.processes().values() {
            let usage = names.entry(process.name().to_string_lossy().into_owned()).or_default();
            let io = process.disk_usage();
            usage.count += 1.0;
            usage.cpu += f64::from(process.cpu_usage()) / 100.0;
            usage.memory += process.memory() as f64;
            usage.read += io.read_bytes as f64;
            usage.written += io.written_bytes as f64;
        }
        let top = |of: fn(&Usage) -> f64| {
            let mut top: Vec<(&String, &Usage)> = names.iter().filter(|(_, usage)| of(usage) > 0.0).collect();
            top.sort_by(|a, b| of(b.1).total_cmp(&of(a.1)));
            top.truncate(TOP);
            top
        };
        let mut named: BTreeMap<&String, f64> = BTreeMap::new();
        if let Some(seconds) = since_last.map(|time| time.as_secs_f64()).filter(|seconds| *seconds > 0.0) {
            for (name, usage) in top(|usage| usage.cpu) {
                push("process_cpu_utilization_ratio", &[("process", name)], usage.cpu);
                named.insert(name, usage.count);
            }
            for (name, usage) in top(|usage| usage.read + usage.written) {
                for (direction, bytes) in [("read", usage.read), ("write", usage.written)] {
                    push("process_disk_io_bytes_per_second", &[("process", name), ("direction", direction)], bytes / seconds);
                }
                named.insert(name, usage.count);
            }
        }
        for (name, usage) in top(|usage| usage.memory) {
            push("process_memory_usage_bytes", &[("process", name)], usage.memory);
            named.insert(name, usage.count);
        }
        for (name, count) in named {
            push("process_count", &[("process", name)], count);
        }
    }
}

/// What the processes of one name use together; bytes since the last look.
#[derive(Default)]
struct Usage {
    count: f64,
    cpu: f64,
    memory: f64,
    read: f64,
    written: f64,
}

/// A file system that is mounted, and what its device read and wrote.
struct Mount {
    path: String,
    device: String,
    space: Option<(f64, f64)>,
    read: u64,
    written: u64,
}

/// The file systems that hold somebody's data. It may hang.
fn mounts(mut disks: Disks) -> (Disks, Vec<Mount>) {
    disks.refresh(true);
    let (mut seen, mut devices, mut found) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for disk in &disks {
        let kind = disk.file_system().to_string_lossy();
        let path = disk.mount_point().to_string_lossy().into_owned();
        let device = disk.name().to_string_lossy().trim_start_matches("/dev/").to_owned();
        // A bind mount shows the same device again; once is enough.
        if PSEUDO.contains(&kind.as_ref()) || !devices.insert(device.clone()) || !seen.insert(path.clone()) {
            continue;
        }
        let (space, io) = (space(disk.mount_point()), disk.usage());
        found.push(Mount { path, device, space, read: io.total_read_bytes, written: io.total_written_bytes });
    }
    (disks, found)
}

/// Used bytes of a file system and those that an ordinary user may still use; what is kept for root is neither, as for
/// `df`. None where it cannot be asked or holds nothing.
fn space(mount: &Path) -> Option<(f64, f64)> {
    let stat = rustix::fs::statvfs(mount).ok()?;
    let bytes = |blocks: u64| blocks as f64 * stat.f_frsize as f64;
    let (used, available) = (bytes(stat.f_blocks.saturating_sub(stat.f_bfree)), bytes(stat.f_bavail));
    (used + available > 0.0).then_some((used, available))
}

fn ratio(percent: f32) -> f64 {
    // Three decimals: what the kernel's ticks can tell over five seconds, and no more.
    (f64::from(percent) * 10.0).round() / 1_000.0
}

/// See the module.
pub struct SystemCollector {
    vitals: Arc<Vitals>,
    shared: Arc<Shared>,
    every: Duration,
    outbox: Outbox,
    probe: Option<Probe>,
}

impl SystemCollector {
    /// A collector that looks `every` so often.
    #[must_use]
    pub fn new(vitals: Arc<Vitals>, shared: Arc<Shared>, every: Duration, batcher: Door<Collected>) -> Self {
        let outbox = Outbox::new(batcher, Arc::clone(&shared), SOURCE);
        Self { vitals, shared, every, outbox, probe: Some(Probe::new()) }
    }

    fn collect(&mut self, ctx: &mut Context<Self>) {
        // Taken while a look is under way; a slow look makes the next one wait.
        let Some(mut probe) = self.probe.take() else { return };
        let work = self.vitals.working("look");
        let looking = spawn_blocking(move || {
            let looked = probe.look(now_ms());
            (probe, looked)
        });
        let done = looking.into_actor(self).map(move |result, this, _| {
            drop(work);
            match result {
                Ok((probe, (batch, problem))) => {
                    this.probe = Some(probe);
                    if let Some(newest) = batch.times.last() {
                        match problem {
                            None => this.shared.sources.up(SOURCE, batch.len(), *newest),
                            Some(why) => this.shared.sources.partly(SOURCE, batch.len(), *newest, why),
                        }
                    }
                    this.outbox.send(batch);
                }
                Err(error) => {
                    this.shared.sources.failing(SOURCE, format!("the machine cannot be read: {error}"));
                    this.probe = Some(Probe::new());
                }
            }
        });
        ctx.spawn(done);
    }
}

impl Actor for SystemCollector {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.collect(ctx);
        ctx.run_later(FIRST_LOOK, |this, ctx| this.collect(ctx));
        ctx.run_interval(self.every, |this, ctx| this.collect(ctx));
    }
}

impl Supervised for SystemCollector {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.probe.get_or_insert_with(Probe::new);
    }
}

#[cfg(test)]
mod tests {
    use taskpulse_engine::model::is_stale_marker;

    use super::*;

    #[test]
    fn the_first_look_claims_no_change_and_the_second_gives_every_figure_in_range() {
        let mut probe = Probe::new();
        let named = |batch: &Batch, name: &str| batch.labels.iter().filter(|l| l.name() == name).count();
        let (first, problem) = probe.look(1);
        assert_eq!(problem, None);
        assert_eq!(named(&first, "system_cpu_utilization_ratio") + named(&first, "process_cpu_utilization_ratio"), 0);
        std::thread::sleep(sysinfo::MINIMUM_CPU_UPDATE_INTERVAL);
        let (second, _) = probe.look(2);
        assert_eq!(named(&second, "system_cpu_utilization_ratio"), 1);
        assert!(named(&second, "system_memory_utilization_ratio") == 1 && named(&second, "system_processes") == 1);
        assert!(named(&second, "process_memory_usage_bytes") > 0 && named(&second, "process_count") > 0);
        for (labels, sample) in second.rows().filter(|(_, sample)| !is_stale_marker(sample.v)) {
            assert!(taskpulse_engine::metrics::describe(labels.name()).is_some(), "{labels} is not described");
            assert!(sample.v.is_finite() && sample.v >= 0.0, "{labels} {}", sample.v);
            if labels.name().starts_with("system_") && labels.name().ends_with("_ratio") {
                assert!(sample.v <= 1.0, "{labels} {}", sample.v);
            }
        }
    }
}
