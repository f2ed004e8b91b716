//! Parses operands: literals, parentheses, calls, aggregations, selectors.

use super::super::ast::{Aggregate, Call, Expr, Grouping, Paren, Text};
use super::super::error::ParseError;
use super::super::operators::AggregateOp;
use super::super::text::quoted;
use super::super::token::{Keyword, Token, TokenKind};
use super::{BinaryOp, Context, Deep, PARENTHESIS_DEPTH, Parser};

const AGGREGATION: Context = Context::new("aggregation", "");

/// Whether a token may be a metric name where an operand is expected.
pub(super) fn is_metric(kind: TokenKind) -> bool {
    match kind {
        TokenKind::Identifier | TokenKind::MetricIdentifier | TokenKind::Aggregate(_) => true,
        TokenKind::Binary(op) => op.is_set(),
        TokenKind::Keyword(keyword) => {
            !matches!(keyword, Keyword::Bool | Keyword::On | Keyword::Ignoring | Keyword::GroupLeft | Keyword::GroupRight)
        }
        _ => false,
    }
}

/// Whether an operand may begin with a token.
pub(super) fn begins_operand(kind: TokenKind) -> bool {
    use TokenKind::{Duration, LeftBrace, LeftParen, Number, String};
    matches!(kind, Number | Duration | String | LeftParen | LeftBrace | TokenKind::Binary(BinaryOp::Add | BinaryOp::Sub)) || is_metric(kind)
}

impl Parser<'_> {
    /// Parses an operand without sign and postfix modifiers.
    pub(super) fn operand(&mut self) -> Result<Deep<Expr>, ParseError> {
        match self.peek()? {
            TokenKind::Number | TokenKind::Duration => Ok(Deep::flat(Expr::Number(self.number()?))),
            TokenKind::String => {
                let token = self.bump()?;
                let (value, invalid) = match String::from_utf8(self.bytes(&token)) {
                    Ok(value) => (value, None),
                    Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(error.into_bytes().into())),
                };
                Ok(Deep::flat(Expr::Text(Text { value, invalid, range: token.range })))
            }
            TokenKind::LeftParen => {
                let open = self.bump()?;
                let inner = self.in_parens(|parser| parser.expr())?;
                let close = self.expect(TokenKind::RightParen)?;
                let paren = Paren { expr: inner.it, range: open.range.to(close.range) };
                self.around(Expr::Paren(Box::new(paren)), inner.depth + PARENTHESIS_DEPTH)
            }
            TokenKind::LeftBrace => self.selector(None).map(Deep::flat),
            kind if is_metric(kind) => {
                let name = self.bump()?;
                let next = self.peek()?;
                match kind {
                    TokenKind::Aggregate(op)
                        if matches!(next, TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without)) =>
                    {
                        self.within(AGGREGATION, |parser| parser.aggregate(name, op))
                    }
                    TokenKind::Identifier if next == TokenKind::LeftParen => self.call(name),
                    TokenKind::Keyword(keyword) if keyword.is_callable() && next == TokenKind::LeftParen => self.call(name),
                    _ => self.selector(Some(name)).map(Deep::flat),
                }
            }
            _ => self.unexpected(),
        }
    }

    fn call(&mut self, name: Token) -> Result<Deep<Expr>, ParseError> {
        let Deep { it: args, depth } = self.args()?;
        let text = self.text(&name);
        let Some(function) = (self.functions)(text) else {
            return self.wrong(name.range, format!("unknown function with name {}", quoted(text)));
        };
        let range = super::TextRange::new(name.range.start, self.closed_at);
        self.around(Expr::Call(Box::new(Call { function, args, range })), depth)
    }

    /// `(a, b)`
    fn args(&mut self) -> Result<Deep<Vec<Expr>>, ParseError> {
        self.expect(TokenKind::LeftParen)?;
        let (mut args, mut deepest) = (Vec::new(), 0);
        if self.take(TokenKind::RightParen)?.is_none() {
            self.in_parens(|parser| {
                loop {
                    let arg = parser.expr()?;
                    deepest = deepest.max(arg.depth);
                    args.push(arg.it);
                    let Some(comma) = parser.take(TokenKind::Comma)? else { return Ok(()) };
                    if !begins_operand(parser.peek()?) {
                        return parser.wrong(comma.range, "trailing commas not allowed in function call args");
                    }
                }
            })?;
            self.expect(TokenKind::RightParen)?;
        }
        Ok(Deep { it: args, depth: deepest + PARENTHESIS_DEPTH })
    }

    fn aggregate(&mut self, name: Token, op: AggregateOp) -> Result<Deep<Expr>, ParseError> {
        let mut grouping = self.grouping()?;
        let Deep { it: mut args, depth } = self.args()?;
        let mut end = self.closed_at;
        if grouping.is_none() {
            grouping = self.grouping()?;
            if grouping.is_some() {
                end = self.closed_at;
            }
        }
        let range = super::TextRange::new(name.range.start, end);
        let (given, wanted) = (args.len(), 1 + usize::from(op.param().is_some()));
        if given == 0 {
            return self.wrong(range, "no arguments for aggregate expression provided");
        }
        let (Some(expr), true) = (args.pop(), given == wanted) else {
            return self
                .wrong(range, format!("wrong number of arguments for aggregate expression provided, expected {wanted}, got {given}"));
        };
        let grouping = grouping.unwrap_or(Grouping::By(Vec::new()));
        self.around(Expr::Aggregate(Box::new(Aggregate { op, grouping, param: args.pop(), expr, range })), depth)
    }

    /// `by (a)`, `without (a)`, or nothing.
    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let of_labels = match self.peek()? {
            TokenKind::Keyword(Keyword::By) => Grouping::By,
            TokenKind::Keyword(Keyword::Without) => Grouping::Without,
            _ => return Ok(None),
        };
        self.bump()?;
        Ok(Some(of_labels(self.label_list()?)))
    }
}
