//! What went on while tasks were in progress, brought up to date now and then.
//!
//! Segments that are over are measured once, when late samples have had time to come; the rest each time. Everything is
//! worked out from the store, so a restart loses nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskpulse_engine::board::cost::{CiRun, Costs, Downtimes, Names, Segment, Spent, TaskKey, measure, segments};
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::store::Store;
use tokio::sync::watch;

use super::project::Project;
use crate::published::RunsByRepository;
use crate::shared::Shared;
use crate::view::seconds;

/// Time between two reckonings while nothing moves.
const EVERY: Duration = Duration::from_secs(60);
/// Samples of a segment may come so long after its end: as long as the store takes them by default, and a little.
const LATE_MS: i64 = 3_900_000;
/// Segments that are remembered as measured.
const MAX_MEASURED: usize = 20_000;

/// The runs of all repositories that began, by rising time; none where CI is not watched.
fn runs_of(runs: &watch::Sender<RunsByRepository>) -> Option<Vec<CiRun>> {
    let runs = runs.borrow().clone();
    let mut all: Vec<CiRun> = runs.values().flat_map(|runs| runs.iter().copied()).collect();
    all.sort_by_key(|(at, _)| *at);
    (!runs.is_empty()).then_some(all)
}

pub(super) struct CostBook {
    names: Names,
    measured: BTreeMap<Segment, Spent>,
    last: Option<Instant>,
    downtimes: Downtimes,
    /// More is in progress than can be told apart; logged once.
    too_many: bool,
}

impl CostBook {
    pub(super) fn new(names: Names) -> Self {
        Self { names, measured: BTreeMap::new(), last: None, downtimes: Downtimes::default(), too_many: false }
    }

    /// Reckons anew where something moved, or it was long ago.
    pub(super) fn bring_up(&mut self, projects: &[Project], store: &Store, shared: &Shared, now: TimestampMs, moved: bool) {
        if !moved && self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return;
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
        if let Err(error) = self.downtimes.bring_up(store, first, now) {
            log::warn!("taskmaster: when the service was not running cannot be read: {error}");
        }
        let runs = runs_of(&shared.runs);
        let mut costs = Costs::default();
        let mut kept = BTreeMap::new();
        let Some(segments) = segments(&work) else {
            if !std::mem::replace(&mut self.too_many, true) {
                log::warn!("taskmaster: so many tasks are in progress at the same time that what each costs is not worked out");
            }
            *shared.costs.write() = Arc::default();
            return;
        };
        self.too_many = false;
        for segment in segments {
            let measured = match self.measured.remove(&segment) {
                Some(spent) => spent,
                None => match measure(store, segment.from, segment.to, &self.names, None) {
                    Ok(spent) => spent,
                    Err(error) => {
                        log::warn!("taskmaster: what tasks cost cannot be read: {error}");
                        return;
                    }
                },
            };
            // Runs of long ago may become known now.
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
            // Also where nothing was measured yet: since when it is counted is known at once.
            let cost = costs.tasks.entry((project.name.clone(), tag.to_owned(), id.to_owned())).or_default();
            (cost.since, cost.start_seen) = (Some(seconds(since)), Some(start_seen));
        }
        *shared.costs.write() = Arc::new(costs);
    }
}
