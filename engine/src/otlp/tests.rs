//! Requests in OTLP/JSON, and the rows they are translated to.

mod exemplars;
mod histograms;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Labels, Sample, TimestampMs, format_value, is_stale_marker};

/// 2026-11-24T10:00:00Z
const T0: i64 = 1_795_514_400_000;

/// Stands in for the store.
#[derive(Default)]
struct Kept(BTreeMap<String, BTreeMap<TimestampMs, f64>>);

impl SeriesHistory for Kept {
    fn newest(&self, labels: &Labels) -> Option<TimestampMs> {
        self.0.get(&labels.to_string())?.keys().next_back().copied()
    }

    fn latest(&self, labels: &Labels) -> Option<Sample> {
        let of = self.0.get(&labels.to_string())?;
        of.iter().rev().find(|(_, v)| !is_stale_marker(**v)).map(|(&t, &v)| Sample { t, v })
    }
}

impl Kept {
    /// A series as `second=value`, from [`T0`] on.
    fn of(&self, series: &str) -> String {
        let value = |v: f64| if is_stale_marker(v) { "stale".to_owned() } else { format_value(v) };
        let rows = self.0.get(series).into_iter().flatten();
        rows.map(|(t, v)| format!("{}={}", (t - T0) as f64 / 1e3, value(*v))).collect::<Vec<_>>().join(" ")
    }

    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

#[derive(Default)]
struct Receiver {
    options: Options,
    streams: Streams,
    kept: Kept,
}

impl Receiver {
    /// Handles a request like the HTTP server.
    fn take(&mut self, request: &Value) -> Translation {
        let mut translated = self.translate(request);
        for row in &translated.rows {
            self.kept.0.entry(row.labels.to_string()).or_default().insert(row.t, row.v);
        }
        self.streams.commit(std::mem::take(&mut translated.changes), |_| false, T0);
        translated
    }

    fn translate(&self, request: &Value) -> Translation {
        let request = Encoding::Json.decode(request.to_string().as_bytes()).unwrap();
        translate(&request, &self.options, &self.streams, &self.kept)
    }

    /// Handles metrics without a resource, all of which must be accepted.
    fn metrics(&mut self, metrics: Value) {
        let translated = self.take(&without_resource(metrics));
        assert_eq!(translated.reasons, [""; 0]);
    }

    fn refusal(&mut self, metric: Value) -> String {
        let translated = self.take(&without_resource(json!([metric])));
        assert_eq!((translated.points, translated.refused, translated.rows.len()), (0, 1, 0), "{:?}", translated.reasons);
        translated.reasons[0].clone()
    }
}

fn without_resource(metrics: Value) -> Value {
    json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]})
}

fn nanos(second: f64) -> String {
    (T0 * 1_000_000 + (second * 1e9) as i64).to_string()
}

/// A point from a start to a time, seconds from [`T0`].
fn point(start: f64, at: f64, mut more: Value) -> Value {
    more["startTimeUnixNano"] = json!(nanos(start));
    more["timeUnixNano"] = json!(nanos(at));
    more
}

fn sum(name: &str, temporality: u32, monotonic: bool, points: &[Value]) -> Value {
    json!({"name": name, "sum": {"aggregationTemporality": temporality, "isMonotonic": monotonic, "dataPoints": points}})
}

fn delta(start: f64, at: f64, v: f64) -> Value {
    sum("d", 1, true, &[point(start, at, json!({"asDouble": v}))])
}

fn total(start: f64, at: f64, v: f64) -> Value {
    sum("c", 2, true, &[point(start, at, json!({"asInt": v}))])
}

/// Requests with every kind of metric, in both encodings, for the fuzzer to change.
pub(crate) fn samples_of_requests() -> Vec<(Encoding, Vec<u8>)> {
    use prost::Message;
    let nothing = |name: &str, data: &str| json!({"name": name, data: {"dataPoints": [point(0.0, 1.0, json!({"flags": 1}))]}});
    let summary = json!({"count": 4, "sum": 10, "quantileValues": [{"quantile": 0.5, "value": 2}]});
    let value =
        json!({"arrayValue": {"values": [{"intValue": 1}, {"kvlistValue": {"values": [{"key": "k", "value": {"doubleValue": "NaN"}}]}}]}});
    let metrics = json!([
        total(0.0, 10.0, 5.0),
        delta(0.0, 10.0, 5.0),
        histogram(1, 0.0, 10.0, &[1, 2, 3], 4.0),
        exponential(1, 0.0, 10.0, 20, -5, &[1, 0, 3]),
        exponential(2, 0.0, 10.0, -3, 2, &[1, 0, 3]),
        {"name": "q", "unit": "{x}/s", "summary": {"dataPoints": [point(0.0, 5.0, summary)]}},
        nothing("g", "gauge"),
        sum("x", 2, true, &[point(0.0, 5.0, json!({"asInt": 1, "exemplars": [exemplars::exemplar(1.5)]}))]),
        nothing("e", "exponentialHistogram"),
    ]);
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}, {"key": "list", "value": value}]});
    let whole = json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": {"name": "lib"}, "metrics": metrics}]}]});
    let each = metrics.as_array().into_iter().flatten().map(|metric| without_resource(json!([metric])));
    each.chain([whole])
        .flat_map(|request| {
            let json = request.to_string().into_bytes();
            let protobuf = Encoding::Json.decode(&json).unwrap().encode_to_vec();
            [(Encoding::Json, json), (Encoding::Protobuf, protobuf)]
        })
        .collect()
}

/// Handles bytes as a request twice, so that the second one meets the state of the first, and checks the result.
pub(crate) fn take_anything(encoding: Encoding, bytes: &[u8]) {
    let Ok(request) = encoding.decode(bytes) else { return };
    let mut receiver = Receiver { options: Options { scope_labels: true, ..Options::default() }, ..Receiver::default() };
    for _ in 0..2 {
        let mut translated = translate(&request, &receiver.options, &receiver.streams, &receiver.kept);
        for row in &translated.rows {
            assert_eq!(Labels::from_bytes(row.labels.as_bytes()).as_ref(), Ok(&row.labels));
            assert!(row.point.is_none_or(|point| point < translated.points), "a row of a point that was refused");
            receiver.kept.0.entry(row.labels.to_string()).or_default().insert(row.t, row.v);
        }
        receiver.streams.commit(std::mem::take(&mut translated.changes), |_| false, T0);
    }
}

#[test]
fn gauges_and_sums_are_named_and_labelled() {
    let mut receiver = Receiver::default();
    let request = json!({"resourceMetrics": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "cart"}},
            {"key": "service.namespace", "value": {"stringValue": "shop"}},
            {"key": "service.instance.id", "value": {"stringValue": "i-1"}},
            {"key": "host.name", "value": {"stringValue": "h"}}]},
        "scopeMetrics": [{"scope": {"name": "lib", "version": "2"}, "metrics": [
            {"name": "queue.fill", "unit": "1", "description": "How full", "gauge": {"dataPoints": [point(0.0, 5.0, json!({"asDouble": 0.5, "attributes": [{"key": "queue.name", "value": {"stringValue": "mail"}}]}))]}},
            sum("orders", 2, true, &[point(0.0, 5.0, json!({"asInt": "7"}))]),
            sum("open.carts", 2, false, &[point(0.0, 5.0, json!({"asInt": -2}))])]}]}]});
    let translated = receiver.take(&request);
    assert_eq!((translated.points, translated.refused), (3, 0));
    assert_eq!(
        receiver.kept.names(),
        [
            r#"open_carts{instance="i-1",job="shop/cart"}"#,
            r#"orders_total{instance="i-1",job="shop/cart"}"#,
            r#"queue_fill_ratio{instance="i-1",job="shop/cart",queue_name="mail"}"#,
            r#"target_info{host_name="h",instance="i-1",job="shop/cart"}"#,
        ]
    );
    assert_eq!(receiver.kept.of(r#"orders_total{instance="i-1",job="shop/cart"}"#), "0=0 5=7");
    assert_eq!(receiver.kept.of(r#"open_carts{instance="i-1",job="shop/cart"}"#), "5=-2");
    let metric = &translated.metrics[0];
    assert_eq!(
        (metric.name.as_str(), metric.kind, metric.help.as_str(), metric.unit.as_str()),
        ("queue_fill_ratio", "gauge", "How full", "")
    );
    assert_eq!(translated.metrics.iter().map(|m| m.kind).collect::<Vec<_>>(), ["gauge", "counter", "gauge", "gauge"]);
    let mut receiver = Receiver {
        options: Options { scope_labels: true, resource_labels: vec!["host.name".to_owned()], ..Options::default() },
        ..Receiver::default()
    };
    receiver.take(&request);
    assert!(
        receiver
            .kept
            .names()
            .contains(&r#"orders_total{host_name="h",instance="i-1",job="shop/cart",otel_scope_name="lib",otel_scope_version="2"}"#)
    );
}

#[test]
fn a_counter_reset_is_visible_even_if_the_new_value_exceeds_the_old_one() {
    let mut receiver = Receiver::default();
    receiver.metrics(json!([total(0.0, 10.0, 5.0)]));
    receiver.metrics(json!([total(0.0, 20.0, 8.0)]));
    receiver.metrics(json!([total(22.0, 30.0, 50.0)]));
    receiver.metrics(json!([total(30.0, 40.0, 60.0)]));
    assert_eq!(receiver.kept.of("c_total"), "0=0 10=5 20=8 22=0 30=50 40=60", "a start at the last sample is no news");
    // A start long ago, a start at the time of the point, and no start.
    for (start, at) in [(-9_000.0, 50.0), (60.0, 60.0), (-T0 as f64 / 1e3, 70.0)] {
        let mut receiver = Receiver::default();
        receiver.metrics(json!([total(start, at, 9.0)]));
        assert_eq!(receiver.kept.of("c_total"), format!("{at}=9"));
    }
}

#[test]
fn differences_count_once_and_continue_from_stored_totals() {
    let mut receiver = Receiver::default();
    receiver.metrics(json!([delta(0.0, 10.0, 5.0)]));
    receiver.metrics(json!([delta(10.0, 20.0, 2.0)]));
    receiver.metrics(json!([delta(10.0, 20.0, 2.0)]));
    assert_eq!(receiver.kept.of("d_total"), "0=0 10=5 20=7", "sent again");
    receiver.streams = Streams::default();
    receiver.metrics(json!([delta(10.0, 20.0, 2.0)]));
    receiver.metrics(json!([delta(20.0, 30.0, 1.5)]));
    assert_eq!(receiver.kept.of("d_total"), "0=0 10=5 20=7 30=8.5", "after a restart");
    // A late one counts from the newest on; after a restart it is unknown whether it already did.
    for _ in 0..2 {
        receiver.metrics(json!([delta(20.0, 25.0, 1.0)]));
        assert_eq!(receiver.kept.of("d_total"), "0=0 10=5 20=7 30=9.5");
    }
    receiver.streams = Streams::default();
    assert!(receiver.refusal(delta(20.0, 25.0, 1.0)).contains("from before the last ones"));
    // Several at one time in one request all count, such as those of two scopes.
    receiver.metrics(json!([delta(30.0, 40.0, 1.0), delta(30.0, 40.0, 2.0), delta(40.0, 50.0, 3.0)]));
    assert_eq!(receiver.kept.of("d_total"), "0=0 10=5 20=7 30=9.5 40=12.5 50=15.5");
    for v in [json!(-1), json!("NaN")] {
        let metric = sum("d", 1, true, &[point(50.0, 60.0, json!({"asDouble": v}))]);
        assert!(receiver.refusal(metric).contains("only rises"), "{v}");
    }
    assert!(receiver.refusal(sum("u", 1, false, &[point(0.0, 1.0, json!({"asInt": 1}))])).contains("as cumulative"));
    assert!(receiver.refusal(sum("u", 0, true, &[point(0.0, 1.0, json!({"asInt": 1}))])).contains("temporality 0"));
}

#[test]
fn a_request_that_was_not_stored_leaves_no_trace() {
    let mut receiver = Receiver::default();
    receiver.metrics(json!([delta(0.0, 10.0, 5.0)]));
    let lost = receiver.translate(&without_resource(json!([delta(10.0, 20.0, 2.0)])));
    receiver.streams.forget(&lost.changes);
    receiver.metrics(json!([delta(10.0, 20.0, 2.0)]));
    assert_eq!(receiver.kept.of("d_total"), "0=0 10=5 20=7");
    // Rows that the store refuses are not in the total.
    let refused = receiver.translate(&without_resource(json!([delta(20.0, 30.0, 9.0)])));
    receiver.streams.commit(refused.changes, |_| true, T0);
    receiver.metrics(json!([delta(30.0, 40.0, 1.0)]));
    assert_eq!(receiver.kept.of("d_total"), "0=0 10=5 20=7 40=8");
}

#[test]
fn an_ended_series_gets_a_stale_marker_and_its_total_continues_after_it() {
    let mut receiver = Receiver::default();
    receiver.metrics(json!([delta(0.0, 10.0, 5.0)]));
    receiver.metrics(json!([
        sum("d", 1, true, &[point(0.0, 15.0, json!({"flags": 1}))]),
        {"name": "g", "gauge": {"dataPoints": [point(0.0, 15.0, json!({"flags": 1}))]}}
    ]));
    receiver.streams = Streams::default();
    receiver.metrics(json!([delta(15.0, 20.0, 2.0)]));
    assert_eq!((receiver.kept.of("d_total").as_str(), receiver.kept.of("g").as_str()), ("0=0 10=5 15=stale 20=7", "15=stale"));
}

fn histogram(temporality: u32, start: f64, at: f64, counts: &[u64], sum: f64) -> Value {
    let data = json!({"count": counts.iter().sum::<u64>(), "sum": sum, "bucketCounts": counts, "explicitBounds": [0.5, 10.0]});
    json!({"name": "h", "unit": "s", "histogram": {"aggregationTemporality": temporality, "dataPoints": [point(start, at, data)]}})
}

fn exponential(temporality: u32, start: f64, at: f64, scale: i32, offset: i32, counts: &[u64]) -> Value {
    let data =
        json!({"count": counts.iter().sum::<u64>(), "sum": 1, "scale": scale, "positive": {"offset": offset, "bucketCounts": counts}});
    json!({"name": "e", "exponentialHistogram": {"aggregationTemporality": temporality, "dataPoints": [point(start, at, data)]}})
}

#[test]
fn points_that_cannot_be_stored_are_reported_and_the_others_are_stored() {
    let mut receiver = Receiver::default();
    let many: Vec<Value> = (0..10_000).map(|n| json!({"key": format!("k{n}"), "value": {"intValue": n}})).collect();
    let gauge = |name: &str, data: Value| json!({"name": name, "gauge": {"dataPoints": [data]}});
    let translated = receiver.take(&without_resource(json!([
        gauge("good", point(0.0, 1.0, json!({"asInt": 1}))),
        gauge("many", point(0.0, 1.0, json!({"asInt": 1, "attributes": many}))),
        gauge(&"x".repeat(1 << 20), point(0.0, 1.0, json!({"asInt": 1}))),
        gauge("…", point(0.0, 1.0, json!({"asInt": 1}))),
        gauge("timeless", json!({"asInt": 1})),
        gauge("empty", point(0.0, 1.0, json!({}))),
        gauge("empty", point(0.0, 1.0, json!({}))),
        {"name": "nothing"}
    ])));
    assert_eq!((translated.points, translated.refused, translated.rows.len()), (1, 6, 1));
    for (reason, part) in translated.reasons.iter().zip([
        "metric `many`, data point 0: the series has 10001 labels; at most 64",
        "xxx…`, data point 0: the value of label `__name__` has 1048576 bytes",
        "no letter or digit",
        "metric `timeless`, data point 0: it has no time",
        "it has no value",
    ]) {
        assert!(reason.contains(part) && reason.len() < 400, "{reason}");
    }
    assert_eq!(translated.metrics.len(), 1);
}

#[test]
fn metrics_whose_names_become_one_do_not_share_series() {
    let mut receiver = Receiver::default();
    let labelled = |v: f64, attribute: &str| {
        point(0.0, 10.0, json!({"asDouble": v, "attributes": [{"key": "x", "value": {"stringValue": attribute}}]}))
    };
    let translated = receiver.take(&without_resource(json!([
        sum("a.b", 1, true, &[labelled(5.0, "1"), labelled(6.0, "2")]),
        sum("a_b", 1, true, &[labelled(3.0, "1"), labelled(4.0, "3")]),
        sum("a-b", 1, true, &[labelled(1.0, "3")]),
        sum("a.b", 1, true, &[labelled(7.0, "4"), labelled(8.0, "3")]),
    ])));
    assert_eq!((translated.points, translated.refused), (4, 3));
    for (reason, part) in translated.reasons.iter().zip([
        "metric `a_b`, data point 0: its series would be one of metric `a.b`: both names become `a_b_total`",
        "metric `a-b`, data point 0: its series would be one of metric `a_b`",
        "metric `a.b`, data point 1: its series would be one of metric `a_b`",
    ]) {
        assert!(reason.contains(part), "{reason}");
    }
    let rows: Vec<String> =
        translated.rows.iter().filter(|row| row.point.is_some()).map(|row| format!("{} {}", row.labels, row.v)).collect();
    assert_eq!(rows, [r#"a_b_total{x="1"} 5"#, r#"a_b_total{x="2"} 6"#, r#"a_b_total{x="3"} 4"#, r#"a_b_total{x="4"} 7"#]);
    let histogram = |name: &str| {
        let data = json!({"count": 1, "sum": 1, "bucketCounts": [1, 0], "explicitBounds": [1]});
        json!({"name": name, "histogram": {"aggregationTemporality": 2, "dataPoints": [point(0.0, 10.0, data)]}})
    };
    let translated = receiver.take(&without_resource(json!([histogram("h.x"), histogram("h.x"), histogram("h_x")])));
    assert_eq!((translated.points, translated.refused), (2, 1), "{:?}", translated.reasons);
}

#[test]
fn a_small_request_cannot_expand_to_many_labels() {
    let mut receiver = Receiver::default();
    let long: Vec<Value> = (0..60).map(|n| json!({"key": format!("k{n}"), "value": {"stringValue": "v".repeat(16_000)}})).collect();
    let data = |at: f64| {
        let data = json!({"count": 0, "attributes": long, "bucketCounts": vec![0; 61], "explicitBounds": (0..60).collect::<Vec<_>>()});
        point(0.0, at, data)
    };
    let points: Vec<Value> = (1..5).map(|n| data(f64::from(n))).collect();
    let translated =
        receiver.take(&without_resource(json!([{"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": points}}])));
    assert_eq!((translated.points, translated.refused), (1, 3));
    assert!(translated.reasons[0].contains("send smaller batches"), "{:?}", translated.reasons);
}

/// The increase as PromQL computes it: a fall is a reset to zero.
fn rises(rows: &BTreeMap<TimestampMs, f64>) -> f64 {
    rows.values().fold((0.0, 0.0), |(rise, before), v| (rise + if *v >= before { v - before } else { *v }, *v)).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_difference_counts_once_across_restarts_and_retries(
        steps in proptest::collection::vec((0u32..100, 0u8..6), 1..40),
    ) {
        let mut receiver = Receiver::default();
        let (mut sent, mut at) = (0.0, 0.0);
        for (v, what) in steps {
            let (from, to) = (at, at + 10.0);
            let request = without_resource(json!([delta(from, to, f64::from(v)), histogram(1, from, to, &[u64::from(v), 1, 0], f64::from(v)),
                exponential(1, from, to, 2, v as i32 - 50, &[1, u64::from(v)])]));
            match what {
                0 => receiver.streams = Streams::default(),
                1 => {
                    let lost = receiver.translate(&request);
                    receiver.streams.forget(&lost.changes);
                }
                2 => {
                    receiver.take(&request);
                }
                _ => {}
            }
            receiver.take(&request);
            sent += f64::from(v);
            at = to;
        }
        prop_assert_eq!(rises(&receiver.kept.0["d_total"]), sent);
        let points = at / 10.0;
        for (series, all) in [(r#"h_seconds_bucket{le="0.5"}"#, sent), ("h_seconds_count", sent + points), ("e_count", sent + points), (r#"e_bucket{le="+Inf"}"#, sent + points)] {
            prop_assert_eq!(rises(&receiver.kept.0[series]), all, "{}", series);
        }
    }
}
