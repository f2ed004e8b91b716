//! Gathers from the store what is known about why an alert fired; `taskpulse_engine::explain` decides what it says.
//!
//! [`who`] reads a few series of processes and is fast enough for the alert actor's thread, so that each notice names them. [`complete`]
//! compares all series and reads events and history: it runs on the pool, within bounds.

mod past;
mod series;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use taskpulse_engine::explain::{Explanation, Machine, Resource, Track, Used, UsedBy, used};
use taskpulse_engine::model::{Columns, Labels, Matcher, NAME_LABEL, TimestampMs, rise};
use taskpulse_engine::rules::Alert;
use taskpulse_engine::store::{Limits, StoreReader};
use taskpulse_engine::words;

/// Longest part of the pending time that counts, the last one.
const LONGEST_MS: i64 = 3_600_000;
/// The collection before the condition began is at most so old.
const BEFORE_MS: i64 = 120_000;
/// What one kind of series may cost.
const MAX_SAMPLES: usize = 500_000;
const MAX_TIME: Duration = Duration::from_millis(200);
/// Containers are named from this share of the machine on, and so many of them.
const LEAST_SHARE: f64 = 0.02;
const CONTAINERS: usize = 5;
/// The labels that say which machine a series is of: several may be in one store.
const MACHINE_LABELS: [&str; 3] = ["host", "instance", "job"];

/// The time that an explanation is about: from when the condition began to hold until it fired.
fn window(alert: &Alert) -> (TimestampMs, TimestampMs) {
    let to = alert.firing_since.unwrap_or(alert.last_sample);
    (alert.pending_since.clamp(to - LONGEST_MS, to), to)
}

/// Samples of the series of a metric of the machine that `of` is of, within `[from, to]`.
fn of_machine(store: &StoreReader, metric: &str, of: &Labels, from: TimestampMs, to: TimestampMs) -> Vec<(Labels, Columns)> {
    let mut matchers = vec![Matcher::equal(NAME_LABEL, metric)];
    matchers.extend(MACHINE_LABELS.map(|name| Matcher::equal(name, of.get(name).unwrap_or_default())));
    let ids = store.select(&matchers);
    let ids: Vec<_> = store.spans(&ids, from, to).into_iter().map(|(id, ..)| id).collect();
    let limits = Limits { max_samples: MAX_SAMPLES, deadline: Instant::now() + MAX_TIME };
    let mut found: Vec<(Labels, Columns)> = Vec::new();
    // What could not be read counts as not seen. A series comes day by day.
    for part in store.scan(&ids, from, to, limits).map_while(Result::ok) {
        match found.last_mut().filter(|(labels, _)| *labels == part.labels) {
            Some((_, columns)) => {
                columns.times.extend(part.columns.times);
                columns.values.extend(part.columns.values);
            }
            None => found.push((part.labels, part.columns)),
        }
    }
    found
}

/// The cores of the machine; 0 where that is not known.
fn cores(store: &StoreReader, of: &Labels, to: TimestampMs) -> usize {
    of_machine(store, "system_cpu_core_utilization_ratio", of, to - BEFORE_MS, to).len()
}

fn machine(store: &StoreReader, of: &Labels, from: TimestampMs, to: TimestampMs) -> Machine {
    let busy = of_machine(store, "system_cpu_utilization_ratio", of, from - BEFORE_MS, to).pop();
    let most = |columns: &Columns| columns.values.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max) as u64;
    let counts = of_machine(store, "process_count", of, from, to).into_iter();
    let counts = counts.filter_map(|(labels, columns)| Some((labels.get("process")?.to_owned(), most(&columns))));
    Machine { cores: cores(store, of, to), busy: busy.map(|(_, columns)| columns).unwrap_or_default(), counts: counts.collect() }
}

/// Who used the resource that an alert is about while its condition began to hold. Empty if it is about none, or there are no samples.
pub(crate) fn who(store: &StoreReader, alert: &Alert) -> Explanation {
    let (from, to) = window(alert);
    let mut explanation = Explanation { from, to, resource: Resource::of_rule(alert.metric.name(), &alert.expr), ..Explanation::default() };
    if let Some(resource) = explanation.resource {
        let of = |(metric, by): &(&str, UsedBy)| {
            let found = of_machine(store, metric, &alert.metric, from - BEFORE_MS, to);
            let by = *by;
            found.into_iter().filter_map(move |(labels, columns)| Some(Track { by, name: labels.get("process")?.to_owned(), columns }))
        };
        let tracks: Vec<Track> = resource.metrics().iter().flat_map(of).collect();
        let machine = machine(store, &alert.metric, from, to);
        (explanation.used, explanation.seen_ms) = used(resource, &tracks, &machine, from, to);
    }
    explanation.lines = words::explanation(&explanation);
    explanation
}

/// Everything else that is known, with series compared up to `until`.
pub(crate) fn complete(store: &StoreReader, alert: &Alert, until: TimestampMs) -> Explanation {
    let mut explanation = alert.explanation.as_deref().cloned().unwrap_or_else(|| who(store, alert));
    if explanation.resource == Some(Resource::Cpu) {
        explanation.containers = containers(store, &alert.metric, explanation.from, explanation.to);
    }
    series::compare(store, alert, until, &mut explanation);
    past::look_up(store, alert, &mut explanation);
    explanation.lines = words::explanation(&explanation);
    explanation
}

/// The units and containers that used most CPU.
fn containers(store: &StoreReader, of: &Labels, from: TimestampMs, to: TimestampMs) -> Vec<Used> {
    let cores = cores(store, of, to);
    let mut by_name: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (labels, columns) in of_machine(store, "container_cpu_time_seconds_total", of, from - BEFORE_MS, to) {
        let Some(name) = labels.get("container").or_else(|| labels.get("unit")) else { continue };
        let rows: Vec<_> = columns.iter().filter(|sample| sample.v.is_finite()).collect();
        let within = rows.windows(2).filter(|pair| pair[1].t >= from);
        let (used, seconds) = within
            .fold((0.0, 0.0), |(used, seconds), pair| (used + rise(pair[0].v, pair[1].v), seconds + (pair[1].t - pair[0].t) as f64 / 1e3));
        let sum = by_name.entry(name.to_owned()).or_default();
        *sum = (sum.0 + used, sum.1.max(seconds));
    }
    let of_name = |(name, (used, seconds)): (String, (f64, f64))| Used {
        by: UsedBy::Container,
        name,
        mean: used / seconds,
        share: (cores > 0).then(|| used / seconds / cores as f64),
        cpu_seconds: Some(used),
        processes: None,
    };
    let mut found: Vec<Used> = by_name.into_iter().filter(|(_, (_, seconds))| *seconds > 0.0).map(of_name).collect();
    found.retain(|one| one.share.unwrap_or(one.mean) >= LEAST_SHARE);
    found.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    found.truncate(CONTAINERS);
    found
}

#[cfg(test)]
mod tests;
