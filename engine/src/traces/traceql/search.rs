//! Searches traces: reads spans that began in a range, the newest first, and each trace that may match whole.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::MAX_TRACES_READ;
use super::condition::{Filter, Literal, meets};
use super::field::{Field, Value};
use super::parse::{Figure, Query, Stage};
use super::source::{Scan, Source, TraceqlError};
use super::spansets::Set;
use super::trace::TraceView;
use crate::logs::logql::Bounds;
use crate::logs::record::TimeNs;
use crate::model::Comparison;
use crate::promql::EvalError;
use crate::traces::span::{FullSpan, Kind, Status};

/// Spans after which time and client are asked for again.
pub(super) const CHECK_EVERY: u64 = 1_024;

/// What is searched.
#[derive(Debug, Clone, Copy)]
pub struct SearchRequest {
    /// The first start of a span that is read.
    pub start: TimeNs,
    /// The start after the last one.
    pub end: TimeNs,
    /// Traces at the most.
    pub limit: usize,
    /// Matched spans of each trace that the answer has.
    pub spans: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub struct SearchAnswer {
    /// By their newest span that matched in the range, the newest first.
    pub traces: Vec<Found>,
    /// Whether there are more than the limit.
    pub more: bool,
    /// Spans that were read for it.
    pub spans_read: u64,
}

/// A trace that was found.
#[derive(Debug)]
pub struct Found {
    /// Its id.
    pub trace: [u8; 16],
    /// Whether its root span is there.
    pub root: bool,
    /// The service of the root span; of the first span, where there is no root.
    pub service: Arc<str>,
    /// The name of that span.
    pub name: String,
    /// When its first span began.
    pub start: TimeNs,
    /// From then to its last end, in nanoseconds.
    pub nanos: i64,
    /// How many spans it has, as far as they were read.
    pub spans: usize,
    /// Whether it has more.
    pub more_spans: bool,
    /// How many of them ended with an error.
    pub errors: usize,
    /// Its services, that with most spans first.
    pub services: Vec<ServiceCount>,
    /// How many spans the query left.
    pub matched: usize,
    /// The first of them.
    pub first: Vec<Matched>,
}

/// What a service has of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCount {
    /// The service.
    pub service: Arc<str>,
    /// Its spans.
    pub spans: usize,
    /// Those that ended with an error.
    pub errors: usize,
}

/// A span that a query left.
#[derive(Debug)]
pub struct Matched {
    /// Its id.
    pub span: [u8; 8],
    /// The service.
    pub service: Arc<str>,
    /// What is done.
    pub name: String,
    /// What part of a call it is.
    pub kind: Kind,
    /// When it began.
    pub start: TimeNs,
    /// How long it took, in nanoseconds.
    pub nanos: i64,
    /// How it ended.
    pub status: Status,
    /// What the query asks for, without what is above.
    pub attributes: Vec<(String, String)>,
}

/// Searches.
///
/// # Errors
/// [`TraceqlError`]
pub fn search(query: &Query, request: &SearchRequest, bounds: &Bounds, source: &dyn Source) -> Result<SearchAnswer, TraceqlError> {
    let mut search = Search::new(query, request);
    let mut failed = None;
    source.scan(&search.scan(), &mut |span| {
        search.span(span, bounds, source).unwrap_or_else(|error| {
            failed = Some(error);
            ControlFlow::Break(())
        })
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(search.answer),
    }
}

struct Search<'q> {
    query: &'q Query,
    request: SearchRequest,
    drivers: Vec<&'q Filter>,
    /// Traces that are decided.
    decided: FxHashSet<[u8; 16]>,
    bytes: usize,
    answer: SearchAnswer,
}

impl<'q> Search<'q> {
    fn new(query: &'q Query, request: &SearchRequest) -> Self {
        let drivers = query.spansets.drivers();
        Self { query, request: *request, drivers, decided: FxHashSet::default(), bytes: 0, answer: SearchAnswer::default() }
    }

    fn scan(&self) -> Scan {
        let services = self.drivers.iter().map(|filter| filter.services()).try_fold(Vec::new(), |mut all, services| {
            all.extend(services?);
            Some(all)
        });
        Scan { start: self.request.start, end: self.request.end, services }
    }

    fn span(&mut self, span: &FullSpan, bounds: &Bounds, source: &dyn Source) -> Result<ControlFlow<()>, TraceqlError> {
        self.answer.spans_read += 1;
        if self.answer.spans_read.is_multiple_of(CHECK_EVERY) {
            bounds.check()?;
        }
        let trace = span.span.trace;
        if !self.drivers.iter().any(|filter| filter.may_hold(span)) || self.decided.contains(&trace) {
            return Ok(ControlFlow::Continue(()));
        }
        if self.decided.len() >= MAX_TRACES_READ {
            let text =
                format!("the query would read more than {MAX_TRACES_READ} traces whole; ask for less time, or for more in one filter");
            return Err(EvalError::Execution(text).into());
        }
        self.decided.insert(trace);
        bounds.check()?;
        let (spans, more_spans) = source.trace(trace)?;
        self.answer.spans_read += spans.len() as u64;
        let Some(found) = TraceView::new(spans).and_then(|trace| self.found(&trace, more_spans)) else {
            return Ok(ControlFlow::Continue(()));
        };
        if self.answer.traces.len() >= self.request.limit {
            self.answer.more = true;
            return Ok(ControlFlow::Break(()));
        }
        self.bytes += found.bytes();
        if self.bytes > bounds.max_bytes {
            return Err(EvalError::TooMuchMemory(bounds.max_bytes).into());
        }
        self.answer.traces.push(found);
        Ok(ControlFlow::Continue(()))
    }

    /// What is said of a trace, where the query matches it.
    fn found(&self, trace: &TraceView, more_spans: bool) -> Option<Found> {
        let range = self.request.start..self.request.end;
        let met = |at: usize, span: &FullSpan| self.drivers.iter().any(|filter| filter.holds(span, Some((trace, at))) == Some(true));
        if !trace.spans.iter().enumerate().any(|(at, span)| range.contains(&span.span.start) && met(at, span)) {
            return None;
        }
        let left = self.query.left(trace)?;
        let of_left = || left.iter().enumerate().filter(|(_, left)| **left).map(|(at, _)| at);
        let head = trace.root().or_else(|| trace.spans.first())?;
        Some(Found {
            trace: head.span.trace,
            root: trace.root().is_some(),
            service: Arc::clone(&head.service),
            name: head.span.name.clone(),
            start: trace.start(),
            nanos: trace.nanos(),
            spans: trace.spans.len(),
            more_spans,
            errors: trace.spans.iter().filter(|span| span.span.status == Status::Error).count(),
            services: services(trace),
            matched: of_left().count(),
            first: of_left().take(self.request.spans).map(|at| self.query.matched(trace, at)).collect(),
        })
    }
}

fn services(trace: &TraceView) -> Vec<ServiceCount> {
    let mut counts: BTreeMap<&Arc<str>, (usize, usize)> = BTreeMap::new();
    for span in &trace.spans {
        let count = counts.entry(&span.service).or_default();
        count.0 += 1;
        count.1 += usize::from(span.span.status == Status::Error);
    }
    let count = |(service, (spans, errors)): (&Arc<str>, (usize, usize))| ServiceCount { service: Arc::clone(service), spans, errors };
    let mut services: Vec<ServiceCount> = counts.into_iter().map(count).collect();
    services.sort_by_key(|count| std::cmp::Reverse(count.spans));
    services
}

impl Found {
    fn bytes(&self) -> usize {
        let texts = |span: &Matched| span.attributes.iter().map(|(name, value)| 64 + name.len() + value.len()).sum::<usize>();
        let first: usize = self.first.iter().map(|span| size_of::<Matched>() + span.name.len() + texts(span)).sum();
        size_of::<Self>() + self.name.len() + self.services.len() * size_of::<ServiceCount>() + first
    }
}

impl Query {
    /// The spans of a trace that the query leaves; none where it does not match.
    fn left(&self, trace: &TraceView) -> Option<Set> {
        let mut left = self.spansets.of(trace, &vec![true; trace.spans.len()]);
        for stage in &self.stages {
            match stage {
                Stage::Select => {}
                Stage::Spans(spansets) => left = spansets.of(trace, &left),
                Stage::Figure { figure, field, op, value } => {
                    if left.contains(&true) && !figure_holds(trace, &left, (*figure, field.as_ref()), *op, value) {
                        return None;
                    }
                }
            }
        }
        left.contains(&true).then_some(left)
    }

    fn matched(&self, trace: &TraceView, at: usize) -> Matched {
        let of = &trace.spans[at];
        let attributes = self.fields.iter().filter(|field| field.is_told()).filter_map(|field| {
            let value = field.value(of, Some((trace, at)))?;
            Some((field.name().to_owned(), value.text().into_owned()))
        });
        Matched {
            span: of.span.span,
            service: Arc::clone(&of.service),
            name: of.span.name.clone(),
            kind: of.span.kind,
            start: of.span.start,
            nanos: of.span.nanos(),
            status: of.span.status,
            attributes: attributes.collect(),
        }
    }
}

fn figure_holds(trace: &TraceView, left: &Set, (figure, field): (Figure, Option<&Field>), op: Comparison, value: &Literal) -> bool {
    let spans = || left.iter().enumerate().filter(|(_, left)| **left).map(|(at, _)| at);
    let wanted = match value {
        Literal::Number(v, _) => *v,
        Literal::Nanos(nanos) => *nanos as f64,
        _ => return false,
    };
    let Some(field) = field else { return (spans().count() as f64).partial_cmp(&wanted).is_some_and(|order| meets(op, order)) };
    let is_time = matches!(value, Literal::Nanos(_));
    let values = spans().filter_map(|at| number(&field.value(&trace.spans[at], Some((trace, at)))?, is_time));
    let (mut count, mut sum, mut least, mut most) = (0u64, 0.0, f64::INFINITY, f64::NEG_INFINITY);
    for v in values {
        count += 1;
        sum += v;
        least = least.min(v);
        most = most.max(v);
    }
    let made = match figure {
        _ if count == 0 => return false,
        Figure::Count => count as f64,
        Figure::Sum => sum,
        Figure::Avg => sum / count as f64,
        Figure::Min => least,
        Figure::Max => most,
    };
    made.partial_cmp(&wanted).is_some_and(|order| meets(op, order))
}

/// A value to calculate with: nanoseconds where it is compared with a length of time.
fn number(value: &Value<'_>, is_time: bool) -> Option<f64> {
    match value {
        Value::Text(text) if is_time => super::condition::nanos_of(text),
        Value::Text(text) => crate::logs::units::number(text).filter(|v| !v.is_nan()),
        Value::Nanos(n) | Value::Count(n) => Some(*n as f64),
        Value::Status(_) | Value::Kind(_) => None,
    }
}
