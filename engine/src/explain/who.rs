//! Who used a resource of the machine over a time: the samples of processes, added up over their time.
//!
//! A sample of a process stands for the time since the collection before it. What no sample names stays a figure of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Columns, TimestampMs};

/// Most names that are kept.
const MOST: usize = 10;
/// A collection that came after more than so many of the usual intervals says nothing about the time in between.
const GAP: i64 = 4;
/// What is not seen by name is said from this share of the machine on, and from this part of what was used.
const UNSEEN_SHARE: f64 = 0.02;
const UNSEEN_PART: f64 = 0.05;

/// A resource that processes use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Time of CPU cores.
    Cpu,
    /// Memory.
    Memory,
    /// Bytes read and written.
    DiskIo,
}

impl Resource {
    /// The resource that a metric of the machine is about.
    #[must_use]
    pub fn of_metric(metric: &str) -> Option<Self> {
        [("system_cpu_", Self::Cpu), ("system_memory_", Self::Memory), ("system_paging_", Self::Memory), ("system_disk_io_", Self::DiskIo)]
            .into_iter()
            .find_map(|(prefix, resource)| metric.starts_with(prefix).then_some(resource))
    }

    /// The resource that a rule is about: by the metric of its result, or by a metric that its expression reads.
    #[must_use]
    pub fn of_rule(metric: &str, expression: &str) -> Option<Self> {
        if !metric.is_empty() {
            return Self::of_metric(metric);
        }
        expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').find_map(Self::of_metric)
    }

    /// The metrics of processes that say who used it.
    #[must_use]
    pub const fn metrics(self) -> &'static [(&'static str, UsedBy)] {
        match self {
            Self::Cpu => {
                &[("process_cpu_utilization_ratio", UsedBy::Process), ("process_children_cpu_utilization_ratio", UsedBy::Children)]
            }
            Self::Memory => &[("process_memory_usage_bytes", UsedBy::Process)],
            Self::DiskIo => &[("process_disk_io_bytes_per_second", UsedBy::Process)],
        }
    }
}

/// What kind of user something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsedBy {
    /// The processes of a name.
    Process,
    /// Processes that ended before they had a sample, started by those of a name.
    Children,
    /// A unit or a container.
    Container,
    /// The rest: nobody that a sample names.
    Unseen,
}

/// How much one of them used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// What it is.
    pub by: UsedBy,
    /// Its name; empty for the rest.
    pub name: String,
    /// The mean over the time that was seen: cores, bytes, or bytes per second.
    pub mean: f64,
    /// The mean as a share of the machine's cores, for CPU.
    pub share: Option<f64>,
    /// CPU time in seconds.
    pub cpu_seconds: Option<f64>,
    /// Most processes of the name at the same time, where that is known.
    pub processes: Option<u64>,
}

/// The samples of one series of processes.
#[derive(Debug, Clone)]
pub struct Track {
    /// What they are of.
    pub by: UsedBy,
    /// The name of the processes.
    pub name: String,
    /// With a collection before the time in question, where there is one.
    pub columns: Columns,
}

/// What is known of the machine as a whole.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// Its cores; 0 where that is not known.
    pub cores: usize,
    /// The busy share of all cores.
    pub busy: Columns,
    /// How many processes of a name there were, at most.
    pub counts: BTreeMap<String, u64>,
}

/// Who used most within `[from, to]`, and how much of it was not seen by name; with the time that samples stand for, ms.
#[must_use]
pub fn used(resource: Resource, tracks: &[Track], machine: &Machine, from: TimestampMs, to: TimestampMs) -> (Vec<Used>, i64) {
    let mut spans = spans(tracks.iter().map(|track| &track.columns), from, to);
    if spans.is_empty() && resource == Resource::Memory {
        // A level needs no collection before it: the newest one stands for itself.
        let newest = tracks.iter().flat_map(|track| &track.columns.times).copied().filter(|t| (from..=to).contains(t)).max();
        spans.extend(newest.map(|t| (t, 1)));
    }
    let seen: i64 = spans.values().sum();
    if seen == 0 {
        return (Vec::new(), 0);
    }
    // Bytes read and bytes written of a process are added up.
    let mut sums: BTreeMap<(UsedBy, &str), f64> = BTreeMap::new();
    for track in tracks {
        *sums.entry((track.by, track.name.as_str())).or_default() += integral(&track.columns, &spans);
    }
    let all: f64 = sums.values().sum();
    let of = |by: UsedBy, name: &str, sum: f64| {
        let mean = sum / seen as f64;
        let is_cpu = resource == Resource::Cpu;
        Used {
            by,
            name: name.to_owned(),
            mean,
            share: (is_cpu && machine.cores > 0).then(|| mean / machine.cores as f64),
            cpu_seconds: is_cpu.then_some(sum / 1e3),
            processes: machine.counts.get(name).copied().filter(|_| by == UsedBy::Process),
        }
    };
    let mut out: Vec<Used> = sums.into_iter().filter(|(_, sum)| *sum > 0.0).map(|((by, name), sum)| of(by, name, sum)).collect();
    out.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    out.truncate(MOST);
    if resource == Resource::Cpu && machine.cores > 0 {
        let spans_of_machine = self::spans([&machine.busy].into_iter(), from, to);
        let seen_of_machine: i64 = spans_of_machine.values().sum();
        if seen_of_machine > 0 {
            let busy = integral(&machine.busy, &spans_of_machine) / seen_of_machine as f64;
            let unseen = busy - all / seen as f64 / machine.cores as f64;
            if unseen >= UNSEEN_SHARE.max(busy * UNSEEN_PART) {
                out.push(of(UsedBy::Unseen, "", unseen * machine.cores as f64 * seen as f64));
            }
        }
    }
    (out, seen)
}

/// The times of collections within `[from, to]`, each with how long before it the last one was, ms.
fn spans<'a>(columns: impl Iterator<Item = &'a Columns>, from: TimestampMs, to: TimestampMs) -> BTreeMap<TimestampMs, i64> {
    let mut times: Vec<TimestampMs> = columns.flat_map(|columns| columns.times.iter().copied()).filter(|t| *t <= to).collect();
    times.sort_unstable();
    times.dedup();
    let mut lengths: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    lengths.sort_unstable();
    let Some(usual) = lengths.get(lengths.len() / 2).copied() else { return BTreeMap::new() };
    let pairs = times.windows(2).filter(|pair| pair[1] >= from && pair[1] - pair[0] <= usual.saturating_mul(GAP));
    pairs.map(|pair| (pair[1], pair[1] - pair[0])).collect()
}

/// The sum of values times the milliseconds that each stands for.
fn integral(columns: &Columns, spans: &BTreeMap<TimestampMs, i64>) -> f64 {
    let part = |sample: crate::model::Sample| spans.get(&sample.t).map(|ms| sample.v * *ms as f64).filter(|v| v.is_finite());
    columns.iter().filter_map(part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(by: UsedBy, name: &str, values: &[(i64, f64)]) -> Track {
        let columns = Columns { times: values.iter().map(|(t, _)| t * 1_000).collect(), values: values.iter().map(|(_, v)| *v).collect() };
        Track { by, name: name.to_owned(), columns }
    }

    /// A collection every five seconds, the last one at a minute.
    fn steady(by: UsedBy, name: &str, v: f64, seconds: std::ops::RangeInclusive<i64>) -> Track {
        track(by, name, &seconds.step_by(5).map(|t| (t, v)).collect::<Vec<_>>())
    }

    fn machine(busy: f64) -> Machine {
        Machine { cores: 16, busy: steady(UsedBy::Unseen, "", busy, 0..=60).columns, counts: BTreeMap::from([("rustc".to_owned(), 15)]) }
    }

    #[test]
    fn who_used_most_until_the_end_is_named_although_it_was_gone_at_the_last_sample() {
        // The compiler took 15 of 16 cores and ended just before the last collection, which saw `node` alone.
        let tracks = [steady(UsedBy::Process, "rustc", 15.0, 0..=55), steady(UsedBy::Process, "node", 0.3, 0..=60)];
        let (used, seen) = used(Resource::Cpu, &tracks, &machine(0.94), 5_000, 60_000);
        assert_eq!(seen, 60_000, "the first sample stands for the five seconds before it");
        assert_eq!((used[0].name.as_str(), used[0].processes, used[0].cpu_seconds), ("rustc", Some(15), Some(825.0)));
        assert!(used[0].share.is_some_and(|share| (share - 0.859).abs() < 0.001), "{used:?}");
        assert_eq!((used[1].name.as_str(), used.len()), ("node", 3));
    }

    #[test]
    fn what_no_sample_names_is_a_figure_of_its_own() {
        let tracks = [steady(UsedBy::Process, "bash", 0.8, 0..=60), steady(UsedBy::Children, "bash", 6.4, 0..=60)];
        let (all, _) = used(Resource::Cpu, &tracks, &machine(0.6), 5_000, 60_000);
        let shares: Vec<(UsedBy, f64)> = all.iter().map(|used| (used.by, (used.share.unwrap() * 100.0).round())).collect();
        assert_eq!(shares, [(UsedBy::Children, 40.0), (UsedBy::Process, 5.0), (UsedBy::Unseen, 15.0)]);
        let (none, _) = used(Resource::Cpu, &tracks, &machine(0.455), 5_000, 60_000);
        assert!(none.iter().all(|used| used.by != UsedBy::Unseen), "rounding is nobody: {none:?}");
    }

    #[test]
    fn a_gap_counts_for_nobody_and_other_units_have_no_share() {
        let values = [(0, 1.0), (5, 1.0), (10, 1.0), (300, 9.0), (305, 1.0)];
        let (all, seen) = used(Resource::Cpu, &[track(UsedBy::Process, "a", &values)], &Machine::default(), 0, 305_000);
        assert_eq!((seen, all[0].mean, all[0].share), (15_000, 1.0, None));
        let both = [steady(UsedBy::Process, "db", 10.0, 0..=60), steady(UsedBy::Process, "db", 30.0, 0..=60)];
        let (all, _) = used(Resource::DiskIo, &both, &machine(1.0), 5_000, 60_000);
        assert_eq!((all.len(), all[0].mean, all[0].share, all[0].cpu_seconds), (1, 40.0, None, None));
        assert_eq!(used(Resource::Memory, &[], &machine(1.0), 0, 60_000), (Vec::new(), 0));
        let first = [track(UsedBy::Process, "db", &[(60, 5.0)])];
        assert_eq!(used(Resource::Memory, &first, &machine(1.0), 60_000, 60_000).0[0].mean, 5.0, "the first look after a start");
        assert!(used(Resource::Cpu, &first, &machine(1.0), 60_000, 60_000).0.is_empty());
    }

    #[test]
    fn only_resources_of_processes_are_explained_by_them() {
        for (metric, expected) in [
            ("system_cpu_utilization_ratio", Some(Resource::Cpu)),
            ("system_memory_utilization_ratio", Some(Resource::Memory)),
            ("system_disk_io_bytes_total", Some(Resource::DiskIo)),
            ("system_filesystem_utilization_ratio", None),
            ("taskmaster_queue_depth", None),
        ] {
            assert_eq!(Resource::of_metric(metric), expected, "{metric}");
            assert_eq!(Resource::of_rule("", &format!("avg_over_time({metric}[5m]) > 1")), expected, "{metric}");
            assert_eq!(Resource::of_rule("other", metric), None);
        }
    }
}
