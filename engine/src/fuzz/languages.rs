//! Languages: queries, patterns, templates, rule files.

use std::time::{Duration, Instant};

use super::{cpu_time, run};
use crate::forecast::random::Random;
use crate::logs::logql;
use crate::model::{Budget, Columns, Labels};
use crate::promql::deep::{on_a_small_stack, work_on};
use crate::promql::syntax;
use crate::promql::tests::{Memory, ask};
use crate::re2;
use crate::traces::traceql;
use crate::{rules, template, yaml};

/// Queries that use every part of the language.
const QUERIES: [&str; 26] = [
    "sum by (g) (rate(m{i=~\"1|2\",g!=\"0\"}[5m])) / on (g) group_left (i) count without (i) (m) > bool 1",
    "histogram_quantile(0.9, sum by (le) (rate(b_bucket[5m:30s] offset 1m)))",
    "topk(3, m) or bottomk(2, -m) unless m @ 300 and m @ end()",
    "label_replace(m, \"x\", \"$1-${2}\", \"i\", \"(.)(.*)\") * ignoring (x) group_right () m",
    "quantile_over_time(scalar(m{i=\"0\"}) / 100, m[2m * 2 + step()])",
    "count_values without (g) (\"v\", m) % 7 ^ 2 atan2 3",
    "increase(m[2m] anchored offset (1h / 60)) + delta(m[2m] smoothed)",
    "m smoothed @ start() == 1_000 + 0x1F - 1e3 + Inf",
    "info(m, {__name__=~\".+\", data!=\"\"})",
    "m + on (i) fill (0) m - fill_left (1) fill_right (-1) m",
    "predict_linear(m[5m], 3600) > deriv(m[5m]) * 60",
    "double_exponential_smoothing(m[5m], 0.5, 0.5) < holt_winters(m[5m], 0.1, 0.9)",
    "absent(none{a=\"b\"}) or absent_over_time(none[5m])",
    "sort_desc(sum_over_time(m[3m])) and sort_by_label(m, \"i\", \"g\")",
    "clamp(m, -1, 1) + round(m, 0.1) + sgn(m) - abs(m)",
    "day_of_week(vector(time())) + hour() + timestamp(m) + pi()",
    "stddev(m) + stdvar(m) + group(m) + avg(m) + quantile(0.5, m)",
    "limitk(1, m) or limit_ratio(0.5, m)",
    "changes(m[5m]) + resets(m[5m]) + irate(m[5m]) + idelta(m[5m])",
    "label_join(m, \"all\", \"-\", \"g\", \"i\") # a comment",
    "max_over_time(min_over_time(m[2m])[4m:1m] @ 100 offset -1m)",
    "{\"m\",\"g\"=\"1\"} == 1 or label_replace(m, `x`, 'y', \"\", \"\")",
    "sum(m{g=\"\\x6d\\u00e9\"}) by (g,) + histogram_fraction(0, 1, b_bucket)",
    "histogram_quantiles(b_bucket, \"q\", 0.5, 1.5) or vector(max_of(1, min_of(2, NaN)))",
    "m{g=~`\\d`} + on (i) group_left () m offset (1m) @ end() smoothed unless on (smoothed) smoothed",
    "rate((m)[2m:30s]) or quantile by (g) ((1.5), m) or label_replace((m), \"g\", \"\", (\"i\"), \"1\")",
];

#[test]
fn the_queries_of_the_corpus_are_answered() {
    for query in QUERIES {
        let answer = ask(&Memory(Vec::new()), query);
        assert!(answer.is_ok(), "{query}: {answer:?}");
    }
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn any_text_is_answered_or_refused() {
    let series = (0..6).map(|n: usize| {
        let labels = Labels::metric("m", &[("g", &(n % 2).to_string()), ("i", &n.to_string())]);
        (
            labels,
            Columns { times: (0..21).map(|t| t * 30_000).collect(), values: (0..21).map(|v| f64::from(v * n as i32 % 7) - 2.0).collect() },
        )
    });
    let buckets = ["0.1", "1", "+Inf"].into_iter().map(|le| {
        let labels = Labels::metric("b_bucket", &[("le", le)]);
        (labels, Columns { times: (0..21).map(|t| t * 30_000).collect(), values: (0..21).map(f64::from).collect() })
    });
    let source = Memory(series.chain(buckets).collect());
    let corpus: Vec<Vec<u8>> = QUERIES.iter().map(|query| query.as_bytes().to_vec()).collect();
    run("queries", &corpus, |bytes| {
        let query = String::from_utf8_lossy(bytes);
        let begun = cpu_time();
        // Any result is fine, but it must not take long.
        let _ = ask(&source, &query);
        let took = cpu_time() - begun;
        assert!(took < Duration::from_secs(20), "{query}: took {took:?}");
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn queries_over_lines_are_answered_or_refused() {
    let corpus: Vec<Vec<u8>> = logql::tests::CORPUS.iter().map(|text| text.as_bytes().to_vec()).collect();
    run("LogQL and lines", &corpus, |bytes| {
        let begun = cpu_time();
        on_a_small_stack(|| logql::tests::is_answered_or_refused(bytes));
        let took = cpu_time() - begun;
        assert!(took < Duration::from_secs(20), "{}: took {took:?}", String::from_utf8_lossy(bytes));
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn queries_over_traces_are_answered_or_refused() {
    let corpus: Vec<Vec<u8>> = traceql::tests::CORPUS.iter().map(|text| text.as_bytes().to_vec()).collect();
    run("TraceQL", &corpus, |bytes| {
        let begun = cpu_time();
        on_a_small_stack(|| traceql::tests::is_answered_or_refused(bytes));
        let took = cpu_time() - begun;
        assert!(took < Duration::from_secs(20), "{}: took {took:?}", String::from_utf8_lossy(bytes));
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn any_text_is_parsed_or_refused_at_a_place() {
    let corpus: Vec<Vec<u8>> = syntax::tests::queries().chain(QUERIES.map(str::to_owned)).map(String::into_bytes).collect();
    run("PromQL syntax", &corpus, |bytes| syntax::tests::holds_together(&String::from_utf8_lossy(bytes)));
}

/// Deeply nested texts, some of which hide their depth.
#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn queries_of_any_depth_are_answered_or_refused() {
    let pieces = [
        "(",
        "-",
        "m+",
        "m^",
        "sum(",
        "# \"\n",
        "# '(\r",
        "'\\'(' ",
        "abs(",
        "`\\`",
        "rate(m[-",
        "m[",
        "m offset -(",
        "[2m:1m])",
        "min_of(",
        "{a=~\"(\",",
        "}",
    ];
    let closers = [")", "", "[1m:])", "]", "+m)", ", 1)", "\"", "#"];
    let mut random = Random::new(7);
    let corpus: Vec<Vec<u8>> = (0..200)
        .map(|n| {
            let (open, close) = (pieces[n % pieces.len()], closers[n % closers.len()]);
            let (other, times) = (pieces[random.below(pieces.len())], 1 + random.below(400));
            let text = format!("{}{other}m{}", [open, other].concat().repeat(times / 2), close.repeat(random.below(times + 1)));
            text.into_bytes()
        })
        .collect();
    run("deep queries", &corpus, |bytes| {
        let query = String::from_utf8_lossy(bytes);
        on_a_small_stack(|| {
            work_on(&query);
        });
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn patterns_are_compiled_or_refused() {
    let deep = |open: &str, close: &str, times: usize| [open.repeat(times), "a".to_owned(), close.repeat(times)].concat().into_bytes();
    let mut corpus: Vec<Vec<u8>> =
        ["a|b|c", "(host-1\\.x:9100|host-2)", "foo.*", ".*foo.*", "(?i)[a-z]+\\d{1,3}", "\\pL{1,12}x", "[[:alpha:]&&[^a]]"]
            .into_iter()
            .chain(re2::SYNTAX.iter().map(|row| row.0))
            .map(|text| text.as_bytes().to_vec())
            .collect();
    corpus.extend([deep("(", ")", 60), deep("(?:x|", ")*", 60), deep("[", "]", 60), deep("(", "){1,9}", 30), deep("(", ")", 5_000)]);
    run("patterns", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        on_a_small_stack(|| {
            if let Ok(pattern) = Budget::default().pattern(&text) {
                let _ = (pattern.is_match("aab"), pattern.is_match(""), pattern.is_match(&text));
            }
            for scope in [re2::Scope::Value, re2::Scope::Wrapped, re2::Scope::Anywhere] {
                match re2::Regex::within(&text, scope, 256 << 10) {
                    Ok(regex) => {
                        let _ = (regex.is_match_bytes(bytes), regex.expand(&text, [&text]));
                    }
                    Err(error) => assert!(!matches!(error, re2::RegexError::Unknown(_)), "{text}: {error}"),
                }
            }
        });
    });
}

const TEMPLATES: &str = include_str!("../../../tests/data/rules/templates.rules.yml");

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn templates_are_expanded_or_refused() {
    let file = rules::files::parse(TEMPLATES, "templates").expect("the file has no faults");
    let rules = file.groups.iter().flat_map(|group| &group.rules);
    let corpus: Vec<Vec<u8>> = rules.flat_map(|rule| rule.spec.annotations.values()).map(|text| text.clone().into_bytes()).collect();
    assert!(corpus.len() > 100);
    run("templates", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let begun = cpu_time();
        on_a_small_stack(|| {
            if let Err(error) = template::tests::expanded(&text) {
                assert!(!error.is_empty());
            }
        });
        let took = cpu_time() - begun;
        assert!(took < Duration::from_secs(10), "{text}: took {took:?}");
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn rule_files_and_their_tests_are_read_or_refused() {
    let corpus: Vec<Vec<u8>> = [
        include_str!("../../../tests/data/rules/machine.rules.yml"),
        include_str!("../../../tests/data/rules/machine.test.yml"),
        "groups:\n- &g {name: a, rules: [{record: a, expr: 1}]}\n- {<<: *g, name: \"b\\n\"}\n",
        "tests:\n- input_series:\n  - {series: 'a{b=\"c\"}', values: '1+2x3 _x2 -5 Inf stale'}\n  promql_expr_test: [{expr: a, eval_time: 1m}]\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    run("rule files", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        on_a_small_stack(|| {
            match rules::files::parse(&text, "") {
                Ok(read) => {
                    let written = rules::files::write(&read.groups);
                    let again = rules::files::parse(&written, "").unwrap_or_else(|faults| panic!("{written}: {faults:?}"));
                    assert_eq!(again.groups, read.groups, "{written}");
                }
                Err(faults) => assert!(!faults.list().is_empty() && faults.list().len() <= yaml::MAX_FAULTS),
            }
            if let Ok(tests) = rules::unit_tests::parse(&text)
                && tests.tests.iter().flat_map(|test| &test.series).map(|(_, values)| values.len()).sum::<usize>() < 10_000
                && tests.tests.iter().flat_map(|test| test.exprs.iter().map(|expr| expr.at)).all(|at| at.ms() / tests.interval.ms() < 1_000)
                && tests
                    .tests
                    .iter()
                    .flat_map(|test| test.alerts.iter().map(|alert| alert.at))
                    .all(|at| at.ms() / tests.interval.ms() < 1_000)
            {
                let _ = tests.run(&[], Instant::now() + Duration::from_secs(5));
            }
        });
    });
}
