//! Reading `tasks.json` and `state.json`, in every form that is met.
//!
//! ```text
//! {"master": {"tasks": […], "metadata": {…}}, "experiment": {…}}     one object a tag
//! {"tasks": […]}                                                     the older format: tag `master`
//! ```
//!
//! Ids and dependencies are texts in one tag and numbers in the next, and change from one to the other when the file is
//! rewritten: all become texts. `metadata.taskCount` and its like can be stale, so they are not read. What is absent or
//! null has a default.
//!
//! It reads what `task-master list` reads, and beyond that all that is unambiguous. The rest is a [`Finding`] with its place: that field
//! or task is lost, never the file. So
//!
//! * an id that stands twice is two tasks, each counted; they are tracked as first and second of two ([`Twin`]),
//! * a task or subtask without a readable id is counted and not tracked,
//! * a dependency that cannot be read is one that is not done, as it is for `task-master next`,
//! * a status that is no text is the status `unreadable`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::MASTER;
use super::lenient::mend;
use super::loose::{Entry, Objects, Top};
use super::tasks::tag;

/// Keys that Task Master sometimes writes beside the tags by mistake, and skips when it lists tags.
const NOT_TAGS: [&str; 2] = ["metadata", "tag"];
/// A key with a copy of the tags.
const RAW_DATA: &str = "_rawTaggedData";
/// Keys beside the tags that describe the file. They hold no tasks.
const OF_THE_FILE: [&str; 9] =
    ["version", "$schema", "name", "projectName", "description", "lastModified", "lastUpdated", "updatedAt", "createdAt"];
/// Findings of a file that are kept; the others are only counted.
pub const MAX_FINDINGS: usize = 100;
/// Longest piece of the file in a message.
const MAX_QUOTE: usize = 60;

/// Why a file is not a board.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// It ends early, as a half-written file does.
    #[error("tasks.json is incomplete ({0}): it may be half-written, read it again shortly")]
    Incomplete(String),
    /// It is not JSON.
    #[error("tasks.json is not JSON ({0}): correct or restore it; `task-master` does not read it either")]
    Syntax(String),
    /// A value is missing or has the wrong type.
    #[error("tasks.json, {place}: {found}; {wanted}")]
    Wrong {
        /// Where.
        place: Place,
        /// What is there.
        found: String,
        /// What would be right.
        wanted: &'static str,
    },
}

impl BoardError {
    /// Whether reading the file again shortly may help, because it was being written.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Incomplete(_))
    }
}

/// Where in the file something is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The tag, or the top-level key.
    pub tag: Option<String>,
    /// The task (`3`) or subtask (`3.1`); without a readable id, its place in the list (`#4`, counted from 1).
    pub task: Option<String>,
    /// The field, with the place in it for a list (`dependencies[0]`).
    pub field: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("tag", &self.tag), ("task", &self.task), ("field", &self.field)];
        let mut separator = "";
        for (name, part) in parts {
            if let Some(part) = part {
                write!(f, "{separator}{name} `{}`", short(part))?;
                separator = ", ";
            }
        }
        if separator.is_empty() { f.write_str("top level") } else { Ok(()) }
    }
}

pub(super) fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Something in the file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What is there, how it is treated, and what would be right.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What could not be read in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// In the order of the file; at most [`MAX_FINDINGS`].
    pub first: Vec<Finding>,
    /// How many there are.
    pub count: usize,
}

impl Findings {
    pub(super) fn add(&mut self, place: impl FnOnce() -> Place, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < MAX_FINDINGS {
            self.first.push(Finding { place: place(), what: what() });
        }
    }
}

/// Which of several tasks with the same id one is: its place among them, from 1, and how many there are.
pub type Twin = (u32, u32);

/// The key that identifies a task or subtask from one reading to the next; none without an id. Duplicates are distinguished by their order,
/// as long as their number is the same.
fn key(id: &str, has_id: bool, twin: Option<Twin>) -> Option<Cow<'_, str>> {
    match twin {
        _ if !has_id => None,
        None => Some(Cow::Borrowed(id)),
        Some((nth, of)) => Some(Cow::Owned(format!("{id} ({nth} of {of})"))),
    }
}

/// A subtask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtask {
    /// Its number within the task: `1` for `3.1`. Without a readable one its place in the list, `#1`.
    pub id: String,
    /// Whether the file has a readable id.
    pub has_id: bool,
    /// Which it is of several with the same id.
    pub twin: Option<Twin>,
    /// Its title; empty where the file has none.
    pub title: String,
    /// Its status.
    pub status: String,
    /// When it last changed; none until the first change, or where the file's time cannot be read.
    pub updated_at_ms: Option<i64>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its id within the tag. Without a readable one its place in the list, `#4`.
    pub id: String,
    /// Whether the file has a readable id.
    pub has_id: bool,
    /// Which it is of several with the same id.
    pub twin: Option<Twin>,
    /// Its title; empty where the file has none.
    pub title: String,
    /// Its status.
    pub status: String,
    /// Its priority; empty where the file has none.
    pub priority: String,
    /// Ids of the tasks (`3`) and subtasks (`3.1`) to be done before. One that cannot be read is there as what it is, in
    /// brackets (`(null)`).
    pub dependencies: Vec<String>,
    /// Its subtasks, in the order of the file.
    pub subtasks: Vec<Subtask>,
    /// When it or one of its subtasks last changed; none until the first change, or where the time cannot be read.
    pub updated_at_ms: Option<i64>,
}

impl Subtask {
    /// The key that identifies it from one reading to the next.
    #[must_use]
    pub fn key(&self) -> Option<Cow<'_, str>> {
        key(&self.id, self.has_id, self.twin)
    }
}

impl Task {
    /// The key that identifies it from one reading to the next.
    #[must_use]
    pub fn key(&self) -> Option<Cow<'_, str>> {
        key(&self.id, self.has_id, self.twin)
    }
}

/// The tasks of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tag {
    /// In the order of the file.
    pub tasks: Vec<Task>,
    /// Statuses of tasks and subtasks that Task Master does not have.
    pub unknown_statuses: BTreeSet<String>,
}

/// A board.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Board {
    /// The tags by name.
    pub tags: BTreeMap<String, Tag>,
    /// The tag in use. The board need not have it.
    pub current_tag: String,
    /// Tags that the file has and that [`Board::bound_tags`] left out.
    pub left_out: BTreeSet<String>,
    /// Tags whose list of tasks cannot be read.
    pub unreadable: BTreeSet<String>,
    /// What could not be read.
    pub findings: Findings,
}

impl Board {
    /// Reads a `tasks.json`. `current_tag` is what [`parse_state`] gave; without one, it is `master`.
    ///
    /// # Errors
    /// [`BoardError`] says what is wrong and where. [`BoardError::is_incomplete`] tells a file that ends early (empty, or
    /// half-written) from one that is wrong.
    pub fn parse(tasks_json: &[u8], current_tag: Option<&str>) -> Result<Self, BoardError> {
        let json = tasks_json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(tasks_json);
        // A file whose blocks are not yet written contains zeros.
        if json.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            return Err(BoardError::Incomplete("it is empty".to_owned()));
        }
        if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = json {
            return Err(BoardError::Syntax("it is UTF-16 and must be UTF-8".to_owned()));
        }
        match serde_json::from_slice(json) {
            Ok(top) => Self::from_top(top, current_tag, false),
            Err(error) if error.is_eof() => Err(BoardError::Incomplete(error.to_string())),
            Err(_) => {
                let mended = mend(json);
                let top = serde_json::from_slice(&mended).map_err(|error| match error.is_eof() {
                    true => BoardError::Incomplete(error.to_string()),
                    false => BoardError::Syntax(error.to_string()),
                })?;
                Self::from_top(top, current_tag, true)
            }
        }
    }

    /// `mended` says that the file has characters that cannot be read.
    fn from_top(top: Top<'_>, current_tag: Option<&str>, mended: bool) -> Result<Self, BoardError> {
        let wanted = "it must be an object of tags, {\"master\": {\"tasks\": […]}}";
        let entries = match top {
            Top::Entries(entries) => entries,
            Top::Other(kind) => return Err(BoardError::Wrong { place: Place::default(), found: format!("is {kind}"), wanted }),
        };
        let current_tag = current_tag.filter(|tag| !tag.is_empty()).unwrap_or(MASTER).to_owned();
        let mut board = Self { current_tag, ..Self::default() };
        board.read(entries, mended);
        match board.findings.first.first() {
            Some(finding) if board.tags.is_empty() => {
                Err(BoardError::Wrong { place: finding.place.clone(), found: finding.what.clone(), wanted })
            }
            _ => Ok(board),
        }
    }

    /// Of a tag given twice the last counts, as it does for JavaScript.
    fn read(&mut self, entries: Vec<(String, Entry<'_>)>, mended: bool) {
        let is_older_format = entries.iter().any(|(key, entry)| key == "tasks" && matches!(entry, Entry::Tasks(_)));
        let mut bare = None;
        for (key, entry) in entries {
            let place = |field: Option<&str>| Place { tag: Some(key.clone()), task: None, field: field.map(str::to_owned) };
            let (found, field) = match entry {
                // A copy of the tags beside them.
                _ if key == RAW_DATA => continue,
                Entry::Tasks(tasks) if key == "tasks" => {
                    bare = Some(tasks);
                    continue;
                }
                Entry::Tag(Some(Objects::Items(tasks)), _) => {
                    let tag = tag(&key, tasks, mended, &mut self.findings);
                    self.tags.insert(key, tag);
                    continue;
                }
                // The older format has its metadata beside the tasks, under more than one name.
                _ if NOT_TAGS.contains(&key.as_str()) => continue,
                Entry::Tag(None, _) if is_older_format => continue,
                Entry::Other(_) if is_older_format || OF_THE_FILE.contains(&key.as_str()) => continue,
                Entry::Tag(Some(Objects::Absent), _) | Entry::Tag(None, true) => {
                    self.tags.insert(key, Tag::default());
                    continue;
                }
                Entry::Tag(None, false) => {
                    self.findings.add(|| place(None), || "has no `tasks` and counts as an empty tag; {\"tasks\": []} says so".to_owned());
                    self.tags.insert(key, Tag::default());
                    continue;
                }
                Entry::Tag(Some(Objects::Other(kind)), _) => {
                    self.unreadable.insert(key.clone());
                    (kind, Some("tasks"))
                }
                Entry::Tasks(_) => ("an array", None),
                Entry::Other(kind) => (kind, None),
            };
            let what = || format!("is {found} and is left aside; a tag is an object {{\"tasks\": […]}}");
            self.findings.add(|| place(field), what);
        }
        match bare {
            // An empty list beside a tag `master` is ignored.
            Some(tasks) if self.tags.contains_key(MASTER) && tasks.is_empty() => {}
            Some(tasks) if self.tags.contains_key(MASTER) => {
                let place = || Place { field: Some("tasks".to_owned()), ..Place::default() };
                let what = || format!("has {} tasks of the older format, left aside as there is a tag `master`", tasks.len());
                self.findings.add(place, what);
            }
            Some(tasks) => {
                let tag = tag(MASTER, tasks, mended, &mut self.findings);
                self.tags.insert(MASTER.to_owned(), tag);
            }
            None => {}
        }
    }

    /// Leaves out the tags beyond `most`. The current tag stays, then those of `before` (which were kept the last time, so that tags do
    /// not come and go), `master`, those with tasks, and then by name.
    pub fn bound_tags(&mut self, most: usize, before: impl Fn(&str) -> bool) {
        if self.tags.len() <= most {
            return;
        }
        let rank = |name: &str, tag: &Tag| (name != self.current_tag, !before(name), name != MASTER, tag.tasks.is_empty());
        let mut names: Vec<_> = self.tags.iter().map(|(name, tag)| (rank(name, tag), name.clone())).collect();
        names.sort_unstable();
        self.left_out = names.drain(most..).map(|(_, name)| name).collect();
        self.tags.retain(|name, _| !self.left_out.contains(name));
    }

    /// Tasks and subtasks of all tags.
    #[must_use]
    pub fn size(&self) -> usize {
        self.tags.values().flat_map(|tag| &tag.tasks).map(|task| 1 + task.subtasks.len()).sum()
    }

    /// Whether a tag is the one in use.
    #[must_use]
    pub fn is_current(&self, tag: &str) -> bool {
        self.current_tag == tag
    }

    /// Statuses that Task Master does not have, of all tags.
    #[must_use]
    pub fn unknown_statuses(&self) -> BTreeSet<&str> {
        self.tags.values().flat_map(|tag| &tag.unknown_statuses).map(String::as_str).collect()
    }
}

/// The current tag that a `state.json` names; none where it names none or cannot be read.
#[must_use]
pub fn parse_state(state_json: &[u8]) -> Option<String> {
    let json = state_json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(state_json);
    let state: serde_json::Value = serde_json::from_slice(json).or_else(|_| serde_json::from_slice(&mend(json))).ok()?;
    state.get("currentTag")?.as_str().filter(|tag| !tag.is_empty()).map(str::to_owned)
}
