//! A rule over log lines: a metric query of LogQL in the place of PromQL.
//!
//! Where no line matches, its query has no result: an alert that fired ends then, and none begins.

use std::sync::Arc;
use std::time::Instant;

use super::condition::{self, ClearQuery, ConditionError, Limit};
use super::evaluate::EvaluationLimits;
use super::spec::{Clear, RuleSpec};
use crate::logs::logql::{self, Bounds, LogqlError, MetricQuery, MetricRequest};
use crate::model::{Labels, TimestampMs, is_stale_marker};
use crate::promql::syntax::Grid;
use crate::promql::{Answer, EvalError, Row, Source};

/// Series that a range aggregation of a rule may make.
const MAX_SERIES: usize = 10_000;
/// Nanoseconds of a millisecond.
const MS: i64 = 1_000_000;
const KEY: &str = "logql";

/// The condition of a rule over log lines, parsed.
#[derive(Debug, Clone)]
pub struct LinesCondition {
    /// Its result is what holds, or what is recorded.
    pub query: Arc<MetricQuery>,
    /// The query as text, with what `unless` leaves out.
    pub text: String,
    /// When an alert that fires ends.
    pub clear: Option<ClearQuery<Arc<MetricQuery>>>,
    /// What the values of its result are compared with, where it is a comparison with a number.
    pub compares: Option<Limit>,
}

impl LinesCondition {
    /// Parses the condition of a rule with the key `logql`.
    pub(super) fn new(text: &str, spec: &RuleSpec) -> Result<Self, ConditionError> {
        let plain = parse(KEY, text)?;
        let compares = condition::compares(plain.expr());
        // A comment at the end of a query ends with its line.
        let text = match &spec.unless {
            None => text.to_owned(),
            Some(unless) => {
                parse("unless", unless)?;
                format!("({text}\n) unless ({unless}\n)")
            }
        };
        let query = if spec.unless.is_some() { parse("unless", &text)? } else { plain };
        let clear = match &spec.clear {
            None => None,
            Some(Clear::When(text)) => Some(ClearQuery::With(Arc::new(parse("clear", text)?))),
            Some(Clear::At(limit)) => {
                let mut cleared = parse(KEY, spec.logql.as_deref().unwrap_or(&text))?;
                if !condition::set_limit(cleared.expr_mut(), *limit) {
                    return Err(ConditionError::NothingToClear);
                }
                Some(ClearQuery::Without(Arc::new(cleared)))
            }
        };
        Ok(Self { query: Arc::new(query), text, clear, compares })
    }
}

fn parse(key: &'static str, text: &str) -> Result<MetricQuery, ConditionError> {
    let refuse = |message: String| ConditionError::Lines { key, message };
    match logql::Query::parse(text, Grid::default()) {
        Ok(logql::Query::Metric(query)) => Ok(*query),
        Ok(logql::Query::Lines(_)) => {
            Err(refuse("lines are no values; put a function around them, such as count_over_time({app=\"web\"} [5m]) > 0".to_owned()))
        }
        Err(error) => Err(refuse(error.to_string())),
    }
}

/// Checks the query of LogQL of a rule.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn check_lines(text: &str) -> Result<(), String> {
    match parse(KEY, text) {
        Ok(_) => Ok(()),
        Err(ConditionError::Lines { message, .. }) => Err(message),
        Err(other) => Err(other.to_string()),
    }
}

/// The rows of a query over a grid.
pub(super) fn rows_of(
    query: &MetricQuery,
    (start, end, step_ms): (TimestampMs, TimestampMs, i64),
    source: &dyn Source,
    limits: &EvaluationLimits,
) -> Result<Vec<Row>, LogqlError> {
    let deadline = Instant::now() + limits.timeout;
    let Some(lines) = source.lines(deadline) else {
        return Err(EvalError::Execution("there are no log lines where this rule is evaluated".to_owned()).into());
    };
    let request = MetricRequest { start: start.saturating_mul(MS), end: end.saturating_mul(MS), step_ms, now: end };
    let bounds = Bounds { max_bytes: limits.max_bytes, max_series: MAX_SERIES, deadline, cancelled: Arc::clone(&limits.cancelled) };
    match logql::metric(query, &request, &bounds, &*lines)?.0 {
        Answer::Vector(rows) => Ok(rows),
        Answer::Scalar(points) => Ok(vec![Row::new(Labels::none(), points.into_iter().map(|(_, v)| v).collect())]),
        Answer::Text(_) | Answer::Matrix(_) => Err(EvalError::Execution("the result is neither a vector nor a scalar".to_owned()).into()),
    }
}

/// The result of a query at an instant.
pub(super) fn lines_at(
    query: &MetricQuery,
    t: TimestampMs,
    source: &dyn Source,
    limits: &EvaluationLimits,
) -> Result<Vec<(Labels, f64)>, LogqlError> {
    let value = |row: Row| Some((row.labels, row.values.first().copied().filter(|v| !is_stale_marker(*v))?));
    Ok(rows_of(query, (t, t, 1), source, limits)?.into_iter().filter_map(value).collect())
}
