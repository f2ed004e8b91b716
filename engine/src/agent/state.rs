//! What a session does, and whom it waits for.

use serde::{Deserialize, Serialize};

/// Whom a session waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Wait {
    /// A person has to allow a tool.
    Permission {
        /// The tool, where it is known.
        tool: Option<String>,
    },
    /// A person has to answer.
    Answer,
    /// The model: its limit is reached, or it has too much to do.
    Model,
}

impl Wait {
    /// The word for it: `permission`, `answer` or `model`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Permission { .. } => "permission",
            Self::Answer => "answer",
            Self::Model => "model",
        }
    }
}

/// What a session does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It works.
    #[default]
    Working,
    /// It waits.
    Waiting(Wait),
    /// Its turn is over.
    Idle,
    /// It ended.
    Ended,
    /// It gave no sign for so long that it may not live any more.
    Lost,
}

impl State {
    /// All words for states.
    pub const WORDS: [&'static str; 5] = ["working", "waiting", "idle", "ended", "lost"];

    /// The word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Waiting(_) => "waiting",
            Self::Idle => "idle",
            Self::Ended => "ended",
            Self::Lost => "lost",
        }
    }

    /// Whether it ended, or may not live any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Ended | Self::Lost)
    }

    /// Whom it waits for.
    #[must_use]
    pub const fn waits_for(&self) -> Option<&'static str> {
        match self {
            Self::Waiting(wait) => Some(wait.word()),
            _ => None,
        }
    }

    /// The tool that it needs permission for.
    #[must_use]
    pub fn tool(&self) -> Option<&str> {
        match self {
            Self::Waiting(Wait::Permission { tool }) => tool.as_deref(),
            _ => None,
        }
    }
}
