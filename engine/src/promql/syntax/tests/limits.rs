//! What nests too deeply or is too large is refused, on a small stack.

use std::thread;

use super::parse;
use crate::promql::syntax::{MAX_DEPTH, MAX_MATCHERS, MAX_OPERATORS, MAX_QUERY_BYTES, MAX_TOKENS};

/// `open` so many times, `inner`, `close` so many times.
fn nested(open: &str, inner: &str, close: &str, times: usize) -> String {
    [open.repeat(times), inner.to_owned(), close.repeat(times)].concat()
}

/// Runs something on a stack of 1 MiB.
fn on_a_small_stack(work: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(1 << 20).spawn_scoped(scope, work).unwrap();
        assert!(thread.join().is_ok(), "it panicked");
    });
}

/// Parses a query and does everything that recurses over an expression; returns the error if it is refused.
fn work_on(query: &str) -> Option<String> {
    match parse(query) {
        Ok(expr) => {
            let again = parse(&expr.to_string());
            let _ = (expr.pretty(), expr.value_type(), expr.walk().count(), again.is_ok());
            None
        }
        Err(error) => Some(error.to_string()),
    }
}

/// Shapes that grow to the left, which is no depth.
const CHAINS: [(&str, &str); 3] = [("m + ", ""), ("m and on (a) ", ""), ("", " atan2 1")];

#[test]
fn the_deepest_queries_fit_on_a_small_stack_and_deeper_ones_are_refused() {
    for (open, inner, close) in [
        ("(", "m", ")"),
        ("-", "m", ""),
        ("- +", "m", ""),
        ("m + ", "m", ""),
        ("m ^ ", "m", ""),
        ("", "m", " ^ m"),
        ("m ^ -", "m", ""),
        ("m and on (a) ", "m", ""),
        ("", "1", " atan2 1"),
        ("(1 + 2 * ", "m", " or m)"),
        ("(1 + ", "m", ")"),
        ("1 or 1 and 1 == bool 1 + 1 * -1 ^ (", "1", ")"),
        ("abs(", "m", ")"),
        ("sum by (a) (-", "m", ")"),
        ("topk(scalar(", "m", "), m)"),
        ("max_over_time(", "m", "[2m:1m])"),
        ("", "m", "[2m:1m]"),
        ("# \"\n(", "m", ")"),
        ("# \"\r-(", "m", ")"),
        ("m[", "5m", "]"),
        ("{", "", "}"),
        ("m offset (", "5m", ")"),
    ] {
        let chain = CHAINS.contains(&(open, close));
        let parses = |times: &usize| parse(&nested(open, inner, close, *times)).is_ok();
        let deepest = if chain { MAX_OPERATORS } else { (1..=MAX_DEPTH + 1).take_while(parses).count() };
        on_a_small_stack(|| assert_eq!(work_on(&nested(open, inner, close, deepest.max(1))).is_none(), deepest > 0));
        for deeper in [deepest + 1, 2 * deepest + 2, 10_000] {
            on_a_small_stack(|| assert!(work_on(&nested(open, inner, close, deeper)).is_some(), "{open} {deeper} times"));
        }
    }
    for (shape, count) in [("(", 64), ("abs(", 64), ("-", 256), ("m ^ ", 256)] {
        let close = if shape.ends_with('(') { ")" } else { "" };
        assert!(parse(&nested(shape, "m", close, count)).is_ok(), "{shape}");
        let error = parse(&nested(shape, "m", close, count + 1)).unwrap_err().to_string();
        assert!(error.contains("deep"), "{error}");
    }
}

#[test]
fn durations_that_nest_are_refused() {
    for (open, inner, close) in [
        ("(", "1m", ")"),
        ("-", "1m", ""),
        ("+", "1m", ""),
        ("1 ^ ", "1m", ""),
        ("min_of(1m, ", "1m", ")"),
        ("1s + -(", "1m", ")"),
        ("1 + ", "1m", ""),
    ] {
        for (before, behind) in [("m[", "]"), ("m[2m:", "]"), ("m offset (", ")"), ("rate(m[5m] offset -(", "))")] {
            on_a_small_stack(|| {
                assert_eq!(
                    work_on(&format!("{before}{}{behind}", nested(open, inner, close, 20))).filter(|error| error.contains("deep")),
                    None
                );
                for times in [257, 1_000, 10_000] {
                    let error = work_on(&format!("{before}{}{behind}", nested(open, inner, close, times))).unwrap();
                    assert!(error.contains("deep") || error.contains("at most"), "{error}");
                }
            });
        }
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let many = |count: usize, one: &str| one.repeat(count);
    for (query, message) in [
        (format!("up{}", many(MAX_QUERY_BYTES, " ")), "has 1048578 bytes"),
        (format!("up{{{}}}", many(MAX_MATCHERS + 1, "a=\"b\",")), "more than 16384 matchers"),
        (format!("1{}", many(MAX_OPERATORS + 1, "+1")), "more than 2048 operators"),
        (format!("abs({}", many(MAX_OPERATORS + 1, "a+1,")), "more than 2048 operators"),
        (format!("label_join(a,{}\"b\")", many(MAX_TOKENS / 2, "\"\",")), "more than 200000 names"),
        (many(10_000, "x") + " y", "unexpected identifier \"y\""),
        (many(100_000, "1"), "error parsing number"),
        (many(100_000, "x") + "()", "unknown function"),
    ] {
        let error = parse(&query).unwrap_err().to_string();
        assert!(error.contains(message) && error.len() < 1_000, "{error}");
    }
    for query in [
        format!("up{{{}}}", many(MAX_MATCHERS, "a=\"b\",")),
        format!("# {}\nup", many(5_000, "-(")),
        format!("up{{a=\"{}\"}}", many(10_000, "x or y and (z - ")),
        format!("a{}", many(1_000, " or rate(m{a=\"b\"}[5m] offset -1s) > bool 1")),
    ] {
        assert_eq!(work_on(&query), None);
    }
}
