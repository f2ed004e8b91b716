//! Conditions on a span: `span.http.status_code >= 500 && name =~ "GET .*"`.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::field::{Field, Scope, Value};
use super::trace::TraceView;
use crate::logs::units;
use crate::model::{Comparison, Pattern};
use crate::traces::span::{FullSpan, Kind, Status};

/// What a field is compared with.
#[derive(Debug, Clone)]
pub(super) enum Literal {
    Nil,
    Text(String),
    /// Of a regular expression.
    Pattern(Arc<Pattern>),
    /// With all digits, where it is whole.
    Number(f64, Option<i64>),
    Nanos(i64),
    Bool(bool),
    Status(Status),
    Kind(Kind),
}

/// How two things are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Compare(Comparison),
    Matches,
    NotMatches,
}

impl Op {
    /// Whether it holds for several values only where it holds for each.
    fn is_negative(self) -> bool {
        matches!(self, Self::Compare(Comparison::NotEqual) | Self::NotMatches)
    }
}

/// A filter of spans.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Const(bool),
    /// An attribute that is true.
    True(Field),
    /// Whether there is such a thing.
    Exists(Field, bool),
    Compare(Field, Op, Literal),
    Fields(Field, Comparison, Field),
    Not(Box<Expr>),
    /// The first, and each further one with whether it is joined by `||`; from left to right.
    Chain(Box<Expr>, Vec<(bool, Expr)>),
}

/// The conditions of a pair of braces.
#[derive(Debug, Clone)]
pub struct Filter(pub(super) Expr);

impl Filter {
    /// Whether a span meets them. None where only its whole trace says it.
    pub(super) fn holds(&self, span: &FullSpan, trace: Option<(&TraceView, usize)>) -> Option<bool> {
        self.0.holds(span, trace)
    }

    /// Whether a span alone may meet them.
    #[must_use]
    pub fn may_hold(&self, span: &FullSpan) -> bool {
        self.holds(span, None) != Some(false)
    }

    /// The services that spans which meet them are of; none for any.
    #[must_use]
    pub fn services(&self) -> Option<BTreeSet<String>> {
        self.0.services()
    }
}

impl Expr {
    fn holds(&self, span: &FullSpan, trace: Option<(&TraceView, usize)>) -> Option<bool> {
        let unknown = |field: &Field| trace.is_none() && field.needs_trace();
        match self {
            Self::Const(value) => Some(*value),
            Self::True(field) if unknown(field) => None,
            Self::True(field) => Some(field.value(span, trace).is_some_and(|value| matches!(value, Value::Text(text) if text == "true"))),
            Self::Exists(field, _) if unknown(field) => None,
            Self::Exists(field, wanted) => Some(field.value(span, trace).is_some() == *wanted),
            Self::Compare(field, ..) if unknown(field) => None,
            Self::Compare(field, op, literal) if field.is_plural() => {
                let values = field.values(span);
                Some(if op.is_negative() {
                    !values.is_empty() && values.iter().all(|value| holds(value, *op, literal))
                } else {
                    values.iter().any(|value| holds(value, *op, literal))
                })
            }
            Self::Compare(field, op, literal) => Some(field.value(span, trace).is_some_and(|value| holds(&value, *op, literal))),
            Self::Fields(left, _, right) if unknown(left) || unknown(right) => None,
            Self::Fields(left, op, right) => {
                let (left, right) = (left.value(span, trace), right.value(span, trace));
                Some(left.zip(right).and_then(|(left, right)| order_of_values(&left, &right)).is_some_and(|order| meets(*op, order)))
            }
            Self::Not(inner) => inner.holds(span, trace).map(|held| !held),
            Self::Chain(first, others) => {
                let mut held = first.holds(span, trace);
                for (or, other) in others {
                    // What is true stays so by `||`, and what is false by `&&`.
                    if held == Some(*or) {
                        continue;
                    }
                    let other = other.holds(span, trace);
                    held = match (held, other) {
                        (_, Some(decided)) if decided == *or => Some(decided),
                        (Some(_), other) => other,
                        (None, _) => None,
                    };
                }
                held
            }
        }
    }

    fn services(&self) -> Option<BTreeSet<String>> {
        match self {
            Self::Const(false) => Some(BTreeSet::new()),
            Self::Compare(Field::Attribute(Scope::Resource, name), op, literal) if &**name == "service.name" => match (op, literal) {
                (Op::Compare(Comparison::Equal), Literal::Text(text)) => Some(BTreeSet::from([text.clone()])),
                (Op::Matches, Literal::Pattern(pattern)) => pattern.as_words().map(|words| words.map(str::to_owned).collect()),
                _ => None,
            },
            Self::Chain(first, others) => {
                let mut services = first.services();
                for (or, other) in others {
                    services = match (services, other.services(), or) {
                        (Some(a), Some(b), true) => Some(a.union(&b).cloned().collect()),
                        (Some(a), Some(b), false) => Some(a.intersection(&b).cloned().collect()),
                        (Some(one), None, false) | (None, Some(one), false) => Some(one),
                        _ => None,
                    };
                }
                services
            }
            _ => None,
        }
    }

    /// Passes each field that it asks for on.
    pub(super) fn each_field(&self, each: &mut dyn FnMut(&Field)) {
        match self {
            Self::Const(_) => {}
            Self::True(field) | Self::Exists(field, _) | Self::Compare(field, ..) => each(field),
            Self::Fields(left, _, right) => {
                each(left);
                each(right);
            }
            Self::Not(inner) => inner.each_field(each),
            Self::Chain(first, others) => {
                first.each_field(each);
                others.iter().for_each(|(_, other)| other.each_field(each));
            }
        }
    }
}

/// Whether two things that stand in an order meet a comparison.
pub(super) fn meets(op: Comparison, order: Ordering) -> bool {
    match op {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterEqual => order.is_ge(),
        Comparison::Less => order.is_lt(),
        Comparison::LessEqual => order.is_le(),
    }
}

/// Whether a value meets a comparison; never where the two are of different kinds.
fn holds(value: &Value<'_>, op: Op, literal: &Literal) -> bool {
    match (op, value, literal) {
        (Op::Matches, Value::Text(text), Literal::Pattern(pattern)) => pattern.is_match(text),
        (Op::NotMatches, Value::Text(text), Literal::Pattern(pattern)) => !pattern.is_match(text),
        (Op::Compare(op), value, literal) => order(value, literal).is_some_and(|order| meets(op, order)),
        _ => false,
    }
}

fn order(value: &Value<'_>, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Text(text), Literal::Text(other)) => Some(text.as_ref().cmp(other)),
        (Value::Text(text), Literal::Bool(other)) => match text.as_ref() {
            "true" => Some(true.cmp(other)),
            "false" => Some(false.cmp(other)),
            _ => None,
        },
        (Value::Text(text), Literal::Number(v, whole)) => match (text.parse::<i64>(), whole) {
            (Ok(number), Some(whole)) => Some(number.cmp(whole)),
            _ => units::number(text)?.partial_cmp(v),
        },
        (Value::Text(text), Literal::Nanos(nanos)) => nanos_of(text)?.partial_cmp(&(*nanos as f64)),
        (Value::Nanos(n) | Value::Count(n), Literal::Number(v, whole)) => match whole {
            Some(whole) => Some(n.cmp(whole)),
            None => (*n as f64).partial_cmp(v),
        },
        (Value::Nanos(n), Literal::Nanos(other)) => Some(n.cmp(other)),
        // Only whether they are equal is asked.
        (Value::Status(status), Literal::Status(other)) => Some((*status as u8).cmp(&(*other as u8))),
        (Value::Kind(kind), Literal::Kind(other)) => Some((*kind as u8).cmp(&(*other as u8))),
        _ => None,
    }
}

/// An attribute as a length of time in nanoseconds: with a unit, or a number of nanoseconds.
pub(super) fn nanos_of(text: &str) -> Option<f64> {
    units::number(text).or_else(|| units::seconds(text).map(|seconds| seconds * 1e9))
}

fn order_of_values(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => match (units::number(left), units::number(right)) {
            (Some(left), Some(right)) => left.partial_cmp(&right),
            _ => Some(left.cmp(right)),
        },
        (Value::Nanos(left) | Value::Count(left), Value::Nanos(right) | Value::Count(right)) => Some(left.cmp(right)),
        (Value::Nanos(nanos), Value::Text(text)) => (*nanos as f64).partial_cmp(&nanos_of(text)?),
        (Value::Text(text), Value::Nanos(nanos)) => nanos_of(text)?.partial_cmp(&(*nanos as f64)),
        (Value::Count(count), Value::Text(text)) => (*count as f64).partial_cmp(&units::number(text)?),
        (Value::Text(text), Value::Count(count)) => units::number(text)?.partial_cmp(&(*count as f64)),
        (Value::Status(left), Value::Status(right)) => Some((*left as u8).cmp(&(*right as u8))),
        (Value::Kind(left), Value::Kind(right)) => Some((*left as u8).cmp(&(*right as u8))),
        _ => None,
    }
}
