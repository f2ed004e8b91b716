//! What fuzzing of queries and lines starts from, and what it checks.

use super::super::line_filter::{find, literals};
use super::{Direction, Memory, Record, T0, found, metric_of};
use crate::re2::{Regex, Scope};

/// What fuzzing starts from: queries, and lines of the forms that stages read.
pub(crate) const CORPUS: [&str; 26] = [
    "{app=\"web\", level=~\"e.*\"} |= \"a\" or \"b\" != `c` |~ \"(?i)x.y\" !~ \"z\" # comment",
    "{app=\"web\"} |> \"<_> a <_>\" !> \"b<_>\"",
    "{app!=\"\"} | json | status >= 500 and method != \"GET\" or took > 1.5s, size < 20KB",
    "{app=\"web\"} | json a=\"b[0].c[\\\"d\\\"]\", e | (x=\"1\" or (y=\"2\"))",
    "{app=\"web\"} | logfmt --strict --keep-empty a=\"b\", c | line_format \"{{.a}} {{ __line__ | upper | trunc 3 }}\"",
    "{app=\"web\"} | pattern \"<ip> - <_> \\\"<method>\\\"\" | label_format x=ip, y=\"{{ add 1 .ip }}\"",
    "{app=\"web\"} | regexp `(?P<a>\\w+) (?P<b>\\d+)` | drop a, b=~\"x.*\" | keep c | decolorize | unpack",
    "sum by (app) (rate({app=\"web\"} |= \"x\" [5m] offset 1h)) / on (app) group_left () vector(1)",
    "quantile_over_time(0.95, {app=\"web\"} | logfmt | unwrap duration(took) | __error__=\"\" [100s]) by (host)",
    "topk(3, sum without (n) (bytes_over_time(({app=\"web\"} | json)[1m]))) > bool 2",
    "stddev_over_time({app=\"web\"}[5m] | logfmt | unwrap bytes(n)) without (host)",
    "label_replace(absent_over_time({app=\"no\"}[5m]), \"a\", \"$1\", \"app\", \"(.*)\") and vector(1) unless sort(vector(2))",
    "first_over_time({app=\"web\"} | logfmt | unwrap n [5m]) + last_over_time({app=\"web\"} | logfmt | unwrap n [7s])",
    "up + rate({a=\"b\"}) - sum({a=\"b\"})",
    "({app=\"web\"} | json | __error__=\"JSONParserErr\")",
    r#"{"a":{"b":[1,{"c":"\u00e9\ud83d\ude00"}],"d":1.5e3},"e":null,"app":true,"_entry":"x","status":500}"#,
    r#"{"a":[[[[]]]],"a":"x\"y"#,
    "a=1 b=\"x \\\"y\\\"\" c d= =e f=g=h took=1m30s n=7 size=10KiB",
    "1.2.3.4 - me \"GET\" 200",
    "\u{1b}[31mred\u{1b}[0m \u{1b}[",
    "{{ if contains \"a\" .b }}{{ repeat 3 .c }}{{ end }}{{ range $k, $v := . }}{{ $k }}{{ end }}",
    "{{ printf \"%-5s\" __line__ | substr 1 3 | alignRight 5 | indent 2 }}{{ date \"2006\" __timestamp__ }}",
    "servers[0][\"x\"].y.z[12]",
    "<a> <_>é<b>",
    "(a.b*c+){1,3}\\.d?",
    "1h30m1.5s 20KiB -3e5 0x1f",
];

/// Any bytes as a query over lines, and as a line, a template, a pattern, a path and an expression of queries.
pub(crate) fn is_answered_or_refused(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut source = Memory::of(&[(&[("app", "web"), ("host", "a")], &[(-20, "took=1s n=1"), (0, "{\"a\":1,\"n\":\"2\"}")])]);
    source.0[0].records.push(Record { time: T0, body: bytes.to_vec(), ..Record::default() });
    let (_, _) = (found(&source, &text, Direction::Backward, 10), metric_of(&source, &text, 180));
    let quoted = crate::model::go_quoted(&text);
    for stages in ["json", "logfmt", "unpack", "decolorize", "regexp \"(?P<a>.*) (?P<b>.)\"", "pattern \"<a> <_>=<b>\""] {
        let stages = format!("{{app=\"web\"}} | {stages} | n > 1 or took > 1s or size > 1KB | line_format \"{{{{.a}}}}\"");
        assert!(found(&source, &stages, Direction::Forward, 10).is_ok(), "{stages}");
    }
    for stage in ["|= ", "|~ ", "|> ", "| line_format ", "| pattern ", "| regexp ", "| json x=", "| x = ", "| x =~ "] {
        let _ = found(&source, &format!("{{app=\"web\"}} {stage}{quoted}"), Direction::Forward, 10);
    }
    // What matches has the literals.
    let matched = Regex::within(&text, Scope::Anywhere, 1 << 20).is_ok_and(|regex| regex.is_match(&text));
    for literal in literals(&text).iter().filter(|_| matched) {
        assert!(find(text.as_bytes(), literal).is_some(), "{text}");
    }
}

#[test]
fn what_fuzzing_starts_from_is_answered_or_refused() {
    CORPUS.iter().for_each(|text| is_answered_or_refused(text.as_bytes()));
}
