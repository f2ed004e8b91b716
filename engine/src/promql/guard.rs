//! What is counted in a query before the parser sees it, and what is kept away from the parser.
//!
//! Parsing, evaluation and freeing an expression go down it on the stack, so its depth is bounded here. It is counted on the
//! lexemes of the parser itself: what is a comment or a string to the parser is one here too.
//!
//! The parser compiles each regular expression that it meets, without a bound of its own. It is given equality in the place
//! of `=~` and `!~`, with a marked label name; [`restore`] puts the operators back, and [`super::pattern`] compiles them.

use std::borrow::Cow;
use std::sync::LazyLock;

use lrpar::{Lexeme, Lexer};
use promql_parser::label as pl;
use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_COMMA, T_DIV, T_EQL, T_EQL_REGEX, T_EQLC, T_GTE, T_GTR, T_IDENTIFIER, T_LAND, T_LEFT_BRACE, T_LEFT_BRACKET,
    T_LEFT_PAREN, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ, T_NEQ_REGEX, T_POW, T_RIGHT_BRACE, T_RIGHT_PAREN, T_STRING, T_SUB,
};
use promql_parser::parser::{self, Expr, VectorSelector};
use regex::Regex;

use super::selector::QueryError;
use crate::model::NAME_LABEL;

/// Parentheses within each other.
pub const MAX_NESTING: usize = 64;
/// Operators and parentheses on the way from the whole query to its innermost part, where a parenthesis, which calls
/// something, takes as much of the stack as four operators; a chain `a + b + c` is as deep as it has operators.
pub const MAX_DEPTH: usize = 256;
const PARENTHESIS: usize = 4;
/// Matchers of one query.
pub const MAX_MATCHERS: usize = 2_048;

/// Marks the label of a `=~`, a `!~`, and one whose name could be mistaken for a marked one. No character of any script.
const MATCHES: char = '\u{fdd0}';
const NOT_MATCHES: char = '\u{fdd1}';
const PLAIN: char = '\u{fdd2}';
/// The pattern of the operators that are put back; what is meant stands in the value.
static ANY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("").ok());

const OPERATORS: [u16; 17] = [
    T_ADD,
    T_SUB,
    T_MUL,
    T_DIV,
    T_MOD,
    T_POW,
    T_ATAN2,
    T_LAND,
    T_LOR,
    T_LUNLESS,
    T_EQLC,
    T_NEQ,
    T_GTR,
    T_GTE,
    T_LSS,
    T_LTE,
    T_LEFT_BRACKET,
];

const MATCH_OPS: [u16; 4] = [T_EQL, T_NEQ, T_EQL_REGEX, T_NEQ_REGEX];

#[derive(Clone, Copy)]
struct Token {
    id: u16,
    start: usize,
    end: usize,
}

fn lexemes(query: &str) -> Result<Vec<Token>, String> {
    let lexer = parser::lexer(query)?;
    let tokens = lexer.iter().filter_map(Result::ok).map(|lexeme| {
        let span = lexeme.span();
        Token { id: lexeme.tok_id(), start: span.start(), end: span.end() }
    });
    Ok(tokens.collect())
}

/// What a query comes to before it is parsed: refused where it is too deep, and without regular expressions for the parser.
///
/// # Errors
/// [`QueryError::Parse`] that shows the query as it was given.
pub(super) fn guarded<'q>(query: &'q str, given: &str) -> Result<Cow<'q, str>, QueryError> {
    let tokens = lexemes(query).map_err(|error| QueryError::Parse(format!("`{given}`: {}", error.trim())))?;
    count(&tokens)?;
    Ok(marked(query, &tokens))
}

/// How deep a part of a query is that has not ended: arguments that ended, and the one that goes on.
#[derive(Default)]
struct Part {
    ended: usize,
    operators: usize,
    deepest: usize,
}

impl Part {
    fn depth(&self) -> usize {
        self.ended.max(self.operators + self.deepest)
    }
}

fn count(tokens: &[Token]) -> Result<(), QueryError> {
    let mut outer: Vec<Part> = Vec::new();
    let mut part = Part::default();
    let (mut braces, mut matchers) = (false, 0);
    for token in tokens {
        match token.id {
            T_LEFT_BRACE => braces = true,
            T_RIGHT_BRACE => braces = false,
            _ if braces => matchers += usize::from(MATCH_OPS.contains(&token.id)),
            T_LEFT_PAREN => {
                outer.push(std::mem::take(&mut part));
                if outer.len() > MAX_NESTING {
                    return Err(QueryError::Parse(format!("parentheses nest deeper than {MAX_NESTING}")));
                }
            }
            T_RIGHT_PAREN => {
                let depth = part.depth() + PARENTHESIS;
                part = outer.pop().unwrap_or_default();
                part.deepest = part.deepest.max(depth);
            }
            T_COMMA => part = Part { ended: part.depth(), ..Part::default() },
            id if OPERATORS.contains(&id) => part.operators += 1,
            _ => {}
        }
    }
    if part.depth() > MAX_DEPTH {
        return Err(QueryError::Parse(format!(
            "the query is {} operators deep, where a parenthesis counts as {PARENTHESIS}; at most {MAX_DEPTH} are worked out: put a selector or an aggregation in the place of a chain",
            part.depth()
        )));
    }
    if matchers > MAX_MATCHERS {
        return Err(QueryError::Parse(format!("the query has {matchers} matchers; at most {MAX_MATCHERS} are worked out")));
    }
    Ok(())
}

/// The query with equality in the place of regular expressions, and the labels of those marked.
fn marked<'q>(query: &'q str, tokens: &[Token]) -> Cow<'q, str> {
    if !tokens.iter().any(|token| matches!(token.id, T_EQL_REGEX | T_NEQ_REGEX)) {
        return Cow::Borrowed(query);
    }
    let (mut out, mut at, mut braces) = (String::with_capacity(query.len() + 64), 0, false);
    for three in tokens.windows(3) {
        let [name, op, value] = three else { continue };
        match name.id {
            T_LEFT_BRACE => braces = true,
            T_RIGHT_BRACE => braces = false,
            _ => {}
        }
        // What follows a value is no name.
        if !braces || name.start < at || !matches!(name.id, T_IDENTIFIER | T_STRING) || !MATCH_OPS.contains(&op.id) || value.id != T_STRING
        {
            continue;
        }
        let text = &query[name.start..name.end];
        let mark = match op.id {
            T_EQL_REGEX => MATCHES,
            T_NEQ_REGEX => NOT_MATCHES,
            _ if name.id == T_STRING && (text.contains('\\') || !text.is_ascii()) => PLAIN,
            _ => continue,
        };
        out.push_str(&query[at..name.start]);
        if name.id == T_STRING {
            // Behind its quote.
            let (quote, rest) = text.split_at(1);
            out.extend([quote, mark.encode_utf8(&mut [0; 4]), rest]);
        } else {
            out.extend(["\"", mark.encode_utf8(&mut [0; 4]), text, "\""]);
        }
        at = name.end;
        if mark != PLAIN {
            out.push_str(&query[at..op.start]);
            out.push('=');
            out.push_str(&query[op.end..value.start]);
            // Never empty, so that the parser has nothing to say of it.
            let (quote, rest) = query[value.start..value.end].split_at(1);
            out.extend([quote, mark.encode_utf8(&mut [0; 4]), rest]);
            at = value.end;
        }
    }
    out.push_str(&query[at..]);
    Cow::Owned(out)
}

/// What the parser says, in the words of the query that was given.
pub(super) fn without_marks(text: &str) -> String {
    text.replace([MATCHES, NOT_MATCHES, PLAIN], "")
}

/// Puts the regular expressions back. Their patterns stand in the values; nothing is compiled.
pub(super) fn restore(expr: &mut Expr) -> Result<(), QueryError> {
    match expr {
        Expr::VectorSelector(vector) => restore_selector(vector),
        Expr::MatrixSelector(matrix) => restore_selector(&mut matrix.vs),
        Expr::Aggregate(aggregate) => {
            aggregate.param.as_deref_mut().map_or(Ok(()), restore)?;
            restore(&mut aggregate.expr)
        }
        Expr::Binary(binary) => {
            restore(&mut binary.lhs)?;
            restore(&mut binary.rhs)
        }
        Expr::Call(call) => call.args.args.iter_mut().try_for_each(|arg| restore(arg)),
        Expr::Unary(unary) => restore(&mut unary.expr),
        Expr::Paren(paren) => restore(&mut paren.expr),
        Expr::Subquery(subquery) => restore(&mut subquery.expr),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Ok(()),
    }
}

fn restore_selector(vector: &mut VectorSelector) -> Result<(), QueryError> {
    let Some(any) = ANY.as_ref() else { return Err(QueryError::Parse("regular expressions are not to be had".to_owned())) };
    for matcher in vector.matchers.matchers.iter_mut().chain(vector.matchers.or_matchers.iter_mut().flatten()) {
        let mark = matcher.name.chars().next();
        matcher.op = match mark {
            Some(MATCHES) => pl::MatchOp::Re(any.clone()),
            Some(NOT_MATCHES) => pl::MatchOp::NotRe(any.clone()),
            Some(PLAIN) => {
                matcher.name.remove(0);
                continue;
            }
            _ => continue,
        };
        matcher.name.remove(0);
        matcher.value.remove(0);
        if let Some(name) = vector.name.as_ref().filter(|_| matcher.name == NAME_LABEL) {
            return Err(QueryError::Parse(format!("metric name must not be set twice: '{name}' or '{}'", matcher.value)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_compiles_no_regular_expression() {
        for (given, wanted) in [
            ("up", "up"),
            ("up{a=\"=~\"}", "up{a=\"=~\"}"),
            ("up{a =~ 'x', b=\"y\"}", "up{\"\u{fdd0}a\" = '\u{fdd0}x', b=\"y\"}"),
            ("up{\"a\"!~`x`,\"é\"=\"y\"} # {a=~\"z\"}", "up{\"\u{fdd1}a\"=`\u{fdd1}x`,\"\u{fdd2}é\"=\"y\"} # {a=~\"z\"}"),
        ] {
            assert_eq!(guarded(given, given).unwrap(), wanted, "{given}");
        }
    }

    #[test]
    fn selectors_that_are_none_are_refused_in_the_words_of_the_query() {
        for query in [
            "m{a=~\"x\"=~\"y\"}",
            "m{a=~\"x\"!~\"y\"=\"z\",b=\"c\"}",
            "m{a=~b}",
            "m{a=~\"b\"",
            "m{=~\"b\"}",
            "m{\"é\"=~\"x\" \"é\"=\"x\"}",
            "m{__name__=~\"x\"}",
        ] {
            let error = crate::promql::parse_expr(query).unwrap_err().to_string();
            assert!(!error.contains([MATCHES, NOT_MATCHES, PLAIN]), "{error}");
        }
        let expr = crate::promql::parse_expr("{\"\u{fdd0}a\"=~\"x\", \"\u{fdd1}b\"=\"y\", c!~`z`}").unwrap();
        assert_eq!(expr.to_string(), "{\"\u{fdd0}a\"=~\"x\",\"\u{fdd1}b\"=\"y\",c!~\"z\"}");
    }

    #[test]
    fn the_depth_is_what_the_parser_reads() {
        let depth_of = |text: &str| {
            // One more operator than is allowed for each level that is left: the message tells the depth.
            let query = format!("{text}{}", "+1".repeat(MAX_DEPTH));
            let error = guarded(&query, "").map_or_else(|error| error.to_string(), |_| format!("is {MAX_DEPTH}"));
            error.split_whitespace().find_map(|word| word.parse::<usize>().ok()).unwrap() - MAX_DEPTH
        };
        for (text, depth) in [
            ("1", 0),
            ("(1)", 4),
            ("f((1), 2 + 3 + 4)", 8),
            ("f(1 + 2 + 3 + 4 + 5 + 6, (4))", 9),
            ("sum by (a, b) (x)", 4),
            ("-a ^ b", 2),
            ("a[5m:1m]", 1),
            ("a{b=\"((((\", c!=\"+\"}", 0),
            ("a # ((((\n + 1", 1),
            ("# \"\r((1))", 8),
            ("'(\\'(' + 1", 1),
        ] {
            assert_eq!(depth_of(text), depth, "{text}");
        }
    }
}
