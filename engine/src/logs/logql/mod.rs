//! The query language over log lines: LogQL as far as [`docs/LOGS.md`](../../../../docs/LOGS.md) says; the rest is refused by name.
//!
//! ```text
//! text ─ parse → Query ─┬ Lines:  selector and stages ─ lines()   → lines, newest or oldest first
//!                       └ Metric: range aggregations  ─ metric()  → values at instants
//!                                 in a PromQL expression
//! ```
//!
//! A metric query is PromQL whose leaves are range aggregations over lines: each is cut out of the text before the rest is parsed
//! ([`metric`]), evaluated over the instants while lines are read ([`range`]), and put in its place as a series
//! selector. So aggregations, operators, matching and `label_replace()` are those of [`crate::promql`]. Knows no HTTP; lines come from a
//! [`super::Source`], regular expressions from [`crate::re2`].

mod cited;
mod error;
mod export;
mod fields;
mod json;
mod label_filter;
mod line_filter;
mod lines;
mod logfmt;
mod metric;
mod parse;
mod pattern;
mod pipeline;
mod range;
mod range_op;
pub(crate) mod scan;
mod stages;
#[cfg(test)]
pub(crate) mod tests;
mod windows;

pub use cited::cited;
pub use error::LogqlError;
pub use export::Export;
pub use lines::{Around, Line, LineRequest, LinesAnswer, around, lines};
pub use metric::{MetricQuery, MetricRequest, metric};
pub use parse::{LineQuery, Query, selector};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::promql::EvalError;

/// Longest accepted query, in bytes.
pub const MAX_QUERY_BYTES: usize = 64 << 10;
/// Maximum number of stages of a pipeline.
pub const MAX_STAGES: usize = 128;
/// Maximum number of range aggregations of a query.
pub const MAX_RANGES: usize = 32;
/// Maximum number of conditions of a label filter, and of names of a stage.
pub const MAX_ITEMS: usize = 256;
/// How deep the parentheses of label filters may nest.
pub const MAX_NESTING: usize = 32;

/// What a query may take.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Memory, in bytes.
    pub max_bytes: usize,
    /// Series that one range aggregation may make.
    pub max_series: usize,
    /// When to stop.
    pub deadline: Instant,
    /// Set when nobody waits for the answer any more.
    pub cancelled: Arc<AtomicBool>,
}

impl Bounds {
    /// Whether the query may go on.
    ///
    /// # Errors
    /// [`EvalError::Cancelled`] and [`EvalError::Deadline`].
    pub fn check(&self) -> Result<(), EvalError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(EvalError::Cancelled);
        }
        if Instant::now() >= self.deadline { Err(EvalError::Deadline) } else { Ok(()) }
    }
}

/// What a query read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Lines that the source passed.
    pub lines: u64,
    /// Bytes of their bodies, as far as those were read.
    pub bytes: u64,
}
