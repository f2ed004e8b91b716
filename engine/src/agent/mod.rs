//! Coding agents as a source: what they send becomes sessions with states and figures.
//!
//! Pure: records that are already parsed and the time of arrival in, documents for the store out.
//!
//! 1. [`lines`], [`points`], [`spans`], [`hook`] and [`status_line`] read what a client sent and give [`Signal`]s. [`clients`] is the one
//!    table of names.
//! 2. [`Book`] applies signals. Each figure counts once, whichever ways it came: a countable fact has an identity, and what is known
//!    already is merged, not added. So requests may come in any order, and again.
//! 3. [`costs`] adds up what sessions cost by task, model, commit and so on; the rest is a line of its own.
//!
//! Texts of prompts, answers and tools are read for facts (an exit code, the id of a commit) and never kept here.

mod attributes;
mod book;
mod by;
mod changes;
mod clients;
mod commits;
pub mod costs;
pub mod effort;
mod figures;
pub mod findings;
#[cfg(test)]
pub(crate) mod fuzz;
mod history;
mod hook;
mod item;
mod lines;
mod memory;
mod pace;
mod page;
mod points;
pub mod processes;
mod runs;
mod session;
mod signal;
mod spans;
mod state;
mod status_line;
#[cfg(test)]
mod tests;
mod totals;

pub use self::book::{Book, DOCUMENTS, MAX_SESSIONS, PageStore, pages_between};
pub use self::clients::{Client, agent_of_metric, client_named, client_names, client_programs, is_agent};
pub use self::commits::{Commit, CommitLog, MIN_ID, SeenCommit, is_same_commit};
pub use self::figures::{Figures, ToolCounts};
pub use self::history::{MAX_STATES, Stay};
pub use self::hook::{Hook, HookError, hook};
pub use self::item::{Item, Kind, Outcome, Sum, Tokens};
pub use self::lines::lines;
pub use self::page::Page;
pub use self::points::points;
pub use self::session::{Limit, Session, Subagent};
pub use self::signal::{About, Fact, SessionKey, Signal, TaskRef, Way, Written, on_machine};
pub use self::spans::spans;
pub use self::state::{State, Wait};
pub use self::status_line::status_line;
pub use self::totals::{Totals, push_findings, push_states};
