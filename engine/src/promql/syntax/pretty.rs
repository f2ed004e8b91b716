//! Formats a query over several lines, as Prometheus' `format_query` does: an expression that is too long for one line is
//! broken at its outermost operator, call or parenthesis, and each level is indented by two spaces.

use super::ast::{Aggregate, Binary, Call, Expr};

/// Longest expression that stays on one line, in bytes.
const MAX_LINE: usize = 100;

impl Expr {
    /// Formats the expression, over several lines if it is long.
    #[must_use]
    pub fn pretty(&self) -> String {
        self.laid_out(0)
    }

    fn laid_out(&self, level: usize) -> String {
        let indent = "  ".repeat(level);
        let text = self.to_string();
        let fits = text.len() <= MAX_LINE;
        match self {
            // As in Prometheus, without indentation.
            Self::Subquery(_) if fits => text,
            Self::Subquery(subquery) => format!("{}{}", subquery.expr.laid_out(level), subquery.suffix()),
            Self::Unary(unary) => format!("{indent}{}{}", unary.sign(), unary.expr.laid_out(level).trim()),
            Self::Aggregate(aggregate) if !fits => aggregate.laid_out(level, &indent),
            Self::Binary(binary) if !fits => binary.laid_out(level),
            Self::Call(call) if !fits => call.laid_out(level, &indent),
            Self::Paren(paren) if !fits => format!("{indent}(\n{}\n{indent})", paren.expr.laid_out(level + 1)),
            _ => format!("{indent}{text}"),
        }
    }
}

impl Aggregate {
    fn laid_out(&self, level: usize, indent: &str) -> String {
        let param = self.param.as_ref().map(|param| format!("{},\n", param.laid_out(level + 1))).unwrap_or_default();
        format!("{indent}{}(\n{param}{}\n{indent})", self.head(), self.expr.laid_out(level + 1))
    }
}

impl Binary {
    /// Puts each operator of a chain on a line of its own, indented less the further right it is, down to the part of the chain
    /// that fits on one line.
    fn laid_out(&self, level: usize) -> String {
        let (first, operators) = self.chain();
        let mut length = first.to_string().len();
        let lengths = operators.iter().map(|binary| {
            length += binary.operator().len() + binary.rhs.to_string().len() + 2;
            length
        });
        let on_one_line = lengths.take_while(|length| *length <= MAX_LINE).count();
        let depth = operators.len() - on_one_line;
        let mut out = match on_one_line.checked_sub(1).and_then(|last| operators.get(last)) {
            Some(last) => format!("{}{last}", "  ".repeat(level + depth)),
            None => first.laid_out(level + depth),
        };
        for (at, binary) in operators.iter().skip(on_one_line).enumerate() {
            let level = level + depth - at - 1;
            let rhs = binary.rhs.laid_out(level + 1);
            out.extend(["\n", &"  ".repeat(level), &binary.operator(), "\n", &rhs]);
        }
        out
    }
}

impl Call {
    fn laid_out(&self, level: usize, indent: &str) -> String {
        let args: Vec<String> = self.args.iter().map(|arg| arg.laid_out(level + 1)).collect();
        format!("{indent}{}(\n{}\n{indent})", self.function.name, args.join(",\n"))
    }
}
