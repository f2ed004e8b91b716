//! Where in the text of a query an argument stands, for notes about it: `(1:6)`, as Prometheus writes it.
//!
//! The parser does not tell. Calls and aggregations come in the same order in the text as in the expression: each is given
//! its place by that order. Where the two do not agree to the name nothing is told.

use promql_parser::parser::Expr;
use rustc_hash::FxHashMap;

use super::rewrite::{ANCHORED, Kind, SMOOTHED, SMOOTHED_INSTANT, Token, tokens};

/// The places of the arguments of a query.
#[derive(Debug, Default)]
pub struct Places {
    /// Line and column by the address of the argument.
    by_address: FxHashMap<usize, (usize, usize)>,
}

/// Which argument a note is about.
pub(super) fn address(expr: &Expr) -> usize {
    std::ptr::from_ref(expr).addr()
}

impl Places {
    /// The places in a query of the expression that it was parsed to.
    #[must_use]
    pub fn of(query: &str, expr: &Expr) -> Self {
        let mut called = Vec::new();
        collect(expr, &mut called);
        let text = Text { query, tokens: tokens(query).collect() };
        let found = text.calls();
        let agree = found.len() == called.len() && found.iter().zip(&called).all(|(f, c)| f.name.eq_ignore_ascii_case(&c.name));
        if !agree {
            return Self::default();
        }
        let lines: Vec<usize> = std::iter::once(0).chain(query.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        let place = |start: usize| {
            let line = lines.partition_point(|first| *first <= start);
            (line, start - lines[line - 1] + 1)
        };
        let pairs = called.into_iter().zip(found).flat_map(|(c, f)| c.args.into_iter().zip(f.args));
        Self { by_address: pairs.map(|(address, start)| (address, place(start))).collect() }
    }

    /// The place of what a note is about, as ` (1:6)`; nothing where it is not known.
    #[must_use]
    pub fn told(&self, about: usize) -> String {
        self.by_address.get(&about).map_or_else(String::new, |(line, column)| format!(" ({line}:{column})"))
    }
}

struct Called {
    name: String,
    /// The addresses of its arguments.
    args: Vec<usize>,
}

/// Calls and aggregations of an expression in the order of its text.
fn collect(expr: &Expr, out: &mut Vec<Called>) {
    match expr {
        Expr::Call(call) => {
            if ![ANCHORED, SMOOTHED, SMOOTHED_INSTANT].contains(&call.func.name) {
                let args = call.args.args.iter().map(|arg| address(arg)).collect();
                out.push(Called { name: call.func.name.to_owned(), args });
            }
            call.args.args.iter().for_each(|arg| collect(arg, out));
        }
        Expr::Aggregate(aggregate) => {
            let args = aggregate.param.as_deref().into_iter().chain([&*aggregate.expr]);
            out.push(Called { name: aggregate.op.to_string(), args: args.clone().map(address).collect() });
            args.for_each(|arg| collect(arg, out));
        }
        // A chain is gone along, not down.
        Expr::Binary(binary) => {
            let (mut sides, mut first) = (vec![&*binary.rhs], &*binary.lhs);
            while let Expr::Binary(inner) = first {
                sides.push(&inner.rhs);
                first = &inner.lhs;
            }
            collect(first, out);
            sides.into_iter().rev().for_each(|side| collect(side, out));
        }
        Expr::Unary(unary) => collect(&unary.expr, out),
        Expr::Paren(paren) => collect(&paren.expr, out),
        Expr::Subquery(subquery) => collect(&subquery.expr, out),
        _ => {}
    }
}

struct Found<'q> {
    name: &'q str,
    /// Where its arguments begin.
    args: Vec<usize>,
}

/// Words before a parenthesis that call nothing.
const OF_THE_LANGUAGE: [&str; 15] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "fill",
    "fill_left",
    "fill_right",
    "bool",
    "and",
    "or",
    "unless",
    "atan2",
    "offset",
];

struct Text<'q> {
    query: &'q str,
    tokens: Vec<Token>,
}

impl<'q> Text<'q> {
    fn text(&self, at: usize) -> &'q str {
        self.tokens.get(at).map_or("", |t| &self.query[t.start..t.end])
    }

    fn is(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.text(at).eq_ignore_ascii_case(word))
    }

    /// The place of the mark that closes the one at `open`.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in open..self.tokens.len() {
            match self.tokens[at].kind {
                Kind::Mark(b'(' | b'[' | b'{') => depth += 1,
                Kind::Mark(b')' | b']' | b'}') => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn calls(&self) -> Vec<Found<'q>> {
        let mut out = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            match self.tokens[at].kind {
                // Lengths of time and labels call nothing.
                Kind::Mark(b'[' | b'{') => at = self.closing(at).unwrap_or(at),
                Kind::Word => {
                    let behind = at.checked_sub(1).map(|before| self.text(before));
                    let of_a_modifier = behind.is_some_and(|word| word == "@" || word.eq_ignore_ascii_case("offset"));
                    let mut open = at + 1;
                    if self.is(open, &["by", "without"]) && self.text(open + 1) == "(" {
                        // The labels of an aggregation stand before its arguments.
                        open = self.closing(open + 1).map_or(open, |close| close + 1);
                    }
                    let known = self.is(at, &OF_THE_LANGUAGE) || of_a_modifier;
                    if self.text(open) == "(" && !known {
                        out.push(Found { name: self.text(at), args: self.args(open) });
                        at = open;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        out
    }

    /// Where the arguments behind a parenthesis begin; parentheses around a whole argument are left out.
    fn args(&self, open: usize) -> Vec<usize> {
        let Some(close) = self.closing(open) else { return Vec::new() };
        let (mut out, mut first, mut at) = (Vec::new(), open + 1, open + 1);
        while at <= close {
            match self.tokens[at].kind {
                Kind::Mark(b'(' | b'[' | b'{') => at = self.closing(at).unwrap_or(at),
                Kind::Mark(b',' | b')') => {
                    let (mut from, mut to) = (first, at);
                    while from + 1 < to && self.text(from) == "(" && self.closing(from) == Some(to - 1) {
                        (from, to) = (from + 1, to - 1);
                    }
                    out.extend((from < to).then(|| self.tokens[from].start));
                    first = at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse_expr;

    #[test]
    fn arguments_are_told_by_line_and_column() {
        for (query, wanted) in [
            ("rate(up[5m])", "1:6"),
            ("sum by (a) (rate((up[5m])))", "1:19"),
            ("1 +\n  rate(up[5m] offset (1m * 2))", "2:8"),
            ("rate(up[step() + 1m] @ start())", "1:6"),
            ("start() + rate(up{a=\"rate(\"}[5m])", "1:16"),
            ("rate((up + (up))[5m:])", "1:6"),
            ("rate(up[5m] anchored)", "1:6"),
            ("max(up) by (a) > on (a) group_left (b) rate(up[5m])", "1:45"),
        ] {
            let expr = parse_expr(query).unwrap();
            let places = Places::of(query, &expr);
            let mut called = Vec::new();
            collect(&expr, &mut called);
            let rate = called.iter().find(|call| call.name == "rate").unwrap();
            assert_eq!(places.told(rate.args[0]), format!(" ({wanted})"), "{query}");
        }
        let query = "quantile by (a) (1.5, up)";
        let expr = parse_expr(query).unwrap();
        let Expr::Aggregate(aggregate) = &expr else { panic!("{expr:?}") };
        assert_eq!(Places::of(query, &expr).told(address(aggregate.param.as_deref().unwrap())), " (1:18)");
        assert_eq!(Places::of("up", &expr).told(address(&expr)), "");
    }
}
