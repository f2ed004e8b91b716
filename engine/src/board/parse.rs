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
//! The rule is what `task-master list` reads, and beyond it all that can be read without a guess. What cannot is a
//! [`Finding`] with its place: it costs that field or that task, never the file. So
//!
//! * an id that stands twice is two tasks, each counted; they are followed as first and second of two ([`Twin`]),
//! * a task or subtask without a readable id is counted and not followed,
//! * a dependency that cannot be read is one that is not done, as it is for `task-master next`,
//! * a status that is no text is the status `unreadable`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use jiff::Timestamp;

use super::lenient::mend;
use super::loose::{Entry, Object, Objects, RawSubtask, RawTask, Scalar, Scalars, Top};
use super::{DONE, MASTER, PENDING, STATUSES};

/// Keys that Task Master leaks into files now and then beside the tags, and skips itself when it lists tags.
const NOT_TAGS: [&str; 2] = ["metadata", "tag"];
/// One that holds a copy of the tags.
const RAW_DATA: &str = "_rawTaggedData";
/// Keys beside the tags that say something of the file. They hold no tasks, so leaving them aside loses nothing.
const OF_THE_FILE: [&str; 9] =
    ["version", "$schema", "name", "projectName", "description", "lastModified", "lastUpdated", "updatedAt", "createdAt"];
/// Status of a task or subtask whose status is no text.
const UNREADABLE: &str = "unreadable";
/// Findings of a file that are kept; the rest is counted.
pub const MAX_FINDINGS: usize = 100;
/// Numbers below this are seconds as times, those above milliseconds: in seconds it is the year 5138, in milliseconds 1973.
const MOST_SECONDS: f64 = 1e11;
/// Longest piece of the file in a message.
const MAX_QUOTE: usize = 60;

/// Why a file is not a board.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// It ends early, as a file does that is being written.
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

/// Something in the file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What is there, what became of it, and what would be right.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What of a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// In the order of the file; at most [`MAX_FINDINGS`].
    pub first: Vec<Finding>,
    /// How many there are.
    pub count: usize,
}

impl Findings {
    fn add(&mut self, place: impl FnOnce() -> Place, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < MAX_FINDINGS {
            self.first.push(Finding { place: place(), what: what() });
        }
    }
}

/// Which of several tasks with the same id one is: its place among them, from 1, and how many there are.
pub type Twin = (u32, u32);

/// What a task or subtask is followed by from one reading to the next; none where it has no id. Twins are told apart by
/// their order, as long as their number is the same.
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
    /// What it is followed by.
    #[must_use]
    pub fn key(&self) -> Option<Cow<'_, str>> {
        key(&self.id, self.has_id, self.twin)
    }
}

impl Task {
    /// What it is followed by.
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
        // Zeros are what a file holds whose blocks were not yet written.
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
            // An empty leftover beside a tag `master` says nothing.
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
    let state: serde_json::Value = serde_json::from_slice(json).or_else(|_| serde_json::from_slice(&mend(json))).ok()?;
    state.get("currentTag")?.as_str().filter(|tag| !tag.is_empty()).map(str::to_owned)
}

const WANTED_ID: &str = "it must be a number or a text, 3 or \"3\"";
const WANTED_TEXT: &str = "it must be a text, or be left out";

fn tag(name: &str, raw: Vec<Object<'_, RawTask<'_>>>, mended: bool, findings: &mut Findings) -> Tag {
    let mut made = Tag { tasks: Vec::with_capacity(raw.len()), ..Tag::default() };
    let mut reader = Reader { tag: name, task: String::new(), mended, unknown_statuses: &mut made.unknown_statuses, findings };
    for (at, raw) in raw.into_iter().enumerate() {
        reader.task = format!("#{}", at + 1);
        made.tasks.extend(reader.task(raw));
    }
    reader.task.clear();
    let ids = made.tasks.iter_mut().filter(|task| task.has_id).map(|task| (&task.id, &mut task.twin)).collect();
    reader.tell_twins("", ids);
    made
}

/// Reads the fields of one task or subtask, knowing where it is.
struct Reader<'a> {
    tag: &'a str,
    task: String,
    mended: bool,
    unknown_statuses: &'a mut BTreeSet<String>,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn wrong(&mut self, field: &str, what: impl FnOnce() -> String) {
        let (tag, task) = (self.tag, &self.task);
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        self.findings.add(|| Place { tag: Some(tag.to_owned()), task: some(task), field: some(field) }, what);
    }

    /// A task; none where nothing of it can be read.
    fn task(&mut self, raw: Object<'_, RawTask<'_>>) -> Option<Task> {
        let wanted = "it must be an object {\"id\": …, \"title\": …}";
        let raw = match raw {
            Object::Is(raw) => raw,
            Object::Text(_) => {
                self.wrong("", || format!("is a text and is left aside; {wanted}"));
                return None;
            }
            Object::Other(kind) => {
                self.wrong("", || format!("is {kind} and is left aside; {wanted}"));
                return None;
            }
        };
        if matches!((&raw.id, &raw.title, &raw.status), (Scalar::Absent, Scalar::Absent, Scalar::Absent)) {
            self.wrong("", || format!("has neither id nor title nor status and is left aside; {wanted}"));
            return None;
        }
        let id = self.id(raw.id);
        let (id, has_id) = id.map_or_else(|| (self.task.clone(), false), |id| (id, true));
        self.task.clone_from(&id);
        let (title, status, priority) = (self.text("title", raw.title), self.status(raw.status), self.text("priority", raw.priority));
        let updated_at_ms = self.time(raw.updated_at);
        let dependencies = self.dependencies(raw.dependencies);
        let subtasks = match raw.subtasks {
            Objects::Absent => Vec::new(),
            Objects::Items(subtasks) => self.subtasks(&id, subtasks),
            Objects::Other(kind) => {
                self.wrong("subtasks", || format!("is {kind} and is left aside; it must be an array of objects"));
                Vec::new()
            }
        };
        Some(Task { id, has_id, twin: None, title, status, priority, dependencies, subtasks, updated_at_ms })
    }

    fn subtasks(&mut self, task: &str, raw: Vec<Object<'_, RawSubtask<'_>>>) -> Vec<Subtask> {
        let mut made = Vec::with_capacity(raw.len());
        for (at, raw) in raw.into_iter().enumerate() {
            let place = format!("#{}", at + 1);
            self.task = format!("{task}.{place}");
            let raw = match raw {
                Object::Is(raw) => raw,
                Object::Text(title) => {
                    self.wrong("", || "is a text and counts as a pending subtask of that title; it must be an object".to_owned());
                    let status = PENDING.to_owned();
                    made.push(Subtask { id: place, has_id: false, twin: None, title: title.into_owned(), status, updated_at_ms: None });
                    continue;
                }
                Object::Other(kind) => {
                    self.wrong("", || format!("is {kind} and is left aside; it must be an object {{\"id\": …, \"title\": …}}"));
                    continue;
                }
            };
            let (id, has_id) = match self.id(raw.id) {
                // Some files name a subtask in full.
                Some(id) => match id.strip_prefix(task).and_then(|rest| rest.strip_prefix('.')).filter(|n| !n.is_empty()) {
                    Some(number) => (number.to_owned(), true),
                    None => (id, true),
                },
                None => (place, false),
            };
            self.task = format!("{task}.{id}");
            let (title, status) = (self.text("title", raw.title), self.status(raw.status));
            made.push(Subtask { id, has_id, twin: None, title, status, updated_at_ms: self.time(raw.updated_at) });
        }
        task.clone_into(&mut self.task);
        self.tell_twins("subtasks", made.iter_mut().filter(|s| s.has_id).map(|s| (&s.id, &mut s.twin)).collect());
        made
    }

    /// Says of those with the same id which each is.
    fn tell_twins(&mut self, field: &str, ids: Vec<(&String, &mut Option<Twin>)>) {
        let mut count: HashMap<&str, Twin> = HashMap::with_capacity(ids.len());
        ids.iter().for_each(|(id, _)| count.entry(id).or_default().1 += 1);
        for (id, twin) in ids {
            let Some((nth, of)) = count.get_mut(id.as_str()).filter(|(_, of)| *of > 1) else { continue };
            *nth += 1;
            *twin = Some((*nth, *of));
            if *nth == 1 {
                let times = if *of == 2 { "twice".to_owned() } else { format!("{of} times") };
                self.wrong(field, || format!("id `{}` is there {times} and counts as often; give each an id of its own", short(id)));
            }
        }
    }

    fn id(&mut self, raw: Scalar<'_>) -> Option<String> {
        let found = match raw {
            Scalar::Number(number) => return Some(number),
            Scalar::Text(text) if !text.trim().is_empty() => return Some(text.trim().to_owned()),
            Scalar::Text(_) => "empty",
            Scalar::Absent => "missing",
            Scalar::Other(kind) => kind,
        };
        self.wrong("id", || format!("is {found}: it is counted, its changes are not followed; {WANTED_ID}"));
        None
    }

    fn dependencies(&mut self, raw: Scalars<'_>) -> Vec<String> {
        match raw {
            Scalars::Absent => Vec::new(),
            Scalars::Items(ids) => ids.into_iter().enumerate().map(|(at, id)| self.dependency(at, id)).collect(),
            // A list of several in one text is not taken apart: ids may have commas.
            Scalars::One(Scalar::Number(id)) => self.alone(id),
            Scalars::One(Scalar::Text(id)) if !id.contains([',', ' ', ';']) => self.alone(id.into_owned()),
            Scalars::One(_) => self.unreadable_dependencies("a text"),
            Scalars::Other(kind) => self.unreadable_dependencies(kind),
        }
    }

    fn alone(&mut self, id: String) -> Vec<String> {
        self.wrong("dependencies", || format!("is `{}` alone and counts as [\"{0}\"]; it must be an array of ids", short(&id)));
        vec![id]
    }

    fn unreadable_dependencies(&mut self, kind: &str) -> Vec<String> {
        self.wrong("dependencies", || format!("is {kind}: the task counts as waiting; it must be an array of ids, [1, \"3.1\"]"));
        vec![format!("({kind})")]
    }

    fn dependency(&mut self, at: usize, raw: Scalar<'_>) -> String {
        let found = match raw {
            Scalar::Number(number) => return number,
            Scalar::Text(text) if !text.trim().is_empty() => return text.trim().to_owned(),
            Scalar::Text(_) => "empty",
            Scalar::Absent => "null",
            Scalar::Other(kind) => kind,
        };
        self.wrong(&format!("dependencies[{at}]"), || format!("is {found}: the task counts as waiting; {WANTED_ID}"));
        format!("({found})")
    }

    fn text(&mut self, field: &str, raw: Scalar<'_>) -> String {
        match raw {
            Scalar::Absent => String::new(),
            Scalar::Text(text) => {
                if self.mended && text.contains(char::REPLACEMENT_CHARACTER) {
                    let what = "has bytes or escapes that are no character, shown as �; the file must be UTF-8";
                    self.wrong(field, || what.to_owned());
                }
                text.into_owned()
            }
            Scalar::Number(number) => {
                self.wrong(field, || format!("is a number; {WANTED_TEXT}"));
                number
            }
            Scalar::Other(kind) => {
                self.wrong(field, || format!("is {kind} and counts as none; {WANTED_TEXT}"));
                String::new()
            }
        }
    }

    /// The status under the name that counts.
    fn status(&mut self, raw: Scalar<'_>) -> String {
        let status = match raw {
            Scalar::Other(kind) => {
                self.wrong("status", || format!("is {kind} and counts as `{UNREADABLE}`; it must be a text"));
                UNREADABLE.to_owned()
            }
            raw => self.text("status", raw),
        };
        match status.as_str() {
            "" => return PENDING.to_owned(),
            "completed" => return DONE.to_owned(),
            known if STATUSES.contains(&known) || self.unknown_statuses.contains(known) => {}
            unknown => {
                self.unknown_statuses.insert(unknown.to_owned());
            }
        }
        status
    }

    /// A time that cannot be read is as good as none: when the task was seen to change then counts.
    fn time(&mut self, raw: Scalar<'_>) -> Option<i64> {
        let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite()).and_then(time_of_number);
        let (read, shown) = match raw {
            Scalar::Absent => return None,
            Scalar::Text(text) if text.trim().is_empty() => return None,
            Scalar::Text(text) => {
                let time = text.trim().parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
                (time.or_else(|| number(text.trim())), text)
            }
            Scalar::Number(text) => (number(&text), Cow::Owned(text)),
            Scalar::Other(kind) => (None, Cow::Borrowed(kind)),
        };
        if read.is_none() {
            let wanted = "a time with its zone, 2026-11-25T20:00:00Z, or seconds or milliseconds since 1970";
            self.wrong("updatedAt", || format!("is `{}` and counts as none; it must be {wanted}", short(&shown)));
        }
        read
    }
}

/// Milliseconds since 1970 of a number of seconds or milliseconds.
fn time_of_number(number: f64) -> Option<i64> {
    let ms = if number.abs() < MOST_SECONDS { number * 1e3 } else { number };
    #[allow(clippy::cast_possible_truncation, reason = "what is out of range is out of range for the timestamp, too")]
    Timestamp::from_millisecond(ms.round() as i64).ok().map(Timestamp::as_millisecond)
}
