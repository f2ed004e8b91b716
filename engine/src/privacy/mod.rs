//! What is kept of what coding agents send, beside their figures.
//!
//! Agents send more than figures: prompts, answers, what tools are called with and what they give back, mail addresses and ids of accounts.
//! None of the texts is kept unless the settings say so, by [`Kinds`]; what is kept loses what looks like a secret ([`secrets`]); whoever used
//! the agent has a short name. Pure: records that are parsed already in, the same records with less in them out.
//!
//! * [`filter_lines`], [`filter_spans`] and [`filter_metrics`] are called once a request, after its facts were read and before it is kept.
//! * [`kinds`] is the table of names: what an attribute may hold. A text without a name in it is kept while it is short and on one line.
//! * Of others than agents only the messages that OpenTelemetry's conventions name (`gen_ai.*`) are left out; a line without them costs two
//!   searches in the names of its attributes.

mod json;
mod kinds;
mod lines;
mod metrics;
mod pass;
pub mod secrets;
mod spans;
#[cfg(test)]
mod tests;
mod who;

use std::sync::Arc;

use crate::re2::{Regex, RegexError, Scope};

pub use self::kinds::is_message;
pub use self::lines::filter_lines;
pub use self::metrics::filter_metrics;
pub use self::spans::filter_spans;

/// Most patterns of the settings.
pub const MAX_PATTERNS: usize = 32;
/// Longest of them, in characters.
pub const MAX_PATTERN: usize = 1_000;
/// Memory that each may take, compiled.
const PATTERN_BYTES: usize = 1 << 20;

/// The attribute that names what was left out of a line, a span or an event.
pub const LEFT_OUT: &str = "left_out";

/// Kinds of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u8);

impl Kinds {
    /// None.
    pub const NONE: Self = Self(0);
    /// What a person, or a program for one, asks for; with the instructions of the agent.
    pub const PROMPTS: Self = Self(1);
    /// What the model says.
    pub const ANSWERS: Self = Self(2);
    /// What tools are called with: commands, paths, texts of files.
    pub const TOOL_INPUTS: Self = Self(4);
    /// What tools give back.
    pub const TOOL_OUTPUTS: Self = Self(8);
    /// All of them, as the messages of a conversation have them.
    pub const ALL: Self = Self(15);
    /// Each by its name in the settings.
    pub const NAMES: [(&'static str, Self); 4] =
        [("prompts", Self::PROMPTS), ("answers", Self::ANSWERS), ("tool_inputs", Self::TOOL_INPUTS), ("tool_outputs", Self::TOOL_OUTPUTS)];

    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, kind)| kind)
    }

    /// With those of another.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of another are in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Gives the hexadecimal digits that stand for a text, at least 8, always the same for the same text. It has a key, so that nobody finds the
/// text by trying.
pub type Digest = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// What is kept.
#[derive(Clone)]
pub struct Kept {
    kinds: Kinds,
    more: Vec<Regex>,
    short_names: bool,
    digest: Digest,
}

/// Why a pattern of the settings is none.
#[derive(Debug, thiserror::Error)]
pub enum PatternFault {
    /// There are too many.
    #[error("there are {0}; must be at most {MAX_PATTERNS}")]
    TooMany(usize),
    /// It is too long.
    #[error("a pattern has {0} characters; must have at most {MAX_PATTERN}")]
    TooLong(usize),
    /// It cannot be read.
    #[error("{pattern:?}: {why}")]
    Unread {
        /// The pattern.
        pattern: String,
        /// Why not.
        why: RegexError,
    },
    /// It would take everything away, or nothing.
    #[error("{0:?} matches a text without letters; write what a secret looks like")]
    Empty(String),
}

impl Kept {
    /// Keeps these kinds, without what further patterns match. `short_names`: people and accounts have short names.
    ///
    /// # Errors
    /// [`PatternFault`]
    pub fn new(kinds: Kinds, patterns: &[String], short_names: bool, digest: Digest) -> Result<Self, PatternFault> {
        if patterns.len() > MAX_PATTERNS {
            return Err(PatternFault::TooMany(patterns.len()));
        }
        let compiled = patterns.iter().map(|pattern| {
            let characters = pattern.chars().count();
            if characters > MAX_PATTERN {
                return Err(PatternFault::TooLong(characters));
            }
            let regex = Regex::within(pattern, Scope::Anywhere, PATTERN_BYTES);
            let regex = regex.map_err(|why| PatternFault::Unread { pattern: pattern.clone(), why })?;
            if regex.is_match("") { Err(PatternFault::Empty(pattern.clone())) } else { Ok(regex) }
        });
        Ok(Self { kinds, more: compiled.collect::<Result<_, _>>()?, short_names, digest })
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("kinds", &self.kinds).field("short_names", &self.short_names).finish_non_exhaustive()
    }
}
