//! Experiments: changes that somebody marked, followed until it is known whether they helped.
//!
//! An experiment is a query, a moment and a wish: is lower better, or higher? [`judge`] compares the days after the moment with the same
//! hours of the weeks before ([`crate::effect::follow`]) and says which [`State`] that makes. [`Book`] keeps all of them, and finds those
//! whose changes cannot be told apart. The time before the moment is kept with the experiment, so that it stays the same however short the
//! retention is. Pure, but for [`judged`] and [`beside`], which read the store.

mod book;
mod judge;
mod read;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::book::{Advised, Beside, Book, Draft, ExperimentError, KEEP_REMOVED_MS, MAX_EXPERIMENTS, MAX_TITLE};
pub use self::judge::judge;
pub use self::read::{Reading, beside, judged};
use crate::effect::{Effect, Hours};
use crate::model::{Labels, TimestampMs};

/// What would be an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less of it, as of durations and errors.
    #[default]
    Lower,
    /// More of it, as of throughput.
    Higher,
}

/// Whether a change helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There are not enough days yet.
    TooEarly,
    /// The series went where it was to go, by more than chance explains.
    Verified,
    /// It went the other way, by more than chance explains.
    Regressed,
    /// It did not move by a fifth or more.
    Ineffective,
    /// Neither is known: the interval is too wide.
    Inconclusive,
    /// Something else changed as well.
    Confounded,
    /// It cannot be compared.
    Unknown,
}

impl State {
    /// As documents, events and clients have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooEarly => "too_early",
            Self::Verified => "verified",
            Self::Regressed => "regressed",
            Self::Ineffective => "ineffective",
            Self::Inconclusive => "inconclusive",
            Self::Confounded => "confounded",
            Self::Unknown => "unknown",
        }
    }
}

/// Another change within the time that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherChange {
    /// `experiment` or `recommendation`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// When it was, ms UTC.
    pub at: TimestampMs,
}

/// What is known of an experiment. Times are ms UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgment {
    /// What that makes.
    pub state: State,
    /// Since when it has been so.
    pub since: TimestampMs,
    /// When this was found; later looks found the same.
    pub judged_at: TimestampMs,
    /// When it can be judged first; none where it never can.
    pub judged_from: Option<TimestampMs>,
    /// What was measured.
    pub effect: Option<Effect>,
    /// What else changed.
    pub others: Vec<OtherChange>,
    /// What is missing.
    pub missing: Option<String>,
    /// The result for people.
    pub sentence: String,
    /// Whether it stays like this.
    pub is_final: bool,
}

/// An experiment. It is kept as a document, so fields are only ever added. Times are ms UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// The same for the same title, query, control and moment.
    pub id: String,
    /// What was changed; may be empty.
    pub title: String,
    /// What is compared.
    pub expr: String,
    /// A series that the change did not touch.
    pub control: Option<String>,
    /// What would be an improvement.
    pub better: Better,
    /// When the change was made.
    pub at: TimestampMs,
    /// The days after it that are compared.
    pub days: i64,
    /// When somebody asked.
    pub created_at: TimestampMs,
    /// When somebody removed it; it can be restored for a while.
    pub removed_at: Option<TimestampMs>,
    /// The labels of the series.
    pub metric: Labels,
    /// The hours before the change.
    pub before: Hours,
    /// The hours of the control before the change.
    pub control_before: Hours,
    /// The advice that was carried out, where it was that.
    #[serde(default)]
    pub recommendation: Option<String>,
    /// What is known.
    pub judgment: Judgment,
}
