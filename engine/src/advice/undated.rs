//! File systems and memory for which there is no date at which they will be full, and why.

use crate::forecast::fill::{Answer, Cleared};
use crate::forecast::record::Subject;
use crate::model::Labels;

/// A level for which there is no date.
#[derive(Debug, Clone, PartialEq)]
pub struct Undated {
    /// What would be full.
    pub subject: Subject,
    /// The series of its level.
    pub labels: Labels,
    /// How full it is, 0 to 1.
    pub level: f64,
    /// Why there is none.
    pub why: WhyUndated,
}

/// Why there is no date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WhyUndated {
    /// It may never be full.
    MayNever {
        /// Share of the trials that are full within a week.
        in_week: f64,
        /// Share of the trials that are full as far as trials go.
        ever: f64,
        /// Where it was always cleared before.
        cleared: Option<Cleared>,
    },
    /// Memory of a machine goes up and down, and was higher than now before the last day.
    WasHigher {
        /// The highest level of that time.
        highest: f64,
    },
    /// Too little is known.
    TooEarly {
        /// Hours that are known.
        hours: usize,
        /// Whether it grows ever more slowly since it began.
        slows: bool,
    },
}

impl WhyUndated {
    /// None for an answer with a date.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        match *answer {
            Answer::Full | Answer::Date(_) => None,
            Answer::MayNever { in_week, ever, cleared } => Some(Self::MayNever { in_week, ever, cleared }),
            Answer::TooEarly { hours, slows } => Some(Self::TooEarly { hours, slows }),
        }
    }
}
