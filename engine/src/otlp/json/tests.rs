use super::*;

fn point(text: &str) -> Result<otlp::NumberDataPoint, String> {
    serde_json::from_str::<NumberPoint>(text).map(Into::into).map_err(|error| error.to_string())
}

#[test]
fn numbers_are_numbers_or_text() {
    use number_data_point::Value::{AsDouble, AsInt};
    for (text, time, value) in [
        (
            r#"{"timeUnixNano":"1764000000000000001","asInt":"9007199254740993"}"#,
            1_764_000_000_000_000_001,
            Some(AsInt(9_007_199_254_740_993)),
        ),
        (r#"{"timeUnixNano":5,"asInt":-3}"#, 5, Some(AsInt(-3))),
        (r#"{"timeUnixNano":1e3,"asDouble":2}"#, 1_000, Some(AsDouble(2.0))),
        (r#"{"asDouble":"-Infinity"}"#, 0, Some(AsDouble(f64::NEG_INFINITY))),
        (r#"{"asDouble":"1.5"}"#, 0, Some(AsDouble(1.5))),
        (r#"{"asDouble":null,"asInt":null,"attributes":null,"flags":"1"}"#, 0, None),
        (r#"{"unknown":{"deep":[1,{"asInt":2}]},"exemplars":[{"traceId":"zz","asInt":{}}]}"#, 0, None),
    ] {
        let read = point(text).unwrap();
        assert_eq!((read.time_unix_nano, read.value), (time, value), "{text}");
    }
    assert!(matches!(point(r#"{"asDouble":"NaN"}"#).unwrap().value, Some(AsDouble(v)) if v.is_nan()));
    for (text, part) in [
        (r#"{"asInt":"three"}"#, "a whole number of 64 bits"),
        (r#"{"asInt":1.5}"#, "a whole number of 64 bits"),
        (r#"{"timeUnixNano":-1}"#, "not below 0"),
        (r#"{"timeUnixNano":"99999999999999999999"}"#, "not below 0"),
        (r#"{"asDouble":{}}"#, "\"NaN\""),
        (r#"{"asDouble":"1e999"}"#, "\"NaN\""),
        (r#"{"asDouble":"1_0"}"#, "\"NaN\""),
    ] {
        let error = point(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_whole_request_is_read_as_protobuf_would_be() {
    let text = r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}},
        {"key":"list","value":{"arrayValue":{"values":[{"intValue":"1"},{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}},{}]}}},
        {"key":"empty","value":{"arrayValue":{}}},{"key":"none"},{"key":"bytes","value":{"bytesValue":"YWI="}}]},
        "scopeMetrics":[{"scope":{"name":"lib","version":"1"},"metrics":[
        {"name":"g","unit":"1","gauge":{"dataPoints":[{"asDouble":1}]}},
        {"name":"s","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"asInt":"2"}]}},
        {"name":"h","histogram":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","dataPoints":[{"count":"3","sum":4.5,"bucketCounts":["1",2],"explicitBounds":[0.5],"min":0.1}]}},
        {"name":"e","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"count":3,"scale":-1,"zeroCount":"1","positive":{"offset":-2,"bucketCounts":["2"]}}]}},
        {"name":"q","summary":{"dataPoints":[{"count":"1","sum":2,"quantileValues":[{"quantile":0.5,"value":"NaN"}]}]}},
        {"name":"nothing"}]}]}],"partial":true}"#;
    let request = decode(text.as_bytes()).unwrap();
    let resource = &request.resource_metrics[0];
    let attributes = &resource.resource.as_ref().unwrap().attributes;
    let texts: Vec<String> = attributes.iter().map(|kv| super::super::attributes::text(kv.value.as_ref())).collect();
    assert_eq!(texts, ["s", r#"[1,{"k":true},null]"#, "[]", "", "YWI="]);
    let metrics = &resource.scope_metrics[0].metrics;
    let Some(Data::Sum(sum)) = &metrics[1].data else { panic!("{metrics:?}") };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
    let Some(Data::Histogram(histogram)) = &metrics[2].data else { panic!("{metrics:?}") };
    assert_eq!((histogram.data_points[0].count, &histogram.data_points[0].bucket_counts), (3, &vec![1, 2]));
    assert_eq!(histogram.aggregation_temporality, 1);
    let Some(Data::ExponentialHistogram(exponential)) = &metrics[3].data else { panic!("{metrics:?}") };
    assert_eq!((exponential.data_points[0].scale, exponential.data_points[0].positive.as_ref().unwrap().offset), (-1, -2));
    assert!(matches!(&metrics[4].data, Some(Data::Summary(s)) if s.data_points[0].quantile_values[0].value.is_nan()));
    assert!(metrics[5].data.is_none());
}

#[test]
fn malformed_requests_are_refused_with_the_position() {
    for (text, part) in [
        ("", "an object"),
        ("{", "EOF"),
        ("[]", "an object"),
        (r#"{"resourceMetrics":{}}"#, "line 1 column"),
        (r#"{"resourceMetrics":[[null]]}"#, "sequence"),
        (r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":5}]}]}]}"#, "a string"),
    ] {
        let error = decode(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    let long = format!(r#"{{"resourceMetrics":"{}é"}}"#, "é".repeat(1 << 20));
    let error = decode(long.as_bytes()).unwrap_err().to_string();
    assert!(error.len() < 1_000 && error.contains("invalid type: string") && error.contains("at line 1 column"), "{error}");
    let lists = r#"{"arrayValue":{"values":["#.repeat(200);
    let deep = format!(r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"k","value":{lists}"#);
    assert!(decode(deep.as_bytes()).unwrap_err().to_string().contains("recursion"));
    let many = format!(r#"{{"resourceMetrics":[{}]}}"#, vec!["{}"; MAX_PARTS].join(","));
    assert_eq!(decode(many.as_bytes()), Err(DecodeError::TooManyParts));
    let in_text = format!(r#"{{"resourceMetrics":[{{"schemaUrl":"\"{}"}}]}}"#, "[{".repeat(MAX_PARTS));
    assert!(decode(in_text.as_bytes()).is_ok(), "brackets in text are no parts");
}
