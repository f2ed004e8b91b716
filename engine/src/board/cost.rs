//! What went on while tasks were in progress, joined by time.
//!
//! Time is cut where the set of tasks in progress changes. Each [`Segment`] is measured from what the store holds (CPU of the
//! machine, tokens, money and active time that coding agents told, CI runs that began) and split evenly among its tasks.
//! A figure whose source has no samples there is absent, not zero. Whether a task really caused it is not known: this is
//! what happened meanwhile, and is named so.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::{Matcher, NAME_LABEL, TimestampMs};
use crate::store::{Store, StoreError};

/// Samples of a gauge that are further apart say nothing of the time between them.
const GAP_MS: i64 = 60_000;
/// Where the sample before a counter's first one within a segment is looked for.
const BEFORE_MS: i64 = 86_400_000;
/// The label that tells kinds of tokens apart.
const TOKEN_TYPE: &str = "type";

/// One task: project, tag, id.
pub type TaskKey = (String, String, String);

/// A stretch of time with the same tasks in progress.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// Its beginning.
    pub from: TimestampMs,
    /// Its end.
    pub to: TimestampMs,
    /// The tasks; at least one.
    pub tasks: Vec<TaskKey>,
}

/// Tasks that all segments may have together. A segment names each of its tasks, so that thousands in progress at the same
/// time would make the square of it.
pub const MAX_SEGMENT_TASKS: usize = 200_000;

/// Cuts stretches of work into segments, in the order of time. None where they have more than [`MAX_SEGMENT_TASKS`].
#[must_use]
pub fn segments(work: &[(TaskKey, TimestampMs, TimestampMs)]) -> Option<Vec<Segment>> {
    let mut edges: Vec<(TimestampMs, bool, &TaskKey)> = Vec::with_capacity(work.len() * 2);
    for (task, from, to) in work.iter().filter(|(_, from, to)| from < to) {
        edges.push((*from, true, task));
        edges.push((*to, false, task));
    }
    edges.sort_by_key(|(at, begins, _)| (*at, *begins));
    let mut now: BTreeMap<&TaskKey, usize> = BTreeMap::new();
    let (mut out, mut last, mut named) = (Vec::new(), TimestampMs::MIN, 0);
    for (at, begins, task) in edges {
        if at > last && !now.is_empty() {
            named += now.len();
            if named > MAX_SEGMENT_TASKS {
                return None;
            }
            out.push(Segment { from: last, to: at, tasks: now.keys().map(|task| (*task).clone()).collect() });
        }
        last = at;
        let open = now.entry(task).or_default();
        *open = if begins { *open + 1 } else { open.saturating_sub(1) };
        if *open == 0 {
            now.remove(task);
        }
    }
    Some(out)
}

/// The metrics of coding agents, by name.
#[derive(Debug, Clone, Default)]
pub struct AgentMetrics {
    /// Tokens used, by `type`.
    pub tokens: Vec<String>,
    /// Money spent.
    pub money: Vec<String>,
    /// Seconds that an agent was active.
    pub active: Vec<String>,
}

/// A CI run: when it began and the seconds of its jobs, where those are known.
pub type CiRun = (TimestampMs, Option<f64>);

/// What went on. What has no source is absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Spent {
    /// Time in progress.
    pub wall_seconds: f64,
    /// The part of it during which the service was not running: what was pushed then is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unwatched_seconds: Option<f64>,
    /// CPU time of the whole machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// The part of the time that the CPU samples cover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_covered_seconds: Option<f64>,
    /// CI runs that began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci_runs: Option<f64>,
    /// Seconds of their jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci_job_seconds: Option<f64>,
    /// Tokens by type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tokens: BTreeMap<String, f64>,
    /// Money, in the unit of its metric (US dollars of Claude Code).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<f64>,
    /// Seconds that coding agents were active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<f64>,
}

fn plus(a: Option<f64>, b: Option<f64>, share: f64) -> Option<f64> {
    match (a, b) {
        (None, None) => None,
        _ => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0) * share),
    }
}

impl Spent {
    /// Takes in the runs that began in `(from, to]`, of those given by rising time.
    pub fn add_runs(&mut self, from: TimestampMs, to: TimestampMs, runs: &[CiRun]) {
        let upto = |at: TimestampMs| runs.partition_point(|run| run.0 <= at);
        let began = &runs[upto(from)..upto(to).max(upto(from))];
        self.ci_runs = Some(began.len() as f64);
        self.ci_job_seconds = began.iter().filter_map(|run| run.1).reduce(|a, b| a + b);
    }

    /// Adds a share of what another came to.
    pub fn add(&mut self, other: &Self, share: f64) {
        self.cpu_seconds = plus(self.cpu_seconds, other.cpu_seconds, share);
        self.cpu_covered_seconds = plus(self.cpu_covered_seconds, other.cpu_covered_seconds, 1.0);
        self.ci_runs = plus(self.ci_runs, other.ci_runs, share);
        self.ci_job_seconds = plus(self.ci_job_seconds, other.ci_job_seconds, share);
        self.money = plus(self.money, other.money, share);
        self.active_seconds = plus(self.active_seconds, other.active_seconds, share);
        for (kind, count) in &other.tokens {
            *self.tokens.entry(kind.clone()).or_default() += count * share;
        }
    }
}

/// What went on in `(from, to]`, by the store and the runs that began, by rising time; runs are none where CI is not watched.
///
/// # Errors
/// [`StoreError`] when samples cannot be read.
pub fn measure(
    store: &Store,
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

/// Busy core seconds of the machine, and how much of the time its samples cover. Each sample tells of the time since the one before.
fn cpu(store: &Store, from: TimestampMs, to: TimestampMs) -> Result<Option<(f64, f64)>, StoreError> {
    let of = |name: &str| store.select(&[Matcher::equal(NAME_LABEL, name)]);
    let cores = of("system_cpu_core_utilization_ratio").into_iter().filter(|id| store.may_have(*id, from)).count();
    let (mut busy, mut covered) = (0.0, 0.0);
    for id in of("system_cpu_utilization_ratio") {
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

/// How far counters rose in `(from, to]`, by the label `type`. One that had no sample in the day before began at zero.
fn increases(store: &Store, metrics: &[String], from: TimestampMs, to: TimestampMs) -> Result<BTreeMap<String, f64>, StoreError> {
    let mut by_type = BTreeMap::new();
    for metric in metrics {
        for id in store.select(&[Matcher::equal(NAME_LABEL, metric)]) {
            if !store.may_have(id, from) {
                continue;
            }
            let samples = store.samples(id, from.saturating_sub(BEFORE_MS), to)?;
            let (mut before, mut rise, mut any) = (0.0, 0.0, false);
            for sample in samples.iter().filter(|s| s.v.is_finite()) {
                if sample.t > from {
                    any = true;
                    // A counter that fell began again at zero.
                    rise += if sample.v >= before { sample.v - before } else { sample.v };
                }
                before = sample.v;
            }
            if any {
                let kind = store.labels(id).and_then(|labels| labels.get(TOKEN_TYPE).map(str::to_owned)).unwrap_or_default();
                *by_type.entry(kind).or_default() += rise;
            }
        }
    }
    Ok(by_type)
}

/// Samples of the service itself that are further apart had no service between them; it takes one each ten seconds.
const SILENCE_MS: i64 = 60_000;
/// Times without the service that are remembered; the oldest go first.
const MAX_SILENCES: usize = 10_000;
/// A series that the service always has of itself.
const OF_ITSELF: &str = "taskpulse_process_start_time_seconds";

/// When the service was not running, by the samples that it takes of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Downtimes {
    /// By rising time, apart from each other.
    gaps: Vec<(TimestampMs, TimestampMs)>,
    /// The last sample that was taken in.
    newest: Option<TimestampMs>,
}

impl Downtimes {
    /// Reads on from where it left off, from `from` at the earliest.
    ///
    /// # Errors
    /// [`StoreError`] when samples cannot be read.
    pub fn bring_up(&mut self, store: &Store, from: TimestampMs, now: TimestampMs) -> Result<(), StoreError> {
        let from = self.newest.map_or(from, |newest| newest.saturating_add(1));
        for id in store.select(&[Matcher::equal(NAME_LABEL, OF_ITSELF)]) {
            for at in store.samples(id, from, now)?.times {
                if let Some(before) = self.newest
                    && at - before > SILENCE_MS
                {
                    self.gaps.push((before, at));
                }
                self.newest = self.newest.max(Some(at));
            }
        }
        let over = self.gaps.len().saturating_sub(MAX_SILENCES);
        self.gaps.drain(..over);
        Ok(())
    }

    /// Seconds of a stretch of time in which it was not running.
    #[must_use]
    pub fn within(&self, from: TimestampMs, to: TimestampMs) -> Option<f64> {
        let first = self.gaps.partition_point(|gap| gap.1 <= from);
        let parts = self.gaps[first..].iter().take_while(|gap| gap.0 < to).map(|gap| gap.1.min(to) - gap.0.max(from));
        let ms: i64 = parts.sum();
        (ms > 0).then_some(ms as f64 / 1e3)
    }
}

/// What went on while a task was in progress.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Cost {
    /// The figures; those of shared time are its even share.
    #[serde(flatten)]
    pub spent: Spent,
    /// Seconds during which other tasks were in progress too.
    pub shared_seconds: f64,
    /// Of a task: Unix seconds from which it is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<f64>,
    /// Of a task: whether that is when it started. It may have been in progress when the service first saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_seen: Option<bool>,
}

/// Costs of tasks, and their totals by tag and by ISO week.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Costs {
    /// By task.
    pub tasks: BTreeMap<TaskKey, Cost>,
    /// By project and tag.
    pub tags: BTreeMap<(String, String), Cost>,
    /// By project, tag and week (`2026-W48`, of the segment's beginning, UTC).
    pub weeks: BTreeMap<(String, String, String), Cost>,
}

impl Costs {
    /// Splits what went on in a segment among its tasks.
    pub fn add(&mut self, segment: &Segment, spent: &Spent) {
        let share = 1.0 / segment.tasks.len().max(1) as f64;
        let shared = if segment.tasks.len() > 1 { spent.wall_seconds } else { 0.0 };
        let week = week_of(segment.from);
        let mut counted = BTreeSet::new();
        for task in &segment.tasks {
            let (project, tag, _) = task;
            let here = segment.tasks.iter().filter(|(p, t, _)| p == project && t == tag).count() as f64;
            let add = |cost: &mut Cost, share: f64| {
                cost.spent.wall_seconds += spent.wall_seconds;
                cost.spent.unwatched_seconds = plus(cost.spent.unwatched_seconds, spent.unwatched_seconds, 1.0);
                cost.shared_seconds += shared;
                cost.spent.add(spent, share);
            };
            add(self.tasks.entry(task.clone()).or_default(), share);
            if counted.insert((project, tag)) {
                add(self.tags.entry((project.clone(), tag.clone())).or_default(), share * here);
                add(self.weeks.entry((project.clone(), tag.clone(), week.clone())).or_default(), share * here);
            }
        }
    }
}

fn week_of(at: TimestampMs) -> String {
    let Ok(time) = jiff::Timestamp::from_millisecond(at) else { return String::new() };
    let week = time.to_zoned(jiff::tz::TimeZone::UTC).date().iso_week_date();
    format!("{}-W{:02}", week.year(), week.week())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Batch, Labels};
    use crate::store::StoreOptions;

    const T0: i64 = 1_795_478_400_000; // 2026-11-24T00:00:00Z, a Tuesday

    fn task(id: &str) -> TaskKey {
        ("app".to_owned(), "master".to_owned(), id.to_owned())
    }

    #[test]
    fn time_is_cut_where_the_tasks_in_progress_change() {
        let work = [(task("1"), 0, 10), (task("2"), 4, 6), (task("1"), 20, 30), (task("3"), 30, 30), (task("2"), 25, 40)];
        let cut: Vec<_> = segments(&work)
            .unwrap()
            .into_iter()
            .map(|s| (s.from, s.to, s.tasks.into_iter().map(|t| t.2).collect::<Vec<_>>().concat()))
            .collect();
        let expected = [(0, 4, "1"), (4, 6, "12"), (6, 10, "1"), (20, 25, "1"), (25, 30, "12"), (30, 40, "2")];
        assert_eq!(cut, expected.map(|(from, to, ids)| (from, to, ids.to_owned())));
        assert_eq!(segments(&[]), Some(vec![]));
        let many: Vec<_> = (0..2_000).map(|n| (task(&n.to_string()), n, 10_000)).collect();
        assert_eq!(segments(&many), None, "two thousand at a time would name two million tasks");
    }

    #[test]
    fn what_went_on_is_measured_from_samples_and_absent_without_them() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions::default(), T0).unwrap();
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

    #[test]
    fn time_without_the_service_is_known_by_its_own_samples() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions::default(), T0).unwrap();
        let mut downtimes = Downtimes::default();
        let append = |downtimes: &mut Downtimes, seconds: std::ops::Range<i64>| {
            let mut batch = Batch::default();
            let last = seconds.end;
            seconds.step_by(10).for_each(|s| batch.push(Labels::metric(OF_ITSELF, &[]), T0 + s * 1_000, 1.0));
            store.append(&batch, T0 + last * 1_000).unwrap();
            downtimes.bring_up(&store, T0, T0 + last * 1_000).unwrap();
        };
        append(&mut downtimes, 0..101);
        assert_eq!(downtimes.within(T0, T0 + 200_000), None, "the samples to come are not missing yet");
        append(&mut downtimes, 400..501);
        append(&mut downtimes, 1_000..1_001);
        let within = |from: i64, to: i64| downtimes.within(T0 + from * 1_000, T0 + to * 1_000);
        assert_eq!((within(0, 1_000), within(200, 300), within(450, 600)), (Some(800.0), Some(100.0), Some(100.0)));
        assert_eq!((within(400, 500), within(1_000, 2_000)), (None, None));
    }

    #[test]
    fn shared_time_is_split_evenly_and_totals_count_it_once() {
        let mut costs = Costs::default();
        let spent = Spent { wall_seconds: 60.0, cpu_seconds: Some(30.0), money: Some(2.0), ..Spent::default() };
        let both = Segment { from: T0, to: T0 + 60_000, tasks: vec![task("1"), task("2")] };
        costs.add(&both, &spent);
        costs.add(&Segment { from: T0 + 7 * 86_400_000, to: T0 + 7 * 86_400_000 + 60_000, tasks: vec![task("1")] }, &spent);
        let one = &costs.tasks[&task("1")];
        assert_eq!(
            (one.spent.wall_seconds, one.spent.cpu_seconds, one.spent.money, one.shared_seconds),
            (120.0, Some(45.0), Some(3.0), 60.0)
        );
        let tag = &costs.tags[&("app".to_owned(), "master".to_owned())];
        assert_eq!((tag.spent.wall_seconds, tag.spent.cpu_seconds), (120.0, Some(60.0)));
        assert_eq!(costs.weeks.keys().map(|k| k.2.as_str()).collect::<Vec<_>>(), ["2026-W48", "2026-W49"]);
    }
}
