//! Parses what follows an operand: `[5m]`, `[1h:1m]`, `@`, `offset`, `anchored`, `smoothed`.

use super::super::ast::{At, Expr, Extended, MatrixSelector, Subquery};
use super::super::duration::DurationExpr;
use super::super::error::{ParseError, TextRange};
use super::super::number;
use super::super::token::{Keyword, TokenKind};
use super::durations::{arithmetic, settled};
use super::{Context, Deep, Parser};

const RANGE: Context = Context::new("subquery or range selector", "number, duration, step(), or range()");
const RANGE_NEXT: Context = Context::new("subquery or range", "\":\" or \"]\"");
const STEP: Context = Context::new("subquery selector", "number, duration, step(), range(), or \"]\"");
const STEP_NEXT: Context = Context::new("subquery selector", "\"]\"");
const OFFSET: Context = Context::new("offset", "number, duration, step(), or range()");
const AT: Context = Context::new("@", "timestamp");

/// The fields of a selector or subquery that modifiers set.
struct Modified<'e> {
    at: &'e mut Option<At>,
    offset: &'e mut Option<DurationExpr>,
    range: &'e mut TextRange,
}

fn modified(expr: &mut Expr) -> Option<Modified<'_>> {
    Some(match expr {
        Expr::Vector(vector) => Modified { at: &mut vector.at, offset: &mut vector.offset, range: &mut vector.range },
        Expr::Matrix(matrix) => Modified { at: &mut matrix.selector.at, offset: &mut matrix.selector.offset, range: &mut matrix.range },
        Expr::Subquery(subquery) => Modified { at: &mut subquery.at, offset: &mut subquery.offset, range: &mut subquery.range },
        _ => return None,
    })
}

impl Parser<'_> {
    pub(super) fn postfix(&mut self, mut operand: Deep<Expr>) -> Result<Deep<Expr>, ParseError> {
        loop {
            match self.peek()? {
                TokenKind::LeftBracket => operand = self.brackets(operand)?,
                TokenKind::At => self.at(&mut operand.it)?,
                TokenKind::Keyword(Keyword::Offset) => self.offset(&mut operand.it)?,
                TokenKind::Keyword(Keyword::Anchored) => self.extended(&mut operand.it, Extended::Anchored)?,
                TokenKind::Keyword(Keyword::Smoothed) => self.extended(&mut operand.it, Extended::Smoothed)?,
                next => {
                    let before_arithmetic = matches!(next, TokenKind::Binary(op) if arithmetic(op).is_some());
                    settle_offset(&mut operand.it, before_arithmetic);
                    return Ok(operand);
                }
            }
        }
    }

    fn brackets(&mut self, mut operand: Deep<Expr>) -> Result<Deep<Expr>, ParseError> {
        settle_offset(&mut operand.it, false);
        let open = self.bump()?;
        let length = self.within(RANGE, Self::positive_duration)?;
        let next = self.within(RANGE_NEXT, |parser| match parser.peek()? {
            TokenKind::Colon | TokenKind::RightBracket => parser.bump(),
            _ => parser.unexpected(),
        })?;
        if next.kind == TokenKind::RightBracket {
            return self.matrix(operand, length, open.range.to(next.range));
        }
        let mut step = None;
        if self.peek()? != TokenKind::RightBracket {
            step = Some(self.within(STEP, Self::positive_duration)?);
        }
        let close = self.within(STEP_NEXT, |parser| parser.expect(TokenKind::RightBracket))?;
        let range = operand.it.range().to(close.range);
        let subquery = Subquery { expr: operand.it, length, step, at: None, offset: None, range };
        self.around(Expr::Subquery(Box::new(subquery)), operand.depth + 1)
    }

    fn matrix(&mut self, operand: Deep<Expr>, length: DurationExpr, brackets: TextRange) -> Result<Deep<Expr>, ParseError> {
        let Expr::Vector(selector) = operand.it else {
            return self.wrong(brackets, "ranges only allowed for vector selectors");
        };
        if selector.offset.is_some() {
            return self.wrong(brackets, "no offset modifiers allowed before range");
        }
        if selector.at.is_some() {
            return self.wrong(brackets, "no @ modifiers allowed before range");
        }
        let range = selector.range.to(brackets);
        Ok(Deep::flat(Expr::Matrix(Box::new(MatrixSelector { selector: *selector, length, range }))))
    }

    fn offset(&mut self, operand: &mut Expr) -> Result<(), ParseError> {
        self.bump()?;
        let by = self.within(OFFSET, Self::offset_duration)?;
        let (range, end) = (operand.range(), self.closed_at);
        let Some(modified) = modified(operand) else {
            return self
                .wrong(range, "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery");
        };
        if modified.offset.is_some() {
            return self.wrong(range, "offset may not be set multiple times");
        }
        modified.range.end = end;
        // As in Prometheus, `offset 0` is no offset.
        *modified.offset = Some(by).filter(|by| !is_zero(by));
        Ok(())
    }

    fn at(&mut self, operand: &mut Expr) -> Result<(), ParseError> {
        self.bump()?;
        let time = self.within(AT, Self::at_time)?;
        let (range, end) = (operand.range(), self.closed_at);
        let at = match time {
            AtTime::Start => At::Start,
            AtTime::End => At::End,
            AtTime::Seconds(seconds) if seconds.is_finite() && seconds.abs() < i64::MAX as f64 => At::Time((seconds * 1e3).round() as i64),
            AtTime::Seconds(seconds) => {
                let seconds = if seconds.is_finite() { format!("{seconds:.6}") } else { number::decimal(seconds) };
                return self.wrong(range, format!("timestamp out of bounds for @ modifier: {seconds}"));
            }
        };
        let Some(modified) = modified(operand) else {
            return self.wrong(range, "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery");
        };
        if modified.at.is_some() {
            return self.wrong(range, "@ <timestamp> may not be set multiple times");
        }
        *modified.at = Some(at);
        modified.range.end = end;
        Ok(())
    }

    fn at_time(&mut self) -> Result<AtTime, ParseError> {
        let called = match self.peek()? {
            TokenKind::Keyword(Keyword::Start) => AtTime::Start,
            TokenKind::Keyword(Keyword::End) => AtTime::End,
            _ => {
                let negative = self.sign()?.is_some_and(|(_, negative)| negative);
                let value = self.number()?.value;
                return Ok(AtTime::Seconds(if negative { -value } else { value }));
            }
        };
        self.bump()?;
        self.expect(TokenKind::LeftParen)?;
        self.expect(TokenKind::RightParen)?;
        Ok(called)
    }

    fn extended(&mut self, operand: &mut Expr, extended: Extended) -> Result<(), ParseError> {
        let word = self.bump()?;
        let word = self.text(&word).to_ascii_lowercase();
        let range = operand.range();
        let selector = match operand {
            Expr::Vector(vector) => &mut **vector,
            Expr::Matrix(matrix) => &mut matrix.selector,
            Expr::Subquery(_) => return self.wrong(range, format!("{word} modifier is not supported for subqueries")),
            _ => return self.wrong(range, format!("{word} modifier not implemented")),
        };
        if selector.extended.is_some_and(|before| before != extended) {
            return self.wrong(range, "anchored and smoothed modifiers cannot be used together");
        }
        selector.extended = Some(extended);
        Ok(())
    }
}

/// See [`settled`].
fn settle_offset(expr: &mut Expr, before_arithmetic: bool) {
    if let Some(Modified { offset, .. }) = modified(expr) {
        *offset = offset.take().map(|offset| settled(offset, before_arithmetic));
    }
}

/// The time after `@`.
enum AtTime {
    Seconds(f64),
    Start,
    End,
}

/// Whether an offset is a literal of zero nanoseconds.
fn is_zero(offset: &DurationExpr) -> bool {
    matches!(offset, DurationExpr::Literal(number) if (number.value * 1e9).round() == 0.0)
}
