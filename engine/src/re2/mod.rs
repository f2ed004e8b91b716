//! Regular expressions in the syntax of RE2, as Go's `regexp` package reads them and Prometheus means them.
//!
//! The `regex` crate reads a different language: `[a&&b]`, `\<`, `(?x)` and Unicode `\d` mean something else there, and `{`
//! alone is a mistake. So a pattern is parsed here ([`parse`]), to the rules of Go's `regexp/syntax` with its flags for Perl
//! syntax, and written down again in the crate's language with nothing left to interpret. What Go refuses is refused in its
//! words. This is the only place where a pattern that a user wrote is compiled.

mod chars;
mod class;
mod expand;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use regex::RegexBuilder;

pub use parse::{MAX_NESTING, SyntaxError};
use parse::{Parsed, parse};
#[cfg(test)]
pub(crate) use tests::SYNTAX;

/// The crate counts groups, repetitions, alternatives and sequences one by one; a group here may have one of each.
const NEST_LIMIT: u32 = 6 * MAX_NESTING as u32 + 16;
/// Memory that a pattern of the settings may take, compiled.
const OF_SETTINGS_BYTES: usize = 16 << 20;

/// What a pattern has to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A whole label value, as `=~` has it; `.` matches line ends too.
    Value,
    /// As the text `^(?s:PATTERN)$`, which is what Prometheus compiles for `label_replace()` and for relabelling.
    Wrapped,
    /// Any part of a text, as a probe's `body_matches` has it.
    Anywhere,
}

/// Why a pattern is not compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegexError {
    /// It is no regular expression.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// Compiled, it would be larger than so many bytes.
    #[error("compiled it is larger than {} KiB; shorten it, or list what it stands for", .0 >> 10)]
    TooLarge(usize),
    /// The crate does not know it.
    #[error("{0}")]
    Unknown(String),
}

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub struct Regex {
    text: Arc<str>,
    regex: regex::Regex,
    /// The names of its groups, by number.
    names: Arc<[Option<Box<str>>]>,
}

impl Regex {
    /// Compiles a pattern of the settings.
    ///
    /// # Errors
    /// [`RegexError`]
    pub fn new(text: &str, scope: Scope) -> Result<Self, RegexError> {
        Self::within(text, scope, OF_SETTINGS_BYTES)
    }

    /// Compiles a pattern to at most so many bytes.
    ///
    /// # Errors
    /// [`RegexError`]
    pub fn within(text: &str, scope: Scope, bytes: usize) -> Result<Self, RegexError> {
        Prepared::new(text, scope)?.compile(bytes)
    }

    /// Whether it matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Whether it matches bytes that may be no text: as in Go, a byte that belongs to no character is `\u{fffd}`.
    #[must_use]
    pub fn is_match_bytes(&self, bytes: &[u8]) -> bool {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return self.is_match(text);
        }
        let mut text = String::with_capacity(bytes.len() + 64);
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
        }
        self.is_match(&text)
    }

    /// What each of the templates comes to where it matches; `$1` and `${name}` stand for what its groups caught, as Go's
    /// `Regexp.Expand` has it.
    #[must_use]
    pub fn expand<const N: usize>(&self, text: &str, templates: [&str; N]) -> Option<[String; N]> {
        let caught = self.regex.captures(text)?;
        Some(templates.map(|template| expand::expand(template, &caught, &self.names)))
    }

    /// What its groups caught, with their names, where it matches; without groups that have no name.
    #[must_use]
    pub fn named<'r, 't>(&'r self, text: &'t str) -> Option<Vec<(&'r str, &'t str)>> {
        let caught = self.regex.captures(text)?;
        let named = self.names.iter().enumerate().filter_map(|(number, name)| Some((number, name.as_deref()?)));
        Some(named.map(|(number, name)| (name, caught.get(number).map_or("", |group| group.as_str()))).collect())
    }

    /// The names of its groups.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().filter_map(|name| name.as_deref())
    }

    /// How often it matches.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        self.regex.find_iter(text).count()
    }

    /// The text with the template, see [`Regex::expand`], in the place of each match, as Go's `ReplaceAllString` has it. None: that
    /// would be longer than so many bytes.
    #[must_use]
    pub fn replace_all(&self, text: &str, template: &str, bytes: usize) -> Option<String> {
        let (mut out, mut end) = (String::new(), 0);
        let references = template.matches('$').count();
        for caught in self.regex.captures_iter(text) {
            let found = caught.get(0)?;
            if references.saturating_mul(found.len()) > bytes {
                return None;
            }
            out.push_str(&text[end..found.start()]);
            out.push_str(&expand::expand(template, &caught, &self.names));
            end = found.end();
            if out.len() > bytes {
                return None;
            }
        }
        out.push_str(&text[end..]);
        (out.len() <= bytes).then_some(out)
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A pattern that was parsed and is not compiled yet.
pub struct Prepared<'t> {
    text: &'t str,
    parsed: Parsed,
}

impl<'t> Prepared<'t> {
    /// Parses a pattern.
    ///
    /// # Errors
    /// [`SyntaxError`]
    pub fn new(text: &'t str, scope: Scope) -> Result<Self, SyntaxError> {
        let parsed = match scope {
            Scope::Value => {
                let parsed = parse(text, true)?;
                Parsed { text: format!("\\A(?:{})\\z", parsed.text), ..parsed }
            }
            Scope::Wrapped => parse(&format!("^(?s:{text})$"), false)?,
            Scope::Anywhere => parse(text, false)?,
        };
        Ok(Self { text, parsed })
    }

    /// Compiles it to at most so many bytes.
    ///
    /// # Errors
    /// [`RegexError`]
    pub fn compile(&self, bytes: usize) -> Result<Regex, RegexError> {
        let mut builder = RegexBuilder::new(&self.parsed.text);
        builder.size_limit(bytes).dfa_size_limit(bytes.clamp(64 << 10, 2 << 20)).nest_limit(NEST_LIMIT);
        match builder.build() {
            Ok(regex) => Ok(Regex { text: self.text.into(), regex, names: self.parsed.names.as_slice().into() }),
            Err(regex::Error::CompiledTooBig(limit)) => Err(RegexError::TooLarge(limit)),
            Err(error) => Err(RegexError::Unknown(error.to_string())),
        }
    }
}
