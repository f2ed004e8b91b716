//! Parses durations in brackets and after `offset`, and arithmetic with them.

use super::super::ast::Number;
use super::super::duration::{DurationBinary, DurationExpr, DurationOp, is_out_of_range};
use super::super::error::{ParseError, TextRange};
use super::super::token::{Keyword, Token, TokenKind};
use super::{BinaryOp, Deep, PARENTHESIS_DEPTH, Parser};

/// The arithmetic of an operator on durations; none for other operators.
pub(super) fn arithmetic(op: BinaryOp) -> Option<DurationOp> {
    Some(match op {
        BinaryOp::Add => DurationOp::Add,
        BinaryOp::Sub => DurationOp::Sub,
        BinaryOp::Mul => DurationOp::Mul,
        BinaryOp::Div => DurationOp::Div,
        BinaryOp::Mod => DurationOp::Mod,
        BinaryOp::Pow => DurationOp::Pow,
        _ => return None,
    })
}

/// Applies a sign. Literals are negated in place; a plus on anything else is dropped.
fn signed(sign: Token, negative: bool, expr: DurationExpr) -> DurationExpr {
    let range = sign.range.to(expr.range());
    match expr {
        DurationExpr::Literal(number) => {
            DurationExpr::Literal(Number { value: if negative { -number.value } else { number.value }, range, ..number })
        }
        expr if negative => DurationExpr::Negative(Box::new(expr), range),
        expr => expr,
    }
}

fn in_parens(expr: DurationExpr, range: TextRange) -> DurationExpr {
    match expr {
        // Prometheus keeps one pair.
        DurationExpr::Paren(inner, _) => DurationExpr::Paren(inner, range),
        expr => DurationExpr::Paren(Box::new(expr), range),
    }
}

/// How much of the text after `offset` the parser takes for a printed offset.
enum Reach {
    /// One operand; following operators do not belong to it.
    Operand,
    /// It begins with a parenthesis or two signs, so all following arithmetic belongs to it.
    Arithmetic,
    /// Only its first operand, so it must be put in parentheses.
    Part,
}

fn reach(offset: &DurationExpr) -> Reach {
    let is_call = |binary: &DurationBinary| matches!(binary.op, DurationOp::MinOf | DurationOp::MaxOf);
    let mut first = offset;
    while let DurationExpr::Binary(binary) = first
        && !is_call(binary)
    {
        first = &binary.lhs;
    }
    let is_operand = std::ptr::eq(first, offset);
    match first {
        DurationExpr::Paren(..) => Reach::Arithmetic,
        DurationExpr::Negative(inner, _) => match &**inner {
            DurationExpr::Negative(..) => Reach::Arithmetic,
            DurationExpr::Binary(binary) if !is_call(binary) => Reach::Part,
            _ if is_operand => Reach::Operand,
            _ => Reach::Part,
        },
        _ if is_operand => Reach::Operand,
        _ => Reach::Part,
    }
}

/// Adds the parentheses or sign that an offset needs to be parsed as the same offset after printing. Printing moves `offset`
/// behind the other modifiers, possibly next to arithmetic that is not part of it, and drops redundant signs.
pub(super) fn settled(offset: DurationExpr, before_arithmetic: bool) -> DurationExpr {
    let range = offset.range();
    match (reach(&offset), before_arithmetic) {
        (Reach::Operand, false) => match offset {
            DurationExpr::Positive(inner, _) => *inner,
            offset => offset,
        },
        (Reach::Part, false) => in_parens(offset, range),
        (Reach::Arithmetic | Reach::Part, true) => DurationExpr::Positive(Box::new(in_parens(offset, range)), range),
        (Reach::Operand, true) | (Reach::Arithmetic, false) => offset,
    }
}

impl Parser<'_> {
    /// Parses a range or step.
    pub(super) fn positive_duration(&mut self) -> Result<DurationExpr, ParseError> {
        let expr = self.duration(0)?.it;
        match &expr {
            DurationExpr::Literal(number) if number.value <= 0.0 => self.wrong(number.range, "duration must be greater than 0"),
            _ => Ok(expr),
        }
    }

    /// Parses what follows `offset`. As in Prometheus this is one operand with an optional sign, so `a offset 5m * 2` is
    /// `(a offset 5m) * 2`; arithmetic needs a leading parenthesis or a second sign.
    pub(super) fn offset_duration(&mut self) -> Result<DurationExpr, ParseError> {
        let sign = self.sign()?;
        let is_arithmetic = match self.peek()? {
            TokenKind::LeftParen => sign.is_none(),
            TokenKind::Binary(BinaryOp::Add | BinaryOp::Sub) => true,
            _ => false,
        };
        if !is_arithmetic {
            let operand = match self.peek()? {
                TokenKind::Number | TokenKind::Duration => DurationExpr::Literal(self.number()?),
                _ => self.duration_operand()?.it,
            };
            return self.in_bounds(match (sign, operand) {
                (Some((sign, false)), operand @ DurationExpr::Paren(..)) => {
                    let range = sign.range.to(operand.range());
                    DurationExpr::Positive(Box::new(operand), range)
                }
                (Some((sign, negative)), operand) => signed(sign, negative, operand),
                (None, operand) => operand,
            });
        }
        let first = match sign {
            Some((sign, negative)) => self.signed_duration(sign, negative)?,
            None => self.duration_operand()?,
        };
        self.duration_behind(first, 0).map(|duration| duration.it)
    }

    /// Parses a duration whose operators have at least this precedence.
    fn duration(&mut self, least: u8) -> Result<Deep<DurationExpr>, ParseError> {
        let first = match self.sign()? {
            Some((sign, negative)) => self.signed_duration(sign, negative)?,
            None => self.duration_operand()?,
        };
        self.duration_behind(first, least)
    }

    fn signed_duration(&mut self, sign: Token, negative: bool) -> Result<Deep<DurationExpr>, ParseError> {
        let operand = self.deeper(PARENTHESIS_DEPTH, |parser| parser.duration(BinaryOp::Mul.right_side()))?;
        let expr = self.in_bounds(signed(sign, negative, operand.it))?;
        self.around(expr, operand.depth + PARENTHESIS_DEPTH)
    }

    /// Parses the operators after a first operand.
    fn duration_behind(&mut self, mut left: Deep<DurationExpr>, least: u8) -> Result<Deep<DurationExpr>, ParseError> {
        while let TokenKind::Binary(op) = self.peek()? {
            let Some(known) = arithmetic(op).filter(|_| op.precedence() >= least) else { break };
            let operator = self.bump()?;
            let weight = if op == BinaryOp::Pow { PARENTHESIS_DEPTH } else { 1 };
            let right = self.deeper(weight, |parser| parser.duration(op.right_side()))?;
            let by_nothing = matches!(&right.it, DurationExpr::Literal(number) if number.value == 0.0);
            match known {
                DurationOp::Div if by_nothing => return self.wrong(operator.range, "division by zero"),
                DurationOp::Mod if by_nothing => return self.wrong(operator.range, "modulo by zero"),
                _ => {}
            }
            left = self.both(known, left, right, None)?;
        }
        Ok(left)
    }

    fn both(
        &mut self,
        op: DurationOp,
        lhs: Deep<DurationExpr>,
        rhs: Deep<DurationExpr>,
        range: Option<TextRange>,
    ) -> Result<Deep<DurationExpr>, ParseError> {
        let range = range.unwrap_or_else(|| lhs.it.range().to(rhs.it.range()));
        let depth = lhs.depth.max(rhs.depth) + 1;
        self.around(DurationExpr::Binary(Box::new(DurationBinary { op, lhs: lhs.it, rhs: rhs.it, range })), depth)
    }

    fn duration_operand(&mut self) -> Result<Deep<DurationExpr>, ParseError> {
        let op = match self.peek()? {
            TokenKind::Number | TokenKind::Duration => {
                let literal = DurationExpr::Literal(self.number()?);
                return Ok(Deep::flat(self.in_bounds(literal)?));
            }
            TokenKind::LeftParen => {
                let open = self.bump()?;
                let inner = self.in_parens(|parser| parser.duration(0))?;
                let close = self.expect(TokenKind::RightParen)?;
                return self.around(in_parens(inner.it, open.range.to(close.range)), inner.depth + PARENTHESIS_DEPTH);
            }
            TokenKind::Keyword(keyword @ (Keyword::Step | Keyword::Range)) => {
                let name = self.bump()?;
                self.expect(TokenKind::LeftParen)?;
                let range = name.range.to(self.expect(TokenKind::RightParen)?.range);
                let is_step = keyword == Keyword::Step;
                return Ok(Deep::flat(if is_step { DurationExpr::Step(range) } else { DurationExpr::Range(range) }));
            }
            TokenKind::Keyword(Keyword::MinOf) => DurationOp::MinOf,
            TokenKind::Keyword(Keyword::MaxOf) => DurationOp::MaxOf,
            _ => return self.unexpected(),
        };
        let name = self.bump()?;
        self.expect(TokenKind::LeftParen)?;
        let (lhs, rhs) = self.in_parens(|parser| {
            let lhs = parser.duration(0)?;
            parser.expect(TokenKind::Comma)?;
            Ok((lhs, parser.duration(0)?))
        })?;
        let close = self.expect(TokenKind::RightParen)?;
        let mut both = self.both(op, lhs, rhs, Some(name.range.to(close.range)))?;
        both.depth += PARENTHESIS_DEPTH;
        self.around(both.it, both.depth)
    }

    fn in_bounds(&self, expr: DurationExpr) -> Result<DurationExpr, ParseError> {
        match &expr {
            DurationExpr::Literal(number) if is_out_of_range(number.value) => self.wrong(number.range, "duration out of range"),
            _ => Ok(expr),
        }
    }
}
