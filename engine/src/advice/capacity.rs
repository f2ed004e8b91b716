//! Capacity: how much of a resource is in use, by how much it will fall short within a week, and when.
//!
//! The advisors of `advisors/capacity` note what they know of each resource; here it is put together, as rows for people and as series
//! that an autoscaler reads. What cannot be said has no sample, and its row says why.

use std::collections::BTreeMap;

use super::history::{DAY_MS, HOUR_MS, host_of, mean};
use super::{Finding, History, times_to_full};
use crate::forecast::capacity::{Outlook, Range, Unknown};
use crate::model::{Labels, NAME_LABEL, TimestampMs};
use crate::store::StoreError;
use crate::windows::Level;

/// A busier hour is at the limit of the CPU.
pub(super) const CPU_LIMIT: f64 = 0.95;

/// What there is of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// The processors of the machine.
    Cpu,
    /// The memory of the machine, or of a unit, container or process.
    Memory,
    /// A file system.
    Disk,
    /// Runners of the CI of a repository.
    Runners,
}

impl Resource {
    /// As labels and clients have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Runners => "runners",
        }
    }
}

/// What is forecast of a resource: of runners how many more are wanted, of all else how much of it is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// What of.
    pub resource: Resource,
    /// Which: mount point, repository.
    pub labels: Labels,
    /// From this share on it is used up; 0 for runners.
    pub limit: f64,
    /// The next week.
    pub outlook: Result<Outlook, Unknown>,
}

/// What is known of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// What of.
    pub resource: Resource,
    /// Which: mount point, repository; without a metric name.
    pub labels: Labels,
    /// The share in use: of the CPU over the last hour, of all else now.
    pub utilization: Option<f64>,
    /// By how much it falls short at the worst time of the next week: in runners, or as a share of what there is. 0 where it suffices.
    pub shortfall: Option<Range>,
    /// When it is used up: at the earliest, by the estimate, at the latest, ms UTC.
    pub exhaustion: [Option<TimestampMs>; 3],
    /// Why the shortfall is not known.
    pub missing: Option<String>,
}

impl Capacity {
    fn new(resource: Resource, labels: Labels) -> Self {
        Self { resource, labels, utilization: None, shortfall: None, exhaustion: [None; 3], missing: None }
    }

    /// The unit of the shortfall.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        match self.resource {
            Resource::Runners => "runners",
            _ => "ratio",
        }
    }
}

/// Shares of the resources of this machine that are in use.
pub(super) fn in_use(history: &History<'_>) -> Result<Vec<(Resource, Labels, f64)>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("system_cpu_utilization_ratio").into_iter().filter(|(_, labels)| host_of(labels).is_empty()) {
        let rows = history.windows(id, Level::M5, HOUR_MS)?;
        if !rows.is_empty() {
            found.push((Resource::Cpu, labels.without(&[NAME_LABEL]), mean(&rows)));
        }
    }
    for (metric, resource) in
        [("system_memory_utilization_ratio", Resource::Memory), ("system_filesystem_utilization_ratio", Resource::Disk)]
    {
        let newest = history.newest(metric, HOUR_MS)?.into_iter().filter(|(_, labels, _)| is_own(labels));
        found.extend(newest.map(|(_, labels, value)| (resource, labels.without(&[NAME_LABEL]), value)));
    }
    Ok(found)
}

/// A file system with `fstype` is on another machine.
pub(super) fn is_own(labels: &Labels) -> bool {
    host_of(labels).is_empty() && labels.get("fstype").is_none()
}

/// All that is known of each resource: what is in use, the dates that findings give, and the forecasts.
#[must_use]
pub fn capacity(in_use: &[(Resource, Labels, f64)], found: &[Finding], forecasts: &[Forecast], now: TimestampMs) -> Vec<Capacity> {
    let mut all: BTreeMap<(Resource, String), Capacity> = BTreeMap::new();
    let mut of = |resource: Resource, labels: &Labels, change: &dyn Fn(&mut Capacity)| {
        change(all.entry((resource, labels.to_string())).or_insert_with(|| Capacity::new(resource, labels.clone())));
    };
    for (resource, labels, value) in in_use {
        of(*resource, labels, &|one| one.utilization = Some(*value));
    }
    for Forecast { resource, labels, limit, outlook } in forecasts {
        of(*resource, labels, &|one| match outlook {
            Ok(outlook) => {
                one.shortfall = Some(shortfall(*resource, outlook.highest(), *limit));
                if *resource == Resource::Cpu {
                    one.exhaustion = outlook.reaches(*limit).map(|at| at.filter(|at| *at > now));
                }
            }
            Err(why) => one.missing = Some(why.to_string()),
        });
    }
    for (series, seconds) in times_to_full(found) {
        let name = series.get(NAME_LABEL).unwrap_or_default();
        // Capacity is of bytes.
        if name.starts_with("system_filesystem_inodes") {
            continue;
        }
        let resource = if name.starts_with("system_filesystem") { Resource::Disk } else { Resource::Memory };
        let place = match series.get("quantile") {
            Some("0.025") => 0,
            Some("0.975") => 2,
            _ => 1,
        };
        of(resource, &series.without(&[NAME_LABEL, "quantile"]), &|one| {
            one.exhaustion[place] = Some(now.saturating_add((seconds * 1e3).min(3_650.0 * DAY_MS as f64) as i64));
        });
    }
    all.into_values().collect()
}

/// By how much it falls short where so much is wanted.
pub(super) fn shortfall(resource: Resource, wanted: Range, limit: f64) -> Range {
    wanted.map(|wanted| if resource == Resource::Runners { wanted.max(0.0) } else { (wanted / limit - 1.0).max(0.0) })
}

/// What is known as series: no sample where it is not.
#[must_use]
pub fn capacity_series(all: &[Capacity]) -> Vec<(Labels, f64)> {
    let mut found = Vec::new();
    for one in all {
        let with = |metric: &str, bound: Option<&str>| {
            let labels = one.labels.with(NAME_LABEL, metric).with("resource", one.resource.name());
            bound.map_or(labels.clone(), |bound| labels.with("bound", bound))
        };
        found.extend(one.utilization.map(|value| (with("taskpulse_capacity_utilization_ratio", None), value)));
        let metric = match one.resource {
            Resource::Runners => "taskpulse_capacity_shortfall_runners",
            _ => "taskpulse_capacity_shortfall_ratio",
        };
        if let Some(range) = one.shortfall {
            let bounds = [("low", range.low), ("estimate", range.estimate), ("high", range.high)];
            found.extend(bounds.map(|(bound, value)| (with(metric, Some(bound)), value)));
        }
        for (bound, at) in ["low", "estimate", "high"].into_iter().zip(one.exhaustion) {
            found.extend(at.map(|at| (with("taskpulse_capacity_exhaustion_timestamp_seconds", Some(bound)), at as f64 / 1e3)));
        }
    }
    found
}
