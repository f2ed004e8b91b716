//! Matchers and selectors choose series by their labels; comparisons choose samples by their values.

use std::fmt;
use std::sync::Arc;

use super::{Labels, Pattern};
use crate::span::Span;

/// How a label is compared.
#[derive(Debug, Clone)]
pub enum MatchOp {
    /// `=`
    Equal(String),
    /// `!=`
    NotEqual(String),
    /// `=~`, anchored at both ends.
    Matches(Arc<Pattern>),
    /// `!~`, anchored at both ends.
    NotMatches(Arc<Pattern>),
}

/// One condition on one label.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label's name.
    pub name: String,
    /// What its value must be.
    pub op: MatchOp,
}

impl Matcher {
    /// `name = value`.
    #[must_use]
    pub fn equal(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), op: MatchOp::Equal(value.to_owned()) }
    }

    /// Whether a value passes. A label that a series has not is the empty value.
    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        match &self.op {
            MatchOp::Equal(wanted) => value == wanted,
            MatchOp::NotEqual(unwanted) => value != unwanted,
            MatchOp::Matches(pattern) => pattern.is_match(value),
            MatchOp::NotMatches(pattern) => !pattern.is_match(value),
        }
    }
}

/// Which series, and for a range selector how far back.
#[derive(Debug, Clone)]
pub struct Selector {
    /// All must accept.
    pub matchers: Vec<Matcher>,
    /// The `[5m]` of a range selector.
    pub range: Option<Span>,
}

impl Selector {
    /// Whether it selects a series.
    #[must_use]
    pub fn accepts(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|m| m.accepts(labels.get(&m.name).unwrap_or("")))
    }
}

/// A comparison of a sample with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// The same comparison with both sides in each other's place.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Equal | Self::NotEqual => self,
        }
    }

    /// Whether the condition holds; never for NaN, except that NaN is unequal to everything.
    #[must_use]
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Greater => value > threshold,
            Self::GreaterEqual => value >= threshold,
            Self::Less => value < threshold,
            Self::LessEqual => value <= threshold,
            Self::Equal => value == threshold,
            Self::NotEqual => value != threshold,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        })
    }
}
