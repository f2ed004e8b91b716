//! What happened while tasks were in progress: tokens, money, time and CI runs, computed from the store.
//!
//! Segments that are over are measured once, after late samples have had time to arrive; the others each time. A restart loses
//! nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use taskpulse_engine::board::cost::{AgentMetrics, CiRun, Costs, Downtimes, Segment, Spent, TaskKey, measure, segments};
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::store::Store;
use tokio::sync::watch;

use super::project::Project;
use crate::published::RunsByRepository;
use crate::view::seconds;

/// Time between two computations while no task moves.
const EVERY: Duration = Duration::from_secs(60);
/// Samples of a segment may arrive so long after its end: the store's default `out_of_order`, and a little more.
const LATE_MS: i64 = 3_900_000;
/// Most measured segments that are kept.
const MAX_MEASURED: usize = 20_000;

/// The runs of all repositories that began, by rising time; none where CI is not watched.
fn runs_of(runs: &watch::Receiver<RunsByRepository>) -> Option<Vec<CiRun>> {
    let runs = runs.borrow().clone();
    let mut all: Vec<CiRun> = runs.values().flat_map(|runs| runs.iter().copied()).collect();
    all.sort_by_key(|(at, _)| *at);
    (!runs.is_empty()).then_some(all)
}

pub(super) struct CostBook {
    names: AgentMetrics,
    costs: Costs,
    measured: BTreeMap<Segment, Spent>,
    last: Option<Instant>,
    downtimes: Downtimes,
    /// There are more segments than can be measured; logged once.
    too_many: bool,
}

impl CostBook {
    pub(super) fn new(names: AgentMetrics) -> Self {
        Self { names, costs: Costs::default(), measured: BTreeMap::new(), last: None, downtimes: Downtimes::default(), too_many: false }
    }

    /// The newest costs.
    pub(super) fn costs(&self) -> &Costs {
        &self.costs
    }

    /// Computes the costs again if a task moved or the last time is long ago. Whether they changed.
    pub(super) fn update(
        &mut self,
        projects: &[Project],
        store: &Store,
        runs: &watch::Receiver<RunsByRepository>,
        now: TimestampMs,
        moved: bool,
    ) -> bool {
        if !moved && self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return false;
        }
        self.last = Some(Instant::now());
        let mut work: Vec<(TaskKey, TimestampMs, TimestampMs)> = Vec::new();
        for project in projects {
            for (tag, id, stretches) in project.watcher.work() {
                let key = (project.name.clone(), tag.to_owned(), id.to_owned());
                work.extend(stretches.iter().map(|(from, to)| (key.clone(), *from, to.unwrap_or(now))));
            }
        }
        let first = work.iter().map(|(_, from, _)| *from).min().unwrap_or(now);
        if let Err(error) = self.downtimes.update(store, first, now) {
            log::warn!("taskmaster: when the service was not running cannot be read: {error}");
        }
        let runs = runs_of(runs);
        let mut costs = Costs::default();
        let mut kept = BTreeMap::new();
        let Some(segments) = segments(&work) else {
            if !std::mem::replace(&mut self.too_many, true) {
                log::warn!("taskmaster: too many tasks are in progress at the same time; their costs are not computed");
            }
            return self.set(Costs::default());
        };
        self.too_many = false;
        for segment in segments {
            let measured = match self.measured.remove(&segment) {
                Some(spent) => spent,
                None => match measure(store, segment.from, segment.to, &self.names, None) {
                    Ok(spent) => spent,
                    Err(error) => {
                        log::warn!("taskmaster: what tasks cost cannot be read: {error}");
                        return false;
                    }
                },
            };
            // Old runs may become known late.
            let mut spent = measured.clone();
            spent.unwatched_seconds = self.downtimes.within(segment.from, segment.to);
            if let Some(runs) = &runs {
                spent.add_runs(segment.from, segment.to, runs);
            }
            costs.add(&segment, &spent);
            if segment.to < now - LATE_MS && kept.len() < MAX_MEASURED {
                kept.insert(segment, measured);
            }
        }
        self.measured = kept;
        for (project, tag, id) in projects.iter().flat_map(|project| project.watcher.work().map(move |(tag, id, _)| (project, tag, id))) {
            let Some((since, start_seen)) = project.watcher.work_since(tag, id) else { continue };
            // Also where nothing was measured yet: the start of the count is known at once.
            let cost = costs.tasks.entry((project.name.clone(), tag.to_owned(), id.to_owned())).or_default();
            (cost.since, cost.start_seen) = (Some(seconds(since)), Some(start_seen));
        }
        self.set(costs)
    }

    fn set(&mut self, costs: Costs) -> bool {
        let changed = self.costs != costs;
        self.costs = costs;
        changed
    }
}
