//! One project: its files and the state of its boards.
//!
//! Everything here may wait for the disk and runs on the blocking pool.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskpulse_engine::board::{Board, Figures, Findings, Forecast, Missing, Observed, Watcher, parse_state};
use taskpulse_engine::model::TimestampMs;

use super::events::events;
use super::fetch::{Fetched, ProjectError, Scores, complexity, fetch};
use super::stamps::Stamps;
use super::watch::Watch;
use super::{Bounds, FEW, Found, PATIENCE, SOURCE};
use crate::files::{self, Begun, WaitError};
use crate::sources::SourceRegistry;
use crate::standstill;

/// Views are published again after so long even if nothing moved: some figures depend on the time.
pub(super) const SHOW_AGAIN: Duration = Duration::from_secs(60);

/// Files that hold no board, or one that is too large.
struct Refused {
    stamps: Stamps,
    at: Instant,
    why: ProjectError,
}

/// One project.
pub(super) struct Project {
    pub(super) name: String,
    source: String,
    pub(super) root: PathBuf,
    stamps: Option<Stamps>,
    /// Hash of the board and the state that were read last.
    content: Option<u64>,
    refused: Option<Refused>,
    pub(super) board: Option<Board>,
    /// Figures by tag, computed when the board is read.
    pub(super) figures: BTreeMap<String, Figures>,
    pub(super) complexity: Scores,
    pub(super) read_at: TimestampMs,
    pub(super) watcher: Watcher,
    pub(super) failing_since: Option<(Instant, String)>,
    /// When the tasks of each tag will be done, or why that is unknown.
    pub(super) forecasts: BTreeMap<String, Result<Forecast, Missing>>,
    pub(super) forecast_at: Option<Instant>,
    /// When the view was last due, and whether the source worked then.
    shown: Option<(Instant, bool)>,
    /// The view has to be published.
    changed: bool,
    /// Statuses that had samples, by metric and tag: one that becomes empty gets the value 0.
    pub(super) seen: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// Priorities that have samples.
    pub(super) priorities: BTreeSet<String>,
    /// What of the board is left out.
    notes: Vec<String>,
    /// What is wrong with complexity reports.
    report_notes: Vec<String>,
}

/// Result of one read of a project's files.
enum Update {
    Unchanged,
    Absent(&'static str),
    Read {
        board: Board,
        stamps: Stamps,
        content: u64,
        notes: Vec<String>,
    },
    /// Same content; the files are newer, or reports changed.
    Rewritten(Stamps),
    Failed(ProjectError),
}

/// Projects are named by their folder, or by its path if another folder has the same name. Blocking.
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
                source: if one { SOURCE.to_owned() } else { format!("{SOURCE} {name}") },
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
                changed: false,
                seen: BTreeMap::new(),
                priorities: BTreeSet::new(),
                notes: Vec::new(),
                report_notes: Vec::new(),
            }
        })
        .collect()
}

/// Kept in memory only: the hash may differ in the next version.
fn hash_of(board: &[u8], state: Option<&[u8]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(board);
    hasher.write_u8(u8::from(state.is_some()));
    hasher.write(state.unwrap_or_default());
    hasher.finish()
}

/// What could not be read in the file, in one line.
fn describe(findings: &Findings) -> String {
    let named: Vec<String> = findings.first.iter().take(FEW).map(ToString::to_string).collect();
    let more = findings.count - named.len();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let values = match findings.count {
        1 => "1 value that cannot be read as it is".to_owned(),
        count => format!("{count} values that cannot be read as they are"),
    };
    format!("tasks.json has {values}: {}{more}", named.join("; "))
}

/// Time since `since`, without what lies before the last standstill.
fn awake_since(since: Instant) -> Duration {
    since.elapsed().min(standstill::awake_for())
}

/// Some of many names, and how many more there are.
fn some(names: impl ExactSizeIterator<Item = impl AsRef<str>>) -> String {
    let count = names.len();
    let named: Vec<String> = names.take(FEW).map(|name| name.as_ref().chars().take(60).collect()).collect();
    let more = if count > named.len() { format!(" and {} more", count - named.len()) } else { String::new() };
    format!("{}{more}", named.join(", "))
}

impl Project {
    /// Key of its document.
    pub(super) fn key(&self) -> String {
        self.root.display().to_string()
    }

    /// Begins to read the files.
    pub(super) fn fetch(&self, watch: &Arc<Watch>) -> Begun<Fetched> {
        let (root, had_board, known, watch) = (self.root.clone(), self.board.is_some(), self.stamps.clone(), Arc::clone(watch));
        let refused = self.refused.as_ref().filter(|refused| refused.at.elapsed() < SHOW_AGAIN).map(|refused| refused.stamps.clone());
        files::begin(&self.root, move || fetch(&root, had_board, known.as_ref(), refused.as_ref(), &watch))
    }

    /// Parses what was read and applies the bounds.
    fn parse(&mut self, fetched: Fetched, bounds: &Bounds) -> Update {
        let (bytes, state, stamps) = match fetched {
            Fetched::Unchanged => return Update::Unchanged,
            Fetched::Refused => return self.refused.as_ref().map_or(Update::Unchanged, |refused| Update::Failed(refused.why.clone())),
            Fetched::Absent(hint) => return Update::Absent(hint),
            Fetched::Failed(why) => return Update::Failed(why),
            Fetched::Read { board, state, stamps } => (board, state, stamps),
        };
        let content = hash_of(&bytes, state.as_deref().ok());
        if self.content == Some(content) && self.board.is_some() && self.refused.is_none() {
            return Update::Rewritten(stamps);
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
            Err(error) => {
                let path = self.root.join(".taskmaster/tasks/tasks.json");
                return self.refuse(stamps, ProjectError::NoBoard { path, error });
            }
        };
        let (size, most) = (board.size(), bounds.max_tasks);
        if size > most {
            return self.refuse(stamps, ProjectError::TooLarge { size, most });
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
            notes.push(describe(&board.findings));
        }
        Update::Read { board, stamps, content, notes }
    }

    /// Remembers the files, so that they are not read again each time.
    fn refuse(&mut self, stamps: Stamps, why: ProjectError) -> Update {
        self.refused = Some(Refused { stamps, at: Instant::now(), why: why.clone() });
        Update::Failed(why)
    }

    /// Updates the state by what was read and reports the source; adds samples and events to `found`. True if a task moved.
    pub(super) fn update(
        &mut self,
        now: TimestampMs,
        read: Result<Fetched, WaitError>,
        bounds: &Bounds,
        sources: &SourceRegistry,
        found: &mut Found,
    ) -> bool {
        let mut observed = Observed::default();
        let read = read.unwrap_or_else(|error| Fetched::Failed(error.into()));
        let changed = match self.parse(read, bounds) {
            Update::Unchanged => self.failing_since.take().is_some(),
            Update::Absent(hint) => {
                self.changed |= self.board.take().is_some();
                (self.stamps, self.content) = (None, None);
                sources.absent(&self.source, format!("no board in {}", self.root.display()), hint);
                return false;
            }
            Update::Rewritten(stamps) => {
                let changed = self.failing_since.take().is_some() | self.read_reports();
                self.stamps = Some(stamps);
                changed
            }
            Update::Read { board, stamps, content, notes } => {
                observed = self.set_board(board, now, found);
                (self.stamps, self.content, self.refused) = (Some(stamps), Some(content), None);
                (self.read_at, self.failing_since) = (now, None);
                self.set_notes(notes);
                self.read_reports();
                true
            }
            Update::Failed(why) => {
                self.fail(why.to_string(), sources);
                true
            }
        };
        found.events.extend(events(&self.name, &observed, &self.complexity));
        let works = self.failing_since.as_ref().is_none_or(|(since, _)| awake_since(*since) < PATIENCE);
        if works && self.board.is_some() {
            self.measure_and_record(now, &observed, sources, found);
        }
        if changed || self.shown.is_none_or(|(at, worked)| at.elapsed() >= SHOW_AGAIN || worked != works) {
            self.shown = Some((Instant::now(), works));
            self.changed = true;
        }
        !observed.transitions.is_empty() || !observed.switched.is_empty()
    }

    /// Whether its view has changed since the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Sets a new board. What moved on it.
    fn set_board(&mut self, board: Board, now: TimestampMs, found: &mut Found) -> Observed {
        let observed = self.watcher.observe(&board, now);
        for status in &observed.unknown_statuses {
            let status = some([status].into_iter());
            log::warn!("taskmaster: {}: status `{status}` is not one of Task Master's; it is counted under its own name", self.name);
        }
        self.figures = board.tags.iter().map(|(name, tag)| (name.clone(), Figures::of(tag))).collect();
        self.seen.retain(|(_, tag), _| board.tags.contains_key(tag));
        self.board = Some(board);
        if let Ok(bytes) = serde_json::to_vec(&self.watcher) {
            found.documents.push((self.key(), Some(bytes)));
        }
        observed
    }

    /// The files cannot be read. The source is failing if that lasts, or if there was never a board.
    fn fail(&mut self, why: String, sources: &SourceRegistry) {
        let (since, reason) = self.failing_since.get_or_insert_with(|| (Instant::now(), why.clone()));
        reason.clone_from(&why);
        if awake_since(*since) >= PATIENCE || self.board.is_none() {
            sources.failing(&self.source, why);
        }
    }

    fn measure_and_record(&mut self, now: TimestampMs, observed: &Observed, sources: &SourceRegistry, found: &mut Found) {
        let before = found.batch.len();
        let beyond = self.measure(now, observed, found);
        let mut notes: Vec<String> = self.notes.iter().chain(&self.report_notes).cloned().collect();
        if !beyond.is_empty() {
            notes.push(format!("{} statuses and priorities beyond the bounds have no samples: {}", beyond.len(), some(beyond.iter())));
        }
        let count = found.batch.len() - before;
        match notes.is_empty() {
            true => sources.up(&self.source, count, now),
            false => sources.partly(&self.source, count, now, notes.join("; ")),
        }
    }

    /// Reads the complexity reports. Whether the scores changed.
    fn read_reports(&mut self) -> bool {
        let (folder, tags) = (self.root.join(".taskmaster/reports"), self.figures.keys().cloned().collect());
        let (scores, notes) = match files::within(&folder.clone(), files::PATIENCE, move || complexity(&folder, tags)) {
            Ok(read) => read,
            Err(why) => {
                // Read again at the next collection.
                self.stamps = None;
                (std::mem::take(&mut self.complexity), vec![why.to_string()])
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

    /// Sets what of the files is left out; logs each note once.
    fn set_notes(&mut self, notes: Vec<String>) {
        for note in notes.iter().filter(|note| !self.notes.contains(note)) {
            log::warn!("taskmaster: {}: {note}", self.name);
        }
        self.notes = notes;
    }
}
