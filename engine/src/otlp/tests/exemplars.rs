//! Exemplars of points.

use super::*;
use crate::exemplar::{Exemplar, Fault};

const TRACE: &str = "5b8efff798038103d269b633813fc60c";
const SPAN: &str = "eee19b7ec3c1b174";

/// An exemplar of a value a second after [`T0`], in a span.
pub(super) fn exemplar(v: f64) -> Value {
    json!({"asDouble": v, "timeUnixNano": nanos(1.0), "traceId": TRACE, "spanId": SPAN})
}

/// What became of the exemplars of a metric, and how many were dropped by a fault.
fn of(metric: Value, fault: Fault) -> (Vec<(String, Exemplar)>, u64) {
    let translated = Receiver::default().translate(&without_resource(json!([metric])));
    assert_eq!((translated.points, translated.refused), (1, 0), "{:?}", translated.reasons);
    let list = translated.exemplars.list.into_iter().map(|(labels, exemplar)| (labels.to_string(), exemplar));
    (list.collect(), translated.exemplars.dropped[fault as usize])
}

fn expected(v: f64) -> Exemplar {
    Exemplar::new([("trace_id", TRACE), ("span_id", SPAN)], T0 + 1_000, v).unwrap()
}

#[test]
fn exemplars_go_to_the_series_and_the_bucket_of_their_value() {
    let values = [0.5, 0.500_1, 10.0, 11.0, -1.0];
    let exemplars: Vec<Value> = values.map(exemplar).to_vec();
    let gauge = json!({"name": "g", "gauge": {"dataPoints": [point(0.0, 2.0, json!({"asInt": 1, "exemplars": exemplars}))]}});
    assert_eq!(of(gauge, Fault::Malformed).0, values.map(|v| ("g".to_owned(), expected(v))));
    for temporality in [1, 2] {
        let counter = sum("c", temporality, true, &[point(0.0, 2.0, json!({"asInt": 1, "exemplars": [exemplar(1.0)]}))]);
        assert_eq!(of(counter, Fault::Malformed).0, [("c_total".to_owned(), expected(1.0))]);
        let data = json!({"count": 3, "bucketCounts": [1, 2, 0], "explicitBounds": [0.5, 10], "exemplars": exemplars});
        let histogram = json!({"name": "h", "histogram": {"aggregationTemporality": temporality, "dataPoints": [point(0.0, 2.0, data)]}});
        let buckets = ["0.5", "10", "10", "+Inf", "0.5"].map(|le| format!("h_bucket{{le=\"{le}\"}}"));
        assert_eq!(of(histogram, Fault::Malformed).0, buckets.into_iter().zip(values.map(expected)).collect::<Vec<_>>());
        // (1, 2] and (4, 8].
        let data = json!({"count": 2, "scale": 0, "positive": {"offset": 0, "bucketCounts": [1, 0, 1]}, "exemplars": [exemplar(1.5), exemplar(5.0), exemplar(9.0)]});
        let metric =
            json!({"name": "e", "exponentialHistogram": {"aggregationTemporality": temporality, "dataPoints": [point(0.0, 2.0, data)]}});
        let series: Vec<String> = of(metric, Fault::Malformed).0.into_iter().map(|(series, _)| series).collect();
        assert_eq!(series, ["2", "8", "+Inf"].map(|le| format!("e_bucket{{le=\"{le}\"}}")));
    }
    let alone = json!({"name": "a", "histogram": {"aggregationTemporality": 2, "dataPoints": [point(0.0, 2.0, json!({"count": 2, "sum": 3, "exemplars": [exemplar(1.0)]}))]}});
    assert_eq!(of(alone, Fault::Malformed).0[0].0, r#"a_bucket{le="+Inf"}"#);
}

#[test]
fn attributes_are_labels_unless_they_are_too_long_and_a_bad_exemplar_costs_itself_alone() {
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let with = |more: Value| {
        let mut all = exemplar(1.0);
        more.as_object().unwrap().iter().for_each(|(name, value)| all[name] = value.clone());
        json!({"name": "g", "gauge": {"dataPoints": [point(0.0, 2.0, json!({"asInt": 1, "exemplars": [all]}))]}})
    };
    let ids = [("span_id", SPAN), ("trace_id", TRACE)];
    let labels =
        |more: &[(&'static str, &'static str)]| Exemplar::new(ids.into_iter().chain(more.iter().copied()), T0 + 1_000, 1.0).unwrap();
    for (more, kept, fault) in [
        (
            json!({"filteredAttributes": [attribute("http.route", "/a"), attribute("trace_id", "mine")]}),
            Some(labels(&[("http_route", "/a")])),
            Fault::TooLong,
        ),
        (json!({"filteredAttributes": [attribute("long", &"x".repeat(100)), attribute("short", "y")]}), Some(labels(&[])), Fault::TooLong),
        (json!({"timeUnixNano": 0}), Exemplar::new(ids, T0 + 2_000, 1.0).ok(), Fault::TooLong),
        (
            json!({"traceId": "zz", "spanId": "W47/95gDgQM="}),
            Exemplar::new([("span_id", "5b8efff798038103")], T0 + 1_000, 1.0).ok(),
            Fault::TooLong,
        ),
        (json!({"asDouble": "NaN"}), None, Fault::NotANumber),
        (json!({"asDouble": null}), None, Fault::Malformed),
        (json!({"asDouble": {}}), None, Fault::Malformed),
        (json!({"filteredAttributes": 7}), None, Fault::Malformed),
    ] {
        let (list, dropped) = of(with(more.clone()), fault);
        assert_eq!(
            list.into_iter().map(|(_, exemplar)| exemplar).collect::<Vec<_>>(),
            kept.clone().into_iter().collect::<Vec<_>>(),
            "{more}"
        );
        assert_eq!(dropped, u64::from(kept.is_none()), "{more}");
    }
}
