//! What rows of costs are asked by, and how tasks are known.

use serde::{Deserialize, Serialize};

/// A dimension of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The agent.
    Agent,
    /// The model.
    Model,
    /// Project, tag and id of the task.
    Task,
    /// The tag of the task.
    Tag,
    /// The ISO week, UTC.
    Week,
    /// The day, UTC.
    Day,
    /// The branch.
    Branch,
    /// The repository, else the folder.
    Repository,
    /// The session.
    Session,
    /// The commit that the work led to.
    Commit,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Agent,
        Self::Model,
        Self::Task,
        Self::Tag,
        Self::Week,
        Self::Day,
        Self::Branch,
        Self::Repository,
        Self::Session,
        Self::Commit,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Model => "model",
            Self::Task => "task",
            Self::Tag => "tag",
            Self::Week => "week",
            Self::Day => "day",
            Self::Branch => "branch",
            Self::Repository => "repository",
            Self::Session => "session",
            Self::Commit => "commit",
        }
    }

    /// By its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }
}

/// How the task of a cost, or the session of a commit, is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The client said it.
    #[default]
    Exact,
    /// By the folder of the session and the times of the board, or of the log of the repository.
    ByFolderAndTime,
    /// Several tasks were in progress, or several sessions worked there: each has an even share.
    Shared,
}

impl How {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::ByFolderAndTime => "by_folder_and_time",
            Self::Shared => "shared",
        }
    }
}
