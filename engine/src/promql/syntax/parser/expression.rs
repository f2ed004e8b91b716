//! Parses binary and unary operators by precedence.
//!
//! Operators that wait for their right side are on an explicit stack, so only parentheses recurse.

use super::super::MAX_OPERATORS;
use super::super::ast::{Binary, Cardinality, Expr, MatchLabels, Unary, VectorMatching};
use super::super::check::check;
use super::super::error::ParseError;
use super::super::operators::BinaryOp;
use super::super::token::{Keyword, Token, TokenKind};
use super::{Deep, Parser, operand};

/// An operator or sign whose right operand is not complete.
enum Pending {
    Sign { sign: Token, negative: bool },
    Operator { lhs: Deep<Expr>, op: BinaryOp, returns_bool: bool, matching: VectorMatching },
}

impl Pending {
    /// Whether this takes the operand between it and the next operator. A sign has the precedence of `*`: `-a ^ b` is
    /// `-(a ^ b)`.
    fn binds_before(&self, next: BinaryOp) -> bool {
        let op = match self {
            Self::Sign { .. } => BinaryOp::Mul,
            Self::Operator { op, .. } => *op,
        };
        op.right_side() > next.precedence()
    }
}

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Result<Deep<Expr>, ParseError> {
        let mut pending = Vec::new();
        loop {
            while let Some((sign, negative)) = self.sign()? {
                self.wait(&mut pending, Pending::Sign { sign, negative })?;
            }
            let operand = self.operand()?;
            let mut operand = self.postfix(operand)?;
            let next = match self.peek()? {
                TokenKind::Binary(op) => Some(op),
                _ => None,
            };
            while let Some(before) = pending.pop_if(|before| next.is_none_or(|op| before.binds_before(op))) {
                self.outer -= 1;
                operand = self.joined(before, operand)?;
            }
            let Some(op) = next else { return Ok(operand) };
            self.bump()?;
            let returns_bool = self.take(TokenKind::Keyword(Keyword::Bool))?.is_some();
            let matching = self.matching()?;
            self.wait(&mut pending, Pending::Operator { lhs: operand, op, returns_bool, matching })?;
        }
    }

    fn wait(&mut self, pending: &mut Vec<Pending>, mut next: Pending) -> Result<(), ParseError> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            if let Pending::Operator { lhs, .. } = &mut next {
                // A type error in a long chain says more than that it is too long.
                check(self.lexer.query, &mut lhs.it).map_err(|error| error.within(self.lexer.query))?;
            }
            let here = self.token()?.range;
            let message =
                format!("the query has more than {MAX_OPERATORS} operators: use a pattern (a|b|c) or an aggregation instead of a chain");
            return self.wrong(here, message);
        }
        self.outer += 1;
        pending.push(next);
        self.check_depth(0)
    }

    fn joined(&mut self, before: Pending, operand: Deep<Expr>) -> Result<Deep<Expr>, ParseError> {
        match before {
            Pending::Sign { sign, negative } => {
                let range = sign.range.to(operand.it.range());
                if let Expr::Number(mut number) = operand.it {
                    number.value = if negative { -number.value } else { number.value };
                    number.range = range;
                    return Ok(Deep::flat(Expr::Number(number)));
                }
                let unary = Unary { negative, expr: operand.it, range };
                self.around(Expr::Unary(Box::new(unary)), operand.depth + 1)
            }
            Pending::Operator { lhs, op, returns_bool, matching } => {
                let goes_on = matches!(lhs.it, Expr::Binary(_));
                let depth = (lhs.depth + usize::from(!goes_on)).max(operand.depth + 1);
                let range = lhs.it.range().to(operand.it.range());
                let binary = Binary { op, returns_bool, matching: Some(matching), lhs: lhs.it, rhs: operand.it, range };
                self.around(Expr::Binary(Box::new(binary)), depth)
            }
        }
    }

    /// `on (a) group_left (b) fill (0)`
    fn matching(&mut self) -> Result<VectorMatching, ParseError> {
        let mut matching = VectorMatching {
            labels: MatchLabels::Ignoring(Vec::new()),
            cardinality: Cardinality::OneToOne,
            fill_left: None,
            fill_right: None,
        };
        let of_labels = match self.peek()? {
            TokenKind::Keyword(Keyword::On) => MatchLabels::On,
            TokenKind::Keyword(Keyword::Ignoring) => MatchLabels::Ignoring,
            _ => return self.fills(matching),
        };
        self.bump()?;
        matching.labels = of_labels(self.label_list()?);
        let of_group = match self.peek()? {
            TokenKind::Keyword(Keyword::GroupLeft) => Cardinality::ManyToOne,
            TokenKind::Keyword(Keyword::GroupRight) => Cardinality::OneToMany,
            _ => return self.fills(matching),
        };
        self.bump()?;
        let next = self.peek()?;
        let is_left_out = next != TokenKind::LeftParen && operand::begins_operand(next);
        matching.cardinality = of_group(if is_left_out { Vec::new() } else { self.label_list()? });
        self.fills(matching)
    }

    fn fills(&mut self, mut matching: VectorMatching) -> Result<VectorMatching, ParseError> {
        match self.peek()? {
            TokenKind::Keyword(Keyword::Fill) => {
                let value = self.fill()?;
                (matching.fill_left, matching.fill_right) = (Some(value), Some(value));
            }
            TokenKind::Keyword(Keyword::FillLeft) => {
                matching.fill_left = Some(self.fill()?);
                if self.peek()? == TokenKind::Keyword(Keyword::FillRight) {
                    matching.fill_right = Some(self.fill()?);
                }
            }
            TokenKind::Keyword(Keyword::FillRight) => {
                matching.fill_right = Some(self.fill()?);
                if self.peek()? == TokenKind::Keyword(Keyword::FillLeft) {
                    matching.fill_left = Some(self.fill()?);
                }
            }
            _ => {}
        }
        Ok(matching)
    }

    /// `fill (-1)`
    fn fill(&mut self) -> Result<f64, ParseError> {
        self.bump()?;
        self.expect(TokenKind::LeftParen)?;
        let negative = self.sign()?.is_some_and(|(_, negative)| negative);
        let value = self.number()?.value;
        self.expect(TokenKind::RightParen)?;
        Ok(if negative { -value } else { value })
    }
}
