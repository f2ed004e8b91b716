//! Conformance with Prometheus' parser tests.

mod limits;
mod properties;

use regex::Regex;

use super::*;
use crate::promql::functions;

pub(crate) use properties::holds_together;

fn parse(query: &str) -> Result<Expr, ParseError> {
    super::parse(query, functions::signature)
}

/// Parses a query and finishes the check for empty selectors, as the evaluator does once regular expressions are compiled.
fn parsed(query: &str) -> Result<Expr, ParseError> {
    let expr = parse(query)?;
    for selector in expr.selectors() {
        let accepts_empty = |matcher: &LabelMatcher| {
            let pattern = || Regex::new(&format!("^(?s:{})$", matcher.value)).is_ok_and(|regex| regex.is_match(""));
            matcher.accepts_empty().unwrap_or_else(|| pattern() == (matcher.op == LabelOp::Matches))
        };
        selector.check_not_empty(selector.matchers.iter().map(accepts_empty)).map_err(|error| error.within(query))?;
    }
    Ok(expr)
}

/// The nodes of an expression with their source ranges: `bin:+@0-5(num@0-1,num@4-5)`.
fn ranges(expr: &Expr) -> String {
    let kind = match expr {
        Expr::Number(_) => "num".to_owned(),
        Expr::Text(_) => "str".to_owned(),
        Expr::Vector(_) => "vec".to_owned(),
        Expr::Matrix(_) => "mat".to_owned(),
        Expr::Subquery(_) => "sub".to_owned(),
        Expr::Paren(_) => "par".to_owned(),
        Expr::Unary(unary) => format!("un:{}", if unary.negative { "-" } else { "+" }),
        Expr::Binary(binary) => format!("bin:{}", binary.op.symbol()),
        Expr::Call(call) => format!("call:{}", call.function.name),
        Expr::Aggregate(aggregate) => format!("agg:{}", aggregate.op.symbol()),
    };
    let TextRange { start, end } = expr.range();
    let parts = match expr {
        Expr::Number(_) | Expr::Text(_) | Expr::Vector(_) => String::new(),
        Expr::Matrix(matrix) => format!("(vec@{}-{})", matrix.selector.range.start, matrix.selector.range.end),
        _ => format!("({})", expr.children().map(ranges).collect::<Vec<_>>().join(",")),
    };
    format!("{kind}@{start}-{end}{parts}")
}

/// The rows of `cases.tsv`.
fn cases() -> impl Iterator<Item = Vec<String>> {
    let rows = include_str!("../cases.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| row.split('\t').map(|cell| serde_json::from_str(cell).unwrap()).collect())
}

/// The queries of the cases.
pub(crate) fn queries() -> impl Iterator<Item = String> {
    cases().filter_map(|cells| cells.into_iter().next())
}

#[test]
fn queries_of_prometheus_tests_give_the_same_trees_and_errors() {
    let mut wrong = Vec::new();
    for cells in cases() {
        let (query, wanted) = cells.split_first().unwrap();
        let found = match parsed(query) {
            Err(error) => vec![error.to_string()],
            Ok(expr) => {
                let (text, pretty) = (expr.to_string(), expr.pretty());
                let lines = (pretty != text).then_some(pretty);
                [text, ranges(&expr)].into_iter().chain(lines).collect()
            }
        };
        if found != wanted {
            wrong.push(format!("{query}\n  wanted {wanted:?}\n  found  {found:?}"));
        }
    }
    assert!(cases().count() > 450);
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn queries_beyond_those_tests_are_parsed_as_in_prometheus() {
    for (query, wanted) in [
        ("a * on (b) group_left + c", "a * on (b) group_left () +c"),
        ("a * on (b) group_left [5m]", "1:23: parse error: unexpected \"[\" in grouping opts, expected \"(\""),
        ("a * on (b) group_left (c + d)", "1:26: parse error: unexpected <op:+> in grouping opts, expected \",\" or \")\""),
        ("sum by (a) b", "1:12: parse error: unexpected identifier \"b\" in aggregation"),
        ("sum(abs(a b))", "1:11: parse error: unexpected identifier \"b\" in aggregation"),
        ("abs(a, *)", "1:6: parse error: trailing commas not allowed in function call args"),
        ("a:b(c)", "1:4: parse error: unexpected \"(\""),
        ("fill + fill_left fill", "1:18: parse error: unexpected identifier \"fill\""),
        ("a + fill (1) fill", "a + fill (1) fill"),
        ("a + fill_right(2) fill_left(-1h) b", "a + fill_left (-3600) fill_right (2) b"),
        ("a[5m:1m", "1:8: parse error: unclosed left bracket"),
        ("a[(5m]", "1:6: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, step(), or range()"),
        ("a[5m == 1]", "1:6: parse error: unexpected <op:==> in subquery or range, expected \":\" or \"]\""),
        ("a[5m:x]", "1:6: parse error: unexpected character: 'x', expected ':'"),
        ("a[5m:5m 5m]", "1:9: parse error: unexpected duration \"5m\" in subquery selector, expected \"]\""),
        ("a @ b", "1:5: parse error: unexpected identifier \"b\" in @, expected timestamp"),
        ("a @ 1h", "a @ 3600.000"),
        ("a offset (1h) * 2", "a offset (1h) * 2"),
        ("a offset (1h) * b", "1:17: parse error: unexpected identifier \"b\" in offset, expected number, duration, step(), or range()"),
        ("a offset 1h * 2", "a offset 1h * 2"),
        ("\"averylongstring\" b", "1:19: parse error: unexpected identifier \"b\""),
        ("b \"averylongstring\"", "1:3: parse error: unexpected string \"\\\"averylong\"..."),
        ("a{b=\"\n\"}", "1:5: parse error: unterminated quoted string"),
        ("a\n  {b==\"\"}", "2:6: parse error: unexpected \"=\" in label matching, expected string"),
        ("é", "1:1: parse error: unexpected character: 'é'"),
        ("\u{a0}", "1:1: parse error: unexpected character: '\\u00a0'"),
        ("a !", "1:3: parse error: unexpected character after '!': '\u{fffd}'"),
        ("a </ 1 >/ b", "a </ 1 >/ b"),
        ("sum by (\"\") (a)", "1:9: parse error: invalid label name for grouping: \"\""),
        ("a{b=\"\\xff\"}", "1:5: parse error: the string \"\\xff\" is not UTF-8"),
        ("\"\\xff\"", "\"\\xff\""),
        ("Inf ^ 2", "Inf ^ 2"),
    ] {
        let found = parsed(query).map_or_else(|error| error.to_string(), |expr| expr.to_string());
        assert_eq!(found, wanted, "{query}");
    }
}

#[test]
fn a_type_error_in_a_chain_that_is_too_long_is_reported() {
    let error = parse(&format!("(-{{}}{}", "-1-{}".repeat(10_000))).unwrap_err().to_string();
    assert_eq!(error, "1:3: parse error: vector selector must contain at least one non-empty matcher");
}

#[test]
fn series_are_read_with_their_labels() {
    for (text, wanted) in [
        ("{}", Ok(vec![])),
        ("", Ok(vec![])),
        ("up", Ok(vec![("__name__", "up")])),
        ("up{job=\"a\", 'b.c'=`d`,}", Ok(vec![("__name__", "up"), ("job", "a"), ("b.c", "d")])),
        ("{\"u p\",a=\"\"}", Ok(vec![("__name__", "u p"), ("a", "")])),
        ("up{__name__=\"down\"}", Ok(vec![("__name__", "up")])),
        ("up{a!=\"b\"}", Err("1:5: parse error: unexpected <op:!=> in label set, expected \"=\"")),
        ("up{a=b}", Err("1:6: parse error: unexpected identifier \"b\" in label set, expected string")),
        ("up{=}", Err("1:4: parse error: unexpected \"=\" in label set, expected identifier or \"}\"")),
        ("up{a=\"b\" c}", Err("1:10: parse error: unexpected identifier \"c\" in label set, expected \",\" or \"}\"")),
        ("up 1", Err("1:4: parse error: unexpected number \"1\"")),
    ] {
        let found = parse_metric(text).map_err(|error| error.to_string());
        let wanted = wanted.map(|labels| labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
        assert_eq!(found, wanted.map_err(str::to_owned), "{text}");
    }
}

#[test]
fn durations_have_a_value_for_the_step_and_range_of_the_query() {
    let grid = Grid { step: 10_000, range: 3_600_000 };
    for (duration, wanted) in [
        ("5m", Ok(300_000)),
        ("5m * 2", Ok(600_000)),
        ("-5m+35m", Ok(1_800_000)),
        ("1h30m % 1h", Ok(1_800_000)),
        ("2 ^ 3 ^ 2", Ok(512_000)),
        ("-2 ^ 2 + 5", Ok(1_000)),
        ("step()", Ok(10_000)),
        ("min_of(step(), 1s) + max_of(range(), 1s)", Ok(3_601_000)),
        ("1.5", Ok(1_500)),
        ("0.0005", Ok(0)),
        ("5m - 5m", Err("duration must be greater than 0")),
        ("1 / (0)", Err("division by zero")),
        ("1 % (step() - 10)", Err("modulo by zero")),
        ("1e9 * 1e9", Err("duration is out of range")),
        ("9e9 ^ 9e9", Err("duration is NaN or infinite")),
    ] {
        let Ok(Expr::Matrix(matrix)) = parse(&format!("up[{duration}]")) else { panic!("{duration}") };
        assert_eq!(matrix.length.millis(grid).map_err(|error| error.message), wanted.map_err(str::to_owned), "{duration}");
    }
    for (offset, wanted) in [("5m", 300_000), ("-5m", -300_000), ("-step()", -10_000), ("(1h / 2)", 1_800_000), ("-(range())", -3_600_000)]
    {
        let Ok(Expr::Vector(vector)) = parse(&format!("up offset {offset}")) else { panic!("{offset}") };
        assert_eq!(vector.offset.unwrap().offset_millis(grid), Ok(wanted), "{offset}");
    }
}

#[test]
fn expressions_are_walked_in_source_order() {
    let query = "topk(scalar(a), b[5m:1m] offset 1m) + on (c) rate(d{e=\"f\"}[1h]) * -(g)";
    let expr = parse("topk(scalar(a), b) + rate(d{e=\"f\"}[1h]) * -(max_over_time(g[1h:]))").unwrap();
    assert!(parse(query).is_err());
    let starts: Vec<usize> = expr.walk().map(|part| part.range().start).collect();
    assert!(starts.is_sorted(), "{starts:?}");
    let selectors: Vec<(u32, &str)> = expr.selectors().map(|selector| (selector.id.0, selector.name.as_deref().unwrap())).collect();
    assert_eq!(selectors, [(0, "a"), (1, "b"), (2, "d"), (3, "g")]);
    assert!(matches!(parse("((a))").unwrap().without_parens(), Expr::Vector(_)));
}

#[test]
fn vector_matching_is_kept_between_vectors_only() {
    let matching = |query: &str| match parse(query).unwrap() {
        Expr::Binary(binary) => binary.matching,
        other => panic!("{other}"),
    };
    assert_eq!(matching("a + 1"), None);
    assert_eq!(matching("a > bool on () 1"), None);
    assert_eq!(matching("a or b").unwrap().cardinality, Cardinality::ManyToMany);
    let grouped = matching("a / on (b, \"c.d\") group_right (e) fill_left (2) f").unwrap();
    assert_eq!(grouped.labels, MatchLabels::On(vec!["b".to_owned(), "c.d".to_owned()]));
    assert_eq!(
        (grouped.cardinality, grouped.fill_left, grouped.fill_right),
        (Cardinality::OneToMany(vec!["e".to_owned()]), Some(2.0), None)
    );
}
