//! Gathers from the store what is known about why alerts fired; `taskpulse_engine::explain` decides what it says.
//!
//! [`explain`] works on the pool, on all alerts that fired at the same moment: what they have in common is read once. Who used a resource, what
//! happened before and the last alert like it are known of each of them; other series are compared for the first ones, within a budget of time.

mod moment;
mod past;
mod said;
mod series;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use taskpulse_engine::explain::{Explanation, Machine, Resource, Track, Used, UsedBy, used};
use taskpulse_engine::model::{Columns, Labels, TimestampMs, rise};
use taskpulse_engine::rules::{Alert, AlertState, LinesCondition};
use taskpulse_engine::store::StoreReader;
use taskpulse_engine::words;

use self::moment::Moment;

/// Alerts of a moment for which other series are compared.
pub(crate) const COMPARED: usize = 20;
/// Longest part of the pending time that counts, the last one.
const LONGEST_MS: i64 = 3_600_000;
/// The collection before the condition began is at most so old.
const BEFORE_MS: i64 = 120_000;
/// Containers are named from this share of the machine on, and so many of them.
const LEAST_SHARE: f64 = 0.02;
const CONTAINERS: usize = 5;
/// The time that an explanation is about: from when the condition began to hold until it fired.
fn window(alert: &Alert) -> (TimestampMs, TimestampMs) {
    let to = alert.firing_since.unwrap_or(alert.last_sample);
    (alert.pending_since.clamp(to - LONGEST_MS, to), to)
}

/// The cores of the machine; 0 where that is not known.
fn cores(moment: &mut Moment<'_>, of: &Labels, to: TimestampMs) -> usize {
    moment.of_machine("system_cpu_core_utilization_ratio", of, to - BEFORE_MS, to).len()
}

fn machine(moment: &mut Moment<'_>, of: &Labels, from: TimestampMs, to: TimestampMs) -> Machine {
    let busy = moment.of_machine("system_cpu_utilization_ratio", of, from - BEFORE_MS, to).pop();
    let most = |columns: &Columns| columns.values.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max) as u64;
    let counts = moment.of_machine("process_count", of, from, to).into_iter();
    let counts = counts.filter_map(|(labels, columns)| Some((labels.get("process")?.to_owned(), most(&columns)))).collect();
    Machine { cores: cores(moment, of, to), busy: busy.map(|(_, columns)| columns).unwrap_or_default(), counts }
}

/// Who used a resource of a machine, and how long that was seen. Alerts of one moment often ask for the same.
fn who_used(moment: &mut Moment<'_>, resource: Resource, of: &Labels, from: TimestampMs, to: TimestampMs) -> moment::WhoUsed {
    let key = (resource, moment::machine(of), from, to);
    if let Some(known) = moment.used.get(&key) {
        return known.clone();
    }
    let mut tracks: Vec<Track> = Vec::new();
    for (metric, by) in resource.metrics() {
        let found = moment.of_machine(metric, of, from - BEFORE_MS, to);
        let track = |(labels, columns): (Labels, Columns)| Some(Track { by: *by, name: labels.get("process")?.to_owned(), columns });
        tracks.extend(found.into_iter().filter_map(track));
    }
    let machine = machine(moment, of, from, to);
    let found = used(resource, &tracks, &machine, from, to);
    moment.used.insert(key, found.clone());
    found
}

/// Who used the resource that an alert is about while its condition began to hold. Empty if it is about none, or there are no samples.
fn who(moment: &mut Moment<'_>, alert: &Alert) -> Explanation {
    let (from, to) = window(alert);
    let resource = Resource::of_rule(alert.metric.name(), &alert.expr);
    let mut explanation = Explanation { from, to, resource, ..Explanation::default() };
    if let Some(resource) = resource {
        (explanation.used, explanation.seen_ms) = who_used(moment, resource, &alert.metric, from, to);
    }
    explanation
}

/// An alert to be explained, with series compared up to a time.
pub(crate) struct Asked {
    pub(crate) alert: Alert,
    pub(crate) until: TimestampMs,
    /// Its condition, where that is over log lines.
    pub(crate) lines: Option<LinesCondition>,
}

/// What is known about why an alert fired.
pub(crate) struct Explained {
    pub(crate) alert: Alert,
    pub(crate) explanation: Explanation,
    /// There was no time to compare all series.
    pub(crate) cut: bool,
}

/// Explains alerts of one moment. Comparing other series takes at most `budget`.
pub(crate) fn explain(store: &StoreReader, asked: Vec<Asked>, budget: Duration) -> Vec<Explained> {
    let deadline = Instant::now() + budget;
    let mut moment = Moment::new(store, asked.iter().map(|asked| &asked.alert));
    let mut explanations: Vec<Explanation> = Vec::with_capacity(asked.len());
    for Asked { alert, lines, .. } in &asked {
        let mut explanation = who(&mut moment, alert);
        if explanation.resource == Some(Resource::Cpu) {
            explanation.containers = containers(&mut moment, &alert.metric, explanation.from, explanation.to);
        }
        past::look_up(&mut moment, alert, &mut explanation);
        if let Some(lines) = lines {
            explanation.said = said::said(store, lines, alert, deadline);
        }
        explanations.push(explanation);
    }
    let compared = series::compare(store, &asked[..asked.len().min(COMPARED)], &explanations, deadline);
    let cut: Vec<bool> = compared.iter().map(|compared| compared.cut).collect();
    for (explanation, compared) in explanations.iter_mut().zip(compared) {
        compared.put_into(explanation);
    }
    let explained = |(at, (Asked { alert, .. }, mut explanation)): (usize, (Asked, Explanation))| {
        explanation.lines = words::explanation(&explanation);
        Explained { alert, explanation, cut: cut.get(at).copied().unwrap_or(false) }
    };
    asked.into_iter().zip(explanations).enumerate().map(explained).collect()
}

/// What is known of a series in a window, as if an alert on it had begun to hold and fired there.
pub(crate) fn of_series(store: &StoreReader, series: &Labels, (from, to): (TimestampMs, TimestampMs), budget: Duration) -> Explanation {
    let alert = Alert { state: AlertState::Firing, firing_since: Some(to), last_sample: to, ..Alert::of_series(series, from, 0.0) };
    let explained = explain(store, vec![Asked { alert, until: to, lines: None }], budget).pop();
    explained.map(|explained| explained.explanation).unwrap_or_default()
}

/// The units and containers that used most CPU.
fn containers(moment: &mut Moment<'_>, of: &Labels, from: TimestampMs, to: TimestampMs) -> Vec<Used> {
    let cores = cores(moment, of, to);
    let mut by_name: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (labels, columns) in moment.of_machine("container_cpu_time_seconds_total", of, from - BEFORE_MS, to) {
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
