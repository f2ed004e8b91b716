//! Prints expressions in Prometheus' form. Parsing the text gives the same tree.

use std::fmt::{self, Display, Formatter};

use super::ast::{
    Aggregate, At, Binary, Cardinality, Expr, Extended, Grouping, LabelMatcher, MatchLabels, MatrixSelector, Number, Subquery,
    VectorMatching, VectorSelector,
};
use super::duration::{DurationBinary, DurationExpr, DurationOp};
use super::number::{decimal, duration_text, short};
use super::operators::BinaryOp;
use super::text::{quoted, quoted_bytes};

/// Whether a label name needs no quotes.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn label(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { quoted(name) }
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|name| label(name)).collect::<Vec<_>>().join(", ")
}

/// Prints seconds as a duration in whole milliseconds.
fn seconds(value: f64) -> String {
    duration_text((value * 1e9).round() as i64 / 1_000_000)
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(&text.invalid.as_ref().map_or_else(|| quoted(&text.value), |bytes| quoted_bytes(bytes))),
            Self::Vector(selector) => selector.fmt(f),
            Self::Matrix(matrix) => matrix.fmt(f),
            Self::Subquery(subquery) => write!(f, "{}{}", subquery.expr, subquery.suffix()),
            Self::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                for (at, arg) in call.args.iter().enumerate() {
                    write!(f, "{}{arg}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            Self::Aggregate(aggregate) => {
                write!(f, "{}(", aggregate.head())?;
                if let Some(param) = &aggregate.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            Self::Binary(binary) => binary.fmt(f),
            Self::Unary(unary) => write!(f, "{}{}", unary.sign(), unary.expr),
            Self::Paren(paren) => write!(f, "({})", paren.expr),
        }
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.is_duration {
            true if self.value < 0.0 => write!(f, "-{}", seconds(-self.value)),
            true => f.write_str(&seconds(self.value)),
            false => f.write_str(&decimal(self.value)),
        }
    }
}

impl Display for LabelMatcher {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", label(&self.name), self.op.symbol(), quoted(&self.value))
    }
}

fn at(at: Option<At>) -> String {
    match at {
        None => String::new(),
        Some(At::Start) => " @ start()".to_owned(),
        Some(At::End) => " @ end()".to_owned(),
        Some(At::Time(ms)) => format!(" @ {:.3}", ms as f64 / 1e3),
    }
}

fn offset(offset: Option<&DurationExpr>) -> String {
    match offset {
        None => String::new(),
        Some(DurationExpr::Literal(number)) => format!(" offset {}", seconds(number.value)),
        Some(other) => format!(" offset {other}"),
    }
}

fn extended(extended: Option<Extended>) -> &'static str {
    match extended {
        None => "",
        Some(Extended::Anchored) => " anchored",
        Some(Extended::Smoothed) => " smoothed",
    }
}

/// Prints a range or step; literals are printed as durations.
fn length(length: &DurationExpr) -> String {
    match length {
        DurationExpr::Literal(number) => seconds(number.value),
        other => other.to_string(),
    }
}

impl VectorSelector {
    /// The selector without modifiers.
    fn series(&self) -> String {
        let mut matchers: Vec<String> = self.matchers.iter().map(ToString::to_string).collect();
        matchers.sort_unstable();
        let name = self.name.as_deref().unwrap_or("");
        if matchers.is_empty() {
            // Only the filter of info() may have neither name nor matchers.
            return if name.is_empty() { "{}".to_owned() } else { name.to_owned() };
        }
        format!("{name}{{{}}}", matchers.join(","))
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}{}", self.series(), at(self.at), extended(self.extended), offset(self.offset.as_ref()))
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let selector = &self.selector;
        write!(f, "{}[{}]{}", selector.series(), length(&self.length), extended(selector.extended))?;
        write!(f, "{}{}", at(selector.at), offset(selector.offset.as_ref()))
    }
}

impl Subquery {
    /// Everything after its expression.
    pub(super) fn suffix(&self) -> String {
        let step = self.step.as_ref().map(length).unwrap_or_default();
        format!("[{}:{step}]{}{}", length(&self.length), at(self.at), offset(self.offset.as_ref()))
    }
}

impl Aggregate {
    /// Everything before its arguments.
    pub(super) fn head(&self) -> String {
        let op = self.op.symbol();
        match &self.grouping {
            Grouping::By(labels) if labels.is_empty() => op.to_owned(),
            Grouping::By(labels) => format!("{op} by ({}) ", list(labels)),
            Grouping::Without(labels) => format!("{op} without ({}) ", list(labels)),
        }
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (first, operators) = self.chain();
        let power = operators.first().is_some_and(|binary| binary.op == BinaryOp::Pow);
        match first {
            // `+Inf ^ 2` would be parsed as `+(Inf ^ 2)`.
            Expr::Number(number) if power && number.value == f64::INFINITY => f.write_str("Inf")?,
            first => first.fmt(f)?,
        }
        operators.iter().try_for_each(|binary| write!(f, " {} {}", binary.operator(), binary.rhs))
    }
}

impl Binary {
    /// The operator with its modifiers.
    pub(super) fn operator(&self) -> String {
        let matching = self.matching.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{}{}{matching}", self.op.symbol(), if self.returns_bool { " bool" } else { "" })
    }
}

impl super::ast::Unary {
    /// The sign.
    pub(super) fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "+" }
    }
}

impl Display for VectorMatching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let grouped = matches!(self.cardinality, Cardinality::ManyToOne(_) | Cardinality::OneToMany(_));
        match &self.labels {
            MatchLabels::On(labels) => write!(f, " on ({})", list(labels))?,
            MatchLabels::Ignoring(labels) if grouped || !labels.is_empty() => write!(f, " ignoring ({})", list(labels))?,
            MatchLabels::Ignoring(_) => {}
        }
        match &self.cardinality {
            Cardinality::ManyToOne(include) => write!(f, " group_left ({})", list(include))?,
            Cardinality::OneToMany(include) => write!(f, " group_right ({})", list(include))?,
            Cardinality::OneToOne | Cardinality::ManyToMany => {}
        }
        match (self.fill_left, self.fill_right) {
            (Some(left), Some(right)) if left == right => write!(f, " fill ({})", short(left)),
            (left, right) => {
                left.map_or(Ok(()), |value| write!(f, " fill_left ({})", short(value)))?;
                right.map_or(Ok(()), |value| write!(f, " fill_right ({})", short(value)))
            }
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(number) => number.fmt(f),
            Self::Step(_) => f.write_str("step()"),
            Self::Range(_) => f.write_str("range()"),
            Self::Negative(expr, _) => write!(f, "-{expr}"),
            Self::Positive(expr, _) => write!(f, "+{expr}"),
            Self::Paren(expr, _) => write!(f, "({expr})"),
            Self::Binary(binary) => binary.fmt(f),
        }
    }
}

impl Display for DurationBinary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { op, lhs, rhs, .. } = self;
        let symbol = op.symbol();
        match op {
            DurationOp::MinOf | DurationOp::MaxOf => write!(f, "{symbol}({lhs}, {rhs})"),
            _ => write!(f, "{lhs} {symbol} {rhs}"),
        }
    }
}
