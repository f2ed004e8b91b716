//! A parsed query, and the ways to parse one.

use super::error::QueryError;
use super::functions;
use super::syntax::{self, DurationExpr, Expr, Grid, ParseError};

/// A query, ready to be evaluated.
#[derive(Debug)]
pub struct Query {
    /// The text, which errors and notes refer to.
    pub text: String,
    /// The parsed text.
    pub expr: Expr,
    /// The values of `step()` and `range()` in durations.
    pub grid: Grid,
}

impl Query {
    /// Parses a query for the instants that it will be evaluated at, which are the meaning of `step()` and `range()` in
    /// durations.
    ///
    /// # Errors
    /// [`QueryError::Parse`]
    pub fn parse(text: &str, grid: Grid) -> Result<Self, QueryError> {
        let expr = parse_expr(text)?;
        check_durations(text, &expr, grid)?;
        Ok(Self { text: text.to_owned(), expr, grid })
    }
}

/// Parses a query.
///
/// # Errors
/// [`ParseError`] for a syntax or type error, or a text beyond the limits of [`syntax`].
pub fn parse_expr(text: &str) -> Result<Expr, ParseError> {
    syntax::parse(text, functions::signature)
}

/// Formats a query as Prometheus' `format_query` does.
///
/// # Errors
/// As [`parse_expr`].
pub fn formatted(text: &str) -> Result<String, ParseError> {
    Ok(parse_expr(text)?.pretty())
}

/// Evaluates each duration once, so that an invalid one is reported before anything is read.
fn check_durations(text: &str, expr: &Expr, grid: Grid) -> Result<(), ParseError> {
    let check = |length: Option<&DurationExpr>, offset: Option<&DurationExpr>| {
        length.map_or(Ok(0), |length| length.millis(grid))?;
        offset.map_or(Ok(0), |offset| offset.offset_millis(grid))
    };
    for expr in expr.walk() {
        let checked = match expr {
            Expr::Vector(vector) => check(None, vector.offset.as_ref()),
            Expr::Matrix(matrix) => check(Some(&matrix.length), matrix.selector.offset.as_ref()),
            Expr::Subquery(subquery) => {
                check(subquery.step.as_ref(), None).and_then(|_| check(Some(&subquery.length), subquery.offset.as_ref()))
            }
            _ => continue,
        };
        checked.map_err(|error| error.within(text))?;
    }
    Ok(())
}
