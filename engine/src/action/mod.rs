//! Actions: commands of the settings that carry out advice, watched by a guard, and undone where that is the safe side.
//!
//! [`Run::next`] says what a run needs next, and [`ActionBook`] which runs there are: never two at the same time, and each whose command
//! began ends kept or undone, or says that a person must see to it. Pure: times, ends of programs and values of guards are arguments;
//! [`guard::read`] reads one from a store. Whoever carries runs out keeps each state *before* it does what the state asks for, so that
//! a service that was killed finds in its store what it had begun ([`ActionBook::restarted`]).

mod book;
pub mod guard;
mod run;
#[cfg(test)]
mod tests;

pub use self::book::{ActionBook, ActionError, MAX_RUNS};
pub use self::guard::{Guard, Limit, Worse};
pub use self::run::{Advice, By, Exit, GuardValues, Next, Report, Run, State, Step};

/// Who decides that the command of a binding runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A person, each time.
    Ask,
    /// The service, once for each recommendation that is open for so long.
    Auto {
        /// How long, in ms.
        after_ms: i64,
    },
}

/// What the settings bind the recommendations of an advisor to. The commands themselves are the shell's business.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// The advisor, which is the name of the binding as well.
    pub advisor: String,
    /// Who decides.
    pub mode: Mode,
    /// What must not become worse.
    pub guard: Guard,
    /// Shortest time between two of its runs, in ms.
    pub cooldown_ms: i64,
}
