//! Reading `tasks.json` and `state.json`, in every form that is met.
//!
//! Ids and dependencies are strings in one tag and numbers in another: all become strings. Files are rewritten whole, so
//! that a reader may meet half of one: [`BoardError::is_incomplete`] tells that apart from a file that is wrong.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::STATUSES;
use crate::model::TimestampMs;

/// The tag of the older format.
const OLD_FORMAT_TAG: &str = "master";

/// Why a file is not a board.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// It ends early, as a file does that is being written.
    #[error("the file ends early ({0}); it may be half-written")]
    Incomplete(String),
    /// It is no JSON, or not that of a board.
    #[error("{place}: {reason}")]
    Wrong {
        /// Which part.
        place: String,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl BoardError {
    /// Whether reading again shortly may help.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Incomplete(_))
    }

    fn of(place: &str, error: &serde_json::Error) -> Self {
        if error.is_eof() {
            Self::Incomplete(error.to_string())
        } else {
            Self::Wrong { place: place.to_owned(), reason: error.to_string() }
        }
    }
}

/// A subtask.
#[derive(Debug, Clone, PartialEq)]
pub struct Subtask {
    /// Its number within the task.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: String,
    /// When it last changed.
    pub updated_at: Option<TimestampMs>,
}

/// A task.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its id within the tag.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: String,
    /// Its priority; empty where the file has none.
    pub priority: String,
    /// Ids of tasks (`3`) and subtasks (`3.1`) that must be done before.
    pub dependencies: Vec<String>,
    /// Its subtasks.
    pub subtasks: Vec<Subtask>,
    /// When it last changed; absent until the first change.
    pub updated_at: Option<TimestampMs>,
}

/// The tasks of one tag.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tag {
    /// In the order of the file.
    pub tasks: Vec<Task>,
    /// Statuses that Task Master does not have.
    pub unknown_statuses: BTreeSet<String>,
}

/// A board: its tags by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Board {
    /// The tags.
    pub tags: BTreeMap<String, Tag>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawId {
    Whole(i64),
    Float(f64),
    Text(String),
}

impl RawId {
    fn text(self) -> String {
        match self {
            Self::Whole(id) => id.to_string(),
            Self::Float(id) => id.to_string(),
            Self::Text(id) => id.trim().to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct RawTag {
    tasks: Vec<RawTask>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTask {
    id: RawId,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    priority: Option<String>,
    #[serde(default)]
    dependencies: Option<Vec<RawId>>,
    #[serde(default)]
    subtasks: Option<Vec<RawSubtask>>,
    #[serde(default)]
    updated_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSubtask {
    id: RawId,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
}

fn time(text: Option<String>) -> Option<TimestampMs> {
    text?.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

impl Board {
    /// Reads a `tasks.json`.
    ///
    /// # Errors
    /// [`BoardError`] says what is wrong where, or that the file ends early.
    pub fn parse(bytes: &[u8]) -> Result<Self, BoardError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(BoardError::Incomplete("it is empty".to_owned()));
        }
        let top: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes).map_err(|e| BoardError::of("tasks.json", &e))?;
        // The older format is one bare {"tasks": […]}; the newer one has an object for each tag.
        if let Some(tasks) = top.get("tasks").filter(|raw| raw.get().starts_with('[')) {
            let tasks: Vec<RawTask> = serde_json::from_str(tasks.get()).map_err(|e| BoardError::of("tasks", &e))?;
            return Ok(Self { tags: BTreeMap::from([(OLD_FORMAT_TAG.to_owned(), tag(OLD_FORMAT_TAG, tasks)?)]) });
        }
        let mut tags = BTreeMap::new();
        for (name, raw) in top {
            let place = format!("tag `{name}`");
            let parsed: RawTag = serde_json::from_str(raw.get())
                .map_err(|error| BoardError::Wrong { place, reason: format!("{error}; a tag is an object {{\"tasks\": […]}}") })?;
            let made = tag(&name, parsed.tasks)?;
            tags.insert(name, made);
        }
        Ok(Self { tags })
    }
}

fn tag(name: &str, raw: Vec<RawTask>) -> Result<Tag, BoardError> {
    let mut made = Tag::default();
    let mut ids = BTreeSet::new();
    for task in raw {
        let id = task.id.text();
        if !ids.insert(id.clone()) {
            let reason = format!("task `{id}` is there twice; give one of them another id");
            return Err(BoardError::Wrong { place: format!("tag `{name}`"), reason });
        }
        let status = status(task.status, &mut made.unknown_statuses);
        let subtasks = task.subtasks.unwrap_or_default().into_iter().map(|sub| Subtask {
            id: sub.id.text(),
            title: sub.title.unwrap_or_default(),
            status: self::status(sub.status, &mut made.unknown_statuses),
            updated_at: time(sub.updated_at),
        });
        let subtasks = subtasks.collect();
        made.tasks.push(Task {
            id,
            title: task.title.unwrap_or_default(),
            status,
            priority: task.priority.unwrap_or_default(),
            dependencies: task.dependencies.unwrap_or_default().into_iter().map(RawId::text).collect(),
            subtasks,
            updated_at: time(task.updated_at),
        });
    }
    Ok(made)
}

/// A status under the name that counts: `completed` is how older files say `done`; none is `pending`.
fn status(raw: Option<String>, unknown: &mut BTreeSet<String>) -> String {
    let status = raw.map(|s| s.trim().to_lowercase()).filter(|s| !s.is_empty()).unwrap_or_else(|| "pending".to_owned());
    if status == "completed" {
        return "done".to_owned();
    }
    if !STATUSES.contains(&status.as_str()) {
        unknown.insert(status.clone());
    }
    status
}

/// The current tag that a `state.json` names.
#[must_use]
pub fn current_tag(state: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct State {
        current_tag: Option<String>,
    }
    serde_json::from_slice::<State>(state).ok()?.current_tag
}
