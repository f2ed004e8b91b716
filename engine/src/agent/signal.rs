//! What a client said, in one form for all of them.

use serde::{Deserialize, Serialize};

use super::item::Item;
use super::session::Limit;
use super::state::Wait;
use crate::model::{TimestampMs, fnv1a};

/// Longest name, id or folder that is kept, in bytes.
const MAX_TEXT: usize = 512;

/// A session of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionKey {
    /// The agent: `claude-code`, `codex`, `gemini-cli`, `opencode`.
    pub agent: String,
    /// What the agent calls it.
    pub id: String,
    /// The machine, where it is known. Two machines may have sessions of one id.
    pub host: String,
}

/// How a signal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// An event of a hook.
    Hook,
    /// A log record.
    Line,
    /// A data point of a metric.
    Point,
    /// A span.
    Span,
    /// What a status line is given.
    StatusLine,
}

impl Way {
    /// Its bit in a set.
    #[must_use]
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A task as a client names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct TaskRef {
    /// The project, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub project: String,
    /// The tag, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// Its id.
    pub id: String,
}

impl TaskRef {
    /// Whether it may be that task of a board: tag and project may have been left out.
    #[must_use]
    pub fn may_be(&self, known: &Self) -> bool {
        let fits = |said: &str, is: &str| said.is_empty() || said == is;
        self.id == known.id && fits(&self.tag, &known.tag) && fits(&self.project, &known.project)
    }
}

/// What is said of a session beside the fact; what is absent is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// Its folder.
    pub folder: Option<String>,
    /// The task that it works on.
    pub task: Option<TaskRef>,
    /// The branch.
    pub branch: Option<String>,
    /// The repository.
    pub repository: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The version of the agent.
    pub version: Option<String>,
    /// Whether another machine says it.
    pub is_elsewhere: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Nothing more than that it lives. Makes no session.
    Seen,
    /// It began.
    Started,
    /// It works: a prompt came, a tool runs, the model answered.
    Works,
    /// It waits.
    Waits(Wait),
    /// Its turn is over.
    TurnEnded,
    /// It ended.
    Ended,
    /// Something that is counted, with its identity.
    Counted(u64, Box<Item>),
    /// A subagent began, or ended.
    Subagent {
        /// Its id.
        id: String,
        /// Its kind.
        kind: Option<String>,
        /// Whether it ended.
        ended: bool,
    },
    /// A tool was called with these inputs: for finding loops.
    Called {
        /// The tool.
        tool: String,
        /// The hash of what it was given.
        input: u64,
        /// Whether it failed.
        failed: bool,
    },
    /// A file may have changed; what was written where that is known.
    Changed(Option<Written>),
    /// The part of the context that is used.
    Context(f64),
    /// The limits of the plan.
    Limits(Vec<Limit>),
    /// Money so far, in millionths of a dollar.
    CostSoFar(u64),
}

impl Fact {
    pub(super) fn counted(id: u64, item: Item) -> Self {
        Self::Counted(id, Box::new(item))
    }
}

/// A file was written, as hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The file.
    #[serde(rename = "f")]
    pub file: u64,
    /// The part that was replaced; none where all of it was.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// What was written.
    #[serde(rename = "w")]
    pub after: u64,
}

/// A fact about a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// The session.
    pub session: SessionKey,
    /// When it happened, by the client's clock where it says so.
    pub at: TimestampMs,
    /// How it came.
    pub way: Way,
    /// What else is said.
    pub about: About,
    /// What happened.
    pub fact: Fact,
}

/// Says on which machine what was said happened, where it is known.
pub fn on_machine(signals: &mut [Signal], host: &str) {
    signals.iter_mut().for_each(|signal| signal.session.host = kept(host));
}

/// The identity of a countable fact.
pub(super) fn identity(kind: &str, parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| [0xff].into_iter().chain(part.bytes()));
    fnv1a(kind.bytes().chain(bytes))
}

/// A name that is kept: cut to what is shown, with U+FFFD for control characters.
pub(super) fn kept(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    clean[..clean.floor_char_boundary(MAX_TEXT)].to_owned()
}
