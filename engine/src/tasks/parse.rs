//! Reading `tasks.json` and `state.json`, in every form that is met.
//!
//! Ids and dependencies are strings in one tag and numbers in another: all become strings. Files are rewritten whole, so
//! that a reader may meet half of one: [`BoardError::is_incomplete`] tells that apart from a file that is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
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

/// An id or dependency, whatever it is in the file.
struct Id(String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id: a number or a string")
            }

            fn visit_u64<E>(self, id: u64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }

            fn visit_i64<E>(self, id: i64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }

            fn visit_f64<E>(self, id: f64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }

            fn visit_str<E>(self, id: &str) -> Result<Id, E> {
                Ok(Id(id.trim().to_owned()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[derive(Deserialize)]
struct RawTag<'a> {
    #[serde(borrow)]
    tasks: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTask {
    id: Id,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    priority: Option<String>,
    #[serde(default)]
    dependencies: Option<Vec<Id>>,
    #[serde(default)]
    subtasks: Option<Vec<RawSubtask>>,
    #[serde(default)]
    updated_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSubtask {
    id: Id,
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
            let tasks: Vec<&RawValue> = serde_json::from_str(tasks.get()).map_err(|e| BoardError::of("tasks", &e))?;
            return Ok(Self { tags: BTreeMap::from([(OLD_FORMAT_TAG.to_owned(), tag(OLD_FORMAT_TAG, tasks)?)]) });
        }
        let mut tags = BTreeMap::new();
        for (name, raw) in top {
            let place = format!("tag `{name}`");
            let parsed: RawTag<'_> = serde_json::from_str(raw.get())
                .map_err(|error| BoardError::Wrong { place, reason: format!("{error}; a tag is an object {{\"tasks\": […]}}") })?;
            let made = tag(&name, parsed.tasks)?;
            tags.insert(name, made);
        }
        Ok(Self { tags })
    }
}

fn tag(name: &str, raw: Vec<&RawValue>) -> Result<Tag, BoardError> {
    let mut made = Tag::default();
    let mut ids = BTreeSet::new();
    for (at, raw) in raw.into_iter().enumerate() {
        let place = || format!("tag `{name}`, entry {} of `tasks`", at + 1);
        let task: RawTask =
            serde_json::from_str(raw.get()).map_err(|error| BoardError::Wrong { place: place(), reason: error.to_string() })?;
        let id = task.id.0;
        if !ids.insert(id.clone()) {
            let reason = format!("task `{id}` is there twice; give one of them another id");
            return Err(BoardError::Wrong { place: place(), reason });
        }
        let status = status(task.status, &mut made.unknown_statuses);
        let subtasks = task.subtasks.unwrap_or_default().into_iter().map(|sub| Subtask {
            id: sub.id.0,
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
            dependencies: task.dependencies.unwrap_or_default().into_iter().map(|id| id.0).collect(),
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
