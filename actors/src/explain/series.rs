//! Which other series moved: all that have samples in the windows of alerts are compared, within a bound of number and time. Each is read
//! once for all alerts of a moment.

use std::time::Instant;

use taskpulse_engine::explain::{Explanation, Moved, Reference, counts_up, judge, ranked};
use taskpulse_engine::metrics::is_counter;
use taskpulse_engine::model::{Columns, Labels, SeriesId, TimestampMs};
use taskpulse_engine::rules::{ALERTS, ALERTS_FOR_STATE, Alert};
use taskpulse_engine::store::StoreReader;

use super::Asked;
use super::moment::within;

/// Most series that are compared. Of more, each so many-th is.
const MOST: usize = 3_000;
/// Series whose ends are looked up at a time, since the head is locked meanwhile.
const AT_ONCE: usize = 4_096;
/// Labels of a series that is listed, in bytes: they are kept with the alert.
const MAX_LABELS: usize = 2_048;
/// Before the past, for the value at its beginning.
const BEFORE_MS: i64 = 120_000;
/// The past of the alert's own series that says when it began to move.
const COURSE_MS: i64 = 2 * 3_600_000;

/// What moved with one alert.
pub(super) struct Compared {
    reference: Reference,
    until: TimestampMs,
    found: Vec<Moved>,
    compared: usize,
    left_out: usize,
    /// There was no time for all series.
    pub(super) cut: bool,
}

impl Compared {
    fn new(reference: Reference, until: TimestampMs, left_out: usize) -> Self {
        Self { reference, until, found: Vec::new(), compared: 0, left_out, cut: false }
    }

    fn judge(&mut self, labels: &Labels, columns: &Columns) {
        let frame = self.reference.frame;
        let own = within(columns, frame.start - BEFORE_MS, frame.end());
        match judge(labels, &own, counts(labels, &own), &self.reference) {
            Some(moved) => {
                self.compared += 1;
                self.found.push(moved);
            }
            None => self.left_out += 1,
        }
    }

    pub(super) fn put_into(self, explanation: &mut Explanation) {
        (explanation.moved, explanation.compared, explanation.left_out) = (ranked(self.found), Some(self.compared), self.left_out);
        (explanation.moved_from, explanation.moved_to) = (Some(self.reference.frame.window_from()), Some(self.until));
    }
}

/// What moved with each of some alerts, until the deadline.
pub(super) fn compare(store: &StoreReader, asked: &[Asked], explanations: &[Explanation], deadline: Instant) -> Vec<Compared> {
    let references = asked.iter().zip(explanations).map(|(asked, of)| (reference(store, &asked.alert, of.from, asked.until), asked.until));
    let references: Vec<(Reference, TimestampMs)> = references.collect();
    let frames = || references.iter().map(|(reference, _)| reference.frame);
    let (Some(window), Some(start), Some(end)) =
        (frames().map(|frame| frame.window_from()).min(), frames().map(|frame| frame.start).min(), frames().map(|frame| frame.end()).max())
    else {
        return Vec::new();
    };
    let (ids, beyond) = candidates(store, window, end);
    let mut all: Vec<Compared> = references.into_iter().map(|(reference, until)| Compared::new(reference, until, beyond)).collect();
    for id in ids {
        let Some(labels) = store.labels(id) else { continue };
        let interested = |(at, _): &(usize, &mut Compared)| is_of_interest(&labels, &asked[*at].alert);
        let mut interested = all.iter_mut().enumerate().filter(interested).peekable();
        if interested.peek().is_none() {
            continue;
        }
        if Instant::now() >= deadline {
            interested.for_each(|(_, compared)| (compared.left_out, compared.cut) = (compared.left_out + 1, true));
            continue;
        }
        // What cannot be read is left out as what is too young.
        let columns = store.samples(id, start - BEFORE_MS, end).unwrap_or_default();
        interested.for_each(|(_, compared)| compared.judge(&labels, &columns));
    }
    all
}

fn counts(labels: &Labels, columns: &Columns) -> bool {
    is_counter(labels.name()) || counts_up(labels.name(), columns)
}

/// The course of the alert's own series, where it is one that is stored.
fn reference(store: &StoreReader, alert: &Alert, from: TimestampMs, to: TimestampMs) -> Reference {
    let stored = Some(&alert.metric).filter(|metric| !metric.name().is_empty()).and_then(|metric| store.series_id(metric));
    let columns = stored.and_then(|id| store.samples(id, from - COURSE_MS, to).ok()).filter(|columns| !columns.times.is_empty());
    columns.map_or_else(|| Reference::since(from, to), |columns| Reference::of_series(&columns, counts(&alert.metric, &columns), from, to))
}

/// Series with samples in the window, and how many more there are.
fn candidates(store: &StoreReader, from: TimestampMs, to: TimestampMs) -> (Vec<SeriesId>, usize) {
    let all = store.select(&[]);
    let alive: Vec<SeriesId> = all.chunks(AT_ONCE).flat_map(|ids| store.spans(ids, from, to)).map(|(id, ..)| id).collect();
    let stride = alive.len().div_ceil(MOST).max(1);
    let chosen: Vec<SeriesId> = alive.iter().copied().step_by(stride).collect();
    let beyond = alive.len() - chosen.len();
    (chosen, beyond)
}

/// Whether a series may say something new: not the alert's own, not what follows from it, not figures of the service about itself.
fn is_of_interest(labels: &Labels, alert: &Alert) -> bool {
    let name = labels.name();
    let of_machine = |metric: &str| metric.starts_with("system_").then(|| metric.splitn(3, '_').take(2).collect::<Vec<_>>().join("_"));
    let own = alert.metric.name();
    let own_series = if own.is_empty() {
        alert.expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').any(|word| word == name)
    } else {
        *labels == alert.metric
    };
    let follows = own_series
        || of_machine(name).is_some_and(|part| of_machine(own).is_some_and(|of_own| of_own == part))
        // Who used a resource is counted, not compared.
        || name.starts_with("process_") && own.starts_with("system_")
        || of_machine(own).is_some_and(|part| name.starts_with(&part.replacen("system", "container", 1)));
    let of_service = name.starts_with("taskpulse_") || [ALERTS, ALERTS_FOR_STATE].contains(&name);
    let parts_of_histogram = name.ends_with("_bucket");
    !follows && !of_service && !parts_of_histogram && labels.as_bytes().len() <= MAX_LABELS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_the_alert_is_no_news() {
        let alert = |metric: &str, expr: &str| crate::explain::tests::alert(&Labels::metric(metric, &[]), expr, 0, 0);
        let cpu = alert("system_cpu_utilization_ratio", "system_cpu_utilization_ratio > 0.8");
        let query = alert("", "sum by (job) (rate(http_errors_total[5m])) > 1");
        let probe = alert("probe_success", "probe_success == 0");
        for (alert, name, expected) in [
            (&cpu, "system_cpu_utilization_ratio", false),
            (&cpu, "system_cpu_load_average_1m", false),
            (&cpu, "process_memory_usage_bytes", false),
            (&cpu, "container_cpu_time_seconds_total", false),
            (&cpu, "container_memory_usage_bytes", true),
            (&cpu, "system_network_io_bytes_total", true),
            (&query, "http_errors_total", false),
            (&query, "http_requests_total", true),
            (&probe, "process_cpu_utilization_ratio", true),
            (&probe, "taskpulse_health_score", false),
            (&probe, "ALERTS", false),
            (&probe, "http_seconds_bucket", false),
        ] {
            assert_eq!(is_of_interest(&Labels::metric(name, &[]), alert), expected, "{name} for {}", alert.expr);
        }
    }
}
