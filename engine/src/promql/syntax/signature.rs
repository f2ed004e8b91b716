//! Types of values, and signatures of functions.

use std::fmt::{self, Display, Formatter};

/// The type of an expression's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number per step.
    Scalar,
    /// Series with one value per step.
    Vector,
    /// Series with a range of samples per step.
    Matrix,
    /// A string.
    String,
}

impl ValueType {
    /// Name in the HTTP API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
            Self::String => "string",
        }
    }

    /// Name in documentation and errors.
    #[must_use]
    pub fn documented(self) -> &'static str {
        match self {
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            other => other.name(),
        }
    }
}

/// How many arguments a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// One per type.
    Exact,
    /// The last is optional and may be repeated up to this many times.
    Last(usize),
    /// The last is optional and may be repeated without limit.
    Any,
}

/// What the parser knows of a function. The caller has the table of functions, see [`Lookup`].
#[derive(Debug)]
pub struct Signature {
    /// Name.
    pub name: &'static str,
    /// Argument types.
    pub args: &'static [ValueType],
    /// Number of arguments.
    pub arity: Arity,
    /// The type of the value.
    pub returns: ValueType,
}

/// Compares names, which are unique.
impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Signature {}

/// Finds a function by name.
pub type Lookup = fn(&str) -> Option<&'static Signature>;

impl Signature {
    /// The type of an argument; none beyond the last.
    #[must_use]
    pub fn arg_type(&self, at: usize) -> Option<ValueType> {
        match self.arity {
            Arity::Exact => self.args.get(at),
            _ => self.args.get(at).or_else(|| self.args.last()),
        }
        .copied()
    }
}

/// The signature for documentation: `round(instant vector, [scalar])`.
impl Display for Signature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let last = self.args.len().wrapping_sub(1);
        let args = self.args.iter().enumerate().map(|(at, arg)| match self.arity {
            Arity::Last(1) if at == last => format!("[{}]", arg.documented()),
            Arity::Last(_) | Arity::Any if at == last => format!("[{}, ...]", arg.documented()),
            _ => arg.documented().to_owned(),
        });
        write!(f, "{}({})", self.name, args.collect::<Vec<_>>().join(", "))
    }
}
