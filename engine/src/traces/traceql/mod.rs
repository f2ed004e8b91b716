//! The query language over traces: TraceQL as far as [`docs/TRACES.md`](../../../../docs/TRACES.md) says; the rest is refused by name.
//!
//! ```text
//! text ─ parse → Query: filters of spans, combined within a trace, and stages
//!                  ├ search()  → traces, the newest first
//!                  └ tags      → names and values of attributes
//! ```
//!
//! A filter is asked twice. While spans are read, it says which traces may match: what depends on the whole trace is not known then.
//! Each such trace is read whole, and the query decides on it. Values of attributes are texts; the query says how one is read: beside a
//! number as a number, beside a length of time as that. Knows no HTTP; spans come from a [`Source`], regular expressions from
//! [`crate::re2`] and match a whole value.

mod condition;
mod field;
mod operand;
mod parse;
mod search;
mod source;
mod spansets;
mod tags;
#[cfg(test)]
pub(crate) mod tests;
mod trace;

pub use condition::Filter;
pub use field::{Field, INTRINSICS, Intrinsic, Scope};
pub use parse::{Query, field};
pub use search::{Found, Matched, SearchAnswer, SearchRequest, ServiceCount, search};
pub use source::{Scan, Source, StoreSpans, TraceqlError};
pub use tags::{NAMES_READ, Names, NamesRequest, SpanNames, names, span_names, values};

/// Maximum number of conditions of a query.
pub const MAX_CONDITIONS: usize = 256;
/// Maximum number of spanset filters of a query.
pub const MAX_FILTERS: usize = 32;
/// Maximum number of stages of a query.
pub const MAX_STAGES: usize = 32;
/// How deep parentheses may nest.
pub const MAX_NESTING: usize = 32;
/// Traces that one search reads whole.
pub const MAX_TRACES_READ: usize = 100_000;
