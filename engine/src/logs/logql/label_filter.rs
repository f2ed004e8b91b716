//! Label filters: `status >= 500 and method != "GET" or duration > 1s`.

use super::MAX_NESTING;
use super::fields::LineState;
use super::scan::{Parsed, Scanner};
use crate::logs::units::Quantity;
use crate::model::{Comparison, MatchOp, Matcher};

/// A filter.
#[derive(Debug)]
pub(super) enum LabelFilter {
    Text(Matcher),
    Quantity {
        name: String,
        op: Comparison,
        quantity: Quantity,
    },
    /// The first, and each further one with whether it is joined by `or`; from left to right.
    Chain(Box<LabelFilter>, Vec<(bool, LabelFilter)>),
}

impl LabelFilter {
    /// The value that a label must have, where it must have one.
    pub(super) fn requires(&self, label: &str) -> Option<&str> {
        match self {
            Self::Text(Matcher { name, op: MatchOp::Equal(value) }) if name == label && !value.is_empty() => Some(value),
            Self::Chain(first, others) if others.iter().all(|(or, _)| !or) => {
                first.requires(label).or_else(|| others.iter().find_map(|(_, other)| other.requires(label)))
            }
            _ => None,
        }
    }

    pub(super) fn accepts(&self, line: &mut LineState<'_>) -> bool {
        match self {
            Self::Text(matcher) => matcher.accepts(line.get(&matcher.name)),
            Self::Quantity { name, op, quantity } => {
                // Once something went wrong with a line, only its texts choose.
                if line.failure.is_some() {
                    return true;
                }
                let value = line.get(name);
                if value.is_empty() {
                    return false;
                }
                let Some(v) = quantity.read(value) else {
                    let details = format!("the value {value:?} of `{name}` is no {}", quantity.what());
                    line.fail("LabelFilterErr", details);
                    return true;
                };
                op.holds(v, quantity.value())
            }
            Self::Chain(first, others) => {
                let mut accepted = first.accepts(line);
                for (or, filter) in others {
                    if accepted != *or {
                        accepted = filter.accepts(line);
                    }
                }
                accepted
            }
        }
    }
}

impl Scanner<'_> {
    /// Takes a label filter.
    pub(super) fn label_filter(&mut self, depth: usize) -> Parsed<LabelFilter> {
        let first = self.condition(depth)?;
        let mut others = Vec::new();
        loop {
            let or = if self.take(",") || self.take_word("and") {
                false
            } else if self.take_word("or") {
                true
            } else if self.take_comma_like() {
                false
            } else {
                break;
            };
            others.push((or, self.condition(depth)?));
            self.at_most(others.len())?;
        }
        Ok(if others.is_empty() { first } else { LabelFilter::Chain(Box::new(first), others) })
    }

    /// Whether another condition follows with nothing between.
    fn take_comma_like(&mut self) -> bool {
        !self.peek_word().is_empty() || self.rest().starts_with('(')
    }

    fn condition(&mut self, depth: usize) -> Parsed<LabelFilter> {
        self.blanks();
        let start = self.pos;
        if self.take("(") {
            if depth >= MAX_NESTING {
                return self.error(start, format!("parentheses nest deeper than {MAX_NESTING}"));
            }
            let inner = self.label_filter(depth + 1)?;
            self.need(")")?;
            return Ok(inner);
        }
        let name = self.name()?;
        self.comparison(start, name)
    }

    /// Takes what follows the name of a label.
    pub(super) fn comparison(&mut self, start: usize, name: String) -> Parsed<LabelFilter> {
        self.blanks();
        let symbols = ["=~", "!~", "==", "!=", ">=", "<=", "=", ">", "<"];
        let Some(symbol) = symbols.into_iter().find(|symbol| self.take(symbol)) else {
            return self.expected("a comparison such as =, !=, =~, !~, >, >=, <, <= or ==");
        };
        if self.peek_word() == "ip" {
            return self.error(self.pos, "ip(…) is not supported; use a regular expression, such as addr=~\"10\\\\..*\"");
        }
        if self.at_string() {
            return self.text_comparison(start, name, symbol);
        }
        let text = self.peek_quantity();
        let Some(quantity) = Quantity::of(text) else {
            return self.expected("a text in quotes, a number, a length of time such as 250ms or a size such as 20KB");
        };
        let op = match symbol {
            "=" | "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessEqual,
            _ => return self.error(start, format!("{symbol} compares texts; put the value in quotes")),
        };
        self.pos += text.len();
        Ok(LabelFilter::Quantity { name, op, quantity })
    }

    fn text_comparison(&mut self, start: usize, name: String, symbol: &str) -> Parsed<LabelFilter> {
        let value = self.string()?;
        let op = match symbol {
            "=" => MatchOp::Equal(value),
            "!=" => MatchOp::NotEqual(value),
            "=~" | "!~" => {
                let pattern = self.budget.pattern(&value).or_else(|error| self.pattern_error(start, error))?;
                if symbol == "=~" { MatchOp::Matches(pattern) } else { MatchOp::NotMatches(pattern) }
            }
            _ => return self.error(start, format!("{symbol} compares numbers; texts are compared with =, !=, =~ and !~")),
        };
        Ok(LabelFilter::Text(Matcher { name, op }))
    }
}
