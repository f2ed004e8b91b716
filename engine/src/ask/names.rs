//! Names of what is watched: workflows, probes, disks, processes and others, as questions may have them.

use rustc_hash::FxHashMap;

use super::text::Token;
use crate::model::{Matcher, NAME_LABEL, SeriesId};
use crate::store::StoreReader;

/// Names of one kind at the most.
const MAX_NAMES: usize = 5_000;
/// Longest name, in words.
const MAX_WORDS: usize = 12;

macro_rules! kinds {
    ($($variant:ident $id:literal $about:literal;)*) => {
        /// What a name is of, the likeliest first where several have it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum NameKind {
            $(#[doc = $about] $variant,)*
        }

        impl NameKind {
            /// All of them.
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            /// As answers and the corpus show it.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)*
                }
            }
        }
    };
}

kinds! {
    Target "probe" "A target of a probe.";
    Heartbeat "heartbeat" "A job whose calls are expected.";
    Workflow "workflow" "A workflow of CI.";
    Job "job" "A job of CI.";
    Repo "repository" "A repository.";
    Mount "disk" "A file system, by where it is mounted.";
    Unit "unit" "A unit of systemd.";
    Container "container" "A container.";
    Process "process" "Processes of one name.";
    Host "host" "Another machine.";
    Project "project" "A project with boards.";
    Tag "tag" "A board of a project.";
    Device "device" "A disk or network interface.";
    Sensor "sensor" "A sensor.";
    Rule "rule" "A rule of alerts.";
    Scraped "target" "A scraped target, by its job.";
    Source "source" "A source.";
    Agent "agent" "A coding agent.";
    Metric "metric" "A metric.";
}

/// A name in a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What it is of.
    pub kind: NameKind,
    /// The name, as the labels have it.
    pub value: String,
}

/// All names that are known.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// By the first word in lower case.
    by_word: FxHashMap<String, Vec<(Vec<String>, Name)>>,
    counts: FxHashMap<NameKind, usize>,
}

/// Where the names of a kind are: label, and the metrics that have it.
const LABELS: [(NameKind, &str, &[&str]); 18] = [
    (NameKind::Target, "target", &["probe_success"]),
    (NameKind::Heartbeat, "heartbeat", &["heartbeat_up", "heartbeat_last_call_timestamp_seconds"]),
    (NameKind::Workflow, "workflow", &["github_actions_run_duration_seconds", "github_actions_success_ratio", "github_actions_runs_total"]),
    (NameKind::Repo, "repo", &["github_actions_run_duration_seconds", "github_actions_success_ratio", "github_actions_runs_total"]),
    (NameKind::Mount, "mountpoint", &["system_filesystem_utilization_ratio"]),
    (NameKind::Unit, "unit", &["container_cpu_time_seconds_total", "container_memory_usage_bytes"]),
    (NameKind::Container, "container", &["container_cpu_time_seconds_total", "container_memory_usage_bytes"]),
    (NameKind::Process, "process", &["process_cpu_utilization_ratio", "process_memory_usage_bytes", "process_disk_io_bytes_per_second"]),
    (
        NameKind::Host,
        "instance",
        &["system_cpu_utilization_ratio", "system_memory_utilization_ratio", "system_filesystem_utilization_ratio"],
    ),
    (NameKind::Host, "host", &["system_cpu_utilization_ratio", "system_memory_utilization_ratio", "system_filesystem_utilization_ratio"]),
    (NameKind::Project, "project", &["taskmaster_tasks"]),
    (NameKind::Tag, "tag", &["taskmaster_tasks"]),
    (NameKind::Device, "device", &["system_disk_io_bytes_total", "system_network_io_bytes_total"]),
    (NameKind::Sensor, "sensor", &["system_temperature_celsius"]),
    (NameKind::Rule, "alertname", &["ALERTS"]),
    (NameKind::Scraped, "job", &["up"]),
    (NameKind::Source, "source", &["taskpulse_source_up"]),
    (NameKind::Agent, "agent", &["agent_sessions", "agent_findings"]),
];

impl Names {
    /// The names that the labels of the store have.
    #[must_use]
    pub fn of_store(store: &StoreReader) -> Self {
        let mut names = Self::default();
        for (kind, label, metrics) in LABELS {
            let mut ids: Vec<SeriesId> = Vec::new();
            for metric in metrics {
                ids.extend(store.select(&[Matcher::equal(NAME_LABEL, metric)]));
            }
            if !ids.is_empty() {
                store.label_values(label, &ids).iter().for_each(|value| names.add(kind, value));
            }
        }
        let mut found = Vec::new();
        let mut after: Option<Box<str>> = None;
        for _ in 0..MAX_NAMES {
            after = store.matching_values(NAME_LABEL, after.as_deref(), &|_| true, &mut found);
            if after.is_none() || found.len() > MAX_NAMES {
                break;
            }
        }
        found.iter().for_each(|metric| names.add(NameKind::Metric, metric));
        names
    }

    /// Adds a name, and the short forms that people use for it.
    pub fn add(&mut self, kind: NameKind, value: &str) {
        let count = self.counts.entry(kind).or_default();
        if value.trim().is_empty() || *count >= MAX_NAMES {
            return;
        }
        *count += 1;
        let name = Name { kind, value: value.to_owned() };
        for form in forms(kind, &value.to_lowercase()) {
            let words: Vec<String> = form.split_whitespace().map(str::to_owned).collect();
            let Some(first) = words.first().cloned().filter(|_| words.len() <= MAX_WORDS) else { continue };
            let known = self.by_word.entry(first).or_default();
            if !known.iter().any(|(other, of)| *other == words && *of == name) {
                known.push((words, name.clone()));
            }
        }
    }

    /// Adds a name that many things have.
    pub fn add_once(&mut self, kind: NameKind, value: &str) {
        let lower = value.to_lowercase();
        let first = lower.split_whitespace().next().unwrap_or("");
        let is_known = |(_, name): &(Vec<String>, Name)| name.kind == kind && name.value == value;
        if !self.by_word.get(first).is_some_and(|known| known.iter().any(is_known)) {
            self.add(kind, value);
        }
    }

    /// Whether there are names of a kind.
    #[must_use]
    pub fn has(&self, kind: NameKind) -> bool {
        self.counts.contains_key(&kind)
    }

    /// A name of a kind, for an example.
    #[must_use]
    pub fn example(&self, kind: NameKind) -> Option<&str> {
        let all = self.by_word.values().flatten().filter(|(_, name)| name.kind == kind);
        all.map(|(_, name)| name.value.as_str()).min_by_key(|value| (value.len(), *value))
    }

    /// All names of a kind, in order.
    pub(super) fn of_kind(&self, kind: NameKind) -> Vec<&str> {
        let all = self.by_word.values().flatten().filter(|(_, name)| name.kind == kind);
        let values: std::collections::BTreeSet<&str> = all.map(|(_, name)| name.value.as_str()).collect();
        values.into_iter().collect()
    }

    /// The longest name that words begin with: how many words, and all that have it, by kind.
    pub(super) fn at(&self, words: &[Token]) -> Option<(usize, Vec<Name>)> {
        let first = words.first()?;
        if first.quoted {
            let parts: Vec<&str> = first.text.split_whitespace().collect();
            let known = self.by_word.get(*parts.first()?)?;
            let found: Vec<Name> = known.iter().filter(|(of, _)| *of == parts).map(|(_, name)| name.clone()).collect();
            return sorted(found).map(|found| (1, found));
        }
        let known = self.by_word.get(&first.text)?;
        let fits = |of: &Vec<String>| of.len() <= words.len() && of.iter().zip(words).all(|(a, b)| *a == b.text && !b.quoted);
        let longest = known.iter().filter(|(of, _)| fits(of)).map(|(of, _)| of.len()).max()?;
        let found = known.iter().filter(|(of, _)| of.len() == longest && fits(of)).map(|(_, name)| name.clone()).collect();
        sorted(found).map(|found| (longest, found))
    }

    /// All names of one word, for slips.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let single = self.by_word.iter().filter(|(_, of)| of.iter().any(|(words, name)| words.len() == 1 && name.kind != NameKind::Metric));
        single.map(|(word, _)| word.as_str())
    }
}

fn sorted(mut found: Vec<Name>) -> Option<Vec<Name>> {
    found.sort_by(|a, b| (a.kind, &a.value).cmp(&(b.kind, &b.value)));
    found.dedup();
    (!found.is_empty()).then_some(found)
}

/// A name and its short forms: `ci.yml` is `ci` too, `nginx.service` is `nginx`, `octo/app` is `app`, `/` is `root`.
fn forms(kind: NameKind, name: &str) -> Vec<String> {
    let mut forms = vec![name.to_owned()];
    match kind {
        NameKind::Workflow => {
            let file = name.rsplit('/').next().unwrap_or(name);
            forms.extend([".yml", ".yaml"].iter().filter_map(|end| file.strip_suffix(end)).map(str::to_owned));
        }
        NameKind::Unit => forms.extend([".service", ".scope", ".timer"].iter().filter_map(|end| name.strip_suffix(end)).map(str::to_owned)),
        NameKind::Repo => forms.extend(name.split_once('/').map(|(_, short)| short.to_owned())),
        NameKind::Mount if name == "/" => forms.push("root".to_owned()),
        NameKind::Mount => forms.extend(name.strip_prefix('/').filter(|rest| !rest.contains('/')).map(str::to_owned)),
        NameKind::Rule => forms.push(name.replace(['_', '-'], " ")),
        NameKind::Source => forms.push(name.replace(':', " ")),
        NameKind::Agent => {
            forms.push(name.replace('-', " "));
            forms.extend(["-code", "-cli"].iter().filter_map(|end| name.strip_suffix(end)).map(str::to_owned));
        }
        NameKind::Metric => {
            // Its name in words, with and without the unit at its end.
            let mut short = name;
            for _ in 0..2 {
                short =
                    ["_total", "_ratio", "_bytes", "_seconds", "_celsius"].iter().find_map(|end| short.strip_suffix(end)).unwrap_or(short);
            }
            forms.extend([name.replace('_', " "), short.replace('_', " ")].into_iter().filter(|form| form.contains(' ')));
        }
        _ => {}
    }
    forms.dedup();
    forms
}
