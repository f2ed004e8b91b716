//! How much of its memory and of its file systems each machine has in use, by the names of whoever measured it.
//!
//! This service, and others of its kind that send here, measure the share in use. The node_exporter of Prometheus says how much there is
//! and how much is left. Series of different machines are never put together: what belongs together has the same labels.

use std::collections::BTreeMap;

use super::history::{HOUR_MS, History, KnownLevel, host_of};
use crate::machine::{is_own, mounts};
use crate::model::{Labels, NAME_LABEL, SeriesId};
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};

/// The names under which a share in use is measured.
pub(super) struct Names {
    /// The share itself.
    pub(super) share: &'static str,
    /// What is left, and what there is.
    pub(super) left: (&'static str, &'static str),
}

/// Bytes of file systems.
pub(super) const SPACE: Names =
    Names { share: "system_filesystem_utilization_ratio", left: ("node_filesystem_avail_bytes", "node_filesystem_size_bytes") };
/// Inodes of file systems: how many files they can hold.
pub(super) const INODES: Names =
    Names { share: "system_filesystem_inodes_utilization_ratio", left: ("node_filesystem_files_free", "node_filesystem_files") };
/// Memory of machines.
pub(super) const MEMORY: Names =
    Names { share: "system_memory_utilization_ratio", left: ("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes") };

/// What is in use of a file system or of memory.
pub(super) struct Used {
    /// The series that it is read from.
    pub(super) id: SeriesId,
    /// Its labels.
    pub(super) labels: Labels,
    /// The machine; empty for this one.
    pub(super) host: String,
    /// How much there is, and the name of the series that says so, where the series says how much is left.
    pub(super) total: Option<(f64, &'static str)>,
}

impl Used {
    /// Windows of the series, as shares in use.
    pub(super) fn windows(&self, history: &History<'_>, level: Level, span_ms: i64) -> Result<Vec<WindowRow>, StoreError> {
        Ok(self.shares(history.windows(self.id, level, span_ms)?))
    }

    /// The newest share, where there is one of the last `span_ms`.
    pub(super) fn newest(&self, history: &History<'_>, span_ms: i64) -> Result<Option<f64>, StoreError> {
        let sample = history.store.latest(self.id, history.now - span_ms, history.now)?.filter(|sample| sample.v.is_finite());
        Ok(sample.map(|sample| self.total.map_or(sample.v, |(total, _)| 1.0 - sample.v / total)))
    }

    /// All that is known of it up to now, as a share of a whole.
    pub(super) fn known(&self, history: &History<'_>, day: &[WindowRow], whole: f64) -> Result<KnownLevel, StoreError> {
        Ok(history.level_of(self.shares(history.hours_before(self.id)?), day, whole))
    }

    fn shares(&self, rows: Vec<WindowRow>) -> Vec<WindowRow> {
        let Some((total, _)) = self.total else { return rows };
        let share = |left: f64| 1.0 - left / total;
        let of = |row: WindowRow| WindowRow {
            min: share(row.max),
            max: share(row.min),
            first: share(row.first),
            last: share(row.last),
            sum: row.count - row.sum / total,
            m2: row.m2 / (total * total),
            ..row
        };
        rows.into_iter().map(of).collect()
    }

    /// A query that gives the share.
    pub(super) fn query(&self) -> String {
        match self.total {
            Some((_, total)) => format!("1 - {} / {}", self.labels, self.labels.with(NAME_LABEL, total)),
            None => self.labels.to_string(),
        }
    }
}

/// The memory of each machine.
pub(super) fn memory(history: &History<'_>) -> Result<Vec<Used>, StoreError> {
    // A collector of OpenTelemetry has a series for each state.
    all(history, &MEMORY, |labels| labels.get("state").is_none_or(|state| state == "used"))
}

/// The file systems of each machine that are on its disks.
pub(super) fn file_systems(history: &History<'_>, names: &Names) -> Result<Vec<Used>, StoreError> {
    // The file system of this service's own naming that has `fstype` is on another machine, whose operator watches it.
    let found = all(history, names, |labels| labels.get("fstype").is_none())?;
    let (measured, mut shown): (Vec<Used>, Vec<Used>) = found.into_iter().partition(|one| one.total.is_none());
    let mut first: BTreeMap<(String, String), Used> = BTreeMap::new();
    shown.retain(|one| is_disk(&one.labels));
    for one in shown {
        let read_only = history.latest(&one.labels.with(NAME_LABEL, "node_filesystem_readonly"), HOUR_MS)?;
        if read_only.is_some_and(|is| is > 0.0) {
            continue;
        }
        // What is mounted twice is one file system: the shortest path shows most of it.
        let key = (one.host.clone(), one.labels.get("device").unwrap_or_default().to_owned());
        let length = |one: &Used| one.labels.get("mountpoint").map_or(0, str::len);
        if first.get(&key).is_none_or(|known| length(&one) < length(known)) {
            first.insert(key, one);
        }
    }
    Ok(measured.into_iter().chain(first.into_values()).collect())
}

fn is_disk(labels: &Labels) -> bool {
    mounts::is_disk(labels.get("fstype").unwrap_or_default(), labels.get("device").unwrap_or_default())
}

fn all(history: &History<'_>, names: &Names, wanted: impl Fn(&Labels) -> bool) -> Result<Vec<Used>, StoreError> {
    let shares = history.series(names.share).into_iter().filter(|(_, labels)| wanted(labels));
    let mut found: Vec<Used> = shares.map(|(id, labels)| Used { id, host: host_of(&labels), labels, total: None }).collect();
    let measures_itself = found.iter().any(|one| is_own(&one.labels));
    let (left, whole) = names.left;
    for (id, labels) in history.series(left) {
        let host = host_of(&labels);
        // This machine has figures of its own; said twice, each trouble of it would have two pieces of advice.
        if host.is_empty() || (measures_itself && is_here(&host)) {
            continue;
        }
        let total = history.latest(&labels.with(NAME_LABEL, whole), HOUR_MS)?.filter(|total| *total > 0.0);
        found.extend(total.map(|total| Used { id, host, labels, total: Some((total, whole)) }));
    }
    Ok(found)
}

/// Whether another exporter names this machine so.
pub(super) fn is_here(host: &str) -> bool {
    ["localhost", "127.", "[::1]"].iter().any(|start| host.starts_with(start))
}
