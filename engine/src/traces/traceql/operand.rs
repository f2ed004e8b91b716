//! Parses what is compared: fields, values, and whether the two go together.

use super::condition::{Expr, Literal, Op};
use super::field::{Field, INTRINSICS, Intrinsic, Scope, Type};
use super::parse::Parser;
use crate::logs::logql::scan::Parsed;
use crate::logs::units;
use crate::model::Comparison;
use crate::span::Span;
use crate::traces::span::{Kind, Status};

const SCOPES: [(&str, Scope); 4] = [("span", Scope::Span), ("resource", Scope::Resource), ("event", Scope::Event), ("link", Scope::Link)];
const STATUSES: [Status; 3] = [Status::Unset, Status::Ok, Status::Error];
const KINDS: [Kind; 6] = [Kind::Unspecified, Kind::Internal, Kind::Server, Kind::Client, Kind::Producer, Kind::Consumer];

enum Operand {
    Field(Field),
    Literal(Literal),
}

/// Whether the name of an attribute goes on with a character.
fn is_attribute(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '{' | '}' | '(' | ')' | '=' | '~' | '!' | '<' | '>' | '&' | '|' | '^' | ',')
}

impl Type {
    /// Whether figures can be made of it.
    pub(super) fn is_measured(self) -> bool {
        matches!(self, Self::Attribute | Self::Nanos | Self::Count)
    }
}

impl Parser<'_> {
    /// Takes a condition that is no other in parentheses.
    pub(super) fn comparison(&mut self, start: usize) -> Parsed<Expr> {
        let left = self.operand()?;
        self.arithmetic()?;
        self.scanner.blanks();
        let op_at = self.scanner.pos;
        let Some(op) = self.op() else {
            return match left {
                Operand::Literal(Literal::Bool(value)) => Ok(Expr::Const(value)),
                Operand::Field(field) if field.value_type() == Type::Attribute => Ok(Expr::True(field)),
                _ => self.scanner.expected("a comparison such as =, !=, =~, !~, >, >=, < or <="),
            };
        };
        if op == Op::Compare(Comparison::Equal) && self.scanner.rest().starts_with('=') {
            return self.scanner.error(op_at, "things are compared with one `=`");
        }
        let right = self.operand()?;
        match (left, right) {
            (Operand::Field(field), Operand::Literal(literal)) => self.checked(start, field, op, literal),
            (Operand::Literal(literal), Operand::Field(field)) => match op {
                Op::Compare(op) => self.checked(start, field, Op::Compare(op.turned()), literal),
                _ => self.scanner.error(start, "a regular expression stands behind =~ and !~"),
            },
            (Operand::Field(left), Operand::Field(right)) => match op {
                Op::Compare(op) => Ok(Expr::Fields(left, op, right)),
                _ => self.scanner.error(start, "a regular expression is a text in quotes"),
            },
            (Operand::Literal(_), Operand::Literal(_)) => self.scanner.error(start, "one side of a comparison must be a field of a span"),
        }
    }

    fn operand(&mut self) -> Parsed<Operand> {
        if self.scanner.at_string() {
            return Ok(Operand::Literal(Literal::Text(self.scanner.string()?)));
        }
        if !self.scanner.rest().starts_with('.')
            && let Some(quantity) = self.quantity()?
        {
            return Ok(Operand::Literal(quantity));
        }
        let word = self.scanner.peek_word();
        let next = self.scanner.rest()[word.len()..].chars().next();
        if !matches!(next, Some('.' | ':'))
            && let Some(literal) = literal(word)
        {
            self.scanner.pos += word.len();
            return Ok(Operand::Literal(literal));
        }
        if word.is_empty() && !self.scanner.rest().starts_with('.') {
            return self.scanner.expected("a value such as \"text\", 500, 1.5s or error, or a field such as name or .http.route");
        }
        self.field().map(Operand::Field)
    }

    /// Takes a number or a length of time, if one is next.
    pub(super) fn quantity(&mut self) -> Parsed<Option<Literal>> {
        let text = self.scanner.peek_quantity();
        if text.is_empty() {
            return Ok(None);
        }
        let start = self.scanner.pos;
        self.scanner.pos += text.len();
        let (sign, plain) = text.strip_prefix('-').map_or((1, text), |plain| (-1, plain));
        let number = units::number(text).filter(|v| v.is_finite() && !text.ends_with(|c: char| c.is_ascii_alphabetic()));
        if let Some(v) = number {
            return Ok(Some(Literal::Number(v, text.parse().ok())));
        }
        let of_span = plain.parse::<Span>().ok().and_then(|span| span.ms().checked_mul(1_000_000)).map(|nanos| nanos * sign);
        let nanos = of_span.or_else(|| units::seconds(text).map(|s| (s * 1e9).round()).filter(|n| n.abs() < 9e18).map(|n| n as i64));
        match nanos {
            Some(nanos) => Ok(Some(Literal::Nanos(nanos))),
            None => self.scanner.error(start, "this is neither a number nor a length of time such as 250ms, 1.5s or 1h30m"),
        }
    }

    /// Takes a field.
    pub(super) fn field(&mut self) -> Parsed<Field> {
        let word = self.scanner.peek_word();
        let start = self.scanner.pos;
        if word.is_empty() {
            if self.scanner.take(".") {
                return Ok(Field::Attribute(Scope::Either, self.attribute()?));
            }
            return self.scanner.expected("a field such as name, .http.route or resource.service.name");
        }
        self.scanner.pos += word.len();
        if self.scanner.rest().starts_with('.') {
            self.scanner.pos += 1;
            let Some((_, scope)) = SCOPES.into_iter().find(|(name, _)| *name == word) else {
                return self
                    .scanner
                    .error(start, format!("`{word}.` is not supported; attributes are of span., resource., event., link., or ."));
            };
            return Ok(Field::Attribute(scope, self.attribute()?));
        }
        if self.scanner.rest().starts_with(':') {
            self.scanner.pos += 1;
            self.scanner.pos += self.scanner.peek_word().len();
        }
        let name = &self.scanner.query[start..self.scanner.pos];
        match INTRINSICS.iter().find(|(other, _, _)| *other == name) {
            Some((_, intrinsic, _)) => Ok(Field::Intrinsic(*intrinsic)),
            None => self.scanner.error(
                start,
                format!("there is no field `{}`; an attribute of this name is `.{0}`, a text stands in quotes", crate::model::shown(name)),
            ),
        }
    }

    /// Takes the name of an attribute, of which parts may stand in quotes.
    fn attribute(&mut self) -> Parsed<Box<str>> {
        let start = self.scanner.pos;
        let mut name = String::new();
        let mut chars = self.scanner.rest().char_indices();
        let mut quoted = false;
        let mut end = self.scanner.rest().len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => quoted = !quoted,
                '\\' if quoted => match chars.next() {
                    Some((_, escaped @ ('"' | '\\'))) => name.push(escaped),
                    _ => return self.scanner.error(start + at, "only \\\" and \\\\ are escapes in the name of an attribute"),
                },
                c if quoted || is_attribute(c) => name.push(c),
                _ => {
                    end = at;
                    break;
                }
            }
        }
        self.scanner.pos = start + end;
        if quoted {
            return self.scanner.error(start, "a quote in this name is not closed");
        }
        if name.is_empty() {
            return self.scanner.expected("the name of an attribute");
        }
        Ok(name.into())
    }

    /// A comparison whose sides go together.
    fn checked(&mut self, start: usize, field: Field, op: Op, literal: Literal) -> Parsed<Expr> {
        let equal = matches!(op, Op::Compare(Comparison::Equal | Comparison::NotEqual));
        if matches!(literal, Literal::Nil) {
            if !equal {
                return self.scanner.error(start, "nil is compared with = and !=");
            }
            return Ok(Expr::Exists(field, op == Op::Compare(Comparison::NotEqual)));
        }
        let of = field.value_type();
        let (fits, wanted) = match of {
            Type::Attribute => (
                !matches!(literal, Literal::Status(_) | Literal::Kind(_)),
                "a text in quotes, a number, a length of time, true, false or nil",
            ),
            Type::Text | Type::Id(_) => (matches!(literal, Literal::Text(_)), "a text in quotes"),
            Type::Nanos => (matches!(literal, Literal::Nanos(_) | Literal::Number(..)), "a length of time such as 250ms"),
            Type::Count => (matches!(literal, Literal::Number(..)), "a number"),
            Type::Status => (matches!(literal, Literal::Status(_)), "error, ok or unset"),
            Type::Kind => (matches!(literal, Literal::Kind(_)), "server, client, producer, consumer, internal or unspecified"),
            Type::Root => {
                (matches!(literal, Literal::Number(_, Some(-1 | 0))), "0 or -1: whether a span is a root is all that is known of it")
            }
        };
        if !fits {
            return self.scanner.error(start, format!("`{}` is compared with {wanted}", crate::model::shown(field.name())));
        }
        if matches!(literal, Literal::Bool(_) | Literal::Status(_) | Literal::Kind(_)) && !equal {
            return self.scanner.error(start, "status, kind, true and false are compared with = and !=");
        }
        let literal = match (op, literal) {
            (Op::Compare(_), Literal::Text(text)) => Literal::Text(padded(text, of)),
            (Op::Compare(_), other) => other,
            (_, Literal::Text(text)) => {
                let pattern = self.scanner.budget.pattern(&text);
                Literal::Pattern(pattern.or_else(|error| self.scanner.pattern_error(start, error))?)
            }
            _ => return self.scanner.error(start, "=~ and !~ compare with a regular expression in quotes"),
        };
        Ok(Expr::Compare(field, op, literal))
    }
}

/// An id as it is written here: small digits, none left out.
fn padded(text: String, of: Type) -> String {
    match of {
        Type::Id(digits) if text.len() <= digits && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{:0>digits$}", text.to_ascii_lowercase())
        }
        _ => text,
    }
}

fn literal(word: &str) -> Option<Literal> {
    Some(match word {
        "nil" => Literal::Nil,
        "true" => Literal::Bool(true),
        "false" => Literal::Bool(false),
        "minInt" => Literal::Number(i64::MIN as f64, Some(i64::MIN)),
        "maxInt" => Literal::Number(i64::MAX as f64, Some(i64::MAX)),
        _ => {
            let status = STATUSES.into_iter().find(|status| status.word() == word).map(Literal::Status);
            return status.or_else(|| KINDS.into_iter().find(|kind| kind.word() == word).map(Literal::Kind));
        }
    })
}

/// The values that a field has by its kind, whatever spans there are.
impl Intrinsic {
    /// The words that it is one of, where it is one of few.
    #[must_use]
    pub fn keywords(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Status => Some(STATUSES.into_iter().map(Status::word).collect()),
            Self::Kind => Some(KINDS.into_iter().map(Kind::word).collect()),
            _ => None,
        }
    }

    /// Whether it has a value of its own for nearly each span: an id, a time, a count.
    #[must_use]
    pub fn is_endless(self) -> bool {
        !matches!(Field::Intrinsic(self).value_type(), Type::Text | Type::Status | Type::Kind)
    }
}
