//! One project: its files, what is known of its boards, and the samples and events that follow.
//!
//! Everything here may wait for the disk and take its time: it runs off the arbiter.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskpulse_engine::board::{
    Board, CompletionHistory, Figures, Findings, Forecast, Missing, Observed, STATUSES, Watcher, is_finished, parse_state,
};
use taskpulse_engine::model::{Labels, TimestampMs};

use super::boards::boards;
use super::events::events;
use super::fetch::{Fetched, Scores, complexity, fetch};
use super::stamps::Stamps;
use super::watch::Watch;
use super::{Bounds, FEW, Looked, PATIENCE};
use crate::files::{self, Begun};
use crate::shared::Shared;
use crate::standstill;

/// Statuses of a tag that Task Master does not have and that have samples.
const MAX_OTHER_STATUSES: usize = 20;
/// Priorities of a project that have samples.
const MAX_PRIORITIES: usize = 20;

/// Files that are no board, or too large a one.
struct Refused {
    stamps: Stamps,
    at: Instant,
    why: String,
}

/// One project and what is known of it.
pub(super) struct Project {
    pub(super) name: String,
    source: String,
    pub(super) root: PathBuf,
    stamps: Option<Stamps>,
    /// A hash of the board and the state that were read last.
    content: Option<u64>,
    refused: Option<Refused>,
    pub(super) board: Option<Board>,
    /// What the board adds up to, by tag; worked out when it is read.
    pub(super) figures: BTreeMap<String, Figures>,
    pub(super) complexity: Scores,
    pub(super) read_at: TimestampMs,
    pub(super) watcher: Watcher,
    pub(super) failing_since: Option<(Instant, String)>,
    /// When each tag's tasks will be done, or why that is not known; and when that was worked out.
    pub(super) forecasts: BTreeMap<String, Result<Forecast, Missing>>,
    forecast_at: Option<Instant>,
    /// When `/api/v1/tasks` was last told.
    shown: Option<(Instant, bool)>,
    /// Label values once given, so that a status that empties goes to 0 and does not linger.
    seen: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// Priorities with samples.
    priorities: BTreeSet<String>,
    /// What of the board is left aside.
    notes: Vec<String>,
    /// What is wrong with complexity reports.
    report_notes: Vec<String>,
}

/// Result of one poll of a project.
enum Look {
    Unchanged,
    Absent(&'static str),
    Read {
        board: Board,
        stamps: Stamps,
        content: u64,
        notes: Vec<String>,
    },
    /// Written again with what was there, or beside new reports.
    Rewritten(Stamps),
    Failed(String),
}

/// What is shown is made anew after so long even when nothing moved: some figures depend on the time.
const SHOW_AGAIN: Duration = Duration::from_secs(60);

/// Names by folder; folders of the same name go by their whole path. Blocking.
pub(super) fn projects(roots: &[PathBuf]) -> Vec<Project> {
    let begun = roots.iter().map(|root| {
        let path = root.clone();
        (root, files::begin(root, move || path.canonicalize()))
    });
    let begun: Vec<_> = begun.collect();
    let found = begun.into_iter().map(|(root, begun)| match begun.wait(files::PATIENCE) {
        Ok(Ok(path)) => path,
        _ => std::path::absolute(root).unwrap_or_else(|_| root.clone()),
    });
    let roots: Vec<PathBuf> = found.collect();
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
                stamps: None,
                content: None,
                refused: None,
                board: None,
                figures: BTreeMap::new(),
                complexity: BTreeMap::new(),
                read_at: 0,
                watcher: Watcher::default(),
                failing_since: None,
                forecasts: BTreeMap::new(),
                forecast_at: None,
                shown: None,
                seen: BTreeMap::new(),
                priorities: BTreeSet::new(),
                notes: Vec::new(),
                report_notes: Vec::new(),
            }
        })
        .collect()
}

/// In memory only: the hash need not be the same in the next version.
fn hash_of(board: &[u8], state: Option<&[u8]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(board);
    hasher.write_u8(u8::from(state.is_some()));
    hasher.write(state.unwrap_or_default());
    hasher.finish()
}

/// What of the file could not be read, in one line.
fn said_of(findings: &Findings) -> String {
    let named: Vec<String> = findings.first.iter().take(FEW).map(ToString::to_string).collect();
    let more = findings.count - named.len();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let values = match findings.count {
        1 => "1 value that cannot be read as it is".to_owned(),
        count => format!("{count} values that cannot be read as they are"),
    };
    format!("tasks.json has {values}: {}{more}", named.join("; "))
}

/// Some of many names, and how many more there are.
fn some(names: impl ExactSizeIterator<Item = impl AsRef<str>>) -> String {
    let count = names.len();
    let named: Vec<String> = names.take(FEW).map(|name| name.as_ref().chars().take(60).collect()).collect();
    let more = if count > named.len() { format!(" and {} more", count - named.len()) } else { String::new() };
    format!("{}{more}", named.join(", "))
}

impl Project {
    /// Where its memory is kept.
    pub(super) fn key(&self) -> String {
        self.root.display().to_string()
    }

    /// Begins to read the files.
    pub(super) fn fetch(&self, watch: &Arc<Watch>) -> Begun<Fetched> {
        let (root, had_board, known, watch) = (self.root.clone(), self.board.is_some(), self.stamps.clone(), Arc::clone(watch));
        let refused = self.refused.as_ref().filter(|refused| refused.at.elapsed() < SHOW_AGAIN).map(|refused| refused.stamps.clone());
        files::begin(&self.root, move || fetch(&root, had_board, known.as_ref(), refused.as_ref(), &watch))
    }

    /// Makes of what was read a board that is within bounds.
    fn understand(&mut self, fetched: Fetched, bounds: &Bounds) -> Look {
        let (bytes, state, stamps) = match fetched {
            Fetched::Unchanged => return Look::Unchanged,
            Fetched::Refused => return Look::Failed(self.refused.as_ref().map(|refused| refused.why.clone()).unwrap_or_default()),
            Fetched::Absent(hint) => return Look::Absent(hint),
            Fetched::Failed(why) => return Look::Failed(why),
            Fetched::Read { board, state, stamps } => (board, state, stamps),
        };
        let content = hash_of(&bytes, state.as_deref().ok());
        if self.content == Some(content) && self.board.is_some() && self.refused.is_none() {
            return Look::Rewritten(stamps);
        }
        let mut notes = Vec::new();
        let current = match state {
            Ok(bytes) => parse_state(&bytes),
            Err(error) => {
                notes.extend((!error.is_missing()).then(|| error.to_string()));
                None
            }
        };
        let mut board = match Board::parse(&bytes, current.as_deref()) {
            Ok(board) => board,
            Err(error) => return self.refuse(stamps, format!("{}: {error}", self.root.join(".taskmaster/tasks/tasks.json").display())),
        };
        let (size, most) = (board.size(), bounds.max_tasks);
        if size > most {
            return self
                .refuse(stamps, format!("the board has {size} tasks and subtasks; at most {most} are watched (taskmaster.max_tasks)"));
        }
        board.bound_tags(bounds.max_tags, |tag| self.figures.contains_key(tag));
        if !board.left_out.is_empty() {
            notes.push(format!(
                "{} tags beyond {} are left out (taskmaster.max_tags): {}",
                board.left_out.len(),
                bounds.max_tags,
                some(board.left_out.iter())
            ));
        }
        if board.findings.count > 0 {
            notes.push(said_of(&board.findings));
        }
        Look::Read { board, stamps, content, notes }
    }

    /// The same files are not read again at each look.
    fn refuse(&mut self, stamps: Stamps, why: String) -> Look {
        self.refused = Some(Refused { stamps, at: Instant::now(), why: why.clone() });
        Look::Failed(why)
    }

    /// What was read, or why it was not; what follows goes into `looked`. True where a task moved.
    pub(super) fn look(
        &mut self,
        now: TimestampMs,
        fetched: Result<Fetched, String>,
        bounds: &Bounds,
        shared: &Shared,
        looked: &mut Looked,
    ) -> bool {
        let mut observed = Observed::default();
        let mut changed = true;
        match self.understand(fetched.unwrap_or_else(Fetched::Failed), bounds) {
            Look::Unchanged => {
                changed = self.failing_since.take().is_some();
            }
            Look::Absent(hint) => {
                self.board = None;
                (self.stamps, self.content) = (None, None);
                shared.boards.send_if_modified(|all| all.remove(&self.name).is_some());
                shared.sources.absent(&self.source, format!("no board in {}", self.root.display()), hint);
                return false;
            }
            Look::Rewritten(stamps) => {
                changed = self.failing_since.take().is_some() | self.read_reports();
                self.stamps = Some(stamps);
            }
            Look::Read { board, stamps, content, notes } => {
                observed = self.watcher.observe(&board, now);
                for status in &observed.unknown_statuses {
                    log::warn!(
                        "taskmaster: {}: status `{}` is not one of Task Master's; it is counted under its own name",
                        self.name,
                        some([status].into_iter())
                    );
                }
                self.figures = board.tags.iter().map(|(name, tag)| (name.clone(), Figures::of(tag))).collect();
                self.seen.retain(|(_, tag), _| board.tags.contains_key(tag));
                self.board = Some(board);
                self.stamps = Some(stamps);
                self.content = Some(content);
                self.refused = None;
                self.read_at = now;
                self.failing_since = None;
                self.set_notes(notes);
                self.read_reports();
                if let Ok(bytes) = serde_json::to_vec(&self.watcher) {
                    looked.documents.push((self.key(), Some(bytes)));
                }
            }
            Look::Failed(why) => {
                let (since, told) = self.failing_since.get_or_insert_with(|| (Instant::now(), why.clone()));
                told.clone_from(&why);
                if since.elapsed().min(standstill::awake_for()) >= PATIENCE || self.board.is_none() {
                    shared.sources.failing(&self.source, why);
                }
            }
        }
        looked.events.extend(events(&self.name, &observed));
        let fresh = self.failing_since.as_ref().is_none_or(|(since, _)| since.elapsed().min(standstill::awake_for()) < PATIENCE);
        if fresh && self.board.is_some() {
            let before = looked.batch.len();
            let beyond = self.measure(now, &observed, looked);
            let mut notes: Vec<String> = self.notes.iter().chain(&self.report_notes).cloned().collect();
            if !beyond.is_empty() {
                notes.push(format!("{} statuses and priorities beyond the bounds have no samples: {}", beyond.len(), some(beyond.iter())));
            }
            let count = looked.batch.len() - before;
            match notes.is_empty() {
                true => shared.sources.up(&self.source, count, now),
                false => shared.sources.partly(&self.source, count, now, notes.join("; ")),
            }
        }
        if changed || self.shown.is_none_or(|(at, was)| at.elapsed() >= SHOW_AGAIN || was != fresh) {
            self.shown = Some((Instant::now(), fresh));
            let boards = Arc::new(boards(self));
            shared.boards.send_modify(|all| drop(all.insert(self.name.clone(), boards)));
        }
        !observed.transitions.is_empty() || !observed.switched.is_empty()
    }

    /// Reads the complexity reports; whether the scores are others now.
    fn read_reports(&mut self) -> bool {
        let (folder, tags) = (self.root.join(".taskmaster/reports"), self.figures.keys().cloned().collect());
        let (scores, notes) = match files::within(&folder.clone(), files::PATIENCE, move || complexity(&folder, tags)) {
            Ok(read) => read,
            Err(why) => {
                // Read again at the next look.
                self.stamps = None;
                (std::mem::take(&mut self.complexity), vec![why])
            }
        };
        for note in notes.iter().filter(|note| !self.report_notes.contains(note)) {
            log::warn!("taskmaster: {}: {note}", self.name);
        }
        self.report_notes = notes;
        let changed = self.complexity != scores;
        self.complexity = scores;
        changed
    }

    /// How fast the tasks of a tag become done.
    pub(super) fn with_flow<T>(&self, tag: &str, f: impl FnOnce(CompletionHistory<'_>) -> T) -> T {
        let (watched_since_ms, completions_ms) = self.watcher.completions(tag);
        f(CompletionHistory { watched_since_ms, completions_ms: &completions_ms })
    }

    /// What of the files is left aside; logged once.
    fn set_notes(&mut self, notes: Vec<String>) {
        for note in notes.iter().filter(|note| !self.notes.contains(note)) {
            log::warn!("taskmaster: {}: {note}", self.name);
        }
        self.notes = notes;
    }

    /// The figures of all tags as samples, and the durations of what was just finished. Statuses and priorities that are
    /// beyond the bounds are given back.
    fn measure(&mut self, now: TimestampMs, observed: &Observed, looked: &mut Looked) -> BTreeSet<String> {
        let Looked { batch, durations, .. } = looked;
        let mut beyond = BTreeSet::new();
        for (tag, figures) in &self.figures {
            let of = [("project", self.name.as_str()), ("tag", tag.as_str())];
            let mut push = |name: &str, v: f64| batch.push(Labels::metric(name, &of), now, v);
            push("taskmaster_queue_depth", figures.queue_depth as f64);
            push("taskmaster_ready_tasks", figures.ready_tasks as f64);
            push("taskmaster_blocked_tasks", figures.blocked_tasks as f64);
            let counters = self.watcher.counters(tag);
            push("taskmaster_tasks_completed_total", counters.completed as f64);
            push("taskmaster_tasks_reopened_total", counters.reopened as f64);
            let sometimes = [
                ("taskmaster_completion_ratio", figures.completion_ratio),
                ("taskmaster_failure_ratio", self.watcher.failure_ratio(tag, now)),
                ("taskmaster_critical_path_tasks", figures.critical_path_tasks.map(|n| n as f64)),
                ("taskmaster_throughput_tasks_per_day", self.with_flow(tag, |flow| flow.throughput_per_day(now))),
                ("taskmaster_open_complexity", self.open_complexity(tag)),
            ];
            sometimes.into_iter().for_each(|(name, v)| v.into_iter().for_each(|v| push(name, v)));
            for (name, counts) in [("taskmaster_tasks", &figures.tasks), ("taskmaster_subtasks", &figures.subtasks)] {
                let seen = self.seen.entry((name, tag.clone())).or_default();
                if !seen.is_empty() || !counts.is_empty() || name == "taskmaster_tasks" {
                    seen.extend(STATUSES.map(str::to_owned));
                }
                for status in counts.keys() {
                    if seen.contains(status) || seen.len() < STATUSES.len() + MAX_OTHER_STATUSES {
                        seen.insert(status.clone());
                    } else {
                        beyond.insert(status.clone());
                    }
                }
                for status in seen.iter() {
                    let labels = [("project", self.name.as_str()), ("tag", tag.as_str()), ("status", status.as_str())];
                    batch.push(Labels::metric(name, &labels), now, counts.get(status).copied().unwrap_or(0) as f64);
                }
            }
        }
        let mut taken: BTreeSet<(&str, &str, TimestampMs)> = BTreeSet::new();
        for execution in &observed.executions {
            if !self.priorities.contains(&execution.priority) && self.priorities.len() >= MAX_PRIORITIES {
                beyond.insert(execution.priority.clone());
                continue;
            }
            self.priorities.insert(execution.priority.clone());
            let of = [("project", self.name.as_str()), ("tag", execution.tag.as_str()), ("priority", execution.priority.as_str())];
            // Tasks that were finished at the same moment stand a millisecond apart: a series has one sample at a time.
            let free = |at: &TimestampMs| taken.insert((&execution.tag, &execution.priority, *at));
            let at = (execution.at_ms..).find(free).unwrap_or(execution.at_ms);
            durations.push(Labels::metric("taskmaster_task_execution_seconds", &of), at, execution.seconds);
            durations.push(Labels::metric("taskmaster_task_review_seconds", &of), at, execution.review_seconds);
        }
        if self.forecast_at.is_none_or(|at| at.elapsed() >= SHOW_AGAIN) || !observed.transitions.is_empty() {
            self.forecast_at = Some(Instant::now());
            self.forecasts = self
                .figures
                .iter()
                .map(|(tag, figures)| (tag.clone(), self.with_flow(tag, |flow| flow.forecast(figures.open_tasks, now))))
                .collect();
        }
        for (tag, forecast) in &self.forecasts {
            let Ok(forecast) = forecast else { continue };
            for (quantile, at) in [("0.5", forecast.p50_ms), ("0.85", forecast.p85_ms), ("0.95", forecast.p95_ms)] {
                let labels = [("project", self.name.as_str()), ("tag", tag.as_str()), ("quantile", quantile)];
                if let Some(at) = at {
                    batch.push(Labels::metric("taskmaster_forecast_done_timestamp_seconds", &labels), now, at as f64 / 1e3);
                }
            }
        }
        beyond
    }

    /// The scores of the open tasks together; none where the tag has no report.
    fn open_complexity(&self, tag: &str) -> Option<f64> {
        let (scores, tasks) = (self.complexity.get(tag)?, &self.board.as_ref()?.tags.get(tag)?.tasks);
        Some(
            tasks
                .iter()
                .filter(|task| !is_finished(&task.status))
                .filter_map(|task| scores.get(&task.id))
                .fold(0.0, |sum, score| sum + score),
        )
    }
}
