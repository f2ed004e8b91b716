//! Traversal of expressions.

use super::ast::{Expr, VectorSelector};

impl Expr {
    /// Direct children, in source order.
    pub fn children(&self) -> impl DoubleEndedIterator<Item = &Self> {
        let (first, second, args): (Option<&Self>, Option<&Self>, &[Self]) = match self {
            Self::Number(_) | Self::Text(_) | Self::Vector(_) | Self::Matrix(_) => (None, None, &[]),
            Self::Subquery(subquery) => (Some(&subquery.expr), None, &[]),
            Self::Call(call) => (None, None, &call.args),
            Self::Aggregate(aggregate) => (aggregate.param.as_ref(), Some(&aggregate.expr), &[]),
            Self::Binary(binary) => (Some(&binary.lhs), Some(&binary.rhs), &[]),
            Self::Unary(unary) => (Some(&unary.expr), None, &[]),
            Self::Paren(paren) => (Some(&paren.expr), None, &[]),
        };
        first.into_iter().chain(second).chain(args)
    }

    /// The expression and its descendants, parents first, in source order.
    pub fn walk(&self) -> impl Iterator<Item = &Self> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            let next = left.pop()?;
            left.extend(next.children().rev());
            Some(next)
        })
    }

    /// All selectors, in source order.
    pub fn selectors(&self) -> impl Iterator<Item = &VectorSelector> {
        self.walk().filter_map(|expr| match expr {
            Self::Vector(selector) => Some(&**selector),
            Self::Matrix(matrix) => Some(&matrix.selector),
            _ => None,
        })
    }
}
