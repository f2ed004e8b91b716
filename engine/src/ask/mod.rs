//! Questions in plain words: from a text to what it means, or to why it is not understood.
//!
//! ```text
//! text ─ text → tokens ─ lexicon, names, when → marks ─ read → Meaning ─ measures → queries
//! ```
//!
//! Each word of a question must be one of the grammar, the name of something that is known, or part of a time. A word that is none of these
//! refuses the question, since it may change what is asked; so does one that the meaning found has no use for. Pure: the clock, the
//! time zone and the names are arguments. `docs/ASK.md` has the grammar; `taskpulse_actors::ask` answers.

mod agents;
mod grammar;
mod lexicon;
mod meaning;
mod measures;
mod names;
mod nearest;
mod patterns;
mod read;
mod slots;
mod spelling;
#[cfg(test)]
mod tests;
mod text;
mod when;

pub use self::grammar::{NoTranslation, instructions, translation};
pub use self::meaning::{Crossing, CrossingAs, Meaning, Range, Stat, Trend, Wanted};
pub use self::measures::{Kind, Measure, Subject, measure};
pub use self::names::{Name, NameKind, Names};
pub use self::nearest::nearest;
pub use self::read::understand;
pub use self::when::Clock;

/// Longest question, in characters.
pub const MAX_CHARS: usize = 300;

/// Why a question is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// In a sentence.
    pub why: String,
    /// The word that it is about, as it was written.
    pub word: Option<String>,
    /// Whether the question is one in words, so that a model may translate it.
    pub in_words: bool,
}

impl Refusal {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), word: None, in_words: true }
    }

    /// The time zone of whoever asks is not known.
    #[must_use]
    pub fn of_zone(name: &str) -> Self {
        let name: String = name.chars().take(60).collect();
        Self::of(&name, format!("the time zone `{name}` is not known; write Europe/Berlin or UTC")).not_in_words()
    }

    fn of(word: &str, why: impl Into<String>) -> Self {
        Self { why: why.into(), word: Some(word.to_owned()), in_words: true }
    }

    /// No other words would make a question of it.
    fn not_in_words(self) -> Self {
        Self { in_words: false, ..self }
    }
}
