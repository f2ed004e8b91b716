//! What is counted in a query before the parser sees it, and what is kept away from the parser.
//!
//! Parsing, evaluation and freeing an expression go down it on the stack, so its depth is bounded here. It is counted on the
//! lexemes of the parser itself: what is a comment or a string to the parser is one here too. A chain such as `a + b + c` is
//! worked out without going down it; only freeing it does, which takes little, so it may be much longer than anything deep.
//!
//! The parser compiles each regular expression that it meets, without a bound of its own. It is given equality in the place
//! of `=~` and `!~`, with a marked label name; [`restore`] puts the operators back, and [`crate::model::Pattern`] compiles them.

use std::borrow::Cow;
use std::sync::LazyLock;

use lrpar::{Lexeme, Lexer};
use promql_parser::label as pl;
use promql_parser::parser::token::{
    T_ADD, T_AT, T_ATAN2, T_BOOL, T_COMMA, T_DIV, T_EQL, T_EQL_REGEX, T_EQLC, T_GTE, T_GTR, T_IDENTIFIER, T_LAND, T_LEFT_BRACE,
    T_LEFT_BRACKET, T_LEFT_PAREN, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ, T_NEQ_REGEX, T_OFFSET, T_POW, T_RIGHT_BRACE,
    T_RIGHT_PAREN, T_STRING, T_SUB,
};
use promql_parser::parser::{self, Expr, VectorSelector};
use regex::Regex;

use super::selector::{QueryError, shown};
use crate::model::NAME_LABEL;

/// Parentheses within each other.
pub const MAX_NESTING: usize = 64;
/// Levels on the way from the whole query to its innermost part: a sign, a power, a subquery and a change to operators that bind
/// stronger are one each. A parenthesis, which may call something, takes as much of the stack as four of them.
pub const MAX_DEPTH: usize = 256;
const PARENTHESIS: usize = 4;
/// Levels of operators that bind from the left: `or`; `and`; comparisons; `+`; `*`.
const LEVELS: usize = 5;
/// Operators of one query. A chain of them is freed by going down it.
pub const MAX_OPERATORS: usize = 2_048;
/// Matchers of one query: they are found in the index without a look at the clock.
pub const MAX_MATCHERS: usize = 16_384;
/// Names, numbers, texts and marks of one query: the parser takes some 100 bytes for each at the same time.
pub const MAX_TOKENS: usize = 200_000;

/// Marks the label of a `=~`, a `!~`, and one whose name could be mistaken for a marked one. No character of any script.
const MATCHES: char = '\u{fdd0}';
const NOT_MATCHES: char = '\u{fdd1}';
const PLAIN: char = '\u{fdd2}';
/// The pattern of the operators that are put back; what is meant stands in the value.
static ANY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("").ok());

/// Operators between two operands that bind from the left.
const OPERATORS: [u16; 15] =
    [T_ADD, T_SUB, T_MUL, T_DIV, T_MOD, T_ATAN2, T_LAND, T_LOR, T_LUNLESS, T_EQLC, T_NEQ, T_GTR, T_GTE, T_LSS, T_LTE];

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
    let tokens = lexemes(query).map_err(|error| QueryError::Parse(format!("`{}`: {}", shown(given), shown(error.trim()))))?;
    count(&tokens)?;
    Ok(marked(query, &tokens))
}

/// How deep a part of a query is that has not ended: arguments that ended, and the one that goes on.
#[derive(Default)]
struct Part {
    ended: usize,
    operators: usize,
    /// Signs, powers and ranges one within the other, and the most of those so far.
    run: usize,
    longest: usize,
    deepest: usize,
    /// Whether an operand came last, so that `-` is no sign.
    operand: bool,
    /// Whether `offset` or `@` came last.
    of_a_number: bool,
}

impl Part {
    fn depth(&self) -> usize {
        self.ended.max(self.operators.min(LEVELS) + self.longest + self.deepest)
    }

    fn operator(&mut self) {
        (self.operators, self.run, self.operand) = (self.operators + 1, 0, false);
    }

    fn one_within(&mut self) {
        self.run += 1;
        self.longest = self.longest.max(self.run);
    }
}

fn too_much(what: &str, found: usize, name: &str, most: usize, advice: &str) -> QueryError {
    QueryError::Parse(format!("the query {what} {found} {name}; at most {most} are worked out: {advice}"))
}

fn count(tokens: &[Token]) -> Result<(), QueryError> {
    let mut outer: Vec<Part> = Vec::new();
    let mut part = Part::default();
    let (mut braces, mut matchers, mut operators) = (false, 0, 0);
    for token in tokens {
        match token.id {
            T_LEFT_BRACE => (braces, part.operand) = (true, true),
            T_RIGHT_BRACE => braces = false,
            _ if braces => matchers += usize::from(MATCH_OPS.contains(&token.id)),
            T_LEFT_PAREN => {
                outer.push(std::mem::take(&mut part));
                if outer.len() > MAX_NESTING {
                    return Err(too_deep(outer.len()));
                }
            }
            T_RIGHT_PAREN => {
                let depth = part.depth() + PARENTHESIS;
                part = outer.pop().unwrap_or_default();
                (part.deepest, part.operand) = (part.deepest.max(depth), true);
            }
            T_COMMA => part = Part { ended: part.depth(), ..Part::default() },
            T_ADD | T_SUB if part.of_a_number => {}
            T_ADD | T_SUB if !part.operand => {
                operators += 1;
                part.one_within();
            }
            T_POW => {
                operators += 1;
                part.one_within();
                part.operand = false;
            }
            T_LEFT_BRACKET => part.one_within(),
            // Their sign is one of a number.
            T_OFFSET | T_AT => part.of_a_number = true,
            T_BOOL => part.operand = false,
            id if OPERATORS.contains(&id) => {
                operators += 1;
                part.operator();
            }
            _ => (part.operand, part.of_a_number) = (true, false),
        }
    }
    if part.depth() > MAX_DEPTH {
        let deep = format!("levels deep, where a parenthesis counts as {PARENTHESIS}");
        return Err(too_much("is", part.depth(), &deep, MAX_DEPTH, "take signs, powers and calls apart"));
    }
    if operators > MAX_OPERATORS {
        let advice = "put a pattern (a|b|c) or an aggregation in the place of a chain";
        return Err(too_much("has", operators, "operators", MAX_OPERATORS, advice));
    }
    if matchers > MAX_MATCHERS {
        return Err(too_much("has", matchers, "matchers", MAX_MATCHERS, "ask in parts"));
    }
    Ok(())
}

/// What is said of brackets within each other.
pub(super) fn too_deep(found: usize) -> QueryError {
    too_much("nests", found, "parentheses or more in each other", MAX_NESTING, "nest less deeply")
}

/// What is said of too many parts.
pub(super) fn too_many_tokens(found: usize) -> QueryError {
    too_much("has", found, "or more names, numbers, texts and marks", MAX_TOKENS, "put a pattern (a|b|c) in the place of a chain")
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
    let mut expr = expr;
    // A chain is gone along, not down.
    while let Expr::Binary(binary) = expr {
        restore(&mut binary.rhs)?;
        expr = &mut binary.lhs;
    }
    match expr {
        Expr::VectorSelector(vector) => restore_selector(vector),
        Expr::MatrixSelector(matrix) => restore_selector(&mut matrix.vs),
        Expr::Aggregate(aggregate) => {
            aggregate.param.as_deref_mut().map_or(Ok(()), restore)?;
            restore(&mut aggregate.expr)
        }
        Expr::Call(call) => call.args.args.iter_mut().try_for_each(|arg| restore(arg)),
        Expr::Unary(unary) => restore(&mut unary.expr),
        Expr::Paren(paren) => restore(&mut paren.expr),
        Expr::Subquery(subquery) => restore(&mut subquery.expr),
        Expr::Binary(_) | Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Ok(()),
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
            // A sign more than is allowed for each level that is left: the message tells the depth.
            let query = format!("{}{text}", "-".repeat(MAX_DEPTH + 1));
            let error = guarded(&query, "").unwrap_err().to_string();
            error.split_whitespace().find_map(|word| word.parse::<usize>().ok()).unwrap() - MAX_DEPTH - 1
        };
        for (text, depth) in [
            ("1", 0),
            ("(1)", 4),
            ("f((1), 2 + 3 + 4)", 8),
            ("f(1 + 2 + 3 + 4 + 5 + 6, (4))", 9),
            ("f(1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9, 1)", 9),
            ("f(1 + 2 ^ -3 ^ 4 + 5 ^ 6 ^ 7, 1)", 9),
            ("f(1 or 2 and 3 == 4 + 5 * 6, 1)", 9),
            ("f(1 + (2 + (3)))", 14),
            ("sum by (a, b) (x)", 4),
            ("a ^ b", 1),
            ("a[5m:1m]", 1),
            ("a{b=\"((((\", c!=\"+\", d=~\"a or b\"}", 0),
            ("a # ((((\n ^ 1", 1),
            ("# \"\r((1))", 8),
            ("'(\\'(' ^ 1", 1),
        ] {
            assert_eq!(depth_of(text), depth, "{text}");
        }
    }

    #[test]
    fn what_is_counted_is_what_the_bound_protects() {
        let many = |n: usize, one: &dyn Fn(usize) -> String, between: &str| (0..n).map(one).collect::<Vec<_>>().join(between);
        let selector = |n: usize| format!("m{{job=\"x{n}\",instance!~\"a-b or c|d-{n}\"}}");
        for query in [
            format!("# {}\nup", "-".repeat(5_000)),
            format!("up{{a=\"{}\"}}", "x or y and (z - ".repeat(10_000)),
            many(1_000, &selector, " + "),
            many(1_000, &selector, " or "),
            format!("up{{host=~\"{}\"}}", many(30_000, &|n| format!("host-{n:04}.example.com:9100"), "|")),
            format!("sum by (a) ({}) / {}", many(300, &selector, " and "), many(300, &selector, " * on (a) ")),
            many(500, &|n| format!("rate(m[5m] offset -{n}1s) > bool -1"), " unless "),
            format!("up{{{}}}", many(5_000, &|n| format!("l{n}!=\"a\""), ",")),
        ] {
            assert!(crate::promql::parse_expr(&query).is_ok(), "{}", shown(&query));
        }
        for (query, words) in [
            (many(5_000, &|n| n.to_string(), "+"), "has 4999 operators; at most 2048"),
            (format!("{}1", "-".repeat(1_000)), "is 1000 levels deep"),
            (format!("{}1{}", "(".repeat(65), ")".repeat(65)), "nests 65 parentheses or more in each other; at most 64"),
            (format!("m{{{}}}", many(20_000, &|n| format!("l{n}=\"a\""), ",")), "has 20000 matchers; at most 16384"),
            (",".repeat(1 << 20), "has 200001 or more names"),
            ("x".repeat((1 << 20) + 1), "has 1048577 bytes; at most 1048576"),
        ] {
            let error = crate::promql::parse_expr(&query).unwrap_err().to_string();
            assert!(error.contains(words) && error.len() < 1_000, "{error}");
        }
    }
}
