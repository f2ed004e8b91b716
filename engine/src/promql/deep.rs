//! What nests as deeply as it may fits on the stack of the threads that work on it; what nests deeper is refused.
//!
//! The smallest stack in use has 2 MiB. All is done here on less, in a debug build, whose frames are the largest.

use std::thread;

use super::syntax::{Grid, MAX_DEPTH, MAX_NESTING, MAX_OPERATORS};
use super::tests::{Memory, ask};
use super::{Query, formatted};
use crate::model::{Budget, Columns, Labels};

const STACK_BYTES: usize = 3 << 19;

/// Does something on a small stack.
pub(crate) fn on_a_small_stack(work: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work).expect("a thread");
        assert!(thread.join().is_ok(), "it panicked");
    });
}

/// Parses, works out and shows a query; whether it is refused for its depth.
pub(crate) fn work_on(query: &str) -> bool {
    let labels = Labels::metric("m", &[("a", "b"), ("le", "1"), ("job", "j"), ("instance", "i")]);
    let source = Memory(vec![(labels, Columns { times: (0..21).map(|t| t * 30_000).collect(), values: vec![1.0; 21] })]);
    match Query::parse(query, Grid { step: 60_000, range: 600_000 }) {
        Ok(parsed) => {
            let _ = (formatted(query), parsed.expr.value_type(), parsed.expr.walk().count());
            let _ = ask(&source, query);
            false
        }
        Err(error) => {
            let text = error.to_string();
            ["deep", "more than"].iter().any(|word| text.contains(word))
        }
    }
}

/// `open` so many times, `inner`, `close` so many times.
fn nested(open: &str, inner: &str, close: &str, times: usize) -> String {
    [open.repeat(times), inner.to_owned(), close.repeat(times)].concat()
}

#[test]
fn the_deepest_queries_fit_on_a_small_stack_and_deeper_ones_are_refused() {
    let shapes = [
        ("(", "m", ")"),
        ("-", "m", ""),
        ("- +", "m", ""),
        ("m + ", "m", ""),
        ("m ^ ", "m", ""),
        ("m and on (a) ", "m", ""),
        ("m or ", "m", ""),
        ("m > bool ", "m", ""),
        ("", "m", " + m"),
        ("", "1", " atan2 1"),
        ("(1 + ", "m", ")"),
        ("m * on (a) group_left (b) (m + m + -", "m", ")"),
        ("abs(", "m", ")"),
        ("vector(scalar(", "m", "))"),
        ("sum(", "m", ")"),
        ("sum by (a) (-", "m", ")"),
        ("topk(scalar(", "m", "), m)"),
        ("quantile(scalar(", "m", "), m + m)"),
        ("count_values(\"a\", ", "m", ")"),
        ("max_over_time(", "m", "[2m:1m])"),
        ("rate(", "m", "[2m:1m] offset 1m)"),
        ("predict_linear(", "m", "[2m:1m] @ 300, 1)"),
        ("quantile_over_time(scalar(", "m", "), m[2m])"),
        ("absent_over_time(", "m", "[2m:1m])"),
        ("label_replace(", "m", ", \"a\", \"$1\", \"a\", \"(.*)\")"),
        ("label_join(", "m", ", \"a\", \"-\", \"a\")"),
        ("histogram_quantile(0.5, ", "m", ")"),
        ("histogram_quantile(scalar(", "m", "), m)"),
        ("histogram_fraction(0, scalar(", "m", "), m)"),
        ("info(", "m", ")"),
        ("info(", "m", ", {a=~\".+\"})"),
        ("absent(", "m", ")"),
        ("clamp(m, 0, scalar(", "m", "))"),
        ("round(", "m", ", 0.5)"),
        ("sort_by_label(", "m", ", \"a\")"),
        ("timestamp(", "m", ")"),
        ("hour(", "m", ")"),
        ("double_exponential_smoothing(", "m", "[2m:1m], 0.5, 0.5)"),
        ("label_replace(m + ", "m", " + m, \"a\", \"$1\", \"a\", \"(.*)\")"),
        ("abs(m + -m ^ ", "m", ")"),
        ("# \"\n(", "m", ")"),
        ("# \"\r-(", "m", ")"),
    ];
    for (open, inner, close) in shapes {
        let parses = |times: &usize| Query::parse(&nested(open, inner, close, *times), Grid::default()).is_ok();
        // A chain is gone along, all else is gone down.
        let chain = ["m + ", "m and on (a) ", "m or ", "m > bool ", ""].contains(&open);
        let deepest = if chain { MAX_OPERATORS } else { (1..=MAX_DEPTH + 1).collect::<Vec<_>>().partition_point(parses) };
        assert!(deepest >= MAX_NESTING / 2 - 1, "{open}: only {deepest}");
        assert!(chain || deepest <= MAX_DEPTH, "{open}: {deepest}");
        on_a_small_stack(|| assert!(!work_on(&nested(open, inner, close, deepest))));
        for deeper in [deepest + 1, 2 * deepest, 10_000] {
            on_a_small_stack(|| assert!(work_on(&nested(open, inner, close, deeper)), "{open} {deeper} times"));
        }
    }
}

#[test]
fn the_longest_chain_is_written_in_its_usual_form() {
    let chain = nested("m + ", "m", "", MAX_OPERATORS);
    assert_eq!(formatted(&chain).unwrap().matches('m').count(), MAX_OPERATORS + 1);
}

#[test]
fn lengths_of_time_that_nest_are_refused() {
    for (open, inner, close) in
        [("(", "1m", ")"), ("-", "1m", ""), ("+", "1m", ""), ("1 ^ ", "1m", ""), ("min_of(1m, ", "1m", ")"), ("1s + -(", "1m", ")")]
    {
        for (before, behind) in [("m[", "]"), ("m[2m:", "]"), ("m offset (", ")"), ("rate(m[5m] offset -(", "))")] {
            let query = |times: usize| format!("{before}{}{behind}", nested(open, inner, close, times));
            on_a_small_stack(|| {
                assert!(!work_on(&query(20)));
                for times in [65, 1_000, 10_000] {
                    assert!(work_on(&query(times)), "{open} {times} times: {}", query(2));
                }
            });
        }
    }
}

#[test]
fn patterns_that_nest_are_refused() {
    for (open, inner, close) in
        [("(", "[ab]", ")"), ("(?:", "[ab]", ")*"), ("(x|", "[ab]", ")"), ("(?:y(", "[ab]", "|x)*z)"), ("(?i:(", "é", "){1,1})")]
    {
        let compiles = |times: usize| Budget::default().pattern(&nested(open, inner, close, times)).is_ok();
        let deepest = (1..=150).take_while(|times| compiles(*times)).count();
        assert!((33..=100).contains(&deepest), "{open}: {deepest}");
        on_a_small_stack(|| {
            let _ = compiles(deepest);
            assert!(!compiles(200) && !compiles(5_000), "{open}");
        });
    }
}
