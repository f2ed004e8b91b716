//! The processes that used most of an alert's resource, from stored samples.

use taskpulse_engine::model::{Labels, Matcher, Selector, TimestampMs};
use taskpulse_engine::rules::Alert;
use taskpulse_engine::store::StoreReader;
use taskpulse_engine::words::figure;

/// Most processes that are named.
const NAMED: usize = 3;
/// Oldest sample that counts.
const FRESH_MS: i64 = 60_000;

/// The metric of processes that explains a metric of the machine.
fn process_metric(metric: &str) -> Option<&'static str> {
    [
        ("system_cpu_", "process_cpu_utilization_ratio"),
        ("system_memory_", "process_memory_usage_bytes"),
        ("system_paging_", "process_memory_usage_bytes"),
        ("system_disk_io_", "process_disk_io_bytes_per_second"),
    ]
    .into_iter()
    .find_map(|(prefix, of_processes)| metric.starts_with(prefix).then_some(of_processes))
}

/// The labels that say which machine a series is of: several may be in one store.
const MACHINE_LABELS: [&str; 3] = ["host", "instance", "job"];

/// Series of a metric of the machine that `of` is of, with their values at `at`, without those that ended.
fn values(store: &StoreReader, metric: &str, of: &Labels, at: TimestampMs) -> Vec<(Labels, f64)> {
    let Ok(mut selector) = Selector::parse(metric) else { return Vec::new() };
    selector.matchers.extend(MACHINE_LABELS.map(|name| Matcher::equal(name, of.get(name).unwrap_or_default())));
    let ids = store.select(&selector.matchers);
    let newest = ids.into_iter().filter_map(|id| {
        let sample = store.latest(id, at - FRESH_MS, at).ok()??;
        Some((store.labels(id)?, sample.v)).filter(|(_, v)| v.is_finite())
    });
    newest.collect()
}

/// The processes that used most when an alert fired, busiest first: `cargo (3 processes) 61 %`. Empty if the alert is not
/// about a resource of processes, or there are no samples.
pub(crate) fn busiest(store: &StoreReader, alert: &Alert) -> Vec<String> {
    let Some(metric) = process_metric(alert.metric.name()) else { return Vec::new() };
    let at = alert.last_sample;
    let mut by_name: Vec<(String, f64)> = Vec::new();
    // Bytes read and bytes written of a process are added up.
    for (labels, v) in values(store, metric, &alert.metric, at) {
        let Some(name) = labels.get("process") else { continue };
        match by_name.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += v,
            None => by_name.push((name.to_owned(), v)),
        }
    }
    by_name.sort_by(|a, b| b.1.total_cmp(&a.1));
    by_name.truncate(NAMED);
    // CPU is stored in cores and shown as a share of the machine, like the value of the alert.
    let cores = values(store, "system_cpu_core_utilization_ratio", &alert.metric, at).len();
    let shown = |v: f64| match metric {
        "process_cpu_utilization_ratio" if cores > 0 => figure(metric, v / cores as f64),
        "process_cpu_utilization_ratio" => format!("{} of a core", figure(metric, v)),
        _ => figure(metric, v),
    };
    let counts = if by_name.is_empty() { Vec::new() } else { values(store, "process_count", &alert.metric, at) };
    let count = |name: &str| {
        counts.iter().find(|(labels, _)| labels.get("process") == Some(name)).map(|(_, count)| *count).filter(|count| *count > 1.0)
    };
    let describe = |(name, v): &(String, f64)| {
        let several = count(name).map(|count| format!(" ({count} processes)")).unwrap_or_default();
        // A process may call itself anything; this goes to logs and mails.
        let name: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        format!("{name}{several} {}", shown(*v))
    };
    by_name.iter().map(describe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_resources_of_processes_are_explained_by_them() {
        for (metric, expected) in [
            ("system_cpu_utilization_ratio", Some("process_cpu_utilization_ratio")),
            ("system_memory_utilization_ratio", Some("process_memory_usage_bytes")),
            ("system_disk_io_bytes_total", Some("process_disk_io_bytes_per_second")),
            ("system_filesystem_utilization_ratio", None),
            ("taskmaster_queue_depth", None),
        ] {
            assert_eq!(process_metric(metric), expected, "{metric}");
        }
    }
}
