//! Containers and systemd units: their use of resources, by cgroup v2.
//!
//! 1. walks the folders below `/sys/fs/cgroup` on the blocking pool,
//! 2. reads CPU time and memory of all groups, and everything of the busiest,
//! 3. names containers where Docker, Podman or the kubelet keep their names in readable files.
//!
//! A metric whose file is missing (its controller is off) has no sample. Groups that end or are no longer among the busiest
//! end with stale markers. Units of a user's own manager have the label `user`. What runs inside a container, units of a
//! guest included, counts as part of that container.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use taskpulse_engine::cgroup::{self, Group, Load, Scope};
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, TimestampMs};

use super::collector::{Carried, CollectFuture, Collection, Collector, Outcome, StalenessTracker};
use crate::files;

/// The name of this source.
pub const SOURCE: &str = "containers";
/// Most folders that are read.
const MAX_FOLDERS: usize = 4_096;
/// Deepest level that is read.
const MAX_DEPTH: usize = 12;
/// Largest file of the kernel, in bytes.
const MAX_FILE: u64 = 1 << 16;
/// Largest file with names, in bytes.
const MAX_NAMES: u64 = 4 << 20;
/// Time limit of one collection; shorter than that of a source, so that its reason is reported.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(8);
/// Most tries to find the name of a container: its file may be written after its folder.
const TRIES: u8 = 3;

/// Labels with the name of a container.
type Name = Vec<(&'static str, String)>;

/// A group with its folder, CPU time and memory.
struct Found {
    path: PathBuf,
    group: Group,
    cpu_usec: u64,
    memory: Option<u64>,
}

/// State between collections.
#[derive(Default)]
struct Memory {
    /// CPU time of each group at the last collection.
    cpu_usec: BTreeMap<PathBuf, u64>,
    /// Groups that had samples then.
    kept: BTreeSet<PathBuf>,
    /// Names of containers, and the number of tries to find them.
    names: BTreeMap<String, (u8, Name)>,
    staleness: StalenessTracker,
}

/// Measures groups.
pub struct CgroupCollector {
    root: PathBuf,
    every: Duration,
    most: usize,
    memory: Carried<Memory>,
}

impl CgroupCollector {
    /// A collector of the `most` busiest groups of the machine whose root folder is `root`.
    #[must_use]
    pub fn new(root: PathBuf, every: Duration, most: usize) -> Self {
        Self { root, every, most, memory: Carried::default() }
    }
}

fn read(path: &Path, most: u64) -> Option<String> {
    files::read_text(path, most).ok()
}

/// Why there is nothing to measure, and a hint.
fn absence(root: &Path) -> Option<(String, String)> {
    let top = root.join("sys/fs/cgroup");
    let error = files::read_text(&top.join("cgroup.controllers"), MAX_FILE).err()?;
    let off = "or set containers.enabled = false".to_owned();
    Some(if top.join("memory").is_dir() || top.join("unified").is_dir() {
        ("cgroup v1 is in use".to_owned(), format!("start the kernel with systemd.unified_cgroup_hierarchy=1 for cgroup v2, {off}"))
    } else {
        (error.to_string(), format!("cgroup v2 must be mounted at /sys/fs/cgroup below containers.root = {}, {off}", root.display()))
    })
}

/// The names of the folders in a folder.
fn folders_in(path: &Path) -> Vec<String> {
    // A folder without subfolders has two links: its name and the dot in it. Most units have none and need not be opened.
    if fs::metadata(path).is_ok_and(|meta| meta.nlink() == 2) {
        return Vec::new();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    // One more than the limit, to know whether there are more.
    folders.take(MAX_FOLDERS + 1).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A group with its CPU time and memory; none if it ends while it is read.
fn figures(path: PathBuf, group: Group) -> Option<Found> {
    let cpu_usec = read(&path.join("cpu.stat"), MAX_FILE).and_then(|text| cgroup::keyed(&text, "usage_usec"))?;
    let memory = read(&path.join("memory.current"), MAX_FILE).and_then(|text| cgroup::single(&text));
    Some(Found { path, group, cpu_usec, memory })
}

/// Page cache in a group's `memory.stat`: what the kernel takes back before anything is short.
fn cached(stat: &str) -> Option<u64> {
    Some(cgroup::keyed(stat, "active_file")? + cgroup::keyed(stat, "inactive_file")?)
}

/// All groups, and whether there are more folders than are read.
fn walk(root: &Path) -> (Vec<Found>, bool) {
    let top = root.join("sys/fs/cgroup");
    let mut found = Vec::new();
    let mut waiting: Vec<(Vec<String>, Scope)> = vec![(Vec::new(), Scope::top())];
    let mut seen = 0;
    while let Some((folders, scope)) = waiting.pop() {
        let path: PathBuf = top.join(folders.iter().collect::<PathBuf>());
        let words: Vec<&str> = folders.iter().map(String::as_str).collect();
        let (group, inside) = scope.enter(&words);
        let named = group.is_some();
        found.extend(group.and_then(|group| figures(path.clone(), group)));
        let Some(inside) = inside.filter(|_| folders.len() < MAX_DEPTH) else { continue };
        let children = folders_in(&path);
        let (group, inside) = inside.look_inside(&words, children.iter().map(String::as_str));
        if !named {
            found.extend(group.and_then(|group| figures(path, group)));
        }
        let Some(inside) = inside else { continue };
        for name in children {
            if seen == MAX_FOLDERS {
                return (found, true);
            }
            seen += 1;
            waiting.push((folders.iter().cloned().chain([name]).collect(), inside.clone()));
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    (found, false)
}

/// Names of containers by id, from the files of container engines.
fn names(root: &Path, wanted: &[&str]) -> BTreeMap<String, Name> {
    let mut out = BTreeMap::new();
    for id in wanted {
        let file = root.join("var/lib/docker/containers").join(id).join("config.v2.json");
        let config = read(&file, MAX_NAMES).and_then(|text| serde_json::from_str::<Value>(&text).ok());
        if let Some(name) = config.as_ref().and_then(|config| config["Name"].as_str()) {
            out.insert((*id).to_owned(), vec![("container", name.trim_start_matches('/').to_owned())]);
        }
    }
    let file = root.join("var/lib/containers/storage/overlay-containers/containers.json");
    let list = read(&file, MAX_NAMES).and_then(|text| serde_json::from_str::<Vec<Value>>(&text).ok()).unwrap_or_default();
    for container in list {
        if let (Some(id), Some(name)) = (container["id"].as_str(), container["names"][0].as_str())
            && wanted.contains(&id)
        {
            out.insert(id.to_owned(), vec![("container", name.to_owned())]);
        }
    }
    for entry in fs::read_dir(root.join("var/log/containers")).into_iter().flatten().flatten().take(MAX_FOLDERS) {
        if let Some((pod, namespace, container, id)) = cgroup::kubernetes_log(&entry.file_name().to_string_lossy())
            && wanted.contains(&id)
        {
            let name = [("container", container), ("pod", pod), ("namespace", namespace)];
            out.insert(id.to_owned(), name.map(|(label, value)| (label, value.to_owned())).to_vec());
        }
    }
    out
}

impl Memory {
    fn collect(&mut self, root: &Path, most: usize, now: TimestampMs) -> Outcome {
        let mut batch = Batch::default();
        let (found, more) = walk(root);
        let absent = absence(root).or_else(|| {
            let hint = format!("set containers.root to where the machine's root is mounted (now {})", root.display());
            found.is_empty().then(|| ("no unit and no container can be seen from here".to_owned(), hint))
        });
        if let Some((why, hint)) = absent {
            *self = Self { staleness: std::mem::take(&mut self.staleness), ..Self::default() };
            self.staleness.mark(&mut batch, now);
            return match batch.is_empty() {
                true => Outcome::Absent(why, hint),
                false => Outcome::Failed(why, Collection::from(batch)),
            };
        }
        let loads: Vec<Load> = found
            .iter()
            .map(|group| Load {
                cpu: group.cpu_usec.saturating_sub(self.cpu_usec.get(&group.path).copied().unwrap_or(0)) as f64,
                memory: group.memory.unwrap_or(0) as f64,
                kept: self.kept.contains(&group.path),
            })
            .collect();
        let busiest: Vec<&Found> = cgroup::busiest(&loads, most).into_iter().map(|at| &found[at]).collect();
        self.find_names(root, &busiest);
        for group in &busiest {
            self.measure(group, now, &mut batch);
        }
        self.kept = busiest.iter().map(|group| group.path.clone()).collect();
        self.cpu_usec = found.iter().map(|group| (group.path.clone(), group.cpu_usec)).collect();
        self.staleness.mark(&mut batch, now);
        let found = Collection::from(batch);
        if more {
            Outcome::Partial(format!("more than {MAX_FOLDERS} groups; the rest was not read"), found)
        } else {
            Outcome::Complete(found)
        }
    }

    fn find_names(&mut self, root: &Path, groups: &[&Found]) {
        let ids: Vec<&str> = groups
            .iter()
            .filter_map(|found| match &found.group {
                Group::Container { id, .. } => Some(id.as_str()),
                Group::Unit { .. } => None,
            })
            .collect();
        self.names.retain(|id, _| ids.contains(&id.as_str()));
        let wanted: Vec<&str> =
            ids.into_iter().filter(|id| self.names.get(*id).is_none_or(|(tries, name)| name.is_empty() && *tries < TRIES)).collect();
        if wanted.is_empty() {
            return;
        }
        let mut known = names(root, &wanted);
        for id in wanted {
            let entry = self.names.entry(id.to_owned()).or_default();
            *entry = (entry.0 + 1, known.remove(id).unwrap_or_default());
        }
    }

    fn measure(&self, found: &Found, now: TimestampMs, batch: &mut Batch) {
        let mut base: Vec<(&str, &str)> = Vec::new();
        match &found.group {
            Group::Unit { name, user } => {
                base.push(("unit", name));
                base.extend(user.iter().map(|user| ("user", user.as_str())));
            }
            Group::Container { id, runtime, user } => {
                let name = self.names.get(id).map(|(_, name)| name.as_slice()).unwrap_or_default();
                base.push(("id", Group::short(id)));
                base.extend(runtime.iter().map(|runtime| ("runtime", *runtime)));
                base.extend(user.iter().map(|user| ("user", user.as_str())));
                base.extend(name.iter().map(|(label, value)| (*label, value.as_str())));
                if name.is_empty() {
                    base.push(("container", Group::short(id)));
                }
            }
        }
        let mut push = |metric: &str, more: &[(&str, &str)], v: f64| {
            // A name that is too long for a label has no samples.
            if let Ok(labels) = Labels::new(base.iter().chain(more).copied().chain([(NAME_LABEL, metric)])) {
                batch.push(labels, now, v);
            }
        };
        push("container_cpu_time_seconds_total", &[], found.cpu_usec as f64 / 1e6);
        found.memory.into_iter().for_each(|bytes| push("container_memory_usage_bytes", &[], bytes as f64));
        let text = |file: &str| read(&found.path.join(file), MAX_FILE);
        if let (Some(bytes), Some(cached)) = (found.memory, text("memory.stat").and_then(|text| cached(&text))) {
            push("container_memory_uncached_bytes", &[], bytes.saturating_sub(cached) as f64);
        }
        for (file, metric) in [("memory.max", "container_memory_limit_bytes"), ("pids.current", "container_processes")] {
            text(file).and_then(|text| cgroup::single(&text)).into_iter().for_each(|v| push(metric, &[], v as f64));
        }
        if let Some(kills) = text("memory.events").and_then(|text| cgroup::keyed(&text, "oom_kill")) {
            push("container_oom_kills_total", &[], kills as f64);
        }
        if let Some(io) = text("io.stat") {
            let (read, written) = cgroup::io_bytes(&io);
            push("container_disk_io_bytes_total", &[("direction", "read")], read as f64);
            push("container_disk_io_bytes_total", &[("direction", "write")], written as f64);
        }
    }
}

impl Collector for CgroupCollector {
    fn name(&self) -> String {
        SOURCE.to_owned()
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            let (root, most) = (self.root.clone(), self.most);
            let work = move |memory: &mut Memory| memory.collect(&root, most, now);
            match self.memory.run_within(&self.root, COLLECT_TIMEOUT, Memory::default, work).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::failed(format!("the groups cannot be read: {error}")),
            }
        })
    }
}
