//! What a rule asks: the parsed form of `expr`, `absent` and `clear`.
//!
//! ```text
//! selector op number   judged on each sample, as soon as it is stored
//! any other PromQL     evaluated at each instant of its group
//! LogQL                as any other PromQL, over log lines ([`super::lines`])
//! ```

use std::sync::Arc;

use super::lines::LinesCondition;
use super::spec::{Clear, RuleSpec};
use crate::model::{Comparison, MatchOp, NAME_LABEL, Selector};
use crate::promql::syntax::{Binary, BinaryOp, Expr, Grid, Number, ValueType};
use crate::promql::{self, Query, QueryError};

/// Time over which a series of `absent` must have had samples, so that it is missed.
const ABSENT_OVER: &str = "1d";

/// The condition of a rule, parsed.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Compares each sample with a number.
    Sample(SampleCondition),
    /// All other queries over samples.
    Query(QueryCondition),
    /// Queries over log lines.
    Lines(LinesCondition),
}

/// `selector op number`.
#[derive(Debug, Clone)]
pub struct SampleCondition {
    /// The series whose samples it judges.
    pub selector: Selector,
    /// What they are compared with.
    pub limit: Limit,
    /// What they are compared with while the alert fires.
    pub clear: f64,
}

/// An expression that is evaluated at instants.
#[derive(Debug, Clone)]
pub struct QueryCondition {
    /// Its result is what holds, or what is recorded.
    pub query: Arc<Query>,
    /// For a comparison: gives 0 or 1 where `query` leaves series out. A series without a result has no samples.
    pub compared: Option<Arc<Query>>,
    /// When an alert that fires ends.
    pub clear: Option<ClearQuery<Arc<Query>>>,
    /// What the values of its metric are compared with, where `expr` is `selector op number`.
    pub limit: Option<Limit>,
    /// What the values of its result are compared with, where `expr` is a comparison with a number.
    pub compares: Option<Limit>,
    /// The metric of that selector, where it names one.
    of_metric: Option<String>,
    /// The series that it reads.
    pub selectors: Vec<Selector>,
}

/// When an alert that fires ends, by a query over samples or over log lines.
#[derive(Debug, Clone)]
pub enum ClearQuery<Q> {
    /// When this has no result for it.
    Without(Q),
    /// When this has a result for it.
    With(Q),
}

impl<Q> ClearQuery<Q> {
    /// The result of the query, and whether it ends the alerts that it has (true) or those that it lacks.
    pub(super) fn result<T, E>(&self, ask: impl FnOnce(&Q) -> Result<T, E>) -> Result<(T, bool), E> {
        match self {
            Self::Without(query) => Ok((ask(query)?, false)),
            Self::With(query) => Ok((ask(query)?, true)),
        }
    }
}

/// A comparison with a number: what a chart of the metric shows as a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// How values are compared.
    pub op: Comparison,
    /// With what.
    pub threshold: f64,
}

/// Why the condition of a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// None of `expr`, `absent` and `logql`.
    #[error("it has no condition; give it `expr`, `absent` or `logql`")]
    Missing,
    /// Two conditions.
    #[error("it has both `{0}` and `{1}`; give it one of them")]
    Two(&'static str, &'static str),
    /// Not a query that can be used there.
    #[error("{key}: {source}")]
    Query {
        /// The key.
        key: &'static str,
        /// Why.
        source: QueryError,
    },
    /// Not a query over log lines that can be used there.
    #[error("{key}: {message}")]
    Lines {
        /// The key.
        key: &'static str,
        /// Why.
        message: String,
    },
    /// A result that is no vector and no number.
    #[error("expr: its result is a {0}; a rule needs a vector or a scalar")]
    NoVector(&'static str),
    /// A number as `clear` without a number to replace.
    #[error("clear: a number needs an `expr` that ends in a comparison with a number; give an expression instead")]
    NothingToClear,
    /// A key that recording rules do not have.
    #[error("`{0}` is for alerts; a recording rule has none")]
    OnlyForAlerts(&'static str),
    /// A name that no metric may have.
    #[error("record: `{0}` is no metric name")]
    BadName(String),
}

impl Condition {
    /// Parses the condition of a rule.
    ///
    /// # Errors
    /// [`ConditionError`] names the key and says what would be right.
    pub(super) fn new(spec: &RuleSpec, on_samples: bool) -> Result<Self, ConditionError> {
        let (key, text) = match (&spec.expr, &spec.absent, &spec.logql) {
            (Some(_), Some(_), _) => return Err(ConditionError::Two("expr", "absent")),
            (Some(_), _, Some(_)) => return Err(ConditionError::Two("expr", "logql")),
            (_, Some(_), Some(_)) => return Err(ConditionError::Two("absent", "logql")),
            (None, None, None) => return Err(ConditionError::Missing),
            (Some(expr), None, None) => ("expr", expr.clone()),
            (None, Some(absent), None) => ("absent", absent_query(absent)?),
            (None, None, Some(logql)) => return LinesCondition::new(logql, spec).map(Self::Lines),
        };
        let refuse = |source| ConditionError::Query { key, source };
        let compared = if spec.record.is_some() { None } else { compared(&text).map_err(refuse)? };
        match (compared, &spec.clear, &spec.unless) {
            (Some(promql::Condition { selector, op, threshold }), None | Some(Clear::At(_)), None) if on_samples => {
                let clear = if let Some(Clear::At(clear)) = spec.clear { clear } else { threshold };
                Ok(Self::Sample(SampleCondition { selector, limit: Limit { op, threshold }, clear }))
            }
            (compared, clear, unless) => {
                let mut condition = QueryCondition::new(key, &text, clear.as_ref(), unless.as_deref())?;
                // Without samples the selector is all that says what an alert is about. A limit of each other kind has no sentence yet.
                if let Some(promql::Condition { selector, op, threshold }) = compared.filter(|_| unless.is_some()) {
                    condition.limit = Some(Limit { op, threshold });
                    condition.of_metric = metric_of(&selector).map(str::to_owned);
                }
                Ok(Self::Query(condition))
            }
        }
    }

    /// The condition as written.
    #[must_use]
    pub fn text(&self, spec: &RuleSpec) -> String {
        match self {
            Self::Query(condition) if spec.expr.is_none() => condition.query.text.clone(),
            Self::Query(_) | Self::Sample(_) => spec.expr.clone().unwrap_or_default(),
            Self::Lines(_) => spec.logql.clone().unwrap_or_default(),
        }
    }

    /// The condition as one query, with what `unless` leaves out.
    #[must_use]
    pub fn query(&self, spec: &RuleSpec) -> String {
        match self {
            Self::Query(condition) => condition.query.text.clone(),
            Self::Lines(condition) => condition.text.clone(),
            Self::Sample(_) => spec.expr.clone().unwrap_or_default(),
        }
    }

    /// The metric that it is about, where it is about one.
    #[must_use]
    pub fn metric(&self) -> Option<&str> {
        match self {
            Self::Sample(condition) => metric_of(&condition.selector),
            Self::Query(condition) if condition.of_metric.is_some() => condition.of_metric.as_deref(),
            Self::Query(condition) => match &condition.selectors[..] {
                [only] => metric_of(only),
                _ => None,
            },
            Self::Lines(_) => None,
        }
    }

    /// What the values of its metric are compared with.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Self::Sample(condition) => Some(condition.limit),
            Self::Query(condition) => condition.limit,
            Self::Lines(_) => None,
        }
    }

    /// What the values of its result are compared with.
    #[must_use]
    pub fn compares(&self) -> Option<Limit> {
        match self {
            Self::Sample(condition) => Some(condition.limit),
            Self::Query(condition) => condition.compares,
            Self::Lines(condition) => condition.compares,
        }
    }

    /// The series that it reads.
    #[must_use]
    pub fn selectors(&self) -> &[Selector] {
        match self {
            Self::Sample(condition) => std::slice::from_ref(&condition.selector),
            Self::Query(condition) => &condition.selectors,
            Self::Lines(_) => &[],
        }
    }
}

/// `selector op number`; none for all other queries.
fn compared(text: &str) -> Result<Option<promql::Condition>, QueryError> {
    match promql::Condition::parse(text) {
        Ok(condition) => Ok(Some(condition)),
        Err(QueryError::NoCondition(_) | QueryError::Unsupported(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The metric that a selector names.
fn metric_of(selector: &Selector) -> Option<&str> {
    selector.matchers.iter().find_map(|matcher| match &matcher.op {
        MatchOp::Equal(name) if matcher.name == NAME_LABEL => Some(name.as_str()),
        _ => None,
    })
}

/// Each series that had samples and has none now, and the selector itself where no series has any.
fn absent_query(selector: &str) -> Result<String, ConditionError> {
    let refuse = |source| ConditionError::Query { key: "absent", source };
    let parsed = Selector::parse(selector).map_err(refuse)?;
    if parsed.range.is_some() {
        return Err(refuse(QueryError::Unsupported("a range")));
    }
    Ok(format!("(last_over_time({selector}[{ABSENT_OVER}]) unless {selector}) or absent_over_time({selector}[{ABSENT_OVER}])"))
}

impl QueryCondition {
    fn new(key: &'static str, text: &str, clear: Option<&Clear>, unless: Option<&str>) -> Result<Self, ConditionError> {
        let plain = parse(key, text)?;
        let query = match unless {
            None => Arc::clone(&plain),
            Some(unless) => {
                parse("unless", unless)?;
                parse("unless", &format!("({text}) unless ({unless})"))?
            }
        };
        match plain.expr.value_type() {
            ValueType::Vector | ValueType::Scalar => {}
            ValueType::Matrix => return Err(ConditionError::NoVector("range vector")),
            ValueType::String => return Err(ConditionError::NoVector("text")),
        }
        let selectors = promql::selectors(&query).map_err(|source| ConditionError::Query { key, source })?;
        let compared = with_comparison(key, text, |binary| binary.returns_bool = true)?;
        let clear = match clear {
            None => None,
            Some(Clear::When(text)) => {
                let query = parse("clear", text)?;
                promql::selectors(&query).map_err(|source| ConditionError::Query { key: "clear", source })?;
                Some(ClearQuery::With(query))
            }
            Some(Clear::At(limit)) => Some(ClearQuery::Without(with_limit(key, text, *limit)?)),
        };
        Ok(Self { query, compared, clear, limit: None, compares: compares(&plain.expr), of_metric: None, selectors })
    }

    /// The metrics that it reads by name; none where a selector does not name its metric.
    #[must_use]
    pub fn metrics(&self) -> Option<Vec<&str>> {
        self.selectors.iter().map(metric_of).collect()
    }
}

fn parse(key: &'static str, text: &str) -> Result<Arc<Query>, ConditionError> {
    Query::parse(text, Grid::default()).map(Arc::new).map_err(|source| ConditionError::Query { key, source })
}

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    matches!(op, Equal | Greater | GreaterEqual | Less | LessEqual | NotEqual)
}

/// The comparison at the top of an expression.
fn comparison(expr: &mut Expr) -> Option<&mut Binary> {
    match expr {
        Expr::Paren(paren) => comparison(&mut paren.expr),
        Expr::Binary(binary) if is_comparison(binary.op) && !binary.returns_bool => Some(binary),
        _ => None,
    }
}

/// The query with its comparison changed; none where it is no comparison, or one that gives 0 or 1 anyway.
fn with_comparison(key: &'static str, text: &str, change: impl FnOnce(&mut Binary)) -> Result<Option<Arc<Query>>, ConditionError> {
    let mut query = Query::parse(text, Grid::default()).map_err(|source| ConditionError::Query { key, source })?;
    let Some(binary) = comparison(&mut query.expr) else { return Ok(None) };
    change(binary);
    Ok(Some(Arc::new(query)))
}

/// The number at the top of an expression, and how what stands before it is compared with it.
pub(super) fn compares(expr: &Expr) -> Option<Limit> {
    use BinaryOp::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    let Expr::Binary(binary) = expr.without_parens() else { return None };
    if binary.returns_bool {
        return None;
    }
    let op = match binary.op {
        Equal => Comparison::Equal,
        NotEqual => Comparison::NotEqual,
        Greater => Comparison::Greater,
        GreaterEqual => Comparison::GreaterEqual,
        Less => Comparison::Less,
        LessEqual => Comparison::LessEqual,
        _ => return None,
    };
    match (number(&binary.lhs), number(&binary.rhs)) {
        (None, Some(threshold)) => Some(Limit { op, threshold }),
        (Some(threshold), None) => Some(Limit { op: op.turned(), threshold }),
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match expr.without_parens() {
        Expr::Number(number) => Some(number.value),
        Expr::Unary(unary) => number(&unary.expr).map(|v| if unary.negative { -v } else { v }),
        _ => None,
    }
}

/// The query with another number on the right of its comparison.
fn with_limit(key: &'static str, text: &str, limit: f64) -> Result<Arc<Query>, ConditionError> {
    let mut query = Query::parse(text, Grid::default()).map_err(|source| ConditionError::Query { key, source })?;
    if set_limit(&mut query.expr, limit) { Ok(Arc::new(query)) } else { Err(ConditionError::NothingToClear) }
}

/// Puts another number on the right of the comparison of an expression; whether there is one.
pub(super) fn set_limit(expr: &mut Expr, limit: f64) -> bool {
    let Some(binary) = comparison(expr).filter(|binary| number(&binary.rhs).is_some()) else { return false };
    let range = binary.rhs.range();
    binary.rhs = Expr::Number(Number { value: limit, is_duration: false, range });
    true
}
