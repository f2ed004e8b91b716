//! Series from spans as they come in, under the names of Tempo's metrics generator: the counter `traces_spanmetrics_calls_total` and the
//! histogram `traces_spanmetrics_latency`, by service, name, kind and status.
//!
//! They count since the start of the service. Spans that ended more than [`LATELY`] ago or ahead, such as history that is brought in, would
//! count at the wrong time and are left out. Services, names and series are bounded; what is beyond is counted under [`OTHER`].

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::span::{FullSpan, Kind, Status};
use crate::logs::record::TimeNs;
use crate::model::{Labels, clipped, format_value};

/// Upper bounds of the buckets, in seconds: those of Tempo.
pub const BOUNDS: [f64; 14] = [0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384];
/// Services at the most.
pub const MAX_SERVICES: usize = 100;
/// Names of spans of a service at the most.
pub const MAX_NAMES: usize = 200;
/// Series of calls with a name of their own at the most, over all services, kinds and states. Each is 17 series of the histogram more.
pub const MAX_CALLS: usize = 500;
/// The name of spans, and of services, beyond the bounds.
pub const OTHER: &str = "(other)";
/// A span that ended longer ago counts nowhere, nor one that ends as far ahead.
pub const LATELY: TimeNs = 300 * SECOND;
/// Calls that nobody made for so long make room for others, where there is none.
const IDLE: TimeNs = 3_600 * SECOND;
/// Shortest time between two searches for those.
const SWEEP: TimeNs = 60 * SECOND;
/// Characters of a service and of a name.
const MAX_CHARS: usize = 200;
const SECOND: TimeNs = 1_000_000_000;

/// The labels of a series of calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Call {
    service: String,
    name: String,
    kind: &'static str,
    status: &'static str,
}

/// What was counted of calls.
#[derive(Debug, Default)]
struct Counted {
    /// Spans by bucket, not added up; the last is beyond all bounds.
    buckets: [u64; BOUNDS.len() + 1],
    /// Their durations added up, in seconds.
    seconds: f64,
    /// When the last one came.
    newest: TimeNs,
    /// Whether the series have begun: their first sample is a zero, so that `rate` sees the first spans.
    begun: bool,
}

/// The counters.
#[derive(Debug, Default)]
pub struct SpanMetrics {
    calls: FxHashMap<Call, Counted>,
    /// Names by service.
    names: FxHashMap<String, FxHashSet<String>>,
    /// Calls with a name of their own.
    named: usize,
    swept: TimeNs,
    ignored: u64,
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "SPAN_KIND_UNSPECIFIED",
        Kind::Internal => "SPAN_KIND_INTERNAL",
        Kind::Server => "SPAN_KIND_SERVER",
        Kind::Client => "SPAN_KIND_CLIENT",
        Kind::Producer => "SPAN_KIND_PRODUCER",
        Kind::Consumer => "SPAN_KIND_CONSUMER",
    }
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Unset => "STATUS_CODE_UNSET",
        Status::Ok => "STATUS_CODE_OK",
        Status::Error => "STATUS_CODE_ERROR",
    }
}

impl SpanMetrics {
    /// Counts a span that came in at a time.
    pub fn add(&mut self, full: &FullSpan, arrived: TimeNs) {
        let span = &full.span;
        let duration = u64::try_from(span.end.saturating_sub(span.start)).ok();
        let Some(duration) = duration.filter(|_| span.end.abs_diff(arrived) <= LATELY.unsigned_abs()) else {
            self.ignored += 1;
            return;
        };
        let (service, name) = (clipped(&full.service, MAX_CHARS), clipped(&span.name, MAX_CHARS));
        let call = self.bounded(Call { service, name, kind: kind(span.kind), status: status(span.status) }, arrived);
        let seconds = duration as f64 / SECOND as f64;
        let counted = self.calls.entry(call).or_default();
        counted.buckets[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        counted.seconds += seconds;
        counted.newest = arrived;
    }

    /// The call itself where there is room, else the one that it is counted under.
    fn bounded(&mut self, call: Call, now: TimeNs) -> Call {
        if self.calls.contains_key(&call) {
            return call;
        }
        if !self.has_room(&call) && now.saturating_sub(self.swept).saturating_abs() >= SWEEP {
            self.sweep(now);
        }
        if self.has_room(&call) {
            self.named += 1;
            self.names.entry(call.service.clone()).or_default().insert(call.name.clone());
            return call;
        }
        let is_known = self.names.contains_key(&call.service) || self.names.len() < MAX_SERVICES;
        let service = if is_known { call.service } else { OTHER.to_owned() };
        if is_known {
            self.names.entry(service.clone()).or_default();
        }
        Call { service, name: OTHER.to_owned(), ..call }
    }

    fn has_room(&self, call: &Call) -> bool {
        self.named < MAX_CALLS
            && match self.names.get(&call.service) {
                Some(names) => names.len() < MAX_NAMES || names.contains(&call.name),
                None => self.names.len() < MAX_SERVICES,
            }
    }

    /// Forgets calls that nobody made for long.
    fn sweep(&mut self, now: TimeNs) {
        self.swept = now;
        self.calls.retain(|_, counted| now.saturating_sub(counted.newest) < IDLE);
        self.names.clear();
        self.named = 0;
        for call in self.calls.keys().filter(|call| call.service != OTHER) {
            let names = self.names.entry(call.service.clone()).or_default();
            if call.name != OTHER {
                names.insert(call.name.clone());
                self.named += 1;
            }
        }
    }

    /// The series with their values, sorted, and those that begin with them: they were at zero until now.
    pub fn collect(&mut self) -> (Vec<(Labels, f64)>, Vec<Labels>) {
        let (mut all, mut begun) = (Vec::with_capacity(self.calls.len() * (BOUNDS.len() + 4)), Vec::new());
        let calls: BTreeMap<&Call, &mut Counted> = self.calls.iter_mut().collect();
        for (call, counted) in calls {
            let from = all.len();
            series(&mut all, call, counted);
            if !std::mem::replace(&mut counted.begun, true) {
                begun.extend(all[from..].iter().map(|(labels, _)| labels.clone()));
            }
        }
        (all, begun)
    }

    /// Spans that counted nowhere: of another time, or that end before they begin.
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }
}

fn series(all: &mut Vec<(Labels, f64)>, call: &Call, counted: &Counted) {
    let base = [("service", &*call.service), ("span_name", &*call.name), ("span_kind", call.kind), ("status_code", call.status)];
    let mut below = 0;
    for (at, count) in counted.buckets.iter().enumerate() {
        below += count;
        let le = BOUNDS.get(at).map_or_else(|| "+Inf".to_owned(), |bound| format_value(*bound));
        let labels = [base.as_slice(), &[("le", &*le)]].concat();
        all.push((Labels::metric("traces_spanmetrics_latency_bucket", &labels), below as f64));
    }
    all.push((Labels::metric("traces_spanmetrics_latency_sum", &base), counted.seconds));
    all.push((Labels::metric("traces_spanmetrics_latency_count", &base), below as f64));
    all.push((Labels::metric("traces_spanmetrics_calls_total", &base), below as f64));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use super::super::span::Span;
    use super::*;

    const NOW: TimeNs = 1_764_000_000 * SECOND;

    fn span(service: &str, name: &str, ms: i64, status: Status) -> FullSpan {
        let span = Span { name: name.to_owned(), kind: Kind::Server, start: NOW - ms * 1_000_000, end: NOW, status, ..Span::default() };
        FullSpan { service: Arc::from(service), span, ..FullSpan::default() }
    }

    /// Calls by service and name, of all kinds and states.
    fn calls(metrics: &mut SpanMetrics) -> BTreeMap<(String, String), f64> {
        let mut found = BTreeMap::new();
        for (labels, v) in metrics.collect().0.into_iter().filter(|(labels, _)| labels.name() == "traces_spanmetrics_calls_total") {
            let label = |name: &str| labels.get(name).unwrap().to_owned();
            *found.entry((label("service"), label("span_name"))).or_default() += v;
        }
        found
    }

    #[test]
    fn spans_count_in_the_bucket_of_their_duration() {
        let mut metrics = SpanMetrics::default();
        for ms in [0, 2, 3, 16_384, 16_385] {
            metrics.add(&span("web", "GET /", ms, Status::Unset), NOW);
        }
        metrics.add(&span("web", "GET /", 5, Status::Error), NOW);
        let (all, begun) = metrics.collect();
        assert_eq!((all.len(), begun.len()), (36, 36));
        let of = |status: &str, name: &str, le: Option<&str>| {
            let is = |labels: &&(Labels, f64)| {
                labels.0.name() == format!("traces_spanmetrics_{name}")
                    && labels.0.get("status_code") == Some(status)
                    && labels.0.get("le") == le
            };
            let (labels, v) = all.iter().find(is).unwrap();
            let named = (labels.get("service"), labels.get("span_name"), labels.get("span_kind"));
            assert_eq!(named, (Some("web"), Some("GET /"), Some("SPAN_KIND_SERVER")));
            *v
        };
        let bucket = |status: &str, le: &str| of(status, "latency_bucket", Some(le));
        let unset = ["0.002", "0.004", "8.192", "16.384", "+Inf"].map(|le| bucket("STATUS_CODE_UNSET", le));
        assert_eq!(unset, [2.0, 3.0, 3.0, 4.0, 5.0]);
        assert_eq!(["0.004", "0.008", "+Inf"].map(|le| bucket("STATUS_CODE_ERROR", le)), [0.0, 1.0, 1.0]);
        let rest = ["latency_sum", "latency_count", "calls_total"].map(|name| of("STATUS_CODE_UNSET", name, None));
        assert_eq!(rest, [32.774, 5.0, 5.0]);
        // What has begun begins once; what is new begins then.
        metrics.add(&span("web", "GET /", 5, Status::Ok), NOW);
        let begun = metrics.collect().1;
        assert!(begun.len() == 18 && begun.iter().all(|labels| labels.get("status_code") == Some("STATUS_CODE_OK")), "{begun:?}");
        assert_eq!(metrics.collect().1, []);
    }

    #[test]
    fn spans_of_another_time_count_nowhere() {
        let mut metrics = SpanMetrics::default();
        let span = span("web", "x", 1, Status::Ok);
        metrics.add(&span, NOW + LATELY + 1);
        metrics.add(&span, NOW - LATELY - 1);
        let mut backward = span.clone();
        backward.span.start = NOW + 1;
        metrics.add(&backward, NOW);
        assert_eq!((calls(&mut metrics).len(), metrics.ignored()), (0, 3));
        metrics.add(&span, NOW + LATELY);
        assert_eq!(calls(&mut metrics).len(), 1);
    }

    #[test]
    fn endless_names_and_services_are_bounded_and_all_counted() {
        let mut metrics = SpanMetrics::default();
        for n in 0..1_000 {
            metrics.add(&span("one", &format!("name {n}"), 1, Status::Ok), NOW);
        }
        let key = |service: &str, name: &str| (service.to_owned(), name.to_owned());
        let found = calls(&mut metrics);
        assert_eq!((found.len(), found[&key("one", OTHER)], found[&key("one", "name 7")]), (MAX_NAMES + 1, 800.0, 1.0));
        for n in 0..5_000 {
            metrics.add(&span(&format!("s{}", n / 5), &format!("name {n}\n{}", "x".repeat(1_000)), 1, Status::Ok), NOW);
        }
        let found = calls(&mut metrics);
        let services: FxHashSet<&str> = found.keys().map(|(service, _)| service.as_str()).collect();
        assert_eq!((services.len(), found.values().sum::<f64>()), (MAX_SERVICES + 1, 6_000.0));
        assert!(found.len() <= MAX_CALLS + MAX_SERVICES + 1, "{}", found.len());
        assert!(found.contains_key(&key("s98", OTHER)) && !found.contains_key(&key("s99", OTHER)), "a service keeps its own figures");
        assert!(found.keys().all(|(_, name)| name.chars().count() <= MAX_CHARS && !name.contains('\n')));
    }

    #[test]
    fn what_is_silent_for_long_makes_room() {
        let mut metrics = SpanMetrics::default();
        for n in 0..MAX_NAMES {
            metrics.add(&span("one", &format!("old {n}"), 1, Status::Ok), NOW);
        }
        let later = |name: &str, after: TimeNs| {
            let mut span = span("one", name, 1, Status::Ok);
            (span.span.start, span.span.end) = (NOW + after, NOW + after);
            span
        };
        metrics.add(&later("old 0", IDLE / 2), NOW + IDLE / 2);
        metrics.add(&later("new", IDLE / 2), NOW + IDLE / 2);
        let known = |metrics: &mut SpanMetrics| calls(metrics).into_keys().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!((known(&mut metrics).len(), metrics.calls.len()), (MAX_NAMES + 1, MAX_NAMES + 1));
        metrics.add(&later("new", IDLE), NOW + IDLE);
        assert_eq!(known(&mut metrics), ["(other)", "new", "old 0"]);
    }
}
