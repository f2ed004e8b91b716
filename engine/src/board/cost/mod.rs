//! What was used while tasks were in progress, joined by time.
//!
//! Time is split where the set of tasks in progress changes. Each [`Segment`] is measured from the samples of the store (CPU of the
//! machine; tokens, money and active time of coding agents; CI runs that began) and divided evenly among its tasks. A figure
//! without samples is absent, not zero. Nobody knows whether a task caused it: the figures say what happened at the same time.

mod downtimes;
mod usage;

use std::collections::{BTreeMap, BTreeSet};

pub use self::downtimes::Downtimes;
use self::usage::sum;
pub use self::usage::{AgentMetrics, CiRun, Spent, measure, steps};
use crate::model::TimestampMs;

/// One task: project, tag, id.
pub type TaskKey = (String, String, String);

/// A range of time with the same tasks in progress.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// Its start.
    pub from: TimestampMs,
    /// Its end.
    pub to: TimestampMs,
    /// The tasks; at least one.
    pub tasks: Vec<TaskKey>,
}

/// Tasks that all segments may have together. Each segment lists its tasks, so thousands in progress at the same time would need
/// the square of that.
pub const MAX_SEGMENT_TASKS: usize = 200_000;

/// Splits ranges of work into segments, by rising time. None where they have more than [`MAX_SEGMENT_TASKS`].
#[must_use]
pub fn segments(work: &[(TaskKey, TimestampMs, TimestampMs)]) -> Option<Vec<Segment>> {
    let mut edges: Vec<(TimestampMs, bool, &TaskKey)> = Vec::with_capacity(work.len() * 2);
    for (task, from, to) in work.iter().filter(|(_, from, to)| from < to) {
        edges.push((*from, true, task));
        edges.push((*to, false, task));
    }
    edges.sort_by_key(|(at, begins, _)| (*at, *begins));
    let mut now: BTreeMap<&TaskKey, usize> = BTreeMap::new();
    let (mut out, mut last, mut listed) = (Vec::new(), TimestampMs::MIN, 0);
    for (at, begins, task) in edges {
        if at > last && !now.is_empty() {
            listed += now.len();
            if listed > MAX_SEGMENT_TASKS {
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

/// What was used while a task was in progress.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cost {
    /// The figures; those of shared time are its even share.
    pub spent: Spent,
    /// Seconds during which other tasks were in progress too.
    pub shared_seconds: f64,
    /// For a task: the time from which it is counted, Unix seconds.
    pub since: Option<f64>,
    /// For a task: whether that is its start. It may have been in progress already when it was first seen.
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
    /// Divides what was used in a segment among its tasks.
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
                cost.spent.unwatched_seconds = sum(cost.spent.unwatched_seconds, spent.unwatched_seconds, 1.0);
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

/// The date of a time, UTC.
pub(crate) fn date_of(at: TimestampMs) -> Option<jiff::civil::Date> {
    jiff::Timestamp::from_millisecond(at).ok().map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date())
}

/// The ISO week of a time, UTC (`2026-W48`); empty for one that no calendar has.
pub(crate) fn week_of(at: TimestampMs) -> String {
    let Some(date) = date_of(at) else { return String::new() };
    let week = date.iso_week_date();
    format!("{}-W{:02}", week.year(), week.week())
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: i64 = 1_795_478_400_000; // 2026-11-24T00:00:00Z, a Tuesday

    fn task(id: &str) -> TaskKey {
        ("app".to_owned(), "master".to_owned(), id.to_owned())
    }

    #[test]
    fn time_is_split_where_the_tasks_in_progress_change() {
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
        assert_eq!(segments(&many), None, "two thousand at a time would list two million tasks");
    }

    #[test]
    fn shared_time_is_divided_evenly_and_totals_count_it_once() {
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
