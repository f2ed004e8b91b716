//! PromQL syntax: parses a query into an expression tree and prints a tree as a query.
//!
//! ```text
//! text ─ lexer → tokens ─ parser → Expr ─ check (types) → Expr
//! ```
//!
//! The language is that of Prometheus 3.14 with every experimental feature enabled (prometheus/prometheus, promql/parser).
//! Errors have its wording. Two checks are left to the evaluator: regular expressions are not compiled here, see
//! [`VectorSelector::check_not_empty`], and durations may use `step()` and `range()`, see [`DurationExpr::millis`].
//!
//! Everything is limited, see [`MAX_QUERY_BYTES`], [`MAX_DEPTH`] and the constants beside them. Because of that, code may
//! recurse over a tree, except along the left side of binary operators, see [`Binary::chain`].

mod ast;
mod check;
mod duration;
mod error;
mod lexer;
mod number;
mod operators;
mod parser;
mod pretty;
mod print;
mod signature;
mod text;
mod token;
mod walk;

#[cfg(test)]
pub(crate) mod tests;

pub use ast::{
    Aggregate, At, Binary, Call, Cardinality, Expr, Extended, Grouping, LabelMatcher, LabelOp, MatchLabels, MatrixSelector, Number, Paren,
    SelectorId, Subquery, Text, Unary, VectorMatching, VectorSelector,
};
pub use duration::{DurationBinary, DurationExpr, DurationOp, Grid};
pub use error::{Diagnostic, ParseError, Position, TextRange};
pub use operators::{AggregateOp, BinaryOp};
pub use signature::{Arity, Lookup, Signature, ValueType};
pub(crate) use text::unquoted;
pub use token::keywords;

/// Longest accepted query, in bytes.
pub const MAX_QUERY_BYTES: usize = 1 << 20;
/// Maximum number of tokens of a query. Each takes up to about 100 bytes in the tree.
pub const MAX_TOKENS: usize = 200_000;
/// Maximum number of binary operators and signs of a query. Only dropping a chain `a + b + c` recurses along it.
pub const MAX_OPERATORS: usize = 2_048;
/// How deep parentheses may nest.
pub const MAX_NESTING: usize = 64;
/// Maximum depth of the tree. Signs, powers, subqueries and changes to operators that bind tighter count 1; a parenthesis, call
/// or aggregation counts 4 because it uses more stack. A chain `a + b + c` counts once, because it is walked by a loop. A debug
/// build parses, prints and drops a tree of this depth on a stack of 1 MiB.
pub const MAX_DEPTH: usize = 256;
/// Depth of a parenthesis, call or aggregation.
const PARENTHESIS_DEPTH: usize = 4;
/// Maximum number of label matchers of a query.
pub const MAX_MATCHERS: usize = 16_384;

/// Parses a query. Functions are known to the caller.
///
/// # Errors
/// [`ParseError`] for a syntax or type error, or a query beyond the limits.
pub fn parse(query: &str, functions: Lookup) -> Result<Expr, ParseError> {
    check_length(query)?;
    let mut expr = parser::Parser::new(query, functions).query()?;
    check::check(query, &mut expr).map_err(|diagnostic| diagnostic.within(query))?;
    Ok(expr)
}

/// Parses the labels of one series, such as `up{job="a"}` or `{"metric name", job="a"}`. Returns names and values in source
/// order; the metric name is the label `__name__`.
///
/// # Errors
/// [`ParseError`]
pub fn parse_metric(text: &str) -> Result<Vec<(String, String)>, ParseError> {
    check_length(text)?;
    parser::Parser::new(text, |_| None).metric()
}

/// The seconds of a duration such as `1h30m`.
///
/// # Errors
/// In Prometheus' words.
pub fn duration_seconds(text: &str) -> Result<f64, String> {
    match text {
        "" => Err("empty duration string".to_owned()),
        "0" => Ok(0.0),
        text => number::duration(text),
    }
}

/// Prints milliseconds as a duration: `1h30m`.
#[must_use]
pub fn duration_text(ms: i64) -> String {
    number::duration_text(ms)
}

fn check_length(query: &str) -> Result<(), ParseError> {
    if query.len() <= MAX_QUERY_BYTES {
        return Ok(());
    }
    let message = format!("the query has {} bytes; at most {MAX_QUERY_BYTES} are read", query.len());
    Err(ParseError::new(query, TextRange::default(), message))
}
