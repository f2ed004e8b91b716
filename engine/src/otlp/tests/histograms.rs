//! Histograms and summaries.

use super::*;

#[test]
fn histograms_of_either_temporality_become_classic_ones() {
    for temporality in [1, 2] {
        let mut receiver = Receiver::default();
        receiver.metrics(json!([histogram(temporality, 0.0, 10.0, &[1, 2, 0], 4.0)]));
        let second: [u64; 3] = if temporality == 1 { [0, 1, 1] } else { [1, 3, 1] };
        receiver.metrics(json!([histogram(
            temporality,
            if temporality == 1 { 10.0 } else { 0.0 },
            20.0,
            &second,
            if temporality == 1 { 30.0 } else { 34.0 }
        )]));
        for (series, rows) in [
            (r#"h_seconds_bucket{le="0.5"}"#, "0=0 10=1 20=1"),
            (r#"h_seconds_bucket{le="10"}"#, "0=0 10=3 20=4"),
            (r#"h_seconds_bucket{le="+Inf"}"#, "0=0 10=3 20=5"),
            ("h_seconds_count", "0=0 10=3 20=5"),
            ("h_seconds_sum", "0=0 10=4 20=34"),
        ] {
            assert_eq!(receiver.kept.of(series), rows, "{series} {temporality}");
        }
        assert_eq!(receiver.kept.names().len(), 5);
        receiver.metrics(json!([{"name": "h", "unit": "s", "histogram": {"aggregationTemporality": temporality, "dataPoints": [point(0.0, 30.0, json!({"flags": 1}))]}}]));
        assert!(receiver.kept.of("h_seconds_count").ends_with("30=stale"));
    }
    let mut receiver = Receiver::default();
    for (data, part) in [
        (json!({"count": 1, "bucketCounts": [1], "explicitBounds": [1]}), "1 buckets and 1 boundaries"),
        (json!({"count": 1, "bucketCounts": [1, 0, 0], "explicitBounds": [2, 1]}), "do not rise"),
        (json!({"count": 1, "bucketCounts": [], "explicitBounds": vec![0; 1_001]}), "1001 boundaries"),
    ] {
        let metric = json!({"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [point(0.0, 1.0, data)]}});
        let why = receiver.refusal(metric);
        assert!(why.contains(part), "{why}");
    }
    // Only count and sum, and a last boundary of +Inf.
    receiver.metrics(json!([{"name": "a", "histogram": {"aggregationTemporality": 2, "dataPoints": [point(0.0, 1.0, json!({"count": 2, "sum": 3}))]}},
        {"name": "b", "histogram": {"aggregationTemporality": 2, "dataPoints": [point(0.0, 1.0, json!({"count": 2, "bucketCounts": [1, 1, 0], "explicitBounds": [1, "Infinity"]}))]}}]));
    assert_eq!(
        receiver.kept.names(),
        [r#"a_bucket{le="+Inf"}"#, "a_count", "a_sum", r#"b_bucket{le="+Inf"}"#, r#"b_bucket{le="1"}"#, "b_count"]
    );
}

#[test]
fn exponential_histograms_become_classic_ones_that_stay_consistent_as_they_grow() {
    // Cumulative: (1, 2] first, then (4, 8] too; then coarser.
    let mut receiver = Receiver::default();
    receiver.metrics(json!([exponential(2, 0.0, 10.0, 0, 0, &[3])]));
    receiver.metrics(json!([exponential(2, 0.0, 20.0, 0, 0, &[3, 0, 5])]));
    receiver.metrics(json!([exponential(2, 0.0, 30.0, -1, 0, &[3, 7])]));
    for (series, rows) in [
        (r#"e_bucket{le="0"}"#, "0=0 10=0 20=0 30=0"),
        (r#"e_bucket{le="1"}"#, "0=0 10=0 20=0 30=0"),
        (r#"e_bucket{le="2"}"#, "0=0 10=3 20=3 30=stale"),
        (r#"e_bucket{le="4"}"#, "10=3 20=3 30=3"),
        (r#"e_bucket{le="8"}"#, "10=3 20=8 30=stale"),
        (r#"e_bucket{le="16"}"#, "20=8 30=10"),
        (r#"e_bucket{le="+Inf"}"#, "0=0 10=3 20=8 30=10"),
        ("e_count", "0=0 10=3 20=8 30=10"),
    ] {
        assert_eq!(receiver.kept.of(series), rows, "{series}");
    }
    // The same as differences.
    let mut receiver = Receiver::default();
    receiver.metrics(json!([exponential(1, 0.0, 10.0, 0, 0, &[3])]));
    receiver.metrics(json!([exponential(1, 10.0, 20.0, 0, 2, &[5])]));
    receiver.metrics(json!([exponential(1, 10.0, 20.0, 0, 2, &[5])]));
    receiver.metrics(json!([exponential(1, 20.0, 30.0, -1, 1, &[2])]));
    for (series, rows) in [
        (r#"e_bucket{le="2"}"#, "0=0 10=3 20=3 30=stale"),
        (r#"e_bucket{le="4"}"#, "10=3 20=3 30=3"),
        (r#"e_bucket{le="16"}"#, "20=8 30=10"),
        ("e_count", "0=0 10=3 20=8 30=10"),
        ("e_sum", "0=0 10=1 20=2 30=3"),
    ] {
        assert_eq!(receiver.kept.of(series), rows, "{series}");
    }
    // After a restart it starts again at zero, after the last sample.
    receiver.streams = Streams::default();
    assert!(receiver.refusal(exponential(1, 0.0, 25.0, 0, 0, &[1])).contains("from before the last ones"));
    receiver.metrics(json!([exponential(1, 20.0, 30.0, -1, 1, &[2])]));
    receiver.metrics(json!([exponential(1, 30.0, 40.0, 0, 0, &[4])]));
    for _ in 0..2 {
        receiver.metrics(json!([exponential(1, 20.0, 35.0, 0, 0, &[1])]));
        assert_eq!(receiver.kept.of("e_count"), "0=0 10=3 20=8 30=10 30.001=0 40=5", "a late difference");
    }
    receiver.metrics(json!([{"name": "e", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [point(0.0, 50.0, json!({"flags": 1}))]}}]));
    assert_eq!(receiver.kept.of(r#"e_bucket{le="1"}"#), "0=0 10=0 20=0 30=0 30.001=0 40=0 50=stale");
}

#[test]
fn a_reset_exponential_histogram_ends_its_old_boundaries() {
    let mut receiver = Receiver::default();
    receiver.metrics(json!([exponential(2, 0.0, 10.0, 0, 4, &[3])]));
    receiver.metrics(json!([exponential(2, 15.0, 20.0, 0, 0, &[9])]));
    assert_eq!(receiver.kept.of(r#"e_bucket{le="32"}"#), "0=0 10=3 20=stale");
    assert_eq!(receiver.kept.of(r#"e_bucket{le="2"}"#), "15=0 20=9");
    assert_eq!(receiver.kept.of("e_count"), "0=0 10=3 15=0 20=9");
}

#[test]
fn summaries_have_quantiles() {
    let mut receiver = Receiver::default();
    let data = json!({"count": 4, "sum": 10, "quantileValues": [{"quantile": 0.5, "value": 2}, {"quantile": 0.99, "value": "NaN"}]});
    receiver.metrics(json!([{"name": "q", "unit": "By", "summary": {"dataPoints": [point(0.0, 5.0, data)]}}]));
    for (series, rows) in [
        (r#"q_bytes{quantile="0.5"}"#, "5=2"),
        (r#"q_bytes{quantile="0.99"}"#, "5=NaN"),
        ("q_bytes_count", "0=0 5=4"),
        ("q_bytes_sum", "0=0 5=10"),
    ] {
        assert_eq!(receiver.kept.of(series), rows, "{series}");
    }
}
