//! The query language over lines in memory: tables of what each part does, and counts held against a plain evaluation.

mod fuzz;
mod stages;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use proptest::prelude::*;

pub(crate) use self::fuzz::{CORPUS, is_answered_or_refused};
use super::*;
use crate::logs::record::TimeNs;
use crate::logs::{Direction, Entry, Filter, Order, Record, Severity, Source, SourceError, StreamLines};
use crate::model::{Labels, Matcher};
use crate::promql::Answer;
use crate::promql::syntax::Grid;

pub(super) const S: i64 = 1_000_000_000;
const T0: i64 = 1_764_000_000 * S;

/// Lines in memory. It passes what its filter asks for and nothing else, so that a test finds what a query forgot to ask for.
#[derive(Default)]
pub(super) struct Memory(pub(super) Vec<StreamLines>);

/// Labels of a stream, and its lines with their seconds.
type Given<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, &'a str)]);
/// Series in braces with their values.
type Rows = Vec<(String, Vec<Option<f64>>)>;

impl Memory {
    pub(super) fn of(streams: &[Given<'_>]) -> Self {
        let stream = |(labels, lines): &Given<'_>| StreamLines {
            labels: Labels::of(labels.to_vec()),
            records: lines.iter().map(|(at, body)| record(T0 + at * S, body)).collect(),
        };
        Self(streams.iter().map(stream).collect())
    }
}

fn record(time: TimeNs, body: &str) -> Record {
    Record { time, body: body.as_bytes().to_vec(), ..Record::default() }
}

impl Source for Memory {
    fn read(&self, filter: &Filter, each: &mut dyn FnMut(&Entry<'_>) -> ControlFlow<()>) -> Result<(), SourceError> {
        let selected = |labels: &Labels| filter.matchers.iter().all(|m| m.accepts(labels.get(&m.name).unwrap_or("")));
        let streams = self.0.iter().filter(|stream| selected(&stream.labels));
        let mut found: Vec<(&Labels, &Record)> =
            streams.flat_map(|stream| stream.records.iter().map(|record| (&stream.labels, record))).collect();
        found.retain(|(_, record)| (filter.start..filter.end).contains(&record.time));
        found.retain(|(_, record)| filter.needles.iter().all(|needle| record.body.windows(needle.len()).any(|part| part == needle)));
        match filter.order {
            Order::ByTime(Direction::Forward) => found.sort_by_key(|(_, record)| record.time),
            Order::ByTime(Direction::Backward) => found.sort_by_key(|(_, record)| -record.time),
            Order::Any => found.reverse(),
        }
        for (labels, record) in found {
            let attributes: Vec<(&str, &str)> = record.attributes.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let entry = Entry {
                labels,
                time: record.time,
                severity: record.severity,
                body: if filter.bodies { &record.body } else { &[] },
                attributes: if filter.attributes { &attributes } else { &[] },
                trace: if filter.attributes { record.trace } else { [0; 16] },
                span: if filter.attributes { record.span } else { [0; 8] },
            };
            if each(&entry).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn streams(&self, matchers: &[Matcher], start: TimeNs, end: TimeNs) -> Result<Vec<Labels>, SourceError> {
        let selected = |stream: &&StreamLines| {
            matchers.iter().all(|m| m.accepts(stream.labels.get(&m.name).unwrap_or("")))
                && stream.records.iter().any(|record| (start..end).contains(&record.time))
        };
        Ok(self.0.iter().filter(selected).map(|stream| stream.labels.clone()).collect())
    }
}

pub(super) fn bounds() -> Bounds {
    Bounds { max_bytes: 64 << 20, max_series: 1_000, deadline: Instant::now() + Duration::from_secs(60), cancelled: Arc::default() }
}

fn found(source: &dyn Source, query: &str, direction: Direction, limit: usize) -> Result<Vec<Line>, String> {
    let Query::Lines(query) = Query::parse(query, Grid::default()).map_err(|error| error.to_string())? else {
        return Err("a metric query".to_owned());
    };
    let request = LineRequest { start: T0, end: T0 + 3_600 * S, limit, direction, interval: 0, now: 0 };
    lines(&query, &request, &bounds(), source).map(|answer| answer.lines).map_err(|error| error.to_string())
}

/// The labels of a line and its text after a pipeline; none where it is filtered out.
fn piped(stages: &str, body: &str) -> Option<(String, String)> {
    let source = Memory::of(&[(&[("app", "web")], &[(0, body)])]);
    let lines =
        found(&source, &format!("{{app=\"web\"}} {stages}"), Direction::Forward, 10).unwrap_or_else(|error| panic!("{stages}: {error}"));
    let line = lines.into_iter().next()?;
    let labels = line.labels().without(&["app", "detected_level", "__error_details__"]);
    Some((labels.in_braces(), String::from_utf8_lossy(&line.body).into_owned()))
}

/// Series in braces with their values at instants from 0 s to `seconds`, a minute apart.
fn metric_of(source: &dyn Source, text: &str, seconds: i64) -> Result<Rows, String> {
    let grid = Grid { step: 60_000, range: seconds * 1_000 };
    let Query::Metric(query) = Query::parse(text, grid).map_err(|error| error.to_string())? else { return Err("lines".to_owned()) };
    let request = MetricRequest { start: T0, end: T0 + seconds * S, step_ms: 60_000, now: 0 };
    let value = |v: f64| (v.to_bits() != crate::promql::ABSENT.to_bits()).then_some(v);
    match metric(&query, &request, &bounds(), source).map_err(|error| error.to_string())?.0 {
        Answer::Vector(rows) => {
            Ok(rows.into_iter().map(|row| (row.labels.in_braces(), row.values.into_iter().map(value).collect())).collect())
        }
        Answer::Scalar(values) => Ok(vec![("scalar".to_owned(), values.into_iter().map(|(_, v)| value(v)).collect())]),
        other => Err(format!("{other:?}")),
    }
}

/// The same at 0 s alone, as `{labels} value` lines in order.
fn at_once(source: &dyn Source, text: &str) -> Result<String, String> {
    let mut rows: Vec<String> =
        metric_of(source, text, 0)?.into_iter().map(|(labels, values)| format!("{labels} {}", values[0].unwrap_or(f64::NAN))).collect();
    rows.sort();
    Ok(rows.join("; "))
}

#[test]
fn ranges_are_aggregated() {
    let source = Memory::of(&[
        (&[("app", "web"), ("host", "a")], &[(-240, "took=1s n=1"), (-120, "took=3s n=2"), (-60, "took=2s n=4"), (0, "took=2s n=9")]),
        (&[("app", "web"), ("host", "b")], &[(-290, "took=10ms n=x"), (-300, "never")]),
    ]);
    for (query, wanted) in [
        ("sum by (host) (count_over_time({app=\"web\"}[5m]))", r#"{host="a"} 4; {host="b"} 1"#),
        ("sum(rate({app=\"web\"}[5m]))", "{} 0.016666666666666666"),
        ("sum(bytes_over_time({app=\"web\"}[5m]))", "{} 57"),
        ("sum(bytes_rate({app=\"web\"}[100s]))", "{} 0.22"),
        ("sum(count_over_time({app=\"web\"} |= \"took=2s\" [5m]))", "{} 2"),
        ("max(max_over_time({host=\"a\"} | logfmt | unwrap n [5m]))", "{} 9"),
        ("sum_over_time({host=\"a\"} | logfmt | keep n | unwrap n [5m])", "{} 16"),
        ("avg_over_time({host=\"a\"} | logfmt | unwrap duration(took) [5m]) by (host)", r#"{host="a"} 2"#),
        ("min_over_time({host=\"a\"} | logfmt | unwrap n [5m]) by ()", "{} 1"),
        ("first_over_time({host=\"a\"} | logfmt | unwrap n [5m]) by (app)", r#"{app="web"} 1"#),
        ("last_over_time({host=\"a\"} | logfmt | unwrap n [5m]) by (app)", r#"{app="web"} 9"#),
        ("quantile_over_time(0.5, {host=\"a\"} | logfmt | unwrap n [5m]) by (app)", r#"{app="web"} 3"#),
        ("stdvar_over_time({host=\"a\"} | logfmt | unwrap n | n < 4 [5m]) without (host, took, detected_level)", r#"{app="web"} 0.25"#),
        ("sum(rate({host=\"a\"} | logfmt | unwrap n [100s]))", "{} 0.13"),
        ("absent_over_time({app=\"db\", host=~\".+\"}[5m])", r#"{app="db"} 1"#),
        ("absent_over_time({app=\"web\"}[5m])", ""),
        ("sum(count_over_time({app=\"web\"}[5m] offset 4m))", "{} 3"),
        ("sum(sum_over_time({app=\"web\"} | logfmt | unwrap n | __error__=\"\" [5m]))", "{} 16"),
        ("sum(count_over_time(({app=\"web\"} |= \"took\")[5m]))", "{} 5"),
        ("sum(count_over_time({app=\"web\"}[5m] |= \"took\"))", "{} 5"),
        ("vector(1)+vector(1)", "{} 2"),
        ("sum(count_over_time({host=\"a\"}[5m])) / sum(count_over_time({app=\"web\"}[5m])) * 100", "{} 80"),
        ("topk(1, sum by (host) (count_over_time({app=\"web\"}[5m])))", r#"{host="a"} 4"#),
        ("sum by (host) (count_over_time({app=\"web\"}[5m])) > 2", r#"{host="a"} 4"#),
        ("sum by (host) (count_over_time({app=\"web\"}[5m])) > bool 2", r#"{host="a"} 1; {host="b"} 0"#),
        ("label_replace(sum by (host) (count_over_time({host=\"a\"}[5m])), \"x\", \"$1\", \"host\", \"(.*)\")", r#"{host="a", x="a"} 4"#),
        ("sum by (host) (rate({app=\"web\"}[5m])) / on () group_left () sum(rate({app=\"web\"}[5m]))", r#"{host="a"} 0.8; {host="b"} 0.2"#),
        ("count(count_over_time({app=\"web\"} | logfmt [5m]))", "{} 5"),
        ("sum without (host) (count_over_time({app=\"web\"}[5m]))", r#"{app="web", detected_level="unknown"} 5"#),
    ] {
        assert_eq!(at_once(&source, query).as_deref(), Ok(wanted), "{query}");
    }
    let error = at_once(&source, "sum(sum_over_time({app=\"web\"} | logfmt | unwrap n [5m]))").unwrap_err();
    assert!(error.starts_with("pipeline error: 'SampleExtractionErr' for series: '{"), "{error}");
    let steps = metric_of(&source, "sum(count_over_time({host=\"a\"}[2m]))", 120).unwrap();
    assert_eq!(steps, [("{}".to_owned(), vec![Some(2.0), Some(1.0), None])]);
}

#[test]
fn empty_braces_select_every_stream() {
    let source = Memory::of(&[(&[("app", "web")], &[(0, "one")]), (&[("job", "cron")], &[(1, "two")])]);
    for query in ["{}", "{ }", "({\n} |~ `one|two`)"] {
        assert_eq!(found(&source, query, Direction::Forward, 10).map(|lines| lines.len()), Ok(2), "{query}");
    }
    assert_eq!(at_once(&source, "sum(count_over_time({}[1h] offset -1m))").unwrap(), "{} 2");
}

#[test]
fn what_is_no_query_is_refused_with_its_place_and_what_is_not_supported_by_name() {
    for (query, part) in [
        ("", "parse error"),
        ("{", "1:1: parse error: the brace that opens here is not closed"),
        ("{app=\"\"}", "matcher"),
        ("{app=~\".*\"}", "at least one"),
        ("{app=\"a\"} |", "1:12: parse error: a stage such as json"),
        ("{app=\"a\"} |= error", "1:14: parse error: a string in"),
        ("{app=\"a\"}\n  |~ \"(\"", "2:6: parse error: error parsing regexp: missing closing )"),
        ("{app=\"a\"} |= ip(\"1.1.1.1\")", "ip(…) is not supported"),
        ("{app=\"a\"} | addr = ip(\"1.1.1.1\")", "ip(…) is not supported"),
        ("{app=\"a\"} | distinct x", "| distinct is not supported"),
        ("{app=\"a\"} | xml", "| xml is not supported"),
        ("{app=\"a\"} [5m]", "a range needs a function"),
        ("{app=\"a\"} | unwrap x", "| unwrap needs a function"),
        ("{app=\"a\"} | json a=b", "a string in"),
        ("{app=\"a\"} | json a=\"[x]\"", "a path is written like"),
        ("{app=\"a\"} | regexp \"(a)\"", "at least one group with a name"),
        ("{app=\"a\"} | pattern \"x\"", "at least one place with a name"),
        ("{app=\"a\"} | line_format \"{{.x\"", "template, byte"),
        ("{app=\"a\"} | line_format \"{{ fromJson .x }}\"", "function \"fromJson\" not defined"),
        ("{app=\"a\"} | label_format a=b, a=c", "comes twice"),
        ("{app=\"a\"} | a > \"x\"", "> compares numbers"),
        ("{app=\"a\"} | a =~ 5", "=~ compares texts"),
        ("{app=\"a\"} |= \"\\d\"", "no such escape"),
        ("{app=\"a\"} |= \"open", "has no closing \""),
        ("{app=\"a\"} x", "the end of the query"),
        ("sum({app=\"a\"})", "1:5: parse error: streams are no values"),
        ("rate({app=\"a\"})", "a range such as [5m] is expected here"),
        ("rate({app=\"a\"}[5m]", "`)` is expected here, but the query ends"),
        ("sum_over_time({app=\"a\"}[5m])", "needs a label to take values from"),
        ("count_over_time({app=\"a\"} | unwrap x [5m])", "leave out | unwrap"),
        ("rate({app=\"a\"}[5m]) by (x)", "takes no `by`"),
        ("rate_counter({app=\"a\"} | unwrap x [5m])", "rate_counter() is not supported"),
        ("approx_topk(3, rate({app=\"a\"}[5m]))", "approx_topk() is not supported"),
        ("up", "`up` would be a metric of PromQL"),
        ("abs(rate({app=\"a\"}[5m]))", "abs() is not supported over lines"),
        ("count_values(\"x\", rate({app=\"a\"}[5m]))", "count_values() is not supported"),
        ("max_over_time(rate({app=\"a\"}[5m])[5m:1m])", "a selector of streams such as"),
        ("sum(rate({app=\"a\"}[5m]))[5m:1m]", "a range belongs behind"),
        ("rate({app=\"a\"}[5m]) offset 5m", "`offset` stands behind the range"),
        ("rate({app=\"a\"}[5m]) rate({app=\"a\"}[5m])", "unexpected identifier range aggregation"),
        ("1 +", "unexpected end of input"),
        ("\"x\"", "is no value of a query"),
    ] {
        let error = Query::parse(query, Grid::default()).map(drop).map_err(|error| error.to_string());
        let error = error.err().unwrap_or_else(|| panic!("{query} is accepted"));
        assert!(error.contains(part), "{query}: {error}");
    }
    let deep = format!("{{a=\"b\"}} | {}a=1{}", "(".repeat(100), ")".repeat(100));
    assert!(Query::parse(&deep, Grid::default()).unwrap_err().to_string().contains("nest deeper"));
    assert!(
        Query::parse(&format!("{{a=\"b\"}}{}", " | json".repeat(200)), Grid::default())
            .unwrap_err()
            .to_string()
            .contains("at most 128 stages")
    );
    assert!(Query::parse(&" ".repeat(MAX_QUERY_BYTES + 1), Grid::default()).is_err());
}

#[test]
fn queries_ask_for_no_more_than_they_need() {
    let filter = |text: &str| {
        let Ok(Query::Lines(query)) = Query::parse(text, Grid::default()) else { panic!("{text}") };
        query.filter(0, 1, Order::Any)
    };
    let needles = |text: &str| filter(text).needles.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect::<Vec<_>>();
    assert_eq!(needles("{a=\"b\"} |= \"x y\" != \"z\" |~ \"ab.*cd\" |= \"p\" or \"q\""), ["x y", "ab", "cd"]);
    assert_eq!(needles("{a=\"b\"} | json |= \"x\" | line_format \"y\" |= \"z\""), ["x"]);
    for (stages, trace) in [
        ("| trace_id=\"t\"", Some("t")),
        ("|= \"x\" | a=\"b\" | n > 1 and (trace_id=\"t\", c=\"d\") | json", Some("t")),
        ("| line_format \"x\" | decolorize | trace_id=\"t\"", Some("t")),
        ("| json | trace_id=\"t\"", None),
        ("| label_format trace_id=\"t\" | trace_id=\"t\"", None),
        ("| trace_id=\"t\" or a=\"b\"", None),
        ("| trace_id=~\"t\"", None),
        ("| trace_id=\"\"", None),
        ("| span_id=\"t\"", None),
    ] {
        assert_eq!(filter(&format!("{{a=\"b\"}} {stages}")).trace.as_deref(), trace, "{stages}");
    }
    assert!(
        !filter("{a=\"b\"} | detected_level=\"error\"").bodies && !filter("{a=\"b\"} |= \"\"").bodies && filter("{a=\"b\"} | json").bodies
    );
}

#[test]
fn what_a_query_may_take_is_bounded() {
    let many: Vec<(i64, String)> = (0..3_000).map(|n| (0, format!("n={n}"))).collect();
    let many: Vec<(i64, &str)> = many.iter().map(|(at, body)| (*at, body.as_str())).collect();
    let source = Memory::of(&[(&[("app", "web")], &many)]);
    let error = at_once(&source, "count_over_time({app=\"web\"} | logfmt [5m])").unwrap_err();
    assert!(error.contains("more than 1000 series"), "{error}");
    let Ok(Query::Lines(query)) = Query::parse("{app=\"web\"}", Grid::default()) else { panic!() };
    let request = LineRequest { start: T0, end: T0 + S, limit: 5_000, direction: Direction::Forward, interval: 0, now: 0 };
    let small = Bounds { max_bytes: 100_000, ..bounds() };
    assert!(matches!(lines(&query, &request, &small, &source), Err(LogqlError::Eval(EvalError::TooMuchMemory(_)))));
    let gone = bounds();
    gone.cancelled.store(true, Ordering::Relaxed);
    assert!(matches!(lines(&query, &request, &gone, &source), Err(LogqlError::Eval(EvalError::Cancelled))));
    let late = Bounds { deadline: Instant::now(), ..bounds() };
    assert!(matches!(lines(&query, &request, &late, &source), Err(LogqlError::Eval(EvalError::Deadline))));
}

proptest! {
    #[test]
    fn counts_are_what_a_plain_count_gives(
        lines in prop::collection::vec((0usize..3, -600i64..200, 0u8..4), 0..60),
        range in 1i64..400, offset in -100i64..100, word in 0u8..4,
    ) {
        let names = ["a", "b", "c"];
        let bodies: Vec<String> = lines.iter().map(|(_, _, n)| format!("n={n} word{n}")).collect();
        let mut source = Memory::default();
        for (number, name) in names.iter().enumerate() {
            let of = lines.iter().zip(&bodies).filter(|((stream, ..), _)| *stream == number);
            let records: Vec<Record> = of.map(|((_, at, n), body)| Record { severity: Severity(*n * 5), ..record(T0 + at * S, body) }).collect();
            source.0.push(StreamLines { labels: Labels::of(vec![("app", name)]), records });
        }
        let query = format!("sum by (app, n) (count_over_time({{app=~\"a|b\"}} |= \"word{word}\" | logfmt n [{range}s] offset {offset}s))");
        let mut wanted: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
        for step in 0..4i64 {
            let end = step * 60 - offset;
            for (stream, at, n) in &lines {
                if *stream < 2 && *n == word && *at > end - range && *at <= end {
                    let row = wanted.entry(format!("{{app=\"{}\", n=\"{n}\"}}", names[*stream])).or_insert_with(|| vec![None; 4]);
                    *row[step as usize].get_or_insert(0.0) += 1.0;
                }
            }
        }
        prop_assert_eq!(metric_of(&source, &query, 180).unwrap().into_iter().collect::<BTreeMap<_, _>>(), wanted);
    }
}
