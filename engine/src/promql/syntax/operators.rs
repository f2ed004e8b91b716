//! Operators and aggregations.

use super::signature::ValueType;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* #[doc = concat!("`", $text, "`")] $variant,)+ }

        impl $name {
            /// All variants.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Source form.
            #[must_use]
            pub fn symbol(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

words! {
    /// Binary operators.
    BinaryOp {
        Add = "+",
        Sub = "-",
        Mul = "*",
        Div = "/",
        Mod = "%",
        Pow = "^",
        Atan2 = "atan2",
        Equal = "==",
        NotEqual = "!=",
        Less = "<",
        LessEqual = "<=",
        Greater = ">",
        GreaterEqual = ">=",
        TrimUpper = "</",
        TrimLower = ">/",
        And = "and",
        Or = "or",
        Unless = "unless",
    }
}

words! {
    /// Aggregations.
    AggregateOp {
        Sum = "sum",
        Avg = "avg",
        Count = "count",
        Min = "min",
        Max = "max",
        Group = "group",
        Stddev = "stddev",
        Stdvar = "stdvar",
        Topk = "topk",
        Bottomk = "bottomk",
        CountValues = "count_values",
        Quantile = "quantile",
        Limitk = "limitk",
        LimitRatio = "limit_ratio",
    }
}

impl BinaryOp {
    /// Precedence; higher binds tighter.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            op if op.is_comparison() => 3,
            Self::TrimUpper | Self::TrimLower => 3,
            Self::Add | Self::Sub => 4,
            Self::Pow => 6,
            _ => 5,
        }
    }

    /// Minimum precedence of operators within its right operand.
    pub(super) fn right_side(self) -> u8 {
        self.precedence() + u8::from(self != Self::Pow)
    }

    /// `==`, `>` and the like.
    #[must_use]
    pub fn is_comparison(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual)
    }

    /// `and`, `or`, `unless`.
    #[must_use]
    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

impl AggregateOp {
    /// The parameter's type, for operators that take one.
    #[must_use]
    pub fn param(self) -> Option<ValueType> {
        match self {
            Self::Topk | Self::Bottomk | Self::Quantile | Self::Limitk | Self::LimitRatio => Some(ValueType::Scalar),
            Self::CountValues => Some(ValueType::String),
            _ => None,
        }
    }
}
