//! Selectors `name{label="value",other=~"a|b"}[5m]` and conditions `selector > 0.8`.

use std::sync::Arc;

use super::error::{EvalError, QueryError};
use super::query::{Query, parse_expr};
use super::syntax::{BinaryOp, Diagnostic, Expr, Grid, LabelOp, VectorSelector};
use crate::model::{Budget, Comparison, MatchOp, Matcher, NAME_LABEL, Pattern, PatternError, Selector, shown};
use crate::span::Span;

impl Selector {
    /// Parses a plain selector.
    ///
    /// # Errors
    /// [`QueryError::Parse`] if it is not PromQL, [`QueryError::Unsupported`] for any other PromQL.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        Self::parse_within(query, &mut Budget::default())
    }

    /// As [`Selector::parse`], its patterns paid from a budget.
    ///
    /// # Errors
    /// As [`Selector::parse`], and where the budget is spent.
    pub fn parse_within(query: &str, budget: &mut Budget) -> Result<Self, QueryError> {
        Self::from_expr(query, &parse_expr(query)?, budget)
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
            return Err(QueryError::NamePattern(shown(name).into_owned()));
        }
        let by_name = Matcher { name: NAME_LABEL.to_owned(), op: MatchOp::Matches(Arc::new(Pattern::prefix(prefix))) };
        let mut matchers = vec![by_name];
        let others = rest.trim().trim_start_matches('{').trim_end_matches('}').trim();
        if !others.is_empty() {
            matchers.extend(Self::parse_within(rest, budget)?.matchers);
        }
        Ok(Self { matchers, range: None })
    }

    fn from_expr(query: &str, expr: &Expr, budget: &mut Budget) -> Result<Self, QueryError> {
        let (vector, range) = match expr.without_parens() {
            Expr::Vector(vector) => (&**vector, None),
            Expr::Matrix(matrix) => {
                let millis = matrix.length.millis(Grid::default()).map_err(|error| error.within(query))?;
                (&matrix.selector, Some(Span::millis(millis)))
            }
            Expr::Aggregate(_) => return Err(QueryError::Unsupported("an aggregation")),
            Expr::Binary(_) | Expr::Unary(_) => return Err(QueryError::Unsupported("an operator")),
            Expr::Call(_) => return Err(QueryError::Unsupported("a function")),
            Expr::Subquery(_) => return Err(QueryError::Unsupported("a subquery")),
            Expr::Number(_) | Expr::Text(_) | Expr::Paren(_) => return Err(QueryError::Unsupported("a literal")),
        };
        if vector.offset.is_some() {
            return Err(QueryError::Unsupported("`offset`"));
        }
        if vector.at.is_some() {
            return Err(QueryError::Unsupported("`@`"));
        }
        if vector.extended.is_some() {
            return Err(QueryError::Unsupported("`anchored` or `smoothed`"));
        }
        Ok(Self { matchers: selector_matchers(query, vector, budget)?, range })
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
        let no_condition = || QueryError::NoCondition(shown(text).into_owned());
        let Expr::Binary(binary) = parse_expr(text)? else { return Err(no_condition()) };
        if binary.returns_bool {
            return Err(no_condition());
        }
        let op = match binary.op {
            BinaryOp::Greater => Comparison::Greater,
            BinaryOp::GreaterEqual => Comparison::GreaterEqual,
            BinaryOp::Less => Comparison::Less,
            BinaryOp::LessEqual => Comparison::LessEqual,
            BinaryOp::Equal => Comparison::Equal,
            BinaryOp::NotEqual => Comparison::NotEqual,
            _ => return Err(no_condition()),
        };
        let selector = Selector::from_expr(text, &binary.lhs, budget)?;
        let threshold = number(&binary.rhs).ok_or_else(no_condition)?;
        if selector.range.is_some() {
            return Err(no_condition());
        }
        Ok(Self { selector, op, threshold })
    }
}

/// The series that a query reads, selector by selector.
///
/// # Errors
/// [`QueryError`] where a pattern is invalid, or all of them cost more than a query may.
pub fn selectors(query: &Query) -> Result<Vec<Selector>, QueryError> {
    let mut budget = Budget::default();
    let of = |selector| Ok(Selector { matchers: selector_matchers(&query.text, selector, &mut budget)?, range: None });
    query.expr.selectors().filter(|selector| !selector.filters_labels).map(of).collect()
}

fn number(expr: &Expr) -> Option<f64> {
    match expr.without_parens() {
        Expr::Number(number) => Some(number.value),
        Expr::Unary(unary) => number(&unary.expr).map(|v| if unary.negative { -v } else { v }),
        _ => None,
    }
}

/// Compiles the matchers of a selector. The name comes first.
///
/// # Errors
/// [`QueryError::Parse`] with the position in the query, [`QueryError::Pattern`] if the budget is spent.
pub(super) fn selector_matchers(query: &str, selector: &VectorSelector, budget: &mut Budget) -> Result<Vec<Matcher>, QueryError> {
    let mut matchers: Vec<Matcher> = selector.name.iter().map(|name| Matcher::equal(NAME_LABEL, name)).collect();
    for matcher in &selector.matchers {
        let mut pattern = || {
            budget.pattern(&matcher.value).map_err(|error| match error {
                PatternError::Invalid(_, error) => Diagnostic::new(matcher.range, error.to_string()).within(query).into(),
                other => QueryError::Pattern(other),
            })
        };
        let op = match matcher.op {
            LabelOp::Equal => MatchOp::Equal(matcher.value.clone()),
            LabelOp::NotEqual => MatchOp::NotEqual(matcher.value.clone()),
            LabelOp::Matches => MatchOp::Matches(pattern()?),
            LabelOp::NotMatches => MatchOp::NotMatches(pattern()?),
        };
        matchers.push(Matcher { name: matcher.name.clone(), op });
    }
    let accept_empty = matchers.iter().map(|matcher| matcher.accepts(""));
    selector.check_not_empty(accept_empty).map_err(|error| error.within(query))?;
    Ok(matchers)
}

impl From<QueryError> for EvalError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Parse(error) => Self::Parse(error),
            QueryError::Pattern(error) => Self::Pattern(error),
            other => Self::Execution(other.to_string()),
        }
    }
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
            ("up{", "1:4: parse error: unexpected end of input inside braces"),
            (r#"up{a=~"("}"#, "1:4: parse error: error parsing regexp: missing closing ): `(`"),
            (r#"up{a="b",c=~".*|x"} smoothed"#, "`anchored` or `smoothed`"),
            (r#"{a=~".*"}"#, "1:1: parse error: vector selector must contain at least one non-empty matcher"),
            ("", "no expression"),
        ] {
            let error = Selector::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(Selector::parse(&"(".repeat(10_000)).unwrap_err().to_string().contains("parentheses nest deeper than 64"));
    }

    #[test]
    fn conditions_are_a_selector_and_a_number() {
        let condition = Condition::parse(r#"up{job="a"} <= -1"#).unwrap();
        assert_eq!((condition.op, condition.threshold), (Comparison::LessEqual, -1.0));
        for bad in ["up", "up > down", "1 > 2", "up[5m] > 1", "up > bool 1 > 2", "up > bool 1", "up +"] {
            assert!(Condition::parse(bad).is_err(), "{bad}");
        }
        assert!(!Comparison::Greater.holds(f64::NAN, 0.0));
    }
}
