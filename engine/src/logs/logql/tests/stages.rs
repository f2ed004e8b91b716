//! What each stage does with lines.

use super::*;

#[test]
fn line_filters_choose_lines() {
    let line = "level=error msg=\"tsdb-ops 7 io:2003\" duration=12ms";
    for (stages, passes) in [
        ("", true),
        ("|= \"error\"", true),
        ("|= `error` != `timeout`", true),
        ("|= \"warn\"", false),
        ("|= \"warn\" or \"error\"", true),
        ("!= \"warn\" or \"error\"", false),
        ("|~ \"tsdb-ops.*io:2003\"", true),
        ("|~ `error=\\w+`", false),
        ("!~ \"(?i)ERROR\"", false),
        ("|~ \"(?i)ERR.R\" # a comment", true),
        ("|> \"level=<_> msg=<_>\"", true),
        ("!> \"level=<_>\"", false),
        ("|> \"msg=<_>\"", false),
        ("|= \"\"", true),
    ] {
        assert_eq!(piped(stages, line).is_some(), passes, "{stages}");
    }
    assert!(piped("|~ \"a.b\"", "a\nb").is_some(), "`.` takes line ends");
}

#[test]
fn parsers_make_labels() {
    let json = r#"{"protocol":"HTTP/2.0","servers":["129.0.1.1","10.2.1.3"],"request":{"time":"6.032","headers":{"User-Agent":"curl","Accept":"*/*"}},"n":1.50,"ok":true,"none":null,"app":"x","protocol":"second"}"#;
    for (stages, body, labels) in [
        (
            "| json",
            json,
            r#"{app_extracted="x", n="1.50", ok="true", protocol="HTTP/2.0", request_headers_Accept="*/*", request_headers_User_Agent="curl", request_time="6.032"}"#,
        ),
        (
            "| json first=\"servers[0]\", ua=\"request.headers[\\\"User-Agent\\\"]\", missing=\"a.b\"",
            json,
            r#"{first="129.0.1.1", ua="curl"}"#,
        ),
        ("| json servers", json, r#"{servers="[\"129.0.1.1\",\"10.2.1.3\"]"}"#),
        ("| json", "plain", r#"{__error__="JSONParserErr"}"#),
        ("| json", "{\"a\":1", r#"{__error__="JSONParserErr", a="1"}"#),
        ("| json", "[1]", r#"{__error__="JSONParserErr"}"#),
        ("| json", r#"{"a.b":{"c":"\u00e9\n"},"9":1}"#, "{_9=\"1\", a_b_c=\"é\\n\"}"),
        ("| logfmt", "at=info path=/ fwd=\"1.1\" done", r#"{at="info", fwd="1.1", path="/"}"#),
        ("| logfmt host=\"at\", path", "at=info path=/ x=1", r#"{host="info", path="/"}"#),
        ("| logfmt --strict", "a=1 =b", r#"{__error__="LogfmtParserErr", a="1"}"#),
        ("| pattern \"<ip> - <_> \\\"<method> <path>\\\"\"", "1.2.3.4 - me \"GET /x\"", r#"{ip="1.2.3.4", method="GET", path="/x"}"#),
        (
            r"| regexp `(?P<method>\w+) (?P<path>[\w|/]+) \((?P<status>\d+?)\)`",
            "POST /api (200) 1.5s",
            r#"{method="POST", path="/api", status="200"}"#,
        ),
        ("| regexp `(?P<a>x)`", "y", "{}"),
    ] {
        assert_eq!(piped(stages, body), Some((labels.to_owned(), body.to_owned())), "{stages}");
    }
    let packed = r#"{"container":"myapp","pod":"p-1","_entry":"the line"}"#;
    assert_eq!(piped("| unpack", packed), Some((r#"{container="myapp", pod="p-1"}"#.to_owned(), "the line".to_owned())));
}

#[test]
fn label_filters_choose_lines_from_left_to_right() {
    let line = "method=GET status=200 duration=1.5s size=20kB bad=x";
    for (filter, passes) in [
        ("status = \"200\"", true),
        ("status == 200", true),
        ("status != 200", false),
        ("status >= 200 and status < 300", true),
        ("status >= 200, status < 100", false),
        ("status >= 200 status < 300", true),
        ("method =~ \"G.*|POST\"", true),
        ("method =~ \"G\"", false),
        ("method !~ \"GET\"", false),
        ("duration > 1s", true),
        ("duration > 1500ms", false),
        ("size > 19KB", true),
        ("size <= 20KiB", true),
        ("missing > 1", false),
        ("missing = \"\"", true),
        // As documentation of Loki has it: ((a or b) and c).
        ("method = \"GET\" or status = 200 and size > 1MB", false),
        ("method = \"GET\" or (status = 200 and size > 1MB)", true),
        ("(method = \"PUT\" or status = 200) and size > 1kB", true),
        ("status = 500 | method = \"GET\"", false),
    ] {
        assert_eq!(piped(&format!("| logfmt | {filter}"), line).is_some(), passes, "{filter}");
    }
    let (labels, _) = piped("| logfmt bad | bad > 1", line).unwrap();
    assert_eq!(labels, r#"{__error__="LabelFilterErr", bad="x"}"#);
    assert!(piped("| logfmt bad | bad > 1 | __error__ = \"\"", line).is_none());
}

#[test]
fn stages_format_lines_and_labels() {
    let line = "method=GET status=200 duration=3000";
    for (stages, labels, text) in [
        (
            "| logfmt | line_format \"{{.method}} {{.status}} {{div .duration 1000}}\"",
            r#"{duration="3000", method="GET", status="200"}"#,
            "GET 200 3",
        ),
        (
            "| logfmt | label_format verb=method, both=\"{{.status}}-{{.method}}\"",
            r#"{both="200-", duration="3000", status="200", verb="GET"}"#,
            line,
        ),
        ("| logfmt | drop status, method=\"GET\", duration=\"1\"", r#"{duration="3000"}"#, line),
        ("| logfmt | keep status, method=~\"P.*\"", r#"{status="200"}"#, line),
        ("| json | drop __error__", "{}", line),
        ("| logfmt | line_format \"{{ div 1 0 }}\" | keep x", r#"{__error__="TemplateFormatErr"}"#, line),
        ("| line_format \"{{ __line__ | lower }}!\" |= \"get status=200 duration=3000!\"", "{}", "method=get status=200 duration=3000!"),
    ] {
        assert_eq!(piped(stages, line), Some((labels.to_owned(), text.to_owned())), "{stages}");
    }
    assert_eq!(piped("| decolorize", "\u{1b}[31;1mred\u{1b}[0m x").unwrap().1, "red x");
    assert!(piped("| decolorize |= \"red x\"", "\u{1b}[31mred\u{1b}[0m x").is_some(), "no needle of a changed line");
}

#[test]
fn attributes_level_and_trace_are_labels() {
    let mut source = Memory::of(&[(&[("app", "web")], &[(0, "a"), (1, "b")])]);
    let record = &mut source.0[0].records[1];
    record.severity = Severity(17);
    record.attributes = vec![("app".to_owned(), "other".to_owned()), ("k8s.pod".to_owned(), "p1".to_owned())];
    (record.trace, record.span) = ([0xab; 16], [1; 8]);
    for (filter, count) in [
        ("detected_level = \"error\"", 1),
        ("detected_level = \"unknown\"", 1),
        ("k8s_pod = \"p1\"", 1),
        ("app_extracted = \"other\"", 1),
        ("app = \"web\"", 2),
        ("span_id = \"0101010101010101\"", 1),
    ] {
        assert_eq!(found(&source, &format!("{{app=\"web\"}} | {filter}"), Direction::Forward, 10).unwrap().len(), count, "{filter}");
    }
    let wanted = r#"{app="web", app_extracted="other", detected_level="error", k8s_pod="p1"} 1; {app="web", detected_level="unknown"} 1"#;
    assert_eq!(at_once(&source, "count_over_time({app=\"web\"}[5m] offset -1m)").unwrap(), wanted);
    assert_eq!(at_once(&source, "sum by (k8s_pod) (count_over_time({app=\"web\"}[5m] offset -1m))").unwrap(), "{k8s_pod=\"p1\"} 1; {} 1");
    assert_eq!(
        at_once(&source, "sum by (detected_level, app) (count_over_time({app=\"web\"}[5m] offset -1m))").unwrap(),
        r#"{app="web", detected_level="error"} 1; {app="web", detected_level="unknown"} 1"#
    );
}

#[test]
fn lines_come_newest_or_oldest_first_and_no_more_than_asked_for() {
    let source = Memory::of(&[(&[("app", "a")], &[(1, "1"), (3, "3"), (5, "5")]), (&[("app", "b")], &[(2, "2"), (4, "4")])]);
    let bodies = |direction, limit| {
        let lines = found(&source, "{app=~\".+\"}", direction, limit).unwrap();
        lines.iter().map(|line| String::from_utf8_lossy(&line.body).into_owned()).collect::<String>()
    };
    assert_eq!((bodies(Direction::Backward, 3), bodies(Direction::Forward, 9)), ("543".to_owned(), "12345".to_owned()));
    let line = found(&source, "{app=\"a\"} |= \"3\"", Direction::Forward, 1).unwrap().remove(0);
    let near = around(&line, 1, 60 * S, &bounds(), &source).unwrap();
    assert_eq!((near.before[0].body.as_slice(), near.after[0].body.as_slice()), (b"1".as_slice(), b"5".as_slice()));
    let Ok(Query::Lines(query)) = Query::parse("{app=~\".+\"}", Grid::default()) else { panic!() };
    let request = LineRequest { start: T0, end: T0 + 60 * S, limit: 9, direction: Direction::Forward, interval: 2 * S, now: 0 };
    let answer = lines(&query, &request, &bounds(), &source).unwrap();
    assert_eq!(answer.lines.iter().map(|line| (line.time - T0) / S).collect::<Vec<_>>(), [1, 3, 5]);
}
