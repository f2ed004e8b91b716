//! Task Master boards: reads the files when they change and every few seconds, never the command line.
//!
//! 1. reads `.taskmaster/tasks/tasks.json`, `state.json` and the complexity reports of each project,
//! 2. lets the engine say what moved, and from time to time what went on while tasks were in progress,
//! 3. sends figures and durations to the batcher, transitions to the time line, the memory of what was seen to the store.
//!
//! All of a look happens off the arbiter. A file that is missing, empty or half-written keeps the last good state; it
//! counts as failing when it stays so for [`PATIENCE`].

mod board_json;
mod costs;
mod project;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, Supervised, WrapFuture};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use taskpulse_engine::board::cost::Names;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::Batch;
use taskpulse_engine::store::{DocumentChange, Store};
use tokio::task::spawn_blocking;

use self::costs::CostBook;
use self::project::{Project, projects};
use super::Outbox;
use super::source::Doors;
use crate::clock::now_ms;
use crate::messages::{ChangeDocuments, RecordEvents};
use crate::shared::Shared;
use crate::status::Reporter;
use crate::supervisor::Vitals;

/// How long a file may be unreadable before its source counts as failing.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest file that is read.
const MAX_BYTES: u64 = 64 << 20;
/// From the first sign of a change to the look, so that a rewrite is over.
const SETTLE: Duration = Duration::from_millis(60);
/// Documents of what was seen.
const KIND: &str = "taskmaster";
/// More tasks than this added or removed in one look are one event.
const FEW: usize = 5;

/// The watch saw a file change.
#[derive(Message)]
#[rtype(result = "()")]
struct Changed;

/// What a look gave.
#[derive(Default)]
struct Looked {
    batch: Batch,
    events: Vec<Event>,
    documents: Vec<DocumentChange>,
}

/// All that is known of the projects; away while a look is under way.
struct Known {
    shared: Arc<Shared>,
    store: Arc<Store>,
    projects: Vec<Project>,
    costs: CostBook,
}

impl Known {
    fn new(shared: Arc<Shared>, store: Arc<Store>, roots: &[PathBuf], names: Names) -> Self {
        Self { shared, store, projects: projects(roots), costs: CostBook::new(names) }
    }

    /// What was seen before, as the store has it.
    fn take_up(&mut self) {
        let kept = self.store.documents(KIND).unwrap_or_else(|error| {
            log::error!("taskmaster: what was seen before cannot be read: {error}");
            Vec::new()
        });
        let kept: BTreeMap<String, Vec<u8>> = kept.into_iter().collect();
        for project in &mut self.projects {
            if let Some(before) = kept.get(&project.key()).and_then(|bytes| serde_json::from_slice(bytes).ok()) {
                project.watcher = before;
            }
        }
    }

    fn look(&mut self) -> Looked {
        let now = now_ms();
        let mut looked = Looked::default();
        let mut moved = false;
        for project in &mut self.projects {
            moved |= project.look(now, &self.shared, &mut looked);
        }
        self.costs.bring_up(&self.projects, &self.store, &self.shared, now, moved);
        looked
    }
}

/// See the module.
pub struct TaskCollector {
    vitals: Arc<Vitals>,
    every: Duration,
    doors: Doors,
    outbox: Outbox,
    roots: Vec<PathBuf>,
    make: Box<dyn Fn() -> Known + Send>,
    known: Option<Known>,
    looking: bool,
    look_again: bool,
    /// Set while a look is due, so that a burst of changes is one look.
    due: Arc<AtomicBool>,
    watch: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl TaskCollector {
    /// A collector of the boards below these roots; `names` are the metrics of coding agents.
    #[must_use]
    pub fn new(vitals: Arc<Vitals>, reporter: &Reporter, roots: Vec<PathBuf>, every: Duration, names: Names, doors: Doors) -> Self {
        let (shared, store) = (Arc::clone(&reporter.shared), Arc::clone(&reporter.store));
        let outbox = Outbox::new(doors.batcher.clone(), Arc::clone(&shared), "taskmaster");
        let make = {
            let roots = roots.clone();
            Box::new(move || Known::new(Arc::clone(&shared), Arc::clone(&store), &roots, names.clone()))
        };
        Self {
            vitals,
            every,
            doors,
            outbox,
            roots,
            make,
            known: None,
            looking: false,
            look_again: false,
            due: Arc::default(),
            watch: None,
            watched: BTreeSet::new(),
        }
    }

    /// Watches the folders of the files; those that do not exist yet are tried again with each look.
    fn watch(&mut self, ctx: &mut Context<Self>) {
        if self.watch.is_none() {
            let (addr, due) = (ctx.address(), Arc::clone(&self.due));
            let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let ours = |path: &PathBuf| path.file_name().is_some_and(|name| name == "tasks.json" || name == "state.json");
                let about_us = event.is_ok_and(|e| !e.kind.is_access() && (e.paths.iter().any(ours) || e.need_rescan()));
                if about_us && !due.swap(true, Ordering::Relaxed) && addr.try_send(Changed).is_err() {
                    // Full or stopping: the regular look comes anyway.
                    due.store(false, Ordering::Relaxed);
                }
            });
            match watcher {
                Ok(watcher) => self.watch = Some(watcher),
                Err(error) => {
                    log::warn!("taskmaster: files cannot be watched, they are looked at every {} s: {error}", self.every.as_secs());
                    return;
                }
            }
        }
        let Some(watch) = &mut self.watch else { return };
        for root in &self.roots {
            for folder in [root.join(".taskmaster"), root.join(".taskmaster/tasks")] {
                let there = folder.is_dir();
                if there && !self.watched.contains(&folder) && watch.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                    self.watched.insert(folder);
                } else if !there && self.watched.remove(&folder) {
                    let _ = watch.unwatch(&folder);
                }
            }
        }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        self.due.store(false, Ordering::Relaxed);
        if self.looking {
            self.look_again = true;
            return;
        }
        self.looking = true;
        self.watch(ctx);
        let work = self.vitals.working("look");
        let known = self.known.take();
        let fresh = known.is_none().then(|| (self.make)());
        let looking = spawn_blocking(move || {
            let mut known = match (known, fresh) {
                (Some(known), _) => known,
                (None, Some(mut fresh)) => {
                    fresh.take_up();
                    fresh
                }
                (None, None) => return None,
            };
            let looked = known.look();
            Some((known, looked))
        });
        let done = looking.into_actor(self).map(move |result, this, ctx| {
            drop(work);
            this.looking = false;
            match result {
                Ok(Some((known, looked))) => {
                    this.known = Some(known);
                    this.pass_on(looked);
                }
                Ok(None) => {}
                // What was known is lost with it; the store has it.
                Err(error) => log::error!("taskmaster: look failed: {error}"),
            }
            if std::mem::take(&mut this.look_again) {
                this.look(ctx);
            }
        });
        ctx.spawn(done);
    }

    fn pass_on(&mut self, looked: Looked) {
        self.outbox.send(looked.batch);
        if !looked.events.is_empty() && self.doors.events.try_send(RecordEvents(looked.events)).is_err() {
            log::error!("taskmaster: the store is too busy for the time line");
        }
        let changes = looked.documents;
        if !changes.is_empty() && self.doors.documents.try_send(ChangeDocuments { kind: KIND, changes }).is_err() {
            log::error!("taskmaster: the store is too busy for what was seen");
        }
    }
}

impl Actor for TaskCollector {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
        ctx.run_interval(self.every, |this, ctx| this.look(ctx));
    }
}

impl Supervised for TaskCollector {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.looking = false;
        self.look_again = false;
        self.watch = None;
        self.watched.clear();
        // Read anew, against what was seen as the store knows it.
        self.known = None;
    }
}

impl Handler<Changed> for TaskCollector {
    type Result = ();

    fn handle(&mut self, _: Changed, ctx: &mut Self::Context) {
        ctx.run_later(SETTLE, |this, ctx| this.look(ctx));
    }
}
