//! Selectors `name{label="value",other=~"a|b"}[5m]` and conditions `selector > 0.8`, parsed by `promql-parser`.
//!
//! Evaluation over time is the caller's; this module says which series are meant.

use std::borrow::Cow;
use std::sync::Arc;

use promql_parser::label as pl;
use promql_parser::parser::{self, Expr, VectorSelector};

use super::guard::{MAX_NESTING, MAX_TOKENS, guarded, restore, too_deep, too_many_tokens, without_marks};
use super::rewrite::{ANCHORED, Grid, SMOOTHED, SMOOTHED_INSTANT, nesting, rewritten, tokens};
pub(super) use crate::model::shown;
use crate::model::{Budget, Comparison, MatchOp, Matcher, NAME_LABEL, Pattern, PatternError, Selector};
use crate::span::Span;

/// Longest query text, in bytes; most of a long one is the words of a pattern.
pub const MAX_QUERY_BYTES: usize = 1 << 20;
/// Stack of the thread that writes a query in its usual form, which goes down chains of operators too.
const FORMAT_STACK_BYTES: usize = 64 << 20;
static REGISTER: std::sync::Once = std::sync::Once::new();

/// Why a query cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Not PromQL.
    #[error("{0}")]
    Parse(String),
    /// PromQL, but more than this version answers.
    #[error("{0} is not answered by this version; plain selectors are, such as system_cpu_utilization_ratio{{cpu=\"0\"}} or name[5m]")]
    Unsupported(&'static str),
    /// More than a request may cost.
    #[error("{0}")]
    TooMuch(String),
    /// More than can be had at this time.
    #[error("{0}")]
    Busy(String),
}

impl From<PatternError> for QueryError {
    fn from(error: PatternError) -> Self {
        let text = error.to_string();
        match error {
            PatternError::Invalid(..) => Self::Parse(text),
            PatternError::Large(..) | PatternError::TooLarge | PatternError::TooMany | PatternError::NotCompiled => Self::TooMuch(text),
            PatternError::Busy => Self::Busy(text),
        }
    }
}

impl Selector {
    /// Parses a plain selector.
    ///
    /// # Errors
    /// [`QueryError::Parse`] with the parser's reason, [`QueryError::Unsupported`] for any other PromQL.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        Self::parse_within(query, &mut Budget::default())
    }

    /// As [`Selector::parse`], its patterns paid from a budget.
    ///
    /// # Errors
    /// As [`Selector::parse`], and where the budget is spent.
    pub fn parse_within(query: &str, budget: &mut Budget) -> Result<Self, QueryError> {
        Self::from_expr(&parse_expr(query)?, budget)
    }

    /// Parses a selector whose metric name may end in `*`, as subscriptions use them: `system_*`, `up{job="a"}`.
    ///
    /// # Errors
    /// As [`Selector::parse`].
    pub fn parse_pattern(pattern: &str) -> Result<Self, QueryError> {
        Self::parse_pattern_within(pattern, &mut Budget::default())
    }

    /// As [`Selector::parse_pattern`], its patterns paid from a budget.
    ///
    /// # Errors
    /// As [`Selector::parse`], and where the budget is spent.
    pub fn parse_pattern_within(pattern: &str, budget: &mut Budget) -> Result<Self, QueryError> {
        let (name, rest) = pattern.split_at(pattern.find('{').unwrap_or(pattern.len()));
        let Some(prefix) = name.trim().strip_suffix('*') else { return Self::parse_within(pattern, budget) };
        if !prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':') {
            return Err(QueryError::Parse(format!("`{name}`: a name pattern is letters, digits, `_` and `:` with one `*` at its end")));
        }
        let by_name = Matcher { name: NAME_LABEL.to_owned(), op: MatchOp::Matches(Arc::new(Pattern::prefix(prefix))) };
        let mut matchers = vec![by_name];
        let others = rest.trim().trim_start_matches('{').trim_end_matches('}').trim();
        if !others.is_empty() {
            matchers.extend(Self::parse_within(rest, budget)?.matchers);
        }
        Ok(Self { matchers, range: None })
    }

    fn from_expr(expr: &Expr, budget: &mut Budget) -> Result<Self, QueryError> {
        let (vector, range) = match expr {
            Expr::Paren(inner) => return Self::from_expr(&inner.expr, budget),
            Expr::VectorSelector(vector) => (vector, None),
            Expr::MatrixSelector(matrix) => (&matrix.vs, i64::try_from(matrix.range.as_millis()).ok().map(Span::millis)),
            Expr::Aggregate(_) => return Err(QueryError::Unsupported("an aggregation")),
            Expr::Binary(_) => return Err(QueryError::Unsupported("an operator")),
            Expr::Call(_) => return Err(QueryError::Unsupported("a function")),
            Expr::Subquery(_) => return Err(QueryError::Unsupported("a subquery")),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => return Err(QueryError::Unsupported("a literal")),
            _ => return Err(QueryError::Unsupported("this expression")),
        };
        if vector.offset.is_some() {
            return Err(QueryError::Unsupported("`offset`"));
        }
        if vector.at.is_some() {
            return Err(QueryError::Unsupported("`@`"));
        }
        let mut lists = selector_matchers(vector, budget)?;
        let (Some(matchers), true) = (lists.pop(), lists.is_empty()) else {
            return Err(QueryError::Unsupported("`or` between matchers"));
        };
        Ok(Self { matchers, range })
    }
}

/// `selector op number`, the condition of a rule.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The series it watches.
    pub selector: Selector,
    /// How they are compared.
    pub op: Comparison,
    /// With what.
    pub threshold: f64,
}

impl Condition {
    /// Parses a condition such as `system_cpu_utilization_ratio > 0.8`.
    ///
    /// # Errors
    /// [`QueryError`] says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Self::parse_within(text, &mut Budget::default())
    }

    /// As [`Condition::parse`], its patterns paid from a budget.
    ///
    /// # Errors
    /// As [`Condition::parse`], and where the budget is spent.
    pub fn parse_within(text: &str, budget: &mut Budget) -> Result<Self, QueryError> {
        let wrong = || QueryError::Parse(format!("`{}` is not a condition; write it like system_cpu_utilization_ratio > 0.8", shown(text)));
        let Expr::Binary(binary) = parse_expr(text)? else { return Err(wrong()) };
        let op = match binary.op.to_string().as_str() {
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessEqual,
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            _ => return Err(wrong()),
        };
        let selector = Selector::from_expr(&binary.lhs, budget)?;
        let threshold = number(&binary.rhs).ok_or_else(wrong)?;
        if selector.range.is_some() {
            return Err(wrong());
        }
        Ok(Self { selector, op, threshold })
    }
}

/// The matchers of a selector; several lists where there is an `or` between them.
pub(super) fn selector_matchers(vector: &VectorSelector, budget: &mut Budget) -> Result<Vec<Vec<Matcher>>, QueryError> {
    let mut list = |matchers: &[pl::Matcher]| -> Result<Vec<Matcher>, QueryError> {
        let named = vector.name.iter().map(|name| Ok(Matcher::equal(NAME_LABEL, name)));
        let others = matchers.iter().map(|matcher| {
            let op = match &matcher.op {
                pl::MatchOp::Equal => MatchOp::Equal(matcher.value.clone()),
                pl::MatchOp::NotEqual => MatchOp::NotEqual(matcher.value.clone()),
                pl::MatchOp::Re(_) => MatchOp::Matches(budget.pattern(&matcher.value)?),
                pl::MatchOp::NotRe(_) => MatchOp::NotMatches(budget.pattern(&matcher.value)?),
            };
            Ok(Matcher { name: matcher.name.clone(), op })
        });
        named.chain(others).collect()
    };
    let lists = if vector.matchers.or_matchers.is_empty() {
        vec![list(&vector.matchers.matchers)?]
    } else {
        vector.matchers.or_matchers.iter().map(|matchers| list(matchers)).collect::<Result<_, _>>()?
    };
    // The parser, which sees no patterns, cannot tell it.
    if lists.iter().flatten().all(|matcher| matcher.accepts("")) {
        return Err(QueryError::Parse("vector selector must contain at least one non-empty matcher".to_owned()));
    }
    Ok(lists)
}

fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(literal) => Some(literal.val),
        Expr::Unary(unary) => number(&unary.expr).map(|v| -v),
        Expr::Paren(inner) => number(&inner.expr),
        _ => None,
    }
}

/// Parses a query.
///
/// # Errors
/// [`QueryError::Parse`] with the parser's reason, or for a text that is too long or too deep.
pub fn parse_expr(query: &str) -> Result<Expr, QueryError> {
    parse_expr_for(query, Grid::default())
}

/// Parses a query for the instants that it will be asked at: `step()` and `range()` in lengths of time mean those.
///
/// # Errors
/// As [`parse_expr`].
pub fn parse_expr_for(query: &str, grid: Grid) -> Result<Expr, QueryError> {
    REGISTER.call_once(|| {
        use promql_parser::parser::function::{Function, register_extra_functions};
        use promql_parser::parser::value::ValueType;
        let args = vec![ValueType::Matrix, ValueType::Scalar, ValueType::Scalar];
        let extra = vec![
            // The name that double_exponential_smoothing() had before Prometheus 3.
            Function::new("holt_winters", args, 0, ValueType::Vector, false),
            Function::new(ANCHORED, vec![ValueType::Matrix], 0, ValueType::Matrix, false),
            Function::new(SMOOTHED, vec![ValueType::Matrix], 0, ValueType::Matrix, false),
            Function::new(SMOOTHED_INSTANT, vec![ValueType::Vector], 0, ValueType::Vector, false),
        ];
        if let Err(error) = register_extra_functions(extra) {
            log::warn!("promql: {error}");
        }
    });
    if query.len() > MAX_QUERY_BYTES {
        return Err(QueryError::Parse(format!("the query has {} bytes; at most {MAX_QUERY_BYTES} are read", query.len())));
    }
    let tokens = tokens(query).take(MAX_TOKENS + 1).collect::<Vec<_>>();
    if tokens.len() > MAX_TOKENS {
        return Err(too_many_tokens(tokens.len()));
    }
    let nesting = nesting(&tokens);
    if nesting > MAX_NESTING {
        return Err(too_deep(nesting));
    }
    let query_error = |error: String| QueryError::Parse(format!("`{}`: {}", shown(query), shown(&without_marks(error.trim()))));
    let text = rewritten(query, tokens, grid)?;
    let expr = match guarded(&text, query)? {
        Cow::Borrowed(text) => parser::parse(text).map_err(query_error)?,
        Cow::Owned(text) => {
            let mut expr = parser::parse(&text).map_err(query_error)?;
            restore(&mut expr)?;
            expr
        }
    };
    Ok(expr)
}

/// A query in its usual form.
///
/// # Errors
/// As [`parse_expr`].
pub fn formatted(query: &str) -> Result<String, QueryError> {
    let failed = || QueryError::Busy("no thread is to be had to write the query on".to_owned());
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(FORMAT_STACK_BYTES);
        let written = thread.spawn_scoped(scope, || parse_expr(query).map(|expr| expr.prettify()));
        written.map_err(|_| failed())?.join().map_err(|_| failed())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Labels;

    fn labels(cpu: &str) -> Labels {
        Labels::metric("system_cpu", &[("cpu", cpu)])
    }

    #[test]
    fn selectors_accept_what_they_name() {
        for (text, zero, ten) in [
            ("system_cpu", true, true),
            (r#"system_cpu{cpu="0"}"#, true, false),
            (r#"{__name__="system_cpu",cpu!="0"}"#, false, true),
            (r#"system_cpu{cpu=~"1.*"}"#, false, true),
            (r#"system_cpu{cpu=~"1"}"#, false, false),
            (r#"system_cpu{absent=""}"#, true, true),
            ("other", false, false),
        ] {
            let selector = Selector::parse(text).unwrap();
            assert_eq!((selector.accepts(&labels("0")), selector.accepts(&labels("10"))), (zero, ten), "{text}");
        }
        assert_eq!(Selector::parse("up[5m]").unwrap().range, Some(Span::secs(300)));
    }

    #[test]
    fn patterns_take_a_star_at_the_end_of_the_name() {
        for (text, zero) in
            [("system_*", true), ("sys*{cpu=\"0\"}", true), ("sys*{cpu=\"1\"}", false), ("*", true), ("net*", false), ("system_*{}", true)]
        {
            assert_eq!(Selector::parse_pattern(text).unwrap().accepts(&labels("0")), zero, "{text}");
        }
        assert!(Selector::parse_pattern("a.*b*").is_err());
    }

    #[test]
    fn what_is_not_answered_is_said() {
        for (text, part) in [
            ("sum(up)", "an aggregation"),
            ("rate(up[5m])", "a function"),
            ("up + 1", "an operator"),
            ("up offset 5m", "`offset`"),
            ("up{", "up{"),
            (r#"up{a=~"("}"#, "missing closing ): `(`"),
            ("", "no expression"),
        ] {
            let error = Selector::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(Selector::parse(&"(".repeat(10_000)).unwrap_err().to_string().contains("nests 10000 parentheses"));
    }

    #[test]
    fn conditions_are_a_selector_and_a_number() {
        let condition = Condition::parse(r#"up{job="a"} <= -1"#).unwrap();
        assert_eq!((condition.op, condition.threshold), (Comparison::LessEqual, -1.0));
        for bad in ["up", "up > down", "1 > 2", "up[5m] > 1", "up > bool 1 > 2", "up +"] {
            assert!(Condition::parse(bad).is_err(), "{bad}");
        }
        assert!(!Comparison::Greater.holds(f64::NAN, 0.0));
    }
}
