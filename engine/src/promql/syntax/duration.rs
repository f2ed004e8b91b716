//! Durations of ranges, steps and offsets and their values: `5m`, `step() * 2`, `max_of(1h, range() / 4)`.

use super::ast::Number;
use super::error::{Diagnostic, TextRange};

/// A duration expression.
#[derive(Debug)]
pub enum DurationExpr {
    /// A number of seconds or a duration literal.
    Literal(Number),
    /// `step()`
    Step(TextRange),
    /// `range()`
    Range(TextRange),
    /// Minus before anything but a literal.
    Negative(Box<DurationExpr>, TextRange),
    /// The `+(5m)` of `a offset +(5m) * 2`, where the sign keeps `* 2` out of the offset. Other plus signs are dropped.
    Positive(Box<DurationExpr>, TextRange),
    /// `(5m)`
    Paren(Box<DurationExpr>, TextRange),
    /// Arithmetic.
    Binary(Box<DurationBinary>),
}

/// Arithmetic on two durations.
#[derive(Debug)]
pub struct DurationBinary {
    /// The operation.
    pub op: DurationOp,
    /// Left operand.
    pub lhs: DurationExpr,
    /// Right operand.
    pub rhs: DurationExpr,
    /// Source range.
    pub range: TextRange,
}

/// Operations on durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `min_of(a, b)`
    MinOf,
    /// `max_of(a, b)`
    MaxOf,
}

impl DurationOp {
    /// Source form.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::MinOf => "min_of",
            Self::MaxOf => "max_of",
        }
    }
}

/// The values of `step()` and `range()` in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grid {
    /// Step of a range query; 0 for an instant query.
    pub step: i64,
    /// Time from the first evaluated instant to the last.
    pub range: i64,
}

/// Longest duration in seconds: as many nanoseconds as fit in 64 bits.
const MAX_SECONDS: f64 = (1u64 << 63) as f64 / 1e9;

/// Whether a number of seconds exceeds the longest duration.
pub(super) fn is_out_of_range(seconds: f64) -> bool {
    !(-MAX_SECONDS..=MAX_SECONDS).contains(&seconds) && !seconds.is_nan()
}

impl DurationExpr {
    /// Source range.
    #[must_use]
    pub fn range(&self) -> TextRange {
        match self {
            Self::Literal(number) => number.range,
            Self::Step(range) | Self::Range(range) | Self::Negative(_, range) | Self::Positive(_, range) | Self::Paren(_, range) => *range,
            Self::Binary(binary) => binary.range,
        }
    }

    /// The value of a range or step in milliseconds.
    ///
    /// # Errors
    /// If the duration is not positive or out of range.
    pub fn millis(&self, grid: Grid) -> Result<i64, Diagnostic> {
        let seconds = self.checked(grid)?;
        if seconds > 0.0 { Ok(self.whole_millis(seconds)) } else { Err(self.wrong("duration must be greater than 0")) }
    }

    /// The value of an offset in milliseconds; may be negative.
    ///
    /// # Errors
    /// If the duration is out of range.
    pub fn offset_millis(&self, grid: Grid) -> Result<i64, Diagnostic> {
        self.checked(grid).map(|seconds| self.whole_millis(seconds))
    }

    fn wrong(&self, message: &str) -> Diagnostic {
        Diagnostic::new(self.range(), message)
    }

    fn whole_millis(&self, seconds: f64) -> i64 {
        match self {
            // As in Prometheus, literals are rounded to nanoseconds first.
            Self::Literal(_) => (seconds * 1e9).round() as i64 / 1_000_000,
            _ => (seconds * 1e3) as i64,
        }
    }

    fn checked(&self, grid: Grid) -> Result<f64, Diagnostic> {
        let seconds = self.seconds(grid)?;
        if !seconds.is_finite() {
            return Err(self.wrong("duration is NaN or infinite"));
        }
        if is_out_of_range(seconds) { Err(self.wrong("duration is out of range")) } else { Ok(seconds) }
    }

    fn seconds(&self, grid: Grid) -> Result<f64, Diagnostic> {
        Ok(match self {
            Self::Literal(number) => number.value,
            Self::Step(_) => grid.step as f64 / 1e3,
            Self::Range(_) => grid.range as f64 / 1e3,
            Self::Negative(expr, _) => -expr.seconds(grid)?,
            Self::Positive(expr, _) | Self::Paren(expr, _) => expr.seconds(grid)?,
            Self::Binary(binary) => {
                let (a, b) = (binary.lhs.seconds(grid)?, binary.rhs.seconds(grid)?);
                match binary.op {
                    DurationOp::Add => a + b,
                    DurationOp::Sub => a - b,
                    DurationOp::Mul => a * b,
                    DurationOp::Div if b == 0.0 => return Err(self.wrong("division by zero")),
                    DurationOp::Div => a / b,
                    DurationOp::Mod if b == 0.0 => return Err(self.wrong("modulo by zero")),
                    DurationOp::Mod => a % b,
                    DurationOp::Pow => a.powf(b),
                    // NaN propagates, as in Go, and is refused.
                    DurationOp::MinOf if a.is_nan() || b.is_nan() => f64::NAN,
                    DurationOp::MinOf => a.min(b),
                    DurationOp::MaxOf if a.is_nan() || b.is_nan() => f64::NAN,
                    DurationOp::MaxOf => a.max(b),
                }
            }
        })
    }
}
