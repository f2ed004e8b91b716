//! Why a query over lines has no answer.

use crate::logs::SourceError;
use crate::promql::EvalError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum LogqlError {
    /// As for queries over samples: its time or memory is used up, or it cannot be evaluated.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// Lines could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A stage failed for a line, and no filter chose what happens with such lines.
    #[error(
        "pipeline error: '{error}' for series: '{labels}'. Use a label filter to intentionally skip this error, such as | __error__=\"\", \
         or | drop __error__"
    )]
    Pipeline {
        /// The value of `__error__`.
        error: String,
        /// The labels of the line.
        labels: String,
    },
    /// A range aggregation makes more series than a query may.
    #[error("the query makes more than {0} series; aggregate by fewer labels, such as sum by (app) (…), or select fewer streams")]
    TooManySeries(usize),
}
