//! Parses label matchers, lists of label names and the labels of a series.

use super::super::ast::{Expr, LabelMatcher, LabelOp, VectorSelector};
use super::super::error::{ParseError, TextRange};
use super::super::text::quoted_bytes;
use super::super::token::{Keyword, Token, TokenKind};
use super::{BinaryOp, Context, Parser};

const LIST: Context = Context::new("grouping opts", "\"(\"");
const LIST_LABEL: Context = Context::new("grouping opts", "label");
const LIST_NEXT: Context = Context::new("grouping opts", "\",\" or \")\"");
const MATCHER: Context = Context::new("label matching", "identifier or \"}\"");
const MATCHER_OP: Context = Context::new("label matching", "label matching operator");
const MATCHER_VALUE: Context = Context::new("label matching", "string");
const MATCHER_NEXT: Context = Context::new("label matching", "\",\" or \"}\"");

/// The label that holds the metric name.
const NAME_LABEL: &str = "__name__";

/// Whether a token may be a label name in a list of labels.
fn is_label(kind: TokenKind) -> bool {
    match kind {
        TokenKind::Identifier | TokenKind::MetricIdentifier | TokenKind::Aggregate(_) => true,
        TokenKind::Binary(op) => op.is_set() || op == BinaryOp::Atan2,
        TokenKind::Keyword(keyword) => keyword != Keyword::Without,
        _ => false,
    }
}

impl Parser<'_> {
    /// `(a, "b.c")`
    pub(super) fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        self.within(LIST, |parser| parser.expect(TokenKind::LeftParen))?;
        let mut labels = Vec::new();
        while self.take(TokenKind::RightParen)?.is_none() {
            let label = self.within(LIST_LABEL, Self::label)?;
            labels.push(label);
            self.within(LIST_NEXT, |parser| match parser.peek()? {
                TokenKind::Comma => parser.bump().map(|_| ()),
                TokenKind::RightParen => Ok(()),
                _ => parser.unexpected(),
            })?;
        }
        Ok(labels)
    }

    fn label(&mut self) -> Result<String, ParseError> {
        let token = match self.peek()? {
            kind if kind == TokenKind::String || is_label(kind) => self.bump()?,
            _ => return self.unexpected(),
        };
        if token.kind != TokenKind::String {
            return Ok(self.text(&token).to_owned());
        }
        let name = self.bytes(&token);
        if name.is_empty() || str::from_utf8(&name).is_err() {
            return self.wrong(token.range, format!("invalid label name for grouping: {}", quoted_bytes(&name)));
        }
        self.unquoted(&token)
    }

    /// Parses the rest of a selector after its optional name.
    pub(super) fn selector(&mut self, name: Option<Token>) -> Result<Expr, ParseError> {
        let (mut range, mut matchers) = (name.map(|name| name.range), Vec::new());
        if let Some(open) = self.take(TokenKind::LeftBrace)? {
            let start = range.unwrap_or(open.range);
            matchers = self.matchers()?;
            range = Some(TextRange::new(start.start, self.closed_at));
        }
        Ok(Expr::Vector(Box::new(VectorSelector {
            id: self.next_selector(),
            name: name.map(|name| self.text(&name).to_owned()),
            matchers,
            filters_labels: false,
            at: None,
            offset: None,
            extended: None,
            range: range.unwrap_or_default(),
        })))
    }

    /// Parses matchers up to the closing brace.
    pub(super) fn matchers(&mut self) -> Result<Vec<LabelMatcher>, ParseError> {
        let mut matchers = Vec::new();
        while self.take(TokenKind::RightBrace)?.is_none() {
            let matcher = self.within(MATCHER, Self::matcher)?;
            self.count_matcher(matcher.range)?;
            matchers.push(matcher);
            self.within(MATCHER_NEXT, |parser| match parser.peek()? {
                TokenKind::Comma => parser.bump().map(|_| ()),
                TokenKind::RightBrace => Ok(()),
                _ => parser.unexpected(),
            })?;
        }
        Ok(matchers)
    }

    /// `a="b"`, or `"name"` for the metric name.
    fn matcher(&mut self) -> Result<LabelMatcher, ParseError> {
        let token = match self.peek()? {
            TokenKind::Identifier | TokenKind::String => self.bump()?,
            _ => return self.unexpected(),
        };
        let is_quoted = token.kind == TokenKind::String;
        let name = if is_quoted { self.unquoted(&token)? } else { self.text(&token).to_owned() };
        let op = match self.peek()? {
            TokenKind::Equal => LabelOp::Equal,
            TokenKind::Binary(BinaryOp::NotEqual) => LabelOp::NotEqual,
            TokenKind::EqualRegex => LabelOp::Matches,
            TokenKind::NotEqualRegex => LabelOp::NotMatches,
            _ if is_quoted => {
                return Ok(LabelMatcher { name: NAME_LABEL.to_owned(), op: LabelOp::Equal, value: name, range: token.range });
            }
            _ => return self.within(MATCHER_OP, Self::unexpected),
        };
        self.bump()?;
        let value = self.within(MATCHER_VALUE, |parser| parser.expect(TokenKind::String))?;
        Ok(LabelMatcher { name, op, value: self.unquoted(&value)?, range: token.range.to(value.range) })
    }
}

const SET_LABEL: Context = Context::new("label set", "identifier or \"}\"");
const SET_EQUAL: Context = Context::new("label set", "\"=\"");
const SET_VALUE: Context = Context::new("label set", "string");
const SET_NEXT: Context = Context::new("label set", "\",\" or \"}\"");

impl Parser<'_> {
    /// Parses a text that is the labels of one series.
    pub(in crate::promql::syntax) fn metric(mut self) -> Result<Vec<(String, String)>, ParseError> {
        let mut labels = Vec::new();
        if super::operand::is_metric(self.peek()?) {
            let name = self.bump()?;
            labels.push((NAME_LABEL.to_owned(), self.text(&name).to_owned()));
        }
        if self.take(TokenKind::LeftBrace)?.is_some() {
            while self.take(TokenKind::RightBrace)?.is_none() {
                let label = self.within(SET_LABEL, Self::set_label)?;
                labels.push(label);
                self.within(SET_NEXT, |parser| match parser.peek()? {
                    TokenKind::Comma => parser.bump().map(|_| ()),
                    TokenKind::RightBrace => Ok(()),
                    _ => parser.unexpected(),
                })?;
            }
        }
        self.expect_end()?;
        // A name before the braces replaces one within.
        let named = labels.first().is_some_and(|(name, _)| name == NAME_LABEL);
        let mut at = 0;
        labels.retain(|(name, _)| {
            at += 1;
            at == 1 || !named || name != NAME_LABEL
        });
        Ok(labels)
    }

    fn set_label(&mut self) -> Result<(String, String), ParseError> {
        let token = match self.peek()? {
            TokenKind::Identifier | TokenKind::String => self.bump()?,
            _ => return self.unexpected(),
        };
        let is_quoted = token.kind == TokenKind::String;
        let name = if is_quoted { self.unquoted(&token)? } else { self.text(&token).to_owned() };
        if self.peek()? != TokenKind::Equal {
            return if is_quoted { Ok((NAME_LABEL.to_owned(), name)) } else { self.within(SET_EQUAL, Self::unexpected) };
        }
        self.bump()?;
        let value = self.within(SET_VALUE, |parser| parser.expect(TokenKind::String))?;
        Ok((name, self.unquoted(&value)?))
    }
}
