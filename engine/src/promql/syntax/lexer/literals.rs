//! Strings, numbers and durations.

use super::super::error::ParseError;
use super::super::text::{code_point, quoted};
use super::super::token::TokenKind;
use super::{Lexer, is_alphanumeric};

impl Lexer<'_> {
    pub(super) fn string(&mut self, quote: char) -> Result<TokenKind, ParseError> {
        loop {
            match self.bump() {
                Some('\\') => self.escape(quote)?,
                // Decoding invalid UTF-8 leaves this character.
                Some(char::REPLACEMENT_CHARACTER) => return self.error("invalid UTF-8 rune"),
                None | Some('\n') => return self.error("unterminated quoted string"),
                Some(c) if c == quote => return Ok(TokenKind::String),
                Some(_) => {}
            }
        }
    }

    pub(super) fn raw_string(&mut self) -> Result<TokenKind, ParseError> {
        loop {
            match self.bump() {
                Some(char::REPLACEMENT_CHARACTER) => return self.error("invalid UTF-8 rune"),
                None => return self.error("unterminated raw string"),
                Some('`') => return Ok(TokenKind::String),
                Some(_) => {}
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<(), ParseError> {
        let escape = self.bump();
        let (first, digits, base, most) = match escape {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => return Ok(()),
            Some(c) if c == quote => return Ok(()),
            Some('0'..='7') => (escape, 3, 8, 0xff),
            Some('x') => (self.bump(), 2, 16, 0xff),
            Some('u') => (self.bump(), 4, 16, u32::from(char::MAX)),
            Some('U') => (self.bump(), 8, 16, u32::from(char::MAX)),
            None => return self.error("escape sequence not terminated"),
            Some(c) => return self.error(format!("unknown escape sequence {}", code_point(c))),
        };
        let (mut code, mut next) = (0u32, first);
        for digit in 1..=digits {
            let Some(c) = next else { return self.error("escape sequence not terminated") };
            let Some(value) = c.to_digit(base) else {
                return self.error(format!("illegal character {} in escape sequence", code_point(c)));
            };
            code = code.wrapping_mul(base).wrapping_add(value);
            if digit < digits {
                next = self.bump();
            }
        }
        if code > most || (0xd800..0xe000).contains(&code) {
            return self.error("escape sequence is an invalid Unicode code point");
        }
        Ok(())
    }

    /// Whether the character just read begins a number.
    pub(super) fn begins_number(&self, c: char) -> bool {
        c.is_ascii_digit() || (c == '.' && self.peek().is_some_and(|c| c.is_ascii_digit()))
    }

    pub(super) fn number_or_duration(&mut self) -> Result<TokenKind, ParseError> {
        self.pos = self.start;
        if self.number() {
            return Ok(TokenKind::Number);
        }
        if self.duration_units() && !self.accept(is_alphanumeric) {
            return Ok(TokenKind::Duration);
        }
        self.error(format!("bad number or duration syntax: {}", quoted(self.text())))
    }

    /// Reads the rest of a duration after its first digits. Units are checked when the value is computed.
    fn duration_units(&mut self) -> bool {
        let unit = |first: bool| move |c: char| matches!(c, 's' | 'm' | 'h' | 'd' | 'w') || (first && c == 'y');
        if !self.accept(unit(true)) {
            return false;
        }
        self.accept(|c| c == 's');
        while self.accept(|c| c.is_ascii_digit()) {
            self.accept_run(|c| c.is_ascii_digit());
            if !self.accept(unit(false)) {
                return false;
            }
            self.accept(|c| c == 's');
        }
        true
    }

    /// Reads what looks like a number. Its syntax is checked when the value is computed.
    fn number(&mut self) -> bool {
        let hex = self.accept(|c| c == '0') && self.accept(|c| matches!(c, 'x' | 'X'));
        if hex {
            self.accept(|c| c == '_');
        }
        let digit = move |c: char| c.is_ascii_digit() || (hex && c.is_ascii_hexdigit());
        let exponent = |c: char| matches!(c, 'e' | 'E');
        let mark = move |c: char| matches!(c, '.' | '_') || exponent(c);
        self.accept(|c| c == '.');
        self.accept(digit);
        let (mut dots, mut exponents) = (0, 0);
        while let Some(c) = self.peek().filter(|c| digit(*c) || mark(*c)) {
            match c {
                '.' => {
                    self.bump();
                    dots += 1;
                    if dots > 1 || self.accept(|c| matches!(c, '_' | '.')) || hex {
                        return false;
                    }
                }
                c if exponent(c) => {
                    self.bump();
                    exponents += 1;
                    if exponents > 1 {
                        return false;
                    }
                    self.accept(|c| matches!(c, '+' | '-'));
                    if self.accept(mark) || self.peek().is_none() {
                        return false;
                    }
                }
                '_' => {
                    self.bump();
                    if self.accept(mark) || self.peek().is_none() {
                        return false;
                    }
                }
                _ => self.accept_run(digit),
            }
        }
        !self.peek().is_some_and(is_alphanumeric)
    }
}
