//! Task Master boards: reads the files when they change and every few seconds; never runs the command line.
//!
//! 1. reads `.taskmaster/tasks/tasks.json`, `state.json` and the complexity reports of each project,
//! 2. lets the engine find transitions and, now and then, measure what happened while tasks were in progress,
//! 3. gives metrics, durations, events, and the documents that it reads back after a restart.
//!
//! A series whose project, tag or status is gone ends with a stale marker in the same collection, also if it went while the
//! service was not running: the first collection is compared with the store.
//!
//! All of it runs on the blocking pool. A file that is missing, empty or half-written keeps the last good state; its source
//! is failing after [`PATIENCE`]. Files are read by [`crate::files`], so a project whose disk does not answer fails
//! alone. What exceeds the [`Bounds`] is left out and named.

mod boards;
mod costs;
mod events;
mod fetch;
mod measure;
mod project;
mod stale;
mod stamps;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use taskpulse_engine::agent::TaskRef;
use taskpulse_engine::agent::costs::Work;
use taskpulse_engine::board::Usuals;
use taskpulse_engine::board::cost::AgentMetrics;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, TimestampMs};
use taskpulse_engine::store::{DocumentChange, StoreReader};
use tokio::sync::watch::{Receiver, Sender};
use tokio::time::sleep;

use self::boards::boards;
use self::costs::CostBook;
use self::project::{Project, projects};
use self::stale::BoardSeries;
use self::watch::Watch;
use super::collector::{Carried, CollectFuture, Collection, Collector, Outcome};
use super::poller::Waker;
use crate::clock::Clock;
use crate::files;
use crate::published::{BoardsByProject, RunsByRepository};
use crate::sources::SourceRegistry;
use crate::standstill;

/// Name of the collector, of its actor, and of the source where there is one project.
pub const SOURCE: &str = "taskmaster";
/// How long a file may be unreadable before its source is failing.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest board that is read, in bytes.
const MAX_BYTES: u64 = 32 << 20;
/// Projects whose files are read at the same time.
const READERS: usize = 8;
/// Wait after the first sign of a change, until the rewrite is over.
const SETTLE: Duration = Duration::from_millis(60);
/// Longest time of a collection, beside that of reading the files: computing and the store.
const WORK: Duration = Duration::from_secs(300);
/// Documents of what was seen on boards.
const KIND: &str = "taskmaster";
/// More tasks than this added or removed in one collection are one event.
const FEW: usize = 5;

/// How boards are watched.
#[derive(Debug, Clone)]
pub struct BoardOptions {
    /// The folders of the projects.
    pub roots: Vec<PathBuf>,
    /// Time between collections.
    pub every: Duration,
    /// How much of a board is watched.
    pub bounds: Bounds,
    /// The metrics of coding agents.
    pub names: AgentMetrics,
}

/// What boards are published to, and what their costs are made of.
#[derive(Debug, Clone)]
pub struct BoardChannels {
    /// The views of boards.
    pub boards: Sender<BoardsByProject>,
    /// When tasks were in progress.
    pub work: Sender<Arc<Vec<Work>>>,
    /// The state of sources.
    pub sources: SourceRegistry,
    /// CI runs.
    pub runs: Receiver<RunsByRepository>,
}

/// How much of a board is watched.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Most tags; those beyond are left out.
    pub max_tags: usize,
    /// Most tasks and subtasks; a board with more is refused.
    pub max_tasks: usize,
}

/// What one collection found on all boards.
#[derive(Default)]
struct Found {
    /// Samples of now.
    batch: Batch,
    /// Durations, each with a time of its own.
    durations: Batch,
    events: Vec<Event>,
    documents: Vec<DocumentChange>,
}

/// State of all projects between collections.
struct Boards {
    clock: Clock,
    channels: BoardChannels,
    store: StoreReader,
    projects: Vec<Project>,
    bounds: Bounds,
    costs: CostBook,
    series: BoardSeries,
}

impl Boards {
    /// Blocking: reads the store.
    fn new(clock: Clock, channels: BoardChannels, store: StoreReader, options: &BoardOptions) -> Self {
        let (projects, costs) = (projects(&options.roots), CostBook::new(options.names.clone()));
        let series = BoardSeries::restore(&store, clock.now_ms());
        let mut boards = Self { clock, channels, store, projects, bounds: options.bounds, costs, series };
        boards.restore_watchers();
        boards
    }

    /// Restores from the store what was seen before a restart.
    fn restore_watchers(&mut self) {
        let kept = self.store.documents(KIND).unwrap_or_else(|error| {
            log::error!("taskmaster: what was seen before cannot be read: {error}");
            Vec::new()
        });
        let kept: BTreeMap<String, Vec<u8>> = kept.into_iter().collect();
        for project in &mut self.projects {
            match kept.get(&project.key()).map(|bytes| serde_json::from_slice(bytes)) {
                Some(Ok(before)) => project.watcher = before,
                Some(Err(error)) => {
                    log::error!("taskmaster: {}: what was seen before cannot be read, counters start over: {error}", project.name)
                }
                None => {}
            }
        }
    }

    fn collect(&mut self, watch: &Arc<Watch>) -> Found {
        let (mut now, begun) = (self.clock.now_ms(), Instant::now());
        let mut found = Found::default();
        let mut moved = false;
        for projects in self.projects.chunks_mut(READERS) {
            let deadline = Instant::now() + files::PATIENCE;
            let reads: Vec<_> = projects.iter().map(|project| project.fetch(watch)).collect();
            for (project, read) in projects.iter_mut().zip(reads) {
                let mut patience = deadline.saturating_duration_since(Instant::now());
                if standstill::spoiled(begun) {
                    // What is read now is not what was there before the machine stood still.
                    (now, patience) = (self.clock.now_ms(), files::PATIENCE);
                }
                moved |= project.update(now, read.wait(patience), &self.bounds, &self.channels.sources, &mut found);
            }
        }
        self.series.end_missing(&mut found, now);
        let costs_changed = self.costs.update(&self.projects, &self.store, &self.channels.runs, now, moved);
        self.publish(now, costs_changed);
        self.publish_work(now);
        found
    }
}

impl Boards {
    /// Publishes the boards whose view has changed, or all of them where the costs have.
    fn publish(&mut self, now: TimestampMs, costs_changed: bool) {
        for project in &mut self.projects {
            if project.take_changed() || costs_changed {
                let boards = boards(project, self.costs.costs(), now).into_iter().map(Arc::new).collect();
                self.channels.boards.send_modify(|all| drop(all.insert(project.name.clone(), boards)));
            }
        }
    }
}

impl Boards {
    /// Publishes when tasks were in progress, if that changed. What still is has no end.
    fn publish_work(&self, now: TimestampMs) {
        let mut work = Vec::new();
        for project in &self.projects {
            let folder = project.root.to_string_lossy();
            let complexity = |tag: &str, id: &str| project.complexity.get(tag).and_then(|scores| scores.get(id)).copied();
            let took = |(tag, id, _): (&str, &str, _)| {
                let seconds = project.watcher.last_execution_seconds(tag, id)?;
                Some((complexity(tag, id), (seconds * 1e3) as i64))
            };
            let usuals = Usuals(project.watcher.work().filter_map(took).collect());
            for (tag, id, stretches) in project.watcher.work() {
                let usual = usuals.of(complexity(tag, id));
                let task = TaskRef { project: project.name.clone(), tag: tag.to_owned(), id: id.to_owned() };
                let late = project.watcher.work_since(tag, id).filter(|(_, start_seen)| !start_seen).map(|(since, _)| since);
                let of = |(from, to): &(TimestampMs, Option<TimestampMs>)| Work {
                    folder: folder.clone().into_owned(),
                    task: task.clone(),
                    from: *from,
                    to: to.unwrap_or(TimestampMs::MAX),
                    usual: usual.filter(|_| to.is_none()),
                    start_seen: late != Some(*from),
                };
                work.extend(stretches.iter().filter(|(from, _)| *from <= now).map(of));
            }
        }
        self.channels.work.send_if_modified(|known| {
            let is_new = **known != work;
            if is_new {
                *known = Arc::new(work);
            }
            is_new
        });
    }
}

/// See the module. One for all projects: their names and what their tasks cost depend on each other.
pub struct TaskCollector {
    options: Arc<BoardOptions>,
    clock: Clock,
    channels: BoardChannels,
    store: StoreReader,
    boards: Carried<Boards>,
    /// A file changed and no collection has begun since.
    changed: Arc<AtomicBool>,
    watch: Arc<Watch>,
}

impl TaskCollector {
    /// A collector of boards; changes of their files wake `waker`.
    #[must_use]
    pub fn new(options: Arc<BoardOptions>, clock: Clock, channels: BoardChannels, store: StoreReader, waker: Waker) -> Self {
        let changed = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&changed);
        let watch = Watch::new(move || {
            // A burst of changes wakes once.
            if !noted.swap(true, Ordering::Relaxed) {
                waker.wake();
            }
        });
        Self { options, clock, channels, store, boards: Carried::default(), changed, watch: Arc::new(watch) }
    }
}

impl Collector for TaskCollector {
    fn name(&self) -> String {
        SOURCE.to_owned()
    }

    /// Each project is a source of its own.
    fn is_source(&self) -> bool {
        false
    }

    fn every(&self) -> Duration {
        self.options.every
    }

    fn timeout(&self) -> Duration {
        let rounds = u32::try_from(self.options.roots.len().div_ceil(READERS)).unwrap_or(u32::MAX);
        files::PATIENCE.saturating_mul(rounds).saturating_add(WORK)
    }

    fn collect(&mut self, _: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            if self.changed.load(Ordering::Relaxed) {
                sleep(SETTLE).await;
                self.changed.store(false, Ordering::Relaxed);
            }
            let (clock, channels, store) = (self.clock.clone(), self.channels.clone(), self.store.clone());
            let (options, watch) = (Arc::clone(&self.options), Arc::clone(&self.watch));
            let make = move || Boards::new(clock, channels, store, &options);
            match self.boards.run_or_else(make, move |boards| boards.collect(&watch)).await {
                Ok(Found { mut batch, durations, events, documents }) => {
                    batch.extend(durations);
                    let documents = if documents.is_empty() { Vec::new() } else { vec![(KIND, documents)] };
                    Outcome::Complete(Collection { batch, events, documents, ..Collection::default() })
                }
                // What was known is lost with it and is restored from the store.
                Err(error) => Outcome::failed(error),
            }
        })
    }
}
