//! Tokens of a template: text, and what is between `{{` and `}}`.

use super::TemplateError;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// `{{`
    Open,
    /// `}}`
    Close,
    Space,
    /// A name: a function or a keyword.
    Word,
    /// `$x`
    Variable,
    /// `.x`
    Field,
    /// `.`
    Dot,
    Number,
    /// `'c'`
    Char,
    /// In double quotes, escapes not read yet.
    Quoted,
    /// In backquotes.
    Raw,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    /// `|`
    Pipe,
    OpenParen,
    CloseParen,
    /// Another character, such as a comma.
    Other,
    End,
}

/// A piece of the template.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    /// First byte.
    pub(super) at: usize,
    pub(super) text: &'t str,
}

/// Splits a template into tokens.
///
/// # Errors
/// [`TemplateError`] where an action, a comment or a text in quotes has no end, or a character has no meaning.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, TemplateError> {
    let mut lexer = Lexer { text, at: 0, parens: 0, tokens: Vec::new() };
    while lexer.at < text.len() {
        lexer.text()?;
    }
    lexer.tokens.push(Token { kind: Kind::End, at: text.len(), text: "" });
    Ok(lexer.tokens)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    parens: usize,
    tokens: Vec<Token<'t>>,
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: Kind, bytes: usize) {
        self.tokens.push(Token { kind, at: self.at, text: &self.text[self.at..self.at + bytes] });
        self.at += bytes;
    }

    fn error<T>(&self, at: usize, message: impl Into<String>) -> Result<T, TemplateError> {
        Err(TemplateError::new(self.text, at, message))
    }

    /// Text up to the next action, then that action or comment.
    fn text(&mut self) -> Result<(), TemplateError> {
        let Some(open) = self.rest().find("{{") else {
            self.push(Kind::Text, self.text.len() - self.at);
            return Ok(());
        };
        let after = &self.rest()[open + 2..];
        let trims = after.starts_with('-') && after[1..].starts_with(is_space);
        let text = &self.rest()[..open];
        let kept = if trims { text.trim_end_matches(is_space) } else { text };
        if !kept.is_empty() {
            self.push(Kind::Text, kept.len());
        }
        self.at += text.len() - kept.len();
        let marker = if trims { 2 } else { 0 };
        if self.rest()[2 + marker..].trim_start_matches(|c| trims && is_space(c)).starts_with("/*") {
            return self.comment();
        }
        self.push(Kind::Open, 2);
        self.at += marker;
        self.action()
    }

    fn comment(&mut self) -> Result<(), TemplateError> {
        let Some(end) = self.rest().find("*/") else { return self.error(self.at, "unclosed comment") };
        let after = &self.rest()[end + 2..];
        let trimmed = after.trim_start_matches(is_space);
        self.at += end + 2;
        if after.starts_with("}}") {
            self.at += 2;
        } else if after.starts_with(is_space) && trimmed.starts_with("-}}") {
            self.at += after.len() - trimmed.len() + 3;
            self.trim_left();
        } else {
            return self.error(self.at, "comment ends before closing delimiter");
        }
        Ok(())
    }

    fn trim_left(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(is_space).len();
    }

    /// The tokens of an action, with its end.
    fn action(&mut self) -> Result<(), TemplateError> {
        self.parens = 0;
        loop {
            let rest = self.rest();
            let trims = rest.starts_with(is_space) && rest[1..].starts_with("-}}");
            if trims || rest.starts_with("}}") {
                if self.parens > 0 {
                    return self.error(self.at, "unclosed left paren");
                }
                self.at += if trims { 2 } else { 0 };
                self.push(Kind::Close, 2);
                if trims {
                    self.trim_left();
                }
                return Ok(());
            }
            let Some(c) = rest.chars().next() else { return self.error(self.at, "unclosed action") };
            self.token(c)?;
        }
    }

    fn token(&mut self, c: char) -> Result<(), TemplateError> {
        let rest = self.rest();
        match c {
            c if is_space(c) => {
                let spaces = rest.len() - rest.trim_start_matches(is_space).len();
                // The last space may belong to a trim marker.
                let before_marker = spaces > 1 && rest[spaces..].starts_with("-}}");
                self.push(Kind::Space, if before_marker { spaces - 1 } else { spaces });
            }
            '=' => self.push(Kind::Assign, 1),
            ':' if rest.starts_with(":=") => self.push(Kind::Declare, 2),
            ':' => return self.error(self.at, "expected :="),
            '|' => self.push(Kind::Pipe, 1),
            '"' => self.quoted('"', Kind::Quoted, "unterminated quoted string")?,
            '\'' => self.quoted('\'', Kind::Char, "unterminated character constant")?,
            '`' => {
                let Some(end) = rest[1..].find('`') else { return self.error(self.at, "unterminated raw quoted string") };
                self.push(Kind::Raw, end + 2);
            }
            '$' => self.name(Kind::Variable)?,
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.name(Kind::Field)?,
            '+' | '-' | '.' | '0'..='9' => self.number()?,
            c if is_word(c) => self.name(Kind::Word)?,
            '(' => {
                self.parens += 1;
                self.push(Kind::OpenParen, 1);
            }
            ')' if self.parens == 0 => return self.error(self.at, "unexpected right paren"),
            ')' => {
                self.parens -= 1;
                self.push(Kind::CloseParen, 1);
            }
            ' '..='~' => self.push(Kind::Other, 1),
            c => return self.error(self.at, format!("unrecognized character in action: {}", code_point(c))),
        }
        Ok(())
    }

    fn quoted(&mut self, quote: char, kind: Kind, unterminated: &str) -> Result<(), TemplateError> {
        let mut escaped = false;
        for (at, c) in self.rest().char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == quote => {
                    self.push(kind, at + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.error(self.at, unterminated)
    }

    /// A word, or one behind `$` or `.`.
    fn name(&mut self, kind: Kind) -> Result<(), TemplateError> {
        let rest = self.rest();
        let prefix = usize::from(kind != Kind::Word);
        let length = rest[prefix..].find(|c| !is_word(c)).map_or(rest.len(), |end| end + prefix);
        let next = rest[length..].chars().next();
        if let Some(c) = next.filter(|c| !is_space(*c) && !".,|:)(".contains(*c) && !rest[length..].starts_with("}}")) {
            return self.error(self.at + length, format!("bad character {}", code_point(c)));
        }
        let kind = if kind == Kind::Field && length == 1 { Kind::Dot } else { kind };
        self.push(kind, length);
        Ok(())
    }

    fn number(&mut self) -> Result<(), TemplateError> {
        let rest = self.rest();
        let signed = usize::from(rest.starts_with(['+', '-']));
        let digits = &rest[signed..];
        let is_hex = digits.starts_with("0x") || digits.starts_with("0X");
        let mut last = ' ';
        let belongs = |c: char| {
            let sign = matches!(c, '+' | '-') && (if is_hex { "pP" } else { "eE" }).contains(last);
            last = c;
            c.is_ascii_alphanumeric() || c == '_' || c == '.' || sign
        };
        let length = signed
            + digits
                .chars()
                .take_while({
                    let mut belongs = belongs;
                    move |c| belongs(*c)
                })
                .count();
        if super::number::constant(&rest[..length]).is_none() || rest[length..].starts_with(is_word) {
            let end = rest[length..].find(|c| !is_word(c)).map_or(rest.len(), |end| end + length);
            return self.error(self.at, format!("bad number syntax: {}", crate::model::go_quoted(&rest[..end.max(1).min(rest.len())])));
        }
        self.push(Kind::Number, length);
        Ok(())
    }
}

/// A character as Go's `%#U` writes it.
fn code_point(c: char) -> String {
    if crate::model::is_printable(c) { format!("U+{:04X} '{c}'", u32::from(c)) } else { format!("U+{:04X}", u32::from(c)) }
}
