//! Task Master boards: reads the files when they change and every few seconds, never the command line.
//!
//! 1. reads `.taskmaster/tasks/tasks.json` and `state.json` of each project off the arbiter,
//! 2. lets the engine say what moved,
//! 3. sends figures and durations to the batcher, transitions to the time line, the memory of what was seen to the store.
//!
//! A file that is missing, empty or half-written keeps the last good state; it counts as failing when it stays so for
//! [`PATIENCE`].

mod board_json;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, Supervised, WrapFuture};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use taskpulse_engine::board::{Board, Figures, Observed, STATUSES, Transition, Watcher, parse_state};
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, Labels, TimestampMs};
use taskpulse_engine::store::Store;
use tokio::task::spawn_blocking;

use self::board_json::board_json;
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

/// A file as it was last read: by these it is known to be unchanged.
type Stamp = (SystemTime, u64);

/// One project and what is known of it.
struct Project {
    name: String,
    source: String,
    root: PathBuf,
    stamp: Option<(Stamp, Option<Stamp>)>,
    board: Option<Board>,
    /// What the board adds up to, by tag; worked out when it is read.
    figures: BTreeMap<String, Figures>,
    read_at: TimestampMs,
    watcher: Watcher,
    failing_since: Option<(Instant, String)>,
    /// Label values once given, so that a status that empties goes to 0 and does not linger.
    seen: BTreeMap<(&'static str, String), BTreeSet<String>>,
}

/// What reading a project gave.
enum Look {
    Unchanged,
    Absent(&'static str),
    Read { board: Board, stamp: (Stamp, Option<Stamp>) },
    Failed(String),
}

/// See the module.
pub struct TaskCollector {
    vitals: Arc<Vitals>,
    shared: Arc<Shared>,
    store: Arc<Store>,
    every: Duration,
    doors: Doors,
    outbox: Outbox,
    projects: Vec<Project>,
    looking: bool,
    look_again: bool,
    /// Set while a look is due, so that a burst of changes is one look.
    due: Arc<AtomicBool>,
    watch: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl TaskCollector {
    /// A collector of the boards below these roots.
    #[must_use]
    pub fn new(vitals: Arc<Vitals>, reporter: &Reporter, roots: Vec<PathBuf>, every: Duration, doors: Doors) -> Self {
        let shared = Arc::clone(&reporter.shared);
        let outbox = Outbox::new(doors.batcher.clone(), Arc::clone(&shared), "taskmaster");
        Self {
            vitals,
            store: Arc::clone(&reporter.store),
            every,
            doors,
            outbox,
            projects: projects(roots),
            looking: false,
            look_again: false,
            due: Arc::default(),
            watch: None,
            watched: BTreeSet::new(),
            shared,
        }
    }

    fn take_up(&mut self) {
        let kept = self.store.documents(KIND).unwrap_or_else(|error| {
            log::error!("taskmaster: what was seen before cannot be read: {error}");
            Vec::new()
        });
        let kept: BTreeMap<String, Vec<u8>> = kept.into_iter().collect();
        for project in &mut self.projects {
            let before = kept.get(&key(project)).and_then(|bytes| serde_json::from_slice(bytes).ok());
            project.watcher = before.unwrap_or_default();
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
        for project in &self.projects {
            for folder in [project.root.join(".taskmaster"), project.root.join(".taskmaster/tasks")] {
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
        let asked: Vec<_> = self.projects.iter().map(|p| (p.root.clone(), p.stamp)).collect();
        let looking = spawn_blocking(move || asked.iter().map(|(root, stamp)| read(root, *stamp)).collect::<Vec<_>>());
        let done = looking.into_actor(self).map(move |looks, this, ctx| {
            drop(work);
            this.looking = false;
            match looks {
                Ok(looks) => this.take_in(looks),
                Err(error) => log::error!("taskmaster: look failed: {error}"),
            }
            if std::mem::take(&mut this.look_again) {
                this.look(ctx);
            }
        });
        ctx.spawn(done);
    }

    fn take_in(&mut self, looks: Vec<Look>) {
        let now = now_ms();
        let mut batch = Batch::default();
        let mut events = Vec::new();
        let mut documents = Vec::new();
        for (project, look) in self.projects.iter_mut().zip(looks) {
            let mut observed = Observed::default();
            match look {
                Look::Unchanged => project.failing_since = None,
                Look::Absent(hint) => {
                    project.board = None;
                    project.stamp = None;
                    self.shared.boards.write().remove(&project.name);
                    self.shared.sources.absent(&project.source, format!("no board in {}", project.root.display()), hint);
                    continue;
                }
                Look::Read { board, stamp } => {
                    observed = project.watcher.observe(&board, now);
                    for status in &observed.unknown_statuses {
                        log::warn!(
                            "taskmaster: {}: status `{status}` is not one of Task Master's; it is counted under its own name",
                            project.name
                        );
                    }
                    project.figures = board.tags.iter().map(|(name, tag)| (name.clone(), Figures::of(tag))).collect();
                    project.board = Some(board);
                    project.stamp = Some(stamp);
                    project.read_at = now;
                    project.failing_since = None;
                    if let Ok(bytes) = serde_json::to_vec(&project.watcher) {
                        documents.push((key(project), Some(bytes)));
                    }
                }
                Look::Failed(why) => {
                    let (since, told) = project.failing_since.get_or_insert_with(|| (Instant::now(), why.clone()));
                    told.clone_from(&why);
                    if since.elapsed() >= PATIENCE || project.board.is_none() {
                        self.shared.sources.failing(&project.source, why);
                    }
                }
            }
            events.extend(events_of(&project.name, &observed.transitions));
            let fresh = project.failing_since.as_ref().is_none_or(|(since, _)| since.elapsed() < PATIENCE);
            if fresh && project.board.is_some() {
                let before = batch.len();
                project.measure(now, &observed, &mut batch);
                self.shared.sources.up(&project.source, batch.len() - before, now);
            }
            let boards = board_json(project);
            self.shared.boards.write().insert(project.name.clone(), boards);
        }
        self.outbox.send(batch);
        if !events.is_empty() && self.doors.events.try_send(RecordEvents(events)).is_err() {
            log::error!("taskmaster: the store is too busy for the time line");
        }
        if !documents.is_empty() && self.doors.documents.try_send(ChangeDocuments { kind: KIND, changes: documents }).is_err() {
            log::error!("taskmaster: the store is too busy for what was seen");
        }
    }
}

fn key(project: &Project) -> String {
    project.root.display().to_string()
}

/// Names by folder; folders of the same name go by their whole path.
fn projects(roots: Vec<PathBuf>) -> Vec<Project> {
    let roots: Vec<PathBuf> = roots.into_iter().map(|root| root.canonicalize().unwrap_or(root)).collect();
    let short = |root: &Path| root.file_name().map_or_else(|| root.display().to_string(), |name| name.to_string_lossy().into_owned());
    let one = roots.len() == 1;
    roots
        .iter()
        .map(|root| {
            let unique = roots.iter().filter(|other| short(other) == short(root)).count() == 1;
            let name = if unique { short(root) } else { root.display().to_string() };
            Project {
                source: if one { "taskmaster".to_owned() } else { format!("taskmaster {name}") },
                name,
                root: root.clone(),
                stamp: None,
                board: None,
                figures: BTreeMap::new(),
                read_at: 0,
                watcher: Watcher::default(),
                failing_since: None,
                seen: BTreeMap::new(),
            }
        })
        .collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// One look at a project's files. Blocking.
fn read(root: &Path, known: Option<(Stamp, Option<Stamp>)>) -> Look {
    let folder = root.join(".taskmaster");
    if !folder.is_dir() {
        return Look::Absent("run `task-master init` in the project, or name its folder in taskmaster.projects");
    }
    let (tasks, state) = (folder.join("tasks/tasks.json"), folder.join("state.json"));
    let Some(tasks_stamp) = stamp(&tasks) else {
        if known.is_none() {
            return Look::Absent("the board has no tasks yet: run `task-master parse-prd` or `task-master add-task`");
        }
        return Look::Failed(format!("{} is gone", tasks.display()));
    };
    let now = (tasks_stamp, stamp(&state));
    if known == Some(now) {
        return Look::Unchanged;
    }
    if tasks_stamp.1 > MAX_BYTES {
        return Look::Failed(format!("{} has {} bytes; at most {MAX_BYTES} are read", tasks.display(), tasks_stamp.1));
    }
    let bytes = match std::fs::read(&tasks) {
        Ok(bytes) => bytes,
        Err(error) => return Look::Failed(format!("{}: {error}", tasks.display())),
    };
    let current = std::fs::read(&state).ok().and_then(|bytes| parse_state(&bytes));
    match Board::parse(&bytes, current.as_deref()) {
        Ok(board) => Look::Read { board, stamp: now },
        Err(error) => Look::Failed(format!("{}: {error}", tasks.display())),
    }
}

impl Project {
    /// The figures of all tags as samples, and the durations of what was just finished.
    fn measure(&mut self, now: TimestampMs, observed: &Observed, batch: &mut Batch) {
        for (tag, figures) in &self.figures {
            let of = [("project", self.name.as_str()), ("tag", tag.as_str())];
            let mut push = |name: &str, v: f64| batch.push(Labels::metric(name, &of), now, v);
            push("taskmaster_queue_depth", figures.queue_depth as f64);
            push("taskmaster_ready_tasks", figures.ready_tasks as f64);
            let counters = self.watcher.counters(tag);
            push("taskmaster_tasks_completed_total", counters.completed as f64);
            push("taskmaster_tasks_reopened_total", counters.reopened as f64);
            let sometimes = [
                ("taskmaster_completion_ratio", figures.completion_ratio),
                ("taskmaster_failure_ratio", self.watcher.failure_ratio(tag, now)),
                ("taskmaster_critical_path_tasks", figures.critical_path_tasks.map(|n| n as f64)),
            ];
            sometimes.into_iter().for_each(|(name, v)| v.into_iter().for_each(|v| push(name, v)));
            for (name, counts) in [("taskmaster_tasks", &figures.tasks), ("taskmaster_subtasks", &figures.subtasks)] {
                let seen = self.seen.entry((name, tag.clone())).or_default();
                seen.extend(counts.keys().cloned());
                if !seen.is_empty() || name == "taskmaster_tasks" {
                    seen.extend(STATUSES.map(str::to_owned));
                }
                for status in seen.iter() {
                    let labels = [("project", self.name.as_str()), ("tag", tag.as_str()), ("status", status.as_str())];
                    batch.push(Labels::metric(name, &labels), now, counts.get(status).copied().unwrap_or(0) as f64);
                }
            }
        }
        for execution in &observed.executions {
            let labels = [("project", self.name.as_str()), ("tag", execution.tag.as_str()), ("priority", execution.priority.as_str())];
            batch.push(Labels::metric("taskmaster_task_execution_seconds", &labels), execution.at_ms, execution.seconds);
        }
    }
}

fn events_of(project: &str, transitions: &[Transition]) -> Vec<Event> {
    let mut events = Vec::new();
    for (added, verb) in [(true, "added"), (false, "removed")] {
        let all: Vec<&Transition> =
            transitions.iter().filter(|t| t.subtask.is_none() && (if added { t.from.is_none() } else { t.to.is_none() })).collect();
        let mut by_tag: BTreeMap<&str, Vec<&Transition>> = BTreeMap::new();
        all.into_iter().for_each(|t| by_tag.entry(&t.tag).or_default().push(t));
        for (tag, moved) in by_tag {
            let kind = format!("task_{verb}");
            if moved.len() > FEW {
                let at = moved.iter().map(|t| t.at_ms).max().unwrap_or(0);
                let data =
                    serde_json::json!({"project": project, "tag": tag, "tasks": moved.iter().map(|t| &t.task_id).collect::<Vec<_>>()});
                events.push(Event::new(at, "taskmaster", &kind, tag, format!("{} tasks {verb}, tag {tag}", moved.len())).with_data(data));
            } else {
                events.extend(moved.into_iter().map(|t| event(project, t, &kind, format!("task {} {verb}", t.task_id))));
            }
        }
    }
    for t in transitions {
        if let (Some(from), Some(to)) = (&t.from, &t.to) {
            let (kind, subject) = match &t.subtask {
                Some(subtask) => ("subtask_status", format!("subtask {}.{subtask}", t.task_id)),
                None => ("task_status", format!("task {}", t.task_id)),
            };
            events.push(event(project, t, kind, format!("{subject} {from} → {to}")));
        }
    }
    events
}

fn event(project: &str, t: &Transition, kind: &str, title: String) -> Event {
    let subject = t.subtask.as_ref().map_or_else(|| t.task_id.clone(), |subtask| format!("{}.{subtask}", t.task_id));
    let data = serde_json::json!({"project": project, "tag": t.tag, "title": t.title, "from": t.from, "to": t.to, "reopened": t.reopened});
    Event::new(t.at_ms, "taskmaster", kind, subject, title).with_data(data)
}

impl Actor for TaskCollector {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.take_up();
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
        self.projects.iter_mut().for_each(|p| p.stamp = None);
    }
}

impl Handler<Changed> for TaskCollector {
    type Result = ();

    fn handle(&mut self, _: Changed, ctx: &mut Self::Context) {
        ctx.run_later(SETTLE, |this, ctx| this.look(ctx));
    }
}
