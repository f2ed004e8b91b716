//! Task Master boards: reads the files when they change and every few seconds, never the command line.
//!
//! 1. reads `.taskmaster/tasks/tasks.json`, `state.json` and the complexity reports of each project,
//! 2. lets the engine say what moved, and from time to time what went on while tasks were in progress,
//! 3. sends figures and durations to the batcher, transitions to the time line, the memory of what was seen to the store.
//!
//! A series whose project, tag or status is gone ends with a stale marker in the same look, also where it went while the
//! service was away: what the store still has of an earlier run is compared with the first look.
//!
//! All of a look happens off the arbiter. A file that is missing, empty or half-written keeps the last good state; it
//! counts as failing when it stays so for [`PATIENCE`]. Files are read as [`crate::files`] reads what others have written: a
//! project whose disk does not answer fails alone. What of a board is beyond the [`Bounds`] is left out and told.

mod boards;
mod costs;
mod events;
mod fetch;
mod given;
mod project;
mod stamps;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::{AsyncContext, Message};
use taskpulse_engine::board::cost::Names;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::Batch;
use taskpulse_engine::store::{DocumentChange, Store};

use self::costs::CostBook;
use self::given::Given;
use self::project::{Project, projects};
use self::watch::Watch;
use super::Outbox;
use super::collector::Outputs;
use crate::clock::now_ms;
use crate::files;
use crate::messages::{ChangeDocuments, RecordEvents};
use crate::shared::Shared;
use crate::standstill;
use crate::status::Reporter;
use crate::supervisor::{Ctx, Receive, Schedule, ServiceActor};

/// How long a file may be unreadable before its source counts as failing.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest board that is read.
const MAX_BYTES: u64 = 32 << 20;
/// Projects whose files are read at the same time.
const READERS: usize = 8;
/// From the first sign of a change to the look, so that a rewrite is over.
const SETTLE: Duration = Duration::from_millis(60);
/// Documents of what was seen.
const KIND: &str = "taskmaster";
/// More tasks than this added or removed in one look are one event.
const FEW: usize = 5;

/// How boards are watched.
#[derive(Debug, Clone)]
pub struct BoardOptions {
    /// The folders of the projects.
    pub roots: Vec<PathBuf>,
    /// Time between looks.
    pub every: Duration,
    /// How much of a board is watched.
    pub bounds: Bounds,
    /// The metrics of coding agents.
    pub names: Names,
}

/// How much of a board is watched.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Tags; those beyond are left out.
    pub max_tags: usize,
    /// Tasks and subtasks; a board with more is not taken.
    pub max_tasks: usize,
}

/// The watch saw a file change.
#[derive(Message)]
#[rtype(result = "()")]
struct Changed;

/// What a look gave.
#[derive(Default)]
struct Looked {
    /// Samples of now.
    batch: Batch,
    /// Durations, each with a time of its own.
    durations: Batch,
    events: Vec<Event>,
    documents: Vec<DocumentChange>,
}

/// All that is known of the projects; away while a look is under way.
struct Known {
    shared: Arc<Shared>,
    store: Arc<Store>,
    projects: Vec<Project>,
    bounds: Bounds,
    costs: CostBook,
    given: Given,
}

impl Known {
    /// Blocking.
    fn new(shared: Arc<Shared>, store: Arc<Store>, options: &BoardOptions) -> Self {
        let (projects, costs) = (projects(&options.roots), CostBook::new(options.names.clone()));
        let given = Given::of_the_store(&store, now_ms());
        let mut known = Self { shared, store, projects, bounds: options.bounds, costs, given };
        known.take_up();
        known
    }

    /// What was seen before, as the store has it.
    fn take_up(&mut self) {
        let kept = self.store.documents(KIND).unwrap_or_else(|error| {
            log::error!("taskmaster: what was seen before cannot be read: {error}");
            Vec::new()
        });
        let kept: BTreeMap<String, Vec<u8>> = kept.into_iter().collect();
        for project in &mut self.projects {
            match kept.get(&project.key()).map(|bytes| serde_json::from_slice(bytes)) {
                Some(Ok(before)) => project.watcher = before,
                Some(Err(error)) => {
                    log::error!("taskmaster: {}: what was seen before cannot be read, counts begin anew: {error}", project.name)
                }
                None => {}
            }
        }
    }

    fn look(&mut self, watch: &Arc<Watch>) -> Looked {
        let (mut now, began) = (now_ms(), Instant::now());
        let mut looked = Looked::default();
        let mut moved = false;
        for projects in self.projects.chunks_mut(READERS) {
            let deadline = Instant::now() + files::PATIENCE;
            let begun: Vec<_> = projects.iter().map(|project| project.fetch(watch)).collect();
            for (project, begun) in projects.iter_mut().zip(begun) {
                let mut patience = deadline.saturating_duration_since(Instant::now());
                if standstill::spoiled(began) {
                    // What is read now is not what was there before the machine stood still.
                    (now, patience) = (now_ms(), files::PATIENCE);
                }
                let fetched = begun.wait(patience);
                moved |= project.look(now, fetched, &self.bounds, &self.shared, &mut looked);
            }
        }
        self.given.end_what_is_gone(&mut looked, now);
        self.costs.bring_up(&self.projects, &self.store, &self.shared, now, moved);
        looked
    }
}

/// See the module.
pub struct TaskCollector {
    every: Duration,
    outputs: Outputs,
    outbox: Outbox,
    make: Arc<dyn Fn() -> Known + Send + Sync>,
    known: Option<Known>,
    looking: bool,
    look_again: bool,
    /// Set while a look is due, so that a burst of changes is one look.
    due: Arc<AtomicBool>,
    watch: Option<Arc<Watch>>,
}

impl TaskCollector {
    /// A collector of boards.
    #[must_use]
    pub fn new(reporter: &Reporter, options: BoardOptions, outputs: Outputs) -> Self {
        let (shared, store) = (Arc::clone(&reporter.shared), Arc::clone(&reporter.store));
        let outbox = Outbox::new(outputs.batcher.clone(), Arc::clone(&shared), "taskmaster");
        let every = options.every;
        let make = Arc::new(move || Known::new(Arc::clone(&shared), Arc::clone(&store), &options));
        Self { every, outputs, outbox, make, known: None, looking: false, look_again: false, due: Arc::default(), watch: None }
    }

    /// The watch, made when it is first asked for.
    fn watch(&mut self, ctx: &mut Ctx<Self>) -> Arc<Watch> {
        let (addr, due) = (ctx.address(), Arc::clone(&self.due));
        let changed = move || {
            if !due.swap(true, Ordering::Relaxed) && addr.try_send(Changed).is_err() {
                // Full or stopping: the regular look comes anyway.
                due.store(false, Ordering::Relaxed);
            }
        };
        Arc::clone(self.watch.get_or_insert_with(|| Arc::new(Watch::new(changed))))
    }

    fn look(&mut self, ctx: &mut Ctx<Self>) {
        self.due.store(false, Ordering::Relaxed);
        if self.looking {
            self.look_again = true;
            return;
        }
        self.looking = true;
        let (watch, make) = (self.watch(ctx), Arc::clone(&self.make));
        let known = self.known.take();
        let look = move || {
            let mut known = known.unwrap_or_else(|| make());
            let looked = known.look(&watch);
            (known, looked)
        };
        ctx.run_blocking("collect", look, |this, result, ctx| {
            this.looking = false;
            match result {
                Ok((known, looked)) => {
                    this.known = Some(known);
                    this.pass_on(looked);
                }
                // What was known is lost with it; the store has it.
                Err(error) => log::error!("taskmaster: look failed: {error}"),
            }
            if std::mem::take(&mut this.look_again) {
                this.look(ctx);
            }
        });
    }

    fn pass_on(&mut self, looked: Looked) {
        for batch in [looked.batch, looked.durations] {
            if let Some(repeated) = self.outbox.send(batch) {
                log::warn!("taskmaster: {repeated}");
            }
        }
        if !looked.events.is_empty() && self.outputs.events.try_send(RecordEvents(looked.events)).is_err() {
            log::error!("taskmaster: the store is too busy for the time line");
        }
        let changes = looked.documents;
        if !changes.is_empty() && self.outputs.documents.try_send(ChangeDocuments { kind: KIND, changes }).is_err() {
            log::error!("taskmaster: the store is too busy for what was seen");
        }
    }
}

impl ServiceActor for TaskCollector {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.look(ctx);
        ctx.every(self.every, "due", |this, ctx| this.look(ctx));
    }

    /// Samples that wait for room in the batcher are not lost with a panic. Boards are read anew, against what the store kept.
    fn inherit(&mut self, previous: Self) {
        self.outbox = previous.outbox;
    }
}

impl Receive<Changed> for TaskCollector {
    type Reply = ();

    fn receive(&mut self, _: Changed, ctx: &mut Ctx<Self>) {
        ctx.after(SETTLE, "changed", |this, ctx| this.look(ctx));
    }
}
