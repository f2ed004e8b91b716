//! Queries over a handful of traces.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::logs::logql::Bounds;
use crate::traces::span::{Attributes, Event, FullSpan, Kind, Link, Span, Status};

mod fuzz;
pub(crate) use fuzz::{CORPUS, is_answered_or_refused};

/// Spans in memory.
pub(crate) struct Memory(pub(crate) Vec<FullSpan>);

impl Source for Memory {
    fn scan(&self, scan: &Scan, each: &mut dyn FnMut(&FullSpan) -> ControlFlow<()>) -> Result<(), TraceqlError> {
        let mut spans: Vec<&FullSpan> = self.0.iter().filter(|span| (scan.start..scan.end).contains(&span.span.start)).collect();
        spans.sort_by_key(|span| std::cmp::Reverse(span.span.start));
        for span in spans {
            if scan.services.as_ref().is_none_or(|services| services.iter().any(|service| **service == *span.service))
                && each(span).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    fn trace(&self, id: [u8; 16]) -> Result<(Vec<FullSpan>, bool), TraceqlError> {
        Ok((self.0.iter().filter(|span| span.span.trace == id).cloned().collect(), false))
    }
}

pub(crate) fn bounds() -> Bounds {
    Bounds { max_bytes: 1 << 20, max_series: 10, deadline: Instant::now() + Duration::from_secs(30), cancelled: Arc::default() }
}

const MS: i64 = 1_000_000;

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    let mut attributes: Attributes = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    attributes.sort();
    attributes
}

/// A span: trace, id, parent, service, name, start and length in milliseconds.
fn span(trace: u8, id: u8, parent: u8, (service, name): (&str, &str), start: i64, took: i64) -> FullSpan {
    let id_of = |id: u8| if id == 0 { [0; 8] } else { [0, 0, 0, 0, 0, 0, 0, id] };
    FullSpan {
        service: service.into(),
        resource: Arc::new(attributes(&[("service.name", service), ("region", "eu"), ("shared", "resource")])),
        scope: Arc::new(("lib".to_owned(), String::new())),
        span: Span {
            trace: [trace; 16],
            span: id_of(id),
            parent: id_of(parent),
            name: name.to_owned(),
            start: start * MS,
            end: (start + took) * MS,
            ..Span::default()
        },
    }
}

/// Three traces: a request with a database call that fails, one that goes well, and one whose root is missing.
pub(crate) fn traces() -> Memory {
    let mut root = span(1, 1, 0, ("web", "GET /a"), 1_000, 500);
    root.span.kind = Kind::Server;
    root.span.attributes = attributes(&[("http.status_code", "500"), ("flag", "true"), ("shared", "span"), ("a b", "x"), ("took", "1.5s")]);
    let mut query = span(1, 2, 1, ("db", "SELECT"), 1_100, 200);
    query.span.kind = Kind::Client;
    query.span.status = Status::Error;
    query.span.message = "timeout".to_owned();
    query.span.attributes = attributes(&[("db.system", "postgresql"), ("rows", "7")]);
    query.span.events =
        vec![Event { time: 1_150 * MS, name: "exception".to_owned(), attributes: attributes(&[("exception.type", "Timeout")]) }];
    let other = span(1, 3, 1, ("db", "COMMIT"), 1_350, 50);
    let deep = span(1, 4, 2, ("db", "fsync"), 1_200, 10);
    let mut fine = span(2, 1, 0, ("web", "GET /b"), 2_000, 100);
    fine.span.kind = Kind::Server;
    fine.span.status = Status::Ok;
    fine.span.attributes = attributes(&[("http.status_code", "200"), ("flag", "false"), ("version", "1.10")]);
    fine.span.links = vec![Link { trace: [1; 16], span: [0, 0, 0, 0, 0, 0, 0, 1], attributes: attributes(&[("why", "retry")]) }];
    let orphan = span(3, 9, 8, ("cron", "tick"), 3_000, 5);
    Memory(vec![root, query, other, deep, fine, orphan])
}

pub(crate) fn ask(source: &Memory, query: &str, start: i64, end: i64, limit: usize) -> Result<SearchAnswer, TraceqlError> {
    let query = Query::parse(query)?;
    search(&query, &SearchRequest { start: start * MS, end: end * MS, limit, spans: 100 }, &bounds(), source)
}

/// What matches, the newest trace first: the number of each trace, and those of its spans.
fn found(query: &str) -> String {
    match ask(&traces(), query, 0, 10_000, 100) {
        Ok(answer) => {
            let trace = |found: &Found| {
                assert_eq!(found.matched, found.first.len());
                let spans: Vec<String> = found.first.iter().map(|span| span.span[7].to_string()).collect();
                format!("{}:{}", found.trace[0], spans.join(","))
            };
            answer.traces.iter().map(trace).collect::<Vec<_>>().join(" ")
        }
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn filters_find_spans() {
    for (query, wanted) in [
        ("{}", "3:9 2:1 1:1,2,4,3"),
        ("{ }", "3:9 2:1 1:1,2,4,3"),
        ("{ true }", "3:9 2:1 1:1,2,4,3"),
        ("{ false }", ""),
        (r#"{ resource.service.name = "db" }"#, "1:2,4,3"),
        (r#"{ .service.name =~ "web|cron" }"#, "3:9 2:1 1:1"),
        (r#"{resource.service.name="web"&&name=~"GET /.*"}"#, "2:1 1:1"),
        (r#"{ name =~ "GET" }"#, ""),
        (r#"{ name !~ "GET.*" }"#, "3:9 1:2,4,3"),
        ("{ name = `SELECT` }", "1:2"),
        ("{ span.http.status_code >= 500 }", "1:1"),
        ("{ span.http.status_code = 200 }", "2:1"),
        (r#"{ span.http.status_code = "200" }"#, "2:1"),
        (r#"{ span.http.status_code >= "200" }"#, "2:1 1:1"),
        ("{ span.http.status_code != 200 }", "1:1"),
        ("{ 500 <= .http.status_code }", "1:1"),
        ("{ resource.http.status_code = 200 }", ""),
        ("{ .http.status_code = nil }", "3:9 1:2,4,3"),
        ("{ nil != .http.status_code }", "2:1 1:1"),
        ("{ span.rows > 6.5 && span.rows < 7.5 }", "1:2"),
        (r#"{ span.version = "1.10" }"#, "2:1"),
        ("{ span.version = 1.1 }", "2:1"),
        ("{ .flag }", "1:1"),
        ("{ .flag = false }", "2:1"),
        ("{ !(.flag = false) && kind = server }", "1:1"),
        ("{ span.took > 1s }", "1:1"),
        (r#"{ .shared = "span" }"#, "1:1"),
        (r#"{ resource.shared = "resource" && .flag }"#, "1:1"),
        (r#"{ span."a b" = "x" }"#, "1:1"),
        (r#"{ ."a b" != nil }"#, "1:1"),
        ("{ duration > 150ms }", "1:1,2"),
        ("{ span:duration = 5ms }", "3:9"),
        ("{ status = error }", "1:2"),
        ("{ status != error && kind != server }", "3:9 1:4,3"),
        (r#"{ statusMessage = "timeout" }"#, "1:2"),
        ("{ kind = client }", "1:2"),
        (r#"{ event:name = "exception" }"#, "1:2"),
        (r#"{ event.exception.type =~ "Time.*" }"#, "1:2"),
        (r#"{ event.exception.type != "Timeout" }"#, ""),
        ("{ event:timeSinceStart < 100ms }", "1:2"),
        (r#"{ link.why = "retry" }"#, "2:1"),
        (r#"{ link:traceID = "01010101010101010101010101010101" && link:spanID = "1" }"#, "2:1"),
        ("{ traceDuration >= 500ms }", "1:1,2,4,3"),
        ("{ trace:duration < 50ms }", "3:9"),
        (r#"{ rootName = "GET /a" && name != "GET /a" }"#, "1:2,4,3"),
        (r#"{ rootServiceName =~ "w.." && duration < 20ms }"#, "1:4"),
        ("{ rootName = nil }", "3:9"),
        (r#"{ trace:id = "1010101010101010101010101010101" }"#, "1:1,2,4,3"),
        (r#"{ span:id = "0000000000000009" || span:id = "4" }"#, "3:9 1:4"),
        (r#"{ span:parentID = "2" }"#, "1:4"),
        ("{ span:childCount > 1 }", "1:1"),
        ("{ nestedSetParent < 0 && true }", "2:1 1:1"),
        ("{ nestedSetParent >= 0 }", "3:9 1:2,4,3"),
        (r#"{ instrumentation:name = "lib" && instrumentation:version = nil && status = ok }"#, "2:1"),
        // From left to right, as in Tempo.
        (r#"{ status = ok || status = error && name = "SELECT" }"#, "1:2"),
        (r#"{ status = ok || (status = error && name = "SELECT") }"#, "2:1 1:2"),
        ("{ span.rows = span.rows }", "1:2"),
        (r#"{ "db" = resource.service.name } | select(name, .rows)"#, "1:2,4,3"),
        ("{ status = ok } with (most_recent=true)", "2:1"),
    ] {
        assert_eq!(found(query), wanted, "{query}");
    }
}

#[test]
fn spansets_are_combined_within_a_trace() {
    for (query, wanted) in [
        (r#"{ resource.service.name = "web" } && { status = error }"#, "1:1,2"),
        ("{ status = ok } && { status = error }", ""),
        ("{ status = ok } || { status = error }", "2:1 1:2"),
        (r#"{ name = "GET /a" } > { resource.service.name = "db" }"#, "1:2,3"),
        (r#"{ name = "GET /a" } >> { resource.service.name = "db" }"#, "1:2,4,3"),
        (r#"{ name = "fsync" } < { }"#, "1:2"),
        (r#"{ name = "fsync" } << { }"#, "1:1,2"),
        (r#"{ name = "SELECT" } ~ { }"#, "1:3"),
        ("{ } !< { }", "3:9 2:1 1:4,3"),
        (r#"{ name = "SELECT" } !>> { resource.service.name = "db" }"#, "1:2,3"),
        (r#"{ name = "GET /a" } &> { status = error }"#, "1:1,2"),
        (r#"{ name = "SELECT" } &~ { name = "COMMIT" }"#, "1:2,3"),
        (r#"{ name = "GET /a" } !> { }"#, "3:9 2:1 1:1,4"),
        (r#"({ status = ok } || { status = error }) && { resource.service.name = "web" }"#, "2:1 1:1,2"),
        (r#"{ status = error } || { name = "GET /a" } > { name = "COMMIT" }"#, "1:2,3"),
        ("{ } | count() > 2", "1:1,2,4,3"),
        ("{ } | count() = 1", "3:9 2:1"),
        (r#"{ resource.service.name = "db" } | avg(duration) > 80ms"#, "1:2,4,3"),
        (r#"{ resource.service.name = "db" } | avg(duration) > 90ms"#, ""),
        ("{ } | max(duration) >= 500ms", "1:1,2,4,3"),
        ("{ } | min(span.rows) = 7 | { kind = client }", "1:2"),
        ("{ } | sum(.http.status_code) < 300", "2:1"),
        (r#"{ } | { resource.service.name = "db" } | count() = 3"#, "1:2,4,3"),
    ] {
        assert_eq!(found(query), wanted, "{query}");
    }
}

#[test]
fn what_is_not_there_is_refused_by_name_and_place() {
    for (query, wanted) in [
        ("", "the query ends"),
        ("{", "1:2"),
        ("{ status = }", "1:12"),
        ("{ status = \"error\" }", "`status` is compared with error, ok or unset"),
        ("{ status > error }", "compared with = and !="),
        ("{ span.a = error }", "`a` is compared with a text in quotes"),
        ("{ name = 5 }", "`name` is compared with a text in quotes"),
        ("{ name }", "a comparison such as"),
        ("{ duration = \"1s\" }", "a length of time"),
        ("{ span.a + 1 = 2 }", "arithmetic is not supported"),
        ("{ span.a = 1 + 1 }", "arithmetic is not supported"),
        ("{ span.a == 1 }", "one `=`"),
        ("{ span.a =~ 5 }", "a regular expression in quotes"),
        ("{ span.a =~ \"(\" }", "missing closing"),
        ("{ span.a > nil }", "nil is compared"),
        ("{ parent.a = 1 }", "`parent.` is not supported"),
        ("{ instrumentation.a = 1 }", "`instrumentation.` is not supported"),
        ("{ nonsense = 1 }", "there is no field `nonsense`"),
        ("{ span:nonsense = 1 }", "there is no field `span:nonsense`"),
        ("{ nestedSetLeft = 1 }", "there is no field `nestedSetLeft`"),
        ("{ nestedSetParent = 5 }", "whether a span is a root"),
        ("{ span. = 1 }", "the name of an attribute"),
        ("{ span.\"a = 1 }", "is not closed"),
        ("{ 1 = 1 }", "one side of a comparison must be a field"),
        ("{ .a = 5x }", "neither a number nor a length of time"),
        ("{ } | rate()", "rate() makes metrics of spans"),
        ("{ } | quantile_over_time(duration, .9)", "quantile_over_time() makes metrics"),
        ("{ } | by(resource.service.name)", "by() is not supported"),
        ("{ } | coalesce()", "coalesce() is not supported"),
        ("{ } | count()", "a comparison such as > 2"),
        ("{ } | avg(name) > 1", "no number to calculate with"),
        ("({ } | count() > 1) >> { }", "stages within parentheses"),
        ("{ } { }", "an operator such as"),
        ("{ } with (sample=0.1)", "the only hint"),
        ("{ name = \"a\" }\n&& { name = }", "2:13"),
    ] {
        let error = found(query);
        assert!(error.starts_with("error: ") && error.contains(wanted), "{query}: {error}");
    }
}

#[test]
fn queries_are_bounded() {
    let many = |part: &str, times: usize, join: &str| vec![part; times].join(join);
    for (query, wanted) in [
        (format!("{{ {} }}", many(".a = 1", 300, " && ")), "at most 256 conditions"),
        (many("{ }", 40, " && "), "at most 32 filters"),
        (format!("{{ {}.a = 1{} }}", "(".repeat(40), ")".repeat(40)), "nest deeper than 32"),
        (format!("{{ {}.a }}", "!".repeat(40)), "nest deeper than 32"),
        (format!("{}{{ }}{}", "(".repeat(40), ")".repeat(40)), "nest deeper than 32"),
        (format!("{{ }}{}", " | count() > 0".repeat(40)), "at most 32 stages"),
        (format!("{{ .a = \"{}\" }}", "x".repeat(70_000)), "bytes; at most"),
    ] {
        assert!(found(&query).contains(wanted), "{wanted}: {}", found(&query));
    }
}

#[test]
fn a_search_reads_spans_begun_in_its_range_and_counts_whole_traces() {
    let source = traces();
    // Of the first trace only the last two spans began here; its summary is of all.
    let answer = ask(&source, "{ }", 1_150, 2_000, 100).unwrap();
    let [trace] = answer.traces.as_slice() else { panic!("{answer:?}") };
    assert_eq!((trace.trace[0], trace.spans, trace.errors, trace.matched, trace.nanos), (1, 4, 1, 4, 500 * MS));
    assert_eq!((trace.root, trace.service.as_ref(), trace.name.as_str(), trace.start), (true, "web", "GET /a", 1_000 * MS));
    let services: Vec<_> = trace.services.iter().map(|count| (count.service.as_ref(), count.spans, count.errors)).collect();
    assert_eq!(services, [("db", 3, 1), ("web", 1, 0)]);
    assert!(ask(&source, "{ status = error }", 1_150, 2_000, 100).unwrap().traces.is_empty());
    // No root: named after the first span.
    let answer = ask(&source, "{ }", 2_500, 4_000, 100).unwrap();
    assert_eq!((answer.traces[0].root, answer.traces[0].name.as_str()), (false, "tick"));
    // A limit tells that there are more.
    let answer = ask(&source, "{ }", 0, 4_000, 2).unwrap();
    assert_eq!((answer.traces.len(), answer.more), (2, true));
    assert!(!ask(&source, "{ }", 0, 4_000, 3).unwrap().more);
    // A query says what answers say of spans.
    let answer = ask(&source, "{ status = error && .rows > 1 } | select(resource.region, kind)", 0, 4_000, 3).unwrap();
    let said: Vec<(&str, &str)> = answer.traces[0].first[0].attributes.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(said, [("region", "eu"), ("kind", "client"), ("status", "error"), ("rows", "7")]);
}

#[test]
fn only_spans_of_the_services_that_a_query_asks_for_are_read() {
    for (query, read) in [
        (r#"{ resource.service.name = "cron" }"#, 1),
        (r#"{ resource.service.name = "cron" && status = ok || resource.service.name = "no" }"#, 1),
        (r#"{ resource.service.name =~ "cron|no" } && { .a = 1 }"#, 1),
        (r#"{ resource.service.name = "cron" } !> { name = "no" }"#, 6),
        (r#"{ .service.name = "no" }"#, 6),
        (r#"{ resource.service.name = "a" && resource.service.name = "b" }"#, 0),
    ] {
        let parsed = Query::parse(query).unwrap();
        let source = traces();
        let counted = Counted(source, std::cell::Cell::new(0));
        search(&parsed, &SearchRequest { start: 0, end: i64::MAX, limit: 9, spans: 3 }, &bounds(), &counted).unwrap();
        assert_eq!(counted.1.get(), read, "{query}");
    }
}

struct Counted(Memory, std::cell::Cell<usize>);

impl Source for Counted {
    fn scan(&self, scan: &Scan, each: &mut dyn FnMut(&FullSpan) -> ControlFlow<()>) -> Result<(), TraceqlError> {
        self.0.scan(scan, &mut |span| {
            self.1.set(self.1.get() + 1);
            each(span)
        })
    }

    fn trace(&self, id: [u8; 16]) -> Result<(Vec<FullSpan>, bool), TraceqlError> {
        self.0.trace(id)
    }
}

#[test]
fn names_and_values_come_from_spans() {
    let source = traces();
    let filter = Query::parse(r#"{ resource.service.name = "db" }"#).unwrap();
    let all = NamesRequest { start: 0, end: i64::MAX, filter: None, limit: 100 };
    let of_db = NamesRequest { filter: filter.only_filter(), ..all };
    let all_names = names(&all, &bounds(), &source).unwrap();
    assert_eq!(all_names.resource.iter().map(String::as_str).collect::<Vec<_>>(), ["region", "service.name", "shared"]);
    assert!(all_names.span.contains("http.status_code") && all_names.event.contains("exception.type") && all_names.link.contains("why"));
    let names_of_db = names(&of_db, &bounds(), &source).unwrap();
    assert_eq!(names_of_db.span.iter().map(String::as_str).collect::<Vec<_>>(), ["db.system", "rows"]);
    for (name, request, wanted) in [
        ("resource.service.name", all, "cron,db,web"),
        ("resource.service.name", of_db, "db"),
        (".http.status_code", all, "200,500"),
        ("name", of_db, "COMMIT,SELECT,fsync"),
        ("rootName", all, "GET /a,GET /b"),
        ("rootServiceName", all, "web"),
        ("event:name", all, "exception"),
        ("span.\"a b\"", all, "x"),
        ("name", NamesRequest { limit: 2, ..all }, "GET /b,tick"),
    ] {
        let found = values(&field(name).unwrap(), &request, &bounds(), &source).unwrap().0;
        assert_eq!(found.into_iter().collect::<Vec<_>>().join(","), wanted, "{name}");
    }
    let (services, read) = span_names(&all, &bounds(), &source).unwrap();
    assert_eq!((services["db"].len(), services["web"].len(), read), (3, 2, 6));
    assert!(field("span.a = 1").is_err() && field("").is_err() && field("nonsense").is_err());
}

/// A ring of spans that are part of each other, and a chain as long as spans come.
#[test]
fn odd_traces_are_searched() {
    let mut spans: Vec<FullSpan> = (1..=3).map(|at| span(1, at, at % 3 + 1, ("ring", "r"), i64::from(at), 1)).collect();
    spans.push(span(1, 7, 7, ("ring", "itself"), 9, 1));
    spans.extend((0..20_000u32).map(|at| {
        let mut link = span(2, 0, 0, ("chain", "c"), 100 + i64::from(at), -5);
        link.span.span = (u64::from(at) + 1).to_be_bytes();
        link.span.parent = u64::from(at).to_be_bytes();
        link
    }));
    let source = Memory(spans);
    for (query, matched) in [
        ("{ resource.service.name = \"ring\" } >> { }", 3),
        ("{ name = \"itself\" } >> { }", 0),
        ("{ name = \"itself\" } !>> { }", 20_004),
        ("{ resource.service.name = \"ring\" } << { }", 3),
        ("{ nestedSetParent < 0 } >> { }", 19_999),
        ("{ span:childCount = 0 && resource.service.name = \"chain\" } << { }", 19_999),
        ("{ resource.service.name = \"chain\" && duration = 0s } ~ { }", 0),
    ] {
        let answer = ask(&source, query, 0, 100_000, 10).unwrap();
        assert_eq!(answer.traces.iter().map(|trace| trace.matched).sum::<usize>(), matched, "{query}");
    }
}

#[test]
fn searches_end_at_their_bounds() {
    let source = traces();
    let query = Query::parse("{ }").unwrap();
    let request = SearchRequest { start: 0, end: i64::MAX, limit: 10, spans: 3 };
    let late = Bounds { deadline: Instant::now(), ..bounds() };
    assert!(search(&query, &request, &late, &source).unwrap_err().to_string().contains("longer than its time limit"));
    let small = Bounds { max_bytes: 100, ..bounds() };
    assert!(search(&query, &request, &small, &source).unwrap_err().to_string().contains("memory"));
}
