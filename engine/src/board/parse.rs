//! Reading `tasks.json` and `state.json`, in every form that is met.
//!
//! ```text
//! {"master": {"tasks": […], "metadata": {…}}, "experiment": {…}}     one object a tag
//! {"tasks": […]}                                                     the older format: tag `master`
//! ```
//!
//! Ids and dependencies are texts in one tag and numbers in the next, and change from one to the other when the file is
//! rewritten: all become texts. `metadata.taskCount` and its like can be stale, so they are not read. What is absent or
//! null has a default; what has the wrong type is an error with its place, since a guess would become a wrong figure.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use jiff::Timestamp;

use super::loose::{Entry, Object, Objects, RawSubtask, RawTask, Scalar, Scalars, Top};
use super::{DONE, MASTER, PENDING, STATUSES};

/// Keys that Task Master leaks into files now and then beside the tags, and skips itself when it lists tags.
const NOT_TAGS: [&str; 3] = ["metadata", "tag", "_rawTaggedData"];
/// Longest piece of the file in a message.
const MAX_QUOTE: usize = 60;

/// Why a file is not a board.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// It ends early, as a file does that is being written.
    #[error("tasks.json is incomplete ({0}): it may be half-written, read it again shortly")]
    Incomplete(String),
    /// It is not JSON.
    #[error("tasks.json is not JSON ({0}): restore it, or let `task-master` write it anew")]
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
    /// Two tasks of a tag, or two subtasks of a task, have one id.
    #[error("tasks.json, {place}: id `{}` is there twice; give one of the two another id", short(.id))]
    Duplicate {
        /// The tag and, for a subtask, its task.
        place: Place,
        /// The id.
        id: String,
    },
}

impl BoardError {
    /// Whether reading the file again shortly may help, because a writer was met at work.
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

fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// A subtask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtask {
    /// Its number within the task: `1` for `3.1`.
    pub id: String,
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
    /// Its id within the tag.
    pub id: String,
    /// Its title; empty where the file has none.
    pub title: String,
    /// Its status.
    pub status: String,
    /// Its priority; empty where the file has none.
    pub priority: String,
    /// Ids of the tasks (`3`) and subtasks (`3.1`) to be done before.
    pub dependencies: Vec<String>,
    /// Its subtasks, in the order of the file.
    pub subtasks: Vec<Subtask>,
    /// When it or one of its subtasks last changed; none until the first change, or where the time cannot be read.
    pub updated_at_ms: Option<i64>,
}

/// The tasks of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tag {
    /// In the order of the file. No two have the same id.
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
}

impl Board {
    /// Reads a `tasks.json`. `current_tag` is what [`parse_state`] gave; without one, it is `master`.
    ///
    /// # Errors
    /// [`BoardError`] says what is wrong and where. [`BoardError::is_incomplete`] tells a file that ends early (empty, or
    /// half-written) from one that is wrong.
    pub fn parse(tasks_json: &[u8], current_tag: Option<&str>) -> Result<Self, BoardError> {
        let json = tasks_json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(tasks_json);
        // Zeros are what a file holds whose blocks were not yet written.
        if json.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            return Err(BoardError::Incomplete("it is empty".to_owned()));
        }
        let top: Top<'_> = serde_json::from_slice(json).map_err(|error| match error.is_eof() {
            true => BoardError::Incomplete(error.to_string()),
            false => BoardError::Syntax(error.to_string()),
        })?;
        let wanted = "it must be an object of tags, {\"master\": {\"tasks\": […]}}";
        let entries = match top {
            Top::Entries(entries) => entries,
            Top::Other(kind) => return Err(wrong(Place::default(), format!("is {kind}"), wanted)),
        };
        let tags = tags(entries)?;
        let current_tag = current_tag.filter(|tag| !tag.is_empty()).unwrap_or(MASTER).to_owned();
        Ok(Self { tags, current_tag, left_out: BTreeSet::new() })
    }

    /// Leaves out the tags beyond `most`. The one in use stays, then those of `before` (which were there the last time, so
    /// that tags do not come and go), `master`, those with tasks, and then by name.
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
    let state: serde_json::Value = serde_json::from_slice(json).ok()?;
    state.get("currentTag")?.as_str().filter(|tag| !tag.is_empty()).map(str::to_owned)
}

/// Of a tag given twice the last counts, as it does for JavaScript.
fn tags(entries: Vec<(String, Entry<'_>)>) -> Result<BTreeMap<String, Tag>, BoardError> {
    let is_older_format = entries.iter().any(|(key, entry)| key == "tasks" && matches!(entry, Entry::Tasks(_)));
    let mut tags = BTreeMap::new();
    let mut bare = None;
    for (key, entry) in entries {
        let wanted = "a tag must be an object {\"tasks\": […]}";
        let (found, field) = match entry {
            Entry::Tasks(tasks) if key == "tasks" => {
                bare = Some(tag(MASTER, tasks)?);
                continue;
            }
            Entry::Tag(Some(Objects::Items(tasks))) if key != "_rawTaggedData" => {
                let tag = tag(&key, tasks)?;
                tags.insert(key, tag);
                continue;
            }
            // The older format has its metadata beside the tasks, under more than one name.
            _ if is_older_format || NOT_TAGS.contains(&key.as_str()) => continue,
            Entry::Tag(Some(Objects::Other(kind))) => (format!("is {kind}"), Some("tasks")),
            Entry::Tag(Some(Objects::Absent)) => ("is null".to_owned(), Some("tasks")),
            Entry::Tag(_) => ("has no `tasks`".to_owned(), None),
            Entry::Tasks(_) => ("is an array".to_owned(), None),
            Entry::Other(kind) => (format!("is {kind}"), None),
        };
        return Err(wrong(Place { tag: Some(key), task: None, field: field.map(str::to_owned) }, found, wanted));
    }
    match bare {
        // An empty leftover beside a tag `master` says nothing.
        Some(bare) if bare.tasks.is_empty() && tags.contains_key(MASTER) => {}
        Some(_) if tags.contains_key(MASTER) => {
            let place = Place { field: Some("tasks".to_owned()), ..Place::default() };
            let found = "has tasks of the older format beside a tag `master`".to_owned();
            return Err(wrong(place, found, "keep one of the two, best the tag"));
        }
        Some(bare) => {
            tags.insert(MASTER.to_owned(), bare);
        }
        None => {}
    }
    Ok(tags)
}

fn wrong(place: Place, found: String, wanted: &'static str) -> BoardError {
    BoardError::Wrong { place, found, wanted }
}

const WANTED_ID: &str = "it must be a number or a text, 3 or \"3\"";
const WANTED_TEXT: &str = "it must be a text, or be left out";

fn tag(name: &str, raw: Vec<Object<'_, RawTask<'_>>>) -> Result<Tag, BoardError> {
    let mut made = Tag { tasks: Vec::with_capacity(raw.len()), ..Tag::default() };
    let mut ids = HashSet::with_capacity(raw.len());
    for (at, raw) in raw.into_iter().enumerate() {
        let mut reader = Reader { tag: name, task: format!("#{}", at + 1), unknown_statuses: &mut made.unknown_statuses };
        let task = reader.task(reader.object(raw)?)?;
        if !ids.insert(task.id.clone()) {
            return Err(BoardError::Duplicate { place: Place { tag: Some(name.to_owned()), ..Place::default() }, id: task.id });
        }
        made.tasks.push(task);
    }
    Ok(made)
}

/// Reads the fields of one task or subtask, knowing where it is.
struct Reader<'a> {
    tag: &'a str,
    task: String,
    unknown_statuses: &'a mut BTreeSet<String>,
}

impl Reader<'_> {
    fn wrong(&self, field: &str, found: impl Into<String>, wanted: &'static str) -> BoardError {
        let field = (!field.is_empty()).then(|| field.to_owned());
        wrong(Place { tag: Some(self.tag.to_owned()), task: Some(self.task.clone()), field }, found.into(), wanted)
    }

    fn object<T>(&self, raw: Object<'_, T>) -> Result<T, BoardError> {
        match raw {
            Object::Is(fields, _) => Ok(fields),
            Object::Other(kind) => Err(self.wrong("", format!("is {kind}"), "it must be an object {\"id\": …, \"title\": …}")),
        }
    }

    fn task(&mut self, raw: RawTask<'_>) -> Result<Task, BoardError> {
        let id = self.id("id", raw.id)?;
        self.task.clone_from(&id);
        let (title, status, priority) = (self.text("title", raw.title)?, self.status(raw.status)?, self.text("priority", raw.priority)?);
        let updated_at_ms = self.time(raw.updated_at)?;
        let dependencies = match raw.dependencies {
            Scalars::Absent => Vec::new(),
            Scalars::Items(ids) => ids.into_iter().enumerate().map(|(at, id)| self.dependency(at, id)).collect::<Result<_, _>>()?,
            Scalars::Other(kind) => {
                return Err(self.wrong("dependencies", format!("is {kind}"), "it must be an array of ids, [1, \"3.1\"]"));
            }
        };
        let subtasks = match raw.subtasks {
            Objects::Absent => Vec::new(),
            Objects::Items(subtasks) => self.subtasks(&id, subtasks)?,
            Objects::Other(kind) => return Err(self.wrong("subtasks", format!("is {kind}"), "it must be an array of objects")),
        };
        Ok(Task { id, title, status, priority, dependencies, subtasks, updated_at_ms })
    }

    fn subtasks(&mut self, task: &str, raw: Vec<Object<'_, RawSubtask<'_>>>) -> Result<Vec<Subtask>, BoardError> {
        let mut ids = HashSet::with_capacity(raw.len());
        let mut made = Vec::with_capacity(raw.len());
        for (at, raw) in raw.into_iter().enumerate() {
            self.task = format!("{task}.#{}", at + 1);
            let raw = self.object(raw)?;
            let id = self.id("id", raw.id)?;
            // Some files name a subtask in full.
            let id =
                id.strip_prefix(task).and_then(|rest| rest.strip_prefix('.')).filter(|n| !n.is_empty()).map(str::to_owned).unwrap_or(id);
            self.task = format!("{task}.{id}");
            if !ids.insert(id.clone()) {
                return Err(BoardError::Duplicate {
                    place: Place { tag: Some(self.tag.to_owned()), task: Some(task.to_owned()), field: Some("subtasks".to_owned()) },
                    id,
                });
            }
            let (title, status) = (self.text("title", raw.title)?, self.status(raw.status)?);
            made.push(Subtask { id, title, status, updated_at_ms: self.time(raw.updated_at)? });
        }
        Ok(made)
    }

    fn id(&self, field: &str, raw: Scalar<'_>) -> Result<String, BoardError> {
        let found = match raw {
            Scalar::Number(number) => return Ok(number),
            Scalar::Text(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
            Scalar::Text(_) => "is empty".to_owned(),
            Scalar::Absent => "is missing".to_owned(),
            Scalar::Other(kind) => format!("is {kind}"),
        };
        Err(self.wrong(field, found, WANTED_ID))
    }

    fn dependency(&self, at: usize, raw: Scalar<'_>) -> Result<String, BoardError> {
        match raw {
            Scalar::Number(number) => Ok(number),
            // Only a wrong one pays for the name of its place.
            raw => self.id("", raw).map_err(|error| match error {
                BoardError::Wrong { found, wanted, .. } => self.wrong(&format!("dependencies[{at}]"), found, wanted),
                other => other,
            }),
        }
    }

    fn text(&self, field: &str, raw: Scalar<'_>) -> Result<String, BoardError> {
        match raw {
            Scalar::Absent => Ok(String::new()),
            Scalar::Text(text) => Ok(text.into_owned()),
            Scalar::Number(_) => Err(self.wrong(field, "is a number", WANTED_TEXT)),
            Scalar::Other(kind) => Err(self.wrong(field, format!("is {kind}"), WANTED_TEXT)),
        }
    }

    /// The status under the name that counts.
    fn status(&mut self, raw: Scalar<'_>) -> Result<String, BoardError> {
        let status = self.text("status", raw)?;
        match status.as_str() {
            "" => return Ok(PENDING.to_owned()),
            "completed" => return Ok(DONE.to_owned()),
            known if STATUSES.contains(&known) || self.unknown_statuses.contains(known) => {}
            unknown => {
                self.unknown_statuses.insert(unknown.to_owned());
            }
        }
        Ok(status)
    }

    /// A time that cannot be read is as good as none: when it was seen to change then counts.
    fn time(&self, raw: Scalar<'_>) -> Result<Option<i64>, BoardError> {
        let text = self.text("updatedAt", raw)?;
        Ok(text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond))
    }
}
