//! Parses queries: filters, how they are combined, and stages.

use super::condition::{Expr, Filter, Literal, Op};
use super::field::Field;
use super::spansets::{Relation, Spansets};
use super::{MAX_CONDITIONS, MAX_FILTERS, MAX_NESTING, MAX_STAGES};
use crate::logs::logql::scan::{Parsed, Scanner};
use crate::model::Comparison;
use crate::promql::EvalError;

/// A query.
#[derive(Debug)]
pub struct Query {
    pub(super) spansets: Spansets,
    pub(super) stages: Vec<Stage>,
    /// What answers say of spans.
    pub(super) fields: Vec<Field>,
}

/// What is done with the spans that a trace has left.
#[derive(Debug)]
pub(super) enum Stage {
    /// Filters them further.
    Spans(Spansets),
    /// Keeps the trace where a figure over them meets a comparison.
    Figure { figure: Figure, field: Option<Field>, op: Comparison, value: Literal },
    /// Has no effect but that answers say more.
    Select,
}

/// A figure over spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    Count,
    Avg,
    Min,
    Max,
    Sum,
}

const FIGURES: [(&str, Figure); 5] =
    [("count", Figure::Count), ("avg", Figure::Avg), ("min", Figure::Min), ("max", Figure::Max), ("sum", Figure::Sum)];
/// What makes metrics of spans.
const METRICS: [&str; 11] = [
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "avg_over_time",
    "sum_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
    "topk",
    "bottomk",
];

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// [`EvalError::Parse`] with line and column; [`EvalError::Pattern`] where all regular expressions together cost too much.
    pub fn parse(text: &str) -> Result<Self, EvalError> {
        let mut parser = Parser { scanner: Scanner::new(text)?, conditions: 0, filters: 0 };
        Ok(parser.query()?)
    }

    /// The conditions of a query that is one pair of braces.
    #[must_use]
    pub fn only_filter(&self) -> Option<&Filter> {
        match (&self.spansets, self.stages.as_slice()) {
            (Spansets::Filter(filter), []) => Some(filter),
            _ => None,
        }
    }

    /// Those conditions, where a span alone decides on them.
    #[must_use]
    pub fn span_filter(&self) -> Option<&Filter> {
        self.only_filter().filter(|_| !self.fields.iter().any(Field::needs_trace))
    }
}

/// Parses a field such as `resource.service.name`, `.http.route` or `name`, and nothing behind it.
///
/// # Errors
/// As [`Query::parse`].
pub fn field(text: &str) -> Result<Field, EvalError> {
    let mut parser = Parser { scanner: Scanner::new(text)?, conditions: 0, filters: 0 };
    let field = parser.field()?;
    if !parser.scanner.rest().is_empty() {
        return Ok(parser.scanner.expected("the end of the name")?);
    }
    Ok(field)
}

/// A place in a query, and what was read of it.
pub(super) struct Parser<'q> {
    pub(super) scanner: Scanner<'q>,
    conditions: usize,
    filters: usize,
}

impl Parser<'_> {
    fn query(&mut self) -> Parsed<Query> {
        let spansets = self.spansets(0)?;
        let mut query = Query { spansets, stages: Vec::new(), fields: Vec::new() };
        while self.scanner.take("|") {
            let stage = self.stage(&mut query.fields)?;
            query.stages.push(stage);
            if query.stages.len() > MAX_STAGES {
                return self.scanner.error(self.scanner.pos, format!("a query has at most {MAX_STAGES} stages"));
            }
        }
        self.hints()?;
        self.scanner.blanks();
        if !self.scanner.rest().is_empty() {
            return self.scanner.expected("an operator such as &&, || or >>, a stage such as | count() > 2, or the end of the query,");
        }
        let mut named = std::mem::take(&mut query.fields);
        query.spansets.each_filter(&mut |filter| filter.0.each_field(&mut |field| named.push(field.clone())));
        for field in named {
            if !query.fields.contains(&field) {
                query.fields.push(field);
            }
        }
        Ok(query)
    }

    /// Spansets combined by `&&` and `||`, from left to right.
    fn spansets(&mut self, depth: usize) -> Parsed<Spansets> {
        let mut left = self.related(depth)?;
        while let Some(or) = self.joined() {
            let right = self.related(depth)?;
            left = Spansets::Both { or, sides: Box::new((left, right)) };
        }
        Ok(left)
    }

    /// Takes `&&` or `||`; whether it is `||`.
    fn joined(&mut self) -> Option<bool> {
        if self.scanner.take("&&") {
            return Some(false);
        }
        self.scanner.take("||").then_some(true)
    }

    /// Spansets combined by how their spans are part of each other; that binds tighter.
    fn related(&mut self, depth: usize) -> Parsed<Spansets> {
        let mut left = self.spanset(depth)?;
        while let Some(relation) = self.relation() {
            let right = self.spanset(depth)?;
            left = Spansets::Related { relation, sides: Box::new((left, right)) };
        }
        Ok(left)
    }

    fn relation(&mut self) -> Option<Relation> {
        Relation::ALL.into_iter().find(|relation| self.scanner.take(relation.symbol()))
    }

    fn spanset(&mut self, depth: usize) -> Parsed<Spansets> {
        self.scanner.blanks();
        let start = self.scanner.pos;
        if self.scanner.take("(") {
            self.deeper(start, depth)?;
            let inner = self.spansets(depth + 1)?;
            if self.scanner.rest().trim_start().starts_with('|') {
                return self.scanner.error(start, "stages within parentheses are not supported; put them behind all spansets");
            }
            self.scanner.need(")")?;
            return Ok(inner);
        }
        if !self.scanner.take("{") {
            return self.scanner.expected("a filter of spans such as { status = error }");
        }
        self.filters += 1;
        if self.filters > MAX_FILTERS {
            return self.scanner.error(start, format!("a query has at most {MAX_FILTERS} filters of spans"));
        }
        let filter = if self.scanner.take("}") {
            Expr::Const(true)
        } else {
            let expr = self.expr(0)?;
            self.arithmetic()?;
            if !self.scanner.take("}") {
                return self.scanner.expected("`&&`, `||` or `}`");
            }
            expr
        };
        Ok(Spansets::Filter(Filter(filter)))
    }

    fn deeper(&self, start: usize, depth: usize) -> Parsed<()> {
        if depth >= MAX_NESTING {
            return self.scanner.error(start, format!("parentheses nest deeper than {MAX_NESTING}"));
        }
        Ok(())
    }

    /// Conditions joined by `&&` and `||`, which bind equally, as in Tempo.
    fn expr(&mut self, depth: usize) -> Parsed<Expr> {
        let first = self.condition(depth)?;
        let mut others = Vec::new();
        while let Some(or) = self.joined() {
            others.push((or, self.condition(depth)?));
        }
        Ok(if others.is_empty() { first } else { Expr::Chain(Box::new(first), others) })
    }

    fn condition(&mut self, depth: usize) -> Parsed<Expr> {
        self.scanner.blanks();
        let start = self.scanner.pos;
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return self.scanner.error(start, format!("a query has at most {MAX_CONDITIONS} conditions"));
        }
        if self.scanner.take("(") {
            self.deeper(start, depth)?;
            let inner = self.expr(depth + 1)?;
            self.arithmetic()?;
            self.scanner.need(")")?;
            return Ok(inner);
        }
        if self.scanner.take("!") {
            self.deeper(start, depth)?;
            return Ok(Expr::Not(Box::new(self.condition(depth + 1)?)));
        }
        self.comparison(start)
    }

    /// Refuses what would calculate.
    pub(super) fn arithmetic(&mut self) -> Parsed<()> {
        self.scanner.blanks();
        if self.scanner.rest().starts_with(['+', '-', '*', '/', '%', '^']) {
            return self.scanner.error(self.scanner.pos, "arithmetic is not supported; compare a field with a value");
        }
        Ok(())
    }

    /// Takes a comparison's symbol, if one is next.
    pub(super) fn op(&mut self) -> Option<Op> {
        use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        const SYMBOLS: [(&str, Op); 8] = [
            ("=~", Op::Matches),
            ("!~", Op::NotMatches),
            ("!=", Op::Compare(NotEqual)),
            (">=", Op::Compare(GreaterEqual)),
            ("<=", Op::Compare(LessEqual)),
            ("=", Op::Compare(Equal)),
            (">", Op::Compare(Greater)),
            ("<", Op::Compare(Less)),
        ];
        SYMBOLS.into_iter().find(|(symbol, _)| self.scanner.take(symbol)).map(|(_, op)| op)
    }

    fn stage(&mut self, fields: &mut Vec<Field>) -> Parsed<Stage> {
        let word = self.scanner.peek_word();
        let start = self.scanner.pos;
        if word.is_empty() && self.scanner.rest().starts_with(['{', '(']) {
            return Ok(Stage::Spans(self.spansets(0)?));
        }
        self.scanner.pos += word.len();
        if let Some((_, figure)) = FIGURES.into_iter().find(|(name, _)| *name == word) {
            return self.figure(figure);
        }
        match word {
            "select" => {
                self.scanner.need("(")?;
                loop {
                    let field = self.field()?;
                    fields.push(field);
                    if fields.len() > MAX_CONDITIONS {
                        return self.scanner.error(start, format!("a query selects at most {MAX_CONDITIONS} fields"));
                    }
                    if self.scanner.take(")") {
                        return Ok(Stage::Select);
                    }
                    self.scanner.need(",")?;
                }
            }
            "by" | "coalesce" => self.scanner.error(start, format!("| {word}() is not supported")),
            _ if METRICS.contains(&word) => {
                self.scanner.error(start, format!("| {word}() makes metrics of spans, which are not supported in TraceQL"))
            }
            _ => {
                self.scanner.pos = start;
                self.scanner.expected("a stage such as count() > 2, avg(duration) > 1s, select(span.a) or { … }")
            }
        }
    }

    fn figure(&mut self, figure: Figure) -> Parsed<Stage> {
        self.scanner.need("(")?;
        self.scanner.blanks();
        let start = self.scanner.pos;
        let field = if figure == Figure::Count { None } else { Some(self.field()?) };
        if let Some(field) = &field
            && !field.value_type().is_measured()
        {
            return self.scanner.error(start, format!("`{}` has no number to calculate with", field.name()));
        }
        self.arithmetic()?;
        self.scanner.need(")")?;
        self.arithmetic()?;
        let Some(Op::Compare(op)) = self.op() else {
            return self.scanner.expected("a comparison such as > 2");
        };
        self.scanner.blanks();
        let start = self.scanner.pos;
        match self.quantity()? {
            Some(value) => {
                self.arithmetic()?;
                Ok(Stage::Figure { figure, field, op, value })
            }
            None => self.scanner.error(start, "a number or a length of time such as 250ms is expected here"),
        }
    }

    /// Takes hints. Searches begin with the newest anyway; no other hint is known.
    fn hints(&mut self) -> Parsed<()> {
        self.scanner.blanks();
        let start = self.scanner.pos;
        if !self.scanner.take_word("with") {
            return Ok(());
        }
        self.scanner.need("(")?;
        if !self.scanner.take_word("most_recent") {
            return self.scanner.error(start, "the only hint that is known is with (most_recent=true)");
        }
        self.scanner.need("=")?;
        if !self.scanner.take_word("true") && !self.scanner.take_word("false") {
            return self.scanner.expected("true or false");
        }
        self.scanner.need(")")
    }
}
