//! Properties of any text, and of printed queries.

use proptest::prelude::*;
use regex::Regex;

use super::parse;
use crate::promql::syntax::{Expr, parse_metric};

/// Pieces of queries in random order.
fn soup() -> impl Strategy<Value = String> {
    let words: Vec<&str> = include_str!("../cases.tsv").split([' ', '"', '\t', '\n', '\\']).collect();
    let marks = "()[]{},:@+-*/%^=!~<>\"'`#\\_.\n é\u{fffd}\u{a0}".chars().map(String::from);
    let pieces: Vec<String> = words.into_iter().map(str::to_owned).chain(marks).collect();
    prop::collection::vec((prop::sample::select(pieces), prop::sample::select(vec!["", " "])), 0..24)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, space)| [piece, space.to_owned()]).collect())
}

/// Valid queries of instant vectors.
fn vectors() -> impl Strategy<Value = String> {
    let leaves = prop::sample::select(vec![
        "up",
        "by",
        "a:b{c=\"d\",e!~\"f\"}",
        "{\"g h\"}",
        "vector(-1)",
        "rate(up{a=~\"b|c\"}[5m] offset -1m)",
        "increase(up[5m] anchored)",
        "up @ 5.000 smoothed offset 1m",
        "up @ 5.000 offset +(1m)",
        "(up offset - -1m)",
        "(up offset + -(1m) * 2)",
        "sum_over_time(up[step() * 2 + min_of(5m, -1h)])",
        "hour()",
        "vector(Inf)",
    ]);
    leaves.prop_map(str::to_owned).prop_recursive(6, 48, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let operators = prop::sample::select(vec![
            "+",
            "-",
            "*",
            "^",
            "atan2",
            "> bool",
            "==",
            "and",
            "or",
            "unless on (a)",
            "/ ignoring (b) group_left (\"c d\")",
            ">/",
            "% fill (0)",
            "* on (a) group_right () fill_left (1e30)",
        ]);
        prop_oneof![
            3 => (two, operators).prop_map(|((a, b), op)| format!("{a} {op} {b}")),
            1 => inner.clone().prop_map(|a| format!("-{a}")),
            1 => inner.clone().prop_map(|a| format!("({a})")),
            1 => inner.clone().prop_map(|a| format!("sum by (a, \"b c\") ({a})")),
            1 => inner.clone().prop_map(|a| format!("quantile without () (0.5, {a})")),
            1 => inner.clone().prop_map(|a| format!("max_over_time(({a})[1h:1m] @ end() offset 1m)")),
            1 => inner.prop_map(|a| format!("(label_join({a}, \"a\", 'b\\n', `c`) + 2 ^ -1)")),
        ]
    })
}

/// An expression as text, without source ranges.
fn tree(expr: &Expr) -> String {
    static RANGES: std::sync::LazyLock<Regex> = std::sync::LazyLock::new(|| Regex::new(r"TextRange \{ start: \d+, end: \d+ \}").unwrap());
    RANGES.replace_all(&format!("{expr:?}"), "").into_owned()
}

/// Checks what holds for any text; also the fuzz target.
pub(crate) fn holds_together(text: &str) {
    for error in [parse(text).err(), parse_metric(text).err()].into_iter().flatten() {
        assert!(error.range.start <= error.range.end && error.range.end <= text.len(), "{text}: {error:?}");
        assert_eq!(error.position.is_none(), text.is_empty(), "{text}");
    }
    if let Ok(expr) = parse(text) {
        assert!(expr.walk().all(|part| text.get(part.range().start..part.range().end).is_some()), "{text}");
        let printed = expr.to_string();
        match parse(&printed) {
            Ok(again) => assert_eq!(again.to_string(), printed, "{text}"),
            // Durations below a millisecond are printed as 0. Printing may also make a text too long, or spell out a sign.
            Err(error) => {
                let known = ["greater than 0", "by zero", "deep", "bytes"].iter().any(|part| error.message.contains(part));
                assert!(known, "{text}: {printed}: {error}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_a_query_or_an_error_with_a_position(text in prop_oneof![soup(), any::<String>()]) {
        holds_together(&text);
    }

    #[test]
    fn a_printed_query_parses_to_the_same_tree(query in vectors()) {
        let expr = parse(&query);
        prop_assume!(!matches!(&expr, Err(error) if error.message.contains("deep")));
        let expr = expr.unwrap();
        let printed = expr.to_string();
        let again = parse(&printed).unwrap();
        prop_assert_eq!(tree(&expr), tree(&again), "{}", printed);
        prop_assert_eq!(again.to_string(), printed);
        prop_assert_eq!(tree(&parse(&expr.pretty()).unwrap()), tree(&expr), "{}", expr.pretty());
    }
}
