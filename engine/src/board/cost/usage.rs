//! What was used in a range of time, measured from samples and CI runs.

use std::collections::BTreeMap;

use crate::model::{Matcher, NAME_LABEL, SeriesId, TimestampMs, rise};
use crate::store::{StoreError, StoreReader};

/// Samples of a gauge that are further apart do not cover the time between them.
const GAP_MS: i64 = 60_000;
/// How far before a segment the previous sample of a counter is looked up.
const BEFORE_MS: i64 = 86_400_000;
/// How far before it is looked up where the day before has none: whoever uses an agent rests for days.
const LONG_BEFORE_MS: i64 = 31 * BEFORE_MS;
/// The label with the type of tokens.
const TOKEN_TYPE: &str = "type";

/// The metrics of coding agents, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentMetrics {
    /// Tokens by `type`.
    pub tokens: Vec<String>,
    /// Money.
    pub money: Vec<String>,
    /// Seconds of activity.
    pub active: Vec<String>,
}

impl AgentMetrics {
    /// The currency of the money, as the metrics' names say it: three capitals between underscores, the same in each of them.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        let mut codes =
            self.money.iter().map(|name| name.split('_').find(|part| part.len() == 3 && part.bytes().all(|b| b.is_ascii_uppercase())));
        let first = codes.next()??;
        codes.all(|other| other == Some(first)).then_some(first)
    }
}

/// A CI run: when it began and the seconds of its jobs, where those are known.
pub type CiRun = (TimestampMs, Option<f64>);

/// What was used in a range of time. A figure without a source is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spent {
    /// Time in progress.
    pub wall_seconds: f64,
    /// The part of it during which the service was down: what was pushed then is missing.
    pub unwatched_seconds: Option<f64>,
    /// CPU time of the whole machine.
    pub cpu_seconds: Option<f64>,
    /// The part of the time that the CPU samples cover.
    pub cpu_covered_seconds: Option<f64>,
    /// CI runs that began.
    pub ci_runs: Option<f64>,
    /// Seconds of their jobs.
    pub ci_job_seconds: Option<f64>,
    /// Tokens by type.
    pub tokens: BTreeMap<String, f64>,
    /// Money, in the unit of its metric (US dollars of Claude Code).
    pub money: Option<f64>,
    /// Seconds that coding agents were active.
    pub active_seconds: Option<f64>,
}

/// `a` plus a share of `b`; none where both are unknown.
pub(super) fn sum(a: Option<f64>, b: Option<f64>, share: f64) -> Option<f64> {
    match (a, b) {
        (None, None) => None,
        _ => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0) * share),
    }
}

impl Spent {
    /// Adds the runs that began in `(from, to]`. `runs` are ordered by rising time.
    pub fn add_runs(&mut self, from: TimestampMs, to: TimestampMs, runs: &[CiRun]) {
        let upto = |at: TimestampMs| runs.partition_point(|run| run.0 <= at);
        let began = &runs[upto(from)..upto(to).max(upto(from))];
        self.ci_runs = Some(began.len() as f64);
        self.ci_job_seconds = began.iter().filter_map(|run| run.1).reduce(|a, b| a + b);
    }

    /// Adds a share of another usage.
    pub fn add(&mut self, other: &Self, share: f64) {
        self.cpu_seconds = sum(self.cpu_seconds, other.cpu_seconds, share);
        self.cpu_covered_seconds = sum(self.cpu_covered_seconds, other.cpu_covered_seconds, 1.0);
        self.ci_runs = sum(self.ci_runs, other.ci_runs, share);
        self.ci_job_seconds = sum(self.ci_job_seconds, other.ci_job_seconds, share);
        self.money = sum(self.money, other.money, share);
        self.active_seconds = sum(self.active_seconds, other.active_seconds, share);
        for (kind, count) in &other.tokens {
            *self.tokens.entry(kind.clone()).or_default() += count * share;
        }
    }
}

/// What was used in `(from, to]`, by the samples of the store and by `runs`, ordered by rising time; none where CI is not watched.
///
/// # Errors
/// [`StoreError`] when samples cannot be read.
pub fn measure(
    store: &StoreReader,
    from: TimestampMs,
    to: TimestampMs,
    names: &AgentMetrics,
    runs: Option<&[CiRun]>,
) -> Result<Spent, StoreError> {
    let mut spent = Spent { wall_seconds: (to - from) as f64 / 1e3, ..Spent::default() };
    if let Some((cpu, covered)) = cpu(store, from, to)? {
        (spent.cpu_seconds, spent.cpu_covered_seconds) = (Some(cpu), Some(covered));
    }
    if let Some(runs) = runs {
        spent.add_runs(from, to, runs);
    }
    let total = |metrics: &[String]| -> Result<Option<f64>, StoreError> {
        let by_type = increases(store, metrics, from, to)?;
        Ok((!by_type.is_empty()).then(|| by_type.values().sum()))
    };
    spent.tokens = increases(store, &names.tokens, from, to)?;
    spent.money = total(&names.money)?;
    spent.active_seconds = total(&names.active)?;
    Ok(spent)
}

/// Busy core seconds of the machine, and how much of the time its samples cover. Each sample covers the time since the one before.
fn cpu(store: &StoreReader, from: TimestampMs, to: TimestampMs) -> Result<Option<(f64, f64)>, StoreError> {
    let series = |name: &str| store.select(&[Matcher::equal(NAME_LABEL, name)]);
    let cores = series("system_cpu_core_utilization_ratio").into_iter().filter(|id| store.may_have(*id, from)).count();
    let (mut busy, mut covered) = (0.0, 0.0);
    for id in series("system_cpu_utilization_ratio") {
        let samples = store.samples(id, from.saturating_sub(GAP_MS), to.saturating_add(GAP_MS))?;
        let rows: Vec<_> = samples.iter().filter(|s| s.v.is_finite()).collect();
        for pair in rows.windows(2).filter(|pair| pair[1].t - pair[0].t <= GAP_MS) {
            let seconds = (pair[1].t.min(to) - pair[0].t.max(from)).max(0) as f64 / 1e3;
            busy += pair[1].v * seconds;
            covered += seconds;
        }
    }
    Ok((covered > 0.0 && cores > 0).then_some((busy * cores as f64, covered)))
}

/// By how much a counter rose with each of its samples in `(from, to]`. One without a sample in the month before began at zero.
///
/// # Errors
/// [`StoreError`] when samples cannot be read.
pub fn steps(store: &StoreReader, id: SeriesId, from: TimestampMs, to: TimestampMs) -> Result<Vec<(TimestampMs, f64)>, StoreError> {
    let mut steps = Vec::new();
    if !store.may_have(id, from) {
        return Ok(steps);
    }
    let samples = store.samples(id, from.saturating_sub(BEFORE_MS), to)?;
    let known: Vec<_> = samples.iter().filter(|s| s.v.is_finite()).collect();
    let mut before = match known.first() {
        Some(first) if first.t > from => {
            store.latest(id, from.saturating_sub(LONG_BEFORE_MS), from)?.filter(|s| s.v.is_finite()).map_or(0.0, |s| s.v)
        }
        _ => 0.0,
    };
    for sample in known {
        if sample.t > from {
            steps.push((sample.t, rise(before, sample.v)));
        }
        before = sample.v;
    }
    Ok(steps)
}

/// The increase of counters in `(from, to]`, by the label `type`.
fn increases(store: &StoreReader, metrics: &[String], from: TimestampMs, to: TimestampMs) -> Result<BTreeMap<String, f64>, StoreError> {
    let mut by_type = BTreeMap::new();
    for metric in metrics {
        for id in store.select(&[Matcher::equal(NAME_LABEL, metric)]) {
            let steps = steps(store, id, from, to)?;
            if !steps.is_empty() {
                let sum: f64 = steps.iter().map(|(_, rose)| rose).sum();
                let kind = store.labels(id).and_then(|labels| labels.get(TOKEN_TYPE).map(str::to_owned)).unwrap_or_default();
                *by_type.entry(kind).or_default() += sum;
            }
        }
    }
    Ok(by_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Batch, Labels};
    use crate::store::{StoreOptions, StoreWriter};

    const T0: i64 = 1_795_478_400_000;

    #[test]
    fn the_currency_is_read_from_names_that_agree() {
        for (money, expected) in [
            (vec!["claude_code_cost_usage_USD_total"], Some("USD")),
            (vec!["a_USD_total", "b_USD"], Some("USD")),
            (vec!["a_USD_total", "b_EUR_total"], None),
            (vec!["a_USD_total", "b_total"], None),
            (vec!["cost_total"], None),
            (vec![], None),
        ] {
            let names = AgentMetrics { money: money.iter().map(|&name| name.to_owned()).collect(), ..AgentMetrics::default() };
            assert_eq!(names.currency(), expected, "{money:?}");
        }
    }

    #[test]
    fn a_counter_that_rested_over_a_weekend_goes_on_from_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreWriter::open(dir.path(), StoreOptions::default(), T0).unwrap();
        let mut batch = Batch::default();
        for (seconds, v) in [(-3 * 86_400, 100.0), (10, 100.5), (20, 101.5)] {
            batch.push(Labels::metric("money_total", &[]), T0 + seconds * 1_000, v);
        }
        store.append(&batch, T0 + 30_000).unwrap();
        let names = AgentMetrics { money: vec!["money_total".to_owned()], ..AgentMetrics::default() };
        assert_eq!(measure(&store, T0, T0 + 60_000, &names, None).unwrap().money, Some(1.5));
        assert_eq!(measure(&store, T0 - 86_400_000, T0, &names, None).unwrap().money, None, "nothing that day");
        assert_eq!(measure(&store, T0 - 4 * 86_400_000, T0, &names, None).unwrap().money, Some(100.0), "it began at zero");
    }

    #[test]
    fn usage_is_measured_from_samples_and_absent_without_them() {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreWriter::open(dir.path(), StoreOptions::default(), T0).unwrap();
        let names = AgentMetrics {
            tokens: vec!["tokens_total".to_owned()],
            money: vec!["money_total".to_owned()],
            active: vec!["active".to_owned()],
        };
        let nothing = measure(&store, T0, T0 + 60_000, &names, None).unwrap();
        assert_eq!(nothing, Spent { wall_seconds: 60.0, ..Spent::default() });
        let mut batch = Batch::default();
        for at in 0..13 {
            let t = T0 + at * 5_000;
            for core in ["0", "1"] {
                batch.push(Labels::metric("system_cpu_core_utilization_ratio", &[("cpu", core)]), t, 0.5);
            }
            batch.push(Labels::metric("system_cpu_utilization_ratio", &[]), t, 0.5);
        }
        for (kind, rows) in [("input", [(0, 100.0), (20, 150.0), (50, 30.0)]), ("output", [(10, 7.0), (30, 8.0), (90, 100.0)])] {
            for (second, v) in rows {
                batch.push(Labels::metric("tokens_total", &[("type", kind), ("session", "a")]), T0 + second * 1_000, v);
            }
        }
        store.append(&batch, T0 + 90_000).unwrap();
        let runs = [(T0 + 1_000, Some(30.0)), (T0 + 2_000, None), (T0 + 61_000, Some(5.0))];
        let spent = measure(&store, T0, T0 + 60_000, &names, Some(&runs)).unwrap();
        assert_eq!((spent.cpu_seconds, spent.cpu_covered_seconds), (Some(60.0), Some(60.0)), "half of two cores for a minute");
        assert_eq!(spent.tokens, BTreeMap::from([("input".to_owned(), 80.0), ("output".to_owned(), 8.0)]), "a reset, and a start at zero");
        assert_eq!((spent.money, spent.active_seconds), (None, None));
        assert_eq!((spent.ci_runs, spent.ci_job_seconds), (Some(2.0), Some(30.0)));
    }
}
