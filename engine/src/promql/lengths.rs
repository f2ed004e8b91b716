//! Arithmetic on lengths of time: `5m * 2`, `(1h - step()) / 2`, `max(range(), 1m)`.
//!
//! Worked out on the tokens of a query, before the parser sees it: the answer is a number of seconds.

use super::rewrite::{Kind, Rewriter};
use super::selector::{QueryError, shown};

/// Arithmetic on lengths of time; everything is seconds. Precedence as in PromQL.
pub(super) struct Sum<'r, 'q> {
    pub(super) rewriter: &'r Rewriter<'q>,
    /// The next token, and where the last one was.
    pub(super) at: usize,
    pub(super) end: usize,
    /// Signs, powers and parentheses so far: each is worked out within the one before.
    pub(super) depth: usize,
}

/// Signs, powers and parentheses of one length of time at the most.
const MAX_DEPTH: usize = 64;

impl Sum<'_, '_> {
    fn wrong<T>(&self, what: &str) -> Result<T, QueryError> {
        let place = self.rewriter.tokens.get(self.at).map_or(self.rewriter.query.len(), |t| t.start);
        Err(QueryError::Parse(format!("`{}`: {what} at byte {place} of a length of time", shown(self.rewriter.query))))
    }

    pub(super) fn whole(&mut self) -> Result<f64, QueryError> {
        let value = self.sum()?;
        if self.at < self.end { self.wrong("an operator is expected") } else { Ok(value) }
    }

    fn mark(&self) -> Option<u8> {
        if self.at < self.end { self.rewriter.mark(self.at) } else { None }
    }

    fn sum(&mut self) -> Result<f64, QueryError> {
        let mut value = self.product()?;
        while let Some(op @ (b'+' | b'-')) = self.mark() {
            self.at += 1;
            let other = self.product()?;
            value = if op == b'+' { value + other } else { value - other };
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<f64, QueryError> {
        let mut value = self.signed()?;
        while let Some(op @ (b'*' | b'/' | b'%')) = self.mark() {
            self.at += 1;
            let other = self.signed()?;
            if op != b'*' && other == 0.0 {
                return self.wrong(if op == b'/' { "division by zero" } else { "modulo by zero" });
            }
            value = match op {
                b'*' => value * other,
                b'/' => value / other,
                _ => value % other,
            };
        }
        Ok(value)
    }

    fn signed(&mut self) -> Result<f64, QueryError> {
        self.depth += usize::from(matches!(self.mark(), Some(b'-' | b'+' | b'(')));
        if self.depth > MAX_DEPTH {
            return self.wrong(&format!("at most {MAX_DEPTH} signs, powers and parentheses are worked out"));
        }
        match self.mark() {
            Some(b'-') => {
                self.at += 1;
                Ok(-self.signed()?)
            }
            Some(b'+') => {
                self.at += 1;
                self.signed()
            }
            _ => self.power(),
        }
    }

    fn power(&mut self) -> Result<f64, QueryError> {
        let base = self.atom()?;
        if self.mark() == Some(b'^') {
            (self.at, self.depth) = (self.at + 1, self.depth + 1);
            return Ok(base.powf(self.signed()?));
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<f64, QueryError> {
        if self.at >= self.end {
            return self.wrong("a length of time is expected");
        }
        let (at, grid) = (self.at, self.rewriter.grid);
        self.at += 1;
        match self.rewriter.tokens[at].kind {
            Kind::Mark(b'(') => {
                let value = self.sum()?;
                self.expect(b')')?;
                Ok(value)
            }
            Kind::Number => match seconds(self.rewriter.text(at)) {
                Some(value) => Ok(value),
                None => self.wrong("a length of time is expected"),
            },
            Kind::Word if self.mark() == Some(b'(') => {
                self.at += 1;
                let name = self.rewriter.text(at).to_ascii_lowercase();
                let value = match name.as_str() {
                    "step" => grid.step as f64 / 1e3,
                    "range" => grid.range as f64 / 1e3,
                    "min" | "max" => {
                        self.depth += 1;
                        let first = self.sum()?;
                        self.expect(b',')?;
                        let second = self.sum()?;
                        if name == "min" { first.min(second) } else { first.max(second) }
                    }
                    _ => return self.wrong("only step(), range(), min() and max() are known"),
                };
                self.expect(b')')?;
                Ok(value)
            }
            _ => {
                self.at = at;
                self.wrong("a length of time is expected")
            }
        }
    }

    fn expect(&mut self, mark: u8) -> Result<(), QueryError> {
        if self.mark() == Some(mark) {
            self.at += 1;
            return Ok(());
        }
        self.wrong(&format!("`{}` is expected", char::from(mark)))
    }
}

/// `1h30m`, `90`, `1.5`, `0x10` in seconds.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let plain = text.replace('_', "");
    if let Some(digits) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok().map(|v| v as f64);
    }
    if let Ok(value) = plain.parse::<f64>() {
        return Some(value);
    }
    let (mut total, mut rest) = (0.0, plain.as_str());
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        total += value
            * match &rest[..letters] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                "y" => 31_536_000.0,
                _ => return None,
            };
        rest = &rest[letters..];
    }
    Some(total)
}
