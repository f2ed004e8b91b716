//! Guards: a value that must not become worse while a run is watched. A value that cannot be judged counts as worse.

use crate::model::TimestampMs;
use crate::promql::syntax::Grid;
use crate::promql::{self, Answer, Query, QueryError};
use crate::rules::EvaluationLimits;
use crate::store::StoreReader;

/// `step()` and `range()` in a guard.
const GRID: Grid = Grid { step: 60_000, range: 0 };

/// Which way is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    /// More of it, as of errors and latency.
    Higher,
    /// Less of it, as of throughput.
    Lower,
}

/// By how much it may become worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// By this share of what it was before, 0.1 for a tenth.
    Share(f64),
    /// By so much, in its own unit.
    Amount(f64),
}

/// What must not become worse.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// PromQL that gives one value.
    pub query: String,
    /// Which way is worse.
    pub worse: Worse,
    /// By how much it may.
    pub limit: Limit,
    /// For how long it is watched, in ms.
    pub watch_ms: i64,
}

impl Guard {
    /// The value beyond which it trips.
    #[must_use]
    pub fn bound(&self, baseline: f64) -> f64 {
        let allowed = match self.limit {
            Limit::Share(share) => share * baseline.abs(),
            Limit::Amount(amount) => amount,
        };
        match self.worse {
            Worse::Higher => baseline + allowed,
            Worse::Lower => baseline - allowed,
        }
    }

    /// Whether a value is worse than it may be. What is no number is.
    #[must_use]
    pub fn trips(&self, baseline: f64, value: f64) -> bool {
        let bound = self.bound(baseline);
        !match self.worse {
            Worse::Higher => value <= bound,
            Worse::Lower => value >= bound,
        }
    }

    /// The worse of two values.
    #[must_use]
    pub fn worst(&self, a: f64, b: f64) -> f64 {
        match self.worse {
            Worse::Higher => a.max(b),
            Worse::Lower => a.min(b),
        }
    }
}

/// Parses the query of a guard.
///
/// # Errors
/// [`QueryError`]
pub fn parse(query: &str) -> Result<Query, QueryError> {
    Query::parse(query, GRID)
}

/// The one value of a guard now.
///
/// # Errors
/// Why it has none that can be judged, as half a sentence.
pub fn read(query: &str, store: &StoreReader, limits: &EvaluationLimits, now: TimestampMs) -> Result<f64, String> {
    let query = parse(query).map_err(|error| error.to_string())?;
    let (answer, _) = promql::evaluate(&query, &limits.params(now, now, 60_000), store).map_err(|error| error.to_string())?;
    let values: Vec<f64> = match answer {
        Answer::Scalar(values) => values.into_iter().map(|(_, value)| value).collect(),
        Answer::Vector(rows) => rows.into_iter().filter_map(|row| row.values.first().copied()).collect(),
        Answer::Text(_) | Answer::Matrix(_) => return Err("it gives no single number".to_owned()),
    };
    match values[..] {
        [] => Err("it gives no series".to_owned()),
        [value] if value.is_finite() => Ok(value),
        [value] => Err(format!("its value is {value}")),
        _ => Err(format!("it gives {} series, and one is judged", values.len())),
    }
}
