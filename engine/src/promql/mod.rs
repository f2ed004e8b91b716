//! The query language: PromQL over float samples, as Prometheus 3 answers it.
//!
//! `selector` says which series are meant, `eval` works expressions out over a grid of instants, the others are its parts.
//! Native histograms are not kept and not answered. Knows no HTTP; samples come from a [`Source`].

mod aggregate;
mod binary;
#[cfg(test)]
pub(crate) mod deep;
mod eval;
mod extended;
mod functions;
mod guard;
mod hash;
mod histogram;
mod info;
mod lengths;
mod memory;
mod notes;
mod places;
mod ranges;
mod reading;
mod rewrite;
mod selector;
mod source;
#[cfg(test)]
pub(crate) mod tests;

pub use eval::{ABSENT, Answer, EvalError, HourSink, Note, Notes, Params, Row, Run, SeriesSink, Source, evaluate};
pub use promql_parser::parser::Expr;
/// What an expression comes to, in Prometheus' words.
#[must_use]
pub fn kind_of(expr: &Expr) -> &'static str {
    use promql_parser::parser::value::ValueType;
    match expr.value_type() {
        ValueType::Vector => "instant vector",
        ValueType::Scalar => "scalar",
        ValueType::Matrix => "range vector",
        ValueType::String => "string",
    }
}

pub use guard::{MAX_DEPTH, MAX_MATCHERS, MAX_NESTING, MAX_OPERATORS, MAX_TOKENS};
pub use places::Places;
pub use rewrite::Grid as QueryGrid;
pub use selector::{Condition, MAX_QUERY_BYTES, QueryError, formatted, parse_expr, parse_expr_for};
pub use source::AtOnce;
