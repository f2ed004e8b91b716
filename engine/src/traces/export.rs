//! Spans as OTLP JSON lines, the first start first: each line of text is an `ExportTraceServiceRequest`, as the file exporter of the
//! OpenTelemetry Collector writes them and its file receiver reads them.
//!
//! History of any length goes out in little memory, in pieces. What is written comes back as it was ([`super::otlp`]).

use std::ops::ControlFlow;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::span::{Attributes, FullSpan, Status};
use super::traceql::{Filter, Query};
use crate::logs::record::{SourceError, TimeNs};
use crate::model::hex;
use crate::span_store::TraceReader;

/// Bytes of spans after which a piece ends, once all spans of that start are in it.
const PIECE_BYTES: usize = 2 << 20;
/// Spans of one line of text at the most, and their bytes.
const GROUP_SPANS: usize = 1_000;
const GROUP_BYTES: usize = 1 << 20;

/// How far an export has come.
#[derive(Debug)]
pub struct Export {
    query: Query,
    /// The first start of the next piece; none once all is out.
    next: Option<TimeNs>,
    end: TimeNs,
    piece_bytes: usize,
}

/// What spans of one line of text have in common.
type Common = (Arc<str>, Arc<Attributes>, Arc<(String, String)>);

impl Export {
    /// Of the spans that begin from `start` up to, and without, `end`. None where a span alone does not decide on the query.
    #[must_use]
    pub fn new(query: Query, start: TimeNs, end: TimeNs) -> Option<Self> {
        query.span_filter()?;
        Some(Self { query, next: (start < end).then_some(start), end, piece_bytes: PIECE_BYTES })
    }

    /// The next lines of text, which may be empty; none once all is out.
    ///
    /// # Errors
    /// [`SourceError`]
    pub fn next(&mut self, reader: &TraceReader) -> Result<Option<String>, SourceError> {
        let Some(start) = self.next else { return Ok(None) };
        let filter = self.query.span_filter();
        let services = filter.and_then(Filter::services);
        let is_wanted = |service: &str| services.as_ref().is_none_or(|services| services.contains(service));
        let mut groups: Vec<(Common, Vec<FullSpan>)> = Vec::new();
        let mut places: FxHashMap<Common, usize> = FxHashMap::default();
        let (mut total, mut last, mut more) = (0, start, None);
        reader.scan(start..self.end, Some(&is_wanted), false, None, |full| {
            // A piece ends between two starts: spans of one start have no order to go on from.
            if total >= self.piece_bytes && full.span.start > last {
                more = Some(full.span.start);
                return ControlFlow::Break(());
            }
            last = full.span.start;
            if filter.is_some_and(|filter| !filter.may_hold(&full)) {
                return ControlFlow::Continue(());
            }
            total += bytes(&full);
            let common = (Arc::clone(&full.service), Arc::clone(&full.resource), Arc::clone(&full.scope));
            let place = *places.entry(common.clone()).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, spans)) => spans.push(full),
                None => groups.push((common, vec![full])),
            }
            ControlFlow::Continue(())
        })?;
        self.next = more;
        let mut out = String::with_capacity(2 * total);
        for ((_, resource, scope), spans) in &groups {
            lines(spans).for_each(|spans| push_line(&mut out, resource, scope, spans));
        }
        Ok(Some(out))
    }
}

fn bytes(full: &FullSpan) -> usize {
    let of = |attributes: &Attributes| attributes.iter().map(|(name, value)| name.len() + value.len() + 64).sum::<usize>();
    let span = &full.span;
    let events: usize = span.events.iter().map(|event| event.name.len() + of(&event.attributes) + 64).sum();
    let links: usize = span.links.iter().map(|link| of(&link.attributes) + 128).sum();
    size_of::<FullSpan>() + span.name.len() + span.message.len() + of(&span.attributes) + events + links
}

/// Spans in groups that are no longer than a line of text should be.
fn lines(spans: &[FullSpan]) -> impl Iterator<Item = &[FullSpan]> {
    let mut rest = spans;
    std::iter::from_fn(move || {
        let mut total = 0;
        let fits = |full: &&FullSpan| {
            total += bytes(full);
            total <= GROUP_BYTES
        };
        let count = rest.iter().take(GROUP_SPANS).take_while(fits).count().max(1);
        let (group, after) = rest.split_at_checked(count)?;
        rest = after;
        Some(group)
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Attributed<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope<'a>,
    spans: Vec<SpanJson<'a>>,
}

#[derive(Serialize)]
struct Attributed<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct Scope<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: Text<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Text<'a> {
    string_value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    parent_span_id: String,
    name: &'a str,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes_count: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<EventJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<LinkJson<'a>>,
    status: StatusJson<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventJson<'a> {
    time_unix_nano: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkJson<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct StatusJson<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    code: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn attributes(attributes: &Attributes) -> Vec<Attribute<'_>> {
    attributes.iter().map(|(key, value)| Attribute { key, value: Text { string_value: value } }).collect()
}

fn written(full: &FullSpan) -> SpanJson<'_> {
    let span = &full.span;
    let events = span.events.iter().map(|event| EventJson {
        time_unix_nano: event.time.to_string(),
        name: &event.name,
        attributes: attributes(&event.attributes),
    });
    let links = span.links.iter().map(|link| LinkJson {
        trace_id: hex(&link.trace),
        span_id: hex(&link.span),
        attributes: attributes(&link.attributes),
    });
    let code = if span.status == Status::Unset { 0 } else { span.status.number().into() };
    SpanJson {
        trace_id: hex(&span.trace),
        span_id: hex(&span.span),
        parent_span_id: if span.is_root() { String::new() } else { hex(&span.parent) },
        name: &span.name,
        kind: span.kind.number(),
        start_time_unix_nano: span.start.to_string(),
        end_time_unix_nano: span.end.to_string(),
        attributes: attributes(&span.attributes),
        dropped_attributes_count: span.dropped.try_into().unwrap_or(u32::MAX),
        events: events.collect(),
        links: links.collect(),
        status: StatusJson { code, message: &span.message },
    }
}

/// Appends spans of one resource and scope to a text, as one line of it.
fn push_line(out: &mut String, resource: &Attributes, scope: &(String, String), spans: &[FullSpan]) {
    let scope = Scope { name: &scope.0, version: &scope.1 };
    let scope_spans = [ScopeSpans { scope, spans: spans.iter().map(written).collect() }];
    let request = Request { resource_spans: [ResourceSpans { resource: Attributed { attributes: attributes(resource) }, scope_spans }] };
    // Text and numbers alone cannot fail to be written.
    out.push_str(&serde_json::to_string(&request).unwrap_or_default());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::otlp::Encoding;
    use crate::store::{StoreOptions, StoreWriter};
    use crate::traces::otlp::take;
    use crate::traces::{Span, Spans};

    const NOW: i64 = 1_764_000_000_000;

    fn store() -> (tempfile::TempDir, StoreWriter) {
        let dir = tempfile::tempdir().unwrap();
        let writer = StoreWriter::open(dir.path(), StoreOptions::default(), NOW).unwrap();
        (dir, writer)
    }

    fn keep(writer: &StoreWriter, spans: &[Spans]) {
        let spans_writer = writer.span_writer();
        spans_writer.append(spans, NOW).unwrap();
        spans_writer.commit().unwrap();
    }

    /// The texts of an export, piece by piece.
    fn pieces(writer: &StoreWriter, query: &str, range: (TimeNs, TimeNs), piece_bytes: usize) -> Vec<String> {
        let mut export = Export::new(Query::parse(query).unwrap(), range.0, range.1).unwrap();
        export.piece_bytes = piece_bytes;
        std::iter::from_fn(|| export.next(&writer.traces()).unwrap()).collect()
    }

    fn read(text: &str) -> Vec<FullSpan> {
        let taken = text.lines().map(|line| take(Encoding::Json, line.as_bytes()).unwrap());
        taken.flat_map(|taken| taken.spans).flat_map(Spans::full).collect()
    }

    #[test]
    fn spans_come_back_as_they_were() {
        let mut wanted = crate::traces::traceql::tests::traces().0;
        let base = NOW * 1_000_000;
        for full in &mut wanted {
            (full.span.start, full.span.end, full.span.dropped) = (full.span.start + base, full.span.end + base, 7);
        }
        let odd = Span { trace: [9; 16], span: [9; 8], name: "\u{1b}[31m \"é\"\n".to_owned(), start: base, ..Span::default() };
        wanted.push(FullSpan { service: Arc::from("unknown_service"), span: odd, ..FullSpan::default() });
        let (_dir, writer) = store();
        for full in &wanted {
            let (service, resource) = (full.service.to_string(), (*full.resource).clone());
            keep(&writer, &[Spans { service, resource, scope: (*full.scope).clone(), spans: vec![full.span.clone()] }]);
        }
        let sorted = |mut spans: Vec<FullSpan>| {
            spans.sort_by_key(|full| (full.span.trace, full.span.span));
            spans
        };
        let all = pieces(&writer, "{}", (0, TimeNs::MAX), usize::MAX).concat();
        assert_eq!(sorted(read(&all)), sorted(wanted), "{all}");
    }

    #[test]
    fn each_span_goes_out_once_and_pieces_end_between_starts() {
        let (_dir, writer) = store();
        let base = NOW * 1_000_000;
        let span = |n: u8, at: i64| Span { trace: [1; 16], span: [n; 8], start: base + at, name: format!("n{n}"), ..Span::default() };
        let of = |service: &str, spans: Vec<Span>| Spans {
            service: service.to_owned(),
            resource: vec![("service.name".to_owned(), service.to_owned())],
            spans,
            ..Spans::default()
        };
        keep(&writer, &[of("web", vec![span(1, 0), span(2, 5), span(3, 5), span(4, 9)]), of("db", vec![span(5, 5), span(6, 7)])]);
        let ids = |pieces: &[String]| -> Vec<Vec<u8>> {
            let ids = pieces.iter().map(|text| read(text).iter().map(|full| full.span.span[0]).collect::<Vec<u8>>());
            ids.map(|mut ids| {
                ids.sort_unstable();
                ids
            })
            .collect()
        };
        let range = (base, base + 100);
        assert_eq!(ids(&pieces(&writer, "{}", range, usize::MAX)), [vec![1, 2, 3, 4, 5, 6]]);
        assert_eq!(ids(&pieces(&writer, "{}", range, 1)), [vec![1], vec![2, 3, 5], vec![6], vec![4]]);
        assert_eq!(ids(&pieces(&writer, "{ resource.service.name = \"db\" }", range, 1)), [vec![5], vec![6]]);
        assert_eq!(ids(&pieces(&writer, "{ name =~ \"n[36]\" }", (base, base + 7), 1)), [vec![3]], "an end is left out");
        assert_eq!(pieces(&writer, "{}", (base, base), 1).len(), 0);
    }

    #[test]
    fn only_what_a_span_decides_is_exported() {
        for query in ["{} >> {}", "{} | count() > 1", "{ rootName = \"a\" }", "{ name = \"a\" && span:childCount > 1 }"] {
            assert!(Export::new(Query::parse(query).unwrap(), 0, 1).is_none(), "{query}");
        }
    }
}
