//! The query language: PromQL over float samples, as Prometheus 3 answers it.
//!
//! ```text
//! text ─ syntax → Query ─ eval (selectors read a Source) → Answer and Notes
//! ```
//!
//! [`syntax`] parses, [`FUNCTIONS`] is the table of functions, `eval` evaluates over a grid of instants. Native histograms are
//! not kept and not answered. Knows no HTTP; samples come from a [`Source`].

mod absent;
mod aggregate;
mod binary;
mod buckets;
mod calendar;
#[cfg(test)]
pub(crate) mod deep;
mod error;
mod eval;
mod extended;
mod functions;
mod hash;
mod histogram;
mod info;
mod input;
mod labels;
mod matching;
mod math;
mod memory;
mod notes;
mod order;
mod over_time;
mod query;
mod ranges;
mod rates;
mod reading;
mod selector;
mod source;
mod statistics;
pub mod syntax;
#[cfg(test)]
pub(crate) mod tests;
mod time;
mod value;

pub use buckets::{Bucket, BucketAnswer, BucketSeries, BucketSource, buckets};
pub use error::{EvalError, QueryError};
pub use eval::evaluate;
pub use functions::{FUNCTIONS, Function};
pub use input::{HourSink, Params, SeriesSink, Source};
pub use query::{Query, formatted, parse_expr};
pub use selector::{Condition, selectors};
pub use source::AtOnce;
pub(crate) use statistics::quantile;
pub use value::{ABSENT, Answer, Note, Notes, Row, SeriesSamples};
