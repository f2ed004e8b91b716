//! Why a query has no answer.

use super::syntax::ParseError;
use crate::model::PatternError;
use crate::store::StoreError;

/// Why a text is no query, selector or condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Not PromQL.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A `*` somewhere else than at the end of a metric name.
    #[error("`{0}`: a name pattern is letters, digits, `_` and `:` with one `*` at its end")]
    NamePattern(String),
    /// PromQL, but no condition of a rule.
    #[error("`{0}` is not a condition; write it like system_cpu_utilization_ratio > 0.8")]
    NoCondition(String),
    /// PromQL, but more than a selector.
    #[error("{0} is not supported here; plain selectors are, such as system_cpu_utilization_ratio{{cpu=\"0\"}} or name[5m]")]
    Unsupported(&'static str),
    /// The regular expressions cost more than allowed.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// Not PromQL, in a way that parsing does not find: an invalid regular expression or duration.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It cannot be evaluated on this data.
    #[error("{0}")]
    Execution(String),
    /// More samples than a query may read.
    #[error("the query reads more than {0} samples; ask for less time or fewer series")]
    TooManySamples(usize),
    /// More memory than a query may take.
    #[error(
        "the query needs more than {} MiB of memory, as much as `query.max_bytes` allows; ask for less time, fewer series or a longer step",
        .0 >> 20
    )]
    TooMuchMemory(usize),
    /// More work than a source that answers at once accepts.
    #[error("the query is too much to be answered at once")]
    TooMuchAtOnce,
    /// The regular expressions cost more than allowed.
    #[error(transparent)]
    Pattern(PatternError),
    /// Nobody waits for the answer.
    #[error("the query was given up: its client has gone")]
    Cancelled,
    /// It took too long.
    #[error("the query took longer than its time limit; ask for less time or fewer series")]
    Deadline,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) fn execution<T>(text: impl Into<String>) -> Result<T, EvalError> {
    Err(EvalError::Execution(text.into()))
}
