//! What is read of the store for an answer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use taskpulse_engine::ask::{Kind, Meaning, Measure, Name, NameKind, Range, Subject, measure};
use taskpulse_engine::model::{Labels, Matcher, NAME_LABEL, Selector, TimestampMs, go_quoted, rise};
use taskpulse_engine::promql::syntax::Grid;
use taskpulse_engine::promql::{self, Answer, Query};
use taskpulse_engine::store::Limits;
use taskpulse_engine::words::subject;

use super::draft::Draft;
use super::{AskError, Asker};
use crate::view::SourceState;

/// Samples that are read as they are, at the most, and the time for that.
const MAX_SAMPLES: usize = 2_000_000;
const MAX_TIME: Duration = Duration::from_millis(500);
/// A rise is counted from a sample at most so long before.
const BEFORE: i64 = 300_000;
const DAY: i64 = 86_400_000;

/// What a meaning is read from.
pub(super) struct Read {
    /// The metric.
    pub(super) metric: String,
    /// Its selector.
    pub(super) selector: String,
    pub(super) kind: Kind,
    /// Labels that tell the series apart.
    pub(super) by: Vec<String>,
    /// The measure, unless it is a metric by its name.
    pub(super) measure: Option<&'static Measure>,
}

/// The samples of a series.
pub(super) type Samples = Vec<(TimestampMs, f64)>;

impl Asker {
    /// How the subject is read; none where the answer comes from other things than series.
    pub(super) fn read_of(&self, meaning: &Meaning) -> Option<Read> {
        if let (Subject::Any, Some(metric)) = (meaning.subject, &meaning.metric) {
            let counter = ["_total", "_count", "_sum", "_bucket"].iter().any(|end| metric.ends_with(end));
            let kind = if counter { Kind::Counter } else { Kind::Gauge };
            let selector = self.selector(metric, "", &meaning.names);
            return Some(Read { metric: metric.clone(), selector, kind, by: Vec::new(), measure: None });
        }
        let measure = measure(meaning.subject)?;
        // Tasks that are ready, and those that wait for others, have the status of pending ones.
        if let (Subject::Tasks, Some(status @ ("ready" | "blocked"))) = (meaning.subject, meaning.status) {
            let metric = format!("taskmaster_{status}_tasks");
            let selector = self.selector(&metric, "", &meaning.names);
            let by = ["project", "tag"].map(str::to_owned).to_vec();
            return Some(Read { metric, selector, kind: Kind::Gauge, by, measure: Some(measure) });
        }
        let mut matchers = measure.matchers.to_owned();
        if let (Subject::CiActive | Subject::Tasks | Subject::Subtasks, Some(status)) = (meaning.subject, meaning.status) {
            matchers = match status {
                "open" => "status!~\"done|cancelled\"".to_owned(),
                status => format!("status={}", go_quoted(status)),
            };
        }
        // What a machine sends to itself is no traffic, unless that device is asked for.
        if measure.metric == "system_network_io_bytes_total" && meaning.name(NameKind::Device).is_none() {
            let own = "device!~\"lo[0-9]*\"";
            matchers = if matchers.is_empty() { own.to_owned() } else { format!("{matchers},{own}") };
        }
        if let Some(read) = self.kills_of_units(meaning, measure) {
            return Some(read);
        }
        let selector = self.selector(measure.metric, &matchers, &meaning.names);
        let by = measure.by.iter().map(|label| (*label).to_owned()).collect();
        Some(Read { metric: measure.metric.to_owned(), selector, kind: measure.kind, by, measure: Some(measure) })
    }

    /// The processes of units and containers that the kernel ended, where it does not count those of the machine.
    fn kills_of_units(&self, meaning: &Meaning, measure: &'static Measure) -> Option<Read> {
        const OF_UNITS: &str = "container_oom_kills_total";
        let of_machine = || !self.store.select(&[Matcher::equal(NAME_LABEL, measure.metric)]).is_empty();
        let of_units = || !self.store.select(&[Matcher::equal(NAME_LABEL, OF_UNITS)]).is_empty();
        if meaning.subject != Subject::OomKills || of_machine() || !of_units() {
            return None;
        }
        let selector = self.selector(OF_UNITS, "", &meaning.names);
        let by = ["container", "unit"].map(str::to_owned).to_vec();
        Some(Read { metric: OF_UNITS.to_owned(), selector, kind: measure.kind, by, measure: Some(measure) })
    }

    /// A selector with what the names of a question narrow it to.
    pub(super) fn selector(&self, metric: &str, matchers: &str, names: &[Name]) -> String {
        let mut parts: Vec<String> = if matchers.is_empty() { Vec::new() } else { vec![matchers.to_owned()] };
        for name in names {
            let label = match name.kind {
                NameKind::Host if self.knows(metric, "host", &name.value) => "host",
                NameKind::Host => "instance",
                NameKind::Scraped => "job",
                kind => label_of(kind),
            };
            parts.push(format!("{label}={}", go_quoted(&name.value)));
        }
        if parts.is_empty() { metric.to_owned() } else { format!("{metric}{{{}}}", parts.join(",")) }
    }

    fn knows(&self, metric: &str, label: &str, value: &str) -> bool {
        !self.store.select(&[Matcher::equal(NAME_LABEL, metric), Matcher::equal(label, value)]).is_empty()
    }

    /// A query at an instant: each series and its value.
    pub(super) fn instant(&self, query: &str, at: TimestampMs) -> Result<Vec<(Labels, f64)>, AskError> {
        let Ok(query) = Query::parse(query, Grid::default()) else { return Ok(Vec::new()) };
        let (answer, _) = promql::evaluate(&query, &self.limits.params(at, at, 1), &self.store)?;
        let Answer::Vector(rows) = answer else { return Ok(Vec::new()) };
        let found = rows.into_iter().filter_map(|row| Some((row.labels, *row.values.first()?)));
        Ok(found.filter(|(_, value)| value.is_finite()).collect())
    }

    /// A function over the samples of a range, its end not included.
    pub(super) fn over(&self, function: &str, selector: &str, range: Range) -> Result<Vec<(Labels, f64)>, AskError> {
        self.instant(&over_query(function, selector, range), range.end - 1)
    }

    /// The samples of a selector within a range, its end not included.
    pub(super) fn samples(&self, selector: &str, range: Range) -> Result<Vec<(Labels, Samples)>, AskError> {
        let Ok(selector) = Selector::parse(selector) else { return Ok(Vec::new()) };
        let ids = self.store.select(&selector.matchers);
        let ids: Vec<_> = self.store.spans(&ids, range.start, range.end - 1).into_iter().map(|(id, ..)| id).collect();
        let limits = Limits { max_samples: MAX_SAMPLES, deadline: Instant::now() + MAX_TIME };
        let mut found: BTreeMap<_, (Labels, Samples)> = BTreeMap::new();
        for part in self.store.scan_together(&ids, range.start, range.end - 1, limits)? {
            let (_, samples) = found.entry(part.id).or_insert_with(|| (part.labels.clone(), Vec::new()));
            samples.extend(part.columns.iter().filter(|sample| sample.v.is_finite()).map(|sample| (sample.t, sample.v)));
        }
        Ok(found.into_values().filter(|(_, samples)| !samples.is_empty()).collect())
    }

    /// By how much counters rose within a range, counted from sample to sample.
    pub(super) fn rises(&self, selector: &str, range: Range) -> Result<Vec<(Labels, f64)>, AskError> {
        let wider = Range { start: range.start - BEFORE, ..range };
        let mut out = Vec::new();
        for (labels, samples) in self.samples(selector, wider)? {
            let inside = samples.partition_point(|(t, _)| *t < range.start);
            let from = inside.saturating_sub(1);
            if inside >= samples.len() {
                continue;
            }
            let risen: f64 = samples[from..].windows(2).map(|pair| rise(pair[0].1, pair[1].1)).sum();
            out.push((labels, risen));
        }
        Ok(out)
    }

    /// The newest sample of each series of a selector, not older than `back`.
    pub(super) fn newest(&self, selector: &str, back: i64) -> Result<Vec<(Labels, TimestampMs, f64)>, AskError> {
        let Ok(selector) = Selector::parse(selector) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for id in self.store.select(&selector.matchers) {
            let newest = self.store.latest(id, self.now() - back, self.now())?.filter(|sample| sample.v.is_finite());
            found.extend(newest.and_then(|sample| Some((self.store.labels(id)?, sample.t, sample.v))));
        }
        Ok(found)
    }

    /// An answer that says why there is nothing, with the query that found nothing.
    pub(super) fn nothing(&self, read: &Read, meaning: &Meaning) -> Draft {
        Draft { query: Some(read.selector.clone()), ..Draft::missing(self.why_nothing(read, meaning)) }
    }

    /// Why there is nothing: the source, the name, or the time.
    fn why_nothing(&self, read: &Read, meaning: &Meaning) -> String {
        let all = self.store.select(&[Matcher::equal(NAME_LABEL, &read.metric)]);
        if all.is_empty() {
            return self.without_source(read);
        }
        let called = called(read, meaning);
        let newest = self.newest(&read.selector, 400 * DAY).unwrap_or_default().into_iter().map(|(_, t, _)| t).max();
        let during = meaning.time.map_or_else(|| "now".to_owned(), |range| self.during(range));
        match newest {
            Some(t) => format!("no samples of {called} {during}; the newest is of {}", self.at(t)),
            None => format!("no samples of {called} are kept"),
        }
    }

    /// Why a metric has no series at all.
    fn without_source(&self, read: &Read) -> String {
        let own = own_name(read);
        let Some(measure) = read.measure else { return format!("no samples of {own} are kept") };
        let sources = self.views.sources_of(measure.source);
        if sources.iter().any(|source| source.state == SourceState::Up) {
            return format!("no samples of {own} are kept");
        }
        let what = match measure.source {
            "github" => "no CI source is configured",
            "taskmaster" => "no task board is watched",
            "probe" => "no probe is configured",
            "heartbeats" if self.heartbeats.jobs().is_empty() => "no heartbeat is configured",
            "heartbeats" => "no call came yet",
            "scrape" => "no target is scraped",
            "containers" => "no unit or container is measured",
            _ => "nothing of it is measured",
        };
        let reason = sources.into_iter().next().and_then(|source| source.reason).map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{what}{reason}: no samples of {own} are kept")
    }

    /// The labels by which a series differs from the others of its metric.
    pub(super) fn row_name(&self, read: &Read, labels: &Labels) -> String {
        let mut parts: Vec<&str> = read.by.iter().filter_map(|label| labels.get(label)).collect();
        if read.measure.is_none() {
            parts = labels.iter().filter(|(name, _)| *name != NAME_LABEL).map(|(_, value)| value).collect();
        }
        let host = ["instance", "host"].iter().filter(|label| !read.by.iter().any(|by| by == *label)).find_map(|label| labels.get(label));
        let host = host.filter(|_| read.measure.is_some()).map(|host| format!("on {host}"));
        let mut name = parts.join(" ");
        if let Some(host) = host {
            name = format!("{name} {host}").trim().to_owned();
        }
        taskpulse_engine::model::clipped(&name, 80)
    }
}

/// What a figure is called within a sentence: `CPU`, `disk I/O`, `checks`.
fn own_name(read: &Read) -> String {
    let Some(measure) = read.measure else { return in_sentence(&subject(&Labels::metric(&read.metric, &[]))) };
    let own = match measure.subject {
        Subject::Probe => "checks",
        Subject::Heartbeat => "calls",
        Subject::Scraped => "scrapes",
        Subject::CiRuns => "CI runs",
        _ => measure.called,
    };
    let own = [" of", " in", " by"].iter().find_map(|end| own.strip_suffix(end)).unwrap_or(own);
    in_sentence(own)
}

/// The same with the names of the question: `disk I/O of nvme0n1`.
pub(super) fn called(read: &Read, meaning: &Meaning) -> String {
    let names: Vec<&str> = meaning.names.iter().map(|name| name.value.as_str()).collect();
    let own = match (meaning.subject, meaning.status) {
        (Subject::Tasks | Subject::Subtasks, Some(status)) => format!("{status} {}", own_name(read)),
        _ => own_name(read),
    };
    if names.is_empty() { own } else { format!("{own} of {}", taskpulse_engine::model::clipped(&names.join(" "), 80)) }
}

/// A phrase within a sentence: its first letter is small, unless it begins with an abbreviation.
pub(super) fn in_sentence(phrase: &str) -> String {
    let phrase = phrase.trim_end_matches('.');
    let mut chars = phrase.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(phrase.chars().skip(1)).collect()
        }
        _ => phrase.to_owned(),
    }
}

/// The label of a kind of names.
pub(super) const fn label_of(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Target => "target",
        NameKind::Heartbeat => "heartbeat",
        NameKind::Workflow => "workflow",
        NameKind::Repo => "repo",
        NameKind::Job | NameKind::Scraped => "job",
        NameKind::Mount => "mountpoint",
        NameKind::Unit => "unit",
        NameKind::Container => "container",
        NameKind::Process => "process",
        NameKind::Host => "instance",
        NameKind::Project => "project",
        NameKind::Tag => "tag",
        NameKind::Device => "device",
        NameKind::Sensor => "sensor",
        NameKind::Rule => "alertname",
        NameKind::Source => "source",
        NameKind::Agent => "agent",
        NameKind::Metric => "__name__",
    }
}

/// `max_over_time(x[24h])`; a quantile has its number before.
pub(super) fn over_query(function: &str, selector: &str, range: Range) -> String {
    let length = duration(range.length());
    match function.strip_prefix("quantile:") {
        Some(quantile) => format!("quantile_over_time({quantile}, {selector}[{length}])"),
        None => format!("{function}({selector}[{length}])"),
    }
}

/// A length of time as PromQL has it.
pub(super) fn duration(ms: i64) -> String {
    for (unit, length) in [("d", DAY), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if ms % length == 0 && ms > 0 {
            return format!("{}{unit}", ms / length);
        }
    }
    format!("{}ms", ms.max(1))
}

/// The middle of some values; none without any.
pub(super) fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = share * (values.len().checked_sub(1)? as f64);
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    Some(values[low] + (values[high] - values[low]) * (place - place.floor()))
}
