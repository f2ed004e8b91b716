//! Containers and units of systemd: what each uses, by cgroup v2.
//!
//! 1. walks the folders below `/sys/fs/cgroup` on a thread for blocking work,
//! 2. reads CPU time and memory of all, and everything of the busiest,
//! 3. names containers where Docker, Podman or the kubelet leave their names in files that can be read.
//!
//! A figure whose file is not there (its controller is off) has no sample. Groups that end or are no longer among the
//! busiest end with stale markers. What a user's own manager runs has the label `user`. What is inside of a container,
//! units of a guest among it, counts with that container alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use taskpulse_engine::cgroup::{self, Group, Load, Scope};
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, TimestampMs};
use tokio::task::spawn_blocking;

use super::collector::{CollectFuture, Collection, Collector, Outcome, StalenessTracker};
use crate::files;

/// The name of this source.
pub const SOURCE: &str = "containers";
/// Folders that are read.
const MAX_FOLDERS: usize = 4_096;
/// How deep.
const MAX_DEPTH: usize = 12;
/// Of one of the kernel's files.
const MAX_FILE: u64 = 1 << 16;
/// Of a file with names.
const MAX_NAMES: u64 = 4 << 20;
/// Time limit of one collection; shorter than that of a source, so that its reason is reported.
const LOOK_TIMEOUT: Duration = Duration::from_secs(8);
/// How often the name of a container is looked for: its file may come after its folder.
const TRIES: u8 = 3;

/// Labels that say what a container is called.
type Name = Vec<(&'static str, String)>;

/// A group, where it lies, and its CPU time and memory.
struct Found {
    path: PathBuf,
    group: Group,
    cpu_usec: u64,
    memory: Option<u64>,
}

/// What is remembered between looks.
#[derive(Default)]
struct Memory {
    /// CPU time of each group at the last look.
    cpu_usec: BTreeMap<PathBuf, u64>,
    /// Those that had samples.
    kept: BTreeSet<PathBuf>,
    /// What containers are called, and how often that was looked for.
    names: BTreeMap<String, (u8, Name)>,
    staleness: StalenessTracker,
}

/// Measures groups.
pub struct CgroupCollector {
    root: PathBuf,
    every: Duration,
    most: usize,
    memory: Option<Memory>,
}

impl CgroupCollector {
    /// A source of at most so many groups of the machine whose files are below `root`.
    #[must_use]
    pub fn new(root: PathBuf, every: Duration, most: usize) -> Self {
        Self { root, every, most, memory: Some(Memory::default()) }
    }
}

fn read(path: &Path, most: u64) -> Option<String> {
    files::read_text(path, most).ok()
}

/// Why there is nothing to measure, and what would change that.
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
    // A folder without folders has two names: its own, and the dot in it. Most units are such, and are not opened.
    if fs::metadata(path).is_ok_and(|meta| meta.nlink() == 2) {
        return Vec::new();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    // One more than are read, so that it is known whether there are more.
    folders.take(MAX_FOLDERS + 1).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A group with its CPU time and memory; none where it ends while it is read.
fn figures(path: PathBuf, group: Group) -> Option<Found> {
    let cpu_usec = read(&path.join("cpu.stat"), MAX_FILE).and_then(|text| cgroup::keyed(&text, "usage_usec"))?;
    let memory = read(&path.join("memory.current"), MAX_FILE).and_then(|text| cgroup::single(&text));
    Some(Found { path, group, cpu_usec, memory })
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

/// Names of containers by id, from what those who run them leave in files.
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
    fn look(&mut self, root: &Path, most: usize, now: TimestampMs) -> Outcome {
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
                false => Outcome::Failed(why, Collection { batch, ..Collection::default() }),
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
        self.learn_names(root, &busiest);
        for group in &busiest {
            self.measure(group, now, &mut batch);
        }
        self.kept = busiest.iter().map(|group| group.path.clone()).collect();
        self.cpu_usec = found.iter().map(|group| (group.path.clone(), group.cpu_usec)).collect();
        self.staleness.mark(&mut batch, now);
        let found = Collection { batch, ..Collection::default() };
        if more {
            Outcome::Partial(format!("more than {MAX_FOLDERS} groups; the rest was not looked at"), found)
        } else {
            Outcome::Complete(found)
        }
    }

    fn learn_names(&mut self, root: &Path, groups: &[&Found]) {
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
            // A name that is no label value (longer than any has) has no samples.
            if let Ok(labels) = Labels::new(base.iter().chain(more).copied().chain([(NAME_LABEL, metric)])) {
                batch.push(labels, now, v);
            }
        };
        push("container_cpu_time_seconds_total", &[], found.cpu_usec as f64 / 1e6);
        found.memory.into_iter().for_each(|bytes| push("container_memory_usage_bytes", &[], bytes as f64));
        let text = |file: &str| read(&found.path.join(file), MAX_FILE);
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
            // Gone only if a look before was cut off in its middle.
            let mut memory = self.memory.take().unwrap_or_default();
            let (root, most) = (self.root.clone(), self.most);
            let key = root.clone();
            let work = move || {
                let look = memory.look(&root, most, now);
                (memory, look)
            };
            let looked = spawn_blocking(move || files::within(&key, LOOK_TIMEOUT, work)).await;
            match looked.map_err(|error| error.to_string()).and_then(|looked| looked) {
                Ok((memory, look)) => {
                    self.memory = Some(memory);
                    look
                }
                Err(why) => Outcome::Failed(format!("the groups cannot be read: {why}"), Collection::default()),
            }
        })
    }
}
