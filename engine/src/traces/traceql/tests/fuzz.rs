//! What fuzzing of queries over traces starts from, and what it checks.

use super::{Memory, NamesRequest, Query, SearchRequest, bounds, field, names, search, traces, values};

/// What fuzzing starts from.
pub(crate) const CORPUS: [&str; 14] = [
    "{}",
    "{ resource.service.name = \"web\" && span.http.status_code >= 500 && name =~ \"GET.*\" && duration > 1.5s }",
    "{ (status = error || kind != server) && !(.a.\"b c\" != nil) || .flag && true }",
    "{ event.exception.type !~ \"T.*\" } >> { link:traceID = \"0101\" || nil = span:parentID }",
    "({ rootName = `a` } || { traceDuration < 1h30m }) &>> { span:childCount > 0 } !~ { nestedSetParent<0 }",
    "{ .a = -1.5e3 && .b <= 9223372036854775807 && .c != minInt } | count() > 2 | avg(duration) >= 1ms",
    "{ } | select(span.a, name, resource.b) | { name = \"x\\n\\u00e9\" } with (most_recent=true)",
    "{ } !>> { } !<< { } &<< { } &< { } &~ { } ~ { } < { } << { }",
    "{ } | max(.http.status_code) = 500 | min(span.rows) < 9 | sum(event:timeSinceStart) != 3",
    "{ span.a = span.b && duration > traceDuration }",
    "{ } | quantile_over_time(duration, .9) by (x)",
    "span.\"a\\\"b\\\\c\".d",
    "resource.service.name",
    "trace:rootService",
];

/// Any bytes as a query, as a field, and as a text within a query.
pub(crate) fn is_answered_or_refused(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let source: Memory = traces();
    let request = SearchRequest { start: 0, end: i64::MAX, limit: 10, spans: 3 };
    match Query::parse(&text) {
        Ok(query) => {
            let answer = search(&query, &request, &bounds(), &source);
            // What is found by a filter is found without one.
            assert!(answer.is_ok_and(|answer| answer.traces.len() <= 3), "{text}");
            let request = NamesRequest { start: 0, end: i64::MAX, filter: query.only_filter(), limit: 5 };
            assert!(names(&request, &bounds(), &source).is_ok());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(field) = field(&text) {
        let request = NamesRequest { start: 0, end: i64::MAX, filter: None, limit: 5 };
        assert!(values(&field, &request, &bounds(), &source).unwrap().0.len() <= 5);
    }
    let quoted = crate::model::go_quoted(&text);
    for query in [format!("{{ name = {quoted} }}"), format!("{{ .a =~ {quoted} }}"), format!("{{ span:id = {quoted} || .a < {quoted} }}")] {
        if let Ok(query) = Query::parse(&query) {
            assert!(search(&query, &request, &bounds(), &source).is_ok());
        }
    }
}

#[test]
fn what_fuzzing_starts_from_is_answered_or_refused() {
    CORPUS.iter().for_each(|text| is_answered_or_refused(text.as_bytes()));
}
