//! Splits a query into tokens, one at a time.
//!
//! There are three modes: expressions, braces and brackets. Reading stops at the first error. Behaviour and error messages
//! follow Prometheus (prometheus/prometheus, promql/parser/lex.go).

mod literals;

use super::error::{ParseError, TextRange};
use super::operators::BinaryOp;
use super::text::quoted_char;
use super::token::{Keyword, Token, TokenKind, meaning};

pub(super) struct Lexer<'q> {
    pub(super) query: &'q str,
    /// Start of the current token.
    start: usize,
    pos: usize,
    /// Open parentheses, including those within brackets.
    parens: usize,
    in_braces: bool,
    in_brackets: bool,
    /// Within brackets before the first number, where only duration syntax is allowed.
    in_duration: bool,
    colon_seen: bool,
    /// Some bracket of the query had a number. Prometheus does not reset this at the next bracket.
    duration_seen: bool,
}

fn is_alpha(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

impl<'q> Lexer<'q> {
    pub(super) fn new(query: &'q str) -> Self {
        Self {
            query,
            start: 0,
            pos: 0,
            parens: 0,
            in_braces: false,
            in_brackets: false,
            in_duration: false,
            colon_seen: false,
            duration_seen: false,
        }
    }

    /// Reads the next token; [`TokenKind::End`] at the end of the query.
    pub(super) fn next(&mut self) -> Result<Token, ParseError> {
        self.skip_blanks();
        self.start = self.pos;
        let kind = if self.in_braces {
            self.inside_braces()?
        } else if self.in_duration {
            self.duration()?
        } else {
            self.statement()?
        };
        Ok(Token { kind, range: TextRange::new(self.start, self.pos) })
    }

    /// Skips whitespace, and comments where they are allowed.
    fn skip_blanks(&mut self) {
        loop {
            self.accept_run(is_space);
            if self.in_duration || !self.accept(|c| c == '#') {
                return;
            }
            self.accept_run(|c| c != '\n' && c != '\r');
        }
    }

    fn peek(&self) -> Option<char> {
        self.query.get(self.pos..)?.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let found = self.peek().is_some_and(wanted);
        if found {
            self.bump();
        }
        found
    }

    fn accept_run(&mut self, wanted: impl Fn(char) -> bool) {
        while self.accept(&wanted) {}
    }

    /// The current token's text so far.
    fn text(&self) -> &'q str {
        self.query.get(self.start..self.pos).unwrap_or("")
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        self.error_from(self.start, message)
    }

    /// An error placed behind the current token, as Prometheus places errors of valid tokens in invalid places.
    fn error_behind<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        self.error_from(self.pos, message)
    }

    fn error_from<T>(&self, start: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(self.query, TextRange::new(start, self.query.len()), message))
    }

    fn statement(&mut self) -> Result<TokenKind, ParseError> {
        let Some(c) = self.bump() else { return self.end() };
        Ok(match c {
            ',' => TokenKind::Comma,
            '*' => TokenKind::Binary(BinaryOp::Mul),
            '/' => TokenKind::Binary(BinaryOp::Div),
            '%' => TokenKind::Binary(BinaryOp::Mod),
            '+' => TokenKind::Binary(BinaryOp::Add),
            '-' => TokenKind::Binary(BinaryOp::Sub),
            '^' => TokenKind::Binary(BinaryOp::Pow),
            '@' => TokenKind::At,
            '=' => match self.peek() {
                Some('=') => self.and_next(TokenKind::Binary(BinaryOp::Equal)),
                Some('~') => return self.error(format!("unexpected character after '=': {}", quoted_char(self.peek()))),
                _ => TokenKind::Equal,
            },
            '!' => match self.bump() {
                Some('=') => TokenKind::Binary(BinaryOp::NotEqual),
                other => return self.error(format!("unexpected character after '!': {}", quoted_char(other))),
            },
            '<' => match self.peek() {
                Some('=') => self.and_next(TokenKind::Binary(BinaryOp::LessEqual)),
                Some('/') => self.and_next(TokenKind::Binary(BinaryOp::TrimUpper)),
                _ => TokenKind::Binary(BinaryOp::Less),
            },
            '>' => match self.peek() {
                Some('=') => self.and_next(TokenKind::Binary(BinaryOp::GreaterEqual)),
                Some('/') => self.and_next(TokenKind::Binary(BinaryOp::TrimLower)),
                _ => TokenKind::Binary(BinaryOp::Greater),
            },
            '"' | '\'' => self.string(c)?,
            '`' => self.raw_string()?,
            '(' => self.left_paren(),
            ')' => return self.right_paren(),
            '{' => {
                self.in_braces = true;
                TokenKind::LeftBrace
            }
            '[' => return self.left_bracket(),
            ']' if !self.in_brackets => return self.error("unexpected right bracket ']'"),
            ']' => self.right_bracket(),
            c if self.begins_number(c) => self.number_or_duration()?,
            c if (is_alpha(c) || c == ':') && self.in_brackets => return self.word_in_brackets(c),
            c if is_alpha(c) || c == ':' => self.word(),
            other => return self.error(format!("unexpected character: {}", quoted_char(Some(other)))),
        })
    }

    fn and_next(&mut self, kind: TokenKind) -> TokenKind {
        self.bump();
        kind
    }

    fn end(&self) -> Result<TokenKind, ParseError> {
        if self.parens > 0 {
            return self.error("unclosed left parenthesis");
        }
        if self.in_brackets {
            return self.error("unclosed left bracket");
        }
        Ok(TokenKind::End)
    }

    fn left_paren(&mut self) -> TokenKind {
        self.parens += 1;
        TokenKind::LeftParen
    }

    fn right_paren(&mut self) -> Result<TokenKind, ParseError> {
        let Some(left) = self.parens.checked_sub(1) else { return self.error_behind("unexpected right parenthesis ')'") };
        self.parens = left;
        Ok(TokenKind::RightParen)
    }

    fn left_bracket(&mut self) -> Result<TokenKind, ParseError> {
        if self.in_brackets {
            return self.error("unexpected left bracket '['");
        }
        self.in_brackets = true;
        self.in_duration = true;
        self.colon_seen = false;
        Ok(TokenKind::LeftBracket)
    }

    fn right_bracket(&mut self) -> TokenKind {
        self.in_brackets = false;
        self.in_duration = false;
        TokenKind::RightBracket
    }

    /// Reads a word or colon within brackets after the first number.
    fn word_in_brackets(&mut self, first: char) -> Result<TokenKind, ParseError> {
        if first == ':' {
            if self.colon_seen {
                return self.error("unexpected colon ':'");
            }
            self.colon_seen = true;
            return Ok(TokenKind::Colon);
        }
        match self.duration_word(first) {
            Some(kind) => Ok(kind),
            None => self.error(format!("unexpected character: {}, expected ':'", quoted_char(Some(first)))),
        }
    }

    /// Reads a function name within a duration.
    fn duration_word(&mut self, first: char) -> Option<TokenKind> {
        if !matches!(first.to_ascii_lowercase(), 's' | 'r' | 'm') {
            return None;
        }
        self.accept_run(is_alpha);
        let kind = meaning(self.text())?;
        let known = [Keyword::Step, Keyword::Range, Keyword::MaxOf, Keyword::MinOf];
        known.iter().any(|keyword| kind == TokenKind::Keyword(*keyword)).then_some(kind)
    }

    /// Reads a token within brackets before the first number.
    fn duration(&mut self) -> Result<TokenKind, ParseError> {
        let Some(c) = self.bump() else { return self.error("unexpected end of input in duration expression") };
        Ok(match c {
            ']' => self.right_bracket(),
            ':' if !self.duration_seen => return self.error_behind("unexpected colon before duration in duration expression"),
            ':' if self.colon_seen => return self.error_behind("unexpected repeated colon in duration expression"),
            ':' => {
                self.colon_seen = true;
                TokenKind::Colon
            }
            '(' => self.left_paren(),
            ')' => return self.right_paren(),
            '+' => TokenKind::Binary(BinaryOp::Add),
            '-' => TokenKind::Binary(BinaryOp::Sub),
            '*' => TokenKind::Binary(BinaryOp::Mul),
            '/' => TokenKind::Binary(BinaryOp::Div),
            '%' => TokenKind::Binary(BinaryOp::Mod),
            '^' => TokenKind::Binary(BinaryOp::Pow),
            ',' => TokenKind::Comma,
            c if self.begins_number(c) => {
                self.duration_seen = true;
                self.in_duration = false;
                self.number_or_duration()?
            }
            c => match self.duration_word(c) {
                Some(kind) => kind,
                None => return self.error(format!("unexpected character in duration expression: {}", quoted_char(Some(c)))),
            },
        })
    }

    fn inside_braces(&mut self) -> Result<TokenKind, ParseError> {
        let Some(c) = self.bump() else { return self.error("unexpected end of input inside braces") };
        Ok(match c {
            ',' => TokenKind::Comma,
            '"' | '\'' => self.string(c)?,
            '`' => self.raw_string()?,
            '=' if self.accept(|c| c == '~') => TokenKind::EqualRegex,
            '=' => TokenKind::Equal,
            '!' => match self.bump() {
                Some('~') => TokenKind::NotEqualRegex,
                Some('=') => TokenKind::Binary(BinaryOp::NotEqual),
                other => return self.error(format!("unexpected character after '!' inside braces: {}", quoted_char(other))),
            },
            '{' => return self.error("unexpected left brace '{'"),
            '}' => {
                self.in_braces = false;
                TokenKind::RightBrace
            }
            c if is_alpha(c) => {
                self.accept_run(is_alphanumeric);
                TokenKind::Identifier
            }
            other => return self.error(format!("unexpected character inside braces: {}", quoted_char(Some(other)))),
        })
    }

    fn word(&mut self) -> TokenKind {
        self.accept_run(|c| is_alphanumeric(c) || c == ':');
        match meaning(self.text()) {
            // `fill` and the like are names unless a parenthesis follows.
            Some(TokenKind::Keyword(keyword)) if keyword.is_fill() && !self.is_called() => TokenKind::Identifier,
            Some(kind) => kind,
            None if self.text().contains(':') => TokenKind::MetricIdentifier,
            None => TokenKind::Identifier,
        }
    }

    fn is_called(&self) -> bool {
        self.query.get(self.pos..).is_some_and(|rest| rest.trim_start_matches(is_space).starts_with('('))
    }
}
