//! Figures of services from spans: requests, errors and durations (RED), and who calls whom.
//!
//! A **request** of a service is a span with which it begins to work for somebody: one of kind server or consumer, one without a parent, or
//! one whose parent is of another service. It has failed where its status is an error. A **call** from one service to another is such a
//! request whose parent is here and of the other service. What sends no spans itself, such as a database, is known from the client spans
//! without an answer that name it (`peer.service`, `db.system.name`, `messaging.system` …): its figures are what its clients saw.
//!
//! Every figure is counted, none is estimated: quantiles are of all requests that were given (nearest rank).

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::span::{FullSpan, Kind, Status};

/// Attributes of a client span that name what it calls, the first that is there.
const PEERS: [&str; 7] =
    ["peer.service", "db.system.name", "db.system", "messaging.system", "rpc.system", "server.address", "net.peer.name"];

/// Requests that were counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Requests {
    /// How many.
    pub count: u64,
    /// How many failed.
    pub errors: u64,
    /// How long each took, in nanoseconds, sorted; those that end before they begin are left out.
    durations: Vec<u64>,
}

impl Requests {
    fn add(&mut self, request: &Brief) {
        self.count += 1;
        self.errors += u64::from(request.failed);
        self.durations.extend(request.duration);
    }

    /// The duration in seconds that this share of the requests does not exceed; none without any.
    #[must_use]
    pub fn quantile_seconds(&self, share: f64) -> Option<f64> {
        let rank = (share * self.durations.len() as f64).ceil() as usize;
        self.durations.get(rank.max(1) - 1).map(|ns| *ns as f64 / 1e9)
    }
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Service {
    /// Its spans; none for what is known from its clients alone.
    pub spans: u64,
    /// Its requests.
    pub requests: Requests,
}

/// All that was counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// By name.
    pub services: BTreeMap<Arc<str>, Service>,
    /// Calls by the names of client and server.
    pub calls: BTreeMap<(Arc<str>, Arc<str>), Requests>,
}

type SpanKey = ([u8; 16], [u8; 8]);

/// What is kept of a span.
struct Brief {
    key: SpanKey,
    parent: Option<SpanKey>,
    service: Arc<str>,
    kind: Kind,
    failed: bool,
    duration: Option<u64>,
    /// What a client span calls, by its own word.
    peer: Option<Arc<str>>,
}

/// Collects spans, each given once.
#[derive(Default)]
pub struct Collector {
    spans: Vec<Brief>,
    names: FxHashSet<Arc<str>>,
}

impl Collector {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Adds a span.
    pub fn add(&mut self, full: &FullSpan) {
        let span = &full.span;
        let calls = matches!(span.kind, Kind::Client | Kind::Producer);
        let attribute = |name: &&str| span.attributes.iter().find(|(known, value)| known == *name && !value.is_empty());
        let peer = PEERS.iter().find_map(attribute).filter(|_| calls).map(|(_, value)| self.name(value));
        let brief = Brief {
            key: (span.trace, span.span),
            parent: (span.parent != [0; 8]).then_some((span.trace, span.parent)),
            service: self.name(&full.service),
            kind: span.kind,
            failed: span.status == Status::Error,
            duration: u64::try_from(span.end.saturating_sub(span.start)).ok(),
            peer,
        };
        self.spans.push(brief);
    }

    /// One text for each name.
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(name);
        self.names.insert(Arc::clone(&new));
        new
    }

    /// Counts.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let service_of: FxHashMap<SpanKey, &Arc<str>> = self.spans.iter().map(|span| (span.key, &span.service)).collect();
        let mut figures = Figures::default();
        // Client spans that another service answered.
        let mut answered = FxHashSet::default();
        for span in &self.spans {
            let caller = span.parent.and_then(|parent| service_of.get(&parent)).filter(|service| **service != &span.service);
            if let (Some(_), Some(parent)) = (caller, span.parent) {
                answered.insert(parent);
            }
            let service = figures.services.entry(Arc::clone(&span.service)).or_default();
            service.spans += 1;
            if span.parent.is_none() || caller.is_some() || matches!(span.kind, Kind::Server | Kind::Consumer) {
                service.requests.add(span);
            }
            if let Some(caller) = caller {
                figures.calls.entry((Arc::clone(caller), Arc::clone(&span.service))).or_default().add(span);
            }
        }
        let speaks: FxHashSet<Arc<str>> = figures.services.keys().cloned().collect();
        for span in self.spans.iter().filter(|span| !answered.contains(&span.key)) {
            let Some(peer) = span.peer.as_ref().filter(|peer| !speaks.contains(*peer)) else { continue };
            figures.services.entry(Arc::clone(peer)).or_default().requests.add(span);
            figures.calls.entry((Arc::clone(&span.service), Arc::clone(peer))).or_default().add(span);
        }
        let services = figures.services.values_mut().map(|service| &mut service.requests);
        services.chain(figures.calls.values_mut()).for_each(|requests| requests.durations.sort_unstable());
        figures
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::span::Span;
    use super::*;

    /// A span of trace 1 by its number; 0 as a parent is none.
    fn span(service: &str, id: u8, parent: u8, kind: Kind, ms: i64) -> FullSpan {
        let id_of = |id: u8| [0, 0, 0, 0, 0, 0, 0, id];
        let span = Span { trace: [1; 16], span: id_of(id), parent: id_of(parent), kind, end: ms * 1_000_000, ..Span::default() };
        FullSpan { service: Arc::from(service), span, ..FullSpan::default() }
    }

    fn failed(mut full: FullSpan) -> FullSpan {
        full.span.status = Status::Error;
        full
    }

    fn with(mut full: FullSpan, name: &str, value: &str) -> FullSpan {
        full.span.attributes.push((name.to_owned(), value.to_owned()));
        full
    }

    fn of(spans: &[FullSpan]) -> Figures {
        let mut collector = Collector::default();
        spans.iter().for_each(|span| collector.add(span));
        collector.figures()
    }

    fn counts(requests: &Requests) -> (u64, u64, Option<f64>) {
        (requests.count, requests.errors, requests.quantile_seconds(0.95))
    }

    #[test]
    fn a_request_through_three_services_is_a_request_of_each_and_a_call_between_them() {
        let figures = of(&[
            span("gateway", 1, 0, Kind::Server, 90),
            span("gateway", 2, 1, Kind::Client, 80),
            failed(span("cart", 3, 2, Kind::Server, 70)),
            span("cart", 4, 3, Kind::Internal, 60),
            with(span("cart", 5, 4, Kind::Client, 50), "db.system", "postgresql"),
            // A service that says of no span what kind it is.
            span("mailer", 6, 4, Kind::Unspecified, 40),
        ]);
        let services: Vec<_> = figures.services.iter().map(|(name, service)| (&**name, service.spans, counts(&service.requests))).collect();
        assert_eq!(
            services,
            [
                ("cart", 3, (1, 1, Some(0.07))),
                ("gateway", 2, (1, 0, Some(0.09))),
                ("mailer", 1, (1, 0, Some(0.04))),
                ("postgresql", 0, (1, 0, Some(0.05))),
            ]
        );
        let calls: Vec<_> = figures.calls.iter().map(|((from, to), requests)| (&**from, &**to, counts(requests))).collect();
        assert_eq!(
            calls,
            [("cart", "mailer", (1, 0, Some(0.04))), ("cart", "postgresql", (1, 0, Some(0.05))), ("gateway", "cart", (1, 1, Some(0.07))),]
        );
    }

    #[test]
    fn what_is_not_known_is_no_call_and_no_request() {
        // The parent did not come: a server span is a request, an internal one is not.
        let figures = of(&[span("a", 2, 1, Kind::Server, 1), span("a", 3, 9, Kind::Internal, 1)]);
        assert_eq!((figures.services["a"].spans, figures.services["a"].requests.count, figures.calls.len()), (2, 1, 0));
        // A peer that sends spans itself has its own figures, even where this call's span did not come.
        let figures = of(&[with(span("a", 1, 0, Kind::Client, 1), "peer.service", "b"), span("b", 7, 6, Kind::Server, 1)]);
        assert_eq!((figures.services["b"].requests.count, figures.calls.len()), (1, 0));
        // A span that is its own parent, and one that ends before it begins.
        let figures = of(&[span("a", 1, 1, Kind::Internal, 1), span("a", 2, 0, Kind::Server, -5)]);
        assert_eq!(counts(&figures.services["a"].requests), (1, 0, None));
        assert_eq!(of(&[]), Figures::default());
    }

    #[test]
    fn quantiles_are_durations_that_were_there() {
        let spans: Vec<FullSpan> = (1..=100).rev().map(|n| span("a", n, 0, Kind::Server, i64::from(n))).collect();
        let requests = &of(&spans).services["a"].requests;
        assert_eq!([0.0, 0.5, 0.95, 0.99, 1.0].map(|share| requests.quantile_seconds(share).unwrap()), [0.001, 0.05, 0.095, 0.099, 0.1]);
    }
}
