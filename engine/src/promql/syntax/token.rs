//! Tokens and keywords.

use super::error::TextRange;
use super::operators::{AggregateOp, BinaryOp};
use super::text::quoted;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    End,
    Identifier,
    /// An identifier with a colon in it.
    MetricIdentifier,
    Number,
    Duration,
    String,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    /// `=`
    Equal,
    /// `=~`
    EqualRegex,
    /// `!~`
    NotEqualRegex,
    Binary(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
}

/// Words that are neither operators nor aggregations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Anchored,
    Bool,
    By,
    End,
    Fill,
    FillLeft,
    FillRight,
    GroupLeft,
    GroupRight,
    Ignoring,
    MaxOf,
    MinOf,
    Offset,
    On,
    Range,
    Smoothed,
    Start,
    Step,
    Without,
}

impl Keyword {
    /// Whether the word is a function name. Prometheus does not describe these as keywords in errors.
    pub(super) fn is_callable(self) -> bool {
        matches!(self, Self::Start | Self::End | Self::Step | Self::Range | Self::MaxOf | Self::MinOf)
    }

    pub(super) fn is_fill(self) -> bool {
        matches!(self, Self::Fill | Self::FillLeft | Self::FillRight)
    }
}

/// All reserved words. They are case-insensitive.
pub(super) const WORDS: &[(&str, TokenKind)] = &[
    ("and", TokenKind::Binary(BinaryOp::And)),
    ("or", TokenKind::Binary(BinaryOp::Or)),
    ("unless", TokenKind::Binary(BinaryOp::Unless)),
    ("atan2", TokenKind::Binary(BinaryOp::Atan2)),
    ("sum", TokenKind::Aggregate(AggregateOp::Sum)),
    ("avg", TokenKind::Aggregate(AggregateOp::Avg)),
    ("count", TokenKind::Aggregate(AggregateOp::Count)),
    ("min", TokenKind::Aggregate(AggregateOp::Min)),
    ("max", TokenKind::Aggregate(AggregateOp::Max)),
    ("group", TokenKind::Aggregate(AggregateOp::Group)),
    ("stddev", TokenKind::Aggregate(AggregateOp::Stddev)),
    ("stdvar", TokenKind::Aggregate(AggregateOp::Stdvar)),
    ("topk", TokenKind::Aggregate(AggregateOp::Topk)),
    ("bottomk", TokenKind::Aggregate(AggregateOp::Bottomk)),
    ("count_values", TokenKind::Aggregate(AggregateOp::CountValues)),
    ("quantile", TokenKind::Aggregate(AggregateOp::Quantile)),
    ("limitk", TokenKind::Aggregate(AggregateOp::Limitk)),
    ("limit_ratio", TokenKind::Aggregate(AggregateOp::LimitRatio)),
    ("anchored", TokenKind::Keyword(Keyword::Anchored)),
    ("bool", TokenKind::Keyword(Keyword::Bool)),
    ("by", TokenKind::Keyword(Keyword::By)),
    ("end", TokenKind::Keyword(Keyword::End)),
    ("fill", TokenKind::Keyword(Keyword::Fill)),
    ("fill_left", TokenKind::Keyword(Keyword::FillLeft)),
    ("fill_right", TokenKind::Keyword(Keyword::FillRight)),
    ("group_left", TokenKind::Keyword(Keyword::GroupLeft)),
    ("group_right", TokenKind::Keyword(Keyword::GroupRight)),
    ("ignoring", TokenKind::Keyword(Keyword::Ignoring)),
    ("max_of", TokenKind::Keyword(Keyword::MaxOf)),
    ("min_of", TokenKind::Keyword(Keyword::MinOf)),
    ("offset", TokenKind::Keyword(Keyword::Offset)),
    ("on", TokenKind::Keyword(Keyword::On)),
    ("range", TokenKind::Keyword(Keyword::Range)),
    ("smoothed", TokenKind::Keyword(Keyword::Smoothed)),
    ("start", TokenKind::Keyword(Keyword::Start)),
    ("step", TokenKind::Keyword(Keyword::Step)),
    ("without", TokenKind::Keyword(Keyword::Without)),
    ("inf", TokenKind::Number),
    ("nan", TokenKind::Number),
];

/// Reserved words, for completion.
pub fn keywords() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(word, _)| *word)
}

/// The kind of a reserved word; none for any other word.
pub(super) fn meaning(word: &str) -> Option<TokenKind> {
    WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, kind)| *kind)
}

/// A token and its range.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: TextRange,
}

/// Characters of a long token that errors show.
const SHOWN: usize = 10;

impl Token {
    /// The token as Prometheus' errors describe it.
    pub(super) fn described(&self, query: &str) -> String {
        let text = query.get(self.range.start..self.range.end).unwrap_or("");
        let short = || {
            if text.len() > SHOWN { format!("{}...", quoted(&text.chars().take(SHOWN).collect::<String>())) } else { quoted(text) }
        };
        match self.kind {
            TokenKind::End => "end of input".to_owned(),
            TokenKind::Identifier => format!("identifier {}", quoted(text)),
            TokenKind::MetricIdentifier => format!("metric identifier {}", quoted(text)),
            TokenKind::Number => format!("number {}", short()),
            TokenKind::Duration => format!("duration {}", short()),
            TokenKind::String => format!("string {}", short()),
            TokenKind::Binary(_) | TokenKind::At | TokenKind::EqualRegex | TokenKind::NotEqualRegex => format!("<op:{text}>"),
            TokenKind::Aggregate(_) => format!("<aggr:{text}>"),
            TokenKind::Keyword(keyword) if !keyword.is_callable() => format!("<{text}>"),
            _ => short(),
        }
    }
}
