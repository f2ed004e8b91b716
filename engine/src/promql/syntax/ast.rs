//! The expression tree, with the source range of each node.
//!
//! The parser limits its depth, so code may recurse over it.

use super::duration::DurationExpr;
use super::error::TextRange;
use super::operators::{AggregateOp, BinaryOp};
use super::signature::{Signature, ValueType};

/// An expression.
#[derive(Debug)]
pub enum Expr {
    /// `1`, `0x1f`, `1h30m` (in seconds).
    Number(Number),
    /// `"text"`
    Text(Text),
    /// `up{job="a"} @ end() offset 5m`
    Vector(Box<VectorSelector>),
    /// `up[5m]`
    Matrix(Box<MatrixSelector>),
    /// `rate(up[5m])[1h:1m]`
    Subquery(Box<Subquery>),
    /// `rate(up[5m])`
    Call(Box<Call>),
    /// `sum by (job) (up)`
    Aggregate(Box<Aggregate>),
    /// `a + on (job) b`
    Binary(Box<Binary>),
    /// `-a`
    Unary(Box<Unary>),
    /// `(a)`
    Paren(Box<Paren>),
}

/// A number.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    /// The value; seconds if it was written as a duration.
    pub value: f64,
    /// It was written as a duration.
    pub is_duration: bool,
    /// Source range.
    pub range: TextRange,
}

/// Compares bits, so NaN equals itself.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        (self.value.to_bits(), self.is_duration, self.range) == (other.value.to_bits(), other.is_duration, other.range)
    }
}

/// A string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Without quotes and escapes. Invalid UTF-8 is replaced by U+FFFD, as in Prometheus' JSON.
    pub value: String,
    /// The bytes, if they are not valid UTF-8. No label name or value can be equal to them.
    pub invalid: Option<Box<[u8]>>,
    /// Source range.
    pub range: TextRange,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    NotMatches,
}

impl LabelOp {
    /// Source form.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
        }
    }
}

/// `job="a"`. Regular expressions are not compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMatcher {
    /// The label.
    pub name: String,
    /// The comparison.
    pub op: LabelOp,
    /// The value or regular expression.
    pub value: String,
    /// Source range.
    pub range: TextRange,
}

impl LabelMatcher {
    /// Whether the matcher accepts a series without the label; none if that depends on a regular expression.
    #[must_use]
    pub fn accepts_empty(&self) -> Option<bool> {
        match self.op {
            LabelOp::Equal => Some(self.value.is_empty()),
            LabelOp::NotEqual => Some(!self.value.is_empty()),
            LabelOp::Matches | LabelOp::NotMatches => None,
        }
    }
}

/// Identifies a selector within its query: selectors are numbered from 0 in source order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SelectorId(pub u32);

/// The `@` modifier of a selector or subquery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// A time in milliseconds.
    Time(i64),
    /// `start()`
    Start,
    /// `end()`
    End,
}

/// The `anchored` and `smoothed` modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extended {
    /// The range starts with the last sample before it.
    Anchored,
    /// Values at both ends are interpolated.
    Smoothed,
}

/// An instant vector selector.
#[derive(Debug)]
pub struct VectorSelector {
    /// Unique within the query.
    pub id: SelectorId,
    /// The metric name before the braces.
    pub name: Option<String>,
    /// The matchers in braces; `{"name"}` is `__name__="name"`.
    pub matchers: Vec<LabelMatcher>,
    /// It is the second argument of info(): it filters labels to add, and may match every series.
    pub filters_labels: bool,
    /// `@`
    pub at: Option<At>,
    /// `offset`
    pub offset: Option<DurationExpr>,
    /// `anchored` or `smoothed`
    pub extended: Option<Extended>,
    /// Source range. As in Prometheus, within a range selector this does not include the modifiers.
    pub range: TextRange,
}

/// A range vector selector.
#[derive(Debug)]
pub struct MatrixSelector {
    /// The series, with the modifiers of the range.
    pub selector: VectorSelector,
    /// Length of the range.
    pub length: DurationExpr,
    /// Source range.
    pub range: TextRange,
}

/// A subquery.
#[derive(Debug)]
pub struct Subquery {
    /// The expression that is evaluated at each step.
    pub expr: Expr,
    /// Length of the range.
    pub length: DurationExpr,
    /// The step, if given.
    pub step: Option<DurationExpr>,
    /// `@`
    pub at: Option<At>,
    /// `offset`
    pub offset: Option<DurationExpr>,
    /// Source range.
    pub range: TextRange,
}

/// A call of a function.
#[derive(Debug)]
pub struct Call {
    /// The function.
    pub function: &'static Signature,
    /// Arguments; number and types match the signature.
    pub args: Vec<Expr>,
    /// Source range.
    pub range: TextRange,
}

/// How an aggregation groups. The default is `by ()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// By these labels.
    By(Vec<String>),
    /// By all labels but these.
    Without(Vec<String>),
}

/// An aggregation.
#[derive(Debug)]
pub struct Aggregate {
    /// The operator.
    pub op: AggregateOp,
    /// The grouping.
    pub grouping: Grouping,
    /// The parameter, for operators that take one.
    pub param: Option<Expr>,
    /// The aggregated vector.
    pub expr: Expr,
    /// Source range.
    pub range: TextRange,
}

/// Vector matching of a binary operator.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorMatching {
    /// Labels to match.
    pub labels: MatchLabels,
    /// Cardinality of the match.
    pub cardinality: Cardinality,
    /// Value for missing series of the left side.
    pub fill_left: Option<f64>,
    /// Value for missing series of the right side.
    pub fill_right: Option<f64>,
}

/// Labels that matching series must share. The default is `ignoring ()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchLabels {
    /// These labels.
    On(Vec<String>),
    /// All labels but these.
    Ignoring(Vec<String>),
}

/// Cardinality of a vector match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cardinality {
    /// One series on each side.
    OneToOne,
    /// `group_left`, with the labels to copy from the right side.
    ManyToOne(Vec<String>),
    /// `group_right`, with the labels to copy from the left side.
    OneToMany(Vec<String>),
    /// Set operators.
    ManyToMany,
}

/// A binary operator and its operands.
#[derive(Debug)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// The `bool` modifier: a comparison returns 0 or 1.
    pub returns_bool: bool,
    /// Vector matching, if both sides are vectors.
    pub matching: Option<VectorMatching>,
    /// Left operand.
    pub lhs: Expr,
    /// Right operand.
    pub rhs: Expr,
    /// Source range.
    pub range: TextRange,
}

/// A sign and its operand.
#[derive(Debug)]
pub struct Unary {
    /// Whether the sign is `-`.
    pub negative: bool,
    /// The operand.
    pub expr: Expr,
    /// Source range.
    pub range: TextRange,
}

/// An expression in parentheses.
#[derive(Debug)]
pub struct Paren {
    /// The inner expression.
    pub expr: Expr,
    /// Source range.
    pub range: TextRange,
}

impl Expr {
    /// Source range.
    #[must_use]
    pub fn range(&self) -> TextRange {
        match self {
            Self::Number(number) => number.range,
            Self::Text(text) => text.range,
            Self::Vector(selector) => selector.range,
            Self::Matrix(matrix) => matrix.range,
            Self::Subquery(subquery) => subquery.range,
            Self::Call(call) => call.range,
            Self::Aggregate(aggregate) => aggregate.range,
            Self::Binary(binary) => binary.range,
            Self::Unary(unary) => unary.range,
            Self::Paren(paren) => paren.range,
        }
    }

    /// The type of the value.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Number(_) => ValueType::Scalar,
            Self::Text(_) => ValueType::String,
            Self::Vector(_) | Self::Aggregate(_) => ValueType::Vector,
            Self::Matrix(_) | Self::Subquery(_) => ValueType::Matrix,
            Self::Call(call) => call.function.returns,
            Self::Binary(binary) => {
                let (first, operators) = binary.chain();
                let mut operands = operators.iter().map(|operator| &operator.rhs).chain([first]);
                let scalar = operands.all(|operand| operand.value_type() == ValueType::Scalar);
                if scalar { ValueType::Scalar } else { ValueType::Vector }
            }
            Self::Unary(unary) => unary.expr.value_type(),
            Self::Paren(paren) => paren.expr.value_type(),
        }
    }

    /// The expression without enclosing parentheses.
    #[must_use]
    pub fn without_parens(&self) -> &Self {
        let mut expr = self;
        while let Self::Paren(paren) = expr {
            expr = &paren.expr;
        }
        expr
    }
}

impl Binary {
    /// The first operand of a chain `a + b + c`, and its operators with their right sides, from left to right. A chain may be
    /// longer than the tree may be deep.
    #[must_use]
    pub fn chain(&self) -> (&Expr, Vec<&Self>) {
        let (mut operators, mut first) = (vec![self], &self.lhs);
        while let Expr::Binary(binary) = first {
            operators.push(binary);
            first = &binary.lhs;
        }
        operators.reverse();
        (first, operators)
    }
}
